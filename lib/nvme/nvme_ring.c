/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_ring.c - the memory of a queue.
 *
 * Owns the pointer to it, which is kept while the client lets it be mapped, and looked up again
 * when it was taken away meanwhile. A queue in memory that cannot be mapped, or that lies in
 * several windows, has none: it is reached by copies. Refuses to know what a queue is.
 */
#include "nvme/nvme.h"

void nvme_ring_set(struct nvme_ring *ring, uint64_t addr, uint64_t len)
{
	ring->addr = addr;
	ring->len = len;
}

void *nvme_ring_memory(lm_nvme_t *nvme, struct nvme_ring *ring, int prot)
{
	lm_dma_hold_t hold = { .sg = &ring->sg, .iov = &ring->iov, .max = 1 };

	if (!ring->is_held)
		ring->is_held = !lm_dma_hold(nvme->ctx, prot, ring->addr, ring->len, &hold);
	return ring->is_held ? ring->iov.iov_base : NULL;
}

void nvme_ring_release(lm_nvme_t *nvme, struct nvme_ring *ring)
{
	lm_dma_hold_t hold = { .sg = &ring->sg, .iov = &ring->iov, .max = 1, .nr = 1 };

	if (ring->is_held)
		lm_dma_release(nvme->ctx, &hold);
	ring->is_held = false;
}

void nvme_ring_unmap(lm_nvme_t *nvme, struct nvme_ring *ring, uint64_t addr, uint64_t len)
{
	if (ring->is_held && (addr - ring->addr < ring->len || ring->addr - addr < len))
		nvme_ring_release(nvme, ring);
}
