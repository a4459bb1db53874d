# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# muser.ko as a part of a system: Debian's udev, users who are not root, suspend. Run by system.sh,
# on one kernel.
# Owns: who may do what, and what he is told who may not; that it is done whole or not at all.
# Refuses to know how devices work: one user has one, another one is its client.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

A=$(uuid_nr 1)
B=$(uuid_nr 2)
C=$(uuid_nr 3)
D=$(uuid_nr 4)
ADDR=0x00 LEN=0x08 SEED=0x10 GO=0x18 RESULT=0x20 # prober.c
FILL=1 COPY_FILL=3

# Alice has devices, Bob runs clients, Carol does both; Dave does nothing.
system_files() {
	chmod 755 /
	mkdir -p /etc/udev/rules.d /usr/lib/udev /run
	ln -s /udev-*/*/usr/lib/udev/rules.d /usr/lib/udev/
	cp /files/60-muser.rules /etc/udev/rules.d/
	echo 'SUBSYSTEM=="vfio", GROUP="kvm", MODE="0660"' >/etc/udev/rules.d/70-vfio.rules
	printf '%s:x:%d:%d::/:/bin/sh\n' root 0 0 alice 1001 1001 bob 1002 1002 carol 1003 1003 \
		dave 1004 1004 >/etc/passwd
	printf '%s:x:%d:%s\n' root 0 '' tty 5 '' disk 6 '' lp 7 '' kmem 15 '' dialout 20 '' \
		cdrom 24 '' tape 26 '' audio 29 '' video 44 '' input 101 '' sgx 102 '' render 103 '' \
		kvm 104 bob,carol muser 105 alice,carol alice 1001 '' bob 1002 '' carol 1003 '' \
		dave 1004 '' >/etc/group
}

as() { # USER COMMAND...
	as_user=$1
	shift
	timeout -s KILL "$TAP_SECONDS" su -s /bin/sh "$as_user" -c "$*"
}

# It fails so, and says so in one line.
refused() { # USER STATUS PATTERN COMMAND...
	refused_user=$1 refused_want=$2 refused_line=$3
	shift 3
	as "$refused_user" "$@" >/tmp/refused 2>&1
	refused_status=$?
	cat /tmp/refused
	[ $refused_status = "$refused_want" ] && [ "$(wc -l </tmp/refused)" = 1 ] &&
		grep -q "$refused_line" /tmp/refused
}

node() { # PATH: its group and mode
	stat -c '%G %a' "$1"
}

# The doctor's words on a check, for a user.
doctor() { # USER CHECK COLUMN
	as "$1" "musctl doctor -nro CHECK,$3" | sed -n "s/^$2 //p"
}

doctor_says() { # USER CHECK WORDS
	doctor "$1" "$2" STATUS,FOUND,ADVICE | sed 's/\\x20/ /g' >/tmp/doctor
	cat /tmp/doctor
	grep -q "$3" /tmp/doctor
}

is_served() {
	is_attribute "$1" state ready
}

# ---- before udev -----------------------------------------------------------------------------

ok 'a system' system_files
ok 'the module' load muser
ok 'with the IOMMU that needs no hardware' load "$IOMMU"
ok 'an mdev' mdev_create "$A"
is "its node is root's" 'root 600' node "/dev/muser/$A"
ok "the doctor tells a member of the group" doctor_says alice muser-nodes "^warn no permission.*$A"
ok 'and who is none' doctor_says bob muser-nodes '^warn.*not in group.*usermod'
ok 'nobody but root has the IOMMU group' doctor_says bob vfio '^warn no permission for /dev/vfio/0'
ok 'nobody but root makes mdevs' doctor_says alice mdev-types '^warn.*be root'
ok 'the node cannot be served' refused alice 1 'no permission for its node' \
	musctl create -T mdev -u "$A" null
ok 'nor the device opened' refused bob 1 EACCES vfio_client "$A" info

# ---- udev ------------------------------------------------------------------------------------

ok 'udevd' systemd-udevd --daemon
ok 'is told of what was there' udevadm trigger --settle
is 'the node is for the group' 'muser 660' node "/dev/muser/$A"
ok 'another mdev' mdev_create "$B"
ok 'udevd has seen it' udevadm settle
is 'its node, too' 'muser 660' node "/dev/muser/$B"
is 'the container is for all' 'root 666' node /dev/vfio/vfio
is 'the IOMMU group for a group' 'kvm 660' node /dev/vfio/1
is 'the doctor is content with nodes' ok doctor alice muser-nodes STATUS
is 'and types' ok doctor alice mdev-types STATUS
ok 'but she is no client' doctor_says alice vfio '^warn no permission'
is 'he is' ok doctor bob vfio STATUS
ok 'with locked memory that is limited' doctor_says bob memlock '^warn.*: 8192 KiB'
for check in muser.ko mdev mdev-types vfio muser-nodes memlock runtime; do
	is "nothing of $check is missing" ok sh -c "ulimit -l unlimited
		su -s /bin/sh carol -c 'musctl doctor -nro CHECK,STATUS' | sed -n 's/^$check //p'"
done

is_process_of() { # USER PID COMMAND
	[ "$(stat -c %U "/proc/$2")" = "$1" ] && [ "$(cat "/proc/$2/comm")" = "$3" ]
}

# ---- a device and its client -----------------------------------------------------------------

is 'a member of the group serves it' "$A" as alice musctl create -T mdev -u "$A" null
ok 'the kernel has it' is_served "$A"
ok 'with her process' is_process_of alice "$(attribute "$A" server_pid)" musctl
ok 'nobody else does' refused carol 1 'another process serves it' \
	musctl create -T mdev -u "$A" null
ok 'certainly not without the group' refused dave 1 'no permission' \
	musctl create -T mdev -u "$A" null
ok 'which does not become a socket silently' refused dave 1 'no permission' \
	musctl create -u "$A" null
is 'but if that is asked for' "$A" as dave musctl create -T vfio-user -u "$A" null
ok 'and ends' as dave musctl destroy "$A"
ok 'without any effect on hers' is_served "$A"
is 'a client of another user' 'pci reset regions=9 irqs=5' as bob vfio_client "$A" info
ok 'not of any' refused alice 1 EACCES vfio_client "$A" info
is 'she lists it' 'null mdev waiting' as alice "musctl list -nro UUID,TYPE,TRANSPORT,STATE |
	sed -n 's/^$A //p'"
is 'he lists it, too' 'mdev served' as bob "musctl list -nro UUID,TRANSPORT,STATE |
	sed -n 's/^$A //p'"
ok 'shows what the kernel says' as bob "musctl show $A | grep 'Server  *ready'"
ok 'but does not reach it' refused bob 1 'served by process [0-9]*, of another user' musctl peek "$A" bar0+0.4
ok 'nor traces it' refused bob 1 'served by process [0-9]*, of another user' musctl trace "$A"
ok 'nor fires interrupts' refused bob 1 'served by process [0-9]*, of another user' musctl irq fire "$A" 0
ok 'nor destroys it' refused bob 1 'served by process [0-9]*, of another user' musctl destroy "$A"
ok 'nor by force' refused bob 1 'no permission to remove' musctl destroy --force "$A"
ok 'which leaves all as it was' is_served "$A"
CLIENT=/tmp/client
client_limit() { # KIB
	# shellcheck disable=SC2016 # the script's own
	printf '#!/bin/sh\nulimit -l %s\nexec su -s /bin/sh bob -c "vfio_client $*"\n' "$1" >$CLIENT
	chmod 755 $CLIENT
}
client_limit 64
ok 'a client that stays' client_start "$A"
ok 'takes interrupts' c set msix eventfd trigger 0 4 new new new new
is 'she fires one' delivered as alice musctl irq fire "$A" msix:1
is 'which arrives' 1 c wait msix 1
(as alice "musctl trace --noheadings -l 1 -o KIND,VALUE $A" >/tmp/trace) &
sleep 2
ok 'he writes' c write bar0 8 4 0x55
ok 'she traces' wait $!
is 'it' 'write 0x00000055' xargs -a /tmp/trace
ok 'what she may not remove' refused alice 1 'without --force its process ends' \
	musctl destroy --force "$A"
ok 'stays whole' is_served "$A"
is 'for the client, too' 0x00000055 c read bar0 8 4
ok 'what is hers ends' as alice musctl destroy "$A"
ok 'and the mdev stays' is_attribute "$A" state no-server
ok 'the client goes' client_stop
ok 'she makes no mdev' refused alice 1 'be root' musctl create -T mdev null
ok 'nor one of a UUID' refused alice 1 'be root' musctl create -T mdev -u "$(uuid_nr 9)" null
ok "she does not remove root's" refused alice 1 'root may remove it' musctl destroy "$B"
is 'nor any' "$A $B" sh -c 'ls /sys/bus/mdev/devices | xargs'
is 'nothing of it is left in her folder' '' as alice ls -A /tmp/muser-1001
ok "root's device" musctl create -u "$C" null
ok "is not hers" refused alice 1 'served by process [0-9]*, of another user' musctl destroy "$C"
ok 'and goes' musctl destroy "$C"

# ---- locked memory ---------------------------------------------------------------------------

prober_start() {
	MUSER_UUID=$B MUSER_TRANSPORT=mdev su -s /bin/sh alice -c prober \
		>/tmp/server.log 2>&1 5>&- 6<&- &
	until_true is_served "$B" || { cat /tmp/server.log && return 1; }
}

does() { # OPERATION SIZE RESULT
	c write bar0 $ADDR 8 0x100000 && c write bar0 $LEN 8 "$2" && c write bar0 $SEED 8 5 &&
		c write bar0 $GO 8 "$1" && does_result=$(c read bar0 $RESULT 8) || return
	echo "result: $((does_result))"
	[ $((does_result)) = "$3" ]
}

ok 'a device that does DMA' prober_start
ok 'a client that may lock 64 KiB' client_start "$B"
ok 'has more memory' c map 0x100000 0x100000 anon
ok 'a part of it can be pinned' does $FILL 0x8000 0
is 'and is locked memory of its' '32 kB' sh -c \
	"sed -n 's/^VmLck:[^0-9]*//p' /proc/$(pidof vfio_client)/status"
ok 'all of it is too much: EOPNOTSUPP' does $FILL 0x100000 95
ok 'the kernel says why' sh -c 'dmesg | grep "vfio_client.*RLIMIT_MEMLOCK (65536) exceeded"'
ok 'it is copied instead' does $COPY_FILL 0x100000 0
ok 'and arrives' c memcheck 0x100000 0x100000 5
ok 'the client goes' client_stop
client_limit unlimited
ok 'one without a limit' client_start "$B"
ok 'has its memory' c map 0x100000 0x100000 anon
ok 'pinned' does $FILL 0x100000 0
ok 'by the device' c memcheck 0x100000 0x100000 5
ok 'it goes' client_stop
is 'and nothing stays pinned' 0 attribute "$B" pinned_pages
ok 'so does the device' kill "$(pidof prober)"
ok 'indeed' until_true is_attribute "$B" state no-server
unset CLIENT

# ---- suspend ---------------------------------------------------------------------------------

# The kernel suspends as far as LEVEL, waits for a second, and resumes.
suspend_to() { # LEVEL
	echo "$1" >/sys/power/pm_test && echo freeze >/sys/power/state
}

is_stopped() {
	grep -q '^State:.T' "/proc/$server/status"
}

stop() {
	kill -STOP "$server" && until_true is_stopped
}

echo 1 >/sys/module/suspend/parameters/pm_test_delay
ok 'an mdev' mdev_create "$C"
ok 'a server' serve "$C" -x -r -t 2
ok 'a client' client_start "$C"
ok 'has memory' c map 0x100000 0x10000 anon
ok 'pinned' dma $PIN 0x100000 0x10000 0
for level in freezer devices platform; do
	ok 'a server that stops' stop
	ok 'has a request' c_send write bar0 8 4 0x1234
	ok 'outstanding' until_true is_attribute "$C" outstanding 1
	ok "suspend to $level" suspend_to $level
	ok 'the server goes on' kill -CONT "$server"
	ok 'and answers' c_answer
	is 'what it was asked' 0x00001234 c read bar0 8 4
done
ok 'the memory is still there' dma $MAP_FILL 0x100000 0x10000 7
ok 'and shared' c memcheck 0x100000 0x10000 7
ok 'a client waits' sh -c "echo wait >/sys/bus/mdev/devices/$C/policy"
stop_server
ok 'for a server' c_send read bar0 8 4
ok 'while all is suspended' suspend_to devices
ok 'one comes' serve "$C" -x -r
is 'and answers' 0x00001234 c_answer
ok 'the client goes' client_stop
stop_server
go_on() { # UUID: accesses, while all is suspended twice
	vfio_client "$1" load 4 5000 bar0 0 >/tmp/load 2>&1 &
	load=$!
	usleep 500000
	suspend_to devices && suspend_to freezer && wait $load && cat /tmp/load &&
		grep -q ' failed=0 wrong=0$' /tmp/load
}

ok 'a server with two threads' serve "$C" -x -t 2
ok 'loses and mixes up no access' go_on "$C"
stop_server
ok 'a device of libmuser' musctl create -u "$D" null
ok 'neither' go_on "$D"
ok 'and goes' musctl destroy "$D"
is 'no suspend failed' 0 cat /sys/power/suspend_stats/fail
for uuid in "$A" "$B" "$C"; do
	ok 'an mdev goes' mdev_remove "$uuid"
done
ok 'udevd goes' udevadm control --exit
ok 'the module goes' rmmod muser
tap_end
