/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * page.h - a device or a type as a page of sections. Both come as JSON in the shape of
 * the control interface (lib/muser.varlink), so there is one way to show either.
 */
#ifndef MUSCTL_PAGE_H
#define MUSCTL_PAGE_H

#include <stddef.h>

struct call;
struct json_object;

/* Lines of "KEY  value" at the top of a page. An entry without value is left out. */
struct page_entry {
	const char *key;
	const char *value;
};

void page_head(const struct call *call, const struct page_entry *entries, size_t nr);

/* Sections; each is left out if there is nothing in it. */
void page_regions(const struct call *call, struct json_object *regions);
void page_irqs(const struct call *call, struct json_object *irqs);
void page_properties(const struct call *call, const char *title, struct json_object *properties);
/* device: whose they are, for the names of its regions. */
void page_registers(const struct call *call, struct json_object *device,
		    struct json_object *registers);
void page_dma(const struct call *call, struct json_object *windows, size_t total);

#endif /* MUSCTL_PAGE_H */
