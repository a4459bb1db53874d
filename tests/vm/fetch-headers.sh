#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Print the folder to build modules in (KDIR) for a kernel that fetch-kernel.sh prints: the
# headers of the same version, set up so that make needs no more than that folder.
# Owns: the compiler that these headers ask for, with its assembler, linker and libraries,
# beside them: each program there is a script that starts it through its own dynamic loader.
# Refuses: headers of another version than the kernel's. Where the index has moved on, the
# kernel is fetched anew, which is said.
# usage: fetch-headers.sh [NAME]       the default is bookworm

set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$here/debs.sh"

# What neither building a module nor checking one takes: 150 of 280 MB.
prune() { # ROOT
	rm -rf "${1:?}"/{etc,var} "${1:?}"/usr/{share,include,sbin}
	find "$1" \( -name 'lto*' -o -name '*-lto-dump-*' -o -name '*-gcov*' -o -name '*-gp-*' \
		-o -name '*-ld.gold' -o -name '*-dwp' -o -name 'lib?san*' -o -name 'libhwasan*' \
		-o -name 'libstdc++*' -o -name 'libcc1*' -o -name 'lib*.a' -o -name gconv \) \
		-prune -exec rm -rf {} +
}

is_program() { # FILE: an ELF file that a dynamic loader has to start
	[[ $(od -An -N 4 -t x1 "$1" | tr -d ' ') == 7f454c46 ]] &&
		head -c 1024 "$1" | grep -qa /lib64/ld-linux
}

# The real program stays beside the script, hidden. Paths are relative: the cache may move.
wrap() { # ROOT FILE
	local name=${2##*/} folder=${2%/*} up
	up=$(realpath --relative-to="$folder" "$1/usr/lib/x86_64-linux-gnu")
	mv "$2" "$folder/.$name"
	cat >"$2" <<-WRAPPER
		#!/bin/sh
		lib=\${0%/*}/$up
		unset LD_PRELOAD LD_LIBRARY_PATH
		exec "\$lib/ld-linux-x86-64.so.2" --inhibit-cache --library-path "\$lib" \\
			--argv0 "\$0" "\${0%/*}/.$name" "\$@"
	WRAPPER
	chmod 755 "$2"
}

wrap_all() { # ROOT
	local file
	while IFS= read -r -d '' file; do
		! is_program "$file" || wrap "$1" "$file"
	done < <(find "$1/usr/bin" "$1/usr/lib/gcc" "$1/usr/libexec" "$1"/usr/lib/linux-kbuild-* \
		-type f -perm -u+x -print0 2>/dev/null)
}

# gcc looks for the assembler beside its own parts, then in PATH.
link_assembler() { # ROOT
	local cc1
	cc1=$(find "$1"/usr/lib* -name cc1)
	[[ -n $cc1 ]] || debs_fail "the packages hold no compiler (mend fetch-headers.sh)"
	cat >"${cc1%/*}/as" <<-SCRIPT
		#!/bin/sh
		exec "\${0%/*}/$(realpath --relative-to="${cc1%/*}" "$1/usr/bin")/x86_64-linux-gnu-as" "\$@"
	SCRIPT
	chmod 755 "${cc1%/*}/as"
}

# Debian's files name /usr/src, and programs in PATH.
relocate() { # KDIR
	# shellcheck disable=SC2016 # make's variables
	local self='$(dir $(realpath $(lastword $(MAKEFILE_LIST))))'
	sed -i -e "s,^KBUILD_OUTPUT=.*,KBUILD_OUTPUT := $self," \
		-e "s,^include /usr/src/,include $self../," "$1/Makefile"
	sed -i '/DEB_HOST_GNU_TYPE/d; /^override CROSS_COMPILE/d; /DEB_BUILD_ARCH/d; /^endif/d' \
		"$1/.kernelvariables"
	# shellcheck disable=SC2016
	printf '%s\n' 'override CROSS_COMPILE := $(abspath $(objtree)/../../bin)/x86_64-linux-gnu-' \
		'override PAHOLE := $(abspath $(objtree)/../../bin)/pahole' >>"$1/.kernelvariables"
}

# The kernel in the cache is older than anything the index still has headers for.
start_anew() { # NAME VERSION
	printf '%s: headers of %s are gone from the index, fetching the newest %s\n' \
		"${0##*/}" "$2" "$1" >&2
	debs_clean
	debs_unlock
	"$here/fetch-kernel.sh" --newest "$1" >/dev/null
	exec "$0" "$1"
}

build() { # SUITES VERSION RELEASE NAME
	local root=$DEBS_OUT/root
	# shellcheck disable=SC2086 # a list of suites
	debs_open ${1//,/ }
	[[ $(debs_field Version "linux-headers-$3") == "$2" ]] || start_anew "$4" "$2"
	DEBS_VERSION=$2
	debs_download_closure "linux-headers-$3"
	debs_unpack "$root"
	debs_merge_lib "$root"
	prune "$root"
	wrap_all "$root"
	link_assembler "$root"
	relocate "$root/usr/src/linux-headers-$3"
}

main() { # [NAME]
	local name=${1:-bookworm} kernel suites release version
	kernel=$("$here/fetch-kernel.sh" "$name")
	if [[ -d $kernel/build ]]; then
		printf '%s\n' "$kernel/build"
		return
	fi
	suites=$(awk -v name="$name" '$1 == name { print $2 }' "$here/kernels")
	release=$(basename "$kernel"/lib/modules/*)
	version=${kernel##*/kernel-"$name"-}
	debs_cached_version "headers-$name" "$version" build "$suites" "$version" \
		"$release" "$name"
	printf '%s\n' "$DEBS_DIR/root/usr/src/linux-headers-$release"
}

main "$@"
