/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_destroy.c - musctl destroy UUID...: ends devices and waits until nothing of them is
 * left. A device is asked first; one that does not listen gets SIGTERM, then SIGKILL,
 * unless its process hosts others as well: that takes --force. Exit status: 0, 1, 2, 3.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "muser-instance.h"

#include "control.h"
#include "error.h"
#include "instance.h"
#include "verbs.h"

#define STEP_MS 2
#define KILL_MS 2000

struct destroy_args {
	bool     force;
	uint64_t timeout_ns;
};

static const struct opt destroy_options[] = {
	{ 'f', "force", OPT_FLAG, offsetof(struct destroy_args, force), NULL,
	  "kill at once what does not end by itself" },
	{ 't', "timeout", OPT_SECONDS, offsetof(struct destroy_args, timeout_ns), "SECONDS",
	  "how long it may take to end by itself (default: 5)" },
	{ 0 }
};

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
	struct instances list;
	struct control *control;
	size_t i, nr = 0;

	if (instances_get(&list))
		return 0;
	for (i = 0; i < list.nr; i++) {
		if (!strcmp(list.uuids[i], uuid) || control_open(list.uuids[i], &control))
			continue;
		nr += control_pid(control) == pid;
		control_close(control);
	}
	instances_free(&list);
	return nr;
}

/* After SIGTERM: whoever is in a hurry does not wait longer than he said. */
static uint64_t term_ms(const struct destroy_args *args)
{
	return args->timeout_ns / 1000000 < KILL_MS ? args->timeout_ns / 1000000 : KILL_MS;
}

static int kill_process(const struct destroy_args *args, const char *uuid, pid_t pid)
{
	size_t others = count_others(uuid, pid);

	if (pid <= 0)
		return error(ST_FAILED, uuid,
			     "does not end, and its process is not to be seen");
	if (others && !args->force)
		return error(ST_FAILED, uuid, "does not end; process %d hosts %zu other "
			     "devices (--force kills all)", pid, others);
	if (!args->force && kill(pid, SIGTERM))
		return error(ST_FAILED, uuid, "process %d: %s", pid, strerror(errno));
	if (!args->force && wait_gone(uuid, term_ms(args)))
		return 0;
	if (kill(pid, SIGKILL) && errno != ESRCH)
		return error(ST_FAILED, uuid, "process %d: %s", pid, strerror(errno));
	if (wait_gone(uuid, KILL_MS))
		return 0;
	return error(ST_FAILED, uuid, "process %d cannot be killed", pid);
}

static int destroy_one(const struct call *call, struct control *control)
{
	const struct destroy_args *args = call->args;
	uint64_t ms = args->force ? 200 : args->timeout_ns / 1000000;
	const char *uuid = control_uuid(control);
	int err;

	control_set_timeout(control, (int)ms);
	err = control_call(control, "Stop", NULL, NULL);
	if (err == -EREMOTE)
		return control_tell(control, NULL, err);
	if (!err && wait_gone(uuid, ms))
		return 0;
	if (err == -ECONNRESET && wait_gone(uuid, ms))
		return 0;
	return kill_process(args, uuid, control_pid(control));
}

static int destroy(const struct call *call)
{
	return instance_each(call, destroy_one);
}

const struct cmd cmd_destroy = {
	.name = "destroy",
	.summary = "end devices and leave nothing of them",
	.args = (const struct arg[]){
		{ "UUID", COMPLETE_DEVICE, ARG_MANY },
		{ 0 }
	},
	.options = destroy_options,
	.size = sizeof(struct destroy_args),
	.defaults = &(const struct destroy_args){ .timeout_ns = 5000000000 },
	.flags = CMD_DEVICE,
	.fn = destroy,
};
