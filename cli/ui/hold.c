/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hold.c - SIGINT, SIGTERM and SIGHUP wait, but whoever works in steps looks for them
 * between two of these. See hold.h.
 */
#include "ui/hold.h"

#include <signal.h>
#include <time.h>

static bool held;
static sigset_t before;

static void ending(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

void hold_begin(void)
{
	sigset_t set;

	if (held)
		return;
	ending(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	held = true;
}

void hold_end(void)
{
	if (held)
		sigprocmask(SIG_SETMASK, &before, NULL);
	held = false;
}

bool hold_is_interrupted(void)
{
	const struct timespec at_once = { 0 };
	sigset_t set;

	ending(&set);
	return held && sigtimedwait(&set, NULL, &at_once) > 0;
}
