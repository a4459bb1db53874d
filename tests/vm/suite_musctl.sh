# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# The life of mdevs in musctl's hands: run by kmod.sh -n.
# Owns: making, attaching, removing with a client that holds on, processes that are killed, news.
# Refuses to look at what a device does: suite_devices.sh does.

# shellcheck source-path=SCRIPTDIR source=tap.sh
. /files/tap.sh

mkdir -p /tmp/run
export MUSER_RUNTIME_DIR=/tmp/run
U=$(uuid_nr 1)

state_of() { # UUID
	musctl list -nro UUID,STATE | sed -n "s/^$1 //p"
}

is_state() { # UUID STATE
	[ "$(state_of "$1")" = "$2" ]
}

no_mdev() { # UUID
	! test -e "/sys/bus/mdev/devices/$1" && ! test -e "/dev/muser/$1"
}

nothing_left() {
	[ -z "$(ls -A /tmp/run | grep -v '^\.log-')" ] && [ -z "$(ls /sys/bus/mdev/devices)" ]
}

fails() { # STATUS COMMAND...
	fails_want=$1
	shift
	timeout -s KILL "$TAP_SECONDS" "$@"
	[ $? = "$fails_want" ]
}

# ---- without the module, and with it -------------------------------------------------------

ok 'without the module a device' musctl create -u "$U" null
is 'is on a socket' vfio-user musctl list -nro TRANSPORT
ok 'or an error' fails 1 musctl create -T mdev null
ok 'it is destroyed' musctl destroy "$U"

# ---- made by musctl ------------------------------------------------------------------------

ok 'the module is there' load muser
ok 'with the IOMMU that needs no hardware' load "$IOMMU"
free=$(cat $MDEV_TYPE/available_instances)
is 'types says how many are free' "$free" sh -c \
	'musctl types -J | sed -n "s/.*\"free\": *\([0-9]*\).*/\1/p"'
ok 'the doctor finds the module' sh -c 'musctl doctor -nro CHECK,STATUS | grep -q "^muser.ko ok"'
is 'which is of its own version' "$(musctl version -nro VERSION | head -n 1)" \
	cat /sys/module/muser/version
ok 'and its types' sh -c 'musctl doctor -nro CHECK,STATUS | grep -q "^mdev-types ok"'
musctl monitor -nro ACTION,WHAT,UUID >/tmp/news 2>&1 &
monitor=$!
until_true sh -c "cat /proc/$monitor/fdinfo/* | grep -q ^inotify"
ok 'a device' musctl create -u "$U" null
is 'is an mdev, served' 'mdev waiting' musctl list -nro TRANSPORT,STATE
is 'whose server is ready' ready attribute "$U" state
is 'show says so' ready sh -c \
	"musctl show -J $U | sed -n 's/^  *\"state\": \"\(ready\)\".*/\1/p'"
ok 'its process and mdev go' musctl destroy "$U"
ok 'and leave nothing' nothing_left
ok 'the news tell of both' until_true sh -c \
	'grep -q "^add mdev '"$U"'" /tmp/news && grep -q "^add node '"$U"'" /tmp/news &&
	 grep -q "^remove mdev '"$U"'" /tmp/news && grep -q "^remove device '"$U"'" /tmp/news'
kill $monitor
ok 'a UUID can be used again' sh -c \
	"for i in 1 2 3 4 5; do musctl create -u $U null && musctl destroy $U || exit; done"
ok 'nothing is left' nothing_left
is 'all instances are free' "$free" cat $MDEV_TYPE/available_instances

# ---- a client that holds on ----------------------------------------------------------------

ok 'a device' musctl create -u "$U" null
ok 'a client' client_start "$U"
ok 'with a request interrupt' c set req eventfd trigger 0 1 new
ok 'that holds on is told of' fails 124 musctl destroy -t 0.5 "$U"
is 'and was asked to let go' 1 c wait req 0
ok 'by name' sh -c "musctl destroy -t 0.1 $U 2>&1 | grep 'vfio_client) has it open'"
is 'the device is as it was' 'mdev attached' musctl list -nro TRANSPORT,STATE
ok 'for its client, too' c read config 0 4
ok 'it goes' client_stop
ok 'and so does the device' musctl destroy "$U"
ok 'nothing is left' nothing_left

ok 'a device' musctl create -u "$U" null
ok 'a client' client_start "$U"
ok 'the removal begins by force' fails 124 musctl destroy --force -t 0.5 "$U"
ok 'it ends when the client goes' client_stop
ok 'indeed' until_true no_mdev "$U"
ok 'the next list' musctl list
ok 'finds nothing left' nothing_left

# ---- made by others ------------------------------------------------------------------------

ok 'an mdev made by hand' mdev_create "$U"
ok 'has no server' is_state "$U" no-server
ok 'create serves it' musctl create -u "$U" -T mdev null
is 'it has one' ready attribute "$U" state
ok 'destroy ends the process' musctl destroy "$U"
ok 'and leaves the mdev' is_state "$U" no-server
ok 'which it does not remove' fails 1 musctl destroy "$U"
ok 'but by force' musctl destroy --force "$U"
ok 'nothing is left' nothing_left
ok 'an mdev removed by hand' musctl create -u "$U" null
ok 'takes its process along' mdev_remove "$U"
ok 'and its folder' until_true sh -c "! test -e /tmp/run/$U"
ok 'the next list' musctl list
ok 'finds nothing left' nothing_left

# ---- not enough memory ---------------------------------------------------------------------

ok 'an mdev' mdev_create "$U"
ok 'that may have no memory' set_attribute "$U" max_memory 0
ok 'is not served' fails 1 musctl create -u "$U" gpio-idio16
ok 'the message says what limits it' \
	sh -c "musctl create -u $U gpio-idio16 2>&1 | grep 'max_memory of the mdev'"
ok 'it goes' mdev_remove "$U"

# ---- hung ----------------------------------------------------------------------------------

musctl monitor -nro STATE,UUID >/tmp/news 2>&1 &
monitor=$!
until_true sh -c "cat /proc/$monitor/fdinfo/* | grep -q ^inotify"
ok 'a device' musctl create -u "$U" null
stopped=$(attribute "$U" server_pid)
ok 'that has no time' set_attribute "$U" timeout_ms 200
ok 'is stopped' kill -STOP "$stopped"
ok 'so that its client gets no answer' fails 1 vfio_client "$U" read config 0 4
ok 'the news say that it hangs' until_true grep -q "^hung $U" /tmp/news
ok 'it goes on' kill -CONT "$stopped"
ok 'which is news, too' until_true grep -q "^ready $U" /tmp/news
kill $monitor
ok 'it goes' musctl destroy "$U"

# ---- killed --------------------------------------------------------------------------------

ok 'a device' musctl create -u "$U" null
ok 'whose process is killed' kill -9 "$(attribute "$U" server_pid)"
ok 'keeps its mdev' until_true is_state "$U" no-server
ok 'another type is refused' fails 1 musctl create -u "$U" gpio-idio16
ok 'and told why' sh -c "musctl create -u $U gpio-idio16 2>&1 | grep 'another device'"
ok 'and what to do' sh -c "musctl create -u $U gpio-idio16 2>&1 | grep 'remove and recreate'"
ok 'the mdev stays' is_state "$U" no-server
ok 'its own type serves it again' musctl create -u "$U" null
ok 'a client' client_start "$U"
ok 'that waits for servers' sh -c "echo wait >/sys/bus/mdev/devices/$U/policy"
ok 'sees none go' kill -9 "$(attribute "$U" server_pid)"
c_send write bar0 8 4 0x12345678
ok 'and another one come' until_true is_state "$U" no-server
ok 'that goes on' musctl create -u "$U" null
ok 'where it was' c_answer
is 'with what it knew' 0x12345678 c read bar0 8 4
is 'which is counted' 2 attribute "$U" restarts
ok 'the client goes' client_stop
ok 'and all is destroyed' musctl destroy "$U"

# ---- asked again ---------------------------------------------------------------------------

# A trace has what begins while somebody traces. So there are two requests, which the device has
# got at once: the second one begins when the first one is answered.
LATER=0x68

is_pending() { # a write that the device has seen, and not answered
	[ "$(musctl peek "$U" LATER 2>/dev/null)" = 0x0000000000000001 ]
}

ok 'a device that answers when it is told' musctl exec -u "$U" prober
ok 'a client' client_start "$U"
ok 'that waits for servers' sh -c "echo wait >/sys/bus/mdev/devices/$U/policy"
server=$(attribute "$U" server_pid)
ok 'while the process sleeps' kill -STOP "$server"
c_send together 2 bar0 $LATER
ok 'two threads ask for something' until_true is_attribute "$U" outstanding 2
ok 'when it wakes' kill -CONT "$server"
ok 'it has both' until_true is_pending
ok 'and is killed' kill -9 "$server"
ok 'with no answer' until_true is_state "$U" no-server
ok 'another one' musctl exec -u "$U" prober
ok 'is asked the same' until_true is_pending
musctl trace -e reg=LATER,write -l 1 -nro KIND,REGISTER,FLAGS "$U" >/tmp/trace 2>&1 &
trace=$!
ok 'and traced' until_true sh -c 'musctl list -nro TRACERS | grep -qx 1'
ok 'when it answers one' musctl poke "$U" NOW=1
ok 'and takes the other' until_true is_pending
ok 'and answers it' musctl poke "$U" NOW=1
ok 'the client goes on' c_answer
ok 'the trace has a record' until_true test -s /tmp/trace
is 'which says so' 'write LATER replayed' cat /tmp/trace
kill $trace 2>/dev/null
ok 'the client goes' client_stop
ok 'and all is destroyed' musctl destroy "$U"

# ---- in the foreground ---------------------------------------------------------------------

musctl run -u "$U" null >/tmp/out &
run=$!
ok 'a device in the foreground' until_true test -s /tmp/out
ok 'is killed' kill -9 $run
wait $run
ok 'the next list' musctl list
ok 'finds nothing left' nothing_left
kill_at_random() {
	for _ in $(seq 30); do
		musctl "$@" >/dev/null 2>&1 &
		usleep $((RANDOM % 100 * 1000))
		kill -9 $! 2>/dev/null
		wait $!
		[ $((RANDOM % 2)) = 0 ] || musctl list >/dev/null
	done
	true
}
ok 'create, killed at random moments' kill_at_random create -u "$U" null
ok 'run' kill_at_random run null
# A device whose musctl was killed may still be on its way.
all_destroyed() {
	musctl list -nro UUID | musctl destroy -
	musctl list && nothing_left
}
ok 'destroy of what is there, about to come or to go, and list leave nothing' until_true all_destroyed
is 'all instances are free' "$free" cat $MDEV_TYPE/available_instances
ok 'a device for a command' musctl run -u "$U" null -- vfio_client "$U" read config 0 4
ok 'nothing is left' nothing_left
ok 'a module whose last device was destroyed goes at once' sh -c \
	"for i in 1 2 3 4 5; do
		musctl create -u $U null && musctl destroy $U && rmmod muser && load muser || exit
	done"
ok 'the module goes' rmmod muser
tap_end
