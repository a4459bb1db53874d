/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_peer.h - a device and peers of its control endpoint, for tests.
 *
 * One thread plays all: a test sends bytes as it likes, then polls the context until an
 * answer is there. Each test gets a fresh device from peer_setup(); peer_teardown() also
 * looks for descriptors that were left.
 */
#ifndef TEST_CONTROL_PEER_H
#define TEST_CONTROL_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/pci_regs.h>

#include "base/json.h"
#include "wire/vfio_user.h"
#include "../fds.h"
#include "muser-instance.h"
#include "muser.h"

#define BAR_REGS  LM_BAR0_REG_IDX /* a register map that the device serves */
#define BAR_KEPT  LM_BAR1_REG_IDX /* one whose values the library keeps */
#define BAR_RAW   LM_BAR2_REG_IDX /* an access callback, which may defer */
#define BAR_PLAIN LM_BAR3_REG_IDX /* memory */
#define BAR_MSIX  LM_BAR4_REG_IDX
#define PLAIN_SIZE (64u * 1024u)
#define TYPE "test-d\xc3\xa9vice" /* UTF-8 */

enum { REG_ID = 0x00, REG_CTRL = 0x04, REG_FIFO = 0x08, REG_KEPT = 0x10, REG_DONE = 0x14 };

struct peer_device {
	lm_ctx_t    *ctx;
	char         runtime[64];
	unsigned int fds_before;
	uint32_t     ctrl;
	unsigned int reads, resets, sets;
	char         input[64];   /* property "in" as it was last set */
	bool         defer;       /* BAR_RAW, the control register's and reset's callbacks do */
	lm_token_t   token;
	char         raw[256];
};

static struct peer_device dev;

/* ---- the device ------------------------------------------------------------------ */

static uint64_t regs_read(void *pvt, const lm_register_io_t *io)
{
	dev.reads++;
	switch (io->offset) {
	case REG_ID:
		return 0x12345678;
	case REG_CTRL:
		return dev.ctrl;
	default:
		return dev.reads;
	}
}

static void regs_write(void *pvt, const lm_register_io_t *io)
{
	dev.ctrl = (uint32_t)io->value;
}

static ssize_t raw_access(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	if (is_write)
		memcpy(dev.raw + offset, buf, count);
	else
		memcpy(buf, dev.raw + offset, count);
	if (!dev.defer)
		return (ssize_t)count;
	dev.token = lm_defer(dev.ctx);
	return LM_DEFER;
}

static int dev_reset(void *pvt)
{
	dev.resets++;
	if (!dev.defer)
		return 0;
	dev.token = lm_defer(dev.ctx);
	return LM_DEFER;
}

static int dev_prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	if (!strcmp(name, "in3")) /* one of them */
		return snprintf(buf, size, "three") < 0;
	if (!strcmp(name, "in4") || !strcmp(name, "in5")) /* too long, and as long as can be */
		return snprintf(buf, size, "%0*d", name[2] == '4' ? 5000 : (int)size - 2, 0) < 0;
	if (!strcmp(name, "strange"))
		return snprintf(buf, size, "a\xff\nb") < 0;
	if (!strcmp(name, "broken"))
		return -EIO;
	return snprintf(buf, size, "%s", dev.input) < 0;
}

static int dev_prop_set(void *pvt, const char *name, const char *value)
{
	if (!strcmp(value, "bad"))
		return -EINVAL;
	dev.sets++;
	snprintf(dev.input, sizeof(dev.input), "%s=%s", name, value);
	return 0;
}

static const lm_field_t ctrl_fields[] = {
	{ .name = "EN", .shift = 0, .bits = 1, .help = "enable" },
	{ .name = "MODE", .shift = 4, .bits = 2 },
};

static const lm_register_t served_regs[] = {
	{ .name = "ID", .help = "who", .offset = REG_ID, .width = 4, .access = LM_RO,
	  .flags = LM_REGISTER_PURE, .reset = 0x12345678 },
	{ .name = "CTRL", .offset = REG_CTRL, .width = 4, .flags = LM_REGISTER_PURE,
	  .fields = ctrl_fields, .nr_fields = 2 },
	{ .name = "FIFO", .offset = REG_FIFO, .width = 4, .access = LM_RO },
};

static const lm_register_map_t regs_map = {
	LM_REGISTERS(served_regs), .read = regs_read, .write = regs_write,
};

static const lm_register_t kept_regs[] = {
	{ .name = "KEPT", .offset = REG_KEPT, .width = 4, .reset = 0xaabb },
	{ .name = "DONE", .offset = REG_DONE, .width = 1, .access = LM_RW1C, .reset = 0xf },
};

static const lm_register_map_t kept_map = { LM_REGISTERS(kept_regs) };

static const lm_prop_t props[] = {
	{ .name = "in", .help = "inputs", .value = "none", .nr = 12 },
	{ .name = "id", .flags = LM_PROP_RO },
	{ .name = "mode", .flags = LM_PROP_CREATE },
	{ .name = "strange" },
	{ .name = "broken" },
};

#define MEM (LM_REG_FLAG_RW | LM_REG_FLAG_MEM)

static const lm_dev_info_t peer_info = {
	.pci_info = {
		.id = { .vid = 0x494f, .did = 0x0dc8 },
		.ss = { .vid = 0x1234, .sid = 0x5678 },
		.cc = { .bcc = 0x11 },
		.rev = 3,
		.irq_count = { [LM_DEV_INTX_IRQ_IDX] = 1, [LM_DEV_MSIX_IRQ_IDX] = 8,
			       [LM_DEV_ERR_IRQ_IDX] = 1 },
		.reg_info = {
			[BAR_REGS] = { .flags = MEM, .size = 16, .regs = &regs_map },
			[BAR_KEPT] = { .flags = MEM, .size = 32, .regs = &kept_map },
			[BAR_RAW] = { .flags = MEM, .size = 256, .fn = raw_access },
			[BAR_PLAIN] = { .flags = MEM | LM_REG_FLAG_MMAP, .size = PLAIN_SIZE },
			[BAR_MSIX] = { .flags = MEM, .size = 4096, },
		},
	},
	.caps = { { .id = PCI_CAP_ID_MSIX,
		    .msix = { .bar = BAR_MSIX, .table = 0, .pba = 0x800 } } },
	.type = TYPE,
	.name = "peer",
	LM_PROPS(props),
	.prop_get = dev_prop_get,
	.prop_set = dev_prop_set,
	.reset = dev_reset,
};

static inline int peer_setup(void **state)
{
	memset(&dev, 0, sizeof(dev));
	dev.fds_before = count_fds();
	snprintf(dev.runtime, sizeof(dev.runtime), "/tmp/test_control.XXXXXX");
	assert_non_null(mkdtemp(dev.runtime));
	setenv("MUSER_RUNTIME_DIR", dev.runtime, 1);
	dev.ctx = lm_ctx_create(&peer_info);
	assert_non_null(dev.ctx);
	return 0;
}

static inline int peer_teardown(void **state)
{
	lm_ctx_destroy(dev.ctx);
	if (rmdir(dev.runtime))
		return -1;
	return fds_left(dev.fds_before);
}

/* ---- a peer ---------------------------------------------------------------------- */

/* Let the device do all there is to do. */
static inline void serve(void)
{
	while (lm_ctx_poll(dev.ctx) > 0)
		;
}

/* A vfio-user client that has said its version, and nothing more. */
static inline int client_connect(void)
{
	const struct {
		struct vfio_user_header  hdr;
		struct vfio_user_version version;
	} msg = {
		.hdr = { .cmd = VFIO_USER_VERSION, .msg_size = sizeof(msg) },
		.version = { .minor = 1 },
	};
	int fd;

	assert_int_equal(lm_instance_connect(lm_ctx_uuid(dev.ctx), "vfio-user.sock", &fd), 0);
	assert_int_equal(send(fd, &msg, sizeof(msg), 0), sizeof(msg));
	serve();
	return fd;
}

static inline int peer_connect(void)
{
	int fd;

	assert_int_equal(lm_instance_connect(lm_ctx_uuid(dev.ctx), "control.sock", &fd), 0);
	serve();
	return fd;
}

static inline void send_bytes(int fd, const void *buf, size_t len)
{
	assert_int_equal(send(fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT), len);
}

/* A whole message, and what may come with it. */
static inline void send_call(int fd, const char *text)
{
	send_bytes(fd, text, strlen(text) + 1);
}

static inline void send_fds(int fd, const char *text, const int *fds, unsigned int nr)
{
	struct iovec iov = { (char *)text, strlen(text) + 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fds_room room;

	fds_attach(&msg, &room, fds, nr);
	assert_int_equal(sendmsg(fd, &msg, 0), iov.iov_len);
}

/* One message, up to its NUL; *ring, if asked for, is a descriptor that came with
 * it. NULL: the device has hung up. Fails the test if nothing comes. */
static inline struct json_object *receive_fd(int fd, int *ring)
{
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } u;
	static char text[4 * 1024 * 1024];
	struct iovec iov = { text, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct json_object *obj;
	size_t len = 0;
	ssize_t got;
	int tries = 0;

	for (;;) {
		assert_true(len < sizeof(text));
		iov.iov_base = text + len;
		msg.msg_control = &u;
		msg.msg_controllen = sizeof(u);
		got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (got < 0 && errno == ECONNRESET)
			return NULL;
		if (got < 0) {
			assert_int_equal(errno, EAGAIN);
			assert_true(++tries < 3);
			serve();
			continue;
		}
		if (!got)
			return NULL;
		tries = 0;
		if (CMSG_FIRSTHDR(&msg)) {
			assert_non_null(ring);
			memcpy(ring, CMSG_DATA(&u.align), sizeof(int));
		}
		if (!text[len++])
			break;
	}
	obj = json_parse_reply(text, len - 1);
	assert_non_null(obj);
	return obj;
}

static inline struct json_object *receive(int fd)
{
	return receive_fd(fd, NULL);
}

static inline void assert_silent(int fd)
{
	char c;

	serve();
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static inline void assert_hung_up(int fd)
{
	char c;
	ssize_t got;

	serve();
	got = recv(fd, &c, 1, MSG_DONTWAIT);
	assert_true(!got || (got < 0 && errno == ECONNRESET));
}

/* Members with ' for ", to be read by people. NULL: no parameters. */
static inline void call_text(char *text, size_t size, const char *method, const char *params)
{
	char *p;

	snprintf(text, size, "{\"method\":\"%s%s\"%s%s}",
		 strchr(method, '.') ? "" : "org.muser.control.", method,
		 params ? ",\"parameters\":" : "", params ? params : "");
	for (p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
}

static inline void send_method(int fd, const char *method, const char *params)
{
	char text[1024];

	call_text(text, sizeof(text), method, params);
	send_call(fd, text);
}

static inline struct json_object *call(int fd, const char *method, const char *params)
{
	struct json_object *reply;

	send_method(fd, method, params);
	reply = receive(fd);
	assert_non_null(reply);
	return reply;
}

/* The reply is @expected, word for word. */
static inline void assert_reply(struct json_object *reply, const char *expected)
{
	size_t len;
	char *text, *p;

	assert_non_null(reply);
	text = json_text(reply, &len);
	for (p = text; *p; p++)
		*p = *p == '"' ? '\'' : *p;
	assert_string_equal(text, expected);
	free(text);
	json_free(reply);
}

static inline void assert_call(int fd, const char *method, const char *params,
			       const char *expected)
{
	assert_reply(call(fd, method, params), expected);
}

#define INVALID(name) "{'error':'org.varlink.service.InvalidParameter'," \
		      "'parameters':{'parameter':'" name "'}}"
#define OK            "{'parameters':{}}"

#define TEST(f) cmocka_unit_test_setup_teardown(f, peer_setup, peer_teardown)

#endif /* TEST_CONTROL_PEER_H */
