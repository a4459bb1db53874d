/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * channel.h - the seam between the protocol engine and whatever carries its messages.
 *
 * A channel moves bytes and descriptors; it knows no message. All operations are non-blocking, but
 * for exchange. channel_socket.c is the one for UNIX sockets; tests and fuzzers use it over a
 * socketpair. channel_mdev.c is the one for /dev/muser/<uuid>: the kernel is behind it, which has
 * more to offer than messages, because it cannot lend descriptors as a client on a socket does.
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
	int          fd[CHANNEL_MAX_FDS];
	unsigned int nr;
	int          error; /* some were lost: -EINVAL: there were more than fit; -EMFILE */
};

/* Memory that outlives this process. */
struct channel_memory {
	uint32_t space;      /* index of a region, or CHANNEL_STATE */
	uint64_t size;       /* whole pages */
	void    *mem;        /* out */
	bool     kept;       /* out: as a previous process has left it, else zero */
};

#define CHANNEL_STATE UINT32_MAX

/* Client memory by address. */
struct channel_dma {
	uint64_t addr, size;
	uint32_t prot;       /* PROT_READ | PROT_WRITE */
	bool     is_file;    /* the client's shared memory: mapped as that, system calls take it */
};

struct channel_exchange {
	const void *out;     /* whole messages */
	size_t      out_len;
	void       *in;
	size_t      in_size;
	int         wake_fd; /* readable: do not wait any longer */
};

/* Device memory that the client has mapped, page by page. */
struct channel_trap {
	uint32_t  region;
	bool      fetch, arm; /* arm without fetch: all of the range; with: what was fetched */
	bool      off;
	uint64_t  offset, size;
	uint64_t *bitmap;     /* fetch: a bit a page */
	uint32_t *posted;     /* fetch: the last message without a reply that came before; wraps */
};

struct channel_ops {
	/* Bytes received; 0: nothing there now; -ENOTCONN: the peer has gone; -EMSGSIZE: not even
	 * one message fits; -errno. Descriptors that come along are the caller's. */
	ssize_t (*recv)(struct channel *ch, void *buf, size_t len, struct channel_fds *fds);
	/* Bytes sent, 0: no room now; -errno. @fds NULL: none. They go with the first byte. */
	ssize_t (*send)(struct channel *ch, const void *buf, size_t len,
			const struct channel_fds *fds);
	void    (*close)(struct channel *ch);

	/* The rest is optional: all or none of it. Without it a client lends its descriptors. */
	int     (*memory)(struct channel *ch, struct channel_memory *m);
	/* Messages may come. @restartable: this process may be replaced by another one. */
	int     (*start)(struct channel *ch, bool restartable);
	/* From any thread. -ENOTCONN: the client has no eventfd there. */
	int     (*trigger)(struct channel *ch, uint32_t index, uint32_t vector);
	/* Make client memory accessible through dma_map(). @d grows to what is. -ENOENT: there is
	 * none; -EACCES: not with this protection; -EOPNOTSUPP: it can be copied only. */
	int     (*dma_pin)(struct channel *ch, struct channel_dma *d);
	/* Pages of [addr, addr + size) that are not pinned are scratch memory; with @is_file, which
	 * dma_pin() has given, for good, from the first time that they are not. */
	int     (*dma_map)(struct channel *ch, const struct channel_dma *d, void **base);
	/* PROT_WRITE: to the client. -EFAULT: it has no such memory. */
	int     (*dma_copy)(struct channel *ch, const struct channel_dma *d, void *data);
	/* Send all, then wait for messages: bytes received, 0: woken up or nothing there, -errno as
	 * recv: then what was to be sent is sent. */
	ssize_t (*exchange)(struct channel *ch, const struct channel_exchange *x);
	int     (*trap)(struct channel *ch, const struct channel_trap *t);
};

struct channel {
	const struct channel_ops *ops;
	int  fd;          /* pollable */
	bool is_borrowed; /* this copy does not close it */
};

/* A connected UNIX stream socket; @fd is the channel's from now on. */
void channel_socket_init(struct channel *ch, int fd);

/* /dev/muser/<@uuid>. *@why: what is wrong, or NULL. */
int  channel_mdev_open(struct channel *ch, const char *uuid, const char **why);

#endif /* LM_CHANNEL_H */
