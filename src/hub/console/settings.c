// SPDX-License-Identifier: Apache-2.0
#include "hub/console/settings.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { TEXT_MAX = 16 << 10 };

static const char *const factors[] = {
#define X(id, word) word,
	SETTINGS_FACTORS(X)
#undef X
};

static const struct {
	const char *word;
	size_t place;
	int64_t low, high, start;
} numbers[] = {
#define X(word, low, high, start) { #word, offsetof(struct console_settings, word), low, high, start },
	SETTINGS_NUMBERS(X)
#undef X
};

static const struct {
	const char *word;
	size_t place;
	bool start;
} flags[] = {
#define X(word, start) { #word, offsetof(struct console_settings, word), start },
	SETTINGS_FLAGS(X)
#undef X
};

static const struct db_migration migrations[] = {
	{ "create table hub_setting (one integer primary key, revision integer not null, text text not null);" },
};

int settings_setup(struct db *db)
{
	return db_migrate(db, "console-settings", migrations, ARRAY_COUNT(migrations));
}

static int64_t *number_at(struct console_settings *settings, size_t i)
{
	return (int64_t *)(void *)((char *)settings + numbers[i].place);
}

static bool *flag_at(struct console_settings *settings, size_t i)
{
	return (bool *)(void *)((char *)settings + flags[i].place);
}

static void set_defaults(struct console_settings *ret)
{
	*ret = (struct console_settings){ .revision = 1, .second_factor_required = SETTINGS_FACTOR_ADMINS };
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
		*number_at(ret, i) = numbers[i].start;
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++)
		*flag_at(ret, i) = flags[i].start;
}

/* Members that are there count; what does not fit is left as it was. Null takes the notice away. */
static void apply(struct console_settings *settings, const json_t *patch)
{
	const json_t *notice = json_object_get(patch, "notice");
	const char *factor = json_string_value(json_object_get(patch, "second_factor_required"));

	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		const json_t *value = json_object_get(patch, numbers[i].word);

		if (json_is_integer(value) && json_integer_value(value) >= numbers[i].low &&
			json_integer_value(value) <= numbers[i].high)
			*number_at(settings, i) = json_integer_value(value);
	}
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		const json_t *value = json_object_get(patch, flags[i].word);

		if (json_is_boolean(value))
			*flag_at(settings, i) = json_is_true(value);
	}
	for (size_t i = 0; factor && i < ARRAY_COUNT(factors); i++)
		if (strcmp(factor, factors[i]) == 0)
			settings->second_factor_required = (enum settings_factor)i;
	if (json_is_null(notice))
		settings->notice[0] = '\0';
	else if (json_is_string(notice))
		snprintf(settings->notice, sizeof(settings->notice), "%s", json_string_value(notice));
}

static void write_members(struct jsonw *json, const struct console_settings *settings)
{
	struct console_settings copy = *settings;

	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
		jsonw_kv_i64(json, numbers[i].word, *number_at(&copy, i));
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++)
		jsonw_kv_bool(json, flags[i].word, *flag_at(&copy, i));
	jsonw_kv_string(json, "second_factor_required", factors[settings->second_factor_required]);
	console_kv_text_or_null(json, "notice", settings->notice);
}

static int row_settings(void *context, const struct db_value *columns, size_t column_count)
{
	struct console_settings *settings = context;
	struct jsonr_errors errors = { 0 };
	json_t *value = NULL;
	int error = jsonr_parse(columns[1].bytes, &jsonr_limits_default, &errors, &value);

	if (error)
		return LUYTRE_E_CORRUPT;
	settings->revision = columns[0].integer;
	apply(settings, value);
	json_decref(value);
	return 0;
}

int settings_get(struct db *db, struct console_settings *ret)
{
	set_defaults(ret);
	return db_each(db, "select revision, text from hub_setting where one = 1", DB_NO_ARGS, row_settings, ret);
}

/* ---- What they do ---- */

void settings_apply(struct console *console, const struct console_settings *settings)
{
	atomic_store(&console->idle_s, (uint32_t)settings->session_idle_min * 60);
	atomic_store(&console->keep_days, (uint32_t)settings->keep_events_days);
	atomic_store(&console->second_factor, (int)settings->second_factor_required);
	core_lock(console->core);
	engine_set_two_persons(core_engine(console->core), (uint8_t)settings->two_persons_above_v4,
		(uint8_t)settings->two_persons_above_v6);
	core_unlock(console->core);
	core_set_collective(console->core, settings->collective_blocks, (int64_t)(clock_real_ns() / NS_PER_US));
}

/* hub/auth demands a second factor of who rules the nation's. */
void settings_limit(const struct console *console, struct auth_principal *principal)
{
	switch ((enum settings_factor)atomic_load(&console->second_factor)) {
	case SETTINGS_FACTOR_NOBODY:
		principal->limits &= ~(unsigned int)AUTH_LIMIT_TOTP;
		break;
	case SETTINGS_FACTOR_EVERYBODY:
		if (!principal->totp)
			principal->limits |= AUTH_LIMIT_TOTP;
		break;
	default:
		break;
	}
}

/* ---- Changing ---- */

static int store(
	struct db *db, const struct audit_origin *origin, const struct console_settings *settings, const json_t *patch)
{
	char *changed = json_dumps(patch, JSON_COMPACT);
	const struct audit_field field = { "changed", db_str(changed) };
	struct jsonw json;
	struct bytes text;
	uint64_t changes = 0;
	int error;

	jsonw_init(&json, TEXT_MAX);
	jsonw_object_begin(&json);
	write_members(&json, settings);
	jsonw_object_end(&json);
	error = changed ? jsonw_text(&json, &text) : LUYTRE_E_NOMEM;
	/* From the first row's default revision or from the one before: another one is not overwritten. */
	if (!error)
		error = db_run(db,
			"insert into hub_setting (one, revision, text) values (1, ?1, ?2) on conflict (one) do update"
			" set revision = excluded.revision, text = excluded.text where hub_setting.revision = ?1 - 1",
			DB_ARGS(db_i64(settings->revision), db_text(text)), &changes);
	if (!error && changes != 1)
		error = LUYTRE_E_CONFLICT;
	if (!error)
		error = audit_append(db, origin,
			&(struct audit_record){ .action = "settings.update",
				.subject = "settings",
				.fields = &field,
				.field_count = 1 });
	jsonw_done(&json);
	free(changed);
	return error;
}

static void reply_settings(struct api_reply *reply, const struct console_settings *settings)
{
	struct jsonw *json = api_reply_json(reply, 200);

	api_reply_etag(reply, (uint64_t)settings->revision);
	jsonw_object_begin(json);
	jsonw_kv_i64(json, "revision", settings->revision);
	write_members(json, settings);
	jsonw_object_end(json);
}

void handle_get_settings(struct api_request *request, struct api_reply *reply)
{
	struct console_settings settings;
	int error = settings_get(console_db(request), &settings);

	if (error)
		api_reply_error(reply, error, NULL);
	else if (!api_reply_unmodified(reply, (uint64_t)settings.revision))
		reply_settings(reply, &settings);
}

static void publish(struct console *console, const struct console_settings *settings)
{
	char text[64];

	snprintf(text, sizeof(text), "{\"revision\":%lld}", (long long)settings->revision);
	console_publish(console, CONSOLE_TOPIC_SETTINGS, CONSOLE_EVERYBODY, bytes_from_str(text));
}

void handle_update_settings(struct api_request *request, struct api_reply *reply)
{
	struct db *db = console_db(request);
	struct console_settings settings;
	struct console_call call;
	int error = settings_get(db, &settings);

	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	if (!api_reply_matches(reply, (uint64_t)settings.revision))
		return;
	console_call(request, &call);
	apply(&settings, request->json);
	if (settings.keep_audit_days && settings.keep_audit_days < SETTINGS_AUDIT_DAYS_MIN) {
		api_reply_error(reply, LUYTRE_E_INVALID,
			request->lang == LUYTRE_LANG_VI ? "keep_audit_days: 0 (giữ mãi) hoặc từ 365 ngày."
							: "keep_audit_days: 0 (for ever), or 365 days and more.");
		return;
	}
	settings.revision++;
	error = db_begin(db);
	if (!error)
		error = store(db, &call.origin, &settings, request->json);
	if (!error)
		error = db_commit(db);
	if (error) {
		db_rollback(db);
		if (error == LUYTRE_E_CONFLICT)
			api_reply_problem(reply, API_PROBLEM_CHANGED, NULL);
		else
			api_reply_error(reply, error, NULL);
		return;
	}
	settings_apply(console_of(request), &settings);
	publish(console_of(request), &settings);
	reply_settings(reply, &settings);
}
