/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chardev.h - inside of character backends: a stream of bytes, and the kinds of its other end.
 */
#ifndef LM_BACKEND_CHARDEV_H
#define LM_BACKEND_CHARDEV_H

#include <termios.h>

#include "base/ctx.h"
#include "base/sockpath.h"
#include "muser-chardev.h"

struct chardev_kind {
	const char *name;
	bool has_path;  /* NAME:PATH */
	bool has_link;  /* NAME,link=PATH */
	bool is_socket; /* of its streams */
	/* Input that ends ends all of it: the peer has left. */
	bool ends_at_eof;
	/* Streams are in c->in.fd and c->out.fd, if there are some already. 0 or -errno. */
	int (*open)(struct lm_chardev *c);
	/* The peer has left: make ready for the next one. NULL: there is none. */
	void (*lost)(struct lm_chardev *c);
	/* All but the streams. Also if open() has failed. */
	void (*close)(struct lm_chardev *c);
};

/* What a specification says. */
struct chardev_spec {
	const struct chardev_kind *kind;
	char path[LM_CHARDEV_SPEC_MAX]; /* or that of the link; "": none */
};

struct lm_chardev {
	struct lm_ctx *ctx;
	lm_chardev_ops_t ops;
	void *pvt;
	struct chardev_spec spec;
	char path[LM_CHARDEV_SPEC_MAX]; /* for people */

	struct source in, out; /* fd -1: none; never the same descriptor */
	uint32_t in_events;
	bool is_in_loop; /* in: the loop has it */
	bool paused;     /* the device has no room */
	bool blocked;    /* the peer has none: out is in the loop */
	bool attached, eof, hung_up;

	struct source
		wake; /* of the kind's: the listener, or who tells of an open(2); fd -1: none */
	struct sockfile socket;  /* unix */
	lm_timer_t *timer;       /* pty, where nobody tells */
	struct termios terminal; /* stdio, before us */
	bool has_terminal;
};

/* ---- chardev.c ------------------------------------------------------------------- */

/* Streams are open: a peer is there. */
void chardev_attach(struct lm_chardev *c);
void chardev_detach(struct lm_chardev *c);
void chardev_streams_close(struct lm_chardev *c);

/* ---- chardev_pty.c, chardev_unix.c, chardev_file.c ------------------------------- */

extern const struct chardev_kind chardev_pty, chardev_unix, chardev_file, chardev_stdio,
	chardev_null;

#endif /* LM_BACKEND_CHARDEV_H */
