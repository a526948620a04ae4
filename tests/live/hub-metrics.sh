#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The figures of a running hub as Prometheus reads them, with the sandbox on; and two hubs of which the command line is told which one to
# ask. Needs no root.
set -euo pipefail

command -v curl >/dev/null || {
	echo "SKIP: needs curl"
	exit 77
}
DIR=$(mktemp -d /tmp/luytre-live-metrics-XXXXXX)
hubs=()
failures=0
trap 'for hub in "${hubs[@]}"; do kill "$hub" 2>/dev/null || :; done; wait; rm -rf "$DIR"' EXIT

check() {
	if "${@:2}"; then
		echo "ok: $1"
	else
		echo "FAILED: $1"
		failures=$((failures + 1))
	fi
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# begin NAME OPTION...
begin() {
	"$LUYTRE" hub run --state "$DIR/$1" --socket "$DIR/$1.sock" --address 127.0.0.1 --port "$(free_port)" --console-port "$(free_port)" \
		--holds "$DIR" "${@:2}" >"$DIR/$1.log" 2>&1 &
	hubs+=($!)
	for _ in $(seq 100); do
		"$LUYTRE" hub --socket "$DIR/$1.sock" status --json >"$DIR/$1.status" 2>/dev/null && return
		sleep 0.1
	done
	cat "$DIR/$1.log"
	exit 1
}

has() {
	grep -Eq "^$1" "$DIR/metrics"
}

port=$(free_port)
begin one --metrics "$port"
begin two
curl -s "http://127.0.0.1:$port/metrics" >"$DIR/metrics"
check "the figures are well formed" "$LIVE_TOOLS"/metrics-format <"$DIR/metrics"
for name in 'luytre_hub_events_total 0' 'luytre_hub_batch_lag_seconds_count ' 'luytre_hub_edges_connected ' 'luytre_hub_edges_behind ' \
	'luytre_hub_decisions\{level="block"\} ' 'luytre_hub_findings\{state="[a-z]+"\} 0' 'luytre_hub_holds\{state="[a-z]+"\} 0' \
	'luytre_hub_findings_open 0' 'luytre_hub_store_bytes\{store="control"\} [1-9]' 'luytre_hub_disk_free_bytes [1-9]' \
	'luytre_api_waiting\{lane="question"\} 0' 'process_resident_memory_bytes [1-9]' 'process_cpu_seconds_total [0-9]'; do
	check "there is $name" has "$name"
done
check "nothing else is answered there" test "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/api/v1/health")" = 404
address=$(hostname -I | cut -d' ' -f1)
if [ -n "$address" ]; then
	case $address in *:*) address="[$address]" ;; esac
	check "nobody else than this machine is answered" bash -c "! curl -g -s -m 2 'http://$address:$port/metrics'"
else
	echo "skipped: this machine has no address but loopback"
fi

# An organisation at one hub, and none at the other.
"$LUYTRE" hub --socket "$DIR/two.sock" tenant 192.0.2.0/24 Somebody >/dev/null
check "--socket before the verb chooses the hub" test "$("$LUYTRE" hub --socket="$DIR/two.sock" status --json)" != "$(cat "$DIR/one.status")"
check "both were asked" bash -c "! '$LUYTRE' hub --socket '$DIR/none.sock' status 2>/dev/null"
code=0
"$LUYTRE" hub --socket >/dev/null 2>&1 || code=$?
check "without a path it is refused" test $code -eq 2
[ $failures -eq 0 ]
