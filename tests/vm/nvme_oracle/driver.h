/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver.h - as much of an NVMe driver as it takes to put any 64 bytes into a queue.
 *
 * One queue pair for admin commands, one for I/O, polled; one command at a time. Runs in a guest
 * as root, on a function that no driver is bound to: registers through sysfs, queues and data in a
 * huge page, whose address is in pagemap.
 */
#ifndef ORACLE_DRIVER_H
#define ORACLE_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

enum { ADMIN = 0, IO = 1 };

/* Base 2.0, 3.3.3.1: a submission queue entry. */
struct command {
	uint8_t opcode;
	uint8_t flags; /* FUSE, PSDT */
	uint16_t cid;
	uint32_t nsid, cdw2, cdw3;
	uint64_t mptr;
	uint64_t prp1, prp2;
	uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};

_Static_assert(sizeof(struct command) == 64, "as the specification has it");

/* Beside status type and code, bits 10:8 and 7:0 */
enum { STATUS_PENDING = 0x10000, STATUS_NONE };

struct controller {
	volatile uint32_t *bar;
	struct {
		uint16_t head, tail, cq_head, phase;
	} queue[2];
	uint16_t cid;
	unsigned int page; /* the first of its queues */
};

/* What both controllers work on: the rest of the huge page. */
#define DATA_SIZE (1u << 20)

extern uint8_t *data;           /* DATA_SIZE bytes */
extern uint64_t data_at;        /* their address for a controller */
extern uint64_t prp_list_at;    /* of a page of PRP entries, all of which are data */
extern uint64_t queue_space_at; /* of some pages that a queue may lie in */

/* Or the process ends, and says why. */
void memory_setup(void);
void controller_open(struct controller *c, const char *address);
void controller_reset(struct controller *c); /* and has an I/O queue again */

/* Its status; STATUS_NONE: it has not ended in ten seconds. */
uint32_t command_run(struct controller *c, unsigned int queue, struct command command);

/* The same, but STATUS_PENDING when another command has ended meanwhile and it has not. */
uint32_t command_start(struct controller *c, struct command command);

#endif
