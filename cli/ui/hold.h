/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hold.h - signals that would end us, held back while something is half done.
 */
#ifndef MUSCTL_HOLD_H
#define MUSCTL_HOLD_H

#include <stdbool.h>

void hold_begin(void);
/* Lets them in; nothing if none are held. */
void hold_end(void);
/* One has come, and is taken note of: it will not end us any more. */
bool hold_is_interrupted(void);

#endif /* MUSCTL_HOLD_H */
