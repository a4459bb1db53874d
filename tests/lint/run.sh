#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs all checks of this folder and prints TAP. With names (sizes includes ...), only those.
# A check is a script that sources lint.sh and pipes findings into report; add one by its
# file here and its name below.

cd "$(dirname "$0")" || exit 1
[ $# -gt 0 ] || set -- abi docs exports format headers help includes layers man messages shell sizes sync words

for check in "$@"; do
	[ -x "$check.sh" ] || { echo "not ok - no such check: $check (abi docs exports ...)" && continue; }
	"./$check.sh" || echo "not ok - $check.sh ended with status $?"
done | awk '
	/^(not )?ok / { sub(/ok -/, "ok " ++n " -") }
	/^not ok/     { failed++ }
	              { print }
	END           { print "1.." n + 0; exit failed || !n }'
