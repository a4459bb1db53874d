#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl reset.

load helper

@test "registers go back to what they were" {
	uuid=$(musctl create gpio-idio16)
	musctl poke "$uuid" OUT0_7=ff
	try 0 musctl reset "$uuid"
	[ "$(musctl set "$uuid" out)" = 0x0000 ]
}

@test "several devices, and one that is not there" {
	musctl create null --name a
	musctl create null --name b
	try 0 musctl reset a b
	try 3 musctl reset a nosuch
	complains "musctl: reset: nosuch: no such device (musctl list shows them)"
}

@test "--socket resets anybody's server" {
	uuid=$(musctl create gpio-idio16)
	musctl poke "$uuid" OUT0_7=ff
	try 0 musctl reset --socket "$(socket_of "$uuid")"
	[ "$(musctl set "$uuid" out)" = 0x0000 ]
}
