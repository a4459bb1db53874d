/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmdline.h - the words that connect a virtual machine monitor to a device.
 */
#ifndef MUSCTL_CMDLINE_H
#define MUSCTL_CMDLINE_H

/* Choices of --cmdline. */
#define CMDLINE_CHOICES "qemu|libvirt|cloud-hypervisor"

/* Prints it to stdout. who: one of the choices; socket: absolute path. */
void cmdline_print(const char *who, const char *socket);
/* The same for an mdev. */
void cmdline_print_mdev(const char *who, const char *uuid);

#endif /* MUSCTL_CMDLINE_H */
