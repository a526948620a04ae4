#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# New rules under traffic: no packet, no flow and no half-read stream is lost; rules that cannot be used change nothing.
#
#	home (45.1.0.1) ---- in0 edge in1 ---- inside (45.1.0.10)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

space home edge inside
link home up0 edge in0
link inside up0 edge in1
ip -n home addr add 45.1.0.1/24 dev up0
ip -n inside addr add 45.1.0.10/24 dev up0
for end in home inside; do
	within $end ethtool -K up0 tx off >/dev/null
	within $end "$LIVE_TOOLS"/gate up0
done
web inside 80 "location /slow { limit_rate 2m; }"
{
	head -c 14000000 /dev/urandom
	echo "the-very-end-of-the-file"
} >$DIR/www/slow
good=http://45.1.0.10/ bad="http://45.1.0.10/?id=1%20union%20select"

# rules GENERATION: some thousand of them, so that there is something to compile. The order of names differs each time.
rules() {
	seq "$1" 7 | awk '{ printf "alert tcp any any -> any 9 (msg:\"name\"; flowbits:set,name%d; sid:%d;)\n", $1, 100 + $1 }'
	cat <<-end
		alert http any any -> any 80 (msg:"begun"; flow:to_server; http.uri; content:"/slow"; flowbits:set,begun; sid:1;)
		drop http any any -> any 80 (msg:"injection"; flow:to_server,established; http.uri; content:"union select"; sid:2;)
	end
	seq 2000 | awk -v g="$1" '{ printf "alert http any any -> any any (msg:\"r\"; http.uri; content:\"/no%dsuch%dthing\"; sid:%d;)\n", g, $1, 10000 + $1 }'
	if (($1 > 1)); then
		echo 'alert tcp any 80 -> any any (msg:"ended"; flow:to_client,established; flowbits:isset,begun; content:"the-very-end-of-the-file"; sid:3;)'
	fi
}

rules 1 >$DIR/test.rules
sensor_start edge --wire in0,in1 --set stream.reassembly.depth=0 --rules $DIR/test.rules
check "an attack does not pass" [ "$(fetch home "$bad")" = 000 ]
count_start inside $DIR/counted
within home curl -s --max-time 60 -o $DIR/got $good/slow &
download=$!
within home "$LIVE_TOOLS"/datagrams send --from 45.1.0.1 --to 45.1.0.10 --port 5000 --rate 2000 --seconds 6 >$DIR/sent &
sender=$!
eventually 5 has_events 1 '.alert.signature_id == 1' || fail "the download was not seen"
for generation in 2 3 4 5 6; do
	rules $generation >$DIR/test.rules
	if ((generation % 2)); then
		kill -HUP $sensor
		sleep 0.5
	else
		"$LUYTRE" sensor reload >$DIR/reload || fail "reload $generation"
		grep -q "New rules are in force" $DIR/reload || fail "the reload does not say what it did"
	fi
	sleep 0.3
done
kill -0 $download 2>/dev/null || fail "the download was over before the reloads were"
wait $sender
count_end
wait $download || fail "the download broke off"
check "every datagram arrived" [ "$(word $DIR/counted unique)" = 12000 ]
check "the file is whole" cmp -s $DIR/www/slow $DIR/got
check "five reloads" [ "$("$LUYTRE" sensor status --json | jq .reload.count)" = 5 ]
check "none failed" [ "$("$LUYTRE" sensor status --json | jq .reload.failed)" = 0 ]
check "no packet was lost" [ "$(counter capture.kernel_drops)" = 0 ]
check "none went by uninspected" [ "$(counter capture.unguarded)" = 0 ]
check "the flow's bit of the old rules, the stream's end in the new ones" eventually 5 has_events 1 '.alert.signature_id == 3'
check "it is one flow" [ "$(jq -c 'select(.alert.signature_id == 1 or .alert.signature_id == 3) | .flow_id' $DIR/eve.json |
	sort -u | wc -l)" = 1 ]
check "the new rules drop as well" [ "$(fetch home "$bad")" = 000 ]

# Rules that cannot be used.
printf 'alert tcp any any -> any any (msg:"broken"; no_such_keyword; sid:1;)\nnot a rule\n' >$DIR/test.rules
check "only broken rules: told by the exit code" refuses "$LUYTRE" sensor reload >$DIR/reload
cat $DIR/reload
check "and with the rule and its line" grep -q "test.rules:1: .*no_such_keyword" $DIR/reload
check "the old rules stand" [ "$(fetch home "$bad")" = 000 ]
rm $DIR/test.rules
check "no file: told by the exit code" refuses "$LUYTRE" sensor reload
check "the old rules stand" [ "$(fetch home "$bad")" = 000 ]
{
	rules 7
	echo 'alert tcp any any -> any any (msg:"broken"; no_such_keyword; sid:77;)'
} >$DIR/test.rules
check "one broken rule among good ones does not stop them" "$LUYTRE" sensor reload
check "which is told" [ "$("$LUYTRE" sensor status --json | jq .rules.refused)" = 1 ]
check "good requests still pass" [ "$(fetch home $good)" = 200 ]
sensor_end TERM || fail "it does not end well"
live_end
