/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * errname.h - errno values by name.
 */
#ifndef ERRNAME_H
#define ERRNAME_H

/* As "EINVAL"; NULL: there is none. */
const char *errname(int error);

#endif /* ERRNAME_H */
