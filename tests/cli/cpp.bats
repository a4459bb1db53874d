#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# muser.hpp: a device in C++ that musctl finds, by each compiler; it allocates nothing while served.

load helper

setup_file() {
	local repo=$BATS_TEST_DIRNAME/../..
	flock "$repo/build" make -s -C "$repo" build/release/libmuser.a >/dev/null
	for compiler in g++ clang++; do
		for program in card platform; do
			# shellcheck disable=SC2046 # several words
			"$compiler" -std=c++17 -O2 -Wall -Wextra -Wpedantic -Werror -I"$repo/lib" \
				-o "$BATS_FILE_TMPDIR/$program-$compiler" \
				"$BATS_TEST_DIRNAME/$program.cc" "$repo/build/release/libmuser.a" \
				$(pkg-config --libs json-c uuid liburing) -pthread
		done
	done
}

# each COMMAND...: with the device of each compiler, $card
each() {
	local compiler
	for compiler in g++ clang++; do
		card=$(musctl exec -O limit=50 -- "$BATS_FILE_TMPDIR/card-$compiler")
		"$@"
		musctl destroy "$card"
	done
}

registers() {
	[ "$(musctl peek "$card" CTRL CTRL.SPEED)" = $'0x00000020\n0x2' ]
	musctl poke "$card" COUNT=5
	musctl poke "$card" COUNT=7
	[ "$(musctl peek "$card" COUNT LAST STATUS)" = $'0x00000007\n0x00000005\n0x00000001' ]
	musctl poke "$card" STATUS=1
	[ "$(musctl peek "$card" STATUS)" = 0x00000000 ]
	musctl reset "$card"
	[ "$(musctl peek "$card" COUNT CTRL)" = $'0x00000000\n0x00000020' ]
}

@test "registers keep values, call functions, and are reset" {
	each registers
}

arrays() {
	musctl poke "$card" BELL0=1 BELL3=2
	[ "$(musctl peek "$card" SUM)" = 0x0000000000000009 ]
}

@test "an array is as many registers" {
	each arrays
}

lines() {
	musctl poke "$card" COUNT=5
	[ "$(("$(musctl peek "$card" config+6.2)" & 8))" -eq 8 ]
	musctl poke "$card" STATUS=1
	[ "$(("$(musctl peek "$card" config+6.2)" & 8))" -eq 0 ]
}

@test "a cause is a level on INTx" {
	each lines
}

exceptions() {
	musctl poke "$card" COUNT=51
	[ "$(musctl peek "$card" STATUS)" = 0x00000000 ]
	musctl poke "$card" GO=1000
	[ "$(musctl peek "$card" SUM)" = 0x0000000000000000 ]
}

@test "an exception ends in its callback" {
	each exceptions
}

memory() {
	musctl poke "$card" bar1+8.4=12345678
	[ "$(musctl peek "$card" bar1+8.4)" = 0x12345678 ]
	until [ "$(musctl peek "$card" TICKS)" = 0x00000001 ]; do sleep 0.01; done
}

@test "regions without registers are memory, and timers run" {
	each memory
}

hot_path() {
	for i in 1 2 3 4 5; do
		musctl poke "$card" COUNT=$i BELL1=$i CTRL=$i STATUS=1
		musctl peek "$card" SUM COUNT >/dev/null
	done
	[ "$(musctl peek "$card" ALLOCATIONS)" = 0x00000000 ]
}

looks() {
	local before
	before=$(musctl peek "$card" LOOKS)
	[ "$(($(musctl peek "$card" LOOKS)))" -gt "$((before))" ]
}

@test "a poller looks in each turn" {
	each looks
}

@test "options make a description, or none" {
	card=$(musctl exec -O model=5 -- "$BATS_FILE_TMPDIR/card-g++")
	[ "$(musctl peek "$card" config+2e.2)" = 0x0005 ]
	try 1 musctl exec -O model=13 -- "$BATS_FILE_TMPDIR/card-g++"
}

@test "nothing is allocated while it is served" {
	each hot_path
}

@test "options are variables with a range" {
	try 1 musctl exec -O limit=101 -- "$BATS_FILE_TMPDIR/card-g++"
	[[ ${stderr_lines[0]} == *"limit=101: invalid value (expected 1..100)" ]]
	card=$(musctl exec -O label=lab -- "$BATS_FILE_TMPDIR/card-g++")
	musctl set "$card" limit=7
	[ "$(musctl set "$card" limit label)" = $'7\nlab' ]
}

words() {
	musctl poke "$card" ONCE=1
	[ "$(musctl peek "$card" ONCE)" = 0x00000000 ]
	musctl poke "$card" EVENTS=1
	[ "$(musctl peek "$card" EVENTS)" = 0x00000002 ]
	musctl poke "$card" EVENTS=80
	[ "$(musctl peek "$card" EVENTS)" = 0x00000006 ]
}

@test "what on_write does to its own register counts" {
	each words
}

@test "a choice and its default, what has changed, what is read-only or set at creation" {
	run -0 "$BATS_FILE_TMPDIR/card-g++" --help
	[[ $output == *"color=black|white  of the card (default: white)"* ]]
	[[ $output == *"limit=1..100  of the counter (default: 10)"* ]]
	[[ $output != *"starts="* ]]
	card=$(musctl exec -O color=black -- "$BATS_FILE_TMPDIR/card-g++")
	[ "$(musctl peek "$card" PAINT)" = 0x00000000 ]
	musctl set "$card" color=white
	[ "$(musctl peek "$card" PAINT)" = 0x00000011 ]
	try 1 musctl set "$card" file=x
	[ "$(musctl set "$card" starts)" = 1 ]
}

keeps() {
	local file=$PWD/$(basename "$1").state again
	again=$(musctl exec -O file="$file" -- "$1")
	musctl poke "$again" COUNT=7 BELL2=1
	musctl destroy "$again"
	again=$(musctl exec -O file="$file" -- "$1")
	[ "$(musctl peek "$again" COUNT LAST STATUS LOADED SUM)" = \
		$'0x00000007\n0x00000000\n0x00000001\n0x00000001\n0x0000000000000003' ]
	[ "$(musctl set "$again" starts)" = 2 ]
	musctl destroy "$again"
	truncate -s -8 "$file"
	try 1 musctl exec -O file="$file" -- "$1"
}

@test "a saved state has the registers, and what is named" {
	keeps "$BATS_FILE_TMPDIR/card-g++"
	keeps "$BATS_FILE_TMPDIR/card-clang++"
}

@test "a device without PCI: regions and interrupts by the names that it gives" {
	local compiler
	for compiler in g++ clang++; do
		clock=$(musctl exec -- "$BATS_FILE_TMPDIR/platform-$compiler")
		[ "$(musctl peek "$clock" LOAD ctrl+0 region1+0)" = \
			$'0x00000064\n0x00000064\n0x00000000' ]
		[ "$(musctl irq list -nro IRQ,OF "$clock")" = $'expired 1\nqueue 4' ]
		musctl irq mask "$clock" queue:3
		musctl poke "$clock" LOAD=0
		musctl irq list -nro IRQ,VECTOR,PENDING "$clock" | grep -qx 'queue 3 yes'
		musctl irq list -nro IRQ,VECTOR,PENDING "$clock" | grep -qx 'expired 0 yes'
		musctl destroy "$clock"
	done
}
