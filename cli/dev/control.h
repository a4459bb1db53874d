/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.h - the only client of the control endpoint (lib/muser.varlink). Calls are
 * bounded in time; what comes back is as untrusted as any device process.
 */
#ifndef MUSCTL_CONTROL_H
#define MUSCTL_CONTROL_H

#include <stddef.h>
#include <sys/types.h>

struct json_object;
struct control;

#define CONTROL_TIMEOUT_MS 5000

/* 0 or -errno: -ENOENT: no such instance. */
int control_open(const char *uuid, struct control **control);
void control_close(struct control *control); /* takes NULL */

const char *control_uuid(const struct control *control);
/* Of the device process, as the kernel knows it. */
pid_t control_pid(const struct control *control);
int control_fd(const struct control *control);
struct fate;
struct fate *control_fate(struct control *control);        /* of that process */
void control_set_timeout(struct control *control, int ms); /* -1: wait for ever */

/* A method without its interface name. parameters are taken, NULL is fine; *reply (may be
 * NULL) is borrowed, until control_close(). 0; -EREMOTE: the device answered with an
 * error; -ETIMEDOUT; -ECONNRESET: it went away; another -errno. */
int control_call(struct control *control, const char *method, struct json_object *parameters,
		 struct json_object **reply);

/* The last reply is not needed any more: for calls in a loop. The replies of a connection
 * are bounded: -EMSGSIZE. */
void control_drop(struct control *control);

/* A call that carries descriptors (borrowed) and gets one back (-1: none came). */
struct control_fds {
	const int *send;
	size_t nr;
	int received;
};
int control_call_fds(struct control *control, const char *method, struct control_fds *fds,
		     struct json_object **reply);

/* A call with many replies: control_more(), then control_next() for each; a reply is
 * borrowed until the next one. */
int control_more(struct control *control, const char *method);
int control_next(struct control *control, struct json_object **reply);

/* Tells the user why a call failed; object: what was asked for, or NULL: the device. An
 * exit status. */
int control_report(struct control *control, const char *object, int err);

#endif /* MUSCTL_CONTROL_H */
