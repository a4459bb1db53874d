# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Debian packages in a cache folder, for the fetchers beside this file (source it).
# Owns: finding the mirror, a private apt state (an empty dpkg status, lists and archives
# of its own), unpacking with dpkg-deb, and the cache: one folder a version, prepared under
# a temporary name and renamed, one builder at a time.
# Refuses: to touch the system's apt or dpkg, to need root, to trust a package that the
# archive keys do not vouch for, and to say more than one line when something fails.

shopt -s inherit_errexit
export LC_ALL=C
DEBS_DIR= # what debs_cached found or built
DEBS_TMP= # while building: the temporary folder,
DEBS_OUT= # what will be kept of it,
DEBS_VERSION= # and the version to name it after

debs_fail() { # MESSAGE: what is wrong (what to do)
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

debs_cache_dir() {
	printf '%s\n' "${MUSER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/muser}"
}

# The newest finished folder called PREFIX-<version>, or nothing.
debs_newest() { # PREFIX
	local cache
	cache=$(debs_cache_dir)
	[[ -d $cache ]] || return 0
	find "$cache" -mindepth 1 -maxdepth 1 -type d -name "$1-[0-9]*" | sort -V | tail -n 1
}

# Set DEBS_DIR to the newest PREFIX-<version>. Where there is none, BUILDER fills DEBS_OUT
# and sets DEBS_VERSION. Call it as a plain statement: errexit must work in the builder.
debs_cached() { # PREFIX BUILDER [ARGUMENT]...
	DEBS_DIR=$(debs_newest "$1")
	[[ -z $DEBS_DIR ]] || return 0
	debs_lock
	DEBS_DIR=$(debs_newest "$1")
	if [[ -z $DEBS_DIR ]]; then
		debs_build "$@"
		DEBS_DIR=$(debs_newest "$1")
	fi
	debs_unlock
}

# Set DEBS_DIR to PREFIX-VERSION, which BUILDER makes where it is not there.
debs_cached_version() { # PREFIX VERSION BUILDER [ARGUMENT]...
	local prefix=$1 version=$2
	DEBS_DIR=$(debs_cache_dir)/$prefix-$version
	shift 2
	[[ ! -d $DEBS_DIR ]] || return 0
	debs_lock
	[[ -d $DEBS_DIR ]] || debs_build "$prefix" "$@"
	debs_unlock
}

# Whoever holds the lock owns every temporary folder, so those of the dead go first.
debs_lock() {
	local cache
	cache=$(debs_cache_dir)
	mkdir -p "$cache" 2>/dev/null || debs_fail "cannot create $cache (set MUSER_CACHE=)"
	[[ -w $cache ]] || debs_fail "cannot write to $cache (set MUSER_CACHE=)"
	exec {debs_lock_fd}>"$cache/.lock"
	flock "$debs_lock_fd"
	rm -rf "$cache"/.tmp.*
}

debs_unlock() {
	exec {debs_lock_fd}>&-
}

debs_build() { # PREFIX BUILDER [ARGUMENT]...
	local prefix=$1 cache
	shift
	cache=$(debs_cache_dir)
	debs_need_tools
	trap debs_clean EXIT
	trap 'exit 1' HUP INT TERM
	DEBS_TMP=$(mktemp -d "$cache/.tmp.XXXXXX")
	DEBS_OUT=$DEBS_TMP/out
	mkdir -m 755 "$DEBS_OUT"
	"$@"
	mv -T "$DEBS_OUT" "$cache/$prefix-$DEBS_VERSION"
	debs_clean
}

debs_clean() {
	[[ -z $DEBS_TMP ]] || rm -rf "$DEBS_TMP"
}

# Where apt gets packages from: "SUITE COMPONENT ADDRESS LABEL" a line. Labels are known once
# lists have been fetched; without them, as in a fresh container, the suite has to tell.
debs_sources() {
	local option
	for option in --release-info --no-release-info; do
		# shellcheck disable=SC2016 # apt's own variables
		apt-get indextargets "$option" 'Created-By: Packages' \
			--format '$(RELEASE) $(COMPONENT) $(REPO_URI) $(LABEL)' 2>/dev/null || true
	done
}

# The first "main" of a Debian suite that apt knows.
debs_mirror() { # Debian|Debian-Security
	debs_sources | awk -v label="$1" '
		$2 != "main" || ($4 != label && $4 !~ /^\$/) { next }
		$1 !~ /^(bullseye|bookworm|trixie|forky|duke|sid|(old)*stable|testing|unstable)(-|$)/ { next }
		($1 ~ /-security$/) != (label == "Debian-Security") { next }
		!found++ { sub(/\/$/, "", $3); print $3 }'
}

# The mirror that holds SUITE; security suites live beside the main archive.
debs_mirror_of() { # SUITE
	local main=${DEBIAN_MIRROR:-} security=${DEBIAN_SECURITY_MIRROR:-}
	[[ -n $main ]] || main=$(debs_mirror Debian)
	[[ -n $main ]] || debs_fail "apt names no Debian mirror here" \
		"(set DEBIAN_MIRROR= to the address of one)"
	if [[ $1 == *-security ]]; then
		[[ -n $security || -n ${DEBIAN_MIRROR:-} ]] ||
			security=$(debs_mirror Debian-Security)
		main=${security:-${main%/}-security}
	fi
	printf '%s\n' "${main%/}"
}

debs_keyring() {
	local ring
	for ring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
		[[ ! -r $ring ]] || { printf '%s\n' "$ring" && return; }
	done
	debs_fail "Debian's archive keys are missing (apt-get install debian-archive-keyring)"
}

debs_need_tools() {
	local tool
	[[ $(uname -m) == x86_64 ]] || debs_fail "only x86_64 hosts are supported, this is $(uname -m)"
	for tool in apt-get apt-config dpkg-deb flock; do
		command -v "$tool" >/dev/null ||
			debs_fail "$tool is missing, packages come from a Debian mirror" \
				"(run it on Debian or Ubuntu)"
	done
}

# A private apt that knows the given suites only, and prefers whichever has the newest
# version. Proxies and the like are the system's.
debs_open() { # SUITE...
	local apt=$DEBS_TMP/apt suite mirror ring
	ring=$(debs_keyring)
	mkdir -p "$apt"/{empty,lists/partial,archives/partial}
	: >"$apt/status"
	for suite in "$@"; do
		mirror=$(debs_mirror_of "$suite")
		printf 'deb [arch=amd64 signed-by=%s] %s %s main\n' "$ring" "$mirror" "$suite"
	done >"$apt/sources.list"
	printf 'Package: *\nPin: release *\nPin-Priority: 500\n' >"$apt/preferences"
	debs_conf "$apt" >"$apt/apt.conf"
	debs_try apt-get -q update
}

debs_conf() { # APT-FOLDER
	apt-config dump | grep '^Acquire::'
	cat <<-CONF
		#clear Acquire::Languages;
		#clear APT::Architectures;
		Acquire::Languages "none";
		APT::Architecture "amd64";
		APT::Architectures "amd64";
		APT::Sandbox::User "root";
		Dir::State "$1";
		Dir::State::lists "$1/lists";
		Dir::State::status "$1/status";
		Dir::Cache "$1";
		Dir::Cache::archives "$1/archives";
		Dir::Etc::main "/dev/null";
		Dir::Etc::parts "$1/empty";
		Dir::Etc::sourcelist "$1/sources.list";
		Dir::Etc::sourceparts "$1/empty";
		Dir::Etc::preferences "$1/preferences";
		Dir::Etc::preferencesparts "$1/empty";
		Dir::Etc::trusted "/dev/null";
		Dir::Etc::trustedparts "$1/empty";
		Dir::Log "$1";
	CONF
}

# Run a command on the private apt; when it fails, its first complaint is our one line.
debs_try() { # COMMAND...
	local log=$DEBS_TMP/log why
	(cd "$DEBS_TMP/apt/archives" && APT_CONFIG=$DEBS_TMP/apt/apt.conf exec "$@") \
		>"$log" 2>&1 && ! grep -q '^W: Failed to fetch' "$log" && return
	why=$(grep -m 1 -E '^[EW]: Failed' "$log" || grep -m 1 -E '^E: |error:' "$log" ||
		tail -n 1 "$log")
	debs_fail "$1: ${why:-no reason given} (mend it, or name another DEBIAN_MIRROR=)"
}

# Field of the newest version of PACKAGE, empty when there is no such package.
debs_field() { # FIELD PACKAGE
	APT_CONFIG=$DEBS_TMP/apt/apt.conf apt-cache show --no-all-versions "$2" 2>/dev/null |
		sed -n "s/^$1: //p" | head -n 1
}

# Its version without epoch and what Debian adds.
debs_upstream() { # PACKAGE
	debs_field Version "$1" | sed 's/^[0-9]*://; s/[^0-9.].*//'
}

debs_download() { # PACKAGE...: these and nothing else
	debs_try apt-get -q download "$@"
}

debs_download_closure() { # PACKAGE: with all it depends on
	debs_try apt-get -q -y --download-only --no-install-recommends install "$1"
}

# Unpack everything downloaded so far into FOLDER, and drop the archives.
debs_unpack() { # FOLDER
	local deb
	mkdir -p "$1"
	for deb in "$DEBS_TMP"/apt/archives/*.deb; do
		debs_try dpkg-deb -x "$deb" "$1"
		rm "$deb"
	done
}

# Up to bookworm /lib and /lib64 are folders of their own.
debs_merge_lib() { # ROOT
	[[ ! -d $1/lib || -L $1/lib ]] || cp -a "$1/lib" "$1/usr/"
	rm -rf "${1:?}/lib" "${1:?}/lib64"
}

# Copy files of ROOT into DEBS_OUT/root, at the same place.
debs_keep() { # ROOT FILE...
	local root=$1 file target
	shift
	for file in "$@"; do
		target=$DEBS_OUT/root${file#"$root"}
		[[ -e $target ]] || install -D -m 755 "$file" "$target"
	done
}

# The same for the dynamic loader, and for the libraries that FILEs load, from where they lie
# in ROOT.
debs_keep_libraries() { # ROOT FILE...
	local root=$1 lib=$1/usr/lib/x86_64-linux-gnu file
	local -a libraries
	shift
	debs_keep "$root" "$lib/ld-linux-x86-64.so.2"
	for file in "$@"; do
		mapfile -t libraries < <("$lib/ld-linux-x86-64.so.2" --inhibit-cache \
			--library-path "$lib" --list "$file" | sed -n 's/.* => \(.*\) (0x.*/\1/p')
		debs_keep "$root" "${libraries[@]}"
	done
}

# A program of DEBS_OUT/root that starts through its own dynamic loader, with its own
# libraries. The wrapper finds its tree relative to itself: the cache may be moved.
debs_write_wrapper() { # PROGRAM [ARGUMENTS] [VARIABLE=...]: shell words, which may say $root
	cat >"$DEBS_OUT/$1" <<-WRAPPER
		#!/bin/sh
		root=\$(dirname "\$(readlink -f "\$0")")/root
		lib=\$root/usr/lib/x86_64-linux-gnu
		unset LD_PRELOAD LD_LIBRARY_PATH
		${3:+export $3}
		exec "\$lib/ld-linux-x86-64.so.2" --inhibit-cache \\
			--library-path "\$lib:\$lib/systemd" "\$root/usr/bin/$1" ${2-} "\$@"
	WRAPPER
	chmod 755 "$DEBS_OUT/$1"
}
