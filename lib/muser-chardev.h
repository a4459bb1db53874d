/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser-chardev.h - character backends of libmuser: the outer end of a device that has a stream of
 * bytes, such as a serial port.
 *
 * A user says by an option of the device what is there: a pseudoterminal, a socket, a file. The
 * device is asked how many bytes it has room for and gets no more; it writes as many as are taken
 * and is notified when there is room again. Whatever the other end does or leaves undone, nothing
 * of this waits, and nothing is kept here: bytes that are not taken stay in the FIFO of the device,
 * which is part of its state. All of it is for the thread that serves the context.
 */
#ifndef MUSER_CHARDEV_H
#define MUSER_CHARDEV_H

#include <muser.h>

#ifdef __cplusplus
extern "C" {
#endif

/** typedef lm_chardev_t - a character backend. Opaque. */
typedef struct lm_chardev lm_chardev_t;

/* What a specification can be, for lm_prop_t.accepts:
 *
 *  pty[,link=PATH]  a pseudoterminal, raw, with a symbolic link to it; the peer is there while
 *                   anybody has it open
 *  unix:PATH        a listening socket, mode 0600. One peer at a time: the next one that has
 *                   connected is served when the first has left
 *  file:PATH        what the device writes is appended; there is no input
 *  stdio            standard input and output of the process; a terminal is in raw mode meanwhile,
 *                   but for its signals. Input ends with the first end of file
 *  null             nobody: what is written is dropped */
#define LM_CHARDEV_SPECS "pty|unix:PATH|file:PATH|stdio|null"

/* Of a specification, with its path and the 0 at its end. */
#define LM_CHARDEV_SPEC_MAX 512

/**
 * struct lm_chardev_ops - what a device does with a backend
 * @size:     sizeof(lm_chardev_ops_t) as it was compiled
 * @room:     how many bytes it takes now. After a 0 it is not asked again before
 *            lm_chardev_resume(). NULL: it takes none
 * @data:     @len bytes have come, not more than @room said; the bytes are the backend's
 * @writable: lm_chardev_write() took less than it was given: try again now. Optional
 * @peer:     a peer is there, or has left; then @writable follows, if the device waits for it.
 *            Optional
 *
 * They are called by lm_ctx_poll(), and by lm_chardev_resume(). @pvt is that of
 * lm_chardev_create().
 */
typedef struct {
	uint64_t size;
	size_t (*room)(void *pvt);
	void   (*data)(void *pvt, const void *buf, size_t len);
	void   (*writable)(void *pvt);
	void   (*peer)(void *pvt, bool attached);
} lm_chardev_ops_t;

/**
 * lm_chardev_fault() - what is wrong with a specification
 * @spec: as the user wrote it
 *
 * For lm_dev_info_t.prop_set, which has no context yet. It does not look at the file system.
 *
 * Context: any thread.
 * Return: a constant string; NULL: nothing is wrong.
 * Since: 0.2
 */
const char *lm_chardev_fault(const char *spec);

/**
 * lm_chardev_create() - make a backend
 * @ctx:  the context
 * @spec: see LM_CHARDEV_SPECS
 * @ops:  copied
 * @pvt:  for @ops
 * @chr:  out: the backend, to be freed by lm_chardev_destroy() before the context is
 *
 * None of @ops is called before it returns. What went wrong is logged.
 *
 * Context: the thread that serves the context; lm_dev_info_t.start is the place. May block on the
 *          file system.
 * Return: 0; -EINVAL: lm_chardev_fault(); -EADDRINUSE: another process listens at the path;
 *         -EEXIST: what is at the path of the socket or the link is something else; -EBADF: the
 *         process has no standard input and output, as one in the background; -ENOMEM; or -errno
 *         of open(2), socket(2), posix_openpt(3) ...
 * Since: 0.2
 */
int lm_chardev_create(lm_ctx_t *ctx, const char *spec, const lm_chardev_ops_t *ops, void *pvt,
		      lm_chardev_t **chr);

/**
 * lm_chardev_destroy() - free a backend; its socket and its link are removed
 * @chr: the backend or NULL
 *
 * Context: the thread that serves the context; not from @ops.
 * Since: 0.2
 */
void lm_chardev_destroy(lm_chardev_t *chr);

/**
 * lm_chardev_write() - give bytes to the peer
 * @chr: the backend
 * @buf: @len bytes
 * @len: how many
 *
 * Without a peer all are taken and dropped, as on a line that is not connected; so are those
 * that a file or a pipe does not take for an error.
 *
 * Context: the thread that serves the context; never blocks.
 * Return: how many bytes were taken, from the first on; if less than @len,
 *         lm_chardev_ops_t.writable will be called, and until then it is 0.
 * Since: 0.2
 */
size_t lm_chardev_write(lm_chardev_t *chr, const void *buf, size_t len);

/**
 * lm_chardev_resume() - the device has room again
 * @chr: the backend
 *
 * What waits is taken at once, by lm_chardev_ops_t.data. In that callback it does nothing: the
 * device is asked afterwards.
 *
 * Context: the thread that serves the context; never blocks.
 * Since: 0.2
 */
void lm_chardev_resume(lm_chardev_t *chr);

/**
 * lm_chardev_is_attached() - is there a peer?
 * @chr: the backend
 *
 * A file always is one, and so are standard input and output; null never is.
 *
 * Context: the thread that serves the context.
 * Return: a peer is there.
 * Since: 0.2
 */
bool lm_chardev_is_attached(const lm_chardev_t *chr);

/**
 * lm_chardev_path() - where a peer finds it
 * @chr: the backend
 *
 * Context: the thread that serves the context.
 * Return: path of the pseudoterminal, the socket or the file, as long as the backend lives; "": it
 *         has none.
 * Since: 0.2
 */
const char *lm_chardev_path(const lm_chardev_t *chr);

#ifdef __cplusplus
}
#endif

#endif /* MUSER_CHARDEV_H */
