/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log_level.h - $MUSER_LOG: how much is said on stderr. Device
 * processes of musctl, which print by themselves, honour it as well.
 */
#ifndef LM_LOG_LEVEL_H
#define LM_LOG_LEVEL_H

#define LOG_LEVEL_VARIABLE "MUSER_LOG"
#define LOG_LEVEL_NAMES    "err, warn, info, debug"

/* The level that $MUSER_LOG names: LM_LOG_*; LM_LOG_WARN if it is unset or empty; -EINVAL: it is
 * none of the names, *text is what it is. */
int log_level_wanted(const char **text);

#endif /* LM_LOG_LEVEL_H */
