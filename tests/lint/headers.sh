#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Every header compiles alone; public ones also as C++.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

flags="-fsyntax-only -D_GNU_SOURCE -Ilib -Ikmod/uapi -Wall -Wextra -Werror -Wno-unused-parameter"
cflags=$(pkg-config --cflags json-c smartcols libudev uuid 2>/dev/null)

for header in $(printf '%s\n' "$code" "$test_code" | grep '\.h$' | grep -v ^kmod/); do
	# shellcheck disable=SC2086
	echo "#include \"$PWD/$header\"" |
		${CC:-cc} -std=gnu11 $flags $cflags -x c - 2>&1 | head -n 3 |
		sed "s,^,$header: ,"
done | report "headers compile alone"

for header in lib/muser*.h; do
	# shellcheck disable=SC2086
	echo "#include \"$PWD/$header\"" |
		${CXX:-c++} -std=c++17 $flags -x c++ - 2>&1 | head -n 3 | sed "s,^,$header: ,"
done | report "public headers are C++ as well"
