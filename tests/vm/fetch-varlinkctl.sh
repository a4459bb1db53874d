#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Print the path of systemd's varlinkctl, a Varlink client that knows nothing of us.
# Owns the choice: $VARLINKCTL, else an installed one, else one kept in the cache, else that
# of Debian's trixie, unpacked there with its libraries and started through its own dynamic
# loader: no root, no chroot, nothing installed.
# Refuses: nothing that calls itself varlinkctl. Set DEBIAN_MIRROR= where apt knows none.

set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$(dirname "${BASH_SOURCE[0]}")/debs.sh"

readonly SUITE=trixie

build() {
	debs_open "$SUITE"
	DEBS_VERSION=$(debs_upstream systemd)
	debs_download_closure systemd
	debs_unpack "$DEBS_TMP/root"
	mkdir -p "$DEBS_OUT/root/usr/bin"
	mv "$DEBS_TMP/root/usr/bin/varlinkctl" "$DEBS_OUT/root/usr/bin/"
	mv "$DEBS_TMP/root/usr/lib" "$DEBS_OUT/root/usr/"
	debs_write_wrapper varlinkctl
	"$DEBS_OUT/varlinkctl" --version >/dev/null ||
		debs_fail "varlinkctl of $SUITE does not start (install one or set VARLINKCTL=)"
}

main() {
	local installed
	if [[ -n ${VARLINKCTL:-} ]]; then
		command -v "$VARLINKCTL" ||
			debs_fail "VARLINKCTL=$VARLINKCTL cannot be run (unset it or mend the path)"
		return
	fi
	installed=$(command -v varlinkctl) || installed=
	if [[ -n $installed ]]; then
		printf '%s\n' "$installed"
		return
	fi
	debs_cached varlinkctl build
	printf '%s/varlinkctl\n' "$DEBS_DIR"
}

main
