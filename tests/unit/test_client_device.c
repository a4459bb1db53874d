/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_client_device.c - information, features, interrupts and the DMA map: what goes over the
 * wire, and what is taken from the answers.
 */
#include <sys/stat.h>

#include "client/client.h"
#include "fake_server.h"

/* Runs @call against @script; its result. */
static int with(void (*script)(struct fake *f), int (*call)(lm_client_t *c), const char *json)
{
	struct fake f = { .script = script, .json = json };
	lm_client_t *c = fake_client(&f, NULL);
	const int ret = call(c);

	lm_client_close(c);
	fake_join(&f);
	return ret;
}

/* ---- information ------------------------------------------------------------ */

static struct vfio_device_info device_info;

static int get_info(lm_client_t *c)
{
	return lm_client_device_info(c, &device_info);
}

static void script_info(struct fake *f)
{
	const struct vfio_user_device_info reply = { 16, VFIO_DEVICE_FLAGS_PCI, 9, 5 };
	const struct vfio_user_device_info request = { .argsz = 16 };

	if (!fake_expect(f, VFIO_USER_DEVICE_GET_INFO))
		return;
	FAKE_CHECK(f, f->len == 16 && !memcmp(f->payload, &request, 16));
	fake_reply(f, &reply, sizeof(reply));
}

static void test_device_info(void **state)
{
	assert_int_equal(with(script_info, get_info, NULL), 0);
	assert_int_equal(device_info.flags, VFIO_DEVICE_FLAGS_PCI);
	assert_int_equal(device_info.num_regions, 9);
	assert_int_equal(device_info.num_irqs, 5);
}

static void script_info_short(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_DEVICE_GET_INFO))
		fake_reply(f, f->payload, 12);
}

static void test_device_info_cut_short(void **state)
{
	assert_int_equal(with(script_info_short, get_info, NULL), -EPROTO);
}

static int reset(lm_client_t *c)
{
	return lm_client_device_reset(c);
}

static void script_reset(struct fake *f)
{
	if (!fake_expect(f, VFIO_USER_DEVICE_RESET))
		return;
	FAKE_CHECK(f, f->len == 0);
	fake_reply(f, NULL, 0);
}

static void test_reset(void **state)
{
	assert_int_equal(with(script_reset, reset, NULL), 0);
}

static void script_reset_with_payload(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_DEVICE_RESET))
		fake_reply(f, "1234", 4);
}

static void test_reset_with_a_payload_that_it_has_not(void **state)
{
	assert_int_equal(with(script_reset_with_payload, reset, NULL), -EPROTO);
}

/* ---- features --------------------------------------------------------------- */

static uint64_t feature_data[4];
static size_t feature_len;

static int feature_get(lm_client_t *c)
{
	feature_data[0] = 0x1111;
	return lm_client_device_feature(c, VFIO_DEVICE_FEATURE_GET | 8, feature_data, 8,
					&feature_len);
}

static void script_feature(struct fake *f)
{
	struct vfio_user_device_feature head;
	uint64_t reply[3] = { 0, 0x2222, 0x3333 };

	if (!fake_expect(f, VFIO_USER_DEVICE_FEATURE))
		return;
	memcpy(&head, f->payload, sizeof(head));
	FAKE_CHECK(f, head.flags == (VFIO_DEVICE_FEATURE_GET | 8) && f->len == 16);
	FAKE_CHECK(f, *(uint64_t *)(f->payload + 8) == 0x1111);
	head.argsz = sizeof(reply);
	memcpy(reply, &head, sizeof(head));
	fake_reply(f, reply, sizeof(reply));
}

static void test_feature_get(void **state)
{
	feature_len = sizeof(feature_data);
	assert_int_equal(with(script_feature, feature_get, NULL), 0);
	assert_int_equal(feature_len, 16);
	assert_int_equal(feature_data[0], 0x2222);
	assert_int_equal(feature_data[1], 0x3333);
}

static void test_feature_that_needs_more_room(void **state)
{
	feature_len = 8;
	memset(feature_data, 0, sizeof(feature_data));
	assert_int_equal(with(script_feature, feature_get, NULL), -EMSGSIZE);
	assert_int_equal(feature_len, 16);
	assert_int_equal(feature_data[1], 0);
}

static int feature_probe(lm_client_t *c)
{
	return lm_client_device_feature(c, VFIO_DEVICE_FEATURE_PROBE | 1, NULL, 0, NULL);
}

static void script_feature_absent(struct fake *f)
{
	if (!fake_expect(f, VFIO_USER_DEVICE_FEATURE))
		return;
	FAKE_CHECK(f, f->len == 8);
	fake_reply_error(f, ENOTTY);
}

static void test_feature_that_is_absent(void **state)
{
	assert_int_equal(with(script_feature_absent, feature_probe, NULL), -ENOTTY);
}

static int feature_set(lm_client_t *c)
{
	return lm_client_device_feature(c, VFIO_DEVICE_FEATURE_SET | 8, feature_data, 8,
					&feature_len);
}

static void script_set_answered_at_length(struct fake *f)
{
	const struct vfio_user_device_feature head = { 24, VFIO_DEVICE_FEATURE_SET | 8 };
	uint64_t reply[3] = { 0, 0x2222, 0x3333 };

	memcpy(reply, &head, sizeof(head));
	if (fake_expect(f, VFIO_USER_DEVICE_FEATURE))
		fake_reply(f, reply, sizeof(reply));
}

/* What is said to be in the buffer is in the buffer. */
static void test_feature_set_that_is_answered_at_length(void **state)
{
	feature_len = 8;
	memset(feature_data, 0, sizeof(feature_data));
	assert_int_equal(with(script_set_answered_at_length, feature_set, NULL), 0);
	assert_int_equal(feature_len, 8);
	assert_int_equal(feature_data[1], 0);
}

static void script_other_feature(struct fake *f)
{
	const struct vfio_user_device_feature reply = { 8, VFIO_DEVICE_FEATURE_PROBE | 2 };

	if (fake_expect(f, VFIO_USER_DEVICE_FEATURE))
		fake_reply(f, &reply, sizeof(reply));
}

static void test_answer_about_another_feature(void **state)
{
	assert_int_equal(with(script_other_feature, feature_probe, NULL), -EPROTO);
}

/* ---- interrupts ------------------------------------------------------------- */

static struct vfio_irq_info irq_info;

static int get_irq_info(lm_client_t *c)
{
	return lm_client_irq_info(c, 2, &irq_info);
}

static void script_irq_info(struct fake *f)
{
	const struct vfio_irq_info reply = { 16, VFIO_IRQ_INFO_EVENTFD, 2, 2048 };
	const struct vfio_irq_info request = { .argsz = 16, .index = 2 };

	if (!fake_expect(f, VFIO_USER_DEVICE_GET_IRQ_INFO))
		return;
	FAKE_CHECK(f, f->len == 16 && !memcmp(f->payload, &request, 16));
	fake_reply(f, &reply, sizeof(reply));
}

static void test_irq_info(void **state)
{
	assert_int_equal(with(script_irq_info, get_irq_info, NULL), 0);
	assert_int_equal(irq_info.count, 2048);
	assert_int_equal(irq_info.flags, VFIO_IRQ_INFO_EVENTFD);
}

static void script_other_irq(struct fake *f)
{
	const struct vfio_irq_info reply = { .argsz = 16, .index = 1 };

	if (fake_expect(f, VFIO_USER_DEVICE_GET_IRQ_INFO))
		fake_reply(f, &reply, sizeof(reply));
}

static void test_answer_about_another_interrupt(void **state)
{
	assert_int_equal(with(script_other_irq, get_irq_info, NULL), -EPROTO);
}

/* What the server got: flags, start, count, descriptors of each message. */
static struct seen {
	struct vfio_irq_set set;
	unsigned int nr_fds;
	uint8_t data[8];
} seen[16];
static unsigned int nr_seen;

static void script_set_irqs(struct fake *f)
{
	nr_seen = 0;
	memset(seen, 0, sizeof(seen));
	while (fake_recv(f) && nr_seen < LM_NR(seen)) {
		struct seen *s = &seen[nr_seen++];

		FAKE_CHECK(f, f->hdr.cmd == VFIO_USER_DEVICE_SET_IRQS);
		memcpy(&s->set, f->payload, sizeof(s->set));
		FAKE_CHECK(f, s->set.argsz == f->len);
		memcpy(s->data, f->payload + sizeof(s->set), f->len - sizeof(s->set));
		s->nr_fds = f->nr_fds;
		fake_reply(f, NULL, 0);
	}
}

static const lm_client_irq_set_t *irqs_to_set;

static int set_irqs(lm_client_t *c)
{
	return lm_client_set_irqs(c, irqs_to_set);
}

static int set_irqs_of(const lm_client_irq_set_t *set)
{
	irqs_to_set = set;
	return with(script_set_irqs, set_irqs, NULL);
}

static void seen_is(unsigned int i, uint32_t start, uint32_t count, unsigned int nr_fds)
{
	assert_true(i < nr_seen);
	assert_int_equal(seen[i].set.start, start);
	assert_int_equal(seen[i].set.count, count);
	assert_int_equal(seen[i].nr_fds, nr_fds);
}

static void test_eventfds_go_in_messages_that_the_server_takes(void **state)
{
	int fds[10], i;
	const lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = 2, .start = 3, .count = 10, .fds = fds,
	};

	for (i = 0; i < 10; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(set_irqs_of(&set), 0);
	for (i = 0; i < 10; i++)
		assert_int_equal(close(fds[i]), 0);
	assert_int_equal(nr_seen, 3);
	seen_is(0, 3, 4, 4);
	seen_is(1, 7, 4, 4);
	seen_is(2, 11, 2, 2);
	assert_int_equal(seen[2].set.flags, set.flags);
	assert_int_equal(seen[2].set.index, 2);
}

static void test_vectors_without_eventfd_among_others(void **state)
{
	int fds[7] = { -1, 0, 0, -1, -1, -1, 0 };
	const lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.count = 7, .fds = fds,
	};

	assert_int_equal(set_irqs_of(&set), 0);
	assert_int_equal(nr_seen, 4);
	seen_is(0, 0, 1, 0);
	seen_is(1, 1, 2, 2);
	seen_is(2, 3, 3, 0);
	seen_is(3, 6, 1, 1);
}

static void test_all_eventfds_are_taken_away_at_once(void **state)
{
	const lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = 1, .start = 0, .count = 32,
	};

	assert_int_equal(set_irqs_of(&set), 0);
	assert_int_equal(nr_seen, 1);
	seen_is(0, 0, 32, 0);
}

static void test_bools_are_sent(void **state)
{
	const uint8_t bools[] = { 1, 0, 1 };
	const lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_MASK, .start = 5, .count = 3,
		.bools = bools,
	};

	assert_int_equal(set_irqs_of(&set), 0);
	assert_int_equal(nr_seen, 1);
	seen_is(0, 5, 3, 0);
	assert_memory_equal(seen[0].data, bools, 3);
}

static void test_none_has_no_data(void **state)
{
	const lm_client_irq_set_t off = {
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, .index = 2,
	};

	assert_int_equal(set_irqs_of(&off), 0);
	assert_int_equal(nr_seen, 1);
	seen_is(0, 0, 0, 0);
	assert_int_equal(seen[0].set.argsz, sizeof(struct vfio_irq_set));
}

static void test_sets_that_contradict_themselves(void **state)
{
	const lm_client_irq_set_t bad[] = {
		{ .flags = VFIO_IRQ_SET_ACTION_MASK, .count = 1 },
		{ .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_BOOL, .count = 1 },
		{ .flags = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_MASK, .count = 1 },
		{ .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER },
	};
	size_t i;

	for (i = 0; i < LM_NR(bad); i++)
		assert_int_equal(set_irqs_of(&bad[i]), -EINVAL);
}

static void script_second_fails(struct fake *f)
{
	if (fake_expect(f, VFIO_USER_DEVICE_SET_IRQS))
		fake_reply(f, NULL, 0);
	if (fake_expect(f, VFIO_USER_DEVICE_SET_IRQS))
		fake_reply_error(f, ENOSPC);
	FAKE_CHECK(f, !fake_recv(f));
}

static void test_failure_stops_what_follows(void **state)
{
	int fds[12] = { 0 };
	const lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.count = 12, .fds = fds,
	};

	irqs_to_set = &set;
	assert_int_equal(with(script_second_fails, set_irqs, NULL), -ENOSPC);
}

/* ---- DMA -------------------------------------------------------------------- */

static lm_client_dma_map_t window;
static struct vfio_user_dma_map window_seen;
static unsigned int window_fds;
static ino_t window_inode;

static int map_window(lm_client_t *c)
{
	return lm_client_dma_map(c, &window);
}

static void script_dma_map(struct fake *f)
{
	struct stat st = { 0 };

	if (!fake_expect(f, VFIO_USER_DMA_MAP))
		return;
	FAKE_CHECK(f, f->len == sizeof(window_seen));
	memcpy(&window_seen, f->payload, sizeof(window_seen));
	window_fds = f->nr_fds;
	if (window_fds && !fstat(f->fds[0], &st))
		window_inode = st.st_ino;
	fake_reply(f, NULL, 0);
}

static void test_many_eventfds_have_one_deadline(void **state)
{
	struct fake f = { .script = script_slow, .json = "{}" }; /* one descriptor a message */
	lm_client_t *c = fake_client(&f, NULL);
	static int fds[2048];
	lm_client_irq_set_t set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = LM_DEV_MSIX_IRQ_IDX, .count = LM_NR(fds), .fds = fds,
	};
	const int fd = eventfd(0, EFD_CLOEXEC);
	size_t i;

	for (i = 0; i < LM_NR(fds); i++)
		fds[i] = fd;
	lm_client_set_timeout(c, FAKE_QUICK_MS);
	assert_int_equal(lm_client_set_irqs(c, &set), -ETIMEDOUT);
	lm_client_close(c);
	fake_join(&f);
	close(fd);
}

static void test_dma_map_with_a_descriptor(void **state)
{
	const int fd = memfd_create("window", MFD_CLOEXEC);
	struct stat st;

	fstat(fd, &st);
	window = (lm_client_dma_map_t){
		.addr = 0x100000000, .size = 0x200000, .offset = 0x1000,
		.flags = LM_CLIENT_DMA_READ | LM_CLIENT_DMA_WRITE, .fd = fd,
	};
	assert_int_equal(with(script_dma_map, map_window, NULL), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(window_fds, 1);
	assert_int_equal(window_inode, st.st_ino);
	assert_int_equal(window_seen.argsz, sizeof(window_seen));
	assert_int_equal(window_seen.addr, 0x100000000);
	assert_int_equal(window_seen.size, 0x200000);
	assert_int_equal(window_seen.offset, 0x1000);
	assert_int_equal(window_seen.flags, VFIO_USER_DMA_READABLE | VFIO_USER_DMA_WRITEABLE |
					    VFIO_USER_DMA_MMAP);
}

static void test_dma_map_by_file_io(void **state)
{
	window = (lm_client_dma_map_t){
		.size = 4096, .flags = LM_CLIENT_DMA_READ | LM_CLIENT_DMA_FILE_IO, .fd = 0,
	};
	assert_int_equal(with(script_dma_map, map_window, NULL), 0);
	assert_int_equal(window_seen.flags, VFIO_USER_DMA_READABLE | VFIO_USER_DMA_FILE_IO);
}

static void test_dma_map_without_a_descriptor(void **state)
{
	window = (lm_client_dma_map_t){ .size = 4096, .flags = LM_CLIENT_DMA_WRITE, .fd = -1 };
	assert_int_equal(with(script_dma_map, map_window, NULL), 0);
	assert_int_equal(window_fds, 0);
	assert_int_equal(window_seen.flags, VFIO_USER_DMA_WRITEABLE);
}

static int unmap_window(lm_client_t *c)
{
	return lm_client_dma_unmap(c, 0x1000, 0x2000);
}

static void script_dma_unmap(struct fake *f)
{
	const struct vfio_user_dma_unmap request = { .argsz = 24, .addr = 0x1000, .size = 0x2000 };

	if (!fake_expect(f, VFIO_USER_DMA_UNMAP))
		return;
	FAKE_CHECK(f, f->len == 24 && !memcmp(f->payload, &request, 24));
	fake_reply(f, f->payload, f->len);
}

static void test_dma_unmap(void **state)
{
	assert_int_equal(with(script_dma_unmap, unmap_window, NULL), 0);
}

static void script_dma_unmap_other(struct fake *f)
{
	if (!fake_expect(f, VFIO_USER_DMA_UNMAP))
		return;
	f->payload[8] ^= 1;
	fake_reply(f, f->payload, f->len);
}

static void test_dma_unmap_of_another_window(void **state)
{
	assert_int_equal(with(script_dma_unmap_other, unmap_window, NULL), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(test_device_info),
		fake_test(test_device_info_cut_short),
		fake_test(test_reset),
		fake_test(test_reset_with_a_payload_that_it_has_not),
		fake_test(test_feature_get),
		fake_test(test_feature_that_needs_more_room),
		fake_test(test_feature_that_is_absent),
		fake_test(test_feature_set_that_is_answered_at_length),
		fake_test(test_answer_about_another_feature),
		fake_test(test_irq_info),
		fake_test(test_answer_about_another_interrupt),
		fake_test(test_eventfds_go_in_messages_that_the_server_takes),
		fake_test(test_vectors_without_eventfd_among_others),
		fake_test(test_all_eventfds_are_taken_away_at_once),
		fake_test(test_bools_are_sent),
		fake_test(test_none_has_no_data),
		fake_test(test_sets_that_contradict_themselves),
		fake_test(test_many_eventfds_have_one_deadline),
		fake_test(test_failure_stops_what_follows),
		fake_test(test_dma_map_with_a_descriptor),
		fake_test(test_dma_map_by_file_io),
		fake_test(test_dma_map_without_a_descriptor),
		fake_test(test_dma_unmap),
		fake_test(test_dma_unmap_of_another_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
