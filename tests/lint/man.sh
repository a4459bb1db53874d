#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The man pages build, mandoc accepts them, their references lead somewhere, and those of
# commands have the sections that people look for.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT

for source in man/*.scd; do
	page=$pages/$(basename "$source" .scd)
	awk -f man/contracts.awk "$source" 2>"$page.err" | scdoc >"$page" 2>>"$page.err" ||
		sed "s,^,$source: ," "$page.err"
	[ -s "$page" ] || echo "$source:1: nothing was built"
	rm -f "$page.err"
done | report "man pages build"

# scdoc leaves a blank line at the top and knows no .Dd: not our mistakes.
for page in "$pages"/*; do
	mandoc -T lint -W warning "$page" | grep -vE 'skipping paragraph macro|outdated' |
		sed "s,^mandoc: $pages/,man/,"
done | report "mandoc finds nothing"

for source in man/musctl*.8.scd; do
	for section in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
		grep -qx "# $section" "$source" || echo "$source:1: no section $section"
	done
done | report "pages of commands have their sections"

# What scdoc did not take for an underline is seen as it is written.
for page in "$pages"/*; do
	mandoc -T ascii "$page" | col -bx | grep -nE '(^|[^A-Za-z0-9])_[A-Z]+_([^A-Z0-9_]|$)' |
		sed "s,^[0-9]*:,man/$(basename "$page").scd: an underline is printed as such:,"
done | report "no marks are left on the pages"

# Of an example, too, scdoc takes a backslash away.
awk '/^```$/ { inside = !inside } inside { line = $0; gsub(/\\\\/, "", line)
	if (line ~ /\\/) print FILENAME ":" FNR ": a backslash is written twice" }' man/*.scd |
	report "backslashes of examples are printed"

# Our own pages are written in bold, *name*(section).
grep -noE '\*(musctl|muser|libmuser|lm_)[a-z_-]*\*\([0-9]\)' man/*.scd |
	sed -E 's/^([^:]*:[0-9]+):\*([a-z_-]+)\*\(([0-9])\)$/\1 \2.\3/' |
	while read -r where page; do
		[ -f "man/$page.scd" ] || echo "$where: refers to $page, which is not here"
	done | report "references between pages lead somewhere"

# libmuser(3) is where people begin.
for source in man/*.3.scd; do
	page=$(basename "$source" .3.scd)
	grep -q "^\*$page\*(3)" man/libmuser.3.scd || [ "$page" = libmuser ] ||
		echo "man/libmuser.3.scd:1: does not name $page(3)"
done | report "libmuser(3) names the other pages of its section"
