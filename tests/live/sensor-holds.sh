#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Holds of the sensor, inline: what attacks a known hole passes until a hold is armed for the address, is told of in shadow, is dropped in
# enforce and passes again when the hold is lifted; the twin passes all the while, and so does the attack on another address. No rule is
# compiled anew and no connection of others is lost.
#
#	home (45.1.0.1) ---- in0 edge in1 ---- inside (45.1.0.10, 45.1.0.11)
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "$(dirname "$0")/sensor-lib.sh"
command -v python3 >/dev/null || live_skip "python3 is not installed"

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
space home edge inside
link home up0 edge in0
link inside up0 edge in1
ip -n home addr add 45.1.0.1/24 dev up0
ip -n home addr add 2606:4700:1::1/64 dev up0 nodad
for host in 10 11; do
	ip -n inside addr add 45.1.0.$host/24 dev up0
	ip -n inside addr add 2606:4700:1::$host/64 dev up0 nodad
done
for end in home inside; do
	within $end ethtool -K up0 tx off >/dev/null
	within $end "$LIVE_TOOLS"/gate up0
done

within inside python3 "$here/sensor-holds.py" serve 2>>$DIR/luytre.log &
# talk HOST PORT LINE...
talk() {
	within home python3 "$here/sensor-holds.py" talk "$@"
}
chat_attack() {
	talk "$1" 6667 "AB;true"
}
chat_twin() {
	talk "$1" 6667 "PRIVMSG #a :AB; see you"
}
mail_attack() {
	talk "$1" 25 "EHLO client" "MAIL FROM:<a@example.vn>" "RCPT TO:<\${run{/bin/true}}@localhost>"
}
mail_twin() {
	talk "$1" 25 "EHLO client" "MAIL FROM:<a@example.vn>" "RCPT TO:<run@example.vn>"
}

# arm STAMP ROW...: rows as "HOLD RULE MODE PREFIX".
arm() {
	local stamp=$1 row rows=()
	shift
	for row in "$@"; do
		# shellcheck disable=SC2086 # the words of the row
		set -- $row
		rows+=("{\"hold\":$1,\"rule\":$2,\"part\":\"sensor\",\"mode\":\"$3\",\"tenant\":17,\"asset\":9,\"prefixes\":[\"$4\"]}")
	done
	(
		IFS=,
		echo "{\"stamp\":$stamp,\"holds\":[${rows[*]:-}]}"
	) >$DIR/holds.new
	mv $DIR/holds.new $DIR/holds.json
	eventually 5 has_events 1 ".event_type == \"holds\" and .stamp == $stamp" || fail "no word of the holds $stamp"
}
# row STAMP HOLD: what was said of it.
row() {
	jq -r "select(.event_type == \"holds\" and .stamp == $1) | .holds[] | select(.hold == $2) |
		\"\(.rule) \(.mode) \(.known) \(.attack) \(.twin)\"" $DIR/eve.json | tail -n 1
}

mkdir $DIR/etc
cat >$DIR/etc/other.rules <<-'end'
	alert tcp any any -> any 6667 (msg:"of the site"; flow:established,to_server; content:"PRIVMSG"; sid:1;)
	drop tcp any any -> any 6667 (msg:"of the site, in shadow here"; flow:established,to_server; content:"see you"; sid:2;)
end
cat >$DIR/etc/luytre.yaml <<-end
	tenants:
	  - name: bank
	    prefixes: [45.1.0.0/24, 2606:4700:1::/64]
	    sensor: {mode: shadow}
	gate: {holds_file: $DIR/holds.json}
	sensor:
	  wire: {outside: in0, inside: in1}
	  rules: [other.rules, $source/rules/sensor]
	  policy_file: off
	  output_dir: $DIR
	  outputs: [{path: $DIR/eve.json, types: [alert, drop, stats]}]
	  stats_interval_s: 1
	  control_socket: $LUYTRE_SENSOR_SOCKET
	pin_dir: /sys/fs/bpf/luytre
end
check "the file is right" "$LUYTRE" check $DIR/etc/luytre.yaml
within edge "$LUYTRE" sensor run --config $DIR/etc/luytre.yaml >>$DIR/luytre.log 2>&1 &
sensor=$!
eventually 15 "$LUYTRE" sensor status >/dev/null 2>&1 || fail "the sensor did not start"
answers() {
	[ "$(talk 45.1.0.10 6667 hello)" = "250 fine" ]
}
eventually 10 answers || fail "the services are not there"

# Nothing is armed.
check "no hold: the attack is carried out" [ "$(chat_attack 45.1.0.10)" = "carried out" ]
check "no hold: the mail too" [ "$(mail_attack 45.1.0.10)" = "carried out" ]
check "no hold: its rule is silent" [ "$(events '.alert.signature_id == 8200320')" = 0 ]

# Shadow.
arm 1001 "81 8200320 shadow 45.1.0.10/32" "82 8200110 shadow 45.1.0.0/28" "83 8200020 enforce 45.1.0.10/32" "84 8299990 enforce 45.1.0.10/32"
check "shadow: the attack is proved to be stopped, the twin to pass" [ "$(row 1001 81)" = "8200320 shadow true stopped passed" ]
check "and what is to enforce at once" [ "$(row 1001 83)" = "8200020 enforce true stopped passed" ]
check "a rule that is not here is not known" [ "$(row 1001 84)" = "8299990 enforce false none none" ]
check "shadow: the attack is carried out" [ "$(chat_attack 45.1.0.10)" = "carried out" ]
check "and told" eventually 5 has_events 1 \
	'.alert.signature_id == 8200320 and .alert.action == "allowed" and .hold == {hold: 81, rule: 8200320, mode: "shadow"} and .tenant == "bank"'
check "shadow: the twin is not told" [ "$(chat_twin 45.1.0.10)" = "250 fine" ]
check "once" [ "$(events '.alert.signature_id == 8200320')" = 1 ]
check "by the site's own rules it is" eventually 5 has_events 1 '.alert.signature_id == 1'

# Enforce. A conversation of before goes on meanwhile.
within home python3 "$here/sensor-holds.py" chat 45.1.0.10 6 >$DIR/long 2>&1 &
long=$!
loads=$("$LUYTRE" sensor status --json | jq .reload.count)
arm 1002 "81 8200320 enforce 45.1.0.10/32" "82 8200110 enforce 45.1.0.0/28" "85 8200320 enforce 2606:4700:1::10/128"
check "enforce: reported" [ "$(row 1002 81)" = "8200320 enforce true stopped passed" ]
check "enforce: the attack is not carried out" [ "$(chat_attack 45.1.0.10)" = none ]
check "told as blocked, by the hold" eventually 5 has_events 1 \
	'.alert.signature_id == 8200320 and .alert.action == "blocked" and .hold.mode == "enforce"'
check "the rest of the flow is dropped" eventually 5 has_events 1 '.event_type == "drop"'
check "the tenant is in shadow: the site's own drop is none" [ "$(chat_twin 45.1.0.10)" = "250 fine" ]
check "nor on the other address the attack" [ "$(chat_attack 45.1.0.11)" = "carried out" ]
check "a prefix holds both: mail to .10" [ "$(mail_attack 45.1.0.10)" = none ]
check "and to .11" [ "$(mail_attack 45.1.0.11)" = none ]
check "its twin passes" [ "$(mail_twin 45.1.0.11)" = "250 fine" ]
check "IPv6 is held" [ "$(chat_attack 2606:4700:1::10)" = none ]
check "where it is armed" [ "$(chat_attack 2606:4700:1::11)" = "carried out" ]
check "no rules were compiled" [ "$("$LUYTRE" sensor status --json | jq .reload.count)" = "$loads" ]

# A reload keeps what is armed, and proves it anew.
"$LUYTRE" sensor reload >/dev/null || fail "the reload"
check "after a reload of rules it is told again" eventually 5 has_events 2 '.event_type == "holds" and .stamp == 1002'
check "and the attack is not carried out" [ "$(chat_attack 45.1.0.10)" = none ]

# A broken file changes nothing.
echo '{"stamp":1003,"holds":[{"hold":' >$DIR/holds.json
sleep 2
check "a broken file: the holds stay" [ "$(chat_attack 45.1.0.10)" = none ]

# What cannot be read for a while is read when it can be, though it is the same file.
before=$("$LUYTRE" sensor status --json | jq .hub.failed)
(
	umask 777
	: >$DIR/holds.new
)
echo '{"stamp":1013,"holds":[{"hold":86,"rule":8200320,"part":"sensor","mode":"enforce","tenant":17,"asset":9,"prefixes":["45.1.0.1/32"]}]}' >$DIR/holds.new
mv $DIR/holds.new $DIR/holds.json
failed() {
	[ "$("$LUYTRE" sensor status --json | jq .hub.failed)" -gt "$before" ]
}
eventually 5 failed || fail "the sensor may read what nobody may"
sleep 3
check "a file that cannot be read: the holds stay" [ "$(chat_attack 45.1.0.10)" = none ]
check "it is one trouble, however often it is tried" [ "$("$LUYTRE" sensor status --json | jq .hub.failed)" = $((before + 1)) ]
chmod 644 $DIR/holds.json
check "it is read when it can be" eventually 5 has_events 1 '.event_type == "holds" and .stamp == 1013'
check "and there is no trouble any more" [ "$("$LUYTRE" sensor status --json | jq .hub.problem)" = null ]
check "it holds for a client too, whose server is ours as well" [ "$(chat_attack 45.1.0.11)" = none ]
check "not what is like it" [ "$(chat_twin 45.1.0.11)" = "250 fine" ]

# Lifted.
arm 1004 "82 8200110 enforce 45.1.0.0/28"
check "lifted: the attack is carried out" [ "$(chat_attack 45.1.0.10)" = "carried out" ]
check "the other hold stays" [ "$(mail_attack 45.1.0.10)" = none ]
arm 1005
check "none is left" [ "$(mail_attack 45.1.0.10)" = "carried out" ]
wait $long
check "the conversation of before went on all the while" grep -qx whole $DIR/long

began=$(date +%s%N)
arm 1006 "81 8200320 enforce 45.1.0.10/32"
took=$((($(date +%s%N) - began) / 1000000))
check "armed again: the attack is not carried out" [ "$(chat_attack 45.1.0.10)" = none ]
figure "from the file of holds to the sensor's word that they stand" $took ms "<=" 1000 4000
sensor_end TERM || fail "it does not end well"

# At a start what the file says is in force before the first packet.
within edge "$LUYTRE" sensor run --config $DIR/etc/luytre.yaml >>$DIR/luytre.log 2>&1 &
sensor=$!
eventually 15 "$LUYTRE" sensor status >/dev/null 2>&1 || fail "the sensor did not start again"
check "after a start it stands" [ "$(chat_attack 45.1.0.10)" = none ]
check "and is reported" eventually 5 has_events 2 '.event_type == "holds" and .stamp == 1006'
sensor_end TERM || fail "it does not end well"
live_end
