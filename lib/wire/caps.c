/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * caps.c - the JSON of VFIO_USER_VERSION. What a value means is for handshake.c (server) and
 * client_connect.c.
 */
#include "base/base.h"
#include "wire/caps.h"

static int read_number(struct json_object *caps, const char *name, int64_t *value)
{
	struct json_object *member = json_get(caps, name);

	if (!member)
		return 0;
	return json_to_int(member, value) || *value <= 0 ? -EINVAL : 0;
}

static int read_bool(struct json_object *caps, const char *name, bool *value)
{
	struct json_object *member = json_get(caps, name);

	return member ? json_to_bool(member, value) : 0;
}

int caps_read(struct json_object *json, struct caps *caps)
{
	struct json_object *obj = json_get(json, "capabilities");
	struct json_object *twin = json_get(obj, "twin_socket");
	int ret;

	if (!json_is_object(json) || (obj && !json_is_object(obj)))
		return -EINVAL;
	ret = read_number(obj, "max_msg_fds", &caps->max_msg_fds);
	ret = ret ?: read_number(obj, "max_data_xfer_size", &caps->max_data_xfer_size);
	ret = ret ?: read_number(obj, "max_dma_maps", &caps->max_dma_maps);
	ret = ret ?: read_number(obj, "pgsizes", &caps->pgsizes);
	ret = ret ?: read_bool(obj, "write_multiple", &caps->write_multiple);
	ret = ret ?: read_bool(twin, "supported", &caps->twin_socket);
	json_to_int(json_get(twin, "fd_index"), &caps->twin_fd);
	return ret;
}

static void add_number(struct json_object *obj, const char *name, int64_t value)
{
	if (value)
		json_add_int(obj, name, value);
}

struct json_object *caps_json(const struct caps *caps)
{
	struct json_object *json = json_new_object(), *obj = json_new_object(), *twin;

	add_number(obj, "max_msg_fds", caps->max_msg_fds);
	add_number(obj, "max_data_xfer_size", caps->max_data_xfer_size);
	add_number(obj, "max_dma_maps", caps->max_dma_maps);
	add_number(obj, "pgsizes", caps->pgsizes);
	if (caps->write_multiple)
		json_add_bool(obj, "write_multiple", true);
	if (caps->twin_socket) {
		twin = json_new_object();
		json_add_bool(twin, "supported", true);
		if (caps->twin_fd >= 0)
			json_add_int(twin, "fd_index", caps->twin_fd);
		json_add(obj, "twin_socket", twin);
	}
	json_add(json, "capabilities", obj);
	return json;
}
