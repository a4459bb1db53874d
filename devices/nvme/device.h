/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device.h - an nvme device, and its options.
 */
#ifndef MUSER_DEVICES_NVME_DEVICE_H
#define MUSER_DEVICES_NVME_DEVICE_H

#include "fault.h"

#include <muser-blkdev.h>

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

enum { NVME_NR_PROPS = 15 };
extern const lm_prop_t nvme_props[NVME_NR_PROPS];

#endif /* MUSER_DEVICES_NVME_DEVICE_H */
