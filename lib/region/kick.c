/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kick.c - writes that signal an eventfd and end there (lm_ioeventfd_t).
 *
 * A client that writes to the region, as QEMU does, signals the eventfd by the rules of
 * KVM_IOEVENTFD: offset, width and value match, or the write is one like any other. Descriptions
 * that no write could match, or one write twice, are refused.
 * A client may also ask for eventfds to write itself. It never gets the device's own: whoever has
 * an eventfd can read it, fill it, change its flags for all, and keep it. So the client has others,
 * made when it asks and dropped when it leaves; what it writes there is forwarded in the loop.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/eventfd.h"
#include "base/kernel.h"
#include "base/peer_fd.h"
#include "region/kick.h"

#define KICKS_MAX 64
#define WIDTH_MAX 8

/* An eventfd of the client, for all kicks that have the same one of the device. */
struct lent_kick {
	struct source src;
	int device_fd;
	long id; /* eventfd_id() */
	struct lent_kick *next;
};

static bool has_value(const lm_ioeventfd_t *k)
{
	return k->flags & LM_IOEVENTFD_DATAMATCH;
}

static const char *kick_fault(const struct region *r, const lm_ioeventfd_t *k)
{
	if (k->size > WIDTH_MAX || (k->size & (k->size - 1)))
		return "its size must be 1, 2, 4 or 8, or 0 for any";
	if (out_of_range(k->offset, k->size ?: 1, r->info.size))
		return "it extends beyond the region";
	if (k->flags & ~LM_IOEVENTFD_DATAMATCH)
		return "a flag that this libmuser does not know";
	if (k->reserved)
		return "a reserved member is not 0";
	if (has_value(k) && (!k->size || (k->size < WIDTH_MAX && k->datamatch >> 8 * k->size)))
		return "datamatch does not fit its size";
	return peer_fd_is_eventfd(k->fd) ? NULL : "fd is not an eventfd";
}

static const char *table_fault(const struct region *r, uint32_t *at)
{
	const lm_ioeventfd_t *k = r->info.ioeventfds, *other;
	const char *fault;
	uint32_t i;

	*at = 0;
	if (r->info.nr_ioeventfds > KICKS_MAX)
		return "there are more than 64";
	if (r->info.nr_ioeventfds && !(r->info.flags & LM_REG_FLAG_WRITE))
		return "clients cannot write to the region";
	for (i = 0; i < r->info.nr_ioeventfds; i++, k++) {
		*at = i;
		fault = kick_fault(r, k);
		if (fault)
			return fault;
		for (other = r->info.ioeventfds; other < k; other++) {
			if (other->offset != k->offset ||
			    (other->size && k->size && other->size != k->size))
				continue;
			if (!has_value(other) || !has_value(k) || other->datamatch == k->datamatch)
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

bool kick_write(const struct region *r, struct access *a)
{
	uint64_t value = 0;
	uint32_t i;

	if (!a->is_write || a->pos || a->count > WIDTH_MAX)
		return false;
	memcpy(&value, a->buf, a->count);
	value = le64toh(value);
	for (i = 0; i < r->info.nr_ioeventfds; i++) {
		const lm_ioeventfd_t *k = &r->info.ioeventfds[i];

		if (k->offset != a->offset || (k->size && k->size != a->count) ||
		    (has_value(k) && k->datamatch != value))
			continue;
		eventfd_kick(k->fd);
		a->kicked = true;
		return true;
	}
	return false;
}

/* ---- eventfds for the client ----------------------------------------------------- */

/*
 * The edge says that the client has written, whatever it did since then; the read only makes room
 * for the next time.
 */
static void lent_ready(struct source *src, uint32_t events)
{
	const struct lent_kick *lent = container_of(src, struct lent_kick, src);
	uint64_t value;

	kernel_read(src->fd, &value, sizeof(value), RWF_NOWAIT);
	eventfd_kick(lent->device_fd);
}

int kick_lend(struct lm_ctx *ctx, int device_fd)
{
	struct lent_kick *lent;
	int ret;

	for (lent = ctx->lent_kicks; lent; lent = lent->next) {
		if (lent->device_fd == device_fd)
			return lent->src.fd;
	}
	lent = malloc(sizeof(*lent));
	if (!lent)
		return -ENOMEM;
	lent->device_fd = device_fd;
	lent->src.fn = lent_ready;
	lent->src.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = lent->src.fd < 0 ? -errno : loop_add(&ctx->loop, &lent->src, EPOLLIN | EPOLLET);
	if (ret) {
		if (lent->src.fd >= 0)
			close(lent->src.fd);
		free(lent);
		return ret;
	}
	lent->id = eventfd_id(lent->src.fd);
	lent->next = ctx->lent_kicks;
	ctx->lent_kicks = lent;
	return lent->src.fd;
}

bool kick_has_lent(const struct lm_ctx *ctx, const int *fds, uint32_t nr)
{
	const struct lent_kick *lent;

	while (ctx->lent_kicks && nr--) {
		const long id = eventfd_id(fds[nr]);

		for (lent = ctx->lent_kicks; id >= 0 && lent; lent = lent->next) {
			if (lent->id == id)
				return true;
		}
	}
	return false;
}

void kick_disconnect(struct lm_ctx *ctx)
{
	struct lent_kick *lent;

	while ((lent = ctx->lent_kicks)) {
		ctx->lent_kicks = lent->next;
		loop_remove(&ctx->loop, &lent->src);
		close(lent->src.fd);
		free(lent);
	}
}
