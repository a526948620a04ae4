#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Modes of sites that come from the hub, in a real nginx under load: a file turns the gate of single sites off, to shadow and to enforce while
# nginx runs, by name, by address and by what a server says that it stands for; what a client says of itself cannot turn anything off; a wrong
# file changes nothing; no request fails and nothing is reloaded.
#
#	curl, load ---- :8080 front: nginx with the gate, two workers, several servers ---- reports and events to a datagram socket
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

[[ -n ${GATE_MODULE:-} ]] || live_skip "nginx-dev is not installed: there is no module"
command -v python3 >/dev/null || live_skip "python3 is not installed"
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
space web
mkdir -p $DIR/rules $DIR/cache $DIR/front/pages $DIR/run
chmod 755 $DIR/run
echo hello >$DIR/front/pages/index.html
MODES=$DIR/run/gate-holds.json

cat >$DIR/reader.py <<'end'
import os, socket, sys
reader = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
reader.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
with open(sys.argv[2], "ab", buffering=0) as out:
    while True:
        out.write(reader.recv(1 << 18) + b"\n")
end
touch $DIR/eve.json
python3 $DIR/reader.py $DIR/run/events.sock $DIR/eve.json &
reader=$!

# Requests of people to all sites, forms among them, until it is told to end: how many there were, and what failed.
cat >$DIR/load.py <<'end'
import http.client, itertools, os, sys
names, good, bad = sys.argv[2:], 0, []
connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=5)
for count in itertools.count():
    if os.path.exists(sys.argv[1]):
        break
    name = names[count % len(names)]
    try:
        if count % 3:
            connection.request("GET", "/?q=tin", headers={"Host": name})
        else:
            connection.request("POST", "/form", body="q=" + "tin+" * 2000, headers={"Host": name,
                "Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            good += 1
        else:
            bad.append("%s %d" % (name, answer.status))
    except OSError as error:
        bad.append("%s %s" % (name, error))
        connection.close()
print(good, len(bad), *bad[:3])
end

# ---- the gate ----

cat >$DIR/rules/10-settings.conf <<-'end'
	SecRuleEngine On
	SecRequestBodyAccess On
	SecResponseBodyAccess On
	SecRule ARGS:own "@streq bad" "id:1001,phase:2,deny,status:406,log,msg:'A rule that is no hold'"
end
cp "$ROOT/rules/gate/holds.conf" $DIR/rules/20-holds.conf
cp "$ROOT/rules/gate/samples/holds.jsonl" $DIR/samples.jsonl
cat >$DIR/front.conf <<-end
	load_module $GATE_MODULE;
	user nobody nogroup;
	daemon off;
	worker_processes 2;
	pid $DIR/front.pid;
	error_log $DIR/front.log notice;
	events { worker_connections 256; }
	http {
		access_log off;
		client_body_temp_path $DIR/front/tmp;
		luytre_gate_cache $DIR/cache;
		luytre_gate_watch 300ms;
		luytre_gate_events unix:$DIR/run/events.sock;
		luytre_gate_holds $MODES samples=$DIR/samples.jsonl;
		root $DIR/front/pages;
		server {
			listen 127.0.0.1:8080; server_name bare.example.vn; # no rules: nothing can be turned on
			location = /form { return 200; }
		}
		server {
			luytre_gate_rules $DIR/rules;
			listen 127.0.0.1:8080 default_server; listen 127.0.0.2:8080 default_server; server_name other.example.vn;
			luytre_gate on;
			location = /form { return 200; }
			location = /status { luytre_gate_status; }
		}
		server {
			luytre_gate_rules $DIR/rules;
			listen 127.0.0.1:8080; server_name first.example.vn *.wild.example.vn; luytre_gate on; luytre_gate_tenant bank;
			luytre_gate_asset first.example.vn x.wild.example.vn;
			luytre_gate_limit rate=1000 burst=20000;
			luytre_gate_slow body=1 grace=60s;
			location = /form { return 200; }
		}
		server {
			luytre_gate_rules $DIR/rules;
			listen 127.0.0.1:8080; server_name second.example.vn; luytre_gate shadow; luytre_gate_asset second.example.vn;
			location = /form { return 200; }
		}
		server {
			luytre_gate_rules $DIR/rules;
			listen 127.0.0.1:8080; server_name off.example.vn; luytre_gate off;
			location = /form { return 200; }
		}
		server {
			luytre_gate_rules $DIR/rules;
			listen 8081; server_name nat.example.vn; luytre_gate on; luytre_gate_asset 203.0.113.80;
		}
	}
end
check "the configuration is good" within web nginx -t -q -c $DIR/front.conf
within web nginx -c $DIR/front.conf 2>>$DIR/luytre.log &
front=$!
eventually 60 gets 200 web http://127.0.0.1:8080/ || fail "the front did not start"

names=(first.example.vn second.example.vn off.example.vn other.example.vn)
loads=()
for i in 1 2; do
	within web python3 $DIR/load.py $DIR/enough "${names[@]}" >$DIR/load$i &
	loads+=($!)
done

# attack NAME [URL]: the status of one that a rule, which is no hold, stops.
# shellcheck disable=SC2317 # likewise
attack() {
	fetch web "${2:-http://127.0.0.1:8080/}" -G -d own=bad -H "Host: $1"
}
# shellcheck disable=SC2317 # called by eventually, always and in_force
stopped() {
	[ "$(attack "$@")" = 406 ]
}
# shellcheck disable=SC2317 # likewise
passed() {
	[ "$(attack "$@")" = 200 ]
}
# shellcheck disable=SC2016 # no expansion of the shell
hold='X-Api-Version: ${jndi:ldap://127.0.0.1:9/luytre}'
# shellcheck disable=SC2317 # likewise
held() {
	[ "$(fetch web http://127.0.0.1:8080/ -H "Host: $1" -H "$hold")" = "$2" ]
}

# always COMMAND...: eight times in a row, so that each worker was asked.
always() {
	for ((round = 0; round < 8; round++)); do
		"$@" || return 1
	done
}

# put STAMP MODES [HOLDS]: the file as the edge puts it.
put() {
	echo "{\"stamp\":$1,\"holds\":[${3:-}],\"modes\":[$2]}" >$MODES.new
	chmod 644 $MODES.new
	mv $MODES.new $MODES
}

# reports STAMP COUNT FILTER: so many reports on this stamp are as jq wants.
# shellcheck disable=SC2317 # called by eventually
reports() {
	[ "$(jq -c "select(.event_type == \"holds\" and .stamp == $1) | select($3)" "$DIR/eve.json" | wc -l)" -ge "$2" ]
}

# in_force COMMAND...: milliseconds from the file, which was put just now, until it is so.
in_force() {
	local start
	start=$(date +%s%N)
	until "$@"; do
		(($(date +%s%N) - start < 5000000000)) || return 1
	done
	echo $((($(date +%s%N) - start) / 1000000))
}

# ---- as the configuration says ----

check "no file: on, shadow and off are as configured" always stopped first.example.vn
check "... shadow" passed second.example.vn
check "... off" passed off.example.vn
check "... on by default" stopped unknown.example.vn

# ---- by name ----

put 1 '{"mode":"off","asset":1,"names":["first.example.vn"]},{"mode":"enforce","asset":2,"names":["second.example.vn"]}'
took=$(in_force passed first.example.vn) || fail "a site is not turned off"
echo "from the file to the gate that is off: $took ms"
check "the other is turned on" eventually 2 stopped second.example.vn
sleep 0.4
check "both workers: off" always passed first.example.vn
check "... on" always stopped second.example.vn
check "... others as before" always stopped other.example.vn
before=$(events '.event_type == "gate" and .site == "first.example.vn"')
always passed first.example.vn
sleep 0.3
check "what is off is not looked at: no event" [ "$(events '.event_type == "gate" and .site == "first.example.vn"')" = "$before" ]
check "events say where the mode comes from" has_events 1 \
	'.site == "second.example.vn" and .gate.action == "deny" and .gate.mode_by == "policy"'
check "... and nothing where it is the site's own" has_events 1 '.site == "other.example.vn" and .gate.action == "deny" and (.gate | has("mode_by") | not)'

# A client may write any host: what it says turns nothing off, nor does the header behind an absolute URL.
check "a name of another server in the header turns nothing off" \
	[ "$(within web curl -s -o /dev/null -w '%{http_code}' -x http://127.0.0.1:8080 -H 'Host: first.example.vn' 'http://other.example.vn/?own=bad')" = 406 ]
put 1 '{"mode":"off","asset":1,"names":["first.example.vn","other.example.vn"]},{"mode":"enforce","asset":2,"names":["second.example.vn"]}'
sleep 0.8
check "a name that the operator has not named here turns nothing off" always stopped other.example.vn
check "... one that he has does" always passed first.example.vn
put 1 '{"mode":"enforce","edge_only":true,"asset":1,"names":["other.example.vn"]},{"mode":"enforce","asset":2,"names":["second.example.vn"]}'
sleep 0.8
check "... nor as edge-only" always stopped other.example.vn
check "... and the report says that it does not stand" eventually 5 reports 1 2 '.sites[0] == {"asset":1,"mode":"off","edge_only":true,"stands":false}'
put 1 '{"mode":"off","asset":1,"names":["first.example.vn"]},{"mode":"enforce","asset":2,"names":["second.example.vn"]}'
sleep 0.8
check "the first's name at another address turns nothing off" [ "$(attack first.example.vn http://127.0.0.2:8080/)" = 406 ]

put 2 '{"mode":"shadow","asset":1,"names":["first.example.vn","x.wild.example.vn"]},{"mode":"enforce","asset":3,"names":["off.example.vn"]}' \
	'{"hold":81,"rule":8100010,"mode":"enforce","asset":1,"names":["first.example.vn"]},{"hold":90,"rule":9000001,"part":"sensor","mode":"enforce","names":["first.example.vn"]}'
took=$(in_force stopped off.example.vn) || fail "a site that was off is not turned on"
echo "from the file to the gate that is on: $took ms"
sleep 0.4
check "shadow lets pass" always passed first.example.vn
check "... and says so" eventually 3 has_events 1 \
	'.site == "first.example.vn" and .gate.action == "pass" and .gate.wanted == "deny" and .gate.shadow and .gate.mode_by == "policy"'
check "... by another name of the server" always passed x.wild.example.vn
check "... but not by one that the file does not know: the server's first name counts" always passed y.wild.example.vn
check "a hold that is armed to enforce stops in shadow too" always held first.example.vn 403
check "a site that is taken out is its own again" always passed second.example.vn
check "one that was off is on, forms too" always stopped off.example.vn
check "reports name the sites, and the holds of the gate only" eventually 5 reports 2 2 \
	'.sites == [{"asset":1,"mode":"shadow","edge_only":false,"stands":true},{"asset":3,"mode":"enforce","edge_only":false,"stands":true}] and (.holds | map(.hold)) == [81] and .holds[0].known'

# ---- by address ----

put 3 '{"mode":"off","asset":4,"prefixes":["127.0.0.0/8"]},{"mode":"shadow","asset":5,"prefixes":["127.0.0.2/32"]},{"mode":"enforce","asset":6,"names":["second.example.vn"]},{"mode":"enforce","asset":7,"names":["bare.example.vn"]}'
check "by address: off" eventually 2 passed other.example.vn
sleep 0.4
check "... by all workers" always passed first.example.vn
check "the longest prefix: shadow" always passed other.example.vn http://127.0.0.2:8080/
check "... is inspected" eventually 3 has_events 1 '.event_type == "gate" and .dest_ip == "127.0.0.2" and .gate.wanted == "deny" and .gate.shadow'
check "a name before a prefix" always stopped second.example.vn
check "... also as any host: the mode is only made stricter" always stopped second.example.vn http://127.0.0.2:8080/
check "without rules nothing can be turned on" always passed bare.example.vn
check "... and the report says so" eventually 5 reports 3 2 \
	'.sites | map({(.asset | tostring): .stands}) | add == {"4":true,"5":true,"6":true,"7":false}'

# ---- by what a server stands for, at any address; edge-only ----

put 4 '{"mode":"shadow","asset":8,"prefixes":["203.0.113.0/24"]}'
check "by what the server stands for" eventually 2 passed nat.example.vn http://127.0.0.3:8081/
put 5 '{"mode":"enforce","edge_only":true,"asset":9,"prefixes":["203.0.113.80/32"],"names":["second.example.vn"]},{"mode":"shadow","asset":8,"prefixes":["203.0.113.0/24"]}'
sleep 0.8
before=$(events '.event_type == "gate" and .site == "nat.example.vn"')
check "edge-only: off, whatever its mode" always passed nat.example.vn http://127.0.0.3:8081/
check "... by name too" always passed second.example.vn
sleep 0.3
check "... and nothing was looked at" [ "$(events '.event_type == "gate" and .site == "nat.example.vn"')" = "$before" ]
check "... the report says so" eventually 5 reports 5 2 '.sites[0] == {"asset":9,"mode":"off","edge_only":true,"stands":true}'
check "what is edge-only turns nothing off for another server's site" always stopped nat.example.vn http://127.0.0.1:8080/

# ---- what is wrong changes nothing ----

put 6 '{"mode":"on","asset":9,"names":["other.example.vn"]}'
check "a wrong mode is told of" eventually 5 grep -q 'holds are refused, the old ones stay' $DIR/front.log
sleep 0.5
check "... and changes nothing" always passed second.example.vn
echo '{"stamp":7,"holds":[],"modes":[{' >$MODES
sleep 1
check "a broken file changes nothing" always passed nat.example.vn http://127.0.0.3:8081/
check "... each is told of once by each worker" [ "$(grep -c 'holds are refused' $DIR/front.log)" = 4 ]

# ---- many, under load ----

python3 - $MODES.new <<'end'
import json, sys
rows = [{"mode": ("off", "shadow", "enforce")[i % 3], "tenant": 1, "asset": i + 10, "prefixes": ["198.18.%d.%d/32" % (i >> 8, i & 255)],
    "names": ["h%d.example.vn" % i]} for i in range(4000)]
rows.append({"mode": "off", "asset": 1, "names": ["first.example.vn"]})
json.dump({"stamp": 8, "holds": [], "modes": rows}, open(sys.argv[1], "w"))
end
chmod 644 $MODES.new
mv $MODES.new $MODES
took=$(in_force passed first.example.vn) || fail "4,001 modes are not taken"
echo "from a file of 4,001 modes to the gate that is off: $took ms"
sleep 0.5
check "4,001 modes: all workers" always passed first.example.vn
check "the report has them in parts" eventually 10 reports 8 42 '.parts == 21 and (.sites | length) <= 200 and .holds == []'
check "... each once" [ "$(jq -c 'select(.event_type == "holds" and .stamp == 8) | .worker as $w | .sites[] | [$w, .asset]' $DIR/eve.json | sort -u | wc -l)" = 8002 ]

for i in 9 10 11 12 13 14; do
	put $i "{\"mode\":\"$( ((i % 2)) && echo off || echo enforce)\",\"asset\":1,\"names\":[\"first.example.vn\",\"second.example.vn\"]}"
	sleep 0.5
done
rm $MODES
check "the file goes: as the configuration says" eventually 5 stopped first.example.vn
sleep 0.5
check "... everywhere" always stopped first.example.vn
check "... shadow" always passed second.example.vn
touch $DIR/enough
wait "${loads[@]}"
echo "under load meanwhile, good and failed: $(cat $DIR/load1), $(cat $DIR/load2)"
check "no request failed" [ "$(awk '{ n += $2; g += $1 } END { print n ":" (g > 1000) }' $DIR/load1 $DIR/load2)" = "0:1" ]
status=$(within web curl -s http://127.0.0.1:8080/status)
for mode in off shadow enforce edge-only; do
	check "the status counts requests that are $mode by policy" grep -q "luytre_gate_policy_requests_total{mode=\"$mode\"} [1-9]" <<<"$status"
done
check "nothing was reloaded" refuses grep -q 'reconfiguring\|gracefully' $DIR/front.log
check "nothing went wrong in a worker" refuses grep -E '\[(alert|emerg|crit)\]' $DIR/front.log

if ((failures)); then
	tail -n 30 $DIR/front.log
	jq -c 'select(.event_type == "holds") | [.stamp, .worker, .part, .parts, (.sites // [])[:3]]' $DIR/eve.json | tail -n 20
fi
kill "$front" "$reader"
live_end
