/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * name.h - names in a description: of the device, registers, their fields, properties.
 */
#ifndef LM_NAME_H
#define LM_NAME_H

#include "base/ctx.h"

/* -EINVAL, the cause logged. Of registers: once all maps are known to be sound. */
int name_check_device(const lm_dev_info_t *info);
int name_check_bus(const lm_dev_info_t *info); /* regions and interrupts that the device names */
int name_check_props(const lm_dev_info_t *info);
int name_check_registers(struct lm_ctx *ctx);
bool name_is_register(const char *name);
/* Names a register of a region and says what is wrong with it. */
void register_complain(struct lm_ctx *ctx, int level, uint32_t index, const lm_register_t *reg,
		       const char *what);

#endif /* LM_NAME_H */
