# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Memory over muser.ko, the client's and the device's, where it is pulled at from both sides: run
# by kmod.sh -n.
# Owns: what may be mapped and stays mapped, traps, pins that are refused, unmapping in the middle
# of everything, type 1 of version 1, limits.
# Refuses to know libmuser: a mistake here is the module's.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

U=$(uuid_nr 1)
type=${VFIO_TYPE-} # cdev, see check-kdebug.sh

pinned() {
	attribute "$U" pinned_pages
}

word() { # OFFSET: of raw_server, in decimal
	word_value=$(c read bar0 "$1" 8) && echo $((word_value))
}

# Kernels do not agree on the errno.
refused() { # SPLICE|REGISTER IOVA
	! dma "$1" "$2" 0 0
}

storm_is_over() {
	[ "$(word 0xf70)" = 0 ]
}

ok 'modules' sh -c "load $IOMMU && load muser && load overlay"
ok 'an mdev' mdev_create "$U"
ok 'a server' serve "$U" -x -t 2

# ---- device memory -------------------------------------------------------------------------

ok 'a client' client_start "$U"
ok 'maps a part of a BAR' c mmap bar2 0x1000 0x4000
ok 'and stores' c mwrite bar2 0x1008 8 0x1122334455667788
ok 'no page more by mremap' c ! EFAULT stretch bar2
ok 'no other page by remap_file_pages' c ! EACCES shift bar2 0
ok 'not even the same' c ! EACCES shift bar2 1
ok 'it may move' c move bar2
is 'with what was there' 0x1122334455667788 c mread bar2 0x1008 8
ok 'it may be protected' c protect bar2 r
ok 'and unprotected' c protect bar2 rw
ok 'and be written' c mwrite bar2 0x2000 8 5
is 'so that the server has it' 0x0000000000000005 c read bar2 0x2000 8
ok 'all is mapped' c mmap bar2 0x1000 0xf000
ok 'each page is armed' command_of 0xf28 1
ok 'reads' c mread bar2 0x3000 8
ok 'are' command_of 0xf28 2
is 'no writes' 0 word 0xf30
is 'no request is flagged' 0 word 0xfa8
ok 'one page is written' c mwrite bar2 0x3000 8 1
ok 'it is fetched and armed again' command_of 0xf28 3
is 'it alone' $((1 << 3)) word 0xf30
is 'the request behind the write was flagged, others not' 1 word 0xfa8
is 'one message came before: the client' 1 word 0xfa0
ok 'written again' c mwrite bar2 0x3000 8 2
ok 'two times' c mwrite bar2 0x3008 8 2
ok 'it is fetched' command_of 0xf28 2
is 'again' $((1 << 3)) word 0xf30
ok 'armed' command_of 0xf28 1
ok 'written' c mwrite bar2 0x5000 8 2
ok 'and switched off' command_of 0xf28 4
ok 'there is' command_of 0xf28 2
is 'nothing' 0 word 0xf30
ok 'memory is mapped' c map 0x90000000 0x1000 anon
ok 'pinned' dma $PIN 0x90000000 0x1000 0
ok 'and unmapped' c unmap 0x90000000 0x1000
ok 'as a fetch' command_of 0xf28 2
is 'says' 2 word 0xfa0
for flags in 0 5 7 8; do
	ok "flags of no meaning: $flags" c write bar0 0xf28 8 $flags
	is 'are refused' 22 word 0xf38
done
ok 'the server watches' command_of 0xf68 1
ok 'while three threads write' c writestorm 3 4000 bar2
ok 'that is all' command_of 0xf68 0
ok 'it ends' until_true storm_is_over
is 'and has missed nothing' 0 word 0xf78

stop_server
ok 'the client goes' client_stop
ok 'huge pages for shared memory' sh -c 'echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled'
ok 'an mdev' mdev_create "$(uuid_nr 2)"
ok 'a server with a large BAR' serve "$(uuid_nr 2)" -b 0x400000
ok 'a client' client_start "$(uuid_nr 2)"
ok 'maps it' c mmap bar2 0x1000 0x3ff000
ok 'where huge pages fit' c huge bar2
ok 'each page is armed' command_of 0xf28 1
ok 'every other one is written' c touch bar2 0x2000
ok 'it is fetched' command_of 0xf28 2
is 'and none was missed' 512 word 0xfe8
ok 'system calls take no reference' c ! EFAULT splice bar2
ok 'nor the server'"'"'s' dma_fails 14 $SPLICE_BAR 0x1000 0 0
is 'a debugger reads' 0x0000000000000001 c debug bar2 7
is 'and writes' 0x0000000000000007 c read bar2 0x1000 8
ok 'the client goes' client_stop
stop_server
ok 'the mdev goes' mdev_remove "$(uuid_nr 2)"
ok 'a server' serve "$U" -x -t 2
ok 'a client' client_start "$U"

# ---- DMA: what is pinned -------------------------------------------------------------------

huge=/sys/kernel/mm/transparent_hugepage/enabled
size=$(sed 's/.*\[\(.*\)\].*/\1/' $huge)
ok 'pages are small' sh -c "echo never >$huge"
ok 'the client maps 2 MiB that it has not touched' c map 0x12000000 0x200000 anon
ok 'a byte is pinned to be read' dma $PIN_READ 0x12000800 1 0
is 'with its page' 1 pinned
is 'which is there now' 1 c present 0x12000000 0x200000
ok 'again' dma $PIN_READ 0x12000fff 1 0
is 'nothing changes' 1 pinned
for page in 1 2 4 8 16 32 64 128 256; do
	ok "page $page" dma $PIN_READ $((0x12000000 + page * 4096)) 0x1000 0
	is 'comes with as many as there were' $((page * 2)) pinned
done
is 'all is told of' $((0x200000)) word 0xf30
ok 'and unmapped' c unmap 0x12000000 0x200000
ok 'the next 2 MiB' c map 0x12200000 0x200000 anon
ok 'a byte is pinned to be written' dma $PIN 0x12200800 1 0
is 'with all around it' 512 pinned
ok 'and unmapped' c unmap 0x12200000 0x200000
ok 'pages are as they were' sh -c "echo $size >$huge"
ok 'the client maps 4 MiB' c map 0x10000000 0x400000 anon
ok 'a page is pinned' dma $PIN 0x10001000 0x1000 0
is 'and the 2 MiB around it' 512 pinned
is 'which the server is told' $((0x200000)) word 0xf30
ok 'bytes across both chunks' dma $PIN 0x101ffff0 0x20 0
is 'pin the second' 1024 pinned
ok 'pinned again' dma $PIN 0x10000000 0x400000 0
is 'nothing changes' 1024 pinned
ok 'a page and a half' dma $UNPIN 0x10000800 0x1800 0
is 'are one' 1023 pinned
ok 'it shows other memory' dma $MAP_FILL 0x10001000 0x1000 1
ok 'which is not the client'"'"'s' c memwrite 0x10001000 8 7
ok 'pinned' dma $PIN 0x10001000 0x1000 0
ok 'it is seen at once' dma $MAP_FILL 0x10001000 0x1000 2
ok 'by the client' c memcheck 0x10001000 0x1000 2
ok 'the client unmaps' c unmap 0x10000000 0x400000
is 'all is let go' 0 pinned
ok 'it frees its memory' c drop 0x10000000
ok 'and maps other memory there' c map 0x10000000 0x3000 memfd
ok 'pinned' dma $PIN 0x10000000 0x3000 0
is 'no more than there is' 3 pinned
ok 'written' dma $MAP_FILL 0x10000000 0x3000 3
ok 'it is the new memory' c memcheck 0x10000000 0x3000 3
ok 'next to it, memory to be read' c map 0x10003000 0x2000 anon r
ok 'with something in it' c memfill 0x10003000 0x2000 4
ok 'both are pinned to be read' dma $PIN_READ 0x10000000 0x5000 0
is 'in all' 5 pinned
ok 'not to be written' dma_fails 1 $PIN 0x10000000 0x5000 0
is 'which changes nothing' 5 pinned
ok 'the server reads' dma $MAP_CHECK 0x10000000 0x3000 3
ok 'copies do not write' dma_fails 1 $COPY_FILL 0x10003000 0x1000 9
ok 'but read' dma $COPY_CHECK 0x10003000 0x2000 4
ok 'as the mapping does' dma $MAP_CHECK 0x10003000 0x2000 4
ok 'memory to be read, never touched' c map 0x10100000 0x2000 anon r
dma $PIN_READ 0x10100000 0x2000 0 >/dev/null
how=$(word 0xf38)
ok 'pinned or not, and then written' c memfill 0x10100000 0x2000 5
ok 'is seen by copying' dma $COPY_CHECK 0x10100000 0x2000 5
[ "$how" != 0 ] || ok 'and in the mapping' dma $MAP_CHECK 0x10100000 0x2000 5
is 'for it is pinned, or must be copied' 0 sh -c "[ $how = 95 ] && echo 0 || echo $how"
ok 'it goes' c unmap 0x10100000 0x2000
ok 'a range with a hole' dma_fails 22 $PIN_READ 0x10004000 0x2000 0
is 'pins nothing' 5 pinned
ok 'nothing at all' dma_fails 22 $PIN 0x10000000 0 0
ok 'a range that wraps' dma_fails 22 $PIN 0xfffffffffffff000 0x2000 0
ok 'or is longer than all' dma_fails 22 $PIN 0x10000000 0xffffffffffffffff 0
ok 'unmapped' c unmap 0x10000000 0x5000
is 'both' 0 pinned
ok 'a BAR is mapped' c mmap bar2 0x1000 0xf000
ok 'and is memory itself' c mapregion bar2 0x20000000
ok 'it cannot be pinned' dma_fails 95 $PIN 0x20000000 0x1000 0
ok 'is filled by copying' dma $COPY_FILL 0x20001234 0x2000 6
ok 'and has it' dma $COPY_CHECK 0x20001234 0x2000 6
ok 'one copy of many pieces' c map 0x21000000 0x50000 anon
ok 'to the client' dma $COPY_FILL 0x21000321 0x4f000 8
ok 'arrives' c memcheck 0x21000321 0x4f000 8
ok 'and comes back' dma $COPY_CHECK 0x21000321 0x4f000 8
is 'without pins' 0 pinned
ok 'memory that is gone' c drop 0x21000000
ok 'cannot be copied' dma_fails 22 $COPY_FILL 0x21000000 0x1000 8
ok 'nor pinned' dma_fails 95 $PIN 0x21000000 0x1000 8
ok 'truncated memory' c map 0x22000000 0x10000 memfd
ok 'that is pinned' dma $PIN 0x22000000 0x10000 0
ok 'is written' dma $MAP_FILL 0x22000000 0x10000 1
ok 'and truncated' c truncate 0x22000000
ok 'and written' dma $MAP_FILL 0x22000000 0x10000 1
ok 'the BAR is unmapped' c munmap bar2
ok 'the device is closed and opened' c reopen
is 'without any pins' 0 pinned
ok 'what is gone cannot be pinned' dma_fails 95 $PIN 0x22000000 0x1000 0
ok 'the client goes' client_stop
is 'and no pin stays' 0 pinned

# ---- DMA: memory that is a file -------------------------------------------------------------

ok 'a client' client_start "$U"
ok 'with memory of its own' c map 0x10000000 0x4000 anon
ok 'is pinned, but no file' dma_fails 2 $PIN_FILE 0x10000000 0x4000 0
ok 'system calls refuse its pages' dma_fails 14 $SPLICE 0x10000000 0 0
ok 'with a memfd' c map 0x10200000 0x8000 memfd
is 'which is not to be mapped' 0 attribute "$U" direct
ok 'it is no file' dma_fails 2 $PIN_FILE 0x10200000 0x8000 0
ok 'system calls refuse its pages, too' dma_fails 14 $SPLICE 0x10200000 0 0
ok 'as io_uring does for a buffer' refused $REGISTER 0x10200000
is 'root can allow it' 644 stat -c %a "/sys/bus/mdev/devices/$U/direct"
ok 'and does' set_attribute "$U" direct 1
is 'as is seen' 1 attribute "$U" direct
ok 'it is a file' dma $PIN_FILE 0x10200000 0x8000 0
ok 'and parts of it are' dma $PIN_FILE 0x10201000 0x2000 0
is 'the whole' $((0x8000)) word 0xf30
ok 'the server writes' dma $MAP_FILL 0x10200000 0x8000 1
ok 'the client reads' c memcheck 0x10200000 0x8000 1
ok 'the client writes' c memfill 0x10200000 0x8000 2
ok 'the server reads' dma $MAP_CHECK 0x10200000 0x8000 2
ok 'system calls take its pages' dma $SPLICE 0x10203000 0 0
dma $REGISTER 0x10203000 0 0 >/dev/null
how=$(word 0xf38)
is 'io_uring takes them for a buffer, or none of a file of others: EOPNOTSUPP' 0 \
	sh -c "[ $how = 95 ] && echo 0 || echo $how"
ok 'a fetch' command_of 0xf28 2
posted=$(word 0xfa0)
ok 'counts messages: root forbids it' set_attribute "$U" direct 0
ok 'the server writes' dma $MAP_FILL 0x10200000 0x8000 3
ok 'not to the client' c memcheck 0x10200000 0x8000 2
ok 'system calls refuse what it sees' refused $SPLICE 0x10203000
ok 'so does io_uring' refused $REGISTER 0x10203000
ok 'a fetch' command_of 0xf28 2
is 'shows that it was notified' $((posted + 1)) word 0xfa0
is 'what was pinned is' 12 pinned
ok 'and is no file any more' dma_fails 2 $PIN_FILE 0x10200000 0x8000 0
ok 'but memory' dma $MAP_FILL 0x10200000 0x8000 4
ok 'of the client' c memcheck 0x10200000 0x8000 4
ok 'root allows it again' set_attribute "$U" direct 1
ok 'it is a file' dma $PIN_FILE 0x10200000 0x8000 0
ok 'the client writes' c memfill 0x10200000 0x8000 2
ok 'it is unmapped' c unmap 0x10200000 0x8000
ok 'the server writes' dma $MAP_FILL 0x10200000 0x8000 3
ok 'not to the client' c memcheck 0x10200000 0x8000 2
is 'nothing is pinned' 4 pinned
ok 'it is mapped again' c remap 0x10200000 0x8000
ok 'as the file' dma $PIN_FILE 0x10200000 0x8000 0
ok 'seen again' dma $MAP_CHECK 0x10200000 0x8000 2
ok 'one page is let go' dma $UNPIN 0x10202000 0x1000 0
before=$(c memread 0x10202000 8)
ok 'the server writes all' dma $MAP_FILL 0x10200000 0x8000 4
ok 'the client has two pages of it' c memcheck 0x10200000 0x2000 4
is 'not the third' "$before" c memread 0x10202000 8
ok 'pinned again, before the hole' dma $PIN_FILE 0x10200000 0x8000 0
is 'all of it is there' $((0x8000)) word 0xf30
ok 'the server writes' dma $MAP_FILL 0x10200000 0x8000 5
ok 'and the client has it' c memcheck 0x10200000 0x8000 5
ok 'it becomes two mappings, side by side' c split 0x10200000 0x8000
ok 'which are one file, too' dma $PIN_FILE 0x10200000 0x8000 0
ok 'one of them is unmapped' c unmap 0x10200000 0x4000
ok 'the server writes to both' dma $MAP_FILL 0x10200000 0x8000 6
ok 'one stays as it was' c memcheck 0x10200000 0x4000 5
ok 'the other one is written: copied' dma $COPY_FILL 0x10204000 0x4000 7
ok 'and read' dma $MAP_CHECK 0x10204000 0x4000 7
ok 'and truncated' c truncate 0x10200000
ok 'it is still memory' dma $MAP_FILL 0x10200000 0x8000 4
ok 'with 2 MiB of a memfd' c map 0x10400000 0x200000 memfd
ok 'that it has filled' c memfill 0x10400000 0x200000 1
ok 'and made a huge page of' c collapse 0x10400000 0x200000
ok 'lent in halves' c split 0x10400000 0x200000
ok 'they are one file' dma $PIN_FILE 0x10400000 0x200000 0
ok 'one of them is unmapped' c unmap 0x10400000 0x100000
ok 'the server writes to the other one' dma $MAP_FILL 0x10500000 0x1000 2
ok 'which the client sees' c memcheck 0x10500000 0x1000 2
ok 'and to the first' dma $MAP_FILL 0x10400000 0x1000 3
ok 'which is the client'"'"'s alone, though of one page' c memcheck 0x10400000 0x1000 1
ok 'with 2 MiB of small pages' c map 0x10600000 0x200000 memfd
ok 'that are a file' dma $PIN_FILE 0x10600000 0x200000 0
ok 'and unmapped' c unmap 0x10600000 0x200000
ok 'the server writes to what it sees there' dma $MAP_FILL 0x10600000 0x200000 1
ok 'the client makes a huge page of its own' c collapse 0x10600000 0x200000
ok 'the server writes again' dma $MAP_FILL 0x10600000 0x200000 1
is 'not to the client' 0x0000000000000000 c memread 0x107ff000 8
ok 'with memory that is to be sealed' c map 0x10800000 0x8000 memfd
ok 'it is a file' dma $OFFER 0x10800000 0x8000 0
ok 'it cannot be sealed' c ! EBUSY seal 0x10800000 write
ok 'until it is unmapped' c unmap 0x10800000 0x8000
ok 'then it can' c seal 0x10800000 write
ok 'with more of it' c map 0x10808000 0x8000 memfd
ok 'that the server maps' dma $PIN_FILE 0x10808000 0x8000 0
ok 'it is unmapped' c unmap 0x10808000 0x8000
ok 'but not while the server has it' c ! EBUSY seal 0x10808000 write
ok 'other memory is mapped there' c map 0x10808000 0x8000 anon
ok 'and put in its place by the server' dma_fails 2 $PIN_FILE 0x10808000 0x8000 0
ok 'now it can be sealed' c seal 0x10808000 write
ok 'with memory that will be mapped no more' c map 0x10810000 0x8000 memfd
ok 'it is a file' dma $PIN_FILE 0x10810000 0x8000 0
ok 'and sealed' c seal 0x10810000 future
ok 'what is mapped is written' dma $MAP_FILL 0x10810000 0x8000 1
ok 'as the client sees' c memcheck 0x10810000 0x8000 1
ok 'but it is no file any more' dma_fails 2 $PIN_FILE 0x10810000 0x8000 0
ok 'and written all the same' dma $MAP_FILL 0x10810000 0x8000 2
ok 'as pages' c memcheck 0x10810000 0x8000 2
mkdir -p /tmp/files
ok 'a tmpfs' mount -t tmpfs tmpfs /tmp/files
mkdir /tmp/files/lower /tmp/files/upper /tmp/files/work /tmp/files/top
ok 'with overlayfs on it' mount -t overlay overlay /tmp/files/top \
	-o lowerdir=/tmp/files/lower,upperdir=/tmp/files/upper,workdir=/tmp/files/work
ok 'memory that is a file there' c map 0x10900000 0x8000 /tmp/files/top/memory
ok 'that the client has filled' c memfill 0x10900000 0x8000 1
dma $PIN_FILE 0x10900000 0x8000 0 >/dev/null # here it is a file, there it is not
ok 'the server writes' dma $MAP_FILL 0x10900000 0x8000 2
ok 'the client has it' c memcheck 0x10900000 0x8000 2
ok 'it is unmapped' c unmap 0x10900000 0x8000
ok 'the server writes' dma $MAP_FILL 0x10900000 0x8000 3
ok 'not to the client' c memcheck 0x10900000 0x8000 2
ok 'the client goes' client_stop
is 'and no pin stays' 0 pinned

# ---- DMA: unmapping in the middle of it ----------------------------------------------------

ok 'a client' client_start "$U"
for threads in 1 4 8; do
	ok "the server uses memory as it likes" c write bar0 0xf08 8 0x1000000
	ok 'all of this' c write bar0 0xf10 8 0x1000000
	ok 'for a while' command_of 0xf60 5000
	ok "that $threads threads map and unmap" c dmastorm $threads 5000 0x1000000 0x1000000
	sed 's/^/# /' /tmp/tap.out
	ok 'it ends' until_true storm_is_over
	is 'without a fault' 0 word 0xf78
	is 'and without pins' 0 pinned
done
# Each of these threads holds VFIO's lock while it waits for the others.
ok 'much memory' c map 0x40000000 0xa000000 anon
for try in 1 2 3; do
	ok 'is pinned' dma $PIN 0x40000000 0xa000000 0
	ok 'pages that lie apart' c scatter 0x10000000 24 2
	ok 'are pinned, each by itself' dma $PIN_EACH 0x10000000 $((24 * 8192)) 0
	ok "all is unmapped at once, by 25 threads: $try" c rush 0x40000000 0xa000000 0x10000000 24 2
	sed 's/^/# /' /tmp/tap.out
	is 'and no pin stays' 0 pinned
	ok 'much memory is mapped' c remap 0x40000000 0xa000000
done
ok 'and unmapped' c unmap 0x40000000 0xa000000
ok 'and given back' c drop 0x40000000
ok 'once more' command_of 0xf60 4000
c_send dmastorm 4 4000 0x1000000 0x1000000
usleep 1500000
ok 'and the server dies' stop_server
ok 'the client does not mind' c_answer
is 'no pin stays' 0 pinned
ok 'a server' serve "$U"
ok 'is used' c write bar0 0xf08 8 0x1000000
ok 'as before' c write bar0 0xf10 8 0x1000000
ok 'again' command_of 0xf60 4000
c_send dmastorm 4 4000 0x1000000 0x1000000
usleep 1500000
ok 'and the client dies' kill -9 "$client"
exec 5>&- 6<&-
wait "$client"
ok 'its memory is let go' until_true is_attribute "$U" pinned_pages 0

# ---- DMA: memory that does not come ---------------------------------------------------------

# IOVA, of 128 KiB whose upper half does not come, which the server copies in the background.
absent() { # IOVA [THREADS]
	c map "$1" 0x20000 absent && c write bar0 0xf08 8 $(($1 + 0x10000)) &&
		c write bar0 0xf10 8 0x1000 && command_of 0xfd8 "${2:-1}" && c faults "$1" 1
}

has_ended() { # PID
	! [ -e "/proc/$1/status" ] || grep -q '^State:.Z' "/proc/$1/status"
}

killed() { # PID
	kill -9 "$1"
	until_true has_ended "$1" || { grep State "/proc/$1/status" && return 1; }
	wait "$1"
	true
}

client_killed() {
	killed "$client" && exec 5>&- 6<&-
}

# With DEBUG_VM, 6.1 prints a trace for VFIO pinning such memory: as often as this allows.
ok 'no fault is to be traced' sh -c 'echo 0 >/proc/sys/kernel/printk_ratelimit_burst'
for descriptor in 3 100; do # of the device: lower and higher than the userfaultfd's
	ok 'a client' client_start "$U"
	ok "with descriptor $descriptor or more" c descriptor $descriptor
	ok 'has memory that does not come, which is copied' absent 0x10000000
	ok 'it can be killed' client_killed
	is 'and no pin stays' 0 pinned
done
ok 'a client' client_start "$U"
ok 'has memory that does not come, which is copied' absent 0x10000000
ok 'other memory of it is pinned' dma $PIN 0x10000000 0x10000 0
c_send unmap 0x10000000 0x20000
ok 'it can unmap all of that' c_answer
ok 'the copy has ended' until_true storm_is_over
ok 'it failed: EBUSY or EINVAL' sh -c '[ $1 = 7016 ] || [ $1 = 7022 ]' - "$(word 0xf78)"
ok 'memory that does not come, which is copied' absent 0x10100000
ok 'other memory' c map 0x10200000 0x10000 anon
ok 'is pinned' dma $PIN 0x10200000 0x10000 0
ok 'and unmapped meanwhile' c unmap 0x10200000 0x10000
ok 'the copy begins again and again' c faults 0x10100000 3
is 'it is still there' 1 word 0xf70
ok 'the memory comes' c come 0x10100000 5
ok 'it ends' until_true storm_is_over
is 'well' 0 word 0xf78
ok 'with what has come' dma $COPY_CHECK 0x10110000 0x10000 5
ok 'memory that does not come, which is copied' absent 0x10300000
ok 'and pinned' dma $PIN 0x10300000 0x10000 0
ok 'the device is closed and opened' c reopen
ok 'the copy has ended' until_true storm_is_over
is 'for there was no client' 7107 word 0xf78
ok 'memory that does not come, which is copied' absent 0x10400000
ok 'and pinned' dma $PIN 0x10400000 0x10000 0
ok 'the server can be killed' killed "$server"
is 'no pin stays' 0 pinned
ok 'the next server' serve "$U" -x -t 2
ok 'pins the same' dma $PIN 0x10400000 0x10000 0
ok 'and the client goes' client_stop

# A client of type 1, version 1, which refuses pins before it takes its lock: all is for the copier.
slow_client() {
	export VFIO_TYPE=1
	client_start "$U"
	unset VFIO_TYPE
}

# The upper half of a file of FUSE, which nobody will send: each time another one.
slow() { # IOVA
	: >"/tmp/slow.$1"
	fuse_file "/tmp/slow.$1" 0x20000 >/tmp/fuse.log 2>&1 5>&- 6<&- &
	fuse=$!
	until_true grep -q "/tmp/slow.$1" /proc/mounts || return
	c map "$1" 0x20000 "/tmp/slow.$1" && c write bar0 0xf08 8 $(($1 + 0x10000)) &&
		c write bar0 0xf10 8 0x1000 && command_of 0xfd8 1 &&
		until_true grep -q read /tmp/fuse.log
}

# It ends with its mount.
slow_ends() { # IOVA
	umount -l "/tmp/slow.$1"
	until_true has_ended "$fuse"
}

if [ "$IOMMU" != iommufd ]; then # which pins it all the same
	ok 'FUSE' sh -c '[ -c /dev/fuse ] || load fuse'
	ok 'a client' slow_client
	ok 'has memory there that does not come, which is copied' slow 0x10000000
	ok 'it can unmap that' c unmap 0x10000000 0x20000
	ok 'the copy has ended' until_true storm_is_over
	ok 'it failed: EBUSY or EINVAL' sh -c "[ $(word 0xf78) = 7016 ] || [ $(word 0xf78) = 7022 ]"
	ok 'once more' slow 0x10100000
	ok 'the client can be killed' client_killed
	ok 'though nobody has sent anything' kill -0 "$fuse"
	ok 'its file goes' slow_ends 0x10100000
	ok 'and another one comes' slow_client
	ok 'the copy has ended' until_true storm_is_over
	is 'for there was no client' 7107 word 0xf78
	ok 'once more' slow 0x10200000
	ok 'the server can be killed' killed "$server"
	ok 'the next server' serve "$U" -x -t 2
	ok 'has the client' c info
	ok 'it goes' client_stop
	ok 'and its file' slow_ends 0x10200000
fi

# ---- two tenants ----------------------------------------------------------------------------

V=$(uuid_nr 2)
first=$server

# A client of the other mdev, its server pins (1).
visit() {
	timeout -s KILL "$TAP_SECONDS" vfio_client "$V" map 0x1000000 0x10000 anon , \
		write bar0 0xf08 8 0x1000000 , write bar0 0xf10 8 0x10000 , \
		write bar0 0xf20 8 1 , read bar0 0xf38 8 , unmap 0x1000000 0x10000
}

ok 'another mdev' mdev_create "$V"
ok 'with a server' serve "$V"
export VFIO_TYPE=1 # which refuses pins before it takes its lock: all is for the copier
ok 'a client of the first' client_start "$U"
VFIO_TYPE=$type
ok 'has memory that does not come, of which there are 540 copies' absent 0x10000000 540
is 'a client of the other maps, has pinned and unmaps' 0x0000000000000000 visit
is 'nothing is left' 0 attribute "$V" pinned_pages
ok 'the first client can be killed' client_killed
ok 'its mdev has no copies' client_start "$U"
ok 'after a while' until_true storm_is_over
ok 'it goes' client_stop

# Who may lock one page. What VFIO refuses to pin it says in the log.
poor_visit() { # COMMAND...: of vfio_client
	timeout -s KILL "$TAP_SECONDS" vfio_client "$V" memlock 4096 , map 0x1000000 0x10000 anon , \
		write bar0 0xf08 8 0x1000000 , write bar0 0xf10 8 0x10000 , "$@"
}
copied_visit() {
	poor_visit write bar0 0xf20 8 $COPY_FILL , read bar0 0xf38 8
}
refusals() {
	dmesg | grep -c RLIMIT_MEMLOCK || true
}
# Eight mappings are as many rounds of one unmap: clients to come are not to pin, as they might be of
# the same container.
if [ "$IOMMU" != iommufd ]; then # which asks but once
	ok 'a client of the first' client_start "$U"
	ok 'maps eight pages' c scatter 0x30000000 8 2
	ok 'which are pinned' dma $PIN_EACH 0x30000000 0x10000 0
	ok 'and one more' c map 0x10000000 0x1000 anon
	ok 'a thread of it unmaps them, and does not come back' c linger 0x30000000 0x10000
	ok 'nothing of it can be pinned until then' dma_fails 16 $PIN 0x10000000 0x1000 0
	ok 'or copied' dma_fails 16 $COPY_FILL 0x10000000 0x1000 1
	before=$(refusals)
	is 'a client of the other that comes now is copied to' 0x0000000000000000 copied_visit
	is 'without a pin' "$before" refusals
	ok 'the thread returns' c return
	ok 'what was not pinned can be' dma $PIN 0x10000000 0x1000 0
	is 'and the next one is copied to' 0x0000000000000000 copied_visit
	ok 'where pinning failed first' [ "$(refusals)" -gt "$before" ]
	ok 'the client goes' client_stop
fi
before=$(refusals) began=$(date +%s)
ok 'a server that pins again and again, and lets go of nothing' \
	poor_visit repeat 100 write bar0 0xf20 8 $PIN_UNPIN
bound=$((64 * (1 + ($(date +%s) - began) / 10)))
ok 'does not fill the log' [ $(($(refusals) - before)) -le $bound ]
stop_server
ok 'a server that pins whenever it can' serve "$V" -i 0x1000000
tries() { # [LAST]: how many there were; or the last one's errno
	if [ $# = 0 ]; then wc -l </tmp/server.log; else tail -n 1 /tmp/server.log; fi
}
tried() { # TIMES
	[ "$(tries)" -ge "$1" ]
}
has_pinned() {
	[ "$(tries last)" = 0 ]
}
ok 'a client that has opened the device' client_start "$V"
ok 'and maps memory' c map 0x1000000 0x1000 anon
ok 'the server tries to pin it' until_true tried $(($(tries) + 3))
is 'but it is not yet a client' 107 tries last
ok 'before it calls' c info
ok 'from then on' until_true has_pinned
ok 'it goes' client_stop
stop_server
ok 'the other mdev goes' mdev_remove "$V"
server=$first

# ---- limits, version 1 ---------------------------------------------------------------------

ok 'a client' client_start "$U"
ok 'the server has calmed down' until_true storm_is_over
before=$(refusals) began=$(date +%s)
ok 'that may lock 64 KiB' c memlock 65536
ok 'maps more' c map 0x1000000 0x400000 anon
ok 'what fits is pinned' dma $PIN 0x1002000 0x8000 0
is 'but no more' 8 pinned
ok 'what does not fit is refused' dma_fails 12 $PIN 0x1100000 0x20000 0
is 'as a whole' 8 pinned
for times in 1 2 3 4 5 6 7 8 9 10 11 12; do
	ok "$times times more" dma_fails 12 $PIN 0x1100000 0x20000 0
done
bound=$((8 * (1 + ($(date +%s) - began) / 10) + 2)) # eight in ten seconds
ok 'but the kernel does not complain as often' [ $(($(refusals) - before)) -le $bound ]
ok 'it can be copied' dma $COPY_FILL 0x1100000 0x20000 3
ok 'to where it should' c memcheck 0x1100000 0x20000 3
ok 'and what was pinned is let go' dma $UNPIN 0x1002000 0x8000 0
ok 'for something else' dma $PIN 0x1200000 0x8000 0
ok 'the client goes' client_stop
export VFIO_TYPE=1
ok 'a client of type 1, version 1' client_start "$U"
ok 'maps memory' c map 0x1000000 0x10000 anon
if [ "$IOMMU" = iommufd ]; then
	ok 'iommufd pins it' dma $PIN 0x1000000 0x10000 0
	ok 'and lets it go' dma $UNPIN 0x1000000 0x10000 0
else
	ok 'it cannot be pinned' dma_fails 95 $PIN 0x1000000 0x10000 0
fi
ok 'but copied to' dma $COPY_FILL 0x1000010 0x8001 4
ok 'as is seen' c memcheck 0x1000010 0x8001 4
ok 'and from' dma $COPY_CHECK 0x1000010 0x8001 4
ok 'and unmapped' c unmap 0x1000000 0x10000
ok 'it goes' client_stop
VFIO_TYPE=$type

# ---- what outlives what, and what does not --------------------------------------------------

stop_server
ok 'a server' serve "$U"
ok 'a client' client_start "$U"
ok 'whose memory may be mapped' set_attribute "$U" direct 1
ok 'of a file' c map 0x10200000 0x4000 memfd
ok 'that it has filled' c memfill 0x10200000 0x4000 1
ok 'is mapped by the server' dma $PIN_FILE 0x10200000 0x4000 0
ok 'in part' c write bar0 0xf10 8 0x1000
ok 'to be filled with this' c write bar0 0xf18 8 9
c_send write bar0 0xff0 8 2
first=$server
ok 'which the server does when it has closed its file' until_true grep -q filled /tmp/server.log
c_answer >/dev/null
ok 'the client has not got it' c memcheck 0x10200000 0x4000 1
ok 'the next server' serve "$U"
ok 'has not got it either' dma_fails 84 $MAP_CHECK 0x10200000 0x1000 9
is 'nor what the client has' 0 pinned
ok 'it fills what it sees' dma $MAP_FILL 0x10200000 0x1000 8
ok 'and the client is as it was' c memcheck 0x10200000 0x4000 1
ok 'the first server is still there' kill -0 "$first"
kill -9 "$first"
ok 'the client goes' client_stop
stop_server

# Its memory for a copy goes, which the kernel waits for, and it ends: by EFAULT.
halfway_ends() {
	kill -USR2 "$first" && wait "$first"
}
ok 'who waits for servers' set_attribute "$U" policy wait
ok 'a server' serve "$U" -r
first=$server
ok 'a client' client_start "$U"
c_send write bar0 0xff0 8 3
ok 'the server leaves while it reads' until_true grep -q stalls /tmp/server.log
ok 'that its client has gone' client_killed
ok 'and is replaced' until_true is_attribute "$U" state no-server
ok 'by another one' serve "$U" -r
ok 'a client' client_start "$U"
is 'is the one that it has heard of' 1 word 0xfb0
ok 'the first server has not read' halfway_ends
is 'what is not for the second' 1 word 0xfb0
first=$server
c_send write bar0 0xff0 8 4
ok 'that leaves while it answers' until_true is_attribute "$U" state no-server
ok 'the next one' serve "$U" -r
ok 'comes before it ends' halfway_ends
ok 'and answers instead' c_answer
ok 'the client goes' client_stop
stop_server
ok 'nobody waits any more' set_attribute "$U" policy fail
ok 'a server' serve "$U"

# It does not wait in the kernel, where nobody can kill it.
rmmod_is_refused() {
	rmmod muser 2>/dev/null 5>&- 6<&- &
	until_true has_ended $! && ! wait $!
}

answer_is() { # ERROR
	c_answer >/tmp/answer
	[ "$(head -n 1 /tmp/answer)" = "error $1" ] || { cat /tmp/answer && return 1; }
}

is_refused() { # COMMAND...: somebody else is there
	"$@" >/tmp/refusal 2>&1
	grep -qi 'EBUSY\|busy' /tmp/refusal || { cat /tmp/refusal && return 1; }
}

# VFIO says EINVAL of a device that is open, and bound by another cdev. All else was right: as soon
# as the mapping goes, the same command succeeds. On iommufd, muser.ko says that it is busy.
no_other_client() {
	case $type in
	cdev) vfio_client "$U" info 2>&1 | grep -q 'BIND_IOMMUFD: Invalid' ;;
	*) is_refused vfio_client "$U" info ;;
	esac
}

ok 'a client' client_start "$U"
ok 'maps a BAR' c mmap bar2 0x1000 0xf000
ok 'has a value there' c mwrite bar2 0x4000 8 77
ok 'the server has a child' command_of 0xff8 1
stop_server
is 'the server dies, and it is there' 0x000000000000004d c mread bar2 0x4000 8
ok 'it can be written' c mwrite bar2 0x5000 8 78
ok 'the next server need not wait for the child' serve "$U"
is 'has it' 0x000000000000004e c read bar2 0x5000 8
ok 'it fetches' command_of 0xf28 2
is 'and counts from its own start' 1 word 0xfa0
c_send write bar0 0xff0 8 1
ok 'it closes its file, and keeps mappings' until_true sh -c "! ls -l /proc/$server/fd | grep -q muser"
ok 'so that no other server comes' is_refused raw_server "$U"
stop_server
ok 'its client hears of it' answer_is EIO
ok 'when it has ended, the next one comes' serve "$U"
ok 'the device is closed, but not the mapping' c shut
ok 'so that no other client comes' no_other_client
is 'it has what was there' 0x000000000000004d c mread bar2 0x4000 8
ok 'wherever it moves' c move bar2
ok 'no other comes' no_other_client
ok 'it ends' c munmap bar2
ok 'and another client comes' vfio_client "$U" info
ok 'the first one ends' client_stop
ok 'a client' client_start "$U"
ok 'that maps a BAR' c mmap bar2 0x1000 0xf000
ok 'closes the device' c shut
ok 'is killed' kill -9 "$client"
exec 5>&- 6<&-
wait "$client"
ok 'and another one comes' client_start "$U"
ok 'that maps a BAR' c mmap bar2 0x1000 0xf000
if [ "$IOMMU" != iommufd ]; then # after which nobody comes back through the module
	ok 'and a page' c scatter 0x30000000 1 1
	ok 'which is pinned' dma $PIN 0x30000000 0x1000 0
	ok 'and unmapped by a thread that does not come back' c linger 0x30000000 0x1000
fi
ok 'closes the device' c shut
stop_server
sh -c "echo 1 >/sys/bus/mdev/devices/$U/remove" 5>&- 6<&- &
remover=$!
ok 'the module stays' sh -c '! rmmod muser 2>/dev/null'
is 'the mapping is there' 0x000000000000004d c mread bar2 0x4000 8
ok 'so the mdev is not removed' kill -0 $remover
ok 'until it goes' c munmap bar2
ok 'then the mdev goes' wait $remover
if [ "$IOMMU" != iommufd ]; then
	ok 'but not the module: the thread is to come back through it' rmmod_is_refused
	ok 'it returns' c return
fi
ok 'and the module' rmmod muser
ok 'the client, too' client_stop
tap_end
