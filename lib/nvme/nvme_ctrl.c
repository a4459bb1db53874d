/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_ctrl.c - enabled, disabled, reset, shut down, taken up by another process.
 *
 * Owns CC and CSTS. A reset cuts off all commands at once, but CSTS.RDY says 1, and a reset of the
 * device is not answered, until the last of them is back from its backend: nothing of them reaches
 * the guest's memory afterwards (Base 3.7.2).
 */
#include "nvme/nvme.h"

uint64_t nvme_ctrl_cap(const lm_nvme_t *nvme)
{
	return NVME_CAP_MQES(nvme->info.entries) | NVME_CAP_CQR | NVME_CAP_TO(NVME_TIMEOUT_500MS) |
	       NVME_CAP_CSS_NVM | NVME_CAP_CSS_IOCSS | NVME_CAP_CSS_ADMIN | NVME_CAP_CRWMS;
}

/* ---- enabling --------------------------------------------------------------------- */

static bool configuration_is_sane(const struct nvme_state *st)
{
	const uint32_t css = NVME_CC_CSS(st->cc);

	if (css != NVME_CSS_NVM && css != NVME_CSS_ALL && css != NVME_CSS_ADMIN)
		return false;
	return !NVME_CC_MPS(st->cc) && !NVME_CC_AMS(st->cc) && (st->aqa & 0xfff) &&
	       (st->aqa >> 16 & 0xfff);
}

static void enable(lm_nvme_t *nvme)
{
	struct nvme_state *st = nvme->st;

	if (nvme->nr_dead || st->csts & NVME_CSTS_RDY)
		return; /* nvme_ctrl_drained() */
	st->csts = 0;
	if (!configuration_is_sane(st)) {
		nvme_fatal(nvme, "CC or AQA has a value that CAP does not allow");
		return;
	}
	st->sq[0] = (struct nvme_state_sq){ .base = st->asq,
					    .entries = (uint16_t)((st->aqa & 0xfff) + 1) };
	st->cq[0] = (struct nvme_state_cq){ .base = st->acq,
					    .entries = (uint16_t)((st->aqa >> 16 & 0xfff) + 1),
					    .phase = 1,
					    .irq_on = 1 };
	nvme_queue_cq(nvme, 0);
	nvme_queue_sq(nvme, 0);
	nvme_bell_clear_all(nvme);
	st->csts = NVME_CSTS_RDY;
	nvme_bell_watch(nvme);
}

/* ---- resetting -------------------------------------------------------------------- */

static void reset(lm_nvme_t *nvme)
{
	struct nvme_state *st = nvme->st;

	nvme_queue_reset(nvme);
	nvme_irq_reset(nvme);
	nvme_event_reset(nvme);
	nvme_feature_reset(nvme);
	st->intms = 0;
	nvme->flushes = 0;
	st->shadow = st->shadow_events = 0;
	st->csts = nvme_cmd_drop_all(nvme, true) ? 0 : st->csts & NVME_CSTS_RDY;
	nvme_bell_clear_all(nvme);
	nvme_bell_watch(nvme);
}

void nvme_ctrl_drained(lm_nvme_t *nvme)
{
	const lm_token_t token = nvme->reset_token;

	nvme->reset_token = 0;
	if (token)
		lm_complete(nvme->ctx, token, 0, NULL);
	if (nvme->is_detached || nvme_is_ready(nvme))
		return;
	nvme->st->csts &= ~(uint32_t)NVME_CSTS_RDY;
	if (nvme->st->cc & NVME_CC_EN)
		enable(nvme);
}

void nvme_ctrl_power_on(lm_nvme_t *nvme)
{
	struct nvme_state *st = nvme->st;

	reset(nvme);
	st->cc = st->aqa = 0;
	st->asq = st->acq = 0;
	st->timestamp_ms = 0;
	st->timestamp_origin = 0;
	memset(st->host_id, 0, sizeof(st->host_id));
	memset(st->changed, 0, sizeof(st->changed));
	st->power_cycles++;
}

/* ---- shutdown (Base 3.6) ---------------------------------------------------------- */

static void flush_ends(struct nvme_cmd *cmd, int result)
{
	lm_nvme_t *nvme = cmd->pub.nvme;
	const bool counts = !cmd->is_dead;

	nvme_cmd_drop(cmd);
	if (!counts || --nvme->flushes)
		return;
	if ((nvme->st->csts & NVME_CSTS_SHST) == NVME_CSTS_SHST_OCCURRING)
		nvme->st->csts ^= NVME_CSTS_SHST_OCCURRING | NVME_CSTS_SHST_COMPLETE;
}

static const lm_nvme_op_t flush_op = { .name = "Shutdown" };

static void flush_start(lm_nvme_t *nvme, struct nvme_ns *ns)
{
	struct nvme_cmd *cmd = nvme_cmd_new(nvme, 0);

	if (!cmd)
		return;
	nvme->flushes++;
	cmd->op = &flush_op;
	cmd->io = (lm_nvme_io_t){ 0 };
	nvme_ns_get(ns, cmd);
	nvme_io_start(cmd, ns->info.block->flush, flush_ends);
}

/* The one that is counted first is for who starts them. */
static void shut_down(lm_nvme_t *nvme)
{
	struct nvme_state *st = nvme->st;
	uint32_t nsid;

	st->csts = (st->csts & ~(uint32_t)NVME_CSTS_SHST) | NVME_CSTS_SHST_OCCURRING;
	nvme->flushes = 1;
	for (nsid = 1; nsid <= LM_NVME_MAX_NSID; nsid++) {
		struct nvme_ns *ns = nvme->ns[nsid];

		if (ns && !ns->is_leaving && ns->info.block && ns->info.block->flush)
			flush_start(nvme, ns);
	}
	if (!--nvme->flushes)
		st->csts ^= NVME_CSTS_SHST_OCCURRING | NVME_CSTS_SHST_COMPLETE;
}

void nvme_ctrl_write_cc(lm_nvme_t *nvme, uint32_t cc)
{
	struct nvme_state *st = nvme->st;
	const uint32_t old = st->cc;

	st->cc = cc & NVME_CC_WRITABLE;
	if (old & ~cc & NVME_CC_EN)
		reset(nvme);
	else if (cc & ~old & NVME_CC_EN)
		enable(nvme);
	if (NVME_CC_SHN(cc) && !NVME_CC_SHN(old) && !(st->csts & NVME_CSTS_SHST))
		shut_down(nvme);
}

/* ---- another process's state ------------------------------------------------------ */

static bool slot_is_sane(const struct nvme_state *st, const struct nvme_slot *slot)
{
	const struct nvme_state_sq *sq;

	if (slot->state == NVME_SLOT_FREE)
		return true;
	if (slot->state > NVME_SLOT_POSTING || slot->sqid >= NVME_QUEUES)
		return false;
	sq = &st->sq[slot->sqid];
	if (!sq->entries ||
	    slot->status & ~(uint32_t)(NVME_STATUS_CODE | NVME_STATUS_MORE | NVME_STATUS_DNR))
		return false;
	if (slot->state == NVME_SLOT_FETCHING)
		return slot->index < sq->entries;
	return slot->state != NVME_SLOT_POSTING || slot->index < st->cq[sq->cqid].entries;
}

static bool is_sane(const struct nvme_state *st)
{
	unsigned int i;

	if (st->magic != NVME_STATE_MAGIC || st->cc & ~NVME_CC_WRITABLE || st->csts > 0xf ||
	    !nvme_queue_is_sane(st) || !nvme_feature_is_sane(st))
		return false;
	for (i = 0; i < NVME_SLOTS; i++) {
		if (!slot_is_sane(st, &st->slot[i]))
			return false;
	}
	if ((st->shadow | st->shadow_events) % NVME_PAGE || !st->shadow != !st->shadow_events)
		return false;
	for (i = 0; i < NVME_EVENT_TYPES; i++) {
		if (st->event[i].is_pending > 1 || st->event_masked[i] > 1 ||
		    (st->event[i].is_pending && st->event[i].type != i))
			return false;
	}
	for (i = 0; i <= LM_NVME_MAX_NSID; i++) {
		if (st->block_shift[i] && st->block_shift[i] != 9 && st->block_shift[i] != 12)
			return false;
	}
	return !(st->csts & NVME_CSTS_RDY) || !(st->cc & NVME_CC_EN) || st->sq[0].entries;
}

/* All that were begun have their places before one goes on. */
static bool slots_take(lm_nvme_t *nvme)
{
	uint16_t i;

	for (i = 0; i < NVME_SLOTS; i++) {
		if (nvme->st->slot[i].state != NVME_SLOT_FREE && !nvme_cmd_again(nvme, i))
			return false;
	}
	return true;
}

static void slot_go_on(struct nvme_cmd *cmd)
{
	if (!cmd->is_used || cmd->is_dead)
		return;
	switch (cmd->slot->state) {
	case NVME_SLOT_FETCHING: nvme_fetch(cmd); break;
	case NVME_SLOT_SERVED: nvme_exec(cmd); break;
	case NVME_SLOT_DONE:
	case NVME_SLOT_POSTING: nvme_cmd_post(cmd); break;
	default: break;
	}
}

static void namespaces_shape(lm_nvme_t *nvme)
{
	uint32_t nsid;

	for (nsid = 1; nsid <= LM_NVME_MAX_NSID; nsid++) {
		const uint8_t shift = nvme->st->block_shift[nsid];
		struct nvme_ns *ns = nvme->ns[nsid];

		if (ns && !ns->set->csi && shift && nvme_ns_size_fits(ns->info.size, shift)) {
			ns->block_shift = shift;
			ns->blocks = ns->info.size >> shift;
		}
	}
}

int nvme_ctrl_check(const lm_nvme_t *nvme)
{
	if (nvme->st->shadow && !(nvme->info.flags & LM_NVME_SHADOW))
		return -EINVAL;
	return is_sane(nvme->st) ? 0 : -EINVAL;
}

/* Where a reset was cut short, it ends now. */
void nvme_ctrl_resume(lm_nvme_t *nvme)
{
	struct nvme_state *st = nvme->st;
	uint16_t i;

	nvme->is_fresh = false;
	namespaces_shape(nvme);
	nvme_bell_resume(nvme);
	for (i = 0; i < NVME_QUEUES; i++) {
		if (st->cq[i].entries)
			nvme_queue_cq(nvme, i);
		if (st->sq[i].entries)
			nvme_queue_sq(nvme, i);
		nvme_bit_set(nvme->ready, i, st->sq[i].entries && st->sq[i].head != st->sq[i].tail);
	}
	if (!(st->cc & NVME_CC_EN) && st->csts & NVME_CSTS_RDY)
		reset(nvme);
	if (!slots_take(nvme)) {
		nvme_fatal(nvme, "out of memory");
		return;
	}
	nvme_irq_hold(nvme);
	nvme_irq_resume(nvme);
	for (i = 0; i < nvme->nr_cmds; i++)
		slot_go_on(nvme->cmd[i]);
	nvme_irq_release(nvme);
	if ((st->csts & NVME_CSTS_SHST) == NVME_CSTS_SHST_OCCURRING)
		shut_down(nvme);
	nvme_bell_watch(nvme);
	nvme_turn(nvme);
}
