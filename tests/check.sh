#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs parts of the test suite and counts: lint builds unit devices cli fuzz vm, in the order given;
# or one thing of a part: lint/sizes, unit/test_irq, cli/list, vm/guest, vm/suite_memory (on each
# kernel, or on KERNEL), fuzz/fuzz_cli.
# Every runner prints TAP; its output is shown when something failed. A runner that dies, or
# runs fewer tests than it planned, is a failure. Two runners work at a time, but for builds, fuzz
# and vm, which use both CPUs themselves.
# The last line is "N passed, N failed, N skipped"; the status says whether all passed.
#
# BUILD names the directory of the sanitized build, MUSCTL the program that cli and vm run.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

build=${BUILD:?the folder of the build}
export MUSCTL=${MUSCTL:-$PWD/$build/musctl}
export BUILD=$build
export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Reads TAP, prints "passed failed skipped"; plans may stand anywhere and add up.
count() { # FILE STATUS
	awk -v status="$2" '
		/^(not )?ok .*# *[Ss][Kk][Ii][Pp]/ { skipped++; next }
		/^ok/                       { passed++ }
		/^not ok/                   { failed++ }
		/^1\.\.[0-9]+/              { planned += substr($1, 4) }
		END {
			if (!planned || planned != passed + failed + skipped || (status && !failed))
				failed++
			print passed + 0, failed + 0, skipped + 0
		}' "$1"
}

runner() { # NAME COMMAND...
	local name=$1 log p f s start=$SECONDS
	log=$(mktemp "$work/log.XXXXXX")
	shift
	"$@" >"$log" 2>&1 </dev/null
	read -r p f s < <(count "$log" $?)
	echo "$p $f $s" >"${log/log./result.}"
	{
		printf '%-28s %4d passed %3d failed %3d skipped  %4d s\n' "$name" "$p" "$f" "$s" \
			$((SECONDS - start))
		((f == 0)) || sed 's/^/    /' "$log"
	} >"$log.shown"
	cat "$log.shown" # in one piece
}

beside() { # NAME COMMAND...: as runner, with another one at its side
	while (($(jobs -rp | wc -l) >= 2)); do
		wait -n
	done
	runner "$@" &
}

programs() { # DIRECTORY NAME: its compiled tests of this name (a pattern), one runner each
	local program
	for program in "$build/tests/$1"/$2; do
		[[ -x $program && ! $program == *.d ]] || continue
		beside "$1/$(basename "$program")" timeout 120 "$program"
	done
}

bats_files() { # NAME
	local file
	for file in tests/cli/$1.bats; do
		[[ -e $file ]] || continue
		beside "cli/$(basename "$file")" timeout 120 bats --tap "$file"
	done
}

vm_files() { # NAME
	local file
	for file in tests/vm/$1.bats; do
		[[ -e $file ]] || continue
		runner "vm/$(basename "$file")" timeout 3600 bats --tap "$file"
	done
}

# muser.ko on each kernel of tests/vm/kernels; guests inside the VM, and udev with users, on the first
# of them. Each VM has two vCPUs, which are idle much of the time.
vm_suites() { # NAME
	local suite kernel kernels
	mapfile -t kernels < <(sed 's/ .*//; /^#/d' tests/vm/kernels)
	for kernel in ${KERNEL:-"${kernels[@]}"}; do
		tests/vm/fetch-headers.sh "$kernel" >/dev/null
		for suite in tests/vm/$1.sh; do
			[[ -e $suite && $suite != *_@(example|nvme|system).sh ]] || continue
			beside "vm/$(basename "$suite" .sh) $kernel" timeout 900 \
				tests/vm/kmod.sh -nq "$kernel" "$suite"
		done
	done
}

vm_script() { # system | nested example | nested nvme
	beside "vm/$1${2:+_$2}" timeout 900 "tests/vm/$1.sh" "${@:2}"
}

for part; do
	case $part in
	lint) MUSER_BUILD=$build beside lint tests/lint/run.sh ;;
	builds) wait; runner builds tests/builds.sh ;;
	unit | devices) programs "$part" 'test_*' ;;
	cli) bats_files '*' ;;
	vm) wait; vm_files '*'; vm_suites 'suite_*'; vm_script system; vm_script nested example ;;
	fuzz) wait; runner fuzz tests/fuzz/run.sh ;;
	lint/*) MUSER_BUILD=$build runner "$part" tests/lint/run.sh "${part#*/}" ;;
	unit/* | devices/*) programs "${part%/*}" "${part#*/}" ;;
	cli/*) bats_files "${part#*/}" ;;
	vm/suite_*) vm_suites "${part#*/}" ;;
	vm/system) vm_script system ;;
	vm/nested_*) vm_script nested "${part#*_}" ;;
	vm/*) vm_files "${part#*/}" ;;
	fuzz/*) runner "$part" tests/fuzz/run.sh "${part#*/}" ;;
	*) echo "check.sh: no such part: $part" >&2; exit 2 ;;
	esac
done
wait
if ! compgen -G "$work/result.*" >/dev/null; then
	echo "check.sh: no such test: $* (like that: $(find tests -path "*${1#*/}*" -name '*.*' |
		sed -E 's,^tests/,,; s,\.[a-z]+$,,' | sort | tr '\n' ' '))" >&2
	exit 2
fi
cat "$work"/result.* | awk '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
		exit failed || !passed
	}'
