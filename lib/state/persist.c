/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * persist.c - state that outlives the process: lm_state(), and what the library keeps beside it.
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

#include "base/bus.h"
#include "base/memfd.h"
#include "state/persist.h"
#include "wire/host.h"

#define PERSIST_MAGIC   0x315450454b53554dull /* "MUSKEPT1" */
#define PERSIST_VERSION 3
#define PERSIST_ALIGN   64u

struct persist_header {
	uint64_t magic; /* written last: all that follows is there */
	uint32_t version;
	uint32_t state_version; /* of lm_state() */
	uint64_t identity;
	uint64_t size[PERSIST_NR];
};

struct persist {
	struct persist_header *header; /* at the start of the memory */
	struct persist_header wanted;  /* what this device has, magic included */
	char *part[PERSIST_NR];
	uint64_t size;         /* of the memory */
	uint64_t nr_registers; /* given out */
	bool is_old;
	bool outlives; /* the memory: this process */
};

/* ---- life ------------------------------------------------------------------------ */

static int stale(struct lm_ctx *ctx, const char *what)
{
	log_err(ctx,
		"the state that the last process left has %s of another device or libmuser version "
		"(remove and recreate the mdev)",
		what);
	return -ESTALE;
}

/* What of it is another's; NULL: nothing. */
static const char *header_fault(const struct persist_header *is,
				const struct persist_header *wanted)
{
	if (is->magic != wanted->magic || is->version != wanted->version)
		return "the layout";
	if (is->identity != wanted->identity)
		return "the ids";
	if (is->state_version != wanted->state_version)
		return "the state_version";
	if (is->size[PERSIST_DEVICE] != wanted->size[PERSIST_DEVICE])
		return "the state_size";
	if (is->size[PERSIST_REGISTERS] != wanted->size[PERSIST_REGISTERS])
		return "the number of registers";
	return memcmp(is->size, wanted->size, sizeof(is->size)) ? "the interrupts or capabilities" :
								  NULL;
}

static int persist_open(struct lm_ctx *ctx, struct persist *p)
{
	const uint64_t head = round_up(sizeof(*p->header), PERSIST_ALIGN);
	struct host_memory m = { .space = HOST_STATE, .size = head };
	const char *what;
	char *at;
	uint32_t i;
	int ret;

	for (i = 0; i < PERSIST_NR; i++)
		m.size += round_up(p->wanted.size[i], PERSIST_ALIGN);
	m.size = round_up(m.size, page_size());
	ret = ctx->host->memory(ctx->host, &m);
	if (ret == -EINVAL || ret == -ESTALE) /* the one that is there is of another size */
		return stale(ctx, "the size");
	if (ret)
		return ret;
	p->size = m.size;
	p->outlives = m.outlives;
	p->header = m.mem;
	at = (char *)m.mem + head;
	for (i = 0; i < PERSIST_NR; i++) {
		p->part[i] = p->wanted.size[i] ? at : NULL;
		at += round_up(p->wanted.size[i], PERSIST_ALIGN);
	}
	p->is_old = m.kept && p->header->magic;
	if (m.kept && !p->is_old)
		memset(m.mem, 0, m.size); /* that process did not come far */
	what = p->is_old ? header_fault(p->header, &p->wanted) : NULL;
	return what ? stale(ctx, what) : 0;
}

int persist_new(struct lm_ctx *ctx, const uint64_t size[PERSIST_NR])
{
	const bool whole = ctx->info.flags & LM_DEV_RESTARTABLE;
	struct persist *p;
	int ret;

	if (!whole && !size[PERSIST_DEVICE])
		return 0;
	if (size[PERSIST_DEVICE] > INT64_MAX / 2)
		return -ENOMEM;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	ctx->persist = p;
	if (!whole) {
		p->part[PERSIST_DEVICE] = calloc(1, size[PERSIST_DEVICE]);
		return p->part[PERSIST_DEVICE] ? 0 : -ENOMEM;
	}
	p->wanted = (struct persist_header){
		.magic = PERSIST_MAGIC,
		.version = PERSIST_VERSION,
		.state_version = ctx->info.state_version,
		.identity = bus_identity(&ctx->info),
	};
	memcpy(p->wanted.size, size, sizeof(p->wanted.size));
	ret = persist_open(ctx, p);
	if (ret && ret != -ESTALE)
		log_err(ctx, "no memory for the state: %s%s", strerror(-ret), memory_advice(ret));
	return ret;
}

void persist_free(struct lm_ctx *ctx)
{
	struct persist *p = ctx->persist;

	if (!p)
		return;
	if (p->header)
		munmap(p->header, p->size);
	else
		free(p->part[PERSIST_DEVICE]);
	free(p);
	ctx->persist = NULL;
}

void persist_commit(struct lm_ctx *ctx)
{
	struct persist *p = ctx->persist;

	if (!p || !p->header || p->is_old)
		return;
	*p->header = p->wanted;
	p->header->magic = 0;
	atomic_thread_fence(memory_order_release);
	p->header->magic = PERSIST_MAGIC;
}

/* All addresses stay valid. Whoever undoes a device undoes it for this process only. */
void persist_seal(struct lm_ctx *ctx)
{
	struct persist *p = ctx->persist;
	void *copy;

	if (!p || !p->outlives)
		return;
	copy = malloc(p->size);
	if (!copy)
		return;
	memcpy(copy, p->header, p->size);
	if (mmap(p->header, p->size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
		memcpy(p->header, copy, p->size);
	free(copy);
}

/* ---- parts ----------------------------------------------------------------------- */

bool persist_is_old(const struct lm_ctx *ctx)
{
	return ctx->persist && ctx->persist->is_old;
}

void *persist_part(const struct lm_ctx *ctx, enum persist_kind kind)
{
	return ctx->persist && ctx->persist->header ? ctx->persist->part[kind] : NULL;
}

uint64_t *persist_registers(struct lm_ctx *ctx, uint32_t nr)
{
	uint64_t *values = persist_part(ctx, PERSIST_REGISTERS);

	if (!values)
		return NULL;
	values += ctx->persist->nr_registers;
	ctx->persist->nr_registers += nr;
	return values;
}

void *persist_device(const struct lm_ctx *ctx)
{
	return ctx->persist ? ctx->persist->part[PERSIST_DEVICE] : NULL;
}

LM_EXPORT void *lm_state(lm_ctx_t *ctx)
{
	return persist_device(ctx);
}
