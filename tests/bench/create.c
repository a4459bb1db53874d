/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * create.c - from "musctl create null" to a client that has done its handshake.
 *
 *	create MUSCTL
 *
 * The device is made in a runtime folder of its own and destroyed again, in several rounds.
 */
#include <spawn.h>
#include <sys/un.h>

#include "bench.h"

extern char **environ;

/* Runs musctl; its first line of output, if @line is not NULL. */
static void musctl(const char *program, const char *verb, const char *arg, char *line, size_t size)
{
	char *const argv[] = { (char *)program, (char *)verb, (char *)arg, NULL };
	posix_spawn_file_actions_t actions;
	int pipes[2], status;
	size_t got = 0;
	ssize_t ret;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		bench_fail("pipe2", errno);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
	if (posix_spawn(&pid, program, &actions, NULL, argv, environ))
		bench_fail(program, errno);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	while (line && got < size - 1 && (ret = read(pipes[0], line + got, size - 1 - got)) > 0)
		got += (size_t)ret;
	close(pipes[0]);
	if (line) {
		line[got] = '\0';
		line[strcspn(line, "\n")] = '\0';
	}
	if (waitpid(pid, &status, 0) != pid || status)
		bench_fail("musctl failed", EIO);
}

static void client_once(const char *dir, const char *uuid)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s/vfio-user.sock", dir, uuid) >=
	    (int)sizeof(addr.sun_path))
		bench_fail("path", ENAMETOOLONG);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		bench_fail(addr.sun_path, errno);
	bench_handshake(fd);
	close(fd);
}

int main(int argc, char **argv)
{
	static double until_printed[ROUNDS_MAX], until_negotiated[ROUNDS_MAX];
	const unsigned int rounds = bench_rounds();
	char dir[] = "/tmp/muser-bench-XXXXXX", uuid[64];
	unsigned int i;

	if (argc != 2)
		return 2;
	if (!mkdtemp(dir))
		bench_fail("mkdtemp", errno);
	setenv("MUSER_RUNTIME_DIR", dir, 1);
	for (i = 0; i < rounds; i++) {
		const uint64_t start = bench_now();

		musctl(argv[1], "create", "null", uuid, sizeof(uuid));
		until_printed[i] = (double)(bench_now() - start) / 1e6;
		client_once(dir, uuid);
		until_negotiated[i] = (double)(bench_now() - start) / 1e6;
		musctl(argv[1], "destroy", uuid, NULL, 0);
	}
	rmdir(dir);
	bench_report("create", "", bench_median(until_printed, rounds), "ms");
	bench_report("create_connected", "", bench_median(until_negotiated, rounds), "ms");
	return 0;
}
