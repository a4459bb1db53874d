/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_upcall.c - DMA by message: asynchronous and waiting, over the main socket and a twin,
 * served by clients that answer late, wrongly, or not at all.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "server/server_client.h"
#include "engine.h"

#define MEM      0x100000u
#define MEM_SIZE (64u * 1024 * 1024)

#define OFFER_SMALL "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":4096}}"

static _Atomic uint64_t ahead_ns; /* how far the clock of the library is */

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	const int ret = (int)syscall(SYS_clock_gettime, clock, ts);
	const uint64_t ns = (uint64_t)ts->tv_nsec + ahead_ns;

	ts->tv_sec += (time_t)(ns / 1000000000);
	ts->tv_nsec = (long)(ns % 1000000000);
	return ret;
}

/* A transfer of the device. */
struct op {
	struct engine *e;
	unsigned int   nr_done;
	int            result;
	char          *data;
	void         (*then)(struct op *op); /* what the device does when it is done */
};

static void op_done(void *arg, int result)
{
	struct op *op = arg;

	op->nr_done++;
	op->result = result;
	if (op->then)
		op->then(op);
}

static dma_sg_t sg_at(struct engine *e, uint64_t addr, uint32_t len)
{
	dma_sg_t sg;

	assert_int_equal(lm_addr_to_sg(e->ctx, addr, len, &sg, 1), 1);
	return sg;
}

static int op_read(struct op *op, uint64_t addr, uint32_t len)
{
	const dma_sg_t sg = sg_at(op->e, addr, len);

	return lm_dma_read_async(op->e->ctx, &sg, op->data, op_done, op);
}

static int op_write(struct op *op, uint64_t addr, uint32_t len)
{
	const dma_sg_t sg = sg_at(op->e, addr, len);

	return lm_dma_write_async(op->e->ctx, &sg, op->data, op_done, op);
}

static struct op op_new(struct engine *e, size_t size)
{
	return (struct op){ .e = e, .data = calloc(1, size) };
}

/* More patience than the library has by itself: machines that run tests may be busy. */
static void connect_with(struct engine *e, const char *offer)
{
	engine_start(e);
	engine_negotiate(e, offer);
	engine_map(e, MEM, MEM_SIZE, -1);
	server_client(e->ctx)->wait_ns = 60000000000;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- the client's side ----------------------------------------------------------- */

/* The next message is a command of the device: what it wants. */
static struct vfio_user_dma_region_access expect_dma(struct engine *e, int fd, uint16_t cmd,
						     struct wire *m)
{
	struct vfio_user_dma_region_access req;

	assert_true(wire_recv(e, fd, m));
	assert_int_equal(m->hdr.cmd, cmd);
	assert_int_equal(m->hdr.flags, VFIO_USER_F_TYPE_COMMAND);
	assert_true(m->len >= sizeof(req));
	memcpy(&req, m->payload, sizeof(req));
	return req;
}

/* The reply to @m: its address and @count, then @len bytes of 'r'. */
static size_t put_reply(char *msg, const struct wire *m, uint64_t count, size_t len)
{
	struct vfio_user_header hdr = m->hdr;
	struct vfio_user_dma_region_access rep;

	memcpy(&rep, m->payload, sizeof(rep));
	rep.count = count;
	hdr.flags = VFIO_USER_F_TYPE_REPLY;
	hdr.msg_size = (uint32_t)(sizeof(hdr) + sizeof(rep) + len);
	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), &rep, sizeof(rep));
	memset(msg + sizeof(hdr) + sizeof(rep), 'r', len);
	return hdr.msg_size;
}

static void serve_read(struct engine *e, int fd)
{
	static char msg[STREAM_BIG];
	struct vfio_user_dma_region_access req;
	struct wire m;

	req = expect_dma(e, fd, VFIO_USER_DMA_READ, &m);
	assert_int_equal(m.len, sizeof(req));
	if (fd == e->fd)
		engine_send_long(e, msg, put_reply(msg, &m, req.count, req.count));
	else
		wire_send(fd, msg, put_reply(msg, &m, req.count, req.count));
}

static void serve_write(struct engine *e, int fd)
{
	struct vfio_user_dma_region_access req;
	struct wire m;
	char msg[64];

	req = expect_dma(e, fd, VFIO_USER_DMA_WRITE, &m);
	assert_int_equal(m.len, sizeof(req) + req.count);
	wire_send(fd, msg, put_reply(msg, &m, req.count, 0));
}

static void send_error(int fd, const struct wire *m, uint32_t error)
{
	struct vfio_user_header hdr = m->hdr;

	hdr.msg_size = sizeof(hdr);
	hdr.flags = VFIO_USER_F_TYPE_REPLY | VFIO_USER_F_ERROR;
	hdr.error_no = error;
	wire_send(fd, &hdr, sizeof(hdr));
}

/* A client with a thread of its own for the commands of the device: serves @nr of them. */
struct server_thread {
	pthread_t thread;
	int       fd;
	int       nr;
	uint64_t  bytes;
	uint64_t  takes_ns; /* the clock goes on so far before each answer */
};

static bool thread_recv(int fd, void *buf, size_t len)
{
	return recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

static bool thread_serve(struct server_thread *t)
{
	static char msg[STREAM_BIG];
	struct vfio_user_dma_region_access req;
	struct wire m = { .payload = msg };
	size_t len;

	if (!thread_recv(t->fd, &m.hdr, sizeof(m.hdr)) ||
	    !thread_recv(t->fd, msg, m.hdr.msg_size - sizeof(m.hdr)))
		return false;
	memcpy(&req, msg, sizeof(req));
	ahead_ns += t->takes_ns;
	t->bytes += req.count;
	len = put_reply(msg + 64, &m, req.count, m.hdr.cmd == VFIO_USER_DMA_READ ? req.count : 0);
	return send(t->fd, msg + 64, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void *thread_run(void *arg)
{
	struct server_thread *t = arg;

	while (t->nr-- > 0 && thread_serve(t))
		;
	return NULL;
}

static void thread_start(struct server_thread *t, int fd, int nr)
{
	*t = (struct server_thread){ .fd = fd, .nr = nr };
	assert_int_equal(pthread_create(&t->thread, NULL, thread_run, t), 0);
}

static void thread_stop(struct server_thread *t)
{
	pthread_join(t->thread, NULL);
}

/* ---- asynchronous ---------------------------------------------------------------- */

static void a_read_brings_the_clients_bytes(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 100);

	connect_with(e, OFFER_QEMU);
	assert_int_equal(op_read(&op, MEM + 8, 100), 0);
	serve_read(e, e->fd);
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, 0);
	assert_int_equal(op.data[0], 'r');
	assert_int_equal(op.data[99], 'r');
	free(op.data);
}

static void a_request_says_address_and_count(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 100);
	struct vfio_user_dma_region_access req;
	struct wire m;

	connect_with(e, OFFER_QEMU);
	op_read(&op, MEM + 8, 100);
	req = expect_dma(e, e->fd, VFIO_USER_DMA_READ, &m);
	assert_int_equal(req.addr, MEM + 8);
	assert_int_equal(req.count, 100);
	engine_destroy(e);
	free(op.data);
}

static void a_write_takes_the_bytes_along(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 8);
	struct wire m;
	char msg[64];

	connect_with(e, OFFER_QEMU);
	memcpy(op.data, "to guest", 8);
	assert_int_equal(op_write(&op, MEM, 8), 0);
	expect_dma(e, e->fd, VFIO_USER_DMA_WRITE, &m);
	assert_int_equal(m.len, 16 + 8);
	assert_memory_equal(m.payload + 16, "to guest", 8);
	wire_send(e->fd, msg, put_reply(msg, &m, 8, 0));
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, 0);
	free(op.data);
}

/* The specification's reply to a write has a count of 4 bytes, implementations send 8. */
static void a_reply_to_a_write_may_have_a_short_count(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 8);
	struct vfio_user_header hdr;
	struct wire m;
	char msg[64];

	connect_with(e, OFFER_QEMU);
	op_write(&op, MEM, 8);
	expect_dma(e, e->fd, VFIO_USER_DMA_WRITE, &m);
	put_reply(msg, &m, 8, 0);
	memcpy(&hdr, msg, sizeof(hdr));
	hdr.msg_size = 16 + 12;
	memcpy(msg, &hdr, sizeof(hdr));
	wire_send(e->fd, msg, hdr.msg_size);
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, 0);
	free(op.data);
}

static void transfers_are_cut_to_what_the_client_takes(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 10000);
	struct vfio_user_dma_region_access req;
	struct wire m;
	uint64_t pos;

	connect_with(e, OFFER_SMALL);
	op_read(&op, MEM, 10000);
	for (pos = 0; pos < 10000; pos += req.count) {
		req = expect_dma(e, e->fd, VFIO_USER_DMA_READ, &m);
		assert_int_equal(req.addr, MEM + pos);
		assert_int_equal(req.count, 10000 - pos < 4096 ? 10000 - pos : 4096);
	}
	engine_no_message(e);
	engine_destroy(e);
	free(op.data);
}

static void parts_may_be_answered_in_any_order(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 3 * 4096);
	char msgs[3][4096 + 64];
	size_t len = 0;
	struct wire m;
	int i;

	connect_with(e, OFFER_SMALL);
	op_read(&op, MEM, 3 * 4096);
	for (i = 0; i < 3; i++) {
		expect_dma(e, e->fd, VFIO_USER_DMA_READ, &m);
		len = put_reply(msgs[i], &m, 4096, 4096);
		memset(msgs[i] + 32, 'a' + i, 4096);
	}
	for (i = 2; i >= 0; i--) {
		assert_int_equal(op.nr_done, 0);
		wire_send(e->fd, msgs[i], len);
		engine_poll(e);
	}
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.data[0], 'a');
	assert_int_equal(op.data[4096], 'b');
	assert_int_equal(op.data[3 * 4096 - 1], 'c');
	free(op.data);
}

static void no_more_than_some_are_under_way(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 100 * 4096);
	struct wire m;
	int nr = 0;

	connect_with(e, OFFER_SMALL);
	op_read(&op, MEM, 100 * 4096);
	while (wire_recv(e, e->fd, &m))
		nr++;
	assert_in_range(nr, 2, 16);
	engine_destroy(e);
	free(op.data);
}

/* Together or alone: a client may never go on where its answers have filled one. */
static void no_more_than_a_socket_holds_is_asked_for(void **state)
{
	struct engine *e = *state;
	struct op ops[8];
	struct wire m;
	int i, nr = 0;

	connect_with(e, OFFER_QEMU);
	for (i = 0; i < 8; i++) {
		ops[i] = op_new(e, 20u << 10);
		op_read(&ops[i], MEM, 20u << 10);
	}
	while (wire_recv(e, e->fd, &m))
		nr++;
	assert_int_equal(nr, 3);
	engine_destroy(e);
	for (i = 0; i < 8; i++)
		free(ops[i].data);
}

static void a_long_answer_is_asked_for_in_parts(void **state)
{
	struct vfio_user_dma_region_access req;
	struct engine *e = *state;
	struct op op = op_new(e, 100u << 10);
	struct wire m;

	connect_with(e, OFFER_QEMU);
	op_read(&op, MEM, 100u << 10);
	req = expect_dma(e, e->fd, VFIO_USER_DMA_READ, &m);
	assert_int_equal(req.count, 64u << 10);
	engine_no_message(e);
	engine_destroy(e);
	free(op.data);
}

static void several_transfers_are_under_way_together(void **state)
{
	struct engine *e = *state;
	struct op ops[3];
	int i;

	connect_with(e, OFFER_QEMU);
	for (i = 0; i < 3; i++) {
		ops[i] = op_new(e, 64);
		op_read(&ops[i], MEM + 64 * (uint64_t)i, 64);
	}
	for (i = 0; i < 3; i++)
		serve_read(e, e->fd);
	engine_poll(e);
	for (i = 0; i < 3; i++) {
		assert_int_equal(ops[i].nr_done, 1);
		free(ops[i].data);
	}
}

static void many_transfers_come_to_an_end(void **state)
{
	struct engine *e = *state;
	struct op ops[40];
	int i;

	connect_with(e, OFFER_QEMU);
	for (i = 0; i < 40; i++) {
		ops[i] = op_new(e, 64);
		assert_int_equal(op_write(&ops[i], MEM, 64), 0);
	}
	for (i = 0; i < 40; i++)
		serve_write(e, e->fd);
	engine_poll(e);
	for (i = 0; i < 40; i++) {
		assert_int_equal(ops[i].nr_done, 1);
		free(ops[i].data);
	}
}

static void done_is_not_called_before_the_call_returns(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 64);

	connect_with(e, OFFER_QEMU);
	engine_close(e); /* already gone, but not noticed yet */
	assert_int_equal(op_read(&op, MEM, 64), 0);
	assert_int_equal(op.nr_done, 0);
	assert_int_equal(e->nr_detached, 0);
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, -ECANCELED);
	free(op.data);
}

static void a_transfer_of_a_client_that_leaves_is_cancelled_once(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 20 * 4096);

	connect_with(e, OFFER_SMALL);
	op_read(&op, MEM, 20 * 4096);
	serve_read(e, e->fd);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, -ECANCELED);
	engine_destroy(e);
	assert_int_equal(op.nr_done, 1);
	free(op.data);
}

static void a_transfer_of_a_context_that_ends_is_cancelled_once(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 64);

	connect_with(e, OFFER_QEMU);
	op_read(&op, MEM, 64);
	engine_destroy(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, -ECANCELED);
	free(op.data);
}

static void a_client_that_does_not_read_holds_transfers_up(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4u << 20);
	int i;

	connect_with(e, OFFER_QEMU);
	op_write(&op, MEM, 4u << 20);
	engine_poll(e);
	for (i = 0; i < 4; i++)
		serve_write(e, e->fd);
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, 0);
	free(op.data);
}

/* Each is put behind all others, and taken out wherever it is. */
static void a_long_queue_takes_no_time(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4);
	const double start = seconds();
	const unsigned int nr = 150000;
	unsigned int i;

	connect_with(e, OFFER_QEMU);
	for (i = 0; i < nr; i++)
		assert_int_equal(op_read(&op, MEM, 4), 0);
	engine_destroy(e);
	assert_int_equal(op.nr_done, nr);
	assert_true(seconds() - start < 10);
	free(op.data);
}

/* ---- answers gone wrong ---------------------------------------------------------- */

/* What a read of 8 bytes comes to when it is answered by @answer. */
static int read_answered(struct engine *e, void (*answer)(struct engine *e, const struct wire *m))
{
	struct op op = op_new(e, 8);
	struct wire m;

	connect_with(e, OFFER_QEMU);
	op_read(&op, MEM, 8);
	expect_dma(e, e->fd, VFIO_USER_DMA_READ, &m);
	answer(e, &m);
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	engine_is_alive(e);
	free(op.data);
	return op.result;
}

static void answer_efault(struct engine *e, const struct wire *m)
{
	send_error(e->fd, m, EFAULT);
}

static void answer_error_without_number(struct engine *e, const struct wire *m)
{
	send_error(e->fd, m, 0);
}

static void answer_error_with_huge_number(struct engine *e, const struct wire *m)
{
	send_error(e->fd, m, UINT32_MAX);
}

static void answer_error_like_lm_defer(struct engine *e, const struct wire *m)
{
	send_error(e->fd, m, 4096);
}

static void answer_short(struct engine *e, const struct wire *m)
{
	char msg[64];

	wire_send(e->fd, msg, put_reply(msg, m, 8, 7));
}

static void answer_header_only(struct engine *e, const struct wire *m)
{
	struct vfio_user_header hdr = m->hdr;

	hdr.flags = VFIO_USER_F_TYPE_REPLY;
	hdr.msg_size = sizeof(hdr);
	wire_send(e->fd, &hdr, sizeof(hdr));
}

static void answer_other_count(struct engine *e, const struct wire *m)
{
	char msg[64];

	wire_send(e->fd, msg, put_reply(msg, m, 7, 8));
}

static void answer_other_address(struct engine *e, const struct wire *m)
{
	char msg[64];

	put_reply(msg, m, 8, 8);
	msg[16] ^= 1;
	wire_send(e->fd, msg, 16 + 16 + 8);
}

static void answer_other_command(struct engine *e, const struct wire *m)
{
	struct wire other = *m;
	char msg[64];

	other.hdr.cmd = VFIO_USER_DMA_WRITE;
	wire_send(e->fd, msg, put_reply(msg, &other, 8, 8));
}

static void answer_with_descriptors(struct engine *e, const struct wire *m)
{
	const int fd = eventfd(0, 0);
	char msg[64];

	wire_send_fds(e->fd, msg, put_reply(msg, m, 8, 8), &fd, 1);
	close(fd);
}

static void answer_other_id_first(struct engine *e, const struct wire *m)
{
	struct wire other = *m;
	char msg[64];

	other.hdr.msg_id ^= 0x5555;
	wire_send(e->fd, msg, put_reply(msg, &other, 8, 8));
	wire_send(e->fd, msg, put_reply(msg, m, 8, 8));
}

static void answer_twice(struct engine *e, const struct wire *m)
{
	char msg[64];
	const size_t len = put_reply(msg, m, 8, 8);

	wire_send(e->fd, msg, len);
	wire_send(e->fd, msg, len);
}

static void an_error_of_the_client_reaches_the_device(void **state)
{
	assert_int_equal(read_answered(*state, answer_efault), -EFAULT);
}

static void an_error_without_a_number_is_eio(void **state)
{
	assert_int_equal(read_answered(*state, answer_error_without_number), -EIO);
}

static void an_error_with_a_huge_number_is_eio(void **state)
{
	assert_int_equal(read_answered(*state, answer_error_with_huge_number), -EIO);
}

static void an_error_cannot_look_like_lm_defer(void **state)
{
	assert_int_equal(read_answered(*state, answer_error_like_lm_defer), -EIO);
}

static void a_short_answer_is_eproto(void **state)
{
	assert_int_equal(read_answered(*state, answer_short), -EPROTO);
}

static void an_answer_without_a_payload_is_eproto(void **state)
{
	assert_int_equal(read_answered(*state, answer_header_only), -EPROTO);
}

static void an_answer_with_another_count_is_eproto(void **state)
{
	assert_int_equal(read_answered(*state, answer_other_count), -EPROTO);
}

static void an_answer_with_another_address_is_eproto(void **state)
{
	assert_int_equal(read_answered(*state, answer_other_address), -EPROTO);
}

static void an_answer_to_another_command_is_eproto(void **state)
{
	assert_int_equal(read_answered(*state, answer_other_command), -EPROTO);
}

static void descriptors_with_an_answer_are_closed(void **state)
{
	assert_int_equal(read_answered(*state, answer_with_descriptors), 0);
}

static void an_answer_with_another_id_is_dropped(void **state)
{
	assert_int_equal(read_answered(*state, answer_other_id_first), 0);
}

static void a_second_answer_is_dropped(void **state)
{
	assert_int_equal(read_answered(*state, answer_twice), 0);
}

static void after_an_error_the_rest_is_not_asked_for(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 100 * 4096);
	struct wire m;
	int nr = 0;

	connect_with(e, OFFER_SMALL);
	op_read(&op, MEM, 100 * 4096);
	while (wire_recv(e, e->fd, &m)) {
		send_error(e->fd, &m, EIO);
		nr++;
	}
	assert_in_range(nr, 2, 16);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, -EIO);
	free(op.data);
}

/* ---- inside a request that awaits its answer ------------------------------------- */

static void complete_request(struct op *op)
{
	assert_int_equal(lm_complete(op->e->ctx, op->e->token,
				     op->result ? op->result : 4, op->data), 0);
}

/* The read is answered with bytes that come from the client itself. */
static ssize_t access_by_dma(struct engine *e, char *buf, size_t count, loff_t offset,
			     bool is_write)
{
	struct op *op = e->pvt;

	e->token = lm_defer(e->ctx);
	op->then = complete_request;
	assert_int_equal(op_read(op, MEM, 4), 0);
	return LM_DEFER;
}

static void a_request_may_wait_for_a_transfer(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4);
	uint16_t id;

	e->pvt = &op;
	e->access = access_by_dma;
	connect_with(e, OFFER_QEMU);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	serve_read(e, e->fd);
	assert_memory_equal(engine_read_reply(e, id, 4), "rrrr", 4);
	free(op.data);
}

static void requests_behind_it_wait_but_answers_overtake(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4);
	uint16_t id;
	int i;

	e->pvt = &op;
	e->access = access_by_dma;
	connect_with(e, OFFER_QEMU);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	for (i = 1; i <= 10; i++)
		engine_send_read(e, BAR_PLAIN, 0, 4);
	serve_read(e, e->fd);
	for (i = 0; i <= 10; i++)
		engine_read_reply(e, (uint16_t)(id + i), 4);
	free(op.data);
}

static void descriptors_of_requests_behind_it_find_theirs(void **state)
{
	struct engine *e = *state;
	const struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = VFIO_PCI_MSI_IRQ_INDEX, .count = 1,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
	};
	struct op op = op_new(e, 4);
	const int fd = eventfd(0, EFD_NONBLOCK);
	uint16_t read_id, set_id;
	struct wire m;

	e->pvt = &op;
	e->access = access_by_dma;
	connect_with(e, OFFER_QEMU);
	read_id = engine_send_read(e, BAR_RAW, 0, 4);
	set_id = engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &fd, 1);
	serve_read(e, e->fd);
	engine_read_reply(e, read_id, 4);
	engine_reply(e, set_id, VFIO_USER_DEVICE_SET_IRQS, &m);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 0), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fd));
	close(fd);
	free(op.data);
}

static void many_requests_with_descriptors_may_wait_behind_it(void **state)
{
	struct engine *e = *state;
	struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = VFIO_PCI_MSI_IRQ_INDEX, .count = 1,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
	};
	struct op op = op_new(e, 4);
	const int fd = eventfd(0, EFD_NONBLOCK);
	struct wire m;
	uint16_t id;
	int i;

	e->pvt = &op;
	e->access = access_by_dma;
	connect_with(e, OFFER_QEMU);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	for (i = 0; i < 12; i++) {
		set.start = (uint32_t)i % 4;
		engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &fd, 1);
		engine_poll(e);
	}
	serve_read(e, e->fd);
	engine_read_reply(e, id, 4);
	assert_int_equal(op.result, 0);
	for (i = 0; i < 12; i++)
		engine_reply(e, (uint16_t)(id + 1 + i), VFIO_USER_DEVICE_SET_IRQS, &m);
	close(fd);
	free(op.data);
}

static ssize_t access_long_dma(struct engine *e, char *buf, size_t count, loff_t offset,
			       bool is_write)
{
	struct op *op = e->pvt;

	e->token = lm_defer(e->ctx);
	op->then = complete_request;
	assert_int_equal(op_read(op, MEM, 10u << 16), 0);
	return LM_DEFER;
}

static void a_request_may_wait_for_a_long_transfer(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 10u << 16);
	uint16_t id;
	int i;

	e->pvt = &op;
	e->access = access_long_dma;
	connect_with(e, OFFER_QEMU);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	for (i = 0; i < 10; i++)
		serve_read(e, e->fd);
	assert_memory_equal(engine_read_reply(e, id, 4), "rrrr", 4);
	assert_int_equal(op.result, 0);
	free(op.data);
}

static void a_long_transfer_with_requests_queued_behind_it(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 10u << 16);
	uint16_t id;
	int i;

	e->pvt = &op;
	e->access = access_long_dma;
	connect_with(e, OFFER_QEMU);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	for (i = 1; i <= 10; i++) {
		engine_send_read(e, BAR_PLAIN, 0, 4);
		serve_read(e, e->fd);
	}
	for (i = 0; i <= 10; i++)
		engine_read_reply(e, (uint16_t)(id + i), 4);
	assert_int_equal(op.result, 0);
	free(op.data);
}

/* Replies between them are taken out, and what is left moves together with its descriptors. */
static void descriptors_between_the_answers_of_a_long_transfer_find_theirs(void **state)
{
	struct engine *e = *state;
	struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = VFIO_PCI_MSI_IRQ_INDEX, .count = 1,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
	};
	struct op op = op_new(e, 10u << 16);
	struct wire m;
	uint16_t id;
	int fds[4];
	uint32_t i;

	e->pvt = &op;
	e->access = access_long_dma;
	connect_with(e, OFFER_QEMU);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	for (i = 0; i < 10; i++) {
		set.start = i % 4;
		if (i < 4) {
			fds[i] = eventfd(0, EFD_NONBLOCK);
			engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &fds[i],
					   1);
		}
		serve_read(e, e->fd);
	}
	engine_read_reply(e, id, 4);
	for (i = 0; i < 4; i++)
		engine_reply(e, (uint16_t)(id + 1 + i), VFIO_USER_DEVICE_SET_IRQS, &m);
	for (i = 0; i < 4; i++) {
		lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, i);
		assert_true(eventfd_take(fds[i]));
	}
	close_fds(fds, 4);
	free(op.data);
}

/* There was room for the answer when the request came; DMA has taken it since. */
static void fill_up_behind_a_request(struct engine *e, struct op *op, uint16_t *id)
{
	const uint32_t len = 300000;

	e->access = access_deferred;
	connect_with(e, OFFER_QEMU);
	engine_send_read(e, BAR_PLAIN, 0, 900000);
	*id = engine_send_read(e, BAR_RAW, 0, len);
	engine_poll(e);
	assert_int_equal(e->nr_accesses, 1);
	assert_int_equal(op_write(op, MEM, len), 0);
	memset(op->data, 'd', len);
	assert_int_equal(lm_complete(e->ctx, e->token, len, op->data), 0);
}

static void an_answer_without_room_waits_for_some(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 300000);
	uint16_t id;

	fill_up_behind_a_request(e, &op, &id);
	assert_int_equal(server_client(e->ctx)->waiting, WAIT_ROOM);
	engine_poll(e);
	engine_read_reply(e, (uint16_t)(id - 1), 900000);
	serve_write(e, e->fd);
	assert_int_equal(engine_read_reply(e, id, 300000)[299999], 'd');
	assert_int_equal(op.nr_done, 1);
	engine_is_alive(e);
	free(op.data);
}

static void a_client_may_leave_while_an_answer_waits_for_room(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 300000);
	uint16_t id;

	fill_up_behind_a_request(e, &op, &id);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
	assert_int_equal(op.nr_done, 1);
	free(op.data);
}

/* What the last turn could not send goes out here: the client is listened to again. */
static void a_client_is_listened_to_after_a_send_between_turns(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4);
	static char reply[400000];
	ssize_t got;

	connect_with(e, OFFER_QEMU);
	engine_send_read(e, BAR_PLAIN, 0, 300000);
	engine_poll(e);
	got = recv(e->fd, reply, sizeof(reply), MSG_DONTWAIT);
	assert_in_range(got, 1, 300031); /* part of it */
	assert_int_equal(op_read(&op, MEM, 4), 0);
	while (got < 300032 + 32)
		got += recv(e->fd, reply, sizeof(reply), 0);
	engine_is_alive(e);
	engine_destroy(e);
	free(op.data);
}

static ssize_t access_deadlock(struct engine *e, char *buf, size_t count, loff_t offset,
			       bool is_write)
{
	const dma_sg_t sg = sg_at(e, MEM, 4);
	char data[4];

	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -EDEADLK);
	assert_int_equal(lm_dma_write(e->ctx, &sg, data), -EDEADLK);
	return (ssize_t)count;
}

static void waiting_inside_a_request_is_edeadlk(void **state)
{
	struct engine *e = *state;

	e->access = access_deadlock;
	connect_with(e, OFFER_QEMU);
	engine_read(e, BAR_RAW, 0, 4);
	engine_write(e, BAR_RAW, 0, "data", 4);
	engine_no_message(e);
}

static void waiting_while_a_request_is_put_off_is_edeadlk(void **state)
{
	struct engine *e = *state;
	char data[4];
	dma_sg_t sg;

	e->access = access_deferred;
	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -EDEADLK);
}

/* QEMU waits for its answer and serves nobody meanwhile: it must get one within five seconds. */
static void transfers_that_do_not_move_are_given_up(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4);
	struct pollfd p;
	uint16_t id;

	e->pvt = &op;
	e->access = access_by_dma;
	connect_with(e, OFFER_QEMU);
	server_client(e->ctx)->stall_ns = 50000000;
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	p = (struct pollfd){ .fd = lm_ctx_fd(e->ctx), .events = POLLIN };
	assert_int_equal(poll(&p, 1, 3000), 1);
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, -EDEADLK);
	assert_true(wire_recv(e, e->fd, &(struct wire){ 0 })); /* the DMA_READ */
	assert_memory_equal(engine_read_reply(e, id, 4), "\xff\xff\xff\xff", 4);
	free(op.data);
}

/* ---- devices that go on when they are done --------------------------------------- */

static void read_again(struct op *op)
{
	if (op->nr_done < 5)
		assert_int_equal(op_read(op, MEM, 8), 0);
}

static void done_may_start_the_next_transfer(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 8);
	int i;

	op.then = read_again;
	connect_with(e, OFFER_QEMU);
	op_read(&op, MEM, 8);
	for (i = 0; i < 5; i++)
		serve_read(e, e->fd);
	engine_poll(e);
	assert_int_equal(op.nr_done, 5);
	free(op.data);
}

/* For ever, but not past the end of the client. */
static void retry(struct op *op)
{
	dma_sg_t sg;

	assert_in_range(op->nr_done, 1, 1000);
	if (op->result && lm_addr_to_sg(op->e->ctx, MEM, 8, &sg, 1) == 1)
		lm_dma_read_async(op->e->ctx, &sg, op->data, op_done, op);
}

static void a_device_that_tries_again_for_ever_ends_with_the_client(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 8);

	op.then = retry;
	connect_with(e, OFFER_QEMU);
	op_read(&op, MEM, 8);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
	assert_in_range(op.nr_done, 1, 2);
	free(op.data);
}

static void a_device_that_tries_again_for_ever_does_not_hang_when_all_fail(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 8);

	op.then = retry;
	connect_with(e, OFFER_QEMU);
	op_read(&op, MEM, 8);
	upcall_fail_all(server_client(e->ctx), -EDEADLK);
	assert_int_equal(op.nr_done, 1);
	op.then = NULL;
	engine_destroy(e);
	assert_int_equal(op.nr_done, 2);
	free(op.data);
}

/* ---- waiting --------------------------------------------------------------------- */

static void waiting_outside_of_requests_works(void **state)
{
	struct engine *e = *state;
	struct server_thread t;
	char data[100];
	dma_sg_t sg;

	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, sizeof(data));
	thread_start(&t, e->fd, 2);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	assert_int_equal(lm_dma_write(e->ctx, &sg, data), 0);
	thread_stop(&t);
	assert_int_equal(data[99], 'r');
	engine_is_alive(e);
}

static void waiting_for_a_long_transfer_works(void **state)
{
	struct engine *e = *state;
	const uint32_t len = 8u << 20;
	struct server_thread t;
	char *data = calloc(1, len);
	dma_sg_t sg;

	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, len);
	thread_start(&t, e->fd, 128 + 8);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	assert_int_equal(lm_dma_write(e->ctx, &sg, data), 0);
	thread_stop(&t);
	assert_int_equal(t.bytes, 2 * len);
	assert_int_equal(data[len - 1], 'r');
	free(data);
}

/* Sets its register from client memory, and keeps its own bytes meanwhile. */
static ssize_t access_waits(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	const dma_sg_t sg = sg_at(e, MEM, 4);
	char data[4];

	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	assert_memory_equal(data, "rrrr", 4);
	memcpy(e->raw + offset, buf, count);
	return (ssize_t)count;
}

static void waiting_inside_a_posted_write_works(void **state)
{
	struct engine *e = *state;
	struct server_thread t;

	e->access = access_waits;
	connect_with(e, OFFER_QEMU);
	thread_start(&t, e->fd, 1);
	engine_post_write(e, BAR_RAW, 0, "mine", 4);
	engine_poll(e);
	thread_stop(&t);
	assert_memory_equal(e->raw, "mine", 4);
	engine_is_alive(e);
}

static void a_large_posted_write_keeps_its_bytes_while_it_waits(void **state)
{
	struct engine *e = *state;
	struct server_thread t;
	char *data = malloc(50000);

	memset(data, 'm', 50000);
	e->access = access_waits;
	connect_with(e, OFFER_QEMU);
	thread_start(&t, e->fd, 1);
	engine_post_write(e, BAR_RAW, 0, data, 50000);
	engine_poll(e);
	thread_stop(&t);
	assert_memory_equal(e->raw, data, 50000);
	free(data);
}

static void posted_writes_behind_one_that_waits_are_done_after_it(void **state)
{
	struct engine *e = *state;
	struct server_thread t;
	int i;

	e->access = access_waits;
	connect_with(e, OFFER_QEMU);
	thread_start(&t, e->fd, 5);
	for (i = 0; i < 5; i++) {
		const char c = (char)('0' + i);

		engine_post_write(e, BAR_RAW, (uint64_t)i, &c, 1);
	}
	engine_poll(e);
	thread_stop(&t);
	assert_memory_equal(e->raw, "01234", 5);
}

static ssize_t access_expects_deadlock(struct engine *e, char *buf, size_t count, loff_t offset,
				       bool is_write)
{
	const dma_sg_t sg = sg_at(e, MEM, 4);
	char data[4];

	if (is_write)
		assert_int_equal(lm_dma_read(e->ctx, &sg, data), -EDEADLK);
	return (ssize_t)count;
}

static void a_request_behind_a_posted_write_makes_waiting_edeadlk(void **state)
{
	struct engine *e = *state;
	uint16_t id;

	e->access = access_expects_deadlock;
	connect_with(e, OFFER_QEMU);
	engine_post_write(e, BAR_RAW, 0, "mine", 4);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	if (e->nr_accesses == 2) /* the read may have come into the same receive, or not */
		assert_true(wire_recv(e, e->fd, &(struct wire){ 0 }));
	(void)id;
}

static void no_callback_runs_while_the_device_waits(void **state)
{
	struct engine *e = *state;
	struct server_thread t;
	char data[4];
	dma_sg_t sg;

	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	engine_post_write(e, BAR_RAW, 0, "mine", 4);
	thread_start(&t, e->fd, 1);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	assert_int_equal(e->nr_accesses, 0);
	thread_stop(&t);
	engine_poll(e);
	assert_int_equal(e->nr_accesses, 1);
}

static void a_client_that_leaves_ends_the_wait(void **state)
{
	struct engine *e = *state;
	char data[4];
	dma_sg_t sg;

	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	engine_close(e);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -ENOTCONN);
	assert_int_equal(engine_poll(e), -ENOTCONN);
}

static void wait_inside_done(struct op *op)
{
	const dma_sg_t sg = sg_at(op->e, MEM, 4);
	char data[4];

	op->then = NULL;
	assert_int_equal(lm_dma_read(op->e->ctx, &sg, data), 0);
}

static void done_may_wait_for_another_transfer(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 8);
	struct server_thread t;

	op.then = wait_inside_done;
	connect_with(e, OFFER_QEMU);
	op_read(&op, MEM, 8);
	thread_start(&t, e->fd, 2);
	while (!op.nr_done)
		assert_true(lm_ctx_poll(e->ctx) >= 0);
	thread_stop(&t);
	assert_int_equal(op.nr_done, 1);
	free(op.data);
}

/* The bytes of the write must not move, although a wait before it has moved others. */
static void after_such_a_wait_a_posted_write_may_wait_again(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 8);
	struct server_thread t;

	op.then = wait_inside_done;
	e->access = access_waits;
	connect_with(e, OFFER_QEMU);
	op_read(&op, MEM, 8);
	thread_start(&t, e->fd, 3);
	while (!op.nr_done)
		assert_true(lm_ctx_poll(e->ctx) >= 0);
	engine_post_write(e, BAR_RAW, 0, "mine", 4);
	engine_poll(e);
	thread_stop(&t);
	assert_memory_equal(e->raw, "mine", 4);
	free(op.data);
}

/* A client may keep us busy, not for ever: what it drips is nothing that we wait for. */
static void *drip(void *arg)
{
	const struct engine *e = arg;
	const struct vfio_user_header hdr = {
		.msg_id = 0xdead, .cmd = VFIO_USER_DMA_READ, .msg_size = sizeof(hdr),
		.flags = VFIO_USER_F_TYPE_REPLY,
	};
	int i;

	for (i = 0; i < 100; i++) {
		const struct timespec pause = { .tv_nsec = 10000000 };

		if (send(e->fd, &hdr, sizeof(hdr), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void a_client_that_drips_cannot_hold_the_device(void **state)
{
	struct engine *e = *state;
	const double start = seconds();
	pthread_t thread;
	char data[4];
	dma_sg_t sg;

	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	server_client(e->ctx)->wait_ns = 200000000;
	assert_int_equal(pthread_create(&thread, NULL, drip, e), 0);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -ETIMEDOUT);
	assert_true(seconds() - start < 0.9);
	shutdown(e->fd, SHUT_RDWR);
	pthread_join(thread, NULL);
}

/* One byte a message, each in time, all of them never. */
static void *answer_slowly(void *arg)
{
	struct server_thread t = { .fd = ((const struct engine *)arg)->fd };
	const struct timespec pause = { .tv_nsec = 10000000 };

	while (thread_serve(&t))
		nanosleep(&pause, NULL);
	return NULL;
}

static void a_copy_has_one_deadline_however_it_is_answered(void **state)
{
	struct engine *e = *state;
	char data[4096];
	pthread_t thread;
	double start;
	dma_sg_t sg;

	connect_with(e, "{\"capabilities\":{\"max_data_xfer_size\":1}}");
	sg = sg_at(e, MEM, sizeof(data));
	server_client(e->ctx)->wait_ns = 100000000;
	assert_int_equal(pthread_create(&thread, NULL, answer_slowly, e), 0);
	start = seconds();
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -ETIMEDOUT);
	assert_true(seconds() - start < 20); /* at that pace it takes 41 */
	shutdown(e->fd, SHUT_RDWR);
	pthread_join(thread, NULL);
}

static void a_client_that_was_late_is_not_waited_for_again(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4);
	struct wire m;
	char data[4];
	dma_sg_t sg;

	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	server_client(e->ctx)->wait_ns = 1000000;
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -ETIMEDOUT);
	expect_dma(e, e->fd, VFIO_USER_DMA_READ, &m);
	server_client(e->ctx)->wait_ns = 60000000000;
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -ETIMEDOUT);
	engine_no_message(e); /* it was not even asked */
	assert_int_equal(op_read(&op, MEM, 4), 0);
	serve_read(e, e->fd);
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, 0);
	free(op.data);
}

static void a_client_that_was_late_has_another_chance_later(void **state)
{
	struct engine *e = *state;
	struct server_thread t;
	char data[4];
	dma_sg_t sg;

	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	e->ctx->server->late_until = loop_now_ns() - 1;
	thread_start(&t, e->fd, 1);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	thread_stop(&t);
}

#define MS 1000000u

/* @nr copies of 4 bytes, each answered when so much time has passed; the last one's result. */
static int read_slowly(struct engine *e, int nr, uint64_t takes_ns)
{
	struct server_thread t = { .fd = e->fd, .nr = nr, .takes_ns = takes_ns };
	const dma_sg_t sg = sg_at(e, MEM, 4);
	char data[4];
	int ret = 0;

	assert_int_equal(pthread_create(&t.thread, NULL, thread_run, &t), 0);
	while (nr-- && !ret)
		ret = lm_dma_read(e->ctx, &sg, data);
	thread_stop(&t);
	return ret;
}

/* Each in time, but all of them would hold up everybody else for good. */
static void slow_answers_add_up(void **state)
{
	struct engine *e = *state;
	dma_sg_t sg;
	char data[4];

	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	server_client(e->ctx)->wait_ns = 2000u * MS;
	assert_int_equal(read_slowly(e, 1, 1000u * MS), 0);
	read_slowly(e, 1, 1100u * MS); /* it may come too late */
	assert_true(e->ctx->server->late_until > loop_now_ns());
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -ETIMEDOUT);
	engine_no_message(e); /* it was not even asked */
	ahead_ns = 0;
}

static void slow_answers_are_forgotten(void **state)
{
	struct engine *e = *state;
	unsigned int i;

	connect_with(e, OFFER_QEMU);
	server_client(e->ctx)->wait_ns = 2000u * MS;
	for (i = 0; i < 5; i++) {
		assert_int_equal(read_slowly(e, 1, 1000u * MS), 0);
		ahead_ns += 10000ull * MS;
	}
	ahead_ns = 0;
}

static void quick_answers_do_not_add_up(void **state)
{
	struct engine *e = *state;

	connect_with(e, OFFER_QEMU);
	server_client(e->ctx)->wait_ns = 2000u * MS;
	assert_int_equal(read_slowly(e, 500, 5u * MS), 0);
	assert_int_equal(e->ctx->server->late_until, 0);
	ahead_ns = 0;
}

/* What the client answers is no time that we have waited. */
static void an_error_that_looks_like_a_timeout_is_an_answer(void **state)
{
	struct engine *e = *state;
	struct vfio_user_header hdr = {
		.cmd = VFIO_USER_DMA_READ, .msg_size = sizeof(hdr), .error_no = ETIMEDOUT,
		.flags = VFIO_USER_F_TYPE_REPLY | VFIO_USER_F_ERROR,
	};
	char data[4];
	dma_sg_t sg;

	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	wire_send(e->fd, &hdr, sizeof(hdr));
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -ETIMEDOUT);
	assert_int_equal(e->ctx->server->late_until, 0);
}

static void *stop_when_asked(void *arg)
{
	struct engine *e = arg;
	char msg[32];

	if (thread_recv(e->fd, msg, sizeof(msg)))
		lm_ctx_stop(e->ctx);
	return NULL;
}

static void a_stop_ends_the_wait(void **state)
{
	struct engine *e = *state;
	pthread_t thread;
	char data[4];
	dma_sg_t sg;

	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	server_client(e->ctx)->wait_ns = 20000000000;
	assert_int_equal(pthread_create(&thread, NULL, stop_when_asked, e), 0);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -ESHUTDOWN);
	pthread_join(thread, NULL);
	assert_int_equal(lm_dma_write(e->ctx, &sg, data), -ESHUTDOWN);
	assert_int_equal(lm_ctx_drive(e->ctx), 0);
}

/* ---- waits inside waits ---------------------------------------------------------- */

static void wait_for_the_silent(struct op *op)
{
	struct client *c = server_client(op->e->ctx);
	const dma_sg_t sg = sg_at(op->e, MEM, 4);
	char data[4];

	c->wait_ns = 60000000000;
	assert_int_equal(lm_dma_read(op->e->ctx, &sg, data), -ETIMEDOUT);
}

static void a_copy_inside_another_ends_with_it(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4);
	struct server_thread t;
	char data[4];
	double start;
	dma_sg_t sg;

	op.then = wait_for_the_silent;
	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	op_read(&op, MEM, 4);
	thread_start(&t, e->fd, 1);
	server_client(e->ctx)->wait_ns = 500000000;
	start = seconds();
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -ETIMEDOUT);
	assert_true(seconds() - start < 20);
	thread_stop(&t);
	assert_int_equal(op.nr_done, 1);
	free(op.data);
}

static unsigned int depth, deepest, nr_deadlocks;

static void wait_deeper(struct op *op)
{
	const dma_sg_t sg = sg_at(op->e, MEM, 4);
	char data[4];
	int ret;

	if (++depth > deepest)
		deepest = depth;
	ret = lm_dma_read(op->e->ctx, &sg, data);
	assert_true(ret == 0 || ret == -EDEADLK);
	nr_deadlocks += ret == -EDEADLK;
	depth--;
}

/* Ever deeper, while there are answers: the stack ends somewhere. */
static void copies_inside_each_other_have_an_end(void **state)
{
	struct engine *e = *state;
	struct op ops[40];
	struct server_thread t;
	char data[4];
	dma_sg_t sg;
	int i;

	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	for (i = 0; i < 40; i++) {
		ops[i] = op_new(e, 4);
		ops[i].then = wait_deeper;
		op_read(&ops[i], MEM, 4);
	}
	thread_start(&t, e->fd, 1000);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	shutdown(e->fd, SHUT_RDWR);
	thread_stop(&t);
	assert_in_range(deepest, 2, 8);
	assert_in_range(nr_deadlocks, 1, 40);
	for (i = 0; i < 40; i++)
		free(ops[i].data);
}

/* ---- the twin socket ------------------------------------------------------------- */

static void commands_go_over_the_twin_socket(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 100);

	connect_with(e, OFFER_TWIN);
	op_read(&op, MEM, 100);
	serve_read(e, e->twin);
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, 0);
	engine_no_message(e);
	free(op.data);
}

static void a_request_may_wait_for_a_transfer_over_the_twin(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4);
	uint16_t id;

	e->pvt = &op;
	e->access = access_by_dma;
	connect_with(e, OFFER_TWIN);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	serve_read(e, e->twin);
	assert_memory_equal(engine_read_reply(e, id, 4), "rrrr", 4);
	free(op.data);
}

static ssize_t access_starts_read(struct engine *e, char *buf, size_t count, loff_t offset,
				  bool is_write)
{
	if (is_write)
		assert_int_equal(op_read(e->pvt, MEM, 4), 0);
	return (ssize_t)count;
}

static void a_posted_write_may_start_a_transfer(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4);

	e->pvt = &op;
	e->access = access_starts_read;
	connect_with(e, OFFER_QEMU);
	engine_post_write(e, BAR_RAW, 0, "go", 2);
	serve_read(e, e->fd);
	engine_read(e, BAR_RAW, 0, 4); /* polling for its end */
	assert_int_equal(op.nr_done, 1);
	free(op.data);
}

static void a_posted_write_may_start_a_transfer_over_the_twin(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4);

	e->pvt = &op;
	e->access = access_starts_read;
	connect_with(e, OFFER_TWIN);
	engine_post_write(e, BAR_RAW, 0, "go", 2);
	engine_poll(e);
	serve_read(e, e->twin);
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	free(op.data);
}

static void waiting_inside_a_request_works_over_the_twin(void **state)
{
	struct engine *e = *state;
	struct server_thread t;

	e->access = access_waits;
	connect_with(e, OFFER_TWIN);
	thread_start(&t, e->twin, 1);
	engine_write(e, BAR_RAW, 0, "mine", 4);
	thread_stop(&t);
	assert_memory_equal(e->raw, "mine", 4);
}

static void waiting_for_a_long_transfer_works_over_the_twin(void **state)
{
	struct engine *e = *state;
	const uint32_t len = 8u << 20;
	struct server_thread t;
	char *data = calloc(1, len);
	dma_sg_t sg;

	connect_with(e, OFFER_TWIN);
	sg = sg_at(e, MEM, len);
	thread_start(&t, e->twin, 128 + 8);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	assert_int_equal(lm_dma_write(e->ctx, &sg, data), 0);
	thread_stop(&t);
	assert_int_equal(t.bytes, 2 * len);
	free(data);
}

static void a_long_write_goes_over_the_twin_as_the_client_reads(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4u << 20);
	int i;

	connect_with(e, OFFER_TWIN);
	op_write(&op, MEM, 4u << 20);
	for (i = 0; i < 4; i++)
		serve_write(e, e->twin);
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, 0);
	free(op.data);
}

static void transfers_end_with_the_twin_socket(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 100);

	connect_with(e, OFFER_TWIN);
	op_read(&op, MEM, 100);
	close(e->twin);
	e->twin = -1;
	engine_poll(e);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, -ENOTCONN);
	engine_is_alive(e);
	free(op.data);
}

static void rubbish_on_the_twin_ends_the_twin(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_header hdr = { .msg_size = 3 };

	connect_with(e, OFFER_TWIN);
	wire_send(e->twin, &hdr, sizeof(hdr));
	engine_poll(e);
	assert_true(wire_is_closed(e->twin));
	engine_is_alive(e);
}

/* ---- bytes of a message that waits ----------------------------------------------- */

#define LONG_READ 100u /* its answer covers all of the message that waits for it, if it can */

/* The first write of the message waits for DMA: those behind it are read afterwards. */
static ssize_t first_write_waits(struct engine *e, char *buf, size_t count, loff_t offset,
				 bool is_write)
{
	const dma_sg_t sg = sg_at(e, MEM, LONG_READ);
	char data[LONG_READ];

	if (!offset)
		assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	memcpy(e->raw + offset, buf, count);
	return (ssize_t)count;
}

static void post_three_writes(struct engine *e)
{
	struct {
		uint64_t nr;
		struct vfio_user_write_single w[3];
	} __attribute__((packed)) multi = { .nr = 3 };
	int i;

	for (i = 0; i < 3; i++) {
		multi.w[i] = (struct vfio_user_write_single){
			.offset = 0x100 * (uint64_t)i, .region = BAR_RAW, .count = 4 };
		memset(multi.w[i].data, 'a' + i, 4);
	}
	engine_posted(e, VFIO_USER_REGION_WRITE_MULTI, &multi, sizeof(multi));
}

static void a_message_that_waits_keeps_its_bytes(struct engine *e)
{
	struct server_thread t;

	e->access = first_write_waits;
	thread_start(&t, e->fd, 1);
	post_three_writes(e);
	engine_poll(e);
	thread_stop(&t);
	assert_memory_equal(e->raw, "aaaa", 4);
	assert_memory_equal(e->raw + 0x100, "bbbb", 4);
	assert_memory_equal(e->raw + 0x200, "cccc", 4);
	e->access = NULL;
	engine_is_alive(e);
}

/* A copy that waits inside another one, with no message being handled. */
static void a_message_keeps_its_bytes_after_waits_inside_waits(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 8);
	struct server_thread t;
	char data[4];
	dma_sg_t sg;

	op.then = wait_inside_done;
	connect_with(e, OFFER_QEMU);
	sg = sg_at(e, MEM, 4);
	op_read(&op, MEM, 8);
	thread_start(&t, e->fd, 3);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	thread_stop(&t);
	assert_int_equal(op.nr_done, 1);
	a_message_that_waits_keeps_its_bytes(e);
	free(op.data);
}

/* The copy that ends with the twin socket waits for another, over the main one. */
static void a_message_keeps_its_bytes_after_waits_in_a_turn_of_the_twin(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 8);
	struct server_thread t;

	op.then = wait_inside_done;
	connect_with(e, OFFER_TWIN);
	op_read(&op, MEM, 8);
	close(e->twin);
	e->twin = -1;
	thread_start(&t, e->fd, 1);
	while (!op.nr_done)
		assert_true(lm_ctx_poll(e->ctx) >= 0);
	thread_stop(&t);
	assert_int_equal(op.result, -ENOTCONN);
	a_message_that_waits_keeps_its_bytes(e);
	free(op.data);
}

/* The pin goes with the message, whatever becomes of it: the next one has its own. */
static void each_message_that_waits_keeps_its_own_bytes(void **state)
{
	struct engine *e = *state;

	connect_with(e, OFFER_QEMU);
	a_message_that_waits_keeps_its_bytes(e);
	memset(e->raw, 0, 0x300);
	a_message_that_waits_keeps_its_bytes(e);
}

/* ---- clients that want to hurt --------------------------------------------------- */

/* Answers to nothing, as many as fit, while a request is put off. */
static void answers_to_nothing_take_no_time(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_header hdr = {
		.msg_id = 0xdead, .cmd = VFIO_USER_DMA_READ, .msg_size = sizeof(hdr),
		.flags = VFIO_USER_F_TYPE_REPLY,
	};
	const size_t nr = 60000;
	struct vfio_user_header *hdrs = malloc(nr * sizeof(hdr));
	struct op op = op_new(e, 4);
	double start;
	uint16_t id;
	size_t i;

	for (i = 0; i < nr; i++)
		hdrs[i] = hdr;
	e->pvt = &op;
	e->access = access_by_dma;
	connect_with(e, OFFER_QEMU);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_send_read(e, BAR_PLAIN, 0, 4);
	engine_poll(e);
	start = seconds();
	engine_send_long(e, hdrs, nr * sizeof(hdr));
	engine_poll(e);
	assert_true(seconds() - start < 0.5);
	serve_read(e, e->fd);
	engine_read_reply(e, id, 4);
	engine_read_reply(e, (uint16_t)(id + 1), 4);
	engine_is_alive(e);
	free(op.data);
	free(hdrs);
}

static void requests_without_end_behind_one_that_waits_fail_its_transfer(void **state)
{
	struct engine *e = *state;
	const uint32_t len = 300000;
	char *data = calloc(1, len), *payload, *msg;
	struct op op = op_new(e, 4);
	size_t size;
	uint16_t id;
	int i;

	e->pvt = &op;
	e->access = access_by_dma;
	connect_with(e, OFFER_QEMU);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	payload = write_payload(BAR_PLAIN, 0, data, len, &size);
	msg = malloc(size + 16);
	size = wire_put(msg, 999, VFIO_USER_REGION_WRITE, payload, size);
	for (i = 0; i < 10 && !op.nr_done; i++)
		engine_send_long(e, msg, size);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(op.result, -ENOBUFS);
	assert_true(wire_recv(e, e->fd, &(struct wire){ 0 })); /* the DMA_READ */
	assert_memory_equal(engine_read_reply(e, id, 4), "\xff\xff\xff\xff", 4);
	free(op.data);
	free(payload);
	free(data);
	free(msg);
}

/* The transfer is given up, its request completed, and the answer finds nobody. */
static void giving_up_may_meet_the_end_of_the_client(void **state)
{
	struct engine *e = *state;
	struct op op = op_new(e, 4);
	struct pollfd p;

	e->pvt = &op;
	e->access = access_by_dma;
	connect_with(e, OFFER_QEMU);
	server_client(e->ctx)->stall_ns = 50000000;
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	p = (struct pollfd){ .fd = lm_ctx_fd(e->ctx), .events = POLLIN };
	assert_int_equal(poll(&p, 1, 3000), 1);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN);
	assert_int_equal(op.nr_done, 1);
	assert_int_equal(e->nr_detached, 1);
	free(op.data);
}

static void before_the_handshake_there_is_nobody_to_ask(void **state)
{
	struct engine *e = *state;
	const struct dma_request req = { .addr = MEM, .len = 4, .data = NULL };

	engine_start(e);
	assert_int_equal(upcall_dma(e->ctx, &req, op_done, NULL), -ENOTCONN);
	assert_int_equal(upcall_dma_wait(e->ctx, &req), -ENOTCONN);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_read_brings_the_clients_bytes),
		TEST(a_request_says_address_and_count),
		TEST(a_write_takes_the_bytes_along),
		TEST(a_reply_to_a_write_may_have_a_short_count),
		TEST(transfers_are_cut_to_what_the_client_takes),
		TEST(parts_may_be_answered_in_any_order),
		TEST(no_more_than_some_are_under_way),
		TEST(no_more_than_a_socket_holds_is_asked_for),
		TEST(a_long_answer_is_asked_for_in_parts),
		TEST(several_transfers_are_under_way_together),
		TEST(many_transfers_come_to_an_end),
		TEST(done_is_not_called_before_the_call_returns),
		TEST(a_transfer_of_a_client_that_leaves_is_cancelled_once),
		TEST(a_transfer_of_a_context_that_ends_is_cancelled_once),
		TEST(a_client_that_does_not_read_holds_transfers_up),
		TEST(an_error_of_the_client_reaches_the_device),
		TEST(an_error_without_a_number_is_eio),
		TEST(an_error_with_a_huge_number_is_eio),
		TEST(an_error_cannot_look_like_lm_defer),
		TEST(a_short_answer_is_eproto),
		TEST(an_answer_without_a_payload_is_eproto),
		TEST(an_answer_with_another_count_is_eproto),
		TEST(an_answer_with_another_address_is_eproto),
		TEST(an_answer_to_another_command_is_eproto),
		TEST(descriptors_with_an_answer_are_closed),
		TEST(an_answer_with_another_id_is_dropped),
		TEST(a_second_answer_is_dropped),
		TEST(after_an_error_the_rest_is_not_asked_for),
		TEST(a_request_may_wait_for_a_transfer),
		TEST(requests_behind_it_wait_but_answers_overtake),
		TEST(descriptors_of_requests_behind_it_find_theirs),
		TEST(many_requests_with_descriptors_may_wait_behind_it),
		TEST(a_request_may_wait_for_a_long_transfer),
		TEST(a_long_transfer_with_requests_queued_behind_it),
		TEST(descriptors_between_the_answers_of_a_long_transfer_find_theirs),
		TEST(an_answer_without_room_waits_for_some),
		TEST(a_client_may_leave_while_an_answer_waits_for_room),
		TEST(a_client_is_listened_to_after_a_send_between_turns),
		TEST(waiting_inside_a_request_is_edeadlk),
		TEST(waiting_while_a_request_is_put_off_is_edeadlk),
		TEST(transfers_that_do_not_move_are_given_up),
		TEST(done_may_start_the_next_transfer),
		TEST(a_device_that_tries_again_for_ever_ends_with_the_client),
		TEST(a_device_that_tries_again_for_ever_does_not_hang_when_all_fail),
		TEST(waiting_outside_of_requests_works),
		TEST(waiting_for_a_long_transfer_works),
		TEST(waiting_inside_a_posted_write_works),
		TEST(a_large_posted_write_keeps_its_bytes_while_it_waits),
		TEST(posted_writes_behind_one_that_waits_are_done_after_it),
		TEST(a_request_behind_a_posted_write_makes_waiting_edeadlk),
		TEST(no_callback_runs_while_the_device_waits),
		TEST(a_client_that_leaves_ends_the_wait),
		TEST(done_may_wait_for_another_transfer),
		TEST(after_such_a_wait_a_posted_write_may_wait_again),
		TEST(a_client_that_drips_cannot_hold_the_device),
		TEST(a_long_queue_takes_no_time),
		TEST(a_copy_has_one_deadline_however_it_is_answered),
		TEST(a_client_that_was_late_is_not_waited_for_again),
		TEST(a_client_that_was_late_has_another_chance_later),
		TEST(slow_answers_add_up),
		TEST(slow_answers_are_forgotten),
		TEST(quick_answers_do_not_add_up),
		TEST(an_error_that_looks_like_a_timeout_is_an_answer),
		TEST(a_stop_ends_the_wait),
		TEST(a_copy_inside_another_ends_with_it),
		TEST(copies_inside_each_other_have_an_end),
		TEST(commands_go_over_the_twin_socket),
		TEST(a_request_may_wait_for_a_transfer_over_the_twin),
		TEST(a_posted_write_may_start_a_transfer),
		TEST(a_posted_write_may_start_a_transfer_over_the_twin),
		TEST(waiting_inside_a_request_works_over_the_twin),
		TEST(waiting_for_a_long_transfer_works_over_the_twin),
		TEST(a_long_write_goes_over_the_twin_as_the_client_reads),
		TEST(transfers_end_with_the_twin_socket),
		TEST(rubbish_on_the_twin_ends_the_twin),
		TEST(a_message_keeps_its_bytes_after_waits_inside_waits),
		TEST(a_message_keeps_its_bytes_after_waits_in_a_turn_of_the_twin),
		TEST(each_message_that_waits_keeps_its_own_bytes),
		TEST(answers_to_nothing_take_no_time),
		TEST(requests_without_end_behind_one_that_waits_fail_its_transfer),
		TEST(giving_up_may_meet_the_end_of_the_client),
		TEST(before_the_handshake_there_is_nobody_to_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
