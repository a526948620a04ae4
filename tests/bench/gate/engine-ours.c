// SPDX-License-Identifier: Apache-2.0
/* This project's engine, as a program in the benchmark sees it. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "gate/gate.h"
#include "gate/seclang/rules.h"
#include "tests/bench/gate/engine.h"

enum { SITES_MAX = 1024 };

struct engine {
	struct gate_plan *plan;
	struct gate_site *sites[SITES_MAX]; /* the first is used */
	size_t site_count;
	struct gate_worker *worker;
};

static void close_engine(struct engine *engine)
{
	if (!engine)
		return;
	gate_worker_free(engine->worker);
	for (size_t i = 0; i < engine->site_count; i++)
		gate_site_unref(engine->sites[i]);
	gate_plan_unref(engine->plan);
	free(engine);
}

static void log_first_error(const struct sec_rules *rules)
{
	size_t count;
	const struct sec_message *messages = sec_rules_messages(rules, &count);

	for (size_t i = 0; i < count; i++) {
		if (!messages[i].warning) {
			log_error("%s:%u: %s", messages[i].file, messages[i].line, messages[i].text);
			return;
		}
	}
}

static int build_plan(const char *path, const char *cache_dir, struct gate_plan **ret)
{
	struct gate_plan_options options = { .cache_dir = cache_dir };
	struct sec_rules *rules = sec_rules_new();
	int error = rules ? sec_rules_load_file(rules, path) : LUYTRE_E_NOMEM;

	if (error == 0)
		error = sec_rules_finish(rules);
	if (error == 0)
		return gate_plan_build(rules, &options, ret);
	if (rules)
		log_first_error(rules);
	sec_rules_free(rules);
	return error;
}

static int add_site(struct engine *engine)
{
	static const struct gate_exclusion exclusions[] = { { .first_id = 942100, .last_id = 942100 } };
	static const struct gate_tx_override overrides[] = { { "inbound_anomaly_score_threshold", "7" } };
	struct gate_site_settings settings = { .name = "shop", .mode = GATE_ON };
	int error;

	if (engine->site_count == SITES_MAX)
		return LUYTRE_E_FULL;
	if (engine->site_count != 0) {
		settings.exclusions = exclusions;
		settings.exclusion_count = ARRAY_COUNT(exclusions);
		settings.overrides = overrides;
		settings.override_count = ARRAY_COUNT(overrides);
	}
	error = gate_site_new(engine->plan, &settings, &engine->sites[engine->site_count]);
	if (error == 0)
		engine->site_count++;
	return error;
}

static int open_engine(const char *path, const char *cache_dir, struct engine **ret)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	int error = engine ? build_plan(path, cache_dir, &engine->plan) : LUYTRE_E_NOMEM;

	if (error == 0)
		error = add_site(engine);
	if (error == 0) {
		engine->worker = gate_worker_new();
		if (!engine->worker)
			error = LUYTRE_E_NOMEM;
	}
	if (error < 0) {
		log_error("the rules do not load: %s", error_text(error, LUYTRE_LANG_EN));
		close_engine(engine);
		return error;
	}
	*ret = engine;
	return 0;
}

static struct bytes view(const char *text)
{
	return bytes_of(text, strlen(text));
}

static bool is_final(const struct gate_tx *tx)
{
	return gate_tx_verdict(tx)->action != GATE_PASS;
}

static void run_request(struct gate_tx *tx, const struct request *request)
{
	gate_tx_connection(tx, "192.0.2.7", 40000, "192.0.2.1", 80);
	gate_tx_request_line(tx, view(request->method), view(request->target), view("HTTP/1.1"));
	for (size_t i = 0; i < request->header_count; i++)
		gate_tx_request_header(tx, view(request->headers[i].name), view(request->headers[i].value));
	gate_tx_request_headers_end(tx);
	if (is_final(tx))
		return;
	if (request->body.size != 0 && gate_tx_wants_request_body(tx))
		gate_tx_request_body(tx, request->body);
	if (!is_final(tx))
		gate_tx_request_body_end(tx);
}

static int judge(struct engine *engine, const struct request *request, unsigned int *ret_told)
{
	struct gate_tx *tx;
	const struct gate_match *matches;
	size_t count;
	int error = gate_tx_new(engine->worker, engine->sites[0], &tx);

	if (error < 0)
		return error;
	run_request(tx, request);
	gate_tx_log(tx);
	matches = gate_tx_matches(tx, &count);
	*ret_told = 0;
	for (size_t i = 0; i < count; i++)
		*ret_told += matches[i].log;
	gate_tx_free(tx);
	return 0;
}

const struct engine_kind engine_ours = { "luytre", open_engine, close_engine, judge, add_site };
