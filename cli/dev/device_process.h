/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_process.h - the device process: what "run" does in the foreground and "create" in the
 * background. "exec" has its options.
 */
#ifndef MUSCTL_DEVICE_PROCESS_H
#define MUSCTL_DEVICE_PROCESS_H

#include <stdbool.h>

#include <muser.h>

#include "ui/opt.h"

struct device_type;

/* What the options say; the first member of the args of run and create. */
struct device_process {
	const char *uuid;
	const char *name;
	const char *transport;
	const char *socket_path;
	int fd; /* -1: none */
	struct opt_list options;
	unsigned int mode;
	const char *group;
	bool no_mmap;
	/* made from them by device_process_prepare() */
	const struct device_type *type;
	void *device;
	lm_dev_info_t info;
	int naming; /* the lock on names, -1: not held */
	bool mdev;  /* served on a node of muser.ko */
};

extern const struct opt host_options[];

/* Beside them, as each verb says whose options these are. */
#define HOST_OPTION(help)                                                                       \
	{                                                                                       \
		'O', "option", OPT_LIST, offsetof(struct device_process, options), "KEY=VALUE", \
			help, COMPLETE_TYPE_OPTION                                              \
	}
#define HOST_OPTION_OF_TYPE HOST_OPTION("option of the type (musctl types TYPE lists them)")

/* What concerns no type: UUID, name, group, fd, transport. 0, or the status of a printed error. */
int device_process_check(struct device_process *host);
/* Checks everything and makes the device, in memory only. 0, or the status of a printed
 * error. */
int device_process_prepare(struct device_process *host, const char *type);
void device_process_free(struct device_process *host);

/* Makes the context, calls ready (may be NULL; a status ends it all), serves until
 * stopped. */
int device_process_serve(struct device_process *host, int (*ready)(void *arg, lm_ctx_t *ctx),
			 void *arg);

#endif /* MUSCTL_DEVICE_PROCESS_H */
