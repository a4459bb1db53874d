#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# make check-kdebug: muser.ko by DKMS, its suites on a debug kernel, then hostile clients and servers
# with failing allocations for ten minutes (HOSTILE_SECONDS=), from SEED= (the day's number).
# Owns: the list. Refuses to be part of make check: the kernel alone takes six minutes to build.

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export GUEST_MEM=2G GUEST_TIMEOUT=3000 GUEST_BOOT_TIMEOUT=300
seed=${SEED:-$(date +%j)}
seconds=${HOSTILE_SECONDS:-600}
failed=0

# Emulated and checked at every step: an answer may take ten times as long.
run() { # SUITE
	printf '# %s\n' "$1"
	KMOD_ENV="TAP_SECONDS=300 KILLS=10 LOAD_MS=20000 HOSTILE_SECONDS=$seconds SEED=$seed" \
		"$here/kmod.sh" -n kdebug "$here/$1" || failed=1
}

"$here/build-kernel.sh" >/dev/null || exit 1
"$here/dkms.sh" || failed=1
run suite_module.sh
run suite_memory.sh
run suite_kill.sh
run suite_load.sh
run kdebug/suite_hostile.sh
exit "$failed"
