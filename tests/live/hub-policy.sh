#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a proposal to dropped packets: a real hub with its API, a real edge, a listed attacker and a user. The edge's own file says shadow;
# what two people agree on at the hub decides what becomes of packets, also when the hub is gone and the edge has been killed.
#
#	home (45.1.7.0/24) ---- edge: 198.51.100.0/24, web sites at .5 and .6 ---- hub
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

LUYTRE_HUB_SOCKET=$DIR/hub.sock
export LUYTRE_HUB_SOCKET
ROUNDS=${ROUNDS:-5}
STATE=$DIR/edge/state
ATTACKER=45.1.7.9
USER=45.1.7.200

space hub home edge
ip -n home route add local 45.1.7.0/24 dev lo
link home up0 edge in0
link hub edge edge hub0
ip -n home addr add 192.88.1.1/24 dev up0
ip -n edge addr add 192.88.1.2/24 dev in0
ip -n edge addr add 198.51.100.5/24 dev in0
ip -n edge addr add 198.51.100.6/24 dev in0
ip -n edge route add 45.1.7.0/24 via 192.88.1.1
ip -n home route add 198.51.100.0/24 via 192.88.1.2
ip -n hub addr add 10.0.1.1/24 dev edge
ip -n edge addr add 10.0.1.2/24 dev hub0
within home ethtool -K up0 tx off >/dev/null
within home "$LIVE_TOOLS"/gate up0
web edge 80
mkdir -p $DIR/edge
echo $ATTACKER >$DIR/edge/bad.txt
cat >$DIR/edge/luytre.yaml <<-end
	interface: in0
	control_socket: $DIR/edge/control.sock
	state_dir: $STATE
	pin_dir: /sys/fs/bpf/luytre1
	hub:
	  enabled: true
	  events_socket: $DIR/edge/events.sock
	gate:
	  holds_file: $DIR/edge/gate-holds.json
	capacity:
	  tenants: 3
	lists:
	  - {name: bad, file: bad.txt, action: block}
	tenants:
	  - name: site
	    prefixes: [198.51.100.0/24]
end

hub_answers() {
	"$LUYTRE" hub status >/dev/null 2>&1
}

edge_answers() {
	"$LUYTRE" --socket $DIR/edge/control.sock status >/dev/null 2>&1
}

hub=
hub_start() {
	within hub "$LUYTRE" hub run --state $DIR/hub --address 0.0.0.0 --names 10.0.1.1 >>$DIR/luytre.log 2>&1 &
	hub=$!
	eventually 20 hub_answers || fail "the hub did not start"
}

edge=
edge_start() {
	within edge "$LUYTRE" run --config $DIR/edge/luytre.yaml >>$DIR/luytre.log 2>&1 &
	edge=$!
	eventually 30 edge_answers || fail "the edge did not start"
}

# fetch ADDRESS SITE: the answer's status; 000 without one.
fetch() {
	within home curl -s -o /dev/null --max-time 0.4 --interface "$1" -w '%{http_code}' "http://198.51.100.$2/" || true
}

blocked() {
	[ "$(fetch "$1" "$2")" = 000 ]
}

passes() {
	[ "$(fetch "$1" "$2")" = 200 ]
}

# api TOKEN METHOD PATH [BODY [HEADER]]: prints the answer, and its status in the last line.
api() {
	local body=()
	[ -z "${4:-}" ] || body=(-H 'Content-Type: application/json' -d "$4")
	[ -z "${5:-}" ] || body+=(-H "$5")
	within hub curl -sk --max-time 10 -H "Authorization: Bearer $1" -X "$2" "${body[@]}" -w '\n%{http_code}\n' \
		"https://127.0.0.1:8443/api/v1$3"
}

standing() {
	api "$AN" GET '/policies?state=standing' | head -n 1 | jq -r '.items[0].id'
}

# propose CHANGES: by An; prints the number of the version, or what was answered.
propose() {
	local answer
	answer=$(api "$AN" POST /policies "{\"base\":\"$(standing)\",\"reason\":\"Thử nghiệm.\",\"changes\":[$1]}")
	if [ "$(tail -n 1 <<<"$answer")" = 201 ]; then
		head -n 1 <<<"$answer" | jq -r .id
	else
		echo "$answer"
	fi
}

# approve TOKEN VERSION: the status.
approve() {
	api "$1" POST "/policies/$2/approve" '{"reason":"Đồng ý."}' 'If-Match: "r1"' | tail -n 1
}

# in_force CHANGES: proposed by An, approved by Bình; prints the number.
in_force() {
	local id
	id=$(propose "$1")
	approve "$BINH" "$id" >/dev/null
	echo "$id"
}

# drifts WORD: the edge says so of itself.
drifts() {
	api "$AN" GET /edges | head -n 1 | jq -e --arg word "$1" '.items[0].drift | index($word)' >/dev/null
}

# rollout VERSION: state and why of the edge.
rollout() {
	api "$AN" GET "/policies/$1/rollout" | head -n 1 | jq -r '.items[0] | "\(.state) \(.why)"'
}

is_at() {
	[[ $(rollout "$1") == "$2"* ]]
}

nothing_held() {
	jq -e '.holds == []' $DIR/edge/gate-holds.json >/dev/null
}

hub_start
# Its assets have the numbers 1 to 4.
check "the organisation is registered" "$LUYTRE" hub tenant \
	198.51.100.5/32,198.51.100.6/32,198.51.100.64/26,198.51.100.128/26 "Sở Y tế"
TENANT=1
AN=$("$LIVE_TOOLS"/hub-person $DIR/hub an "$TENANT")
BINH=$("$LIVE_TOOLS"/hub-person $DIR/hub binh "$TENANT")
check "the edge enrols" within edge "$LUYTRE" edge enrol https://10.0.1.1:8444 \
	--token "$("$LUYTRE" hub invite "Điểm 1" --tenant $TENANT)" --config $DIR/edge/luytre.yaml
edge_start
first=$(standing)
check "the first version stands on the edge" eventually 15 is_at "$first" standing
check "the file says shadow: the attacker passes" passes $ATTACKER 5
check "the web server is told that nothing is held" nothing_held
check "anybody on the machine may read it" [ "$(stat -c %a $DIR/edge/gate-holds.json)" = 644 ]

# ---- Into force ----
check "what edges cannot do is refused by name" grep -q 'chế độ bóng chỉ đếm' \
	<(propose "{\"tenant\":\"$TENANT\",\"modes\":{\"shield\":\"off\"}}")
version=$(propose "{\"tenant\":\"$TENANT\",\"modes\":{\"shield\":\"enforce\"}}")
check "who proposed it cannot approve it" [ "$(approve "$AN" "$version")" = 403 ]
check "the attacker still passes" passes $ATTACKER 5
check "another person approves it" [ "$(approve "$BINH" "$version")" = 200 ]
check "the attacker is dropped" eventually 5 blocked $ATTACKER 5
check "at the other site too" blocked $ATTACKER 6
check "the user passes" passes $USER 5
check "the hub knows that it stands" eventually 5 is_at "$version" standing

# ---- From the approval to the tables ----
: >$DIR/times
for ((round = 0; round < ROUNDS; round++)); do
	mode=shadow
	((round % 2)) && mode=enforce
	next=$(propose "{\"tenant\":\"$TENANT\",\"modes\":{\"shield\":\"$mode\"}}")
	began=$(date +%s%N)
	approve "$BINH" "$next" >/dev/null &
	for ((look = 0; look < 1000; look++)); do
		if [ "$("$LUYTRE" --socket $DIR/edge/control.sock --json status | jq -r '.tenants[] | select(.name == "site+enforce" or .name == "site+shadow").mode' | sort -u)" = $mode ]; then
			echo $((($(date +%s%N) - began) / 1000000)) >>$DIR/times
			break
		fi
	done
	wait $! || true
done
sort -n $DIR/times >$DIR/sorted
check "every version came to stand" [ "$(wc -l <$DIR/sorted)" = "$ROUNDS" ]
figure "from the approval of a policy to the shield's tables, p50" \
	"$(awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }' $DIR/sorted)" ms "<=" 500 3000
figure "the same, slowest of $ROUNDS" "$(tail -n 1 $DIR/sorted)" ms "<=" 1000 8000

# ---- Back ----
api "$AN" POST "/policies/$version/rollback" '{"reason":"Quay lại bản trước."}' | tail -n 1 >$DIR/status
check "a version that stood is brought back by one person" [ "$(cat $DIR/status)" = 201 ]
check "the attacker is dropped again" eventually 5 blocked $ATTACKER 5
version=$(standing)
check "the edge has it" eventually 5 is_at "$version" standing

# ---- Somebody switches by hand ----
check "the tenant is switched by hand" "$LUYTRE" --socket $DIR/edge/control.sock shield mode site+enforce shadow
check "the attacker passes" passes $ATTACKER 5
check "the edge says that this is not what is wanted" eventually 45 drifts settings
check "a reload puts it right" "$LUYTRE" --socket $DIR/edge/control.sock reload
check "the attacker is dropped" eventually 2 blocked $ATTACKER 5

# ---- One asset ----
version=$(in_force '{"tenant":"1","reset":true},{"tenant":"1","asset":"1","modes":{"shield":"enforce"}}')
check "one asset is enforced: the attacker is dropped there" eventually 5 blocked $ATTACKER 5
check "and passes at the other" passes $ATTACKER 6
version=$(in_force '{"tenant":"1","asset":"1","limits":{"source_syn_pps":1}}')
check "a limit of one asset stands in the tables" eventually 5 is_at "$version" standing
check "under the name of the asset" grep -q 'site+asset-1' <("$LUYTRE" --socket $DIR/edge/control.sock --json status)

# ---- What does not fit ----
failed=$(in_force '{"tenant":"1","asset":"2","limits":{"udp_pps":2}},{"tenant":"1","asset":"3","limits":{"udp_pps":3}}')
check "a policy that does not fit the tables fails, with the reason" eventually 5 is_at "$failed" "failed"
check "which names the setting" grep -q capacity.tenants <(rollout "$failed")
check "the old one stands" blocked $ATTACKER 5
api "$AN" POST "/policies/$version/rollback" '{"reason":"Không đủ chỗ."}' >/dev/null
version=$(standing)
check "and it is gone back to" eventually 5 is_at "$version" standing

# ---- What is broken is not taken ----
cp $STATE/hub/policy.bundle $DIR/good
head -c 100 $DIR/good >$STATE/hub/policy.bundle
kill -KILL $edge
wait $edge 2>/dev/null || true
edge_start
check "a torn bundle is refused at the start, and said so" eventually 3 grep -q 'policy that the hub gave cannot be used' $DIR/luytre.log
check "the hub gives it again" eventually 15 blocked $ATTACKER 5
check "and it is kept" eventually 5 cmp -s -n 16 $DIR/good $STATE/hub/policy.bundle

# ---- Without the hub ----
kill -KILL $hub
wait $hub 2>/dev/null || true
kill -KILL $edge
wait $edge 2>/dev/null || true
rm $DIR/edge/gate-holds.json
check "the daemon is killed, the hub is gone: the shield goes on" blocked $ATTACKER 5
"$LUYTRE" shield detach in0 --pin-dir /sys/fs/bpf/luytre1 >/dev/null 2>&1 || within edge ip link set in0 xdp off
rm -rf /sys/fs/bpf/luytre1
check "and is taken off" eventually 3 passes $ATTACKER 5
edge_start
check "a new daemon begins with the policy, without the hub" eventually 3 blocked $ATTACKER 5
check "and with what is held" nothing_held
check "the user passes" passes $USER 5
hub_start
check "the hub is back" eventually 40 is_at "$version" standing

# ---- Somebody else's signature ----
kill -KILL $hub
wait $hub 2>/dev/null || true
mv $DIR/hub/policy.key $DIR/policy.key
hub_start
check "a policy with another signature is put into force" eventually 40 is_at "$version" standing
forged=$(in_force '{"tenant":"1","reset":true,"modes":{"shield":"shadow"}},{"tenant":"1","asset":"1","reset":true}')
check "the edge refuses it and says so" eventually 70 is_at "$forged" failed
check "the old one stands" blocked $ATTACKER 5

live_end
