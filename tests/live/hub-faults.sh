#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What happens when something fails (docs/hub.md): a real hub and a real edge; a certificate that has expired, the disk full, a second hub,
# a snapshot that breaks off, a clock that jumps, a console that never reads, and a thousand that do.
#
#	edge: 198.51.100.0/24 ---- a line that can be cut ---- hub, its state on a disk of 48 MiB
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

for tool in python3 sqlite3; do
	command -v $tool >/dev/null || live_skip "$tool is not installed"
done
LUYTRE_HUB_SOCKET=$DIR/hub.sock
export LUYTRE_HUB_SOCKET
CONSOLES=${CONSOLES:-1000}
STATE=$DIR/hub
EVENTS=$DIR/edge/events.sock
HERE=$(dirname "$0")
ulimit -n 8192

space hub edge
link hub edge edge hub0
link hub spare edge in0
ip -n hub addr add 10.0.1.1/24 dev edge
ip -n edge addr add 10.0.1.2/24 dev hub0
mkdir $STATE
mount -t tmpfs -o size=48M,mode=0700 state $STATE
for name in old edge; do
	mkdir $DIR/$name
	cat >$DIR/$name/luytre.yaml <<-end
		interface: in0
		control_socket: $DIR/$name/control.sock
		state_dir: $DIR/$name/state
		pin_dir: /sys/fs/bpf/luytre1
		hub:
		  enabled: true
		  events_socket: $DIR/$name/events.sock
		gate:
		  holds_file: off
		tenants:
		  - name: site
		    prefixes: [198.51.100.0/24]
		    mode: enforce
	end
done

# clock SECONDS: how far the hub's clock is off.
clock() {
	python3 -c 'import struct, sys; open(sys.argv[1], "r+b" if sys.argv[3] else "wb").write(struct.pack("q", int(sys.argv[2])))' \
		$DIR/clock "$1" "$(test -e $DIR/clock && echo there)"
}

hub_answers() {
	"$LUYTRE" hub status >/dev/null 2>&1
}

hub=
hub_start() {
	CLOCK_SHIFT=$DIR/clock LD_PRELOAD=$LIVE_TOOLS/libclock-shift.so within hub "$LUYTRE" hub run --state $STATE \
		--address 0.0.0.0 --names 10.0.1.1,127.0.0.1 >>$DIR/luytre.log 2>&1 &
	hub=$!
	eventually 15 hub_answers || fail "the hub did not start"
}

hub_kill() {
	kill -KILL $hub
	wait $hub 2>/dev/null || true
}

edge_answers() {
	"$LUYTRE" --socket $DIR/edge/control.sock status >/dev/null 2>&1
}

edge_start() {
	within edge "$LUYTRE" run --config $DIR/edge/luytre.yaml >>$DIR/luytre.log 2>&1 &
	eventually 20 edge_answers || fail "the edge did not start"
	eventually 5 test -S $EVENTS || fail "the edge takes no events"
}

# enrol NAME
enrol() {
	within edge "$LUYTRE" edge enrol https://10.0.1.1:9444 --token "$("$LUYTRE" hub invite "Điểm 1" --tenant "Sở A")" \
		--config $DIR/$1/luytre.yaml
}

# tell FIRST COUNT [RULE]
tell() {
	python3 "$HERE"/hub-faults.py tell $EVENTS "$@"
}

# stored: how many sources of events are in the hub's store, and how many events.
stored() {
	local file
	for file in $STATE/events/*.db; do
		sqlite3 "file:$file?mode=ro" 'select quote(src) from event where src is not null' 2>/dev/null
	done | sort | uniq -c | awk '{ sources++; events += $1 } END { print sources + 0, events + 0 }'
}

has_stored() {
	[ "$(stored)" = "$1 $1" ]
}

# ends_in ADDRESS: seconds until the hub's decision about it ends; nothing without one.
ends_in() {
	"$LUYTRE" hub decisions --json | jq -r --arg value "$1" '.decisions[] | select(.value == $value) | .expires_in_s'
}

decides() {
	[ -n "$(ends_in "$1")" ]
}

# blocks ADDRESS: the hub's decision about it is a block.
blocks() {
	"$LUYTRE" hub decisions --json |
		jq -e --arg value "$1" '.decisions[] | select(.value == $value and (.level == "provisional" or .level == "block"))' >/dev/null
}

# stands ADDRESS: the decision is in the tables of the edge.
stands() {
	"$LUYTRE" --socket $DIR/edge/control.sock --json shield decisions 2>/dev/null |
		jq -e --arg prefix "$1/32" '.decisions[] | select(.prefix == $prefix)' >/dev/null
}

current() {
	"$LUYTRE" hub status --json | jq -e '[.edges[] | select(.current)] | length == 1' >/dev/null
}

# from_here: what is said from now on is what said looks at.
said_from=1
from_here() {
	said_from=$(($(wc -l <$DIR/luytre.log) + 1))
}

said() {
	tail -n +$said_from $DIR/luytre.log | grep -q -- "$1"
}

# ---- A certificate that has ended ----
# An edge enrols while the hub's clock is 31 days behind: what it is given for 30 days is worth nothing today.
within hub python3 "$HERE"/hub-faults.py cut 9444 8444 $DIR/cut &
clock $((-31 * 86400))
hub_start
check "the organisation is registered" "$LUYTRE" hub tenant 198.51.100.0/24 "Sở A"
check "an edge enrols" enrol old
hub_kill
clock 0
hub_start
within edge "$LUYTRE" edge link --config $DIR/old/luytre.yaml >>$DIR/luytre.log 2>&1 &
old=$!
check "its certificate has ended: the hub says so" eventually 10 said "edge-1 is refused: its certificate ended on"
check "and so does the edge" eventually 10 said "the certificate of this edge has ended"
kill $old
wait $old 2>/dev/null || true
check "another edge enrols" enrol edge

# ---- What the hub may do, and what it signs ----
# threads_are FIELD VALUE: each thread of the hub.
threads_are() {
	[ "$(awk -v name="$1:" '$1 == name { print $2 }' /proc/$hub/task/*/status | sort -u)" = "$2" ]
}
check "every thread is confined" threads_are Seccomp 2
check "none can gain a privilege" threads_are NoNewPrivs 1
check "none has more than ports below 1024" threads_are CapEff 0000000000000400
check "nor is there more to be had" threads_are CapBnd 0000000000000000
"$LUYTRE" hub audit --json >$DIR/audit
check "the end of the audit log was signed at the start" jq -e '.chain == "whole" and .signed_until >= 1 and .signed_s_ago < 60' $DIR/audit
check "and the line is there to be copied" grep -q '^luytre-audit-head 1 ' $STATE/audit.heads

edge_start
check "and is up to date" eventually 25 current

# ---- Two hubs ----
second() {
	! timeout 10 "$LUYTRE" hub run --state $STATE --socket $DIR/second.sock --port 9445 --console-port 9446 >$DIR/second.log 2>&1
}
check "a second hub on the same folder does not start" second
check "and says why" grep -q "another hub uses $STATE" $DIR/second.log
check "the first one goes on" hub_answers

# ---- The disk is full ----
tell 0 100
check "what an edge tells is stored" eventually 5 has_stored 100
tell 10000 1 8100000
check "and decided on" eventually 5 stands 45.1.40.1
from_here
dd if=/dev/zero of=$STATE/filler bs=64k 2>/dev/null || true
tell 100 2000
check "the disk is full: the edge is told to come again" eventually 10 said "did not take a batch (507"
tell 10001 1 8100000
sleep 1
check "the hub lives" hub_answers
check "what stands goes on standing" stands 45.1.40.1
check "an order that cannot be written is refused" refuses "$LUYTRE" hub invite "Điểm 2" --all
rm $STATE/filler
check "there is room again: everything arrives" eventually 25 has_stored 2102
check "and leads to decisions" eventually 5 stands 45.1.40.2
check "an order is taken again" "$LUYTRE" hub invite "Điểm 2" --all
hub_kill
hub_start
check "after a kill all is there, once" has_stored 2102
check "the decision too" decides 45.1.40.2
check "the edge is up to date" eventually 25 current

# ---- The clock jumps ----
tell 10002 1 8100000
check "a decision stands" eventually 5 stands 45.1.40.3
clock 30
sleep 0.5
check "half a minute ahead: it stands on" blocks 45.1.40.3
clock 3600
check "an hour ahead: what blocked for minutes blocks no more" eventually 5 refuses blocks 45.1.40.3
tell 10003 1 8100000
check "new ones are made" eventually 5 blocks 45.1.40.4
clock 0
sleep 0.5
check "back again: it stands" blocks 45.1.40.4
check "and ends, at most an hour late" number "$(ends_in 45.1.40.4) <= 3600 + 120"
tell 10005 1 8100000
check "new ones are made" eventually 5 stands 45.1.40.6

# cpu: hundredths of a second that the hub has worked.
cpu() {
	awk '{ print $14 + $15 }' /proc/$hub/stat
}
sleep 1
worked=$(cpu)
sleep 2
check "nothing goes round in circles" number "$(cpu) - $worked < 100"

# ---- Consoles ----
TENANT=1
tokens=()
for name in an binh chi; do
	tokens+=("$("$LIVE_TOOLS"/hub-person $STATE $name $TENANT)")
done
within hub python3 "$HERE"/hub-faults.py consoles 8443 "$CONSOLES" $EVENTS "${tokens[@]}" >$DIR/consoles
cat $DIR/consoles
check "every console heard of every change" grep -q "^heard $((5 * CONSOLES)) " $DIR/consoles
check "the one that did not read hears later" grep -Eq "late (all|resync)" $DIR/consoles
figure "from an event to $CONSOLES consoles with TLS, p99" "$(word $DIR/consoles p99)" ms "<=" 500 5000
figure "memory of the hub after them" "$(awk '/VmHWM/ { print int($2 / 1024) }' /proc/$hub/status)" MiB "<=" 200 400

# ---- A snapshot that breaks off ----
tell 11000 400 8100000
many() {
	[ "$("$LUYTRE" hub decisions --json | jq .count)" -ge 400 ]
}
check "there are many decisions" eventually 10 many
from_here
echo 5000 >$DIR/cut
hub_kill
hub_start
check "the snapshot breaks off in its middle" eventually 25 said "decisions could not be fetched: 200"
check "what stood goes on standing" stands 45.1.40.6
rm $DIR/cut
check "the line is whole: the edge is up to date" eventually 40 current
check "and what stood still stands" stands 45.1.40.6
live_end
