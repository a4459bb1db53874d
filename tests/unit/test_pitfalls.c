/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pitfalls.c - what other servers get wrong, and what QEMU and SPDK do that is easily got
 * wrong: one test each, over the wire. Most of it is tested in detail elsewhere; this is the list.
 */
#include <linux/pci_regs.h>
#include <sys/mman.h>

#include "dma/dma.h"
#include "traced.h"

#define CFG  LM_CFG_REG_IDX
#define PAGE 4096u
#define MSI  VFIO_PCI_MSI_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX
#define INTX VFIO_PCI_INTX_IRQ_INDEX

static uint32_t cfg_read(struct engine *e, uint64_t offset, uint32_t width)
{
	uint32_t value = 0;

	memcpy(&value, engine_read(e, CFG, offset, width), width);
	return value;
}

static void cfg_write(struct engine *e, uint64_t offset, uint32_t value, uint32_t width)
{
	engine_write(e, CFG, offset, &value, width);
}

static void set_irqs(struct engine *e, const struct vfio_irq_set *set, const int *fds,
		     unsigned int nr)
{
	struct vfio_irq_set sized = *set;
	struct wire m;

	sized.argsz = sizeof(sized);
	engine_reply(e,
		     engine_command_fds(e, VFIO_USER_DEVICE_SET_IRQS, &sized, sizeof(sized),
					fds, nr),
		     VFIO_USER_DEVICE_SET_IRQS, &m);
}

static void assign(struct engine *e, uint32_t index, uint32_t start, const int *fds, uint32_t nr)
{
	set_irqs(e, &(struct vfio_irq_set){
		.index = index, .start = start, .count = nr,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER }, fds, nr);
}

static void make_eventfds(int *fds, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK);
}

static void describe_msix(struct engine *e)
{
	e->info.caps[0] = (lm_cap_t){
		.id = PCI_CAP_ID_MSIX, .msix = { .bar = BAR_PLAIN, .table = 0, .pba = 0x800 } };
	e->info.pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX] = 8;
}

/* ---- framing --------------------------------------------------------------------- */

static void a_body_over_36_KiB_arrives_whole(void **state)
{
	struct engine *e = *state;
	char *data = malloc(40000);

	memset(data, 'b', 40000);
	engine_connect(e);
	engine_write(e, BAR_PLAIN, 0, data, 40000);
	assert_memory_equal(engine_read(e, BAR_PLAIN, 0, 40000), data, 40000);
	free(data);
}

static void a_header_in_two_sends_does_not_drop_the_client(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_header hdr = {
		.msg_id = 7, .cmd = VFIO_USER_DEVICE_RESET, .msg_size = sizeof(hdr) };
	struct wire m;

	engine_connect(e);
	wire_send(e->fd, &hdr, 8);
	engine_poll(e);
	wire_send(e->fd, (const char *)&hdr + 8, 8);
	engine_reply(e, 7, VFIO_USER_DEVICE_RESET, &m);
}

static void a_short_header_with_8_descriptors_leaks_none(void **state)
{
	struct engine *e = *state;
	int fds[8];

	engine_connect(e);
	make_eventfds(fds, 8);
	wire_send_fds(e->fd, "\1\0\2\0", 4, fds, 8);
	close_fds(fds, 8);
	engine_poll(e);
	engine_close(e);
	assert_int_equal(engine_poll(e), -ENOTCONN); /* and the teardown counts */
}

static void a_silent_client_does_not_block(void **state)
{
	struct engine *e = *state;

	engine_start(e);
	assert_int_equal(engine_poll(e), 0);
	assert_int_equal(lm_ctx_poll(e->ctx), 0);
}

static void a_max_data_xfer_size_of_0_does_not_loop(void **state)
{
	struct engine *e = *state;
	char payload[128];

	engine_start(e);
	engine_command(e, VFIO_USER_VERSION, payload, version_put(payload, 0, 0,
		       "{\"capabilities\":{\"max_data_xfer_size\":0}}"));
	assert_int_equal(engine_poll(e), -ENOTCONN);
}

static void an_error_reply_carries_no_payload(void **state)
{
	struct engine *e = *state;
	struct vfio_region_info info = { .argsz = 4096, .index = 77 };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info), EINVAL);
}

static void a_read_of_no_bytes_is_not_answered_with_nothing(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_read(e, BAR_PLAIN, 0, 0);
}

/* QEMU gives the connection up if one is answered. */
static void posted_writes_are_never_answered(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	engine_post_write(e, BAR_PLAIN, 0, "data", 4);
	engine_post_write(e, BAR_ABSENT, 0, "data", 4);
	engine_post_write(e, 1000, UINT64_MAX, "data", 4);
	engine_is_alive(e);
}

static int count_inherited(void)
{
	int fd, nr = 0;

	for (fd = 0; fd < 256; fd++)
		nr += fcntl(fd, F_GETFD) == 0;
	return nr;
}

static void received_descriptors_do_not_outlive_exec(void **state)
{
	struct engine *e = *state;
	const int fd = eventfd(0, EFD_NONBLOCK);
	int before;

	engine_connect(e);
	before = count_inherited();
	assign(e, INTX, 0, &fd, 1);
	assert_int_equal(count_inherited(), before);
	close(fd);
}

/* ---- descriptions ---------------------------------------------------------------- */

/* QEMU refuses a cap_offset of 0 in the answer to its first, too small, question. */
static void too_small_a_description_says_where_capabilities_are(void **state)
{
	static const lm_mmap_area_t area = { PAGE, PAGE };
	struct engine *e = *state;
	struct vfio_region_info info = { .argsz = 32, .index = BAR_RAW };
	struct wire m;

	e->info.pci_info.reg_info[BAR_RAW].flags |= LM_REG_FLAG_MMAP;
	e->info.pci_info.reg_info[BAR_RAW].mmap_areas = &area;
	e->info.pci_info.reg_info[BAR_RAW].nr_mmap_areas = 1;
	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info), &m);
	memcpy(&info, m.payload, sizeof(info));
	assert_int_equal(info.cap_offset, 32);
	assert_true(info.argsz > 32);
}

/* SPDK asks for each of them. */
static void every_standard_region_is_described(void **state)
{
	struct engine *e = *state;
	struct wire m;
	uint32_t i;

	engine_start(e);
	engine_negotiate(e, NULL);
	for (i = 0; i < LM_DEV_NUM_REGS; i++) {
		const struct vfio_region_info info = { .argsz = 4064, .index = i };

		engine_request(e, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info), &m);
	}
}

static void no_more_descriptors_are_sent_than_the_client_takes(void **state)
{
	const struct vfio_user_region_io_fds req = { .argsz = 4096, .index = BAR_RAW };
	const int fds[] = { eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK) };
	const lm_ioeventfd_t kicks[] = {
		{ .offset = 0, .fd = fds[0] }, { .offset = 8, .fd = fds[1] } };
	struct vfio_user_region_io_fds rep;
	struct engine *e = *state;
	struct wire m;

	e->info.pci_info.reg_info[BAR_RAW].ioeventfds = kicks;
	e->info.pci_info.reg_info[BAR_RAW].nr_ioeventfds = 2;
	engine_start(e);
	engine_negotiate(e, "{\"capabilities\":{\"max_msg_fds\":1}}");
	engine_request(e, VFIO_USER_DEVICE_GET_REGION_IO_FDS, &req, sizeof(req), &m);
	memcpy(&rep, m.payload, sizeof(rep));
	assert_int_equal(m.nr_fds, 1);
	assert_int_equal(rep.count, 1); /* the other one is trapped */
	close_fds(m.fds, m.nr_fds);
	close_fds(fds, 2);
}

static void flags_of_a_region_are_enforced(void **state)
{
	struct engine *e = *state;

	e->info.pci_info.reg_info[BAR_RAW].flags &= ~LM_REG_FLAG_WRITE;
	engine_connect_traced(e);
	engine_write_refused(e, BAR_RAW, 0, "data", 4, EACCES);
	assert_int_equal(e->nr_accesses, 0);
}

/* ---- configuration space --------------------------------------------------------- */

static void a_write_that_begins_inside_a_capability_overflows_nothing(void **state)
{
	struct engine *e = *state;
	char ones[256];
	uint32_t offset;

	memset(ones, 0xff, sizeof(ones));
	describe_msix(e);
	engine_connect(e);
	for (offset = 0x40; offset < 256; offset++)
		engine_write(e, CFG, offset, ones, 256 - offset);
	engine_is_alive(e);
}

static void one_byte_of_command_can_be_written(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	cfg_write(e, PCI_COMMAND, PCI_COMMAND_MASTER, 1);
	assert_int_equal(cfg_read(e, PCI_COMMAND, 2), PCI_COMMAND_MASTER);
	cfg_write(e, PCI_COMMAND + 1, PCI_COMMAND_INTX_DISABLE >> 8, 1);
	assert_int_equal(cfg_read(e, PCI_COMMAND, 2),
			 PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
}

static void the_parity_bit_can_be_written(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	cfg_write(e, PCI_COMMAND, PCI_COMMAND_PARITY, 2);
	assert_int_equal(cfg_read(e, PCI_COMMAND, 2), PCI_COMMAND_PARITY);
}

static void a_bar_can_be_written_byte_by_byte(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	cfg_write(e, PCI_BASE_ADDRESS_0 + 3, 0xfe, 1);
	cfg_write(e, PCI_BASE_ADDRESS_0 + 2, 0xa0, 1);
	assert_int_equal(cfg_read(e, PCI_BASE_ADDRESS_0, 4), 0xfea00000);
}

static void writes_to_read_only_fields_are_ignored(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	cfg_write(e, PCI_VENDOR_ID, 0xffffffff, 4);
	cfg_write(e, PCI_CLASS_REVISION, 0xffffffff, 4);
	assert_int_equal(cfg_read(e, PCI_VENDOR_ID, 4), 0x56781234);
}

static void ones_clear_bits_of_status(void **state)
{
	struct engine *e = *state;
	const uint16_t raised = PCI_STATUS_DETECTED_PARITY | PCI_STATUS_SIG_SYSTEM_ERROR;

	engine_connect(e);
	assert_int_equal(lm_config_write(e->ctx, PCI_STATUS, &raised, 2), 0);
	cfg_write(e, PCI_STATUS, PCI_STATUS_DETECTED_PARITY, 2);
	assert_int_equal(cfg_read(e, PCI_STATUS, 2) & raised, PCI_STATUS_SIG_SYSTEM_ERROR);
}

static void the_upper_half_of_a_64_bit_bar_sizes_as_ones(void **state)
{
	struct engine *e = *state;

	e->info.pci_info.reg_info[BAR_RAW].flags |= LM_REG_FLAG_64BIT;
	engine_connect(e);
	cfg_write(e, PCI_BASE_ADDRESS_0, 0xffffffff, 4);
	cfg_write(e, PCI_BASE_ADDRESS_1, 0xffffffff, 4);
	assert_int_equal(cfg_read(e, PCI_BASE_ADDRESS_0, 4) & PCI_BASE_ADDRESS_MEM_MASK,
			 (uint32_t)-RAW_SIZE);
	assert_int_equal(cfg_read(e, PCI_BASE_ADDRESS_1, 4), 0xffffffff);
}

static void an_absent_bar_reads_as_zero(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	cfg_write(e, PCI_BASE_ADDRESS_5, 0xffffffff, 4);
	assert_int_equal(cfg_read(e, PCI_BASE_ADDRESS_5, 4), 0);
}

/* Linux drops a device of class 0. */
static void a_device_without_a_class_has_one(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	assert_int_equal(cfg_read(e, PCI_CLASS_DEVICE + 1, 1), 0xff);
}

static void adjacent_capabilities_do_not_overlap(void **state)
{
	struct engine *e = *state;

	e->info.caps[0] = (lm_cap_t){ .id = PCI_CAP_ID_VNDR, .offset = 0x80, .size = 8 };
	e->info.caps[1] = (lm_cap_t){ .id = PCI_CAP_ID_VNDR, .offset = 0x88, .size = 8 };
	engine_connect(e);
	assert_int_equal(cfg_read(e, 0x80, 1), PCI_CAP_ID_VNDR);
	assert_int_equal(cfg_read(e, 0x88, 1), PCI_CAP_ID_VNDR);
}

/* SPDK enables bus mastering and nothing else. */
static void regions_work_without_memory_space(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	cfg_write(e, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	engine_write(e, BAR_PLAIN, 0, "data", 4);
	assert_memory_equal(engine_read(e, BAR_PLAIN, 0, 4), "data", 4);
}

/* ---- interrupts ------------------------------------------------------------------ */

static void taking_a_range_of_vectors_away_takes_that_range(void **state)
{
	struct engine *e = *state;
	int fds[4], i;

	engine_connect(e);
	make_eventfds(fds, 4);
	assign(e, MSI, 0, fds, 4);
	set_irqs(e, &(struct vfio_irq_set){
		.index = MSI, .start = 2, .count = 2,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER }, NULL, 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(lm_irq_trigger_index(e->ctx, MSI, (uint32_t)i),
				 i < 2 ? LM_IRQ_DELIVERED : -ENOTCONN);
	close_fds(fds, 4);
}

static void kinds_of_interrupts_do_not_share_eventfds(void **state)
{
	struct engine *e = *state;
	int fds[3];

	describe_msix(e);
	engine_connect(e);
	make_eventfds(fds, 3);
	assign(e, INTX, 0, &fds[0], 1);
	assign(e, MSI, 0, &fds[1], 1);
	assign(e, MSIX, 0, &fds[2], 1);
	lm_irq_trigger_index(e->ctx, MSI, 0);
	assert_false(eventfd_take(fds[0]));
	assert_true(eventfd_take(fds[1]));
	assert_false(eventfd_take(fds[2]));
	close_fds(fds, 3);
}

static void a_level_is_signalled_once_and_again_after_the_unmask(void **state)
{
	struct engine *e = *state;
	const int fd = eventfd(0, EFD_NONBLOCK);

	engine_connect(e);
	assign(e, INTX, 0, &fd, 1);
	lm_irq_set_level(e->ctx, true);
	assert_true(eventfd_take(fd));
	lm_irq_set_level(e->ctx, true);
	assert_false(eventfd_take(fd));
	set_irqs(e, &(struct vfio_irq_set){ .index = INTX, .count = 1, .flags = 0x11 }, NULL, 0);
	assert_true(eventfd_take(fd));
	close(fd);
}

/* Else uio_pci_generic reports that nobody cared. */
static void status_follows_the_level(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	assert_int_equal(cfg_read(e, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, 0);
	lm_irq_set_level(e->ctx, true);
	assert_true(cfg_read(e, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	lm_irq_set_level(e->ctx, false);
	assert_int_equal(cfg_read(e, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, 0);
}

static void msix_is_enabled_with_a_vector_and_no_eventfd(void **state)
{
	struct engine *e = *state;

	describe_msix(e);
	engine_connect(e);
	set_irqs(e, &(struct vfio_irq_set){ .index = MSIX, .count = 1, .flags = 0x24 }, NULL, 0);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSIX, 0), -ENOTCONN);
}

static void vectors_may_be_added_one_by_one(void **state)
{
	struct engine *e = *state;
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = MSIX };
	struct wire m;
	int fds[8];
	uint32_t i;

	describe_msix(e);
	engine_connect(e);
	engine_request(e, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info), &m);
	memcpy(&info, m.payload, sizeof(info));
	assert_false(info.flags & VFIO_IRQ_INFO_NORESIZE);
	make_eventfds(fds, 8);
	for (i = 0; i < 8; i++)
		assign(e, MSIX, i, &fds[i], 1);
	for (i = 0; i < 8; i++)
		assert_int_equal(lm_irq_trigger_index(e->ctx, MSIX, i), LM_IRQ_DELIVERED);
	close_fds(fds, 8);
}

static void there_is_an_msix_table_and_its_masks_count(void **state)
{
	struct engine *e = *state;
	const uint32_t masked = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	const int fd = eventfd(0, EFD_NONBLOCK);

	describe_msix(e);
	engine_connect(e);
	assign(e, MSIX, 0, &fd, 1);
	engine_write(e, BAR_PLAIN, PCI_MSIX_ENTRY_VECTOR_CTRL, &masked, 4);
	assert_int_equal(lm_irq_trigger_index(e->ctx, MSIX, 0), LM_IRQ_PENDING);
	assert_int_equal(engine_read32(e, BAR_PLAIN, 0x800), 1); /* the PBA */
	engine_write(e, BAR_PLAIN, PCI_MSIX_ENTRY_VECTOR_CTRL, "\0\0\0\0", 4);
	assert_true(eventfd_take(fd));
	close(fd);
}

static void interrupt_disable_of_command_counts(void **state)
{
	struct engine *e = *state;
	const int fd = eventfd(0, EFD_NONBLOCK);

	engine_connect(e);
	assign(e, INTX, 0, &fd, 1);
	cfg_write(e, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
	assert_int_equal(lm_irq_set_level(e->ctx, true), LM_IRQ_PENDING);
	assert_false(eventfd_take(fd));
	cfg_write(e, PCI_COMMAND, 0, 2);
	assert_true(eventfd_take(fd));
	close(fd);
}

static void err_and_req_can_be_raised(void **state)
{
	struct engine *e = *state;
	int fds[2];

	e->info.pci_info.irq_count[LM_DEV_ERR_IRQ_IDX] = 1;
	e->info.pci_info.irq_count[LM_DEV_REQ_IRQ_IDX] = 1;
	engine_connect(e);
	make_eventfds(fds, 2);
	assign(e, LM_DEV_ERR_IRQ_IDX, 0, &fds[0], 1);
	assign(e, LM_DEV_REQ_IRQ_IDX, 0, &fds[1], 1);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_ERR_IRQ_IDX, 0), LM_IRQ_DELIVERED);
	assert_int_equal(lm_irq_trigger_index(e->ctx, LM_DEV_REQ_IRQ_IDX, 0), LM_IRQ_DELIVERED);
	close_fds(fds, 2);
}

/* ---- DMA ------------------------------------------------------------------------- */

static void overlapping_memory_is_eexist(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_map map = {
		.argsz = sizeof(map), .flags = 3, .addr = 0x1000, .size = 0x2000 };

	engine_connect(e);
	engine_map(e, 0x1000, 0x2000, -1);
	engine_request_fails(e, VFIO_USER_DMA_MAP, &map, sizeof(map), EEXIST);
}

static void unmapping_nothing_and_everything_works(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_unmap unmap = {
		.argsz = sizeof(unmap), .addr = 0xfef00000, .size = 0xffffffff01100000 };
	struct wire m;

	engine_connect(e);
	engine_request(e, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap), &m);
}

static int dma_unmap_fails(void *pvt, dma_addr_t addr, uint64_t len)
{
	return -EIO;
}

static void a_device_that_cannot_let_go_does_not_swallow_the_reply(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_unmap unmap = {
		.argsz = sizeof(unmap), .addr = 0x1000, .size = 0x1000 };
	struct wire m;

	e->info.dma_unmap = dma_unmap_fails;
	engine_connect(e);
	engine_map(e, 0x1000, 0x1000, -1);
	engine_command(e, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap));
	assert_true(wire_recv(e, e->fd, &m));
}

static void short_requests_are_not_read_past_their_end(void **state)
{
	struct engine *e = *state;
	const uint32_t feature[2] = { 8, VFIO_DEVICE_FEATURE_SET | 2 };

	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DMA_UNMAP, feature, 8, EINVAL);
	engine_request_fails(e, VFIO_USER_DEVICE_FEATURE, feature, 8, ENOTTY);
	engine_request_fails(e, VFIO_USER_DEVICE_FEATURE, feature, 7, EINVAL);
}

static void dma_logging_without_dma_ends_nothing(void **state)
{
	struct engine *e = *state;
	char payload[64] = { 0 };
	const uint32_t feature[2] = { sizeof(payload), VFIO_DEVICE_FEATURE_SET | 6 };

	memcpy(payload, feature, sizeof(feature));
	engine_connect(e);
	engine_request_fails(e, VFIO_USER_DEVICE_FEATURE, payload, sizeof(payload), ENOTTY);
	engine_is_alive(e);
}

static int sealed_memory(size_t size)
{
	const int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	return fd;
}

static void an_unaligned_file_offset_reaches_the_right_bytes(void **state)
{
	struct engine *e = *state;
	const struct vfio_user_dma_map map = {
		.argsz = sizeof(map), .flags = 3, .addr = 0x1000, .size = PAGE, .offset = 100 };
	const int fd = sealed_memory(2 * PAGE);
	char data[4];
	struct wire m;
	dma_sg_t sg;

	engine_connect(e);
	assert_int_equal(pwrite(fd, "last", 4, 100 + PAGE - 4), 4);
	engine_reply(e, engine_command_fds(e, VFIO_USER_DMA_MAP, &map, sizeof(map), &fd, 1),
		     VFIO_USER_DMA_MAP, &m);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x1000 + PAGE - 4, 4, &sg, 1), 1);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	assert_memory_equal(data, "last", 4);
	close(fd);
}

static void a_window_beyond_its_file_kills_nobody(void **state)
{
	struct engine *e = *state;
	const int fd = sealed_memory(PAGE);
	char data[4];
	dma_sg_t sg;

	engine_connect(e);
	engine_map(e, 0x100000, 16 * PAGE, fd);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x100000 + 8 * PAGE, 4, &sg, 1), 1);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -EFAULT);
	close(fd);
}

static void a_huge_length_does_not_wrap(void **state)
{
	struct engine *e = *state;
	dma_sg_t sg[2];

	engine_connect(e);
	engine_map(e, 0x1000, 0x1000, -1);
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x1000, 8, sg, 2), 1); /* the last hit */
	assert_int_equal(lm_addr_to_sg(e->ctx, 0x1800, UINT32_MAX, sg, 2), -ENOENT);
	assert_int_equal(lm_addr_to_sg(e->ctx, UINT64_MAX - 4, 8, sg, 2), -EINVAL);
}

static ssize_t access_waits(struct engine *e, char *buf, size_t count, loff_t offset, bool is_write)
{
	char data[4];
	dma_sg_t sg;

	assert_int_equal(lm_addr_to_sg(e->ctx, 0x1000, 4, &sg, 1), 1);
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -EDEADLK);
	return (ssize_t)count;
}

/* Else QEMU waits for us, we for QEMU, and after five seconds the device is dead. */
static void dma_by_message_inside_a_request_does_not_deadlock(void **state)
{
	struct engine *e = *state;

	e->access = access_waits;
	engine_connect(e);
	engine_map(e, 0x1000, 0x1000, -1);
	engine_read(e, BAR_RAW, 0, 4);
}

#define TEST ENGINE_TEST

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_body_over_36_KiB_arrives_whole),
		TEST(a_header_in_two_sends_does_not_drop_the_client),
		TEST(a_short_header_with_8_descriptors_leaks_none),
		TEST(a_silent_client_does_not_block),
		TEST(a_max_data_xfer_size_of_0_does_not_loop),
		TEST(an_error_reply_carries_no_payload),
		TEST(a_read_of_no_bytes_is_not_answered_with_nothing),
		TEST(posted_writes_are_never_answered),
		TEST(received_descriptors_do_not_outlive_exec),
		TEST(too_small_a_description_says_where_capabilities_are),
		TEST(every_standard_region_is_described),
		TEST(no_more_descriptors_are_sent_than_the_client_takes),
		TEST(flags_of_a_region_are_enforced),
		TEST(a_write_that_begins_inside_a_capability_overflows_nothing),
		TEST(one_byte_of_command_can_be_written),
		TEST(the_parity_bit_can_be_written),
		TEST(a_bar_can_be_written_byte_by_byte),
		TEST(writes_to_read_only_fields_are_ignored),
		TEST(ones_clear_bits_of_status),
		TEST(the_upper_half_of_a_64_bit_bar_sizes_as_ones),
		TEST(an_absent_bar_reads_as_zero),
		TEST(a_device_without_a_class_has_one),
		TEST(adjacent_capabilities_do_not_overlap),
		TEST(regions_work_without_memory_space),
		TEST(taking_a_range_of_vectors_away_takes_that_range),
		TEST(kinds_of_interrupts_do_not_share_eventfds),
		TEST(a_level_is_signalled_once_and_again_after_the_unmask),
		TEST(status_follows_the_level),
		TEST(msix_is_enabled_with_a_vector_and_no_eventfd),
		TEST(vectors_may_be_added_one_by_one),
		TEST(there_is_an_msix_table_and_its_masks_count),
		TEST(interrupt_disable_of_command_counts),
		TEST(err_and_req_can_be_raised),
		TEST(overlapping_memory_is_eexist),
		TEST(unmapping_nothing_and_everything_works),
		TEST(a_device_that_cannot_let_go_does_not_swallow_the_reply),
		TEST(short_requests_are_not_read_past_their_end),
		TEST(dma_logging_without_dma_ends_nothing),
		TEST(an_unaligned_file_offset_reaches_the_right_bytes),
		TEST(a_window_beyond_its_file_kills_nobody),
		TEST(a_huge_length_does_not_wrap),
		TEST(dma_by_message_inside_a_request_does_not_deadlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
