/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * complete.c - where candidates come from: the tables of verbs, the built-in types, and
 * live devices, which are asked quietly: a shell waits, and shows no errors.
 */
#include "cmd/complete.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/json.h"
#include "base/prop.h"

#include "../devices/devices.h"
#include "dev/bench.h"
#include "dev/control.h"
#include "dev/filter.h"
#include "dev/instance.h"
#include "dev/log_file.h"
#include "dev/logs.h"
#include "mdev/mdev.h"
#include "ui/out.h"
#include "ui/value.h"

#define TIMEOUT_MS  500
#define MAX_VECTORS 32 /* of a kind: more are no help */

/* What stands before the candidate in the same word: "--cmdline=". */
static const char *prefix = "";
static int prefix_len;

/* Names that devices give end up on a command line: only what means nothing to a shell. */
static void print(const char *word, const char *help)
{
	if (!word || word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789_.,:+=/@-")])
		return;
	printf("%.*s%s", prefix_len, prefix, word);
	if (help && *help) {
		putchar('\t');
		out_clean(help);
	}
	putchar('\n');
}

/* Candidates continue the word from here on. */
static void keep_until(const struct line *line, const char *end)
{
	prefix = line->word;
	prefix_len = (int)(end - line->word);
}

void complete_verbs(void)
{
	unsigned int i;

	for (i = 0; cmd_table[i]; i++) {
		if (!(cmd_table[i]->flags & CMD_HIDDEN))
			print(cmd_table[i]->name, cmd_table[i]->summary);
	}
}

void complete_options(const struct line *line)
{
	struct opt_line all = { 0 };
	const struct opt *opt;
	char word[80];
	unsigned int i;

	cmd_option_sets(line->cmd, &all, NULL, NULL);
	for (i = 0; i < OPT_MAX_SETS; i++) {
		for (opt = all.sets[i].table; opt && opt->name; opt++) {
			snprintf(word, sizeof(word), "--%s", opt->name);
			if (opt->help)
				print(word, opt->help);
			snprintf(word, sizeof(word), "-%c", opt->letter);
			if (opt->help && opt->letter)
				print(word, opt->help);
		}
	}
}

static void print_choices(const char *choices)
{
	char word[80];
	size_t len;

	for (choices = opt_next_choice(choices, &len); len;
	     choices = opt_next_choice(choices + len, &len)) {
		snprintf(word, sizeof(word), "%.*s", (int)len, choices);
		print(word, NULL);
	}
}

void complete_value(const struct line *line, const struct opt *opt)
{
	const char *equals = strchr(line->word, '=');

	if (!strncmp(line->word, "--", 2) && equals)
		keep_until(line, equals + 1);
	if (opt->kind == OPT_CHOICE || opt->kind == OPT_MAYBE)
		print_choices(opt->arg);
	else
		complete_kind(line, opt->complete);
}

/* "none|toggle3", behind NAME=; a range of numbers completes nothing, nor does a sentence. */
static void print_accepted(const struct line *line, const char *equals, const char *accepts)
{
	keep_until(line, equals + 1);
	if (accepts && !strstr(accepts, "..") && (strchr(accepts, '|') || !strchr(accepts, ' ')))
		print_choices(accepts);
}

static void print_type_options(const struct line *line)
{
	const struct device_type *type = line->type ? device_find(line->type) : NULL;
	const char *start = line->word + prefix_len, *equals = strchr(start, '=');
	char word[80], accepts[PROP_ACCEPTS_MAX];
	const lm_prop_t *prop;

	if (!type)
		return;
	if (equals) {
		snprintf(word, sizeof(word), "%.*s", (int)(equals - start), start);
		prop = prop_find(type->info, word);
		print_accepted(line, equals, prop ? prop_accepts(prop, word, accepts) : NULL);
		return;
	}
	for (prop = type->info->props; prop < type->info->props + type->info->nr_props; prop++) {
		snprintf(word, sizeof(word), "%s=", prop->name);
		if (!(prop->flags & LM_PROP_RO))
			print(word, prop->help);
	}
}

/* Columns of a list: what stands before the last comma, or after +, is kept. */
static void print_columns(const struct line *line)
{
	const struct column *column = line->cmd->columns;
	const char *start = line->word + prefix_len;
	const char *comma = strrchr(start, ','), *last = start;
	int kept;

	if (comma)
		last = comma + 1;
	else if (*last == '+')
		last++;
	kept = (int)(last - line->word);
	for (; column && column->name; column++)
		printf("%.*s%s\t%s\n", kept, line->word, column->name, column->help);
}

static void print_groups(void)
{
	const struct group *group;

	setgrent();
	while ((group = getgrent()))
		print(group->gr_name, NULL);
	endgrent();
}

/* ---- live devices ---------------------------------------------------------------- */

static struct json_object *ask(struct control *control, const char *method)
{
	struct json_object *reply;

	control_set_timeout(control, TIMEOUT_MS);
	return control_call(control, method, NULL, &reply) ? NULL : reply;
}

static void print_ended(void)
{
	struct uuid_list list = { 0 };
	struct log_head head;
	size_t i;

	logs_list(&list);
	for (i = 0; i < list.nr; i++) {
		if (!logs_of_ended(list.uuids[i], &head))
			continue;
		print(list.uuids[i], "has ended");
		if (*head.name)
			print(head.name, list.uuids[i]);
	}
	uuid_list_free(&list);
}

static void print_devices(const struct line *line)
{
	struct uuid_list list;
	struct control *control;
	struct json_object *device;
	size_t i;

	if (instance_list(&list))
		return;
	instance_list_mdevs(&list);
	for (i = 0; i < list.nr; i++) {
		if (control_open(list.uuids[i], &control)) {
			if (mdev_exists(list.uuids[i]))
				print(list.uuids[i], "mdev without a device process");
			continue;
		}
		control_set_timeout(control, TIMEOUT_MS);
		if (instance_ask(control, &device))
			device = NULL;
		print(list.uuids[i], value_text(device, "type"));
		print(value_text(device, "name"), list.uuids[i]);
		control_close(control);
	}
	uuid_list_free(&list);
	if (line->cmd->flags & CMD_ENDED)
		print_ended();
}

/* Where the word names a register already, its fields: behind the dot. */
static void print_names(struct control *control, const struct line *line)
{
	struct json_object *reply = ask(control, "Registers"), *reg, *field;
	const char *start = line->word + prefix_len;
	size_t i, len;

	for (i = 0; (reg = value_item(reply, "registers", i)); i++) {
		len = strlen(value_name(reg));
		if (!ascii_compare_n(start, value_name(reg), len) && start[len] == '.')
			break;
		print(value_name(reg), value_text(reg, "help"));
	}
	if (!reg)
		return;
	keep_until(line, start + len + 1);
	for (i = 0; (field = value_item(reg, "fields", i)); i++)
		print(value_name(field), value_text(field, "help"));
}

static void print_registers(struct control *control, const struct line *line)
{
	const bool is_field = strchr(line->word + prefix_len, '.');
	struct json_object *reply, *region;
	char word[80];
	size_t i;

	print_names(control, line);
	if (is_field)
		return;
	reply = ask(control, "Show");
	for (i = 0; (region = value_item(json_get(reply, "device"), "regions", i)); i++) {
		snprintf(word, sizeof(word), "%.64s+", value_name(region));
		print(word, value_text(region, "kind"));
	}
}

/* "in3" is accepted as "in" says of one wire. */
static const char *accepted(struct json_object *prop, const char *name, size_t len)
{
	const size_t base = strlen(value_name(prop));

	if (len < base || strncmp(value_name(prop), name, base))
		return NULL;
	if (len == base)
		return value_text(prop, "accepts");
	return ascii_is_digit(name[base]) ? value_text(prop, "wire_accepts") : NULL;
}

static void print_properties(struct control *control, const struct line *line)
{
	struct json_object *device = json_get(ask(control, "Show"), "device"), *prop;
	const char *equals = strchr(line->word, '='), *accepts;
	char word[80], flags[64];
	size_t i;

	for (i = 0; (prop = value_item(device, "properties", i)); i++) {
		if (equals) {
			accepts = accepted(prop, line->word, (size_t)(equals - line->word));
			if (accepts)
				print_accepted(line, equals, accepts);
			continue;
		}
		/* One that cannot be set now can be read. */
		value_list(prop, "flags", flags, sizeof(flags));
		snprintf(word, sizeof(word), "%.70s%s", value_name(prop),
			 strstr(flags, "-only") ? "" : "=");
		print(word, value_text(prop, "help"));
	}
}

static void print_vectors(struct control *control, const struct line *line)
{
	struct json_object *device = json_get(ask(control, "Show"), "device"), *irq;
	uint64_t k;
	char word[80];
	size_t i;

	for (i = 0; (irq = value_item(device, "irqs", i)); i++) {
		for (k = 0; k < value_u64(irq, "count") && k < MAX_VECTORS; k++) {
			snprintf(word, sizeof(word), "%.64s:%u", value_name(irq), (unsigned int)k);
			print(word, NULL);
		}
	}
}

/* About one device: only for a word that is unambiguous. */
static void with_device(const struct line *line,
			void (*fn)(struct control *control, const struct line *line))
{
	struct control *control;

	if (!line->device || instance_open(line->device, &control))
		return;
	fn(control, line);
	control_close(control);
}

/* The device of a filter may stand behind it: then registers of all. */
static void print_filter_registers(const struct line *line)
{
	struct uuid_list list;
	struct control *control;
	size_t i;

	if (line->device) {
		with_device(line, print_names);
		return;
	}
	if (instance_list(&list))
		return;
	for (i = 0; i < list.nr; i++) {
		if (control_open(list.uuids[i], &control))
			continue;
		print_names(control, line);
		control_close(control);
	}
	uuid_list_free(&list);
}

/* Terms of a list: what stands before the last comma, or ! or reg= after it, is kept. */
static void print_filters(const struct line *line)
{
	const char *start = line->word + prefix_len, *comma = strrchr(start, ',');
	const char *word;
	unsigned int i;

	start = comma ? comma + 1 : start;
	start += *start == '!';
	if (!strncmp(start, "reg=", 4)) {
		keep_until(line, start + 4);
		print_filter_registers(line);
		return;
	}
	keep_until(line, start);
	for (i = 0; (word = filter_word(i)); i++)
		print(word, NULL);
}

void complete_kind(const struct line *line, enum complete kind)
{
	const struct device_type *const *type;
	const struct bench_test *test;

	switch (kind) {
	case COMPLETE_VERB: complete_verbs(); break;
	case COMPLETE_DEVICE: print_devices(line); break;
	case COMPLETE_TYPE:
		for (type = device_types; *type; type++)
			print((*type)->name, (*type)->help);
		break;
	case COMPLETE_TYPE_OPTION: print_type_options(line); break;
	case COMPLETE_COLUMN: print_columns(line); break;
	case COMPLETE_REGISTER: with_device(line, print_registers); break;
	case COMPLETE_PROPERTY: with_device(line, print_properties); break;
	case COMPLETE_FILTER: print_filters(line); break;
	case COMPLETE_VECTOR: with_device(line, print_vectors); break;
	case COMPLETE_BENCH_TEST:
		for (test = bench_tests; test->name; test++)
			print(test->name, test->help);
		break;
	case COMPLETE_GROUP: print_groups(); break;
	case COMPLETE_IRQ_ACTION: print_choices("list|fire|mask|unmask"); break;
	case COMPLETE_FILE: printf(":files\n"); break;
	case COMPLETE_COMMAND: printf(":commands\n"); break;
	case COMPLETE_NONE: break;
	}
}
