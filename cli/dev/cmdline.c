/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmdline.c - command lines that work when pasted: quoted for the shell, JSON or XML that
 * they stand in. With a socket guest memory is shared in all of them: a memfd that is not
 * corrupts DMA silently. With an mdev the kernel sees to it.
 */
#include "dev/cmdline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sockpath.h"

#include "mdev/mdev.h"
#include "ui/call.h"
#include "ui/error.h"

/* How a byte is written where it would mean something else; NULL: as it is. */
typedef const char *(*escape_fn)(char c);

/* JSON inside single quotes of a shell. */
static const char *escape_shell_json(char c)
{
	switch (c) {
	case '\'': return "\\u0027";
	case '"': return "\\\"";
	case '\\': return "\\\\";
	default: return NULL;
	}
}

/* JSON inside a single-quoted XML attribute. */
static const char *escape_xml_json(char c)
{
	switch (c) {
	case '\'': return "&apos;";
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '"': return "\\\"";
	case '\\': return "\\\\";
	default: return NULL;
	}
}

/* Inside single quotes of a shell. */
static const char *escape_shell(char c)
{
	return c == '\'' ? "'\\''" : NULL;
}

static void print_escaped(const char *text, escape_fn escape)
{
	const char *instead;

	for (; *text; text++) {
		instead = escape(*text);
		if (instead)
			fputs(instead, stdout);
		else
			putchar((unsigned char)*text < ' ' ? '?' : *text);
	}
}

static void print_device(const char *socket, escape_fn escape)
{
	printf("{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"");
	print_escaped(socket, escape);
	printf("\"}}");
}

/* ---- the devices ----------------------------------------------------------------- */

struct cmdline_device {
	char *uuid;
	char *socket; /* NULL: an mdev */
};

int cmdline_add(struct cmdline *cmdline, const char *uuid, const char *socket)
{
	struct cmdline_device *grown, *device;
	size_t i;

	for (i = 0; i < cmdline->nr; i++) {
		if (cmdline->devices[i].uuid && !strcmp(cmdline->devices[i].uuid, uuid))
			return error(ST_USAGE, uuid,
				     "is given twice: a virtual machine can have it only once");
	}
	if (socket && strlen(socket) > SOCKPATH_MAX)
		return error(ST_UNSUPPORTED, uuid,
			     "no client can connect to a path of %zu bytes, "
			     "%zu at most (create it with a shorter --socket-path or "
			     "MUSER_RUNTIME_DIR)",
			     strlen(socket), SOCKPATH_MAX);
	grown = realloc(cmdline->devices, (cmdline->nr + 1) * sizeof(*grown));
	if (!grown)
		return error(ST_FAILED, NULL, "out of memory");
	cmdline->devices = grown;
	device = &grown[cmdline->nr++];
	device->uuid = strdup(uuid);
	device->socket = socket ? strdup(socket) : NULL;
	if (device->uuid && (!socket || device->socket))
		return 0;
	return error(ST_FAILED, NULL, "out of memory");
}

void cmdline_free(struct cmdline *cmdline)
{
	size_t i;

	for (i = 0; i < cmdline->nr; i++) {
		free(cmdline->devices[i].uuid);
		free(cmdline->devices[i].socket);
	}
	free(cmdline->devices);
}

static size_t count_sockets(const struct cmdline *cmdline)
{
	size_t i, nr = 0;

	for (i = 0; i < cmdline->nr; i++)
		nr += !!cmdline->devices[i].socket;
	return nr;
}

/* ---- QEMU ------------------------------------------------------------------------ */

static void print_qemu(const struct cmdline *cmdline)
{
	const struct cmdline_device *d;

	if (count_sockets(cmdline))
		printf("-machine q35,memory-backend=mem -m 1G "
		       "-object memory-backend-memfd,id=mem,size=1G,share=on");
	else
		printf("-machine q35 -m 1G");
	for (d = cmdline->devices; d < cmdline->devices + cmdline->nr; d++) {
		if (!d->socket) {
			printf(" -device vfio-pci,sysfsdev=%s/%s", MDEV_DEVICES, d->uuid);
			continue;
		}
		printf(" -device '");
		print_device(d->socket, escape_shell_json);
		printf("'");
	}
	printf("\n");
}

/* ---- libvirt --------------------------------------------------------------------- */

static void print_hostdev(const char *uuid, const char *indent)
{
	printf("%s<hostdev mode='subsystem' type='mdev' model='vfio-pci'>\n"
	       "%s  <source>\n"
	       "%s    <address uuid='%s'/>\n"
	       "%s  </source>\n"
	       "%s</hostdev>\n",
	       indent, indent, indent, uuid, indent, indent);
}

static void print_commandline(const struct cmdline *cmdline)
{
	const struct cmdline_device *d;

	printf("  <qemu:commandline>\n");
	for (d = cmdline->devices; d < cmdline->devices + cmdline->nr; d++) {
		if (!d->socket)
			continue;
		printf("    <qemu:arg value='-device'/>\n"
		       "    <qemu:arg value='");
		print_device(d->socket, escape_xml_json);
		printf("'/>\n");
	}
	printf("  </qemu:commandline>\n");
}

/* One element, whatever the devices: a lone mdev is one for "virsh attach-device". */
static void print_libvirt(const struct cmdline *cmdline)
{
	const size_t sockets = count_sockets(cmdline);
	const struct cmdline_device *d;

	if (cmdline->nr == 1 && !sockets) {
		print_hostdev(cmdline->devices->uuid, "");
		return;
	}
	printf("<domain type='kvm'%s>\n", sockets ? " xmlns:qemu='http:"
						    "//libvirt.org/schemas/domain/qemu/1.0'" :
						    "");
	if (sockets)
		printf("  <memoryBacking>\n"
		       "    <source type='memfd'/>\n"
		       "    <access mode='shared'/>\n"
		       "  </memoryBacking>\n");
	if (sockets < cmdline->nr)
		printf("  <devices>\n");
	for (d = cmdline->devices; d < cmdline->devices + cmdline->nr; d++) {
		if (!d->socket)
			print_hostdev(d->uuid, "    ");
	}
	if (sockets < cmdline->nr)
		printf("  </devices>\n");
	if (sockets)
		print_commandline(cmdline);
	printf("</domain>\n");
}

/* ---- cloud-hypervisor ------------------------------------------------------------ */

/* Its options are given once, with all their values, which it splits at commas. */
static int print_cloud_hypervisor(const struct cmdline *cmdline)
{
	const struct cmdline_device *d, *end = cmdline->devices + cmdline->nr;
	const size_t sockets = count_sockets(cmdline);

	for (d = cmdline->devices; d < end; d++) {
		if (d->socket && strchr(d->socket, ','))
			return error(ST_UNSUPPORTED, d->uuid,
				     "cloud-hypervisor takes no path with "
				     "a comma (create it with another --socket-path or "
				     "MUSER_RUNTIME_DIR)");
	}
	printf("--memory size=1G%s", sockets ? ",shared=on --user-device" : "");
	for (d = cmdline->devices; d < end; d++) {
		if (!d->socket)
			continue;
		printf(" 'socket=");
		print_escaped(d->socket, escape_shell);
		printf("'");
	}
	printf("%s", sockets < cmdline->nr ? " --device" : "");
	for (d = cmdline->devices; d < end; d++) {
		if (!d->socket)
			printf(" path=%s/%s/", MDEV_DEVICES, d->uuid);
	}
	printf("\n");
	return 0;
}

int cmdline_print(const struct cmdline *cmdline, const char *who)
{
	if (!strcmp(who, "qemu"))
		print_qemu(cmdline);
	else if (!strcmp(who, "libvirt"))
		print_libvirt(cmdline);
	else
		return print_cloud_hypervisor(cmdline);
	return 0;
}
