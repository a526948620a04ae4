#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The console as people get it: a real hub with organisations, an enrolled edge and a day of events, and Chromium that logs in with
# the first password and walks every page (walk.js). Needs no root; everything is on loopback and in a folder that goes away.
#
#	tests/web/run.sh BUILD [walk.js option...]		screenshots are left in BUILD/web-shots
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
shift
luytre=$build/luytre
dir=$(mktemp -d)
pids=()
export LUYTRE_HUB_SOCKET=$dir/hub.sock

finish() {
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

skip() {
	echo "test-web: skipped: $1"
	exit 77
}

fail() {
	echo "test-web: $1" >&2
	tail -n 20 "$dir"/*.log >&2
	exit 1
}

eventually() { # SECONDS COMMAND...
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.2
	done
}

command -v node >/dev/null || skip "no node"
[ -x "${CHROMIUM:=/usr/bin/chromium}" ] || skip "no $CHROMIUM"
export CHROMIUM
# Its two packages, fetched once.
if [ ! -d "$here/node_modules" ]; then
	(cd "$here" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || skip "playwright-core and axe-core could not be fetched"
fi

port=$((20000 + $$ % 20000))
"$luytre" hub run --state "$dir/hub" --address 127.0.0.1 --port $((port + 1)) --names 127.0.0.1 --console-port $port --socket "$LUYTRE_HUB_SOCKET" --holds "$here/../../rules/gate" \
	>"$dir/hub.out" 2>"$dir/hub.log" &
pids+=($!)
eventually 20 "$luytre" hub status || fail "the hub did not start"
password=$(sed -n "s/.*'admin' with the password \([^ ]*\).*/\1/p;s/.*[Pp]assword[^:]*: *\([^ ]*\).*/\1/p" "$dir/hub.out" | head -n 1)
[ -n "$password" ] || fail "no first password: $(cat "$dir/hub.out")"

n=0
while IFS='|' read -r name province sector; do
	"$luytre" hub tenant province="$province" sector="$sector" "198.51.$((100 + n)).0/24" "$name" >/dev/null || fail "no organisation $name"
	n=$((n + 1))
done <<'end'
Sở Y tế Hà Nội|01|health
Cổng dịch vụ công Hà Nội|01|government
Sở Khoa học và Công nghệ Thành phố Hồ Chí Minh|79|information
Trung tâm Giám sát thông minh Đà Nẵng|48|information
Sở Y tế tỉnh Lào Cai|15|health
Bệnh viện Đa khoa Trung ương Cần Thơ|92|health
Tổng công ty Điện lực miền Trung|48|energy
Đại học Huế|46|education
Cảng vụ Hàng hải Hải Phòng|31|transport
Ủy ban nhân dân tỉnh Khánh Hòa|56|government
Kho bạc Nhà nước|01|finance
Ủy ban nhân dân tỉnh Quảng Ninh|22|government
end

cat >"$dir/edge.yaml" <<end
interface: lo
control_socket: $dir/edge.sock
state_dir: $dir/edge
hub:
  enabled: true
  events_socket: $dir/events.sock
gate:
  holds_file: $dir/gate-holds.json
end
"$luytre" edge enrol https://127.0.0.1:$((port + 1)) --token "$("$luytre" hub invite "Điểm biên Hà Nội 1" --all)" --config "$dir/edge.yaml" \
	>"$dir/enrol.log" 2>&1 || fail "the edge did not enrol"
"$luytre" edge link --config "$dir/edge.yaml" >"$dir/edge.log" 2>&1 &
pids+=($!)
eventually 10 test -S "$dir/events.sock" || fail "the edge's events socket is not there"
"$here/load.py" "$dir/events.sock" "${EVENTS:-2000}" || fail "events could not be sent"
"$here/report.py" 260 >"$dir/report.jsonl"
"$luytre" hub import "$dir/report.jsonl" >"$dir/import.log" 2>&1 || fail "the report was not imported"
sleep 2

node "$here/walk.js" "https://127.0.0.1:$port/" "$build/web-shots" --login admin --password "$password" "$@"
