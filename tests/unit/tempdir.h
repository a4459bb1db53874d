/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tempdir.h - a folder for a test, and its end with everything inside.
 */
#ifndef TEST_TEMPDIR_H
#define TEST_TEMPDIR_H

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* @path has PATH_MAX bytes; NULL: no folder could be made. */
static inline char *tempdir_new(char *path)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, PATH_MAX, "%.100s/unit-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	return mkdtemp(path);
}

static inline int tempdir_unlink(const char *path, const struct stat *st, int flag,
				 struct FTW *ftw)
{
	return remove(path);
}

static inline void tempdir_remove(const char *path)
{
	nftw(path, tempdir_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* How many entries a folder has, or -1. */
static inline int tempdir_count(const char *path)
{
	struct dirent **entries;
	const int nr = scandir(path, &entries, NULL, NULL);
	int i;

	for (i = 0; i < nr; i++)
		free(entries[i]);
	if (nr >= 0)
		free(entries);
	return nr < 0 ? -1 : nr - 2;
}

#endif /* TEST_TEMPDIR_H */
