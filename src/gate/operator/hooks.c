// SPDX-License-Identifier: Apache-2.0
/* Operators whose work is done elsewhere, and those that are refused with a reason. */
#include <stdio.h>

#include "base/error.h"
#include "gate/inject/inject.h"
#include "gate/operator/operator-internal.h"

/* TX.0 is the fingerprint. */
OPERATOR_MATCH(operator_detect_sqli)
{
	char fingerprint[INJECT_FINGERPRINT_SIZE];
	const char *copy;

	if (!inject_is_sql(value, fingerprint))
		return false;
	call->matched = value;
	if (!call->capture)
		return true;
	copy = arena_strdup(call->arena, fingerprint);
	if (copy) {
		call->captures[0] = bytes_from_str(copy);
		call->capture_count = 1;
	}
	return true;
}

OPERATOR_MATCH(operator_detect_xss)
{
	return inject_is_script(value) && operator_found(call, value);
}

OPERATOR_MATCH(operator_geo_lookup)
{
	if (!call->hooks || !call->hooks->geo_lookup || !call->hooks->geo_lookup(call->hooks_context, value))
		return false;
	return operator_found(call, value);
}

static int refuse(char message[OPERATOR_MESSAGE_SIZE], const char *reason)
{
	snprintf(message, OPERATOR_MESSAGE_SIZE, "%s", reason);
	return LUYTRE_E_UNSUPPORTED;
}

OPERATOR_COMPILE(operator_refuse_fuzzy_hash)
{
	return refuse(
		message, "fuzzy hashes are not supported; use @pmFromFile, or digests with t:sha1 and @pmFromFile");
}

OPERATOR_COMPILE(operator_refuse_gsb)
{
	return refuse(message, "the service behind @gsbLookup has ended");
}

OPERATOR_COMPILE(operator_refuse_inspect_file)
{
	return refuse(message, "the gate runs no programs; let the application or the mail gateway scan uploads");
}

OPERATOR_COMPILE(operator_refuse_rbl)
{
	return refuse(
		message, "the gate asks no name server while a request waits; load the list with @ipMatchFromFile");
}

OPERATOR_COMPILE(operator_refuse_rsub)
{
	return refuse(message, "bodies are not changed by rules, as in ModSecurity v3");
}

OPERATOR_COMPILE(operator_refuse_validate_hash)
{
	return refuse(message, "hashes of links are not supported, as in ModSecurity v3");
}
