// SPDX-License-Identifier: GPL-2.0-only
/*
 * desc.c - what the server says its device is, asked in the handshake and kept.
 *
 * Owns the questions and the judgement of the answers: VFIO clients are served from what is
 * accepted here. Refuses what is no PCI device, regions beyond their share of the device file,
 * areas to map without memory, capability chains that do not come to an end.
 */
#include <linux/errno.h>
#include <linux/slab.h>

#include "chan.h"

/* Room for a region's information with its capabilities: about 1000 areas. */
#define DESC_REGION_ROOM 16384U

struct desc_version {
	__u16 major;
	__u16 minor;
};

/* The answer breaks the rules; why, for the log. */
#define desc_refuse(m, ...) (handshake_log(m, __VA_ARGS__), -EPROTO)

static int desc_ask(struct muser *m, struct muser_request *req, size_t min)
{
	int ret;

	req->first = true;
	ret = muser_call(m, req);
	if (ret)
		handshake_log(m, "command %u: error %d", req->cmd, ret);
	else if (req->reply_len < min)
		ret = desc_refuse(m, "command %u: reply too short", req->cmd);
	return ret;
}

static int desc_read_version(struct muser *m)
{
	const struct desc_version mine = { .major = 0, .minor = 1 };
	struct desc_version its = {};
	struct muser_request req = {
		.cmd = CHAN_VERSION,
		.head = &mine,
		.head_len = sizeof(mine),
		.reply = &its,
		.reply_size = sizeof(its),
	};
	int ret = desc_ask(m, &req, sizeof(its));

	if (!ret && (its.major != mine.major || its.minor > mine.minor))
		ret = desc_refuse(m, "it speaks vfio-user %u.%u, not 0.0 or 0.1", its.major,
				  its.minor);
	return ret;
}

static int desc_read_device(struct muser *m, struct muser_desc *desc)
{
	/* Without the fields for capabilities. */
	struct {
		__u32 argsz, flags, nr_regions, nr_irqs;
	} info = { .argsz = sizeof(info) };
	struct muser_request req = {
		.cmd = CHAN_GET_INFO,
		.head = &info,
		.head_len = sizeof(info),
		.reply = &info,
		.reply_size = sizeof(info),
	};
	int ret = desc_ask(m, &req, sizeof(info));

	if (ret)
		return ret;
	desc->flags = info.flags & (VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	desc->nr_regions = info.nr_regions;
	desc->nr_irqs = info.nr_irqs;
	if (!(desc->flags & VFIO_DEVICE_FLAGS_PCI))
		return desc_refuse(m, "not a PCI device (flags %#x)", info.flags);
	if (info.nr_irqs > MUSER_MAX_IRQS || info.nr_regions <= VFIO_PCI_CONFIG_REGION_INDEX ||
	    info.nr_regions > MUSER_MAX_REGIONS)
		return desc_refuse(m, "unsupported: %u regions, %u interrupt indexes",
				   info.nr_regions, info.nr_irqs);
	return 0;
}

/* ---- regions ------------------------------------------------------------------------- */

static bool desc_area_is_valid(const struct vfio_region_sparse_mmap_area *area, u64 size)
{
	return PAGE_ALIGNED(area->offset) && PAGE_ALIGNED(area->size) && area->offset <= size &&
	       area->size <= size - area->offset;
}

static int desc_sparse(struct muser_region *region, const void *cap, size_t len)
{
	struct vfio_region_info_cap_sparse_mmap sparse;
	size_t bytes;
	u32 i;

	if (region->areas || len < sizeof(sparse))
		return -EPROTO;
	memcpy(&sparse, cap, sizeof(sparse));
	if (sparse.nr_areas > (len - sizeof(sparse)) / sizeof(*region->areas))
		return -EPROTO;
	bytes = sparse.nr_areas * sizeof(*region->areas);
	region->areas = kvmalloc(bytes ?: 1, MUSER_GFP_PEER);
	if (!region->areas)
		return -ENOMEM;
	memcpy(region->areas, cap + sizeof(sparse), bytes);
	region->nr_areas = sparse.nr_areas;
	for (i = 0; i < region->nr_areas; i++)
		if (!desc_area_is_valid(&region->areas[i], PAGE_ALIGN(region->info.size)))
			return -EPROTO;
	return 0;
}

static int desc_cap(struct muser_region *region, u16 id, const void *cap, size_t len)
{
	struct vfio_region_info_cap_type type;

	if (id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
		return desc_sparse(region, cap, len);
	if (id != VFIO_REGION_INFO_CAP_TYPE)
		return 0;
	if (len < sizeof(type))
		return -EPROTO;
	memcpy(&type, cap, sizeof(type));
	region->type = type.type;
	region->subtype = type.subtype;
	return 0;
}

/* Each capability lies behind the one before it, so the chain ends. */
static int desc_caps(struct muser_region *region, const void *buf, size_t len)
{
	struct vfio_info_cap_header header;
	size_t at = region->info.cap_offset, end = sizeof(region->info);
	int ret = 0;

	while (at && !ret) {
		if (at < end || at > len || sizeof(header) > len - at)
			return -EPROTO;
		memcpy(&header, buf + at, sizeof(header));
		ret = desc_cap(region, header.id, buf + at, len - at);
		end = at + sizeof(header);
		at = header.next;
	}
	return ret;
}

static int desc_judge_region(struct muser *m, struct muser_region *region, u32 index)
{
	struct vfio_region_info *info = &region->info;
	struct muser_mem_space *space = &m->mem.space[index];

	info->flags &= VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		       VFIO_REGION_INFO_FLAG_MMAP;
	if (info->index != index || info->size > 1ULL << MUSER_SPACE_SHIFT)
		return desc_refuse(m, "region %u: wrong index %u or size %llu", index, info->index,
				   info->size);
	if ((info->flags & VFIO_REGION_INFO_FLAG_MMAP) &&
	    (!space->size || PAGE_ALIGN(info->size) > space->size))
		return desc_refuse(m, "region %u: mappable size %llu exceeds its memory of %llu",
				   index, info->size, space->size);
	info->argsz = sizeof(*info);
	info->cap_offset = 0;
	info->offset = (u64)index << MUSER_SPACE_SHIFT;
	return 0;
}

static int desc_read_region(struct muser *m, struct muser_region *region, u32 index, void *buf)
{
	const struct vfio_region_info ask = { .argsz = DESC_REGION_ROOM, .index = index };
	struct muser_request req = {
		.cmd = CHAN_REGION_INFO,
		.head = &ask,
		.head_len = sizeof(ask),
		.reply = buf,
		.reply_size = DESC_REGION_ROOM,
	};
	int ret = desc_ask(m, &req, sizeof(region->info));

	if (ret)
		return ret;
	memcpy(&region->info, buf, sizeof(region->info));
	if (region->info.argsz > req.reply_len)
		return desc_refuse(m, "region %u: argsz %u exceeds its reply of %zu bytes", index,
				   region->info.argsz, req.reply_len);
	if (region->info.flags & VFIO_REGION_INFO_FLAG_CAPS)
		ret = desc_caps(region, buf, req.reply_len);
	if (ret == -EPROTO)
		return desc_refuse(m, "region %u: its capabilities are malformed", index);
	return ret ?: desc_judge_region(m, region, index);
}

static int desc_read_regions(struct muser *m, struct muser_desc *desc)
{
	void *buf = kvmalloc(DESC_REGION_ROOM, MUSER_GFP_PEER);
	int ret = buf ? 0 : -ENOMEM;
	u32 i;

	for (i = 0; i < desc->nr_regions && !ret; i++)
		ret = desc_read_region(m, &desc->region[i], i, buf);
	kvfree(buf);
	return ret;
}

/* ---- interrupts ---------------------------------------------------------------------- */

static bool desc_irq_is_single(u32 index)
{
	return index == VFIO_PCI_INTX_IRQ_INDEX || index == VFIO_PCI_ERR_IRQ_INDEX ||
	       index == VFIO_PCI_REQ_IRQ_INDEX;
}

static int desc_read_irq(struct muser *m, struct vfio_irq_info *info, u32 index)
{
	const struct vfio_irq_info ask = { .argsz = sizeof(ask), .index = index };
	struct muser_request req = {
		.cmd = CHAN_IRQ_INFO,
		.head = &ask,
		.head_len = sizeof(ask),
		.reply = info,
		.reply_size = sizeof(*info),
	};
	int ret = desc_ask(m, &req, sizeof(*info));

	if (ret)
		return ret;
	info->argsz = sizeof(*info);
	info->flags &= VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED |
		       VFIO_IRQ_INFO_NORESIZE;
	if (info->index != index ||
	    info->count > (desc_irq_is_single(index) ? 1 : MUSER_MAX_VECTORS))
		return desc_refuse(m, "interrupt %u: wrong index %u or vector count %u", index,
				   info->index, info->count);
	return 0;
}

/* That the device is wanted back is the module's to say, with or without the server. */
static void desc_add_req(struct muser_desc *desc)
{
	struct vfio_irq_info *req = &desc->irq[VFIO_PCI_REQ_IRQ_INDEX];
	u32 i;

	for (i = desc->nr_irqs; i < VFIO_PCI_NUM_IRQS; i++)
		desc->irq[i] = (struct vfio_irq_info){ .argsz = sizeof(*req), .index = i };
	desc->nr_irqs = max_t(u32, desc->nr_irqs, VFIO_PCI_NUM_IRQS);
	desc->own_req = !req->count;
	if (desc->own_req) {
		req->count = 1;
		req->flags = VFIO_IRQ_INFO_EVENTFD;
	}
}

static int desc_read_irqs(struct muser *m, struct muser_desc *desc)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < desc->nr_irqs && !ret; i++)
		ret = desc_read_irq(m, &desc->irq[i], i);
	if (!ret)
		desc_add_req(desc);
	return ret;
}

/* ---- the whole ----------------------------------------------------------------------- */

void desc_free(struct muser_desc *desc)
{
	u32 i;

	if (!desc)
		return;
	for (i = 0; i < MUSER_MAX_REGIONS; i++)
		kvfree(desc->region[i].areas);
	kfree(desc);
}

int desc_read(struct muser *m, struct muser_desc **out)
{
	struct muser_desc *desc = kzalloc(sizeof(*desc), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!desc)
		return -ENOMEM;
	ret = desc_read_version(m);
	ret = ret ?: desc_read_device(m, desc);
	ret = ret ?: desc_read_regions(m, desc);
	ret = ret ?: desc_read_irqs(m, desc);
	if (ret)
		desc_free(desc);
	else
		*out = desc;
	return ret;
}

static bool desc_region_is_same(const struct muser_region *a, const struct muser_region *b)
{
	return a->info.flags == b->info.flags && a->info.size == b->info.size &&
	       a->type == b->type && a->subtype == b->subtype && !a->areas == !b->areas &&
	       a->nr_areas == b->nr_areas &&
	       (!a->areas || !memcmp(a->areas, b->areas, a->nr_areas * sizeof(*a->areas)));
}

bool desc_is_same(const struct muser_desc *a, const struct muser_desc *b)
{
	u32 i;

	if (a->flags != b->flags || a->nr_regions != b->nr_regions || a->nr_irqs != b->nr_irqs ||
	    a->own_req != b->own_req || memcmp(a->irq, b->irq, sizeof(a->irq)))
		return false;
	for (i = 0; i < a->nr_regions; i++)
		if (!desc_region_is_same(&a->region[i], &b->region[i]))
			return false;
	return true;
}
