/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - lm_main(), which makes a program a device.
 *
 * The command line is that of the vfio-user specification's "Backend Program Conventions", with
 * the options that musctl has for its own devices. Exit statuses are musctl's: 0, 1, 2.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uuid/uuid.h>

#include "base/ctx.h"
#include "base/env.h"
#include "base/name_fault.h"
#include "base/option.h"
#include "base/prop.h"
#include "program.h"

#define USAGE 2

struct program {
	const char *name; /* of the program */
	lm_dev_info_t info;
	char *options; /* one a line */
	bool is_bound; /* a socket of its own is asked for */
	bool is_done;  /* only help was asked for */
	int fd;        /* -1: none was inherited */
};

enum { OPT_NAME = 256, OPT_SOCKET_PATH, OPT_FD, OPT_MODE, OPT_GROUP, OPT_NO_MMAP };

static const struct option long_options[] = {
	{ "option", required_argument, NULL, 'O' },
	{ "uuid", required_argument, NULL, 'u' },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "socket-path", required_argument, NULL, OPT_SOCKET_PATH },
	{ "fd", required_argument, NULL, OPT_FD },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "group", required_argument, NULL, OPT_GROUP },
	{ "no-mmap", no_argument, NULL, OPT_NO_MMAP },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static int complain(const struct program *p, const char *object, const char *text)
{
	fprintf(stderr, "%s: %s: %s\n", p->name, object, text);
	return USAGE;
}

static void print_help(const struct program *p)
{
	char accepts[PROP_ACCEPTS_MAX];
	uint32_t i;

	printf("Usage: %s [OPTION]...\n\n"
	       "Serves a device, %s, until SIGTERM or SIGINT. Prints its UUID.\n\n"
	       "  -O, --option=KEY=VALUE  option of the device, see below\n"
	       "  -u, --uuid=UUID         UUID of the device (default: a random one)\n"
	       "      --name=NAME         name of the device, for musctl\n"
	       "      --socket-path=PATH  where clients connect (default: a directory of its own)\n"
	       "      --fd=FDNUM          inherited socket (connected or listening)\n"
	       "      --mode=MODE         mode of the socket (default: 0600; with --group 0660)\n"
	       "      --group=GROUP       group of the socket\n"
	       "      --no-mmap           trap every access, so that a trace sees it\n"
	       "  -h, --help              this text\n"
	       "  -V, --version           the version of libmuser\n\n"
	       "With MUSER_TRANSPORT=mdev in the environment it serves the mdev of --uuid.\n",
	       p->name, p->info.type ?: "without a type");
	for (i = 0; i < p->info.nr_props; i++) {
		const lm_prop_t *prop = prop_at(&p->info, i);

		if (!i)
			printf("\nOptions of the device:\n");
		if (!(prop->flags & LM_PROP_RO))
			printf("  %s=%s  %s%s%s%s\n", prop->name,
			       prop_accepts(prop, prop->name, accepts) ?: "VALUE", prop->help ?: "",
			       prop->value ? " (default: " : "", prop->value ?: "",
			       prop->value ? ")" : "");
	}
}

static int options_add(struct program *p, const char *option)
{
	struct option_fault fault;

	return option_join(&p->options, option, &fault) ? complain(p, fault.object, fault.text) : 0;
}

static int fd_set_inherited(struct program *p, const char *text)
{
	const char *fault;
	char *end;
	const long fd = strtol(text, &end, 10);

	if (end == text || *end || fd < 0 || fd > INT32_MAX)
		return complain(p, "--fd", "not a descriptor");
	fault = option_set_fd(&p->info, p->fd = (int)fd);
	return fault ? complain(p, "--fd", fault) : 0;
}

static int option_take(struct program *p, int opt, const char *arg)
{
	const char *fault = NULL;
	uuid_t uuid;

	p->is_bound |= opt == OPT_SOCKET_PATH || opt == OPT_MODE || opt == OPT_GROUP;
	switch (opt) {
	case 'O': return options_add(p, arg);
	case 'u':
		p->info.uuid = arg;
		return uuid_parse(arg, uuid) ? complain(p, arg, "not a UUID") : 0;
	case OPT_NAME:
		fault = name_fault(arg);
		p->info.name = arg;
		return fault ? complain(p, "--name", fault) : 0;
	case OPT_SOCKET_PATH: p->info.socket_path = arg; break;
	case OPT_FD: return fd_set_inherited(p, arg);
	case OPT_MODE:
		if (!option_parse_mode(arg, &p->info.socket_mode))
			return complain(p, "--mode", "not an octal mode from 1 to 0777");
		break;
	case OPT_GROUP:
		fault = option_set_group(&p->info, arg);
		return fault ? complain(p, arg, fault) : 0;
	case OPT_NO_MMAP: p->info.flags |= LM_DEV_NO_MMAP; break;
	case 'h':
		print_help(p);
		p->is_done = true;
		break;
	case 'V':
		printf("%s (libmuser %s)\n", p->name, lm_version());
		p->is_done = true;
		break;
	default: return USAGE; /* getopt_long(3) has said it */
	}
	return 0;
}

static int options_take(struct program *p, int argc, char **argv)
{
	char *const self = argv[0];
	int opt, status = 0;

	if (argc)
		argv[0] = (char *)(uintptr_t)p->name; /* for what getopt_long(3) says */
	optind = 1;
	while (!status && !p->is_done &&
	       (opt = getopt_long(argc, argv, "O:u:hV", long_options, NULL)) != -1)
		status = option_take(p, opt, optarg);
	if (argc)
		argv[0] = self;
	return status;
}

static int parse(struct program *p, int argc, char **argv)
{
	const int status = options_take(p, argc, argv);

	if (status || p->is_done)
		return status;
	if (optind < argc)
		return complain(p, argv[optind], "unexpected argument");
	if (p->fd >= 0 && p->is_bound)
		return complain(p, "--fd",
				"the socket is there: neither --socket-path nor --mode nor "
				"--group");
	if (p->is_bound && !p->info.socket_path && env_get("MUSER_LISTEN_FD"))
		return complain(p, "MUSER_LISTEN_FD",
				"the socket is there: neither --mode nor --group");
	return 0;
}

/* As after power-on, then as the environment says, then as the command line does. */
static int set_up(const struct program *p)
{
	struct option_fault fault;
	int ret, status = 1;

	ret = option_set_defaults(&p->info, &fault);
	ret = ret ?: option_set_environment(&p->info, &fault);
	if (!ret && p->options) {
		ret = option_set_lines(&p->info, p->options, &fault);
		status = ret == -EINVAL || ret == -ENOENT || ret == -EPERM ? USAGE : 1;
	}
	if (!ret)
		return 0;
	complain(p, fault.object, fault.text);
	return status;
}

static int serve(const struct program *p)
{
	const char *why = NULL;
	lm_ctx_t *ctx;
	int status;

	program_prepare();
	ctx = lm_ctx_create(&p->info);
	if (!ctx) {
		fprintf(stderr, "%s: %s\n", p->name, strerror(errno));
		return 1;
	}
	program_stop_by_signals(ctx);
	if (puts(lm_ctx_uuid(ctx)) < 0 || fflush(stdout)) {
		complain(p, "standard output", strerror(errno));
		status = 1;
	} else {
		status = program_end(lm_ctx_drive(ctx), &why);
	}
	if (why)
		complain(p, lm_ctx_uuid(ctx), why);
	program_stop_by_signals(NULL);
	lm_ctx_destroy(ctx);
	return status;
}

LM_EXPORT int lm_main_sized(int argc, char **argv, const lm_dev_info_t *info, size_t size)
{
	struct program p = { .name = program_invocation_short_name, .fd = -1 };
	int status;

	memcpy(&p.info, info, size < sizeof(p.info) ? size : sizeof(p.info));
	status = parse(&p, argc, argv);
	if (!status && !p.is_done)
		status = set_up(&p) ?: serve(&p);
	free(p.options);
	return status;
}
