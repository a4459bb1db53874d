/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * complete.c - where candidates come from: the tables of verbs, the built-in types, and
 * live devices, which are asked quietly: a shell waits, and shows no errors.
 */
#include "complete.h"

#include <stdio.h>
#include <string.h>

#include "json.h"

#include "../devices/devices.h"
#include "control.h"
#include "filter.h"
#include "instance.h"
#include "mdev.h"
#include "names.h"
#include "out.h"
#include "value.h"

#define TIMEOUT_MS 500

/* What stands before the candidate in the same word: "--cmdline=". */
static const char *prefix = "";
static int prefix_len;

/* Names that devices give end up on a command line: only what means nothing to a shell. */
static bool is_harmless(const char *word)
{
	return word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789_.,:+=/@-")] == '\0';
}

static void print(const char *word, const char *help)
{
	if (!word || !is_harmless(word))
		return;
	printf("%.*s%s", prefix_len, prefix, word);
	if (help && *help) {
		putchar('\t');
		out_clean(help);
	}
	putchar('\n');
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
	size_t len;

	for (choices = opt_next_choice(choices, &len); len;
	     choices = opt_next_choice(choices + len, &len))
		printf("%.*s%.*s\n", prefix_len, prefix, (int)len, choices);
}

void complete_value(const struct line *line, const struct opt *opt)
{
	const char *equals = strchr(line->word, '=');

	if (!strncmp(line->word, "--", 2) && equals) {
		prefix = line->word;
		prefix_len = (int)(equals + 1 - line->word);
	}
	if (opt->kind == OPT_CHOICE || opt->kind == OPT_MAYBE)
		print_choices(opt->arg);
	else
		complete_kind(line, opt->complete);
}

static void print_types(void)
{
	const struct device_type *const *type;

	for (type = device_types; *type; type++)
		print((*type)->name, (*type)->help);
}

static void print_type_options(const char *name)
{
	const struct device_type *type = name ? device_find(name) : NULL;
	const lm_prop_t *prop;
	char word[80];

	if (!type)
		return;
	for (prop = type->info->props; prop < type->info->props + type->info->nr_props;
	     prop++) {
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

static void print_filters(void)
{
	const char *word;
	unsigned int i;

	for (i = 0; (word = filter_word(i)); i++)
		print(word, NULL);
}

/* ---- live devices ---------------------------------------------------------------- */

static struct json_object *ask(struct control *control, const char *method)
{
	struct json_object *reply;

	control_set_timeout(control, TIMEOUT_MS);
	return control_call(control, method, NULL, &reply) ? NULL : reply;
}

static void print_devices(void)
{
	struct instances list;
	struct control *control;
	struct json_object *device;
	size_t i;

	if (instances_get(&list))
		return;
	instances_add_mdevs(&list);
	for (i = 0; i < list.nr; i++) {
		if (control_open(list.uuids[i], &control)) {
			if (mdev_exists(list.uuids[i]))
				print(list.uuids[i], "mdev without a device process");
			continue;
		}
		device = json_get(ask(control, "Show"), "device");
		print(list.uuids[i], value_text(device, "type"));
		print(value_text(device, "name"), list.uuids[i]);
		control_close(control);
	}
	instances_free(&list);
}

static void print_registers(struct control *control)
{
	struct json_object *reply, *reg, *region;
	char word[16];
	size_t i;

	reply = ask(control, "Registers");
	for (i = 0; (reg = value_item(reply, "registers", i)); i++)
		print(value_text(reg, "name"), value_text(reg, "help"));
	reply = ask(control, "Show");
	for (i = 0; (region = value_item(json_get(reply, "device"), "regions", i)); i++) {
		snprintf(word, sizeof(word), "%.10s+", value_name(region));
		print(word, value_text(region, "kind"));
	}
}

static void print_properties(struct control *control)
{
	struct json_object *device = json_get(ask(control, "Show"), "device"), *prop;
	char word[80];
	size_t i;

	for (i = 0; (prop = value_item(device, "properties", i)); i++) {
		snprintf(word, sizeof(word), "%.70s=", value_name(prop));
		print(word, value_text(prop, "help"));
	}
}

/* About one device: only for a word that leads to it without doubt. */
static void with_device(const char *word, void (*fn)(struct control *control))
{
	struct control *control;

	if (!word || instance_open(word, &control))
		return;
	fn(control);
	control_close(control);
}

void complete_kind(const struct line *line, enum complete kind)
{
	switch (kind) {
	case COMPLETE_VERB:
		complete_verbs();
		break;
	case COMPLETE_DEVICE:
		print_devices();
		break;
	case COMPLETE_TYPE:
		print_types();
		break;
	case COMPLETE_TYPE_OPTION:
		print_type_options(line->type);
		break;
	case COMPLETE_COLUMN:
		print_columns(line);
		break;
	case COMPLETE_REGISTER:
		with_device(line->device, print_registers);
		break;
	case COMPLETE_PROPERTY:
		with_device(line->device, print_properties);
		break;
	case COMPLETE_FILTER:
		print_filters();
		break;
	case COMPLETE_IRQ_ACTION:
		print_choices("list|fire|mask|unmask");
		break;
	case COMPLETE_FILE:
		printf(":files\n");
		break;
	case COMPLETE_COMMAND:
		printf(":commands\n");
		break;
	case COMPLETE_NONE:
		break;
	}
}
