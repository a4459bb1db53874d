/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device.c - a device that comes with musctl as a program of its own: device TYPE [OPTION]...
 */
#include <stdio.h>

#include "devices.h"

int main(int argc, char **argv)
{
	const struct device_type *type = argc > 1 ? device_find(argv[1]) : NULL;
	lm_dev_info_t info;
	int status;

	if (!type) {
		fprintf(stderr, "usage: %s TYPE [OPTION]..., or TYPE --help\n", argv[0]);
		return 2;
	}
	info = *type->info;
	if (device_new(type, &info.pvt)) {
		perror(argv[1]);
		return 1;
	}
	argv[1] = argv[0];
	status = lm_main(argc - 1, argv + 1, &info);
	device_free(type, info.pvt);
	return status;
}
