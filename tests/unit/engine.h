/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine.h - a device and a raw client for the tests of the vfio-user engine.
 *
 * The device serves one end of a socketpair; the test holds the other one and says there what
 * it likes, byte by byte: most of what is tested is what no client library would send. Each
 * test gets a struct engine from engine_setup(), changes the description if it has to, starts,
 * and leaves the rest to engine_teardown(), which also looks for descriptors that were left.
 */
#ifndef TEST_ENGINE_H
#define TEST_ENGINE_H

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/trace.h"
#include "wire/stream.h"
#include "../fds.h"

/* The regions of the device, unless a test changes them. */
#define BAR_RAW    LM_BAR0_REG_IDX /* the access callback below */
#define BAR_PLAIN  LM_BAR2_REG_IDX /* plain memory that the library keeps */
#define BAR_ABSENT LM_BAR5_REG_IDX
#define RAW_SIZE   (2u * 1024 * 1024)
#define PLAIN_SIZE (2u * 1024 * 1024)

#define MAX_FDS 64

/* What QEMU proposes, and what a client that can do everything does. */
#define OFFER_QEMU "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576," \
	"\"max_dma_maps\":65535,\"pgsizes\":4096,\"write_multiple\":true," \
	"\"migration\":{\"pgsize\":4096,\"max_bitmap_size\":4294967296}}}"
#define OFFER_TWIN "{\"capabilities\":{\"max_msg_fds\":16,\"twin_socket\":{\"supported\":true}}}"

struct engine {
	lm_dev_info_t info;
	lm_ctx_t     *ctx;
	int           fd;       /* the client's end */
	int           twin;     /* a second way, if negotiated; else -1 */
	uint16_t      next_id;
	unsigned int  fds_before;
	char         *raw;      /* what BAR_RAW reads and writes */

	/* What the device does instead, if set. */
	ssize_t (*access)(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write);
	int     (*reset)(struct engine *e);

	/* What the device has seen. */
	unsigned int nr_accesses, nr_resets, nr_attached, nr_detached;
	size_t       last_count;
	loff_t       last_offset;
	bool         last_is_write;
	char         log[512];  /* the last message */

	lm_token_t   token;     /* of the last that was put off */
	lm_trace_reader_t *reader; /* traced.h */
	void        *lease;
	void        *pvt;       /* of the test */
};

/* One received message; the payload is valid until the next one is received. */
struct wire {
	struct vfio_user_header hdr;
	char        *payload;
	size_t       len;
	int          fds[MAX_FDS];
	unsigned int nr_fds;
};

/* ---- descriptors ----------------------------------------------------------------- */

/* An eventfd has been written since the last look. */
static inline bool eventfd_take(int fd)
{
	uint64_t value;

	return read(fd, &value, sizeof(value)) == sizeof(value);
}

/* ---- the device ------------------------------------------------------------------ */

static inline ssize_t engine_access(void *pvt, char *buf, size_t count, loff_t offset,
				    bool is_write)
{
	struct engine *e = pvt;

	e->nr_accesses++;
	e->last_count = count;
	e->last_offset = offset;
	e->last_is_write = is_write;
	if (e->access)
		return e->access(e, buf, count, offset, is_write);
	if (is_write)
		memcpy(e->raw + offset, buf, count);
	else
		memcpy(buf, e->raw + offset, count);
	return (ssize_t)count;
}

/* For struct engine.access: the answer comes later, or never. */
static inline ssize_t access_deferred(struct engine *e, char *buf, size_t count, loff_t offset,
				      bool is_write)
{
	e->token = lm_defer(e->ctx);
	assert_int_not_equal(e->token, 0);
	return LM_DEFER;
}

static inline int engine_reset(void *pvt)
{
	struct engine *e = pvt;

	e->nr_resets++;
	return e->reset ? e->reset(e) : 0;
}

static inline void engine_client(void *pvt, bool attached)
{
	struct engine *e = pvt;

	if (attached)
		e->nr_attached++;
	else
		e->nr_detached++;
}

static inline void engine_log(void *pvt, int level, const char *msg)
{
	struct engine *e = pvt;

	snprintf(e->log, sizeof(e->log), "%s", msg);
}

static inline void engine_describe(struct engine *e)
{
	lm_reg_info_t *bars = e->info.pci_info.reg_info;

	bars[BAR_RAW] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = RAW_SIZE, .fn = engine_access };
	bars[BAR_PLAIN] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = PLAIN_SIZE };
	e->info.pci_info.irq_count[LM_DEV_INTX_IRQ_IDX] = 1;
	e->info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = 4;
	e->info.pci_info.id.vid = 0x1234;
	e->info.pci_info.id.did = 0x5678;
	e->info.pvt = e;
	e->info.reset = engine_reset;
	e->info.client = engine_client;
	e->info.log = engine_log;
	e->info.log_level = LM_LOG_DEBUG;
	e->info.flags = LM_DEV_NO_CONTROL;
	e->info.fd = -1;
}

static inline int engine_setup(void **state)
{
	struct engine *e = calloc(1, sizeof(*e));

	e->fds_before = count_fds();
	e->raw = calloc(1, RAW_SIZE);
	e->fd = e->twin = -1;
	engine_describe(e);
	*state = e;
	return 0;
}

static inline void engine_close(struct engine *e)
{
	if (e->fd >= 0)
		close(e->fd);
	if (e->twin >= 0)
		close(e->twin);
	e->fd = e->twin = -1;
}

static inline void engine_destroy(struct engine *e)
{
	lm_trace_close(e->reader);
	if (e->lease)
		trace_detach(e->ctx, e->lease);
	e->reader = NULL;
	e->lease = NULL;
	lm_ctx_destroy(e->ctx);
	e->ctx = NULL;
}

static inline int engine_teardown(void **state)
{
	struct engine *e = *state;
	int left;

	engine_destroy(e);
	engine_close(e);
	left = fds_left(e->fds_before);
	free(e->raw);
	free(e);
	if (left)
		print_error("%d descriptors were left\n", left);
	return left ? -1 : 0;
}

/* The device serves one end of a socketpair from now on. */
static inline void engine_start(struct engine *e)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	e->fd = pair[0];
	e->info.fd = pair[1];
	e->info.flags |= LM_DEV_CONN_FD;
	e->ctx = lm_ctx_create(&e->info);
	if (!e->ctx)
		fail_msg("no context: %s", e->log);
}

/* Until there is nothing more to do: what the last call answered, 0 or -errno. */
static inline int engine_poll(struct engine *e)
{
	int turns = 2000, ret;

	do
		ret = lm_ctx_poll(e->ctx);
	while (ret > 0 && --turns);
	assert_true(turns); /* it must come to rest */
	return ret;
}

/* The description is refused, and that is said. */
static inline void engine_start_fails(struct engine *e, int error)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	e->info.fd = pair[0];
	e->info.flags |= LM_DEV_CONN_FD;
	e->log[0] = '\0';
	errno = 0;
	assert_null(lm_ctx_create(&e->info));
	assert_int_equal(errno, error);
	assert_string_not_equal(e->log, "");
	close_fds(pair, 2);
}

static inline void engine_refuses(struct engine *e)
{
	engine_start_fails(e, EINVAL);
}

/* ---- bytes ----------------------------------------------------------------------- */

/* All of it in one sendmsg(2); the socket takes it. */
static inline void wire_send_fds(int fd, const void *buf, size_t len, const int *fds,
				 unsigned int nr)
{
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fds_room room;

	fds_attach(&msg, &room, fds, nr);
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT), (ssize_t)len);
}

static inline void wire_send(int fd, const void *buf, size_t len)
{
	wire_send_fds(fd, buf, len, NULL, 0);
}

/* More than the socket takes at once: the device reads meanwhile. */
static inline void engine_send_long(struct engine *e, const void *buf, size_t len)
{
	size_t pos = 0;

	while (pos < len) {
		const ssize_t ret = send(e->fd, (const char *)buf + pos, len - pos,
					 MSG_NOSIGNAL | MSG_DONTWAIT);

		assert_true(ret > 0 || errno == EAGAIN);
		if (ret > 0)
			pos += (size_t)ret;
		assert_true(lm_ctx_poll(e->ctx) >= 0);
	}
}

/* A message in @buf (room for the header included): its length. */
static inline size_t wire_put(void *buf, uint16_t id, uint16_t cmd, const void *payload, size_t len)
{
	const struct vfio_user_header hdr = {
		.msg_id = id, .cmd = cmd, .msg_size = (uint32_t)(sizeof(hdr) + len) };

	memcpy(buf, &hdr, sizeof(hdr));
	if (len)
		memcpy((char *)buf + sizeof(hdr), payload, len);
	return sizeof(hdr) + len;
}

static inline void wire_set_flags(void *msg, uint32_t flags)
{
	memcpy((char *)msg + offsetof(struct vfio_user_header, flags), &flags, sizeof(flags));
}

static inline void wire_take_fds(struct msghdr *msg, struct wire *m)
{
	assert_false(msg->msg_flags & MSG_CTRUNC);
	m->nr_fds += fds_take(msg, m->fds + m->nr_fds, MAX_FDS - m->nr_fds);
}

/* @len bytes; 0: nothing is there, and the device has nothing to add. */
static inline size_t wire_read(struct engine *e, int fd, void *buf, size_t len, struct wire *m)
{
	union fds_room room;
	unsigned int idle = 0;
	size_t pos = 0;

	while (pos < len) {
		struct iovec iov = { (char *)buf + pos, len - pos };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = &room, .msg_controllen = sizeof(room) };
		const ssize_t ret = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (ret > 0) {
			wire_take_fds(&msg, m);
			pos += (size_t)ret;
			idle = 0;
			continue;
		}
		if (!ret || (errno != EAGAIN && errno != ECONNRESET))
			break;
		if (idle++ || !e->ctx)
			break;
		engine_poll(e);
	}
	assert_true(pos == 0 || pos == len); /* no message is cut off */
	return pos;
}

/* One message; false: there is none. Its descriptors are the test's. */
static inline bool wire_recv(struct engine *e, int fd, struct wire *m)
{
	static char payload[STREAM_BIG];

	memset(m, 0, sizeof(*m));
	m->payload = payload;
	if (!wire_read(e, fd, &m->hdr, sizeof(m->hdr), m))
		return false;
	assert_in_range(m->hdr.msg_size, sizeof(m->hdr), sizeof(payload));
	m->len = m->hdr.msg_size - sizeof(m->hdr);
	assert_int_equal(wire_read(e, fd, payload, m->len, m), m->len);
	return true;
}

/* The device has closed the connection. */
static inline bool wire_is_closed(int fd)
{
	char c;
	ssize_t ret;

	do
		ret = recv(fd, &c, 1, MSG_DONTWAIT);
	while (ret > 0);
	return !ret || errno == ECONNRESET;
}

/* ---- requests and replies -------------------------------------------------------- */

static inline uint16_t engine_command_fds(struct engine *e, uint16_t cmd, const void *payload,
					  size_t len, const int *fds, unsigned int nr)
{
	char *msg = malloc(sizeof(struct vfio_user_header) + len);
	const uint16_t id = ++e->next_id;

	wire_send_fds(e->fd, msg, wire_put(msg, id, cmd, payload, len), fds, nr);
	free(msg);
	return id;
}

static inline uint16_t engine_command(struct engine *e, uint16_t cmd, const void *payload,
				      size_t len)
{
	return engine_command_fds(e, cmd, payload, len, NULL, 0);
}

static inline void engine_posted(struct engine *e, uint16_t cmd, const void *payload, size_t len)
{
	char *msg = malloc(sizeof(struct vfio_user_header) + len);
	const size_t size = wire_put(msg, ++e->next_id, cmd, payload, len);

	wire_set_flags(msg, VFIO_USER_F_NO_REPLY);
	wire_send(e->fd, msg, size);
	free(msg);
}

/* The next message is the reply to @id, and it is not an error. */
static inline void engine_reply(struct engine *e, uint16_t id, uint16_t cmd, struct wire *m)
{
	assert_true(wire_recv(e, e->fd, m));
	assert_int_equal(m->hdr.msg_id, id);
	assert_int_equal(m->hdr.cmd, cmd);
	assert_int_equal(m->hdr.flags, VFIO_USER_F_TYPE_REPLY);
	assert_int_equal(m->hdr.error_no, 0);
}

/* The next message is the reply to @id: this error, and nothing but a header. */
static inline void engine_reply_error(struct engine *e, uint16_t id, uint16_t cmd, int error)
{
	struct wire m;

	assert_true(wire_recv(e, e->fd, &m));
	assert_int_equal(m.hdr.msg_id, id);
	assert_int_equal(m.hdr.cmd, cmd);
	assert_int_equal(m.hdr.flags, VFIO_USER_F_TYPE_REPLY | VFIO_USER_F_ERROR);
	assert_int_equal(m.hdr.error_no, error);
	assert_int_equal(m.len, 0);
	assert_int_equal(m.nr_fds, 0);
}

static inline void engine_no_message(struct engine *e)
{
	struct wire m;

	engine_poll(e);
	assert_false(wire_recv(e, e->fd, &m));
}

static inline void engine_request(struct engine *e, uint16_t cmd, const void *payload, size_t len,
				  struct wire *m)
{
	const uint16_t id = engine_command(e, cmd, payload, len);

	engine_reply(e, id, cmd, m);
}

static inline void engine_request_fails(struct engine *e, uint16_t cmd, const void *payload,
					size_t len, int error)
{
	const uint16_t id = engine_command(e, cmd, payload, len);

	engine_reply_error(e, id, cmd, error);
}

/* The connection still works, and nothing else stands before the answer. */
static inline void engine_is_alive(struct engine *e)
{
	const struct vfio_user_device_info info = { .argsz = sizeof(info) };
	struct wire m;

	engine_request(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), &m);
	assert_int_equal(m.len, sizeof(info));
}

/* The connection has ended, without an answer to what was sent last. */
static inline void engine_is_gone(struct engine *e)
{
	assert_int_equal(engine_poll(e), -ENOTCONN);
	assert_true(wire_is_closed(e->fd));
	assert_int_equal(e->nr_detached, 1);
}

/* ---- commands that many tests need ----------------------------------------------- */

static inline size_t version_put(char *payload, uint16_t major, uint16_t minor, const char *json)
{
	const struct vfio_user_version version = { major, minor };

	memcpy(payload, &version, sizeof(version));
	if (!json)
		return sizeof(version);
	strcpy(payload + sizeof(version), json);
	return sizeof(version) + strlen(json) + 1;
}

static inline void engine_version(struct engine *e, const char *json, struct wire *m)
{
	char payload[4096];

	engine_request(e, VFIO_USER_VERSION, payload, version_put(payload, 0, 0, json), m);
}

static inline void engine_negotiate(struct engine *e, const char *json)
{
	struct wire m;

	engine_version(e, json, &m);
	assert_in_range(m.nr_fds, 0, 1);
	if (m.nr_fds)
		e->twin = m.fds[0];
}

/* What most tests begin with. */
static inline void engine_connect(struct engine *e)
{
	engine_start(e);
	engine_negotiate(e, OFFER_QEMU);
}

static inline struct vfio_user_region_access region_range(uint32_t region, uint64_t offset,
							  uint32_t count)
{
	return (struct vfio_user_region_access){
		.offset = offset, .region = region, .count = count };
}

static inline uint16_t engine_send_read(struct engine *e, uint32_t region, uint64_t offset,
					uint32_t count)
{
	const struct vfio_user_region_access req = region_range(region, offset, count);

	return engine_command(e, VFIO_USER_REGION_READ, &req, sizeof(req));
}

/* A write as a payload to be freed. */
static inline char *write_payload(uint32_t region, uint64_t offset, const void *data,
				  uint32_t count, size_t *len)
{
	const struct vfio_user_region_access req = region_range(region, offset, count);
	char *payload = malloc(sizeof(req) + count);

	memcpy(payload, &req, sizeof(req));
	if (count)
		memcpy(payload + sizeof(req), data, count);
	*len = sizeof(req) + count;
	return payload;
}

static inline uint16_t engine_send_write(struct engine *e, uint32_t region, uint64_t offset,
					 const void *data, uint32_t count)
{
	size_t len;
	char *payload = write_payload(region, offset, data, count, &len);
	const uint16_t id = engine_command(e, VFIO_USER_REGION_WRITE, payload, len);

	free(payload);
	return id;
}

static inline void engine_post_write(struct engine *e, uint32_t region, uint64_t offset,
				     const void *data, uint32_t count)
{
	size_t len;
	char *payload = write_payload(region, offset, data, count, &len);

	engine_posted(e, VFIO_USER_REGION_WRITE, payload, len);
	free(payload);
}

/* The next message is the reply to read @id: its bytes. */
static inline const char *engine_read_reply(struct engine *e, uint16_t id, uint32_t count)
{
	static struct wire m;
	struct vfio_user_region_access rep;

	engine_reply(e, id, VFIO_USER_REGION_READ, &m);
	assert_int_equal(m.len, sizeof(rep) + count);
	memcpy(&rep, m.payload, sizeof(rep));
	assert_int_equal(rep.count, count);
	return m.payload + sizeof(rep);
}

static inline const char *engine_read(struct engine *e, uint32_t region, uint64_t offset,
				      uint32_t count)
{
	return engine_read_reply(e, engine_send_read(e, region, offset, count), count);
}

static inline uint32_t engine_read32(struct engine *e, uint32_t region, uint64_t offset)
{
	uint32_t value;

	memcpy(&value, engine_read(e, region, offset, sizeof(value)), sizeof(value));
	return value;
}

static inline void engine_write_reply(struct engine *e, uint16_t id)
{
	struct wire m;

	engine_reply(e, id, VFIO_USER_REGION_WRITE, &m);
	assert_int_equal(m.len, sizeof(struct vfio_user_region_access));
}

static inline void engine_write(struct engine *e, uint32_t region, uint64_t offset,
				const void *data, uint32_t count)
{
	engine_write_reply(e, engine_send_write(e, region, offset, data, count));
}

static inline void engine_read_fails(struct engine *e, uint32_t region, uint64_t offset,
				     uint32_t count, int error)
{
	const uint16_t id = engine_send_read(e, region, offset, count);

	engine_reply_error(e, id, VFIO_USER_REGION_READ, error);
}

static inline void engine_write_fails(struct engine *e, uint32_t region, uint64_t offset,
				      const void *data, uint32_t count, int error)
{
	const uint16_t id = engine_send_write(e, region, offset, data, count);

	engine_reply_error(e, id, VFIO_USER_REGION_WRITE, error);
}

/* Memory of the client; @fd -1: to be reached by messages. */
static inline void engine_map(struct engine *e, uint64_t addr, uint64_t size, int fd)
{
	const struct vfio_user_dma_map req = {
		.argsz = sizeof(req), .addr = addr, .size = size,
		.flags = VFIO_USER_DMA_READABLE | VFIO_USER_DMA_WRITEABLE,
	};
	struct wire m;
	uint16_t id;

	id = engine_command_fds(e, VFIO_USER_DMA_MAP, &req, sizeof(req), &fd, fd >= 0);
	engine_reply(e, id, VFIO_USER_DMA_MAP, &m);
	assert_int_equal(m.len, 0);
}

/* Memory at @addr that the client shares, sealed, so that it is mapped. The test unmaps it. */
static inline void *engine_share(struct engine *e, uint64_t addr, size_t size)
{
	const int fd = memfd_create("client", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *memory;

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(memory != MAP_FAILED);
	engine_map(e, addr, size, fd);
	close(fd);
	return memory;
}

#define ENGINE_TEST(f) cmocka_unit_test_setup_teardown(f, engine_setup, engine_teardown)

#endif /* TEST_ENGINE_H */
