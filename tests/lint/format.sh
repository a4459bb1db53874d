#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The sources are as .clang-format says. Versions differ in what they make of one style, so that
# 14 alone is asked; the public headers and the UAPI, which are documents, are laid out by hand.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

for program in clang-format-14 clang-format; do
	version=$("$program" --version 2>/dev/null) && break
done
case $version in
*' 14.'*) ;;
*)
	echo "ok - sources are as .clang-format says # SKIP no clang-format 14"
	exit
	;;
esac

for file in $(printf '%s\n' "$code" | grep -vE '^lib/muser[^/]*\.h$|/uapi/'); do
	"$program" "$file" | diff "$file" - | sed -n "s,^\([0-9]*\)[0-9\,]*[acd].*,$file:\1: clang-format -i $file changes it,p"
done | report "sources are as .clang-format says"
