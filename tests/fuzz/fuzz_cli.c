/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_cli.c - what musctl makes of its words, and of what devices tell it.
 *
 * An input is a kind and lines of text: the register map that a device tells (JSON, or none),
 * then words of peek and poke, or filters; behind a NUL stand records of a trace. The device
 * itself is a double: what would be read and written must be a location that was asked for.
 */
#include "base/ascii.h"
#include "base/json.h"
#include "base/option.h"
#include "dev/address.h"
#include "dev/filter.h"
#include "dev/trace_row.h"
#include "fuzz.h"
#include "ui/names.h"
#include "ui/out.h"
#include "ui/parse.h"
#include "ui/value.h"
#include "verbs/verbs.h"

#define MAX_WORDS 16

static struct json_object *told; /* by the device; NULL: nothing */
static bool not_pci;

static const char default_map[] =
	"[{\"region\":0,\"name\":\"ID\",\"offset\":\"0x0\",\"width\":4,\"fields\":[]},"
	"{\"region\":0,\"name\":\"CTRL\",\"offset\":\"0x4\",\"width\":4,\"fields\":"
	"[{\"name\":\"EN\",\"shift\":0,\"bits\":1},{\"name\":\"MODE\",\"shift\":4,\"bits\":2}]},"
	"{\"region\":2,\"name\":\"LONG\",\"offset\":\"0x10\",\"width\":8,\"fields\":"
	"[{\"name\":\"ALL\",\"shift\":0,\"bits\":64},{\"name\":\"TOP\",\"shift\":63,\"bits\":1}]}]";

/* ---- the device ------------------------------------------------------------------ */

/* What it tells may be names of regions and interrupts as well. */
static struct names own_names(void)
{
	return (struct names){ .regions = told, .irqs = told, .not_pci = not_pci };
}

int target_open(struct target *t, const struct call *call)
{
	memset(t, 0, sizeof(*t));
	t->nr_words = call->nr_words - 1;
	t->words = call->words + 1;
	return 0;
}

void target_close(struct target *t)
{
	regmap_free(&t->map);
}

int target_load_map(struct target *t)
{
	t->names = own_names();
	return regmap_init(&t->map, &t->names, told);
}

static void check_place(const struct location *location)
{
	FUZZ_CHECK(location->width >= 1 && location->width <= 8);
	FUZZ_CHECK(told || !(location->width & (location->width - 1)));
}

/* Whatever is a location is there. */
int target_check(struct target *t, const struct location *location, unsigned int access)
{
	check_place(location);
	return 0;
}

int target_read(struct target *t, const struct location *location, void *buf)
{
	check_place(location);
	memset(buf, (int)location->offset, location->width);
	return 0;
}

int target_write(struct target *t, const struct location *location, uint64_t value, uint64_t mask)
{
	const uint64_t all = bit_mask(8 * location->width);

	check_place(location);
	FUZZ_CHECK(!(value & ~mask) || mask != all);
	/* A device may tell nonsense of its fields. */
	FUZZ_CHECK(told || !((value | mask) & ~all));
	return 0;
}

uint64_t target_value(const uint8_t *bytes, unsigned int width)
{
	uint64_t value = 0;

	while (width--)
		value = value << 8 | bytes[width];
	return value;
}

/* ---- lines ----------------------------------------------------------------------- */

static char *next_line(char **text)
{
	return *text ? strsep(text, "\n") : NULL;
}

static int next_words(char **text, char **words)
{
	int nr;

	words[0] = (char *)"UUID";
	for (nr = 1; nr < MAX_WORDS && (words[nr] = next_line(text)); nr++)
		;
	return nr;
}

static void format_choose(struct format *format, uint8_t how)
{
	format->json = how & 1;
	format->raw = how & 2;
	format->export = (how & 6) == 4;
	format->all = how & 8;
	format->columns = how & 16 ? "+VALUE" : NULL;
}

static void run(const struct cmd *cmd, char *text, uint8_t how)
{
	char *words[MAX_WORDS];
	struct call call = { .cmd = cmd, .words = words };
	int status;

	call.nr_words = next_words(&text, words);
	format_choose(&call.format, how);
	if (call.nr_words < 2)
		return;
	status = cmd->fn(&call);
	FUZZ_CHECK(status == ST_OK || status == ST_FAILED || status == ST_USAGE ||
		   (not_pci && status == ST_UNSUPPORTED));
}

/* ---- kinds ----------------------------------------------------------------------- */

static void parse_all(char *text)
{
	static const struct names pci;
	const struct names own = own_names();
	uint64_t value, again;
	uint32_t small, index;
	unsigned int mode, len;
	char digits[24];
	char *word;

	while ((word = next_line(&text))) {
		if (parse_u64(word, &value)) {
			snprintf(digits, sizeof(digits), "0x%llx", (unsigned long long)value);
			FUZZ_CHECK(parse_u64(digits, &again) && again == value);
			FUZZ_CHECK(parse_hex(digits, &again) && again == value);
		}
		FUZZ_CHECK(!parse_u32(word, &small) || (parse_u64(word, &value) && value == small));
		FUZZ_CHECK(!option_parse_mode(word, &mode) || (mode && mode <= 0777));
		FUZZ_CHECK(!parse_seconds(word, &value) || value / 1000000000 <= UINT32_MAX);
		parse_hex(word, &value);
		FUZZ_CHECK(!name_to_irq(&pci, word, &index) ||
			   !ascii_compare(name_of_irq(&pci, index), word));
		if (name_to_region(&pci, word, &index, &len))
			FUZZ_CHECK(len <= strlen(word) && name_of_region(&pci, index));
		if (name_to_region(&own, word, &index, &len))
			FUZZ_CHECK(len <= strlen(word) && name_of_region(&own, index));
		if (name_to_irq(&own, word, &index))
			FUZZ_CHECK(name_of_irq(&own, index));
	}
}

static bool next_record(struct input *in, struct lm_trace_record *record)
{
	const bool more = in->left;

	take(in, record, sizeof(*record));
	record->kind %= LM_TRACE_NR_KINDS + 2;
	record->region %= 16;
	return more;
}

static void filter_all(char *text, struct input *in, const struct regmap *map)
{
	struct lm_trace_record record;
	struct opt_list list = { .nr = 0 };
	static struct filter filter;
	char *line;

	while (list.nr < 4 && (line = next_line(&text)))
		list.items[list.nr++] = line;
	if (filter_parse(&filter, &list))
		return;
	while (next_record(in, &record))
		filter_match(&filter, &record, map);
}

static void rows_all(struct input *in, const struct regmap *map, uint8_t how)
{
	static const struct cmd cmd = { .columns = tracerow_columns, .flags = CMD_STREAM };
	struct tracer t = { .map = *map, .uuid = "uuid" };
	struct call call = { .cmd = &cmd };
	struct out *out = NULL;

	format_choose(&call.format, how);
	if (out_begin(&out, &call, NULL))
		return;
	while (next_record(in, &t.record))
		tracerow_print(out, &t);
	if (call.format.json)
		tracerow_lost(out, &t, t.record.sequence);
	out_end(out);
}

static void with_map(char *text, struct input *in, uint8_t kind, uint8_t how)
{
	const struct names own = own_names();
	struct regmap map;
	struct span span = { how & 3, how >> 4, how >> 2 };
	char names[64];

	FUZZ_CHECK(!regmap_init(&map, &own, told));
	FUZZ_CHECK(strlen(regmap_names(&map, &span, names, sizeof(names))) < sizeof(names));
	if (kind & 1)
		filter_all(text, in, &map);
	else
		rows_all(in, &map, how);
	regmap_free(&map);
}

/* ---- one input ------------------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* What musctl prints is not the fuzzer's own output. */
	FUZZ_CHECK(freopen("/dev/null", "w", stdout));
	stderr = fopen("/dev/null", "we");
	FUZZ_CHECK(stderr);
	return 0;
}

/* A line that is no JSON: the usual map, or none. */
static void tell_map(const char *line)
{
	told = json_parse_reply(line, strlen(line));
	if (!told && *line)
		told = json_parse_reply(default_map, strlen(default_map));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const uint8_t kind = take_u8(&in), how = take_u8(&in);
	char *copy = strndup((const char *)in.data, in.left), *text = copy;
	size_t got;

	take_some(&in, strlen(text) + 1, &got);
	tell_map(next_line(&text));
	not_pci = how & 32;
	switch (kind % 8) {
	case 0: case 1: parse_all(text); break;
	case 2: case 3: run(&cmd_peek, text, how); break;
	case 4: case 5: run(&cmd_poke, text, how); break;
	default: with_map(text, &in, kind, how);
	}
	json_free(told);
	told = NULL;
	free(copy);
	return 0;
}
