#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Print the path of dmatest.ko for a kernel that fetch-kernel.sh prints: the kernel's own test of DMA
# engines, which Debian does not ship.
# Owns: building it from the source package with the kernel's headers, once, into the cache.
# Refuses: to change a line of it.
# usage: build-dmatest.sh [NAME]       the default is bookworm

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$here/debs.sh"

build() { # SOURCE HEADERS VERSION
	DEBS_VERSION=$3
	mkdir "$DEBS_TMP/dmatest"
	tar -xJf "$1/linux.tar.xz" -C "$DEBS_TMP/dmatest" --strip-components=3 --wildcards \
		'*/drivers/dma/dmatest.c'
	echo 'obj-m := dmatest.o' >"$DEBS_TMP/dmatest/Makefile"
	make -s -C "$2" M="$DEBS_TMP/dmatest" modules >"$DEBS_TMP/log" 2>&1 ||
		debs_fail "$(grep -m 1 -i error "$DEBS_TMP/log" || tail -n 1 "$DEBS_TMP/log")"
	mv "$DEBS_TMP/dmatest/dmatest.ko" "$DEBS_OUT/"
}

main() { # [NAME]
	local name=${1:-bookworm} source headers kernel
	kernel=$("$here/fetch-kernel.sh" "$name")
	source=$("$here/fetch-source.sh" "$name")
	headers=$("$here/fetch-headers.sh" "$name")
	debs_cached_version "dmatest-$name" "${kernel##*/kernel-"$name"-}" build "$source" "$headers" \
		"${kernel##*/kernel-"$name"-}"
	printf '%s\n' "$DEBS_DIR/dmatest.ko"
}

main "$@"
