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

#include "server/server_client.h"
#include "wire/caps.h"

/* A separate way for our commands, so that they never wait behind the client's. */
static bool twin_open(struct client *c, struct reply *r)
{
	int fds[2];

	if (c->max_fds < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return false;
	if (upcall_twin_open(c, fds[0])) {
		close(fds[1]);
		return false;
	}
	c->twin_fd = fds[1];
	r->fds.fd[r->fds.nr++] = fds[1];
	return true;
}

/* Windows may be of any size and alignment: of page sizes, all that were proposed. */
static int reply_text(struct client *c, const struct caps *offer, struct reply *r)
{
	struct caps caps = *offer;
	struct json_object *json;
	size_t len = 0;
	char *text;
	int ret = -ENOMEM;

	caps.max_msg_fds = at_most(offer->max_msg_fds, CHANNEL_MAX_FDS);
	caps.max_data_xfer_size = at_most(offer->max_data_xfer_size, STREAM_MAX_DATA);
	caps.max_dma_maps = at_most(offer->max_dma_maps, DMA_WINDOWS_MAX);
	caps.twin_socket = offer->twin_socket && twin_open(c, r);
	caps.twin_fd = 0;
	json = caps_json(&caps);
	text = json_text(json, &len);
	json_free(json);
	if (text && len < REPLY_MAX_INFO - r->len) {
		memcpy(r->payload + r->len, text, len + 1);
		r->len += len + 1;
		ret = 0;
	}
	free(text);
	return ret;
}

static int offer_parse(struct client *c, const struct message *m, struct caps *offer)
{
	const char *text = m->payload + sizeof(struct vfio_user_version);
	const size_t len = m->len - sizeof(struct vfio_user_version);
	struct json_object *json, *twin;
	int ret;

	if (!len)
		return 0;
	json = json_parse(text, strnlen(text, len));
	twin = json_get(json_get(json, "capabilities"), "twin_socket");
	ret = twin && !json_is_object(twin) ? -EINVAL : caps_read(json, offer);
	json_free(json);
	if (ret)
		log_peer(c->ctx, LM_LOG_WARN, "the client's capabilities are not valid");
	return ret;
}

int handshake(struct client *c, struct message *m, struct reply *r)
{
	const bool with_json = m->len > sizeof(struct vfio_user_version);
	struct vfio_user_version version;
	struct caps offer = { 0 };
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
	/* The limits of the client, from its offer or the specification's defaults. */
	c->max_fds = offer.max_msg_fds ? (uint32_t)at_most(offer.max_msg_fds, CHANNEL_MAX_FDS) :
					 c->transport->max_fds;
	c->max_data = offer.max_data_xfer_size ?
			      (uint32_t)at_most(offer.max_data_xfer_size, STREAM_MAX_DATA) :
			      VFIO_USER_DEFAULT_MAX_DATA;
	dma_limit(c->ctx, offer.max_dma_maps ?: VFIO_USER_DEFAULT_MAX_DMA);
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
