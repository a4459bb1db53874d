#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Other ways to build: without a warning by the second compiler, tests included, and by the first
# one with all optimization; with optimization at link time, as distributions do; against another
# libc, as far as headers go. Prints TAP. Each has a folder of its own in build/, so that only what
# has changed is compiled again.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
unset MAKEFLAGS MFLAGS # of the make that runs us

nr=0
failed=0
result() { # STATUS WHAT FINDINGS
	nr=$((nr + 1))
	if (($1 == 0)) && [[ -z $3 ]]; then
		echo "ok $nr - $2"
	else
		echo "not ok $nr - $2"
		failed=1
		tail -n 20 <<<"$3" | sed 's/^/# /'
	fi
}

# The library and musctl: what it says on stderr; a warning is a finding.
build() { # CONFIG ARGUMENT...
	local b=build/$1
	shift
	make --no-print-directory -j"$(nproc)" CONFIG="${b#build/}" WERROR=1 "$@" \
		"$b"/libmuser{,-nvme}.so.0 "$b/libmuser.a" "$b/musctl" 2>&1 >/dev/null |
		grep -v '^lto-wrapper: ' # how many jobs it takes
	return "${PIPESTATUS[0]}"
}

# What a program that is linked with the archive could clash with, or lacks.
foreign_symbols() { # CONFIG
	nm --defined-only --extern-only "build/$1/libmuser.a" |
		awk 'NF == 3 && $3 !~ /^lm_/ { print $3 " is global in libmuser.a" }'
	nm --defined-only --extern-only "build/$1/libmuser.a" |
		grep ' T lm_ctx_create_sized$' >/dev/null || # grep -q would leave nm alone
		echo "libmuser.a has no lm_ctx_create_sized"
	"build/$1/musctl" types | grep gpio-idio16 >/dev/null || echo "musctl does not run"
	MUSER_BUILD=build/$1 tests/lint/exports.sh | grep -v '^ok '
}

tests_syntax() { # COMPILER WARNING...
	local file
	for file in tests/{unit,devices,bench,vm,cli}/*.c tests/vm/*/*.c; do
		"$@" -std=gnu11 -D_GNU_SOURCE -fsyntax-only -Werror -Ilib -Ikmod/uapi "$file" 2>&1
	done
}

# Those of other libraries stand behind, as Debian has none of them for musl.
musl_syntax() {
	local file
	for file in lib/*.c lib/*/*.c cli/*.c cli/*/*.c devices/*.c devices/*/*.c; do
		# shellcheck disable=SC2046 # several words
		musl-gcc -std=gnu11 -D_GNU_SOURCE -fsyntax-only -Wall -Wextra -Werror \
			-Wno-unused-parameter -Wno-missing-field-initializers -Ilib -Ikmod/uapi -I"${file%%/*}" \
			-idirafter /usr/include -idirafter "/usr/include/$(cc -dumpmachine)" \
			$(pkg-config --cflags json-c uuid smartcols libudev) "$file" 2>&1
	done
}

findings=$(build clang CC=clang CFLAGS=-O1)
result $? "clang has no warning" "$findings"

findings=$(tests_syntax clang -Wall -Wextra -Wno-unused-parameter \
	-Wno-missing-field-initializers -Wno-gnu-variable-sized-type-not-at-end)
result 0 "clang has no warning for the tests" "$findings"

findings=$(build o3 CFLAGS=-O3 build/o3/tests/devices/test_null \
	build/o3/tests/unit/test_region_memory)
result $? "the compiler has no warning at -O3" "$findings"

# A sanitizer takes much of the address space: elsewhere this test has a quarter of it.
findings=$(build/o3/tests/unit/test_region_memory 2>&1) && findings=
result $? "a region may have 64 TiB" "$findings"

for flags in '-O3 -flto' '-O2 -flto=auto -ffat-lto-objects'; do
	config=lto-${flags//[^a-z0-9]/}
	findings=$(build "$config" CFLAGS="$flags")
	result $? "musctl links with $flags" "$findings"
	result 0 "the library exports the same with $flags" "$(foreign_symbols "$config")"
done

result 0 "every file compiles with musl" "$(musl_syntax)"

echo "1..$nr"
exit $failed
