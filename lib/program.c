/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * program.c - processes that serve a device. See program.h.
 */
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

static lm_ctx_t *volatile served;

void program_prepare(void)
{
	struct rlimit limit;

	/* A device may be given thousands of eventfds and DMA windows. */
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	lm_sigbus_guard();
}

void program_stop(int sig)
{
	if (served)
		lm_ctx_stop(served);
}

void program_stop_by_signals(lm_ctx_t *ctx)
{
	const struct sigaction stop = { .sa_handler = program_stop };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	served = ctx;
	if (!ctx)
		return;
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

int program_end(int err, const char **why)
{
	*why = NULL;
	/* That the only client left, or that the mdev was removed, is no error. */
	if (!err || err == -ENOTCONN || err == -ENODEV)
		return 0;
	if (err == -ESTALE)
		*why = "the mdev was served as another device before (musctl destroy --force "
		       "removes it)";
	else if (err != -EIDRM) /* which the library has said */
		*why = strerror(-err);
	return 1;
}
