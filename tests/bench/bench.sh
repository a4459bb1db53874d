#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs the measuring programs and prints one table: what, measured, target, verdict. Ratios are
# measured side by side in one run, and only they fail (status 1); absolute figures depend on the
# machine and are reported. BUILD names the folder of the build. BENCH_ROUNDS (11) rounds.
#
# PEERS=DIR adds other servers: each DIR/NAME/serve SOCKET must serve vfio-user with a BAR 0 of at
# least 16 bytes, in the foreground.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

build=${BUILD:?the folder of the build}
programs=$build/tests/bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
values=$work/values

# run PROGRAM ARGS...: its lines go to the values; one that fails leaves its rows unmeasured
run()
{
	"$programs/$1" "${@:2}" >>"$values" || echo "bench: $* failed" >&2
}

# count NAME PER PROGRAM ARGS...: system calls of the program by strace, per PER of them
count()
{
	command -v strace >/dev/null || return
	strace -f -c -o "$work/calls" "$programs/$3" "${@:4}" || return
	awk -v name="$1" -v per="$2" '$NF ~ /^(recvmsg|sendto|epoll_wait|write)$/ {
		printf "%s_%s %.4f calls\n", name, $NF, $4 / per }' "$work/calls" >>"$values"
}

peer()
{
	local name socket=$work/peer.sock server tries=200
	name=$(basename "$(dirname "$1")")

	# As the programs here: at another priority than its client's it would lose by that alone.
	nice -n -15 taskset -c 0 "$1" "$socket" >/dev/null 2>&1 &
	server=$!
	while [ ! -S "$socket" ] && [ $((tries--)) -gt 0 ]; do
		sleep 0.05
	done
	run pingpong peer "$name" "$socket"
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	rm -f "$socket"
	peers+=("$name")
}

echo "Linux $(uname -r), $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg)," \
	"${BENCH_ROUNDS:-11} rounds"
for mode in block busy batch irqs trace; do
	run pingpong "$mode"
done
run irq
run many
run create "$build/musctl"
run dma_lookup
count trip 2000 pingpong count 2000 block
count message 128000 pingpong count 2000 batch
count irq 2000 irq count 2000
peers=()
for serve in "${PEERS:-/nonexistent}"/*/serve; do
	[ -x "$serve" ] && peer "$serve"
done

awk -v peers="${peers[*]-}" "$(cat tests/bench/table.awk)"'
	function trip(what, name, base, limit) {
		row(what, ratio(name "_p50", base "_p50"), "%.3f", limit ? "<=" : "", limit, 1)
	}

	END {
		title("Round trip against the bare ping-pong, one CPU (p50 " get("block_read_bare_p50") " ns)")
		trip("region read", "block_read_device", "block_read_bare", 1.10)
		trip("region write", "block_write_device", "block_write_bare", 1.10)
		row("  the same by means", ratio("block_read_device_mean", "block_read_bare_mean"), "%.3f")
		row("  server CPU time of a read", get("block_read_device_cpu"), "%.0f ns")
		row("  server CPU time of the bare peer", get("block_read_bare_cpu"), "%.0f ns")
		trip("  read, with our own client", "block_read_client", "block_read_bare")
		trip("  write, with our own client", "block_write_client", "block_write_bare")
		trip("both sides spinning on two CPUs", "busy_device", "busy_bare", 1.08)
		trip("  with our own client", "busy_client", "busy_bare")

		title("64 requests at a time, requests/s against the bare batch")
		row("region reads", ratio("batch_bare_p50", "batch_device_p50"), "%.3f", ">=", 0.26, 1)
		row("  with our own client", ratio("batch_bare_p50", "batch_client_p50"), "%.3f")
		row("  a request, bare", get("batch_bare_p50"), "%.1f ns")
		row("  a request, device", get("batch_device_p50"), "%.1f ns")

		title("System calls of the server")
		row("receives a round trip", get("trip_recvmsg"), "%.3f", "<=", 1.01, 1)
		row("sends a round trip", get("trip_sendto"), "%.3f", "<=", 1.01, 1)
		row("epoll_waits a round trip", get("trip_epoll_wait"), "%.3f", "<=", 1.01, 1)
		row("receives a pipelined message", get("message_recvmsg"), "%.3f", "<=", 0.02, 1)
		row("sends a pipelined message", get("message_sendto"), "%.3f", "<=", 0.02, 1)

		title("Tracing")
		trip("round trip, on against off", "trace_on", "trace_off", 1.05)
		row("a record in a batch", difference("trace_batch_on_p50", "trace_batch_off_p50"), \
			"%.1f ns", "<=", 25)

		title("Interrupts")
		row("writes a trigger", get("irq_write"), "%.3f", "<=", 1.01, 1)
		trip("SET_IRQS, the eventfd that is there, against a bare read", "irqs_same", "irqs_bare")
		trip("SET_IRQS, another eventfd", "irqs_other", "irqs_bare")
		row("lm_irq_trigger() against the bare write", ratio("irq_trigger", "irq_bare"), "%.3f")

		title("DMA map: lookup, hold, let go; a window")
		row("last region", get("dma_lookup_last_1000000"), "%.1f ns", "<=", 5)
		row("next region", get("dma_lookup_next_1000000"), "%.1f ns", "<=", 5)
		row("random in 256", get("dma_lookup_random_256"), "%.1f ns", "<=", 20)
		row("random in 65,536", get("dma_lookup_random_65536"), "%.1f ns", "<=", 50)
		row("random in 1,000,000", get("dma_lookup_random_1000000"), "%.1f ns", "<=", 250)
		row("memory of a window, one file", get("dma_window_rss_file"), "%.1f bytes", "<=", 64)
		row("memory of a window, no file", get("dma_window_rss_message"), "%.1f bytes", "<=", 64)
		row("insert, in random order", get("dma_map_file_random"), "%.0f ns", "<=", 1000)
		row("delete, in random order", get("dma_unmap_file_random"), "%.0f ns", "<=", 1000)

		title("1,000 devices in one process")
		row("round trip against a single device", ratio("many_1000_p50", "many_one_p50"), \
			"%.3f", "<=", 1.10, 1)
		row("private dirty memory, each", get("many_private_dirty"), "%.1f KiB", "<=", 32)
		row("creation of all", get("many_create"), "%.0f ms", "<=", 2000)
		row("destruction of all", get("many_destroy"), "%.0f ms")
		row("left behind", get("many_left"), "%d entries", "<=", 0)

		title("musctl create")
		row("until a client has connected", get("create_connected"), "%.1f ms", "<=", 30)

		title("Peers, round trip and 64 at a time against the bare ones")
		n = split(peers, list, " ")
		for (i = 1; i <= n; i++) {
			row(list[i] ", round trip", ratio("peer_" list[i] "_p50", "peer_bare_p50"), "%.3f")
			row(list[i] ", batch", ratio("peer_batch_bare_p50", \
				"peer_batch_" list[i] "_p50"), "%.3f")
			row(list[i] ", SET_IRQS", ratio("peer_irqs_" list[i] "_p50", \
				"peer_irqs_bare_p50"), "%.3f")
		}
		if (!n)
			row("PEERS=DIR", "")
		verdict_of_all()
	}' "$values"
