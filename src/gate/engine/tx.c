// SPDX-License-Identifier: Apache-2.0
/* The life of a request, from its worker's memory and back. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "gate/engine/internal.h"

/* Records of persistent collections in one worker. */
#define STORE_RECORDS_MAX 100000
/* Above what bodies may take: names, values, results of transformations. */
#define MEMORY_DEFAULT ((size_t)16 << 20)
#define MATCHES_MAX    1024
/* What is kept of the memory of a request for the next one. */
#define SPARE_SIZE_MAX ((size_t)2 << 20)

struct gate_worker *gate_worker_new(void)
{
	struct gate_worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->scratch = match_scratch_new();
	worker->store = persist_new(STORE_RECORDS_MAX);
	worker->seen = seen_new();
	worker->seed = clock_real_ns();
	if (!worker->scratch || !worker->store) {
		gate_worker_free(worker);
		return NULL;
	}
	return worker;
}

void gate_worker_free(struct gate_worker *worker)
{
	if (!worker)
		return;
	for (uint32_t i = 0; i < worker->spare_count; i++)
		arena_done(&worker->spare[i]);
	match_scratch_free(worker->scratch);
	persist_free(worker->store);
	seen_free(worker->seen);
	free(worker->cost);
	free(worker);
}

struct gate_counters gate_worker_counters(const struct gate_worker *worker)
{
	struct gate_counters counters = worker->counters;

	persist_counters(worker->store, &counters);
	return counters;
}

/* The scratch has to know every set and operator of a plan before it is used. */
static int prepare(struct gate_worker *worker, struct gate_plan *plan)
{
	int error = 0;

	for (uint32_t i = 0; i < PREPARED_MAX; i++) {
		if (worker->prepared[i] == plan->number)
			return 0;
	}
	for (uint32_t i = 0; i < plan->set_count && error == 0; i++)
		error = pattern_set_prepare(plan->sets[i].patterns, worker->scratch);
	for (uint32_t i = 0; i < plan->rule_count && error == 0; i++) {
		for (const struct plan_rule *link = plan->rules[i]; link && error == 0; link = link->chain) {
			if (link->rule->operator&& link->rule->compiled)
				error = operator_prepare(link->rule->operator, link->rule->compiled, worker->scratch);
		}
	}
	if (error < 0)
		return error;
	worker->prepared[worker->prepared_next++ % PREPARED_MAX] = plan->number;
	return 0;
}

static struct arena take_arena(struct gate_worker *worker, size_t ceiling)
{
	struct arena arena;

	if (worker->spare_count == 0) {
		arena_init(&arena, ceiling);
		return arena;
	}
	arena = worker->spare[--worker->spare_count];
	if (arena.taken_size > ceiling)
		arena_done(&arena);
	arena.ceiling_size = ceiling;
	return arena;
}

static void give_arena(struct gate_worker *worker, struct arena *arena)
{
	if (worker->spare_count == SPARE_ARENAS) {
		arena_done(arena);
		return;
	}
	arena_reset(arena);
	if (arena_taken(arena) > SPARE_SIZE_MAX)
		arena_done(arena);
	worker->spare[worker->spare_count++] = *arena;
}

static size_t memory_of(const struct gate_site *site)
{
	const struct sec_settings *settings = site->plan->settings;

	if (site->memory_max != 0)
		return site->memory_max;
	return MEMORY_DEFAULT + 3 * (size_t)settings->request_body_limit + 3 * (size_t)settings->response_body_limit;
}

static void start_time(struct gate_tx *tx)
{
	struct gate_worker *worker = tx->worker;

	clock_gettime(CLOCK_REALTIME, &tx->started);
	clock_gettime(CLOCK_MONOTONIC, &tx->started_steady);
	tx->id = tx_printf(tx, "%llu.%06llu", (unsigned long long)worker->seed, (unsigned long long)worker->sequence++);
}

static void apply_overrides(struct gate_tx *tx)
{
	const struct gate_site *site = tx->site;

	for (uint32_t i = 0; i < site->override_count; i++) {
		if (site->overrides[i].slot != NONE32)
			tx->slots[site->overrides[i].slot] = site->overrides[i].value;
	}
}

static void take_mode(struct gate_tx *tx, enum gate_mode mode)
{
	enum sec_mode said = tx->plan->settings->mode;

	tx->site_mode = mode;
	if (mode == GATE_OFF || said == SEC_OFF)
		tx->mode = SEC_OFF;
	else
		tx->mode = mode == GATE_ON ? said : SEC_DETECTION_ONLY;
}

void gate_tx_mode(struct gate_tx *tx, enum gate_mode mode)
{
	take_mode(tx, mode);
	tx->by_policy = true;
}

int gate_tx_new(struct gate_worker *worker, struct gate_site *site, struct gate_tx **ret)
{
	const struct gate_plan *plan = site->plan;
	struct arena arena;
	struct gate_tx *tx;
	int error = prepare(worker, site->plan);

	if (error < 0)
		return error;
	if (worker->cost && worker->cost->plan != plan)
		return LUYTRE_E_INVALID;
	arena = take_arena(worker, memory_of(site));
	tx = arena_alloc(&arena, sizeof(*tx));
	if (tx) {
		tx->arena = arena;
		tx->worker = worker;
		tx->plan = plan;
		tx->slots = tx_alloc(tx, (plan->slot_count + 1) * sizeof(*tx->slots));
		tx->candidates = tx_alloc(tx, plan->rule_count + 1);
		tx->groups_scanned = tx_alloc(tx, plan->group_count + 1);
		arena = tx->arena;
	}
	if (!tx || !tx->slots || !tx->candidates || !tx->groups_scanned) {
		arena_done(&arena);
		return LUYTRE_E_NOMEM;
	}
	tx->site = gate_site_ref(site);
	take_mode(tx, site->mode);
	tx->left_out = site->removed;
	tx->body_access = plan->settings->request_body_access;
	tx->response_access = plan->settings->response_body_access;
	tx->xml_args = plan->settings->xml_into_args;
	tx->highest_severity = -1;
	tx->audit = plan->settings->audit;
	tx->audit_parts = plan->settings->audit_parts;
	tx->verdict.status = 200;
	tx->regex_left_ns = REGEX_TIME_NS;
	tx->allowance.left_ns = REQUEST_TIME_NS;
	start_time(tx);
	apply_overrides(tx);
	worker->counters.requests++;
	*ret = tx;
	return 0;
}

void gate_tx_free(struct gate_tx *tx)
{
	struct gate_worker *worker;
	struct gate_site *site;
	struct arena arena;

	if (!tx)
		return;
	worker = tx->worker;
	site = tx->site;
	body_free(tx->body);
	for (unsigned int i = 0; i < STORES; i++)
		persist_close(tx->stores[i]);
	worker->counters.memory_refused += tx->memory_refused;
	arena = tx->arena; /* the transaction lies in it */
	give_arena(worker, &arena);
	gate_site_unref(site);
}

/* ---- memory ---- */

void *tx_alloc(struct gate_tx *tx, size_t size)
{
	void *memory = arena_alloc(&tx->arena, size);

	if (!memory)
		tx->memory_refused = true;
	return memory;
}

struct bytes tx_copy(struct gate_tx *tx, struct bytes in)
{
	uint8_t *copy = in.size ? tx_alloc(tx, in.size) : NULL;

	if (!copy)
		return bytes_of("", 0);
	memcpy(copy, in.ptr, in.size);
	return bytes_of(copy, in.size);
}

struct bytes tx_printf(struct gate_tx *tx, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (size < 0)
		size = 0;
	return tx_copy(tx, bytes_of(text, (size_t)size < sizeof(text) ? (size_t)size : sizeof(text) - 1));
}

struct bytes tx_join(struct gate_tx *tx, const struct bytes *parts, size_t count)
{
	size_t size = 0;
	uint8_t *text;

	for (size_t i = 0; i < count; i++)
		size += parts[i].size;
	text = tx_alloc(tx, size + 1);
	if (!text)
		return (struct bytes){ 0 };
	size = 0;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].size != 0)
			memcpy(text + size, parts[i].ptr, parts[i].size);
		size += parts[i].size;
	}
	return bytes_of(text, size);
}

struct gate_value *tx_value(struct gate_tx *tx, struct bytes bytes)
{
	struct gate_value *value = tx_alloc(tx, sizeof(*value));

	if (value)
		value_init(value, bytes);
	return value;
}

void entries_add(struct gate_tx *tx, struct entries *entries, struct bytes name, struct bytes value)
{
	struct entry *entry;

	if (entries->count == entries->room) {
		uint32_t room = entries->room ? 2 * entries->room : 8;
		struct entry *items = tx_alloc(tx, room * sizeof(*items));

		if (!items)
			return;
		if (entries->count != 0)
			memcpy(items, entries->items, entries->count * sizeof(*items));
		entries->items = items;
		entries->room = room;
	}
	entry = &entries->items[entries->count];
	*entry = (struct entry){ name, value_once(tx, value), value_once(tx, name) };
	entries->count += entry->value && entry->name_value;
	value_expect(tx, entry->value);
	value_expect(tx, entry->name_value);
	tx->entry_count++;
}

uint64_t tx_now_s(const struct gate_tx *tx)
{
	return (uint64_t)tx->started_steady.tv_sec;
}

/* ---- trace ---- */

void gate_tx_trace(struct gate_tx *tx, gate_trace_fn trace, void *context)
{
	tx->trace = trace;
	tx->trace_context = context;
}

void tx_trace(struct gate_tx *tx, int level, const char *format, ...)
{
	char text[4096];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	tx->trace(tx->trace_context, level, text);
}

/* ---- what came out ---- */

const struct gate_verdict *gate_tx_verdict(const struct gate_tx *tx)
{
	return &tx->verdict;
}

bool gate_tx_may_stop(const struct gate_tx *tx)
{
	return tx->mode == SEC_ON || (tx->holds && tx->holds->last_phase > tx->phase);
}

const struct gate_match *gate_tx_matches(const struct gate_tx *tx, size_t *ret_count)
{
	*ret_count = tx->match_count;
	return tx->matches;
}

struct gate_match *tx_add_match(struct gate_tx *tx)
{
	if (tx->match_count == MATCHES_MAX)
		return NULL;
	if (tx->match_count == tx->match_room) {
		uint32_t room = tx->match_room ? 2 * tx->match_room : 16;
		struct gate_match *matches = tx_alloc(tx, room * sizeof(*matches));

		if (!matches)
			return NULL;
		if (tx->match_count != 0)
			memcpy(matches, tx->matches, tx->match_count * sizeof(*matches));
		tx->matches = matches;
		tx->match_room = room;
	}
	tx->worker->counters.matches++;
	return &tx->matches[tx->match_count++];
}

void gate_tx_id(struct gate_tx *tx, const char *id)
{
	tx->id = tx_copy(tx, bytes_from_str(id));
}

/* A limit of the engine itself decides: once, and only if no rule did before. */
void tx_limit(struct gate_tx *tx, uint16_t status, const char *reason)
{
	if (tx->stopped || tx->mode == SEC_OFF)
		return;
	if (tx->mode != SEC_ON && tx->verdict.wanted != GATE_PASS)
		return;
	tx->verdict.wanted = GATE_DENY;
	tx->verdict.wanted_status = status;
	tx->verdict.rule_id = 0;
	tx->verdict.reason = reason;
	if (tx->mode != SEC_ON)
		return;
	tx->verdict.action = GATE_DENY;
	tx->verdict.status = status;
	tx->stopped = true;
}

/* What could not be looked at is not let through. */
static void judge_limits(struct gate_tx *tx)
{
	if (tx->memory_refused)
		tx_limit(tx, 413, "memory");
	if (tx->regex_left_ns == 0)
		tx_limit(tx, 403, "regex-time");
	if (tx->spent)
		tx_limit(tx, 403, "time");
}

static void run_phase(struct gate_tx *tx, uint8_t phase)
{
	if (tx->mode == SEC_OFF) {
		TRACE(tx, 4, "Rule engine disabled, returning...");
		return;
	}
	if (phase != 5 && tx->stopped)
		return;
	tx->phase = phase;
	if (phase == 5)
		allowance_for_log(tx);
	allowance_begin(tx);
	match_scratch_allow(tx->worker->scratch, tx->regex_left_ns);
	evaluate_phase(tx, phase);
	tx->regex_left_ns = match_scratch_allowance(tx->worker->scratch);
	match_scratch_allow(tx->worker->scratch, MATCH_NO_LIMIT);
	allowance_end(tx);
	if (phase != 5)
		judge_limits(tx);
}

void gate_tx_request_headers_end(struct gate_tx *tx)
{
	request_headers_done(tx);
	TRACE(tx, 4, "Starting phase REQUEST_HEADERS.  (SecRules 1)");
	run_phase(tx, 1);
}

void gate_tx_request_body_end(struct gate_tx *tx)
{
	if (tx->mode != SEC_OFF && !tx->stopped) {
		allowance_begin(tx);
		request_body_done(tx);
	}
	if (!tx->body_access)
		TRACE(tx, 4, "Request body processing is disabled");
	TRACE(tx, 4, "Starting phase REQUEST_BODY. (SecRules 2)");
	run_phase(tx, 2);
}

void gate_tx_response_headers_end(struct gate_tx *tx)
{
	TRACE(tx, 4, "Starting phase RESPONSE_HEADERS. (SecRules 3)");
	run_phase(tx, 3);
}

void gate_tx_response_body_end(struct gate_tx *tx)
{
	if (tx->trace)
		trace_response_body(tx);
	TRACE(tx, 4, "Starting phase RESPONSE_BODY. (SecRules 4)");
	run_phase(tx, 4);
}

void gate_tx_log(struct gate_tx *tx)
{
	if (tx->logged)
		return;
	tx->logged = true;
	TRACE(tx, 4, "Starting phase LOGGING. (SecRules 5)");
	run_phase(tx, 5);
	tx->audit_wanted = facts_audit(tx);
	tx->worker->counters.blocked += tx->verdict.action != GATE_PASS;
	tx->worker->counters.shadow_blocked += tx->verdict.action == GATE_PASS && tx->verdict.wanted != GATE_PASS;
}
