#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The gate's guards inside nginx: what rules do not see. Each attack comes with the ordinary use that resembles it, and both are asserted.
#
#	clients ---- :8080 front: nginx with the gate ---- :8081 back: nginx with pages, and a login that knows one password
#
# Clients have addresses of their own, either by X-Real-IP, which the front believes of 127.0.0.1 alone, or of 127.0.0.0/8.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

[[ -n ${GATE_MODULE:-} ]] || live_skip "nginx-dev is not installed: there is no module"
command -v python3 >/dev/null || live_skip "python3 is not installed"
space web
mkdir -p $DIR/rules $DIR/back/files $DIR/front
clients=$(dirname "$0")/gate-guard.py

# ---- the server behind ----

# citizens FIRST COUNT: people with their numbers, as a list would show them
citizens() {
	awk -v first="$1" -v count="$2" 'BEGIN { for (i = 0; i < count; i++)
		printf "<li>Nguyễn Văn %d, CCCD: 001090%06d</li>\n", i, (first + i * 7919) % 1000000 }'
}

echo "hello" >$DIR/back/index.html
citizens 1000 5 >$DIR/back/few.html
citizens 2000 30 >$DIR/back/many.html
for i in 1 2 3 4 5 6; do
	citizens $((i * 50000)) 10 >$DIR/back/part$i.html
done
{
	head -c 900000 /dev/zero | tr '\0' 'a'
	echo
	citizens 3000 300
	head -c 900000 /dev/zero | tr '\0' 'b'
	echo "the end"
} >$DIR/back/long.html
gzip -c $DIR/back/many.html >$DIR/back/packed.html
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "<p>Order %d of 2026-11-22, 1.250.000 VND, call 1900 1234</p>\n", i }' >$DIR/back/orders.html
cat >$DIR/back.conf <<-end
	user nobody nogroup;
	daemon off;
	pid $DIR/back.pid;
	error_log $DIR/back.log;
	events { worker_connections 1024; }
	http {
		access_log off;
		client_body_temp_path $DIR/back/tmp;
		server {
			listen 127.0.0.1:8081;
			default_type text/html;
			root $DIR/back;
			location = /packed.html { add_header Content-Encoding gzip; }
			location = /login {
				add_header Set-Cookie "sid=secret-session" always;
				if (\$arg_pw = right) { return 302 /home; }
				if (\$arg_pw = json) { return 200 '{"ok":true}'; }
				return 401 "wrong";
			}
			location = /form-login {
				if (\$arg_pw = right) { return 303 /home; }
				if (\$arg_pw = again) { return 303 "/form-login?failed=1"; }
				return 200 "<form>again</form>";
			}
			location = /cookie-login {
				if (\$arg_pw = right) { add_header Set-Cookie "other=1"; add_header Set-Cookie "token=x"; return 200 "in"; }
				add_header Set-Cookie "token=; Max-Age=0";
				return 200 "out";
			}
			location = /who { return 200 "somebody"; }
			location = /files { return 200 "a file"; }
			location = /slow { return 200 "taken"; }
			location /wait/ { limit_rate 100; alias $DIR/back/; }
		}
	}
end
within web nginx -c $DIR/back.conf 2>>$DIR/luytre.log &

# ---- the gate ----

cat >$DIR/rules/10-settings.conf <<-'end'
	SecRuleEngine On
	SecRequestBodyAccess On
	SecResponseBodyAccess Off
	SecRule REQUEST_HEADERS:Content-Type "@contains json" "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
	SecRule ARGS "@contains attack" "id:1001,phase:2,deny,status:403,log,msg:'An attack'"
end
cat >$DIR/front.conf <<-end
	load_module $GATE_MODULE;
	user nobody nogroup;
	daemon off;
	worker_processes 2;
	worker_shutdown_timeout 5s;
	pid $DIR/front.pid;
	error_log $DIR/front.log info;
	events { worker_connections 1024; }
	http {
		log_format gate '\$request_uri \$status \$luytre_gate_action \$luytre_gate_guard \$luytre_gate_rule';
		access_log $DIR/access.log gate;
		client_body_temp_path $DIR/front/tmp;
		proxy_temp_path $DIR/front/proxy;
		proxy_max_temp_file_size 0;
		client_header_timeout 3s;
		luytre_gate_rules $DIR/rules;
		luytre_gate_events $DIR/eve.json;
		luytre_gate_memory 16m;
		set_real_ip_from 127.0.0.1;
		real_ip_header X-Real-IP;
		proxy_http_version 1.1;
		proxy_set_header Connection "";
		upstream back { server 127.0.0.1:8081; keepalive 16; }
		server {
			listen 127.0.0.1:8080;
			listen 127.0.0.1:8082 http2;
			server_name bank.example;
			luytre_gate on;
			location / { proxy_pass http://back; }
			location = /status { luytre_gate_status; }
			location /leak/ { luytre_gate_site leak; luytre_gate_leak on records=35 session=sid; proxy_pass http://back/; }
			location /leak-shadow/ { luytre_gate_site leak-shadow; luytre_gate_leak shadow; proxy_pass http://back/; }
			location /leak-gate-shadow/ { luytre_gate shadow; luytre_gate_leak on; proxy_pass http://back/; }
			location /leak-wide/ { luytre_gate_site wide; luytre_gate_leak on citizen=0; proxy_pass http://back/; }
			location = /login { luytre_gate_site login; luytre_gate_login name=user; proxy_pass http://back; }
			location = /login-shadow { luytre_gate_site login-shadow; luytre_gate_login shadow name=user; proxy_pass http://back/login; }
			location = /form-login { luytre_gate_site forms; luytre_gate_login name=user; proxy_pass http://back; }
			location = /basic { luytre_gate_site basic; luytre_gate_login name=\$remote_user success=302 location=/home; proxy_pass http://back/login; }
			location = /cookie-login { luytre_gate_site cookies; luytre_gate_login name=user cookie=token; proxy_pass http://back; }
			location = /who { luytre_gate_site who; luytre_gate_lookup cccd citizen; proxy_pass http://back; }
			location = /files { luytre_gate_site files; luytre_gate_lookup no number; proxy_pass http://back; }
			location ~ ^/path/(?<id>[0-9]+)$ { luytre_gate_site path; luytre_gate_lookup \$id citizen; rewrite ^ /who break; proxy_pass http://back; }
			location = /limited { luytre_gate_site limited; luytre_gate_limit rate=20 burst=40 open=30; proxy_pass http://back/index.html; }
			location = /open { luytre_gate_site open; luytre_gate_limit rate=100000 burst=100000 open=10; proxy_pass http://back/wait/few.html; }
			location = /limited-shadow { luytre_gate_site limited-shadow; luytre_gate_limit shadow rate=20 burst=40; proxy_pass http://back/index.html; }
		}
		server {
			listen 127.0.0.1:8083;
			listen 127.0.0.1:8084 http2;
			server_name slow.example;
			luytre_gate on;
			luytre_gate_slow body=500 grace=1s resets=20;
			location / { proxy_pass http://back; }
		}
	}
end

# broken WHAT LINE: the configuration with one line more is refused, saying so.
broken() {
	sed "s|luytre_gate_memory 16m;|&\n$2|" $DIR/front.conf >$DIR/broken.conf
	check "refused with file and line: $2" grep -q "$1.*broken.conf:" <(within web nginx -t -c $DIR/broken.conf 2>&1)
}
check "the configuration is good" within web nginx -t -q -c $DIR/front.conf
broken 'is not understood: expected on, shadow or off' 'luytre_gate_leak maybe;'
broken 'out of bounds: expected 0 to 700' 'luytre_gate_leak on citizen=800;'
broken 'needs name=ARG' 'luytre_gate_login shadow;'
broken 'is not understood: expected ARG citizen' 'luytre_gate_lookup id passport;'
broken 'is duplicate' 'luytre_gate_limit on; luytre_gate_limit on;'
broken 'expected success=STATUS' 'luytre_gate_login name=user success=30x;'

within web nginx -c $DIR/front.conf 2>>$DIR/luytre.log &
front=$!
url=http://127.0.0.1:8080
eventually 10 gets 200 web $url/ || fail "the front did not start"

# answers STATUS WHAT PATH [OPTION...]: the answer of a request
answers() {
	local status=$1 what=$2 path=$3
	shift 3
	check "$what: $status" [ "$(fetch web "$url$path" "$@")" = "$status" ]
}

# told REASON FILTER: an event tells of a guard's verdict
told() {
	check "an event tells of $1" eventually 3 has_events 1 ".gate.guard.reason == \"$1\" and ($2)"
}

# ask <LINES: a status for each line, see gate-guard.py
ask() {
	within web python3 "$clients" ask 8080
}

# json_is FILTER FILE
# shellcheck disable=SC2317 # called by check
json_is() {
	jq -e "$1" "$2" >/dev/null
}

# all STATUS WHAT FILE: every line of the file is this status
all() {
	check "$2: $1 for all $(wc -l <"$3")" [ "$(sort -u "$3")" = "$1" ]
}

counted() {
	within web curl -s "$url/status" | awk -v name="luytre_gate_$1" '$1 == name { print $2 }'
}

# ---- leaks ----

answers 403 "an answer with 30 people" "/leak/many.html"
told leak '.gate.action == "deny" and .gate.guard.kind == "citizen" and .gate.guard.counts.citizen >= 21 and .http.status == 403'
within web curl -s -o $DIR/page "$url/leak/many.html"
check "the page is in both languages" grep -q 'Nội dung được giữ lại</h1>' $DIR/page
check "and nothing of the answer is in it" refuses grep -q 001090 $DIR/page
within web curl -s -H 'Accept: application/json' -o $DIR/page "$url/leak/many.html"
check "programs get JSON" json_is '.error == "withheld" and (.id | length) == 32' $DIR/page
check "five people pass, unchanged" cmp -s <(within web curl -s "$url/leak/few.html") $DIR/back/few.html
check "orders pass, unchanged" cmp -s <(within web curl -s "$url/leak/orders.html") $DIR/back/orders.html
check "shadow leaves the answer as it is" cmp -s <(within web curl -s "$url/leak-shadow/many.html") $DIR/back/many.html
told leak '.http.url == "/leak-shadow/many.html" and .gate.action == "pass" and .gate.wanted == "deny" and (.gate.guard.done | not)'
check "a gate in shadow leaves it too" cmp -s <(within web curl -s "$url/leak-gate-shadow/many.html") $DIR/back/many.html
check "a bound of 0 is none" cmp -s <(within web curl -s "$url/leak-wide/many.html") $DIR/back/many.html
check "a packed answer cannot be read, and passes" cmp -s <(within web curl -s "$url/leak/packed.html") $DIR/back/packed.html
within web curl -s -o $DIR/page "$url/leak/long.html" && fail "a long answer ended well"
check "a long answer is cut where they begin" number "$(stat -c %s $DIR/page) <= 960000"
check "with no more people than the bound" number "$(grep -c 001090 $DIR/page || true) <= 20"
check "and not a byte behind" refuses grep -q bbbb $DIR/page
for i in 1 2 3; do
	answers 200 "page $i of one session" "/leak/part$i.html" -H "Cookie: sid=secret-session" -H "X-Real-IP: 203.0.113.20"
done
answers 403 "the page after 35 people" "/leak/part4.html" -H "Cookie: sid=secret-session" -H "X-Real-IP: 203.0.113.20"
told leak-session '.gate.guard.until > now and .gate.guard.until < now + 1000'
answers 403 "what the session has seen before" "/leak/part1.html" -H "Cookie: sid=secret-session" -H "X-Real-IP: 203.0.113.20"
answers 200 "a page without people for that session" "/leak/index.html" -H "Cookie: sid=secret-session" -H "X-Real-IP: 203.0.113.20"
answers 200 "another session at that address" "/leak/part5.html" -H "Cookie: sid=other" -H "X-Real-IP: 203.0.113.20"
within web curl -s --http2-prior-knowledge -o $DIR/page "http://127.0.0.1:8082/leak/many.html"
check "HTTP/2: withheld" grep -q 'Answer withheld' $DIR/page

# ---- logins ----

# office PATH: 200 people behind one address, one in six mistypes once
office() {
	awk -v path="$1" 'BEGIN { for (i = 0; i < 200; i++) {
		if (i % 6 == 0) print "203.0.113.30 Firefox POST " path "?pw=wrong user=clerk" i
		print "203.0.113.30 Firefox POST " path "?pw=right user=clerk" i } }'
}
# list ADDRESS AGENT PATH FIRST COUNT: names of a list that all fail
list() {
	awk -v address="$1" -v agent="$2" -v path="$3" -v first="$4" -v count="$5" 'BEGIN { for (i = first; i < first + count; i++)
		print address, agent, "POST", path "?pw=wrong", "user=victim" i }'
}

office /login | ask >$DIR/answers
check "an office of 200 logs in" [ "$(sort $DIR/answers | uniq -c | awk '{ print $2 "=" $1 }' | paste -sd ' ')" = "302=200 401=34" ]
list 203.0.113.31 Robot /login 0 60 | ask >$DIR/answers
check "a list from one address is stopped" number "$(grep -c 401 $DIR/answers) < 30 && $(grep -c 429 $DIR/answers) > 30"
told login-address '.src_ip == "203.0.113.31" and .gate.guard.action == "deny" and .gate.guard.until > now + 500'
within web curl -s -D $DIR/head -o $DIR/page -d user=victim99 -H 'X-Real-IP: 203.0.113.31' "$url/login?pw=wrong"
check "it is told when to come back" grep -qiE '^retry-after: (5[0-9]{2}|60[01])' $DIR/head
answers 302 "a person elsewhere" "/login?pw=right" -d user=clerk1 -H 'X-Real-IP: 203.0.113.30' -A Firefox
list 203.0.113.31 Robot /login-shadow 0 60 | ask >$DIR/answers
all 401 "shadow stops nobody" $DIR/answers
told login-address '.site == "login-shadow" and (.gate.guard.done | not)'
list 203.0.113.32 Robot /form-login 0 60 | ask >$DIR/answers
check "a form that is shown again is a failure" number "$(grep -c 429 $DIR/answers) > 30"
list 203.0.113.36 Robot/2 /form-login 0 60 | sed 's/wrong/again/' | ask >$DIR/answers
check "so is a redirect back to it" number "$(grep -c 303 $DIR/answers) < 30 && $(grep -c 429 $DIR/answers) > 30"
for i in $(seq 30); do
	echo "203.0.113.33 Firefox POST /form-login?pw=right user=person$i"
done | ask >$DIR/answers
all 303 "a redirect elsewhere is a success" $DIR/answers
for i in $(seq 40); do
	fetch web "$url/basic?pw=wrong" -u "victim$i:hunter2" -H 'X-Real-IP: 203.0.113.34'
	echo
done >$DIR/answers
check "names of HTTP's own logins" grep -q 429 $DIR/answers
for i in $(seq 30); do
	fetch web "$url/basic?pw=right" -u "person$i:hunter2" -H 'X-Real-IP: 203.0.113.37'
	echo
done >$DIR/answers
all 302 "a redirect to the place that was named" $DIR/answers
for i in $(seq 40); do
	echo "203.0.113.38 Firefox/$i POST /cookie-login?pw=right user=person$i"
done | ask >$DIR/answers
all 200 "the cookie that a success sets" $DIR/answers
for i in $(seq 40); do
	echo "203.0.113.39 Firefox/$i POST /cookie-login?pw=wrong user=victim$i"
done | ask >$DIR/answers
check "and a failure does not" number "$(grep -c 200 $DIR/answers) < 25 && $(grep -c 429 $DIR/answers) > 15"
answers 302 "the same with JSON" "/login?pw=right" -d '{"user":"clerk7"}' -H 'Content-Type: application/json' -H 'X-Real-IP: 203.0.113.35'

# From 120 addresses, two names each, with one tool.
awk 'BEGIN { for (i = 0; i < 240; i++) print "198.51.100." int(i / 2) + 1, "Botnet/1.0", "POST", "/login?pw=wrong", "user=target" i }' | ask >$DIR/answers
check "a list from many addresses is held up" number "$(grep -c 403 $DIR/answers) > 100"
told login-cluster '.gate.guard.action == "challenge"'
answers 302 "another program at such an address" "/login?pw=right" -d user=someone -H 'X-Real-IP: 198.51.100.7' -A Firefox
for i in $(seq 14); do
	echo "192.0.2.$i Agent$i POST /login?pw=wrong user=Director"
done | ask >$DIR/answers
check "one name from everywhere is held up" grep -q 403 $DIR/answers
told login-name '.gate.guard.action == "challenge"'

# ---- enumeration ----

awk 'BEGIN { for (i = 0; i < 80; i++) printf "203.0.113.40 Robot GET /who?cccd=001090%06d\n", 500000 + i }' | ask >$DIR/answers
check "who walks through citizen numbers is stopped" number "$(grep -c 200 $DIR/answers) < 20 && $(grep -c 403 $DIR/answers) > 20 && $(grep -c 429 $DIR/answers) > 20"
told enum-client '.src_ip == "203.0.113.40" and .gate.guard.action == "deny"'
awk 'BEGIN { for (i = 0; i < 80; i++) printf "203.0.113.41 Firefox GET /who?cccd=001090%06d\n", i * 7919 % 1000000 }' | ask >$DIR/answers
all 200 "an office that looks up its people" $DIR/answers
awk 'BEGIN { for (i = 0; i < 80; i++) printf "203.0.113.42 Robot GET /path/001090%06d\n", 600000 + i }' | ask >$DIR/answers
check "numbers in the path count" grep -q 429 $DIR/answers
awk 'BEGIN { for (i = 0; i < 200; i++) printf "198.18.%d.%d Robot GET /who?cccd=001091%06d\n", i % 50, i % 50, 700000 + i }' | ask >$DIR/answers
check "many addresses that walk together are held up" grep -q 403 $DIR/answers
told enum-spread '.gate.guard.action == "challenge"'
answers 200 "a person who looks up himself meanwhile" "/who?cccd=001077111222" -H 'X-Real-IP: 203.0.113.43'
awk 'BEGIN { for (i = 0; i < 50; i++) printf "203.0.113.44 Firefox GET /files?no=%d\n", 1000 + i }' | ask >$DIR/answers
all 200 "files one after the other" $DIR/answers

# ---- floods ----

within web python3 "$clients" flood 8080 127.0.0.9 60 3 /limited >$DIR/flood
check "a flood is refused, whatever it says of itself: $(paste -sd ' ' $DIR/flood)" number "$(word <(tr '\n' ' ' <$DIR/flood) 429) > 100"
check "what passes is the burst and the rate" number "$(word <(tr '\n' ' ' <$DIR/flood) 200) < 40 + 4 * 20 + 70"
told rate-client '.src_ip == "127.0.0.9" and .http.status == 429'
answers 200 "somebody else" "/limited"
within web python3 "$clients" flood 8080 127.0.0.17 20 1 /open >$DIR/flood
check "ten at a time, no more: $(paste -sd ' ' $DIR/flood)" [ "$(word <(tr '\n' ' ' <$DIR/flood) 200)" = 10 ]
told open-client '.src_ip == "127.0.0.17"'
check "some were made to wait" number "$(counted 'guard_actions_total{action="slow"}') > 0"
within web python3 "$clients" flood 8080 127.0.0.10 20 1 /limited-shadow >$DIR/flood
check "shadow lets a flood pass: $(paste -sd ' ' $DIR/flood)" [ "$(cut -d ' ' -f 1 $DIR/flood)" = 200 ]
told rate-client '.site == "limited-shadow" and (.gate.guard.done | not)'
check "events of floods are spared" number "$(counted guard_events_spared_total) > 0"

# ---- slowness ----

read -r took status < <(within web python3 "$clients" slow 8083 127.0.0.11 20 8)
check "a slow body is ended after $took s" number "$took < 5 && \"$status\" == \"000\""
told slow-body '.src_ip == "127.0.0.11" and .gate.guard.action == "close"'
read -r took status < <(within web python3 "$clients" slow 8083 127.0.0.12 40000 8)
check "a body of 40 kB a second is taken: $status" [ "$status" = 200 ]
read -r took status < <(within web python3 "$clients" slow 8080 127.0.0.13 20 3)
check "without the guard nobody looks" number "$took >= 3"
within web timeout 8 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8083; printf "GET / HTTP/1.1\r\nX: " >&3; cat <&3' || fail "headers without an end were waited for"
check "headers without an end are counted" number "$(counted guard_header_timeouts_total) >= 1"

sent=$(within web python3 "$clients" reset 8084 127.0.0.14 2000)
check "a connection with streams taken back is closed after $sent" number "$sent < 1000"
told resets '.src_ip == "127.0.0.14" and .gate.guard.action == "close"'
answered=$(within web python3 "$clients" calm 8084 127.0.0.15 200)
check "a connection with 200 streams that are waited for goes on" [ "$answered" = 200 ]
for i in $(seq 12); do
	within web python3 "$clients" reset 8084 127.0.0.14 400 >/dev/null
done
check "who does it again and again is refused" [ "$(fetch web http://127.0.0.1:8083/ --interface 127.0.0.14)" = 429 ]
check "and nobody else is" [ "$(fetch web http://127.0.0.1:8083/ --interface 127.0.0.15)" = 200 ]

# ---- counters ----

within web curl -s "$url/status" >$DIR/metrics
check "counters are in Prometheus' format" "$LIVE_TOOLS"/metrics-format <$DIR/metrics
check "the engine's are among them" number "$(counted requests_total) > 500"
check "verdicts by reason" number "$(counted 'guard_verdicts_total{reason="login-address"}') > 30"
check "the tables' fill" number "$(counted 'table_used{table="names"}') > 200 && $(counted 'table_places{table="names"}') > 8000"
within web curl -s -H 'Accept: application/json' "$url/status" >$DIR/page
check "for programs as JSON" json_is '.guard_actions.deny > 100 and .leak_answers.cut > 3 and .table_used.addresses > 100' $DIR/page
check "the access log knows" grep -q '^/leak/many.html 403 deny leak 0$' $DIR/access.log
check "of shadow too" grep -q '^/leak-shadow/many.html 200 shadow-deny shadow-leak 0$' $DIR/access.log

# ---- reload and a killed worker ----

denied=$(counted 'guard_actions_total{action="deny"}')
within web nginx -s reload -c $DIR/front.conf
sleep 1
answers 429 "who was denied, after a reload" "/login?pw=wrong" -d user=victim100 -H 'X-Real-IP: 203.0.113.31'
answers 403 "the session that was cut" "/leak/part6.html" -H "Cookie: sid=secret-session" -H "X-Real-IP: 203.0.113.20"
check "counters go on" number "$(counted 'guard_actions_total{action="deny"}') > $denied"
sed -i 's/rate=20 burst=40 open=30/rate=2000 burst=4000/' $DIR/front.conf
within web nginx -s reload -c $DIR/front.conf
sleep 1
within web python3 "$clients" flood 8080 127.0.0.9 4 1 /limited >$DIR/flood
check "other limits hold at once: $(paste -sd ' ' $DIR/flood)" [ "$(cut -d ' ' -f 1 $DIR/flood)" = 200 ]

# shellcheck disable=SC2317 # called by eventually
two_new() {
	[ "$(pgrep -P "$front" | wc -l)" = 2 ] && ! pgrep -P "$front" | grep -qxF "$killed"
}
within web python3 "$clients" flood 8080 127.0.0.16 8 3 /limited >$DIR/flood &
load=$!
sleep 0.5
killed=$(pgrep -P "$front")
# shellcheck disable=SC2086 # two of them
kill -9 $killed
check "killed workers are started again" eventually 5 two_new
wait "$load"
answers 429 "who was denied, after that" "/login?pw=wrong" -d user=victim101 -H 'X-Real-IP: 203.0.113.31'
check "requests go on: $(paste -sd ' ' $DIR/flood)" number "$(word <(tr '\n' ' ' <$DIR/flood) 200) > 100"

# ---- secrets ----

check "no event, log or counter names anybody" refuses grep -hE '00109[01][0-9]{6}|victim[0-9]|hunter2|secret-session|clerk[0-9]' \
	$DIR/eve.json $DIR/metrics <(grep -v '"GET /who\|request: "' $DIR/front.log)
check "nothing went wrong in a worker" refuses grep -E '\[(alert|emerg|crit)\]' <(grep -v 'exited on signal 9' $DIR/front.log)
if ((failures)); then
	tail -n 20 $DIR/front.log
fi
kill "$front"
live_end
