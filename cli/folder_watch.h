/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * folder_watch.h - events of names that come to directories and leave them, by inotify(7).
 */
#ifndef MUSCTL_FOLDER_WATCH_H
#define MUSCTL_FOLDER_WATCH_H

#include <stdbool.h>
#include <stddef.h>

struct folder_watch {
	int    fd;      /* to be polled; -1: closed */
	size_t at, len; /* what is left in buf */
	char   buf[4096] __attribute__((aligned(8)));
};

struct folder_news {
	int         folder; /* which one: what folder_watch_add() gave */
	bool        added;  /* or it is gone */
	bool        lost;   /* there was no room for others; the rest says nothing */
	const char *name;   /* empty: of the folder itself. Until the next one is asked for */
};

int  folder_watch_open(struct folder_watch *w); /* 0 or -errno */
/* From now on nothing is missed. A number, or -errno. */
int  folder_watch_add(struct folder_watch *w, const char *folder);
/* False: there are none. Never waits. */
bool folder_watch_next(struct folder_watch *w, struct folder_news *news);
/* What an error of open or add is about, in words. */
const char *folder_watch_why(int err);

void folder_watch_close(struct folder_watch *w);

#endif /* MUSCTL_FOLDER_WATCH_H */
