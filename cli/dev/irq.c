/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq.c - how users name interrupts, what became of them, and interrupts over --socket: as
 * a client we can ask what there is, and give the server an eventfd of ours to see whether an
 * interrupt comes. Masks would not outlive our connection.
 */
#include "dev/irq.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <muser.h>

#include "base/json.h"

#include "ui/error.h"
#include "ui/names.h"
#include "ui/parse.h"
#include "ui/value.h"

#define FIRE_TIMEOUT_MS 1000
#define INDEX_CHARS     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* Which kind a guest that has enabled several uses. */
static const uint32_t order[] = { LM_DEV_MSIX_IRQ_IDX, LM_DEV_MSI_IRQ_IDX, LM_DEV_INTX_IRQ_IDX };

const struct column irq_columns[] = {
	[IRQ] = { "IRQ", 4, 0, "kind of interrupt: intx, msi, msix, err, req; or its name" },
	[VECTOR] = { "VECTOR", 6, COLUMN_RIGHT, "vector; empty: none of this kind is in use" },
	[OF] = { "OF", 4, COLUMN_RIGHT, "how many vectors there are" },
	[ENABLED] = { "ENABLED", 7, 0, "the guest can get this kind now" },
	[EVENTFD] = { "EVENTFD", 7, 0, "the client has assigned an eventfd" },
	[MASKED] = { "MASKED", 6, 0, "masked, by guest, client or musctl" },
	[PENDING] = { "PENDING", 7, 0, "waits to be unmasked, or for an eventfd" },
	[COUNT] = { "COUNT", 6, COLUMN_RIGHT, "delivered so far" },
	[OUTCOME] = { "OUTCOME", 9, COLUMN_EXTRA,
		      "delivered, pending, no-eventfd, bus-master-off, masked, unmasked" },
	{ 0 }
};

int irq_parse(const char *word, struct irq *irq)
{
	const char *colon = strchr(word, ':');
	const size_t len = colon ? (size_t)(colon - word) : 0;

	irq->word = word;
	irq->index = -1;
	if (colon && (!len || strspn(word, INDEX_CHARS) != len))
		return error(ST_USAGE, word, "'%.*s' is not the name of an interrupt", (int)len,
			     word);
	if (!parse_u32(colon ? colon + 1 : word, &irq->vector))
		return error(ST_USAGE, word,
			     errno == ERANGE ? "the vector is larger than 0xffffffff" :
					       "is not [INDEX:]VECTOR");
	return 0;
}

const char *irq_word(const struct target *t, const struct irq *irq)
{
	static char word[96];

	snprintf(word, sizeof(word), "%.64s:%u", name_of_irq(&t->names, (uint32_t)irq->index),
		 irq->vector);
	return word;
}

int irq_outcome(const struct target *t, const struct irq *irq, const char *outcome)
{
	static const char *const good[] = { "delivered", "pending", "masked", "unmasked" };
	size_t i;

	for (i = 0; i < LM_NR(good); i++) {
		if (!strcmp(outcome, good[i]))
			return 0;
	}
	if (!strcmp(outcome, "no-eventfd"))
		return error(ST_FAILED, irq_word(t, irq),
			     "the interrupt is lost: no client has "
			     "assigned an eventfd to it");
	if (!strcmp(outcome, "bus-master-off"))
		return error(ST_FAILED, irq_word(t, irq),
			     "the interrupt is lost: the guest does not "
			     "allow bus mastering (COMMAND.BusMaster)");
	return error(ST_FAILED, irq_word(t, irq), "the interrupt is lost: %s", outcome);
}

/* ---- which one it is ------------------------------------------------------------- */

static int in_use(struct json_object *irqs)
{
	struct json_object *irq;
	int there = LM_DEV_INTX_IRQ_IDX;
	size_t i, j;

	for (j = 0; j < LM_NR(order); j++) {
		for (i = 0; (irq = json_at(irqs, i)); i++) {
			if (value_u64(irq, "index") != order[j])
				continue;
			there = (int)order[j];
			if (value_bool(irq, "enabled"))
				return there;
		}
	}
	return there;
}

static bool has_vector(struct json_object *irqs, uint32_t index, uint32_t vector)
{
	struct json_object *irq;
	size_t i;

	for (i = 0; (irq = json_at(irqs, i)); i++) {
		if (value_u64(irq, "index") == index)
			return vector < value_u64(irq, "count");
	}
	return false;
}

static int choose(const struct target *t, struct irq *irq)
{
	size_t i;

	irq->index = in_use(t->names.irqs);
	if (has_vector(t->names.irqs, (uint32_t)irq->index, irq->vector))
		return 0;
	for (i = 0; i < LM_NR(order); i++) {
		if (has_vector(t->names.irqs, order[i], irq->vector))
			return error(ST_FAILED, irq_word(t, irq),
				     "no such interrupt (%s:%u is one; musctl "
				     "irq list shows them)",
				     name_of_irq(&t->names, order[i]), irq->vector);
	}
	return 0;
}

/* How many vectors an index has; 0: there is none. */
static uint32_t vectors_of(struct target *t, uint32_t index)
{
	struct vfio_irq_info info;
	struct json_object *irq;
	size_t i;

	if (t->client)
		return lm_client_irq_info(t->client, index, &info) ? 0 : info.count;
	for (i = 0; (irq = json_at(t->names.irqs, i)); i++) {
		if (value_u64(irq, "index") == index)
			return (uint32_t)value_u64(irq, "count");
	}
	return 0;
}

/* The first kind that there is. */
static int choose_of_server(struct target *t, struct irq *irq)
{
	size_t i;

	for (i = 0; i < LM_NR(order); i++) {
		irq->index = (int)order[i];
		if (vectors_of(t, order[i]))
			return 0;
	}
	return error(ST_UNSUPPORTED, t->name, "the device has no interrupts");
}

static int no_such(const char *word)
{
	return error(ST_FAILED, word, "no such interrupt (musctl irq list shows them)");
}

/* Vectors of all interrupts are counted one after the other. */
static int count_through(struct target *t, struct irq *irq)
{
	uint32_t left = irq->vector, index, nr;

	for (index = 0; (nr = vectors_of(t, index)); index++) {
		if (left < nr) {
			irq->index = (int)index;
			irq->vector = left;
			return 0;
		}
		left -= nr;
	}
	return no_such(irq->word);
}

static int find_index(const struct target *t, struct irq *irq)
{
	char index[64];
	uint32_t number;

	snprintf(index, sizeof(index), "%.*s", (int)strcspn(irq->word, ":"), irq->word);
	if (!name_to_irq(&t->names, index, &number) &&
	    (!parse_u32(index, &number) || number > INT_MAX ||
	     (!t->names.not_pci && number >= LM_DEV_NUM_IRQS)))
		return t->names.not_pci ?
			       no_such(irq->word) :
			       error(ST_USAGE, irq->word,
				     "'%s' is not one of intx, msi, msix, err, req", index);
	irq->index = (int)number;
	return 0;
}

int irq_find(struct target *t, struct irq *irq)
{
	if (strchr(irq->word, ':'))
		return find_index(t, irq);
	if (t->names.not_pci)
		return count_through(t, irq);
	return t->client ? choose_of_server(t, irq) : choose(t, irq);
}

/* ---- over --socket --------------------------------------------------------------- */

int irq_socket_list(struct target *t, struct out *out)
{
	const uint32_t nr = t->names.not_pci ? t->nr_irqs : LM_DEV_NUM_IRQS;
	struct vfio_irq_info info;
	uint32_t i;
	int err;

	for (i = 0; i < nr; i++) {
		err = lm_client_irq_info(t->client, i, &info);
		if (err == -EINVAL)
			continue; /* the server has no such kind */
		if (err)
			return target_failed(t, name_of_irq(&t->names, i), err);
		if (!info.count)
			continue;
		out_row(out);
		out_text(out, IRQ, name_of_irq(&t->names, i));
		out_u64(out, OF, info.count);
	}
	return 0;
}

static int fire(struct target *t, const struct irq *irq, int fd)
{
	lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = (uint32_t)irq->index,
		.start = irq->vector,
		.count = 1,
		.fds = &fd,
	};
	int err = lm_client_set_irqs(t->client, &set);

	if (err)
		return err;
	set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
	return lm_client_set_irqs(t->client, &set);
}

int irq_socket_fire(struct target *t, const struct irq *irq, const char **outcome)
{
	struct pollfd pfd = { .events = POLLIN };
	int err, fd;

	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return error(ST_FAILED, NULL, "eventfd: %m");
	pfd.fd = fd;
	err = fire(t, irq, fd);
	*outcome = !err && poll(&pfd, 1, FIRE_TIMEOUT_MS) > 0 ? "delivered" : "pending";
	close(fd);
	return err ? target_failed(t, name_of_irq(&t->names, (uint32_t)irq->index), err) : 0;
}
