#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl and muser.ko, which a script plays: mdevs are made, by musctl or by others, and served.

load mdev

# ---- create --------------------------------------------------------------------------

@test "create makes an mdev where muser.ko is loaded, and destroy leaves nothing" {
	try 0 musctl create null
	uuid=$output
	[ -z "$stderr" ]
	[ "$(musctl list -nro TRANSPORT,STATE)" = "mdev waiting" ]
	mdev_is_there "$uuid"
	try 0 musctl peek "$uuid" VENDOR_ID
	[ "$output" = 0x1234 ]
	try 0 musctl destroy "$uuid"
	[ -z "$output$stderr" ]
	no_trace_left
}

@test "the nil UUID is one" {
	try 0 musctl create -u 00000000-0000-0000-0000-000000000000 null
	mdev_is_there 00000000-0000-0000-0000-000000000000
	try 0 musctl destroy 0000
	no_trace_left
}

@test "--transport and MUSER_TRANSPORT choose; options of a socket choose one" {
	transport() { musctl list -nro NAME,TRANSPORT | awk -v name="$1" '$1 == name { print $2 }'; }
	musctl create null --name a --transport=vfio-user
	[ "$(transport a)" = vfio-user ]
	MUSER_TRANSPORT=vfio-user musctl create null --name b
	[ "$(transport b)" = vfio-user ]
	MUSER_TRANSPORT=vfio-user musctl create null --name c -T mdev
	[ "$(transport c)" = mdev ]
	musctl create null --name d --socket-path here.sock
	[ "$(transport d)" = vfio-user ]
	MUSER_TRANSPORT=mdev musctl create null --name f --socket-path f.sock
	[ "$(transport f)" = vfio-user ]
	musctl create null --name e --mode 0660
	[ "$(transport e)" = vfio-user ]
	try 2 musctl create null --transport=mdev --socket-path there.sock
	[[ $stderr == "musctl: create: --socket-path: cannot be used with --transport=mdev, which has no socket"* ]]
	try 2 musctl create null --transport=pigeon
	[[ $stderr == "musctl: create: --transport: 'pigeon' is not one of auto|mdev|vfio-user"* ]]
	MUSER_TRANSPORT=pigeon try 2 musctl create null
	complains "musctl: create: MUSER_TRANSPORT: 'pigeon' is not one of auto|mdev|vfio-user"
}

@test "without the module auto is vfio-user, and mdev an error" {
	rm -r "$MUSER_ROOT/sys/module/muser"
	musctl create null
	[ "$(musctl list -nro TRANSPORT)" = vfio-user ]
	try 1 musctl create null --transport=mdev
	complains "musctl: create: --transport=mdev: muser.ko is not loaded (modprobe muser)"
	try 1 musctl run null --transport=mdev
	try 1 musctl exec --transport=mdev -- "$BATS_FILE_TMPDIR/program"
}

@test "so it is when there is no free instance" {
	echo 0 >"$KERNEL_TYPE/available_instances"
	musctl create null
	[ "$(musctl list -nro TRANSPORT)" = vfio-user ]
	try 1 musctl create null --transport=mdev
	[[ $stderr == "musctl: create: --transport=mdev: muser.ko has no free instance "* ]]
	MUSER_TRANSPORT=mdev try 1 musctl create null
	[[ $stderr == "musctl: create: MUSER_TRANSPORT=mdev: muser.ko has no free instance "* ]]
}

@test "the kernel refuses: one line, nothing is left" {
	rm "$KERNEL_TYPE/create"
	ln -s /dev/full "$KERNEL_TYPE/create"
	try 1 musctl create null -u "$U"
	complains "musctl: create: $U: muser.ko has no free instance (its parameter available_instances)"
	rm "$KERNEL_TYPE/create"
	mkdir "$KERNEL_TYPE/create"
	try 1 musctl create null -u "$U"
	complains "musctl: create: $U: cannot create an mdev: Is a directory"
	no_trace_left
}

@test "a node that comes late is waited for" {
	touch slow
	try 0 musctl create null
}

@test "a node that never comes: the mdev is removed again" {
	touch nodeless
	try 1 musctl create null -u "$U"
	complains "musctl: create: $U: /dev/muser/$U did not appear in time"
	no_trace_left
}

@test "a device process that fails: the mdev is removed again, the other device lives" {
	musctl create null -u "$U" --transport=vfio-user
	try 1 musctl create null -u "$U" --transport=mdev
	[[ $stderr == "musctl: create: null: "*"in use"* ]]
	kernel_is_empty
	try 0 musctl peek "$U" VENDOR_ID
	[ "$(ls -A -I ".log-$U" "$MUSER_RUNTIME_DIR")" = "$U" ]
}

@test "a server that the kernel does not take: the process and the mdev go" {
	NODE_REFUSES=1 try 1 timeout 30 "$MUSCTL" exec -t 0.3 -u "$U" -- "$BATS_FILE_TMPDIR/program"
	complains "musctl: exec: $U: muser.ko did not accept the device in time (see dmesg)"
	musctl list # the program left its folder
	no_trace_left
}

@test "interrupted while it waits: nothing is left" {
	touch nodeless
	"$MUSCTL" create null -u "$U" 2>said 3>&- &
	eventually mdev_is_there "$U"
	kill -TERM $!
	wait $! || status=$?
	[ "$status" -eq 1 ]
	[ "$(cat said)" = "musctl: create: $U: interrupted" ]
	no_trace_left
}

@test "killed while it waits: the next musctl removes what it left" {
	touch nodeless
	"$MUSCTL" create null -u "$U" 2>/dev/null 3>&- &
	eventually mdev_is_there "$U"
	kill -KILL $!
	wait $! || true
	mdev_is_there "$U"
	try 0 musctl list
	[ -z "$(musctl list -nro UUID)" ]
	no_trace_left
}

@test "a second create of the same UUID waits its turn, and fails" {
	touch slow
	"$MUSCTL" create null -u "$U" >first 2>&1 3>&- &
	eventually mdev_is_there "$U"
	try 1 musctl create null -u "$U"
	wait $!
	[ "$(cat first)" = "$U" ]
	try 0 musctl peek "$U" VENDOR_ID
	mdev_is_there "$U"
}

@test "many at once, and all are destroyed at once" {
	for _ in 1 2 3 4 5 6 7 8; do
		"$MUSCTL" create null >>uuids 3>&- &
	done
	wait $(jobs -p | grep -vx "$KERNEL_PID")
	[ "$(musctl list -nro TRANSPORT | grep -c mdev)" -eq 8 ]
	while read -r uuid; do
		"$MUSCTL" destroy "$uuid" 3>&- &
	done <uuids
	wait $(jobs -p | grep -vx "$KERNEL_PID")
	no_trace_left
}

# ---- made by others ------------------------------------------------------------------

@test "an mdev that was made by hand is listed, shown, and has no server" {
	kernel_make "$U"
	[ "$(musctl list -nro UUID,TRANSPORT,STATE,GROUP)" = "$U mdev no-server 7" ]
	try 0 musctl show "${U:0:4}"
	grep -qx 'State *no-server' <<<"$output"
	grep -qx 'IOMMU group *7' <<<"$output"
	grep -qx 'Direct I/O *1' <<<"$output"
	try 0 musctl show -J "$U"
	[ "$(jq -r '"\(.device) \(.mdev.pinned_pages) \(.mdev.direct) \(.mdev.sysfs)"' <<<"$output")" = \
		"null 12 1 /sys/bus/mdev/devices/$U" ]
	echo hung >"$MUSER_ROOT/sys/bus/mdev/devices/$U/state"
	[ "$(musctl list -nro UUID,STATE)" = "$U hung" ]
	try 0 musctl show "$U"
	grep -qx 'State *hung' <<<"$output"
	echo no-server >"$MUSER_ROOT/sys/bus/mdev/devices/$U/state"
	try 3 musctl peek "$U" bar0+0
	complains "musctl: peek: $U: is an mdev without a device process (musctl create -u $U --transport=mdev TYPE)"
}

@test "create -u serves an mdev that is there; destroy ends the process and leaves the mdev" {
	kernel_make "$U"
	try 0 musctl create null -u "$U"
	[ "$(state_of "$U")" = waiting ]
	try 0 musctl destroy "$U"
	is_state "$U" no-server
	nothing_left
}

@test "if serving it fails, it stays" {
	kernel_make "$U"
	musctl create null -u "$U" --transport=vfio-user
	try 1 musctl create null -u "$U" --transport=mdev
	mdev_is_there "$U"
}

@test "what musctl did not make it removes by force only" {
	kernel_make "$U"
	try 1 musctl destroy "$U"
	complains "musctl: destroy: $U: was not created by musctl (--force removes it)"
	mdev_is_there "$U"
	try 0 musctl destroy --force "$U"
	no_trace_left
}

# The process is another runtime folder's, as if it were another user's.
@test "an mdev that somebody else serves is listed so, and left alone" {
	kernel_make "$U"
	MUSER_RUNTIME_DIR=$PWD/other try 0 musctl create null -u "$U"
	pid=$(MUSER_RUNTIME_DIR=$PWD/other musctl list -nro PID)
	[ "$(musctl list -nro UUID,TRANSPORT,STATE,PID)" = "$U mdev served $pid" ]
	grep -qx 'State *served' <<<"$(musctl show "$U")"
	try 1 musctl peek "$U" bar0+0
	complains "musctl: peek: $U: served by process $pid, of another user or runtime directory (see MUSER_RUNTIME_DIR), or without libmuser"
	try 1 musctl destroy "$U"
	complains "musctl: destroy: $U: served by process $pid, of another user or runtime directory (see MUSER_RUNTIME_DIR), or without libmuser"
	is_state "$U" served
	MUSER_RUNTIME_DIR=$PWD/other try 0 musctl destroy "$U"
	is_state "$U" no-server
}

@test "one that was made by hand after musctl's own was removed by hand is not musctl's" {
	musctl create null -u "$U"
	echo 1 >"$MUSER_ROOT/sys/bus/mdev/devices/$U/remove"
	eventually test ! -e "$MUSER_RUNTIME_DIR/$U"
	kernel_make "$U"
	try 1 musctl destroy "$U"
	mdev_is_there "$U"
}

@test "other drivers' mdevs are none of ours" {
	local device=$MUSER_ROOT/sys/bus/mdev/devices/$U
	mkdir "$device"
	ln -s ../../../i915-GVTg_V5_4 "$device/mdev_type"
	[ -z "$(musctl list -nro UUID)" ]
	try 3 musctl destroy --force "$U"
	rm -r "$device"
}

# ---- run, exec -----------------------------------------------------------------------

@test "run: the mdev lives as long as the command" {
	try 0 musctl run null -- sh -c '"$MUSCTL" list -nro UUID,TRANSPORT; echo "$MUSER_UUID"'
	[ "${lines[0]}" = "${lines[1]} mdev" ]
	no_trace_left
}

@test "run: a command that fails, and one that is not there" {
	try 7 musctl run null -- sh -c 'exit 7'
	no_trace_left
	try 127 musctl run null -- no-such-command
	no_trace_left
}

@test "run ends by SIGTERM, and takes the mdev along" {
	"$MUSCTL" run null >uuid 3>&- &
	eventually test -s uuid
	mdev_is_there "$(cat uuid)"
	kill $!
	wait $!
	no_trace_left
}

@test "run is killed: the next musctl removes the mdev" {
	"$MUSCTL" run null >uuid 3>&- &
	eventually test -s uuid
	kill -KILL $!
	wait $! || true
	mdev_is_there "$(cat uuid)"
	[ -z "$(musctl list -nro UUID)" ]
	no_trace_left
}

@test "a device of run can be destroyed" {
	"$MUSCTL" run null >uuid 3>&- &
	eventually test -s uuid
	try 0 musctl destroy "$(cat uuid)"
	wait $!
	no_trace_left
}

@test "a backend that is called by its name is on a socket" {
	ln -s "$MUSCTL" vfio-user-null
	./vfio-user-null >uuid 3>&- &
	eventually test -s uuid
	[ "$(musctl list -nro TRANSPORT)" = vfio-user ]
	kill $!
	wait $!
}

@test "exec: a libmuser program serves an mdev" {
	try 0 musctl exec --transport=mdev -- "$BATS_FILE_TMPDIR/program"
	[ "$(musctl list -nro UUID,TRANSPORT)" = "$output mdev" ]
	try 0 musctl destroy "$output"
	no_trace_left
}

@test "exec: a program that fails leaves no mdev" {
	try 1 musctl exec -- false
	no_trace_left
	try 127 musctl exec -- no-such-program
	no_trace_left
}

@test "exec: a program that knows no mdevs is served on a socket, or refused" {
	try 0 musctl exec -- env -u MUSER_TRANSPORT "$BATS_FILE_TMPDIR/program"
	[ "$(musctl list -nro TRANSPORT)" = vfio-user ]
	kernel_is_empty
	musctl destroy "$output"
	try 1 musctl exec -T mdev -- env -u MUSER_TRANSPORT "$BATS_FILE_TMPDIR/program"
	complains "musctl: exec: env: its device is not an mdev (an older libmuser?)"
	musctl list # the program left its folder
	no_trace_left
}

@test "exec -f: the mdev goes with the program" {
	"$MUSCTL" exec -f -- "$BATS_FILE_TMPDIR/program" >uuid 3>&- &
	eventually test -s uuid
	eventually [ "$(musctl list -nro TRANSPORT)" = mdev ]
	kill $!
	wait $! || true
	musctl list
	no_trace_left
}

# ---- show, types, completion ---------------------------------------------------------

@test "show prints what connects a virtual machine" {
	musctl create null -u "$U"
	try 0 musctl show --cmdline=qemu "$U"
	[ "$output" = "-machine q35 -m 1G -device vfio-pci,sysfsdev=/sys/bus/mdev/devices/$U" ]
	try 0 musctl show --cmdline=cloud-hypervisor "$U"
	[ "$output" = "--memory size=1G --device path=/sys/bus/mdev/devices/$U/" ]
	try 0 musctl show --cmdline=libvirt "$U"
	grep -qF "<address uuid='$U'/>" <<<"$output"
}

@test "an mdev and a device on a socket are devices of one virtual machine" {
	musctl create null -u "$U"
	other=$(musctl create null --transport=vfio-user)
	try 0 musctl show --cmdline=qemu "$U" "$other"
	[[ $output == "-machine q35,memory-backend=mem -m 1G -object "*" -device vfio-pci,sysfsdev=/sys/bus/mdev/devices/$U -device '{"*"}'" ]]
	try 0 musctl show --cmdline=libvirt "$U" "$other"
	[[ ${lines[0]} == "<domain "* && ${lines[-1]} == "</domain>" ]]
	[ "$(grep -c '<hostdev\|<domain\|<qemu:commandline' <<<"$output")" -eq 3 ]
	try 0 musctl show --cmdline=cloud-hypervisor "$U" "$other"
	[[ $output == "--memory size=1G,shared=on --user-device 'socket="*"' --device path=/sys/bus/mdev/devices/$U/" ]]
}

@test "the kernel's view has the types of all other JSON, and the IOMMU group one name" {
	musctl create null -u "$U"
	musctl show -J "$U" >show
	[ "$(jq .mdev.group show)" = "$(musctl list -J -o GROUP | jq '.devices[0].group')" ]
	[ "$(jq .mdev.group show)" -eq 7 ]
	jq -e '.mdev | (.uuid | type == "string") and (.server_pid | type == "number")' show
}

@test "show has the process and the kernel's view in one" {
	musctl create null -u "$U"
	try 0 musctl show -J "$U"
	[ "$(jq -r '"\(.device.transport) \(.mdev.node) \(.mdev.policy)"' <<<"$output")" = \
		"mdev /dev/muser/$U fail" ]
	try 0 musctl show "$U"
	grep -qx 'Transport *mdev' <<<"$output"
	grep -qx 'Mediated device:' <<<"$output"
	grep -qx 'Memory limit *1073741824' <<<"$output"
}

@test "types lists what the kernel offers beside the built-in ones, but not to scripts" {
	try 0 musctl types
	grep -q '^muser-1  muser  vfio-pci   16 PCI device in user space' <<<"$output"
	try 0 musctl types -J
	[ "$(jq -c '.mdev_types[] | [.type, .parent, .api, .free]' <<<"$output")" = \
		'["muser-1","muser","vfio-pci",16]' ]
	jq -e '.types | length > 1' <<<"$output"
	run ! bash -c '"$MUSCTL" types -nro TYPE | grep muser-1'
}

@test "completion offers mdevs and transports" {
	kernel_make "$U"
	musctl _complete destroy "" | grep -q "^$U"
	[ "$(musctl _complete create --transport "" | paste -sd ' ')" = "auto mdev vfio-user" ]
}
