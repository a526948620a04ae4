#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `luytre gate check`, `explain` and `rules` on a few rules of its own: what they say, in which language, and their exit codes.
# The environment says which program: LUYTRE.
set -euo pipefail
export LUYTRE_LANG=en
unset LUYTRE_CACHE
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

fail() {
	echo "FAILED: $1"
	sed 's/^/    /' "$dir/out" "$dir/err"
	failures=$((failures + 1))
}

# run CODE WORDS...: the verb and what it is given; its output goes to out and err.
run() {
	local wanted=$1 code=0
	shift
	"$LUYTRE" gate "$@" >"$dir/out" 2>"$dir/err" </dev/null || code=$?
	((code == wanted)) || fail "gate $*: exit code $code, not $wanted"
}

# says FILE TEXT...: each stands in the output.
says() {
	local file=$1 text
	shift
	for text; do
		grep -qF -- "$text" "$dir/$file" || fail "no \"$text\" in $file"
	done
}

silent() {
	! grep -qF -- "$1" "$dir/out" || fail "\"$1\" should not be there"
}

cat >"$dir/a.conf" <<-'END'
	SecRuleEngine On
	SecRequestBodyAccess On
	SecAction "id:1,phase:1,nolog,pass,setvar:tx.inbound_anomaly_score=0,setvar:tx.threshold_score=5"
	SecRule REQUEST_METHOD "@streq TRACE" "id:2,phase:1,deny,status:405,log,msg:'no trace'"
	SecRule REQUEST_FILENAME "@beginsWith /free" "id:3,phase:1,nolog,pass,ctl:ruleRemoveById=11"
	SecRule REQUEST_FILENAME "@beginsWith /text" "id:4,phase:1,nolog,pass,ctl:ruleRemoveTargetById=10;ARGS:text"
	SecRule ARGS|!ARGS:skip "@rx <script" "id:10,phase:2,pass,log,t:none,t:urlDecodeUni,t:lowercase,severity:2,\
	  tag:'paranoia-level/1',msg:'script in %{MATCHED_VAR_NAME}',setvar:tx.inbound_anomaly_score=+5"
	SecRule ARGS "@rx on\w+=" "id:11,phase:2,pass,log,msg:'handler',t:none,t:lowercase,chain,setvar:tx.inbound_anomaly_score=+3"
	  SecRule REQUEST_METHOD "!@streq HEAD" "t:none"
	SecRule REQUEST_PROTOCOL "!@rx ^HTTP" "id:12,phase:2,pass,nolog"
	SecRule TX:inbound_anomaly_score "@lt 5" "id:20,phase:2,pass,nolog,skipAfter:END"
	SecRule TX:inbound_anomaly_score "@ge %{tx.threshold_score}" "id:21,phase:2,deny,log,msg:'score'"
	SecMarker END
	SecRule RESPONSE_STATUS "@streq 500" "id:30,phase:3,pass,log,msg:'fault'"
	SecRule ARGS "@rx x" "id:40,phase:2,pass,log,msg:'gone'"
	SecRuleRemoveById 40
END
rules=(--rules "$dir/a.conf")

# explain: what matched, where, what it added, what came of it
run 0 explain "${rules[@]}" --uri '/?q=hi+%253CScRipt%253E'
says out 10 'script in ARGS:q' "$dir/a.conf:7" CRITICAL paranoia-level/1 'ARGS:q' 'hi %3CScRipt%3E' 't:urlDecodeUni' 'hi <ScRipt>' \
	'hi »<script«>' 'bytes 3 to 9 of 11' '(+5)' 'denied (403), by rule 21' '@ge 5' 'TX:inbound_anomaly_score = 5'
silent $'\033'
run 0 explain "${rules[@]}" --lang vi --uri '/?q=%3Cscript'
says out 'Phán quyết: từ chối (403), bởi luật 21' 'byte 0 đến 6 trên 7' 'như khi đến'
run 0 explain "${rules[@]}" --uri '/?q=xin+ch%C3%A0o'
says out 'Verdict: let through' '2 more rules matched'
run 0 explain "${rules[@]}" --all --uri '/?q=hello'
says out 'SecAction: always' 'TX:threshold_score = 5'
run 0 explain "${rules[@]}" --shadow --uri '/?q=%3Cscript'
says out 'let through; only watching; else: denied (403)'

# a message as on the wire, with bytes that are no text
printf 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n\r\nb=%%00%%1b<script>' >"$dir/raw"
run 0 explain "${rules[@]}" "$dir/raw"
says out 'ARGS:b' '\x00\x1b»<script«>'
run 0 explain "${rules[@]}" --json "$dir/raw"
says out '"rule":21' '"offset":2' '"size":7' '"transform":"lowercase"' '"scores":{"TX:inbound_anomaly_score":"5"'

# why not
run 0 explain "${rules[@]}" --rule 10 --uri '/?q=hello&skip=%3Cscript'
says out 'ARGS:skip: left out by a target with' 'no match' 'The rule did not match.'
run 0 explain "${rules[@]}" --rule 10 --uri '/text?text=%3Cscript'
says out 'ARGS:text: left out by ctl of rule 4'
run 0 explain "${rules[@]}" --rule 10 --uri '/'
says out 'ARGS: nothing in this request'
run 0 explain "${rules[@]}" --rule 11 --uri '/free?a=onload%3D'
says out 'It was not asked: by ctl of rule 3'
run 0 explain "${rules[@]}" --rule 21 --uri '/'
says out 'It was not asked: by skipAfter of rule 20 (END)'
run 0 explain "${rules[@]}" --rule 30 --uri '/'
says out 'phase 3 did not run'
printf '{"method":"TRACE","uri":"/?q=<script"}' >"$dir/trace"
run 0 explain "${rules[@]}" --rule 10 "$dir/trace"
says out 'phase 2 was not reached, rule 2 had decided before'
printf '{"method":"HEAD","uri":"/?q=ONLOAD=1"}' >"$dir/head"
run 0 explain "${rules[@]}" --rule 11 "$dir/head"
says out '»onload=«1' 'and the chained rule' '!@streq HEAD' 'The rule did not match.'
run 1 explain "${rules[@]}" --rule 40 --uri /
says err 'rule 40 was removed by SecRuleRemoveById'
run 1 explain "${rules[@]}" --rule 41 --uri /
says err 'there is no rule 41'

# check: the good lines are judged, the bad ones named
cat >"$dir/lines" <<-'END'
	{"id":"good","method":"GET","uri":"/?q=hello"}

	{"id":"cut","method":"GET",
	{"id":"no-uri","method":"GET"}
	{"id":"bad","method":"GET","uri":"/?q=<script"}
END
run 1 check "${rules[@]}" "$dir/lines"
says out '"id":"good","status":200,"action":"pass"' '"id":"bad","status":403,"action":"deny"'
says err "$dir/lines:3:" 'not JSON' "$dir/lines:4: method or uri is missing"
run 1 check "${rules[@]}" --lang vi "$dir/lines"
says err 'không phải JSON' 'thiếu method hoặc uri'
# ... with holds: only where they are armed, and each in its way
cat >"$dir/hold.conf" <<-'END'
	SecRuleEngine DetectionOnly
	SecRule ARGS "@contains jndi" "id:50,phase:1,deny,status:403,log,tag:'luytre/hold'"
END
cat >"$dir/places" <<-'END'
	{"id":"held","method":"GET","uri":"/?q=jndi","headers":[["Host","Held.vn:8080"]]}
	{"id":"shadow","method":"GET","uri":"/?q=jndi","headers":[["host","shadow.vn"]]}
	{"id":"other","method":"GET","uri":"/?q=jndi","headers":[["Host","other.vn"]]}
END
echo '{"stamp":1,"holds":[{"hold":7,"rule":50,"mode":"enforce","names":["held.vn"]},{"hold":8,"rule":50,"mode":"shadow","names":["shadow.vn"]}]}' >"$dir/holds.json"
run 0 check --rules "$dir/hold.conf" --holds "$dir/holds.json" "$dir/places"
says out '"id":"held","status":403,"action":"deny"' '"id":"shadow","status":200,"action":"pass","wanted":"pass","rules":[50]' \
	'"id":"other","status":200,"action":"pass","wanted":"pass","rules":[]'
sed -n 3p "$dir/places" >"$dir/other"
run 0 explain --rules "$dir/hold.conf" --holds "$dir/holds.json" --rule 50 "$dir/other"
says out 'because the hold is not armed for this place'
run 0 check --rules "$dir/hold.conf" "$dir/places"
says out '"id":"other","status":200,"action":"pass","wanted":"deny","rule":50'
echo '{"stamp":1,"holds":[{}]}' >"$dir/holds.json"
run 1 check --rules "$dir/hold.conf" --holds "$dir/holds.json" "$dir/places"
says err "$dir/holds.json: "
run 1 check --rules "$dir/hold.conf" --holds "$dir/not-there" "$dir/places"
says err "$dir/not-there: "
head -n 1 "$dir/lines" >"$dir/line"
run 0 check "${rules[@]}" "$dir/line"
run 1 check "${rules[@]}" "$dir/not-there"
says err "$dir/not-there: cannot be read"
run 1 check --rules "$dir/not-there" "$dir/line"
says err "$dir/not-there"
printf 'SecRule ARGS "@rx (" "id:1"\n' >"$dir/bad.conf"
run 1 check --rules "$dir/bad.conf" "$dir/line"
says err "$dir/bad.conf:1:" 'the rules do not load'
run 2 check "$dir/line"
says err 'expects --rules PATH'
run 2 check "${rules[@]}" --frobnicate
says err 'does not know --frobnicate'
run 2 check "${rules[@]}" --lang vi --frobnicate
says err 'không biết --frobnicate'
run 2 explain "${rules[@]}"
says err 'expects a request'
run 2 explain "${rules[@]}" --rule abc --uri /
says err '--rule expects the number of a rule'
run 1 explain "${rules[@]}" "$dir/not-there"
printf 'GET /\n' >"$dir/short"
run 1 explain "${rules[@]}" "$dir/short"
says err "$dir/short:1: the first line is expected as"
run 0 explain --help --lang vi
says out 'Cách dùng: luytre gate explain'
run 0 rules --help
says out 'Usage: luytre gate rules'

# rules: what is there and what it costs
run 0 rules "${rules[@]}"
says out '9 rules and 1 that are chained to them, 1 actions, 1 markers; 1 removed by directives'
run 0 rules "${rules[@]}" --json
says out '"rules":9' '"markers":1' '"id":21' '"search":"form"' '"search":"action"'
silent '"us"'
run 0 rules "${rules[@]}" --cost "$dir/line" --json
says out '"requests":1' '"id":20' '"asked":1' '"matched":1' '"us":'
run 0 rules "${rules[@]}" --cost
says out '400 requests'
run 1 rules "${rules[@]}" --cost "$dir/lines"
says err "$dir/lines:2:"
run 2 rules "${rules[@]}" "$dir/line"
says err 'with --cost only'

exit $((failures ? 1 : 0))
