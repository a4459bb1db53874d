# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# A kernel with muser.ko that is a folder, $MUSER_ROOT, and a script in the background: its sysfs
# files for commands are FIFOs, which answer nothing. What a test lets go wrong it says by files:
#   slow     the node of an instance comes late
#   nodeless there is never a node
# An instance cannot be removed while it has a file "busy", as if a client had it open.

kernel_start() {
	export MUSER_ROOT=$PWD/root
	local sys=$MUSER_ROOT/sys
	KERNEL_TYPE=$sys/devices/virtual/muser/muser/mdev_supported_types/muser-1
	mkdir -p "$KERNEL_TYPE" "$sys/class/muser" "$sys/class/mdev_bus" "$sys/bus/mdev/devices" \
		"$sys/module/muser" "$sys/module/mdev" "$MUSER_ROOT/dev/muser" "$MUSER_ROOT/dev/vfio" \
		"$MUSER_ROOT/proc"
	ln -s ../../devices/virtual/muser/muser "$sys/class/muser/muser"
	ln -s ../../devices/virtual/muser/muser "$sys/class/mdev_bus/muser"
	musctl version -nro VERSION | head -n 1 >"$sys/module/muser/version"
	echo vfio-pci >"$KERNEL_TYPE/device_api"
	echo 'PCI device in user space' >"$KERNEL_TYPE/name"
	echo 'served by a process on its node' >"$KERNEL_TYPE/description"
	echo 16 >"$KERNEL_TYPE/available_instances"
	mkfifo "$KERNEL_TYPE/create"
	kernel_loop 3>&- &
	KERNEL_PID=$!
	until [ -e "$MUSER_ROOT/booted" ]; do sleep 0.01; done
}

kernel_stop() {
	[ -n "${KERNEL_PID-}" ] || return 0
	kill -- "$KERNEL_PID" $(jobs -p) 2>/dev/null
	wait "$KERNEL_PID" 2>/dev/null
	unset KERNEL_PID
}

kernel_loop() {
	local uuid
	trap 'kill $(jobs -p) 2>/dev/null; exit' TERM
	exec 5<>"$KERNEL_TYPE/create"
	: >"$MUSER_ROOT/booted"
	while read -r -N 36 uuid <&5; do
		if [[ $uuid == sync* ]]; then
			: >"$MUSER_ROOT/synced"
			continue
		fi
		[ ! -e "$MUSER_ROOT/sys/bus/mdev/devices/$uuid" ] || continue
		kernel_add "$uuid"
		kernel_hold "$uuid" 5>&- &
	done
}

# An instance appears. The node is a FIFO, see node.c.
kernel_add() { # UUID
	local device=$MUSER_ROOT/sys/devices/virtual/muser/muser/$1
	while [ -e "$device" ]; do sleep 0.01; done # it is being removed
	mkdir "$device"
	mkfifo "$device/remove"
	ln -s ../mdev_supported_types/muser-1 "$device/mdev_type"
	ln -s ../../../kernel/iommu_groups/7 "$device/iommu_group"
	echo no-server >"$device/state"
	echo fail >"$device/policy"
	echo 0 >"$device/restarts"
	echo 12 >"$device/pinned_pages"
	echo 1 >"$device/direct"
	echo 1073741824 >"$device/max_memory"
	ln -s "../../../devices/virtual/muser/muser/$1" "$MUSER_ROOT/sys/bus/mdev/devices/$1"
	mkfifo "$device/node" # found there by whoever holds it
	[ ! -e slow ] || sleep 0.3
	[ -e nodeless ] || ln -s "$device/node" "$MUSER_ROOT/dev/muser/$1"
}

# Holds the other end of the node. Whoever writes to "remove" waits until nobody has it open.
kernel_hold() { # UUID
	local device=$MUSER_ROOT/sys/devices/virtual/muser/muser/$1 removed
	trap 'exit' TERM
	exec 6<>"$device/node"
	read -r -N 1 _ <"$device/remove"
	while [ -e "$device/busy" ]; do sleep 0.02; done
	rm -rf "$MUSER_ROOT/dev/muser/$1" "$MUSER_ROOT/sys/bus/mdev/devices/$1"
	removed=$(mktemp -d "$MUSER_ROOT/removed.XXXXXX") # the next one has another inode
	mv "$device" "$removed"
	exec 7<>"$removed/$1/remove" # whoever else wants to remove it
	sleep 0.2
}

# Is nothing left of any instance?
kernel_is_empty() {
	[ -z "$(ls "$MUSER_ROOT/sys/bus/mdev/devices" "$MUSER_ROOT/dev/muser" | grep -v :)" ]
}

# All that was written to "create" so far is done: a real kernel is never behind.
kernel_sync() {
	rm -f "$MUSER_ROOT/synced"
	printf %-36s sync >"$KERNEL_TYPE/create"
	until [ -e "$MUSER_ROOT/synced" ]; do sleep 0.01; done
}

# An instance that musctl did not make.
kernel_make() { # UUID
	printf %s "$1" >"$KERNEL_TYPE/create"
	eventually test -e "$MUSER_ROOT/dev/muser/$1"
}

# A client has the instance open, or lets go of it.
kernel_open() { # UUID PID COMMAND [NODE]
	local proc=$MUSER_ROOT/proc/$2
	mkdir -p "$proc/fd"
	ln -s "/dev/vfio/${4-7}" "$proc/fd/9"
	echo "$3" >"$proc/comm"
	: >"$MUSER_ROOT/sys/devices/virtual/muser/muser/$1/busy"
}

kernel_close() { # UUID PID
	rm -rf "${MUSER_ROOT:?}/proc/$2" "$MUSER_ROOT/sys/devices/virtual/muser/muser/$1/busy"
}

# The process that serves it is killed: the kernel closes its node.
kernel_kill() { # UUID
	local device=$MUSER_ROOT/sys/devices/virtual/muser/muser/$1
	kill -KILL "$(cat "$device/server_pid")"
	echo no-server >"$device/state"
}

# ---- for bats ------------------------------------------------------------------------

# musctl with a double of the node; stands for $MUSCTL from here on.
kernel_musctl() {
	local double
	double=$(dirname "$MUSCTL")/tests/cli/musctl
	[ -x "$double" ] || release "${double#"$REPO"/}"
	export MUSCTL=$double
}

# Whatever a test did, no device process and no script outlives it.
kernel_teardown() {
	rm -f "$MUSER_ROOT"/sys/devices/virtual/muser/muser/*/busy
	musctl list -nro UUID | musctl destroy --force - 2>/dev/null || true
	kernel_stop || true
}

# Neither in sysfs nor in the runtime folder.
no_trace_left() {
	kernel_is_empty && nothing_left
}

state_of() { # UUID
	musctl list -nro UUID,STATE | awk -v uuid="$1" '$1 == uuid { print $2 }'
}

is_state() { # UUID STATE
	[ "$(state_of "$1")" = "$2" ]
}

mdev_is_there() { # UUID
	[ -e "$MUSER_ROOT/sys/bus/mdev/devices/$1" ]
}

# What each test begins and ends with; the helper's own come first.
eval "$(declare -f setup | sed '1s/setup/helper_setup/')"

setup() {
	helper_setup
	unset MUSER_TRANSPORT
	kernel_start
}

teardown() {
	kernel_teardown
}
