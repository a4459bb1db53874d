#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl poke: values, masks, fields; nothing is written if any of the line is wrong.

load helper

setup_file() {
	build_with_libmuser program
}

@test "writes in the order given" {
	uuid=$(musctl create null)
	try 0 musctl poke "$uuid" bar0+0.4=1 bar0+0.4=2 bar0+4.2=beef
	[ -z "$output" ]
	try 0 musctl peek "$uuid" bar0+0 bar0+4.2
	[ "$output" = $'0x00000002\n0xbeef' ]
}

@test "with a mask only those bits change" {
	uuid=$(musctl create null)
	musctl poke "$uuid" bar0+0.4=ffffffff
	musctl poke "$uuid" bar0+0.4=0:00f0
	[ "$(musctl peek "$uuid" bar0+0)" = 0xffffff0f ]
}

@test "a field changes alone" {
	uuid=$(musctl create gpio-idio16)
	musctl poke "$uuid" OUT0_7=ff
	musctl poke "$uuid" OUT0_7.OUT3=0
	[ "$(musctl peek "$uuid" OUT0_7)" = 0xf7 ]
	[ "$(musctl set "$uuid" out)" = 0x00f7 ]
}

@test "a value that does not fit: only if the line says the width it is a usage error" {
	uuid=$(musctl create gpio-idio16)
	try 1 musctl poke "$uuid" OUT0_7=100
	complains "musctl: poke: OUT0_7=100: value or mask does not fit into 8 bits"
	try 1 musctl poke "$uuid" OUT0_7.OUT3=2
	complains "musctl: poke: OUT0_7.OUT3=2: value or mask does not fit into 1 bit"
	try 2 musctl poke "$uuid" bar2+0.1=100
	complains "musctl: poke: bar2+0.1=100: value or mask does not fit into 8 bits"
}

@test "what is no assignment is a usage error, told before any device is asked" {
	for word in bar0+0 bar0+0= bar0+0=xyz bar0+0=1:z bar0+0=-1 bar0+0=0x0x1 bar0+0=1: \
		bar0+0=11112222333344445z; do
		try 2 musctl poke nosuch "$word"
		complains "musctl: poke: $word: is not WHERE=VALUE[:MASK] with hexadecimal numbers"
	done
}

@test "a number that is too large says so, and the limit" {
	uuid=$(musctl create null)
	for word in bar0+0=11112222333344445 bar0+0=1:11112222333344445; do
		try 2 musctl poke nosuch "$word"
		complains "musctl: poke: $word: a number is larger than 0xffffffffffffffff"
	done
	for word in bar0+11112222333344445=1 bar0+0x1111222233334444555566667777.4=1; do
		try 2 musctl poke "$uuid" "$word"
		complains "musctl: poke: $word: the offset is larger than 0xffffffffffffffff"
	done
}

@test "nothing is written if a later word is wrong" {
	uuid=$(musctl create null)
	try 1 musctl poke "$uuid" bar0+0.4=1 FROB=1
	[ "$(musctl peek "$uuid" bar0+0)" = 0x00000000 ]
}

@test "nothing is written if a later place is beyond its region, in none, or read-only" {
	uuid=$(musctl exec -- "$BATS_FILE_TMPDIR/program")
	socket=$(socket_of "$uuid")
	for target in "$uuid" "--socket=$socket"; do
		try 1 musctl poke "$target" bar0+0.4=1 bar0+1000.4=1
		complains "musctl: poke: bar0+1000.4=1: out of range: the region has 4096 bytes"
		try 1 musctl poke "$target" bar0+0.4=1 bar5+0.4=1
		[[ $stderr == "musctl: poke: bar5+0.4=1: "*"no such region"* ]]
		try 1 musctl poke "$target" bar0+0.4=1 bar2+0.4=1
		complains "musctl: poke: bar2+0.4=1: the region cannot be written"
		[ "$(musctl peek "$uuid" bar0+0)" = 0x00000000 ]
	done
}

@test "a read-only register keeps its value" {
	uuid=$(musctl create null)
	try 0 musctl poke "$uuid" VENDOR_ID=ffff
	[ -z "$stderr" ] # as on a bus
	[ "$(musctl peek "$uuid" VENDOR_ID)" = 0x1234 ]
}

@test "beyond the end" {
	uuid=$(musctl create null)
	try 1 musctl poke "$uuid" bar0+ffe.4=0
	complains "musctl: poke: bar0+ffe.4=0: out of range: the region has 4096 bytes"
}

@test "--socket writes as a client, masks included" {
	uuid=$(musctl create null)
	socket=$(socket_of "$uuid")
	try 0 musctl poke --socket "$socket" bar0+0.4=ffffffff bar0+0.4=0:f
	[ "$(musctl peek "$uuid" bar0+0)" = 0xfffffff0 ]
}
