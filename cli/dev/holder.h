/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * holder.h - the parent of a device process in the background: it keeps what that says on stderr,
 * and learns how it ends; until it is ready, or for good if it is tied, it is the parent of orphans
 * that it makes as well. It is no daemon: there is one for each, it lives as long as somebody can
 * write to its pipe, and parses nothing of theirs.
 */
#ifndef MUSCTL_HOLDER_H
#define MUSCTL_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/log_file.h"
#include "ui/uuid.h"

/* To whoever has started it, until that closes its end. */
enum holder_news {
	HOLDER_PID,  /* value: of the device process; first of all */
	HOLDER_SAID, /* text: what it has said; if it is not tied, as far as there is room */
	HOLDER_END,  /* value: of waitpid(2). Its number stays its own until the end is closed */
	HOLDER_DONE, /* value: the answer to a request; all that was said is sent */
};

struct holder_packet {
	int32_t kind, value;
	char text[LOG_CHUNK];
};

/* From there: HOLDER_SYNC asks for HOLDER_DONE alone, of value 0; HOLDER_READY also makes a file of
 * the log: 0 or -errno; HOLDER_KILL kills the process and all that it has started, daemons too: how
 * many of them it found. If the other end is closed before it is ready, the device is on its own,
 * and its log gets its file; or, if it is tied, it is as HOLDER_KILL has it. */
enum holder_wish { HOLDER_SYNC, HOLDER_READY, HOLDER_KILL };

struct holder_request {
	int32_t wish;
	char type[LOG_LABEL], name[LOG_LABEL]; /* of the device */
};

/* What it is to do. */
struct holder {
	char log_name[UUID_SIZE + 8];
	int sock;     /* SOCK_SEQPACKET */
	bool is_tied; /* what it does for nobody: it ends when the other end is closed */
	int runtime;  /* the directory for the log, or -errno */
	int (*child)(void *arg);
	void *arg;
};

/* In a process of its own; nothing of the caller's is left in it. */
_Noreturn void holder_run(const struct holder *job);

#endif /* MUSCTL_HOLDER_H */
