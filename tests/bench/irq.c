/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irq.c - lm_irq_trigger() against writing the eventfd by hand, in turns.
 *
 *	irq            prints both, ns a call
 *	irq count N    N triggers and nothing else behind them, for strace -c to count
 */
#include <linux/pci_regs.h>
#include <sys/eventfd.h>

#include "pci/pci.h"
#include "bench.h"

#define CALLS 200000u

/* A device with one MSI vector that the guest has enabled and the client has assigned. */
static lm_ctx_t *irq_device(int fd, int *event_fd)
{
	struct irq_set set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = LM_DEV_MSI_IRQ_IDX, .count = 1, .fds = event_fd, .nr_fds = 1,
	};
	lm_dev_info_t info = {
		.type = "bench", .fd = fd, .flags = LM_DEV_CONN_FD | LM_DEV_NO_CONTROL,
		.pci_info.id = { .vid = 0x1234, .did = 0x4252 },
		.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = 1,
	};
	const uint16_t enable = PCI_MSI_FLAGS_ENABLE;
	lm_ctx_t *ctx = lm_ctx_create(&info);
	uint8_t at = 0;
	int ret;

	if (!ctx)
		bench_fail("lm_ctx_create", errno);
	lm_config_read(ctx, PCI_CAPABILITY_LIST, &at, 1);
	ret = lm_config_write(ctx, at + PCI_MSI_FLAGS, &enable, sizeof(enable));
	ret = ret ?: irq_set(ctx, &set);
	if (ret)
		bench_fail("the vector cannot be set up", ret);
	return ctx;
}

static double bare(int fd)
{
	const uint64_t start = bench_now(), one = 1;
	unsigned int i;

	for (i = 0; i < CALLS; i++) {
		if (write(fd, &one, sizeof(one)) != sizeof(one))
			bench_fail("write", errno);
	}
	return (double)(bench_now() - start) / CALLS;
}

static double trigger(lm_ctx_t *ctx)
{
	const uint64_t start = bench_now();
	unsigned int i;

	for (i = 0; i < CALLS; i++) {
		if (lm_irq_trigger(ctx, 0) != LM_IRQ_DELIVERED)
			bench_fail("lm_irq_trigger", EIO);
	}
	return (double)(bench_now() - start) / CALLS;
}

int main(int argc, char **argv)
{
	static double by_hand[ROUNDS_MAX], by_library[ROUNDS_MAX];
	const unsigned int rounds = bench_rounds();
	int fds[2], event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const int own = dup(event_fd);
	lm_ctx_t *ctx;
	unsigned int i;

	bench_quiet();
	bench_pin(0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		bench_fail("socketpair", errno);
	ctx = irq_device(fds[0], &event_fd);
	if (argc == 3) {
		for (i = 0; i < (unsigned int)atoi(argv[2]); i++)
			lm_irq_trigger(ctx, 0);
		return 0;
	}
	for (i = 0; i < rounds; i++) {
		by_hand[i] = bare(own);
		by_library[i] = trigger(ctx);
	}
	bench_report("irq_bare", "", bench_median(by_hand, rounds), "ns");
	bench_report("irq_trigger", "", bench_median(by_library, rounds), "ns");
	lm_ctx_destroy(ctx);
	return 0;
}
