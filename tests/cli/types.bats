#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl types: the table, one type, the register map as JSON.

load helper

eval "$(declare -f setup | sed '1s/setup/helper_setup/')"

setup() {
	helper_setup
	export MUSER_ROOT=$PWD/no-kernel # what this one offers is in mdev.bats
}

@test "lists the built-in types" {
	try 0 musctl types
	golden types
}

@test "the same types are in JSON" {
	try 0 musctl types -J
	golden types.json
}

@test "describes a type: options, regions, interrupts, registers" {
	try 0 musctl types gpio-idio16
	golden types-gpio-idio16
}

@test "exports a register map" {
	try 0 musctl types -J gpio-idio16
	golden types-gpio-idio16.json
	jq -e '.types[0].registers[] | select(.name == "IN0_7") | .offset == "0x1" and .width == 1' \
		<<<"$output"
}

@test "the class of a type is the one that guests see" {
	for type in $(musctl types -nro TYPE); do
		uuid=$(musctl create "$type")
		class=$(musctl list -nro CLASS)
		[ "$(musctl types -nro TYPE,CLASS | grep "^$type ")" = "$type $class" ]
		[ "$(musctl types "$type" | awk '$1 == "Class" { print $2 }')" = "$class" ]
		[ "$(musctl types -J "$type" | jq -r '.types[0].class')" = \
			"$(musctl show -J "$uuid" | jq -r .device.class)" ]
		musctl destroy "$uuid"
	done
}

@test "an unknown type is a usage error" {
	try 2 musctl types frob
	complains "musctl: types: frob: no such type (musctl types lists them)"
}
