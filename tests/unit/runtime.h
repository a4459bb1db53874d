/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime.h - a runtime folder of the test's own, and the device of engine.h with a folder there.
 */
#ifndef TEST_RUNTIME_H
#define TEST_RUNTIME_H

#include "engine.h"
#include "muser-instance.h"
#include "tempdir.h"

static char runtime[PATH_MAX];

static inline int runtime_setup(void **state)
{
	if (!tempdir_new(runtime))
		return -1;
	setenv("MUSER_RUNTIME_DIR", runtime, 1);
	return engine_setup(state);
}

static inline int runtime_teardown(void **state)
{
	const int ret = engine_teardown(state);

	tempdir_remove(runtime);
	unsetenv("MUSER_RUNTIME_DIR");
	return ret;
}

static inline void runtime_publish(struct engine *e)
{
	e->info.flags &= ~LM_DEV_NO_CONTROL;
	e->ctx = lm_ctx_create(&e->info);
	if (!e->ctx)
		fail_msg("no context: %s", e->log);
}

#endif /* TEST_RUNTIME_H */
