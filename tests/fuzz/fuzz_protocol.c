/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_protocol.c - a hostile client, and a device that does anything at any time.
 *
 * The first byte says how the client introduces itself, the following ones are its steps: whole
 * messages with chosen fields, raw bytes, bytes in pieces, descriptors of all kinds, replies to
 * our DMA commands, acts of the device, hanging up. Replies must be well-formed and in the order
 * of the requests; in the end each request has one, unless the client broke the framing.
 */
#include <sys/un.h>

#include "server/server_client.h"
#include "trace/trace.h"
#include "device.h"

#define MAX_STEPS   64u
#define MAX_OWED    4096u
#define MAX_UPCALLS 16u
#define MESSAGE_MAX (STREAM_MAX_MSG + 64u)
#define NR_KINDS    10u

/* The first byte of an input. */
enum {
	INTRO_MASK   = 7,   /* which handshake */
	INTRO_LISTEN = 8,   /* by a listening socket, so that clients can come again */
	INTRO_TRACE  = 16,
	INTRO_STRICT = 32,  /* LM_DEV_STRICT_DMA */
	INTRO_NOMMAP = 64,  /* LM_DEV_NO_MMAP */
	INTRO_BUSY   = 128, /* LM_DEV_BUSY_POLL */
};

#define CAPS(text) "{\"capabilities\":{" text "}}"

static const char *const offers[] = {
	NULL, /* no JSON */
	CAPS("\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,\"max_dma_maps\":65535,"
	     "\"pgsizes\":4096,\"write_multiple\":true,\"migration\":{\"pgsize\":4096}"),
	CAPS("\"max_msg_fds\":16,\"twin_socket\":{\"supported\":true}"),
	CAPS("\"max_data_xfer_size\":64,\"max_msg_fds\":1"),
	CAPS("\"max_data_xfer_size\":16,\"twin_socket\":{\"supported\":true},"
	     "\"max_msg_fds\":2"),
	CAPS("\"max_data_xfer_size\":1000000000"),
	"{}",
	"", /* no handshake at all */
};

/* A command of ours that the client has not answered. */
struct upcall {
	struct vfio_user_header hdr;
	struct vfio_user_dma_region_access req;
	bool on_twin;
};

/* What came and was not whole. */
struct lane {
	int    fd;
	char  *buf;
	size_t len;
};

struct peer {
	struct lane   lane[2];  /* the main socket and the twin */
	bool          sane;     /* all that was sent was well-formed and complete */
	bool          mute;     /* replies are not read */
	uint16_t      next_id;
	uint16_t      owed[MAX_OWED]; /* ids of requests that want a reply, a ring */
	uint32_t      owed_first, nr_owed;
	struct upcall upcalls[MAX_UPCALLS];
	unsigned int  nr_upcalls;
	int           fds[NR_KINDS]; /* one of each kind, made when needed; 0: not yet */
	unsigned int  chunk;         /* bytes of one send; 0: all at once */
	int           listener;
	void         *tracer;
};

static struct peer peer;
static char message[MESSAGE_MAX];

/* ---- receiving ------------------------------------------------------------------- */

static void lane_close(struct lane *lane)
{
	if (lane->fd >= 0)
		close(lane->fd);
	lane->fd = -1;
	lane->len = 0;
}

static void owe(uint16_t id)
{
	if (peer.nr_owed == MAX_OWED) {
		peer.sane = false;
		return;
	}
	peer.owed[(peer.owed_first + peer.nr_owed++) % MAX_OWED] = id;
}

static bool is_access(uint16_t cmd)
{
	return cmd == VFIO_USER_REGION_READ || cmd == VFIO_USER_REGION_WRITE ||
	       cmd == VFIO_USER_REGION_WRITE_MULTI;
}

static void take_reply(const struct vfio_user_header *hdr)
{
	const bool error = hdr->flags & VFIO_USER_F_ERROR;

	FUZZ_CHECK(!(hdr->flags & ~(VFIO_USER_F_TYPE_MASK | VFIO_USER_F_ERROR)));
	FUZZ_CHECK(!error || (hdr->error_no && hdr->error_no < 4096));
	FUZZ_CHECK(!error || hdr->msg_size == sizeof(*hdr));
	/* What the device says, a guest could have caused. */
	FUZZ_CHECK(!error || hdr->error_no == EINVAL || !is_access(hdr->cmd));
	if (!peer.sane)
		return;
	FUZZ_CHECK(peer.nr_owed && peer.owed[peer.owed_first] == hdr->msg_id);
	peer.owed_first = (peer.owed_first + 1) % MAX_OWED;
	peer.nr_owed--;
}

static void take_upcall(const struct vfio_user_header *hdr, const char *payload, bool on_twin)
{
	struct upcall *up = &peer.upcalls[peer.nr_upcalls];
	const bool is_write = hdr->cmd == VFIO_USER_DMA_WRITE;

	FUZZ_CHECK(is_write || hdr->cmd == VFIO_USER_DMA_READ);
	FUZZ_CHECK(!hdr->flags && !hdr->error_no);
	FUZZ_CHECK(hdr->msg_size >= sizeof(*hdr) + sizeof(up->req));
	if (peer.nr_upcalls == MAX_UPCALLS)
		return;
	up->hdr = *hdr;
	up->on_twin = on_twin;
	memcpy(&up->req, payload, sizeof(up->req));
	FUZZ_CHECK(up->req.count && up->req.count <= STREAM_MAX_DATA);
	FUZZ_CHECK(hdr->msg_size == sizeof(*hdr) + sizeof(up->req) +
				    (is_write ? up->req.count : 0));
	peer.nr_upcalls++;
}

/* Whole messages, taken out. */
static void lane_parse(struct lane *lane)
{
	struct vfio_user_header hdr;
	size_t pos = 0;

	while (lane->len - pos >= sizeof(hdr)) {
		memcpy(&hdr, lane->buf + pos, sizeof(hdr));
		FUZZ_CHECK(hdr.msg_size >= sizeof(hdr) && hdr.msg_size <= STREAM_MAX_MSG);
		if (lane->len - pos < hdr.msg_size)
			break;
		if ((hdr.flags & VFIO_USER_F_TYPE_MASK) == VFIO_USER_F_TYPE_REPLY)
			take_reply(&hdr);
		else
			take_upcall(&hdr, lane->buf + pos + sizeof(hdr), lane == &peer.lane[1]);
		pos += hdr.msg_size;
	}
	memmove(lane->buf, lane->buf + pos, lane->len - pos);
	lane->len -= pos;
}

/* The only descriptor that is kept is a twin socket. */
static void keep_fds(int *fds, unsigned int nr)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (nr == 1 && peer.lane[1].fd < 0 &&
	    !getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &type, &len))
		peer.lane[1].fd = fds[--nr];
	close_fds(fds, nr);
}

static bool lane_drain(struct lane *lane)
{
	int fds[FUZZ_MAX_FDS];
	unsigned int nr;
	ssize_t got;
	bool any = false;

	while (lane->fd >= 0) {
		got = receive_fds(lane->fd, lane->buf + lane->len, MESSAGE_MAX - lane->len,
				  fds, &nr);
		if (got <= 0)
			break;
		any = true;
		keep_fds(fds, nr);
		lane->len += (size_t)got;
		lane_parse(lane);
	}
	return any;
}

static bool drain(void)
{
	const bool main = lane_drain(&peer.lane[0]);

	return lane_drain(&peer.lane[1]) || main;
}

/* ---- sending --------------------------------------------------------------------- */

static int fd_of_kind(unsigned int kind)
{
	const uint64_t full = UINT64_MAX - 1;

	kind %= NR_KINDS;
	if (!peer.fds[kind]) {
		peer.fds[kind] = fd_new(kind == 9 ? 2 : kind);
		if (kind == 9) /* an eventfd that takes no more */
			FUZZ_CHECK(write(peer.fds[kind], &full, sizeof(full)) == sizeof(full));
	}
	return peer.fds[kind];
}

/* The device reads when the socket is full; a client that it does not read from gives up. */
static void send_all(struct lane *lane, const char *buf, size_t len, const int *fds,
		     unsigned int nr)
{
	size_t pos = 0, piece;
	int tries = 0;
	ssize_t sent;

	while (pos < len && lane->fd >= 0 && tries < 4) {
		piece = peer.chunk && peer.chunk < len - pos ? peer.chunk : len - pos;
		sent = send_fds(lane->fd, buf + pos, piece, fds, pos ? 0 : nr);
		if (sent > 0)
			pos += (size_t)sent;
		tries = sent > 0 ? 0 : tries + 1;
		if (pos < len)
			lm_ctx_poll(dev.ctx);
		if (sent <= 0 && !peer.mute)
			drain();
	}
	if (pos < len)
		peer.sane = false;
}

/* The header before the payload at message + 16, with what may be wrong with it. */
static void send_message(struct input *in, uint16_t cmd, size_t len, const int *fds,
			 unsigned int nr)
{
	struct vfio_user_header hdr = { .msg_id = ++peer.next_id, .cmd = cmd };
	const uint8_t tweak = take_u8(in);

	if (tweak & 0x80 && tweak & 0x10)
		hdr.flags = VFIO_USER_F_NO_REPLY;
	if ((tweak & 0xc0) == 0xc0)
		len = tweak & 0x20 ? len / 2 : len + (tweak & 0xf) * 8;
	hdr.msg_size = (uint32_t)(sizeof(hdr) + len);
	if (tweak == 0xbf) {
		hdr.msg_size = take_u32(in);
		hdr.flags = take_u8(in);
		peer.sane = false;
	} else if (!hdr.flags) {
		owe(hdr.msg_id);
	}
	memcpy(message, &hdr, sizeof(hdr));
	send_all(&peer.lane[0], message, sizeof(hdr) + len, fds, nr);
}

/* ---- payloads: each gives its length --------------------------------------------- */

#define PUT(value) (memcpy(payload, &(value), sizeof(value)), sizeof(value))

static size_t put_raw(struct input *in, char *payload)
{
	size_t got;
	const uint8_t *p = take_some(in, take_u8(in), &got);

	if (got)
		memcpy(payload, p, got);
	return got;
}

static size_t put_dma_map(struct input *in, char *payload)
{
	struct vfio_user_dma_map req = { .argsz = sizeof(req) };

	req.flags = take_u8(in) & 0x1f;
	req.offset = take_number(in);
	req.addr = take_number(in);
	req.size = take_number(in);
	return PUT(req);
}

static size_t put_dma_unmap(struct input *in, char *payload)
{
	struct vfio_user_dma_unmap req = { .argsz = sizeof(req) };

	req.flags = take_u8(in) & 3;
	req.addr = take_number(in);
	req.size = take_number(in);
	return PUT(req);
}

/* GET_INFO, GET_REGION_INFO, GET_REGION_IO_FDS, GET_IRQ_INFO: argsz, flags, index, count */
static size_t put_info(struct input *in, char *payload)
{
	const uint8_t size = take_u8(in);
	uint32_t words[8] = { size < 0xf0 ? size * 8u : take_u32(in), 0, take_u8(in), 0 };

	memcpy(payload, words, sizeof(words));
	return size & 1 ? sizeof(words) : size & 2 ? 16 : 0xff0;
}

/* Few vectors, mostly. */
static uint32_t take_vector(struct input *in)
{
	const uint8_t b = take_u8(in);

	return b < 0xf0 ? b % 10 : b;
}

static size_t put_set_irqs(struct input *in, char *payload, unsigned int *nr_fds)
{
	const uint8_t flags = take_u8(in);
	struct vfio_irq_set req = { .argsz = sizeof(req) };
	size_t len = sizeof(req);

	req.index = take_u8(in) % 6;
	req.start = take_vector(in);
	req.count = take_vector(in);

	req.flags = flags & 0x80 ? flags & 0x3f
				 : 1u << (flags & 3) % 3 | 8u << (flags >> 2 & 3) % 3;
	if (req.flags & VFIO_IRQ_SET_DATA_BOOL) {
		take(in, payload + len, req.count);
		len += req.count;
	}
	if (req.flags & VFIO_IRQ_SET_DATA_EVENTFD && !(flags & 0x40))
		*nr_fds = req.count < FUZZ_MAX_FDS ? req.count : FUZZ_MAX_FDS;
	req.argsz = (uint32_t)len;
	memcpy(payload, &req, sizeof(req));
	return len;
}

static uint32_t take_count(struct input *in)
{
	static const uint32_t large[] = {
		0, 16, 64, 256, 512, 4096, 8192, 65536, STREAM_MAX_DATA, STREAM_MAX_DATA + 1,
	};
	const uint8_t b = take_u8(in);

	return b < 128 ? b % 16 : large[b % LM_NR(large)];
}

/* What callbacks do hangs on the offset. */
static uint64_t take_offset(struct input *in)
{
	const uint16_t word = take_u16(in);

	return word < 0xf000 ? word & 0xfff : take_number(in);
}

static size_t put_access(struct input *in, char *payload, bool is_write)
{
	struct vfio_user_region_access req = { .region = take_u8(in) % (NR_REGIONS + 1) };
	const size_t len = sizeof(req);
	const size_t max = MESSAGE_MAX - sizeof(struct vfio_user_header) - 256;
	size_t data, some;

	req.offset = take_offset(in);
	req.count = take_count(in);
	memcpy(payload, &req, sizeof(req));
	data = is_write ? req.count : 0;
	data = data < max - len ? data : max - len;
	some = data < 16 ? data : 16;
	take(in, payload + len, some);
	memset(payload + len + some, payload[len], data - some);
	return len + data;
}

static size_t put_write_multi(struct input *in, char *payload)
{
	struct vfio_user_write_multi multi = { take_u8(in) % 16 };
	const uint64_t nr = multi.wr_cnt;
	struct vfio_user_write_single w;
	uint64_t i;

	for (i = 0; i < nr; i++) {
		w = (struct vfio_user_write_single){ .region = take_u8(in) % (NR_REGIONS + 1) };
		w.offset = take_offset(in);
		w.count = take_u8(in) % 10;
		take(in, w.data, w.count < 8 ? w.count : 8);
		memcpy(payload + sizeof(multi) + i * sizeof(w), &w, sizeof(w));
	}
	if (take_u8(in) == 0xff)
		multi.wr_cnt = take_number(in);
	memcpy(payload, &multi, sizeof(multi));
	return sizeof(multi) + nr * sizeof(w);
}

static size_t put_payload(struct input *in, uint16_t cmd, char *payload, unsigned int *nr_fds)
{
	switch (cmd) {
	case VFIO_USER_DMA_MAP: return put_dma_map(in, payload);
	case VFIO_USER_DMA_UNMAP: return put_dma_unmap(in, payload);
	case VFIO_USER_DEVICE_GET_INFO:
	case VFIO_USER_DEVICE_GET_REGION_INFO:
	case VFIO_USER_DEVICE_GET_REGION_IO_FDS:
	case VFIO_USER_DEVICE_GET_IRQ_INFO: return put_info(in, payload);
	case VFIO_USER_DEVICE_SET_IRQS: return put_set_irqs(in, payload, nr_fds);
	case VFIO_USER_REGION_READ: return put_access(in, payload, false);
	case VFIO_USER_REGION_WRITE: return put_access(in, payload, true);
	case VFIO_USER_REGION_WRITE_MULTI: return put_write_multi(in, payload);
	case VFIO_USER_DEVICE_RESET: return 0;
	default: return put_raw(in, payload);
	}
}

/* ---- steps ----------------------------------------------------------------------- */

static unsigned int take_fds(struct input *in, int *fds, unsigned int nr)
{
	const uint8_t first = take_u8(in);
	unsigned int i, kind = first % 16;

	if (nr && !(first & 0x80)) /* what is wanted: eventfds */
		kind = 2 + (first & 1);
	else if (!nr && first & 0x80)
		nr = (first >> 4 & 7) < 6 ? 1 : first & 0x10 ? FUZZ_MAX_FDS : 2;
	for (i = 0; i < nr; i++)
		fds[i] = fd_of_kind(kind + (first & 0x40 ? i : 0));
	return nr;
}

static void step_message(struct input *in, uint8_t op)
{
	const uint16_t cmd = (op >> 1) % 20;
	unsigned int nr = 0;
	int fds[FUZZ_MAX_FDS];
	size_t len = put_payload(in, cmd, message + sizeof(struct vfio_user_header), &nr);

	nr = take_fds(in, fds, nr);
	send_message(in, cmd, len, fds, nr);
}

static void step_bytes(struct input *in, struct lane *lane)
{
	int fds[FUZZ_MAX_FDS];
	const unsigned int nr = take_fds(in, fds, 0);
	const size_t len = put_raw(in, message);

	peer.sane = false;
	send_all(lane, message, len, fds, nr);
}

/* @how: 0 well, 1 an error, 2 another address, 3 too short, 4 twice, 5 with a descriptor */
static void answer(unsigned int which, unsigned int how)
{
	struct upcall up;
	size_t len;

	if (!peer.nr_upcalls)
		return;
	up = peer.upcalls[which % peer.nr_upcalls];
	if (how != 4)
		peer.upcalls[which % peer.nr_upcalls] = peer.upcalls[--peer.nr_upcalls];
	len = sizeof(up.hdr) + sizeof(up.req);
	up.hdr.flags = VFIO_USER_F_TYPE_REPLY;
	if (how == 1) {
		up.hdr.flags |= VFIO_USER_F_ERROR;
		up.hdr.error_no = which;
		len = sizeof(up.hdr);
	}
	up.req.addr += how == 2;
	len += up.hdr.cmd == VFIO_USER_DMA_READ && how != 1 ? up.req.count : 0;
	len -= how == 3;
	up.hdr.msg_size = (uint32_t)len;
	memset(message, (int)which, len);
	memcpy(message, &up.hdr, sizeof(up.hdr));
	if (how != 1)
		memcpy(message + sizeof(up.hdr), &up.req, sizeof(up.req));
	send_all(&peer.lane[up.on_twin], message, len, &peer.fds[0], how == 5 && peer.fds[0]);
}

/* A reply before its command: what waits inside a callback finds it at once. */
static void answer_early(struct input *in)
{
	const uint8_t b = take_u8(in);
	const struct upcall up = {
		.hdr = { .msg_id = b & 7, .msg_size = sizeof(up.hdr) + sizeof(up.req) +
				(b & 8 ? 0 : dev.len % COPY_MAX + 1),
			 .cmd = b & 8 ? VFIO_USER_DMA_WRITE : VFIO_USER_DMA_READ,
			 .flags = VFIO_USER_F_TYPE_REPLY },
		.req = { .addr = dev.addr, .count = dev.len % COPY_MAX + 1 },
	};

	memset(message, b, up.hdr.msg_size);
	memcpy(message, &up.hdr, sizeof(up.hdr));
	memcpy(message + sizeof(up.hdr), &up.req, sizeof(up.req));
	send_all(&peer.lane[!!(b & 16)], message, up.hdr.msg_size, NULL, 0);
}

static void impatient(void)
{
	struct client *c = server_client(dev.ctx);

	if (!c)
		return;
	c->wait_ns = 100000;
	c->stall_ns = 200000;
}

static void introduce(unsigned int which)
{
	const struct vfio_user_version version = { 0, which & 1 };
	const char *offer = offers[which % LM_NR(offers)];
	const size_t head = sizeof(struct vfio_user_header);
	struct input none = { 0 };
	size_t len = sizeof(version);

	if (offer && !*offer)
		return;
	memcpy(message + head, &version, len);
	if (offer) {
		memcpy(message + head + len, offer, strlen(offer) + 1);
		len += strlen(offer) + 1;
	}
	send_message(&none, VFIO_USER_VERSION, len, NULL, 0);
	device_poll();
	drain();
}

static void forget(void)
{
	lane_close(&peer.lane[0]);
	lane_close(&peer.lane[1]);
	peer.nr_owed = peer.nr_upcalls = 0;
	peer.sane = true;
}

static int connect_listener(void)
{
	struct sockaddr_un addr;
	socklen_t len = sizeof(addr);
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	FUZZ_CHECK(!getsockname(peer.listener, (struct sockaddr *)&addr, &len));
	FUZZ_CHECK(!connect(fd, (struct sockaddr *)&addr, len));
	return fd;
}

static void come_again(unsigned int which)
{
	if (!(dev.info.flags & LM_DEV_LISTEN_FD))
		return;
	if (which & 0x80) { /* a second one, which is turned away */
		close(connect_listener());
		return;
	}
	forget();
	peer.lane[0].fd = connect_listener();
	device_poll();
	introduce(which);
	impatient();
}

static void step_other(struct input *in, uint8_t op)
{
	const uint8_t arg = take_u8(in);

	switch ((op >> 1) % 12) {
	case 0: step_bytes(in, &peer.lane[0]); break;
	case 1: step_bytes(in, &peer.lane[1]); break;
	case 2: peer.chunk = arg; break;
	case 3: peer.mute = arg & 1; break;
	case 4: answer(arg, arg >> 4 & 7); break;
	case 5: answer_early(in); break;
	case 6: lane_close(&peer.lane[arg & 1]); break;
	case 7: shutdown(peer.lane[arg & 1].fd, arg & 2 ? SHUT_RD : SHUT_WR); break;
	case 8: come_again(arg); break;
	case 9: if (ftruncate(fd_of_kind(1), arg << 10)) break; break;
	case 10: dev.addr = take_number(in); break;
	default: device_poll();
	}
}

/* The lowest bit: the device has its turn. Without it requests pile up. */
static void step(struct input *in)
{
	const uint8_t op = take_u8(in);

	if (op < 0x80)
		step_message(in, op);
	else if (op < 0xc0)
		step_other(in, op & 0x3f);
	else
		device_act(op >> 1, take_u8(in));
	if (op & 1)
		lm_ctx_poll(dev.ctx);
	if (!peer.mute)
		drain();
}

/* ---- one input ------------------------------------------------------------------- */

/* One listener for the life of the fuzzer: the context gets copies. */
static int listener_new(void)
{
	const struct sockaddr_un any = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* An abstract name of the kernel's choice. */
	FUZZ_CHECK(!bind(fd, (const struct sockaddr *)&any, sizeof(sa_family_t)));
	FUZZ_CHECK(!listen(fd, 64));
	return fd;
}

static void begin(uint8_t intro)
{
	int pair[2];

	device_begin();
	dev.info.flags = LM_DEV_NO_CONTROL;
	dev.info.flags |= intro & INTRO_STRICT ? LM_DEV_STRICT_DMA : 0;
	dev.info.flags |= intro & INTRO_NOMMAP ? LM_DEV_NO_MMAP : 0;
	dev.info.flags |= intro & INTRO_BUSY ? LM_DEV_BUSY_POLL : 0;
	if (intro & INTRO_LISTEN) {
		dev.info.fd = dup(peer.listener);
		dev.info.flags |= LM_DEV_LISTEN_FD;
		peer.lane[0].fd = connect_listener();
	} else {
		FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
		peer.lane[0].fd = pair[0];
		dev.info.fd = pair[1];
		dev.info.flags |= LM_DEV_CONN_FD;
	}
	device_create();
	device_poll();
	impatient();
}

static void trace(void)
{
	const int page = memfd_create("armed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ring;

	FUZZ_CHECK(!ftruncate(page, 4096) && !fcntl(page, F_ADD_SEALS, F_SEAL_SHRINK));
	FUZZ_CHECK(!trace_attach(dev.ctx, eventfd(0, EFD_CLOEXEC), page, &ring, &peer.tracer));
}

/* The client answers and reads, the device does what it owes: then all is said. */
static void settle(void)
{
	int rounds = 0;
	bool moved;

	peer.chunk = 0;
	peer.mute = false;
	do {
		device_settle();
		moved = device_poll() > 0;
		moved |= drain() || peer.nr_upcalls;
		while (peer.nr_upcalls)
			answer(0, 1);
		FUZZ_CHECK(++rounds < 5000);
	} while (moved || dev.nr_pending || dev.nr_held);
}

/* Copies that nobody answers, because their commands were lost, end by themselves. */
static bool copies_wait(void)
{
	unsigned int i;

	for (i = 0; i < NR_COPIES; i++) {
		if (dev.copies[i].busy)
			return true;
	}
	return false;
}

static void end(void)
{
	int fd;
	unsigned int i;

	if (peer.tracer)
		trace_detach(dev.ctx, peer.tracer);
	device_end();
	forget();
	for (i = 0; i < NR_KINDS; i++) {
		if (peer.fds[i])
			close(peer.fds[i]);
	}
	while ((fd = accept4(peer.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *bufs[2];
	static int listener = -1;
	struct input in = { data, size };
	const uint8_t intro = take_u8(&in);
	unsigned int i, before;

	for (i = 0; i < 2 && !bufs[i]; i++)
		bufs[i] = malloc(MESSAGE_MAX);
	if (listener < 0) {
		listener = listener_new();
		device_begin();
	}
	before = count_fds();
	memset(&peer, 0, sizeof(peer));
	peer.listener = listener;
	peer.lane[0] = (struct lane){ -1, bufs[0], 0 };
	peer.lane[1] = (struct lane){ -1, bufs[1], 0 };
	peer.sane = true;
	begin(intro);
	if (intro & INTRO_TRACE)
		trace();
	introduce(intro & INTRO_MASK);
	for (i = 0; in.left && i < MAX_STEPS; i++)
		step(&in);
	settle();
	if (peer.sane && server_client(dev.ctx) && peer.lane[0].fd >= 0 && !copies_wait())
		FUZZ_CHECK(!peer.nr_owed);
	end();
	FUZZ_CHECK(!fds_left(before));
	return 0;
}
