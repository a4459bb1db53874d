#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl monitor: what comes and goes, as rows.

load helper
load kernel

U=85006552-1b4b-45e9-ad62-9dd16df09171

setup_file() {
	kernel_musctl
}

# Its rows go to the file rows; returns when it listens.
monitor_start() { # OPTION...
	"$MUSCTL" monitor "$@" >rows 2>said 3>&- &
	MONITOR=$!
	eventually listens
}

listens() { # two folders of the kernel, and ours
	[ "$(cat "/proc/$MONITOR/fdinfo/"* | grep -c ^inotify)" -ge 3 ]
}

monitor_stop() {
	kill -TERM "$MONITOR"
	wait "$MONITOR"
}

has_rows() { # NUMBER
	[ "$(wc -l <rows)" -ge "$1" ]
}

@test "an mdev, its node and its process come and go" {
	monitor_start -nro ACTION,WHAT,UUID
	musctl create null -u "$U"
	musctl destroy "$U"
	eventually has_rows 6
	monitor_stop
	[ "$(sort rows)" = "$(printf '%s '"$U"'\n' 'add device' 'add mdev' 'add node' \
		'remove device' 'remove mdev' 'remove node')" ]
	[ "$(head -n 1 rows)" = "add mdev $U" ]
}

@test "an idle one ends when its reader has disconnected" {
	mkfifo pipe
	"$MUSCTL" monitor >pipe 3>&- &
	MONITOR=$!
	exec 7<pipe
	eventually listens
	exec 7<&-
	eventually has_ended "$MONITOR"
}

@test "a device on a socket" {
	monitor_start -nro ACTION,WHAT,PATH
	uuid=$(musctl create null --transport=vfio-user)
	musctl destroy "$uuid"
	eventually has_rows 2
	monitor_stop
	[ "$(cat rows)" = "add device $MUSER_RUNTIME_DIR/$uuid
remove device $MUSER_RUNTIME_DIR/$uuid" ]
}

@test "--limit ends it" {
	monitor_start --limit 2 -nro ACTION
	kernel_make "$U"
	wait "$MONITOR"
	[ "$(wc -l <rows)" -eq 2 ]
}

@test "--timeout ends it, with status 124" {
	try 124 musctl monitor --timeout 0.1
	complains "musctl: monitor: timed out"
}

@test "JSON Lines have all columns, and the schema" {
	monitor_start -J --limit 1
	kernel_make "$U"
	wait "$MONITOR"
	[ "$(jq -r '"\(.schema) \(.action) \(.what) \(.uuid) \(.path)"' rows)" = \
		"1 add mdev $U /sys/bus/mdev/devices/$U" ]
	jq -e '.time | test("^20.*Z$")' rows
}

@test "names that are no UUIDs have none" {
	monitor_start -J --limit 1
	mkdir "$MUSER_ROOT/sys/bus/mdev/devices/whatever"
	wait "$MONITOR"
	[ "$(jq -r '.uuid' rows)" = null ]
}

@test "its columns are listed" {
	try 0 musctl monitor --list-columns
	[ "$(awk '{ print $1 }' <<<"$output" | paste -sd ' ')" = "TIME ACTION WHAT UUID STATE PATH" ]
}

@test "a reader that goes away ends it" {
	mkfifo pipe
	head -n 1 <pipe >rows 3>&- &
	"$MUSCTL" monitor -nr >pipe 2>said 3>&- &
	MONITOR=$!
	eventually listens
	kernel_make "$U"
	eventually has_rows 1
	kernel_make 85006552-1b4b-45e9-ad62-9dd16df09172
	status=0
	wait "$MONITOR" || status=$?
	[ "$status" -eq $((128 + $(kill -l PIPE))) ]
	[ ! -s said ]
}

# strace plays the kernel.
@test "limits of inotify are named for what they are" {
	try 1 env ASAN_OPTIONS=detect_leaks=0 strace -qq -o trace -e trace=inotify_init1 \
		-e inject=inotify_init1:error=EMFILE "$MUSCTL" monitor
	[[ ${stderr_lines[-1]} == "musctl: monitor: cannot watch the runtime directory: no inotify instance is left (fs.inotify.max_user_instances)" ]]
	try 1 env ASAN_OPTIONS=detect_leaks=0 strace -qq -o trace -e trace=inotify_add_watch \
		-e inject=inotify_add_watch:error=ENOSPC "$MUSCTL" monitor
	[[ ${stderr_lines[-1]} == "musctl: monitor: cannot watch the runtime directory: no inotify watch is left (fs.inotify.max_user_watches)" ]]
}
