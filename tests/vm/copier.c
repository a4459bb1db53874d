/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copier.c - a device that copies guest memory, for tests of DMA from a real guest.
 *
 * Writing GO copies LEN bytes from SRC to DST and adds 1 to DONE: COPY_ASYNC puts the answer off
 * until the copy has ended, COPY_SYNC waits for it. Reading PEEK gives the word at SRC, read by DMA
 * while the guest waits. STATUS holds the last result, 0 or an errno.
 */
#include <errno.h>
#include <stdlib.h>

#include <muser.h>

enum { SRC = 0x00, DST = 0x04, LEN = 0x08, GO = 0x0c, STATUS = 0x10, DONE = 0x14, PEEK = 0x18 };
enum { COPY_ASYNC = 1, COPY_SYNC = 2 };

#define ROOM 65536

struct copier {
	lm_ctx_t  *ctx;
	lm_token_t token;
	uint32_t   src, dst, len, status, done, word;
	char       bytes[ROOM];
};

static const lm_register_t registers[] = {
	{ "SRC", "address to copy from", SRC, 4, LM_RW, LM_REGISTER_PURE },
	{ "DST", "address to copy to", DST, 4, LM_RW, LM_REGISTER_PURE },
	{ "LEN", "bytes", LEN, 4, LM_RW, LM_REGISTER_PURE },
	{ "GO", "1: copy, 2: copy and wait", GO, 4, LM_WO },
	{ "STATUS", "errno of the last copy", STATUS, 4, LM_RO, LM_REGISTER_PURE },
	{ "DONE", "copies so far", DONE, 4, LM_RO, LM_REGISTER_PURE },
	{ "PEEK", "the word at SRC", PEEK, 4, LM_RO },
};

static int find(struct copier *dev, uint32_t addr, uint32_t len, dma_sg_t *sg)
{
	int nr = len <= ROOM ? lm_addr_to_sg(dev->ctx, addr, len, sg, 1) : -EINVAL;

	return nr == 1 ? 0 : nr < 0 ? nr : -ENOENT;
}

static void finish(struct copier *dev, int result)
{
	dev->status = (uint32_t)-result;
	dev->done++;
	if (dev->token)
		lm_complete(dev->ctx, dev->token, result ? result : 4, NULL);
	dev->token = 0;
}

static void written(void *arg, int result)
{
	finish(arg, result);
}

static void fetched(void *arg, int result)
{
	struct copier *dev = arg;
	dma_sg_t sg;

	result = result ? result : find(dev, dev->dst, dev->len, &sg);
	result = result ? result : lm_dma_write_async(dev->ctx, &sg, dev->bytes, written, dev);
	if (result)
		finish(dev, result);
}

static void go(struct copier *dev, uint64_t how)
{
	dma_sg_t from, to;
	int ret = find(dev, dev->src, dev->len, &from);

	if (how == COPY_ASYNC) {
		dev->token = lm_defer(dev->ctx);
		ret = ret ? ret : lm_dma_read_async(dev->ctx, &from, dev->bytes, fetched, dev);
		if (ret)
			finish(dev, ret);
		return;
	}
	ret = ret ? ret : find(dev, dev->dst, dev->len, &to);
	ret = ret ? ret : lm_dma_read(dev->ctx, &from, dev->bytes);
	ret = ret ? ret : lm_dma_write(dev->ctx, &to, dev->bytes);
	finish(dev, ret);
}

static void peeked(void *arg, int result)
{
	struct copier *dev = arg;

	dev->status = (uint32_t)-result;
	lm_complete(dev->ctx, dev->token, result ? result : 4, &dev->word);
	dev->token = 0;
}

static void peek(struct copier *dev)
{
	dma_sg_t sg;
	int ret = find(dev, dev->src, 4, &sg);

	dev->token = lm_defer(dev->ctx);
	ret = ret ? ret : lm_dma_read_async(dev->ctx, &sg, &dev->word, peeked, dev);
	if (ret)
		peeked(dev, ret);
}

static uint64_t read_register(void *pvt, const lm_register_io_t *io)
{
	struct copier *dev = pvt;

	switch (io->offset) {
	case SRC: return dev->src;
	case DST: return dev->dst;
	case LEN: return dev->len;
	case STATUS: return dev->status;
	case DONE: return dev->done;
	case PEEK: peek(dev); return 0;
	default: return 0;
	}
}

static void write_register(void *pvt, const lm_register_io_t *io)
{
	struct copier *dev = pvt;

	switch (io->offset) {
	case SRC: dev->src = (uint32_t)io->value; break;
	case DST: dev->dst = (uint32_t)io->value; break;
	case LEN: dev->len = (uint32_t)io->value; break;
	case GO: go(dev, io->value); break;
	}
}

static const lm_register_map_t map = {
	LM_REGISTERS(registers),
	.min_width = 4,
	.max_width = 4,
	.read = read_register,
	.write = write_register,
};

int main(void)
{
	struct copier *dev = calloc(1, sizeof(*dev));
	lm_dev_info_t info = {
		.type = "copier",
		.pvt = dev,
		.pci_info = {
			.id = { .vid = 0x1234, .did = 0xc0b1 },
			.reg_info[LM_BAR0_REG_IDX] = {
				.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
				.size = 4096,
				.regs = &map,
			},
		},
	};
	int ret;

	if (!dev || lm_sigbus_guard())
		return 1;
	dev->ctx = lm_ctx_create(&info);
	if (!dev->ctx)
		return 1;
	ret = lm_ctx_drive(dev->ctx);
	lm_ctx_destroy(dev->ctx);
	free(dev);
	return ret != 0;
}
