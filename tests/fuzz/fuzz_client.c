/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_client.c - a hostile server against the client library.
 *
 * What the server says stands in the socket before the client asks: replies of the right form
 * with some of their numbers changed, replies to nobody, commands, bytes, descriptors, the end.
 * Every call must come back in time and leave nothing behind; what it gives must keep its word.
 */
#include "client/client.h"
#include "fuzz.h"

#define MAX_STEPS  48u
#define NR_OPS     16u
#define DATA_MAX   8192u
#define REPLY_MAX  (DATA_MAX + 256u)
#define NR(array)  (sizeof(array) / sizeof((array)[0]))

static lm_client_t *client;
static int server, twin;          /* the server's ends */
static int files[8];              /* one of each kind, to be sent */
static lm_client_op_t ops[NR_OPS];
static char op_data[NR_OPS][DATA_MAX];
static char message[sizeof(struct vfio_user_header) + REPLY_MAX];
static unsigned int chain;        /* so many requests that finished ones may queue */

#define CAPS(text) "{\"capabilities\":{" text "}}"

static const char *const offers[] = {
	CAPS("\"max_msg_fds\":4,\"max_data_xfer_size\":1048576,\"write_multiple\":true"),
	CAPS("\"twin_socket\":{\"supported\":true,\"fd_index\":0},\"max_data_xfer_size\":256"),
	CAPS("\"max_data_xfer_size\":16,\"write_multiple\":true,\"max_msg_fds\":1"),
	CAPS("\"twin_socket\":{\"supported\":true,\"fd_index\":3},\"pgsizes\":4096"),
	"",
};

/* ---- the server ------------------------------------------------------------------ */

static void server_drain(int fd)
{
	static char buf[65536];
	int fds[FUZZ_MAX_FDS];
	unsigned int nr;

	while (fd >= 0 && receive_fds(fd, buf, sizeof(buf), fds, &nr) > 0)
		close_fds(fds, nr);
}

/* Some numbers of @len bytes become others. */
static void change(struct input *in, char *buf, size_t len)
{
	unsigned int nr = take_u8(in);
	uint64_t value;
	size_t at, width;

	for (nr = nr < 0x80 ? 0 : nr & 3; nr && len; nr--) {
		at = take_u8(in) * 4u % len;
		width = 1u << take_u8(in) % 4;
		value = take_number(in);
		memcpy(buf + at, &value, width < len - at ? width : len - at);
	}
}

static size_t put_region_info(struct input *in, char *to)
{
	struct {
		struct vfio_region_info             info;
		struct vfio_info_cap_header         sparse;
		uint32_t                            nr_areas, reserved;
		struct vfio_region_sparse_mmap_area area[2];
		struct vfio_region_info_cap_type    type;
	} rep = {
		.info = { .argsz = sizeof(rep), .index = take_u8(in), .cap_offset = 32,
			  .flags = VFIO_REGION_INFO_FLAG_CAPS | VFIO_REGION_INFO_FLAG_MMAP |
				   VFIO_REGION_INFO_FLAG_READ,
			  .size = 65536 },
		.sparse = { VFIO_REGION_INFO_CAP_SPARSE_MMAP, 1, 80 }, .nr_areas = 2,
		.area = { { 0, 4096 }, { 8192, 4096 } },
		.type = { .header = { VFIO_REGION_INFO_CAP_TYPE, 1, 0 }, .type = 1 },
	};

	memcpy(to, &rep, sizeof(rep));
	return sizeof(rep);
}

static size_t put_io_fds(struct input *in, char *to)
{
	struct vfio_user_region_io_fds rep = { .index = take_u8(in), .count = take_u8(in) % 8 };
	struct vfio_user_ioeventfd sub;
	uint32_t i;

	rep.argsz = (uint32_t)(sizeof(rep) + rep.count * sizeof(sub));
	memcpy(to, &rep, sizeof(rep));
	for (i = 0; i < rep.count; i++) {
		sub = (struct vfio_user_ioeventfd){ .offset = i, .fd_index = i % 3, .type = i & 1 };
		memcpy(to + sizeof(rep) + i * sizeof(sub), &sub, sizeof(sub));
	}
	return rep.argsz;
}

static size_t put_version(struct input *in, char *to)
{
	const struct vfio_user_version version = { 0, 1 };
	const char *json = offers[take_u8(in) % NR(offers)];
	size_t len = strlen(json);

	memcpy(to, &version, sizeof(version));
	memcpy(to + sizeof(version), json, len + 1);
	return sizeof(version) + (len ? len + 1 : 0);
}

/* What the request in hand would have as its reply. */
static struct vfio_user_region_access wanted;

static size_t put_access(char *to, bool data)
{
	memcpy(to, &wanted, sizeof(wanted));
	if (data)
		memset(to + sizeof(wanted), 0x5a, wanted.count);
	return sizeof(wanted) + (data ? wanted.count : 0);
}

static size_t put_payload(struct input *in, uint16_t cmd, char *to)
{
	const struct vfio_user_device_info device = { 16, 1 | 2, 9, 5 };
	const struct vfio_irq_info irq = { 16, 1, take_u8(in), 4 };
	const uint64_t done = take_u8(in);

	switch (cmd) {
	case VFIO_USER_VERSION: return put_version(in, to);
	case VFIO_USER_DEVICE_GET_INFO: return (memcpy(to, &device, 16), 16);
	case VFIO_USER_DEVICE_GET_REGION_INFO: return put_region_info(in, to);
	case VFIO_USER_DEVICE_GET_REGION_IO_FDS: return put_io_fds(in, to);
	case VFIO_USER_DEVICE_GET_IRQ_INFO: return (memcpy(to, &irq, 16), 16);
	case VFIO_USER_REGION_READ: return put_access(to, true);
	case VFIO_USER_REGION_WRITE: return put_access(to, false);
	case VFIO_USER_REGION_WRITE_MULTI: return (memcpy(to, &done, 8), 8);
	case VFIO_USER_DEVICE_FEATURE: return (memset(to, (int)done, 8 + done), 8 + done);
	case VFIO_USER_DMA_UNMAP: return (memset(to, 0, 24), 24);
	default: return 0;
	}
}

static unsigned int take_fds(struct input *in, int *fds)
{
	const uint8_t b = take_u8(in);
	const unsigned int nr = b < 0x80 ? 0 : b & 0x40 ? 1 + (b & 3) : b & 0x10 ? FUZZ_MAX_FDS : 2;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!files[(b + i) % 8])
			files[(b + i) % 8] = fd_new((b + i) % 8);
		fds[i] = files[(b + i) % 8];
	}
	return nr;
}

/* A twin socket, if the version says that there is one. */
static unsigned int twin_new(int *fds)
{
	int pair[2];

	if (twin >= 0)
		return 0;
	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	twin = pair[0];
	fds[0] = pair[1];
	return 1;
}

static void reply(struct input *in, uint16_t cmd, uint16_t id)
{
	struct vfio_user_header hdr = {
		.msg_id = id, .cmd = cmd, .flags = VFIO_USER_F_TYPE_REPLY,
	};
	const uint8_t how = take_u8(in);
	size_t len = put_payload(in, cmd, message + sizeof(hdr));
	int fds[FUZZ_MAX_FDS];
	unsigned int nr = take_fds(in, fds);
	const bool is_twin = cmd == VFIO_USER_VERSION && strstr(message + sizeof(hdr) + 4, "twin");

	if (is_twin && !(how & 1))
		nr = twin_new(fds);
	if (how >= 0xf0) {
		hdr.flags |= VFIO_USER_F_ERROR;
		hdr.error_no = how & 1 ? EINVAL : take_u32(in);
		len = how & 2 ? len : 0;
	} else if (how >= 0xe0) {
		len = how & 1 ? len / 2 : len + (how & 0xf);
	}
	change(in, message + sizeof(hdr), len);
	hdr.msg_size = (uint32_t)(sizeof(hdr) + len);
	memcpy(message, &hdr, sizeof(hdr));
	if (how >= 0xd0 && how < 0xe0)
		change(in, message, sizeof(hdr));
	send_fds(server, message, sizeof(hdr) + len, fds, nr);
	if (is_twin && !(how & 1) && nr == 1)
		close(fds[0]);
}

/* A command of the server: DMA by message, or something else. */
static void command(struct input *in, int to)
{
	const uint8_t how = take_u8(in);
	struct vfio_user_dma_region_access req = { take_u8(in), take_u8(in) };
	struct vfio_user_header hdr = {
		.msg_id = how, .cmd = how & 1 ? VFIO_USER_DMA_WRITE : VFIO_USER_DMA_READ,
		.flags = how & 0x40 ? VFIO_USER_F_NO_REPLY : 0,
	};
	size_t len = sizeof(hdr) + sizeof(req);
	int fds[FUZZ_MAX_FDS];
	const unsigned int nr = take_fds(in, fds);

	len += how & 1 ? req.count : 0;
	hdr.msg_size = (uint32_t)len;
	memset(message, how, len);
	memcpy(message, &hdr, sizeof(hdr));
	memcpy(message + sizeof(hdr), &req, sizeof(req));
	change(in, message + (how & 0x80 ? 0 : sizeof(hdr)), sizeof(hdr) + sizeof(req) -
							       (how & 0x80 ? 0 : sizeof(hdr)));
	if (to >= 0)
		send_fds(to, message, len, fds, nr);
}

static void bytes(struct input *in, int to)
{
	int fds[FUZZ_MAX_FDS];
	const unsigned int nr = take_fds(in, fds);
	size_t len;
	const uint8_t *p = take_some(in, take_u8(in), &len);

	if (len && to >= 0)
		send_fds(to, p, len, fds, nr);
}

static void server_says(struct input *in, uint8_t op)
{
	switch (op & 7) {
	case 0: bytes(in, server); break;
	case 1: bytes(in, twin); break;
	case 2: case 3: command(in, server); break;
	case 4: command(in, twin); break;
	case 5: reply(in, take_u8(in) % 20, (uint16_t)(client->next_id - take_u8(in) % 8)); break;
	case 6: shutdown(take_u8(in) & 1 ? twin : server, SHUT_WR); break;
	default: server_drain(server); server_drain(twin);
	}
}

/* Some replies to what the client is about to ask. */
static void replies(struct input *in, uint16_t cmd)
{
	const uint8_t b = take_u8(in);
	unsigned int i, nr = b < 0xe0 ? 1 : b & 7;

	for (i = 0; i < nr; i++)
		reply(in, cmd, (uint16_t)(client->next_id + i));
}

/* ---- the client's calls ---------------------------------------------------------- */

static int serve_dma(void *pvt, bool is_write, uint64_t addr, void *data, size_t count)
{
	FUZZ_CHECK(count && count <= client->max_data_in);
	FUZZ_CHECK(lm_client_process(client) == -EDEADLK);
	if (!is_write)
		memset(data, (int)addr, count);
	return addr & 1 ? -EFAULT : 0;
}

static void check_result(int ret)
{
	FUZZ_CHECK(ret <= 0 && ret > -4096 && ret != -EINPROGRESS);
}

static void call_region_info(uint32_t index)
{
	lm_client_region_t region;
	lm_client_area_t area;
	uint32_t i, type, subtype;
	int ret;

	ret = lm_client_region_info(client, index, &region);
	check_result(ret);
	if (ret)
		return;
	FUZZ_CHECK(region.nr_fds <= LM_CLIENT_MAX_FDS);
	for (i = 0; !lm_client_region_area(&region, i, &area); i++) {
		FUZZ_CHECK(i < 65536 && !out_of_range(area.offset, area.size, region.info->size));
		FUZZ_CHECK(area.fd < 0 || fcntl(area.fd, F_GETFD) >= 0);
	}
	lm_client_region_type(&region, &type, &subtype);
	lm_client_region_free(&region);
	FUZZ_CHECK(!region.info && !region.nr_fds);
}

static void call_io_fds(uint32_t index)
{
	lm_client_io_fds_t io;
	uint32_t i;
	int ret = lm_client_region_io_fds(client, index, &io);

	check_result(ret);
	if (ret)
		return;
	for (i = 0; i < io.nr; i++)
		FUZZ_CHECK(fcntl(io.subs[i].fd, F_GETFD) & FD_CLOEXEC);
	lm_client_io_fds_free(&io);
}

static void call_multi(struct input *in)
{
	lm_client_write_t writes[20] = { 0 };
	size_t nr = take_u8(in) % NR(writes), done, i;

	for (i = 0; i < nr; i++)
		writes[i].count = (uint32_t)i % 8 + 1;
	check_result(lm_client_region_write_multi(client, writes, nr, &done));
	FUZZ_CHECK(done <= nr);
}

static void call_set_irqs(struct input *in)
{
	const uint8_t flags = take_u8(in);
	const uint8_t bools[8] = { 1, 0, 1 };
	int fds[8], i;
	const lm_client_irq_set_t set = {
		.flags = 1u << flags % 3 | 8u << (flags >> 2) % 3, .index = flags >> 4,
		.count = take_u8(in) % 8, .bools = bools, .fds = flags & 0x80 ? NULL : fds,
	};

	if (!files[2])
		files[2] = fd_new(2);
	for (i = 0; i < 8; i++)
		fds[i] = i % 3 == 2 ? -1 : files[2];
	check_result(lm_client_set_irqs(client, &set));
}

static void call_dma_map(struct input *in)
{
	const uint8_t b = take_u8(in);
	const lm_client_dma_map_t map = {
		.addr = b, .size = 4096, .flags = b & 7, .fd = b & 8 ? files[2] ?: -1 : -1,
	};

	check_result(lm_client_dma_map(client, &map));
}

static void call_feature(struct input *in)
{
	char data[64] = "";
	size_t len = take_u8(in) % sizeof(data);
	const size_t room = len;
	const int ret = lm_client_device_feature(client, take_u8(in), data, len / 2, &len);

	check_result(ret);
	FUZZ_CHECK(ret || len <= room);
}

static void access_begin(struct input *in)
{
	const uint8_t b = take_u8(in);

	wanted.region = b & 7;
	wanted.offset = take_u8(in);
	wanted.count = b < 0xc0 ? b >> 3 : DATA_MAX >> (b & 7);
}

/* ---- many requests at a time ----------------------------------------------------- */

static void op_done(lm_client_op_t *op)
{
	check_result(op->result);
	if (!chain || op->kind == LM_CLIENT_WRITE_POSTED)
		return;
	chain--;
	op->result = 0;
	if (!lm_client_queue(client, op))
		lm_client_flush(client);
}

static void call_queue(struct input *in)
{
	const uint8_t b = take_u8(in);
	lm_client_op_t *op = &ops[b % NR_OPS];
	int ret;

	if (op->result == -EINPROGRESS)
		return;
	access_begin(in);
	*op = (lm_client_op_t){
		.kind = b >> 4 & 3, .region = wanted.region, .offset = wanted.offset,
		.count = wanted.count, .buf = op_data[b % NR_OPS],
		.done = b & 0x80 ? op_done : NULL,
	};
	if (!(b & 0x40))
		replies(in, op->kind == LM_CLIENT_READ ? VFIO_USER_REGION_READ :
							 VFIO_USER_REGION_WRITE);
	ret = lm_client_queue(client, op);
	check_result(ret);
	if (ret)
		op->result = 0;
}

static void call_loop(struct input *in)
{
	const uint8_t b = take_u8(in);

	switch (b % 6) {
	case 0: lm_client_flush(client); break;
	case 1: check_result(lm_client_wait(client, b >> 4)); break;
	case 2: lm_client_cancel(client); break;
	case 3: chain = b >> 4; break;
	case 4: FUZZ_CHECK(lm_client_fd(client) >= 0); break;
	default: FUZZ_CHECK(lm_client_process(client) > -4096);
	}
}

/* ---- one input ------------------------------------------------------------------- */

static void call(struct input *in, uint8_t op)
{
	static const uint8_t cmds[] = {
		VFIO_USER_DEVICE_GET_INFO, VFIO_USER_DEVICE_GET_REGION_INFO,
		VFIO_USER_DEVICE_GET_REGION_IO_FDS, VFIO_USER_DEVICE_GET_IRQ_INFO,
		VFIO_USER_REGION_READ, VFIO_USER_REGION_WRITE, VFIO_USER_REGION_WRITE_MULTI,
		VFIO_USER_DEVICE_SET_IRQS, VFIO_USER_DMA_MAP, VFIO_USER_DMA_UNMAP,
		VFIO_USER_DEVICE_RESET, VFIO_USER_DEVICE_FEATURE,
	};
	static char data[DATA_MAX];
	struct vfio_device_info info;
	struct vfio_irq_info irq;
	const uint8_t cmd = cmds[op % NR(cmds)];

	if (cmd == VFIO_USER_REGION_READ || cmd == VFIO_USER_REGION_WRITE)
		access_begin(in);
	replies(in, cmd);
	switch (cmd) {
	case VFIO_USER_DEVICE_GET_INFO: check_result(lm_client_device_info(client, &info)); break;
	case VFIO_USER_DEVICE_GET_REGION_INFO: call_region_info(op >> 4); break;
	case VFIO_USER_DEVICE_GET_REGION_IO_FDS: call_io_fds(op >> 4); break;
	case VFIO_USER_DEVICE_GET_IRQ_INFO: lm_client_irq_info(client, op & 7, &irq); break;
	case VFIO_USER_REGION_READ:
		check_result(lm_client_region_read(client, wanted.region, wanted.offset, data,
						   wanted.count));
		break;
	case VFIO_USER_REGION_WRITE:
		check_result((op & 0x40 ? lm_client_region_write_posted : lm_client_region_write)
			     (client, wanted.region, wanted.offset, data, wanted.count));
		break;
	case VFIO_USER_REGION_WRITE_MULTI: call_multi(in); break;
	case VFIO_USER_DEVICE_SET_IRQS: call_set_irqs(in); break;
	case VFIO_USER_DMA_MAP: call_dma_map(in); break;
	case VFIO_USER_DMA_UNMAP: check_result(lm_client_dma_unmap(client, 0, 4096)); break;
	case VFIO_USER_DEVICE_RESET: check_result(lm_client_device_reset(client)); break;
	default: call_feature(in);
	}
}

static void step(struct input *in)
{
	const uint8_t op = take_u8(in);

	if (op < 0x80)
		call(in, op);
	else if (op < 0xc0)
		call_queue(in);
	else if (op < 0xe0)
		call_loop(in);
	else
		server_says(in, op);
	server_drain(server);
	server_drain(twin);
}

/* The client's end of a new connection, its greeting answered. */
static void greet(struct input *in, uint8_t intro)
{
	const lm_client_options_t options = {
		.timeout_ms = 1, .flags = intro & 7, .queue_depth = intro & 16 ? 4 : 0,
		.max_data_xfer_size = intro & 32 ? 16 : 0, .dma = intro & 64 ? NULL : serve_dma,
	};
	int pair[2], ret;

	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	server = pair[0];
	twin = -1;
	client = NULL;
	reply(in, VFIO_USER_VERSION, intro & 128 ? take_u8(in) : 0);
	ret = lm_client_connect_fd(pair[1], &options, &client);
	check_result(ret);
	FUZZ_CHECK(!ret == !!client);
	if (ret)
		close(pair[1]);
}

/* What took too long once is given no second chance: an input must not take seconds. */
static bool is_patient(void)
{
	return !lm_client_status(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const unsigned int before = count_fds();
	unsigned int i;

	memset(files, 0, sizeof(files));
	memset(ops, 0, sizeof(ops));
	memset(message, 0, sizeof(message));
	chain = 0;
	greet(&in, take_u8(&in));
	for (i = 0; in.left && i < MAX_STEPS && client && is_patient(); i++)
		step(&in);
	chain = 0;
	lm_client_close(client);
	for (i = 0; i < NR_OPS; i++)
		FUZZ_CHECK(ops[i].result != -EINPROGRESS);
	for (i = 0; i < 8; i++) {
		if (files[i])
			close(files[i]);
	}
	if (twin >= 0)
		close(twin);
	close(server);
	FUZZ_CHECK(!fds_left(before));
	return 0;
}
