/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor.c - looks at this host: what is there for devices and their clients, and what to
 * do about what is not. It changes nothing. A failure is what keeps vfio-user devices
 * from working here; what only some uses need is a warning.
 */
#include "doctor/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/json.h"
#include "muser-instance.h"

#include "dev/control.h"
#include "dev/instance.h"
#include "mdev/mdev.h"
#include "ui/clock.h"
#include "ui/spawn.h"
#include "ui/value.h"

#define PROGRAM_TIMEOUT_MS 3000
#define MANY_FILES         4096
#define DEVICES_MS         500 /* for all to answer; those that have none ... */
#define LEAST_MS           20  /* ... left get this */

void doctor_say(struct finding *f, enum health health, const char *advice, const char *fmt, ...)
{
	va_list ap;

	f->health = health;
	snprintf(f->advice, sizeof(f->advice), "%s", advice);
	va_start(ap, fmt);
	vsnprintf(f->found, sizeof(f->found), fmt, ap);
	va_end(ap);
}

/* ---- programs -------------------------------------------------------------------- */

static const char *const qemu = "qemu-system-x86_64";

static bool has_vfio_user(void)
{
	const char *argv[] = { qemu, "-device", "help", NULL };
	size_t size = 262144;
	char *text = malloc(size);
	bool has;

	if (!text)
		return false;
	has = spawn_capture(argv, text, size, PROGRAM_TIMEOUT_MS) == 0 &&
	      strstr(text, "\"vfio-user-pci\"");
	free(text);
	return has;
}

static void look_qemu(struct finding *f)
{
	static const char advice[] =
		"install QEMU >= 10.1, 10.1.1 recommended (Debian: trixie-backports)";
	const char *argv[] = { qemu, "--version", NULL };
	char text[1024];
	int status, major = 0, minor = 0, patch = 0;

	status = spawn_capture(argv, text, sizeof(text), PROGRAM_TIMEOUT_MS);
	if (status) {
		doctor_say(f, HEALTH_WARN, advice, "%s %s", qemu,
			   status == -ENOENT ? "is not installed" : "does not start");
		return;
	}
	sscanf(text, "QEMU emulator version %d.%d.%d", &major, &minor, &patch);
	if (!has_vfio_user())
		doctor_say(f, HEALTH_WARN, advice, "QEMU %d.%d.%d has no vfio-user-pci", major,
			   minor, patch);
	else if (major == 10 && minor == 1 && patch == 0)
		doctor_say(f, HEALTH_WARN, advice,
			   "QEMU 10.1.0 has vfio-user-pci with a known regression");
	else
		doctor_say(f, HEALTH_OK, "", "QEMU %d.%d.%d has vfio-user-pci", major, minor,
			   patch);
}

static void look_lspci(struct finding *f)
{
	const char *argv[] = { "lspci", "--version", NULL };
	char text[256];

	if (spawn_capture(argv, text, sizeof(text), PROGRAM_TIMEOUT_MS))
		doctor_say(f, HEALTH_WARN, "install pciutils, for musctl lspci",
			   "lspci is not installed");
	else
		doctor_say(f, HEALTH_OK, "", "%.*s", (int)strcspn(text, "\n"), text);
}

/* ---- limits ---------------------------------------------------------------------- */

static void look_nofile(struct finding *f)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < MANY_FILES)
		doctor_say(f, HEALTH_WARN,
			   "raise the hard limit: eventfds and memory of guests are files",
			   "hard limit of open files: %llu", (unsigned long long)limit.rlim_max);
	else
		doctor_say(f, HEALTH_OK, "", "hard limit of open files: %lld",
			   (long long)limit.rlim_max);
}

/* ---- the runtime directory ------------------------------------------------------- */

static bool is_dir(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

static void look_runtime(struct finding *f)
{
	static const char advice[] = "set MUSER_RUNTIME_DIR to a directory of your own";
	char dir[4096] = "", near[4096], why[DIR_WHY], *slash;
	const int fd = dir_open_runtime(false, why);

	if (fd >= 0)
		close(fd);
	lm_runtime_dir(dir, sizeof(dir));
	snprintf(near, sizeof(near), "%s", dir);
	/* The nearest directory above that exists. */
	while (access(near, F_OK) && (slash = strrchr(near, '/')) && slash != near)
		*slash = '\0';
	if (fd == -EPERM)
		doctor_say(f, HEALTH_FAIL,
			   "chmod go-w it if it is yours, or set MUSER_RUNTIME_DIR "
			   "to a directory of your own: others could replace devices",
			   "%s", why);
	else if (!is_dir(near) || access(near, W_OK | X_OK))
		doctor_say(f, HEALTH_FAIL, advice, "%.200s: %s", near, strerror(errno));
	else if (fd < 0 && fd != -ENOENT)
		doctor_say(f, HEALTH_FAIL, advice, "%s", why);
	else
		doctor_say(f, HEALTH_OK, "", "%.200s", dir);
}

/* ---- guests ---------------------------------------------------------------------- */

/* A backend that shares only if told so, or that was told not to. */
static bool is_private(const char *word)
{
	if (!strncmp(word, "memory-backend-memfd", 20))
		return strstr(word, "share=off") || strstr(word, "\"share\":false");
	if (!strncmp(word, "memory-backend-file", 19))
		return !strstr(word, "share=on") && !strstr(word, "share=true");
	return false;
}

static bool has_private_memory(pid_t pid)
{
	char path[128], relative[40], words[16384];
	size_t len, at;
	FILE *file;

	snprintf(relative, sizeof(relative), "/proc/%d/cmdline", (int)pid);
	file = fopen(mdev_path(path, sizeof(path), relative), "re");
	if (!file)
		return false;
	len = fread(words, 1, sizeof(words) - 1, file);
	fclose(file);
	words[len] = '\0';
	for (at = 0; at < len; at += strlen(words + at) + 1) {
		if (is_private(words + at))
			return true;
	}
	return false;
}

/* The process id of the client, 0: none. */
static pid_t client_of(const char *uuid, int64_t end, unsigned int *hung)
{
	int64_t left = end - clock_ms();
	struct json_object *reply;
	struct control *control;
	pid_t pid = 0;
	int err;

	if (control_open(uuid, &control))
		return 0;
	control_set_timeout(control, left > LEAST_MS ? (int)left : LEAST_MS);
	err = control_call(control, "Show", NULL, &reply);
	if (!err)
		pid = (pid_t)value_u64(json_get(json_get(reply, "device"), "client"), "pid");
	*hung += err == -ETIMEDOUT;
	control_close(control);
	return pid;
}

static void look_guests(struct finding *f)
{
	const int64_t end = clock_ms() + DEVICES_MS;
	struct uuid_list list;
	unsigned int clients = 0, hung = 0;
	pid_t pid;
	size_t i;

	if (instance_list(&list))
		return;
	for (i = 0; i < list.nr && f->health == HEALTH_OK; i++) {
		pid = client_of(list.uuids[i], end, &hung);
		clients += pid > 0;
		if (pid > 0 && has_private_memory(pid))
			doctor_say(f, HEALTH_FAIL,
				   "restart it with share=on: its DMA is silently lost",
				   "client %d of %.8s does not share its memory", (int)pid,
				   list.uuids[i]);
	}
	if (f->health == HEALTH_OK && hung)
		doctor_say(f, HEALTH_WARN,
			   "they may be busy, or stopped by a debugger (musctl list)",
			   "%zu devices, %u of which do not answer", list.nr, hung);
	else if (f->health == HEALTH_OK)
		doctor_say(f, HEALTH_OK,
			   clients ? "" : "give guests share=on (musctl show --cmdline=qemu)",
			   "%zu devices, %u clients", list.nr, clients);
	uuid_list_free(&list);
}

const struct check doctor_checks[] = { { "qemu", look_qemu },           { "lspci", look_lspci },
				       { "muser.ko", doctor_muser },    { "mdev", doctor_mdev },
				       { "mdev-types", doctor_types },  { "vfio", doctor_vfio },
				       { "muser-nodes", doctor_nodes }, { "nofile", look_nofile },
				       { "memlock", doctor_memlock },   { "runtime", look_runtime },
				       { "guest-memory", look_guests }, { 0 } };
