/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store.h - where the blocks of an nvme device are.
 */
#ifndef MUSER_DEVICES_NVME_STORE_H
#define MUSER_DEVICES_NVME_STORE_H

#include <muser-nvme.h>

enum store_kind { STORE_RAM, STORE_NULL, STORE_FILE };

struct store {
	char *memory; /* STORE_RAM */
	uint64_t size;
	int fd; /* STORE_FILE */
};

/* store->size is what it is to be, 0: what the file has, or 64 MiB. 0 or -errno. */
int store_open(struct store *store, enum store_kind kind, const char *path, bool read_only);
void store_close(struct store *store);

/* By enum store_kind. */
extern const lm_nvme_block_ops_t store_ops[];

#endif /* MUSER_DEVICES_NVME_STORE_H */
