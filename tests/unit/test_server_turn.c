/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_server_turn.c - how much of what a client has sent is served in one turn of the loop, and
 * that the rest is served in the next ones.
 */
#include <sys/eventfd.h>

#include "engine.h"
#include "server.h"

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
		ENGINE_TEST(requests_with_descriptors_wait_their_turn),
		ENGINE_TEST(requests_behind_descriptors_are_served),
		ENGINE_TEST(the_end_is_seen_behind_the_last_request),
		ENGINE_TEST(a_full_buffer_is_not_the_last_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
