/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * card.c - a device that has all that a device can have: each kind of region, capability and
 * property.
 *
 * It imitates no card: it is for those who write clients and conformance checkers, and for our own
 * tests. muser-devices(7) is its specification.
 */
#include "testdev.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { KICK = 8 };

/* ---- regions ----------------------------------------------------------------------- */

static ssize_t raw_access(void *pvt, const lm_region_io_t *io)
{
	struct testdev *d = pvt;
	uint8_t *at = d->st->raw + io->offset;

	if (io->is_write)
		memcpy(at, io->buf, io->count);
	else
		memcpy(io->buf, at, io->count);
	return fault_answer(d, FAULT_ACCESS, (ssize_t)io->count, io->is_write ? NULL : at);
}

static unsigned long map_region(void *pvt, unsigned long pgoff, unsigned long len)
{
	const struct testdev *d = pvt;

	return (unsigned long)lm_mmap(d->ctx, BAR_MAPPED, pgoff * 4096, len);
}

static void written(void *pvt, uint32_t region, uint64_t offset, uint64_t len)
{
	testdev_count(pvt, WRITTEN);
}

static void kicked(void *arg, uint32_t events)
{
	struct testdev *d = arg;
	uint64_t count = 0;

	if (!eventfd_read(d->kick.fd, &count))
		testdev_set(d, KICKS, testdev_get(d, KICKS) + count);
}

static const lm_mmap_area_t areas[] = { { 0x1000, 0x1000 }, { 0x10000, 0x10000 } };

#define MEM (LM_REG_FLAG_RW | LM_REG_FLAG_MEM)

static const lm_reg_info_t extra[] = {
	{ .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MMAP, .size = 8192, .type = 1, .subtype = 1 },
	{ .flags = LM_REG_FLAG_RW, .size = RAW_SIZE, .io = raw_access, .type = 1, .subtype = 2 },
};

/* ---- capabilities ------------------------------------------------------------------- */

/* The mailbox gives back what it is sent. */
static ssize_t object(void *pvt, const lm_doe_request_t *request, void *answer, size_t room)
{
	const size_t len = request->len < room ? request->len : room;

	memcpy(answer, request->data, len);
	return fault_answer(pvt, FAULT_OBJECT, (ssize_t)len, request->data);
}

static const lm_vpd_field_t vpd_fields[] = {
	{ .keyword = "PN", .value = "testdev" },
	{ .keyword = "SN", .value = "1" },
	{ .keyword = "V0", .value = "for a guest", .room = 32 },
};
static const lm_vpd_t vpd = { .name = "muser test device",
			      .fields = vpd_fields,
			      .nr_fields = LM_NR(vpd_fields) };
static const lm_doe_type_t doe_types[] = { { .vendor = 0x1234, .type = 1 } };
static const lm_doe_t doe = {
	.types = doe_types, .nr_types = 1, .flags = LM_DOE_IRQ, .vector = 0, .request = object
};
static const uint8_t bytes[12] = "capability", wmask[12] = { [8] = 0xff, 0xff, 0x0f };
/* Id 1, revision 0, 16 bytes. */
static const uint8_t ext_bytes[12] = { 0x01, 0x00, 0x00, 0x01 };

static const lm_cap_t caps[] = {
	{ .id = PCI_CAP_ID_PM, .pm = { .soft_reset = true } },
	{ .id = PCI_CAP_ID_EXP,
	  .exp = { .type = PCI_EXP_TYPE_ENDPOINT,
		   .flr = true,
		   .link_speed = PCI_EXP_LNKCAP_SLS_8_0GB,
		   .link_width = 4 } },
	{ .id = PCI_CAP_ID_MSI },
	{ .id = PCI_CAP_ID_MSIX, .msix = { BAR_MSIX, 0, 0x8000 } },
	{ .id = PCI_CAP_ID_VPD, .vpd = &vpd },
	{ .id = PCI_CAP_ID_VNDR, .size = 14, .data = bytes, .wmask = wmask },
	{ .id = PCI_CAP_ID_SLOTID, .size = 4 },
};

static const lm_ext_cap_t ext_caps[] = {
	{ .id = PCI_EXT_CAP_ID_ERR },
	{ .id = PCI_EXT_CAP_ID_DSN, .dsn = 0x0123456789abcdef },
	{ .id = PCI_EXT_CAP_ID_REBAR, .rebar = 1 << BAR_MAPPED },
	{ .id = PCI_EXT_CAP_ID_DOE, .doe = &doe },
	{ .id = PCI_EXT_CAP_ID_VNDR, .size = 16, .data = ext_bytes, .wmask = wmask },
};

/* ---- life -------------------------------------------------------------------------- */

static void testdev_free(void *dev)
{
	struct testdev *d = dev;

	if (d->kick.fd > 0)
		close(d->kick.fd);
	free(d);
}

static int testdev_configure(void *pvt, lm_dev_info_t *info)
{
	struct testdev *d = pvt;

	d->kick = (lm_ioeventfd_t){ .offset = KICK, .size = 4 };
	d->kick.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->kick.fd < 0)
		return -errno;
	info->pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX] = d->vectors;
	info->pci_info.reg_info[BAR_PORTS].ioeventfds = &d->kick;
	info->pci_info.reg_info[BAR_PORTS].nr_ioeventfds = 1;
	return 0;
}

/* A timer begins anew; a transfer that had not ended is done again for a client. */
static int testdev_load(void *pvt, const void *buf, size_t size)
{
	struct testdev *d = pvt;

	dma_reset(d);
	if (d->st->is_timed)
		testdev_timer_arm(d);
	return 0;
}

static int testdev_start(void *pvt, lm_ctx_t *ctx)
{
	static const char rom[] = "muser testdev: no code";
	struct testdev *d = pvt;

	d->st = lm_state(ctx);
	memcpy(lm_mmap(ctx, LM_ROM_REG_IDX, 0, sizeof(rom)), rom, sizeof(rom));
	d->timer = lm_timer_create(ctx, testdev_timer_expired, d);
	d->answer_timer = lm_timer_create(ctx, fault_answer_late, d);
	d->dma_timer = lm_timer_create(ctx, dma_late, d);
	d->kick_watch = lm_watch_create(ctx, d->kick.fd, EPOLLIN, kicked, d);
	if (!d->timer || !d->answer_timer || !d->dma_timer || !d->kick_watch)
		return -errno;
	return testdev_load(d, NULL, 0);
}

static int testdev_reset(void *pvt)
{
	struct testdev *d = pvt;

	d->st->echo = d->st->ticket = 0;
	d->st->is_timed = false;
	lm_timer_arm(d->timer, 0, 0);
	dma_reset(d);
	return (int)fault_answer(d, FAULT_RESET, 0, NULL);
}

static void testdev_client(void *pvt, bool attached)
{
	struct testdev *d = pvt;
	const uint64_t cmd = testdev_get(d, DMA_CMD);

	if (attached && cmd & DMA_BUSY)
		dma_begin(d, cmd & ~(uint64_t)DMA_BUSY);
	if (!attached)
		lm_dma_release(d->ctx, &d->dma.hold);
}

static void testdev_mapped(void *pvt, dma_addr_t addr, uint64_t len)
{
	testdev_count(pvt, MAPS);
}

static int testdev_unmapped(void *pvt, dma_addr_t addr, uint64_t len)
{
	testdev_count(pvt, UNMAPS);
	return (int)fault_answer(pvt, FAULT_UNMAP, 0, NULL);
}

/* ---- the type ---------------------------------------------------------------------- */

static const lm_dev_info_t testdev_info = {
	.type = "testdev",
	.flags = LM_DEV_RESTARTABLE,
	.state_size = sizeof(struct testdev_state),
	.state_version = 1,
	LM_PROPS(testdev_props),
	LM_CAPS(caps),
	LM_EXT_CAPS(ext_caps),
	LM_CTX_IN(struct testdev, ctx),
	.extra_regs = extra,
	.nr_extra_regs = LM_NR(extra),
	.extra_reg_size = sizeof(extra[0]),
	.prop_get = testdev_prop_get,
	.prop_set = testdev_prop_set,
	.configure = testdev_configure,
	.start = testdev_start,
	.reset = testdev_reset,
	.load = testdev_load,
	.client = testdev_client,
	.dma_map = testdev_mapped,
	.dma_unmap = testdev_unmapped,
	.written = written,
	.pci_info = {
		.id = { .vid = 0x1234, .did = 0x7465 },
		.ss = { .vid = 0x1234, .sid = 1 },
		.cc = { .bcc = 0xff },
		.irq_count = { 1, 32, VECTORS, 1, 1 },
		.reg_info = {
			[BAR_CONTROL] = { MEM, .size = CONTROL_SIZE, .regs = &testdev_control_map },
			[BAR_PORTS] = { LM_REG_FLAG_RW, .size = PORTS_SIZE,
					.regs = &testdev_ports_map },
			[BAR_MAPPED] = { MEM | LM_REG_FLAG_64BIT | LM_REG_FLAG_PREFETCH |
						 LM_REG_FLAG_MMAP,
					 .size = MAPPED_SIZE, .map = map_region,
					 .mmap_areas = areas, .nr_mmap_areas = LM_NR(areas) },
			[BAR_MSIX] = { MEM, .size = MSIX_SIZE },
			[BAR_BUFFER] = { MEM | LM_REG_FLAG_MMAP, .size = BUFFER_SIZE },
			[LM_ROM_REG_IDX] = { LM_REG_FLAG_READ, .size = 2048 },
			[LM_CFG_REG_IDX] = { .regs = &testdev_config_map },
		},
	},
};

const struct device_type device_testdev = {
	.size = sizeof(struct device_type),
	.name = "testdev",
	.help = "all that a device can have, with faults, for testing clients",
	.info = &testdev_info,
	.pvt_size = sizeof(struct testdev),
	.free = testdev_free,
};
