/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_wire.c - DMA_MAP and DMA_UNMAP as they come from the wire: fields gone wrong, errors,
 * descriptors, answers that wait for the device. The map itself is test_dma.c's.
 */
#include <sys/mman.h>

#include "dma/dma.h"
#include "engine.h"

#define RW   (VFIO_USER_DMA_READABLE | VFIO_USER_DMA_WRITEABLE)
#define PAGE 4096u

static struct vfio_user_dma_map map_of(uint64_t addr, uint64_t size)
{
	return (struct vfio_user_dma_map){ .argsz = 32, .flags = RW, .addr = addr, .size = size };
}

static struct vfio_user_dma_unmap unmap_of(uint64_t addr, uint64_t size)
{
	return (struct vfio_user_dma_unmap){ .argsz = 24, .addr = addr, .size = size };
}

static void map_works(struct engine *e, struct vfio_user_dma_map map, const int *fds,
		      unsigned int nr)
{
	struct wire m;

	engine_reply(e, engine_command_fds(e, VFIO_USER_DMA_MAP, &map, sizeof(map), fds, nr),
		     VFIO_USER_DMA_MAP, &m);
	assert_int_equal(m.len, 0);
}

static void map_fails(struct engine *e, struct vfio_user_dma_map map, size_t len, int error)
{
	engine_request_fails(e, VFIO_USER_DMA_MAP, &map, len, error);
	assert_int_equal(dma_count(e->ctx), 0);
}

static void unmap_works(struct engine *e, struct vfio_user_dma_unmap unmap)
{
	struct wire m;

	engine_request(e, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap), &m);
	assert_int_equal(m.len, sizeof(unmap));
	assert_memory_equal(m.payload, &unmap, sizeof(unmap));
}

static void unmap_fails(struct engine *e, struct vfio_user_dma_unmap unmap, size_t len, int error)
{
	engine_request_fails(e, VFIO_USER_DMA_UNMAP, &unmap, len, error);
}

static int sealed_memory(size_t size)
{
	const int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	return fd;
}

/* ---- DMA_MAP --------------------------------------------------------------------- */

static void memory_with_a_descriptor_is_reached(void **state)
{
	struct engine *e = *state;
	const int fd = sealed_memory(4 * PAGE);
	char data[8];
	dma_sg_t sg;

	engine_connect(e);
	assert_int_equal(pwrite(fd, "guest ok", 8, PAGE + 100), 8);
	engine_map(e, 0x10000, 4 * PAGE, fd);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x10000 + PAGE + 100, 8, &sg, 1), 1);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	assert_memory_equal(data, "guest ok", 8);
	close(fd);
}

static void descriptors_of_one_file_do_not_pile_up(void **state)
{
	struct engine *e = *state;
	const int fd = sealed_memory(64 * PAGE);
	unsigned int before;
	uint64_t i;

	engine_connect(e);
	before = count_fds();
	for (i = 0; i < 64; i++) {
		struct vfio_user_dma_map map = map_of(i * PAGE, PAGE);

		map.offset = i * PAGE;
		map_works(e, map, &fd, 1);
	}
	assert_in_range(count_fds(), before, before + 1);
	close(fd);
}

static void two_descriptors_are_refused_and_closed(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_map map = map_of(0, PAGE);
	unsigned int before;
	int fds[2] = { sealed_memory(PAGE), sealed_memory(PAGE) };

	engine_connect(e);
	before = count_fds();
	engine_reply_error(e, engine_command_fds(e, VFIO_USER_DMA_MAP, &map, 32, fds, 2),
			   VFIO_USER_DMA_MAP, EINVAL);
	assert_int_equal(count_fds(), before);
	close_fds(fds, 2);
}

static void a_refused_map_closes_its_descriptor(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_map map = map_of(0x1000, 0);
	const int fd = sealed_memory(PAGE);
	unsigned int before;

	engine_connect(e);
	before = count_fds();
	engine_reply_error(e, engine_command_fds(e, VFIO_USER_DMA_MAP, &map, 32, &fd, 1),
			   VFIO_USER_DMA_MAP, EINVAL);
	assert_int_equal(count_fds(), before);
	close(fd);
}

static void a_small_argsz_is_refused(void **state)
{
	struct engine *e = *state;
	struct vfio_user_dma_map map = map_of(0, PAGE);

	engine_connect(e);
	map.argsz = 31;
	map_fails(e, map, sizeof(map), EINVAL);
}

static void a_short_map_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	map_fails(e, map_of(0, PAGE), 31, EINVAL);
	map_fails(e, map_of(0, PAGE), 0, EINVAL);
}

static void unknown_flags_of_a_map_are_refused(void **state)
{
	struct engine *e = *state;
	struct vfio_user_dma_map map = map_of(0, PAGE);

	engine_connect(e);
	map.flags |= 1u << 4;
	map_fails(e, map, sizeof(map), EINVAL);
	map.flags = RW | 1u << 31;
	map_fails(e, map, sizeof(map), EINVAL);
}

static void memory_for_nothing_is_refused(void **state)
{
	struct engine *e = *state;
	struct vfio_user_dma_map map = map_of(0, PAGE);

	engine_connect(e);
	map.flags = 0;
	map_fails(e, map, sizeof(map), EINVAL);
}

static void a_size_of_0_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	map_fails(e, map_of(0, 0), sizeof(struct vfio_user_dma_map), EINVAL);
}

static void a_range_that_wraps_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	map_fails(e, map_of(UINT64_MAX - PAGE + 2, PAGE), 32, EINVAL);
	map_fails(e, map_of(PAGE, UINT64_MAX), 32, EINVAL);
}

static void a_range_up_to_the_last_byte_is_fine(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	map_works(e, map_of(UINT64_MAX - PAGE + 1, PAGE), NULL, 0);
	unmap_works(e, unmap_of(UINT64_MAX - PAGE + 1, PAGE));
	assert_int_equal(dma_count(e->ctx), 0);
}

static void an_offset_that_wraps_is_refused(void **state)
{
	struct engine *e = *state;
	struct vfio_user_dma_map map = map_of(0, PAGE);

	engine_connect(e);
	map.offset = UINT64_MAX - 100;
	map_fails(e, map, sizeof(map), EINVAL);
}

static void mapping_twice_is_eexist(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_map same = map_of(0x1000, PAGE), over = map_of(0x1800, PAGE);

	engine_connect(e);
	map_works(e, same, NULL, 0);
	engine_request_fails(e, VFIO_USER_DMA_MAP, &same, sizeof(same), EEXIST);
	engine_request_fails(e, VFIO_USER_DMA_MAP, &over, sizeof(over), EEXIST);
	assert_int_equal(dma_count(e->ctx), 1);
}

static void trailing_bytes_of_a_map_do_no_harm(void **state)
{
	struct engine *e = *state;
	char payload[64] = { 0 };
	const struct vfio_user_dma_map map = map_of(0, PAGE);
	struct wire m;

	memcpy(payload, &map, sizeof(map));
	engine_connect(e);
	engine_request(e, VFIO_USER_DMA_MAP, payload, sizeof(payload), &m);
	assert_int_equal(dma_count(e->ctx), 1);
}

/* ---- DMA_UNMAP ------------------------------------------------------------------- */

static void an_unmap_repeats_the_request(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	map_works(e, map_of(0x1000, PAGE), NULL, 0);
	unmap_works(e, unmap_of(0x1000, PAGE));
	assert_int_equal(dma_count(e->ctx), 0);
}

static void unmapping_what_is_not_there_is_fine(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	unmap_works(e, unmap_of(0x1000, PAGE));
	unmap_works(e, unmap_of(0, 0));
}

static void unmapping_several_windows_at_once_is_fine(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	map_works(e, map_of(0x1000, PAGE), NULL, 0);
	map_works(e, map_of(0x3000, PAGE), NULL, 0);
	map_works(e, map_of(0x8000, PAGE), NULL, 0);
	unmap_works(e, unmap_of(0, 0x8000));
	assert_int_equal(dma_count(e->ctx), 1);
}

/* With a vIOMMU QEMU unmaps up to the end of the address space. */
static void unmapping_nearly_everything_is_fine(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	map_works(e, map_of(0xfee00000 + 0x100000, PAGE), NULL, 0);
	unmap_works(e, unmap_of(0xfeeffff0 + 0x10, 0xffffffff01100000));
	assert_int_equal(dma_count(e->ctx), 0);
}

static void unmapping_half_a_window_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	map_works(e, map_of(0x1000, 2 * PAGE), NULL, 0);
	unmap_fails(e, unmap_of(0x1000, PAGE), 24, EINVAL);
	unmap_fails(e, unmap_of(0x2000, PAGE), 24, EINVAL);
	assert_int_equal(dma_count(e->ctx), 1);
}

static void an_unmap_that_wraps_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	unmap_fails(e, unmap_of(UINT64_MAX, 2), 24, EINVAL);
	unmap_fails(e, unmap_of(2, UINT64_MAX), 24, EINVAL);
}

static void an_unmap_with_a_small_argsz_is_refused(void **state)
{
	struct engine *e = *state;
	struct vfio_user_dma_unmap unmap = unmap_of(0, PAGE);

	engine_connect(e);
	unmap.argsz = 23;
	unmap_fails(e, unmap, sizeof(unmap), EINVAL);
}

static void a_short_unmap_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	unmap_fails(e, unmap_of(0, PAGE), 23, EINVAL);
	unmap_fails(e, unmap_of(0, PAGE), 0, EINVAL);
}

static void unknown_flags_of_an_unmap_are_refused(void **state)
{
	struct engine *e = *state;
	struct vfio_user_dma_unmap unmap = unmap_of(0, PAGE);

	engine_connect(e);
	unmap.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	unmap_fails(e, unmap, sizeof(unmap), EINVAL);
}

static void everything_goes_with_the_flag_for_it(void **state)
{
	struct engine *e = *state;
	struct vfio_user_dma_unmap unmap = unmap_of(0, 0);

	engine_connect(e);
	map_works(e, map_of(0x1000, PAGE), NULL, 0);
	map_works(e, map_of(1ull << 60, PAGE), NULL, 0);
	unmap.flags = VFIO_DMA_UNMAP_FLAG_ALL;
	unmap_works(e, unmap);
	assert_int_equal(dma_count(e->ctx), 0);
}

static void everything_and_a_range_is_refused(void **state)
{
	struct engine *e = *state;
	struct vfio_user_dma_unmap unmap = unmap_of(0x1000, 0);

	engine_connect(e);
	unmap.flags = VFIO_DMA_UNMAP_FLAG_ALL;
	unmap_fails(e, unmap, sizeof(unmap), EINVAL);
}

/* SPDK sends one, for whatever reason. */
static void a_descriptor_with_an_unmap_is_closed(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_unmap unmap = unmap_of(0, PAGE);
	const int fd = sealed_memory(PAGE);
	unsigned int before;
	struct wire m;

	engine_connect(e);
	before = count_fds();
	engine_reply(e, engine_command_fds(e, VFIO_USER_DMA_UNMAP, &unmap, 24, &fd, 1),
		     VFIO_USER_DMA_UNMAP, &m);
	assert_int_equal(count_fds(), before);
	close(fd);
}

/* ---- the device ------------------------------------------------------------------ */

static unsigned int nr_told;
static uint64_t told_addr, told_len;

static void dma_map_told(void *pvt, dma_addr_t addr, uint64_t len)
{
	nr_told++;
	told_addr = addr;
	told_len = len;
}

static int dma_unmap_told(void *pvt, dma_addr_t addr, uint64_t len)
{
	dma_map_told(pvt, addr, len);
	return 0;
}

static int dma_unmap_later(void *pvt, dma_addr_t addr, uint64_t len)
{
	struct engine *e = pvt;

	e->token = lm_defer(e->ctx);
	return LM_DEFER;
}

static void the_device_is_told_of_memory(void **state)
{
	struct engine *e = *state;

	nr_told = 0;
	e->info.dma_map = dma_map_told;
	engine_connect(e);
	map_works(e, map_of(0x5000, 0x300), NULL, 0);
	assert_int_equal(nr_told, 1);
	assert_int_equal(told_addr, 0x5000);
	assert_int_equal(told_len, 0x300);
}

static void the_device_is_told_before_memory_goes(void **state)
{
	struct engine *e = *state;

	nr_told = 0;
	e->info.dma_unmap = dma_unmap_told;
	engine_connect(e);
	map_works(e, map_of(0x5000, 0x300), NULL, 0);
	unmap_works(e, unmap_of(0x5000, 0x300));
	assert_int_equal(nr_told, 1);
	assert_int_equal(told_addr, 0x5000);
}

static void an_unmap_waits_for_the_device(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_unmap unmap = unmap_of(0x1000, PAGE);
	struct wire m;
	uint16_t id;

	e->info.dma_unmap = dma_unmap_later;
	engine_connect(e);
	map_works(e, map_of(0x1000, PAGE), NULL, 0);
	id = engine_command(e, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap));
	engine_no_message(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 0, NULL), 0);
	engine_reply(e, id, VFIO_USER_DMA_UNMAP, &m);
	assert_memory_equal(m.payload, &unmap, sizeof(unmap));
}

static void an_unmap_waits_for_pointers(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_unmap unmap = unmap_of(0x1000, PAGE);
	const int fd = sealed_memory(PAGE);
	struct iovec iov;
	struct wire m;
	dma_sg_t sg;
	uint16_t id;

	engine_connect(e);
	engine_map(e, 0x1000, PAGE, fd);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x1000, PAGE, &sg, 1), 1);
	assert_int_equal(lm_map_sg(e->ctx, PROT_READ, &sg, &iov, 1), 0);
	id = engine_command(e, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap));
	engine_no_message(e);
	lm_unmap_sg(e->ctx, &sg, &iov, 1);
	engine_reply(e, id, VFIO_USER_DMA_UNMAP, &m);
	close(fd);
}

static void a_state_is_not_saved_while_an_unmap_waits(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_unmap unmap = unmap_of(0x1000, PAGE);
	const int fd = sealed_memory(PAGE);
	struct iovec iov;
	struct wire m;
	dma_sg_t sg;
	uint16_t id;
	size_t len;

	engine_connect(e);
	engine_map(e, 0x1000, PAGE, fd);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x1000, PAGE, &sg, 1), 1);
	assert_int_equal(lm_map_sg(e->ctx, PROT_READ, &sg, &iov, 1), 0);
	id = engine_command(e, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap));
	engine_no_message(e);
	assert_int_equal(lm_ctx_save(e->ctx, NULL, &len), -EBUSY);
	assert_int_equal(lm_ctx_load(e->ctx, "", 0), -EBUSY);
	lm_unmap_sg(e->ctx, &sg, &iov, 1);
	engine_reply(e, id, VFIO_USER_DMA_UNMAP, &m);
	assert_int_equal(lm_ctx_save(e->ctx, NULL, &len), 0);
	close(fd);
}

static void requests_behind_an_unmap_wait_for_it(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_unmap unmap = unmap_of(0x1000, PAGE);
	uint16_t unmap_id, read_id;
	struct wire m;

	e->info.dma_unmap = dma_unmap_later;
	engine_connect(e);
	map_works(e, map_of(0x1000, PAGE), NULL, 0);
	unmap_id = engine_command(e, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap));
	read_id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_no_message(e);
	lm_complete(e->ctx, e->token, 0, NULL);
	engine_reply(e, unmap_id, VFIO_USER_DMA_UNMAP, &m);
	engine_read_reply(e, read_id, 4);
}

static void the_client_may_leave_while_its_unmap_waits(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_unmap unmap = unmap_of(0x1000, PAGE);

	e->info.dma_unmap = dma_unmap_later;
	engine_connect(e);
	map_works(e, map_of(0x1000, PAGE), NULL, 0);
	engine_command(e, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap));
	engine_poll(e);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
	assert_int_equal(lm_complete(e->ctx, e->token, 0, NULL), -ENOENT);
	assert_int_equal(dma_count(e->ctx), 0);
}

static void memory_goes_with_the_client(void **state)
{
	struct engine *e = *state;

	nr_told = 0;
	e->info.dma_unmap = dma_unmap_told;
	engine_connect(e);
	map_works(e, map_of(0x5000, PAGE), NULL, 0);
	map_works(e, map_of(0x9000, PAGE), NULL, 0);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(nr_told, 2);
	assert_int_equal(dma_count(e->ctx), 0);
}

/* ---- how many -------------------------------------------------------------------- */

static void no_more_windows_than_negotiated(void **state)
{
	struct engine *e = *state;
	uint64_t i;

	engine_start(e);
	engine_negotiate(e, "{\"capabilities\":{\"max_dma_maps\":3}}");
	for (i = 0; i < 3; i++)
		map_works(e, map_of(i * PAGE, PAGE), NULL, 0);
	engine_request_fails(e, VFIO_USER_DMA_MAP, &(struct vfio_user_dma_map){
		.argsz = 32, .flags = RW, .addr = 3 * PAGE, .size = PAGE }, 32, ENOSPC);
	assert_int_equal(dma_count(e->ctx), 3);
}

static void a_window_that_went_makes_room(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_negotiate(e, "{\"capabilities\":{\"max_dma_maps\":1}}");
	map_works(e, map_of(0, PAGE), NULL, 0);
	unmap_works(e, unmap_of(0, PAGE));
	map_works(e, map_of(PAGE, PAGE), NULL, 0);
}

static void a_range_that_is_taken_is_eexist_also_when_the_map_is_full(void **state)
{
	const struct vfio_user_dma_map map = map_of(0, PAGE);
	struct engine *e = *state;

	engine_start(e);
	engine_negotiate(e, "{\"capabilities\":{\"max_dma_maps\":1}}");
	map_works(e, map, NULL, 0);
	engine_request_fails(e, VFIO_USER_DMA_MAP, &map, sizeof(map), EEXIST);
}

/* Quietly: so many round trips take seconds. */
static void fill_up_to(struct engine *e, uint64_t nr)
{
	struct dma_window w = { .size = 1, .prot = PROT_READ, .fd = -1 };

	for (w.addr = dma_count(e->ctx); w.addr < nr; w.addr++)
		assert_int_equal(dma_map(e->ctx, &w), 0);
	assert_int_equal(dma_map(e->ctx, &w), -ENOSPC);
}

static void who_proposes_no_number_has_that_of_the_specification(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_negotiate(e, "{\"capabilities\":{}}");
	fill_up_to(e, 65535);
}

static void who_sends_no_capabilities_has_that_of_the_specification(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_negotiate(e, NULL);
	fill_up_to(e, 65535);
}

static void who_asks_for_a_million_has_them(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_negotiate(e, "{\"capabilities\":{\"max_dma_maps\":1000000}}");
	fill_up_to(e, 1000000);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_with_a_descriptor_is_reached),
		TEST(descriptors_of_one_file_do_not_pile_up),
		TEST(two_descriptors_are_refused_and_closed),
		TEST(a_refused_map_closes_its_descriptor),
		TEST(a_small_argsz_is_refused),
		TEST(a_short_map_is_refused),
		TEST(unknown_flags_of_a_map_are_refused),
		TEST(memory_for_nothing_is_refused),
		TEST(a_size_of_0_is_refused),
		TEST(a_range_that_wraps_is_refused),
		TEST(a_range_up_to_the_last_byte_is_fine),
		TEST(an_offset_that_wraps_is_refused),
		TEST(mapping_twice_is_eexist),
		TEST(trailing_bytes_of_a_map_do_no_harm),
		TEST(an_unmap_repeats_the_request),
		TEST(unmapping_what_is_not_there_is_fine),
		TEST(unmapping_several_windows_at_once_is_fine),
		TEST(unmapping_nearly_everything_is_fine),
		TEST(unmapping_half_a_window_is_refused),
		TEST(an_unmap_that_wraps_is_refused),
		TEST(an_unmap_with_a_small_argsz_is_refused),
		TEST(a_short_unmap_is_refused),
		TEST(unknown_flags_of_an_unmap_are_refused),
		TEST(everything_goes_with_the_flag_for_it),
		TEST(everything_and_a_range_is_refused),
		TEST(a_descriptor_with_an_unmap_is_closed),
		TEST(the_device_is_told_of_memory),
		TEST(the_device_is_told_before_memory_goes),
		TEST(an_unmap_waits_for_the_device),
		TEST(an_unmap_waits_for_pointers),
		TEST(a_state_is_not_saved_while_an_unmap_waits),
		TEST(requests_behind_an_unmap_wait_for_it),
		TEST(the_client_may_leave_while_its_unmap_waits),
		TEST(memory_goes_with_the_client),
		TEST(no_more_windows_than_negotiated),
		TEST(a_window_that_went_makes_room),
		TEST(a_range_that_is_taken_is_eexist_also_when_the_map_is_full),
		TEST(who_proposes_no_number_has_that_of_the_specification),
		TEST(who_sends_no_capabilities_has_that_of_the_specification),
		TEST(who_asks_for_a_million_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
