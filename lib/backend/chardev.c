/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chardev.c - character backends: what is common to all kinds, which is the flow of bytes.
 *
 * Owns the two streams of a backend and when the loop looks at them: at input while the device has
 * room, at output while the peer had none. Keeps no bytes. A level that nobody wants to hear of is
 * not in the loop: HUP cannot be masked, so input that has ended, or waits for the device behind
 * it, leaves the loop. Refuses to wait: whoever is at the other end may stop at any moment.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/chardev.h"
#include "base/peer_fd.h"
#include "wire/scm.h"

#define PULL_MAX 4096 /* bytes that come at once */

/* ---- specifications -------------------------------------------------------------- */

static const struct chardev_kind *const kinds[] = {
	&chardev_pty, &chardev_unix, &chardev_file, &chardev_stdio, &chardev_null,
};

static const char *spec_path(struct chardev_spec *spec, const char *path)
{
	if (!*path)
		return "a path is missing";
	if (strlen(path) >= sizeof(spec->path))
		return "the path is too long";
	memcpy(spec->path, path, strlen(path) + 1);
	return NULL;
}

/* What follows the name of a kind. */
static const char *spec_rest(struct chardev_spec *spec, const char *rest)
{
	static const char link[] = ",link=";

	*spec->path = '\0';
	if (spec->kind->has_path)
		return *rest == ':' ? spec_path(spec, rest + 1) :
				      "expected a path, as in file:PATH";
	if (!*rest)
		return NULL;
	if (spec->kind->has_link && !strncmp(rest, link, strlen(link)))
		return spec_path(spec, rest + strlen(link));
	return spec->kind->has_link ? "of a pty there is the option link=PATH alone" :
				      "this backend has no options";
}

static const char *spec_parse(struct chardev_spec *spec, const char *text)
{
	const size_t len = strcspn(text, ":,");
	size_t i;

	for (i = 0; i < LM_NR(kinds); i++) {
		spec->kind = kinds[i];
		if (strlen(kinds[i]->name) == len && !memcmp(kinds[i]->name, text, len))
			return spec_rest(spec, text + len);
	}
	return "not a backend: expected " LM_CHARDEV_SPECS;
}

LM_EXPORT const char *lm_chardev_fault(const char *text)
{
	struct chardev_spec spec;

	return spec_parse(&spec, text);
}

/* ---- input ----------------------------------------------------------------------- */

static size_t room(const struct lm_chardev *c)
{
	return c->ops.room ? c->ops.room(c->pvt) : 0;
}

static void in_leave(struct lm_chardev *c)
{
	if (c->is_in_loop)
		loop_remove(&c->ctx->loop, &c->in);
	c->is_in_loop = false;
}

/* What cannot be waited for, such as a file as standard input, is not read. */
static void in_look(struct lm_chardev *c)
{
	const uint32_t events = c->eof || c->paused ? 0 : EPOLLIN;

	if (c->in.fd < 0)
		return;
	if (!events && c->hung_up) {
		in_leave(c);
		return;
	}
	if (!c->is_in_loop)
		c->is_in_loop = !loop_add(&c->ctx->loop, &c->in, events);
	else if (events != c->in_events)
		loop_modify(&c->ctx->loop, &c->in, events);
	c->in_events = events;
}

/* Of descriptors that a peer sends, none is wanted. */
static ssize_t in_read(const struct lm_chardev *c, void *buf, size_t len)
{
	struct channel_fds fds;
	ssize_t ret;

	if (!c->spec.kind->is_socket)
		return read(c->in.fd, buf, len);
	ret = scm_recv(c->in.fd, buf, len, &fds);
	if (ret >= 0)
		peer_fds_close(fds.fd, fds.nr);
	return ret;
}

/* A socket may be closed in one direction alone: then its HUP comes later. */
static void in_ended(struct lm_chardev *c)
{
	c->eof = true;
	if (c->spec.kind->ends_at_eof || (c->spec.kind->is_socket && c->hung_up))
		chardev_detach(c);
	else if (!c->spec.kind->is_socket)
		in_leave(c);
	else
		in_look(c);
}

static void pull(struct lm_chardev *c)
{
	char buf[PULL_MAX];
	const size_t len = at_most(room(c), sizeof(buf));
	ssize_t n;

	c->paused = !len;
	if (!len) {
		in_look(c);
		return;
	}
	n = in_read(c, buf, len);
	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		in_ended(c);
		return;
	}
	if (n > 0) {
		c->ops.data(c->pvt, buf, (size_t)n);
		c->paused = !room(c);
	}
	in_look(c);
}

static void in_ready(struct source *src, uint32_t events)
{
	struct lm_chardev *c = container_of(src, struct lm_chardev, in);

	if (events & (EPOLLHUP | EPOLLERR))
		c->hung_up = true;
	if (c->eof)
		in_ended(c);
	else
		pull(c);
}

LM_EXPORT void lm_chardev_resume(lm_chardev_t *c)
{
	if (c->paused && c->attached && c->in.fd >= 0 && !c->eof)
		pull(c);
}

/* ---- output ---------------------------------------------------------------------- */

static void out_leave(struct lm_chardev *c)
{
	if (c->blocked)
		loop_remove(&c->ctx->loop, &c->out);
	c->blocked = false;
}

static void writable(const struct lm_chardev *c)
{
	if (c->ops.writable)
		c->ops.writable(c->pvt);
}

static void out_ready(struct source *src, uint32_t events)
{
	struct lm_chardev *c = container_of(src, struct lm_chardev, out);

	out_leave(c);
	writable(c);
}

static ssize_t out_write(const struct lm_chardev *c, const void *buf, size_t len)
{
	return c->spec.kind->is_socket ? scm_send(c->out.fd, buf, len, NULL, 0) :
					 write_quietly(c->out.fd, buf, len);
}

/* An error is not the device's: if the peer has left, that is noticed at its input. */
LM_EXPORT size_t lm_chardev_write(lm_chardev_t *c, const void *buf, size_t len)
{
	ssize_t n;

	if (!c->attached || c->out.fd < 0 || !len)
		return len;
	if (c->blocked)
		return 0;
	n = out_write(c, buf, len);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return len;
	n = n < 0 ? 0 : n;
	if ((size_t)n < len) {
		c->blocked = !loop_add(&c->ctx->loop, &c->out, EPOLLOUT);
		if (!c->blocked)
			return len; /* a file, and it is full */
	}
	return (size_t)n;
}

/* ---- peers ----------------------------------------------------------------------- */

static void peer_notify(const struct lm_chardev *c)
{
	if (c->ops.peer)
		c->ops.peer(c->pvt, c->attached);
}

void chardev_attach(struct lm_chardev *c)
{
	c->attached = true;
	c->eof = c->hung_up = c->paused = false;
	in_look(c);
	peer_notify(c);
}

void chardev_detach(struct lm_chardev *c)
{
	const bool was_blocked = c->blocked;

	in_leave(c);
	out_leave(c);
	c->attached = false;
	peer_notify(c);
	if (was_blocked)
		writable(c);
	if (c->spec.kind->lost)
		c->spec.kind->lost(c);
}

/* The second descriptor of a socket first: the last one disconnects the peer. */
void chardev_streams_close(struct lm_chardev *c)
{
	in_leave(c);
	out_leave(c);
	if (c->out.fd >= 0)
		close(c->out.fd);
	if (c->in.fd >= 0 && c->spec.kind->is_socket)
		peer_socket_close(c->in.fd);
	else if (c->in.fd >= 0)
		close(c->in.fd);
	c->in.fd = c->out.fd = -1;
}

/* ---- life ------------------------------------------------------------------------ */

static int chardev_open(struct lm_chardev *c)
{
	int ret = c->spec.kind->open(c);

	if (!ret && c->in.fd >= 0 && c->attached)
		in_look(c);
	if (ret)
		log_err(c->ctx, "backend %s: %s%s%s", c->spec.kind->name, c->spec.path,
			*c->spec.path ? ": " : "", strerror(-ret));
	return ret;
}

LM_EXPORT int lm_chardev_create(lm_ctx_t *ctx, const char *text, const lm_chardev_ops_t *ops,
				void *pvt, lm_chardev_t **chr)
{
	struct lm_chardev *c = calloc(1, sizeof(*c));
	const char *fault;
	int ret;

	if (!c)
		return -ENOMEM;
	fault = spec_parse(&c->spec, text);
	if (fault) {
		log_err(ctx, "backend %.80s: %s", text, fault);
		free(c);
		return -EINVAL;
	}
	c->ctx = ctx;
	memcpy(&c->ops, ops, at_most(ops->size, sizeof(c->ops)));
	c->pvt = pvt;
	c->in.fd = c->out.fd = c->wake.fd = c->socket.dir = -1;
	c->in.fn = in_ready;
	c->out.fn = out_ready;
	ret = chardev_open(c);
	if (ret) {
		lm_chardev_destroy(c);
		return ret;
	}
	*chr = c;
	return 0;
}

LM_EXPORT void lm_chardev_destroy(lm_chardev_t *c)
{
	if (!c)
		return;
	chardev_streams_close(c);
	if (c->spec.kind->close)
		c->spec.kind->close(c);
	free(c);
}

LM_EXPORT bool lm_chardev_is_attached(const lm_chardev_t *c)
{
	return c->attached;
}

LM_EXPORT const char *lm_chardev_path(const lm_chardev_t *c)
{
	return c->path;
}
