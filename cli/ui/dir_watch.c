/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dir_watch.c - see dir_watch.h. It knows nothing of what names mean.
 */
#include "ui/dir_watch.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define ADDED   (IN_CREATE | IN_MOVED_TO)
#define REMOVED (IN_DELETE | IN_MOVED_FROM)

int dir_watch_open(struct dir_watch *w)
{
	w->at = w->len = 0;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return w->fd < 0 ? -errno : 0;
}

int dir_watch_add(struct dir_watch *w, const char *dir)
{
	int wd = inotify_add_watch(w->fd, dir, ADDED | REMOVED);

	return wd < 0 ? -errno : wd;
}

int dir_watch_add_file(struct dir_watch *w, const char *file)
{
	int wd = inotify_add_watch(w->fd, file, IN_MODIFY | IN_CLOSE_WRITE);

	return wd < 0 ? -errno : wd;
}

const char *dir_watch_why(int err)
{
	if (err == -EMFILE)
		return "no inotify instance is left (fs.inotify.max_user_instances)";
	if (err == -ENOSPC)
		return "no inotify watch is left (fs.inotify.max_user_watches)";
	return strerror(-err);
}

bool dir_watch_next(struct dir_watch *w, struct dir_news *news)
{
	const struct inotify_event *event;
	ssize_t n;

	if (w->at == w->len) {
		n = read(w->fd, w->buf, sizeof(w->buf));
		if (n <= 0)
			return false;
		w->at = 0;
		w->len = (size_t)n;
	}
	event = (const struct inotify_event *)(w->buf + w->at);
	w->at += sizeof(*event) + event->len;
	news->dir = event->wd;
	news->added = event->mask & ADDED;
	news->lost = event->mask & IN_Q_OVERFLOW;
	news->name = event->len ? event->name : "";
	return true;
}

void dir_watch_close(struct dir_watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}
