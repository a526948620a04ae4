#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `luytre replay` and `luytre shield explain` judge a capture without any right: under a user who owns nothing.
#
#	replay.sh CAPTURE
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin LUYTRE_LANG=en
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$1" "$dir/capture.pcap"
chmod -R a+rX "$dir"
as=()
if [[ $(id -u) -eq 0 ]]; then
	as=(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all --no-new-privs)
	cp "$LUYTRE" "$dir/luytre" # the checkout may lie where nobody else can look
	LUYTRE=$dir/luytre
fi

"${as[@]}" "$LUYTRE" replay "$dir/capture.pcap" >"$dir/replay"
cat "$dir/replay"
grep -Eq '[0-9]' "$dir/replay"
"${as[@]}" "$LUYTRE" shield explain --pcap "$dir/capture.pcap" >"$dir/explain"
head -n 20 "$dir/explain"
grep -q . "$dir/explain"
