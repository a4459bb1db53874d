#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl create: prints a UUID when a client can connect, or a message and leaves nothing.

load helper

@test "prints the UUID alone" {
	try 0 musctl create null
	[[ $output =~ ^$UUID_PATTERN$ ]]
	[ -z "$stderr" ]
}

@test "an empty environment variable is not set" {
	export MUSER_RUNTIME_DIR='' MUSER_TRANSPORT='' MUSER_LOG='' MUSER_UUID='' NO_COLOR=''
	try 0 musctl create null --transport vfio-user
	uuid=$output
	[ ! -e "$uuid" ]
	[[ $(socket_of "$uuid") = /*/muser*/$uuid/vfio-user.sock ]]
	try 0 musctl destroy "$uuid"
}

@test "a client can connect as soon as it returns" {
	uuid=$(musctl create null)
	[ -S "$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock" ]
	try 0 musctl peek --socket "$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock" VENDOR_ID
	[ "$output" = 0x1234 ]
}

@test "a substitution returns at once: the device holds no pipe of its caller" {
	start=$SECONDS
	uuid=$(musctl create null)
	[ $((SECONDS - start)) -lt 3 ]
	musctl list -nro UUID | grep -qx "$uuid"
}

@test "the device holds no descriptor of its caller, and no folder" {
	exec 7<"$BATS_TEST_FILENAME"
	uuid=$(musctl create null)
	exec 7<&-
	pid=$(musctl list -nro PID)
	[ "$(readlink "/proc/$pid/cwd")" = / ]
	[ "$(readlink "/proc/$pid/fd/0")" = /dev/null ]
	[ "$(readlink "/proc/$pid/fd/1")" = /dev/null ]
	[[ $(readlink "/proc/$pid/fd/2") == pipe:* ]] # to its holder
	run ! bash -c "readlink /proc/$pid/fd/* | grep -vxF '$(readlink "/proc/$pid/fd/2")' | grep -E 'pipe:|create.bats'"
	holder=$(ps -o ppid= -p "$pid" | tr -d ' ')
	[ "$(readlink "/proc/$holder/cwd")" = / ]
	for fd in 0 1 2; do
		[ "$(readlink "/proc/$holder/fd/$fd")" = /dev/null ]
	done
	run ! bash -c "readlink /proc/$holder/fd/* | grep -vxF '$(readlink "/proc/$pid/fd/2")' | grep -E 'pipe:|socket:|create.bats'"
}

@test "the device is in a session of its own" {
	musctl create null
	pid=$(musctl list -nro PID)
	[ "$(ps -o sid= -p "$pid")" -eq "$pid" ]
}

@test "-u gives the UUID, in any case" {
	try 0 musctl create null -u 85006552-1B4B-45E9-AD62-9DD16DF09171
	[ "$output" = 85006552-1b4b-45e9-ad62-9dd16df09171 ]
}

@test "a UUID that is in use is refused, and its device lives on" {
	uuid=$(musctl create null)
	try 1 musctl create null -u "$uuid"
	[[ $stderr == "musctl: create: null: "* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	try 0 musctl peek "$uuid" bar0+0
}

@test "what is no UUID is a usage error" {
	try 2 musctl create null -u 123
	complains "musctl: create: 123: is not a UUID (8-4-4-4-12 hexadecimal digits)"
	nothing_left
}

@test "--name is shown and can be used" {
	musctl create null --name scratch
	[ "$(musctl list -nro NAME)" = scratch ]
	try 0 musctl peek scratch bar0+0
}

@test "an empty name, a name with a blank or a control character, what is not UTF-8, - and a UUID are refused" {
	try 2 musctl create null --name ""
	[[ $stderr == "musctl: create: --name: is empty"* ]]
	for name in 'a b' $'a\xff' $'a\x85' $'a\xc2\x85' $'\e[2J' $'\xe2\x80\xaeab' \
		"$(printf '%064d' 0)" - 85006552-1b4b-45e9-ad62-9dd16df09171; do
		try 2 musctl create null --name "$name"
		[[ $stderr == "musctl: create: --name: '"*"': "* ]]
		try 2 musctl run null --name "$name"
		[[ $stderr == "musctl: run: --name: '"*"': "* ]]
	done
	nothing_left
}

@test "a name is shown as it was given, whatever letters it has" {
	name=$'K\xc3\xa4rtchen-\xf0\x9f\x90\x8d,0'
	uuid=$(musctl create null --name "$name")
	[ "$(musctl list -J | jq -r '.devices[].name')" = "$name" ]
	[ "$(musctl show -J "$name" | jq -r .device.uuid)" = "$uuid" ]
}

@test "a name that is taken is refused, and whose it is is said" {
	uuid=$(musctl create null --name twin)
	try 1 musctl create null --name twin
	complains "musctl: create: --name: the name 'twin' is already taken by $uuid"
	try 1 musctl run null --name twin
	complains "musctl: run: --name: the name 'twin' is already taken by $uuid"
	[ "$(musctl list -nro NAME)" = twin ]
	musctl destroy twin
	musctl create null --name twin
}

@test "of several that want a name at the same time, one gets it" {
	for i in 1 2 3 4 5 6; do
		musctl create null --name twin >"out.$i" 2>"err.$i" 3>&- &
	done
	wait
	[ "$(cat out.* | wc -l)" -eq 1 ]
	[ "$(cat err.* | grep -c "is already taken by $(cat out.*)")" -eq 5 ]
	[ "$(musctl list -nro UUID)" = "$(cat out.*)" ]
}

# Whoever can read a directory can lock it, and never let go.
@test "a lock that another holds on the runtime directory is nobody's hindrance" {
	mkdir -m 755 "$MUSER_RUNTIME_DIR"
	exec 7<"$MUSER_RUNTIME_DIR"
	flock --exclusive 7
	try 0 timeout 10 "$MUSCTL" create null --name one
	try 0 timeout 10 "$MUSCTL" create null --name two
	exec 7<&-
	[ "$(ls -A -I '.log-*' "$MUSER_RUNTIME_DIR" | wc -l)" -eq 2 ]
}

@test "options reach the device" {
	uuid=$(musctl create gpio-idio16 -O pattern=toggle3 --option in=0x00ff)
	[ "$(musctl set "$uuid" pattern)" = toggle3 ]
	[ "$(musctl set "$uuid" in)" = 0x00ff ]
}

@test "an unknown option, a bad value, a read-only one are usage errors" {
	try 2 musctl create gpio-idio16 -O frob=1
	complains "musctl: create: frob: gpio-idio16 has no such option (musctl types gpio-idio16 lists them)"
	try 2 musctl create gpio-idio16 -O pattern=frob
	complains "musctl: create: pattern=frob: invalid value (expected none|toggle3)"
	try 2 musctl create gpio-idio16 -O in3=2
	complains "musctl: create: in3=2: invalid value (expected 0|1)"
	try 2 musctl create gpio-idio16 -O out=1
	complains "musctl: create: out=1: is read-only"
	try 2 musctl create gpio-idio16 -O frob
	[[ $stderr == "musctl: create: --option: 'frob' is not KEY=VALUE"* ]]
	nothing_left
}

@test "an unknown type is a usage error" {
	try 2 musctl create frob
	complains "musctl: create: frob: no such type (musctl types lists them)"
}

@test "--mode sets the permissions of the socket" {
	uuid=$(musctl create null --mode 0666)
	[ "$(stat -c %a "$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock")" = 666 ]
	uuid=$(musctl create null)
	[ "$(stat -c %a "$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock")" = 600 ]
}

@test "--group sets the group of the socket; an unknown one is a usage error" {
	uuid=$(musctl create null --group "$(id -gn)")
	[ "$(stat -c %G "$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock")" = "$(id -gn)" ]
	try 2 musctl create null --group no-such-group
	complains "musctl: create: no-such-group: no such group"
}

@test "--group alone lets the group in; --mode is stronger" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	uuid=$(musctl create null --group daemon)
	[ "$(stat -c %a:%G "$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock")" = 660:daemon ]
	[ "$(stat -c %a:%G "$MUSER_RUNTIME_DIR/$uuid")" = 710:daemon ]
	uuid=$(musctl create null --group daemon --mode 0600)
	[ "$(stat -c %a "$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock")" = 600 ]
	musctl run null --group daemon --socket-path here.sock -- stat -c %a:%G here.sock >mode
	[ "$(cat mode)" = 660:daemon ]
}

@test "a group that this user is not in is refused by name" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to become somebody else"
	MUSER_RUNTIME_DIR=$(mktemp -d)
	try 1 as_nobody "$MUSER_RUNTIME_DIR" "$MUSCTL" create null --group root
	complains "musctl: create: --group: this user is not a member of root: the socket cannot be given to it"
	try 1 as_nobody "$MUSER_RUNTIME_DIR" "$MUSCTL" create null --group root \
		--socket-path "$MUSER_RUNTIME_DIR/socket"
	[[ $stderr == "musctl: create: --group: this user is not a member of root: "* ]]
	try 0 as_nobody "$MUSER_RUNTIME_DIR" "$MUSCTL" create null --group 65534
	as_nobody "$MUSER_RUNTIME_DIR" "$MUSCTL" destroy "$output"
	rmdir "$MUSER_RUNTIME_DIR"
}

# Such as NFS and 9p: strace plays the kernel.
@test "a file system without RENAME_NOREPLACE will do" {
	try 0 env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace -e trace=renameat2 \
		-e inject=renameat2:error=EINVAL "$MUSCTL" run null -- true
	try 0 musctl create null -u 85006552-1b4b-45e9-ad62-9dd16df09171
	try 1 musctl create null -u 85006552-1b4b-45e9-ad62-9dd16df09171
	[[ $stderr == *"85006552-1b4b-45e9-ad62-9dd16df09171: this UUID is in use" ]]
}

@test "a relative socket path is meant from here" {
	musctl create null --socket-path here.sock
	[ -S here.sock ]
	try 0 musctl peek --socket here.sock VENDOR_ID
}

@test "a path that no client can connect to is warned of, whoever makes it" {
	build_with_libmuser program
	long=$PWD/$(printf '%0120d' 0)/socket
	mkdir "${long%/*}"
	try 0 musctl create null --socket-path "$long"
	[ "$stderr" = "musctl: create: null: $long: no client can connect to a path of ${#long} bytes, 107 at most (use a shorter socket path or MUSER_RUNTIME_DIR)" ]
	musctl destroy "$output"
	try 0 musctl exec --socket-path "$long" -- "$BATS_FILE_TMPDIR/program"
	[ "$stderr" = "muser: $output: $long: no client can connect to a path of ${#long} bytes, 107 at most (use a shorter socket path or MUSER_RUNTIME_DIR)" ]
	MUSER_RUNTIME_DIR=${long%/*} try 0 musctl run null -- true
	[[ $stderr == "musctl: run: null: ${long%/*}/"*"/vfio-user.sock: no client can connect "* ]]
	MUSER_RUNTIME_DIR=${long%/*} try 0 musctl exec -- "$BATS_FILE_TMPDIR/program"
	[[ $stderr == "muser: $output: ${long%/*}/$output/vfio-user.sock: no client can connect "* ]]
	MUSER_RUNTIME_DIR=${long%/*} musctl destroy "$output"
	longest=$PWD/$(printf '%0*d' $((106 - ${#PWD})) 0)
	try 0 musctl create null --socket-path "$longest"
	[ -z "$stderr" ]
}

@test "a device process works in the root directory" {
	musctl create null
	[ "$(readlink "/proc/$(musctl list -nro PID)/cwd")" = / ]
}

@test "a relative runtime folder is meant from here" {
	MUSER_RUNTIME_DIR=here musctl create null
	[ "$(MUSER_RUNTIME_DIR=$PWD/here musctl list -nro TYPE)" = null ]
	MUSER_RUNTIME_DIR=here musctl list -nro UUID | MUSER_RUNTIME_DIR=here musctl destroy -
}

@test "a socket path in use is refused, with one line, and nothing is left" {
	first=$(musctl create null --socket-path here.sock)
	try 1 musctl create null --socket-path here.sock
	[[ $stderr == "musctl: create: null: "* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[ "$(musctl list -nro UUID)" = "$first" ]
}

@test "a runtime folder that cannot be made is told" {
	MUSER_RUNTIME_DIR=/proc/nowhere try 1 musctl create null
	[[ $stderr == "musctl: create: null: "* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "a UUID that cannot be printed belongs to nobody: the device is ended" {
	run bash -c '"$MUSCTL" create null >/dev/full'
	[ "$status" -eq 1 ]
	nothing_left
}

@test "many at once get different UUIDs" {
	for _ in 1 2 3 4 5 6 7 8; do
		musctl create null >>uuids 3>&- &
	done
	wait
	[ "$(sort -u uuids | wc -l)" -eq 8 ]
	[ "$(musctl list -nro UUID | wc -l)" -eq 8 ]
}

@test "MUSER_LOG must be a level" {
	MUSER_LOG=loud try 2 musctl create null
	complains "musctl: create: MUSER_LOG: 'loud' is not one of err, warn, info, debug"
}

@test "a runtime directory that is not safe is complained of once" {
	mkdir "$MUSER_RUNTIME_DIR"
	chmod 777 "$MUSER_RUNTIME_DIR"
	try 1 musctl create null
	complains "musctl: create: null: no safe runtime directory: $MUSER_RUNTIME_DIR is writable by others (set MUSER_RUNTIME_DIR)"
	chmod 700 "$MUSER_RUNTIME_DIR"
}
