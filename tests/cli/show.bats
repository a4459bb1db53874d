#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl show: the page, the document, and command lines; and how devices are named.

load helper

setup_file() {
	build_client
	build_with_libmuser peer
	build_with_libmuser program
}

@test "a page of sections" {
	musctl create gpio-idio16 --name card
	try 0 musctl show card
	output=$(sed -E 's/^(Process +)[0-9]+ .*/\1PID/' <<<"$output")
	golden show-gpio-idio16
}

@test "the document has the device, its registers and its DMA map" {
	uuid=$(musctl create gpio-idio16)
	try 0 musctl show -J "$uuid"
	jq -e --arg uuid "$uuid" '.schema == 1 and .device.uuid == $uuid and .dma == [] and
		(.registers | map(.name) | index("OUT0_7") != null)' <<<"$output"
}

@test "registers are read as everybody reads them" {
	uuid=$(musctl exec -- "$BATS_FILE_TMPDIR/program")
	trace_start "$uuid" -nro KIND,REGISTER,FLAGS
	try 0 musctl show -J "$uuid"
	jq -e '.registers[] | select(.name == "READS") | .pure and .value == "0x00000001"' <<<"$output"
	trace_stop
	[ "$(cat rows)" = "read READS control" ]
}

@test "accesses that were refused are counted" {
	uuid=$(musctl create gpio-idio16)
	client_start "$uuid"
	client read 2 8 1
	client read 2 6 4
	try 1 musctl peek "$uuid" bar2+6.4
	[ "$(musctl show -J "$uuid" | jq .device.refused)" -eq 2 ]
	try 0 musctl show "$uuid"
	[[ $output == *$'\n'Refused*"2 client accesses"* ]]
}

@test "the DMA map of a client" {
	uuid=$(musctl create null)
	client_start "$uuid"
	client map 0xffff00000000 0x200000
	try 0 musctl show "$uuid"
	[[ $output == *$'\nDMA map:\n'*0x0000ffff00000000*0x200000* ]]
	try 0 musctl show -J "$uuid"
	jq -e '.dma | length == 1 and .[0].address == "0xffff00000000" and .[0].size == "0x200000"' \
		<<<"$output"
}

@test "many DMA windows are all in the document, and a part of them on the page" {
	uuid=$(musctl create null)
	client_start "$uuid"
	for ((i = 0; i < 40; i++)); do
		client map $((i * 0x10000)) 0x1000
	done
	[ "$(musctl show -J "$uuid" | jq '.dma | length')" -eq 40 ]
	try 0 musctl show "$uuid"
	[[ ${lines[-1]} == "8 more (show --json lists all)" ]]
}

@test "several devices, several pages" {
	musctl create null --name a
	musctl create null --name b
	try 0 musctl show a b
	[ "$(grep -c ^UUID <<<"$output")" -eq 2 ]
	[ "$(grep -B 1 ^UUID <<<"$output" | grep -c '^$')" -eq 1 ]
}

@test "QEMU's options survive a shell and are the device's socket" {
	uuid=$(musctl create null)
	try 0 musctl show --cmdline=qemu "$uuid"
	eval "set -- $output"
	[[ $output == *"memory-backend-memfd,id=mem,size=1G,share=on"* ]]
	jq -e --arg path "$(socket_of "$uuid")" '. == {"driver": "vfio-user-pci",
		"socket": {"type": "unix", "path": $path}}' <<<"${!#}"
}

@test "a socket path of quotes and backslashes survives as well" {
	uuid=$(musctl create null --socket-path "$PWD/it's \"a\\b\".sock")
	try 0 musctl show --cmdline=qemu "$uuid"
	eval "set -- $output"
	[ "$(jq -r .socket.path <<<"${!#}")" = "$PWD/it's \"a\\b\".sock" ]
	try 0 musctl show --cmdline=cloud-hypervisor "$uuid"
	eval "set -- $output"
	[ "${!#}" = "socket=$PWD/it's \"a\\b\".sock" ]
}

@test "libvirt's domain snippet" {
	uuid=$(musctl create null)
	try 0 musctl show --cmdline=libvirt "$uuid"
	golden show-libvirt
}

@test "several devices are one virtual machine: what they share is said once" {
	a=$(musctl create null)
	b=$(musctl create gpio-idio16)
	try 0 musctl show --cmdline=qemu "$a" "$b"
	[ "${#lines[@]}" -eq 1 ]
	eval "set -- $output"
	[ "$(printf '%s\n' "$@" | grep -c '^-object$\|^-machine$\|^-m$')" -eq 3 ]
	[ "$(printf '%s\n' "$@" | grep '^{' | jq -r .socket.path)" = \
		"$(socket_of "$a")"$'\n'"$(socket_of "$b")" ]
	try 0 musctl show --cmdline=libvirt "$a" "$b"
	[ "$(grep -c '^<domain ' <<<"$output")" -eq 1 ]
	[ "$(grep -c "value='-device'" <<<"$output")" -eq 2 ]
	[ "$(grep -c memoryBacking <<<"$output")" -eq 2 ]
	try 0 musctl show --cmdline=cloud-hypervisor "$a" "$b"
	[ "$output" = "--memory size=1G,shared=on --user-device 'socket=$(socket_of "$a")' 'socket=$(socket_of "$b")'" ]
	try 3 musctl show --cmdline=qemu "$a" nosuch
	[ "$output" = "" ] # not another machine
	try 2 musctl show --cmdline=qemu "$a" "$b" "$a"
	[ "$output" = "" ]
	complains "musctl: show: $a: is given twice: a virtual machine can have it only once"
	try 2 musctl show --cmdline=qemu -J "$a"
}

@test "cloud-hypervisor takes no path that it would split" {
	export MUSER_RUNTIME_DIR=$PWD/a,b
	uuid=$(musctl create null)
	try 0 musctl show --cmdline=qemu "$uuid"
	try 4 musctl show --cmdline=cloud-hypervisor "$uuid"
	[ "$output" = "" ]
	[[ $stderr == *"comma"* ]]
	musctl destroy "$uuid"
}

@test "a socket path that no client can connect to is said, not printed" {
	long=$PWD/$(printf '%0120d' 0)
	uuid=$(MUSER_RUNTIME_DIR=$long musctl create null)
	export MUSER_RUNTIME_DIR=$long
	len=$(printf %s "$long/$uuid/vfio-user.sock" | wc -c)
	for who in qemu libvirt cloud-hypervisor; do
		try 4 musctl show --cmdline=$who "$uuid"
		[ -z "$output" ]
		complains "musctl: show: $uuid: no client can connect to a path of $len bytes, 107 at most (create it with a shorter --socket-path or MUSER_RUNTIME_DIR)"
	done
	short=$(musctl create null --socket-path "$BATS_TEST_TMPDIR/s")
	try 0 musctl show --cmdline=qemu "$short"
}

@test "an unknown command line is a usage error" {
	try 2 musctl show --cmdline=frob x
	[[ $stderr == "musctl: show: --cmdline: 'frob' is not one of qemu|libvirt|cloud-hypervisor"* ]]
}

# ---- naming a device -----------------------------------------------------------------

@test "the start of a UUID is enough, in any case" {
	musctl create null -u abcdef00-0000-4000-8000-000000000001
	try 0 musctl show ABCD
	try 0 musctl show abcdef00-00
}

@test "three characters are not" {
	musctl create null -u abcdef00-0000-4000-8000-000000000001
	try 3 musctl show abc
	complains "musctl: show: abc: no such device (a UUID prefix needs at least 4 characters)"
}

@test "an ambiguous start lists the matches" {
	musctl create null -u abcdef00-0000-4000-8000-000000000001
	musctl create null -u abcdef00-0000-4000-8000-000000000002
	try 1 musctl show abcd
	complains "musctl: show: abcd: matches 2 devices: abcdef00-0000-4000-8000-000000000001 abcdef00-0000-4000-8000-000000000002"
}

@test "a name that is the start of another device's UUID is ambiguous" {
	musctl create null -u abcdef00-0000-4000-8000-000000000001
	musctl create null -u 12345678-0000-4000-8000-000000000001 --name abcd
	for verb in show destroy; do
		try 1 musctl "$verb" abcd
		complains "musctl: $verb: abcd: matches 2 devices: 12345678-0000-4000-8000-000000000001 abcdef00-0000-4000-8000-000000000001"
	done
	[ "$(musctl list -nro UUID | wc -l)" -eq 2 ]
}

@test "a name that is the start of its own device's UUID is not" {
	musctl create null -u abcdef00-0000-4000-8000-000000000001 --name abcd
	try 0 musctl show -J abcd
	[ "$(jq -r .device.uuid <<<"$output")" = abcdef00-0000-4000-8000-000000000001 ]
}

# Two that are started by themselves agree or not: nobody refuses them.
@test "two devices of one name are ambiguous" {
	build_with_libmuser program
	musctl create null --name twin
	"$BATS_FILE_TMPDIR/program" named twin 3>&- &
	eventually bash -c '[ "$("$MUSCTL" list -nro NAME | grep -c twin)" -eq 2 ]'
	try 1 musctl show twin
	[[ $stderr == "musctl: show: twin: matches 2 devices: "* ]]
}

@test "an unknown device is status 3" {
	try 3 musctl show 85006552-1b4b-45e9-ad62-9dd16df09171
	complains "musctl: show: 85006552-1b4b-45e9-ad62-9dd16df09171: no such device (musctl list shows them)"
	try 3 musctl show 8500655
	complains "musctl: show: 8500655: no such device (musctl list shows them)"
}

@test "a device that hangs is shown as far as that goes" {
	uuid=$(musctl create null --name stuck)
	pid=$(musctl list -nro PID)
	kill -STOP "$pid"
	try 1 musctl show stuck
	complains "musctl: show: $uuid: the device does not answer"
	[ "$(sed 's/  *$//; s/   */ /' <<<"$output")" = "UUID $uuid
Name stuck
Type null
State hung
Process $pid" ]
	try 1 musctl show -J stuck
	jq -e --arg uuid "$uuid" --argjson pid "$pid" '.schema == 1 and .registers == [] and .dma == [] and
		(.device | del(..|nulls)) == {"uuid": $uuid, "name": "stuck", "type": "null",
		"state": "hung", "pid": $pid} and
		(.device | [has("id", "class", "socket", "client")] | all)' <<<"$output"
	try 1 musctl show --cmdline=qemu stuck
	complains "musctl: show: $uuid: the device does not answer"
}

@test "- reads devices from standard input" {
	musctl create null
	musctl create null
	run bash -c '"$MUSCTL" list -nro UUID | "$MUSCTL" show - | grep -c ^UUID'
	[ "$output" -eq 2 ]
}

@test "-u UUID stands for the argument" {
	uuid=$(musctl create null)
	try 0 musctl show -u "$uuid"
	try 0 musctl peek -u "$uuid" VENDOR_ID
	[ "$output" = 0x1234 ]
}

@test "control characters in what a user types do not reach the terminal" {
	try 3 musctl show $'a\033[31mb'
	complains "musctl: show: a?[31mb: no such device (musctl list shows them)"
}

@test "a device that does not answer is an error in bounded time" {
	uuid=$(musctl create null)
	pid=$(musctl list -nro PID)
	kill -STOP "$pid"
	try 1 musctl show "$uuid"
	complains "musctl: show: $uuid: the device does not answer"
	kill -KILL "$pid"
}

# A page of 4096 DMA windows, as the device answers it.
windows() { # FIRST [MEMBER]
	seq "$1" $(($1 + 4095)) | sed 's/.*/{"address":"0x&","size":"0x1","offset":"0x0"}/' |
		paste -sd, | sed "s/.*/{\"parameters\":{\"windows\":[&]${2+,$2}}}/"
}

@test "DMA windows are printed as they come, not held until the last" {
	peer_start
	answer Dma.1 "$(windows 0 '"next":"0x4096"')"
	"$MUSCTL" show -J "$PEER" >document 3>&- &
	eventually grep -q 0x1000 document
	answer Dma.2 "$(windows 4096)"
	wait $!
	jq -e '(.dma | length) == 8192 and .device.uuid == "'"$PEER"'"' document
}

@test "a list of DMA windows that does not lead on is an error, and ends" {
	peer_start
	for next in 0x0; do
		answer Dma "$(windows 0 "\"next\":\"$next\"")"
		try 1 timeout 60 "$MUSCTL" show -J "$PEER"
		complains "musctl: show: DMA windows: malformed reply from the device"
		jq -e '.dma | length % 4096 == 0' <<<"$output"
	done
}

@test "a device whose answers are of other types is shown as far as that goes" {
	peer_start
	for member in '"regions":[5,"x"]' '"irqs":[null]' '"properties":["a"]' '"client":7'; do
		answer Show "{\"parameters\":{\"device\":{\"uuid\":\"$PEER\",$member}}}"
		for words in "show $PEER" "show -J $PEER" "list -J" "set $PEER" "irq list $PEER"; do
			# shellcheck disable=SC2086
			run --separate-stderr "$MUSCTL" $words
			[ "$status" -le 4 ] # no signal, no sanitizer
		done
	done
}

@test "what a device answers is bounded in memory" {
	peer_start
	{
		printf '{"parameters":{"x":['
		yes '{},' | head -n 1000000 | tr -d '\n'
		printf '{}]}}'
	} >answers/Show
	try 1 musctl show "$PEER"
	complains "musctl: show: $PEER: the replies from the device are too large"
}

@test "where MSI-X has its table and pending bits, of a device and of a type" {
	uuid=$(musctl create null)
	try 0 musctl show "$uuid"
	[[ $(grep ^msix <<<"$output") == msix*bar2+0x0*bar2+0x800* ]]
	[[ $(musctl types null | grep ^msix) == msix*bar2+0x0*bar2+0x800* ]]
	for json in "$(musctl show -J "$uuid" | jq .device.irqs)" \
		"$(musctl types null -J | jq '.types[0].irqs')"; do
		jq -e '.[] | select(.name == "msix") |
			.table == {"region": "bar2", "offset": "0x0", "size": "0x40"} and
			.pba == {"region": "bar2", "offset": "0x800", "size": "0x8"}' <<<"$json"
		jq -e '.[0] | has("table") and .table == null and .pba == null' <<<"$json"
	done
}
