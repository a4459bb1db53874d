/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kept.c - state that outlives the process: lm_state(), and what the library keeps beside it.
 *
 * A restartable device has one piece of memory, owned by the host where that can keep it. A header
 * says whose it is, then come the parts: each belongs to the file that asks for it, which says how
 * large it is and writes it as it changes, so that a process may die at any moment. A process that
 * finds the state of another device, or of a library that lays it out otherwise, refuses it. It
 * comes from a process of ours, but may be torn: who loads a part validates it as untrusted.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memfd.h"
#include "state/kept.h"
#include "wire/host.h"

#define KEPT_MAGIC   0x315450454b53554dull /* "MUSKEPT1" */
#define KEPT_VERSION 2
#define KEPT_ALIGN   64u

struct kept_header {
	uint64_t magic;   /* written last: all that follows is there */
	uint32_t version;
	uint32_t reserved;
	uint16_t vendor, device, subvendor, subdevice;
	uint64_t size[KEPT_NR];
};

struct kept {
	struct kept_header *header; /* at the start of the memory */
	struct kept_header  wanted; /* what this device has, magic included */
	char               *part[KEPT_NR];
	uint64_t            size;   /* of the memory */
	uint64_t            nr_registers; /* given out */
	bool                is_old;
	bool                outlives; /* the memory: this process */
};

/* ---- layout ---------------------------------------------------------------------- */

static void kept_describe(const struct lm_ctx *ctx, const uint64_t size[KEPT_NR],
			  struct kept_header *h)
{
	const lm_pci_info_t *pci = &ctx->info.pci_info;

	*h = (struct kept_header){
		.magic = KEPT_MAGIC, .version = KEPT_VERSION,
		.vendor = pci->id.vid, .device = pci->id.did,
		.subvendor = pci->ss.vid, .subdevice = pci->ss.sid,
	};
	memcpy(h->size, size, sizeof(h->size));
}

static uint64_t kept_size(const struct kept_header *h)
{
	uint64_t size = round_up(sizeof(*h), KEPT_ALIGN);
	uint32_t i;

	for (i = 0; i < KEPT_NR; i++)
		size += round_up(h->size[i], KEPT_ALIGN);
	return round_up(size, page_size());
}

static void kept_lay_out(struct kept *k)
{
	char *at = (char *)k->header + round_up(sizeof(*k->header), KEPT_ALIGN);
	uint32_t i;

	for (i = 0; i < KEPT_NR; i++) {
		k->part[i] = k->wanted.size[i] ? at : NULL;
		at += round_up(k->wanted.size[i], KEPT_ALIGN);
	}
}

/* ---- life ------------------------------------------------------------------------ */

static int kept_open(struct lm_ctx *ctx, struct kept *k)
{
	struct host_memory m = { .space = HOST_STATE, .size = kept_size(&k->wanted) };
	int ret;

	ret = ctx->host->memory(ctx->host, &m);
	if (ret == -EINVAL)
		ret = -ESTALE; /* the one that is there is of another size */
	if (ret)
		return ret;
	k->size = m.size;
	k->outlives = m.outlives;
	k->header = m.mem;
	kept_lay_out(k);
	k->is_old = m.kept && k->header->magic;
	if (m.kept && !k->is_old)
		memset(m.mem, 0, m.size); /* that process did not come far */
	return k->is_old && memcmp(k->header, &k->wanted, sizeof(k->wanted)) ? -ESTALE : 0;
}

int kept_new(struct lm_ctx *ctx, const uint64_t size[KEPT_NR])
{
	const bool whole = ctx->info.flags & LM_DEV_RESTARTABLE;
	struct kept *k;
	int ret;

	if (!whole && !size[KEPT_DEVICE])
		return 0;
	if (size[KEPT_DEVICE] > INT64_MAX / 2)
		return -ENOMEM;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	ctx->kept = k;
	if (!whole) {
		k->part[KEPT_DEVICE] = calloc(1, size[KEPT_DEVICE]);
		return k->part[KEPT_DEVICE] ? 0 : -ENOMEM;
	}
	kept_describe(ctx, size, &k->wanted);
	ret = kept_open(ctx, k);
	if (ret == -ESTALE)
		log_err(ctx, "the saved state is from another device or libmuser version "
			"(remove the mdev and make it anew)");
	else if (ret)
		log_err(ctx, "no memory for the state: %s%s", strerror(-ret),
			memory_advice(ret));
	return ret;
}

void kept_free(struct lm_ctx *ctx)
{
	struct kept *k = ctx->kept;

	if (!k)
		return;
	if (k->header)
		munmap(k->header, k->size);
	else
		free(k->part[KEPT_DEVICE]);
	free(k);
	ctx->kept = NULL;
}

void kept_commit(struct lm_ctx *ctx)
{
	struct kept *k = ctx->kept;

	if (!k || !k->header || k->is_old)
		return;
	*k->header = k->wanted;
	k->header->magic = 0;
	atomic_thread_fence(memory_order_release);
	k->header->magic = KEPT_MAGIC;
}

/* All addresses stay valid. Whoever undoes a device undoes it for this process only. */
void kept_seal(struct lm_ctx *ctx)
{
	struct kept *k = ctx->kept;
	void *copy;

	if (!k || !k->outlives)
		return;
	copy = malloc(k->size);
	if (!copy)
		return;
	memcpy(copy, k->header, k->size);
	if (mmap(k->header, k->size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
		memcpy(k->header, copy, k->size);
	free(copy);
}

/* ---- parts ----------------------------------------------------------------------- */

bool kept_is_old(const struct lm_ctx *ctx)
{
	return ctx->kept && ctx->kept->is_old;
}

void *kept_part(const struct lm_ctx *ctx, enum kept_kind kind)
{
	return ctx->kept && ctx->kept->header ? ctx->kept->part[kind] : NULL;
}

uint64_t *kept_registers(struct lm_ctx *ctx, uint32_t nr)
{
	uint64_t *values = kept_part(ctx, KEPT_REGISTERS);

	if (!values)
		return NULL;
	values += ctx->kept->nr_registers;
	ctx->kept->nr_registers += nr;
	return values;
}

void *kept_device(const struct lm_ctx *ctx)
{
	return ctx->kept ? ctx->kept->part[KEPT_DEVICE] : NULL;
}

LM_EXPORT void *lm_state(lm_ctx_t *ctx)
{
	return kept_device(ctx);
}
