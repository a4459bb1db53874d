#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Every script passes shellcheck, whatever its name ends in.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

found=$(find tests .ci completions -type f ! -path '*/corpus/*' -exec awk '
	FNR == 1 && /^#!.*[\/ ](ba|da|)sh( |$)/ { print FILENAME } FNR > 1 { nextfile }' {} +)

# shellcheck disable=SC2086
shellcheck -x -f gcc tests/lint/lint.sh $found | report "shellcheck finds nothing"
