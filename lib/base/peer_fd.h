/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_fd.h - descriptors that a peer chose: what they are, and how to be rid of them.
 */
#ifndef LM_PEER_FD_H
#define LM_PEER_FD_H

#include <stdbool.h>

#define PEER_FDS_MAX 253u /* SCM_MAX_FD of the kernel: as many can come with a message */

enum peer_fd_kind {
	PEER_FD_MEMORY, /* a memfd, a file of tmpfs or hugetlbfs */
	PEER_FD_EVENTFD,
	PEER_FD_ANON,    /* another anonymous inode */
	PEER_FD_FILE,    /* a file, of any type, on a file system of this kernel alone */
	PEER_FD_STREAM,  /* a socket or a pipe */
	PEER_FD_UNKNOWN, /* a file whose every operation may wait for somebody: FUSE, the network */
};

/* Asks nothing of the file system that the descriptor belongs to. */
enum peer_fd_kind peer_fd_kind(int fd);
bool peer_fd_is_eventfd(int fd);
/* The number behind @label in what proc_pid_fdinfo(5) shows; -1: unknown. */
long peer_fd_info(int fd, const char *label);
/* Never waits, and is done with @fd. Those for which close(2) could wait are closed by a thread. */
void peer_fd_close(int fd);
void peer_fds_close(const int *fds, unsigned int nr); /* those that are not -1; PEER_FDS_MAX */
/* The same for a connection to a peer, who is disconnected at once. */
void peer_socket_close(int fd);

#endif /* LM_PEER_FD_H */
