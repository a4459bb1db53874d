#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The messages of musctl, libmuser, the devices and muser.ko: how they begin and end. Run by hand it
# prints each of them once, with the files that have it, to be read side by side. So are the lines of
# help and of column lists: what is data or code is not.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

messages=$(mktemp)
trap 'rm -f "$messages"' EXIT

# "FILE TAB WHAT STANDS BEFORE TAB TEXT": every string with a blank in it, neighbours joined.
strings()
{
	for source in cli/*.c cli/*/*.c lib/*.c lib/*/*.c devices/*.c devices/*/*.c kmod/*.c; do
		${CC:-cc} -fpreprocessed -dD -E -P "$source" 2>/dev/null | sed "s,^,$source	,"
	done | awk -F '\t' '
		{ text[$1] = text[$1] " " substr($0, length($1) + 2) }
		END {
			for (file in text) {
				rest = text[file]
				before = ""
				while (match(rest, /"([^"\\]|\\.)*"([ \t]*"([^"\\]|\\.)*")*/)) {
					before = before substr(rest, 1, RSTART - 1)
					string = substr(rest, RSTART + 1, RLENGTH - 2)
					rest = substr(rest, RSTART + RLENGTH)
					gsub(/"[ \t]*"/, "", string)
					n = split(before, statement, /[;{}]/)
					if (string ~ / /)
						printf "%s\t%s\t%s\n", file, statement[n], string
					before = statement[n] "@"
				}
			}
		}'
}

strings | awk -F '\t' '
	$2 ~ /_Static_assert|asm|\.magic|\.more *= *@?$/ { next }
	$2 ~ /(^|[^a-z_])(f?printf|out_[a-z]+|print_[a-z]+|fputs|puts|sscanf|strstr|strn?cmp|str[c]?spn|sysfs_emit|section)\([^@]*@?[^()]*$/ { next }
	$3 ~ /^ |^[^a-zA-Z]*$| $/ { next }
	{ where[$3] = where[$3] " " $1 }
	END {
		for (text in where)
			print text "\t" substr(where[text], 2)
	}' | sort >"$messages"

awk -F '\t' '
	{ split($2, file, " ") }
	$1 ~ /[a-z)]\.(\\n)?$/ { print file[1] ":1: ends with a full stop: " $1 }
	$1 ~ /^[A-Z][a-z]+ [a-z]/ && $1 !~ /^Linux / && file[1] !~ /_json\.c$|^kmod\// {
		print file[1] ":1: begins with a capital: " $1 }
	$1 ~ /  / && $1 !~ /\\n/ { print file[1] ":1: two blanks: " $1 }' "$messages" |
	report "messages begin in lower case and end without a full stop"

awk -F '\t' '{ print "# " $1 "  [" $2 "]" }' "$messages"
