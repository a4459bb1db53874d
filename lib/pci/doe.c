/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doe.c - data object exchange: a mailbox in configuration space.
 *
 * Owns its state machine (PCI Express Base 6.0, 6.30.2) and discovery; the device gets whole
 * objects and answers now or later. A guest writes an object by dwords, says Go, and reads the
 * answer by dwords. Refuses: objects that are longer than the description allows, whose header
 * does not say their length, or of a type that nobody understands (DOE Error); all but an abort
 * while it is busy, has an answer, or is in error (nothing happens). What does not write a whole
 * dword of a mailbox register moves nothing. Answers that are under way do not survive the process.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "gate/call.h"
#include "pci/config.h"

#define DWORD        4u
#define HEADER       8u /* bytes of an object: what it is, its length */
#define SIZE_DEFAULT 4096u
#define OBJECT_MAX   (1u << 20)
#define TYPES_MAX    255u /* discovery counts them in a byte, itself included */
#define SIG_VENDOR   0x0001u
#define NO_VENDOR    0xffffu
#define STATUS_BITS  (PCI_DOE_STATUS_BUSY | PCI_DOE_STATUS_ERROR | PCI_DOE_STATUS_DATA_OBJECT_READY)

struct doe {
	struct deferral answer;
	const lm_doe_t *desc;
	uint32_t offset; /* of the capability */
	uint32_t max;
	uint8_t *in;  /* what a guest is writing: @in_len of @in_room bytes */
	uint8_t *out; /* the answer, @max bytes; NULL: there is none, or none is due */
	uint32_t in_len, in_room;
	uint32_t out_len, out_pos;
	uint32_t kind; /* first dword of the object that is being answered */
};

static uint32_t dword_at(const uint8_t *object, uint32_t at)
{
	uint32_t value;

	memcpy(&value, object + at, DWORD);
	return le32toh(value);
}

static void dword_set(uint8_t *object, uint32_t at, uint32_t value)
{
	value = htole32(value);
	memcpy(object + at, &value, DWORD);
}

/* ---- registers -------------------------------------------------------------------- */

static uint32_t reg_get(const struct lm_ctx *ctx, const struct doe *doe, uint32_t reg)
{
	return config_get(ctx->config, doe->offset + reg, DWORD);
}

static void reg_set(struct lm_ctx *ctx, const struct doe *doe, uint32_t reg, uint32_t value)
{
	config_set(ctx->config, doe->offset + reg, DWORD, value);
}

static bool message_is_on(struct lm_ctx *ctx)
{
	return lm_irq_enabled(ctx, NULL) != LM_DEV_INTX_IRQ_IDX;
}

/* The mailbox is in state @status (of STATUS_BITS) now, and tells so if the guest wants to know. */
static void status_move(struct lm_ctx *ctx, const struct doe *doe, uint32_t status)
{
	const bool notify = reg_get(ctx, doe, PCI_DOE_CTRL) & PCI_DOE_CTRL_INT_EN;
	const uint32_t old = reg_get(ctx, doe, PCI_DOE_STATUS);
	const bool comes = (status & ~old) & (STATUS_BITS & ~PCI_DOE_STATUS_BUSY);

	status |= old & PCI_DOE_STATUS_INT_STATUS;
	if (notify && comes)
		status |= PCI_DOE_STATUS_INT_STATUS;
	reg_set(ctx, doe, PCI_DOE_STATUS, status);
	config_keep(ctx->config, doe->offset, DOE_SIZE);
	if (notify && comes && message_is_on(ctx))
		lm_irq_trigger(ctx, doe->desc->vector);
}

/* ---- objects ---------------------------------------------------------------------- */

static void in_free(struct doe *doe)
{
	free(doe->in);
	doe->in = NULL;
	doe->in_len = doe->in_room = 0;
}

/* Nothing is on its way any more, in neither direction. */
static void doe_empty(struct lm_ctx *ctx, struct doe *doe, uint32_t status)
{
	defer_cancel(ctx, &doe->answer);
	in_free(doe);
	free(doe->out);
	doe->out = NULL;
	reg_set(ctx, doe, PCI_DOE_READ, 0);
	status_move(ctx, doe, status);
}

static void doe_fail(struct lm_ctx *ctx, struct doe *doe)
{
	doe_empty(ctx, doe, PCI_DOE_STATUS_ERROR);
}

/* @result: bytes of the answer, behind the room for its header; or -errno. */
static void doe_answer(struct lm_ctx *ctx, struct doe *doe, ssize_t result)
{
	if (!doe->out || result < 0 || (size_t)result > doe->max - HEADER) {
		doe_fail(ctx, doe);
		return;
	}
	doe->out_len = HEADER + (((uint32_t)result + DWORD - 1) & ~(DWORD - 1));
	memset(doe->out + HEADER + result, 0, doe->out_len - HEADER - (size_t)result);
	doe->out_pos = 0;
	dword_set(doe->out, 0, doe->kind);
	dword_set(doe->out, 4, doe->out_len / DWORD & PCI_DOE_DATA_OBJECT_HEADER_2_LENGTH);
	reg_set(ctx, doe, PCI_DOE_READ, doe->kind);
	status_move(ctx, doe, PCI_DOE_STATUS_DATA_OBJECT_READY);
}

/* Of lm_complete(). */
static void answer_take(struct deferral *d, ssize_t result, const void *data)
{
	struct doe *doe = container_of(d, struct doe, answer);

	if (result > 0 && data && doe->out && (size_t)result <= doe->max - HEADER)
		memcpy(doe->out + HEADER, data, (size_t)result);
	else if (result > 0)
		d->result = -EIO;
}

static void answer_done(struct lm_ctx *ctx, struct deferral *d, ssize_t result)
{
	doe_answer(ctx, container_of(d, struct doe, answer), result);
}

static ssize_t doe_discover(const struct doe *doe, uint32_t index)
{
	uint32_t next = index < doe->desc->nr_types ? index + 1 : 0;
	uint32_t vendor = SIG_VENDOR, type = 0;

	if (index > doe->desc->nr_types) {
		vendor = NO_VENDOR;
	} else if (index) {
		vendor = doe->desc->types[index - 1].vendor;
		type = doe->desc->types[index - 1].type;
	}
	dword_set(doe->out, HEADER, vendor | type << 16 | next << 24);
	return DWORD;
}

static bool doe_understands(const struct doe *doe, lm_doe_type_t kind)
{
	const lm_doe_type_t *t = doe->desc->types;
	uint32_t i;

	for (i = 0; i < doe->desc->nr_types; i++) {
		if (t[i].vendor == kind.vendor && t[i].type == kind.type)
			return true;
	}
	return false;
}

/* As doe_answer() wants it, or LM_DEFER. */
static ssize_t object_serve(struct lm_ctx *ctx, struct doe *doe)
{
	const lm_doe_request_t request = {
		.ctx = ctx,
		.doe = doe->desc,
		.data = doe->in + HEADER,
		.len = doe->in_len - HEADER,
		.kind = { .vendor = (uint16_t)doe->kind, .type = (uint8_t)(doe->kind >> 16) },
	};

	if (doe->kind == SIG_VENDOR)
		return request.len == DWORD ? doe_discover(doe, doe->in[HEADER]) : -EINVAL;
	if (!doe_understands(doe, request.kind))
		return -ENOENT;
	return call_doe(ctx, &doe->answer, &request, doe->out + HEADER, doe->max - HEADER);
}

static void object_go(struct lm_ctx *ctx, struct doe *doe)
{
	uint32_t len;
	ssize_t ret;

	if (doe->in_len < HEADER) {
		doe_fail(ctx, doe);
		return;
	}
	doe->kind = dword_at(doe->in, 0) & 0xffffff;
	len = dword_at(doe->in, 4) & PCI_DOE_DATA_OBJECT_HEADER_2_LENGTH;
	doe->out = (len ?: OBJECT_MAX / DWORD) * DWORD == doe->in_len ? calloc(1, doe->max) : NULL;
	if (!doe->out) {
		doe_fail(ctx, doe);
		return;
	}
	status_move(ctx, doe, PCI_DOE_STATUS_BUSY);
	ret = object_serve(ctx, doe);
	in_free(doe);
	if (ret != LM_DEFER)
		doe_answer(ctx, doe, ret);
}

static void object_add(struct lm_ctx *ctx, struct doe *doe, const uint8_t *dword)
{
	uint32_t room = doe->in_room ? 2 * doe->in_room : 64;
	uint8_t *more;

	if (doe->in_len == doe->max) {
		doe_fail(ctx, doe);
		return;
	}
	if (doe->in_len == doe->in_room) {
		room = room < doe->max ? room : doe->max;
		more = realloc(doe->in, room);
		if (!more) {
			doe_fail(ctx, doe);
			return;
		}
		doe->in = more;
		doe->in_room = room;
	}
	memcpy(doe->in + doe->in_len, dword, DWORD);
	doe->in_len += DWORD;
}

static void answer_next(struct lm_ctx *ctx, struct doe *doe)
{
	doe->out_pos += DWORD;
	if (doe->out_pos == doe->out_len)
		doe_empty(ctx, doe, 0);
	else
		reg_set(ctx, doe, PCI_DOE_READ, dword_at(doe->out, doe->out_pos));
}

/* ---- accesses --------------------------------------------------------------------- */

static const uint8_t *dword_written(const struct written *w, uint32_t reg)
{
	return w->at <= reg && w->at + w->len >= reg + DWORD ? w->data + (reg - w->at) : NULL;
}

static bool bit_written(const struct written *w, uint32_t reg, uint32_t bit)
{
	const uint32_t nr = (uint32_t)__builtin_ctz(bit), at = reg + nr / 8;

	return overlaps(w->at, w->len, at, 1) && w->data[at - w->at] & 1u << nr % 8;
}

static void doe_written(struct lm_ctx *ctx, const struct cap *cap, const struct written *w)
{
	struct doe *doe = cap->own;
	const uint8_t *dword = dword_written(w, PCI_DOE_WRITE);
	const uint32_t status = reg_get(ctx, doe, PCI_DOE_STATUS) & STATUS_BITS;

	if (bit_written(w, PCI_DOE_CTRL, PCI_DOE_CTRL_ABORT))
		doe_empty(ctx, doe, 0);
	else if (bit_written(w, PCI_DOE_CTRL, PCI_DOE_CTRL_GO) && !status)
		object_go(ctx, doe);
	else if (dword && !status)
		object_add(ctx, doe, dword);
	else if (dword_written(w, PCI_DOE_READ) && status == PCI_DOE_STATUS_DATA_OBJECT_READY)
		answer_next(ctx, doe);
}

static void doe_reset(struct lm_ctx *ctx, const struct cap *cap)
{
	struct doe *doe = cap->own;

	reg_set(ctx, doe, PCI_DOE_STATUS, 0);
	doe_empty(ctx, doe, 0);
}

/* What it was about is not here: the driver aborts, and begins again. */
static void doe_loaded(struct lm_ctx *ctx, const struct cap *cap)
{
	struct doe *doe = cap->own;
	const uint32_t status = reg_get(ctx, doe, PCI_DOE_STATUS);
	const uint32_t error = status & STATUS_BITS ? PCI_DOE_STATUS_ERROR : 0;

	reg_set(ctx, doe, PCI_DOE_CTRL, reg_get(ctx, doe, PCI_DOE_CTRL) & PCI_DOE_CTRL_INT_EN);
	reg_set(ctx, doe, PCI_DOE_STATUS, (status & PCI_DOE_STATUS_INT_STATUS) | error);
	doe_empty(ctx, doe, error);
}

/* ---- life ------------------------------------------------------------------------- */

static void doe_free(struct lm_ctx *ctx, const struct cap *cap)
{
	struct doe *doe = cap->own;

	defer_cancel(ctx, &doe->answer);
	in_free(doe);
	free(doe->out);
	free(doe);
}

static const struct cap_ops doe_ops = {
	.written = doe_written,
	.reset = doe_reset,
	.loaded = doe_loaded,
	.free = doe_free,
};

const char *doe_fault(const struct lm_ctx *ctx, const lm_doe_t *d)
{
	const uint32_t *irqs = ctx->info.pci_info.irq_count;

	if (!d)
		return "doe is missing";
	if (!d->request || (d->nr_types && !d->types) || d->nr_types > TYPES_MAX)
		return "its mailbox needs request, and types, at most 255";
	if (d->max_size % DWORD || d->max_size > OBJECT_MAX ||
	    (d->max_size && d->max_size < HEADER + DWORD))
		return "max_size must be a multiple of 4, from 12 bytes to 1 MiB";
	if (d->flags & ~LM_DOE_IRQ || d->reserved[0] || d->reserved[1])
		return "an unknown flag, or a reserved member is not 0";
	if (d->flags & LM_DOE_IRQ ? d->vector >= irqs[LM_DEV_MSI_IRQ_IDX] &&
					    d->vector >= irqs[LM_DEV_MSIX_IRQ_IDX] :
				    d->vector)
		return "vector is not one of MSI or MSI-X, or there is no LM_DOE_IRQ";
	return NULL;
}

int doe_new(struct lm_ctx *ctx, const lm_doe_t *desc, struct cap *cap)
{
	const bool irq = desc->flags & LM_DOE_IRQ;
	const struct cfg_reg regs[] = {
		{ PCI_DOE_CAP, 4, irq ? PCI_DOE_CAP_INT_SUP | desc->vector << 1 : 0 },
		{ PCI_DOE_CTRL, 4, 0, irq ? PCI_DOE_CTRL_INT_EN : 0 },
		{ PCI_DOE_STATUS, 4, 0, 0, PCI_DOE_STATUS_INT_STATUS },
	};
	struct doe *doe = calloc(1, sizeof(*doe));

	if (!doe)
		return -ENOMEM;
	doe->answer.take = answer_take;
	doe->answer.done = answer_done;
	doe->desc = desc;
	doe->offset = cap->offset;
	doe->max = desc->max_size ?: SIZE_DEFAULT;
	cap->ops = &doe_ops;
	cap->own = doe;
	config_put(ctx->config, cap->offset, regs, LM_NR(regs));
	return 0;
}
