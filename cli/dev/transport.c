/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * transport.c - chooses between mdev and vfio-user. "auto" is silent: what keeps the
 * kernel from being used is no fault where a socket will do. It will not for the UUID of an
 * mdev that is there.
 */
#include "dev/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/json.h"

#include "dev/control.h"
#include "mdev/mdev.h"
#include "ui/call.h"
#include "ui/error.h"
#include "ui/value.h"

#define VARIABLE "MUSER_TRANSPORT"

static bool is_mdev(const char *uuid, char canonical[UUID_SIZE])
{
	return uuid && uuid_canonical(uuid, canonical) && mdev_exists(canonical);
}

static const char *obstacle(const char *uuid)
{
	char canonical[UUID_SIZE];

	if (!is_mdev(uuid, canonical))
		return mdev_obstacle();
	return mdev_node(canonical) == -EACCES ? "no permission for its node in " MDEV_NODES
						 " (musctl doctor)" :
						 NULL;
}

int transport_choose(const struct transport *t, bool *mdev)
{
	const char *wanted = t->wanted ? t->wanted : env_get(VARIABLE);
	const char *why = NULL;
	char canonical[UUID_SIZE];

	if (!wanted)
		wanted = "auto";
	if (strcmp(wanted, "auto") && strcmp(wanted, "mdev") && strcmp(wanted, "vfio-user"))
		return error(ST_USAGE, VARIABLE, "'%s' is not one of " TRANSPORT_CHOICES, wanted);
	*mdev = false;
	if (!strcmp(wanted, "vfio-user"))
		return 0;
	if (t->socket && !t->wanted)
		return 0; /* what is on the line is stronger than the environment */
	if (!strcmp(wanted, "auto") && (t->socket || !is_mdev(t->uuid, canonical))) {
		*mdev = !t->socket && !obstacle(t->uuid);
		return 0;
	}
	if (t->socket)
		return error_usage(t->socket,
				   "cannot be used with --transport=mdev, which has no socket");
	why = obstacle(t->uuid);
	if (why)
		return error(ST_FAILED,
			     !strcmp(wanted, "auto") ? t->uuid :
			     t->wanted               ? "--transport=mdev" :
						       VARIABLE "=mdev",
			     "%s", why);
	*mdev = true;
	return 0;
}

void transport_setenv(bool mdev)
{
	if (mdev)
		setenv(VARIABLE, "mdev", 1);
	else
		unsetenv(VARIABLE);
}

bool transport_is_mdev(const char *uuid)
{
	struct json_object *reply;
	struct control *control;
	const char *transport;
	bool mdev = false;

	if (control_open(uuid, &control))
		return false;
	if (!control_call(control, "Show", NULL, &reply)) {
		transport = value_text(json_get(reply, "device"), "transport");
		mdev = transport && !strcmp(transport, "mdev");
	}
	control_close(control);
	return mdev;
}
