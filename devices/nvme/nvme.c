/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme.c - an NVMe controller with one namespace, by libmuser-nvme.
 *
 * The library is the controller: NVM Express Base Specification 2.0 with the NVM command set. This
 * file says what it is called and where its blocks are. The numbers are of nobody's hardware.
 */
#include "../devices.h"
#include "fault.h"

#include <muser-blkdev.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SIZE (64u << 20)

struct nvme {
	lm_nvme_t *nvme; /* first */
	lm_ctx_t *ctx;   /* NULL while it has its options */
	lm_blkdev_t *blk;
	struct faults faults;
	uint64_t size;
	uint32_t backend, block_size, doorbells, interrupts, aio;
	bool read_only, direct, shadow;
	uint16_t queues;
	char path[256];
	char serial[21], model[41], nguid[33];
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int nguid_parse(const char *text, uint8_t nguid[16])
{
	unsigned int i;

	if (!*text)
		return 0;
	for (i = 0; i < 32; i++) {
		const int digit = hex_digit(text[i]);

		if (digit < 0)
			return -EINVAL;
		nguid[i / 2] = (uint8_t)(nguid[i / 2] << 4 | digit);
	}
	return 0;
}

static int namespace_add(struct nvme *dev)
{
	lm_nvme_ns_info_t ns = {
		.flags = dev->read_only ? LM_NVME_NS_READ_ONLY : 0,
		.pvt = dev->blk,
		.block = &lm_nvme_blkdev,
		.size = dev->size ?: lm_blkdev_size(dev->blk),
		.block_size = dev->block_size ? 4096 : 512,
	};
	int ret;

	ret = nguid_parse(dev->nguid, ns.nguid);
	return ret ?: lm_nvme_ns_add(dev->nvme, &ns, NULL);
}

static void backend_batch(void *pvt, bool begins)
{
	lm_nvme_batch(((struct nvme *)pvt)->nvme, begins);
}

static int backend_open(struct nvme *dev)
{
	const bool is_file = dev->backend == LM_BLKDEV_FILE;
	const lm_blkdev_info_t info = {
		.kind = dev->backend,
		.engine = dev->aio,
		.flags = (dev->read_only ? LM_BLKDEV_READ_ONLY : 0) |
			 (dev->direct ? 0 : LM_BLKDEV_BUFFERED),
		.path = is_file ? dev->path : NULL,
		.size = dev->size       ?:
				is_file ? 0 :
					  DEFAULT_SIZE,
		.batch = backend_batch,
		.pvt = dev,
	};

	return lm_blkdev_create(dev->ctx, &info, &dev->blk);
}

/* What is under way there has memory of commands. */
static void close_all(struct nvme *dev)
{
	lm_blkdev_destroy(dev->blk);
	lm_nvme_destroy(dev->nvme);
	dev->blk = NULL;
	dev->nvme = NULL;
}

/* Without rules, nobody asks. */
static void faults_follow(struct nvme *dev)
{
	lm_nvme_inject(dev->nvme, dev->faults.nr ? faults_inject : NULL, &dev->faults);
}

static int nvme_configure(void *pvt, lm_dev_info_t *info)
{
	static const uint32_t without[] = { 0, LM_NVME_NO_MSIX, LM_NVME_NO_MSIX | LM_NVME_NO_MSI };
	const struct nvme *dev = pvt;

	return lm_nvme_configure(info, without[dev->interrupts] |
					       (dev->doorbells ? LM_NVME_MAP_DOORBELLS : 0));
}

static int nvme_start(void *pvt, lm_ctx_t *ctx)
{
	struct nvme *dev = pvt;
	const lm_nvme_info_t info = {
		.serial = *dev->serial ? dev->serial : NULL,
		.model = dev->model,
		.queues = dev->queues,
		.flags = dev->shadow ? LM_NVME_SHADOW : 0,
	};
	int ret;

	ret = backend_open(dev);
	ret = ret ?: lm_nvme_create(ctx, &info, &dev->nvme);
	ret = ret ?: namespace_add(dev);
	if (ret)
		close_all(dev);
	else
		faults_follow(dev);
	return ret;
}

static void nvme_stop(void *pvt)
{
	close_all(pvt);
}

/* ---- faults ------------------------------------------------------------------------ */

static int nvme_prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s", ((const struct nvme *)pvt)->faults.text);
	return 0;
}

static int nvme_prop_set(void *pvt, const char *name, const char *value)
{
	struct nvme *dev = pvt;
	char why[256];
	int ret;

	ret = faults_set(&dev->faults, value, why, sizeof(why));
	if (ret)
		return lm_prop_reject(ret, "%s", why);
	if (dev->nvme)
		faults_follow(dev);
	return 0;
}

/* ---- the type ---------------------------------------------------------------------- */

static const char *const backends[] = { "ram", "null", "file", NULL };
static const char *const aios[] = { "auto", "io_uring", "threads", NULL };
static const char *const doorbells[] = { "trap", "map", NULL };
static const char *const interrupts[] = { "msix", "msi", "intx", NULL };
static const char *const block_sizes[] = { "512", "4096", NULL };

static const lm_prop_t props[] = {
	{ .name = "backend",
	  .help = "where the blocks are",
	  .value = "ram",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_ENUM,
	  LM_PROP_IN(struct nvme, backend),
	  .choices = backends },
	{ .name = "path",
	  .help = "of backend=file",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_TEXT,
	  LM_PROP_IN(struct nvme, path) },
	{ .name = "aio",
	  .help = "who reads and writes the file",
	  .value = "auto",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_ENUM,
	  LM_PROP_IN(struct nvme, aio),
	  .choices = aios },
	{ .name = "direct",
	  .help = "1: not by the page cache, where that can be",
	  .value = "1",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_BOOL,
	  LM_PROP_IN(struct nvme, direct) },
	{ .name = "size",
	  .help = "of the namespace; 0: that of the file, else 64 MiB",
	  .value = "0",
	  .flags = LM_PROP_CREATE | LM_PROP_BYTES,
	  .type = LM_PROP_UINT,
	  LM_PROP_IN(struct nvme, size),
	  .max = 1ull << 46 },
	{ .name = "block-size",
	  .help = "bytes of a block, until it is formatted",
	  .value = "512",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_ENUM,
	  LM_PROP_IN(struct nvme, block_size),
	  .choices = block_sizes },
	{ .name = "read-only",
	  .help = "1: no command changes it",
	  .value = "0",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_BOOL,
	  LM_PROP_IN(struct nvme, read_only) },
	{ .name = "queues",
	  .help = "I/O queue pairs",
	  .value = "64",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_UINT,
	  LM_PROP_IN(struct nvme, queues),
	  .min = 1,
	  .max = 64 },
	{ .name = "doorbells",
	  .help = "map: clients store to memory, which is polled",
	  .value = "trap",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_ENUM,
	  LM_PROP_IN(struct nvme, doorbells),
	  .choices = doorbells },
	{ .name = "shadow",
	  .help = "1: guests may have doorbells in their memory",
	  .value = "0",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_BOOL,
	  LM_PROP_IN(struct nvme, shadow) },
	{ .name = "interrupts",
	  .help = "the best kind that there is",
	  .value = "msix",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_ENUM,
	  LM_PROP_IN(struct nvme, interrupts),
	  .choices = interrupts },
	{ .name = "serial",
	  .help = "serial number; made of the UUID if there is none",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_TEXT,
	  LM_PROP_IN(struct nvme, serial) },
	{ .name = "model",
	  .help = "model number",
	  .value = "muser NVMe",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_TEXT,
	  LM_PROP_IN(struct nvme, model) },
	{ .name = "nguid",
	  .help = "identifier of the namespace, 32 hexadecimal digits",
	  .flags = LM_PROP_CREATE,
	  .type = LM_PROP_TEXT,
	  LM_PROP_IN(struct nvme, nguid) },
	{ .name = "fault",
	  .help = "commands that go wrong, by rules",
	  .value = "",
	  .accepts = FAULT_ACCEPTS },
};

static const lm_dev_info_t nvme_info = {
	LM_NVME_DEVICE,
	.type = "nvme",
	LM_PROPS(props),
	LM_CTX_IN(struct nvme, ctx),
	.prop_get = nvme_prop_get,
	.prop_set = nvme_prop_set,
	.configure = nvme_configure,
	.start = nvme_start,
	.stop = nvme_stop,
	.pci_info = { LM_NVME_PCI, .id = { .vid = 0x1234, .did = 0x4e56 } },
};

static void *nvme_new(void)
{
	return calloc(1, sizeof(struct nvme));
}

const struct device_type device_nvme = {
	.size = sizeof(struct device_type),
	.name = "nvme",
	.help = "NVMe controller with a namespace in memory or a file",
	.driver = "nvme",
	.info = &nvme_info,
	.new = nvme_new,
};
