/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_null.c - the null device: memory, and interrupts to be fired by hand.
 */
#include "fixture.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#define VECTORS 4

static struct fixture f;

static int setup(void **state)
{
	fixture_start(&f, "null", NULL);
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(&f);
	return 0;
}

static void test_memory_reads_back(void **state)
{
	uint8_t out[4096], in[4096];
	size_t i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(lm_client_region_write(f.client, 0, 0, out, sizeof(out)), 0);
	assert_int_equal(lm_client_region_read(f.client, 0, 0, in, sizeof(in)), 0);
	assert_memory_equal(in, out, sizeof(in));
}

static void test_every_width_works_at_every_alignment(void **state)
{
	size_t width, offset;

	for (width = 1; width <= 8; width *= 2) {
		for (offset = 0; offset < 8; offset++) {
			fixture_write(&f, 0, offset, 0x8877665544332211 >> width, width);
			assert_int_equal(fixture_read(&f, 0, offset, 1),
					 0x8877665544332211 >> width & 0xff);
		}
	}
}

static void test_memory_is_trapped(void **state)
{
	lm_client_region_t region;

	assert_int_equal(lm_client_region_info(f.client, 0, &region), 0);
	assert_int_equal(region.info->size, 4096);
	assert_false(region.info->flags & VFIO_REGION_INFO_FLAG_MMAP);
	lm_client_region_free(&region);
}

static void test_bar0_is_32_bit_memory(void **state)
{
	const uint32_t cfg = LM_CFG_REG_IDX;

	fixture_write(&f, cfg, PCI_BASE_ADDRESS_0, 0xffffffff, 4);
	assert_int_equal(fixture_read(&f, cfg, PCI_BASE_ADDRESS_0, 4), 0xfffff000);
}

static void test_nothing_is_beyond_the_end(void **state)
{
	uint32_t value = 0;

	assert_int_equal(lm_client_region_write(f.client, 0, 4093, &value, 4), 0);
	assert_int_equal(lm_client_region_read(f.client, 0, 4093, &value, 4), 0);
	assert_int_equal(value, UINT32_MAX);
	assert_int_not_equal(lm_client_region_read(f.client, 1, 0, &value, 4), 0);
}

static uint8_t find_msix(void)
{
	uint8_t pos = (uint8_t)fixture_read(&f, LM_CFG_REG_IDX, PCI_CAPABILITY_LIST, 1);

	while (fixture_read(&f, LM_CFG_REG_IDX, pos, 1) != PCI_CAP_ID_MSIX) {
		pos = (uint8_t)fixture_read(&f, LM_CFG_REG_IDX, pos + 1u, 1);
		assert_int_not_equal(pos, 0);
	}
	return pos;
}

static void set_vector_control(unsigned int vector, uint32_t value)
{
	uint64_t entry = vector * PCI_MSIX_ENTRY_SIZE;

	fixture_write(&f, LM_BAR2_REG_IDX, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, value, 4);
}

static void enable_msix(int fds[VECTORS])
{
	lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.count = VECTORS,
		.fds = fds,
	};
	unsigned int i;

	for (i = 0; i < VECTORS; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		set_vector_control(i, 0);
	}
	assert_int_equal(lm_client_set_irqs(f.client, &set), 0);
	fixture_write(&f, LM_CFG_REG_IDX, find_msix() + PCI_MSIX_FLAGS,
		      PCI_MSIX_FLAGS_ENABLE, 2);
}

static int trigger(uint32_t vector)
{
	int ret;

	pthread_mutex_lock(&f.lock);
	ret = lm_irq_trigger(f.ctx, vector);
	pthread_mutex_unlock(&f.lock);
	return ret;
}

static void test_each_msix_vector_has_its_own_eventfd(void **state)
{
	int fds[VECTORS];
	uint32_t i, k;

	enable_msix(fds);
	for (i = 0; i < VECTORS; i++) {
		assert_int_equal(trigger(i), LM_IRQ_DELIVERED);
		for (k = 0; k < VECTORS; k++)
			assert_int_equal(fixture_taken(fds[k]), i == k);
	}
	for (i = 0; i < VECTORS; i++)
		close(fds[i]);
}

static void test_a_masked_vector_is_pending_until_unmasked(void **state)
{
	int fds[VECTORS];
	uint32_t i;

	enable_msix(fds);
	set_vector_control(2, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	assert_int_equal(trigger(2), LM_IRQ_PENDING);
	assert_int_equal(fixture_taken(fds[2]), 0);
	assert_int_equal(fixture_read(&f, LM_BAR2_REG_IDX, 2048, 1), 1 << 2);

	set_vector_control(2, 0);
	assert_int_equal(fixture_taken(fds[2]), 1);
	assert_int_equal(fixture_read(&f, LM_BAR2_REG_IDX, 2048, 1), 0);
	for (i = 0; i < VECTORS; i++)
		close(fds[i]);
}

static void test_intx_can_be_fired(void **state)
{
	fixture_arm_intx(&f);
	assert_int_equal(trigger(0), LM_IRQ_DELIVERED);
	assert_int_equal(fixture_taken(f.intx), 1);
}

static void test_memory_moves_with_the_state(void **state)
{
	struct fixture other;

	fixture_write(&f, 0, 0xffc, 0xdecade, 4);
	fixture_start(&other, "null", NULL);
	fixture_copy_state(&f, &other);
	assert_int_equal(fixture_read(&other, 0, 0xffc, 4), 0xdecade);
	fixture_stop(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_reads_back),
		TEST(every_width_works_at_every_alignment),
		TEST(memory_is_trapped),
		TEST(bar0_is_32_bit_memory),
		TEST(nothing_is_beyond_the_end),
		TEST(each_msix_vector_has_its_own_eventfd),
		TEST(a_masked_vector_is_pending_until_unmasked),
		TEST(intx_can_be_fired),
		TEST(memory_moves_with_the_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
