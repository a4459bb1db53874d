/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vpd.c - vital product data: a small memory behind an address and a data register.
 *
 * Owns the data, which it lays out from fields or takes as bytes, and the protocol (PCI Local Bus
 * 3.0, appendix I): a guest writes an address and a flag, and the flag turns when four bytes have
 * been moved, here at once. Refuses data that is not a list of resources, or whose checksum is
 * wrong. Of what guests write only the resource 91h takes notice; a reset does not change it.
 */
#include <stdlib.h>
#include <string.h>

#include "gate/call.h"
#include "pci/config.h"
#include "state/persist.h"

#define VPD_MAX       (PCI_VPD_ADDR_MASK + 1)
#define TAG_NAME      0x82
#define TAG_READ      0x90
#define TAG_WRITE     0x91
#define TAG_END       0x78
#define TAG_LARGE     0x80
#define LARGE_HEADER  3 /* tag, length */
#define KEYWORD_SIZE  3 /* two characters, length */
#define VALUE_MAX     255
#define DATA_REGISTER 4 /* bytes that it moves */

struct vpd {
	lm_vpd_t desc; /* its pointers are of no use once the data is here */
	uint8_t *data;
	uint32_t size;
	uint32_t own, own_size; /* what guests can write */
	uint8_t *persist;       /* NULL, or where a copy of that is kept */
};

/* ---- laying out ------------------------------------------------------------------- */

/* Counts what does not fit as well. */
struct out {
	uint8_t *data;
	uint32_t len;
};

static void put(struct out *o, const void *bytes, size_t len)
{
	if (o->len + len <= VPD_MAX)
		memcpy(o->data + o->len, bytes, len);
	o->len += (uint32_t)len;
}

static void put_byte(struct out *o, unsigned int byte)
{
	const uint8_t b = (uint8_t)byte;

	put(o, &b, 1);
}

static uint32_t resource_begin(struct out *o, uint8_t tag)
{
	put(o, (const uint8_t[LARGE_HEADER]){ tag }, LARGE_HEADER);
	return o->len;
}

static void resource_end(struct out *o, uint32_t start)
{
	const uint32_t len = o->len - start;

	if (o->len > VPD_MAX)
		return;
	o->data[start - 2] = (uint8_t)len;
	o->data[start - 1] = (uint8_t)(len >> 8);
}

static void put_keyword(struct out *o, const char *keyword, const char *value, uint32_t len)
{
	const size_t have = value ? strlen(value) : 0;
	uint32_t i;

	put(o, keyword, 2);
	put_byte(o, len);
	for (i = 0; i < len; i++)
		put_byte(o, i < have ? (uint8_t)value[i] : ' ');
}

static void put_fields(struct out *o, const lm_vpd_t *vpd, bool writable)
{
	uint32_t i;

	for (i = 0; i < vpd->nr_fields; i++) {
		const lm_vpd_field_t *f = &vpd->fields[i];
		const size_t len = f->value ? strlen(f->value) : 0;

		if (!!f->room == writable)
			put_keyword(o, f->keyword, f->value, f->room ?: (uint32_t)len);
	}
}

/* Of all up to the last byte that is there the sum becomes 0. */
static void balance(struct out *o)
{
	uint8_t sum = 0;
	uint32_t i;

	if (o->len > VPD_MAX)
		return;
	for (i = 0; i < o->len; i++)
		sum = (uint8_t)(sum + o->data[i]);
	o->data[o->len - 1] = (uint8_t)(o->data[o->len - 1] - sum);
}

static void vpd_lay_out(struct out *o, const lm_vpd_t *vpd)
{
	uint32_t start, i;
	bool writable = false;

	start = resource_begin(o, TAG_NAME);
	put(o, vpd->name, strlen(vpd->name));
	resource_end(o, start);
	start = resource_begin(o, TAG_READ);
	put_fields(o, vpd, false);
	put_keyword(o, "RV", NULL, 1);
	resource_end(o, start);
	balance(o);
	for (i = 0; i < vpd->nr_fields; i++)
		writable |= vpd->fields[i].room;
	if (writable) {
		start = resource_begin(o, TAG_WRITE);
		put_fields(o, vpd, true);
		put_keyword(o, "RW", NULL, 0); /* the area is full */
		resource_end(o, start);
	}
	put_byte(o, TAG_END);
}

/* ---- what a description says ------------------------------------------------------ */

static const char *field_fault(const lm_vpd_field_t *f)
{
	const size_t len = f->value ? strlen(f->value) : 0;

	if (!f->keyword || strlen(f->keyword) != 2)
		return "a keyword has two characters";
	if (!strcmp(f->keyword, "RV") || !strcmp(f->keyword, "RW"))
		return "RV and RW are put there by the library";
	if (f->room && f->keyword[0] != 'V' && f->keyword[0] != 'Y')
		return "keywords that guests write begin with V or Y";
	if (f->room > VALUE_MAX || len > (f->room ?: VALUE_MAX))
		return "a value is longer than its room, or than 255 bytes";
	return f->reserved ? "a reserved member is not 0" : NULL;
}

static const char *description_fault(const lm_vpd_t *d)
{
	const char *fault = NULL;
	uint32_t i;

	if (d->reserved[0] || d->reserved[1])
		return "a reserved member is not 0";
	if (d->data)
		return d->name || d->nr_fields ? "either data or name and fields" :
		       d->size > VPD_MAX       ? "it has more than 32768 bytes" :
						 NULL;
	if (!d->name || d->size || (d->nr_fields && !d->fields))
		return "it needs data and size, or name and fields";
	if (strlen(d->name) > VPD_MAX || d->nr_fields > VPD_MAX)
		return "it has more than 32768 bytes";
	for (i = 0; i < d->nr_fields && !fault; i++)
		fault = field_fault(&d->fields[i]);
	return fault;
}

/* The sum of all up to the byte behind "RV" is 0, if there is one in [@at, @at + @len). */
static bool checksum_is_right(const uint8_t *data, uint32_t at, uint32_t len)
{
	const uint32_t end = at + len;
	uint8_t sum = 0;
	uint32_t i;

	while (end - at > KEYWORD_SIZE && memcmp(data + at, "RV", 2)) {
		if (data[at + 2] > end - at - KEYWORD_SIZE)
			return false;
		at += KEYWORD_SIZE + data[at + 2];
	}
	if (end - at <= KEYWORD_SIZE)
		return at == end;
	for (i = 0; i <= at + KEYWORD_SIZE; i++)
		sum = (uint8_t)(sum + data[i]);
	return !sum;
}

/* Walks the resources, up to the end tag. */
static const char *data_fault(struct vpd *v)
{
	const uint8_t *d = v->data;
	uint32_t at = 0, start, len;

	while (at < v->size && d[at] >> 3 != TAG_END >> 3) {
		const bool large = d[at] & TAG_LARGE;

		start = at + (large ? LARGE_HEADER : 1);
		if (start > v->size)
			break;
		len = large ? d[at + 1] | (uint32_t)d[at + 2] << 8 : d[at] & 7u;
		if (out_of_range(start, len, v->size))
			break;
		if (d[at] == TAG_READ && !checksum_is_right(d, start, len))
			return "its checksum is wrong";
		if (d[at] == TAG_WRITE && v->own_size)
			return "it has more than one resource 91h";
		if (d[at] == TAG_WRITE) {
			v->own = start;
			v->own_size = len;
		}
		at = start + len;
	}
	return at < v->size && d[at] >> 3 == TAG_END >> 3 ? NULL :
							    "its resources do not end with an end "
							    "tag (78h)";
}

static const char *vpd_make(struct vpd *v)
{
	struct out o = { v->data };

	if (v->desc.data)
		put(&o, v->desc.data, v->desc.size);
	else
		vpd_lay_out(&o, &v->desc);
	if (o.len > VPD_MAX)
		return "it has more than 32768 bytes";
	v->size = o.len;
	return data_fault(v);
}

/* ---- the registers ---------------------------------------------------------------- */

static const struct cfg_reg vpd_regs[] = {
	{ PCI_VPD_ADDR, 2, 0, PCI_VPD_ADDR_MASK | PCI_VPD_ADDR_F },
	{ PCI_VPD_DATA, 4, 0, ~0u },
};

/* The part of [@at, @at + 4) that guests can write. */
static void vpd_store(struct lm_ctx *ctx, struct vpd *v, uint32_t at, const uint8_t *bytes)
{
	const uint32_t own_end = v->own + v->own_size;
	const uint32_t first = at > v->own ? at : v->own;
	const uint32_t end = at + DATA_REGISTER < own_end ? at + DATA_REGISTER : own_end;

	if (first >= end)
		return;
	memcpy(v->data + first, bytes + (first - at), end - first);
	if (v->persist)
		memcpy(v->persist + (first - v->own), v->data + first, end - first);
	call_vpd(ctx, &v->desc,
		 &(struct call_bytes){ LM_CFG_REG_IDX, (char *)v->data + first, end - first, first,
				       true });
}

/* The flag is in the upper byte of the address: it is what begins a transfer. */
static void vpd_written(struct lm_ctx *ctx, const struct cap *cap, const struct written *w)
{
	struct config *cfg = ctx->config;
	struct cfg_byte *data = &cfg->bytes[cap->offset + PCI_VPD_DATA];
	struct cfg_byte *flag = &cfg->bytes[cap->offset + PCI_VPD_ADDR + 1];
	const uint32_t value = config_get(cfg, cap->offset + PCI_VPD_ADDR, 2);
	const uint32_t at = value & PCI_VPD_ADDR_MASK & ~(DATA_REGISTER - 1u);
	struct vpd *v = cap->own;
	uint8_t bytes[DATA_REGISTER];
	uint32_t i;

	if (!overlaps(w->at, w->len, PCI_VPD_ADDR + 1, 1))
		return;
	for (i = 0; i < DATA_REGISTER; i++) {
		bytes[i] = data[i].data;
		if (!(value & PCI_VPD_ADDR_F))
			data[i].data = at + i < v->size ? v->data[at + i] : 0;
	}
	if (value & PCI_VPD_ADDR_F)
		vpd_store(ctx, v, at, bytes);
	flag->data ^= PCI_VPD_ADDR_F >> 8;
	config_keep(cfg, cap->offset, cap->size);
}

/* ---- life ------------------------------------------------------------------------- */

static void vpd_free(struct lm_ctx *ctx, const struct cap *cap)
{
	struct vpd *v = cap->own;

	free(v->data);
	free(v);
	ctx->config->vpd = NULL;
}

static const struct cap_ops vpd_ops = { .written = vpd_written, .free = vpd_free };

int vpd_new(struct lm_ctx *ctx, const lm_vpd_t *desc, struct cap *cap)
{
	const char *fault = description_fault(desc);
	struct vpd *v;

	if (fault) {
		log_err(ctx, "vital product data: %s", fault);
		return -EINVAL;
	}
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	cap->ops = &vpd_ops;
	cap->own = v;
	ctx->config->vpd = v;
	v->desc = *desc;
	v->data = malloc(VPD_MAX);
	if (!v->data)
		return -ENOMEM;
	fault = vpd_make(v);
	if (fault) {
		log_err(ctx, "vital product data: %s", fault);
		return -EINVAL;
	}
	config_put(ctx->config, cap->offset, vpd_regs, LM_NR(vpd_regs));
	return 0;
}

/* ---- state ------------------------------------------------------------------------ */

uint64_t vpd_persist_size(const lm_dev_info_t *info)
{
	bool has = false;
	uint32_t i;

	for (i = 0; i < LM_MAX_CAPS && info->caps[i].id; i++)
		has |= info->caps[i].id == PCI_CAP_ID_VPD;
	for (i = 0; i < info->nr_caps; i++)
		has |= info->cap_list[i].id == PCI_CAP_ID_VPD;
	return has ? VPD_MAX : 0;
}

size_t vpd_save(const struct lm_ctx *ctx, void *buf, size_t size)
{
	const struct vpd *v = ctx->config->vpd;
	const size_t need = v ? v->own_size : 0;

	if (need && size >= need)
		memcpy(buf, v->data + v->own, need);
	return need;
}

bool vpd_fits(const struct lm_ctx *ctx, size_t len)
{
	return len == vpd_save(ctx, NULL, 0);
}

void vpd_load(struct lm_ctx *ctx, const void *buf)
{
	struct vpd *v = ctx->config->vpd;

	if (!v || !v->own_size)
		return;
	memcpy(v->data + v->own, buf, v->own_size);
	if (v->persist)
		memcpy(v->persist, buf, v->own_size);
}

void vpd_restore(struct lm_ctx *ctx)
{
	struct vpd *v = ctx->config->vpd;
	uint8_t *kept = persist_part(ctx, PERSIST_VPD);

	if (!v || !kept)
		return;
	if (persist_is_old(ctx))
		vpd_load(ctx, kept);
	else
		memcpy(kept, v->data + v->own, v->own_size);
	v->persist = kept;
}
