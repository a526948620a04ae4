#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong around a sensor must not stop it: a full disk, a reader of events that is gone, ceilings of memory, and
# rules that cannot be read.
#
#	client (192.0.2.1) ---- eth0 server (192.0.2.2), where the sensor looks on
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

space client server
link client eth0 server eth0
ip -n client addr add 192.0.2.1/24 dev eth0
ip -n server addr add 192.0.2.2/24 dev eth0
mac=$(ip -n server -br link show eth0 | awk '{ print $3 }')
web server 80
cat >$DIR/test.rules <<-'end'
	alert http any any -> any any (msg:"injection"; http.uri; content:"union select"; sid:1;)
end
attack() {
	fetch client "http://192.0.2.2/?id=$RANDOM%20union%20select" >/dev/null
}
flood() { # COUNT: as many sources
	within client "$LIVE_TOOLS"/frames --device eth0 --to-mac "$mac" --from 10.0.0.1 --to 192.0.2.2 --port 7777 --count "$1" \
		--rate 40000 --text "x" >/dev/null
}

# A full disk: the sensor goes on, tells how much was lost, and writes again when there is room.
mkdir $DIR/disk
mount -t tmpfs -o size=256k full $DIR/disk
dd if=/dev/zero of=$DIR/disk/ballast bs=1k count=200 2>/dev/null
within server "$LUYTRE" sensor run --interface eth0 --rules $DIR/test.rules --eve $DIR/disk/eve.json \
	--set stats.interval=1 >>$DIR/luytre.log 2>&1 &
sensor=$!
eventually 10 "$LUYTRE" sensor status >/dev/null 2>&1 || fail "the sensor did not start"
for ((i = 0; i < 60; i++)); do
	attack
done
eventually 5 bash -c "[ \$(stat -c %s $DIR/disk/eve.json) -gt 40000 ]" || fail "the disk did not fill"
sleep 1
check "disk full: the sensor goes on" has_counter detect.alert 60
rm $DIR/disk/ballast
sleep 1.5
attack
check "disk full: it writes again when there is room" \
	eventually 5 bash -c "tail -c 20000 $DIR/disk/eve.json | grep -q '\"event_type\":\"alert\"'"
check "disk full: the loss is counted" has_counter output.events_lost 1
check "disk full: at most the line that it broke cannot be read" bash -c \
	"[ \$(jq -cR 'try (fromjson | empty) catch 1' $DIR/disk/eve.json | wc -l) -le 1 ]"
sensor_end TERM || fail "disk full: it does not end well"
check "disk full: what was lost is told" grep -q "events could not be written" $DIR/luytre.log

# The same for evidence and the cache of compiled rules: both do without.
dd if=/dev/zero of=$DIR/disk/ballast bs=1k count=256 2>/dev/null || true
sensor_start server --interface eth0 --rules $DIR/test.rules --cache $DIR/disk/cache --set evidence.enabled=yes \
	--set evidence.dir=$DIR/disk/evidence
attack
check "disk full: without a cache and evidence it inspects all the same" eventually 5 has_counter detect.alert 1
check "disk full: lost evidence is counted" eventually 5 has_counter evidence.lost 1
rm $DIR/disk/ballast
attack
check "disk full: evidence is written when there is room" eventually 5 has_counter evidence.written 1
sensor_end TERM || fail "evidence on a full disk: it does not end well"
for file in $DIR/disk/evidence/*.pcap; do
	check "disk full: the evidence can be read" "$LUYTRE" replay $file --set stats.enabled=no --eve $DIR/again.json
done
umount $DIR/disk

# Killed while it looks on: traffic does not notice, and the next one finds its place.
sensor_start server --interface eth0 --rules $DIR/test.rules
sensor_end KILL 2>/dev/null || true
check "killed: traffic does not notice" gets 200 client http://192.0.2.2/
check "killed: the client of its socket is told" bash -c "! '$LUYTRE' sensor status 2>$DIR/said && [ -s $DIR/said ]"
: >$DIR/eve.json
sensor_start server --interface eth0 --rules $DIR/test.rules
attack
check "killed: the next one works" eventually 5 has_events 1 '.alert.signature_id == 1'
sensor_end TERM || fail "after a kill: it does not end well"

# A socket without a reader, then with one.
cat >$DIR/socket.yaml <<-end
	%YAML 1.1
	---
	outputs:
	  - eve-log:
	      enabled: yes
	      filetype: unix_stream
	      filename: $DIR/reader.sock
	      types:
	        - alert
end
sensor_start server --interface eth0 --rules $DIR/test.rules --suricata-config $DIR/socket.yaml
attack
check "no reader: the sensor goes on" eventually 5 has_counter detect.alert 1
reader_start $DIR/reader.sock $DIR/read
sleep 1.2
attack
check "a reader comes: events reach it" eventually 5 grep -q '"event_type":"alert"' $DIR/read
reader_end
attack
attack
check "the reader is gone again: the sensor goes on" eventually 5 has_counter detect.alert 4
sensor_end TERM || fail "no reader: it does not end well"

# The ceiling of flows: old ones go, new ones are counted, memory stays below it.
: >$DIR/eve.json
sensor_start server --interface eth0 --rules $DIR/test.rules --set flow.memcap=4mb --set stream.memcap=4mb \
	--set stream.reassembly.memcap=4mb
flood 60000
sleep 1.5
check "ceiling of flows: memory stays below it" [ "$(counter flow.memuse)" -le $((4 << 20)) ]
check "ceiling of flows: the flood was seen" has_counter decoder.udp 50000
check "ceiling of flows: flows were refused or made room" [ "$(counter flow.active)" -lt 40000 ]
attack
check "ceiling of flows: an attack afterwards is still seen" eventually 5 has_events 1 '.alert.signature_id == 1'
sensor_end TERM || fail "ceiling of flows: it does not end well"

# The ceiling of streams: what has no room is not inspected, and passes; the loss is counted.
head -c 8000000 /dev/urandom >$DIR/www/large
cat >$DIR/stream.rules <<-'end'
	alert tcp any any -> any any (msg:"far"; flow:to_client,established; content:"no-such-text-anywhere"; sid:2;)
end
sensor_start server --interface eth0 --rules $DIR/test.rules --rules $DIR/stream.rules --set stream.reassembly.memcap=64kb
check "ceiling of streams: traffic passes" [ "$(fetch client http://192.0.2.2/large)" = 200 ]
check "ceiling of streams: what had no room is counted" eventually 5 has_counter tcp.segment_memcap_drop 1
check "ceiling of streams: memory stays below it" [ "$(counter tcp.reassembly_memuse)" -le 65536 ]
check "ceiling of streams: status says so" bash -c "'$LUYTRE' sensor status | grep -q tcp.segment_memcap_drop"
sensor_end TERM || fail "ceiling of streams: it does not end well"

# Rules at the start.
echo 'alert tcp any any -> any any (msg:"broken"; no_such_keyword; sid:1;)' >$DIR/broken.rules
check "a broken rule with --init-errors-fatal: no start" bash -c \
	"! nsenter --net=/run/netns/server '$LUYTRE' sensor run --interface eth0 --rules $DIR/broken.rules --init-errors-fatal \
	--eve $DIR/eve.json 2>$DIR/said"
check "it names file and line" grep -q "broken.rules:1: .*no_such_keyword" $DIR/said
sensor_start server --interface eth0 --rules $DIR/broken.rules --rules $DIR/test.rules
: >$DIR/eve.json
attack
check "a broken rule without it: the others work" eventually 5 has_events 1 '.alert.signature_id == 1'
sensor_end TERM || fail "a broken rule: it does not end well"

# Interfaces that go down, and away.
: >$DIR/eve.json
sensor_start server --interface eth0 --rules $DIR/test.rules
ip -n server link set eth0 down
sleep 0.5
ip -n server link set eth0 up
ip -n client link set eth0 up
attack
attack
check "down and up again: it goes on" eventually 5 has_events 1 '.alert.signature_id == 1'
ip -n server link del eth0
code=0
wait $sensor || code=$?
check "gone: it ends with an error" [ "$code" = 1 ]
check "gone: and with the records of its flows" has_events 1 '.event_type == "flow"'
check "gone: which is told" grep -q "the interface eth0 is gone" $DIR/luytre.log
check "an interface that does not exist is named" bash -c \
	"'$LUYTRE' sensor run --interface nowhere0 --rules $DIR/test.rules 2>&1 | grep -q 'there is no interface nowhere0'"
live_end
