/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_logs.c - musctl logs UUID: what the process of a device, and the library in it, have said on
 * standard error, and how it has ended; with --follow until it ends. Exit status: 0, 1, 2, 3, 5
 * (with --follow: it has crashed).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/dir.h"

#include "dev/control.h"
#include "dev/fate.h"
#include "dev/instance.h"
#include "dev/log_print.h"
#include "dev/logs.h"
#include "ui/dir_watch.h"
#include "ui/error.h"
#include "ui/live.h"
#include "verbs/verbs.h"

#define SOON_NS 50000000 /* after news: a lock goes a moment later than its file is closed */
#define LONG_S  5

struct logs_args {
	bool follow, times;
	uint64_t lines;
};

static const struct opt logs_options[] = {
	{ 'f', "follow", OPT_FLAG, offsetof(struct logs_args, follow), NULL,
	  "go on until the device ends" },
	{ 'n', "lines", OPT_NUMBER, offsetof(struct logs_args, lines), "NUMBER",
	  "begin with the last NUMBER lines" },
	{ 't', "timestamps", OPT_FLAG, offsetof(struct logs_args, times), NULL,
	  "print when each line was said" },
	{ 0 }
};

struct follow {
	const char *word, *uuid;
	int fd;
	struct log_print print;
};

/* ---- following ------------------------------------------------------------------- */

/* Nobody will write to it any more, but for children that the process has left. */
static bool is_over(const struct follow *f)
{
	struct log_head head;

	if (!log_is_held(f->fd))
		return true;
	return log_head_read(f->fd, &head) && head.ended_ns && logs_of_ended(f->uuid, NULL);
}

static void wait_news(struct dir_watch *watch)
{
	const struct timespec soon = { .tv_nsec = SOON_NS }, later = { .tv_sec = LONG_S };
	struct pollfd fds[2] = { { watch->fd, POLLIN, 0 } };
	struct dir_news news;
	bool any = false;

	while (dir_watch_next(watch, &news))
		any = true;
	live_wait(fds, 1, any ? &soon : &later);
}

static int follow_until_end(struct follow *f, struct dir_watch *watch)
{
	struct log_head head = { 0 };
	char text[FATE_TEXT];
	bool over = false;

	live_begin(0);
	while (!over && !live_is_over()) {
		over = is_over(f);
		log_print_new(&f->print);
		if (!over)
			wait_news(watch);
	}
	if (!over)
		return live_end();
	log_print_all(&f->print);
	if (!log_head_read(f->fd, &head) || !head.ended_ns)
		return error(ST_FAILED, f->word,
			     "its log ends here: the process that kept it was "
			     "killed");
	fate_describe(head.status, text);
	return head.status ? error(ST_CRASHED, f->word, "ended: %s", text) : 0;
}

static int follow(struct follow *f)
{
	struct dir_watch watch;
	char path[32];
	int status, err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	err = dir_watch_open(&watch);
	if (!err)
		err = dir_watch_add_file(&watch, path);
	if (err < 0)
		status = error(ST_FAILED, f->word, "cannot watch its log: %s", dir_watch_why(err));
	else
		status = follow_until_end(f, &watch);
	dir_watch_close(&watch);
	return status;
}

/* ---- the verb -------------------------------------------------------------------- */

static int report(const struct follow *f, int err)
{
	const int runtime = dir_open_runtime(false, NULL);
	struct control *control;

	if (runtime < 0 && runtime != -ENOENT)
		return error_no_runtime(f->word, runtime);
	if (runtime >= 0)
		close(runtime);
	if (err == -EPERM)
		return error(ST_FAILED, f->word,
			     "its log is not a file of the runtime directory's owner alone");
	if (err != -ENOENT)
		return error(ST_FAILED, f->word, "cannot read its log: %s", strerror(-err));
	if (control_open(f->uuid, &control))
		return instance_report_ended(f->word);
	control_close(control);
	return error(ST_FAILED, f->word,
		     "has no log: only devices that create or exec has put in the background have "
		     "one");
}

static int print_log(const struct call *call, struct follow *f)
{
	const struct logs_args *args = call->args;
	struct log_head head;

	if (!log_head_read(f->fd, &head))
		return error(ST_FAILED, f->word, "its log is from another version of musctl");
	f->print.json = call->format.json;
	f->print.times = args->times;
	f->print.clean = isatty(STDOUT_FILENO);
	log_reader_new(&f->print.reader, f->fd);
	if (args->lines)
		log_reader_skip(&f->print.reader, args->lines);
	if (args->follow)
		return follow(f);
	log_print_all(&f->print);
	return 0;
}

static int logs(const struct call *call)
{
	static struct follow f; /* 70 KB */
	char uuid[UUID_SIZE];
	int status = instance_find_ended(call->words[0], uuid);

	if (status)
		return status;
	f.word = strcmp(call->words[0], "-") ? call->words[0] : uuid;
	f.uuid = uuid;
	f.fd = logs_open(uuid);
	if (f.fd < 0)
		return report(&f, f.fd);
	status = print_log(call, &f);
	close(f.fd);
	return status;
}

const struct cmd cmd_logs = {
	.name = "logs",
	.summary = "print what a device has said on standard error",
	.more = "The last 64 KiB are kept, also of devices that have ended.",
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE }, { 0 } },
	.options = logs_options,
	.size = sizeof(struct logs_args),
	.flags = CMD_DEVICE | CMD_JSON | CMD_ENDED,
	.fn = logs,
};
