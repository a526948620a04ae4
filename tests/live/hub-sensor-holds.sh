#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A known hole that is not reached by HTTP is held by an inline sensor until it is mended: a real hub, a real edge, a sensor on the wire, a service
# that has the hole (sensor-holds.py). A scanner's report comes in and the attack stops; the fix is verified and it works again. The twin passes
# and nobody else's service notices.
#
#	home (45.1.0.1) ---- in0 edge in1 ---- inside (45.1.0.5, .6)
#	                              hub0 ---- hub (10.0.1.1)
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "$(dirname "$0")/sensor-lib.sh"
command -v python3 >/dev/null || live_skip "python3 is not installed"

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
LUYTRE_HUB_SOCKET=$DIR/hub.sock
export LUYTRE_HUB_SOCKET
A=45.1.0.5 B=45.1.0.6
ROUNDS=${ROUNDS:-3}

space hub home edge inside
link home up0 edge in0
link inside up0 edge in1
link hub edge edge hub0
ip -n home addr add 45.1.0.1/24 dev up0
ip -n inside addr add $A/24 dev up0
ip -n inside addr add $B/24 dev up0
ip -n hub addr add 10.0.1.1/24 dev edge
ip -n edge addr add 10.0.1.2/24 dev hub0
for end in home inside; do
	within $end ethtool -K up0 tx off >/dev/null
	within $end "$LIVE_TOOLS"/gate up0
done
within inside python3 "$here/sensor-holds.py" serve 2>>$DIR/luytre.log &

mkdir $DIR/edge
cat >$DIR/edge/luytre.yaml <<-end
	interface: in0
	control_socket: $DIR/edge/control.sock
	state_dir: $DIR/edge/state
	pin_dir: /sys/fs/bpf/luytre
	hub:
	  enabled: true
	  events_socket: $DIR/edge/events.sock
	  events_group: nogroup
	  local_block_s: 0
	  never_block: [45.1.0.0/28]
	gate: {holds_file: $DIR/edge/holds.json}
	sensor:
	  wire: {outside: in0, inside: in1}
	  rules: [$source/rules/sensor]
	  policy_file: $DIR/edge/policy.json
	  output_dir: $DIR
	  outputs:
	    - {path: $DIR/edge/events.sock, type: unix_dgram, types: [alert, stats]}
	    - {path: eve.json, types: [alert, drop]}
	  control_socket: $LUYTRE_SENSOR_SOCKET
	tenants:
	  - name: site
	    prefixes: [45.1.0.0/24]
end

# ---- People ----

# api TOKEN METHOD PATH [BODY [HEADER]]: prints the answer, and its status in the last line.
api() {
	local body=()
	[ -z "${4:-}" ] || body=(-H 'Content-Type: application/json' -d "$4")
	[ -z "${5:-}" ] || body+=(-H "$5")
	within hub curl -sk --max-time 10 -H "Authorization: Bearer $1" -X "$2" "${body[@]}" -w '\n%{http_code}\n' \
		"https://127.0.0.1:8443/api/v1$3"
}
# get PATH FILTER: what jq makes of the answer.
get() {
	api "$BINH" GET "$1" | head -n 1 | jq -r "$2"
}
# says PATH FILTER: the answer is so.
says() {
	api "$BINH" GET "$1" | head -n 1 | jq -e "$2" >/dev/null
}
# report HOST: a scanner has found the back door there.
report() {
	python3 "$here/sensor-holds.py" report "$1" 6667 CVE-2010-2075 >$DIR/report.jsonl
	"$LUYTRE" hub import --tenant 1 $DIR/report.jsonl >>$DIR/imports.log
}
# bring TOKEN STATE
bring() {
	local id
	id=$(get "/findings?cve=CVE-2010-2075" '.items[0].id')
	api "$1" POST "/findings/$id/state" "{\"to\":\"$2\",\"reason\":\"Đã cài bản vá.\"}" \
		"If-Match: \"r$(get "/findings/$id" .revision)\"" | tail -n 1
}
mended() {
	[ "$(bring "$AN" fix-claimed)" = 200 ] && [ "$(bring "$BINH" verified)" = 200 ]
}
hub_answers() {
	"$LUYTRE" hub status >/dev/null 2>&1
}

# ---- Attackers and users ----

talk() {
	within home python3 "$here/sensor-holds.py" talk "$@"
}
works() {
	[ "$(talk "$1" 6667 "AB;true")" = "carried out" ]
}
stopped() {
	[ "$(talk "$1" 6667 "AB;true")" = none ]
}
twin() {
	[ "$(talk "$1" 6667 "PRIVMSG #a :AB; see you")" = "250 fine" ]
}
until_it() {
	within home python3 "$here/sensor-holds.py" until "$@"
}

within hub "$LUYTRE" hub run --state $DIR/hub --address 0.0.0.0 --names 10.0.1.1 --holds "$source/rules/gate:$source/rules/sensor" >>$DIR/luytre.log 2>&1 &
hub=$!
eventually 20 hub_answers || fail "the hub did not start"
check "A is registered" "$LUYTRE" hub tenant $A/32 "Sở A"
check "B is registered" "$LUYTRE" hub tenant $B/32 "Sở B"
AN=$("$LIVE_TOOLS"/hub-person $DIR/hub an 1)
BINH=$("$LIVE_TOOLS"/hub-person $DIR/hub binh 1)
check "the edge enrols" within edge "$LUYTRE" edge enrol https://10.0.1.1:8444 \
	--token "$("$LUYTRE" hub invite "Điểm 1" --tenant 1 --tenant 2)" --config $DIR/edge/luytre.yaml
within edge "$LUYTRE" edge link --config $DIR/edge/luytre.yaml >>$DIR/luytre.log 2>&1 &
edge=$!
eventually 15 test -S $DIR/edge/events.sock || fail "the edge did not start"
within edge "$LUYTRE" sensor run --config $DIR/edge/luytre.yaml >>$DIR/luytre.log 2>&1 &
sensor=$!
eventually 15 "$LUYTRE" sensor status >/dev/null 2>&1 || fail "the sensor did not start"
eventually 15 works $A || fail "the attack does not work at A"
check "nor is it stopped at B" works $B
check "the hub lists the rule as one that holds" says "/hold-rules?cve=CVE-2010-2075" '.items[0].kind == "sensor"'

# ---- Report in, attack stopped; fix verified, hold lifted ----

: >$DIR/held
: >$DIR/lifted
for ((round = 0; round < ROUNDS; round++)); do
	until_it stopped $A 30 >$DIR/until &
	report $A || fail "the report was not taken"
	wait $! || true
	cat $DIR/until >>$DIR/held
	check "round $round: the hub knows that it is held" eventually 15 says "/findings?cve=CVE-2010-2075" '.items[0].state == "held"'
	check "round $round: the attack is stopped" stopped $A
	check "round $round: the twin is not" twin $A
	check "round $round: nor B" works $B
	if ((round == 0)); then
		check "the alert names the hold" eventually 5 has_events 1 '.alert.signature_id == 8200320 and .hold.mode == "enforce"'
		check "by the sensor" says "/holds?cve=CVE-2010-2075" '.items[0].rule == "8200320" or .items[0].rule == 8200320'
	fi
	mended || fail "round $round: the fix could not be verified"
	until_it works $A 30 >>$DIR/lifted
done
check "every report stopped its attack" [ "$(grep -c never $DIR/held)" = 0 ]
check "every hold was lifted" [ "$(grep -c never $DIR/lifted)" = 0 ]
figure "from a scanner's report to the last attack that worked, slowest of $ROUNDS" "$(sort -n $DIR/held | tail -n 1)" ms "<=" 10000 25000
figure "from the verified fix to the first attack that works again, slowest" "$(sort -n $DIR/lifted | tail -n 1)" ms "<=" 10000 25000

# ---- Who is gone meanwhile ----

until_it stopped $A 30 >$DIR/until &
report $A || fail "the report was not taken"
wait $! || true
check "held" stopped $A
kill -KILL $hub $edge
wait $hub $edge 2>/dev/null || true
check "hub and edge are gone: still stopped" stopped $A
sensor_end TERM || fail "the sensor does not end well"
within edge "$LUYTRE" sensor run --config $DIR/edge/luytre.yaml >>$DIR/luytre.log 2>&1 &
sensor=$!
eventually 15 "$LUYTRE" sensor status >/dev/null 2>&1 || fail "the sensor did not start again"
check "a sensor that starts without them: still stopped" stopped $A
check "the twin still passes" twin $A
sensor_end TERM || fail "the sensor does not end well"
live_end
