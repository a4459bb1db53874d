/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_copy.c - lm_dma_read() and lm_dma_write(): for every kind of client memory.
 *
 * Mapped memory is copied, a file that is not mapped is read and written, and the rest goes by
 * messages to the client, which is the only way that waits. What read(2) and write(2) do not do,
 * the kernel copies from and to a mapping for the moment. A file is never made longer by us: what
 * lies beyond its end is -EFAULT, as is memory that vanished under the copy.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dma/dma_window.h"
#include "gate/gate.h"

struct copy {
	struct dma_request request;
	const dma_sg_t *sg;
	bool by_message;
	bool is_bounce; /* of a pointer, for which a DMA_UNMAP waits */
	bool is_value;  /* dma_copy_value() */
};

/* ---- memory that we can reach ---------------------------------------------------- */

#define MOVE(type, to, from)                                                      \
	atomic_store_explicit((_Atomic(type) *)(to),                              \
			      atomic_load_explicit((const _Atomic(type) *)(from), \
						   memory_order_acquire),         \
			      memory_order_release)

static void move_value(void *to, const void *from, uint64_t width)
{
	switch (width) {
	case 1: MOVE(uint8_t, to, from); break;
	case 2: MOVE(uint16_t, to, from); break;
	case 4: MOVE(uint32_t, to, from); break;
	default: MOVE(uint64_t, to, from); break;
	}
}

static void move(const struct copy *c, char *memory)
{
	char *to = c->request.is_write ? memory : c->request.data;
	const char *from = c->request.is_write ? c->request.data : memory;

	/* A window may stand at any byte of its file. */
	if (c->is_value && !((uintptr_t)memory & (c->request.len - 1)))
		move_value(to, from, c->request.len);
	else
		memcpy(to, from, c->request.len);
}

/* @off counts from the start of the mapping. The copy itself may be what breaks it. */
static int copy_mapped(struct lm_ctx *ctx, const struct copy *c, struct dma_backing *b,
		       uint64_t off)
{
	if (!sigbus_is_broken(b->range, off, c->request.len))
		move(c, b->base + off);
	/* Compilers know nothing of signals: the marks are looked at after the copy. */
	atomic_signal_fence(memory_order_seq_cst);
	if (!sigbus_is_broken(b->range, off, c->request.len))
		return 0;
	if (!ctx->dma->broken_warned)
		log_warn(ctx, "the client truncated a file that backs its DMA memory");
	ctx->dma->broken_warned = true;
	return -EFAULT;
}

/* From or to our own memory: a page that is not there is -EFAULT, and no signal. */
static int copy_self(const struct dma_request *rq, char *base)
{
	uint64_t done = 0;

	while (done < rq->len) {
		const struct iovec data = { rq->data + done, rq->len - done };
		const struct iovec memory = { base + done, rq->len - done };
		const ssize_t ret = rq->is_write ?
					    process_vm_writev(getpid(), &data, 1, &memory, 1, 0) :
					    process_vm_readv(getpid(), &data, 1, &memory, 1, 0);

		if (ret < 0)
			return -errno;
		if (!ret)
			return -EFAULT;
		done += (uint64_t)ret;
	}
	return 0;
}

/* Nothing of it is reserved. @granule: what mappings of the file are aligned to. */
static int copy_by_mapping(const struct dma_request *rq, int fd, uint64_t off, uint64_t granule)
{
	const uint64_t start = off & ~(granule - 1);
	const uint64_t len = round_up(off + rq->len, granule) - start;
	char *base = mmap(NULL, len, rq->is_write ? PROT_READ | PROT_WRITE : PROT_READ,
			  MAP_SHARED | MAP_NORESERVE, fd, (off_t)start);
	int ret;

	if (base == MAP_FAILED)
		return -errno;
	ret = copy_self(rq, base + (off - start));
	munmap(base, len);
	return ret;
}

static ssize_t file_step(const struct dma_request *rq, int fd, uint64_t off, uint64_t done)
{
	char *data = rq->data + done;
	const size_t len = rq->len - done;
	ssize_t ret;

	do {
		if (rq->is_write)
			ret = pwrite(fd, data, len, (off_t)(off + done));
		else
			ret = pread(fd, data, len, (off_t)(off + done));
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

static int copy_file(const struct copy *c, int fd, uint64_t off)
{
	const struct dma_request *rq = &c->request;
	uint64_t done = 0, granule;
	struct rlimit limit;
	struct stat st;
	ssize_t ret;

	if (fstat(fd, &st))
		return -errno;
	if (out_of_range(off, rq->len, (uint64_t)st.st_size))
		return -EFAULT;
	granule = (uint64_t)st.st_blksize > page_size() ? (uint64_t)st.st_blksize : page_size();
	/* A write there would raise SIGXFSZ, although the file gets no longer. */
	if (rq->is_write && !getrlimit(RLIMIT_FSIZE, &limit) && off + rq->len > limit.rlim_cur)
		return copy_by_mapping(rq, fd, off, granule);
	while (done < rq->len) {
		ret = file_step(rq, fd, off, done);
		if (ret == -EINVAL && !done) /* huge pages have no write(2), O_DIRECT is picky */
			return copy_by_mapping(rq, fd, off, granule);
		if (ret <= 0)
			return ret ? (int)ret : -EFAULT;
		done += (uint64_t)ret;
	}
	return 0;
}

static int copy_direct(struct lm_ctx *ctx, const struct copy *c, const struct dma_slot *slot,
		       uint64_t off)
{
	struct dma_backing *b = dma_slot_backing(ctx->dma, slot);

	if (b->kind == DMA_MAPPED)
		return copy_mapped(ctx, c, b, slot->offset - b->start + off);
	return copy_file(c, b->fd, slot->offset + off);
}

/* ---- both directions, both forms ------------------------------------------------- */

/* What it leads to; the copy starts @off bytes into the window. */
static int copy_find(struct lm_ctx *ctx, struct copy *c, struct dma_slot **slot, uint64_t *off)
{
	const uint32_t prot = c->request.is_write ? PROT_WRITE : PROT_READ;
	const struct dma_table *t = &ctx->dma->windows;
	const struct dma_backing *b;
	struct dma_pos p;

	c->request.addr = c->sg->dma_addr;
	c->request.len = c->sg->length;
	if (ctx->dma->is_off)
		return MASTER_OFF;
	if (!dma_sg_find(ctx->dma, c->sg, &p))
		return -ESTALE;
	*slot = dma_table_slot(t, p);
	*off = c->request.addr - dma_table_key(t, p);
	if (((*slot)->backing & DMA_REVOKING && !c->is_bounce) ||
	    out_of_range(*off, c->request.len, (*slot)->size))
		return -ESTALE;
	b = dma_slot_backing(ctx->dma, *slot);
	c->by_message = b->kind == DMA_MESSAGE;
	return b->prot & prot ? 0 : -EACCES;
}

static int copy_and_wait(struct lm_ctx *ctx, struct copy *c)
{
	struct dma_slot *slot;
	uint64_t off;
	const int ret = copy_find(ctx, c, &slot, &off);

	if (ret || !c->request.len)
		return ret;
	if (c->by_message)
		return ctx->dma->peer->copy_wait(ctx, &c->request);
	return copy_direct(ctx, c, slot, off);
}

static struct crossing copy_crossing(const struct copy *c)
{
	return (struct crossing){
		.kind = c->request.is_write ? LM_TRACE_DMA_WRITE : LM_TRACE_DMA_READ,
		.is_const = c->request.is_write,
		.offset = c->sg->dma_addr,
		.len = c->sg->length,
		.data = c->request.data,
	};
}

static int copy_tapped(struct lm_ctx *ctx, struct copy *c)
{
	struct crossing x = copy_crossing(c);

	if (!gate_enter(ctx, &x)) {
		c->request.data = x.data;
		x.result = copy_and_wait(ctx, c);
		x.flags |= c->by_message ? LM_TRACE_MESSAGE : 0;
	}
	gate_leave(ctx, &x);
	return x.result < 0 ? (int)x.result : 0;
}

static bool copy_is_tapped(const struct lm_ctx *ctx, const struct copy *c)
{
	return gate_is_on(ctx, c->request.is_write ? LM_TRACE_DMA_WRITE : LM_TRACE_DMA_READ);
}

static int copy_sync(struct lm_ctx *ctx, struct copy *c)
{
	int ret;

	ctx_lock(ctx);
	ret = copy_is_tapped(ctx, c) ? copy_tapped(ctx, c) : copy_and_wait(ctx, c);
	ctx_unlock(ctx);
	return ret;
}

int dma_copy_value(struct lm_ctx *ctx, const dma_sg_t *sg, const struct dma_request *rq)
{
	struct copy c = { .request = *rq, .sg = sg, .is_value = true };

	return copy_sync(ctx, &c);
}

int dma_bounce_copy(struct lm_ctx *ctx, const struct dma_bounce_copy *bounce)
{
	struct copy c = {
		.request = { .is_write = bounce->is_write, .data = bounce->data },
		.sg = bounce->sg,
		.is_bounce = true,
	};

	return bounce->crosses && copy_is_tapped(ctx, &c) ? copy_tapped(ctx, &c) :
							    copy_and_wait(ctx, &c);
}

static int copy_start(struct lm_ctx *ctx, struct copy *c, lm_dma_done_t *done, void *arg)
{
	struct dma_slot *slot;
	uint64_t off;
	int ret, result = 0;

	ret = copy_find(ctx, c, &slot, &off);
	if (!ret && c->request.len && c->by_message)
		return ctx->dma->peer->copy(ctx, &c->request, done, arg);
	if (!ret && c->request.len)
		result = copy_direct(ctx, c, slot, off);
	if (!ret)
		done(arg, result);
	return ret;
}

/* ---- asynchronous, with taps ----------------------------------------------------- */

struct dma_transfer {
	struct copy copy;
	struct crossing cross;
	dma_sg_t sg;
	struct lm_ctx *ctx;
	lm_dma_done_t *done;
	void *arg;
	bool is_accepted;                 /* done() will be called */
	struct dma_transfer *prev, *next; /* those that are held */
};

static int transfer_hold(struct dma_transfer *t)
{
	struct dma *dma = t->ctx->dma;

	t->is_accepted = true;
	t->prev = NULL;
	t->next = dma->held;
	if (t->next)
		t->next->prev = t;
	dma->held = t;
	return 0;
}

static void transfer_unhold(struct dma_transfer *t)
{
	if (t->next)
		t->next->prev = t->prev;
	*(t->prev ? &t->prev->next : &t->ctx->dma->held) = t->next;
}

/* All taps have seen what it comes to. An error that is the call's own is returned. */
static int transfer_finish(struct dma_transfer *t)
{
	const int result = t->cross.result < 0 ? (int)t->cross.result : 0;
	const bool notify = t->is_accepted || !result;
	lm_dma_done_t *done = t->done;
	void *arg = t->arg;

	free(t);
	if (notify)
		done(arg, result);
	return notify ? 0 : result;
}

static int transfer_leave(struct dma_transfer *t, int result)
{
	t->cross.result = result;
	t->cross.flags |= t->copy.by_message ? LM_TRACE_MESSAGE : 0;
	if (gate_leave(t->ctx, &t->cross) == LM_DEFER)
		return transfer_hold(t);
	return transfer_finish(t);
}

static void transfer_done(void *arg, int result)
{
	struct dma_transfer *t = arg;

	t->is_accepted = true;
	transfer_leave(t, result);
}

static int transfer_run(struct dma_transfer *t)
{
	int ret;

	t->copy.request.data = t->cross.data;
	ret = copy_start(t->ctx, &t->copy, transfer_done, t);
	return ret ? transfer_leave(t, ret) : 0;
}

static void transfer_resume(struct lm_ctx *ctx, struct crossing *x)
{
	struct dma_transfer *t = container_of(x, struct dma_transfer, cross);

	transfer_unhold(t);
	if (x->is_over)
		transfer_finish(t);
	else
		transfer_run(t);
}

void dma_transfers_cancel(struct lm_ctx *ctx)
{
	struct dma_transfer *t;

	while ((t = ctx->dma->held)) {
		transfer_unhold(t);
		gate_cancel(ctx, &t->cross);
		t->cross.result = -ECANCELED;
		transfer_finish(t);
	}
}

static int transfer_start(struct lm_ctx *ctx, const struct copy *c, lm_dma_done_t *done, void *arg)
{
	struct dma_transfer *t = malloc(sizeof(*t));

	if (!t)
		return -ENOMEM;
	*t = (struct dma_transfer){
		.copy = *c,
		.cross = copy_crossing(c),
		.sg = *c->sg,
		.ctx = ctx,
		.done = done,
		.arg = arg,
	};
	t->copy.sg = &t->sg;
	t->cross.resume = dma_is_leaving(ctx->dma) ? NULL : transfer_resume;
	switch (gate_enter(ctx, &t->cross)) {
	case LM_DEFER: return transfer_hold(t);
	case TAP_ANSWERED: return transfer_leave(t, (int)t->cross.result);
	default: return transfer_run(t);
	}
}

static int copy_async(struct lm_ctx *ctx, struct copy *c, lm_dma_done_t *done, void *arg)
{
	int ret;

	ctx_lock(ctx);
	ret = copy_is_tapped(ctx, c) ? transfer_start(ctx, c, done, arg) :
				       copy_start(ctx, c, done, arg);
	ctx_unlock(ctx);
	return ret;
}

/* ---- for devices ----------------------------------------------------------------- */

LM_EXPORT int lm_dma_read(lm_ctx_t *ctx, const dma_sg_t *sg, void *data)
{
	struct copy c = { .request.data = data, .sg = sg };

	return copy_sync(ctx, &c);
}

LM_EXPORT int lm_dma_write(lm_ctx_t *ctx, const dma_sg_t *sg, const void *data)
{
	struct copy c = {
		.request = { .is_write = true, .data = (void *)(uintptr_t)data },
		.sg = sg,
	};

	return copy_sync(ctx, &c);
}

LM_EXPORT int lm_dma_read_async(lm_ctx_t *ctx, const dma_sg_t *sg, void *data, lm_dma_done_t *done,
				void *arg)
{
	struct copy c = { .request.data = data, .sg = sg };

	return copy_async(ctx, &c, done, arg);
}

LM_EXPORT int lm_dma_write_async(lm_ctx_t *ctx, const dma_sg_t *sg, const void *data,
				 lm_dma_done_t *done, void *arg)
{
	struct copy c = {
		.request = { .is_write = true, .data = (void *)(uintptr_t)data },
		.sg = sg,
	};

	return copy_async(ctx, &c, done, arg);
}
