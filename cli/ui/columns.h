/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * columns.h - columns as data. A verb's table of columns is what tables, JSON, --help and
 * completion are made from; the index in the table is the column's id. It knows neither
 * libsmartcols nor json-c.
 */
#ifndef MUSCTL_COLUMNS_H
#define MUSCTL_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

/* struct column.flags */
#define COLUMN_RIGHT (1u << 0)
#define COLUMN_TRUNC (1u << 1) /* may be cut on a narrow terminal */
#define COLUMN_EXTRA (1u << 2) /* printed only when asked for */
#define COLUMN_WIDE  (1u << 3) /* in tables for people only then: they have 80 columns */

/** struct column - one column; a table ends with name NULL. The JSON key is the name in
 * lower case */
struct column {
	const char *name;
	double width;       /* characters, or below 1 a share of the terminal */
	unsigned int flags; /* COLUMN_* */
	const char *help;
};

#define COLUMNS_MAX 64

/* Which columns to print, in order; a column may come twice. */
struct selection {
	unsigned int ids[COLUMNS_MAX];
	unsigned int nr;
};

/* list: -o's argument, NULL, or "+" and more columns; hidden: COLUMN_* of those that must be
 * asked for, 0: none. 0, or the exit status of a printed error. */
int columns_select(const struct column *columns, const char *list, unsigned int hidden,
		   struct selection *selection);

/* For --list-columns and --help. */
void columns_print(const struct column *columns);

/* The JSON key of a column, into buf. */
void columns_key(const struct column *column, char *buf, size_t size);

#endif /* MUSCTL_COLUMNS_H */
