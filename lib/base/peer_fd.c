/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_fd.c - descriptors that a peer chose: what they are, and how to be rid of them.
 *
 * A peer can send any descriptor with any message, and a system call on the wrong one waits as
 * long as the peer likes: close(2) of a TCP socket that lingers, of a file whose FUSE daemon does
 * not answer, of a pipe that another process has locked; fstat(2) and reads of such a file. So the
 * kind is learned from the kernel's own records, without a question to the file system, and what
 * is neither memory nor an eventfd is closed by a thread that may wait in our stead.
 *
 * Those threads are the only ones of the library: CLOSERS_MAX of a process at most, which end when
 * there is nothing left to close. A thread that waits for a FUSE daemon cannot be killed, and the
 * process does not vanish before the daemon answers or ends. What cannot be queued for want of
 * memory stays open.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/peer_fd.h"

#define EVENTFD_NAME  "anon_inode:[eventfd]"
#define CLOSERS_MAX   4u
#define CLOSERS_STACK (64u * 1024u)
#define QUEUE_FIRST   64u

/* ---- what it is ------------------------------------------------------------------ */

/* @prefix has no '/': no file of any file system has such a name. */
static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

long peer_fd_info(int fd, const char *label)
{
	char path[40], text[512];
	const char *at;
	ssize_t len;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -1;
	len = read(info, text, sizeof(text) - 1);
	close(info);
	text[len > 0 ? len : 0] = '\0';
	at = strstr(text, label);
	return at ? strtol(at + strlen(label), NULL, 10) : -1;
}

/* The type in a line of proc_pid_mountinfo(5), behind a lone "-". */
static bool type_is_local(const char *line)
{
	static const char *const local[] = {
		"btrfs ", "devtmpfs ",  "ext2 ",  "ext3 ",  "ext4 ",
		"f2fs ",  "hugetlbfs ", "ramfs ", "tmpfs ", "xfs ",
	};
	const char *type = strstr(line, " - ");
	size_t i;

	for (i = 0; type && i < sizeof(local) / sizeof(local[0]); i++) {
		if (has_prefix(type + 3, local[i]))
			return true;
	}
	return false;
}

/* A mount of another namespace is not found, and its file system could be any. */
static bool mount_is_local(long id)
{
	FILE *mounts = id < 0 ? NULL : fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	bool local = false;
	size_t room = 0;

	while (mounts && getline(&line, &room, mounts) > 0) {
		if (strtol(line, NULL, 10) == id) {
			local = type_is_local(line);
			break;
		}
	}
	free(line);
	if (mounts)
		fclose(mounts);
	return local;
}

/* The start of what /proc/self/fd shows for it; "": unknown. */
static void name_of(int fd, char *name, size_t size)
{
	char path[32];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, name, size - 1);
	name[len > 0 ? len : 0] = '\0';
}

bool peer_fd_is_eventfd(int fd)
{
	char name[32];

	name_of(fd, name, sizeof(name));
	return has_prefix(name, EVENTFD_NAME);
}

enum peer_fd_kind peer_fd_kind(int fd)
{
	char name[32];

	if (fcntl(fd, F_GET_SEALS) >= 0)
		return PEER_FD_MEMORY;
	name_of(fd, name, sizeof(name));
	if (has_prefix(name, EVENTFD_NAME))
		return PEER_FD_EVENTFD;
	if (has_prefix(name, "anon_inode:"))
		return PEER_FD_ANON;
	if (has_prefix(name, "socket:") || has_prefix(name, "pipe:"))
		return PEER_FD_STREAM;
	return mount_is_local(peer_fd_info(fd, "\nmnt_id:")) ? PEER_FD_FILE : PEER_FD_UNKNOWN;
}

/* ---- closing --------------------------------------------------------------------- */

/* Descriptors are the process's, and so is the queue of those that are to be closed. */
static struct {
	pthread_mutex_t lock;
	unsigned int closers; /* threads */
	unsigned int nr, room;
	int *fd; /* no more than the process may have open */
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *closer(void *arg)
{
	static const struct linger off;
	int fd;

	pthread_mutex_lock(&queue.lock);
	while (queue.nr) {
		fd = queue.fd[--queue.nr];
		pthread_mutex_unlock(&queue.lock);
		/* Nobody sent this one to wait for what it still has to send. */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
		close(fd);
		pthread_mutex_lock(&queue.lock);
	}
	queue.closers--;
	pthread_mutex_unlock(&queue.lock);
	return NULL;
}

/* Without one, the next descriptor tries again. */
static void closer_start(void)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;

	if (queue.closers == CLOSERS_MAX || pthread_attr_init(&attr))
		return;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, CLOSERS_STACK);
	sigfillset(&all); /* signals are for the program's own threads */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!pthread_create(&thread, &attr, closer, NULL))
		queue.closers++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
}

/* With the lock. */
static void queue_add(int fd)
{
	const unsigned int room = queue.room ? 2 * queue.room : QUEUE_FIRST;
	int *grown;

	if (queue.nr == queue.room) {
		grown = realloc(queue.fd, room * sizeof(*grown));
		if (!grown)
			return;
		queue.fd = grown;
		queue.room = room;
	}
	queue.fd[queue.nr++] = fd;
}

static void close_elsewhere(const int *fds, unsigned int nr)
{
	unsigned int i;

	pthread_mutex_lock(&queue.lock);
	for (i = 0; i < nr; i++)
		queue_add(fds[i]);
	closer_start();
	pthread_mutex_unlock(&queue.lock);
}

void peer_fd_close(int fd)
{
	peer_fds_close(&fd, 1);
}

void peer_fds_close(const int *fds, unsigned int nr)
{
	int slow[PEER_FDS_MAX];
	unsigned int i, nr_slow = 0;

	for (i = 0; i < nr; i++) {
		if (fds[i] < 0)
			continue;
		if (fcntl(fds[i], F_GET_SEALS) >= 0 || peer_fd_is_eventfd(fds[i]))
			close(fds[i]);
		else
			slow[nr_slow++] = fds[i];
	}
	if (nr_slow)
		close_elsewhere(slow, nr_slow);
}

/* What was not received may carry descriptors, which are closed with it; after the shutdown, no
 * more of it arrives. */
void peer_socket_close(int fd)
{
	char byte;

	shutdown(fd, SHUT_RDWR);
	if (!recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT))
		close(fd);
	else
		close_elsewhere(&fd, 1);
}
