/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * columns.c - which columns, in which order. See columns.h.
 */
#include "ui/columns.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"

#include "ui/error.h"

static int find(const struct column *columns, const char *name, size_t len)
{
	int i;

	for (i = 0; columns[i].name; i++) {
		if (strlen(columns[i].name) == len && !ascii_compare_n(columns[i].name, name, len))
			return i;
	}
	return -1;
}

static int select_list(const struct column *columns, const char *list, struct selection *selection)
{
	size_t len;
	int id;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		id = find(columns, list, len);
		if (id < 0)
			return error_usage(NULL, "unknown column: %.*s", (int)len, list);
		if (selection->nr == COLUMNS_MAX)
			return error_usage(NULL, "too many columns");
		selection->ids[selection->nr++] = (unsigned int)id;
		if (!list[len])
			return 0;
	}
}

int columns_select(const struct column *columns, const char *list, unsigned int hidden,
		   struct selection *selection)
{
	const bool by_default = !list || *list == '+' || !hidden;
	unsigned int i;

	selection->nr = 0;
	for (i = 0; by_default && columns[i].name; i++) {
		if (!(columns[i].flags & hidden))
			selection->ids[selection->nr++] = i;
	}
	if (!list || (!hidden && *list != '+'))
		return 0;
	return select_list(columns, list + (*list == '+'), selection);
}

void columns_print(const struct column *columns)
{
	int width = 0;
	unsigned int i;

	for (i = 0; columns[i].name; i++) {
		if ((int)strlen(columns[i].name) > width)
			width = (int)strlen(columns[i].name);
	}
	for (i = 0; columns[i].name; i++)
		printf(" %*s  %s\n", width, columns[i].name, columns[i].help);
}

void columns_key(const struct column *column, char *buf, size_t size)
{
	ascii_copy_lower(buf, column->name, size);
}
