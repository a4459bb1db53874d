// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_file.c - the client's shared memory mapped as the file it is, so that the server's system
 * calls take its pages (O_DIRECT, vmsplice, io_uring's buffers), which refuse those of dma_map.c.
 *
 * Which file it is, the pinned pages say. The server never gets it in hand: it maps the range that
 * is pinned, of a file that it can neither read, write, nor map any further. Pages that are let go
 * show scratch memory there, for good. Refuses all but tmpfs (memfd is), and memory that the client
 * may not write, or has sealed.
 *
 * Mappings are revoked; references that system calls have taken to pages are not, and nobody knows
 * of them. So all of this is for servers that root trusts so far (the attribute "direct").
 */
#include <linux/bitmap.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include <uapi/linux/fcntl.h>

#include "dma.h"

/* Ranges an instance may have. */
#define DMA_MAX_FILES 4096U

/* Faults without a page. */
#define DMA_FILE_PASS (VM_FAULT_ERROR | VM_FAULT_RETRY | VM_FAULT_NOPAGE)

/* A range of pinned pages, and where they are in the file. */
struct dma_file {
	struct interval_tree_node it;
	struct kref ref; /* the tree's, and one a mapping */
	struct muser *m;
	struct file *file;
	struct page *scratch; /* its own: a mapping may outlive the server that made it */
	pgoff_t pgoff;
	bool mapped;            /* ever */
	unsigned long *revoked; /* a bit a page, read under the page's lock, set under st->lock */
	unsigned long nr_revoked;
	vm_fault_t (*fault)(struct vm_fault *vmf);
};

/* ---- life ---------------------------------------------------------------------------- */

static struct dma_file *dma_file_alloc(void)
{
	struct dma_file *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);

	if (!f)
		return NULL;
	f->scratch = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (f->scratch)
		return f;
	kfree(f);
	return NULL;
}

static void dma_file_free(struct dma_file *f)
{
	__free_page(f->scratch);
	kvfree(f->revoked);
	kfree(f);
}

static void dma_file_release(struct kref *ref)
{
	struct dma_file *f = container_of(ref, struct dma_file, ref);

	mapping_unmap_writable(f->file->f_mapping);
	fput(f->file);
	muser_put(f->m);
	dma_file_free(f);
}

static void dma_file_put(struct dma_file *f)
{
	kref_put(&f->ref, dma_file_release);
}

static unsigned long dma_file_pages(const struct dma_file *f)
{
	return f->it.last - f->it.start + 1;
}

static bool dma_file_is_whole(const struct dma_file *f, unsigned long first, unsigned long last)
{
	const unsigned long from = first - f->it.start, end = last - f->it.start + 1;

	return find_next_bit(f->revoked, end, from) >= end;
}

/* New mappings that write are not allowed. The count of those there are does not show it. */
static bool dma_file_is_sealed(const struct file *file)
{
	return READ_ONCE(SHMEM_I(file_inode(file))->seals) & F_SEAL_FUTURE_WRITE;
}

/* One that has all of [first, last], and may be mapped. */
static struct dma_file *dma_file_find(struct muser_dma_state *st, unsigned long first,
				      unsigned long last)
{
	struct interval_tree_node *it;

	lockdep_assert_held(&st->lock);
	for (it = interval_tree_iter_first(&st->files, first, last); it;
	     it = interval_tree_iter_next(it, first, last)) {
		struct dma_file *f = container_of(it, struct dma_file, it);

		if (it->start <= first && it->last >= last && dma_file_is_whole(f, first, last) &&
		    !dma_file_is_sealed(f->file))
			return f;
	}
	return NULL;
}

/* Mark what it has of @r. Returns whether there was anything to mark. */
static bool dma_file_mark(struct muser_dma_state *st, struct dma_file *f, const struct dma_range *r)
{
	const unsigned long from = r->first - f->it.start, end = r->last - f->it.start + 1;
	unsigned long i = find_next_zero_bit(f->revoked, end, from);

	lockdep_assert_held(&st->lock);
	if (i >= end)
		return false;
	for (; i < end; i = find_next_zero_bit(f->revoked, end, i + 1)) {
		__set_bit(i, f->revoked);
		f->nr_revoked++;
	}
	if (f->nr_revoked < dma_file_pages(f)) {
		kref_get(&f->ref);
		return true;
	}
	interval_tree_remove(&f->it, &st->files);
	st->nr_files--;
	return true;
}

/* With a reference: one whose part of @r, which becomes *part, has been marked now. */
static struct dma_file *dma_file_next(struct muser_dma_state *st, const struct dma_range *r,
				      struct dma_range *part)
{
	struct dma_file *found = NULL;
	struct interval_tree_node *it;

	spin_lock(&st->lock);
	for (it = interval_tree_iter_first(&st->files, r->first, r->last); it;
	     it = interval_tree_iter_next(it, r->first, r->last)) {
		struct dma_file *f = container_of(it, struct dma_file, it);

		part->first = max(r->first, it->start);
		part->last = min(r->last, it->last);
		if (dma_file_mark(st, f, part)) {
			found = f;
			break;
		}
	}
	spin_unlock(&st->lock);
	return found;
}

/*
 * Whoever sets a bit for each page first, which its faults look at under the page's lock, has no
 * mapping of before left then: a fault that did not see the bit holds that lock until the page is
 * mapped. Private copies stay: they are not the file's.
 */
static void dma_file_zap(struct address_space *mapping, pgoff_t first, unsigned long pages)
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

void dma_files_revoke(struct muser_dma_state *st, unsigned long first, unsigned long last)
{
	const struct dma_range range = { first, last };
	struct dma_range part;
	struct dma_file *f;

	while ((f = dma_file_next(st, &range, &part))) {
		/* Pairs with the page lock in dma_file_fault(). */
		smp_mb();
		if (READ_ONCE(f->mapped))
			dma_file_zap(f->file->f_mapping, f->pgoff + (part.first - f->it.start),
				     part.last - part.first + 1);
		dma_file_put(f);
	}
}

/* ---- whether there may be any ---------------------------------------------------------- */

bool muser_dma_is_direct(struct muser *m)
{
	return READ_ONCE(m->dma->direct);
}

/* The server is notified, to ask again: what it maps then has the pages that are still pinned. */
void muser_dma_set_direct(struct muser *m, bool direct)
{
	struct muser_dma_state *st = m->dma;
	bool has_files;

	spin_lock(&st->lock);
	WRITE_ONCE(st->direct, direct);
	has_files = st->nr_files;
	spin_unlock(&st->lock);
	if (direct || !has_files)
		return;
	dma_files_revoke(st, 0, DMA_LAST_PAGE);
	muser_post_unmap(m, 0, MUSER_DMA_LIMIT);
}

/* ---- which file it is ---------------------------------------------------------------- */

/* Where a pinned page is: a mapping, and an index in it; NULL: the client alone has it. */
static struct address_space *dma_page_file(struct muser_dma_state *st, unsigned long page,
					   pgoff_t *index)
{
	void *entry = xa_load(&st->pages, page);
	struct address_space *mapping;
	struct folio *folio;

	if (!entry || !dma_entry_is_writable(entry))
		return NULL;
	folio = page_folio(dma_entry_page(entry));
	if (folio_test_anon(folio) || folio_test_hugetlb(folio))
		return NULL;
	mapping = READ_ONCE(folio->mapping);
	*index = folio->index + (page_to_pfn(dma_entry_page(entry)) - folio_pfn(folio));
	return mapping;
}

static bool dma_page_follows(struct muser_dma_state *st, unsigned long page,
			     const struct address_space *mapping, pgoff_t index)
{
	pgoff_t found;

	return dma_page_file(st, page, &found) == mapping && found == index;
}

/* The client's mapping of these pages says which file, and that it may write to it. */
static struct file *dma_client_file(struct mm_struct *mm, const struct address_space *mapping,
				    pgoff_t index, unsigned long pages)
{
	VMA_ITERATOR(vmi, mm, 0);
	struct vm_area_struct *vma;
	struct file *file = NULL;

	if (mmap_read_lock_killable(mm))
		return NULL;
	for_each_vma(vmi, vma) {
		if (!vma->vm_file || vma->vm_file->f_mapping != mapping ||
		    (vma->vm_flags & (VM_SHARED | VM_WRITE)) != (VM_SHARED | VM_WRITE) ||
		    index < vma->vm_pgoff || index - vma->vm_pgoff > vma_pages(vma) ||
		    pages > vma_pages(vma) - (index - vma->vm_pgoff))
			continue;
		if (file_inode(vma->vm_file)->i_sb->s_magic == TMPFS_MAGIC)
			file = get_file(vma->vm_file);
		break;
	}
	mmap_read_unlock(mm);
	return file;
}

/*
 * The file is the memory's, not one of a file system on top: what is zapped is zapped there. From
 * now on it counts as mapped for writing, so that the client gets EBUSY if it seals it.
 */
static bool dma_file_claim(const struct file *file, const struct address_space *mapping)
{
	return file->f_mapping == mapping && !dma_file_is_sealed(file) &&
	       !mapping_map_writable(file->f_mapping);
}

/*
 * A file of our own, as the client would open it. Without its modes, remap_file_pages(2) and
 * madvise(2) cannot do with it what the server's mapping is not for.
 */
static struct file *dma_own_file(struct muser *m, const struct address_space *mapping,
				 pgoff_t index, unsigned long pages)
{
	struct mm_struct *mm = m->client_mm;
	struct file *theirs, *file;

	if (!mmget_not_zero(mm))
		return NULL;
	theirs = dma_client_file(mm, mapping, index, pages);
	mmput(mm);
	if (!theirs)
		return NULL;
	file = dentry_open(&theirs->f_path, O_WRONLY | O_LARGEFILE, theirs->f_cred);
	fput(theirs);
	if (IS_ERR(file))
		return NULL;
	if (!dma_file_claim(file, mapping)) {
		fput(file);
		return NULL;
	}
	file->f_mode &= ~(FMODE_READ | FMODE_WRITE);
	return file;
}

/* The page's neighbours that are the same file's, in [*first, *last]. */
static bool dma_file_extent(struct muser_dma_state *st, unsigned long page, unsigned long *first,
			    unsigned long *last, struct dma_file *f)
{
	unsigned long from = page, to = page;
	struct address_space *mapping;
	pgoff_t index;

	mapping = dma_page_file(st, page, &index);
	if (!mapping)
		return false;
	while (from > *first && dma_page_follows(st, from - 1, mapping, index - (page - from) - 1))
		from--;
	while (to < *last && dma_page_follows(st, to + 1, mapping, index + (to - page) + 1))
		to++;
	*first = from;
	*last = to;
	f->pgoff = index - (page - from);
	f->revoked = kvcalloc(BITS_TO_LONGS(to - from + 1), sizeof(long), MUSER_GFP_PEER);
	if (!f->revoked)
		return false;
	f->file = dma_own_file(st->m, mapping, f->pgoff, to - from + 1);
	return f->file;
}

/* Into the tree, unless somebody revokes, who had to find it there. */
static int dma_file_insert(struct muser_dma_state *st, struct dma_file *f, const struct dma_op *op)
{
	int ret = 0;

	spin_lock(&st->lock);
	if (op->revoked || !st->direct) {
		ret = -EBUSY;
	} else if (st->nr_files >= DMA_MAX_FILES) {
		ret = -ENOSPC;
	} else {
		interval_tree_insert(&f->it, &st->files);
		st->nr_files++;
	}
	spin_unlock(&st->lock);
	return ret;
}

static bool dma_file_new(struct muser_dma_state *st, unsigned long page, unsigned long *first,
			 unsigned long *last, const struct dma_op *op)
{
	struct dma_file *f = dma_file_alloc();

	if (!f)
		return false;
	if (!dma_file_extent(st, page, first, last, f)) {
		dma_file_free(f);
		return false;
	}
	kref_init(&f->ref);
	f->m = st->m;
	muser_get(st->m);
	f->it.start = *first;
	f->it.last = *last;
	if (dma_file_insert(st, f, op)) {
		dma_file_put(f);
		return false;
	}
	return true;
}

/* [*first, *last] becomes what of it is in @f, around @wanted, and was never revoked. */
static void dma_file_clip(const struct dma_file *f, const struct dma_range *wanted,
			  unsigned long *first, unsigned long *last)
{
	const unsigned long start = f->it.start, from = wanted->first - start;
	const unsigned long before = find_last_bit(f->revoked, from);
	const unsigned long after = find_next_bit(f->revoked, dma_file_pages(f),
						  wanted->last - start);

	*first = max(*first, before < from ? start + before + 1 : start);
	*last = min(*last, start + after - 1);
}

static bool dma_file_known(struct muser_dma_state *st, unsigned long *first, unsigned long *last,
			   const struct dma_range *wanted)
{
	struct dma_file *f;

	spin_lock(&st->lock);
	f = dma_file_find(st, wanted->first, wanted->last);
	if (f)
		dma_file_clip(f, wanted, first, last);
	spin_unlock(&st->lock);
	return f;
}

bool dma_file_offer(struct muser_dma_state *st, const struct dma_range *wanted,
		    unsigned long *first, unsigned long *last)
{
	struct dma_op op;
	bool ret;

	lockdep_assert_held(&st->pin_lock);
	if (!muser_dma_is_direct(st->m))
		return false;
	if (dma_file_known(st, first, last, wanted))
		return true;
	if (dma_op_begin(st, &op, *first, *last - *first + 1))
		return false;
	ret = dma_file_new(st, wanted->first, first, last, &op);
	dma_op_end(st, &op);
	return ret && *last >= wanted->last;
}

/* ---- mappings ------------------------------------------------------------------------ */

static bool dma_file_is_revoked(const struct dma_file *f, pgoff_t index)
{
	return test_bit(index - f->pgoff, f->revoked);
}

/*
 * It is not the file's: who makes one huge page of what is there frees the page table as if it
 * were empty. So there is no count to be lost.
 */
static vm_fault_t dma_file_scratch(struct vm_fault *vmf, const struct dma_file *f)
{
	return muser_insert_uncounted(vmf->vma, vmf->address, f->scratch);
}

/* The page is locked. */
static vm_fault_t dma_file_insert_page(struct vm_fault *vmf, const struct dma_file *f)
{
	/* Pairs with dma_files_revoke(). */
	smp_mb();
	if (dma_file_is_revoked(f, vmf->pgoff) || PageHWPoison(vmf->page))
		return dma_file_scratch(vmf, f);
	return vmf_insert_page(vmf->vma, vmf->address, vmf->page);
}

/*
 * Pages are inserted here, one by one: given one of a huge page, the kernel would map all of it.
 * What the client has truncated is scratch, too: nothing here kills a server.
 */
static vm_fault_t dma_file_fault(struct vm_fault *vmf)
{
	struct dma_file *f = vmf->vma->vm_private_data;
	vm_fault_t ret;

	if (dma_file_is_revoked(f, vmf->pgoff))
		return dma_file_scratch(vmf, f);
	ret = f->fault(vmf);
	if (ret & VM_FAULT_SIGBUS)
		return dma_file_scratch(vmf, f);
	if (!(ret & VM_FAULT_LOCKED))
		return ret & DMA_FILE_PASS ? ret : VM_FAULT_SIGBUS;
	ret = dma_file_insert_page(vmf, f);
	unlock_page(vmf->page);
	put_page(vmf->page);
	return ret;
}

static void dma_file_open(struct vm_area_struct *vma)
{
	struct dma_file *f = vma->vm_private_data;

	__module_get(THIS_MODULE);
	kref_get(&f->ref);
}

static void dma_file_close(struct vm_area_struct *vma)
{
	dma_file_put(vma->vm_private_data);
	module_put(THIS_MODULE);
}

/* No map_pages: it would insert what nobody has looked at. */
static const struct vm_operations_struct dma_file_ops = {
	.open = dma_file_open,
	.close = dma_file_close,
	.fault = dma_file_fault,
};

static struct dma_file *dma_file_get(struct muser_dma_state *st, unsigned long first,
				     unsigned long pages)
{
	struct dma_file *f;

	spin_lock(&st->lock);
	f = dma_file_find(st, first, first + pages - 1);
	if (f) {
		kref_get(&f->ref);
		WRITE_ONCE(f->mapped, true);
	}
	spin_unlock(&st->lock);
	return f;
}

/* vm_pgoff: IOVA in pages. */
int dma_file_mmap(struct muser *m, struct vm_area_struct *vma)
{
	struct dma_file *f = dma_file_get(m->dma, vma->vm_pgoff, vma_pages(vma));
	int ret;

	if (!f)
		return -ENXIO;
	vma->vm_pgoff = f->pgoff + (vma->vm_pgoff - f->it.start);
	vma_set_file(vma, f->file);
	muser_vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP);
	ret = muser_mmap_file(f->file, vma);
	if (!ret && (vma->vm_ops->open || vma->vm_ops->close || vma->vm_ops->page_mkwrite))
		ret = -EOPNOTSUPP;
	if (ret) {
		dma_file_put(f);
		return ret;
	}
	__module_get(THIS_MODULE);
	f->fault = vma->vm_ops->fault;
	vma->vm_private_data = f;
	vma->vm_ops = &dma_file_ops;
	return 0;
}
