/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prober.c - a libmuser device that does what it is told to client memory, for suite_libmuser.sh,
 * and answers when it is told, for suite_musctl.sh.
 *
 * BAR0: registers. A write to GO starts an operation on [ADDR, ADDR + LEN); RESULT is 0 or an
 * errno then. BAR2: 64 KiB that can be mapped but for its first page; WRITTEN is a bit for each
 * page that the client was seen to write to since it was last read, KNOWN is what UNMAPS was then.
 * A write to LATER, which reads as whether there is one, is answered when NOW is written. Another
 * process may go on with the registers, not with the pointers. Nothing here knows a channel.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>

#include <muser.h>

enum {
	ADDR = 0x00, LEN = 0x08, SEED = 0x10, GO = 0x18, RESULT = 0x20, ENTRIES = 0x28,
	WRITTEN = 0x30, MAPS = 0x38, UNMAPS = 0x40, CLIENTS = 0x48, FIRE = 0x50, LEVEL = 0x58,
	KNOWN = 0x60, LATER = 0x68, NOW = 0x70, REGISTERS_SIZE = 0x78,
};

/* GO */
enum {
	FILL = 1,   /* through pointers */
	CHECK,
	COPY_FILL,  /* lm_dma_write() */
	COPY_CHECK, /* lm_dma_read() */
	HOLD,       /* take pointers, and keep them */
	HELD_FILL,  /* write through them, whatever has become of the memory */
	DROP,
	HALT,       /* the process stops, until it is continued */
};

#define BAR2_SIZE 65536u
#define PAGE      4096u
#define MAX_SG    16

struct prober {
	lm_ctx_t *ctx;
	uint64_t *reg; /* in lm_state() */
	lm_token_t later;
	dma_sg_t  sg[MAX_SG];
	struct iovec iov[MAX_SG];
	int       nr_held;
};

static struct prober prober;

static uint64_t *reg(uint64_t offset)
{
	return &prober.reg[offset / 8];
}

/* The pattern of vfio_client. */
static uint8_t byte_at(uint64_t i)
{
	const uint64_t x = (i + 1) * 0x9e3779b97f4a7c15 ^ *reg(SEED) * 0xc2b2ae3d27d4eb4f;

	return (uint8_t)(x >> 56 ^ x >> 24);
}

/* ---- client memory --------------------------------------------------------------- */

static int find(void)
{
	const int nr = lm_addr_to_sg(prober.ctx, *reg(ADDR), (uint32_t)*reg(LEN), prober.sg,
				     MAX_SG);

	*reg(ENTRIES) = nr > 0 ? (uint64_t)nr : 0;
	return nr;
}

static int bytes(uint8_t *at, size_t len, uint64_t from, bool fill)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (fill)
			at[i] = byte_at(from + i);
		else if (at[i] != byte_at(from + i))
			return -EILSEQ;
	}
	return 0;
}

static int all_bytes(int nr, bool fill)
{
	uint64_t from = 0;
	int i, ret = 0;

	for (i = 0; !ret && i < nr; i++) {
		ret = bytes(prober.iov[i].iov_base, prober.iov[i].iov_len, from, fill);
		from += prober.iov[i].iov_len;
	}
	return ret;
}

static int through_pointers(bool fill)
{
	const int nr = find();
	int ret;

	if (nr < 0)
		return nr;
	ret = lm_map_sg(prober.ctx, fill ? PROT_WRITE : PROT_READ, prober.sg, prober.iov, nr);
	if (ret)
		return ret;
	ret = all_bytes(nr, fill);
	lm_unmap_sg(prober.ctx, prober.sg, prober.iov, nr);
	return ret;
}

static int by_copy(bool fill)
{
	uint8_t *data = malloc(*reg(LEN));
	const int nr = find();
	uint64_t from = 0;
	int i, ret = nr < 0 ? nr : 0;

	for (i = 0; !ret && i < nr; i++) {
		const size_t len = prober.sg[i].length;

		if (fill)
			bytes(data, len, from, true);
		ret = fill ? lm_dma_write(prober.ctx, &prober.sg[i], data) :
			     lm_dma_read(prober.ctx, &prober.sg[i], data);
		if (!ret && !fill)
			ret = bytes(data, len, from, false);
		from += len;
	}
	free(data);
	return ret;
}

static int hold(void)
{
	const int nr = find();
	int ret;

	if (nr < 0)
		return nr;
	ret = lm_map_sg(prober.ctx, PROT_READ | PROT_WRITE, prober.sg, prober.iov, nr);
	prober.nr_held = ret ? 0 : nr;
	return ret;
}

static int drop(void)
{
	lm_unmap_sg(prober.ctx, prober.sg, prober.iov, prober.nr_held);
	prober.nr_held = 0;
	return 0;
}

static int operate(uint64_t what)
{
	switch (what) {
	case FILL:
	case CHECK:
		return through_pointers(what == FILL);
	case COPY_FILL:
	case COPY_CHECK:
		return by_copy(what == COPY_FILL);
	case HOLD:
		return hold();
	case HELD_FILL:
		return all_bytes(prober.nr_held, true);
	case DROP:
		return drop();
	case HALT:
		return raise(SIGSTOP);
	default:
		return -EINVAL;
	}
}

/* ---- registers ------------------------------------------------------------------- */

/* The next one may begin meanwhile. */
static void answer(void)
{
	const lm_token_t token = prober.later;

	prober.later = 0;
	lm_complete(prober.ctx, token, sizeof(uint64_t), NULL);
}

static uint64_t prober_read(void *pvt, const lm_register_io_t *io)
{
	const uint64_t value = *reg(io->offset);

	if (io->offset == LATER)
		return prober.later != 0;
	if (io->offset == WRITTEN)
		*reg(WRITTEN) = 0;
	return value;
}

static void prober_write(void *pvt, const lm_register_io_t *io)
{
	*reg(io->offset) = io->value;
	if (io->offset == GO)
		*reg(RESULT) = (uint64_t)-operate(io->value);
	else if (io->offset == FIRE)
		*reg(RESULT) = (uint64_t)lm_irq_trigger_index(prober.ctx, LM_DEV_MSIX_IRQ_IDX,
							      (uint32_t)io->value);
	else if (io->offset == LEVEL)
		lm_irq_set_level(prober.ctx, io->value);
	else if (io->offset == LATER)
		prober.later = lm_defer(prober.ctx);
	else if (io->offset == NOW)
		answer();
}

static const lm_register_t registers[] = {
	{ "ADDR", NULL, ADDR, 8, LM_RW }, { "LEN", NULL, LEN, 8, LM_RW },
	{ "SEED", NULL, SEED, 8, LM_RW }, { "GO", NULL, GO, 8, LM_RW },
	{ "RESULT", NULL, RESULT, 8, LM_RO }, { "ENTRIES", NULL, ENTRIES, 8, LM_RO },
	{ "WRITTEN", NULL, WRITTEN, 8, LM_RO }, { "MAPS", NULL, MAPS, 8, LM_RO },
	{ "UNMAPS", NULL, UNMAPS, 8, LM_RO }, { "CLIENTS", NULL, CLIENTS, 8, LM_RO },
	{ "FIRE", NULL, FIRE, 8, LM_RW }, { "LEVEL", NULL, LEVEL, 8, LM_RW },
	{ "KNOWN", NULL, KNOWN, 8, LM_RO }, { "LATER", NULL, LATER, 8, LM_RW },
	{ "NOW", NULL, NOW, 8, LM_RW },
};

static const lm_register_map_t map = {
	LM_REGISTERS(registers), .read = prober_read, .write = prober_write,
};

/* ---- what the library tells ------------------------------------------------------ */

static void told_client(void *pvt, bool attached)
{
	*reg(CLIENTS) += attached;
}

static void told_map(void *pvt, dma_addr_t addr, uint64_t len)
{
	*reg(MAPS) += len;
}

static int told_unmap(void *pvt, dma_addr_t addr, uint64_t len)
{
	*reg(UNMAPS) += len;
	return 0;
}

static void told_written(void *pvt, uint32_t region, uint64_t offset, uint64_t len)
{
	uint64_t at;

	for (at = offset; at < offset + len; at += PAGE)
		*reg(WRITTEN) |= 1ull << at / PAGE;
	*reg(KNOWN) = *reg(UNMAPS);
}

static void told_log(void *pvt, int level, const char *msg)
{
	fprintf(stderr, "prober: %s\n", msg);
}

static void stop(int signal)
{
	lm_ctx_stop(prober.ctx);
}

int main(void)
{
	static const lm_mmap_area_t area = { PAGE, BAR2_SIZE - PAGE };
	const lm_dev_info_t info = {
		.type = "prober",
		.pci_info = {
			.id = { .vid = 0x1234, .did = 0x5042 }, .cc = { .bcc = 0xff },
			.irq_count = { [LM_DEV_INTX_IRQ_IDX] = 1, [LM_DEV_MSIX_IRQ_IDX] = 4 },
			.reg_info = {
				[LM_BAR0_REG_IDX] = {
					.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
					.size = 4096, .regs = &map },
				[LM_BAR2_REG_IDX] = {
					.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM |
						 LM_REG_FLAG_MMAP,
					.size = BAR2_SIZE, .mmap_areas = &area,
					.nr_mmap_areas = 1 },
				[LM_BAR4_REG_IDX] = {
					.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
					.size = 4096 },
			},
		},
		.caps = { { .id = PCI_CAP_ID_MSIX,
			    .msix = { .bar = LM_BAR4_REG_IDX, .pba = 2048 } } },
		.client = told_client, .dma_map = told_map, .dma_unmap = told_unmap,
		.written = told_written, .log = told_log,
		.flags = LM_DEV_RESTARTABLE, .state_size = REGISTERS_SIZE,
	};
	int ret;

	lm_sigbus_guard();
	prober.ctx = lm_ctx_create(&info);
	if (!prober.ctx) {
		perror("prober");
		return 1;
	}
	prober.reg = lm_state(prober.ctx);
	signal(SIGTERM, stop);
	lm_mmap_trap(prober.ctx, LM_BAR2_REG_IDX, PAGE, BAR2_SIZE - PAGE, true);
	ret = lm_ctx_drive(prober.ctx);
	if (ret)
		fprintf(stderr, "prober: %s\n", strerror(-ret));
	lm_ctx_destroy(prober.ctx);
	return ret && ret != -ENODEV;
}
