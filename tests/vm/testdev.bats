#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# bats file_tags=vm
#
# testdev in a guest of a stock Debian kernel: what QEMU and Linux see of a device that has all that a
# device can have. No driver is its own: registers are reached through /dev/mem and sysfs, DMA goes
# to memory that the kernel was told to leave alone, interrupts to uio_pci_generic. One guest.
# shellcheck disable=SC2016 # scripts for the guest are not for this shell to expand

# shellcheck source-path=SCRIPTDIR source=guest.sh
source "$BATS_TEST_DIRNAME/guest.sh"

setup_file() {
	export MUSCTL=${MUSCTL:-$BATS_TEST_DIRNAME/../../build/release/musctl}
	export MUSER_RUNTIME_DIR=$BATS_FILE_TMPDIR/run
	mkdir -m 700 "$MUSER_RUNTIME_DIR"
	export GUEST_DIR=$BATS_FILE_TMPDIR/guest
	guest_prepare uio_pci_generic
	DEVICE=$("$MUSCTL" create testdev)
	export DEVICE
	GUEST_APPEND='memmap=64K$0x10000000' guest_start "$MUSER_RUNTIME_DIR/$DEVICE/vfio-user.sock"
	guest_wait_boot
	guest_run "$FIND
		echo 1 >enable
		printf '\\7' | dd of=config bs=1 seek=4 count=1 conv=notrunc 2>/dev/null"
}

teardown_file() {
	guest_stop
	"$MUSCTL" destroy "$DEVICE" || true
}

teardown() {
	if [[ $BATS_TEST_COMPLETED != 1 ]]; then
		printf 'output: %s\n' "${output-}"
		guest_console | tail -n 15
	fi
}

# To its directory in sysfs; "put BAR OFFSET VALUE" and "get BAR OFFSET" reach memory BARs.
FIND='d=$(grep -l 0x7465 /sys/bus/pci/devices/*/device) && cd "${d%/device}" || exit
	at() { echo $(($(sed -n "$(($1 + 1))s/ .*//p" resource) + $2)); }
	put() { devmem "$(at "$1" "$2")" 32 "$3"; }
	get() { devmem "$(at "$1" "$2")" 32; }
	'

guest() { # SCRIPT
	guest_run "$FIND$1"
}

@test "QEMU shows 2048 vectors, and Linux finds all the regions" {
	[ "$(guest 'hexdump -s $((0x9e)) -n 2 -e "1/2 \"%x\"" config')" = 7ff ]
	[ "$(guest 'for i in 0 1 2 4 5 6; do at $i 0; done | grep -c .')" = 6 ]
	[ "$(guest 'strings vpd | grep -o testdev')" = testdev ]
}

@test "registers are as the specification says" {
	[ "$(guest 'get 0 0')" = 0x74657374 ]
	[ "$(guest 'put 0 0xc 0xffffffff; get 0 0xc')" = 0xABCDFFFF ]
	[ "$("$MUSCTL" peek "$DEVICE" MASKED)" = 0xabcdffff ]
}

@test "memory that the guest maps is the device's, without an access" {
	guest 'put 2 0x1004 0x12345678; put 2 0x8 0x9abcdef0'
	[ "$("$MUSCTL" peek "$DEVICE" bar2+0x1004)" = 0x12345678 ]
	[ "$("$MUSCTL" peek "$DEVICE" bar2+0x8)" = 0x9abcdef0 ]
}

@test "each kind of DMA goes both ways" {
	local kind
	for kind in 1 2 3 4; do
		run guest "devmem 0x10000040 32 0x1122330$kind
			put 0 0x80 0x10000040; put 0 0x84 0; put 0 0x88 4; put 0 0x8c 0x20
			put 0 0x94 $kind; get 5 0x20
			put 0 0x80 0x10000100; put 0 0x94 $((kind | 8)); devmem 0x10000100 32; get 0 0x98"
		[ "${lines[0]}" = "0x1122330$kind" ]
		[ "${lines[1]}" = "0x1122330$kind" ]
		[ "${lines[2]}" = 0x00000000 ]
	done
}

@test "an access that fails reads as ones, and one that is late is answered" {
	local echo='dd if=resource1 bs=4 count=1 2>/dev/null | hexdump -e "1/4 \"%x\n\""'
	"$MUSCTL" poke "$DEVICE" ECHO=1234 FAULT_ERRNO=5 FAULT_COUNT=1 FAULT_WHAT=1
	run guest "$echo; $echo"
	[ "${lines[0]}" = ffffffff ]
	[ "${lines[1]}" = 1234 ]
	"$MUSCTL" poke "$DEVICE" FAULT_ERRNO=0 FAULT_DELAY_MS=100 FAULT_COUNT=1
	[ "$(guest "$echo")" = 1234 ]
	[ "$("$MUSCTL" peek "$DEVICE" FAULT_HITS)" = 0x00000002 ]
}

@test "its interrupt reaches a stock driver" {
	guest 'load uio_pci_generic
		echo 1234 7465 >/sys/bus/pci/drivers/uio_pci_generic/new_id
		[ -c /dev/uio0 ] && dd if=/dev/uio0 of=/tmp/count bs=4 count=1 2>/dev/null &
		while ! grep -q uio /proc/interrupts; do sleep 0.1; done'
	"$MUSCTL" poke "$DEVICE" IRQ_LEVEL=1
	[ "$(guest 'while [ ! -s /tmp/count ]; do sleep 0.1; done; hexdump -e "1/4 \"%x\"" /tmp/count')" = 1 ]
	"$MUSCTL" poke "$DEVICE" IRQ_LEVEL=0
}

@test "the kernel had nothing to complain about" {
	guest_check_dmesg
}
