# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Many clients, and servers that are killed under them: run by kmod.sh -n.
# Owns: that no reply is lost or goes astray, whoever dies.
# Refuses to know what a device does: all of them are memory.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

mkdir -p /tmp/run
export MUSER_RUNTIME_DIR=/tmp/run
KILLS=${KILLS:-100}
LOAD_MS=${LOAD_MS:-10000} # 60 s by hand: KMOD_ENV=LOAD_MS=60000

ok 'the module is there' load muser
ok 'with the IOMMU that needs no hardware' load vfio_iommu_type1

# ---- many devices in one process -----------------------------------------------------------

create_64() {
	for nr in $(seq 64); do
		mdev_create "$(uuid_nr "$nr")" || return
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
ok 'eight threads on each: no reply is lost or swapped' load_64
ok 'the one on the socket is there, too' musctl peek "$(uuid_nr 65)" bar0+0.4
kill -9 $many
ok 'all are gone with it' until_true is_attribute "$(uuid_nr 64)" state no-server
for nr in $(seq 64); do
	mdev_remove "$(uuid_nr "$nr")"
done

# ---- servers that are killed ---------------------------------------------------------------

U=$(uuid_nr 65)
ok 'an mdev' mdev_create "$U"

new_server() {
	musctl run null -T mdev -u "$U" >/tmp/server.log 2>&1 &
	server=$!
	until_true is_attribute "$U" state ready || cat /tmp/server.log
}

kill_servers() { # TIMES
	for nr in $(seq "$1"); do
		# shellcheck disable=SC3028 # busybox has it
		usleep $((RANDOM % 100 * 1000))
		kill -0 "$client" || return # it should have gone on
		kill -9 "$server"
		wait "$server"
		until_true is_attribute "$U" state no-server && new_server || return
	done
}

under_load() { # POLICY [errors]
	new_server
	echo "$1" >"/sys/bus/mdev/devices/$U/policy"
	# shellcheck disable=SC2086 # none or one word
	vfio_client "$U" load 8 600000 bar0 0 $2 >/tmp/load.log 2>&1 &
	client=$!
	kill_servers "$KILLS"
	killed=$?
	kill "$client"
	wait "$client" && [ $killed = 0 ]
	crashed=$?
	cat /tmp/load.log
	kill -9 "$server"
	until_true is_attribute "$U" state no-server
	return $crashed
}

ok "wait: a server is killed $KILLS times, and no access fails or is wrong" under_load wait
ok 'not one failed' grep -q ' failed=0 wrong=0' /tmp/load.log
is 'nothing is pinned' 0 attribute "$U" pinned_pages
ok "fail: a server is killed $KILLS times, accesses fail, none is wrong" under_load fail errors
ok 'some failed' grep -q ' failed=[1-9][0-9]* wrong=0' /tmp/load.log
ok 'the mdev goes' mdev_remove "$U"
ok 'the module goes' rmmod muser
tap_end
