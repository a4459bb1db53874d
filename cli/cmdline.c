/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmdline.c - command lines that work when pasted: quoted for the shell, JSON or XML that
 * they stand in. With a socket guest memory is shared in all of them: a memfd that is not
 * corrupts DMA silently. With an mdev the kernel sees to it.
 */
#include "cmdline.h"

#include <stdio.h>
#include <string.h>

#include "mdev.h"

/* How a byte is written where it would mean something else; NULL: as it is. */
typedef const char *(*escape_fn)(char c);

/* JSON inside single quotes of a shell. */
static const char *escape_shell_json(char c)
{
	switch (c) {
	case '\'': return "\\u0027";
	case '"':  return "\\\"";
	case '\\': return "\\\\";
	default:   return NULL;
	}
}

/* JSON inside a single-quoted XML attribute. */
static const char *escape_xml_json(char c)
{
	switch (c) {
	case '\'': return "&apos;";
	case '&':  return "&amp;";
	case '<':  return "&lt;";
	case '"':  return "\\\"";
	case '\\': return "\\\\";
	default:   return NULL;
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

static void print_qemu(const char *socket)
{
	printf("-machine q35,memory-backend=mem -m 1G "
	       "-object memory-backend-memfd,id=mem,size=1G,share=on -device '");
	print_device(socket, escape_shell_json);
	printf("'\n");
}

static void print_libvirt(const char *socket)
{
	printf("<domain type='kvm' xmlns:qemu='http:"
	       "//libvirt.org/schemas/domain/qemu/1.0'>\n"
	       "  <memoryBacking>\n"
	       "    <source type='memfd'/>\n"
	       "    <access mode='shared'/>\n"
	       "  </memoryBacking>\n"
	       "  <qemu:commandline>\n"
	       "    <qemu:arg value='-device'/>\n"
	       "    <qemu:arg value='");
	print_device(socket, escape_xml_json);
	printf("'/>\n"
	       "  </qemu:commandline>\n"
	       "</domain>\n");
}

static void print_cloud_hypervisor(const char *socket)
{
	printf("--memory size=1G,shared=on --user-device 'socket=");
	print_escaped(socket, escape_shell);
	printf("'\n");
}

void cmdline_print(const char *who, const char *socket)
{
	if (!strcmp(who, "qemu"))
		print_qemu(socket);
	else if (!strcmp(who, "libvirt"))
		print_libvirt(socket);
	else
		print_cloud_hypervisor(socket);
}

void cmdline_print_mdev(const char *who, const char *uuid)
{
	if (!strcmp(who, "qemu"))
		printf("-machine q35 -m 1G -device vfio-pci,sysfsdev=%s/%s\n", MDEV_DEVICES,
		       uuid);
	else if (!strcmp(who, "libvirt"))
		printf("<hostdev mode='subsystem' type='mdev' model='vfio-pci'>\n"
		       "  <source>\n"
		       "    <address uuid='%s'/>\n"
		       "  </source>\n"
		       "</hostdev>\n", uuid);
	else
		printf("--memory size=1G --device path=%s/%s/\n", MDEV_DEVICES, uuid);
}
