#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Print the path of a folder that holds a stock Debian kernel:
#   vmlinuz, vmlinux (uncompressed ELF, boots faster; absent where it cannot be had),
#   config, lib/modules/<release>/
# Owns the list of kernels (the file "kernels" beside this one) and their cache.
# Refuses: kernels that are not in the list, but for those of build-kernel.sh. Set DEBIAN_MIRROR=
# where apt knows none.
# usage: fetch-kernel.sh [--newest] [NAME]        the default is bookworm
#   --newest: what the index has now, even where an older one is cached.

set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$here/debs.sh"

# The packages that the meta package PACKAGE stands for: a lone image up to 6.12, since 7.x an
# empty one with a base, a binary and the modules.
image_packages() { # PACKAGE
	local image
	image=$(debs_field Depends "$1" | grep -oE 'linux-image-[^ ,]+') || return 0
	printf '%s\n' "$image"
	debs_field Depends "$image" | grep -oE 'linux-(base|binary|modules)-[0-9][^ ,]+' || true
}

le() { # FILE OFFSET WIDTH: a little-endian number
	od -An -v -j "$2" -N "$3" -t "u$3" --endian=little "$1" | tr -d ' '
}

# The payload of a bzImage is the compressed ELF followed by 4 bytes of its length
# (Documentation/arch/x86/boot.rst, payload_offset and payload_length).
payload() { # BZIMAGE
	local sectors offset length
	sectors=$(le "$1" 0x1f1 1)
	offset=$(((sectors + 1) * 512 + $(le "$1" 0x248 4)))
	length=$(le "$1" 0x24c 4)
	head -c "$((offset + length - 4))" "$1" | tail -c "$((length - 4))"
}

decompress() { # FILE
	case $(od -An -v -N 4 -t x1 "$1" | tr -d ' ') in
	fd377a58) xz -dc "$1" ;;
	28b52ffd) zstd -dcq "$1" ;;
	1f8b*) gzip -dc "$1" ;;
	02214c18) lz4 -dcq "$1" ;;
	*) return 1 ;;
	esac
}

# Left out without a word where the tool or the format is unknown: vmlinuz does as well.
extract_elf() { # BZIMAGE ELF
	{ payload "$1" >"$2.z" && decompress "$2.z" >"$2" &&
		[[ $(od -An -N 4 -t x1 "$2" | tr -d ' ') == 7f454c46 ]]; } 2>/dev/null ||
		rm -f "$2"
	rm -f "$2.z"
}

# Debian keeps NAME in /boot with the release behind it, or beside the modules.
take() { # ROOT NAME
	find "$1/boot" "$DEBS_OUT/lib" -maxdepth 3 \( -name "$2" -o -name "$2-*" \) \
		-exec mv {} "$DEBS_OUT/$2" \;
	[[ -r $DEBS_OUT/$2 ]] || debs_fail "the packages hold no $2 (mend fetch-kernel.sh)"
}

build() { # SUITES PACKAGE
	local root=$DEBS_TMP/root packages
	# shellcheck disable=SC2086 # a list of suites
	debs_open ${1//,/ }
	mapfile -t packages < <(image_packages "$2")
	((${#packages[@]})) || debs_fail "no $2 in $1 (mend the line in tests/vm/kernels)"
	DEBS_VERSION=$(debs_field Version "${packages[0]}")
	debs_download "${packages[@]}"
	debs_unpack "$root"
	[[ -d $root/lib/modules ]] || mv "$root/usr/lib" "$root/lib"
	mkdir -p "$DEBS_OUT/lib" "$root/boot"
	mv "$root/lib/modules" "$DEBS_OUT/lib/"
	take "$root" vmlinuz
	take "$root" config
	extract_elf "$DEBS_OUT/vmlinuz" "$DEBS_OUT/vmlinux"
}

newest() { # as debs_cached
	debs_lock
	debs_build "$@"
	debs_unlock
	DEBS_DIR=$(debs_newest "$1")
}

main() { # [--newest] [NAME]
	local fetch=debs_cached suites package
	[[ ${1:-} != --newest ]] || { fetch=newest && shift; }
	local name=${1:-bookworm}
	[[ $name != @(kdebug|iommufd) ]] || exec "$here/build-kernel.sh" "$name"
	read -r suites package < <(awk -v name="$name" '$1 == name { print $2, $3 }' "$here/kernels") ||
		debs_fail "unknown kernel '$name' (tests/vm/kernels lists them)"
	"$fetch" "kernel-$name" build "$suites" "$package"
	printf '%s\n' "$DEBS_DIR"
}

main "$@"
