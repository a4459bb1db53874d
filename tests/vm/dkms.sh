#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The sources that make install-dkms leaves, in the hands of bookworm's DKMS: added, built,
# installed, renewed by a next version, removed, and built anew for a kernel that came. Prints TAP.
# Owns: a DKMS whose trees are all in a folder of its own, so that it needs no root and no chroot.
# Refuses to run depmod, as the kernel's modules are not there, and to need modinfo.

# shellcheck disable=SC2317 # functions are called by their names
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=debs.sh
source "$here/debs.sh"
[[ $EUID == 0 ]] || exec unshare -r "$0" "$@"

build() {
	debs_open bookworm
	DEBS_VERSION=$(debs_upstream dkms)
	debs_download dkms
	debs_unpack "$DEBS_TMP/root"
	mv "$DEBS_TMP/root/usr/sbin/dkms" "$DEBS_OUT/"
}

nr=0
failed=0
ok() { # DESCRIPTION COMMAND...
	local what=$1 result=ok
	shift
	"$@" >"$work/out" 2>&1 || { result='not ok' && failed=1; }
	echo "$result $((++nr)) - $what"
	[[ $result == ok ]] || sed 's/^/# /' "$work/out"
}

dkms() { # ACTION [ARGUMENT]...
	PATH=$work/bin:$PATH bash "$work/dkms" "$@" --dkmstree "$work/dkms.d" \
		--sourcetree "$work/dest/usr/src" --installtree "$work/modules"
}

with_kernel() { # ACTION [ARGUMENT]...
	dkms "$@" -k "$release" --kernelsourcedir "$kdir"
}

# What DKMS passes over, rather than fail to build.
is_passed_over() { # CONFIG: of a kernel without it
	local status=0
	mkdir -p "$work/without"
	ln -sfn "$kdir"/* "$work/without/"
	grep -v "^CONFIG_$1=" "$kdir/.config" >"$work/without/.config"
	dkms build "muser/$version" -k "$release" --kernelsourcedir "$work/without" || status=$?
	[[ $status == 77 ]]
}

status_is() { # LINE, or nothing
	dkms status >"$work/status"
	cat "$work/status"
	[[ $(cat "$work/status") == "$1" ]]
}

version_is() { # VERSION, or nothing: of the module that is installed
	local file
	file=$(find "$work/modules" -name 'muser.ko*')
	[[ -z $1 && -z $file ]] || [[ $(tr '\0' '\n' <"$file" | sed -n 's/^version=//p') == "$1" ]]
}

next_version() {
	cp -r "$work/dest/usr/src/muser-$version" "$work/dest/usr/src/muser-99.1"
	sed -i "s/$version/99.1/" "$work/dest/usr/src/muser-99.1/dkms.conf"
}

# Of its own paths DKMS has options for some; what it does beside, nobody asked for.
prepare() {
	mkdir -p "$work"/{bin,etc,dkms.d,modules/"$release"}
	sed "s,/var/lib/dkms,$work/dkms.d,; s,/etc/dkms,$work/etc,g" "$DEBS_DIR/dkms" >"$work/dkms"
	printf '#!/bin/sh\n' >"$work/bin/depmod"
	cat >"$work/bin/modinfo" <<-'SCRIPT'
		#!/bin/sh
		tr '\0' '\n' <"$1" | sed -n 's/^\(version\|srcversion\)=/\1: /p'
	SCRIPT
	chmod 755 "$work"/bin/*
	make -s -C "$here/../.." install-dkms DESTDIR="$work/dest" PREFIX=/usr
	version=$(basename "$work"/dest/usr/src/muser-*)
	version=${version#muser-}
}

debs_cached dkms build
kdir=$("$here/fetch-headers.sh" bookworm)
release=${kdir##*/linux-headers-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prepare
line=", $release, x86_64: installed"
ok 'it is added' dkms add "muser/$version"
ok 'known' status_is "muser/$version: added"
for config in 64BIT MMU EVENTFD VFIO VFIO_MDEV; do
	ok "not for a kernel without $config" is_passed_over $config
done
ok 'built' with_kernel build "muser/$version"
ok 'installed' with_kernel install "muser/$version"
ok 'which is known, too' status_is "muser/$version$line"
ok 'the module has its version' version_is "$version"
ok 'the next version comes' next_version
ok 'is installed' with_kernel install muser/99.1
ok 'in place of the other' version_is 99.1
ok 'which is removed' dkms remove "muser/$version" --all
ok 'without the new one' status_is "muser/99.1$line"
ok 'a kernel comes' with_kernel uninstall muser/99.1
ok 'that has no module' version_is ''
ok 'and gets one by itself' with_kernel autoinstall
ok 'of the newest version' version_is 99.1
ok 'all is removed' dkms remove muser/99.1 --all
ok 'and nothing is left' status_is ''
ok 'indeed' version_is ''
echo "1..$nr"
exit "$failed"
