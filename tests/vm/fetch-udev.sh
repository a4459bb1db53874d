#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Print the path of a folder with bookworm's udev, small enough to be put into a guest:
# systemd-udevd and udevadm, started through their own dynamic loader, and in root/ Debian's rules.
# Owns: leaving out what is not for devices of the kernel's alone, such as the hardware database.
# Refuses: to start any of it on the host.

set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$(dirname "${BASH_SOURCE[0]}")/debs.sh"

readonly SUITE=bookworm

# One program, which looks at how it is called.
build() {
	local root=$DEBS_TMP/root name
	debs_open "$SUITE"
	DEBS_VERSION=$(debs_upstream udev)
	debs_download_closure udev
	debs_unpack "$root"
	debs_merge_lib "$root"
	mkdir -p "$root/usr/bin" "$DEBS_OUT/root/usr/lib/udev"
	mv "$root/bin/udevadm" "$root/usr/bin/"
	ln "$root/usr/bin/udevadm" "$root/usr/bin/systemd-udevd"
	debs_keep "$root" "$root"/usr/bin/{udevadm,systemd-udevd}
	debs_keep_libraries "$root" "$root/usr/bin/udevadm"
	cp -r "$root/usr/lib/udev/rules.d" "$DEBS_OUT/root/usr/lib/udev/"
	for name in udevadm systemd-udevd; do
		debs_write_wrapper "$name"
	done
	"$DEBS_OUT/udevadm" --version >/dev/null ||
		debs_fail "udevadm of $SUITE does not start (mend fetch-udev.sh)"
}

debs_cached udev build
printf '%s\n' "$DEBS_DIR"
