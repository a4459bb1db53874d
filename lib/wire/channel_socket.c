/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * channel_socket.c - messages over a UNIX stream socket, and the host of those who connect.
 *
 * One system call for each operation (scm.c), whose flags say "do not wait", so that a socket
 * shared with another process keeps its mode.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memfd.h"
#include "base/peer_fd.h"
#include "wire/host.h"
#include "wire/scm.h"

static ssize_t no_progress(void)
{
	switch (errno) {
	case EAGAIN:
	case EINTR: return 0;
	case EPIPE:
	case ECONNRESET: return -ENOTCONN;
	default: return -errno;
	}
}

static ssize_t socket_recv(struct channel *ch, void *buf, size_t len, struct channel_fds *fds)
{
	const ssize_t ret = scm_recv(ch->fd, buf, len, fds);

	if (ret < 0)
		return no_progress();
	return ret ? ret : -ENOTCONN;
}

static ssize_t socket_send(struct channel *ch, const void *buf, size_t len,
			   const struct channel_fds *fds)
{
	const ssize_t ret = scm_send(ch->fd, buf, len, fds ? fds->fd : NULL, fds ? fds->nr : 0);

	return ret < 0 ? no_progress() : ret;
}

static void socket_close(struct channel *ch)
{
	peer_socket_close(ch->fd);
	ch->fd = -1;
}

static const struct channel_ops socket_ops = {
	.recv = socket_recv,
	.send = socket_send,
	.close = socket_close,
};

void channel_socket_init(struct channel *ch, int fd)
{
	ch->ops = &socket_ops;
	ch->fd = fd;
}

/* ---- the host -------------------------------------------------------------------- */

/* Clients are given the memory of regions. The state lasts as long as the context. */
static int socket_memory(const struct host *host, struct host_memory *m)
{
	const bool is_region = m->space != HOST_STATE;
	int ret;

	m->outlives = m->kept = false;
	m->fd = is_region ? memfd_sealed("muser-region", m->size) : -1;
	if (is_region && m->fd < 0)
		return m->fd;
	m->mem = mmap(NULL, m->size, PROT_READ | PROT_WRITE,
		      is_region ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, m->fd, 0);
	if (m->mem != MAP_FAILED)
		return 0;
	ret = -errno;
	if (is_region)
		close(m->fd);
	return ret;
}

static void socket_host_close(const struct host *host)
{
}

const struct host socket_host = {
	.name = "vfio-user",
	.memory = socket_memory,
	.close = socket_host_close,
};
