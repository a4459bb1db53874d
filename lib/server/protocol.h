/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protocol.h - the handlers of commands, and what they share.
 *
 * A handler finds a payload of at least the length in its table line. It fills the reply's payload
 * in place and returns 0, -errno, or LM_DEFER with client->waiting set.
 */
#ifndef LM_PROTOCOL_H
#define LM_PROTOCOL_H

#include <string.h>

#include "server/server_client.h"

struct command {
	int (*fn)(struct client *c, struct message *m, struct reply *r);
	size_t min_len; /* of the payload */
	size_t room;    /* for the reply's payload */
	bool posted;    /* makes sense without a reply */
};

/* protocol_info.c */
int protocol_device_info(struct client *c, struct message *m, struct reply *r);
int protocol_region_info(struct client *c, struct message *m, struct reply *r);
int protocol_region_io_fds(struct client *c, struct message *m, struct reply *r);
int protocol_irq_info(struct client *c, struct message *m, struct reply *r);

/* protocol_access.c */
int protocol_region_access(struct client *c, struct message *m, struct reply *r);
int protocol_write_multi(struct client *c, struct message *m, struct reply *r);

void protocol_access_init(struct access *a, const struct client *c, const struct message *m);

/* A DMA_UNMAP that is not over. */
static inline enum waiting protocol_unmap_waits(const struct client *c)
{
	return dma_unmap_is_due(c->ctx) ? WAIT_TURN : WAIT_DMA_UNMAP;
}

static inline struct vfio_user_header protocol_reply_header(const struct vfio_user_header *request,
							    int result, size_t size)
{
	return (struct vfio_user_header){
		.msg_id = request->msg_id,
		.cmd = request->cmd,
		.msg_size = (uint32_t)size,
		.flags = VFIO_USER_F_TYPE_REPLY | (result < 0 ? VFIO_USER_F_ERROR : 0),
		.error_no = result < 0 ? (uint32_t)-result : 0,
	};
}

/* The reply to @request, built at r->payload, may be sent. @result: 0 or -errno. */
static inline void protocol_commit(struct client *c, const struct vfio_user_header *request,
				   int result, const struct reply *r)
{
	const bool ok = result >= 0;
	const struct vfio_user_header hdr = protocol_reply_header(request, result,
								  sizeof(hdr) + (ok ? r->len : 0));

	memcpy(r->payload - sizeof(hdr), &hdr, sizeof(hdr));
	stream_commit(&c->stream, hdr.msg_size, ok ? &r->fds : NULL);
}

#endif /* LM_PROTOCOL_H */
