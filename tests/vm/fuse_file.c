/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuse_file.c - a file whose pages come late, or never: a FUSE file system of this one file.
 *
 *	fuse_file PATH SIZE [SEED]
 *
 * Mounted on PATH, a file that is there. Without SEED, reads of its upper half are printed, and
 * never answered; by SEED, some reads are answered late, with EIO, or never. It ends with its
 * mount, and whoever waits for it is woken when it ends. Refuses what a mapping does not need.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ROOM 65536 /* of a request; the kernel wants 8 KiB and the longest write */
#define HELD 64

struct held { /* a read that is answered late */
	uint64_t unique, due_ms;
	struct fuse_read_in read;
};

static int device;
static uint64_t seed;
static char *content;
static size_t size;
static struct held held[HELD];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 11;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* ENOENT: who has asked was killed meanwhile. */
static void reply(uint64_t unique, int error, const void *data, size_t len)
{
	struct fuse_out_header head = {
		.len = sizeof(head) + len, .error = -error, .unique = unique,
	};
	const struct iovec parts[] = { { &head, sizeof(head) }, { (void *)data, len } };

	if (writev(device, parts, len ? 2 : 1) < 0 && errno != ENOENT)
		die("fuse_file: reply");
}

static void reply_read(uint64_t unique, const struct fuse_read_in *in)
{
	const size_t offset = in->offset < size ? in->offset : size, left = size - offset;

	reply(unique, 0, content + offset, in->size < left ? in->size : left);
}

/* ---- requests ------------------------------------------------------------------------ */

static void init(uint64_t unique, const struct fuse_init_in *in)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = in->minor < FUSE_KERNEL_MINOR_VERSION ? in->minor :
								 FUSE_KERNEL_MINOR_VERSION,
		/* With these, it is for a page that a fault waits, which a signal may end. */
		.max_readahead = 16384,
		.flags = FUSE_ASYNC_READ,
		.max_write = 4096,
	};

	if (seed && next() % 2)
		out.max_readahead = out.flags = 0;
	reply(unique, 0, &out, sizeof(out));
}

static void attributes(uint64_t unique)
{
	const struct fuse_attr_out out = {
		.attr_valid = 1000,
		.attr = { .ino = FUSE_ROOT_ID, .size = size, .blocks = size / 512,
			  .mode = S_IFREG | 0600, .nlink = 1, .blksize = 4096 },
	};

	reply(unique, 0, &out, sizeof(out));
}

static void hold(uint64_t unique, const struct fuse_read_in *in)
{
	int i;

	for (i = 0; i < HELD; i++)
		if (!held[i].unique) {
			held[i] = (struct held){ unique, now_ms() + next() % 500, *in };
			return;
		}
}

static void answer_held(void)
{
	int i;

	for (i = 0; i < HELD; i++)
		if (held[i].unique && held[i].due_ms <= now_ms()) {
			reply_read(held[i].unique, &held[i].read);
			held[i].unique = 0;
		}
}

static void asked(uint64_t unique, const struct fuse_read_in *in)
{
	const uint64_t how = seed ? next() % 256 : 255;

	if (!seed && in->offset + in->size > size / 2) {
		printf("read 0x%llx\n", (unsigned long long)in->offset);
		fflush(stdout);
	} else if (how < 16) {
		hold(unique, in);
	} else if (how < 20) {
		reply(unique, EIO, NULL, 0);
	} else if (how >= 22) {
		reply_read(unique, in);
	}
}

static void write_to(uint64_t unique, const struct fuse_write_in *in)
{
	const struct fuse_write_out out = { .size = in->size };

	if (in->offset > size || in->size > size - in->offset) {
		reply(unique, ENOSPC, NULL, 0);
		return;
	}
	memcpy(content + in->offset, in + 1, in->size);
	reply(unique, 0, &out, sizeof(out));
}

static void serve(const struct fuse_in_header *h, const void *arg)
{
	const struct fuse_open_out opened = { .open_flags = 0 };

	switch (h->opcode) {
	case FUSE_INIT: init(h->unique, arg); break;
	case FUSE_GETATTR:
	case FUSE_SETATTR: attributes(h->unique); break;
	case FUSE_OPEN: reply(h->unique, 0, &opened, sizeof(opened)); break;
	case FUSE_READ: asked(h->unique, arg); break;
	case FUSE_WRITE: write_to(h->unique, arg); break;
	case FUSE_FLUSH:
	case FUSE_FSYNC:
	case FUSE_RELEASE: reply(h->unique, 0, NULL, 0); break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT: break; /* these have no answer */
	default: reply(h->unique, ENOSYS, NULL, 0);
	}
}

/* ---- start --------------------------------------------------------------------------- */

static void mount_on(const char *path)
{
	char options[100];

	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device < 0)
		die("fuse_file: /dev/fuse");
	snprintf(options, sizeof(options), "fd=%d,rootmode=%o,user_id=0,group_id=0", device,
		 (unsigned int)S_IFREG);
	if (mount("fuse_file", path, "fuse", MS_NOSUID | MS_NODEV, options))
		die("fuse_file: mount");
}

static int loop(void)
{
	static _Alignas(8) char request[ROOM];
	struct pollfd fd = { .fd = device, .events = POLLIN };
	ssize_t got;

	for (;;) {
		answer_held();
		if (poll(&fd, 1, 20) <= 0)
			continue;
		got = read(device, request, sizeof(request));
		if (got >= (ssize_t)sizeof(struct fuse_in_header))
			serve((void *)request, request + sizeof(struct fuse_in_header));
		else if (errno == ENODEV)
			return 0;
		else if (errno != EINTR && errno != ENOENT && errno != EAGAIN)
			die("fuse_file: read");
	}
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: fuse_file PATH SIZE [SEED]\n");
		return 2;
	}
	size = strtoull(argv[2], NULL, 0);
	seed = argc > 3 ? (strtoull(argv[3], NULL, 0) + 1) * 0x9e3779b97f4a7c15 : 0;
	content = calloc(1, size);
	if (!content)
		die("fuse_file");
	mount_on(argv[1]);
	return loop();
}
