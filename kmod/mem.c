// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem.c - device memory: the pages of each space, which server and client map.
 *
 * A page is made by the fault that asks for it first, charged to whose fault it was, and kept until
 * the instance goes: memory outlives its server. Mappings are of PFNs, as those of a real card's
 * BAR are. Each keeps open what was mapped, /dev/muser or the client's device, so that no other
 * server, and no other client, comes as long as somebody sees the memory. Refuses: private
 * mappings, mappings beyond the space's end, and growing one (mremap, remap_file_pages): a client
 * gets the pages that mdev.c has checked, and no others. Faults never wait for the server: QEMU
 * maps BARs for DMA.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/xarray.h>

#include "mem.h"
#include "pfnmap.h"

/*
 * Where the spaces begin in the mapping of the instance's inode, in pages: behind the client's
 * memory, and once for each side, so that what is taken from the client's mappings stays in the
 * server's.
 */
#define MEM_SERVER (MUSER_DMA_LIMIT >> PAGE_SHIFT)
#define MEM_CLIENT (2 * MEM_SERVER)
#define MEM_PAGES  (1UL << (MUSER_SPACE_SHIFT - PAGE_SHIFT)) /* from one space to the next */

static unsigned long mem_max = 1UL << 30;
module_param_named(max_memory, mem_max, ulong, 0644);
MODULE_PARM_DESC(max_memory, "Maximum memory of a new device, in bytes (default: 1 GiB)");

int muser_mem_init(struct muser *m)
{
	unsigned int i;

	mutex_init(&m->mem.trap_lock);
	init_rwsem(&m->mem.map_lock);
	atomic_set(&m->mem.pending, 0);
	m->mem.max = READ_ONCE(mem_max);
	for (i = 0; i < MUSER_NR_SPACES; i++) {
		m->mem.space[i].m = m;
		m->mem.space[i].first = i * MEM_PAGES;
		xa_init_flags(&m->mem.space[i].pages, XA_FLAGS_ACCOUNT);
	}
	return 0;
}

static void mem_free_pages(struct muser_mem_space *s)
{
	unsigned long nr;
	struct page *page;

	xa_for_each(&s->pages, nr, page) {
		__free_page(page);
		cond_resched();
	}
	xa_destroy(&s->pages);
}

/* No mapping is left: each has kept a file that has kept the instance. */
void muser_mem_free(struct muser *m)
{
	unsigned int i;

	if (!m->mem.space[0].m)
		return; /* it never began */
	for (i = 0; i < MUSER_NR_SPACES; i++) {
		struct muser_mem_space *s = &m->mem.space[i];

		mem_free_pages(s);
		kvfree(s->armed);
		kvfree(s->dirty);
	}
	mutex_destroy(&m->mem.trap_lock);
}

struct muser_mem_space *mem_space(struct muser *m, u32 space)
{
	struct muser_mem_space *s;

	if (space >= MUSER_NR_SPACES)
		return ERR_PTR(-EINVAL);
	s = &m->mem.space[array_index_nospec(space, MUSER_NR_SPACES)];
	if (!READ_ONCE(s->size))
		return ERR_PTR(-ENXIO);
	return s;
}

u64 muser_mem_size(struct muser *m)
{
	u64 size = 0;
	u32 i;

	for (i = 0; i < MUSER_NR_SPACES; i++) {
		struct muser_mem_space *s = mem_space(m, i);

		size += IS_ERR(s) ? 0 : s->size;
	}
	return size;
}

static bool mem_has_room(struct muser *m, u64 size)
{
	const u64 max = READ_ONCE(m->mem.max), used = muser_mem_size(m);

	return used <= max && size <= max - used;
}

int muser_mem_create(struct muser *m, struct muser_mem *arg)
{
	struct muser_mem_space *s;

	lockdep_assert_held(&m->state_lock);
	if (arg->space >= MUSER_NR_SPACES || !arg->size || !PAGE_ALIGNED(arg->size) ||
	    arg->size > 1ULL << MUSER_SPACE_SHIFT)
		return -EINVAL;
	s = &m->mem.space[array_index_nospec(arg->space, MUSER_NR_SPACES)];
	if (s->size) {
		arg->flags = MUSER_MEM_KEPT;
		return arg->size == s->size ? 0 : -ESTALE;
	}
	if (!mem_has_room(m, arg->size))
		return -ENOSPC;
	WRITE_ONCE(s->size, arg->size);
	return 0;
}

/* ---- pages --------------------------------------------------------------------------- */

/* NULL: no memory. Pages that are there stay, so no lock is needed to use one. */
static struct page *mem_page(struct muser_mem_space *s, unsigned long nr)
{
	struct page *page = xa_load(&s->pages, nr), *old;

	if (page)
		return page;
	page = alloc_page(MUSER_GFP_PEER | __GFP_ZERO);
	if (!page)
		return NULL;
	old = xa_cmpxchg(&s->pages, nr, NULL, page, MUSER_GFP_PEER);
	if (!old)
		return page;
	__free_page(page);
	return xa_is_err(old) ? NULL : old;
}

static unsigned long mem_nr(pgoff_t pgoff)
{
	return pgoff % MEM_PAGES;
}

static vm_fault_t mem_insert_around(const struct vm_fault *vmf, const unsigned long *armed)
{
	struct muser_mem_space *s = vmf->vma->vm_private_data;
	const pgoff_t base = vmf->pgoff - mem_nr(vmf->pgoff);
	struct page *page;
	unsigned long i;

	/* The next write to what is armed would fault twice if it were there to be read. */
	xa_for_each_range(&s->pages, i, page, pfnmap_first(vmf) - base, pfnmap_last(vmf) - base) {
		if (base + i == vmf->pgoff || (armed && test_bit(i, armed)))
			continue;
		if (pfnmap_insert(vmf->vma, base + i, page, true) != VM_FAULT_NOPAGE)
			break;
	}
	return VM_FAULT_NOPAGE;
}

/* @armed: pages, by number, that are not to be written without a fault; NULL: none. */
static vm_fault_t mem_insert(const struct vm_fault *vmf, struct page *page,
			     const unsigned long *armed)
{
	const bool writable = !armed || !test_bit(mem_nr(vmf->pgoff), armed);
	const vm_fault_t ret = pfnmap_insert(vmf->vma, vmf->pgoff, page, writable);

	return ret == VM_FAULT_NOPAGE ? mem_insert_around(vmf, armed) : ret;
}

static int mem_mmap(struct muser_mem_space *s, struct vm_area_struct *vma, pgoff_t side)
{
	const u64 pages = s->size >> PAGE_SHIFT;

	if (muser_is_private(vma))
		return -EINVAL;
	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	vma->vm_pgoff += side + s->first;
	vma->vm_private_data = s;
	muser_vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

/* ---- the server's mappings ----------------------------------------------------------- */

static vm_fault_t server_fault(struct vm_fault *vmf)
{
	struct page *page = mem_page(vmf->vma->vm_private_data, mem_nr(vmf->pgoff));

	return page ? mem_insert(vmf, page, NULL) : VM_FAULT_OOM;
}

static int server_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len,
			 int write)
{
	struct page *page = mem_page(vma->vm_private_data, mem_nr(pfnmap_pgoff(vma, addr)));

	return page ? pfnmap_access(page, addr, buf, len, write) : -ENOMEM;
}

static const struct vm_operations_struct server_vm_ops = {
	.fault = server_fault,
	.access = server_access,
};

int muser_mem_mmap_server(struct muser *m, u32 space, struct vm_area_struct *vma)
{
	struct muser_mem_space *s = mem_space(m, space);
	int ret = IS_ERR(s) ? PTR_ERR(s) : mem_mmap(s, vma, MEM_SERVER);

	if (ret)
		return ret;
	muser_vm_flags_set(vma, VM_DONTCOPY);
	vma->vm_ops = &server_vm_ops;
	return 0;
}

/* ---- the client's mappings ----------------------------------------------------------- */

void mem_zap(struct muser_mem_space *s, unsigned long first, unsigned long pages)
{
	unmap_mapping_range(s->m->inode->i_mapping,
			    (loff_t)(MEM_CLIENT + s->first + first) << PAGE_SHIFT,
			    (loff_t)pages << PAGE_SHIFT, 1);
}

/* Under map_lock, so that what is armed is zapped after we have inserted it, or seen here. */
static vm_fault_t client_fault(struct vm_fault *vmf)
{
	struct muser_mem_space *s = vmf->vma->vm_private_data;
	const unsigned long nr = mem_nr(vmf->pgoff);
	struct page *page = mem_page(s, nr);
	vm_fault_t ret;

	if (!page)
		return VM_FAULT_OOM;
	down_read(&s->m->mem.map_lock);
	if (vmf->flags & FAULT_FLAG_WRITE)
		mem_written(s, nr);
	ret = mem_insert(vmf, page, s->armed);
	up_read(&s->m->mem.map_lock);
	return ret;
}

/*
 * A write to a PTE without the write bit. It is not given here, where the page may be armed again
 * before it takes effect: the PTE goes, and the next fault looks again.
 */
static vm_fault_t client_mkwrite(struct vm_fault *vmf)
{
	mem_zap(vmf->vma->vm_private_data, mem_nr(vmf->pgoff), 1);
	return VM_FAULT_NOPAGE;
}

static int client_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len,
			 int write)
{
	struct muser_mem_space *s = vma->vm_private_data;
	const unsigned long nr = mem_nr(pfnmap_pgoff(vma, addr));
	struct page *page = mem_page(s, nr);
	int ret;

	if (!page)
		return -ENOMEM;
	if (write && !(vma->vm_flags & VM_WRITE))
		return -EACCES;
	down_read(&s->m->mem.map_lock);
	if (write)
		mem_written(s, nr);
	ret = pfnmap_access(page, addr, buf, len, write);
	up_read(&s->m->mem.map_lock);
	return ret;
}

/* It may be what keeps the device open. */
static void client_close(struct vm_area_struct *vma)
{
	struct muser_mem_space *s = vma->vm_private_data;

	muser_client_is_shared(s->m);
}

static const struct vm_operations_struct client_vm_ops = {
	.close = client_close,
	.fault = client_fault,
	.pfn_mkwrite = client_mkwrite,
	.access = client_access,
};

static int client_release(struct inode *inode, struct file *file)
{
	fput(file->private_data);
	return 0;
}

static const struct file_operations client_fops = {
	.owner = THIS_MODULE,
	.release = client_release,
};

/*
 * The device's own file may share its mapping with all anonymous files of the kernel, where nothing
 * can be zapped. So the client's mapping gets a file that keeps the device's open, and is nobody's
 * in hand: without an mmap of its own, there is no remap_file_pages(2) to other pages.
 */
static int client_set_file(struct muser *m, struct vm_area_struct *vma)
{
	struct file *device = get_file(vma->vm_file), *file;

	file = anon_inode_getfile("[muser]", &client_fops, device, O_RDONLY);
	if (IS_ERR(file)) {
		fput(device);
		return PTR_ERR(file);
	}
	file->f_mapping = m->inode->i_mapping;
	vma_set_file(vma, file);
	fput(file);
	return 0;
}

int muser_mem_mmap_client(struct muser *m, u32 space, struct vm_area_struct *vma)
{
	struct muser_mem_space *s = mem_space(m, space);
	int ret = IS_ERR(s) ? PTR_ERR(s) : mem_mmap(s, vma, MEM_CLIENT);

	ret = ret ?: client_set_file(m, vma);
	if (!ret)
		vma->vm_ops = &client_vm_ops;
	return ret;
}
