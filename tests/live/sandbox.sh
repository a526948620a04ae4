#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is left of the daemon's rights once it runs, who may talk to it, and whether its metrics can be read.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

live_world
live_config 'challenge: auto'
daemon_start

# status_is FIELD VALUE
# shellcheck disable=SC2317 # called by check
status_is() {
	[ "$(awk -v name="$1:" '$1 == name { print $2 }' /proc/"$daemon"/status)" = "$2" ]
}

for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	check "$set is empty" status_is $set 0000000000000000
done
check "seccomp filters" status_is Seccomp 2
check "no new privileges" status_is NoNewPrivs 1
check "every thread is confined" [ "$(grep -h '^Seccomp:' /proc/"$daemon"/task/*/status | sort -u)" = "$(printf 'Seccomp:\t2')" ]
check "the socket is for root alone" [ "$(stat -c '%a %U' $LUYTRE_SOCKET)" = "600 root" ]
check "nobody else can ask" bash -c "! setpriv --reuid 65534 --regid 65534 --clear-groups '$LUYTRE' status 2>/dev/null"
check "nobody else can read the state" [ "$(stat -c '%a' $DIR/state)" = 700 ]

within home "$LIVE_TOOLS"/datagrams send --from 45.1.0.1 --to 198.51.100.10 --port 5000 --rate 100 --seconds 0.1
metrics >$DIR/metrics
check "the metrics are well formed" "$LIVE_TOOLS"/metrics-format <$DIR/metrics
check "the metrics count" number "$(metric 'packets_total.*tenant="site".*reason="passed"') >= 10"
check "the metrics are on loopback alone" bash -c "! nsenter --net=/run/netns/home bash -c '</dev/tcp/192.88.1.2/9105' 2>/dev/null"

daemon_kill TERM
check "the filter stays when the daemon is gone" grep -q 'prog/xdp' <(ip -n edge -d link show in0 2>/dev/null)
within edge "$LUYTRE" shield detach in0 || fail "detach"
check "and goes when told to" bash -c "! ip -n edge -d link show in0 2>/dev/null | grep -q prog/xdp"
check "nothing is left pinned" [ -z "$(find /sys/fs/bpf/luytre -mindepth 1 2>/dev/null)" ]
live_end
