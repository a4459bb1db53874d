# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# libmuser behind muser.ko, with the device of prober.c: run by kmod.sh -n.
# Owns: what a device can do to client memory, and what it sees of its client.
# Refuses to know the module's messages: suite_module.sh does.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

U=$(uuid_nr 1)
ADDR=0x00 LEN=0x08 SEED=0x10 GO=0x18 RESULT=0x20 ENTRIES=0x28
WRITTEN=0x30 MAPS=0x38 UNMAPS=0x40 CLIENTS=0x48 FIRE=0x50 LEVEL=0x58
KNOWN=0x60
FILL=1 CHECK=2 COPY_FILL=3 COPY_CHECK=4 HOLD=5 HELD_FILL=6 DROP=7 HALT=8

mkdir -p /tmp/run
export MUSER_RUNTIME_DIR=/tmp/run

prober_start() {
	MUSER_UUID=$U MUSER_TRANSPORT=mdev prober >/tmp/server.log 2>&1 5>&- 6<&- &
	server=$!
	until_true is_attribute "$U" state ready
}

# The register, in decimal.
reg() { # OFFSET
	reg_value=$(c read bar0 "$1" 8) || return
	printf '%d\n' "$reg_value"
}

# Its result is 0, or the errno.
does() { # OPERATION IOVA SIZE SEED [ERRNO]
	c write bar0 $ADDR 8 "$2" && c write bar0 $LEN 8 "$3" && c write bar0 $SEED 8 "$4" &&
		c write bar0 $GO 8 "$1" && does_result=$(reg $RESULT) || return
	[ "$does_result" = "${5-0}" ] && return
	echo "result: $does_result"
	return 1
}

is_halted() {
	grep -q '^State:.T' "/proc/$server/status"
}

halt_asleep() {
	kill -STOP "$server" && until_true is_halted
}

# By a callback: messages are what it looks at next.
halt_awake() {
	musctl poke "$U" GO=$HALT >/dev/null 2>&1 5>&- 6<&- &
	until_true is_halted
}

ended() {
	wait "$server"
}

ok 'the module' load muser
ok 'with the IOMMU that needs no hardware' load "$IOMMU"
ok 'an mdev' mdev_create "$U"
ok 'without a node there is a clear word' sh -c "
	MUSER_UUID=$(uuid_nr 7) MUSER_TRANSPORT=mdev prober 2>&1 | grep 'no such mediated device'"
ok 'a libmuser program serves it' prober_start
ok 'a second one is told that it is busy' sh -c "
	MUSER_RUNTIME_DIR=/tmp/other MUSER_UUID=$U MUSER_TRANSPORT=mdev prober 2>&1 |
	grep 'another process serves it'"
ok 'a client' client_start "$U"
is 'the device knows of it' 1 reg $CLIENTS

# ---- memory of every kind --------------------------------------------------------------------

echo 64 >/proc/sys/vm/nr_hugepages
iova=0x10000000
for kind in anon memfd hugetlb; do
	ok "$kind memory" c map "$iova" 0x800000 $kind
	ok '  is filled by the client' c memfill "$iova" 0x300000 1
	ok '  and seen by the device' does $CHECK "$iova" 0x300000 1
	ok '  is filled by the device' does $FILL "$iova" 0x300000 2
	ok '  and seen by the client' c memcheck "$iova" 0x300000 2
	ok '  is copied, too' does $COPY_FILL $((iova + 0x400001)) 0x12345 3
	ok '  wherever it is' c memcheck $((iova + 0x400001)) 0x12345 3
	ok '  both ways' does $COPY_CHECK $((iova + 0x400001)) 0x12345 3
	ok '  goes' c unmap "$iova" 0x800000
	ok '  and is not there any more' does $CHECK "$iova" 0x1000 0 2
	iova=$(printf '0x%x' $((iova + 0x40000000)))
done
is 'the device has been told of all windows' true sh -c \
	"[ $(reg $MAPS) -gt 0 ] && [ $(reg $MAPS) = $(reg $UNMAPS) ] && echo true"
is 'nothing is pinned' 0 attribute "$U" pinned_pages

# ---- edges -----------------------------------------------------------------------------------

ok 'memory on both sides of a GiB' c map 0x7fe00000 0x400000 anon
ok 'is found by pieces' does $FILL 0x7fe00000 0x1000 4
ok 'that join' does $FILL 0x801ff000 0x1000 4
ok 'is filled across it' does $FILL 0x7ffff000 0x3000 5
is 'by one pointer' 1 reg $ENTRIES
ok 'to the byte' c memcheck 0x7ffff000 0x3000 5
ok 'beyond its end it is not' does $FILL 0x801ffffc 8 5 2
ok 'nor before its start' does $FILL 0x7fdffffc 8 5 2
ok 'it goes' c unmap 0x7fe00000 0x400000
ok 'memory for reading' c map 0x20000000 0x200000 anon r
ok 'that the client has filled' c memfill 0x20000000 0x1000 1
ok 'is read' does $CHECK 0x20000000 0x1000 1
ok 'and not written' does $FILL 0x20000000 0x1000 1 13
ok 'nor by copies' does $COPY_FILL 0x20000000 0x1000 1 13
ok 'it goes, too' c unmap 0x20000000 0x200000

# ---- revocation ------------------------------------------------------------------------------

# As pages that are shown, or as the file that they are.
iova=0x30000000
for direct in 0 1; do
	ok "files may be mapped: $direct" set_attribute "$U" direct $direct
	ok 'memory that the device holds' c map "$iova" 0x400000 memfd
	ok 'is held' does $HOLD "$iova" 0x200000 0
	ok 'is unmapped nevertheless' c unmap "$iova" 0x400000
	ok 'pointers to it still work' does $HELD_FILL "$iova" 0x200000 7
	ok 'the same memory comes back' c remap "$iova" 0x400000
	ok 'it was not written to' c memfill "$iova" 0x1000 8
	ok 'nor is it through the old pointers' does $HELD_FILL "$iova" 0x200000 9
	ok 'as it was' c memcheck "$iova" 0x1000 8
	ok 'new ones see it' does $CHECK "$iova" 0x1000 8
	ok 'the old ones are given back' does $DROP 0 0 0
	ok 'and it goes' c unmap "$iova" 0x400000
	iova=$(printf '0x%x' $((iova + 0x1000000)))
done
ok 'memory that the device holds' c map "$iova" 0x400000 memfd
ok 'is held' does $HOLD "$iova" 0x200000 0
ok 'and filled' does $HELD_FILL "$iova" 0x200000 1
ok 'by pointers to a file' c memcheck "$iova" 0x200000 1
ok 'which root forbids' set_attribute "$U" direct 0
ok 'they still work' does $HELD_FILL "$iova" 0x200000 2
ok 'not on the client' c memcheck "$iova" 0x200000 1
ok 'new ones see it' does $CHECK "$iova" 0x200000 1
ok 'and fill it' does $FILL "$iova" 0x200000 3
ok 'as the client sees' c memcheck "$iova" 0x200000 3
ok 'the old ones are given back' does $DROP 0 0 0
ok 'and it goes' c unmap "$iova" 0x400000
ok 'root allows files again' set_attribute "$U" direct 1

# ---- interrupts ------------------------------------------------------------------------------

ok 'MSI-X' c set msix eventfd trigger 0 4 new new new new
ok 'fires' c write bar0 $FIRE 8 2
is 'one vector' 1 c wait msix 2 2000
ok 'and no other' c quiet msix 1 100
ok 'off again' c set msix none trigger 0 0
ok 'INTx' c set intx eventfd trigger 0 1 new
ok 'rises' c write bar0 $LEVEL 8 1
is 'once' 1 c wait intx 0 2000
ok 'and is masked' c quiet intx 0 200
ok 'unmasked, it is up still' c set intx none unmask 0 1
is 'so it fires again' 1 c wait intx 0 2000
ok 'it falls' c write bar0 $LEVEL 8 0
ok 'and unmasked' c set intx none unmask 0 1
ok 'it is quiet' c quiet intx 0 200

# ---- device memory ---------------------------------------------------------------------------

ok 'device memory is mapped' c mmap bar2 0x1000 0xf000
is 'the device has seen no write' 0 reg $WRITTEN
ok 'a write to a page' c mwrite bar2 0x3000 4 0x12345678
is 'is seen' 8 reg $WRITTEN
is 'by both' 0x12345678 c read bar2 0x3000 4
ok 'the next one' c mwrite bar2 0x3004 4 1
is 'is seen again' 8 reg $WRITTEN
ok 'reads' c mread bar2 0x5000 4
is 'are not' 0 reg $WRITTEN
for halt in halt_asleep halt_awake; do
	ok "memory that the device uses ($halt)" c map 0x50000000 0x200000 memfd
	ok '  is there' does $FILL 0x50000000 0x200000 1
	ok '  the device stands still' $halt
	ok '  the client unmaps it' c unmap 0x50000000 0x200000
	ok '  writes to a page' c mwrite bar2 0x6000 4 1
	ok '  and reads a register' c_send read bar0 $WRITTEN 8
	ok '  which waits' until_true is_attribute "$U" outstanding 1
	ok '  the device goes on' kill -CONT "$server"
	is '  it knew of the write when the register was read' 0x0000000000000040 c_answer
	is '  and of the unmap when it was told of the write' "$(reg $UNMAPS)" reg $KNOWN
done
ok 'reset' c reset

# ---- the end ---------------------------------------------------------------------------------

ok 'the client leaves with memory mapped' c map 0x40000000 0x400000 anon
ok 'and in use' does $FILL 0x40000000 0x200000 1
ok 'it is gone' client_stop
until_true is_attribute "$U" pinned_pages 0
is 'nothing is pinned' 0 attribute "$U" pinned_pages
ok 'the next one comes' client_start "$U"
is 'and is known' 2 reg $CLIENTS
ok 'it leaves' client_stop
ok 'the mdev is removed' mdev_remove "$U"
ok 'the program ends by that, in good order' ended
ok 'and leaves no folder' sh -c '! ls /tmp/run/*'
tap_end
