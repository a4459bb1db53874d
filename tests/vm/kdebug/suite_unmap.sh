# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Others that come between the rounds of an unmap: run by kmod.sh -n, with two CPUs.
# Owns: that neither the kernel nor the client's threads nor its successors suffer from that.
# Refuses iommufd, which has no rounds.

# shellcheck source-path=SCRIPTDIR/.. source=../tap.sh
. /files/tap.sh

U=$(uuid_nr 1)
V=$(uuid_nr 2)

# Of a thread that hangs in the kernel nothing can be cleared away.
enough() {
	[ $tap_failed = 0 ] || tap_end || exit
}

ok 'modules' sh -c "load $IOMMU && load muser"
ok 'an mdev' mdev_create "$V"
ok 'with a server' serve "$V"
second=$server
ok 'and another one' mdev_create "$U"
ok 'with one, too' serve "$U"

ok 'a client' client_start "$U"
ok 'maps and pins anew between the rounds of an unmap' c reuse 0x10000000 20
enough
is 'no pin stays' 0 attribute "$U" pinned_pages

ok 'a second device in the container' c partner "$V"
ok 'memory' c map 0x20000000 0x1800000 anon
for try in 1 2 3; do
	ok 'is pinned' dma $PIN 0x20000000 0x1800000 0
	ok 'every other page of it' dma $UNPIN_EACH 0x20000000 0x1800000 0
	ok "and unmapped, while that device comes between two rounds: $try" \
		c cross 0x20000000 0x1800000
	enough
	is 'no pin stays' 0 attribute "$U" pinned_pages
	is 'of either device' 0 attribute "$V" pinned_pages
	ok 'it is mapped' c remap 0x20000000 0x1800000
done
ok 'and unmapped' c unmap 0x20000000 0x1800000

ok 'pages that lie apart' c scatter 0x30000000 2000 2
ok 'are unmapped, while another client comes' c succeed 0x30000000 0xfa0000
enough
is 'no pin stays' 0 attribute "$V" pinned_pages
ok 'the client goes' client_stop

kill -9 "$second"
wait "$second"
ok 'the mdev goes' mdev_remove "$V"
stop_server
ok 'the other one, too' mdev_remove "$U"
ok 'the module goes' rmmod muser
tap_end
