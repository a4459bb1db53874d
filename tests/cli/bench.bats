#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl bench: round trips to a device, of ours or of anybody's; what it leaves behind.

load helper

setup_file() {
	build_client
	build_with_libmuser undecoded
}

tests_of() {
	jq -r '.tests[].test' <<<"$output" | paste -sd' '
}

@test "all tests, a row each, in their order" {
	uuid=$(musctl create null)
	try 0 musctl bench -c 200 -nro TEST,RESULT "$uuid"
	[ "$(paste -sd, <<<"$output")" = "read ok,write ok,info ok,posted ok,reads ok,writes ok,\
multi ok,irqs ok,dma ok" ]
}

@test "only the tests that were named" {
	uuid=$(musctl create null)
	try 0 musctl bench -c 100 -J "$uuid" dma read
	[ "$(tests_of)" = "dma read" ]
}

@test "--socket measures the server there" {
	uuid=$(musctl create null)
	try 0 musctl bench -c 100 -J --socket "$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock" read
	[ "$(tests_of)" = read ]
}

@test "JSON has numbers: nanoseconds, in order" {
	uuid=$(musctl create null)
	try 0 musctl bench -c 1000 -J --output-all "$uuid" read
	jq -e '.schema == 1 and (.tests[0] | .requests == 1000 and .rate > 0 and .min > 0 and
		.min <= .p50 and .p50 <= .p90 and .p90 <= .p99 and .p99 <= .p999 and
		.p999 <= .max and .min <= .mean and .mean <= .max)' <<<"$output"
}

@test "--count and --depth say how many requests" {
	uuid=$(musctl create null)
	try 0 musctl bench -c 100 -d 10 -nro TEST,REQUESTS "$uuid" read reads multi
	[ "$(paste -sd, <<<"$output")" = "read 100,reads 100,multi 100" ]
}

@test "the times of posted writes are not known" {
	uuid=$(musctl create null)
	try 0 musctl bench -c 100 -J "$uuid" posted
	jq -e '.tests[0] | .rate > 0 and .mean == null and .p50 == null' <<<"$output"
}

@test "--at: another place, which keeps its value" {
	uuid=$(musctl create null)
	musctl poke "$uuid" bar0+10=12345678
	try 0 musctl bench -c 50 -nro RESULT --at bar0+10 "$uuid" write writes posted multi
	[ "$(sort -u <<<"$output")" = ok ]
	[ "$(musctl peek "$uuid" bar0+10)" = 0x12345678 ]
}

@test "--spin" {
	uuid=$(musctl create null)
	try 0 musctl bench -c 50 --spin -nro RESULT "$uuid" read reads
	[ "$(sort -u <<<"$output")" = ok ]
}

@test "nothing stays behind: no client, no window, no eventfd" {
	uuid=$(musctl create null)
	musctl bench -c 20 "$uuid"
	musctl show -J "$uuid" | jq -e '.dma == [] or .dma == null'
	try 1 musctl irq fire "$uuid" 0
	[ "$output" = no-eventfd ]
	musctl bench -c 20 "$uuid" read
}

@test "a device that has a client is not taken from it" {
	uuid=$(musctl create null)
	client_start "$uuid"
	try 1 musctl bench -c 10 "$uuid"
	complains "musctl: bench: $uuid: the server closed the connection (it may serve one \
client at a time)"
}

@test "a device without a client socket cannot be measured" {
	client_start -- /bin/sh -c 'exec "$MUSCTL" run null --fd=3 --name card >uuid'
	try 4 musctl bench card
	complains "musctl: bench: card: has no client socket with a path (an mdev, or an inherited socket)"
}

@test "a test that fails is a row and a status" {
	"$BATS_FILE_TMPDIR/undecoded" here.sock 3>&- &
	server=$!
	eventually test -S here.sock
	try 1 musctl bench -c 10 -J --at bar4+0 --socket here.sock read info
	kill "$server"
	jq -e '.tests[0].result == "Invalid argument" and .tests[1].result == "ok"' <<<"$output"
}

@test "--at: a place that the server does not have is an error, before anything is measured" {
	uuid=$(musctl create null)
	try 1 musctl bench -c 10 --at bar5+0 "$uuid"
	complains "musctl: bench: bar5+0: the server has no such region"
	try 1 musctl bench -c 10 --at bar0+1000 "$uuid"
	complains "musctl: bench: bar0+1000: out of range: the region has 4096 bytes"
}

@test "no such test is a usage error, before anything is measured" {
	uuid=$(musctl create null)
	try 2 musctl bench "$uuid" read speed
	[ "${stderr%%$'\n'*}" = "musctl: bench: speed: no such test" ]
	[ -z "$output" ]
}

@test "numbers out of bounds are usage errors" {
	uuid=$(musctl create null)
	try 2 musctl bench -c 0 "$uuid"
	try 2 musctl bench -c 10000001 "$uuid"
	try 2 musctl bench -d 0 "$uuid"
	try 2 musctl bench -d 4097 "$uuid"
}

@test "no such device, no such socket" {
	try 3 musctl bench 00000000-0000-4000-8000-000000000000
	try 3 musctl bench --socket "$BATS_TEST_TMPDIR/none" read
}

@test "--at: a register by its name; over --socket names are those of the PCI header" {
	uuid=$(musctl create gpio-idio16)
	try 0 musctl bench -c 10 -nro RESULT --at OUT0_7 "$uuid" read write
	[ "$(sort -u <<<"$output")" = ok ]
	try 1 musctl bench -c 10 --at FROB "$uuid" read
	[[ $stderr == "musctl: bench: FROB: no such register (musctl show lists them; "* ]]
	try 0 musctl bench -c 10 --at VENDOR_ID --socket "$(socket_of "$uuid")" read
	try 1 musctl bench -c 10 --at OUT0_7 --socket "$(socket_of "$uuid")" read
	complains "musctl: bench: OUT0_7: is not REGION+OFFSET, such as bar0+4, and over --socket only registers of the PCI header have names"
}
