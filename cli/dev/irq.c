/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq.c - how users name interrupts, what became of them, and interrupts over --socket: as
 * a client we can ask what there is, and give the server an eventfd of ours to see whether an
 * interrupt comes. Masks would not outlive our connection.
 */
#include "dev/irq.h"

#include <errno.h>
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

/* Which kind a guest that has enabled several uses. */
static const uint32_t order[] = { LM_DEV_MSIX_IRQ_IDX, LM_DEV_MSI_IRQ_IDX, LM_DEV_INTX_IRQ_IDX };

const struct column irq_columns[] = {
	[IRQ] = { "IRQ", 4, 0, "kind of interrupt: intx, msi, msix, err, req" },
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
	char index[16];
	uint32_t number;

	irq->index = -1;
	if (colon) {
		snprintf(index, sizeof(index), "%.*s", (int)(colon - word), word);
		if (!name_to_irq(index, &number) &&
		    (!parse_u32(index, &number) || number >= LM_DEV_NUM_IRQS))
			return error(ST_USAGE, word, "'%s' is not one of intx, msi, msix, err, req",
				     index);
		irq->index = (int)number;
	}
	if (!parse_u32(colon ? colon + 1 : word, &irq->vector))
		return error(ST_USAGE, word,
			     errno == ERANGE ? "the vector is larger than 0xffffffff" :
					       "is not [INDEX:]VECTOR");
	return 0;
}

const char *irq_word(const struct irq *irq)
{
	static char word[32];

	snprintf(word, sizeof(word), "%s:%u", name_of_irq((uint32_t)irq->index), irq->vector);
	return word;
}

int irq_outcome(const struct irq *irq, const char *outcome)
{
	static const char *const good[] = { "delivered", "pending", "masked", "unmasked" };
	size_t i;

	for (i = 0; i < LM_NR(good); i++) {
		if (!strcmp(outcome, good[i]))
			return 0;
	}
	if (!strcmp(outcome, "no-eventfd"))
		return error(ST_FAILED, irq_word(irq),
			     "the interrupt is lost: no client has "
			     "assigned an eventfd to it");
	if (!strcmp(outcome, "bus-master-off"))
		return error(ST_FAILED, irq_word(irq),
			     "the interrupt is lost: the guest does not "
			     "allow bus mastering (COMMAND.BusMaster)");
	return error(ST_FAILED, irq_word(irq), "the interrupt is lost: %s", outcome);
}

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

int irq_choose(struct json_object *irqs, struct irq *irq)
{
	char name[32];
	size_t i;

	irq->index = in_use(irqs);
	if (has_vector(irqs, (uint32_t)irq->index, irq->vector))
		return 0;
	snprintf(name, sizeof(name), "%s:%u", name_of_irq((uint32_t)irq->index), irq->vector);
	for (i = 0; i < LM_NR(order); i++) {
		if (has_vector(irqs, order[i], irq->vector))
			return error(ST_FAILED, name,
				     "no such interrupt (%s:%u is one; musctl "
				     "irq list shows them)",
				     name_of_irq(order[i]), irq->vector);
	}
	return 0;
}

int irq_socket_list(struct target *t, struct out *out)
{
	struct vfio_irq_info info;
	uint32_t i;
	int err;

	for (i = 0; i < LM_DEV_NUM_IRQS; i++) {
		err = lm_client_irq_info(t->client, i, &info);
		if (err == -EINVAL)
			continue; /* the server has no such kind */
		if (err)
			return target_failed(t, name_of_irq(i), err);
		if (!info.count)
			continue;
		out_row(out);
		out_text(out, IRQ, name_of_irq(i));
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

int irq_socket_fire(struct target *t, struct irq *irq, const char **outcome)
{
	struct pollfd pfd = { .events = POLLIN };
	struct vfio_irq_info info;
	int err, fd;
	size_t i;

	for (i = 0; irq->index < 0 && i < LM_NR(order); i++) {
		if (!lm_client_irq_info(t->client, order[i], &info) && info.count)
			irq->index = (int)order[i];
	}
	if (irq->index < 0)
		return error(ST_UNSUPPORTED, t->name, "the device has no interrupts");
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return error(ST_FAILED, NULL, "eventfd: %m");
	pfd.fd = fd;
	err = fire(t, irq, fd);
	*outcome = !err && poll(&pfd, 1, FIRE_TIMEOUT_MS) > 0 ? "delivered" : "pending";
	close(fd);
	return err ? target_failed(t, name_of_irq((uint32_t)irq->index), err) : 0;
}
