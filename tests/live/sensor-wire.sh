#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The wire (AF_XDP): what passes goes from one interface to the other, a drop blocks the rest of its flow in the kernel, and
# when the sensor is killed under traffic, fail-open loses next to nothing and fail-closed lets nothing through.
#
#	home (45.1.0.1) ---- in0 edge in1 ---- inside (45.1.0.10)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

space home edge inside
link home up0 edge in0
link inside up0 edge in1
ip -n home addr add 45.1.0.1/24 dev up0
ip -n home addr add 2606:4700:1::1/64 dev up0 nodad
ip -n inside addr add 45.1.0.10/24 dev up0
ip -n inside addr add 2606:4700:1::10/64 dev up0 nodad
for end in home inside; do
	# Frames that XDP sends on must carry their checksums, and be taken in by a program at the other end.
	within $end ethtool -K up0 tx off >/dev/null
	within $end "$LIVE_TOOLS"/gate up0
done
web inside 80
cat >$DIR/test.rules <<-'end'
	drop http any any -> any 80 (msg:"injection"; flow:to_server,established; http.uri; content:"union select"; sid:1;)
	reject tcp any any -> any 81 (msg:"closed"; flags:S; sid:2;)
	pass udp any any -> any 5001 (msg:"trusted"; sid:3;)
	drop sip any any -> any 5060 (msg:"unwanted"; sip.method; content:"REGISTER"; sid:4;)
end
good=http://45.1.0.10/ bad="http://45.1.0.10/?id=1%20union%20select"

# kill_under_traffic FAIL: numbered datagrams for four seconds, the sensor dies after one and a half; $got are counted.
kill_under_traffic() {
	sensor_start edge --wire in0,in1 --fail "$1" --rules $DIR/test.rules
	check "$1: a good request passes" eventually 8 gets 200 home $good
	count_start inside $DIR/counted
	within home "$LIVE_TOOLS"/datagrams send --from 45.1.0.1 --to 45.1.0.10 --port 5000 --rate 2000 --seconds 4 >$DIR/sent &
	local sender=$!
	sleep 1.5
	sensor_end KILL || true
	wait $sender
	count_end
	got=$(word $DIR/counted unique)
	echo "$1: of 8000 datagrams ${got:-0} arrived"
}

sensor_start edge --wire in0,in1 --rules $DIR/test.rules
check "no capability is left" grep -q "CapEff:.0*$" /proc/$sensor/status
check "a good request passes" [ "$(fetch home $good)" = 200 ]
check "the same over IPv6" [ "$(fetch home "http://[2606:4700:1::10]/")" = 200 ]
head -c 20000000 /dev/urandom >$DIR/www/large
check "a large file passes whole" cmp $DIR/www/large <(within home curl -s --max-time 20 http://45.1.0.10/large)
check "an attack does not" [ "$(fetch home "$bad")" = 000 ]
check "it is told" eventually 5 has_events 1 '.alert.signature_id == 1 and .alert.action == "blocked"'
check "the rest of the flow was blocked in the kernel" eventually 5 has_counter capture.kernel_blocked 1
began=$(date +%s%N)
check "a rejected connection fails" [ "$(fetch home http://45.1.0.10:81/ --max-time 5)" = 000 ]
check "at once, by a reset" [ $((($(date +%s%N) - began) / 1000000)) -lt 1500 ]
# All but the first: the verdict on one datagram stands before the next comes, a millisecond later.
within home "$LIVE_TOOLS"/datagrams send --from 45.1.0.1 --to 45.1.0.10 --port 5001 --rate 1000 --seconds 1 >/dev/null
check "a flow that is passed is switched through in the kernel" \
	eventually 3 has_counter capture.kernel_bypassed 900
check "nothing was lost" [ "$(counter capture.kernel_drops)" = 0 ]
mac=$(ip -n inside -br link show up0 | awk '{ print $3 }')
# A rule that reads the application's protocol drops the flow, not the packet alone.
datagram() {
	within home "$LIVE_TOOLS"/frames --device up0 --to-mac "$mac" --from 45.1.0.7 --to 45.1.0.10 --port 5060 \
		--text $'REGISTER sip:45.1.0.10 SIP/2.0\r\nVia: SIP/2.0/UDP 45.1.0.7\r\n\r\n' >/dev/null
}
datagram
check "a datagram is dropped" eventually 3 has_events 1 '.alert.signature_id == 4'
sensor_end TERM || fail "it does not end well"
check "ended: the wire goes on by itself" [ "$(fetch home $good)" = 200 ]
echo 'alert udp any any -> any 9 (msg:"nothing"; sid:5;)' >$DIR/none.rules
sensor_start edge --wire in0,in1 --rules $DIR/none.rules
# The new sensor may not have taken the wire up when the first datagram comes: each look sends more of them. Thirty are more than
# what the connections that were blocked before repeat meanwhile.
datagram_blocked() {
	local i
	for ((i = 0; i < 10; i++)); do datagram; done
	has_counter capture.kernel_blocked 30
}
check "a new sensor with other rules: what was blocked stays blocked" eventually 15 datagram_blocked
sensor_end TERM || fail "it does not end well"

kill_under_traffic open
# What lies in the ring, and what comes until the kernel has taken the process apart.
figure "datagrams lost when the sensor is killed, of 8000" $((8000 - ${got:-0})) datagrams "<=" 80 240
check "open: good requests pass without a sensor" [ "$(fetch home $good)" = 200 ]
check "open: and attacks" [ "$(fetch home "$bad")" = 200 ]

kill_under_traffic closed
check "closed: what was sent before arrived" number "${got:-0} >= 2500"
check "closed: nothing after" number "${got:-0} <= 3600"
check "closed: no request passes without a sensor" [ "$(fetch home $good)" = 000 ]

# A sensor that stands still is as good as none.
sensor_start edge --wire in0,in1 --fail open --rules $DIR/test.rules
check "a new sensor takes over" [ "$(fetch home "$bad")" = 000 ]
kill -STOP $sensor
sleep 1.5
check "stopped: fail-open passes" eventually 8 gets 200 home $good
kill -CONT $sensor
check "continued: it judges again" eventually 8 gets 000 home "$bad"
sensor_end TERM || fail "it does not end well"

check "detached: the wire is gone" "$LUYTRE" sensor detach in0,in1 --pin-dir /sys/fs/bpf/luytre
check "detached: nothing passes" [ "$(fetch home $good)" = 000 ]
live_end
