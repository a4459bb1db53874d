/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target.h - what peek, poke, lspci and irq act on: a live device through its control
 * endpoint, so that its client stays attached, or with --socket anybody's vfio-user
 * server, as its client. Functions that return a status have printed what is wrong;
 * object is what they say it of.
 */
#ifndef MUSCTL_TARGET_H
#define MUSCTL_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muser-client.h>

#include "dev/regmap.h"
#include "ui/call.h"

struct control;
struct json_object;

/* Where in a device; name is what errors call it. */
struct location {
	const char *name;
	uint32_t region;
	unsigned int width;
	uint64_t offset;
};

struct target {
	struct control *control; /* one of the two; bench has both */
	lm_client_t *client;
	const char *name; /* what the user called it */
	struct regmap map;
	struct json_object *device; /* as it tells itself; NULL: not asked for, or --socket */
	struct names names;         /* target_ask() */
	uint32_t nr_irqs;           /* --socket: the same, indexes */
	int nr_words;               /* arguments after the device */
	char **words;
};

int target_open(struct target *t, const struct call *call);
void target_close(struct target *t);

/* What it is: names, whether it is a PCI device; once. */
int target_ask(struct target *t);

/* Names of registers into t->map; over --socket only those of the PCI header. */
int target_load_map(struct target *t);

/* Before anything is accessed: is there such a region, does the location lie in it, may it be
 * read, written (access)? A server would answer what is wrong as a bus does. */
#define TARGET_READ  (1u << 0)
#define TARGET_WRITE (1u << 1)
int target_check(struct target *t, const struct location *location, unsigned int access);

/* location->width bytes through the control endpoint: 0 or -errno, for control_report(). */
int target_fetch(struct control *control, const struct location *location, void *buf);

/* location->width bytes. */
int target_read(struct target *t, const struct location *location, void *buf);
/* Only the bits of mask change. Width 1, 2, 4 or 8. */
int target_write(struct target *t, const struct location *location, uint64_t value, uint64_t mask);

/* Little-endian bytes. */
uint64_t target_value(const uint8_t *bytes, unsigned int width);

/* For errors of the client: the server as object. */
int target_failed(const struct target *t, const char *object, int err);

#endif /* MUSCTL_TARGET_H */
