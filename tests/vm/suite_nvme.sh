# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# An NVMe controller as a mediated device: QEMU with it, a Linux with its stock driver and a file
# system. Run by nested.sh, with the guest's kernel and initrd among the files.
# Refuses a guest's RAM that the host shares: ordinary memory has to do.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

mkdir -p /tmp/run
export MUSER_RUNTIME_DIR=/tmp/run

guest_boots() { # UUID
	timeout 700 qemu-system-x86_64 -M pc -m 256M -accel tcg -nodefaults -display none \
		-no-reboot -kernel /files/kernel -initrd /files/initrd \
		-append 'console=ttyS0 no_timer_check panic=-1 quiet rdinit=/bin/guest-nvme' \
		-serial stdio -device "vfio-pci,sysfsdev=/sys/bus/mdev/devices/$1" \
		>/tmp/guest.log 2>&1
	cat /tmp/guest.log
	grep -q '^guest: done' /tmp/guest.log
}

guest_said() { # WHAT
	sed -n "s/\r//; s/^guest: $1: //p" /tmp/guest.log | xargs
}

ok 'a controller' sh -c 'musctl create nvme -T mdev -O backend=file -O path=/files/disk \
	-O serial=nested >/tmp/uuid'
U=$(cat /tmp/uuid)
ok 'a guest boots with it' guest_boots "$U"
is 'the stock driver finds the namespace' /dev/nvme0n1 guest_said disk
is 'it is reset while it works' live guest_said state
is 'what was written meanwhile is read back' "$(md5sum </files/noise | xargs)" guest_said sum
is 'the driver had nothing to complain about' '' guest_said complaint
ok 'musctl destroys it' musctl destroy "$U"
ok 'the file system in the file is clean' e2fsck -fn /files/disk
tap_end
