#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# bats file_tags=vm
#
# Building muser.ko: for each kernel of the list, without a warning and without a trace in the
# source folder; what checkpatch and sparse say; what make install-kmod leaves.
# Refuses to load it: suite_*.sh do, in VMs.

setup_file() {
	export REPO=$BATS_TEST_DIRNAME/../..
	SOURCE=$("$BATS_TEST_DIRNAME/fetch-source.sh")
	KDIR=$("$BATS_TEST_DIRNAME/fetch-headers.sh" bookworm)
	export SOURCE KDIR
}

is_there() { # FILE...: a pattern of one file
	[ $# -eq 1 ] && [ -s "$1" ]
}

# From nothing: a warning is printed once, when a file is compiled.
build() { # KERNEL
	local kdir tree=$BATS_TEST_TMPDIR/tree
	kdir=$("$BATS_TEST_DIRNAME/fetch-headers.sh" "$1")
	mkdir "$tree"
	cp -r "$REPO/Makefile" "$REPO/kmod" "$tree/"
	find "$tree" -type f | sort >"$BATS_TEST_TMPDIR/before"
	run make -C "$tree" kmod "KDIR=$kdir" W=1 WERROR=1
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *warning:* && $output != *WARNING:* ]]
	find "$tree" -type f ! -path '*/build/*' | sort | diff "$BATS_TEST_TMPDIR/before" -
	is_there "$tree"/build/kmod/*/muser.ko
}

# Each file of this project says what it is called and what it is for.
checkpatch() { # FILE...
	run perl "$SOURCE/scripts/checkpatch.pl" --no-tree --strict --terse --no-summary -q \
		--ignore "EMBEDDED_FILENAME${IGNORE-}" --file "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "it builds for bookworm without a warning" {
	build bookworm
}

@test "it builds for bookworm-security without a warning" {
	build bookworm-security
}

@test "it builds for trixie-backports without a warning" {
	build trixie-backports
}

@test "checkpatch has nothing to say" {
	cd "$REPO/kmod"
	checkpatch ./*.c ./[!t]*.h
}

# The kernel's own trace headers and UAPI headers are written like ours.
@test "checkpatch has nothing to say of headers with customs of their own" {
	cd "$REPO/kmod"
	IGNORE=,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT,COMPLEX_MACRO checkpatch trace.h
	IGNORE=,BIT_MACRO,LINE_SPACING checkpatch uapi/linux/muser.h
}

# All structs, all of their members.
@test "kernel-doc has nothing to say of the UAPI header" {
	local header=$REPO/kmod/uapi/linux/muser.h name
	run perl "$KDIR/scripts/kernel-doc" -none -Werror "$header"
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	for name in $(sed -n 's/^struct \(.*\) {/\1/p' "$header"); do
		grep -q "^ \* struct $name - " "$header"
	done
}

# strace and filters of system calls know a command by its type and number alone.
@test "the ioctl type is nobody else's" {
	local type headers
	type=$(sed -n 's/^#define MUSER_TYPE 0x//p' "$REPO/kmod/uapi/linux/muser.h")
	[[ $type =~ ^[0-9A-F]{2}$ ]]
	tar -xJOf "$SOURCE/linux.tar.xz" --wildcards --occurrence=1 '*/ioctl/ioctl-number.rst' \
		>"$BATS_TEST_TMPDIR/numbers"
	grep -q '^0xB7 .*nsfs' "$BATS_TEST_TMPDIR/numbers"
	run grep -i "^0x$type" "$BATS_TEST_TMPDIR/numbers"
	[ -z "$output" ]
	headers=$(readlink -f "$("$BATS_TEST_DIRNAME/fetch-headers.sh" trixie-backports)"/..)
	is_there "$headers"/linux-headers-*-common/include/uapi/linux/nsfs.h
	run grep -rEi "(_IO[RW]*\(|#define\s+\w*(IO|IOC|MAGIC|TYPE)\s)\s*0x$type\b" \
		"$headers"/linux-headers-*-common/{include,arch/x86/include}/uapi
	echo "$output"
	[ -z "$output" ]
}

@test "sparse has nothing to say" {
	cp -r "$REPO/kmod" "$BATS_TEST_TMPDIR/kmod"
	run make -s -C "$KDIR" "M=$BATS_TEST_TMPDIR/kmod" C=2 modules
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *"$BATS_TEST_TMPDIR"/kmod/*.[ch]:* ]]
}

@test "without headers it says what to install" {
	run make -C "$REPO" kmod KDIR=/nonexistent
	[ "$status" -ne 0 ]
	[[ $output == *linux-headers* ]]
}

@test "install-kmod leaves the module, the header and the rule" {
	local dest=$BATS_TEST_TMPDIR/dest
	flock "$REPO/build/.kmod.lock" make -s -C "$REPO" install-kmod "KDIR=$KDIR" \
		"DESTDIR=$dest" PREFIX=/usr
	is_there "$dest"/lib/modules/*/updates/muser.ko
	is_there "$dest/usr/lib/udev/rules.d/60-muser.rules"
	is_there "$dest/usr/include/linux/muser.h"
}

@test "where DKMS has a module, install-kmod adds none" {
	local dest=$BATS_TEST_TMPDIR/dest updates
	updates=$dest/lib/modules/${KDIR##*/linux-headers-}/updates
	mkdir -p "$updates/dkms"
	touch "$updates/dkms/muser.ko.xz"
	run flock "$REPO/build/.kmod.lock" make -s -C "$REPO" install-kmod "KDIR=$KDIR" \
		"DESTDIR=$dest"
	[ "$status" -ne 0 ]
	[[ $output == *"make install-dkms"* ]]
	[ ! -e "$updates/muser.ko" ]
}

# A package is made so, without headers; tests/vm/dkms.sh is the rest.
@test "install-dkms leaves sources that are complete, the header and the rule" {
	local dest=$BATS_TEST_TMPDIR/dest
	make -s -C "$REPO" install-dkms KDIR=/nonexistent "DESTDIR=$dest" PREFIX=/usr
	is_there "$dest/usr/lib/udev/rules.d/60-muser.rules"
	is_there "$dest/usr/include/linux/muser.h"
	is_there "$dest"/usr/src/muser-*/dkms.conf
	make -s -C "$dest"/usr/src/muser-* "KDIR=$KDIR"
	is_there "$dest"/usr/src/muser-*/muser.ko
}
