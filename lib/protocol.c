/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protocol.c - the commands of vfio-user: validate, do, reply.
 *
 * Owns the table of commands and what each of them means on the wire; what they do is done by the
 * part that owns it (region.c, irq.c, dma.c). A request is validated whole before it has any
 * effect. Replies are built in place in the send buffer; an error reply is a header alone.
 */
#include <string.h>

#include <linux/kvm.h>
#include <sys/mman.h>

#include "server.h"

struct command {
	int   (*fn)(struct client *c, struct message *m, struct reply *r);
	size_t  min_len; /* of the payload */
	size_t  room;    /* for the reply's payload */
	bool    posted;  /* makes sense without a reply */
};

/* ---- information ------------------------------------------------------------------------------ */

static int get_info(struct client *c, struct message *m, struct reply *r)
{
	struct vfio_user_device_info info;

	memcpy(&info, m->payload, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	info.argsz = sizeof(info);
	info.flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI;
	info.num_regions = region_count(c->ctx);
	info.num_irqs = LM_DEV_NUM_IRQS;
	memcpy(r->payload, &info, sizeof(info));
	r->len = sizeof(info);
	return 0;
}

/* A region description under construction: aligned, unlike the place it is sent from. */
union region_reply {
	struct vfio_region_info info;
	uint64_t align;
	char bytes[REPLY_MAX_INFO];
};

/* Append a capability of @size bytes and link it to the chain; *last is the link's place. */
static void *region_cap(union region_reply *rep, uint32_t **last, uint16_t id, size_t size)
{
	struct vfio_info_cap_header *cap = (void *)(rep->bytes + rep->info.argsz);

	memset(cap, 0, size);
	cap->id = id;
	cap->version = 1;
	**last = rep->info.argsz;
	*last = &cap->next;
	rep->info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
	rep->info.argsz += (uint32_t)size;
	return cap;
}

/* The areas a client may map, one descriptor each: clients expect them in that order. */
static void region_cap_sparse(const struct region *reg, union region_reply *rep, uint32_t **last)
{
	const uint32_t nr = reg->info.nr_mmap_areas;
	struct vfio_region_info_cap_sparse_mmap *cap;
	uint32_t i;

	cap = region_cap(rep, last, VFIO_REGION_INFO_CAP_SPARSE_MMAP,
			 sizeof(*cap) + nr * sizeof(cap->areas[0]));
	cap->nr_areas = nr;
	for (i = 0; i < nr; i++) {
		cap->areas[i].offset = reg->info.mmap_areas[i].offset;
		cap->areas[i].size = reg->info.mmap_areas[i].size;
	}
}

static void region_cap_type(const struct region *reg, union region_reply *rep, uint32_t **last)
{
	struct vfio_region_info_cap_type *cap;

	cap = region_cap(rep, last, VFIO_REGION_INFO_CAP_TYPE, sizeof(*cap));
	cap->type = reg->info.type;
	cap->subtype = reg->info.subtype;
}

static void region_flags(const struct region *reg, struct vfio_region_info *info)
{
	info->size = reg->info.size;
	if (!reg->info.size)
		return;
	if (reg->info.flags & LM_REG_FLAG_READ)
		info->flags |= VFIO_REGION_INFO_FLAG_READ;
	if (reg->info.flags & LM_REG_FLAG_WRITE)
		info->flags |= VFIO_REGION_INFO_FLAG_WRITE;
	if (region_is_mappable(reg))
		info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
}

static void region_fds(const struct client *c, const struct region *reg, struct reply *r)
{
	const uint32_t nr = reg->info.nr_mmap_areas ?: 1;

	while (r->fds.nr < nr && r->fds.nr < c->max_fds && r->fds.nr < CHANNEL_MAX_FDS)
		r->fds.fd[r->fds.nr++] = reg->memfd;
}

static int get_region_info(struct client *c, struct message *m, struct reply *r)
{
	union region_reply rep = { 0 };
	uint32_t *last = &rep.info.cap_offset;
	struct vfio_region_info req;
	struct region *reg;

	memcpy(&req, m->payload, sizeof(req));
	reg = region_get(c->ctx, req.index);
	if (req.argsz < sizeof(req) || !reg)
		return -EINVAL;
	region_describe(c->ctx, reg);
	rep.info.index = req.index;
	rep.info.argsz = sizeof(rep.info);
	region_flags(reg, &rep.info);
	if (region_is_mappable(reg) && reg->info.nr_mmap_areas)
		region_cap_sparse(reg, &rep, &last);
	if (req.index >= LM_DEV_NUM_REGS)
		region_cap_type(reg, &rep, &last);
	/* Too small a buffer is told the size it needs; cap_offset stays: QEMU refuses 0 there. */
	r->len = rep.info.argsz <= req.argsz ? rep.info.argsz : sizeof(rep.info);
	memcpy(r->payload, &rep, r->len);
	if (region_is_mappable(reg) && r->len == rep.info.argsz)
		region_fds(c, reg, r);
	return 0;
}

/* One sub-region; its eventfd travels once, however many kicks share it. -1: no room for it. */
static int io_fd_index(struct client *c, struct reply *r, int fd)
{
	unsigned int i;

	for (i = 0; i < r->fds.nr; i++) {
		if (r->fds.fd[i] == fd)
			return (int)i;
	}
	if (i >= c->max_fds || i >= CHANNEL_MAX_FDS)
		return -1;
	r->fds.fd[r->fds.nr++] = fd;
	return (int)i;
}

static uint32_t io_fds_fill(struct client *c, const struct region *reg, struct reply *r)
{
	const bool pio = !(reg->info.flags & LM_REG_FLAG_MEM);
	char *out = r->payload + sizeof(struct vfio_user_region_io_fds);
	uint32_t i;

	for (i = 0; i < reg->info.nr_ioeventfds; i++) {
		const lm_ioeventfd_t *kick = &reg->info.ioeventfds[i];
		const int index = io_fd_index(c, r, kick->fd);
		struct vfio_user_ioeventfd io = {
			.offset = kick->offset, .size = kick->size,
			.fd_index = (uint32_t)index, .type = VFIO_USER_IO_FD_TYPE_IOEVENTFD,
			.datamatch = kick->datamatch,
		};

		if (index < 0)
			break;
		if (kick->flags & LM_IOEVENTFD_DATAMATCH)
			io.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
		if (pio)
			io.flags |= KVM_IOEVENTFD_FLAG_PIO;
		memcpy(out + i * sizeof(io), &io, sizeof(io));
	}
	return i;
}

static int get_region_io_fds(struct client *c, struct message *m, struct reply *r)
{
	struct vfio_user_region_io_fds req;
	const struct region *reg;
	uint32_t argsz;
	size_t need;

	memcpy(&req, m->payload, sizeof(req));
	argsz = req.argsz;
	reg = region_get(c->ctx, req.index);
	if (argsz < sizeof(req) || req.flags || req.count || !reg)
		return -EINVAL;
	need = sizeof(req) + reg->info.nr_ioeventfds * sizeof(struct vfio_user_ioeventfd);
	req.count = reg->info.nr_ioeventfds;
	if (need <= argsz)
		req.count = io_fds_fill(c, reg, r);
	req.argsz = (uint32_t)need;
	memcpy(r->payload, &req, sizeof(req));
	r->len = sizeof(req);
	if (need <= argsz)
		r->len += req.count * sizeof(struct vfio_user_ioeventfd);
	return 0;
}

static int get_irq_info(struct client *c, struct message *m, struct reply *r)
{
	struct vfio_irq_info info;
	int ret;

	memcpy(&info, m->payload, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	ret = irq_get_info(c->ctx, &info);
	if (ret)
		return ret;
	info.argsz = sizeof(info);
	memcpy(r->payload, &info, sizeof(info));
	r->len = sizeof(info);
	return 0;
}

/* ---- interrupts ------------------------------------------------------------------------------- */

static void trace_set_irqs(struct client *c, const struct irq_set *set, int result)
{
	struct lm_trace_record rec = {
		.time = trace_ticks(), .kind = LM_TRACE_IRQ_SET, .region = set->index,
		.offset = set->start, .len = set->count, .aux = set->flags, .result = result,
	};

	trace_append(c->ctx, &rec);
}

static int set_irqs(struct client *c, struct message *m, struct reply *r)
{
	struct vfio_irq_set req;
	struct irq_set set;
	int ret;

	memcpy(&req, m->payload, sizeof(req));
	if (req.argsz < sizeof(req) || req.argsz > m->len)
		return -EINVAL;
	if ((req.flags & VFIO_IRQ_SET_DATA_BOOL) && req.argsz - sizeof(req) < req.count)
		return -EINVAL;
	set = (struct irq_set){
		.flags = req.flags, .index = req.index, .start = req.start, .count = req.count,
		.data = (const uint8_t *)m->payload + sizeof(req),
		.fds = m->fds.fd, .nr_fds = m->fds.nr,
	};
	ret = irq_set(c->ctx, &set);
	if (trace_on(c->ctx))
		trace_set_irqs(c, &set, ret);
	return ret;
}

/* ---- region access ------------------------------------------------------------------------------ */

static void access_done(struct access *a, ssize_t result)
{
	struct client *c = container_of(a, struct client, access);

	protocol_answer(c, result);
	client_serve(c);
}

static void access_init(struct client *c, const struct message *m, bool is_write)
{
	struct vfio_user_region_access req;

	memcpy(&req, m->payload, sizeof(req));
	memset(&c->access, 0, sizeof(c->access));
	c->access.region = req.region;
	c->access.offset = req.offset;
	c->access.count = req.count;
	c->access.is_write = is_write;
	c->access.done = access_done;
	if (m->hdr->flags & VFIO_USER_F_NO_REPLY)
		c->access.trace_flags = LM_TRACE_POSTED;
}

/* The device answers later: its bytes move out of buffers that go on being used. */
static int access_wait(struct client *c, const void *bytes, size_t len)
{
	struct access *a = &c->access;
	const size_t at = (size_t)(a->buf - (const char *)bytes);

	if (client_hold(c, bytes, len)) {
		region_cancel(c->ctx, a);
		return -ENOMEM;
	}
	a->buf = c->held + at;
	c->waiting = WAIT_ACCESS;
	return LM_DEFER;
}

static int region_read(struct client *c, struct message *m, struct reply *r)
{
	const size_t head = sizeof(struct vfio_user_region_access);
	struct access *a = &c->access;
	ssize_t ret;

	if (m->len != head)
		return -EINVAL;
	access_init(c, m, false);
	if (a->count > STREAM_MAX_DATA)
		return -EINVAL;
	a->buf = r->payload + head;
	ret = region_access(c->ctx, a);
	if (ret == LM_DEFER)
		return access_wait(c, a->buf, a->count);
	if (ret < 0)
		return (int)ret;
	memcpy(r->payload, m->payload, head);
	r->len = head + (size_t)ret;
	return 0;
}

static int region_write(struct client *c, struct message *m, struct reply *r)
{
	const size_t head = sizeof(struct vfio_user_region_access);
	struct access *a = &c->access;
	ssize_t ret;

	access_init(c, m, true);
	if (a->count > STREAM_MAX_DATA || m->len != head + a->count)
		return -EINVAL;
	a->buf = m->payload + head;
	ret = region_access(c->ctx, a);
	if (ret == LM_DEFER)
		return access_wait(c, a->buf, a->count);
	if (ret < 0)
		return (int)ret;
	memcpy(r->payload, m->payload, head);
	r->len = head;
	return 0;
}

/* ---- several writes in one message ---------------------------------------------------------------- */

/* Start the write at multi_pos of the array @wrs. */
static ssize_t multi_write(struct client *c, char *wrs)
{
	char *at = wrs + c->multi_pos * sizeof(struct vfio_user_write_single);
	struct vfio_user_write_single w;
	const uint16_t flags = c->access.trace_flags;

	memcpy(&w, at, sizeof(w));
	memset(&c->access, 0, sizeof(c->access));
	c->access.region = w.region;
	c->access.offset = w.offset;
	c->access.count = w.count;
	c->access.is_write = true;
	c->access.trace_flags = flags;
	c->access.buf = at + offsetof(struct vfio_user_write_single, data);
	c->access.done = access_done;
	return region_access(c->ctx, &c->access);
}

/* Go on until done, refused, or deferred; the writes that were done count. */
static ssize_t multi_run(struct client *c, char *wrs)
{
	ssize_t ret = 0;

	for (; c->multi_pos < c->multi_nr; c->multi_pos++) {
		ret = multi_write(c, wrs);
		if (ret < 0)
			break;
	}
	if (ret < 0 && (ret == LM_DEFER || !c->multi_pos))
		return ret;
	return c->multi_pos;
}

static bool multi_is_valid(struct client *c, const char *wrs)
{
	uint32_t i;

	for (i = 0; i < c->multi_nr; i++) {
		struct vfio_user_write_single w;
		const struct region *reg;

		memcpy(&w, wrs + i * sizeof(w), sizeof(w));
		reg = region_get(c->ctx, w.region);
		if (!reg || w.count > sizeof(w.data) ||
		    out_of_range(w.offset, w.count, reg->info.size))
			return false;
	}
	return true;
}

static int region_write_multi(struct client *c, struct message *m, struct reply *r)
{
	const size_t head = sizeof(struct vfio_user_write_multi);
	struct vfio_user_write_multi multi;
	char *wrs = m->payload + head;
	ssize_t ret;

	memcpy(&multi, m->payload, head);
	if (multi.wr_cnt != (m->len - head) / sizeof(struct vfio_user_write_single) ||
	    (m->len - head) % sizeof(struct vfio_user_write_single))
		return -EINVAL;
	c->multi_pos = 0;
	c->multi_nr = (uint32_t)multi.wr_cnt;
	if (!multi_is_valid(c, wrs))
		return -EINVAL;
	c->access.trace_flags = m->hdr->flags & VFIO_USER_F_NO_REPLY ? LM_TRACE_POSTED : 0;
	ret = multi_run(c, wrs);
	if (ret == LM_DEFER)
		return access_wait(c, wrs, m->len - head);
	if (ret < 0)
		return (int)ret;
	multi.wr_cnt = (uint64_t)ret;
	memcpy(r->payload, &multi, head);
	r->len = head;
	return 0;
}

/* ---- DMA map ---------------------------------------------------------------------------------------- */

static void trace_dma(struct client *c, uint16_t kind, const struct dma_window *w, int result)
{
	struct lm_trace_record rec = {
		.time = trace_ticks(), .kind = kind, .offset = w->addr, .value = w->size,
		.aux = w->prot, .result = result,
	};

	trace_append(c->ctx, &rec);
}

static int map_dma(struct client *c, struct message *m, struct reply *r)
{
	const uint32_t known = VFIO_USER_DMA_READABLE | VFIO_USER_DMA_WRITEABLE |
			       VFIO_USER_DMA_MMAP | VFIO_USER_DMA_FILE_IO;
	struct vfio_user_dma_map req;
	struct dma_window w;
	int ret;

	memcpy(&req, m->payload, sizeof(req));
	if (req.argsz < sizeof(req) || (req.flags & ~known) || m->fds.nr > 1)
		return -EINVAL;
	w = (struct dma_window){
		.addr = req.addr, .size = req.size, .offset = req.offset,
		.prot = (req.flags & VFIO_USER_DMA_READABLE ? PROT_READ : 0) |
			(req.flags & VFIO_USER_DMA_WRITEABLE ? PROT_WRITE : 0),
		.fd = m->fds.nr ? m->fds.fd[0] : -1,
		.file_io = req.flags & VFIO_USER_DMA_FILE_IO,
	};
	if (!w.prot)
		return -EINVAL;
	ret = dma_map(c->ctx, &w);
	if (!ret)
		m->fds.nr = 0; /* its owner is dma.c now */
	if (trace_on(c->ctx)) {
		w.prot |= w.fd >= 0 ? 4 : 0;
		trace_dma(c, LM_TRACE_DMA_MAP, &w, ret);
	}
	return ret;
}

static int unmap_dma(struct client *c, struct message *m, struct reply *r)
{
	struct vfio_user_dma_unmap req;
	struct dma_window w = { 0 };
	bool all;
	int ret;

	memcpy(&req, m->payload, sizeof(req));
	all = req.flags & VFIO_DMA_UNMAP_FLAG_ALL;
	if (req.argsz < sizeof(req) || (req.flags & ~VFIO_DMA_UNMAP_FLAG_ALL))
		return -EINVAL;
	if (all && (req.addr || req.size))
		return -EINVAL;
	ret = dma_unmap(c->ctx, req.addr, req.size, all);
	if (trace_on(c->ctx)) {
		w.addr = req.addr;
		w.size = req.size;
		trace_dma(c, LM_TRACE_DMA_UNMAP, &w, ret == LM_DEFER ? 0 : ret);
	}
	if (ret == LM_DEFER)
		c->waiting = WAIT_DMA_UNMAP;
	memcpy(r->payload, &req, sizeof(req));
	r->len = sizeof(req);
	return ret;
}

/* ---- reset, features ---------------------------------------------------------------------------------- */

static void reset_done(struct lm_ctx *ctx, struct deferral *d, ssize_t result)
{
	struct client *c = container_of(d, struct client, reset);

	protocol_answer(c, result);
	client_serve(c);
}

static int device_reset(struct client *c, struct message *m, struct reply *r)
{
	int ret;

	c->reset = (struct deferral){ .done = reset_done };
	ret = ctx_reset(c->ctx, &c->reset);
	if (ret == LM_DEFER)
		c->waiting = WAIT_RESET;
	return ret;
}

/* No feature is offered yet: what VFIO_DEVICE_FEATURE answers for one that is absent. */
static int device_feature(struct client *c, struct message *m, struct reply *r)
{
	struct vfio_user_device_feature req;

	memcpy(&req, m->payload, sizeof(req));
	return req.argsz < sizeof(req) ? -EINVAL : -ENOTTY;
}

static int migration_data(struct client *c, struct message *m, struct reply *r)
{
	return -ENOTTY;
}

/* ---- dispatch ------------------------------------------------------------------------------------------ */

static const struct command commands[] = {
	[VFIO_USER_VERSION] = {
		handshake, sizeof(struct vfio_user_version), REPLY_MAX_INFO, false },
	[VFIO_USER_DMA_MAP] = { map_dma, sizeof(struct vfio_user_dma_map), 0, true },
	[VFIO_USER_DMA_UNMAP] = {
		unmap_dma, sizeof(struct vfio_user_dma_unmap), REPLY_SMALL, true },
	[VFIO_USER_DEVICE_GET_INFO] = {
		get_info, sizeof(struct vfio_user_device_info), REPLY_SMALL, false },
	[VFIO_USER_DEVICE_GET_REGION_INFO] = {
		get_region_info, sizeof(struct vfio_region_info), REPLY_MAX_INFO, false },
	[VFIO_USER_DEVICE_GET_REGION_IO_FDS] = {
		get_region_io_fds, sizeof(struct vfio_user_region_io_fds), REPLY_MAX_INFO, false },
	[VFIO_USER_DEVICE_GET_IRQ_INFO] = {
		get_irq_info, sizeof(struct vfio_irq_info), REPLY_SMALL, false },
	[VFIO_USER_DEVICE_SET_IRQS] = { set_irqs, sizeof(struct vfio_irq_set), 0, true },
	[VFIO_USER_REGION_READ] = {
		region_read, sizeof(struct vfio_user_region_access), REPLY_SMALL, false },
	[VFIO_USER_REGION_WRITE] = {
		region_write, sizeof(struct vfio_user_region_access), REPLY_SMALL, true },
	[VFIO_USER_REGION_WRITE_MULTI] = {
		region_write_multi, sizeof(struct vfio_user_write_multi), REPLY_SMALL, true },
	[VFIO_USER_DEVICE_RESET] = { device_reset, 0, 0, true },
	[VFIO_USER_DEVICE_FEATURE] = {
		device_feature, sizeof(struct vfio_user_device_feature), 0, false },
	[VFIO_USER_MIG_DATA_READ] = { migration_data, 0, 0, false },
	[VFIO_USER_MIG_DATA_WRITE] = { migration_data, 0, 0, false },
};

static const struct command *command_find(const struct message *m)
{
	if (m->cmd >= LM_NR(commands) || !commands[m->cmd].fn)
		return NULL;
	return &commands[m->cmd];
}

/* A read has room for its data as well; a count that is too large is refused later. */
static size_t reply_room(const struct command *cmd, const struct message *m)
{
	struct vfio_user_region_access req;

	if (!cmd)
		return 0;
	if (m->cmd != VFIO_USER_REGION_READ || m->len < sizeof(req))
		return cmd->room;
	memcpy(&req, m->payload, sizeof(req));
	return cmd->room + (req.count <= STREAM_MAX_DATA ? req.count : 0);
}

static void reply_commit(struct client *c, const struct vfio_user_header *request, int result,
			 const struct reply *r)
{
	const bool ok = result >= 0;
	const struct vfio_user_header hdr = {
		.msg_id = request->msg_id,
		.cmd = request->cmd,
		.msg_size = (uint32_t)(sizeof(hdr) + (ok ? r->len : 0)),
		.flags = VFIO_USER_F_TYPE_REPLY | (ok ? 0 : VFIO_USER_F_ERROR),
		.error_no = ok ? 0 : (uint32_t)-result,
	};

	memcpy(r->payload - sizeof(hdr), &hdr, sizeof(hdr));
	stream_commit(&c->stream, hdr.msg_size, ok ? &r->fds : NULL);
}

static int command_run(struct client *c, const struct command *cmd, struct message *m,
		       struct reply *r)
{
	if (m->hdr->flags & VFIO_USER_F_TYPE_MASK)
		return -EINVAL;
	if (!cmd)
		return -ENOSYS;
	if (m->len < cmd->min_len || m->fds.truncated)
		return -EINVAL;
	return cmd->fn(c, m, r);
}

/* A request that wants no reply writes its reply into the void, not where messages are built. */
static int handle_posted(struct client *c, const struct command *cmd, struct message *m)
{
	char scratch[sizeof(struct vfio_user_header) + REPLY_SMALL];
	struct reply r = { .payload = scratch + sizeof(struct vfio_user_header) };
	int ret = -EINVAL;

	if (cmd && cmd->posted)
		ret = command_run(c, cmd, m, &r);
	if (ret < 0 && ret != LM_DEFER)
		log_debug(c->ctx, "a posted command %u failed: %s", m->cmd, strerror(-ret));
	return ret;
}

static int handle_replied(struct client *c, const struct command *cmd, struct message *m)
{
	const struct vfio_user_header request = *m->hdr;
	struct reply r;
	char *out;
	int ret;

	out = stream_reserve(&c->stream, sizeof(request) + reply_room(cmd, m));
	if (!out) {
		stream_unget(&c->stream, m);
		return SERVE_BLOCKED;
	}
	r.payload = out + sizeof(request);
	r.len = 0;
	r.fds.nr = 0;
	c->owed = true;
	ret = command_run(c, cmd, m, &r);
	c->owed = false;
	if (ret != LM_DEFER)
		reply_commit(c, &request, ret, &r);
	return ret;
}

int protocol_handle(struct client *c, struct message *m)
{
	const struct command *cmd = command_find(m);
	const struct vfio_user_header request = *m->hdr;
	int ret;

	if (unlikely(!c->negotiated && m->cmd != VFIO_USER_VERSION)) {
		log_warn(c->ctx, "the client sent command %u before VERSION", m->cmd);
		message_close_fds(m);
		return -EPROTO;
	}
	memcpy(c->payload, m->payload, m->len < sizeof(c->payload) ? m->len : sizeof(c->payload));
	if (request.flags & VFIO_USER_F_NO_REPLY)
		ret = handle_posted(c, cmd, m);
	else
		ret = handle_replied(c, cmd, m);
	if (ret == SERVE_BLOCKED)
		return ret;
	c->requests++;
	c->request = request;
	message_close_fds(m);
	stream_unpin(&c->pinned);
	return !c->negotiated ? -EPROTO : 0;
}

/* ---- answers that come later ------------------------------------------------------------------------------ */

static size_t answer_build(struct client *c, ssize_t result, char *payload)
{
	const size_t head = sizeof(struct vfio_user_region_access);
	uint64_t wr_cnt = (uint64_t)result;

	switch (c->request.cmd) {
	case VFIO_USER_REGION_READ:
		memcpy(payload, c->payload, head);
		memcpy(payload + head, c->held, c->access.count);
		return head + c->access.count;
	case VFIO_USER_REGION_WRITE:
		memcpy(payload, c->payload, head);
		return head;
	case VFIO_USER_REGION_WRITE_MULTI:
		memcpy(payload, &wr_cnt, sizeof(wr_cnt));
		return sizeof(wr_cnt);
	case VFIO_USER_DMA_UNMAP:
		memcpy(payload, c->payload, sizeof(struct vfio_user_dma_unmap));
		return sizeof(struct vfio_user_dma_unmap);
	default:
		return 0;
	}
}

/* The first write that was deferred is done: those behind it are due. */
static ssize_t answer_multi(struct client *c, ssize_t result)
{
	if (result < 0)
		return c->multi_pos ? (ssize_t)c->multi_pos : result;
	c->multi_pos++;
	result = multi_run(c, c->held);
	return result;
}

void protocol_answer(struct client *c, ssize_t result)
{
	if (c->request.cmd == VFIO_USER_REGION_WRITE_MULTI) {
		result = answer_multi(c, result);
		if (result == LM_DEFER)
			return;
	}
	c->waiting = WAIT_ROOM;
	c->result = result;
	protocol_answer_send(c);
}

bool protocol_answer_send(struct client *c)
{
	const size_t data = c->request.cmd == VFIO_USER_REGION_READ ? c->access.count : 0;
	struct reply r = { 0 };
	char *out;

	if (!(c->request.flags & VFIO_USER_F_NO_REPLY)) {
		out = stream_reserve(&c->stream, sizeof(c->request) + REPLY_SMALL + data);
		if (!out)
			return false;
		r.payload = out + sizeof(c->request);
		if (c->result >= 0)
			r.len = answer_build(c, c->result, r.payload);
		reply_commit(c, &c->request, c->result < 0 ? (int)c->result : 0, &r);
	}
	client_unhold(c);
	c->waiting = WAIT_NONE;
	return true;
}
