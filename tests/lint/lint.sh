# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh disable=SC2034
#
# What every check sources: the root of the tree, the lists of files, and how to report.
# A check pipes its findings, one "file:line: what is wrong" a line, into report.

cd "$(dirname "$0")/../.." || exit 1
export LC_ALL=C

code=$(find lib cli devices kmod -name '*.[ch]' 2>/dev/null | sort)
test_code=$(find tests -name '*.[ch]' | sort)

# report WHAT: TAP for one check; no findings on stdin is a pass.
report()
{
	awk -v what="$1" '
		{ finding[NR] = $0 }
		END {
			print (NR ? "not ok" : "ok") " - " what
			for (i = 1; i <= NR; i++)
				print "# " finding[i]
		}'
}
