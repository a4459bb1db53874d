/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_set_irqs_wire.c - DEVICE_SET_IRQS as it comes from the wire: argsz, flags, ranges, data,
 * descriptors. What the settings mean is test_irq_set.c's.
 */
#include "engine.h"

#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK    VFIO_IRQ_SET_ACTION_MASK
#define UNMASK  VFIO_IRQ_SET_ACTION_UNMASK
#define NONE    VFIO_IRQ_SET_DATA_NONE
#define BOOL    VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define MSI     VFIO_PCI_MSI_IRQ_INDEX
#define INTX    VFIO_PCI_INTX_IRQ_INDEX

struct set {
	uint32_t argsz, flags, index, start, count;
	uint8_t  data[32];
};

static struct set set_of(uint32_t flags, uint32_t index, uint32_t start, uint32_t count)
{
	return (struct set){ 20, flags, index, start, count, { 0 } };
}

/* With @data bytes behind the header, none of them counted in argsz by this. */
static uint16_t send_set(struct engine *e, const struct set *s, size_t data, const int *fds,
			 unsigned int nr)
{
	return engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, s, 20 + data, fds, nr);
}

static void set_works(struct engine *e, struct set s, size_t data, const int *fds, unsigned int nr)
{
	struct wire m;

	engine_reply(e, send_set(e, &s, data, fds, nr), VFIO_USER_DEVICE_SET_IRQS, &m);
	assert_int_equal(m.len, 0);
}

static void set_fails(struct engine *e, struct set s, size_t data, const int *fds, unsigned int nr)
{
	const unsigned int before = count_fds();

	engine_reply_error(e, send_set(e, &s, data, fds, nr), VFIO_USER_DEVICE_SET_IRQS, EINVAL);
	assert_int_equal(fds_left(before), 0);
}

static void make_eventfds(int *fds, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK);
}

static void eventfds_are_assigned(void **state)
{
	struct engine *e = *state;
	int fds[4];
	uint32_t i;

	engine_connect(e);
	make_eventfds(fds, 4);
	set_works(e, set_of(EVENTFD | TRIGGER, MSI, 0, 4), 0, fds, 4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, i), LM_IRQ_DELIVERED);
		assert_true(eventfd_take(fds[i]));
	}
	close_fds(fds, 4);
}

static void assigning_again_lets_the_old_one_go(void **state)
{
	struct engine *e = *state;
	unsigned int before;
	int fds[2], i;

	engine_connect(e);
	make_eventfds(fds, 2);
	set_works(e, set_of(EVENTFD | TRIGGER, MSI, 0, 2), 0, fds, 2);
	before = count_fds();
	for (i = 0; i < 10; i++)
		set_works(e, set_of(EVENTFD | TRIGGER, MSI, 0, 2), 0, fds, 2);
	assert_int_equal(count_fds(), before);
	close_fds(fds, 2);
}

static void no_eventfds_take_those_of_the_range_away(void **state)
{
	struct engine *e = *state;
	int fds[4];

	engine_connect(e);
	make_eventfds(fds, 4);
	set_works(e, set_of(EVENTFD | TRIGGER, MSI, 0, 4), 0, fds, 4);
	set_works(e, set_of(EVENTFD | TRIGGER, MSI, 1, 2), 0, NULL, 0);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 0), LM_IRQ_DELIVERED);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 1), -ENOTCONN);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 2), -ENOTCONN);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 3), LM_IRQ_DELIVERED);
	close_fds(fds, 4);
}

static void a_count_of_0_switches_the_index_off(void **state)
{
	struct engine *e = *state;
	int fds[2];

	engine_connect(e);
	make_eventfds(fds, 2);
	set_works(e, set_of(EVENTFD | TRIGGER, MSI, 0, 2), 0, fds, 2);
	set_works(e, set_of(NONE | TRIGGER, MSI, 0, 0), 0, NULL, 0);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 0), -ENOTCONN);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 1), -ENOTCONN);
	close_fds(fds, 2);
}

/* What QEMU sends when it enables MSI-X: one vector, no descriptor. */
static void a_vector_without_an_eventfd_is_fine(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	set_works(e, set_of(EVENTFD | TRIGGER, MSI, 0, 1), 0, NULL, 0);
}

static void a_client_can_trigger_for_itself(void **state)
{
	struct engine *e = *state;
	int fds[2];

	engine_connect(e);
	make_eventfds(fds, 2);
	set_works(e, set_of(EVENTFD | TRIGGER, MSI, 0, 2), 0, fds, 2);
	set_works(e, set_of(NONE | TRIGGER, MSI, 1, 1), 0, NULL, 0);
	assert_false(eventfd_take(fds[0]));
	assert_true(eventfd_take(fds[1]));
	close_fds(fds, 2);
}

static void booleans_choose_vectors(void **state)
{
	struct engine *e = *state;
	struct set s = set_of(BOOL | TRIGGER, MSI, 0, 4);
	int fds[4], i;

	engine_connect(e);
	make_eventfds(fds, 4);
	set_works(e, set_of(EVENTFD | TRIGGER, MSI, 0, 4), 0, fds, 4);
	s.argsz = 24;
	memcpy(s.data, "\1\0\0\1", 4);
	set_works(e, s, 4, NULL, 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(eventfd_take(fds[i]), i == 0 || i == 3);
	close_fds(fds, 4);
}

static void intx_is_unmasked_as_qemu_does(void **state)
{
	struct engine *e = *state;
	int fd = eventfd(0, EFD_NONBLOCK);

	engine_connect(e);
	set_works(e, set_of(EVENTFD | TRIGGER, INTX, 0, 1), 0, &fd, 1);
	assert_int_equal(lm_irq_set_level(e->ctx, true), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fd));
	assert_false(eventfd_take(fd));
	set_works(e, set_of(NONE | UNMASK, INTX, 0, 1), 0, NULL, 0); /* flags 0x11 */
	assert_true(eventfd_take(fd));
	close(fd);
}

/* ---- one bad field each ---------------------------------------------------------- */

static void a_small_argsz_is_refused(void **state)
{
	struct engine *e = *state;
	struct set s = set_of(NONE | TRIGGER, MSI, 0, 1);

	engine_connect(e);
	s.argsz = 19;
	set_fails(e, s, 0, NULL, 0);
	s.argsz = 0;
	set_fails(e, s, 0, NULL, 0);
}

static void an_argsz_beyond_the_message_is_refused(void **state)
{
	struct engine *e = *state;
	struct set s = set_of(NONE | TRIGGER, MSI, 0, 1);

	engine_connect(e);
	s.argsz = 21;
	set_fails(e, s, 0, NULL, 0);
	s.argsz = UINT32_MAX;
	set_fails(e, s, 0, NULL, 0);
}

static void a_short_message_is_refused(void **state)
{
	struct engine *e = *state;
	const struct set s = set_of(NONE | TRIGGER, MSI, 0, 1);

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_SET_IRQS, &s, 19, EINVAL);
	engine_request_fails(e, VFIO_USER_DEVICE_SET_IRQS, NULL, 0, EINVAL);
}

static void fewer_booleans_than_vectors_are_refused(void **state)
{
	struct engine *e = *state;
	struct set s = set_of(BOOL | MASK, MSI, 0, 4);

	engine_connect(e);
	s.argsz = 23;
	set_fails(e, s, 3, NULL, 0);
	s.argsz = 20;
	set_fails(e, s, 4, NULL, 0); /* sent, but not counted */
}

static void an_unknown_index_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	set_fails(e, set_of(NONE | TRIGGER, LM_DEV_NUM_IRQS, 0, 0), 0, NULL, 0);
	set_fails(e, set_of(NONE | TRIGGER, UINT32_MAX, 0, 0), 0, NULL, 0);
}

static void a_range_beyond_the_vectors_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	set_fails(e, set_of(NONE | TRIGGER, MSI, 0, 5), 0, NULL, 0);
	set_fails(e, set_of(NONE | TRIGGER, MSI, 4, 1), 0, NULL, 0);
	set_fails(e, set_of(NONE | TRIGGER, MSI, UINT32_MAX, 1), 0, NULL, 0);
	set_fails(e, set_of(NONE | TRIGGER, MSI, 2, UINT32_MAX), 0, NULL, 0);
	set_fails(e, set_of(NONE | TRIGGER, MSI, UINT32_MAX, 2), 0, NULL, 0);
}

static void vectors_of_an_absent_kind_are_refused(void **state)
{
	struct engine *e = *state;
	int fd = eventfd(0, 0);

	engine_connect(e);
	set_fails(e, set_of(EVENTFD | TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1), 0, &fd, 1);
	close(fd);
}

static void two_kinds_of_data_are_refused(void **state)
{
	struct engine *e = *state;
	struct set s = set_of(NONE | BOOL | TRIGGER, MSI, 0, 1);

	engine_connect(e);
	s.argsz = 21;
	set_fails(e, s, 1, NULL, 0);
	s.flags = BOOL | EVENTFD | TRIGGER;
	set_fails(e, s, 1, NULL, 0);
}

static void no_kind_of_data_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	set_fails(e, set_of(TRIGGER, MSI, 0, 1), 0, NULL, 0);
}

static void two_actions_are_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	set_fails(e, set_of(NONE | MASK | UNMASK, MSI, 0, 1), 0, NULL, 0);
	set_fails(e, set_of(NONE | MASK | TRIGGER, MSI, 0, 1), 0, NULL, 0);
}

static void no_action_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	set_fails(e, set_of(NONE, MSI, 0, 1), 0, NULL, 0);
}

static void unknown_flags_are_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	set_fails(e, set_of(NONE | TRIGGER | 1u << 6, MSI, 0, 1), 0, NULL, 0);
	set_fails(e, set_of(NONE | TRIGGER | 1u << 31, MSI, 0, 1), 0, NULL, 0);
}

static void a_count_of_0_with_a_start_is_refused(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	set_fails(e, set_of(NONE | TRIGGER, MSI, 1, 0), 0, NULL, 0);
}

static void fewer_eventfds_than_vectors_are_refused(void **state)
{
	struct engine *e = *state;
	int fds[2];

	engine_connect(e);
	make_eventfds(fds, 2);
	set_fails(e, set_of(EVENTFD | TRIGGER, MSI, 0, 3), 0, fds, 2);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 0), -ENOTCONN);
	close_fds(fds, 2);
}

static void more_eventfds_than_vectors_are_refused(void **state)
{
	struct engine *e = *state;
	int fds[2];

	engine_connect(e);
	make_eventfds(fds, 2);
	set_fails(e, set_of(EVENTFD | TRIGGER, MSI, 0, 1), 0, fds, 2);
	close_fds(fds, 2);
}

static void descriptors_without_their_flag_are_refused(void **state)
{
	struct engine *e = *state;
	int fd = eventfd(0, 0);

	engine_connect(e);
	set_fails(e, set_of(NONE | TRIGGER, MSI, 0, 1), 0, &fd, 1);
	close(fd);
}

/* Nothing but an eventfd can be written without waiting. */
static void what_is_no_eventfd_is_refused(void **state)
{
	struct engine *e = *state;
	int fds[2];

	engine_connect(e);
	assert_int_equal(pipe(fds), 0);
	set_fails(e, set_of(EVENTFD | TRIGGER, MSI, 0, 1), 0, &fds[1], 1);
	close_fds(fds, 2);
}

static void a_refused_range_changes_nothing(void **state)
{
	struct engine *e = *state;
	int good[2], bad[2];

	engine_connect(e);
	make_eventfds(good, 2);
	set_works(e, set_of(EVENTFD | TRIGGER, MSI, 0, 2), 0, good, 2);
	bad[0] = eventfd(0, EFD_NONBLOCK);
	bad[1] = open("/dev/null", O_RDWR);
	set_fails(e, set_of(EVENTFD | TRIGGER, MSI, 0, 2), 0, bad, 2);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 0), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(good[0]));
	assert_false(eventfd_take(bad[0]));
	close_fds(good, 2);
	close_fds(bad, 2);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(eventfds_are_assigned),
		TEST(assigning_again_lets_the_old_one_go),
		TEST(no_eventfds_take_those_of_the_range_away),
		TEST(a_count_of_0_switches_the_index_off),
		TEST(a_vector_without_an_eventfd_is_fine),
		TEST(a_client_can_trigger_for_itself),
		TEST(booleans_choose_vectors),
		TEST(intx_is_unmasked_as_qemu_does),
		TEST(a_small_argsz_is_refused),
		TEST(an_argsz_beyond_the_message_is_refused),
		TEST(a_short_message_is_refused),
		TEST(fewer_booleans_than_vectors_are_refused),
		TEST(an_unknown_index_is_refused),
		TEST(a_range_beyond_the_vectors_is_refused),
		TEST(vectors_of_an_absent_kind_are_refused),
		TEST(two_kinds_of_data_are_refused),
		TEST(no_kind_of_data_is_refused),
		TEST(two_actions_are_refused),
		TEST(no_action_is_refused),
		TEST(unknown_flags_are_refused),
		TEST(a_count_of_0_with_a_start_is_refused),
		TEST(fewer_eventfds_than_vectors_are_refused),
		TEST(more_eventfds_than_vectors_are_refused),
		TEST(descriptors_without_their_flag_are_refused),
		TEST(what_is_no_eventfd_is_refused),
		TEST(a_refused_range_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
