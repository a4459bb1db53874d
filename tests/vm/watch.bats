#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# bats file_tags=vm
#
# The devices by which a host talks with a guest, and a guest that panics or hangs: a stock
# Debian kernel with its stock drivers on serial-16550, pvpanic and watchdog-i6300esb, and who
# waits for them on the host. One guest, which boots three times: the tests follow each other.
# Refuses to test registers: tests/devices does.
# shellcheck disable=SC2016 # scripts for the guest are not for this shell to expand

# shellcheck source-path=SCRIPTDIR source=guest.sh
source "$BATS_TEST_DIRNAME/guest.sh"

setup_file() {
	export MUSCTL=${MUSCTL:-$BATS_TEST_DIRNAME/../../build/release/musctl}
	export MUSER_RUNTIME_DIR=$BATS_FILE_TMPDIR/run
	mkdir -m 700 "$MUSER_RUNTIME_DIR"
	export GUEST_DIR=$BATS_FILE_TMPDIR/guest
	guest_prepare pvpanic-pci i6300esb
	PANIC=$("$MUSCTL" create pvpanic)
	WATCHDOG=$("$MUSCTL" create watchdog-i6300esb)
	LINE=$BATS_FILE_TMPDIR/line # a link to the pseudoterminal
	SERIAL=$("$MUSCTL" create serial-16550 -O backend=pty,link="$LINE")
	export PANIC WATCHDOG SERIAL LINE
	guest_start "$MUSER_RUNTIME_DIR/$PANIC/vfio-user.sock" \
		"$MUSER_RUNTIME_DIR/$WATCHDOG/vfio-user.sock" \
		"$MUSER_RUNTIME_DIR/$SERIAL/vfio-user.sock"
	guest_wait_boot
}

teardown_file() {
	guest_stop
	"$MUSCTL" destroy "$PANIC" "$WATCHDOG" "$SERIAL" || true
}

teardown() {
	if [[ $BATS_TEST_COMPLETED != 1 ]]; then
		printf 'output: %s\n' "${output-}"
		guest_console | tail -n 5
		cat "$BATS_TEST_TMPDIR"/errors* 2>/dev/null || true
	fi
}

# In the background, "waiter": the value goes to "value". Returns when it listens.
wait_for() { # EVENT UUID
	MUSER_DEBUG=1 "$MUSCTL" wait --timeout 120 --event "$1" "$2" \
		>"$BATS_TEST_TMPDIR/value" 2>"$BATS_TEST_TMPDIR/errors" 3>&- &
	waiter=$!
	eventually grep -q '"kind":"ready"' "$BATS_TEST_TMPDIR/errors"
}

property() { # UUID NAME
	"$MUSCTL" show -J "$1" |
		jq -r --arg name "$2" '.device.properties[] | select(.name == $name).value'
}

driver_of() { # PCI-DEVICE-ID
	guest_run "d=\$(grep -l '^$1\$' /sys/bus/pci/devices/*/device)
		basename \"\$(readlink \"\${d%/device}/driver\")\""
}

# What a driver does with a device while COMMAND runs in the guest: a line an access, without those
# of the header of configuration space, which is everybody's.
trace() { # UUID COMMAND
	"$MUSCTL" trace -nro KIND,REGION,OFFSET,REGISTER -e read,write "$1" \
		>"$BATS_TEST_TMPDIR/rows" 2>"$BATS_TEST_TMPDIR/errors-trace" 3>&- &
	local tracer=$!
	eventually grep -q muser-trace "/proc/$tracer/maps"
	guest_run "$2"
	kill -INT "$tracer"
	wait "$tracer" || true
	grep -v 'config 0x[0-3]' "$BATS_TEST_TMPDIR/rows" || true
}

@test "pvpanic: the stock driver binds, and all that it does has a name" {
	run trace "$PANIC" 'load pvpanic-pci'
	[ "$(driver_of 0x0011)" = pvpanic-pci ]
	[[ $output == *"read bar0 0x00 EVENTS"* ]]
	[ -z "$(grep -v ' [A-Z][A-Z0-9_]*$' <<<"$output")" ]
}

@test "i6300esb: the stock driver binds, and all that it does has a name" {
	run trace "$WATCHDOG" 'load i6300esb'
	[ -n "$(driver_of 0x25ab)" ]
	for name in CONFIG LOCK PRELOAD1 PRELOAD2 RELOAD; do
		[[ $output == *" $name"* ]]
	done
	[ -z "$(grep -v ' [A-Z][A-Z0-9_]*$' <<<"$output")" ]
	[ "$(property "$WATCHDOG" stage)" = stopped ]
	[ "$(guest_run 'cat /sys/class/watchdog/watchdog0/bootstatus')" = 0 ]
}

# Each way: every byte is a trapped access or two, so a megabyte takes minutes.
: "${SERIAL_BYTES:=131072}"

# In the guest: the name of the port, which is raw from now on.
TTY='d=$(grep -l "^0x0002\$" /sys/bus/pci/devices/*/device); t=$(ls "${d%/device}/tty")
	stty -F /dev/$t raw -echo;'

has_peer() {
	[ "$(property "$SERIAL" peer)" = 1 ]
}

@test "serial: 8250_pci binds by the class of the card, and finds FIFOs" {
	[ "$(driver_of 0x0002)" = serial ]
	run guest_run "$TTY"' cat /proc/tty/driver/serial; echo "$t"'
	[[ ${lines[-1]} == ttyS* ]]
	grep -q "^${lines[-1]#ttyS}: uart:16550A" <<<"$output"
}

@test "serial: registers that share an address have names in a trace" {
	run trace "$SERIAL" "$TTY"' echo x >/dev/$t'
	for name in THR DLL DLM FCR IIR LCR MCR LSR IER; do
		[[ $output == *" $name"* ]]
	done
	[[ $("$MUSCTL" show -J "$SERIAL") == *'"9600 8N1"'* ]]
}

@test "serial: SERIAL_BYTES to the host, without a lost byte" {
	timeout 600 head -c $SERIAL_BYTES "$LINE" >"$BATS_TEST_TMPDIR/got" 3>&- &
	local reader=$!
	eventually has_peer
	sum=$(GUEST_TIMEOUT=600 guest_run "$TTY"'
		head -c '$SERIAL_BYTES' /dev/urandom >/tmp/sent
		cat /tmp/sent >/dev/$t; md5sum </tmp/sent')
	wait "$reader"
	[ "$(md5sum <"$BATS_TEST_TMPDIR/got")" = "$sum" ]
}

@test "serial: SERIAL_BYTES to the guest, without a lost byte" {
	head -c $SERIAL_BYTES /dev/urandom >"$BATS_TEST_TMPDIR/sent"
	guest_run "$TTY"' head -c '$SERIAL_BYTES' /dev/$t >/tmp/got 2>/dev/null & echo $! >/tmp/reader
		while ! ls -l /proc/$!/fd 2>/dev/null | grep -q ttyS; do usleep 10000; done'
	timeout 600 cat "$BATS_TEST_TMPDIR/sent" >"$LINE"
	sum=$(GUEST_TIMEOUT=600 guest_run 'while [ "$(wc -c </tmp/got)" -lt '$SERIAL_BYTES' ]; do sleep 1; done
		md5sum </tmp/got')
	[ "$(md5sum <"$BATS_TEST_TMPDIR/sent")" = "$sum" ]
	[ "$(guest_run 'grep -c "oe:" /proc/tty/driver/serial')" = 0 ]
}

@test "serial: somebody logs in" {
	guest_run "$TTY"' getty -L -n -l /bin/sh 115200 $t vt100 </dev/null >/tmp/getty 2>&1 &'
	exec 8<>"$LINE"
	read -r -t 120 -d '#' -u 8 _ # getty flushes what was typed before it
	printf 'echo $((6 * 7))-from-$(uname -s)\n' >&8
	while read -r -t 60 -u 8 line; do
		[[ $line != 42-from-Linux* ]] || break
	done
	[[ $line == 42-from-Linux* ]]
	printf 'exit\n' >&8
	exec 8>&-
}

@test "the kernel had nothing to complain about" {
	guest_check_dmesg
}

@test "a panic of the guest is seen on the host, and the guest boots again" {
	guest_run 'echo 1 >/proc/sys/kernel/panic'
	wait_for panic "$PANIC"
	guest_crash
	wait "$waiter"
	[ "$(cat "$BATS_TEST_TMPDIR/value")" = 0x1 ]
	: >"$GUEST_DIR/console" # where a panic is the end
	guest_wait_boot
	[ "$(property "$PANIC" seen)" = 0x1 ]
	[ "$(property "$WATCHDOG" timeouts)" = 0 ]
}

@test "a watchdog that is fed counts, and stops when it is closed" {
	guest_run 'load i6300esb; watchdog -T 600 -t 1 /dev/watchdog'
	[ "$("$MUSCTL" peek "$WATCHDOG" LOCK.ENABLE)" = 0x1 ]
	[ "$(property "$WATCHDOG" stage)" = first ]
	# Wherever that begins, the sequence is among six writes.
	run timeout 60 "$MUSCTL" trace -nro REGISTER,VALUE -e bar0 -l 6 "$WATCHDOG"
	[[ $output == *$'RELOAD 0x0080\nRELOAD 0x0086\nRELOAD 0x0100'* ]]
	guest_run 'killall watchdog; while pidof watchdog >/dev/null; do usleep 50000; done'
	[ "$("$MUSCTL" peek "$WATCHDOG" LOCK.ENABLE)" = 0x0 ]
	[ "$(property "$WATCHDOG" stage)" = stopped ]
}

@test "a guest that does not feed it is reset by a script on musctl wait" {
	wait_for watchdog "$WATCHDOG"
	guest_run 'load i6300esb; watchdog -T 2 -t 6000 /dev/watchdog'
	wait "$waiter" && guest_qmp '{"execute":"system_reset"}'
	[ "$(cat "$BATS_TEST_TMPDIR/value")" = 0x1 ]
	guest_wait_boot
	[ "$(property "$WATCHDOG" stage)" = stopped ]
	[ "$("$MUSCTL" peek "$WATCHDOG" RELOAD.TIMEOUT)" = 0x1 ]
	# WDIOF_CARDRESET: the driver knows why it has booted, and clears that.
	[ "$(guest_run 'load i6300esb; cat /sys/class/watchdog/watchdog0/bootstatus')" = 32 ]
	[ "$("$MUSCTL" peek "$WATCHDOG" RELOAD.TIMEOUT)" = 0x0 ]
}
