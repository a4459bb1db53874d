/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host.h - the device process: what "run" does in the foreground and "create" in the
 * background.
 */
#ifndef MUSCTL_HOST_H
#define MUSCTL_HOST_H

#include <stdbool.h>

#include <muser.h>

#include "opt.h"

struct device_type;

/* What the options say; the first member of the args of run and create. */
struct host {
	const char     *uuid;
	const char     *name;
	const char     *transport;
	const char     *socket_path;
	int             fd; /* -1: none */
	struct opt_list options;
	unsigned int    mode;
	const char     *group;
	bool            no_mmap;
	/* made from them by host_prepare() */
	const struct device_type *type;
	void           *device;
	lm_dev_info_t   info;
	int             naming; /* the lock on names, -1: not held */
	bool            mdev; /* served on a node of muser.ko */
};

extern const struct opt host_options[];

/* Checks everything and makes the device, in memory only. 0, or the status of a told
 * error. */
int host_prepare(struct host *host, const char *type);
void host_free(struct host *host);

/* Makes the context, calls ready (may be NULL; a status ends it all), serves until
 * stopped. */
int host_serve(struct host *host, int (*ready)(void *arg, lm_ctx_t *ctx), void *arg);

/* Stops the device being served. For signal handlers. */
void host_stop(int signal);

#endif /* MUSCTL_HOST_H */
