#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# New rules in an nginx with four workers: they compile them once between them, not once each, also when one of them is killed at it; and
# a rule that is added costs what it is in, not everything.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/sensor-lib.sh"

[[ -n ${GATE_MODULE:-} ]] || live_skip "nginx-dev is not installed: there is no module"
space web
mkdir -p $DIR/rules $DIR/cache $DIR/front

# rules WORD: expressions that take a second or two to compile, all of them other ones for another word.
rules() {
	echo 'SecRuleEngine On'
	echo "SecRule ARGS:word \"@streq $1\" \"id:1,phase:1,deny,status:403\""
	for ((i = 0; i < 24; i++)); do
		local a=$1$i list=
		for ((k = 0; k < 40; k++)); do
			list+="${list:+|}$a$((k * 37 % 91))[a-z]{1,6}e$k"
		done
		# shellcheck disable=SC2028 # for the expressions
		echo "SecRule ARGS \"@rx (?i)\\b(?:$list)\\s*[(=].{1,30}[)<]\" \"id:$((100 + i)),phase:1,deny,status:403\""
	done
}

rules first >$DIR/rules/rules.conf
cat >$DIR/front.conf <<-end
	load_module $GATE_MODULE;
	user nobody nogroup;
	daemon off;
	worker_processes 4;
	pid $DIR/front.pid;
	error_log $DIR/front.log notice;
	events { worker_connections 64; }
	http {
		access_log off;
		client_body_temp_path $DIR/front/tmp;
		luytre_gate_cache $DIR/cache;
		luytre_gate_watch 200ms;
		luytre_gate_rules $DIR/rules;
		server {
			listen 127.0.0.1:8080 reuseport;
			luytre_gate on;
			root $DIR/front;
			location / { default_type text/html; try_files /none =404; }
		}
	}
end

# What compiling takes by itself, in milliseconds of processor time.
TIMEFORMAT='%U'
alone=$({ time "$LUYTRE" gate rules --rules $DIR/rules >/dev/null; } 2>&1)
alone=${alone/./}
alone=$((10#$alone))

within web nginx -c $DIR/front.conf 2>>$DIR/luytre.log &
front=$!
url=http://127.0.0.1:8080
eventually 30 gets 403 web "$url/?word=first" || fail "the front did not start"

# spent: processor time of all workers so far, in milliseconds.
spent() {
	local total=0 pid user system
	for pid in $(pgrep -P "$front"); do
		read -r user system < <(sed 's/^.*) //' "/proc/$pid/stat" | cut -d' ' -f12,13)
		((total += user + system))
	done
	echo $((total * 1000 / $(getconf CLK_TCK)))
}

# changes COUNT: so many times has a worker told of a change.
# shellcheck disable=SC2317 # called by eventually
changes() {
	[ "$(grep -c 'luytre gate: changed' $DIR/front.log)" -ge "$1" ]
}

before=$(spent)
rules second >$DIR/rules.new
mv $DIR/rules.new $DIR/rules/rules.conf
check "all four workers take the new rules" eventually 60 changes 4
swap=$(($(spent) - before))
check "the new rules count" gets 403 web "$url/?word=second"
check "four workers take ${swap} ms of processor time where one compilation takes ${alone} ms" [ "$swap" -lt $((2 * alone)) ]
check "no lock is left" [ -z "$(find $DIR/cache -name '*.lock')" ]

before=$(spent)
# shellcheck disable=SC2028 # for the expression
echo 'SecRule ARGS:other "@rx [<{]added\s" "id:200,phase:1,deny,status:403"' >>$DIR/rules/rules.conf
check "all four take one rule more" eventually 60 changes 8
one=$(($(spent) - before))
check "one rule more takes ${one} ms" [ "$one" -lt $((alone / 2)) ]

rules third >$DIR/rules.new
mv $DIR/rules.new $DIR/rules/rules.conf
# As soon as one compiles.
eventually 10 bash -c "ls $DIR/cache/worker | grep -q lock" || fail "nobody compiles"
worker=$(pgrep -P "$front" | head -n 1)
kill -9 "$worker"
check "the others go on when one is killed" eventually 60 changes 11
check "the newest rules count" gets 403 web "$url/?word=third"
check "nothing went wrong in a worker" refuses grep -E '\[(alert|emerg|crit)\]' <(grep -v "worker process $worker exited" $DIR/front.log)
if ((failures)); then
	tail -n 20 $DIR/front.log
fi
kill "$front"
live_end
