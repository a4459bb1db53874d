#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Print the path of a directory with programs of a package of bookworm, small enough to be put into
# a guest, and started through their own dynamic loader.
# Owns: leaving out what else the package holds.
# Refuses: what does not start. Name what busybox has not: its shell prefers its own.
# usage: fetch-tool.sh PACKAGE PROGRAM...        fetch-tool.sh e2fsprogs mke2fs e2fsck

set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$(dirname "${BASH_SOURCE[0]}")/debs.sh"

readonly SUITE=bookworm

# Libraries in directories of their own go to the others: wrappers name one.
build() { # PACKAGE PROGRAM...
	local root=$DEBS_TMP/root lib name
	lib=$root/usr/lib/x86_64-linux-gnu
	debs_open "$SUITE"
	DEBS_VERSION=$(debs_upstream "$1")
	debs_download_closure "$1"
	debs_unpack "$root"
	debs_merge_lib "$root"
	find "$lib" -mindepth 2 -name 'lib*.so.*' -exec mv -t "$lib" {} +
	for name in "${@:2}"; do
		find "$root" -path "*/sbin/$name" -exec cp -L -t "$root/usr/bin" {} +
		debs_keep "$root" "$root/usr/bin/$name"
		debs_keep_libraries "$root" "$root/usr/bin/$name"
		debs_write_wrapper "$name"
		! "$DEBS_OUT/$name" --version 2>&1 | grep -q 'error while loading' ||
			debs_fail "$name of $1 does not start (mend fetch-tool.sh)"
	done
}

(($# >= 2)) || debs_fail "two arguments are needed: PACKAGE PROGRAM..."
debs_cached "tool-$1" build "$@"
printf '%s\n' "$DEBS_DIR"
