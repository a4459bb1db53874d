#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Print the path of a directory with a suite's QEMU, small enough to be put into a guest:
# qemu-system-x86_64 and what it needs, started through its own dynamic loader. bookworm's knows
# /dev/vfio alone, the one of trixie-backports iommufd as well.
# Owns: leaving out what a PC without screen, sound and disks does not take.
# Refuses: to be the QEMU that runs the guests, which fetch-qemu.sh finds.
# usage: fetch-stock-qemu.sh [SUITE]        the default is bookworm

set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$(dirname "${BASH_SOURCE[0]}")/debs.sh"

build() { # SUITE
	local root=$DEBS_TMP/root lib
	local -a suites=("$1")
	[[ $1 != *-backports ]] || suites+=("${1%-backports}")
	debs_open "${suites[@]}"
	DEBS_VERSION=$(debs_upstream qemu-system-x86)
	debs_download_closure qemu-system-x86
	debs_unpack "$root"
	debs_merge_lib "$root"
	lib=$root/usr/lib/x86_64-linux-gnu
	debs_keep "$root" "$root/usr/bin/qemu-system-x86_64" "$lib"/qemu/accel-*.so \
		"$root"/usr/share/seabios/bios-256k.bin \
		"$root"/usr/share/qemu/{kvmvapic,linuxboot_dma,multiboot_dma,pvh}.bin
	debs_keep_libraries "$root" "$root/usr/bin/qemu-system-x86_64" "$lib"/qemu/accel-*.so
	# shellcheck disable=SC2016 # the wrapper's words
	debs_write_wrapper qemu-system-x86_64 \
		'-L "$root/usr/share/qemu" -L "$root/usr/share/seabios"' 'QEMU_MODULE_DIR="$lib/qemu"'
	echo q | "$DEBS_OUT/qemu-system-x86_64" -accel tcg -S -nodefaults -display none \
		-monitor stdio >/dev/null ||
		debs_fail "QEMU of $1 does not start (mend fetch-stock-qemu.sh)"
}

suite=${1:-bookworm}
debs_cached "stock-qemu-$suite" build "$suite"
printf '%s\n' "$DEBS_DIR"
