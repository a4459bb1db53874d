/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * env.h - environment variables: an empty one is not set, of whatever name.
 * musctl reads some as well.
 */
#ifndef LM_ENV_H
#define LM_ENV_H

#include <stdlib.h>

static inline const char *env_get(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

#endif /* LM_ENV_H */
