/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dir.h - directories that are opened once, checked, and used by descriptor from then on.
 * musctl has its own files in the runtime directory.
 */
#ifndef LM_DIR_H
#define LM_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define DIR_WHY 200 /* bytes of what is wrong, in words */

#define DIR_MAKE (1u << 0) /* what is missing, for us alone */
#define DIR_OURS (1u << 1) /* at its end it must be ours */

/* The directory at @path (O_PATH, the caller's), reached through directories and symbolic links
 * that only root and its owner can change. -EPERM: it is not safe. @why, if not NULL, says what is
 * wrong. */
int dir_open(const char *path, unsigned int flags, char why[DIR_WHY]);
/* The same for the runtime directory, that of lm_runtime_dir(). It may be another user's if
 * $MUSER_RUNTIME_DIR names it and nothing is to be made. */
int dir_open_runtime(bool make, char why[DIR_WHY]);

/* The directory at @at (O_PATH) to read or change it: -EACCES, -errno. */
int dir_reopen(int at);
/* An entry that is a directory, as dir_reopen() gives it; no link is followed. */
int dir_open_at(int at, const char *name);
/* @dir/@name, or @dir if @name is "": 0 or -ENAMETOOLONG. */
int dir_path(char *buf, size_t size, const char *dir, const char *name);
/* @path from the root, for free(3): as it is if there is no current directory; NULL: no memory. */
char *dir_absolute(const char *path);
/* A new directory for us alone; @name ends in XXXXXX, which become its own. */
int dir_make_private(int at, char *name);
/* @name in @at is the very file that @st describes. */
bool dir_has(int at, const char *name, const struct stat *st);
/* The same for an open file, such as a lock that somebody may have removed and made anew. */
bool dir_has_fd(int at, const char *name, int fd);

#endif /* LM_DIR_H */
