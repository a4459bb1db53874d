/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host.h - what whoever drives the device provides beside messages.
 *
 * Clients on a socket lend descriptors in their messages, so that there is little left to ask for;
 * socket_host is in channel_socket.c. The kernel cannot lend any, and does more itself:
 * host_mdev_open() is in channel_mdev.c.
 */
#ifndef LM_HOST_H
#define LM_HOST_H

#include "wire/channel.h"

struct host;

/* Memory for the device, zero at first. */
struct host_memory {
	uint32_t space; /* index of a region, or HOST_STATE */
	uint64_t size;
	void *mem;     /* out */
	int fd;        /* out: a memfd that clients may be given, or -1 */
	bool outlives; /* out: this process */
	bool kept;     /* out: as a previous process has left it, else zero */
};

#define HOST_STATE UINT32_MAX

/* Client memory by address. */
struct host_dma {
	uint64_t addr, size;
	uint32_t prot; /* PROT_READ | PROT_WRITE */
	bool is_file;  /* the client's shared memory: mapped as that, system calls take it */
};

/* Device memory that the client has mapped, page by page. */
struct host_trap {
	uint32_t region;
	bool fetch, arm; /* arm without fetch: all of the range; with: what was fetched */
	bool off;
	uint64_t offset, size;
	uint64_t *bitmap; /* fetch: a bit a page */
	uint32_t *posted; /* fetch: the last message without a reply that came before; wraps */
};

/* All are non-blocking. */
struct host {
	const char *name; /* for musctl show */
	int (*memory)(const struct host *host, struct host_memory *m);
	void (*close)(const struct host *host);

	/* The rest is optional: all or none of it. */

	/* The one channel that there is; else each client brings its own. */
	void (*channel)(const struct host *host, struct channel *ch);
	/* From any thread. -ENOTCONN: the client has no eventfd there. */
	int (*trigger)(const struct host *host, uint32_t index, uint32_t vector);
	/* Make client memory accessible through dma_map(). @d grows to what is. -ENOENT: there is
	 * none; -EACCES: not with this protection; -EOPNOTSUPP: it can be copied only. */
	int (*dma_pin)(const struct host *host, struct host_dma *d);
	/* Pages of [addr, addr + size) that are not pinned are scratch memory; with @is_file, which
	 * dma_pin() has given, for good, from the first time that they are not. */
	int (*dma_map)(const struct host *host, const struct host_dma *d, void **base);
	/* PROT_WRITE: to the client. -EFAULT: it has no such memory. */
	int (*dma_copy)(const struct host *host, const struct host_dma *d, void *data);
	int (*trap)(const struct host *host, const struct host_trap *t);
};

extern const struct host socket_host;
/* /dev/muser/<@uuid>. *@why: what is wrong, or NULL. */
int host_mdev_open(const char *uuid, const struct host **host, const char **why);

#endif /* LM_HOST_H */
