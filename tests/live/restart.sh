#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The daemon is killed and started again, reads its configuration again, and is given a bad one, all under traffic:
# nothing that should pass is lost, nothing that should be dropped comes through, and nothing that is known is forgotten.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

rate=5000
live_world
printf '45.1.9.0/24\n' >$DIR/blocked.txt
live_config 'limits: {source_pps: 100k}'
cat >>$DIR/luytre.yaml <<-end
	lists:
	  - {name: blocked, file: blocked.txt, action: block}
end
daemon_start
"$LUYTRE" shield block 45.1.0.66 >/dev/null

# traffic SECONDS: 0 may come, 1 is blocked by the operator, 2 by the list
traffic() {
	count_start edge $DIR/count
	senders=()
	local stream=0 from
	for from in 45.1.0.5 45.1.0.66 45.1.9.9; do
		within home "$LIVE_TOOLS"/datagrams send --from $from --to 198.51.100.10 --port 5000 --rate $rate \
			--seconds "$1" --stream $stream >/dev/null &
		senders+=($!)
		stream=$((stream + 1))
	done
	expected=$((rate * $1))
	sleep 1
}

# arrived WHAT: ends the traffic and judges it
arrived() {
	wait "${senders[@]}"
	count_end
	cat $DIR/count
	check "$1: no datagram lost" [ "$(awk '/^stream 0/ { print $6 }' $DIR/count)" = $expected ]
	check "$1: no datagram unfiltered" [ "$(grep -c '^stream [12]' $DIR/count)" = 0 ]
}

traffic 5
before=$(metric 'packets_total.*tenant="site"')
daemon_kill KILL
sleep 1
daemon_start
arrived "daemon killed and started again"
check "the tables were taken over" grep -q '"took_over":true' <("$LUYTRE" status --json)
check "the counters went on" number "$(metric 'packets_total.*tenant="site"') >= $before + $rate"
check "the operator's decision stands" grep -q 45.1.0.66 <("$LUYTRE" shield decisions)

traffic 4
daemon_kill TERM
sleep 0.5
daemon_start
arrived "daemon stopped and started again"

traffic 4
sed -i 's/udp_ports: \[5000\]/udp_ports: [5000, 6000]/' $DIR/luytre.yaml
check "a good configuration is taken" "$LUYTRE" reload
arrived "configuration read again"

cp $DIR/luytre.yaml $DIR/good.yaml
traffic 4
echo '    udp_prots: [1]' >>$DIR/luytre.yaml
if "$LUYTRE" reload >$DIR/refusal 2>&1; then
	fail "a bad configuration was taken"
fi
cat $DIR/refusal
check "the refusal names file and line" grep -Eq "luytre.yaml:[0-9]+" $DIR/refusal
cp $DIR/good.yaml $DIR/luytre.yaml
printf '45.1.9.0/24\nnonsense\n' >$DIR/blocked.txt
if "$LUYTRE" reload >$DIR/refusal 2>&1; then
	fail "a bad list was taken"
fi
cat $DIR/refusal
check "the refusal names the list's line" grep -q "blocked.txt:2" $DIR/refusal
arrived "bad configuration and bad list"
check "the old configuration stands" grep -q '"reload_failures":2' <("$LUYTRE" status --json)
live_end
