/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_conn.h - one connection of the control endpoint: its bytes and answers (control_conn.c),
 * its turns (control.c), finding the method of a call (control_service.c), and the methods.
 */
#ifndef LM_CONTROL_CONN_H
#define LM_CONTROL_CONN_H

#include "base/ctx.h"
#include "base/json.h"
#include "base/prop.h"
#include "wire/channel.h"

#define CONTROL_INTERFACE "org.muser.control"

struct control {
	struct source listener;
	struct lm_ctx *ctx;
	struct conn *conns;
	unsigned int nr_conns;
	size_t queued; /* bytes to be sent, of all connections */
};

struct conn {
	struct source source;
	uint32_t events; /* what epoll watches for */
	struct control *control;
	struct lm_ctx *ctx;
	struct conn *next;

	char *in; /* received: in_pos .. in_len; no NUL before in_seen */
	size_t in_pos, in_seen, in_len, in_size;
	struct channel_fds fds; /* came with the call */

	char *out; /* to be sent: out_pos .. out_len */
	size_t out_pos, out_len;
	int out_fd; /* goes with its first byte; borrowed; -1: none */

	bool oneway;  /* of the call in progress */
	bool monitor; /* takes events and says nothing more */
	bool eof;     /* will send no more calls */
	bool broken;  /* to be closed, as soon as nobody looks at it */
	bool stop;    /* the device ends once all is sent */
	void *tracer; /* its lease of the trace ring */

	/* A call that waits for the device: forget it. NULL: none waits. */
	void (*cancel)(struct conn *c);
	void *waiting; /* whatever that call needs */
};

struct method {
	const char *name;
	/* Replies once, or sets cancel and replies later. @more: the caller takes
	 * many replies. */
	void (*fn)(struct conn *c, struct json_object *params, bool more);
};

/* control_conn.c: bytes */
int conn_receive(struct conn *c);       /* one receive: 0 or -errno */
char *conn_message_end(struct conn *c); /* of the first whole message, or NULL */
void conn_close_fds(struct conn *c);
void conn_flush(struct conn *c); /* as much as the socket takes now */
void conn_drop_buffers(struct conn *c);

/* control_conn.c: answers. The object is consumed; NULL: no parameters. */
void control_reply(struct conn *c, struct json_object *params);
void control_reply_more(struct conn *c, struct json_object *params); /* more will come */
void control_error(struct conn *c, const char *error, struct json_object *params);
/* org.varlink.service.InvalidParameter */
void control_invalid(struct conn *c, const char *parameter);
/* org.muser.control.Failed; @message NULL: the errno's own. */
void control_failed(struct conn *c, int err, const char *message);
/* Reads the parameters; false: an error has been sent. */
bool control_args(struct conn *c, struct json_object *params, const struct json_member *members,
		  size_t nr, void *out);

/* control.c: a call that waited has been answered, go on. May free @c. */
void conn_settle(struct conn *c);

/* control_service.c: finds the method of a call and calls it. */
void control_dispatch(struct conn *c, const char *name, struct json_object *params, bool more);

/* The methods of org.muser.control; a list ends with name NULL. */
extern const struct method control_show_methods[];
extern const struct method control_list_methods[];
extern const struct method control_access_methods[];
extern const struct method control_methods[];

/* control_methods.c: what the device says, negative: @value is ""; -EMSGSIZE: it is too long. */
int control_get_prop(struct lm_ctx *ctx, const char *name, char value[PROP_VALUE_MAX]);

/* control_show.c: "attached" */
bool control_is_attached(const struct lm_ctx *ctx);

#endif /* LM_CONTROL_CONN_H */
