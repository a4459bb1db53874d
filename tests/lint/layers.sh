#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The layers of lib/ and cli/, which are their folders: a file knows what lies below it, never
# above, by the symbols of its object and by its includes; and files that all need each other are
# three at most, in kmod/ as well. Needs a build; MUSER_BUILD names its directory.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

# From low to high; each line may know those before it, or those that it names. "top" is the files
# in no folder: they put all of it together. nvme is a library of its own: what the public headers
# declare is not of a layer, to it.
lib='base
defer
gate
trace
wire
state
dma
region
pci
server
control
client: base wire
backend: base wire
nvme: nvme
top'
cli='ui
mdev
dev
cmd
doctor: ui mdev dev
verbs
top'

build=${MUSER_BUILD:-build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# needs TREE: "A B WHAT": file A needs WHAT, which is file B's; by symbols
needs()
{
	for source in "$1"/*.c "$1"/*/*.c; do
		object=${source%.c}.o
		file=${source#"$1/"}
		nm "$build/$object" 2>/dev/null | sed "s,^,$file ," || echo "$file ? no object"
	done | awk '
		$(NF - 1) ~ /^[TDBRC]$/ { owner[$NF] = $1 }
		$(NF - 1) == "U"        { file[++n] = $1; symbol[n] = $NF }
		END {
			for (i = 1; i <= n; i++)
				if (symbol[i] in owner && owner[symbol[i]] != file[i] &&
				    !(file[i] ~ /^nvme\// && owner[symbol[i]] !~ /^nvme\// &&
				      symbol[i] ~ /^lm_/))
					print file[i], owner[symbol[i]], symbol[i]
		}' | sort -u
}

# The same of the module, which is not built here: by the words of its sources.
module_needs()
{
	for source in kmod/*.c; do
		${CC:-cc} -fpreprocessed -dD -E -P "$source" 2>/dev/null | sed "s,^,${source#kmod/} ,"
	done | awk '
		{
			line = substr($0, length($1) + 2)
			n = split(line, word, /[^A-Za-z0-9_]+/)
			for (i = 1; i <= n; i++)
				seen[$1, word[i]] = 1
		}
		line ~ /^[a-z]/ && line !~ /^(static|extern|module_)/ &&
			match(line, /[a-z0-9_]+(\(|(\[\])? = \{)/) {
			name = substr(line, RSTART, RLENGTH)
			sub(/[^a-z0-9_].*/, "", name)
			owner[name] = $1
		}
		END {
			for (pair in seen) {
				split(pair, part, SUBSEP)
				if (part[2] in owner && owner[part[2]] != part[1])
					print part[1], owner[part[2]], part[2]
			}
		}' | sort
}

# The same by includes.
includes()
{
	grep -nE '^#include "' "$1"/*.[ch] "$1"/*/*.[ch] |
		sed -E "s,^$1/([^:]*):[0-9]+:#include \"([^\"]*)\".*,\1 \2 \2,"
}

# upward TREE ORDER: what of such lines is against the order; folders of other trees do not count
upward()
{
	awk -v tree="$1" -v order="$2" '
		function layer(file) { return file ~ /\// ? substr(file, 1, index(file, "/") - 1) : "top" }
		BEGIN {
			n = split(order, line, "\n")
			for (i = 1; i <= n; i++) {
				m = split(line[i], word, /:? /)
				sub(/:$/, "", word[1])
				known[word[1]] = may[word[1], word[1]] = 1
				only[word[1]] = m > 1
				for (j = 2; j <= m; j++)
					may[word[1], word[j]] = 1
				for (other in known)
					if (m == 1 && (!only[other] || word[1] == "top" || tree == "cli"))
						may[word[1], other] = 1
			}
		}
		$2 !~ /^(muser|devices\.h|program\.h)/ && layer($2) in known && !((layer($1), layer($2)) in may) {
			printf "%s/%s:1: needs %s of %s\n", tree, $1, $3, $2 }'
}

# knots TREE: of files that need each other, more than three
knots()
{
	awk -v tree="$1" '
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
					printf "%s/%s:1: %d files need each other:%s\n", tree, i, size, knot
			}
		}' | sort
}

check() # TREE ORDER
{
	needs "$1" >"$work/symbols"
	{
		[ -s "$work/symbols" ] || echo "$1:1: no objects in $build"
		upward "$1" "$2" <"$work/symbols"
	} | report "no layer of $1 needs one above it"
	includes "$1" | upward "$1" "$2" | report "no layer of $1 includes one above it"
	knots "$1" <"$work/symbols" | report "files of $1 that need each other are three at most"
}

check lib "$lib"
check cli "$cli"
module_needs | knots kmod | report "files of kmod that need each other are three at most"

# What differs between a socket and muser.ko is asked by struct host and struct transport; only who
# takes a description decides by its flag.
grep -nE 'LM_DEV_MDEV|is_mdev' lib/*.[ch] lib/*/*.[ch] |
	grep -vE '^lib/(muser\.h|ctx\.c|info[a-z_]*\.c):' | sed -E 's/^([^:]+:[0-9]+):[ \t]*/\1: /' |
	report "no part of the library asks which transport there is"

# Callbacks are called in one file, where everything that crosses passes the taps, but for values of
# properties, which are set before there is a context as well; and what traces show is made in one.
grep -nE '(info|regs|map|cap|reg)(\.|->)(fn|map|read|write|reset|client|dma_map|dma_unmap|written|save|load|prop_get|prop_set)\(' \
	lib/*.c lib/*/*.c | grep -vE '^lib/(gate/call|base/prop)\.c:' | sed -E 's/^([^:]+:[0-9]+):[ \t]*/\1: /' |
	report "callbacks of a device are called by lib/gate/call.c and lib/base/prop.c alone"
grep -n 'trace_append(' lib/*.c lib/*/*.c | grep -vE '^lib/trace/' |
	sed -E 's/^([^:]+:[0-9]+):[ \t]*/\1: /' | report "records are made by lib/trace alone"
