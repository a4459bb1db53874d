/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gate_tap.h - a tap between the device and the client of engine.h: it sees, changes, answers,
 * fails, drops and holds what crosses. For one test program each.
 */
#ifndef TEST_GATE_TAP_H
#define TEST_GATE_TAP_H

#include <sys/mman.h>

#include "gate/gate.h"
#include "traced.h"

#define IOVA    0x100000ull
#define MESSAGE 0x900000ull /* client memory that is reached by messages */
#define PAGE    4096u
#define SEEN    64
#define KIND(k) (1ull << (k))
#define ALL     UINT64_MAX

/* ---- the tap --------------------------------------------------------------------- */

/* What it is to do with the crossings of its kinds; and what it saw. */
static struct test_tap {
	struct tap      tap;
	int             answer;       /* of before() */
	int             result;       /* with TAP_ANSWERED */
	bool            holds_before, holds_after, repeats;
	const char     *before_bytes; /* put in place of the first ones */
	const char     *after_bytes;
	int             after_result; /* not 0: what it comes to */
	lm_token_t      token;        /* of what is held */
	struct crossing copy;         /* of what is to be repeated */
	unsigned int    nr_before, nr_after;
	struct {
		uint8_t  kind;
		uint32_t region;
		uint64_t offset, len;
		int64_t  result;
		char     bytes[64];
	} before[SEEN], after[SEEN];
} tap;

static inline void put_bytes(struct crossing *x, const char *bytes)
{
	char *data = bytes ? gate_data(x) : NULL;

	if (data)
		memcpy(data, bytes, strlen(bytes));
}

#define NOTE(at, x) do { \
	(at).kind = (x)->kind; \
	(at).region = (x)->region; \
	(at).offset = (x)->offset; \
	(at).len = (x)->len; \
	(at).result = (x)->result; \
	if ((x)->data) \
		memcpy((at).bytes, (x)->data, at_most((x)->len, sizeof((at).bytes))); \
} while (0)

static inline int tap_before(struct tap *t, struct lm_ctx *ctx, struct crossing *x)
{
	assert_ptr_equal(t, &tap.tap);
	assert_in_range(tap.nr_before, 0, SEEN - 1);
	NOTE(tap.before[tap.nr_before], x);
	tap.nr_before++;
	put_bytes(x, tap.before_bytes);
	if (tap.repeats) {
		assert_non_null(x->redo);
		tap.copy = *x;
	}
	if (tap.holds_before) {
		tap.token = gate_hold(ctx, x);
		return tap.token ? LM_DEFER : TAP_PASS;
	}
	x->result = tap.result;
	return tap.answer;
}

static inline int tap_after(struct tap *t, struct lm_ctx *ctx, struct crossing *x)
{
	assert_in_range(tap.nr_after, 0, SEEN - 1);
	NOTE(tap.after[tap.nr_after], x);
	tap.nr_after++;
	put_bytes(x, tap.after_bytes);
	if (tap.after_result)
		x->result = tap.after_result;
	if (!tap.holds_after)
		return 0;
	tap.token = gate_hold(ctx, x);
	return tap.token ? LM_DEFER : 0;
}

static inline void tap_add(struct engine *e, uint64_t kinds)
{
	tap.tap = (struct tap){ .kinds = kinds, .before = tap_before, .after = tap_after };
	gate_add(e->ctx, TAP_TEST, &tap.tap);
}

static inline void let_go_on(struct engine *e)
{
	const lm_token_t token = tap.token;

	tap.holds_before = tap.holds_after = false;
	assert_int_equal(lm_complete(e->ctx, token, 0, NULL), 0);
	engine_poll(e);
}

/* ---- a client -------------------------------------------------------------------- */

static char *memory; /* of the client, at IOVA */

static inline int tap_setup(void **state)
{
	tap = (struct test_tap){ 0 };
	return engine_setup(state);
}

static inline int tap_teardown(void **state)
{
	if (memory)
		munmap(memory, PAGE);
	memory = NULL;
	return engine_teardown(state);
}

static inline struct engine *begin(void **state, uint64_t kinds)
{
	struct engine *e = *state;

	engine_connect(e);
	tap_add(e, kinds);
	return e;
}

static inline void give_memory(struct engine *e)
{
	memory = engine_share(e, IOVA, PAGE);
	engine_map(e, MESSAGE, PAGE, -1);
}

static inline dma_sg_t find(struct engine *e, uint64_t addr, uint32_t len)
{
	dma_sg_t sg;

	assert_int_equal(lm_addr_to_sg(e->ctx, addr, len, &sg, 1), 1);
	return sg;
}

static inline bool has_reply(struct engine *e)
{
	struct pollfd p = { .fd = e->fd, .events = POLLIN };

	engine_poll(e);
	return poll(&p, 1, 0) == 1;
}

#endif /* TEST_GATE_TAP_H */
