/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suggest.h - the command that somebody may have meant.
 */
#ifndef MUSCTL_SUGGEST_H
#define MUSCTL_SUGGEST_H

/* NULL: none comes near. */
const char *suggest_verb(const char *word);

#endif /* MUSCTL_SUGGEST_H */
