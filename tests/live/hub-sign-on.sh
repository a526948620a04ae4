#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sign-on by others: a real hub in its sandbox and a provider of OpenID Connect on loopback, with real TLS and real signatures. Needs no
# root, but Node.js for the provider and openssl for its certificate.
set -eu
command -v node >/dev/null 2>&1 && command -v openssl >/dev/null 2>&1 || {
	echo "SKIP: needs node and openssl"
	exit 77
}
exec node "$(dirname "$0")/hub-sign-on.mjs"
