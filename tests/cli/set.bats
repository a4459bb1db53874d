#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl set: properties by name, all of them, single wires.

load helper

@test "without names all properties, as a table" {
	uuid=$(musctl create gpio-idio16 -O in=0x00ff)
	try 0 musctl set "$uuid"
	golden set
}

@test "the same in JSON" {
	uuid=$(musctl create gpio-idio16 -O in=0x00ff)
	try 0 musctl set -J "$uuid"
	jq -e '.schema == 1 and (.properties[] | select(.name == "in") |
		.value == "0x00ff" and .count == 16)' <<<"$output"
}

@test "a name prints its value, name=value sets it" {
	uuid=$(musctl create gpio-idio16)
	try 0 musctl set "$uuid" in=0x1234
	[ -z "$output" ]
	try 0 musctl set "$uuid" in loopback
	[ "$output" = $'0x1234\n0' ]
	[ "$(musctl peek "$uuid" IN0_7)" = 0x34 ]
}

@test "with names as well, the options of printing count" {
	uuid=$(musctl create gpio-idio16)
	try 0 musctl set "$uuid" -J in=5 in in0 pattern
	jq -e '.schema == 1 and (.properties | map([.name, .value]) ==
		[["in", "0x0005"], ["in0", "1"], ["pattern", "none"]])' <<<"$output"
	jq -e '.properties[1] | .default == null and .accepts == "0|1" and .count == 0' <<<"$output"
	try 0 musctl set "$uuid" -P in in0
	[ "$output" = $'VALUE="0x0005"\nVALUE="1"' ]
	try 0 musctl set "$uuid" -r -o NAME,VALUE,DEFAULT in in0
	[ "$output" = $'NAME VALUE DEFAULT\nin 0x0005 0x0000\nin0 1 -' ]
	try 0 musctl set "$uuid" -J in=6
	jq -e '.properties == []' <<<"$output"
	try 2 musctl set "$uuid" -o FROB in=7
	[ "$(musctl set "$uuid" in)" = 0x0006 ]
}

@test "a value that is empty, and one that is long, are a line each" {
	build_with_libmuser peer
	peer_start
	answer Show '{"parameters":{"device":{"properties":[{"name":"a"},{"name":"b"},{"name":"c"}]}}}'
	answer Get.1 '{"parameters":{"value":""}}'
	answer Get.2 '{"parameters":{"value":"'"$(printf 'word %.0s' {1..300})"'"}}'
	answer Get.3 '{"parameters":{"value":"x  y"}}'
	try 0 timeout 30 "$MUSCTL" set "$PEER" a b c
	musctl set "$PEER" a b c >values
	[ "$(wc -l <values)" -eq 3 ]
	[ "$(sed -n 1p values)" = "" ]
	[ "$(sed -n 3p values)" = "x  y" ]
}

@test "nothing is set if a later property cannot be set" {
	uuid=$(musctl create gpio-idio16)
	try 1 musctl set "$uuid" in=1 out=1
	complains "musctl: set: out=1: is read-only"
	[ "$(musctl set "$uuid" in)" = 0x0000 ]
}

@test "a single wire" {
	uuid=$(musctl create gpio-idio16)
	musctl set "$uuid" in3=1 in15=1
	[ "$(musctl set "$uuid" in)" = 0x8008 ]
	[ "$(musctl set "$uuid" in3 in4)" = $'1\n0' ]
}

@test "a name that is unknown, and a wire that there is not" {
	uuid=$(musctl create gpio-idio16)
	for word in frob=1 in16=1 in03=1 in-1; do
		try 1 musctl set "$uuid" "$word"
		[[ $stderr == "musctl: set: $word: no such property (musctl set UUID lists them)" ]]
	done
}

@test "nothing is set if a later name is wrong" {
	uuid=$(musctl create gpio-idio16)
	try 1 musctl set "$uuid" in=1 frob=1
	[ "$(musctl set "$uuid" in)" = 0x0000 ]
}

@test "a bad value and a read-only property are the device's errors" {
	uuid=$(musctl create gpio-idio16)
	try 1 musctl set "$uuid" in=frob
	complains "musctl: set: in=frob: invalid value (expected 0..0xffff)"
	try 1 musctl set "$uuid" in3=2
	complains "musctl: set: in3=2: invalid value (expected 0|1)"
	try 1 musctl set "$uuid" pattern=frob
	complains "musctl: set: pattern=frob: invalid value (expected none|toggle3)"
	try 1 musctl set "$uuid" out=1
}


@test "why a value is none, in the words of the device, as create says it" {
	uuid=$(musctl create nvme)
	while read -r word fault; do
		try 1 musctl set "$uuid" "$word"
		complains "musctl: set: $word: $fault"
		try 2 musctl create nvme -O "$word"
		complains "musctl: create: $word: $fault"
	done <<-END
		fault=raed:drop "raed" is not a command of those in muser-devices(7)
		fault=read read has no action (status=N, drop, ...)
	END
}

@test "what cannot be set now, and a value that is none: as create says it" {
	uuid=$(musctl create gpio-idio16)
	musctl set "$uuid" loopback=1
	while read -r word fault; do
		try 1 musctl set "$uuid" "$word"
		complains "musctl: set: $word: $fault"
		try 2 musctl create gpio-idio16 -O loopback=1 -O "$word"
		complains "musctl: create: $word: $fault"
	done <<-END
		out=1 is read-only
		in=1 is read-only
		filter-us=ff invalid value (expected 0..60000000; hexadecimal needs 0x)
		pattern=face invalid value (expected none|toggle3)
	END
	musctl set "$uuid" loopback=0
	try 1 musctl set "$uuid" in=ff
	complains "musctl: set: in=ff: invalid value (expected 0..0xffff; hexadecimal needs 0x)"
}

@test "numbers are decimal, or hexadecimal with 0x, whatever stands in front" {
	uuid=$(musctl create gpio-idio16 -O in=010)
	[ "$(musctl set "$uuid" in)" = 0x000a ]
	musctl set "$uuid" in=0x010 filter-us=0100
	[ "$(musctl set "$uuid" in filter-us)" = $'0x0010\n100' ]
	try 1 musctl irq fire "$uuid" intx:010
	[[ $stderr == *"intx:10: no such interrupt"* ]]
	try 1 musctl irq fire "$uuid" intx:0x10
	[[ $stderr == *"intx:16: no such interrupt"* ]]
	[ "$(musctl bench "$uuid" info -c 010 -nro REQUESTS)" = 10 ]
	[ "$(musctl bench "$uuid" info -c 0x10 -nro REQUESTS)" = 16 ]
}

@test "what properties accept can be listed" {
	uuid=$(musctl create gpio-idio16)
	[ "$(musctl set "$uuid" -nro NAME,ACCEPTS | grep pattern)" = "pattern none|toggle3" ]
	musctl types gpio-idio16 -J | jq -e '.types[0].options[] | select(.name == "in") |
		.accepts == "0..0xffff" and .wire_accepts == "0|1"'
}

@test "a device without properties has an empty list" {
	uuid=$(musctl create null)
	try 0 musctl set -J "$uuid"
	jq -e '.properties == []' <<<"$output"
}

@test "text is taken as it is, or refused with one message, whoever gives it" {
	build_with_libmuser program
	program=$BATS_FILE_TMPDIR/program
	fault='a value is one line of UTF-8 without control characters'
	uuid=$(musctl exec -O "title=ä  b" -- "$program")
	[ "$(musctl set "$uuid" title)" = "ä  b" ]
	for value in $'a\nlevel=3' $'a\tb' $'\xff\xfe' $'\e[1m' $'\x7f' $'\xc2\x9b'; do
		try 2 musctl set "$uuid" level=2 "title=$value"
		complains "musctl: set: title: $fault"
		try 2 musctl exec -O "title=$value" -- "$program"
		complains "musctl: exec: title: $fault"
		try 2 musctl create nvme -O "path=$value"
		complains "musctl: create: path: $fault"
		[ "${value#*$'\n'}" = "$value" ] || continue
		MUSER_OPTIONS="title=$value" run -1 --separate-stderr "$program"
		[[ ${stderr_lines[0]} == "muser: "*": title: $fault" ]]
	done
	[ "$(musctl set "$uuid" title level)" = $'ä  b\n0' ]
	[ "$(musctl list -nro UUID)" = "$uuid" ]
}

@test "a text that is too long is told how long it may be" {
	build_with_libmuser program
	uuid=$(musctl exec -- "$BATS_FILE_TMPDIR/program")
	try 1 musctl set "$uuid" title=12345678
	complains "musctl: set: title=12345678: invalid value (expected text of at most 7 bytes)"
	try 1 musctl exec -O title=12345678 -- "$BATS_FILE_TMPDIR/program"
	[[ ${stderr_lines[0]} == *": title=12345678: invalid value (expected text of at most 7 bytes)" ]]
	[ "$(musctl set "$uuid" -J title | jq -r '.properties[0].accepts')" = "text of at most 7 bytes" ]
	[ -z "$(musctl _complete set "$uuid" title= | grep -v '^:')" ]
}
