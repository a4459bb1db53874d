/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor.h - what can be checked about this host.
 */
#ifndef MUSCTL_DOCTOR_H
#define MUSCTL_DOCTOR_H

enum health { HEALTH_OK, HEALTH_WARN, HEALTH_FAIL };

struct finding {
	enum health health;
	char found[256];  /* what is so */
	char advice[256]; /* what to do about it; empty: nothing */
};

/** struct check - one thing to look at; a table ends with name NULL */
struct check {
	const char *name;
	void (*look)(struct finding *finding); /* which comes empty, HEALTH_OK */
};

void doctor_say(struct finding *f, enum health health, const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* doctor_mdev.c: what mediated devices need */
void doctor_muser(struct finding *f);
void doctor_mdev(struct finding *f);
void doctor_types(struct finding *f);
void doctor_vfio(struct finding *f);
void doctor_nodes(struct finding *f);
void doctor_memlock(struct finding *f);

extern const struct check doctor_checks[];

#endif /* MUSCTL_DOCTOR_H */
