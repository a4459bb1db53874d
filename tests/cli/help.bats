#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl help.

load helper

@test "help is --help" {
	[ "$(musctl help)" = "$(musctl --help)" ]
	[ "$(musctl help trace)" = "$(musctl trace --help)" ]
}

@test "every command has help that names its page" {
	while read -r verb _; do
		try 0 musctl help "$verb"
		[[ $output == *"Usage:"*"musctl $verb"*"musctl-$verb(8)." ]]
	done < <(musctl _complete "")
}

@test "an unknown command is a usage error" {
	try 2 musctl help frob
	complains "musctl: help: frob: unknown command (musctl help lists them)"
}
