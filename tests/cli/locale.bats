#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# A locale whose letters are not those of ASCII: in Turkish the small letter of I has no dot.

load helper

setup_file() {
	mkdir "$BATS_FILE_TMPDIR/locales"
	localedef -i tr_TR -f UTF-8 "$BATS_FILE_TMPDIR/locales/tr_TR.UTF-8"
}

# The C library forgets to free what it has read from LOCPATH.
turkish=(env LOCPATH="${BATS_FILE_TMPDIR-}/locales" LC_ALL=tr_TR.UTF-8
	ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0")

@test "the locale is one where letters differ" {
	run "${turkish[@]}" bash -c 'x=I; echo "${x,,}"'
	[ "$output" != i ]
}

@test "Turkish: keys of JSON are the same" {
	musctl create gpio-idio16 >uuid
	for line in "list -J --output-all" "show -J $(cat uuid)" "types -J" "irq list $(cat uuid) -J"; do
		# shellcheck disable=SC2086 # several words
		diff <(musctl $line | jq -c paths) <("${turkish[@]}" "$MUSCTL" $line | jq -c paths)
	done
}

@test "Turkish: columns have their names, in whatever case" {
	musctl create null
	try 0 "${turkish[@]}" "$MUSCTL" list -o uuid,id,pid
	[[ $output == *UUID* ]]
}

@test "Turkish: what is listed is destroyed" {
	musctl create null
	"${turkish[@]}" "$MUSCTL" list -nro uuid | "${turkish[@]}" "$MUSCTL" destroy -
	[ -z "$(musctl list -nro UUID)" ]
}

@test "Turkish: registers, regions, interrupts and UUIDs are found whatever the case" {
	uuid=$(musctl create gpio-idio16 -O in=0xfffe)
	[ "$("${turkish[@]}" "$MUSCTL" peek "$uuid" in0_7)" = 0xfe ]
	[ "$("${turkish[@]}" "$MUSCTL" peek "${uuid^^}" CONFIG+0.2)" = 0x494f ]
	"${turkish[@]}" "$MUSCTL" irq mask "$uuid" INTX:0
}

@test "Turkish: a filter of a trace finds registers whatever the case" {
	uuid=$(musctl create gpio-idio16)
	"${turkish[@]}" "$MUSCTL" trace "$uuid" -e 'reg=in0_[0-9]' -nro REGISTER >rows 3>&- &
	TRACER=$!
	eventually has_tracer "$uuid"
	musctl peek "$uuid" OUT0_7 IN0_7
	eventually test -s rows
	trace_stop
	[ "$(normalize <rows)" = IN0_7 ]
}
