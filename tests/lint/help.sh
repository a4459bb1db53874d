#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The manual says what the program does: each page of a verb names the options and columns that
# its --help names, no others, and begins with the same summary. Needs a built musctl;
# MUSER_BUILD names the folder.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

musctl=$(find "${MUSER_BUILD:-build}" -name musctl -type f | sort | tail -n 1)
if [ -z "$musctl" ]; then
	echo "cli/musctl.c:1: no musctl was built" | report "pages agree with --help"
	exit
fi

text=$(mktemp -d)
trap 'rm -rf "$text"' EXIT

# The options in a text, one a line; help.txt or an OPTIONS section.
options() { grep -oE -e '--[a-z][a-z-]+' | sort -u; }

"$musctl" help | sed -n '/^Commands:/,/^$/s/^ \([a-z]\+\)  *\(.*\)$/\1 \2/p' |
	while read -r verb summary; do
		page=man/musctl-$verb.8.scd
		[ -f "$page" ] || { echo "$page:1: not there"; continue; }
		grep -qx "musctl-$verb - $summary" "$page" ||
			echo "$page:1: its NAME is not '$summary'"
		grep -A 1 "\*musctl-$verb\*(8)" man/musctl.8.scd | grep -qx ":  $summary" ||
			echo "man/musctl.8.scd:1: does not list $verb as '$summary'"
		"$musctl" "$verb" --help >"$text/help"
		sed -n '/^# OPTIONS/,/^# [^O]/p' "$page" | options >"$text/page"
		sed -n '/^Options:/,/^Available/p' "$text/help" | grep '^ *-' | options |
			diff - "$text/page" | sed -n "s,^<,$page:1: does not name,p
				s,^>,$page:1: names what is not there:,p"
		sed -n 's/^ \(-[a-zA-Z]\), --.*/\1/p' "$text/help" | sort | uniq -d |
			sed "s,^,cli/verbs/cmd_$verb.c:1: several options have the letter ,"
		sed -n '/^Available/,/^$/s/^ \+\([A-Z][A-Z0-9_-]*\)  .*/\1/p' "$text/help" |
			while read -r column; do
				grep -qE "^(\*[A-Z0-9_-]+\*, )*\*$column\*(,|\$)" "$page" ||
					echo "$page:1: does not name the column $column"
			done
	done | report "pages agree with --help"
