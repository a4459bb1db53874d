/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_guest.c - a hostile guest of the built-in devices, but for nvme, which fuzz_nvme.c has.
 *
 * An input is the type, options, and a row of steps of the guest and of the world around it:
 * registers and memory, which comes and goes, is mapped, reached through its file or by messages;
 * configuration space, interrupts, resets; properties; clients that leave; states that are saved,
 * changed and loaded. Timers expire at once. Whatever happened, the device serves on after a reset,
 * and nothing is left.
 *
 * MUSER_FUZZ_TYPE=TYPE in the environment: this type only, whatever the input says.
 */
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "../../devices/devices.h"
#include "base/option.h"
#include "base/prop.h"
#include "fuzz.h"
#include "wire/vfio_user.h"

#define RAM       0x100000ull
#define SLOW      0x200000ull /* not sealed: reached by copies */
#define FAR       0x300000ull /* by messages */
#define RAM_SIZE  (512u << 10)
#define MAX_STEPS 200u
#define TURNS     24u

static struct {
	const struct device_type *type;
	void *dev;
	lm_dev_info_t info;
	lm_ctx_t *ctx;
	struct sockaddr_un name; /* where it listens */
	socklen_t name_len;
	int fd;
	int files[2];
	uint8_t *ram;
	uint8_t far[RAM_SIZE];
	bool is_mute; /* messages of the device are not answered now */
	char in[2 << 20];
	size_t in_len;
	uint16_t next_id, reply_id;
	uint32_t reply; /* the first bytes that were read, of the reply to reply_id */
	bool is_replied;
	int outside; /* the other end of a serial port */
} f;

/* ---- time, and a wait of the library's ------------------------------------------- */

int __real_lm_timer_arm(lm_timer_t *timer, uint64_t delay_ns, uint64_t interval_ns);
int __wrap_lm_timer_arm(lm_timer_t *timer, uint64_t delay_ns, uint64_t interval_ns);
int __real_poll(struct pollfd *fds, nfds_t nr, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout);

/* But for the library's own patience with a client. */
int __wrap_lm_timer_arm(lm_timer_t *timer, uint64_t delay_ns, uint64_t interval_ns)
{
	const bool is_patience = delay_ns == 1000000000u;

	return __real_lm_timer_arm(timer, is_patience ? delay_ns : !!delay_ns, interval_ns);
}

/* ---- what the device asks for ---------------------------------------------------- */

static void send_bytes(const void *bytes, size_t len)
{
	ssize_t ret = send(f.fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	(void)ret;
}

static void answer(const struct vfio_user_header *ask, const void *payload, size_t len)
{
	static struct {
		struct vfio_user_header hdr;
		struct vfio_user_dma_region_access range;
		uint8_t data[RAM_SIZE];
	} __attribute__((packed)) m;
	uint64_t at;

	if (len < sizeof(m.range))
		return;
	memcpy(&m.range, payload, sizeof(m.range));
	at = m.range.addr - FAR;
	FUZZ_CHECK(at < RAM_SIZE && m.range.count <= RAM_SIZE - at);
	m.hdr = (struct vfio_user_header){ ask->msg_id, ask->cmd,
					   sizeof(m.hdr) + sizeof(m.range),
					   VFIO_USER_F_TYPE_REPLY, 0 };
	if (ask->cmd == VFIO_USER_DMA_READ) {
		memcpy(m.data, f.far + at, m.range.count);
		m.hdr.msg_size += (uint32_t)m.range.count;
	} else {
		FUZZ_CHECK(len - sizeof(m.range) == m.range.count);
		memcpy(f.far + at, (const char *)payload + sizeof(m.range), m.range.count);
	}
	send_bytes(&m, m.hdr.msg_size);
}

static void take_message(const struct vfio_user_header *hdr, const char *payload)
{
	const size_t len = hdr->msg_size - sizeof(*hdr);

	if (hdr->cmd == VFIO_USER_DMA_READ || hdr->cmd == VFIO_USER_DMA_WRITE) {
		answer(hdr, payload, len);
	} else if (hdr->msg_id == f.reply_id) {
		f.is_replied = true;
		if (len >= sizeof(struct vfio_user_region_access) + sizeof(f.reply))
			memcpy(&f.reply, payload + sizeof(struct vfio_user_region_access),
			       sizeof(f.reply));
	}
}

static void client_listen(void)
{
	struct vfio_user_header hdr;
	size_t at = 0;
	ssize_t got;

	while (f.fd >= 0 && (got = recv(f.fd, f.in + f.in_len, sizeof(f.in) - f.in_len,
					MSG_DONTWAIT)) > 0)
		f.in_len += (size_t)got;
	while (f.in_len - at >= sizeof(hdr)) {
		memcpy(&hdr, f.in + at, sizeof(hdr));
		FUZZ_CHECK(hdr.msg_size >= sizeof(hdr) && hdr.msg_size <= sizeof(f.in));
		if (f.in_len - at < hdr.msg_size)
			break;
		take_message(&hdr, f.in + at + sizeof(hdr));
		at += hdr.msg_size;
	}
	f.in_len -= at;
	memmove(f.in, f.in + at, f.in_len);
}

/* The library waits for the client, which is us. */
int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout)
{
	if (!f.ctx)
		return __real_poll(fds, nr, timeout);
	client_listen();
	return __real_poll(fds, nr, 0);
}

/* A device may keep itself busy for ever: so much of that. */
static void poll_all(void)
{
	unsigned int turns;

	for (turns = 0; turns < TURNS; turns++) {
		const int ret = lm_ctx_poll(f.ctx);

		if (!f.is_mute)
			client_listen();
		if (ret <= 0 && turns > 1)
			break;
	}
}

/* ---- messages of the guest ------------------------------------------------------- */

static void send_message(uint16_t cmd, uint32_t flags, const void *payload, size_t len, int fd)
{
	char msg[512];
	const struct vfio_user_header hdr = {
		.msg_id = ++f.next_id, .cmd = cmd, .flags = flags,
		.msg_size = (uint32_t)(sizeof(hdr) + len) };

	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), payload, len);
	send_fds(f.fd, msg, sizeof(hdr) + len, &fd, fd >= 0);
	poll_all();
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

static void reset(void)
{
	send_message(VFIO_USER_DEVICE_RESET, 0, "", 0, -1);
}

static void region_access(uint32_t region, uint64_t offset, const void *data, uint32_t count)
{
	struct {
		struct vfio_user_region_access rq;
		uint8_t data[64];
	} __attribute__((packed)) msg = { { offset, region, count }, { 0 } };

	if (data)
		memcpy(msg.data, data, count);
	send_message(data ? VFIO_USER_REGION_WRITE : VFIO_USER_REGION_READ,
		     data && offset & 1 ? VFIO_USER_F_NO_REPLY : 0, &msg,
		     sizeof(msg.rq) + (data ? count : 0), -1);
}

static void client_begins(void)
{
	const struct vfio_user_version version = { 0, 0 };

	f.in_len = 0;
	f.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	FUZZ_CHECK(!connect(f.fd, (struct sockaddr *)&f.name, f.name_len));
	send_message(VFIO_USER_VERSION, 0, &version, sizeof(version), -1);
	map(RAM, f.files[0]);
	map(SLOW, f.files[1]);
	map(FAR, -1);
}

static void client_ends(void)
{
	close(f.fd);
	f.fd = -1;
	poll_all();
}

/* ---- steps ----------------------------------------------------------------------- */

static uint64_t take_address(struct input *in)
{
	const uint8_t b = take_u8(in);
	const uint64_t at = (uint64_t)(b & 0x3f) << 6;

	switch (b >> 6) {
	case 0: return RAM + at;
	case 1: return SLOW + at;
	case 2: return FAR + at + take_u8(in) % 64;
	default: return take_number(in);
	}
}

static uint64_t take_value(struct input *in)
{
	return take_u8(in) & 1 ? take_address(in) : take_number(in);
}

static const lm_reg_info_t *region_of(uint32_t index)
{
	return index < LM_DEV_NUM_REGS ? &f.info.pci_info.reg_info[index] :
					 &f.info.extra_regs[index - LM_DEV_NUM_REGS];
}

static uint32_t take_region(struct input *in)
{
	const uint32_t nr = LM_DEV_NUM_REGS + f.info.nr_extra_regs;
	uint32_t i, index = take_u8(in) % nr;

	for (i = 0; i < nr && !region_of(index)->size && !region_of(index)->regs; i++)
		index = (index + 1) % nr;
	return index;
}

static void step_register(struct input *in, bool is_write)
{
	const uint32_t region = take_region(in);
	const lm_register_map_t *map = region_of(region)->regs;
	const lm_register_t *reg;
	uint64_t value, offset;

	if (!map)
		return;
	reg = &map->registers[take_u8(in) % map->nr_registers];
	offset = reg->offset;
	if (reg->count)
		offset += take_u16(in) % reg->count * (uint64_t)(reg->stride ?: reg->width);
	value = is_write ? take_value(in) : 0;
	region_access(region, offset, is_write ? &value : NULL, reg->width);
}

static void step_anywhere(struct input *in)
{
	const uint32_t region = take_region(in);
	const uint64_t size = region == LM_CFG_REG_IDX ? 4096 : region_of(region)->size;
	const uint8_t how = take_u8(in);
	uint8_t data[64];

	take(in, data, 8);
	memset(data + 8, how, sizeof(data) - 8);
	region_access(region, take_u32(in) % (size + 8), how & 1 ? data : NULL,
		      how & 2 ? how >> 2 : 4);
}

static void step_memory(struct input *in)
{
	const uint32_t at = take_u8(in) * 64u;
	const uint8_t how = take_u8(in);
	uint8_t *to = how & 1 ? f.far : f.ram;
	uint64_t address = take_address(in);

	memcpy(to + at + (how >> 2) % 8 * 8, &address, 8);
	if (how & 2)
		take(in, to + at, 1 + (how >> 5) * 8u);
}

static void step_irqs(struct input *in)
{
	const uint8_t b = take_u8(in);
	const struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = b & 3, .start = 0, .count = b & 4 ? 1 : 0,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER };
	struct vfio_irq_set unmask = set;
	const int fd = fd_new(3);

	unmask.flags = VFIO_IRQ_SET_DATA_NONE |
		       (b & 8 ? VFIO_IRQ_SET_ACTION_UNMASK : VFIO_IRQ_SET_ACTION_MASK);
	if (b & 16)
		send_message(VFIO_USER_DEVICE_SET_IRQS, 0, &unmask, sizeof(unmask), -1);
	else
		send_message(VFIO_USER_DEVICE_SET_IRQS, 0, &set, sizeof(set), b & 4 ? fd : -1);
	close(fd);
}

/* As musctl set and show. */
static const char *take_text(struct input *in, const lm_prop_t *prop, char text[32])
{
	const uint8_t b = take_u8(in);
	unsigned int nr = 0;

	while (prop->type == LM_PROP_ENUM && prop->choices[nr])
		nr++;
	if (nr)
		return prop->choices[b % nr];
	if (b & 0x80)
		snprintf(text, 32, "%llu", (unsigned long long)take_number(in));
	else
		snprintf(text, 32, "%u", b & 0x40 ? b & 0x3fu : b & 1u);
	return text;
}

static void step_property(struct input *in)
{
	char name[80], text[32], value[512];
	const lm_prop_t *prop;
	uint8_t b;

	if (!f.info.nr_props)
		return;
	b = take_u8(in);
	prop = &f.info.props[b % f.info.nr_props];
	prop_get(&f.info, prop->name, value, sizeof(value));
	if (prop->flags & (LM_PROP_RO | LM_PROP_CREATE))
		return;
	snprintf(name, sizeof(name), prop->nr && b & 0x80 ? "%s%u" : "%s", prop->name,
		 prop->nr ? (b >> 3) % prop->nr : 0);
	prop_change(&f.info, name, take_text(in, prop, text));
	poll_all();
}

static void step_state(struct input *in)
{
	static char state[16 << 20];
	size_t len = sizeof(state);

	if (lm_ctx_save(f.ctx, state, &len))
		return;
	if (len)
		state[take_u32(in) % len] ^= (char)take_u8(in);
	lm_ctx_load(f.ctx, state, len);
	poll_all();
}

static void step_outside(struct input *in)
{
	uint8_t bytes[32];
	ssize_t ret = 0;

	if (f.outside < 0)
		return;
	take(in, bytes, sizeof(bytes));
	ret = write(f.outside, bytes, bytes[0] % sizeof(bytes));
	if (bytes[1] & 1)
		ret = read(f.outside, bytes, sizeof(bytes));
	(void)ret;
	poll_all();
}

static void step_world(struct input *in)
{
	const uint8_t b = take_u8(in);

	switch (b & 15) {
	case 0: map(RAM, f.files[0]); break;
	case 1: unmap(RAM); break;
	case 2: map(SLOW, f.files[1]); break;
	case 3: unmap(SLOW); break;
	case 4: map(FAR, -1); break;
	case 5: unmap(FAR); break;
	case 6: reset(); break;
	case 7: step_state(in); break;
	case 8: f.is_mute = b & 16; break;
	case 9: client_ends(); client_begins(); break;
	case 10: region_access(LM_CFG_REG_IDX, PCI_COMMAND, &b, 1); break;
	case 11: step_irqs(in); break;
	case 12: step_outside(in); break;
	default: step_property(in);
	}
	poll_all();
}

static void step(struct input *in)
{
	switch (take_u8(in) & 7) {
	case 0: case 1: case 2: step_register(in, true); break;
	case 3: step_register(in, false); break;
	case 4: step_anywhere(in); break;
	case 5: case 6: step_memory(in); break;
	default: step_world(in);
	}
}

/* ---- one input ------------------------------------------------------------------- */

static const struct device_type *take_type(struct input *in)
{
	const char *name = getenv("MUSER_FUZZ_TYPE");
	unsigned int nr = 0, which = take_u8(in);
	const struct device_type *type;

	while (device_types[nr])
		nr++;
	type = name ? device_find(name) : device_types[which % nr];
	FUZZ_CHECK(type);
	return type == &device_nvme ? &device_edu : type;
}

/* Those that open nothing and run nothing. */
static void take_options(struct input *in)
{
	struct option_fault fault;
	const lm_prop_t *prop;
	char text[32];
	uint32_t i;

	option_set_defaults(&f.info, &fault);
	for (i = 0; i < f.info.nr_props; i++) {
		prop = &f.info.props[i];
		if (prop->flags & LM_PROP_CREATE && prop->type != LM_PROP_CALLS)
			option_set_value(&f.info, prop->name, take_text(in, prop, text), &fault);
	}
}

static void no_log(void *pvt, int level, const char *msg)
{
}

static void open_outside(void)
{
	char path[256] = "";

	f.outside = -1;
	if (f.type == &device_serial_16550 && !prop_get(&f.info, "path", path, sizeof(path)))
		f.outside = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/* At a name of the kernel's choice. */
static int listener_new(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	f.name.sun_family = AF_UNIX;
	f.name_len = sizeof(f.name);
	FUZZ_CHECK(!bind(fd, (struct sockaddr *)&f.name, offsetof(struct sockaddr_un, sun_path)));
	FUZZ_CHECK(!listen(fd, 1));
	FUZZ_CHECK(!getsockname(fd, (struct sockaddr *)&f.name, &f.name_len));
	return fd;
}

static void begin(struct input *in)
{
	f.type = take_type(in);
	FUZZ_CHECK(!device_new(f.type, &f.dev));
	f.info = *f.type->info;
	f.info.pvt = f.dev;
	f.info.log = no_log;
	f.info.fd = listener_new();
	f.info.flags |= LM_DEV_LISTEN_FD | LM_DEV_NO_CONTROL;
	take_options(in);
	f.ctx = lm_ctx_create(&f.info);
	FUZZ_CHECK(f.ctx);
	f.files[0] = memfd_new(RAM_SIZE, true);
	f.files[1] = memfd_new(RAM_SIZE, false);
	f.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, f.files[0], 0);
	FUZZ_CHECK(f.ram != MAP_FAILED);
	open_outside();
	client_begins();
}

/* Whatever it was told before. */
static void check_that_it_serves(void)
{
	unsigned int tries;

	f.is_mute = f.is_replied = false;
	reset();
	f.reply_id = (uint16_t)(f.next_id + 1);
	region_access(LM_CFG_REG_IDX, PCI_VENDOR_ID, NULL, 4);
	for (tries = 0; tries < 100 && !f.is_replied; tries++)
		poll_all();
	FUZZ_CHECK(f.is_replied && (f.reply & 0xffff) == f.info.pci_info.id.vid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const unsigned int before = count_fds();
	unsigned int i;

	memset(&f, 0, sizeof(f));
	begin(&in);
	for (i = 0; in.left && i < MAX_STEPS; i++)
		step(&in);
	check_that_it_serves();
	if (take_u8(&in) & 1)
		client_ends();
	lm_ctx_destroy(f.ctx);
	f.ctx = NULL;
	device_free(f.type, f.dev);
	if (f.fd >= 0)
		close(f.fd);
	if (f.outside >= 0)
		close(f.outside);
	munmap(f.ram, RAM_SIZE);
	close_fds(f.files, 2);
	FUZZ_CHECK(!fds_left(before));
	return 0;
}
