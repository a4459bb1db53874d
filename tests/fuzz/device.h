/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device.h - a device with every feature, for the fuzzers.
 *
 * What its callbacks do is told by the offset of the access, so that an input can make them
 * do anything at any time: defer, answer at once or wrongly, start DMA, hold pointers to client
 * memory, raise interrupts. The library's promises to callbacks are checked in each of them.
 * Whatever the device owes or holds is settled by device_settle(); device_end() checks that
 * nothing was left.
 */
#ifndef FUZZ_DEVICE_H
#define FUZZ_DEVICE_H

#include <linux/pci_regs.h>

#include "dma/dma.h"
#include "fuzz.h"

#define BAR_RAW    LM_BAR0_REG_IDX /* an access callback */
#define BAR_REGS   LM_BAR1_REG_IDX /* I/O: a register map that the device serves */
#define BAR_WIDE   LM_BAR2_REG_IDX /* 64-bit memory, some of which can be mapped; kicks */
#define BAR_KEPT   LM_BAR4_REG_IDX /* a register map that the library keeps, and MSI-X */
#define BAR_PLAIN  LM_BAR5_REG_IDX /* I/O: memory */
#define REGION_MAP LM_DEV_NUM_REGS /* device-specific, can be mapped as a whole */
#define REGION_BIG (LM_DEV_NUM_REGS + 1) /* device-specific, without memory */
#define NR_REGIONS (LM_DEV_NUM_REGS + 2)

#define RAW_SIZE   4096u
#define WIDE_SIZE  (128u << 10)
#define MAP_SIZE   8192u
#define BIG_SIZE   (2u << 20)
#define NR_MSIX    64u
#define COPY_MAX   4096u
#define NR_COPIES  8u
#define NR_PENDING 32u
#define NR_HELD    16u
#define SAVED_SIZE 16u

/* A request that waits. */
struct pending {
	lm_token_t token;
	ssize_t    result; /* what completes it well */
};

/* A copy to or from client memory. */
struct copy {
	struct device *device;
	bool           busy;
	lm_token_t     token;  /* of the request that waits for it, or 0 */
	ssize_t        result; /* what completes that */
	char           data[COPY_MAX];
};

struct device {
	lm_ctx_t      *ctx;
	lm_dev_info_t  info;
	uint8_t        mood;     /* MOOD_* */
	unsigned int   patience; /* so many more copies that wait */
	unsigned int   chain;    /* so many copies that a finished one may start */
	bool           refused;  /* by load */
	uint64_t       addr;     /* of the next copy */
	uint32_t       len;
	char           raw[RAW_SIZE];
	char           config[4096];
	char           saved[SAVED_SIZE];
	struct pending pending[NR_PENDING];
	unsigned int   nr_pending;
	struct copy    copies[NR_COPIES];
	dma_sg_t       held[NR_HELD];
	struct iovec   iov[NR_HELD];
	unsigned int   nr_held;
	lm_timer_t    *timer;
	int            kick;
};

enum {
	MOOD_DEFER_UNMAP = 1, /* dma_unmap answers later */
	MOOD_RELEASE     = 2, /* ... and lets go of pointers */
	MOOD_HOLD_MAP    = 4, /* dma_map takes pointers */
	MOOD_DEFER_RESET = 8,
	MOOD_DEFER_REGS  = 16,
	MOOD_NO_MAP      = 32, /* no region may be mapped */
	MOOD_COPY_EVENTS = 64, /* reset, dma_map and dma_unmap start copies */
};

static struct device dev;

/* ---- what it does ---------------------------------------------------------------- */

/* False: it has no room to remember one more; the request waits for device_settle(). */
static inline bool pending_add(lm_token_t token, ssize_t result)
{
	if (!token || dev.nr_pending == NR_PENDING)
		return false;
	dev.pending[dev.nr_pending++] = (struct pending){ token, result };
	return true;
}

/* @how: 0 well, 1 a failure, 2 another count, 3 twice */
static inline void pending_complete(unsigned int which, unsigned int how)
{
	static const char bytes[BIG_SIZE];
	struct pending p;

	if (!dev.nr_pending)
		return;
	which %= dev.nr_pending;
	p = dev.pending[which];
	dev.pending[which] = dev.pending[--dev.nr_pending];
	lm_complete(dev.ctx, p.token, how == 1 ? -EIO : how == 2 ? p.result / 2 : p.result, bytes);
	if (how == 3)
		FUZZ_CHECK(lm_complete(dev.ctx, p.token, p.result, bytes) == -ENOENT);
}

static inline void copy_start(lm_token_t token, ssize_t result, bool is_write);

static inline void copy_done(void *arg, int result)
{
	struct copy *copy = arg;
	const lm_token_t token = copy->token;

	FUZZ_CHECK(copy->busy);
	FUZZ_CHECK(result <= 0);
	copy->busy = false;
	if (token)
		lm_complete(dev.ctx, token, result ? result : copy->result, copy->data);
	if (dev.chain) {
		dev.chain--;
		copy_start(0, 0, true);
	}
}

static inline struct copy *copy_free(void)
{
	unsigned int i;

	for (i = 0; i < NR_COPIES; i++) {
		if (!dev.copies[i].busy)
			return &dev.copies[i];
	}
	return NULL;
}

/* An asynchronous one; the request @token waits for it. */
static inline void copy_start(lm_token_t token, ssize_t result, bool is_write)
{
	struct copy *copy = copy_free();
	dma_sg_t sg;
	int ret = -ENOENT;

	if (copy && lm_addr_to_sg(dev.ctx, dev.addr, dev.len % COPY_MAX + 1, &sg, 1) == 1) {
		*copy = (struct copy){ &dev, true, token, result, { 0 } };
		ret = is_write ? lm_dma_write_async(dev.ctx, &sg, copy->data, copy_done, copy) :
				 lm_dma_read_async(dev.ctx, &sg, copy->data, copy_done, copy);
		if (ret)
			copy->busy = false;
	}
	if (ret && token)
		lm_complete(dev.ctx, token, ret, NULL);
}

/* One that waits for the client, if it has to. */
static inline void copy_wait(bool is_write)
{
	char data[COPY_MAX] = "";
	dma_sg_t sg;

	if (!dev.patience ||
	    lm_addr_to_sg(dev.ctx, dev.addr, dev.len % COPY_MAX + 1, &sg, 1) != 1)
		return;
	if (is_write ? lm_dma_write(dev.ctx, &sg, data) : lm_dma_read(dev.ctx, &sg, data))
		dev.patience--;
}

static inline void hold(void)
{
	const int prot = dev.len & 1 ? PROT_READ | PROT_WRITE : PROT_READ;
	dma_sg_t *sg = &dev.held[dev.nr_held];
	int nr;

	nr = lm_addr_to_sg(dev.ctx, dev.addr, dev.len + 1, sg, (int)(NR_HELD - dev.nr_held));
	if (nr <= 0 || lm_map_sg(dev.ctx, prot, sg, &dev.iov[dev.nr_held], nr))
		return;
	dev.nr_held += (unsigned int)nr;
}

static inline void release(void)
{
	/* A callback that this leads to may hold others. */
	if (!dev.nr_held)
		return;
	dev.nr_held--;
	lm_unmap_sg(dev.ctx, &dev.held[dev.nr_held], &dev.iov[dev.nr_held], 1);
}

/* What pointers are for; the memory may be gone for the client, never for us. */
static inline void use_held(void)
{
	unsigned int i;

	for (i = 0; i < dev.nr_held; i++) {
		if (dev.iov[i].iov_len)
			dev.raw[0] ^= *(volatile char *)dev.iov[i].iov_base;
	}
}

#define ACT_ARM 13

/* Outside a request as well as inside one. */
static inline void device_act(unsigned int action, unsigned int arg)
{
	const uint32_t value = arg * 0x01010101u;

	switch (action % 16) {
	case 0: lm_irq_trigger(dev.ctx, arg); break;
	case 1: lm_irq_trigger_index(dev.ctx, arg >> 5, arg & 31); break;
	case 2: lm_irq_set_level(dev.ctx, arg & 1); break;
	case 3: pending_complete(arg, arg >> 6); break;
	case 4: copy_start(0, 0, arg & 1); break;
	case 5: copy_wait(arg & 1); break;
	case 6: hold(); break;
	case 7: release(); break;
	case 8: use_held(); break;
	case 9: dev.mood = (uint8_t)arg; break;
	case 10: lm_config_write(dev.ctx, arg * 4, &value, sizeof(value)); break;
	case 11: lm_register_set(dev.ctx, BAR_KEPT, arg & ~3u, value); break;
	case 12: lm_event(dev.ctx, "fuzz", arg); break;
	case ACT_ARM: lm_timer_arm(dev.timer, arg * 1000, arg & 1 ? 1000000 : 0); break;
	case 14: dev.chain = arg % 4; break;
	default: dev.len = arg * 17;
	}
}

/* ---- callbacks ------------------------------------------------------------------- */

static inline ssize_t defer(ssize_t result)
{
	const lm_token_t token = lm_defer(dev.ctx);

	/* No room: answer at once, inside the callback. */
	if (!pending_add(token, result))
		lm_complete(dev.ctx, token, result, dev.raw);
	return LM_DEFER;
}

/* The high bits of the offset say what happens. */
static inline ssize_t raw_access(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	lm_token_t token;

	FUZZ_CHECK(pvt == &dev && count && offset >= 0);
	FUZZ_CHECK(!out_of_range((uint64_t)offset, count, RAW_SIZE));
	if (is_write)
		memcpy(dev.raw + offset, buf, count);
	else
		memcpy(buf, dev.raw + offset, count);
	switch (offset >> 8) {
	case 1: return defer((ssize_t)count);
	case 2:
		token = lm_defer(dev.ctx);
		lm_complete(dev.ctx, token, (ssize_t)count, dev.raw);
		return LM_DEFER;
	case 3: return -EIO;
	case 4: return (ssize_t)count + (offset & 2) - 1;
	case 5:
		copy_start(lm_defer(dev.ctx), (ssize_t)count, is_write);
		return LM_DEFER;
	case 6: return LM_DEFER; /* without lm_defer() */
	case 7: return offset & 1 ? INT32_MIN : -4096 - (ssize_t)(offset & 6);
	case 8:
		if (is_write)
			memcpy(&dev.addr, buf, count < 8 ? count : 8);
		break;
	case 9: case 10: case 11:
		device_act((unsigned int)offset, (uint8_t)*buf);
	}
	return (ssize_t)count;
}

static inline ssize_t big_access(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	FUZZ_CHECK(count && !out_of_range((uint64_t)offset, count, BIG_SIZE));
	if (is_write)
		dev.raw[0] ^= buf[count - 1];
	else
		memset(buf, (int)offset, count);
	return offset & 1 ? defer((ssize_t)count) : (ssize_t)count;
}

static inline ssize_t config_bytes(void *pvt, char *buf, size_t count, loff_t offset,
				   bool is_write)
{
	FUZZ_CHECK(!out_of_range((uint64_t)offset, count, sizeof(dev.config)));
	FUZZ_CHECK(offset >= PCI_STD_HEADER_SIZEOF);
	if (is_write)
		memcpy(dev.config + offset, buf, count);
	else
		memcpy(buf, dev.config + offset, count);
	return offset == 0xf0 ? -EIO : (ssize_t)count;
}

static inline ssize_t vendor_cap(void *pvt, uint8_t id, char *buf, size_t count, loff_t offset,
				 bool is_write)
{
	FUZZ_CHECK(id == PCI_CAP_ID_VNDR && offset >= 2 && count && count <= 10);
	FUZZ_CHECK(offset + (loff_t)count <= 12);
	return offset == 7 ? -EPERM : (ssize_t)count;
}

enum { REG_ID = 0, REG_CTRL = 4, REG_DATA = 8, REG_BYTE = 16, REG_WORD = 18, REG_LONG = 24 };

static const lm_field_t ctrl_fields[] = {
	{ .name = "EN", .shift = 0, .bits = 1, .help = "enable" },
	{ .name = "MODE", .shift = 4, .bits = 2 },
};

static const lm_register_t served_regs[] = {
	{ .name = "ID", .help = "who", .offset = REG_ID, .width = 4, .access = LM_RO,
	  .flags = LM_REGISTER_PURE, .reset = 0x12345678 },
	{ .name = "CTRL", .offset = REG_CTRL, .width = 4, .flags = LM_REGISTER_PURE,
	  .fields = ctrl_fields, .nr_fields = LM_NR(ctrl_fields) },
	{ .name = "DATA", .offset = REG_DATA, .width = 4 },
	{ .name = "BYTE", .offset = REG_BYTE, .width = 1, .access = LM_WO },
	{ .name = "WORD", .offset = REG_WORD, .width = 2, .access = LM_RW1C },
	{ .name = "LONG", .offset = REG_LONG, .width = 8 },
};

static inline const lm_register_t *served(uint64_t offset, unsigned int width)
{
	unsigned int i;

	for (i = 0; i < LM_NR(served_regs); i++) {
		if (served_regs[i].offset == offset && served_regs[i].width == width)
			return &served_regs[i];
	}
	return NULL;
}

static inline uint64_t regs_read(void *pvt, const lm_register_io_t *io)
{
	const lm_register_t *reg = served(io->offset, io->width);

	FUZZ_CHECK(reg && reg->access != LM_WO);
	if (io->offset == REG_DATA && dev.mood & MOOD_DEFER_REGS)
		defer(io->width);
	return io->offset == REG_ID ? 0x12345678 : (uint64_t)dev.raw[io->offset];
}

static inline void regs_write(void *pvt, const lm_register_io_t *io)
{
	const lm_register_t *reg = served(io->offset, io->width);

	FUZZ_CHECK(reg && reg->access != LM_RO);
	FUZZ_CHECK(io->width == 8 || !(io->value >> 8 * io->width));
	dev.raw[io->offset] = (char)io->value;
	if (io->offset == REG_DATA && dev.mood & MOOD_DEFER_REGS)
		defer(io->width);
	if (io->offset == REG_CTRL)
		device_act((unsigned int)io->value, (unsigned int)(io->value >> 8) & 0xff);
	if (io->offset == REG_LONG)
		dev.addr = io->value;
}

static const lm_register_map_t served_map = {
	LM_REGISTERS(served_regs), .read = regs_read, .write = regs_write,
};

static const lm_register_t kept_regs[] = {
	{ .name = "KEPT", .offset = 0, .width = 4, .reset = 0xaabb },
	{ .name = "DONE", .offset = 4, .width = 1, .access = LM_RW1C, .reset = 0xf },
	{ .name = "FIXED", .offset = 8, .width = 8, .access = LM_RO, .reset = 1 },
	{ .name = "GO", .offset = 16, .width = 2, .access = LM_WO },
	{ .name = "LAST", .offset = 4092, .width = 4 },
};

static const lm_register_map_t kept_map = { LM_REGISTERS(kept_regs), .max_width = 4 };

static inline unsigned long map_region(void *pvt, unsigned long pgoff, unsigned long len)
{
	FUZZ_CHECK(pgoff * 4096 + len <= WIDE_SIZE && len);
	return dev.mood & MOOD_NO_MAP ? 0 : (unsigned long)lm_mmap(dev.ctx, REGION_MAP, 0, 1);
}

static inline int device_reset(void *pvt)
{
	if (dev.mood & MOOD_COPY_EVENTS)
		copy_start(0, 0, true);
	return dev.mood & MOOD_DEFER_RESET ? (int)defer(0) : 0;
}

static inline void device_dma_map(void *pvt, dma_addr_t addr, uint64_t len)
{
	FUZZ_CHECK(len && len - 1 <= UINT64_MAX - addr);
	dev.addr = addr;
	if (dev.mood & MOOD_HOLD_MAP)
		hold();
	if (dev.mood & MOOD_COPY_EVENTS)
		copy_start(0, 0, false);
}

static inline int device_dma_unmap(void *pvt, dma_addr_t addr, uint64_t len)
{
	FUZZ_CHECK(len && len - 1 <= UINT64_MAX - addr);
	if (dev.mood & MOOD_COPY_EVENTS)
		copy_start(0, 0, false);
	if (dev.mood & MOOD_RELEASE)
		release();
	return dev.mood & MOOD_DEFER_UNMAP ? (int)defer(0) : 0;
}

static inline ssize_t device_save(void *pvt, void *buf, size_t size)
{
	if (buf && size >= SAVED_SIZE)
		memcpy(buf, dev.saved, SAVED_SIZE);
	return SAVED_SIZE;
}

static inline int device_load(void *pvt, const void *buf, size_t size)
{
	dev.refused = size != SAVED_SIZE || *(const char *)buf == 'x';
	if (dev.refused)
		return -EINVAL;
	memcpy(dev.saved, buf, SAVED_SIZE);
	return 0;
}

/* It does not arm itself again: a device may keep itself busy for ever. */
static inline void device_timer(void *pvt)
{
	if ((dev.len >> 4 & 15) != ACT_ARM)
		device_act(dev.len >> 4, dev.len & 15);
}

static inline int device_prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s", 64, dev.raw);
	return *name == 'i' ? 0 : -EIO;
}

static inline int device_prop_set(void *pvt, const char *name, const char *value)
{
	device_act((unsigned int)strlen(value), (uint8_t)*value);
	return *value == 'x' ? -EINVAL : 0;
}

/* Messages are made, and nobody reads them. */
static inline void device_log(void *pvt, int level, const char *msg)
{
	FUZZ_CHECK(strlen(msg) <= 500);
}

/* ---- description ----------------------------------------------------------------- */

#define MEM (LM_REG_FLAG_RW | LM_REG_FLAG_MEM)

static const lm_mmap_area_t wide_areas[] = { { 4096, 4096 }, { 0x10000, 0x8000 } };

static const lm_prop_t device_props[] = {
	{ .name = "in", .help = "inputs", .value = "none", .nr = 12 },
	{ .name = "id", .flags = LM_PROP_RO },
	{ .name = "mode", .flags = LM_PROP_CREATE },
	{ .name = "out" },
};

static inline const lm_pci_info_t *device_pci(void)
{
	static lm_ioeventfd_t kicks[3];
	static lm_pci_info_t pci = {
		.id = { .vid = 0x1234, .did = 0x5678 },
		.cc = { .bcc = 8 },
		.irq_count = { 1, 8, NR_MSIX, 1, 1 },
		.reg_info = {
			[BAR_RAW] = { .flags = MEM, .size = RAW_SIZE, .fn = raw_access },
			[BAR_REGS] = { .flags = LM_REG_FLAG_RW, .size = 32, .regs = &served_map },
			[BAR_WIDE] = {
				.flags = MEM | LM_REG_FLAG_64BIT | LM_REG_FLAG_PREFETCH |
					 LM_REG_FLAG_MMAP,
				.size = WIDE_SIZE, .map = map_region, .mmap_areas = wide_areas,
				.nr_mmap_areas = LM_NR(wide_areas),
				.ioeventfds = kicks, .nr_ioeventfds = LM_NR(kicks),
			},
			[BAR_KEPT] = { .flags = MEM, .size = 4096, .regs = &kept_map },
			[BAR_PLAIN] = { .flags = LM_REG_FLAG_RW, .size = 64 },
			[LM_ROM_REG_IDX] = { .flags = LM_REG_FLAG_READ, .size = 2048 },
			[LM_CFG_REG_IDX] = { .fn = config_bytes },
		},
	};
	unsigned int i;

	for (i = 0; i < LM_NR(kicks); i++) {
		kicks[i] = (lm_ioeventfd_t){ .offset = i * 8, .size = i * 4, .datamatch = i,
			.flags = i ? LM_IOEVENTFD_DATAMATCH : 0, .fd = dev.kick };
	}
	return &pci;
}

/* The first byte says how. */
static inline ssize_t device_object(void *pvt, const lm_doe_request_t *request, void *answer,
				    size_t room)
{
	const uint8_t how = request->len ? *(const uint8_t *)request->data : 0;

	FUZZ_CHECK(request->len <= room && request->len % 4 == 0);
	if (how & 1)
		return pending_add(lm_defer(dev.ctx), how) ? LM_DEFER : -EBUSY;
	memcpy(answer, request->data, request->len);
	return how & 2 ? how - 256 : how & 4 ? (ssize_t)room + 1 : (ssize_t)request->len;
}

static inline void device_vpd(void *pvt, uint32_t offset, const void *data, uint32_t len)
{
	FUZZ_CHECK(len && offset >= 3 && offset + len <= 15);
}

static inline void device_caps(lm_dev_info_t *info)
{
	static const lm_vpd_t vpd = { .data = "\x91\x0c\x00" "Y0\x09" "writable \x78", .size = 16,
				      .written = device_vpd };
	static const lm_doe_type_t types[] = { { .vendor = 0x1234 } };
	static const lm_doe_t doe = { .types = types, .nr_types = 1, .max_size = 32,
				      .flags = LM_DOE_IRQ, .request = device_object };
	static const uint8_t data[10] = "capability", wmask[10] = { 0xff, 0xf, 0xff, 0, 0xff };
	static const lm_ext_cap_t ext[] = {
		{ .id = PCI_EXT_CAP_ID_ERR },
		{ .id = PCI_EXT_CAP_ID_DSN, .dsn = 0x1122334455667788 },
		{ .id = PCI_EXT_CAP_ID_VNDR, .size = 12, .data = data, .wmask = wmask },
		{ .id = PCI_EXT_CAP_ID_DOE, .doe = &doe },
	};
	const lm_cap_t caps[] = {
		{ .id = PCI_CAP_ID_PM },
		{ .id = PCI_CAP_ID_EXP, .exp = { .type = PCI_EXP_TYPE_ENDPOINT, .flr = true } },
		{ .id = PCI_CAP_ID_MSI },
		{ .id = PCI_CAP_ID_MSIX, .msix = { BAR_KEPT, 0x800, 0xc00 } },
		{ .id = PCI_CAP_ID_VNDR, .size = 12, .data = data, .wmask = wmask,
		  .fn = vendor_cap },
		{ .id = PCI_CAP_ID_VPD, .vpd = &vpd },
	};

	memcpy(info->caps, caps, sizeof(caps));
	info->ext_caps = ext;
	info->nr_ext_caps = LM_NR(ext);
	info->ext_cap_size = sizeof(ext[0]);
}

/* Everything but how it is reached. */
static inline void device_begin(void)
{
	static const lm_reg_info_t extra[] = {
		{ .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MMAP, .size = MAP_SIZE, .map = map_region,
		  .type = 0x80001af4, .subtype = 7 },
		{ .flags = LM_REG_FLAG_RW, .size = BIG_SIZE, .fn = big_access },
	};

	if (dev.kick <= 0)
		dev.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	dev = (struct device){ .kick = dev.kick, .patience = 2, .len = 64 };
	dev.info = (lm_dev_info_t){
		.pci_info = *device_pci(), .pvt = &dev, .type = "fuzz", .fd = -1,
		.log = device_log, .log_level = LM_LOG_DEBUG,
		.extra_regs = extra, .nr_extra_regs = LM_NR(extra),
		.extra_reg_size = sizeof(extra[0]),
		.reset = device_reset, .dma_map = device_dma_map, .dma_unmap = device_dma_unmap,
		.save = device_save, .load = device_load,
		LM_PROPS(device_props), .prop_get = device_prop_get, .prop_set = device_prop_set,
	};
	device_caps(&dev.info);
}

static inline void device_create(void)
{
	dev.ctx = lm_ctx_create(&dev.info);
	FUZZ_CHECK(dev.ctx);
	dev.timer = lm_timer_create(dev.ctx, device_timer, dev.info.pvt);
	FUZZ_CHECK(dev.timer);
}

#define TURNS_MAX 5000
#define SPINS_MAX 20000 /* one in 256 serves the listener, which may have 64 clients */

/* Until there is nothing more to do: what the last call answered, 0 or -errno. */
static inline int device_poll(void)
{
	const bool busy = dev.info.flags & LM_DEV_BUSY_POLL;
	int turns = busy ? SPINS_MAX : TURNS_MAX, calm = 0, ret = 0;

	while (ret >= 0 && calm < (busy ? 300 : 1)) {
		FUZZ_CHECK(turns--); /* it must come to rest */
		ret = lm_ctx_poll(dev.ctx);
		calm = ret ? 0 : calm + 1;
	}
	return ret;
}

/* It owes no answer, holds no pointer, and wants no more. */
static inline void device_settle(void)
{
	dev.mood = 0;
	dev.chain = 0;
	lm_irq_set_level(dev.ctx, false);
	lm_timer_arm(dev.timer, 0, 0);
	while (dev.nr_pending)
		pending_complete(0, 0);
	while (dev.nr_held)
		release();
}

static inline void device_end(void)
{
	unsigned int i;

	lm_ctx_destroy(dev.ctx);
	for (i = 0; i < NR_COPIES; i++)
		FUZZ_CHECK(!dev.copies[i].busy);
}

#endif /* FUZZ_DEVICE_H */
