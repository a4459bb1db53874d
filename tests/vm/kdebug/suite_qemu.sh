# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# QEMU's vfio-pci on iommufd, over muser.ko: run by kmod.sh -n iommufd, with a QEMU that knows it.
# Owns: that a guest's memory is mapped, pinned, copied and let go as VFIO's own container does.
# Refuses what QEMU does the same way on both: suite_devices.sh has it.

# shellcheck source-path=SCRIPTDIR/.. source=../tap.sh
. /files/tap.sh

U=$(uuid_nr 1)
BAR=0xe0000000
RAM=0x1000000
export QTEST_SAYS='warning: VFIO dma-buf not supported in kernel' # which is that of 6.12

on_iommufd() { # WORDS
	qtest "$U" "$(CONFIG 0x10)outl 0xcfc $BAR\n$(CONFIG 4)outw 0xcfc 6\n$1" ,iommufd=fd \
		-object iommufd,id=fd
}

write_word() { # OFFSET VALUE
	printf 'writel 0x%x 0x%x\\n' $((BAR + $1)) $(($2))
}

of_ram() { # OPERATION SEED
	write_word 0xf08 $RAM && write_word 0xf10 0x4000 && write_word 0xf18 "$2"
	write_word 0xf20 "$1" && printf 'readl 0x%x\\n' $((BAR + 0xf38))
}

# As qtest prints them.
values() { # VALUE...
	printf '0x%016x\n' "$@" | xargs
}

# The byte that raw_server's pattern has there.
pattern() { # SEED OFFSET
	pattern_x=$((($2 + 1) * 0x9e3779b97f4a7c15 ^ $1 * 0xc2b2ae3d27d4eb4f))
	echo $((((pattern_x >> 56) ^ (pattern_x >> 24)) & 0xff))
}

ok 'modules' sh -c 'load iommufd && load muser'
ok 'an mdev' mdev_create "$U"
ok 'with a server' serve "$U" -x -t 2
is 'QEMU sees its ids' 0x52411234 on_iommufd "$(CONFIG 0)inl 0xcfc\n"
is "the guest's memory is pinned and mapped" \
	"$(values 0 0 "$(pattern 7 0)" "$(pattern 7 0x3fff)")" on_iommufd \
	"$(of_ram $PIN 0)$(of_ram $MAP_FILL 7)readb $RAM\nreadb $((RAM + 0x3fff))\n"
is 'nothing stays pinned' 0 attribute "$U" pinned_pages
is 'it is copied' "$(values 0 "$(pattern 8 0)" 0 84)" \
	on_iommufd "$(of_ram $COPY_FILL 8)readb $RAM\n$(of_ram $COPY_CHECK 8)memset $RAM 0x4000 0\n$(
	)$(of_ram $COPY_CHECK 8)"
is 'what is no memory is refused' "$(values 22)" on_iommufd \
	"$(write_word 0xf08 0x3f000000)$(write_word 0xf10 0x1000)$(write_word 0xf20 $PIN)$(
	)readl $((BAR + 0xf38))\n"
ok 'the server is still there' is_attribute "$U" state ready
stop_server
ok 'the mdev goes' mdev_remove "$U"
ok 'and the module' rmmod muser
tap_end
