/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crew.c - a device that several threads serve, for suite_load.sh.
 *
 *	crew THREADS
 *
 * BAR0: 4 KiB that read as written; each access takes a millisecond, as one of a slow medium would.
 * The last 8 bytes say how many were under way at once, at most. $MUSER_UUID says which device it
 * is. Ends by SIGTERM.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <muser.h>

#define SIZE 4096u
#define MOST (SIZE - 8)

static lm_ctx_t *ctx;
static char memory[SIZE]; /* no two threads of the client use the same bytes */
static atomic_uint running, most;

static void most_is(unsigned int nr)
{
	unsigned int old = atomic_load(&most);

	while (nr > old && !atomic_compare_exchange_weak(&most, &old, nr))
		;
}

static ssize_t crew_access(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	const uint64_t seen = atomic_load(&most);

	most_is(atomic_fetch_add(&running, 1) + 1);
	usleep(1000);
	if (is_write)
		memcpy(memory + offset, buf, count);
	else if (offset == MOST && count == sizeof(seen))
		memcpy(buf, &seen, count);
	else
		memcpy(buf, memory + offset, count);
	atomic_fetch_sub(&running, 1);
	return (ssize_t)count;
}

static void *serve(void *arg)
{
	return (void *)(intptr_t)lm_ctx_drive(ctx);
}

static void stop(int signal)
{
	lm_ctx_stop(ctx);
}

static int serve_all(unsigned int nr)
{
	pthread_t threads[64];
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr; i++) {
		if (pthread_create(&threads[i], NULL, serve, NULL))
			abort();
	}
	for (i = 0; i < nr; i++) {
		void *result;

		pthread_join(threads[i], &result);
		ret = ret ?: (int)(intptr_t)result;
	}
	return ret;
}

int main(int argc, char **argv)
{
	const unsigned int nr = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;
	const lm_dev_info_t info = {
		.type = "crew",
		.flags = LM_DEV_THREADS,
		.pci_info = {
			.id = { .vid = 0x1234, .did = 0x4352 },
			.cc = { .bcc = 0xff },
			.reg_info[LM_BAR0_REG_IDX] = {
				.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM, .size = SIZE,
				.fn = crew_access,
			},
		},
	};
	int ret;

	ctx = nr && nr <= 64 ? lm_ctx_create(&info) : NULL;
	if (!ctx) {
		perror("crew");
		return 1;
	}
	signal(SIGTERM, stop);
	ret = serve_all(nr);
	if (ret)
		fprintf(stderr, "crew: %s\n", strerror(-ret));
	lm_ctx_destroy(ctx);
	return ret != 0;
}
