/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tracer.h - reading the trace of one device: its ring, its register names, and the means
 * to sleep until there is more.
 */
#ifndef MUSCTL_TRACER_H
#define MUSCTL_TRACER_H

#include <stdbool.h>
#include <stdint.h>

#include <muser-trace.h>

#include "dev/fate.h"
#include "dev/regmap.h"

struct control;

enum { NOTE_TEXT = 129 }; /* lm_note() */

struct tracer {
	struct control *control; /* the lease of the ring; NULL: the device has ended */
	lm_trace_reader_t *reader;
	struct regmap map;
	char uuid[37];
	int eventfd;                   /* the device writes it ... */
	uint32_t *armed;               /* ... if this is set */
	struct lm_trace_record record; /* the next one, if there is one */
	char note[NOTE_TEXT];          /* its text, if it is a note */
	bool is_noting;                /* ... that goes on: it is not there yet */
	struct lm_trace_record next;   /* that came while a note went on, and is not of it */
	bool has_next;
	bool has_record;
	bool unfinished; /* record began, and the device ended amid it */
	bool ended;      /* the device is gone; the ring may hold more */
	bool crashed;    /* ... not in order: */
	char fate[FATE_TEXT];
	int status;           /* of that */
	uint64_t lost;        /* before record ... */
	uint64_t unreported;  /* ... and in all, so far as not reported ... */
	uint64_t reported_at; /* ... since then */
};

/* 0, or the status of a printed error. */
int tracer_open(struct tracer *t, const char *word);
void tracer_close(struct tracer *t);

/* Fetches the next record if there is none. false: nothing there. */
bool tracer_fetch(struct tracer *t);

/* true: nothing to read, the eventfd will say when there is. */
bool tracer_arm(struct tracer *t);
/* After the sleep: is the device still there? */
void tracer_woken(struct tracer *t);

#endif /* MUSCTL_TRACER_H */
