/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_beyond.c - what taps cannot see, and that this is known.
 */
#include "region/region.h"
#include "fake_node.h"
#include "gate_tap.h"

static void a_device_of_its_own_is_all_within_reach(void **state)
{
	struct engine *e = begin(state, ALL);
	const struct beyond b = taps_beyond(e->ctx);

	assert_int_equal(b.pointers, 0);
	assert_int_equal(b.regions, 0);
	assert_int_equal(b.ioeventfds, 0);
}

static void memory_that_a_client_can_map_is_beyond(void **state)
{
	struct engine *e = *state;
	const struct vfio_region_info info = { .argsz = 128, .index = BAR_PLAIN };
	struct wire m;

	e->info.pci_info.reg_info[BAR_PLAIN].flags |= LM_REG_FLAG_MMAP;
	begin(state, ALL);
	engine_request(e, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info), &m);
	assert_int_equal(m.nr_fds, 1);
	close(m.fds[0]);
	assert_int_equal(taps_beyond(e->ctx).regions, 1);
}

/* The module maps it for its client, and does not ask. */
static void memory_of_the_host_is_beyond(void **state)
{
	struct engine *e = *state;

	e->info.pci_info.reg_info[BAR_PLAIN].flags |= LM_REG_FLAG_MMAP;
	node_begin(e);
	assert_int_equal(taps_beyond(e->ctx).regions, 1);
}

static void writes_that_become_an_eventfd_are_beyond(void **state)
{
	struct engine *e = *state;
	const int fd = eventfd(0, EFD_CLOEXEC);
	const lm_ioeventfd_t kick = { .offset = 0, .size = 4, .fd = fd };
	lm_reg_info_t *r = &e->info.pci_info.reg_info[BAR_RAW];

	r->ioeventfds = &kick;
	r->nr_ioeventfds = 1;
	begin(state, ALL);
	assert_int_equal(taps_beyond(e->ctx).ioeventfds, 1);
	engine_destroy(e);
	close(fd);
}

static void pointers_are_beyond_but_for_copies(void **state)
{
	struct engine *e = *state;
	struct iovec before, after;
	dma_sg_t sg;

	engine_connect(e);
	give_memory(e);
	sg = find(e, IOVA, 8);
	assert_int_equal(lm_map_sg(e->ctx, PROT_READ, &sg, &before, 1), 0);
	tap.tap = (struct tap){ .needs_bytes = true };
	gate_add(e->ctx, TAP_TEST, &tap.tap);
	assert_int_equal(lm_map_sg(e->ctx, PROT_READ, &sg, &after, 1), 0);
	assert_int_equal(taps_beyond(e->ctx).pointers, 1);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(taps_beyond(e->ctx).pointers, 1);
	lm_unmap_sg(e->ctx, &sg, &before, 1);
	lm_unmap_sg(e->ctx, &sg, &after, 1);
	assert_int_equal(taps_beyond(e->ctx).pointers, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, tap_setup, tap_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_of_its_own_is_all_within_reach),
		TEST(memory_that_a_client_can_map_is_beyond),
		NODE_TEST(memory_of_the_host_is_beyond),
		TEST(writes_that_become_an_eventfd_are_beyond),
		TEST(pointers_are_beyond_but_for_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
