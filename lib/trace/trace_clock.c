/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace_clock.c - the clock of trace records.
 *
 * The CPU's counter where it runs at one rate on all CPUs, because reading it takes 8
 * ns and CLOCK_MONOTONIC 18; else CLOCK_MONOTONIC. The ring's header says which; a
 * reader turns ticks into nanoseconds by two pairs of readings, the header's and its
 * own.
 */
#include <time.h>

#include "trace/trace.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <x86intrin.h>
#endif

#if defined(__x86_64__)

static bool counter_found(void)
{
	unsigned int a, b, c, d;

	/* CPUID 80000007h EDX bit 8: the TSC runs at one rate in all power states. */
	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
}

static uint64_t counter_read(void)
{
	return __rdtsc();
}

#elif defined(__aarch64__)

static bool counter_found(void)
{
	return true;
}

static uint64_t counter_read(void)
{
	uint64_t v;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
	return v;
}

#else

static bool counter_found(void)
{
	return false;
}

static uint64_t counter_read(void)
{
	return 0;
}

#endif

/* A fact about the CPU, not state: found once, as CPUID is slow in a virtual machine. */
static atomic_int clock_known = -1;

uint32_t trace_clock(void)
{
	int clock = atomic_load_explicit(&clock_known, memory_order_relaxed);

	if (unlikely(clock < 0)) {
		clock = counter_found() ? LM_TRACE_CLOCK_COUNTER : LM_TRACE_CLOCK_NS;
		atomic_store_explicit(&clock_known, clock, memory_order_relaxed);
	}
	return (uint32_t)clock;
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t trace_ticks(void)
{
	return trace_clock() == LM_TRACE_CLOCK_COUNTER ? counter_read() : monotonic_ns();
}

/* The tightest of some tries: an interrupt between two readings would spoil the pair. */
void trace_clock_pair(uint64_t *ticks, uint64_t *ns)
{
	uint64_t best = UINT64_MAX;
	int i;

	for (i = 0; i < 5; i++) {
		const uint64_t before = trace_ticks(), now = monotonic_ns();
		const uint64_t width = trace_ticks() - before;

		if (!i || width < best) {
			best = width;
			*ticks = before + width / 2;
			*ns = now;
		}
	}
}
