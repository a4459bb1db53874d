/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kick.c - writes that signal an eventfd and end there (lm_ioeventfd_t).
 *
 * A client may ask for the eventfds and write them itself. One that does not, as QEMU, writes to
 * the region, and then it is here that the eventfd is signalled, by the rules of KVM_IOEVENTFD:
 * offset, width and value match, or the write is one like any other. Descriptions that no write
 * could match, or one write twice, are refused.
 */
#include <endian.h>
#include <string.h>

#include "internal.h"
#include "peer_fd.h"

#define KICKS_MAX 64
#define WIDTH_MAX 8

static bool has_value(const lm_ioeventfd_t *k)
{
	return k->flags & LM_IOEVENTFD_DATAMATCH;
}

static const char *kick_fault(const struct region *r, const lm_ioeventfd_t *k)
{
	if (k->size > WIDTH_MAX || (k->size & (k->size - 1)))
		return "its size must be 1, 2, 4 or 8, or 0 for any";
	if (out_of_range(k->offset, k->size ?: 1, r->info.size))
		return "it leaves the region";
	if (k->flags & ~LM_IOEVENTFD_DATAMATCH)
		return "unknown flags";
	if (k->reserved)
		return "a reserved member is not 0";
	if (has_value(k) && (!k->size || (k->size < WIDTH_MAX && k->datamatch >> 8 * k->size)))
		return "datamatch is not a value of its size";
	return peer_fd_is_eventfd(k->fd) ? NULL : "fd is not an eventfd";
}

/* Is there a write that both match? */
static bool kicks_collide(const lm_ioeventfd_t *a, const lm_ioeventfd_t *b)
{
	return a->offset == b->offset && (!a->size || !b->size || a->size == b->size) &&
	       (!has_value(a) || !has_value(b) || a->datamatch == b->datamatch);
}

static const char *table_fault(const struct region *r, uint32_t *at)
{
	const lm_ioeventfd_t *k = r->info.ioeventfds;
	const char *fault;
	uint32_t i, j;

	*at = 0;
	if (r->info.nr_ioeventfds > KICKS_MAX)
		return "there are more than 64";
	if (r->info.nr_ioeventfds && !(r->info.flags & LM_REG_FLAG_WRITE))
		return "clients cannot write to the region";
	for (i = 0; i < r->info.nr_ioeventfds; i++) {
		*at = i;
		fault = kick_fault(r, &k[i]);
		if (fault)
			return fault;
		for (j = 0; j < i; j++) {
			if (kicks_collide(&k[j], &k[i]))
				return "another one matches the same writes";
		}
	}
	return NULL;
}

int kick_check(struct lm_ctx *ctx, uint32_t index)
{
	const struct region *r = region_get(ctx, index);
	const char *fault;
	uint32_t at;

	fault = table_fault(r, &at);
	if (!fault)
		return 0;
	log_err(ctx, "region %u: ioeventfds[%u], offset 0x%llx: %s", index, at,
		(unsigned long long)r->info.ioeventfds[at].offset, fault);
	return -EINVAL;
}

static bool kick_matches(const lm_ioeventfd_t *k, const struct access *a, uint64_t value)
{
	return k->offset == a->offset && (!k->size || k->size == a->count) &&
	       (!has_value(k) || k->datamatch == value);
}

bool kick_write(const struct region *r, struct access *a)
{
	uint64_t value = 0;
	uint32_t i;

	if (!a->is_write || a->pos || a->count > WIDTH_MAX)
		return false;
	memcpy(&value, a->buf, a->count);
	value = le64toh(value);
	for (i = 0; i < r->info.nr_ioeventfds; i++) {
		if (!kick_matches(&r->info.ioeventfds[i], a, value))
			continue;
		eventfd_kick(r->info.ioeventfds[i].fd);
		a->kicked = true;
		return true;
	}
	return false;
}
