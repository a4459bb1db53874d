#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# A user's own program: the slide's, built against an installed libmuser, seen by musctl.

bats_require_minimum_version 1.5.0

setup_file() {
	local repo=$BATS_TEST_DIRNAME/../..
	export MUSCTL=${MUSCTL:-$repo/build/release/musctl}
	export MUSER_RUNTIME_DIR=$BATS_FILE_TMPDIR/run
	export ROOT=$BATS_FILE_TMPDIR/root
	flock "$repo/build" make -s -C "$repo" install DESTDIR="$ROOT" PREFIX=/usr >/dev/null
	export PKG_CONFIG_SYSROOT_DIR=$ROOT PKG_CONFIG_PATH=$ROOT/usr/lib/pkgconfig
	export LD_LIBRARY_PATH=$ROOT/usr/lib
	# shellcheck disable=SC2046 # several words
	cc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Werror \
		-o "$BATS_FILE_TMPDIR/slide" "$BATS_TEST_DIRNAME/slide.c" \
		$(pkg-config --cflags --libs libmuser)
	SLIDE=$("$MUSCTL" exec -- "$BATS_FILE_TMPDIR/slide")
	export SLIDE
}

teardown_file() {
	"$MUSCTL" destroy "$SLIDE"
}

@test "exec prints the UUID of a program that has a device" {
	[[ $SLIDE =~ ^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$ ]]
}

@test "the program's device is listed" {
	run --separate-stderr "$MUSCTL" list -n -o UUID,STATE
	[ "$status" -eq 0 ]
	[[ $output == *"$SLIDE"* ]]
}

@test "show knows what the program said of itself" {
	run --separate-stderr "$MUSCTL" show -J "$SLIDE"
	[ "$status" -eq 0 ]
	[[ $output == *8086:1234* ]]
}

@test "poke and peek reach the program's callback" {
	"$MUSCTL" poke "$SLIDE" bar0+0x10.4=0xfeedc0de
	run --separate-stderr "$MUSCTL" peek "$SLIDE" bar0+0x10.4
	[ "$status" -eq 0 ]
	[[ $output == *0xfeedc0de* ]]
}

@test "trace shows the program's accesses" {
	"$MUSCTL" trace --limit 1 -J "$SLIDE" >"$BATS_TEST_TMPDIR/rows" 3>&- &
	local tracer=$!
	while kill -0 "$tracer" 2>/dev/null; do
		"$MUSCTL" peek "$SLIDE" bar0+0x20.2
		sleep 0.1
	done
	wait "$tracer"
	grep -q bar0 "$BATS_TEST_TMPDIR/rows"
	grep -q 0x20 "$BATS_TEST_TMPDIR/rows"
}

@test "an interrupt that nobody wired is reported as such" {
	run --separate-stderr "$MUSCTL" irq fire "$SLIDE" 0
	[[ $output == *no-eventfd* ]]
}
