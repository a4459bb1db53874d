/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * follow.h - the records of several devices in the order of their times, as they come.
 */
#ifndef MUSCTL_FOLLOW_H
#define MUSCTL_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "instance.h"
#include "tracer.h"

struct pollfd;

struct follow {
	struct tracer *tracers;
	struct pollfd *fds; /* two for each, one for the stream */
	size_t         nr;
	uint64_t       timeout_ns; /* 0: none */
	void          *arg;
	/* A record has come: t->record. false: that was enough. */
	bool         (*take)(void *arg, const struct tracer *t);
	/* Records were lost, before the next that is taken. */
	void         (*lost)(void *arg, const struct tracer *t, uint64_t nr);
	/* A device has ended, but not in order: t->fate. */
	void         (*crashed)(void *arg, const struct tracer *t);
	int            status; /* of the first of these */
};

/* 0, or the status of a printed error. */
int  follow_open(struct follow *f, const struct words *devices);
void follow_close(struct follow *f);

/* Until the stream is over, all devices have ended, or take() has had enough. An exit
 * status. */
int follow_run(struct follow *f);

#endif /* MUSCTL_FOLLOW_H */
