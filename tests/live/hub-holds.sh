#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A known hole is held at the edge until it is mended: a real hub, a real edge, nginx with the gate, and two services that really have the
# holes (hub-holds.py). A scanner's report comes in and the exploit stops; the fix is verified and the hold is gone. Honest requests, as near to
# the attacks as they come, go on all the time, and nobody else's service notices.
#
#	home (45.1.0.0/16) ---- edge: nginx :80 of 198.51.100.5 (A) and .6 (B) -- services on the loopback ---- hub
#	                   `--- web: nginx :80 of 198.51.101.5 (C) and the link alone, without a shield -------'
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

[[ -n ${GATE_MODULE:-} ]] || live_skip "nginx-dev is not installed: there is no module"
for tool in python3 jq; do
	command -v $tool >/dev/null || live_skip "$tool is not installed"
done
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
LUYTRE_HUB_SOCKET=$DIR/hub.sock
HOLDS_MARKS=$DIR/marks
export LUYTRE_HUB_SOCKET HOLDS_MARKS
ROUNDS=${ROUNDS:-10}
STATE=$DIR/edge/state
A=http://198.51.100.5
B=http://198.51.100.6
C=http://198.51.101.5
KINDS=(log form error)
declare -A cve=([log]=CVE-2021-44228 [form]=CVE-2022-22965 [error]=CVE-2017-5638)

space hub home edge web
ip -n home route add local 45.1.0.0/16 dev lo
link home up0 edge in0
link hub edge edge hub0
ip -n home addr add 192.88.1.1/24 dev up0
ip -n edge addr add 192.88.1.2/24 dev in0
ip -n edge addr add 198.51.100.5/24 dev in0
ip -n edge addr add 198.51.100.6/24 dev in0
ip -n edge route add 45.1.0.0/16 via 192.88.1.1
ip -n home route add 198.51.100.0/24 via 192.88.1.2
ip -n hub addr add 10.0.1.1/24 dev edge
ip -n edge addr add 10.0.1.2/24 dev hub0
link home up1 web in0
link hub web web hub0
ip -n home addr add 192.88.2.1/24 dev up1
ip -n web addr add 192.88.2.2/24 dev in0
ip -n web addr add 198.51.101.5/24 dev in0
ip -n web route add 45.1.0.0/16 via 192.88.2.1
ip -n home route add 198.51.101.0/24 via 192.88.2.2
ip -n hub addr add 10.0.2.1/24 dev web
ip -n web addr add 10.0.2.2/24 dev hub0
within home ethtool -K up0 tx off >/dev/null
within home "$LIVE_TOOLS"/gate up0
mkdir -p $DIR/edge $DIR/web $DIR/marks $DIR/rules

# ---- Services, the gate before them, the edge beside it ----

within edge python3 "$here/hub-holds.py" serve 8101 $DIR/marks 2>>$DIR/luytre.log &
within edge python3 "$here/hub-holds.py" serve 8102 $DIR/marks 2>>$DIR/luytre.log &
within web python3 "$here/hub-holds.py" serve 8103 $DIR/marks 2>>$DIR/luytre.log &
cat >$DIR/rules/10-settings.conf <<-'end'
	SecRuleEngine On
	SecRequestBodyAccess On
end
cp "$source/rules/gate/holds.conf" $DIR/rules/20-holds.conf
# gate_config PLACE SERVER...: nginx with the gate. Whose gate is still in shadow is held all the same.
gate_config() {
	local place=$1
	shift
	cat >$DIR/$place/nginx.conf <<-end
		load_module $GATE_MODULE;
		user nobody nogroup;
		daemon off;
		worker_processes 2;
		pid $DIR/$place/nginx.pid;
		error_log $DIR/$place/nginx.log notice;
		events { worker_connections 512; }
		http {
			access_log off;
			client_body_temp_path $DIR/$place/tmp;
			luytre_gate_cache $DIR/$place/cache;
			luytre_gate_watch 1s;
			luytre_gate_rules $DIR/rules;
			luytre_gate_events unix:$DIR/$place/events.sock;
			luytre_gate_holds $DIR/$place/gate-holds.json samples=$source/rules/gate/samples/holds.jsonl;
			luytre_gate shadow;
			$(printf '%s\n' "$@")
		}
	end
}
gate_config edge 'server { listen 198.51.100.5:80; location / { proxy_pass http://127.0.0.1:8101; } }' \
	'server { listen 198.51.100.6:80; location / { proxy_pass http://127.0.0.1:8102; } }'
gate_config web 'server { listen 198.51.101.5:80; location / { proxy_pass http://127.0.0.1:8103; } }'
# What the edge and the hub decide about sources is another matter: here nobody is blocked, so that the gate alone stops what is stopped.
cat >$DIR/edge/luytre.yaml <<-end
	interface: in0
	control_socket: $DIR/edge/control.sock
	state_dir: $STATE
	pin_dir: /sys/fs/bpf/luytre1
	hub:
	  enabled: true
	  events_socket: $DIR/edge/events.sock
	  events_group: nogroup
	  local_block_s: 0
	  never_block: [45.1.0.0/16]
	gate:
	  holds_file: $DIR/edge/gate-holds.json
	tenants:
	  - name: site
	    prefixes: [198.51.100.0/24]
end

cat >$DIR/web/luytre.yaml <<-end
	interface: in0
	control_socket: $DIR/web/control.sock
	state_dir: $DIR/web/state
	hub:
	  enabled: true
	  events_socket: $DIR/web/events.sock
	  events_group: nogroup
	gate:
	  holds_file: $DIR/web/gate-holds.json
end

hub_answers() {
	"$LUYTRE" hub status >/dev/null 2>&1
}

hub=
hub_start() {
	within hub "$LUYTRE" hub run --state $DIR/hub --address 0.0.0.0 --names 10.0.1.1,10.0.2.1 --holds "$source/rules/gate" >>$DIR/luytre.log 2>&1 &
	hub=$!
	eventually 20 hub_answers || fail "the hub did not start"
}

edge=
edge_start() {
	within edge "$LUYTRE" run --config $DIR/edge/luytre.yaml >>$DIR/luytre.log 2>&1 &
	edge=$!
	eventually 30 edge_status '.version' || fail "the edge did not start"
}

# A site answers; from an address that the internet of this test lets through.
opens() {
	[ "$(within home curl -s -o /dev/null --max-time 2 --interface 45.1.250.250 -w '%{http_code}' $A/)" = 200 ]
}

nginx=
nginx_start() {
	within edge nginx -c $DIR/edge/nginx.conf 2>>$DIR/luytre.log &
	nginx=$!
	eventually 10 opens || fail "the web server did not start"
}

# edge_status FILTER: `luytre status` says so.
edge_status() {
	"$LUYTRE" --socket $DIR/edge/control.sock --json status 2>/dev/null | jq -e "$1" >/dev/null
}

# listed PLACE COUNT: so many holds are in the web server's file.
listed() {
	jq -e ".holds | length == $2" $DIR/$1/gate-holds.json >/dev/null 2>&1
}

nothing_held() {
	listed "$1" 0
}

# ends PID SIGNAL
ends() {
	kill -"$2" "$1"
	wait "$1" 2>/dev/null || true
}

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

# report KIND...: a scanner has found these holes at A.
report() {
	python3 "$here/hub-holds.py" report 198.51.100.5 "$@" >$DIR/report.jsonl
	within hub curl -sk --max-time 10 -H "Authorization: Bearer $AN" -H 'Content-Type: application/octet-stream' \
		--data-binary @$DIR/report.jsonl -w '\n%{http_code}\n' \
		"https://127.0.0.1:8443/api/v1/imports?tenant=1&format=nuclei" >$DIR/import
	cat $DIR/import >>$DIR/imports.log
	[ "$(tail -n 1 $DIR/import)" = 202 ]
}

# finding KIND: its number.
finding() {
	get "/findings?cve=${cve[$1]}" '.items[0].id'
}

# hold KIND: the number of the hold that is not lifted.
hold() {
	get "/holds?cve=${cve[$1]}" '[.items[] | select(.state != "lifted")][0].id'
}

# bring TOKEN KIND STATE [REASON]
bring() {
	local id
	id=$(finding "$2")
	api "$1" POST "/findings/$id/state" "{\"to\":\"$3\",\"reason\":\"${4:-Đã cài bản vá.}\"}" \
		"If-Match: \"r$(get "/findings/$id" .revision)\"" | tail -n 1
}

# mended KIND: An says so, Bình verifies it.
mended() {
	[ "$(bring "$AN" "$1" fix-claimed)" = 200 ] && [ "$(bring "$BINH" "$1" verified)" = 200 ]
}

# ---- Attackers and users ----

attack() {
	within home python3 "$here/hub-holds.py" "$@"
}

works() {
	[ "$(attack attack "$1" "$2")" = works ]
}

stopped() {
	[ "$(attack attack "$1" "$2")" = stopped ]
}

# becomes works|stopped URL KIND SECONDS
becomes() {
	[ "$(attack until "$@")" != never ]
}

twins=()
twins_start() {
	local n
	for n in 5 6; do
		within home python3 "$here/hub-holds.py" twins http://198.51.100.$n $DIR/twins$n &
		twins+=($!)
	done
}

# percentile FILE SHARE
percentile() {
	sort -n "$1" | awk -v share="$2" '{ a[NR] = $1 } END { print a[int((NR - 1) * share) + 1] }'
}

hub_start
check "A is registered" "$LUYTRE" hub tenant 198.51.100.5/32 "Sở A"
check "B is registered" "$LUYTRE" hub tenant 198.51.100.6/32 "Sở B"
AN=$("$LIVE_TOOLS"/hub-person $DIR/hub an 1)
BINH=$("$LIVE_TOOLS"/hub-person $DIR/hub binh 1)
check "the edge enrols" within edge "$LUYTRE" edge enrol https://10.0.1.1:8444 \
	--token "$("$LUYTRE" hub invite "Điểm 1" --tenant 1 --tenant 2)" --config $DIR/edge/luytre.yaml
edge_start
nginx_start
check "the web server is told that nothing is held" eventually 10 nothing_held edge
check "and says so" eventually 10 edge_status '.holds.gates == 2 and .holds.gates_stamp == .holds.stamp'
for kind in "${KINDS[@]}"; do
	check "the exploit ($kind) works at A" works $A "$kind"
	check "and at B" works $B "$kind"
done
twins_start

# ---- Report in, exploit stopped; fix verified, hold lifted ----

: >$DIR/held
: >$DIR/stands
: >$DIR/lifted
for ((round = 0; round < ROUNDS; round++)); do
	kind=${KINDS[round % 3]}
	attack until stopped $A "$kind" 30 >$DIR/until &
	began=$(date +%s%N)
	report "$kind" || fail "the report was not taken"
	for ((look = 0; look < 300; look++)); do
		if says "/findings?cve=${cve[$kind]}&held=true" '.items | length == 1'; then
			echo $((($(date +%s%N) - began) / 1000000)) >>$DIR/stands
			break
		fi
	done
	wait $! || true
	cat $DIR/until >>$DIR/held
	works $B "$kind" || fail "round $round: B is affected"
	if ((round == 0)); then
		check "the finding is held" says "/findings?cve=${cve[$kind]}" '.items[0].state == "held"'
		check "nothing else is stopped at A" works $A form
		check "the status at the edge says it" edge_status '.holds.wanted == 1 and .holds.standing == 1'
	fi
	mended "$kind" || fail "round $round: the fix could not be verified"
	attack until works $A "$kind" 30 >>$DIR/lifted
done
check "every report stopped its exploit" [ "$(grep -c never $DIR/held)" = 0 ]
check "the hub knew each time that the hold stands" [ "$(wc -l <$DIR/stands)" = "$ROUNDS" ]
check "every hold was lifted" [ "$(grep -c never $DIR/lifted)" = 0 ]
figure "from a scanner's report to the last exploit that worked, p50" "$(percentile $DIR/held 0.5)" ms "<=" 10000 20000
figure "the same, slowest of $ROUNDS" "$(percentile $DIR/held 1)" ms "<=" 10000 25000
figure "from the report to the hold standing on the edge, as the hub knows, p50" "$(percentile $DIR/stands 0.5)" ms "<=" 10000 20000
figure "the same, slowest of $ROUNDS" "$(percentile $DIR/stands 1)" ms "<=" 10000 25000
figure "from the verified fix to the first request that is let through, slowest" "$(percentile $DIR/lifted 1)" ms "<=" 10000 25000

# ---- A person suspends it ----

report log || fail "the report was not taken"
check "held" becomes stopped $A log 30
id=$(hold log)
until=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)
revision=$(get "/holds/$id" .revision)
check "a person suspends the hold" [ "$(api "$BINH" POST "/holds/$id/suspend" "{\"reason\":\"Kiểm thử.\",\"until\":\"$until\"}" \
	"If-Match: \"r$revision\"" | tail -n 1)" = 200 ]
check "the exploit works" becomes works $A log 30
check "the finding is not held" says "/findings?cve=${cve[log]}" '.items[0].state == "open"'
revision=$(get "/holds/$id" .revision)
check "a person resumes it" [ "$(api "$BINH" POST "/holds/$id/resume" '{"reason":"Xong."}' "If-Match: \"r$revision\"" | tail -n 1)" = 200 ]
check "the exploit is stopped" becomes stopped $A log 30

# ---- The share of what is held, added up by others ----

report log form || fail "the report was not taken"
check "both are held" becomes stopped $A form 30
# shellcheck disable=SC2317 # called by eventually
shares_agree() {
	api "$BINH" GET /posture/facts | grep '^{' >$DIR/facts.jsonl
	python3 "$source/scripts/held-share" $DIR/facts.jsonl | awk '$1 == "tenant" && $2 == 1 { print $3, $4, $NF }' >$DIR/added
	get '/posture?tenant=1' '"\(.open) \(.held) \(.held_share_weighted * 100)"' | sed 's/$/.0/' >$DIR/told
	cmp -s $DIR/added $DIR/told && grep -qx "$1" $DIR/told
}
check "what is held of what is open, added up from facts, is what the hub says: all of it" eventually 10 shares_agree "2 2 100.0"
id=$(hold form)
revision=$(get "/holds/$id" .revision)
api "$BINH" POST "/holds/$id/suspend" "{\"reason\":\"Kiểm thử.\",\"until\":\"$until\"}" "If-Match: \"r$revision\"" >/dev/null
check "half of it when one is suspended" eventually 10 shares_agree "2 1 50.0"
revision=$(get "/holds/$id" .revision)
api "$BINH" POST "/holds/$id/resume" '{"reason":"Xong."}' "If-Match: \"r$revision\"" >/dev/null
check "and all of it again" eventually 20 shares_agree "2 2 100.0"

# ---- A web server without a shield before it, and a report by the command ----

check "C is registered" "$LUYTRE" hub tenant 198.51.101.5/32 "Sở C"
check "its host enrols" within web "$LUYTRE" edge enrol https://10.0.2.1:8444 \
	--token "$("$LUYTRE" hub invite "Điểm 2" --tenant "Sở C")" --config $DIR/web/luytre.yaml
within web "$LUYTRE" edge link --config $DIR/web/luytre.yaml >>$DIR/luytre.log 2>&1 &
alone=$!
check "its web server is told that nothing is held" eventually 15 nothing_held web
within web nginx -c $DIR/web/nginx.conf 2>>$DIR/luytre.log &
check "the exploit works at C" eventually 10 works $C error
python3 "$here/hub-holds.py" report 198.51.101.5 error >$DIR/report-c.jsonl
check "a report is imported by the command" "$LUYTRE" hub import --tenant 3 $DIR/report-c.jsonl
check "the exploit is stopped at C" becomes stopped $C error 30
check "and works at A, where nobody has found it" works $A error
ends $alone KILL
rm $DIR/web/gate-holds.json
within web "$LUYTRE" edge link --config $DIR/web/luytre.yaml >>$DIR/luytre.log 2>&1 &
check "the link starts again: still stopped" becomes stopped $C error 10

# ---- Who is gone meanwhile ----

ends $hub KILL
check "the hub is gone: still stopped" stopped $A log
ends $edge KILL
check "the edge is killed: still stopped" stopped $A form
rm $DIR/edge/gate-holds.json
sleep 2
edge_start
check "a new daemon gives the list again, without the hub" eventually 3 listed edge 2
check "still stopped" stopped $A log
within edge nginx -s reload -c $DIR/edge/nginx.conf
check "the web server is reloaded: still stopped, each of many times" grep -qx 'stopped [0-9]*' <(attack watch 3 $A log form)
check "and nothing at B" works $B form
hub_start
check "the hub is back and knows what stands" eventually 60 says '/findings?held=true' '.items | length == 2'
check "its edge too" eventually 60 edge_status '.holds.wanted == 2 and .holds.standing == 2'
check "still stopped" stopped $A log

for pid in "${twins[@]}"; do
	ends "$pid" TERM
done
asked=$(($(word $DIR/twins5 asked) + $(word $DIR/twins6 asked)))
ends $nginx TERM
nginx_start
check "a new web server holds from its first request on" stopped $A form
refused=$(($(word $DIR/twins5 refused) + $(word $DIR/twins6 refused)))
check "honest requests were asked all the time: $asked" [ "$asked" -ge 1000 ]
figure "honest requests that were not answered 200" "$refused" "" "<=" 0 0
if ((failures)); then
	tail -n 20 $DIR/edge/nginx.log $DIR/web/nginx.log $DIR/imports.log
fi
live_end
