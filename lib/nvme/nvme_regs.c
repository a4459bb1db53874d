/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_regs.c - the registers of BAR0 (Base 3.1.3; doorbells PCIe 3.1.2).
 *
 * What is not here reads as all ones, as the memory of a device does where nothing answers; of the
 * registers that the specification has for parts that are not here, CAP says so. NSSR is not among
 * them: CAP.NSSRS is 0.
 */
#include "nvme/nvme.h"

static const lm_field_t cap_fields[] = {
	{ "MQES", 0, 16, .help = "entries of a queue, less one" },
	{ "CQR", 16, 1, .help = "queues lie in one piece" },
	{ "AMS", 17, 2, .help = "arbitration" },
	{ "TO", 24, 8, .help = "time to be ready, in half seconds" },
	{ "DSTRD", 32, 4, .help = "doorbell stride" },
	{ "NSSRS", 36, 1, .help = "subsystem reset" },
	{ "CSS", 37, 8, .help = "command sets" },
	{ "MPSMIN", 48, 4, .help = "smallest page, from 4 KiB" },
	{ "MPSMAX", 52, 4, .help = "largest page" },
	{ "CRMS", 59, 2, .help = "ready modes" },
};

static const lm_field_t cc_fields[] = {
	{ "EN", 0, 1, .help = "enable" },
	{ "CSS", 4, 3, .help = "command sets" },
	{ "MPS", 7, 4, .help = "page size, from 4 KiB" },
	{ "AMS", 11, 3, .help = "arbitration" },
	{ "SHN", 14, 2, .help = "shutdown notification" },
	{ "IOSQES", 16, 4, .help = "submission queue entries, as a power of two" },
	{ "IOCQES", 20, 4, .help = "completion queue entries" },
};

static const lm_field_t csts_fields[] = {
	{ "RDY", 0, 1, .help = "ready" },
	{ "CFS", 1, 1, .help = "fatal status" },
	{ "SHST", 2, 2, .help = "shutdown status" },
};

static const lm_field_t aqa_fields[] = {
	{ "ASQS", 0, 12, .help = "entries of the submission queue, less one" },
	{ "ACQS", 16, 12, .help = "entries of the completion queue" },
};

static const lm_field_t crto_fields[] = {
	{ "CRWMT", 0, 16, .help = "time to be ready with media, in half seconds" },
	{ "CRIMT", 16, 16, .help = "and without" },
};

#define PURE LM_REGISTER_PURE

static const lm_register_t registers[] = {
	{ "CAP", "capabilities", NVME_CAP, 8, LM_RO, PURE, LM_FIELDS(cap_fields) },
	{ "VS", "version", NVME_VS, 4, LM_RO, PURE },
	{ "INTMS", "interrupt mask set", NVME_INTMS, 4, LM_RW, PURE },
	{ "INTMC", "interrupt mask clear", NVME_INTMC, 4, LM_RW, PURE },
	{ "CC", "configuration", NVME_CC, 4, LM_RW, PURE, LM_FIELDS(cc_fields) },
	{ "CSTS", "status", NVME_CSTS, 4, LM_RO, PURE, LM_FIELDS(csts_fields) },
	{ "NSSR", "subsystem reset, which there is not", NVME_NSSR, 4, LM_RO, PURE },
	{ "AQA", "admin queue attributes", NVME_AQA, 4, LM_RW, PURE, LM_FIELDS(aqa_fields) },
	{ "ASQ", "admin submission queue", NVME_ASQ, 8, LM_RW, PURE },
	{ "ACQ", "admin completion queue", NVME_ACQ, 8, LM_RW, PURE },
	{ "CRTO", "ready timeouts", NVME_CRTO, 4, LM_RO, PURE, LM_FIELDS(crto_fields) },
	{ "SQTDBL", "submission queue tail doorbells", NVME_DOORBELLS, 4, LM_RW, 0,
	  .count = NVME_QUEUES, .stride = 8 },
	{ "CQHDBL", "completion queue head doorbells", NVME_DOORBELLS + 4, 4, LM_RW, 0,
	  .count = NVME_QUEUES, .stride = 8 },
};

static lm_nvme_t *of(void *pvt)
{
	return *(lm_nvme_t **)pvt;
}

static uint64_t reg_read(void *pvt, const lm_register_io_t *io)
{
	const lm_nvme_t *nvme = of(pvt);

	switch (io->offset) {
	case NVME_CAP: return nvme_ctrl_cap(nvme);
	case NVME_VS: return NVME_VERSION;
	case NVME_INTMS:
	case NVME_INTMC: return nvme->st->intms;
	case NVME_CC: return nvme->st->cc;
	case NVME_CSTS: return nvme->st->csts;
	case NVME_NSSR: return 0;
	case NVME_AQA: return nvme->st->aqa;
	case NVME_ASQ: return nvme->st->asq;
	case NVME_ACQ: return nvme->st->acq;
	case NVME_CRTO: return NVME_TIMEOUT_500MS;
	default: return nvme_doorbell_value(nvme, (uint32_t)(io->offset - NVME_DOORBELLS) / 4);
	}
}

/* The admin queue is described while there is none. */
static void admin_queue_write(struct nvme_state *st, const lm_register_io_t *io)
{
	if (st->cc & NVME_CC_EN)
		return;
	switch (io->offset) {
	case NVME_AQA: st->aqa = (uint32_t)io->value & 0x0fff0fffu; break;
	case NVME_ASQ: st->asq = io->value & ~(uint64_t)(NVME_PAGE - 1); break;
	case NVME_ACQ: st->acq = io->value & ~(uint64_t)(NVME_PAGE - 1); break;
	}
}

static void reg_write(void *pvt, const lm_register_io_t *io)
{
	lm_nvme_t *nvme = of(pvt);

	switch (io->offset) {
	case NVME_INTMS:
		nvme->st->intms |= (uint32_t)io->value;
		nvme_irq_update(nvme);
		break;
	case NVME_INTMC:
		nvme->st->intms &= ~(uint32_t)io->value;
		nvme_irq_update(nvme);
		break;
	case NVME_CC: nvme_ctrl_write_cc(nvme, (uint32_t)io->value); break;
	case NVME_AQA:
	case NVME_ASQ:
	case NVME_ACQ: admin_queue_write(nvme->st, io); break;
	default:
		nvme_doorbell(nvme, (uint32_t)(io->offset - NVME_DOORBELLS) / 4,
			      (uint32_t)io->value);
	}
}

NVME_EXPORT const lm_register_map_t lm_nvme_registers = {
	LM_REGISTERS(registers),
	.min_width = 4,
	.read = reg_read,
	.write = reg_write,
};
