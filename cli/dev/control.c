/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.c - Varlink over a UNIX socket: JSON messages that end with a NUL, descriptors
 * beside them. It owns the framing, the timeouts and the wording of errors that devices
 * answer; what the methods mean is the verbs' business.
 */
#include "dev/control.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/env.h"
#include "base/json.h"
#include "muser-instance.h"

#include "dev/fate.h"
#include "ui/call.h"
#include "ui/clock.h"
#include "ui/error.h"
#include "ui/process.h"
#include "ui/value.h"

#define INTERFACE "org.muser.control."
#define MAX_FDS   4
#define CHUNK     65536
#define COST_MAX  (2 * (size_t)JSON_COST_MAX)

struct control {
	char uuid[37];
	int fd; /* -1: nobody accepts us, nor those who came before */
	pid_t pid;
	struct fate fate;
	int timeout_ms;
	char *buf; /* received, not yet taken */
	size_t len, room;
	int received;                 /* a descriptor that came, or -1 */
	struct json_object *messages; /* all replies: what is borrowed comes from these */
	struct json_object *last;
	size_t cost, last_cost; /* of them in memory */
};

/* ---- life ------------------------------------------------------------------------ */

/* Of the device: who answers, or, where nobody accepts us, who holds it. 0: unknown. */
static pid_t pid_of(const struct control *c)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct process p;

	if (c->fd >= 0)
		return getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) ? 0 : cred.pid;
	if (process_of_device(&p, c->uuid, -1))
		return 0;
	process_close(&p);
	return p.pid;
}

int control_open(const char *uuid, struct control **result)
{
	struct control *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->messages = json_new_array();
	c->received = -1;
	c->timeout_ms = CONTROL_TIMEOUT_MS;
	snprintf(c->uuid, sizeof(c->uuid), "%s", uuid);
	err = lm_instance_connect(uuid, "control.sock", &c->fd);
	if (err == -EAGAIN) { /* it is as one that does not answer */
		c->fd = -1;
		err = 0;
	}
	if (err) {
		json_free(c->messages);
		free(c);
		return err;
	}
	c->pid = pid_of(c);
	fate_watch(&c->fate, c->pid);
	*result = c;
	return 0;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	if (c->received >= 0)
		close(c->received);
	fate_close(&c->fate);
	json_free(c->messages);
	free(c->buf);
	free(c);
}

const char *control_uuid(const struct control *c)
{
	return c->uuid;
}

pid_t control_pid(const struct control *c)
{
	return c->pid;
}

struct fate *control_fate(struct control *c)
{
	return &c->fate;
}

int control_fd(const struct control *c)
{
	return c->fd;
}

void control_set_timeout(struct control *c, int ms)
{
	c->timeout_ms = ms;
}

/* ---- bytes ----------------------------------------------------------------------- */

static void debug(const struct control *c, const char *what, const char *text)
{
	const char *on = env_get("MUSER_DEBUG");

	if (on && strcmp(on, "0"))
		fprintf(stderr, "musctl: %.8s %s %s\n", c->uuid, what, text);
}

/* Waits for events until the deadline (-1: none). 0, -ETIMEDOUT or -errno. */
static int wait_for(const struct control *c, short events, int64_t deadline)
{
	struct pollfd pfd = { c->fd, events, 0 };
	int64_t left = -1;
	int n;

	if (deadline >= 0) {
		left = deadline - clock_ms();
		if (left < 0)
			return -ETIMEDOUT;
	}
	n = poll(&pfd, 1, (int)left);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

static void attach_fds(struct msghdr *msg, const struct control_fds *fds)
{
	struct cmsghdr *cmsg;

	msg->msg_controllen = CMSG_SPACE(fds->nr * sizeof(int));
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(fds->nr * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds->send, fds->nr * sizeof(int));
}

/* The descriptors go with the first byte. */
static int send_all(struct control *c, const char *text, size_t len, const struct control_fds *fds,
		    int64_t deadline)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (char *)text, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	ssize_t n;
	int err;

	if (c->fd < 0)
		return -ETIMEDOUT;
	if (fds && fds->nr <= MAX_FDS)
		attach_fds(&msg, fds);
	while (iov.iov_len) {
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return -errno;
		err = n < 0 ? wait_for(c, POLLOUT, deadline) : 0;
		if (err)
			return err;
		if (n > 0) {
			iov.iov_base = (char *)iov.iov_base + n;
			iov.iov_len -= (size_t)n;
			msg.msg_controllen = 0;
		}
	}
	return 0;
}

/* Keeps the first descriptor of a message, closes any other. */
static void take_fds(struct control *c, struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	size_t nr, i;
	int fd;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		nr = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < nr; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
			if (c->received < 0)
				c->received = fd;
			else
				close(fd);
		}
	}
}

static int make_room(struct control *c)
{
	char *buf;

	if (c->room - c->len >= CHUNK)
		return 0;
	if (c->len > JSON_REPLY_MAX)
		return -EMSGSIZE;
	buf = realloc(c->buf, c->len + 2 * CHUNK);
	if (!buf)
		return -ENOMEM;
	c->buf = buf;
	c->room = c->len + 2 * CHUNK;
	return 0;
}

static int receive_some(struct control *c, int64_t deadline)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;
	int err = make_room(c);

	if (!err)
		err = wait_for(c, POLLIN, deadline);
	if (err)
		return err;
	iov.iov_base = c->buf + c->len;
	iov.iov_len = c->room - c->len;
	n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	take_fds(c, &msg);
	c->len += (size_t)n;
	return 0;
}

/* ---- messages -------------------------------------------------------------------- */

static int64_t deadline_of(const struct control *c)
{
	return c->timeout_ms < 0 ? -1 : clock_ms() + c->timeout_ms;
}

static int send_call(struct control *c, const char *method, struct json_object *parameters,
		     bool more, const struct control_fds *fds)
{
	struct json_object *call = json_new_object();
	char name[80];
	size_t len;
	char *text;
	int err;

	snprintf(name, sizeof(name), "%s%s", strchr(method, '.') ? "" : INTERFACE, method);
	json_add_string(call, "method", name);
	json_add(call, "parameters", parameters ? parameters : json_new_object());
	if (more)
		json_add_bool(call, "more", true);
	text = json_text(call, &len);
	json_free(call);
	if (!text)
		return -ENOMEM;
	debug(c, "<-", text);
	err = send_all(c, text, len + 1, fds, deadline_of(c)); /* with the NUL */
	free(text);
	return err;
}

/* One message out of the buffer. It stays with the others: parameters are borrowed from
 * it. */
static int take_message(struct control *c, size_t len, struct json_object **reply)
{
	size_t cost = json_cost(c->buf, len);
	struct json_object *message;

	debug(c, "->", c->buf);
	if (cost > JSON_COST_MAX || cost > COST_MAX - c->cost)
		return -EMSGSIZE;
	message = json_parse_reply(c->buf, len);
	memmove(c->buf, c->buf + len + 1, c->len - len - 1);
	c->len -= len + 1;
	if (!json_is_object(message)) {
		json_free(message);
		return -EPROTO;
	}
	if (reply)
		*reply = json_get(message, "parameters");
	c->last = message;
	c->last_cost = cost;
	c->cost += cost;
	json_append(c->messages, message);
	return json_get(message, "error") ? -EREMOTE : 0;
}

static int receive_message(struct control *c, struct json_object **reply)
{
	int64_t deadline = deadline_of(c);
	size_t searched = 0;
	char *end;
	int err;

	for (;;) {
		end = c->len > searched ? memchr(c->buf + searched, 0, c->len - searched) : NULL;
		if (end)
			return take_message(c, (size_t)(end - c->buf), reply);
		searched = c->len;
		err = receive_some(c, deadline);
		if (err)
			return err;
	}
}

int control_next(struct control *c, struct json_object **reply)
{
	json_free(c->messages);
	c->messages = json_new_array();
	c->cost = 0;
	return receive_message(c, reply);
}

int control_call(struct control *c, const char *method, struct json_object *parameters,
		 struct json_object **reply)
{
	int err = send_call(c, method, parameters, false, NULL);

	return err ? err : receive_message(c, reply);
}

void control_drop(struct control *c)
{
	json_drop_last(c->messages);
	c->cost -= c->last_cost;
	c->last = NULL;
	c->last_cost = 0;
}

int control_more(struct control *c, const char *method)
{
	return send_call(c, method, NULL, true, NULL);
}

int control_call_fds(struct control *c, const char *method, struct control_fds *fds,
		     struct json_object **reply)
{
	int err = send_call(c, method, NULL, false, fds);

	if (!err)
		err = receive_message(c, reply);
	fds->received = c->received;
	c->received = -1;
	return err;
}

/* ---- what went wrong ------------------------------------------------------------- */

/* "1, 2 and 4" */
static int width_not_allowed(struct json_object *p, const char *object)
{
	const uint64_t min = value_u64(p, "min"), max = value_u64(p, "max");
	char list[32] = "";
	uint64_t width;
	size_t len = 0;

	for (width = 1; width <= 8; width *= 2) {
		if (width >= min && width <= max)
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%llu",
						!len            ? "" :
						width * 2 > max ? " and " :
								  ", ",
						(unsigned long long)width);
	}
	return error(ST_FAILED, object, "width %llu: allowed %s %s",
		     (unsigned long long)value_u64(p, "width"), min == max ? "is" : "are", list);
}

static int failed_remotely(struct json_object *message, const char *object)
{
	struct json_object *p = json_get(message, "parameters");
	const char *name = value_text(message, "error"), *text = value_text(p, "message");

	if (!name || !strncmp(name, "org.varlink.service.Method", 26))
		return error(ST_UNSUPPORTED, object,
			     "not supported by this device (its libmuser "
			     "is a different version)");
	if (!strcmp(name, INTERFACE "NoSuchRegion"))
		return error(ST_FAILED, object, "no such region (musctl show lists them)");
	if (!strcmp(name, INTERFACE "NoSuchProperty"))
		return error(ST_FAILED, object, "no such property (musctl set UUID lists them)");
	if (!strcmp(name, INTERFACE "NoSuchVector"))
		return error(ST_FAILED, object, "no such interrupt (musctl irq list shows them)");
	if (!strcmp(name, INTERFACE "OutOfRange"))
		return error_out_of_range(object, value_u64(p, "size"));
	if (!strcmp(name, INTERFACE "WidthNotAllowed"))
		return width_not_allowed(p, object);
	if (value_u64(p, "errno") == EOPNOTSUPP)
		return error(ST_UNSUPPORTED, object, "not supported by this device");
	if (!strcmp(name, INTERFACE "Failed"))
		return error(ST_FAILED, object, "%s",
			     text && *text ? text : strerror((int)value_u64(p, "errno")));
	return error(ST_FAILED, object, "the device returned error %s", name);
}

/* What it was asked may be what it died of. */
static int disconnected(struct control *c, const char *object)
{
	if (fate_learn(&c->fate) == ST_CRASHED && c->fate.is_known)
		return error(ST_CRASHED, object, "the device ended: %s", c->fate.text);
	return error(ST_NO_DEVICE, object, "the device disconnected");
}

int control_report(struct control *c, const char *object, int err)
{
	if (!object)
		object = c->uuid;
	if (err == -EREMOTE)
		return failed_remotely(c->last, object);
	if (err == -ETIMEDOUT)
		return error(ST_FAILED, object, "the device does not answer");
	if (err == -EPROTO)
		return error(ST_FAILED, object, "malformed reply from the device");
	if (err == -EMSGSIZE)
		return error(ST_FAILED, object, "the replies from the device are too large");
	if (err == -ECONNRESET || err == -EPIPE)
		return disconnected(c, object);
	return error(ST_FAILED, object, "%s", strerror(-err));
}
