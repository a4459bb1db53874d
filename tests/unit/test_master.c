/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_master.c - bus mastering: when COMMAND.BusMaster begins to count and when that ends, and
 * what a device that may not master the bus can still do. Over sockets, and for a mediated device,
 * whose module is fake_node.h.
 */
#include <sys/un.h>

#include <linux/pci_regs.h>

#include "pci/pci.h"
#include "fake_node.h"
#include "traced.h"

#define IOVA    0x100000ull
#define MESSAGE 0x900000ull /* client memory that is reached by messages */
#define MSI     LM_DEV_MSI_IRQ_IDX
#define MAY_NOT PCI_COMMAND_MEMORY
#define MAY     (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)
#define EXP_AT  0x80

static uint8_t *memory; /* of the client, at IOVA */

/* ---- a client and its memory ----------------------------------------------------- */

static void lend(struct engine *e)
{
	memory = engine_share(e, IOVA, NODE_PAGE);
	engine_map(e, MESSAGE, NODE_PAGE, -1);
}

static int teardown(void **state)
{
	if (memory)
		munmap(memory, NODE_PAGE);
	memory = NULL;
	return engine_teardown(state);
}

static struct engine *begin(void **state)
{
	struct engine *e = *state;

	e->info.caps[0] = (lm_cap_t){
		.id = PCI_CAP_ID_EXP, .offset = EXP_AT, .exp = { .flr = true } };
	engine_connect(e);
	lend(e);
	return e;
}

static void write16(struct engine *e, uint64_t offset, uint16_t value)
{
	engine_write(e, LM_CFG_REG_IDX, offset, &value, sizeof(value));
}

static void set_command(struct engine *e, uint16_t value)
{
	write16(e, PCI_COMMAND, value);
}

static void reset_device(struct engine *e)
{
	struct wire m;

	engine_request(e, VFIO_USER_DEVICE_RESET, NULL, 0, &m);
}

/* ---- what the device tries ------------------------------------------------------- */

static int lookup(struct engine *e)
{
	dma_sg_t sg;

	return lm_addr_to_sg(e->ctx, IOVA, 4, &sg, 1);
}

/* Both the lookup that hits at once and the one that has to search. */
static void assert_may(struct engine *e)
{
	dma_sg_t sg;

	assert_true(lm_is_master(e->ctx));
	assert_int_equal(lookup(e), 1);
	assert_int_equal(lm_addr_to_sg(e->ctx, IOVA, 4, &sg, 1), 1);
	assert_int_equal(lm_dma_write(e->ctx, &sg, "done"), 0);
	assert_memory_equal(memory, "done", 4);
	memset(memory, 0, 4);
}

static void assert_may_not(struct engine *e)
{
	assert_false(lm_is_master(e->ctx));
	assert_int_equal(lookup(e), -EHOSTUNREACH);
	assert_int_equal(lookup(e), -EHOSTUNREACH);
}

static void never_done(void *arg, int result)
{
	fail();
}

/* ---- DMA ------------------------------------------------------------------------- */

static void a_client_that_never_writes_command_is_served(void **state)
{
	struct engine *e = begin(state);

	assert_may(e);
	write16(e, PCI_STATUS, 0xffff);
	write16(e, PCI_CACHE_LINE_SIZE, 0);
	assert_may(e);
}

static void memory_of_a_guest_that_forbids_it_is_untouched(void **state)
{
	struct engine *e = begin(state);
	struct iovec iov;
	dma_sg_t sg;
	char buf[4] = "mine";

	assert_int_equal(lm_addr_to_sg(e->ctx, IOVA, 4, &sg, 1), 1);
	memcpy(memory, "keep", 4);
	set_command(e, MAY_NOT);
	assert_may_not(e);
	assert_int_equal(lm_addr_to_sg(e->ctx, IOVA, 4, &sg, 0), -EHOSTUNREACH);
	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, &sg, &iov, 1), -EHOSTUNREACH);
	assert_int_equal(lm_dma_write(e->ctx, &sg, buf), -EHOSTUNREACH);
	assert_int_equal(lm_dma_read(e->ctx, &sg, buf), -EHOSTUNREACH);
	assert_int_equal(lm_dma_write_async(e->ctx, &sg, buf, never_done, NULL), -EHOSTUNREACH);
	assert_int_equal(lm_dma_read_async(e->ctx, &sg, buf, never_done, NULL), -EHOSTUNREACH);
	assert_memory_equal(memory, "keep", 4);
	assert_memory_equal(buf, "mine", 4);
	set_command(e, MAY);
	assert_int_equal(lm_dma_read(e->ctx, &sg, buf), 0);
	assert_memory_equal(buf, "keep", 4);
	assert_may(e);
}

static void any_write_that_touches_command_makes_it_count(void **state)
{
	static const struct { uint32_t offset, count; } touching[] = {
		{ 4, 1 }, { 5, 1 }, { 4, 2 }, { 4, 4 }, { 0, 8 }, { 2, 3 }, { 0, 64 },
	};
	const char zeros[64] = "";
	struct engine *e = begin(state);
	size_t i;

	for (i = 0; i < LM_NR(touching); i++) {
		assert_may(e);
		engine_write(e, LM_CFG_REG_IDX, touching[i].offset, zeros, touching[i].count);
		assert_may_not(e);
		master_disconnect(e->ctx);
	}
}

static void a_posted_write_makes_it_count_too(void **state)
{
	struct engine *e = begin(state);

	engine_post_write(e, LM_CFG_REG_IDX, PCI_COMMAND, "\0", 2);
	engine_poll(e);
	assert_may_not(e);
}

static void pointers_that_are_out_stay_valid(void **state)
{
	const struct vfio_user_dma_unmap unmap = {
		.argsz = sizeof(unmap), .addr = IOVA, .size = NODE_PAGE };
	struct engine *e = begin(state);
	struct iovec iov;
	struct wire m;
	uint16_t id;
	dma_sg_t sg;

	assert_int_equal(lm_addr_to_sg(e->ctx, IOVA, 4, &sg, 1), 1);
	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, &sg, &iov, 1), 0);
	set_command(e, MAY_NOT);
	memcpy(iov.iov_base, "held", 4);
	assert_memory_equal(memory, "held", 4);
	id = engine_command(e, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap));
	engine_no_message(e);
	lm_unmap_sg(e->ctx, &sg, &iov, 1);
	engine_reply(e, id, VFIO_USER_DMA_UNMAP, &m);
}

/* A transfer that the client has not answered yet. */
struct transfer {
	unsigned int nr_done;
	int          result;
	char         data[8];
};

static void transfer_done(void *arg, int result)
{
	struct transfer *t = arg;

	t->nr_done++;
	t->result = result;
}

static void transfers_under_way_end(void **state)
{
	struct engine *e = begin(state);
	struct transfer t = { 0 };
	struct wire m;
	uint16_t id;
	dma_sg_t sg;

	assert_int_equal(lm_addr_to_sg(e->ctx, MESSAGE, sizeof(t.data), &sg, 1), 1);
	assert_int_equal(lm_dma_read_async(e->ctx, &sg, t.data, transfer_done, &t), 0);
	assert_true(wire_recv(e, e->fd, &m));
	assert_int_equal(m.hdr.cmd, VFIO_USER_DMA_READ);
	assert_int_equal(t.nr_done, 0);
	id = engine_send_write(e, LM_CFG_REG_IDX, PCI_COMMAND, "\0", 2);
	engine_write_reply(e, id);
	assert_int_equal(t.nr_done, 1);
	assert_int_equal(t.result, -EHOSTUNREACH);
	engine_is_alive(e);
}

/* ---- resets ---------------------------------------------------------------------- */

static void a_reset_alone_does_not_make_it_count(void **state)
{
	struct engine *e = begin(state);

	reset_device(e);
	assert_may(e);
	write16(e, EXP_AT + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
	assert_int_equal(e->nr_resets, 2);
	assert_may(e);
}

static void a_reset_forbids_it_until_the_guest_allows_it_again(void **state)
{
	struct engine *e = begin(state);

	set_command(e, MAY);
	assert_may(e);
	reset_device(e);
	assert_may_not(e);
	set_command(e, MAY);
	assert_may(e);
	write16(e, EXP_AT + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
	assert_may_not(e);
}

/* ---- who else writes COMMAND ----------------------------------------------------- */

static void poke(struct engine *e, uint16_t value)
{
	struct access a = {
		.region = LM_CFG_REG_IDX, .offset = PCI_COMMAND, .count = 2,
		.buf = (char *)&value, .is_write = true, .trace_flags = LM_TRACE_CONTROL };

	assert_int_equal(region_access(e->ctx, &a), 2);
}

static void musctl_is_not_the_client(void **state)
{
	struct engine *e = begin(state);

	poke(e, MAY_NOT);
	assert_may(e);
	set_command(e, MAY);
	poke(e, MAY_NOT);
	assert_may_not(e);
	poke(e, MAY);
	assert_may(e);
}

static void neither_is_the_device(void **state)
{
	const uint16_t may = MAY, may_not = MAY_NOT;
	struct engine *e = begin(state);

	assert_int_equal(lm_config_write(e->ctx, PCI_COMMAND, &may_not, 2), 0);
	assert_may(e);
	set_command(e, MAY);
	assert_int_equal(lm_config_write(e->ctx, PCI_COMMAND, &may_not, 2), 0);
	assert_may_not(e);
	assert_int_equal(lm_config_write(e->ctx, PCI_COMMAND, &may, 2), 0);
	assert_may(e);
}

static void a_device_can_opt_out(void **state)
{
	struct engine *e = *state;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct irq_set set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = MSI, .count = 1, .nr_fds = 1, .fds = &fd };

	e->info.flags |= LM_DEV_ALWAYS_MASTER;
	begin(state);
	assert_int_equal(irq_set(e->ctx, &set), 0);
	set_command(e, MAY_NOT);
	assert_may(e);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 0), LM_IRQ_DELIVERED);
}

/* ---- sessions -------------------------------------------------------------------- */

/* A listening socket in no folder, and where it is. */
static int listen_somewhere(struct sockaddr_un *addr, socklen_t *len)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	assert_int_equal(bind(fd, (struct sockaddr *)addr, sizeof(addr->sun_family)), 0);
	*len = sizeof(*addr);
	assert_int_equal(getsockname(fd, (struct sockaddr *)addr, len), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void attach(struct engine *e, const struct sockaddr_un *addr, socklen_t len)
{
	e->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(e->fd, (const struct sockaddr *)addr, len), 0);
	engine_negotiate(e, OFFER_QEMU);
}

static void it_ends_with_the_client(void **state)
{
	struct engine *e = *state;
	struct sockaddr_un addr;
	socklen_t len;

	e->info.fd = listen_somewhere(&addr, &len);
	e->info.flags |= LM_DEV_LISTEN_FD;
	e->ctx = lm_ctx_create(&e->info);
	assert_non_null(e->ctx);
	attach(e, &addr, len);
	set_command(e, MAY_NOT);
	lend(e);
	assert_may_not(e);
	engine_close(e);
	engine_poll(e);
	munmap(memory, NODE_PAGE);
	attach(e, &addr, len);
	lend(e);
	assert_may(e);
	assert_int_equal(engine_read32(e, LM_CFG_REG_IDX, PCI_COMMAND) & 0xffff, MAY_NOT);
}

static void *saved(struct engine *e, size_t *len)
{
	void *buf;

	*len = 0;
	assert_int_equal(lm_ctx_save(e->ctx, NULL, len), 0);
	buf = malloc(*len);
	assert_int_equal(lm_ctx_save(e->ctx, buf, len), 0);
	return buf;
}

static void it_is_part_of_the_state(void **state)
{
	struct engine *e = begin(state);
	size_t without_len, with_len;
	void *without = saved(e, &without_len), *with;

	set_command(e, MAY_NOT);
	with = saved(e, &with_len);
	assert_int_equal(lm_ctx_load(e->ctx, without, without_len), 0);
	assert_may(e);
	assert_int_equal(lm_ctx_load(e->ctx, with, with_len), 0);
	assert_may_not(e);
	set_command(e, MAY);
	assert_may(e);
	free(without);
	free(with);
}

/* ---- interrupts ------------------------------------------------------------------ */

static uint8_t msi_cap(struct engine *e)
{
	uint8_t at = (uint8_t)*engine_read(e, LM_CFG_REG_IDX, PCI_CAPABILITY_LIST, 1);

	while ((uint8_t)*engine_read(e, LM_CFG_REG_IDX, at, 1) != PCI_CAP_ID_MSI) {
		at = (uint8_t)*engine_read(e, LM_CFG_REG_IDX, at + PCI_CAP_LIST_NEXT, 1);
		assert_int_not_equal(at, 0);
	}
	return at;
}

/* The client gives vector 0 an eventfd; the guest enables MSI. */
static int arm(struct engine *e, uint32_t index)
{
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	const struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = index, .count = 1,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER };
	struct wire m;
	uint16_t id;

	id = engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &fd, 1);
	engine_reply(e, id, VFIO_USER_DEVICE_SET_IRQS, &m);
	if (index == MSI)
		write16(e, msi_cap(e) + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE);
	return fd;
}

static uint32_t msi_pending(struct engine *e)
{
	return engine_read32(e, LM_CFG_REG_IDX, msi_cap(e) + PCI_MSI_PENDING_64);
}

static void a_message_that_is_forbidden_is_lost(void **state)
{
	struct engine *e = begin(state);
	const int fd = arm(e, MSI);

	assert_int_equal(lm_irq_trigger(e->ctx, 0), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fd));
	set_command(e, MAY_NOT);
	assert_int_equal(lm_irq_trigger(e->ctx, 0), -EHOSTUNREACH);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 0), -EHOSTUNREACH);
	assert_int_equal(msi_pending(e), 0);
	set_command(e, MAY);
	assert_false(eventfd_take(fd));
	assert_int_equal(lm_irq_trigger(e->ctx, 0), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fd));
	close(fd);
}

static void what_is_pending_waits_until_it_can_be_sent(void **state)
{
	struct engine *e = begin(state);
	const int fd = arm(e, MSI);
	const uint8_t at = msi_cap(e);

	set_command(e, MAY);
	engine_write(e, LM_CFG_REG_IDX, at + PCI_MSI_MASK_64, "\1", 1);
	set_command(e, MAY_NOT);
	assert_int_equal(lm_irq_trigger(e->ctx, 0), LM_IRQ_PENDING);
	assert_int_equal(msi_pending(e), 1);
	engine_write(e, LM_CFG_REG_IDX, at + PCI_MSI_MASK_64, "\0", 1);
	assert_false(eventfd_take(fd));
	assert_int_equal(msi_pending(e), 1);
	set_command(e, MAY);
	assert_true(eventfd_take(fd));
	assert_int_equal(msi_pending(e), 0);
	close(fd);
}

static void the_line_and_its_status_are_not_affected(void **state)
{
	struct engine *e = begin(state);
	const int fd = arm(e, LM_DEV_INTX_IRQ_IDX);

	set_command(e, MAY_NOT);
	assert_int_equal(lm_irq_set_level(e->ctx, true), LM_IRQ_DELIVERED);
	assert_true(eventfd_take(fd));
	assert_true(engine_read32(e, LM_CFG_REG_IDX, PCI_COMMAND) & PCI_STATUS_INTERRUPT << 16);
	assert_int_equal(lm_irq_set_level(e->ctx, false), LM_IRQ_DELIVERED);
	assert_false(engine_read32(e, LM_CFG_REG_IDX, PCI_COMMAND) & PCI_STATUS_INTERRUPT << 16);
	close(fd);
}

/* ---- traces ---------------------------------------------------------------------- */

static void assert_row(struct engine *e, unsigned int kind)
{
	assert_int_equal(engine_row_of(e, kind).result, -EHOSTUNREACH);
}

static void each_refusal_is_a_row(void **state)
{
	struct engine *e = begin(state);
	struct iovec iov;
	dma_sg_t sg;
	char buf[4] = "";

	assert_int_equal(lm_addr_to_sg(e->ctx, IOVA, 4, &sg, 1), 1);
	set_command(e, MAY_NOT);
	engine_trace(e);
	lookup(e);
	assert_row(e, LM_TRACE_DMA_LOOKUP);
	lm_map_sg(e->ctx, PROT_READ, &sg, &iov, 1);
	assert_row(e, LM_TRACE_DMA_LOOKUP);
	lm_dma_read(e->ctx, &sg, buf);
	assert_row(e, LM_TRACE_DMA_READ);
	lm_dma_write_async(e->ctx, &sg, buf, never_done, NULL);
	assert_row(e, LM_TRACE_DMA_WRITE);
	lm_irq_trigger_index(e->ctx, MSI, 0);
	assert_row(e, LM_TRACE_IRQ_FIRE);
}

/* ---- a mediated device ----------------------------------------------------------- */

static struct engine *node_lends(void **state)
{
	struct engine *e = *state;

	node.range[0] = (struct node_range){ .iova = IOVA, .size = NODE_PAGE };
	node_begin(e);
	return e;
}

static void node_command(struct engine *e, uint16_t value)
{
	node_write(e, LM_CFG_REG_IDX, PCI_COMMAND, &value, sizeof(value));
}

static void nothing_is_pinned_that_may_not_be_reached(void **state)
{
	struct engine *e = node_lends(state);
	dma_sg_t sg;

	node_command(e, MAY_NOT);
	assert_may_not(e);
	assert_int_equal(node.nr_pins, 0);
	node_command(e, MAY);
	assert_int_equal(lm_addr_to_sg(e->ctx, IOVA, 4, &sg, 1), 1);
	node_request(e, VFIO_USER_DEVICE_RESET, NULL, 0);
	assert_int_equal(lm_dma_write(e->ctx, &sg, "lost"), -EHOSTUNREACH);
}

static void messages_of_a_mediated_device_are_lost(void **state)
{
	struct engine *e = node_lends(state);

	node_arm(e, MSI, 4, 1);
	node_command(e, MAY_NOT);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 1), -EHOSTUNREACH);
	assert_int_equal(node.fired[MSI][1], 0);
	node_command(e, MAY);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 1), LM_IRQ_DELIVERED);
	assert_int_equal(node.fired[MSI][1], 1);
}

static void it_ends_when_the_client_closes_the_device(void **state)
{
	struct engine *e = node_lends(state);

	node_command(e, MAY_NOT);
	assert_may_not(e);
	node_client_closes(e);
	node_client_opens(e, 4712);
	assert_int_equal(lookup(e), 1);
	node_command(e, MAY_NOT);
	node_client_opens(e, 4713); /* without a word of the other's end */
	assert_int_equal(lookup(e), 1);
}

static void several_threads_look_under_the_lock(void **state)
{
	struct engine *e = *state;

	e->info.flags |= LM_DEV_THREADS;
	node_lends(state);
	node_command(e, MAY_NOT);
	assert_may_not(e);
	node_command(e, MAY);
	assert_int_equal(lookup(e), 1);
	assert_int_equal(lookup(e), 1);
}

/* The process ends; the client behind the module stays. */
static void restart(struct engine *e)
{
	engine_destroy(e);
	node_serve(e);
	node_handshake(e);
}

static void the_next_process_goes_on_with_it(void **state)
{
	struct engine *e = *state;

	e->info.flags |= LM_DEV_RESTARTABLE;
	node_lends(state);
	restart(e);
	node_client_opens(e, 4711);
	assert_int_equal(lookup(e), 1);
	node_command(e, MAY_NOT);
	restart(e);
	assert_may_not(e);
	node_client_opens(e, 4711);
	assert_may_not(e);
	node_arm(e, MSI, 4, 1);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, 0), -EHOSTUNREACH);
	node_command(e, MAY);
	assert_int_equal(lookup(e), 1);
}

/* The module says so first. */
static void the_next_process_learns_that_it_has_ended(void **state)
{
	struct engine *e = *state;

	e->info.flags |= LM_DEV_RESTARTABLE;
	node_lends(state);
	node_command(e, MAY_NOT);
	restart(e);
	node_client_closes(e);
	node_client_opens(e, 4712);
	assert_int_equal(lookup(e), 1);
	restart(e);
	assert_int_equal(lookup(e), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, engine_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_client_that_never_writes_command_is_served),
		TEST(memory_of_a_guest_that_forbids_it_is_untouched),
		TEST(any_write_that_touches_command_makes_it_count),
		TEST(a_posted_write_makes_it_count_too),
		TEST(pointers_that_are_out_stay_valid),
		TEST(transfers_under_way_end),
		TEST(a_reset_alone_does_not_make_it_count),
		TEST(a_reset_forbids_it_until_the_guest_allows_it_again),
		TEST(musctl_is_not_the_client),
		TEST(neither_is_the_device),
		TEST(a_device_can_opt_out),
		TEST(it_ends_with_the_client),
		TEST(it_is_part_of_the_state),
		TEST(a_message_that_is_forbidden_is_lost),
		TEST(what_is_pending_waits_until_it_can_be_sent),
		TEST(the_line_and_its_status_are_not_affected),
		TEST(each_refusal_is_a_row),
		NODE_TEST(nothing_is_pinned_that_may_not_be_reached),
		NODE_TEST(messages_of_a_mediated_device_are_lost),
		NODE_TEST(it_ends_when_the_client_closes_the_device),
		NODE_TEST(several_threads_look_under_the_lock),
		NODE_TEST(the_next_process_goes_on_with_it),
		NODE_TEST(the_next_process_learns_that_it_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
