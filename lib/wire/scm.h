/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scm.h - receiving bytes with the descriptors that came beside them.
 */
#ifndef LM_SCM_H
#define LM_SCM_H

#include "wire/channel.h"

/*
 * One receive that does not wait: as recvmsg(2), errno included. All descriptors that came are in
 * @fds, close-on-exec, or closed: @fds->error then says why.
 */
ssize_t scm_recv(int fd, void *buf, size_t len, struct channel_fds *fds);

#endif /* LM_SCM_H */
