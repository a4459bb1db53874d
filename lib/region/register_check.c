/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * register_check.c - whether a register map can be what its description says.
 *
 * Refuses tables that accesses could not be split by, registers that no access could reach, and
 * what this library does not know; warns of what works and is hardly meant. Each complaint names
 * the register. Names and fields are name.c's.
 */
#include <linux/pci_regs.h>

#include "base/bus.h"
#include "region/name.h"
#include "region/region.h"

#define KNOWN_FLAGS LM_REGISTER_PURE

static const char *map_fault(const lm_register_map_t *map)
{
	unsigned int min, max;

	register_widths(map, &min, &max);
	if (map->nr_registers && !map->registers)
		return "the register table is missing (LM_REGISTERS() describes it)";
	if (map->nr_registers && map->register_size < sizeof(lm_register_t))
		return "register_size is not that of a register (LM_REGISTERS() sets it)";
	if (!register_width_is_valid(min) || !register_width_is_valid(max))
		return "access widths must be 1, 2, 4 or 8";
	if (min > max)
		return "min_width is more than max_width: no access is allowed";
	if (!all_zero(map->reserved, sizeof(map->reserved)))
		return "a reserved member of the register map is not 0";
	return NULL;
}

/* What the register says of itself, and of the region; @end: where the one before ends. */
static const char *register_fault(const lm_reg_info_t *info, const lm_register_t *reg, uint64_t end)
{
	const char *behind = (const char *)(reg + 1), *fault;

	if (!reg->name)
		return "it has no name";
	if (!register_width_is_valid(reg->width))
		return "its width is not 1, 2, 4 or 8";
	if (reg->access > LM_RW1C)
		return "its access must be LM_RW, LM_RO, LM_WO or LM_RW1C";
	if (reg->flags & ~KNOWN_FLAGS)
		return "a flag that this libmuser does not know";
	if (reg->reserved)
		return "a reserved member is not 0";
	if (!all_zero(behind, info->regs->register_size - sizeof(*reg)))
		return "it uses members of a newer libmuser";
	if (reg->offset < end)
		return "it overlaps the register before it, or is out of order";
	fault = register_array_fault(info, reg);
	if (fault)
		return fault;
	if (!info->map && region_may_be_mapped(info, reg->offset, register_span(reg)))
		return "clients may map it as memory, which has no registers: give mmap_areas "
		       "without it";
	return NULL;
}

int register_check(struct lm_ctx *ctx, uint32_t index)
{
	lm_reg_info_t info = region_get(ctx, index)->info;
	const lm_register_map_t *map = info.regs;
	const char *fault = map_fault(map);
	uint64_t end = 0;
	uint32_t i;

	if (fault) {
		log_err(ctx, "region %u: %s", index, fault);
		return -EINVAL;
	}
	if (bus_region_kind(&ctx->info, index) ==
	    LM_CFG_REG_IDX) /* how large it is depends on capabilities */
		info.size = PCI_CFG_SPACE_EXP_SIZE;
	for (i = 0; i < map->nr_registers; i++) {
		const lm_register_t *reg = register_at(map, i);

		fault = register_fault(&info, reg, end);
		if (fault) {
			register_complain(ctx, LM_LOG_ERR, index, reg, fault);
			return -EINVAL;
		}
		/* Registers of 8 bytes are often reached by halves. */
		if ((reg->offset | reg->stride) % (reg->width < 4 ? reg->width : 4))
			register_complain(ctx, LM_LOG_WARN, index, reg,
					  "it is not aligned: no "
					  "single access of a guest covers it");
		if (reg->reset & ~register_width_mask(reg->width))
			register_complain(ctx, LM_LOG_WARN, index, reg,
					  "its reset value does not fit its width");
		if (reg->wmask & ~register_width_mask(reg->width))
			register_complain(ctx, LM_LOG_WARN, index, reg,
					  "its wmask does not fit its width");
		end = reg->offset + reg->width;
	}
	return 0;
}
