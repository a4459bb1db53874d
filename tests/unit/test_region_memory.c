/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_region_memory.c - the memory behind regions: larger than all memory, and what one client
 * after another can reach of it.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "region/region.h"
#include "engine.h"
#include "mappings.h"

#define BAR  LM_BAR4_REG_IDX
#define PAGE 4096ull
#define MIB  (1ull << 20)
#define SIZE (16 * MIB)
#define MEM  (LM_REG_FLAG_RW | LM_REG_FLAG_MEM | LM_REG_FLAG_64BIT)
#define MAP  (MEM | LM_REG_FLAG_MMAP)

/* AddressSanitizer has taken much of the address space for itself. */
#ifdef __SANITIZE_ADDRESS__
#define LARGEST (1ull << 44)
#elif defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer)
#define LARGEST (1ull << 44)
#endif
#endif
#ifndef LARGEST
#define LARGEST (1ull << 46)
#endif

static void bar_is(struct engine *e, uint32_t flags, uint64_t size)
{
	e->info.pci_info.reg_info[BAR] = (lm_reg_info_t){ .flags = flags, .size = size };
}

/* ---- clients that come and go ---------------------------------------------------- */

static struct sockaddr_un address;
static socklen_t address_len;

static void listen_for_clients(struct engine *e)
{
	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	address_len = sizeof(address);
	e->info.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(e->info.fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(e->info.fd, 8), 0);
	assert_int_equal(getsockname(e->info.fd, (struct sockaddr *)&address, &address_len), 0);
	e->info.flags |= LM_DEV_LISTEN_FD;
	e->ctx = lm_ctx_create(&e->info);
	if (!e->ctx)
		fail_msg("no context: %s", e->log);
}

static void connect_client(struct engine *e)
{
	e->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(e->fd, (struct sockaddr *)&address, address_len), 0);
}

static void attach(struct engine *e)
{
	connect_client(e);
	engine_negotiate(e, OFFER_QEMU);
}

static void detach(struct engine *e)
{
	engine_close(e);
	engine_poll(e);
}

/* What a client has of the BAR. */
struct hold {
	int      fd;
	uint8_t *mem;
};

static struct hold hold_bar(struct engine *e)
{
	const struct vfio_region_info req = { .argsz = 4096, .index = BAR };
	struct vfio_region_info info;
	struct hold h;
	struct wire m;

	engine_request(e, VFIO_USER_DEVICE_GET_REGION_INFO, &req, sizeof(req), &m);
	assert_int_equal(m.nr_fds, 1);
	memcpy(&info, m.payload, sizeof(info));
	h.fd = m.fds[0];
	h.mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, h.fd, (off_t)info.offset);
	assert_true(h.mem != MAP_FAILED);
	return h;
}

static void hold_end(struct hold *h)
{
	munmap(h->mem, SIZE);
	close(h->fd);
}

static uint64_t used(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* ---- larger than memory ---------------------------------------------------------- */

static void saved_is_little(struct engine *e)
{
	size_t len = 0;

	assert_int_equal(lm_ctx_save(e->ctx, NULL, &len), 0);
	assert_in_range(len, 1, 64 * PAGE);
}

/* Its last bytes can be used; nothing that is done with it looks at all of it. */
static void largest_works(struct engine *e, uint32_t flags, uint64_t size)
{
	size_t len = 64 * PAGE;
	char *saved = malloc(len);
	struct wire m;

	bar_is(e, flags, size);
	engine_connect(e);
	engine_write(e, BAR, size - 8, "the last", 8);
	assert_memory_equal(lm_mmap(e->ctx, BAR, size - 8, 8), "the last", 8);
	assert_int_equal(engine_read32(e, BAR, size / 2), 0);
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	saved_is_little(e);
	assert_int_equal(lm_ctx_save(e->ctx, saved, &len), 0);
	engine_write(e, BAR, size - 8, "not that", 8);
	engine_write(e, BAR, size / 2, "nor that", 8);
	assert_int_equal(lm_ctx_load(e->ctx, saved, len), 0);
	assert_memory_equal(engine_read(e, BAR, size - 8, 8), "the last", 8);
	assert_int_equal(engine_read32(e, BAR, size / 2), 0);
	free(saved);
}

static void memory_of_our_own_may_be_larger_than_all_memory(void **state)
{
	largest_works(*state, MEM, 1ull << 40);
}

static void memory_to_be_mapped_may_be_as_large_as_addresses_go(void **state)
{
	largest_works(*state, MAP, LARGEST);
}

static void a_saved_device_has_used_no_more_memory(void **state)
{
	struct engine *e = *state;
	struct hold h;

	bar_is(e, MAP, SIZE);
	engine_connect(e);
	h = hold_bar(e);
	h.mem[5 * MIB] = 1;
	saved_is_little(e);
	assert_in_range(used(h.fd), 1, MIB);
	hold_end(&h);
}

static void a_size_that_is_not_allowed_is_an_error(void **state)
{
	const struct rlimit little = { 4 * MIB, RLIM_INFINITY };
	struct engine *e = *state;
	struct rlimit before;

	bar_is(e, MAP, SIZE);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	engine_start_fails(e, EFBIG);
	assert_non_null(strstr(e->log, "ulimit -f"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

/* ---- from one client to the next ------------------------------------------------- */

/* A step further in each of many steps, and in pages that are not neighbours. */
static void fill(uint8_t *mem)
{
	uint64_t at;

	for (at = 0; at < SIZE; at += 3 * PAGE + 1)
		mem[at] = (uint8_t)(at >> 8 | 1);
	memset(mem + 3 * MIB, 0x33, MIB);
}

static void is_filled(const uint8_t *mem)
{
	uint8_t *want = calloc(1, SIZE);

	fill(want);
	assert_memory_equal(mem, want, SIZE);
	free(want);
}

/* Device, first client and second client; the second has just come. */
struct change {
	uint8_t    *device;
	struct hold a, b;
};

static struct change change_begin(struct engine *e)
{
	struct change c;

	bar_is(e, MAP, SIZE);
	listen_for_clients(e);
	c.device = lm_mmap(e->ctx, BAR, 0, SIZE);
	attach(e);
	c.a = hold_bar(e);
	fill(c.device);
	return c;
}

static void change_client(struct engine *e, struct change *c)
{
	detach(e);
	attach(e);
	c->b = hold_bar(e);
}

static void change_end(struct change *c)
{
	hold_end(&c->a);
	hold_end(&c->b);
}

static void the_next_client_finds_what_the_device_has(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);

	change_client(e, &c);
	assert_ptr_equal(lm_mmap(e->ctx, BAR, 0, SIZE), c.device);
	is_filled(c.device);
	is_filled(c.b.mem);
	change_end(&c);
}

static void the_last_client_reaches_nothing_of_the_next(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);

	change_client(e, &c);
	memset(c.a.mem, 0xaa, SIZE);
	is_filled(c.b.mem);
	is_filled(c.device);
	memcpy(c.b.mem + PAGE, "secret", 6);
	engine_write(e, BAR, 2 * PAGE, "secret", 6);
	assert_memory_equal(c.device + PAGE, "secret", 6);
	assert_int_equal(c.a.mem[PAGE], 0xaa);
	assert_int_equal(c.a.mem[2 * PAGE], 0xaa);
	change_end(&c);
}

/* Also before the next client asks for the memory itself. */
static void the_last_client_reaches_nothing_of_one_that_maps_nothing(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);

	detach(e);
	attach(e);
	memset(c.a.mem, 0xaa, SIZE);
	is_filled(c.device);
	hold_end(&c.a);
}

/* Neither by its descriptor, which could be written and punched, nor by a mapping made later. */
static void a_descriptor_that_is_kept_reaches_nothing(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);

	change_client(e, &c);
	assert_int_equal(pwrite(c.a.fd, "leak", 4, 0), 4);
	assert_int_equal(fallocate(c.a.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE), 0);
	is_filled(c.b.mem);
	assert_int_equal(pwrite(c.b.fd, "b", 1, 4711), 1);
	assert_int_equal(c.device[4711], 'b');
	change_end(&c);
}

static void what_was_moved_takes_no_memory_twice(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);
	const uint64_t before = used(c.a.fd);

	change_client(e, &c);
	assert_int_equal(used(c.a.fd), 0);
	assert_in_range(used(c.b.fd), 1, before);
	change_end(&c);
}

static void memory_that_nobody_used_stays_unused(void **state)
{
	struct engine *e = *state;
	struct hold a;
	struct wire m;

	bar_is(e, MAP, LARGEST / 2);
	listen_for_clients(e);
	attach(e);
	a = hold_bar(e);
	engine_write(e, BAR, LARGEST / 4, "far away", 8);
	detach(e);
	attach(e);
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	assert_memory_equal(engine_read(e, BAR, LARGEST / 4, 8), "far away", 8);
	assert_in_range(used(region_get(e->ctx, BAR)->memfd), 1, MIB);
	hold_end(&a);
}

static void memory_that_nobody_was_given_stays(void **state)
{
	struct engine *e = *state;
	struct stat before, after;

	bar_is(e, MAP, SIZE);
	listen_for_clients(e);
	assert_int_equal(fstat(region_get(e->ctx, BAR)->memfd, &before), 0);
	attach(e);
	detach(e);
	attach(e);
	assert_int_equal(fstat(region_get(e->ctx, BAR)->memfd, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

/* Areas are in one memfd, with what lies between them. */
static void areas_and_registers_stay_as_they_are(void **state)
{
	static const lm_mmap_area_t areas[] = { { PAGE, PAGE }, { 4 * MIB, PAGE } };
	static const lm_register_t reg = { .offset = 0, .width = 4, .name = "REG" };
	static const lm_register_map_t map = {
		.registers = &reg, .nr_registers = 1, .register_size = sizeof(reg) };
	struct engine *e = *state;
	struct hold a, b;

	e->info.pci_info.reg_info[BAR] = (lm_reg_info_t){
		.flags = MAP, .size = SIZE, .regs = &map, .mmap_areas = areas, .nr_mmap_areas = 2 };
	listen_for_clients(e);
	attach(e);
	a = hold_bar(e);
	engine_write(e, BAR, 0, "\1\2\3\4", 4);
	a.mem[PAGE] = 11;
	a.mem[4 * MIB] = 22;
	detach(e);
	attach(e);
	b = hold_bar(e);
	memset(a.mem, 0xaa, SIZE);
	assert_int_equal(engine_read32(e, BAR, 0), 0x04030201);
	assert_int_equal(b.mem[PAGE], 11);
	assert_int_equal(b.mem[4 * MIB], 22);
	assert_int_equal(*engine_read(e, BAR, 4 * MIB, 1), 22);
	hold_end(&a);
	hold_end(&b);
}

/* Asks to be the next client. */
static void send_version(struct engine *e)
{
	char version[256];

	connect_client(e);
	engine_command(e, VFIO_USER_VERSION, version, version_put(version, 0, 0, OFFER_QEMU));
}

/* Turns of the loop until there is a new memfd: in which one not more than a step has moved. */
static unsigned int move_in_turns(struct engine *e, struct change *c)
{
	const struct region *r = region_get(e->ctx, BAR);
	uint64_t before = 0;
	unsigned int turns = 0;

	for (; r->lent; before = r->moved) {
		assert_true(lm_ctx_poll(e->ctx) > 0);
		if (r->lent)
			assert_in_range(r->moved - before, 0, 2 * MIB);
		turns += r->moved > before;
		if (r->moved == SIZE / 2) {
			assert_int_equal(e->nr_attached, 1);
			c->device[MIB] = c->device[SIZE - MIB] = 0x77;
		}
	}
	return turns;
}

static void it_moves_in_many_turns_and_the_device_goes_on(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);
	struct wire m;

	detach(e);
	send_version(e);
	assert_in_range(move_in_turns(e, &c), 7, 8);
	engine_reply(e, e->next_id, VFIO_USER_VERSION, &m);
	c.b = hold_bar(e);
	assert_int_equal(c.b.mem[MIB], 0x77);
	assert_int_equal(c.b.mem[SIZE - MIB], 0x77);
	change_end(&c);
}

static void who_leaves_meanwhile_leaves_a_move_that_goes_on(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);

	detach(e);
	send_version(e);
	while (!region_get(e->ctx, BAR)->moved)
		assert_true(lm_ctx_poll(e->ctx) > 0);
	change_client(e, &c);
	memset(c.a.mem, 0xaa, SIZE);
	is_filled(c.b.mem);
	change_end(&c);
}

static void the_first_that_waits_is_the_next(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);
	struct wire m;
	int first;

	detach(e);
	send_version(e);
	while (!region_get(e->ctx, BAR)->moved)
		assert_true(lm_ctx_poll(e->ctx) > 0);
	first = e->fd;
	send_version(e);
	engine_poll(e);
	assert_true(wire_is_closed(e->fd));
	close(e->fd);
	e->fd = first;
	engine_reply(e, e->next_id - 1, VFIO_USER_VERSION, &m);
	engine_is_alive(e);
	hold_end(&c.a);
}

static void it_is_the_same_at_each_change(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);
	int i;

	for (i = 0; i < 5; i++) {
		change_client(e, &c);
		is_filled(c.b.mem);
		hold_end(&c.a);
		c.a = c.b;
	}
	hold_end(&c.a);
}

/* ---- at the same time ------------------------------------------------------------ */

struct neighbour {
	pthread_t      thread;
	atomic_bool    stop;
	struct change *c;
	unsigned int   wrong;
};

/* A client that has been left behind does all it can. */
static void *scribble(void *arg)
{
	struct neighbour *n = arg;
	uint64_t at = 0;

	while (!atomic_load(&n->stop)) {
		at = (at + 5 * PAGE) % SIZE;
		n->c->a.mem[at] = 0xaa;
		fallocate(n->c->a.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (off_t)((at + MIB) % SIZE), PAGE);
	}
	return NULL;
}

/* A thread of the device that looks at its memory. */
static void *look(void *arg)
{
	struct neighbour *n = arg;
	const volatile uint8_t *mem = n->c->device;
	uint64_t at = 0;

	while (!atomic_load(&n->stop)) {
		at = (at + PAGE) % MIB;
		n->wrong += mem[3 * MIB + at] != 0x33;
	}
	return NULL;
}

static void neighbour_begin(struct neighbour *n, struct change *c, void *(*what)(void *arg))
{
	*n = (struct neighbour){ .c = c };
	assert_int_equal(pthread_create(&n->thread, NULL, what, n), 0);
}

static void neighbour_end(struct neighbour *n)
{
	atomic_store(&n->stop, true);
	assert_int_equal(pthread_join(n->thread, NULL), 0);
}

static void a_client_that_goes_on_writing_holds_nothing_up(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);
	struct neighbour n;
	uint8_t *before;

	neighbour_begin(&n, &c, scribble);
	change_client(e, &c);
	before = malloc(SIZE);
	memcpy(before, c.device, SIZE);
	assert_memory_equal(c.b.mem, before, SIZE);
	engine_is_alive(e);
	assert_memory_equal(c.device, before, SIZE);
	neighbour_end(&n);
	assert_memory_equal(c.device, before, SIZE);
	free(before);
	change_end(&c);
}

static void the_device_sees_its_memory_all_the_time(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);
	struct neighbour n;
	int i;

	neighbour_begin(&n, &c, look);
	for (i = 0; i < 10; i++) {
		change_client(e, &c);
		hold_end(&c.b);
	}
	neighbour_end(&n);
	assert_int_equal(n.wrong, 0);
	hold_end(&c.a);
}

/* ---- what can go wrong ----------------------------------------------------------- */

static void without_other_memory_there_is_no_other_client(void **state)
{
	const struct rlimit little = { MIB, RLIM_INFINITY };
	struct engine *e = *state;
	struct change c = change_begin(e);
	char version[256];
	struct rlimit before;

	detach(e);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	connect_client(e);
	engine_command(e, VFIO_USER_VERSION, version, version_put(version, 0, 0, OFFER_TWIN));
	engine_poll(e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(wire_is_closed(e->fd));
	assert_non_null(strstr(e->log, strerror(EFBIG)));
	assert_int_equal(e->nr_attached, 1);
	is_filled(c.device);
	change_client(e, &c);
	is_filled(c.b.mem);
	change_end(&c);
}

static void a_move_that_failed_goes_on_later(void **state)
{
	struct engine *e = *state;
	struct change c = change_begin(e);
	char *filler;
	long last;
	int ret;

	detach(e);
	filler = mappings_fill();
	mappings_fill_last(&last);
	do
		ret = region_memory_renew(e->ctx);
	while (ret > 0);
	mappings_unfill(filler, last);
	assert_int_equal(ret, -ENOMEM);
	is_filled(c.device);
	attach(e);
	c.b = hold_bar(e);
	memset(c.a.mem, 0xaa, SIZE);
	is_filled(c.b.mem);
	is_filled(c.device);
	change_end(&c);
}

#define TEST ENGINE_TEST

/* ---- a file of the device --------------------------------------------------------- */

static int file_of(uint64_t size, int seals)
{
	const int fd = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void bar_is_file(struct engine *e, uint32_t flags, int fd, uint64_t offset)
{
	e->info.pci_info.reg_info[BAR] = (lm_reg_info_t){
		.flags = flags | LM_REG_FLAG_FD, .size = SIZE, .fd = fd, .fd_offset = offset };
}

static void a_file_of_the_device_is_its_memory(void **state)
{
	struct engine *e = *state;
	const int fd = file_of(SIZE + PAGE, F_SEAL_SHRINK);
	char data[4];

	bar_is_file(e, MAP, fd, PAGE);
	engine_connect(e);
	assert_string_equal(e->log, "");
	assert_int_equal(pwrite(fd, "file", 4, (off_t)(PAGE + 8)), 4);
	assert_memory_equal(engine_read(e, BAR, 8, 4), "file", 4);
	engine_write(e, BAR, SIZE - 4, "tail", 4);
	assert_int_equal(pread(fd, data, 4, (off_t)(SIZE + PAGE - 4)), 4);
	assert_memory_equal(data, "tail", 4);
	assert_memory_equal((char *)lm_mmap(e->ctx, BAR, SIZE - 4, 4), "tail", 4);
	close(fd);
}

static void clients_map_it_where_the_region_begins(void **state)
{
	struct engine *e = *state;
	const int fd = file_of(SIZE + PAGE, F_SEAL_SHRINK);
	struct change c;

	assert_int_equal(pwrite(fd, "file", 4, (off_t)PAGE), 4);
	bar_is_file(e, MAP, fd, PAGE);
	listen_for_clients(e);
	attach(e);
	c.a = hold_bar(e);
	assert_memory_equal(c.a.mem, "file", 4);
	change_client(e, &c);
	memcpy(c.b.mem, "next", 4);
	assert_memory_equal(c.a.mem, "next", 4); /* it is the device's to share */
	change_end(&c);
	close(fd);
}

static void it_is_no_part_of_a_saved_state(void **state)
{
	struct engine *e = *state;
	const int fd = file_of(SIZE, F_SEAL_SHRINK);
	char data[4];
	size_t len = 0;
	void *saved;

	assert_int_equal(pwrite(fd, "file", 4, 0), 4);
	bar_is_file(e, MAP, fd, 0);
	engine_start(e);
	assert_int_equal(lm_ctx_save(e->ctx, NULL, &len), 0);
	saved = malloc(len);
	assert_non_null(saved);
	assert_int_equal(lm_ctx_save(e->ctx, saved, &len), 0);
	assert_null(memmem(saved, len, "file", 4));
	assert_int_equal(lm_ctx_load(e->ctx, saved, len), 0);
	assert_int_equal(pread(fd, data, 4, 0), 4);
	assert_memory_equal(data, "file", 4);
	free(saved);
	close(fd);
}

static void file_refused(struct engine *e, lm_reg_info_t info, const char *why)
{
	char message[200];

	info.flags |= MEM;
	e->info.pci_info.reg_info[BAR] = info;
	engine_refuses(e);
	snprintf(message, sizeof(message), "region 4: %s", why);
	assert_string_equal(e->log, message);
}

static void a_file_that_cannot_be_is_refused(void **state)
{
	struct engine *e = *state;
	const int fd = file_of(SIZE, F_SEAL_SHRINK);
	const uint32_t FD = LM_REG_FLAG_FD;

	file_refused(e, (lm_reg_info_t){ .size = SIZE, .fd = fd }, "fd without LM_REG_FLAG_FD");
	file_refused(e, (lm_reg_info_t){ .flags = FD, .size = SIZE, .fd = 12345 },
		     "fd is not a descriptor");
	file_refused(e, (lm_reg_info_t){ .flags = FD, .size = SIZE, .fd = fd, .fd_offset = 8 },
		     "with LM_REG_FLAG_FD its size and fd_offset must be whole pages");
	file_refused(e, (lm_reg_info_t){ .flags = FD, .size = SIZE, .fd = fd, .fd_offset = PAGE },
		     "the file of fd ends before the region");
	file_refused(e, (lm_reg_info_t){ .flags = FD, .size = SIZE, .fd = fd,
					 .fn = e->info.pci_info.reg_info[BAR_RAW].fn },
		     "LM_REG_FLAG_FD, but fn, io or regs serve all of it");
	close(fd);
}

static void one_that_can_shrink_is_warned_of(void **state)
{
	struct engine *e = *state;
	const int fd = file_of(SIZE, 0);

	bar_is_file(e, MAP, fd, 0);
	engine_start(e);
	assert_non_null(strstr(e->log, "region 4: a client can truncate the file of fd"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_of_the_device_is_its_memory),
		TEST(clients_map_it_where_the_region_begins),
		TEST(it_is_no_part_of_a_saved_state),
		TEST(a_file_that_cannot_be_is_refused),
		TEST(one_that_can_shrink_is_warned_of),
		TEST(memory_of_our_own_may_be_larger_than_all_memory),
		TEST(memory_to_be_mapped_may_be_as_large_as_addresses_go),
		TEST(a_saved_device_has_used_no_more_memory),
		TEST(a_size_that_is_not_allowed_is_an_error),
		TEST(the_next_client_finds_what_the_device_has),
		TEST(the_last_client_reaches_nothing_of_the_next),
		TEST(the_last_client_reaches_nothing_of_one_that_maps_nothing),
		TEST(a_descriptor_that_is_kept_reaches_nothing),
		TEST(what_was_moved_takes_no_memory_twice),
		TEST(memory_that_nobody_used_stays_unused),
		TEST(memory_that_nobody_was_given_stays),
		TEST(areas_and_registers_stay_as_they_are),
		TEST(it_moves_in_many_turns_and_the_device_goes_on),
		TEST(who_leaves_meanwhile_leaves_a_move_that_goes_on),
		TEST(the_first_that_waits_is_the_next),
		TEST(it_is_the_same_at_each_change),
		TEST(a_client_that_goes_on_writing_holds_nothing_up),
		TEST(the_device_sees_its_memory_all_the_time),
		TEST(without_other_memory_there_is_no_other_client),
		TEST(a_move_that_failed_goes_on_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
