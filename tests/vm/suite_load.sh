# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Many clients of many mdevs, all served by one process: run by kmod.sh -n.
# Owns: that no reply is lost or goes astray, also where several threads serve one device. Refuses to kill anybody before the end: suite_kill.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

mkdir -p /tmp/run
export MUSER_RUNTIME_DIR=/tmp/run
LOAD_MS=${LOAD_MS:-10000} # 60 s by hand: KMOD_ENV=LOAD_MS=60000

ok 'the module is there' load muser
ok 'with the IOMMU that needs no hardware' load "$IOMMU"

create_64() {
	for nr in $(seq 64); do
		mdev_create "$(uuid_nr "$nr")" || return
	done
}

# VFIO lets nobody wait long for the end of a handshake.
are_ready() {
	for nr in $(seq 64); do
		until_true is_attribute "$(uuid_nr "$nr")" state ready || return
	done
}

load_64() {
	load_pids=
	for nr in $(seq 64); do
		vfio_client "$(uuid_nr "$nr")" load 8 "$LOAD_MS" bar0 0 >"/tmp/load.$nr" 2>&1 &
		load_pids="$load_pids $!"
	done
	for pid in $load_pids; do
		wait "$pid" || load_bad=1
	done
	grep -v ' failed=0 wrong=0$' /tmp/load.* && return 1
	[ "$(grep -c '^good=[1-9]' /tmp/load.* | grep -c ':1$')" = 64 ] && [ -z "$load_bad" ]
}

ok '64 mdevs' create_64
many 64 >/tmp/many.log 2>&1 &
many=$!
ok 'one process serves them, and one on a socket' until_true grep -q ready /tmp/many.log
ok 'as all of them know' are_ready
ok 'eight threads on each: no reply is lost or swapped' load_64
ok 'the one on the socket is there, too' musctl peek "$(uuid_nr 65)" bar0+0.4
kill -9 $many
wait $many # it leaves one device after the other
ok 'all are gone with it' until_true is_attribute "$(uuid_nr 64)" state no-server

# ---- one device, several threads -------------------------------------------------------------

U=$(uuid_nr 1)

crew_start() { # THREADS
	MUSER_UUID=$U MUSER_TRANSPORT=mdev crew "$1" >/tmp/server.log 2>&1 &
	server=$!
	until_true is_attribute "$U" state ready || { cat /tmp/server.log && return 1; }
}

# Eight threads of a client, and no reply is lost or swapped.
crew_works() {
	vfio_client "$U" load 8 3000 bar0 0 >/tmp/load.crew || return
	cat /tmp/load.crew
	grep '^good=[1-9].* failed=0 wrong=0$' /tmp/load.crew
}

most() {
	printf '%d\n' "$(vfio_client "$U" read bar0 0xff8 8)"
}

crew_ends() {
	kill "$server" && wait "$server"
}

ok 'a program serves with four threads' crew_start 4
ok 'eight of the client find what they wrote' crew_works
is 'four callbacks ran at once, at most' 4 most
ok 'all threads end' crew_ends
ok 'the same program serves with one' crew_start 1
ok 'and nobody notices' crew_works
is 'but that it is one' 1 most
ok 'which ends' crew_ends
for nr in $(seq 64); do
	mdev_remove "$(uuid_nr "$nr")"
done
ok 'the module goes' rmmod muser
tap_end
