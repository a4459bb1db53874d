# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# A Linux guest in QEMU with vfio-user devices, for bats files and the demo (source it).
# Owns: one guest, all of whose files (console log, FIFOs, QEMU's log) lie in $GUEST_DIR,
# which the caller names. Every wait is bounded, and says so when QEMU or the guest died.
# Refuses: to outlive its starter. QEMU is killed with the process that ran guest_start,
# so call that as a plain command: in $(...) or under bats' "run" it dies at once.
#
#   GUEST_DIR=/some/folder
#   guest_prepare gpio-pci-idio-16     # fetch QEMU and kernel, pack these modules
#   guest_start SOCKET...              # [-a] [-p] [-l LINE] [-x 'ARGUMENTS']...
#   guest_wait_boot
#   guest_run 'load gpio-pci-idio-16'  # prints the output, returns the status
#   guest_stop
#
# GUEST_TIMEOUT (120 s) bounds a command and a boot, GUEST_KERNEL (bookworm) names the
# kernel, GUEST_MEM (512M) the memory, GUEST_APPEND goes to the kernel's command line.

# Returns name their status: a bare one, run from a trap, takes that of before the trap.
_guest_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
_guest_line= # what _guest_next read

# Set GUEST_QEMU, GUEST_KERNEL_DIR, GUEST_INITRD: what guest_start boots.
guest_prepare() { # [MODULE | PATH.ko | PROGRAM]...: see mkinitramfs.sh
	mkdir -p "$GUEST_DIR" || return 1
	GUEST_QEMU=$("$_guest_here/fetch-qemu.sh") || return 1
	GUEST_KERNEL_DIR=$("$_guest_here/fetch-kernel.sh" "${GUEST_KERNEL:-bookworm}") || return 1
	GUEST_INITRD=$GUEST_DIR/initrd
	export GUEST_DIR GUEST_QEMU GUEST_KERNEL_DIR GUEST_INITRD
	"$_guest_here/mkinitramfs.sh" "$GUEST_KERNEL_DIR" "$GUEST_INITRD" "$@"
}

# -a  anonymous guest RAM, which the device cannot map (DMA goes by messages)
# -p  each device behind a PCIe root port of its own (bus reset, hotplug)
# -l  a command line in place of machine, memory and sockets: what musctl tells a user to type
# -x  more arguments for QEMU, split at blanks
guest_start() { # [-a] [-p] [-l LINE] [-x ARGUMENTS]... SOCKET...
	local OPTIND=1 option ram=memfd ports='' line='' socket nr=0
	local -a extra=() words args=()
	while getopts apl:x: option; do
		case $option in
		a) ram=ram ;;
		p) ports=1 ;;
		l) line=$OPTARG ;;
		x) read -ra words <<<"$OPTARG" && extra+=("${words[@]}") ;;
		*) return 2 ;;
		esac
	done
	shift $((OPTIND - 1))
	_guest_machine "$ram"
	[[ -z $line ]] || eval "args=($line)"
	_guest_boot
	for socket in "$@"; do
		_guest_device "$socket" $((nr++)) "$ports"
	done
	_guest_launch "${args[@]}" "${extra[@]}"
}

_guest_machine() { # memfd|ram: sets args
	local mem=${GUEST_MEM:-512M} share=
	[[ $1 == ram ]] || share=,share=on
	args=(-machine "q35,memory-backend=mem" -m "$mem"
		-object "memory-backend-$1,id=mem,size=$mem$share")
}

# On a busy host the kernel would think that the timer is broken.
_guest_boot() { # appends to args
	local kernel=$GUEST_KERNEL_DIR/vmlinux
	[[ -r $kernel ]] || kernel=$GUEST_KERNEL_DIR/vmlinuz
	args+=(-accel tcg -nodefaults -display none
		-kernel "$kernel" -initrd "$GUEST_INITRD"
		-append "console=ttyS0 no_timer_check${GUEST_APPEND:+ $GUEST_APPEND}"
		-chardev "file,id=console,path=$GUEST_DIR/console" -serial chardev:console
		-chardev "pipe,id=command,path=$GUEST_DIR/command" -serial chardev:command
		-qmp "pipe:$GUEST_DIR/qmp")
}

_guest_device() { # SOCKET NR PORTS: appends to args
	local bus=
	if [[ -n $3 ]]; then
		# Linux 6.1 gives up on a bus reset of a faster port.
		args+=(-device "pcie-root-port,id=port$2,chassis=$(($2 + 1)),x-speed=2_5")
		bus=",\"bus\":\"port$2\""
	fi
	args+=(-device "{\"driver\":\"vfio-user-pci\",\"id\":\"device$2\"$bus,$(
	)\"socket\":{\"type\":\"unix\",\"path\":\"$1\"}}")
}

# bats waits for whoever holds its descriptor 3, so QEMU gets the standard three only.
_guest_launch() { # QEMU-ARGUMENT...
	local fifo fd
	for fifo in command.in command.out qmp.in qmp.out; do
		rm -f "$GUEST_DIR/$fifo"
		mkfifo -m 600 "$GUEST_DIR/$fifo" || return 1
	done
	: >"$GUEST_DIR/console"
	printf '%q ' "$GUEST_QEMU" "$@" >"$GUEST_DIR/cmdline"
	(
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			((fd < 3)) || eval "exec $fd>&-"
		done
		exec setpriv --pdeathsig KILL "$GUEST_QEMU" "$@"
	) </dev/null >"$GUEST_DIR/qemu.log" 2>&1 &
	disown # or bash reports its end in the middle of the output
	echo $! "$(_guest_stat $! | cut -d ' ' -f 2)" >"$GUEST_DIR/pid"
	# The greeting comes before the devices are made, an answer only after that.
	_guest_await qmp '{"QMP":' && guest_qmp '{"execute":"query-status"}' >/dev/null
}

# For what happens on the host: until COMMAND succeeds, a minute at least.
eventually() { # COMMAND...
	local tries
	for ((tries = 0; tries < 1200; tries++)); do
		"$@" && return
		sleep 0.05
	done
	return 1
}

# State and start time of a process, which tell it from a zombie and from a later process
# of the same number.
_guest_stat() { # PID
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	read -ra stat <<<"${stat##*) }"
	printf '%s %s\n' "${stat[0]}" "${stat[19]}"
}

_guest_alive() {
	local pid since state now
	read -r pid since 2>/dev/null <"$GUEST_DIR/pid" || return 1
	read -r state now < <(_guest_stat "$pid") || return 1
	[[ $state != [ZX] && $now == "$since" ]]
}

_guest_fail() { # MESSAGE
	printf 'guest: %s\n' "$*" >&2
	return 1
}

_guest_gone() {
	_guest_fail "QEMU is gone: $(tail -n 1 "$GUEST_DIR/qemu.log")"
}

# Read one line, within the time; a guest that cannot answer any more ends the wait.
_guest_next() { # FD DEADLINE: sets _guest_line
	local part
	_guest_line=
	until IFS= read -r -t 1 -u "$1" part; do
		_guest_line+=$part
		_guest_alive || _guest_gone || return 1
		! grep -q 'Kernel panic' "$GUEST_DIR/console" ||
			_guest_fail "$(grep -m 1 'Kernel panic' "$GUEST_DIR/console")" || return 1
		((SECONDS < $2)) ||
			_guest_fail "no answer in time; console: $(tail -n 1 "$GUEST_DIR/console")" || return 1
	done
	_guest_line+=$part
}

_guest_deadline() {
	echo $((SECONDS + ${GUEST_TIMEOUT:-120} + ${1:-0}))
}

# Skip what comes from CHANNEL up to a line that begins with PREFIX.
_guest_await() { # command|qmp PREFIX
	local out deadline status=0
	deadline=$(_guest_deadline)
	exec {out}<>"$GUEST_DIR/$1.out" || return 1
	_guest_line=
	until [[ $_guest_line == "$2"* ]]; do
		_guest_next "$out" "$deadline" || { status=1 && break; }
	done
	exec {out}>&-
	return "$status"
}

_guest_write() { # command|qmp LINE
	_guest_alive || _guest_gone || return 1
	printf '%s\n' "$2" 1<>"$GUEST_DIR/$1.in"
}

guest_wait_boot() {
	_guest_await command '@ready '
}

# Commands end by themselves in the guest (status 137) before the host stops waiting.
_guest_send() { # ID SCRIPT
	local script
	script=$(base64 -w 0 <<<"$2")
	((${#script} < 32768)) || _guest_fail "the script is longer than 24 KiB" || return 1
	_guest_write command "$1 ${GUEST_TIMEOUT:-120} $script"
}

guest_run() { # SCRIPT: run by busybox sh in the guest
	local id=$RANDOM$RANDOM out status=0
	local -
	set +T # the DEBUG trap of bats makes each line of output cost 2 ms
	_guest_send "$id" "$1" || return 1
	exec {out}<>"$GUEST_DIR/command.out" || return 1
	_guest_output "$out" "$id" "$(_guest_deadline 5)" || status=$?
	exec {out}>&-
	return "$status"
}

_guest_answer() { # FD DEADLINE: the next line of a command's, not of the next boot
	_guest_next "$1" "$2" || return 1
	[[ $_guest_line != "@ready "*-*-*-*-* ]] || _guest_fail "the guest has rebooted"
}

# The guest adds a newline before its end mark: the last one is not the command's.
_guest_output() { # FD ID DEADLINE
	local newline=
	until [[ $_guest_line == "@begin $2" ]]; do
		_guest_answer "$1" "$3" || return 1
	done
	while _guest_answer "$1" "$3" || return 1; do
		[[ $_guest_line != "@end $2 "* ]] || return "${_guest_line##* }"
		printf '%s%s' "$newline" "$_guest_line"
		newline=$'\n'
	done
}

guest_reboot() {
	_guest_send reboot 'reboot -f' && guest_wait_boot
}

guest_crash() { # a panic: what follows says its kernel.panic
	_guest_send crash 'echo c >/proc/sysrq-trigger'
}

# Negotiating again is an error that nobody reads; it saves remembering.
guest_qmp() { # '{"execute":...}': prints the reply; an error reply is a failure
	local id=$RANDOM$RANDOM
	_guest_write qmp '{"execute":"qmp_capabilities"}' || return 1
	_guest_write qmp "{\"id\":\"$id\",${1#\{}" || return 1
	until [[ $_guest_line == *"\"id\": \"$id\""* ]]; do
		_guest_await qmp '{' || return 1
	done
	printf '%s\n' "$_guest_line"
	[[ $_guest_line != *'"error": {'* ]]
}

guest_console() {
	cat "$GUEST_DIR/console"
}

# Fail on anything the kernel printed that a healthy driver does not make it print.
guest_check_dmesg() {
	! grep -E 'WARNING: |BUG: |Oops|nobody cared|Call Trace|general protection|blocked for more|'"$(
		)"'detected stalls|soft lockup|inconsistent lock state|possible.* deadlock' \
		"$GUEST_DIR/console" >&2
}

guest_stop() {
	local pid tries
	[[ -r $GUEST_DIR/pid ]] || return 0
	read -r pid _ <"$GUEST_DIR/pid"
	for ((tries = 0; tries < 60; tries++)); do
		_guest_alive || break
		((tries % 50)) || kill "-$( ((tries)) && echo KILL || echo TERM)" "$pid" || break
		sleep 0.1
	done
	rm -f "$GUEST_DIR"/{pid,command.in,command.out,qmp.in,qmp.out}
}
