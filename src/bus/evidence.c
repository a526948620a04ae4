// SPDX-License-Identifier: Apache-2.0
#include "bus/evidence.h"

#include <string.h>
#include <strings.h>

#include "base/compiler.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* "key": "text", or the first of "key": ["text", ...]: metadata of rules. */
static const char *first_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(json_is_array(value) ? json_array_get(value, 0) : value);

	return text ? text : "";
}

static bool is_gate(const json_t *event)
{
	return strcmp(text_of(event, "event_type"), "gate") == 0;
}

static const json_t *guard_of(const json_t *event)
{
	const json_t *guard = json_object_get(json_object_get(event, "gate"), "guard");

	return is_gate(event) && json_is_object(guard) ? guard : NULL;
}

static bool is_request(const json_t *event)
{
	static const char *const requests[] = { "http", "tls", "ssh", "smtp", "ftp", "smb", "rdp", "ldap", "mqtt",
		"imap", "pop3", "krb5", "sip", "websocket", "telnet" };

	for (size_t i = 0; i < ARRAY_COUNT(requests); i++)
		if (json_is_object(json_object_get(event, requests[i])))
			return true;
	return false;
}

enum evidence_level evidence_proof(const json_t *event)
{
	const json_t *flow = json_object_get(event, "flow");

	if (is_gate(event))
		return EVIDENCE_E2; /* the web server has a connection, and a request on it */
	if (strcasecmp(text_of(event, "proto"), "TCP") != 0 ||
		json_integer_value(json_object_get(flow, "pkts_toclient")) < 1 ||
		json_integer_value(json_object_get(flow, "pkts_toserver")) < 2)
		return EVIDENCE_E0;
	return is_request(event) ? EVIDENCE_E2 : EVIDENCE_E1;
}

static bool is_precise(const json_t *event)
{
	const json_t *metadata = json_object_get(json_object_get(event, "alert"), "metadata");

	if (guard_of(event) || strcmp(first_text(metadata, "luytre_evidence"), "e3") == 0)
		return true;
	return is_gate(event) && text_of(json_object_get(event, "gate"), "hold")[0];
}

enum evidence_level evidence_of(const json_t *event)
{
	enum evidence_level proof = evidence_proof(event);
	const json_t *guard = guard_of(event);

	if (guard && strcmp(text_of(guard, "kind"), "leak") == 0)
		return EVIDENCE_E0;
	return proof == EVIDENCE_E2 && is_precise(event) ? EVIDENCE_E3 : proof;
}

bool evidence_is_attack(const json_t *event)
{
	const json_t *gate = json_object_get(event, "gate");

	if (strcmp(text_of(event, "event_type"), "alert") == 0)
		return true;
	if (!is_gate(event))
		return false;
	return strcmp(text_of(gate, "action"), "pass") != 0 ||
	       (text_of(gate, "wanted")[0] && strcmp(text_of(gate, "wanted"), "pass") != 0);
}
