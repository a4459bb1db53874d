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
		${CC:-cc} -std=gnu11 $flags -I"${header%%/*}" $cflags -x c - 2>&1 | head -n 3 |
		sed "s,^,$header: ,"
done | report "headers compile alone"

# What users include, each with what it takes to use it.
public="$(printf '#include "%s"\n' "$PWD"/lib/muser*.h "$PWD"/kmod/uapi/linux/muser.h)
ssize_t bar(void *pvt, char *buf, size_t count, lm_off_t offset, bool is_write);
extern lm_region_access_t *callback;
lm_region_access_t *callback = bar;
extern const lm_register_t registers[1];
const lm_register_t registers[1] = { { \"A\", 0, 0, 4, LM_RW, 0, LM_NR(registers), 0, 0, 0, 0, 0, 0, 0, 0 } };"

# As strict as users compile: public STANDARD COMPILER LANGUAGE FLAGS...
strict()
{
	standard=$1 compiler=$2 language=$3
	shift 3
	command -v "$compiler" >/dev/null || return 0
	printf '%s\n' "$public" |
		"$compiler" "-std=$standard" -pedantic -Wall -Wextra -Werror -fsyntax-only -Ilib "$@" \
			-x "$language" - 2>&1 | head -n 3 |
		sed "s/^/lib: $compiler -std=$standard: /"
}

for standard in c99 c11 c17 c2x gnu11; do
	for compiler in "${CC:-cc}" clang; do
		strict "$standard" "$compiler" c
	done
done | report "public headers are C of every standard"

for standard in c++11 c++14 c++17 c++20; do
	for compiler in "${CXX:-c++}" clang++; do
		strict "$standard" "$compiler" c++
	done
done | report "public headers are C++ as well"

# A callback may say loff_t, where there is one, and C++ does not convert between function types.
public="$(printf '%s\n' "$public" | sed 's/lm_off_t offset/loff_t offset/')"
{
	strict gnu11 "${CC:-cc}" c
	strict gnu++17 "${CXX:-c++}" c++
} | report "lm_off_t is loff_t"

{
	echo "#include \"$PWD/lib/muser.h\"" | ${CC:-cc} -m32 -E -x c - 2>&1 >/dev/null |
	grep -q 'error.*64-bit machines' || echo "lib/muser.h:1: -m32 is not refused by name"
} | report "32-bit machines are refused"
