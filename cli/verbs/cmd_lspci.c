/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_lspci.c - musctl lspci UUID [-- OPTION...]: decodes configuration space, by feeding
 * it to lspci(8). Exit status: lspci's; 1 without one, 2, 3, 4.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bus.h"
#include "base/json.h"

#include "dev/target.h"
#include "ui/error.h"
#include "ui/spawn.h"
#include "ui/value.h"
#include "verbs/verbs.h"

#define CONFIG_SIZE     256
#define CONFIG_SIZE_EXT 4096
#define MAX_WORDS       64

struct lspci_args {
	unsigned int verbose, numeric, hex;
};

static const struct opt lspci_options[] = {
	{ 'v', "verbose", OPT_COUNT, offsetof(struct lspci_args, verbose), NULL,
	  "be verbose (-vv, -vvv: more so)" },
	{ 'n', "numeric", OPT_COUNT, offsetof(struct lspci_args, numeric), NULL,
	  "numbers in place of names (-nn: both)" },
	{ 'x', "hex", OPT_COUNT, offsetof(struct lspci_args, hex), NULL,
	  "dump config space (-xxx: all, -xxxx: extended too)" },
	{ 0 }
};

static uint64_t control_config_size(struct target *t)
{
	struct json_object *region;
	size_t i;

	for (i = 0; (region = json_at(t->names.regions, i)); i++) {
		if (value_u64(region, "index") == VFIO_PCI_CONFIG_REGION_INDEX)
			return value_u64(region, "size");
	}
	return 0;
}

static uint64_t client_config_size(struct target *t)
{
	lm_client_region_t region;
	uint64_t size;

	if (lm_client_region_info(t->client, VFIO_PCI_CONFIG_REGION_INDEX, &region))
		return 0;
	size = region.info->size;
	lm_client_region_free(&region);
	return size;
}

/* What "lspci -xxxx" prints, and "lspci -F" reads. */
static size_t dump(char *text, size_t size, const uint8_t *config, size_t len)
{
	size_t i, used = (size_t)snprintf(text, size, "00:00.0 muser\n");

	for (i = 0; i < len; i++) {
		if (i % 16 == 0)
			used += (size_t)snprintf(text + used, size - used,
						 i ? "\n%02zx:" : "%02zx:", i);
		used += (size_t)snprintf(text + used, size - used, " %02x", config[i]);
	}
	used += (size_t)snprintf(text + used, size - used, "\n\n");
	return used;
}

static void repeat(char *word, size_t size, char letter, unsigned int count)
{
	unsigned int i;

	word[0] = '-';
	for (i = 0; i < count && i + 2 < size; i++)
		word[i + 1] = letter;
	word[i + 1] = '\0';
}

static int run_lspci(const struct call *call, const uint8_t *config, size_t len)
{
	const struct lspci_args *args = call->args;
	char verbose[8], numeric[8], hex[8], text[5 * CONFIG_SIZE_EXT];
	const char *argv[MAX_WORDS + 8] = { "lspci", "-F", "/dev/stdin" };
	int i, status, nr = 3;

	repeat(verbose, sizeof(verbose), 'v', args->verbose);
	repeat(numeric, sizeof(numeric), 'n', args->numeric);
	repeat(hex, sizeof(hex), 'x', args->hex);
	if (args->verbose)
		argv[nr++] = verbose;
	if (args->numeric)
		argv[nr++] = numeric;
	if (args->hex)
		argv[nr++] = hex;
	for (i = call->nr_before; i < call->nr_words && nr < MAX_WORDS; i++)
		argv[nr++] = call->words[i];
	status = spawn_feed(argv, text, dump(text, sizeof(text), config, len));
	if (status == -ENOENT || status == ST_NOT_FOUND)
		return error(ST_FAILED, "lspci", "not found (install pciutils)");
	return status < 0 ? error(ST_FAILED, "lspci", "%s", strerror(-status)) : status;
}

/* Read all at once, as QEMU reads it: 256 or 4096 bytes. */
static int lspci(const struct call *call)
{
	struct location location = { "configuration space", VFIO_PCI_CONFIG_REGION_INDEX };
	uint8_t config[CONFIG_SIZE_EXT];
	struct target t;
	uint64_t size;
	int status;

	status = target_open(&t, call);
	if (!status)
		status = target_ask(&t);
	if (!status && t.names.not_pci)
		status = error(ST_UNSUPPORTED, t.name, NOT_PCI);
	if (!status) {
		size = t.control ? control_config_size(&t) : client_config_size(&t);
		location.width = size >= CONFIG_SIZE_EXT ? CONFIG_SIZE_EXT : CONFIG_SIZE;
		status = target_read(&t, &location, config);
	}
	target_close(&t);
	return status ? status : run_lspci(call, config, location.width);
}

const struct cmd cmd_lspci = {
	.name = "lspci",
	.summary = "decode configuration space with lspci",
	.more = "OPTIONs after -- go to lspci(8) as they are.",
	.args = (const struct arg[]){ { "UUID", COMPLETE_DEVICE },
				      { "OPTION", COMPLETE_NONE,
					ARG_OPTIONAL | ARG_MANY | ARG_COMMAND },
				      { 0 } },
	.options = lspci_options,
	.size = sizeof(struct lspci_args),
	.flags = CMD_DEVICE | CMD_SOCKET,
	.fn = lspci,
};
