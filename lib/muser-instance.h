/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser-instance.h - finding the devices of this host.
 *
 * Every libmuser device has a directory <runtime>/<uuid>/ while it lives, with vfio-user.sock for
 * its client and control.sock for musctl. There is no daemon: they are the registry, a lock
 * held by the device's process tells live from stale, and who meets a stale one removes it.
 */
#ifndef MUSER_INSTANCE_H
#define MUSER_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * lm_runtime_dir() - the runtime directory: that of all these directories
 * @buf:  where to
 * @size: room in @buf
 *
 * $MUSER_RUNTIME_DIR; else /run/muser for root; else $XDG_RUNTIME_DIR/muser; else
 * /tmp/muser-<uid> if it does not exist yet, or is ours and no other user may look into it.
 *
 * A name, not a promise: a program that uses it opens it and looks at what it got. This library
 * refuses a runtime directory that others than its owner and root can write to, or exchange
 * anything on the way to; and another user's, unless $MUSER_RUNTIME_DIR names it and no device is
 * made there.
 *
 * Context: any thread; creates nothing.
 * Return: 0; -ENAMETOOLONG; -EPERM: /tmp/muser-<uid> is not safe: set MUSER_RUNTIME_DIR.
 * Since: 0.2
 */
int lm_runtime_dir(char *buf, size_t size);

/**
 * typedef lm_instance_fn_t - one instance
 * @arg:   as given to lm_instance_list()
 * @uuid:  36 characters, lower case; valid during the call
 * @alive: false: its process has ended and its directory could not be removed
 *
 * Return: 0 to go on, anything else ends the list.
 */
typedef int (lm_instance_fn_t)(void *arg, const char *uuid, bool alive);

/**
 * lm_instance_list() - every device of this runtime directory, in no order
 * @fn:  called for each
 * @arg: for @fn
 *
 * Directories of processes that have ended are removed on the way, if they belong to the owner of
 * the runtime directory and to him alone; no symbolic link is followed.
 *
 * Context: any thread; never waits for a device.
 * Return: 0, also if there is no runtime directory yet; what @fn returned; -EPERM: the runtime
 *         directory is not safe, see lm_runtime_dir(); -errno of opening it.
 * Since: 0.2
 */
int lm_instance_list(lm_instance_fn_t *fn, void *arg);

/**
 * lm_instance_connect() - connect to a socket of an instance
 * @uuid: 36 characters, lower case
 * @file: "control.sock" or "vfio-user.sock"
 * @fd:   out: a connected, blocking socket, close-on-exec; the caller's
 *
 * The user who answers is the one that the instance's directory belongs to.
 *
 * Context: any thread; does not wait: a full backlog is -EAGAIN.
 * Return: 0; -ENOENT: no such instance; -ECONNREFUSED: no process listens; -EACCES; -EAGAIN;
 *         -EINVAL: not a UUID; -EPERM: the runtime directory, the directory in it, or who listens
 *         is not its owner's, see lm_runtime_dir(); -ENOTDIR, -ELOOP: a symbolic link stands
 *         in the place of the directory, of the socket.
 * Since: 0.2
 */
int lm_instance_connect(const char *uuid, const char *file, int *fd);

/**
 * lm_instance_label() - what a device is called, without asking it
 * @uuid:  36 characters, lower case
 * @label: "name" or "type"
 * @buf:   out: the text and a NUL; empty on failure
 * @size:  room in @buf
 *
 * From the directory of the device, so that one which does not answer can be found.
 *
 * Context: any thread; never waits for a device.
 * Return: 0; -ENOENT: no such instance, or it has none; -ENAMETOOLONG: longer than @buf; -EINVAL:
 *         not a UUID, no such label; -EPERM: not a directory that can be trusted.
 * Since: 0.2
 */
int lm_instance_label(const char *uuid, const char *label, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* MUSER_INSTANCE_H */
