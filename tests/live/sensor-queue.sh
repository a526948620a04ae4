#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# NFQUEUE on a routed host: drop and reject act, the rest passes, and without a sensor the rule's bypass lets all through.
#
#	client (192.0.2.1) ---- c0 router s0 ---- server (198.51.100.2)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

iptables=$(command -v iptables-legacy || command -v iptables || true)
[[ -n $iptables ]] || live_skip "iptables is not installed"

space client router server
link client eth0 router c0
link server eth0 router s0
ip -n client addr add 192.0.2.1/24 dev eth0
ip -n router addr add 192.0.2.254/24 dev c0
ip -n router addr add 198.51.100.254/24 dev s0
ip -n server addr add 198.51.100.2/24 dev eth0
ip -n client route add default via 192.0.2.254
ip -n server route add default via 198.51.100.254
within router sysctl -qw net.ipv4.ip_forward=1
web server 80
web server 8080
within router "$iptables" -A FORWARD -j NFQUEUE --queue-balance 0:1 --queue-bypass 2>$DIR/iptables ||
	live_skip "the kernel has no NFQUEUE target: $(head -n 1 $DIR/iptables)"
cat >$DIR/test.rules <<-'end'
	drop http any any -> any 80 (msg:"injection"; flow:to_server,established; http.uri; content:"union select"; sid:1;)
	reject tcp any any -> any 8080 (msg:"forbidden"; flow:to_server,established; content:"GET /forbidden"; sid:2;)
	reject udp any any -> any 5000 (msg:"not this way"; sid:3;)
	pass tcp any any -> any 8080 (msg:"fine"; flow:to_server,established; content:"GET /fine"; sid:4;)
end
good=http://198.51.100.2/ bad="http://198.51.100.2/?id=1%20union%20select"

sensor_start router --nfqueue 0 --workers 2 --rules $DIR/test.rules
check "only the capability that verdicts take is left" grep -q "CapEff:.0*1000$" /proc/$sensor/status
for i in 1 2 3 4 5 6 7 8; do
	check "good request $i passes" [ "$(fetch client $good)" = 200 ]
done
check "an attack does not" [ "$(fetch client "$bad")" = 000 ]
check "good requests still pass" [ "$(fetch client $good)" = 200 ]
began=$(date +%s%N)
check "a rejected request fails" [ "$(fetch client http://198.51.100.2:8080/forbidden --max-time 5)" = 000 ]
check "at once, by a reset" [ $((($(date +%s%N) - began) / 1000000)) -lt 1500 ]
check "a passed flow works" [ "$(fetch client http://198.51.100.2:8080/fine)" = 200 ]
within client timeout 3 bash -c 'exec 3<>/dev/udp/198.51.100.2/5000; echo a >&3; sleep 0.3; echo b >&3' 2>$DIR/refused || true
check "a rejected datagram is answered by ICMP" grep -qi "denied\|prohibited\|unreachable\|no route\|error" $DIR/refused
check "alerts say what was done" eventually 5 has_events 1 '.alert.signature_id == 1 and .alert.action == "blocked"'
check "drops are recorded" eventually 5 has_events 1 '.event_type == "drop" or .alert.signature_id == 2'
check "rejects are counted" eventually 5 has_counter capture.rejects 2

sensor_end KILL || true
check "killed: bypass lets good requests through" [ "$(fetch client $good)" = 200 ]
check "killed: and attacks, which is what fail-open means" [ "$(fetch client "$bad")" = 200 ]
sensor_start router --nfqueue 0 --workers 2 --rules $DIR/test.rules
check "a new one takes over" [ "$(fetch client "$bad")" = 000 ]
kill -STOP $sensor
check "stopped: packets wait, none pass" [ "$(fetch client $good --max-time 1)" = 000 ]
kill -CONT $sensor
check "continued: they pass" [ "$(fetch client $good)" = 200 ]
sensor_end TERM || fail "it does not end well"

# The other way: no bypass in the rule.
within router "$iptables" -F FORWARD
within router "$iptables" -A FORWARD -j NFQUEUE --queue-balance 0:1
check "no sensor, no bypass: nothing passes" [ "$(fetch client $good)" = 000 ]
sensor_start router --nfqueue 0 --workers 2 --fail closed --rules $DIR/test.rules
check "with a sensor it passes" [ "$(fetch client $good)" = 200 ]
sensor_end TERM || fail "it does not end well"
live_end
