/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * region_check.c - whether a region can be what its description says.
 *
 * Refuses what no client could use, no BAR can be, or this library does not know; warns of what
 * works and is hardly meant. Each complaint names the region. Register maps and ioeventfds have
 * files of their own, register_check.c and kick.c; tables are the library's own copies by now.
 */
#include <sys/stat.h>

#include "base/bus.h"
#include "base/memfd.h"
#include "gate/call.h"
#include "region/kick.h"

#define MAX_MMAP_AREAS 128 /* all fit into one reply */
#define KNOWN_FLAGS                                                                \
	(LM_REG_FLAG_RW | LM_REG_FLAG_MMAP | LM_REG_FLAG_MEM | LM_REG_FLAG_64BIT | \
	 LM_REG_FLAG_PREFETCH | LM_REG_FLAG_FD)

static const char *bar_fault(const lm_reg_info_t *info, bool next_used)
{
	const uint64_t size = info->size;
	const bool mem = info->flags & LM_REG_FLAG_MEM;
	const bool wide = info->flags & LM_REG_FLAG_64BIT;

	if (size & (size - 1))
		return "its size is not a power of two";
	if (mem && size < 16)
		return "a memory BAR has at least 16 bytes";
	if (!mem && (size < 4 || size > 256))
		return "an I/O BAR has 4 to 256 bytes (LM_REG_FLAG_MEM makes it a memory BAR)";
	if (!mem && (info->flags & (LM_REG_FLAG_64BIT | LM_REG_FLAG_PREFETCH | LM_REG_FLAG_MMAP)))
		return "an I/O BAR is neither 64-bit, prefetchable nor mappable";
	if (wide && next_used)
		return "the next BAR is its upper half and cannot be used";
	if (!wide && size > UINT32_MAX / 2 + 1ull)
		return "a BAR of more than 2 GiB needs LM_REG_FLAG_64BIT";
	return NULL;
}

static const char *areas_fault(const lm_reg_info_t *info)
{
	const uint64_t page = page_size();
	uint64_t end = 0;
	uint32_t i;

	if (!(info->flags & LM_REG_FLAG_MMAP))
		return info->nr_mmap_areas ? "mmap_areas without LM_REG_FLAG_MMAP" : NULL;
	if (info->size % page)
		return "the size of a mappable region must be a multiple of the page size";
	if (info->nr_mmap_areas > MAX_MMAP_AREAS)
		return "more than 128 mmap_areas";
	for (i = 0; i < info->nr_mmap_areas; i++) {
		const lm_mmap_area_t *a = &info->mmap_areas[i];

		if (!a->size || a->offset % page || a->size % page)
			return "an mmap area must consist of whole pages";
		if (a->offset < end || out_of_range(a->offset, a->size, info->size))
			return "mmap areas overlap, are out of order or extend beyond the region";
		end = a->offset + a->size;
	}
	return NULL;
}

static const char *file_fault(const lm_reg_info_t *info)
{
	struct stat st;

	if (!(info->flags & LM_REG_FLAG_FD))
		return info->fd || info->fd_offset ? "fd without LM_REG_FLAG_FD" : NULL;
	if ((call_has_access(info) || info->regs) && !(info->flags & LM_REG_FLAG_MMAP))
		return "LM_REG_FLAG_FD, but fn, io or regs serve all of it";
	if ((info->size | info->fd_offset) % page_size())
		return "with LM_REG_FLAG_FD its size and fd_offset must be whole pages";
	if (fstat(info->fd, &st))
		return "fd is not a descriptor";
	if (S_ISREG(st.st_mode) && out_of_range(info->fd_offset, info->size, (uint64_t)st.st_size))
		return "the file of fd ends before the region";
	return NULL;
}

/* All but what serves the bytes that nobody owns is config.c's. */
static const char *config_fault(const lm_reg_info_t *info)
{
	const lm_register_map_t *map = info->regs;

	if (info->size || info->flags & ~LM_REG_FLAG_RW || info->map || info->nr_mmap_areas ||
	    info->nr_ioeventfds)
		return "leave all but fn, io and regs zero";
	return map && (map->min_width || map->max_width) ?
		       "configuration space takes all widths: leave min_width and max_width zero" :
		       NULL;
}

static const char *region_fault(const struct lm_ctx *ctx, uint32_t index)
{
	const lm_reg_info_t *info = &region_get(ctx, index)->info;
	const uint32_t kind = bus_region_kind(&ctx->info, index);
	const char *fault = NULL;

	if (info->flags & ~KNOWN_FLAGS)
		return "a flag that this libmuser does not know";
	if (!all_zero(info->reserved, sizeof(info->reserved)))
		return "a reserved member is not 0";
	if (info->name && kind < LM_DEV_NUM_REGS)
		return "PCI names it: leave name NULL";
	if (!!info->fn + !!info->io + !!info->regs > 1)
		return "fn, io and regs are mutually exclusive";
	if (kind == LM_CFG_REG_IDX)
		return config_fault(info);
	if (!info->size && (call_has_access(info) || info->regs || info->map))
		return "it has callbacks but no size";
	if (!info->size)
		return info->flags || info->nr_mmap_areas || info->nr_ioeventfds ?
			       "it is described, but its size is 0" :
			       NULL;
	if (kind <= LM_BAR5_REG_IDX)
		fault = bar_fault(info,
				  kind == LM_BAR5_REG_IDX || region_get(ctx, index + 1)->info.size);
	else if (info->flags & (LM_REG_FLAG_64BIT | LM_REG_FLAG_PREFETCH))
		fault = "only a BAR is 64-bit or prefetchable";
	if (fault)
		return fault;
	if (!(info->flags & LM_REG_FLAG_RW))
		return "neither LM_REG_FLAG_READ nor LM_REG_FLAG_WRITE is set";
	return areas_fault(info) ?: file_fault(info);
}

int region_check(struct lm_ctx *ctx, uint32_t index)
{
	const lm_reg_info_t *info = &region_get(ctx, index)->info;
	const bool mappable = info->flags & LM_REG_FLAG_MMAP;
	const char *fault = region_fault(ctx, index);
	int ret;

	if (fault) {
		log_err(ctx, "region %u: %s", index, fault);
		return -EINVAL;
	}
	ret = kick_check(ctx, index);
	if (!ret && info->regs)
		ret = register_check(ctx, index);
	if (ret)
		return ret;
	/* What is mappable is memory for who does not map it, too, unless @map refuses. */
	if (call_has_access(info) && mappable && !info->nr_mmap_areas && !info->map)
		log_warn(ctx,
			 "region %u: its callback is never called: clients may map all of it "
			 "(restrict that with mmap_areas)",
			 index);
	if (info->flags & LM_REG_FLAG_FD && mappable && !memfd_is_sealed(info->fd))
		log_warn(ctx,
			 "region %u: a client can truncate the file of fd, which ends this process "
			 "(seal it: F_SEAL_SHRINK)",
			 index);
	if (info->map && !mappable)
		log_warn(ctx, "region %u: map is never called without LM_REG_FLAG_MMAP", index);
	return 0;
}
