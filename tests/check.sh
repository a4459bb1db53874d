#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs parts of the test suite and counts: lint unit devices cli fuzz vm, in the order given.
# Every runner prints TAP; what it prints beside results goes to a log that is shown when
# something failed. A runner that dies, or runs fewer tests than it planned, is a failure.
# The last line is "N passed, N failed, N skipped"; the status says whether all passed.
#
# BUILD names the folder of the sanitized build, MUSCTL the program that cli and vm run.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

build=${BUILD:?the folder of the build}
export MUSCTL=${MUSCTL:-$PWD/$build/musctl}
export BUILD=$build
export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Reads TAP, prints "passed failed skipped"; plans may stand anywhere and add up.
count() {
	awk '
		/^ok .*# *[Ss][Kk][Ii][Pp]/ { skipped++; next }
		/^ok/                       { passed++ }
		/^not ok/                   { failed++ }
		/^1\.\.[0-9]+/              { planned += substr($1, 4) }
		END {
			if (planned != passed + failed + skipped)
				failed++
			print passed + 0, failed + 0, skipped + 0
		}' "$1"
}

runner() { # NAME COMMAND...
	local name=$1 status p f s start=$SECONDS
	shift
	"$@" >"$log" 2>&1
	status=$?
	read -r p f s < <(count "$log")
	((status == 0 || f > 0)) || f=1
	printf '%-28s %4d passed %3d failed %3d skipped  %4d s\n' "$name" "$p" "$f" "$s" \
		$((SECONDS - start))
	((f == 0)) || sed 's/^/    /' "$log"
	((passed += p, failed += f, skipped += s))
	return 0
}

programs() { # FOLDER: its compiled tests, one runner each
	local program
	for program in "$build/tests/$1"/test_*; do
		[[ -x $program && ! $program == *.d ]] || continue
		runner "$1/$(basename "$program")" timeout 120 "$program"
	done
}

bats_files() { # FOLDER SECONDS
	local file
	for file in "tests/$1"/*.bats; do
		[[ -e $file ]] || continue
		runner "$1/$(basename "$file")" timeout "$2" bats --tap "$file"
	done
}

for part; do
	case $part in
	lint) MUSER_BUILD=$build runner lint tests/lint/run.sh ;;
	unit | devices) programs "$part" ;;
	cli) bats_files cli 120 ;;
	vm) bats_files vm 1800 ;;
	fuzz) runner fuzz tests/fuzz/run.sh ;;
	*) echo "check.sh: no such part: $part" >&2; exit 2 ;;
	esac
done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
