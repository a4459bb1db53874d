# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# muser.ko on iommufd, the device by its own file: run by kmod.sh -n iommufd.
# Owns: address spaces (IOAS) that are attached, replaced and detached under what is pinned; pins
# that are not let go as they were taken: in parts, across mappings, for writing after reading.
# Refuses what a container can show as well: suite_memory.sh does, on this kernel, too.

# shellcheck source-path=SCRIPTDIR/.. source=../tap.sh
. /files/tap.sh

U=$(uuid_nr 1)
V=$(uuid_nr 2)
export VFIO_TYPE=cdev

pinned() {
	attribute "$U" pinned_pages
}

word() { # OFFSET: of raw_server, in decimal
	word_value=$(c read bar0 "$1" 8) && echo $((word_value))
}

storm_is_over() {
	[ "$(word 0xf70)" = 0 ]
}

ok 'modules' sh -c 'load iommufd && load muser'
ok 'an mdev' mdev_create "$U"
ok 'and another one' mdev_create "$V"
ok 'with a server' serve "$V"
second=$server
ok 'as the first' serve "$U" -x -t 2

# ---- address spaces ------------------------------------------------------------------------

ok 'a client of a device file' client_start "$U"
ok 'maps memory' c map 0x1000000 0x10000 memfd
ok 'pinned' dma $PIN 0x1000000 0x10000 0
ok 'the server writes' dma $MAP_FILL 0x1000000 0x10000 1
ok 'to the client' c memcheck 0x1000000 0x10000 1
ok 'in a second address space' c ioas 1
ok 'there is other memory' c map 0x1000000 0x10000 memfd
ok 'that one takes the place of the first' c attach 1
is 'nothing is pinned' 0 pinned
ok 'the server writes' dma $MAP_FILL 0x1000000 0x10000 2
ok 'to nobody' c ioas 0
ok 'not to the first' c memcheck 0x1000000 0x10000 1
ok 'pinned again' dma $PIN 0x1000000 0x10000 0
ok 'and written' dma $MAP_FILL 0x1000000 0x10000 3
ok 'the first stays as it was' c memcheck 0x1000000 0x10000 1
ok 'the second' c ioas 1
ok 'has it' c memcheck 0x1000000 0x10000 3
ok 'detached' c detach
is 'nothing is pinned' 0 pinned
ok 'nor can be' dma_fails 22 $PIN 0x1000000 0x10000 0
ok 'nor copied' dma_fails 22 $COPY_FILL 0x1000000 0x10000 4
ok 'the server writes' dma $MAP_FILL 0x1000000 0x10000 4
ok 'to nobody' c memcheck 0x1000000 0x10000 3
ok 'detached twice' c detach
ok 'attached again' c attach 1
ok 'to the same twice' c attach 1
ok 'copied' dma $COPY_FILL 0x1000000 0x10000 5
ok 'to the second' c memcheck 0x1000000 0x10000 5
ok 'pinned' dma $PIN 0x1000000 0x10000 0
ok 'the device is closed while it is attached' c bind
is 'nothing is pinned' 0 pinned
ok 'bound, but not attached' dma_fails 22 $PIN 0x1000000 0x10000 0
ok 'attached' c attach 1
ok 'pinned' dma $PIN 0x1000000 0x10000 0
ok 'open but not bound' c unbound
ok 'it is no device yet' c ! EINVAL info
ok 'the client goes' client_stop
is 'nothing is pinned' 0 pinned

# ---- runs ----------------------------------------------------------------------------------

ok 'a client' client_start "$U"
ok 'maps 4 MiB' c map 0x10000000 0x400000 anon
ok 'all is pinned' dma $PIN 0x10000000 0x400000 0
is 'page by page counted' 1024 pinned
ok 'the server writes' dma $MAP_FILL 0x10000000 0x400000 1
for range in 0x10001000+0x1000 0x10000000+0x1000 0x101ff000+0x2000 0x10080000+0x80000; do
	ok "$range is let go" dma $UNPIN ${range%+*} ${range#*+} 0
done
is 'no more and no less' $((1024 - 4 - 128)) pinned
ok 'the rest is the client'"'"'s' dma $MAP_FILL 0x10002000 0x7e000 2
ok 'as before' c memcheck 0x10002000 0x7e000 2
ok 'what was let go' dma $MAP_FILL 0x10080000 0x1000 3
ok 'is not' c memwrite 0x10080000 8 7
ok 'pinned in part' dma $PIN 0x10080000 0x1000 0
ok 'as a whole' dma $PIN 0x10000000 0x400000 0
is 'all' 1024 pinned
ok 'let go across all that' dma $UNPIN 0x10040000 0x300000 0
is 'which leaves' 256 pinned
ok 'a part cannot be unmapped' c ! ENOENT unmap 0x10000000 0x200000
is 'which changes nothing' 256 pinned
ok 'unmapped' c unmap 0x10000000 0x400000
is 'all is let go' 0 pinned
ok 'two mappings side by side' c map 0x20000000 0x4000 memfd
ok 'one behind the other' c map 0x20004000 0x4000 memfd
ok 'are pinned as one' dma $PIN 0x20000000 0x8000 0
ok 'the first is unmapped' c unmap 0x20000000 0x4000
is 'the second stays pinned' 4 pinned
ok 'it is written' dma $MAP_FILL 0x20004000 0x4000 4
ok 'as the client sees' c memcheck 0x20004000 0x4000 4
ok 'the first is mapped again' c remap 0x20000000 0x4000
ok 'pinned beside it' dma $PIN 0x20000000 0x8000 0
ok 'the second is unmapped' c unmap 0x20004000 0x4000
is 'the first stays pinned' 4 pinned
ok 'the first is unmapped' c unmap 0x20000000 0x4000
is 'nothing is pinned' 0 pinned
ok 'memory' c map 0x30000000 0x4000 anon
ok 'beside some to be read' c map 0x30004000 0x4000 anon r
ok 'both are pinned to be read' dma $PIN_READ 0x30000000 0x8000 0
ok 'a part to be written' dma $PIN 0x30001000 0x2000 0
ok 'not the other' dma_fails 1 $PIN 0x30005000 0x1000 0
is 'in all' 8 pinned
ok 'a part is written' dma $MAP_FILL 0x30001000 0x2000 5
ok 'as the client sees' c memcheck 0x30001000 0x2000 5
ok 'half of that is let go' dma $UNPIN 0x30002000 0x1000 0
ok 'one is unmapped' c unmap 0x30000000 0x4000
is 'the other stays' 4 pinned
ok 'that one, too' c unmap 0x30004000 0x4000
is 'nothing is pinned' 0 pinned

# ---- two devices ---------------------------------------------------------------------------

ok 'a second device joins the address space' c join "$V"
ok 'memory for both' c map 0x40000000 0x20000 memfd
ok 'the first has it pinned' dma $PIN 0x40000000 0x20000 0
ok 'the second' c swap
ok 'too' dma $PIN 0x40000000 0x20000 0
ok 'and lets a part go' dma $UNPIN 0x40004000 0x8000 0
is 'its own' 24 attribute "$V" pinned_pages
is 'not that of the first' 32 pinned
ok 'the second is detached' c detach
is 'without pins' 0 attribute "$V" pinned_pages
is 'of its own' 32 pinned
ok 'attached' c attach 0
ok 'pinned' dma $PIN 0x40004000 0x8000 0
ok 'unmapped' c unmap 0x40000000 0x20000
is 'by both' 0 attribute "$V" pinned_pages
is 'of them' 0 pinned
ok 'the first again' c swap

# ---- all of it at once ---------------------------------------------------------------------

ok 'the server uses memory as it likes' c write bar0 0xf08 8 0x1000000
ok 'all of this' c write bar0 0xf10 8 0x1000000
ok 'while threads map and unmap' command_of 0xf60 5000
ok 'for as long' c dmastorm 4 5000 0x1000000 0x1000000
ok 'it ends' until_true storm_is_over
is 'without a fault' 0 word 0xf78
is 'and without pins' 0 pinned
ok 'memory to stay' c map 0x1000000 0x1000000 anon
ok 'in another address space' c ioas 1
ok 'too' c map 0x1000000 0x1000000 memfd
ok 'the server goes on' command_of 0xf60 5000
ok 'while the device is attached and detached' c attachstorm 5000
ok 'it ends' until_true storm_is_over
is 'without a fault' 0 word 0xf78
ok 'it is attached' c attach 1
ok 'the server goes on' command_of 0xf60 20000
ok 'it pins' until_true sh -c "! grep -qx 0 /sys/bus/mdev/devices/$U/pinned_pages"
ok 'and dies' stop_server
is 'no pin stays' 0 pinned
ok 'a server' serve "$U"
ok 'goes on' command_of 0xf60 20000
ok 'pins' until_true sh -c "! grep -qx 0 /sys/bus/mdev/devices/$U/pinned_pages"
ok 'and the client dies' kill -9 "$client"
exec 5>&- 6<&-
wait "$client"
ok 'its memory is let go' until_true is_attribute "$U" pinned_pages 0

# ---- going ---------------------------------------------------------------------------------

ok 'a client' client_start "$U"
ok 'has the file open, no more' c unbound
# Of a function, the shell would keep the client's commands open.
sh -c "echo 1 >/sys/bus/mdev/devices/$U/remove" 5>&- 6<&- &
removal=$!
ok 'removal waits for it' until_true sh -c "! test -e /dev/vfio/devices/vfio0"
ok 'it goes' client_stop
ok 'so that the mdev is removed' wait $removal
kill -9 "$second"
ok 'the other one, too' mdev_remove "$V"
ok 'the module goes' rmmod muser
tap_end
