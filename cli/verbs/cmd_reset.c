/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_reset.c - musctl reset UUID...: resets devices, as a client's function reset does. With
 * --socket, that of anybody's server. Exit status: 0, 1, 2, 3, 4.
 */
#include "dev/control.h"
#include "dev/instance.h"
#include "dev/target.h"
#include "verbs/verbs.h"

#define TIMEOUT_MS 30000 /* a device may have to finish what it does */

static int reset_one(const struct call *call, struct control *control)
{
	int err;

	control_set_timeout(control, TIMEOUT_MS);
	err = control_call(control, "Reset", NULL, NULL);
	return err ? control_report(control, NULL, err) : 0;
}

static int reset(const struct call *call)
{
	struct target t;
	int err, status;

	if (!call->socket)
		return instance_each(call, reset_one);
	status = target_open(&t, call);
	if (!status) {
		lm_client_set_timeout(t.client, TIMEOUT_MS);
		err = lm_client_device_reset(t.client);
		status = err ? target_failed(&t, NULL, err) : 0;
	}
	target_close(&t);
	return status;
}

const struct cmd cmd_reset = {
	.name = "reset",
	.summary = "reset devices",
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE, ARG_MANY }, { 0 } },
	.flags = CMD_DEVICE | CMD_SOCKET,
	.fn = reset,
};
