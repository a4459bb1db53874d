/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_protocol_info.c - DEVICE_GET_INFO, DEVICE_GET_IRQ_INFO, DEVICE_GET_REGION_INFO and
 * DEVICE_GET_REGION_IO_FDS: what is answered, capabilities, argsz, descriptors that go along.
 */
#include <linux/kvm.h>
#include <sys/mman.h>

#include "engine.h"

#define BAR_MAPPED LM_BAR4_REG_IDX
#define PAGE       4096u

/* ---- DEVICE_GET_INFO ------------------------------------------------------------- */

static void device_info_is_complete(void **state)
{
	struct engine *e = *state;
	struct vfio_user_device_info info = { .argsz = sizeof(info) };
	struct wire m;

	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), &m);
	assert_int_equal(m.len, 16);
	memcpy(&info, m.payload, sizeof(info));
	assert_int_equal(info.argsz, 16);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI);
	assert_int_equal(info.num_regions, VFIO_PCI_NUM_REGIONS);
	assert_int_equal(info.num_irqs, VFIO_PCI_NUM_IRQS);
}

static void device_info_counts_extra_regions(void **state)
{
	struct engine *e = *state;
	const lm_reg_info_t extra[2] = {
		{ .flags = LM_REG_FLAG_RW, .size = 4096 },
		{ .flags = LM_REG_FLAG_RW, .size = 64 } };
	struct vfio_user_device_info info = { .argsz = sizeof(info) };
	struct wire m;

	e->info.extra_regs = extra;
	e->info.nr_extra_regs = 2;
	e->info.extra_reg_size = sizeof(extra[0]);
	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), &m);
	memcpy(&info, m.payload, sizeof(info));
	assert_int_equal(info.num_regions, LM_DEV_NUM_REGS + 2);
}

static void device_info_with_more_room_stays_16_bytes(void **state)
{
	struct engine *e = *state;
	char payload[4096] = { 0 };
	const uint32_t argsz = sizeof(payload);
	struct wire m;

	memcpy(payload, &argsz, sizeof(argsz));
	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_INFO, payload, sizeof(payload), &m);
	assert_int_equal(m.len, 16);
}

static void device_info_with_a_small_argsz_is_refused(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_device_info info = { .argsz = 15 };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), EINVAL);
}

static void device_info_that_is_too_short_is_refused(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_device_info info = { .argsz = sizeof(info) };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info) - 1, EINVAL);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_INFO, NULL, 0, EINVAL);
}

/* ---- DEVICE_GET_IRQ_INFO --------------------------------------------------------- */

static void irq_info_of_each_kind(void **state)
{
	static const uint32_t count[] = { 1, 4, 0, 1, 1 };
	struct engine *e = *state;
	struct wire m;
	uint32_t i;

	engine_connect(e);
	for (i = 0; i < LM_DEV_NUM_IRQS; i++) {
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = i };

		engine_request(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), &m);
		assert_int_equal(m.len, sizeof(info));
		memcpy(&info, m.payload, sizeof(info));
		assert_int_equal(info.argsz, sizeof(info));
		assert_int_equal(info.index, i);
		assert_int_equal(info.count, count[i]);
		assert_true(info.flags & VFIO_IRQ_INFO_EVENTFD);
	}
}

static void intx_masks_itself(void **state)
{
	struct engine *e = *state;
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_INTX_IRQ_INDEX };
	struct wire m;

	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), &m);
	memcpy(&info, m.payload, sizeof(info));
	assert_int_equal(info.flags, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
			 VFIO_IRQ_INFO_AUTOMASKED);
}

static void irq_info_of_an_unknown_kind_is_refused(void **state)
{
	struct engine *e = *state;
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = LM_DEV_NUM_IRQS };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), EINVAL);
	info.index = UINT32_MAX;
	engine_request_fails(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), EINVAL);
}

static void irq_info_with_a_small_argsz_is_refused(void **state)
{
	struct engine *e = *state;
	const struct vfio_irq_info info = { .argsz = sizeof(info) - 1 };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), EINVAL);
}

static void irq_info_that_is_too_short_is_refused(void **state)
{
	struct engine *e = *state;
	const struct vfio_irq_info info = { .argsz = sizeof(info) };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, 12, EINVAL);
}

/* ---- DEVICE_GET_REGION_INFO ------------------------------------------------------ */

static struct vfio_region_info region_info(struct engine *e, uint32_t index, uint32_t argsz,
					   struct wire *m)
{
	struct vfio_region_info info = { .argsz = argsz, .index = index };

	engine_request(e, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info), m);
	assert_true(m->len >= sizeof(info));
	memcpy(&info, m->payload, sizeof(info));
	assert_int_equal(info.index, index);
	assert_int_equal(info.offset, 0);
	return info;
}

static void region_info_fails(struct engine *e, struct vfio_region_info info, size_t len)
{
	engine_request_fails(e, VFIO_USER_DEVICE_GET_REGION_INFO, &info, len, EINVAL);
}

/* ---- without capabilities -------------------------------------------------------- */

static void a_region_has_its_size_and_flags(void **state)
{
	struct engine *e = *state;
	struct vfio_region_info info;
	struct wire m;

	engine_connect(e);
	info = region_info(e, BAR_RAW, 32, &m);
	assert_int_equal(m.len, 32);
	assert_int_equal(m.nr_fds, 0);
	assert_int_equal(info.argsz, 32);
	assert_int_equal(info.size, RAW_SIZE);
	assert_int_equal(info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
}

static void configuration_space_is_256_bytes(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_connect(e);
	assert_int_equal(region_info(e, LM_CFG_REG_IDX, 32, &m).size, 256);
}

static void absent_regions_answer_size_0(void **state)
{
	static const uint32_t absent[] = {
		LM_BAR1_REG_IDX, LM_BAR5_REG_IDX, LM_ROM_REG_IDX, LM_VGA_REG_IDX };
	struct engine *e = *state;
	struct wire m;
	size_t i;

	engine_connect(e);
	for (i = 0; i < LM_NR(absent); i++) {
		const struct vfio_region_info info = region_info(e, absent[i], 32, &m);

		assert_int_equal(info.size, 0);
		assert_int_equal(info.flags, 0);
	}
}

static void a_region_that_can_only_be_read_says_so(void **state)
{
	struct engine *e = *state;
	struct wire m;

	e->info.pci_info.reg_info[BAR_PLAIN].flags &= ~LM_REG_FLAG_WRITE;
	engine_connect(e);
	assert_int_equal(region_info(e, BAR_PLAIN, 32, &m).flags, VFIO_REGION_INFO_FLAG_READ);
}

static void an_unknown_region_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	region_info_fails(e, (struct vfio_region_info){ .argsz = 32, .index = LM_DEV_NUM_REGS },
			  32);
	region_info_fails(e, (struct vfio_region_info){ .argsz = 32, .index = UINT32_MAX }, 32);
}

static void region_info_with_a_small_argsz_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	region_info_fails(e, (struct vfio_region_info){ .argsz = 31 }, 32);
	region_info_fails(e, (struct vfio_region_info){ .argsz = 0 }, 32);
}

static void region_info_that_is_too_short_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	region_info_fails(e, (struct vfio_region_info){ .argsz = 32 }, 31);
}

/* The way SPDK asks. */
static void a_request_with_room_for_the_reply_is_fine(void **state)
{
	struct engine *e = *state;
	char payload[4064] = { 0 };
	const struct vfio_region_info info = { .argsz = sizeof(payload), .index = BAR_RAW };
	struct wire m;

	memcpy(payload, &info, sizeof(info));
	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_REGION_INFO, payload, sizeof(payload), &m);
	assert_int_equal(m.len, 32);
}

/* ---- mapping --------------------------------------------------------------------- */

static void describe_mapped(struct engine *e, const lm_mmap_area_t *areas, uint32_t nr)
{
	e->info.pci_info.reg_info[BAR_MAPPED] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM | LM_REG_FLAG_MMAP,
		.size = 64 * PAGE, .fn = engine_access, .mmap_areas = areas, .nr_mmap_areas = nr,
	};
}

static const lm_mmap_area_t two_areas[] = { { PAGE, PAGE }, { 4 * PAGE, 2 * PAGE } };

/* The areas of the only capability. */
static const struct vfio_region_sparse_mmap_area *sparse_areas(const struct wire *m, uint32_t nr)
{
	const struct vfio_region_info_cap_sparse_mmap *cap = (const void *)(m->payload + 32);

	assert_int_equal(m->len, 32 + sizeof(*cap) + nr * sizeof(cap->areas[0]));
	assert_int_equal(cap->header.id, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	assert_int_equal(cap->header.version, 1);
	assert_int_equal(cap->header.next, 0);
	assert_int_equal(cap->nr_areas, nr);
	return cap->areas;
}

static void a_mappable_region_comes_with_one_descriptor(void **state)
{
	struct engine *e = *state;
	struct vfio_region_info info;
	struct wire m;

	describe_mapped(e, NULL, 0);
	engine_connect(e);
	info = region_info(e, BAR_MAPPED, 32, &m);
	assert_true(info.flags & VFIO_REGION_INFO_FLAG_MMAP);
	assert_false(info.flags & VFIO_REGION_INFO_FLAG_CAPS);
	assert_int_equal(m.nr_fds, 1);
	close_fds(m.fds, m.nr_fds);
}

static void what_the_client_maps_is_what_it_reads(void **state)
{
	struct engine *e = *state;
	struct wire m;
	uint32_t *mem;

	describe_mapped(e, NULL, 0);
	engine_connect(e);
	region_info(e, BAR_MAPPED, 32, &m);
	mem = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m.fds[0], 0);
	assert_true(mem != MAP_FAILED);
	mem[3] = 0x600d;
	assert_int_equal(engine_read32(e, BAR_MAPPED, 12), 0x600d);
	assert_int_equal(e->nr_accesses, 0);
	munmap(mem, 64 * PAGE);
	close_fds(m.fds, m.nr_fds);
}

static void mapped_memory_can_be_neither_shrunk_nor_grown(void **state)
{
	struct engine *e = *state;
	struct wire m;

	describe_mapped(e, NULL, 0);
	engine_connect(e);
	region_info(e, BAR_MAPPED, 32, &m);
	assert_int_equal(ftruncate(m.fds[0], 0), -1);
	assert_int_equal(ftruncate(m.fds[0], 65 * PAGE), -1);
	close_fds(m.fds, m.nr_fds);
}

static void areas_share_one_descriptor(void **state)
{
	struct engine *e = *state;
	const struct vfio_region_sparse_mmap_area *areas;
	struct vfio_region_info info;
	struct wire m;
	char *mem;
	int i;

	describe_mapped(e, two_areas, 2);
	engine_connect(e);
	info = region_info(e, BAR_MAPPED, 4096, &m);
	assert_int_equal(info.argsz, 32 + 16 + 32);
	assert_int_equal(info.cap_offset, 32);
	assert_true(info.flags & VFIO_REGION_INFO_FLAG_CAPS);
	assert_int_equal(m.nr_fds, 1);
	areas = sparse_areas(&m, 2);
	for (i = 0; i < 2; i++) {
		assert_int_equal(areas[i].offset, two_areas[i].offset);
		assert_int_equal(areas[i].size, two_areas[i].size);
		mem = mmap(NULL, areas[i].size, PROT_READ | PROT_WRITE, MAP_SHARED, m.fds[0],
			   (off_t)(info.offset + areas[i].offset));
		assert_ptr_not_equal(mem, MAP_FAILED);
		mem[0] = (char)(i + 1);
		assert_int_equal(*(char *)lm_mmap(e->ctx, BAR_MAPPED, areas[i].offset, 1), i + 1);
		munmap(mem, areas[i].size);
	}
	close_fds(m.fds, m.nr_fds);
}

static void outside_of_areas_accesses_are_trapped(void **state)
{
	struct engine *e = *state;

	describe_mapped(e, two_areas, 2);
	engine_connect(e);
	engine_read(e, BAR_MAPPED, PAGE, 4);
	assert_int_equal(e->nr_accesses, 0);
	engine_read(e, BAR_MAPPED, 2 * PAGE, 4);
	assert_int_equal(e->nr_accesses, 1);
}

static void an_access_over_the_edge_of_an_area_is_divided(void **state)
{
	struct engine *e = *state;
	char *mem, data[8];

	describe_mapped(e, two_areas, 2);
	engine_connect(e);
	mem = lm_mmap(e->ctx, BAR_MAPPED, PAGE, PAGE);
	memcpy(mem, "mapped..", 4);
	memcpy(mem + PAGE - 4, "end.", 4);
	memcpy(e->raw + PAGE - 4, "raw1", 4);
	memcpy(e->raw + 2 * PAGE, "raw2", 4);
	memcpy(data, engine_read(e, BAR_MAPPED, PAGE - 4, 8), 8);
	assert_memory_equal(data, "raw1mapp", 8);
	memcpy(data, engine_read(e, BAR_MAPPED, 2 * PAGE - 4, 8), 8);
	assert_memory_equal(data, "end.raw2", 8);
	assert_int_equal(e->nr_accesses, 2);
	assert_int_equal(e->last_count, 4);
}

static void a_write_over_two_areas_reaches_all_parts(void **state)
{
	struct engine *e = *state;
	char *data = malloc(6 * PAGE);
	size_t i;

	for (i = 0; i < 6 * PAGE; i++)
		data[i] = (char)(i / 100 + 1);
	describe_mapped(e, two_areas, 2);
	engine_connect(e);
	engine_write(e, BAR_MAPPED, 0, data, 6 * PAGE);
	assert_int_equal(e->nr_accesses, 2);
	assert_memory_equal(e->raw, data, PAGE);
	assert_memory_equal(e->raw + 2 * PAGE, data + 2 * PAGE, 2 * PAGE);
	assert_memory_equal(lm_mmap(e->ctx, BAR_MAPPED, PAGE, PAGE), data + PAGE, PAGE);
	assert_memory_equal(engine_read(e, BAR_MAPPED, 0, 6 * PAGE), data, 6 * PAGE);
	free(data);
}

static void too_small_a_buffer_learns_the_size_and_the_offset(void **state)
{
	struct engine *e = *state;
	struct vfio_region_info info;
	struct wire m;

	describe_mapped(e, two_areas, 2);
	engine_connect(e);
	info = region_info(e, BAR_MAPPED, 32, &m);
	assert_int_equal(m.len, 32);
	assert_int_equal(info.argsz, 32 + 16 + 32);
	assert_int_equal(info.cap_offset, 32);
	assert_true(info.flags & VFIO_REGION_INFO_FLAG_CAPS);
	assert_int_equal(m.nr_fds, 0);
}

static void one_byte_too_little_is_too_little(void **state)
{
	struct engine *e = *state;
	struct wire m;

	describe_mapped(e, two_areas, 2);
	engine_connect(e);
	region_info(e, BAR_MAPPED, 32 + 16 + 32 - 1, &m);
	assert_int_equal(m.len, 32);
	region_info(e, BAR_MAPPED, 32 + 16 + 32, &m);
	assert_int_equal(m.len, 32 + 16 + 32);
	close_fds(m.fds, m.nr_fds);
}

/* What is announced as mappable can be mapped, whatever the client takes in one message. */
static void many_areas_are_had_by_a_client_that_takes_one_descriptor(void **state)
{
	static const char *const offers[] = {
		NULL, "{\"capabilities\":{\"max_msg_fds\":1}}", OFFER_QEMU };
	struct engine *e = *state;
	lm_mmap_area_t areas[20];
	struct wire m;
	uint32_t i;

	for (i = 0; i < 20; i++)
		areas[i] = (lm_mmap_area_t){ 2 * i * PAGE, PAGE };
	describe_mapped(e, areas, 20);
	for (i = 0; i < LM_NR(offers); i++) {
		engine_start(e);
		engine_negotiate(e, offers[i]);
		region_info(e, BAR_MAPPED, 4096, &m);
		sparse_areas(&m, 20);
		assert_int_equal(m.nr_fds, 1);
		close_fds(m.fds, m.nr_fds);
		engine_destroy(e);
		engine_close(e);
	}
}

static void pipelined_descriptions_keep_their_descriptors(void **state)
{
	struct engine *e = *state;
	const struct vfio_region_info info = { .argsz = 4096, .index = BAR_MAPPED };
	struct wire m;
	int i;

	describe_mapped(e, two_areas, 2);
	engine_connect(e);
	for (i = 0; i < 20; i++)
		engine_command(e, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info));
	for (i = 0; i < 20; i++) {
		assert_true(wire_recv(e, e->fd, &m));
		assert_int_equal(m.nr_fds, 1);
		close_fds(m.fds, m.nr_fds);
	}
}

static void the_largest_description_fits(void **state)
{
	struct engine *e = *state;
	lm_mmap_area_t areas[128];
	struct wire m;
	uint32_t i;

	for (i = 0; i < 128; i++)
		areas[i] = (lm_mmap_area_t){ 2 * i * PAGE, PAGE };
	describe_mapped(e, areas, 128);
	e->info.pci_info.reg_info[BAR_MAPPED].size = 256 * PAGE;
	engine_connect(e);
	region_info(e, BAR_MAPPED, UINT32_MAX, &m);
	assert_int_equal(sparse_areas(&m, 128)[127].offset, 254 * PAGE);
	close_fds(m.fds, m.nr_fds);
}

/* ---- the map callback ------------------------------------------------------------ */

static struct engine *mapping; /* the callback has no way to the context but this */
static unsigned int nr_maps;

static unsigned long map_prepared(void *pvt, unsigned long pgoff, unsigned long len)
{
	char *mem = lm_mmap(mapping->ctx, BAR_MAPPED, pgoff * PAGE, len);

	nr_maps++;
	mem[0] = (char)(0x40 + pgoff);
	return (unsigned long)mem;
}

static unsigned long map_refused(void *pvt, unsigned long pgoff, unsigned long len)
{
	nr_maps++;
	return 0;
}

static void describe_callback(struct engine *e, lm_map_region_t *map)
{
	describe_mapped(e, two_areas, 2);
	e->info.pci_info.reg_info[BAR_MAPPED].map = map;
	mapping = e;
	nr_maps = 0;
}

static void the_device_prepares_what_is_mapped(void **state)
{
	struct engine *e = *state;
	struct wire m;

	describe_callback(e, map_prepared);
	engine_connect(e);
	assert_int_equal(nr_maps, 0);
	region_info(e, BAR_MAPPED, 4096, &m);
	close_fds(m.fds, m.nr_fds);
	assert_int_equal(nr_maps, 2);
	assert_int_equal(*engine_read(e, BAR_MAPPED, PAGE, 1), 0x41);
	assert_int_equal(*engine_read(e, BAR_MAPPED, 4 * PAGE, 1), 0x44);
}

static void the_device_is_asked_once(void **state)
{
	struct engine *e = *state;
	struct wire m;

	describe_callback(e, map_prepared);
	engine_connect(e);
	region_info(e, BAR_MAPPED, 32, &m);
	region_info(e, BAR_MAPPED, 4096, &m);
	close_fds(m.fds, m.nr_fds);
	assert_int_equal(nr_maps, 2);
}

static void what_the_device_does_not_map_stays_trapped(void **state)
{
	struct engine *e = *state;
	struct vfio_region_info info;
	struct wire m;

	describe_callback(e, map_refused);
	engine_connect(e);
	info = region_info(e, BAR_MAPPED, 4096, &m);
	assert_false(info.flags & (VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS));
	assert_int_equal(m.nr_fds, 0);
	engine_read(e, BAR_MAPPED, PAGE, 4);
	assert_int_equal(e->nr_accesses, 1);
}

static void without_mapping_memory_is_there_all_the_same(void **state)
{
	struct engine *e = *state;
	struct wire m;

	describe_mapped(e, two_areas, 2);
	e->info.flags |= LM_DEV_NO_MMAP;
	engine_connect(e);
	assert_int_equal(region_info(e, BAR_MAPPED, 4096, &m).flags,
			 VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	assert_int_equal(m.nr_fds, 0);
	memcpy(lm_mmap(e->ctx, BAR_MAPPED, PAGE, 4), "here", 4);
	assert_memory_equal(engine_read(e, BAR_MAPPED, PAGE, 4), "here", 4);
	engine_read(e, BAR_MAPPED, 0, 4);
	assert_int_equal(e->nr_accesses, 1);
}

/* ---- device-specific regions ----------------------------------------------------- */

static void an_extra_region_has_a_type(void **state)
{
	struct engine *e = *state;
	const lm_reg_info_t extra = {
		.flags = LM_REG_FLAG_RW, .size = 100, .type = 0x80001234, .subtype = 7 };
	struct vfio_region_info_cap_type cap;
	struct vfio_region_info info;
	struct wire m;

	e->info.extra_regs = &extra;
	e->info.nr_extra_regs = 1;
	e->info.extra_reg_size = sizeof(extra);
	engine_connect(e);
	info = region_info(e, LM_DEV_NUM_REGS, 4096, &m);
	assert_int_equal(info.size, 100);
	assert_int_equal(info.cap_offset, 32);
	assert_int_equal(m.len, 32 + sizeof(cap));
	memcpy(&cap, m.payload + 32, sizeof(cap));
	assert_int_equal(cap.header.id, VFIO_REGION_INFO_CAP_TYPE);
	assert_int_equal(cap.type, 0x80001234);
	assert_int_equal(cap.subtype, 7);
}

static void two_capabilities_are_chained(void **state)
{
	struct engine *e = *state;
	const lm_reg_info_t extra = {
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MMAP, .size = 8 * PAGE, .type = 1,
		.mmap_areas = two_areas, .nr_mmap_areas = 2,
	};
	struct vfio_info_cap_header sparse, type;
	struct wire m;

	e->info.extra_regs = &extra;
	e->info.nr_extra_regs = 1;
	e->info.extra_reg_size = sizeof(extra);
	engine_connect(e);
	region_info(e, LM_DEV_NUM_REGS, 4096, &m);
	memcpy(&sparse, m.payload + 32, sizeof(sparse));
	assert_int_equal(sparse.id, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	assert_int_equal(sparse.next, 32 + 16 + 32);
	memcpy(&type, m.payload + sparse.next, sizeof(type));
	assert_int_equal(type.id, VFIO_REGION_INFO_CAP_TYPE);
	assert_int_equal(type.next, 0);
	close_fds(m.fds, m.nr_fds);
}

/* ---- DEVICE_GET_REGION_IO_FDS ---------------------------------------------------- */

static struct vfio_user_region_io_fds io_fds(struct engine *e, uint32_t index, uint32_t argsz,
					     struct wire *m)
{
	struct vfio_user_region_io_fds req = { .argsz = argsz, .index = index };

	engine_request(e, VFIO_USER_DEVICE_GET_REGION_IO_FDS, &req, sizeof(req), m);
	assert_true(m->len >= sizeof(req));
	memcpy(&req, m->payload, sizeof(req));
	assert_int_equal(req.index, index);
	assert_int_equal(req.flags, 0);
	return req;
}

static struct vfio_user_ioeventfd io_fd(const struct wire *m, uint32_t i)
{
	struct vfio_user_ioeventfd io;

	memcpy(&io, m->payload + 16 + i * sizeof(io), sizeof(io));
	return io;
}

static void describe_kicks(struct engine *e, lm_ioeventfd_t *kicks, uint32_t nr)
{
	e->info.pci_info.reg_info[BAR_RAW].ioeventfds = kicks;
	e->info.pci_info.reg_info[BAR_RAW].nr_ioeventfds = nr;
}

static void kicks_share_their_descriptor(void **state)
{
	struct engine *e = *state;
	int a = eventfd(0, EFD_NONBLOCK), b = eventfd(0, EFD_NONBLOCK);
	lm_ioeventfd_t kicks[] = {
		{ .offset = 0x10, .size = 4, .fd = a },
		{ .offset = 0x20, .size = 2, .fd = b, .flags = LM_IOEVENTFD_DATAMATCH,
		  .datamatch = 7 },
		{ .offset = 0x30, .fd = a },
	};
	struct vfio_user_region_io_fds rep;
	struct wire m;

	describe_kicks(e, kicks, 3);
	engine_connect(e);
	rep = io_fds(e, BAR_RAW, 4096, &m);
	assert_int_equal(rep.count, 3);
	assert_int_equal(rep.argsz, 16 + 3 * 40);
	assert_int_equal(m.len, 16 + 3 * 40);
	assert_int_equal(m.nr_fds, 2);
	assert_int_equal(io_fd(&m, 0).fd_index, 0);
	assert_int_equal(io_fd(&m, 0).offset, 0x10);
	assert_int_equal(io_fd(&m, 0).size, 4);
	assert_int_equal(io_fd(&m, 0).flags, 0);
	assert_int_equal(io_fd(&m, 1).fd_index, 1);
	assert_int_equal(io_fd(&m, 1).flags, KVM_IOEVENTFD_FLAG_DATAMATCH);
	assert_int_equal(io_fd(&m, 1).datamatch, 7);
	assert_int_equal(io_fd(&m, 2).fd_index, 0);
	assert_int_equal(io_fd(&m, 2).size, 0);
	close_fds(m.fds, m.nr_fds);
	close(a);
	close(b);
}

static void a_kick_of_the_client_reaches_the_device(void **state)
{
	struct engine *e = *state;
	const int fd = eventfd(0, EFD_NONBLOCK);
	lm_ioeventfd_t kick = { .offset = 0, .size = 4, .fd = fd };
	struct wire m;

	describe_kicks(e, &kick, 1);
	engine_connect(e);
	io_fds(e, BAR_RAW, 4096, &m);
	eventfd_write(m.fds[0], 1);
	engine_poll(e);
	assert_true(eventfd_take(fd));
	close_fds(m.fds, m.nr_fds);
	close(fd);
}

static void kicks_of_an_io_bar_are_port_io(void **state)
{
	struct engine *e = *state;
	const int fd = eventfd(0, EFD_NONBLOCK);
	const lm_ioeventfd_t kick = { .offset = 0, .size = 4, .fd = fd };
	struct wire m;

	e->info.pci_info.reg_info[LM_BAR1_REG_IDX] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW, .size = 16, .fn = engine_access,
		.ioeventfds = &kick, .nr_ioeventfds = 1,
	};
	engine_connect(e);
	io_fds(e, LM_BAR1_REG_IDX, 4096, &m);
	assert_int_equal(io_fd(&m, 0).flags, KVM_IOEVENTFD_FLAG_PIO);
	close_fds(m.fds, m.nr_fds);
	close(fd);
}

static void a_region_without_kicks_has_none(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_connect(e);
	assert_int_equal(io_fds(e, BAR_RAW, 16, &m).count, 0);
	assert_int_equal(m.len, 16);
	assert_int_equal(m.nr_fds, 0);
}

static void too_little_room_for_kicks_learns_the_size(void **state)
{
	struct engine *e = *state;
	const int fd = eventfd(0, EFD_NONBLOCK);
	lm_ioeventfd_t kicks[2] = { { .fd = fd, .size = 4 }, { .fd = fd, .offset = 4, .size = 4 } };
	struct vfio_user_region_io_fds rep;
	struct wire m;

	describe_kicks(e, kicks, 2);
	engine_connect(e);
	rep = io_fds(e, BAR_RAW, 16 + 79, &m);
	assert_int_equal(rep.argsz, 16 + 80);
	assert_int_equal(rep.count, 2);
	assert_int_equal(m.len, 16);
	assert_int_equal(m.nr_fds, 0);
	close(fd);
}

static void kicks_that_cannot_be_sent_are_left_out(void **state)
{
	struct engine *e = *state;
	int fds[20];
	lm_ioeventfd_t kicks[20];
	struct vfio_user_region_io_fds rep;
	struct wire m;
	uint32_t i;

	for (i = 0; i < 20; i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK);
		kicks[i] = (lm_ioeventfd_t){ .offset = 4 * i, .size = 4, .fd = fds[i] };
	}
	describe_kicks(e, kicks, 20);
	engine_connect(e);
	rep = io_fds(e, BAR_RAW, 4096, &m);
	assert_int_equal(rep.count, 16);
	assert_int_equal(rep.argsz, 16 + 16 * 40);
	assert_int_equal(m.len, 16 + 16 * 40);
	assert_int_equal(m.nr_fds, 16);
	close_fds(m.fds, m.nr_fds);
	close_fds(fds, 20);
}

static void io_fds_fails(struct engine *e, struct vfio_user_region_io_fds req, size_t len)
{
	engine_request_fails(e, VFIO_USER_DEVICE_GET_REGION_IO_FDS, &req, len, EINVAL);
}

static void io_fds_with_a_bad_field_are_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	io_fds_fails(e, (struct vfio_user_region_io_fds){ .argsz = 15 }, 16);
	io_fds_fails(e, (struct vfio_user_region_io_fds){ .argsz = 16, .flags = 1 }, 16);
	io_fds_fails(e, (struct vfio_user_region_io_fds){ .argsz = 16, .count = 1 }, 16);
	io_fds_fails(e, (struct vfio_user_region_io_fds){ .argsz = 16, .index = 9 }, 16);
	io_fds_fails(e, (struct vfio_user_region_io_fds){ .argsz = 16, .index = UINT32_MAX }, 16);
	io_fds_fails(e, (struct vfio_user_region_io_fds){ .argsz = 16 }, 15);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(device_info_is_complete),
		TEST(device_info_counts_extra_regions),
		TEST(device_info_with_more_room_stays_16_bytes),
		TEST(device_info_with_a_small_argsz_is_refused),
		TEST(device_info_that_is_too_short_is_refused),
		TEST(irq_info_of_each_kind),
		TEST(intx_masks_itself),
		TEST(irq_info_of_an_unknown_kind_is_refused),
		TEST(irq_info_with_a_small_argsz_is_refused),
		TEST(irq_info_that_is_too_short_is_refused),
		TEST(a_region_has_its_size_and_flags),
		TEST(configuration_space_is_256_bytes),
		TEST(absent_regions_answer_size_0),
		TEST(a_region_that_can_only_be_read_says_so),
		TEST(an_unknown_region_is_refused),
		TEST(region_info_with_a_small_argsz_is_refused),
		TEST(region_info_that_is_too_short_is_refused),
		TEST(a_request_with_room_for_the_reply_is_fine),
		TEST(a_mappable_region_comes_with_one_descriptor),
		TEST(what_the_client_maps_is_what_it_reads),
		TEST(mapped_memory_can_be_neither_shrunk_nor_grown),
		TEST(areas_share_one_descriptor),
		TEST(outside_of_areas_accesses_are_trapped),
		TEST(an_access_over_the_edge_of_an_area_is_divided),
		TEST(a_write_over_two_areas_reaches_all_parts),
		TEST(too_small_a_buffer_learns_the_size_and_the_offset),
		TEST(one_byte_too_little_is_too_little),
		TEST(many_areas_are_had_by_a_client_that_takes_one_descriptor),
		TEST(pipelined_descriptions_keep_their_descriptors),
		TEST(the_largest_description_fits),
		TEST(the_device_prepares_what_is_mapped),
		TEST(the_device_is_asked_once),
		TEST(what_the_device_does_not_map_stays_trapped),
		TEST(without_mapping_memory_is_there_all_the_same),
		TEST(an_extra_region_has_a_type),
		TEST(two_capabilities_are_chained),
		TEST(kicks_share_their_descriptor),
		TEST(a_kick_of_the_client_reaches_the_device),
		TEST(kicks_of_an_io_bar_are_port_io),
		TEST(a_region_without_kicks_has_none),
		TEST(too_little_room_for_kicks_learns_the_size),
		TEST(kicks_that_cannot_be_sent_are_left_out),
		TEST(io_fds_with_a_bad_field_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
