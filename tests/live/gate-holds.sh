#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Holds that come from the hub, in a real nginx: a file arms them place by place while it runs, each worker proves them and says so, and neither
# a broken file, a killed worker nor a reload lets an attack through that was held.
#
#	curl ---- :8080 front: nginx with the gate, two workers, several servers ---- reports and events to a datagram socket
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

[[ -n ${GATE_MODULE:-} ]] || live_skip "nginx-dev is not installed: there is no module"
command -v python3 >/dev/null || live_skip "python3 is not installed"
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
space web
mkdir -p $DIR/rules $DIR/cache $DIR/front/pages $DIR/run
chmod 755 $DIR/run
echo hello >$DIR/front/pages/index.html
HOLDS=$DIR/run/gate-holds.json

# ---- who takes reports and events: a line for each datagram ----

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

# ---- the gate ----

cat >$DIR/rules/10-settings.conf <<-'end'
	SecRuleEngine On
	SecRequestBodyAccess On
	SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
	SecRule ARGS:own "@streq bad" "id:1001,phase:1,deny,status:406,log,msg:'A rule that is no hold'"
end
cp "$ROOT/rules/gate/holds.conf" $DIR/rules/20-holds.conf
cp "$ROOT/rules/gate/samples/holds.jsonl" $DIR/samples.jsonl
cat >$DIR/front.conf <<-end
	load_module $GATE_MODULE;
	user nobody nogroup;
	daemon off;
	worker_processes 2;
	worker_shutdown_timeout 5s;
	pid $DIR/front.pid;
	error_log $DIR/front.log notice;
	events { worker_connections 256; }
	http {
		access_log off;
		client_body_temp_path $DIR/front/tmp;
		luytre_gate_cache $DIR/cache;
		luytre_gate_watch 300ms;
		luytre_gate_rules $DIR/rules;
		luytre_gate_events unix:$DIR/run/events.sock;
		luytre_gate_tenant bank;
		luytre_gate_holds $HOLDS samples=$DIR/samples.jsonl;
		root $DIR/front/pages;
		server { listen 127.0.0.1:8080 default_server; listen 127.0.0.2:8080 default_server; server_name other.example.vn; luytre_gate on; }
		server { listen 127.0.0.3:8080 default_server; server_name only.example.vn; luytre_gate on; luytre_gate_events $DIR/lines.json; }
		server { listen 127.0.0.1:8080; server_name held.example.vn; luytre_gate on; }
		server { listen 127.0.0.1:8080; server_name shadow.example.vn; luytre_gate shadow; }
		server { listen 127.0.0.1:8080; server_name off.example.vn; luytre_gate off; }
		server { listen 127.0.0.1:8080; server_name nat.example.vn; luytre_gate on; luytre_gate_asset 203.0.113.80;
			location /free/ { luytre_gate_except tag=luytre/hold; alias $DIR/front/pages/; } }
	}
end
check "the configuration is good" within web nginx -t -q -c $DIR/front.conf
sed 's/luytre_gate_asset 203.0.113.80/luytre_gate_asset 203.0.113.80\/24/' $DIR/front.conf >$DIR/broken.conf
check "an asset with bits behind its length is refused" refuses within web nginx -t -q -c $DIR/broken.conf 2>/dev/null
sed 's/samples=/examples=/' $DIR/front.conf >$DIR/broken.conf
check "an unknown word is refused" refuses within web nginx -t -q -c $DIR/broken.conf 2>/dev/null

within web nginx -c $DIR/front.conf 2>>$DIR/luytre.log &
front=$!
eventually 60 gets 200 web http://127.0.0.1:8080/ || fail "the front did not start"

# shellcheck disable=SC2016 # no expansion of the shell
attack='X-Api-Version: ${jndi:ldap://127.0.0.1:9/luytre}'
# shellcheck disable=SC2016
twin='X-Api-Version: ${build}'
form='Content-Type: application/x-www-form-urlencoded'
spring='class.module.classLoader.resources.context.parent.pipeline.first.pattern=luytre'

# ask NAME [OPTION...]: the status of a request to the server of this name.
ask() {
	local name=$1
	shift
	fetch web http://127.0.0.1:8080/ -H "Host: $name" "$@"
}

# stopped NAME, passed NAME: the attack there.
# shellcheck disable=SC2317 # called by eventually
stopped() {
	[ "$(ask "$1" -H "$attack")" = 403 ]
}
passed() {
	[ "$(ask "$1" -H "$attack")" = 200 ]
}

# arm STAMP: the file as the edge puts it, with these holds armed.
arm() {
	cat >$HOLDS.new <<-end
		{"stamp":$1,"holds":[
		{"hold":81,"rule":8100010,"mode":"enforce","tenant":17,"asset":9,"names":["held.example.vn","shadow.example.vn","off.example.vn","only.example.vn"]},
		{"hold":82,"rule":8100020,"mode":"shadow","tenant":17,"asset":9,"names":["held.example.vn"]},
		{"hold":83,"rule":8100010,"mode":"enforce","tenant":17,"asset":10,"prefixes":["203.0.113.0/24","127.0.0.2/32"]},
		{"hold":84,"rule":8999999,"mode":"enforce","tenant":17,"asset":11,"names":["held.example.vn"]}]}
	end
	chmod 644 $HOLDS.new
	mv $HOLDS.new $HOLDS
}

# reports STAMP COUNT FILTER: so many reports on this stamp are as jq wants.
# shellcheck disable=SC2317 # called by eventually
reports() {
	[ "$(jq -c "select(.event_type == \"holds\" and .stamp == $1) | select($3)" "$DIR/eve.json" | wc -l)" -ge "$2" ]
}

# ---- nothing is armed ----

check "without a file the attack passes" passed held.example.vn
check "... everywhere" passed other.example.vn
check "a rule that is no hold stops" [ "$(ask held.example.vn -G -d own=bad)" = 406 ]
check "both workers say that no hold is armed" eventually 5 reports 0 2 '.holds == [] and .workers == 2'

# ---- the file comes ----

arm 1001
start=$(date +%s%N)
check "the file comes: the attack is stopped" eventually 5 stopped held.example.vn
took=$((($(date +%s%N) - start) / 1000000))
check "... after $took ms" [ $took -lt 2000 ]
sleep 0.7 # the other worker, too
for i in 1 2 3 4 5 6 7 8; do
	stopped held.example.vn || fail "attack $i passes"
done
check "its benign twin passes" [ "$(ask held.example.vn -H "$twin")" = 200 ]
check "another server is not touched" passed other.example.vn
check "a site in shadow is held too" stopped shadow.example.vn
check "... and only by that hold" [ "$(ask shadow.example.vn -G -d own=bad)" = 200 ]
check "a site that is off is not" passed off.example.vn
check "the name is what the request line says" \
	[ "$(within web curl -s -o /dev/null -w '%{http_code}' --request-target http://HELD.example.vn:8080/ -H 'Host: other.example.vn' -H "$attack" http://127.0.0.1:8080/)" = 403 ]
check "... and what the header says" \
	[ "$(within web curl -s -o /dev/null -w '%{http_code}' --request-target http://other.example.vn/ -H 'Host: held.example.vn:8080' -H "$attack" http://127.0.0.1:8080/)" = 403 ]
check "the address that it was sent to counts" [ "$(fetch web http://127.0.0.2:8080/ -H "$attack")" = 403 ]
check "no other host leads past the server's own name" [ "$(fetch web http://127.0.0.3:8080/ -H 'Host: any.example.vn' -H "$attack")" = 403 ]
check "what a server says that it stands for counts" stopped nat.example.vn
check "an exclusion of the site stays" [ "$(fetch web http://127.0.0.1:8080/free/ -H 'Host: nat.example.vn' -H "$attack")" = 200 ]
check "a hold in shadow lets pass" [ "$(ask held.example.vn -H "$form" -d "$spring")" = 405 ]
check "... and tells" eventually 3 has_events 1 \
	'.hold == {"hold":82,"rule":8100020,"mode":"shadow"} and .gate.wanted == "pass" and .tenant == "bank"'
check "what was stopped is told with its hold" has_events 8 \
	'.hold == {"hold":81,"rule":8100010,"mode":"enforce"} and .gate.action == "deny" and .gate.rule == 8100010 and .gate.hold == "8100010"'
check "... at the site in shadow, too" has_events 1 '.site == "shadow.example.vn" and .hold.hold == 81 and .gate.action == "deny" and (.gate.shadow | not)'

# ---- the proof ----

stands='.holds | map({(.hold | tostring): .}) | add |
	(.["81"] == {"hold":81,"rule":8100010,"mode":"enforce","known":true,"attack":"stopped","twin":"passed"}) and
	(.["82"] | .mode == "shadow" and .attack == "stopped" and .twin == "passed") and
	(.["83"].attack == "stopped") and
	(.["84"] | .known == false and .attack == "none" and .twin == "none")'
check "both workers prove and report" eventually 10 reports 1001 2 "$stands"
check "... as two workers of one gate" eventually 1 \
	[ "$(jq -c 'select(.event_type == "holds" and .stamp == 1001) | [.gate, .worker, .workers, .part, .parts]' $DIR/eve.json | sort -u | sed 's/"[0-9a-f]\{16\}"/G/' | tr -d '\n')" = '[G,0,2,1,1][G,1,2,1,1]' ]
check "... also to a file, a line each" \
	[ "$(jq -c "select(.event_type == \"holds\" and .stamp == 1001) | select($stands)" $DIR/lines.json | wc -l)" = 2 ]
check "no request was stopped by a proof" refuses has_events 1 '.site == "luytre-holds"'

# ---- broken, killed, reloaded ----

echo '{"stamp":1002,"holds":[{' >$HOLDS
check "a broken file is told of" eventually 5 grep -q 'holds are refused, the old ones stay' $DIR/front.log
sleep 1
check "... once by each worker" [ "$(grep -c 'holds are refused' $DIR/front.log)" = 2 ]
check "... and changes nothing" stopped held.example.vn
arm 1003
check "the next good one is taken" eventually 10 reports 1003 2 "$stands"

worker=$(pgrep -P "$front" | head -n 1)
kill -9 "$worker"
check "a new worker proves what is armed" eventually 10 reports 1003 3 "$stands"
for i in 1 2 3 4 5 6 7 8; do
	stopped held.example.vn || fail "attack $i passes after a worker was killed"
done

kill -HUP "$front"
check "so do the workers of a reload" eventually 20 reports 1003 5 "$stands"
for i in 1 2 3 4 5 6 7 8; do
	stopped held.example.vn || fail "attack $i passes after a reload"
done

# New rules: a hold that is in them no more is told of.
sed 's/8100010,/8199990,/' "$ROOT/rules/gate/holds.conf" >$DIR/rules.new
mv $DIR/rules.new $DIR/rules/20-holds.conf
check "rules without the hold: the reports say so" eventually 60 reports 1003 2 '.holds[0] == {"hold":81,"rule":8100010,"mode":"enforce","known":false,"attack":"none","twin":"none"}'
check "... and the attack passes" passed held.example.vn
cp "$ROOT/rules/gate/holds.conf" $DIR/rules.new
mv $DIR/rules.new $DIR/rules/20-holds.conf
check "with the hold again it is stopped" eventually 60 stopped held.example.vn

# ---- many rows, and a reader that comes late ----

kill "$reader"
wait "$reader" 2>/dev/null || true
rm -f $DIR/run/events.sock
python3 - $HOLDS.new <<'end'
import json, sys
rows = [{"hold": 1000 + i, "rule": 8100010 + 10 * (i % 184), "mode": "enforce", "tenant": 1, "asset": i,
	"prefixes": ["198.18.%d.%d/32" % (i >> 8, i & 255)], "names": ["h%d.example.vn" % i]} for i in range(4000)]
rows.append({"hold": 1, "rule": 8100010, "mode": "enforce", "names": ["held.example.vn"]})
json.dump({"stamp": 1004, "holds": rows}, open(sys.argv[1], "w"))
end
mv $HOLDS.new $HOLDS
check "4,001 rows are taken" eventually 10 grep -q 'taken, stamp 1004' $DIR/front.log
check "... and hold" eventually 5 stopped held.example.vn
check "nobody takes the report: said once" eventually 10 grep -q 'nobody takes the report' $DIR/front.log
python3 $DIR/reader.py $DIR/run/events.sock $DIR/eve.json &
reader=$!
check "a reader that comes late gets all parts of both workers" eventually 20 reports 1004 42 '.parts == 21 and (.holds | length) <= 200'
check "... and each row of each once" \
	[ "$(jq -c 'select(.event_type == "holds" and .stamp == 1004) | .worker as $w | .holds[] | [$w, .hold]' $DIR/eve.json | sort -u | wc -l)" = 8002 ]
check "... all of them proved" refuses reports 1004 1 '.holds | any(.known != true or .attack != "stopped" or .twin != "passed")'

# ---- the file goes ----

rm $HOLDS
check "the file goes: the attack passes" eventually 5 passed held.example.vn
sleep 0.7
for i in 1 2 3 4 5 6 7 8; do
	passed held.example.vn || fail "attack $i is stopped without a hold"
done
check "... and the reports say so" eventually 5 reports 0 4 '.holds == []'
check "a rule that is no hold still stops" [ "$(ask held.example.vn -G -d own=bad)" = 406 ]
check "nothing went wrong in a worker" refuses grep -E '\[(alert|emerg|crit)\]' <(grep -v "worker process $worker exited" $DIR/front.log)

if ((failures)); then
	tail -n 30 $DIR/front.log
	jq -c 'select(.event_type == "holds") | [.stamp, .worker, .part, .parts, (.holds | length)]' $DIR/eve.json | tail -n 20
fi
kill "$front" "$reader"
live_end
