/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * version.c - which libmuser this is.
 */
#include "base/base.h"

#define STRINGIFY(x)                      #x
#define VERSION_TEXT(major, minor, patch) STRINGIFY(major) "." STRINGIFY(minor) "." STRINGIFY(patch)

LM_EXPORT const char *lm_version(void)
{
	return VERSION_TEXT(LM_VERSION_MAJOR, LM_VERSION_MINOR, LM_VERSION_PATCH);
}
