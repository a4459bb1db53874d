/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sockpath.h - UNIX sockets by paths of any length. The client library and
 * musctl bind and connect as well.
 */
#ifndef LM_SOCKPATH_H
#define LM_SOCKPATH_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/un.h>

/* What sockaddr_un has room for: no client but ours gets to a longer path. */
#define SOCKPATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* The file of a listening socket, to be removed with it. */
struct sockfile {
	int dir; /* where it is; -1: there is none */
	struct stat st;
	char name[108]; /* of a socket address */
};

/* A listening socket with these permissions; @gid: group plus one, 0: our own. A stale socket there
 * is replaced. @file, if not NULL, is for sockfile_remove(). Descriptor, -EADDRINUSE: a live
 * server, -EEXIST: another file, -errno. */
int sockpath_listen(const char *path, uint32_t mode, uint32_t gid, struct sockfile *file);
/* The same in a directory that nobody else writes to, at a name that is free. */
int sockpath_listen_at(int dir, const char *name, uint32_t mode, uint32_t gid);
/* If it is still there; another one of that name is not touched. */
void sockfile_remove(struct sockfile *file);

/* Where a socket that others made listens, for free(3). NULL: it has no file, or has its name from
 * another directory than the root, which its maker alone knows. */
char *sockpath_of(int fd);

/* A connected socket, or -errno: never blocks (a full backlog is -EAGAIN). */
int sockpath_connect(const char *path);
/* The same; of @name in @dir no link is followed. */
int sockpath_connect_at(int dir, const char *name);

#endif /* LM_SOCKPATH_H */
