/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_kick.c - ioeventfds of a region: which writes signal them and go no further, over sockets
 * and for mediated devices; the eventfds that clients are given; which descriptions are refused.
 */
#include <sys/resource.h>
#include <sys/un.h>

#include <linux/pci_regs.h>

#include "fake_node.h"
#include "traced.h"

#define BAR_REGS LM_BAR1_REG_IDX

static int kicked; /* the eventfd of most tests */

static int setup(void **state)
{
	engine_setup(state);
	kicked = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return 0;
}

static int teardown(void **state)
{
	close(kicked);
	return engine_teardown(state);
}

static int node_kick_setup(void **state)
{
	node_setup(state);
	kicked = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return 0;
}

static int node_kick_teardown(void **state)
{
	close(kicked);
	return node_teardown(state);
}

static void describe(struct engine *e, uint32_t region, const lm_ioeventfd_t *kicks, uint32_t nr)
{
	e->info.pci_info.reg_info[region].ioeventfds = kicks;
	e->info.pci_info.reg_info[region].nr_ioeventfds = nr;
}

/* One kick, in the region of the access callback. */
static struct engine *begin(void **state, lm_ioeventfd_t kick)
{
	struct engine *e = *state;

	kick.fd = kicked;
	describe(e, BAR_RAW, &kick, 1);
	engine_connect(e);
	return e;
}

/* The write signals, and the device does not see it. */
static void assert_kicks(struct engine *e, uint64_t offset, uint64_t value, uint32_t width)
{
	const unsigned int before = e->nr_accesses;

	engine_write(e, BAR_RAW, offset, &value, width);
	assert_true(eventfd_take(kicked));
	assert_int_equal(e->nr_accesses, before);
}

static void assert_passes(struct engine *e, uint64_t offset, uint64_t value, uint32_t width)
{
	const unsigned int before = e->nr_accesses;

	engine_write(e, BAR_RAW, offset, &value, width);
	assert_false(eventfd_take(kicked));
	assert_int_equal(e->nr_accesses, before + 1);
	assert_memory_equal(e->raw + offset, &value, width);
}

/* ---- which writes match ---------------------------------------------------------- */

static void a_write_of_that_width_at_that_offset_kicks(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .offset = 0x10, .size = 4 });

	assert_kicks(e, 0x10, 0, 4);
	assert_kicks(e, 0x10, 0x12345678, 4);
}

static void any_other_write_is_the_devices(void **state)
{
	const char wide[16] = "wide";
	struct engine *e = begin(state, (lm_ioeventfd_t){ .offset = 0x10, .size = 4 });

	assert_passes(e, 0x10, 1, 2);
	assert_passes(e, 0x10, 1, 8);
	assert_passes(e, 0x0c, 1, 8);
	assert_passes(e, 0x12, 1, 2);
	assert_passes(e, 0x0e, 1, 4);
	assert_passes(e, 0x14, 1, 4);
	engine_write(e, BAR_RAW, 0x10, wide, sizeof(wide));
	assert_memory_equal(e->raw + 0x10, wide, sizeof(wide));
	assert_false(eventfd_take(kicked));
}

static void a_read_there_is_the_devices(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .offset = 0x10, .size = 4 });

	memcpy(e->raw + 0x10, "\x78\x56\x34\x12", 4);
	assert_int_equal(engine_read32(e, BAR_RAW, 0x10), 0x12345678);
	assert_false(eventfd_take(kicked));
}

static void without_a_size_every_width_kicks(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .offset = 0x10 });
	const char wide[16] = "wide";
	uint32_t width;

	for (width = 1; width <= 8; width++)
		assert_kicks(e, 0x10, 1, width);
	assert_passes(e, 0x11, 1, 1);
	engine_write(e, BAR_RAW, 0x10, wide, sizeof(wide));
	assert_memory_equal(e->raw + 0x10, wide, sizeof(wide));
}

static void with_datamatch_the_value_counts(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){
		.size = 8, .datamatch = 0x8000000000000001, .flags = LM_IOEVENTFD_DATAMATCH });

	assert_kicks(e, 0, 0x8000000000000001, 8);
	assert_passes(e, 0, 0x8000000000000000, 8);
	assert_passes(e, 0, 1, 8);
	assert_passes(e, 0, 1, 4);
}

/* As the queues of a virtio device. */
static void several_kicks_share_an_offset(void **state)
{
	lm_ioeventfd_t kicks[8];
	struct engine *e = *state;
	uint16_t i;

	for (i = 0; i < 8; i++)
		kicks[i] = (lm_ioeventfd_t){
			.size = 2, .datamatch = i, .flags = LM_IOEVENTFD_DATAMATCH,
			.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	describe(e, BAR_RAW, kicks, 8);
	engine_connect(e);
	for (i = 0; i < 9; i++)
		engine_write(e, BAR_RAW, 0, &i, 2);
	for (i = 0; i < 8; i++) {
		assert_true(eventfd_take(kicks[i].fd));
		close(kicks[i].fd);
	}
	assert_int_equal(e->nr_accesses, 1);
}

/* ---- every way to write, every kind of region ------------------------------------ */

static void a_posted_write_kicks(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .size = 4 });

	engine_post_write(e, BAR_RAW, 0, "kick", 4);
	engine_poll(e);
	assert_true(eventfd_take(kicked));
	assert_int_equal(e->nr_accesses, 0);
}

/* Each is a row, and the row says which ones were for an eventfd. */
static void of_many_writes_those_that_match_kick(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .size = 4 });
	struct {
		uint64_t wr_cnt;
		struct vfio_user_write_single wr[3];
	} multi = { .wr_cnt = 3 };
	struct wire m;
	uint32_t i;

	for (i = 0; i < 3; i++)
		multi.wr[i] = (struct vfio_user_write_single){
			.region = BAR_RAW, .offset = 4 * (i & 1), .count = 4 };
	engine_trace(e);
	engine_request(e, VFIO_USER_REGION_WRITE_MULTI, &multi, 8 + 3 * 24, &m);
	assert_int_equal(e->nr_accesses, 1);
	assert_true(eventfd_take(kicked));
	for (i = 0; i < 3; i++)
		assert_int_equal(engine_row_of(e, LM_TRACE_WRITE).flags,
				 i & 1 ? 0 : LM_TRACE_KICKED);
}

static void a_poke_of_musctl_kicks(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .size = 4 });
	struct access a = {
		.region = BAR_RAW, .count = 4, .buf = (char[]){ "kick" }, .is_write = true,
		.trace_flags = LM_TRACE_CONTROL };

	assert_int_equal(region_access(e->ctx, &a), 4);
	assert_true(eventfd_take(kicked));
	assert_int_equal(e->nr_accesses, 0);
}

static void memory_does_not_see_it(void **state)
{
	const lm_ioeventfd_t kick = { .offset = 8, .size = 4, .fd = kicked };
	struct engine *e = *state;

	describe(e, BAR_PLAIN, &kick, 1);
	engine_connect(e);
	engine_write(e, BAR_PLAIN, 8, "kick", 4);
	assert_true(eventfd_take(kicked));
	assert_int_equal(engine_read32(e, BAR_PLAIN, 8), 0);
	engine_write(e, BAR_PLAIN, 8, "me", 2);
	assert_false(eventfd_take(kicked));
	assert_memory_equal(lm_mmap(e->ctx, BAR_PLAIN, 8, 4), "me\0\0", 4);
}

static void a_register_does_not_see_it(void **state)
{
	static const lm_register_t regs[] = { { .name = "DOORBELL", .width = 4, .reset = 7 } };
	static const lm_register_map_t map = { LM_REGISTERS(regs) };
	const lm_ioeventfd_t kick = { .size = 4, .fd = kicked };
	struct engine *e = *state;

	e->info.pci_info.reg_info[BAR_REGS] = (lm_reg_info_t){
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = 16, .regs = &map };
	describe(e, BAR_REGS, &kick, 1);
	engine_connect(e);
	engine_write(e, BAR_REGS, 0, "kick", 4);
	assert_true(eventfd_take(kicked));
	assert_int_equal(lm_register_get(e->ctx, BAR_REGS, 0), 7);
}

/* The device may set it up as it likes. */
static void a_full_eventfd_that_blocks_holds_nobody_up(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .size = 4 });

	assert_int_equal(fcntl(kicked, F_SETFL, 0), 0);
	assert_int_equal(eventfd_write(kicked, UINT64_MAX - 1), 0);
	engine_write(e, BAR_RAW, 0, "kick", 4);
	assert_int_equal(e->nr_accesses, 0);
	engine_is_alive(e);
}

static void on_a_mediated_device_too(void **state)
{
	const lm_ioeventfd_t kick = { .offset = 0x10, .size = 4, .fd = kicked };
	struct engine *e = *state;

	describe(e, BAR_RAW, &kick, 1);
	node_begin(e);
	node_write32(e, BAR_RAW, 0x10, 1);
	assert_true(eventfd_take(kicked));
	assert_int_equal(e->nr_accesses, 0);
	node_write32(e, BAR_RAW, 0x14, 1);
	assert_false(eventfd_take(kicked));
	assert_int_equal(e->nr_accesses, 1);
}

static void and_if_several_threads_serve_it(void **state)
{
	struct engine *e = *state;

	e->info.flags |= LM_DEV_THREADS;
	on_a_mediated_device_too(state);
}

/* ---- eventfds of the client ------------------------------------------------------ */

/* Asked for by the client: those of BAR_RAW, one of them. */
static int borrow(struct engine *e)
{
	const struct vfio_user_region_io_fds req = { .argsz = 4096, .index = BAR_RAW };
	struct wire m;

	engine_request(e, VFIO_USER_DEVICE_GET_REGION_IO_FDS, &req, sizeof(req), &m);
	assert_int_equal(m.nr_fds, 1);
	return m.fds[0];
}

static void assert_rings(struct engine *e, int bell)
{
	assert_int_equal(eventfd_write(bell, 1), 0);
	engine_poll(e);
	assert_true(eventfd_take(kicked));
	assert_false(eventfd_take(kicked));
	assert_int_equal(e->nr_accesses, 0);
}

static void a_write_to_the_clients_eventfd_kicks(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .size = 4 });
	const int bell = borrow(e);

	assert_rings(e, bell);
	assert_rings(e, bell);
	assert_kicks(e, 0, 0, 4); /* as ever */
	engine_poll(e);
	assert_false(eventfd_take(bell));
	close(bell);
}

static void kick_seen(void *pvt, uint32_t events)
{
	struct engine *e = pvt;

	if (eventfd_take(kicked))
		e->nr_accesses++;
}

static void a_device_that_watches_is_called(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .size = 4 });
	const int bell = borrow(e);
	lm_watch_t *watch;

	watch = lm_watch_create(e->ctx, kicked, EPOLLIN, kick_seen, e);
	assert_non_null(watch);
	assert_int_equal(eventfd_write(bell, 3), 0);
	engine_poll(e);
	assert_int_equal(e->nr_accesses, 1);
	close(bell);
}

static void the_devices_eventfd_is_lent_to_nobody(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .size = 4 });
	const int bell = borrow(e);

	assert_int_equal(fcntl(bell, F_SETFL, 0), 0);
	assert_true(fcntl(kicked, F_GETFL) & O_NONBLOCK);
	assert_int_equal(eventfd_write(kicked, 1), 0);
	assert_int_equal(fcntl(bell, F_SETFL, O_NONBLOCK), 0);
	assert_false(eventfd_take(bell));
	close(bell);
}

static void a_blocking_and_full_one_holds_nobody_up(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .size = 4 });
	const int bell = borrow(e);

	assert_int_equal(fcntl(bell, F_SETFL, 0), 0);
	assert_int_equal(eventfd_write(bell, UINT64_MAX - 1), 0);
	alarm(60);
	assert_kicks(e, 0, 0, 4);
	engine_is_alive(e);
	eventfd_take(kicked);
	assert_rings(e, bell); /* there is room again */
	alarm(0);
	close(bell);
}

/* Between epoll_wait(2) and our turn. */
static void a_blocking_one_that_the_client_reads_holds_nobody_up(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .size = 4 });
	const int bell = borrow(e);
	struct loop *loop = &e->ctx->loop;
	struct source *src;

	assert_int_equal(fcntl(bell, F_SETFL, 0), 0);
	assert_int_equal(eventfd_write(bell, 1), 0);
	engine_poll(e); /* to rest */
	assert_int_equal(eventfd_write(bell, 1), 0);
	assert_int_equal(epoll_wait(loop->epfd, loop->ready, 1, 0), 1);
	assert_true(eventfd_take(bell));
	alarm(60);
	src = loop->ready[0].data.ptr;
	src->fn(src, EPOLLIN);
	engine_is_alive(e);
	alarm(0);
	close(bell);
}

static void who_asks_again_gets_the_same_one(void **state)
{
	struct engine *e = begin(state, (lm_ioeventfd_t){ .size = 4 });
	const int bell = borrow(e);
	const unsigned int before = count_fds();
	int i, again;

	for (i = 0; i < 100; i++) {
		again = borrow(e);
		assert_int_equal(eventfd_write(again, 1), 0);
		assert_true(eventfd_take(bell));
		close(again);
	}
	assert_int_equal(count_fds(), before);
	close(bell);
}

/* The device may raise one for each kick: with a client that sleeps they would never end. */
static void it_cannot_be_one_of_an_interrupt(void **state)
{
	static const struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = LM_DEV_MSI_IRQ_IDX, .count = 1,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER };
	struct engine *e = *state;
	struct wire m;
	int bell, other;
	uint16_t id;

	e->info.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = 1;
	begin(state, (lm_ioeventfd_t){ .size = 4 });
	bell = borrow(e);
	other = eventfd(0, EFD_NONBLOCK);
	id = engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &bell, 1);
	engine_reply_error(e, id, VFIO_USER_DEVICE_SET_IRQS, EINVAL);
	id = engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &other, 1);
	engine_reply(e, id, VFIO_USER_DEVICE_SET_IRQS, &m);
	assert_rings(e, bell);
	close(bell);
	close(other);
}

/* Clients come by @address, one after the other. */
static void listen_for_clients(struct engine *e, struct sockaddr_un *address, socklen_t *len)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(sa_family_t)), 0);
	*len = sizeof(*address);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	e->info.fd = fd;
	e->info.flags |= LM_DEV_LISTEN_FD;
	e->ctx = lm_ctx_create(&e->info);
	assert_non_null(e->ctx);
}

static void client_comes(struct engine *e, const struct sockaddr_un *address, socklen_t len)
{
	e->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(e->fd, (const struct sockaddr *)address, len), 0);
	engine_negotiate(e, OFFER_QEMU);
}

static void who_has_left_reaches_and_sees_nothing(void **state)
{
	const lm_ioeventfd_t kick = { .size = 4, .fd = kicked };
	struct engine *e = *state;
	struct sockaddr_un address;
	socklen_t len;
	int old, bell;

	describe(e, BAR_RAW, &kick, 1);
	listen_for_clients(e, &address, &len);
	client_comes(e, &address, len);
	old = borrow(e);
	engine_close(e);
	engine_poll(e);
	client_comes(e, &address, len);
	bell = borrow(e);
	assert_int_equal(eventfd_write(old, 1), 0);
	engine_poll(e);
	assert_false(eventfd_take(kicked));
	assert_true(eventfd_take(old)); /* nobody took it */
	assert_int_equal(eventfd_write(bell, 1), 0);
	assert_false(eventfd_take(old));
	engine_poll(e);
	assert_false(eventfd_take(old));
	assert_true(eventfd_take(kicked));
	close(old);
	close(bell);
}

static void clients_that_come_and_go_leave_none_behind(void **state)
{
	const lm_ioeventfd_t kick = { .size = 4, .fd = kicked };
	struct engine *e = *state;
	struct sockaddr_un address;
	unsigned int before;
	socklen_t len;
	int i;

	describe(e, BAR_RAW, &kick, 1);
	listen_for_clients(e, &address, &len);
	before = count_fds();
	for (i = 0; i < 20; i++) {
		client_comes(e, &address, len);
		close(borrow(e));
		engine_close(e);
		engine_poll(e);
	}
	assert_int_equal(count_fds(), before);
}

static void without_descriptors_there_is_none_and_the_client_stays(void **state)
{
	const struct vfio_user_region_io_fds req = { .argsz = 4096, .index = BAR_RAW };
	struct engine *e = begin(state, (lm_ioeventfd_t){ .size = 4 });
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_REGION_IO_FDS, &req, sizeof(req), EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_kicks(e, 0, 0, 4);
	close(borrow(e));
}

/* ---- descriptions ---------------------------------------------------------------- */

/* A second kick, beside one of 4 bytes at 0, and what the log has to say of it. */
static void assert_refused(struct engine *e, lm_ioeventfd_t kick, const char *why)
{
	lm_ioeventfd_t kicks[] = { { .size = 4, .fd = kicked }, kick };

	if (!kick.fd)
		kicks[1].fd = kicked;
	describe(e, BAR_RAW, kicks, 2);
	engine_refuses(e);
	assert_non_null(strstr(e->log, "ioeventfds[1]"));
	if (!strstr(e->log, why))
		fail_msg("logged \"%s\", not \"%s\"", e->log, why);
}

static void kicks_that_no_write_matches_are_refused(void **state)
{
	struct engine *e = *state;
	const uint32_t match = LM_IOEVENTFD_DATAMATCH;

	assert_refused(e, (lm_ioeventfd_t){ .offset = 8, .size = 3 }, "its size");
	assert_refused(e, (lm_ioeventfd_t){ .offset = 8, .size = 16 }, "its size");
	assert_refused(e, (lm_ioeventfd_t){ .offset = RAW_SIZE - 2, .size = 4 }, "beyond");
	assert_refused(e, (lm_ioeventfd_t){ .offset = RAW_SIZE }, "beyond");
	assert_refused(e, (lm_ioeventfd_t){ .offset = UINT64_MAX, .size = 1 }, "beyond");
	assert_refused(e, (lm_ioeventfd_t){ .offset = 8, .size = 4, .flags = 2 }, "a flag");
	assert_refused(e, (lm_ioeventfd_t){ .offset = 8, .size = 4, .reserved = 1 }, "reserved");
	assert_refused(e, (lm_ioeventfd_t){ .offset = 8, .flags = match }, "datamatch");
	assert_refused(e, (lm_ioeventfd_t){
		.offset = 8, .size = 2, .flags = match, .datamatch = 0x10000 }, "datamatch");
}

static void kicks_that_one_write_matches_are_refused(void **state)
{
	struct engine *e = *state;

	assert_refused(e, (lm_ioeventfd_t){ .size = 4 }, "another one matches the same writes");
	assert_refused(e, (lm_ioeventfd_t){ .size = 0 }, "another one matches the same writes");
	assert_refused(e, (lm_ioeventfd_t){
		.size = 4, .flags = LM_IOEVENTFD_DATAMATCH, .datamatch = 1 },
		"another one matches the same writes");
}

static void a_kick_is_an_eventfd(void **state)
{
	struct engine *e = *state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_refused(e, (lm_ioeventfd_t){ .offset = 8, .fd = fds[1] }, "not an eventfd");
	assert_refused(e, (lm_ioeventfd_t){ .offset = 8, .fd = -1 }, "not an eventfd");
	close_fds(fds, 2);
}

static void kicks_are_where_clients_can_write(void **state)
{
	const lm_ioeventfd_t kick = { .size = 4, .fd = kicked };
	struct engine *e = *state;

	describe(e, LM_CFG_REG_IDX, &kick, 1);
	engine_refuses(e);
	describe(e, LM_CFG_REG_IDX, NULL, 0);
	describe(e, BAR_RAW, &kick, 1);
	e->info.pci_info.reg_info[BAR_RAW].flags &= ~LM_REG_FLAG_WRITE;
	engine_refuses(e);
}

static void there_are_64_at_most(void **state)
{
	lm_ioeventfd_t kicks[65];
	struct engine *e = *state;
	uint32_t i;

	for (i = 0; i < 65; i++)
		kicks[i] = (lm_ioeventfd_t){ .offset = 4 * i, .size = 4, .fd = kicked };
	describe(e, BAR_RAW, kicks, 65);
	engine_refuses(e);
	describe(e, BAR_RAW, kicks, 64);
	engine_connect(e);
	assert_kicks(e, 4 * 63, 0, 4);
}

#define TEST(f)      cmocka_unit_test_setup_teardown(f, setup, teardown)
#define KICK_NODE(f) cmocka_unit_test_setup_teardown(f, node_kick_setup, node_kick_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_write_of_that_width_at_that_offset_kicks),
		TEST(any_other_write_is_the_devices),
		TEST(a_read_there_is_the_devices),
		TEST(without_a_size_every_width_kicks),
		TEST(with_datamatch_the_value_counts),
		TEST(several_kicks_share_an_offset),
		TEST(a_posted_write_kicks),
		TEST(of_many_writes_those_that_match_kick),
		TEST(a_poke_of_musctl_kicks),
		TEST(memory_does_not_see_it),
		TEST(a_register_does_not_see_it),
		TEST(a_full_eventfd_that_blocks_holds_nobody_up),
		TEST(a_write_to_the_clients_eventfd_kicks),
		TEST(a_device_that_watches_is_called),
		TEST(the_devices_eventfd_is_lent_to_nobody),
		TEST(a_blocking_and_full_one_holds_nobody_up),
		TEST(a_blocking_one_that_the_client_reads_holds_nobody_up),
		TEST(who_asks_again_gets_the_same_one),
		TEST(it_cannot_be_one_of_an_interrupt),
		TEST(who_has_left_reaches_and_sees_nothing),
		TEST(clients_that_come_and_go_leave_none_behind),
		TEST(without_descriptors_there_is_none_and_the_client_stays),
		KICK_NODE(on_a_mediated_device_too),
		KICK_NODE(and_if_several_threads_serve_it),
		TEST(kicks_that_no_write_matches_are_refused),
		TEST(kicks_that_one_write_matches_are_refused),
		TEST(a_kick_is_an_eventfd),
		TEST(kicks_are_where_clients_can_write),
		TEST(there_are_64_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
