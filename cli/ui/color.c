/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * color.c - the decision to colour, and the scheme. Of terminal-colors.d(5) it honours
 * musctl.enable, musctl.disable and musctl.scheme, the terminal-specific musctl@TERM.*
 * and the general enable and disable; the directory of the user wins over that of the
 * system.
 */
#include "ui/color.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"

#define SYSTEM_DIR "/etc/terminal-colors.d"

static const struct {
	const char *name; /* in the scheme file */
	const char *sequence;
} scheme_default[] = {
	[COLOR_NONE] = { "none", "" },       [COLOR_GOOD] = { "good", "\033[32m" },
	[COLOR_BAD] = { "bad", "\033[31m" }, [COLOR_WARN] = { "warn", "\033[33m" },
	[COLOR_DIM] = { "dim", "\033[2m" },  [COLOR_HEAD] = { "head", "\033[1m" },
};

#define NR_COLORS (sizeof(scheme_default) / sizeof(scheme_default[0]))

static char scheme[NR_COLORS][24];

/* The most specific file of a type: "musctl@TERM.TYPE", "musctl.TYPE", ".TYPE" as the
 * manual has it. 0: none; else higher is more specific. */
static int find_file(const char *dir, const char *type, char *path, size_t size)
{
	const char *term = env_get("TERM");
	int rank;

	for (rank = 3; rank > 0; rank--) {
		if (rank == 3)
			snprintf(path, size, "%s/musctl@%s.%s", dir, term ? term : "", type);
		else
			snprintf(path, size, "%s/%s%s", dir, rank == 2 ? "musctl." : "", type);
		if (access(path, R_OK) == 0)
			return rank;
	}
	return 0;
}

/* Lines of the form "good 32" or "good \e[32m": only digits and ; are taken over. */
static void read_scheme(const char *path)
{
	char line[128], name[32], value[20];
	FILE *file = fopen(path, "re");
	size_t i;

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %31[a-z] %*[^0-9]%19[0-9;]", name, value) != 2 &&
		    sscanf(line, " %31[a-z] %19[0-9;]", name, value) != 2)
			continue;
		for (i = 0; i < NR_COLORS; i++) {
			if (!strcmp(name, scheme_default[i].name))
				snprintf(scheme[i], sizeof(scheme[i]), "\033[%sm", value);
		}
	}
	fclose(file);
}

/* 1: enabled, 0: disabled, -1: nothing is said in this directory. */
static int read_dir(const char *dir)
{
	char path[4200];
	int enable, disable;

	if (find_file(dir, "scheme", path, sizeof(path)))
		read_scheme(path);
	enable = find_file(dir, "enable", path, sizeof(path));
	disable = find_file(dir, "disable", path, sizeof(path));
	if (!enable && !disable)
		return -1;
	return enable > disable;
}

bool color_wanted(const char *when)
{
	const char *base = env_get("XDG_CONFIG_HOME"), *home = env_get("HOME");
	const char *no = env_get("NO_COLOR"), *term = env_get("TERM");
	char dir[4096];
	int said;

	if (when && !strcmp(when, "always"))
		return true;
	if (when && !strcmp(when, "never"))
		return false;
	if (no || !term || !strcmp(term, "dumb") || !isatty(STDOUT_FILENO))
		return false;
	if (base)
		snprintf(dir, sizeof(dir), "%s/terminal-colors.d", base);
	else
		snprintf(dir, sizeof(dir), "%s/.config/terminal-colors.d", home ? home : "");
	said = read_dir(dir);
	if (said < 0)
		said = read_dir(SYSTEM_DIR);
	return said != 0;
}

const char *color_sequence(enum color color)
{
	return *scheme[color] ? scheme[color] : scheme_default[color].sequence;
}
