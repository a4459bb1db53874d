/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process.c - see process.h. A socket names the process that has begun to listen, by a number that
 * may be another's by now: the kernel gives a pidfd for it since 6.5. Before, or where that
 * process has forked and ended, the lock tells: whoever has its file open holds the device. What
 * /proc says of a number is about the process of a pidfd if that has not ended afterwards.
 */
#include "ui/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/dir.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* ---- pidfds ---------------------------------------------------------------------- */

int process_signal(const struct process *p, int sig)
{
	return syscall(SYS_pidfd_send_signal, p->fd, sig, NULL, 0) ? -errno : 0;
}

bool process_wait(const struct process *p, int ms)
{
	struct pollfd pfd = { p->fd, POLLIN, 0 };

	return p->fd < 0 || poll(&pfd, 1, ms) != 0;
}

bool process_has_ended(const struct process *p)
{
	return process_wait(p, 0);
}

void process_close(struct process *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

void process_name(const struct process *p, char *buf, size_t size)
{
	char path[32];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)p->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, buf, size - 1);
		close(fd);
	}
	if (len <= 1 || process_has_ended(p))
		len = snprintf(buf, size, "?") + 1;
	buf[len - 1] = '\0'; /* the end of the line */
}

/* ---- who holds the lock ---------------------------------------------------------- */

/* A file of a device, as /proc shows it. */
struct lock {
	char suffix[64]; /* of its path */
	unsigned long ino;
};

static int find_lock(struct lock *lock, const char *uuid)
{
	const int runtime = dir_open_runtime(false, NULL);
	struct stat st;
	int err;

	if (runtime < 0)
		return runtime;
	snprintf(lock->suffix, sizeof(lock->suffix), "/%s/lock", uuid);
	err = fstatat(runtime, lock->suffix + 1, &st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
	close(runtime);
	lock->ino = st.st_ino;
	return err;
}

static bool ends_with(const char *text, const char *end)
{
	const size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

/* Not by stat(2): the file may be one that answers nobody, of whoever wants us to wait. */
static bool is_lock(int fds, const char *name, pid_t pid, const struct lock *lock)
{
	char path[512], line[512], locked[40];
	const ssize_t len = readlinkat(fds, name, path, sizeof(path) - 1);
	bool found = false;
	FILE *info;

	if (len <= 0)
		return false;
	path[len] = '\0';
	if (!ends_with(path, lock->suffix))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.16s", (int)pid, name);
	snprintf(locked, sizeof(locked), ":%lu 0 EOF\n", lock->ino);
	info = fopen(path, "re");
	while (info && !found && fgets(line, sizeof(line), info))
		found = strstr(line, "FLOCK") && ends_with(line, locked);
	if (info)
		fclose(info);
	return found;
}

/* Of a process that may be looked at. */
static bool holds(pid_t pid, const struct lock *lock)
{
	struct dirent *entry;
	char path[32];
	bool found = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	while (fds && !found && (entry = readdir(fds)))
		found = is_lock(dirfd(fds), entry->d_name, pid, lock);
	if (fds)
		closedir(fds);
	return found;
}

static bool open_if_holds(struct process *p, pid_t pid, const struct lock *lock)
{
	p->pid = pid;
	p->fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1; /* of whichever has it now */
	if (p->fd < 0)
		return false;
	if (holds(pid, lock) && !process_has_ended(p))
		return true;
	process_close(p);
	return false;
}

/* ---- of a device ----------------------------------------------------------------- */

/* Who listens, as far as the kernel can say so for certain. */
static bool open_peer(struct process *p, int sock, pid_t pid)
{
	socklen_t len = sizeof(p->fd);

	p->pid = pid;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &p->fd, &len))
		return false;
	if (!process_has_ended(p))
		return true;
	process_close(p);
	return false;
}

int process_of_device(struct process *p, const char *uuid, int sock)
{
	struct ucred cred = { .pid = 0 };
	socklen_t len = sizeof(cred);
	struct dirent *entry;
	bool found = false;
	struct lock lock;
	DIR *proc;

	p->made = true;
	p->fd = -1;
	if (sock >= 0 && !getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) &&
	    open_peer(p, sock, cred.pid))
		return 0;
	if (find_lock(&lock, uuid))
		return -ESRCH;
	if (open_if_holds(p, cred.pid, &lock))
		return 0;
	p->made = false;
	proc = opendir("/proc");
	while (proc && !found && (entry = readdir(proc)))
		found = open_if_holds(p, (pid_t)strtol(entry->d_name, NULL, 10), &lock);
	if (proc)
		closedir(proc);
	return found ? 0 : -ESRCH;
}
