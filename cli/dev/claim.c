/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * claim.c - see claim.h. The file's text is "making", or "made" and what identifies the
 * mdev: one of the same UUID that was made later by somebody else is not ours.
 */
#include "dev/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/dir.h"

#include "dev/detach.h"
#include "dev/transport.h"
#include "mdev/mdev.h"
#include "ui/call.h"
#include "ui/clock.h"
#include "ui/error.h"
#include "ui/hold.h"
#include "ui/lockfile.h"

#define PREFIX    ".mdev-"
#define NODE_MS   5000 /* until the kernel's device has its node, and that its permissions */
#define LOCK_MS   5000
#define REMOVE_MS 5000
#define STEP_MS   20

/* ---- the file -------------------------------------------------------------------- */

#define FILE_NAME (sizeof(PREFIX) - 1 + UUID_SIZE)

static const char *file_name(char name[FILE_NAME], const char *uuid)
{
	snprintf(name, FILE_NAME, PREFIX "%s", uuid);
	return name;
}

/* How an exclusive claim begins; the lock, or -errno. */
static int wait_lock(const char *uuid, uint64_t timeout_ms)
{
	char name[FILE_NAME];

	return lockfile_wait(file_name(name, uuid), timeout_ms);
}

static void say(const struct claim *claim, const char *text)
{
	if (ftruncate(claim->lock, 0) ||
	    pwrite(claim->lock, text, strlen(text), 0) != (ssize_t)strlen(text))
		error(0, claim->uuid, "cannot write to the runtime directory: %s", strerror(errno));
}

/* What the file says of the mdev that is there: whether musctl makes it, or has made it. */
enum said { SAID_NOTHING, SAID_MAKING, SAID_MADE };

static enum said said(const struct claim *claim)
{
	char text[64] = "";
	uint64_t identity = 0;

	if (pread(claim->lock, text, sizeof(text) - 1, 0) <= 0)
		return SAID_NOTHING;
	if (!strncmp(text, "making", 6))
		return SAID_MAKING;
	sscanf(text, "made %" SCNu64, &identity);
	return identity && identity == mdev_identity(claim->uuid) ? SAID_MADE : SAID_NOTHING;
}

/* ---- undoing --------------------------------------------------------------------- */

static void undo(const struct claim *claim)
{
	int err;

	if (!mdev_exists(claim->uuid))
		return;
	err = mdev_remove(claim->uuid, REMOVE_MS);
	if (err == -ETIMEDOUT)
		error(0, claim->uuid, "the mdev will be removed when its client closes it");
	else if (err)
		error(0, claim->uuid, "the mdev cannot be removed: %s", strerror(-err));
}

void claim_close(struct claim *claim)
{
	char name[FILE_NAME];

	if (claim->lock < 0)
		return;
	if (said(claim) == SAID_NOTHING || !mdev_exists(claim->uuid))
		lockfile_remove(file_name(name, claim->uuid));
	close(claim->lock);
	claim->lock = -1;
}

static void sweep_file(int runtime, const char *name)
{
	struct claim claim = { .lock = -1 };
	char command[64];

	if (!uuid_canonical(name + strlen(PREFIX), claim.uuid))
		return;
	claim.lock = lockfile_take(runtime, name, 0);
	if (claim.lock < 0)
		return;
	if (said(&claim) == SAID_MAKING && !transport_is_mdev(claim.uuid) &&
	    !mdev_holder(claim.uuid, command, sizeof(command)))
		undo(&claim);
	claim_close(&claim);
}

void claim_sweep(void)
{
	const int runtime = dir_open_runtime(false, NULL);
	const int fd = runtime < 0 ? -1 : dir_reopen(runtime);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (!strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			sweep_file(runtime, entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (runtime >= 0)
		close(runtime);
}

/* ---- making ---------------------------------------------------------------------- */

static int report_create(const char *uuid, int err)
{
	const char *why = mdev_obstacle();

	if (why)
		return error(ST_FAILED, uuid, "cannot create an mdev: %s", why);
	if (err == -EUSERS || err == -ENOSPC)
		return error(ST_FAILED, uuid,
			     "muser.ko has no free instance (its parameter "
			     "available_instances)");
	return error(ST_FAILED, uuid, "cannot create an mdev: %s", strerror(-err));
}

static int report_node(const char *uuid, int err)
{
	if (err == -EINTR)
		return error(ST_FAILED, uuid, "interrupted");
	if (err == -EACCES)
		return error(ST_FAILED, uuid,
			     "no permission for " MDEV_NODES "/%s (be root "
			     "or in its group)",
			     uuid);
	return error(ST_FAILED, uuid, MDEV_NODES "/%s did not appear in time", uuid);
}

/* News says when to look; but not everywhere is somebody who tells. */
static int wait_node(const char *uuid, struct mdev_watch *watch)
{
	struct pollfd pfd = { mdev_watch_fd(watch), POLLIN, 0 };
	uint64_t end = clock_ns() + NODE_MS * 1000000ULL;
	struct mdev_event event;
	int err;

	while ((err = mdev_node(uuid)) && clock_ns() < end) {
		if (hold_is_interrupted())
			return -EINTR;
		poll(&pfd, 1, STEP_MS);
		while (mdev_watch_next(watch, &event))
			;
	}
	return err;
}

/* An mdev, ours or one that was there. */
static int make(struct claim *claim)
{
	struct mdev_watch *watch;
	int status = 0, err = mdev_watch_open(&watch);

	if (err)
		return error(ST_FAILED, claim->uuid, "cannot monitor udev: %s", strerror(-err));
	claim->ours = !mdev_exists(claim->uuid) || said(claim) != SAID_NOTHING;
	if (!mdev_exists(claim->uuid)) {
		say(claim, "making\n");
		err = mdev_create(claim->uuid);
	}
	if (err == -EEXIST) { /* somebody else was faster */
		claim->ours = false;
		say(claim, "");
	} else if (err) {
		status = report_create(claim->uuid, err);
	}
	if (!status) {
		err = wait_node(claim->uuid, watch);
		status = err ? report_node(claim->uuid, err) : 0;
	}
	mdev_watch_close(watch);
	return status;
}

/* ---- from outside ---------------------------------------------------------------- */

int claim_report(const char *uuid, int err)
{
	if (err == -EAGAIN)
		return error(ST_FAILED, uuid, "another musctl is busy with it");
	return error_no_runtime(uuid, err);
}

int claim_take(struct claim *claim, const char *uuid)
{
	int status;

	claim_sweep();
	*claim = (struct claim){ .lock = -1 };
	snprintf(claim->uuid, sizeof(claim->uuid), "%s", uuid);
	hold_begin();
	claim->lock = wait_lock(uuid, LOCK_MS);
	if (claim->lock < 0)
		status = claim_report(uuid, claim->lock);
	else
		status = make(claim);
	if (status)
		claim_drop(claim);
	return status;
}

int claim_wait(const struct claim *claim, struct detached *d, uint64_t timeout_ns)
{
	const struct timespec step = { .tv_nsec = 1000000 };
	uint64_t end = clock_ns() + timeout_ns;
	char state[32];
	int status = 0;

	while (!status && !mdev_attribute(claim->uuid, "state", state, sizeof(state)) &&
	       strcmp(state, "ready")) {
		if (clock_ns() > end) {
			detach_kill(d);
			return error(ST_FAILED, claim->uuid,
				     "muser.ko did not accept the device in time (see dmesg)");
		}
		nanosleep(&step, NULL);
		status = detach_wait(d, timeout_ns);
	}
	return status;
}

void claim_drop(struct claim *claim)
{
	if (claim->lock >= 0 && said(claim) == SAID_MAKING)
		undo(claim);
	claim_close(claim);
	hold_end();
}

void claim_settle(struct claim *claim)
{
	char text[64];

	if (claim->ours) {
		snprintf(text, sizeof(text), "made %" PRIu64 "\n", mdev_identity(claim->uuid));
		say(claim, text);
	}
	claim_close(claim);
	hold_end();
}

void claim_keep(struct claim *claim)
{
	fcntl(claim->lock, F_SETFD, 0);
	hold_end();
}

int claim_open(struct claim *claim, const char *uuid, uint64_t timeout_ms)
{
	*claim = (struct claim){ .lock = -1 };
	snprintf(claim->uuid, sizeof(claim->uuid), "%s", uuid);
	claim->lock = wait_lock(uuid, timeout_ms);
	if (claim->lock < 0)
		return claim->lock;
	claim->ours = said(claim) != SAID_NOTHING;
	return 0;
}
