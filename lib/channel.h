/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * channel.h - the seam between the protocol engine and whatever carries its messages.
 *
 * A channel moves bytes and descriptors; it knows no message. All operations are non-blocking.
 * channel_socket.c is the one for UNIX sockets; tests and fuzzers use it over a socketpair.
 */
#ifndef LM_CHANNEL_H
#define LM_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CHANNEL_MAX_FDS 16

struct channel;

struct channel_fds {
	int          fd[CHANNEL_MAX_FDS];
	unsigned int nr;
	bool         truncated; /* more came than fit: they are closed */
};

struct channel_ops {
	/* Bytes received; 0: nothing there now; -ENOTCONN: the peer has gone; -errno. Descriptors
	 * that come along are the caller's. */
	ssize_t (*recv)(struct channel *ch, void *buf, size_t len, struct channel_fds *fds);
	/* Bytes sent, 0: no room now; -errno. @fds NULL: none. They go with the first byte. */
	ssize_t (*send)(struct channel *ch, const void *buf, size_t len,
			const struct channel_fds *fds);
	void    (*close)(struct channel *ch);
};

struct channel {
	const struct channel_ops *ops;
	int fd; /* pollable */
};

/* A connected UNIX stream socket; @fd is the channel's from now on. */
void channel_socket_init(struct channel *ch, int fd);

#endif /* LM_CHANNEL_H */
