#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Installs what the project needs on Debian or Ubuntu, by apt: `build` what compiling and
# running take, `demo` also what fetching a guest takes, `check` also what tests take, `kdebug`
# also what compiling a kernel takes. Silent and fast when everything is there. Elsewhere it
# names what is missing, as Debian calls it, and fails.
set -euo pipefail

build=(gcc make libc6-dev pkg-config libjson-c-dev libsmartcols-dev libudev-dev liburing-dev uuid-dev
	scdoc pciutils)
demo=(xz-utils zstd util-linux debian-archive-keyring)
check=(g++ libcmocka-dev musl-tools bats jq shellcheck mandoc clang clang-format strace procps perl sparse locales
	zsh fish)
kdebug=(flex bison bc libelf-dev libssl-dev cpio)

case ${1:-build} in
build) wanted=("${build[@]}") ;;
demo) wanted=("${build[@]}" "${demo[@]}") ;;
check) wanted=("${build[@]}" "${demo[@]}" "${check[@]}") ;;
kdebug) wanted=("${build[@]}" "${demo[@]}" "${check[@]}" "${kdebug[@]}") ;;
*) echo "deps.sh: build, demo, check or kdebug, not $1" >&2; exit 2 ;;
esac

is_installed() { # PACKAGE
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

fail() { # MESSAGE
	echo "deps.sh: $*" >&2
	exit 1
}

# sudo drops the environment, and apt would ask questions.
apt_get() { # ARGUMENT...
	local -a as_root=()
	((EUID == 0)) || as_root=(sudo)
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@"
}

updated=
install() { # PACKAGE...: those that are not there
	local package
	local -a lacking=()
	for package; do
		is_installed "$package" || lacking+=("$package")
	done
	((${#lacking[@]})) || return 0
	((EUID == 0)) || command -v sudo >/dev/null ||
		fail "not root, and no sudo: as root, apt-get install ${lacking[*]}"
	echo "Installing: ${lacking[*]}"
	[[ -n $updated ]] || apt_get update
	updated=1
	apt_get install -y --no-install-recommends "${lacking[@]}" >/dev/null
}

# The sanitizer and fuzzer runtimes of whatever clang is the default here.
clang_runtime() {
	apt-cache depends clang 2>/dev/null |
		sed -nE 's/^ *Depends: clang-([0-9]+)$/libclang-rt-\1-dev/p' | head -n 1
}

command -v apt-get >/dev/null || fail "no apt here: install what Debian calls ${wanted[*]}"
install "${wanted[@]}"
if [[ ${1:-build} == check ]]; then
	mapfile -t runtime < <(clang_runtime)
	install "${runtime[@]}"
fi
