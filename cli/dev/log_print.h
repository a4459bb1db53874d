/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log_print.h - prints what a log has.
 */
#ifndef MUSCTL_LOG_PRINT_H
#define MUSCTL_LOG_PRINT_H

#include "dev/log_file.h"

struct log_print {
	bool json;        /* JSON Lines */
	bool times;       /* of each line, before it */
	bool clean;       /* for a terminal */
	uint64_t dropped; /* and said so */
	struct log_reader reader;
};

/* What has come since. */
void log_print_new(struct log_print *print);
/* The same, as nothing more will come. */
void log_print_all(struct log_print *print);

#endif /* MUSCTL_LOG_PRINT_H */
