#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Completion: what musctl offers, and what bash, zsh and fish make of it.

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
	offers set "$uuid" "" | has out
	run ! bash -c '"$MUSCTL" _complete set "$0" "" | grep ^out=' "$uuid"
}

@test "columns of a list, choices, filters, actions" {
	offers list -o "" | has STATE
	offers list -o UUID,ST | has UUID,STATE
	offers list -o +ST | has +STATE
	offers show --cmdline "" | has cloud-hypervisor
	offers show --cmdline=q | has --cmdline=qemu
	offers trace -e "" | has dma-read
	offers trace -e "" | has bar2
	offers irq "" | has unmask
}

@test "values of properties and options that are choices, of single wires as well" {
	uuid=$(musctl create gpio-idio16)
	offers create gpio-idio16 -O pattern= | has pattern=toggle3
	offers create gpio-idio16 --option=pattern=t | has --option=pattern=toggle3
	offers create gpio-idio16 -O in3= | has in3=1
	offers set "$uuid" pattern= | has pattern=none
	offers set "$uuid" in15= | has in15=0
	[ -z "$(offers set "$uuid" in=)" ]
}

@test "fields of a register" {
	uuid=$(musctl create gpio-idio16)
	offers peek "$uuid" OUT0_7. | has OUT0_7.OUT3
	offers peek "$uuid" out0_7.O | has out0_7.OUT0
	run ! bash -c '"$MUSCTL" _complete peek "$0" OUT0_7. | grep -v "^OUT0_7.OUT"' "$uuid"
	offers bench "$uuid" --at=OUT0_7.O | has --at=OUT0_7.OUT7
}

@test "terms of a filter: behind a comma, excluded, and registers by name" {
	uuid=$(musctl create gpio-idio16)
	offers trace -e bar2, | has bar2,write
	offers trace -e 'bar2,!' | has 'bar2,!write'
	offers trace "$uuid" -e reg=IN | has reg=IN0_7
	offers trace --filter=read,reg= | has --filter=read,reg=OUT8_15
}

@test "interrupts of the device on the line, groups, tests of bench" {
	uuid=$(musctl create null)
	[ "$(offers irq fire "$uuid" "" | grep msix | paste -sd ' ')" = "msix:0 msix:1 msix:2 msix:3" ]
	offers irq mask "$uuid" msix:0 "" | has intx:0
	offers create null --group "" | has "$(id -gn)"
	offers bench "$uuid" read "" | has posted
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
	local line="$*"
	# shellcheck disable=SC2016 # is bash's
	PATH=$(dirname "$MUSCTL"):$PATH bash -c '
		source "$0"
		compopt() { :; }
		COMP_LINE=$1 COMP_POINT=${#1}
		spaced=${1//=/ = }
		read -ra COMP_WORDS <<<"${spaced//:/ : }"
		[[ $1 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_musctl
		printf "%s\n" "${COMPREPLY[@]}"' "$REPO/completions/musctl.bash" "$line"
}

@test "bash: commands that begin like the word" {
	[ "$(bash_offers musctl pe)" = peek ]
	[ "$(bash_offers musctl "" | wc -l)" -gt 15 ]
	[ "$(bash_offers musctl frob)" = "" ]
}

@test "bash: a choice behind =, which bash makes a word" {
	[ "$(bash_offers musctl show --cmdline=q)" = qemu ]
	[ "$(bash_offers musctl show --cmdline= | wc -l)" -eq 3 ]
}

@test "bash: what stands behind = and : in an argument" {
	uuid=$(musctl create gpio-idio16)
	[ "$(bash_offers musctl set "$uuid" pattern=t)" = toggle3 ]
	[ "$(bash_offers musctl create gpio-idio16 -O pattern= | paste -sd ' ')" = "none toggle3" ]
	[ "$(bash_offers musctl create gpio-idio16 --option=pattern=n)" = none ]
	[ "$(bash_offers musctl irq fire "$uuid" intx:)" = 0 ]
	[ "$(bash_offers musctl trace "$uuid" -e write,reg=IN0)" = IN0_7 ]
}

@test "bash: live devices and registers" {
	uuid=$(musctl create gpio-idio16)
	[ "$(bash_offers musctl show "${uuid:0:4}")" = "$uuid" ]
	[ "$(bash_offers musctl peek "$uuid" IN0)" = IN0_7 ]
}

@test "bash: files" {
	touch some.sock
	[ "$(bash_offers musctl run null --socket-path some)" = some.sock ]
	[ "$(bash_offers musctl run null --socket-path=some)" = some.sock ]
}

# ---- the shells themselves -----------------------------------------------------------

# Types a line that ends in a tab into an interactive shell, and prints what its words then are.
# The shell's own command of that name takes the place of musctl, which completes all the same.
type_in() { # bash|zsh LINE
	local -A shells=([bash]="bash --rcfile $PWD/rc -i" [zsh]="zsh -d -i")
	cat >rc <<-END
		PATH=$(dirname "$MUSCTL"):\$PATH
		PS1= PROMPT=
		probe() { printf '[%s]' "\$@"; printf '.\n'; }
	END
	if [ "$1" = bash ]; then
		echo "source $REPO/completions/musctl.bash; complete -F _musctl probe"
	else
		echo "fpath=($REPO/completions \$fpath); autoload -Uz compinit; compinit -u -D"
		echo "compdef _musctl probe"
	fi >>rc
	cp rc .zshrc
	printf 'probe %s\t\nexit\n' "$2" |
		TERM=dumb ZDOTDIR=$PWD timeout 60 script -qec "${shells[$1]}" /dev/null |
		tr -d '\r' | sed -n 's/^\(\[.*\]\)\.$/\1/p'
}

@test "bash and zsh complete what is typed" {
	uuid=$(musctl create gpio-idio16 --name card)
	for shell in bash zsh; do
		[ "$(type_in $shell "pee")" = "[peek]" ]
		[ "$(type_in $shell "show --cmdline=q")" = "[show][--cmdline=qemu]" ]
		[ "$(type_in $shell "show ${uuid:0:8}")" = "[show][$uuid]" ]
		[ "$(type_in $shell "peek card IN0")" = "[peek][card][IN0_7]" ]
		[ "$(type_in $shell "peek card OUT0_7.OUT3")" = "[peek][card][OUT0_7.OUT3]" ]
		[ "$(type_in $shell "set card pattern=to")" = "[set][card][pattern=toggle3]" ]
		[ "$(type_in $shell "irq fire card in")" = "[irq][fire][card][intx:0]" ]
		[ "$(type_in $shell "trace card -e bar2,wr")" = "[trace][card][-e][bar2,write]" ]
		touch some.sock
		[ "$(type_in $shell "run null --socket-path som")" = "[run][null][--socket-path][some.sock]" ]
		[ "$(type_in $shell "run null --socket-path=som")" = "[run][null][--socket-path=some.sock]" ]
	done
}

fish_offers() { # LINE
	PATH=$(dirname "$MUSCTL"):$PATH timeout 60 fish --no-config -c \
		"source $REPO/completions/musctl.fish; complete -C '$1'" | cut -f 1
}

@test "fish offers what there is" {
	uuid=$(musctl create gpio-idio16 --name card)
	[ "$(fish_offers "musctl pee")" = peek ]
	[ "$(fish_offers "musctl show --cmdline=q")" = --cmdline=qemu ]
	[ "$(fish_offers "musctl show ${uuid:0:8}")" = "$uuid" ]
	[ "$(fish_offers "musctl peek card IN0")" = IN0_7 ]
	[ "$(fish_offers "musctl peek card OUT0_7." | wc -l)" -eq 8 ]
	[ "$(fish_offers "musctl set card pattern=to")" = pattern=toggle3 ]
	[ "$(fish_offers "musctl irq fire card in")" = intx:0 ]
	[ "$(fish_offers "musctl trace card -e bar2,wr")" = bar2,write ]
	touch some.sock
	[ "$(fish_offers "musctl run null --socket-path som")" = some.sock ]
	[ "$(fish_offers "musctl run null --socket-path=som")" = --socket-path=some.sock ]
}
