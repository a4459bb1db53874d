/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * comings.c - watches the runtime directory by inotify(7). A device is there when its directory
 * gets its name, and gone when that goes; of one that crashed whoever looks for devices
 * removes the directory.
 */
#include "comings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/dir.h"
#include "muser-instance.h"

#include "cmd.h"
#include "error.h"
#include "folder_watch.h"
#include "mdev.h"

struct comings {
	struct folder_watch watch;
	char                folder[128]; /* for paths of events: the start of a long one will do */
};

/* 0, or the status of a printed error. */
static int watch_runtime(struct folder_watch *watch)
{
	const int fd = dir_open_runtime(true, NULL);
	char path[32];
	int err;

	if (fd < 0)
		return error_no_runtime(NULL, fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = folder_watch_open(watch);
	if (!err)
		err = folder_watch_add(watch, path);
	close(fd);
	return err < 0 ? error(ST_FAILED, NULL, "cannot watch the runtime directory: %s",
			       folder_watch_why(err)) : 0;
}

int comings_open(struct comings **result)
{
	struct comings *c = calloc(1, sizeof(*c));
	char runtime[PATH_MAX];
	int status;

	if (!c)
		return error(ST_FAILED, NULL, "out of memory");
	c->watch.fd = -1;
	status = watch_runtime(&c->watch);
	if (status) {
		comings_close(c);
		return status;
	}
	if (!lm_runtime_dir(runtime, sizeof(runtime)))
		snprintf(c->folder, sizeof(c->folder), "%.127s", runtime);
	*result = c;
	return 0;
}

int comings_fd(const struct comings *c)
{
	return c->watch.fd;
}

bool comings_next(struct comings *c, struct mdev_event *e)
{
	struct folder_news news;

	do {
		if (!folder_watch_next(&c->watch, &news))
			return false;
	} while (!instance_is_uuid(news.name, e->uuid));
	snprintf(e->action, sizeof(e->action), "%s", news.added ? "add" : "remove");
	snprintf(e->subsystem, sizeof(e->subsystem), "device");
	snprintf(e->path, sizeof(e->path), "%s/%s", c->folder, e->uuid);
	return true;
}

void comings_close(struct comings *c)
{
	if (!c)
		return;
	folder_watch_close(&c->watch);
	free(c);
}
