/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_call.c - callbacks that are crossings of their own.
 */
#include "gate/call.h"
#include "gate_tap.h"

/* ---- other calls of the device ---------------------------------------------------- */

static char property[16] = "slow";

static int prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s", property);
	return 0;
}

static int prop_set(void *pvt, const char *name, const char *value)
{
	snprintf(property, sizeof(property), "%s", value);
	return 0;
}

static ssize_t save(void *pvt, void *buf, size_t size)
{
	if (buf)
		memcpy(buf, property, 4);
	return 4;
}

static int load(void *pvt, const void *buf, size_t size)
{
	memcpy(property, buf, 4);
	return 0;
}

static unsigned int nr_written;

static void written(void *pvt, uint32_t region, uint64_t offset, uint64_t len)
{
	nr_written++;
}

static unsigned long map(void *pvt, unsigned long pgoff, unsigned long len)
{
	return 1;
}

static void properties_and_state_are_seen_and_changed(void **state)
{
	struct engine *e = *state;
	char value[16];

	e->info.prop_get = prop_get;
	e->info.prop_set = prop_set;
	e->info.save = save;
	e->info.load = load;
	begin(state, ALL);
	assert_int_equal(call_set(e->ctx, "speed", "fast"), 0);
	assert_string_equal(property, "fast");
	tap.after_bytes = "what";
	assert_int_equal(call_get(e->ctx, "speed", value, sizeof(value)), 0);
	assert_string_equal(value, "what");
	tap.before_bytes = "past";
	tap.after_bytes = NULL;
	assert_int_equal(call_load(e->ctx, "next", 4), 0);
	assert_string_equal(property, "past");
	tap.before_bytes = NULL;
	tap.answer = TAP_ANSWERED;
	tap.result = -EIO;
	assert_int_equal(call_save(e->ctx, value, 4), -EIO);
	assert_int_equal(tap.before[0].kind, CALL_SET);
	assert_int_equal(tap.before[1].kind, CALL_GET);
	assert_int_equal(tap.before[2].kind, CALL_LOAD);
	assert_memory_equal(tap.before[2].bytes, "next", 4);
	assert_int_equal(tap.before[3].kind, CALL_SAVE);
}

static void notices_of_writes_are_dropped(void **state)
{
	struct engine *e = *state;

	e->info.written = written;
	begin(state, KIND(CALL_WRITTEN));
	call_written(e->ctx, BAR_PLAIN, 0, PAGE);
	assert_int_equal(nr_written, 1);
	tap.answer = TAP_ANSWERED;
	call_written(e->ctx, BAR_PLAIN, 0, PAGE);
	assert_int_equal(nr_written, 1);
}

static void mapping_is_refused(void **state)
{
	struct engine *e = begin(state, KIND(CALL_MAP));

	assert_true(call_map(e->ctx, map, BAR_PLAIN, 0, PAGE));
	tap.after_result = -1;
	assert_false(call_map(e->ctx, map, BAR_PLAIN, 0, PAGE));
	assert_int_equal(tap.before[1].kind, CALL_MAP);
	assert_int_equal(tap.after[1].result, 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, tap_setup, tap_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(properties_and_state_are_seen_and_changed),
		TEST(notices_of_writes_are_dropped),
		TEST(mapping_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
