/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_client_describe.c - descriptions of regions: capabilities, descriptors, and answers that
 * contradict themselves.
 */
#include "fake_server.h"
#include "muser.h"

#define INFO_SIZE sizeof(struct vfio_region_info)

/* What the server answers: bytes, their length, descriptors. */
static union {
	struct vfio_region_info info;
	struct vfio_user_region_io_fds io;
	uint64_t align;
	char bytes[64 * 1024];
} answer;
static size_t answer_len;
static unsigned int answer_fds;
static unsigned int asked; /* how often */
static uint32_t asked_room[4];

static void answer_new(uint64_t size, uint32_t flags)
{
	memset(&answer, 0, sizeof(answer));
	answer.info.argsz = INFO_SIZE;
	answer.info.index = 2;
	answer.info.size = size;
	answer.info.flags = flags;
	answer_len = INFO_SIZE;
	answer_fds = 0;
}

/* Append a capability; where it stands. */
static uint32_t answer_cap(uint16_t id, uint32_t size)
{
	struct vfio_info_cap_header *cap = (void *)(answer.bytes + answer_len);
	uint32_t *link = &answer.info.cap_offset;
	const uint32_t at = (uint32_t)answer_len;

	while (*link)
		link = &((struct vfio_info_cap_header *)(void *)(answer.bytes + *link))->next;
	*link = at;
	cap->id = id;
	cap->version = 1;
	answer.info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
	answer_len += size;
	answer.info.argsz = (uint32_t)answer_len;
	return at;
}

static void answer_areas(uint32_t nr, uint64_t size)
{
	const uint32_t at = answer_cap(VFIO_REGION_INFO_CAP_SPARSE_MMAP, 16 + nr * 16);
	struct vfio_region_info_cap_sparse_mmap *cap = (void *)(answer.bytes + at);
	uint32_t i;

	cap->nr_areas = nr;
	for (i = 0; i < nr; i++) {
		cap->areas[i].offset = i * 2 * size;
		cap->areas[i].size = size;
	}
}

/* As the specification has it: all of it if there is room, else the start alone. */
static void script_answers(struct fake *f)
{
	const int fds[16] = { 0 };
	uint32_t room;

	asked = 0;
	while (fake_recv(f)) {
		memcpy(&room, f->payload, sizeof(room));
		asked_room[asked++ % 4] = room;
		if (answer_len <= room)
			fake_reply_fds(f, &answer, answer_len, fds, answer_fds);
		else
			fake_reply(f, &answer, f->len);
	}
}

static int describe_region(lm_client_region_t *region)
{
	struct fake f = { .script = script_answers };
	lm_client_t *c = fake_client(&f, NULL);
	const int ret = lm_client_region_info(c, 2, region);

	assert_int_equal(lm_client_status(c), 0);
	lm_client_close(c);
	fake_join(&f);
	return ret;
}

static void region_is_refused(void)
{
	lm_client_region_t region = { 0 };

	assert_int_equal(describe_region(&region), -EPROTO);
	assert_null(region.info);
}

/* ---- what a description says ------------------------------------------------ */

static void test_plain_region(void **state)
{
	lm_client_region_t region;
	lm_client_area_t area;
	uint32_t type, subtype;

	answer_new(0x1000, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	assert_int_equal(describe_region(&region), 0);
	assert_int_equal(region.info->size, 0x1000);
	assert_int_equal(region.info->flags,
			 VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	assert_int_equal(region.nr_fds, 0);
	assert_int_equal(lm_client_region_area(&region, 0, &area), -ENOENT);
	assert_int_equal(lm_client_region_type(&region, &type, &subtype), -ENOENT);
	lm_client_region_free(&region);
	assert_null(region.info);
	lm_client_region_free(&region);
	lm_client_region_free(NULL);
}

static void test_region_that_can_be_mapped_whole(void **state)
{
	lm_client_region_t region;
	lm_client_area_t area;

	answer_new(0x4000, VFIO_REGION_INFO_FLAG_MMAP);
	answer.info.offset = 0x10000;
	answer_fds = 1;
	assert_int_equal(describe_region(&region), 0);
	assert_int_equal(lm_client_region_area(&region, 0, &area), 0);
	assert_int_equal(area.offset, 0);
	assert_int_equal(area.size, 0x4000);
	assert_int_equal(area.fd_offset, 0x10000);
	assert_int_equal(area.fd, region.fds[0]);
	assert_int_equal(lm_client_region_area(&region, 1, &area), -ENOENT);
	lm_client_region_free(&region);
}

static void test_areas_with_a_descriptor_each(void **state)
{
	lm_client_region_t region;
	lm_client_area_t area;

	answer_new(0x8000, VFIO_REGION_INFO_FLAG_MMAP);
	answer.info.offset = 0x1000;
	answer_areas(3, 0x1000);
	answer_fds = 3;
	assert_int_equal(describe_region(&region), 0);
	assert_int_equal(lm_client_region_area(&region, 2, &area), 0);
	assert_int_equal(area.offset, 0x4000);
	assert_int_equal(area.size, 0x1000);
	assert_int_equal(area.fd_offset, 0x5000);
	assert_int_equal(area.fd, region.fds[2]);
	assert_int_not_equal(region.fds[0], region.fds[2]);
	assert_int_equal(lm_client_region_area(&region, 3, &area), -ENOENT);
	lm_client_region_free(&region);
}

static void test_areas_that_share_a_descriptor(void **state)
{
	lm_client_region_t region;
	lm_client_area_t area;

	answer_new(0x8000, VFIO_REGION_INFO_FLAG_MMAP);
	answer_areas(2, 0x1000);
	answer_fds = 1;
	assert_int_equal(describe_region(&region), 0);
	assert_int_equal(lm_client_region_area(&region, 1, &area), 0);
	assert_int_equal(area.fd, region.fds[0]);
	lm_client_region_free(&region);
}

static void test_area_without_any_descriptor(void **state)
{
	lm_client_region_t region;
	lm_client_area_t area;

	answer_new(0x1000, VFIO_REGION_INFO_FLAG_MMAP);
	assert_int_equal(describe_region(&region), 0);
	assert_int_equal(lm_client_region_area(&region, 0, &area), 0);
	assert_int_equal(area.fd, -1);
	lm_client_region_free(&region);
}

static void test_descriptor_that_the_caller_keeps(void **state)
{
	lm_client_region_t region;
	int kept;

	answer_new(0x1000, VFIO_REGION_INFO_FLAG_MMAP);
	answer_fds = 2;
	assert_int_equal(describe_region(&region), 0);
	kept = region.fds[0];
	region.fds[0] = -1;
	lm_client_region_free(&region);
	assert_int_equal(close(kept), 0);
}

static void test_type_behind_another_capability(void **state)
{
	struct vfio_region_info_cap_type *cap;
	lm_client_region_t region;
	uint32_t type, subtype;

	answer_new(0x1000, 0);
	answer_areas(1, 0x1000);
	cap = (void *)(answer.bytes + answer_cap(VFIO_REGION_INFO_CAP_TYPE, sizeof(*cap)));
	cap->type = 0x80001234;
	cap->subtype = 7;
	assert_int_equal(describe_region(&region), 0);
	assert_int_equal(lm_client_region_type(&region, &type, &subtype), 0);
	assert_int_equal(type, 0x80001234);
	assert_int_equal(subtype, 7);
	lm_client_region_free(&region);
}

static void test_more_capabilities_than_we_made_room_for(void **state)
{
	lm_client_region_t region;
	lm_client_area_t area;

	answer_new(1 << 20, VFIO_REGION_INFO_FLAG_MMAP);
	answer_areas(500, 16);
	assert_int_equal(describe_region(&region), 0);
	assert_int_equal(asked, 2);
	assert_int_equal(asked_room[1], INFO_SIZE + 16 + 500 * 16);
	assert_int_equal(lm_client_region_area(&region, 499, &area), 0);
	assert_int_equal(area.offset, 499 * 32);
	lm_client_region_free(&region);
}

/* ---- descriptions that contradict themselves -------------------------------- */

static void test_answer_about_another_region(void **state)
{
	answer_new(0x1000, 0);
	answer.info.index = 3;
	region_is_refused();
}

static void test_answer_cut_short(void **state)
{
	answer_new(0x1000, 0);
	answer_len = INFO_SIZE - 1;
	region_is_refused();
}

static void test_offset_beyond_the_end_of_the_world(void **state)
{
	answer_new(0x1000, VFIO_REGION_INFO_FLAG_MMAP);
	answer.info.offset = UINT64_MAX - 0x800;
	region_is_refused();
}

static void test_links_that_lead_nowhere(void **state)
{
	static const uint32_t links[] = { 1, 31, INFO_SIZE + 25, 1000, UINT32_MAX };
	size_t i;

	for (i = 0; i < LM_NR(links); i++) {
		answer_new(0x1000, 0);
		answer_cap(99, 32);
		answer.info.cap_offset = links[i];
		region_is_refused();
	}
}

static void test_chain_that_bites_its_tail(void **state)
{
	uint32_t at;

	answer_new(0x1000, 0);
	at = answer_cap(99, 8);
	((struct vfio_info_cap_header *)(void *)(answer.bytes + at))->next = at;
	region_is_refused();
}

static void test_capability_cut_short(void **state)
{
	answer_new(0x1000, 0);
	answer_cap(VFIO_REGION_INFO_CAP_TYPE, 8);
	region_is_refused();
	answer_new(0x1000, 0);
	answer_cap(VFIO_REGION_INFO_CAP_SPARSE_MMAP, 8);
	region_is_refused();
}

static void test_more_areas_than_there_are(void **state)
{
	static const uint32_t claims[] = { 3, 0x10000000, 0xffffffff };
	size_t i;

	for (i = 0; i < LM_NR(claims); i++) {
		answer_new(0x8000, VFIO_REGION_INFO_FLAG_MMAP);
		answer_areas(2, 0x1000);
		memcpy(answer.bytes + INFO_SIZE + 8, &claims[i], sizeof(claims[i]));
		region_is_refused();
	}
}

static void test_area_beyond_the_region(void **state)
{
	answer_new(0x1000, VFIO_REGION_INFO_FLAG_MMAP);
	answer_areas(1, 0x1001);
	region_is_refused();
	answer_new(0x1000, VFIO_REGION_INFO_FLAG_MMAP);
	answer_areas(2, UINT64_MAX);
	region_is_refused();
}

static void test_room_that_is_never_enough(void **state)
{
	answer_new(0x1000, 0);
	answer.info.argsz = UINT32_MAX;
	region_is_refused();
	answer_new(0x1000, 0);
	answer.info.argsz = 8192;
	region_is_refused();
	assert_int_equal(asked, 2);
}

static void script_more_than_asked(struct fake *f)
{
	if (fake_recv(f))
		fake_reply(f, &answer, 8192);
}

static void test_more_than_there_was_room_for(void **state)
{
	struct fake f = { .script = script_more_than_asked };
	lm_client_t *c = fake_client(&f, NULL);
	lm_client_region_t region;

	answer_new(0x1000, 0);
	assert_int_equal(lm_client_region_info(c, 2, &region), -EPROTO);
	lm_client_close(c);
	fake_join(&f);
}

/* ---- descriptors for accesses ----------------------------------------------- */

static struct vfio_user_ioeventfd *io_new(uint32_t count, unsigned int fds)
{
	memset(&answer, 0, sizeof(answer));
	answer.io.index = 2;
	answer.io.count = count;
	answer_len = sizeof(answer.io) + count * sizeof(struct vfio_user_ioeventfd);
	answer.io.argsz = (uint32_t)answer_len;
	answer_fds = fds;
	return (void *)(answer.bytes + sizeof(answer.io));
}

static int io_get(lm_client_io_fds_t *io)
{
	struct fake f = { .script = script_answers };
	lm_client_t *c = fake_client(&f, NULL);
	const int ret = lm_client_region_io_fds(c, 2, io);

	lm_client_close(c);
	fake_join(&f);
	return ret;
}

static void test_io_fds(void **state)
{
	struct vfio_user_ioeventfd *subs = io_new(3, 2);
	lm_client_io_fds_t io;

	subs[0] = (struct vfio_user_ioeventfd){ .offset = 8, .size = 4, .fd_index = 1,
						.flags = 1, .datamatch = 0x55 };
	subs[1] = (struct vfio_user_ioeventfd){ .offset = 12, .fd_index = 0 };
	subs[2] = (struct vfio_user_ioeventfd){ .offset = 16, .fd_index = 1,
						.type = VFIO_USER_IO_FD_TYPE_IOREGIONFD };
	assert_int_equal(io_get(&io), 0);
	assert_int_equal(io.nr, 3);
	assert_int_equal(io.nr_fds, 2);
	assert_int_equal(io.subs[0].offset, 8);
	assert_int_equal(io.subs[0].size, 4);
	assert_int_equal(io.subs[0].value, 0x55);
	assert_int_equal(io.subs[0].flags, 1);
	assert_int_equal(io.subs[0].fd, io.fds[1]);
	assert_int_equal(io.subs[1].fd, io.fds[0]);
	assert_int_equal(io.subs[2].type, LM_CLIENT_IOREGIONFD);
	lm_client_io_fds_free(&io);
	assert_null(io.subs);
	lm_client_io_fds_free(NULL);
}

static void test_io_fds_of_a_region_that_has_none(void **state)
{
	lm_client_io_fds_t io;

	io_new(0, 0);
	assert_int_equal(io_get(&io), 0);
	assert_int_equal(io.nr, 0);
	lm_client_io_fds_free(&io);
}

static void test_io_fd_that_did_not_come(void **state)
{
	lm_client_io_fds_t io;

	io_new(2, 2)[1].fd_index = 2;
	assert_int_equal(io_get(&io), -EPROTO);
}

static void test_more_io_fds_than_there_are(void **state)
{
	lm_client_io_fds_t io;

	io_new(1, 1);
	answer.io.count = UINT32_MAX;
	assert_int_equal(io_get(&io), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(test_plain_region),
		fake_test(test_region_that_can_be_mapped_whole),
		fake_test(test_areas_with_a_descriptor_each),
		fake_test(test_areas_that_share_a_descriptor),
		fake_test(test_area_without_any_descriptor),
		fake_test(test_descriptor_that_the_caller_keeps),
		fake_test(test_type_behind_another_capability),
		fake_test(test_more_capabilities_than_we_made_room_for),
		fake_test(test_answer_about_another_region),
		fake_test(test_answer_cut_short),
		fake_test(test_offset_beyond_the_end_of_the_world),
		fake_test(test_links_that_lead_nowhere),
		fake_test(test_chain_that_bites_its_tail),
		fake_test(test_capability_cut_short),
		fake_test(test_more_areas_than_there_are),
		fake_test(test_area_beyond_the_region),
		fake_test(test_room_that_is_never_enough),
		fake_test(test_more_than_there_was_room_for),
		fake_test(test_io_fds),
		fake_test(test_io_fds_of_a_region_that_has_none),
		fake_test(test_io_fd_that_did_not_come),
		fake_test(test_more_io_fds_than_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
