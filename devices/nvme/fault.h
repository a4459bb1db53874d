/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault.h - the property "fault" of an nvme device: rules that say which commands go wrong.
 */
#ifndef MUSER_DEVICES_NVME_FAULT_H
#define MUSER_DEVICES_NVME_FAULT_H

#include <muser-nvme.h>

enum { FAULT_RULES = 8, FAULT_EDITS = 4, FAULT_TEXT = 512 };

/* Which commands, and what happens to them. */
struct fault_rule {
	bool is_admin, is_any, has_lba, has_action;
	uint8_t opcode;
	uint32_t nsid; /* 0: any */
	uint64_t lba, nr_lbas;
	uint64_t first, last, step; /* of those that match, from 1 on */
	uint32_t share, of;         /* so many of so many fire */
	uint64_t random;
	uint64_t seen;
	lm_nvme_fault_t fault;
	uint32_t nr_edits;
	struct {
		uint32_t dw, value;
	} edit[FAULT_EDITS];
};

/* Of lm_state(): rules, and how far they are. */
struct fault_state {
	uint64_t is_set;
	char text[FAULT_TEXT];
	struct {
		uint64_t seen, random;
	} rule[FAULT_RULES];
};

struct faults {
	uint32_t nr;
	struct fault_rule rule[FAULT_RULES];
	char text[FAULT_TEXT];
	struct fault_state *state; /* NULL: there is none yet */
};

#define FAULT_ACCEPTS "COMMAND[:KEY[=VALUE]]..., see FAULTS in muser-devices(7)"

/* One rule, which it takes apart. 0, or -EINVAL: why is said in @why. */
int fault_rule_parse(struct fault_rule *r, char *text, char *why, size_t size);
/* Empty: none. 0, or -EINVAL: why is said in @why, and nothing has changed. */
int faults_set(struct faults *faults, const char *text, char *why, size_t size);
/* Goes on where another process was, or a saved state; what is set counts if there is none. 0, or
 * -EINVAL: it is no such state. */
int faults_resume(struct faults *faults, struct fault_state *state);
/* lm_nvme_inject_fn; of struct faults */
void faults_inject(void *pvt, lm_nvme_cmd_t *cmd, lm_nvme_fault_t *fault);

#endif /* MUSER_DEVICES_NVME_FAULT_H */
