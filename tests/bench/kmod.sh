#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Measures muser.ko in a VM, and prints a table as bench.sh does: region accesses against a bare
# ping-pong, system calls. The machine is emulated, so that ratios and counts are all that is said.
# BUILD names the folder of the build, KERNEL (bookworm) a line of tests/vm/kernels.
# BENCH_ROUNDS (11) rounds. BENCH_INSTRUCTIONS=1 measures instructions instead of time: nothing
# that the host does meanwhile changes them. Ratios are judged by instructions only.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=${BUILD:?the folder of the build}
kernel=${KERNEL:-bookworm}
rounds=${BENCH_ROUNDS:-11}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One vCPU: the sides share it anyhow, and the clock of a single one is cheap to read.
export GUEST_CPUS=1
unit='time' judged=0
if [[ -n ${BENCH_INSTRUCTIONS-} ]]; then
	GUEST_CPUS='1 -icount shift=0,sleep=off'
	unit='instructions' judged=1
fi

cat >"$work/script" <<END
. /files/tap.sh
mount -t tracefs tracefs /sys/kernel/tracing
echo "# Linux \$(uname -r), QEMU TCG"
mdev_create "\$(uuid_nr 1)" && BENCH_ROUNDS=$rounds kmod "\$(uuid_nr 1)"
END
tests/vm/kmod.sh "$kernel" "$work/script" "$build/tests/bench/kmod" >"$work/values" || {
	cat "$work/values"
	exit 1
}
echo "$(sed -n 's/^# //p' "$work/values"), load $(cut -d' ' -f1 /proc/loadavg), $rounds rounds"

awk -v unit="$unit" -v judged="$judged" "$(cat tests/bench/table.awk)"'
	END {
		title("Region access of 4 bytes over muser.ko against two eventfds, one CPU, " unit)
		row("read", ratio("kmod_read_p50", "kmod_bare_p50"), "%.3f", "<=", 1.25, judged)
		row("write", ratio("kmod_write_p50", "kmod_bare_p50"), "%.3f", "<=", 1.25, judged)

		title("System calls of the server")
		row("a read", get("kmod_read_calls"), "%.3f", "<=", 1.01, 1)
		row("a write", get("kmod_write_calls"), "%.3f", "<=", 1.01, 1)
		row("DMA: 100,000 accesses, found, mapped, let go", get("kmod_dma_calls"), "%d", "<=", 0, 1)

		title("System calls of server and client together")
		row("mapped BAR: 100,000 accesses", get("kmod_bar_calls"), "%d", "<=", 0, 1)
		verdict_of_all()
	}' "$work/values"
