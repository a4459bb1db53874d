#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Write an initramfs for a kernel that fetch-kernel.sh printed: a static busybox, the init
# beside this script, and stock modules, each with what it depends on.
# Owns: finding modules by name, their load order (from their own "depends" field: no
# depmod needed), what lies where in the guest: /modules/*.ko, /modules/order, /bin, /files.
# Refuses: names that the kernel has neither as a module nor built in.
# usage: mkinitramfs.sh KERNELDIR OUT [MODULE | PATH.ko | PROGRAM | FOLDER | FILE]...
#   MODULE is a name; PATH.ko a module of one's own; a path that may be executed, a program for
#   /bin, with the libraries it takes on this host; a folder goes below /, with a link in /bin
#   to each program at its top; any other path, a file for /files, which is in PATH, too.
#   The guest loads a module and its dependencies with "load MODULE".

set -euo pipefail
umask 022

here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$here/debs.sh"

build_busybox() {
	debs_open bookworm
	DEBS_VERSION=$(debs_field Version busybox-static | sed 's/^[0-9]*://')
	debs_download busybox-static
	debs_unpack "$DEBS_TMP/root"
	find "$DEBS_TMP/root" -path '*/bin/busybox' -exec mv {} "$DEBS_OUT/" \;
}

skeleton() { # ROOT BUSYBOX
	mkdir -p "$1"/{bin,dev,proc,sys,tmp,modules}
	install -m 755 "$2" "$1/bin/busybox"
	ln -s bin "$1/sbin"
	install -m 755 "$here/guest-init" "$1/init"
	install -m 755 "$here/guest-load" "$1/bin/load"
	: >"$1/modules/order"
}

# Names mix - and _ freely; files do not care either.
module_glob() { # NAME
	printf '%s\n' "${1//[-_]/[-_]}.ko"
}

is_builtin() { # NAME
	local glob
	glob=$(module_glob "$1")
	grep -q "/$glob\$" "$kernel"/lib/modules/*/modules.builtin
}

# The plain file of a module, unpacked into ROOT/modules, or nothing for a built-in one.
add_module() { # ROOT NAME|PATH.ko: sets FILE
	local source=$2 glob
	if [[ $2 != */* ]]; then
		glob=$(module_glob "$2")
		source=$(find "$kernel/lib/modules" -name "$glob" -o -name "$glob.?z*")
		FILE=
		[[ -n $source ]] || ! is_builtin "$2" || return 0
		[[ -n $source ]] || debs_fail "$kernel has no module '$2' (mend the name)"
	fi
	FILE=${source##*/}
	FILE=$1/modules/${FILE%.?z*}
	case $source in
	*.xz) xz -dc "$source" >"$FILE" ;;
	*.zst) zstd -dcq "$source" >"$FILE" ;;
	*.gz) gzip -dc "$source" >"$FILE" ;;
	*) [[ -e $FILE ]] || cp "$source" "$FILE" ;;
	esac
}

dependencies() { # FILE
	tr '\0' '\n' <"$1" | sed -n 's/^depends=//p' | tr ',' '\n'
}

# Append to ORDER what must be loaded for a module, dependencies first, each once.
resolve() { # ROOT NAME|PATH.ko
	local file name need
	add_module "$1" "$2"
	[[ -n $FILE ]] || return 0
	file=$FILE
	name=$(basename "$file" .ko)
	[[ " ${ORDER[*]} " != *" $name "* ]] || return 0
	for need in $(dependencies "$file"); do
		resolve "$1" "$need"
	done
	ORDER+=("$name")
}

# They lie where the program, or rather its dynamic loader, looks for them here.
add_libraries() { # ROOT PROGRAM
	local library
	for library in $(ldd "$2" 2>/dev/null | grep -oE '/[^ )]+'); do
		[[ -e $1$library ]] || install -D -m 755 "$library" "$1$library"
	done
}

add_folder() { # ROOT FOLDER
	local name program
	name=$(basename "$2")
	cp -a "$2" "$1/$name"
	for program in "$2"/*; do
		[[ ! -f $program || ! -x $program ]] || ln -s "/$name/${program##*/}" "$1/bin/"
	done
}

add() { # ROOT ARGUMENT
	ORDER=()
	case $2 in
	*/*.ko) ;;
	*/*)
		[[ ! -d $2 ]] || { add_folder "$1" "$2" && return; }
		[[ -x $2 ]] || { install -D -t "$1/files" "$2" && return; }
		install -m 755 "$2" "$1/bin/"
		add_libraries "$1" "$2"
		return
		;;
	esac
	resolve "$1" "$2"
	printf '%s: %s\n' "$(basename "$2" .ko)" "${ORDER[*]}" >>"$1/modules/order"
}

# Uncompressed: under TCG the guest would spend longer on unpacking it than QEMU on
# loading it.
pack() { # ROOT OUT BUSYBOX
	(cd "$1" && find . | "$3" cpio -o -H newc 2>/dev/null) >"$2.tmp.$$"
	mv "$2.tmp.$$" "$2"
}

main() { # KERNELDIR OUT [MODULE]...
	(($# >= 2)) || debs_fail "two arguments are needed: KERNELDIR OUT [MODULE]..."
	kernel=$1
	local out=$2 busybox argument
	shift 2
	[[ -d $kernel/lib/modules ]] || debs_fail "no lib/modules in $kernel (see fetch-kernel.sh)"
	debs_cached busybox build_busybox
	busybox=$DEBS_DIR/busybox
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	skeleton "$work" "$busybox"
	for argument in "$@"; do
		add "$work" "$argument"
	done
	pack "$work" "$out" "$busybox"
}

main "$@"
