/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tracer.c - one trace ring. See tracer.h. The connection that asked for the ring stays
 * open: it is what keeps the device writing.
 */
#include "dev/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"

#include "dev/control.h"
#include "dev/instance.h"
#include "ui/call.h"
#include "ui/error.h"

#define PAGE 4096

/* A page that the device can map and nobody can take away from it. */
static int make_armed(struct tracer *t)
{
	int fd = memfd_create("armed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *page;

	if (fd < 0)
		return -1;
	if (ftruncate(fd, PAGE) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		goto fail;
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		goto fail;
	t->armed = page;
	return fd;
fail:
	close(fd);
	return -1;
}

static int get_map(struct tracer *t)
{
	struct json_object *device, *registers;
	struct names names;
	int err = control_call(t->control, "Show", NULL, &device);

	if (!err)
		err = control_call(t->control, "Registers", NULL, &registers);
	if (err)
		return control_report(t->control, NULL, err);
	names = names_of(json_get(device, "device"));
	if (regmap_init(&t->map, &names, json_get(registers, "registers")))
		return error(ST_FAILED, NULL, "out of memory");
	return 0;
}

static int open_ring(struct tracer *t)
{
	int send[2] = { t->eventfd, make_armed(t) };
	struct control_fds fds = { send, 2, -1 };
	int err;

	if (send[1] < 0)
		return error(ST_FAILED, t->uuid, "memfd: %s", strerror(errno));
	err = control_call_fds(t->control, "Trace", &fds, NULL);
	close(send[1]);
	if (err)
		return control_report(t->control, NULL, err);
	if (fds.received < 0)
		return error(ST_FAILED, t->uuid, "the device sent no trace ring");
	err = lm_trace_open(fds.received, &t->reader);
	if (!err)
		return 0;
	close(fds.received);
	return error(ST_FAILED, t->uuid,
		     err == -EPROTO ? "its trace has a different format (its libmuser is a "
				      "different version)" :
				      "its trace cannot be read");
}

int tracer_open(struct tracer *t, const char *word)
{
	int status;

	memset(t, 0, sizeof(*t));
	t->eventfd = -1;
	status = instance_open(word, &t->control);
	if (status)
		return status;
	snprintf(t->uuid, sizeof(t->uuid), "%s", control_uuid(t->control));
	t->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->eventfd < 0)
		status = error(ST_FAILED, t->uuid, "eventfd: %s", strerror(errno));
	if (!status)
		status = get_map(t);
	if (!status)
		status = open_ring(t);
	if (status)
		tracer_close(t);
	return status;
}

void tracer_close(struct tracer *t)
{
	lm_trace_close(t->reader);
	regmap_free(&t->map);
	control_close(t->control);
	if (t->armed)
		munmap(t->armed, PAGE);
	if (t->eventfd >= 0)
		close(t->eventfd);
	t->reader = NULL;
	t->control = NULL;
	t->armed = NULL;
	t->eventfd = -1;
}

/* The ring is empty and nobody writes it: what is left to say? A crash is reported after the
 * record that it left. */
static void take_end(struct tracer *t)
{
	int end;

	end = t->unfinished ? -ENOENT : lm_trace_end(t->reader, &t->record);
	t->crashed |= end != 0;
	t->has_record = t->unfinished = end == 1;
	if (t->has_record)
		return;
	if (t->crashed) {
		struct fate *fate = control_fate(t->control);

		t->status = fate_learn(fate);
		memcpy(t->fate, fate->text, sizeof(t->fate));
	}
	tracer_close(t);
}

static void note_append(struct tracer *t, const struct lm_trace_record *record)
{
	const size_t len = strlen(t->note);
	char text[LM_TRACE_TEXT_SIZE];

	lm_trace_text(record, text);
	snprintf(t->note + len, sizeof(t->note) - len, "%s", text);
	/* A device that never ends one must not keep us here. */
	t->is_noting = record->flags & LM_TRACE_MORE && strlen(t->note) < sizeof(t->note) - 1;
}

static int record_read(struct tracer *t, struct lm_trace_record *record)
{
	uint64_t lost;
	int n;

	if (t->has_next) {
		*record = t->next;
		t->has_next = false;
		return 1;
	}
	n = lm_trace_next(t->reader, record, &lost);
	t->lost += lost;
	return n;
}

static int record_begin(struct tracer *t)
{
	const int n = record_read(t, &t->record);

	*t->note = '\0';
	if (n == 1 && t->record.kind == LM_TRACE_NOTE)
		note_append(t, &t->record);
	return n;
}

/* The rest of a note, unless something else comes. */
static int note_read(struct tracer *t)
{
	const int n = record_read(t, &t->next);

	if (n == 1 && t->next.kind == LM_TRACE_NOTE) {
		note_append(t, &t->next);
	} else if (n == 1) {
		t->has_next = true;
		t->is_noting = false;
	}
	return n;
}

bool tracer_fetch(struct tracer *t)
{
	int n;

	if (t->has_record || !t->reader)
		return t->has_record;
	n = t->is_noting ? 1 : record_begin(t);
	while (n == 1 && t->is_noting)
		n = note_read(t);
	t->has_record = n == 1;
	if (n < 0) {
		error(0, t->uuid, "its trace is damaged: giving up");
		tracer_close(t);
	} else if (n == 0 && t->ended) {
		t->has_record = t->is_noting;
		t->is_noting = false;
		if (!t->has_record)
			take_end(t);
	}
	return t->has_record;
}

bool tracer_arm(struct tracer *t)
{
	return !t->reader || lm_trace_arm(t->reader, t->armed) == 1;
}

void tracer_woken(struct tracer *t)
{
	uint64_t count;
	char byte;

	if (!t->control)
		return;
	while (read(t->eventfd, &count, sizeof(count)) > 0)
		;
	if (recv(control_fd(t->control), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		t->ended = true;
}
