#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One command on one machine: edge, hub, console and sensor, which find one another without a person. Each is killed in turn.
#
#	home (45.1.7.0/24) ---- edge: luytre run --interface in0
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

# The places that a run without a configuration file uses, for this test alone.
mount -t tmpfs -o mode=0755 live /var/lib
mkdir -p /var/lib/luytre /var/lib/nginx /run/luytre
mount -t tmpfs -o mode=0755 live /run/luytre
unset LUYTRE_SOCKET LUYTRE_SENSOR_SOCKET

space home edge
link home up0 edge in0
ip -n home route add local 45.1.7.0/24 dev lo
ip -n home addr add 192.88.1.1/24 dev up0
ip -n edge addr add 192.88.1.2/24 dev in0
ip -n edge route add 45.1.7.0/24 via 192.88.1.1
within home ethtool -K up0 tx off >/dev/null
within home "$LIVE_TOOLS"/gate up0
web edge 80
cat >$DIR/test.rules <<-'end'
	alert http any any -> any 80 (msg:"a known hole"; flow:established,to_server; http.uri; content:"/exploit"; metadata:luytre_evidence e3, luytre_class web; sid:8100010;)
end

command=
run() {
	within edge "$LUYTRE" run --interface in0 --enforce --rules $DIR/test.rules >>$DIR/said 2>>$DIR/luytre.log &
	command=$!
	eventually 20 enrolled || fail "the edge is not enrolled"
}

enrolled() {
	"$LUYTRE" hub status --json 2>/dev/null | jq -e '[.edges[] | select(.current)] | length == 1' >/dev/null
}

# part NAME: the process of a part.
part() {
	pgrep -P "$command" -x "$1"
}

# replaced NAME PID: another process does that part.
replaced() {
	local now
	now=$(part "$1") && [ "$now" != "$2" ]
}

fetches() {
	[ "$(within home curl -s -o /dev/null --max-time "$3" --interface "$2" -w '%{http_code}' http://192.88.1.2/"${4:-}")" = "$1" ]
}
passes() {
	fetches 200 "$1" 2
}
blocked() {
	fetches 000 "$1" 0.4
}

exploit() {
	within home curl -s -o /dev/null --max-time 1 --interface "$1" http://192.88.1.2/exploit || true
}

known() {
	"$LUYTRE" hub decisions 2>/dev/null | grep -qF "$1"
}

knows_after_exploit() {
	exploit "$1"
	known "$1"
}

console() {
	[ "$(within edge curl -sk -o /dev/null --max-time 2 -w '%{http_code}' https://127.0.0.1:8443/api/v1/session)" != 000 ]
}

logs_in() {
	within edge curl -sk --max-time 5 -H 'content-type: application/json' -d "{\"login\":\"lan\",\"password\":\"$1\"}" \
		https://127.0.0.1:8443/api/v1/session | jq -e '.permissions | index("undo-all")' >/dev/null
}

answers() {
	"$LUYTRE" status >/dev/null 2>&1
}

no_process() {
	! pgrep -x 'luytre.*' >/dev/null
}

nothing_held() {
	jq -e '.holds == []' /run/luytre/gate-holds.json >/dev/null 2>&1
}

run
check "the address of the console is said" grep -q 'https://127.0.0.1:8443/' $DIR/said
password=$(sed -n 's/^first password of "admin": //p' $DIR/said)
check "so is a password" [ "${#password}" -ge 16 ]
check "it is not logged" refuses grep -qF "$password" $DIR/luytre.log
check "the console answers" eventually 5 console
check "from this machine alone" refuses within home curl -sk -o /dev/null --max-time 1 https://192.88.1.2:8443/
check "the web server's gate is told what is held" eventually 10 nothing_held
check "where it may read it" [ "$(stat -c %a /run/luytre /run/luytre/gate-holds.json | tr '\n' ' ')" = "755 644 " ]
check "an organisation has a place and a sector" "$LUYTRE" hub tenant province=48 sector=health level=4 198.51.100.0/24 "Sở Y tế"
check "which must exist" refuses "$LUYTRE" hub tenant province=2 198.51.101.0/24 "Sở B"
check "an account is made for the console" logs_in "$("$LUYTRE" hub account --json lan analyst | jq -r .password)"
check "once" refuses "$LUYTRE" hub account lan analyst
check "a user passes" passes 45.1.7.200
check "the sensor looks: the hub hears of an attack" eventually 15 knows_after_exploit 45.1.7.9
check "the attacker is held off" eventually 5 blocked 45.1.7.9

# Each part is killed.
hub=$(part luytre-hub)
kill -KILL "$hub"
check "the hub is gone: the attacker is held off" blocked 45.1.7.9
check "and users pass" passes 45.1.7.200
check "the hub is back" eventually 10 replaced luytre-hub "$hub"
check "with what it had decided" eventually 10 known 45.1.7.9
check "and with its edge" eventually 40 enrolled
edge=$(part luytre)
kill -KILL "$edge"
check "the edge is gone: the attacker is held off" blocked 45.1.7.9
check "and users pass" passes 45.1.7.201
check "the edge is back" eventually 10 replaced luytre "$edge"
check "and answers" eventually 10 answers
sensor=$(part luytre-sensor)
kill -KILL "$sensor"
check "users pass without the sensor" passes 45.1.7.202
check "the sensor is back" eventually 10 replaced luytre-sensor "$sensor"
check "all work together again" eventually 40 knows_after_exploit 45.1.7.77
check "no second password was made" [ "$(grep -c 'first password' $DIR/said)" = 1 ]

kill -TERM "$command"
check "the end is orderly" wait "$command"
check "nothing is left" no_process
check "the shield goes on" blocked 45.1.7.77
run
check "started again it knows the edge: no second one" \
	[ "$("$LUYTRE" hub status --json | jq '.edges | length')" = 1 ]
kill -KILL "$command"
wait "$command" 2>/dev/null || true
check "when the command itself is killed all its parts end" eventually 15 no_process
live_end
