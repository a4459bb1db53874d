# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# The devices of musctl as mediated devices: run by kmod.sh -nq.
# Owns: musctl end to end over muser.ko, its devices seen by a VFIO client and by QEMU's
# vfio-pci, which is driven by qtest: no guest runs, the VFIO side is all real.
# Refuses to test the devices themselves: tests/devices does.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

mkdir -p /tmp/run
export MUSER_RUNTIME_DIR=/tmp/run

# ---- one card ------------------------------------------------------------------------------

ok 'the module is there' load muser
ok 'with the IOMMU that needs no hardware' load "$IOMMU"
ok 'types shows the mdev type' sh -c 'musctl types | grep -q muser-1'
ok 'a card' sh -c 'musctl create gpio-idio16 -T mdev -O pattern=toggle3 >/tmp/uuid'
U=$(cat /tmp/uuid)
ok 'is an mdev' test -e "/sys/bus/mdev/devices/$U"
is 'show says by which transport' mdev sh -c "musctl show -J $U | tr ',' '\n' |
	sed -n 's/.*\"transport\": *\"\\([a-z-]*\\)\".*/\\1/p'"
ok 'and what to tell QEMU' sh -c "musctl show --cmdline=qemu $U | grep -q sysfsdev=.*$U"
ok 'list names it' sh -c "musctl list | grep -q $U"
is 'a VFIO client finds the card' 0x0dc8494f vfio_client "$U" read config 0 4
is 'the pattern' '0x00 0x00 0x00 0xff 0xff 0xff 0x00' sh -c "vfio_client $U read bar2 1 1 , \
	read bar2 1 1 , read bar2 1 1 , read bar2 1 1 , read bar2 1 1 , read bar2 1 1 , \
	read bar2 1 1 | xargs"
ok 'what a client must not do' vfio_client "$U" limits
ok 'a client that stays' client_start "$U"
ok 'takes interrupts' c set intx eventfd trigger 0 1 new
ok 'musctl fires one' musctl irq fire "$U" 0
is 'which arrives' 1 c wait intx 0
ok 'musctl peeks beside it' musctl peek "$U" OUT0_7
ok 'resets' musctl reset "$U"
timeout 30 musctl trace --noheadings -l 2 -o KIND,REGION,OFFSET,VALUE "$U" >/tmp/trace 2>&1 &
ok 'musctl begins to trace' until_true grep -q muser-trace "/proc/$!/maps"
ok 'while a client writes' c write bar2 0 1 0x55
ok 'and reads' c read bar2 5 1
ok 'musctl traces' wait $!
is 'both' 'write bar2 0x00 0x55 read bar2 0x05 0x00' xargs -a /tmp/trace
ok 'the client goes' client_stop

# ---- QEMU ----------------------------------------------------------------------------------

is "QEMU sees the card's ids" 0xdc8494f qtest "$U" "$(CONFIG 0)inl 0xcfc\n"
ok 'musctl resets' musctl reset "$U"
is 'QEMU reads the pattern through an I/O BAR' '0x0000 0x0000 0x0000 0x00ff 0x00ff 0x00ff 0x0000' qtest "$U" \
	"$(CONFIG 0x18)outl 0xcfc 0xc000\n$(CONFIG 4)outw 0xcfc 1\n$(
	)inb 0xc001\ninb 0xc001\ninb 0xc001\ninb 0xc001\ninb 0xc001\ninb 0xc001\ninb 0xc001\n"
ok 'it is destroyed' musctl destroy "$U"
ok 'and nothing is left in sysfs' sh -c "! test -e /sys/bus/mdev/devices/$U"
is 'nor in the runtime folder' '' ls /tmp/run

# ---- the other device, and many ------------------------------------------------------------

ok 'a null device, by the transport that there is' sh -c 'musctl create null >/tmp/uuid'
N=$(cat /tmp/uuid)
ok 'is an mdev, too' test -e "/sys/bus/mdev/devices/$N"
for count in 1 2 3 4 8 13 1000; do
	ok "$count bytes at 5" vfio_client "$N" fill bar0 5 $count 1 , check bar0 5 $count 1
done
ok 'what a client must not do' vfio_client "$N" limits
ok 'eight threads' vfio_client "$N" load 8 3000 bar0 0
ok 'a client' client_start "$N"
ok 'of MSI-X' c set msix eventfd trigger 0 4 new new new new
ok 'gets' musctl irq fire "$N" msix:3
is 'the last vector' 1 c wait msix 3
ok 'and goes' client_stop
is 'QEMU finds MSI-X' '0x0040 0x0011' qtest "$N" \
	"$(CONFIG 0x34)inb 0xcfc\n$(CONFIG 0x40)inb 0xcfc\n"
ok 'it is destroyed' musctl destroy "$N"
ok 'with a vfio-user device' sh -c 'musctl create null -T vfio-user >/tmp/uuid'
ok 'beside, that is none' sh -c "! test -e /sys/bus/mdev/devices/$(cat /tmp/uuid)"
ok 'all are destroyed' musctl destroy "$(cat /tmp/uuid)"
ok 'the module goes' rmmod muser
tap_end
