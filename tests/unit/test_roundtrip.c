/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_roundtrip.c - the library's client against the library's server: every command once, both
 * on real sockets, the device served by a thread.
 */
#include <linux/pci_regs.h>
#include <sys/stat.h>

#include "base/base.h"
#include "fake_server.h"

#define RAW_SIZE (4u << 20)

enum { BAR_RAW = LM_BAR0_REG_IDX, BAR_DMA = LM_BAR1_REG_IDX, BAR_MAP = LM_BAR2_REG_IDX };

/* A write of an address to BAR_DMA copies so many bytes from there to right behind them, and
 * adds one to each. */
#define DMA_LEN 100000u

struct device {
	lm_ctx_t    *ctx;
	pthread_t    thread;
	char        *raw;
	unsigned int resets;
	lm_token_t   token;
	dma_addr_t   addr;
	dma_sg_t     sg;
	uint8_t      data[DMA_LEN];
	int          dma_result; /* of the last write to BAR_DMA */
	int          ended;
	lm_client_t *client;
};

/* ---- the device ------------------------------------------------------------- */

static ssize_t raw_access(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	struct device *dev = pvt;

	if (is_write)
		memcpy(dev->raw + offset, buf, count);
	else
		memcpy(buf, dev->raw + offset, count);
	return (ssize_t)count;
}

static void dma_finish(void *arg, int result)
{
	struct device *dev = arg;

	dev->dma_result = result;
	lm_complete(dev->ctx, dev->token, result ? result : 8, NULL);
}

static void dma_got(void *arg, int result)
{
	struct device *dev = arg;
	size_t i;

	for (i = 0; i < DMA_LEN; i++)
		dev->data[i]++;
	if (!result && lm_addr_to_sg(dev->ctx, dev->addr + DMA_LEN, DMA_LEN, &dev->sg, 1) != 1)
		result = -EFAULT;
	if (!result)
		result = lm_dma_write_async(dev->ctx, &dev->sg, dev->data, dma_finish, dev);
	if (result)
		dma_finish(dev, result);
}

static ssize_t dma_access(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	struct device *dev = pvt;
	int ret;

	if (!is_write || count != sizeof(dev->addr))
		return -EINVAL;
	memcpy(&dev->addr, buf, sizeof(dev->addr));
	dev->dma_result = -EFAULT;
	if (lm_addr_to_sg(dev->ctx, dev->addr, DMA_LEN, &dev->sg, 1) != 1)
		return -EFAULT;
	dev->token = lm_defer(dev->ctx);
	ret = lm_dma_read_async(dev->ctx, &dev->sg, dev->data, dma_got, dev);
	if (ret)
		dma_finish(dev, ret);
	return LM_DEFER;
}

static int device_reset(void *pvt)
{
	struct device *dev = pvt;

	dev->resets++;
	return 0;
}

static const lm_mmap_area_t areas[] = { { 4096, 4096 }, { 12288, 4096 } };

static const lm_reg_info_t extra[] = {
	{ .flags = LM_REG_FLAG_READ, .size = 64, .type = 0x80001234, .subtype = 9 },
};

static lm_dev_info_t description(struct device *dev)
{
	return (lm_dev_info_t){
		.type = "roundtrip", .pvt = dev, .reset = device_reset,
		.flags = LM_DEV_NO_CONTROL,
		.extra_regs = extra, .nr_extra_regs = 1, .extra_reg_size = sizeof(extra[0]),
		.pci_info = {
			.id = { .vid = 0x1234, .did = 0x5678 },
			.irq_count = { [LM_DEV_INTX_IRQ_IDX] = 1, [LM_DEV_MSI_IRQ_IDX] = 8 },
			.reg_info = {
				[BAR_RAW] = { .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
					      .size = RAW_SIZE, .fn = raw_access },
				[BAR_DMA] = { .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
					      .size = 4096, .fn = dma_access },
				[BAR_MAP] = { .flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM |
						       LM_REG_FLAG_MMAP,
					      .size = 16384, .mmap_areas = areas,
					      .nr_mmap_areas = 2 },
			},
		},
	};
}

static void *device_thread(void *arg)
{
	struct device *dev = arg;

	dev->ended = lm_ctx_drive(dev->ctx);
	return NULL;
}

static struct device *device_start(lm_dev_info_t *info, struct device *dev)
{
	dev->raw = calloc(1, RAW_SIZE);
	dev->ctx = lm_ctx_create(info);
	assert_non_null(dev->ctx);
	assert_int_equal(pthread_create(&dev->thread, NULL, device_thread, dev), 0);
	return dev;
}

static struct device *start_with(const lm_client_options_t *options)
{
	struct device *dev = calloc(1, sizeof(*dev));
	lm_dev_info_t info = description(dev);
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	info.fd = fds[0];
	info.flags |= LM_DEV_CONN_FD;
	device_start(&info, dev);
	assert_int_equal(lm_client_connect_fd(fds[1], options, &dev->client), 0);
	return dev;
}

static struct device *start(void)
{
	return start_with(NULL);
}

static void stop(struct device *dev)
{
	lm_client_close(dev->client);
	lm_ctx_stop(dev->ctx);
	pthread_join(dev->thread, NULL);
	lm_ctx_destroy(dev->ctx);
	free(dev->raw);
	free(dev);
}

/* ---- what the device is ----------------------------------------------------- */

static void test_handshake(void **state)
{
	struct device *dev = start();
	const lm_client_info_t *info = lm_client_info(dev->client);

	assert_int_equal(info->major, VFIO_USER_MAJOR);
	assert_int_equal(info->minor, VFIO_USER_MINOR);
	assert_int_equal(info->max_msg_fds, LM_CLIENT_MAX_FDS);
	assert_int_equal(info->max_data_xfer_size, 1 << 20);
	assert_true(info->write_multiple);
	assert_false(info->twin_socket);
	assert_true(info->json);
	stop(dev);
}

static void test_handshake_without_json(void **state)
{
	const lm_client_options_t terse = { .flags = LM_CLIENT_NO_JSON };
	struct device *dev = start_with(&terse);

	assert_false(lm_client_info(dev->client)->json);
	assert_int_equal(lm_client_info(dev->client)->max_data_xfer_size, 1 << 20);
	stop(dev);
}

static void test_device_info(void **state)
{
	struct device *dev = start();
	struct vfio_device_info info;

	assert_int_equal(lm_client_device_info(dev->client, &info), 0);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, LM_DEV_NUM_REGS + 1);
	assert_int_equal(info.num_irqs, LM_DEV_NUM_IRQS);
	stop(dev);
}

static void test_region_info(void **state)
{
	struct device *dev = start();
	lm_client_region_t region;
	uint32_t type, subtype, i;

	for (i = 0; i <= LM_DEV_NUM_REGS; i++) {
		assert_int_equal(lm_client_region_info(dev->client, i, &region), 0);
		if (i == BAR_RAW)
			assert_int_equal(region.info->size, RAW_SIZE);
		if (i == LM_CFG_REG_IDX)
			assert_int_equal(region.info->size, 256);
		if (i == LM_BAR5_REG_IDX)
			assert_int_equal(region.info->size, 0);
		if (i == LM_DEV_NUM_REGS) {
			assert_int_equal(lm_client_region_type(&region, &type, &subtype), 0);
			assert_int_equal(type, 0x80001234);
			assert_int_equal(subtype, 9);
		}
		lm_client_region_free(&region);
	}
	assert_int_equal(lm_client_region_info(dev->client, i, &region), -EINVAL);
	stop(dev);
}

static void test_mapped_area_is_the_region(void **state)
{
	struct device *dev = start();
	lm_client_region_t region;
	lm_client_area_t area;
	uint32_t value = 0x12345678;
	char *map;

	assert_int_equal(lm_client_region_info(dev->client, BAR_MAP, &region), 0);
	assert_int_equal(lm_client_region_area(&region, 1, &area), 0);
	assert_int_equal(area.offset, 12288);
	map = mmap(NULL, area.size, PROT_READ | PROT_WRITE, MAP_SHARED, area.fd,
		   (off_t)area.fd_offset);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(lm_client_region_write(dev->client, BAR_MAP, 12288 + 8, &value, 4), 0);
	assert_memory_equal(map + 8, &value, 4);
	memset(map + 8, 0xaa, 4);
	assert_int_equal(lm_client_region_read(dev->client, BAR_MAP, 12288 + 8, &value, 4), 0);
	assert_int_equal(value, 0xaaaaaaaa);
	munmap(map, area.size);
	lm_client_region_free(&region);
	stop(dev);
}

static void test_kicks(void **state)
{
	const int kick = eventfd(0, EFD_CLOEXEC);
	const lm_ioeventfd_t kicks[] = {
		{ .offset = 0x10, .size = 4, .fd = kick },
		{ .offset = 0x20, .size = 4, .fd = kick, .flags = LM_IOEVENTFD_DATAMATCH,
		  .datamatch = 7 },
	};
	struct device *dev = calloc(1, sizeof(*dev));
	lm_dev_info_t info = description(dev);
	lm_client_io_fds_t io;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	info.fd = fds[0];
	info.flags |= LM_DEV_CONN_FD;
	info.pci_info.reg_info[BAR_RAW].ioeventfds = kicks;
	info.pci_info.reg_info[BAR_RAW].nr_ioeventfds = 2;
	device_start(&info, dev);
	assert_int_equal(lm_client_connect_fd(fds[1], NULL, &dev->client), 0);
	assert_int_equal(lm_client_region_io_fds(dev->client, BAR_RAW, &io), 0);
	assert_int_equal(io.nr, 2);
	assert_int_equal(io.nr_fds, 1);
	assert_int_equal(io.subs[1].offset, 0x20);
	assert_int_equal(io.subs[1].value, 7);
	assert_int_equal(io.subs[0].fd, io.subs[1].fd);
	lm_client_io_fds_free(&io);
	assert_int_equal(lm_client_region_io_fds(dev->client, BAR_DMA, &io), 0);
	assert_int_equal(io.nr, 0);
	lm_client_io_fds_free(&io);
	stop(dev);
	close(kick);
}

/* ---- accesses --------------------------------------------------------------- */

static void test_configuration_space(void **state)
{
	struct device *dev = start();
	uint16_t ids[2], command = PCI_COMMAND_MEMORY;

	assert_int_equal(lm_client_region_read(dev->client, LM_CFG_REG_IDX, 0, ids, 4), 0);
	assert_int_equal(ids[0], 0x1234);
	assert_int_equal(ids[1], 0x5678);
	assert_int_equal(lm_client_region_write(dev->client, LM_CFG_REG_IDX, PCI_COMMAND,
						&command, 2), 0);
	command = 0;
	assert_int_equal(lm_client_region_read(dev->client, LM_CFG_REG_IDX, PCI_COMMAND,
					       &command, 2), 0);
	assert_int_equal(command, PCI_COMMAND_MEMORY);
	stop(dev);
}

static void test_more_than_a_message_holds(void **state)
{
	const size_t size = (2u << 20) + 5;
	struct device *dev = start();
	uint8_t *out = malloc(size), *in = malloc(size);
	size_t i;

	for (i = 0; i < size; i++)
		out[i] = (uint8_t)(i * 7 + i / 4096);
	assert_int_equal(lm_client_region_write(dev->client, BAR_RAW, 3, out, size), 0);
	assert_int_equal(lm_client_region_read(dev->client, BAR_RAW, 3, in, size), 0);
	assert_memory_equal(in, out, size);
	free(in);
	free(out);
	stop(dev);
}

static void test_access_beyond_the_region(void **state)
{
	struct device *dev = start();
	uint32_t value;

	assert_int_equal(lm_client_region_read(dev->client, BAR_RAW, RAW_SIZE - 2, &value, 4), 0);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(lm_client_region_read(dev->client, LM_BAR5_REG_IDX, 0, &value, 4),
			 -EINVAL);
	assert_int_equal(lm_client_region_read(dev->client, BAR_RAW, RAW_SIZE - 4, &value, 4), 0);
	stop(dev);
}

static void test_posted_writes_come_first(void **state)
{
	struct device *dev = start();
	uint32_t value, i;

	for (i = 1; i <= 1000; i++)
		assert_int_equal(lm_client_region_write_posted(dev->client, BAR_RAW, 0, &i, 4), 0);
	assert_int_equal(lm_client_region_read(dev->client, BAR_RAW, 0, &value, 4), 0);
	assert_int_equal(value, 1000);
	stop(dev);
}

static void test_write_multi(void **state)
{
	struct device *dev = start();
	lm_client_write_t writes[100];
	uint32_t values[100], i;
	size_t done;

	for (i = 0; i < 100; i++) {
		writes[i] = (lm_client_write_t){ .offset = 4 * i, .region = BAR_RAW, .count = 4 };
		memcpy(writes[i].data, &i, 4);
	}
	assert_int_equal(lm_client_region_write_multi(dev->client, writes, 100, &done), 0);
	assert_int_equal(done, 100);
	assert_int_equal(lm_client_region_read(dev->client, BAR_RAW, 0, values, 400), 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(values[i], i);
	stop(dev);
}

static void test_many_in_flight(void **state)
{
	struct device *dev = start();
	lm_client_op_t ops[200];
	uint32_t values[200], i;

	for (i = 0; i < 200; i++) {
		values[i] = i;
		ops[i] = (lm_client_op_t){
			.kind = i % 2 ? LM_CLIENT_READ : LM_CLIENT_WRITE, .region = BAR_RAW,
			.offset = 4 * (i / 2), .buf = &values[i], .count = 4,
		};
		assert_int_equal(lm_client_queue(dev->client, &ops[i]), 0);
	}
	assert_int_equal(lm_client_wait(dev->client, 0), 0);
	for (i = 0; i < 200; i++) {
		assert_int_equal(ops[i].result, 0);
		assert_int_equal(values[i], i & ~1u);
	}
	stop(dev);
}

/* Both send more than the sockets hold before they read: neither may wait for the other. */
static void test_large_requests_in_flight_both_ways(void **state)
{
	struct device *dev = start();
	const uint32_t size = 200000;
	uint8_t *bufs = calloc(40, size);
	lm_client_op_t ops[40];
	uint32_t i;
	int ret;

	memset(bufs, 0x33, size * 20);
	for (i = 0; i < 40; i++) {
		ops[i] = (lm_client_op_t){
			.kind = i < 20 ? LM_CLIENT_WRITE : LM_CLIENT_READ, .region = BAR_RAW,
			.offset = (i % 20) * size, .buf = bufs + i * size, .count = size,
		};
		while ((ret = lm_client_queue(dev->client, &ops[i])) == -EAGAIN)
			assert_true(lm_client_process(dev->client) >= 0);
		assert_int_equal(ret, 0);
	}
	assert_int_equal(lm_client_wait(dev->client, 0), 0);
	for (i = 0; i < 40; i++)
		assert_int_equal(ops[i].result, 0);
	assert_memory_equal(bufs, bufs + 20 * size, size * 20);
	free(bufs);
	stop(dev);
}

/* ---- interrupts ------------------------------------------------------------- */

static bool fired(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t count;

	return poll(&p, 1, 2000) == 1 && read(fd, &count, sizeof(count)) == sizeof(count);
}

static void test_irq_info(void **state)
{
	struct device *dev = start();
	struct vfio_irq_info info;

	assert_int_equal(lm_client_irq_info(dev->client, LM_DEV_MSI_IRQ_IDX, &info), 0);
	assert_int_equal(info.count, 8);
	assert_true(info.flags & VFIO_IRQ_INFO_EVENTFD);
	assert_int_equal(lm_client_irq_info(dev->client, LM_DEV_MSIX_IRQ_IDX, &info), 0);
	assert_int_equal(info.count, 0);
	assert_int_equal(lm_client_irq_info(dev->client, LM_DEV_NUM_IRQS, &info), -EINVAL);
	stop(dev);
}

static void test_intx_reaches_the_eventfd(void **state)
{
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct device *dev = start();
	const lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = LM_DEV_INTX_IRQ_IDX, .count = 1, .fds = &fd,
	};

	assert_int_equal(lm_irq_trigger(dev->ctx, 0), -ENOTCONN);
	assert_int_equal(lm_client_set_irqs(dev->client, &set), 0);
	assert_int_equal(lm_irq_trigger(dev->ctx, 0), LM_IRQ_DELIVERED);
	assert_true(fired(fd));
	stop(dev);
	assert_int_equal(close(fd), 0);
}

static void test_msi_vectors(void **state)
{
	struct device *dev = start();
	lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = LM_DEV_MSI_IRQ_IDX, .count = 8,
	};
	const uint8_t bools[8] = { [5] = 1 };
	int fds[8], i;

	for (i = 0; i < 8; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	set.fds = fds;
	assert_int_equal(lm_client_set_irqs(dev->client, &set), 0);
	/* The client itself triggers one. */
	set.flags = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER;
	set.bools = bools;
	assert_int_equal(lm_client_set_irqs(dev->client, &set), 0);
	assert_true(fired(fds[5]));
	set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
	set.count = 0;
	assert_int_equal(lm_client_set_irqs(dev->client, &set), 0);
	assert_int_equal(lm_irq_trigger_index(dev->ctx, LM_DEV_MSI_IRQ_IDX, 5), -ENOTCONN);
	stop(dev);
	for (i = 0; i < 8; i++)
		assert_int_equal(close(fds[i]), 0);
}

/* ---- DMA -------------------------------------------------------------------- */

#define GUEST_ADDR 0x100000
#define GUEST_SIZE (1u << 20)

static uint8_t guest[GUEST_SIZE];

static int guest_dma(void *pvt, bool is_write, uint64_t addr, void *data, size_t count)
{
	if (addr < GUEST_ADDR || out_of_range(addr - GUEST_ADDR, count, GUEST_SIZE))
		return -EFAULT;
	if (is_write)
		memcpy(guest + (addr - GUEST_ADDR), data, count);
	else
		memcpy(data, guest + (addr - GUEST_ADDR), count);
	return 0;
}

static lm_client_dma_map_t guest_window(int fd)
{
	return (lm_client_dma_map_t){
		.addr = GUEST_ADDR, .size = GUEST_SIZE, .fd = fd,
		.flags = LM_CLIENT_DMA_READ | LM_CLIENT_DMA_WRITE,
	};
}

/* Nobody is told but the device: a write has no answer on a bus. */
static void dma_fails(struct device *dev, uint64_t addr)
{
	assert_int_equal(lm_client_region_write(dev->client, BAR_DMA, 0, &addr, 8), 0);
	assert_int_equal(dev->dma_result, -EFAULT);
}

static void dma_works(struct device *dev, uint8_t *memory)
{
	const uint64_t addr = GUEST_ADDR + 50;
	size_t i;

	for (i = 0; i < DMA_LEN; i++)
		memory[50 + i] = (uint8_t)(i * 3);
	assert_int_equal(lm_client_region_write(dev->client, BAR_DMA, 0, &addr, 8), 0);
	assert_int_equal(dev->dma_result, 0);
	for (i = 0; i < DMA_LEN; i++)
		assert_int_equal(memory[50 + DMA_LEN + i], (uint8_t)(i * 3 + 1));
}

static void test_dma_to_mapped_memory(void **state)
{
	const int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const lm_client_dma_map_t window = guest_window(fd);
	struct device *dev = start();
	uint8_t *memory;

	assert_int_equal(ftruncate(fd, GUEST_SIZE), 0);
	memory = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	dma_fails(dev, GUEST_ADDR);
	assert_int_equal(lm_client_dma_map(dev->client, &window), 0);
	assert_int_equal(lm_client_dma_map(dev->client, &window), -EEXIST);
	dma_works(dev, memory);
	assert_int_equal(lm_client_dma_unmap(dev->client, GUEST_ADDR, GUEST_SIZE), 0);
	dma_fails(dev, GUEST_ADDR);
	stop(dev);
	munmap(memory, GUEST_SIZE);
	assert_int_equal(close(fd), 0);
}

static void dma_by_message(uint32_t flags, uint32_t max_data)
{
	const lm_client_options_t options = {
		.flags = flags, .dma = guest_dma, .max_data_xfer_size = max_data,
	};
	const lm_client_dma_map_t window = guest_window(-1);
	struct device *dev = start_with(&options);

	assert_int_equal(lm_client_info(dev->client)->twin_socket,
			 (flags & LM_CLIENT_TWIN_SOCKET) != 0);
	assert_int_equal(lm_client_dma_map(dev->client, &window), 0);
	dma_works(dev, guest);
	stop(dev);
}

static void test_dma_by_message(void **state)
{
	dma_by_message(0, 0);
}

static void test_dma_by_small_messages(void **state)
{
	dma_by_message(0, 4096);
}

static void test_dma_by_message_on_the_twin_socket(void **state)
{
	dma_by_message(LM_CLIENT_TWIN_SOCKET, 0);
}

static void test_error_of_the_dma_callback_reaches_the_device(void **state)
{
	const lm_client_options_t options = { .dma = guest_dma };
	lm_client_dma_map_t window = guest_window(-1);
	struct device *dev = start_with(&options);

	window.size *= 2;
	assert_int_equal(lm_client_dma_map(dev->client, &window), 0);
	dma_fails(dev, GUEST_ADDR + GUEST_SIZE);
	dma_works(dev, guest);
	stop(dev);
}

/* ---- the rest --------------------------------------------------------------- */

static void test_reset(void **state)
{
	struct device *dev = start();

	assert_int_equal(lm_client_device_reset(dev->client), 0);
	assert_int_equal(lm_client_device_reset(dev->client), 0);
	assert_int_equal(dev->resets, 2);
	stop(dev);
}

static void test_features_are_absent(void **state)
{
	struct device *dev = start();

	assert_int_equal(lm_client_device_feature(dev->client, VFIO_DEVICE_FEATURE_PROBE | 1,
						  NULL, 0, NULL), -ENOTTY);
	assert_int_equal(lm_client_status(dev->client), 0);
	stop(dev);
}

static void test_device_ends_with_its_only_client(void **state)
{
	struct device *dev = start();

	lm_client_close(dev->client);
	dev->client = NULL;
	pthread_join(dev->thread, NULL);
	assert_int_equal(dev->ended, -ENOTCONN);
	lm_ctx_destroy(dev->ctx);
	free(dev->raw);
	free(dev);
}

static void test_clients_come_and_go_by_path(void **state)
{
	char dir[] = "/tmp/muser-test-XXXXXX", path[64];
	struct device *dev = calloc(1, sizeof(*dev));
	lm_dev_info_t info = description(dev);
	lm_client_t *second = NULL;
	uint32_t value = 77;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	info.socket_path = path;
	device_start(&info, dev);
	assert_int_equal(lm_client_connect(path, NULL, &dev->client), 0);
	assert_int_equal(lm_client_region_write(dev->client, BAR_RAW, 0, &value, 4), 0);
	/* It serves one at a time. */
	assert_int_equal(lm_client_connect(path, NULL, &second), -ENOTCONN);
	assert_null(second);
	lm_client_close(dev->client);
	assert_int_equal(lm_client_connect(path, NULL, &dev->client), 0);
	value = 0;
	assert_int_equal(lm_client_region_read(dev->client, BAR_RAW, 0, &value, 4), 0);
	assert_int_equal(value, 77);
	stop(dev);
	assert_int_equal(rmdir(dir), 0);
}

static void test_server_that_goes_away(void **state)
{
	struct device *dev = start();
	uint32_t value;

	lm_ctx_stop(dev->ctx);
	pthread_join(dev->thread, NULL);
	lm_ctx_destroy(dev->ctx);
	assert_int_equal(lm_client_region_read(dev->client, BAR_RAW, 0, &value, 4), -ENOTCONN);
	assert_int_equal(lm_client_status(dev->client), -ENOTCONN);
	lm_client_close(dev->client);
	free(dev->raw);
	free(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(test_handshake),
		fake_test(test_handshake_without_json),
		fake_test(test_device_info),
		fake_test(test_region_info),
		fake_test(test_mapped_area_is_the_region),
		fake_test(test_kicks),
		fake_test(test_configuration_space),
		fake_test(test_more_than_a_message_holds),
		fake_test(test_access_beyond_the_region),
		fake_test(test_posted_writes_come_first),
		fake_test(test_write_multi),
		fake_test(test_many_in_flight),
		fake_test(test_large_requests_in_flight_both_ways),
		fake_test(test_irq_info),
		fake_test(test_intx_reaches_the_eventfd),
		fake_test(test_msi_vectors),
		fake_test(test_dma_to_mapped_memory),
		fake_test(test_dma_by_message),
		fake_test(test_dma_by_small_messages),
		fake_test(test_dma_by_message_on_the_twin_socket),
		fake_test(test_error_of_the_dma_callback_reaches_the_device),
		fake_test(test_reset),
		fake_test(test_features_are_absent),
		fake_test(test_device_ends_with_its_only_client),
		fake_test(test_clients_come_and_go_by_path),
		fake_test(test_server_that_goes_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
