/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * accept.h - connections from listening sockets, for server.c and control.c.
 */
#ifndef LM_ACCEPT_H
#define LM_ACCEPT_H

/* Peers of @fd will be accepted: 0 or -errno; -EINVAL: not a listening socket. */
int accept_new(int fd);
void accept_free(void); /* no more: once for each accept_new() */
/* A blocking socket, or -errno; -EMFILE: no descriptor is left, the peer was rejected. */
int accept_peer(int listener);

#endif /* LM_ACCEPT_H */
