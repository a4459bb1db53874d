/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_conn.c - the bytes of a control connection: Varlink's framing and its answers.
 *
 * JSON messages end with a NUL; descriptors come and go beside them (our extension).
 * Nothing blocks and nothing grows without a bound: a call has at most 64 KiB and
 * CHANNEL_MAX_FDS descriptors, those beyond are closed, and a peer that does not
 * take its answers is dropped when they become too many. Buffers exist only while there
 * is something in them.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/peer_fd.h"
#include "control/control_conn.h"
#include "wire/scm.h"

#define IN_FIRST    1024u
#define IN_MAX      (JSON_REQUEST_MAX + 1)
#define MONITOR_MAX (64u * 1024u)         /* events that nobody has taken */
#define QUEUED_MAX  (16u * 1024u * 1024u) /* of all connections together */

/* ---- what comes in -------------------------------------------------------------- */

void conn_close_fds(struct conn *c)
{
	peer_fds_close(c->fds.fd, c->fds.nr);
	c->fds.nr = 0;
	c->fds.error = 0;
}

/* Room for some more bytes, up to the longest call. */
static int in_grow(struct conn *c)
{
	size_t size = c->in_size ? 2 * c->in_size : IN_FIRST;
	char *in;

	if (c->in_pos) {
		memmove(c->in, c->in + c->in_pos, c->in_len - c->in_pos);
		c->in_len -= c->in_pos;
		c->in_seen -= c->in_pos;
		c->in_pos = 0;
	}
	if (c->in_len < c->in_size)
		return 0;
	if (c->in_size == IN_MAX)
		return -EMSGSIZE;
	if (size > IN_MAX)
		size = IN_MAX;
	in = realloc(c->in, size);
	if (!in)
		return -ENOMEM;
	c->in = in;
	c->in_size = size;
	return 0;
}

/* One receive. The descriptors of one call may come with several. */
int conn_receive(struct conn *c)
{
	struct channel_fds fds;
	unsigned int i;
	ssize_t got;
	int ret;

	ret = in_grow(c);
	if (ret)
		return ret;
	got = scm_recv(c->source.fd, c->in + c->in_len, c->in_size - c->in_len, &fds);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	c->fds.error = c->fds.error ?: fds.error;
	for (i = 0; i < fds.nr; i++) {
		if (c->fds.nr < CHANNEL_MAX_FDS)
			c->fds.fd[c->fds.nr++] = fds.fd[i];
		else
			peer_fd_close(fds.fd[i]);
	}
	c->eof = !got;
	c->in_len += (size_t)got;
	return c->monitor && got ? -EPROTO : 0;
}

/* The end of the first whole message in the buffer, or NULL. */
char *conn_message_end(struct conn *c)
{
	char *end = NULL;

	if (c->in_seen < c->in_len)
		end = memchr(c->in + c->in_seen, '\0', c->in_len - c->in_seen);
	c->in_seen = end ? (size_t)(end - c->in) : c->in_len;
	return end;
}

/* ---- what goes out -------------------------------------------------------------- */

static void out_free(struct conn *c)
{
	c->control->queued -= c->out_len - c->out_pos;
	free(c->out);
	c->out = NULL;
	c->out_pos = c->out_len = 0;
	c->out_fd = -1;
}

/* As much as the socket takes now. */
void conn_flush(struct conn *c)
{
	ssize_t sent;

	while (c->out && !c->broken) {
		sent = scm_send(c->source.fd, c->out + c->out_pos, c->out_len - c->out_pos,
				&c->out_fd, c->out_fd >= 0);
		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (sent < 0) {
			c->broken = true;
			return;
		}
		c->out_fd = -1;
		c->out_pos += (size_t)sent;
		c->control->queued -= (size_t)sent;
		if (c->out_pos == c->out_len)
			out_free(c);
	}
	if (c->stop && !c->out) {
		c->stop = false;
		loop_stop(&c->ctx->loop);
	}
}

/* @text of @len bytes, the NUL included, is consumed. */
static void conn_queue(struct conn *c, char *text, size_t len)
{
	const size_t left = c->out_len - c->out_pos;
	char *out;

	if (c->control->queued + len > QUEUED_MAX || (c->monitor && left + len > MONITOR_MAX)) {
		free(text);
		c->broken = true; /* it does not read */
		return;
	}
	if (c->out) {
		out = malloc(left + len);
		if (!out) {
			free(text);
			c->broken = true;
			return;
		}
		memcpy(out, c->out + c->out_pos, left);
		memcpy(out + left, text, len);
		free(c->out);
		free(text);
		text = out;
	}
	c->out = text;
	c->out_pos = 0;
	c->out_len = left + len;
	c->control->queued += len;
}

/* Messages are objects with "parameters" and, if there is one, "error" or "continues". */
static void conn_send(struct conn *c, struct json_object *message, struct json_object *params)
{
	size_t len;
	char *text;

	if (c->oneway || c->broken) {
		json_free(message);
		json_free(params);
		return;
	}
	json_add(message, "parameters", params ? params : json_new_object());
	text = json_text(message, &len);
	json_free(message);
	if (!text) {
		c->broken = true;
		return;
	}
	conn_queue(c, text, len + 1);
	conn_flush(c);
}

void control_reply(struct conn *c, struct json_object *params)
{
	conn_send(c, json_new_object(), params);
}

void control_reply_more(struct conn *c, struct json_object *params)
{
	struct json_object *message = json_new_object();

	json_add_bool(message, "continues", true);
	conn_send(c, message, params);
}

void control_error(struct conn *c, const char *error, struct json_object *params)
{
	struct json_object *message = json_new_object();

	json_add_string(message, "error", error);
	conn_send(c, message, params);
}

void control_invalid(struct conn *c, const char *parameter)
{
	struct json_object *params = json_new_object();

	json_add_string(params, "parameter", parameter);
	control_error(c, "org.varlink.service.InvalidParameter", params);
}

void control_failed(struct conn *c, int err, const char *message)
{
	struct json_object *params = json_new_object();

	json_add_int(params, "errno", -err);
	json_add_string(params, "message", message ? message : strerror(-err));
	control_error(c, CONTROL_INTERFACE ".Failed", params);
}

bool control_args(struct conn *c, struct json_object *params, const struct json_member *members,
		  size_t nr, void *out)
{
	const char *bad = json_read(params, members, nr, out);

	if (bad)
		control_invalid(c, bad);
	return !bad;
}

void conn_drop_buffers(struct conn *c)
{
	conn_close_fds(c);
	out_free(c);
	free(c->in);
}
