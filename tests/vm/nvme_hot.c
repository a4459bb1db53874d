/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_hot.c - an NVMe controller whose namespaces come, go and change their size.
 *
 * Owns the property "sizes": how large each is, in MiB, from namespace 1 on: "8,16"; 0: there is
 * none. Refuses to keep blocks anywhere but in memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <muser-nvme.h>

enum { NAMESPACES = 4, MAX_MB = 256 };

struct space {
	struct hot *hot;
	char *memory; /* MAX_MB of it, touched where it was written */
	unsigned int mb;
};

struct hot {
	lm_nvme_t *nvme; /* first */
	struct space space[NAMESPACES];
};

static void hot_copy(struct space *space, lm_nvme_io_t *io, bool is_write)
{
	char *at = space->memory + io->offset;
	uint32_t i;

	for (i = 0; i < io->nr_iov; i++) {
		memcpy(is_write ? at : io->iov[i].iov_base, is_write ? io->iov[i].iov_base : at,
		       io->iov[i].iov_len);
		at += io->iov[i].iov_len;
	}
	lm_nvme_io_done(io, 0);
}

static void hot_read(void *pvt, lm_nvme_io_t *io)
{
	hot_copy(pvt, io, false);
}

static void hot_write(void *pvt, lm_nvme_io_t *io)
{
	hot_copy(pvt, io, true);
}

static const lm_nvme_block_ops_t blocks = { .size = sizeof(blocks), .read = hot_read,
					    .write = hot_write };

/* No command uses it any more. */
static void hot_removed(void *pvt)
{
	struct space *space = pvt;

	free(space->memory);
	space->memory = NULL;
}

static int space_add(struct hot *hot, uint32_t nsid, uint64_t size)
{
	struct space *space = &hot->space[nsid - 1];
	const lm_nvme_ns_info_t info = { .nsid = nsid, .pvt = space, .block = &blocks,
					 .size = size, .removed = hot_removed };
	int ret;

	if (space->memory)
		return -EBUSY;
	space->memory = calloc(MAX_MB, 1 << 20);
	if (!space->memory)
		return -ENOMEM;
	ret = lm_nvme_ns_add(hot->nvme, &info, NULL);
	if (ret)
		hot_removed(space);
	return ret;
}

static int space_follow(struct hot *hot, uint32_t nsid, unsigned int mb)
{
	struct space *space = &hot->space[nsid - 1];
	const uint64_t size = (uint64_t)mb << 20;
	int ret = 0;

	if (hot->nvme && mb != space->mb) {
		if (!space->mb)
			ret = space_add(hot, nsid, size);
		else if (!mb)
			ret = lm_nvme_ns_remove(hot->nvme, nsid);
		else
			ret = lm_nvme_ns_resize(hot->nvme, nsid, size);
	}
	if (!ret)
		space->mb = mb;
	return ret;
}

static int hot_set(void *pvt, const char *name, const char *value)
{
	unsigned long mb[NAMESPACES] = { 0 };
	struct hot *hot = pvt;
	uint32_t i;
	char *end;
	int ret = 0;

	for (i = 0; i < NAMESPACES && *value; i++, value = *end ? end + 1 : end) {
		mb[i] = strtoul(value, &end, 10);
		if (end == value || (*end && *end != ',') || mb[i] > MAX_MB)
			return -EINVAL;
	}
	for (i = 0; i < NAMESPACES && !ret; i++)
		ret = space_follow(hot, i + 1, (unsigned int)mb[i]);
	return ret;
}

static int hot_get(void *pvt, const char *name, char *buf, size_t size)
{
	const struct hot *hot = pvt;

	snprintf(buf, size, "%u,%u,%u,%u", hot->space[0].mb, hot->space[1].mb, hot->space[2].mb,
		 hot->space[3].mb);
	return 0;
}

static void hot_stop(void *pvt)
{
	struct hot *hot = pvt;
	uint32_t i;

	lm_nvme_destroy(hot->nvme);
	for (i = 0; i < NAMESPACES; i++)
		hot_removed(&hot->space[i]);
}

static int hot_start(void *pvt, lm_ctx_t *ctx)
{
	const lm_nvme_info_t info = { .serial = "hot" };
	struct hot *hot = pvt;
	uint32_t i;
	int ret;

	ret = lm_nvme_create(ctx, &info, &hot->nvme);
	for (i = 0; i < NAMESPACES && !ret; i++) {
		const unsigned int mb = hot->space[i].mb;

		hot->space[i].mb = 0;
		ret = space_follow(hot, i + 1, mb);
	}
	if (ret)
		hot_stop(hot);
	return ret;
}

int main(int argc, char **argv)
{
	static const lm_prop_t props[] = {
		{ "sizes", "of namespaces, in MiB", "8", .accepts = "MIB[,MIB...]" },
	};
	struct hot hot = { 0 };
	const lm_dev_info_t info = { LM_NVME_DEVICE,
				     LM_PROPS(props),
				     .type = "nvme-hot",
				     .pvt = &hot,
				     .prop_get = hot_get,
				     .prop_set = hot_set,
				     .start = hot_start,
				     .stop = hot_stop,
				     .pci_info = { LM_NVME_PCI,
						   .id = { .vid = 0x1234, .did = 0x4e58 } } };

	return lm_main(argc, argv, &info);
}
