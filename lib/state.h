/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state.h - the layout of a saved device: a header, then sections. All numbers are
 * little endian, everything begins at a multiple of 8. It only grows: what has a tag
 * that a library does not know is refused by it, STATE_VERSION changes when the rest
 * does.
 */
#ifndef LM_STATE_H
#define LM_STATE_H

#include <stdint.h>

#define STATE_MAGIC   0x314554415453554dull /* "MUSTATE1" */
#define STATE_VERSION 1
#define STATE_PAGE    4096u /* memory is looked at in pieces of this size */

enum state_tag {
	STATE_CONFIG = 1, /* config_save() */
	STATE_MSIX,       /* msix_save(); absent: the table was never touched */
	STATE_IRQ,        /* irq_save() */
	STATE_REGISTERS,  /* index: region; struct state_register for each that we keep */
	STATE_MEMORY,     /* index: region; offset, then bytes. What is in none is zero */
	STATE_DEVICE,     /* lm_dev_info_t.save */
	STATE_OWN,        /* lm_state(); index: lm_dev_info_t.state_version */
	STATE_ENFORCED,   /* empty; absent: COMMAND.BusMaster does not count (master.c) */
	STATE_VPD,        /* vpd_save(); absent: nothing of it can be written */
	STATE_NR_TAGS,
};

struct state_header {
	uint64_t magic;
	uint32_t version;
	uint32_t reserved;
	uint64_t identity; /* bus_identity(): vendor, device, subvendor, subdevice, if it is PCI */
	uint64_t length;   /* of all, this header included */
};

struct state_section {
	uint32_t tag;
	uint32_t index;
	uint64_t length; /* of what follows, before it is padded with zeros */
};

struct state_register {
	uint64_t offset;
	uint64_t value;
};

_Static_assert(sizeof(struct state_header) == 32, "a format");
_Static_assert(sizeof(struct state_section) == 16, "a format");
_Static_assert(sizeof(struct state_register) == 16, "a format");

static inline uint64_t state_padded(uint64_t length)
{
	return (length + 7) & ~7ull;
}

#endif /* LM_STATE_H */
