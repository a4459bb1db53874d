/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verbs.h - the verbs. Each is the one symbol that its cmd_<verb>.c exports.
 */
#ifndef MUSCTL_VERBS_H
#define MUSCTL_VERBS_H

#include "cmd/cmd.h"

extern const struct cmd cmd_types, cmd_create, cmd_run, cmd_exec, cmd_list, cmd_show, cmd_logs,
	cmd_destroy, cmd_trace, cmd_irq, cmd_peek, cmd_poke, cmd_set, cmd_lspci, cmd_reset,
	cmd_wait, cmd_monitor, cmd_doctor, cmd_bench, cmd_help, cmd_version, cmd__complete;

#endif /* MUSCTL_VERBS_H */
