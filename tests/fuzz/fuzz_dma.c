/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_dma.c - the DMA map against a model that is too simple to be wrong.
 *
 * Windows come and go, addresses are looked up, pointers are held beyond the end of their
 * windows and of the client, files are truncated under them. Every answer must be the model's,
 * and what is read or written must be what the file holds. SIGBUS is guarded against.
 */
#include "dma/dma_window.h"
#include "wire/host.h"
#include "fuzz.h"

#define PAGE        4096ull
#define MAX_WINDOWS 1024u
#define MAX_ENTRIES 32u
#define MAX_TOKENS  64u
#define MAX_STEPS   256u
#define FILE_PAGES  32u

enum {
	FILE_SEALED,    /* can grow only */
	FILE_FREE,      /* can be truncated */
	FILE_READ_ONLY, /* the sealed one, but not to be written */
	FILE_PIPE,      /* no memory at all */
	NR_FILES,
	FILE_NONE = NR_FILES,
};

struct window {
	uint64_t addr, size, offset;
	uint32_t prot;
	uint32_t file;
	uint32_t holds;
	bool     file_io;
	bool     mapped;   /* as the model sees it */
	bool     revoking; /* on its way out */
	bool     orphan;   /* out; pointers are left */
	bool     gone;     /* never found again */
};

struct entry {
	dma_sg_t       sg;
	struct iovec   iov;
	struct window *window; /* NULL: not in use */
	bool           held;
};

static struct lm_ctx ctx;
static int files[NR_FILES];
static uint64_t file_size[2]; /* of those that are memory */
static struct window windows[MAX_WINDOWS]; /* of all times, in no order */
static uint32_t nr_windows;
static struct entry entries[MAX_ENTRIES];

/* The DMA_UNMAP that goes on. */
static struct {
	bool       waits;     /* LM_DEFER was answered */
	bool       telling;   /* callbacks run ... */
	uint64_t   next;      /* ... in order of address; the next one is not below this */
	bool       defers;    /* they answer later */
	bool       releases;  /* they give pointers back */
	uint64_t   addr, last;
	lm_token_t token[MAX_TOKENS];
	uint32_t   nr_tokens, nr_told;
	uint32_t   nr_done;   /* answers that came later */
} going;

/* ---- the model ------------------------------------------------------------------- */

static bool is_live(const struct window *w)
{
	return !w->gone && !w->orphan;
}

static bool has(const struct window *w, uint64_t addr)
{
	return is_live(w) && addr >= w->addr && addr - w->addr < w->size;
}

static struct window *window_at(uint64_t addr)
{
	uint32_t i;

	for (i = 0; i < nr_windows; i++) {
		if (has(&windows[i], addr))
			return &windows[i];
	}
	return NULL;
}

/* The first one that begins above @addr. */
static struct window *window_above(uint64_t addr)
{
	struct window *best = NULL;
	uint32_t i;

	for (i = 0; i < nr_windows; i++) {
		if (is_live(&windows[i]) && windows[i].addr > addr &&
		    (!best || windows[i].addr < best->addr))
			best = &windows[i];
	}
	return best;
}

static bool in_range(const struct window *w)
{
	return is_live(w) && w->addr >= going.addr && w->addr <= going.last;
}

static void window_end(struct window *w)
{
	w->orphan = w->holds;
	w->gone = !w->holds;
}

/* All that held the answer back has gone. */
static void model_sweep(void)
{
	uint32_t i;

	for (i = 0; i < nr_windows; i++) {
		if (in_range(&windows[i]) && windows[i].revoking)
			windows[i].gone = true;
	}
}

static bool model_is_held(void)
{
	uint32_t i;

	for (i = 0; i < nr_windows; i++) {
		if (in_range(&windows[i]) && windows[i].holds)
			return true;
	}
	return going.nr_tokens != 0;
}

/* What the library must have done by itself after a release or a completion. */
static void check_revoke(void)
{
	if (going.waits && !model_is_held()) {
		going.waits = false;
		model_sweep();
		FUZZ_CHECK(going.nr_done == 1);
		going.nr_done = 0;
	}
	FUZZ_CHECK(!going.nr_done);
}

static uint64_t size_of(uint32_t file)
{
	return file == FILE_NONE ? 0 : file_size[file == FILE_FREE];
}

static int expected_map(const struct dma_window *w, uint32_t file)
{
	const struct window *there = window_at(w->addr);

	if (!w->size || w->size - 1 > UINT64_MAX - w->addr || w->size > UINT64_MAX - w->offset ||
	    !w->prot || w->prot > 3)
		return -EINVAL;
	if (file != FILE_NONE && w->offset + w->size > INT64_MAX)
		return -EINVAL;
	if (!there) {
		there = window_above(w->addr);
		if (there && there->addr - w->addr >= w->size)
			there = NULL;
	}
	if (there)
		return there->revoking ? -EBUSY : -EEXIST;
	if (going.waits && w->addr <= going.last && w->addr + (w->size - 1) >= going.addr)
		return -EBUSY;
	if (file == FILE_PIPE)
		return -EINVAL;
	return file == FILE_READ_ONLY && w->prot & PROT_WRITE ? -EACCES : 0;
}

/* ---- doubles of what DMA calls --------------------------------------------------- */

static uint8_t byte_at(uint64_t addr)
{
	return (uint8_t)(addr ^ addr >> 8 ^ addr >> 56);
}

/* A client's memory is a pattern; what is written to it must be that, too. */
static void serve_message(const struct dma_request *rq)
{
	uint64_t i;

	for (i = 0; i < rq->len; i++) {
		if (rq->is_write)
			FUZZ_CHECK((uint8_t)rq->data[i] == byte_at(rq->addr + i));
		else
			rq->data[i] = (char)byte_at(rq->addr + i);
	}
}

static int peer_copy(struct lm_ctx *c, const struct dma_request *request, lm_dma_done_t *done,
		     void *arg)
{
	serve_message(request);
	done(arg, 0);
	return 0;
}

static int peer_copy_wait(struct lm_ctx *c, const struct dma_request *request)
{
	serve_message(request);
	return 0;
}

static void peer_unmapped(struct lm_ctx *c, ssize_t result)
{
	FUZZ_CHECK(!result);
	going.nr_done++;
}

static const struct dma_peer peer = {
	.copy = peer_copy, .copy_wait = peer_copy_wait, .unmapped = peer_unmapped,
};

static void release(struct entry *e)
{
	lm_unmap_sg(&ctx, &e->sg, &e->iov, 1);
	e->held = false;
	e->window->holds--;
	if (e->window->orphan && !e->window->holds)
		window_end(e->window);
}

static int told(void *pvt, dma_addr_t addr, uint64_t len)
{
	const struct window *w = window_at(addr);
	uint32_t i;

	FUZZ_CHECK(going.telling && addr >= going.next);
	FUZZ_CHECK(w && w->addr == addr && w->size == len);
	going.next = addr + len;
	going.nr_told++;
	for (i = 0; i < MAX_ENTRIES && going.releases; i++) {
		if (entries[i].held && entries[i].window == w)
			release(&entries[i]);
	}
	if (!going.defers || going.nr_tokens == MAX_TOKENS)
		return 0;
	going.token[going.nr_tokens] = lm_defer(&ctx);
	going.nr_tokens += going.token[going.nr_tokens] != 0;
	return LM_DEFER;
}

/* ---- map and unmap --------------------------------------------------------------- */

static void map_one(const struct dma_window *wanted, uint32_t file)
{
	struct dma_window w = *wanted;
	const int expected = expected_map(&w, file);
	int ret;

	if (nr_windows == MAX_WINDOWS)
		return;
	w.fd = file == FILE_NONE ? -1 : dup(files[file]);
	ret = dma_map(&ctx, &w);
	FUZZ_CHECK(ret == expected);
	if (ret) {
		if (w.fd >= 0)
			close(w.fd);
		return;
	}
	windows[nr_windows++] = (struct window){
		.addr = w.addr, .size = w.size, .offset = w.offset, .prot = w.prot, .file = file,
		.file_io = w.file_io,
		.mapped = file != FILE_NONE && !w.file_io && w.offset + w.size <= size_of(file),
	};
}

static uint64_t take_address(struct input *in)
{
	const uint8_t b = take_u8(in);

	if (b < 0xe0)
		return b * PAGE;
	return b < 0xf0 ? 0 - (b & 0xf) * PAGE : take_number(in);
}

static void step_map(struct input *in, uint8_t op)
{
	struct dma_window w = { .addr = take_address(in), .prot = (op & 3) ?: PROT_READ };
	const uint8_t file = take_u8(in);
	uint32_t many = op & 4 ? take_u8(in) : 0;

	w.size = take_address(in);
	w.offset = file & 0x80 ? take_number(in) : (file & 0x70) * PAGE / 16;
	w.file_io = file & 8;
	map_one(&w, (file & 7) % (NR_FILES + 1));
	/* Side by side, as a guest's IOMMU does. */
	for (; many && w.size <= 16 * PAGE; many--) {
		w.addr += w.size;
		w.offset += op & 8 ? w.size : 0;
		map_one(&w, (file & 7) % (NR_FILES + 1));
	}
}

static bool is_cut(uint64_t addr)
{
	const struct window *w = window_at(addr);

	return w && w->addr != addr;
}

/* How many windows go; they are marked. */
static uint32_t model_mark(void)
{
	uint32_t i, nr = 0;

	for (i = 0; i < nr_windows; i++) {
		if (in_range(&windows[i])) {
			windows[i].revoking = true;
			nr++;
		}
	}
	return nr;
}

static void unmap_valid(uint64_t addr, uint64_t size, bool all)
{
	uint32_t nr;
	int ret;

	going.addr = all ? 0 : addr;
	going.last = all ? UINT64_MAX : addr + (size - 1);
	nr = model_mark();
	going.telling = true;
	going.next = going.nr_told = going.nr_tokens = 0;
	ret = dma_unmap(&ctx, addr, size, all);
	going.telling = false;
	FUZZ_CHECK(going.nr_told == nr);
	FUZZ_CHECK(ret == (model_is_held() ? LM_DEFER : 0));
	going.waits = ret == LM_DEFER;
	if (!ret)
		model_sweep();
	FUZZ_CHECK(!going.nr_done);
}

static void step_unmap(struct input *in, uint8_t op)
{
	const bool all = (op & 7) == 7;
	const uint64_t addr = all ? 0 : take_address(in), size = all ? 0 : take_address(in);

	going.defers = op & 8;
	going.releases = op & 16;
	if (going.waits) {
		FUZZ_CHECK(dma_unmap(&ctx, addr, size, all) == -EBUSY);
	} else if (!size && !all) {
		FUZZ_CHECK(!dma_unmap(&ctx, addr, size, all));
	} else if (!all && (size - 1 > UINT64_MAX - addr || is_cut(addr) ||
			    (addr + size && is_cut(addr + size)))) {
		FUZZ_CHECK(dma_unmap(&ctx, addr, size, all) == -EINVAL);
	} else {
		unmap_valid(addr, size, all);
	}
}

static void step_complete(struct input *in)
{
	const uint8_t arg = take_u8(in);
	lm_token_t token;
	uint32_t which;

	if (!going.nr_tokens || !going.waits)
		return;
	which = arg % going.nr_tokens;
	token = going.token[which];
	going.token[which] = going.token[--going.nr_tokens];
	FUZZ_CHECK(!lm_complete(&ctx, token, arg & 0x80 ? -EIO : 0, NULL));
	FUZZ_CHECK(lm_complete(&ctx, token, 0, NULL) == -ENOENT);
	check_revoke();
}

/* The client goes, and the next one finds nothing of it. */
static void disconnect(void)
{
	const bool waited = going.waits;
	const uint64_t addr = going.addr, last = going.last;
	uint32_t i, expected = 0;

	going.defers = false;
	for (i = 0; i < nr_windows; i++)
		expected += is_live(&windows[i]) &&
			    !(waited && windows[i].addr >= addr && windows[i].addr <= last);
	going.telling = true;
	going.next = going.nr_told = 0;
	dma_disconnect(&ctx);
	going.telling = false;
	FUZZ_CHECK(going.nr_told == expected && !dma_count(&ctx));
	for (i = 0; i < going.nr_tokens; i++)
		FUZZ_CHECK(lm_complete(&ctx, going.token[i], 0, NULL) == -ENOENT);
	going.nr_tokens = 0;
	going.waits = false;
	for (i = 0; i < nr_windows; i++) {
		if (is_live(&windows[i]))
			window_end(&windows[i]);
	}
	FUZZ_CHECK(!going.nr_done);
}

/* ---- looking up ------------------------------------------------------------------ */

/* How many entries it takes, or -errno; the pieces in @to. */
static int expected_pieces(uint64_t addr, uint64_t len, struct entry *to, int max)
{
	int nr = 0;

	if (!len || len - 1 > UINT64_MAX - addr)
		return -EINVAL;
	while (len) {
		struct window *w = window_at(addr);
		uint64_t piece;

		if (!w || w->revoking)
			return -ENOENT;
		piece = w->size - (addr - w->addr) < len ? w->size - (addr - w->addr) : len;
		if (nr < max)
			to[nr] = (struct entry){ .sg.dma_addr = addr, .sg.length = piece,
						 .window = w };
		nr++;
		addr += piece;
		len -= piece;
	}
	return nr <= max ? nr : -nr - 1;
}

static bool entries_free(unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		if (i >= MAX_ENTRIES || entries[i].held)
			return false;
	}
	return true;
}

static void step_look_up(struct input *in, uint8_t op)
{
	const uint64_t addr = take_address(in) + (op & 8 ? take_u8(in) : 0);
	const uint32_t len = (uint32_t)take_number(in) * (op & 16 ? (uint32_t)PAGE : 1);
	const unsigned int first = take_u8(in) % MAX_ENTRIES;
	const int max = op & 7;
	struct entry model[8];
	dma_sg_t sg[8];
	int i, ret;

	memset(sg, 0xa5, sizeof(sg));
	ret = lm_addr_to_sg(&ctx, addr, len, sg, max);
	FUZZ_CHECK(ret == expected_pieces(addr, len, model, max));
	for (i = 0; i < ret; i++) {
		FUZZ_CHECK(sg[i].dma_addr == model[i].sg.dma_addr);
		FUZZ_CHECK(sg[i].length == model[i].sg.length);
		model[i].sg = sg[i];
	}
	if (ret <= 0 || !entries_free(first, (unsigned int)ret))
		return;
	memcpy(&entries[first], model, (size_t)ret * sizeof(model[0]));
}

/* ---- pointers and copies --------------------------------------------------------- */

/* What @e is worth: 0, or what its use is answered with. */
static int expected_use(const struct entry *e, uint32_t prot)
{
	const struct window *w = e->window;
	const uint64_t off = e->sg.dma_addr - w->addr;

	if (!is_live(w) || w->revoking || out_of_range(off, e->sg.length, w->size))
		return -ESTALE;
	return prot & ~w->prot ? -EACCES : 0;
}

static uint64_t file_offset(const struct entry *e)
{
	return e->window->offset + (e->sg.dma_addr - e->window->addr);
}

/* The first and the last bytes, as the file has them. */
static void check_pointer(const struct entry *e)
{
	const uint64_t at = file_offset(e), len = e->iov.iov_len;
	const char *base = e->iov.iov_base;
	char first, last;

	if (!len || e->window->file == FILE_FREE || at + len > size_of(e->window->file))
		return;
	FUZZ_CHECK(pread(files[FILE_SEALED], &first, 1, (off_t)at) == 1 && first == base[0]);
	FUZZ_CHECK(pread(files[FILE_SEALED], &last, 1, (off_t)(at + len - 1)) == 1 &&
		   last == base[len - 1]);
}

static bool may_be_broken(const struct entry *e, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (e[i].window && e[i].window->file == FILE_FREE)
			return true;
	}
	return false;
}

static int expected_hold(const struct entry *e, unsigned int nr, uint32_t prot)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++) {
		ret = expected_use(&e[i], prot);
		if (!ret && !e[i].window->mapped)
			ret = -EOPNOTSUPP;
	}
	return ret;
}

static void step_hold(struct input *in, uint8_t op)
{
	const unsigned int first = take_u8(in) % MAX_ENTRIES;
	const int prot = op & 3;
	unsigned int nr = (op >> 2 & 3) + 1, i;
	dma_sg_t sg[4];
	struct iovec iov[4];
	int ret, expected;

	if (!entries_free(first, nr))
		return;
	for (i = 0; i < nr; i++) {
		if (!entries[first + i].window)
			return;
		sg[i] = entries[first + i].sg;
	}
	expected = expected_hold(&entries[first], nr, (uint32_t)prot);
	ret = lm_map_sg(&ctx, prot, sg, iov, (int)nr);
	FUZZ_CHECK(ret == expected ||
		   (ret == -EOPNOTSUPP && may_be_broken(&entries[first], nr)));
	for (i = 0; i < nr && !ret; i++) {
		FUZZ_CHECK(iov[i].iov_len == sg[i].length);
		entries[first + i].iov = iov[i];
		entries[first + i].held = true;
		entries[first + i].window->holds++;
		if (prot & PROT_READ)
			check_pointer(&entries[first + i]);
	}
}

/* An entry that a device has changed. */
static void step_forge(struct input *in, uint8_t op)
{
	struct entry *e = &entries[take_u8(in) % MAX_ENTRIES];

	if (e->held || !e->window)
		return;
	if (op & 1)
		e->sg.dma_addr += take_number(in);
	if (op & 2)
		e->sg.length = take_number(in);
	if (op & 4)
		e->sg.region = (void *)(uintptr_t)take_number(in);
}

static void check_file(const struct entry *e, const char *data)
{
	const int fd = files[e->window->file == FILE_FREE ? FILE_FREE : FILE_SEALED];
	static char now[64 * PAGE];

	FUZZ_CHECK(pread(fd, now, e->sg.length, (off_t)file_offset(e)) == (ssize_t)e->sg.length);
	FUZZ_CHECK(!memcmp(now, data, e->sg.length));
}

static int expected_copy(const struct entry *e, uint32_t prot)
{
	const int ret = expected_use(e, prot);

	if (ret || e->window->file == FILE_NONE || e->window->mapped)
		return ret;
	return e->sg.length && out_of_range(file_offset(e), e->sg.length,
					    size_of(e->window->file)) ? -EFAULT : 0;
}

static void step_copy(struct input *in, uint8_t op)
{
	static char data[64 * PAGE];
	struct entry *e = &entries[take_u8(in) % MAX_ENTRIES];
	const bool is_write = op & 1;
	uint64_t i;
	int ret, expected;

	/* What is stale is not looked at, however long it says to be. */
	if (!e->window || (e->sg.length > sizeof(data) && expected_use(e, 0) != -ESTALE))
		return;
	for (i = 0; i < e->sg.length && i < sizeof(data); i++)
		data[i] = (char)(e->window->file == FILE_NONE ? byte_at(e->sg.dma_addr + i) :
								i * 7 + op);
	expected = expected_copy(e, is_write ? PROT_WRITE : PROT_READ);
	ret = is_write ? lm_dma_write(&ctx, &e->sg, data) : lm_dma_read(&ctx, &e->sg, data);
	FUZZ_CHECK(ret == expected || (ret == -EFAULT && !expected &&
				       e->window->mapped && may_be_broken(e, 1)));
	if (ret)
		return;
	if (e->window->file != FILE_NONE)
		check_file(e, data);
	for (i = 0; i < e->sg.length && e->window->file == FILE_NONE; i++)
		FUZZ_CHECK((uint8_t)data[i] == byte_at(e->sg.dma_addr + i));
}

static void step_release(struct input *in, uint8_t op)
{
	struct entry *e = &entries[take_u8(in) % MAX_ENTRIES];

	if (!e->held)
		return;
	if (op & 1)
		check_pointer(e);
	release(e);
	check_revoke();
}

/* A pointer is good until it is given back, whatever has become of the file. */
static void step_touch(struct input *in)
{
	const struct entry *e = &entries[take_u8(in) % MAX_ENTRIES];
	const uint64_t at = take_number(in);

	if (e->held && e->iov.iov_len && e->window->prot & PROT_READ)
		(void)*((volatile char *)e->iov.iov_base + at % e->iov.iov_len);
}

static void step_resize(struct input *in, uint8_t op)
{
	const uint64_t size = take_u8(in) % (FILE_PAGES * 2) * PAGE;
	const bool is_free = op & 1;

	if (!is_free && size < file_size[0])
		return;
	FUZZ_CHECK(!ftruncate(files[is_free ? FILE_FREE : FILE_SEALED], (off_t)size));
	file_size[is_free] = size;
}

/* ---- one input ------------------------------------------------------------------- */

static bool count_one(void *arg, const struct dma_window *w, const char *kind, uint32_t held)
{
	const struct window *m = window_at(w->addr);

	FUZZ_CHECK(m && m->addr == w->addr && m->size == w->size && m->offset == w->offset);
	FUZZ_CHECK(m->prot == w->prot && m->holds == held);
	FUZZ_CHECK(!m->mapped == (*kind == 'f' || (*kind == 'm' && kind[1] == 'e')));
	++*(uint64_t *)arg;
	return true;
}

static void check_all(void)
{
	uint64_t listed = 0, live = 0;
	uint32_t i;

	dma_for_each(&ctx, 0, count_one, &listed);
	for (i = 0; i < nr_windows; i++)
		live += is_live(&windows[i]);
	FUZZ_CHECK(listed == live && dma_count(&ctx) == live);
}

static void step(struct input *in)
{
	const uint8_t op = take_u8(in);

	switch (op >> 5) {
	case 0: step_map(in, op); break;
	case 1: step_unmap(in, op); break;
	case 2: step_look_up(in, op); break;
	case 3: step_hold(in, op); break;
	case 4: step_copy(in, op); break;
	case 5: step_release(in, op); break;
	case 6: step_resize(in, op); break;
	default:
		if ((op & 31) == 31)
			disconnect();
		else if (op & 16)
			step_forge(in, op);
		else if (op & 8)
			step_touch(in);
		else
			step_complete(in);
	}
}

static void files_new(void)
{
	char path[32];
	uint32_t i;

	file_size[0] = file_size[1] = FILE_PAGES * PAGE;
	files[FILE_SEALED] = memfd_new(file_size[0], true);
	files[FILE_FREE] = memfd_new(file_size[1], false);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", files[FILE_SEALED]);
	files[FILE_READ_ONLY] = open(path, O_RDONLY | O_CLOEXEC);
	files[FILE_PIPE] = fd_new(4);
	for (i = 0; i < NR_FILES; i++)
		FUZZ_CHECK(files[i] >= 0);
}

/* No mapping of a client's file outlives its windows. Slow, so not always. */
static void check_mappings(void)
{
	static unsigned int runs;
	char line[512];
	FILE *maps;

	if (runs++ % 32)
		return;
	maps = fopen("/proc/self/maps", "re");
	FUZZ_CHECK(maps);
	while (fgets(line, sizeof(line), maps))
		FUZZ_CHECK(!strstr(line, "memfd:fuzz"));
	fclose(maps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const unsigned int before = count_fds();
	unsigned int i;

	FUZZ_CHECK(!lm_sigbus_guard());
	memset(&ctx, 0, sizeof(ctx));
	memset(entries, 0, sizeof(entries));
	memset(&going, 0, sizeof(going));
	nr_windows = 0;
	ctx.host = &socket_host;
	ctx.info.dma_unmap = told;
	ctx.info.flags = take_u8(&in) & 1 ? LM_DEV_STRICT_DMA : 0;
	files_new();
	FUZZ_CHECK(!dma_new(&ctx));
	dma_set_peer(&ctx, &peer);
	for (i = 0; in.left && i < MAX_STEPS; i++)
		step(&in);
	check_all();
	disconnect();
	dma_free(&ctx);
	FUZZ_CHECK(!ctx.deferred && !ctx.running);
	close_fds(files, NR_FILES);
	check_mappings();
	FUZZ_CHECK(!fds_left(before));
	return 0;
}
