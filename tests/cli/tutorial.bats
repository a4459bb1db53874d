#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# muser(7) is true: its programs build from the page as they are, and behave as it says.

bats_require_minimum_version 1.5.0

setup() {
	REPO=$BATS_TEST_DIRNAME/../..
	cd "$BATS_TEST_TMPDIR" || return
}

# build COMPILER FILE [PAGE]: from the page, without a warning
build() {
	local repo=$BATS_TEST_DIRNAME/../..
	awk -v name="$2" -f "$repo/man/program.awk" "$repo/man/${3:-muser.7}.scd" >"$BATS_FILE_TMPDIR/$2"
	# shellcheck disable=SC2046,SC2086 # several words
	$1 -Wall -Wextra -Werror -o "$BATS_FILE_TMPDIR/${2/.c/}" -I"$repo/lib" \
		"$BATS_FILE_TMPDIR/$2" "$repo/build/release/libmuser.a" \
		$(pkg-config --libs json-c uuid liburing) -pthread
}

setup_file() {
	local repo=$BATS_TEST_DIRNAME/../..
	export MUSCTL=${MUSCTL:-$repo/build/release/musctl}
	export MUSER_RUNTIME_DIR=$BATS_FILE_TMPDIR/run
	flock "$repo/build" make -s -C "$repo" build/release/libmuser.a >/dev/null
	for program in ticker mover move pad wdt; do
		build cc "$program.c"
	done
	build cc ticks.c muser-client.3
	build "c++ -std=c++17" ticker.cc
	TICKER=$("$MUSCTL" exec -- "$BATS_FILE_TMPDIR/ticker")
	export TICKER
}

teardown_file() {
	"$MUSCTL" destroy "$TICKER"
}

@test "the ticker is listed by its type" {
	run --separate-stderr "$MUSCTL" list -n -r -o UUID,TYPE
	[ "$status" -eq 0 ]
	[ "$output" = "$TICKER ticker" ]
}

@test "its registers have their power-on values" {
	run --separate-stderr "$MUSCTL" peek "$TICKER" CTRL STATUS PERIOD COUNT
	[ "$status" -eq 0 ]
	[ "$output" = $'0x00000000\n0x00000000\n0x000f4240\n0x00000000' ]
}

@test "started, it counts until it is stopped" {
	"$MUSCTL" poke "$TICKER" PERIOD=3e8 CTRL.RUN=1
	for _ in {1..100}; do
		[ "$("$MUSCTL" peek "$TICKER" STATUS.TICK)" = 0x1 ] && break
		sleep 0.05
	done
	"$MUSCTL" poke "$TICKER" CTRL.RUN=0
	count=$("$MUSCTL" peek "$TICKER" COUNT)
	[ $((count)) -gt 0 ]
	[ "$("$MUSCTL" peek "$TICKER" COUNT)" = "$count" ]
}

@test "writing 1 clears the tick and lowers the line" {
	"$MUSCTL" poke "$TICKER" PERIOD=3e8 CTRL.RUN=1
	until [ "$("$MUSCTL" peek "$TICKER" STATUS.TICK)" = 0x1 ]; do sleep 0.05; done
	"$MUSCTL" poke "$TICKER" CTRL.RUN=0
	[ "$("$MUSCTL" peek "$TICKER" STATUS)" = 0x00000001 ]
	[ "$(("$("$MUSCTL" peek "$TICKER" config+6.2)" & 8))" -eq 8 ]
	"$MUSCTL" poke "$TICKER" STATUS=1
	[ "$("$MUSCTL" peek "$TICKER" STATUS)" = 0x00000000 ]
	[ "$(("$("$MUSCTL" peek "$TICKER" config+6.2)" & 8))" -eq 0 ]
}

@test "a reset stops it" {
	"$MUSCTL" poke "$TICKER" CTRL.RUN=1
	"$MUSCTL" reset "$TICKER"
	run --separate-stderr "$MUSCTL" peek "$TICKER" CTRL COUNT PERIOD
	[ "$output" = $'0x00000000\n0x00000000\n0x000f4240' ]
}

@test "a mistake in its table is named, as the page says" {
	sed 's/STATUS = 4/STATUS = 2/' "$BATS_FILE_TMPDIR/ticker.c" >wrong.c
	# shellcheck disable=SC2046 # several words
	cc -o wrong -I"$REPO/lib" wrong.c "$REPO/build/release/libmuser.a" \
		$(pkg-config --libs json-c uuid liburing) -pthread
	run -1 --separate-stderr ./wrong
	said=$(sed -n 's/^muser: [0-9a-f-]*: \(region 0: .*\)/\1/p' "$REPO/man/muser.7.scd")
	[ -n "$said" ]
	[[ ${stderr_lines[0]} == "muser: "*": $said" ]]
}

@test "the mover copies for its driver, and interrupts it" {
	uuid=$("$MUSCTL" exec -- "$BATS_FILE_TMPDIR/mover")
	run -0 --separate-stderr "$BATS_FILE_TMPDIR/move" \
		"$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock" hello
	"$MUSCTL" destroy "$uuid"
	[ "$output" = "status 0: hello" ]
}

@test "a driver of the ticker takes INTx as often as it is unmasked" {
	uuid=$("$MUSCTL" exec -- "$BATS_FILE_TMPDIR/ticker")
	run -0 --separate-stderr timeout 20 "$BATS_FILE_TMPDIR/ticks" \
		"$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock" 3
	"$MUSCTL" destroy "$uuid"
	[ "$output" = "3 ticks" ]
}

@test "the mover copies memory that cannot be shared, as musctl show says" {
	# The client of the page, with memory for which there is no descriptor.
	sed 's/const int ram = memfd_create("ram", 0), /const int ram = -1, /; /ftruncate/s/ ||.*)/)/
		s/MAP_SHARED, ram/MAP_SHARED | MAP_ANONYMOUS, -1/
		s/lm_client_connect(argv\[1\], NULL/lm_client_connect(argv[1], \&options/
		s/if (read(irq.*/while (lm_client_process(client) >= 0 \&\& poll(\&pfd, 1, 1) == 0)\n;if (0)/
		s/^int main.*/static char *window; static int copy(void *p, bool w, uint64_t a, void *d, size_t n) {\
(void)p; if (w) memcpy(window + a - RAM, d, n); else memcpy(d, window + a - RAM, n); return 0; }\n&/
		s/^\tlm_client_t \*client;/\tconst lm_client_options_t options = { .dma = copy };\n\
struct pollfd pfd = { .fd = irq, .events = POLLIN };\n&/
		s/^\tstrcpy(memory/\twindow = memory;\n&/; s/^#include <stdio.h>/#include <poll.h>\n&/
		' "$BATS_FILE_TMPDIR/move.c" >anonymous.c
	# shellcheck disable=SC2046 # several words
	cc -w -o anonymous -I"$REPO/lib" anonymous.c "$REPO/build/release/libmuser.a" \
		$(pkg-config --libs json-c uuid liburing) -pthread
	uuid=$("$MUSCTL" exec -- "$BATS_FILE_TMPDIR/mover")
	run -0 --separate-stderr timeout 20 ./anonymous \
		"$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock" hello
	"$MUSCTL" destroy "$uuid"
	[ "$output" = "status 0: hello" ]
}

@test "what is written to the pad outlives its program" {
	uuid=$("$MUSCTL" exec -O file="$PWD/pad.state" -- "$BATS_FILE_TMPDIR/pad")
	"$MUSCTL" poke "$uuid" bar0+0.4=2a
	"$MUSCTL" destroy "$uuid"
	uuid=$("$MUSCTL" exec -O file="$PWD/pad.state" -O color=white -- "$BATS_FILE_TMPDIR/pad")
	run -0 --separate-stderr "$MUSCTL" peek "$uuid" bar0+0.4 STARTS COLOR
	"$MUSCTL" set "$uuid" color=black
	black=$("$MUSCTL" peek "$uuid" COLOR)
	"$MUSCTL" destroy "$uuid"
	[ "$output" = $'0x0000002a\n0x00000002\n0x00000001' ]
	[ "$black" = 0x00000000 ]
}

@test "the ticker as a class ticks as well" {
	uuid=$("$MUSCTL" exec -- "$BATS_FILE_TMPDIR/tickerc")
	"$MUSCTL" poke "$uuid" PERIOD=3e8 CTRL=1
	until [ "$("$MUSCTL" peek "$uuid" STATUS)" = 0x00000001 ]; do sleep 0.05; done
	"$MUSCTL" poke "$uuid" CTRL=0
	"$MUSCTL" poke "$uuid" STATUS=1
	run -0 --separate-stderr "$MUSCTL" peek "$uuid" STATUS PERIOD
	"$MUSCTL" destroy "$uuid"
	[ "$output" = $'0x00000000\n0x000003e8' ]
}

@test "the watchdog has no PCI, and what is there has its names" {
	wdt=$("$MUSCTL" exec -- "$BATS_FILE_TMPDIR/wdt")
	[ "$("$MUSCTL" peek "$wdt" ctrl+0)" = 0x00000064 ]
	"$MUSCTL" poke "$wdt" LOAD=0
	"$MUSCTL" irq list -nro IRQ,OF "$wdt" | grep -q '^bark 1'
	run --separate-stderr "$MUSCTL" lspci "$wdt"
	[ "$status" -eq 4 ]
	[ "$stderr" = "musctl: lspci: $wdt: not a PCI device" ]
	"$MUSCTL" destroy "$wdt"
}
