/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * undecoded.c - a vfio-user server that decodes addresses, as QEMU's does: accesses of BAR0
 * (64-bit memory) and BAR4 (I/O) fail as long as COMMAND and the BARs do not let them
 * through. Arguments: PATH of its socket. It serves one client at a time.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "wire/vfio_user.h"

static uint8_t config[256] = {
	[PCI_BASE_ADDRESS_0] = PCI_BASE_ADDRESS_MEM_TYPE_64,
	[PCI_BASE_ADDRESS_4] = PCI_BASE_ADDRESS_SPACE_IO,
};

static bool is_decoded(uint32_t region)
{
	const uint8_t *bar = config + PCI_BASE_ADDRESS_0 + 4 * region;

	return (config[PCI_COMMAND] & (region ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)) &&
	       (bar[1] || bar[2] || bar[3] || (!region && bar[4]));
}

/* Bytes of payload to answer with, or -errno. */
static int access_region(uint8_t *payload, bool is_write)
{
	struct vfio_user_region_access a;
	uint8_t bar[8] = { 0x11 }, *at = bar;

	memcpy(&a, payload, sizeof(a));
	if (a.count > 8 || (a.region != VFIO_PCI_CONFIG_REGION_INDEX && !is_decoded(a.region)))
		return -EINVAL;
	if (a.region == VFIO_PCI_CONFIG_REGION_INDEX)
		at = config + a.offset % 248;
	if (is_write)
		memcpy(at, payload + sizeof(a), a.count);
	else
		memcpy(payload + sizeof(a), at, a.count);
	return (int)(sizeof(a) + (is_write ? 0 : a.count));
}

static int describe_region(uint8_t *payload)
{
	struct vfio_region_info info;

	memcpy(&info, payload, sizeof(info));
	info.argsz = sizeof(info);
	info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	info.size = 256;
	memcpy(payload, &info, sizeof(info));
	return sizeof(info);
}

static int answer(uint16_t cmd, uint8_t *payload)
{
	const struct vfio_user_version version = { .minor = 1 };
	const struct vfio_user_device_info info = {
		.argsz = sizeof(info), .flags = VFIO_DEVICE_FLAGS_PCI,
		.num_regions = VFIO_PCI_NUM_REGIONS, .num_irqs = VFIO_PCI_NUM_IRQS,
	};

	switch (cmd) {
	case VFIO_USER_VERSION:
		memcpy(payload, &version, sizeof(version));
		return sizeof(version);
	case VFIO_USER_DEVICE_GET_INFO:
		memcpy(payload, &info, sizeof(info));
		return sizeof(info);
	case VFIO_USER_DEVICE_GET_REGION_INFO:
		return describe_region(payload);
	case VFIO_USER_REGION_READ:
	case VFIO_USER_REGION_WRITE:
		return access_region(payload, cmd == VFIO_USER_REGION_WRITE);
	default:
		return -ENOTSUP;
	}
}

static bool serve_one(int sock)
{
	struct {
		struct vfio_user_header hdr;
		uint8_t payload[4096];
	} msg = { 0 };
	int len;

	if (recv(sock, &msg.hdr, sizeof(msg.hdr), MSG_WAITALL) != sizeof(msg.hdr) ||
	    msg.hdr.msg_size - sizeof(msg.hdr) > sizeof(msg.payload))
		return false;
	len = (int)(msg.hdr.msg_size - sizeof(msg.hdr));
	if (len && recv(sock, msg.payload, (size_t)len, MSG_WAITALL) != len)
		return false;
	len = answer(msg.hdr.cmd, msg.payload);
	msg.hdr.flags = VFIO_USER_F_TYPE_REPLY | (len < 0 ? VFIO_USER_F_ERROR : 0);
	msg.hdr.error_no = len < 0 ? (uint32_t)-len : 0;
	msg.hdr.msg_size = (uint32_t)sizeof(msg.hdr) + (len < 0 ? 0 : (uint32_t)len);
	return send(sock, &msg, msg.hdr.msg_size, MSG_NOSIGNAL) > 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM, 0), client;

	if (argc != 2)
		return 2;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s.new", argv[1]);
	if (bind(sock, (void *)&addr, sizeof(addr)) || listen(sock, 8) ||
	    rename(addr.sun_path, argv[1]))
		return 1;
	while ((client = accept(sock, NULL, NULL)) >= 0) {
		while (serve_one(client))
			;
		close(client);
	}
	return 1;
}
