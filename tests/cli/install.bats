#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# What make install leaves: programs build with it, whatever the language, and with nothing else
# for developers there, and they run.

bats_require_minimum_version 1.5.0

setup_file() {
	REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export REPO ROOT=$BATS_FILE_TMPDIR/root
	flock "$REPO/build" make -s -C "$REPO" install DESTDIR="$ROOT" PREFIX=/usr >/dev/null
}

setup() {
	# No other package has a .pc file here: no -dev package is installed.
	export PKG_CONFIG_SYSROOT_DIR=$ROOT PKG_CONFIG_LIBDIR=$ROOT/usr/lib/pkgconfig
	export LD_LIBRARY_PATH=$ROOT/usr/lib
	unset PKG_CONFIG_PATH
	cd "$BATS_TEST_TMPDIR" || return
}

# Compiles standard input, links it as pkg-config says, runs it.
program() { # COMPILER...
	# shellcheck disable=SC2046 # several words
	"$@" -Wall -Wextra -Werror -pedantic -o program - $(pkg-config --cflags --libs libmuser)
	./program
}

@test "pkg-config needs no package but this one, and names no other's folder" {
	run -0 --separate-stderr pkg-config --cflags --libs libmuser
	[ "$(xargs <<<"$output")" = "-I$ROOT/usr/include -L$ROOT/usr/lib -lmuser" ]
}

@test "a static link gets the libraries below" {
	run -0 --separate-stderr pkg-config --static --libs libmuser
	for library in muser json-c uuid uring; do
		[[ " $output " == *" -l$library "* ]]
	done
}

@test "a program in C99 builds and runs" {
	run -0 program cc -std=c99 -x c <<-END
		#include <muser.h>
		#include <stdio.h>
		int main(void) { return puts(lm_version()) < 0; }
	END
	[[ $output =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "a program in C++ builds and runs" {
	run -0 program c++ -std=c++11 -x c++ <<-END
		#include <muser.h>
		#include <muser-client.h>
		#include <muser-instance.h>
		#include <muser-trace.h>
		#include <cstdio>
		int main() { return std::puts(lm_version()) < 0; }
	END
	[[ $output =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "a function's name is a manual page, and leads to that of its group" {
	local man3=$ROOT/usr/share/man/man3 nr=0 alias page
	for alias in "$man3"/lm_*.3; do
		[[ $(head -n 1 "$alias") == ".so "* ]] || continue
		page=$(sed 's/^.so //' "$alias")
		grep -q "$(basename "$alias" .3)" "$ROOT/usr/share/man/$page"
		nr=$((nr + 1))
	done
	[ "$nr" -gt 100 ]
	[ "$(cat "$man3/lm_irq_trigger.3")" = ".so man3/lm_irq.3" ]
	[ "$(cat "$man3/lm_cap_t.3")" = ".so man3/lm_dev_info.3" ]
	grep -q 'vector, from 0' "$man3/lm_irq.3"
}

@test "make uninstall leaves nothing of it, and what is another's" {
	unset PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR # these builds need the others' files
	flock "$REPO/build" make -s -C "$REPO" install DESTDIR="$PWD/root" PREFIX=/usr >/dev/null
	touch root/usr/share/man/man3/other.3
	run -0 flock "$REPO/build" make -s -C "$REPO" uninstall DESTDIR="$PWD/root" PREFIX=/usr
	[ "$(find root ! -type d)" = root/usr/share/man/man3/other.3 ]
	[ -z "$(find root -path '*muser*')" ]
}

@test "an NVMe controller builds with the installed header, and runs" {
	cat >disk.c <<-'END'
		#include <muser-nvme.h>
		struct disk { lm_nvme_t *nvme; };
		static void blocks(void *pvt, lm_nvme_io_t *io) { lm_nvme_io_done(io, 0); }
		static const lm_nvme_block_ops_t ops = { .size = sizeof(ops), .read = blocks };
		static void stop(void *pvt) { lm_nvme_destroy(((struct disk *)pvt)->nvme); }
		static int start(void *pvt, lm_ctx_t *ctx)
		{
			const lm_nvme_info_t info = { .serial = "1" };
			const lm_nvme_ns_info_t ns = { .size = 1 << 20, .block = &ops };
			struct disk *disk = pvt;
			return lm_nvme_create(ctx, &info, &disk->nvme) ?:
			       lm_nvme_ns_add(disk->nvme, &ns, NULL);
		}
		static struct disk disk;
		static const lm_dev_info_t device = {
			LM_NVME_DEVICE, .pvt = &disk, .start = start, .stop = stop,
			.pci_info = { LM_NVME_PCI, .id = { .vid = 0x1234, .did = 1 } } };
		int main(int argc, char **argv) { return lm_main(argc, argv, &device); }
	END
	run -0 cc -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Werror \
		-o disk disk.c $(pkg-config --cflags --libs libmuser-nvme)
	MUSER_RUNTIME_DIR=$PWD/run timeout 60 ./disk >uuid &
	until [ -s uuid ]; do sleep 0.05; done
	kill %1
	wait %1
}

@test "the linker's cache is renewed, but not for a package" {
	printf '#!/bin/sh\necho renewed >>%s\n' "$PWD/calls" >ldconfig
	chmod +x ldconfig
	unset PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR # these builds need the others' files
	run -0 flock "$REPO/build" make -s -C "$REPO" install DESTDIR="$PWD/root" LDCONFIG="$PWD/ldconfig"
	[ ! -e calls ]
	run -0 flock "$REPO/build" make -s -C "$REPO" install PREFIX="$PWD/usr" LDCONFIG="$PWD/ldconfig"
	if [ "$EUID" -eq 0 ]; then
		[ "$(cat calls)" = renewed ]
	else
		[[ $output == *"ldconfig as root"* ]]
	fi
}

@test "the examples build with nothing but it, and run" {
	cp -r "$ROOT/usr/share/doc/muser/examples" .
	run -0 make -C examples
	run -0 --separate-stderr examples/device gpio-idio16 --help
	[[ $output == *"in=0..0xffff"* ]]
	export MUSER_RUNTIME_DIR=$PWD/run
	for device in ticker mover pad wdt ticker-class kv "device null"; do
		# shellcheck disable=SC2086 # a word, or two
		timeout 60 examples/$device --uuid 85006552-1b4b-45e9-ad62-9dd16df09171 >uuid &
		until [ -s uuid ]; do sleep 0.05; done
		kill %1
		wait %1
		[ "$(cat uuid)" = 85006552-1b4b-45e9-ad62-9dd16df09171 ]
		rm uuid
	done
}
