# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What every test of musctl begins with: a runtime folder of its own, which is empty again at the
# end, and words for what tests do often.

bats_require_minimum_version 1.5.0

REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export MUSCTL=${MUSCTL:-$REPO/build/release/musctl}
UUID_PATTERN='[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
export UUID_PATTERN

musctl() {
	"$MUSCTL" "$@"
}

setup() {
	export MUSER_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	export HOME=$BATS_TEST_TMPDIR LC_ALL=C.UTF-8 TZ=UTC
	export MUSER_TRANSPORT=vfio-user # the kernel of this host is none of a test's business
	unset MUSER_LOG MUSER_DEBUG MUSER_ROOT MUSER_UUID MUSER_LISTEN_FD MUSER_SOCKET_PATH XDG_CONFIG_HOME
	unset NO_COLOR COLUMNS CLIENT_PID
	cd "$BATS_TEST_TMPDIR" || return
}

# Whatever a test did, no device process outlives it.
teardown() {
	client_stop
	ls "$MUSER_RUNTIME_DIR" 2>/dev/null | musctl destroy --force - 2>/dev/null || true
}

# The folder has no instance left, whole or half.
nothing_left() {
	[ -z "$(ls -A "$MUSER_RUNTIME_DIR" 2>/dev/null)" ]
}

# run, with stdout and stderr apart, and a check of the status.
try() { # STATUS COMMAND...
	local want=$1
	shift
	if [ "$want" -eq 127 ]; then # else bats warns of a command that is missing
		run -127 --separate-stderr "$@"
		return
	fi
	run --separate-stderr "$@"
	if [ "$status" -ne "$want" ]; then
		# shellcheck disable=SC2154 # set by run
		printf 'status %s, not %s\nstdout: %s\nstderr: %s\n' "$status" "$want" "$output" \
			"$stderr" >&2
		return 1
	fi
}

# One line on stderr, exactly this.
complains() { # LINE
	# shellcheck disable=SC2154 # set by run
	[ "$stderr" = "$1" ] || {
		printf 'stderr: %s\n' "$stderr" >&2
		return 1
	}
}

# Who is not root, and has no group but his own. In DIR, which nobody else can enter.
as_nobody() { # DIR COMMAND...
	chown 65534:65534 "$1"
	setpriv --reuid=65534 --regid=65534 --clear-groups "${@:2}"
}

# What is different each time becomes the same.
normalize() {
	sed -E "s/$UUID_PATTERN/UUID/g; s|$BATS_TEST_TMPDIR|DIR|g; s/[ \t]+\$//"
}

# The output is that of tests/cli/expected/NAME; MUSER_UPDATE=1 writes it instead.
golden() { # NAME
	local file=$BATS_TEST_DIRNAME/expected/$1
	local -a layout=(cat)
	[[ $1 != *.json ]] || layout=(jq .) # that of json-c changes with its version
	if [ -n "${MUSER_UPDATE-}" ]; then
		normalize <<<"$output" >"$file"
	fi
	normalize <<<"$output" | "${layout[@]}" | diff -u <("${layout[@]}" <"$file") - >&2
}

# Until a command succeeds, five seconds at most.
eventually() {
	local i
	for ((i = 0; i < 250; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.02
	done
	echo "never: $*" >&2
	return 1
}

# A child in the background.
has_ended() { # PID
	! kill -0 "$1"
}

# ---- a client that stays -------------------------------------------------------------

# Files are run side by side: one make at a time.
release() { # TARGET...
	flock "$REPO/build" make -s -C "$REPO" "$@" >/dev/null
}

# A program of this folder, by its name without .c, into the folder of the file's tests.
build_with_libmuser() { # NAME
	release build/release/libmuser.a
	# shellcheck disable=SC2046 # several words
	cc -std=gnu11 -D_GNU_SOURCE -I"$REPO/lib" -o "$BATS_FILE_TMPDIR/$1" \
		"$REPO/tests/cli/$1.c" "$REPO/build/release/libmuser.a" \
		$(pkg-config --libs json-c uuid liburing) -pthread
}

build_client() {
	build_with_libmuser client
}

socket_of() { # UUID
	musctl list -J -o UUID,SOCKET | jq -r ".devices[] | select(.uuid == \"$1\").socket"
}

client_start() { # UUID, or -- COMMAND, as client.c has it
	[ "$1" = -- ] || set -- "$(socket_of "$1")"
	mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	"$BATS_FILE_TMPDIR/client" "$@" <"$BATS_TEST_TMPDIR/in" \
		>"$BATS_TEST_TMPDIR/out" 2>/dev/null 3>&- &
	CLIENT_PID=$!
	exec 8>"$BATS_TEST_TMPDIR/in" 9<"$BATS_TEST_TMPDIR/out"
	read -r -t 5 -u 9 REPLY
	[ "$REPLY" = ready ]
}

# Tells it a line, leaves its answer in REPLY.
client() {
	echo "$*" >&8
	read -r -t 5 -u 9 REPLY
}

client_stop() {
	[ -n "${CLIENT_PID-}" ] || return 0
	exec 8>&- 9<&-
	wait "$CLIENT_PID" || true
	unset CLIENT_PID
	rm -f "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

# ---- a device that says what it likes ------------------------------------------------

# Its answers are files of the folder answers; see peer.c. UUID in PEER, process id in PEER_PID.
peer_start() {
	PEER=6ba7b810-9dad-11d1-80b4-00c04fd430c8
	mkdir -p answers "$MUSER_RUNTIME_DIR"
	chmod 700 "$MUSER_RUNTIME_DIR"
	answer Show '{"parameters":{"device":{"uuid":"'$PEER'","transport":"vfio-user"}}}'
	answer Registers '{"parameters":{"registers":[]}}'
	"$BATS_FILE_TMPDIR/peer" "$PEER" "$PWD/answers" 3>&- &
	PEER_PID=$!
	eventually test -S "$MUSER_RUNTIME_DIR/$PEER/control.sock"
}

answer() { # METHOD[.CALL] TEXT
	echo "$2" >answers/.new
	mv answers/.new "answers/$1"
}

# ---- a tracer in the background ------------------------------------------------------

# Its rows go to the file rows; returns when it is attached.
trace_start() { # UUID OPTION...
	local uuid=$1
	"$MUSCTL" trace "$@" >rows 2>losses 3>&- &
	TRACER=$!
	eventually has_tracer "$uuid"
}

tracers_of() {
	musctl list -nro UUID,TRACERS | awk -v uuid="$1" '$1 == uuid { print $2 }'
}

has_tracer() {
	[ "$(tracers_of "$1")" -ge 1 ]
}

trace_stop() {
	kill -INT "$TRACER"
	wait "$TRACER"
}
