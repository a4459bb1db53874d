#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# What must come together does: a verb has its line in the table, its page, its test; a file of
# the library has its unit test; a device has its section and its test.

# shellcheck source=tests/lint/lint.sh
. "$(dirname "$0")/lint.sh"

verbs=$(find cli -name 'cmd_[a-z]*.c' | sed 's,.*/cmd_,,; s,\.c$,,' | sort)

for verb in $verbs; do
	grep -q "cmd_$verb\b" cli/musctl.c 2>/dev/null ||
		echo "cli/musctl.c:1: the table has no line for $verb"
	[ -f "man/musctl-$verb.8.scd" ] || echo "cli/verbs/cmd_$verb.c:1: no man/musctl-$verb.8.scd"
	grep -q "\*musctl-$verb\*(8)" man/musctl.8.scd 2>/dev/null ||
		echo "man/musctl.8.scd:1: does not refer to musctl-$verb(8)"
	[ -f "tests/cli/$verb.bats" ] || echo "cli/verbs/cmd_$verb.c:1: no tests/cli/$verb.bats"
done | report "every verb has its table line, man page and test"

# kmod/ is complete without the rest: dkms.conf gives the module its version.
version=$(sed -n 's/^VERSION := //p' Makefile)
header=$(awk '/^#define LM_VERSION_(MAJOR|MINOR|PATCH) / { v = v "." $3 }
	END { print substr(v, 2) }' lib/muser.h)
dkms=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' kmod/dkms.conf)
{
	[ "$header" = "$version" ] || echo "lib/muser.h:1: version $header, Makefile: $version"
	[ "$dkms" = "$version" ] || echo "kmod/dkms.conf:1: version $dkms, Makefile: $version"
} | report "library, program and module have one version"

attributes=$(sed -n 's/^static DEVICE_ATTR_[A-Z]*(\([a-z_]*\).*/\1/p' kmod/sysfs.c)
{
	for name in $attributes; do
		grep -q "^What:.*/$name\$" kmod/sysfs-bus-mdev-muser ||
			echo "kmod/sysfs.c:1: kmod/sysfs-bus-mdev-muser does not describe $name"
		grep -q "^\*.*\b$name\*" man/muser.4.scd ||
			echo "kmod/sysfs.c:1: muser(4) does not describe $name"
	done
	sed -n 's,^What:.*/,,p' kmod/sysfs-bus-mdev-muser | while read -r name; do
		echo "$attributes" | grep -qx "$name" ||
			echo "kmod/sysfs-bus-mdev-muser:1: there is no attribute $name"
	done
} | report "every attribute of an mdev is described"

for file in kmod/*.[ch]; do
	grep -q "^| .*\`$(basename "$file")\`" kmod/README.md ||
		echo "kmod/README.md:1: does not say what $(basename "$file") owns"
done | report "the README of the module names every file of it"

for page in man/musctl-*.8.scd; do
	verb=$(basename "$page" .8.scd)
	[ -f "cli/verbs/cmd_${verb#musctl-}.c" ] || echo "$page:1: there is no such verb"
done | report "every page of a verb has its verb"

for file in completions/musctl.bash completions/_musctl completions/musctl.fish; do
	[ -f "$file" ] || echo "completions:1: no $file"
done | report "completions are there for bash, zsh and fish"

# The words of the map below "lib/" are patterns.
map=$(sed -n '/^    lib\//,/^    devices\//p' README.md)
for file in lib/*.[ch] lib/*/*.[ch]; do
	set -f
	for word in $map; do
		# shellcheck disable=SC2254
		case ${file#lib/} in
		$word) continue 2 ;;
		esac
	done
	echo "README.md:1: the map does not name $file"
done | report "the map of the README names every file of the library"

# Or, if several files are one concern (irq.c, irq_set.c), that concern has.
for file in lib/*.c lib/*/*.c; do
	name=$(basename "$file" .c)
	[ -f "tests/unit/test_$name.c" ] || [ -f "tests/unit/test_${name%%_*}.c" ] ||
		echo "$file:1: no tests/unit/test_$name.c, nor test_${name%%_*}.c"
done | report "every file of the library has its unit test"

sed -n 's/^[ \t]*\.name = "\(.*\)",$/\1/p' devices/*.c devices/*/*.c | sort -u |
	while read -r type; do
		grep -qx "# $(echo "$type" | tr "[:lower:]" "[:upper:]")" man/muser-devices.7.scd 2>/dev/null ||
			echo "man/muser-devices.7.scd:1: no section for $type"
		[ -f "tests/devices/test_$(echo "$type" | tr - _).c" ] ||
			echo "devices/devices.c:1: no test for $type"
		[ -f "cli/data/50-muser-$type.json" ] ||
			echo "devices/devices.c:1: no cli/data/50-muser-$type.json"
	done | report "every device has its section in the manual, its test and its description"
