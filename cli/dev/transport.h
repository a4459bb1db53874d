/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * transport.h - how clients are to reach a device: as a vfio-user socket, or as an mdev of
 * muser.ko.
 */
#ifndef MUSCTL_TRANSPORT_H
#define MUSCTL_TRANSPORT_H

#include <stdbool.h>

#include <muser.h>

/* Choices of --transport. */
#define TRANSPORT_CHOICES "auto|mdev|vfio-user"
#define TRANSPORT_HELP    "how clients reach it (default: $MUSER_TRANSPORT, else auto)"

struct transport {
	const char *wanted; /* one of the choices, or NULL */
	const char *uuid;   /* of the device, or NULL: a random one */
	const char *socket; /* an option that was given and that only a socket has, or NULL */
};

/* 0, or the status of a printed error. auto: *mdev if there is no obstacle. */
int transport_choose(const struct transport *t, bool *mdev);

/* For programs that are linked with libmuser. */
void transport_setenv(bool mdev);

/* Does the device say that it is an mdev's? */
bool transport_is_mdev(const char *uuid);

#endif /* MUSCTL_TRANSPORT_H */
