/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_service.c - finds the method of a call, and describes what there is.
 *
 * Owns org.varlink.service, by which any Varlink client can look at the interfaces, and
 * the text of muser.varlink as a part of the library: what is described is what is
 * served.
 */
#include <stdlib.h>
#include <string.h>

#include "control/control_conn.h"

/* The file itself, and a NUL; found from the top of the tree, where the compiler runs. */
__asm__(".pushsection .rodata\n"
	".hidden control_varlink\n"
	".global control_varlink\n"
	"control_varlink:\n"
	".incbin \"lib/muser.varlink\"\n"
	".byte 0\n"
	".popsection\n");

extern const char control_varlink[] __attribute__((visibility("hidden")));

static const char service_varlink[] =
	"# What every Varlink service says about itself\n"
	"interface org.varlink.service\n"
	"\n"
	"method GetInfo() -> (\n"
	"  vendor: string, product: string, version: string, url: string,\n"
	"  interfaces: []string\n"
	")\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n";

static void get_info(struct conn *c, struct json_object *params, bool more);
static void describe(struct conn *c, struct json_object *params, bool more);

static const struct method service_methods[] = {
	{ "GetInfo", get_info },
	{ "GetInterfaceDescription", describe },
	{ NULL, NULL },
};

static const struct interface {
	const char *name, *description;
	const struct method *methods[4];
} interfaces[] = {
	{ "org.varlink.service", service_varlink, { service_methods } },
	{ CONTROL_INTERFACE,
	  control_varlink,
	  { control_show_methods, control_list_methods, control_access_methods, control_methods } },
};

static const struct interface *find_interface(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < LM_NR(interfaces); i++) {
		const struct interface *face = &interfaces[i];

		if (strlen(face->name) == len && !memcmp(face->name, name, len))
			return face;
	}
	return NULL;
}

static const struct method *find_method(const struct interface *face, const char *name)
{
	const struct method *m;
	size_t i;

	for (i = 0; i < LM_NR(face->methods) && face->methods[i]; i++) {
		for (m = face->methods[i]; m->name; m++) {
			if (!strcmp(m->name, name))
				return m;
		}
	}
	return NULL;
}

static void no_interface(struct conn *c, const char *name, size_t len)
{
	struct json_object *params = json_new_object();
	char *text = strndup(name, len);

	json_add_string(params, "interface", text);
	free(text);
	control_error(c, "org.varlink.service.InterfaceNotFound", params);
}

static void get_info(struct conn *c, struct json_object *params, bool more)
{
	struct json_object *reply, *names;
	size_t i;

	if (!control_args(c, params, NULL, 0, NULL))
		return;
	reply = json_new_object();
	names = json_new_array();
	json_add_string(reply, "vendor", "muser");
	json_add_string(reply, "product", "libmuser");
	json_add_string(reply, "version", lm_version());
	json_add_string(reply, "url", "man:libmuser(3)");
	for (i = 0; i < LM_NR(interfaces); i++)
		json_append_string(names, interfaces[i].name);
	json_add(reply, "interfaces", names);
	control_reply(c, reply);
}

static void describe(struct conn *c, struct json_object *params, bool more)
{
	static const struct json_member members[] = { { "interface", JSON_STRING } };
	const struct interface *face;
	struct json_object *reply;
	const char *name;

	if (!control_args(c, params, members, LM_NR(members), &name))
		return;
	face = find_interface(name, strlen(name));
	if (!face) {
		no_interface(c, name, strlen(name));
		return;
	}
	reply = json_new_object();
	json_add_text(reply, "description", face->description);
	control_reply(c, reply);
}

void control_dispatch(struct conn *c, const char *name, struct json_object *params, bool more)
{
	const char *dot = strrchr(name, '.');
	const size_t len = dot ? (size_t)(dot - name) : strlen(name);
	const struct interface *face = find_interface(name, len);
	const struct method *m;

	if (!dot || !face) {
		no_interface(c, name, len);
		return;
	}
	m = find_method(face, dot + 1);
	if (m) {
		m->fn(c, params, more);
		return;
	}
	params = json_new_object();
	json_add_string(params, "method", name);
	control_error(c, "org.varlink.service.MethodNotFound", params);
}
