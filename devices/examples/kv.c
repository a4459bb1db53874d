/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kv.c - an NVMe controller whose namespace has keys and values instead of blocks: kv [OPTION]...
 *
 * The NVM Express Key Value Command Set Specification 1.0 as a table for libmuser-nvme: Store,
 * Retrieve, Delete, Exist, List. The pairs are in memory, and go with the process. Linux has no
 * block device for such a namespace: commands reach it by passthrough, through /dev/ng0n1.
 *
 * Left out: compression, which is accepted and not done; the namespace's features and log pages.
 */
#include <byteswap.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <muser-nvme.h>

enum { CSI_KV = 1, KEY_MAX = 16, VALUE_MAX = 512 << 10, PAIRS_MAX = 1 << 16 };
enum { STORE = 0x01, RETRIEVE = 0x02, LIST = 0x06, DELETE = 0x10, EXIST = 0x14 };

/* Dword 11 of Store */
#define MUST_EXIST     (1u << 8)
#define MUST_NOT_EXIST (1u << 9)

/* As List has it; bytes behind the end are 0. */
struct key {
	uint8_t len, reserved;
	uint8_t bytes[KEY_MAX + 2];
};

struct pair {
	struct key key;
	uint32_t size;
	char value[];
};

struct kv {
	lm_nvme_t *nvme;    /* first */
	struct pair **pair; /* in the order of their keys, room for PAIRS_MAX */
	uint32_t nr;
	uint64_t used, size;
};

/* ---- the store --------------------------------------------------------------------- */

static int key_compare(const struct key *a, const struct key *b)
{
	const int order = memcmp(a->bytes, b->bytes, KEY_MAX);

	return order ? order : a->len - b->len;
}

/* The pair of @key, or NULL; @at: where it is, or would be. */
static struct pair *kv_find(const struct kv *kv, const struct key *key, uint32_t *at)
{
	uint32_t low = 0, high = kv->nr, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (key_compare(&kv->pair[middle]->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return low < kv->nr && !key_compare(&kv->pair[low]->key, key) ? kv->pair[low] : NULL;
}

static void kv_remove(struct kv *kv, uint32_t at)
{
	kv->used -= kv->pair[at]->size;
	free(kv->pair[at]);
	memmove(kv->pair + at, kv->pair + at + 1, (--kv->nr - at) * sizeof(*kv->pair));
}

static void kv_insert(struct kv *kv, uint32_t at, struct pair *new)
{
	memmove(kv->pair + at + 1, kv->pair + at, (kv->nr++ - at) * sizeof(*kv->pair));
	kv->pair[at] = new;
	kv->used += new->size;
}

/* ---- the commands ------------------------------------------------------------------ */

/* Its length is in dword 11, its bytes are dwords 2, 3, 14 and 15. */
static struct key key_of(const lm_nvme_cmd_t *cmd)
{
	const uint32_t dw[4] = { htole32(cmd->dw[2]), htole32(cmd->dw[3]), htole32(cmd->dw[14]),
				 htole32(cmd->dw[15]) };
	struct key key = { .len = (uint8_t)cmd->dw[11] };

	memcpy(key.bytes, dw, key.len < KEY_MAX ? key.len : KEY_MAX);
	return key;
}

static void kv_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size)
{
	snprintf(buf, size, "key=%08x%08x%08x%08x len=%u size=%u", bswap_32(cmd->dw[2]),
		 bswap_32(cmd->dw[3]), bswap_32(cmd->dw[14]), bswap_32(cmd->dw[15]),
		 cmd->dw[11] & 0xff, cmd->dw[10]);
}

static uint16_t key_check(lm_nvme_cmd_t *cmd)
{
	const uint8_t len = key_of(cmd).len;

	cmd->error_at = LM_NVME_DW(11);
	return len && len <= KEY_MAX ? LM_NVME_SUCCESS : LM_NVME_INVALID_KEY_SIZE;
}

static uint16_t store_check(lm_nvme_cmd_t *cmd)
{
	const uint16_t status = key_check(cmd);

	if (status)
		return status;
	cmd->error_at = LM_NVME_DW(10);
	cmd->length = cmd->dw[10];
	return cmd->length <= VALUE_MAX ? LM_NVME_SUCCESS : LM_NVME_INVALID_VALUE_SIZE;
}

/* What hinders it, in the place of @old or as one more. */
static uint16_t store_status(const struct kv *kv, const lm_nvme_cmd_t *cmd, const struct pair *old)
{
	const uint64_t others = kv->used - (old ? old->size : 0);

	if (old && cmd->dw[11] & MUST_NOT_EXIST)
		return LM_NVME_KEY_EXISTS;
	if (!old && cmd->dw[11] & MUST_EXIST)
		return LM_NVME_KEY_NOT_FOUND;
	if (cmd->length > kv->size - others || (!old && kv->nr == PAIRS_MAX))
		return LM_NVME_CAPACITY_EXCEEDED;
	return LM_NVME_SUCCESS;
}

static void store_run(lm_nvme_cmd_t *cmd)
{
	const struct key key = key_of(cmd);
	struct kv *kv = cmd->pvt;
	uint32_t at;
	struct pair *old = kv_find(kv, &key, &at), *new = NULL;
	const uint16_t status = store_status(kv, cmd, old);

	if (!status)
		new = malloc(sizeof(*new) + cmd->length);
	if (!new) {
		lm_nvme_complete(cmd, status ? status : LM_NVME_INTERNAL_ERROR);
		return;
	}
	new->key = key;
	new->size = (uint32_t)lm_nvme_data_read(cmd, 0, new->value, cmd->length);
	if (old)
		kv_remove(kv, at);
	kv_insert(kv, at, new);
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

static uint16_t retrieve_check(lm_nvme_cmd_t *cmd)
{
	cmd->length = cmd->dw[10];
	return key_check(cmd);
}

/* Retrieve, Delete, Exist. Of a value the host gets as much as it has room for; the result is the
 * size of all of it. */
static void find_run(lm_nvme_cmd_t *cmd)
{
	const struct key key = key_of(cmd);
	struct kv *kv = cmd->pvt;
	uint32_t at;
	const struct pair *pair = kv_find(kv, &key, &at);

	if (pair && cmd->opcode == RETRIEVE) {
		lm_nvme_data_write(cmd, 0, pair->value, pair->size);
		cmd->result = pair->size;
	} else if (pair && cmd->opcode == DELETE) {
		kv_remove(kv, at);
	}
	lm_nvme_complete(cmd, pair ? LM_NVME_SUCCESS : LM_NVME_KEY_NOT_FOUND);
}

static uint16_t list_check(lm_nvme_cmd_t *cmd)
{
	cmd->error_at = LM_NVME_DW(11);
	if (key_of(cmd).len > KEY_MAX)
		return LM_NVME_INVALID_KEY_SIZE;
	cmd->error_at = LM_NVME_DW(10);
	cmd->length = cmd->dw[10];
	return cmd->length < 4 ? LM_NVME_INVALID_FIELD : LM_NVME_SUCCESS;
}

/* Their number, then the keys, a multiple of 4 bytes each; from that of the command on, which need
 * not be there. */
static void list_run(lm_nvme_cmd_t *cmd)
{
	const struct key from = key_of(cmd);
	const struct kv *kv = cmd->pvt;
	uint32_t i, first, number;
	uint64_t at = 4, len;

	kv_find(kv, &from, &first);
	for (i = first; i < kv->nr; i++) {
		len = (2u + kv->pair[i]->key.len + 3) & ~3u;
		if (len > cmd->length - at)
			break;
		at += lm_nvme_data_write(cmd, at, &kv->pair[i]->key, len);
	}
	number = htole32(i - first);
	lm_nvme_data_write(cmd, 0, &number, sizeof(number));
	lm_nvme_complete(cmd, LM_NVME_SUCCESS);
}

/* ---- the command set --------------------------------------------------------------- */

static void put(uint8_t *to, uint64_t value, size_t size)
{
	value = htole64(value);
	memcpy(to, &value, size);
}

/* Size and use in bytes, one format: the longest key and value, the number of keys. */
static void kv_identify(void *pvt, uint8_t *page)
{
	const struct kv *kv = pvt;

	put(page, kv->size, 8);
	put(page + 16, kv->used, 8);
	put(page + 72, KEY_MAX, 2);
	put(page + 76, VALUE_MAX, 4);
	put(page + 80, PAIRS_MAX, 4);
}

#define READS .flags = LM_NVME_OP_NS, .print = kv_print
#define WRITES                                                                      \
	.flags = LM_NVME_OP_NS | LM_NVME_OP_WRITES, .effects = LM_NVME_EFFECT_LBCC, \
	.print = kv_print

static const lm_nvme_op_t kv_ops[] = {
	{ STORE, .name = "Store", .check = store_check, .run = store_run, WRITES },
	{ RETRIEVE, .name = "Retrieve", .check = retrieve_check, .run = find_run, READS },
	{ LIST, .name = "List", .check = list_check, .run = list_run, READS },
	{ DELETE, .name = "Delete", .check = key_check, .run = find_run, WRITES },
	{ EXIST, .name = "Exist", .check = key_check, .run = find_run, READS },
};

static const lm_nvme_set_t kv_set = {
	.name = "Key Value", LM_NVME_OPS(kv_ops), .csi = CSI_KV, .identify_ns = kv_identify
};

/* ---- the device -------------------------------------------------------------------- */

static void kv_stop(void *pvt)
{
	struct kv *kv = pvt;

	lm_nvme_destroy(kv->nvme);
	while (kv->nr)
		kv_remove(kv, kv->nr - 1);
	free(kv->pair);
}

static int kv_start(void *pvt, lm_ctx_t *ctx)
{
	static const lm_nvme_set_t *const sets[] = { &lm_nvme_nvm, &kv_set, NULL };
	const lm_nvme_info_t info = { .model = "muser key value", .sets = sets };
	const lm_nvme_ns_info_t ns = { .set = &kv_set, .pvt = pvt };
	struct kv *kv = pvt;
	int ret;

	kv->pair = calloc(PAIRS_MAX, sizeof(*kv->pair));
	if (!kv->pair)
		return -ENOMEM;
	ret = lm_nvme_create(ctx, &info, &kv->nvme);
	ret = ret ? ret : lm_nvme_ns_add(kv->nvme, &ns, NULL);
	if (ret)
		kv_stop(kv);
	return ret;
}

static const lm_prop_t kv_props[] = {
	{ "size", "of all values together", "64M", .flags = LM_PROP_CREATE | LM_PROP_BYTES,
	  .type = LM_PROP_UINT, LM_PROP_IN(struct kv, size), .max = 1ull << 40 },
};

int main(int argc, char **argv)
{
	struct kv kv = { 0 };
	const lm_dev_info_t info = { LM_NVME_DEVICE,
				     LM_PROPS(kv_props),
				     .type = "nvme-kv",
				     .pvt = &kv,
				     .start = kv_start,
				     .stop = kv_stop,
				     .pci_info = { LM_NVME_PCI,
						   .id = { .vid = 0x1234, .did = 0x4e57 } } };

	return lm_main(argc, argv, &info);
}
