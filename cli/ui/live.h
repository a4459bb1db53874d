/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live.h - the sleep of verbs that print until they are stopped, by a signal, by a
 * reader that disconnects, or by time. Signals come through in live_wait() only.
 */
#ifndef MUSCTL_LIVE_H
#define MUSCTL_LIVE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct timespec;

/* From now on SIGINT, SIGTERM and SIGHUP only end the stream. timeout_ns 0: no end. */
void live_begin(uint64_t timeout_ns);

bool live_is_over(void);

/* ppoll(2), until the stream's end at most, not at all after it; fds has room for one more than
 * nr. timeout NULL: none. */
void live_wait(struct pollfd *fds, nfds_t nr, const struct timespec *timeout);

/* Whoever has much to print looks around once in a while. */
void live_look(void);

/* Exit status: 0, or 124 after telling so if time was up. */
int live_end(void);

#endif /* MUSCTL_LIVE_H */
