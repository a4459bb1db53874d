/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmdline.h - the words that connect a virtual machine monitor to a device.
 */
#ifndef MUSCTL_CMDLINE_H
#define MUSCTL_CMDLINE_H

#include <stddef.h>

/* Choices of --cmdline. */
#define CMDLINE_CHOICES "qemu|libvirt|cloud-hypervisor"

/* The devices of one virtual machine, in their order; all zero: none. */
struct cmdline {
	struct cmdline_device *devices;
	size_t nr;
};

/* A device on a socket, or an mdev (socket NULL). 0, or the status of a printed error. */
int cmdline_add(struct cmdline *cmdline, const char *uuid, const char *socket);
/* Prints them to stdout, what they share once. who: one of the choices. The same. */
int cmdline_print(const struct cmdline *cmdline, const char *who);
void cmdline_free(struct cmdline *cmdline);

#endif /* MUSCTL_CMDLINE_H */
