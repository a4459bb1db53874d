/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idio.h - the state of a PCI-IDIO-16, shared by its two sides: card.c, which a guest
 * sees, and outside.c, which musctl sees.
 */
#ifndef MUSER_IDIO_H
#define MUSER_IDIO_H

#include "../devices.h"

enum { IDIO_NR_PINS = 16, IDIO_NR_PROPS = 6, IDIO_PATTERN = 6 /* steps */ };

/* All that a guest can find out: it outlives the process. */
struct idio_state {
	uint32_t version; /* IDIO_STATE once it is in use */
	uint32_t filter_us;
	uint16_t out;    /* the output registers */
	uint16_t in;     /* what musctl puts on the input terminals */
	uint16_t seen;   /* the inputs behind their filters: what a guest reads */
	uint8_t status;  /* IRQ_STATUS */
	uint8_t filters; /* FILTER0_7 as written */
	uint8_t reads;   /* step of the pattern, 0 .. 5 */
	bool filter_all;
	bool irq_enabled;
	bool loopback; /* outputs are wired to the inputs */
	bool toggle3;  /* data registers show a pattern */
};

enum { IDIO_STATE = 1 };

struct idio {
	lm_ctx_t *ctx;
	lm_timer_t *filter_timer;
	uint16_t settling;     /* differ from seen until the filter timer expires */
	struct idio_state *st; /* lm_state(); before there is a context: own */
	struct idio_state own;
};

/* ---- card.c ---------------------------------------------------------------------- */

uint16_t idio_wires(const struct idio *dev);    /* what is on the input terminals */
uint16_t idio_filtered(const struct idio *dev); /* which inputs are filtered */
void idio_update_inputs(struct idio *dev);      /* after wires or filters have changed */
void idio_update_irq(struct idio *dev);         /* after status or enable have changed */

/* ---- outside.c ------------------------------------------------------------------- */

extern const lm_prop_t idio_props[IDIO_NR_PROPS];

int idio_prop_get(void *pvt, const char *name, char *buf, size_t size);
int idio_prop_set(void *pvt, const char *name, const char *value);
ssize_t idio_save(void *pvt, void *buf, size_t size);
int idio_load(void *pvt, const void *buf, size_t size);
int idio_take_state(struct idio *dev); /* the context is there: go on where it stands */

#endif /* MUSER_IDIO_H */
