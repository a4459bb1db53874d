#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Every public prototype has a comment that says everything: each parameter, the thread it may
# be called from, what it returns, since when; and a page of section 3 has it, by whose name man(1)
# finds it.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

names=$(mktemp)
trap 'rm -f "$names"' EXIT
awk -v list=1 -f man/contracts.awk man/*.3.scd >"$names"

awk -f tests/lint/prototypes.awk lib/muser*.h | awk '/: /' |
	report "public functions are documented in their header"

awk -f tests/lint/prototypes.awk lib/muser*.h | awk '!/: / { print $1 }' |
	while read -r name; do
		grep -q "^$name " "$names" || echo "man:1: no page has $name()"
	done | report "every public function has its manual page"

cut -d' ' -f1 "$names" | sort | uniq -d | sed 's,^,man:1: several pages have ,' |
	report "a name stands in one page"

# A type, a struct or an enum of the interface stands below a comment as well.
awk '
	/^(struct|enum) [a-z_]+ \{|^typedef (struct|union|enum)?.*[{(]/ {
		if (previous !~ /\*\/$/)
			printf "%s:%d: no comment above\n", FILENAME, FNR
	}
	{ previous = $0 }' lib/muser*.h | report "public types are documented in their header"
