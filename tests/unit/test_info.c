/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_info.c - descriptions: of programs older and newer than the library, copied, checked,
 * completed from the environment.
 */
#include <linux/pci_regs.h>
#include <sys/un.h>

#include "engine.h"
#include "info.h"
#include "tempdir.h"

#define UUID "0123abcd-0000-4000-8000-00000000beef"

static int setup(void **state)
{
	unsetenv("MUSER_UUID");
	unsetenv("MUSER_LISTEN_FD");
	unsetenv("MUSER_SOCKET_PATH");
	unsetenv("MUSER_TRANSPORT");
	return engine_setup(state);
}

static int teardown(void **state)
{
	unsetenv("MUSER_UUID");
	unsetenv("MUSER_LISTEN_FD");
	unsetenv("MUSER_SOCKET_PATH");
	unsetenv("MUSER_TRANSPORT");
	return engine_teardown(state);
}

/* info_copy() and back; the cause of a refusal is told. */
static int copied(struct engine *e, const void *from, size_t size)
{
	lm_dev_info_t to;
	const int ret = info_copy(&to, from, size);

	if (!ret)
		info_free(&to);
	return ret;
}

static void given_a_socket(struct engine *e)
{
	e->info.socket_path = "/nowhere/socket";
}

/* ---- programs of another age ----------------------------------------------------- */

/* What the first programs know ends here. */
#define FIRST_SIZE offsetof(lm_dev_info_t, state_size)

static void a_description_shorter_than_the_first_is_refused(void **state)
{
	struct engine *e = *state;

	given_a_socket(e);
	assert_int_equal(copied(e, &e->info, FIRST_SIZE), 0);
	assert_int_equal(copied(e, &e->info, FIRST_SIZE - 1), -EINVAL);
	assert_int_equal(copied(e, &e->info, 0), -EINVAL);
}

struct newer {
	lm_dev_info_t info;
	uint64_t      more[4];
};

static void a_newer_description_with_nothing_new_in_it_is_accepted(void **state)
{
	struct engine *e = *state;
	struct newer newer = { .info = e->info };

	newer.info.socket_path = "/nowhere/socket";
	assert_int_equal(copied(e, &newer, sizeof(newer)), 0);
}

static void a_newer_description_that_wants_more_is_refused(void **state)
{
	struct engine *e = *state;
	struct newer newer = { .info = e->info, .more = { 0, 0, 0, 1 } };

	newer.info.socket_path = "/nowhere/socket";
	assert_int_equal(copied(e, &newer, sizeof(newer)), -EINVAL);
	assert_non_null(strstr(e->log, lm_version()));
}

static int prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	return -ENOENT;
}

static int prop_set(void *pvt, const char *name, const char *value)
{
	return -ENOENT;
}

struct longer_prop {
	lm_prop_t prop;
	uint64_t  more;
};

static void tables_may_have_longer_elements(void **state)
{
	struct engine *e = *state;
	const struct longer_prop props[2] = {
		{ .prop.name = "one" }, { .prop.name = "two" } };
	lm_dev_info_t to;

	given_a_socket(e);
	e->info.props = &props[0].prop;
	e->info.prop_get = prop_get;
	e->info.prop_set = prop_set;
	e->info.nr_props = 2;
	e->info.prop_size = sizeof(props[0]);
	assert_int_equal(info_copy(&to, &e->info, sizeof(e->info)), 0);
	assert_string_equal(to.props[0].name, "one");
	assert_string_equal(to.props[1].name, "two");
	info_free(&to);
}

struct shorter_prop {
	const char *name;
	const char *help;
};

static void tables_may_have_shorter_elements(void **state)
{
	struct engine *e = *state;
	const struct shorter_prop props[2] = { { "one", "first" }, { "two", "second" } };
	lm_dev_info_t to;

	given_a_socket(e);
	e->info.props = (const lm_prop_t *)props;
	e->info.prop_get = prop_get;
	e->info.prop_set = prop_set;
	e->info.nr_props = 2;
	e->info.prop_size = sizeof(props[0]);
	assert_int_equal(info_copy(&to, &e->info, sizeof(e->info)), 0);
	assert_string_equal(to.props[1].name, "two");
	assert_null(to.props[1].value);
	assert_int_equal(to.props[1].flags, 0);
	info_free(&to);
}

static void a_table_that_is_missing_is_refused(void **state)
{
	struct engine *e = *state;

	given_a_socket(e);
	e->info.nr_props = 1;
	e->info.prop_size = sizeof(lm_prop_t);
	assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
}

static void a_table_without_element_size_is_refused(void **state)
{
	struct engine *e = *state;
	const lm_reg_info_t extra = { .size = 16, .flags = LM_REG_FLAG_RW };

	given_a_socket(e);
	e->info.extra_regs = &extra;
	e->info.nr_extra_regs = 1;
	assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
}

static void a_property_without_a_name_is_refused(void **state)
{
	struct engine *e = *state;
	const lm_prop_t props[2] = { { .name = "one" }, { .name = "" } };

	given_a_socket(e);
	e->info.props = props;
	e->info.nr_props = 2;
	e->info.prop_size = sizeof(props[0]);
	assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
	assert_non_null(strstr(e->log, "property 1"));
}

/* ---- what is copied -------------------------------------------------------------- */

static void strings_are_copied(void **state)
{
	struct engine *e = *state;
	char type[] = "a-type", name[] = "a-name", path[] = "/nowhere/socket";
	lm_dev_info_t to;

	e->info.type = type;
	e->info.name = name;
	e->info.socket_path = path;
	assert_int_equal(info_copy(&to, &e->info, sizeof(e->info)), 0);
	memset(type, 'x', sizeof(type) - 1);
	memset(name, 'x', sizeof(name) - 1);
	memset(path, 'x', sizeof(path) - 1);
	assert_string_equal(to.type, "a-type");
	assert_string_equal(to.name, "a-name");
	assert_string_equal(to.socket_path, "/nowhere/socket");
	info_free(&to);
}

static void areas_and_kicks_are_copied(void **state)
{
	struct engine *e = *state;
	lm_mmap_area_t area = { 0, 4096 };
	struct vfio_region_info info = { .argsz = 4096, .index = BAR_PLAIN };
	struct wire m;

	e->info.pci_info.reg_info[BAR_PLAIN].flags |= LM_REG_FLAG_MMAP;
	e->info.pci_info.reg_info[BAR_PLAIN].mmap_areas = &area;
	e->info.pci_info.reg_info[BAR_PLAIN].nr_mmap_areas = 1;
	engine_connect(e);
	memset(&area, 0xff, sizeof(area));
	engine_request(e, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info), &m);
	assert_int_equal(m.payload[32 + 16], 0); /* the offset of the area */
	close_fds(m.fds, m.nr_fds);
}

static void the_socket_is_for_its_owner_unless_said_otherwise(void **state)
{
	struct engine *e = *state;
	lm_dev_info_t to;

	given_a_socket(e);
	assert_int_equal(info_copy(&to, &e->info, sizeof(e->info)), 0);
	assert_int_equal(to.socket_mode, 0600);
	info_free(&to);
}

/* ---- what is refused ------------------------------------------------------------- */

static void a_descriptor_and_a_path_are_refused(void **state)
{
	struct engine *e = *state;

	given_a_socket(e);
	e->info.fd = 0;
	e->info.flags |= LM_DEV_CONN_FD;
	assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
}

static void a_descriptor_of_two_kinds_is_refused(void **state)
{
	struct engine *e = *state;

	e->info.fd = 0;
	e->info.flags |= LM_DEV_CONN_FD | LM_DEV_LISTEN_FD;
	assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
}

static void a_negative_descriptor_is_refused(void **state)
{
	struct engine *e = *state;

	e->info.fd = -1;
	e->info.flags |= LM_DEV_LISTEN_FD;
	assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
}

static void without_a_folder_a_socket_is_needed(void **state)
{
	struct engine *e = *state;

	assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
	assert_string_not_equal(e->log, "");
}

static void a_uuid_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "x", UUID "0", "0123abcd-0000-4000-8000-00000000bee", "../../../etc/passwd",
		"0123abcd-0000-4000-8000-00000000bee/",
	};
	struct engine *e = *state;
	size_t i;

	given_a_socket(e);
	for (i = 0; i < LM_NR(bad); i++) {
		e->info.uuid = bad[i];
		assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
	}
}

static void a_uuid_becomes_lower_case(void **state)
{
	struct engine *e = *state;

	e->info.uuid = "0123ABCD-0000-4000-8000-00000000BEEF";
	engine_start(e);
	assert_string_equal(lm_ctx_uuid(e->ctx), UUID);
}

/* ---- the environment ------------------------------------------------------------- */

static void the_environment_may_name_the_uuid(void **state)
{
	struct engine *e = *state;

	setenv("MUSER_UUID", UUID, 1);
	engine_start(e);
	assert_string_equal(lm_ctx_uuid(e->ctx), UUID);
}

static void the_environment_serves_one_context(void **state)
{
	struct engine *e = *state;

	setenv("MUSER_UUID", UUID, 1);
	engine_start(e);
	assert_null(getenv("MUSER_UUID"));
}

static void what_a_context_does_not_need_is_left_for_the_next(void **state)
{
	struct engine *e = *state;

	setenv("MUSER_UUID", "99999999-0000-4000-8000-000000000000", 1);
	setenv("MUSER_LISTEN_FD", "77", 1);
	e->info.uuid = UUID;
	engine_start(e);
	assert_string_equal(getenv("MUSER_UUID"), "99999999-0000-4000-8000-000000000000");
	assert_string_equal(getenv("MUSER_LISTEN_FD"), "77");
}

static void a_uuid_of_the_description_comes_first(void **state)
{
	struct engine *e = *state;

	setenv("MUSER_UUID", "99999999-0000-4000-8000-000000000000", 1);
	e->info.uuid = UUID;
	engine_start(e);
	assert_string_equal(lm_ctx_uuid(e->ctx), UUID);
}

static void a_uuid_of_the_environment_that_is_none_is_refused(void **state)
{
	struct engine *e = *state;

	setenv("MUSER_UUID", "not-a-uuid", 1);
	given_a_socket(e);
	assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
	assert_non_null(strstr(e->log, "not-a-uuid"));
}

static void the_environment_may_name_the_socket(void **state)
{
	struct engine *e = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char folder[PATH_MAX], text[16];
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_non_null(tempdir_new(folder));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.90s/socket", folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(text, sizeof(text), "%d", fd);
	setenv("MUSER_LISTEN_FD", text, 1);
	e->ctx = lm_ctx_create(&e->info);
	assert_non_null(e->ctx);
	assert_null(getenv("MUSER_LISTEN_FD"));
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* consumed */
	e->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(e->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	engine_negotiate(e, NULL);
	tempdir_remove(folder);
}

static void the_environment_may_say_where_the_socket_is_to_be(void **state)
{
	struct engine *e = *state;
	char folder[PATH_MAX], path[PATH_MAX], before[PATH_MAX];

	assert_non_null(tempdir_new(folder));
	assert_non_null(getcwd(before, sizeof(before)));
	snprintf(path, sizeof(path), "%.1000s/socket", folder);
	assert_int_equal(chdir(folder), 0);
	setenv("MUSER_SOCKET_PATH", "socket", 1);
	e->ctx = lm_ctx_create(&e->info);
	assert_int_equal(chdir(before), 0);
	assert_non_null(e->ctx);
	assert_string_equal(lm_ctx_socket(e->ctx), path);
	assert_int_equal(access(path, F_OK), 0);
	assert_null(getenv("MUSER_SOCKET_PATH"));
	lm_ctx_destroy(e->ctx);
	e->ctx = NULL;
	assert_int_equal(access(path, F_OK), -1);
	tempdir_remove(folder);
}

static void a_socket_of_the_description_comes_first(void **state)
{
	struct engine *e = *state;
	lm_dev_info_t to;

	setenv("MUSER_LISTEN_FD", "0", 1);
	setenv("MUSER_SOCKET_PATH", "/theirs", 1);
	given_a_socket(e);
	assert_int_equal(info_copy(&to, &e->info, sizeof(e->info)), 0);
	assert_false(to.flags & LM_DEV_LISTEN_FD);
	assert_string_equal(to.socket_path, e->info.socket_path);
	info_free(&to);
}

static void a_socket_of_the_environment_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = { "x", "-1", "3x", "99999999999999999999", " " };
	struct engine *e = *state;
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		setenv("MUSER_LISTEN_FD", bad[i], 1);
		assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
	}
}

static void an_empty_variable_is_not_set(void **state)
{
	struct engine *e = *state;

	setenv("MUSER_UUID", "", 1);
	setenv("MUSER_LISTEN_FD", "", 1);
	setenv("MUSER_TRANSPORT", "", 1);
	given_a_socket(e);
	assert_int_equal(copied(e, &e->info, sizeof(e->info)), 0);
}

/* ---- configure ------------------------------------------------------------------- */

struct shape {
	uint32_t vectors;
	int      fails;
	unsigned int calls;
	lm_cap_t caps[1];
};

static int shape_configure(void *pvt, lm_dev_info_t *info)
{
	struct shape *shape = pvt;

	shape->calls++;
	assert_ptr_equal(info->pvt, pvt);
	shape->caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_PM };
	info->cap_list = shape->caps;
	info->nr_caps = 1;
	info->cap_size = sizeof(shape->caps[0]);
	info->pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = shape->vectors;
	info->type = "shaped";
	info->pvt = NULL; /* neither these */
	info->nr_props = 99;
	return shape->fails;
}

static const lm_prop_t shape_props[] = {
	{ .name = "vectors", .flags = LM_PROP_CREATE, .type = LM_PROP_UINT,
	  LM_PROP_IN(struct shape, vectors), .max = 32 },
};

static void is_shaped(struct engine *e, struct shape *shape)
{
	given_a_socket(e);
	e->info.pvt = shape;
	e->info.log = NULL;
	e->info.props = shape_props;
	e->info.nr_props = 1;
	e->info.prop_size = sizeof(shape_props[0]);
	e->info.configure = shape_configure;
}

static void options_shape_a_device(void **state)
{
	struct engine *e = *state;
	const uint32_t irqs = e->info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX];
	struct shape shape = { .vectors = 1 };
	lm_dev_info_t to;

	is_shaped(e, &shape);
	setenv("MUSER_OPTIONS", "vectors=8", 1);
	assert_int_equal(info_copy(&to, &e->info, sizeof(e->info)), 0);
	assert_null(getenv("MUSER_OPTIONS"));
	assert_int_equal(shape.calls, 1);
	assert_int_equal(to.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX], 8);
	assert_int_equal(to.nr_caps, 1);
	assert_ptr_not_equal(to.cap_list, shape.caps);
	assert_int_equal(to.cap_list[0].id, PCI_CAP_ID_PM);
	assert_string_equal(to.type, "shaped");
	assert_ptr_equal(to.pvt, &shape);
	assert_int_equal(to.nr_props, 1);
	/* The caller's is as it was. */
	assert_int_equal(e->info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX], irqs);
	info_free(&to);
}

static void a_shape_that_cannot_be_is_refused(void **state)
{
	struct engine *e = *state;
	struct shape shape = { .fails = -EDOM };

	is_shaped(e, &shape);
	assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EDOM);
	setenv("MUSER_OPTIONS", "vectors=33", 1);
	assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
	assert_int_equal(shape.calls, 1); /* not with options that are wrong */
	setenv("MUSER_OPTIONS", "vector=3", 1);
	assert_int_equal(copied(e, &e->info, sizeof(e->info)), -EINVAL);
	assert_int_equal(shape.calls, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_description_shorter_than_the_first_is_refused),
		TEST(a_newer_description_with_nothing_new_in_it_is_accepted),
		TEST(a_newer_description_that_wants_more_is_refused),
		TEST(tables_may_have_longer_elements),
		TEST(tables_may_have_shorter_elements),
		TEST(a_table_that_is_missing_is_refused),
		TEST(a_table_without_element_size_is_refused),
		TEST(a_property_without_a_name_is_refused),
		TEST(strings_are_copied),
		TEST(areas_and_kicks_are_copied),
		TEST(the_socket_is_for_its_owner_unless_said_otherwise),
		TEST(a_descriptor_and_a_path_are_refused),
		TEST(a_descriptor_of_two_kinds_is_refused),
		TEST(a_negative_descriptor_is_refused),
		TEST(without_a_folder_a_socket_is_needed),
		TEST(a_uuid_that_is_none_is_refused),
		TEST(a_uuid_becomes_lower_case),
		TEST(the_environment_may_name_the_uuid),
		TEST(the_environment_serves_one_context),
		TEST(what_a_context_does_not_need_is_left_for_the_next),
		TEST(a_uuid_of_the_description_comes_first),
		TEST(a_uuid_of_the_environment_that_is_none_is_refused),
		TEST(the_environment_may_name_the_socket),
		TEST(the_environment_may_say_where_the_socket_is_to_be),
		TEST(a_socket_of_the_description_comes_first),
		TEST(a_socket_of_the_environment_that_is_none_is_refused),
		TEST(an_empty_variable_is_not_set),
		TEST(options_shape_a_device),
		TEST(a_shape_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
