#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl logs: what a device has said, while it lives and afterwards, and how it has ended.

load helper

UUID=85006552-1b4b-45e9-ad62-9dd16df09171

setup_file() {
	build_with_libmuser program
	export PROGRAM=$BATS_FILE_TMPDIR/program
}

pid_of() { # UUID
	musctl list -nro UUID,PID | awk -v uuid="$1" '$1 == uuid { print $2 }'
}

holder_of() { # UUID
	ps -o ppid= -p "$(pid_of "$1")" | tr -d ' '
}

# A device of that UUID whose process is killed, and nobody holds its log any more.
make_ended() { # UUID OPTION...
	musctl create null -u "$@" >/dev/null
	kill -KILL "$(pid_of "$1")"
	eventually flock -n "$MUSER_RUNTIME_DIR/.log-$1" true
}

# Whoever waits for it may not have asked yet.
is_gone() { # PID
	[ ! -d "/proc/$1" ] || [ "$(ps -o stat= -p "$1" | cut -c 1)" = Z ]
}

ended_json() {
	musctl list --all -J | jq -c '.devices[] | [.uuid, .state, .end.status, .end.signal]'
}

# A log that follows, by its lines on descriptor 9.
follow_start() { # OPTION...
	mkfifo lines
	"$MUSCTL" logs -f "$@" >lines 2>errors 3>&- &
	FOLLOWER=$!
	exec 9<lines
}

follows() { # LINE
	local line
	read -r -t 20 -u 9 line && [ "$line" = "$1" ]
}

follower_ends() { # STATUS
	local code=0
	wait "$FOLLOWER" || code=$?
	exec 9<&-
	[ "$code" -eq "$1" ]
}

@test "what program and library say, before the device is ready and later" {
	uuid=$(musctl exec -- "$PROGRAM" dubious 2>passed)
	musctl set "$uuid" say="something else"
	eventually bash -c '"$MUSCTL" logs "$0" | grep -q else' "$uuid"
	try 0 musctl logs "$uuid"
	[ "$output" = "muser: $uuid: vendor id ffffh: guests see an empty slot
something else" ]
	[ "$(cat passed)" = "${lines[0]}" ]
	try 0 musctl logs -n 1 "${uuid:0:8}"
	[ "$output" = "something else" ]
	try 0 musctl logs --timestamps "$uuid"
	[[ ${lines[1]} =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}\ [0-9:]{8}\.[0-9]{6}\ something\ else$ ]]
}

@test "a device that has said nothing" {
	uuid=$(musctl create null)
	try 0 musctl logs "$uuid"
	[ -z "$output$stderr" ]
}

@test "a program that aborts: its last words, and the signal" {
	uuid=$(musctl exec --name trap -- "$PROGRAM")
	try 5 musctl poke "$uuid" TRAP=1
	eventually bash -c '"$MUSCTL" logs "$0" | grep -q SIGABRT' "$uuid"
	try 0 musctl logs trap
	[ "$output" = $'program: it is a trap\nmusctl: killed by SIGABRT' ]
	[ "$(ended_json)" = "[\"$uuid\",\"killed\",null,\"SIGABRT\"]" ]
	try 0 musctl list
	[ "${#lines[@]}" -le 1 ]
}

@test "a device that is killed" {
	make_ended "$UUID" --name victim
	try 0 musctl logs victim
	[ "$output" = "musctl: killed by SIGKILL" ]
	[ "$(ended_json)" = "[\"$UUID\",\"killed\",null,\"SIGKILL\"]" ]
	try 0 musctl list -anro UUID,TYPE,NAME,STATE,PID
	[ "$output" = "$UUID null victim killed -" ]
}

@test "a device that ends by itself" {
	uuid=$(musctl create null)
	kill -TERM "$(pid_of "$uuid")"
	eventually bash -c '"$MUSCTL" logs "$0" | grep -q exited' "$uuid"
	[ "$(ended_json)" = "[\"$uuid\",\"exited\",0,null]" ]
	try 0 musctl list -ano STATE,END
	[[ $output =~ ^exited\ 0\ 20[0-9]{2}-[0-9]{2}-[0-9]{2}\ [0-9:]{8}$ ]]
	musctl list -aJ | jq -e '.devices[0].end.time | fromdate? // sub("\\.[0-9]+Z$"; "Z") | fromdate > 0'
}

@test "100 MB: the device is not held up, the last of it is kept, and how much is not" {
	uuid=$(musctl exec -t 300 -- "$PROGRAM" flood 2>passed)
	[ "$(wc -c <passed)" -le 65537 ]
	try 0 musctl logs "$uuid"
	[[ ${lines[0]} =~ ^\[([0-9]+)\ bytes\ were\ dropped\ here\]$ ]]
	[ "${BASH_REMATCH[1]}" -gt 100000000 ]
	[ "${lines[1]}" = "$(printf '%099d' 0 | tr 0 x)" ]
	[ "${lines[-1]}" = "program: the last line" ]
	[ "${#output}" -gt 50000 ]
	[ "$(stat -c %s "$MUSER_RUNTIME_DIR/.log-$uuid")" -le 80000 ]
	try 0 musctl logs -J "$uuid"
	jq -es '.[0].kind == "lost" and .[0].count > 100000000 and .[-1].kind == "line" and
		.[-1].text == "program: the last line"' <<<"$output"
	try 0 musctl logs -n 2 "$uuid"
	[ "${#lines[@]}" -eq 2 ]
}

@test "--follow prints what comes, and ends with the device" {
	uuid=$(musctl exec --name f -- "$PROGRAM")
	musctl set f say=one
	eventually bash -c '"$MUSCTL" logs f | grep -q one'
	follow_start f
	follows one
	musctl set f say=two
	follows two
	musctl set f say=three
	follows three
	try 5 musctl poke f TRAP=1
	follows "program: it is a trap"
	follows "musctl: killed by SIGABRT"
	follower_ends 5
	[ "$(cat errors)" = "musctl: logs: f: ended: killed by SIGABRT" ]
	try 5 musctl logs -f f
}

@test "--follow of a device that is destroyed" {
	uuid=$(musctl exec -- "$PROGRAM")
	musctl set "$uuid" say=one
	follow_start "$uuid"
	follows one
	musctl destroy "$uuid"
	follows "musctl: exited with status 0"
	follower_ends 0
	[ ! -s errors ]
	nothing_left
}

@test "--follow is stopped by a signal, and when its reader goes" {
	uuid=$(musctl exec -- "$PROGRAM")
	musctl set "$uuid" say=one
	follow_start "$uuid"
	follows one
	kill -INT "$FOLLOWER"
	follower_ends 0
	rm lines
	follow_start "$uuid"
	follows one
	exec 9<&-
	follower_ends 141
}

@test "destroy removes the log, of a device that has ended as well" {
	musctl create null -u "$UUID" >/dev/null
	musctl destroy "$UUID"
	nothing_left
	make_ended "$UUID" --name gone
	try 0 musctl destroy gone
	nothing_left
	try 3 musctl destroy gone
	complains "musctl: destroy: gone: no such device (musctl list --all shows them)"
	try 3 musctl logs "$UUID"
	complains "musctl: logs: $UUID: no such device (musctl list --all shows them)"
}

@test "another device of the same UUID begins anew; one that fails changes nothing" {
	make_ended "$UUID"
	try 2 musctl create null -u "$UUID" -O frob=1
	try 1 musctl exec -u "$UUID" -- "$PROGRAM" fail
	try 0 musctl logs "$UUID"
	[ "$output" = "musctl: killed by SIGKILL" ]
	musctl exec -u "$UUID" -- "$PROGRAM"
	try 0 musctl logs "$UUID"
	[ -z "$output" ]
	musctl set "$UUID" say=mine
	eventually bash -c '"$MUSCTL" logs "$0" | grep -qx mine' "$UUID"
	try 1 musctl create null -u "$UUID"
	try 1 musctl exec -u "$UUID" -- "$PROGRAM" fail
	try 0 musctl logs "$UUID"
	[ "$output" = mine ]
}

@test "of several that had a name the last one is meant, and one that has it now before all" {
	make_ended 11111111-1b4b-45e9-ad62-9dd16df09171 --name a
	make_ended "$UUID" --name a
	make_ended 22222222-1b4b-45e9-ad62-9dd16df09171 --name b
	try 0 musctl destroy a
	[ "$(musctl list -anro UUID,NAME)" = "11111111-1b4b-45e9-ad62-9dd16df09171 a
22222222-1b4b-45e9-ad62-9dd16df09171 b" ]
	musctl create null --name a
	try 0 musctl logs a
	[ -z "$output" ]
	try 0 musctl logs 1111
	[ "$output" = "musctl: killed by SIGKILL" ]
}

@test "who creates removes logs of a week ago, and all but 64 of ended devices" {
	live=$(musctl create null)
	touch -d '8 days ago' "$MUSER_RUNTIME_DIR/.log-$live"
	make_ended "$UUID"
	for i in $(seq 10 79); do
		cp -p "$MUSER_RUNTIME_DIR/.log-$UUID" \
			"$MUSER_RUNTIME_DIR/.log-000000$i-1b4b-45e9-ad62-9dd16df09171"
		touch -d "$i minutes ago" "$MUSER_RUNTIME_DIR/.log-000000$i-1b4b-45e9-ad62-9dd16df09171"
	done
	musctl create null
	[ "$(musctl list -anro STATE | grep -c killed)" -eq 64 ]
	[ -e "$MUSER_RUNTIME_DIR/.log-00000072-1b4b-45e9-ad62-9dd16df09171" ]
	[ ! -e "$MUSER_RUNTIME_DIR/.log-00000073-1b4b-45e9-ad62-9dd16df09171" ]
	[ -e "$MUSER_RUNTIME_DIR/.log-$live" ]
	touch -d '8 days ago' "$MUSER_RUNTIME_DIR/".log-000000[67]*
	musctl create null
	[ "$(musctl list -anro STATE | grep -c killed)" -eq 51 ]
	[ -e "$MUSER_RUNTIME_DIR/.log-$live" ]
}

@test "a log is its owner's alone; what another has put there is not read" {
	musctl create null -u "$UUID" >/dev/null
	log=$MUSER_RUNTIME_DIR/.log-$UUID
	[ "$(stat -c %a "$log")" = 600 ]
	chmod 644 "$log"
	try 1 musctl logs "$UUID"
	complains "musctl: logs: $UUID: its log is not a file of the runtime directory's owner alone"
	chmod 600 "$log"
	mv "$log" elsewhere
	ln -s "$PWD/elsewhere" "$log"
	try 1 musctl logs "$UUID"
	[[ $stderr == "musctl: logs: $UUID: cannot read its log: "* ]]
	rm "$log"
	mkfifo -m 600 "$log"
	try 1 timeout 20 "$MUSCTL" logs "$UUID"
	rm "$log"
	try 1 musctl logs "$UUID"
	complains "musctl: logs: $UUID: has no log: only devices that create or exec has put in the background have one"
}

@test "nobody reads the logs of another user" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to become somebody else"
	MUSER_RUNTIME_DIR=$(mktemp -d)
	mine=$(mktemp -d)
	uuid=$(musctl exec -- "$PROGRAM")
	musctl set "$uuid" say=secret
	eventually bash -c '"$MUSCTL" logs "$0" | grep -qx secret' "$uuid"
	for mode in 700 711 755; do
		chmod "$mode" "$MUSER_RUNTIME_DIR"
		try 1 as_nobody "$mine" "$MUSCTL" logs "$uuid"
		[ -z "$output" ]
	done
	log=$MUSER_RUNTIME_DIR/.log-$uuid
	chown 65534 "$log"
	try 1 musctl logs "$uuid"
	[ -z "$output" ]
	musctl destroy "$uuid"
	rmdir "$mine" "$MUSER_RUNTIME_DIR"
}

@test "what is no log, or is damaged, does no harm" {
	make_ended "$UUID"
	log=$MUSER_RUNTIME_DIR/.log-$UUID
	cp "$log" good
	: >"$log"
	try 1 musctl logs "$UUID"
	complains "musctl: logs: $UUID: its log is from another version of musctl"
	head -c 100000 /dev/urandom >"$log"
	try 1 musctl logs "$UUID"
	try 0 musctl list --all
	for total in '\xff\xff\xff\xff\xff\xff\xff\xff' '\0\0\0\0\0\0\0\x80' '\xff\xff\xff\xff\0\0\0\0'; do
		cp good "$log"
		head -c 60000 /dev/urandom | tr '\n' x | dd of="$log" bs=4096 seek=1 conv=notrunc status=none
		printf "$total" | dd of="$log" bs=1 seek=8 conv=notrunc status=none
		try 0 musctl logs "$UUID"
		try 0 musctl logs -J "$UUID"
		jq -es 'length > 0' <<<"$output"
		try 0 musctl logs -n 3 "$UUID"
		try 5 musctl logs -f "$UUID"
	done
}

@test "text that controls a terminal does not reach one; elsewhere it is as it was" {
	uuid=$(musctl exec -- "$PROGRAM" paint 2>/dev/null)
	musctl logs "$uuid" >raw
	printf 'program: \e[31mred\e[0m\t\xff\xe2\x80\xae\0.\n' | cmp - raw
	export TERM=dumb
	run script -qec '"$MUSCTL" logs '"$uuid" /dev/null
	[ "${lines[0]%$'\r'}" = $'program: ?[31mred?[0m\t???.' ]
	try 0 musctl logs -J "$uuid"
	jq -e '.text | startswith("program: \u001b[31mred\u001b[0m\t")' <<<"$output"
}

@test "a long line, a line without an end" {
	uuid=$(musctl exec -- "$PROGRAM")
	musctl set "$uuid" say="$(printf '%05000d' 0)"
	eventually bash -c '[ "$("$MUSCTL" logs "$0" | wc -c)" = 5003 ]' "$uuid"
	try 0 musctl logs "$uuid"
	[ "${#lines[@]}" -eq 3 ]
	[ "${#lines[0]}" -eq 2048 ]
	musctl exec -u "$UUID" -- sh -c 'printf half >&2; exec "$@"' sh "$PROGRAM" 2>/dev/null
	try 0 musctl logs "$UUID"
	[ "$output" = half ]
}

@test "a holder that is killed takes nothing along but the log" {
	uuid=$(musctl exec -- "$PROGRAM")
	musctl set "$uuid" say=one
	follow_start "$uuid"
	follows one
	kill -KILL "$(holder_of "$uuid")"
	follower_ends 1
	[ "$(cat errors)" = "musctl: logs: $uuid: its log ends here: the process that kept it was killed" ]
	try 0 musctl set "$uuid" level=1
	try 0 musctl logs "$uuid"
	[ "$output" = one ]
	[ "$(musctl list -anro UUID,STATE)" = "$uuid waiting" ]
	kill -KILL "$(pid_of "$uuid")"
	eventually bash -c '[ "$("$MUSCTL" list -anro STATE)" = ended ]'
	try 0 musctl destroy "$uuid"
	nothing_left
}

# Our own devices, lm_main(), and the messages of the library.
@test "a device whose holder was killed goes on, whatever it has to say" {
	uuid=$(MUSER_LOG=debug musctl create null)
	kill -KILL "$(holder_of "$uuid")"
	for i in 1 2 3; do
		"$MUSCTL" lspci --socket "$(socket_of "$uuid")" >/dev/null
	done
	try 0 musctl peek "$uuid" VENDOR_ID
}

@test "holders ignore what ends devices, and end with them" {
	uuid=$(musctl create null)
	holder=$(holder_of "$uuid")
	kill -TERM "$holder"
	kill -INT "$holder"
	kill -HUP "$holder"
	try 0 musctl peek "$uuid" VENDOR_ID
	musctl destroy "$uuid"
	eventually is_gone "$holder"
}

@test "a device in the foreground has no log: its standard error is its caller's" {
	"$MUSCTL" run null -u "$UUID" >/dev/null 2>errors 3>&- &
	pid=$!
	eventually musctl peek "$UUID" VENDOR_ID
	try 1 musctl logs "$UUID"
	complains "musctl: logs: $UUID: has no log: only devices that create or exec has put in the background have one"
	kill "$pid"
	wait "$pid"
	nothing_left
}

@test "devices that have ended are completed where they can be named" {
	make_ended "$UUID" --name gone
	for verb in logs destroy; do
		musctl _complete "$verb" "" | cut -f 1 | grep -qx gone
		musctl _complete "$verb" "" | cut -f 1 | grep -qx "$UUID"
	done
	run ! bash -c '"$MUSCTL" _complete show "" | grep gone'
}

@test "a line of 2048 bytes is one line" {
	uuid=$(musctl exec -- "$PROGRAM")
	musctl set "$uuid" say="$(printf '%02048d' 7)"
	musctl set "$uuid" say=next
	eventually bash -c '"$MUSCTL" logs "$0" | grep -q next' "$uuid"
	try 0 musctl logs "$uuid"
	[ "$output" = "$(printf '%02048d\nnext' 7)" ]
}

@test "a log that cannot grow has the start, and how the device has ended" {
	ulimit -S -f 16
	uuid=$(env --default-signal=XFSZ "$MUSCTL" exec -- "$PROGRAM")
	ulimit -S -f unlimited
	for ((i = 0; i < 30; i++)); do
		musctl set "$uuid" say="$(printf '%02000d' 7)"
	done
	try 0 musctl logs "$uuid"
	[ "${lines[0]}" = "$(printf '%02000d' 7)" ]
	[ "$(musctl logs "$uuid" | tr -d '07\n' | wc -c)" -eq 0 ]
	kill -TERM "$(pid_of "$uuid")"
	eventually bash -c '"$MUSCTL" list --all -nro STATE | grep -qx killed'
}

@test "a runtime directory that is not safe is what logs complains of" {
	mkdir "$MUSER_RUNTIME_DIR"
	chmod 777 "$MUSER_RUNTIME_DIR"
	try 1 musctl logs "$UUID"
	complains "musctl: logs: $UUID: no safe runtime directory: $MUSER_RUNTIME_DIR is writable by others (set MUSER_RUNTIME_DIR)"
	rm -r "$MUSER_RUNTIME_DIR"
}
