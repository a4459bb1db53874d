#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# suite_example.sh with what it needs: a guest inside the VM, of the same stock kernel.
# Refuses to be quick: an emulated machine emulates another, one to three minutes.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly KERNEL=bookworm

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kernel=$("$here/fetch-kernel.sh" "$KERNEL")
"$here/mkinitramfs.sh" "$kernel" "$work/initrd" gpio-pci-idio-16 "$here/guest-idio16" \
	"$here/guest-example"
for file in vmlinuz vmlinux; do # the latter, where there is one
	[[ ! -e $kernel/$file ]] || ln -sf "$kernel/$file" "$work/kernel"
done
"$here/kmod.sh" -q "$KERNEL" "$here/suite_example.sh" "$work/kernel" "$work/initrd"
