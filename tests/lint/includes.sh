#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Who may include what: the rooms of the tree have walls. Each library is known to one file.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

includes=$(mktemp)
trap 'rm -f "$includes"' EXIT
# FILE LINE HEADER, the header with its quotes or brackets
# shellcheck disable=SC2086
grep -HnE '^[ \t]*#[ \t]*include' $code $test_code |
	sed -E 's/^([^:]+):([0-9]+):[^<"]*([<"][^>"]+[>"]).*/\1 \2 \3/' >"$includes"

# only HEADERS FILES: HEADERS (a pattern) are included by FILES (a pattern) alone.
only()
{
	awk -v headers="$1" -v files="^($2)\$" '
		$3 ~ headers && $1 !~ files { printf "%s:%d: includes %s\n", $1, $2, $3 }' \
		"$includes" | report "$3"
}

only '^<json-c?/|^<json\.h' 'lib/base/json\.[ch]|cli/ui/out\.c|tests/.*' \
	"json-c is known to lib/base/json.c and cli/ui/out.c"
only 'libsmartcols' 'cli/ui/out\.c' "libsmartcols is known to cli/ui/out.c"
only '<linux/muser\.h>' 'lib/(wire/channel|server/server)_mdev\.c|tests/(unit|cli|vm)/.*' \
	"the UAPI of muser.ko is known to the channel that speaks it"
only '<liburing' 'lib/backend/blkdev_uring\.c' "liburing is known to lib/backend/blkdev_uring.c"
only 'libudev' 'cli/mdev/mdev_watch\.c' "libudev is known to cli/mdev/mdev_watch.c"
only '[</"]devices\.h' 'devices/.*|cli/.*|tests/(devices|bench|fuzz)/.*' \
	"the library does not know devices"
only '"(\.\./)?cli/' 'cli/.*' "nobody looks into cli/"
only '"(.*/)?internal\.h"' 'kmod/.*' "the inside of the module is its own"
# Of the library, musctl uses base/: what knows nothing of devices.
only '^"(trace|wire|defer|state|dma|region|pci|server|control|client|backend)/|^"base/(ctx|log|loop)\.h"' \
	'lib/.*|tests/(unit|fuzz|bench|cli)/.*' \
	"the inside of the library is its own"

awk '$1 ~ /^devices\// && $3 !~ /^<(muser(-nvme|-chardev|-blkdev)?\.h|linux\/(pci_regs|vfio)\.h|[a-z]+\.h|sys\/(types|uio|param|mman|stat|epoll|eventfd|syscall|wait)\.h)>$/ &&
	$3 !~ /^"((\.\.\/)?devices|[a-z0-9_]+)\.h"$/ {
		printf "%s:%d: includes %s\n", $1, $2, $3 }' "$includes" |
	report "devices see <muser.h>, libc and their own folder"

awk '$1 ~ /^lib\// && $3 ~ /^"/ {
		file = $3; gsub(/"/, "", file)
		if (system("test -f lib/" file)) printf "%s:%d: includes %s\n", $1, $2, $3
	}' "$includes" | report "the library includes what is in lib/"
