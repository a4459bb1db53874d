# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Hostile clients and servers, killed at random moments: run by kmod.sh -n, best on kdebug.
# SECONDS and SEED come from the VM's command line (GUEST_APPEND='HOSTILE_SECONDS=600 SEED=1').
# Owns: that the kernel is well afterwards, as kmod.sh's reading of its log says, and kmemleak.
# Refuses to say what such a client or server should see.

# shellcheck source-path=SCRIPTDIR source=../tap.sh
. /files/tap.sh

HOSTILE_SECONDS=${HOSTILE_SECONDS:-60}
SEED=${SEED:-1}
seeds=$SEED

# Allocations fail now and then in whoever asked for it, where the kernel can do that.
faults() {
	mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
	for fault in task-filter=Y probability=1 times=-1 verbose=0; do
		test -e /sys/kernel/debug/failslab || return
		echo "${fault#*=}" >"/sys/kernel/debug/failslab/${fault%=*}"
	done
}

# A process of its own, which ends by itself or is killed: sooner or later.
mortal() { # SECONDS COMMAND...
	mortal_for=$1
	shift
	(
		echo 1 >/proc/self/make-it-fail
		exec timeout -s KILL "$mortal_for" "$@"
	) >/dev/null 2>&1 &
}

next_seed() {
	seeds=$(((seeds * 1103515245 + 12345) % 2147483648))
}

# One server and one client after the other on an mdev; some are well-behaved.
struggle() { # UUID SEED END
	seeds=$2
	while [ "$(date +%s)" -lt "$3" ]; do
		next_seed
		set -- "$1" "$2" "$3" $((seeds / 8 % 5))
		# shellcheck disable=SC2046 # no word or some
		mortal $((1 + seeds / 64 % 4)) raw_server "$1" \
			$([ "$4" = 0 ] || echo "-s $seeds") $([ "$4" -lt 2 ] || echo -x) \
			$([ "$4" != 3 ] || echo -r)
		server=$!
		next_seed
		usleep $((seeds / 16 % 300 * 1000))
		mortal $((1 + seeds / 64 % 4)) vfio_client "$1" hostile $((1 + seeds / 512 % 3)) \
			$seeds
		wait $!
		[ $((seeds / 4096 % 3)) = 0 ] || wait $server
	done
	wait
}

attackers() { # END
	for nr in 1 2 3 4; do
		[ $((nr % 2)) = 0 ] || echo wait >"/sys/bus/mdev/devices/$(uuid_nr $nr)/policy"
		echo 2000 >"/sys/bus/mdev/devices/$(uuid_nr $nr)/timeout_ms"
		struggle "$(uuid_nr $nr)" $((SEED + nr)) "$1" &
	done
	wait
}

# What seems lost is looked at again: a reader may have had it in a register.
no_leak() {
	leaks=/sys/kernel/debug/kmemleak
	test -e $leaks || return 0
	for try in 1 2 3; do
		echo scan >$leaks
		sleep 6
		grep -q muser $leaks || return 0
	done
	echo "try $try:"
	cat $leaks
	return 1
}

ok 'the module is there' load muser
ok 'with the IOMMU that needs no hardware' load vfio_iommu_type1
faults
for nr in 1 2 3 4; do
	ok "mdev $nr" mdev_create "$(uuid_nr $nr)"
done
ok "they struggle for $HOSTILE_SECONDS s, seed $SEED" attackers $(($(date +%s) + HOSTILE_SECONDS))
ok 'a good server comes' serve "$(uuid_nr 1)"
is 'and a good client' 'pci reset regions=9 irqs=5' vfio_client "$(uuid_nr 1)" info
ok 'who work' vfio_client "$(uuid_nr 1)" load 4 2000 bar0 0
is 'nothing is pinned' 0 attribute "$(uuid_nr 1)" pinned_pages
stop_server
for nr in 1 2 3 4; do
	ok "mdev $nr goes" mdev_remove "$(uuid_nr $nr)"
done
ok 'nothing has leaked' no_leak
ok 'the module goes' rmmod muser
ok 'and still nothing has leaked' no_leak
tap_end
