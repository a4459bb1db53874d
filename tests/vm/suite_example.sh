# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# The seeds' example: QEMU with the mdev, a Linux with its stock driver, one read(2) a value.
# Run by kmod.sh -q, with the guest's kernel and initrd among the files; slow, as QEMU in QEMU.
# Refuses a guest's RAM that the host shares: ordinary memory has to do.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

NIL=00000000-0000-0000-0000-000000000000
mkdir -p /tmp/run
export MUSER_RUNTIME_DIR=/tmp/run

guest_boots() {
	timeout 400 qemu-system-x86_64 -M pc -m 192M -accel tcg -nodefaults -display none \
		-no-reboot -kernel /files/kernel -initrd /files/initrd \
		-append 'console=ttyS0 no_timer_check panic=-1 quiet rdinit=/bin/guest-example' -serial stdio \
		-device "vfio-pci,sysfsdev=/sys/bus/mdev/devices/$NIL" >/tmp/guest.log 2>&1
	cat /tmp/guest.log
	grep -q '^guest: done' /tmp/guest.log
}

guest_said() { # WHAT
	sed -n "s/\r//; s/^guest: $1: //p" /tmp/guest.log | xargs
}

ok 'the mdev is made through sysfs, with the nil UUID' mdev_create $NIL
ok 'musctl serves it' musctl create gpio-idio16 -u $NIL -O pattern=toggle3
ok 'a guest boots with it' guest_boots
is 'the stock driver is bound' pci-idio-16 guest_said driver
is 'one read is one value' '0 0 0 1 1 1 0 0 0 1 1 1' guest_said values
ok 'musctl destroys it' musctl destroy $NIL
tap_end
