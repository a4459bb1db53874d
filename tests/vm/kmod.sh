#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Run a script beside muser.ko, in a VM with a stock Debian kernel (busybox sh; musctl,
# vfio_client, user_client, raw_server, many, crew, prober and fuse_file are in PATH;
# ". /files/tap.sh" for tests; "load $IOMMU" for what is behind /dev/vfio/vfio).
# Prints what the script prints, as it comes, and exits with its status; fails as well when the
# kernel complained about anything, or was left tainted.
# Owns: building the module, the initramfs and the VM's life.
# Refuses: to pass where a kernel, headers or QEMU cannot be had.
# usage: kmod.sh [-n] [-q] KERNEL SCRIPT [FILE]...
#   -n  muser.ko is not loaded yet: "load muser"
#   -q  with the QEMU of bookworm: qemu-system-x86_64 in PATH
#   FILE: programs go to /bin, modules (PATH.ko or a name) to "load", others to /files
# MUSER_KO= and MUSCTL= name others than those of this tree, which are built; GUEST_MEM (1G),
# GUEST_CPUS (2), GUEST_BOOT_TIMEOUT (60 s), GUEST_TIMEOUT (800 s) for the script;
# KMOD_KEEP=FOLDER for the console's log;
# KMOD_ENV='NAME=VALUE...' for the script's environment.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$here/../..
# shellcheck source-path=SCRIPTDIR source=guest.sh
source "$here/guest.sh"
MUSCTL=${MUSCTL:-$repo/build/release/musctl}
export GUEST_MEM=${GUEST_MEM:-1G} GUEST_TIMEOUT=${GUEST_TIMEOUT:-800}

usage() {
	sed -n 's/^# usage: /usage: /p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

clean() {
	guest_stop
	[[ -z ${KMOD_KEEP-} ]] || cp "$GUEST_DIR/console" "$KMOD_KEEP/" || true
	rm -rf "$work"
}

# Prints the path of muser.ko. One make at a time: two would write the same objects.
build_module() { # KDIR
	local release
	release=$(sed -n 's/^.define UTS_RELEASE "\(.*\)"/\1/p' "$1/include/generated/utsrelease.h")
	mkdir -p "$repo/build"
	flock "$repo/build/.kmod.lock" make -s -C "$repo" kmod KDIR="$1" >&2
	printf '%s\n' "$repo/build/kmod/$release/muser.ko"
}

# The module that needs no hardware behind /dev/vfio/vfio.
iommu_of() { # KERNEL
	local kernel
	kernel=$("$here/fetch-kernel.sh" "$1")
	if grep -q '^CONFIG_IOMMUFD_VFIO_CONTAINER=y' "$kernel/config"; then
		echo iommufd
	else
		echo vfio_iommu_type1
	fi
}

# Of a second vCPU under TCG, the time stamp counter is not of much use.
boot() { # IOMMU MODULE SCRIPT [FILE]...
	local programs=$repo/build/release/tests/vm
	flock "$repo/build/.kmod.lock" make -s -C "$repo" \
		build/release/tests/vm/{vfio_client,raw_server,many,crew,prober,user_client,fuse_file} >&2
	install -m 644 "$3" "$work/script"
	guest_prepare "$1" overlay fuse "$2" "$work/script" "$here/tap.sh" "$MUSCTL" \
		"$programs"/{vfio_client,raw_server,many,crew,prober,user_client,fuse_file} "${@:4}"
	start || { guest_stop && start; }
}

# A kernel's start of its second CPU may hang where time is emulated and the host is busy: once
# more, then. What is tested begins behind it.
#
# Four levels of page tables: with five, KASAN of 6.1 takes an interrupt for a wild access while the
# CPU's features are being looked up.
start() {
	guest_start -x "-smp ${GUEST_CPUS:-2} -cpu max,la57=off" &&
		GUEST_TIMEOUT=${GUEST_BOOT_TIMEOUT:-60} guest_wait_boot
}

# The end of a splat may still be on its way to the console.
check_log() {
	local tainted
	tainted=$(guest_run 'dmesg -n 8; echo "<6>kmod.sh: end" >/dev/kmsg
		cat /proc/sys/kernel/tainted' | tail -n 1) || return
	if ! guest_check_dmesg; then
		echo "kmod.sh: the kernel complained:" >&2
		sed -n '/WARNING: \|BUG: \|Oops\|blocked for more\|Call Trace/,$p' "$GUEST_DIR/console" |
			head -n 100 >&2
		return 1
	fi
	# Out of tree (4096) and unsigned (8192) it is; nothing else may have happened.
	if [[ ! $tainted =~ ^[0-9]+$ ]] || ((tainted & ~(4096 | 8192))); then
		echo "kmod.sh: the kernel is tainted: $tainted" >&2
		return 1
	fi
}

main() { # [-n] [-q] KERNEL SCRIPT [FILE]...
	local option load="load \$IOMMU && load muser &&" iommu module status=0
	local -a qemu=()
	while getopts nq option; do
		case $option in
		n) load= ;;
		q) qemu=("$("$here/fetch-stock-qemu.sh")") ;;
		*) usage ;;
		esac
	done
	shift $((OPTIND - 1))
	(($# >= 2)) || usage
	export GUEST_KERNEL=$1
	work=$(mktemp -d)
	export GUEST_DIR=$work/guest
	trap clean EXIT
	trap 'exit 130' INT TERM HUP
	iommu=$(iommu_of "$1")
	module=${MUSER_KO:-$(build_module "$("$here/fetch-headers.sh" "$1")")}
	boot "$iommu" "$module" "${@:2}" "${qemu[@]}"
	guest_run "echo 40 >/proc/sys/kernel/hung_task_timeout_secs; export IOMMU=$iommu
		$load ${KMOD_ENV-} sh /files/script" || status=$?
	check_log || status=1
	return "$status"
}

main "$@"
