/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device.c - a program of libmuser 0.2: compiled with the headers in 0.2/, run on today's library.
 *
 * It uses what programs use, above all what stands at the ends of structs and in tables: were a
 * member moved, a size changed or a constant renumbered, tests/cli/abi.bats would see it.
 *
 *	BAR0  registers that the library keeps; a write to GO starts a transfer
 *	BAR1  bytes, by a callback, that reset sets to 5Ah; the last four are answered late
 *	BAR2  memory, parts of which clients can map
 *	9     a region of its own type, whose registers the program keeps
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>

#include <muser.h>

enum { ID = 0x00, CTRL = 0x04, ADDR = 0x08, LEN = 0x10, GO = 0x14, RESULT = 0x18 };

#define KNOBS 4
#define LATE  60 /* in BAR1 */

struct device {
	lm_ctx_t   *ctx;
	lm_timer_t *timer;
	lm_token_t  token;
	uint64_t    own;
	char        knob[KNOBS];
	char        bytes[64];
	char        data[4096], back[4096];
};

static const lm_field_t ctrl_fields[] = {
	{ .name = "ENABLE", .shift = 0, .bits = 1, .help = "on" },
	{ .name = "MODE", .shift = 4, .bits = 3 },
};

static const lm_register_t registers[] = {
	{ .name = "ID", .help = "who", .offset = ID, .width = 4, .access = LM_RO,
	  .reset = 0xab1 },
	{ .name = "CTRL", .offset = CTRL, .width = 4, .access = LM_RW, .flags = LM_REGISTER_PURE,
	  .reset = 0x30, .fields = ctrl_fields, .nr_fields = LM_NR(ctrl_fields) },
	{ .name = "ADDR", .offset = ADDR, .width = 8, .access = LM_RW },
	{ .name = "LEN", .offset = LEN, .width = 4, .access = LM_RW },
	{ .name = "GO", .offset = GO, .width = 4, .access = LM_WO },
	{ .name = "RESULT", .offset = RESULT, .width = 4, .access = LM_RO },
};

static const lm_register_t own_registers[] = {
	{ .name = "OWN", .offset = 8, .width = 8, .access = LM_RW },
};

static struct device device;

/* Writes to client memory and reads it back: by pointers if there are any, else by copies. */
static int transfer(struct device *d, uint64_t addr, uint32_t len)
{
	struct iovec iov[2];
	dma_sg_t sg[2];
	int nr, ret;

	nr = lm_addr_to_sg(d->ctx, addr, len, sg, 2);
	if (nr != 1 || sg[0].dma_addr != addr || sg[0].length != len || len > sizeof(d->data))
		return nr < 0 ? nr : -1;
	memset(d->data, 0x5a, len);
	memset(d->back, 0, len);
	ret = lm_dma_write(d->ctx, sg, d->data);
	if (ret)
		return ret;
	if (!lm_map_sg(d->ctx, PROT_READ, sg, iov, nr)) {
		memcpy(d->back, iov[0].iov_base, iov[0].iov_len);
		lm_unmap_sg(d->ctx, sg, iov, nr);
	} else {
		ret = lm_dma_read(d->ctx, sg, d->back);
	}
	return ret ? ret : memcmp(d->data, d->back, len) ? -2 : 1;
}

static void late(void *pvt)
{
	struct device *d = pvt;
	const uint32_t value = 0x1a7e;

	lm_complete(d->ctx, d->token, sizeof(value), &value);
}

static void bar0_write(void *pvt, const lm_register_io_t *io)
{
	struct device *d = pvt;
	int result;

	if (io->offset != GO)
		return;
	result = transfer(d, lm_register_get(d->ctx, LM_BAR0_REG_IDX, ADDR),
			  (uint32_t)lm_register_get(d->ctx, LM_BAR0_REG_IDX, LEN));
	lm_register_set(d->ctx, LM_BAR0_REG_IDX, RESULT, (uint64_t)result);
	lm_irq_set_level(d->ctx, true);
	lm_event(d->ctx, "done", (uint64_t)result);
}

static uint64_t own_read(void *pvt, const lm_register_io_t *io)
{
	struct device *d = pvt;

	return d->own;
}

static void own_write(void *pvt, const lm_register_io_t *io)
{
	struct device *d = pvt;

	d->own = io->value + io->offset + io->width;
}

static ssize_t bar1(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	struct device *d = pvt;

	if (!is_write && offset == LATE) {
		d->token = lm_defer(d->ctx);
		lm_timer_arm(d->timer, 1000000, 0);
		return LM_DEFER;
	}
	if (is_write)
		memcpy(d->bytes + offset, buf, count);
	else
		memcpy(buf, d->bytes + offset, count);
	return (ssize_t)count;
}

static int reset(void *pvt)
{
	struct device *d = pvt;

	memset(d->bytes, 0x5a, sizeof(d->bytes));
	return 0;
}

/* "knob0" .. "knob3" one by one, "knob" all of them. */
static int prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	struct device *d = pvt;

	if (name[4])
		snprintf(buf, size, "%c", d->knob[name[4] - '0']);
	else
		snprintf(buf, size, "%.*s", KNOBS, d->knob);
	return 0;
}

static int prop_set(void *pvt, const char *name, const char *value)
{
	struct device *d = pvt;

	if (strlen(value) != (name[4] ? 1 : KNOBS))
		return -22;
	memcpy(d->knob + (name[4] ? name[4] - '0' : 0), value, strlen(value));
	return 0;
}

static void say(void *pvt, int level, const char *msg)
{
	fprintf(stderr, "device: %d: %s\n", level, msg);
}

static const lm_register_map_t bar0 = {
	LM_REGISTERS(registers), .min_width = 4, .max_width = 8, .write = bar0_write,
};

static const lm_register_map_t own = {
	LM_REGISTERS(own_registers), .read = own_read, .write = own_write,
};

static const lm_prop_t props[] = {
	{ .name = "knob", .help = "turn it", .value = "wxyz", .nr = KNOBS },
	{ .name = "colour", .value = "grey", .flags = LM_PROP_RO | LM_PROP_CREATE },
};

static const lm_mmap_area_t areas[] = { { 0, 4096 }, { 8192, 4096 } };
static const lm_ext_cap_t ext_caps[] = {
	{ .id = PCI_EXT_CAP_ID_DSN, .version = 1, .dsn = 0x1122334455667788 },
};

static const lm_reg_info_t extra[] = {
	{ .flags = LM_REG_FLAG_RW, .size = 4096, .type = 7, .subtype = 9,
	  .regs = &own },
};

static const lm_dev_info_t info = {
	.pci_info = {
		.irq_count = { [LM_DEV_INTX_IRQ_IDX] = 1, [LM_DEV_MSI_IRQ_IDX] = 4 },
		.reg_info = {
			[LM_BAR0_REG_IDX] = { .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
					      .size = 256, .regs = &bar0 },
			[LM_BAR1_REG_IDX] = { .flags = LM_REG_FLAG_RW, .size = 64, .fn = bar1 },
			[LM_BAR2_REG_IDX] = { .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM |
						       LM_REG_FLAG_MMAP, .size = 16384,
					      .mmap_areas = areas, .nr_mmap_areas = 2 },
		},
		.id = { .vid = 0x1b36, .did = 0x0101 },
		.ss = { .vid = 0x1af4, .sid = 0x0202 },
		.cc = { .pi = 1, .scc = 2, .bcc = 0x0c },
		.rev = 3,
		.intx_pin = 2,
	},
	.reset = reset,
	.caps = {
		{ .id = PCI_CAP_ID_EXP, .exp = { .type = PCI_EXP_TYPE_ENDPOINT } },
		{ .id = PCI_CAP_ID_MSI, .msi = { .addr32 = true, .no_mask = true } },
		{ .id = PCI_CAP_ID_VNDR, .size = 8, .data = "\x08WXYZZ" },
	},
	.pvt = &device,
	.type = "of-0.2",
	.name = "old-timer",
	.log_level = LM_LOG_DEBUG,
	.log = say,
	.ext_caps = ext_caps, .nr_ext_caps = LM_NR(ext_caps), .ext_cap_size = sizeof(ext_caps[0]),
	.extra_regs = extra, .nr_extra_regs = LM_NR(extra), .extra_reg_size = sizeof(extra[0]),
	LM_PROPS(props),
	.prop_get = prop_get,
	.prop_set = prop_set,
};

int main(void)
{
	struct device *d = &device;

	memcpy(d->knob, "wxyz", KNOBS);
	d->ctx = lm_ctx_create(&info);
	d->timer = d->ctx ? lm_timer_create(d->ctx, late, d) : NULL;
	if (!d->timer)
		return 1;
	strcpy(lm_mmap(d->ctx, LM_BAR2_REG_IDX, 8192, 16), "second area");
	lm_ctx_drive(d->ctx);
	lm_ctx_destroy(d->ctx);
	return 0;
}
