/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault.c - commands that go wrong on purpose, by the rules of fault_parse.c. See fault.h.
 *
 * Owns which command it is: what happens to it is done by lm_nvme_inject(). All rules that fire
 * count, the last one most.
 */
#include "fault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* NVM 3: Write, Read, Compare, Write Zeroes, Verify. */
static bool has_lbas(const lm_nvme_cmd_t *cmd)
{
	static const uint8_t opcodes[] = { 0x01, 0x02, 0x05, 0x08, 0x0c };

	return cmd->sqid && memchr(opcodes, cmd->opcode, sizeof(opcodes));
}

static bool matches(const struct fault_rule *r, const lm_nvme_cmd_t *cmd)
{
	const uint64_t slba = cmd->dw[10] | (uint64_t)cmd->dw[11] << 32;
	const uint64_t nlb = (cmd->dw[12] & 0xffff) + 1;

	if (r->is_admin == !!cmd->sqid || (!r->is_any && r->opcode != cmd->opcode) ||
	    (r->nsid && r->nsid != cmd->dw[1]))
		return false;
	if (!r->has_lba)
		return true;
	return has_lbas(cmd) && (slba < r->lba ? r->lba - slba < nlb : slba - r->lba < r->nr_lbas);
}

/* A linear congruential generator with Knuth's numbers; the upper half of it is used. */
static bool fires(struct fault_rule *r)
{
	const uint64_t nr = ++r->seen;

	if (nr < r->first || nr > r->last || (nr - r->first) % r->step)
		return false;
	if (r->share == r->of)
		return true;
	r->random = r->random * 6364136223846793005u + 1442695040888963407u;
	return (r->random >> 32) % r->of < r->share;
}

static void apply(const struct fault_rule *r, lm_nvme_cmd_t *cmd, lm_nvme_fault_t *fault)
{
	const lm_nvme_fault_t *f = &r->fault;
	uint32_t i;

	fault->flags |= f->flags;
	fault->status = f->status ?: fault->status;
	fault->delay_ns = f->delay_ns ?: fault->delay_ns;
	fault->end_delay_ns = f->end_delay_ns ?: fault->end_delay_ns;
	if (f->flags & LM_NVME_FAULT_RESULT)
		fault->result = f->result;
	if (f->corrupt_length) {
		fault->corrupt_offset = f->corrupt_offset;
		fault->corrupt_length = f->corrupt_length;
	}
	for (i = 0; i < r->nr_edits; i++)
		cmd->dw[r->edit[i].dw] = r->edit[i].value;
}

static void keep(struct faults *faults)
{
	struct fault_state *state = faults->state;
	uint32_t i;

	for (i = 0; state && i < faults->nr; i++) {
		state->rule[i].seen = faults->rule[i].seen;
		state->rule[i].random = faults->rule[i].random;
	}
}

void faults_inject(void *pvt, lm_nvme_cmd_t *cmd, lm_nvme_fault_t *fault)
{
	const lm_nvme_cmd_t original = *cmd;
	struct faults *faults = pvt;
	uint32_t i;

	for (i = 0; i < faults->nr; i++) {
		if (matches(&faults->rule[i], &original) && fires(&faults->rule[i]))
			apply(&faults->rule[i], cmd, fault);
	}
	keep(faults);
}

int faults_set(struct faults *faults, const char *text, char *why, size_t size)
{
	struct faults new = { 0 };
	char copy[FAULT_TEXT], *at = copy, *rule;
	int ret = 0;

	if (strlen(text) >= sizeof(copy)) {
		snprintf(why, size, "longer than %d characters", FAULT_TEXT - 1);
		return -EINVAL;
	}
	memcpy(new.text, text, strlen(text) + 1);
	memcpy(copy, new.text, sizeof(copy));
	while (*text && !ret && (rule = strsep(&at, ","))) {
		if (new.nr == FAULT_RULES) {
			snprintf(why, size, "more than %d rules", FAULT_RULES);
			return -EINVAL;
		}
		ret = fault_rule_parse(&new.rule[new.nr++], rule, why, size);
	}
	if (ret)
		return ret;
	new.state = faults->state;
	*faults = new;
	if (new.state) {
		new.state->is_set = 1;
		memcpy(new.state->text, new.text, sizeof(new.text));
		keep(faults);
	}
	return 0;
}

int faults_resume(struct faults *faults, struct fault_state *state)
{
	const struct fault_state old = *state;
	char why[256];
	uint32_t i;

	faults->state = state;
	if (!old.is_set)
		return faults_set(faults, faults->text, why, sizeof(why));
	if (old.is_set != 1 || strnlen(old.text, sizeof(old.text)) == sizeof(old.text) ||
	    faults_set(faults, old.text, why, sizeof(why)))
		return -EINVAL;
	for (i = 0; i < faults->nr; i++) {
		faults->rule[i].seen = old.rule[i].seen;
		faults->rule[i].random = old.rule[i].random;
	}
	keep(faults);
	return 0;
}
