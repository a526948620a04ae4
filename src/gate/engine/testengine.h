// SPDX-License-Identifier: Apache-2.0
/* For the tests and fuzz targets of the gate only: rules out of a text, and a whole request and response through them. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "gate/gate.h"
#include "gate/seclang/rules.h"

struct test_engine {
	struct gate_plan *plan;
	struct gate_site *site;
	struct gate_worker *worker;
};

/* What is left out is not sent: no header, no body, no response. Lines of headers end in "\n". */
struct test_request {
	const char *method, *target, *headers;
	struct bytes body;
	unsigned int status;
	const char *response_headers;
	struct bytes response_body;
};

/* An error of the rules is told and ends the program: tests are written with rules that load. */
static inline struct gate_plan *test_plan(const char *text, const struct gate_plan_options *options)
{
	struct sec_rules *rules = sec_rules_new();
	struct gate_plan *plan;
	size_t count;
	int error = rules ? sec_rules_load_text(rules, bytes_from_str(text), "test") : -1;

	if (error == 0)
		error = sec_rules_finish(rules);
	if (error < 0) {
		const struct sec_message *messages = sec_rules_messages(rules, &count);

		for (size_t i = 0; i < count; i++)
			fprintf(stderr, "%u: %s\n", messages[i].line, messages[i].text);
		fprintf(stderr, "%s\n", text);
		abort();
	}
	error = gate_plan_build(rules, options, &plan);
	if (error < 0)
		abort();
	return plan;
}

/* Takes over the plan. */
static inline void test_open(
	struct test_engine *engine, struct gate_plan *plan, const struct gate_site_settings *settings)
{
	engine->plan = plan;
	engine->worker = gate_worker_new();
	if (!engine->worker || gate_site_new(plan, settings, &engine->site) < 0)
		abort();
}

static inline void test_close(struct test_engine *engine)
{
	gate_worker_free(engine->worker);
	gate_site_unref(engine->site);
	gate_plan_unref(engine->plan);
}

typedef void (*test_header_fn)(struct gate_tx *tx, struct bytes name, struct bytes value);

static inline void test_headers(struct gate_tx *tx, const char *text, test_header_fn give)
{
	struct bytes rest = bytes_from_str(text ? text : "");

	while (rest.size != 0) {
		struct bytes line = bytes_first(rest, bytes_index(rest, '\n'));
		size_t colon = bytes_index(line, ':');

		give(tx, bytes_first(line, colon), bytes_skip(line, colon + 2));
		rest = bytes_skip(rest, line.size + 1);
	}
}

static inline bool test_is_final(const struct gate_tx *tx)
{
	return gate_tx_verdict(tx)->action != GATE_PASS;
}

static inline void test_give_response(struct gate_tx *tx, const struct test_request *request)
{
	gate_tx_response_line(tx, request->status, bytes_from_str("HTTP/1.1"));
	test_headers(tx, request->response_headers, gate_tx_response_header);
	gate_tx_response_headers_end(tx);
	if (test_is_final(tx))
		return;
	if (gate_tx_wants_response_body(tx))
		gate_tx_response_body(tx, request->response_body);
	if (!test_is_final(tx))
		gate_tx_response_body_end(tx);
}

/* As a server would: each step unless the one before decided. */
static inline void test_give(struct gate_tx *tx, const struct test_request *request)
{
	gate_tx_id(tx, "test");
	gate_tx_connection(tx, "192.0.2.1", 1234, "192.0.2.2", 80);
	gate_tx_request_line(tx, bytes_from_str(request->method ? request->method : "GET"),
		bytes_from_str(request->target ? request->target : "/"), bytes_from_str("HTTP/1.1"));
	test_headers(tx, request->headers, gate_tx_request_header);
	gate_tx_request_headers_end(tx);
	if (!test_is_final(tx)) {
		if (request->body.size != 0 && gate_tx_wants_request_body(tx))
			gate_tx_request_body(tx, request->body);
		if (!test_is_final(tx))
			gate_tx_request_body_end(tx);
	}
	if (request->status != 0 && !test_is_final(tx))
		test_give_response(tx, request);
	gate_tx_log(tx);
}

/* Freed with gate_tx_free. */
static inline struct gate_tx *test_run(struct test_engine *engine, const struct test_request *request)
{
	struct gate_tx *tx;

	if (gate_tx_new(engine->worker, engine->site, &tx) < 0)
		abort();
	test_give(tx, request);
	return tx;
}
