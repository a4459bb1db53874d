# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Servers that are killed at random moments under a client that goes on: run by kmod.sh -n.
# Owns: that a client never hangs; that with policy wait nothing fails or is wrong, and what is
# done twice comes flagged; that with policy fail an access fails, and no other way than by EIO;
# that no page stays pinned. KILLS and SEED are from the environment or the VM's command line
# (GUEST_APPEND='KILLS=100 SEED=1').
# Refuses to wait until a server is ready: one in three is killed while it starts.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

mkdir -p /tmp/run
export MUSER_RUNTIME_DIR=/tmp/run
KILLS=${KILLS:-20}
SEED=${SEED:-$(date +%s)}
U=$(uuid_nr 1)
nr_kills=0
groups=6 # of kills that are left

# "MICROSECONDS WAITS": after its start, or after it was ready if WAITS.
awk -v seed="$SEED" -v n="$KILLS" 'BEGIN {
	srand(seed)
	while (n-- > 0)
		printf "%d %d\n", rand() * 400000, (rand() * 3 >= 1)
}' </dev/null >/tmp/moments
exec 8</tmp/moments

begin_server() { # null|idio|raw|visited
	case $1 in
	null) musctl run null -T mdev -u "$U" >/tmp/server.log 2>&1 8<&- & ;;
	idio) musctl run gpio-idio16 -T mdev -u "$U" -O loopback=1 -O pattern=toggle3 \
		>/tmp/server.log 2>&1 8<&- & ;;
	raw | visited) raw_server "$U" -x -r -t 2 >/tmp/server.log 2>&1 8<&- & ;;
	esac
	server=$!
}

is_ready() {
	until_true is_attribute "$U" state ready || { cat /tmp/server.log && return 1; }
}

none_is_pinned() {
	until_true is_attribute "$U" pinned_pages 0
}

# The file is closed when its process has ended: nothing is left to wait for.
end_server() {
	kill -9 "$server"
	wait "$server" 2>/dev/null
	is_attribute "$U" state no-server || { echo "state: $(attribute "$U" state)" && return 1; }
	none_is_pinned
}

kill_servers() { # DEVICE TIMES
	killing=0
	while [ $((killing += 1)) -le "$2" ]; do
		read -r delay waits <&8 || return
		begin_server "$1"
		[ "$waits" = 0 ] || is_ready || return
		usleep "$delay"
		end_server || return
		kill -0 "$client" || { echo 'the client has gone' && return 1; }
		nr_kills=$((nr_kills + 1))
	done
}

# Clients that come, have memory filled (9: PIN_FILL of raw_server) and an interrupt fired, and go
# with both. Says what "endure" of vfio_client does.
visit() {
	trap 'enough=1' TERM
	enough='' visits=0
	until [ "$enough" ]; do
		timeout -s KILL "$TAP_SECONDS" vfio_client "$U" \
			set msix eventfd trigger 0 2 new new , map 0x4000000 0x20000 memfd , \
			write bar0 0xf08 8 0x4000000 , write bar0 0xf10 8 0x1f000 , \
			write bar0 0xf18 8 $visits , write bar0 0xf20 8 9 , \
			memcheck 0x4000000 0x1f000 $visits , reset , \
			write bar0 0xf00 8 0x20001 , wait msix 1 >/tmp/visited || {
			echo "failed=1 wrong=1"
			return 1
		}
		visits=$((visits + 1))
	done
	echo "good=$visits failed=0 wrong=0"
}

begin_client() { # DEVICE POLICY
	if [ "$1" = visited ]; then
		visit
	else
		exec vfio_client "$U" endure "$1" "$2"
	fi >/tmp/endured 2>&1 8<&-
}

# What the client says is in /tmp/endured.
endure() { # DEVICE TIMES POLICY
	begin_server "$1"
	is_ready || return
	begin_client "$1" "$3" &
	client=$!
	usleep 500000
	end_server || return
	kill_servers "$1" "$2"
	endure_status=$?
	begin_server "$1"
	is_ready || endure_status=1
	usleep 500000
	kill "$client" || endure_status=1
	wait "$client" || endure_status=1
	end_server || endure_status=1
	cat /tmp/endured
	return $endure_status
}

endured() { # NAME: a number of the client's
	sed -n "s/.*\<$1=\([0-9]*\).*/\1/p" /tmp/endured
}

said() { # of each, for those who look for the reason, or for numbers
	sed 's/^/# /' /tmp/endured
}

killed_under() { # DEVICE POLICY
	share=$(((KILLS - nr_kills) / groups))
	groups=$((groups - 1))
	ok "$1, $2: an mdev" mdev_create "$U"
	ok "$1, $2: the policy" sh -c "echo $2 >/sys/bus/mdev/devices/$U/policy"
	ok "$1, $2: $share servers are killed, and nothing is wrong" endure "$1" $share "$2"
	said
	is "$1, $2: nothing is wrong" 0 endured wrong
	ok "$1, $2: the client was served" test "$(endured good)" -gt "$share"
}

killed_with_wait() { # DEVICE
	killed_under "$1" wait
	is "$1: nothing has failed" 0 endured failed
}

echo "# KILLS=$KILLS SEED=$SEED"
ok 'the module is there' load muser
ok 'with the IOMMU that needs no hardware' load "$IOMMU"

killed_with_wait null
ok 'null: the mdev goes' mdev_remove "$U"
killed_with_wait raw
ok 'raw: what was done twice came flagged' test "$(endured twice)" -le "$(endured flagged)"
# Its counters take their time, so that this many kills hit them.
[ $share -lt 15 ] || ok 'raw: and some was done twice' test "$(endured twice)" -gt 0
ok 'raw: the mdev goes' mdev_remove "$U"
killed_with_wait visited
ok 'visited: the mdev goes' mdev_remove "$U"
killed_with_wait idio
ok 'idio: a read that was not answered is done again, no other' \
	test "$(endured skipped)" -le $((share + 1))
ok 'idio: the mdev goes' mdev_remove "$U"
killed_under null fail
ok 'null: accesses fail' test "$(endured failed)" -gt 0
ok 'null: the mdev goes' mdev_remove "$U"
killed_under raw fail
ok 'raw: accesses fail' test "$(endured failed)" -gt 0
is 'raw: nothing comes again' 0 endured flagged
ok 'raw: the mdev goes' mdev_remove "$U"
is 'so many were killed' "$KILLS" echo "$nr_kills"

# ---- servers that do not come back ---------------------------------------------------------

# A client that waits for a server that was killed.
abandoned() { # raw_server's OPTION...
	mdev_create "$U" && echo wait >"/sys/bus/mdev/devices/$U/policy" && serve "$U" -x "$@" &&
		client_start "$U" && c write bar0 8 8 1 && stop_server && c_send read bar0 8 8 &&
		usleep 500000
}

is_outstanding() { # NUMBER
	until_true is_attribute "$U" outstanding "$1"
}

client_is_gone() {
	kill -9 "$client"
	wait "$client"
	exec 5>&- 6<&-
	is_outstanding 0
}

answer_is() { # ERROR
	c_answer >/tmp/answer
	[ "$(head -n 1 /tmp/answer)" = "error $1" ] || { cat /tmp/answer && return 1; }
}

ok 'a client waits for a server that was killed' abandoned -r
ok 'one access' is_outstanding 1
ok 'it can be killed' client_is_gone
ok 'and the mdev goes' mdev_remove "$U"
ok 'one that waits' abandoned -r
ok 'need not, by policy' sh -c "echo fail >/sys/bus/mdev/devices/$U/policy"
ok 'from that moment' answer_is EIO
ok 'it goes' client_stop
ok 'and so does the mdev' mdev_remove "$U"
ok 'one that waits' abandoned -r
ok 'has patience' sh -c "echo 300 >/sys/bus/mdev/devices/$U/timeout_ms"
ok 'a server comes' serve "$U" -x -r
ok 'and answers' c_answer
stop_server
ok 'the next time' c_send read bar0 8 8
ok 'it has none' answer_is ETIMEDOUT
ok 'nor the time after that' c_send read bar0 8 8
ok 'has it any' answer_is ETIMEDOUT
ok 'it goes' client_stop
ok 'and so does the mdev' mdev_remove "$U"
ok 'a server that hangs, and may be replaced' abandoned -r
ok 'comes' serve "$U" -x -r
ok 'answers' c_answer
ok 'half a second for an answer' sh -c "echo 500 >/sys/bus/mdev/devices/$U/timeout_ms"
kill -STOP $server
ok 'and hangs' c ! ETIMEDOUT read bar0 8 8
is 'as is seen' hung attribute "$U" state
ok 'ten minutes' sh -c "echo 600000 >/sys/bus/mdev/devices/$U/timeout_ms"
ok 'are waited for it' c_send read bar0 8 8
ok 'or for another one' is_outstanding 1
stop_server
ok 'which comes' serve "$U" -x -r
ok 'and answers' c_answer
ok 'its client goes' client_stop
stop_server
ok 'and so does the mdev' mdev_remove "$U"
ok 'a device that cannot be restarted' abandoned
ok 'is not waited for' answer_is EIO
ok 'its client goes' client_stop
ok 'and so does the mdev' mdev_remove "$U"
ok 'one that waits' abandoned -r
ok 'its client goes' client_is_gone
vfio_client "$U" load 100 5000 bar0 0 >/tmp/load 2>&1 5>&- 6<&- &
load=$!
ok 'a hundred of another client wait as well' is_outstanding 100
ok 'for another server' serve "$U" -r
ok 'which answers' wait $load
is 'to each of them' '1' grep -c '^good=[1-9][0-9]* failed=0 wrong=0$' /tmp/load
stop_server
ok 'the mdev goes' mdev_remove "$U"
ok 'one that waits' abandoned -r
# A program of its own: a shell would keep the client's pipes, however redirected.
sh -c "echo 1 >/sys/bus/mdev/devices/$U/remove" 5>&- 6<&- &
remover=$!
ok 'is told that the mdev is to be removed' answer_is EIO
ok 'goes' client_stop
ok 'and lets it' wait $remover

# ---- children ------------------------------------------------------------------------------

# A server with a child that has the file.
parent() {
	raw_server "$U" -x -r >/tmp/parent.log 2>&1 5>&- 6<&- &
	server=$!
	until_true is_attribute "$U" state ready
}

# The so-manieth time, with each of its calls; poll(2) does not fail.
child_is_refused() { # TIME POLLERR
	kill -USR1 "$child" || return
	until_true child_tried "$1" &&
		[ "$(grep refused /tmp/parent.log | tail -n 1)" = "refused: 1111111$2" ] ||
		{ cat /tmp/parent.log && return 1; }
}

child_tried() { # TIMES
	[ "$(grep -c refused /tmp/parent.log)" = "$1" ]
}

has_child() { # [HOW]
	command_of 0xff8 "${1:-2}" && child=$(($(c read bar0 0xff8 8))) && [ $child -gt 1 ]
}

ok 'an mdev' mdev_create "$U"
ok 'a server that has forked before it starts' serve "$U" -d
ok 'serves' vfio_client "$U" read bar0 0x10 4
ok 'its parent is refused, and ends' wait "$server"
server=$(attribute "$U" server_pid)
ok 'who started is the server' grep -q raw_server "/proc/$server/comm"
is 'and serves' ready attribute "$U" state
ok 'until it dies' kill -9 "$server"
ok 'and no longer' until_true is_attribute "$U" state no-server
ok 'a server' parent
ok 'a client' client_start "$U"
ok 'the server has a child that keeps its file' has_child
ok 'which is not the server' child_is_refused 1 0
ok 'that one goes on' c write bar0 0x10 4 0xbeef
stop_server
is 'it dies, and there is none' no-server attribute "$U" state
is 'no process' 0 attribute "$U" server_pid
ok 'accesses fail' c ! EIO read bar0 0x10 4
ok 'the child is there' kill -0 "$child"
ok 'and refused' child_is_refused 2 1
ok 'another server comes' serve "$U" -x -r
is 'with what the first one left' 0x0000beef c read bar0 0x10 4
ok 'the child is refused, and takes no message' child_is_refused 3 1
is 'the server gets them' 0x0000beef c read bar0 0x10 4
ok 'the child goes' kill -9 "$child"
ok 'really' until_true sh -c "! grep -q . /proc/$child/cmdline"
is 'nobody minds' 0x0000beef c read bar0 0x10 4
is 'the server least' ready attribute "$U" state
ok 'another child polls' has_child 3
ok 'to be woken in its place' until_true grep -q polls /tmp/server.log
ok 'but the server gets all messages' c repeat 5 read bar0 0x10 4
ok 'it goes' kill -9 "$child"
stop_server
ok 'a server' parent
ok 'with such a child' has_child
c_send write bar0 0xff0 8 1
ok 'closes its file, and keeps what is mapped' until_true is_attribute "$U" state opened
ok 'nobody can answer' answer_is EIO
ok 'nor is anybody else to come' sh -c "raw_server $U 2>&1 | grep -i busy"
stop_server
is 'before it dies, whatever its child has' no-server attribute "$U" state
ok 'then one comes' serve "$U" -x -r
ok 'the client goes' client_stop
stop_server
ok 'the kernel opens it, and has no table' sh -c "[ ! -e /proc/swaps ] || swapon /dev/muser/$U 2>&1 | grep -i invalid"
is 'and leaves it' no-server attribute "$U" state
ok 'the mdev goes' mdev_remove "$U"
ok 'the child goes' kill -9 "$child"
ok 'the module goes' until_true rmmod muser
tap_end
