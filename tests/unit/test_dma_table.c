/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_table.c - the sorted map behind the DMA windows, against a plain array of
 * flags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dma/dma_table.h"

#define KEYS  4096u /* possible keys of the model: multiples of 16 */
#define STEP  16ull
#define MANY  100000u

static struct dma_table table;
static bool model[KEYS];
static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(random_state >> 33) % n;
}

static int setup(void **state)
{
	memset(model, 0, sizeof(model));
	random_state = 42;
	return 0;
}

static int teardown(void **state)
{
	dma_table_free(&table);
	return table.nr || table.count;
}

/* The size tells which key the slot came with. */
static void insert(uint64_t key)
{
	const struct dma_slot slot = { .size = ~key };

	assert_int_equal(dma_table_insert(&table, key, &slot), 0);
}

static bool has(uint64_t key)
{
	struct dma_pos p = { 0, 0 };

	return dma_table_find(&table, key, &p) && dma_table_key(&table, p) == key;
}

/* Every key that the model has, in order, with its slot, and found by every search. */
static void check_model(void)
{
	struct dma_pos p = { 0, 0 }, q = { 0, 0 };
	bool more = dma_table_seek(&table, 0, &p);
	uint64_t count = 0, below = 0;
	uint32_t i;

	for (i = 0; i < KEYS; i++) {
		assert_int_equal(dma_table_find(&table, i * STEP, &q), count || model[i]);
		if (count && !model[i])
			assert_int_equal(dma_table_key(&table, q), below);
		if (!model[i])
			continue;
		assert_true(more);
		assert_int_equal(dma_table_key(&table, p), i * STEP);
		assert_int_equal(dma_table_slot(&table, p)->size, ~(i * STEP));
		assert_true(dma_table_find(&table, i * STEP + STEP - 1, &q));
		assert_memory_equal(&p, &q, sizeof(p));
		more = dma_table_next(&table, &p);
		below = i * STEP;
		count++;
	}
	assert_false(more);
	assert_int_equal(table.count, count);
}

static void model_insert(uint32_t i)
{
	if (model[i])
		return;
	model[i] = true;
	insert(i * STEP);
}

static void model_remove(uint32_t from, uint32_t to)
{
	dma_table_remove(&table, from * STEP, to * STEP);
	memset(&model[from], 0, to - from + 1);
}

static void an_empty_table_has_nothing(void **state)
{
	struct dma_pos p = { 0, 0 };

	assert_false(dma_table_find(&table, UINT64_MAX, &p));
	assert_false(dma_table_seek(&table, 0, &p));
	dma_table_remove(&table, 0, UINT64_MAX);
	assert_int_equal(table.count, 0);
}

static void keys_inserted_upwards_are_found(void **state)
{
	uint32_t i;

	for (i = 0; i < KEYS; i++)
		model_insert(i);
	check_model();
}

static void keys_inserted_downwards_are_found(void **state)
{
	uint32_t i;

	for (i = KEYS; i--;)
		model_insert(i);
	check_model();
}

static void keys_inserted_from_many_places_are_found(void **state)
{
	uint32_t i;

	for (i = 0; i < KEYS; i++)
		model_insert((i * 64 + i / 64) % KEYS);
	check_model();
}

static void random_changes_leave_the_right_keys(void **state)
{
	uint32_t round, i;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < 1000; i++)
			model_insert(random_below(KEYS));
		for (i = 0; i < 500; i++) {
			const uint32_t at = random_below(KEYS);

			model_remove(at, at);
		}
		check_model();
	}
}

static void ranges_are_removed_whole(void **state)
{
	uint32_t round, i;

	for (round = 0; round < 40; round++) {
		const uint32_t from = random_below(KEYS), len = random_below(KEYS - from);

		for (i = 0; i < 2000; i++)
			model_insert(random_below(KEYS));
		model_remove(from, from + len);
		check_model();
	}
}

static void everything_can_be_removed_and_come_again(void **state)
{
	uint32_t i;

	for (i = 0; i < KEYS; i++)
		model_insert(i);
	model_remove(0, KEYS - 1);
	assert_int_equal(table.nr, 0);
	for (i = 0; i < KEYS; i++)
		model_insert(i);
	check_model();
}

static void seek_gives_the_first_key_from_there_on(void **state)
{
	struct dma_pos p = { 0, 0 };

	insert(100);
	insert(200);
	assert_true(dma_table_seek(&table, 0, &p));
	assert_int_equal(dma_table_key(&table, p), 100);
	assert_true(dma_table_seek(&table, 101, &p));
	assert_int_equal(dma_table_key(&table, p), 200);
	assert_true(dma_table_seek(&table, 200, &p));
	assert_int_equal(dma_table_key(&table, p), 200);
	assert_false(dma_table_seek(&table, 201, &p));
}

/* All ones marks places that are not in use, and is a key like any other. */
static void the_greatest_key_is_a_key(void **state)
{
	struct dma_pos p = { 0, 0 };

	insert(5);
	assert_true(dma_table_find(&table, UINT64_MAX, &p));
	assert_int_equal(dma_table_key(&table, p), 5);
	insert(UINT64_MAX);
	assert_true(has(UINT64_MAX));
	assert_true(has(5));
	dma_table_remove(&table, UINT64_MAX, UINT64_MAX);
	assert_false(has(UINT64_MAX));
	assert_true(has(5));
}

static void a_position_beyond_the_table_is_none(void **state)
{
	insert(1);
	assert_true(dma_table_has(&table, (struct dma_pos){ 0, 0 }));
	assert_false(dma_table_has(&table, (struct dma_pos){ 0, 1 }));
	assert_false(dma_table_has(&table, (struct dma_pos){ 1, 0 }));
}

static double bytes_per_key(void)
{
	return (double)table.nr * sizeof(struct dma_chunk) / (double)table.count;
}

static void keys_in_order_take_no_more_than_their_bytes(void **state)
{
	uint64_t i;

	for (i = 0; i < MANY; i++)
		insert(i);
	assert_true(bytes_per_key() < 41);
	dma_table_free(&table);
	for (i = MANY; i--;)
		insert(i);
	assert_true(bytes_per_key() < 44);
}

static void keys_in_any_order_take_at_most_64_bytes(void **state)
{
	uint64_t i;

	for (i = 0; i < MANY; i++)
		insert(i * 61803 % MANY);
	assert_true(bytes_per_key() < 64);
	dma_table_free(&table);
	/* Many places that all grow upwards: where a chunk that splits could stay half
	 * empty. */
	for (i = 0; i < MANY; i++)
		insert(i % 100 * MANY + i / 100);
	assert_true(bytes_per_key() < 64);
}

static void memory_goes_with_the_keys(void **state)
{
	uint64_t i;

	for (i = 0; i < MANY; i++)
		insert(i);
	for (i = 0; i < MANY; i++) {
		if (i % 256)
			dma_table_remove(&table, i, i);
	}
	assert_int_equal(table.count, (MANY + 255) / 256);
	assert_true(table.nr <= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		TEST(an_empty_table_has_nothing),
		TEST(keys_inserted_upwards_are_found),
		TEST(keys_inserted_downwards_are_found),
		TEST(keys_inserted_from_many_places_are_found),
		TEST(random_changes_leave_the_right_keys),
		TEST(ranges_are_removed_whole),
		TEST(everything_can_be_removed_and_come_again),
		TEST(seek_gives_the_first_key_from_there_on),
		TEST(the_greatest_key_is_a_key),
		TEST(a_position_beyond_the_table_is_none),
		TEST(keys_in_order_take_no_more_than_their_bytes),
		TEST(keys_in_any_order_take_at_most_64_bytes),
		TEST(memory_goes_with_the_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
