/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sockpath.h - UNIX sockets by paths of any length. Apart from internal.h because the client
 * library and musctl bind and connect as well.
 */
#ifndef LM_SOCKPATH_H
#define LM_SOCKPATH_H

#include <stdint.h>

/* A listening socket with these permissions; @gid: group plus one, 0: our own. A stale socket there
 * is replaced. Descriptor, -EADDRINUSE: a live server, -EEXIST: another file, -EAGAIN: a stale
 * socket in a folder that somebody keeps locked, -errno. */
int sockpath_listen(const char *path, uint32_t mode, uint32_t gid);
/* A connected socket, or -errno: never blocks (a full backlog is -EAGAIN). */
int sockpath_connect(const char *path);

#endif /* LM_SOCKPATH_H */
