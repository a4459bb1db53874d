/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_devices.c - what holds for every type, and how options find their property.
 */
#include "base/prop.h"
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define for_each_type(type, i) \
	for (i = 0; (type = device_types[i]) != NULL; i++)

static void test_every_type_is_found_by_its_name(void **state)
{
	const struct device_type *type;
	size_t i;

	for_each_type(type, i)
		assert_ptr_equal(device_find(type->name), type);
}

static void test_an_unknown_type_is_not_found(void **state)
{
	assert_null(device_find("gpio"));
	assert_null(device_find(""));
	assert_null(device_find("gpio-idio16 "));
}

static void test_every_type_describes_itself(void **state)
{
	const struct device_type *type;
	size_t i;

	for_each_type(type, i) {
		assert_int_equal(type->size, sizeof(*type));
		assert_string_equal(type->info->type, type->name);
		assert_true(strlen(type->help) > 0 && strlen(type->help) < 80);
		assert_int_not_equal(type->info->pci_info.id.raw, 0);
	}
}

static void test_every_type_can_be_served(void **state)
{
	const struct device_type *type;
	struct vfio_device_info info;
	struct fixture f;
	size_t i;

	for_each_type(type, i) {
		fixture_start(&f, type->name, NULL);
		assert_int_equal(lm_client_device_info(f.client, &info), 0);
		assert_true(info.flags & VFIO_DEVICE_FLAGS_PCI);
		assert_int_equal(fixture_read(&f, LM_CFG_REG_IDX, 0, 4),
				 type->info->pci_info.id.raw);
		fixture_reset(&f);
		fixture_stop(&f);
	}
}

static void test_every_default_is_what_the_property_says(void **state)
{
	const struct device_type *type;
	const lm_prop_t *prop;
	struct fixture f;
	uint32_t k;
	size_t i;

	for_each_type(type, i) {
		fixture_start(&f, type->name, NULL);
		for (k = 0; k < type->info->nr_props; k++) {
			prop = &type->info->props[k];
			if (prop->value)
				fixture_assert_prop(&f, prop->name, prop->value);
		}
		fixture_stop(&f);
	}
}

static void test_options_that_do_not_exist_are_refused(void **state)
{
	const struct device_type *type = &device_gpio_idio16;
	void *dev;

	assert_int_equal(fixture_new(type, &dev), 0);
	assert_int_equal(fixture_set_option(type, dev, "inn", "1"), -ENOENT);
	assert_int_equal(fixture_set_option(type, dev, "i", "1"), -ENOENT);
	assert_int_equal(fixture_set_option(type, dev, "in16", "1"), -ENOENT);
	assert_int_equal(fixture_set_option(type, dev, "in-1", "1"), -ENOENT);
	assert_int_equal(fixture_set_option(type, dev, "in03", "1"), -ENOENT);
	assert_int_equal(fixture_set_option(type, dev, "in3x", "1"), -ENOENT);
	assert_int_equal(fixture_set_option(type, dev, "loopback0", "1"), -ENOENT);
	assert_int_equal(fixture_set_option(type, dev, "", "1"), -ENOENT);
	device_free(type, dev);
	assert_int_equal(fixture_set_option(&device_null, NULL, "in", "1"), -ENOENT);
}

static void test_read_only_properties_are_no_options(void **state)
{
	const struct device_type *type = &device_gpio_idio16;
	void *dev;

	assert_int_equal(fixture_new(type, &dev), 0);
	assert_int_equal(fixture_set_option(type, dev, "out", "1"), -EPERM);
	assert_int_equal(fixture_set_option(type, dev, "out15", "1"), -EPERM);
	assert_int_equal(fixture_set_option(type, dev, "filter", "1"), -EPERM);
	device_free(type, dev);
}

static void assert_set(const struct device_type *type, void *dev, const char *name,
		       const char *value, int expected)
{
	int err = fixture_set_option(type, dev, name, value);

	if (err != expected)
		print_error("%s %s=%s: %d\n", type->name, name, value, err);
	assert_int_equal(err, expected);
}

/* "a|b|c": these and no other; "MIN..MAX UNIT": the ends, and nothing beyond. "A[B]" is a grammar,
 * which has tests of its own. */
static void assert_accepts(const struct device_type *type, void *dev, const char *name,
			   const char *accepts)
{
	const char *dots = strstr(accepts, "..");
	char copy[64], beyond[32], *choice, *rest = copy;

	if (strchr(accepts, '[')) {
		assert_set(type, dev, name, "frob", -EINVAL);
		return;
	}
	snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(accepts, " "), accepts);
	if (dots) {
		copy[dots - accepts] = '\0';
		assert_set(type, dev, name, copy, 0);
		assert_set(type, dev, name, copy + (dots - accepts) + 2, 0);
		snprintf(beyond, sizeof(beyond), "%llu", strtoull(dots + 2, NULL, 0) + 1);
		assert_set(type, dev, name, beyond, -EINVAL);
	}
	while (!dots && (choice = strsep(&rest, "|")))
		assert_set(type, dev, name, choice, 0);
	assert_set(type, dev, name, "frob", -EINVAL);
	assert_set(type, dev, name, "", -EINVAL);
}

static void test_properties_accept_what_they_say(void **state)
{
	const struct device_type *type;
	const lm_prop_t *prop;
	char wire[32], text[PROP_ACCEPTS_MAX];
	const char *accepts;
	uint32_t k;
	size_t i;
	void *dev;

	for_each_type(type, i) {
		for (k = 0; k < type->info->nr_props; k++) {
			prop = &type->info->props[k];
			if (prop->flags & LM_PROP_RO || prop->type == LM_PROP_TEXT)
				continue;
			assert_int_equal(fixture_new(type, &dev), 0);
			accepts = prop_accepts(prop, prop->name, text);
			assert_non_null(accepts);
			assert_accepts(type, dev, prop->name, accepts);
			snprintf(wire, sizeof(wire), "%s0", prop->name);
			if (prop->nr)
				assert_accepts(type, dev, wire, prop->wire_accepts);
			device_free(type, dev);
		}
	}
}

static void test_numbers_are_decimal_or_hexadecimal_with_0x(void **state)
{
	static const struct {
		const char *text;
		uint64_t    number;
	} good[] = {
		{ "0", 0 }, { "010", 10 }, { "0x10", 16 }, { "0XfF", 255 }, { "0000009", 9 },
	};
	static const char *const bad[] = {
		"", " 1", "+1", "-1", "0x", "0x0x1", "f", "1f", "1 ", "0b1", "257",
		"18446744073709551617",
	};
	uint64_t number;
	size_t i;

	for (i = 0; i < LM_NR(good); i++) {
		assert_int_equal(device_parse(good[i].text, 256, &number), 0);
		assert_int_equal(number, good[i].number);
	}
	for (i = 0; i < LM_NR(bad); i++)
		assert_int_equal(device_parse(bad[i], 256, &number), -EINVAL);
}

static void test_freeing_no_device_is_fine(void **state)
{
	device_free(&device_gpio_idio16, NULL);
	device_free(&device_null, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type_is_found_by_its_name),
		cmocka_unit_test(test_an_unknown_type_is_not_found),
		cmocka_unit_test(test_every_type_describes_itself),
		cmocka_unit_test(test_every_type_can_be_served),
		cmocka_unit_test(test_every_default_is_what_the_property_says),
		cmocka_unit_test(test_options_that_do_not_exist_are_refused),
		cmocka_unit_test(test_read_only_properties_are_no_options),
		cmocka_unit_test(test_properties_accept_what_they_say),
		cmocka_unit_test(test_numbers_are_decimal_or_hexadecimal_with_0x),
		cmocka_unit_test(test_freeing_no_device_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
