#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Looking on (AF_PACKET): a real client attacks a real server, and the alert is there, however packets are spread over
# workers, with offloaded checksums, with VLAN tags that the kernel took off, and without any capability left.
#
#	client (192.0.2.1) ---- eth0 server (192.0.2.2), where the sensor looks on
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"
command -v tcpdump >/dev/null || live_skip "tcpdump is not installed"

space client server
ip -n client link add eth0 type veth peer name eth0 netns server
for end in client server; do
	ip -n $end link set eth0 up
done
ip -n client addr add 192.0.2.1/24 dev eth0
ip -n server addr add 192.0.2.2/24 dev eth0
ip -n client addr add 2001:db8::1/64 dev eth0 nodad
ip -n server addr add 2001:db8::2/64 dev eth0 nodad
mac=$(ip -n server -br link show eth0 | awk '{ print $3 }')
web server 80
cat >$DIR/test.rules <<-'end'
	alert http any any -> any any (msg:"injection"; flow:to_server,established; http.uri; content:"union select"; nocase; sid:1;)
	alert http any any -> any any (msg:"answer"; flow:to_client,established; file.data; content:"hello"; sid:2;)
	alert udp any any -> any 7777 (msg:"datagram"; content:"tagged"; sid:3;)
end

for spread in flow address queue; do
	: >$DIR/eve.json
	sensor_start server --interface eth0 --workers 2 --spread $spread --rules $DIR/test.rules
	check "$spread: no capability is left" grep -q "CapEff:.0*$" /proc/$sensor/status
	check "$spread: a thread has none either" grep -q "CapEff:.0*$" /proc/$sensor/task/*/status
	for i in 1 2 3 4 5; do
		fetch client "http://192.0.2.2/?id=$i%20union%20select%20password" >/dev/null
		fetch client "http://[2001:db8::2]/?id=$i%20union%20select%20password" >/dev/null
	done
	within client "$LIVE_TOOLS"/frames --device eth0 --to-mac "$mac" --from 192.0.2.9 --to 192.0.2.2 --port 7777 \
		--vlan 42 --text "tagged" >/dev/null
	check "$spread: ten requests, ten alerts" eventually 5 has_events 10 '.event_type == "alert" and .alert.signature_id == 1'
	check "$spread: and ten on the answers" eventually 5 has_events 10 '.event_type == "alert" and .alert.signature_id == 2'
	check "$spread: with what was asked for" has_events 10 '.http.hostname != null and .alert.signature_id == 1'
	check "$spread: the tag is back in its place" eventually 5 has_events 1 '.alert.signature_id == 3 and .vlan == [42]'
	check "$spread: the counters say so while it runs" eventually 5 has_counter detect.alert 21
	check "$spread: nothing was lost" [ "$(counter capture.kernel_drops)" = 0 ]
	"$LUYTRE" sensor top >$DIR/top || fail "$spread: sensor top"
	check "$spread: top shows the flows" grep -q "192.0.2.2:80" $DIR/top
	sensor_end TERM || fail "$spread: it does not end well"
	check "$spread: each flow has its record" [ "$(events '.event_type == "flow" and .app_proto == "http"')" = 10 ]
	check "$spread: exactly ten alerts" [ "$(events '.alert.signature_id == 1')" = 10 ]
	check "$spread: the last counters are those of both workers" \
		[ "$(jq -c 'select(.event_type == "stats") | .stats.detect.alert' $DIR/eve.json | tail -n 1)" = 21 ]
done

# A mirror of cost: counted when asked for.
: >$DIR/eve.json
sensor_start server --interface eth0 --rules $DIR/test.rules --profile
fetch client "http://192.0.2.2/?id=1%20union%20select" >/dev/null
eventually 5 has_events 1 '.alert.signature_id == 1' || fail "no alert with --profile"
check "top shows what a rule costs" [ "$("$LUYTRE" sensor top --json | jq '[.rules[] | select(.sid == 1)][0].matches')" = 1 ]
sensor_end TERM || fail "it does not end well"

# The same as files: a directory that is watched.
mkdir $DIR/captures
: >$DIR/eve.json
sensor_start server --directory $DIR/captures --rules $DIR/test.rules -k none # offloaded checksums
within server tcpdump -q -i eth0 -w $DIR/captures/.one -U >/dev/null 2>&1 &
dump=$!
sleep 1
fetch client "http://192.0.2.2/?id=1%20union%20select" >/dev/null
sleep 1
kill $dump
wait $dump || true
mv $DIR/captures/.one $DIR/captures/one.pcap
check "a file that is complete is read" eventually 8 has_events 1 '.alert.signature_id == 1'
sensor_end TERM || fail "it does not end well"
live_end
