/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uuid.h - UUIDs as text, and lists of them.
 */
#ifndef MUSCTL_UUID_H
#define MUSCTL_UUID_H

#include <stdbool.h>
#include <stddef.h>

#define UUID_SIZE 37

/* A random UUID, or the canonical form of text: false if it is none. */
void uuid_random(char uuid[UUID_SIZE]);
bool uuid_canonical(const char *text, char uuid[UUID_SIZE]);

struct uuid_list {
	char (*uuids)[UUID_SIZE];
	size_t nr;
};

int uuid_list_add(struct uuid_list *list, const char *uuid); /* 0 or -ENOMEM */
void uuid_list_sort(struct uuid_list *list);                 /* and leaves each of them once */
void uuid_list_free(struct uuid_list *list);

#endif /* MUSCTL_UUID_H */
