#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl wait: conditions that hold, that come, that do not come.

load helper

setup_file() {
	build_client
	build_with_libmuser peer
}

@test "--timeout 0 looks, and does not wait" {
	uuid=$(musctl create null)
	try 124 musctl wait --attached --timeout 0 "$uuid"
	try 124 musctl wait --gone --timeout 0 "$uuid"
	try 0 musctl wait --detached --timeout 0 "$uuid"
}

@test "what is so already needs no waiting" {
	uuid=$(musctl create null)
	try 0 musctl wait --detached "$uuid"
	client_start "$uuid"
	try 0 musctl wait --attached "$uuid"
}

@test "waits for a client, and for its end" {
	uuid=$(musctl create null)
	musctl wait --attached --timeout 5 "$uuid" 3>&- 8>&- 9>&- &
	waiter=$!
	client_start "$uuid"
	wait "$waiter"
	musctl wait --detached --timeout 5 "$uuid" 3>&- 8>&- 9>&- &
	waiter=$!
	client_stop
	wait "$waiter"
}

@test "waits for the end of a device" {
	uuid=$(musctl create null)
	"$MUSCTL" wait --gone --timeout 5 "$uuid" 3>&- &
	waiter=$!
	musctl destroy "$uuid"
	wait "$waiter"
	try 0 musctl wait --gone "$uuid"
	try 0 musctl wait --gone - <<<"$uuid"
}

@test "a device that crashes has a status, and a line, of its own" {
	uuid=$(musctl create null)
	MUSER_DEBUG=1 "$MUSCTL" wait --gone "$uuid" 2>errors 3>&- &
	waiter=$!
	eventually is_monitored
	kill -SEGV "$(musctl list -nro PID)"
	code=0
	wait "$waiter" || code=$?
	[ "$code" -eq 5 ]
	[[ $(tail -n 1 errors) == "musctl: wait: $uuid: ended: "* ]]
}

# Has wait been told that it is listened to? What it hears is on its stderr.
is_monitored() {
	grep -q '"kind":"ready"' errors
}

# Does the process have a connected UNIX socket?
is_connected() { # PID
	local inode
	inode=$(find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | tr -cd 0-9)
	awk -v inode="${inode:-none}" '$7 == inode && $6 == "03" { found = 1 } END { exit !found }' \
		/proc/net/unix
}

@test "a device that goes while it is asked is gone" {
	uuid=$(musctl create null)
	device=$(musctl list -nro PID)
	# What it says of itself finds no room: it stops between connecting and asking.
	mkfifo told
	exec 7<>told
	dd if=/dev/zero bs=64k count=1 status=none >&7
	MUSER_DEBUG=1 "$MUSCTL" wait --gone --timeout 5 "$uuid" 2>&7 3>&- &
	waiter=$!
	eventually is_connected "$waiter"
	kill -KILL "$device"
	musctl wait --gone --timeout 5 "$uuid" 2>&1
	head -c 65536 <&7 >/dev/null
	wait "$waiter"
	exec 7>&-
}

@test "a device that cannot be reached is not gone" {
	uuid=$(musctl create null)
	mv "$MUSER_RUNTIME_DIR/$uuid/control.sock" kept
	ln -sf control.sock "$MUSER_RUNTIME_DIR/$uuid/control.sock"
	try 1 musctl wait --gone "$uuid"
	complains "musctl: wait: $uuid: cannot reach the device: Too many levels of symbolic links"
	mv kept "$MUSER_RUNTIME_DIR/$uuid/control.sock"
}

@test "time is up: status 124" {
	uuid=$(musctl create null)
	try 124 musctl wait --attached --timeout 0.1 "$uuid"
	complains "musctl: wait: $uuid: timed out"
}

@test "news without end do not keep it from its timeout" {
	peer_start
	mkfifo answers/Monitor
	yes '{"continues":true,"parameters":{"kind":"event","name":"tick","value":"0x0"}}' |
		tr '\n' '\0' >answers/Monitor 2>/dev/null 3>&- &
	try 124 timeout 30 "$MUSCTL" wait --event panic --timeout 0.5 "$PEER"
	complains "musctl: wait: $PEER: timed out"
}

@test "a device that goes is status 3, if that was not waited for" {
	uuid=$(musctl create null)
	"$MUSCTL" wait --attached "$uuid" 2>errors 3>&- &
	waiter=$!
	eventually is_connected "$waiter"
	musctl destroy "$uuid"
	code=0
	wait "$waiter" || code=$?
	[ "$code" -eq 3 ]
	[ "$(cat errors)" = "musctl: wait: $uuid: the device disconnected" ]
}

@test "an event of a device, and its value" {
	uuid=$(musctl create pvpanic)
	MUSER_DEBUG=1 "$MUSCTL" wait --event panic --timeout 5 "$uuid" >value 2>errors 3>&- &
	waiter=$!
	eventually is_monitored
	musctl poke "$uuid" EVENTS=4
	musctl poke "$uuid" EVENTS=3
	wait "$waiter"
	[ "$(cat value)" = 0x3 ]
	[ "$(musctl show -J "$uuid" | jq -r '.device.properties[] | select(.name == "seen").value')" = 0x7 ]
}

@test "a watchdog that nobody feeds, and a device that ends by it" {
	uuid=$(musctl create watchdog-i6300esb -O action=exit)
	MUSER_DEBUG=1 "$MUSCTL" wait --event watchdog --timeout 5 "$uuid" >value 2>errors 3>&- &
	waiter=$!
	"$MUSCTL" wait --gone --timeout 5 "$uuid" 3>&- &
	gone=$!
	eventually is_monitored
	musctl poke "$uuid" bar0+c.1=80 bar0+c.1=86 PRELOAD1=1 bar0+c.1=80 bar0+c.1=86 PRELOAD2=1
	musctl poke "$uuid" LOCK=2
	wait "$waiter"
	[ "$(cat value)" = 0x1 ]
	wait "$gone"
}

@test "exactly one condition" {
	try 2 musctl wait x
	[[ $stderr == "musctl: wait: needs one of --attached, --detached, --event, --gone"* ]]
	try 2 musctl wait --gone --attached x
	[[ $stderr == "musctl: wait: --attached and --gone are mutually exclusive"* ]]
	try 2 musctl wait --attached --detached x
	[[ $stderr == "musctl: wait: --attached and --detached are mutually exclusive"* ]]
}

@test "a name that no event can have is not waited for" {
	uuid=$(musctl create null)
	for name in 'BAD NAME' a_b 12345678901234567; do
		try 2 timeout 5 "$MUSCTL" wait -e "$name" "$uuid"
		[[ $stderr == "musctl: wait: --event: '$name': an event's name is 1 to 16 of the characters a-z, 0-9 and -"* ]]
	done
	try 124 musctl wait -e a-23456789012345 -t 0 "$uuid"
}

@test "a timeout is a number of seconds" {
	for word in "" . 1.5s -1 1e3 .1234567890 4294967296; do
		try 2 musctl wait --attached --timeout "$word" x
		[[ $stderr == "musctl: wait: --timeout: '$word' is not a number of seconds, such as 1.5"* ]]
	done
}

@test "an unknown device is status 3" {
	try 3 musctl wait --attached nosuch
	try 3 musctl wait --gone nosuch
}
