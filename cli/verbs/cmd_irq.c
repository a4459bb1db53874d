/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_irq.c - musctl irq list|fire|mask|unmask UUID [[INDEX:]VECTOR]...: the interrupts
 * of a device; injects them by the library's own rules and tells what became of them.
 * Exit status: 0 (fire: delivered, or pending because it is masked), 1 (also: it is lost,
 * as the client has assigned no eventfd or the guest allows no bus mastering), 2, 3, 4.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <muser.h>

#include "base/json.h"

#include "dev/control.h"
#include "dev/irq.h"
#include "ui/error.h"
#include "ui/names.h"
#include "ui/value.h"
#include "verbs/verbs.h"

/* ---- list ------------------------------------------------------------------------ */

static void print_vector(struct out *out, struct json_object *irq, struct json_object *vector)
{
	out_row(out);
	out_text(out, IRQ, value_text(irq, "name"));
	out_u64(out, OF, value_u64(irq, "count"));
	out_bool(out, ENABLED, value_bool(irq, "enabled"));
	if (!vector)
		return;
	out_u64(out, VECTOR, value_u64(vector, "vector"));
	out_bool(out, EVENTFD, value_bool(vector, "eventfd"));
	out_bool(out, MASKED, value_bool(vector, "masked"));
	out_bool(out, PENDING, value_bool(vector, "pending"));
	out_u64(out, COUNT, value_u64(vector, "count"));
}

static int list(struct target *t, struct out *out)
{
	struct json_object *irq, *vector;
	size_t i, j;

	if (t->client)
		return irq_socket_list(t, out);
	for (i = 0; (irq = json_at(t->names.irqs, i)); i++) {
		if (!value_item(irq, "vectors", 0))
			print_vector(out, irq, NULL);
		for (j = 0; (vector = value_item(irq, "vectors", j)); j++)
			print_vector(out, irq, vector);
	}
	return 0;
}

/* ---- fire, mask, unmask ---------------------------------------------------------- */

static int call_irq(struct target *t, const char *action, const struct irq *irq,
		    const char **outcome)
{
	struct json_object *call = json_new_object(), *reply;
	bool firing = !strcmp(action, "fire"), masking = !strcmp(action, "mask");
	int err;

	json_add_int(call, "index", irq->index);
	json_add_int(call, "vector", irq->vector);
	if (!firing)
		json_add_bool(call, "mask", masking);
	err = control_call(t->control, firing ? "FireIrq" : "MaskIrq", call, &reply);
	if (err)
		return control_report(t->control, irq_word(t, irq), err);
	*outcome = !firing ? masking ? "masked" : "unmasked" : value_text(reply, "outcome");
	return *outcome ? 0 : control_report(t->control, irq_word(t, irq), -EPROTO);
}

static int act(struct target *t, const char *action, struct irq *irq, struct out *out)
{
	const char *outcome = NULL;
	int status;

	if (t->control)
		status = call_irq(t, action, irq, &outcome);
	else if (!strcmp(action, "fire"))
		status = irq_socket_fire(t, irq, &outcome);
	else
		status = error(ST_UNSUPPORTED, t->name,
			       "not with --socket: masks end with the connection");
	if (status)
		return status;
	if (out) {
		out_row(out);
		out_text(out, IRQ, name_of_irq(&t->names, (uint32_t)irq->index));
		out_u64(out, VECTOR, irq->vector);
		out_text(out, OUTCOME, outcome);
	}
	return irq_outcome(t, irq, outcome);
}

static int run(struct target *t, const struct call *call, struct irq *irqs, struct out *out)
{
	int i, one, status = target_ask(t);

	if (status)
		return status;
	if (!strcmp(call->words[0], "list"))
		return list(t, out);
	for (i = 0; i < t->nr_words; i++) {
		one = irq_find(t, &irqs[i]);
		if (!one)
			one = act(t, call->words[0], &irqs[i], out);
		status = status ? status : one;
	}
	return status;
}

/* Checks the words before anything is asked of a device; irqs gets what they say. */
static int parse_words(struct call *call, struct irq **irqs)
{
	const char *action = call->words[0];
	int i, first = call->socket ? 1 : 2, status = 0;

	if (strcmp(action, "list") && strcmp(action, "fire") && strcmp(action, "mask") &&
	    strcmp(action, "unmask"))
		return error_usage(action, "is not one of list, fire, mask, unmask");
	if (!strcmp(action, "list") == (call->nr_words > first))
		return error_usage(action, strcmp(action, "list") ? "VECTOR is missing" :
								    "takes no VECTOR");
	*irqs = calloc((size_t)call->nr_words, sizeof(**irqs));
	if (!*irqs)
		return error(ST_FAILED, NULL, "out of memory");
	for (i = first; i < call->nr_words && !status; i++)
		status = irq_parse(call->words[i], &(*irqs)[i - first]);
	if (strcmp(action, "list") && !call->format.columns) {
		call->format.no_headings |= !call->format.all;
		call->format.columns = call->format.json || call->format.all ?
					       "IRQ,VECTOR,OUTCOME" :
					       "OUTCOME";
	}
	return status;
}

/* That a mask is there needs no words, unless they are asked for. */
static bool is_silent(const char *action, const struct format *format)
{
	return (!strcmp(action, "mask") || !strcmp(action, "unmask")) && !format->columns &&
	       !format->all && !format->json && !format->export && !format->raw;
}

static int irq(const struct call *original)
{
	const bool silent = is_silent(original->words[0], &original->format);
	struct call call = *original, rest;
	struct irq *irqs = NULL;
	struct out *out = NULL;
	struct target t;
	int status = parse_words(&call, &irqs);

	rest = call;
	rest.words++;
	rest.nr_words--;
	if (!status && !silent)
		status = out_begin(&out, &call, "irqs");
	if (!status) {
		status = target_open(&t, &rest);
		if (!status)
			status = run(&t, &call, irqs, out);
		target_close(&t);
	}
	out_finish(out, status);
	free(irqs);
	return status;
}

const struct cmd cmd_irq = {
	.name = "irq",
	.summary = "list, inject, mask interrupts of a device",
	.more = "ACTION is list, fire, mask or unmask. VECTOR may be preceded by what\n"
		"it is a vector of: intx:0, msi:3, msix:7, err:0, req:0, or the name of\n"
		"an interrupt of the device; without, it is what the guest uses. fire\n"
		"prints what became of it: delivered, pending (masked); lost: no-eventfd,\n"
		"bus-master-off. mask and unmask print nothing without --output.",
	.args = (const struct arg[]){ { "ACTION", COMPLETE_IRQ_ACTION },
				      { "UUID", COMPLETE_DEVICE },
				      { "VECTOR", COMPLETE_VECTOR, ARG_OPTIONAL | ARG_MANY },
				      { 0 } },
	.columns = irq_columns,
	.flags = CMD_DEVICE | CMD_SOCKET,
	.fn = irq,
};
