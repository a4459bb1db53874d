#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# bats file_tags=vm
#
# A stock Debian kernel with its stock ioatdma driver on two ioat devices, one of each model: the
# driver tests copies, and XOR where it uses that, before it binds; the kernel's dmatest, which Debian
# does not ship, tests the rest. One guest with memory that the devices map, one whose memory is
# reached by messages. Refuses to test registers: tests/devices does.
# shellcheck disable=SC2016 # scripts for the guest are not for this shell to expand

# shellcheck source-path=SCRIPTDIR source=guest.sh
source "$BATS_TEST_DIRNAME/guest.sh"

setup_file() {
	export MUSCTL=${MUSCTL:-$BATS_TEST_DIRNAME/../../build/release/musctl}
	export MUSER_RUNTIME_DIR=$BATS_FILE_TMPDIR/run
	mkdir -m 700 "$MUSER_RUNTIME_DIR"
	export GUEST_DIR=$BATS_FILE_TMPDIR/guest
	guest_prepare dca ioatdma "$("$BATS_TEST_DIRNAME/build-dmatest.sh" "${GUEST_KERNEL:-bookworm}")"
	XEON=$("$MUSCTL" create ioat)
	ATOM=$("$MUSCTL" create ioat -O model=atom)
	export XEON ATOM
	boot
}

teardown_file() {
	guest_stop
	"$MUSCTL" destroy "$XEON" "$ATOM" || true
}

teardown() {
	if [[ $BATS_TEST_COMPLETED != 1 ]]; then
		printf 'output: %s\n' "${output-}"
		guest_console | tail -n 15
	fi
}

boot() { # [-a]
	guest_start "$@" "$MUSER_RUNTIME_DIR/$XEON/vfio-user.sock" \
		"$MUSER_RUNTIME_DIR/$ATOM/vfio-user.sock"
	guest_wait_boot
}

# With interrupts of this kind: how many channels there are then. A driver whose self-test fails does
# not bind.
bind() { # msix|msi|intx
	guest_run "load dca
		insmod /modules/ioatdma.ko ioat_interrupt_style=$1
		ls /sys/class/dma | wc -l"
}

# The tests of each kind of operation that a channel has end with a line. Its own "wait" may return
# before they have begun, and rmmod would stop them.
dmatest() { # [PARAMETER]...
	guest_run "dmesg -c >/dev/null
		insmod /modules/dmatest.ko timeout=60000 run=1 $*
		while [ \"\$(dmesg | grep -c ' summary ')\" -lt 4 ]; do usleep 50000; done
		rmmod dmatest
		dmesg | sed -n 's/.*dmatest: //p'"
}

# copy, and of the Atom xor and pq as well, no failure among them, and nothing else to say.
assert_clean() {
	[ "$(grep -c ' summary [1-9][0-9]* tests, 0 failures' <<<"$output")" = 4 ]
	! grep -vE 'summary|Added|Started|No channels configured|taint' <<<"$output" | grep .
}

@test "the stock driver binds to both, by MSI-X, and its self-tests pass" {
	[ "$(bind msix)" = 2 ]
	[ "$(guest_run 'grep -c ioat-msix /proc/interrupts')" = 2 ]
	! guest_console | grep -i 'ioatdma.*self-test'
}

@test "Linux sees copies of the Xeon, and RAID of the Atom" {
	run guest_run 'cat /sys/class/dma/dma*chan0/device/device /sys/class/dma/dma*chan0/quickdata/cap'
	[[ $output == *"copy"*"copy"* ]]
	[[ $output == *"xor"* && $output == *"pq"* ]]
}

@test "dmatest runs clean: copies, XOR, P+Q" {
	run dmatest iterations=300
	assert_clean
}

@test "dmatest runs clean with eight sources, and transfers of a megabyte" {
	run dmatest iterations=20 xor_sources=8 pq_sources=8 test_buf_size=1048576
	assert_clean
}

@test "all that the driver does has a name, and a trace says what is copied" {
	"$MUSCTL" trace -nro KIND,REGION,OFFSET,REGISTER,DETAILS "$ATOM" >"$BATS_TEST_TMPDIR/rows" 3>&- &
	local tracer=$! tries
	for ((tries = 0; tries < 1200; tries++)); do
		! grep -q muser-trace "/proc/$tracer/maps" || break
		sleep 0.05
	done
	dmatest iterations=3 >/dev/null
	guest_run 'rmmod ioatdma'
	kill -INT "$tracer"
	wait "$tracer" || true
	grep -q '^note .* copy\\x20at' "$BATS_TEST_TMPDIR/rows"
	grep -q '^note .* pq\\x20at' "$BATS_TEST_TMPDIR/rows"
	# From 1000h on MSI-X has its table and pending bits, which Linux looks at on an Atom.
	! grep -E '^(read|write) bar0 0x..? ' "$BATS_TEST_TMPDIR/rows" | grep -vE ' 0x..? [A-Z][A-Z0-9_]+( |$)'
}

@test "with MSI, and with INTx" {
	local style
	for style in msi intx; do
		guest_run 'rmmod ioatdma' >/dev/null || true
		[ "$(bind $style)" = 2 ]
		[ "$(guest_run "grep -c ioat-$style /proc/interrupts")" -ge 1 ]
		run dmatest iterations=100
		assert_clean
	done
}

@test "the kernel had nothing to complain about" {
	guest_check_dmesg
}

@test "the same in memory that is reached by messages" {
	guest_stop
	boot -a
	[ "$(bind msix)" = 2 ]
	run dmatest iterations=50
	assert_clean
	guest_check_dmesg
}
