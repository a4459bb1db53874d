/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * detach.h - device processes in the background, and the wait until one can be used. A
 * detached process holds no descriptor of its caller. What it says on stderr goes to its holder
 * (holder.h), which keeps it, and until it is ready to the stderr of the one who waits.
 */
#ifndef MUSCTL_DETACH_H
#define MUSCTL_DETACH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct detached {
	/* of the caller */
	const char *uuid;    /* of its device */
	const char *program; /* what to call it */
	const char *hint;    /* what may be wrong with one that is not ready in time, or NULL */
	bool is_tied;        /* it ends with us, and has no log */
	/* detach_start()'s */
	pid_t pid;
	bool is_started;
	int holder;    /* socket */
	int status;    /* of waitpid(2), once it has ended */
	bool is_ended; /* it is a zombie until we close the socket: nobody else gets its number */
	bool is_done;  /* the holder has answered; what it says is answer */
	bool is_lost;  /* it does not answer: it was killed, or stopped */
	int answer;
	size_t len, shown; /* of what it has said */
	bool is_open;      /* what was shown ends within a line */
};

#define DETACH_TIMEOUT_NS 10000000000ULL /* until its device answers */

/* child() returns an exit status. 0, or the status of a printed error. */
int detach_start(struct detached *d, int (*child)(void *arg), void *arg);

#define DETACH_ENDED (-1)

/* 0: the device answers. DETACH_ENDED: the process has ended, d->status says how. Else the
 * status of a printed error; the process has been ended then. What it has said is on stderr. */
int detach_wait(struct detached *d, uint64_t timeout_ns);

/* It has ended before its device answered: says how, unless it has said why itself. Nothing that it
 * has started is left. */
int detach_died(struct detached *d);

/* It is ready: from now on it has a log. Prints the UUID. 0, or ST_FAILED: the process is gone, as
 * nobody learns of it. */
int detach_print(struct detached *d);

/* Passes on what it says. Sleeps until it says something, has ended, or a signal comes that is not
 * in mask. */
void detach_pass(struct detached *d, const sigset_t *mask);

/* It is asked to end its device and itself, then killed; nothing of it is left. 0, or the status of
 * a printed error: it had failed before. */
int detach_finish(struct detached *d);

/* SIGTERM, then SIGKILL, to the process; nothing that it has started is left. */
void detach_kill(struct detached *d);

#endif /* MUSCTL_DETACH_H */
