# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# muser.ko by itself, between vfio_client and raw_server: run by kmod.sh -n.
# Owns: sysfs, regions, interrupts, device memory, DMA, reset, servers that die, unloading.
# Refuses to know libmuser: a mistake here is the module's.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

U=$(uuid_nr 1)
NIL=00000000-0000-0000-0000-000000000000
TRACING=/sys/kernel/tracing
B=0xf00 # the commands of raw_server, in BAR0

fails() { # COMMAND...
	! "$@"
}

is_odd() { # REGION OFFSET
	[ $(($(c read "$1" "$2" 8) % 2)) = 1 ]
}

# ---- sysfs ---------------------------------------------------------------------------------

ok 'it loads' load muser
ok 'so does the IOMMU that needs no hardware' load "$IOMMU"
is 'the parent says what it is' vfio-pci cat $MDEV_TYPE/device_api
ok 'and has a name' grep -q . $MDEV_TYPE/name
ok 'and a description' grep -q . $MDEV_TYPE/description
free=$(cat $MDEV_TYPE/available_instances)
ok 'an mdev is made through sysfs' mdev_create "$U"
ok 'with the nil UUID, too' mdev_create $NIL
is 'there are two less' $((free - 2)) cat $MDEV_TYPE/available_instances
ok 'one that is there is not made again' sh -c "! echo $U >$MDEV_TYPE/create"
ok 'what a server must not do' raw_server -l $NIL
ok 'it goes' mdev_remove $NIL
ok 'and its node with it' sh -c "! test -e /dev/muser/$NIL"
is 'without a server it says so' no-server attribute "$U" state

# ---- server and client ---------------------------------------------------------------------

ok 'a server with a wrong answer is refused' \
	sh -c "raw_server $U -w 2>&1 | grep 'Protocol error'"
ok 'the log says why' \
	sh -c "dmesg | grep '$U: server refused: region 2: mappable size 69632 exceeds its memory of 65536$'"
ok 'a server comes' serve "$U"
ok 'a second one is refused' sh -c "raw_server $U 2>&1 | grep busy"
is 'information' 'pci reset regions=9 irqs=5' vfio_client "$U" info
vfio_client "$U" regions >/tmp/regions
is 'a region that is trapped' '0 size=0x1000 rw-' sed -n 1p /tmp/regions
is 'one that can be mapped in part' '2 size=0x10000 rwm area=0x1000+0xf000' sed -n 3p /tmp/regions
is 'one that is not there' '3 size=0x0 ---' sed -n 4p /tmp/regions
vfio_client "$U" irqs >/tmp/irqs
is 'INTx' '0 count=1 eventfd maskable automasked' sed -n 1p /tmp/irqs
is 'MSI-X' '2 count=4 eventfd noresize' sed -n 3p /tmp/irqs
ok 'what a client must not do' vfio_client "$U" limits

for width in 1 2 4 8; do
	for offset in 0 1 3 7; do
		value=0x$(printf '1122334455667788' | cut -c 1-$((width * 2)))
		is "$width bytes at $offset" "$value" vfio_client "$U" \
			write bar0 $offset $width "$value" , read bar0 $offset $width
	done
done
for count in 3 5 9 100 2048; do
	ok "$count bytes in one access" vfio_client "$U" \
		fill bar0 1 $count 7 , check bar0 1 $count 7
done
ok 'data that the client does not have' vfio_client "$U" \
	! EFAULT badbuffer bar0 0 8 read , ! EFAULT badbuffer bar0 0 8 write
is 'configuration space' 0x52411234 vfio_client "$U" read config 0 4
ok 'reset' vfio_client "$U" reset
is 'reached the server' 0x0000000000000001 vfio_client "$U" read bar0 0xf50 8
ok 'eight threads, and no reply is lost or swapped' vfio_client "$U" load 8 3000 bar0 0
ok 'a client that stays' client_start "$U"
ok 'is the only one' sh -c "! vfio_client $U info"
ok 'the server heard of each that came and went, and of this one' is_odd bar0 0xfb0
ok 'until it goes' client_stop
stop_server
ok 'a server that knows no features' serve "$U" -p
ok 'has a client' vfio_client "$U" info
is 'but does not hear of it' 0x0000000000000000 vfio_client "$U" read bar0 0xfb0 8
stop_server
ok 'a server with MUSER_EXCHANGE' serve "$U" -x
ok 'serves as well' vfio_client "$U" load 8 3000 bar0 0
stop_server
ok 'a server with four threads' serve "$U" -x -t 4
ok 'serves as well' vfio_client "$U" load 8 3000 bar0 0
stop_server
# What it counts comes in order: with one thread alone.
ok 'a server with one' serve "$U" -x

# ---- interrupts ----------------------------------------------------------------------------

ok 'a client that stays' client_start "$U"
ok 'INTx gets an eventfd' c set intx eventfd trigger 0 1 new
ok 'the server fires it' command_of $B 0
is 'it arrives, once' 1 c wait intx 0
ok 'it is taken away' c set intx eventfd trigger 0 1 -1
c write bar0 $B 8 0 >/dev/null
is 'firing says that nobody listens' 0x0000000000000002 c read bar0 0xf38 8
ok 'MSI-X is refused beside INTx' c ! EINVAL set msix eventfd trigger 0 1 new
ok 'INTx is switched off' c set intx none trigger 0 0
ok 'four vectors of MSI-X' c set msix eventfd trigger 0 4 new new new new
ok 'each is its own' command_of $B 0x20002
is 'the third' 1 c wait msix 2
ok 'not the first' c quiet msix 0
ok 'a client triggers by itself: none' c set msix none trigger 1 1
is 'and gets it' 1 c wait msix 1
ok 'by bools' c set msix bool trigger 0 4 1 0 0 1
is 'the first' 1 c wait msix 0
is 'the last' 1 c wait msix 3
ok 'not the second' c quiet msix 1
ok 'one vector alone is taken away' c set msix eventfd trigger 1 1 -1
ok 'the others stay' command_of $B 0x20000
is 'and fire' 1 c wait msix 0
ok 'all are switched off' c set msix none trigger 0 0
c write bar0 $B 8 0x20000 >/dev/null
is 'and none fires' 0x0000000000000002 c read bar0 0xf38 8
ok 'INTx again' c set intx eventfd trigger 0 1 new
ok 'is masked' c set intx none mask 0 1
ok 'and unmasked' c set intx none unmask 0 1
ok 'an interrupt' command_of $B 0
ok 'whose eventfd cannot unmask as well' c ! EINVAL set intx eventfd unmask 0 1 trigger
is 'is not lost on it' 1 c wait intx 0
ok 'an eventfd that unmasks' c set intx eventfd unmask 0 1 new
ok 'is signalled' c eoi intx
ok 'an error interrupt' c set err eventfd trigger 0 1 new
ok 'a request to let go' c set req eventfd trigger 0 1 new

# ---- what the client takes back -------------------------------------------------------------

all_four() {
	c set msix eventfd trigger 0 4 new new new new
}

server_refuses() { # ERRNO
	c write bar0 0xfc0 8 "$1"
}

ok 'a server refuses what is asked' server_refuses 1
ok 'INTx is switched off without asking' c set intx none trigger 0 0
ok 'vectors it can refuse' c ! EPERM set msix eventfd trigger 0 4 new new new new
ok 'so that MSI-X is off' c ! EINVAL set msix none trigger 0 0
ok 'it agrees' server_refuses 0
ok 'to all of them' all_four
ok 'and refuses' server_refuses 1
ok 'one is taken away without asking' c set msix eventfd trigger 1 1 -1
is 'of which it is notified' 0x000000000000000d c read bar0 0xfb8 8
c write bar0 $B 8 0x20001 >/dev/null
is 'and none is there to fire' 0x0000000000000002 c read bar0 0xf38 8
ok 'another one it refuses' c ! EPERM set msix eventfd trigger 1 2 new -1
is 'not what was taken away with it' 0x0000000000000009 c read bar0 0xfb8 8
c write bar0 $B 8 0x20002 >/dev/null
is 'and does not fire either' 0x0000000000000002 c read bar0 0xf38 8
ok 'what was not named stays' command_of $B 0x20003
is 'and fires' 1 c wait msix 3
ok 'all are switched off without asking' c set msix none trigger 0 0
is 'of which it is notified' 0x0000000000000000 c read bar0 0xfb8 8
ok 'an error interrupt' c set err eventfd trigger 0 1 -1
ok 'and a request' c set req none trigger 0 0
ok 'it agrees' server_refuses 0

# ---- a server that is stopped ----------------------------------------------------------------

server_is_stopped() {
	grep -q '^State:.*T (stopped)' "/proc/$server/status"
}

# The signal takes effect when its thread leaves the kernel.
server_pauses() {
	kill -STOP "$server" && until_true server_is_stopped
}

server_goes_on() {
	kill -CONT "$server"
	is_attribute "$U" state ready || { echo "state: $(attribute "$U" state)" && return 1; }
	c read bar0 0 4
}

dma_threads() {
	cat /proc/[0-9]*/comm | grep '^muser_[cu]'
}

notified_since() { # OFFSET OF THE COUNT
	printf '%d\n' "$(c read bar0 "$1" 8)"
}

ok 'four vectors' all_four
ok 'a server is stopped for a moment' server_pauses
ok 'all are switched off' c set msix none trigger 0 0
ok 'it goes on' server_goes_on
is 'and is notified' 0x0000000000000000 c read bar0 0xfb8 8

# Somebody asks it, and waits: what is taken away meanwhile does not.
asks() { # [! ERROR] COMMAND...
	server_pauses && c apart "$@" && until_true is_attribute "$U" outstanding 1
}

still_asks() {
	is_attribute "$U" outstanding 1
}

ok 'four vectors' all_four
ok 'others are asked for' asks set msix eventfd trigger 0 4 new new new new
ok 'one is taken away' c set msix eventfd trigger 1 1 -1
ok 'and all are switched off' c set msix none trigger 0 0
ok 'while it is being asked' still_asks
ok 'it goes on' server_goes_on
ok 'and agrees' c rejoin
is 'but there are none' 0x0000000000000000 c read bar0 0xfb8 8
ok 'MSI-X is off' c ! EINVAL set msix none trigger 0 0
ok 'four vectors' all_four
ok 'another one is asked for' asks set msix eventfd trigger 0 1 new
ok 'one is taken away' c set msix eventfd trigger 1 1 -1
ok 'while it is being asked' still_asks
ok 'it goes on' server_goes_on
ok 'and agrees' c rejoin
is 'to the others' 0x000000000000000d c read bar0 0xfb8 8
ok 'it refuses' server_refuses 1
ok 'what is asked' asks ! EPERM set msix eventfd trigger 0 2 new new
ok 'all are switched off' c set msix none trigger 0 0
ok 'while it is being asked' still_asks
ok 'it goes on' server_goes_on
ok 'and says no' c rejoin
is 'none comes back' 0x0000000000000000 c read bar0 0xfb8 8
ok 'MSI-X is off' c ! EINVAL set msix none trigger 0 0
ok 'it agrees' server_refuses 0
ok 'INTx' c set intx eventfd trigger 0 1 new
ok 'an eventfd that unmasks' c set intx eventfd unmask 0 1 new
ok 'a mask is asked for' asks set intx none mask 0 1
ok 'that eventfd is taken away' c set intx eventfd unmask 0 1 -1
ok 'and INTx switched off' c set intx none trigger 0 0
ok 'while it is being asked' still_asks
ok 'it goes on' server_goes_on
ok 'and agrees' c rejoin
ok 'INTx is off' c ! EINVAL set intx none trigger 0 0

ok 'INTx' c set intx eventfd trigger 0 1 new
ok 'and an eventfd that unmasks' c set intx eventfd unmask 0 1 new
ok 'it is stopped' server_pauses
ok 'a hundred thousand unmasks' c repeat 100000 eoi intx
ok 'many interrupts taken away' c repeat 20000 set err none trigger 0 0
ok 'it goes on' server_goes_on
before=$(notified_since 0xfb0)
ok 'it is stopped' server_pauses
ok 'nine thousand clients come and go' c repeat 9000 reopen
ok 'without a thread for DMA that they do not have' fails dma_threads
ok 'it goes on' server_goes_on
is 'and hears of the last one alone' $((before + 2)) notified_since 0xfb0
ok 'pages side by side' c scatter 0x10000000 64 1
ok 'are pinned' dma $PIN 0x10000000 0x40000 0
ok 'there is a thread to unpin them' dma_threads
c write bar0 0xfc8 8 0 >/dev/null
ok 'it is stopped' server_pauses
ok 'they are unmapped' c gather 0x10000000 64 1
ok 'it goes on' server_goes_on
is 'one message says so' 1 notified_since 0xfc8
ok 'pages that lie apart' c scatter 0x10000000 5000 2
ok 'are pinned, each by itself' dma $PIN_EACH 0x10000000 $((5000 * 8192)) 0
c write bar0 0xfc8 8 0 >/dev/null
ok 'it is stopped' server_pauses
ok 'they are unmapped' c gather 0x10000000 5000 2
is 'and unpinned' 0 attribute "$U" pinned_pages
ok 'it goes on' server_goes_on
is 'as many messages say so as may be unread' 4096 notified_since 0xfc8
is 'the last one of all the rest' 0x000000001270f000 c read bar0 0xfd0 8

# ---- a server that hangs ---------------------------------------------------------------------

patience() { # MS
	echo "$1" >"/sys/bus/mdev/devices/$U/timeout_ms"
}

monitor_changes() {
	musctl monitor -nro ACTION,UUID >/tmp/changes 2>&1 5>&- 6<&- &
	monitor=$!
	until_true sh -c "ls -l /proc/$monitor/fd | grep -q inotify"
}

changes_are() { # NUMBER
	until_true sh -c "[ \$(grep -c '^change $U$' /tmp/changes) = $1 ]"
}

ok 'events are followed' monitor_changes
ok 'half a second for an answer' patience 500
ok 'the server is stopped' server_pauses
ok 'an access has that time' c ! ETIMEDOUT read bar0 0 4
is 'then the server hangs' hung attribute "$U" state
ok 'which is an event' changes_are 1
ok 'ten minutes for an answer' patience 600000
ok 'a second access does not wait' c ! EIO read bar0 0 4
ok 'nor does a reset' c ! EIO reset
ok 'nor do interrupts' c ! EIO set msix eventfd trigger 0 1 new
errors=$(attribute "$U" stats/errors)
ok 'the server goes on' kill -CONT "$server"
ok 'and is ready' until_true is_attribute "$U" state ready
is 'what it answered was no error' "$errors" attribute "$U" stats/errors
ok 'which is an event' changes_are 2
ok 'accesses work' c read bar0 0 4
ok 'a request that is never answered' patience 500
ok 'has its time' c ! ETIMEDOUT write bar0 0xf48 8 1
ok 'and the server, that answers others, is ready' until_true is_attribute "$U" state ready
ok 'accesses work' c read bar0 0 4
ok 'thirty seconds for an answer' patience 30000
kill $monitor

# ---- errors of the server's choice -----------------------------------------------------------

for error in 4 19 110 512 4096; do # EINTR, ENODEV, ETIMEDOUT, ERESTARTSYS, none
	ok "error $error of a server means nothing to the kernel" c ! EIO write bar0 0xfe0 8 $error
done
ok 'others are the client'"'"'s to see' c ! EPERM write bar0 0xfe0 8 1
ok 'of each request' c ! EOPNOTSUPP write bar0 0xfe0 8 95

# ---- device memory -------------------------------------------------------------------------

ok 'a BAR is mapped' c mmap bar2 0x1000 0xf000
ok 'what is stored there' c mwrite bar2 0x2000 4 0xcafe
is 'the server has' 0x0000cafe c read bar2 0x2000 4
ok 'and the other way round' c write bar2 0x3008 8 0x1234
is 'at once' 0x0000000000001234 c mread bar2 0x3008 8
ok 'the trapped page cannot be mapped' c ! EINVAL mmap bar2 0 0x1000
ok 'nor anything behind the end' c ! EINVAL mmap bar2 0x1000 0x10000
ok 'writes are noticed' command_of 0xf28 1
ok 'after arming' c mwrite bar2 0x4000 4 1
ok 'in two pages' c mwrite bar2 0x6000 4 1
ok 'which the server fetches' command_of 0xf28 2
is 'as bits' 0x0000000000000050 c read bar0 0xf30 8
ok 'not armed any more' c mwrite bar2 0x4000 4 2
ok 'so that a second write' command_of 0xf28 2
is 'is not seen' 0x0000000000000000 c read bar0 0xf30 8
ok 'unmapped' c munmap bar2

# ---- DMA -----------------------------------------------------------------------------------

echo 8 >/proc/sys/vm/nr_hugepages
dma_kind() { # KIND IOVA SIZE
	ok "$1: mapped by the client" c map "$2" "$3" "$1"
	ok "$1: pinned" dma $PIN "$2" "$3" 0
	ok "$1: the server writes" dma $MAP_FILL "$2" "$3" 5
	ok "$1: the client reads it" c memcheck "$2" "$3" 5
	ok "$1: the client writes" c memfill "$2" "$3" 6
	ok "$1: the server reads it" dma $MAP_CHECK "$2" "$3" 6
	ok "$1: by copying, to the client" dma $COPY_FILL "$2" "$3" 7
	ok "$1: arrives" c memcheck "$2" "$3" 7
	ok "$1: by copying, from the client" dma $COPY_CHECK "$2" "$3" 7
	ok "$1: pages are pinned" sh -c "[ $(attribute "$U" pinned_pages) -gt 0 ]"
	ok "$1: unmapped" c unmap "$2" "$3"
	is "$1: and nothing is pinned" 0 attribute "$U" pinned_pages
	ok "$1: the server looks" c write bar0 0xf20 8 $MAP_CHECK
	is "$1: it sees something else now" 0x0000000000000054 c read bar0 0xf38 8
	ok "$1: copying is refused" c write bar0 0xf20 8 $COPY_CHECK
	is "$1: with EINVAL" 0x0000000000000016 c read bar0 0xf38 8
}
dma_kind anon 0x100000 0x10000
dma_kind memfd 0x200000 0x10000
dma_kind hugetlb 0x400000 0x200000
dma_kind /tmp/file 0x800000 0x3000
ok 'a range of many pages' c map 0x1000000 0x800000 anon
ok 'is pinned' dma $PIN 0x1000000 0x800000 0
ok 'and let go' dma $UNPIN 0x1000000 0x800000 0
is 'all of it' 0 attribute "$U" pinned_pages
ok 'and again' dma $PIN 0x1000000 0x800000 0
ok 'memory that may only be read' c map 0x3000000 0x4000 anon r
ok 'that the client has filled' c memfill 0x3000000 0x4000 1
ok 'is pinned for reading' dma $PIN_READ 0x3000000 0x4000 0
c write bar0 0xf20 8 $PIN >/dev/null
is 'not for writing' 0x0000000000000001 c read bar0 0xf38 8
ok 'what is not mapped' c write bar0 0xf08 8 0x30000000
c write bar0 0xf20 8 $PIN >/dev/null
is 'cannot be pinned' 0x0000000000000016 c read bar0 0xf38 8
ok 'the client goes' client_stop
is 'and nothing stays pinned' 0 attribute "$U" pinned_pages

# ---- servers that go -----------------------------------------------------------------------

ok 'a client' client_start "$U"
ok 'has memory pinned' c map 0x100000 0x10000 anon
ok 'by a server' dma $PIN 0x100000 0x10000 0
ok 'and four vectors' all_four
stop_server
ok 'that dies' until_true is_attribute "$U" state no-server
is 'nothing stays pinned' 0 attribute "$U" pinned_pages
ok 'accesses fail' c ! EIO read bar0 0 4
ok 'one vector is taken away' c set msix eventfd trigger 1 1 -1
ok 'all are switched off' c set msix none trigger 0 0
ok 'a server comes' serve "$U" -x
ok 'accesses work' c read bar0 0 4
stop_server
ok 'the client is told to wait' sh -c "echo wait >/sys/bus/mdev/devices/$U/policy"
ok 'a restartable server' serve "$U" -x -r
ok 'has a value' c write bar0 0x10 4 0xbeef
ok 'and an interrupt' c set msix eventfd trigger 0 1 new
ok 'it dies in the middle of an access' c_send write bar0 0xf40 8 1
ok 'so that there is none' until_true is_attribute "$U" state no-server
ok 'the next one takes over' serve "$U" -x -r
ok 'it answers what the first one did not' c_answer
is 'knowing that it came again' 0x0000000000000001 c read bar0 0xf58 8
is 'the value' 0x0000beef c read bar0 0x10 4
ok 'the interrupt' command_of $B 0x20000
is 'fires' 1 c wait msix 0
ok 'half a second for an answer' patience 500
ok 'the server hangs' server_pauses
ok 'an access has that time' c ! ETIMEDOUT read bar0 0x10 4
is 'as is known' hung attribute "$U" state
ok 'so has the next one, which waits as well' c ! ETIMEDOUT read bar0 0x10 4
ok 'ten minutes for an answer' patience 600000
ok 'a third one' c_send read bar0 0x10 4
ok 'waits' until_true is_attribute "$U" outstanding 1
stop_server
ok 'for another server' serve "$U" -x -r
is 'which answers' 0x0000beef c_answer
ok 'thirty seconds for an answer' patience 30000
ok 'the client goes' client_stop
stop_server

# ---- debuggers -----------------------------------------------------------------------------

# The first page of a mapping, of those lines of /proc/PID/maps that match.
first_page() { # PID PATTERN
	echo $((0x$(grep "$2" "/proc/$1/maps" | head -n 1 | cut -d - -f 1) / 4096))
}

peek_page() { # PID PAGE
	dd "if=/proc/$1/mem" bs=4096 skip="$2" count=1 2>/dev/null | md5sum
}

poke_page() { # PID PAGE: all of it
	dd if=/tmp/page "of=/proc/$1/mem" bs=4096 seek="$2" count=1 conv=notrunc 2>/dev/null
}

# Page 256 of the server's window is the client's first one.
same_page() {
	[ "$(peek_page "$server" $((window + 256)))" = "$(peek_page "$client" "$theirs")" ]
}

awk 'BEGIN { for (i = 0; i < 512; i++) printf "c0ffee.\n" }' >/tmp/page
ok 'a server' serve "$U"
ok 'a client' client_start "$U"
ok 'with memory' c map 0x100000 0x10000 memfd
window=$(first_page "$server" ' rw-s 00000000 .* anon_inode:.muser.')
theirs=$(first_page "$client" memfd:)
ok 'that it fills' c memfill 0x100000 0x10000 5
ok 'a debugger of the server finds nothing that is not pinned' fails same_page
is 'but zeros' "$(head -c 4096 /dev/zero | md5sum)" peek_page "$server" $((window + 256))
is 'nor does it pin' 0 attribute "$U" pinned_pages
ok 'it is pinned' dma $PIN 0x100000 0x10000 0
ok 'the debugger sees what the client has' same_page
ok 'and writes' poke_page "$server" $((window + 256))
is 'what the client gets' "$(md5sum </tmp/page)" peek_page "$client" "$theirs"
ok 'memory to be read' c map 0x200000 0x10000 anon r
ok 'that the client has filled' c memfill 0x200000 0x10000 1
ok 'is pinned' dma $PIN_READ 0x200000 0x10000 0
ok 'is read' peek_page "$server" $((window + 512))
ok 'and not written' fails poke_page "$server" $((window + 512))
ok 'the client goes' client_stop
stop_server

# ---- statistics and tracepoints -------------------------------------------------------------

# By as much, and by nothing else, a number grows.
grows() { # ATTRIBUTE BY COMMAND...
	grows_from=$(attribute "$U" "$1") grows_attribute=$1 grows_by=$2
	shift 2
	"$@" || return
	grows_to=$(attribute "$U" "$grows_attribute")
	[ $((grows_to - grows_from)) = "$grows_by" ] && return
	echo "$grows_attribute: from $grows_from to $grows_to"
	return 1
}

times_out() {
	echo 200 >"/sys/bus/mdev/devices/$U/timeout_ms"
	c ! ETIMEDOUT write bar0 0xf48 8 1
	times_status=$?
	echo 30000 >"/sys/bus/mdev/devices/$U/timeout_ms"
	return $times_status
}

# The trace of a command has lines with these words.
traces() { # PATTERN COMMAND...
	traces_pattern=$1
	shift
	echo >$TRACING/trace
	"$@" && grep "$traces_pattern" $TRACING/trace && return
	cat $TRACING/trace
	return 1
}

serve_again() {
	stop_server
	serve "$U"
}

is 'without a client there is no process' 0 attribute "$U" client_pid
is 'nor without a server' 0 attribute "$U" server_pid
ok 'a server' serve "$U"
ok 'a client' client_start "$U"
is 'the client is known' "$client" attribute "$U" client_pid
is 'and the server' "$server" attribute "$U" server_pid
is 'device memory' $((4096 + 65536)) attribute "$U" stats/memory_bytes
ok 'an access is served' grows served 1 c read bar0 0x10 4
ok 'without an error' grows stats/errors 0 c read bar0 0x10 4
ok 'an error is counted' grows stats/errors 1 c ! ENXIO write bar0 0xfe0 8 6
ok 'and is an answer' grows served 1 c ! ENXIO write bar0 0xfe0 8 6
ok 'so is an answer of 32 bytes, where 16 are right' \
	grows stats/errors 1 c ! EIO write bar0 0xfe0 8 0xffffffffffffffe0
ok 'one that comes too late is none' grows stats/timeouts 1 times_out
ok 'nor an error of the server' grows stats/errors 0 times_out
c set msix eventfd trigger 0 1 new
ok 'interrupts are counted' grows stats/interrupts 1 command_of $B 0x20000
c write bar0 $B 8 0x20001
ok 'but not what nobody gets' grows stats/interrupts 0 c write bar0 $B 8 0x20001
c map 0x100000 0x10000 anon
ok 'what is copied is counted' grows stats/copied_bytes $((0x3000)) dma $COPY_FILL 0x100000 0x3000 1
peak=$(attribute "$U" stats/peak_pinned_pages)
c map 0x8000000 $(((peak + 32) * 4096)) anon
ok 'more is pinned than ever' dma $PIN 0x8000000 $(((peak + 32) * 4096)) 0
ok 'and let go' dma $UNPIN 0x8000000 $(((peak + 32) * 4096)) 0
is 'which is not forgotten' $((peak + 32)) attribute "$U" stats/peak_pinned_pages
ok 'musctl shows it' sh -c "musctl show -J $U | grep -q '\"peak_pinned_pages\": *$((peak + 32))'"
mount -t tracefs tracefs $TRACING
echo 1 >$TRACING/events/muser/enable
ok 'a request is traced with its place' \
	traces 'muser_request: .* cmd 0x9 len 32 region 0 offset 0x14 count 4$' c read bar0 0x14 4
ok 'its answer with its result' \
	traces 'muser_reply: .* cmd 0x9 region 0 offset 0x14 count 4 result 0$' c read bar0 0x14 4
ok 'an error with its number' traces \
	'muser_reply: .* cmd 0xa region 0 offset 0xfe0 count 8 result -6$' c ! ENXIO write bar0 0xfe0 8 6
ok 'what is written is not' traces 'cmd 0xa region 0 offset 0x10 count 4' c write bar0 0x10 4 0xc0ffee
ok 'in the trace' fails grep -i c0ffee $TRACING/trace
ok 'what is no access, as that' traces 'muser_reply: .* cmd 0xd region -1 .* result 0$' c reset
ok 'a state by its name' traces 'muser_state: .* state ready why 0$' serve_again
echo 0 >$TRACING/events/muser/enable
umount $TRACING
ok 'the client goes' client_stop
is 'and is known no more' 0 attribute "$U" client_pid
stop_server

# ---- how much memory -----------------------------------------------------------------------

max_memory_is() { # UUID BYTES
	echo "$2" >"/sys/bus/mdev/devices/$1/max_memory"
}

V=$(uuid_nr 2)
needs=$((4096 + 65536))
is 'an mdev may have 1 GiB' $((1 << 30)) attribute "$U" max_memory
echo $((needs + 4096)) >/sys/module/muser/parameters/max_memory
ok 'one that is made later' mdev_create "$V"
is 'has its own limit' $((needs + 4096)) attribute "$V" max_memory
ok 'and is served, whatever others have' serve "$V"
stop_server
ok 'the limit is lowered' max_memory_is "$V" 4096
ok 'what is there stays' serve "$V"
stop_server
ok 'it goes' mdev_remove "$V"
ok 'another one' mdev_create "$V"
ok 'is not to have all that its server wants' max_memory_is "$V" $((needs - 1))
ok 'which fails' sh -c "raw_server $V 2>&1 | grep 'No space'"
ok 'it may have so much' max_memory_is "$V" $needs
ok 'and is served' serve "$V"
stop_server
ok 'it goes' mdev_remove "$V"
echo $((1 << 30)) >/sys/module/muser/parameters/max_memory

# ---- going ---------------------------------------------------------------------------------

ok 'a server' serve "$U"
ok 'a client that is killed in the middle' sh -c "
	vfio_client $U load 4 60000 bar0 0 & sleep 1; kill -9 \$!; wait \$!; test \$? = 137"
ok 'leaves the device usable' vfio_client "$U" info
ok 'the mdev goes with a server there' mdev_remove "$U"
ok 'and the server is told' until_true sh -c "! kill -0 $server"
ok 'the module goes' rmmod muser
ok 'and comes again' load muser
ok 'and goes' rmmod muser
tap_end
