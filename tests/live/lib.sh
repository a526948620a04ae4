# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the live tests share: a small world of network namespaces, the daemon in it, and the figures. Sourced as
# the first thing; the test goes on in namespaces of its own.
#
#	home (45.1.0.0/16, 2606:4700:1::/64) ---\
#	                                          outside ---- edge: luytre, and what it protects
#	office (10.9.0.0/16) --- nat (45.2.0.1) -/   out0  in0   198.51.100.0/24, 2001:db8:1::/64
#
# Floods are put on out0 by pktblast, which is where the internet's would arrive. Everything lives in a mount, process
# and network namespace of the test, so it is all gone when the test ends, whatever the reason.
#
# The environment says what is tested: LUYTRE and PKTBLAST (programs), LIVE_TOOLS (the folder of visitors, datagrams,
# gate and metrics-format). A test prints its figures as
#	figure<TAB>name<TAB>reached<TAB>unit<TAB>>= or <=<TAB>wanted
# which `make bench` puts into its table, and fails where a figure is worse than its floor, which leaves room for
# machines with other work to do.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

live_skip() {
	echo "skipped: $1"
	exit 77
}

if [[ -z ${LIVE_INSIDE:-} ]]; then
	[[ $(id -u) -eq 0 ]] || live_skip "network namespaces and packet filters take root"
	for tool in ip nsenter unshare ethtool awk; do
		command -v "$tool" >/dev/null || live_skip "$tool is not installed"
	done
	export LIVE_INSIDE=1
	exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc bash "$0" "$@"
fi

mkdir -p /run/netns
mount -t tmpfs -o mode=0755 live /run/netns
mount -t bpf live /sys/fs/bpf
DIR=/run/netns/.live
mkdir $DIR
LUYTRE_SOCKET=$DIR/control.sock
LUYTRE_LANG=en
export LUYTRE_SOCKET LUYTRE_LANG
failures=0
daemon=

fail() {
	echo "FAILED: $1"
	failures=$((failures + 1))
}

# check WHAT COMMAND...: a condition that must hold.
check() {
	local what=$1
	shift
	if "$@"; then
		echo "ok: $what"
	else
		fail "$what"
	fi
}

# number EXPRESSION: true when awk finds it so.
number() {
	awk "BEGIN { exit !($1) }"
}

# figure NAME REACHED UNIT KIND WANTED FLOOR: the bar, and what the test insists on.
figure() {
	printf 'figure\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5"
	number "$2 $4 $6" || fail "$1: $2 $3, at worst $6 is taken"
}

# live_end: to be called last.
live_end() {
	if ((failures)) && [[ -s $DIR/luytre.log ]]; then
		echo "--- the daemon's last words"
		tail -n 20 $DIR/luytre.log
	fi
	exit $((failures ? 1 : 0))
}

# within SPACE COMMAND...: runs in a namespace; only the network changes. In the background the command takes the
# shell's place, so that $! is its own number.
within() {
	local space=$1
	shift
	if ((BASHPID != $$)); then
		exec nsenter --net="/run/netns/$space" "$@"
	fi
	nsenter --net="/run/netns/$space" "$@"
}

# link SPACE DEVICE SPACE DEVICE: one queue a side, so that a flow stays on one processor.
link() {
	ip -n "$1" link add "$2" numrxqueues 1 numtxqueues 1 type veth peer name "$4" netns "$3" numrxqueues 1 numtxqueues 1
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}

# space NAME...
space() {
	local name
	for name; do
		ip netns add "$name"
		ip -n "$name" link set lo up
		within "$name" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
			net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	done
}

live_world() {
	space outside edge home
	link outside out0 edge in0
	link outside home0 home up0
	within outside sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n outside addr add 192.88.1.1/24 dev out0
	ip -n outside addr add 2606:1::1/64 dev out0 nodad
	ip -n edge addr add 192.88.1.2/24 dev in0
	ip -n edge addr add 2606:1::2/64 dev in0 nodad
	ip -n edge route add default via 192.88.1.1
	ip -n edge route add default via 2606:1::1
	ip -n edge route add local 198.51.100.0/24 dev lo
	ip -n edge route add local 2001:db8:1::/64 dev lo
	ip -n outside route add 198.51.100.0/24 via 192.88.1.2
	ip -n outside route add 2001:db8:1::/64 via 2606:1::2
	# The whole networks live in home: any of their addresses can be used there.
	ip -n outside addr add 45.0.0.1/30 dev home0
	ip -n outside addr add 2606:2::1/64 dev home0 nodad
	ip -n outside route add 45.1.0.0/16 via 45.0.0.2
	ip -n outside route add 2606:4700:1::/64 via 2606:2::2
	ip -n home addr add 45.0.0.2/30 dev up0
	ip -n home addr add 2606:2::2/64 dev up0 nodad
	ip -n home route add local 45.1.0.0/16 dev lo
	ip -n home route add local 2606:4700:1::/64 dev lo
	ip -n home route add default via 45.0.0.1
	ip -n home route add default via 2606:2::1
	within outside "$LIVE_TOOLS"/gate out0
	edge_mac=$(ip -n edge -br link show in0 | awk '{ print $3 }')
	# The flood has the last processor for itself, everybody else the others.
	cpu=$(($(nproc) - 1))
	if ((cpu > 0)); then
		taskset -pc 0-$((cpu - 1)) $$ >/dev/null
	fi
}

# An office behind a Linux router that translates, and drops what conntrack cannot place.
live_office() {
	space nat office
	link outside nat0 nat up0
	link nat down0 office up0
	ip -n outside addr add 45.2.0.2/24 dev nat0
	ip -n nat addr add 45.2.0.1/24 dev up0
	ip -n nat route add default via 45.2.0.2
	ip -n nat addr add 10.9.0.1/16 dev down0
	ip -n office addr add 10.9.0.2/16 dev up0
	ip -n office route add default via 10.9.0.1
	within nat sysctl -qw net.ipv4.ip_forward=1
	within nat nft -f - <<-end
		table ip nat {
			chain out { type nat hook postrouting priority srcnat; oifname "up0" masquerade; }
			chain through { type filter hook forward priority filter; ct state invalid counter drop; }
		}
	end
}

# live_config [LINE...]: the configuration; further lines are settings of the tenant 'site'.
live_config() {
	cat >$DIR/luytre.yaml <<-end
		interface: in0
		control_socket: $LUYTRE_SOCKET
		state_dir: $DIR/state
		pin_dir: /sys/fs/bpf/luytre
		tenants:
		  - name: site
		    prefixes: [198.51.100.0/24, "2001:db8:1::/64"]
		    mode: enforce
		    tcp_ports: [80, 443]
		    udp_ports: [5000]
		$(printf '    %s\n' "$@")
	end
}

daemon_start() {
	within edge "$LUYTRE" run --config $DIR/luytre.yaml >>$DIR/luytre.log 2>&1 &
	daemon=$!
	local i
	for ((i = 0; i < 200; i++)); do
		if "$LUYTRE" status >/dev/null 2>&1; then
			return
		fi
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.05
	done
	fail "the daemon did not start"
	live_end
}

# daemon_kill SIGNAL
daemon_kill() {
	kill -"$1" "$daemon"
	wait "$daemon" 2>/dev/null || true
}

# flood SECONDS PPS TEMPLATE...: in the background, on a processor of its own; its process is $flood.
flood() {
	local seconds=$1 pps=$2 words=() one
	shift 2
	for one; do
		words+=(-t "$one")
	done
	within outside "$PKTBLAST" tx -i out0 -D "$edge_mac" -S "$seconds" -r "$pps" -c "$cpu" "${words[@]}" >$DIR/flood.log &
	# shellcheck disable=SC2034 # for the tests
	flood=$!
}

# count_start SPACE FILE: counts the datagrams that arrive; its process is $counter.
count_start() {
	within "$1" "$LIVE_TOOLS"/datagrams count --port 5000 >"$2" &
	counter=$!
	until grep -q ready "$2"; do
		kill -0 "$counter"
		sleep 0.02
	done
}

# count_end: the file is complete afterwards.
count_end() {
	sleep 0.3 # what is still under way
	kill "$counter"
	wait "$counter"
}

# metric PATTERN: the sum of the values of the series that match.
metric() {
	metrics | awk -v pattern="$1" '$0 !~ /^#/ && $0 ~ pattern { sum += $NF } END { printf "%.0f\n", sum }'
}

metrics() {
	# shellcheck disable=SC2016
	within edge bash -c 'exec 3<>/dev/tcp/127.0.0.1/9105
		printf "GET /metrics HTTP/1.0\r\n\r\n" >&3
		sed -e "1,/^\r*$/d" <&3'
}

# word FILE NAME: the word behind a name in a line of figures ("answered 998").
word() {
	tr ' ' '\n' <"$1" | awk -v name="$2" 'found { print; exit } $0 == name { found = 1 }'
}
