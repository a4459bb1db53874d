/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mdev_watch.c - news of mediated devices and their nodes, by libudev. Where udev runs,
 * its own events are taken, which come when a node has its permissions; else those of the
 * kernel. Below $MUSER_ROOT there is neither: there the directories are watched.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libudev.h>

#include "mdev/mdev.h"
#include "ui/dir_watch.h"

#define UDEV_CONTROL "/run/udev/control"
#define QUEUE_SIZE   (1024 * 1024)

struct mdev_watch {
	struct udev *udev;
	struct udev_monitor *monitor; /* NULL: the directories are watched */
	struct dir_watch dirs;
	int nodes; /* which of them is MDEV_NODES */
	bool lost;
};

/* ---- libudev --------------------------------------------------------------------- */

static int open_udev(struct mdev_watch *w)
{
	const char *source = access(UDEV_CONTROL, F_OK) ? "kernel" : "udev";

	w->udev = udev_new();
	if (!w->udev)
		return -ENOMEM;
	w->monitor = udev_monitor_new_from_netlink(w->udev, source);
	if (!w->monitor)
		return errno ? -errno : -ENOMEM;
	udev_monitor_filter_add_match_subsystem_devtype(w->monitor, "mdev", NULL);
	udev_monitor_filter_add_match_subsystem_devtype(w->monitor, "muser", NULL);
	udev_monitor_set_receive_buffer_size(w->monitor, QUEUE_SIZE); /* root may */
	return udev_monitor_enable_receiving(w->monitor);
}

static bool next_udev(struct mdev_watch *w, struct mdev_event *e)
{
	const char *node, *name, *action, *subsystem, *state;
	struct udev_device *device;

	errno = 0;
	device = udev_monitor_receive_device(w->monitor);
	w->lost |= !device && errno == ENOBUFS;
	if (!device)
		return false;
	node = udev_device_get_devnode(device);
	name = udev_device_get_sysname(device);
	action = udev_device_get_action(device);
	subsystem = udev_device_get_subsystem(device);
	state = udev_device_get_property_value(device, "MUSER_STATE");
	if (node && strrchr(node, '/'))
		name = strrchr(node, '/') + 1;
	if (!name || !uuid_canonical(name, e->uuid))
		e->uuid[0] = '\0';
	snprintf(e->action, sizeof(e->action), "%s", action ? action : "");
	snprintf(e->subsystem, sizeof(e->subsystem), "%s", subsystem ? subsystem : "");
	snprintf(e->path, sizeof(e->path), "%s", node ? node : udev_device_get_syspath(device));
	snprintf(e->state, sizeof(e->state), "%s", state ? state : "");
	udev_device_unref(device);
	return true;
}

/* ---- directories ----------------------------------------------------------------- */

static int watch_dir(struct mdev_watch *w, const char *dir)
{
	char path[PATH_MAX];

	return dir_watch_add(&w->dirs, mdev_path(path, sizeof(path), dir));
}

static int open_folders(struct mdev_watch *w)
{
	int err = dir_watch_open(&w->dirs);

	if (err)
		return err;
	watch_dir(w, MDEV_DEVICES);
	w->nodes = watch_dir(w, MDEV_NODES);
	return 0;
}

static bool next_folder(struct mdev_watch *w, struct mdev_event *e)
{
	struct dir_news news;
	bool is_node;

	do {
		if (!dir_watch_next(&w->dirs, &news))
			return false;
		w->lost |= news.lost;
	} while (news.lost);
	is_node = news.dir == w->nodes;
	e->state[0] = '\0';
	if (!uuid_canonical(news.name, e->uuid))
		e->uuid[0] = '\0';
	snprintf(e->action, sizeof(e->action), "%s", news.added ? "add" : "remove");
	snprintf(e->subsystem, sizeof(e->subsystem), "%s", is_node ? "muser" : "mdev");
	snprintf(e->path, sizeof(e->path), "%s/%.100s", is_node ? MDEV_NODES : MDEV_DEVICES,
		 news.name);
	return true;
}

/* ---- either ---------------------------------------------------------------------- */

int mdev_watch_open(struct mdev_watch **watch)
{
	struct mdev_watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->dirs.fd = -1;
	err = mdev_is_moved() ? open_folders(w) : open_udev(w);
	if (err) {
		mdev_watch_close(w);
		return err;
	}
	*watch = w;
	return 0;
}

int mdev_watch_fd(const struct mdev_watch *w)
{
	return w->monitor ? udev_monitor_get_fd(w->monitor) : w->dirs.fd;
}

bool mdev_watch_next(struct mdev_watch *w, struct mdev_event *e)
{
	return w->monitor ? next_udev(w, e) : next_folder(w, e);
}

bool mdev_watch_lost(struct mdev_watch *w)
{
	bool lost = w->lost;

	w->lost = false;
	return lost;
}

void mdev_watch_close(struct mdev_watch *w)
{
	if (!w)
		return;
	udev_monitor_unref(w->monitor);
	udev_unref(w->udev);
	dir_watch_close(&w->dirs);
	free(w);
}
