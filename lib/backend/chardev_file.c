/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chardev_file.c - descriptors without a peer that comes and goes: a file, standard input and
 * output, and nothing.
 *
 * The standard ones are other processes' as well, and so are their flags: they are opened anew, by
 * /proc, where that can be done, and not changed. A terminal becomes raw, but for its signals, and
 * is put back at the end.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/chardev.h"

/* ---- a file ---------------------------------------------------------------------- */

static int file_open(struct lm_chardev *c)
{
	const int fd = open(c->spec.path,
			    O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
			    0600);

	if (fd < 0)
		return -errno;
	c->out.fd = fd;
	c->attached = true;
	snprintf(c->path, sizeof(c->path), "%s", c->spec.path);
	return 0;
}

const struct chardev_kind chardev_file = {
	.name = "file",
	.has_path = true,
	.open = file_open,
};

/* ---- standard input and output --------------------------------------------------- */

/* A socket cannot be opened anew. */
static int standard_open(int fd, int flags)
{
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return ret < 0 ? -errno : ret;
}

static bool is_null(int fd)
{
	struct stat st, null;

	return fstat(fd, &st) ||
	       (!stat("/dev/null", &null) && S_ISCHR(st.st_mode) && st.st_rdev == null.st_rdev);
}

static int terminal_take(struct lm_chardev *c)
{
	struct termios raw;

	if (tcgetattr(c->in.fd, &c->terminal))
		return 0; /* it is none */
	raw = c->terminal;
	cfmakeraw(&raw);
	raw.c_lflag |= ISIG;
	raw.c_oflag = c->terminal.c_oflag;
	c->has_terminal = !tcsetattr(c->in.fd, TCSANOW, &raw);
	return c->has_terminal ? 0 : -errno;
}

static int stdio_open(struct lm_chardev *c)
{
	if (is_null(STDIN_FILENO) && is_null(STDOUT_FILENO))
		return -EBADF;
	c->in.fd = standard_open(STDIN_FILENO, O_RDONLY);
	if (c->in.fd < 0)
		return c->in.fd;
	c->out.fd = standard_open(STDOUT_FILENO, O_WRONLY);
	if (c->out.fd < 0)
		return c->out.fd;
	c->attached = true;
	return terminal_take(c);
}

static void stdio_close(struct lm_chardev *c)
{
	if (c->has_terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &c->terminal);
}

const struct chardev_kind chardev_stdio = {
	.name = "stdio",
	.open = stdio_open,
	.close = stdio_close,
};

/* ---- nothing --------------------------------------------------------------------- */

static int null_open(struct lm_chardev *c)
{
	return 0;
}

const struct chardev_kind chardev_null = {
	.name = "null",
	.open = null_open,
};
