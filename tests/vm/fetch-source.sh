#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Print the path of a folder with bookworm's kernel source: linux.tar.xz, and of its scripts
# checkpatch.pl with what it reads.
# Owns: unpacking the package. Refuses: other kernels; that of the debug kernel is enough.

set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$(dirname "${BASH_SOURCE[0]}")/debs.sh"

build() {
	local package tar
	debs_open bookworm bookworm-security
	package=$(debs_field Depends linux-source | grep -oE 'linux-source-[0-9.]+')
	DEBS_VERSION=$(debs_field Version "$package")
	debs_download "$package"
	debs_unpack "$DEBS_TMP/root"
	tar=$(find "$DEBS_TMP/root" -name 'linux-source-*.tar.xz')
	mv "$tar" "$DEBS_OUT/linux.tar.xz"
	tar -xJf "$DEBS_OUT/linux.tar.xz" -C "$DEBS_OUT" --strip-components=1 --wildcards \
		'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch'
}

debs_cached source build
printf '%s\n' "$DEBS_DIR"
