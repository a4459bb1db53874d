/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_doe.c - data object exchange: discovery, answers now and later, errors, aborts, and guests
 * that keep no order.
 */
#include "pci_device.h"

#define AT     0x100
#define GO     PCI_DOE_CTRL_GO
#define ABORT  PCI_DOE_CTRL_ABORT
#define BUSY   PCI_DOE_STATUS_BUSY
#define INT    PCI_DOE_STATUS_INT_STATUS
#define ERROR  PCI_DOE_STATUS_ERROR
#define READY  PCI_DOE_STATUS_DATA_OBJECT_READY
#define VENDOR 0x1234u
#define MAX    64u

static lm_dev_info_t info;
static lm_ext_cap_t ext;
static lm_doe_t doe;
static struct lm_ctx *ctx;

static uint32_t requests;
static uint8_t last[MAX];
static size_t last_len;
static ssize_t result;
static lm_token_t token;

static const lm_doe_type_t types[] = { { .vendor = VENDOR, .type = 5 },
				       { .vendor = 0xabcd, .type = 0xff } };

/* Its answer: what came, each byte inverted, @result bytes of that. */
static ssize_t serve(void *pvt, const lm_doe_request_t *request, void *answer, size_t room)
{
	ssize_t i;

	requests++;
	assert_ptr_equal(request->ctx, ctx);
	assert_ptr_equal(request->doe, &doe);
	assert_int_equal(room, MAX - 8);
	last_len = request->len;
	memcpy(last, request->data, request->len);
	if (result == LM_DEFER)
		token = lm_defer(ctx);
	for (i = 0; i < result && i < (ssize_t)room; i++)
		((uint8_t *)answer)[i] = (uint8_t) ~last[i];
	return result;
}

static int setup(void **state)
{
	memset(&info, 0, sizeof(info));
	requests = 0;
	last_len = 0;
	result = 4;
	token = 0;
	doe = (lm_doe_t){ .types = types, .nr_types = LM_NR(types), .max_size = MAX,
			  .request = serve };
	ext = (lm_ext_cap_t){ .id = PCI_EXT_CAP_ID_DOE, .doe = &doe };
	info.pci_info.id.raw = 0x00011234;
	info.caps[0].id = PCI_CAP_ID_EXP;
	info.ext_caps = &ext;
	info.ext_cap_size = sizeof(ext);
	info.nr_ext_caps = 1;
	ctx = NULL;
	return 0;
}

static int teardown(void **state)
{
	if (ctx)
		device_free(ctx);
	return 0;
}

static void begin(void)
{
	ctx = device_new(&info);
	assert_int_equal(lm_cap_find(ctx, PCI_EXT_CAP_ID_DOE, true, 0), AT);
}

static uint32_t reg(uint32_t offset)
{
	return (uint32_t)cfg_get(ctx, AT + offset, 4);
}

static void put(uint32_t offset, uint32_t value)
{
	cfg_put(ctx, AT + offset, 4, value);
}

static void send_dwords(uint32_t kind, uint32_t nr, const uint32_t *payload)
{
	uint32_t i;

	put(PCI_DOE_WRITE, kind);
	put(PCI_DOE_WRITE, nr + 2);
	for (i = 0; i < nr; i++)
		put(PCI_DOE_WRITE, payload[i]);
	put(PCI_DOE_CTRL, GO);
}

static void request(uint32_t payload)
{
	send_dwords(VENDOR | 5 << 16, 1, &payload);
}

static uint32_t receive(void)
{
	const uint32_t value = reg(PCI_DOE_READ);

	put(PCI_DOE_READ, 0);
	return value;
}

static uint32_t discover(uint32_t index)
{
	uint32_t value;

	send_dwords(0x0001, 1, &index);
	assert_int_equal(reg(PCI_DOE_STATUS), READY);
	assert_int_equal(receive(), 0x0001);
	assert_int_equal(receive(), 3);
	value = receive();
	assert_int_equal(reg(PCI_DOE_STATUS), 0);
	return value;
}

static void discovery_lists_what_is_understood(void **state)
{
	begin();
	assert_int_equal(discover(0), 0x01000001);
	assert_int_equal(discover(1), 0x02051234);
	assert_int_equal(discover(2), 0x00ffabcd);
	assert_int_equal(discover(3) & 0xffff, 0xffff);
	assert_int_equal(discover(255) & 0xffff, 0xffff);
	assert_int_equal(requests, 0);
}

static void an_object_is_answered_at_once(void **state)
{
	begin();
	assert_int_equal(reg(PCI_DOE_READ), 0);
	request(0x11223344);
	assert_int_equal(requests, 1);
	assert_int_equal(last_len, 4);
	assert_int_equal(reg(PCI_DOE_STATUS), READY);
	assert_int_equal(receive(), VENDOR | 5 << 16);
	assert_int_equal(receive(), 3);
	assert_int_equal(receive(), 0xeeddccbb);
	assert_int_equal(reg(PCI_DOE_STATUS), 0);
	assert_int_equal(reg(PCI_DOE_READ), 0);
	put(PCI_DOE_READ, 0);
	assert_int_equal(reg(PCI_DOE_STATUS), 0);
}

static void answers_end_with_a_whole_dword(void **state)
{
	begin();
	result = 1;
	request(0);
	receive();
	assert_int_equal(receive(), 3);
	assert_int_equal(receive(), 0xff);
	result = 0;
	request(0);
	receive();
	assert_int_equal(receive(), 2);
	assert_int_equal(reg(PCI_DOE_STATUS), 0);
}

static void an_answer_may_come_later(void **state)
{
	begin();
	result = LM_DEFER;
	request(1);
	assert_int_not_equal(token, 0);
	assert_int_equal(reg(PCI_DOE_STATUS), BUSY);
	request(2); /* is not heard */
	put(PCI_DOE_READ, 0);
	assert_int_equal(requests, 1);
	assert_int_equal(lm_complete(ctx, token, 8, "deferred"), 0);
	assert_int_equal(reg(PCI_DOE_STATUS), READY);
	receive();
	assert_int_equal(receive(), 4);
	assert_int_equal(receive(), 0x65666564);
	assert_int_equal(receive(), 0x64657272);
	assert_int_equal(lm_complete(ctx, token, 0, NULL), -ENOENT);
}

static void what_the_device_cannot_answer_is_an_error(void **state)
{
	begin();
	result = -EIO;
	request(0);
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR);
	request(0); /* not before an abort */
	assert_int_equal(requests, 1);
	put(PCI_DOE_CTRL, ABORT);
	assert_int_equal(reg(PCI_DOE_STATUS), 0);
	result = MAX - 7; /* longer than there is room */
	request(0);
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR);
	put(PCI_DOE_CTRL, ABORT);
	result = LM_DEFER;
	request(0);
	assert_int_equal(lm_complete(ctx, token, MAX - 7, "long"), 0);
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR);
	put(PCI_DOE_CTRL, ABORT);
	request(0);
	assert_int_equal(lm_complete(ctx, token, -ETIMEDOUT, NULL), 0);
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR);
}

static void an_abort_forgets_the_object(void **state)
{
	begin();
	result = LM_DEFER;
	request(1);
	put(PCI_DOE_CTRL, ABORT | GO);
	assert_int_equal(reg(PCI_DOE_STATUS), 0);
	assert_int_equal(lm_complete(ctx, token, 4, "late"), -ENOENT);
	put(PCI_DOE_WRITE, 0xdead); /* half an object */
	put(PCI_DOE_CTRL, ABORT);
	result = 4;
	request(1);
	assert_int_equal(reg(PCI_DOE_STATUS), READY);
	put(PCI_DOE_CTRL, ABORT); /* half an answer */
	assert_int_equal(reg(PCI_DOE_STATUS), 0);
	assert_int_equal(reg(PCI_DOE_READ), 0);
}

static void a_reset_forgets_the_object(void **state)
{
	begin();
	result = LM_DEFER;
	request(1);
	config_reset(ctx);
	assert_int_equal(reg(PCI_DOE_STATUS), 0);
	assert_int_equal(lm_complete(ctx, token, 4, "late"), -ENOENT);
	result = -EIO;
	request(1);
	config_reset(ctx);
	assert_int_equal(reg(PCI_DOE_STATUS), 0);
}

static void objects_that_are_none_are_errors(void **state)
{
	static const uint32_t bad[][3] = {
		{ VENDOR | 5 << 16, 2, 0 },       /* shorter than what came */
		{ VENDOR | 5 << 16, 4, 0 },       /* longer */
		{ VENDOR | 5 << 16, 0, 0 },       /* as long as can be */
		{ VENDOR | 6 << 16, 3, 0 },       /* nobody's */
		{ 0x0001 | 1 << 16, 3, 0 },
	};
	size_t i;

	begin();
	put(PCI_DOE_CTRL, GO);
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR);
	for (i = 0; i < LM_NR(bad); i++) {
		put(PCI_DOE_CTRL, ABORT);
		put(PCI_DOE_WRITE, bad[i][0]);
		put(PCI_DOE_WRITE, bad[i][1]);
		put(PCI_DOE_WRITE, bad[i][2]);
		put(PCI_DOE_CTRL, GO);
		assert_int_equal(reg(PCI_DOE_STATUS), ERROR);
	}
	put(PCI_DOE_CTRL, ABORT);
	send_dwords(0x0001, 0, NULL); /* discovery of what? */
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR);
	assert_int_equal(requests, 0);
}

static void objects_are_bounded(void **state)
{
	static const uint32_t payload[MAX / 4];

	begin();
	send_dwords(VENDOR | 5 << 16, MAX / 4 - 2, payload);
	assert_int_equal(reg(PCI_DOE_STATUS), READY);
	assert_int_equal(last_len, MAX - 8);
	put(PCI_DOE_CTRL, ABORT);
	send_dwords(VENDOR | 5 << 16, MAX / 4 - 1, payload);
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR);
	assert_int_equal(requests, 1);
}

/* A mebibyte is written as a length of 0. */
static void the_longest_object_goes_through(void **state)
{
	const uint32_t nr = (1 << 20) / 4 - 2;
	uint32_t i;

	doe.max_size = 1 << 20;
	begin();
	put(PCI_DOE_WRITE, 0x0001); /* which discovery does not take */
	put(PCI_DOE_WRITE, 0);
	for (i = 0; i < nr; i++)
		put(PCI_DOE_WRITE, i);
	assert_int_equal(reg(PCI_DOE_STATUS), 0);
	put(PCI_DOE_CTRL, GO);
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR);
}

static void parts_of_a_dword_move_nothing(void **state)
{
	begin();
	cfg_put(ctx, AT + PCI_DOE_WRITE, 2, 0x1234);
	cfg_put(ctx, AT + PCI_DOE_WRITE + 2, 2, 5);
	request(7);
	assert_int_equal(requests, 1);
	cfg_put(ctx, AT + PCI_DOE_READ, 1, 0);
	cfg_put(ctx, AT + PCI_DOE_READ + 1, 2, 0);
	assert_int_equal(receive(), VENDOR | 5 << 16);
	cfg_put(ctx, AT + PCI_DOE_CTRL, 1, ABORT);
	request(8);
	assert_int_equal(requests, 2);
}

static void writes_of_any_shape_are_survived(void **state)
{
	uint64_t value = 0x9e3779b97f4a7c15;
	uint32_t i;

	begin();
	for (i = 0; i < 20000; i++) {
		const uint32_t offset = (uint32_t)(value >> 59) % DOE_SIZE;
		const uint32_t width = 1 + (uint32_t)(value >> 40) % 8;

		result = i % 3 ? LM_DEFER : 4;
		cfg_put(ctx, AT + offset, width, value);
		value = value * 6364136223846793005 + 1442695040888963407;
		if (i % 7 == 0)
			lm_complete(ctx, token, 4, "word");
	}
	put(PCI_DOE_CTRL, ABORT);
	result = 4;
	request(0);
	assert_int_equal(reg(PCI_DOE_STATUS), READY);
}

static void interrupts_follow_if_the_guest_wants_them(void **state)
{
	int fd;

	info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = 4;
	doe.flags = LM_DOE_IRQ;
	doe.vector = 3;
	begin();
	assert_int_equal(reg(PCI_DOE_CAP), PCI_DOE_CAP_INT_SUP | 3 << 1);
	fd = assign(ctx, LM_DEV_MSI_IRQ_IDX, 3);
	request(0);
	assert_int_equal(efd_take(fd), 0);
	put(PCI_DOE_CTRL, ABORT | PCI_DOE_CTRL_INT_EN);
	assert_int_equal(reg(PCI_DOE_CTRL), PCI_DOE_CTRL_INT_EN);
	send_dwords(0x0001, 1, (const uint32_t[]){ 0 }); /* its GO clears the bit */
	assert_int_equal(efd_take(fd), 0);
	put(PCI_DOE_CTRL, ABORT);
	put(PCI_DOE_WRITE, 0);
	put(PCI_DOE_CTRL, GO | PCI_DOE_CTRL_INT_EN);
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR | INT);
	assert_int_equal(efd_take(fd), 1);
	put(PCI_DOE_STATUS, INT);
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR);
	close(fd);
}

/* Drivers abort then, and begin again. */
static void what_is_under_way_does_not_move(void **state)
{
	uint8_t saved[4096];
	size_t len;

	begin();
	result = LM_DEFER;
	request(1);
	len = config_save(ctx, saved, sizeof(saved));
	put(PCI_DOE_CTRL, ABORT);
	assert_int_equal(config_load(ctx, saved, len), 0);
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR);
	memset(saved + AT + PCI_DOE_CTRL, 0xff, 16); /* a stranger's */
	assert_int_equal(config_load(ctx, saved, len), 0);
	assert_int_equal(reg(PCI_DOE_STATUS), ERROR | INT);
	assert_int_equal(reg(PCI_DOE_READ), 0);
	put(PCI_DOE_STATUS, INT);
	put(PCI_DOE_CTRL, ABORT);
	assert_int_equal(reg(PCI_DOE_STATUS), 0);
}

static void a_device_may_have_several(void **state)
{
	static lm_doe_t other = { .request = serve };
	lm_ext_cap_t both[] = { ext, { .id = PCI_EXT_CAP_ID_DOE, .doe = &other } };

	info.ext_caps = both;
	info.nr_ext_caps = 2;
	begin();
	request(1);
	assert_int_equal(reg(PCI_DOE_STATUS), READY);
	assert_int_equal(cfg_get(ctx, AT + DOE_SIZE + PCI_DOE_STATUS, 4), 0);
}

static void impossible_ones_are_refused(void **state)
{
	ext.doe = NULL;
	assert_refused(&info, "extended capability 002eh: doe is missing");
	ext.doe = &doe;
	doe.request = NULL;
	assert_refused(&info, "its mailbox needs request");
	doe.request = serve;
	doe.nr_types = 256;
	assert_refused(&info, "at most 255");
	doe.nr_types = 2;
	doe.types = NULL;
	assert_refused(&info, "needs request, and types");
	doe.types = types;
	doe.max_size = 8;
	assert_refused(&info, "max_size");
	doe.max_size = 13;
	assert_refused(&info, "max_size");
	doe.max_size = (1 << 20) + 4;
	assert_refused(&info, "max_size");
	doe.max_size = 0;
	doe.flags = 2;
	assert_refused(&info, "an unknown flag");
	doe.flags = LM_DOE_IRQ;
	assert_refused(&info, "vector");
	doe.flags = 0;
	doe.vector = 1;
	assert_refused(&info, "LM_DOE_IRQ");
	doe.vector = 0;
	doe.reserved[1] = 1;
	assert_refused(&info, "reserved");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(discovery_lists_what_is_understood),
		TEST(an_object_is_answered_at_once),
		TEST(answers_end_with_a_whole_dword),
		TEST(an_answer_may_come_later),
		TEST(what_the_device_cannot_answer_is_an_error),
		TEST(an_abort_forgets_the_object),
		TEST(a_reset_forgets_the_object),
		TEST(objects_that_are_none_are_errors),
		TEST(objects_are_bounded),
		TEST(the_longest_object_goes_through),
		TEST(parts_of_a_dword_move_nothing),
		TEST(writes_of_any_shape_are_survived),
		TEST(interrupts_follow_if_the_guest_wants_them),
		TEST(what_is_under_way_does_not_move),
		TEST(a_device_may_have_several),
		TEST(impossible_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
