#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Every public prototype has a comment that says everything: each parameter, the thread it may
# be called from, what it returns, since when; and libmuser(3) names it.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

awk -f tests/lint/prototypes.awk lib/muser*.h | awk '/: /' |
	report "public functions are documented in their header"

awk -f tests/lint/prototypes.awk lib/muser*.h | awk '!/: / { print $1 }' |
	while read -r name; do
		grep -qw "$name" man/libmuser.3.scd 2>/dev/null ||
			echo "man/libmuser.3.scd:1: $name() is not named"
	done | report "libmuser(3) names every public function"

# A type, a struct or an enum of the interface stands below a comment as well.
awk '
	/^(struct|enum) [a-z_]+ \{|^typedef (struct|union|enum)?.*[{(]/ {
		if (previous !~ /\*\/$/)
			printf "%s:%d: no comment above\n", FILENAME, FNR
	}
	{ previous = $0 }' lib/muser*.h | report "public types are documented in their header"
