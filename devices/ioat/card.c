/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * card.c - a DMA engine of Intel's QuickData Technology as a guest sees it: its registers.
 *
 * One channel a function, as on the Xeons that have it. Without DCA, so that DMACAPABILITY and
 * DCAOFFSET say. Linux leaves XOR and P+Q of the Xeons (8086:2021) alone, whatever DMACAPABILITY
 * says, for an erratum of theirs; those of the Atom (8086:0c50) it uses.
 */
#include "ioat.h"

#include <linux/pci_regs.h>
#include <string.h>

enum model { XEON, ATOM };
static const char *const models[] = { "xeon", "atom", NULL };
static const struct {
	uint16_t did;
	uint8_t cbver;
} ids[] = { [XEON] = { 0x2021, 0x32 }, [ATOM] = { 0x0c50, 0x33 } };

/* ---- registers --------------------------------------------------------------------- */

static const lm_field_t intrctrl[] = {
	{ "MASTER", 0, 1, .help = "INTx and MSI are enabled, until this is read" },
	{ "STATUS", 1, 1, .help = "ATTNSTATUS is not 0" },
	{ "INT", 2, 1, .help = "both" },
	{ "MSIX", 3, 1, .help = "a vector for each channel" },
};
static const lm_field_t cap[] = { { "XOR", 8, 1 }, { "PQ", 9, 1 } };
static const lm_field_t chanctrl[] = {
	{ "INT_DISABLE", 0, 1, .help = "there was an interrupt; writing 1 allows another one" },
	{ "ERR_COMPLETION", 2, 1, .help = "errors write CHANCMP" },
	{ "ANY_ERR_ABORT", 3, 1 },
	{ "ERR_INT", 4, 1, .help = "errors interrupt" },
};
static const lm_field_t chancmd[] = {
	{ "SUSPEND", 2, 1 },
	{ "ABORT", 3, 1 },
	{ "RESUME", 4, 1 },
	{ "RESET", 5, 1 },
};
static const lm_field_t chansts[] = {
	{ "STATUS", 0, 3, .help = "0 active, 1 done, 2 suspended, 3 halted" },
	{ "COMPLETED", 6, 58, .help = "address of the last descriptor that is complete, / 64" },
};
static const lm_field_t chanerr[] = {
	{ "SOURCE_ADDR", 0, 1 }, { "DEST_ADDR", 1, 1 }, { "NEXT_ADDR", 2, 1 },
	{ "ALIGNMENT", 3, 1 },   { "READ", 8, 1 },      { "WRITE", 9, 1 },
	{ "CONTROL", 10, 1 },    { "LENGTH", 11, 1 },   { "COMPLETION_ADDR", 12, 1 },
	{ "P", 16, 1 },          { "Q", 17, 1 },        { "COUNT", 18, 1 },
};

#define PURE .flags = LM_REGISTER_PURE

static const lm_register_t registers[] = {
	[CHANCNT] = { "CHANCNT", "channels", 0x00, 1, LM_RO, PURE, .reset = 1 },
	[XFERCAP] = { "XFERCAP", "longest transfer, 2^N", 0x01, 1, LM_RO, PURE,
		      .reset = XFERCAP_1M },
	[GENCTRL] = { "GENCTRL", "general control", 0x02, 1, LM_RO, PURE },
	[INTRCTRL] = { "INTRCTRL", "interrupt control", 0x03, 1, LM_FIELDS(intrctrl) },
	[ATTNSTATUS] = { "ATTNSTATUS", "channels that interrupt; reading clears", 0x04, 4, LM_RO },
	[CBVER] = { "CBVER", "version", 0x08, 1, LM_RO, PURE },
	[PERPORTOFFSET] = { "PERPORTOFFSET", "of registers of ports: none", 0x0a, 2, LM_RO, PURE },
	[INTRDELAY] = { "INTRDELAY", "coalescing: none", 0x0c, 2, LM_RO, PURE },
	[CS_STATUS] = { "CS_STATUS", "of the chipset", 0x0e, 2, LM_RO, PURE },
	[DMACAPABILITY] = { "DMACAPABILITY", "what it does beside copies", 0x10, 4, LM_RO, PURE,
			    LM_FIELDS(cap), .reset = CAP_XOR | CAP_PQ },
	[DCAOFFSET] = { "DCAOFFSET", "of registers of DCA: none", 0x14, 2, LM_RO, PURE },
	[CHANCTRL] = { "CHANCTRL", "channel control", 0x80, 2, PURE, LM_FIELDS(chanctrl),
		       .wmask = 0x033d },
	[DMA_COMP] = { "DMA_COMP", "compatible with version 2", 0x82, 2, LM_RO, PURE, .reset = 2 },
	[CHANCMD] = { "CHANCMD", "command", 0x84, 1, PURE, LM_FIELDS(chancmd) },
	[DMACOUNT] = { "DMACOUNT", "so many descriptors of the chain", 0x86, 2, PURE },
	[CHANSTS] = { "CHANSTS", "status", 0x88, 8, LM_RO, PURE, LM_FIELDS(chansts) },
	[CHAINADDR] = { "CHAINADDR", "address of the first descriptor", 0x90, 8, PURE },
	[CHANCMP] = { "CHANCMP", "where completions are written", 0x98, 8, PURE, .wmask = ~7ull },
	[CDAR] = { "CDAR", "address of the descriptor that comes next", 0xa0, 8, LM_RO, PURE },
	[CHANERR] = { "CHANERR", "errors", 0xa8, 4, LM_RW1C, PURE, LM_FIELDS(chanerr) },
	[CHANERRMSK] = { "CHANERRMSK", "errors that do not halt", 0xac, 4, PURE, LM_FIELDS(chanerr),
			 .wmask = ERR_P | ERR_Q },
	[DCACTRL] = { "DCACTRL", "of DCA: without effect", 0xb0, 4, PURE },
};

static const lm_register_t cfg_registers[] = {
	{ "DMAUNCERRSTS", "uncorrectable errors", DMAUNCERRSTS, 4, LM_RW1C },
	{ "CHANERR_INT", "errors, as in CHANERR", CHANERR_INT, 4, LM_RW1C, LM_FIELDS(chanerr) },
	{ "CHANERRMSK_INT", "without effect", CHANERRMSK_INT, 4 },
};

static uint64_t intrctrl_read(struct ioat *d)
{
	uint64_t *reg = &d->st->reg[INTRCTRL];
	uint64_t value = *reg | (d->st->reg[ATTNSTATUS] ? INTRCTRL_STATUS : 0);

	if ((value & (INTRCTRL_MASTER | INTRCTRL_STATUS)) == (INTRCTRL_MASTER | INTRCTRL_STATUS))
		value |= INTRCTRL_INT;
	*reg &= ~(uint64_t)INTRCTRL_MASTER;
	channel_update_irq(d, false);
	return value;
}

static uint64_t ioat_read(void *pvt, const lm_register_io_t *io)
{
	struct ioat *d = pvt;
	const uint64_t value = d->st->reg[io->index];

	switch (io->index) {
	case INTRCTRL: return intrctrl_read(d);
	case CHANCMD: return channel_is_resetting(d) ? CHANCMD_RESET : 0;
	case ATTNSTATUS: d->st->reg[ATTNSTATUS] = 0; channel_update_irq(d, false);
	}
	return value;
}

static void chanctrl_write(struct ioat *d, uint64_t value)
{
	uint64_t *reg = &d->st->reg[CHANCTRL];
	const uint64_t disabled = *reg & ~value & CHANCTRL_INT_DISABLE;

	*reg = (value & ~(uint64_t)CHANCTRL_INT_DISABLE) | disabled;
	channel_rearm(d);
}

static void ioat_write(void *pvt, const lm_register_io_t *io)
{
	struct ioat *d = pvt;
	uint64_t *reg = &d->st->reg[io->index];

	switch (io->index) {
	case CHANCTRL: chanctrl_write(d, io->value); return;
	case CHANCMD: channel_command(d, (uint8_t)io->value); return;
	case CHANERR: *reg &= ~io->value; return;
	}
	*reg = io->value;
	if (io->index == INTRCTRL) {
		*reg &= INTRCTRL_MASTER | INTRCTRL_MSIX;
		channel_update_irq(d, false);
	} else if (io->index == CHAINADDR) {
		d->st->is_new = true;
	} else if (io->index == DMACOUNT) {
		channel_begin(d);
	}
}

static const lm_register_map_t ioat_map = {
	LM_REGISTERS(registers),
	.read = ioat_read,
	.write = ioat_write,
};

static const lm_register_map_t cfg_map = { LM_REGISTERS(cfg_registers) };

/* ---- life -------------------------------------------------------------------------- */

static int ioat_reset(void *pvt)
{
	struct ioat *d = pvt;
	unsigned int i;

	for (i = 0; i < IOAT_REGISTERS; i++)
		d->st->reg[i] = registers[i].reset;
	d->st->reg[CBVER] = ids[d->model].cbver;
	channel_reset(d);
	return 0;
}

static int ioat_start(void *pvt, lm_ctx_t *ctx)
{
	struct ioat *d = pvt;

	d->st = lm_state(ctx);
	return d->st->reg[CBVER] ? 0 : ioat_reset(d);
}

static int ioat_load(void *pvt, const void *buf, size_t size)
{
	channel_go_on(pvt);
	return 0;
}

static void ioat_client(void *pvt, bool attached)
{
	if (attached)
		channel_go_on(pvt);
}

static int ioat_configure(void *pvt, lm_dev_info_t *info)
{
	const struct ioat *d = pvt;

	info->pci_info.id.did = ids[d->model].did;
	return 0;
}

/* ---- the type ---------------------------------------------------------------------- */

static const lm_prop_t props[] = {
	{ .name = "model",
	  .help = "xeon: 8086:2021, version 3.2; atom: 8086:0c50, 3.3, whose RAID Linux uses",
	  .value = "xeon",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_ENUM,
	  LM_PROP_IN(struct ioat, model),
	  .choices = models },
};

static const lm_cap_t caps[] = {
	{ .id = PCI_CAP_ID_PM },
	{ .id = PCI_CAP_ID_EXP, .exp = { .type = PCI_EXP_TYPE_RC_END, .flr = true } },
	{ .id = PCI_CAP_ID_MSI },
	{ .id = PCI_CAP_ID_MSIX, .msix = { IOAT_BAR, 0x1000, 0x1800 } },
};

static const lm_dev_info_t ioat_info = {
	.type = "ioat",
	.flags = LM_DEV_RESTARTABLE,
	.state_size = sizeof(struct ioat_state),
	.state_version = 1,
	LM_PROPS(props),
	LM_CAPS(caps),
	LM_CTX_IN(struct ioat, ctx),
	.configure = ioat_configure,
	.start = ioat_start,
	.reset = ioat_reset,
	.load = ioat_load,
	.client = ioat_client,
	.pci_info = {
		.id = { .vid = 0x8086, .did = 0x2021 },
		.cc = { .bcc = 0x08, .scc = 0x80 }, /* another system peripheral */
		.irq_count = { [LM_DEV_INTX_IRQ_IDX] = 1, [LM_DEV_MSI_IRQ_IDX] = 1,
			       [LM_DEV_MSIX_IRQ_IDX] = 1 },
		.reg_info[IOAT_BAR] = { LM_REG_FLAG_RW | LM_REG_FLAG_MEM | LM_REG_FLAG_64BIT,
					.size = IOAT_BAR_SIZE, .regs = &ioat_map },
		.reg_info[IOAT_CFG] = { .regs = &cfg_map },
	},
};

const struct device_type device_ioat = {
	.size = sizeof(struct device_type),
	.name = "ioat",
	.help = "Intel I/OAT DMA engine: copies, XOR and RAID 6 sums in guest memory",
	.driver = "ioatdma",
	.info = &ioat_info,
	.pvt_size = sizeof(struct ioat),
};
