# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Hostile clients and servers of two tenants, killed at random moments, with failing allocations and
# copies, beside a third tenant, the victim: run by kmod.sh -n, best on kdebug. HOSTILE_SECONDS and
# SEED come from the environment.
# Owns: that the kernel is well afterwards, as kmod.sh's reading of its log says, and kmemleak;
# that all that is to be reached was reached, and failures did strike; that the victim saw no error,
# and waited for nothing for a second longer than programs that know of no device.
# Refuses to say what a hostile client or server should see.

# shellcheck source-path=SCRIPTDIR source=../tap.sh
. /files/tap.sh

HOSTILE_SECONDS=${HOSTILE_SECONDS:-60}
SEED=${SEED:-1}
seeds=$SEED
PACE=${PACE:-6} # an emulated kernel that is checked at every step takes so much longer
export REACH=/tmp/reach VFIO_PATIENCE=$((PACE * 2000))
debug=/sys/kernel/debug
FAULTS='failslab fail_page_alloc fail_usercopy'
MANY=1000000000
FILES=/tmp/files
VICTIM=$(uuid_nr 3)

next_seed() {
	seeds=$(((seeds * 1103515245 + 12345) % 2147483648))
}

# ---- failures ----------------------------------------------------------------------------

fault() { # FAULT NAME VALUE
	[ ! -e "$debug/$1/$2" ] || echo "$3" >"$debug/$1/$2"
}

# By order (fail-nth) wherever a hostile thread is; by chance below muser.ko's functions, in workers,
# too. Also what may sleep, which is spared else.
faults() {
	mount -t debugfs debugfs $debug 2>/dev/null
	for fault in $FAULTS; do
		fault "$fault" probability 0
		fault "$fault" verbose 0
		fault "$fault" times $MANY
		fault "$fault" ignore-gfp-wait N
		fault "$fault" min-order 0
	done
}

# All of the kernel's take seconds to read where it is emulated.
symbols() {
	grep '\[muser\]' /proc/kallsyms | sort >/tmp/symbols
	grep -q . /tmp/symbols
}

# Where a function of the module begins, or where the next one does.
address_of() { # FUNCTION [next]
	awk -v name="$1" -v next_one="$2" '
		found && $1 != at { if (next_one) print "0x" $1; exit }
		$3 == name { at = $1; found = 1; if (!next_one) { print "0x" at; exit } }' /tmp/symbols
}

faults_below() { # FUNCTION PER-CENT
	for fault in $FAULTS; do
		fault "$fault" require-start "$(address_of "$1")"
		fault "$fault" require-end "$(address_of "$1" next)"
		fault "$fault" probability "$2"
	done
}

# What fails by chance fails those who are marked, and whom they start.
mark() { # PID
	[ ! -w "/proc/$1/make-it-fail" ] || echo 1 >"/proc/$1/make-it-fail"
}

# The kernel's threads that work for hostile tenants. Those of the victim have its minor number; what
# it has others do is done before: the handshake.
mark_workers() { # END
	minor=$((0x$(stat -c %T "/dev/muser/$VICTIM")))
	while goes_on "$1"; do
		for pid in /proc/[0-9]*; do
			read -r comm 2>/dev/null <"$pid/comm" || continue
			case $comm in
			muser_*/$minor) ;;
			muser_* | kworker/*) mark "${pid#/proc/}" ;;
			esac
		done
		sleep 2
	done
}

# /proc/modules: name, size, users, by whom, state, address. But VFIO of 6.1 warns when it cannot
# register a device.
faults_in_module() { # PER-CENT
	while read -r name size _ _ _ base _; do
		[ "$name" = muser ] || continue
		for fault in $FAULTS; do
			fault "$fault" task-filter Y
			fault "$fault" reject-start "$(address_of mdev_probe)"
			fault "$fault" reject-end "$(address_of mdev_probe next)"
			fault "$fault" require-start "$base"
			fault "$fault" require-end "$(printf '0x%x' $((base + size)))"
			fault "$fault" probability "$1"
		done
	done </proc/modules
}

faults_off() {
	for fault in $FAULTS; do
		fault "$fault" probability 0
	done
}

# One kind of failure has struck so often that none is by chance, where the kernel has it.
struck() { # FAULT
	[ -e "$debug/$1/times" ] || return 0
	struck_times=$((MANY - $(cat "$debug/$1/times")))
	echo "# $1: $struck_times"
	[ $struck_times -gt 0 ]
}

# Often enough to fail at every place.
create_failing() { # FUNCTION PER-CENT
	created=0
	faults_below "$1" "$2"
	for try in $(seq 1 20); do
		uuid_nr 9 >"$MDEV_TYPE/create"
		[ ! -c "/dev/muser/$(uuid_nr 9)" ] || created=$((created + 1))
		[ ! -e "/sys/bus/mdev/devices/$(uuid_nr 9)" ] || mdev_remove "$(uuid_nr 9)"
	done
	faults_off
	echo "# $1: created $created of $try times"
	[ $created -lt "$try" ]
}

# ---- how long ----------------------------------------------------------------------------

not_reached() {
	raw_server -c | grep ' 0 of '
}

# A machine that is busy gets less done in its time: until all was reached, then, or half an hour later.
goes_on() { # END
	now=$(date +%s)
	[ "$now" -lt "$1" ] || { [ "$now" -lt $(($1 + 1800)) ] && [ -n "$(not_reached)" ]; }
}

# ---- struggles ---------------------------------------------------------------------------

# A process of its own, which ends by itself or is killed: sooner or later.
mortal() { # SECONDS COMMAND...
	mortal_for=$1
	shift
	timeout -s KILL "$mortal_for" "$@" >/dev/null 2>&1 &
}

# The first server of a device says what it is for all that come: a good one, mostly.
settle() { # UUID
	[ $((seeds / 32768 % 4)) = 0 ] && return
	raw_server "$1" >/dev/null 2>&1 &
	settler=$!
	(TAP_SECONDS=20 && until_true is_attribute "$1" state ready) 2>/dev/null
	kill -9 $settler
	wait $settler
}

rebirth() { # UUID
	mdev_remove "$1"
	mdev_create "$1" 2>/dev/null || return
	behave "$1"
	settle "$1"
}

behave() { # UUID: as who waits for servers, or does not, and trusts them, or does not
	[ $((seeds / 2048 % 4)) = 0 ] || set_attribute "$1" direct 1
	[ $((seeds / 1024 % 2)) = 0 ] || echo wait >"/sys/bus/mdev/devices/$1/policy"
	echo $((PACE * 1000)) >"/sys/bus/mdev/devices/$1/timeout_ms"
}

# A server, some well-behaved.
new_server() { # UUID
	next_seed
	kind=$((seeds / 8 % 5))
	# shellcheck disable=SC2046 # no word or some
	mortal $((PACE * (2 + seeds / 64 % 5))) raw_server "$1" -t $((1 + seeds / 4096 % 2)) \
		$([ $kind = 0 ] || echo "-s $seeds") $([ $kind -lt 2 ] || echo -x) \
		$([ $kind != 3 ] || echo -r)
	server=$!
}

new_client() { # UUID
	next_seed
	export VFIO_TYPE=$((1 + seeds / 2048 % 4))
	mortal $((PACE * (2 + seeds / 64 % 5))) vfio_client "$1" \
		hostile $((PACE * (1 + seeds / 512 % 4))) $seeds
}

# A file of FUSE, whose pages come late or never, for as long as its daemon lives: not so long that
# the kernel takes who waits for hung.
slow_file() { # PATH SEED END
	seeds=$2
	: >"$1"
	while goes_on "$3"; do
		next_seed
		timeout -s KILL $((PACE + seeds / 64 % PACE)) fuse_file "$1" 0x80000 $seeds
		umount -l "$1"
	done
}

# One server and some clients after the other on an mdev, which now and then is another one.
struggle() { # UUID SEED END
	export HOSTILE_FUSE=/tmp/slow.$2 HOSTILE_OVERLAY=$FILES/top/memory.$2
	slow_file "$HOSTILE_FUSE" "$2" "$3" >/dev/null 2>&1 &
	seeds=$2
	while goes_on "$3"; do
		new_server "$1"
		new_client "$1"
		wait $!
		[ $((seeds / 4096 % 2)) = 0 ] || { new_client "$1" && wait $!; }
		[ $((seeds / 8192 % 3)) = 0 ] || wait $server
		next_seed
		[ $((seeds / 8192 % 6)) != 0 ] || rebirth "$1"
	done
	wait
}

prepare() {
	for nr in 1 2; do
		next_seed
		behave "$(uuid_nr $nr)"
		settle "$(uuid_nr $nr)"
	done
	faults_in_module 1
}

attackers() { # END
	mark_workers "$1" &
	mark self
	for nr in 1 2; do
		struggle "$(uuid_nr $nr)" $((SEED + nr)) "$1" &
	done
	wait
}

# ---- the victim --------------------------------------------------------------------------

victim() { # SECONDS: says what vfio_client does, in a file
	vfio_client "$VICTIM" victim "$1" >/tmp/victim.out 2>/tmp/victim.err
}

no_error() {
	cat /tmp/victim.err
	return "$victim"
}

# A second, beside what the machine had anybody wait for at the same time: emulated and checked at
# every step, that may be more than one.
not_stalled() {
	cat /tmp/victim.out
	longest=$(sed -n 's/^longest_ms=\([0-9]*\) .*/\1/p' /tmp/victim.out)
	beside=$(sed -n 's/.* bystanders_ms=\([0-9]*\) .*/\1/p' /tmp/victim.out)
	[ -n "$longest" ] && [ "$longest" -le $((1000 + beside)) ]
}

attack() { # END
	attackers "$1" &
	attackers=$!
	victim $(($1 - $(date +%s)))
	victim=$?
	wait $attackers
}

# Handshakes, and for what reasons servers were refused.
trace_states() { # 0|1
	[ -d $debug/tracing ] || return 0
	echo 20000 >$debug/tracing/buffer_size_kb
	echo "$1" >$debug/tracing/events/muser/muser_state/enable
}

states() {
	sed -n 's/.* state \([0-9]*\) why \(-*[0-9]*\).*/state \1 (\2)/p' $debug/tracing/trace |
		sort | uniq -c | sed 's/^/# /'
}

# What seems lost is looked at again: a reader may have had it in a register.
no_leak() {
	leaks=$debug/kmemleak
	test -e $leaks || return 0
	for try in 1 2 3; do
		echo scan >$leaks || return # it has given up, then
		sleep 6
		grep -q muser $leaks || return 0
	done
	echo "try $try:"
	cat $leaks
	return 1
}

ok 'the module is there' load muser
ok 'with the IOMMU that needs no hardware' load "$IOMMU"
ok 'huge pages' sh -c 'echo 24 >/proc/sys/vm/nr_hugepages'
ok 'FUSE' sh -c '[ -c /dev/fuse ] || load fuse'
mkdir -p $FILES
ok 'a tmpfs' mount -t tmpfs tmpfs $FILES
mkdir $FILES/lower $FILES/upper $FILES/work $FILES/top
ok 'overlayfs is there' load overlay
ok 'on it' mount -t overlay overlay $FILES/top \
	-o lowerdir=$FILES/lower,upperdir=$FILES/upper,workdir=$FILES/work
# With DEBUG_VM, 6.1 prints a trace for VFIO pinning memory of userfaultfd: as often as this allows.
ok 'no such fault is to be traced' sh -c 'echo 0 >/proc/sys/kernel/printk_ratelimit_burst'
faults
ok 'the module has functions' symbols
ok 'creation fails in parts' create_failing muser_new 15
grep '^#' /tmp/tap.out
ok 'creation fails at its end' create_failing muser_node_add 3
grep '^#' /tmp/tap.out
for nr in 1 2; do
	ok "mdev $nr" mdev_create "$(uuid_nr $nr)"
done
ok 'the mdev of the victim' mdev_create "$VICTIM"
ok 'its server' serve "$VICTIM" -x -t 2
honest=$server
trace_states 1
ok 'the hostile ones settle' prepare
ok "they struggle for $HOSTILE_SECONDS s and more, seed $SEED" attack $(($(date +%s) + HOSTILE_SECONDS))
faults_off
trace_states 0
ok 'the victim has seen no error' no_error
ok 'and no operation of its took a second longer than anybody else'"'"'s' not_stalled
sed 's/^/# /' /tmp/victim.out
raw_server -c | sed 's/^/# /'
states
ok 'nothing was left out' test -z "$(not_reached)"
for fault in $FAULTS; do
	ok "$fault has struck" struck "$fault"
	cat /tmp/tap.out
done
# Whatever the last ones have made of them: new ones.
for nr in 1 2; do
	ok "mdev $nr goes" mdev_remove "$(uuid_nr $nr)"
done
server=$honest
stop_server
ok 'that of the victim goes' mdev_remove "$VICTIM"
ok 'a device' mdev_create "$(uuid_nr 1)"
ok 'a good server comes' serve "$(uuid_nr 1)"
is 'and a good client' 'pci reset regions=9 irqs=5' vfio_client "$(uuid_nr 1)" info
ok 'who work' vfio_client "$(uuid_nr 1)" load 4 2000 bar0 0
is 'nothing is pinned' 0 attribute "$(uuid_nr 1)" pinned_pages
stop_server
ok 'the device goes' mdev_remove "$(uuid_nr 1)"
ok 'nothing has leaked' no_leak
ok 'the module goes' rmmod muser
ok 'and still nothing has leaked' no_leak
tap_end
