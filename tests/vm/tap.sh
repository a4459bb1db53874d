# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Tests inside the VM of kmod.sh (busybox sh; source it): they print TAP.
# Owns: counting, mdevs by UUID, servers in the background.
# Refuses: to go on for ever: each step has a time (TAP_SECONDS, 60).
#
#   ok 'what it shows' COMMAND...          the command succeeds
#   is 'what it shows' WANTED COMMAND...   it succeeds and prints this
#   tap_end                                the plan; the status says whether all passed

trap '' PIPE # of a client that is gone
tap_nr=0
tap_failed=0
TAP_SECONDS=${TAP_SECONDS:-60}
MDEV_PARENT=/sys/class/muser/muser
MDEV_TYPE=$MDEV_PARENT/mdev_supported_types/muser-1

tap_result() { # STATUS DESCRIPTION
	tap_nr=$((tap_nr + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_nr - $2"
		return
	fi
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_nr - $2"
	sed 's/^/# /' /tmp/tap.out
}

# What is the shell's own runs here, programs under a time limit.
tap_run() { # COMMAND...
	case $(type "$1") in
	*function* | *builtin*) "$@" ;;
	*) timeout -s KILL "$TAP_SECONDS" "$@" ;;
	esac >/tmp/tap.out 2>&1 </dev/null
}

ok() { # DESCRIPTION COMMAND...
	tap_what=$1
	shift
	tap_run "$@"
	tap_result $? "$tap_what"
}

is() { # DESCRIPTION WANTED COMMAND...
	tap_what=$1 tap_wanted=$2
	shift 2
	tap_run "$@"
	tap_status=$?
	if [ $tap_status = 0 ] && [ "$(cat /tmp/tap.out)" != "$tap_wanted" ]; then
		tap_status=1
		echo "wanted: $tap_wanted" >>/tmp/tap.out
	fi
	tap_result $tap_status "$tap_what"
}

tap_end() {
	echo "1..$tap_nr"
	[ $tap_failed = 0 ]
}

# Wait for a condition, a shell command.
until_true() { # COMMAND...
	read -r tap_now _ </proc/uptime
	tap_end=$((${tap_now%.*} + TAP_SECONDS))
	while [ "${tap_now%.*}" -le $tap_end ]; do
		"$@" >/dev/null 2>&1 && return
		usleep 50000
		read -r tap_now _ </proc/uptime
	done
	echo "not within $TAP_SECONDS s: $*" >&2
	return 1
}

uuid_nr() { # NUMBER: a UUID
	printf '00000000-0000-4000-8000-%012x\n' "$1"
}

# Where a step may take longer than usual, so may an answer.
mdev_create() { # UUID
	echo "$1" >$MDEV_TYPE/create || return
	until_true test -c "/dev/muser/$1" || return
	[ "$TAP_SECONDS" -le 60 ] || set_attribute "$1" timeout_ms $((TAP_SECONDS * 1000))
}

mdev_remove() { # UUID
	echo 1 >"/sys/bus/mdev/devices/$1/remove"
}

attribute() { # UUID NAME: of the mdev, as muser.ko shows it
	cat "/sys/bus/mdev/devices/$1/$2"
}

set_attribute() { # UUID NAME VALUE
	echo "$3" >"/sys/bus/mdev/devices/$1/$2"
}

is_attribute() { # UUID NAME VALUE
	[ "$(attribute "$1" "$2")" = "$3" ]
}

# Leaves its process in "server"; the handshake is over when this returns.
serve() { # UUID [RAW-SERVER-OPTION]...
	raw_server "$@" >/tmp/server.log 2>&1 5>&- 6<&- & # nor holds the client's commands open
	server=$!
	until_true is_attribute "$1" state ready
}

stop_server() {
	kill -9 "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	true
}

# A client that stays, vfio_client or $CLIENT: "c COMMAND..." is one of vfio_client's, its status
# that of the command; c_send and c_answer do one half each.
client_start() { # UUID
	rm -f /tmp/client.in /tmp/client.out
	mkfifo /tmp/client.in /tmp/client.out
	"${CLIENT:-vfio_client}" "$1" - </tmp/client.in >/tmp/client.out 2>/tmp/client.err &
	client=$!
	exec 5>/tmp/client.in 6</tmp/client.out
	c say hello
}

c_send() { # COMMAND...
	echo "$*" >&5
}

c_answer() {
	# shellcheck disable=SC3045 # busybox has -t
	while read -r -t "$TAP_SECONDS" tap_line <&6; do
		case $tap_line in
		ok) return 0 ;;
		'error '*) echo "$tap_line" && tail -n 1 /tmp/client.err && return 1 ;;
		*) echo "$tap_line" ;;
		esac
	done
	echo "the client is gone or hangs" && cat /tmp/client.err
	return 1
}

c() { # COMMAND...
	c_send "$@" && c_answer
}

client_stop() {
	exec 5>&- 6<&-
	wait "$client"
}

# A command of raw_server: write its word, and its result is 0.
command_of() { # OFFSET VALUE
	c write bar0 "$1" 8 "$2" || return
	result=$(c read bar0 0xf38 8)
	[ "$result" = 0x0000000000000000 ] && return
	echo "result: $result"
	return 1
}

# The same, and its result is this errno.
dma_fails() { # ERRNO OPERATION IOVA SIZE SEED
	dma_wanted="result: 0x$(printf '%016x' "$1")"
	shift
	dma_result=$(dma "$@") && echo "no error" && return 1
	[ "$dma_result" = "$dma_wanted" ] || { echo "$dma_result" && return 1; }
}

dma() { # OPERATION IOVA SIZE SEED
	c write bar0 0xf08 8 "$2" && c write bar0 0xf10 8 "$3" && c write bar0 0xf18 8 "$4" &&
		command_of 0xf20 "$1"
}
# shellcheck disable=SC2034 # for those who source this
PIN=1 PIN_READ=2 UNPIN=3 MAP_FILL=4 MAP_CHECK=5 COPY_FILL=6 COPY_CHECK=7 PIN_FILE=8 SPLICE=10 PIN_EACH=11 \
	OFFER=12 SPLICE_BAR=13 REGISTER=14 UNPIN_EACH=15 PIN_UNPIN=16

# QEMU with a device, driven by qtest: no guest runs, the VFIO side is all real. Prints the answers
# to words of qtest, in a line. QEMU itself does not end when they do, and says nothing else than
# QTEST_SAYS.
qtest() { # UUID WORDS: lines for stdin [,PROPERTY=VALUE... of vfio-pci [QEMU-OPTION]...]
	qtest_device="vfio-pci,sysfsdev=/sys/bus/mdev/devices/$1,addr=5${3-}"
	qtest_words=$2
	shift $(($# < 3 ? $# : 3))
	rm -f /tmp/qtest
	mkfifo /tmp/qtest
	qemu-system-x86_64 -M pc -m 64M -accel tcg -S -nodefaults -display none -qtest stdio \
		-qtest-log none "$@" -device "$qtest_device" </tmp/qtest >/tmp/answers 2>/tmp/qemu.err &
	qemu=$!
	exec 7>/tmp/qtest
	printf '%b' "$qtest_words" >&7
	until_true qtest_answered "$(printf '%b' "$qtest_words" | wc -l)" $qemu
	exec 7>&-
	kill $qemu
	wait $qemu
	sed 's/^OK *//' /tmp/answers | xargs
	! grep -v "${QTEST_SAYS:-^\$}" /tmp/qemu.err
}

qtest_answered() { # LINES PID: so many, or QEMU has ended
	[ "$(grep -c ^OK /tmp/answers)" -ge "$1" ] || ! kill -0 "$2"
}

# Words that choose a register of configuration space.
CONFIG() { # OFFSET
	printf 'outl 0xcf8 0x%x\\n' $((0x80002800 + $1))
}
