// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_map.c - the client's memory in the server: a window on all addresses, pinned or not.
 *
 * Debuggers see what the process would see, by ptrace(2) and /proc/PID/mem, and nothing is pinned
 * for them; process_vm_readv(2) takes pages, of which such mappings have none.
 *
 * Faults insert what is pinned, or the instance's scratch page: they never pin, never wait, and
 * never fail but for a write to what the client mapped read-only. PFNs, not pages: a page that is
 * inserted as such may not be freed by its owner while we have it mapped.
 */
#include <linux/mm.h>

#include "dma.h"
#include "pfnmap.h"

void dma_zap(struct muser_dma_state *st, unsigned long first, unsigned long pages)
{
	unmap_mapping_range(st->m->inode->i_mapping, (loff_t)first << PAGE_SHIFT,
			    (loff_t)pages << PAGE_SHIFT, 1);
}

static vm_fault_t dma_insert(struct vm_area_struct *vma, unsigned long page, void *entry)
{
	return pfnmap_insert(vma, page, dma_entry_page(entry), dma_entry_is_writable(entry));
}

static void dma_insert_around(struct muser_dma_state *st, const struct vm_fault *vmf)
{
	unsigned long i;
	void *entry;

	xa_for_each_range(&st->pages, i, entry, pfnmap_first(vmf), pfnmap_last(vmf)) {
		if (i != vmf->pgoff && dma_insert(vmf->vma, i, entry) != VM_FAULT_NOPAGE)
			return;
	}
}

/* Under map_lock, so that what is revoked is zapped after we have inserted it. */
static vm_fault_t dma_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct muser_dma_state *st = vma->vm_private_data;
	vm_fault_t ret;
	void *entry;

	down_read(&st->map_lock);
	entry = xa_load(&st->pages, vmf->pgoff);
	if (entry) {
		ret = dma_insert(vma, vmf->pgoff, entry);
		if (ret == VM_FAULT_NOPAGE)
			dma_insert_around(st, vmf);
	} else {
		WRITE_ONCE(st->scratch_shown, true);
		ret = dma_insert(vma, vmf->pgoff, xa_tag_pointer(st->scratch, 1));
	}
	up_read(&st->map_lock);
	return ret;
}

/*
 * A write to a PTE without the write bit. It is not given here, where the entry may change before
 * it takes effect: the PTE goes, and the next fault looks again.
 */
static vm_fault_t dma_mkwrite(struct vm_fault *vmf)
{
	struct muser_dma_state *st = vmf->vma->vm_private_data;
	void *entry;

	down_read(&st->map_lock);
	entry = xa_load(&st->pages, vmf->pgoff);
	up_read(&st->map_lock);
	if (entry && !dma_entry_is_writable(entry))
		return VM_FAULT_SIGBUS;
	dma_zap(st, vmf->pgoff, 1);
	return VM_FAULT_NOPAGE;
}

/* What the process may not write, nobody may. */
static int dma_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len, int write)
{
	struct muser_dma_state *st = vma->vm_private_data;
	int ret = -EACCES;
	void *entry;

	if (write && !(vma->vm_flags & VM_WRITE))
		return -EACCES;
	down_read(&st->map_lock);
	entry = xa_load(&st->pages, pfnmap_pgoff(vma, addr)) ?: xa_tag_pointer(st->scratch, 1);
	if (!write || dma_entry_is_writable(entry))
		ret = pfnmap_access(dma_entry_page(entry), addr, buf, len, write);
	up_read(&st->map_lock);
	return ret;
}

static const struct vm_operations_struct dma_vm_ops = {
	.fault = dma_fault,
	.pfn_mkwrite = dma_mkwrite,
	.access = dma_access,
};

int muser_dma_mmap(struct muser *m, struct vm_area_struct *vma)
{
	const u64 limit = MUSER_DMA_LIMIT >> PAGE_SHIFT;

	if (muser_is_private(vma))
		return -EINVAL;
	if (vma->vm_pgoff >= limit) {
		vma->vm_pgoff -= limit;
		return dma_file_mmap(m, vma);
	}
	if (vma_pages(vma) > limit - vma->vm_pgoff)
		return -EINVAL;
	muser_vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY);
	vma->vm_private_data = m->dma;
	vma->vm_ops = &dma_vm_ops;
	return 0;
}
