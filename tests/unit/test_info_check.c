/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_info_check.c - descriptions of a device that cannot be, or are hardly meant, as a whole.
 */
#include <linux/pci_regs.h>

#include "platform.h"

static int prop_get(void *pvt, const char *name, char *buf, size_t size)
{
	return -ENOENT;
}

static int prop_set(void *pvt, const char *name, const char *value)
{
	return -ENOENT;
}

static ssize_t dev_save(void *pvt, void *buf, size_t size)
{
	return 0;
}

static int dev_load(void *pvt, const void *buf, size_t size)
{
	return 0;
}

static void refused(struct engine *e, const char *message)
{
	engine_refuses(e);
	assert_string_equal(e->log, message);
}

/* The device works, and this was said: "" is nothing. */
static void accepted(struct engine *e, const char *message)
{
	e->log[0] = '\0';
	engine_start(e);
	assert_string_equal(e->log, message);
	engine_destroy(e);
	engine_close(e);
}

static void unknown_flags_are_refused(void **state)
{
	struct engine *e = *state;

	e->info.flags |= 1u << 31;
	refused(e, "a flag that this libmuser does not know");
}

static char said[64];

static void say(void *pvt, int level, const char *msg)
{
	snprintf(said, sizeof(said), "%s", msg);
}

static void a_context_needs_a_place_to_go_to(void **state)
{
	struct engine *e = *state;

	e->info.pvt = NULL;
	e->info.log = say;
	e->info.socket_path = "nowhere";
	e->info.has_ctx = 1;
	assert_null(lm_ctx_create(&e->info));
	assert_string_equal(said, "LM_CTX_IN requires pvt");
}

static void reserved_members_are_zero(void **state)
{
	struct engine *e = *state;

	e->info.reserved = 1;
	refused(e, "a reserved member is not 0");
	e->info.reserved = 0;
	e->info.pci_info.reserved[30] = 1;
	refused(e, "a reserved member is not 0");
}

static void a_mediated_device_has_a_uuid(void **state)
{
	struct engine *e = *state;

	e->info.flags |= LM_DEV_MDEV;
	errno = 0;
	assert_null(lm_ctx_create(&e->info));
	assert_int_equal(errno, EINVAL);
	assert_string_equal(e->log, "LM_DEV_MDEV requires the UUID of an mdev: "
				    "uuid, --uuid or MUSER_UUID");
}

static void a_decimal_mode_is_refused(void **state)
{
	struct engine *e = *state;

	e->info.socket_mode = 660;
	refused(e, "socket_mode has more than permission bits (it is octal: 0660)");
}

static void save_requires_load(void **state)
{
	struct engine *e = *state;

	e->info.save = dev_save;
	refused(e, "save requires load");
	e->info.load = dev_load;
	accepted(e, "");
	e->info.save = NULL;
	accepted(e, "");
}

/* ---- names ----------------------------------------------------------------------- */

static const char name_64[] = "a23456789b23456789c23456789d23456789e23456789f23456789g234567890";

static void a_name_is_a_word(void **state)
{
	static const char *const bad[] = {
		"", "two words", " ", "a\tb", "a\n", "\033[2J", "-", "\xff", "\xc0\x80", "\xc2\x9b",
		name_64,
	};
	static const char *const good[] = { "card0", "K\xc3\xa4rtchen", "a-b_c.d:e/f", "--" };
	struct engine *e = *state;
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		e->info.name = bad[i];
		engine_refuses(e);
		assert_non_null(strstr(e->log, bad[i][0] == '-' ? "standard input" : "a name is"));
	}
	for (i = 0; i < LM_NR(good); i++) {
		e->info.name = good[i];
		accepted(e, "");
	}
}

/* ---- properties ------------------------------------------------------------------ */

static void prop_is(struct engine *e, const lm_prop_t *p)
{
	e->info.props = p;
	e->info.nr_props = 1;
	e->info.prop_size = sizeof(*p);
}

static void properties_need_their_callbacks(void **state)
{
	const lm_prop_t wire = { .name = "in" }, fixed = { .name = "out", .flags = LM_PROP_RO };
	const lm_prop_t option = { .name = "model", .flags = LM_PROP_CREATE };
	struct engine *e = *state;

	prop_is(e, &wire);
	refused(e, "property 0, in: there is no prop_get");
	e->info.prop_get = prop_get;
	refused(e, "property 0, in: it can be set, but there is no prop_set");
	prop_is(e, &fixed);
	accepted(e, "");
	prop_is(e, &option); /* set by whoever creates it, before there is a context */
	accepted(e, "");
	prop_is(e, &wire);
	e->info.prop_set = prop_set;
	accepted(e, "");
}

static void properties_that_cannot_be_are_refused(void **state)
{
	const lm_prop_t flag = { .name = "in", .flags = 1u << 5 };
	struct engine *e = *state;

	e->info.prop_get = prop_get;
	e->info.prop_set = prop_set;
	prop_is(e, &flag);
	refused(e, "property 0, in: a flag that this libmuser does not know");
}

static void a_default_that_nobody_sets_is_wondered_at(void **state)
{
	const lm_prop_t p = { .name = "out", .value = "1", .flags = LM_PROP_RO };
	struct engine *e = *state;

	e->info.prop_get = prop_get;
	prop_is(e, &p);
	accepted(e, "property 0, out: it is read-only: its default is never set");
}

/* ---- tables ---------------------------------------------------------------------- */

static void a_table_that_is_missing_is_named(void **state)
{
	struct engine *e = *state;

	e->info.nr_ext_caps = 1;
	refused(e, "ext_caps: the table is missing");
	e->info.nr_ext_caps = 0;
	prop_is(e, &(lm_prop_t){ .name = "in" });
	e->info.prop_size = 0;
	refused(e, "props: the size of its elements is missing");
}

static void a_table_with_more_in_it_than_we_know_is_refused(void **state)
{
	const struct {
		lm_reg_info_t info;
		uint64_t      more;
	} extra = { { .flags = LM_REG_FLAG_RW, .size = 64 }, 1 };
	struct engine *e = *state;

	e->info.extra_regs = &extra.info;
	e->info.nr_extra_regs = 1;
	e->info.extra_reg_size = sizeof(extra);
	refused(e, "extra_regs: the table uses members of a newer libmuser");
}

/* ---- identity -------------------------------------------------------------------- */

static void a_slot_that_looks_empty_is_wondered_at(void **state)
{
	struct engine *e = *state;

	e->info.pci_info.id.vid = 0;
	accepted(e, "vendor id 0000h: guests see an empty slot");
	e->info.pci_info.id.vid = 0xffff;
	accepted(e, "vendor id ffffh: guests see an empty slot");
}

static void a_pin_without_an_interrupt_is_wondered_at(void **state)
{
	struct engine *e = *state;

	e->info.pci_info.intx_pin = 2;
	accepted(e, "");
	e->info.pci_info.irq_count[LM_DEV_INTX_IRQ_IDX] = 0;
	accepted(e, "intx_pin 2 without INTx in irq_count");
}

static void counts_that_cannot_be_are_refused(void **state)
{
	static const struct {
		int index;
		uint32_t count;
	} tries[] = {
		{ LM_DEV_INTX_IRQ_IDX, 2 }, { LM_DEV_MSI_IRQ_IDX, 3 }, { LM_DEV_MSI_IRQ_IDX, 64 },
		{ LM_DEV_MSIX_IRQ_IDX, 1 }, { LM_DEV_ERR_IRQ_IDX, 2 }, { LM_DEV_REQ_IRQ_IDX, 2 },
	};
	struct engine *e = *state;
	uint32_t *count = e->info.pci_info.irq_count, before;
	size_t i;

	for (i = 0; i < LM_NR(tries); i++) {
		before = count[tries[i].index];
		count[tries[i].index] = tries[i].count;
		engine_refuses(e);
		count[tries[i].index] = before;
	}
}

/* ---- without PCI ----------------------------------------------------------------- */

static void what_is_pcis_alone_is_refused(void **state)
{
	struct engine *e = *state;
	const lm_dev_info_t good = e->info;
	const lm_cap_t cap = { .id = PCI_CAP_ID_PM };
	const lm_ext_cap_t ext = { .id = PCI_EXT_CAP_ID_DSN };

	accepted(e, "");
	e->info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = 1;
	refused(e, "LM_DEV_PLATFORM: pci_info.irq_count is PCI's: the interrupts are irqs");
	e->info = good;
	e->info.pci_info.reg_info[2].size = 64;
	refused(e, "LM_DEV_PLATFORM: pci_info.reg_info is PCI's: the regions are extra_regs, from "
		"index 0 on");
	e->info = good;
	e->info.pci_info.intx_pin = 1;
	refused(e, "LM_DEV_PLATFORM: pci_info is PCI's: ids, class, revision and intx_pin must be "
		"0");
	e->info = good;
	e->info.caps[0] = cap;
	refused(e, "LM_DEV_PLATFORM: caps, cap_list and ext_caps are PCI's: there are no "
		"capabilities");
	e->info = good;
	e->info.ext_caps = &ext;
	e->info.nr_ext_caps = 1;
	e->info.ext_cap_size = sizeof(ext);
	refused(e, "LM_DEV_PLATFORM: caps, cap_list and ext_caps are PCI's: there are no "
		"capabilities");
	e->info = good;
	e->info.flags |= LM_DEV_ALWAYS_MASTER;
	refused(e, "LM_DEV_PLATFORM: LM_DEV_ALWAYS_MASTER and LM_DEV_NO_ERR_REQ are PCI's");
}

static void a_device_of_nothing_is_refused(void **state)
{
	struct engine *e = *state;

	e->info.nr_extra_regs = e->info.nr_irqs = 0;
	refused(e, "LM_DEV_PLATFORM: the device has neither extra_regs nor irqs: nobody could use "
		"it");
}

static void the_module_is_told_nothing_of_it(void **state)
{
	struct engine *e = *state;

	e->info.flags |= LM_DEV_MDEV;
	e->info.uuid = "11111111-2222-3333-4444-555555555555";
	errno = 0;
	assert_null(lm_ctx_create(&e->info));
	assert_int_equal(errno, EINVAL);
	assert_string_equal(e->log, "LM_DEV_PLATFORM: muser.ko serves PCI devices only: use a "
			    "socket (--transport=vfio-user)");
}

static void pci_has_no_table_of_interrupts(void **state)
{
	struct engine *e = *state;

	e->info.irqs = platform_irqs;
	e->info.nr_irqs = PLATFORM_IRQS;
	e->info.irq_size = sizeof(platform_irqs[0]);
	refused(e, "LM_DEV_PLATFORM: it alone has irqs, those of PCI are pci_info.irq_count");
}

static void interrupts_that_cannot_be_are_refused(void **state)
{
	static const struct {
		lm_irq_info_t irq;
		const char *message;
	} tries[] = {
		{ { .count = 1, .flags = 4 }, "a flag that this libmuser does not know" },
		{ { .count = 1, .reserved = { 0, 1 } }, "a reserved member is not 0" },
		{ { .count = 0 }, "its count is 0" },
		{ { .count = 2, .flags = LM_IRQ_FLAG_LEVEL },
		  "a level has one vector: count must be 1" },
		{ { .count = 2048 }, "more than 2048 vectors in all" },
		{ { .count = UINT32_MAX }, "more than 2048 vectors in all" },
	};
	struct engine *e = *state;
	lm_irq_info_t irqs[2] = { { .count = 1 } };
	char message[128];
	size_t i;

	e->info.irqs = irqs;
	e->info.nr_irqs = 2;
	for (i = 0; i < LM_NR(tries); i++) {
		irqs[1] = tries[i].irq;
		snprintf(message, sizeof(message), "irqs[1]: %s", tries[i].message);
		refused(e, message);
	}
	irqs[1] = (lm_irq_info_t){ .count = 2047 };
	accepted(e, "");
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_flags_are_refused),
		TEST(a_context_needs_a_place_to_go_to),
		TEST(reserved_members_are_zero),
		TEST(a_mediated_device_has_a_uuid),
		TEST(a_decimal_mode_is_refused),
		TEST(save_requires_load),
		TEST(a_name_is_a_word),
		TEST(properties_need_their_callbacks),
		TEST(properties_that_cannot_be_are_refused),
		TEST(a_default_that_nobody_sets_is_wondered_at),
		TEST(a_table_that_is_missing_is_named),
		TEST(a_table_with_more_in_it_than_we_know_is_refused),
		TEST(a_slot_that_looks_empty_is_wondered_at),
		TEST(a_pin_without_an_interrupt_is_wondered_at),
		TEST(counts_that_cannot_be_are_refused),
		PLATFORM_TEST(what_is_pcis_alone_is_refused),
		PLATFORM_TEST(a_device_of_nothing_is_refused),
		PLATFORM_TEST(the_module_is_told_nothing_of_it),
		TEST(pci_has_no_table_of_interrupts),
		PLATFORM_TEST(interrupts_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
