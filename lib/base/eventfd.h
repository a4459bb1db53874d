/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eventfd.h - eventfds that a peer has given us.
 */
#ifndef LM_EVENTFD_H
#define LM_EVENTFD_H

#include <stdbool.h>
#include <stdint.h>

/* 0: @fd is an eventfd, and now non-blocking: write(2) it. -EINVAL: it is something else. */
int eventfd_accept(int fd);
/* Where speed does not matter: also safe if the peer has made it blocking again. */
void eventfd_kick(int fd);
/* As proc_pid_fdinfo(5) numbers those that exist; -1: unknown. */
long eventfd_id(int fd);
/* Known to be one and the same eventfd; -1 is none. Where the kernel does not tell: false. */
bool eventfd_is_same(int a, int b);

#endif /* LM_EVENTFD_H */
