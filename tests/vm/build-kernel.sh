#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Print the path of a directory with a debug kernel, as fetch-kernel.sh does for stock ones, and
# with "build", the directory to build modules in. It is Debian's source in a small configuration:
# lockdep, KASAN, kmemleak, checked objects, lists and atomic sections, fault injection.
#   kdebug   bookworm's 6.1, with the IOMMU of VFIO's own (type1)
#   iommufd  6.12, with iommufd in its place: /dev/iommu and the devices' own files, and
#            /dev/vfio/vfio as its compatible container
# Owns: the configurations, and the build, once, into the cache: six minutes on two CPUs.
# Refuses: to be a stock kernel; what it finds nobody's guest would have met as clearly.
# usage: build-kernel.sh [NAME]        the default is kdebug

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$here/debs.sh"

# What a guest of guest.sh needs, then what muser.ko needs, then what looks after it. Not
# DEBUG_KOBJECT_RELEASE: mdev's own types of 6.1 are in the memory of a module that may be gone.
readonly OPTIONS="
64BIT SMP PRINTK TTY SERIAL_8250 SERIAL_8250_CONSOLE PCI PCI_MSI ACPI BLK_DEV_INITRD
BINFMT_ELF BINFMT_SCRIPT PROC_FS PROC_SYSCTL SYSFS DEVTMPFS TMPFS SHMEM MEMFD_CREATE HUGETLBFS
HUGETLB_PAGE TRANSPARENT_HUGEPAGE EVENTFD EPOLL SIGNALFD TIMERFD INOTIFY_USER FUTEX AIO
POSIX_TIMERS FILE_LOCKING ADVISE_SYSCALLS MULTIUSER UNIX NET UNIX98_PTYS HIGH_RES_TIMERS
NO_HZ_IDLE HYPERVISOR_GUEST PARAVIRT X86_X2APIC KALLSYMS KALLSYMS_ALL BUG RD_GZIP
EXPERT SLOB=n SLUB UNWINDER_GUESS=n UNWINDER_FRAME_POINTER KERNEL_XZ=n KERNEL_GZIP
MODULES MODULE_UNLOAD IOMMU_SUPPORT VFIO=m VFIO_IOMMU_TYPE1=m VFIO_MDEV=m
SAMPLES SAMPLE_VFIO_MDEV_MTTY=m FTRACE EVENT_TRACING CGROUPS MEMCG
USERFAULTFD FUSE_FS=m OVERLAY_FS=m IO_URING
DEBUG_KERNEL DEBUG_INFO_NONE STACKTRACE PROVE_LOCKING DEBUG_ATOMIC_SLEEP
DEBUG_LIST DEBUG_OBJECTS DEBUG_OBJECTS_FREE DEBUG_OBJECTS_TIMERS DEBUG_OBJECTS_WORK
DEBUG_OBJECTS_ENABLE_DEFAULT=1 DEBUG_KMEMLEAK DEBUG_KMEMLEAK_MEM_POOL_SIZE=16000 DEBUG_VM
DEBUG_FS DEBUG_NOTIFIERS DEBUG_SG KASAN KASAN_GENERIC KASAN_OUTLINE
KASAN_VMALLOC SLUB_DEBUG DETECT_HUNG_TASK DEFAULT_HUNG_TASK_TIMEOUT=60
FAULT_INJECTION FAULT_INJECTION_DEBUG_FS FAILSLAB FAIL_PAGE_ALLOC FAULT_INJECTION_USERCOPY
FAULT_INJECTION_STACKTRACE_FILTER UBSAN UBSAN_TRAP=n UBSAN_SANITIZE_ALL=n
WQ_WATCHDOG SCHED_STACK_END_CHECK VMAP_STACK RCU_CPU_STALL_TIMEOUT=60"
# BASE_SMALL of 6.1 knows no huge pages in files.
readonly KDEBUG="BASE_FULL"
readonly IOMMUFD="
SLUB_TINY=n VFIO_CONTAINER=n VFIO_GROUP VFIO_DEVICE_CDEV IOMMUFD=m IOMMUFD_VFIO_CONTAINER"

choose() { # NAME: sets what there is to know of a kernel
	options=$OPTIONS
	case $1 in
	kdebug)
		stock=bookworm
		options+=" $KDEBUG"
		vital="VFIO_IOMMU_TYPE1"
		;;
	iommufd)
		stock=bookworm-security
		options+=" $IOMMUFD"
		vital="IOMMUFD IOMMUFD_VFIO_CONTAINER VFIO_DEVICE_CDEV"
		;;
	*) debs_fail "unknown debug kernel '$1' (kdebug or iommufd)" ;;
	esac
}

# Later kernels have the filter of stack traces on x86-64, too.
configure() { # NAME
	local option
	sed -i '/^config FAULT_INJECTION_STACKTRACE_FILTER/,/^config/{/depends on !X86_64/d}' \
		lib/Kconfig.debug
	make -s tinyconfig
	for option in $options; do
		case $option in
		*=n) scripts/config --disable "${option%=n}" ;;
		*=m) scripts/config --module "${option%=m}" ;;
		*=*) scripts/config --set-val "${option%%=*}" "${option#*=}" ;;
		*) scripts/config --enable "$option" ;;
		esac
	done
	scripts/config --set-str LOCALVERSION "-$1" --disable DEBUG_INFO_BTF
	make -s olddefconfig
}

# Left out without a word, an option would make every later run pass.
check_config() {
	local option
	for option in $vital MODULES VFIO VFIO_MDEV PROVE_LOCKING KASAN DEBUG_KMEMLEAK \
		DEBUG_OBJECTS FAILSLAB FAIL_PAGE_ALLOC FAULT_INJECTION_USERCOPY \
		FAULT_INJECTION_STACKTRACE_FILTER UBSAN DETECT_HUNG_TASK SERIAL_8250_CONSOLE DEVTMPFS \
		USERFAULTFD FUSE_FS OVERLAY_FS IO_URING; do
		grep -q "^CONFIG_$option=" .config ||
			debs_fail "no CONFIG_$option (mend build-kernel.sh)"
	done
}

# Modules are built with what configuration, headers, scripts and objtool there are.
prune() {
	find . \( -name '*.o' -o -name '*.a' -o -name '*.cmd' -o -name '*.ko' \) \
		! -path './scripts/*' ! -path './tools/objtool/*' -delete
	find . -name '*.[cS]' ! -path './scripts/*' ! -path './tools/*' -delete
	rm -rf vmlinux Documentation drivers fs net sound block crypto ipc init samples
	find arch -mindepth 1 -maxdepth 1 -type d ! -name x86 -exec rm -rf {} +
}

compile() { # NAME
	configure "$1"
	check_config
	make -s -j"$(nproc)" bzImage modules
	make -s INSTALL_MOD_PATH="$DEBS_OUT" DEPMOD=true modules_install
}

build() { # NAME SOURCE VERSION
	DEBS_VERSION=$3
	mkdir "$DEBS_OUT/build"
	tar -xJf "$2/linux.tar.xz" -C "$DEBS_OUT/build" --strip-components=1
	cd "$DEBS_OUT/build"
	exec {said}>&2 # within compile, fd 2 is the log
	trap 'tail -n 3 "$DEBS_TMP/log" >&$said; debs_clean' EXIT
	compile "$1" >"$DEBS_TMP/log" 2>&1
	trap debs_clean EXIT
	cp arch/x86/boot/bzImage "$DEBS_OUT/vmlinuz"
	cp .config "$DEBS_OUT/config"
	rm -f "$DEBS_OUT"/lib/modules/*/{build,source}
	prune
	cd /
}

main() { # [NAME]
	local name=${1:-kdebug} options stock vital source version
	choose "$name"
	"$here/../deps.sh" kdebug >&2
	source=$("$here/fetch-source.sh" "$stock")
	version=${source##*/source-"$stock"-}.$(cksum <<<"$options" | cut -d ' ' -f 1)
	debs_cached_version "kernel-$name" "$version" build "$name" "$source" "$version"
	printf '%s\n' "$DEBS_DIR"
}

main "$@"
