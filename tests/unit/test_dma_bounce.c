/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dma_bounce.c - taps of DMA: windows, transfers, and pointers that become copies.
 */
#include "region/region.h"
#include "gate_tap.h"

/* ---- DMA ------------------------------------------------------------------------- */

static void windows_are_seen_refused_and_dropped(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_DMA_MAP) | KIND(LM_TRACE_DMA_UNMAP));
	const struct vfio_user_dma_map req = {
		.argsz = sizeof(req), .flags = VFIO_USER_DMA_READABLE, .addr = 0, .size = PAGE,
	};
	const int fd = eventfd(0, EFD_CLOEXEC);
	dma_sg_t sg;

	give_memory(e);
	assert_int_equal(tap.after[0].offset, IOVA);
	tap.answer = TAP_ANSWERED;
	tap.result = -ENOMEM;
	engine_request_fails(e, VFIO_USER_DMA_MAP, &req, sizeof(req), ENOMEM);
	tap.result = 0;
	engine_map(e, 0, PAGE, fd);
	close(fd); /* and the device has closed its own */
	assert_int_equal(lm_addr_to_sg(e->ctx, 0, 4, &sg, 1), -ENOENT);
}

static void transfers_are_seen_and_changed(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_DMA_READ) | KIND(LM_TRACE_DMA_WRITE));
	char data[] = "mine";
	dma_sg_t sg;

	give_memory(e);
	sg = find(e, IOVA, 4);
	tap.before_bytes = "his";
	assert_int_equal(lm_dma_write(e->ctx, &sg, data), 0);
	assert_memory_equal(memory, "hise", 4);
	assert_string_equal(data, "mine"); /* the device's own stays */
	assert_memory_equal(tap.before[0].bytes, "mine", 4);
	assert_memory_equal(tap.after[0].bytes, "hise", 4);
	tap.before_bytes = NULL;
	tap.after_bytes = "our";
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), 0);
	assert_string_equal(data, "oure");
	assert_memory_equal(tap.after[1].bytes, "hise", 4);
}

static void transfers_fail_and_are_dropped(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_DMA_READ) | KIND(LM_TRACE_DMA_WRITE));
	char data[] = "mine";
	dma_sg_t sg;

	give_memory(e);
	sg = find(e, IOVA, 4);
	tap.answer = TAP_ANSWERED;
	assert_int_equal(lm_dma_write(e->ctx, &sg, data), 0);
	assert_memory_equal(memory, "\0\0\0\0", 4);
	tap.result = -EFAULT;
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -EFAULT);
	tap.answer = TAP_PASS;
	tap.after_result = -EIO;
	assert_int_equal(lm_dma_read(e->ctx, &sg, data), -EIO);
}

static int results[4];
static unsigned int nr_results;

static void note_result(void *arg, int result)
{
	assert_ptr_equal(arg, results);
	results[nr_results++] = result;
}

static void a_transfer_is_held_before_and_after(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_DMA_READ));
	char data[5] = "";
	dma_sg_t sg;

	nr_results = 0;
	give_memory(e);
	memcpy(memory, "data", 4);
	sg = find(e, IOVA, 4);
	tap.holds_before = tap.holds_after = true;
	assert_int_equal(lm_dma_read_async(e->ctx, &sg, data, note_result, results), 0);
	assert_string_equal(data, "");
	assert_int_equal(lm_complete(e->ctx, tap.token, 0, NULL), 0);
	assert_string_equal(data, "data");
	assert_int_equal(nr_results, 0);
	let_go_on(e);
	assert_int_equal(nr_results, 1);
	assert_int_equal(results[0], 0);
}

static void a_transfer_by_message_is_held(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_DMA_READ));
	char data[5] = "";
	struct wire m;
	dma_sg_t sg;

	nr_results = 0;
	give_memory(e);
	sg = find(e, MESSAGE, 4);
	tap.holds_before = true;
	assert_int_equal(lm_dma_read_async(e->ctx, &sg, data, note_result, results), 0);
	assert_false(wire_recv(e, e->fd, &m));
	let_go_on(e);
	assert_true(wire_recv(e, e->fd, &m));
	assert_int_equal(m.hdr.cmd, VFIO_USER_DMA_READ);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(nr_results, 1);
	assert_int_equal(results[0], -ECANCELED);
	assert_int_equal(tap.nr_after, 1);
}

/* The client leaves: who waits hears of it, and the tap has nothing to let go any more. */
static void a_held_transfer_ends_with_its_client(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_DMA_WRITE));
	dma_sg_t sg;

	nr_results = 0;
	give_memory(e);
	sg = find(e, IOVA, 4);
	tap.holds_before = true;
	assert_int_equal(lm_dma_write_async(e->ctx, &sg, "data", note_result, results), 0);
	assert_int_equal(lm_dma_write_async(e->ctx, &sg, "more", note_result, results), 0);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(nr_results, 2);
	assert_int_equal(results[0], -ECANCELED);
	assert_int_equal(lm_complete(e->ctx, tap.token, 0, NULL), -ENOENT);
}

static struct {
	struct engine *e;
	dma_sg_t sg;
	char data[4];
} again;

/* A device that polls memory of its client, whatever becomes of it. */
static void start_again(void *arg, int result)
{
	if (++nr_results < 4)
		lm_dma_read_async(again.e->ctx, &again.sg, again.data, start_again, NULL);
}

static void nothing_is_held_for_a_client_that_leaves(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_DMA_READ));

	nr_results = 0;
	give_memory(e);
	again.e = e;
	again.sg = find(e, MESSAGE, 4);
	tap.holds_before = true;
	assert_int_equal(lm_dma_read_async(e->ctx, &again.sg, again.data, start_again, NULL), 0);
	engine_close(e);
	engine_poll(e);
	assert_int_equal(nr_results, 1);
}

static void an_asynchronous_transfer_fails_and_is_answered(void **state)
{
	struct engine *e = begin(state, KIND(LM_TRACE_DMA_WRITE));
	dma_sg_t sg;

	nr_results = 0;
	give_memory(e);
	sg = find(e, IOVA, 4);
	tap.answer = TAP_ANSWERED;
	assert_int_equal(lm_dma_write_async(e->ctx, &sg, "data", note_result, results), 0);
	assert_int_equal(nr_results, 1);
	assert_memory_equal(memory, "\0\0\0\0", 4);
	tap.result = -EIO;
	assert_int_equal(lm_dma_write_async(e->ctx, &sg, "data", note_result, results), -EIO);
	assert_int_equal(nr_results, 1);
	sg.generation++;
	tap.answer = TAP_PASS;
	assert_int_equal(lm_dma_write_async(e->ctx, &sg, "data", note_result, results), -ESTALE);
	assert_int_equal(nr_results, 1);
}

/* ---- pointers to client memory ---------------------------------------------------- */

static struct engine *begin_with_pointers(void **state)
{
	struct engine *e = *state;

	engine_connect(e);
	give_memory(e);
	memcpy(memory, "0123456789", 10);
	tap.tap = (struct tap){
		.kinds = KIND(LM_TRACE_DMA_READ) | KIND(LM_TRACE_DMA_WRITE), .needs_bytes = true,
		.before = tap_before, .after = tap_after,
	};
	gate_add(e->ctx, TAP_TEST, &tap.tap);
	return e;
}

static void a_pointer_becomes_a_copy_that_crosses(void **state)
{
	struct engine *e = begin_with_pointers(state);
	const dma_sg_t sg = find(e, IOVA, 10);
	struct iovec iov;

	assert_int_equal(lm_map_sg(e->ctx, PROT_READ | PROT_WRITE, &sg, &iov, 1), 0);
	assert_int_equal(iov.iov_len, 10);
	assert_memory_equal(iov.iov_base, "0123456789", 10);
	assert_int_equal(tap.after[0].kind, LM_TRACE_DMA_READ);
	memcpy((char *)iov.iov_base + 2, "abc", 3);
	((char *)iov.iov_base)[8] = 'z';
	memory[0] = 'C'; /* the client, meanwhile */
	assert_memory_equal(memory, "C123456789", 10);
	lm_unmap_sg(e->ctx, &sg, &iov, 1);
	assert_memory_equal(memory, "C1abc567z9", 10);
	assert_int_equal(tap.nr_before, 3);
	assert_int_equal(tap.before[1].kind, LM_TRACE_DMA_WRITE);
	assert_int_equal(tap.before[1].offset, IOVA + 2);
	assert_int_equal(tap.before[1].len, 3);
	assert_memory_equal(tap.before[1].bytes, "abc", 3);
	assert_int_equal(tap.before[2].offset, IOVA + 8);
}

static void what_a_pointer_wrote_is_changed_and_dropped(void **state)
{
	struct engine *e = begin_with_pointers(state);
	const dma_sg_t sg = find(e, IOVA, 10);
	struct iovec iov;

	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, &sg, &iov, 1), 0);
	assert_int_equal(tap.nr_before, 0); /* the device does not read it */
	memcpy(iov.iov_base, "abc", 3);
	tap.before_bytes = "X";
	lm_unmap_sg(e->ctx, &sg, &iov, 1);
	assert_memory_equal(memory, "Xbc3456789", 10);
	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, &sg, &iov, 1), 0);
	memcpy(iov.iov_base, "lost", 4);
	tap.answer = TAP_ANSWERED;
	lm_unmap_sg(e->ctx, &sg, &iov, 1);
	assert_memory_equal(memory, "Xbc3456789", 10);
}

static void a_pointer_is_refused_if_its_read_fails(void **state)
{
	struct engine *e = begin_with_pointers(state);
	const dma_sg_t sg = find(e, IOVA, 10);
	struct iovec iov;

	tap.answer = TAP_ANSWERED;
	tap.result = -EFAULT;
	assert_int_equal(lm_map_sg(e->ctx, PROT_READ, &sg, &iov, 1), -EFAULT);
	assert_int_equal(taps_beyond(e->ctx).pointers, 0);
}

/* Of memory that the device cannot read, and so without a word of what was there. */
static void what_was_not_given_out_is_not_written(void **state)
{
	struct engine *e = begin_with_pointers(state);
	const int fd = memfd_create("client", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const struct vfio_user_dma_map req = {
		.argsz = sizeof(req), .flags = VFIO_USER_DMA_WRITEABLE, .addr = 0, .size = PAGE,
	};
	struct iovec iov[2];
	struct wire m;
	dma_sg_t sg[2];
	char data[4];

	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(pwrite(fd, "data", 4, 0), 4);
	engine_reply(e, engine_command_fds(e, VFIO_USER_DMA_MAP, &req, sizeof(req), &fd, 1),
		     VFIO_USER_DMA_MAP, &m);
	sg[0] = find(e, 0, 4);
	sg[1] = find(e, MESSAGE, 4);
	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, sg, iov, 2), -EOPNOTSUPP);
	assert_int_equal(tap.nr_before, 0);
	assert_int_equal(pread(fd, data, 4, 0), 4);
	assert_memory_equal(data, "data", 4);
	close(fd);
}

static void pointers_that_were_out_are_beyond_reach(void **state)
{
	struct engine *e = *state;
	struct iovec before, after;
	dma_sg_t sg;

	engine_connect(e);
	give_memory(e);
	sg = find(e, IOVA, 10);
	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, &sg, &before, 1), 0);
	tap.tap = (struct tap){ .needs_bytes = true };
	gate_add(e->ctx, TAP_TEST, &tap.tap);
	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, &sg, &after, 1), 0);
	assert_ptr_not_equal(before.iov_base, after.iov_base);
	assert_int_equal(taps_beyond(e->ctx).pointers, 1);
	memcpy(before.iov_base, "now", 3);
	assert_memory_equal(memory, "now", 3);
	memcpy((char *)after.iov_base + 4, "then", 4);
	gate_remove(e->ctx, TAP_TEST);
	lm_unmap_sg(e->ctx, &sg, &before, 1);
	assert_memory_equal(memory, "now\0\0\0\0\0", 8);
	lm_unmap_sg(e->ctx, &sg, &after, 1); /* also after the tap */
	assert_memory_equal(memory, "now\0then", 8);
	assert_int_equal(taps_beyond(e->ctx).pointers, 0);
	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, &sg, &after, 1), 0);
	assert_memory_equal(after.iov_base, "now\0then", 8);
	lm_unmap_sg(e->ctx, &sg, &after, 1);
}

/* The client waits until pointers are given back: what was written there still arrives. */
static void a_copy_is_written_while_its_window_is_unmapped(void **state)
{
	struct engine *e = begin_with_pointers(state);
	const struct vfio_user_dma_unmap req = {
		.argsz = sizeof(req), .addr = IOVA, .size = PAGE };
	const dma_sg_t sg = find(e, IOVA, 10);
	struct iovec iov;
	struct wire m;
	uint16_t id;

	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, &sg, &iov, 1), 0);
	memcpy(iov.iov_base, "last", 4);
	id = engine_command(e, VFIO_USER_DMA_UNMAP, &req, sizeof(req));
	assert_false(has_reply(e));
	lm_unmap_sg(e->ctx, &sg, &iov, 1);
	engine_reply(e, id, VFIO_USER_DMA_UNMAP, &m);
	assert_memory_equal(memory, "last456789", 10);
}

static void a_pointer_may_outlive_its_client(void **state)
{
	struct engine *e = begin_with_pointers(state);
	const dma_sg_t sg = find(e, IOVA, 10);
	struct iovec iov, other;

	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, &sg, &iov, 1), 0);
	assert_int_equal(lm_map_sg(e->ctx, PROT_WRITE, &sg, &other, 1), 0);
	engine_close(e);
	engine_poll(e);
	memcpy(iov.iov_base, "lost", 4);
	lm_unmap_sg(e->ctx, &sg, &iov, 1);
	assert_memory_equal(memory, "0123456789", 10);
	/* The other one is never given back: it goes with the context. */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, tap_setup, tap_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(windows_are_seen_refused_and_dropped),
		TEST(transfers_are_seen_and_changed),
		TEST(transfers_fail_and_are_dropped),
		TEST(a_transfer_is_held_before_and_after),
		TEST(a_transfer_by_message_is_held),
		TEST(a_held_transfer_ends_with_its_client),
		TEST(nothing_is_held_for_a_client_that_leaves),
		TEST(an_asynchronous_transfer_fails_and_is_answered),
		TEST(a_pointer_becomes_a_copy_that_crosses),
		TEST(what_a_pointer_wrote_is_changed_and_dropped),
		TEST(a_pointer_is_refused_if_its_read_fails),
		TEST(what_was_not_given_out_is_not_written),
		TEST(pointers_that_were_out_are_beyond_reach),
		TEST(a_copy_is_written_while_its_window_is_unmapped),
		TEST(a_pointer_may_outlive_its_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
