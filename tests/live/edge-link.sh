#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An edge and a small hub of the test's own (edge-link.py), over TLS on the loopback of the edge: enrolment, events exactly once and in
# order, decisions that drop packets, and what happens when the hub is slow, gone, somebody else, or begins anew.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

for tool in python3 openssl zstd; do
	command -v $tool >/dev/null || live_skip "$tool is not installed"
done
live_world
live_config 'limits: {source_pps: 100k, udp_pps: 0}'
cat >>$DIR/luytre.yaml <<-end
	hub:
	  enabled: true
	  events_socket: $DIR/events.sock
	  local_block_s: 3
	gate:
	  holds_file: off
end
within edge env -u https_proxy -u HTTPS_PROXY python3 -u "$(dirname "$0")/edge-link.py" "$LUYTRE" "$LIVE_TOOLS/edge-bundle" $DIR |
	tee $DIR/told || fail "the test's hub ended early"
while IFS=$'\t' read -r word name reached unit kind _ floor; do
	if [[ $word == figure ]]; then
		number "$reached $kind $floor" || fail "$name: $reached $unit, at worst $floor is taken"
	fi
done <$DIR/told
grep -q '^FAILED' $DIR/told && failures=$((failures + 1))
grep -q '^the end' $DIR/told || fail "not everything was tried"
live_end
