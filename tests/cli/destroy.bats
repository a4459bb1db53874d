#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl destroy: the device is gone when it returns, whatever it was doing.

load helper

setup_file() {
	build_client
}

@test "nothing of the device is left" {
	uuid=$(musctl create null)
	pid=$(musctl list -nro PID)
	try 0 musctl destroy "$uuid"
	[ -z "$output" ]
	nothing_left
	# nobody may have asked for its exit status yet
	eventually bash -c '[ ! -d /proc/$0 ] || [ "$(ps -o stat= -p $0 | cut -c 1)" = Z ]' "$pid"
}

@test "a device with a client as well" {
	uuid=$(musctl create null)
	client_start "$uuid"
	try 0 musctl destroy "$uuid"
	nothing_left
}

@test "its socket elsewhere goes too" {
	uuid=$(musctl create null --socket-path here.sock)
	try 0 musctl destroy "$uuid"
	[ ! -e here.sock ]
}

@test "several at once, and those of standard input" {
	musctl create null --name a
	musctl create null --name b
	musctl create null --name c
	try 0 musctl destroy a b
	[ "$(musctl list -nro NAME)" = c ]
	run bash -c '"$MUSCTL" list -nro UUID | "$MUSCTL" destroy -'
	[ "$status" -eq 0 ]
	nothing_left
}

@test "one that is not there is status 3, and the others are destroyed" {
	musctl create null --name a
	try 3 musctl destroy nosuch a
	complains "musctl: destroy: nosuch: no such device (musctl list shows them)"
	nothing_left
}

@test "a device that hangs is killed after the timeout" {
	uuid=$(musctl create null)
	kill -STOP "$(musctl list -nro PID)"
	try 0 musctl destroy --timeout 0.2 "$uuid"
	nothing_left
}

@test "--force does not wait" {
	uuid=$(musctl create null)
	kill -STOP "$(musctl list -nro PID)"
	start=$SECONDS
	try 0 musctl destroy --force "$uuid"
	[ $((SECONDS - start)) -le 2 ]
	nothing_left
}

@test "a UUID can be used again at once" {
	uuid=$(musctl create null)
	for _ in 1 2 3 4 5; do
		musctl destroy "$uuid"
		musctl create null -u "$uuid"
	done
	try 0 musctl peek "$uuid" VENDOR_ID
}
