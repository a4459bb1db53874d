#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# How long and how deep things may be. Targets are printed; only the limits fail.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

functions=$(mktemp)
wide=$(mktemp)
trap 'rm -f "$functions" "$wide"' EXIT
# shellcheck disable=SC2086
awk -f tests/lint/functions.awk $code >"$functions"

# Limit 60; 80 for what is little more than a switch; 30 in devices.
awk '{ limit = $1 ~ /^devices\// ? 30 : $6 >= 8 ? 80 : 60 }
	$3 > limit { printf "%s:%d: %s() has %d lines, limit %d\n", $1, $2, $7, $3, limit }' \
	"$functions" | report "functions are short"

awk '$4 > 5 { printf "%s:%d: %s() has %d parameters, limit 5\n", $1, $2, $7, $4 }' \
	"$functions" | report "functions have at most 5 parameters"

awk '$5 > 3 { printf "%s:%d: %s() nests %d deep, limit 3\n", $1, $2, $7, $5 }' \
	"$functions" | report "control statements nest at most 3 deep"

# shellcheck disable=SC2086
wc -l $code | awk '
	$2 == "total" || $2 ~ /^lib\/muser[^\/]*\.h$/ { next }
	{ limit = $2 ~ /^devices\// ? 300 : $2 ~ /^cli\/verbs\// ? 200 : 600 }
	$1 > limit { printf "%s:1: %d lines, limit %d\n", $2, $1, limit }' |
	report "files are short"

# 90 is the aim, and what a page of two columns shows; 100 the limit.
# shellcheck disable=SC2086
awk '
	function width(line,    i, n) {
		while ((i = index(line, "\t")) > 0) {
			n = i - 1 + 8 - (i - 1) % 8
			line = sprintf("%-*s", n, substr(line, 1, i - 1)) substr(line, i + 1)
		}
		return length(line)
	}
	{ w = width($0) }
	w > limit { printf "%s:%d: %d columns, limit %d\n", FILENAME, FNR, w, limit }
	w > aim   { over++ }
	/[ \t]$/  { printf "%s:%d: blanks at the end\n", FILENAME, FNR }
	END { print over + 0 >wide }' aim=90 limit=100 wide="$wide" \
	$code $test_code | report "lines are at most 100 columns wide"

sort -n -k 3 "$functions" | awk '
	{ length_of[NR] = $3; over += $3 > 25 }
	END {
		printf "# %d functions: median %d, p95 %d, longest %d lines; %d over the target of 25\n",
			NR, length_of[int((NR + 1) / 2)], length_of[int(NR * 0.95 + 0.5)],
			length_of[NR], over
	}'
echo "# $(cat "$wide") lines over 90 columns"
