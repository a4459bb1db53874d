/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process.h - processes of devices, held by a descriptor: what is sent to one never reaches
 * another that has got its number.
 */
#ifndef MUSCTL_PROCESS_H
#define MUSCTL_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct process {
	int fd;    /* pidfd */
	pid_t pid; /* for messages: it means this process as long as that has not ended */
	bool made; /* it has made the device; else it only holds what is left of it */
};

/* The process of a device: the one that listens at the other end of sock (-1: nobody does), or
 * whichever holds the lock of the device's directory. 0, or -ESRCH: none is to be seen. */
int process_of_device(struct process *p, const char *uuid, int sock);
int process_signal(const struct process *p, int sig); /* 0 or -errno; -ESRCH: it has ended */
bool process_has_ended(const struct process *p);
bool process_wait(const struct process *p, int ms); /* Has it ended by then? */
/* Its name, "?" if that is not to be seen. */
void process_name(const struct process *p, char *buf, size_t size);
void process_close(struct process *p);

#endif /* MUSCTL_PROCESS_H */
