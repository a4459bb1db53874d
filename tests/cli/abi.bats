#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# A program that was compiled with the headers of 0.2 works with the library of today: every part
# of its description arrives, every callback of it is called, its client understands the answers.

load helper

setup_file() {
	export LD_LIBRARY_PATH=$REPO/build/release
	release build/release/libmuser.so.0
	old_program device "$REPO/tests/abi/device.c"
	old_program client "$REPO/tests/cli/client.c"
}

old_program() { # NAME SOURCE
	cc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Werror \
		-Wno-missing-field-initializers -I"$REPO/tests/abi/0.2" \
		-o "$BATS_FILE_TMPDIR/$1" "$2" -L"$REPO/build/release" -lmuser
}

start() {
	uuid=$(musctl exec -- "$BATS_FILE_TMPDIR/device")
}

@test "the programs run on the library of today" {
	ldd "$BATS_FILE_TMPDIR/device" | grep -q "libmuser.so.0 => $LD_LIBRARY_PATH/"
	ldd "$BATS_FILE_TMPDIR/client" | grep -q "libmuser.so.0 => $LD_LIBRARY_PATH/"
}

@test "the description arrives" {
	start
	try 0 musctl show -J "$uuid"
	jq -e '.device | .type == "of-0.2" and .name == "old-timer"' <<<"$output"
	[ "$(musctl peek "$uuid" config+0x00.4)" = 0x01011b36 ]
	[ "$(musctl peek "$uuid" config+0x2c.4)" = 0x02021af4 ]
	[ "$(musctl peek "$uuid" config+0x08.4)" = 0x0c020103 ]
	[ "$(musctl peek "$uuid" config+0x3d.1)" = 0x02 ]
	[ "$(musctl peek "$uuid" config+0x104.4)" = 0x55667788 ]
	[ "$(musctl peek "$uuid" config+0x108.4)" = 0x11223344 ]
}

@test "capabilities arrive" {
	start
	local at next kinds= msi vendor
	next=$(musctl peek "$uuid" config+0x34.1)
	while ((next)); do
		at=$(printf %x "$next")
		kinds+=" $(musctl peek "$uuid" "config+0x$at.1")"
		case $kinds in
		*0x05) msi=$(musctl peek "$uuid" "config+0x$(printf %x $((next + 2))).2") ;;
		*0x09) vendor=$(musctl peek "$uuid" "config+0x$(printf %x $((next + 4))).4") ;;
		esac
		next=$(musctl peek "$uuid" "config+0x$(printf %x $((next + 1))).1")
	done
	[ "$(tr ' ' '\n' <<<"$kinds" | sort | xargs)" = '0x05 0x09 0x10' ]
	[ "$((msi & 0x018e))" -eq 4 ] # four vectors, 32-bit addresses, no mask bits
	[ "$vendor" = 0x5a5a5958 ]
}

@test "registers and fields have their names, widths and values" {
	start
	[ "$(musctl peek "$uuid" ID)" = 0x00000ab1 ]
	[ "$(musctl peek "$uuid" CTRL.MODE)" = 0x3 ]
	musctl poke "$uuid" CTRL.ENABLE=1 ADDR=0x123456789abcdef0
	[ "$(musctl peek "$uuid" CTRL)" = 0x00000031 ]
	[ "$(musctl peek "$uuid" ADDR)" = 0x123456789abcdef0 ]
	musctl poke "$uuid" ID=7
	[ "$(musctl peek "$uuid" ID)" = 0x00000ab1 ]
}

@test "callbacks of regions and of reset are called" {
	start
	musctl poke "$uuid" bar1+0x10.4=0xfeedc0de
	[ "$(musctl peek "$uuid" bar1+0x10.4)" = 0xfeedc0de ]
	musctl poke "$uuid" CTRL=0
	musctl reset "$uuid"
	[ "$(musctl peek "$uuid" bar1+0x10.4)" = 0x5a5a5a5a ]
	[ "$(musctl peek "$uuid" CTRL)" = 0x00000030 ]
}

@test "an answer that is put off comes by its timer" {
	start
	[ "$(musctl peek "$uuid" bar1+0x3c.4)" = 0x00001a7e ]
}

@test "properties are got and set" {
	start
	try 0 musctl set "$uuid" knob knob2
	[ "$output" = $'wxyz\ny' ]
	musctl set "$uuid" knob2=Q
	[ "$(musctl set "$uuid" knob)" = wxQz ]
	try 1 musctl set "$uuid" colour=red
	complains "musctl: set: colour=red: is read-only"
}

@test "memory of a region, and a region of its own" {
	start
	[ "$(musctl peek "$uuid" bar2+0x2000.8)" = 0x6120646e6f636573 ]
	client_start "$uuid"
	client read 2 0x2008 4
	[ "$REPLY" = 0x616572 ]
	client write 9 8 8 0x100
	client read 9 8 8
	[ "$REPLY" = 0x110 ] # plus offset and width
}

@test "an old client attaches, lends memory, and is interrupted" {
	start
	client_start "$uuid"
	client map 0x100000 0x10000
	[ "$REPLY" = ok ]
	client intx
	[ "$REPLY" = ok ]
	client write 0 8 8 0x100800
	client write 0 16 4 4096
	client write 0 20 4 1
	client irqs
	[ "$REPLY" = 1 ]
	client read 0 24 4
	[ "$REPLY" = 0x1 ]
}

@test "an old client finds nothing where there is nothing" {
	start
	client_start "$uuid"
	client write 0 8 8 0x900000
	client write 0 16 4 16
	client write 0 20 4 1
	client read 0 24 4
	[ "$REPLY" = 0xfffffffe ] # -ENOENT: nobody lent that memory
	client read 0 0 16
	[ "$REPLY" = 0xffffffffffffffff ] # wider than any register is accessed
	client read 0 0x100 4
	[ "$REPLY" = 0xffffffff ] # as on a bus
}

@test "a traced access carries the names of the registers" {
	start
	trace_start "$uuid"
	musctl peek "$uuid" CTRL
	eventually grep -q CTRL rows
	trace_stop
}
