// SPDX-License-Identifier: Apache-2.0
/* What each operation of edge.yaml does; the request has been checked against it. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/api/server.h"
#include "hub/port/operations-edge.h"
#include "hub/port/port.h"

static int64_t now_of(const struct api_request *request)
{
	return (int64_t)(request->now.real_ns / NS_PER_US);
}

static uint32_t edge_of(const struct api_request *request)
{
	return (uint32_t)request->caller.id;
}

/* For the audit log: who and from where. */
struct origin {
	struct audit_origin audit;
	char actor[API_CALLER_NAME_SIZE], address[IP_ADDR_TEXT_SIZE];
};

static void origin_of(const struct api_request *request, struct origin *ret)
{
	*ret = (struct origin){ .audit = { .now_us = now_of(request) } };
	snprintf(ret->actor, sizeof(ret->actor), "%s", request->caller.id ? request->caller.name : "edge");
	ret->audit.actor = ret->actor;
	if (request->client.family)
		ret->audit.address = ip_addr_format(&request->client, ret->address);
}

static void write_enrolled(
	const struct api_request *request, struct api_reply *reply, int status, uint32_t edge, const char *certificate)
{
	struct core *core = port_core(request->context);
	struct jsonw *json = api_reply_json(reply, status);
	uint8_t key[BUNDLE_PUBLIC_SIZE];
	char text[sodium_base64_ENCODED_LEN(BUNDLE_PUBLIC_SIZE, sodium_base64_VARIANT_ORIGINAL)];

	core_policy_key(core, key);
	sodium_bin2base64(text, sizeof(text), key, sizeof(key), sodium_base64_VARIANT_ORIGINAL);
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "edge", edge);
	jsonw_kv_string(json, "certificate", certificate);
	jsonw_kv_string(json, "authority", ca_pem(core_ca(core)));
	jsonw_kv_array_begin(json, "keys");
	jsonw_string(json, text);
	jsonw_array_end(json);
	jsonw_object_end(json);
}

/* Texts of the body that the description requires; false when one does not fit, and the reply says so. */
static bool read_texts(
	struct api_request *request, struct api_reply *reply, const char *const *names, size_t count, struct bytes *ret)
{
	struct jsonr_errors errors;
	struct jsonr body;

	api_body(request, &errors, &body);
	for (size_t i = 0; i < count; i++)
		jsonr_string(&body, names[i], JSONR_NEEDED, 0, CA_PEM_MAX, &ret[i]);
	if (errors.count)
		api_reply_invalid(reply, &errors);
	return errors.count == 0;
}

void handle_enrol_edge(struct api_request *request, struct api_reply *reply)
{
	static const char *const names[] = { "token", "csr", "version" };
	struct core *core = port_core(request->context);
	struct edges_enrolled enrolled;
	struct origin origin;
	struct bytes texts[3];
	int error;

	if (!read_texts(request, reply, names, ARRAY_COUNT(names), texts))
		return;
	origin_of(request, &origin);
	core_lock(core);
	error = edges_enrol(core_edges(core), &origin.audit, texts[0], texts[1], texts[2], &enrolled);
	core_unlock(core);
	if (error == LUYTRE_E_PERMISSION) {
		api_reply_problem(reply, API_PROBLEM_CREDENTIALS, NULL);
		return;
	}
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	write_enrolled(request, reply, 201, enrolled.id, enrolled.certificate.pem);
	free(enrolled.certificate.pem);
}

void handle_renew_certificate(struct api_request *request, struct api_reply *reply)
{
	static const char *const names[] = { "csr" };
	struct core *core = port_core(request->context);
	struct ca_certificate certificate;
	struct origin origin;
	struct bytes text;
	int error;

	if (!read_texts(request, reply, names, ARRAY_COUNT(names), &text))
		return;
	origin_of(request, &origin);
	core_lock(core);
	error = edges_renew(
		core_edges(core), &origin.audit, edge_of(request), request->certificate.serial, text, &certificate);
	core_unlock(core);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	write_enrolled(request, reply, 200, edge_of(request), certificate.pem);
	free(certificate.pem);
}

/* It will be no better when it is sent again. */
static bool is_broken(int error)
{
	return error == LUYTRE_E_CORRUPT || error == LUYTRE_E_TRUNCATED || error == LUYTRE_E_SYNTAX ||
	       error == LUYTRE_E_VERSION || error == LUYTRE_E_RANGE;
}

void handle_send_batch(struct api_request *request, struct api_reply *reply)
{
	struct core_ack ack;
	struct jsonw *json;
	int error = core_batch(port_core(request->context), edge_of(request), request->body, now_of(request), &ack);

	if (is_broken(error)) {
		api_reply_problem(reply, API_PROBLEM_INVALID, error_text(error, request->lang));
		return;
	}
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "acked", ack.acked);
	jsonw_kv_u64(json, "policy", ack.policy);
	jsonw_kv_u64(json, "epoch", ack.epoch);
	jsonw_kv_u64(json, "number", ack.number);
	jsonw_object_end(json);
}

void handle_send_ack(struct api_request *request, struct api_reply *reply)
{
	int64_t epoch = 0, number = 0, policy = 0;
	struct core *core = port_core(request->context);
	struct core_policy_word word = { 0 };
	char why[POLICY_WHY_SIZE] = "";
	struct jsonr_errors errors;
	struct bytes text = { 0 };
	int64_t failed = 0;
	struct jsonr body;
	int error;

	api_body(request, &errors, &body);
	jsonr_i64(&body, "epoch", JSONR_NEEDED, 0, INT64_MAX, &epoch);
	jsonr_i64(&body, "number", JSONR_NEEDED, 0, INT64_MAX, &number);
	jsonr_i64(&body, "policy", JSONR_NEEDED, 0, INT64_MAX, &policy);
	jsonr_i64(&body, "policy_failed", JSONR_OPTIONAL, 1, INT64_MAX, &failed);
	jsonr_string(&body, "policy_why", JSONR_OPTIONAL, 0, POLICY_WHY_SIZE, &text);
	if (errors.count) {
		api_reply_invalid(reply, &errors);
		return;
	}
	snprintf(why, sizeof(why), "%.*s", (int)text.size, (const char *)text.ptr);
	word = (struct core_policy_word){ .stands = (uint64_t)policy, .failed = (uint64_t)failed, .why = why };
	error = core_policy_word(core, edge_of(request), &word, now_of(request));
	if (!error)
		error = core_stands(
			core, edge_of(request), (uint64_t)policy, (uint64_t)epoch, (uint64_t)number, now_of(request));
	if (error)
		api_reply_error(reply, error, NULL);
	else
		api_reply_empty(reply, 204);
}

/* The server itself answers streams. */
void handle_get_edge_stream(struct api_request *request, struct api_reply *reply)
{
	api_reply_problem(reply, API_PROBLEM_UNSUPPORTED, NULL);
}

static void release_bundle(void *context)
{
	core_bundle_unref(context);
}

void handle_get_decisions(struct api_request *request, struct api_reply *reply)
{
	struct core_bundle *bundle = NULL;
	int error = core_snapshot(port_core(request->context), now_of(request), &bundle);

	if (error)
		api_reply_error(reply, error, NULL);
	else
		api_reply_shared(reply, 200, "application/octet-stream", bundle->text, release_bundle, bundle);
}

/* '"r17"', which the description has checked; 0: none. */
static uint64_t tag_of(const struct api_request *request)
{
	const char *text = request->headers.if_none_match;

	return text && text[0] == '"' && text[1] == 'r' ? strtoull(text + 2, NULL, 10) : 0;
}

void handle_get_edge_policy(struct api_request *request, struct api_reply *reply)
{
	struct policy_bundle bundle;
	int error = core_policy_fetch(
		port_core(request->context), edge_of(request), tag_of(request), now_of(request), &bundle);

	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	api_reply_etag(reply, bundle.tag);
	if (bundle.text)
		api_reply_shared(
			reply, 200, "application/octet-stream", bytes_of(bundle.text, bundle.size), free, bundle.text);
	else
		api_reply_empty(reply, 304);
}
