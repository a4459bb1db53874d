/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scm.h - bytes with descriptors beside them.
 */
#ifndef LM_SCM_H
#define LM_SCM_H

#include "wire/channel.h"

/*
 * One receive that does not wait: as recvmsg(2), errno included. All descriptors that came are in
 * @fds, close-on-exec, or closed: @fds->error then says why.
 */
ssize_t scm_recv(int fd, void *buf, size_t len, struct channel_fds *fds);
/* As send(2), without waiting and without SIGPIPE. The descriptors, CHANNEL_MAX_FDS at most, go
 * with the first byte. */
ssize_t scm_send(int fd, const void *buf, size_t len, const int *fds, unsigned int nr);

#endif /* LM_SCM_H */
