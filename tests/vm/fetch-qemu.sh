#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Print the path of a qemu-system-x86_64 that has the vfio-user-pci device (QEMU >= 10.1).
# Owns the choice: $QEMU, else an installed one, else one kept in the cache, else the
# newest of Debian's trixie-backports, unpacked there with all its libraries and started
# through its own dynamic loader: no root, no chroot, nothing installed.
# Refuses: to print a QEMU without the device. Set DEBIAN_MIRROR= where apt knows none.

set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$(dirname "${BASH_SOURCE[0]}")/debs.sh"

readonly SUITE=trixie

has_device() { # QEMU
	local devices
	devices=$("$1" -device help 2>/dev/null) || return 1
	[[ $devices == *'"vfio-user-pci"'* ]]
}

build() {
	debs_open "$SUITE" "$SUITE-backports"
	DEBS_VERSION=$(debs_upstream qemu-system-x86)
	debs_download_closure qemu-system-x86
	debs_unpack "$DEBS_OUT/root"
	# shellcheck disable=SC2016 # the wrapper's words
	debs_write_wrapper qemu-system-x86_64 \
		'-L "$root/usr/share/qemu" -L "$root/usr/share/seabios"'
	has_device "$DEBS_OUT/qemu-system-x86_64" ||
		debs_fail "QEMU ${DEBS_VERSION:-?} of $SUITE-backports lacks vfio-user-pci" \
			"(install QEMU >= 10.1 or set QEMU=)"
}

main() {
	local installed
	if [[ -n ${QEMU:-} ]]; then
		installed=$(command -v "$QEMU") ||
			debs_fail "QEMU=$QEMU cannot be run (unset it or mend the path)"
		has_device "$QEMU" ||
			debs_fail "QEMU=$QEMU lacks vfio-user-pci (QEMU >= 10.1 has it)"
		printf '%s\n' "$installed"
		return
	fi
	installed=$(command -v qemu-system-x86_64) || installed=
	if [[ -n $installed ]] && has_device "$installed"; then
		printf '%s\n' "$installed"
		return
	fi
	debs_cached qemu build
	printf '%s/qemu-system-x86_64\n' "$DEBS_DIR"
}

main
