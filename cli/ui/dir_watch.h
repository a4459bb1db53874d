/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dir_watch.h - events of names that come to directories and leave them, and of files that are
 * written to, by inotify(7).
 */
#ifndef MUSCTL_DIR_WATCH_H
#define MUSCTL_DIR_WATCH_H

#include <stdbool.h>
#include <stddef.h>

struct dir_watch {
	int fd;         /* to be polled; -1: closed */
	size_t at, len; /* what is left in buf */
	char buf[4096] __attribute__((aligned(8)));
};

struct dir_news {
	int dir;          /* which one: what dir_watch_add() gave */
	bool added;       /* or it is gone */
	bool lost;        /* there was no room for others; the rest says nothing */
	const char *name; /* empty: of the directory itself. Until the next one is asked for */
};

int dir_watch_open(struct dir_watch *w); /* 0 or -errno */
/* From now on nothing is missed. A number, or -errno. */
int dir_watch_add(struct dir_watch *w, const char *dir);
/* The same for a file: that it was written to, or closed by one who could. */
int dir_watch_add_file(struct dir_watch *w, const char *file);
/* False: there are none. Never waits. */
bool dir_watch_next(struct dir_watch *w, struct dir_news *news);
/* What an error of open or add is about, in words. */
const char *dir_watch_why(int err);

void dir_watch_close(struct dir_watch *w);

#endif /* MUSCTL_DIR_WATCH_H */
