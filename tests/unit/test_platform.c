/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_platform.c - a device without PCI over its socket: what it says of itself, accesses,
 * interrupts by index, DMA without bus mastering, resets, saved states; and clients that ask for
 * what it does not have.
 */
#include <endian.h>
#include <pthread.h>

#include <linux/pci_regs.h>

#include "platform.h"
#include "state.h"
#include "traced.h"

#define TRIGGER_FDS (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define UNMASK_FDS  (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK)
#define TRIGGER     (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)
#define MASK        (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK)
#define UNMASK      (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK)

/* ---- what it says of itself ------------------------------------------------------ */

static void it_says_that_it_is_a_platform_device(void **state)
{
	struct vfio_user_device_info info = { .argsz = sizeof(info) };
	struct engine *e = *state;
	struct wire m;

	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), &m);
	memcpy(&info, m.payload, sizeof(info));
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PLATFORM);
	assert_int_equal(info.num_regions, PLATFORM_REGIONS);
	assert_int_equal(info.num_irqs, PLATFORM_IRQS);
	assert_string_equal(e->log, "");
}

static struct vfio_region_info region_info(struct engine *e, uint32_t index)
{
	struct vfio_region_info info = { .argsz = 4096, .index = index };
	struct wire m;

	engine_request(e, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info), &m);
	memcpy(&info, m.payload, sizeof(info));
	close_fds(m.fds, m.nr_fds);
	return info;
}

static void its_regions_begin_at_0(void **state)
{
	struct vfio_region_info info = { .argsz = 4096 };
	struct engine *e = *state;
	uint32_t i;

	engine_connect(e);
	info = region_info(e, REGION_CTRL);
	assert_int_equal(info.size, 0x20);
	assert_int_equal(info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	info = region_info(e, REGION_RAM);
	assert_int_equal(info.size, RAM_SIZE);
	assert_int_equal(info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
			 VFIO_REGION_INFO_FLAG_MMAP);
	for (i = PLATFORM_REGIONS; i <= LM_DEV_NUM_REGS; i++) {
		info = (struct vfio_region_info){ .argsz = 4096, .index = i };
		engine_request_fails(e, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info),
				     EINVAL);
	}
}

static void a_region_may_have_a_type(void **state)
{
	lm_reg_info_t regions[] = { { .flags = LM_REG_FLAG_RW, .size = 0x1000, .type = 3 } };
	struct engine *e = *state;
	struct vfio_region_info info;

	e->info.extra_regs = regions;
	e->info.nr_extra_regs = 1;
	engine_connect(e);
	info = region_info(e, 0);
	assert_true(info.flags & VFIO_REGION_INFO_FLAG_CAPS);
}

static void its_interrupts_are_as_described(void **state)
{
	static const struct {
		uint32_t count, flags;
	} expected[] = {
		[IRQ_DONE] = { 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
			       VFIO_IRQ_INFO_AUTOMASKED },
		[IRQ_ERROR] = { 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
				VFIO_IRQ_INFO_AUTOMASKED },
		[IRQ_QUEUE] = { 4, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE },
		[IRQ_FAULT] = { 1, VFIO_IRQ_INFO_EVENTFD },
	};
	struct vfio_irq_info info;
	struct engine *e = *state;
	struct wire m;
	uint32_t i;

	engine_connect(e);
	for (i = 0; i < PLATFORM_IRQS; i++) {
		info = (struct vfio_irq_info){ .argsz = sizeof(info), .index = i };
		engine_request(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), &m);
		memcpy(&info, m.payload, sizeof(info));
		assert_int_equal(info.count, expected[i].count);
		assert_int_equal(info.flags, expected[i].flags);
	}
	info = (struct vfio_irq_info){ .argsz = sizeof(info), .index = PLATFORM_IRQS };
	engine_request_fails(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), EINVAL);
}

static void it_needs_only_regions_or_only_interrupts(void **state)
{
	struct engine *e = *state;

	e->info.nr_irqs = 0;
	engine_connect(e);
	assert_int_equal(lm_irq_trigger(e->ctx, 0), -EINVAL);
	assert_int_equal(lm_irq_trigger_index(e->ctx, 0, 0), -EINVAL);
	assert_int_equal(lm_irq_assert(e->ctx, 0, true), -EINVAL);
	assert_int_equal(lm_irq_enabled(e->ctx, NULL), 0);
	engine_destroy(e);
	engine_close(e);
	e->info.nr_irqs = PLATFORM_IRQS;
	e->info.nr_extra_regs = 0;
	engine_connect(e);
	engine_read_fails(e, 0, 0, 4, EINVAL);
}

/* ---- accesses -------------------------------------------------------------------- */

static void accesses_go_by_index(void **state)
{
	const uint32_t value = 0x12345678;
	struct engine *e = *state;

	engine_connect(e);
	assert_int_equal(engine_read32(e, REGION_CTRL, CTRL_ID), 0x504c4154);
	engine_write(e, REGION_CTRL, CTRL_KEY, &value, sizeof(value));
	assert_int_equal(lm_register_get(e->ctx, REGION_CTRL, CTRL_KEY), value);
	engine_write(e, REGION_RAM, RAM_SIZE - 4, &value, sizeof(value));
	assert_memory_equal(lm_mmap(e->ctx, REGION_RAM, RAM_SIZE - 4, 4), &value, sizeof(value));
}

/* Where PCI has configuration space there is a region as any other. */
static void index_7_is_a_region_like_the_others(void **state)
{
	const lm_register_map_t narrow = { LM_REGISTERS(platform_registers), .max_width = 4 };
	lm_reg_info_t regions[LM_DEV_NUM_REGS + 1] = { { 0 } };
	struct engine *e = *state;
	const char *bytes;

	regions[LM_CFG_REG_IDX] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW, .size = 0x20, .regs = &narrow };
	regions[LM_DEV_NUM_REGS] = (lm_reg_info_t){ .flags = LM_REG_FLAG_RW, .size = 3 };
	e->info.extra_regs = regions;
	e->info.nr_extra_regs = LM_NR(regions);
	engine_connect(e);
	assert_int_equal(engine_read32(e, LM_CFG_REG_IDX, CTRL_KEY), 7);
	bytes = engine_read(e, LM_CFG_REG_IDX, 0, 8); /* a width that it refuses */
	assert_memory_equal(bytes, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	engine_read(e, LM_DEV_NUM_REGS, 0, 3);
	engine_read_fails(e, 0, 0, 1, EINVAL);
}

static void there_is_no_configuration_space(void **state)
{
	struct engine *e = *state;
	uint32_t value = 0, i;

	engine_connect(e);
	for (i = PLATFORM_REGIONS; i <= LM_DEV_NUM_REGS; i++) {
		engine_read_fails(e, i, 0, 4, EINVAL);
		engine_write_fails(e, i, 0, &value, 4, EINVAL);
	}
	assert_int_equal(lm_config_read(e->ctx, 0, &value, 2), -EINVAL);
	assert_int_equal(lm_config_write(e->ctx, 0, &value, 1), -EINVAL);
	assert_int_equal(lm_cap_find(e->ctx, PCI_CAP_ID_MSI, false, 0), 0);
}

/* ---- interrupts ------------------------------------------------------------------ */

static uint16_t send_irqs(struct engine *e, uint32_t flags, uint32_t index, uint32_t start,
			  uint32_t count)
{
	const struct vfio_irq_set set = { sizeof(set), flags, index, start, count };

	return engine_command(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set));
}

static void set_irqs(struct engine *e, uint32_t flags, uint32_t index, uint32_t start)
{
	struct wire m;

	engine_reply(e, send_irqs(e, flags, index, start, 1), VFIO_USER_DEVICE_SET_IRQS, &m);
}

static void set_irqs_fails(struct engine *e, uint32_t flags, uint32_t index, uint32_t start)
{
	engine_reply_error(e, send_irqs(e, flags, index, start, 1), VFIO_USER_DEVICE_SET_IRQS,
			   EINVAL);
}

/* An eventfd of the client; the test closes it. */
static int assign(struct engine *e, uint32_t flags, uint32_t index, uint32_t start)
{
	const struct vfio_irq_set set = { sizeof(set), flags, index, start, 1 };
	const int fd = eventfd(0, EFD_NONBLOCK);
	struct wire m;

	engine_reply(e, engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &fd, 1),
		     VFIO_USER_DEVICE_SET_IRQS, &m);
	return fd;
}

static void each_level_is_its_own(void **state)
{
	struct engine *e = *state;
	int done, error;

	engine_connect(e);
	done = assign(e, TRIGGER_FDS, IRQ_DONE, 0);
	error = assign(e, TRIGGER_FDS, IRQ_ERROR, 0);
	assert_int_equal(lm_irq_assert(e->ctx, IRQ_ERROR, true), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(error));
	assert_false(eventfd_take(done));
	set_irqs(e, UNMASK, IRQ_DONE, 0);
	assert_false(eventfd_take(done));
	assert_int_equal(lm_irq_assert(e->ctx, IRQ_ERROR, true), LM_IRQ_DELIVERED);
	assert_false(eventfd_take(error));
	set_irqs(e, UNMASK, IRQ_ERROR, 0); /* still asserted */
	assert_true(eventfd_take(error));
	lm_irq_assert(e->ctx, IRQ_ERROR, false);
	set_irqs(e, UNMASK, IRQ_ERROR, 0);
	assert_false(eventfd_take(error));
	close(done);
	close(error);
}

static void an_eventfd_of_the_client_unmasks_a_level(void **state)
{
	const uint64_t one = 1;
	struct engine *e = *state;
	int done, error, unmask;

	engine_connect(e);
	done = assign(e, TRIGGER_FDS, IRQ_DONE, 0);
	error = assign(e, TRIGGER_FDS, IRQ_ERROR, 0);
	unmask = assign(e, UNMASK_FDS, IRQ_ERROR, 0);
	lm_irq_assert(e->ctx, IRQ_DONE, true);
	lm_irq_assert(e->ctx, IRQ_ERROR, true);
	assert_true(eventfd_take(done) && eventfd_take(error));
	assert_int_equal(write(unmask, &one, sizeof(one)), sizeof(one));
	engine_poll(e);
	assert_true(eventfd_take(error));
	assert_false(eventfd_take(done));
	close(done);
	close(error);
	close(unmask);
}

static void one_eventfd_does_not_answer_itself(void **state)
{
	struct vfio_irq_set set = { sizeof(set), UNMASK_FDS, IRQ_ERROR, 0, 1 };
	struct engine *e = *state;
	uint16_t id;
	int fd;

	engine_connect(e);
	fd = assign(e, TRIGGER_FDS, IRQ_ERROR, 0);
	id = engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &fd, 1);
	engine_reply_error(e, id, VFIO_USER_DEVICE_SET_IRQS, EINVAL);
	close(fd);
}

static void a_level_without_a_client_is_remembered(void **state)
{
	struct engine *e = *state;
	int fd;

	engine_connect(e);
	assert_int_equal(lm_irq_assert(e->ctx, IRQ_ERROR, true), -ENOTCONN);
	fd = assign(e, TRIGGER_FDS, IRQ_ERROR, 0);
	assert_true(eventfd_take(fd));
	close(fd);
}

static void an_edge_comes_as_often_as_it_is_raised(void **state)
{
	struct engine *e = *state;
	int fd;

	engine_connect(e);
	fd = assign(e, TRIGGER_FDS, IRQ_FAULT, 0);
	assert_int_equal(lm_irq_trigger_index(e->ctx, IRQ_FAULT, 0), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fd));
	assert_int_equal(lm_irq_trigger_index(e->ctx, IRQ_FAULT, 0), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fd));
	set_irqs(e, TRIGGER, IRQ_FAULT, 0);
	assert_true(eventfd_take(fd));
	close(fd);
}

static void only_what_is_maskable_is_masked(void **state)
{
	struct engine *e = *state;
	int fd;

	engine_connect(e);
	set_irqs_fails(e, MASK, IRQ_FAULT, 0);
	set_irqs_fails(e, UNMASK, IRQ_FAULT, 0);
	fd = assign(e, TRIGGER_FDS, IRQ_QUEUE, 3);
	set_irqs(e, MASK, IRQ_QUEUE, 3);
	assert_int_equal(lm_irq_trigger_index(e->ctx, IRQ_QUEUE, 3), LM_IRQ_PENDING);
	assert_false(eventfd_take(fd));
	set_irqs(e, UNMASK, IRQ_QUEUE, 3);
	assert_true(eventfd_take(fd));
	close(fd);
}

static void vectors_are_counted_through_the_table(void **state)
{
	struct engine *e = *state;
	uint32_t vectors;
	int queue, fault;

	engine_connect(e);
	queue = assign(e, TRIGGER_FDS, IRQ_QUEUE, 3);
	fault = assign(e, TRIGGER_FDS, IRQ_FAULT, 0);
	assert_int_equal(lm_irq_trigger(e->ctx, 2 + 3), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(queue));
	assert_int_equal(lm_irq_trigger(e->ctx, 2 + 4), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fault));
	assert_int_equal(lm_irq_assert(e->ctx, 2 + 3, true), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(queue));
	assert_int_equal(lm_irq_assert(e->ctx, 2 + 3, true), LM_IRQ_DELIVERED);
	assert_false(eventfd_take(queue));
	assert_int_equal(lm_irq_enabled(e->ctx, &vectors), 0);
	assert_int_equal(vectors, 7);
	close(queue);
	close(fault);
}

static void what_is_not_there_is_not_raised(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	assert_int_equal(lm_irq_trigger(e->ctx, 7), -EINVAL);
	assert_int_equal(lm_irq_trigger(e->ctx, UINT32_MAX), -EINVAL);
	assert_int_equal(lm_irq_assert(e->ctx, 7, true), -EINVAL);
	assert_int_equal(lm_irq_trigger_index(e->ctx, IRQ_QUEUE, 4), -EINVAL);
	assert_int_equal(lm_irq_trigger_index(e->ctx, PLATFORM_IRQS, 0), -EINVAL);
	assert_int_equal(lm_irq_set_level(e->ctx, true), -EINVAL);
}

/* The first indexes mean nothing of PCI's, and the last ones are as good. */
static void there_may_be_many_interrupts(void **state)
{
	lm_irq_info_t irqs[100] = { { 0 } };
	struct engine *e = *state;
	uint32_t i;
	int fd;

	for (i = 0; i < LM_NR(irqs); i++)
		irqs[i] = (lm_irq_info_t){ NULL, 1, i % 2 ? LM_IRQ_FLAG_LEVEL : 0 };
	irqs[LM_DEV_MSI_IRQ_IDX] = (lm_irq_info_t){ NULL, 40, LM_IRQ_FLAG_MASKABLE };
	e->info.irqs = irqs;
	e->info.nr_irqs = LM_NR(irqs);
	engine_connect(e);
	fd = assign(e, TRIGGER_FDS, LM_DEV_MSI_IRQ_IDX, 39);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_MSI_IRQ_IDX, 39), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fd));
	close(fd);
	fd = assign(e, TRIGGER_FDS, 99, 0);
	assert_int_equal(lm_irq_assert(e->ctx, 40 + 98, true), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fd));
	close(fd);
}

static void interrupts_are_traced_by_index(void **state)
{
	struct lm_trace_record rec;
	struct engine *e = *state;

	engine_connect_traced(e);
	lm_irq_assert(e->ctx, IRQ_ERROR, true);
	rec = engine_row_of(e, LM_TRACE_IRQ_FIRE);
	assert_int_equal(rec.region, IRQ_ERROR);
	assert_int_equal(rec.offset, 0);
	lm_irq_assert(e->ctx, IRQ_ERROR, false);
	assert_int_equal(engine_row_of(e, LM_TRACE_IRQ_DEASSERT).region, IRQ_ERROR);
	lm_irq_trigger(e->ctx, 2 + 3);
	rec = engine_row_of(e, LM_TRACE_IRQ_FIRE);
	assert_int_equal(rec.region, IRQ_QUEUE);
	assert_int_equal(rec.offset, 3);
	engine_no_row(e);
}

/* ---- DMA and resets -------------------------------------------------------------- */

static void it_may_use_dma_at_once_and_after_a_reset(void **state)
{
	struct engine *e = *state;
	uint32_t value = 0x11223344;
	struct wire m;
	void *mem;

	engine_connect(e);
	mem = engine_share(e, 0x10000, 4096);
	assert_int_equal(lm_dma_write_at(e->ctx, 0x10000, &value, sizeof(value)), 0);
	assert_memory_equal(mem, &value, sizeof(value));
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	value++;
	assert_int_equal(lm_dma_write_at(e->ctx, 0x10000, &value, sizeof(value)), 0);
	assert_memory_equal(mem, &value, sizeof(value));
	munmap(mem, 4096);
}

static void a_reset_puts_registers_and_levels_back(void **state)
{
	struct engine *e = *state;
	struct wire m;
	int fd;

	engine_connect(e);
	fd = assign(e, TRIGGER_FDS, IRQ_ERROR, 0);
	lm_register_set(e->ctx, REGION_CTRL, CTRL_KEY, 1);
	lm_irq_assert(e->ctx, IRQ_ERROR, true);
	assert_true(eventfd_take(fd));
	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
	assert_int_equal(e->nr_resets, 1);
	assert_int_equal(lm_reset_reason(e->ctx), LM_RESET_CLIENT);
	assert_int_equal(lm_register_get(e->ctx, REGION_CTRL, CTRL_KEY), 7);
	set_irqs(e, UNMASK, IRQ_ERROR, 0);
	assert_false(eventfd_take(fd));
	close(fd);
}

/* ---- state ----------------------------------------------------------------------- */

static char *save(struct engine *e, size_t *len)
{
	char *buf;

	assert_int_equal(lm_ctx_save(e->ctx, NULL, len), 0);
	buf = malloc(*len + 16);
	assert_int_equal(lm_ctx_save(e->ctx, buf, len), 0);
	return buf;
}

/* The same description, or one that the test has changed, from the start. */
static void start_again(struct engine *e)
{
	engine_destroy(e);
	engine_close(e);
	engine_connect(e);
}

static void a_state_is_taken_back(void **state)
{
	struct engine *e = *state;
	uint64_t *own;
	size_t len;
	char *buf;
	int fd;

	e->info.state_size = sizeof(*own);
	engine_connect(e);
	own = lm_state(e->ctx);
	*own = 42;
	lm_register_set(e->ctx, REGION_CTRL, CTRL_KEY, 1);
	memcpy(lm_mmap(e->ctx, REGION_RAM, 4096, 4), "kept", 4);
	lm_irq_assert(e->ctx, IRQ_ERROR, true);
	buf = save(e, &len);
	start_again(e);
	fd = assign(e, TRIGGER_FDS, IRQ_ERROR, 0);
	assert_int_equal(lm_ctx_load(e->ctx, buf, len), 0);
	own = lm_state(e->ctx);
	assert_int_equal(*own, 42);
	assert_int_equal(lm_register_get(e->ctx, REGION_CTRL, CTRL_KEY), 1);
	assert_memory_equal(lm_mmap(e->ctx, REGION_RAM, 4096, 4), "kept", 4);
	assert_true(eventfd_take(fd));
	lm_irq_assert(e->ctx, IRQ_ERROR, false);
	set_irqs(e, UNMASK, IRQ_ERROR, 0);
	assert_false(eventfd_take(fd));
	close(fd);
	free(buf);
}

static void a_state_of_another_type_is_refused(void **state)
{
	struct engine *e = *state;
	size_t len;
	char *buf;

	engine_connect(e);
	buf = save(e, &len);
	e->info.type = "other";
	start_again(e);
	assert_int_equal(lm_ctx_load(e->ctx, buf, len), -EINVAL);
	free(buf);
}

/* It would forbid DMA, and nothing could allow it again. */
static void a_state_in_which_bus_mastering_counts_is_refused(void **state)
{
	const struct state_section enforced = { .tag = htole32(STATE_ENFORCED) };
	struct engine *e = *state;
	struct state_header head;
	size_t len;
	char *buf;

	engine_connect(e);
	buf = save(e, &len);
	memcpy(buf + len, &enforced, sizeof(enforced));
	memcpy(&head, buf, sizeof(head));
	head.length = htole64(len + sizeof(enforced));
	memcpy(buf, &head, sizeof(head));
	assert_int_equal(lm_ctx_load(e->ctx, buf, len + sizeof(enforced)), -EINVAL);
	free(buf);
}

static void a_restartable_one_is_served(void **state)
{
	struct engine *e = *state;
	int fd;

	e->info.flags |= LM_DEV_RESTARTABLE;
	e->info.state_size = 64;
	engine_connect(e);
	fd = assign(e, TRIGGER_FDS, IRQ_DONE, 0);
	assert_int_equal(lm_irq_assert(e->ctx, IRQ_DONE, true), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fd));
	assert_int_equal(engine_read32(e, REGION_CTRL, CTRL_KEY), 7);
	close(fd);
}

/* ---- threads --------------------------------------------------------------------- */

static void *serve(void *arg)
{
	lm_ctx_drive(arg);
	return NULL;
}

static void threads_serve_it(void **state)
{
	const struct vfio_user_region_access req = region_range(REGION_CTRL, CTRL_ID, 4);
	char msg[64], reply[sizeof(struct vfio_user_header) + sizeof(req) + 4];
	struct engine *e = *state;
	pthread_t threads[2];
	uint32_t value;
	size_t len;
	int i;

	e->info.flags |= LM_DEV_THREADS;
	engine_connect(e);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, serve, e->ctx), 0);
	for (i = 0; i < 100; i++) {
		len = wire_put(msg, 1, VFIO_USER_REGION_READ, &req, sizeof(req));
		assert_int_equal(send(e->fd, msg, len, 0), (ssize_t)len);
		assert_int_equal(recv(e->fd, reply, sizeof(reply), MSG_WAITALL), sizeof(reply));
		memcpy(&value, reply + sizeof(reply) - 4, 4);
		assert_int_equal(value, 0x504c4154);
	}
	lm_ctx_stop(e->ctx);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* ---- hostile clients ------------------------------------------------------------- */

/* Whether SET_IRQS of @count vectors from @start on with these flags can be, without descriptors
 * and with as many bytes as it has. */
static bool can_be(uint32_t flags, uint32_t index, uint32_t start, uint32_t count)
{
	const uint32_t data = flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	const uint32_t action = flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;

	if (index >= PLATFORM_IRQS || (flags & ~(data | action)))
		return false;
	if (__builtin_popcount(data) != 1 || __builtin_popcount(action) != 1)
		return false;
	if (!count)
		return !start && flags == TRIGGER;
	if (start > platform_irqs[index].count || count > platform_irqs[index].count - start)
		return false;
	return action == VFIO_IRQ_SET_ACTION_TRIGGER || index != IRQ_FAULT;
}

static void try_irqs(struct engine *e, const struct vfio_irq_set *head)
{
	const bool bools = head->flags & VFIO_IRQ_SET_DATA_BOOL;
	struct {
		struct vfio_irq_set head;
		uint8_t data[16];
	} set = { *head, { 1, 0, 1, 1 } };
	const size_t len = sizeof(*head) + (bools && head->count <= 16 ? head->count : 0);
	uint16_t id;
	struct wire m;

	set.head.argsz = (uint32_t)len;
	id = engine_command(e, VFIO_USER_DEVICE_SET_IRQS, &set, len);
	if (can_be(head->flags, head->index, head->start, head->count))
		engine_reply(e, id, VFIO_USER_DEVICE_SET_IRQS, &m);
	else
		engine_reply_error(e, id, VFIO_USER_DEVICE_SET_IRQS, EINVAL);
}

static void every_flag_of_set_irqs_is_judged(void **state)
{
	static const uint32_t indexes[] = { 0, 1, 2, 3, 4, 5, 31, 32, 64, INT32_MAX, UINT32_MAX };
	static const uint32_t numbers[] = { 0, 1, 3, 4, 5, UINT32_MAX };
	struct engine *e = *state;
	struct vfio_irq_set set;
	size_t i, start, count;

	engine_connect(e);
	for (set.flags = 0; set.flags < 128; set.flags++) {
		for (i = 0; i < LM_NR(indexes) * LM_NR(numbers) * LM_NR(numbers); i++) {
			start = i / LM_NR(indexes) % LM_NR(numbers);
			count = i / LM_NR(indexes) / LM_NR(numbers);
			set.index = indexes[i % LM_NR(indexes)];
			set.start = numbers[start];
			set.count = numbers[count];
			try_irqs(e, &set);
		}
	}
	engine_is_alive(e);
}

static void indexes_beyond_the_tables_are_refused(void **state)
{
	static const uint32_t beyond[] = { 2, 4, 7, 9, 31, 32, INT32_MAX, UINT32_MAX };
	struct vfio_user_region_io_fds io = { .argsz = 4096 };
	struct vfio_region_info region = { .argsz = 4096 };
	struct vfio_irq_info irq = { .argsz = sizeof(irq) };
	struct engine *e = *state;
	size_t i;

	engine_connect(e);
	for (i = 0; i < LM_NR(beyond); i++) {
		region.index = io.index = irq.index = beyond[i];
		engine_request_fails(e, VFIO_USER_DEVICE_GET_REGION_INFO, &region, sizeof(region),
				     EINVAL);
		engine_request_fails(e, VFIO_USER_DEVICE_GET_REGION_IO_FDS, &io, sizeof(io),
				     EINVAL);
		engine_read_fails(e, beyond[i], 0, 4, EINVAL);
		if (beyond[i] >= PLATFORM_IRQS)
			engine_request_fails(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &irq, sizeof(irq),
					     EINVAL);
	}
	engine_is_alive(e);
}

static void resets_and_windows_come_in_any_order(void **state)
{
	struct engine *e = *state;
	struct wire m;
	uint32_t i;
	void *mem;

	engine_connect(e);
	for (i = 1; i <= 16; i++) {
		mem = engine_share(e, i * 0x10000, 4096);
		set_irqs(e, MASK, i % 2, 0);
		lm_irq_assert(e->ctx, i % 2, true);
		engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
		assert_int_equal(lm_dma_write_at(e->ctx, i * 0x10000, &i, sizeof(i)), 0);
		munmap(mem, 4096);
	}
	assert_int_equal(e->nr_resets, 16);
	engine_is_alive(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLATFORM_TEST(it_says_that_it_is_a_platform_device),
		PLATFORM_TEST(its_regions_begin_at_0),
		PLATFORM_TEST(a_region_may_have_a_type),
		PLATFORM_TEST(its_interrupts_are_as_described),
		PLATFORM_TEST(it_needs_only_regions_or_only_interrupts),
		PLATFORM_TEST(accesses_go_by_index),
		PLATFORM_TEST(index_7_is_a_region_like_the_others),
		PLATFORM_TEST(there_is_no_configuration_space),
		PLATFORM_TEST(each_level_is_its_own),
		PLATFORM_TEST(an_eventfd_of_the_client_unmasks_a_level),
		PLATFORM_TEST(one_eventfd_does_not_answer_itself),
		PLATFORM_TEST(a_level_without_a_client_is_remembered),
		PLATFORM_TEST(an_edge_comes_as_often_as_it_is_raised),
		PLATFORM_TEST(only_what_is_maskable_is_masked),
		PLATFORM_TEST(vectors_are_counted_through_the_table),
		PLATFORM_TEST(what_is_not_there_is_not_raised),
		PLATFORM_TEST(there_may_be_many_interrupts),
		PLATFORM_TEST(interrupts_are_traced_by_index),
		PLATFORM_TEST(it_may_use_dma_at_once_and_after_a_reset),
		PLATFORM_TEST(a_reset_puts_registers_and_levels_back),
		PLATFORM_TEST(a_state_is_taken_back),
		PLATFORM_TEST(a_state_of_another_type_is_refused),
		PLATFORM_TEST(a_state_in_which_bus_mastering_counts_is_refused),
		PLATFORM_TEST(a_restartable_one_is_served),
		PLATFORM_TEST(threads_serve_it),
		PLATFORM_TEST(every_flag_of_set_irqs_is_judged),
		PLATFORM_TEST(indexes_beyond_the_tables_are_refused),
		PLATFORM_TEST(resets_and_windows_come_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
