#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A suite with what it needs: a guest inside the VM, of the same stock kernel.
# Refuses to be quick: an emulated machine emulates another, one to three minutes.
# usage: nested.sh example|nvme        suite_NAME.sh, guest-NAME is the init of its guest

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly KERNEL=bookworm

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
inner=() outer=() # what is in the guest, and in the VM
case ${1-} in
example) inner=(gpio-pci-idio-16 "$here/guest-idio16") ;;
nvme)
	ext4=$("$here/fetch-tool.sh" e2fsprogs mkfs.ext4 e2fsck)
	head -c 8M /dev/urandom >"$work/noise"
	truncate -s 32M "$work/disk"
	"$ext4/mkfs.ext4" -q "$work/disk"
	inner=(nvme ext4 crc32c_generic "$here/guest-disk" "$work/noise")
	outer=("$ext4" "$work/disk" "$work/noise")
	;;
*) sed -n 's/^# usage: /usage: /p' "$0" >&2 && exit 2 ;;
esac
kernel=$("$here/fetch-kernel.sh" "$KERNEL")
"$here/mkinitramfs.sh" "$kernel" "$work/initrd" "${inner[@]}" "$here/guest-$1"
for file in vmlinuz vmlinux; do # the latter, where there is one
	[[ ! -e $kernel/$file ]] || ln -sf "$kernel/$file" "$work/kernel"
done
"$here/kmod.sh" -q "$KERNEL" "$here/suite_$1.sh" "$work/kernel" "$work/initrd" "${outer[@]}"
