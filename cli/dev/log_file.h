/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log_file.h - what a device has said: the last LOG_KEEP bytes of it, in a file that does not grow.
 *
 * A head, and behind it a ring of lines, each with the time when it began. One process writes,
 * which holds a lock on the file for as long as it does; any number read along. What is read may be
 * anything: a file of another user, or of another version.
 */
#ifndef MUSCTL_LOG_FILE_H
#define MUSCTL_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LOG_KEEP  65536 /* bytes, with the times of the lines */
#define LOG_CHUNK 4096  /* and as many may be half overwritten */
#define LOG_LINE  2048  /* longer ones are cut in two */
#define LOG_LABEL 64

struct log_head {
	char magic[8];
	uint64_t total; /* bytes that were ever written to the ring */
	uint64_t
		ended_ns; /* since 1970; 0: the process has not ended, as far as anybody has seen */
	int32_t status;   /* then: as of waitpid(2) */
	int32_t reserved;
	char type[LOG_LABEL], name[LOG_LABEL]; /* of the device, or "" */
};

/* ---- the one who writes ---------------------------------------------------------- */

struct log_file {
	int fd; /* -1: everything is dropped */
	unsigned int column;
	struct log_head head;
};

void log_file_new(struct log_file *file); /* without a name, in memory */
/* From now on it is the file of that name, in place of an older one. Its lock goes with the
 * descriptor. 0 or -errno: it stays what it is. */
int log_file_publish(struct log_file *file, int runtime, const char *name);
void log_file_put(struct log_file *file, const char *text, size_t len);
void log_file_end(struct log_file *file, int status);

/* ---- those who read -------------------------------------------------------------- */

struct log_reader {
	int fd;
	uint64_t at;
	uint64_t dropped; /* of what was written, so far */
	bool is_cut;      /* at the start of what is not the start of a line */
	size_t from, len; /* what is left in buf */
	char buf[LOG_KEEP + LOG_CHUNK];
};

struct log_line {
	uint64_t ns; /* since 1970; 0: unknown */
	const char *text;
	size_t len; /* without the newline */
};

/* False: it is another kind of file. */
bool log_head_read(int fd, struct log_head *head);
bool log_is_held(int fd); /* somebody writes to it */

void log_reader_new(struct log_reader *reader, int fd);
void log_reader_skip(struct log_reader *reader, uint64_t lines); /* but for so many, all of them */
/* The next line, until the next call; false: there is none yet. */
bool log_reader_next(struct log_reader *reader, struct log_line *line);
/* What has no newline, as nothing more will come. */
bool log_reader_last(struct log_reader *reader, struct log_line *line);

#endif /* MUSCTL_LOG_FILE_H */
