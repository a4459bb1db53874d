/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * instance_watch.c - watches the runtime directory by inotify(7). A device is there when its
 * directory gets its name, and gone when that goes; of one that crashed whoever looks for
 * devices removes the directory.
 */
#include "dev/instance_watch.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/dir.h"
#include "muser-instance.h"

#include "mdev/mdev.h"
#include "ui/call.h"
#include "ui/dir_watch.h"
#include "ui/error.h"

struct instance_watch {
	struct dir_watch watch;
	char dir[128]; /* for paths of events: the start of a long one will do */
};

/* 0, or the status of a printed error. */
static int watch_runtime(struct dir_watch *watch)
{
	const int fd = dir_open_runtime(true, NULL);
	char path[32];
	int err;

	if (fd < 0)
		return error_no_runtime(NULL, fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = dir_watch_open(watch);
	if (!err)
		err = dir_watch_add(watch, path);
	close(fd);
	return err < 0 ? error(ST_FAILED, NULL, "cannot watch the runtime directory: %s",
			       dir_watch_why(err)) :
			 0;
}

int instance_watch_open(struct instance_watch **result)
{
	struct instance_watch *c = calloc(1, sizeof(*c));
	char runtime[PATH_MAX];
	int status;

	if (!c)
		return error(ST_FAILED, NULL, "out of memory");
	c->watch.fd = -1;
	status = watch_runtime(&c->watch);
	if (status) {
		instance_watch_close(c);
		return status;
	}
	if (!lm_runtime_dir(runtime, sizeof(runtime)))
		snprintf(c->dir, sizeof(c->dir), "%.127s", runtime);
	*result = c;
	return 0;
}

int instance_watch_fd(const struct instance_watch *c)
{
	return c->watch.fd;
}

bool instance_watch_next(struct instance_watch *c, struct mdev_event *e)
{
	struct dir_news news;

	do {
		if (!dir_watch_next(&c->watch, &news))
			return false;
	} while (!uuid_canonical(news.name, e->uuid));
	snprintf(e->action, sizeof(e->action), "%s", news.added ? "add" : "remove");
	snprintf(e->subsystem, sizeof(e->subsystem), "device");
	snprintf(e->path, sizeof(e->path), "%s/%s", c->dir, e->uuid);
	e->state[0] = '\0';
	return true;
}

void instance_watch_close(struct instance_watch *c)
{
	if (!c)
		return;
	dir_watch_close(&c->watch);
	free(c);
}
