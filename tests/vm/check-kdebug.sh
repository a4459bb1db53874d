#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# make check-kdebug: muser.ko by DKMS, its suites on debug kernels, one of them with iommufd, what
# comes between the rounds of an unmap, then hostile clients and servers with failing allocations
# for half an hour (HOSTILE_SECONDS=), from SEED= (the day's number), beside a tenant that is to
# notice nothing.
# Owns: the list. Refuses to be part of make check: a kernel alone takes six minutes to build.

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export GUEST_MEM=2G GUEST_TIMEOUT=5400 GUEST_BOOT_TIMEOUT=300
seed=${SEED:-$(date +%j)}
seconds=${HOSTILE_SECONDS:-1800}
failed=0

# Emulated and checked at every step: an answer may take fifteen times as long.
run() { # KERNEL SUITE [VARIABLE=VALUE [FILE]...]
	printf '# %s: %s\n' "$1" "${*:2:2}"
	KMOD_ENV="${3-} TAP_SECONDS=900 KILLS=10 LOAD_MS=20000 HOSTILE_SECONDS=$seconds SEED=$seed" \
		"$here/kmod.sh" -n "$1" "$here/$2" "${@:4}" || failed=1
}

for kernel in kdebug iommufd; do
	"$here/build-kernel.sh" $kernel >/dev/null || exit 1
done
"$here/dkms.sh" || failed=1
for kernel in kdebug iommufd; do
	for suite in module memory kill load; do
		run $kernel suite_$suite.sh
	done
done
run iommufd suite_memory.sh VFIO_TYPE=cdev
run iommufd kdebug/suite_iommufd.sh
run iommufd kdebug/suite_qemu.sh '' "$("$here/fetch-stock-qemu.sh" trixie-backports)"
run kdebug kdebug/suite_unmap.sh
run kdebug kdebug/suite_hostile.sh
exit "$failed"
