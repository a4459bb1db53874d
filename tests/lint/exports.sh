#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The shared library exports what the public headers declare, nothing else, all of it in the
# version map. Needs a built library; MUSER_BUILD names the folder.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

lib=$(find "${MUSER_BUILD:-build}" -name 'libmuser.so.*' -type f | sort | tail -n 1)
if [ -z "$lib" ]; then
	echo "lib/libmuser.map:1: no libmuser.so was built" |
		report "the library exports what its headers declare"
	exit
fi

declared=$(awk -f tests/lint/prototypes.awk lib/muser*.h | awk '!/: /' | sort -u)
exported=$(nm -D --defined-only "$lib" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
	sort -u)
printf '%s\n' "$declared" "$exported" | sort | uniq -u | while read -r name; do
	if printf '%s\n' "$declared" | grep -qx "$name"; then
		echo "lib/libmuser.map:1: $name is declared and not exported"
	else
		echo "lib/libmuser.map:1: $name is exported and not declared"
	fi
done | report "the library exports what its headers declare"

printf '%s\n' "$exported" | grep -v '^lm_' | sed 's,^,lib/libmuser.map:1: exports ,' |
	report "exported names begin with lm_"
