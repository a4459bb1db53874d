/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_wait.c - musctl wait UUID --attached|--detached|--event NAME|--gone: sleeps until
 * it is so. Exit status: 0, 1, 2, 3 (the device went, and that was not waited for), 5 (it
 * crashed, and its end was waited for), 124 (timed out).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/name_fault.h"

#include "dev/control.h"
#include "dev/fate.h"
#include "dev/instance.h"
#include "ui/clock.h"
#include "ui/error.h"
#include "ui/out.h"
#include "ui/value.h"
#include "verbs/verbs.h"

struct wait_args {
	bool attached, detached, gone;
	const char *event;
	uint64_t timeout_ns;
};

static const struct opt wait_options[] = {
	{ 0, "attached", OPT_FLAG, offsetof(struct wait_args, attached), NULL,
	  "until a client is attached" },
	{ 0, "detached", OPT_FLAG, offsetof(struct wait_args, detached), NULL,
	  "until no client is attached" },
	{ 'e', "event", OPT_TEXT, offsetof(struct wait_args, event), "NAME",
	  "until the device reports this event; its value is printed" },
	{ 0, "gone", OPT_FLAG, offsetof(struct wait_args, gone), NULL,
	  "until the device has ended" },
	{ 't', "timeout", OPT_SECONDS, offsetof(struct wait_args, timeout_ns), "SECONDS",
	  "give up after this time, with exit status 124" },
	{ 0 }
};

/* Is it so already? Asked on a connection of its own, as the other one is monitoring. The
 * second question is certain to be answered after monitoring has begun: nothing falls
 * between. */
static bool is_so(const struct wait_args *args, const char *uuid)
{
	struct json_object *reply;
	struct control *control;
	bool attached = false, so = false;
	int i;

	if (args->event || args->gone || control_open(uuid, &control))
		return false;
	for (i = 0; i < 2 && !so; i++) {
		if (control_call(control, "Show", NULL, &reply))
			break;
		attached = json_get(json_get(reply, "device"), "client");
		so = args->attached ? attached : !attached;
	}
	control_close(control);
	return so;
}

static bool is_wanted(const struct wait_args *args, struct json_object *reply)
{
	const char *kind = value_text(reply, "kind"), *value;

	if (!kind)
		return false;
	if (args->attached || args->detached)
		return !strcmp(kind, args->attached ? "attach" : "detach");
	if (!args->event || strcmp(kind, "event") || strcmp(value_name(reply), args->event))
		return false;
	value = value_text(reply, "value");
	out_clean(value ? value : "");
	putchar('\n');
	return true;
}

/* A device may end at any moment: before we connect, before we ask, while it should answer. */
static bool is_gone(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED || err == -EPIPE || err == -ECONNRESET;
}

/* The next reply, within the time that is left until end. */
static int next_reply(const struct wait_args *args, struct control *control, int64_t end,
		      struct json_object **reply)
{
	int64_t left = args->timeout_ns ? end - clock_ms() : -1;

	if (args->timeout_ns && left <= 0) /* though there may be news, and no end of them */
		return -ETIMEDOUT;
	control_set_timeout(control, left > INT32_MAX ? INT32_MAX : (int)left);
	return control_next(control, reply);
}

static int wait_for(const struct wait_args *args, struct control *control, const char *word)
{
	int64_t end = clock_ms() + (int64_t)(args->timeout_ns / 1000000);
	struct fate *fate = control_fate(control);
	bool began = false, ended = false; /* monitoring; the device, in order */
	struct json_object *reply;
	const char *kind;
	int err, status;

	while (!(err = next_reply(args, control, end, &reply))) {
		kind = value_text(reply, "kind");
		began |= kind && !strcmp(kind, "ready");
		ended |= kind && !strcmp(kind, "end");
		if (is_wanted(args, reply))
			return 0;
	}
	if (err == -ETIMEDOUT)
		return error(ST_TIMEOUT, word, "timed out");
	if (!args->gone || !is_gone(err))
		return control_report(control, word, err);
	status = began && !ended ? fate_learn(fate) : 0;
	return status ? error(status, word, "ended: %s", fate->text) : 0;
}

static int wait_open(const struct wait_args *args, struct control *control, const char *word)
{
	const int err = control_more(control, "Monitor");

	if (args->gone && is_gone(err))
		return 0;
	if (err)
		return control_report(control, word, err);
	if (is_so(args, control_uuid(control)))
		return 0;
	return wait_for(args, control, word);
}

/* One condition, and one that can come. */
static int check(const struct wait_args *args)
{
	const char *const given[] = {
		args->attached ? "--attached" : NULL,
		args->detached ? "--detached" : NULL,
		args->event ? "--event" : NULL,
		args->gone ? "--gone" : NULL,
	};
	const char *first = NULL;
	size_t i;

	for (i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		if (first && given[i])
			return error_usage(NULL, "%s and %s are mutually exclusive", first,
					   given[i]);
		first = first ?: given[i];
	}
	if (!first)
		return error_usage(NULL, "needs one of --attached, --detached, --event, --gone");
	if (args->event && !name_is_event(args->event))
		return error_usage("--event", "'%s': " EVENT_NAME_FAULT, args->event);
	return 0;
}

static int run(const struct call *call)
{
	const struct wait_args *args = call->args;
	const char *word = call->words[0];
	struct control *control;
	char uuid[UUID_SIZE];
	int err, status = check(args);

	status = status ?: instance_find(word, uuid);
	if (status)
		return status;
	word = strcmp(word, "-") ? word : uuid;
	err = control_open(uuid, &control);
	if (args->gone && is_gone(err))
		return 0;
	if (err)
		return instance_report(word, err);
	status = wait_open(args, control, word);
	control_close(control);
	return status;
}

const struct cmd cmd_wait = {
	.name = "wait",
	.summary = "wait for something to happen to a device",
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE }, { 0 } },
	.options = wait_options,
	.size = sizeof(struct wait_args),
	.flags = CMD_DEVICE,
	.fn = run,
};
