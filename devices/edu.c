/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * edu.c - the educational device of QEMU (its docs/specs/edu.rst), for which courses have drivers.
 *
 * It inverts, computes factorials, raises interrupts when it is told to, and moves 4 KiB between
 * memory and a buffer of its own. Differences: a factorial is there as soon as its write is done,
 * and so is the end of a transfer where memory can be reached at once; what QEMU aborts at (a
 * transfer that leaves the buffer) moves nothing.
 */
#include "devices.h"

#include <errno.h>

/* Registers. */
enum { ID = 0x00, LIVENESS = 0x04, FACTORIAL = 0x08, STATUS = 0x20, IRQ_STATUS = 0x24 };
enum { IRQ_RAISE = 0x60, IRQ_ACK = 0x64 };
enum { DMA_SRC = 0x80, DMA_DST = 0x88, DMA_COUNT = 0x90, DMA_CMD = 0x98 };

/* Their bits. */
enum { STATUS_COMPUTING = 0x01, STATUS_IRQ = 0x80, IRQ_FACTORIAL = 0x01, IRQ_DMA = 0x100 };
enum { CMD_START = 1, CMD_TO_MEMORY = 2, CMD_IRQ = 4 };

/* The buffer is where DMA addresses it: no access of the driver reaches it. */
enum { BAR = LM_BAR0_REG_IDX, BAR_SIZE = 1 << 20, BUFFER = 0x40000, BUFFER_SIZE = 4096 };

struct edu {
	lm_ctx_t *ctx;
	uint64_t dma_mask, moving; /* bits of addresses; transfers that have not ended */
};

static uint64_t get(const struct edu *edu, uint64_t offset)
{
	return lm_register_get(edu->ctx, BAR, offset);
}

static void set(const struct edu *edu, uint64_t offset, uint64_t value)
{
	lm_register_set(edu->ctx, BAR, offset, value);
}

/* Each cause that comes is a message of its own, as a handler may have looked already. */
static void irq_update(const struct edu *edu, uint64_t status, bool comes)
{
	set(edu, IRQ_STATUS, status);
	if (comes || !status)
		lm_irq_assert(edu->ctx, 0, false);
	lm_irq_assert(edu->ctx, 0, status);
}

static void irq_raise(const struct edu *edu, uint64_t causes)
{
	irq_update(edu, get(edu, IRQ_STATUS) | causes, causes);
}

/* ---- DMA --------------------------------------------------------------------------- */

static void dma_done(void *arg, int result)
{
	struct edu *edu = arg;
	const uint64_t cmd = get(edu, DMA_CMD);

	/* With one that a reset has cut short the next one ends when both have. If the client has
	 * left it is done again for the next client. */
	if (--edu->moving || result == -ECANCELED)
		return;
	set(edu, DMA_CMD, cmd & ~(uint64_t)CMD_START);
	if (cmd & CMD_IRQ)
		irq_raise(edu, IRQ_DMA);
}

static void dma_start(struct edu *edu, uint64_t cmd)
{
	const bool to_memory = cmd & CMD_TO_MEMORY;
	const uint64_t memory = get(edu, to_memory ? DMA_DST : DMA_SRC) & edu->dma_mask;
	const uint64_t at = get(edu, to_memory ? DMA_SRC : DMA_DST) - BUFFER;
	const uint64_t count = get(edu, DMA_COUNT);
	const bool fits = at <= BUFFER_SIZE && count <= BUFFER_SIZE - at;
	const struct iovec data = { (char *)lm_state(edu->ctx) + (fits ? at : 0), count };
	int ret = -EINVAL;

	set(edu, DMA_CMD, cmd);
	edu->moving++;
	if (fits)
		ret = to_memory ? lm_dma_write_at_async(edu->ctx, memory, &data, dma_done, edu) :
				  lm_dma_read_at_async(edu->ctx, memory, &data, dma_done, edu);
	if (ret)
		dma_done(edu, ret);
}

/* ---- factorials -------------------------------------------------------------------- */

/* Modulo 2^32, where that of 34 is 0. */
static void compute(void *pvt)
{
	struct edu *edu = pvt;
	const uint64_t status = get(edu, STATUS);
	uint32_t n = (uint32_t)get(edu, FACTORIAL), product = 1;

	if (!(status & STATUS_COMPUTING))
		return; /* there was a reset */
	for (; n > 1 && product; n--)
		product *= n;
	set(edu, FACTORIAL, product);
	set(edu, STATUS, status & STATUS_IRQ);
	if (status & STATUS_IRQ)
		irq_raise(edu, IRQ_FACTORIAL);
}

static void factorial(struct edu *edu, uint64_t n)
{
	set(edu, FACTORIAL, n);
	set(edu, STATUS, get(edu, STATUS) | STATUS_COMPUTING);
	if (lm_post(edu->ctx, compute, edu))
		compute(edu);
}

/* ---- registers --------------------------------------------------------------------- */

static void edu_write(void *pvt, const lm_register_io_t *io)
{
	struct edu *edu = pvt;

	switch (io->offset) {
	case LIVENESS: set(edu, LIVENESS, ~io->value); break;
	case FACTORIAL:
		factorial(edu, get(edu, STATUS) & STATUS_COMPUTING ? io->old : io->value);
		break;
	case IRQ_RAISE: irq_raise(edu, io->value); break;
	case IRQ_ACK: irq_update(edu, get(edu, IRQ_STATUS) & ~io->value, false); break;
	case DMA_CMD:
		if (io->old & CMD_START)
			set(edu, DMA_CMD, io->old); /* busy */
		else if (io->value & CMD_START)
			dma_start(edu, io->value);
		break;
	}
}

/* What a process before this one has begun, or a client's that has left, is done again. */
static void edu_client(void *pvt, bool attached)
{
	struct edu *edu = pvt;

	if (attached && get(edu, DMA_CMD) & CMD_START)
		dma_start(edu, get(edu, DMA_CMD));
	compute(edu);
}

/* ---- the type ---------------------------------------------------------------------- */

static const lm_field_t status[] = { { "COMPUTING", 0, 1 }, { "IRQ", 7, 1 } };
static const lm_field_t command[] = { { "START", 0, 1 }, { "TO_MEMORY", 1, 1 }, { "IRQ", 2, 1 } };

static const lm_register_t registers[] = {
	{ "ID", "identification", ID, 4, LM_RO, .reset = 0x010000ed },
	{ "LIVENESS", "inverts", LIVENESS, 4 },
	{ "FACTORIAL", "computes", FACTORIAL, 4 },
	{ "STATUS", "of the factorial", STATUS, 4, LM_FIELDS(status), .wmask = STATUS_IRQ },
	{ "IRQ_STATUS", "causes of the interrupt", IRQ_STATUS, 4, LM_RO },
	{ "IRQ_RAISE", "adds", IRQ_RAISE, 4, LM_WO },
	{ "IRQ_ACK", "takes away", IRQ_ACK, 4, LM_WO },
	{ "DMA_SRC", "from this address", DMA_SRC, 8 },
	{ "DMA_DST", "to this one", DMA_DST, 8 },
	{ "DMA_COUNT", "so many bytes", DMA_COUNT, 8 },
	{ "DMA_CMD", "starts a transfer", DMA_CMD, 8, LM_FIELDS(command) },
};

static const lm_register_map_t edu_map = {
	LM_REGISTERS(registers),
	.min_width = 4,
	.write = edu_write,
};

static const lm_prop_t props[] = {
	{ "dma-mask", "bits of addresses that it drives", "0xfffffff",
	  .flags = LM_PROP_CREATE | LM_PROP_HEX, .type = LM_PROP_UINT,
	  LM_PROP_IN(struct edu, dma_mask), .max = (1ull << 52) - 1 },
};

static const lm_dev_info_t edu_info = {
	.type = "edu",
	.flags = LM_DEV_RESTARTABLE,
	.state_size = BUFFER_SIZE,
	LM_PROPS(props),
	LM_CTX_IN(struct edu, ctx),
	.client = edu_client,
	.pci_info = {
		.id = { .vid = 0x1234, .did = 0x11e8 },
		.cc = { .bcc = 0xff },
		.rev = 0x10,
		.irq_count = { [LM_DEV_INTX_IRQ_IDX] = 1, [LM_DEV_MSI_IRQ_IDX] = 1 },
		.reg_info[BAR] = { LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = BAR_SIZE,
				   .regs = &edu_map },
	},
};

const struct device_type device_edu = {
	.size = sizeof(struct device_type),
	.name = "edu",
	.help = "QEMU's educational device: factorials, interrupts, DMA",
	.info = &edu_info,
	.pvt_size = sizeof(struct edu),
};
