/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client_connect.c - the life of a client: options, connecting, VFIO_USER_VERSION, the end.
 *
 * What the server announces is read leniently where it does not matter (members that we do not
 * know) and strictly where it does: a limit of 0 or a twin socket that is not there would make
 * every later call wrong.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/sockpath.h"
#include "client/client.h"
#include "wire/caps.h"

#define RETRY_MS     2
#define VERSION_ROOM 4096 /* for the server's JSON */

/* ---- options ---------------------------------------------------------------- */

#define FLAGS_KNOWN                                                                \
	(LM_CLIENT_NO_JSON | LM_CLIENT_NO_WRITE_MULTIPLE | LM_CLIENT_TWIN_SOCKET | \
	 LM_CLIENT_BUSY_POLL)

static bool options_are_valid(const lm_client_options_t *o)
{
	size_t i;

	for (i = 0; i < LM_NR(o->reserved); i++) {
		if (o->reserved[i])
			return false;
	}
	return !(o->flags & ~FLAGS_KNOWN) && o->max_msg_fds <= LM_CLIENT_MAX_FDS &&
	       o->max_data_xfer_size <= STREAM_MAX_DATA && o->queue_depth <= CLIENT_DEPTH_MAX &&
	       o->timeout_ms <= INT32_MAX && o->pgsizes <= INT64_MAX;
}

static lm_client_options_t options_filled(const lm_client_options_t *given)
{
	lm_client_options_t o = given ? *given : (lm_client_options_t){ 0 };

	o.timeout_ms = o.timeout_ms ?: CLIENT_TIMEOUT_MS;
	o.max_msg_fds = o.max_msg_fds ?: LM_CLIENT_MAX_FDS;
	o.max_data_xfer_size = o.max_data_xfer_size ?: STREAM_MAX_DATA;
	o.max_dma_maps = o.max_dma_maps ?: VFIO_USER_DEFAULT_MAX_DMA;
	o.queue_depth = o.queue_depth ?: CLIENT_DEPTH;
	o.pgsizes = o.pgsizes ?: VFIO_USER_DEFAULT_PGSIZES;
	return o;
}

/* ---- VFIO_USER_VERSION ------------------------------------------------------ */

/* What we propose, to be freed with free(3). */
static char *proposal_text(const lm_client_options_t *o, size_t *len)
{
	struct json_object *json = caps_json(&(struct caps){
		.max_msg_fds = o->max_msg_fds,
		.max_data_xfer_size = o->max_data_xfer_size,
		.max_dma_maps = o->max_dma_maps,
		.pgsizes = (int64_t)o->pgsizes,
		.write_multiple = !(o->flags & LM_CLIENT_NO_WRITE_MULTIPLE),
		.twin_socket = o->flags & LM_CLIENT_TWIN_SOCKET,
		.twin_fd = -1,
	});
	char *text = json_text(json, len);

	json_free(json);
	return text;
}

/* Specification: a server that says "supported" and gives no socket is inconsistent. */
static int twin_take(struct lm_client *c, int64_t idx, struct channel_fds *fds)
{
	socklen_t len = sizeof(int);
	int type, ret;

	if (!(c->flags & LM_CLIENT_TWIN_SOCKET) || idx < 0 || idx >= fds->nr ||
	    getsockopt(fds->fd[idx], SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM)
		return -EPROTO;
	ret = stream_open(&c->twin.s, fds->fd[idx]);
	if (!ret)
		fds->fd[idx] = -1;
	return ret;
}

static int capabilities_read(struct lm_client *c, struct json_object *json, struct channel_fds *fds)
{
	struct caps caps = {
		.max_msg_fds = c->info.max_msg_fds,
		.max_data_xfer_size = c->info.max_data_xfer_size,
		.max_dma_maps = c->info.max_dma_maps,
		.pgsizes = (int64_t)c->info.pgsizes,
		.twin_fd = -1,
	};

	if (caps_read(json, &caps))
		return -EPROTO;
	c->info.max_msg_fds = (uint32_t)at_most(caps.max_msg_fds, LM_CLIENT_MAX_FDS);
	c->info.max_data_xfer_size = (uint32_t)at_most(caps.max_data_xfer_size, c->max_data_in);
	c->info.max_dma_maps = (uint32_t)at_most(caps.max_dma_maps, UINT32_MAX);
	c->info.pgsizes = (uint64_t)caps.pgsizes;
	c->info.write_multiple = caps.write_multiple;
	c->info.twin_socket = caps.twin_socket;
	return caps.twin_socket ? twin_take(c, caps.twin_fd, fds) : 0;
}

static int answer_read(struct lm_client *c, const struct call *call, const char *text)
{
	const struct vfio_user_version *v = call->reply;
	struct json_object *json;
	int ret;

	if (v->major != VFIO_USER_MAJOR || v->minor > VFIO_USER_MINOR)
		return -EPROTONOSUPPORT;
	c->info.major = v->major;
	c->info.minor = v->minor;
	c->info.max_msg_fds = VFIO_USER_DEFAULT_MAX_MSG_FDS;
	c->info.max_data_xfer_size = (uint32_t)at_most(VFIO_USER_DEFAULT_MAX_DATA, c->max_data_in);
	c->info.max_dma_maps = VFIO_USER_DEFAULT_MAX_DMA;
	c->info.pgsizes = VFIO_USER_DEFAULT_PGSIZES;
	if (!call->more_len)
		return 0;
	if (call->more_len > call->more_room)
		return -EPROTO;
	json = json_parse(text, strnlen(text, call->more_len));
	c->info.json = true;
	ret = json ? capabilities_read(c, json, call->fds) : -EPROTO;
	json_free(json);
	return ret;
}

static int handshake(struct lm_client *c, const lm_client_options_t *o)
{
	const struct vfio_user_version req = { VFIO_USER_MAJOR, VFIO_USER_MINOR };
	struct vfio_user_version version;
	struct channel_fds fds = { 0 };
	char answer[VERSION_ROOM], *text = NULL;
	struct call call = {
		.cmd = VFIO_USER_VERSION,
		.req = &req,
		.req_len = sizeof(req),
		.reply = &version,
		.reply_len = sizeof(version),
		.more = answer,
		.more_room = sizeof(answer),
		.fds = &fds,
	};
	int ret;

	if (!(o->flags & LM_CLIENT_NO_JSON)) {
		text = proposal_text(o, &call.data_len);
		if (!text)
			return -ENOMEM;
		call.data = text;
		call.data_len++;
	}
	ret = client_call(c, &call);
	free(text);
	ret = ret ?: answer_read(c, &call, answer);
	peer_fds_close(fds.fd, fds.nr);
	return ret;
}

/* ---- life ------------------------------------------------------------------- */

static int client_new(const lm_client_options_t *o, struct lm_client **client)
{
	struct lm_client *c = calloc(1, sizeof(*c));
	uint32_t nr = 1;

	if (!c)
		return -ENOMEM;
	while (nr < o->queue_depth)
		nr *= 2;
	c->mask = nr - 1;
	c->slots = calloc(nr, sizeof(*c->slots));
	if (!c->slots) {
		free(c);
		return -ENOMEM;
	}
	c->epfd = -1;
	c->timeout_ms = o->timeout_ms;
	c->flags = o->flags;
	c->max_data_in = o->max_data_xfer_size;
	c->dma = o->dma;
	c->pvt = o->pvt;
	*client = c;
	return 0;
}

LM_EXPORT void lm_client_close(lm_client_t *client)
{
	if (!client)
		return;
	client_fail(client, -ECANCELED);
	if (client->epfd >= 0)
		close(client->epfd);
	stream_close(&client->twin.s);
	stream_close(&client->main.s);
	free(client->slots);
	free(client);
}

/* @fd is consumed in any case. */
static int client_open(int fd, const lm_client_options_t *o, lm_client_t **client)
{
	struct lm_client *c;
	int ret = client_new(o, &c);

	if (ret) {
		close(fd);
		return ret;
	}
	ret = stream_open(&c->main.s, fd);
	if (ret) {
		close(fd);
		goto fail;
	}
	ret = handshake(c, o);
	if (ret)
		goto fail;
	*client = c;
	return 0;

fail:
	lm_client_close(c);
	return ret;
}

LM_EXPORT int lm_client_connect_fd(int fd, const lm_client_options_t *options, lm_client_t **client)
{
	const lm_client_options_t o = options_filled(options);
	int copy, ret;

	if (!options_are_valid(&o))
		return -EINVAL;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return -errno;
	ret = client_open(copy, &o, client);
	if (!ret)
		close(fd);
	return ret;
}

/* A UNIX socket gives no event when its backlog has room again. What is left of the timeout is
 * put into *timeout_ms. */
static int connect_within(const char *path, uint32_t *timeout_ms)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000 };
	const uint64_t end = loop_now_ns() + *timeout_ms * NS_PER_MS;
	uint64_t now;
	int fd;

	while ((fd = sockpath_connect(path)) == -EAGAIN) {
		if (loop_now_ns() >= end)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	now = loop_now_ns();
	*timeout_ms = now < end ? (uint32_t)((end - now + NS_PER_MS - 1) / NS_PER_MS) : 1;
	return fd;
}

LM_EXPORT int lm_client_connect(const char *path, const lm_client_options_t *options,
				lm_client_t **client)
{
	lm_client_options_t o = options_filled(options);
	const uint32_t timeout_ms = o.timeout_ms;
	int fd, ret;

	if (!options_are_valid(&o))
		return -EINVAL;
	fd = connect_within(path, &o.timeout_ms);
	if (fd < 0)
		return fd;
	ret = client_open(fd, &o, client);
	if (!ret)
		(*client)->timeout_ms = timeout_ms;
	return ret;
}

LM_EXPORT const lm_client_info_t *lm_client_info(const lm_client_t *client)
{
	return &client->info;
}

LM_EXPORT int lm_client_status(const lm_client_t *client)
{
	return client->error;
}

LM_EXPORT void lm_client_set_timeout(lm_client_t *client, uint32_t timeout_ms)
{
	client->timeout_ms = timeout_ms ?: CLIENT_TIMEOUT_MS;
	if (client->timeout_ms > INT32_MAX)
		client->timeout_ms = INT32_MAX;
}
