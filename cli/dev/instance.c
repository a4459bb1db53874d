/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * instance.c - finds devices by UUID, prefix or name. A word that is the name of one and the
 * start of another's UUID is ambiguous: to guess could end the wrong device.
 */
#include "dev/instance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/json.h"
#include "muser-instance.h"

#include "dev/control.h"
#include "dev/logs.h"
#include "mdev/mdev.h"
#include "ui/call.h"
#include "ui/error.h"
#include "ui/value.h"

#define MIN_PREFIX 4
#define TYPED_SIZE 256 /* of a word of standard input */

/* ---- all of them ----------------------------------------------------------------- */

static int add_live(void *arg, const char *uuid, bool alive)
{
	return alive ? uuid_list_add(arg, uuid) : 0;
}

int instance_list(struct uuid_list *list)
{
	int err;

	memset(list, 0, sizeof(*list));
	err = lm_instance_list(add_live, list);
	if (err < 0 && err != -ENOENT) {
		uuid_list_free(list);
		return error_no_runtime(NULL, err);
	}
	uuid_list_sort(list);
	return 0;
}

void instance_list_mdevs(struct uuid_list *list)
{
	struct uuid_list mdevs;
	size_t i;

	mdev_list(&mdevs);
	for (i = 0; i < mdevs.nr; i++)
		uuid_list_add(list, mdevs.uuids[i]);
	uuid_list_free(&mdevs);
	uuid_list_sort(list);
}

/* ---- one of them ----------------------------------------------------------------- */

static bool is_prefix(const char *word)
{
	return strspn(word, "0123456789abcdefABCDEF-") == strlen(word);
}

/* From its directory: whether it answers or not. */
static bool has_name(const char *uuid, const char *name)
{
	char its[64];

	return !lm_instance_label(uuid, "name", its, sizeof(its)) && !strcmp(its, name);
}

/* Moves the matches to the front; how many there are. */
static size_t keep_matches(struct uuid_list *list, const char *word)
{
	const size_t len = is_prefix(word) ? strlen(word) : 0;
	char found[UUID_SIZE];
	size_t i, nr = 0;

	for (i = 0; i < list->nr; i++) {
		if ((len < MIN_PREFIX || ascii_compare_n(list->uuids[i], word, len)) &&
		    !has_name(list->uuids[i], word))
			continue;
		memcpy(found, list->uuids[i], UUID_SIZE);
		memmove(list->uuids[i], list->uuids[nr], UUID_SIZE);
		memcpy(list->uuids[nr++], found, UUID_SIZE);
	}
	return nr;
}

int instance_named(const char *name, const char *except, char uuid[UUID_SIZE])
{
	struct uuid_list list;
	int status = instance_list(&list);
	size_t i;

	uuid[0] = '\0';
	for (i = 0; i < list.nr && !status && !uuid[0]; i++) {
		if ((!except || strcmp(list.uuids[i], except)) && has_name(list.uuids[i], name))
			memcpy(uuid, list.uuids[i], UUID_SIZE);
	}
	uuid_list_free(&list);
	return status;
}

static int no_such(const char *word)
{
	return error(ST_NO_DEVICE, word, "no such device (musctl list shows them)");
}

int instance_report_ended(const char *word)
{
	return error(ST_NO_DEVICE, word, "no such device (musctl list --all shows them)");
}

/* The result is left in front of the list. */
static int choose(struct uuid_list *list, const char *word, bool ended)
{
	const size_t nr = keep_matches(list, word);
	char text[6 * UUID_SIZE + 8] = "";
	size_t i, len = 0;

	if (nr == 1)
		return 0;
	for (i = 0; i < nr && i < 6; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
					list->uuids[i]);
	if (nr)
		return error(ST_FAILED, word, "matches %zu devices: %s%s", nr, text,
			     nr > 6 ? " ..." : "");
	if (is_prefix(word) && strlen(word) < MIN_PREFIX)
		return error(ST_NO_DEVICE, word,
			     "no such device (a UUID prefix needs at least %d characters)",
			     MIN_PREFIX);
	return ended ? instance_report_ended(word) : no_such(word);
}

static bool read_word(char word[TYPED_SIZE])
{
	return scanf("%255s", word) == 1;
}

/* 0, or the exit status: words have ended because no more could be read. */
static int input_failed(void)
{
	return ferror(stdin) ? error(ST_FAILED, NULL, "standard input: %s", strerror(errno)) : 0;
}

/* Of those that have ended the last one with a name has it, unless one has it now. */
static int choose_ended(struct uuid_list *list, const char *word)
{
	char uuid[UUID_SIZE];

	if (keep_matches(list, word))
		return choose(list, word, true);
	if (!logs_named(word, uuid)) {
		logs_list(list);
		return choose(list, word, true);
	}
	uuid_list_free(list);
	return uuid_list_add(list, uuid) ? error(ST_FAILED, NULL, "out of memory") : 0;
}

static int find(const char *word, char uuid[UUID_SIZE], bool ended)
{
	struct uuid_list list;
	char typed[TYPED_SIZE];
	int status;

	if (!strcmp(word, "-")) {
		if (!read_word(typed)) {
			status = input_failed();
			return status ?: error(ST_NO_DEVICE, word, "no UUID on standard input");
		}
		word = typed;
	}
	if (uuid_canonical(word, uuid))
		return 0;
	status = instance_list(&list);
	if (!status)
		instance_list_mdevs(&list);
	if (!status)
		status = ended ? choose_ended(&list, word) : choose(&list, word, false);
	if (!status)
		memcpy(uuid, list.uuids[0], UUID_SIZE);
	uuid_list_free(&list);
	return status;
}

int instance_find(const char *word, char uuid[UUID_SIZE])
{
	return find(word, uuid, false);
}

int instance_find_ended(const char *word, char uuid[UUID_SIZE])
{
	return find(word, uuid, true);
}

int instance_report(const char *word, int err)
{
	char uuid[UUID_SIZE];
	pid_t pid;

	if (err == -ENOENT && !instance_find(word, uuid) && mdev_exists(uuid)) {
		if (mdev_is_served(uuid, &pid))
			return error(ST_FAILED, word,
				     "served by process %d, of another user or runtime "
				     "directory (see MUSER_RUNTIME_DIR), or without libmuser",
				     (int)pid);
		return error(ST_NO_DEVICE, word,
			     "is an mdev without a device process "
			     "(musctl create -u %s --transport=mdev TYPE)",
			     uuid);
	}
	if (err == -ENOENT || err == -ECONNREFUSED)
		return no_such(word);
	if (err == -EPERM)
		return error(ST_FAILED, word,
			     "its directory or socket does not belong to the "
			     "runtime directory's owner");
	return error(ST_FAILED, word, "cannot reach the device: %s", strerror(-err));
}

int instance_open(const char *word, struct control **control)
{
	char uuid[UUID_SIZE];
	int err, status = instance_find(word, uuid);

	if (status)
		return status;
	err = control_open(uuid, control);
	return err ? instance_report(strcmp(word, "-") ? word : uuid, err) : 0;
}

int instance_ask(struct control *control, struct json_object **device)
{
	const char *uuid = control_uuid(control);
	struct json_object *reply;
	char name[64];
	int err;

	*device = NULL;
	err = control_call(control, "Show", NULL, &reply);
	if (err)
		return err;
	*device = json_get(reply, "device");
	if (!json_is_object(*device))
		return -EPROTO;
	/* Who it is, its directory and its socket say. */
	json_add_string(*device, "uuid", uuid);
	json_remove(*device, "name");
	if (!lm_instance_label(uuid, "name", name, sizeof(name)))
		json_add_string(*device, "name", name);
	json_remove(*device, "pid");
	if (control_pid(control) > 0) /* 0: of a PID namespace that is not ours */
		json_add_int(*device, "pid", control_pid(control));
	return 0;
}

int instance_show(const char *word, struct control **control, struct json_object **device)
{
	int err, status = instance_open(word, control);

	if (status)
		return status;
	err = instance_ask(*control, device);
	if (!err)
		return 0;
	status = control_report(*control, word, err);
	control_close(*control);
	*control = NULL;
	return status;
}

/* ---- several --------------------------------------------------------------------- */

static int add_word(struct words *words, const char *word)
{
	char **grown = realloc(words->list, (words->nr + 1) * sizeof(*grown));

	if (!grown)
		return error(ST_FAILED, NULL, "out of memory");
	words->list = grown;
	grown[words->nr] = strdup(word);
	if (!grown[words->nr])
		return error(ST_FAILED, NULL, "out of memory");
	words->nr++;
	return 0;
}

int words_expand(struct words *words, char **list, int nr)
{
	char word[TYPED_SIZE];
	int i, status = 0;

	memset(words, 0, sizeof(*words));
	for (i = 0; i < nr && !status; i++) {
		if (strcmp(list[i], "-")) {
			status = add_word(words, list[i]);
			continue;
		}
		while (!status && read_word(word))
			status = add_word(words, word);
		status = status ? status : input_failed();
	}
	return status;
}

void words_free(struct words *words)
{
	size_t i;

	for (i = 0; i < words->nr; i++)
		free(words->list[i]);
	free(words->list);
}

int instance_each(const struct call *call,
		  int (*fn)(const struct call *call, struct control *control))
{
	struct control *control;
	struct words words;
	int status, one;
	size_t i;

	status = words_expand(&words, call->words, call->nr_words);
	for (i = 0; i < words.nr; i++) {
		one = instance_open(words.list[i], &control);
		if (!one) {
			one = fn(call, control);
			control_close(control);
		}
		status = status ? status : one;
	}
	words_free(&words);
	return status;
}

int instance_each_uuid(const struct call *call,
		       int (*fn)(const struct call *call, const char *word, const char *uuid))
{
	char uuid[UUID_SIZE];
	struct words words;
	int status, one;
	size_t i;

	status = words_expand(&words, call->words, call->nr_words);
	for (i = 0; i < words.nr; i++) {
		one = find(words.list[i], uuid, call->cmd->flags & CMD_ENDED);
		if (!one)
			one = fn(call, words.list[i], uuid);
		status = status ? status : one;
	}
	words_free(&words);
	return status;
}
