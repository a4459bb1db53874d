#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl doctor, on hosts that are made up: a QEMU that is a script, a kernel that is a folder.

load helper

setup_file() {
	build_client
}

# A QEMU of this version, with or without vfio-user-pci.
fake_qemu() { # VERSION [DEVICE]
	mkdir -p bin
	cat >bin/qemu-system-x86_64 <<-END
		#!/bin/sh
		case \$1 in
		--version) echo 'QEMU emulator version $1 (Debian 1:$1)' ;;
		-device) echo 'name "edu", bus PCI'; echo 'name "${2-vfio-pci}", bus PCI' ;;
		esac
	END
	chmod +x bin/qemu-system-x86_64
	export PATH=$PWD/bin:$PATH
}

# The finding of a check: its status, found, advice.
finding() { # CHECK
	jq -r --arg check "$1" '.checks[] | select(.check == $check) |
		"\(.status): \(.found)\(if .advice then " - " + .advice else "" end)"' <<<"$output"
}

@test "the page has 80 columns, and the advice below what was found" {
	mkdir empty
	export MUSER_RUNTIME_DIR=$PWD/a/runtime/directory/whose/name/is/longer/than/the/column/that/it/is/in
	try 0 env PATH="$PWD/empty" "$MUSCTL" doctor
	for line in "${lines[@]}"; do
		[ "${#line}" -le 80 ]
	done
	[[ ${lines[1]} == "qemu "*" warn "*" qemu-system-x86_64 is not installed"* ]]
	[[ ${lines[2]} =~ ^\ {20}\ \ install\ QEMU ]]
	[ "$(tr -d ' \n' <<<"$output" | grep -c "$MUSER_RUNTIME_DIR")" -eq 1 ] # nothing is lost
}

@test "every check has a row" {
	run --separate-stderr musctl doctor -nro CHECK
	[ "$(paste -sd ' ' <<<"$output")" = \
		"qemu lspci muser.ko mdev mdev-types vfio muser-nodes nofile memlock runtime guest-memory" ]
}

@test "a QEMU that can be a client" {
	fake_qemu 11.1.3 vfio-user-pci
	try 0 musctl doctor -J
	[ "$(finding qemu)" = "ok: QEMU 11.1.3 has vfio-user-pci" ]
}

@test "a QEMU that is too old, the one with the regression, and none" {
	fake_qemu 7.2.9
	try 0 musctl doctor -J
	[ "$(finding qemu)" = "warn: QEMU 7.2.9 has no vfio-user-pci - install QEMU >= 10.1, 10.1.1 recommended (Debian: trixie-backports)" ]
	fake_qemu 10.1.0 vfio-user-pci
	try 0 musctl doctor -J
	[[ $(finding qemu) == "warn: QEMU 10.1.0 has vfio-user-pci with a known regression - "* ]]
	mkdir empty
	try 0 env PATH="$PWD/empty" "$MUSCTL" doctor -J
	[[ $(finding qemu) == "warn: qemu-system-x86_64 is not installed - "* ]]
	[ "$(finding lspci)" = "warn: lspci is not installed - install pciutils, for musctl lspci" ]
}

@test "a QEMU that hangs does not hang the doctor" {
	mkdir bin
	printf '#!/bin/sh\nexec sleep 60\n' >bin/qemu-system-x86_64
	chmod +x bin/qemu-system-x86_64
	PATH=$PWD/bin:$PATH try 0 timeout 25 "$MUSCTL" doctor -J
	[[ $(finding qemu) == "warn: qemu-system-x86_64 does not start - "* ]]
}

@test "kernel modules: absent, there, loaded, built in" {
	export MUSER_ROOT=$PWD/root
	modules=$MUSER_ROOT/lib/modules/$(uname -r)
	mkdir -p "$modules"
	try 0 musctl doctor -J
	[[ $(finding muser.ko) == "warn: muser is not installed - make install-kmod, for mediated devices"* ]]
	echo "updates/dkms/muser.ko.xz: kernel/drivers/vfio/mdev/mdev.ko.xz" >"$modules/modules.dep"
	echo "kernel/drivers/vfio/mdev/mdev.ko" >"$modules/modules.builtin"
	try 0 musctl doctor -J
	[[ $(finding muser.ko) == "warn: muser is installed, not loaded - modprobe muser"* ]]
	[ "$(finding mdev)" = "ok: mdev is loaded" ]
	mkdir -p "$MUSER_ROOT/sys/module/muser"
	run --separate-stderr musctl doctor -J
	[ "$(finding muser.ko)" = "ok: muser is loaded" ]
	version=$(musctl version -nro VERSION | head -n 1)
	echo "$version" >"$MUSER_ROOT/sys/module/muser/version"
	run --separate-stderr musctl doctor -J
	[ "$(finding muser.ko)" = "ok: muser $version is loaded" ]
}

@test "a muser.ko of another version than musctl" {
	fake_muser
	echo 0.0.9 >"$MUSER_ROOT/sys/module/muser/version"
	try 0 musctl doctor -J
	[ "$(finding muser.ko)" = "warn: muser 0.0.9 is loaded, musctl is $(musctl version -nro VERSION |
		head -n 1) - load the muser.ko that came with this musctl" ]
}

# A kernel with muser.ko: its type, the container of VFIO.
fake_muser() {
	export MUSER_ROOT=$PWD/root
	local type=$MUSER_ROOT/sys/class/muser/muser/mdev_supported_types/muser-1
	mkdir -p "$MUSER_ROOT/sys/module/muser" "$MUSER_ROOT/sys/module/vfio_iommu_type1" "$type" \
		"$MUSER_ROOT/sys/class/mdev_bus" "$MUSER_ROOT/dev/vfio"
	ln -s ../muser/muser "$MUSER_ROOT/sys/class/mdev_bus/muser"
	echo 16 >"$type/available_instances"
	touch "$type/create" "$MUSER_ROOT/dev/vfio/vfio"
}

@test "without muser.ko nothing that only mdevs need is worse than ok" {
	export MUSER_ROOT=$PWD/root
	mkdir root
	try 0 musctl doctor -J
	[ "$(finding mdev-types)" = "ok: not needed without muser.ko" ]
	[ "$(finding vfio)" = "ok: /dev/vfio/vfio does not exist: not needed without muser.ko" ]
	[[ $(finding muser-nodes) == "ok: "* ]]
	[[ $(finding memlock) == "ok: "* ]]
}

@test "types of muser.ko: free instances, none left, not offered" {
	fake_muser
	try 0 musctl doctor -J
	[ "$(finding mdev-types)" = "ok: muser-1: 16 free" ]
	echo 0 >"$MUSER_ROOT/sys/class/muser/muser/mdev_supported_types/muser-1/available_instances"
	try 0 musctl doctor -J
	[[ $(finding mdev-types) == "warn: muser-1: 0 free - muser.ko has no free instance"* ]]
	rm -r "$MUSER_ROOT/sys/class/muser"
	try 1 musctl doctor -J
	[[ $(finding mdev-types) == "fail: muser.ko is loaded but offers no mdev type muser-1 - "* ]]
}

@test "VFIO: the container, the IOMMU driver" {
	fake_muser
	try 0 musctl doctor -J
	[ "$(finding vfio)" = "ok: /dev/vfio/vfio can be opened" ]
	rmdir "$MUSER_ROOT/sys/module/vfio_iommu_type1"
	try 0 musctl doctor -J
	[ "$(finding vfio)" = "warn: vfio_iommu_type1 is not loaded - modprobe vfio_iommu_type1" ]
	mkdir "$MUSER_ROOT/sys/module/iommufd"
	try 0 musctl doctor -J
	[ "$(finding vfio)" = "ok: /dev/vfio/vfio can be opened" ]
	rm "$MUSER_ROOT/dev/vfio/vfio"
	try 1 musctl doctor -J
	[[ $(finding vfio) == "fail: /dev/vfio/vfio does not exist - "* ]]
}

@test "nodes: the udev rule and its group" {
	fake_muser
	try 0 musctl doctor -J
	[ "$(finding muser-nodes)" = "warn: no udev rule 60-muser.rules: only root can open /dev/muser nodes - make install-kmod installs it" ]
	mkdir -p "$MUSER_ROOT/etc/udev/rules.d"
	touch "$MUSER_ROOT/etc/udev/rules.d/60-muser.rules"
	try 0 musctl doctor -J
	if ! getent group muser; then
		[ "$(finding muser-nodes)" = "warn: /etc/udev/rules.d/60-muser.rules, but no group muser - groupadd --system muser" ]
	elif ((EUID == 0)) || id -Gn | grep -qw muser; then
		[ "$(finding muser-nodes)" = "ok: /etc/udev/rules.d/60-muser.rules, group muser" ]
	else
		[ "$(finding muser-nodes)" = "warn: /etc/udev/rules.d/60-muser.rules; this user is not in group muser - usermod -aG muser USER, and log in again" ]
	fi
}

# As it is for users; root's would not be limited.
doctor_locked() { # LIMIT
	local -a drop=()
	((EUID)) || drop=(setpriv --bounding-set -ipc_lock)
	run --separate-stderr bash -c 'ulimit $1; "${@:2}" "$MUSCTL" doctor -J' - "$1" "${drop[@]}"
}

@test "locked memory is limited, but not root's" {
	fake_muser
	doctor_locked '-l 1024'
	[[ $(finding memlock) == "warn: locked memory: 1024 KiB - raise it"* ]]
	((EUID == 0)) || return 0
	run --separate-stderr bash -c 'ulimit -l 1024; "$MUSCTL" doctor -J'
	[ "$(finding memlock)" = "ok: locked memory is not limited for this user" ]
}

@test "the soft limit of locked memory counts" {
	fake_muser
	doctor_locked '-Sl 64'
	[[ $(finding memlock) == "warn: locked memory: 64 KiB - "* ]]
}

@test "few open files" {
	run --separate-stderr bash -c 'ulimit -n 256; "$MUSCTL" doctor -J'
	[[ $(finding nofile) == "warn: hard limit of open files: 256 - "* ]]
}

@test "a runtime folder that others may write to fails" {
	mkdir -p "$MUSER_RUNTIME_DIR"
	chmod 777 "$MUSER_RUNTIME_DIR"
	try 1 musctl doctor -J
	[[ $(finding runtime) == "fail: "*" is writable by others - chmod go-w it"* ]]
	chmod 700 "$MUSER_RUNTIME_DIR"
	try 0 musctl doctor -J
	[ "$(finding runtime)" = "ok: $MUSER_RUNTIME_DIR" ]
}

@test "a runtime folder that cannot be made fails" {
	MUSER_RUNTIME_DIR=/etc/passwd/nowhere try 1 musctl doctor -J
	[[ $(finding runtime) == "fail: /etc/passwd: "* ]]
}

@test "a device that hangs is a warning, and keeps nobody waiting" {
	musctl create null
	musctl create null
	kill -STOP "$(musctl list -nro PID | head -n 1)"
	try 0 musctl doctor -J
	[[ $(finding guest-memory) == "warn: 2 devices, 1 of which do not answer - "* ]]
}

@test "a client whose memory is not shared fails" {
	uuid=$(musctl create null)
	client_start "$uuid"
	export MUSER_ROOT=$PWD/root
	mkdir -p "$MUSER_ROOT/proc/$CLIENT_PID"
	printf '%s\0' qemu-system-x86_64 -object memory-backend-memfd,id=mem,size=1G,share=on \
		>"$MUSER_ROOT/proc/$CLIENT_PID/cmdline"
	try 0 musctl doctor -J
	[ "$(finding guest-memory)" = "ok: 1 devices, 1 clients" ]
	printf '%s\0' qemu-system-x86_64 -object memory-backend-memfd,id=mem,size=1G,share=off \
		>"$MUSER_ROOT/proc/$CLIENT_PID/cmdline"
	try 1 musctl doctor -J
	[[ $(finding guest-memory) == "fail: client $CLIENT_PID of ${uuid:0:8} does not share its memory - restart it with share=on"* ]]
	printf '%s\0' qemu-system-x86_64 -object memory-backend-file,id=mem,size=1G \
		>"$MUSER_ROOT/proc/$CLIENT_PID/cmdline"
	try 1 musctl doctor -J
}
