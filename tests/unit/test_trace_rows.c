/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_trace_rows.c - what a tracer sees of a device: one row for each thing that happens, with
 * the members that muser-trace.h promises for it.
 */
#include "traced.h"

#define BAR_REGS LM_BAR1_REG_IDX

/* ---- accesses -------------------------------------------------------------------- */

static void a_read_is_a_row_with_its_value(void **state)
{
	struct engine *e = *state;
	struct lm_trace_record rec;

	memcpy(e->raw + 0x20, "\x11\x22\x33\x44", 4);
	engine_connect_traced(e);
	engine_read(e, BAR_RAW, 0x20, 4);
	rec = engine_row_of(e, LM_TRACE_READ);
	assert_int_equal(rec.region, BAR_RAW);
	assert_int_equal(rec.offset, 0x20);
	assert_int_equal(rec.len, 4);
	assert_int_equal(rec.value, 0x44332211);
	assert_int_equal(rec.result, 0);
	assert_int_equal(rec.flags, 0);
	engine_no_row(e);
}

static void a_write_is_a_row_with_its_value(void **state)
{
	struct engine *e = *state;
	struct lm_trace_record rec;

	engine_connect_traced(e);
	engine_write(e, BAR_RAW, 0x30, "\xaa\xbb", 2);
	rec = engine_row_of(e, LM_TRACE_WRITE);
	assert_int_equal(rec.offset, 0x30);
	assert_int_equal(rec.len, 2);
	assert_int_equal(rec.value, 0xbbaa);
	engine_no_row(e);
}

static void a_posted_write_says_so(void **state)
{
	struct engine *e = *state;

	engine_connect_traced(e);
	engine_post_write(e, BAR_RAW, 0, "x", 1);
	engine_poll(e);
	assert_int_equal(engine_row_of(e, LM_TRACE_WRITE).flags, LM_TRACE_POSTED);
}

static ssize_t access_eio(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	return -EIO;
}

static void a_refused_access_is_a_row_with_its_error(void **state)
{
	struct engine *e = *state;
	struct lm_trace_record rec;

	engine_connect_traced(e);
	engine_write(e, BAR_RAW, RAW_SIZE, "data", 4);
	rec = engine_row_of(e, LM_TRACE_WRITE);
	assert_int_equal(rec.result, -EINVAL);
	assert_int_equal(rec.offset, RAW_SIZE);
	assert_int_equal(rec.flags, LM_TRACE_REFUSED);
	assert_int_equal(rec.aux, LM_TRACE_REASON_RANGE);
	assert_memory_equal(rec.bytes, "data", 4);
	engine_no_row(e);
}

static void a_refused_access_has_its_reason(void **state)
{
	static const lm_register_map_t map = { .min_width = 4, .max_width = 4 };
	struct engine *e = *state;

	e->info.pci_info.reg_info[BAR_REGS] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 16, .regs = &map };
	e->info.pci_info.reg_info[BAR_RAW].flags &= ~LM_REG_FLAG_WRITE;
	e->access = access_eio;
	engine_connect_traced(e);
	engine_read(e, BAR_REGS, 0, 2);
	assert_int_equal(engine_row(e).aux, LM_TRACE_REASON_WIDTH);
	engine_write(e, BAR_RAW, 0, "x", 1);
	assert_int_equal(engine_row(e).aux, LM_TRACE_REASON_DIRECTION);
	engine_read(e, BAR_RAW, 0, 1);
	assert_int_equal(engine_row(e).aux, LM_TRACE_REASON_DEVICE);
}

/* The client is told, so it is not refused. */
static void an_absent_region_is_a_row_with_its_error(void **state)
{
	struct engine *e = *state;
	struct lm_trace_record rec;

	engine_connect_traced(e);
	engine_read_fails(e, BAR_ABSENT, 0, 4, EINVAL);
	rec = engine_row_of(e, LM_TRACE_READ);
	assert_int_equal(rec.result, -EINVAL);
	assert_int_equal(rec.flags, 0);
	assert_int_equal(rec.aux, LM_TRACE_REASON_REGION);
}

static void a_large_access_shows_its_first_bytes(void **state)
{
	struct engine *e = *state;
	struct lm_trace_record rec;

	engine_connect_traced(e);
	engine_write(e, BAR_PLAIN, 0, "0123456789abcdef", 16);
	rec = engine_row_of(e, LM_TRACE_WRITE);
	assert_int_equal(rec.len, 16);
	assert_memory_equal(rec.bytes, "01234567", 8);
}

static const lm_register_t regs[] = {
	{ .name = "A", .offset = 0, .width = 4, .reset = 0x11111111 },
	{ .name = "B", .offset = 4, .width = 4, .reset = 0x22222222 },
};
static const lm_register_map_t regs_map = { LM_REGISTERS(regs) };

static void an_access_to_several_registers_is_one_row(void **state)
{
	struct engine *e = *state;
	struct lm_trace_record rec;

	e->info.pci_info.reg_info[BAR_REGS] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 16, .regs = &regs_map };
	engine_connect_traced(e);
	engine_read(e, BAR_REGS, 0, 8);
	rec = engine_row_of(e, LM_TRACE_READ);
	assert_int_equal(rec.len, 8);
	assert_int_equal(rec.value, 0x2222222211111111);
	engine_no_row(e);
}

static void an_answer_that_came_later_is_one_row(void **state)
{
	struct engine *e = *state;
	struct lm_trace_record rec;
	uint16_t id;

	e->access = access_deferred;
	engine_connect_traced(e);
	id = engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	engine_no_row(e);
	usleep(2000);
	lm_complete(e->ctx, e->token, 4, "late");
	engine_read_reply(e, id, 4);
	rec = engine_row_of(e, LM_TRACE_READ);
	assert_memory_equal(rec.bytes, "late", 4);
	assert_in_range(lm_trace_duration(&rec), 1500000, UINT32_MAX);
	engine_no_row(e);
}

static void an_error_that_came_later_is_a_row_as_well(void **state)
{
	struct engine *e = *state;

	e->access = access_deferred;
	engine_connect_traced(e);
	engine_send_read(e, BAR_RAW, 0, 4);
	engine_poll(e);
	lm_complete(e->ctx, e->token, -EPERM, NULL);
	assert_int_equal(engine_row_of(e, LM_TRACE_READ).result, -EPERM);
}

static void rows_stand_in_the_order_of_what_happened(void **state)
{
	struct engine *e = *state;
	uint64_t last = 0;
	uint32_t i;

	engine_connect_traced(e);
	for (i = 0; i < 50; i++)
		engine_send_read(e, BAR_RAW, i, 1);
	engine_poll(e);
	for (i = 0; i < 50; i++) {
		const struct lm_trace_record rec = engine_row_of(e, LM_TRACE_READ);

		assert_int_equal(rec.offset, i);
		assert_true(rec.time >= last);
		last = rec.time;
	}
}

/* ---- everything else ------------------------------------------------------------- */

static void interrupt_settings_are_rows(void **state)
{
	struct engine *e = *state;
	const struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = VFIO_PCI_MSI_IRQ_INDEX, .start = 1, .count = 2,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
	};
	struct lm_trace_record rec;
	struct wire m;

	engine_connect_traced(e);
	engine_request(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &m);
	rec = engine_row_of(e, LM_TRACE_IRQ_SET);
	assert_int_equal(rec.region, VFIO_PCI_MSI_IRQ_INDEX);
	assert_int_equal(rec.offset, 1);
	assert_int_equal(rec.len, 2);
	assert_int_equal(rec.aux, set.flags);
	assert_int_equal(rec.result, 0);
}

static void refused_interrupt_settings_are_rows(void **state)
{
	struct engine *e = *state;
	const struct vfio_irq_set set = { .argsz = sizeof(set), .index = 77 };

	engine_connect_traced(e);
	engine_request_fails(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), EINVAL);
	assert_int_equal(engine_row_of(e, LM_TRACE_IRQ_SET).result, -EINVAL);
}

static void interrupts_are_rows(void **state)
{
	struct engine *e = *state;
	struct lm_trace_record rec;

	engine_connect_traced(e);
	lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 2);
	rec = engine_row_of(e, LM_TRACE_IRQ_FIRE);
	assert_int_equal(rec.region, LM_DEV_MSI_IRQ_IDX);
	assert_int_equal(rec.offset, 2);
	assert_int_equal(rec.result, -ENOTCONN);
}

static void memory_that_comes_and_goes_is_rows(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_unmap unmap = {
		.argsz = sizeof(unmap), .addr = 0x1000, .size = 0x2000 };
	struct lm_trace_record rec;
	struct wire m;

	engine_connect_traced(e);
	engine_map(e, 0x1000, 0x2000, -1);
	rec = engine_row_of(e, LM_TRACE_DMA_MAP);
	assert_int_equal(rec.offset, 0x1000);
	assert_int_equal(rec.value, 0x2000);
	assert_int_equal(rec.aux, PROT_READ | PROT_WRITE);
	engine_request(e, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap), &m);
	rec = engine_row_of(e, LM_TRACE_DMA_UNMAP);
	assert_int_equal(rec.offset, 0x1000);
	assert_int_equal(rec.value, 0x2000);
}

static void memory_with_a_descriptor_says_so(void **state)
{
	struct engine *e = *state;
	const int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, 4096), 0);
	engine_connect_traced(e);
	engine_map(e, 0, 4096, fd);
	assert_int_equal(engine_row_of(e, LM_TRACE_DMA_MAP).aux, PROT_READ | PROT_WRITE | 4);
	close(fd);
}

/* Whether the device wanted to read or to write is not known. */
static void a_lookup_that_fails_is_a_row(void **state)
{
	struct engine *e = *state;
	struct lm_trace_record rec;
	dma_sg_t sg[4];

	engine_connect(e);
	engine_map(e, 0x1000, 0x2000, -1);
	engine_map(e, 0x4000, 0x1000, -1);
	engine_trace(e);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x2ff0, 0x20, sg, 4), -ENOENT);
	rec = engine_row_of(e, LM_TRACE_DMA_LOOKUP);
	assert_int_equal(rec.offset, 0x2ff0);
	assert_int_equal(rec.len, 0x20);
	assert_int_equal(rec.value, 0x3000);
	assert_int_equal(rec.result, -ENOENT);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x8000, 1, sg, 0), -ENOENT);
	rec = engine_row_of(e, LM_TRACE_DMA_LOOKUP);
	assert_int_equal(rec.value, 0x8000);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x1000, 0, sg, 4), -EINVAL);
	rec = engine_row_of(e, LM_TRACE_DMA_LOOKUP);
	assert_int_equal(rec.len, 0);
	assert_int_equal(rec.result, -EINVAL);
	engine_no_row(e);
}

/* A count that says how much room is needed may be the number of an error. */
static void a_lookup_that_finds_is_no_row(void **state)
{
	struct engine *e = *state;
	dma_sg_t sg[4];

	engine_connect(e);
	engine_map(e, 0x1000, 0x2000, -1);
	engine_trace(e);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x1000, 0x2000, sg, 4), 1);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x1000, 1, sg, 0), -2);
	engine_no_row(e);
}

static void a_reset_is_a_row(void **state)
{
	struct engine *e = *state;
	struct wire m;

	engine_connect_traced(e);
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	assert_int_equal(engine_row_of(e, LM_TRACE_RESET).result, 0);
}

static void a_client_that_comes_and_goes_is_rows(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	engine_trace(e);
	engine_negotiate(e, NULL);
	assert_int_equal(engine_row_of(e, LM_TRACE_ATTACH).value, getpid());
	engine_close(e);
	engine_poll(e);
	assert_int_equal(engine_row_of(e, LM_TRACE_DETACH).value, getpid());
}

static void an_event_is_a_row_with_its_name(void **state)
{
	struct engine *e = *state;
	struct lm_trace_record rec;
	char name[LM_TRACE_TEXT_SIZE];

	engine_connect_traced(e);
	assert_int_equal(lm_event(e->ctx, "sixteen-letters-", 99), 0);
	assert_int_equal(lm_event(e->ctx, "short", 7), 0);
	rec = engine_row_of(e, LM_TRACE_EVENT);
	assert_int_equal(rec.value, 99);
	lm_trace_text(&rec, name);
	assert_string_equal(name, "sixteen-letters-");
	assert_memory_equal(rec.text, "sixteen-", 8);
	assert_memory_equal(rec.tail, "letters-", 8);
	rec = engine_row_of(e, LM_TRACE_EVENT);
	assert_int_equal(rec.value, 7);
	assert_memory_equal(rec.text, "short\0\0\0", 8);
	assert_memory_equal(rec.tail, "\0\0\0\0\0\0\0\0", 8);
}

static void assert_note(const struct lm_trace_record *rec, const char *text)
{
	char note[LM_TRACE_TEXT_SIZE];

	lm_trace_text(rec, note);
	assert_string_equal(note, text);
	assert_int_equal(rec->result, 0);
}

static void whether_a_note_is_read_can_be_asked(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	assert_false(lm_is_traced(e->ctx));
	engine_destroy(e);
	engine_close(e);
	engine_connect_traced(e);
	assert_true(lm_is_traced(e->ctx));
}

static void a_note_is_as_many_rows_as_it_needs(void **state)
{
	struct engine *e = *state;
	struct lm_trace_record rec;
	char long_one[200];
	int i;

	memset(long_one, 'x', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	engine_connect_traced(e);
	lm_note(e->ctx, "queue %d is full", 3);
	lm_note(e->ctx, "%s", "");
	lm_note(e->ctx, "thirty-two bytes, and no more, ..");
	lm_note(e->ctx, "%s", long_one);
	rec = engine_row_of(e, LM_TRACE_NOTE);
	assert_note(&rec, "queue 3 is full");
	rec = engine_row_of(e, LM_TRACE_NOTE);
	assert_note(&rec, "thirty-two bytes, and no more, .");
	assert_memory_equal(rec.tail, "thirty-t", 8);
	assert_memory_equal(rec.bytes, "wo bytes", 8);
	assert_memory_equal(rec.text, ", and no", 8);
	assert_memory_equal(&rec.region, " mor", 4);
	assert_memory_equal(&rec.len, "e, .", 4);
	assert_int_equal(rec.flags, LM_TRACE_MORE);
	rec.kind = LM_TRACE_READ;
	assert_note(&rec, "");
	rec = engine_row_of(e, LM_TRACE_NOTE);
	assert_note(&rec, ".");
	assert_int_equal(rec.flags, 0);
	for (i = 0; i < 4; i++) {
		rec = engine_row_of(e, LM_TRACE_NOTE);
		assert_int_equal(rec.flags, i < 3 ? LM_TRACE_MORE : 0);
		assert_note(&rec, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	}
	engine_no_row(e);
}

static void many_writes_are_a_row_each(void **state)
{
	struct engine *e = *state;
	struct {
		uint64_t wr_cnt;
		struct vfio_user_write_single wr[3];
	} multi = { .wr_cnt = 3 };
	struct wire m;
	uint32_t i;

	for (i = 0; i < 3; i++)
		multi.wr[i] = (struct vfio_user_write_single){
			.region = BAR_RAW, .offset = i, .count = 1 };
	engine_connect_traced(e);
	engine_request(e, VFIO_USER_REGION_WRITE_MULTI, &multi, 8 + 3 * 24, &m);
	for (i = 0; i < 3; i++)
		assert_int_equal(engine_row_of(e, LM_TRACE_WRITE).offset, i);
	engine_no_row(e);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_read_is_a_row_with_its_value),
		TEST(a_write_is_a_row_with_its_value),
		TEST(a_posted_write_says_so),
		TEST(a_refused_access_is_a_row_with_its_error),
		TEST(a_refused_access_has_its_reason),
		TEST(an_absent_region_is_a_row_with_its_error),
		TEST(a_large_access_shows_its_first_bytes),
		TEST(an_access_to_several_registers_is_one_row),
		TEST(an_answer_that_came_later_is_one_row),
		TEST(an_error_that_came_later_is_a_row_as_well),
		TEST(rows_stand_in_the_order_of_what_happened),
		TEST(interrupt_settings_are_rows),
		TEST(refused_interrupt_settings_are_rows),
		TEST(interrupts_are_rows),
		TEST(memory_that_comes_and_goes_is_rows),
		TEST(memory_with_a_descriptor_says_so),
		TEST(a_lookup_that_fails_is_a_row),
		TEST(a_lookup_that_finds_is_no_row),
		TEST(a_reset_is_a_row),
		TEST(a_client_that_comes_and_goes_is_rows),
		TEST(an_event_is_a_row_with_its_name),
		TEST(whether_a_note_is_read_can_be_asked),
		TEST(a_note_is_as_many_rows_as_it_needs),
		TEST(many_writes_are_a_row_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
