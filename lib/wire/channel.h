/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * channel.h - the seam between the protocol engine and whatever carries its messages.
 *
 * A channel moves messages, as bytes and descriptors; a host (host.h) provides the rest. All
 * operations are non-blocking, but for exchange. channel_socket.c is the one for UNIX sockets;
 * tests and fuzzers use it over a socketpair. channel_mdev.c is the one for /dev/muser/<uuid>.
 */
#ifndef LM_CHANNEL_H
#define LM_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHANNEL_MAX_FDS 16

struct channel;

struct channel_fds {
	int fd[CHANNEL_MAX_FDS];
	unsigned int nr;
	int error; /* some were lost: -EINVAL: there were more than fit; -EMFILE */
};

struct channel_exchange {
	const void *out; /* whole messages */
	size_t out_len;
	void *in;
	size_t in_size;
	int wake_fd; /* readable: do not wait any longer */
};

struct channel_ops {
	/* Bytes received; 0: nothing there now; -ENOTCONN: disconnected; -EMSGSIZE: not even
	 * one message fits; -errno. Descriptors that come along are the caller's. */
	ssize_t (*recv)(struct channel *ch, void *buf, size_t len, struct channel_fds *fds);
	/* Bytes sent, 0: no room now; -errno. @fds NULL: none. They go with the first byte. */
	ssize_t (*send)(struct channel *ch, const void *buf, size_t len,
			const struct channel_fds *fds);
	void (*close)(struct channel *ch);

	/* The rest is optional: both or neither. */

	/* Messages may come. @restartable: this process may be replaced by another one. */
	int (*start)(struct channel *ch, bool restartable);
	/* Send all, then wait for messages: bytes received, 0: woken up or nothing there, -errno as
	 * recv: then what was to be sent is sent. */
	ssize_t (*exchange)(struct channel *ch, const struct channel_exchange *x);
};

struct channel {
	const struct channel_ops *ops;
	int fd; /* pollable */
};

/* A connected UNIX stream socket; @fd is the channel's from now on. */
void channel_socket_init(struct channel *ch, int fd);

#endif /* LM_CHANNEL_H */
