/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slide.c - the program of the slide "libmuser API", word for word where the slide has words.
 *
 * The region gives back what was written to it.
 */
#include <string.h>

#include <muser.h>

static char bar0_bytes[0x40];

ssize_t bar0(void *pvt, char *buf, size_t count, loff_t offset, bool is_write);

ssize_t bar0(void *pvt, char *buf, size_t count, loff_t offset, bool is_write)
{
	if (is_write)
		memcpy(bar0_bytes + offset, buf, count);
	else
		memcpy(buf, bar0_bytes + offset, count);
	return count;
}

int main(void)
{
	lm_dev_info_t dev_info = {
		.pci_info = {
			.id = {.vid = 0x8086, .did = 0x1234},
			.reg_info[LM_BAR0_REG_IDX] = {
				.flags = LM_REG_FLAG_RW,
				.size = 0x40,
				.fn = &bar0
			},
			.irq_count[LM_DEV_INTX_IRQ_IDX] = 1
		}
	};
	lm_ctx_t *ctx = lm_ctx_create(&dev_info);

	if (!ctx)
		return 1;
	lm_ctx_drive(ctx);
	lm_ctx_destroy(ctx);
	return 0;
}
