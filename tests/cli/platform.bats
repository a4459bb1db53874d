#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# A device without PCI: all that musctl does with devices, by the names that it gives; and what
# needs PCI says so.

load helper

setup_file() {
	build_with_libmuser platform
	export PLATFORM=$BATS_FILE_TMPDIR/platform
}

timer() {
	musctl exec "$@" -- "$PLATFORM"
}

@test "list has it, without PCI's ids" {
	uuid=$(timer --name clock)
	try 0 musctl list -nro UUID,TYPE,NAME,TRANSPORT,STATE
	[ "$output" = "$uuid test-timer clock vfio-user waiting" ]
	try 0 musctl list -J -o ID,CLASS
	jq -e '.devices == [{"id": null, "class": null}]' <<<"$output"
}

@test "show says what it is, with its own names" {
	uuid=$(timer)
	try 0 musctl show "$uuid"
	grep -Eq '^ID +not a PCI device$' <<<"$output"
	grep -Eq '^ctrl +device +16 +rw' <<<"$output"
	grep -Eq '^frame-buffer +device +65536 +rwm' <<<"$output"
	grep -Eq '^region2 +device +256 +r' <<<"$output"
	grep -Eq '^expired +1 ' <<<"$output"
	grep -Eq '^irq1 +1 ' <<<"$output"
	grep -Eq '^queue +4 ' <<<"$output"
	grep -Eq '^ctrl +0x00 +ID +4 +ro +0x54494d45' <<<"$output"
}

@test "show in JSON: the bus, and null for what is PCI's" {
	uuid=$(timer)
	try 0 musctl show -J "$uuid"
	jq -e '.device | .bus == "platform" and .id == null and .subsystem == null and
		.class == null and .revision == null' <<<"$output"
	jq -e '[.device.regions[] | .index, .name] ==
		[0, "ctrl", 1, "frame-buffer", 2, "region2"]' <<<"$output"
	jq -e '[.device.irqs[] | .name, .count] == ["expired", 1, "irq1", 1, "queue", 4]' \
		<<<"$output"
	jq -e '.registers[0] | .region == "ctrl" and .name == "ID"' <<<"$output"
}

@test "a PCI device says so in JSON" {
	uuid=$(musctl create null)
	try 0 musctl show -J "$uuid"
	jq -e '.device.bus == "pci"' <<<"$output"
}

@test "peek and poke: registers, and regions by name and by number" {
	uuid=$(timer)
	try 0 musctl peek "$uuid" ID ctrl+4 region0+0 CTRL+8.1
	[ "$output" = $'0x54494d45\n0x00000064\n0x54494d45\n0x00' ]
	try 0 musctl poke "$uuid" LOAD=7 frame-buffer+100=cafe region1+104.2=1
	try 0 musctl peek -nro REGION,OFFSET,VALUE "$uuid" LOAD frame-buffer+100 region1+104.2
	[ "$output" = $'ctrl 0x04 0x00000007\nframe-buffer 0x100 0x0000cafe\nframe-buffer 0x104 0x0001' ]
}

@test "peek and poke: what is PCI's is not there, status 4" {
	uuid=$(timer)
	for where in config+0 bar0+0 rom+0 VENDOR_ID COMMAND; do
		try 4 musctl peek "$uuid" "$where"
		complains "musctl: peek: $where: not a PCI device"
		try 4 musctl poke "$uuid" "$where=0"
		complains "musctl: poke: $where=0: not a PCI device"
	done
	try 1 musctl peek "$uuid" nosuch+0
	complains "musctl: peek: nosuch+0: no such region (musctl show lists them)"
	try 1 musctl peek "$uuid" NOSUCH
	complains "musctl: peek: NOSUCH: no such register (musctl show lists them), and not REGION+OFFSET, such as region0+4"
	try 1 musctl peek "$uuid" region7+0
	complains "musctl: peek: region7+0: no such region (musctl show lists them)"
	try 1 musctl poke "$uuid" region2+0=1
	complains "musctl: poke: region2+0=1: the region cannot be written"
}

@test "lspci: not a PCI device, status 4" {
	uuid=$(timer)
	try 4 musctl lspci "$uuid"
	complains "musctl: lspci: $uuid: not a PCI device"
	try 4 musctl lspci --socket "$(socket_of "$uuid")"
	complains "musctl: lspci: $(socket_of "$uuid"): not a PCI device"
}

@test "show --cmdline: not a PCI device, status 4" {
	uuid=$(timer)
	for who in qemu libvirt cloud-hypervisor; do
		try 4 musctl show --cmdline=$who "$uuid"
		complains "musctl: show: $uuid: not a PCI device: virtual machine monitors take no other"
	done
}

@test "irq: listed, fired, masked by the names of the device" {
	uuid=$(timer)
	try 0 musctl irq list "$uuid" -nro IRQ,OF
	[ "$output" = $'expired 1\nirq1 1\nqueue 4' ]
	try 1 musctl irq fire "$uuid" queue:3
	[ "$output" = no-eventfd ]
	complains "musctl: irq: queue:3: the interrupt is lost: no client has assigned an eventfd to it"
	try 0 musctl irq mask "$uuid" queue:3 EXPIRED:0
	try 0 musctl irq fire -nro IRQ,VECTOR,OUTCOME "$uuid" queue:3 2:3 expired:0
	[ "$output" = $'queue 3 pending\nqueue 3 pending\nexpired 0 pending' ]
	try 0 musctl irq unmask -J "$uuid" queue:3
	jq -e '.irqs == [{"irq": "queue", "vector": 3, "outcome": "unmasked"}]' <<<"$output"
}

@test "irq: a vector alone is counted through all interrupts" {
	uuid=$(timer)
	try 0 musctl irq mask -nro IRQ,VECTOR "$uuid" 0 1 2 5
	[ "$output" = $'expired 0\nirq1 0\nqueue 0\nqueue 3' ]
	try 1 musctl irq mask "$uuid" 6
	complains "musctl: irq: 6: no such interrupt (musctl irq list shows them)"
}

@test "irq: what the device does not have is named" {
	uuid=$(timer)
	try 1 musctl irq fire "$uuid" intx:0
	complains "musctl: irq: intx:0: no such interrupt (musctl irq list shows them)"
	try 1 musctl irq fire "$uuid" queue:4
	complains "musctl: irq: queue:4: no such interrupt (musctl irq list shows them)"
	try 1 musctl irq fire "$uuid" 3:0
	complains "musctl: irq: irq3:0: no such interrupt (musctl irq list shows them)"
}

@test "trace names regions and interrupts as the device does" {
	uuid=$(timer)
	trace_start "$uuid" -nro KIND,REGION,OFFSET
	musctl peek "$uuid" ID frame-buffer+8
	musctl irq fire "$uuid" queue:2 || true
	musctl irq fire "$uuid" irq1:0 || true
	trace_stop
	diff - rows <<<$'read ctrl 0x00\nread frame-buffer 0x08\nirq-fire queue 0x2\nirq-fire irq1 0x0'
}

@test "trace filters by region=NAME" {
	uuid=$(timer)
	trace_start "$uuid" -e region=frame-buffer,region0 -nro REGION,OFFSET
	musctl peek "$uuid" region2+0 frame-buffer+8 ctrl+4
	trace_stop
	diff - rows <<<$'frame-buffer 0x08\nctrl 0x04'
	try 1 musctl trace -e region=nosuch "$uuid"
	complains "musctl: trace: region=nosuch: no such region (musctl show lists them)"
}

@test "trace -c counts by name" {
	uuid=$(timer)
	trace_start "$uuid" -c -nro KIND,REGION,COUNT
	musctl peek "$uuid" frame-buffer+8
	musctl irq fire "$uuid" queue:2 || true
	trace_stop
	diff - <(sort rows) <<<$'irq-fire queue 1\nread frame-buffer 1'
}

@test "--socket: our client drives it by number" {
	uuid=$(timer)
	socket=$(socket_of "$uuid")
	try 0 musctl peek --socket "$socket" region0+0 region1+8.8
	[ "$output" = $'0x54494d45\n0x0000000000000000' ]
	try 0 musctl poke --socket "$socket" region1+8=1
	try 0 musctl irq list --socket "$socket" -nro IRQ,OF
	[ "$output" = $'irq0 1\nirq1 1\nirq2 4' ]
	try 0 musctl irq fire --socket "$socket" irq2:3
	[ "$output" = delivered ]
	try 0 musctl irq fire --socket "$socket" -nro IRQ,VECTOR,OUTCOME 5
	[ "$output" = "irq2 3 delivered" ]
	try 1 musctl irq fire --socket "$socket" 6
	complains "musctl: irq: 6: no such interrupt (musctl irq list shows them)"
	try 4 musctl peek --socket "$socket" config+0
	complains "musctl: peek: config+0: not a PCI device"
	try 4 musctl peek --socket "$socket" COMMAND
	complains "musctl: peek: COMMAND: not a PCI device"
	try 1 musctl peek --socket "$socket" ID
	complains "musctl: peek: ID: is not REGION+OFFSET, such as region0+4, and over --socket no register has a name"
}

@test "reset: by the control endpoint and by a client" {
	uuid=$(MUSER_LOG=info timer)
	musctl poke "$uuid" LOAD=1
	try 0 musctl reset "$uuid"
	[ "$(musctl peek "$uuid" LOAD)" = 0x00000064 ]
	musctl poke "$uuid" LOAD=1
	try 0 musctl reset --socket "$(socket_of "$uuid")"
	[ "$(musctl peek "$uuid" LOAD)" = 0x00000064 ]
}

@test "bench measures it where it is told to" {
	uuid=$(timer)
	try 4 musctl bench -c 10 "$uuid" read
	complains "musctl: bench: config+3c.1: not a PCI device"
	try 0 musctl bench -c 10 --at ctrl+4 -nro TEST "$uuid" read write irqs dma
	[ "$output" = $'read\nwrite\nirqs\ndma' ]
}

@test "muser.ko takes no such device" {
	try 1 env MUSER_TRANSPORT=mdev MUSER_UUID=0123abcd-0000-4000-8000-00000000beef \
		"$PLATFORM"
	[[ ${stderr_lines[0]} == *"LM_DEV_PLATFORM: muser.ko serves PCI devices only: use a socket (--transport=vfio-user)" ]]
}

@test "completion knows its names" {
	uuid=$(timer)
	try 0 musctl _complete peek "$uuid" ""
	grep -Eq "^frame-buffer\+" <<<"$output"
	try 0 musctl _complete irq fire "$uuid" ""
	grep -Eq "^queue:3" <<<"$output"
}
