# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests of the running sensor share, on top of lib.sh: the sensor, a web server, events and counters.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for tool in nginx curl jq; do
	command -v "$tool" >/dev/null || live_skip "$tool is not installed"
done

LUYTRE_SENSOR_SOCKET=$DIR/sensor.sock
export LUYTRE_SENSOR_SOCKET
sensor=

# sensor_start SPACE OPTION...: events go to $DIR/eve.json, messages to $DIR/luytre.log; its process is $sensor.
sensor_start() {
	local space=$1 i
	shift
	within "$space" "$LUYTRE" sensor run --eve $DIR/eve.json --pin-dir /sys/fs/bpf/luytre --set stats.interval=1 "$@" \
		>>$DIR/luytre.log 2>&1 &
	sensor=$!
	for ((i = 0; i < 200; i++)); do
		if "$LUYTRE" sensor status >/dev/null 2>&1; then
			return
		fi
		kill -0 "$sensor" 2>/dev/null || break
		sleep 0.05
	done
	fail "the sensor did not start"
	live_end
}

# sensor_end SIGNAL
sensor_end() {
	kill -"$1" "$sensor"
	wait "$sensor" 2>/dev/null || return $?
}

# events FILTER: how many lines of eve.json jq finds so.
events() {
	jq -c "select($1)" $DIR/eve.json | wc -l
}

# eventually SECONDS COMMAND...: true as soon as the command is.
eventually() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.1
	done
}

# has_events COUNT FILTER
has_events() {
	[ "$(events "$2")" -ge "$1" ]
}

# counter NAME: of the running sensor, dotted.
counter() {
	"$LUYTRE" sensor stats --json | jq ".stats.$1 // 0"
}

# has_counter NAME COUNT: at least so much.
has_counter() {
	[ "$(counter "$1")" -ge "$2" ]
}

# reader_start SOCKET FILE: listens on a socket of the type unix_stream for whoever connects first, and writes what it says first, up to
# a mebibyte, to the file. reader_end waits for it to have done so.
reader=
reader_start() {
	python3 - "$1" "$2" <<-'end' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen(1)
		peer = s.accept()[0]
		open(sys.argv[2], "wb").write(peer.recv(1 << 20))
	end
	reader=$!
	eventually 5 test -S "$1"
}
reader_end() {
	wait "$reader"
}

# refuses COMMAND...: the command must not succeed.
refuses() {
	! "$@"
}

# web SPACE PORT [LINE...]: a web server with a page, a large file, and further lines of configuration.
web() {
	local space=$1 port=$2
	shift 2
	mkdir -p $DIR/www
	echo "hello" >$DIR/www/index.html
	cat >"$DIR/nginx-$port.conf" <<-end
		daemon off;
		master_process off;
		pid $DIR/nginx-$port.pid;
		error_log $DIR/nginx-$port.log;
		events { worker_connections 256; }
		http {
			access_log off;
			server {
				listen $port;
				listen [::]:$port;
				root $DIR/www;
				error_page 404 =200 /index.html;
				$(printf '%s\n' "$@")
			}
		}
	end
	within "$space" nginx -c "$DIR/nginx-$port.conf" -p $DIR 2>/dev/null &
	eventually 5 within "$space" curl -s -o /dev/null --max-time 1 "http://127.0.0.1:$port/" || fail "no web server on $port"
}

# fetch SPACE URL [OPTION...]: the status, 000 without an answer.
fetch() {
	local space=$1 url=$2
	shift 2
	within "$space" curl -s -o /dev/null --max-time 2 -w '%{http_code}' "$@" "$url" || true
}

# gets STATUS SPACE URL
gets() {
	[ "$(fetch "$2" "$3")" = "$1" ]
}
