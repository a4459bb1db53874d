#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl wait: conditions that hold, that come, that do not come.

load helper

setup_file() {
	build_client
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
	sleep 0.5 # it has connected
	musctl destroy "$uuid"
	wait "$waiter"
	try 0 musctl wait --gone "$uuid"
}

@test "time is up: status 124" {
	uuid=$(musctl create null)
	try 124 musctl wait --attached --timeout 0.1 "$uuid"
	complains "musctl: wait: $uuid: time is up"
}

@test "a device that goes is status 3, if that was not waited for" {
	uuid=$(musctl create null)
	"$MUSCTL" wait --attached "$uuid" 2>errors 3>&- &
	waiter=$!
	sleep 0.2
	musctl destroy "$uuid"
	code=0
	wait "$waiter" || code=$?
	[ "$code" -eq 3 ]
	[ "$(cat errors)" = "musctl: wait: $uuid: the device went away" ]
}

@test "exactly one condition" {
	try 2 musctl wait x
	[[ $stderr == "musctl: wait: needs one of --attached, --detached, --event, --gone"* ]]
	try 2 musctl wait --gone --attached x
}

@test "a timeout is a number of seconds" {
	for word in "" . 1.5s -1 1e3 .1234567890 4294967296; do
		try 2 musctl wait --attached --timeout "$word" x
		[[ $stderr == "musctl: wait: --timeout: '$word' is not seconds, such as 1.5"* ]]
	done
}

@test "an unknown device is status 3" {
	try 3 musctl wait --attached nosuch
	try 3 musctl wait --gone nosuch
}
