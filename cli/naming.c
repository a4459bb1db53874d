/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * naming.c - see naming.h. The lock is on the runtime directory itself, so that nothing has to be
 * cleaned up. A device that was started without musctl may still take a name that is taken.
 */
#include "naming.h"

#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "dir.h"

#include "clock.h"
#include "cmd.h"
#include "control.h"
#include "error.h"
#include "instance.h"
#include "value.h"

#define LOCK_NS 20000000000ULL /* longer than another musctl waits for its device */
#define STEP_NS 10000000

int naming_begin(int *lock)
{
	const struct timespec step = { .tv_nsec = STEP_NS };
	const uint64_t end = clock_ns() + LOCK_NS;
	const int runtime = dir_open_runtime(true, NULL);
	int err;

	*lock = runtime < 0 ? runtime : dir_reopen(runtime);
	if (runtime >= 0)
		close(runtime);
	if (*lock < 0)
		return error_no_runtime(NULL, *lock);
	while ((err = flock(*lock, LOCK_EX | LOCK_NB)) && clock_ns() < end)
		nanosleep(&step, NULL);
	if (!err)
		return 0;
	naming_end(lock);
	return error(ST_FAILED, NULL, "another musctl is giving a name, and does not end");
}

void naming_end(int *lock)
{
	if (*lock >= 0)
		close(*lock);
	*lock = -1;
}

int naming_check(const char *object, const char *name, const char *except)
{
	char other[UUID_SIZE];
	int status = instance_named(name, except, other);

	if (status || !*other)
		return status;
	return error(ST_FAILED, object, "'%s' is the name of %s already", name, other);
}

int naming_check_device(const char *object, const char *uuid)
{
	struct json_object *device;
	struct control *control;
	const char *name;
	int lock = -1, status = instance_show(uuid, &control, &device);

	if (status)
		return status;
	name = value_text(device, "name");
	status = name ? naming_begin(&lock) : 0;
	if (name && !status)
		status = naming_check(object, name, uuid);
	naming_end(&lock);
	control_close(control);
	return status;
}
