/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma.c - transfers between the buffer, which is BAR5, and a guest's memory, by each way that the
 * library has.
 *
 * Owns one transfer at a time, and pointers that are held, for half a second at most, as an
 * unmapping waits for them. Refuses what leaves the buffer (-EINVAL) and what comes too early
 * (-EBUSY).
 */
#include "testdev.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define HOLD_NS 500000000ull

static char *buffer_at(const struct testdev *d, uint64_t at)
{
	return (char *)lm_mmap(d->ctx, BAR_BUFFER, 0, BUFFER_SIZE) + at;
}

/* ---- its end ----------------------------------------------------------------------- */

static void end(struct testdev *d, int result)
{
	const uint64_t cmd = testdev_get(d, DMA_CMD);

	testdev_set(d, DMA_CMD, cmd & ~(uint64_t)DMA_BUSY);
	testdev_set(d, DMA_RESULT, (uint32_t)result);
	testdev_count(d, DMA_ENDED);
	if (cmd & DMA_IRQ)
		testdev_raise(d, (uint32_t)testdev_get(d, DMA_VECTOR));
}

static void finish(struct testdev *d, int result)
{
	const bool hit = fault_take(d, FAULT_DMA);

	if (hit && d->st->fault[FAULT_WHAT] & FAULT_DROP)
		return;
	d->dma.result = hit && fault_errno(d) ? -fault_errno(d) : result;
	d->dma.is_late = hit && fault_delay_ns(d);
	if (d->dma.is_late)
		lm_timer_arm(d->dma_timer, fault_delay_ns(d), 0);
	else
		end(d, d->dma.result);
}

/* Either an end that is late, or pointers that were held for long enough. */
void dma_late(void *arg)
{
	struct testdev *d = arg;

	lm_dma_release(d->ctx, &d->dma.hold);
	if (d->dma.is_late)
		end(d, d->dma.result);
	d->dma.is_late = false;
}

static void moved(void *arg, int result)
{
	struct testdev *d = arg;
	const bool is_cut = d->dma.is_cut;

	d->dma.is_moving = d->dma.is_cut = false;
	/* The next client's begins again. */
	if (!is_cut && result != -ECANCELED)
		finish(d, result);
}

/* ---- each way ---------------------------------------------------------------------- */

static int hold(struct testdev *d, int prot, uint64_t addr, uint64_t len)
{
	lm_dma_release(d->ctx, &d->dma.hold);
	d->dma.hold = (lm_dma_hold_t){ .sg = d->dma.sg,
				       .iov = d->dma.iov,
				       .max = LM_NR(d->dma.sg) };
	return lm_dma_hold(d->ctx, prot, addr, len, &d->dma.hold);
}

static int by_pointers(struct testdev *d, uint64_t addr, struct iovec data, bool to_memory)
{
	char *at = data.iov_base;
	const int ret = hold(d, to_memory ? PROT_WRITE : PROT_READ, addr, data.iov_len);
	uint32_t i;

	for (i = 0; !ret && i < d->dma.hold.nr; at += d->dma.iov[i].iov_len, i++) {
		if (to_memory)
			memcpy(d->dma.iov[i].iov_base, at, d->dma.iov[i].iov_len);
		else
			memcpy(at, d->dma.iov[i].iov_base, d->dma.iov[i].iov_len);
	}
	lm_dma_release(d->ctx, &d->dma.hold);
	return ret;
}

static int by_value(struct testdev *d, uint64_t addr, struct iovec data, bool to_memory)
{
	uint64_t value = 0;
	int ret;

	if (data.iov_len > sizeof(value))
		return -EINVAL;
	if (to_memory) {
		memcpy(&value, data.iov_base, data.iov_len);
		return lm_dma_store(d->ctx, addr, (unsigned int)data.iov_len, value);
	}
	ret = lm_dma_load(d->ctx, addr, (unsigned int)data.iov_len, &value);
	if (!ret)
		memcpy(data.iov_base, &value, data.iov_len);
	return ret;
}

static int by_copy(struct testdev *d, uint64_t addr, struct iovec data, bool to_memory)
{
	return to_memory ? lm_dma_write_at(d->ctx, addr, data.iov_base, data.iov_len) :
			   lm_dma_read_at(d->ctx, addr, data.iov_base, data.iov_len);
}

static int later(struct testdev *d, uint64_t addr, const struct iovec *data, bool to_memory)
{
	int ret;

	d->dma.is_moving = true;
	ret = to_memory ? lm_dma_write_at_async(d->ctx, addr, data, moved, d) :
			  lm_dma_read_at_async(d->ctx, addr, data, moved, d);
	d->dma.is_moving &= !ret;
	return ret ?: -EINPROGRESS;
}

static int transfer(struct testdev *d, uint64_t cmd)
{
	const uint64_t addr = testdev_get(d, DMA_ADDR), at = testdev_get(d, DMA_AT);
	const struct iovec data = { buffer_at(d, at % BUFFER_SIZE), testdev_get(d, DMA_LEN) };
	const bool to_memory = cmd & DMA_TO_MEMORY;
	int ret;

	if (at > BUFFER_SIZE || data.iov_len > BUFFER_SIZE - at)
		return -EINVAL;
	switch (cmd & DMA_KIND) {
	case DMA_COPY: return by_copy(d, addr, data, to_memory);
	case DMA_MAP: return by_pointers(d, addr, data, to_memory);
	case DMA_ASYNC: return later(d, addr, &data, to_memory);
	case DMA_VALUE: return by_value(d, addr, data, to_memory);
	case DMA_HOLD:
		ret = hold(d, to_memory ? PROT_WRITE : PROT_READ, addr, data.iov_len);
		lm_timer_arm(d->dma_timer, HOLD_NS, 0);
		return ret;
	case DMA_RELEASE: lm_dma_release(d->ctx, &d->dma.hold); return 0;
	default: return -EINVAL;
	}
}

void dma_begin(struct testdev *d, uint64_t cmd)
{
	int ret;

	if (d->dma.is_moving) { /* one that a reset has cut off */
		testdev_set(d, DMA_CMD, cmd);
		testdev_set(d, DMA_RESULT, (uint32_t)-EBUSY);
		return;
	}
	testdev_set(d, DMA_CMD, cmd | DMA_BUSY);
	ret = transfer(d, cmd);
	if (ret != -EINPROGRESS)
		finish(d, ret);
}

void dma_reset(struct testdev *d)
{
	d->dma.is_cut = d->dma.is_moving;
	d->dma.is_late = false;
	lm_dma_release(d->ctx, &d->dma.hold);
	lm_timer_arm(d->dma_timer, 0, 0);
}
