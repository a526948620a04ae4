// SPDX-License-Identifier: Apache-2.0
/* The debt of findings, added up: a board, what to fix first, how it went, and the facts to add it up again. */
#include "hub/console/posture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/posture/history.h"

enum { HISTORY_DEFAULT_DAYS = 90 };

static enum debt_group group_of(struct bytes word)
{
	for (int i = 0; i < DEBT_GROUP_COUNT; i++)
		if (bytes_equal_str(word, debt_group_words[i]))
			return (enum debt_group)i;
	return DEBT_BY_NATION;
}

/* ---- The board ---- */

static int row_name(void *context, const struct db_value *columns, size_t column_count)
{
	jsonw_kv_string_bytes(context, "name", columns[0].bytes);
	return 1;
}

/* Organisations and systems by name; sectors by their word; levels are their own name. */
static int write_key(struct jsonw *json, struct db *db, enum debt_group group, int64_t key)
{
	int found = 0;

	if (group == DEBT_BY_SECTOR) {
		jsonw_kv_string(
			json, "key", tenant_sectors[key < TENANT_SECTOR_COUNT ? key : TENANT_SECTOR_OTHER].word);
	} else {
		console_kv_id(json, "key", (uint64_t)key);
		if (group == DEBT_BY_TENANT)
			found = db_each(
				db, "select name from tenant where id = ?1", DB_ARGS(db_i64(key)), row_name, json);
		else if (group == DEBT_BY_SYSTEM)
			found = db_each(
				db, "select name from system where id = ?1", DB_ARGS(db_i64(key)), row_name, json);
	}
	if (found == 0)
		jsonw_kv_null(json, "name");
	return found < 0 ? found : 0;
}

/* Most interest first, then most open. */
static int compare_sums(const void *left, const void *right)
{
	const struct debt_sum *a = left, *b = right;

	if (a->interest != b->interest)
		return a->interest > b->interest ? -1 : 1;
	if (a->open_weight != b->open_weight)
		return a->open_weight > b->open_weight ? -1 : 1;
	return (a->key > b->key) - (a->key < b->key);
}

static int write_groups(const struct api_request *request, struct jsonw *json, struct facts_board *board)
{
	size_t limit = (size_t)console_query_i64(request, "limit", 100);
	struct debt_table *groups = &board->groups;
	int error = 0;

	if (groups->count > 0)
		qsort(groups->sums, groups->count, sizeof(*groups->sums), compare_sums);
	jsonw_kv_u64(json, "group_count", groups->count);
	jsonw_kv_array_begin(json, "groups");
	for (size_t i = 0; i < groups->count && i < limit && !error; i++) {
		jsonw_object_begin(json);
		error = write_key(json, console_db(request), groups->group, groups->sums[i].key);
		posture_kv_sum(json, &groups->sums[i]);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	return error;
}

static void write_bands(
	struct jsonw *json, const char *key, const char *const *words, const struct facts_band *bands, size_t count)
{
	jsonw_kv_array_begin(json, key);
	for (size_t i = 0; i < count; i++) {
		jsonw_object_begin(json);
		jsonw_kv_string(json, "key", words[i]);
		jsonw_kv_i64(json, "open", bands[i].count);
		jsonw_kv_i64(json, "held", bands[i].held);
		jsonw_kv_i64(json, "weight", bands[i].weight);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

void handle_get_posture(struct api_request *request, struct api_reply *reply)
{
	static const char *const severities[FACTS_SEVERITIES] = { "none", "low", "medium", "high", "critical" };
	enum debt_group group = group_of(api_query(request, "by")->text);
	int64_t now_us = console_now_us(request);
	struct facts_board board;
	struct auth_scope scope;
	struct jsonw *json;
	int error;

	if (!console_scope_of_query(request, reply, AUTH_FINDINGS_READ, &scope))
		return;
	error = facts_board(
		posture_facts(console_of(request)->posture), console_db(request), &scope.scope, group, now_us, &board);
	auth_scope_done(&scope);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	posture_kv_sum(json, &board.whole);
	console_kv_time(json, "as_of", now_us);
	jsonw_kv_i64(json, "kev", board.kev);
	jsonw_kv_i64(json, "exposed", board.exposed);
	write_bands(json, "ages", facts_age_words, board.ages, FACTS_AGE_COUNT);
	write_bands(json, "severities", severities, board.severities, FACTS_SEVERITIES);
	jsonw_kv_string(json, "by", debt_group_words[group]);
	error = write_groups(request, json, &board);
	jsonw_object_end(json);
	facts_board_done(&board);
	if (error)
		api_reply_error(reply, error, NULL);
}

/* ---- What to fix first ---- */

static int row_fix(void *context, const struct db_value *columns, size_t column_count)
{
	static const char *const keys[] = { "cve", "tool", "rule", "title" };

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (columns[i].bytes.size == 0)
			jsonw_kv_null(context, keys[i]);
		else
			jsonw_kv_string_bytes(context, keys[i], columns[i].bytes);
	return 0;
}

static int write_fix(struct jsonw *json, struct db *db, const struct facts_fix *fix)
{
	int error;

	jsonw_object_begin(json);
	error = db_each(db, "select cve, tool, rule, title from finding where id = ?1", DB_ARGS(db_i64(fix->example)),
		row_fix, json);
	console_kv_id(json, "example", (uint64_t)fix->example);
	jsonw_kv_bool(json, "kev", fix->kev);
	jsonw_kv_i64(json, "systems", fix->systems);
	jsonw_kv_i64(json, "tenants", fix->tenants);
	jsonw_kv_i64(json, "findings", fix->sum.open);
	posture_kv_sum(json, &fix->sum);
	jsonw_object_end(json);
	return error;
}

void handle_list_posture_fixes(struct api_request *request, struct api_reply *reply)
{
	enum facts_order order =
		bytes_equal_str(api_query(request, "order")->text, "systems") ? FACTS_BY_SYSTEMS : FACTS_BY_DEBT;
	struct facts_fix *fixes = NULL;
	size_t count = 0, total = 0;
	struct auth_scope scope;
	struct jsonw *json;
	int error;

	if (!console_scope_of_query(request, reply, AUTH_FINDINGS_READ, &scope))
		return;
	error = facts_fixes(posture_facts(console_of(request)->posture), console_db(request), &scope.scope, order,
		(size_t)console_query_i64(request, "limit", 20), console_now_us(request), &fixes, &count, &total);
	auth_scope_done(&scope);
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "total", total);
	jsonw_kv_array_begin(json, "items");
	for (size_t i = 0; i < count && !error; i++)
		error = write_fix(json, console_db(request), &fixes[i]);
	jsonw_array_end(json);
	jsonw_object_end(json);
	free(fixes);
	if (error)
		api_reply_error(reply, error, NULL);
}

/* ---- How it went ---- */

static int write_day(void *context, const struct debt_sum *sum)
{
	struct jsonw *json = context;

	jsonw_object_begin(json);
	console_kv_time(json, "day", sum->key * CLOCK_DAY_US);
	posture_kv_sum(json, sum);
	jsonw_object_end(json);
	return 0;
}

void handle_list_posture_history(struct api_request *request, struct api_reply *reply)
{
	int64_t days = console_query_i64(request, "days", HISTORY_DEFAULT_DAYS);
	struct auth_scope scope;
	struct jsonw *json;
	int error;

	if (!console_scope_of_query(request, reply, AUTH_FINDINGS_READ, &scope))
		return;
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	error = history_each(
		console_db(request), &scope.scope, console_now_us(request) / CLOCK_DAY_US - days + 1, write_day, json);
	jsonw_array_end(json);
	jsonw_object_end(json);
	if (error)
		api_reply_error(reply, error, NULL);
	auth_scope_done(&scope);
}

/* ---- To add it up again ---- */

static int open_spool(const struct api_request *request, FILE **ret)
{
	int fd, error = posture_spool(console_of(request)->posture, &fd);

	if (error)
		return error;
	*ret = fdopen(fd, "w+");
	if (*ret)
		return 0;
	close(fd);
	return LUYTRE_E_NOMEM;
}

/* The answer is sent from the file, by another handle: this one is closed here. */
static int reply_spool(struct api_reply *reply, FILE *out)
{
	off_t size = ftello(out);
	int fd = size < 0 ? -1 : fcntl(fileno(out), F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return LUYTRE_E_IO;
	api_reply_file(reply, 200, "application/jsonl", fd, (uint64_t)size);
	api_reply_header(reply, "Content-Disposition", "attachment; filename=\"posture.jsonl\"");
	return 0;
}

void handle_export_posture(struct api_request *request, struct api_reply *reply)
{
	struct posture_call call;
	struct auth_scope scope;
	FILE *out = NULL;
	int error;

	if (!console_scope_of_query(request, reply, AUTH_FINDINGS_READ, &scope))
		return;
	posture_call(request, &scope.scope, FINDING_BY_OWNER, &call);
	error = open_spool(request, &out);
	if (!error)
		error = debt_export(&call.call, console_now_us(request), out);
	if (!error)
		error = reply_spool(reply, out);
	if (out)
		fclose(out);
	if (error)
		api_reply_error(reply, error, NULL);
	auth_scope_done(&scope);
}
