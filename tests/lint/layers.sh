#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The layers of lib/, which are its folders: a file knows what lies below it, never above, by the
# symbols of its object and by its includes; and files that all need each other are three at most.
# Needs a built library; MUSER_BUILD names the folder.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

# From low to high; each line may know those before it, or those that it names. "lib" is the files
# in no folder: they put all of it together.
order='base
trace
wire
defer
state
dma
region
pci
server
control
client: base wire
lib'

build=${MUSER_BUILD:-build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A B WHAT: file A needs WHAT, which is file B's. Of objects and of includes; lib/ is cut off.
for source in lib/*.c lib/*/*.c; do
	object=${source%.c}.o
	file=${source#lib/}
	nm "$build/$object" 2>/dev/null | sed "s,^,$file ," || echo "$file ? no object"
done | awk '
	$(NF - 1) ~ /^[TDBRC]$/ { owner[$NF] = $1 }
	$(NF - 1) == "U"        { file[++n] = $1; symbol[n] = $NF }
	END {
		for (i = 1; i <= n; i++)
			if (symbol[i] in owner && owner[symbol[i]] != file[i])
				print file[i], owner[symbol[i]], symbol[i]
	}' | sort -u >"$work/symbols"
grep -nE '^#include "' lib/*.[ch] lib/*/*.[ch] |
	sed -E 's,^lib/([^:]*):[0-9]+:#include "([^"]*)".*,\1 \2 \2,' >"$work/includes"

# upward FILE: the lines of it that are against the order
upward()
{
	awk -v order="$order" '
		function layer(file) { return file ~ /\// ? substr(file, 1, index(file, "/") - 1) : "lib" }
		BEGIN {
			n = split(order, line, "\n")
			for (i = 1; i <= n; i++) {
				m = split(line[i], word, /:? /)
				sub(/:$/, "", word[1])
				for (j = 2; j <= m; j++)
					may[word[1], word[j]] = 1
				for (j = 1; m == 1 && j < i; j++) {
					sub(/:.*/, "", line[j])
					if (line[j] != "client" || word[1] == "lib")
						may[word[1], line[j]] = 1
				}
				may[word[1], word[1]] = 1
			}
		}
		$2 !~ /^muser/ && !((layer($1), layer($2)) in may) {
			printf "lib/%s:1: needs %s of lib/%s\n", $1, $3, $2 }' "$1"
}

{
	[ -s "$work/symbols" ] || echo "lib:1: no objects in $build"
	upward "$work/symbols"
} | report "no layer of the library needs one above it"

upward "$work/includes" | report "no layer of the library includes one above it"

awk '
	{ reach[$1, $2] = 1; file[$1] = file[$2] = 1 }
	END {
		for (k in file) for (i in file) if ((i, k) in reach)
			for (j in file) if ((k, j) in reach)
				reach[i, j] = 1
		for (i in file) {
			knot = ""
			first = i
			size = 0
			for (j in file)
				if ((i, j) in reach && (j, i) in reach) {
					knot = knot " " j
					first = j < first ? j : first
					size++
				}
			if (size > 3 && i == first)
				printf "lib/%s:1: %d files need each other:%s\n", i, size, knot
		}
	}' "$work/symbols" | sort | report "files of the library that need each other are three at most"

# What differs between a socket and muser.ko is asked by struct host and struct transport; only who
# takes a description decides by its flag.
grep -nE 'LM_DEV_MDEV|is_mdev' lib/*.[ch] lib/*/*.[ch] |
	grep -vE '^lib/(muser\.h|ctx\.c|info[a-z_]*\.c):' | sed -E 's/^([^:]+:[0-9]+):[ \t]*/\1: /' |
	report "no part of the library asks which transport there is"
