#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Completion: what musctl offers, and what bash makes of it.

load helper

# The candidates for the last word, without what they are.
offers() {
	musctl _complete "$@" | cut -f 1
}

has() { # CANDIDATE
	grep -qxF -- "$1"
}

@test "commands, but no hidden ones" {
	offers "" | has trace
	run ! bash -c '"$MUSCTL" _complete "" | grep _complete'
}

@test "options of a command, its own and the shared ones" {
	offers create - | has --socket-path
	offers create - | has -O
	offers list -- | has --noheadings
	run ! bash -c '"$MUSCTL" _complete list -- | grep dumpjson'
}

@test "types, and their options but read-only ones" {
	offers create "" | has gpio-idio16
	offers create gpio-idio16 -O "" | has pattern=
	offers run gpio-idio16 --option "" | has in=
	run ! bash -c '"$MUSCTL" _complete create gpio-idio16 -O "" | grep out='
}

@test "live devices, by UUID and name" {
	uuid=$(musctl create null --name scratch)
	offers show "" | has "$uuid"
	offers show "" | has scratch
	offers irq fire "" | has "$uuid"
	offers peek -u "" | has "$uuid"
}

@test "registers and regions of the device on the line" {
	uuid=$(musctl create gpio-idio16)
	offers peek "$uuid" "" | has IN0_7
	offers poke "$uuid" OUT0_7=1 "" | has OUT8_15
	offers peek "${uuid:0:8}" "" | has bar2+
	offers peek -u "$uuid" "" | has IN0_7
}

@test "properties of the device on the line" {
	uuid=$(musctl create gpio-idio16)
	offers set "$uuid" "" | has loopback=
}

@test "columns of a list, choices, filters, actions" {
	offers list -o "" | has STATE
	offers list -o UUID,ST | has UUID,STATE
	offers list -o +ST | has +STATE
	offers show --cmdline "" | has cloud-hypervisor
	offers show --cmdline=q | has --cmdline=qemu
	offers show --cmdline = q | has qemu
	offers trace -e "" | has dma-read
	offers trace -e "" | has bar2
	offers irq "" | has unmask
}

@test "files and commands are the shell's" {
	[ "$(offers run null --socket-path "")" = :files ]
	[ "$(offers exec "")" = :commands ]
	[ "$(offers run null "")" = :commands ]
}

@test "an unknown device, a hung one, an unknown command: nothing, and no error" {
	try 0 musctl _complete peek nosuch ""
	[ -z "$output$stderr" ]
	try 0 musctl _complete frob ""
	[ -z "$output$stderr" ]
	uuid=$(musctl create null)
	kill -STOP "$(musctl list -nro PID)"
	try 0 musctl _complete show ""
	[[ $output == *"$uuid"* ]]
	[ -z "$stderr" ]
}

@test "a name that means something to a shell is not offered" {
	musctl create null --name '$(touch${IFS}owned)'
	try 0 musctl _complete show ""
	[[ $output != *owned* ]]
	bash_offers musctl show ""
	[ ! -e owned ]
}

# ---- bash ----------------------------------------------------------------------------

# What bash would offer for a line: COMP_WORDS as bash splits it.
bash_offers() {
	PATH=$(dirname "$MUSCTL"):$PATH bash -c '
		source "$0"
		compopt() { :; }
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_musctl
		printf "%s\n" "${COMPREPLY[@]}"' "$REPO/completions/musctl.bash" "$@"
}

@test "bash: commands that begin like the word" {
	[ "$(bash_offers musctl pe)" = peek ]
	[ "$(bash_offers musctl "" | wc -l)" -gt 15 ]
	[ "$(bash_offers musctl frob)" = "" ]
}

@test "bash: a choice behind =, which bash makes a word" {
	[ "$(bash_offers musctl show --cmdline = q)" = qemu ]
	[ "$(bash_offers musctl show --cmdline = | wc -l)" -eq 3 ]
}

@test "bash: live devices and registers" {
	uuid=$(musctl create gpio-idio16)
	[ "$(bash_offers musctl show "${uuid:0:4}")" = "$uuid" ]
	[ "$(bash_offers musctl peek "$uuid" IN0)" = IN0_7 ]
}

@test "bash: files" {
	touch some.sock
	[ "$(bash_offers musctl run null --socket-path some)" = some.sock ]
}
