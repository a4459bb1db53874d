/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target.c - one way to access a device, whether by control endpoint or as its client.
 * See target.h. Over --socket a masked write is a read and a write, not atomic.
 */
#include "dev/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "base/json.h"

#include "dev/control.h"
#include "dev/instance.h"
#include "ui/error.h"
#include "ui/value.h"

int target_failed(const struct target *t, const char *object, int err)
{
	if (err == -ENOENT && !object)
		return error(ST_NO_DEVICE, t->name, "no such socket");
	if (err == -ECONNREFUSED)
		return error(ST_NO_DEVICE, t->name, "connection refused: no server listens on it");
	if (err == -ENOTCONN)
		return error(ST_FAILED, t->name,
			     "the server closed the connection (it may "
			     "serve one client at a time)");
	if (err == -ETIMEDOUT)
		return error(ST_FAILED, t->name, "the server does not answer");
	if (err == -EPROTO || err == -EPROTONOSUPPORT)
		return error(ST_FAILED, t->name, "violates the vfio-user protocol: %s",
			     strerror(-err));
	if (err == -EOPNOTSUPP || err == -ENOTTY || err == -ENOTSUP)
		return error(ST_UNSUPPORTED, object ? object : t->name,
			     "not supported by this server");
	return error(ST_FAILED, object ? object : t->name, "%s", strerror(-err));
}

int target_open(struct target *t, const struct call *call)
{
	int err;

	memset(t, 0, sizeof(*t));
	t->words = call->words;
	t->nr_words = call->nr_words;
	if (call->socket) {
		t->name = call->socket;
		err = lm_client_connect(call->socket, NULL, &t->client);
		return err ? target_failed(t, NULL, err) : 0;
	}
	t->name = *t->words++;
	t->nr_words--;
	return instance_open(t->name, &t->control);
}

void target_close(struct target *t)
{
	regmap_free(&t->map);
	control_close(t->control);
	lm_client_close(t->client);
}

static int ask_server(struct target *t)
{
	struct vfio_device_info info;
	const int err = lm_client_device_info(t->client, &info);

	if (err)
		return target_failed(t, NULL, err);
	t->names.not_pci = !(info.flags & VFIO_DEVICE_FLAGS_PCI);
	t->nr_irqs = info.num_irqs;
	return 0;
}

int target_ask(struct target *t)
{
	struct json_object *reply;
	int err;

	if (!t->control)
		return ask_server(t);
	if (t->device)
		return 0;
	err = control_call(t->control, "Show", NULL, &reply);
	if (err)
		return control_report(t->control, NULL, err);
	t->device = json_get(reply, "device");
	t->names = names_of(t->device);
	return 0;
}

int target_load_map(struct target *t)
{
	struct json_object *reply = NULL;
	int status = target_ask(t), err = 0;

	if (status)
		return status;
	if (t->control)
		err = control_call(t->control, "Registers", NULL, &reply);
	if (err)
		return control_report(t->control, NULL, err);
	if (regmap_init(&t->map, &t->names, json_get(reply, "registers")))
		return error(ST_FAILED, NULL, "out of memory");
	return 0;
}

uint64_t target_value(const uint8_t *bytes, unsigned int width)
{
	uint64_t value = 0;

	while (width--)
		value = value << 8 | bytes[width];
	return value;
}

/* What is known of a region before it is accessed. */
struct extent {
	uint64_t size; /* 0: there is none */
	unsigned int allowed;
};

static bool extent_of_server(struct target *t, uint32_t index, struct extent *extent)
{
	lm_client_region_t region;
	int err = lm_client_region_info(t->client, index, &region);

	*extent = (struct extent){ 0 };
	if (err)
		return err == -EINVAL;
	extent->size = region.info->size;
	if (region.info->flags & VFIO_REGION_INFO_FLAG_READ)
		extent->allowed |= TARGET_READ;
	if (region.info->flags & VFIO_REGION_INFO_FLAG_WRITE)
		extent->allowed |= TARGET_WRITE;
	lm_client_region_free(&region);
	return true;
}

static bool extent_of_device(struct target *t, uint32_t index, struct extent *extent)
{
	struct json_object *region;
	const char *flags;
	size_t i;

	*extent = (struct extent){ 0 };
	for (i = 0; (region = json_at(t->names.regions, i)); i++) {
		if (value_u64(region, "index") != index)
			continue;
		flags = value_text(region, "flags");
		extent->size = value_u64(region, "size");
		if (flags && strchr(flags, 'r'))
			extent->allowed |= TARGET_READ;
		if (flags && strchr(flags, 'w'))
			extent->allowed |= TARGET_WRITE;
	}
	return t->names.regions;
}

int target_check(struct target *t, const struct location *location, unsigned int access)
{
	const int status = t->client ? 0 : target_ask(t);
	struct extent extent;

	if (status)
		return status;
	if (!(t->client ? extent_of_server : extent_of_device)(t, location->region, &extent))
		return 0; /* nobody knows: the access will say what is wrong */
	if (!extent.size)
		return error(ST_FAILED, location->name,
			     t->client ? "the server has no such region" :
					 "no such region (musctl show lists them)");
	if (location->offset > extent.size || location->width > extent.size - location->offset)
		return error_out_of_range(location->name, extent.size);
	access &= ~extent.allowed;
	if (!access)
		return 0;
	return error(ST_FAILED, location->name, "the region cannot be %s",
		     access & TARGET_WRITE ? "written" : "read");
}

static bool peek_config(struct target *t, uint64_t offset, unsigned int width, uint32_t *value)
{
	uint8_t bytes[4];

	if (lm_client_region_read(t->client, VFIO_PCI_CONFIG_REGION_INDEX, offset, bytes, width))
		return false;
	*value = (uint32_t)target_value(bytes, width);
	return true;
}

/* A server may decode addresses as a bus does, as QEMU's does: no address, no register. */
static const char *not_decoded(struct target *t, unsigned int bar, char *buf, size_t size)
{
	const uint64_t at = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint32_t command, low, high = 0;
	bool io, off, nowhere;

	if (!peek_config(t, PCI_COMMAND, 2, &command) || !peek_config(t, at, 4, &low))
		return NULL;
	io = low & PCI_BASE_ADDRESS_SPACE_IO;
	if (!io && (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64 &&
	    !peek_config(t, at + 4, 4, &high))
		return NULL;
	off = !(command & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY));
	nowhere = !high && !(low & (io ? PCI_BASE_ADDRESS_IO_MASK : PCI_BASE_ADDRESS_MEM_MASK));
	snprintf(buf, size, "%s%s%s%s",
		 off && io ? "I/O decoding is off in COMMAND" :
		 off       ? "memory decoding is off in COMMAND" :
			     "",
		 off && nowhere ? ", and " : "", nowhere ? "the BAR has no address" : "",
		 nowhere ? " (a driver gives it one)" : "");
	return off || nowhere ? buf : NULL;
}

static int failed_at(struct target *t, const struct location *location, int err)
{
	char buf[128];
	const char *why = NULL;

	if (location->region <= VFIO_PCI_BAR5_REGION_INDEX && !t->names.not_pci &&
	    err != -ENOTCONN && err != -ETIMEDOUT)
		why = not_decoded(t, location->region, buf, sizeof(buf));
	return why ? error(ST_FAILED, location->name, "%s: %s", strerror(-err), why) :
		     target_failed(t, location->name, err);
}

int target_fetch(struct control *control, const struct location *location, void *buf)
{
	struct json_object *call = json_new_object(), *reply;
	ssize_t got;
	int err;

	json_add_int(call, "region", location->region);
	json_add_hex(call, "offset", location->offset);
	json_add_int(call, "count", location->width);
	err = control_call(control, "Read", call, &reply);
	if (err)
		return err;
	got = json_to_bytes(json_get(reply, "data"), buf, location->width);
	control_drop(control);
	return got == (ssize_t)location->width ? 0 : -EPROTO;
}

int target_read(struct target *t, const struct location *location, void *buf)
{
	int err;

	if (t->control) {
		err = target_fetch(t->control, location, buf);
		return err ? control_report(t->control, location->name, err) : 0;
	}
	err = lm_client_region_read(t->client, location->region, location->offset, buf,
				    location->width);
	return err ? failed_at(t, location, err) : 0;
}

static int write_client(struct target *t, const struct location *location, uint64_t value,
			uint64_t mask)
{
	uint8_t bytes[8];
	unsigned int i;
	int err = 0;

	if (mask != bit_mask(8 * location->width)) {
		err = lm_client_region_read(t->client, location->region, location->offset, bytes,
					    location->width);
		value = (target_value(bytes, location->width) & ~mask) | (value & mask);
	}
	for (i = 0; i < location->width; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	if (!err)
		err = lm_client_region_write(t->client, location->region, location->offset, bytes,
					     location->width);
	return err ? failed_at(t, location, err) : 0;
}

int target_write(struct target *t, const struct location *location, uint64_t value, uint64_t mask)
{
	struct json_object *call;
	int err;

	if (!t->control)
		return write_client(t, location, value, mask);
	call = json_new_object();
	json_add_int(call, "region", location->region);
	json_add_hex(call, "offset", location->offset);
	json_add_int(call, "width", location->width);
	json_add_hex(call, "value", value);
	if (mask != bit_mask(8 * location->width))
		json_add_hex(call, "mask", mask);
	err = control_call(t->control, "Write", call, NULL);
	return err ? control_report(t->control, location->name, err) : 0;
}
