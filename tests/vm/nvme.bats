#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# bats file_tags=vm
#
# A stock Debian kernel with its stock nvme driver on nvme devices, in a QEMU with vfio-user. Owns
# what only a real guest can show; the controller is tested in tests/unit, its type in tests/devices.
# Refuses to skip: without QEMU or a kernel it fails, and says what is missing.
#
# All but the last two share one guest with one device; nvme0n1 is its disk.
# shellcheck disable=SC2016 # scripts for the guest are not for this shell to expand

# shellcheck source-path=SCRIPTDIR source=guest.sh
source "$BATS_TEST_DIRNAME/guest.sh"

setup_file() {
	export MUSCTL=${MUSCTL:-$BATS_TEST_DIRNAME/../../build/release/musctl}
	export MUSER_RUNTIME_DIR=$BATS_FILE_TMPDIR/run
	mkdir -m 700 "$MUSER_RUNTIME_DIR"
	export GUEST_DIR=$BATS_FILE_TMPDIR/guest
	guest_prepare nvme
	SHARED=$("$MUSCTL" create nvme -O backend=file -O path="$BATS_FILE_TMPDIR/disk" -O size=64M \
		-O serial=one)
	export SHARED
	guest_start "$(socket_of "$SHARED")"
	guest_wait_boot
	guest_run 'load nvme'
	guest_run "$WAIT"
}

teardown_file() {
	guest_stop
	"$MUSCTL" destroy "$SHARED" || true
}

teardown() {
	if [[ $BATS_TEST_COMPLETED != 1 ]]; then
		printf 'output: %s\n' "${output-}"
		guest_console | tail -n 15
	fi
	if [[ -n ${OWN-} ]]; then
		guest_stop
		"$MUSCTL" destroy "$OWN" || true
	fi
}

socket_of() { # UUID
	printf '%s/%s/vfio-user.sock\n' "$MUSER_RUNTIME_DIR" "$1"
}

# The driver looks for namespaces after it has bound.
WAIT='for _ in $(seq 300); do [ ! -b /dev/nvme0n1 ] || break; sleep 0.1; done; [ -b /dev/nvme0n1 ]'

# A file of four mebibytes to the disk and back, past the page cache.
COMPARE='dd if=/dev/urandom of=/tmp/a bs=64k count=64 2>/dev/null
	dd if=/tmp/a of=/dev/nvme0n1 bs=64k seek=3 conv=fsync 2>/dev/null
	echo 3 >/proc/sys/vm/drop_caches
	dd if=/dev/nvme0n1 of=/tmp/b bs=64k skip=3 count=64 2>/dev/null
	cmp /tmp/a /tmp/b'

@test "the stock driver binds and finds the namespace" {
	run guest_run 'cat /sys/block/nvme0n1/size /sys/class/nvme/nvme0/serial /sys/class/nvme/nvme0/state'
	[ "${lines[0]}" = 131072 ]
	[[ ${lines[1]} == one* ]]
	[ "${lines[2]}" = live ]
}

@test "interrupts come by MSI-X" {
	guest_run 'grep -q "PCI-MSI.*nvme0q1" /proc/interrupts'
}

@test "what is written is read back" {
	guest_run "$COMPARE"
}

@test "what the guest has flushed is in the file" {
	guest_run 'printf "found on the host" >/tmp/text
		dd if=/tmp/text of=/dev/nvme0n1 bs=512 seek=11 conv=fsync,sync 2>/dev/null'
	[ "$(dd if="$BATS_FILE_TMPDIR/disk" bs=512 skip=11 count=1 status=none | head -c 17)" = "found on the host" ]
}

@test "several at a time" {
	guest_run 'for i in 1 2 3 4; do
			dd if=/dev/zero bs=64k count=32 2>/dev/null | tr "\0" "$i" >/tmp/part$i
			dd if=/tmp/part$i of=/dev/nvme0n1 bs=64k seek=$((i * 100)) conv=fsync 2>/dev/null &
		done
		wait
		echo 3 >/proc/sys/vm/drop_caches
		for i in 1 2 3 4; do
			dd if=/dev/nvme0n1 bs=64k skip=$((i * 100)) count=32 2>/dev/null | cmp - /tmp/part$i || exit
		done'
}

@test "a trace names the commands" {
	"$MUSCTL" trace "$SHARED" >"$BATS_TEST_TMPDIR/trace" 2>&1 3>&- &
	until grep -q muser-trace "/proc/$!/maps"; do sleep 0.1; done
	guest_run 'echo 3 >/proc/sys/vm/drop_caches
		dd if=/dev/nvme0n1 of=/dev/null bs=4k skip=100 count=1 2>/dev/null'
	until grep -q SQTDBL "$BATS_TEST_TMPDIR/trace"; do sleep 0.1; done
	kill %1
	wait %1 || true
	cat "$BATS_TEST_TMPDIR/trace"
	grep -q 'Read nsid=1 slba=800 nlb=' "$BATS_TEST_TMPDIR/trace"
}

@test "the controller is reset while it works" {
	guest_run 'dd if=/dev/nvme0n1 of=/dev/null bs=64k count=512 2>/dev/null &
		echo 1 >/sys/class/nvme/nvme0/reset_controller || exit
		wait
		for _ in $(seq 300); do
			[ "$(cat /sys/class/nvme/nvme0/state)" != live ] || break
			sleep 0.1
		done
		[ "$(cat /sys/class/nvme/nvme0/state)" = live ]'
	guest_run "$COMPARE"
}

@test "the driver is unbound and bound again" {
	guest_run 'device=$(basename "$(readlink /sys/class/nvme/nvme0/device)")
		echo "$device" >/sys/bus/pci/drivers/nvme/unbind
		! [ -b /dev/nvme0n1 ] || exit
		echo "$device" >/sys/bus/pci/drivers/nvme/bind'
	guest_run "$WAIT"
	guest_run "$COMPARE"
}

@test "the kernel had nothing to complain about" {
	guest_check_dmesg
	run guest_run 'dmesg | grep -iE "nvme.*(error|timeout|abort|invalid|fail)"'
	[ "$output" = "" ]
}

@test "the disk is there after the guest has rebooted" {
	guest_reboot
	guest_run 'load nvme'
	guest_run "$WAIT"
	guest_run "$COMPARE"
}

@test "anonymous guest RAM will do" {
	OWN=$("$MUSCTL" create nvme -O size=64M)
	GUEST_DIR=$BATS_TEST_TMPDIR/guest
	mkdir "$GUEST_DIR"
	guest_start -a "$(socket_of "$OWN")"
	guest_wait_boot
	guest_run 'load nvme'
	guest_run "$WAIT"
	guest_run "$COMPARE"
	guest_check_dmesg
}
