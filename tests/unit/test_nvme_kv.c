/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_nvme_kv.c - the example of a command set, devices/examples/kv.c: Store, Retrieve, Delete,
 * Exist and List by a driver's eyes, beside the namespace with blocks of the fixture.
 */
#include "nvme_driver.h"

int kv_main(int argc, char **argv);
#define main kv_main
#include "../../devices/examples/kv.c"
#undef main

#define SECOND (DATA + 0x1000)

static struct kv kv;
static const lm_nvme_set_t *const sets[] = { &lm_nvme_nvm, &kv_set, NULL };

static int kv_teardown(void **state)
{
	const int ret = nvme_teardown(state);

	while (kv.nr)
		kv_remove(&kv, kv.nr - 1);
	free(kv.pair);
	return ret;
}

/* Namespace 2, enabled with CC.CSS 110b. */
static void kv_ready(struct engine *e, uint64_t size)
{
	const lm_nvme_ns_info_t ns = { .nsid = 2, .set = &kv_set, .pvt = &kv };

	disk.info.sets = sets;
	kv = (struct kv){ .size = size, .pair = calloc(PAIRS_MAX, sizeof(*kv.pair)) };
	nvme_connect(e);
	assert_int_equal(lm_nvme_ns_add(disk.nvme, &ns, NULL), 0);
	enable(e);
	reg_put(e, NVME_CC, 0);
	reg_put(e, NVME_CC, CC_ENABLE | NVME_CSS_ALL << 4);
	admin = (struct queue){ .entries = 32, .phase = 1, .sq = admin.sq, .cq = admin.cq };
	memset(at(admin.cq), 0, 512);
	io = create_queue(e, 1, 16);
}

static struct sqe sqe_kv(uint8_t opcode, const char *key, uint32_t size)
{
	struct sqe s = sqe_data(opcode, 2, DATA, SECOND);
	char bytes[KEY_MAX] = "";

	memcpy(bytes, key, strnlen(key, KEY_MAX));
	memcpy(&s.dw[2], bytes, 8);
	memcpy(&s.dw[14], bytes + 8, 8);
	s.dw[10] = size;
	s.dw[11] = (uint32_t)strlen(key);
	return s;
}

static uint16_t store(struct engine *e, const char *key, const char *value)
{
	const size_t size = strlen(value);

	memcpy(at(DATA), value, size);
	return command(e, &io, sqe_kv(STORE, key, (uint32_t)size));
}

static void assert_value(struct engine *e, const char *key, const char *value)
{
	memset(at(DATA), 0xee, 4096);
	assert_int_equal(command(e, &io, sqe_kv(RETRIEVE, key, 4096)), 0);
	assert_int_equal(last.result, strlen(value));
	assert_memory_equal(at(DATA), value, strlen(value));
	assert_int_equal(at(DATA)[strlen(value)], 0xee);
}

static void what_is_stored_is_retrieved(void **state)
{
	struct engine *e = *state;

	kv_ready(e, 1 << 20);
	assert_int_equal(store(e, "a", "one"), 0);
	assert_int_equal(store(e, "sixteen letters!", "two"), 0);
	assert_int_equal(store(e, "ab", ""), 0);
	assert_value(e, "a", "one");
	assert_value(e, "sixteen letters!", "two");
	assert_value(e, "ab", "");
	assert_int_equal(store(e, "a", "instead"), 0);
	assert_value(e, "a", "instead");
	assert_int_equal(kv.nr, 3);
	assert_int_equal(kv.used, 10);
	memset(at(DATA), 0xee, 16);
	assert_int_equal(command(e, &io, sqe_kv(RETRIEVE, "a", 3)), 0); /* of seven */
	assert_int_equal(last.result, 7);
	assert_memory_equal(at(DATA), "ins\xee", 4);
	assert_int_equal(command(e, &io, sqe_kv(RETRIEVE, "a", 0)), 0);
	assert_int_equal(last.result, 7);
}

/* Over two pages that are not neighbours, from memory that is copied. */
static void a_value_in_pieces(void **state)
{
	struct engine *e = *state;
	struct sqe s;
	unsigned int i;

	kv_ready(e, 1 << 20);
	s = sqe_kv(STORE, "long", 8001);
	s.dw[6] = (uint32_t)SLOW + 0x100000;
	s.dw[8] = (uint32_t)SLOW + 0x104000;
	for (i = 0; i < 4096; i++)
		slow[0x100000 + i] = slow[0x104000 + i] = (uint8_t)(i / 16);
	assert_int_equal(command(e, &io, s), 0);
	s = sqe_kv(RETRIEVE, "long", 8192);
	s.dw[8] = (uint32_t)DATA + 0x5000;
	assert_int_equal(command(e, &io, s), 0);
	assert_int_equal(last.result, 8001);
	assert_memory_equal(at(DATA), slow + 0x100000, 4096);
	assert_memory_equal(at(DATA + 0x5000), slow + 0x104000, 8001 - 4096);
}

static void store_options(void **state)
{
	struct engine *e = *state;
	struct sqe s;

	kv_ready(e, 1 << 20);
	s = sqe_kv(STORE, "key", 4);
	s.dw[11] |= MUST_EXIST;
	assert_int_equal(command(e, &io, s), LM_NVME_KEY_NOT_FOUND);
	s.dw[11] ^= MUST_EXIST | MUST_NOT_EXIST;
	assert_int_equal(command(e, &io, s), 0);
	assert_int_equal(command(e, &io, s), LM_NVME_KEY_EXISTS);
	s.dw[11] ^= MUST_EXIST | MUST_NOT_EXIST;
	assert_int_equal(command(e, &io, s), 0);
}

static void existing_and_deleting(void **state)
{
	struct engine *e = *state;

	kv_ready(e, 1 << 20);
	assert_int_equal(store(e, "a", "1"), 0);
	assert_int_equal(store(e, "b", "2"), 0);
	assert_int_equal(command(e, &io, sqe_kv(EXIST, "a", 0)), 0);
	assert_int_equal(command(e, &io, sqe_kv(EXIST, "c", 0)), LM_NVME_KEY_NOT_FOUND);
	assert_int_equal(command(e, &io, sqe_kv(DELETE, "a", 0)), 0);
	assert_int_equal(command(e, &io, sqe_kv(DELETE, "a", 0)), LM_NVME_KEY_NOT_FOUND);
	assert_int_equal(command(e, &io, sqe_kv(EXIST, "a", 0)), LM_NVME_KEY_NOT_FOUND);
	assert_int_equal(command(e, &io, sqe_kv(RETRIEVE, "a", 8)), LM_NVME_KEY_NOT_FOUND);
	assert_value(e, "b", "2");
}

/* By their order, however they came; as many as have room; from a key on. */
static void keys_are_listed(void **state)
{
	static const uint8_t all[] = { 3, 0, 0, 0, 1, 0, 'a', 0, 2, 0, 'a', 'b',
				       3, 0, 'b', 'b', 'b', 0, 0, 0, 0xee };
	struct engine *e = *state;

	kv_ready(e, 1 << 20);
	assert_int_equal(store(e, "bbb", "3"), 0);
	assert_int_equal(store(e, "a", "1"), 0);
	assert_int_equal(store(e, "ab", "2"), 0);
	memset(at(DATA), 0xee, 64);
	assert_int_equal(command(e, &io, sqe_kv(LIST, "", 64)), 0);
	assert_memory_equal(at(DATA), all, sizeof(all));
	assert_int_equal(command(e, &io, sqe_kv(LIST, "", 19)), 0);
	assert_int_equal(nvme_get32(at(DATA)), 2);
	assert_int_equal(command(e, &io, sqe_kv(LIST, "aa", 64)), 0);
	assert_int_equal(nvme_get32(at(DATA)), 2);
	assert_memory_equal(at(DATA) + 4, "\2\0ab", 4);
	assert_int_equal(command(e, &io, sqe_kv(LIST, "c", 64)), 0);
	assert_int_equal(nvme_get32(at(DATA)), 0);
}

static void what_is_refused(void **state)
{
	struct engine *e = *state;

	kv_ready(e, 10);
	assert_int_equal(store(e, "", "x"), LM_NVME_INVALID_KEY_SIZE);
	assert_int_equal(store(e, "seventeen letters", "x"), LM_NVME_INVALID_KEY_SIZE);
	assert_int_equal(command(e, &io, sqe_kv(RETRIEVE, "", 8)), LM_NVME_INVALID_KEY_SIZE);
	assert_int_equal(command(e, &io, sqe_kv(LIST, "seventeen letters", 8)),
			 LM_NVME_INVALID_KEY_SIZE);
	assert_int_equal(command(e, &io, sqe_kv(LIST, "", 3)), LM_NVME_INVALID_FIELD);
	assert_int_equal(command(e, &io, sqe_kv(STORE, "a", VALUE_MAX + 1)),
			 LM_NVME_INVALID_VALUE_SIZE);
	assert_int_equal(command(e, &io, sqe_kv(RETRIEVE, "a", VALUE_MAX + 1)),
			 LM_NVME_INVALID_FIELD);
	assert_int_equal(store(e, "a", "01234567890"), LM_NVME_CAPACITY_EXCEEDED);
	assert_int_equal(store(e, "a", "0123456789"), 0);
	assert_int_equal(store(e, "a", "9876543210"), 0);
	assert_int_equal(store(e, "b", "x"), LM_NVME_CAPACITY_EXCEEDED);
	assert_int_equal(command(e, &io, sqe_blocks(NVME_READ, 0, 1, DATA, 0)), 0);
}

static void it_is_identified(void **state)
{
	struct engine *e = *state;
	struct sqe s = sqe_data(NVME_IDENTIFY, 2, DATA, 0);

	kv_ready(e, 4711);
	assert_int_equal(store(e, "a", "12345"), 0);
	s.dw[10] = NVME_CNS_SET_NS;
	s.dw[11] = (uint32_t)CSI_KV << 24;
	assert_int_equal(command(e, &admin, s), 0);
	assert_int_equal(nvme_get64(at(DATA)), 4711);
	assert_int_equal(nvme_get64(at(DATA) + 16), 5);
	assert_int_equal(at(DATA)[25], 0);
	assert_int_equal(nvme_get32(at(DATA) + 72), KEY_MAX);
	assert_int_equal(nvme_get32(at(DATA) + 76), VALUE_MAX);
	assert_int_equal(identify(e, NVME_CNS_SETS | 0xffff0000, 0), 0);
	assert_int_equal(nvme_get64(at(DATA)), 1 << CSI_KV | 1);
}

#define KV_TEST(f) cmocka_unit_test_setup_teardown(f, nvme_setup, kv_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_TEST(what_is_stored_is_retrieved),
		KV_TEST(a_value_in_pieces),
		KV_TEST(store_options),
		KV_TEST(existing_and_deleting),
		KV_TEST(keys_are_listed),
		KV_TEST(what_is_refused),
		KV_TEST(it_is_identified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
