/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log_file.c - see log_file.h. Text is written before the total that covers it, and what a reader
 * got is good if the total has not come near since. A write that fails, as the file system is full,
 * is lost: nobody waits for a log.
 */
#include "dev/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/utf8.h"

#include "dev/fate.h"
#include "ui/lockfile.h"

#define MAGIC "muslog1"
#define START 4096 /* of the ring */
#define RING  (LOG_KEEP + LOG_CHUNK)
#define STAMP 17 /* microseconds, and a blank */
#define TRIES 64

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- writing --------------------------------------------------------------------- */

static bool put_at(const struct log_file *file, const void *buf, size_t len, size_t at)
{
	return pwrite(file->fd, buf, len, (off_t)at) == (ssize_t)len;
}

static void put_head(const struct log_file *file)
{
	const struct log_head head = file->head;

	put_at(file, &head, sizeof(head), 0);
}

void log_file_new(struct log_file *file)
{
	*file = (struct log_file){ .head.magic = MAGIC };
	file->fd = memfd_create("log", MFD_CLOEXEC);
	put_head(file);
}

static int copy(int from, int to)
{
	char buf[LOG_CHUNK];
	off_t at = 0;
	ssize_t len;

	while ((len = pread(from, buf, sizeof(buf), at)) > 0) {
		if (pwrite(to, buf, (size_t)len, at) != len)
			return -ENOSPC;
		at += len;
	}
	return len < 0 ? -errno : 0;
}

/* With its lock, which whoever removes old logs has for a moment, and the holder of an older device
 * for as long as that has children. */
static int replace(int runtime, const char *name)
{
	const struct timespec step = { .tv_nsec = 2000000 };
	int old, fd, tries;

	for (tries = 0; tries < 5; tries++) {
		old = lockfile_take(runtime, name, 0);
		if (old != -EAGAIN)
			break;
		nanosleep(&step, NULL);
	}
	unlinkat(runtime, name, 0);
	fd = lockfile_take(runtime, name, O_CREAT | O_EXCL);
	if (old >= 0)
		close(old);
	return fd;
}

int log_file_publish(struct log_file *file, int runtime, const char *name)
{
	int fd, err;

	if (runtime < 0 || file->fd < 0)
		return runtime < 0 ? runtime : -ENOMEM;
	put_head(file);
	fd = replace(runtime, name);
	if (fd < 0)
		return fd;
	err = copy(file->fd, fd);
	if (err) {
		unlinkat(runtime, name, 0);
		close(fd);
		return err;
	}
	close(file->fd);
	file->fd = fd;
	return 0;
}

/* A chunk at most. */
static void append(struct log_file *file, const char *text, size_t len)
{
	const size_t at = file->head.total % RING, first = len < RING - at ? len : RING - at;

	if (!len)
		return;
	if (!put_at(file, text, first, START + at) ||
	    (first < len && !put_at(file, text + first, len - first, START)))
		return;
	file->head.total += len;
	put_at(file, &file->head.total, sizeof(file->head.total), offsetof(struct log_head, total));
}

void log_file_put(struct log_file *file, const char *text, size_t len)
{
	char out[LOG_CHUNK], stamp[32];
	size_t i, n = 0;

	if (file->fd < 0)
		return;
	snprintf(stamp, sizeof(stamp), "%016" PRIu64 " ", now_ns() / 1000);
	for (i = 0; i < len; i++) {
		if (file->column == LOG_LINE && text[i] != '\n') {
			out[n++] = '\n';
			file->column = 0;
		}
		if (!file->column) {
			memcpy(out + n, stamp, STAMP);
			n += STAMP;
		}
		out[n++] = text[i];
		file->column = text[i] == '\n' ? 0 : file->column + 1;
		if (n > sizeof(out) - STAMP - 2) {
			append(file, out, n);
			n = 0;
		}
	}
	append(file, out, n);
}

void log_file_end(struct log_file *file, int status)
{
	char fate[FATE_TEXT], line[FATE_TEXT + 16];

	fate_describe(status, fate);
	snprintf(line, sizeof(line), "%smusctl: %s\n", file->column ? "\n" : "", fate);
	log_file_put(file, line, strlen(line));
	file->head.ended_ns = now_ns();
	file->head.status = status;
	put_head(file);
}

/* ---- reading --------------------------------------------------------------------- */

bool log_head_read(int fd, struct log_head *head)
{
	if (pread(fd, head, sizeof(*head), 0) != sizeof(*head) ||
	    memcmp(head->magic, MAGIC, sizeof(head->magic)))
		return false;
	if (!utf8_is_word(head->type, LOG_LABEL - 1))
		head->type[0] = '\0';
	if (!utf8_is_word(head->name, LOG_LABEL - 1))
		head->name[0] = '\0';
	return true;
}

bool log_is_held(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB))
		return true;
	flock(fd, LOCK_UN);
	return false;
}

/* How much has been written that was not read. */
static uint64_t ahead(const struct log_reader *r)
{
	struct log_head head;

	return log_head_read(r->fd, &head) && head.total > r->at ? head.total - r->at : 0;
}

/* What is not there, in a file that was cut, is zeros. */
static void ring_read(const struct log_reader *r, char *buf, size_t len)
{
	const size_t at = r->at % RING, first = len < RING - at ? len : RING - at;

	memset(buf, 0, len);
	if (pread(r->fd, buf, first, (off_t)(START + at)) < 0 ||
	    (first < len && pread(r->fd, buf + first, len - first, START) < 0))
		memset(buf, 0, len);
}

static void drop(struct log_reader *r, uint64_t len)
{
	r->dropped += len + r->len;
	r->at += len;
	r->len = 0;
	r->is_cut = true;
}

/* Behind what is left in buf. */
static size_t fetch(struct log_reader *r)
{
	uint64_t left = ahead(r);
	size_t len;
	int tries;

	if (left > LOG_KEEP)
		drop(r, left - LOG_KEEP);
	for (tries = 0; tries < TRIES && left; tries++) {
		left = ahead(r);
		len = sizeof(r->buf) - r->len;
		len = left < len ? (size_t)left : len;
		ring_read(r, r->buf + r->len, len);
		left = ahead(r);
		if (left <= LOG_KEEP) {
			r->at += len;
			return len;
		}
		drop(r, left - LOG_KEEP / 2); /* it writes faster than we read */
	}
	return 0;
}

/* What stands before the first whole line is of no use. */
static void trim(struct log_reader *r)
{
	const char *end = memchr(r->buf, '\n', r->len);
	const size_t len = end ? (size_t)(end - r->buf) + 1 : r->len;

	if (!r->is_cut)
		return;
	r->dropped += len;
	r->from = len;
	r->len -= len;
	r->is_cut = !end;
}

static bool refill(struct log_reader *r)
{
	size_t len;

	memmove(r->buf, r->buf + r->from, r->len);
	r->from = 0;
	len = fetch(r);
	r->len += len;
	trim(r);
	return len;
}

static void take(struct log_reader *r, size_t len, struct log_line *line)
{
	const char *text = r->buf + r->from;
	size_t i;

	uint64_t us = 0;
	bool is_stamped;

	for (i = 0; i < STAMP - 1 && i < len && ascii_is_digit(text[i]); i++)
		us = us * 10 + (uint64_t)(text[i] - '0');
	is_stamped = i == STAMP - 1 && i < len && text[i] == ' ';
	line->ns = is_stamped ? us * 1000 : 0;
	line->text = text + (is_stamped ? STAMP : 0);
	line->len = len - (is_stamped ? STAMP : 0);
}

static void pass(struct log_reader *r, size_t len)
{
	r->from += len;
	r->len -= len;
}

void log_reader_new(struct log_reader *r, int fd)
{
	r->fd = fd;
	r->at = r->dropped = 0;
	r->from = r->len = 0;
	r->is_cut = false;
}

bool log_reader_next(struct log_reader *r, struct log_line *line)
{
	const char *end;

	do {
		end = memchr(r->buf + r->from, '\n', r->len);
	} while (!end && r->len < LOG_KEEP && refill(r));
	if (!end)
		return r->len >= LOG_KEEP && log_reader_last(r, line);
	take(r, (size_t)(end - r->buf) - r->from, line);
	pass(r, (size_t)(end - r->buf) - r->from + 1);
	return true;
}

bool log_reader_last(struct log_reader *r, struct log_line *line)
{
	if (!r->len)
		return false;
	take(r, r->len, line);
	pass(r, r->len);
	return true;
}

void log_reader_skip(struct log_reader *r, uint64_t lines)
{
	size_t at;

	refill(r);
	for (at = r->len; at; at--) {
		if (at < r->len && r->buf[r->from + at - 1] == '\n' && !--lines)
			break;
	}
	if (at)
		r->dropped = 0; /* nobody asked for it */
	pass(r, at);
}
