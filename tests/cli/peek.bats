#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl peek: places by region and by name, beside a client and as one.

load helper

setup_file() {
	build_client
	build_with_libmuser program
	build_with_libmuser undecoded
	build_with_libmuser peer
}

@test "a place in a region, by setpci's hexadecimal" {
	uuid=$(musctl create null)
	musctl poke "$uuid" bar0+10.4=12345678
	try 0 musctl peek "$uuid" bar0+0x10.4 bar0+10.2 BAR0+10.1 bar0+10.8
	[ "$output" = $'0x12345678\n0x5678\n0x78\n0x0000000012345678' ]
}

@test "setpci's letters are widths as well, and four bytes the default" {
	uuid=$(musctl create null)
	musctl poke "$uuid" bar0+10.q=1122334455667788
	try 0 musctl peek "$uuid" bar0+10.B bar0+10.w bar0+10.L bar0+10.Q bar0+10
	[ "$output" = $'0x88\n0x7788\n0x55667788\n0x1122334455667788\n0x55667788' ]
}

@test "a register by name, in any case, and a field of it" {
	uuid=$(musctl create gpio-idio16 -O in=0x0008)
	try 0 musctl peek "$uuid" IN0_7 in0_7 IN0_7.IN3 IN0_7.IN2
	[ "$output" = $'0x08\n0x08\n0x1\n0x0' ]
}

@test "the offset of a register has its width" {
	uuid=$(musctl create gpio-idio16)
	try 0 musctl peek "$uuid" bar2+1
	[ "$output" = 0x00 ]
}

@test "the PCI header by setpci's names" {
	uuid=$(musctl create null)
	try 0 musctl peek "$uuid" VENDOR_ID DEVICE_ID CLASS_DEVICE
	[ "$output" = $'0x1234\n0x4e4c\n0xff00' ]
}

@test "all about what was read" {
	uuid=$(musctl create gpio-idio16 -O in=0x0001)
	try 0 musctl peek -J "$uuid" IN0_7 config+0.2
	golden peek.json
	try 0 musctl peek -o VALUE,REGISTER,DETAILS "$uuid" IN0_7
	golden peek-columns
}

@test "a region, an offset, a width, a register, a field that do not exist" {
	uuid=$(musctl create gpio-idio16)
	try 2 musctl peek "$uuid" bar9+0
	complains "musctl: peek: bar9+0: no such region (bar0 .. bar5, rom, config, vga)"
	try 2 musctl peek "$uuid" bar2+xyz
	complains "musctl: peek: bar2+xyz: the offset is not a hexadecimal number"
	try 2 musctl peek "$uuid" bar2+0.3
	complains "musctl: peek: bar2+0.3: the width must be 1, 2, 4, 8, B, W, L or Q"
	try 1 musctl peek "$uuid" FROB
	[[ $stderr == "musctl: peek: FROB: no such register (musctl show lists them; "* ]]
	try 1 musctl peek "$uuid" OUT0_7.FROB
	complains "musctl: peek: OUT0_7.FROB: OUT0_7 has no such field (musctl show lists them)"
}

@test "what is said of a name that is none leads to those that there are" {
	uuid=$(musctl create null)
	try 1 musctl peek "$uuid" VENDOR
	complains "musctl: peek: VENDOR: no such register (the device names none; musctl-peek(8) lists those of the PCI header), and not REGION+OFFSET, such as bar0+4"
	for name in $(musctl _complete peek "$uuid" "" | grep -x '[A-Z_0-9]*'); do
		grep -qw "$name" "$REPO/man/musctl-peek.8.scd"
	done
	try 1 musctl peek "$uuid" COMMAND.MEMORY
	complains "musctl: peek: COMMAND.MEMORY: COMMAND has no named fields"
	uuid=$(musctl create gpio-idio16)
	try 1 musctl peek "$uuid" VENDOR
	complains "musctl: peek: VENDOR: no such register (musctl show lists them; musctl-peek(8) lists those of the PCI header), and not REGION+OFFSET, such as bar0+4"
}

@test "beyond the end, and an absent region" {
	uuid=$(musctl create gpio-idio16)
	try 1 musctl peek "$uuid" bar2+8.1
	complains "musctl: peek: bar2+8.1: out of range: the region has 8 bytes"
	try 1 musctl peek "$uuid" bar2+ffffffffffffffff.1
	complains "musctl: peek: bar2+ffffffffffffffff.1: out of range: the region has 8 bytes"
	try 1 musctl peek "$uuid" bar0+0
	complains "musctl: peek: bar0+0: no such region (musctl show lists them)"
}

@test "a width that the device does not allow, and those that it does" {
	uuid=$(musctl exec -- "$BATS_FILE_TMPDIR/program")
	try 1 musctl peek "$uuid" bar1+0.8
	complains "musctl: peek: bar1+0.8: width 8: allowed are 2 and 4"
	try 1 musctl poke "$uuid" bar1+0.1=0
	complains "musctl: poke: bar1+0.1=0: width 1: allowed are 2 and 4"
	try 1 musctl poke "$uuid" bar1+0.1=0:1
	complains "musctl: poke: bar1+0.1=0:1: width 1: allowed are 2 and 4"
	try 1 musctl peek "$uuid" bar1+e.4
	complains "musctl: peek: bar1+e.4: out of range: the region has 16 bytes"
}

@test "reads what it was asked for, and nothing else" {
	uuid=$(musctl exec -- "$BATS_FILE_TMPDIR/program")
	musctl peek "$uuid" bar0+0 VENDOR_ID
	musctl poke "$uuid" bar0+0=1
	musctl _complete peek "$uuid" "" >/dev/null
	[ "$(musctl peek "$uuid" READS)" = 0x00000001 ]
}

@test "all words are checked before the first is read" {
	uuid=$(musctl create null)
	try 1 musctl peek "$uuid" bar0+0 FROB
	[ -z "$output" ]
}

@test "nothing is read if a later place is beyond its region, or in none" {
	uuid=$(musctl exec -- "$BATS_FILE_TMPDIR/program")
	for target in "$uuid" "--socket=$(socket_of "$uuid")"; do
		for last in bar1+10.4 bar5+0; do
			try 1 musctl peek "$target" bar1+0.4 "$last"
			[ -z "$output" ]
		done
	done
	[ "$(musctl peek "$uuid" READS)" = 0x00000001 ]
}

@test "- is the first device of standard input" {
	a=$(musctl create null)
	b=$(musctl create gpio-idio16)
	[ "$(printf '%s\n' "$b" "$a" | musctl peek - DEVICE_ID)" = "$(musctl peek "$b" DEVICE_ID)" ]
}

@test "a client stays attached" {
	uuid=$(musctl create null)
	client_start "$uuid"
	client write 0 0x20 4 0xfeedc0de
	try 0 musctl peek "$uuid" bar0+20
	[ "$output" = 0xfeedc0de ]
	client read 0 0x20 4
	[ "$REPLY" = 0xfeedc0de ]
}

@test "--socket is a client of any server" {
	uuid=$(musctl create null)
	try 0 musctl peek --socket "$(socket_of "$uuid")" VENDOR_ID bar0+0
	[ "$output" = $'0x1234\n0x00000000' ]
}

@test "--socket: nobody there, and a server that is taken" {
	try 3 musctl peek --socket nowhere.sock bar0+0
	complains "musctl: peek: nowhere.sock: no such socket"
	uuid=$(musctl create null)
	client_start "$uuid"
	try 1 musctl peek --socket "$(socket_of "$uuid")" bar0+0
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "--socket: beyond the end" {
	uuid=$(musctl create null)
	try 1 musctl peek --socket "$(socket_of "$uuid")" bar0+1000.4
	[[ $stderr == "musctl: peek: bar0+1000.4: "* ]]
	complains "musctl: peek: bar0+1000.4: out of range: the region has 4096 bytes"
	try 1 musctl peek --socket "$(socket_of "$uuid")" bar0+ffd.4
	complains "musctl: peek: bar0+ffd.4: out of range: the region has 4096 bytes"
}

@test "--socket: a BAR that is not decoded yet says so" {
	"$BATS_FILE_TMPDIR/undecoded" here.sock 3>&- &
	server=$!
	eventually test -S here.sock
	try 1 musctl peek --socket here.sock bar0+0
	complains "musctl: peek: bar0+0: Invalid argument: memory decoding is off in COMMAND, and the BAR has no address (a driver gives it one)"
	try 1 musctl poke --socket here.sock bar4+0.4=1
	complains "musctl: poke: bar4+0.4=1: Invalid argument: I/O decoding is off in COMMAND, and the BAR has no address (a driver gives it one)"
	musctl poke --socket here.sock config+4.2=3
	try 1 musctl peek --socket here.sock bar0+0
	complains "musctl: peek: bar0+0: Invalid argument: the BAR has no address (a driver gives it one)"
	musctl poke --socket here.sock config+14.4=1
	try 0 musctl peek --socket here.sock bar0+0
	[ "$output" = 0x00000011 ]
	musctl poke --socket here.sock config+4.2=0 config+20.4=c001
	try 1 musctl peek --socket here.sock bar4+0
	complains "musctl: peek: bar4+0: Invalid argument: I/O decoding is off in COMMAND"
	kill "$server"
}

# ---- devices that say what they like -------------------------------------------------

# A register of 4 bytes with one field, and what a read of it gives.
strange_register() { # SHIFT BITS [MEMBER-OF-THE-REGISTER]
	answer Registers '{"parameters":{"registers":[{"name":"R","region":2,"offset":"0x0","width":4,
		"access":"rw","pure":true,"fields":[{"name":"F","shift":'"$1"',"bits":'"$2"'},
		{"name":"LAST","shift":31,"bits":1}]'"${3-}"'}]}}'
	answer Read '{"parameters":{"data":"00000080"}}'
}

@test "a field that leaves its register is none" {
	peer_start
	for field in "0 0" "0 33" "31 2" "32 1" "0 4294967264" "4294967295 1" "0 4294967297"; do
		# shellcheck disable=SC2086 # two words
		strange_register $field
		try 1 timeout 30 "$MUSCTL" peek "$PEER" R.F
		complains "musctl: peek: R.F: R has no such field (musctl show lists them)"
		try 0 timeout 30 "$MUSCTL" peek "$PEER" R -o DETAILS -n
		[ "$output" = LAST=1 ]
		try 0 timeout 30 "$MUSCTL" peek "$PEER" R.LAST
		[ "$output" = 0x1 ]
	done
}

@test "a register that cannot be is none" {
	peer_start
	for member in '"width":3' '"width":0' '"width":4294967300' '"region":4294967298' \
		'"offset":"0xffffffffffffffff"'; do
		strange_register 0 1 ",$member"
		try 1 timeout 30 "$MUSCTL" peek "$PEER" R
		complains "musctl: peek: R: no such register (the device names none; musctl-peek(8) lists those of the PCI header), and not REGION+OFFSET, such as bar0+4"
	done
}
