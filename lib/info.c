/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * info.c - a description as the library keeps it.
 *
 * Copies what the caller gave, whatever version of the header it was compiled with: members that
 * the caller does not know are zero, tables are brought to today's element size, strings and
 * small tables become the library's own. Refuses what no PCI device can be; parts with an owner
 * of their own (names, capabilities, register maps) are checked there.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <uuid/uuid.h>

#include "env.h"
#include "internal.h"

/* Descriptions end here in the first release, whatever comes behind later; shorter ones are not
 * ours. */
#define INFO_SIZE_MIN (offsetof(lm_dev_info_t, reserved) + sizeof(uint32_t))

static bool all_zero(const void *p, size_t len)
{
	const char *c = p;

	while (len && !*c) {
		c++;
		len--;
	}
	return !len;
}

/* An array of @nr elements of @size bytes as an array of elements of @own bytes. */
static int copy_table(void *table, uint32_t nr, size_t size, size_t own)
{
	const char *from = *(const char **)table;
	char *to;
	uint32_t i;

	*(void **)table = NULL;
	if (!nr)
		return 0;
	if (!from || !size)
		return -EINVAL;
	to = calloc(nr, own);
	if (!to)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		memcpy(to + i * own, from + i * size, size < own ? size : own);
	*(void **)table = to;
	return 0;
}

static int copy_string(const char **s)
{
	if (!*s)
		return 0;
	*s = strdup(*s);
	return *s ? 0 : -ENOMEM;
}

/* Afterwards every pointer is NULL or ours, so that info_free() may follow any failure. */
static int copy_parts(lm_dev_info_t *to)
{
	int ret = 0;

	ret = copy_table(&to->ext_caps, to->nr_ext_caps, to->ext_cap_size, sizeof(lm_ext_cap_t));
	ret = copy_table(&to->extra_regs, to->nr_extra_regs, to->extra_reg_size,
			 sizeof(lm_reg_info_t)) ?: ret;
	ret = copy_table(&to->props, to->nr_props, to->prop_size, sizeof(lm_prop_t)) ?: ret;
	ret = copy_string(&to->type) ?: ret;
	ret = copy_string(&to->name) ?: ret;
	ret = copy_string(&to->uuid) ?: ret;
	ret = copy_string(&to->socket_path) ?: ret;
	return ret;
}

#define TRANSPORTS (LM_DEV_LISTEN_FD | LM_DEV_CONN_FD | LM_DEV_MDEV)

/* $MUSER_UUID, $MUSER_TRANSPORT and $MUSER_LISTEN_FD serve one context: the first that names
 * none of these. */
static int from_environment(lm_dev_info_t *info)
{
	const char *uuid = env_get("MUSER_UUID"), *fd = env_get("MUSER_LISTEN_FD");
	const char *transport = env_get("MUSER_TRANSPORT");
	char *end;
	long nr;

	if (!info->uuid && uuid) {
		info->uuid = strdup(uuid);
		if (!info->uuid)
			return -ENOMEM;
	}
	if (info->socket_path || (info->flags & TRANSPORTS))
		return 0;
	if (transport && !strcmp(transport, "mdev"))
		info->flags |= LM_DEV_MDEV;
	if (!fd || (info->flags & LM_DEV_MDEV))
		return 0;
	errno = 0;
	nr = strtol(fd, &end, 10);
	if (errno || end == fd || *end || nr < 0 || nr > INT_MAX) {
		log_info(info, LM_LOG_ERR, "MUSER_LISTEN_FD=%s: not a descriptor", fd);
		return -EINVAL;
	}
	info->fd = (int)nr;
	info->flags |= LM_DEV_LISTEN_FD;
	return 0;
}

static int default_uuid(lm_dev_info_t *info)
{
	char *given = (char *)info->uuid;
	char text[UUID_STR_LEN];
	uuid_t uuid;
	int ret = 0;

	info->uuid = NULL;
	if (!given) {
		uuid_generate_random(uuid);
	} else if (uuid_parse(given, uuid)) {
		log_info(info, LM_LOG_ERR, "%.64s: not a UUID", given);
		ret = -EINVAL;
	}
	free(given);
	if (ret)
		return ret;
	uuid_unparse_lower(uuid, text);
	info->uuid = strdup(text);
	return info->uuid ? 0 : -ENOMEM;
}

static int check_flags(const lm_dev_info_t *info)
{
	const uint32_t fds = LM_DEV_LISTEN_FD | LM_DEV_CONN_FD;

	if ((info->flags & fds) == fds) {
		log_info(info, LM_LOG_ERR, "a descriptor either listens or is connected");
		return -EINVAL;
	}
	if ((info->flags & fds) && (info->fd < 0 || info->socket_path)) {
		log_info(info, LM_LOG_ERR, "fd and socket_path exclude each other");
		return -EINVAL;
	}
	if ((info->flags & LM_DEV_MDEV) && (info->socket_path || (info->flags & fds))) {
		log_info(info, LM_LOG_ERR, "a mediated device has no socket");
		return -EINVAL;
	}
	if ((info->flags & LM_DEV_MDEV) && !info->uuid) {
		log_info(info, LM_LOG_ERR, "a mediated device has a UUID: none is given");
		return -EINVAL;
	}
	if ((info->flags & LM_DEV_THREADS) && (info->flags & LM_DEV_BUSY_POLL)) {
		log_info(info, LM_LOG_ERR, "one thread polls, several sleep: not both");
		return -EINVAL;
	}
	if ((info->flags & LM_DEV_NO_CONTROL) && !info->socket_path &&
	    !(info->flags & TRANSPORTS)) {
		log_info(info, LM_LOG_ERR, "without a folder a device needs socket_path or fd");
		return -EINVAL;
	}
	return 0;
}

/* As much of @from as both know. From here on there is somebody to complain to. */
static int copy_known(lm_dev_info_t *to, const lm_dev_info_t *from, size_t size)
{
	const size_t own = sizeof(*to);

	memset(to, 0, own);
	if (from && size >= INFO_SIZE_MIN)
		memcpy(to, from, size < own ? size : own);
	log_new(to);
	if (!from)
		log_info(to, LM_LOG_ERR, "no description was given");
	else if (size < INFO_SIZE_MIN)
		log_info(to, LM_LOG_ERR, "a description has %zu bytes or more, not %zu",
			 INFO_SIZE_MIN, size);
	else if (size > own && !all_zero((const char *)from + own, size - own))
		log_info(to, LM_LOG_ERR, "the description uses members of a newer libmuser than "
			 "%s", lm_version());
	else
		return 0;
	return -EINVAL;
}

int info_copy(lm_dev_info_t *to, const lm_dev_info_t *from, size_t size)
{
	int ret;

	ret = copy_known(to, from, size);
	if (ret)
		return ret;
	ret = copy_parts(to);
	ret = ret ?: from_environment(to);
	ret = ret ?: check_flags(to);
	ret = ret ?: name_check_device(to);
	ret = ret ?: name_check_props(to);
	ret = ret ?: default_uuid(to);
	if (!to->socket_mode)
		to->socket_mode = 0600;
	if (ret)
		info_free(to);
	return ret;
}

void info_free(lm_dev_info_t *info)
{
	free((void *)info->ext_caps);
	free((void *)info->extra_regs);
	free((void *)info->props);
	free((char *)info->type);
	free((char *)info->name);
	free((char *)info->uuid);
	free((char *)info->socket_path);
}
