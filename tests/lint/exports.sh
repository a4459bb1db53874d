#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The shared libraries export what the public headers declare, nothing else, all of it in the
# version map. Needs built libraries; MUSER_BUILD names the folder.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

# exports LIBRARY PREFIX HEADER...: functions, and tables that are declared extern
exports()
{
	name=$1 prefix=$2
	shift 2
	lib=$(find "${MUSER_BUILD:-build}" -name "$name.so.*" -type f | sort | tail -n 1)
	if [ -z "$lib" ]; then
		echo "lib/$name.map:1: no $name.so was built" |
			report "$name exports what its headers declare"
		return
	fi
	declared=$({
		awk -f tests/lint/prototypes.awk "$@" | awk '!/: /'
		sed -n 's/^extern const .* \(lm_[a-z_]*\)\(\[.*\]\)\?;$/\1/p' "$@"
	} | sort -u)
	exported=$(nm -D --defined-only "$lib" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
		sort -u)
	printf '%s\n' "$declared" "$exported" | sort | uniq -u | while read -r symbol; do
		if printf '%s\n' "$declared" | grep -qx "$symbol"; then
			echo "lib/$name.map:1: $symbol is declared and not exported"
		else
			echo "lib/$name.map:1: $symbol is exported and not declared"
		fi
	done | report "$name exports what its headers declare"

	printf '%s\n' "$exported" | grep -v "^$prefix" | sed "s,^,lib/$name.map:1: exports ," |
		report "names that $name exports begin with $prefix"
}

# shellcheck disable=SC2046 # several words
exports libmuser lm_ $(find lib -maxdepth 1 -name 'muser*.h' ! -name muser-nvme.h)
exports libmuser-nvme lm_nvme_ lib/muser-nvme.h
