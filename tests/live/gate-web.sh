#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The gate inside nginx, in front of a real server: what it stops and how it says so, that all else passes unchanged, and that neither new
# rules, broken rules, a reload nor a killed worker cost a request.
#
#	curl ---- :8080 front: nginx with the gate ---- :8081 back: nginx with pages, and files that can be put
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

[[ -n ${GATE_MODULE:-} ]] || live_skip "nginx-dev is not installed: there is no module"
space web
mkdir -p $DIR/rules $DIR/cache $DIR/back $DIR/puts $DIR/front
chmod 777 $DIR/puts
touch $DIR/eve.json

# ---- the server behind ----

echo "hello" | tee $DIR/back/index.html >$DIR/back/counted
echo "<p>name: Nguyễn Văn An, SECRET-LEAK 1</p>" >$DIR/back/leak.html
{
	head -c 300000 /dev/zero | tr '\0' 'a'
	echo "SECRET-LEAK behind the limit"
} >$DIR/back/long.html
gzip -c $DIR/back/leak.html >$DIR/back/packed.html
cat >$DIR/back.conf <<-end
	user nobody nogroup;
	daemon off;
	pid $DIR/back.pid;
	error_log $DIR/back.log;
	events { worker_connections 256; }
	http {
		access_log off;
		client_body_temp_path $DIR/puts/tmp;
		client_max_body_size 0;
		server {
			listen 127.0.0.1:8081;
			default_type text/html;
			root $DIR/back;
			location = /packed.html { add_header Content-Encoding gzip; }
			location = /bare { types { } default_type ""; return 200 "SECRET-LEAK without a type"; }
			location = /odd { add_header X-Odd yes; return 200 "odd"; }
			location = /gone { return 404 "gone"; }
			location /puts/ { alias $DIR/puts/; dav_methods PUT; }
		}
	}
end
within web nginx -c $DIR/back.conf 2>>$DIR/luytre.log &

# ---- the gate ----

cat >$DIR/rules/10-settings.conf <<-'end'
	SecRuleEngine On
	SecRequestBodyAccess On
	SecRequestBodyLimit 67108864
	SecRequestBodyNoFilesLimit 67108864
	SecResponseBodyAccess On
	SecResponseBodyMimeType text/html text/plain
	SecResponseBodyLimit 65536
	SecResponseBodyLimitAction ProcessPartial
end
cat >$DIR/rules/20-tests.conf <<-'end'
	SecRule ARGS "@contains attack" "id:1001,phase:2,deny,status:403,log,msg:'An attack',tag:'test/args'"
	SecRule REQUEST_HEADERS:User-Agent "@contains badbot" "id:1002,phase:1,deny,status:429,log,msg:'A robot'"
	SecRule ARGS:go "@streq away" "id:1003,phase:2,redirect:'https://example.org/away',log,msg:'Away'"
	SecRule ARGS:end "@streq now" "id:1004,phase:2,drop,log,msg:'Dropped'"
	SecRule FILES "@endsWith .php" "id:1005,phase:2,deny,log,msg:'A program'"
	SecRule RESPONSE_HEADERS:X-Odd "@streq yes" "id:1006,phase:3,deny,status:502,log,msg:'Odd'"
	SecRule RESPONSE_BODY "@contains SECRET-LEAK" "id:1007,phase:4,deny,status:403,log,msg:'A leak'"
	SecRule REMOTE_ADDR "@ipMatch 203.0.113.0/24" "id:1008,phase:1,deny,log,msg:'An address'"
	SecRule REQUEST_BODY "@contains needle" "id:1009,phase:2,deny,log,msg:'In the body'"
	SecRule TX:strict "@streq yes" "id:1010,phase:1,deny,log,msg:'Strict'"
	SecRule REQUEST_URI "@contains counted" "id:1011,phase:1,pass,log,msg:'Counted'"
end
cat >$DIR/front.conf <<-end
	load_module $GATE_MODULE;
	user nobody nogroup;
	daemon off;
	worker_processes 2;
	worker_shutdown_timeout 5s;
	pid $DIR/front.pid;
	error_log $DIR/front.log notice;
	events { worker_connections 512; }
	http {
		log_format gate '\$request_uri \$status \$luytre_gate_action \$luytre_gate_rule \$luytre_gate_id \$luytre_gate_us';
		access_log $DIR/access.log gate;
		client_body_temp_path $DIR/front/tmp;
		client_max_body_size 0;
		luytre_gate_cache $DIR/cache;
		luytre_gate_watch 300ms;
		luytre_gate_rules $DIR/rules;
		luytre_gate_events $DIR/eve.json;
		luytre_gate_tenant bank;
		set_real_ip_from 127.0.0.1;
		real_ip_header X-Real-IP;
		proxy_http_version 1.1;
		proxy_set_header Connection "";
		upstream back { server 127.0.0.1:8081; keepalive 8; }
		server {
			listen 127.0.0.1:8080;
			listen 127.0.0.1:8082 http2;
			server_name bank.example;
			luytre_gate on;
			root $DIR/front;
			location / { proxy_pass http://back; }
			location /shadow/ { luytre_gate shadow; proxy_pass http://back/; }
			location /off/ { luytre_gate off; proxy_pass http://back/; }
			location /free/ { luytre_gate_except 1001 ARGS:text; proxy_pass http://back/; }
			location /tagged/ { luytre_gate_except tag=test/args; proxy_pass http://back/; }
			location /strict/ { luytre_gate_set tx.strict yes; proxy_pass http://back/; }
			location /moved/ { error_page 404 =200 @counted; proxy_intercept_errors on; proxy_pass http://back/gone; }
			location /small/ { client_max_body_size 1k; error_page 413 =200 @counted; proxy_pass http://back/; }
			location /own/ { alias $DIR/back/; }
			location @counted { rewrite ^ / break; proxy_pass http://back; }
			location /asks/ { auth_request /ask-counted; proxy_pass http://back/; }
			location = /ask-counted { internal; proxy_pass http://back/; }
		}
	}
end

check "the configuration is good" within web nginx -t -q -c $DIR/front.conf
cp $DIR/rules/20-tests.conf $DIR/good.conf
echo 'SecRule ARGS "@noSuchOperator 1" "id:1,phase:2,deny"' >>$DIR/rules/20-tests.conf
check "broken rules are refused with file and line" grep -q "20-tests.conf:12: " <(within web nginx -t -c $DIR/front.conf 2>&1)
cp $DIR/good.conf $DIR/rules/20-tests.conf
sed 's/luytre_gate_except 1001/luytre_gate_except 10x/' $DIR/front.conf >$DIR/broken.conf
check "a broken exception is refused" refuses within web nginx -t -q -c $DIR/broken.conf 2>/dev/null

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

# told RULE PATH: an event names the rule, and the request
told() {
	check "an event tells of $1" eventually 3 has_events 1 ".http.url == \"$2\" and any(.rules[]; .id == $1)"
}

# ---- what is stopped ----

answers 200 "an ordinary request" "/?q=xin+chào"
answers 403 "an attack in the query" "/?q=an+attack"
told 1001 "/?q=an+attack"
answers 429 "an attack in a header" "/robot" -A badbot
answers 302 "a redirect" "/?go=away"
check "the redirect names its target" [ "$(within web curl -s -o /dev/null -w '%{redirect_url}' "$url/?go=away")" = https://example.org/away ]
answers 000 "a dropped connection" "/?end=now"
answers 403 "an attack in a form" "/form" -d "text=an+attack"
answers 403 "a file in a form" "/files" -F "file=@$DIR/back/index.html;filename=x.php"
answers 405 "a harmless form comes to the server" "/index.html" -d "text=nothing"
answers 403 "an address known by realip" "/address" -H "X-Real-IP: 203.0.113.9"
check "the event names that address" has_events 1 '.src_ip == "203.0.113.9" and .tenant == "bank" and .site == "bank.example"'
answers 403 "a variable of the location" "/strict/"
answers 200 "an exception for a field" "/free/?text=attack"
answers 403 "an exception for another field" "/free/?other=attack"
answers 200 "an exception for a tag" "/tagged/?text=attack"
answers 200 "off" "/off/?q=attack"
answers 200 "HEAD" "/" -I
answers 403 "HEAD of an attack" "/?q=attack" -I

within web curl -s -D $DIR/head -o $DIR/page "$url/?q=attack"
id=$(jq -r 'select(.http.url == "/?q=attack" and .http.http_method == "GET") | .id' $DIR/eve.json | tail -n 1)
check "the page is in both languages" [ "$(grep -c 'Yêu cầu bị chặn</h1>\|Request blocked</h2>' $DIR/page)" = 2 ]
check "the page names the event" grep -q "<code>$id</code>" $DIR/page
check "the page says nothing of rules" refuses grep -q "1001\|An attack" $DIR/page
check "the page is not kept" grep -qi '^cache-control: no-store' $DIR/head
within web curl -s -H 'Accept: application/json' -o $DIR/page "$url/?q=attack"
check "programs get JSON" jq -e '.error == "blocked" and (.id | length) == 32' $DIR/page >/dev/null
within web curl -s -H 'Content-Type: application/json' -d '{"a":"attack"}' -o $DIR/page "$url/?q=attack"
check "who sends JSON gets JSON" jq -e '.error == "blocked"' $DIR/page >/dev/null
check "the access log knows" grep -Eq '^/\?q=attack 403 deny 1001 [0-9a-f]{32} [0-9]+$' $DIR/access.log

# ---- shadow ----

answers 200 "shadow lets an attack through" "/shadow/?q=attack"
told 1001 "/shadow/?q=attack"
check "shadow leaves an answer as it is" cmp -s <(within web curl -s "$url/shadow/leak.html") $DIR/back/leak.html
told 1007 "/shadow/leak.html"
check "shadow is in the access log" grep -q '^/shadow/?q=attack 200 shadow-deny 1001 ' $DIR/access.log

# ---- answers ----

answers 403 "a leak" "/leak.html"
told 1007 "/leak.html"
answers 502 "an odd answer" "/odd"
check "a long answer is looked at up to the limit and arrives whole" cmp -s <(within web curl -s "$url/long.html") $DIR/back/long.html
check "a packed answer arrives as it is" cmp -s <(within web curl -s "$url/packed.html") $DIR/back/packed.html
answers 200 "an answer without a type" "/bare"
answers 404 "a missing page" "/gone"
modified=$(within web curl -sI "$url/" | sed -n 's/^last-modified: \(.*\)\r$/\1/ip')
answers 304 "an answer without a body" "/" -H "If-Modified-Since: $modified"
check "a part comes from the server behind" [ "$(within web curl -s -r 1-2 "$url/")" = el ]
check "but not out of an answer that is held" [ "$(within web curl -s -r 1-2 "$url/own/index.html")" = hello ]

# ---- HTTP/2 ----

old=$url url=http://127.0.0.1:8082
answers 200 "HTTP/2: an ordinary request" "/" --http2-prior-knowledge
answers 403 "HTTP/2: an attack in the query" "/?q=attack" --http2-prior-knowledge
answers 403 "HTTP/2: an attack in a form" "/form" --http2-prior-knowledge -d "text=an+attack"
answers 403 "HTTP/2: a leak" "/leak.html" --http2-prior-knowledge
answers 000 "HTTP/2: a dropped stream" "/?end=now" --http2-prior-knowledge
url=$old

# ---- once ----

# counted_is TIMES PATH
counted_is() {
	answers 200 "$2" "$2"
	check "$2 is inspected $1 times" [ "$(events ".http.url == \"$2\"")" = "$1" ]
	check "$2 has one match" [ "$(jq -c "select(.http.url == \"$2\") | .rules[].id" $DIR/eve.json)" = 1011 ]
}
counted_is 1 "/moved/counted"
counted_is 1 "/asks/counted"
check "a subrequest is not inspected" [ "$(events '.http.url == "/ask-counted"')" = 0 ]

# ---- large bodies, in a temporary file ----

head -c 8000000 /dev/urandom >$DIR/large
answers 201 "a large body" "/puts/large" -T $DIR/large
check "the large body arrives whole" cmp -s $DIR/large $DIR/puts/large
{
	cat $DIR/large
	echo "a needle at its end"
} >$DIR/needle
answers 403 "something at the end of a large body" "/puts/needle" -T $DIR/needle
check "that body does not arrive" [ ! -e $DIR/puts/needle ]
answers 403 "the same in pieces" "/puts/needle" -T $DIR/needle -H "Transfer-Encoding: chunked"
answers 403 "the same over a slow line" "/puts/needle" -T - --limit-rate 20M --max-time 10 <$DIR/needle

answers 200 "a body that nginx refuses and redirects" "/small/" -T $DIR/back/long.html -X POST -H "Transfer-Encoding: chunked"

# ---- change ----

# load SECONDS: requests without a pause, in the background; all answers go to a file
load() {
	: >$DIR/answers
	end=$((SECONDS + $1))
	while ((SECONDS < end)); do
		(within web curl -s -o /dev/null --max-time 5 -w '%{http_code}\n' "$url/?load=[1-200]") >>$DIR/answers ||
			echo failed >>$DIR/answers
	done
}

# served WHAT: ends the load
served() {
	wait "$loader"
	check "$1: no request of $(wc -l <$DIR/answers) failed" [ "$(sort -u $DIR/answers)" = 200 ]
}

load 5 &
loader=$!
for ((i = 0; i < 4; i++)); do
	within web nginx -s reload -c $DIR/front.conf
	sleep 1
done
served "four reloads"
answers 403 "after them" "/?q=attack"
check "a reload with the same files compiles nothing" grep -q ', unchanged' $DIR/front.log

load 4 &
loader=$!
sleep 0.5
sed -i 's/@contains attack/@contains newword/' $DIR/rules/20-tests.conf
check "new rules are taken without a reload" eventually 10 gets 403 web "$url/?q=newword"
# Each worker takes them in its own time.
# shellcheck disable=SC2317 # called by eventually
both_changed() {
	[ "$(grep -c 'luytre gate: changed' $DIR/front.log)" -ge 2 ]
}
eventually 10 both_changed || fail "only one worker has taken the new rules"
check "the old ones are gone" gets 200 web "$url/?q=attack"
served "a change of rules"

echo 'SecRule ARGS "@rx (" "id:1,phase:2,deny"' >>$DIR/rules/20-tests.conf
check "broken rules are told of" eventually 10 grep -q "refused, the old ones stay: .*20-tests.conf:12: " $DIR/front.log
check "the plan before them stays" gets 403 web "$url/?q=newword"
cp $DIR/good.conf $DIR/rules/20-tests.conf
check "good ones are taken again" eventually 10 gets 403 web "$url/?q=attack"

worker=$(pgrep -P "$front" | head -n 1)
kill -9 "$worker"
check "a killed worker is started again" eventually 5 bash -c "[ \$(pgrep -P $front | wc -l) = 2 ] && ! pgrep -P $front | grep -qx $worker"
answers 403 "after that" "/?q=attack"

# ---- rotation ----

mv $DIR/eve.json $DIR/eve.1
within web nginx -s reopen -c $DIR/front.conf
eventually 5 [ -e $DIR/eve.json ] || fail "no new file of events"
sleep 0.3
answers 403 "after a rotation" "/?q=attack+rotated"
told 1001 "/?q=attack+rotated"

check "nothing went wrong in a worker" refuses grep -E '\[(alert|emerg|crit)\]' <(grep -v "worker process $worker exited" $DIR/front.log)
if ((failures)); then
	tail -n 20 $DIR/front.log
fi
kill "$front"
live_end
