#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# UDP floods to an open port, in the middle of ordinary datagrams to the same port: one host at five times its usual
# rate, then every address of a /24 with a little each. How long until the flood no longer comes through, and what does
# it cost the ordinary traffic?
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

usual=1500 # below the floor of the detection, which calls more than that a flood until it knows better
live_world
live_config 'limits: {source_pps: 100k}'
daemon_start

# people STREAM SECONDS RATE: ordinary datagrams to one host
people() {
	within home "$LIVE_TOOLS"/datagrams send --from 45.1.0.$((10 + $1)) --to 198.51.100.10 --port 5000 --rate "$3" \
		--seconds "$2" --stream "$1" >"$DIR/sent.$1" &
	senders+=($!)
}

# attack NAME TEXT DESTINATION PPS WANTED_MS FLOOR_MS
attack() {
	count_start edge "$DIR/$1"
	senders=()
	people 2 6 $((usual / 2))
	people 3 6 $((usual / 2))
	sleep 1
	flood 4 "$4" "udp:src=60.0.0.0/8,dst=$3,dport=5000,size=300"
	wait $flood "${senders[@]}"
	count_end
	cat $DIR/flood.log "$DIR/$1"
	check "$2: the flood came through at first" number "$(awk '/^foreign/ { print $3 }' "$DIR/$1") > 0"
	figure "$2: time to filter" "$(word "$DIR/$1" settled_ms)" ms '<=' "$5" "$6"
	figure "$2: good traffic kept" \
		"$(awk -v sent=$((usual * 6)) '/^stream/ { n += $6 } END { print 100 * n / sent }' "$DIR/$1")" % '>=' 99 98
}

# Peace.
count_start edge $DIR/peace
senders=()
people 0 30 $((usual / 2))
people 1 30 $((usual / 2))
wait "${senders[@]}"
count_end
cat $DIR/peace
check "in peace every datagram arrives" \
	number "$(awk '/^stream/ { n += $6 } END { print n + 0 }' $DIR/peace) == $usual * 30"

attack host "UDP flood of one host at 5 x its usual rate" 198.51.100.10 $((usual * 5)) 1500 2500
"$LUYTRE" shield attacks || true
"$LUYTRE" shield withdraw site
sleep 3
attack carpet "carpet bombing of a /24" 198.51.100.0/24 $((usual * 5)) 3000 4500
"$LUYTRE" shield attacks || true
live_end
