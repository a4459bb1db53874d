/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_set.c - musctl set UUID [KEY[=VALUE]]...: the properties of a device, its wires to
 * the outside: all of them, some values, or new values. All names are checked before
 * anything is set. Exit status: 0, 1, 2, 3, 4.
 */
#include <string.h>

#include "base/ascii.h"
#include "base/json.h"
#include "base/utf8.h"
#include "base/value_fault.h"

#include "dev/control.h"
#include "dev/instance.h"
#include "ui/error.h"
#include "ui/out.h"
#include "ui/value.h"
#include "verbs/verbs.h"

enum { NAME, VALUE, DEFAULT, ACCEPTS, COUNT, FLAGS, DESCRIPTION };

static const struct column set_columns[] = {
	[NAME] = { "NAME", 8, 0, "name of the property" },
	[VALUE] = { "VALUE", 8, 0, "what it is" },
	[DEFAULT] = { "DEFAULT", 8, 0, "what it is at creation, unless set by an option" },
	[ACCEPTS] = { "ACCEPTS", 8, COLUMN_EXTRA, "choices, or the range of numbers" },
	[COUNT] = { "COUNT", 5, COLUMN_RIGHT, "number of single properties NAME0, NAME1, ..." },
	[FLAGS] = { "FLAGS", 5, 0, "read-only, create-only" },
	[DESCRIPTION] = { "DESCRIPTION", 0.4, COLUMN_TRUNC, "what it is for" },
	{ 0 }
};

/* name: of the property, or of one of its wires; value: of that. */
static void print_property(struct out *out, struct json_object *prop, const char *name,
			   const char *value)
{
	const bool whole = !strcmp(name, value_name(prop));
	char flags[64];

	out_row(out);
	out_text(out, NAME, name);
	out_text(out, VALUE, value);
	out_text(out, DEFAULT, whole ? value_text(prop, "default") : NULL);
	out_text(out, ACCEPTS, value_text(prop, whole ? "accepts" : "wire_accepts"));
	out_u64(out, COUNT, whole ? value_u64(prop, "count") : 0);
	out_list(out, FLAGS, value_list(prop, "flags", flags, sizeof(flags)));
	out_text(out, DESCRIPTION, value_text(prop, "help"));
}

static int print_all(const struct call *call, struct json_object *device)
{
	struct json_object *prop;
	struct out *out;
	int status = out_begin(&out, call, "properties");
	size_t i;

	if (status)
		return status;
	for (i = 0; (prop = value_item(device, "properties", i)); i++)
		print_property(out, prop, value_name(prop), value_text(prop, "value"));
	out_end(out);
	return 0;
}

static bool is_property(struct json_object *prop, const char *word, size_t len)
{
	const char *name = value_name(prop);
	const size_t base = strlen(name);

	return len >= base && !strncmp(name, word, base) &&
	       (len == base || ascii_is_index(word + base, len - base, value_u64(prop, "count")));
}

/* A property of this very name comes before a wire of another. */
static struct json_object *find_property(struct json_object *device, const char *word)
{
	const size_t len = strcspn(word, "=");
	struct json_object *prop;
	size_t i;
	int exact;

	for (exact = 1; exact >= 0; exact--) {
		for (i = 0; (prop = value_item(device, "properties", i)); i++) {
			if (is_property(prop, word, len) &&
			    (!exact || strlen(value_name(prop)) == len))
				return prop;
		}
	}
	return NULL;
}

static int check_word(struct json_object *device, const char *word)
{
	struct json_object *prop = find_property(device, word);
	const char *value = strchr(word, '=');
	char flags[64];

	if (*word == '=' || !*word)
		return error(ST_USAGE, word, "is not NAME[=VALUE]");
	if (!prop)
		return error(ST_FAILED, word, "no such property (musctl set UUID lists them)");
	if (value && !utf8_is_line(value))
		return error(ST_USAGE, value_name(prop), TEXT_FAULT);
	value_list(prop, "flags", flags, sizeof(flags));
	if (value && strstr(flags, "read-only"))
		return error(ST_FAILED, word, READ_ONLY_FAULT);
	if (value && strstr(flags, "create-only"))
		return error(ST_FAILED, word, CREATE_ONLY_FAULT);
	return 0;
}

static int set_word(struct control *control, char *word)
{
	struct json_object *call = json_new_object();
	char *equals = strchr(word, '=');
	int err;

	*equals = '\0';
	json_add_string(call, "property", word);
	json_add_string(call, "value", equals + 1);
	err = control_call(control, "Set", call, NULL);
	*equals = '=';
	return err ? control_report(control, word, err) : 0;
}

static int get_word(struct control *control, struct json_object *device, const char *word,
		    struct out *out)
{
	struct json_object *call = json_new_object(), *reply;
	int err;

	json_add_string(call, "property", word);
	err = control_call(control, "Get", call, &reply);
	if (err)
		return control_report(control, word, err);
	print_property(out, find_property(device, word), word, value_text(reply, "value"));
	return 0;
}

static int do_words(const struct call *call, struct control *control, struct json_object *device)
{
	struct call values = *call;
	struct format *format = &values.format;
	struct out *out = NULL;
	int i, status = 0;

	for (i = 1; i < call->nr_words && !status; i++)
		status = check_word(device, call->words[i]);
	/* As peek prints them: values alone, unless something else is asked for. */
	if (!format->columns && !format->json && !format->all) {
		format->columns = "VALUE";
		format->no_headings = true;
	}
	format->all |= format->json && !format->columns;
	if (!status)
		status = out_begin(&out, &values, "properties");
	for (i = 1; i < call->nr_words && !status; i++)
		status = strchr(call->words[i], '=') ?
				 set_word(control, call->words[i]) :
				 get_word(control, device, call->words[i], out);
	out_finish(out, status);
	return status;
}

static int set(const struct call *call)
{
	struct json_object *device;
	struct control *control;
	int status = instance_show(call->words[0], &control, &device);

	if (status)
		return status;
	status = call->nr_words == 1 ? print_all(call, device) : do_words(call, control, device);
	control_close(control);
	return status;
}

const struct cmd cmd_set = {
	.name = "set",
	.summary = "set or print the properties of a device",
	.more = "Without names prints all properties; NAME prints a value; NAME=VALUE\n"
		"sets it.",
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE },
				      { "NAME[=VALUE]", COMPLETE_PROPERTY,
					ARG_OPTIONAL | ARG_MANY },
				      { 0 } },
	.columns = set_columns,
	.flags = CMD_DEVICE,
	.fn = set,
};
