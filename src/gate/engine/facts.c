// SPDX-License-Identifier: Apache-2.0
/* What logs want to know of a request, and whether the rules want an audit record of it. */
#include <stdio.h>

#include "gate/engine/internal.h"

static struct bytes scalar_bytes(const struct gate_tx *tx, enum variable variable)
{
	return tx->scalars[variable] ? tx->scalars[variable]->bytes : (struct bytes){ 0 };
}

struct gate_facts gate_tx_facts(const struct gate_tx *tx)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (struct gate_facts){
		.site = tx->site->name,
		.tenant = tx->site->tenant,
		.id = tx->id,
		.client_address = tx->client_address,
		.server_address = tx->server_address,
		.client_port = tx->client_port,
		.server_port = tx->server_port,
		.method = tx->method,
		.target = tx->uri_raw,
		.protocol = tx->protocol,
		.path = scalar_bytes(tx, VARIABLE_REQUEST_FILENAME),
		.host = tx->host,
		.request_body = bytes_of(tx->body_bytes, tx->body_size),
		.response_status = tx->response_status,
		.response_protocol = tx->response_protocol,
		.response_body = bytes_of(tx->response_bytes, tx->response_size),
		.started = tx->started,
		.duration_us = (uint64_t)((int64_t)(now.tv_sec - tx->started_steady.tv_sec) * 1000000 +
					  (now.tv_nsec - tx->started_steady.tv_nsec) / 1000),
		.phase = tx->phase,
		.shadow = tx->mode == SEC_DETECTION_ONLY && tx->verdict.action == GATE_PASS,
		.by_policy = tx->by_policy,
		.audit = tx->audit_wanted,
		.audit_parts = tx->audit_parts,
	};
}

void gate_tx_each_header(const struct gate_tx *tx, bool response, gate_header_fn each, void *context)
{
	const struct entries *headers =
		&tx->collections[response ? VARIABLE_RESPONSE_HEADERS : VARIABLE_REQUEST_HEADERS];

	for (uint32_t i = 0; i < headers->count; i++)
		each(context, headers->items[i].name, headers->items[i].value->bytes);
}

bool gate_tx_score(const struct gate_tx *tx, uint64_t *ret)
{
	uint32_t slot = key_find(tx->plan->keys, bytes_from_str("blocking_inbound_anomaly_score"));
	struct bytes text = slot == NONE32 ? (struct bytes){ 0 } : tx->slots[slot];
	uint64_t score = 0;

	if (text.size == 0 || text.size > 9)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		score = score * 10 + (text.ptr[i] - '0');
	}
	*ret = score;
	return true;
}

void gate_tx_each_argument(const struct gate_tx *tx, struct bytes name, gate_value_fn each, void *context)
{
	/* Where JSON's arguments are, as "json.a.b": see request.c. */
	static const enum variable kinds[] = { VARIABLE_ARGS_GET, VARIABLE_ARGS_POST, VARIABLE_ARGS };
	static const char json[] = "json.";

	for (size_t kind = 0; kind < ARRAY_COUNT(kinds); kind++) {
		const struct entries *entries = &tx->collections[kinds[kind]];

		for (uint32_t i = 0; i < entries->count; i++) {
			struct bytes given = entries->items[i].name;

			if (kinds[kind] == VARIABLE_ARGS && bytes_starts_with(given, bytes_from_str(json)))
				given = bytes_skip(given, sizeof(json) - 1);
			if (bytes_equal(given, name))
				each(context, entries->items[i].value->bytes);
		}
	}
}

const struct sec_settings *gate_plan_settings(const struct gate_plan *plan)
{
	return plan->settings;
}

const struct sec_settings *gate_tx_settings(const struct gate_tx *tx)
{
	return tx->plan->settings;
}

/* By the status that the client sees, or because a rule with `auditlog` matched. */
static bool is_relevant(struct gate_tx *tx)
{
	const struct regex *wanted = tx->plan->settings->audit_status;
	char text[16];
	int size = snprintf(text, sizeof(text), "%u",
		tx->verdict.action == GATE_PASS ? (tx->response_status ? tx->response_status : 200)
						: tx->verdict.status);

	for (uint32_t i = 0; i < tx->match_count; i++) {
		if (tx->matches[i].audit_log)
			return true;
	}
	if (wanted && regex_match(wanted, tx->worker->scratch, bytes_of(text, (size_t)size), 0, NULL) == REGEX_MATCH)
		return true;
	TRACE(tx, 9, "Return code `%s' is not interesting to audit logs.", text);
	return false;
}

bool facts_audit(struct gate_tx *tx)
{
	TRACE(tx, 8, "Checking if this request is suitable to be saved as an audit log.");
	if (tx->audit == SEC_AUDIT_OFF && !tx->trace)
		return false;
	TRACE(tx, 8, "Checking if this request is relevant to be part of the audit logs.");
	if (tx->audit != SEC_AUDIT_ON && !is_relevant(tx))
		return false;
	TRACE(tx, 8, "Request was relevant to be saved. Parts: %u", tx->audit_parts);
	if (tx->audit == SEC_AUDIT_OFF) {
		TRACE(tx, 5, "Audit log engine was not set.");
		return false;
	}
	TRACE(tx, 5, "Saving this request as part of the audit logs.");
	return true;
}
