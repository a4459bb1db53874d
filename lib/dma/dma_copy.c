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
#include "trace/trace.h"

struct copy {
	struct dma_request request;
	bool               by_message;
	uint64_t           started; /* ticks, when traced */
};

/* ---- trace ----------------------------------------------------------------------- */

static void copy_trace(struct lm_ctx *ctx, const struct copy *c, int result)
{
	struct lm_trace_record rec = {
		.time = c->started,
		.duration = trace_duration(c->started, trace_ticks()),
		.kind = c->request.is_write ? LM_TRACE_DMA_WRITE : LM_TRACE_DMA_READ,
		.flags = c->by_message ? LM_TRACE_MESSAGE : 0,
		.len = (uint32_t)at_most(c->request.len, UINT32_MAX),
		.offset = c->request.addr,
		.result = result,
	};

	if (c->request.len && (c->request.is_write || !result))
		memcpy(rec.bytes, c->request.data,
		       at_most(c->request.len, sizeof(rec.bytes)));
	trace_append(ctx, &rec);
}

/* ---- memory that we can reach ---------------------------------------------------- */

static void warn_broken(struct lm_ctx *ctx)
{
	if (!ctx->dma->broken_warned)
		log_warn(ctx, "the client truncated a file that backs its DMA memory");
	ctx->dma->broken_warned = true;
}

/* @off counts from the start of the mapping. The copy itself may be what breaks it. */
static int copy_mapped(struct lm_ctx *ctx, const struct copy *c, struct dma_backing *b,
		       uint64_t off)
{
	if (!sigbus_is_broken(b->range, off, c->request.len)) {
		if (c->request.is_write)
			memcpy(b->base + off, c->request.data, c->request.len);
		else
			memcpy(c->request.data, b->base + off, c->request.len);
	}
	/* Compilers know nothing of signals: the marks are looked at after the copy. */
	atomic_signal_fence(memory_order_seq_cst);
	if (!sigbus_is_broken(b->range, off, c->request.len))
		return 0;
	warn_broken(ctx);
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

/* A write there would raise SIGXFSZ, although the file gets no longer. */
static bool is_beyond_limit(uint64_t end)
{
	struct rlimit limit;

	return !getrlimit(RLIMIT_FSIZE, &limit) && end > limit.rlim_cur;
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
	struct stat st;
	ssize_t ret;

	if (fstat(fd, &st))
		return -errno;
	if (out_of_range(off, rq->len, (uint64_t)st.st_size))
		return -EFAULT;
	granule = (uint64_t)st.st_blksize > page_size() ? (uint64_t)st.st_blksize : page_size();
	if (rq->is_write && is_beyond_limit(off + rq->len))
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

static int copy_direct(struct lm_ctx *ctx, const struct copy *c,
		       const struct dma_slot *slot, uint64_t off)
{
	struct dma_backing *b = dma_slot_backing(ctx->dma, slot);

	if (b->kind == DMA_MAPPED)
		return copy_mapped(ctx, c, b, slot->offset - b->start + off);
	return copy_file(c, b->fd, slot->offset + off);
}

/* ---- both directions, both forms ------------------------------------------------- */

/* What @sg leads to; the copy starts @off bytes into the window. */
static int copy_find(struct lm_ctx *ctx, struct copy *c, const dma_sg_t *sg,
		     struct dma_slot **slot, uint64_t *off)
{
	const uint32_t prot = c->request.is_write ? PROT_WRITE : PROT_READ;
	const struct dma_table *t = &ctx->dma->windows;
	const struct dma_backing *b;
	struct dma_pos p;

	c->started = trace_on(ctx) ? trace_ticks() : 0;
	c->request.addr = sg->dma_addr;
	c->request.len = sg->length;
	if (ctx->dma->is_off)
		return MASTER_OFF;
	if (!dma_sg_find(ctx->dma, sg, &p))
		return -ESTALE;
	*slot = dma_table_slot(t, p);
	*off = c->request.addr - dma_table_key(t, p);
	if (((*slot)->backing & DMA_REVOKING) ||
	    out_of_range(*off, c->request.len, (*slot)->size))
		return -ESTALE;
	b = dma_slot_backing(ctx->dma, *slot);
	c->by_message = b->kind == DMA_MESSAGE;
	return b->prot & prot ? 0 : -EACCES;
}

static int copy_sync(struct lm_ctx *ctx, struct copy *c, const dma_sg_t *sg)
{
	struct dma_slot *slot;
	uint64_t off;
	int ret;

	ctx_lock(ctx);
	ret = copy_find(ctx, c, sg, &slot, &off);
	if (!ret && c->request.len && c->by_message)
		ret = ctx->dma->peer->copy_wait(ctx, &c->request);
	else if (!ret && c->request.len)
		ret = copy_direct(ctx, c, slot, off);
	if (trace_on(ctx))
		copy_trace(ctx, c, ret);
	ctx_unlock(ctx);
	return ret;
}

/* A transfer by message that is traced when it ends. */
struct traced {
	struct lm_ctx *ctx;
	struct copy    copy;
	lm_dma_done_t *done;
	void          *arg;
};

static void traced_done(void *arg, int result)
{
	struct traced *t = arg;
	lm_dma_done_t *done = t->done;

	if (trace_on(t->ctx))
		copy_trace(t->ctx, &t->copy, result);
	arg = t->arg;
	free(t);
	done(arg, result);
}

static int message_traced(struct lm_ctx *ctx, const struct copy *c, lm_dma_done_t *done,
			  void *arg)
{
	struct traced *t = malloc(sizeof(*t));
	int ret;

	if (!t)
		return -ENOMEM;
	*t = (struct traced){ ctx, *c, done, arg };
	ret = ctx->dma->peer->copy(ctx, &c->request, traced_done, t);
	if (!ret)
		return 0;
	copy_trace(ctx, c, ret);
	free(t);
	return ret;
}

static int copy_start(struct lm_ctx *ctx, struct copy *c, const dma_sg_t *sg,
		      lm_dma_done_t *done, void *arg)
{
	struct dma_slot *slot;
	uint64_t off;
	int ret, result = 0;

	ret = copy_find(ctx, c, sg, &slot, &off);
	if (!ret && c->request.len && c->by_message) {
		if (trace_on(ctx))
			return message_traced(ctx, c, done, arg);
		return ctx->dma->peer->copy(ctx, &c->request, done, arg);
	}
	if (!ret && c->request.len)
		result = copy_direct(ctx, c, slot, off);
	if (trace_on(ctx))
		copy_trace(ctx, c, ret ?: result);
	if (!ret)
		done(arg, result);
	return ret;
}

static int copy_async(struct lm_ctx *ctx, struct copy *c, const dma_sg_t *sg,
		      lm_dma_done_t *done, void *arg)
{
	int ret;

	ctx_lock(ctx);
	ret = copy_start(ctx, c, sg, done, arg);
	ctx_unlock(ctx);
	return ret;
}

LM_EXPORT int lm_dma_read(lm_ctx_t *ctx, const dma_sg_t *sg, void *data)
{
	struct copy c = { .request.data = data };

	return copy_sync(ctx, &c, sg);
}

LM_EXPORT int lm_dma_write(lm_ctx_t *ctx, const dma_sg_t *sg, const void *data)
{
	struct copy c = {
		.request = { .is_write = true, .data = (void *)(uintptr_t)data },
	};

	return copy_sync(ctx, &c, sg);
}

LM_EXPORT int lm_dma_read_async(lm_ctx_t *ctx, const dma_sg_t *sg, void *data,
				lm_dma_done_t *done, void *arg)
{
	struct copy c = { .request.data = data };

	return copy_async(ctx, &c, sg, done, arg);
}

LM_EXPORT int lm_dma_write_async(lm_ctx_t *ctx, const dma_sg_t *sg, const void *data,
				 lm_dma_done_t *done, void *arg)
{
	struct copy c = {
		.request = { .is_write = true, .data = (void *)(uintptr_t)data },
	};

	return copy_async(ctx, &c, sg, done, arg);
}
