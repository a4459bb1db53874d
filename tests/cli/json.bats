#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# One thing is said in one way in the JSON of all verbs.

load helper

setup_file() {
	build_client
}

# Everything that prints JSON, with something in it; a line each: the command and its documents.
everything() {
	local uuid other words
	uuid=$(musctl create gpio-idio16 --name card)
	other=$(musctl create null)
	client_start "$uuid"
	client map 0x100000 0x1000 rw
	"$MUSCTL" trace -J --output-all "$uuid" >rows 2>/dev/null 3>&- 8>&- 9>&- &
	TRACER=$!
	"$MUSCTL" trace -J -c --output-all "$uuid" >counts 2>/dev/null 3>&- 8>&- 9>&- &
	COUNTER=$!
	"$MUSCTL" monitor -J >news 2>/dev/null 3>&- 8>&- 9>&- &
	MONITOR=$!
	eventually bash -c '[ "$("$MUSCTL" list -nro TRACERS,NAME | grep card)" = "2 card" ]'
	while IFS= read -r words; do
		# shellcheck disable=SC2086 # several words
		musctl $words -J >document 2>/dev/null || true
		jq -cs --arg verb "$words" '{ verb: $verb, documents: . }' document
	done <<-END
		list --output-all
		show card
		show $other
		types --output-all
		types gpio-idio16
		types null
		set card --output-all
		peek card IN0_7 VENDOR_ID config+40 OUT0_7.OUT3 --output-all
		irq list card --output-all
		irq fire card 0 --output-all
		bench $other info dma -c 10 --output-all
		doctor --output-all
		version
	END
	eventually bash -c 'musctl() { "$MUSCTL" "$@"; }; musctl destroy "$(musctl create null)"; test -s news'
	kill -INT "$TRACER" "$COUNTER" "$MONITOR"
	wait "$TRACER" "$COUNTER" "$MONITOR"
	for words in rows counts news; do
		test -s "$words"
		jq -cs --arg verb "$words" '{ verb: $verb, documents: . }' "$words"
	done
	client_stop
}

@test "a key has one type in all verbs, and one form" {
	everything >all
	[ "$(wc -l <all)" -eq 16 ]
	jq -r '.verb as $verb | .documents | [paths as $p | select($p[-1] | type == "string") |
		[$p[-1], (getpath($p) | type), $verb]] | unique[] |
		select(.[1] != "null") | @tsv' all | sort -u >types
	grep -q "^value" types
	[ -z "$(cut -f 1,2 types | sort -u | cut -f 1 | uniq -d | grep -f - -w types)" ] || {
		cut -f 1,2 types | sort -u | cut -f 1 | uniq -d | grep -f - -w types >&2
		return 1
	}
	jq -e '[.documents | .. | objects | select(has("offset")).offset] |
		all(test("^0x(0|[1-9a-f][0-9a-f]*)$"))' all
	jq -e '[.documents | .. | objects | select(has("size")).size] |
		all(test("^0x[1-9a-f][0-9a-f]*$"))' all
	jq -e '[.documents | .. | objects | select(has("id")) | .id, (.subsystem // .id)] |
		all(test("^[0-9a-f]{4}:[0-9a-f]{4}$"))' all
	jq -e '[.documents | .. | objects | select(has("class")).class] |
		all(test("^[0-9a-f]{6}$"))' all
	jq -e '[.documents | .. | objects | select(has("region")).region] |
		all(. == null or test("^[a-z]+[0-9]?$"))' all
	jq -e '[.documents | .. | objects | select(has("flags")).flags] |
		all(type == "array" and all(type == "string"))' all
	jq -e '[.documents | .. | objects | select(has("count") and has("name")).count] |
		all(type == "number")' all
	jq -e '[.documents | .. | objects | has("help")] | any | not' all
}

@test "what is unknown is null, and no key is missing" {
	everything >all
	for verb in 'show [a-z0-9]' 'types [a-z]'; do
		jq -r --arg verb "^$verb" 'select(.verb | test($verb)).documents | .. | objects |
			to_entries[] | select(.value | type == "array") | .key as $list |
			.value[] | objects | [$list, (keys | join(","))] | @tsv' all | sort -u >keys
		grep -q ^registers keys
		[ -z "$(cut -f 1 keys | uniq -d)" ] || {
			cat keys >&2
			return 1
		}
	done
	jq -es 'map(select(.verb == "show card"))[0].documents[0].registers |
		any(.value == null) and all(has("value") and has("description"))' all
}

@test "a register is the same in show, peek and types" {
	uuid=$(musctl create gpio-idio16)
	musctl poke "$uuid" OUT0_7=6
	shown=$(musctl show -J "$uuid" | jq -c '.registers[] | select(.name == "IRQ_STATUS") |
		[.region, .offset, .width]')
	[ "$shown" = '["bar2","0x6",1]' ]
	[ "$(musctl peek -J --output-all "$uuid" IRQ_STATUS | jq -c '.values[] |
		[.region, .offset, .width]')" = "$shown" ]
	[ "$(musctl types -J gpio-idio16 | jq -c '.types[0].registers[] |
		select(.name == "IRQ_STATUS") | [.region, .offset, .width]')" = "$shown" ]
}

@test "a type is the same in the list and by itself, a device in list and show" {
	uuid=$(musctl create gpio-idio16)
	keys='[.type, .id, .subsystem, .class, .driver, .description]'
	[ "$(musctl types -J --output-all | jq -c ".types[] | select(.type == \"gpio-idio16\") | $keys")" = \
		"$(musctl types -J gpio-idio16 | jq -c ".types[0] | $keys")" ]
	keys='[.uuid, .type, .name, .transport, .state, .pid, .program, .socket, .id, .class,
		.dma_windows, .tracers, .version]'
	[ "$(musctl list -J --output-all | jq -c ".devices[0] | $keys")" = \
		"$(musctl show -J "$uuid" | jq -c ".device | $keys")" ]
}

@test "after an error nothing is printed" {
	for words in "irq list nosuch -J" "irq fire nosuch 0 -J" "show nosuch -J" "set nosuch -J" \
		"peek nosuch IN0_7 -J" "bench nosuch -J" "trace nosuch -J"; do
		# shellcheck disable=SC2086 # several words
		try 3 musctl $words
		[ -z "$output" ]
		[[ $stderr == "musctl: "*": nosuch: no such device (musctl list shows them)" ]]
	done
	MUSER_RUNTIME_DIR=/dev/null/x try 1 musctl list -J
	[ -z "$output" ]
}
