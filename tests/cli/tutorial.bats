#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# muser(7) is true: its device builds from the page as it is, and behaves as the page says.

bats_require_minimum_version 1.5.0

setup() {
	REPO=$BATS_TEST_DIRNAME/../..
	cd "$BATS_TEST_TMPDIR" || return
}

setup_file() {
	local repo=$BATS_TEST_DIRNAME/../..
	export MUSCTL=${MUSCTL:-$repo/build/release/musctl}
	export MUSER_RUNTIME_DIR=$BATS_FILE_TMPDIR/run
	awk '/^```$/ { inside = !inside; next } inside && /ticker\.c - / { ours = 1 }
		inside && ours { gsub(/\\\\/, "\\"); print } !inside { ours = 0 }' \
		"$repo/man/muser.7.scd" >"$BATS_FILE_TMPDIR/ticker.c"
	flock "$repo/build" make -s -C "$repo" build/release/libmuser.a >/dev/null
	# shellcheck disable=SC2046 # several words
	cc -o "$BATS_FILE_TMPDIR/ticker" -I"$repo/lib" "$BATS_FILE_TMPDIR/ticker.c" \
		"$repo/build/release/libmuser.a" $(pkg-config --libs json-c uuid) -pthread
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
	sleep 0.1
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
		$(pkg-config --libs json-c uuid) -pthread
	run -1 --separate-stderr ./wrong
	said=$(sed -n 's/^muser: [0-9a-f-]*: \(region 0: .*\)/\1/p' "$REPO/man/muser.7.scd")
	[ -n "$said" ]
	[[ ${stderr_lines[0]} == "muser: "*": $said" ]]
}
