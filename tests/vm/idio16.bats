#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# bats file_tags=vm
#
# A stock Debian kernel with its stock gpio-pci-idio-16 driver on gpio-idio16 devices, in a
# QEMU with vfio-user. Owns what only a real guest can show; registers and verbs are tested
# without one in tests/devices and tests/cli.
# Refuses to skip: without QEMU or a kernel it fails, and says what is missing.
#
# Most tests share one guest with one card, SHARED; tests that need another card, another
# guest, or break what they use, start a guest of their own, with the card OWN.
# shellcheck disable=SC2016 # scripts for the guest are not for this shell to expand

# shellcheck source-path=SCRIPTDIR source=guest.sh
source "$BATS_TEST_DIRNAME/guest.sh"

setup_file() {
	export MUSCTL=${MUSCTL:-$BATS_TEST_DIRNAME/../../build/release/musctl}
	export MUSER_RUNTIME_DIR=$BATS_FILE_TMPDIR/run
	mkdir -m 700 "$MUSER_RUNTIME_DIR"
	export GUEST_DIR=$BATS_FILE_TMPDIR/guest
	guest_prepare gpio-pci-idio-16 "$BATS_TEST_DIRNAME/guest-idio16"
	SHARED=$("$MUSCTL" create gpio-idio16)
	export SHARED
	guest_start "$(socket_of "$SHARED")"
	guest_wait_boot
	guest_run 'load gpio-pci-idio-16'
}

teardown_file() {
	guest_stop
	"$MUSCTL" destroy "$SHARED" || true
}

teardown() {
	if [[ $BATS_TEST_COMPLETED != 1 ]]; then
		printf 'output: %s\n' "${output-}"
		guest_console | tail -n 5
	fi
	if [[ -z ${OWN-} ]]; then
		guest release_lines
	else
		guest_stop
		"$MUSCTL" destroy "$OWN" || true
	fi
}

socket_of() { # UUID
	printf '%s/%s/vfio-user.sock\n' "$MUSER_RUNTIME_DIR" "$1"
}

create_own() { # CREATE-OPTION...: sets OWN and a place for a guest
	OWN=$("$MUSCTL" create gpio-idio16 "$@")
	GUEST_DIR=$BATS_TEST_TMPDIR/guest
	mkdir "$GUEST_DIR"
}

start_own() { # GUEST-START-OPTION...: the guest with the card OWN, driver loaded
	guest_start "$@" "$(socket_of "$OWN")"
	guest_wait_boot
	guest_run 'load gpio-pci-idio-16'
}

guest() { # SCRIPT, in the words of guest-idio16
	guest_run "set -e; . guest-idio16; $1"
}

number() { # the last word of the input, as a decimal number
	local text
	text=$(cat)
	echo "$((${text##*[[:space:]]}))"
}

peek() { # UUID REGISTER
	"$MUSCTL" peek "$1" "$2" | number
}

device_pid() { # UUID
	"$MUSCTL" list -n -o UUID,PID | awk -v uuid="$1" '$1 == uuid { print $2 }'
}

@test "the stock driver binds" {
	run guest 'basename "$(readlink "/sys/bus/pci/devices/$(card)/driver")"'
	[ "$output" = pci-idio-16 ]
}

@test "an output written by the guest reaches the device" {
	guest 'drive OUT0 1; drive OUT7 1; drive OUT10 1'
	[ "$(peek "$SHARED" bar2+0.1)" -eq $((0x81)) ]
	[ "$(peek "$SHARED" bar2+4.1)" -eq $((0x04)) ]
}

@test "an output cleared by the guest reaches the device" {
	guest 'drive OUT0 1; drive OUT0 0'
	[ $(($(peek "$SHARED" bar2+0.1) & 1)) -eq 0 ]
}

@test "inputs set on the host are seen in the guest" {
	"$MUSCTL" set "$SHARED" in=0x80ff
	run guest 'for n in 0 7 8 14 15; do value IIN$n; done | xargs'
	[ "$output" = "1 1 0 0 1" ]
}

@test "a single input set on the host leaves the others" {
	"$MUSCTL" set "$SHARED" in=0x0001
	"$MUSCTL" set "$SHARED" in3=1
	run guest 'for n in 0 1 2 3; do value IIN$n; done | xargs'
	[ "$output" = "1 0 0 1" ]
}

@test "no interrupt while the guest watches no line" {
	"$MUSCTL" set "$SHARED" in=0
	before=$(guest interrupts)
	"$MUSCTL" set "$SHARED" in0=1
	[ "$(guest 'sleep 0.5; interrupts')" -eq "$before" ]
}

# How often a level interrupts is QEMU's and the kernel's business: QEMU takes the first access
# to the card for the end of the interrupt, before the driver has cleared it.
@test "a change of state interrupts the guest" {
	"$MUSCTL" set "$SHARED" in=0
	before=$(guest 'watch_line IIN0; interrupts')
	"$MUSCTL" set "$SHARED" in0=1
	[ "$(guest "await interrupts $((before + 1))")" -gt "$before" ]
}

@test "a change of state is one edge event on the watched line" {
	"$MUSCTL" set "$SHARED" in=0
	before=$(guest 'watch_line IIN0; line_events')
	"$MUSCTL" set "$SHARED" in0=1
	[ "$(guest "await line_events $((before + 1))")" -eq $((before + 1)) ]
	[ "$(guest 'sleep 0.5; line_events')" -eq $((before + 1)) ]
}

@test "the edge event comes with the new value" {
	"$MUSCTL" set "$SHARED" in=0
	before=$(guest 'watch_line IIN0; line_events')
	"$MUSCTL" set "$SHARED" in0=1
	run guest "await line_events $((before + 1)) >/dev/null; cat /sys/class/gpio/IIN0/value"
	[ "$output" = 1 ]
}

@test "every change of state is an edge event" {
	"$MUSCTL" set "$SHARED" in=0
	events=$(guest 'watch_line IIN0; line_events')
	for value in 1 0 1 0; do
		"$MUSCTL" set "$SHARED" in0=$value
		events=$((events + 1))
		[ "$(guest "await line_events $events")" -eq "$events" ]
	done
}

@test "an interrupt stops when the driver clears it" {
	"$MUSCTL" set "$SHARED" in=0
	guest 'watch_line IIN0'
	"$MUSCTL" set "$SHARED" in0=1
	before=$(guest 'sleep 0.5; interrupts')
	[ "$(guest 'sleep 0.5; interrupts')" -eq "$before" ]
}

@test "an injected interrupt reaches the guest" {
	before=$(guest 'watch_line IIN0; interrupts')
	run "$MUSCTL" irq fire "$SHARED" 0
	[ "$output" = delivered ]
	[ "$(guest "await interrupts $((before + 1))")" -eq $((before + 1)) ]
}

@test "the driver can be unbound and bound again" {
	guest 'drive OUT1 1; cd "/sys/bus/pci/devices/$(card)/driver"
		card >unbind; [ ! -e "$(card)" ]; card >bind'
	run guest 'drive OUT2 1; value OUT2'
	[ "$output" = 1 ]
	# A second probe of this driver goes without interrupts, whatever the card.
	guest 'rmmod gpio-pci-idio-16; load gpio-pci-idio-16'
}

@test "a reset on the host clears the outputs" {
	guest 'drive OUT3 1'
	"$MUSCTL" reset "$SHARED"
	[ "$(peek "$SHARED" bar2+0.1)" -eq 0 ]
}

@test "the command line that musctl prints makes a guest with the card" {
	create_own
	guest_start -l "$("$MUSCTL" show --cmdline=qemu "$OWN")"
	guest_wait_boot
	guest_run 'load gpio-pci-idio-16'
	guest 'drive OUT0 1'
	[ "$(peek "$OWN" bar2+0.1)" -eq 1 ]
}

@test "a pattern toggles every third read" {
	create_own -O pattern=toggle3
	start_own
	run guest 'value OUT0 12 | xargs'
	[ "$output" = "0 0 0 1 1 1 0 0 0 1 1 1" ]
}

@test "the guest can reset the function and goes on using it" {
	create_own
	start_own -p
	guest 'drive OUT0 1; echo 1 >"/sys/bus/pci/devices/$(card)/reset"'
	[ "$(peek "$OWN" bar2+0.1)" -eq 0 ]
	guest 'drive OUT1 1'
	[ "$(peek "$OWN" bar2+0.1)" -eq 2 ]
	guest_check_dmesg
}

@test "the device works again after the guest has rebooted" {
	create_own
	start_own
	guest 'drive OUT0 1'
	guest_reboot
	[ "$(peek "$OWN" bar2+0.1)" -eq 0 ]
	guest_run 'load gpio-pci-idio-16'
	guest 'drive OUT1 1'
	[ "$(peek "$OWN" bar2+0.1)" -eq 2 ]
	guest_check_dmesg
}

@test "anonymous guest RAM will do" {
	create_own
	start_own -a
	guest 'drive OUT0 1'
	[ "$(peek "$OWN" bar2+0.1)" -eq 1 ]
	guest_check_dmesg
}

@test "a killed device gives all ones and no hang" {
	create_own
	start_own
	[ "$(guest 'value IIN0')" -eq 0 ]
	kill -KILL "$(device_pid "$OWN")"
	GUEST_TIMEOUT=30 run guest 'value IIN0; value IIN15; echo alive'
	[ "$output" = $'1\n1\nalive' ]
	guest_check_dmesg
}

@test "the kernel had nothing to complain about" {
	guest_check_dmesg
}
