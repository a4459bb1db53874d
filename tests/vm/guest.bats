#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# bats file_tags=vm
#
# The guest library itself, on a guest without devices: what a test may rely on when it says
# guest_run, above all that nothing waits for ever. Refuses to know musctl or any device.
# shellcheck disable=SC2016 # scripts for the guest are not for this shell to expand

# shellcheck source-path=SCRIPTDIR source=guest.sh
source "$BATS_TEST_DIRNAME/guest.sh"

setup_file() {
	export GUEST_DIR=$BATS_FILE_TMPDIR/guest
	guest_prepare uio_pci_generic
	guest_start -x ''
	guest_wait_boot
}

teardown_file() {
	guest_stop
}

@test "guest_run prints the output as it is" {
	run guest_run 'printf "one\n\n  two\\\\three"'
	[ "$output" = $'one\n\n  two\\three' ]
}

@test "guest_run returns the status" {
	run guest_run 'exit 42'
	[ "$status" -eq 42 ]
	[ "$output" = "" ]
}

@test "guest_run takes a script of several lines and any quotes" {
	run guest_run $'for i in 1 2; do\n\techo "$i \'x\'"\ndone'
	[ "$output" = $'1 \'x\'\n2 \'x\'' ]
}

@test "guest_run brings a hundred kilobytes" {
	[ "$(guest_run 'seq 20000' | cksum)" = "$(seq 20000 | cksum)" ]
}

@test "a command that hangs is killed in the guest, and the next one runs" {
	GUEST_TIMEOUT=1 run guest_run 'sleep 60'
	[ "$status" -eq 137 ]
	[ "$(guest_run 'echo next')" = next ]
}

@test "processes that a command leaves behind do not disturb the next" {
	for n in {1..20}; do
		run guest_run "for ms in 2 4 6 8 10 15 20 30; do usleep \${ms}000 & done; echo $n"
		[ "$output" = "$n" ]
	done
}

@test "output that looks like an end mark is only output" {
	run guest_run 'echo "@end 1 0"; echo @ready; echo more'
	[ "$output" = $'@end 1 0\n@ready\nmore' ]
}

@test "a module is loaded with what it depends on" {
	guest_run 'load uio_pci_generic; grep -q "^uio " /proc/modules'
}

@test "guest_qmp prints the reply" {
	run guest_qmp '{"execute":"query-status"}'
	[ "$status" -eq 0 ]
	[[ $output == *'"running": true'* ]]
}

@test "guest_qmp fails on an error reply" {
	run guest_qmp '{"execute":"no-such-command"}'
	[ "$status" -eq 1 ]
	[[ $output == *CommandNotFound* ]]
}

@test "guest_check_dmesg finds a warning" {
	guest_check_dmesg
	guest_run 'echo "<4>WARNING: CPU: 0 PID: 1 at a test" >/dev/kmsg; sleep 0.2'
	run guest_check_dmesg
	[ "$status" -eq 1 ]
}

@test "a guest that reboots under a command is noticed" {
	run guest_run 'reboot -f'
	[ "$status" -eq 1 ]
	[ "$output" = "guest: the guest has rebooted" ]
	[ "$(guest_run 'echo again')" = again ]
}

@test "a guest that stops answering is given up" {
	guest_qmp '{"execute":"stop"}'
	GUEST_TIMEOUT=1 run guest_run true
	[ "$status" -eq 1 ]
	[[ $output == "guest: no answer in time"* ]]
	guest_qmp '{"execute":"cont"}'
	[ "$(guest_run 'echo again')" = again ]
}

@test "a panic is reported at once" {
	run guest_run 'echo c >/proc/sysrq-trigger'
	[ "$status" -eq 1 ]
	[[ $output == *"Kernel panic"* ]]
}

@test "QEMU's end is reported at once" {
	read -r pid _ <"$GUEST_DIR/pid"
	kill -KILL "$pid"
	run guest_run true
	[ "$status" -eq 1 ]
	[[ $output == "guest: QEMU is gone"* ]]
}

@test "QEMU's refusal to start is reported" {
	GUEST_DIR=$BATS_TEST_TMPDIR
	run guest_start "$BATS_TEST_TMPDIR/no-such-socket"
	[ "$status" -eq 1 ]
	[[ $output == "guest: QEMU is gone: "*no-such-socket* ]]
}
