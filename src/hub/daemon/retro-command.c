// SPDX-License-Identifier: Apache-2.0
/* "retro KIND VALUE [DAYS]": was anybody hit before we knew (hub/posture/retro.h)? Asked of all organisations; nothing is written. Needs no lock of the
 * core's but for the names of organisations; the control socket waits as long as it takes, RETRO_TEXT_MS and some seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "hub/core/holds.h"
#include "hub/daemon/internal.h"
#include "hub/posture/retro.h"

enum { TENANTS_SHOWN = 200 };

static void put_time(struct jsonw *out, const char *key, int64_t time_us)
{
	time_t second = (time_t)(time_us / 1000000);
	char text[32];
	struct tm parts;

	if (time_us && gmtime_r(&second, &parts) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts))
		jsonw_kv_string(out, key, text);
	else
		jsonw_kv_null(out, key);
}

static int put_name(void *context, const struct db_value *columns, size_t column_count)
{
	jsonw_kv_string_bytes(context, "name", columns[0].bytes);
	return 0;
}

static int put_tenants(struct hub *hub, struct jsonw *out, const struct retro_answer *answer)
{
	int error = 0;

	jsonw_kv_u64(out, "tenant_count", answer->tenant_count);
	jsonw_kv_array_begin(out, "tenants");
	for (size_t i = 0; i < answer->tenant_count && i < TENANTS_SHOWN && !error; i++) {
		const struct retro_tenant *hit = &answer->tenants[i];

		jsonw_object_begin(out);
		jsonw_kv_u64(out, "tenant", hit->tenant); /* 0: of no organisation */
		core_lock(hub->core);
		error = db_each(core_db(hub->core), "select name from tenant where id = ?1",
			DB_ARGS(db_i64(hit->tenant)), put_name, out);
		core_unlock(hub->core);
		put_time(out, "first", hit->first_us);
		put_time(out, "last", hit->last_us);
		jsonw_kv_u64(out, "events", hit->events);
		jsonw_kv_u64(out, "stopped", hit->stopped);
		jsonw_object_end(out);
	}
	jsonw_array_end(out);
	return error;
}

static int put_answer(struct hub *hub, struct jsonw *out, const struct retro_answer *answer)
{
	char addr[IP_ADDR_TEXT_SIZE];
	int error;

	jsonw_object_begin(out);
	jsonw_kv_bool(out, "complete", answer->complete);
	put_time(out, "first", answer->first_us);
	put_time(out, "last", answer->last_us);
	jsonw_kv_u64(out, "events", answer->events);
	jsonw_kv_u64(out, "stopped", answer->stopped);
	jsonw_kv_u64(out, "took_ms", answer->took_ms);
	jsonw_kv_array_begin(out, "rules");
	for (size_t i = 0; i < answer->rule_count; i++)
		jsonw_u64(out, answer->rules[i]);
	jsonw_array_end(out);
	error = put_tenants(hub, out, answer);
	jsonw_kv_array_begin(out, "sources");
	for (size_t i = 0; i < answer->source_count; i++) {
		jsonw_object_begin(out);
		jsonw_kv_string(out, "address", ip_addr_format(&answer->sources[i].addr, addr));
		jsonw_kv_u64(out, "events", answer->sources[i].events);
		jsonw_object_end(out);
	}
	jsonw_array_end(out);
	jsonw_object_end(out);
	return error;
}

int hub_write_retro(struct hub *hub, const char *kind, const char *value, const char *days, struct jsonw *out)
{
	const struct scope nation = { .all = true };
	const int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	unsigned long day_count = RETRO_DAYS;
	struct retro_question question = { .value = value, .scope = &nation, .until_us = now_us + CLOCK_DAY_US };
	struct holdrules *rules;
	struct retro_answer answer;
	char *end = NULL;
	int error, number = 0;

	while (number < RETRO_KIND_COUNT && strcmp(retro_kinds[number], kind) != 0)
		number++;
	if (*days)
		day_count = strtoul(days, &end, 10);
	if (number == RETRO_KIND_COUNT || !*value || (end && *end) || day_count < 1 || day_count > RETRO_DAYS_MAX - 1)
		return LUYTRE_E_INVALID;
	question.kind = (enum retro_kind)number;
	question.from_us = now_us - (int64_t)day_count * CLOCK_DAY_US;
	rules = core_hold_rules(hub->core);
	error = retro_search(core_events(hub->core), rules, &question, &answer);
	holdrules_unref(rules);
	if (error)
		return error;
	error = put_answer(hub, out, &answer);
	retro_done(&answer);
	return error;
}
