# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# The same devices on both channels: run by kmod.sh -n.
# Owns: one list of checks a device, each run twice, by vfio_client over muser.ko and by
# user_client over vfio-user: the programs that serve are the same, and so are the commands. What
# the lists do not name, such as configuration space, must look alike as well.
# Refuses to know a channel anywhere but in "start" and "client".

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

mkdir -p /tmp/run
export MUSER_RUNTIME_DIR=/tmp/run
TRANSPORT=

is_on() { # DESCRIPTION WANTED COMMAND...
	on_what=$1 on_wanted=$2
	shift 2
	is "$TRANSPORT: $on_what" "$on_wanted" "$@"
}

on() { # DESCRIPTION COMMAND...
	on_what=$1
	shift
	ok "$TRANSPORT: $on_what" "$@"
}

fails() { # COMMAND...
	! "$@"
}

# Behind the end of a region, as on a bus.
reads_nothing() { # REGION OFFSET
	[ "$(c read "$1" "$2" 1)" = 0xff ] && c write "$1" "$2" 1 0
}

# Across it: all is dropped.
writes_half() { # REGION OFFSET: of its last byte, which is 0
	c write "$1" "$2" 2 0xffff && [ "$(c read "$1" "$2" 2)" = 0xffff ] &&
		[ "$(c read "$1" "$2" 1)" = 0x00 ]
}

client() { # start | stop
	if [ "$1" = stop ]; then
		client_stop
	elif [ "$TRANSPORT" = mdev ]; then
		CLIENT=vfio_client client_start "$U"
	else
		CLIENT=user_client client_start "$U"
	fi
}

start() { # TYPE: sets U
	[ "$TRANSPORT" = mdev ] && U=$(uuid_nr 1) || U=$(uuid_nr 2)
	[ "$1" != prober ] || {
		start_prober
		return
	}
	musctl create "$1" -T "$TRANSPORT" -u "$U"
}

start_prober() {
	[ "$TRANSPORT" = vfio-user ] || mdev_create "$U" || return
	MUSER_UUID=$U MUSER_TRANSPORT=$TRANSPORT prober >/tmp/server.log 2>&1 5>&- 6<&- &
	server=$!
	until_true musctl show "$U"
}

stop_prober() {
	kill "$server"
	wait "$server" || return
	[ "$TRANSPORT" = vfio-user ] || mdev_remove "$U"
}

# All that a client can ask without an effect, for each channel in a file.
look() { # NAME
	look_at=0
	{
		c info && c regions && c irqs || return
		while [ $look_at -lt 256 ]; do
			c read config $look_at 4 || return
			look_at=$((look_at + 4))
		done
	} >>"/tmp/seen.$1.$TRANSPORT" 2>&1
}

# But for REQ: where the device has none, muser.ko has.
looks_alike() { # NAME
	[ "$1" != prober ] || sed -i '/^4 count=[01] eventfd$/d' /tmp/seen.prober.*
	diff "/tmp/seen.$1.mdev" "/tmp/seen.$1.vfio-user"
}

put() { # OFFSET VALUE: a byte of the card's
	c write bar2 "$1" 1 "$2"
}

get() { # OFFSET
	c read bar2 "$1" 1
}

reads() { # OFFSET TIMES
	reads_nr=0
	while [ $((reads_nr += 1)) -le "$2" ]; do
		get "$1" || return
	done | xargs
}

outside() { # NAME[=VALUE]...
	musctl set "$U" "$@"
}

# ---- gpio-idio16 ---------------------------------------------------------------------------

OUT0_7=0 IN0_7=1 IRQ_CTL=2 FILTER_CTL=3 OUT8_15=4 IN8_15=5 IRQ_STATUS=6 FILTER0_7=7

idio_registers() {
	is_on 'the card' 0x0dc8494f c read config 0 4
	is_on 'has eight registers' '2 size=0x8 rw-' c region bar2
	on 'outputs 0-7' put $OUT0_7 0x5a
	on 'outputs 8-15' put $OUT8_15 0xa5
	is_on 'read back' '0x5a 0xa5' sh -c "echo $(get $OUT0_7) $(get $OUT8_15)"
	is_on 'are outside' 0xa55a outside out
	is_on 'and musctl peeks' 0x5a musctl peek -nro VALUE "$U" OUT0_7
	on 'musctl pokes' musctl poke "$U" OUT8_15=3c
	is_on 'which the client sees' 0x3c get $OUT8_15
	on 'inputs from outside' outside in=0x1234
	is_on 'are read' '0x34 0x12' sh -c "echo $(get $IN0_7) $(get $IN8_15)"
	on 'one of them' outside in3=1
	is_on 'is, too' 0x3c get $IN0_7
	is_on 'interrupts are read as 0' 0x00 get $IRQ_CTL
	on 'and switched off' put $IRQ_CTL 0
	on 'no register is behind the last' reads_nothing bar2 8
	on 'nor half of one' writes_half bar2 7
	on 'there is no BAR0' c ! EINVAL read bar0 0 1
	on 'the card cannot be mapped' c ! EINVAL mmap bar2 0 0x1000
}

idio_interrupts() {
	on 'INTx has an eventfd' c set intx eventfd trigger 0 1 new
	on 'an input changes' outside in=0x0000
	on 'which is nothing to a card whose interrupts are off' c quiet intx 0
	is_on 'they are switched on' 0x00 get $IRQ_CTL
	on 'an input changes' outside in=0x0001
	is_on 'which interrupts' 1 c wait intx 0
	is_on 'and says by which bank' 0x05 get $IRQ_STATUS
	is_on 'configuration space says so' 0x0008 c read config 6 2
	on 'it is masked now' outside in=0x0101
	on 'so that nothing comes' c quiet intx 0
	is_on 'but in the status' 0x07 get $IRQ_STATUS
	on 'unmasked' c set intx none unmask 0 1
	is_on 'it comes again' 1 c wait intx 0
	on 'it is cleared' put $IN0_7 0
	is_on 'in configuration space, too' 0x0000 c read config 6 2
	on 'unmasked' c set intx none unmask 0 1
	on 'it is quiet' c quiet intx 0
	on 'an eventfd that unmasks' c set intx eventfd unmask 0 1 new
	on 'an input of the other bank' outside in15=1
	is_on 'interrupts' 1 c wait intx 0
	is_on 'of that bank' 0x06 get $IRQ_STATUS
	on 'the eventfd unmasks' c eoi intx
	is_on 'it comes again' 1 c wait intx 0
	on 'cleared' put $IN0_7 0
	on 'and unmasked' c eoi intx
	on 'it is quiet' c quiet intx 0
	on 'masked' c set intx none mask 0 1
	on 'an input changes' outside in15=0
	on 'and nothing comes' c quiet intx 0
	on 'unmasked' c set intx bool unmask 0 1 1
	is_on 'it comes' 1 c wait intx 0
	on 'cleared' put $IN0_7 0
	on 'and unmasked' c set intx none unmask 0 1
	on 'configuration space switches it off' c write config 4 2 0x0400
	on 'an input changes' outside in15=1
	on 'and nothing comes' c quiet intx 0
	on 'switched on' c write config 4 2 0
	is_on 'it comes' 1 c wait intx 0
	on 'cleared' put $IN0_7 0
	on 'and unmasked' c set intx none unmask 0 1
	on 'musctl fires' musctl irq fire "$U" intx:0
	is_on 'which arrives' 1 c wait intx 0
	on 'unmasked' c set intx none unmask 0 1
	on 'the card is told not to' put $IRQ_CTL 0
	on 'an input changes' outside in15=0
	on 'and nothing comes' c quiet intx 0
	on 'a request to let go' c set req eventfd trigger 0 1 new
	on 'by musctl' musctl irq fire "$U" req:0
	is_on 'arrives' 1 c wait req 0
	on 'all are taken back' c set intx none trigger 0 0
}

is_read() { # OFFSET VALUE
	[ "$(get "$1")" = "$2" ]
}

idio_filters() {
	on 'no input is set' outside in=0
	on 'filters take three seconds' outside filter-us=3000000
	on 'some inputs have one' put $FILTER0_7 0x0f
	is_on 'as is read back' 0x0f get $FILTER0_7
	is_on 'and seen outside' 0x000f outside filter
	on 'all inputs change' outside in=0xffff
	is_on 'some at once' '0xf0 0xff' sh -c "echo $(get $IN0_7) $(get $IN8_15)"
	on 'others later' until_true is_read $IN0_7 0xff
	is_on 'all get filters' 0x00 get $FILTER_CTL
	is_on 'as is seen outside' 0xffff outside filter
	on 'all inputs change' outside in=0x0000
	is_on 'none at once' '0xff 0xff' sh -c "echo $(get $IN0_7) $(get $IN8_15)"
	on 'but later' until_true is_read $IN8_15 0x00
	on 'none has a filter' put $FILTER_CTL 0
	on 'all change' outside in=0x1111
	is_on 'at once' '0x11 0x11' sh -c "echo $(get $IN0_7) $(get $IN8_15)"
}

idio_options() {
	on 'the pattern' outside pattern=toggle3
	is_on 'takes a step a read' '0x00 0x00 0x00 0xff 0xff 0xff 0x00' reads $IN0_7 7
	is_on 'in data registers alone' 0x00 get $IRQ_STATUS
	is_on 'whichever' '0x00 0x00 0xff' reads $OUT8_15 3
	on 'it ends' outside pattern=none
	on 'outputs wired to inputs' outside loopback=1
	on 'an output' put $OUT0_7 0xc3
	is_on 'is an input' 0xc3 get $IN0_7
	on 'which nobody else can set' fails outside in=1
	on 'INTx' c set intx eventfd trigger 0 1 new
	is_on 'on' 0x00 get $IRQ_CTL
	on 'an output' put $OUT8_15 0xc3
	is_on 'interrupts' 1 c wait intx 0
	is_on 'as its input does' 0x06 get $IRQ_STATUS
}

idio_resets() {
	on 'reset' c reset
	is_on 'clears outputs' '0x00 0x00' sh -c "echo $(get $OUT0_7) $(get $OUT8_15)"
	is_on 'and the interrupt' 0x00 get $IRQ_STATUS
	is_on 'not what is wired' 1 outside loopback
	on 'unwired' outside loopback=0
	is_on 'inputs are as they were' '0x11 0x11' sh -c "echo $(get $IN0_7) $(get $IN8_15)"
	on 'a value' put $OUT0_7 0x77
	on 'musctl resets' musctl reset "$U"
	is_on 'it, too' 0x00 get $OUT0_7
	timeout 30 musctl trace --noheadings -l 2 -o KIND,REGION,OFFSET,VALUE "$U" >/tmp/trace 2>&1 &
	tracer=$!
	until_true grep -q muser-trace "/proc/$tracer/maps"
	on 'while a client writes' put $OUT0_7 0x55
	on 'and reads' get $IN8_15
	on 'musctl traces' wait $tracer
	is_on 'both' 'write bar2 0x00 0x55 read bar2 0x05 0x11' xargs -a /tmp/trace
}

idio_clients() {
	on 'the client goes' client stop
	on 'another one comes' client start
	is_on 'the card is as it was' 0x55 get $OUT0_7
	on 'interrupts' get $IRQ_CTL
	on 'are on' outside in=0
	on 'without an eventfd' musctl irq list "$U"
	on 'that is given late' c set intx eventfd trigger 0 1 new
	is_on 'and signalled: the line is up' 1 c wait intx 0
	on 'the client goes' client stop
}

check_idio() {
	on 'gpio-idio16' start gpio-idio16
	on 'a client' client start
	on 'looks around' look idio
	idio_registers
	idio_interrupts
	idio_filters
	idio_options
	idio_resets
	idio_clients
	on 'the card goes' musctl destroy "$U"
}

# ---- null ----------------------------------------------------------------------------------

null_memory() {
	for width in 1 2 4 8; do
		for offset in 0 1 3 7 0xff8; do
			value=0x$(printf '1122334455667788' | cut -c 1-$((width * 2)))
			on "$width bytes at $offset" c write bar0 $offset $width "$value"
			is_on 'are read back' "$value" c read bar0 $offset $width
		done
	done
	for count in 3 5 9 100 2048 4095; do
		on "$count bytes in one access" c fill bar0 1 $count $count
		on 'are read back' c check bar0 1 $count $count
	done
	on 'all of it' c fill bar0 0 4096 1
	on 'and no byte more' fails c check bar0 0 4097 1
	on 'nor behind it' reads_nothing bar0 4096
	on 'musctl sees the same' musctl peek "$U" bar0+0.4
	on 'reset' c reset
	on 'a client that goes' client stop
	on 'and comes' client start
}

null_interrupts() {
	is_on 'four vectors' '2 count=4 eventfd maskable' c irq msix
	on 'of MSI-X' c set msix eventfd trigger 0 4 new new new new
	on 'get interrupts' musctl irq fire "$U" msix:3
	is_on 'each its own' 1 c wait msix 3
	on 'no other' c quiet msix 0
	on 'a client triggers itself' c set msix bool trigger 0 4 1 0 1 0
	is_on 'the first' 1 c wait msix 0
	is_on 'the third' 1 c wait msix 2
	on 'not the second' c quiet msix 1
	on 'MSI-X in configuration space' c write config 0x42 2 0x8000
	is_on 'whose table masks all' 0x00000001 c read bar2 0x2c 4
	for control in 0xc 0x1c 0x2c 0x3c; do
		on 'and unmasks one' c write bar2 $control 4 0
	done
	on 'the table masks a vector' c write bar2 0x1c 4 1
	is_on 'as is read back' 0x00000001 c read bar2 0x1c 4
	on 'it is fired' musctl irq fire "$U" msix:1
	on 'and waits' c quiet msix 1
	is_on 'as pending' 0x02 c read bar2 0x800 1
	on 'unmasked' c write bar2 0x1c 4 0
	is_on 'it comes' 1 c wait msix 1
	is_on 'and is pending no more' 0x00 c read bar2 0x800 1
	on 'all are masked' c write config 0x42 2 0xc000
	on 'one is fired' musctl irq fire "$U" msix:2
	on 'and waits' c quiet msix 2
	on 'unmasked' c write config 0x42 2 0x8000
	is_on 'it comes' 1 c wait msix 2
	on 'one loses its eventfd' c set msix eventfd trigger 2 1 -1
	on 'the others stay' musctl irq fire "$U" msix:3
	is_on 'and fire' 1 c wait msix 3
	on 'vectors that are not there' c ! EINVAL set msix eventfd trigger 3 2 new new
	on 'all are taken back' c set msix none trigger 0 0
}

check_null() {
	on 'null' start null
	on 'a client' client start
	on 'looks around' look null
	null_memory
	null_interrupts
	on 'the client goes' client stop
	on 'the device goes' musctl destroy "$U"
}

# ---- prober: memory of both sides ----------------------------------------------------------

ADDR=0x00 LEN=0x08 SEED=0x10 GO=0x18 RESULT=0x20 FIRE=0x50 LEVEL=0x58
FILL=1 CHECK=2 COPY_FILL=3 COPY_CHECK=4

# Its result is 0, or the errno.
does() { # OPERATION IOVA SIZE SEED [ERRNO]
	c write bar0 $ADDR 8 "$2" && c write bar0 $LEN 8 "$3" && c write bar0 $SEED 8 "$4" &&
		c write bar0 $GO 8 "$1" && does_result=$(c read bar0 $RESULT 8) || return
	[ $((does_result)) = "${5-0}" ] && return
	echo "result: $does_result"
	return 1
}

prober_mmap() {
	is_on 'memory that can be mapped' '2 size=0x10000 rwm area=0x1000+0xf000' c region bar2
	on 'is mapped' c mmap bar2 0x1000 0xf000
	on 'what is stored there' c mwrite bar2 0x3008 8 0x1122334455667788
	is_on 'is read' 0x1122334455667788 c read bar2 0x3008 8
	on 'and what is written' c fill bar2 0x4000 4096 3
	is_on 'is loaded' "$(c read bar2 0x4abc 4)" c mread bar2 0x4abc 4
	on 'the rest cannot be mapped' c ! EINVAL mmap bar2 0 0x1000
	on 'unmapped' c munmap bar2
}

prober_dma() {
	on 'client memory' c map 0x10000000 0x400000 memfd
	on 'is filled' c memfill 0x10000000 0x300000 1
	on 'and seen' does $CHECK 0x10000000 0x300000 1
	on 'the device fills it' does $FILL 0x10000000 0x300000 2
	on 'which is seen' c memcheck 0x10000000 0x300000 2
	on 'by copying' does $COPY_FILL 0x10200001 0x12345 3
	on 'as well' c memcheck 0x10200001 0x12345 3
	on 'both ways' does $COPY_CHECK 0x10200001 0x12345 3
	on 'behind the end there is nothing' does $FILL 0x103ffffc 8 0 2
	on 'it goes' c unmap 0x10000000 0x400000
	on 'and is gone' does $CHECK 0x10000000 0x1000 0 2
	on 'memory to be read' c map 0x20000000 0x200000 memfd r
	on 'is read' c memfill 0x20000000 0x2000 4
	on 'by the device' does $CHECK 0x20000000 0x2000 4
	on 'not written' does $FILL 0x20000000 0x1000 1 13
	on 'nor by copying' does $COPY_FILL 0x20000000 0x1000 1 13
	on 'it goes' c unmap 0x20000000 0x200000
}

prober_level() {
	on 'INTx' c set intx eventfd trigger 0 1 new
	on 'rises' c write bar0 $LEVEL 8 1
	is_on 'once' 1 c wait intx 0
	on 'and is masked' c quiet intx 0
	on 'unmasked' c set intx none unmask 0 1
	is_on 'it is up still' 1 c wait intx 0
	on 'it falls' c write bar0 $LEVEL 8 0
	on 'and unmasked' c set intx none unmask 0 1
	on 'it is quiet' c quiet intx 0
	on 'off' c set intx none trigger 0 0
	on 'MSI-X' c set msix eventfd trigger 0 4 new new new new
	on 'fires' c write bar0 $FIRE 8 2
	is_on 'one vector' 1 c wait msix 2
	on 'and no other' c quiet msix 1
}

check_prober() {
	on 'a libmuser program' start prober
	on 'a client' client start
	on 'looks around' look prober
	prober_mmap
	prober_dma
	prober_level
	on 'the client goes' client stop
	on 'the program ends in good order' stop_prober
}

ok 'the module is there' load muser
ok 'with the IOMMU that needs no hardware' load "$IOMMU"
for device in idio null prober; do
	for TRANSPORT in mdev vfio-user; do
		check_$device
	done
	ok "$device: all that is seen is the same on both" looks_alike $device
done
ok 'the module goes' rmmod muser
tap_end
