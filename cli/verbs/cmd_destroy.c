/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_destroy.c - musctl destroy UUID...: ends devices and waits until nothing of them is left. A
 * device is asked first; one that does not listen gets SIGTERM, then SIGKILL, unless its process
 * hosts others as well: that takes --force.
 *
 * An mdev that musctl made goes first, so that a refusal leaves all as it was. As the kernel cannot
 * be talked out of a removal, it begins only when no client has the mdev open. Exit status: 0, 1,
 * 2, 3, 124 (a client does not let go).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <muser.h>

#include "base/json.h"

#include "dev/claim.h"
#include "dev/control.h"
#include "dev/instance.h"
#include "dev/logs.h"
#include "dev/terminate.h"
#include "mdev/mdev.h"
#include "ui/clock.h"
#include "ui/error.h"
#include "ui/process.h"
#include "ui/value.h"
#include "verbs/verbs.h"

#define STEP_MS 20
#define BUSY_MS 500 /* for somebody who makes, serves or destroys it at the moment */

static const struct opt destroy_options[] = {
	{ 'f', "force", OPT_FLAG, offsetof(struct termination, force), NULL,
	  "kill at once; remove any mdev, even one in use" },
	{ 't', "timeout", OPT_SECONDS, offsetof(struct termination, timeout_ns), "SECONDS",
	  "how long it may take to end by itself (default: 5)" },
	{ 0 }
};

/* One device, on the way to its end. */
struct removal {
	const struct termination *ending;
	const char *uuid;
	struct control *control; /* NULL: there is no device process */
	struct claim claim;
	char command[64]; /* of the client */
};

/* ---- its client ------------------------------------------------------------------ */

/* The process that has the mdev open; 0: none. The device knows those that are hidden from us. */
static pid_t find_client(struct removal *r)
{
	pid_t pid = mdev_holder(r->uuid, r->command, sizeof(r->command));
	struct json_object *reply, *client;

	if (pid || !r->control || control_call(r->control, "Show", NULL, &reply))
		return pid;
	client = json_get(json_get(reply, "device"), "client");
	snprintf(r->command, sizeof(r->command), "%s",
		 value_text(client, "command") ? value_text(client, "command") : "?");
	pid = (pid_t)value_u64(client, "pid");
	control_drop(r->control);
	return pid;
}

static int wait_closed(struct removal *r)
{
	uint64_t end = clock_ns() + r->ending->timeout_ns;
	pid_t pid = find_client(r);
	struct json_object *call;

	/* A virtual machine unplugs the device if its guest is willing. */
	if (pid && r->control && !r->ending->force) {
		call = json_new_object();
		json_add_int(call, "index", LM_DEV_REQ_IRQ_IDX);
		json_add_int(call, "vector", 0);
		control_call(r->control, "FireIrq", call, NULL);
	}
	while (pid && !r->ending->force && clock_ns() < end) {
		poll(NULL, 0, STEP_MS);
		pid = find_client(r);
	}
	if (!pid || r->ending->force)
		return 0;
	return error(ST_TIMEOUT, r->uuid,
		     "process %d (%s) has it open; nothing was changed (--force begins removal)",
		     pid, r->command);
}

/* ---- its mdev -------------------------------------------------------------------- */

static int remove_mdev(struct removal *r)
{
	int status = wait_closed(r), err;
	pid_t pid;

	if (status)
		return status;
	err = mdev_remove(r->uuid, r->ending->timeout_ns / 1000000);
	if (err != -ETIMEDOUT)
		return err ? error(ST_FAILED, r->uuid, "the mdev cannot be removed: %s",
				   strerror(-err)) :
			     0;
	pid = find_client(r);
	if (!pid)
		return error(ST_TIMEOUT, r->uuid,
			     "the mdev will be removed when its client closes it");
	return error(ST_TIMEOUT, r->uuid, "the mdev will be removed when process %d (%s) closes it",
		     pid, r->command);
}

/* With the lock. The mdev first: what the kernel refuses has changed nothing. */
static int destroy_locked(struct removal *r)
{
	int ended = 0, status = terminate_check_mdev(r->ending, r->uuid, r->claim.ours, r->control);
	struct process p = { .fd = -1 };

	if (status)
		return status;
	if (r->control)
		process_of_device(&p, r->uuid, control_fd(r->control));
	if (r->claim.ours || r->ending->force)
		status = remove_mdev(r);
	if (r->control && (!status || r->ending->force))
		ended = terminate_run(r->ending, r->control);
	process_wait(&p, p.made && !status && !ended ? BUSY_MS : 0);
	process_close(&p);
	return status ? status : ended;
}

/* Who has the lock may be "run": it removes the mdev when its device has ended. */
static int destroy_mdev(struct removal *r)
{
	uint64_t ms = r->ending->timeout_ns / 1000000;
	int status, err = claim_open(&r->claim, r->uuid, r->control ? BUSY_MS : ms);

	if (err == -EAGAIN && r->control) {
		status = wait_closed(r);
		if (!status)
			status = terminate_run(r->ending, r->control);
		if (status)
			return status;
		control_close(r->control);
		r->control = NULL;
		err = claim_open(&r->claim, r->uuid, ms);
	}
	if (err)
		return claim_report(r->uuid, err);
	status = mdev_exists(r->uuid) || r->control ? destroy_locked(r) : 0;
	claim_close(&r->claim);
	return status;
}

/* What is left of one that has ended goes. */
static int forget(const char *word, const char *uuid, int err)
{
	if (err == -ENOENT || err == -ECONNREFUSED)
		return logs_of_ended(uuid, NULL) ? 0 : instance_report_ended(word);
	return instance_report(word, err);
}

static int destroy_one(const struct call *call, const char *word, const char *uuid)
{
	struct removal r = { .ending = call->args, .uuid = uuid };
	int status, err = control_open(uuid, &r.control);

	if (err)
		r.control = NULL;
	else
		control_set_timeout(r.control, terminate_ms(r.ending));
	if (mdev_exists(uuid))
		status = destroy_mdev(&r);
	else
		status = err ? forget(word, uuid, err) : terminate_run(r.ending, r.control);
	if (!status)
		logs_remove(uuid);
	control_close(r.control);
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
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE, ARG_MANY }, { 0 } },
	.options = destroy_options,
	.size = sizeof(struct termination),
	.defaults = &(const struct termination){ .timeout_ns = 5000000000 },
	.flags = CMD_DEVICE | CMD_ENDED,
	.fn = destroy,
};
