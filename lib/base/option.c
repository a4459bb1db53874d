/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * option.c - descriptions and what is said of them from outside. See option.h.
 */
#include "base/option.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/ascii.h"
#include "base/env.h"
#include "base/name_fault.h"
#include "base/prop.h"
#include "base/utf8.h"

/* ---- properties ------------------------------------------------------------------- */

static int no_memory(struct option_fault *fault)
{
	*fault = (struct option_fault){ "--option", "out of memory" };
	return -ENOMEM;
}

int option_set_value(const lm_dev_info_t *info, const char *name, const char *value,
		     struct option_fault *fault)
{
	const lm_prop_t *prop = prop_find(info, name);
	char accepts[PROP_ACCEPTS_MAX];
	const char *why;
	int ret;

	if (!prop) {
		snprintf(fault->object, sizeof(fault->object), "%s", name);
		snprintf(fault->text, sizeof(fault->text), "%s has no such option",
			 info->type ?: "the device");
		return -ENOENT;
	}
	ret = prop_set(info, name, value);
	if (ret) {
		why = value_fault(ret, value, prop_accepts(prop, name, accepts), fault->text);
		if (utf8_is_line(value))
			snprintf(fault->object, sizeof(fault->object), "%s=%.60s", name, value);
		else
			snprintf(fault->object, sizeof(fault->object), "%s", name);
		if (why != fault->text)
			snprintf(fault->text, sizeof(fault->text), "%s", why ?: strerror(-ret));
	}
	return ret;
}

static const char *split(const char *option, char name[NAME_LENGTH + 1], struct option_fault *fault)
{
	const size_t len = strcspn(option, "=");

	*fault = (struct option_fault){ "--option", TEXT_FAULT };
	if (!option[len] || !len || len > NAME_LENGTH) {
		snprintf(fault->text, sizeof(fault->text), "'%.200s' is not KEY=VALUE", option);
		return NULL;
	}
	snprintf(name, NAME_LENGTH + 1, "%.*s", (int)len, option);
	if (!utf8_is_line(name))
		return NULL;
	snprintf(fault->object, sizeof(fault->object), "%s", name);
	return utf8_is_line(option) ? option + len + 1 : NULL;
}

int option_set(const lm_dev_info_t *info, const char *option, struct option_fault *fault)
{
	char name[NAME_LENGTH + 1];
	const char *value = split(option, name, fault);

	return value ? option_set_value(info, name, value, fault) : -EINVAL;
}

int option_set_defaults(const lm_dev_info_t *info, struct option_fault *fault)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < info->nr_props && !ret; i++) {
		const lm_prop_t *prop = prop_at(info, i);

		if (prop->value && !(prop->flags & LM_PROP_RO))
			ret = option_set_value(info, prop->name, prop->value, fault);
	}
	return ret;
}

int option_set_lines(const lm_dev_info_t *info, const char *lines, struct option_fault *fault)
{
	int ret = 0;

	while (*lines && !ret) {
		const size_t len = strcspn(lines, "\n");
		char *line = strndup(lines, len);

		ret = line ? option_set(info, line, fault) : no_memory(fault);
		free(line);
		lines += len + (lines[len] == '\n');
	}
	return ret;
}

int option_set_environment(const lm_dev_info_t *info, struct option_fault *fault)
{
	const char *lines = env_get("MUSER_OPTIONS");
	const int ret = lines ? option_set_lines(info, lines, fault) : 0;

	unsetenv("MUSER_OPTIONS");
	return ret;
}

int option_join(char **lines, const char *option, struct option_fault *fault)
{
	char *all, name[NAME_LENGTH + 1];

	if (!split(option, name, fault))
		return -EINVAL;
	if (asprintf(&all, "%s%s\n", *lines ?: "", option) < 0)
		return no_memory(fault);
	free(*lines);
	*lines = all;
	return 0;
}

/* ---- sockets ---------------------------------------------------------------------- */

const char *option_set_fd(lm_dev_info_t *info, int fd)
{
	socklen_t len = sizeof(int);
	int listens = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len))
		return "is not a socket";
	info->flags |= listens ? LM_DEV_LISTEN_FD : LM_DEV_CONN_FD;
	info->fd = fd;
	return NULL;
}

const char *option_set_group(lm_dev_info_t *info, const char *group)
{
	const struct group *entry = getgrnam(group);
	unsigned long gid;
	char *end;

	if (entry) {
		info->socket_gid = entry->gr_gid + 1;
		return NULL;
	}
	errno = 0;
	gid = strtoul(group, &end, 10);
	if (!ascii_is_digit(*group) || *end || errno || gid >= UINT32_MAX)
		return "no such group";
	info->socket_gid = (uint32_t)gid + 1;
	return NULL;
}

bool option_parse_mode(const char *text, uint32_t *mode)
{
	const size_t len = strlen(text);

	if (!len || len > 5 || text[strspn(text, "01234567")])
		return false;
	*mode = (uint32_t)strtoul(text, NULL, 8);
	return *mode && *mode <= 0777;
}
