#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The fuzzers: one libFuzzer target a file. Builds them with clang into build/fuzz, replays the
# corpus of each, then lets them look for more, two at a time: FUZZ_SECONDS each, or together as
# long as is left of five minutes. Words are the targets to run, such as fuzz_json; none: all.
#
# Prints TAP: a line for the replay of each target and one for its fuzzing. What crashed is kept
# in build/fuzz/crashes, what was found in build/fuzz/corpus; a finding that is mended moves to
# tests/fuzz/corpus/TARGET as a regression test: run build/fuzz/TARGET FILE to see it.
# FUZZ_CC names the compiler.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

cc=${FUZZ_CC:-clang}
out=build/fuzz
budget=280
per_round=2
started=$SECONDS
sanitize=address,undefined
common="-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all -Wno-unknown-warning-option"
cli_parts=(error filter names parse place regmap value)

export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

targets=("$@")
((${#targets[@]})) || mapfile -t targets < <(cd tests/fuzz && printf '%s\n' fuzz_*.c | sed 's/\.c$//')

# ---- building ------------------------------------------------------------------------

build_objects() {
	local -a objects
	mapfile -t objects < <(printf "$out/cli/%s.o\n" "${cli_parts[@]}")
	make --no-print-directory -j2 CC="$cc" CONFIG=fuzz SANITIZE= \
		CFLAGS="$common -fsanitize=fuzzer-no-link,$sanitize" \
		"$out/lib/internal.a" "${objects[@]}"
}

build_target() { # TARGET
	local -a flags libs objects=()
	read -ra flags <<<"$common -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter"
	read -ra libs <<<"$(pkg-config --cflags --libs json-c uuid)"
	[[ $1 == fuzz_cli ]] && mapfile -t objects < <(printf "$out/cli/%s.o\n" "${cli_parts[@]}")
	"$cc" "${flags[@]}" -Werror "-fsanitize=fuzzer,$sanitize" -Ilib -Icli -Idevices -pthread \
		-o "$out/$1" "tests/fuzz/$1.c" "${objects[@]}" "$out/lib/internal.a" "${libs[@]}"
}

is_current() { # TARGET: nothing that it is made of is newer
	local file
	[[ -x $out/$1 ]] || return
	for file in tests/fuzz/*.[ch] lib/*.h cli/*.h "$out/lib/internal.a" "$out"/cli/*.o; do
		[[ $file -nt $out/$1 ]] && return 1
	done
	return 0
}

# ---- running -------------------------------------------------------------------------

fuzzer() { # TARGET OPTION|FOLDER...
	local target=$1
	shift
	"$out/$target" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -close_fd_mask=1 \
		-artifact_prefix="$out/crashes/$target-" "$@"
}

replay() { # TARGET
	fuzzer "$1" -runs=0 "tests/fuzz/corpus/$1" "$out/corpus/$1" >"$out/$1.replay" 2>&1
}

look() { # TARGET SECONDS
	local -a dict=()
	[[ -e tests/fuzz/$1.dict ]] && dict=("-dict=tests/fuzz/$1.dict")
	timeout -k 5 $(($2 + 60)) "$out/$1" -help=1 >/dev/null 2>&1
	fuzzer "$1" -max_total_time="$2" "${dict[@]}" "$out/corpus/$1" \
		"tests/fuzz/corpus/$1" >"$out/$1.log" 2>&1
}

# The status and the log of a run become a line of TAP.
number=0
report() { # WHAT LOG STATUS
	((number++))
	if (($3 == 0)); then
		echo "ok $number - $1: $(summary "$2")"
		return
	fi
	echo "not ok $number - $1 (status $3)"
	grep -o 'Test unit written to .*' "$2" | sed 's/^/# /'
	grep -vE '^#[0-9]+|^INFO:|^\s*NEW_FUNC|^stat::' "$2" | tail -n 40 | sed 's/^/# /'
}

summary() { # LOG
	awk '
		/^#[0-9]+/ { runs = substr($1, 2) + 0 }
		match($0, /cov: [0-9]+/) { cov = substr($0, RSTART + 5, RLENGTH - 5) }
		/stat::average_exec_per_sec/ { speed = $2 }
		END { printf "%d inputs, %d a second, %d edges\n", runs, speed, cov }' "$1"
}

statuses() { # FUNCTION ARGUMENT...: for all targets, two at a time; results in files
	local target
	for target in "${targets[@]}"; do
		while (($(jobs -rp | wc -l) >= per_round)); do
			wait -n
		done
		{ "$1" "$target" "${@:2}"; echo $? >"$out/$target.status"; } &
	done
	wait
}

report_all() { # WHAT SUFFIX
	local target
	for target in "${targets[@]}"; do
		report "$target: $1" "$out/$target.$2" "$(cat "$out/$target.status")"
	done
}

# ---- the run -------------------------------------------------------------------------

mkdir -p "$out/crashes"
for target in "${targets[@]}"; do
	mkdir -p "$out/corpus/$target" "tests/fuzz/corpus/$target"
done
exit 0
