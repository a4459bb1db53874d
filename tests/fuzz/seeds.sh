#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Writes the seeds of the fuzzers: small inputs that mean something, in the encodings that the
# targets describe, two hexadecimal digits a byte. Run it after an encoding has changed.
set -euo pipefail
cd "$(dirname "$0")/corpus"

seed() { # TARGET/NAME HEX...
	local hex=${*:2} escaped='' i
	hex=${hex//[[:space:]]/}
	mkdir -p "${1%/*}"
	for ((i = 0; i < ${#hex}; i += 2)); do
		escaped+=\\x${hex:i:2}
	done
	printf '%b' "$escaped" >"$1"
}

text() { # TARGET/NAME TEXT, with printf's escapes
	mkdir -p "${1%/*}"
	printf '%b' "$2" >"$1"
}

# ---- fuzz_protocol: intro, then steps ------------------------------------------------

# Intros: 01 all capabilities, 02 a twin socket, 03 small messages, +08 by a listener, +10 traced.
map='05 03 00 81 84 80 00'      # DMA_MAP 0x1000, 0x4000 bytes, a sealed file
map_message='05 03 00 81 84 00 00'   # the same without a file
unmap='07 00 81 84 00 00'
read_raw='13 00 0000 04 00 00'  # REGION_READ of BAR0: offset, count
read_late='13 00 0001 04 00 00' # answered later
answer='89 00' complete='c7 00' poll='97 00'

seed fuzz_protocol/information 01 '09 02 00 00 00' '0b 21 00 00 00' '0b 21 02 00 00' \
	'0b 21 09 00 00' '0d 22 02 00 00' '0f 02 02 00 00' '1b 00 00'
seed fuzz_protocol/no-capabilities 00 "$read_raw" '15 00 0000 04 01020304 00 00'
seed fuzz_protocol/nothing 07 '80 00 00 10 0100010014000000 0000000000000000 00'
seed fuzz_protocol/regions 01 "$read_raw" '13 01 0000 04 00 00' '13 01 0200 02 00 00' \
	'13 02 0000 80 00 00' '13 04 0000 04 00 00' '15 04 0400 01 ff 00 00' \
	'13 05 0000 08 00 00' '13 06 0000 10 00 00' '15 06 0000 04 00000000 00 00' \
	'13 09 0000 04 00 00' '15 0a 0000 d0 55 00 00' '13 0a 0000 d0 00 00'
seed fuzz_protocol/large 01 '15 0a 0000 88 55 00 00' '13 0a 0000 88 00 00' \
	'13 0a 0000 89 00 00' '85 01' '13 0a 0000 88 00 00' '13 0a 0000 88 00 00' '85 00' "$poll"
seed fuzz_protocol/config 01 '15 07 0400 02 0704 00 00' '13 07 0000 82 00 00' \
	'15 07 1000 04 ffffffff 00 00' '15 07 9e00 02 00c0 00 00' '15 07 f000 04 01020304 00 00'
seed fuzz_protocol/interrupts 01 '11 0a 02 00 04 01 00' 'c1 00' 'c1 03' \
	'11 00 02 00 02 00 00' 'c1 00' '11 04 02 00 02 00 00' '11 05 02 00 02 01 00 00 00' \
	'15 04 0008 0c 000000000000000000000000 00 00' '15 04 0c08 04 01000000 00 00' 'c1 00' \
	'13 04 000c 08 00 00' '13 04 0008 10 00 00' '11 09 02 00 00 00 00'
seed fuzz_protocol/intx 11 '11 0a 00 00 01 00 00' '11 06 00 00 01 01 00' 'c5 01' 'c1 00' \
	'13 07 0600 02 00 00' '11 04 00 00 01 00 00' 'c5 00' '11 08 00 00 00 00 00'
seed fuzz_protocol/intx-endless 01 '11 0a 00 00 01 00 00' '11 06 00 00 01 00 00' 'c5 01' "$poll"
seed fuzz_protocol/intx-endless-mask 01 '11 0a 00 00 01 00 00' '11 02 00 00 01 01 00' \
	'11 06 00 00 01 01 00' 'c5 01' "$poll"
seed fuzz_protocol/msi 01 '15 07 8600 02 3100 00 00' '11 0a 01 00 04 00 00' 'c1 02' \
	'15 07 9400 04 04000000 00 00' 'c1 02' '13 07 9800 04 00 00' '15 07 9400 04 00000000 00 00'
seed fuzz_protocol/eventfds-full 01 '11 0a 02 00 01 c9 00' '11 02 02 00 01 c9 00' 'c1 00' 'c1 00'
seed fuzz_protocol/late-answers 01 "$read_late" "$read_raw" "$complete" \
	'15 00 0101 04 01020304 00 00' "$read_raw" 'c7 40' '15 00 0102 04 01020304 00 00' \
	'd3 18' '1b 00 00' "$complete" '13 01 0800 04 00 00' "$complete"
seed fuzz_protocol/posted 01 '15 00 0001 04 01020304 00 90' '15 00 0005 04 01020304 00 90' \
	'13 00 0000 04 00 90' "$read_raw"
seed fuzz_protocol/write-multi 01 '1f 03 00 0000 04 01020304 04 0000 04 05060708 05 0400 02 0910 00 00 00' \
	'1f 02 00 0001 04 01020304 00 0001 04 05060708 00 00 00' "$complete" "$complete" \
	'1f 02 00 0000 04 01020304 0b 0000 04 01020304 00 00 00'
seed fuzz_protocol/dma 11 "$map" 'cb 00' 'cb 01' 'c9 00' 'df f0' 'cb 01' "$unmap" 'cb 00'
seed fuzz_protocol/dma-held 01 "$map" 'cd 00' 'cd 01' 'd1 00' "$unmap" "$map" 'cf 00' 'cf 00' \
	"$map" 'd3 07' "$unmap" "$complete" '07 02 00 00 00 00'
seed fuzz_protocol/dma-message 03 "$map_message" 'c9 00' "$answer" "$answer" 'c9 01' "$answer" \
	'89 10' '13 00 0005 04 00 00' "$answer" "$answer" "$answer"
seed fuzz_protocol/dma-twin 12 "$map_message" 'c9 00' 'c9 01' "$answer" "$answer" 'cb 00' \
	'8b 00 10' 'cb 00' '13 00 0005 04 00 00' '8d 01'
seed fuzz_protocol/dma-truncated 01 '05 03 00 81 84 81 00' 'cb 00' '93 00' 'cb 00' 'cb 01'
seed fuzz_protocol/dma-chained 01 "$map_message" 'dd 03' 'df f0' 'c9 00' 'c9 00' 'c9 00' "$read_late" \
	"$answer" "$answer" "$answer" "$answer" "$answer" "$complete" "$answer"
seed fuzz_protocol/dma-overtakes 01 "$map_message" 'df f0' "$read_late" 'c9 00' 'c9 00' 'c9 00' 'c9 00' \
	"$read_raw" "$answer" '13 0a 0000 88 00 00' "$answer" "$read_raw" "$answer" "$answer" "$complete"
seed fuzz_protocol/dma-strict 21 "$map" '05 03 84 85 84 80 00' 'cb 00' "$unmap"
seed fuzz_protocol/in-pieces 01 '85 03' '84 01' '85 01' "$map" "$read_raw" '11 0a 02 00 04 01 00'
seed fuzz_protocol/next-client 09 "$map" 'cd 00' '11 0a 02 00 04 01 00' '91 01' "$map" 'cf 00' \
	'91 80' '91 02' "$read_raw"
seed fuzz_protocol/hangs-up 01 "$read_late" '8d 00' "$complete"
seed fuzz_protocol/stays-mute 01 '87 01' '13 0a 0000 88 00 00' '13 0a 0000 88 00 00' \
	'13 0a 0000 88 00 00' "$read_late" "$read_raw" '87 00' "$complete"
seed fuzz_protocol/features 01 '21 08 0800000001000200 00 00' '23 04 00000000 00 00' \
	'25 04 00000000 00 00' '17 10 00100000000000000400000000000000 00 00'
seed fuzz_protocol/timer 01 "$map_message" 'df 41' 'db 01' "$poll" "$poll" "$poll"

# ---- fuzz_config: words of offset and how --------------------------------------------

seed fuzz_config/bars '1020 ffffffff' '1420 ffffffff' '1820 ffffffffffffffff' '3020 ffffffff'
seed fuzz_config/command '0410 0704' '0410 0000' '0610 ffff'
seed fuzz_config/capabilities '8610 7100' '9420 ffffffff' '9e10 00c0' '4410 0300' '5010 0080'
seed fuzz_config/extended '04e0 05' '0021 ffffffff' '0081 3f' '40e1 04 01'
seed fuzz_config/everywhere '0080 3f ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' \
	'4080 3f ffffffffffffffffffffffffffffffff' 'f080 3f 0000'

# ---- fuzz_state: mode, preparation, an act, edits ------------------------------------

seed fuzz_state/own 00 '03 01 00 0400 01 0704000000000000 01 01 0000 02 11223344 00000000 00 00' 00 00
seed fuzz_state/changed 00 '01 01 02 0000 02 1122334455667788' 00 00 '07 00 0400 01' '07 01 0000 ff' \
	'05 03 07 02'
seed fuzz_state/sections 00 00 00 00 '01 00' '06 01' '00 00 04 00 10 00000000000000001111111111111111' \
	'02 02 05' '03 01 07' '04 00 09'
seed fuzz_state/raw 01 '4d55535441544531 01000000 00000000 3412 7856 0000 0000 2000000000000000'

# ---- fuzz_dma: flags, then steps -----------------------------------------------------

seed fuzz_dma/map-and-copy 00 '03 01 00 04' '41 01 81 00' '81 00' '80 00' '27 '
seed fuzz_dma/held 00 '03 01 00 04' '41 01 81 00' '62 00' '20 01 04' '81 00' 'a1 00' '63 00'
seed fuzz_dma/client-leaves 00 '03 01 00 04' '41 01 81 00' '62 00' 'ff' 'e8 00 00' 'a1 00'
seed fuzz_dma/callbacks-wait 00 '07 01 00 01 08' '28 00 10' 'e0 00' 'e0 00' 'e0 00'
seed fuzz_dma/truncated 00 '03 01 01 10' '41 01 90 00' '63 00' 'c1 02' 'e8 00 81' '80 00' 'c1 20' \
	'80 00'
seed fuzz_dma/many 00 '07 00 04 01 ff' '07 e0 00 01 ff' '57 00 ff 00' '27' '03 00 04 01'
seed fuzz_dma/grows 01 '03 01 00 04' 'c0 30' '03 20 90 10' '41 20 81 00' '81 00' '63 00'
seed fuzz_dma/forged 00 '03 01 00 04' '41 01 81 00' 'f1 00 ff' '62 00' 'f4 00 81' '81 00'

# ---- fuzz_ring: file, header, steps --------------------------------------------------

seed fuzz_ring/records 00 06 '00 05 01 80' '80' '81' '00 40 02 80' 'e0'
seed fuzz_ring/counter 01 0e '00 03 01 80' 'e0' 'ff'
seed fuzz_ring/overtaken 00 02 '00 4f 01 80' 'e0' '03 ff' 'e0' '04 81' 'e0'
seed fuzz_ring/sparse e0 16 14 '00 05 01 80' 'e0'
seed fuzz_ring/other-shape 80 0080 46 01 08 f8 00

# ---- fuzz_client: intro, the answer to VERSION, steps --------------------------------

version='00 00 00 00 00 00 00' # how, offer of none, descriptors, changes
seed fuzz_client/describe 00 "$version" '00 00 00 00 00 00 00' '01 00 00 00 00 00 42 00' \
	'02 00 00 02 00 c2 00' '03 00 00 00 00 00 00'
seed fuzz_client/access 00 "$version" '04 20 00 00 00 00 00 00' '05 20 00 00 00 00 00 00' \
	'06 00 00 03 00 00 03' '45 c0 00 00 00 00 00'
seed fuzz_client/queue 00 "$version" '80 10 00 00 00 00 00 00 00' '80 91 20 00 00 00 00 00' 'c1 01' \
	'c5 05' 'c2'
seed fuzz_client/irqs-and-dma 00 "$version" '07 00 00 00 00 00 0a 04' '08 00 00 00 00 00 0b' \
	'09 00 00 00 00 00 00' '0a 00 00 00 00 00' '0b 00 00 08 00 00 20 01'
seed fuzz_client/served 04 '02 01 00 00 00 00' 'e2 01 10 08 00 00' 'e4 00 10 08 00 00' 'c5 05' 'e7' \
	'04 20 00 00 00 00 00 00'

# ---- fuzz_control: calls, texts, steps -----------------------------------------------

seed fuzz_control/look '01 00' '03 00 0800' '05 00' '07 00 00 05' '09 00' '0b 00' '9f 03' '07 00 00 05'
seed fuzz_control/access '0d 00 00 00 04' '0d 00 00 01 04' 'c7 00' '0f 00 00 00 04 05' \
	'11 00 00 00 04 05 06' '0d 00 09 00 0c'
seed fuzz_control/properties '13 00 00' '13 00 01' '13 00 03' '15 00 00 03 616263' '15 00 05 01 61'
seed fuzz_control/interrupts '19 00 00 00' '1b 00 01' '1d 00 02 01 01' '19 00 02 01' '17 00'
seed fuzz_control/trace '1f 08' '0d 20 00 00 04' '85 00' '1f 04' '1f 10'
seed fuzz_control/monitor '21 02' '8f 07' 'd9 01' '17 20' '21 62' '8f 07' '85 00'
seed fuzz_control/late '0d 00 00 4c 04' '0d 20 00 4c 04' '85 00' 'c7 00' 'd3 08' '17 00' 'c7 00'
seed fuzz_control/in-pieces '0b 80 03' '05 84 01' '87 00' '8b 00'
seed fuzz_control/stop '21 22' '23 00'
text fuzz_control/text '\x81\x00\x2e{"method":"org.muser.control.Show","more":true}\0\0'

# ---- texts ---------------------------------------------------------------------------

text fuzz_json/object '{"text":"a\\u00e9\\n","number":12,"hex":"0x1f","flag":true,"object":{"x":[1,null]}}'
text fuzz_json/offer '{"capabilities":{"max_msg_fds":16,"twin_socket":{"supported":true}}}'
text fuzz_json/deep '[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]'
text fuzz_json/numbers '[0,-1,9223372036854775807,9223372036854775808,1.5,1e9]'

text fuzz_cli/values '\x00\x00\n0x1f\n12\n1.5\n0660\n.5\nbar0\nmsix\nregion12'
text fuzz_cli/peek '\x02\x08map\nbar0+0\nbar0+4.L\nCTRL\nctrl.mode\nconfig+0.2\nVENDOR_ID\nLONG.TOP'
text fuzz_cli/poke '\x04\x00map\nbar0+4=1f\nCTRL.MODE=2\nbar0+8.2=ff:0f\nLONG=ffffffffffffffff'
text fuzz_cli/filter '\x07\x00map\nbar0,write\n!dma,!irq\nreg=CT*\nerror,control\0'
text fuzz_cli/rows '\x06\x08map\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\1\0\0\0\0\0\0\0\4\0\0\0\4\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
text fuzz_cli/result-has-no-positive '\x06\x01map\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\1\0\0\0\0\0\0\0\4\0\0\0\4\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\0\0\0\200\0\0\0\0\0\0\0\0\0\0\0\0'
text fuzz_cli/empty-word '\x00\x00\n\n\n'
text fuzz_cli/json '\x02\x01[{"region":1,"name":"A","offset":"0x0","width":3,"fields":[{"name":"F","shift":2,"bits":9}]}]\nA.F\nA'

# ---- fuzz_nvme: steps -----------------------------------------------------------------

# A pair of queues: Create CQ, Create SQ. Commands: their byte, addresses, fields, no change, cid.
cq='03 04 20 0f 00 01' sq='03 01 20 00 02' enabled='07 1e'
seed fuzz_nvme/queues "$cq" "$sq" '00 01 20 00 00 07 00 03' '00 02 21 00 00 07 00 04' "$enabled"
seed fuzz_nvme/slow "$cq" "$sq" '00 01 60 61 00 0f 00 03' '00 02 62 63 00 0f 00 04'
seed fuzz_nvme/list "$cq" "$sq" '05 0050 00 22' '05 0150 00 23' '00 01 20 28 00 3f 00 03'
seed fuzz_nvme/sgl "$cq" "$sq" '05 0050 05 22' '00 09 28 00 1000 30 00 00 00 03'
seed fuzz_nvme/admin '03 05 20 01 00 00 01' '03 02 20 02 7f 00 00 02' '03 08 20 07 00 0000 00 03' \
	'03 09 20 00 00 0000 00 04' '07 05' '07 04' '03 0a 20 01 01 00 05'
seed fuzz_nvme/hold "$cq" "$sq" '07 10' '00 01 20 00 00 07 00 03' '06 d0 00' '07 02' '07 0b' "$enabled"
seed fuzz_nvme/state "$cq" "$sq" '07 10' '00 02 20 00 00 07 00 03' '07 0c 00000000 00' '07 02'

# ---- fuzz_guest: type, an option each, steps ------------------------------------------

# Registers by their index: a number, or an address of memory; 64 bytes of it, a word of them.
zeros=00000000000000000000000000000000000000000000000000
begin='00 00 10 01 00' run='00 00 0b 00 1d' completion='00 00 11 01 3f'
count() { printf '00 00 0e 00 %s' "$1"; }
seed fuzz_guest/ioat-copy 07 00 "05 00 e2 00 00010000 09000000 0020100000000000 0040200000000000 0000100000000000 $zeros" \
	"$run" "$completion" "$begin" "$(count 02)" '03 00 0f' "$(count ff)" '07 06'
seed fuzz_guest/ioat-endless 07 01 "05 00 e2 00 00001000 09000000 0000100000000000 0000300000000000 0000100000000000 $zeros" \
	"$begin" '00 00 0e 00 ff ffff' '00 00 0d 00 04' '00 00 0d 00 10' '07 18' '00 00 0d 00 20' '07 08'
seed fuzz_guest/ioat-raid 07 01 "05 00 e2 00 00100000 89000089 0020100000000000 0040200000000000 4000100000000000 $zeros" \
	"05 01 e2 00 00100000 00000000 0020100000000000 0040200000000000 8000100000000000 $zeros" \
	"05 02 e2 00 00100000 40000088 0020100000000000 0040200000000000 8000100000000000 $zeros" \
	"$run" "$completion" "$begin" "$(count 04)" '00 00 13 00 ff' "$begin" "$(count 01)"
seed fuzz_guest/edu 02 0f '00 00 07 01 00' '00 00 08 01 c0 00' '00 00 09 00 40' '00 00 0a 00 05' '00 00 02 00 05' '07 06'
seed fuzz_guest/watchdog 05 '00 07 01 00 03' '00 00 03 00 80' '00 00 03 00 86' '00 00 00 00 01' '03 00 02' '07 07 00000000 00'
seed fuzz_guest/serial 06 00 '00 00 04 00 0b' '00 00 01 00 0f' '00 00 00 00 41' '07 0c 0501 68656c6c6f 00' '03 00 00' '07 0d 07 01'
seed fuzz_guest/gpio 00 '07 0d 00 ff' '03 02 02' '00 02 00 00 55' '07 0b 04' '07 0d 80 41'
seed fuzz_guest/pvpanic 03 07 '00 00 00 00 07' '03 00 00' '07 09'
# The options of testdev: vectors. BAR0 is region 0, BAR1 1.
seed fuzz_guest/testdev-dma 08 00 '00 00 0d 01 00' '00 00 0e 00 10' '00 00 11 00 01' '00 00 11 00 0a' '00 00 11 00 03' \
	'00 00 0e 00 08' '00 00 11 00 0c' '00 00 11 00 05' '07 01' '00 00 11 00 06' '07 09'
seed fuzz_guest/testdev-faults 08 ff '00 01 03 00 2f' '00 01 05 00 10' '00 01 06 00 01' '03 01 01' '03 01 01' '07 06' '07 01' \
	'00 01 07 00 05' '03 01 00' '00 00 11 00 03' '04 0a 00 10000000 03 1122334455667788'
seed fuzz_guest/testdev-irqs 08 00 '07 0b 07' '00 00 08 00 ff 0300ff07' '00 00 09 00 01' '00 00 0a 00 03' '00 00 14 00 01' \
	'00 00 15 00 01' '07 0d 07 41'
