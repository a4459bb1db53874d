#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The fuzzers: one libFuzzer target a file. Builds them with clang into build/fuzz, replays the
# corpus of each, then lets them look for more, two at a time: FUZZ_SECONDS each; without it a
# fixed seed and number of inputs, together at most five minutes. Words are the targets to run,
# such as fuzz_json; none: all.
#
# Prints TAP: a line for the replay of each target and one for its fuzzing. What crashed is kept
# in build/fuzz/crashes, what was found on the way in build/fuzz/corpus. To see a crash again, run
# build/fuzz/TARGET FILE; once it is mended, FILE belongs to tests/fuzz/corpus/TARGET, where every
# run replays it. FUZZ_CC names the compiler, FUZZ_JOBS how many targets run at a time.
#
# shellcheck disable=SC2317 # all() calls functions by their names
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

cc=${FUZZ_CC:-clang}
jobs=${FUZZ_JOBS:-2}
budget=280 # seconds, of which building takes some
check_runs=12000
out=build/fuzz
sanitize=address,undefined
flags="-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all"
cli=(ui/{clean,color,columns,errname,error,names,out,parse,value} dev/{address,filter,regmap,trace_row}
	verbs/cmd_{peek,poke})
mapfile -t devices < <(printf '%s\n' devices/*.c devices/[!e]*/*.c | sed "s,^\(.*\)c\$,$out/\1o,")

export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

targets=("$@")
((${#targets[@]})) || mapfile -t targets < <(basename -s .c tests/fuzz/fuzz_*.c)
for target in "${targets[@]}"; do
	[[ -e tests/fuzz/$target.c ]] || { echo "run.sh: no target $target" >&2; exit 2; }
	mkdir -p "$out/corpus/$target" "$out/crashes"
done

# ---- building ------------------------------------------------------------------------

# The Makefile's rules, in a folder of their own; warnings are for its own builds.
build_objects() {
	make --no-print-directory -j"$jobs" CC="$cc" CONFIG=fuzz SANITIZE= \
		CFLAGS="$flags -w -fsanitize=fuzzer-no-link,$sanitize" \
		"$out/lib/internal.a" "${cli[@]/#/$out/cli/}" "${devices[@]}"
}

is_current() { # TARGET: nothing that it is made of is newer
	local file
	[[ -x $out/$1 ]] || return
	for file in tests/*.h tests/fuzz/*.h "tests/fuzz/$1.c" lib/*.h lib/*/*.h cli/*/*.h "$out/lib/internal.a" \
		"${cli[@]/#/$out/cli/}" "${devices[@]}"; do
		[[ $file -nt $out/$1 ]] && return 1
	done
	return 0
}

build() { # TARGET
	local -a options libs objects=()
	is_current "$1" && return
	read -ra options <<<"$flags"
	read -ra libs <<<"$(pkg-config --cflags --libs json-c uuid smartcols liburing)"
	[[ $1 != fuzz_cli ]] || objects=("${cli[@]/#/$out/cli/}")
	[[ $1 != fuzz_guest ]] ||
		objects=("${devices[@]}" "-Wl,--wrap=lm_timer_arm" "-Wl,--wrap=poll")
	"$cc" "${options[@]}" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter \
		-Wno-missing-field-initializers -Werror "-fsanitize=fuzzer,$sanitize" -pthread \
		-Ilib -Icli -o "$out/$1" "tests/fuzz/$1.c" "${objects[@]}" \
		"$out/lib/internal.a" "${libs[@]}"
}

# ---- running -------------------------------------------------------------------------

fuzzer() { # TARGET OPTION|FOLDER...
	"$out/$1" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -max_len=4096 \
		-artifact_prefix="$out/crashes/$1-" "${@:2}"
}

replay() { # TARGET
	fuzzer "$1" -runs=0 "tests/fuzz/corpus/$1" "$out/corpus/$1"
}

look() { # TARGET
	local -a more=()
	[[ ! -e tests/fuzz/$1.dict ]] || more=("-dict=tests/fuzz/$1.dict")
	# What "make check" finds, it finds every time: the same inputs in the same order. Looking
	# for new ones is for "make fuzz".
	if [[ -z ${FUZZ_SECONDS-} ]]; then
		rm -rf "$out/corpus/$1"
		mkdir "$out/corpus/$1"
		more+=(-seed=1 -runs="$check_runs")
	fi
	fuzzer "$1" "${more[@]}" -max_total_time="$seconds" "$out/corpus/$1" \
		"tests/fuzz/corpus/$1"
}

# STEP for every target, some at a time; what they say and their status go to files.
all() { # STEP
	local target
	for target in "${targets[@]}"; do
		while (($(jobs -rp | wc -l) >= jobs)); do
			wait -n
		done
		{ "$1" "$target" >"$out/$target.$1" 2>&1; echo $? >"$out/$target.status"; } &
	done
	wait
}

# "123 inputs, 45 a second, 678 edges"
summary() { # LOG
	awk '/^#[0-9]+/ { runs = substr($1, 2) }
		match($0, /cov: [0-9]+/) { edges = substr($0, RSTART + 5, RLENGTH - 5) }
		/^stat::average_exec_per_sec/ { speed = $2 }
		END { printf "%d inputs, %d a second, %d edges\n", runs, speed, edges }' "$1"
}

number=0 failed=0
report() { # STEP WORDS
	local target log
	for target in "${targets[@]}"; do
		log=$out/$target.$1
		((number++))
		if (($(<"$out/$target.status") == 0)); then
			echo "ok $number - $target: $2: $(summary "$log")"
			continue
		fi
		echo "not ok $number - $target: $2"
		grep -o 'Test unit written to .*' "$log" | sed 's/^/# /'
		grep -vE '^#[0-9]+|NEW_FUNC|^INFO:|^stat::' "$log" | tail -n 60 | sed 's/^/# /'
		((failed++))
	done
}

# ---- the run -------------------------------------------------------------------------

objects_built() {
	build_objects >"$out/build.log" 2>&1 && return
	echo "not ok 1 - the library is built with $cc"
	tail -n 20 "$out/build.log" | sed 's/^/# /'
	echo 1..1
	return 1
}

targets_built() {
	local target
	local -a broken=()
	all build
	for target in "${targets[@]}"; do
		(($(<"$out/$target.status") == 0)) || broken+=("$target")
	done
	((${#broken[@]})) || return 0
	targets=("${broken[@]}")
	report build 'is built'
	echo "1..$number"
	return 1
}

# A function, so that the shell has read all of it before anything starts.
main() {
	local rounds=$(((${#targets[@]} + jobs - 1) / jobs))
	objects_built && targets_built || return
	all replay
	report replay 'replay of the corpus'
	seconds=${FUZZ_SECONDS:-$(((budget - SECONDS) / rounds - 2))}
	((seconds > 0)) || seconds=1
	all look
	report look "$seconds s of fuzzing"
	echo "1..$number"
	((failed == 0))
}

cli=("${cli[@]/%/.o}")
main
exit
