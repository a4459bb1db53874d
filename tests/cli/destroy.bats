#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl destroy: the device is gone when it returns, whatever it was doing.

load helper

setup_file() {
	build_client
	build_with_libmuser program
	export PROGRAM=$BATS_FILE_TMPDIR/program
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
	complains "musctl: destroy: nosuch: no such device (musctl list --all shows them)"
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

# Connections wait in a queue, which is finite: for a device that accepts none it is soon full.
@test "a device that hangs is found, shown and ended however many have tried before" {
	uuid=$(musctl create null --name patient)
	pid=$(musctl list -nro PID)
	kill -STOP "$pid"
	for _ in $(seq 20); do
		timeout -s KILL 0.05 "$MUSCTL" peek "$uuid" VENDOR_ID || true
	done
	try 1 musctl peek patient VENDOR_ID
	complains "musctl: peek: $uuid: the device does not answer"
	[ "$(musctl list -nro STATE,PID)" = "hung $pid" ]
	try 1 musctl show "$uuid"
	[[ $output == *hung* ]]
	try 0 musctl destroy --force "$uuid"
	nothing_left
}

@test "a child that holds the device is named, and killed by --force only" {
	read -r uuid maker child <<<"$("$PROGRAM" fork 3>&-)"
	try 1 musctl destroy --timeout 0.2 "$uuid"
	complains "musctl: destroy: $uuid: does not end; process $child (program) holds it, but did not create it (--force kills that process)"
	kill -0 "$child"
	try 0 musctl destroy --force "$uuid"
	nothing_left
	eventually bash -c "! kill -0 $child"
}

# Prints what is wrong. In its own PID namespace, where the number of the next process can be chosen.
reuse_the_number() {
	local uuid maker child innocent
	read -r uuid maker child <<<"$("$PROGRAM" fork)"
	until [ "${innocent-}" = "$maker" ]; do
		echo $((maker - 1)) >/proc/sys/kernel/ns_last_pid
		[ -z "${innocent-}" ] || kill "$innocent"
		sleep 1000 &
		innocent=$!
	done
	"$MUSCTL" destroy "$@" "$uuid" 2>&1 | sed "s/process $child/process CHILD/"
	kill -0 "$innocent" || echo "process $innocent, which is not the device's, was killed"
	kill "$innocent"
}

@test "another process that has got the number of the device's is not killed" {
	local -a namespace=(unshare --pid --fork --mount-proc)
	[ "$EUID" = 0 ] || namespace+=(--map-root-user)
	"${namespace[@]}" test -w /proc/sys/kernel/ns_last_pid || skip "no PID namespace"
	export -f reuse_the_number
	run "${namespace[@]}" bash -c 'reuse_the_number --timeout 0.2'
	[[ $output == *": does not end; process CHILD (program) holds it"* && ${#lines[@]} -eq 1 ]]
	run "${namespace[@]}" bash -c 'reuse_the_number --force'
	[ -z "$output" ]
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
