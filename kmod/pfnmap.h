/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pfnmap.h - mappings of PFNs (VM_PFNMAP), which faults fill: what dma_map.c and mem.c share.
 *
 * No system call takes a reference to a page through such a mapping (-EFAULT), so nothing reaches
 * the page any more when it has been unmapped; copies to and from it work as elsewhere.
 *
 * vm_page_prot is without the write bit where there is a pfn_mkwrite. What may be written gets it
 * at once, so only writes to what may not, and those after mprotect(2), come to pfn_mkwrite.
 */
#ifndef MUSER_PFNMAP_H
#define MUSER_PFNMAP_H

#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>

/* Pages around the one that is asked for: those of a page of PTEs at most. */
#define PFNMAP_AROUND 32UL

/* By vm_pgoff's count. Nothing changes where something is mapped already. */
static inline vm_fault_t pfnmap_insert(struct vm_area_struct *vma, pgoff_t pgoff, struct page *page,
				       bool writable)
{
	const unsigned long addr = vma->vm_start + ((pgoff - vma->vm_pgoff) << PAGE_SHIFT);
	const unsigned long flags = writable ? vma->vm_flags : vma->vm_flags & ~VM_WRITE;

	return vmf_insert_pfn_prot(vma, addr, page_to_pfn(page), vm_get_page_prot(flags));
}

/* The first and the last page that may be inserted beside that of a fault. */
static inline pgoff_t pfnmap_first(const struct vm_fault *vmf)
{
	return max(round_down(vmf->pgoff, PFNMAP_AROUND), vmf->vma->vm_pgoff);
}

static inline pgoff_t pfnmap_last(const struct vm_fault *vmf)
{
	return min(round_down(vmf->pgoff, PFNMAP_AROUND) + PFNMAP_AROUND,
		   vmf->vma->vm_pgoff + vma_pages(vmf->vma)) -
	       1;
}

static inline pgoff_t pfnmap_pgoff(const struct vm_area_struct *vma, unsigned long addr)
{
	return vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT);
}

/* For vm_operations_struct.access, a debugger's way to such memory: how many bytes, in the page. */
static inline int pfnmap_access(struct page *page, unsigned long addr, void *buf, int len,
				int write)
{
	const size_t offset = offset_in_page(addr);
	const size_t n = min_t(size_t, len, PAGE_SIZE - offset);

	if (write)
		memcpy_to_page(page, offset, buf, n);
	else
		memcpy_from_page(buf, page, offset, n);
	return n;
}

#endif /* MUSER_PFNMAP_H */
