#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl and muser.ko, which a script plays: mdevs are removed, and whatever fails, is interrupted
# or killed leaves nothing in sysfs and nothing in the runtime directory.

load mdev

# ---- a device process that ends ------------------------------------------------------

@test "a process that is killed leaves its mdev to the next one" {
	uuid=$(musctl create null)
	kernel_kill "$uuid"
	eventually is_state "$uuid" no-server
	try 0 musctl create null -u "$uuid"
	[ "$(state_of "$uuid")" = waiting ]
	try 0 musctl destroy "$uuid"
	no_trace_left
}

@test "its mdev alone is destroyed as well: musctl made it" {
	uuid=$(musctl create null)
	kernel_kill "$uuid"
	eventually is_state "$uuid" no-server
	try 0 musctl destroy "$uuid"
	no_trace_left
}

@test "an mdev that is removed by hand ends its process" {
	uuid=$(musctl create null)
	echo 1 >"$MUSER_ROOT/sys/bus/mdev/devices/$uuid/remove"
	eventually test ! -e "$MUSER_RUNTIME_DIR/$uuid"
	musctl list
	rm "$MUSER_RUNTIME_DIR/.log-$uuid"
	no_trace_left
}

# ---- destroy, and a client -----------------------------------------------------------

@test "a client that does not let go: status 124, and all is as it was" {
	uuid=$(musctl create null)
	kernel_open "$uuid" 4711 qemu-system-x86
	try 124 musctl destroy -t 0.2 "$uuid"
	complains "musctl: destroy: $uuid: process 4711 (qemu-system-x86) has it open; nothing was changed (--force begins removal)"
	[ "$(state_of "$uuid")" = waiting ]
	try 0 musctl peek "$uuid" VENDOR_ID
	kernel_close "$uuid" 4711
	try 0 musctl destroy "$uuid"
	no_trace_left
}

@test "a client by iommufd, with a group or without, is one as well" {
	uuid=$(musctl create null)
	device=$MUSER_ROOT/sys/bus/mdev/devices/$uuid
	mkdir -p "$device/vfio-dev/vfio3"
	kernel_open "$uuid" 4711 qemu-system-x86 devices/vfio3
	for _ in with without; do
		try 124 musctl destroy -t 0.2 "$uuid"
		complains "musctl: destroy: $uuid: process 4711 (qemu-system-x86) has it open; nothing was changed (--force begins removal)"
		rm -f "$device/iommu_group"
	done
	kernel_close "$uuid" 4711
	kernel_open "$uuid" 4711 qemu-system-x86 devices/vfio33 # another device
	rm "$(readlink -f "$device")/busy"
	try 0 musctl destroy "$uuid"
	no_trace_left
}

@test "a client that lets go in time" {
	uuid=$(musctl create null)
	kernel_open "$uuid" 4711 qemu-system-x86
	(sleep 0.3; kernel_close "$uuid" 4711) 3>&- &
	try 0 musctl destroy "$uuid"
	no_trace_left
}

@test "--force begins the removal: it is over when the client closes" {
	uuid=$(musctl create null)
	kernel_open "$uuid" 4711 qemu-system-x86
	try 124 musctl destroy --force -t 0.2 "$uuid"
	complains "musctl: destroy: $uuid: the mdev will be removed when process 4711 (qemu-system-x86) closes it"
	eventually is_state "$uuid" no-server
	kernel_close "$uuid" 4711
	eventually kernel_is_empty
	musctl list
	no_trace_left
}

@test "an unserved mdev's client is listed" {
	kernel_make "$U"
	kernel_open "$U" 4711 qemu-system-x86
	[ "$(musctl list -J | jq -c '.devices[0].client')" = \
		'{"pid":4711,"command":"qemu-system-x86"}' ]
	kernel_close "$U" 4711
}

@test "a client that only the device knows of is told of, too" {
	uuid=$(musctl create null)
	kernel_open "$uuid" 4711 qemu-system-x86
	rm "$MUSER_ROOT/proc/4711/fd/9" # somebody else's, whom we may not look at
	try 124 musctl destroy -t 0.2 "$uuid"
	complains "musctl: destroy: $uuid: the mdev will be removed when its client closes it"
	kernel_close "$uuid" 4711
	eventually kernel_is_empty
}

@test "a removal that the kernel refuses leaves all as it was" {
	uuid=$(musctl create null)
	file=$MUSER_ROOT/sys/bus/mdev/devices/$uuid/remove
	mv "$file" kept
	mkdir "$file"
	try 1 musctl destroy "$uuid"
	complains "musctl: destroy: $uuid: the mdev cannot be removed: Is a directory"
	[ "$(state_of "$uuid")" = waiting ]
	rmdir "$file"
	mv kept "$file"
	try 0 musctl destroy "$uuid"
	no_trace_left
}

@test "a process that hangs is killed after the timeout" {
	uuid=$(musctl create null)
	kill -STOP "$(musctl list -nro PID)"
	try 0 musctl destroy --timeout 0.2 "$uuid"
	no_trace_left
}

@test "what another musctl is busy with is left alone" {
	kernel_make "$U"
	mkdir -p "$MUSER_RUNTIME_DIR"
	exec 7>"$MUSER_RUNTIME_DIR/.mdev-$U"
	flock 7
	try 1 musctl destroy --force --timeout 0.2 "$U" 7>&-
	complains "musctl: destroy: $U: another musctl is busy with it"
	mdev_is_there "$U"
	exec 7>&-
	try 0 musctl destroy --force "$U"
}

@test "a runtime folder that cannot be made: nothing is made in the kernel" {
	MUSER_RUNTIME_DIR=/proc/nowhere try 1 musctl create null
	[[ $stderr == "musctl: create: "*": no safe runtime directory: "*" (set MUSER_RUNTIME_DIR)" ]]
	kernel_is_empty
}

@test "what is in the file of a claim is not trusted" {
	mkdir -p "$MUSER_RUNTIME_DIR"
	kernel_make "$U"
	for text in '' 'made' 'made 0' 'made -1' 'made 18446744073709551616' 'frob' $'making'; do
		printf %s "$text" >"$MUSER_RUNTIME_DIR/.mdev-$U"
		kernel_open "$U" 4711 qemu-system-x86 # in use: not even "making" is believed
		try 0 musctl list
		kernel_close "$U" 4711
		mdev_is_there "$U"
	done
	ln -sf "$PWD/elsewhere" "$MUSER_RUNTIME_DIR/.mdev-$U"
	try 1 musctl destroy --force "$U"
	[ ! -e elsewhere ]
	rm "$MUSER_RUNTIME_DIR/.mdev-$U"
}

@test "two destroys at once: one finds it, both find it gone" {
	uuid=$(musctl create null)
	local first=0
	"$MUSCTL" destroy "$uuid" 2>/dev/null 3>&- &
	run musctl destroy "$uuid"
	wait $! || first=$?
	[[ "$first $status" =~ ^(0 0|0 3|3 0)$ ]] # either may be the one that finds it
	no_trace_left
}

@test "killed at any moment, whatever it does: nothing is left that list and destroy do not find" {
	local i
	for i in {1..24}; do
		timeout -s KILL "0.0$((RANDOM % 60 + 10))" "$MUSCTL" create -u "$U" null 3>&- || true
		kernel_sync
		case $((i % 3)) in
		0) timeout -s KILL "0.0$((RANDOM % 30 + 10))" "$MUSCTL" destroy "$U" 3>&- || true ;;
		1) timeout -s KILL "0.0$((RANDOM % 30 + 10))" "$MUSCTL" run null 3>&- || true ;;
		2) timeout -s KILL "0.0$((RANDOM % 30 + 10))" "$MUSCTL" list 3>&- || true ;;
		esac
		kernel_sync
	done >/dev/null 2>&1
	musctl list -nro UUID | musctl destroy - || true # one may be on its way out
	eventually kernel_is_empty
	musctl list
	no_trace_left
}
