/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * caps.h - the JSON of VFIO_USER_VERSION: the same members in what a client proposes and in what a
 * server replies.
 */
#ifndef LM_CAPS_H
#define LM_CAPS_H

#include "base/json.h"

struct caps {
	int64_t max_msg_fds, max_data_xfer_size, max_dma_maps, pgsizes; /* 0: absent */
	bool write_multiple;
	bool twin_socket;
	int64_t twin_fd; /* fd_index of the twin socket; negative: absent */
};

/* What is absent stays as it is in @caps, members that we do not know are ignored. -EINVAL: one has
 * the wrong type, or a number is not positive. */
int caps_read(struct json_object *json, struct caps *caps);
struct json_object *caps_json(const struct caps *caps);

#endif /* LM_CAPS_H */
