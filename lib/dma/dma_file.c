/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma_file.c - the memory behind DMA windows.
 *
 * Owns what a window's descriptor becomes: a mapping, a descriptor for pread(2) and
 * pwrite(2), or nothing but messages to the client. Windows of the same file and access
 * mode share one mapping of the whole file, and its descriptor is closed: a million
 * windows take one VMA. When the file has grown, new windows get a new mapping, at least
 * twice as long, and old windows keep theirs: no pointer ever moves, and there are few
 * mappings.
 *
 * A file on a file system that may ask others (FUSE, the network) is not even looked at.
 *
 * A file is mapped only if it cannot kill us: sealed against shrinking, or
 * lm_sigbus_guard() is there; and only windows that lie inside it. What is not a regular
 * file (a character device) is mapped window by window with the guard, and else reached by
 * messages: reading it could block for ever. So is a DMA buffer in any case, because its
 * name could be that of a file.
 *
 * Descriptors, mappings and address space are the whole process's: a client gets its share of
 * them (dma_share.c), and an error for the window beyond.
 *
 * A sealed file of huge pages may still lack a page when a client punches holes: there,
 * too, only the guard helps.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/memfd.h"
#include "base/peer_fd.h"
#include "dma/dma_window.h"
#include "wire/host.h"

#define BACKINGS_FIRST 16u
#define BACKINGS_MAX   (1u << 30) /* a window has 31 bits for the index */

/* What the kernel says of a window's descriptor. */
struct file {
	const struct dma_window *w;
	enum peer_fd_kind origin;
	struct stat st; /* PEER_FD_UNKNOWN: all zero */
	uint64_t end;   /* of the window, in the file */
	uint64_t size;  /* of the file, in whole pages */
};

/* ---- the table ------------------------------------------------------------------- */

static int ref_add(struct dma_backings *bs, struct dma_backing *b)
{
	const uint32_t cap = bs->cap ? 2 * bs->cap : BACKINGS_FIRST;
	union dma_backing_ref *at = bs->at;

	if (bs->free) {
		b->index = (uint32_t)bs->free - 1;
		bs->free = at[b->index].next_free;
	} else {
		if (bs->nr == bs->cap) {
			at = cap > BACKINGS_MAX ? NULL : realloc(at, cap * sizeof(*at));
			if (!at)
				return -ENOMEM;
			bs->at = at;
			bs->cap = cap;
		}
		b->index = bs->nr++;
	}
	at[b->index].backing = b;
	return 0;
}

static uint64_t file_key(dev_t dev, ino_t ino)
{
	return (uint64_t)ino ^ (uint64_t)dev << 32;
}

/* Where the list of those with @key begins; NULL: there is none. */
static struct dma_slot *files_find(struct dma_backings *bs, uint64_t key)
{
	struct dma_pos p;

	if (!dma_table_find(&bs->files, key, &p) || dma_table_key(&bs->files, p) != key)
		return NULL;
	return dma_table_slot(&bs->files, p);
}

void dma_backing_unshare(struct dma_backings *bs, struct dma_backing *b)
{
	const uint64_t key = file_key(b->dev, b->ino);
	struct dma_backing *prev;
	struct dma_slot *first;

	if (!b->is_shared)
		return;
	b->is_shared = false;
	first = files_find(bs, key);
	prev = bs->at[first->backing].backing;
	if (prev == b && b->next) {
		first->backing = b->next->index;
	} else if (prev == b) {
		dma_table_remove(&bs->files, key, key);
	} else {
		while (prev->next != b)
			prev = prev->next;
		prev->next = b->next;
	}
}

void dma_backing_put(struct dma_backings *bs, struct dma_backing *b)
{
	if (--b->windows)
		return;
	dma_backing_unshare(bs, b);
	if (b->kind == DMA_MAPPED) {
		sigbus_remove(b->range);
		munmap(b->base, b->length);
		bs->nr_mappings--;
		bs->mapped -= b->length;
	}
	bs->nr_fds -= b->keeps_fd;
	if (b->fd >= 0)
		peer_fd_close(b->fd);
	bs->at[b->index].next_free = bs->free;
	bs->free = (uint64_t)b->index + 1;
	free(b);
}

static int backing_new(struct dma_backings *bs, const struct file *f, enum dma_kind kind,
		       struct dma_backing **out)
{
	struct dma_backing *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->kind = kind;
	b->prot = f->w->prot;
	b->fd = -1;
	b->dev = f->st.st_dev;
	b->ino = f->st.st_ino;
	b->windows = 1;
	if (ref_add(bs, b)) {
		free(b);
		return -ENOMEM;
	}
	*out = b;
	return 0;
}

/* Without memory for that nobody finds it: the next window of the file has another one. */
static void backing_share(struct dma_backings *bs, struct dma_backing *b)
{
	const struct dma_slot slot = { .backing = b->index };
	const uint64_t key = file_key(b->dev, b->ino);
	struct dma_slot *first = files_find(bs, key);

	if (first) {
		b->next = bs->at[first->backing].backing;
		first->backing = b->index;
	}
	b->is_shared = first || !dma_table_insert(&bs->files, key, &slot);
}

/* ---- finding --------------------------------------------------------------------- */

/* Of the same file, kind and access; the next after @b, or the first with @b NULL. */
static struct dma_backing *backing_next(struct dma_backings *bs, const struct file *f,
					enum dma_kind kind, struct dma_backing *b)
{
	const struct dma_slot *first;

	if (b) {
		b = b->next;
	} else {
		first = files_find(bs, file_key(f->st.st_dev, f->st.st_ino));
		b = first ? bs->at[first->backing].backing : NULL;
	}
	while (b && (b->ino != f->st.st_ino || b->dev != f->st.st_dev || b->kind != kind ||
		     b->prot != f->w->prot))
		b = b->next;
	return b;
}

/* ---- mapping --------------------------------------------------------------------- */

/* A part of a file. */
struct extent {
	uint64_t start, length;
	uint64_t granule; /* page size of the file */
};

static int map_extent(struct dma_backings *bs, struct dma_backing *b, int fd,
		      const struct extent *e)
{
	void *base;
	int ret = 0;

	if (out_of_range(bs->mapped, e->length, DMA_MAPPED_MAX))
		return -ENOMEM;
	base = mmap(NULL, e->length, (int)b->prot, MAP_SHARED, fd, (off_t)e->start);
	if (base == MAP_FAILED)
		return -errno;
	/* A guest's memory is not ours to leave in a core. */
	madvise(base, e->length, MADV_DONTDUMP);
	if (sigbus_is_guarded())
		ret = sigbus_add(base, e->length, e->granule, (int)b->prot, &b->range);
	if (ret) {
		munmap(base, e->length);
		return ret;
	}
	b->base = base;
	b->start = e->start;
	b->length = e->length;
	bs->nr_mappings++;
	bs->mapped += e->length;
	return 0;
}

/* Pages of the file: mappings of huge pages begin and end at their bounds. */
static uint64_t file_granule(int fd, bool *is_huge)
{
	struct statfs fs;

	*is_huge = !fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC;
	return *is_huge ? (uint64_t)fs.f_bsize : page_size();
}

/* The whole file. One that grows gets room to grow, but for huge pages, which mmap(2)
 * reserves. */
static int map_whole(struct dma_backings *bs, const struct file *f, struct dma_backing *b)
{
	const int fd = f->w->fd;
	struct dma_backing *other = NULL;
	struct extent e = { 0 };
	uint64_t size, before = 0;
	bool is_huge;

	while ((other = backing_next(bs, f, DMA_MAPPED, other)))
		before = other->length > before ? other->length : before;

	e.granule = file_granule(fd, &is_huge);
	size = round_up(f->size, e.granule);
	e.length = 2 * before;
	if (!is_huge && before < size && size < 2 * before && !map_extent(bs, b, fd, &e))
		return 0;
	e.length = size;
	return map_extent(bs, b, fd, &e);
}

/* The window alone, and what else is on its pages. */
static int map_exact(struct dma_backings *bs, const struct file *f, struct dma_backing *b)
{
	bool is_huge;
	struct extent e = { .granule = file_granule(f->w->fd, &is_huge) };

	e.start = f->w->offset & ~(e.granule - 1);
	e.length = round_up(f->end, e.granule) - e.start;
	return map_extent(bs, b, f->w->fd, &e);
}

/* Once a word of what is refused. */
static void warn_full(struct lm_ctx *ctx, const char *what, uint32_t nr,
		      const struct dma_limit *limit)
{
	if (!ctx->dma->full_warned)
		log_warn(ctx,
			 "the client shares memory in too many files: at most %u %s, its "
			 "share of %s (%" PRIu64 ")",
			 nr, what, limit->name, limit->value);
	ctx->dma->full_warned = true;
}

static int mappings_check(struct lm_ctx *ctx)
{
	const uint32_t nr = ctx->dma->backings.nr_mappings;
	struct dma_limit limit;

	if (dma_share_of_mappings(nr, &limit))
		return 0;
	warn_full(ctx, "mappings", nr, &limit);
	return -ENOMEM;
}

static int fd_keep(struct lm_ctx *ctx, struct dma_backing *b, int fd)
{
	struct dma_backings *bs = &ctx->dma->backings;
	struct dma_limit limit;

	if (!dma_share_of_fds(bs->nr_fds, &limit)) {
		warn_full(ctx, "descriptors", bs->nr_fds, &limit);
		return -EMFILE;
	}
	b->fd = fd;
	b->keeps_fd = true;
	bs->nr_fds++;
	return 0;
}

static int mapping_new(struct lm_ctx *ctx, const struct file *f, struct dma_backing **out)
{
	struct dma_backings *bs = &ctx->dma->backings;
	const bool whole = S_ISREG(f->st.st_mode) && !(ctx->info.flags & LM_DEV_STRICT_DMA);
	struct dma_backing *b;
	int ret;

	ret = mappings_check(ctx);
	ret = ret ?: backing_new(bs, f, DMA_MAPPED, &b);
	if (ret)
		return ret;
	if (whole && !map_whole(bs, f, b))
		backing_share(bs, b);
	else
		ret = map_exact(bs, f, b);
	if (!ret) {
		*out = b;
		ret = ctx->dma->keeps_fds ? fd_keep(ctx, b, f->w->fd) : 0;
		if (ret)
			dma_backing_put(bs, b);
		return ret;
	}
	/* Room for it may lack in our address space, too. */
	if (!ctx->dma->full_warned)
		log_warn(ctx, "memory that the client shares cannot be mapped: %s", strerror(-ret));
	ctx->dma->full_warned = true;
	b->kind = DMA_MESSAGE; /* nothing to undo */
	dma_backing_put(bs, b);
	return ret;
}

/* ---- from descriptor to backing -------------------------------------------------- */

/* A descriptor of ours would be kept (DMA_FILE), or is not needed (DMA_MESSAGE). */
static int unmapped_get(struct lm_ctx *ctx, const struct file *f, enum dma_kind kind,
			struct dma_backing **out)
{
	struct dma_backings *bs = &ctx->dma->backings;
	struct dma_backing *b = backing_next(bs, f, kind, NULL);
	int ret;

	if (b) {
		b->windows++;
		*out = b;
		return 0;
	}
	ret = backing_new(bs, f, kind, &b);
	if (ret)
		return ret;
	ret = kind == DMA_FILE ? fd_keep(ctx, b, f->w->fd) : 0;
	if (ret) {
		dma_backing_put(bs, b);
		return ret;
	}
	backing_share(bs, b);
	*out = b;
	return 0;
}

static int file_probe(const struct dma_window *w, struct file *f)
{
	const uint64_t page = page_size();
	const int flags = fcntl(w->fd, F_GETFL);

	if (flags < 0)
		return -errno;
	f->origin = peer_fd_kind(w->fd);
	if (f->origin != PEER_FD_UNKNOWN && fstat(w->fd, &f->st))
		return -errno;
	/* Appending would ignore the offset of a pwrite(2). */
	if (flags & (O_PATH | O_APPEND))
		return -EINVAL;
	if (f->origin == PEER_FD_STREAM || S_ISDIR(f->st.st_mode) || S_ISFIFO(f->st.st_mode))
		return -EINVAL;
	if ((flags & O_ACCMODE) == O_WRONLY ||
	    ((flags & O_ACCMODE) == O_RDONLY && (w->prot & PROT_WRITE)))
		return -EACCES;
	f->w = w;
	f->end = w->offset + w->size;
	f->size = round_up((uint64_t)f->st.st_size, page);
	return 0;
}

/* What a window becomes that no mapping has. A page of a file on FUSE may never come. */
static enum dma_kind file_kind(struct lm_ctx *ctx, const struct file *f)
{
	if (f->origin == PEER_FD_UNKNOWN)
		return DMA_MESSAGE;
	if (!S_ISREG(f->st.st_mode))
		return sigbus_is_guarded() && !f->w->file_io ? DMA_MAPPED : DMA_MESSAGE;
	if (f->w->file_io || f->end > f->size)
		return DMA_FILE;
	/* Is it certain that what is inside the file now stays? */
	if (sigbus_is_guarded() || memfd_is_sealed(f->w->fd))
		return DMA_MAPPED;
	if (!ctx->dma->slow_warned)
		log_warn(ctx, "DMA memory is not sealed against shrinking, thus not mapped: "
			      "a memfd sealed with F_SEAL_SHRINK is faster");
	ctx->dma->slow_warned = true;
	return DMA_FILE;
}

/* A mapping that has the whole window, all of it real. Most windows are of a file that is mapped:
 * no system call more for them. */
static bool mapped_get(struct lm_ctx *ctx, const struct file *f, struct dma_backing **out)
{
	struct dma_backing *b = NULL;

	if (!S_ISREG(f->st.st_mode) || f->w->file_io || f->end > f->size)
		return false;
	while ((b = backing_next(&ctx->dma->backings, f, DMA_MAPPED, b))) {
		if (f->end > b->length || sigbus_is_broken(b->range, f->w->offset, f->w->size))
			continue;
		b->windows++;
		*out = b;
		return true;
	}
	return false;
}

/* ---- what the host maps ---------------------------------------------------------- */

static int piece_map(struct lm_ctx *ctx, struct dma_backing *b, uint64_t start)
{
	const struct host_dma d = { start, DMA_PIECE, b->prot };
	struct dma_backings *bs = &ctx->dma->backings;
	void *base;
	int ret;

	if (out_of_range(bs->mapped, d.size, DMA_MAPPED_MAX))
		return -ENOMEM;
	ret = mappings_check(ctx);
	ret = ret ?: ctx->host->dma_map(ctx->host, &d, &base);
	if (ret)
		return ret;
	madvise(base, d.size, MADV_DONTDUMP);
	b->base = base;
	b->start = start;
	b->length = d.size;
	b->is_piece = true;
	bs->nr_mappings++;
	bs->mapped += d.size;
	return 0;
}

void dma_backing_scratch(struct dma *dma, const struct dma_slot *slot, uint64_t addr, uint64_t size)
{
	const uint64_t page = page_size();
	struct dma_backing *b = dma_slot_backing(dma, slot);
	const uint64_t first = addr & ~(page - 1);
	const uint64_t last = (addr + (size - 1)) | (page - 1);

	if (!b->is_piece)
		return;
	dma_backing_unshare(&dma->backings, b);
	if (first < b->start || last - b->start >= b->length)
		return;
	mmap(b->base + (first - b->start), last - first + 1, (int)b->prot,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

/* As if each piece were a file: windows inside it share its mapping. */
static int piece_get(struct lm_ctx *ctx, const struct dma_window *w, struct dma_backing **out)
{
	struct dma_backings *bs = &ctx->dma->backings;
	const struct file f = { .w = w, .st.st_ino = (ino_t)(w->offset / DMA_PIECE) };
	struct dma_backing *b = backing_next(bs, &f, DMA_MAPPED, NULL);
	int ret;

	if (b) {
		b->windows++;
		*out = b;
		return 0;
	}
	ret = backing_new(bs, &f, DMA_MAPPED, &b);
	if (ret)
		return ret;
	ret = piece_map(ctx, b, w->offset & ~(DMA_PIECE - 1));
	if (ret) {
		b->kind = DMA_MESSAGE; /* nothing to undo */
		dma_backing_put(bs, b);
		return ret;
	}
	backing_share(bs, b);
	*out = b;
	return 0;
}

int dma_backing_get(struct lm_ctx *ctx, const struct dma_window *w, struct dma_backing **b)
{
	const struct file none = { .w = w };
	struct file f = { .w = w };
	int ret;

	if (w->pinned)
		return piece_get(ctx, w, b);
	if (w->fd < 0)
		return unmapped_get(ctx, &none, DMA_MESSAGE, b);
	ret = file_probe(w, &f);
	if (ret || mapped_get(ctx, &f, b))
		return ret;
	switch (file_kind(ctx, &f)) {
	case DMA_MAPPED: return mapping_new(ctx, &f, b);
	case DMA_FILE: return unmapped_get(ctx, &f, DMA_FILE, b);
	default: return unmapped_get(ctx, &none, DMA_MESSAGE, b);
	}
}
