/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_threads.c - LM_DEV_THREADS: what runs at the same time, what keeps its order, what callbacks
 * may call, and how it ends. The module is fake_node.h; its queue and replies take any thread.
 */
#include "fake_node.h"

#define THREADS_MAX 4u
#define WAIT_MS     10000
#define IOVA        0x100000ull

static pthread_t threads[THREADS_MAX];
static unsigned int nr_threads;
static int results[THREADS_MAX];

static struct {
	pthread_barrier_t  met;
	atomic_uint        running, most;
	atomic_bool        go;       /* a callback that waits may end */
	unsigned int       unmapped; /* seen by the last callback */
	lm_token_t         token;
	dma_sg_t           sg;
} seen;

/* ---- the threads of the program -------------------------------------------------- */

static void *serve(void *arg)
{
	struct engine *e = ((void **)arg)[0];
	int *result = ((void **)arg)[1];

	free(arg);
	*result = lm_ctx_drive(e->ctx);
	return NULL;
}

static void threads_start(struct engine *e, unsigned int nr)
{
	for (nr_threads = 0; nr_threads < nr; nr_threads++) {
		void **arg = malloc(2 * sizeof(void *));

		arg[0] = e;
		arg[1] = &results[nr_threads];
		results[nr_threads] = -1;
		assert_int_equal(pthread_create(&threads[nr_threads], NULL, serve, arg), 0);
	}
}

static void threads_join(void)
{
	while (nr_threads)
		assert_int_equal(pthread_join(threads[--nr_threads], NULL), 0);
}

static void threads_end(struct engine *e)
{
	const unsigned int nr = nr_threads;
	unsigned int i;

	lm_ctx_stop(e->ctx);
	threads_join();
	for (i = 0; i < nr; i++)
		assert_int_equal(results[i], 0);
}

static ssize_t raw_access(void *pvt, char *buf, size_t count, loff_t offset, bool is_write);

static void describe(struct engine *e)
{
	memset(&seen, 0, sizeof(seen));
	e->info.flags |= LM_DEV_THREADS;
	e->info.pci_info.reg_info[BAR_RAW].fn = raw_access;
}

static void begin(struct engine *e, unsigned int nr)
{
	describe(e);
	node_begin(e);
	threads_start(e, nr);
}

/* ---- requests -------------------------------------------------------------------- */

static bool waited(bool (*is)(void))
{
	int ms;

	for (ms = 0; ms < WAIT_MS && !is(); ms++)
		usleep(1000);
	return is();
}

static uint16_t ask(uint32_t region, uint64_t offset, uint32_t count)
{
	const struct vfio_user_region_access req = region_range(region, offset, count);

	return node_queue(VFIO_USER_REGION_READ, &req, sizeof(req), 0);
}

static uint32_t answer(uint16_t id)
{
	const char *reply;
	uint32_t value;
	size_t len;

	assert_true(waited(node_has_reply));
	reply = node_reply(id, 0, &len);
	assert_int_equal(len, sizeof(struct vfio_user_region_access) + sizeof(value));
	memcpy(&value, reply + sizeof(struct vfio_user_region_access), sizeof(value));
	return value;
}

/* Of whatever was asked. */
static uint32_t any_answer(void)
{
	struct vfio_user_header hdr;

	assert_true(waited(node_has_reply));
	memcpy(&hdr, node.replies + node.replies_head, sizeof(hdr));
	return answer(hdr.msg_id);
}

static bool one_runs(void)
{
	return atomic_load(&seen.running) == 1;
}

/* ---- what the device does -------------------------------------------------------- */

static void count_begin(void)
{
	const unsigned int now = atomic_fetch_add(&seen.running, 1) + 1;

	if (now > atomic_load(&seen.most))
		atomic_store(&seen.most, now);
}

static ssize_t count_end(char *buf, size_t count, loff_t offset)
{
	const uint32_t value = (uint32_t)offset + 1;

	memcpy(buf, &value, count < sizeof(value) ? count : sizeof(value));
	atomic_fetch_sub(&seen.running, 1);
	return (ssize_t)count;
}

/* Two of these end only together. */
static ssize_t access_meet(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	count_begin();
	pthread_barrier_wait(&seen.met);
	return count_end(buf, count, offset);
}

/* The first of these end only together. */
static ssize_t access_shared(struct engine *e, char *buf, size_t count, loff_t offset,
			     bool is_write)
{
	int ms;

	count_begin();
	for (ms = 0; ms < WAIT_MS && atomic_load(&seen.most) < 2; ms++)
		usleep(1000);
	return count_end(buf, count, offset);
}

/* At offset 0 until it is told to go on, elsewhere at once. */
static ssize_t access_wait(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	int ms;

	count_begin();
	for (ms = 0; !offset && ms < WAIT_MS && !atomic_load(&seen.go); ms++)
		usleep(1000);
	return count_end(buf, count, offset);
}

static ssize_t access_slow(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	count_begin();
	usleep(2000);
	return count_end(buf, count, offset);
}

static ssize_t access_defers(struct engine *e, char *buf, size_t count, loff_t offset,
			     bool is_write)
{
	seen.token = lm_defer(e->ctx) + 1;
	return count_end(buf, count, offset);
}

static ssize_t access_fails(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	return -EBUSY;
}

/* All that a callback may call. */
static ssize_t access_calls(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	struct iovec iov;
	uint32_t word = 0;

	if (lm_addr_to_sg(e->ctx, IOVA, 4, &seen.sg, 1) != 1 ||
	    lm_map_sg(e->ctx, PROT_READ | PROT_WRITE, &seen.sg, &iov, 1))
		return -EFAULT;
	lm_unmap_sg(e->ctx, &seen.sg, &iov, 1);
	if (lm_dma_write(e->ctx, &seen.sg, "abc") || lm_dma_read(e->ctx, &seen.sg, &word) ||
	    memcmp(&word, "abc", 4))
		return -EIO;
	if (lm_config_read(e->ctx, 0, &word, 4) || word != 0x56781234 ||
	    lm_event(e->ctx, "called", 1))
		return -EPROTO;
	return count_end(buf, count, offset);
}

static ssize_t access_unmapped(struct engine *e, char *buf, size_t count, loff_t offset,
			       bool is_write)
{
	if (offset)
		seen.unmapped = lm_addr_to_sg(e->ctx, IOVA, 4, &seen.sg, 1) < 0;
	return access_wait(e, buf, count, offset, is_write);
}

/* As engine_access(), which counts for one thread. */
static ssize_t raw_access(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	struct engine *e = pvt;

	if (e->access)
		return e->access(e, buf, count, offset, is_write);
	memcpy(is_write ? e->raw + offset : buf, is_write ? buf : e->raw + offset, count);
	return (ssize_t)count;
}

/* ---- at the same time ------------------------------------------------------------ */

static void accesses_meet(void **state)
{
	struct engine *e = *state;

	e->access = access_meet;
	begin(e, 2);
	pthread_barrier_init(&seen.met, NULL, 2);
	ask(BAR_RAW, 0, 4);
	ask(BAR_RAW, 4, 4);
	assert_int_equal(any_answer() + any_answer(), 1 + 5);
	threads_end(e);
	assert_int_equal(seen.most, 2);
	pthread_barrier_destroy(&seen.met);
}

static void others_are_served_while_one_waits(void **state)
{
	struct engine *e = *state;
	uint16_t waits;
	uint32_t i;

	e->access = access_wait;
	begin(e, 2);
	waits = ask(BAR_RAW, 0, 4);
	assert_true(waited(one_runs));
	for (i = 1; i < 50; i++)
		assert_int_equal(answer(ask(BAR_RAW, 4 * i, 4)), 4 * i + 1);
	assert_int_equal(answer(ask(BAR_PLAIN, 0, 4)), 0);
	atomic_store(&seen.go, true);
	assert_int_equal(answer(waits), 1);
	threads_end(e);
}

static void one_thread_will_do(void **state)
{
	struct engine *e = *state;
	unsigned int before;
	uint32_t i;

	e->access = access_slow;
	begin(e, 1);
	assert_int_equal(answer(ask(BAR_RAW, 4, 4)), 5);
	before = node.nr_writes;
	for (i = 1; i < 50; i++)
		assert_int_equal(answer(ask(BAR_RAW, 4 * i, 4)), 4 * i + 1);
	assert_int_equal(node.nr_writes, before); /* replies go with the next exchange */
	threads_end(e);
	assert_int_equal(seen.most, 1);
}

static void many_in_one_receive_are_shared_out(void **state)
{
	struct engine *e = *state;
	bool answered[64] = { false };
	uint32_t i;

	e->access = access_shared;
	describe(e);
	node_begin(e);
	for (i = 0; i < 64; i++)
		ask(BAR_RAW, 4 * i, 4);
	threads_start(e, 4);
	for (i = 0; i < 64; i++) {
		const uint32_t value = any_answer();

		assert_in_range(value, 1, 64 * 4);
		assert_false(answered[value / 4]);
		answered[value / 4] = true;
	}
	threads_end(e);
	assert_true(seen.most > 1);
	assert_false(node_has_reply());
}

/* ---- registers that the library keeps ---------------------------------------------- */

#define BAR_KEPT LM_BAR1_REG_IDX

static void write_meets(void *pvt, const lm_register_io_t *io)
{
	pthread_barrier_wait(&seen.met);
}

static const lm_register_t kept_regs[] = { { .name = "KEPT", .width = 4, .reset = 0x44000011 } };
static const lm_register_map_t kept_map = { LM_REGISTERS(kept_regs), .write = write_meets };

static uint16_t ask_write(uint64_t offset, uint8_t byte)
{
	const struct vfio_user_region_access req = region_range(BAR_KEPT, offset, 1);
	char payload[sizeof(req) + 1];

	memcpy(payload, &req, sizeof(req));
	payload[sizeof(req)] = (char)byte;
	return node_queue(VFIO_USER_REGION_WRITE, payload, sizeof(payload), 0);
}

static void any_write_is_answered(void)
{
	struct vfio_user_header hdr;
	size_t len;

	assert_true(waited(node_has_reply));
	memcpy(&hdr, node.replies + node.replies_head, sizeof(hdr));
	node_reply(hdr.msg_id, 0, &len);
}

/* Each is stored after its callback, and both callbacks saw the register as it was before. */
static void parts_that_are_written_at_the_same_time_are_all_stored(void **state)
{
	struct engine *e = *state;

	e->info.pci_info.reg_info[BAR_KEPT] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 16, .regs = &kept_map };
	describe(e);
	pthread_barrier_init(&seen.met, NULL, 2);
	node_begin(e);
	threads_start(e, 2);
	ask_write(1, 0x22);
	ask_write(2, 0x33);
	any_write_is_answered();
	any_write_is_answered();
	assert_int_equal(answer(ask(BAR_KEPT, 0, 4)), 0x44332211);
	threads_end(e);
	pthread_barrier_destroy(&seen.met);
}

/* ---- order ----------------------------------------------------------------------- */

static void what_came_before_an_access_is_done_before_it(void **state)
{
	const struct vfio_user_dma_unmap unmap = {
		.argsz = sizeof(unmap), .addr = IOVA, .size = 0x10000 };
	struct engine *e = *state;
	uint16_t waits;

	node.range[0] = (struct node_range){ .iova = IOVA, .size = 0x10000 };
	e->access = access_unmapped;
	begin(e, 2);
	assert_int_equal(answer(ask(BAR_RAW, 4, 4)), 5);
	assert_int_equal(seen.unmapped, 0);
	waits = ask(BAR_RAW, 0, 4);
	assert_true(waited(one_runs));
	node.range[0].size = 0;
	node_posted(VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap));
	assert_int_equal(answer(ask(BAR_RAW, 8, 4)), 9);
	assert_int_equal(seen.unmapped, 1);
	atomic_store(&seen.go, true);
	assert_int_equal(answer(waits), 1);
	threads_end(e);
}

static void a_socket_is_an_order(void **state)
{
	struct engine *e = *state;
	struct wire m;
	uint32_t i;

	e->access = access_slow;
	e->info.flags = LM_DEV_NO_CONTROL;
	describe(e);
	e->info.uuid = NULL;
	engine_connect(e);
	threads_start(e, 3);
	for (i = 1; i < 20; i++)
		engine_send_read(e, BAR_RAW, 4 * i, 4);
	for (i = 1; i < 20; i++) {
		uint32_t value;
		struct pollfd p = { .fd = e->fd, .events = POLLIN };

		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		assert_true(wire_recv(e, e->fd, &m));
		memcpy(&value, m.payload + sizeof(struct vfio_user_region_access), sizeof(value));
		assert_int_equal(value, 4 * i + 1);
	}
	threads_end(e);
	assert_int_equal(seen.most, 1);
}

/* ---- callbacks ------------------------------------------------------------------- */

static void callbacks_may_call(void **state)
{
	struct engine *e = *state;

	node.range[0] = (struct node_range){ .iova = IOVA, .size = 0x10000 };
	e->access = access_calls;
	begin(e, 3);
	assert_int_equal(answer(ask(BAR_RAW, 4, 4)), 5);
	assert_int_equal(answer(ask(BAR_RAW, 8, 4)), 9);
	threads_end(e);
}

static void nothing_is_put_off(void **state)
{
	struct engine *e = *state;

	e->access = access_defers;
	begin(e, 2);
	assert_int_equal(answer(ask(BAR_RAW, 4, 4)), 5);
	threads_end(e);
	assert_int_equal(seen.token, 1);
}

static void errors_are_answered_as_on_a_bus(void **state)
{
	struct engine *e = *state;
	uint16_t id;
	size_t len;

	e->access = access_fails;
	begin(e, 2);
	assert_int_equal(answer(ask(BAR_RAW, 4, 4)), UINT32_MAX);
	assert_int_equal(answer(ask(BAR_RAW, RAW_SIZE, 4)), UINT32_MAX);
	id = ask(BAR_ABSENT, 0, 4);
	assert_true(waited(node_has_reply));
	node_reply(id, EINVAL, &len);
	assert_int_equal(len, 0);
	threads_end(e);
	assert_int_equal(e->ctx->refused, 2);
}

static void long_accesses_are_taken_along(void **state)
{
	const uint32_t count = STREAM_MAX_DATA;
	struct engine *e = *state;
	char *bytes = malloc(count), *payload;
	const char *reply;
	uint16_t id;
	size_t len;

	memset(bytes, 0x5a, count);
	begin(e, 2);
	payload = write_payload(BAR_RAW, 0, bytes, count, &len);
	id = node_queue(VFIO_USER_REGION_WRITE, payload, len, 0);
	free(payload);
	assert_true(waited(node_has_reply));
	node_reply(id, 0, &len);
	assert_int_equal(len, sizeof(struct vfio_user_region_access));
	id = ask(BAR_RAW, 0, count);
	assert_true(waited(node_has_reply));
	reply = node_reply(id, 0, &len);
	assert_int_equal(len, sizeof(struct vfio_user_region_access) + count);
	assert_memory_equal(reply + sizeof(struct vfio_user_region_access), bytes, count);
	threads_end(e);
	free(bytes);
}

/* ---- the end --------------------------------------------------------------------- */

static void a_stop_ends_all(void **state)
{
	struct engine *e = *state;

	begin(e, 4);
	assert_int_equal(answer(ask(BAR_PLAIN, 0, 4)), 0);
	threads_end(e);
	assert_int_equal(lm_ctx_poll(e->ctx), -ESHUTDOWN);
}

static void a_stop_waits_for_callbacks(void **state)
{
	struct engine *e = *state;
	uint16_t waits;

	e->access = access_wait;
	begin(e, 2);
	waits = ask(BAR_RAW, 0, 4);
	assert_true(waited(one_runs));
	lm_ctx_stop(e->ctx);
	atomic_store(&seen.go, true);
	threads_join();
	assert_int_equal(answer(waits), 1);
}

static void a_removal_ends_all(void **state)
{
	struct engine *e = *state;
	unsigned int i;

	begin(e, 3);
	assert_int_equal(answer(ask(BAR_PLAIN, 0, 4)), 0);
	node_remove();
	threads_join();
	for (i = 0; i < 3; i++)
		assert_int_equal(results[i], -ENODEV);
	assert_int_equal(e->nr_detached, 1);
}

static void a_loop_of_ones_own_serves_too(void **state)
{
	struct engine *e = *state;

	describe(e);
	node_begin(e);
	node_write32(e, BAR_RAW, 4, 0x11223344);
	assert_int_equal(node_read32(e, BAR_RAW, 4), 0x11223344);
	assert_int_equal(node_read32(e, BAR_PLAIN, 4), 0);
}

static void polling_is_for_one(void **state)
{
	struct engine *e = *state;

	e->info.uuid = NULL;
	e->info.flags = LM_DEV_NO_CONTROL | LM_DEV_THREADS | LM_DEV_BUSY_POLL;
	engine_refuses(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(accesses_meet),
		NODE_TEST(others_are_served_while_one_waits),
		NODE_TEST(one_thread_will_do),
		NODE_TEST(many_in_one_receive_are_shared_out),
		NODE_TEST(parts_that_are_written_at_the_same_time_are_all_stored),
		NODE_TEST(what_came_before_an_access_is_done_before_it),
		NODE_TEST(a_socket_is_an_order),
		NODE_TEST(callbacks_may_call),
		NODE_TEST(nothing_is_put_off),
		NODE_TEST(errors_are_answered_as_on_a_bus),
		NODE_TEST(long_accesses_are_taken_along),
		NODE_TEST(a_stop_ends_all),
		NODE_TEST(a_stop_waits_for_callbacks),
		NODE_TEST(a_removal_ends_all),
		NODE_TEST(a_loop_of_ones_own_serves_too),
		NODE_TEST(polling_is_for_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
