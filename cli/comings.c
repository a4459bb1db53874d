/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * comings.c - watches the runtime folder by inotify(7). A device is there when its folder
 * gets its name, and gone when that goes; of one that crashed whoever looks for devices
 * removes the folder.
 */
#include "comings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "muser-instance.h"

#include "claim.h"
#include "cmd.h"
#include "error.h"
#include "mdev.h"

struct comings {
	int    fd;
	char   folder[128]; /* for paths of events: the start of a long one will do */
	size_t at, len;     /* what is left in buf */
	char   buf[4096] __attribute__((aligned(8)));
};

int comings_open(struct comings **result)
{
	struct comings *c = calloc(1, sizeof(*c));
	char runtime[PATH_MAX];
	int err;

	if (!c)
		return error(ST_FAILED, NULL, "out of memory");
	c->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	err = c->fd < 0 ? -errno : claim_folder(runtime, sizeof(runtime));
	if (!err && inotify_add_watch(c->fd, runtime, IN_CREATE | IN_MOVED_TO | IN_DELETE |
							      IN_MOVED_FROM) < 0)
		err = -errno;
	if (err) {
		comings_close(c);
		return error_no_runtime(NULL, err);
	}
	snprintf(c->folder, sizeof(c->folder), "%.127s", runtime);
	*result = c;
	return 0;
}

int comings_fd(const struct comings *c)
{
	return c->fd;
}

/* One piece of news, of whatever; false: there is none. */
static bool next(struct comings *c, const struct inotify_event **news)
{
	ssize_t n;

	if (c->at == c->len) {
		n = read(c->fd, c->buf, sizeof(c->buf));
		if (n <= 0)
			return false;
		c->at = 0;
		c->len = (size_t)n;
	}
	*news = (const struct inotify_event *)(c->buf + c->at);
	c->at += sizeof(**news) + (*news)->len;
	return true;
}

bool comings_next(struct comings *c, struct mdev_event *e)
{
	const struct inotify_event *news;

	do {
		if (!next(c, &news))
			return false;
	} while (!news->len || !instance_is_uuid(news->name, e->uuid));
	snprintf(e->action, sizeof(e->action), "%s",
		 news->mask & (IN_CREATE | IN_MOVED_TO) ? "add" : "remove");
	snprintf(e->subsystem, sizeof(e->subsystem), "device");
	snprintf(e->path, sizeof(e->path), "%s/%s", c->folder, e->uuid);
	return true;
}

void comings_close(struct comings *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}
