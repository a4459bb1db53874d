// SPDX-License-Identifier: GPL-2.0-only
/*
 * info.c - VFIO_DEVICE_GET_INFO and its like, from what the server said in its handshake.
 *
 * Owns the rules of argsz and of capability chains; never asks the server. Refuses indexes
 * beyond those of the device, and structs shorter than VFIO's first version of them.
 */
#include <linux/errno.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "info.h"

int info_device(struct muser *m, void __user *user)
{
	struct vfio_device_info info = {};
	size_t size = offsetofend(struct vfio_device_info, num_irqs);

	if (copy_from_user(&info, user, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	if (info.argsz >= offsetofend(struct vfio_device_info, cap_offset))
		size = offsetofend(struct vfio_device_info, cap_offset);
	info.flags = m->desc->flags;
	info.num_regions = m->desc->nr_regions;
	info.num_irqs = m->desc->nr_irqs;
	return copy_to_user(user, &info, size) ? -EFAULT : 0;
}

int info_irq(struct muser *m, void __user *user)
{
	struct vfio_irq_info info;
	const size_t size = offsetofend(struct vfio_irq_info, count);
	const struct muser_desc *desc = m->desc;

	if (copy_from_user(&info, user, size))
		return -EFAULT;
	if (info.argsz < size || info.index >= desc->nr_irqs)
		return -EINVAL;
	info.index = array_index_nospec(info.index, desc->nr_irqs);
	info.flags = desc->irq[info.index].flags;
	info.count = desc->irq[info.index].count;
	return copy_to_user(user, &info, size) ? -EFAULT : 0;
}

static int info_add_areas(const struct muser_region *region, struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_sparse_mmap *cap;
	size_t size = struct_size(cap, areas, region->nr_areas);
	int ret;

	cap = kzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!cap)
		return -ENOMEM;
	cap->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	cap->header.version = 1;
	cap->nr_areas = region->nr_areas;
	memcpy(cap->areas, region->areas, region->nr_areas * sizeof(*region->areas));
	ret = vfio_info_add_capability(caps, &cap->header, size);
	kfree(cap);
	return ret;
}

static int info_add_type(const struct muser_region *region, struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_type cap = {
		.header.id = VFIO_REGION_INFO_CAP_TYPE,
		.header.version = 1,
		.type = region->type,
		.subtype = region->subtype,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

/* All but argsz and the capabilities' place, which newer kernels see to. */
int info_region(struct muser *m, struct vfio_region_info *info, struct vfio_info_cap *caps)
{
	const struct muser_region *region;
	int ret = 0;

	if (info->index >= m->desc->nr_regions)
		return -EINVAL;
	info->index = array_index_nospec(info->index, m->desc->nr_regions);
	region = &m->desc->region[info->index];
	info->flags = region->info.flags;
	info->size = region->info.size;
	info->offset = region->info.offset;
	if (region->areas && (info->flags & VFIO_REGION_INFO_FLAG_MMAP))
		ret = info_add_areas(region, caps);
	if (!ret && region->type)
		ret = info_add_type(region, caps);
	return ret;
}

#ifndef HAVE_VFIO_REGION_INFO_CAPS
static int info_copy_caps(struct vfio_region_info *info, struct vfio_info_cap *caps,
			  void __user *user)
{
	const size_t size = sizeof(*info);

	info->cap_offset = 0;
	if (!caps->size)
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (info->argsz < size + caps->size) {
		info->argsz = size + caps->size;
		return 0;
	}
	vfio_info_cap_shift(caps, size);
	info->cap_offset = size;
	return copy_to_user(user + size, caps->buf, caps->size) ? -EFAULT : 0;
}

int info_region_ioctl(struct muser *m, void __user *user)
{
	struct vfio_region_info info;
	struct vfio_info_cap caps = {};
	const size_t size = offsetofend(struct vfio_region_info, offset);
	int ret;

	if (copy_from_user(&info, user, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	ret = info_region(m, &info, &caps);
	ret = ret ?: info_copy_caps(&info, &caps, user);
	kfree(caps.buf);
	if (ret)
		return ret;
	return copy_to_user(user, &info, size) ? -EFAULT : 0;
}
#endif
