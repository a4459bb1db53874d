/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mdev.c - the only place that looks into /sys, /dev and the folder of modules. All paths
 * start at $MUSER_ROOT, so that tests can show a kernel that is not there.
 */
#include "mdev.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

const char *mdev_path(char *buf, size_t size, const char *path)
{
	const char *root = getenv("MUSER_ROOT");

	snprintf(buf, size, "%s%s", root ? root : "", path);
	return buf;
}

/* A line of modules.dep or modules.builtin: ".../NAME.ko[.xz]: ..." */
static bool names_module(const char *line, const char *name)
{
	size_t len = strcspn(line, ": \n");
	const char *base = line + len;

	while (base > line && base[-1] != '/')
		base--;
	len = strlen(name);
	return !strncmp(base, name, len) && !strncmp(base + len, ".ko", 3);
}

static bool is_listed(const char *list, const char *name)
{
	char path[512], relative[400], *line = NULL;
	struct utsname kernel;
	bool found = false;
	size_t room = 0;
	FILE *file;

	uname(&kernel);
	snprintf(relative, sizeof(relative), "/lib/modules/%s/%s", kernel.release, list);
	file = fopen(mdev_path(path, sizeof(path), relative), "re");
	while (file && !found && getline(&line, &room, file) > 0)
		found = names_module(line, name);
	free(line);
	if (file)
		fclose(file);
	return found;
}

enum module mdev_module(const char *name)
{
	char path[512], relative[128];

	snprintf(relative, sizeof(relative), "/sys/module/%s", name);
	if (access(mdev_path(path, sizeof(path), relative), F_OK) == 0)
		return MODULE_LOADED;
	if (is_listed("modules.builtin", name))
		return MODULE_LOADED;
	return is_listed("modules.dep", name) ? MODULE_PRESENT : MODULE_ABSENT;
}
