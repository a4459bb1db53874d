/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * program.c - somebody's libmuser program, for tests of exec: a device of a BAR, of one with
 * registers - READS tells how often it was read - and of one that is read-only. What its argument
 * says: "fail" says why on stderr and ends, "hang" never makes a device, "wait" makes one and does
 * not serve it for a while, "talk" fills stderr, before and after it is ready, "refused" describes
 * what cannot be, "dubious" what hardly can be meant, "named" has the name that follows,
 * "elsewhere" listens at the path that does, "fork" leaves the device to a child that does not
 * serve it, "daemon" becomes one before it makes the device, "flood" says 100 MB before it serves,
 * "paint" what is no good for a terminal. It says what "say" is set to; writing TRAP aborts it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <muser.h>

static uint64_t reads;

static uint64_t register_read(void *pvt, const lm_register_io_t *io)
{
	if (io->offset)
		abort();
	return ++reads;
}

static void register_write(void *pvt, const lm_register_io_t *io)
{
	fprintf(stderr, "program: it is a trap\n");
	abort();
}

static const lm_register_t registers[] = {
	{ .name = "READS", .width = 4, .access = LM_RO, .flags = LM_REGISTER_PURE },
	{ .offset = 8, .name = "TRAP", .width = 4, .access = LM_WO },
	{ .offset = 12, .name = "PIT", .width = 4, .access = LM_RO },
};

static const lm_register_map_t map = {
	LM_REGISTERS(registers), .min_width = 2, .max_width = 4, .read = register_read,
	.write = register_write,
};

/* "level" is a digit from 0 to 3, "kind" is none or some. */
static char level[2] = "0", kind[8] = "none";

static struct {
	char title[8];
} texts;

static const lm_prop_t props[] = {
	{ .name = "level", .help = "how high", .accepts = "0..3" },
	{ .name = "say", .help = "on stderr" },
	{ .name = "kind", .help = "of what kind", .accepts = "none|some", .flags = LM_PROP_CREATE },
	{ .name = "title", .type = LM_PROP_TEXT, .size = sizeof(texts.title) },
};

static lm_ctx_t *made;

static int prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	const bool is_level = !strcmp(name, "level"), is_kind = !strcmp(name, "kind");

	snprintf(buf, size, "%s", is_level ? level : is_kind ? kind : "");
	return 0;
}

static int prop_set(void *pvt, const char *name, const char *value)
{
	if (!strcmp(name, "say")) {
		fprintf(stderr, "%s\n", value);
		return 0;
	}
	if (strcmp(name, "level")) {
		if (strcmp(value, "none") && strcmp(value, "some"))
			return -EINVAL;
		strcpy(kind, value);
		return 0;
	}
	if (*value < '0' || *value > '3' || value[1])
		return -EINVAL;
	if (made)
		lm_note(made, "level %s, which is %s: more than a row has room for", value, kind);
	*level = *value;
	return 0;
}

static void talk(const char *mode)
{
	int i;

	for (i = 0; i < 4000 && !strcmp(mode, "talk"); i++)
		fprintf(stderr, "program: line %d of much talk\n", i);
}

static void flood(const char *mode)
{
	static char text[1 << 20];
	int i;

	memset(text, 'x', sizeof(text));
	for (i = 99; i < (int)sizeof(text); i += 100)
		text[i] = '\n';
	for (i = 0; i < 100 && !strcmp(mode, "flood"); i++)
		fwrite(text, 1, sizeof(text), stderr);
	if (!strcmp(mode, "flood"))
		fprintf(stderr, "\nprogram: the last line\n");
	if (!strcmp(mode, "paint"))
		fprintf(stderr, "program: \033[31mred\033[0m\t\xff\xe2\x80\xae%c.\n", 0);
}

/* As daemon(3) does it: the process that has made the device ends. */
static void leave_to_child(const lm_ctx_t *ctx)
{
	const pid_t maker = getpid(), child = fork();

	if (child) {
		printf("%s %d %d\n", lm_ctx_uuid(ctx), maker, child);
		exit(child < 0);
	}
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	lm_dev_info_t info = {
		.type = "program",
		.pvt = &texts,
		LM_PROPS(props),
		.prop_get = prop_get,
		.prop_set = prop_set,
		.pci_info = {
			.id = { .vid = 0x8086, .did = 0x1234 },
			.reg_info[LM_BAR0_REG_IDX] = {
				.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 4096,
			},
			.reg_info[LM_BAR1_REG_IDX] = {
				.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 16,
				.regs = &map,
			},
			.reg_info[LM_BAR2_REG_IDX] = {
				.flags = LM_REG_FLAG_READ | LM_REG_FLAG_MEM, .size = 16,
			},
		},
	};
	lm_ctx_t *ctx;

	talk(mode);
	if (!strcmp(mode, "daemon") && daemon(1, 1))
		return 1;
	if (!strcmp(mode, "fail")) {
		fprintf(stderr, "program: first line\nprogram: no such card\n");
		return 9;
	}
	if (!strcmp(mode, "hang"))
		fprintf(stderr, "program: waiting for a card");
	while (!strcmp(mode, "hang"))
		pause();
	if (!strcmp(mode, "refused"))
		info.pci_info.reg_info[LM_BAR0_REG_IDX].size = 100;
	if (!strcmp(mode, "dubious"))
		info.pci_info.id.vid = 0xffff;
	if (!strcmp(mode, "named"))
		info.name = argv[2];
	if (!strcmp(mode, "elsewhere"))
		info.socket_path = argv[2];
	ctx = lm_ctx_create(&info);
	if (!ctx) {
		perror("program");
		return 1;
	}
	made = ctx;
	if (!strcmp(mode, "wait"))
		usleep(300000);
	if (!strcmp(mode, "fork"))
		leave_to_child(ctx);
	talk(mode);
	flood(mode);
	lm_ctx_drive(ctx);
	lm_ctx_destroy(ctx);
	return 0;
}
