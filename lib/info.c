/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * info.c - a description as the library keeps it.
 *
 * Copies what the caller gave, whatever version of the header it was compiled with: members that
 * the caller does not know are zero, tables are brought to today's element size, strings and
 * small tables become the library's own, and the environment fills in what is not given. Whether
 * it can be is info_check.c's question.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <uuid/uuid.h>

#include "base/bus.h"
#include "base/env.h"
#include "base/option.h"
#include "info.h"

/* Descriptions end here in the first release, whatever comes behind later; shorter ones are not
 * ours. */
#define INFO_SIZE_MIN (offsetof(lm_dev_info_t, state_version) + sizeof(uint32_t))

/* A table of a description, whose elements are as long as the caller's header made them. */
struct table {
	const char *name;
	void *at; /* the pointer to it in the description */
	uint32_t nr, size;
	size_t own;
};

static const char *table_fault(const struct table *t, const char *from)
{
	uint32_t i;

	if (!from)
		return "the table is missing";
	if (!t->size)
		return "the size of its elements is missing";
	for (i = 0; i < t->nr && t->size > t->own; i++) {
		if (!all_zero(from + (size_t)i * t->size + t->own, t->size - t->own))
			return "the table uses members of a newer libmuser";
	}
	return NULL;
}

/* As an array of elements of today's size. */
static int copy_table(const lm_dev_info_t *info, const struct table *t)
{
	const char *from = *(const char **)t->at, *fault;
	char *to;
	uint32_t i;

	*(void **)t->at = NULL;
	if (!t->nr)
		return 0;
	fault = table_fault(t, from);
	if (fault) {
		log_info(info, LM_LOG_ERR, "%s: %s", t->name, fault);
		return -EINVAL;
	}
	to = calloc(t->nr, t->own);
	if (!to)
		return -ENOMEM;
	for (i = 0; i < t->nr; i++)
		memcpy(to + i * t->own, from + (size_t)i * t->size,
		       t->size < t->own ? t->size : t->own);
	*(void **)t->at = to;
	return 0;
}

static int copy_string(const char **s)
{
	if (!*s)
		return 0;
	*s = strdup(*s);
	return *s ? 0 : -ENOMEM;
}

/* The device hears of its options, and then says what these make of it. The rest of @to is still
 * the caller's, who may change it now. */
static int configure(lm_dev_info_t *to)
{
	const struct table props = { "props", &to->props, to->nr_props, to->prop_size,
				     sizeof(lm_prop_t) };
	struct option_fault fault;
	lm_dev_info_t before;
	int ret;

	ret = copy_table(to, &props);
	to->prop_size = sizeof(lm_prop_t);
	ret = ret ?: info_check_props(to);
	if (!ret) {
		ret = option_set_environment(to, &fault);
		if (ret)
			log_info(to, LM_LOG_ERR, "%s: %s", fault.object, fault.text);
		ret = ret == -ENOENT ? -EINVAL : ret;
	}
	before = *to;
	if (!ret && to->configure) {
		ret = to->configure(to->pvt, to);
		if (ret)
			log_info(to, LM_LOG_ERR, "configure failed: %s", strerror(-ret));
		to->props = before.props;
		to->nr_props = before.nr_props;
		to->prop_size = before.prop_size;
		to->pvt = before.pvt;
	}
	if (ret)
		free((void *)to->props);
	return ret;
}

/* Of regions and interrupts; those of tables that are not there, too: none. */
static int copy_names(lm_dev_info_t *to)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; to->extra_regs && i < to->nr_extra_regs; i++)
		ret = copy_string(&((lm_reg_info_t *)to->extra_regs)[i].name) ?: ret;
	for (i = 0; to->irqs && i < to->nr_irqs; i++)
		ret = copy_string(&((lm_irq_info_t *)to->irqs)[i].name) ?: ret;
	return ret;
}

static void free_names(lm_dev_info_t *info)
{
	uint32_t i;

	for (i = 0; info->extra_regs && i < info->nr_extra_regs; i++)
		free((char *)info->extra_regs[i].name);
	for (i = 0; info->irqs && i < info->nr_irqs; i++)
		free((char *)info->irqs[i].name);
}

/* Afterwards every pointer is NULL or ours, so that info_free() may follow any failure. */
static int copy_parts(lm_dev_info_t *to)
{
	const struct table tables[] = {
		{ "ext_caps", &to->ext_caps, to->nr_ext_caps, to->ext_cap_size,
		  sizeof(lm_ext_cap_t) },
		{ "extra_regs", &to->extra_regs, to->nr_extra_regs, to->extra_reg_size,
		  sizeof(lm_reg_info_t) },
		{ "cap_list", &to->cap_list, to->nr_caps, to->cap_size, sizeof(lm_cap_t) },
		{ "irqs", &to->irqs, to->nr_irqs, to->irq_size, sizeof(lm_irq_info_t) },
	};
	size_t i;
	int ret = 0;

	for (i = 0; i < LM_NR(tables); i++)
		ret = copy_table(to, &tables[i]) ?: ret;
	ret = copy_names(to) ?: ret;
	ret = copy_string(&to->type) ?: ret;
	ret = copy_string(&to->name) ?: ret;
	ret = copy_string(&to->uuid) ?: ret;
	ret = copy_string(&to->socket_path) ?: ret;
	return ret;
}

#define TRANSPORTS (LM_DEV_LISTEN_FD | LM_DEV_CONN_FD | LM_DEV_MDEV)

static int string_from(const char **s, const char *variable)
{
	const char *value = env_get(variable);

	if (*s || !value)
		return 0;
	*s = strdup(value);
	return *s ? 0 : -ENOMEM;
}

static int socket_from(lm_dev_info_t *info)
{
	const char *mode = env_get("MUSER_SOCKET_MODE"), *group = env_get("MUSER_SOCKET_GROUP");
	const char *fault;

	if (!info->socket_mode && mode && !option_parse_mode(mode, &info->socket_mode)) {
		log_info(info, LM_LOG_ERR, "MUSER_SOCKET_MODE=%s: not an octal mode from 1 to 0777",
			 mode);
		return -EINVAL;
	}
	fault = !info->socket_gid && group ? option_set_group(info, group) : NULL;
	if (fault)
		log_info(info, LM_LOG_ERR, "MUSER_SOCKET_GROUP=%s: %s", group, fault);
	return fault ? -EINVAL : 0;
}

/* What it says serves one context: the first that does not say so itself. */
static int from_environment(lm_dev_info_t *info)
{
	const char *transport = env_get("MUSER_TRANSPORT"), *fd = env_get("MUSER_LISTEN_FD");
	char *end;
	long nr;
	int ret;

	ret = string_from(&info->uuid, "MUSER_UUID");
	ret = ret ?: string_from(&info->name, "MUSER_NAME");
	ret = ret ?: socket_from(info);
	if (ret)
		return ret;
	if (env_get("MUSER_NO_MMAP"))
		info->flags |= LM_DEV_NO_MMAP;
	if (info->socket_path || (info->flags & TRANSPORTS))
		return 0;
	if (transport && !strcmp(transport, "mdev"))
		info->flags |= LM_DEV_MDEV;
	if (info->flags & LM_DEV_MDEV)
		return 0;
	if (!fd)
		return string_from(&info->socket_path, "MUSER_SOCKET_PATH");
	errno = 0;
	nr = strtol(fd, &end, 10);
	if (errno || end == fd || *end || nr < 0 || nr > INT_MAX) {
		log_info(info, LM_LOG_ERR, "MUSER_LISTEN_FD=%s: not a file descriptor", fd);
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
		log_info(to, LM_LOG_ERR, "the description must have at least %zu bytes, not %zu",
			 INFO_SIZE_MIN, size);
	else if (size > own && !all_zero((const char *)from + own, size - own))
		log_info(to, LM_LOG_ERR,
			 "the description uses members of a newer libmuser than "
			 "%s",
			 lm_version());
	else
		return 0;
	return -EINVAL;
}

int info_copy(lm_dev_info_t *to, const lm_dev_info_t *from, size_t size)
{
	uint32_t *irqs = to->pci_info.irq_count;
	int ret;

	ret = copy_known(to, from, size);
	ret = ret ?: configure(to);
	if (ret)
		return ret;
	ret = copy_parts(to);
	ret = ret ?: from_environment(to);
	ret = ret ?: info_check(to);
	ret = ret ?: default_uuid(to);
	if (!to->socket_mode)
		to->socket_mode = to->socket_gid ? 0660 : 0600;
	if (bus_is_pci(to) && !(to->flags & LM_DEV_NO_ERR_REQ)) {
		irqs[LM_DEV_ERR_IRQ_IDX] = irqs[LM_DEV_ERR_IRQ_IDX] ?: 1;
		irqs[LM_DEV_REQ_IRQ_IDX] = irqs[LM_DEV_REQ_IRQ_IDX] ?: 1;
	}
	if (ret)
		info_free(to);
	return ret;
}

void info_free(lm_dev_info_t *info)
{
	free_names(info);
	free((void *)info->cap_list);
	free((void *)info->ext_caps);
	free((void *)info->extra_regs);
	free((void *)info->props);
	free((void *)info->irqs);
	free((char *)info->type);
	free((char *)info->name);
	free((char *)info->uuid);
	free((char *)info->socket_path);
}
