#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Print the path of a directory with the source of a kernel of the list (the file "kernels" beside
# this one): linux.tar.xz, and of its scripts checkpatch.pl with what it reads.
# Owns: unpacking the package. Refuses: to follow the stock kernel's version day by day; the cache
# keeps what it has.
# usage: fetch-source.sh [NAME]        the default is bookworm

set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$here/debs.sh"

build() { # SUITES META-PACKAGE-OF-THE-IMAGE
	local package tar
	# shellcheck disable=SC2086 # a list of suites
	debs_open ${1//,/ }
	package=linux-source-$(debs_upstream "$2" | cut -d . -f 1,2)
	DEBS_VERSION=$(debs_field Version "$package")
	debs_download "$package"
	debs_unpack "$DEBS_TMP/root"
	tar=$(find "$DEBS_TMP/root" -name 'linux-source-*.tar.xz')
	mv "$tar" "$DEBS_OUT/linux.tar.xz"
	tar -xJf "$DEBS_OUT/linux.tar.xz" -C "$DEBS_OUT" --strip-components=1 --wildcards \
		'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch'
}

name=${1:-bookworm}
read -r suites package < <(awk -v name="$name" '$1 == name { print $2, $3 }' "$here/kernels") ||
	debs_fail "unknown kernel '$name' (tests/vm/kernels lists them)"
debs_cached "source-$name" build "$suites" "$package"
printf '%s\n' "$DEBS_DIR"
