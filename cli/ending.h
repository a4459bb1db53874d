/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ending.h - the end of a device process: asked first, then told, then killed.
 */
#ifndef MUSCTL_ENDING_H
#define MUSCTL_ENDING_H

#include <stdbool.h>
#include <stdint.h>

struct control;

struct ending {
	bool     force;      /* do not wait, and kill other devices with it */
	uint64_t timeout_ns; /* how long it may take by itself */
};

/* How long it may take to answer. */
int ending_ms(const struct ending *ending);

/* What cannot be done is not begun: 0, or the status of a printed error. ours: musctl has made
 * the mdev; without force none but those is removed. running: its process can be ended. */
int ending_check_mdev(const struct ending *ending, const char *uuid, bool ours,
		      bool running);

/* 0: nothing is left of it. Or the status of a printed error. */
int ending_run(const struct ending *ending, struct control *control);

#endif /* MUSCTL_ENDING_H */
