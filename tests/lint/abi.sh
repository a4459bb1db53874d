#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Programs that were compiled with an older libmuser still find what they know: struct members and
# constants, functions as they were declared, symbols. tests/abi/VERSION has the headers of a
# release, frozen; or of one to come, where differences are reported and are no failure. Needs a
# built library; MUSER_BUILD names its directory.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lib=$(find "${MUSER_BUILD:-build}" -name 'libmuser.so.*' -type f | sort | tail -n 1)
flags="-std=gnu11 -D_GNU_SOURCE"

# layout VERSION HEADERS: what its layout.c prints, compiled with the headers of that folder
layout()
{
	# shellcheck disable=SC2086
	${CC:-cc} $flags -I"$2" -o "$work/layout" "tests/abi/$1/layout.c" && "$work/layout"
}

# declarations HEADERS: functions, and types without members, one a line. lm_off_t is loff_t by a
# name of our own (headers.sh).
declarations()
{
	# shellcheck disable=SC2086
	sed 's/\bloff_t\b/lm_off_t/g; /typedef.* lm_off_t;/d' "$1"/muser*.h | ${CC:-cc} $flags -E -P -I"$1" -x c - | tr '\n' ' ' | awk '
		BEGIN { RS = ";" }
		{
			inside = depth
			depth += gsub(/{/, "{") - gsub(/}/, "}")
			gsub(/[ \t]+/, " ")
			sub(/^ /, "")
			if (!inside && !depth && !/{/ && /(^|[ *(])lm_/) print
		}' | sort
}

draft() # WHAT: as report(), but findings pass
{
	awk -v what="$1" '{ print "# " $0 } END { print "ok - " what (NR ? ", but for what differs" : "") }'
}

for frozen in tests/abi/[0-9]*; do
	version=${frozen##*/}
	judge=report
	! grep -q ': a draft, until' "$frozen/muser.h" || judge=draft

	{
		layout "$version" "$frozen" >"$work/then" || echo "$frozen: does not build"
		layout "$version" lib >"$work/now" || echo "lib: does not build"
		diff "$work/then" "$work/now" | sed -n 's,^[<>],lib: &,p'
	} 2>&1 | $judge "structs and constants are those of $version"

	declarations "$frozen" >"$work/then"
	declarations lib | comm -23 "$work/then" - | sed 's,^,lib: is not declared any more: ,' |
		$judge "declarations of $version stand"

	nm -D --defined-only "$lib" | awk '{ sub(/@@/, "@", $3); print $3 }' >"$work/exported"
	awk -v node="LIBMUSER_$version" '/^\t\tlm_/ { sub(/;/, "", $1); print $1 "@" node }' \
		"$frozen/libmuser.map" | grep -vxF -f "$work/exported" |
		sed 's,^,lib/libmuser.map:1: does not export any more: ,' |
		$judge "symbols of $version are exported"
done
