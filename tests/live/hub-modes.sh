#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The sensor obeys the hub while it runs: a real hub with its API, a real edge, a real sensor inline. The sensor's own file says shadow; what two people
# agree on at the hub decides where an attack is dropped, without a rule being compiled; and that a system is only watched is proved.
#
#	home (45.1.7.0/24) ---- edge: 198.51.100.0/24, web sites at .5 and .6 ---- hub
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "$(dirname "$0")/sensor-lib.sh"

iptables=$(command -v iptables-legacy || command -v iptables || true)
[[ -n $iptables ]] || live_skip "iptables is not installed"

LUYTRE_HUB_SOCKET=$DIR/hub.sock
export LUYTRE_HUB_SOCKET
ROUNDS=${ROUNDS:-5}
USER=45.1.7.200

space hub home edge
ip -n home route add local 45.1.7.0/24 dev lo
link home up0 edge in0
link hub edge edge hub0
ip -n home addr add 192.88.1.1/24 dev up0
ip -n edge addr add 192.88.1.2/24 dev in0
ip -n edge addr add 198.51.100.5/24 dev in0
ip -n edge addr add 198.51.100.6/24 dev in0
ip -n edge route add 45.1.7.0/24 via 192.88.1.1
ip -n home route add 198.51.100.0/24 via 192.88.1.2
ip -n hub addr add 10.0.1.1/24 dev edge
ip -n edge addr add 10.0.1.2/24 dev hub0
within home ethtool -K up0 tx off >/dev/null
within home "$LIVE_TOOLS"/gate up0
web edge 80
within edge "$iptables" -A INPUT -i in0 -j NFQUEUE --queue-num 0 --queue-bypass 2>$DIR/iptables ||
	live_skip "the kernel has no NFQUEUE target: $(head -n 1 $DIR/iptables)"
within edge "$iptables" -A OUTPUT -o in0 -j NFQUEUE --queue-num 0 --queue-bypass
mkdir -p $DIR/edge
cat >$DIR/edge/test.rules <<-'end'
	drop http any any -> any 80 (msg:"injection"; flow:to_server,established; http.uri; content:"union select"; sid:1;)
	alert http any any -> any 80 (msg:"a form"; flow:to_server,established; http.method; content:"POST"; sid:2;)
end
cat >$DIR/edge/luytre.yaml <<-end
	interface: in0
	control_socket: $DIR/edge/control.sock
	state_dir: $DIR/edge/state
	pin_dir: /sys/fs/bpf/luytre1
	hub:
	  enabled: true
	  events_socket: $DIR/edge/events.sock
	gate:
	  holds_file: $DIR/edge/run/gate-holds.json
	sensor:
	  nfqueue: {first: 0}
	  rules: [test.rules]
	  output_dir: $DIR/edge/out
	  outputs:
	    - {path: eve.json, types: [alert, http, flow], payload: true}
	    - {type: unix_dgram, path: $DIR/edge/events.sock, types: [alert], payload: true}
	  evidence: {enabled: true, before: 4, after: 4}
	  control_socket: $LUYTRE_SENSOR_SOCKET
	  policy_file: $DIR/edge/run/policy.json
	tenants:
	  - name: site
	    prefixes: [198.51.100.0/24]
	    sensor: {mode: shadow}
end
mkdir $DIR/edge/out
EVE=$DIR/edge/out/eve.json

hub_answers() {
	"$LUYTRE" hub status >/dev/null 2>&1
}

edge_answers() {
	"$LUYTRE" --socket $DIR/edge/control.sock status >/dev/null 2>&1
}

sensor_answers() {
	"$LUYTRE" sensor status >/dev/null 2>&1
}

hub=
hub_start() {
	within hub "$LUYTRE" hub run --state $DIR/hub --address 0.0.0.0 --names 10.0.1.1 >>$DIR/luytre.log 2>&1 &
	hub=$!
	eventually 20 hub_answers || fail "the hub did not start"
}

edge=
edge_start() {
	within edge "$LUYTRE" run --config $DIR/edge/luytre.yaml >>$DIR/luytre.log 2>&1 &
	edge=$!
	eventually 30 edge_answers || fail "the edge did not start"
}

sensor_begin() {
	within edge "$LUYTRE" sensor run --config $DIR/edge/luytre.yaml >>$DIR/luytre.log 2>&1 &
	sensor=$!
	eventually 10 sensor_answers || fail "the sensor did not start"
}

# attack SITE, visit SITE: the status.
attack() {
	fetch home "http://198.51.100.$1/?id=1%20union%20select" --interface $USER --max-time 0.7
}

visit() {
	fetch home "http://198.51.100.$1/" --interface $USER --max-time 0.7
}

dropped() {
	[ "$(attack "$1")" = 000 ]
}

passes() {
	[ "$(attack "$1")" = 200 ]
}

serves() {
	[ "$(visit "$1")" = 200 ]
}

# alerts SITE: how many of the attack at it stand in eve.json.
alerts() {
	jq -c "select(.event_type == \"alert\" and .alert.signature_id == 1 and .dest_ip == \"198.51.100.$1\")" $EVE 2>/dev/null | wc -l
}

is_told() {
	[ "$(alerts "$1")" -ge 1 ]
}

has_tenant() {
	jq -e "select(.event_type == \"alert\" and .dest_ip == \"198.51.100.5\").tenant == \"$1\"" $EVE | tail -n 1 | grep -q true
}

has_payload() {
	jq -c 'select(.alert.signature_id == 2 and .payload != null)' $EVE | grep -q .
}

# api TOKEN METHOD PATH [BODY [HEADER]]: prints the answer, and its status in the last line.
api() {
	local body=() type=application/json
	[ "$2" != PATCH ] || type=application/merge-patch+json
	[ -z "${4:-}" ] || body=(-H "Content-Type: $type" -d "$4")
	[ -z "${5:-}" ] || body+=(-H "$5")
	within hub curl -sk --max-time 10 -H "Authorization: Bearer $1" -X "$2" "${body[@]}" -w '\n%{http_code}\n' \
		"https://127.0.0.1:8443/api/v1$3"
}

# propose CHANGES: by An; prints the number of the version, or what was answered.
propose() {
	local answer base
	base=$(api "$AN" GET '/policies?state=standing' | head -n 1 | jq -r '.items[0].id')
	answer=$(api "$AN" POST /policies "{\"base\":\"$base\",\"reason\":\"Thử nghiệm.\",\"changes\":[$1]}")
	if [ "$(tail -n 1 <<<"$answer")" = 201 ]; then
		head -n 1 <<<"$answer" | jq -r .id
	else
		echo "$answer"
	fi
}

# approve VERSION: by Bình.
approve() {
	api "$BINH" POST "/policies/$1/approve" '{"reason":"Đồng ý."}' 'If-Match: "r1"' | tail -n 1
}

# mode ASSET MODE: proposed, approved, and obeyed by the sensor; prints the number.
mode() {
	local id
	id=$(propose "{\"tenant\":\"$TENANT\",\"asset\":\"$1\",\"modes\":{\"sensor\":\"$2\"}}")
	approve "$id" >/dev/null
	eventually 10 obeys "$id" || true
	echo "$id"
}

# obeys VERSION: the sensor says so.
obeys() {
	[ "$("$LUYTRE" sensor status --json 2>/dev/null | jq .hub.version)" = "$1" ]
}

has_problem() {
	"$LUYTRE" sensor status --json | jq -e '.hub.problem != null' >/dev/null
}

prove() {
	within edge "$LUYTRE" status --prove edge-only "$@" --config $DIR/edge/luytre.yaml --socket $DIR/edge/control.sock
}

hub_start
check "the organisation is registered" "$LUYTRE" hub tenant 198.51.100.5/32,198.51.100.6/32 "Sở Y tế"
TENANT=1
AN=$("$LIVE_TOOLS"/hub-person $DIR/hub an "$TENANT")
BINH=$("$LIVE_TOOLS"/hub-person $DIR/hub binh "$TENANT")
NATION=$("$LIVE_TOOLS"/hub-person $DIR/hub quoc 0)
check "the edge enrols" within edge "$LUYTRE" edge enrol https://10.0.1.1:8444 \
	--token "$("$LUYTRE" hub invite "Điểm 1" --tenant $TENANT)" --config $DIR/edge/luytre.yaml
edge_start
sensor_begin
check "the sensor's own file says shadow: the attack passes" passes 5
check "and is told" eventually 3 is_told 5

# ---- Modes ----
version=$(mode 1 enforce)
check "the sensor obeys policy $version" obeys "$version"
check "enforce for one asset: the attack is dropped there" dropped 5
check "and passes at its neighbour" passes 6
check "visitors pass at both" serves 5
check "and there" serves 6
check "events keep the name of the organisation" eventually 3 has_tenant site
check "no rule was compiled for it" [ "$("$LUYTRE" sensor status --json | jq .reload.count)" = 0 ]
check "rules are loaded again" "$LUYTRE" sensor reload
check "the attack is still dropped" dropped 5
version=$(mode 1 shadow)
check "back to shadow: it passes" passes 5
version=$(mode 1 off)
before=$(alerts 5)
check "off: it passes" passes 5
sleep 1
check "and nothing is told" [ "$(alerts 5)" = "$before" ]

# ---- From the approval to the packets ----
: >$DIR/times
: >$DIR/took
for ((round = 0; round < ROUNDS; round++)); do
	word=shadow
	((round % 2)) || word=enforce
	next=$(propose "{\"tenant\":\"$TENANT\",\"asset\":\"1\",\"modes\":{\"sensor\":\"$word\"}}")
	began=$(date +%s%N)
	approve "$next" >/dev/null &
	for ((look = 0; look < 1000; look++)); do
		if obeys "$next"; then
			echo $((($(date +%s%N) - began) / 1000000)) >>$DIR/times
			"$LUYTRE" sensor status --json | jq '.hub.took_ns / 1000' >>$DIR/took
			break
		fi
	done
	wait $! || true
done
sort -n $DIR/times >$DIR/sorted
check "every version came to stand" [ "$(wc -l <$DIR/sorted)" = "$ROUNDS" ]
figure "from the approval of a mode to the sensor's packets, p50" \
	"$(awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }' $DIR/sorted)" ms "<=" 1000 5000
figure "the same, slowest of $ROUNDS" "$(tail -n 1 $DIR/sorted)" ms "<=" 2000 8000
figure "of that, reading the files and changing over, slowest" "$(sort -n $DIR/took | tail -n 1 | cut -d. -f1)" us "<=" 50000 500000
check "the attack is dropped" dropped 5

# ---- What is broken ----
echo '{"version":' >$DIR/edge/run/policy.json
check "a broken file is said to be so" eventually 3 has_problem
check "and changes nothing" dropped 5
check "the edge puts it right" eventually 45 refuses has_problem

# ---- Without the hub ----
kill -KILL $hub $sensor
wait $hub $sensor 2>/dev/null || true
sensor_begin
check "a sensor that starts obeys at once, without the hub" dropped 5
check "also at the neighbour" passes 6
hub_start

# ---- Only watched ----
form() {
	fetch home http://198.51.100.5/form --interface $USER --max-time 1 -d 'password=bi-mat-cua-toi'
}
form >/dev/null
check "the payload of an alert is told, as the file says" eventually 3 has_payload
first_system() {
	system=$(api "$AN" GET "/tenants/$TENANT/systems" | head -n 1 | jq -r '.items[0].id')
	[ "${system:-null}" != null ]
}
check "the hub is back" eventually 20 first_system
prove "$system" >$DIR/proof && fail "it is proved before anybody said so"
check "the proof says which condition fails" grep -q '^FAIL *policy' $DIR/proof
api "$AN" PATCH "/tenants/$TENANT/systems/$system" '{"edge_only":true}' 'If-Match: "r1"' >$DIR/answer
check "its owner may not say so" [ "$(tail -n 1 $DIR/answer)" = 403 ]
api "$NATION" PATCH "/tenants/$TENANT/systems/$system" '{"edge_only":true}' 'If-Match: "r1"' >$DIR/answer
check "the system becomes edge-only" [ "$(tail -n 1 $DIR/answer)" = 200 ]
only_watched() {
	[ "$("$LUYTRE" sensor status --json | jq .hub.edge_only)" -ge 1 ]
}
check "the sensor hears of it" eventually 10 only_watched
evidence_size() {
	cat $DIR/edge/out/evidence/*.pcap | wc -c
}
kept=$(evidence_size)
check "packets were kept before" [ "$kept" -gt 100 ]
: >$EVE
kill -USR1 $sensor
form >/dev/null
attack 5 >/dev/null
check "it still tells of attacks" eventually 3 is_told 5
check "without what was in them" refuses grep -q 'payload\|bi-mat' $EVE
check "no packet of it is kept" [ "$(evidence_size)" = "$kept" ]
# Another program here does not know; and the hub is gone, so that what it tells waits on the disk.
kill -KILL $hub
wait $hub 2>/dev/null || true
python3 - $DIR/edge/events.sock <<-'end'
	import json, socket, sys
	socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(json.dumps({
	    "timestamp": "2026-11-22T08:00:00.000000+0000", "event_type": "alert", "src_ip": "203.0.113.9", "dest_ip": "198.51.100.5",
	    "proto": "TCP", "payload": "YmktbWF0", "http": {"http_request_body_printable": "bi-mat-cua-toi", "url": "/form"},
	    "alert": {"signature_id": 9, "signature": "x"}}).encode(), sys.argv[1])
end
removed() {
	[ "$("$LUYTRE" --socket $DIR/edge/control.sock --json status | jq .policy.content_removed)" -ge 2 ]
}
check "what another program tells of it loses its content before it leaves" eventually 5 removed
prove "$system" >$DIR/proof && fail "it is proved, and no web server has said that it keeps closed"
check "a web server that says nothing is none that was seen" grep -q '^FAIL *web-servers *not seen' $DIR/proof
# word: what a web server says that has the list of now, and keeps its sites closed.
word() {
	python3 - $DIR/edge/events.sock <<-'end'
		import json, socket, sys
		socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(json.dumps({"timestamp": "2026-11-22T08:00:00.000000+0000",
		    "event_type": "holds", "stamp": 1 << 60, "gate": "test", "worker": 0, "workers": 1, "holds": [],
		    "sites": [{"asset": 1, "mode": "off", "edge_only": True, "stands": True}]}, separators=(",", ":")).encode(), sys.argv[1])
	end
}
word
closed() {
	prove "$system" >$DIR/proof
}
eventually 5 closed && code=0 || code=$?
cat $DIR/proof
check "it is proved" [ "$code" = 0 ]
check "what waits for the hub was read" grep -q 'spool.* [1-9][0-9]* of them about this system, 0 with content' $DIR/proof
check "in Vietnamese too" grep -q 'chỉ được giám sát tại biên' <(prove "$system" --lang vi)
check "what is only said is no condition" grep -q '^said *keys' $DIR/proof
check "and for programs" [ "$(prove "$system" --json | jq -r '.proved and (.conditions | length > 5)')" = true ]
check "of a system that is not here it is not" refuses prove 999 >/dev/null
# Nobody at the sensor's socket, and somebody who does not say what it obeys.
kill -KILL $sensor
wait $sensor 2>/dev/null || true
check "without a sensor it is proved" closed
check "and said that others are not seen" grep -q '^ok *sensor .*another socket is not seen' $DIR/proof
rm -f $LUYTRE_SENSOR_SOCKET
python3 - $LUYTRE_SENSOR_SOCKET <<-'end' &
	import socket, sys
	server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
	server.bind(sys.argv[1])
	server.listen()
	while True:
	    server.accept()[0].close()
end
mute=$!
listens() {
	[ -S $LUYTRE_SENSOR_SOCKET ]
}
eventually 5 listens || fail "the socket is not there"
prove "$system" >$DIR/proof 2>/dev/null && fail "it is proved of something that does not answer"
check "what does not answer is not \"no sensor\"" grep -q '^FAIL *sensor ' $DIR/proof
kill -KILL $mute
wait $mute 2>/dev/null || true
# A web server that opens its requests.
python3 - $DIR/edge/events.sock <<-'end'
	import socket, sys
	socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'{"timestamp":"2026-11-22T08:00:00.000000+0000","event_type":"gate",'
	    b'"src_ip":"203.0.113.9","dest_ip":"198.51.100.5","gate":{"action":"pass"}}', sys.argv[1])
end
opened() {
	[ "$("$LUYTRE" --socket $DIR/edge/control.sock --json status | jq .policy.edge_only_opened)" -ge 1 ]
}
check "a web server that looks into it is noticed" eventually 5 opened
prove "$system" >$DIR/proof && fail "it is still proved"
check "and the proof fails for it" grep -q "^FAIL *web-servers" $DIR/proof
# The kept policy is broken, and the hub is away.
kill -TERM $edge
wait $edge 2>/dev/null || true
for kept in $DIR/edge/state/hub/*.bundle; do
	echo broken >"$kept"
done
edge_start
unknown() {
	[ "$("$LUYTRE" --socket $DIR/edge/control.sock --json status | jq .policy.edge_only_unknown)" = true ]
}
check "an edge that cannot read what was kept says so" eventually 10 unknown
python3 - $DIR/edge/events.sock <<-'end'
	import socket, sys
	socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'{"timestamp":"2026-11-22T08:00:00.000000+0000","event_type":"alert",'
	    b'"src_ip":"203.0.113.9","dest_ip":"198.51.100.6","payload":"YmktbWF0","packet":"YmktbWF0"}', sys.argv[1])
end
check "and lets no content of anybody leave" eventually 5 removed

live_end
