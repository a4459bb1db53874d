/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dir_runtime.c - where the runtime directory is, in which the devices of a user are found.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "base/base.h"
#include "base/dir.h"
#include "base/env.h"
#include "muser-instance.h"

LM_EXPORT int lm_runtime_dir(char *buf, size_t size)
{
	const char *dir = env_get("MUSER_RUNTIME_DIR");
	struct stat st;
	int len;

	if (dir)
		return dir_path(buf, size, dir, "");
	if (geteuid() == 0)
		return dir_path(buf, size, "/run", "muser");
	dir = env_get("XDG_RUNTIME_DIR");
	if (dir)
		return dir_path(buf, size, dir, "muser");
	/* What is wrong with it already; the last word has who opens it. */
	len = snprintf(buf, size, "/tmp/muser-%u", (unsigned int)geteuid());
	if (len < 0 || (size_t)len >= size)
		return -ENAMETOOLONG;
	if (lstat(buf, &st))
		return errno == ENOENT ? 0 : -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 066) ? 0 : -EPERM;
}
