/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.h - vfio_client: what its files share.
 *
 * A command gets its words, prints at most one line of result and returns 0 or -errno; what it
 * expected and did not see is said on stderr and is -EPROTO. Commands of one run share one open
 * device, its mappings and its memory.
 */
#ifndef VFIO_CLIENT_H
#define VFIO_CLIENT_H

#include <linux/vfio.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MAX_REGIONS 32
#define MAX_INDEXES 16
#define MAX_VECTORS 64
#define MAX_MEMORY  64
#define MAX_WORDS   64
#define MAX_IOAS    4

struct mapping { /* of a region */
	char    *address;
	uint64_t offset, size;
};

struct memory { /* that the device may reach */
	char    *address;
	uint64_t iova, size;
	int      fd; /* -1: anonymous; absent: the userfaultfd */
	unsigned int ioas; /* in which address space it was mapped, see cdev.c */
};

struct client {
	int container, group, device; /* container: /dev/iommu, too; then there is no group */
	const char *uuid;
	int other; /* a second device: cdev.c */
	uint32_t ioas[MAX_IOAS]; /* 0: none */
	unsigned int ioas_nr;
	struct mapping mapping[MAX_REGIONS];
	struct memory memory[MAX_MEMORY];
	int eventfd[MAX_INDEXES][MAX_VECTORS]; /* 0: none */
	int unmask[MAX_INDEXES];
};

struct command {
	const char *name;
	const char *help;
	int min_args;
	int (*run)(struct client *c, int argc, char **argv); /* argv[0]: the first argument */
};

extern const struct command device_commands[]; /* device.c */
extern const struct command cdev_commands[];   /* cdev.c */
extern const struct command region_commands[]; /* region.c */
extern const struct command irq_commands[];    /* irq.c */
extern const struct command dma_commands[];    /* dma.c */
extern const struct command load_commands[];   /* load.c */
extern const struct command limit_commands[];  /* limits.c */
extern const struct command storm_commands[];  /* storm.c */
extern const struct command between_commands[]; /* between.c */
extern const struct command hostile_commands[]; /* hostile.c */
extern const struct command victim_commands[]; /* victim.c */
extern const struct command trick_commands[];  /* tricks.c */
extern const struct command endure_commands[]; /* endure.c */
extern const struct command repeat_commands[]; /* vfio_client.c */
extern const struct command absent_commands[]; /* absent.c */

/* device.c: 0 or -errno */
int device_open(struct client *c, const char *uuid);
int device_join(struct client *c, const char *uuid); /* its group, c's container: as above */
void device_close(struct client *c);
int device_get(struct client *c, const char *uuid); /* of c's container: a file, or -errno */
int xioctl(int fd, unsigned long request, void *arg); /* what ioctl returns, or -errno */
/* At vfio_region_info.offset and more; how many bytes, or -errno. */
ssize_t device_read(struct client *c, void *buffer, size_t count, uint64_t place);
ssize_t device_write(struct client *c, const void *buffer, size_t count, uint64_t place);
int device_map(struct client *c, uint64_t place, size_t size, int prot, char **address);

/* dma.c: the memory at an address; words: IOVA COUNT */
struct memory *memory_find(struct client *c, char **argv, char **at, uint64_t *count);
#define MEMORY_RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
int memory_map(struct client *c, const struct memory *m, uint32_t flags);
int64_t memory_unmap(struct client *c, uint64_t iova, uint64_t size); /* bytes, or -errno */

/* absent.c: the upper half is not there until "come"; sets address and fd */
int absent_allocate(struct memory *m);

/* cdev.c: 0, a file, or -errno */
int cdev_open(struct client *c);
int cdev_device(struct client *c, const char *uuid);

/* region.c */
int region_info(struct client *c, uint32_t index, struct vfio_region_info *info, size_t size);
int region_index(const char *word, uint32_t *index); /* bar0-bar5, rom, config or a number */
/* One pread or pwrite; fewer bytes than asked for are -EPROTO. */
int region_read(struct client *c, uint32_t index, uint64_t offset, void *buffer, size_t count);
int region_write(struct client *c, uint32_t index, uint64_t offset, const void *buffer,
		 size_t count);

/* vfio_client.c */
int number(const char *word, uint64_t *value);
/* Commands of the words: the device of UUID, nothing remembered. -EPROTO with a line said. */
int unexpected(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The byte that a pattern has at an offset; seeds differ everywhere. */
uint8_t pattern(uint32_t seed, uint64_t offset);
uint64_t now_ns(void); /* CLOCK_MONOTONIC */
uint64_t next_random(uint64_t *state);
uint64_t seed_of(unsigned int nr); /* a first state: each thread's own, another one each time */

#define NR(array) (sizeof(array) / sizeof(*(array)))

#endif
