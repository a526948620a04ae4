#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Wire mode: the edge has no address and no route, only two interfaces, and what passes goes from one to the other.
#
#	home (45.1.0.1) ---- in0 edge in1 ---- inside (45.1.0.10)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

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
cat >$DIR/luytre.yaml <<-end
	interface: in0
	peer: in1
	control_socket: $LUYTRE_SOCKET
	state_dir: $DIR/state
	pin_dir: /sys/fs/bpf/luytre
	tenants:
	  - name: site
	    prefixes: [45.1.0.10, "2606:4700:1::10"]
	    mode: enforce
	    tcp_ports: [80]
	    udp_ports: [5000]
end
daemon_start

for end in home inside; do
	within $end "$LIVE_TOOLS"/visitors serve --port 80 &
	within $end "$LIVE_TOOLS"/visitors serve --port 81 &
done
sleep 0.3
within home "$LIVE_TOOLS"/visitors visit --from 45.1.0.1 --to 45.1.0.10 --port 80 --rate 100 --seconds 2 >$DIR/in
within inside "$LIVE_TOOLS"/visitors visit --from 45.1.0.10 --to 45.1.0.1 --port 81 --rate 100 --seconds 2 >$DIR/out
within home "$LIVE_TOOLS"/visitors visit --from 45.1.0.1 --to 45.1.0.10 --port 81 --rate 20 --seconds 1 \
	--timeout-ms 500 >$DIR/closed
cat $DIR/in $DIR/out $DIR/closed
within home "$LIVE_TOOLS"/visitors visit --from 2606:4700:1::1 --to 2606:4700:1::10 --port 80 --rate 100 --seconds 1 \
	>$DIR/in6
cat $DIR/in6
check "the same over IPv6" [ "$(word $DIR/in6 answered)" = 100 ]
check "connections from outside to an open port" [ "$(word $DIR/in answered)" = 200 ]
check "connections from inside to any port" [ "$(word $DIR/out answered)" = 200 ]
check "none from outside to a closed port" [ "$(word $DIR/closed answered)" = 0 ]

count_start inside $DIR/count
within home "$LIVE_TOOLS"/datagrams send --from 45.1.0.1 --to 45.1.0.10 --port 5000 --rate 5000 --seconds 3
count_end
cat $DIR/count
check "every datagram goes through the wire" [ "$(awk '/^stream 0/ { print $6 }' $DIR/count)" = 15000 ]
live_end
