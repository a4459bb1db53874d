/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chardev_pty.c - a pseudoterminal, whose other end anybody may open and close.
 *
 * Its master says HUP while nobody has the other end open, and nothing when somebody opens it:
 * inotify(7) tells of that, and where there is none, because a user has his share of them, a
 * timer looks twice a second. Owns the symbolic link to it; one that somebody has left there
 * before is replaced, any other file is not.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "backend/chardev.h"

#define LOOK_NS (500 * NS_PER_MS)

/* Who has written and closed it again already is heard as well. */
static void pty_look(struct lm_chardev *c)
{
	struct pollfd p = { .fd = c->in.fd, .events = POLLIN };

	if (c->attached || poll(&p, 1, 0) < 0)
		return;
	if (!(p.revents & POLLHUP) || p.revents & POLLIN)
		chardev_attach(c);
}

static void pty_opened(struct source *src, uint32_t events)
{
	struct lm_chardev *c = container_of(src, struct lm_chardev, wake);
	char names[sizeof(struct inotify_event) + NAME_MAX + 1]
		__attribute__((aligned(__alignof__(struct inotify_event))));

	if (read(src->fd, names, sizeof(names)) > 0)
		pty_look(c);
}

static void pty_timer(void *arg)
{
	pty_look(arg);
}

static int pty_watch(struct lm_chardev *c)
{
	int ret = -1;

	c->wake.fn = pty_opened;
	c->wake.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (c->wake.fd >= 0 && inotify_add_watch(c->wake.fd, c->path, IN_OPEN) >= 0)
		ret = loop_add(&c->ctx->loop, &c->wake, EPOLLIN);
	if (!ret)
		return 0;
	if (c->wake.fd >= 0)
		close(c->wake.fd);
	c->wake.fd = -1;
	c->timer = lm_timer_create(c->ctx, pty_timer, c);
	return c->timer ? lm_timer_arm(c->timer, LOOK_NS, LOOK_NS) : -errno;
}

static int link_make(const struct lm_chardev *c)
{
	char temporary[sizeof(c->spec.path) + 16];
	struct stat st;

	if (!lstat(c->spec.path, &st) && !S_ISLNK(st.st_mode))
		return -EEXIST;
	snprintf(temporary, sizeof(temporary), "%s.%d", c->spec.path, (int)getpid());
	unlink(temporary);
	if (symlink(c->path, temporary))
		return -errno;
	if (!rename(temporary, c->spec.path))
		return 0;
	unlink(temporary);
	return -errno;
}

/* Unless it is another one's by now. */
static void link_remove(const struct lm_chardev *c)
{
	char to[sizeof(c->path)];
	const ssize_t len = readlink(c->spec.path, to, sizeof(to) - 1);

	if (len < 0)
		return;
	to[len] = '\0';
	if (!strcmp(to, c->path))
		unlink(c->spec.path);
}

/* Without an echo, and with each byte as it is: a terminal emulator sets its own. Once it was open
 * and closed, the master knows HUP. */
static int terminal_prepare(const struct lm_chardev *c)
{
	const int fd = open(c->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;
	int ret = 0;

	if (fd < 0 || tcgetattr(fd, &t)) {
		ret = -errno;
	} else {
		cfmakeraw(&t);
		ret = tcsetattr(fd, TCSANOW, &t) ? -errno : 0;
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

static int pty_open(struct lm_chardev *c)
{
	int ret;

	c->in.fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (c->in.fd < 0)
		return -errno;
	c->out.fd = fcntl(c->in.fd, F_DUPFD_CLOEXEC, 0);
	if (c->out.fd < 0 || grantpt(c->in.fd) || unlockpt(c->in.fd))
		return -errno;
	ret = -ptsname_r(c->in.fd, c->path, sizeof(c->path));
	ret = ret ?: terminal_prepare(c);
	ret = ret ?: pty_watch(c);
	return ret ?: *c->spec.path ? link_make(c) : 0;
}

static void pty_close(struct lm_chardev *c)
{
	if (c->wake.fd >= 0) {
		loop_remove(&c->ctx->loop, &c->wake);
		close(c->wake.fd);
	}
	lm_timer_destroy(c->timer);
	if (*c->spec.path && *c->path)
		link_remove(c);
}

const struct chardev_kind chardev_pty = {
	.name = "pty",
	.has_link = true,
	.ends_at_eof = true,
	.open = pty_open,
	.close = pty_close,
};
