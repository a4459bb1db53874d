/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client_upcall.c - commands of the server: DMA by message.
 *
 * They come at any moment, on the main socket between replies or on the twin socket, and are
 * answered on the same one, by the program's callback. What is read goes straight into the send
 * buffer. The buffer is bounded: a server that asks and does not read the answers is not read
 * from any more.
 */
#include <string.h>

#include "client/client.h"

struct upcall_dma {
	bool is_write;
	uint64_t addr, count;
	char *data; /* of a write */
};

static int dma_parse(const struct lm_client *c, const struct message *m, struct upcall_dma *req)
{
	struct vfio_user_dma_region_access access;

	if (m->cmd != VFIO_USER_DMA_READ && m->cmd != VFIO_USER_DMA_WRITE)
		return -EOPNOTSUPP;
	if (m->len < sizeof(access))
		return -EINVAL;
	memcpy(&access, m->payload, sizeof(access));
	req->is_write = m->cmd == VFIO_USER_DMA_WRITE;
	req->addr = access.addr;
	req->count = access.count;
	req->data = m->payload + sizeof(access);
	if (!req->count || req->count > c->max_data_in || req->addr > UINT64_MAX - (req->count - 1))
		return -EINVAL;
	return m->len - sizeof(access) == (req->is_write ? req->count : 0) ? 0 : -EINVAL;
}

/* An error reply is a header alone. */
static void reply_write(char *out, const struct message *m, size_t len, int error)
{
	struct vfio_user_header hdr = *m->hdr;

	hdr.msg_size = (uint32_t)(sizeof(hdr) + (error ? 0 : len));
	hdr.flags = VFIO_USER_F_TYPE_REPLY | (error ? VFIO_USER_F_ERROR : 0);
	hdr.error_no = (uint32_t)-error;
	memcpy(out, &hdr, sizeof(hdr));
}

static int dma_answer(struct lm_client *c, struct lane *lane, const struct message *m,
		      const struct upcall_dma *req)
{
	const size_t head = sizeof(struct vfio_user_dma_region_access);
	const size_t len = head + (req->is_write ? 0 : (size_t)req->count);
	char *out = stream_reserve(&lane->s, sizeof(struct vfio_user_header) + len);
	char *payload;
	int ret;

	if (!out)
		return -EAGAIN;
	payload = out + sizeof(struct vfio_user_header);
	c->in_dma = true;
	ret = !c->dma ? -EFAULT :
			c->dma(c->pvt, req->is_write, req->addr,
			       req->is_write ? req->data : payload + head, (size_t)req->count);
	c->in_dma = false;
	if (ret > 0 || ret < -4095)
		ret = -EIO;
	if (m->hdr->flags & VFIO_USER_F_NO_REPLY)
		return 0;
	memcpy(payload, m->payload, head);
	reply_write(out, m, len, ret);
	stream_commit(&lane->s, sizeof(struct vfio_user_header) + (ret ? 0 : len), NULL);
	return 0;
}

int client_upcall(struct lm_client *c, struct lane *lane, struct message *m)
{
	struct upcall_dma req = { 0 };
	const int error = dma_parse(c, m, &req);
	char *out;

	if (!error)
		return dma_answer(c, lane, m, &req);
	if (m->hdr->flags & VFIO_USER_F_NO_REPLY)
		return 0;
	out = stream_reserve(&lane->s, sizeof(struct vfio_user_header));
	if (!out)
		return -EAGAIN;
	reply_write(out, m, 0, error);
	stream_commit(&lane->s, sizeof(struct vfio_user_header), NULL);
	return 0;
}
