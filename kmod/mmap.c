// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap.c - device memory: a shmem file for each space, which server and client map.
 *
 * The instance owns the files, so memory outlives its server, and a mapping outlives even the
 * instance. Refuses: private mappings, mappings beyond the space's end, and growing one
 * (mremap, remap_file_pages): a client gets the pages that mdev.c has checked, and no others.
 * Faults are shmem's own and never wait for the server: QEMU maps BARs for DMA.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include <uapi/linux/fcntl.h>

#include "mmap.h"

static atomic64_t mem_total = ATOMIC64_INIT(0);

static bool mem_charge(u64 size)
{
	const u64 limit = min_t(u64, READ_ONCE(muser_max_memory), S64_MAX);
	s64 total = atomic64_read(&mem_total);

	do {
		if (total > limit || size > limit - total)
			return false;
	} while (!atomic64_try_cmpxchg(&mem_total, &total, total + size));
	return true;
}

/*
 * Nobody gets this file in hand. Its modes are what remap_file_pages(2) asks for before it maps
 * another part of it, and madvise(2) before it takes pages away. Whoever finds it in /proc cannot
 * change its size.
 */
static struct file *mem_file(u64 size)
{
	struct file *file = shmem_file_setup("muser", size, MUSER_SHMEM_NORESERVE);

	if (IS_ERR(file))
		return file;
	file->f_mode &= ~(FMODE_READ | FMODE_WRITE);
	SHMEM_I(file_inode(file))->seals |= F_SEAL_SHRINK | F_SEAL_GROW;
	return file;
}

int muser_mem_init(struct muser *m)
{
	unsigned int i;

	mutex_init(&m->mem.lock);
	atomic_set(&m->mem.pending, 0);
	for (i = 0; i < MUSER_NR_SPACES; i++)
		m->mem.space[i].m = m;
	return 0;
}

void muser_mem_free(struct muser *m)
{
	unsigned int i;

	for (i = 0; i < MUSER_NR_SPACES; i++) {
		struct muser_mem_space *s = &m->mem.space[i];

		if (!s->file)
			continue;
		fput(s->file);
		s->file = NULL;
		atomic64_sub(s->size, &mem_total);
		kvfree(s->armed);
		kvfree(s->dirty);
	}
	kfree(m->mem.client_ops);
	mutex_destroy(&m->mem.lock);
}

struct muser_mem_space *mem_space(struct muser *m, u32 space)
{
	struct muser_mem_space *s;

	if (space >= MUSER_NR_SPACES)
		return ERR_PTR(-EINVAL);
	s = &m->mem.space[array_index_nospec(space, MUSER_NR_SPACES)];
	/* Pairs with muser_mem_create(): with the file, its size is there. */
	if (!smp_load_acquire(&s->file))
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

int muser_mem_create(struct muser *m, struct muser_mem *arg)
{
	struct muser_mem_space *s;
	struct file *file;

	lockdep_assert_held(&m->state_lock);
	if (arg->space >= MUSER_NR_SPACES || !arg->size || !PAGE_ALIGNED(arg->size) ||
	    arg->size > 1ULL << MUSER_SPACE_SHIFT)
		return -EINVAL;
	s = &m->mem.space[array_index_nospec(arg->space, MUSER_NR_SPACES)];
	if (s->file) {
		arg->flags = MUSER_MEM_KEPT;
		return arg->size == s->size ? 0 : -ESTALE;
	}
	if (!mem_charge(arg->size))
		return -ENOSPC;
	file = mem_file(arg->size);
	if (IS_ERR(file)) {
		atomic64_sub(arg->size, &mem_total);
		return PTR_ERR(file);
	}
	s->size = arg->size;
	/* Pairs with mem_space(). */
	smp_store_release(&s->file, file);
	return 0;
}

/* ---- mappings ------------------------------------------------------------------------ */

/*
 * Whoever sets a bit for each page first, which its faults look at under the page's lock, has no
 * mapping of before left then: a fault that did not see the bit holds that lock until the page is
 * mapped. Private copies stay: they are not the file's.
 */
void muser_unmap_pages(struct address_space *mapping, pgoff_t first, unsigned long pages)
{
	struct folio *folio;
	unsigned long i;

	for (i = 0; i < pages; i++) {
		cond_resched();
		folio = filemap_get_folio(mapping, first + i);
		if (IS_ERR_OR_NULL(folio))
			continue;
		folio_lock(folio);
		folio_unlock(folio);
		folio_put(folio);
	}
	unmap_mapping_range(mapping, (loff_t)first << PAGE_SHIFT, (loff_t)pages << PAGE_SHIFT, 0);
}

/*
 * Huge pages would hide writes to the other pages of one. The mapping's file becomes shmem's, so
 * that neither /dev/muser nor the client's device stays open for it.
 */
static int mem_mmap(struct muser_mem_space *s, struct vm_area_struct *vma)
{
	const u64 pages = s->size >> PAGE_SHIFT;

	if (muser_is_private(vma))
		return -EINVAL;
	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	vma_set_file(vma, s->file);
	muser_vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_NOHUGEPAGE);
	return muser_mmap_file(s->file, vma);
}

int muser_mem_mmap_server(struct muser *m, u32 space, struct vm_area_struct *vma)
{
	struct muser_mem_space *s = mem_space(m, space);

	return IS_ERR(s) ? PTR_ERR(s) : mem_mmap(s, vma);
}

/* These mappings keep the instance, and the module whose functions they call. */
static void client_open(struct vm_area_struct *vma)
{
	struct muser_mem_space *s = vma->vm_private_data;

	__module_get(THIS_MODULE);
	muser_get(s->m);
}

static void client_close(struct vm_area_struct *vma)
{
	struct muser_mem_space *s = vma->vm_private_data;

	muser_put(s->m);
	module_put(THIS_MODULE);
}

/*
 * The page stays locked until it is mapped for writing: mem_arm() waits for that, so that no
 * mapping of before escapes it.
 */
static vm_fault_t client_mkwrite(struct vm_fault *vmf)
{
	struct muser_mem_space *s = vmf->vma->vm_private_data;
	struct folio *folio = page_folio(vmf->page);

	folio_lock(folio);
	if (folio->mapping != s->file->f_mapping) {
		folio_unlock(folio);
		return VM_FAULT_NOPAGE;
	}
	mem_written(s, vmf->pgoff);
	return VM_FAULT_LOCKED;
}

/*
 * The operations of the client's mappings: shmem's, and news of writes. shmem exports none of
 * them, so they are taken from a mapping. They live as long as the instance.
 */
static const struct vm_operations_struct *client_ops(struct muser *m,
						     const struct vm_operations_struct *shmem)
{
	const struct vm_operations_struct ops = {
		.open = client_open,
		.close = client_close,
		.fault = shmem->fault,
		.map_pages = shmem->map_pages,
		.page_mkwrite = client_mkwrite,
#ifdef CONFIG_NUMA
		.set_policy = shmem->set_policy,
		.get_policy = shmem->get_policy,
#endif
	};
	const struct vm_operations_struct *new, *old;

	new = READ_ONCE(m->mem.client_ops);
	if (new)
		return new;
	new = kmemdup(&ops, sizeof(ops), GFP_KERNEL);
	old = new ? cmpxchg(&m->mem.client_ops, NULL, new) : NULL;
	if (!old)
		return new;
	kfree(new);
	return old;
}

int muser_mem_mmap_client(struct muser *m, u32 space, struct vm_area_struct *vma)
{
	struct muser_mem_space *s = mem_space(m, space);
	const struct vm_operations_struct *ops;
	int ret;

	if (IS_ERR(s))
		return PTR_ERR(s);
	ret = mem_mmap(s, vma);
	if (ret)
		return ret;
	ops = client_ops(m, vma->vm_ops);
	if (!ops)
		return -ENOMEM;
	vma->vm_private_data = s;
	vma->vm_ops = ops;
	client_open(vma);
	return 0;
}
