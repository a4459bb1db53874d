#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl irq: what there is, what becomes of a fired interrupt, masks.

load helper

setup_file() {
	build_client
}

@test "lists the interrupts of a device" {
	uuid=$(musctl create gpio-idio16)
	try 0 musctl irq list "$uuid"
	golden irq-list
}

@test "lists a vector that a client uses" {
	uuid=$(musctl create gpio-idio16)
	client_start "$uuid"
	client intx
	try 0 musctl irq list -J "$uuid"
	jq -e '.irqs[] | select(.irq == "intx") | .vector == 0 and .eventfd and (.masked | not)' \
		<<<"$output"
}

@test "a vector that another kind has: which" {
	uuid=$(musctl create null)
	for action in fire mask; do
		try 1 musctl irq "$action" "$uuid" 3
		complains "musctl: irq: intx:3: no such interrupt (msix:3 is one; musctl irq list shows them)"
	done
	try 1 musctl irq fire "$uuid" 99
	complains "musctl: irq: intx:99: no such interrupt (musctl irq list shows them)"
}

@test "fire: no eventfd, and status 1" {
	uuid=$(musctl create null)
	try 1 musctl irq fire "$uuid" 0
	[ "$output" = no-eventfd ]
	complains "musctl: irq: intx:0: the interrupt is lost: no client has assigned an eventfd to it"
}

@test "fire: lost without bus mastering, and status 1; INTx is no memory write" {
	uuid=$(musctl create null)
	client_start "$uuid"
	client intx
	client write 7 4 2 0x2
	try 1 musctl irq fire "$uuid" msix:0 intx:0
	[ "$output" = $'bus-master-off\ndelivered' ]
	complains "musctl: irq: msix:0: the interrupt is lost: the guest does not allow bus mastering $(: \
		)(COMMAND.BusMaster)"
	client write 7 4 2 0x6
	try 1 musctl irq fire "$uuid" msix:0
	[ "$output" = no-eventfd ]
}

@test "fire: delivered, and the client gets it" {
	uuid=$(musctl create gpio-idio16)
	client_start "$uuid"
	client intx
	try 0 musctl irq fire "$uuid" 0
	[ "$output" = delivered ]
	client irqs
	[ "$REPLY" = 1 ]
	try 0 musctl irq list -nro COUNT "$uuid"
	[ "${lines[0]}" = 1 ]
}

@test "fire: pending while it is masked, delivered when it is unmasked" {
	uuid=$(musctl create gpio-idio16)
	client_start "$uuid"
	client intx
	client mask
	try 0 musctl irq fire "$uuid" 0
	[ "$output" = pending ]
	client unmask
	client irqs
	[ "$REPLY" = 1 ]
}

@test "mask and unmask from outside" {
	uuid=$(musctl create gpio-idio16)
	client_start "$uuid"
	client intx
	try 0 musctl irq mask "$uuid" 0
	[ -z "$output" ]
	[ "$(musctl irq fire "$uuid" 0)" = pending ]
	try 0 musctl irq list -J "$uuid"
	jq -e '.irqs[0] | .masked and .pending' <<<"$output"
	try 0 musctl irq unmask "$uuid" intx:0
	client irqs
	[ "$REPLY" = 1 ]
}

@test "mask and unmask say what they changed where rows are asked for" {
	uuid=$(musctl create null)
	try 0 musctl irq mask -J "$uuid" msix:1 intx:0
	jq -e '. == {"schema": 1, "irqs": [{"irq": "msix", "vector": 1, "outcome": "masked"},
		{"irq": "intx", "vector": 0, "outcome": "masked"}]}' <<<"$output"
	try 0 musctl irq unmask -nro IRQ,VECTOR,OUTCOME "$uuid" msix:1
	[ "$output" = "msix 1 unmasked" ]
	try 1 musctl irq mask -J "$uuid" msix:9
	[ -z "$output" ]
}

@test "fire in JSON" {
	uuid=$(musctl create null)
	try 1 musctl irq fire -J "$uuid" msix:3
	jq -e '. == {"schema": 1, "irqs": [{"irq": "msix", "vector": 3, "outcome": "no-eventfd"}]}' \
		<<<"$output"
}

@test "several vectors, an outcome each" {
	uuid=$(musctl create null)
	try 1 musctl irq fire "$uuid" msix:0 msix:1 req:0
	[ "${#lines[@]}" -eq 3 ]
}

@test "a vector that there is not" {
	uuid=$(musctl create null)
	try 1 musctl irq fire "$uuid" msix:4
	complains "musctl: irq: msix:4: no such interrupt (musctl irq list shows them)"
	try 1 musctl irq mask "$uuid" msi:0
	complains "musctl: irq: msi:0: no such interrupt (musctl irq list shows them)"
}

@test "words that make no sense are usage errors, told before any device is asked" {
	try 2 musctl irq frob nosuch
	[[ $stderr == "musctl: irq: frob: is not one of list, fire, mask, unmask"* ]]
	try 2 musctl irq fire nosuch
	[[ $stderr == "musctl: irq: fire: VECTOR is missing"* ]]
	try 2 musctl irq list nosuch 0
	[[ $stderr == "musctl: irq: list: takes no VECTOR"* ]]
	try 2 musctl irq fire nosuch fr.ob:0
	complains "musctl: irq: fr.ob:0: 'fr.ob' is not the name of an interrupt"
	try 2 musctl irq fire nosuch x
	complains "musctl: irq: x: is not [INDEX:]VECTOR"
}

@test "PCI has no other kinds than its own" {
	uuid=$(musctl create null)
	for irq in frob:0 irq0:0 5:0; do
		try 2 musctl irq fire "$uuid" $irq
		complains "musctl: irq: $irq: '${irq%:0}' is not one of intx, msi, msix, err, req"
	done
}

@test "--socket lists what any server has" {
	uuid=$(musctl create null)
	try 0 musctl irq list --socket "$(socket_of "$uuid")" -nro IRQ,OF
	[ "$output" = $'intx 1\nmsix 4\nerr 1\nreq 1' ]
}

@test "--socket: an interrupt comes round to us" {
	uuid=$(musctl create gpio-idio16)
	try 0 musctl irq fire --socket "$(socket_of "$uuid")" 0
	[ "$output" = delivered ]
}

@test "--socket: masks are not supported" {
	uuid=$(musctl create null)
	try 4 musctl irq mask --socket "$(socket_of "$uuid")" 0
	[[ $stderr == *"not with --socket: masks end with the connection" ]]
}
