/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * terminate.h - the end of a device process: asked first, then told, then killed.
 */
#ifndef MUSCTL_TERMINATE_H
#define MUSCTL_TERMINATE_H

#include <stdbool.h>
#include <stdint.h>

struct control;

struct termination {
	bool force;          /* do not wait, and kill other devices with it */
	uint64_t timeout_ns; /* how long it may take by itself */
};

/* How long it may take to answer. */
int terminate_ms(const struct termination *ending);

/* What cannot be done is not begun: 0, or the status of a printed error. ours: musctl has made
 * the mdev; without force none but those is removed. running: its process can be ended. */
int terminate_check_mdev(const struct termination *ending, const char *uuid, bool ours,
			 bool running);

/* 0: nothing is left of it. Or the status of a printed error. */
int terminate_run(const struct termination *ending, struct control *control);

#endif /* MUSCTL_TERMINATE_H */
