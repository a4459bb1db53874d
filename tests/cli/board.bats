#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# A card with BARs that are sparse, huge and a file, a ROM, and capabilities, from the installed
# interface alone.

load helper

setup_file() {
	build_with_libmuser board
	export BOARD=$BATS_FILE_TMPDIR/board
}

@test "its driver maps what can be mapped, and the rest is trapped" {
	uuid=$(musctl exec -- "$BOARD")
	try 0 "$BOARD" client "$(socket_of "$uuid")"
	[ "$output" = "trapped 1" ]
	[ "$(musctl peek "$uuid" bar0+5000.4)" = 0x61657261 ]
	[ "$(musctl peek "$uuid" bar4+0.4)" = 0x656c6966 ]
}

@test "64 GiB cost what was used of them" {
	uuid=$(musctl exec -- "$BOARD")
	try 0 "$BOARD" client "$(socket_of "$uuid")"
	[ "$(awk '/^RssShmem/ { print $2 }' "/proc/$(musctl list -nro PID)/status")" -lt 1024 ]
}

@test "the ROM is there, and read-only" {
	uuid=$(musctl exec -- "$BOARD")
	[ "$(musctl peek "$uuid" rom+0.2)" = 0xaa55 ]
	try 1 musctl poke "$uuid" rom+0.2=0
	[ "$(musctl peek "$uuid" rom+0.2)" = 0xaa55 ]
}

@test "lspci understands its capabilities" {
	uuid=$(musctl exec -- "$BOARD")
	try 0 musctl lspci -vv "$uuid"
	[[ $output == *"Power Management version 3"*"NoSoftRst-"* ]]
	[[ $output == *"Express (v2) Endpoint"*"FLReset+"* ]]
	[[ $output == *"MSI-X: Enable- Count=64"*"Vector table: BAR=0 offset=00008000"* ]]
	[[ $output == *"Vendor Specific Information: Len=08"* ]]
	[[ $output == *"Device Serial Number 11-22-33-44-55-66-77-88"* ]]
	[[ $output == *"Advanced Error Reporting"* ]]
	[[ $output == *"Region 2: Memory at "*"64-bit, prefetchable"* ]]
}

@test "lspci reads vital product data, the link and the slot" {
	uuid=$(musctl exec -- "$BOARD")
	try 0 musctl lspci -vv "$uuid"
	[[ $output == *"LnkCap:"*"Speed 16GT/s, Width x8"*"LnkSta:"*"Speed 16GT/s"*"Width x8"* ]]
	[[ $output == *"Vital Product Data"* ]]
	[[ $output == *"Slot ID: 3 slots, First-, chassis 07"* ]]
	at=$(sed -n 's/.*Capabilities: \[\(..\)\] Vital Product Data.*/\1/p' <<<"$output")
	musctl poke "$uuid" "config+$(printf %x $((0x$at + 2))).2=0"
	[ "$(musctl peek "$uuid" "config+$(printf %x $((0x$at + 2))).2")" = 0x8000 ]
	[ "$(musctl peek "$uuid" "config+$(printf %x $((0x$at + 4))).4")" = 0x6d000b82 ]
}

@test "lspci understands what is data, a resizable BAR and a mailbox" {
	uuid=$(musctl exec -- "$BOARD")
	try 0 musctl lspci -vvv "$uuid"
	echo "$output"
	[[ $output == *"Physical Resizable BAR"*"BAR 2: current size: 64GB, supported: 64GB"* ]]
	[[ $output =~ "Data Object Exchange".*"DOECap: IntSup+".*("Interrupt Message Number 002"|"IntMsgNum 2") ]]
	[[ $output == *"Alternative Routing-ID Interpretation (ARI)"* ]]
	[[ $output == *"Address Translation Service (ATS)"*"Page Request Interface (PRI)"* ]]
	[[ $output == *"Process Address Space ID (PASID)"* ]]
	[[ $output == *"Single Root I/O Virtualization (SR-IOV)"*"Total VFs: 4"* ]]
}

@test "waking it from D3hot resets it" {
	uuid=$(musctl exec -- "$BOARD")
	musctl poke "$uuid" config+44.2=3
	musctl poke "$uuid" config+3c.1=7
	musctl poke "$uuid" config+44.2=0
	[ "$(musctl peek "$uuid" config+3c.1)" = 0x00 ]
}
