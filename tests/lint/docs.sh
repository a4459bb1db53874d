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

# A type by the name that programs say, whatever is inside it.
sed -nE 's/^\} ([a-z0-9_]+);$/\1/p; s/^typedef .*[ *]\(?([a-z0-9_]+_t)\)?(\(.*|;)$/\1/p
	s/^(enum|struct) ([a-z0-9_]+) \{.*/\2/p' lib/muser*.h | sort -u | while read -r name; do
	grep -q "^$name " "$names" || echo "man:1: no page has $name"
done | report "every public type has its manual page"

sort -u "$names" | cut -d' ' -f1 | uniq -d | sed 's,^,man:1: several pages have ,' |
	report "a name stands in one page"

# What goes on is indented: else the page takes it for a paragraph of its own.
awk '
	/^\/\*\*/ { tag = 0; inside = 1 }
	inside && /^ \* (@[^:]*|Context|Return|Source|Since):/ { tag = 1; next }
	inside && /^ \*$/ { tag = 0 }
	inside && tag && /^ \* [^ ]/ { printf "%s:%d: is not indented\n", FILENAME, FNR }
	/\*\// { inside = 0 }' lib/muser*.h | report "entries of contracts are indented"

# A page has no top of a file, and an identifier is written as it is.
for page in man/*.3.scd; do
	awk -f man/contracts.awk "$page" | grep -nE 'this file|(^|\t)Lm[_\\]' |
		sed "s,^[0-9]*:,$page:1: ,"
done | report "contracts read as pages"

# A type, a struct or an enum of the interface stands below a comment as well.
awk '
	/^(struct|enum) [a-z_]+ \{|^typedef (struct|union|enum)?.*[{(]/ {
		if (previous !~ /\*\/$/)
			printf "%s:%d: no comment above\n", FILENAME, FNR
	}
	{ previous = $0 }' lib/muser*.h | report "public types are documented in their header"
