// SPDX-License-Identifier: Apache-2.0
/* What the tests of the engine share: a clock, tenants, short ways to report, a journal in memory. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hub/decide/engine.h"
#include "hub/events/event.h"
#include "hub/intel/sharedfile.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define START  (INT64_C(1790000000) * SECOND)

#define RULE_SURE     1001 /* precision 0.9646 */
#define RULE_ORDINARY 1002

static const struct siphash_key kit_key = { 3, 4 };

struct kit {
	struct engine *engine;
	struct reporters *reporters;
	struct users *users;
	struct shared *shared;
	int64_t now_us;
	unsigned int alarms[ENGINE_ALARM_JOURNAL + 1];
	uint32_t alarm_tenant;
	unsigned int proposals;
	uint8_t *journal; /* owned */
	size_t journal_size, journal_capacity;
};

static inline int kit_write(void *context, struct bytes frame)
{
	struct kit *kit = context;

	if (kit->journal_size + frame.size > kit->journal_capacity) {
		kit->journal_capacity = 2 * (kit->journal_capacity + frame.size);
		kit->journal = realloc(kit->journal, kit->journal_capacity);
		assert_non_null(kit->journal);
	}
	memcpy(kit->journal + kit->journal_size, frame.ptr, frame.size);
	kit->journal_size += frame.size;
	return 0;
}

static inline void kit_alarm(void *context, enum engine_alarm alarm, uint32_t tenant, const struct observable_key *key)
{
	struct kit *kit = context;

	kit->alarms[alarm]++;
	kit->alarm_tenant = tenant;
}

static inline void kit_proposal(void *context, const struct engine_proposal *proposal)
{
	((struct kit *)context)->proposals++;
}

static inline void kit_limits(struct engine_limits *limits)
{
	engine_limits_default(limits);
	limits->records_max = 20000;
	limits->evidence_max = 60000;
	limits->changes_max = 4096;
}

static inline void kit_open(struct kit *kit, const struct engine_limits *limits)
{
	const struct engine_callbacks callbacks = {
		.context = kit, .journal = kit_write, .alarm = kit_alarm, .proposal = kit_proposal
	};

	kit->engine = engine_new(limits, &callbacks, kit->shared, kit->users, kit_key);
	assert_non_null(kit->engine);
	kit->reporters = engine_reporters(kit->engine);
}

/* Tenants 1..vetted are vetted operators, each a group of its own. */
static inline void kit_init_with(
	struct kit *kit, const struct engine_limits *limits, uint32_t vetted, const char *lists)
{
	memset(kit, 0, sizeof(*kit));
	kit->now_us = START;
	kit->users = users_new(100000, kit_key);
	kit->shared = shared_new(1000);
	assert_true(kit->users && kit->shared);
	if (lists)
		assert_int_equal(sharedfile_parse(kit->shared, bytes_from_str(lists), "lists", NULL, NULL), 0);
	shared_seal(kit->shared);
	kit_open(kit, limits);
	assert_int_equal(reporters_rule_set(kit->reporters, RULE_SURE, 200, 2), 0);
	assert_int_equal(reporters_rule_set(kit->reporters, RULE_ORDINARY, 50, 0), 0);
	for (uint32_t tenant = 1; tenant <= vetted; tenant++) {
		const struct reporter_attributes attributes = { .enrolment = REPORTER_VETTED };

		assert_int_equal(reporters_set(kit->reporters, tenant, &attributes), 0);
	}
}

static inline void kit_init(struct kit *kit, uint32_t vetted, const char *lists)
{
	struct engine_limits limits;

	kit_limits(&limits);
	kit_init_with(kit, &limits, vetted, lists);
}

static inline void kit_done(struct kit *kit)
{
	engine_free(kit->engine);
	shared_free(kit->shared);
	users_free(kit->users);
	free(kit->journal);
}

static inline struct observable kit_observable(const char *text)
{
	struct observable observable;
	bool prefix = strchr(text, '/') != NULL;

	assert_int_equal(
		observable_parse(prefix ? OBSERVABLE_PREFIX : OBSERVABLE_ADDR, bytes_from_str(text), &observable), 0);
	return observable;
}

static inline enum engine_outcome kit_report_as(
	struct kit *kit, uint32_t tenant, const struct observable *observable, uint8_t evidence, uint64_t rule)
{
	const struct engine_report report = { .time_us = kit->now_us,
		.tenant = tenant,
		.edge = tenant,
		.observable = observable,
		.rule = rule,
		.evidence = evidence,
		.class = DECIDE_WEB };
	enum engine_outcome outcome = ENGINE_NO_ROOM;

	assert_int_equal(engine_report(kit->engine, kit->now_us, &report, &outcome), 0);
	return outcome;
}

static inline enum engine_outcome kit_report(struct kit *kit, uint32_t tenant, const char *addr, uint8_t evidence)
{
	struct observable observable = kit_observable(addr);

	return kit_report_as(kit, tenant, &observable, evidence, RULE_SURE);
}

/* DECIDE_NONE when there is no live decision. 'ret' may be null. */
static inline enum decide_level kit_level(struct kit *kit, const char *text, struct engine_decision *ret)
{
	struct observable observable = kit_observable(text);
	struct engine_decision decision = { 0 };

	if (engine_find_key(kit->engine, &observable.key, &decision) != 0)
		decision.level = DECIDE_NONE;
	if (ret)
		*ret = decision;
	return (enum decide_level)decision.level;
}

static inline void kit_advance(struct kit *kit, int64_t step_us)
{
	kit->now_us += step_us;
	engine_tick(kit->engine, kit->now_us);
}
