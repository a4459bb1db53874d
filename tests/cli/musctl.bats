#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# What all verbs have in common: usage, help, version, output options, a full disk.

load helper

@test "a number that is too large says so" {
	try 2 musctl bench -c 99999999999999999999 nosuch
	[[ $stderr == "musctl: bench: --count: '99999999999999999999' is larger than 0xffffffffffffffff"* ]]
	for vector in 4294967296 99999999999999999999; do
		try 2 musctl irq fire nosuch "intx:$vector"
		complains "musctl: irq: intx:$vector: the vector is larger than 0xffffffff"
	done
}

# What this device does not have is 1, what no device has is 2.
@test "one rule for exit statuses, whatever the verb" {
	uuid=$(musctl create gpio-idio16)
	for where in IN07 IN0_7.IN9 bar0+0 bar2+8.1; do
		try 1 musctl peek "$uuid" "$where"
		try 1 musctl poke "$uuid" "$where=1"
		try 1 musctl bench -c 1 --at "$where" "$uuid" read
	done
	for where in '' .IN9 IN0_7. bar9+0 bar2+ bar2+0.3; do
		try 2 musctl peek "$uuid" "$where"
		try 2 musctl poke "$uuid" "$where=1"
	done
	try 1 musctl trace -e reg=NOPE "$uuid"
	try 2 musctl trace -e reg= "$uuid"
	try 1 musctl set "$uuid" foo=1
	try 1 musctl set "$uuid" in=0x10000
	try 2 musctl set "$uuid" =1
	try 2 musctl set "$uuid" ''
	try 1 musctl irq fire "$uuid" intx:7
	try 2 musctl irq fire "$uuid" frob:0
	try 2 musctl create gpio-idio16 -O foo=1
	try 2 musctl create gpio-idio16 -O in=0x10000
}

@test "without a command it says how to get help, and fails as usage" {
	try 2 musctl
	complains $'musctl: no command given\nTry \'musctl --help\' for more information.'
}

@test "an unknown command is a usage error" {
	try 2 musctl frob
	[[ $stderr == "musctl: frob: unknown command"* ]]
}

@test "an unknown command that others have, is short, or has a slip, is suggested" {
	while read -r word verb; do
		try 2 musctl "$word"
		[[ $stderr == "musctl: $word: unknown command (did you mean '$verb'?)"* ]]
	done <<<$'ls list\nstart create\nstop destroy\nmon monitor\ntarce trace\npeak peek\ndestory destroy'
	try 2 musctl help ls
	complains "musctl: help: ls: unknown command (did you mean 'list'?)"
	try 2 musctl _complet
	[[ $stderr == "musctl: _complet: unknown command"$'\n'* ]]
}

@test "an unknown option of musctl is a usage error" {
	try 2 musctl --frob list
	[[ $stderr == "musctl: --frob: unknown option"* ]]
}

@test "an unknown option of a command names the option" {
	try 2 musctl list --frob
	[[ $stderr == "musctl: list: --frob: unknown option"* ]]
	try 2 musctl list -nZ
	[[ $stderr == "musctl: list: -Z: unknown option"* ]]
}

@test "an option without its argument is a usage error" {
	try 2 musctl list -o
	[[ $stderr == "musctl: list: -o: option needs an argument"* ]]
	try 2 musctl list --output
	[[ $stderr == "musctl: list: --output: option needs an argument"* ]]
}

@test "an empty word is no value, and no record is no limit" {
	for words in "create null --socket-path" "create null -u" "exec --socket-path" "run null --group" \
		"peek --socket" "wait --event" "list -o"; do
		# shellcheck disable=SC2086 # several words
		try 2 musctl $words ""
		[[ $stderr == "musctl: "*": --"*": is empty"* ]]
	done
	for words in "trace -l" "monitor -l" "bench -c" "bench -d"; do
		# shellcheck disable=SC2086 # several words
		try 2 musctl $words 0 x
		[[ $stderr == "musctl: "*": --"*": '0' is not a positive number"* ]]
	done
}

@test "nothing is no number, and no time" {
	for words in "destroy --timeout" "exec --timeout" "wait --gone --timeout" "bench --count" \
		"bench --depth" "trace --limit"; do
		# shellcheck disable=SC2086 # several words
		try 2 musctl $words "" x
		[[ $stderr == "musctl: ${words%% *}: --${words##*--}: '' is not "* ]]
	done
}

@test "options may be abbreviated, and be given after arguments" {
	try 0 musctl types null --js
	[[ $output == *'"schema": 1'* ]]
}

@test "a missing argument is named" {
	try 2 musctl show
	[[ $stderr == "musctl: show: UUID is missing"* ]]
}

@test "an argument too many is named" {
	try 2 musctl version frob
	[[ $stderr == "musctl: version: frob: unexpected argument"* ]]
}

@test "--help goes to stdout in util-linux's layout" {
	try 0 musctl list --help
	golden list-help
	[ -z "$stderr" ]
}

@test "musctl --help lists the commands" {
	try 0 musctl --help
	for verb in types create run exec list show destroy trace irq peek poke set lspci reset wait \
		doctor help version; do
		[[ $output == *$'\n '"$verb "* ]]
	done
	[[ $output != *_complete* ]]
}

@test "--version names musctl and the library" {
	try 0 musctl --version
	[[ $output =~ ^musctl\ [0-9.]+,\ libmuser\ [0-9.]+$ ]]
	try 0 musctl list --version
	[[ $output =~ ^musctl\  ]]
}

@test "arguments are checked before anything is touched" {
	export MUSER_RUNTIME_DIR=/nonexistent/folder
	try 2 musctl list -o FROB
	[[ $stderr == "musctl: list: unknown column: FROB"* ]]
	for mode in 9 0 0000 1000 4755 10000 777777777777777777777777 rwx; do
		try 2 musctl create null --mode "$mode"
		[ "${stderr_lines[0]}" = "musctl: create: --mode: '$mode' is not an octal mode from 1 to 0777, such as 0660" ]
	done
	try 2 musctl exec --socket-path here.sock --mode 4755 -- true
	[[ $stderr == "musctl: exec: --mode: '4755' is not an octal mode from 1 to 0777"* ]]
}

@test "-o chooses columns, in any case and order" {
	try 0 musctl types -o class,TYPE
	golden types-columns
}

@test "-o +COLUMN adds to the default" {
	try 0 musctl types -o +SUBSYSTEM
	[[ ${lines[0]} == *DESCRIPTION*SUBSYSTEM ]]
}

@test "--output-all prints every column" {
	try 0 musctl types --output-all
	[[ ${lines[0]} == *SUBSYSTEM* ]]
}

@test "-H lists the columns" {
	try 0 musctl types -H
	golden types-list-columns
}

@test "-n leaves out the heading" {
	try 0 musctl types -n -o TYPE
	[ "${lines[0]}" = gpio-idio16 ]
}

@test "-r prints without padding" {
	try 0 musctl types -r -o CLASS,TYPE
	[ "${lines[0]}" = "CLASS TYPE" ]
	[ "${lines[1]}" = "ff0000 gpio-idio16" ]
}

@test "-P prints pairs that a shell can read" {
	try 0 musctl types -P -o TYPE,ID
	[ "${lines[1]}" = 'TYPE="null" ID="1234:4e4c"' ]
}

@test "formats are mutually exclusive" {
	try 2 musctl types -J -r
	[[ $stderr == "musctl: types: --json, --raw and --pairs are mutually exclusive"* ]]
}

@test "JSON has the schema and the columns that were chosen" {
	try 0 musctl types -J -o TYPE,DRIVER
	jq -e '.schema == 1 and (.types[1] == {"type": "null", "driver": null})' <<<"$output"
}

@test "--dumpjson is understood as --json, and not advertised" {
	try 0 musctl types --dumpjson
	jq -e .schema <<<"$output"
	[[ $(musctl types --help) != *dumpjson* ]]
}

@test "a failed write to stdout fails the command" {
	run --separate-stderr bash -c '"$MUSCTL" types >/dev/full'
	[ "$status" -eq 1 ]
	[[ $stderr == "musctl: types: standard output: No space left on device" ]]
	run --separate-stderr bash -c '"$MUSCTL" --help >/dev/full'
	[ "$status" -eq 1 ]
}

@test "a closed stdout fails the command" {
	run --separate-stderr bash -c '"$MUSCTL" types >&-'
	[ "$status" -eq 1 ]
}

@test "a closed stdin is not one without words" {
	musctl create null --name card
	for verb in destroy reset show trace; do
		run --separate-stderr bash -c '"$MUSCTL" '"$verb"' - <&-'
		[ "$status" -eq 1 ]
		complains "musctl: $verb: standard input: Bad file descriptor"
	done
	run --separate-stderr bash -c '"$MUSCTL" peek - VENDOR_ID <&-'
	[ "$status" -eq 1 ]
	complains "musctl: peek: standard input: Bad file descriptor"
	try 0 musctl destroy - </dev/null
	[ "$(musctl list -nro NAME)" = card ]
}

@test "a stream whose stdout is closed, or full, is over with an error" {
	uuid=$(musctl create null --name card)
	for words in "trace card" "trace -t 60 card" "trace -c -t 60 card" monitor "monitor -t 60"; do
		run --separate-stderr bash -c 'timeout 30 "$MUSCTL" '"$words"' >&-'
		[ "$status" -eq 1 ]
		complains "musctl: ${words%% *}: standard output: Bad file descriptor"
	done
	"$MUSCTL" trace -t 60 card >/dev/full 2>errors 3>&- &
	eventually has_tracer "$uuid"
	musctl peek card VENDOR_ID
	code=0
	wait $! || code=$?
	[ "$code" -eq 1 ]
	[ "$(cat errors)" = "musctl: trace: standard output: No space left on device" ]
	run --separate-stderr bash -c '"$MUSCTL" trace -c -J -t 0.01 card >/dev/full'
	[ "$status" -eq 1 ]
	[[ $stderr == *"standard output: No space left on device" ]]
}

# What a test of inheritance begins with, whatever the runner itself has inherited. Of the signals
# 32 and 33, which are the C library's own, make(1) may leave something: look at the first 28.
orphan() { # COMMAND...
	env --default-signal --ignore-signal=CHLD,PIPE,TERM --block-signal=CHLD,TERM,INT,HUP "$@"
}

@test "signals that came ignored or blocked are neither, here and in what it starts" {
	try 0 orphan "$MUSCTL" run null -- grep -E '^Sig(Blk|Ign):' /proc/self/status
	[[ $output == SigBlk:*0000000$'\n'SigIgn:*0000000 ]]
	try 0 orphan "$MUSCTL" run null -- true
	uuid=$(orphan "$MUSCTL" create null)
	try 0 orphan "$MUSCTL" lspci "$uuid"
	pid=$(musctl list -nro PID)
	grep -q '^SigBlk:.*0000000$' "/proc/$pid/status"
}

@test "with SIGCHLD ignored a device that cannot be made still says why" {
	try 1 orphan "$MUSCTL" create null --socket-path=/nonexistent/socket
	[[ $stderr == *"No such file or directory"* ]]
}

@test "a file size that is not allowed is an error, and ends no process" {
	try 1 bash -c 'ulimit -f 1; exec "$MUSCTL" create null'
	[[ $stderr == *"File too large"* ]]
	uuid=$(musctl create null)
	prlimit --pid "$(musctl list -nro PID)" --fsize=65536
	try 1 musctl trace "$uuid"
	complains "musctl: trace: $uuid: File too large"
	musctl peek "$uuid" bar0+0.4
	try 0 env --default-signal "$MUSCTL" exec -f -- grep '^SigIgn:' /proc/self/status
	[[ ${lines[1]} == SigIgn:*0000000 ]]
}

@test "a signal that nohup ignores stays ignored" {
	try 0 env --default-signal --ignore-signal=HUP "$MUSCTL" run null -- grep '^SigIgn:' /proc/self/status
	[[ $output == SigIgn:*0000001 ]]
}

@test "closed descriptors become nobody else's" {
	run --separate-stderr bash -c '"$MUSCTL" create null >&-'
	[ "$status" -eq 1 ]
	complains "musctl: create: standard output: Bad file descriptor"
	nothing_left
	run --separate-stderr bash -c '"$MUSCTL" run null <&- 2>&- -- \
		readlink /proc/self/fd/0 /proc/self/fd/2'
	[ "$status" -eq 0 ]
	[[ $output != *:* ]] # neither a socket nor any other of the device's
}

@test "colour is for terminals, unless it is wanted always" {
	mkdir empty
	try 0 env PATH="$PWD/empty" "$MUSCTL" doctor --color=always
	[[ $output == *$'\033'*warn* ]]
	try 0 env PATH="$PWD/empty" "$MUSCTL" doctor
	[[ $output != *$'\033'* ]]
}

@test "called as vfio-user-TYPE it is that backend" {
	ln -s "$MUSCTL" vfio-user-null
	try 0 ./vfio-user-null --help
	[[ $output == *"musctl run"* ]]
	try 2 ./vfio-user-null --frob
	[[ $stderr == "musctl: run: --frob: unknown option"* ]]
}

@test "a full disk is called by its name, whatever prints" {
	musctl create gpio-idio16 --name card
	for words in help types "types -J" "create null" "exec -f true" "run null" "list -J" "show card" \
		"show -J card" "set card" "peek card IN0_7" "irq list card" doctor "bench card info -c 10"; do
		run --separate-stderr bash -c '"$MUSCTL" '"$words"' >/dev/full'
		[ "$status" -ne 0 ]
		[[ $stderr == "musctl: ${words%% *}: standard output: No space left on device" ]]
	done
	[ "$(musctl list -nro NAME)" = card ]
}
