/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fixture.h - a device of a type with a client on the other end of a socketpair. A thread
 * serves the device; the test is its client and the world outside. Every function fails
 * the test by itself if something does not work.
 */
#ifndef TESTS_DEVICES_FIXTURE_H
#define TESTS_DEVICES_FIXTURE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <muser.h>
#include <muser-client.h>

#include "../../devices/devices.h"

struct fixture {
	const struct device_type *type;
	void           *dev;
	lm_ctx_t       *ctx;
	lm_client_t    *client;
	pthread_t       thread;
	pthread_mutex_t lock;   /* who serves the context, or calls into it */
	int             intx;   /* eventfd, -1: none yet */
};

/* As a device process makes one: with the defaults of its properties. 0 or -errno. */
int fixture_new(const struct device_type *type, void **dev);
/* One of its options, before it has a context. */
int fixture_set_option(const struct device_type *type, void *dev, const char *name,
		       const char *value);

/* options: "key=value" each, ends with NULL; or NULL. */
void fixture_start(struct fixture *f, const char *type, const char *const *options);
void fixture_stop(struct fixture *f);

/* As a guest. */
uint64_t fixture_read(struct fixture *f, uint32_t region, uint64_t offset,
		      size_t width);
void     fixture_write(struct fixture *f, uint32_t region, uint64_t offset,
		       uint64_t value, size_t width);
void     fixture_reset(struct fixture *f);

/* As musctl: 0 or -errno. */
int  fixture_set(struct fixture *f, const char *name, const char *value);
void fixture_assert_prop(struct fixture *f, const char *name, const char *value);

/* Interrupts: assign an eventfd to INTx; how often it was signalled since last time. */
void     fixture_arm_intx(struct fixture *f);
void     fixture_unmask_intx(struct fixture *f);
uint64_t fixture_taken(int eventfd);
/* STATUS.Interrupt of configuration space: the line as a guest sees it. */
bool     fixture_line(struct fixture *f);

/* The delay of the timer that a device has armed last. */
uint64_t fixture_armed_ns(struct fixture *f);

/* What devices have reported by lm_event() since the last look: "NAME=0xVALUE", with blanks between
 * them. */
void fixture_assert_heard(struct fixture *f, const char *expected);

/* All of the state, from one device to another of the same type. */
void fixture_copy_state(struct fixture *from, struct fixture *to);

#endif /* TESTS_DEVICES_FIXTURE_H */
