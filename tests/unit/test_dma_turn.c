/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_turn.c - DMA windows that go by the thousand: by DMA_UNMAP or with their client, in as
 * many turns of the loop as that takes, so that others have theirs.
 */
#include <sys/mman.h>
#include <sys/un.h>

#include "server/server_client.h"
#include "engine.h"
#include "tempdir.h"

#define PAGE       4096u
#define NR_WINDOWS (2 * TURN_MAX + 100)
#define TURN_SLACK 16u /* messages of the same turn, and what the last unit went over */

static char folder[PATH_MAX];
static struct sockaddr_un address;
static unsigned int nr_told;
static uint8_t times_told[NR_WINDOWS];

static int told(void *pvt, dma_addr_t addr, uint64_t len)
{
	const struct engine *e = pvt;

	assert_int_equal(e->nr_attached, e->nr_detached + 1);
	nr_told++;
	times_told[addr / PAGE]++;
	return 0;
}

static int setup(void **state)
{
	struct engine *e;

	if (!tempdir_new(folder) || engine_setup(state))
		return -1;
	e = *state;
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/listen", folder);
	e->info.socket_path = address.sun_path;
	e->info.dma_unmap = told;
	nr_told = 0;
	memset(times_told, 0, sizeof(times_told));
	e->ctx = lm_ctx_create(&e->info);
	return e->ctx ? 0 : -1;
}

static int teardown(void **state)
{
	const int ret = engine_teardown(state);

	tempdir_remove(folder);
	return ret;
}

static void somebody_connects(struct engine *e)
{
	e->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(e->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	e->next_id = 0;
}

static void says_its_version(struct engine *e)
{
	char payload[512];

	engine_command(e, VFIO_USER_VERSION, payload, version_put(payload, 0, 0, OFFER_QEMU));
}

static int page_of_memory(void)
{
	const int fd = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	return fd;
}

/* A client with many windows, all of the same memory. */
static void begin(struct engine *e, int fd)
{
	unsigned int i;

	somebody_connects(e);
	engine_negotiate(e, OFFER_QEMU);
	for (i = 0; i < NR_WINDOWS; i++)
		engine_map(e, (uint64_t)i * PAGE, PAGE, fd);
	assert_int_equal(dma_count(e->ctx), NR_WINDOWS);
}

static uint16_t unmap_all(struct engine *e)
{
	const struct vfio_user_dma_unmap all = {
		.argsz = sizeof(all), .flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};

	return engine_command(e, VFIO_USER_DMA_UNMAP, &all, sizeof(all));
}

static void is_unmapped(struct engine *e, uint16_t id)
{
	struct wire m;

	engine_reply(e, id, VFIO_USER_DMA_UNMAP, &m);
	assert_int_equal(m.len, sizeof(struct vfio_user_dma_unmap));
	engine_is_alive(e);
}

/* One turn of the loop: the work that was done in it. */
static uint64_t turn(struct engine *e)
{
	const uint64_t before = e->ctx->work;

	assert_true(lm_ctx_poll(e->ctx) > 0);
	return e->ctx->work - before;
}

static unsigned int turns_until_none_is_left(struct engine *e)
{
	unsigned int turns;

	for (turns = 0; dma_count(e->ctx); turns++)
		assert_in_range(turn(e), 0, TURN_MAX + TURN_SLACK);
	return turns;
}

static void each_was_told_once(void)
{
	unsigned int i;

	assert_int_equal(nr_told, NR_WINDOWS);
	for (i = 0; i < NR_WINDOWS; i++)
		assert_int_equal(times_told[i], 1);
}

/* ---- DMA_UNMAP ------------------------------------------------------------------- */

static void an_unmap_of_many_windows_takes_turns(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	begin(e, -1);
	id = unmap_all(e);
	/* Each window is marked, told, and swept. */
	assert_in_range(turns_until_none_is_left(e), 3 * NR_WINDOWS / TURN_MAX, 1000);
	each_was_told_once();
	is_unmapped(e, id);
}

static void memory_that_is_unmapped_is_more_work(void **state)
{
	struct engine *e = *state;
	const int fd = page_of_memory();
	unsigned int turns;
	uint16_t id;

	e->ctx->info.flags |= LM_DEV_STRICT_DMA; /* a mapping for each window */
	begin(e, fd);
	id = unmap_all(e);
	turns = turns_until_none_is_left(e);
	assert_in_range(turns, (3 + DMA_WORK) * NR_WINDOWS / TURN_MAX, 1000);
	is_unmapped(e, id);
	close(fd);
}

static void requests_behind_an_unmap_wait_for_all_of_it(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_unmap all = {
		.argsz = sizeof(all), .flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};
	unsigned int i;

	begin(e, -1);
	engine_posted(e, VFIO_USER_DMA_UNMAP, &all, sizeof(all));
	engine_posted(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	for (i = 0; i < 3 * NR_WINDOWS / TURN_MAX; i++) {
		turn(e);
		assert_int_equal(e->nr_resets, 0);
	}
	engine_poll(e);
	assert_int_equal(e->nr_resets, 1);
	assert_int_equal(dma_count(e->ctx), 0);
}

static void what_a_pointer_held_back_goes_on_in_turns(void **state)
{
	struct engine *e = *state;
	struct iovec iov;
	dma_sg_t sg;
	const int fd = page_of_memory();
	uint16_t id;

	begin(e, fd);
	assert_int_equal(lm_addr_to_sg(e->ctx, PAGE, 8, &sg, 1), 1);
	assert_int_equal(lm_map_sg(e->ctx, PROT_READ, &sg, &iov, 1), 0);
	id = unmap_all(e);
	engine_no_message(e);
	assert_int_equal(dma_count(e->ctx), NR_WINDOWS);
	lm_unmap_sg(e->ctx, &sg, &iov, 1);
	assert_in_range(dma_count(e->ctx), NR_WINDOWS - TURN_MAX - TURN_SLACK, NR_WINDOWS - 1);
	turns_until_none_is_left(e);
	each_was_told_once();
	is_unmapped(e, id);
	close(fd);
}

/* ---- the client leaves ----------------------------------------------------------- */

static void the_windows_of_who_has_left_go_in_turns(void **state)
{
	struct engine *e = *state;

	begin(e, -1);
	engine_close(e);
	assert_in_range(turns_until_none_is_left(e), 3 * NR_WINDOWS / TURN_MAX, 1000);
	each_was_told_once();
	assert_int_equal(e->nr_detached, 1);
}

static void nobody_comes_before_they_have_gone(void **state)
{
	struct engine *e = *state;
	struct wire m;

	begin(e, -1);
	engine_close(e);
	somebody_connects(e);
	says_its_version(e);
	while (dma_count(e->ctx)) {
		assert_int_equal(e->nr_attached, 1);
		turn(e);
	}
	engine_reply(e, 1, VFIO_USER_VERSION, &m);
	assert_int_equal(e->nr_detached, 1);
	assert_int_equal(e->nr_attached, 2);
	each_was_told_once();
	engine_map(e, 0, PAGE, -1);
}

/* However far its DMA_UNMAP has got. */
static void a_client_may_leave_amid_its_unmap(void **state)
{
	struct engine *e = *state;
	unsigned int turns, i;

	for (turns = 1; turns <= 3 * NR_WINDOWS / TURN_MAX + 1; turns++) {
		begin(e, -1);
		unmap_all(e);
		for (i = 0; i < turns; i++)
			turn(e);
		engine_close(e);
		engine_poll(e);
		assert_int_equal(dma_count(e->ctx), 0);
		each_was_told_once();
		assert_int_equal(e->nr_detached, turns);
		nr_told = 0;
		memset(times_told, 0, sizeof(times_told));
	}
}

static void a_context_may_end_while_they_go(void **state)
{
	struct engine *e = *state;

	begin(e, -1);
	engine_close(e);
	turn(e);
	assert_in_range(nr_told, 0, NR_WINDOWS - 1);
	engine_destroy(e);
	each_was_told_once();
	assert_int_equal(e->nr_detached, 1);
}

#define TURN_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TURN_TEST(an_unmap_of_many_windows_takes_turns),
		TURN_TEST(memory_that_is_unmapped_is_more_work),
		TURN_TEST(requests_behind_an_unmap_wait_for_all_of_it),
		TURN_TEST(what_a_pointer_held_back_goes_on_in_turns),
		TURN_TEST(the_windows_of_who_has_left_go_in_turns),
		TURN_TEST(nobody_comes_before_they_have_gone),
		TURN_TEST(a_client_may_leave_amid_its_unmap),
		TURN_TEST(a_context_may_end_while_they_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
