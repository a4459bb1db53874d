/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault.c - what goes wrong when a driver wants that.
 *
 * Owns the choice, by FAULT_WHAT, FAULT_SKIP and FAULT_COUNT, and one answer that is late. Another
 * one that would be late meanwhile is not.
 */
#include "testdev.h"

#include <string.h>

bool fault_take(struct testdev *d, uint32_t what)
{
	uint32_t *fault = d->st->fault;

	if (!(fault[FAULT_WHAT] & what) || !fault[FAULT_COUNT])
		return false;
	if (fault[FAULT_SKIP]) {
		fault[FAULT_SKIP]--;
		return false;
	}
	fault[FAULT_COUNT]--;
	fault[FAULT_HITS]++;
	return true;
}

uint64_t fault_delay_ns(const struct testdev *d)
{
	return (d->st->fault[FAULT_DELAY_MS] & 0xffff) * 1000000ull;
}

int fault_errno(const struct testdev *d)
{
	return d->st->fault[FAULT_ERRNO] & 0xfff;
}

void fault_answer_late(void *arg)
{
	struct testdev *d = arg;
	const lm_token_t token = d->answer.token;

	d->answer.token = 0;
	lm_complete(d->ctx, token, d->answer.result, d->answer.data);
}

ssize_t fault_answer(struct testdev *d, uint32_t what, ssize_t result, const void *data)
{
	const size_t len = data && result > 0 ? (size_t)result : 0;

	if (!fault_take(d, what))
		return result;
	if (fault_errno(d))
		result = -fault_errno(d);
	if (!fault_delay_ns(d) || d->answer.token || len > sizeof(d->answer.data))
		return result;
	d->answer.token = lm_defer(d->ctx);
	if (!d->answer.token)
		return result; /* nobody waits for it */
	d->answer.result = result;
	if (len)
		memcpy(d->answer.data, data, len);
	lm_timer_arm(d->answer_timer, fault_delay_ns(d), 0);
	return LM_DEFER;
}
