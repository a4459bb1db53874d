/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer.c - a control endpoint that answers as files say, for tests of what musctl makes of
 * strange devices: peer UUID ANSWERS. The n-th call of METHOD gets ANSWERS/METHOD.n, else
 * ANSWERS/METHOD; while there is neither, the caller waits.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *answers;
static __thread char last[64];   /* of this client: the method that was called last ... */
static __thread unsigned int nr; /* ... and how often in a row */

static int find_answer(const char *method)
{
	char path[512];
	int fd;

	nr = strcmp(last, method) ? 1 : nr + 1;
	snprintf(last, sizeof(last), "%s", method);
	for (;;) {
		snprintf(path, sizeof(path), "%s/%s.%u", answers, method, nr);
		fd = open(path, O_RDONLY);
		if (fd >= 0)
			return fd;
		*strrchr(path, '.') = '\0';
		fd = open(path, O_RDONLY);
		if (fd >= 0)
			return fd;
		poll(NULL, 0, 5);
	}
}

static void answer(int sock, const char *call)
{
	const char *name = strstr(call, "org.muser.control.");
	char method[64], buf[4096];
	ssize_t n;
	int fd;

	if (!name || sscanf(name, "org.muser.control.%63[A-Za-z]", method) != 1)
		return;
	fd = find_answer(method);
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (send(sock, buf, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	}
	close(fd);
	send(sock, "", 1, MSG_NOSIGNAL);
}

static void *serve(void *arg)
{
	int sock = (int)(intptr_t)arg;
	char call[65536];
	size_t len = 0;

	while (read(sock, call + len, 1) == 1 && len < sizeof(call) - 1) {
		if (call[len++])
			continue;
		answer(sock, call);
		len = 0;
	}
	close(sock);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	pthread_t thread;
	int sock = socket(AF_UNIX, SOCK_STREAM, 0), lock, client;

	answers = argv[2];
	if (argc != 3 || chdir(getenv("MUSER_RUNTIME_DIR")) || mkdir(argv[1], 0700) ||
	    chdir(argv[1]))
		return 1;
	lock = open("lock", O_RDWR | O_CREAT, 0600);
	snprintf(addr.sun_path, sizeof(addr.sun_path), ".new");
	if (flock(lock, LOCK_EX) || bind(sock, (void *)&addr, sizeof(addr)) ||
	    listen(sock, 8) || rename(".new", "control.sock"))
		return 1;
	for (;;) {
		client = accept(sock, NULL, NULL);
		if (client < 0 || pthread_create(&thread, NULL, serve, (void *)(intptr_t)client))
			return 1;
	}
}
