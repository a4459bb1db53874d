/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client_describe.c - what the server says about a region: its description with capabilities, and
 * the descriptors that bypass the socket.
 *
 * Both replies say in argsz how large they would have liked to be: then they are asked for again
 * with so much room, once. What came is validated whole, so that the functions that look into it
 * later need not; nothing in it is aligned by promise, so it is copied out.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"

#define DESCRIBE_ROOM 4096u

/* A reply that begins with argsz, like its request. */
struct description {
	uint16_t cmd;
	void *req;   /* its first member is argsz, which is set here */
	size_t head; /* length of the request, and the least of the reply */
	char *buf;   /* out, to be freed */
	size_t len;  /* out: of what is in @buf */
	struct channel_fds fds;
	uint64_t deadline;
};

static void description_drop(struct description *d)
{
	peer_fds_close(d->fds.fd, d->fds.nr);
	d->fds.nr = 0;
	free(d->buf);
	d->buf = NULL;
}

/* Ask with room for @room bytes; *need: how many the server would have liked. */
static int describe_once(lm_client_t *c, struct description *d, uint32_t room, uint32_t *need)
{
	struct call call = {
		.cmd = d->cmd,
		.req = d->req,
		.req_len = d->head,
		.reply_len = d->head,
		.more_room = room - d->head,
		.fds = &d->fds,
		.deadline = d->deadline,
	};
	int ret;

	d->fds.nr = 0;
	d->buf = calloc(1, room);
	if (!d->buf)
		return -ENOMEM;
	memcpy(d->req, &room, sizeof(room));
	call.reply = d->buf;
	call.more = d->buf + d->head;
	ret = client_call(c, &call);
	if (!ret && (call.more_len > call.more_room || d->fds.error))
		ret = -EPROTO;
	d->len = d->head + call.more_len;
	memcpy(need, d->buf, sizeof(*need));
	if (ret)
		description_drop(d);
	return ret;
}

static int describe(lm_client_t *c, struct description *d)
{
	uint32_t need;
	int ret;

	d->deadline = client_deadline(c);
	ret = describe_once(c, d, DESCRIBE_ROOM, &need);
	if (ret || need <= DESCRIBE_ROOM)
		return ret;
	description_drop(d);
	if (need > STREAM_MAX_DATA)
		return -EPROTO;
	ret = describe_once(c, d, need, &need);
	if (!ret && need > d->len) {
		description_drop(d);
		ret = -EPROTO;
	}
	return ret;
}

/* ---- capabilities of a region ----------------------------------------------- */

/* The capability that stands at *next, which moves on. False: there is none. */
static bool cap_next(const struct vfio_region_info *info, uint32_t *next, uint32_t *at,
		     struct vfio_info_cap_header *cap)
{
	if (!*next)
		return false;
	*at = *next;
	memcpy(cap, (const char *)info + *at, sizeof(*cap));
	*next = cap->next;
	return true;
}

/* Where capability @id stands, 0: nowhere. */
static uint32_t cap_find(const struct vfio_region_info *info, uint16_t id)
{
	uint32_t next = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0, at;
	struct vfio_info_cap_header cap;

	while (cap_next(info, &next, &at, &cap)) {
		if (cap.id == id)
			return at;
	}
	return 0;
}

static bool sparse_is_valid(const struct vfio_region_info *info, uint32_t at)
{
	const size_t head = sizeof(struct vfio_region_info_cap_sparse_mmap);
	struct vfio_region_info_cap_sparse_mmap cap;
	struct vfio_region_sparse_mmap_area area;
	uint32_t i;

	if (out_of_range(at, head, info->argsz))
		return false;
	memcpy(&cap, (const char *)info + at, head);
	if (cap.nr_areas > (info->argsz - at - head) / sizeof(area))
		return false;
	for (i = 0; i < cap.nr_areas; i++) {
		memcpy(&area, (const char *)info + at + head + i * sizeof(area), sizeof(area));
		if (out_of_range(area.offset, area.size, info->size))
			return false;
	}
	return true;
}

/* Every link stays inside, no more links than headers fit: the chain ends. */
static bool caps_are_valid(const struct vfio_region_info *info)
{
	uint32_t left = info->argsz / sizeof(struct vfio_info_cap_header);
	uint32_t next = info->cap_offset, at;
	struct vfio_info_cap_header cap;

	if (!(info->flags & VFIO_REGION_INFO_FLAG_CAPS))
		return true;
	do {
		if (next && (next < sizeof(*info) || out_of_range(next, sizeof(cap), info->argsz)))
			return false;
		if (!cap_next(info, &next, &at, &cap))
			return true;
		if (cap.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP && !sparse_is_valid(info, at))
			return false;
		if (cap.id == VFIO_REGION_INFO_CAP_TYPE &&
		    out_of_range(at, sizeof(struct vfio_region_info_cap_type), info->argsz))
			return false;
	} while (left--);
	return false;
}

LM_EXPORT int lm_client_region_info(lm_client_t *client, uint32_t index, lm_client_region_t *region)
{
	struct vfio_region_info req = { .index = index };
	struct description d = {
		.cmd = VFIO_USER_DEVICE_GET_REGION_INFO,
		.req = &req,
		.head = sizeof(req),
	};
	struct vfio_region_info *info;
	int ret = describe(client, &d);

	if (ret)
		return ret;
	info = (void *)d.buf;
	/* From here on it is the length of what is there. */
	info->argsz = (uint32_t)d.len;
	if (info->index != index || info->offset > UINT64_MAX - info->size ||
	    !caps_are_valid(info)) {
		description_drop(&d);
		return -EPROTO;
	}
	memset(region, 0, sizeof(*region));
	region->info = info;
	region->nr_fds = d.fds.nr;
	memcpy(region->fds, d.fds.fd, d.fds.nr * sizeof(int));
	return 0;
}

LM_EXPORT void lm_client_region_free(lm_client_region_t *region)
{
	if (!region)
		return;
	peer_fds_close(region->fds, region->nr_fds);
	free(region->info);
	memset(region, 0, sizeof(*region));
}

LM_EXPORT int lm_client_region_area(const lm_client_region_t *region, uint32_t idx,
				    lm_client_area_t *area)
{
	const struct vfio_region_info *info = region->info;
	const uint32_t at = cap_find(info, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	struct vfio_region_info_cap_sparse_mmap cap = { .nr_areas = 1 };
	struct vfio_region_sparse_mmap_area a = { .size = info->size };

	if (!(info->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return -ENOENT;
	if (at)
		memcpy(&cap, (const char *)info + at, sizeof(cap));
	if (idx >= cap.nr_areas)
		return -ENOENT;
	if (at)
		memcpy(&a, (const char *)info + at + sizeof(cap) + idx * sizeof(a), sizeof(a));
	*area = (lm_client_area_t){
		.offset = a.offset,
		.size = a.size,
		.fd_offset = info->offset + a.offset,
		.fd = -1,
	};
	if (region->nr_fds)
		area->fd = region->fds[region->nr_fds == cap.nr_areas ? idx : 0];
	return 0;
}

LM_EXPORT int lm_client_region_type(const lm_client_region_t *region, uint32_t *type,
				    uint32_t *subtype)
{
	const uint32_t at = cap_find(region->info, VFIO_REGION_INFO_CAP_TYPE);
	struct vfio_region_info_cap_type cap;

	if (!at)
		return -ENOENT;
	memcpy(&cap, (const char *)region->info + at, sizeof(cap));
	*type = cap.type;
	*subtype = cap.subtype;
	return 0;
}

/* ---- descriptors for accesses ----------------------------------------------- */

/* Specification: entries may grow; their size follows from the whole. */
static int subs_read(const struct description *d, uint32_t count, lm_client_io_fds_t *io)
{
	const size_t stride = (d->len - d->head) / count;
	struct vfio_user_ioeventfd sub;
	uint32_t i;

	for (i = 0; i < count; i++) {
		memcpy(&sub, d->buf + d->head + i * stride, sizeof(sub));
		if (sub.fd_index >= d->fds.nr)
			return -EPROTO;
		io->subs[i] = (lm_client_io_fd_t){
			.offset = sub.offset,
			.size = sub.size,
			.value = sub.datamatch,
			.type = sub.type,
			.flags = sub.flags,
			.fd = d->fds.fd[sub.fd_index],
		};
	}
	return 0;
}

static int io_fds_take(struct description *d, uint32_t count, lm_client_io_fds_t *io)
{
	int ret;

	if (count > (d->len - d->head) / sizeof(struct vfio_user_ioeventfd))
		return -EPROTO;
	io->subs = calloc(count ?: 1, sizeof(*io->subs));
	if (!io->subs)
		return -ENOMEM;
	ret = count ? subs_read(d, count, io) : 0;
	if (ret) {
		free(io->subs);
		io->subs = NULL;
		return ret;
	}
	io->nr = count;
	io->nr_fds = d->fds.nr;
	memcpy(io->fds, d->fds.fd, d->fds.nr * sizeof(int));
	d->fds.nr = 0;
	return 0;
}

LM_EXPORT int lm_client_region_io_fds(lm_client_t *client, uint32_t index, lm_client_io_fds_t *io)
{
	struct vfio_user_region_io_fds req = { .index = index }, reply;
	struct description d = {
		.cmd = VFIO_USER_DEVICE_GET_REGION_IO_FDS,
		.req = &req,
		.head = sizeof(req),
	};
	int ret = describe(client, &d);

	if (ret)
		return ret;
	memset(io, 0, sizeof(*io));
	memcpy(&reply, d.buf, sizeof(reply));
	ret = reply.index == index ? io_fds_take(&d, reply.count, io) : -EPROTO;
	description_drop(&d);
	return ret;
}

LM_EXPORT void lm_client_io_fds_free(lm_client_io_fds_t *io)
{
	if (!io)
		return;
	peer_fds_close(io->fds, io->nr_fds);
	free(io->subs);
	memset(io, 0, sizeof(*io));
}
