/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_irq_set.c - VFIO_DEVICE_GET_IRQ_INFO and VFIO_DEVICE_SET_IRQS, every combination.
 */
#include "../fds.h"
#include "pci_device.h"

#define INTX LM_DEV_INTX_IRQ_IDX
#define MSI  LM_DEV_MSI_IRQ_IDX
#define MSIX LM_DEV_MSIX_IRQ_IDX
#define ERR  LM_DEV_ERR_IRQ_IDX

#define MSIX_CONTROL 0x5a
#define NONE    VFIO_IRQ_SET_DATA_NONE
#define BOOL    VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD

static struct lm_ctx *ctx;

static int setup(void **state)
{
	static const lm_dev_info_t info = {
		.pci_info = {
			.id.raw = 0x00011234,
			.irq_count = { [INTX] = 1, [MSI] = 8, [MSIX] = 16, [ERR] = 1 },
			.reg_info[0] = { .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
					 .size = 0x1000 },
		},
		.caps = { { .id = PCI_CAP_ID_MSI },
			  { .id = PCI_CAP_ID_MSIX, .msix = { 0, 0, 0x800 } } },
	};

	ctx = device_new(&info);
	return 0;
}

static int teardown(void **state)
{
	device_free(ctx);
	return 0;
}

static int assign_range(uint32_t index, uint32_t start, uint32_t count, const int *fds,
			uint32_t nr_fds)
{
	const struct irq_set set = {
		.flags = TRIGGER_FDS, .index = index, .start = start, .count = count,
		.nr_fds = nr_fds,
	};

	return set_irqs_fds(ctx, set, fds);
}

static int set_bools(uint32_t action, uint32_t start, uint32_t count, const uint8_t *data)
{
	const struct irq_set set = {
		.flags = BOOL | action, .index = MSIX, .start = start, .count = count,
		.data = data,
	};

	return irq_set(ctx, &set);
}

static void efds_new(int *fd, int nr)
{
	while (nr--)
		fd[nr] = efd_new();
}

static void efds_close(const int *fd, int nr)
{
	while (nr--)
		close(fd[nr]);
}

/* ---- information ----------------------------------------------------------------- */

static uint32_t flags_of(uint32_t index, uint32_t count)
{
	struct vfio_irq_info info = { .index = index };

	assert_int_equal(irq_get_info(ctx, &info), 0);
	assert_int_equal(info.argsz, sizeof(info));
	assert_int_equal(info.count, count);
	return info.flags;
}

static void information_tells_counts_and_what_can_be_done(void **state)
{
	const uint32_t maskable = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE;
	struct vfio_irq_info beyond = { .index = LM_DEV_NUM_IRQS };

	assert_int_equal(flags_of(INTX, 1), maskable | VFIO_IRQ_INFO_AUTOMASKED);
	assert_int_equal(flags_of(MSI, 8), maskable);
	assert_int_equal(flags_of(MSIX, 16), maskable);
	assert_int_equal(flags_of(ERR, 1), VFIO_IRQ_INFO_EVENTFD);
	assert_int_equal(flags_of(LM_DEV_REQ_IRQ_IDX, 0), VFIO_IRQ_INFO_EVENTFD);
	assert_int_equal(irq_get_info(ctx, &beyond), -EINVAL);
}

/* ---- one bad field --------------------------------------------------------------- */

static void exactly_one_kind_of_data_and_one_action(void **state)
{
	static const uint32_t bad[] = {
		0, NONE, VFIO_IRQ_SET_ACTION_TRIGGER, TRIGGER | BOOL, TRIGGER | EVENTFD,
		TRIGGER | VFIO_IRQ_SET_ACTION_MASK, MASK | VFIO_IRQ_SET_ACTION_UNMASK,
		TRIGGER | 1 << 6, TRIGGER | 1u << 31, UINT32_MAX,
	};
	size_t i;

	for (i = 0; i < LM_NR(bad); i++)
		assert_int_equal(set_irqs(ctx, bad[i], MSIX, 0, 1), -EINVAL);
}

static void indexes_and_ranges_are_checked(void **state)
{
	static const struct { uint32_t index, start, count; } bad[] = {
		{ LM_DEV_NUM_IRQS, 0, 1 }, { UINT32_MAX, 0, 1 }, { MSIX, 16, 1 },
		{ MSIX, 0, 17 }, { MSIX, 1, UINT32_MAX }, { MSIX, UINT32_MAX, 2 },
		{ MSIX, UINT32_MAX, UINT32_MAX },
		{ INTX, 0, 2 }, { LM_DEV_REQ_IRQ_IDX, 0, 1 },
	};
	size_t i;

	for (i = 0; i < LM_NR(bad); i++) {
		assert_int_equal(set_irqs(ctx, TRIGGER, bad[i].index, bad[i].start,
					  bad[i].count), -EINVAL);
		assert_int_equal(set_irqs(ctx, TRIGGER_FDS, bad[i].index, bad[i].start,
					  bad[i].count), -EINVAL);
	}
}

static void a_count_of_zero_only_disables(void **state)
{
	assert_int_equal(set_irqs(ctx, TRIGGER, MSIX, 1, 0), -EINVAL);
	assert_int_equal(set_irqs(ctx, MASK, MSIX, 0, 0), -EINVAL);
	assert_int_equal(set_irqs(ctx, UNMASK, MSIX, 0, 0), -EINVAL);
	assert_int_equal(set_irqs(ctx, TRIGGER_FDS, MSIX, 0, 0), -EINVAL);
	assert_int_equal(set_bools(VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0, (uint8_t *)""),
			 -EINVAL);
	assert_int_equal(set_irqs(ctx, TRIGGER, MSIX, 0, 0), 0);
}

static void descriptors_match_the_count_or_are_none(void **state)
{
	int fd[3];

	efds_new(fd, 3);
	assert_int_equal(assign_range(MSIX, 0, 2, fd, 3), -EINVAL);
	assert_int_equal(assign_range(MSIX, 0, 3, fd, 2), -EINVAL);
	assert_int_equal(lm_irq_trigger(ctx, 0), -ENOTCONN);
	efds_close(fd, 3);
}

static void descriptors_without_a_use_are_refused(void **state)
{
	const int fd = efd_new();
	struct irq_set set = { .flags = UNMASK, .index = INTX, .count = 1, .nr_fds = 1 };

	assert_int_equal(set_irqs_fds(ctx, set, &fd), -EINVAL);
	close(fd);
}

static void bools_need_their_bytes(void **state)
{
	assert_int_equal(set_bools(VFIO_IRQ_SET_ACTION_TRIGGER, 0, 1, NULL), -EINVAL);
}

static void errors_cannot_be_masked(void **state)
{
	assert_int_equal(set_irqs(ctx, MASK, ERR, 0, 1), -EINVAL);
	assert_int_equal(set_irqs(ctx, UNMASK, ERR, 0, 1), -EINVAL);
}

/* All descriptors are looked at before the first is used. */
static void only_eventfds_are_taken_and_all_or_none(void **state)
{
	int fd[2], ends[2], other[4];
	size_t i;

	assert_int_equal(pipe(ends), 0);
	other[0] = ends[1];
	other[1] = open("/dev/null", O_RDWR);
	other[2] = epoll_create1(0);
	other[3] = dup(0);
	fd[0] = efd_new();
	for (i = 0; i < LM_NR(other); i++) {
		fd[1] = other[i];
		assert_int_equal(assign_range(MSIX, 0, 2, fd, 2), -EINVAL);
	}
	assert_int_equal(lm_irq_trigger(ctx, 0), -ENOTCONN);
	close(fd[0]);
	close(ends[0]);
	efds_close(other, 4);
}

/* ---- eventfds for triggers ------------------------------------------------------- */

static void a_range_gets_its_eventfds(void **state)
{
	int fd[16], i;

	efds_new(fd, 16);
	assert_int_equal(assign_range(MSIX, 0, 16, fd, 16), 0);
	for (i = 0; i < 16; i++) {
		assert_int_equal(lm_irq_trigger(ctx, (uint32_t)i), LM_IRQ_DELIVERED);
		assert_int_equal(efd_take(fd[i]), 1);
	}
	efds_close(fd, 16);
}

static void a_part_of_a_range_is_de_assigned(void **state)
{
	int fd[8], i;

	efds_new(fd, 8);
	assert_int_equal(assign_range(MSIX, 0, 8, fd, 8), 0);
	assert_int_equal(assign_range(MSIX, 3, 2, NULL, 0), 0); /* no fds: [3, 5) */
	for (i = 0; i < 8; i++) {
		const bool gone = i == 3 || i == 4;

		assert_int_equal(lm_irq_trigger(ctx, (uint32_t)i), gone ? -ENOTCONN : 0);
		assert_int_equal(efd_take(fd[i]), !gone);
	}
	assert_int_equal(assign_range(MSIX, 6, 10, NULL, 0), 0);
	assert_int_equal(lm_irq_trigger(ctx, 7), -ENOTCONN);
	assert_int_equal(lm_irq_trigger(ctx, 5), LM_IRQ_DELIVERED);
	efds_close(fd, 8);
}

static void a_new_eventfd_replaces_the_old_one(void **state)
{
	const int old = assign(ctx, MSIX, 0), new = assign(ctx, MSIX, 0);

	lm_irq_trigger(ctx, 0);
	assert_int_equal(efd_take(old), 0);
	assert_int_equal(efd_take(new), 1);
	close(old);
	close(new);
}

/* As virtual machine monitors do when a guest masks and unmasks. */
static void the_eventfd_that_is_there_may_come_again(void **state)
{
	const int fd = assign(ctx, MSIX, 0);
	int again = dup(fd), ends[2];

	assert_int_equal(assign_range(MSIX, 0, 1, &again, 1), 0);
	assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(assign_range(MSIX, 0, 1, &ends[1], 1), -EINVAL);
	assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

static void disabling_takes_all_vectors_of_the_index_only(void **state)
{
	const int msix = assign(ctx, MSIX, 5), intx = assign(ctx, INTX, 0);

	assert_int_equal(set_irqs(ctx, TRIGGER, MSIX, 0, 0), 0);
	assert_int_equal(lm_irq_trigger_index(ctx, MSIX, 5), -ENOTCONN);
	assert_int_equal(lm_irq_trigger_index(ctx, INTX, 0), LM_IRQ_DELIVERED);
	close(msix);
	close(intx);
}

static void disabling_what_the_device_has_not_is_harmless(void **state)
{
	assert_int_equal(set_irqs(ctx, TRIGGER, LM_DEV_REQ_IRQ_IDX, 0, 0), 0);
}

/* What QEMU does: enable in configuration space, one vector without an eventfd, then
 * others. */
static void qemu_enables_msix_without_an_eventfd(void **state)
{
	int fd;

	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(assign_range(MSIX, 0, 1, NULL, 0), 0);
	assert_int_equal(lm_irq_trigger(ctx, 0), -ENOTCONN);
	fd = assign(ctx, MSIX, 0);
	assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_DELIVERED);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void what_is_pending_waits_for_the_eventfd(void **state)
{
	int fd;

	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_int_equal(lm_irq_trigger(ctx, 9), LM_IRQ_PENDING);
	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE);
	fd = assign(ctx, MSIX, 9);
	assert_int_equal(efd_take(fd), 1);
	assert_false(irq_pending(ctx, MSIX, 9));
	close(fd);
}

static void a_client_that_left_is_not_signalled(void **state)
{
	const int fd = assign(ctx, MSIX, 0), intx = assign(ctx, INTX, 0);
	int again;

	lm_irq_set_level(ctx, true);
	efd_take(intx);
	set_irqs(ctx, MASK, MSIX, 0, 1);
	irq_disconnect(ctx);
	assert_int_equal(lm_irq_trigger_index(ctx, MSIX, 0), -ENOTCONN);
	assert_int_equal(efd_take(fd) + efd_take(intx), 0);
	again = assign(ctx, INTX, 0); /* the next client finds the line as it is */
	assert_int_equal(efd_take(again), 1);
	close(fd);
	close(intx);
	close(again);
}

/* ---- loopback -------------------------------------------------------------------- */

static void a_client_triggers_a_range(void **state)
{
	int fd[4], i;

	efds_new(fd, 4);
	assign_range(MSIX, 4, 4, fd, 4);
	assert_int_equal(set_irqs(ctx, TRIGGER, MSIX, 5, 2), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(efd_take(fd[i]), i == 1 || i == 2);
	efds_close(fd, 4);
}

static void a_client_triggers_by_bools(void **state)
{
	static const uint8_t bools[] = { 1, 0, 255, 0 };
	int fd[4], i;

	efds_new(fd, 4);
	assign_range(MSIX, 4, 4, fd, 4);
	assert_int_equal(set_bools(VFIO_IRQ_SET_ACTION_TRIGGER, 4, 4, bools), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(efd_take(fd[i]), i == 0 || i == 2);
	efds_close(fd, 4);
}

static void a_trigger_without_an_eventfd_is_no_error(void **state)
{
	assert_int_equal(set_irqs(ctx, TRIGGER, MSIX, 0, 16), 0);
	assert_int_equal(set_irqs(ctx, TRIGGER, ERR, 0, 1), 0);
}

/* ---- masks ----------------------------------------------------------------------- */

static void a_client_masks_and_unmasks_a_range(void **state)
{
	int fd[4], i;

	efds_new(fd, 4);
	assign_range(MSIX, 0, 4, fd, 4);
	assert_int_equal(set_irqs(ctx, MASK, MSIX, 1, 2), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(lm_irq_trigger(ctx, (uint32_t)i),
				 i == 1 || i == 2 ? LM_IRQ_PENDING : LM_IRQ_DELIVERED);
	assert_int_equal(set_irqs(ctx, UNMASK, MSIX, 0, 4), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(efd_take(fd[i]), 1);
	efds_close(fd, 4);
}

static void a_client_masks_by_bools(void **state)
{
	static const uint8_t bools[] = { 0, 1 };
	int fd[2];

	efds_new(fd, 2);
	assign_range(MSIX, 0, 2, fd, 2);
	assert_int_equal(set_bools(VFIO_IRQ_SET_ACTION_MASK, 0, 2, bools), 0);
	assert_int_equal(lm_irq_trigger(ctx, 0), LM_IRQ_DELIVERED);
	assert_int_equal(lm_irq_trigger(ctx, 1), LM_IRQ_PENDING);
	assert_int_equal(set_bools(VFIO_IRQ_SET_ACTION_UNMASK, 0, 2, bools), 0);
	assert_int_equal(efd_take(fd[1]), 1);
	efds_close(fd, 2);
}

static void a_client_masks_before_it_assigns(void **state)
{
	int fd;

	assert_int_equal(set_irqs(ctx, MASK, MSI, 7, 1), 0);
	fd = assign(ctx, MSI, 7);
	assert_int_equal(lm_irq_trigger(ctx, 7), LM_IRQ_PENDING);
	set_irqs(ctx, UNMASK, MSI, 7, 1);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void guest_and_client_masks_add_up(void **state)
{
	const int fd = assign(ctx, MSIX, 0);

	region_put_value(ctx, 0, 12, 4, 1);
	set_irqs(ctx, MASK, MSIX, 0, 1);
	lm_irq_trigger(ctx, 0);
	region_put_value(ctx, 0, 12, 4, 0);
	assert_int_equal(efd_take(fd), 0);
	set_irqs(ctx, UNMASK, MSIX, 0, 1);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
}

static void the_automask_goes_with_the_eventfd(void **state)
{
	const int fd = assign(ctx, INTX, 0);
	int again;

	lm_irq_set_level(ctx, true);
	assert_int_equal(assign_range(INTX, 0, 1, NULL, 0), 0);
	again = assign(ctx, INTX, 0);
	assert_int_equal(efd_take(again), 1);
	close(fd);
	close(again);
}

/* ---- eventfds for masks ---------------------------------------------------------- */

static int notify(uint32_t action, uint32_t index, uint32_t vector)
{
	const int fd = efd_new();
	const struct irq_set set = {
		.flags = EVENTFD | action, .index = index, .start = vector,
		.count = 1, .nr_fds = 1,
	};

	assert_int_equal(set_irqs_fds(ctx, set, &fd), 0);
	return fd;
}

static void a_client_learns_when_the_guest_masks_and_unmasks(void **state)
{
	const int mask = notify(VFIO_IRQ_SET_ACTION_MASK, MSIX, 2);
	const int unmask = notify(VFIO_IRQ_SET_ACTION_UNMASK, MSIX, 2);

	region_put_value(ctx, 0, 2 * 16 + 12, 4, 1);
	assert_int_equal(efd_take(mask), 1);
	assert_int_equal(efd_take(unmask), 0);
	region_put_value(ctx, 0, 2 * 16 + 12, 4, 0);
	assert_int_equal(efd_take(unmask), 1);
	region_put_value(ctx, 0, 2 * 16 + 12, 4, 0); /* no change, no event */
	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_int_equal(efd_take(mask), 1);
	assert_int_equal(efd_take(unmask), 0);
	set_irqs(ctx, EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, MSIX, 2, 1);
	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(efd_take(unmask), 0);
	close(mask);
	close(unmask);
}

static void a_mask_of_before_is_no_event(void **state)
{
	int mask;

	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	mask = notify(VFIO_IRQ_SET_ACTION_MASK, MSIX, 2);
	assert_int_equal(efd_take(mask), 0);
	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE);
	cfg_put(ctx, MSIX_CONTROL, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_int_equal(efd_take(mask), 1);
	close(mask);
}

static void a_client_learns_that_intx_masked_itself(void **state)
{
	const int mask = notify(VFIO_IRQ_SET_ACTION_MASK, INTX, 0);
	const int fd = assign(ctx, INTX, 0);

	lm_irq_set_level(ctx, true);
	assert_int_equal(efd_take(mask), 1);
	close(mask);
	close(fd);
}

static void the_clients_eventfd_unmasks_intx(void **state)
{
	const int resample = notify(VFIO_IRQ_SET_ACTION_UNMASK, INTX, 0);
	const int fd = assign(ctx, INTX, 0);
	const uint64_t one = 1;

	lm_irq_set_level(ctx, true);
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(write(resample, &one, sizeof(one)), sizeof(one));
	assert_int_equal(loop_run(&ctx->loop, 1000), 1);
	assert_int_equal(efd_take(resample), 0); /* consumed */
	assert_int_equal(efd_take(fd), 1);       /* still up: signalled again */
	lm_irq_set_level(ctx, false);
	assert_int_equal(write(resample, &one, sizeof(one)), sizeof(one));
	assert_int_equal(loop_run(&ctx->loop, 1000), 1);
	assert_int_equal(efd_take(fd), 0);
	assert_int_equal(loop_run(&ctx->loop, 0), 0);
	close(resample);
	close(fd);
}

static void the_unmasking_eventfd_is_replaced_and_taken_away(void **state)
{
	const int old = notify(VFIO_IRQ_SET_ACTION_UNMASK, INTX, 0);
	const int new = notify(VFIO_IRQ_SET_ACTION_UNMASK, INTX, 0);
	const uint64_t one = 1;

	assert_int_equal(write(old, &one, sizeof(one)), sizeof(one));
	assert_int_equal(loop_run(&ctx->loop, 0), 0);
	assert_int_equal(write(new, &one, sizeof(one)), sizeof(one));
	assert_int_equal(loop_run(&ctx->loop, 0), 1);
	set_irqs(ctx, EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, INTX, 0, 1);
	assert_int_equal(write(new, &one, sizeof(one)), sizeof(one));
	assert_int_equal(loop_run(&ctx->loop, 0), 0);
	close(old);
	close(new);
}

static int use_for_intx(uint32_t action, int fd)
{
	const struct irq_set set = {
		.flags = EVENTFD | action, .index = INTX, .count = 1, .nr_fds = 1,
	};

	return set_irqs_fds(ctx, set, &fd);
}

/* While the line is up, each signal would be answered by the next one. */
static void intx_is_not_unmasked_by_what_its_signals_write(void **state)
{
	static const uint32_t written[] = {
		VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_MASK,
	};
	const int fd = efd_new(), other = efd_new();
	size_t i;

	for (i = 0; i < LM_NR(written); i++) {
		assert_int_equal(use_for_intx(written[i], fd), 0);
		assert_int_equal(use_for_intx(VFIO_IRQ_SET_ACTION_UNMASK, fd), -EINVAL);
		assert_int_equal(use_for_intx(VFIO_IRQ_SET_ACTION_UNMASK, other), 0);
		assert_int_equal(use_for_intx(written[i], other), -EINVAL);
		assert_int_equal(set_irqs(ctx, EVENTFD | written[i], INTX, 0, 1), 0);
		assert_int_equal(use_for_intx(VFIO_IRQ_SET_ACTION_UNMASK, fd), 0);
		irq_disconnect(ctx);
	}
	close(fd);
	close(other);
}

static void a_refused_eventfd_leaves_the_one_that_was_there(void **state)
{
	const int fd = assign(ctx, INTX, 0);
	const int resample = notify(VFIO_IRQ_SET_ACTION_UNMASK, INTX, 0);

	assert_int_equal(use_for_intx(VFIO_IRQ_SET_ACTION_TRIGGER, resample), -EINVAL);
	assert_int_equal(use_for_intx(VFIO_IRQ_SET_ACTION_UNMASK, fd), -EINVAL);
	lm_irq_set_level(ctx, true);
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(eventfd_write(resample, 1), 0);
	assert_int_equal(loop_run(&ctx->loop, 1000), 1);
	assert_int_equal(efd_take(fd), 1);
	close(fd);
	close(resample);
}

static void one_eventfd_may_tell_all_that_we_write(void **state)
{
	const int fd = efd_new();
	const struct irq_set msix = {
		.flags = EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, .index = MSIX, .count = 1,
		.nr_fds = 1,
	};

	assert_int_equal(use_for_intx(VFIO_IRQ_SET_ACTION_TRIGGER, fd), 0);
	assert_int_equal(use_for_intx(VFIO_IRQ_SET_ACTION_MASK, fd), 0);
	assert_int_equal(assign_range(MSIX, 0, 1, &fd, 1), 0);
	assert_int_equal(set_irqs_fds(ctx, msix, &fd), 0);
	close(fd);
}

static void an_unmasking_eventfd_that_another_reads_never_blocks(void **state)
{
	const int resample = eventfd(1, 0); /* a blocking one */
	const struct irq_set set = {
		.flags = EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, .index = INTX, .count = 1,
		.nr_fds = 1,
	};
	struct source *src;
	uint64_t value;

	assert_int_equal(set_irqs_fds(ctx, set, &resample), 0);
	assert_int_equal(epoll_wait(ctx->loop.epfd, ctx->loop.ready, 1, 1000), 1);
	assert_int_equal(read(resample, &value, sizeof(value)), sizeof(value));
	alarm(5);
	src = ctx->loop.ready[0].data.ptr;
	src->fn(src, EPOLLIN);
	alarm(0);
	close(resample);
}

/* Each read leaves it readable: it says once that it was written. */
static void an_unmasking_semaphore_lets_the_loop_rest(void **state)
{
	const int resample = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
	const struct irq_set set = {
		.flags = EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, .index = INTX, .count = 1,
		.nr_fds = 1,
	};
	const int fd = assign(ctx, INTX, 0);

	assert_int_equal(eventfd_write(resample, UINT32_MAX), 0);
	assert_int_equal(set_irqs_fds(ctx, set, &resample), 0);
	lm_irq_set_level(ctx, true);
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(loop_run(&ctx->loop, 0), 1); /* what was written before */
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(loop_run(&ctx->loop, 0), 0);
	assert_int_equal(eventfd_write(resample, 1), 0);
	assert_int_equal(loop_run(&ctx->loop, 0), 1);
	assert_int_equal(efd_take(fd), 1);
	assert_int_equal(loop_run(&ctx->loop, 0), 0);
	close(resample);
	close(fd);
}

/* ---- descriptors ----------------------------------------------------------------- */

static void no_descriptor_is_left_behind(void **state)
{
	const unsigned int before = count_fds();
	int fd[4];

	efds_new(fd, 4);
	assign_range(MSIX, 0, 4, fd, 4);
	assign_range(MSIX, 0, 4, fd, 4);
	assign_range(MSIX, 15, 2, fd, 2); /* refused */
	efds_close(fd, 4);
	close(notify(VFIO_IRQ_SET_ACTION_MASK, MSIX, 0));
	close(notify(VFIO_IRQ_SET_ACTION_UNMASK, MSIX, 0));
	close(notify(VFIO_IRQ_SET_ACTION_UNMASK, INTX, 0));
	assert_int_equal(count_fds(), before + 7);
	irq_disconnect(ctx);
	assert_int_equal(count_fds(), before);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(information_tells_counts_and_what_can_be_done),
		TEST(exactly_one_kind_of_data_and_one_action),
		TEST(indexes_and_ranges_are_checked),
		TEST(a_count_of_zero_only_disables),
		TEST(descriptors_match_the_count_or_are_none),
		TEST(descriptors_without_a_use_are_refused),
		TEST(bools_need_their_bytes),
		TEST(errors_cannot_be_masked),
		TEST(only_eventfds_are_taken_and_all_or_none),
		TEST(a_range_gets_its_eventfds),
		TEST(a_part_of_a_range_is_de_assigned),
		TEST(a_new_eventfd_replaces_the_old_one),
		TEST(the_eventfd_that_is_there_may_come_again),
		TEST(disabling_takes_all_vectors_of_the_index_only),
		TEST(disabling_what_the_device_has_not_is_harmless),
		TEST(qemu_enables_msix_without_an_eventfd),
		TEST(what_is_pending_waits_for_the_eventfd),
		TEST(a_client_that_left_is_not_signalled),
		TEST(a_client_triggers_a_range),
		TEST(a_client_triggers_by_bools),
		TEST(a_trigger_without_an_eventfd_is_no_error),
		TEST(a_client_masks_and_unmasks_a_range),
		TEST(a_client_masks_by_bools),
		TEST(a_client_masks_before_it_assigns),
		TEST(guest_and_client_masks_add_up),
		TEST(the_automask_goes_with_the_eventfd),
		TEST(a_client_learns_when_the_guest_masks_and_unmasks),
		TEST(a_mask_of_before_is_no_event),
		TEST(a_client_learns_that_intx_masked_itself),
		TEST(the_clients_eventfd_unmasks_intx),
		TEST(the_unmasking_eventfd_is_replaced_and_taken_away),
		TEST(intx_is_not_unmasked_by_what_its_signals_write),
		TEST(a_refused_eventfd_leaves_the_one_that_was_there),
		TEST(one_eventfd_may_tell_all_that_we_write),
		TEST(an_unmasking_eventfd_that_another_reads_never_blocks),
		TEST(an_unmasking_semaphore_lets_the_loop_rest),
		TEST(no_descriptor_is_left_behind),
	};

	return cmocka_run_group_tests_name("irq_set", tests, NULL, NULL);
}
