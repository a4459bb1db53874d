/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor.h - what can be checked about this host.
 */
#ifndef MUSCTL_DOCTOR_H
#define MUSCTL_DOCTOR_H

enum health { HEALTH_OK, HEALTH_WARN, HEALTH_FAIL };

struct finding {
	enum health health;
	char        found[256];  /* what is so */
	char        advice[256]; /* what to do about it; empty: nothing */
};

/** struct check - one thing to look at; a table ends with name NULL */
struct check {
	const char *name;
	void      (*look)(struct finding *finding); /* which comes empty, HEALTH_OK */
};

extern const struct check doctor_checks[];

#endif /* MUSCTL_DOCTOR_H */
