#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# make demo: a device made by musctl, driven by the stock Linux driver in a real guest.
# Owns the tour and checks what it shows; every command is printed before it runs.
# Refuses to pass without a guest: where QEMU or a kernel cannot be had, it shows the same
# with musctl's own client and exits 1. MUSCTL= names another musctl.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=guest.sh
source "$here/guest.sh"
MUSCTL=${MUSCTL:-$here/../../build/release/musctl}

readonly sysfs=/sys/class/gpio
readonly values='0 0 0 1 1 1 0 0 0 1 1 1'
uuid=
tracer=

say() { # LINE...
	printf '\n'
	printf '# %s\n' "$@"
}

musctl() {
	"$MUSCTL" "$@"
}

show() { # COMMAND...
	printf '$ %s\n' "$*"
	"$@"
}

in_guest() { # SCRIPT
	printf 'guest# %s\n' "$1"
	guest_run "$1"
}

clean() {
	guest_stop
	[[ -z $tracer ]] || kill "$tracer" 2>/dev/null || true
	[[ -z $uuid ]] || musctl destroy "$uuid" 2>/dev/null || true
	rm -rf "$work"
}

prepare() {
	work=$(mktemp -d)
	trap clean EXIT
	trap 'exit 130' INT TERM HUP
	[[ -x $MUSCTL ]] || fail "$MUSCTL is missing (make builds it)"
	export GUEST_DIR=$work/guest MUSER_RUNTIME_DIR=$work/run
	mkdir -m 700 "$MUSER_RUNTIME_DIR"
}

fail() {
	printf 'demo: %s\n' "$*" >&2
	exit 1
}

create_device() {
	say "A device, in a process of its own. The UUID is its name."
	printf '$ musctl create gpio-idio16 -O pattern=toggle3\n'
	uuid=$(musctl create gpio-idio16 -O pattern=toggle3)
	printf '%s\n' "$uuid"
}

start_tracer() {
	printf '$ musctl trace --noheadings --filter=bar2,read %s >trace &\n' "$uuid"
	"$MUSCTL" trace --noheadings --filter=bar2,read "$uuid" >"$work/trace" 2>&1 &
	tracer=$!
	sleep 1
}

show_trace() { # ROWS
	say "The same reads, as the tracer saw them:"
	sleep 1
	kill "$tracer"
	wait "$tracer" || true
	tracer=
	printf '$ cat trace\n'
	cat "$work/trace"
	(($(wc -l <"$work/trace") == $1)) || fail "the tracer should have seen $1 reads"
}

boot_guest() {
	say "A stock Debian kernel in a stock QEMU, connected to the device's socket."
	printf '$ %s … -device %s\n' "$(basename "$GUEST_QEMU")" \
		"'{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"…/vfio-user.sock\"}}'"
	guest_start "$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock"
	guest_wait_boot
	in_guest 'uname -r'
}

# Each dd is one read(2), which is one access to the card.
read_pattern() {
	local got
	say "The kernel's own driver takes it for an ACCES PCI-IDIO-16 card, whose first line" \
		"toggles with every third read."
	in_guest 'insmod /modules/gpio-pci-idio-16.ko'
	in_guest "cat $sysfs/gpiochip*/base >$sysfs/export"
	in_guest "for i in \$(seq 12); do dd if=$sysfs/OUT0/value bs=16 count=1 2>/dev/null; done" |
		tee "$work/values"
	got=$(tail -n 12 "$work/values" | xargs)
	[[ $got == "$values" ]] || fail "expected $values, got $got"
	show_trace 12
}

fire_interrupt() {
	local before after
	say "The guest waits for an edge on an input, and we inject an interrupt."
	in_guest "echo \$((\$(cat $sysfs/gpiochip*/base) + 16)) >$sysfs/export"
	in_guest "echo both >$sysfs/IIN0/edge"
	in_guest 'grep 0000:00:01.0 /proc/interrupts' | tee "$work/before"
	show musctl irq fire "$uuid" 0
	in_guest 'sleep 1; grep 0000:00:01.0 /proc/interrupts' | tee "$work/after"
	before=$(awk 'END { print $2 }' "$work/before")
	after=$(awk 'END { print $2 }' "$work/after")
	((after == before + 1)) || fail "expected $((before + 1)) interrupts, got $after"
}

destroy_device() {
	say "Done."
	guest_stop
	show musctl destroy "$uuid"
	uuid=
}

tour() {
	create_device
	start_tracer
	boot_guest
	read_pattern
	fire_interrupt
	destroy_device
}

# The accesses that the driver would have made, by musctl as the client.
tour_without_guest() {
	local socket reads=(bar2+1.1 bar2+1.1 bar2+1.1 bar2+1.1 bar2+1.1 bar2+1.1)
	create_device
	socket=$MUSER_RUNTIME_DIR/$uuid/vfio-user.sock
	start_tracer
	say "musctl as the client of the socket: the input register, six times, and its interrupt."
	show musctl peek --socket "$socket" "${reads[@]}"
	show musctl irq fire --socket "$socket" 0
	show_trace 6
	destroy_device
}

main() {
	prepare
	say "QEMU and a kernel for the guest; fetched from Debian the first time."
	if guest_prepare gpio-pci-idio-16; then
		tour
	else
		say "There is no guest to be had here (see above); this is the device without one."
		tour_without_guest
		exit 1
	fi
}

main
