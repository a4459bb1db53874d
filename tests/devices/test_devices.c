/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_devices.c - what holds for every type, and how options find their property.
 */
#include "fixture.h"

#include <errno.h>
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

	assert_int_equal(device_new(type, &dev), 0);
	assert_int_equal(device_set(type, dev, "inn", "1"), -ENOENT);
	assert_int_equal(device_set(type, dev, "i", "1"), -ENOENT);
	assert_int_equal(device_set(type, dev, "in16", "1"), -ENOENT);
	assert_int_equal(device_set(type, dev, "in-1", "1"), -ENOENT);
	assert_int_equal(device_set(type, dev, "in03", "1"), -ENOENT);
	assert_int_equal(device_set(type, dev, "in3x", "1"), -ENOENT);
	assert_int_equal(device_set(type, dev, "loopback0", "1"), -ENOENT);
	assert_int_equal(device_set(type, dev, "", "1"), -ENOENT);
	device_free(type, dev);
	assert_int_equal(device_set(&device_null, NULL, "in", "1"), -ENOENT);
}

static void test_read_only_properties_are_no_options(void **state)
{
	const struct device_type *type = &device_gpio_idio16;
	void *dev;

	assert_int_equal(device_new(type, &dev), 0);
	assert_int_equal(device_set(type, dev, "out", "1"), -EPERM);
	assert_int_equal(device_set(type, dev, "out15", "1"), -EPERM);
	assert_int_equal(device_set(type, dev, "filter", "1"), -EPERM);
	device_free(type, dev);
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
		cmocka_unit_test(test_freeing_no_device_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
