/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * program.h - what a process has to be that serves a device: those of musctl, and lm_main().
 */
#ifndef LM_PROGRAM_H
#define LM_PROGRAM_H

#include <muser.h>

/* Once, before the context: many descriptors, and a client may truncate the memory that it
 * shares. */
void program_prepare(void);
/* SIGINT and SIGTERM end lm_ctx_drive(), SIGPIPE nothing; NULL: they do nothing any more. */
void program_stop_by_signals(lm_ctx_t *ctx);
void program_stop(int sig); /* that handler */
/* Why lm_ctx_drive() has returned: 0, as it should have, or an exit status; *why is what to say
 * of it, or NULL: it was said. */
int program_end(int err, const char **why);

#endif /* LM_PROGRAM_H */
