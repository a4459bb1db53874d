/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace_summary.c - counts records in a hash table of what they are about. Accesses beside
 * registers, and those longer than one can be, count for their region as a whole; those of
 * a region or an interrupt that the device does not have, together: so that a client cannot
 * make the table grow.
 */
#include "dev/trace_summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <muser.h>

#include "dev/filter.h"
#include "ui/names.h"
#include "ui/out.h"

#define NR_BUCKETS 256
#define UNKNOWN    "?" /* which the device does not have */

enum { KIND, REGION, REGISTER, COUNT, ERRORS, TOTAL, MEAN, MAX, SHARE, UUID };

static const struct column summary_columns[] = {
	[KIND] = { "KIND", 9, 0, "kind of record" },
	[REGION] = { "REGION", 6, 0, "region or interrupt" },
	[REGISTER] = { "REGISTER", 8, 0, "registers that were accessed" },
	[COUNT] = { "COUNT", 7, COLUMN_RIGHT, "how many" },
	[ERRORS] = { "ERRORS", 6, COLUMN_RIGHT, "how many of them failed, or are unfinished" },
	[TOTAL] = { "TOTAL", 9, COLUMN_RIGHT, "time they took" },
	[MEAN] = { "MEAN", 9, COLUMN_RIGHT, "mean of it" },
	[MAX] = { "MAX", 9, COLUMN_RIGHT, "longest" },
	[SHARE] = { "SHARE", 6, COLUMN_RIGHT | COLUMN_EXTRA, "percent of all time" },
	[UUID] = { "UUID", 8, COLUMN_EXTRA, "UUID of the device" },
	{ 0 }
};

struct entry {
	struct entry *next;
	char uuid[37];
	uint16_t kind;
	char region[64]; /* or interrupt; empty: it is about none */
	char name[160];
	uint64_t count, errors;
	uint64_t timed, total, max; /* those whose time was measured */
};

struct summary {
	struct entry *buckets[NR_BUCKETS];
	size_t nr;
	uint64_t lost, total;
};

struct summary *summary_new(void)
{
	return calloc(1, sizeof(struct summary));
}

void summary_free(struct summary *s)
{
	struct entry *entry, *next;
	size_t i;

	for (i = 0; s && i < NR_BUCKETS; i++) {
		for (entry = s->buckets[i]; entry; entry = next) {
			next = entry->next;
			free(entry);
		}
	}
	free(s);
}

static bool has_region(uint16_t kind)
{
	return kind == LM_TRACE_READ || kind == LM_TRACE_WRITE || kind == LM_TRACE_IRQ_FIRE ||
	       kind == LM_TRACE_IRQ_SET || kind == LM_TRACE_IRQ_MASK ||
	       kind == LM_TRACE_IRQ_DEASSERT;
}

static bool is_irq(uint16_t kind)
{
	return has_region(kind) && kind >= LM_TRACE_IRQ_FIRE;
}

static uint32_t hash(const struct entry *key)
{
	const char *const texts[] = { key->region, key->name, key->uuid };
	uint32_t h = 2166136261u ^ key->kind;
	const char *c;
	size_t i;

	for (i = 0; i < LM_NR(texts); i++) {
		for (c = texts[i]; *c; c++)
			h = (h ^ (unsigned char)*c) * 16777619u;
	}
	return h % NR_BUCKETS;
}

static struct entry *find(struct summary *s, const struct entry *key)
{
	struct entry **bucket = &s->buckets[hash(key)], *entry;

	for (entry = *bucket; entry; entry = entry->next) {
		if (entry->kind == key->kind && !strcmp(entry->region, key->region) &&
		    !strcmp(entry->name, key->name) && !strcmp(entry->uuid, key->uuid))
			return entry;
	}
	entry = malloc(sizeof(*entry));
	if (!entry)
		return NULL;
	*entry = *key;
	entry->next = *bucket;
	*bucket = entry;
	s->nr++;
	return entry;
}

static const char *region_of(const struct tracer *t)
{
	const struct lm_trace_record *r = &t->record;

	if (is_irq(r->kind))
		return name_has_irq(&t->map.names, r->region) ?
			       name_of_irq(&t->map.names, r->region) :
			       UNKNOWN;
	if (!has_region(r->kind))
		return "";
	return r->result < 0 && r->aux == LM_TRACE_REASON_REGION ?
		       UNKNOWN :
		       name_of_region(&t->map.names, r->region);
}

void summary_add(struct summary *s, const struct tracer *t)
{
	const struct lm_trace_record *record = &t->record;
	const struct span span = { record->region, record->len, record->offset,
				   record->result < 0 ? 0 : record->aux };
	struct entry key = { .kind = record->kind }, *entry;
	const uint64_t ns = lm_trace_duration(record);

	memcpy(key.uuid, t->uuid, sizeof(key.uuid));
	snprintf(key.region, sizeof(key.region), "%s", region_of(t));
	if (record_is_access(record) && record->len <= sizeof(uint64_t))
		regmap_names(&t->map, &span, key.name, sizeof(key.name));
	entry = find(s, &key);
	if (!entry)
		return;
	entry->count++;
	entry->errors += record->result < 0 || t->unfinished;
	entry->timed += ns != 0;
	entry->total += ns;
	s->total += ns;
	if (ns > entry->max)
		entry->max = ns;
}

void summary_lost(struct summary *s, uint64_t lost)
{
	s->lost += lost;
}

/* Longest time first, then most records. */
static int compare(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a,
			   *y = *(const struct entry *const *)b;

	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return x->count < y->count ? 1 : x->count > y->count ? -1 : strcmp(x->name, y->name);
}

static void print_entry(struct out *out, const struct summary *s, const struct entry *entry)
{
	out_row(out);
	out_text(out, KIND, lm_trace_kind_name(entry->kind));
	if (*entry->region)
		out_text(out, REGION, entry->region);
	out_text(out, REGISTER, *entry->name ? entry->name : NULL);
	out_u64(out, COUNT, entry->count);
	out_u64(out, ERRORS, entry->errors);
	out_text(out, UUID, entry->uuid);
	if (!entry->timed)
		return;
	out_ns(out, TOTAL, entry->total);
	out_ns(out, MEAN, entry->total / entry->timed);
	out_ns(out, MAX, entry->max);
	out_percent(out, SHARE, 100.0 * (double)entry->total / (double)s->total);
}

int summary_print(struct summary *s, const struct call *call)
{
	struct entry **sorted = calloc(s->nr + 1, sizeof(*sorted)), *entry;
	struct cmd cmd = *call->cmd;
	struct call copy = *call;
	struct out *out;
	size_t i, nr = 0;
	int status;

	cmd.columns = summary_columns;
	cmd.flags &= ~CMD_STREAM;
	copy.cmd = &cmd;
	status = out_begin(&out, &copy, "summary");
	if (status || !sorted) {
		free(sorted);
		return status ? status : ST_FAILED;
	}
	for (i = 0; i < NR_BUCKETS; i++) {
		for (entry = s->buckets[i]; entry; entry = entry->next)
			sorted[nr++] = entry;
	}
	qsort(sorted, nr, sizeof(*sorted), compare);
	for (i = 0; i < nr; i++)
		print_entry(out, s, sorted[i]);
	if (s->lost) {
		out_row(out);
		out_color(out, COLOR_WARN);
		out_text(out, KIND, "lost");
		out_u64(out, COUNT, s->lost);
	}
	out_end(out);
	free(sorted);
	return 0;
}
