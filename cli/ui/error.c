/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * error.c - lines on stderr. See error.h. It never exits and never touches stdout.
 */
#include "ui/error.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"
#include "muser-instance.h"

#include "ui/call.h"
#include "ui/clean.h"
#include "ui/out.h"

static const char *current_verb;

void error_set_verb(const char *verb)
{
	current_verb = verb;
}

/* One write, so that the lines of several processes do not mix. */
static __attribute__((format(printf, 2, 0))) void print_line(const char *object, const char *fmt,
							     va_list ap)
{
	char line[1024];
	size_t len = 0;

	if (current_verb)
		len = (size_t)snprintf(line, sizeof(line), "musctl: %s: ", current_verb);
	else
		len = (size_t)snprintf(line, sizeof(line), "musctl: ");
	if (object)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%.300s: ", object);
	vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	clean(line);
	out_sync();
	fprintf(stderr, "%s\n", line);
}

int error(int status, const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(object, fmt, ap);
	va_end(ap);
	return status;
}

int error_usage(const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(object, fmt, ap);
	va_end(ap);
	fprintf(stderr, "Try 'musctl %s%s--help' for more information.\n",
		current_verb ? current_verb : "", current_verb ? " " : "");
	return ST_USAGE;
}

int error_out_of_range(const char *object, uint64_t size)
{
	return error(ST_FAILED, object, "out of range: the region has %llu bytes",
		     (unsigned long long)size);
}

int error_no_runtime(const char *object, int err)
{
	char why[DIR_WHY], path[PATH_MAX] = "";
	const int fd = dir_open_runtime(false, why);

	if (fd >= 0) { /* what is safe may still be out of reach */
		close(fd);
		lm_runtime_dir(path, sizeof(path));
		snprintf(why, sizeof(why), "%.*s: %s", DIR_WHY - 60, path, strerror(-err));
	}
	return error(ST_FAILED, object, "no safe runtime directory: %s (set MUSER_RUNTIME_DIR)",
		     why);
}
