#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# musctl trace: rows, filters, summary, JSON Lines, several devices, losses.

load helper

setup_file() {
	build_client
	build_with_libmuser program
	build_with_libmuser dma
}

# Rows without what is different each time.
rows() {
	sed -E 's/^[0-9:]{8}\.[0-9]{6}/TIME           /; s/ +[0-9]+\.[0-9]{3}us/ DURATION/' rows
}

@test "accesses by register name, with fields" {
	uuid=$(musctl create gpio-idio16 -O in=0x0001)
	trace_start "$uuid"
	musctl peek "$uuid" IN0_7 bar2+0.2
	musctl poke "$uuid" OUT0_7=3
	trace_stop
	output=$(rows)
	golden trace
	[ ! -s losses ]
}

@test "registers in configuration space have names as well" {
	uuid=$(musctl create watchdog-i6300esb)
	trace_start "$uuid" -nro KIND,REGION,REGISTER,DETAILS
	musctl poke "$uuid" CONFIG=27
	musctl peek "$uuid" LOCK config+0.2
	trace_stop
	output=$(cat rows)
	golden trace-config
}

@test "registers that share an address have names of their own" {
	uuid=$(musctl create serial-16550 -O backend=null)
	trace_start "$uuid" -nro KIND,REGISTER,DETAILS
	musctl poke "$uuid" bar0+3.1=83
	musctl poke "$uuid" bar0+0.1=0c
	musctl poke "$uuid" bar0+3.1=03
	musctl poke "$uuid" bar0+2.1=c1
	musctl poke "$uuid" bar0+0.1=41
	musctl peek "$uuid" bar0+1.1 bar0+2.1
	trace_stop
	output=$(cat rows)
	golden trace-aliases
	trace_start "$uuid" -e reg=DLM -nro REGISTER
	musctl peek "$uuid" bar0+1.1
	musctl poke "$uuid" bar0+3.1=83
	musctl peek "$uuid" bar0+1.1
	trace_stop
	[ "$(cat rows)" = DLM ]
	trace_start "$uuid" -c -nro REGISTER
	musctl peek "$uuid" bar0+0.1
	trace_stop
	[ "$(cat rows)" = DLL ]
}

@test "what a client does: attach, interrupts, DMA, detach" {
	uuid=$(musctl create gpio-idio16)
	trace_start "$uuid"
	client_start "$uuid"
	client intx
	client map 0x100000 0x1000
	musctl irq fire "$uuid" 0
	client mask
	client_stop
	eventually grep -q detach rows
	trace_stop
	for kind in attach irq-set dma-map irq-fire detach; do
		grep -q " $kind " rows
	done
	grep -q "irq-fire .* delivered" rows
}

@test "a note of a device is a row, however long" {
	uuid=$(musctl exec -- "$BATS_FILE_TMPDIR/program")
	trace_start "$uuid" -e note -J
	musctl set "$uuid" level=2
	musctl set "$uuid" level=3
	trace_stop
	[ "$(jq -r .details rows)" = "level 2, which is none: more than a row has room for
level 3, which is none: more than a row has room for" ]
}

@test "-e control is all that musctl does, and nothing else" {
	uuid=$(musctl create gpio-idio16)
	trace_start "$uuid" -e control -nro KIND,FLAGS
	client_start "$uuid"
	client intx
	client read 7 0 4
	musctl peek "$uuid" IN0_7
	musctl irq fire "$uuid" 0
	musctl irq mask "$uuid" intx:0
	musctl irq unmask "$uuid" intx:0
	musctl reset "$uuid"
	trace_stop
	[ "$(paste -sd, <(cut -d" " -f1 rows))" = read,irq-fire,irq-mask,irq-mask,reset ]
	! grep -qv " control" rows
}

# A device that masters the bus, traced: DMA and interrupts.
dma_start() { # OPTION...
	uuid=$(musctl exec -- "$BATS_FILE_TMPDIR/dma")
	trace_start "$uuid" "$@"
	client_start "$uuid"
}

# It is given an address that is not mapped, and one that is.
dma_misses() {
	dma_start "$@"
	client map 0x100000 0x1000
	client write 0 0 8 0x100ffc
	client write 0 0 8 0x100008
	eventually grep -q dma-write rows
	trace_stop
}

@test "a search for client memory that fails shows what is not mapped" {
	dma_misses -e dma -nro KIND,OFFSET,WIDTH,RESULT,DETAILS
	[ "$(sed -n 2,3p rows)" = "dma-lookup 0x100ffc 8 ENOENT unmapped=0x101000
dma-write 0x100008 8 ok -" ]
}

@test "-e dma-lookup, in JSON" {
	dma_misses -e dma-lookup,dma-write -J
	[ "$(wc -l <rows)" -eq 2 ]
	jq -es '.[0] | .kind == "dma-lookup" and .offset == "0x100ffc" and .width == 8 and
		.result == "ENOENT" and .details == "unmapped=0x101000"' rows
}

rows_are() { # HOW MANY
	[ "$(wc -l <rows)" -eq "$1" ]
}

@test "without bus mastering neither DMA nor MSI: the rows say so" {
	dma_start -e dma-lookup,dma-write,irq-fire -nro KIND,RESULT
	client map 0x100000 0x1000
	client write 0 0 8 0x100000
	client write 7 4 2 0x2
	client write 0 0 8 0x100000
	client write 7 4 2 0x6
	client write 0 0 8 0x100000
	eventually rows_are 6
	trace_stop
	[ "$(paste -sd, rows)" = "dma-write ok,irq-fire no-eventfd,$(: \
		)dma-lookup bus-master-off,irq-fire bus-master-off,$(: \
		)dma-write ok,irq-fire no-eventfd" ]
}

@test "an access that fails shows its error" {
	uuid=$(musctl create gpio-idio16)
	trace_start "$uuid" -nro KIND,RESULT
	client_start "$uuid"
	client read 2 8 1
	client_stop
	trace_stop
	grep -q "^read EINVAL" rows
}

@test "an access that a client should not have made is refused, for a reason" {
	uuid=$(musctl exec -- "$BATS_FILE_TMPDIR/program")
	trace_start "$uuid" -J -e refused -o +FLAGS
	client_start "$uuid"
	client read 1 14 4
	[ "$REPLY" = 0xffffffff ]
	client read 1 0 4
	client write 1 0 8 1
	client_stop
	trace_stop
	jq -es 'map([.kind, .offset, .result, .flags, .details]) ==
		[["read", "0xe", "EINVAL", ["refused"], "refused: beyond the end"],
		 ["write", "0x0", "EINVAL", ["refused"], "refused: width not allowed"]]' rows
}

@test "an access of musctl fails for a reason, and is not refused" {
	uuid=$(musctl exec -- "$BATS_FILE_TMPDIR/program")
	trace_start "$uuid" -J -e error -o RESULT,FLAGS,DETAILS
	try 1 musctl peek "$uuid" bar1+0.8
	trace_stop
	jq -e '[.result, .flags, .details] == ["EINVAL", ["control"], "width not allowed"]' rows
}

@test "an access to many registers names the first and the last" {
	uuid=$(musctl create null)
	trace_start "$uuid" -nro REGISTER
	client_start "$uuid"
	client read 7 0 8
	client read 7 4 8
	client read 7 0x2c 4
	client read 7 0 256
	client_stop
	eventually grep -q MAX_LAT rows
	trace_stop
	[ "$(grep -vx -- - rows | paste -sd ' ')" = "VENDOR_ID..STATUS COMMAND..CLASS_DEVICE \
SUBSYSTEM_VENDOR_ID+SUBSYSTEM_ID VENDOR_ID..MAX_LAT" ]
}

@test "JSON Lines, an object each" {
	uuid=$(musctl create null)
	trace_start "$uuid" -J
	musctl peek "$uuid" bar0+4
	trace_stop
	jq -e '.schema == 1 and .kind == "read" and .region == "bar0" and .offset == "0x4" and
		.width == 4 and .value == "0x00000000" and (.duration | type) == "number"' rows
	jq -e '.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{9}Z$")' rows
}

@test "ends when the device ends" {
	uuid=$(musctl create null)
	trace_start "$uuid"
	musctl peek "$uuid" bar0+0
	musctl destroy "$uuid"
	wait "$TRACER"
	grep -q bar0 rows
}

@test "ends when the device is killed, with what it had traced" {
	uuid=$(musctl create null)
	trace_start "$uuid"
	musctl peek "$uuid" bar0+0
	kill -KILL "$(musctl list -nro PID)"
	code=0
	wait "$TRACER" || code=$?
	[ "$code" -eq 5 ]
	grep -q bar0 rows
	grep -q "^musctl: trace: $uuid: ended: " losses
}

# A program that ends and is not waited for, so that its end can be seen on any kernel. The
# process that does not wait is PARENT.
unwaited() {
	uuid=85006552-1b4b-45e9-ad62-9dd16df09171
	MUSER_UUID=$uuid sh -c '"$0" & exec sleep 60' "$BATS_FILE_TMPDIR/program" 3>&- &
	PARENT=$!
	eventually musctl reset "$uuid"
}

@test "a crash: the access that began and did not end, and how the device ended" {
	unwaited
	trace_start "$uuid"
	try 5 musctl poke "$uuid" TRAP=7
	complains "musctl: poke: TRAP=7: the device ended: killed by SIGABRT"
	code=0
	wait "$TRACER" || code=$?
	kill "$PARENT"
	[ "$code" -eq 5 ]
	[[ $(tail -n 1 rows) == *" write "*" bar1 "*" TRAP "*" 0x00000007 "*" unfinished "* ]]
	[ "$(cat losses)" = "musctl: trace: $uuid: ended: killed by SIGABRT" ]
}

@test "a crash in JSON Lines" {
	unwaited
	trace_start "$uuid" -J
	try 5 musctl poke "$uuid" TRAP=7
	code=0
	wait "$TRACER" || code=$?
	kill "$PARENT"
	[ "$code" -eq 5 ]
	tail -n 2 rows | jq -se '.[0].kind == "write" and .[0].result == "unfinished" and
		.[0].duration == null and .[1].kind == "crash" and
		.[1].uuid == "'"$uuid"'" and .[1].ended == "killed by SIGABRT"'
}

@test "a read that did not end has no value" {
	unwaited
	trace_start "$uuid" -J
	try 5 musctl peek "$uuid" PIT
	wait "$TRACER" || true
	kill "$PARENT"
	grep unfinished rows | jq -se 'length == 1 and (.[0] | .kind == "read" and .register == "PIT" and
		.value == null and .details == null)'
}

@test "--limit ends after that many rows" {
	uuid=$(musctl create null)
	trace_start "$uuid" --limit 3 -n
	musctl peek "$uuid" bar0+0 bar0+4 bar0+8 bar0+c bar0+10
	wait "$TRACER"
	[ "$(wc -l <rows)" -eq 3 ]
}

# ---- filters -------------------------------------------------------------------------

# filtered FILTER...: kinds and places that pass, on one line
filtered() {
	local uuid option=()
	uuid=$(musctl create gpio-idio16)
	for filter; do
		option+=(-e "$filter")
	done
	trace_start "$uuid" "${option[@]}" -nro KIND,REGION,OFFSET
	musctl peek "$uuid" OUT0_7 IN0_7 VENDOR_ID
	musctl poke "$uuid" OUT0_7=1 IRQ_CTL=0
	musctl irq fire "$uuid" 0 || true
	musctl reset "$uuid"
	trace_stop
	output=$(paste -sd, rows)
}

@test "-e with a kind" {
	filtered irq
	[ "$output" = "irq-fire intx 0x0" ]
	filtered write
	[ "$output" = "write bar2 0x00,write bar2 0x02" ]
}

@test "-e with a region and a kind: both must hold" {
	filtered bar2,write
	[ "$output" = "write bar2 0x00,write bar2 0x02" ]
	filtered config,read
	[ "$output" = "read config 0x00" ]
}

@test "-e with two kinds, or two regions: either" {
	filtered read,write,bar2
	[ "$output" = "read bar2 0x00,read bar2 0x01,write bar2 0x00,write bar2 0x02" ]
	filtered read,bar2,config
	[ "$output" = "read bar2 0x00,read bar2 0x01,read config 0x00" ]
}

@test "-e reg= with a pattern" {
	filtered 'reg=IRQ*'
	[ "$output" = "write bar2 0x02" ]
	filtered 'reg=OUT*,read'
	[ "$output" = "read bar2 0x00" ]
}

@test "several -e: any of them" {
	filtered irq config
	[ "$output" = "read config 0x00,irq-fire intx 0x0" ]
}

@test "-e with !: not these" {
	filtered 'bar2,!write'
	[ "$output" = "read bar2 0x00,read bar2 0x01" ]
	filtered access '!config' '!reg=OUT0_7'
	[ "$output" = "read bar2 0x01,write bar2 0x02" ]
}

@test "-e control and -e error" {
	filtered control,write
	[ "$output" = "write bar2 0x00,write bar2 0x02" ]
	filtered error
	[ "$output" = "irq-fire intx 0x0" ]
}

@test "a filter that makes no sense is a usage error, told before any device is asked" {
	for filter in frob '' bar9 reg= '!' irq,frob; do
		try 2 musctl trace -e "$filter" nosuch
		[[ $stderr == *"no such filter"* ]]
	done
}

# ---- summary -------------------------------------------------------------------------

@test "-c counts by kind and register" {
	uuid=$(musctl create gpio-idio16)
	trace_start "$uuid" -c -nr -o KIND,REGION,REGISTER,COUNT,ERRORS
	musctl peek "$uuid" IN0_7 IN0_7 IN0_7 OUT0_7
	musctl irq fire "$uuid" 0 || true
	trace_stop
	[ "$(sort rows)" = "$(printf '%s\n' 'irq-fire intx - 1 1' 'read bar2 IN0_7 3 0' \
		'read bar2 OUT0_7 1 0')" ]
}

@test "-c does not grow with regions that are not there, nor with lengths" {
	uuid=$(musctl create gpio-idio16)
	trace_start "$uuid" -c -nr -o KIND,REGION,REGISTER,COUNT,ERRORS
	client_start "$uuid"
	for region in 0 5 9 1000 4294967295; do
		client read $region 0 1
	done
	for offset in 0 1 2 3; do
		client read 7 $offset 9
	done
	client_stop
	trace_stop
	[ "$(grep ^read rows | sort)" = "$(printf '%s\n' 'read ? - 5 5' 'read config - 4 0')" ]
}

@test "-c in JSON: times are nanoseconds" {
	uuid=$(musctl create null)
	trace_start "$uuid" -c -J
	musctl peek "$uuid" bar0+0 bar0+0
	trace_stop
	jq -e '.schema == 1 and (.summary[0] | .count == 2 and .total >= .max and
		.mean <= .max and .total > 0)' rows
}

@test "-c counts the access that did not end, as failed, and no time for it" {
	unwaited
	trace_start "$uuid" -c -J
	try 5 musctl peek "$uuid" READS PIT
	wait "$TRACER" || true
	kill "$PARENT"
	jq -e '.summary[] | select(.register == "PIT") | .count == 1 and .errors == 1 and
		.total == null and .mean == null and .max == null' rows
}

@test "-c: what takes no time has none" {
	uuid=$(musctl create null)
	trace_start "$uuid" -c -J --output-all
	musctl irq fire "$uuid" 0 || true
	trace_stop
	jq -e '.summary | length == 1 and (.[0] | .kind == "irq-fire" and .count == 1 and
		.total == null and .mean == null and .max == null and .share == null)' rows
}

# ---- several, and losses -------------------------------------------------------------

@test "several devices in the order of time, with a column for which" {
	a=$(musctl create null --name a)
	b=$(musctl create null --name b)
	trace_start "$a" "$b" -J
	eventually has_tracer "$b"
	for _ in 1 2 3 4 5; do
		musctl peek "$a" bar0+0
		musctl peek "$b" bar0+4
	done
	trace_stop
	[ "$(jq -r .uuid rows | paste -sd ' ')" = "$a $b $a $b $a $b $a $b $a $b" ]
	musctl trace a b --limit 1 >table 3>&- &
	tracer=$!
	eventually has_tracer "$b"
	musctl peek a bar0+0
	wait "$tracer"
	grep -q "UUID" table
}

@test "one device ends, the others go on" {
	a=$(musctl create null)
	b=$(musctl create null)
	trace_start "$a" "$b" -nro REGION,OFFSET
	eventually has_tracer "$b"
	musctl destroy "$a"
	musctl peek "$b" bar0+40
	eventually grep -q 0x40 rows
	trace_stop
}

# A reader that has much to catch up with is done when nothing more comes.
until_settled() { # FILE
	local size=-1
	until [ "$(stat -c %s "$1")" -eq "$size" ]; do
		size=$(stat -c %s "$1")
		sleep 0.5
	done
}

@test "a slow reader loses records, and the sum is right" {
	uuid=$(musctl create null)
	trace_start "$uuid" -J -o SEQUENCE
	client_start "$uuid"
	eventually grep -q sequence rows # its first row is the first record
	kill -STOP "$TRACER"
	for _ in {1..8}; do
		client burst 10000
	done
	kill -CONT "$TRACER"
	client_stop
	eventually grep -q lost rows
	until_settled rows
	trace_stop
	last=$(jq -s 'map(select(.sequence)) | last.sequence' rows)
	got=$(jq -s 'map(select(.sequence)) | length' rows)
	first=$(jq -s 'map(select(.sequence)) | first.sequence' rows)
	lost=$(jq -s 'map(select(.kind == "lost").count) | add' rows)
	[ "$lost" -gt 0 ]
	[ $((last - first + 1)) -eq $((got + lost)) ]
	grep -qE "^musctl: trace: $uuid: [0-9]+ records lost$" losses
	[ "$(awk '{ sum += $4 } END { print sum }' losses)" -eq "$lost" ]
}

@test "an unknown device is status 3" {
	try 3 musctl trace nosuch
}

@test "an idle one ends when its reader has disconnected" {
	uuid=$(musctl create null)
	mkfifo pipe
	"$MUSCTL" trace "$uuid" >pipe 3>&- &
	TRACER=$!
	exec 7<pipe
	eventually has_tracer "$uuid"
	exec 7<&-
	eventually has_ended "$TRACER"
}

@test "--timeout is an end, and a status of its own" {
	uuid=$(musctl create null)
	try 124 musctl trace -t 0.2 "$uuid"
	complains "musctl: trace: timed out"
	try 124 musctl trace -c -t 0.2 "$uuid"
}

@test "a filter that nothing matches is an error" {
	uuid=$(musctl create gpio-idio16)
	for filter in bar0,irq reg=IN0_7,dma irq,!irq bar2,!access config,attach; do
		try 2 musctl trace -e "$filter" "$uuid"
		[[ $stderr == "musctl: trace: $filter: no record can match (regions and registers apply only to read, write and access)"* ]]
	done
	try 2 musctl trace -e "bar0$(printf ',bar%d' {1..5} {0..5} {0..4})" "$uuid"
	[[ $stderr == *": filter too long (at most 16 terms, of 79 characters)"* ]]
	try 1 timeout 60 "$MUSCTL" trace -e write -e 'reg=NOSUCH*,read' "$uuid"
	complains "musctl: trace: reg=NOSUCH*: no such register (musctl show lists them, musctl-peek(8) those of the PCI header)"
	for filter in bar2,read 'reg=in0*' reg=COMMAND,write error,bar2 '!irq' irq,!irq-set bar2,control; do
		try 124 musctl trace -t 0 -e "$filter" "$uuid"
	done
}

@test "a register that one of several devices has is no error" {
	a=$(musctl create gpio-idio16)
	b=$(musctl create null)
	try 124 musctl trace -t 0 -e reg=IN0_7 "$b" "$a"
	try 1 timeout 60 "$MUSCTL" trace -t 0 -e reg=IN0_7 "$b"
}
