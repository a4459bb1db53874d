# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What the tests of musctl with muser.ko begin with: the kernel that a script plays (kernel.bash),
# and a program of one's own.

# shellcheck source=tests/cli/helper.bash
load helper
# shellcheck source=tests/cli/kernel.bash
load kernel

U=85006552-1b4b-45e9-ad62-9dd16df09171

setup_file() {
	kernel_musctl
	cc -std=gnu11 -D_GNU_SOURCE -I"$REPO/lib" -I"$REPO/kmod/uapi" -o "$BATS_FILE_TMPDIR/program" \
		"$REPO/tests/cli/program.c" "$REPO/tests/cli/node.c" "$(release_archive)" \
		$(pkg-config --libs json-c uuid liburing) -pthread
}

release_archive() {
	release build/release/lib/internal.a
	echo "$REPO/build/release/lib/internal.a"
}
