#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl exec: somebody's program as a device, or the reason why not.

load helper

setup_file() {
	build_with_libmuser program
	export PROGRAM=$BATS_FILE_TMPDIR/program
}

@test "prints the UUID once the device answers" {
	try 0 musctl exec -- "$PROGRAM"
	[[ $output =~ ^$UUID_PATTERN$ ]]
	[ "$(musctl list -nro UUID,TYPE)" = "$output program" ]
	try 0 musctl peek "$output" VENDOR_ID
}

@test "the words after PROGRAM are its own, also without --" {
	try 1 musctl exec "$PROGRAM" fail --uuid x
	complains "program: first line
program: no such card
musctl: exec: $PROGRAM: exited with status 9 before its device answered"
	nothing_left
}

@test "what a program says before it is ready is passed on, whether it succeeds or not" {
	try 0 musctl exec -u 0123abcd-0000-4000-8000-00000000beef -- "$PROGRAM" dubious
	[ "$output" = 0123abcd-0000-4000-8000-00000000beef ]
	complains "muser: $output: vendor id ffffh: guests see an empty slot"
	try 1 musctl exec -t 0.3 -- "$PROGRAM" hang
	[ "${stderr_lines[0]}" = "program: waiting for a card" ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	try 0 musctl exec -- "$PROGRAM"
	[ -z "$stderr" ]
}

# The program itself knows no more than errno.
@test "a description that is refused is refused with the cause" {
	try 1 musctl exec -u "0123abcd-0000-4000-8000-00000000beef" -- "$PROGRAM" refused
	complains "muser: 0123abcd-0000-4000-8000-00000000beef: region 0: its size is not a power of two
program: Invalid argument
musctl: exec: $PROGRAM: exited with status 1 before its device answered"
	run -1 --separate-stderr env MUSER_RUNTIME_DIR="$PWD/run" "$PROGRAM" refused
	[[ ${stderr_lines[0]} == "muser: "*": region 0: its size is not a power of two" ]]
}

@test "a program whose device has a name that is taken is ended" {
	uuid=$(musctl create null --name twin)
	try 1 musctl exec -- "$PROGRAM" named twin
	complains "musctl: exec: $PROGRAM: the name 'twin' is already taken by $uuid"
	[ "$(musctl list -nro UUID)" = "$uuid" ]
	other=$(musctl exec -- "$PROGRAM" named other)
	[ "$(musctl list -nro UUID,NAME | grep other)" = "$other other" ]
}

@test "a program whose device has a name that cannot be printed is refused with the cause" {
	try 1 musctl exec -- "$PROGRAM" named $'a\tb'
	[[ ${stderr_lines[0]} == *"a name is 1 to 63 bytes of printable UTF-8 without blanks" ]]
	nothing_left
}

@test "--foreground waits for nothing: it has no time limit" {
	try 2 musctl exec -f -t 5 -- "$PROGRAM"
	[[ $stderr == "musctl: exec: --foreground and --timeout are mutually exclusive"* ]]
}

@test "--timeout 0 gives up at once" {
	try 1 musctl exec -t 0 -- "$PROGRAM" hang
	[[ $stderr == *"musctl: exec: $PROGRAM: its device was not ready within 0 s ("* ]]
	nothing_left
}

@test "waits for a program that takes its time" {
	uuid=$(musctl exec -- "$PROGRAM" wait)
	try 0 musctl peek "$uuid" VENDOR_ID
}

@test "a substitution returns at once: the program holds no pipe of its caller" {
	start=$SECONDS
	uuid=$(musctl exec -- "$PROGRAM")
	[ $((SECONDS - start)) -lt 3 ]
	pid=$(musctl list -nro PID)
	run ! bash -c "readlink /proc/$pid/fd/* | grep -vxF '$(readlink "/proc/$pid/fd/2")' | grep pipe:"
}

@test "-u gives the UUID; one that is in use is the program's error" {
	uuid=$(musctl exec -u 85006552-1b4b-45e9-ad62-9dd16df09171 -- "$PROGRAM")
	[ "$uuid" = 85006552-1b4b-45e9-ad62-9dd16df09171 ]
	try 1 musctl exec -u "$uuid" -- "$PROGRAM"
	complains "muser: $uuid: this UUID is in use
program: File exists
musctl: exec: $PROGRAM: exited with status 1 before its device answered"
	try 0 musctl peek "$uuid" VENDOR_ID
}

@test "--socket-path: the program listens where it is told" {
	uuid=$(musctl exec --socket-path here.sock --mode 0660 -- "$PROGRAM")
	[ "$(stat -c %a here.sock)" = 660 ]
	try 0 musctl peek --socket here.sock VENDOR_ID
	[ "$output" = 0x8086 ]
}

@test "the device knows the socket that --socket-path names, and removes it" {
	uuid=$(musctl exec --socket-path here.sock -- "$PROGRAM")
	[ "$(musctl list -nro SOCKET "$uuid")" = "$PWD/here.sock" ]
	[ "$(musctl show -J "$uuid" | jq -r .device.socket)" = "$PWD/here.sock" ]
	[[ $(musctl show --cmdline=qemu "$uuid") == *"$PWD/here.sock"* ]]
	try 1 musctl exec --socket-path here.sock -- "$PROGRAM"
	[[ ${stderr_lines[0]} == "muser: "*": $PWD/here.sock: cannot listen: Address already in use" ]]
	[ -S here.sock ]
	musctl destroy "$uuid"
	[ ! -e here.sock ]
}

@test "so it does in the foreground" {
	"$MUSCTL" exec -f --socket-path here.sock -- "$PROGRAM" >uuid 3>&- &
	eventually test -S here.sock
	eventually musctl peek "$(cat uuid)" VENDOR_ID
	[ "$(musctl list -nro SOCKET)" = "$PWD/here.sock" ]
	musctl destroy "$(cat uuid)"
	wait $!
	[ ! -e here.sock ]
}

@test "a device that listens elsewhere is ended, and one that cannot be kept leaves no socket" {
	try 1 musctl exec --socket-path here.sock -- "$PROGRAM" elsewhere "$PWD/there.sock"
	complains "musctl: exec: $PROGRAM: its device does not listen at $PWD/here.sock (it has a socket of its own, or an older libmuser)"
	[ ! -e here.sock ]
	uuid=$(musctl create null --name twin)
	try 1 musctl exec --socket-path here.sock -- "$PROGRAM" named twin
	[ ! -e here.sock ]
	[ "$(musctl list -nro UUID)" = "$uuid" ]
}

@test "a program keeps the current directory of its caller" {
	musctl exec -- "$PROGRAM"
	[ "$(readlink "/proc/$(musctl list -nro PID)/cwd")" = "$PWD" ]
}

@test "--help says whose option -O is" {
	musctl exec --help | grep -A1 -e --option | grep -qF 'option of the device (PROGRAM --help lists them)'
	musctl create --help | grep -A1 -e --option | grep -qF 'option of the type (musctl types TYPE lists them)'
	musctl run --help | grep -A1 -e --option | grep -qF 'option of the type (musctl types TYPE lists them)'
}

@test "--mode is also that of a socket of its own" {
	uuid=$(musctl exec --mode 0640 -- "$PROGRAM")
	[ "$(stat -c %a "$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock")" = 640 ]
}

@test "-O sets properties, also those of creation" {
	uuid=$(musctl exec -O level=2 -O kind=some -- "$PROGRAM")
	[ "$(musctl set "$uuid" level kind)" = $'2\nsome' ]
}

@test "a property that is not there, or is wrong, ends the program" {
	try 1 musctl exec -O level=9 -- "$PROGRAM"
	[[ ${stderr_lines[0]} == "muser: "*": level=9: invalid value (expected 0..3)" ]]
	try 1 musctl exec -O nosuch=1 -- "$PROGRAM"
	[[ ${stderr_lines[0]} == "muser: "*": nosuch: program has no such option" ]]
	try 2 musctl exec -O level -- "$PROGRAM"
	[[ $stderr == "musctl: exec: --option: 'level' is not KEY=VALUE"* ]]
	nothing_left
}

@test "--name names the device, unless it is taken or the program's own is another" {
	uuid=$(musctl exec --name lab -- "$PROGRAM")
	[ "$(musctl list -nro UUID,NAME)" = "$uuid lab" ]
	try 1 musctl exec --name lab -- "$PROGRAM"
	complains "musctl: exec: --name: the name 'lab' is already taken by $uuid"
	try 1 musctl exec --name other -- "$PROGRAM" named own
	complains "musctl: exec: $PROGRAM: its device does not take the name 'other' (it has one of its own, or an older libmuser)"
	[ "$(musctl list -nro UUID)" = "$uuid" ]
}

@test "what is said of one program's device is not for the next one" {
	export MUSER_NAME=mine MUSER_OPTIONS=nosuch=1
	uuid=$(musctl exec -- "$PROGRAM")
	[ "$(musctl list -J -o NAME | jq -r '.devices[0].name')" = null ]
}

@test "a program that is not there is 127, one that cannot be executed 126" {
	try 127 musctl exec -- no-such-program
	complains "musctl: exec: no-such-program: No such file or directory"
	try 126 musctl exec -- /etc/passwd
	complains "musctl: exec: /etc/passwd: Permission denied"
}

@test "a program that makes no device is ended when time is up" {
	try 1 musctl exec --timeout 0.3 -- "$PROGRAM" hang
	[ "${stderr_lines[1]}" = "musctl: exec: $PROGRAM: its device was not ready within 0.3 s (is it a libmuser program, and does it call lm_ctx_drive()?)" ]
	run ! pgrep -f "^$PROGRAM hang"
}

@test "a program that fails leaves no socket behind" {
	try 1 musctl exec --socket-path here.sock -- "$PROGRAM" fail
	[ ! -e here.sock ]
}

@test "a talkative program neither blocks nor dies" {
	uuid=$(musctl exec -- "$PROGRAM" talk)
	sleep 0.2
	try 0 musctl peek "$uuid" VENDOR_ID
}

@test "a program that dies of a signal" {
	try 1 musctl exec -- sh -c 'kill -SEGV $$'
	complains "musctl: exec: sh: killed by signal 11 (Segmentation fault)"
}

@test "a program that becomes a daemon is none of musctl's: it is ended, and musctl says why" {
	try 1 musctl exec -- "$PROGRAM" daemon
	complains "musctl: exec: $PROGRAM: exited with status 0 before its device answered (it must not become a daemon)"
	nothing_left
}

@test "a program that never serves its device leaves nothing" {
	try 1 musctl exec -t 0.5 -- sh -c 'setsid sleep 1000 & echo $! >daemon; exec "$0" fork >maker' "$PROGRAM"
	has_ended "$(cat daemon)"
	has_ended "$(cut -d ' ' -f 3 maker)"
	nothing_left
}

@test "a holder that is stopped is not waited for, once a signal comes" {
	"$MUSCTL" exec -- sh -c 'echo $PPID >holder; until [ -e go ]; do sleep 0.02; done
		kill -STOP $PPID; touch stopped; exec sleep 1000' 2>errors 3>&- &
	pid=$!
	eventually test -s holder
	touch go
	eventually test -e stopped
	interrupted() { kill -INT "$pid" 2>/dev/null; has_ended "$pid"; }
	eventually interrupted
	kill -KILL "$(cat holder)"
	[ "$(cat errors)" = "musctl: exec: sh: interrupted" ]
}

@test "--foreground becomes the program" {
	"$MUSCTL" exec --foreground -- "$PROGRAM" >uuid 3>&- &
	pid=$!
	eventually test -s uuid
	eventually musctl peek "$(cat uuid)" VENDOR_ID
	[ "$(musctl list -nro PID)" -eq "$pid" ]
	kill "$pid"
	wait "$pid" || true
}

@test "interrupted while it waits, it ends the program" {
	"$MUSCTL" exec -- "$PROGRAM" hang 2>errors 3>&- &
	pid=$!
	eventually pgrep -f "^$PROGRAM hang"
	kill -TERM "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" -eq 1 ]
	run ! pgrep -f "^$PROGRAM hang"
}

@test "--command: the device lives as long as the command, which knows it" {
	try 0 musctl exec -c 'musctl() { "$MUSCTL" "$@"; }
		musctl set "$MUSER_UUID" level=2 && musctl set "$MUSER_UUID" level
		musctl list -nro UUID,SOCKET
		echo "$MUSER_UUID $MUSER_SOCKET"' -- "$PROGRAM"
	[ "${lines[0]}" = 2 ]
	[ "${lines[1]}" = "${lines[2]}" ]
	[ "${#lines[@]}" -eq 3 ]
	[ -z "$stderr" ]
	nothing_left
}

@test "--command: its status, or 128 and its signal" {
	try 7 musctl exec -c 'exit 7' -- "$PROGRAM"
	[ -z "$output$stderr" ]
	try 143 musctl exec -c 'kill $$' -- "$PROGRAM"
	try 127 musctl exec -c nosuchcommand -- "$PROGRAM"
	nothing_left
}

@test "--command does not run if there is no device" {
	try 1 musctl exec -c 'touch ran' -- "$PROGRAM" fail
	try 127 musctl exec -c 'touch ran' -- no-such-program
	try 2 musctl exec -f -c 'touch ran' -- "$PROGRAM"
	[[ $stderr == "musctl: exec: --foreground and --command are mutually exclusive"* ]]
	[ ! -e ran ]
	nothing_left
}

@test "--command: what the program says is passed on at once" {
	timeout 20 "$MUSCTL" exec -c '"$MUSCTL" set "$MUSER_UUID" say=hello
		until grep -qx hello errors; do sleep 0.02; done' -- "$PROGRAM" 2>errors
	[ "$(cat errors)" = hello ]
}

@test "--command: nothing of what the program says is lost, however much, and no line is cut" {
	seq 1 200000 >said
	try 0 musctl exec -c 'touch go; until [ -e done ]; do sleep 0.02; done' -- \
		sh -c '(cat said; until [ -e go ]; do sleep 0.02; done
			cat said; printf "one "; sleep 0.1; echo line; touch done) >&2 & exec "$0"' "$PROGRAM"
	cat said said <(echo one line) | cmp - <(echo "$stderr")
}

@test "--command: one that says more than anybody reads ends with the command all the same" {
	timeout 60 "$MUSCTL" exec -c 'exit 3' -- sh -c 'yes >&2 & exec "$0"' "$PROGRAM" 2>/dev/null || code=$?
	[ "$code" -eq 3 ]
	nothing_left
}

@test "--command: daemons that the program has started end with it" {
	try 0 musctl exec -c true -- sh -c 'setsid sleep 1000 & echo $! >daemon; exec "$0"' "$PROGRAM"
	has_ended "$(cat daemon)"
	"$MUSCTL" exec -c 'echo $$ >ready; exec sleep 1000' -- \
		sh -c 'setsid sleep 1000 & echo $! >daemon; exec "$0"' "$PROGRAM" 3>&- &
	pid=$!
	eventually test -s ready
	kill -KILL "$pid"
	eventually has_ended "$(cat daemon)"
	kill "$(cat ready)"
}

@test "--command: no device outlives a holder that is killed" {
	try 1 musctl exec -c 'pid=$("$MUSCTL" list -nro PID); kill -KILL $(ps -o ppid= -p $pid)
		while kill -0 $pid; do sleep 0.02; done' -- "$PROGRAM"
	[[ $stderr == *"musctl: exec: $PROGRAM: its process musctl-holder was killed, or is stopped" ]]
	nothing_left
}

@test "--command: a device that crashes is a failure, whatever the command makes of it" {
	try 1 musctl exec --socket-path here.sock -c '"$MUSCTL" poke "$MUSER_UUID" TRAP=1; true' -- "$PROGRAM"
	[[ $stderr == *"musctl: exec: $PROGRAM: "*" before the command had ended" ]]
	try 7 musctl exec -c '"$MUSCTL" poke "$MUSER_UUID" TRAP=1; exit 7' -- "$PROGRAM"
	[ ! -e here.sock ]
	nothing_left
	try 0 musctl exec -c '"$MUSCTL" destroy "$MUSER_UUID"' -- "$PROGRAM"
	[ -z "$stderr" ]
	try 1 musctl exec -c '"$MUSCTL" destroy "$MUSER_UUID"' -- sh -c '"$0"; sleep 0.3; exit 3' "$PROGRAM"
	complains "musctl: exec: sh: exited with status 3 before the command had ended"
}

@test "--command: SIGTERM is for the command, and what the program has started ends, too" {
	"$MUSCTL" exec -c 'trap "exit 5" TERM; touch ready; while :; do sleep 0.05; done' -- \
		sh -c "$PROGRAM & exec sleep 1000" 3>&- &
	pid=$!
	eventually test -e ready
	kill -TERM "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" -eq 5 ]
	nothing_left
}

@test "--command: no device outlives a musctl that is killed" {
	"$MUSCTL" exec -c 'echo $$ >ready; exec sleep 1000' -- "$PROGRAM" 3>&- &
	pid=$!
	eventually test -s ready
	device=$(musctl list -nro PID)
	kill -KILL "$pid"
	eventually has_ended "$device"
	kill "$(cat ready)"
	[ -z "$(musctl list -n)" ]
	[ -z "$(musctl list --all -n)" ]
}
