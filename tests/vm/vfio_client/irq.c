/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq.c - interrupts: information, every form of VFIO_DEVICE_SET_IRQS, waiting for them.
 *
 * Eventfds are made where "new" is asked for, and remembered by index and vector.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client.h"

static const char *const index_names[] = { "intx", "msi", "msix", "err", "req" };

static int irq_index(const char *word, uint32_t *index)
{
	uint64_t value;
	size_t i;

	for (i = 0; i < NR(index_names); i++)
		if (!strcmp(index_names[i], word)) {
			*index = i;
			return 0;
		}
	if (number(word, &value))
		return -EPROTO;
	*index = value;
	return 0;
}

static int print_irq(struct client *c, uint32_t index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };
	int ret = xioctl(c->device, VFIO_DEVICE_GET_IRQ_INFO, &info);

	if (ret < 0)
		return ret;
	printf("%u count=%u%s%s%s%s\n", index, info.count,
	       info.flags & VFIO_IRQ_INFO_EVENTFD ? " eventfd" : "",
	       info.flags & VFIO_IRQ_INFO_MASKABLE ? " maskable" : "",
	       info.flags & VFIO_IRQ_INFO_AUTOMASKED ? " automasked" : "",
	       info.flags & VFIO_IRQ_INFO_NORESIZE ? " noresize" : "");
	return 0;
}

static int run_irq(struct client *c, int argc, char **argv)
{
	uint32_t index;

	return irq_index(argv[0], &index) ? -EPROTO : print_irq(c, index);
}

static int run_irqs(struct client *c, int argc, char **argv)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	uint32_t i;
	int ret = xioctl(c->device, VFIO_DEVICE_GET_INFO, &info);

	for (i = 0; ret >= 0 && i < info.num_irqs; i++)
		ret = print_irq(c, i);
	return ret;
}

static int flag(const char *word, uint32_t *flags)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} names[] = {
		{ "none", VFIO_IRQ_SET_DATA_NONE },
		{ "bool", VFIO_IRQ_SET_DATA_BOOL },
		{ "eventfd", VFIO_IRQ_SET_DATA_EVENTFD },
		{ "mask", VFIO_IRQ_SET_ACTION_MASK },
		{ "unmask", VFIO_IRQ_SET_ACTION_UNMASK },
		{ "trigger", VFIO_IRQ_SET_ACTION_TRIGGER },
	};
	uint64_t value;
	size_t i;

	for (i = 0; i < NR(names); i++)
		if (!strcmp(names[i].name, word)) {
			*flags |= names[i].flag;
			return 0;
		}
	if (number(word, &value))
		return -EPROTO;
	*flags |= value;
	return 0;
}

/*
 * "new": an eventfd, for its index and vector; "old": the same again; "trigger": the one that the
 * vector signals; else a number.
 */
static int eventfd_word(const char *word, int *slot, int32_t *value)
{
	uint64_t other;

	if (!strcmp(word, "-1")) {
		*value = -1;
		return 0;
	}
	if (!strcmp(word, "new")) {
		if (*slot > 0)
			close(*slot);
		*slot = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (*slot < 0)
			return -errno;
		*value = *slot;
		return 0;
	}
	if (!strcmp(word, "old")) {
		*value = *slot;
		return 0;
	}
	if (number(word, &other))
		return -EPROTO;
	*value = other;
	return 0;
}

static int eventfds(struct client *c, struct vfio_irq_set *set, int argc, char **argv)
{
	int *slot, i, ret = 0;
	int32_t fd = -1;

	for (i = 0; i < argc; i++) {
		if (set->index >= MAX_INDEXES || set->start + i >= MAX_VECTORS)
			return unexpected("more vectors than this program has");
		slot = set->flags & VFIO_IRQ_SET_ACTION_TRIGGER ?
			&c->eventfd[set->index][set->start + i] : &c->unmask[set->index];
		if (!strcmp(argv[i], "trigger"))
			fd = c->eventfd[set->index][set->start + i];
		else
			ret = eventfd_word(argv[i], slot, &fd);
		if (ret)
			return ret;
		memcpy(set->data + i * sizeof(fd), &fd, sizeof(fd));
	}
	set->argsz += argc * sizeof(fd);
	return 0;
}

static int bools(struct vfio_irq_set *set, int argc, char **argv)
{
	uint64_t value;
	int i;

	for (i = 0; i < argc; i++) {
		if (number(argv[i], &value))
			return -EPROTO;
		set->data[i] = value;
	}
	set->argsz += argc;
	return 0;
}

static int run_set(struct client *c, int argc, char **argv)
{
	static char buffer[sizeof(struct vfio_irq_set) + MAX_WORDS * sizeof(int32_t)];
	struct vfio_irq_set *set = (struct vfio_irq_set *)buffer;
	uint64_t start, count;
	int ret = 0;

	memset(buffer, 0, sizeof(buffer));
	set->argsz = sizeof(*set);
	if (irq_index(argv[0], &set->index) || flag(argv[1], &set->flags) ||
	    flag(argv[2], &set->flags) || number(argv[3], &start) || number(argv[4], &count))
		return -EPROTO;
	set->start = start;
	set->count = count;
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		ret = eventfds(c, set, argc - 5, argv + 5);
	else if (set->flags & VFIO_IRQ_SET_DATA_BOOL)
		ret = bools(set, argc - 5, argv + 5);
	return ret ? ret : xioctl(c->device, VFIO_DEVICE_SET_IRQS, set);
}

static int vector(struct client *c, char **argv, int *fd)
{
	uint64_t nr;
	uint32_t index;

	if (irq_index(argv[0], &index) || number(argv[1], &nr) || index >= MAX_INDEXES ||
	    nr >= MAX_VECTORS || c->eventfd[index][nr] <= 0)
		return unexpected("%s %s has no eventfd", argv[0], argv[1]);
	*fd = c->eventfd[index][nr];
	return 0;
}

static int signalled(int fd, int ms, uint64_t *count)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	*count = 0;
	if (poll(&poller, 1, ms) < 0)
		return -errno;
	if (poller.revents && read(fd, count, sizeof(*count)) < 0)
		return -errno;
	return 0;
}

/* How often it fired, once it has; none within the time is ETIMEDOUT. */
static int run_wait(struct client *c, int argc, char **argv)
{
	uint64_t ms = 5000, count;
	int fd, ret;

	if (vector(c, argv, &fd) || (argc > 2 && number(argv[2], &ms)))
		return -EPROTO;
	ret = signalled(fd, ms, &count);
	if (ret || !count)
		return ret ? ret : -ETIMEDOUT;
	printf("%llu\n", (unsigned long long)count);
	return 0;
}

static int run_quiet(struct client *c, int argc, char **argv)
{
	uint64_t ms = 100, count;
	int fd, ret;

	if (vector(c, argv, &fd) || (argc > 2 && number(argv[2], &ms)))
		return -EPROTO;
	ret = signalled(fd, ms, &count);
	if (!ret && count)
		return unexpected("%s %s fired %llu times", argv[0], argv[1],
				  (unsigned long long)count);
	return ret;
}

/* Signal the eventfd that was given to unmask the index. */
static int run_eoi(struct client *c, int argc, char **argv)
{
	uint64_t one = 1;
	uint32_t index;

	if (irq_index(argv[0], &index) || index >= MAX_INDEXES || c->unmask[index] <= 0)
		return -EPROTO;
	return write(c->unmask[index], &one, sizeof(one)) < 0 ? -errno : 0;
}

const struct command irq_commands[] = {
	{ "irq", "INDEX: count and flags", 1, run_irq },
	{ "irqs", "", 0, run_irqs },
	{ "set",
	  "INDEX none|bool|eventfd trigger|mask|unmask START COUNT [new|old|trigger|-1|N]...",
	  5, run_set },
	{ "wait", "INDEX VECTOR [MS]: until it fires; prints how often", 2, run_wait },
	{ "quiet", "INDEX VECTOR [MS]: it does not fire", 2, run_quiet },
	{ "eoi", "INDEX: signal the eventfd that unmasks", 1, run_eoi },
	{ 0 },
};
