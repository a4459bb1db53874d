/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fixture.c - see fixture.h. The device's thread takes the lock for each turn of its
 * loop, so that a test can call the device's own functions in between, as the control
 * endpoint does. Nothing is asserted with the lock held: a failed assertion jumps out,
 * and teardown needs it.
 */
#include "fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "base/option.h"
#include "base/prop.h"

static struct {
	char   text[256];
	size_t len;
} heard;

static void *serve(void *arg)
{
	struct fixture *f = arg;
	struct pollfd pfd = { .fd = lm_ctx_fd(f->ctx), .events = POLLIN };
	int ret;

	do {
		poll(&pfd, 1, 100);
		pthread_mutex_lock(&f->lock);
		ret = lm_ctx_poll(f->ctx);
		pthread_mutex_unlock(&f->lock);
	} while (ret >= 0);
	return NULL;
}

int fixture_set_option(const struct device_type *type, void *dev, const char *name,
		       const char *value)
{
	lm_dev_info_t info = *type->info;
	struct option_fault fault;

	info.pvt = dev;
	return option_set_value(&info, name, value, &fault);
}

int fixture_new(const struct device_type *type, void **dev)
{
	lm_dev_info_t info = *type->info;
	struct option_fault fault;
	int ret;

	ret = device_new(type, dev);
	info.pvt = *dev;
	return ret ?: option_set_defaults(&info, &fault);
}

static void set_options(struct fixture *f, const char *const *options)
{
	char name[64];
	size_t len;

	for (; options && *options; options++) {
		len = strcspn(*options, "=");
		assert_true(len < sizeof(name) && (*options)[len]);
		snprintf(name, sizeof(name), "%.*s", (int)len, *options);
		assert_int_equal(fixture_set_option(f->type, f->dev, name, *options + len + 1), 0);
	}
}

void fixture_start(struct fixture *f, const char *type, const char *const *options)
{
	lm_dev_info_t info;
	int sv[2];

	memset(f, 0, sizeof(*f));
	f->intx = -1;
	heard.len = 0;
	f->type = device_find(type);
	assert_non_null(f->type);
	assert_int_equal(fixture_new(f->type, &f->dev), 0);
	set_options(f, options);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	info = *f->type->info;
	info.pvt = f->dev;
	info.fd = sv[0];
	info.flags |= LM_DEV_CONN_FD | LM_DEV_NO_CONTROL;
	f->ctx = lm_ctx_create(&info);
	assert_non_null(f->ctx);

	pthread_mutex_init(&f->lock, NULL);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	assert_int_equal(lm_client_connect_fd(sv[1], NULL, &f->client), 0);
}

void fixture_stop(struct fixture *f)
{
	lm_client_close(f->client);
	lm_ctx_stop(f->ctx);
	pthread_join(f->thread, NULL);
	lm_ctx_destroy(f->ctx);
	device_free(f->type, f->dev);
	pthread_mutex_destroy(&f->lock);
	if (f->intx >= 0)
		close(f->intx);
}

uint64_t fixture_read(struct fixture *f, uint32_t region, uint64_t offset, size_t width)
{
	uint64_t value = 0;
	int err = lm_client_region_read(f->client, region, offset, &value, width);

	assert_int_equal(err, 0);
	return value;
}

void fixture_write(struct fixture *f, uint32_t region, uint64_t offset, uint64_t value,
		   size_t width)
{
	int err = lm_client_region_write(f->client, region, offset, &value, width);

	assert_int_equal(err, 0);
}

void fixture_reset(struct fixture *f)
{
	assert_int_equal(lm_client_device_reset(f->client), 0);
}

int fixture_set(struct fixture *f, const char *name, const char *value)
{
	lm_dev_info_t info = *f->type->info;
	int err;

	info.pvt = f->dev;
	pthread_mutex_lock(&f->lock);
	err = prop_change(&info, name, value);
	pthread_mutex_unlock(&f->lock);
	return err;
}

void fixture_assert_prop(struct fixture *f, const char *name, const char *value)
{
	lm_dev_info_t info = *f->type->info;
	char buf[64];
	int err;

	info.pvt = f->dev;
	pthread_mutex_lock(&f->lock);
	err = prop_get(&info, name, buf, sizeof(buf));
	pthread_mutex_unlock(&f->lock);
	assert_int_equal(err, 0);
	assert_string_equal(buf, value);
}

void fixture_arm_intx(struct fixture *f)
{
	lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_INTX_IRQ_INDEX,
		.count = 1,
		.fds = &f->intx,
	};

	f->intx = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(f->intx >= 0);
	assert_int_equal(lm_client_set_irqs(f->client, &set), 0);
}

void fixture_unmask_intx(struct fixture *f)
{
	lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK,
		.index = VFIO_PCI_INTX_IRQ_INDEX,
		.count = 1,
	};

	assert_int_equal(lm_client_set_irqs(f->client, &set), 0);
}

uint64_t fixture_taken(int fd)
{
	eventfd_t count = 0;

	if (eventfd_read(fd, &count))
		assert_int_equal(errno, EAGAIN);
	return count;
}

bool fixture_line(struct fixture *f)
{
	return fixture_read(f, LM_CFG_REG_IDX, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT;
}

/* The library's is called as well: what it refuses is an error of the device. */
int __real_lm_event(lm_ctx_t *ctx, const char *name, uint64_t value);
int __wrap_lm_event(lm_ctx_t *ctx, const char *name, uint64_t value);

int __wrap_lm_event(lm_ctx_t *ctx, const char *name, uint64_t value)
{
	const size_t room = sizeof(heard.text) - heard.len;
	const int len = snprintf(heard.text + heard.len, room, "%s%s=0x%llx", heard.len ? " " : "",
				 name, (unsigned long long)value);
	const int err = __real_lm_event(ctx, name, value);

	if (err)
		abort();
	if ((size_t)len < room)
		heard.len += (size_t)len;
	return 0;
}

static uint64_t armed_ns;
int __real_lm_timer_arm(lm_timer_t *timer, uint64_t delay_ns, uint64_t interval_ns);
int __wrap_lm_timer_arm(lm_timer_t *timer, uint64_t delay_ns, uint64_t interval_ns);

int __wrap_lm_timer_arm(lm_timer_t *timer, uint64_t delay_ns, uint64_t interval_ns)
{
	armed_ns = delay_ns;
	return __real_lm_timer_arm(timer, delay_ns, interval_ns);
}

uint64_t fixture_armed_ns(struct fixture *f)
{
	uint64_t ns;

	fixture_read(f, LM_CFG_REG_IDX, 0, 4);
	pthread_mutex_lock(&f->lock);
	ns = armed_ns;
	pthread_mutex_unlock(&f->lock);
	return ns;
}

/* A write is posted: that it was served is known when a read is. */
void fixture_assert_heard(struct fixture *f, const char *expected)
{
	char text[sizeof(heard.text)];

	fixture_read(f, LM_CFG_REG_IDX, 0, 4);
	pthread_mutex_lock(&f->lock);
	memcpy(text, heard.text, heard.len);
	text[heard.len] = '\0';
	heard.len = 0;
	pthread_mutex_unlock(&f->lock);
	assert_string_equal(text, expected);
}

void fixture_copy_state(struct fixture *from, struct fixture *to)
{
	static char state[1 << 18];
	size_t len = sizeof(state);
	int err;

	pthread_mutex_lock(&from->lock);
	err = lm_ctx_save(from->ctx, state, &len);
	pthread_mutex_unlock(&from->lock);
	assert_int_equal(err, 0);

	pthread_mutex_lock(&to->lock);
	err = lm_ctx_load(to->ctx, state, len);
	pthread_mutex_unlock(&to->lock);
	assert_int_equal(err, 0);
}
