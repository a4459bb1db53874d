/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * call.h - the callbacks of a device: nobody else calls them.
 */
#ifndef LM_CALL_H
#define LM_CALL_H

#include "gate/gate.h"

struct call_bytes {
	uint32_t region;
	char *buf;
	size_t len;
	uint64_t offset;
	bool is_write;
};

/* Of accesses. They may be deferred, and with LM_DEV_THREADS others have the context meanwhile.
 * @len, -errno, or LM_DEFER: d->done() will be called. */
ssize_t call_region(struct lm_ctx *ctx, struct deferral *d, const lm_reg_info_t *info,
		    const struct call_bytes *bytes);
enum defer_state call_register_read(struct lm_ctx *ctx, struct deferral *d,
				    const lm_register_map_t *map, const lm_register_io_t *io,
				    uint64_t *value);
enum defer_state call_register_write(struct lm_ctx *ctx, struct deferral *d,
				     const lm_register_map_t *map, const lm_register_io_t *io);
/* Of configuration space: 0 or -errno; neither deferred, nor beside others. */
int call_config(struct lm_ctx *ctx, const lm_reg_info_t *info, const struct call_bytes *bytes);
int call_cap(struct lm_ctx *ctx, uint8_t id, lm_cap_access_t *fn, const struct call_bytes *bytes);
void call_vpd(struct lm_ctx *ctx, const lm_vpd_t *vpd, const struct call_bytes *bytes);
/* The length of the answer, -errno, or LM_DEFER: d->done() will be called. */
ssize_t call_doe(struct lm_ctx *ctx, struct deferral *d, const lm_doe_request_t *request,
		 void *answer, size_t room);

static inline bool call_has_access(const lm_reg_info_t *info)
{
	return info->fn || info->io;
}

/* Those that a device need not have: then 0 is its answer. */
int call_start(struct lm_ctx *ctx);
void call_stop(struct lm_ctx *ctx);
int call_reset(struct lm_ctx *ctx, struct deferral *d); /* the same; @d NULL: nobody waits */
void call_dma_map(struct lm_ctx *ctx, uint64_t addr, uint64_t len);
int call_dma_unmap(struct lm_ctx *ctx, struct deferral *d, uint64_t addr, uint64_t len);
void call_client(struct lm_ctx *ctx, bool attached);

/* These are crossings of their own: enum gate_call. */
void call_written(struct lm_ctx *ctx, uint32_t region, uint64_t offset, uint64_t len);
bool call_map(struct lm_ctx *ctx, lm_map_region_t *map, uint32_t region, uint64_t offset,
	      uint64_t len);
int call_get(struct lm_ctx *ctx, const char *name, char *value, size_t size);
int call_set(struct lm_ctx *ctx, const char *name, const char *value);
ssize_t call_save(struct lm_ctx *ctx, void *buf, size_t size);
int call_load(struct lm_ctx *ctx, const void *buf, size_t len);

#endif /* LM_CALL_H */
