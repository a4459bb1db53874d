// SPDX-License-Identifier: GPL-2.0-only
/*
 * access.c - read(2) and write(2) of regions: each becomes requests to the server.
 *
 * Any size and alignment. What a guest can do behind the end of a region, or across it, comes to
 * the server, which answers as a bus does. Longer ones are as those of a file: what crosses the end
 * is cut, what begins behind it refused. Sizes beyond MUSER_MAX_DATA take several requests. The
 * client's data are copied once, before the server sees them.
 */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "access.h"
#include "chan.h"
#include "usercopy.h"

/* Most accesses are of registers. */
#define ACCESS_SMALL 16U

/* As much as one of a guest's has: VMMs take an error for a failure of the device. */
#define ACCESS_BUS 8U

/* Which region, where in it, and how much of @count can be had there. */
static const struct muser_region *access_region(struct muser *m, u32 flag, struct chan_access *at,
						size_t *count, loff_t pos)
{
	const u64 index = (u64)pos >> MUSER_SPACE_SHIFT;
	const struct muser_region *region;

	if (index >= m->desc->nr_regions)
		return NULL;
	at->region = array_index_nospec(index, m->desc->nr_regions);
	at->offset = (u64)pos & ((1ULL << MUSER_SPACE_SHIFT) - 1);
	region = &m->desc->region[at->region];
	if (!(region->info.flags & flag) || !region->info.size)
		return NULL;
	if (*count <= ACCESS_BUS)
		return region;
	if (at->offset >= region->info.size)
		return NULL;
	*count = min_t(u64, *count, region->info.size - at->offset);
	return region;
}

/* Some of it at once: how much was done. */
static ssize_t access_ask(struct muser *m, struct muser_request *req, const struct chan_access *at,
			  size_t data)
{
	const struct chan_access *its = req->reply;
	int ret = muser_call(m, req);

	if (ret)
		return ret;
	if (req->reply_len < sizeof(*its) || its->count > at->count ||
	    req->reply_len - sizeof(*its) != (data ? its->count : 0))
		return -EIO;
	return its->count;
}

static ssize_t access_read(struct muser *m, const struct chan_access *at, char __user *buf,
			   struct chan_access *reply)
{
	struct muser_request req = {
		.cmd = CHAN_REGION_READ,
		.head = at,
		.head_len = sizeof(*at),
		.reply = reply,
		.reply_size = sizeof(*reply) + at->count,
	};
	ssize_t ret = access_ask(m, &req, at, at->count);

	if (ret > 0 && usercopy_to(buf, reply + 1, ret))
		return -EFAULT;
	return ret;
}

static ssize_t access_write(struct muser *m, const struct chan_access *at, const char __user *buf,
			    struct chan_access *reply)
{
	struct muser_request req = {
		.cmd = CHAN_REGION_WRITE,
		.head = at,
		.head_len = sizeof(*at),
		.data = reply + 1,
		.data_len = at->count,
		.reply = reply,
		.reply_size = sizeof(*reply),
	};

	if (usercopy_from(reply + 1, buf, at->count))
		return -EFAULT;
	return access_ask(m, &req, at, 0);
}

/* One request after the other, until one of them falls short. */
static ssize_t access_all(struct muser *m, struct chan_access *at, char __user *buf, size_t count,
			  bool is_write)
{
	u64 small[(sizeof(struct chan_access) + ACCESS_SMALL) / sizeof(u64)];
	size_t most = min_t(size_t, count, MUSER_MAX_DATA), done = 0;
	struct chan_access *reply = (void *)small;
	ssize_t ret;

	if (most > ACCESS_SMALL)
		reply = kvmalloc(sizeof(*reply) + most, MUSER_GFP_PEER);
	if (!reply)
		return -ENOMEM;
	do {
		at->count = min(count - done, most);
		ret = is_write ? access_write(m, at, buf + done, reply) :
				 access_read(m, at, buf + done, reply);
		if (ret > 0) {
			done += ret;
			at->offset += ret;
		}
	} while (ret == at->count && done < count);
	if (reply != (void *)small)
		kvfree(reply);
	return done ?: ret;
}

/* What VFIO's read and write do. */
ssize_t access_region_rw(struct muser *m, char __user *buf, size_t count, loff_t *pos,
			 bool is_write)
{
	const u32 flag = is_write ? VFIO_REGION_INFO_FLAG_WRITE : VFIO_REGION_INFO_FLAG_READ;
	struct chan_access at;
	ssize_t ret;

	if (!access_region(m, flag, &at, &count, *pos))
		return -EINVAL;
	if (!count)
		return 0;
	ret = access_all(m, &at, buf, count, is_write);
	if (ret > 0)
		*pos += ret;
	return ret;
}

/* ---- mmap(2) ------------------------------------------------------------------------- */

static bool access_is_mappable(const struct muser_region *region, u64 offset, u64 size)
{
	const struct vfio_region_sparse_mmap_area *area;
	u32 i;

	if (!(region->info.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return false;
	if (!region->areas)
		return offset <= PAGE_ALIGN(region->info.size) &&
		       size <= PAGE_ALIGN(region->info.size) - offset;
	for (i = 0; i < region->nr_areas; i++) {
		area = &region->areas[i];
		if (offset >= area->offset && offset - area->offset <= area->size &&
		    size <= area->size - (offset - area->offset))
			return true;
	}
	return false;
}

/* Only what the region's information offers. */
int access_mmap(struct muser *m, struct vm_area_struct *vma)
{
	const unsigned long per_space = 1UL << (MUSER_SPACE_SHIFT - PAGE_SHIFT);
	unsigned long index = vma->vm_pgoff / per_space;
	const struct muser_region *region;
	u64 offset;

	if (index >= m->desc->nr_regions || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	index = array_index_nospec(index, m->desc->nr_regions);
	region = &m->desc->region[index];
	offset = (u64)(vma->vm_pgoff % per_space) << PAGE_SHIFT;
	if (!access_is_mappable(region, offset, vma->vm_end - vma->vm_start))
		return -EINVAL;
	if (!(region->info.flags & VFIO_REGION_INFO_FLAG_WRITE)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		muser_vm_flags_clear(vma, VM_MAYWRITE);
	}
	vma->vm_pgoff %= per_space;
	return muser_mem_mmap_client(m, index, vma);
}
