#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Installs what the project needs on Debian or Ubuntu, by apt: `build` what compiling and
# running take, `demo` also what fetching a guest takes, `check` also what tests take. Silent
# and fast when everything is there. Elsewhere it names what is missing, as Debian calls it,
# and fails.
set -euo pipefail

build=(gcc make libc6-dev pkg-config libjson-c-dev libsmartcols-dev libudev-dev uuid-dev
	scdoc pciutils)
demo=(xz-utils zstd util-linux debian-archive-keyring)
check=(g++ libcmocka-dev bats jq shellcheck mandoc clang strace procps)

case ${1:-build} in
build) wanted=("${build[@]}") ;;
demo) wanted=("${build[@]}" "${demo[@]}") ;;
check) wanted=("${build[@]}" "${demo[@]}" "${check[@]}") ;;
*) echo "deps.sh: build, demo or check, not $1" >&2; exit 2 ;;
esac

is_installed() { # PACKAGE
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

missing() { # PACKAGE...
	local package
	for package; do
		is_installed "$package" || echo "$package"
	done
}

# The sanitizer and fuzzer runtimes of whatever clang is the default here.
clang_runtime() {
	local version
	version=$(apt-cache depends clang 2>/dev/null |
		sed -nE 's/^ *Depends: clang-([0-9]+)$/\1/p' | head -n 1)
	[[ -n $version ]] && echo "libclang-rt-$version-dev"
}

install() { # PACKAGE...
	local -a sudo=()
	((EUID == 0)) || sudo=(sudo)
	export DEBIAN_FRONTEND=noninteractive
	echo "Installing: $*"
	"${sudo[@]}" apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "deps.sh: no apt here: install what Debian calls ${wanted[*]}" >&2
	exit 1
fi
mapfile -t lacking < <(missing "${wanted[@]}")
if ((${#lacking[@]})); then
	sudo=()
	((EUID == 0)) || sudo=(sudo)
	"${sudo[@]}" apt-get -qq update
	install "${lacking[@]}"
fi
if [[ ${1:-build} == check ]]; then
	runtime=$(clang_runtime)
	if [[ -n $runtime ]] && ! is_installed "$runtime"; then
		install "$runtime"
	fi
fi
