/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat.h - one spelling for what kernels call differently.
 *
 * HAVE_* come from Kbuild, which looks into the headers. Nothing here does more than its newest
 * kernel's function; what no longer differs among the kernels we build for goes away.
 */
#ifndef MUSER_COMPAT_H
#define MUSER_COMPAT_H

#include <linux/device.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/mm.h>
#ifdef HAVE_PFN_T
#include <linux/pfn_t.h>
#endif

#ifdef HAVE_CLASS_CREATE_NAME
#define muser_class_create(name) class_create(name)
#else
#define muser_class_create(name) class_create(THIS_MODULE, name)
#endif

#ifdef HAVE_DEVNODE_CONST
#define MUSER_DEVNODE_DEVICE const struct device
#else
#define MUSER_DEVNODE_DEVICE struct device
#endif

static inline void muser_eventfd_signal(struct eventfd_ctx *ctx)
{
#ifdef HAVE_EVENTFD_SIGNAL_ONE
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

static inline void muser_vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

static inline void muser_vm_flags_clear(struct vm_area_struct *vma, unsigned long flags)
{
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_clear(vma, flags);
#else
	vma->vm_flags &= ~flags;
#endif
}

/* A page of ours in a VM_MIXEDMAP mapping, without a reference: system calls refuse it. */
static inline vm_fault_t muser_insert_uncounted(struct vm_area_struct *vma, unsigned long addr,
						struct page *page)
{
#ifdef HAVE_PFN_T
	return vmf_insert_mixed(vma, addr, page_to_pfn_t(page));
#else
	return vmf_insert_mixed(vma, addr, page_to_pfn(page));
#endif
}

/* is_cow_mapping(): it changes its name and its argument. */
static inline bool muser_is_private(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

/* What mmap(2) of @file does to @vma. */
static inline int muser_mmap_file(struct file *file, struct vm_area_struct *vma)
{
#ifdef HAVE_VFS_MMAP
	return vfs_mmap(file, vma);
#else
	return call_mmap(file, vma);
#endif
}

#endif /* MUSER_COMPAT_H */
