#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl run: the device in the foreground, by the backend program conventions.

load helper

# The device in the background of the test; RUN_PID, and its UUID in the file uuid.
start() {
	"$MUSCTL" run "$@" >uuid 2>errors 3>&- &
	RUN_PID=$!
	eventually test -s uuid
}

musctl_reads() { # UUID REGISTER.FIELD VALUE
	[ "$(musctl peek "$1" "$2")" = "$3" ]
}

@test "prints the UUID and serves" {
	start null
	[[ $(cat uuid) =~ ^$UUID_PATTERN$ ]]
	try 0 musctl peek "$(cat uuid)" bar0+0
	kill -TERM "$RUN_PID"
	wait "$RUN_PID"
}

@test "standard input and output can be a serial line" {
	mkfifo pipe
	"$MUSCTL" run serial-16550 -O backend=stdio <pipe >uuid 2>errors 3>&- &
	RUN_PID=$!
	exec 7>pipe
	eventually test -s uuid
	id=$(head -n 1 uuid)
	echo hello >&7
	eventually musctl_reads "$id" LSR.DR 0x1
	[ "$(musctl peek "$id" RBR)" = 0x68 ]
	musctl poke "$id" RBR=21
	eventually grep -q '!' uuid
	exec 7>&-
	kill -TERM "$RUN_PID"
	wait "$RUN_PID"
}

@test "a device in the background has no standard input and output" {
	try 1 musctl create serial-16550 -O backend=stdio
	[[ $stderr == *"backend stdio: "* ]]
}

@test "SIGTERM, SIGINT and SIGHUP end it with status 0 and leave nothing" {
	for signal in TERM INT HUP; do
		rm -f uuid
		start null
		kill -$signal "$RUN_PID"
		wait "$RUN_PID"
		nothing_left
	done
}

@test "SIGTERM ends it though it came blocked" {
	env --block-signal=TERM "$MUSCTL" run null >uuid 3>&- &
	RUN_PID=$!
	eventually test -s uuid
	kill -TERM "$RUN_PID"
	wait "$RUN_PID"
}

@test "SIGHUP does not end it under nohup" {
	env --ignore-signal=HUP "$MUSCTL" run null >uuid 3>&- &
	RUN_PID=$!
	eventually test -s uuid
	kill -HUP "$RUN_PID"
	try 0 musctl peek "$(cat uuid)" bar0+0
	kill -TERM "$RUN_PID"
	wait "$RUN_PID"
}

@test "it does not daemonize" {
	start null
	[ "$(musctl list -nro PID)" -eq "$RUN_PID" ]
}

@test "--socket-path is where clients connect" {
	start null --socket-path="$PWD/backend.sock"
	try 0 musctl peek --socket backend.sock VENDOR_ID
	[ "$output" = 0x1234 ]
	kill "$RUN_PID"
	wait "$RUN_PID"
	[ ! -e backend.sock ]
}

@test "--fd that is no descriptor, or no socket, is a usage error" {
	try 2 musctl run null --fd 99
	[[ $stderr == "musctl: run: --fd: '99' is not an open descriptor"* ]]
	try 2 musctl run null --fd 0 </dev/null
	complains "musctl: run: --fd: 0 is not a socket"
}

@test "--fd is the connection of a client, and the device ends with it" {
	build_with_libmuser client
	run --separate-stderr bash -c 'echo read 7 0 4 |
		"$0" -- "$MUSCTL" run null --fd=3 2>errors' "$BATS_FILE_TMPDIR/client"
	[ "$status" -eq 0 ]
	[[ $output == *0x4e4c1234* ]]
	[ ! -s errors ]
	nothing_left
}

@test "a relative --socket-path is shown from the root" {
	start null --socket-path=backend.sock
	[ "$(musctl list -nro SOCKET)" = "$PWD/backend.sock" ]
}

@test "--fd and what is for a socket that is made here are mutually exclusive" {
	try 2 musctl run null --fd 0 --socket-path x
	[[ $stderr == "musctl: run: --fd and --socket-path are mutually exclusive"* ]]
	for option in --mode=0660 --group=0; do
		try 2 musctl run null --fd 0 "$option"
		[[ $stderr == "musctl: run: --fd and ${option%=*} are mutually exclusive"* ]]
	done
}

@test "with a command it lives as long, and returns its status" {
	try 7 musctl run null -- sh -c 'exit 7'
	[ -z "$output" ]
	nothing_left
}

@test "the command finds the device in its environment" {
	try 0 musctl run null -- sh -c '"$MUSCTL" peek "$MUSER_UUID" VENDOR_ID
		"$MUSCTL" peek --socket "$MUSER_SOCKET" DEVICE_ID'
	[ "$output" = $'0x1234\n0x4e4c' ]
}

@test "a command of the device ends for itself, not for the one it lives for" {
	cat >feed <<-'END'
		musctl poke "$MUSER_UUID" bar0+c.1=80 bar0+c.1=86 PRELOAD1=1
		musctl poke "$MUSER_UUID" bar0+c.1=80 bar0+c.1=86 PRELOAD2=1
		musctl poke "$MUSER_UUID" LOCK=2
		read -r line <said
		pid=${line%% *}
		while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
		musctl peek "$MUSER_UUID" LOCK
		echo "$line"
	END
	mkfifo said
	PATH=$(dirname "$MUSCTL"):$PATH try 0 musctl run watchdog-i6300esb \
		-O "action=exec=echo \$\$ \$1 >$PWD/said" -- timeout 20 sh feed
	[ "${lines[0]}" = 0x02 ]
	[[ ${lines[1]} == [0-9]*" "????????-????-????-????-???????????? ]]
}

@test "a command that is not there is 127, one that cannot be executed 126" {
	try 127 musctl run null -- no-such-command
	complains "musctl: run: no-such-command: No such file or directory"
	try 126 musctl run null -- /etc/passwd
	nothing_left
}

@test "a command that dies of a signal is 128 and the signal" {
	try 137 musctl run null -- sh -c 'kill -KILL $$'
}

@test "SIGTERM goes to the command, and the device follows it" {
	"$MUSCTL" run null -- sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done' \
		>uuid 3>&- &
	RUN_PID=$!
	eventually test -s uuid
	kill -TERM "$RUN_PID"
	code=0
	wait "$RUN_PID" || code=$?
	[ "$code" -eq 3 ]
	nothing_left
}

@test "a word after the type that is no option is not taken for a command" {
	try 2 musctl run null true
	[[ $stderr == "musctl: run: true: unexpected argument"* ]]
}

@test "its open files are raised to the hard limit" {
	(ulimit -S -n 64 && start null)
	pid=$(musctl list -nro PID)
	awk '/^Max open files/ { exit $4 != $5 }' "/proc/$pid/limits"
}

@test "-O goes before the environment" {
	MUSER_OPTIONS=$'in3=1\nin4=1' start gpio-idio16 -O in3=0
	[ "$(musctl set "$(cat uuid)" in3 in4)" = $'0\n1' ]
}

@test "a program named vfio-user-TYPE is that backend" {
	ln -s "$MUSCTL" vfio-user-null
	./vfio-user-null --socket-path=here.sock >uuid 3>&- &
	RUN_PID=$!
	eventually test -s uuid
	try 0 musctl peek --socket here.sock VENDOR_ID
	kill "$RUN_PID"
	wait "$RUN_PID"
}
