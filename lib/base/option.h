/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * option.h - what is said of a description from outside before its device exists: by a command line
 * (lm_main(), musctl), or by the environment.
 */
#ifndef LM_OPTION_H
#define LM_OPTION_H

#include <muser.h>

#include "base/value_fault.h"

struct option_fault {
	char object[96]; /* what it is about ... */
	char text[VALUE_FAULT];
};

/* A property. -ENOENT: none has this name; -EPERM: it cannot be set; or what prop_set gave,
 * mostly -EINVAL. @fault says what is wrong. */
int option_set_value(const lm_dev_info_t *info, const char *name, const char *value,
		     struct option_fault *fault);
/* "NAME=VALUE". */
int option_set(const lm_dev_info_t *info, const char *option, struct option_fault *fault);
/* All that have a default. */
int option_set_defaults(const lm_dev_info_t *info, struct option_fault *fault);
/* One a line. */
int option_set_lines(const lm_dev_info_t *info, const char *lines, struct option_fault *fault);
/* Those of $MUSER_OPTIONS, which is no longer there afterwards. */
int option_set_environment(const lm_dev_info_t *info, struct option_fault *fault);
/* One more of them, for free(3). -EINVAL: it cannot be any property's. */
int option_join(char **lines, const char *option, struct option_fault *fault);

/* A socket that was inherited; NULL, or why not. */
const char *option_set_fd(lm_dev_info_t *info, int fd);
const char *option_set_group(lm_dev_info_t *info, const char *group);
bool option_parse_mode(const char *text, uint32_t *mode); /* octal, 1 to 0777 */

#endif /* LM_OPTION_H */
