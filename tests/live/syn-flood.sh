#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A million forged SYNs a second against a web site, with the challenge set to `auto`: what do its visitors notice?
# Three kinds of them: IPv4 and IPv6 from many addresses, and people behind one address translator that drops what its
# connection tracking calls invalid.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

seconds=8
live_world
live_office
live_config 'challenge: auto'
daemon_start
within edge "$LIVE_TOOLS"/visitors serve --port 80 &
sleep 0.2

# visit NAME SPACE FROM SOURCES TO RATE
visit() {
	within "$2" "$LIVE_TOOLS"/visitors visit --from "$3" --sources "$4" --to "$5" --port 80 --rate "$6" \
		--seconds $seconds --timeout-ms 5000 >"$DIR/$1" &
	visits+=($!)
}

# Peace, from which the detection learns what is usual.
visits=()
seconds=15
visit peace home 45.1.0.1 200 198.51.100.10 40
wait "${visits[@]}"
check "in peace every visit is answered" [ "$(word $DIR/peace answered)" = 600 ]

# lost: frames of the flood that found no room in the ring before the filter.
lost() {
	within outside ethtool -S out0 | awk '/xdp_xmit_errors/ { sum += $2 } END { print sum + 0 }'
}

# attack PPS: the flood, and the visitors meanwhile.
attack() {
	visits=()
	seconds=10
	# The second template is never sent. It makes the generator set each frame's length anew: the challenge has
	# shortened it.
	flood 11 "$1" syn:src=60.0.0.0/8,dst=198.51.100.10,dport=80 \
		icmp:weight=0,src=60.0.0.0/8,dst=198.51.100.10,size=200
	sleep 0.2
	visit v4 home 45.1.1.1 400 198.51.100.10 60
	visit v6 home 2606:4700:1::1:1 400 2001:db8:1::10 60
	visit nat office 10.9.0.2 1 198.51.100.10 30
	wait "${visits[@]}"
	wait $flood
	cat $DIR/flood.log
}

# Generator, filter and the way of the answers share one processor. Where it cannot carry a million a second, the ring
# before the filter overflows and loses visitors' packets, which no filter can help: then the highest rate that it
# carries is the one that is judged, and the figures say which.
for pps in 1000000 700000 500000 300000; do
	before=$(lost)
	attack $pps
	share_lost=$(awk -v lost=$(($(lost) - before)) -v pps=$pps 'BEGIN { print 100 * lost / (11 * pps) }')
	echo "at $pps a second $share_lost % found no room before the filter"
	number "$share_lost < 0.5" && break
	sleep 2
done
rate="$((pps / 1000)) kpps SYN flood"
check "the flood arrived" number "$(metric 'packets_total.*reason="challenged"') > 1000000"
for kind in v4 v6 nat; do
	echo "$kind: $(cat $DIR/$kind)"
	share=$(awk -v a="$(word $DIR/$kind answered)" -v b="$(word $DIR/$kind attempted)" 'BEGIN { print 100 * a / b }')
	case $kind in
	v4) who="IPv4 visitors" ;;
	v6) who="IPv6 visitors" ;;
	nat) who="visitors behind a NAT that drops invalid" ;;
	esac
	figure "$rate: $who answered" "$share" % '>=' 99 97
	figure "$rate: $who, median connect" "$(word $DIR/$kind p50_ms)" ms '<=' 15 40
done
live_end
