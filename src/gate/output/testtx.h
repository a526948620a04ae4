// SPDX-License-Identifier: Apache-2.0
/* One request through a plan made of a text, for the tests of this folder. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include "gate/gate.h"
#include "gate/seclang/rules.h"

struct testtx {
	struct gate_plan *plan;
	struct gate_site *site;
	struct gate_worker *worker;
	struct gate_tx *tx;
};

static inline void testtx_plan(const char *text, struct gate_plan **ret)
{
	struct gate_plan_options options = { 0 };
	struct sec_rules *rules = sec_rules_new();

	assert_non_null(rules);
	assert_int_equal(sec_rules_load_text(rules, bytes_from_str(text), "test.conf"), 0);
	assert_int_equal(sec_rules_finish(rules), 0);
	assert_int_equal(gate_plan_build(rules, &options, ret), 0);
}

/* A form sent by a browser, with its response. */
static inline void testtx_begin(struct testtx *test, const char *rules, const char *target, const char *body)
{
	struct gate_site_settings settings = { .name = "shop", .tenant = "ministry", .mode = GATE_ON };
	static const char *const headers[][2] = { { "Host", "shop.example" }, { "User-Agent", "curl/7.88" },
		{ "Content-Type", "application/x-www-form-urlencoded" }, { "Cookie", "sid=0123456789abcdef" },
		{ "Authorization", "Basic QWxhZGRpbjpvcGVu" }, { "Referer", "http://a.example/?token=abcdef" } };

	testtx_plan(rules, &test->plan);
	test->worker = gate_worker_new();
	assert_non_null(test->worker);
	assert_int_equal(gate_site_new(test->plan, &settings, &test->site), 0);
	assert_int_equal(gate_tx_new(test->worker, test->site, &test->tx), 0);
	gate_tx_id(test->tx, "id-1");
	gate_tx_connection(test->tx, "192.0.2.7", 40000, "198.51.100.1", 443);
	gate_tx_request_line(test->tx, bytes_from_str("POST"), bytes_from_str(target), bytes_from_str("HTTP/1.1"));
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		gate_tx_request_header(test->tx, bytes_from_str(headers[i][0]), bytes_from_str(headers[i][1]));
	gate_tx_request_headers_end(test->tx);
	gate_tx_request_body(test->tx, bytes_from_str(body));
	gate_tx_request_body_end(test->tx);
	if (gate_tx_verdict(test->tx)->action == GATE_PASS) {
		gate_tx_response_line(test->tx, 200, bytes_from_str("HTTP/1.1"));
		gate_tx_response_header(test->tx, bytes_from_str("Set-Cookie"), bytes_from_str("sid=zzzzzzzz; path=/"));
		gate_tx_response_header(test->tx, bytes_from_str("Content-Type"), bytes_from_str("text/html"));
		gate_tx_response_headers_end(test->tx);
		gate_tx_response_body(test->tx, bytes_from_str("hello"));
		gate_tx_response_body_end(test->tx);
	}
	gate_tx_log(test->tx);
}

static inline void testtx_end(struct testtx *test)
{
	gate_tx_free(test->tx);
	gate_site_unref(test->site);
	gate_plan_unref(test->plan);
	gate_worker_free(test->worker);
}
