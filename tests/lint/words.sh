#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# What files must say, and words that must not stand where they would be wrong.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

all=$(find . -path ./build -prune -o -path ./.git -prune -o -type f -print | sed 's,^\./,,' |
	grep -vE '^(LICENSE|README\.md|\.gitignore)$|/corpus/|/expected/|\.(json|bin)$' | sort)

# grep_in FILES PATTERN: findings of an extended pattern
grep_in()
{
	# shellcheck disable=SC2086
	grep -HnE "$2" $1 /dev/null | sed -E 's/^([^:]+:[0-9]+):[ \t]*/\1: /'
}

for file in $all; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ' ||
		echo "$file:1: no SPDX line among the first three"
done | report "every file names its licence"

# shellcheck disable=SC2086
awk '
	FNR == 1 { name = FILENAME; sub(/.*\//, "", name); ended = 0 }
	FNR == 2 && !/^\/\*/ { print FILENAME ":2: no comment that says what the file owns"; ended = 1 }
	FNR == 3 && !ended && index($0, " " name) == 0 {
		print FILENAME ":3: the comment does not begin with the name of the file" }
	!ended && /\*\/$/ && FNR > 1 {
		ended = 1
		if (FNR < 4 || FNR > 26) print FILENAME ":2: a comment of " FNR - 1 " lines" }' \
	$code | report "every source says what it owns"

grep_in "$(printf '%s\n' "$all" | grep -v ^tests/lint/)" '\b(TODO|FIXME|XXX)\b' |
	report "no work is left in comments"

lib=$(printf '%s\n' "$code" | grep '^lib/.*\.c$')
grep_in "$(printf '%s\n' "$lib" | grep -vx lib/main.c)" \
	'(^|[^a-z_])(v?f?printf|puts|fputs|putchar|perror|syslog)\(' |
	report "the library never prints, but for lm_main()"
grep_in "$(printf '%s\n' "$lib" | grep -vE '^lib/(base/log|backend/chardev_file)\.c')" '(^|[^a-z_])dprintf\(|STD(OUT|ERR)_FILENO' |
	report "the library writes to stderr in its default logger only, to stdout in a backend that is asked to"
grep_in "$(printf '%s\n' "$lib" | grep -vE '^lib/(backend/|base/peer_fd\.c)')" \
	'(^|[^a-z_])(pthread_create|thrd_create|fork|clone|system|popen)\(' |
	report "the library makes no threads but those of peer_fd.c, and no processes"
grep_in "$(printf '%s\n' "$lib" | grep -vE '^lib/(base/sigbus|program)')" '(^|[^a-z_])(signal|sigaction)\(' |
	report "the library catches no signals but SIGBUS, and those of lm_main()"
grep_in "$lib" '(^|[^a-z_])(assert|abort|exit|_exit)\(' |
	report "the library ends nobody's process"
grep_in "$(printf '%s\n' "$code" | grep ^devices/ | grep -v ^devices/examples/)" \
	'(^|[^a-z_])(v?f?printf|puts|perror|pthread_create|malloc|realloc|strdup|lm_trace_[a-z]+)\(' |
	report "devices print nothing and allocate in new() only"
grep_in "$code" '(^|[^a-z_])(strcpy|strcat|sprintf|vsprintf|gets|alloca|atoi|strncpy)\(' |
	report "no function without a bound"
grep_in "$code" '(^|[^a-z_])(strn?casecmp|strcasestr|strn?coll|tolower|toupper|is(alpha|alnum|digit|xdigit|lower|upper|punct|print|space|cntrl|graph|blank))\(' |
	report "names are ASCII, whatever the locale (lib/base/ascii.h)"

{
	grep_in "README.md $(printf '%s\n' "$all" | grep -E '^(man/|lib/muser[^/]*\.(h|varlink)$)')" \
		'\b[Ff]olders?\b'
	grep_in "$(printf '%s\n' "$code" | grep -E '^(cli|lib|devices)/')" '"[^",]*\b[Ff]olders?\b' |
		grep -v '#include'
} | report "what users read says directory"

grep_in "$(printf '%s\n' "$all" | grep -vE '^(man/|tests/lint/)')" 'https?://' |
	grep -v xmlns | report "no addresses in code"
grep_in "$(printf '%s\n' "$all" | grep -v ^tests/lint/)" '(^|[^A-Za-z0-9_.}])/(work|home|root)/' |
	report "no paths of somebody's machine"
