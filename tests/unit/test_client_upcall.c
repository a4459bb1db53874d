/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_client_upcall.c - DMA by message: the server's commands, at any moment, well-formed or not.
 */
#include "base/base.h"
#include "fake_server.h"

#define MEMORY_ADDR 0x10000

static struct {
	uint8_t  bytes[4096];
	int      calls;
	int      result;
	int      reentered; /* what the client says when it is used from inside */
	lm_client_t *client;
} memory;

static int memory_dma(void *pvt, bool is_write, uint64_t addr, void *data, size_t count)
{
	uint8_t byte;

	memory.calls++;
	if (memory.client)
		memory.reentered = lm_client_region_read(memory.client, 0, 0, &byte, 1);
	if (memory.result)
		return memory.result;
	if (addr < MEMORY_ADDR || out_of_range(addr - MEMORY_ADDR, count, sizeof(memory.bytes)))
		return -EFAULT;
	if (is_write)
		memcpy(memory.bytes + (addr - MEMORY_ADDR), data, count);
	else
		memcpy(data, memory.bytes + (addr - MEMORY_ADDR), count);
	return 0;
}

static const lm_client_options_t with_memory = {
	.dma = memory_dma, .max_data_xfer_size = 1024,
};

/* A command of the server; its payload is @access and @data. */
static void dma_send(struct fake *f, uint16_t cmd, uint32_t flags,
		     const struct vfio_user_dma_region_access *access, size_t data)
{
	const struct vfio_user_header hdr = { .msg_id = 77, .cmd = cmd, .flags = flags };
	char payload[2048] = { 0 }, buf[4096];

	memcpy(payload, access, sizeof(*access));
	memset(payload + sizeof(*access), 0xab, data);
	fake_write(f, buf, fake_message(buf, hdr, payload, sizeof(*access) + data));
}

/* The client's answer: 0 or its error. */
static uint32_t dma_answer(struct fake *f, uint16_t cmd)
{
	FAKE_CHECK(f, fake_recv(f));
	FAKE_CHECK(f, f->hdr.cmd == cmd && f->hdr.msg_id == 77);
	FAKE_CHECK(f, (f->hdr.flags & VFIO_USER_F_TYPE_MASK) == VFIO_USER_F_TYPE_REPLY);
	if (!(f->hdr.flags & VFIO_USER_F_ERROR))
		return 0;
	FAKE_CHECK(f, f->len == 0);
	return f->hdr.error_no;
}

/* A read of a region, with @script between its request and its reply. */
static void during_a_read(void (*script)(struct fake *f), const lm_client_options_t *options)
{
	struct fake f = { .script = script };
	lm_client_t *c;
	uint8_t buf[4];

	memset(&memory, 0, sizeof(memory));
	c = fake_client(&f, options);
	memory.client = c;
	assert_int_equal(lm_client_region_read(c, 0, 5, buf, 4), 0);
	assert_int_equal(buf[0], 5);
	assert_int_equal(lm_client_status(c), 0);
	lm_client_close(c);
	fake_join(&f);
}

static char region_reply[64];
static size_t region_reply_size;

static bool region_request(struct fake *f)
{
	const bool ok = fake_expect(f, VFIO_USER_REGION_READ);

	region_reply_size = ok ? fake_read_reply(f, region_reply) : 0;
	return ok;
}

static void region_answer(struct fake *f)
{
	fake_write(f, region_reply, region_reply_size);
}

static void script_write_then_read(struct fake *f)
{
	const struct vfio_user_dma_region_access access = { MEMORY_ADDR + 16, 100 };

	if (!region_request(f))
		return;
	dma_send(f, VFIO_USER_DMA_WRITE, 0, &access, 100);
	FAKE_CHECK(f, dma_answer(f, VFIO_USER_DMA_WRITE) == 0);
	FAKE_CHECK(f, f->len == sizeof(access) && !memcmp(f->payload, &access, sizeof(access)));
	dma_send(f, VFIO_USER_DMA_READ, 0, &access, 0);
	FAKE_CHECK(f, dma_answer(f, VFIO_USER_DMA_READ) == 0);
	FAKE_CHECK(f, f->len == sizeof(access) + 100);
	FAKE_CHECK(f, !memcmp(f->payload, &access, sizeof(access)));
	FAKE_CHECK(f, (uint8_t)f->payload[sizeof(access)] == 0xab);
	FAKE_CHECK(f, (uint8_t)f->payload[sizeof(access) + 99] == 0xab);
	region_answer(f);
}

static void test_dma_in_the_middle_of_a_call(void **state)
{
	during_a_read(script_write_then_read, &with_memory);
	assert_int_equal(memory.calls, 2);
	assert_int_equal(memory.bytes[16 + 99], 0xab);
	assert_int_equal(memory.bytes[16 + 100], 0);
}

static void test_client_cannot_be_used_from_the_callback(void **state)
{
	during_a_read(script_write_then_read, &with_memory);
	assert_int_equal(memory.reentered, -EDEADLK);
}

static void script_expects_fault(struct fake *f)
{
	const struct vfio_user_dma_region_access access = { MEMORY_ADDR, 4 };

	if (!region_request(f))
		return;
	dma_send(f, VFIO_USER_DMA_READ, 0, &access, 0);
	FAKE_CHECK(f, dma_answer(f, VFIO_USER_DMA_READ) == EFAULT);
	region_answer(f);
}

static void test_dma_without_a_callback_is_a_fault(void **state)
{
	during_a_read(script_expects_fault, NULL);
}

static void script_out_of_memory(struct fake *f)
{
	const struct vfio_user_dma_region_access access = { MEMORY_ADDR + 4090, 100 };

	if (!region_request(f))
		return;
	dma_send(f, VFIO_USER_DMA_READ, 0, &access, 0);
	FAKE_CHECK(f, dma_answer(f, VFIO_USER_DMA_READ) == EFAULT);
	region_answer(f);
}

static void test_error_of_the_callback_reaches_the_server(void **state)
{
	during_a_read(script_out_of_memory, &with_memory);
	assert_int_equal(memory.calls, 1);
}

/* Each would make the callback see a range that is not there. */
static void script_malformed(struct fake *f)
{
	const struct {
		uint16_t cmd;
		struct vfio_user_dma_region_access access;
		size_t data;
	} bad[] = {
		{ VFIO_USER_DMA_READ, { MEMORY_ADDR, 0 }, 0 },
		{ VFIO_USER_DMA_READ, { MEMORY_ADDR, 1025 }, 0 },
		{ VFIO_USER_DMA_READ, { MEMORY_ADDR, UINT64_MAX }, 0 },
		{ VFIO_USER_DMA_READ, { UINT64_MAX, 2 }, 0 },
		{ VFIO_USER_DMA_READ, { MEMORY_ADDR, 4 }, 4 },
		{ VFIO_USER_DMA_WRITE, { MEMORY_ADDR, 4 }, 3 },
		{ VFIO_USER_DMA_WRITE, { MEMORY_ADDR, 4 }, 5 },
		{ VFIO_USER_DMA_WRITE, { MEMORY_ADDR, 1u << 31 }, 0 },
	};
	size_t i;

	if (!region_request(f))
		return;
	for (i = 0; i < LM_NR(bad); i++) {
		dma_send(f, bad[i].cmd, 0, &bad[i].access, bad[i].data);
		FAKE_CHECK(f, dma_answer(f, bad[i].cmd) == EINVAL);
	}
	region_answer(f);
}

static void test_malformed_commands_are_refused(void **state)
{
	during_a_read(script_malformed, &with_memory);
	assert_int_equal(memory.calls, 0);
}

static void script_unknown_commands(struct fake *f)
{
	const struct vfio_user_dma_region_access access = { 0 };
	const uint16_t cmds[] = { 0, VFIO_USER_VERSION, VFIO_USER_REGION_READ, 14, 99, 0xffff };
	struct vfio_user_header hdr = { .msg_id = 77, .cmd = VFIO_USER_DMA_READ };
	size_t i;

	if (!region_request(f))
		return;
	for (i = 0; i < LM_NR(cmds); i++) {
		dma_send(f, cmds[i], 0, &access, 0);
		FAKE_CHECK(f, dma_answer(f, cmds[i]) == EOPNOTSUPP);
	}
	hdr.msg_size = sizeof(hdr);
	fake_write(f, &hdr, sizeof(hdr));
	FAKE_CHECK(f, dma_answer(f, VFIO_USER_DMA_READ) == EINVAL);
	region_answer(f);
}

static void test_commands_that_are_none(void **state)
{
	during_a_read(script_unknown_commands, &with_memory);
}

static void script_posted(struct fake *f)
{
	const struct vfio_user_dma_region_access access = { MEMORY_ADDR, 8 }, bad = { 0, 0 };

	if (!region_request(f))
		return;
	dma_send(f, VFIO_USER_DMA_WRITE, VFIO_USER_F_NO_REPLY, &access, 8);
	dma_send(f, VFIO_USER_DMA_WRITE, VFIO_USER_F_NO_REPLY, &bad, 0);
	region_answer(f);
	/* The next message is the end, not an answer. */
	FAKE_CHECK(f, !fake_recv(f));
}

static void test_posted_commands_are_not_answered(void **state)
{
	during_a_read(script_posted, &with_memory);
	assert_int_equal(memory.bytes[7], 0xab);
}

static void script_many_unread(struct fake *f)
{
	const struct vfio_user_dma_region_access access = { MEMORY_ADDR, 1024 };
	const struct timeval quick = { .tv_usec = 200000 };
	const int small = 4096;
	char buf[64];
	const struct vfio_user_header hdr = { .msg_id = 77, .cmd = VFIO_USER_DMA_READ };
	const size_t size = fake_message(buf, hdr, &access, sizeof(access));
	unsigned int sent = 0;

	setsockopt(f->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	setsockopt(f->fd, SOL_SOCKET, SO_SNDTIMEO, &quick, sizeof(quick));
	if (!region_request(f))
		return;
	while (sent < 100000 && send(f->fd, buf, size, MSG_NOSIGNAL) == (ssize_t)size)
		sent++;
	/* It has stopped reading long before it would have to keep 100 MB of answers. */
	FAKE_CHECK(f, sent < 20000);
}

static void test_server_that_does_not_read_answers(void **state)
{
	struct fake f = { .script = script_many_unread };
	lm_client_t *c = fake_client(&f, &with_memory);
	uint8_t buf[4];

	memset(&memory, 0, sizeof(memory));
	lm_client_set_timeout(c, 600);
	assert_int_equal(lm_client_region_read(c, 0, 0, buf, 4), -ETIMEDOUT);
	assert_in_range(memory.calls, 1, 5000);
	lm_client_close(c);
	fake_join(&f);
}

/* The answers that found no room come when the server reads again. */
static void script_many_read_late(struct fake *f)
{
	const struct vfio_user_dma_region_access access = { MEMORY_ADDR, 1024 };
	const struct vfio_user_header hdr = { .msg_id = 77, .cmd = VFIO_USER_DMA_READ };
	char buf[64];
	const size_t size = fake_message(buf, hdr, &access, sizeof(access));
	unsigned int i;

	if (!region_request(f))
		return;
	for (i = 0; i < 3000; i++) {
		if (send(f->fd, buf, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size)
			break;
		if (i % 100 == 0)
			usleep(1000);
	}
	FAKE_CHECK(f, i > 100);
	for (; i; i--)
		FAKE_CHECK(f, dma_answer(f, VFIO_USER_DMA_READ) == 0);
	region_answer(f);
}

static void test_answers_wait_for_a_slow_server(void **state)
{
	during_a_read(script_many_read_late, &with_memory);
	assert_in_range(memory.calls, 100, 3000);
}

/* ---- on the twin socket ----------------------------------------------------- */

static void script_twin(struct fake *f)
{
	static const char json[] =
		"{\"capabilities\":{\"twin_socket\":{\"supported\":true,\"fd_index\":0}}}";
	const struct vfio_user_dma_region_access access = { MEMORY_ADDR, 64 };
	const struct vfio_user_version v = { VFIO_USER_MAJOR, VFIO_USER_MINOR };
	const int main_fd = f->fd;
	char buf[256];
	int fds[2];

	if (!fake_expect(f, VFIO_USER_VERSION) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return;
	memcpy(buf, &v, sizeof(v));
	memcpy(buf + sizeof(v), json, sizeof(json));
	fake_reply_fds(f, buf, sizeof(v) + sizeof(json), &fds[1], 1);
	close(fds[1]);
	if (region_request(f)) {
		f->fd = fds[0];
		dma_send(f, VFIO_USER_DMA_WRITE, 0, &access, 64);
		FAKE_CHECK(f, dma_answer(f, VFIO_USER_DMA_WRITE) == 0);
		f->fd = main_fd;
		region_answer(f);
	}
	while (fake_recv(f))
		;
	close(fds[0]);
}

static void test_dma_on_the_twin_socket(void **state)
{
	lm_client_options_t o = with_memory;
	struct fake f = { .script = script_twin, .no_handshake = true };
	lm_client_t *c;
	uint8_t buf[4];

	memset(&memory, 0, sizeof(memory));
	o.flags = LM_CLIENT_TWIN_SOCKET;
	c = fake_client(&f, &o);
	assert_int_equal(lm_client_region_read(c, 0, 1, buf, 4), 0);
	assert_int_equal(memory.bytes[63], 0xab);
	lm_client_close(c);
	fake_join(&f);
}

static void script_reply_on_twin(struct fake *f)
{
	static const char json[] =
		"{\"capabilities\":{\"twin_socket\":{\"supported\":true,\"fd_index\":0}}}";
	const struct vfio_user_version v = { VFIO_USER_MAJOR, VFIO_USER_MINOR };
	char buf[256];
	int fds[2];

	if (!fake_expect(f, VFIO_USER_VERSION) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return;
	memcpy(buf, &v, sizeof(v));
	memcpy(buf + sizeof(v), json, sizeof(json));
	fake_reply_fds(f, buf, sizeof(v) + sizeof(json), &fds[1], 1);
	close(fds[1]);
	if (region_request(f))
		send(fds[0], region_reply, region_reply_size, MSG_NOSIGNAL);
	while (fake_recv(f))
		;
	close(fds[0]);
}

static void test_reply_on_the_twin_socket_ends_the_connection(void **state)
{
	const lm_client_options_t o = { .flags = LM_CLIENT_TWIN_SOCKET };
	struct fake f = { .script = script_reply_on_twin, .no_handshake = true };
	lm_client_t *c = fake_client(&f, &o);
	uint8_t buf[4];

	assert_int_equal(lm_client_region_read(c, 0, 1, buf, 4), -EPROTO);
	assert_int_equal(lm_client_status(c), -EPROTO);
	lm_client_close(c);
	fake_join(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(test_dma_in_the_middle_of_a_call),
		fake_test(test_client_cannot_be_used_from_the_callback),
		fake_test(test_dma_without_a_callback_is_a_fault),
		fake_test(test_error_of_the_callback_reaches_the_server),
		fake_test(test_malformed_commands_are_refused),
		fake_test(test_commands_that_are_none),
		fake_test(test_posted_commands_are_not_answered),
		fake_test(test_server_that_does_not_read_answers),
		fake_test(test_answers_wait_for_a_slow_server),
		fake_test(test_dma_on_the_twin_socket),
		fake_test(test_reply_on_the_twin_socket_ends_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
