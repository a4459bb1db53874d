/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protocol_info.c - what a client asks before it uses the device: device, regions, interrupts.
 *
 * Owns the layout of these replies: argsz rules, capability chains, which descriptors go along.
 * Changes nothing; what the answers say is owned by region.c and irq.c.
 */
#include <string.h>

#include <linux/kvm.h>

#include "base/bus.h"
#include "pci/pci.h"
#include "region/kick.h"
#include "server/protocol.h"

int protocol_device_info(struct client *c, struct message *m, struct reply *r)
{
	struct vfio_user_device_info info;

	memcpy(&info, m->payload, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	info.argsz = sizeof(info);
	info.flags = VFIO_DEVICE_FLAGS_RESET;
	info.flags |= bus_is_pci(&c->ctx->info) ? VFIO_DEVICE_FLAGS_PCI :
						  VFIO_DEVICE_FLAGS_PLATFORM;
	info.num_regions = region_count(c->ctx);
	info.num_irqs = bus_nr_irqs(&c->ctx->info);
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

/* Beside those that PCI numbers it must say what it is; without PCI it may. */
static bool region_has_type(const lm_dev_info_t *info, const lm_reg_info_t *reg, uint32_t index)
{
	if (bus_region_kind(info, index) < LM_DEV_NUM_REGS)
		return false;
	return bus_is_pci(info) || reg->type || reg->subtype;
}

/* The areas a client may map, all in the one descriptor that goes along, at their offsets; and
 * what a region is that PCI does not number. */
static void region_caps(const struct region *reg, bool has_type, union region_reply *rep)
{
	const uint32_t nr = region_is_mappable(reg) ? reg->info.nr_mmap_areas : 0;
	struct vfio_region_info_cap_sparse_mmap *sparse;
	struct vfio_region_info_cap_type *type;
	uint32_t *last = &rep->info.cap_offset;
	uint32_t i;

	if (nr) {
		sparse = region_cap(rep, &last, VFIO_REGION_INFO_CAP_SPARSE_MMAP,
				    sizeof(*sparse) + nr * sizeof(sparse->areas[0]));
		sparse->nr_areas = nr;
	}
	for (i = 0; i < nr; i++) {
		sparse->areas[i].offset = reg->info.mmap_areas[i].offset;
		sparse->areas[i].size = reg->info.mmap_areas[i].size;
	}
	if (has_type) {
		type = region_cap(rep, &last, VFIO_REGION_INFO_CAP_TYPE, sizeof(*type));
		type->type = reg->info.type;
		type->subtype = reg->info.subtype;
	}
}

int protocol_region_info(struct client *c, struct message *m, struct reply *r)
{
	union region_reply rep = { 0 };
	struct vfio_region_info req;
	struct region *reg;

	memcpy(&req, m->payload, sizeof(req));
	reg = region_get(c->ctx, req.index);
	if (req.argsz < sizeof(req) || !reg)
		return -EINVAL;
	region_describe(c->ctx, reg);
	rep.info.index = req.index;
	rep.info.argsz = sizeof(rep.info);
	rep.info.size = reg->info.size;
	if (reg->info.size)
		rep.info.flags =
			(reg->info.flags & LM_REG_FLAG_READ ? VFIO_REGION_INFO_FLAG_READ : 0) |
			(reg->info.flags & LM_REG_FLAG_WRITE ? VFIO_REGION_INFO_FLAG_WRITE : 0) |
			(region_is_mappable(reg) ? VFIO_REGION_INFO_FLAG_MMAP : 0);
	rep.info.offset = reg->info.fd_offset; /* in the descriptor that goes along */
	region_caps(reg, region_has_type(&c->ctx->info, &reg->info, req.index), &rep);
	/* Too small a buffer is told the size it needs; cap_offset stays: QEMU refuses 0 there. */
	r->len = rep.info.argsz <= req.argsz ? rep.info.argsz : sizeof(rep.info);
	memcpy(r->payload, &rep, r->len);
	/* One descriptor for all areas, which every client can take (max_msg_fds is at least 1):
	 * QEMU takes it for a broken connection if a second one comes. */
	if (reg->memfd >= 0 && region_is_mappable(reg) && r->len == rep.info.argsz) {
		r->fds.fd[r->fds.nr++] = reg->memfd;
		reg->lent = true;
	}
	return 0;
}

/* One sub-region; its eventfd travels once, however many kicks share it. -1: no room for it.
 * These are the device's, until they are lent at the end. */
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

static uint32_t io_fds_fill(struct client *c, const struct region *reg, uint32_t index,
			    struct reply *r)
{
	const bool pio = !(reg->info.flags & LM_REG_FLAG_MEM) &&
			 bus_region_kind(&c->ctx->info, index) < LM_DEV_NUM_REGS;
	char *out = r->payload + sizeof(struct vfio_user_region_io_fds);
	uint32_t i;

	for (i = 0; i < reg->info.nr_ioeventfds; i++) {
		const lm_ioeventfd_t *kick = &reg->info.ioeventfds[i];
		const int at = io_fd_index(c, r, kick->fd);
		struct vfio_user_ioeventfd io = {
			.offset = kick->offset,
			.size = kick->size,
			.fd_index = (uint32_t)at,
			.type = VFIO_USER_IO_FD_TYPE_IOEVENTFD,
			.datamatch = kick->datamatch,
		};

		if (at < 0)
			break;
		if (kick->flags & LM_IOEVENTFD_DATAMATCH)
			io.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
		if (pio)
			io.flags |= KVM_IOEVENTFD_FLAG_PIO;
		memcpy(out + i * sizeof(io), &io, sizeof(io));
	}
	return i;
}

int protocol_region_io_fds(struct client *c, struct message *m, struct reply *r)
{
	struct vfio_user_region_io_fds req;
	const struct region *reg;
	uint32_t argsz, i;
	size_t need;

	memcpy(&req, m->payload, sizeof(req));
	argsz = req.argsz;
	reg = region_get(c->ctx, req.index);
	if (argsz < sizeof(req) || req.flags || req.count || !reg)
		return -EINVAL;
	need = sizeof(req) + reg->info.nr_ioeventfds * sizeof(struct vfio_user_ioeventfd);
	req.count = reg->info.nr_ioeventfds;
	r->len = sizeof(req);
	if (need <= argsz) {
		req.count = io_fds_fill(c, reg, req.index, r);
		need = sizeof(req) + req.count * sizeof(struct vfio_user_ioeventfd);
		r->len = need;
	}
	req.argsz = (uint32_t)need;
	memcpy(r->payload, &req, sizeof(req));
	for (i = 0; i < r->fds.nr; i++) {
		r->fds.fd[i] = kick_lend(c->ctx, r->fds.fd[i]);
		if (r->fds.fd[i] < 0)
			return r->fds.fd[i];
	}
	return 0;
}

int protocol_irq_info(struct client *c, struct message *m, struct reply *r)
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
