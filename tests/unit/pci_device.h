/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_device.h - a device without a client, for tests of what PCI and interrupts do.
 *
 * device_new() makes regions, configuration space and interrupts of a description; what
 * was logged last is in device_log. Accesses go the way of a guest's.
 */
#ifndef PCI_DEVICE_H
#define PCI_DEVICE_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "pci/config.h"
#include "wire/host.h"

static char device_log[512];
static int device_resets;

static inline void device_log_fn(void *pvt, int level, const char *msg)
{
	memccpy(device_log, msg, 0, sizeof(device_log) - 1);
}

static inline int device_reset_fn(void *pvt)
{
	device_resets++;
	return 0;
}

/* All three kinds of interrupts, the table of MSI-X in BAR 0. */
static inline void device_describe_irqs(lm_dev_info_t *info)
{
	uint32_t *nr = info->pci_info.irq_count;

	memset(info, 0, sizeof(*info));
	info->pci_info.id.raw = 0x00011234;
	nr[LM_DEV_INTX_IRQ_IDX] = 1;
	nr[LM_DEV_MSI_IRQ_IDX] = 8;
	nr[LM_DEV_MSIX_IRQ_IDX] = 16;
	info->pci_info.reg_info[0] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 0x1000,
	};
	info->caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_MSI };
	info->caps[1] = (lm_cap_t){ .id = PCI_CAP_ID_MSIX, .msix = { 0, 0, 0x800 } };
}

static inline void device_free(struct lm_ctx *ctx)
{
	function_free(ctx);
	region_free(ctx);
	loop_free(&ctx->loop);
	free(ctx);
}

/* 0 or what creation answered; *ctx is NULL then. */
static inline int device_try(const lm_dev_info_t *info, struct lm_ctx **ctx)
{
	struct lm_ctx *c = calloc(1, sizeof(*c));
	int ret;

	assert_non_null(c);
	device_log[0] = '\0';
	device_resets = 0;
	c->host = &socket_host;
	c->info = *info;
	c->info.log = device_log_fn;
	c->info.reset = device_reset_fn;
	c->info.pvt = c;
	loop_init(&c->loop);
	ret = loop_new(&c->loop);
	ret = ret ?: region_new(c);
	ret = ret ?: function_new(c);
	if (ret) {
		device_free(c);
		c = NULL;
	}
	*ctx = c;
	return ret;
}

static inline struct lm_ctx *device_new(const lm_dev_info_t *info)
{
	struct lm_ctx *ctx;

	if (device_try(info, &ctx))
		fail_msg("device refused: %s", device_log);
	return ctx;
}

/* The description must be refused, and the log must say @why. */
static inline void assert_refused(const lm_dev_info_t *info, const char *why)
{
	struct lm_ctx *ctx;
	const int ret = device_try(info, &ctx);

	if (ctx)
		device_free(ctx);
	assert_int_equal(ret, -EINVAL);
	if (!strstr(device_log, why))
		fail_msg("logged \"%s\", not \"%s\"", device_log, why);
}

static inline uint64_t region_get_value(struct lm_ctx *ctx, uint32_t region,
					uint64_t offset,
					uint32_t width)
{
	uint64_t value = 0;
	struct access a = {
		.region = region, .offset = offset, .count = width, .buf = (char *)&value,
	};

	assert_int_equal(region_access(ctx, &a), width);
	return value;
}

static inline void region_put_value(struct lm_ctx *ctx, uint32_t region, uint64_t offset,
				    uint32_t width, uint64_t value)
{
	struct access a = {
		.region = region, .offset = offset, .count = width, .buf = (char *)&value,
		.is_write = true,
	};

	assert_int_equal(region_access(ctx, &a), width);
}

static inline uint64_t cfg_get(struct lm_ctx *ctx, uint32_t offset, uint32_t width)
{
	return region_get_value(ctx, LM_CFG_REG_IDX, offset, width);
}

static inline void cfg_put(struct lm_ctx *ctx, uint32_t offset, uint32_t width,
			   uint64_t value)
{
	region_put_value(ctx, LM_CFG_REG_IDX, offset, width, value);
}

/* Offset of a capability in the list, 0 if it is not there. */
static inline uint32_t cap_find(struct lm_ctx *ctx, uint8_t id)
{
	uint32_t at = (uint32_t)cfg_get(ctx, PCI_CAPABILITY_LIST, 1);
	int steps;

	for (steps = 0; at && steps < 64; steps++) {
		if (cfg_get(ctx, at, 1) == id)
			return at;
		at = (uint32_t)cfg_get(ctx, at + 1, 1);
	}
	return 0;
}

/* ---- eventfds -------------------------------------------------------------------- */

static inline int efd_new(void)
{
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* What was signalled since the last time. */
static inline uint64_t efd_take(int fd)
{
	uint64_t value;

	return read(fd, &value, sizeof(value)) == sizeof(value) ? value : 0;
}

static inline int set_irqs(struct lm_ctx *ctx, uint32_t flags, uint32_t index,
			   uint32_t start,
			   uint32_t count)
{
	struct irq_set set = { .flags = flags, .index = index, .start = start,
			       .count = count };

	return irq_set(ctx, &set);
}

/* Give duplicates of @nr descriptors, as a message does; the library owns what it takes.
 * */
static inline int set_irqs_fds(struct lm_ctx *ctx, struct irq_set set, const int *fds)
{
	int copies[16], ret;
	uint32_t i;

	for (i = 0; i < set.nr_fds; i++)
		copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
	set.fds = copies;
	ret = irq_set(ctx, &set);
	for (i = 0; i < set.nr_fds; i++) {
		if (copies[i] >= 0)
			close(copies[i]);
		assert_true(ret == 0 || copies[i] >= 0);
	}
	return ret;
}

#define TRIGGER_FDS (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define TRIGGER     (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)
#define MASK        (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK)
#define UNMASK      (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK) /* 0x11 */

/* An eventfd for one vector; the caller closes it. */
static inline int assign(struct lm_ctx *ctx, uint32_t index, uint32_t vector)
{
	const int fd = efd_new();
	struct irq_set set = {
		.flags = TRIGGER_FDS, .index = index, .start = vector,
		.count = 1, .nr_fds = 1,
	};

	assert_int_equal(set_irqs_fds(ctx, set, &fd), 0);
	return fd;
}

static inline bool irq_pending(struct lm_ctx *ctx, uint32_t index, uint32_t vector)
{
	struct irq_state st;

	assert_int_equal(irq_get_state(ctx, index, vector, &st), 0);
	return st.pending;
}

#endif /* PCI_DEVICE_H */
