#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl version.

load helper

@test "names musctl and the library that it runs with" {
	try 0 musctl version -nr
	[[ $output =~ ^musctl\ [0-9]+\.[0-9]+\.[0-9]+$'\n'libmuser\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "the same in JSON" {
	try 0 musctl version -J
	jq -e '.schema == 1 and (.versions | map(.component) == ["musctl", "libmuser"])' <<<"$output"
}
