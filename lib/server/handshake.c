/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handshake.c - VFIO_USER_VERSION: what both sides can do.
 *
 * The reply never goes beyond what the client proposed: its major, at most its minor, a subset of
 * its capabilities and of their values. A client that sends no JSON gets none, and the defaults
 * of the specification ("Version").
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "server/server_client.h"

struct offer {
	int64_t max_msg_fds, max_data, max_dma_maps, pgsizes;
	bool    write_multiple, twin_socket;
};

/* A number that is there must be one, and positive. */
static int offer_number(struct json_object *caps, const char *name, int64_t *value)
{
	struct json_object *member = json_get(caps, name);

	if (!member)
		return 0;
	if (json_to_int(member, value) || *value <= 0)
		return -EINVAL;
	return 0;
}

static int offer_bool(struct json_object *caps, const char *name, bool *value)
{
	struct json_object *member = json_get(caps, name);

	return member ? json_to_bool(member, value) : 0;
}

/* Capabilities that we do not know are not an error: they are not in the reply. */
static int offer_read(struct json_object *json, struct offer *offer)
{
	struct json_object *caps = json_get(json, "capabilities");
	struct json_object *twin = json_get(caps, "twin_socket");
	int ret;

	if (!json_is_object(json) || (caps && !json_is_object(caps)) ||
	    (twin && !json_is_object(twin)))
		return -EINVAL;
	ret = offer_number(caps, "max_msg_fds", &offer->max_msg_fds);
	ret = ret ?: offer_number(caps, "max_data_xfer_size", &offer->max_data);
	ret = ret ?: offer_number(caps, "max_dma_maps", &offer->max_dma_maps);
	ret = ret ?: offer_number(caps, "pgsizes", &offer->pgsizes);
	ret = ret ?: offer_bool(caps, "write_multiple", &offer->write_multiple);
	if (twin)
		ret = ret ?: offer_bool(twin, "supported", &offer->twin_socket);
	return ret;
}

/* A separate way for our commands, so that they never wait behind the client's. */
static void twin_offer(struct client *c, struct json_object *caps, struct reply *r)
{
	struct json_object *twin;
	int fds[2];

	if (c->max_fds < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return;
	if (upcall_twin_open(c, fds[0])) {
		close(fds[1]);
		return;
	}
	c->twin_fd = fds[1];
	r->fds.fd[r->fds.nr++] = fds[1];
	twin = json_new_object();
	json_add_bool(twin, "supported", true);
	json_add_int(twin, "fd_index", 0);
	json_add(caps, "twin_socket", twin);
}

static struct json_object *reply_json(struct client *c, const struct offer *offer, struct reply *r)
{
	struct json_object *json = json_new_object(), *caps = json_new_object();

	if (offer->max_msg_fds)
		json_add_int(caps, "max_msg_fds", at_most(offer->max_msg_fds, CHANNEL_MAX_FDS));
	if (offer->max_data)
		json_add_int(caps, "max_data_xfer_size",
			     at_most(offer->max_data, STREAM_MAX_DATA));
	if (offer->max_dma_maps)
		json_add_int(caps, "max_dma_maps",
			     at_most(offer->max_dma_maps, DMA_WINDOWS_MAX));
	/* Windows may be of any size and alignment: of page sizes, all that were proposed. */
	if (offer->pgsizes)
		json_add_int(caps, "pgsizes", offer->pgsizes);
	if (offer->write_multiple)
		json_add_bool(caps, "write_multiple", true);
	if (offer->twin_socket)
		twin_offer(c, caps, r);
	json_add(json, "capabilities", caps);
	return json;
}

/* The limits of the client, from its offer or the specification's defaults. */
static void limits_set(struct client *c, const struct offer *offer)
{
	c->max_fds = c->transport->max_fds;
	if (offer->max_msg_fds)
		c->max_fds = (uint32_t)at_most(offer->max_msg_fds, CHANNEL_MAX_FDS);
	c->max_data = VFIO_USER_DEFAULT_MAX_DATA;
	if (offer->max_data)
		c->max_data = (uint32_t)at_most(offer->max_data, STREAM_MAX_DATA);
	dma_limit(c->ctx, offer->max_dma_maps ? (uint64_t)offer->max_dma_maps :
						VFIO_USER_DEFAULT_MAX_DMA);
}

static int reply_text(struct client *c, const struct offer *offer, struct reply *r)
{
	struct json_object *json = reply_json(c, offer, r);
	size_t len = 0;
	char *text = json_text(json, &len);
	int ret = -ENOMEM;

	json_free(json);
	if (text && len < REPLY_MAX_INFO - r->len) {
		memcpy(r->payload + r->len, text, len + 1);
		r->len += len + 1;
		ret = 0;
	}
	free(text);
	return ret;
}

static int offer_parse(struct client *c, const struct message *m, struct offer *offer)
{
	const char *text = m->payload + sizeof(struct vfio_user_version);
	const size_t len = m->len - sizeof(struct vfio_user_version);
	struct json_object *json;
	int ret;

	if (!len)
		return 0;
	json = json_parse(text, strnlen(text, len));
	ret = json ? offer_read(json, offer) : -EINVAL;
	json_free(json);
	if (ret)
		log_peer(c->ctx, LM_LOG_WARN, "the client's capabilities are not valid");
	return ret;
}

int handshake(struct client *c, struct message *m, struct reply *r)
{
	const bool with_json = m->len > sizeof(struct vfio_user_version);
	struct vfio_user_version version;
	struct offer offer = { 0 };
	int ret;

	memcpy(&version, m->payload, sizeof(version));
	if (c->negotiated)
		return -EINVAL;
	if (version.major != VFIO_USER_MAJOR) {
		log_peer(c->ctx, LM_LOG_WARN, "the client speaks vfio-user %u.%u, not 0.x",
			 version.major, version.minor);
		return -EINVAL;
	}
	ret = offer_parse(c, m, &offer);
	if (ret)
		return ret;
	if (version.minor > VFIO_USER_MINOR)
		version.minor = VFIO_USER_MINOR;
	limits_set(c, &offer);
	memcpy(r->payload, &version, sizeof(version));
	r->len = sizeof(version);
	ret = with_json ? reply_text(c, &offer, r) : 0;
	if (ret)
		return ret;
	pending_admit(c);
	c->major = version.major;
	c->minor = version.minor;
	c->negotiated = true;
	return 0;
}
