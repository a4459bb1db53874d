/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace_follow.h - the records of several devices in the order of their times, as they come.
 */
#ifndef MUSCTL_TRACE_FOLLOW_H
#define MUSCTL_TRACE_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "dev/instance.h"
#include "dev/tracer.h"

struct pollfd;

struct trace_follow {
	struct tracer *tracers;
	struct pollfd *fds; /* two for each, one for the stream */
	size_t nr;
	uint64_t timeout_ns; /* 0: none */
	void *arg;
	/* A record has come: t->record. false: that was enough. */
	bool (*take)(void *arg, const struct tracer *t);
	/* Records were lost, before the next that is taken. */
	void (*lost)(void *arg, const struct tracer *t, uint64_t nr);
	/* A device has ended, but not in order: t->fate. */
	void (*crashed)(void *arg, const struct tracer *t);
	int status; /* of the first of these */
};

/* 0, or the status of a printed error. */
int trace_follow_open(struct trace_follow *f, const struct words *devices);
void trace_follow_close(struct trace_follow *f);

/* Until the stream is over, all devices have ended, or take() has had enough. An exit
 * status. */
int trace_follow_run(struct trace_follow *f);

#endif /* MUSCTL_TRACE_FOLLOW_H */
