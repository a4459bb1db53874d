#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# bats file_tags=vm
#
# The control endpoint, driven by systemd's varlinkctl: what a program of anybody's that
# speaks Varlink may rely on. Owns the protocol's outside: descriptions, calls, errors, streams.
# Refuses to repeat what single methods do: tests/unit has that.

setup_file() {
	export MUSCTL=${MUSCTL:-$BATS_TEST_DIRNAME/../../build/release/musctl}
	export MUSER_RUNTIME_DIR=$BATS_FILE_TMPDIR/run
	VARLINKCTL=$("$BATS_TEST_DIRNAME/fetch-varlinkctl.sh")
	export VARLINKCTL
	mkdir -m 700 "$MUSER_RUNTIME_DIR"
}

setup() {
	DEVICE=$("$MUSCTL" create gpio-idio16)
	CONTROL=$MUSER_RUNTIME_DIR/$DEVICE/control.sock
}

teardown() {
	[[ $BATS_TEST_COMPLETED == 1 ]] || printf 'output: %s\n' "${output-}"
	"$MUSCTL" destroy "$DEVICE"
}

varlinkctl() {
	"$VARLINKCTL" "$@" </dev/null
}

call() { # METHOD [PARAMETERS]
	varlinkctl call -j "$CONTROL" "org.muser.control.$1" "${2:-{\}}"
}

# Until FILE says so, five seconds at most.
await() { # PATTERN FILE
	local i
	for ((i = 0; i < 250; i++)); do
		! grep -q "$1" "$2" || return 0
		sleep 0.02
	done
	echo "no $1 in: $(cat "$2")" >&2
	return 1
}

@test "info names the library" {
	run varlinkctl info "$CONTROL"
	[ "$status" -eq 0 ]
	[[ $output =~ Product:\ libmuser ]]
}

@test "list-interfaces names both interfaces" {
	run varlinkctl list-interfaces "$CONTROL"
	[ "$output" = org.muser.control$'\n'org.varlink.service ]
}

# A description that it cannot parse is shown as it came, which would differ.
@test "introspect parses the interface, which is that of muser.varlink" {
	varlinkctl validate-idl "$BATS_TEST_DIRNAME/../../lib/muser.varlink" >"$BATS_TEST_TMPDIR/want"
	varlinkctl introspect "$CONTROL" org.muser.control >"$BATS_TEST_TMPDIR/got"
	diff -u "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/got"
}

@test "a call without parameters is answered" {
	run call Show
	[ "$status" -eq 0 ]
	[[ $output == '{"device":{"uuid":"'$DEVICE'",'* ]]
}

@test "a call with parameters is answered" {
	run call Read '{"region":7,"offset":"0x0","count":4}'
	[ "$output" = '{"data":"4f49c80d"}' ]
}

@test "an error arrives with its name and its parameters" {
	run call Read '{"region":42,"offset":"0x0","count":4}'
	[ "$status" -eq 1 ]
	[[ $output == *org.muser.control.NoSuchRegion* ]]
	[[ $output == *'{"region":42}'* ]]
}

@test "monitor streams what happens" {
	local events=$BATS_TEST_TMPDIR/events
	"$VARLINKCTL" call -j --more "$CONTROL" org.muser.control.Monitor '{}' </dev/null \
		>"$events" 3>&- &
	await '"kind":"ready"' "$events"
	call Reset
	await '"kind":"reset"' "$events"
	kill $!
}
