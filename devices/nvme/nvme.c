/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme.c - an NVMe controller with one namespace, by libmuser-nvme.
 *
 * The library is the controller: NVM Express Base Specification 2.0 with the NVM command set. This
 * file says what it is called and where its blocks are. The numbers are of nobody's hardware.
 */
#include "../devices.h"
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SIZE (64u << 20)

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

/* Behind the state of the controller. */
static int faults_take(struct nvme *dev)
{
	char *state = lm_state(dev->ctx);
	const int ret = faults_resume(&dev->faults, (void *)(state + LM_NVME_STATE_SIZE));

	if (!ret)
		faults_follow(dev);
	return ret;
}

static int nvme_load(void *pvt, const void *buf, size_t size)
{
	return faults_take(pvt) ?: lm_nvme_on_load(pvt, buf, size);
}

static int nvme_configure(void *pvt, lm_dev_info_t *info)
{
	static const uint32_t without[] = { 0, LM_NVME_NO_MSIX, LM_NVME_NO_MSIX | LM_NVME_NO_MSI };
	const struct nvme *dev = pvt;

	info->state_size += sizeof(struct fault_state);
	info->load = nvme_load;
	/* Memory goes with its process. */
	if (dev->backend != LM_BLKDEV_RAM)
		info->flags |= LM_DEV_RESTARTABLE;
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
	ret = ret ?: faults_take(dev);
	if (ret)
		close_all(dev);
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

static const lm_dev_info_t nvme_info = {
	LM_NVME_DEVICE,
	.type = "nvme",
	.props = nvme_props,
	.nr_props = LM_NR(nvme_props),
	.prop_size = sizeof(nvme_props[0]),
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
