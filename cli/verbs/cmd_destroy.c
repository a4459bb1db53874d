/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_destroy.c - musctl destroy UUID...: ends devices and waits until nothing of them is
 * left. A device is asked first; one that does not listen gets SIGTERM, then SIGKILL,
 * unless its process hosts others as well: that takes --force.
 *
 * An mdev that musctl made goes first, so that a refusal leaves all as it was. As the
 * kernel cannot be talked out of a removal, it begins only when no client has the mdev
 * open. Exit status: 0, 1, 2, 3, 124 (a client does not let go).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"

#include "dev/claim.h"
#include "dev/control.h"
#include "dev/instance.h"
#include "dev/terminate.h"
#include "mdev/mdev.h"
#include "ui/clock.h"
#include "ui/error.h"
#include "ui/names.h"
#include "ui/value.h"
#include "verbs/verbs.h"

#define STEP_MS 20
#define BUSY_MS 500 /* for somebody who makes or destroys it at the moment */

static const struct opt destroy_options[] = {
	{ 'f', "force", OPT_FLAG, offsetof(struct termination, force), NULL,
	  "kill at once what does not end by itself; remove any mdev" },
	{ 't', "timeout", OPT_SECONDS, offsetof(struct termination, timeout_ns), "SECONDS",
	  "how long it may take to end by itself (default: 5)" },
	{ 0 }
};

/* One device, on the way to its end. */
struct victim {
	const struct termination *ending;
	const char          *uuid;
	struct control      *control; /* NULL: there is no device process */
	struct claim         claim;
	char                 command[64]; /* of the client */
};

/* ---- its client ------------------------------------------------------------------ */

/* The process that has the mdev open; 0: none. The device knows those that we may not
 * look at. */
static pid_t find_client(struct victim *v)
{
	pid_t pid = mdev_holder(v->uuid, v->command, sizeof(v->command));
	struct json_object *reply, *client;

	if (pid || !v->control || control_call(v->control, "Show", NULL, &reply))
		return pid;
	client = json_get(json_get(reply, "device"), "client");
	snprintf(v->command, sizeof(v->command), "%s",
		 value_text(client, "command") ? value_text(client, "command") : "?");
	pid = (pid_t)value_u64(client, "pid");
	control_drop(v->control);
	return pid;
}

/* A virtual machine unplugs the device if its guest is willing. */
static void request_release(struct victim *v)
{
	struct json_object *call = json_new_object();
	uint32_t index = 0;

	name_to_irq("req", &index);
	json_add_int(call, "index", index);
	json_add_int(call, "vector", 0);
	control_call(v->control, "FireIrq", call, NULL);
}

static int wait_closed(struct victim *v)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
	uint64_t end = clock_ns() + v->ending->timeout_ns;
	pid_t pid = find_client(v);

	if (pid && v->control && !v->ending->force)
		request_release(v);
	while (pid && !v->ending->force && clock_ns() < end) {
		nanosleep(&step, NULL);
		pid = find_client(v);
	}
	if (!pid || v->ending->force)
		return 0;
	return error(ST_TIMEOUT, v->uuid, "process %d (%s) has it open; nothing was changed "
		     "(--force begins the removal)", pid, v->command);
}

/* ---- its mdev -------------------------------------------------------------------- */

static int remove_mdev(struct victim *v)
{
	int status = wait_closed(v), err;
	pid_t pid;

	if (status)
		return status;
	err = mdev_remove(v->uuid, v->ending->timeout_ns / 1000000);
	if (err != -ETIMEDOUT)
		return err ? error(ST_FAILED, v->uuid, "the mdev cannot be removed: %s",
				   strerror(-err)) : 0;
	pid = find_client(v);
	if (!pid)
		return error(ST_TIMEOUT, v->uuid, "the mdev is removed when its client closes it");
	return error(ST_TIMEOUT, v->uuid, "the mdev is removed when process %d (%s) closes it",
		     pid, v->command);
}

/* With the lock. The mdev first: what the kernel refuses has changed nothing. */
static int destroy_locked(struct victim *v)
{
	int ended = 0, status = terminate_check_mdev(v->ending, v->uuid, v->claim.ours,
						  v->control);

	if (status)
		return status;
	if (v->claim.ours || v->ending->force)
		status = remove_mdev(v);
	if (v->control && (!status || v->ending->force))
		ended = terminate_run(v->ending, v->control);
	return status ? status : ended;
}

/* Who has the lock may be "run": it removes the mdev when its device has ended. */
static int destroy_mdev(struct victim *v)
{
	uint64_t ms = v->ending->timeout_ns / 1000000;
	int status, err = claim_open(&v->claim, v->uuid, v->control ? BUSY_MS : ms);

	if (err == -EAGAIN && v->control) {
		status = wait_closed(v);
		if (!status)
			status = terminate_run(v->ending, v->control);
		if (status)
			return status;
		control_close(v->control);
		v->control = NULL;
		err = claim_open(&v->claim, v->uuid, ms);
	}
	if (err)
		return claim_tell(v->uuid, err);
	status = mdev_exists(v->uuid) || v->control ? destroy_locked(v) : 0;
	claim_close(&v->claim);
	return status;
}

static int destroy_one(const struct call *call, const char *word, const char *uuid)
{
	struct victim v = { .ending = call->args, .uuid = uuid };
	int status, err = control_open(uuid, &v.control);

	if (err)
		v.control = NULL;
	else
		control_set_timeout(v.control, terminate_ms(v.ending));
	if (mdev_exists(uuid))
		status = destroy_mdev(&v);
	else
		status = err ? instance_tell(word, err) : terminate_run(v.ending, v.control);
	control_close(v.control);
	return status;
}

static int destroy(const struct call *call)
{
	claim_sweep();
	return instance_each_uuid(call, destroy_one);
}

const struct cmd cmd_destroy = {
	.name = "destroy",
	.summary = "destroy devices",
	.args = (const struct arg[]){
		{ "UUID", COMPLETE_DEVICE, ARG_MANY },
		{ 0 }
	},
	.options = destroy_options,
	.size = sizeof(struct termination),
	.defaults = &(const struct termination){ .timeout_ns = 5000000000 },
	.flags = CMD_DEVICE,
	.fn = destroy,
};
