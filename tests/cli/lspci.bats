#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl lspci: configuration space through lspci.

load helper

@test "decodes the header" {
	uuid=$(musctl create gpio-idio16)
	try 0 musctl lspci -n "$uuid"
	[[ $output == "00:00.0 ff00: 494f:0dc8"* ]]
}

@test "-vv tells the capabilities" {
	uuid=$(musctl create null)
	try 0 musctl lspci -vv "$uuid"
	[[ $output == *"MSI-X: Enable- Count=4"*"Vector table: BAR=2 offset=00000000"* ]]
}

@test "options after -- go through as they are" {
	uuid=$(musctl create null)
	try 0 musctl lspci "$uuid" -- -xxx -n
	[[ $output == *$'\n00: 34 12 4c 4e '* ]]
	try 1 musctl lspci "$uuid" -- --frob
}

@test "what cannot be printed is an error, though lspci does not mind" {
	uuid=$(musctl create null)
	run --separate-stderr bash -c '"$MUSCTL" lspci "$1" >&-' - "$uuid"
	[ "$status" -eq 1 ]
	complains "musctl: lspci: standard output: Bad file descriptor"
	run --separate-stderr bash -c '"$MUSCTL" lspci "$1" >/dev/full' - "$uuid"
	[ "$status" -eq 1 ]
	complains "musctl: lspci: standard output: No space left on device"
}

@test "--socket decodes anybody's server" {
	uuid=$(musctl create null)
	try 0 musctl lspci -n --socket "$(socket_of "$uuid")"
	[[ $output == "00:00.0 ff00: 1234:4e4c"* ]]
}

@test "without lspci it says what to install" {
	uuid=$(musctl create null)
	mkdir empty
	try 1 env PATH="$PWD/empty" "$MUSCTL" lspci "$uuid"
	complains "musctl: lspci: lspci: not found (install pciutils)"
}
