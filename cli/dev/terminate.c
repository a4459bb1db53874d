/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * terminate.c - ends device processes, and waits until nothing of them is left. A process
 * that hosts other devices as well is killed only by force.
 */
#include "dev/terminate.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "muser-instance.h"

#include "dev/control.h"
#include "dev/instance.h"
#include "dev/logs.h"
#include "mdev/mdev.h"
#include "ui/call.h"
#include "ui/error.h"
#include "ui/process.h"

#define STEP_MS  2
#define KILL_MS  2000
#define FORCE_MS 200
#define NODE_MS  1000

#define HOLDERS_MAX 64

static int ignore(void *arg, const char *uuid, bool alive)
{
	return 0;
}

/* What a process that was killed has left is removed by looking at all of them. */
static bool is_gone(const char *uuid)
{
	int fd, err = lm_instance_connect(uuid, "control.sock", &fd);

	if (!err)
		close(fd);
	if (err == -ECONNREFUSED)
		lm_instance_list(ignore, NULL);
	return err == -ENOENT;
}

static bool wait_gone(const char *uuid, uint64_t ms)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
	uint64_t waited;

	for (waited = 0; waited < ms; waited += STEP_MS) {
		if (is_gone(uuid))
			return true;
		nanosleep(&step, NULL);
	}
	return is_gone(uuid);
}

/* Devices that the process hosts beside this one. */
static size_t count_others(const char *uuid, pid_t pid)
{
	struct uuid_list list;
	struct control *control;
	size_t i, nr = 0;

	if (instance_list(&list))
		return 0;
	for (i = 0; i < list.nr; i++) {
		if (!strcmp(list.uuids[i], uuid) || control_open(list.uuids[i], &control))
			continue;
		nr += control_pid(control) == pid;
		control_close(control);
	}
	uuid_list_free(&list);
	return nr;
}

/* What may not be killed just because a device does not end. */
static int check_process(const struct termination *e, const char *uuid, const struct process *p)
{
	const size_t others = count_others(uuid, p->pid);
	char name[32];

	if (e->force)
		return 0;
	process_name(p, name, sizeof(name));
	if (!p->made)
		return error(ST_FAILED, uuid,
			     "does not end; process %d (%s) holds it, but did not "
			     "create it (--force kills that process)",
			     (int)p->pid, name);
	if (others)
		return error(ST_FAILED, uuid,
			     "does not end; process %d hosts %zu other "
			     "devices (--force kills all)",
			     (int)p->pid, others);
	return 0;
}

#define KILLED (-1) /* and somebody else holds the device, or is about to let go of it */

static int kill_process(const struct termination *e, const char *uuid, const struct process *p)
{
	/* Whoever is in a hurry does not wait longer than he said. */
	const uint64_t ms = e->timeout_ns / 1000000, term_ms = ms < KILL_MS ? ms : KILL_MS;
	int err = 0, status = check_process(e, uuid, p);

	if (status)
		return status;
	if (!e->force)
		err = process_signal(p, SIGTERM);
	if (!err && !e->force && wait_gone(uuid, term_ms))
		return 0;
	if (!err)
		err = process_signal(p, SIGKILL);
	if (err && err != -ESRCH)
		return error(ST_FAILED, uuid, "cannot signal process %d: %s", (int)p->pid,
			     strerror(-err));
	if (wait_gone(uuid, KILL_MS))
		return 0;
	if (process_has_ended(p))
		return KILLED;
	return error(ST_FAILED, uuid, "process %d cannot be killed", (int)p->pid);
}

/* A process that has forked may have left it to several. */
static int kill_all(const struct termination *e, const char *uuid, int sock)
{
	int tries, status = KILLED;
	struct process p;

	for (tries = 0; status == KILLED && tries < HOLDERS_MAX; tries++) {
		if (process_of_device(&p, uuid, sock))
			break;
		status = is_gone(uuid) ? 0 : kill_process(e, uuid, &p);
		process_close(&p);
	}
	if (status != KILLED || is_gone(uuid))
		return status == KILLED ? 0 : status;
	return error(ST_FAILED, uuid, "does not end, and its process cannot be found");
}

int terminate_ms(const struct termination *e)
{
	uint64_t ms = e->force ? FORCE_MS : e->timeout_ns / 1000000;

	return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

int terminate_check_mdev(const struct termination *e, const char *uuid, bool ours, bool running)
{
	bool may = mdev_may_remove(uuid), removes = ours || e->force;
	pid_t pid;

	if (!mdev_exists(uuid) || (removes && may) || (!removes && running))
		return 0;
	if (removes)
		return error(ST_FAILED, uuid, "no permission to remove the mdev (be root%s)",
			     running && !ours ? "; without --force its process ends" : "");
	if (mdev_is_served(uuid, &pid))
		return instance_report(uuid, -ENOENT);
	return error(ST_FAILED, uuid, "was not created by musctl (%s)",
		     may ? "--force removes it" : "root may remove it");
}

int terminate_run(const struct termination *e, struct control *control)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
	uint64_t ms = (uint64_t)terminate_ms(e), waited;
	const char *uuid = control_uuid(control);
	int err, status = 0;
	pid_t pid;

	control_set_timeout(control, terminate_ms(e));
	err = control_call(control, "Stop", NULL, NULL);
	if (err == -EREMOTE)
		return control_report(control, NULL, err);
	if ((err && err != -ECONNRESET && err != -EPIPE) || !wait_gone(uuid, ms))
		status = kill_all(e, uuid, control_fd(control));
	if (status)
		return status;
	logs_remove(uuid);
	/* The directory goes first; of an mdev that stays, the node is about to be closed. */
	for (waited = 0; waited < NODE_MS && mdev_is_served(uuid, &pid); waited += STEP_MS)
		nanosleep(&step, NULL);
	return 0;
}
