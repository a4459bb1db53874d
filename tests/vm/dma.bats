#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# bats file_tags=vm
#
# DMA as a real guest makes a device do it, with the test device copier.c: guest RAM that the
# device can map, and anonymous RAM that it reaches by messages to QEMU. The memory lies in a
# range that the guest's kernel was told to leave alone, so that devmem may touch it.
# shellcheck disable=SC2016,SC2119 # scripts for the guest; its packing takes no modules here

# shellcheck source-path=SCRIPTDIR source=guest.sh
source "$BATS_TEST_DIRNAME/guest.sh"

setup_file() {
	local repo=$BATS_TEST_DIRNAME/../..
	export MUSCTL=${MUSCTL:-$repo/build/release/musctl}
	export MUSER_RUNTIME_DIR=$BATS_FILE_TMPDIR/run
	export COPIER=$BATS_FILE_TMPDIR/copier
	# shellcheck disable=SC2046 # several words
	cc -std=gnu11 -D_GNU_SOURCE -I"$repo/lib" -o "$COPIER" "$BATS_TEST_DIRNAME/copier.c" \
		"$repo/build/release/libmuser.a" $(pkg-config --libs json-c uuid liburing) -pthread
	export GUEST_APPEND='memmap=0x100000$0x10000000'
	export GUEST_DIR=$BATS_FILE_TMPDIR/guest
	guest_prepare
}

teardown() {
	if [[ $BATS_TEST_COMPLETED != 1 ]]; then
		printf 'output: %s\n' "${output-}"
		guest_console | tail -n 5
	fi
	guest_stop
	[[ -z ${DEVICE-} ]] || "$MUSCTL" destroy "$DEVICE" || true
}

start_copier() { # GUEST-START-OPTION...
	DEVICE=$("$MUSCTL" exec -- "$COPIER")
	GUEST_DIR=$BATS_TEST_TMPDIR/guest
	mkdir "$GUEST_DIR"
	guest_start "$@" "$MUSER_RUNTIME_DIR/$DEVICE/vfio-user.sock"
	guest_wait_boot
}

# Registers of the card in the guest: bar, and put NAME VALUE, get NAME.
card_words='
	card=$(dirname $(grep -l "^0xc0b1$" /sys/bus/pci/devices/*/device))
	echo 1 >$card/enable
	printf "\006\000" | dd of=$card/config bs=2 seek=2 conv=notrunc 2>/dev/null
	bar=$(cut -d " " -f 1 $card/resource | head -n 1)
	put() { devmem $((bar + $1)) 32 $2; }
	get() { devmem $((bar + $1)) 32; }
	ram=0x10000000
'

copy_script() { # GO-VALUE
	cat <<-EOT
	$card_words
	devmem \$((ram + 0x100)) 32 0x600df00d
	devmem \$((ram + 0x10100)) 32 0
	put 0 \$((ram + 0x100)); put 4 \$((ram + 0x10100)); put 8 0x8000; put 0xc $1
	until [ \$((\$(get 0x14))) -eq 1 ]; do :; done
	echo status \$(get 0x10) done \$(get 0x14) copied \$(devmem \$((ram + 0x10100)) 32)
	EOT
}

@test "a device copies shared guest RAM" {
	start_copier
	run guest_run "$(copy_script 1)"
	[ "$output" = "status 0x00000000 done 0x00000001 copied 0x600DF00D" ]
}

@test "shared guest RAM is mapped, not copied by messages" {
	start_copier
	guest_run "$(copy_script 1)"
	run "$MUSCTL" show -J "$DEVICE"
	[[ $output == *'"mapped"'* ]]
}

@test "a device copies anonymous guest RAM by messages" {
	start_copier -a
	run guest_run "$(copy_script 1)"
	[ "$output" = "status 0x00000000 done 0x00000001 copied 0x600DF00D" ]
}

@test "a read that waits for DMA by message fails before QEMU gives the device up" {
	start_copier -a
	run guest_run "$card_words
		put 0 \$((ram + 0x200))
		get 0x18; get 0x10; get 0"
	[ "$output" = 0xFFFFFFFF$'\n'0x00000023$'\n'0x10000200 ] # EDEADLK, and it goes on
}

# QEMU says a line for each access that ends with an error.
@test "what a device refuses is as on a bus, and QEMU has nothing to say of it" {
	start_copier
	said=$(wc -l <"$GUEST_DIR/qemu.log")
	run guest_run "$card_words
		put 0 0x12345678
		for n in \$(seq 100); do devmem \$bar 8; devmem \$bar 8 0x55; done | sort -u
		get 0"
	[ "$output" = 0xFF$'\n'0x12345678 ]
	[ "$(wc -l <"$GUEST_DIR/qemu.log")" -eq "$said" ]
	[ "$("$MUSCTL" show -J "$DEVICE" | jq .device.refused)" -eq 200 ]
}

@test "copies by message while the guest polls for their end" {
	start_copier -a
	run guest_run "$card_words
		put 0 \$((ram + 0x100)); put 4 \$((ram + 0x10100)); put 8 0x4000
		for n in \$(seq 20); do
			put 0xc 1
			until [ \$((\$(get 0x14))) -eq \$n ]; do :; done
		done
		get 0x14; get 0x10"
	[ "$output" = 0x00000014$'\n'0x00000000 ]
}

@test "waiting for DMA in a posted write ends, one way or the other" {
	start_copier -a
	run guest_run "$(copy_script 2)"
	[[ $output == "status 0x00000000 done 0x00000001 copied 0x600DF00D" ||
		$output == "status 0x00000023 done 0x00000001 "* ]] # EDEADLK
	# The device is still there.
	run guest_run "$card_words
		get 0x14"
	[ "$output" = 0x00000001 ]
}

@test "with bus mastering off guest RAM is untouched" {
	start_copier
	run guest_run "$card_words
		printf '\\002\\000' | dd of=\$card/config bs=2 seek=2 conv=notrunc 2>/dev/null
		devmem \$((ram + 0x100)) 32 0x600df00d
		devmem \$((ram + 0x10100)) 32 0
		put 0 \$((ram + 0x100)); put 4 \$((ram + 0x10100)); put 8 4; put 0xc 1
		until [ \$((\$(get 0x14))) -eq 1 ]; do :; done
		get 0x10; devmem \$((ram + 0x10100)) 32"
	[ "$output" = 0x00000071$'\n'0x00000000 ] # EHOSTUNREACH
}

@test "addresses that are not the guest's are refused" {
	start_copier
	run guest_run "$card_words
		put 0 0xdead0000; put 4 \$ram; put 8 16; put 0xc 1
		until [ \$((\$(get 0x14))) -eq 1 ]; do :; done
		get 0x10"
	[ "$output" = 0x00000002 ] # ENOENT
}
