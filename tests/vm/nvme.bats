#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# bats file_tags=vm
#
# A stock Debian kernel with its stock nvme driver on nvme devices, in a QEMU with vfio-user. Owns
# what only a real guest can show; the controller is tested in tests/unit, its type in tests/devices.
# Refuses to skip: without QEMU or a kernel it fails, and says what is missing.
#
# All but the last share one guest. Its controllers, by their serial numbers: "one", whose namespace is
# a file on the host; "two", in memory, by MSI, to be unplugged; "hot", whose namespaces come and go;
# one of keys and values; "ours" and QEMU's own, "theirs", to be compared. make check-nvme does the same at length: NVME_TREE (MiB, 16),
# NVME_PLUGS (1), NVME_FIO (arguments of fio); GUEST_KERNEL= for another kernel.
# shellcheck disable=SC2016 # scripts for the guest are not for this shell to expand

# shellcheck source-path=SCRIPTDIR source=guest.sh
source "$BATS_TEST_DIRNAME/guest.sh"

setup_file() {
	export MUSCTL=${MUSCTL:-$BATS_TEST_DIRNAME/../../build/release/musctl}
	export MUSER_RUNTIME_DIR=$BATS_FILE_TMPDIR/run
	mkdir -m 700 "$MUSER_RUNTIME_DIR"
	export GUEST_DIR=$BATS_FILE_TMPDIR/guest GUEST_MEM=1G GUEST_APPEND=hugepages=1
	local programs=${MUSCTL%/*}/tests/vm fetch=$BATS_TEST_DIRNAME/fetch-tool.sh
	guest_prepare nvme ext4 crc32c_generic "$BATS_TEST_DIRNAME/guest-disk" \
		"$("$fetch" nvme-cli nvme)" "$("$fetch" e2fsprogs mkfs.ext4 e2fsck)" \
		"$("$fetch" fio fio)" "$programs/nvme_oracle"
	truncate -s 64M "$BATS_FILE_TMPDIR/theirs"
	ONE=$("$MUSCTL" create nvme -O backend=file -O path="$BATS_FILE_TMPDIR/disk" -O size=640M \
		-O serial=one)
	TWO=$("$MUSCTL" create nvme -O size=64M -O serial=two -O interrupts=msi)
	HOT=$("$MUSCTL" exec -O sizes=32 "$programs/nvme_hot")
	KV=$("$MUSCTL" exec "$programs/kv")
	OURS=$("$MUSCTL" create nvme -O size=64M -O serial=ours)
	export ONE TWO HOT KV OURS
	# -p: each behind a port, device0 is "one"
	guest_start -p -x "-drive if=none,id=theirs,format=raw,file=$BATS_FILE_TMPDIR/theirs" \
		-x '-device nvme,serial=theirs,drive=theirs' "$(socket_of "$ONE")" \
		"$(socket_of "$TWO")" "$(socket_of "$HOT")" "$(socket_of "$KV")" "$(socket_of "$OURS")"
	guest_wait_boot
	guest_run 'load nvme && load crc32c_generic && load ext4 && mkdir /mnt'
}

teardown_file() {
	guest_stop
	"$MUSCTL" destroy "$ONE" "$TWO" "$HOT" "$KV" "$OURS" || true
}

teardown() {
	if [[ $BATS_TEST_COMPLETED != 1 ]]; then
		printf 'output: %s\n' "${output-}"
		guest_console | tail -n 15
	fi
	if [[ -n ${OWN-} ]]; then
		guest_stop
		"$MUSCTL" destroy "$OWN" || true
	fi
}

socket_of() { # UUID
	printf '%s/%s/vfio-user.sock\n' "$MUSER_RUNTIME_DIR" "$1"
}

nvme_run() { # SCRIPT: with the words of guest-disk
	guest_run ". guest-disk; set -e; $1"
}

has_state() { # UUID STATE
	[ "$("$MUSCTL" list -nro STATE "$1")" = "$2" ]
}

@test "the stock driver binds and finds the namespaces" {
	run nvme_run 'for serial in one two hot; do disk $serial; done; has_size one 1 1310720; is_live one'
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
}

@test "interrupts come by MSI-X, or by MSI" {
	run nvme_run 'cat /sys/bus/pci/devices/$(function_of one)/msi_irqs/* | uniq
		cat /sys/bus/pci/devices/$(function_of two)/msi_irqs/* | uniq
		grep "PCI-MSI.*$(controller one)q1" /proc/interrupts'
	[ "${lines[0]}" = msix ]
	[ "${lines[1]}" = msi ]
	[[ ${lines[2]} == *q1* ]]
}

@test "what is written is read back" {
	nvme_run 'compare $(disk one)'
	nvme_run 'compare $(disk two)'
}

@test "what the guest has flushed is in the file" {
	nvme_run 'printf "found on the host" >/tmp/text
		dd if=/tmp/text of=$(disk one) bs=512 seek=11 conv=fsync,sync 2>/dev/null'
	[ "$(dd if="$BATS_FILE_TMPDIR/disk" bs=512 skip=11 count=1 status=none | head -c 17)" = "found on the host" ]
}

@test "nvme-cli: list, id-ctrl, id-ns, smart-log, error-log" {
	run nvme_run 'disk one
		nvme list
		nvme id-ctrl /dev/$(controller one)
		nvme id-ns $(disk one)
		nvme smart-log /dev/$(controller one)
		nvme error-log /dev/$(controller one) | head -n 1'
	[ "$status" -eq 0 ]
	tr -s ' ' <<<"$output" |
		grep -q "^${lines[0]} .* one muser NVMe 1 671.09 MB / 671.09 MB 512 B + 0 B"
	grep -qx 'ver       : 0x20000' <<<"$output"
	grep -qx 'nsze    : 0x140000' <<<"$output"
	grep -qE '^host_write_commands\s*: [1-9]' <<<"$output"
	grep -qE '^available_spare\s*: 100%' <<<"$output"
	[[ $output == *"Error Log Entries for device:nvme"* ]]
}

@test "nvme-cli: format changes the block size, and empties" {
	run nvme_run 'compare $(disk two)
		for lbaf in 1 0; do
			nvme format $(disk two) --lbaf=$lbaf --force
			cat /sys/block/$(named two 1)/queue/logical_block_size
		done
		cmp -n 4194304 $(disk two) /dev/zero'
	[ "$status" -eq 0 ]
	[[ $output == *$'\n4096\n'*$'\n512' ]]
}

@test "fio: what is written at depth 32 is read back" {
	nvme_run "verify \$(disk two) ${NVME_FIO:---size=16M}"
}

@test "ext4: a tree that is copied in parallel has its contents" {
	run nvme_run "mkfs.ext4 -q \$(disk one) && mount -t ext4 \$(disk one) /mnt
		tree_make /mnt/from ${NVME_TREE:-16} >/tmp/sums
		tree_copy /mnt/from /mnt/to
		tree_check /mnt/from /tmp/sums && tree_check /mnt/to /tmp/sums"
	[ "$status" -eq 0 ]
	[ "$output" = "${NVME_TREE:-16}"$'\n'"${NVME_TREE:-16}" ]
}

@test "fstrim: what a file system does not use, the file on the host does not keep" {
	local before after
	before=$(stat -c %b "$BATS_FILE_TMPDIR/disk")
	nvme_run 'rm -r /mnt/to && sync && fstrim /mnt'
	after=$(stat -c %b "$BATS_FILE_TMPDIR/disk")
	echo "$before blocks, then $after"
	((before - after > ${NVME_TREE:-16} * 2048 * 8 / 10))
	nvme_run 'tree_check /mnt/from /tmp/sums'
}

@test "the controller is reset while a file system works" {
	run nvme_run 'tree_copy /mnt/from /mnt/to &
		verify /mnt/verify --size=64M >/tmp/verify &
		reset_while $! one 4
		wait $!
		wait
		tree_check /mnt/to /tmp/sums'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" -eq 4 ]
}

@test "the driver is unbound and bound again" {
	nvme_run 'function=$(function_of two)
		echo $function >/sys/bus/pci/drivers/nvme/unbind
		! controller two
		echo $function >/sys/bus/pci/drivers/nvme/bind
		compare $(disk two)'
}

@test "the function is removed and found again" {
	nvme_run 'echo 1 >/sys/bus/pci/devices/$(function_of two)/remove
		! controller two
		echo 1 >/sys/bus/pci/rescan
		compare $(disk two)'
}

@test "the device is unplugged and plugged" {
	local i
	for ((i = 0; i < ${NVME_PLUGS:-1}; i++)); do
		guest_qmp '{"execute":"device_del","arguments":{"id":"device1"}}'
		eventually has_state "$TWO" waiting
		nvme_run '! controller two'
		guest_qmp '{"execute":"device_add","arguments":{"driver":"vfio-user-pci","id":"device1",
			"bus":"port1","socket":{"type":"unix","path":"'"$(socket_of "$TWO")"'"}}}'
		nvme_run 'compare $(disk two)'
	done
}

@test "namespaces come, grow and go beside one that is mounted" {
	nvme_run 'mkfs.ext4 -q $(disk hot) && mkdir /mnt/hot && mount -t ext4 $(disk hot) /mnt/hot
		tree_make /mnt/hot/from 8 >/tmp/hot'
	"$MUSCTL" set "$HOT" sizes=32,16
	nvme_run 'compare $(disk hot 2); has_size hot 2 32768'
	"$MUSCTL" set "$HOT" sizes=32,24
	nvme_run 'eventually has_size hot 2 49152; cmp -n 4194304 /tmp/a /tmp/b'
	"$MUSCTL" set "$HOT" sizes=32,0,8
	nvme_run 'compare $(disk hot 3); eventually eval "! is_disk hot 2"
		tree_check /mnt/hot/from /tmp/hot && umount /mnt/hot && e2fsck -fn $(disk hot)'
}

# Store, Retrieve, Exist, Delete; a key of five bytes.
@test "keys and values by passthrough, through the generic character device" {
	run nvme_run 'ng=/dev/$(ls /sys/class/nvme-generic | grep "^ng$(basename "$(grep -l "^muser key value" \
			/sys/class/nvme/*/model | xargs dirname)" | tr -d a-z)n1")
		kv() { # OPCODE [ARGUMENT]...
			opcode=$1 && shift
			nvme io-passthru $ng --namespace-id=1 --opcode=$opcode --cdw11=5 \
				--cdw2=0x6c6c6568 --cdw3=0x6f "$@" 2>&1
		}
		echo "a value of a key" >/tmp/value
		kv 0x14 && false || true
		kv 1 --cdw10=17 --data-len=17 --write --input-file=/tmp/value
		kv 0x14
		kv 2 --cdw10=17 --data-len=17 --read --raw-binary
		kv 0x10
		kv 2 --cdw10=17 --data-len=17 --read && false || true'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'a value of a key'* ]]
	[ "$(grep -c 'Success' <<<"$output")" -eq 4 ]
	[ "$(grep -c '(0x6087)' <<<"$output")" -eq 2 ] # LM_NVME_KEY_NOT_FOUND
}

# The doorbell, the command, its data, its completion, the interrupt: of the superblock.
@test "a trace of a mount reads as a story" {
	nvme_run 'mkfs.ext4 -q $(disk two) && mkdir /mnt/two && forget'
	"$MUSCTL" trace -J "$TWO" >"$BATS_TEST_TMPDIR/trace" 2>&1 3>&- &
	until grep -q muser-trace "/proc/$!/maps"; do sleep 0.1; done
	nvme_run 'mount -t ext4 $(disk two) /mnt/two && umount /mnt/two'
	eventually grep -q 'Write nsid=1 slba=2 nlb=2 ' "$BATS_TEST_TMPDIR/trace"
	kill %1
	wait %1 || true
	jq -r '[.kind, .region, .register, .details] | map(select(.)) | join(" ")' \
		"$BATS_TEST_TMPDIR/trace" | sed 's/cid=[0-9]*/cid=N/; s/0x[0-9a-f]*00$/ADDRESS/' |
		tee "$BATS_TEST_TMPDIR/rows"
	diff - <(grep -m 1 -B 1 -A 3 '^note Read nsid=1 slba=2 nlb=2 ' "$BATS_TEST_TMPDIR/rows") <<-STORY
		write bar0 SQTDBL1
		note Read nsid=1 slba=2 nlb=2 cid=N sq=1
		note Read cid=N sq=1: 1024 bytes to ADDRESS
		note Read cid=N sq=1: done
		irq-fire msi
	STORY
}

@test "the file system is clean" {
	nvme_run 'tree_check /mnt/from /tmp/sums && tree_check /mnt/to /tmp/sums
		umount /mnt && e2fsck -fn $(disk one)'
}

@test "the kernel had nothing to complain about" {
	guest_check_dmesg
	run guest_run 'dmesg | grep -iE "nvme.*(error|timeout|abort|invalid|fail)|EXT4-fs.*(error|warning)"'
	[ "$output" = "" ]
}

@test "each command has the status that it has with QEMU's nvme, or there is a reason" {
	nvme_run 'for serial in ours theirs; do
			disk $serial
			function_of $serial >>/tmp/functions
			function_of $serial >/sys/bus/pci/drivers/nvme/unbind
		done
		nvme_oracle -d $(cat /tmp/functions)' >"$BATS_TEST_TMPDIR/differences"
	"$GUEST_QEMU" --version | head -n 1
	run awk -f "$BATS_TEST_DIRNAME/nvme_oracle.awk" "$BATS_TEST_DIRNAME/nvme_oracle.txt" \
		<(grep -v ^/dev "$BATS_TEST_TMPDIR/differences")
	[ "$output" = "" ]
	[ "$(awk '/ commands$/ { print $1 }' "$BATS_TEST_TMPDIR/differences")" -gt 5000 ]
}

@test "the disk is there after the guest has rebooted" {
	guest_reboot
	nvme_run 'load nvme && compare $(disk one)'
}

@test "anonymous guest RAM will do" {
	OWN=$("$MUSCTL" create nvme -O size=64M -O serial=own)
	GUEST_DIR=$BATS_TEST_TMPDIR/guest
	mkdir "$GUEST_DIR"
	guest_start -a "$(socket_of "$OWN")"
	guest_wait_boot
	nvme_run 'load nvme && compare $(disk own)'
	guest_check_dmesg
}
