/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuse_file.h - a file whose file system answers when the test lets it.
 *
 * A child serves FUSE: one regular file, which is the root of its mount. It answers everything but
 * the operation that is held. Only the child has the FUSE device open, and an alarm ends it, so
 * that whatever the test does wrong, nobody waits for ever.
 */
#ifndef TEST_FUSE_FILE_H
#define TEST_FUSE_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUSE_FILE_SIZE 65536u
#define FUSE_OPCODES   64u

struct fuse_file {
	_Atomic uint32_t held;               /* this opcode is not answered; 0: all are */
	_Atomic uint32_t seen[FUSE_OPCODES]; /* requests */
	pid_t            child;
	char             path[PATH_MAX];
};

static inline void fuse_answer(int dev, uint64_t unique, const void *data, size_t len)
{
	struct fuse_out_header out = { .unique = unique, .len = (uint32_t)(sizeof(out) + len) };
	char reply[sizeof(out) + 256];

	memcpy(reply, &out, sizeof(out));
	memcpy(reply + sizeof(out), data, len);
	if (write(dev, reply, out.len) < 0 && errno != ENOENT)
		_exit(1);
}

static inline void fuse_refuse(int dev, uint64_t unique)
{
	const struct fuse_out_header out = { .unique = unique, .len = sizeof(out),
					     .error = -ENOSYS };

	if (write(dev, &out, sizeof(out)) < 0 && errno != ENOENT)
		_exit(1);
}

static inline void fuse_serve_one(struct fuse_file *f, int dev, const struct fuse_in_header *in)
{
	struct fuse_init_out init = { .major = 7, .minor = 31, .max_write = 4096 };
	struct fuse_attr_out attr = { .attr = {
		.ino = FUSE_ROOT_ID, .size = FUSE_FILE_SIZE, .mode = S_IFREG | 0666, .nlink = 1 } };
	struct fuse_open_out opened = { .fh = 1 };
	struct fuse_write_out written = { 0 };

	if (in->opcode < FUSE_OPCODES)
		f->seen[in->opcode]++;
	while (in->opcode == f->held)
		usleep(1000);
	if (in->opcode == FUSE_INIT)
		fuse_answer(dev, in->unique, &init, sizeof(init));
	else if (in->opcode == FUSE_GETATTR)
		fuse_answer(dev, in->unique, &attr, sizeof(attr));
	else if (in->opcode == FUSE_OPEN)
		fuse_answer(dev, in->unique, &opened, sizeof(opened));
	else if (in->opcode == FUSE_GETXATTR || in->opcode == FUSE_POLL)
		fuse_refuse(dev, in->unique);
	else if (in->opcode == FUSE_WRITE) {
		written.size = ((const struct fuse_write_in *)(const void *)(in + 1))->size;
		fuse_answer(dev, in->unique, &written, sizeof(written));
	} else if (in->opcode != FUSE_FORGET && in->opcode != FUSE_INTERRUPT)
		fuse_answer(dev, in->unique, "", 0);
}

static inline void fuse_serve(struct fuse_file *f, int dev)
{
	static _Alignas(8) char request[FUSE_MIN_READ_BUFFER + 4096];

	signal(SIGALRM, SIG_DFL);
	alarm(60);
	while (read(dev, request, sizeof(request)) > 0 || errno == EINTR || errno == ENOENT)
		fuse_serve_one(f, dev, (const struct fuse_in_header *)(void *)request);
	_exit(0);
}

/* The child does one thing after the other: nothing can be opened while something is held.
 * In a mount namespace of the test's own; NULL: FUSE cannot be used here. */
static inline struct fuse_file *fuse_file_new(void)
{
	const int user = geteuid() ? CLONE_NEWUSER : 0;
	struct fuse_file *f;
	pid_t child;
	char options[128];
	int dev, fd;

	f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(f->path, sizeof(f->path), "/tmp/fuse-file-XXXXXX");
	fd = mkstemp(f->path);
	close(fd);
	dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100000,user_id=%d,group_id=%d", dev,
		 (int)geteuid(), (int)getegid());
	if (dev < 0 || fd < 0 || unshare(CLONE_NEWNS | user) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("test", f->path, "fuse", MS_NOSUID | MS_NODEV, options)) {
		unlink(f->path);
		return NULL;
	}
	child = fork();
	if (!child)
		fuse_serve(f, dev);
	f->child = child; /* shared with it */
	close(dev);
	return f;
}

static inline int fuse_file_open(struct fuse_file *f)
{
	const int fd = open(f->path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

/* Until the file system has been asked; it waits in vain no longer than its child lives. */
static inline bool fuse_file_asked(struct fuse_file *f, uint32_t opcode)
{
	while (!f->seen[opcode] && !kill(f->child, 0) && !waitpid(f->child, NULL, WNOHANG))
		usleep(1000);
	return f->seen[opcode];
}

static inline void fuse_file_free(struct fuse_file *f)
{
	f->held = 0;
	umount2(f->path, MNT_DETACH);
	unlink(f->path);
	kill(f->child, SIGKILL);
	waitpid(f->child, NULL, 0);
	munmap(f, sizeof(*f));
}

#endif /* TEST_FUSE_FILE_H */
