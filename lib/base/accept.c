/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * accept.c - connections from the listening sockets of the process.
 *
 * A listener that cannot accept for want of a descriptor stays readable: a level triggered loop
 * would spin, and whoever connects would wait for ever. So the process keeps one descriptor in
 * reserve while it listens; without others, it is given up for the moment that it takes to
 * accept the peer and to reject it.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/accept.h"
#include "base/peer_fd.h"

/* Descriptors are the process's, and so is this one. */
static struct {
	pthread_mutex_t lock;
	unsigned int listeners;
	int fd;
} reserve = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

int accept_new(int fd)
{
	socklen_t len = sizeof(int);
	int listening = 0, ret = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) || !listening)
		return -EINVAL;
	pthread_mutex_lock(&reserve.lock);
	if (reserve.fd < 0)
		reserve.fd = eventfd(0, EFD_CLOEXEC);
	if (reserve.fd < 0)
		ret = -errno;
	else
		reserve.listeners++;
	pthread_mutex_unlock(&reserve.lock);
	return ret;
}

void accept_free(void)
{
	pthread_mutex_lock(&reserve.lock);
	if (!--reserve.listeners && reserve.fd >= 0) {
		close(reserve.fd);
		reserve.fd = -1;
	}
	pthread_mutex_unlock(&reserve.lock);
}

int accept_peer(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno != EMFILE && errno != ENFILE)
		return -errno;
	/* Another thread may be faster to take the descriptor: then the next turn tries again. */
	pthread_mutex_lock(&reserve.lock);
	if (reserve.fd >= 0)
		close(reserve.fd);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		peer_socket_close(fd);
	reserve.fd = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_unlock(&reserve.lock);
	return -EMFILE;
}
