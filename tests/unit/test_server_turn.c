/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_server_turn.c - how much of what a client has sent is served in one turn of the loop, and
 * that the rest is served in the next ones.
 */
#include <linux/pci_regs.h>
#include <sys/eventfd.h>

#include "server/server_client.h"
#include "engine.h"

#define MEM       0x100000u
#define BIG_WRITE (1024u * 1024u)
#define NR_RESETS 3000u

/* A large buffer with a large posted write and many posted resets: the longest turn there is. */
static void send_many(struct engine *e)
{
	const size_t head = sizeof(struct vfio_user_header) +
			    sizeof(struct vfio_user_region_access);
	const struct vfio_user_region_access req = region_range(BAR_PLAIN, 0, BIG_WRITE);
	const size_t size = head + BIG_WRITE + NR_RESETS * sizeof(struct vfio_user_header);
	char *all = calloc(1, size), *at = all + head + BIG_WRITE;
	unsigned int i;

	wire_put(all, 1, VFIO_USER_REGION_WRITE, &req, sizeof(req));
	((struct vfio_user_header *)all)->msg_size = (uint32_t)(head + BIG_WRITE);
	wire_set_flags(all, VFIO_USER_F_NO_REPLY);
	for (i = 0; i < NR_RESETS; i++) {
		at += wire_put(at, 2, VFIO_USER_DEVICE_RESET, NULL, 0);
		wire_set_flags(at - sizeof(struct vfio_user_header), VFIO_USER_F_NO_REPLY);
	}
	engine_send_long(e, all, head + BIG_WRITE - 1);
	engine_poll(e);
	wire_send(e->fd, all + head + BIG_WRITE - 1, size - (head + BIG_WRITE - 1));
	free(all);
}

static void a_client_has_a_part_of_a_turn_only(void **state)
{
	struct engine *e = *state;
	unsigned int before;

	engine_connect(e);
	send_many(e);
	do {
		before = e->nr_resets;
		assert_true(lm_ctx_poll(e->ctx) > 0);
		assert_in_range(e->nr_resets - before, 1, TURN_MAX);
	} while (e->nr_resets < NR_RESETS);
	assert_int_equal(engine_poll(e), 0);
	engine_is_alive(e);
}

static void what_a_client_sent_before_it_left_is_served(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	send_many(e);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
	assert_int_equal(e->nr_resets, NR_RESETS);
}

/* ---- one message that makes much work -------------------------------------------- */

#define NR_WRITES 40000u

/* Writes of four bytes, each to the next address; to be freed. */
static char *multi_payload(uint32_t region, uint32_t nr, size_t *len)
{
	const uint64_t wr_cnt = nr;
	struct vfio_user_write_single w = { .region = region, .count = 4 };
	char *payload;
	uint32_t i;

	*len = sizeof(wr_cnt) + nr * sizeof(w);
	payload = malloc(*len);
	memcpy(payload, &wr_cnt, sizeof(wr_cnt));
	for (i = 0; i < nr; i++) {
		w.offset = 4 * (uint64_t)i;
		memcpy(w.data, &i, 4);
		memcpy(payload + sizeof(wr_cnt) + i * sizeof(w), &w, sizeof(w));
	}
	return payload;
}

static void send_multi(struct engine *e, uint32_t nr, uint32_t flags)
{
	size_t len;
	char *payload = multi_payload(BAR_RAW, nr, &len);
	char *msg = malloc(sizeof(struct vfio_user_header) + len);

	len = wire_put(msg, ++e->next_id, VFIO_USER_REGION_WRITE_MULTI, payload, len);
	wire_set_flags(msg, flags);
	engine_send_long(e, msg, len);
	free(msg);
	free(payload);
}

static void all_are_written(struct engine *e, uint32_t nr)
{
	uint32_t i;

	assert_int_equal(e->nr_accesses, nr);
	for (i = 0; i < nr; i++)
		assert_memory_equal(e->raw + 4 * (size_t)i, &i, 4);
}

static void serve_in_parts(struct engine *e, uint32_t nr)
{
	unsigned int before;

	while (e->nr_accesses < nr) {
		before = e->nr_accesses;
		assert_true(lm_ctx_poll(e->ctx) > 0);
		assert_in_range(e->nr_accesses - before, 1, TURN_MAX);
	}
}

static void a_long_posted_message_is_served_in_parts(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	send_multi(e, NR_WRITES, VFIO_USER_F_NO_REPLY);
	assert_in_range(e->nr_accesses, 0, NR_WRITES / 2);
	serve_in_parts(e, NR_WRITES);
	all_are_written(e, NR_WRITES);
	assert_int_equal(engine_poll(e), 0);
	engine_is_alive(e);
}

static void a_long_message_is_answered_when_all_of_it_is_done(void **state)
{
	struct engine *e = *state;
	struct wire m;
	uint64_t done;

	engine_connect(e);
	send_multi(e, NR_WRITES, 0);
	serve_in_parts(e, NR_WRITES);
	engine_reply(e, e->next_id, VFIO_USER_REGION_WRITE_MULTI, &m);
	assert_int_equal(m.len, sizeof(done));
	memcpy(&done, m.payload, sizeof(done));
	assert_int_equal(done, NR_WRITES);
	all_are_written(e, NR_WRITES);
}

static void what_is_behind_a_long_message_waits_for_all_of_it(void **state)
{
	struct engine *e = *state;
	const uint32_t last = NR_WRITES - 1;

	engine_connect(e);
	send_multi(e, NR_WRITES, VFIO_USER_F_NO_REPLY);
	assert_int_equal(engine_read32(e, BAR_RAW, 4 * (uint64_t)last), last);
}

static void a_long_message_of_a_client_that_has_left_is_served(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	send_multi(e, NR_WRITES, VFIO_USER_F_NO_REPLY);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
	all_are_written(e, NR_WRITES);
}

static void a_context_may_end_in_the_middle_of_a_long_message(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	send_multi(e, NR_WRITES, 0);
	engine_destroy(e);
	assert_in_range(e->nr_accesses, 0, NR_WRITES - 1);
}

/* The last write: it is served from where the rest of the message is held. */
static ssize_t last_write_defers(struct engine *e, char *buf, size_t count, loff_t offset,
				 bool is_write)
{
	memcpy(e->raw + offset, buf, count);
	if (offset != 4 * 4999)
		return (ssize_t)count;
	return access_deferred(e, buf, count, offset, is_write);
}

static void a_write_late_in_a_long_message_may_be_put_off(void **state)
{
	struct engine *e = *state;
	struct wire m;

	e->access = last_write_defers;
	engine_connect(e);
	send_multi(e, 5000, 0);
	engine_no_message(e);
	all_are_written(e, 5000);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, NULL), 0);
	engine_reply(e, e->next_id, VFIO_USER_REGION_WRITE_MULTI, &m);
	engine_is_alive(e);
}

static ssize_t first_write_defers(struct engine *e, char *buf, size_t count, loff_t offset,
				  bool is_write)
{
	memcpy(e->raw + offset, buf, count);
	return offset ? (ssize_t)count : access_deferred(e, buf, count, offset, is_write);
}

/* A device that answers is not called back from there. */
static void writes_behind_one_that_was_put_off_wait_for_a_turn(void **state)
{
	struct engine *e = *state;
	struct wire m;

	e->access = first_write_defers;
	engine_connect(e);
	send_multi(e, 10, 0);
	engine_no_message(e);
	assert_int_equal(e->nr_accesses, 1);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, NULL), 0);
	assert_int_equal(e->nr_accesses, 1);
	engine_reply(e, e->next_id, VFIO_USER_REGION_WRITE_MULTI, &m);
	all_are_written(e, 10);
}

/* Neither written nor read from the middle of a request: the rest of it would be lost, or be made
 * to another state. */
static void a_state_is_not_saved_in_the_middle_of_a_long_message(void **state)
{
	struct engine *e = *state;
	char *buf;
	size_t len;

	engine_connect(e);
	assert_int_equal(lm_ctx_save(e->ctx, NULL, &len), 0);
	buf = malloc(len);
	assert_int_equal(lm_ctx_save(e->ctx, buf, &len), 0);
	send_multi(e, NR_WRITES, VFIO_USER_F_NO_REPLY);
	while (!e->nr_accesses)
		assert_true(lm_ctx_poll(e->ctx) > 0);
	assert_in_range(e->nr_accesses, 1, NR_WRITES - 1);
	assert_int_equal(lm_ctx_save(e->ctx, buf, &len), -EBUSY);
	assert_int_equal(lm_ctx_load(e->ctx, buf, len), -EBUSY);
	serve_in_parts(e, NR_WRITES);
	assert_int_equal(lm_ctx_save(e->ctx, buf, &len), 0);
	assert_int_equal(lm_ctx_load(e->ctx, buf, len), 0);
	free(buf);
}

/* ---- messages that make more work than others ------------------------------------ */

static void resets_take_more_of_a_turn_than_writes(void **state)
{
	struct engine *e = *state;
	unsigned int before;

	engine_connect(e);
	send_many(e);
	do {
		before = e->nr_resets;
		assert_true(lm_ctx_poll(e->ctx) > 0);
		assert_in_range(e->nr_resets - before, 1, TURN_MAX / 10);
	} while (e->nr_resets < NR_RESETS);
}

static void post_trigger_all(struct engine *e, unsigned int nr)
{
	const struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = VFIO_PCI_MSIX_IRQ_INDEX, .count = 2048,
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
	};

	while (nr--)
		engine_posted(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set));
}

static void interrupts_of_many_vectors_take_turns(void **state)
{
	struct engine *e = *state;
	uint64_t before, last;

	e->info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_MSIX, .msix = { BAR_PLAIN, 0, 0x8000 } };
	e->info.pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX] = 2048;
	engine_connect(e);
	last = server_client(e->ctx)->requests + 100;
	post_trigger_all(e, 100);
	do {
		before = server_client(e->ctx)->requests;
		assert_true(lm_ctx_poll(e->ctx) > 0);
		assert_in_range(server_client(e->ctx)->requests - before, 1, 4);
	} while (server_client(e->ctx)->requests < last);
}

/* ---- a device that spins --------------------------------------------------------- */

static void set_flag(void *pvt)
{
	struct engine *e = pvt;

	*(bool *)e->pvt = true;
}

/* Something is there for it in each turn: it looks at timers all the same. */
static void timers_expire_while_a_client_keeps_the_device_busy(void **state)
{
	struct engine *e = *state;
	bool expired = false;
	unsigned int turns;
	lm_timer_t *timer;

	e->pvt = &expired;
	e->info.flags |= LM_DEV_BUSY_POLL;
	engine_start(e);
	engine_negotiate(e, OFFER_QEMU);
	timer = lm_timer_create(e->ctx, set_flag, e);
	assert_non_null(timer);
	assert_int_equal(lm_timer_arm(timer, 1, 0), 0);
	for (turns = 0; !expired && turns < 256; turns++) {
		engine_post_write(e, BAR_RAW, 0, "busy", 4);
		assert_true(lm_ctx_poll(e->ctx) > 0);
	}
	assert_true(expired);
}

/* Turns that are long count for more than one. */
static void timers_expire_the_sooner_the_busier_the_device_is(void **state)
{
	struct engine *e = *state;
	bool expired = false;
	unsigned int turns;
	lm_timer_t *timer;

	e->pvt = &expired;
	e->info.flags |= LM_DEV_BUSY_POLL;
	engine_start(e);
	engine_negotiate(e, OFFER_QEMU);
	timer = lm_timer_create(e->ctx, set_flag, e);
	assert_non_null(timer);
	assert_int_equal(lm_timer_arm(timer, 1, 0), 0);
	for (turns = 0; !expired && turns < 8; turns++) {
		send_multi(e, 500, VFIO_USER_F_NO_REPLY);
		assert_true(lm_ctx_poll(e->ctx) >= 0);
	}
	assert_true(expired);
}

/* ---- descriptors that wait ------------------------------------------------------- */

static char into[4];

static void copied(void *arg, int result)
{
}

static ssize_t read_by_dma(struct engine *e, char *buf, size_t count, loff_t offset,
			   bool is_write)
{
	dma_sg_t sg;

	assert_int_equal(lm_addr_to_sg(e->ctx, MEM, sizeof(into), &sg, 1), 1);
	assert_int_equal(lm_dma_read_async(e->ctx, &sg, into, copied, NULL), 0);
	return access_deferred(e, buf, count, offset, is_write);
}

static uint16_t send_set_irqs(struct engine *e)
{
	const struct vfio_irq_set set = {
		.argsz = sizeof(set), .count = 1,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
	};
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const uint16_t id = engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set),
					       &fd, 1);

	close(fd);
	return id;
}

#define NR_COPIES 3000u

static unsigned int nr_copied;

static void copy_counted(void *arg, int result)
{
	assert_int_equal(result, 0);
	nr_copied++;
}

/* To commands that the client has not even seen: their numbers can be guessed. */
static void answer_all(int fd)
{
	const struct vfio_user_dma_region_access rep = { .addr = MEM, .count = sizeof(into) };
	char payload[sizeof(rep) + sizeof(into)] = { 0 };
	const size_t size = sizeof(struct vfio_user_header) + sizeof(payload);
	char *all = malloc(NR_COPIES * size);
	unsigned int i;

	memcpy(payload, &rep, sizeof(rep));
	for (i = 0; i < NR_COPIES; i++) {
		wire_put(all + i * size, (uint16_t)i, VFIO_USER_DMA_READ, payload,
			 sizeof(payload));
		wire_set_flags(all + i * size, VFIO_USER_F_TYPE_REPLY);
	}
	wire_send(fd, all, NR_COPIES * size);
	free(all);
}

static void answers_take_turns(struct engine *e, int fd)
{
	unsigned int before, i;
	dma_sg_t sg;

	nr_copied = 0;
	assert_int_equal(lm_addr_to_sg(e->ctx, MEM, sizeof(into), &sg, 1), 1);
	for (i = 0; i < NR_COPIES; i++)
		assert_int_equal(lm_dma_read_async(e->ctx, &sg, into, copy_counted, NULL), 0);
	answer_all(fd);
	do {
		before = nr_copied;
		assert_true(lm_ctx_poll(e->ctx) > 0);
		assert_in_range(nr_copied - before, 0, TURN_MAX);
	} while (nr_copied < NR_COPIES);
}

/* A request is put off, so that they are looked for among what waits. */
static void answers_that_overtake_take_turns(void **state)
{
	struct engine *e = *state;

	e->access = access_deferred;
	engine_connect(e);
	engine_map(e, MEM, 4096, -1);
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	answers_take_turns(e, e->fd);
}

static void answers_over_the_twin_socket_take_turns(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_negotiate(e, OFFER_TWIN);
	engine_map(e, MEM, 4096, -1);
	answers_take_turns(e, e->twin);
}

/* As many as there is room for, and one that waits in the socket. */
static void requests_with_descriptors_wait_their_turn(void **state)
{
	struct engine *e = *state;
	uint16_t ids[STREAM_FD_SETS + 1], read_id;
	struct wire m;
	unsigned int i;

	engine_connect(e);
	engine_map(e, MEM, 4096, -1);
	e->access = read_by_dma;
	read_id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	assert_true(wire_recv(e, e->fd, &m));
	assert_int_equal(m.hdr.cmd, VFIO_USER_DMA_READ);
	for (i = 0; i < STREAM_FD_SETS; i++) {
		ids[i] = send_set_irqs(e);
		engine_poll(e);
	}
	ids[i] = send_set_irqs(e);
	assert_int_equal(lm_complete(e->ctx, e->token, 4, "done"), 0);
	assert_memory_equal(engine_read_reply(e, read_id, 4), "done", 4);
	for (i = 0; i <= STREAM_FD_SETS; i++)
		engine_reply(e, ids[i], VFIO_USER_DEVICE_SET_IRQS, &m);
	engine_is_alive(e);
}

/* ---- edges: all of it is there before the device looks --------------------------- */

/* A receive ends behind descriptors, whatever follows. */
static void requests_behind_descriptors_are_served(void **state)
{
	struct engine *e = *state;
	struct wire m;
	uint16_t irqs, read_id;

	engine_connect(e);
	irqs = send_set_irqs(e);
	read_id = engine_send_read(e, BAR_PLAIN, 0, 4);
	engine_reply(e, irqs, VFIO_USER_DEVICE_SET_IRQS, &m);
	assert_memory_equal(engine_read_reply(e, read_id, 4), "\0\0\0\0", 4);
}

static void the_end_is_seen_behind_the_last_request(void **state)
{
	struct engine *e = *state;
	struct wire m;
	uint16_t id;

	engine_connect(e);
	id = engine_send_read(e, BAR_PLAIN, 0, 4);
	assert_int_equal(shutdown(e->fd, SHUT_WR), 0);
	assert_int_equal(engine_poll(e), -ENOTCONN);
	assert_true(wire_recv(e, e->fd, &m));
	assert_int_equal(m.hdr.msg_id, id);
	assert_int_equal(e->nr_detached, 1);
}

/* More than a receive takes, but not more messages than a turn may serve. */
static void a_full_buffer_is_not_the_last_one(void **state)
{
	struct engine *e = *state;
	const char padding[1000] = { 0 };
	const size_t size = sizeof(struct vfio_user_header) + sizeof(padding);
	const unsigned int nr = 3 * STREAM_SMALL / size;
	char *all = calloc(nr, size);
	unsigned int i;

	engine_connect(e);
	for (i = 0; i < nr; i++) {
		wire_put(all + i * size, 2, VFIO_USER_DEVICE_RESET, padding, sizeof(padding));
		wire_set_flags(all + i * size, VFIO_USER_F_NO_REPLY);
	}
	wire_send(e->fd, all, nr * size);
	free(all);
	engine_poll(e);
	assert_int_equal(e->nr_resets, nr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(a_client_has_a_part_of_a_turn_only),
		ENGINE_TEST(what_a_client_sent_before_it_left_is_served),
		ENGINE_TEST(a_long_posted_message_is_served_in_parts),
		ENGINE_TEST(a_long_message_is_answered_when_all_of_it_is_done),
		ENGINE_TEST(what_is_behind_a_long_message_waits_for_all_of_it),
		ENGINE_TEST(a_long_message_of_a_client_that_has_left_is_served),
		ENGINE_TEST(a_context_may_end_in_the_middle_of_a_long_message),
		ENGINE_TEST(a_write_late_in_a_long_message_may_be_put_off),
		ENGINE_TEST(writes_behind_one_that_was_put_off_wait_for_a_turn),
		ENGINE_TEST(a_state_is_not_saved_in_the_middle_of_a_long_message),
		ENGINE_TEST(resets_take_more_of_a_turn_than_writes),
		ENGINE_TEST(interrupts_of_many_vectors_take_turns),
		ENGINE_TEST(timers_expire_while_a_client_keeps_the_device_busy),
		ENGINE_TEST(timers_expire_the_sooner_the_busier_the_device_is),
		ENGINE_TEST(answers_that_overtake_take_turns),
		ENGINE_TEST(answers_over_the_twin_socket_take_turns),
		ENGINE_TEST(requests_with_descriptors_wait_their_turn),
		ENGINE_TEST(requests_behind_descriptors_are_served),
		ENGINE_TEST(the_end_is_seen_behind_the_last_request),
		ENGINE_TEST(a_full_buffer_is_not_the_last_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
