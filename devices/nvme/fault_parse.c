/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault_parse.c - the grammar of the property "fault", in the manner of strace's --inject. See
 * fault.h; muser-devices(7) explains it.
 */
#include "fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ------------------------------------------------------------------------ */

/* Decimal, or hexadecimal with 0x; @at is behind it then. */
static bool number(const char **at, uint64_t max, uint64_t *n)
{
	const bool is_hex = (!strncmp(*at, "0x", 2) || !strncmp(*at, "0X", 2));
	const char *digits = *at + (is_hex ? 2 : 0);
	const size_t len = strspn(digits, is_hex ? "0123456789abcdefABCDEF" : "0123456789");

	errno = 0;
	*n = len ? strtoull(digits, NULL, is_hex ? 16 : 10) : 0;
	*at = digits + len;
	return len && !errno && *n <= max;
}

static bool number_all(const char *at, uint64_t max, uint64_t *n)
{
	return number(&at, max, n) && !*at;
}

static bool number32(const char *at, uint32_t *to)
{
	uint64_t n;
	const bool ok = number_all(at, UINT32_MAX, &n);

	*to = (uint32_t)n;
	return ok;
}

/* FIRST[+COUNT] */
static bool range(const char *at, uint64_t *first, uint64_t *count)
{
	*count = 1;
	if (!number(&at, INT64_MAX, first))
		return false;
	return !*at || (*at++ == '+' && number_all(at, INT64_MAX, count) && *count);
}

/* Microseconds, as strace has it, unless there is a unit. */
static bool duration(const char *at, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "", 1000 }, { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 }
	};
	size_t i;

	if (!number(&at, LM_NVME_FAULT_MAX_NS, ns))
		return false;
	for (i = 0; i < LM_NR(units) && strcmp(units[i].name, at); i++)
		;
	if (i == LM_NR(units) || *ns > LM_NVME_FAULT_MAX_NS / units[i].ns)
		return false;
	*ns *= units[i].ns;
	return true;
}

/* ---- keys -------------------------------------------------------------------------- */

static bool take_nsid(struct fault_rule *r, const char *value)
{
	return number32(value, &r->nsid);
}

static bool take_lba(struct fault_rule *r, const char *value)
{
	r->has_lba = true;
	return range(value, &r->lba, &r->nr_lbas);
}

static bool take_when(struct fault_rule *r, const char *at)
{
	const char *dots;

	if (!number(&at, UINT64_MAX, &r->first) || !r->first)
		return false;
	r->last = r->first;
	dots = strncmp(at, "..", 2) ? NULL : at;
	at += dots ? 2 : 0;
	if (dots && (!number(&at, UINT64_MAX, &r->last) || r->last < r->first))
		return false;
	if (*at != '+')
		return !*at;
	r->last = dots ? r->last : UINT64_MAX;
	return !*++at || (number_all(at, UINT64_MAX, &r->step) && r->step);
}

static bool take_p(struct fault_rule *r, const char *at)
{
	uint64_t share;

	if (!number(&at, UINT32_MAX, &share) || *at++ != '/')
		return false;
	r->share = (uint32_t)share;
	return number32(at, &r->of) && r->share <= r->of && r->of;
}

static bool take_seed(struct fault_rule *r, const char *value)
{
	return number_all(value, UINT64_MAX, &r->random);
}

static bool take_status(struct fault_rule *r, const char *value)
{
	uint64_t n;

	if (!number_all(value, 0x7ff, &n) || !n)
		return false;
	r->fault.flags |= LM_NVME_FAULT_FAIL;
	r->fault.status = (uint16_t)n;
	return true;
}

static bool take_result(struct fault_rule *r, const char *value)
{
	r->fault.flags |= LM_NVME_FAULT_RESULT;
	return number_all(value, UINT64_MAX, &r->fault.result);
}

static bool take_drop(struct fault_rule *r, const char *value)
{
	r->fault.flags |= LM_NVME_FAULT_DROP;
	return !value;
}

static bool take_corrupt(struct fault_rule *r, const char *value)
{
	return range(value, &r->fault.corrupt_offset, &r->fault.corrupt_length);
}

static bool take_delay_enter(struct fault_rule *r, const char *value)
{
	return duration(value, &r->fault.delay_ns);
}

static bool take_delay_exit(struct fault_rule *r, const char *value)
{
	return duration(value, &r->fault.end_delay_ns);
}

/* What comes behind the first colon; from the first action on, actions. */
static const struct key {
	const char *name, *form;
	bool (*take)(struct fault_rule *r, const char *value);
} keys[] = {
	{ "nsid", "expected nsid=N", take_nsid },
	{ "lba", "expected lba=FIRST[+COUNT]", take_lba },
	{ "when", "expected when=FIRST[..LAST][+[STEP]]", take_when },
	{ "p", "expected p=N/M", take_p },
	{ "seed", "expected seed=N", take_seed },
#define FIRST_ACTION 5
	{ "status", "expected status=N, 1 to 0x7ff", take_status },
	{ "drop", "expected drop", take_drop },
	{ "corrupt", "expected corrupt=OFFSET[+LENGTH]", take_corrupt },
	{ "result", "expected result=N", take_result },
	{ "delay_enter", "expected delay_enter=TIME, an hour at most", take_delay_enter },
	{ "delay_exit", "expected delay_exit=TIME, an hour at most", take_delay_exit },
};

/* dwN=VALUE */
static bool take_edit(struct fault_rule *r, const char *name, const char *value)
{
	uint64_t dw;

	if (r->nr_edits == FAULT_EDITS || !value || !number_all(name + 2, 15, &dw))
		return false;
	r->has_action = true;
	r->edit[r->nr_edits].dw = (uint32_t)dw;
	return number32(value, &r->edit[r->nr_edits++].value);
}

/* NULL, or what is wrong. */
static const char *take_key(struct fault_rule *r, const char *name, const char *value)
{
	size_t i;

	if (!strncmp(name, "dw", 2))
		return take_edit(r, name, value) ? NULL :
						   "expected dwN=N, dw0 to dw15, four of them";
	for (i = 0; i < LM_NR(keys) && strcmp(keys[i].name, name); i++)
		;
	if (i == LM_NR(keys))
		return "neither a condition nor an action";
	r->has_action |= i >= FIRST_ACTION;
	if (keys[i].take != take_drop && !value)
		return keys[i].form;
	return keys[i].take(r, value) ? NULL : keys[i].form;
}

/* ---- rules ------------------------------------------------------------------------- */

/* By opcode, but for the first two. */
static const struct command {
	const char *name;
	uint8_t opcode;
	bool is_admin;
} commands[] = {
	{ "io" },
	{ "admin", .is_admin = true },
	{ "flush", 0x00 },
	{ "write", 0x01 },
	{ "read", 0x02 },
	{ "compare", 0x05 },
	{ "write-zeroes", 0x08 },
	{ "dsm", 0x09 },
	{ "verify", 0x0c },
	{ "delete-sq", 0x00, .is_admin = true },
	{ "create-sq", 0x01, .is_admin = true },
	{ "get-log-page", 0x02, .is_admin = true },
	{ "delete-cq", 0x04, .is_admin = true },
	{ "create-cq", 0x05, .is_admin = true },
	{ "identify", 0x06, .is_admin = true },
	{ "abort", 0x08, .is_admin = true },
	{ "set-features", 0x09, .is_admin = true },
	{ "get-features", 0x0a, .is_admin = true },
	{ "aer", 0x0c, .is_admin = true },
	{ "format", 0x80, .is_admin = true },
};

enum { ANY = 2 };

/* A name, or the opcode as io-0xNN or admin-0xNN. */
static bool take_command(struct fault_rule *r, const char *name)
{
	const size_t prefix = !strncmp(name, "io-", 3) ? 3 : !strncmp(name, "admin-", 6) ? 6 : 0;
	uint64_t opcode;
	size_t i;

	for (i = 0; i < LM_NR(commands) && strcmp(commands[i].name, name); i++)
		;
	if (i < LM_NR(commands)) {
		r->is_admin = commands[i].is_admin;
		r->is_any = i < ANY;
		r->opcode = commands[i].opcode;
		return true;
	}
	r->is_admin = prefix == 6;
	if (!prefix || !number_all(name + prefix, 0xff, &opcode))
		return false;
	r->opcode = (uint8_t)opcode;
	return true;
}

int fault_rule_parse(struct fault_rule *r, char *text, char *why, size_t size)
{
	const char *command = strsep(&text, ":"), *fault;
	char *name, *value;

	*r = (struct fault_rule){
		.first = 1, .last = UINT64_MAX, .step = 1, .share = 1, .of = 1, .random = 1
	};
	if (!take_command(r, command)) {
		snprintf(why, size, "\"%s\" is not a command of those in muser-devices(7)",
			 command);
		return -EINVAL;
	}
	while ((name = strsep(&text, ":"))) {
		value = strchr(name, '=');
		if (value)
			*value++ = '\0';
		fault = take_key(r, name, value);
		if (!fault)
			continue;
		snprintf(why, size, "\"%s%s%s\" of %s: %s", name, value ? "=" : "", value ?: "",
			 command, fault);
		return -EINVAL;
	}
	if (r->has_action)
		return 0;
	snprintf(why, size, "%s has no action (status=N, drop, ...)", command);
	return -EINVAL;
}
