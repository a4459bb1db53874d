/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_nvme.c - a hostile guest of an NVMe controller.
 *
 * An input is a row of steps of the guest and of the world around it: registers, whole commands
 * with fields that mostly make sense, doorbells, bytes anywhere in its memory, which comes and
 * goes; backends that hold commands back or fail, namespaces that come and go, resets, other
 * clients, states that are saved, changed and loaded. No two namespaces share a byte, no backend
 * is asked for what is outside of its own, and in the end nothing is left.
 */
#include <sys/socket.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <muser-nvme.h>

#include "fuzz.h"
#include "nvme/nvme_spec.h"
#include "wire/vfio_user.h"

#define RAM        0x100000ull
#define RAM_SIZE   (512u << 10)
#define SLOW       0x800000ull /* not sealed: reached by copies */
#define DISK_SIZE  (256u << 10)
#define NR_DISKS   3u
#define MAX_HELD   32u
#define MAX_STEPS  200u
#define QUEUES     4u

struct disk {
	char blocks[DISK_SIZE];
	bool is_there;
};

static struct {
	lm_nvme_t *nvme; /* first */
	lm_ctx_t *ctx;
	int fd;
	int files[2];
	uint8_t *ram;
	uint8_t mood; /* of backends */
	lm_nvme_io_t *held[MAX_HELD];
	struct disk *held_disk[MAX_HELD];
	bool held_writes[MAX_HELD];
	unsigned int nr_held;
	struct disk disk[NR_DISKS];
	uint16_t tail[QUEUES];
	uint16_t next_id;
} f;

enum { MOOD_HOLD = 1, MOOD_FAIL = 2 };

/* ---- backends -------------------------------------------------------------------- */

static void io_check(const struct disk *disk, const lm_nvme_io_t *io)
{
	uint64_t len = 0;
	uint32_t i;

	FUZZ_CHECK(disk->is_there);
	FUZZ_CHECK(io->offset <= DISK_SIZE && io->length <= DISK_SIZE - io->offset);
	FUZZ_CHECK(!(io->offset % 512) && !(io->length % 512));
	for (i = 0; i < io->nr_iov; i++)
		len += io->iov[i].iov_len;
	FUZZ_CHECK(!io->nr_iov || len == io->length);
}

static void io_do(struct disk *disk, lm_nvme_io_t *io, bool is_write)
{
	char *at = disk->blocks + io->offset;
	uint32_t i;

	for (i = 0; i < io->nr_iov; i++) {
		if (is_write)
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
		else
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		at += io->iov[i].iov_len;
	}
	lm_nvme_io_done(io, f.mood & MOOD_FAIL ? -EIO : 0);
}

static void io_start(struct disk *disk, lm_nvme_io_t *io, bool is_write)
{
	io_check(disk, io);
	if (!(f.mood & MOOD_HOLD) || f.nr_held == MAX_HELD) {
		io_do(disk, io, is_write);
		return;
	}
	f.held[f.nr_held] = io;
	f.held_disk[f.nr_held] = disk;
	f.held_writes[f.nr_held++] = is_write;
}

static void go_on(unsigned int which)
{
	struct disk *disk;
	lm_nvme_io_t *io;
	bool is_write;

	if (!f.nr_held)
		return;
	which %= f.nr_held;
	io = f.held[which];
	disk = f.held_disk[which];
	is_write = f.held_writes[which];
	f.nr_held--;
	f.held[which] = f.held[f.nr_held];
	f.held_disk[which] = f.held_disk[f.nr_held];
	f.held_writes[which] = f.held_writes[f.nr_held];
	io_do(disk, io, is_write);
}

static void disk_read(void *pvt, lm_nvme_io_t *io)
{
	io_start(pvt, io, false);
}

static void disk_write(void *pvt, lm_nvme_io_t *io)
{
	io_start(pvt, io, true);
}

static void disk_zero(void *pvt, lm_nvme_io_t *io)
{
	io_check(pvt, io);
	memset(((struct disk *)pvt)->blocks + io->offset, 0, io->length);
	lm_nvme_io_done(io, 0);
}

static void disk_cancel(void *pvt, lm_nvme_io_t *io)
{
	unsigned int i;

	for (i = 0; i < f.nr_held; i++) {
		if (f.held[i] == io) {
			go_on(i);
			return;
		}
	}
}

static void disk_removed(void *pvt)
{
	((struct disk *)pvt)->is_there = false;
}

/* With all that a backend may have, and with the least. */
static const lm_nvme_block_ops_t all_ops = {
	.size = sizeof(all_ops), .read = disk_read, .write = disk_write, .flush = disk_read,
	.write_zeroes = disk_zero, .discard = disk_zero, .cancel = disk_cancel };
static const lm_nvme_block_ops_t few_ops = {
	.size = sizeof(few_ops), .read = disk_read, .write = disk_write };

static void ns_add(unsigned int nr)
{
	const lm_nvme_ns_info_t ns = {
		.nsid = nr + 1, .size = DISK_SIZE, .block_size = nr & 1 ? 4096 : 512,
		.block = nr & 2 ? &few_ops : &all_ops, .pvt = &f.disk[nr],
		.removed = disk_removed };

	if (!lm_nvme_ns_add(f.nvme, &ns, NULL))
		f.disk[nr].is_there = true;
}

/* ---- the device ------------------------------------------------------------------ */

static int start(void *pvt, lm_ctx_t *ctx)
{
	const lm_nvme_info_t info = { .mdts = 3, .flags = LM_NVME_SHADOW };
	int ret;

	ret = lm_nvme_create(ctx, &info, &f.nvme);
	if (ret)
		return ret;
	ns_add(0);
	ns_add(2);
	return 0;
}

/* Backends end what they do before the controller goes. */
static void stop(void *pvt)
{
	f.mood = 0;
	while (f.nr_held)
		go_on(0);
	lm_nvme_destroy(f.nvme);
}

static void no_log(void *pvt, int level, const char *msg)
{
}

static const lm_dev_info_t device = {
	LM_NVME_DEVICE,
	.type = "nvme",
	.start = start,
	.stop = stop,
	.log = no_log,
	.pci_info = { LM_NVME_PCI, .id = { .vid = 0x1234, .did = 0x4e56 } },
};

static void poll_all(void)
{
	unsigned int turns = 20000;
	char buf[4096];

	while (lm_ctx_poll(f.ctx) > 0 && --turns)
		;
	FUZZ_CHECK(turns);
	while (recv(f.fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		lm_ctx_poll(f.ctx);
}

/* ---- the guest ------------------------------------------------------------------- */

static void send_message(uint16_t cmd, uint32_t flags, const void *payload, size_t len, int fd)
{
	char msg[256];
	const struct vfio_user_header hdr = {
		.msg_id = ++f.next_id, .cmd = cmd, .flags = flags,
		.msg_size = (uint32_t)(sizeof(hdr) + len) };
	struct iovec iov = { msg, sizeof(hdr) + len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fds_room room;

	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), payload, len);
	fds_attach(&m, &room, &fd, fd >= 0);
	sendmsg(f.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	poll_all();
}

static void reg_write(uint32_t region, uint64_t offset, uint64_t value, uint32_t width)
{
	struct {
		struct vfio_user_region_access rq;
		uint64_t value;
	} __attribute__((packed)) msg = { { offset, region, width }, value };

	send_message(VFIO_USER_REGION_WRITE, VFIO_USER_F_NO_REPLY, &msg, sizeof(msg.rq) + width,
		     -1);
}

static void map(uint64_t addr, int fd)
{
	const struct vfio_user_dma_map rq = {
		.argsz = sizeof(rq), .addr = addr, .size = RAM_SIZE,
		.flags = VFIO_USER_DMA_READABLE | VFIO_USER_DMA_WRITEABLE };

	send_message(VFIO_USER_DMA_MAP, 0, &rq, sizeof(rq), fd);
}

static void unmap(uint64_t addr)
{
	const struct vfio_user_dma_unmap rq = {
		.argsz = sizeof(rq), .addr = addr, .size = RAM_SIZE };

	send_message(VFIO_USER_DMA_UNMAP, 0, &rq, sizeof(rq), -1);
}

static void enable(uint64_t base)
{
	memset(f.tail, 0, sizeof(f.tail));
	reg_write(0, NVME_AQA, 0x000f000f, 4);
	reg_write(0, NVME_ASQ, base, 8);
	reg_write(0, NVME_ACQ, base + 0x1000, 8);
	reg_write(0, NVME_CC, 0x00460001, 4);
}

/* Memory that commands name: mostly there, or a list of addresses. */
static uint64_t take_address(struct input *in)
{
	const uint8_t b = take_u8(in);
	const uint64_t page = (uint64_t)(b & 0x3f) << 12;

	switch (b >> 6) {
	case 0: return RAM + page;
	case 1: return SLOW + page;
	case 2: return RAM + page + take_u16(in) % 4096;
	default: return take_number(in);
	}
}

/* Admin queue entries are 16, the others' as well. */
static void command(struct input *in, unsigned int q, uint32_t dw[16])
{
	const uint64_t base = RAM + 0x2000ull * q;
	const uint8_t change = take_u8(in);

	dw[0] |= (uint32_t)take_u8(in) << 16;
	if (change)
		dw[change & 15] ^= change & 0x80 ? (uint32_t)take_number(in) : 1u << (change >> 4);
	memcpy(f.ram + (base - RAM) + 64 * f.tail[q], dw, 64);
	f.tail[q] = (f.tail[q] + 1) % 16;
	if (!(change & 0x40))
		reg_write(0, NVME_DOORBELLS + 8 * q, f.tail[q], 4);
}

static void step_io(struct input *in)
{
	static const uint8_t opcodes[] = { 0, 1, 2, 5, 8, 9, 12, 0x42 };
	const uint8_t b = take_u8(in);
	uint32_t dw[16] = { opcodes[b & 7] | (b & 8 ? 1u << 14 : 0), 1 + (b >> 4) % 4 };
	uint64_t prp1 = take_address(in), prp2 = take_address(in);

	memcpy(dw + 6, &prp1, 8);
	memcpy(dw + 8, &prp2, 8);
	if (b & 8)
		dw[8] = take_u16(in), dw[9] = (uint32_t)take_u8(in) << 24;
	dw[10] = take_u8(in);
	dw[12] = take_u8(in) & 0x7f;
	if ((b & 7) == 5)
		dw[11] = 4, dw[10] &= 7;
	command(in, 1 + (b >> 6) % (QUEUES - 1), dw);
}

static void step_admin(struct input *in)
{
	static const uint8_t opcodes[] = { 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 0x80, 0x7c };
	const uint8_t b = take_u8(in), q = 1 + (b >> 4) % (QUEUES - 1);
	uint32_t dw[16] = { opcodes[b % sizeof(opcodes)] };
	uint64_t prp1 = take_address(in), prp2;

	switch (dw[0]) {
	case NVME_CREATE_SQ:
		prp1 = RAM + 0x2000 * q;
		dw[10] = 15u << 16 | q;
		dw[11] = (uint32_t)q << 16 | 1;
		f.tail[q] = 0;
		break;
	case NVME_CREATE_CQ:
		prp1 = RAM + 0x2000 * q + 0x1000;
		dw[10] = (uint32_t)(1 + take_u8(in) % 15) << 16 | q;
		dw[11] = (uint32_t)(q & 1) << 16 | 3;
		break;
	case NVME_GET_LOG_PAGE:
		dw[10] = take_u8(in) % 20 | (uint32_t)take_u8(in) << 16;
		dw[12] = take_u8(in) * 4;
		break;
	case NVME_DOORBELL_BUFFER:
		prp2 = take_address(in);
		memcpy(dw + 8, &prp2, 8);
		break;
	case NVME_IDENTIFY: dw[10] = take_u8(in) % 30; dw[1] = take_u8(in) % 5; break;
	case NVME_FORMAT: dw[1] = 1 + take_u8(in) % 4; dw[10] = take_u8(in) & 1; break;
	default: dw[10] = take_u8(in) | (uint32_t)take_u8(in) << 16; dw[11] = take_u16(in);
	}
	memcpy(dw + 6, &prp1, 8);
	command(in, 0, dw);
}

/* Descriptors and addresses, so that lists lead somewhere. */
static void step_memory(struct input *in)
{
	const uint32_t at = (take_u16(in) * 8u) % (RAM_SIZE - 64);
	const uint8_t kind = take_u8(in);
	uint64_t value = take_address(in);

	memcpy(f.ram + at, &value, 8);
	if (kind & 1) {
		nvme_put32(f.ram + at + 8, kind & 2 ? take_u16(in) : (kind & 0x3cu) << 4);
		nvme_put32(f.ram + at + 12, (uint32_t)(kind >> 6) << 28);
	}
}

static void step_register(struct input *in)
{
	const uint8_t b = take_u8(in);
	const uint32_t value = (uint32_t)take_number(in);

	if (b < 0x40)
		reg_write(0, b & ~3u, value, 4);
	else if (b < 0xa0)
		reg_write(0, NVME_DOORBELLS + 4u * (b & 0x0f), value & 15, 4);
	else if (b < 0xb0)
		reg_write(0, NVME_DOORBELLS + 4u * take_u8(in), value, 4);
	else if (b < 0xc0)
		reg_write(0, 0x2000 + 4u * take_u8(in), value, 4);
	else if (b < 0xd0)
		reg_write(LM_CFG_REG_IDX, PCI_COMMAND, value, 2);
	else
		reg_write(0, NVME_CC, b & 1 ? 0x00460001 : value & 0xc000, 4);
}

static void step_state(struct input *in)
{
	static char state[256 << 10];
	size_t len = sizeof(state);

	if (lm_ctx_save(f.ctx, state, &len))
		return;
	if (len)
		state[take_u32(in) % len] ^= (char)take_u8(in);
	lm_ctx_load(f.ctx, state, len);
	poll_all();
}

static void step_world(struct input *in)
{
	const uint8_t b = take_u8(in);
	const unsigned int nr = (b >> 4) % NR_DISKS;

	switch (b & 15) {
	case 0: case 1: f.mood = b >> 4; break;
	case 2: case 3: go_on(b >> 4); break;
	case 4: if (!f.disk[nr].is_there) ns_add(nr); break;
	case 5: lm_nvme_ns_remove(f.nvme, nr + 1); break;
	case 6: lm_nvme_ns_resize(f.nvme, nr + 1, 4096u * (1 + (b >> 4))); break;
	case 7: map(RAM, f.files[0]); break;
	case 8: unmap(RAM); break;
	case 9: map(SLOW, f.files[1]); break;
	case 10: unmap(SLOW); break;
	case 11: send_message(VFIO_USER_DEVICE_RESET, 0, "", 0, -1); break;
	case 12: step_state(in); break;
	case 13: lm_nvme_poll(f.nvme); break;
	default: enable(b & 16 ? RAM : SLOW);
	}
	poll_all();
}

static void step(struct input *in)
{
	switch (take_u8(in) & 7) {
	case 0: case 1: case 2: step_io(in); break;
	case 3: case 4: step_admin(in); break;
	case 5: step_memory(in); break;
	case 6: step_register(in); break;
	default: step_world(in);
	}
}

static void begin(void)
{
	const struct vfio_user_version version = { 0, 0 };
	lm_dev_info_t info = device;
	int pair[2];

	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	info.pvt = &f;
	info.fd = pair[1];
	info.flags = LM_DEV_CONN_FD | LM_DEV_NO_CONTROL;
	f.fd = pair[0];
	f.ctx = lm_ctx_create(&info);
	FUZZ_CHECK(f.ctx);
	send_message(VFIO_USER_VERSION, 0, &version, sizeof(version), -1);
	f.files[0] = memfd_new(RAM_SIZE, true);
	f.files[1] = memfd_new(RAM_SIZE, false);
	f.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, f.files[0], 0);
	FUZZ_CHECK(f.ram != MAP_FAILED);
	map(RAM, f.files[0]);
	map(SLOW, f.files[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const unsigned int before = count_fds();
	unsigned int i;

	memset(&f, 0, sizeof(f));
	begin();
	enable(RAM);
	for (i = 0; in.left && i < MAX_STEPS; i++)
		step(&in);
	poll_all();
	if (take_u8(&in) & 1) {
		close(f.fd); /* before the backends are done */
		f.fd = -1;
		lm_ctx_poll(f.ctx);
	}
	lm_ctx_destroy(f.ctx);
	if (f.fd >= 0)
		close(f.fd);
	munmap(f.ram, RAM_SIZE);
	close_fds(f.files, 2);
	FUZZ_CHECK(!fds_left(before));
	return 0;
}
