#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The sensor as a service: everything it does comes from luytre.yaml, it lives in a sandbox, and does its work there: reload,
# rotation, readers that come and go, evidence, tenants.
#
#	client (192.0.2.1) ---- eth0 server (192.0.2.2), where the sensor looks on
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

space client server
link client eth0 server eth0
ip -n client addr add 192.0.2.1/24 dev eth0
ip -n server addr add 192.0.2.2/24 dev eth0
web server 80
attack() {
	fetch client "http://192.0.2.2/?id=$RANDOM%20union%20select" >/dev/null
}

mkdir $DIR/etc $DIR/log
echo 'alert http any any -> $HOME_NET any (msg:"injection"; http.uri; content:"union select"; sid:1;)' >$DIR/etc/common.rules
echo 'alert http any any -> $WEB any (msg:"of the bank"; http.uri; content:"union select"; sid:2;)' >$DIR/etc/bank.rules
printf '%%YAML 1.1\n---\nsensor-name: site-1\nstats: {interval: 60}\naf-packet: []\n' >$DIR/etc/suricata.yaml
cat >$DIR/etc/luytre.yaml <<-end
	tenants:
	  - name: bank
	    prefixes: [192.0.2.2]
	    sensor:
	      rules: [bank.rules]
	      address_groups: {WEB: 192.0.2.2}
	sensor:
	  look: {interface: eth0, ring_size: 8M}
	  workers: 2
	  rules: [common.rules]
	  suricata_config: suricata.yaml
	  address_groups: {HOME_NET: [192.0.2.0/28], WEB: 203.0.113.1}
	  memory: {flow: 8M}
	  output_dir: $DIR/log
	  outputs:
	    - {path: eve.json, rotate_size: 64K, types: [alert, flow, http, stats]}
	    - {path: $DIR/reader.sock, type: unix_stream, types: [alert]}
	  stats_interval_s: 1
	  evidence: {enabled: true}
	  cache_dir: $DIR/cache/below
	  control_socket: $LUYTRE_SENSOR_SOCKET
end
check "the file is right" "$LUYTRE" check $DIR/etc/luytre.yaml

NOTIFY_SOCKET=$DIR/notify.sock python3 - $DIR/notify.sock $DIR/notified <<-'end' &
	import socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(sys.argv[1])
	while True:
	    open(sys.argv[2], "ab").write(s.recv(4096) + b"\n")
end
manager=$!
eventually 5 test -S $DIR/notify.sock
export NOTIFY_SOCKET=$DIR/notify.sock
within server "$LUYTRE" sensor run --config $DIR/etc/luytre.yaml >>$DIR/luytre.log 2>&1 &
sensor=$!
unset NOTIFY_SOCKET
eventually 10 "$LUYTRE" sensor status >/dev/null 2>&1 || fail "the sensor did not start"
check "the service manager is told" eventually 5 grep -q READY=1 $DIR/notified
check "what has no effect of suricata.yaml is named" grep -q "without effect here: af-packet" $DIR/luytre.log

# The sandbox.
# status_is FIELD VALUE
# shellcheck disable=SC2317 # called by check
status_is() {
	[ "$(awk -v name="$1:" '$1 == name { print $2 }' /proc/"$sensor"/status)" = "$2" ]
}
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	check "$set is empty" status_is $set 0000000000000000
done
check "seccomp filters every thread" [ "$(grep -h '^Seccomp:' /proc/"$sensor"/task/*/status | sort -u)" = "$(printf 'Seccomp:\t2')" ]
check "no new privileges" status_is NoNewPrivs 1
# answers ANSWER WORD...: what the kernel says to the sensor.
answers() {
	local answer=$1 said
	shift
	said=$("$LIVE_TOOLS"/intrude "$sensor" "$@") || [ $? = 77 ] || return 1
	[ -z "$said" ] || [ "${said%% *}" = "$answer" ]
}
check "a harmless call works" answers done getpid
check "a socket of the network is refused" answers refused socket inet
check "a packet socket is refused" answers refused socket packet
check "a local one is not: readers of events come and go" answers done socket unix

# Work in the sandbox.
attack
eve=$DIR/log/eve.json
alerts() { # SID: how many, in all files
	cat $eve* | jq -c "select(.alert.signature_id == $1)" | wc -l
}
has_alerts() { # COUNT SID
	[ "$(alerts "$2")" -ge "$1" ]
}
check "a rule for all sees the attack" eventually 5 has_alerts 1 1
check "the tenant's rule with the tenant's variable sees it" eventually 5 has_alerts 1 2
check "events name the tenant" [ "$(cat $eve* | jq -r 'select(.alert) | .tenant' | sort -u)" = bank ]
check "an option of suricata.yaml holds" [ "$(cat $eve* | jq -r 'select(.alert) | .host' | sort -u)" = site-1 ]
check "evidence is kept" eventually 5 bash -c "[ -s \"\$(ls $DIR/log/evidence/bank-*.pcap | head -1)\" ]"
check "the ceiling is that of the file" [ "$("$LUYTRE" sensor stats --json | jq '.stats.flow.memuse')" -le $((8 << 20)) ]
check "the cache was made and is filled" bash -c "[ -n \"\$(ls $DIR/cache/below)\" ]"
check "lost events are counted: nobody reads the socket" eventually 5 has_counter output.events_lost 1
reader_start $DIR/reader.sock $DIR/read
sleep 1.2
attack
check "a reader that comes is found" eventually 5 grep -q '"event_type":"alert"' $DIR/read
reader_end

echo 'alert http any any -> any any (msg:"new"; http.uri; content:"union select"; sid:3;)' >>$DIR/etc/common.rules
check "rules are loaded again" "$LUYTRE" sensor reload
attack
check "the new rule sees" eventually 5 has_alerts 1 3
echo 'not a rule' >$DIR/etc/common.rules
kill -HUP $sensor
check "SIGHUP works as well" eventually 5 bash -c "[ \$('$LUYTRE' sensor status --json | jq .reload.count) = 2 ]"
for ((i = 0; i < 60; i++)); do
	attack
done
check "the file is rotated" eventually 5 test -s $eve.1
mv $eve $eve.moved
kill -USR1 $sensor
attack
check "a file that was moved is opened again" eventually 5 test -s $eve
check "top shows what was lost" bash -c "'$LUYTRE' sensor top | grep -q 'output.events_lost'"

check "another program ends it" answers killed execve
code=0
wait $sensor || code=$?
check "by SIGSYS" [ "$code" = $((128 + 31)) ]
kill $manager

# A cache that cannot be used, and sources that contradict.
touch $DIR/file
check "a cache that is no folder: no start" bash -c \
	"! nsenter --net=/run/netns/server '$LUYTRE' sensor run --config $DIR/etc/luytre.yaml --cache $DIR/file/x 2>$DIR/said"
check "and a reason" grep -q "cache folder $DIR/file/x cannot be used" $DIR/said
sed 's/workers: 2/wrokers: 2/' $DIR/etc/luytre.yaml >$DIR/etc/broken.yaml
check "a broken file: no start" bash -c "! '$LUYTRE' sensor run --config $DIR/etc/broken.yaml 2>$DIR/said"
check "and its line" grep -q "broken.yaml:9: sensor.wrokers: .*did you mean 'workers'" $DIR/said
sed -i 's/192.0.2.0\/28/192.0.2.0\/99/' $DIR/etc/luytre.yaml
check "a broken variable is found by check" bash -c "! '$LUYTRE' check $DIR/etc/luytre.yaml 2>$DIR/said"
check "with its line" grep -q "luytre.yaml:12: sensor.address_groups.HOME_NET: " $DIR/said
check "a source on the command line wins" bash -c \
	"'$LUYTRE' sensor run --config $DIR/etc/luytre.yaml --interface nowhere0 2>&1 | grep -q 'there is no interface nowhere0'"
live_end
