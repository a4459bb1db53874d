/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_client.c - a VFIO client as a program, for tests of mediated devices.
 *
 *	vfio_client UUID COMMAND [WORD]... [, COMMAND [WORD]...]...
 *	vfio_client UUID -            commands from stdin, one a line; each is answered by a line
 *
 * It opens /dev/vfio/GROUP of the device, as QEMU would, or the device's own file, and does what it
 * is told in one process.
 * "! ERRNO COMMAND..." succeeds if the command fails just so. Ends at the first failure, with
 * status 1 (stdin: says "error: ..." and goes on). Refuses to guess: it checks nothing but what a
 * command says that it checks.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "client.h"

static const struct command *const tables[] = {
	device_commands, cdev_commands, region_commands, irq_commands, dma_commands, load_commands,
	limit_commands, hostile_commands, storm_commands, trick_commands, endure_commands,
	repeat_commands, absent_commands, victim_commands, between_commands,
};

static const struct {
	const char *name;
	int value;
} errors[] = {
	{ "EINVAL", EINVAL }, { "EIO", EIO }, { "EBUSY", EBUSY }, { "EPERM", EPERM },
	{ "ENODEV", ENODEV }, { "ETIMEDOUT", ETIMEDOUT }, { "ENOTTY", ENOTTY },
	{ "EFAULT", EFAULT }, { "ENOENT", ENOENT }, { "ENOMEM", ENOMEM }, { "EEXIST", EEXIST },
	{ "ENOSPC", ENOSPC }, { "EACCES", EACCES }, { "EPROTO", EPROTO }, { "EAGAIN", EAGAIN },
	{ "E2BIG", E2BIG }, { "EOPNOTSUPP", EOPNOTSUPP }, { "ENXIO", ENXIO },
};

static const char *error_name(int error)
{
	size_t i;

	for (i = 0; i < NR(errors); i++)
		if (errors[i].value == error)
			return errors[i].name;
	return strerror(error);
}

int number(const char *word, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(word, &end, 0);
	if (errno || end == word || *end)
		return unexpected("not a number: %s", word);
	return 0;
}

int unexpected(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "vfio_client: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	return -EPROTO;
}

uint8_t pattern(uint32_t seed, uint64_t offset)
{
	uint64_t x = (offset + 1) * 0x9e3779b97f4a7c15 ^ (uint64_t)seed * 0xc2b2ae3d27d4eb4f;

	return x >> 56 ^ x >> 24;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

uint64_t seed_of(unsigned int nr)
{
	return 0x9e3779b97f4a7c15 * (nr + 1) ^ now_ns();
}

static const struct command *find(const char *name)
{
	const struct command *command;
	size_t i;

	for (i = 0; i < NR(tables); i++)
		for (command = tables[i]; command->name; command++)
			if (!strcmp(command->name, name))
				return command;
	return NULL;
}

static int run(struct client *c, int argc, char **argv);

static int run_repeat(struct client *c, int argc, char **argv)
{
	uint64_t times;
	int ret = 0;

	if (number(argv[0], &times))
		return -EPROTO;
	while (times-- && ret >= 0)
		ret = run(c, argc - 1, argv + 1);
	return ret;
}

static int run_or_fail(struct client *c, int argc, char **argv);

static pid_t apart;

static int run_apart(struct client *c, int argc, char **argv)
{
	apart = fork();
	if (apart)
		return apart < 0 ? -errno : 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(run_or_fail(c, argc, argv) ? 1 : 0);
}

static int run_rejoin(struct client *c, int argc, char **argv)
{
	int status;

	if (waitpid(apart, &status, 0) < 0)
		return -errno;
	return status ? unexpected("what ran apart failed") : 0;
}

const struct command repeat_commands[] = {
	{ "repeat", "TIMES COMMAND...", 2, run_repeat },
	{ "apart", "[! ERROR] COMMAND...: in a process of its own", 1, run_apart },
	{ "rejoin", "until that is over, as it should", 0, run_rejoin },
	{ 0 },
};

static int run(struct client *c, int argc, char **argv)
{
	const struct command *command;

	if (argc < 1)
		return unexpected("no command");
	command = find(argv[0]);
	if (!command)
		return unexpected("no such command: %s", argv[0]);
	if (argc - 1 < command->min_args)
		return unexpected("usage: %s %s", argv[0], command->help);
	return command->run(c, argc - 1, argv + 1);
}

/* 0: as wanted; else said, unless by unexpected(). */
static int run_or_fail(struct client *c, int argc, char **argv)
{
	const char *wanted = NULL;
	int ret;

	if (argc >= 3 && !strcmp(argv[0], "!")) {
		wanted = argv[1];
		argc -= 2;
		argv += 2;
	}
	ret = run(c, argc, argv);
	if (!wanted) {
		if (ret < 0 && ret != -EPROTO)
			fprintf(stderr, "vfio_client: %s: %s\n", argv[0], error_name(-ret));
		return ret < 0 ? ret : 0;
	}
	if (ret < 0 && !strcmp(error_name(-ret), wanted))
		return 0;
	return unexpected("%s: %s instead of %s", argv[0], ret < 0 ? error_name(-ret) : "success",
			  wanted);
}

static int run_words(struct client *c, int argc, char **argv)
{
	int n, ret;

	while (argc > 0) {
		for (n = 0; n < argc && strcmp(argv[n], ","); n++)
			;
		ret = run_or_fail(c, n, argv);
		fflush(stdout);
		if (ret)
			return ret;
		argc -= n + 1;
		argv += n + 1;
	}
	return 0;
}

/* Whoever writes the lines reads a line for each: "ok" follows what the command printed. */
static int run_stdin(struct client *c)
{
	char line[4096], *words[MAX_WORDS];
	int n, ret;

	while (fgets(line, sizeof(line), stdin)) {
		n = 0;
		for (words[n] = strtok(line, " \n"); words[n] && n < MAX_WORDS - 1;)
			words[++n] = strtok(NULL, " \n");
		if (!n)
			continue;
		ret = run_or_fail(c, n, words);
		printf(ret ? "error %s\n" : "ok\n", error_name(-ret));
		fflush(stdout);
	}
	return 0;
}

static int help(void)
{
	const struct command *command;
	size_t i;

	printf("usage: vfio_client UUID COMMAND [, COMMAND]... | -\n");
	for (i = 0; i < NR(tables); i++)
		for (command = tables[i]; command->name; command++)
			printf("  %s %s\n", command->name, command->help);
	return 2;
}

int main(int argc, char **argv)
{
	static struct client c;
	int ret;

	if (argc < 3)
		return help();
	ret = device_open(&c, argv[1]);
	if (ret) {
		fprintf(stderr, "vfio_client: %s: %s\n", argv[1], error_name(-ret));
		return 1;
	}
	ret = strcmp(argv[2], "-") ? run_words(&c, argc - 2, argv + 2) : run_stdin(&c);
	device_close(&c);
	return ret ? 1 : 0;
}
