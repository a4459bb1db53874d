/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * naming.c - see naming.h. A device that was started without musctl may still take a name
 * that is taken.
 */
#include "dev/naming.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "dev/control.h"
#include "dev/instance.h"
#include "ui/call.h"
#include "ui/error.h"
#include "ui/lockfile.h"
#include "ui/value.h"

#define LOCK    ".naming"
#define LOCK_MS 20000 /* longer than another musctl waits for its device */

int naming_begin(int *lock)
{
	*lock = lockfile_wait(LOCK, LOCK_MS);
	if (*lock >= 0)
		return 0;
	if (*lock != -EAGAIN)
		return error_no_runtime(NULL, *lock);
	return error(ST_FAILED, NULL,
		     "timed out waiting for another musctl that is naming a device");
}

void naming_end(int *lock)
{
	if (*lock >= 0) {
		lockfile_remove(LOCK);
		close(*lock);
	}
	*lock = -1;
}

int naming_check(const char *object, const char *name, const char *except)
{
	char other[UUID_SIZE];
	int status = instance_named(name, except, other);

	if (status || !*other)
		return status;
	return error(ST_FAILED, object, "the name '%s' is already taken by %s", name, other);
}

int naming_check_device(const char *object, const char *uuid, const char *wanted)
{
	struct json_object *device;
	struct control *control;
	const char *name;
	int lock = -1, status = instance_show(uuid, &control, &device);

	if (status)
		return status;
	name = value_text(device, "name");
	if (wanted && (!name || strcmp(name, wanted)))
		status = error(ST_FAILED, object,
			       "its device does not take the name '%s' (it has one of its own, or "
			       "an older libmuser)",
			       wanted);
	if (name && !status)
		status = naming_begin(&lock) ?: naming_check(object, name, uuid);
	naming_end(&lock);
	control_close(control);
	return status;
}
