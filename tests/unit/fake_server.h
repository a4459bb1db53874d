/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fake_server.h - the other end of a client under test: a thread that follows a script, on a
 * socketpair. A script receives and sends whole messages or any bytes; what it found wrong is
 * told when it is joined. Each test also fails if it leaves a descriptor behind.
 */
#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/vfio_user.h"
#include "../fds.h"
#include "muser-client.h"

#define FAKE_MAX   (2u << 20)
#define FAKE_JSON  "{\"capabilities\":{\"max_msg_fds\":4,\"max_data_xfer_size\":1048576," \
		   "\"max_dma_maps\":100,\"pgsizes\":4096,\"write_multiple\":true}}"
#define FAKE_QUICK_MS 60 /* for calls that must time out */

struct fake {
	int         fd;          /* ours */
	int         client_fd;   /* until the client has taken it */
	pthread_t   thread;
	void      (*script)(struct fake *f);
	const char *json;         /* of the handshake's reply; NULL: FAKE_JSON; "": none at all */
	bool        no_handshake; /* the script does it */
	char        wrong[200];  /* the first thing that the script did not expect */
	/* the last message received */
	struct vfio_user_header hdr;
	char       *payload;
	size_t      len;
	int         fds[LM_CLIENT_MAX_FDS];
	unsigned int nr_fds;
};

/* In a script: go on, but remember. */
#define FAKE_CHECK(f, condition) do { \
	if (!(condition) && !(f)->wrong[0]) \
		snprintf((f)->wrong, sizeof((f)->wrong), "line %d: %s", __LINE__, #condition); \
} while (0)

static inline void fake_close_fds(struct fake *f)
{
	close_fds(f->fds, f->nr_fds);
	f->nr_fds = 0;
}

static inline size_t fake_read(struct fake *f, void *buf, size_t len)
{
	union fds_room room;
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &room,
			      .msg_controllen = sizeof(room) };
	ssize_t got = recvmsg(f->fd, &msg, MSG_CMSG_CLOEXEC);

	if (got < 0)
		return 0;
	f->nr_fds += fds_take(&msg, f->fds + f->nr_fds, LM_CLIENT_MAX_FDS - f->nr_fds);
	return (size_t)got;
}

static inline bool fake_read_all(struct fake *f, void *buf, size_t len)
{
	char *to = buf;
	size_t got;

	for (; len; to += got, len -= got) {
		got = fake_read(f, to, len);
		if (!got)
			return false;
	}
	return true;
}

/* The next message of the client; descriptors of the one before are closed. */
static inline bool fake_recv(struct fake *f)
{
	fake_close_fds(f);
	if (!fake_read_all(f, &f->hdr, sizeof(f->hdr)))
		return false;
	f->len = f->hdr.msg_size - sizeof(f->hdr);
	FAKE_CHECK(f, f->hdr.msg_size >= sizeof(f->hdr) && f->len <= FAKE_MAX);
	return !f->wrong[0] && fake_read_all(f, f->payload, f->len);
}

/* The next message must be this command. */
static inline bool fake_expect(struct fake *f, uint16_t cmd)
{
	const bool there = fake_recv(f);

	FAKE_CHECK(f, there);
	FAKE_CHECK(f, f->hdr.cmd == cmd);
	return there && f->hdr.cmd == cmd;
}

static inline void fake_write(struct fake *f, const void *buf, size_t len)
{
	const char *from = buf;

	while (len) {
		const ssize_t sent = send(f->fd, from, len, MSG_NOSIGNAL);

		if (sent < 0)
			return;
		from += sent;
		len -= (size_t)sent;
	}
}

static inline void fake_write_fds(struct fake *f, const void *buf, size_t len, const int *fds,
				  unsigned int nr)
{
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fds_room room;

	fds_attach(&msg, &room, fds, nr);
	if (sendmsg(f->fd, &msg, MSG_NOSIGNAL) < 0)
		return; /* the client has gone */
}

/* A message of our own making. Returns its size; @to has room. */
static inline size_t fake_message(char *to, struct vfio_user_header hdr, const void *payload,
				  size_t len)
{
	hdr.msg_size = (uint32_t)(sizeof(hdr) + len);
	memcpy(to, &hdr, sizeof(hdr));
	if (len)
		memcpy(to + sizeof(hdr), payload, len);
	return sizeof(hdr) + len;
}

/* The header of the answer to the last message. */
static inline struct vfio_user_header fake_reply_hdr(const struct fake *f)
{
	return (struct vfio_user_header){
		.msg_id = f->hdr.msg_id, .cmd = f->hdr.cmd, .flags = VFIO_USER_F_TYPE_REPLY,
	};
}

static inline void fake_reply_fds(struct fake *f, const void *payload, size_t len, const int *fds,
				  unsigned int nr)
{
	char *buf = malloc(sizeof(struct vfio_user_header) + len);
	const size_t size = fake_message(buf, fake_reply_hdr(f), payload, len);

	if (nr)
		fake_write_fds(f, buf, size, fds, nr);
	else
		fake_write(f, buf, size);
	free(buf);
}

static inline void fake_reply(struct fake *f, const void *payload, size_t len)
{
	fake_reply_fds(f, payload, len, NULL, 0);
}

static inline void fake_reply_error(struct fake *f, uint32_t error_no)
{
	struct vfio_user_header hdr = fake_reply_hdr(f);
	char buf[sizeof(hdr)];

	hdr.flags |= VFIO_USER_F_ERROR;
	hdr.error_no = error_no;
	fake_write(f, buf, fake_message(buf, hdr, NULL, 0));
}

/* The answer to a REGION_READ: bytes that count up from the offset. Into @to; the size. */
static inline size_t fake_read_reply(const struct fake *f, char *to)
{
	struct vfio_user_region_access req;
	char *data;
	uint32_t i;

	memcpy(&req, f->payload, sizeof(req));
	data = to + sizeof(struct vfio_user_header) + sizeof(req);
	for (i = 0; i < req.count; i++)
		data[i] = (char)(req.offset + i);
	fake_message(to, fake_reply_hdr(f), f->payload, sizeof(req));
	((struct vfio_user_header *)to)->msg_size += req.count;
	return sizeof(struct vfio_user_header) + sizeof(req) + req.count;
}

static inline void fake_answer_read(struct fake *f)
{
	struct vfio_user_region_access req;
	char *buf;

	memcpy(&req, f->payload, sizeof(req));
	buf = malloc(sizeof(struct vfio_user_header) + sizeof(req) + req.count);
	fake_write(f, buf, fake_read_reply(f, buf));
	free(buf);
}

/* Each message in time, all of them never: reads and writes of regions, or empty answers. */
static inline void script_slow(struct fake *f)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	while (fake_recv(f)) {
		nanosleep(&pause, NULL);
		if (f->hdr.cmd == VFIO_USER_REGION_READ)
			fake_answer_read(f);
		else if (f->hdr.cmd == VFIO_USER_REGION_WRITE)
			fake_reply(f, f->payload, sizeof(struct vfio_user_region_access));
		else if (f->hdr.cmd == VFIO_USER_REGION_WRITE_MULTI)
			fake_reply(f, f->payload, sizeof(struct vfio_user_write_multi));
		else
			fake_reply(f, NULL, 0);
	}
}

static inline void fake_answer_version(struct fake *f, uint16_t minor)
{
	const struct vfio_user_version v = { VFIO_USER_MAJOR, minor };
	const char *json = f->json ? f->json : FAKE_JSON;
	const size_t len = *json ? strlen(json) + 1 : 0;
	char *buf = malloc(sizeof(v) + len);

	memcpy(buf, &v, sizeof(v));
	if (len)
		memcpy(buf + sizeof(v), json, len);
	fake_reply(f, buf, sizeof(v) + len);
	free(buf);
}

static inline void *fake_thread(void *arg)
{
	struct fake *f = arg;

	if (!f->no_handshake && fake_expect(f, VFIO_USER_VERSION))
		fake_answer_version(f, VFIO_USER_MINOR);
	if (f->script)
		f->script(f);
	return NULL;
}

static inline void fake_start(struct fake *f)
{
	const struct timeval patience = { .tv_sec = 5 };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	f->fd = fds[0];
	f->client_fd = fds[1];
	setsockopt(f->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	f->payload = malloc(FAKE_MAX);
	assert_int_equal(pthread_create(&f->thread, NULL, fake_thread, f), 0);
}

/* The script is over and has found nothing wrong. The client must have been closed, or not. */
static inline void fake_join(struct fake *f)
{
	pthread_join(f->thread, NULL);
	fake_close_fds(f);
	close(f->fd);
	free(f->payload);
	assert_string_equal(f->wrong, "");
}

/* A client that is connected to @f, with the usual handshake. */
static inline lm_client_t *fake_client(struct fake *f, const lm_client_options_t *options)
{
	lm_client_t *c = NULL;

	fake_start(f);
	assert_int_equal(lm_client_connect_fd(f->client_fd, options, &c), 0);
	return c;
}

/* Connecting fails, and leaves the descriptor alone. */
static inline int fake_refuses(struct fake *f, const lm_client_options_t *options)
{
	lm_client_t *c = NULL;
	int ret;

	fake_start(f);
	ret = lm_client_connect_fd(f->client_fd, options, &c);
	assert_null(c);
	assert_int_equal(close(f->client_fd), 0);
	fake_join(f);
	return ret;
}

/* ---- descriptors ------------------------------------------------------------ */

static inline int fds_setup(void **state)
{
	*state = (void *)(intptr_t)count_fds();
	return 0;
}

static inline int fds_teardown(void **state)
{
	const int left = fds_left((unsigned int)(intptr_t)*state);

	if (left)
		print_error("%d descriptors are left\n", left);
	return left;
}

#define fake_test(fn) cmocka_unit_test_setup_teardown(fn, fds_setup, fds_teardown)

static inline uint64_t fake_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#endif /* FAKE_SERVER_H */
