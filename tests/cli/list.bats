#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl list: what is there, what hangs, what is left of the dead.

load helper

setup_file() {
	build_client
	build_with_libmuser peer
}

@test "without devices only the heading, and an empty JSON list" {
	try 0 musctl list
	[ "${#lines[@]}" -le 1 ]
	try 0 musctl list -J
	jq -e '. == {"schema": 1, "devices": []}' <<<"$output"
	try 0 musctl list -n
	[ -z "$output" ]
}

@test "the table and JSON say the same" {
	musctl create null --name a
	musctl create gpio-idio16 --name b
	try 0 musctl list -nro UUID,TYPE,NAME,TRANSPORT,STATE,PID
	table=$output
	try 0 musctl list -J -o UUID,TYPE,NAME,TRANSPORT,STATE,PID
	[ "$(jq -r '.devices[] | [.uuid, .type, .name, .transport, .state, .pid] | join(" ")' \
		<<<"$output")" = "$table" ]
}

@test "a runtime directory that another user has closed is named" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to become somebody else"
	local mine
	mine=$(mktemp -d)
	MUSER_RUNTIME_DIR=$(mktemp -d)
	for verb in list "show 0123" "peek 0123 bar0" monitor; do
		# shellcheck disable=SC2086 # a verb and its arguments
		try 1 as_nobody "$mine" timeout 20 "$MUSCTL" $verb
		[[ $stderr == "musctl: ${verb%% *}: no safe runtime directory: $MUSER_RUNTIME_DIR: "*" (set MUSER_RUNTIME_DIR)" ]]
	done
	rmdir "$mine" "$MUSER_RUNTIME_DIR"
}

@test "a terminal of 80 columns is wide enough" {
	uuid=$(musctl create gpio-idio16 --name a-name-of-some-length)
	client_start "$uuid"
	export TERM=dumb
	run script -qec 'stty cols 80; "$MUSCTL" list' /dev/null
	[ "${#lines[@]}" -eq 2 ]
	for line in "${lines[@]}"; do
		line=${line%%$'\r'}
		[ "${#line}" -le 80 ]
	done
	[[ ${lines[1]} == "$uuid gpio-idio16 "*" attached "* ]]
}

@test "a raw row has a word for each column" {
	musctl create null
	try 0 musctl list -nro UUID,NAME,TYPE,CLIENT
	read -r uuid name type client rest <<<"$output"
	[ "$name $type $client $rest" = "- null - " ]
}

@test "JSON has numbers, booleans and null where they belong" {
	musctl create null
	try 0 musctl list -J --output-all
	jq -e '.devices[0] | (.pid | type) == "number" and .client == null and .dma_windows == 0' \
		<<<"$output"
}

@test "a client is listed by process and command" {
	uuid=$(musctl create null)
	client_start "$uuid"
	try 0 musctl list -J -o STATE,CLIENT,DMA_WINDOWS
	jq -e --argjson pid "$CLIENT_PID" '.devices[0] | .state == "attached" and
		.client == {"pid": $pid, "command": "client"}' <<<"$output"
	client map 0x100000 0x10000
	[ "$REPLY" = ok ]
	[ "$(musctl list -nro DMA_WINDOWS)" = 1 ]
	try 0 musctl list -no CLIENT
	[ "$output" = "$CLIENT_PID client" ]
}

@test "a device that hangs keeps its name and type" {
	musctl create null --name stuck
	kill -STOP "$(musctl list -nro PID)"
	try 0 musctl list -nro NAME,TYPE,STATE
	[ "$output" = "stuck null hung" ]
	try 1 musctl create null --name stuck
	try 0 musctl destroy --force stuck
	nothing_left
}

@test "a device that hangs is listed as hung" {
	uuid=$(musctl create null)
	pid=$(musctl list -nro PID)
	kill -STOP "$pid"
	try 0 musctl list -nro UUID,STATE,PID
	[ "$output" = "$uuid hung $pid" ]
	kill -CONT "$pid"
	[ "$(musctl list -nro STATE)" = waiting ]
}

# It claims to be another: what it is found by is what it is listed as.
@test "a device cannot claim to be another" {
	honest=$(musctl create null --name honest)
	peer_start
	answer Show '{"parameters":{"device":{"uuid":"'"$honest"'","name":"honest","pid":1,
		"type":"null","transport":"vfio-user","state":"attached"}}}'
	try 0 musctl list -nro UUID,NAME,PID
	[ "$(grep -c "^$honest honest " <<<"$output")" = 1 ]
	grep -qx "$PEER - $PEER_PID" <<<"$output"
	try 0 musctl list -J -o UUID,NAME,PID
	jq -e --arg uuid "$PEER" --argjson pid "$PEER_PID" '.devices[] | select(.uuid == $uuid) |
		.name == null and .pid == $pid' <<<"$output"
	answer Dma '{"parameters":{"windows":[]}}'
	try 0 musctl show "$PEER"
	[[ $output == *"$PEER"*"$PEER_PID "* ]]
	[[ $output != *honest* ]]
	try 0 musctl show -J "$PEER"
	jq -e --arg uuid "$PEER" --argjson pid "$PEER_PID" \
		'.device | .uuid == $uuid and .pid == $pid and .name == null' <<<"$output"
}

@test "text of a device does not turn the direction of a line, nor control the terminal" {
	peer_start
	answer Show '{"parameters":{"device":{"type":"a\u202eb\u2066c\u200fd\u061ce",
		"state":"\u001b[2J\u009b2J","transport":"Größe"}}}'
	export LC_ALL=C.UTF-8
	for options in "" --pairs -r; do
		# shellcheck disable=SC2086 # none or one word
		try 0 musctl list -n $options -o UUID,TYPE,STATE,TRANSPORT
		[[ $output == *'\x1b'*'\xc2\x9b'* && $output != *$'\e'* ]]
		for bad in $'\xe2\x80\xae' $'\xe2\x81\xa6' $'\xe2\x80\x8f' $'\xd8\x9c' $'\xc2\x9b'; do
			[[ $output != *"$bad"* ]]
		done
	done
	[[ $output == *'a\xe2\x80\xaeb'* ]] # raw: nothing is lost
	try 0 musctl list -no TYPE,TRANSPORT
	[[ $output == 'a?b?c?d?e '*'Größe' ]]
	answer Show '{"error":"org.muser.control.Failed",
		"parameters":{"message":"\u202e\u009b\u001bx"}}'
	try 1 musctl show "$PEER"
	complains "musctl: show: $PEER: ???x"
}

@test "what a killed device left is removed and not listed" {
	uuid=$(musctl create null)
	kill -KILL "$(musctl list -nro PID)"
	eventually bash -c '[ -z "$("$MUSCTL" list -nro UUID)" ]'
	[ "$(ls -A "$MUSER_RUNTIME_DIR")" = ".log-$uuid" ]
}

@test "--all: devices that have ended as well, and the table and JSON say the same" {
	live=$(musctl create null)
	ended=$(musctl create null --name gone)
	kill -TERM "$(musctl list -nro PID,NAME | sed -n 's/ gone$//p')"
	eventually bash -c '"$MUSCTL" list --all -nro STATE | grep -qx exited'
	[ "$(musctl list -nro UUID)" = "$live" ]
	try 0 musctl list -a -nro UUID,TYPE,NAME,STATE
	[ "$output" = "$(printf '%s\n' "$live null - waiting" "$ended null gone exited" | sort)" ]
	table=$output
	try 0 musctl list -aJ
	[ "$(jq -r '.devices[] | [.uuid, .type, .name // "-", .state] | join(" ")' <<<"$output")" = "$table" ]
	jq -e '[.devices[] | select(.state == "exited").end | .status, .signal] == [0, null]' <<<"$output"
	jq -e '.devices[] | select(.state == "waiting") | has("end") and .end == null' <<<"$output"
	try 0 musctl list --all
	[[ ${lines[0]} == *" END"* ]]
}

@test "a folder that is no device is left alone" {
	mkdir -p "$MUSER_RUNTIME_DIR/frob"
	try 0 musctl list -n
	[ -z "$output" ]
	[ -d "$MUSER_RUNTIME_DIR/frob" ]
}

@test "only the devices that are named, in that order" {
	first=$(musctl create null --name first)
	second=$(musctl create gpio-idio16 --name second)
	musctl create null
	try 0 musctl list -nro SOCKET "$first"
	[ "$output" = "$MUSER_RUNTIME_DIR/$first/vfio-user.sock" ]
	try 0 musctl list -nro TYPE second "${first:0:13}"
	[ "$output" = $'gpio-idio16\nnull' ]
	try 0 musctl list -J -o UUID - <<<"$second"
	jq -e --arg uuid "$second" '.devices == [{"uuid": $uuid}]' <<<"$output"
	try 0 musctl list -nro UUID -u "$first"
	[ "$output" = "$first" ]
	musctl _complete list "" | grep -qx "second.*"
}

@test "one that is named and not there: as show has it" {
	uuid=$(musctl create null)
	gone=$(musctl create null --name gone)
	musctl destroy "$gone"
	for word in gone "$gone" nosuch 01; do
		try 3 musctl show "$word"
		said=${stderr/musctl: show:/musctl: list:}
		try 3 musctl list "$word" "$uuid" -nro UUID
		complains "$said"
		[ "$output" = "$uuid" ]
	done
	try 3 musctl list -J "$gone"
	[ -z "$output" ]
}

@test "one that is named and has ended is there with --all" {
	uuid=$(musctl create null --name crashed)
	kill -KILL "$(musctl list -nro PID "$uuid")"
	eventually is_killed "$uuid"
	try 3 musctl list "$uuid"
	try 0 musctl list --all -nro STATE "$uuid" crashed
	[ "$output" = $'killed\nkilled' ]
	try 3 musctl list --all 0123abcd-0000-4000-8000-00000000beef
	complains "musctl: list: 0123abcd-0000-4000-8000-00000000beef: no such device (musctl list --all shows them)"
}

is_killed() { # UUID
	[ "$(musctl list --all -nro STATE "$1")" = killed ]
}
