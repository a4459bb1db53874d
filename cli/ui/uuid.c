/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uuid.c - see uuid.h.
 */
#include "ui/uuid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uuid.h>

void uuid_random(char uuid[UUID_SIZE])
{
	uuid_t bytes;

	uuid_generate_random(bytes);
	uuid_unparse_lower(bytes, uuid);
}

bool uuid_canonical(const char *text, char uuid[UUID_SIZE])
{
	uuid_t bytes;

	if (uuid_parse(text, bytes))
		return false;
	uuid_unparse_lower(bytes, uuid);
	return true;
}

int uuid_list_add(struct uuid_list *list, const char *uuid)
{
	void *grown;

	if (list->nr % 64 == 0) {
		grown = realloc(list->uuids, (list->nr + 64) * sizeof(*list->uuids));
		if (!grown)
			return -ENOMEM;
		list->uuids = grown;
	}
	snprintf(list->uuids[list->nr++], UUID_SIZE, "%s", uuid);
	return 0;
}

static int compare_uuids(const void *a, const void *b)
{
	return strcmp(a, b);
}

void uuid_list_sort(struct uuid_list *list)
{
	size_t from, to = 0;

	if (list->nr)
		qsort(list->uuids, list->nr, sizeof(*list->uuids), compare_uuids);
	for (from = 0; from < list->nr; from++) {
		if (!to || strcmp(list->uuids[from], list->uuids[to - 1]))
			memmove(list->uuids[to++], list->uuids[from], UUID_SIZE);
	}
	list->nr = to;
}

void uuid_list_free(struct uuid_list *list)
{
	free(list->uuids);
	list->uuids = NULL;
	list->nr = 0;
}
