// SPDX-License-Identifier: Apache-2.0
/* Every operation of the description against every role: nobody is let in without a session, no role does what it has no permission
 * for, and nobody sees or touches what belongs to another tenant. Paths, parameters and bodies are made from the description itself, so
 * an operation that is added is tested without a line here. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "hub/console/test-kit.h"

#define FOREIGN_TENANT "Tập đoàn Khổng Lồ"
#define FOREIGN_BELOW  "Chi nhánh Khổng Lồ"
#define FOREIGN_SYSTEM "Hệ thống Khổng Lồ"
#define FOREIGN_ASSET  "198.18.77.0/24"
#define FOREIGN_LOGIN  "khonglo"

enum { PATH_SIZE = 2048, NOTHING = 987654321 };

static struct kit kit;
static uint32_t ours, theirs, their_system, their_asset, their_token;
static uint64_t their_grant;
static struct kit_session their_owner;

static struct {
	const char *name;
	enum auth_role role;
	bool national;
	struct kit_session session;
} people[] = {
	{ "r.admin", AUTH_ROLE_ADMIN, true, { 0 } },
	{ "r.analyst", AUTH_ROLE_ANALYST, true, { 0 } },
	{ "r.auditor", AUTH_ROLE_AUDITOR, true, { 0 } },
	{ "r.drill", AUTH_ROLE_DRILL_MASTER, true, { 0 } },
	{ "r.owner", AUTH_ROLE_OWNER, false, { 0 } },
	{ "r.operator", AUTH_ROLE_OPERATOR, false, { 0 } },
	{ "r.viewer", AUTH_ROLE_VIEWER, false, { 0 } },
	{ "r.drill.here", AUTH_ROLE_DRILL_MASTER, false, { 0 } },
};

/* Their ids are taken as the console shows them. */
static uint64_t first_id(const char *path)
{
	struct kit_answer answer = kit_request(&kit, &their_owner, "GET", path, NULL, NULL);
	const char *id =
		json_string_value(json_object_get(json_array_get(json_object_get(answer.json, "items"), 0), "id"));
	uint64_t number;

	if (!id)
		fail_msg("%s: %s", path, answer.text);
	number = strtoull(id, NULL, 10);
	kit_answer_done(&answer);
	return number;
}

static int setup(void **state)
{
	char path[64];

	if (kit_open(&kit))
		return -1;
	ours = kit_tenant(&kit, 0, "Bộ Y tế");
	kit_asset(&kit, kit_system(&kit, ours, "Cổng dịch vụ"), "198.18.1.0/24");
	theirs = kit_tenant(&kit, 0, FOREIGN_TENANT);
	kit_tenant(&kit, theirs, FOREIGN_BELOW);
	their_system = kit_system(&kit, theirs, FOREIGN_SYSTEM);
	their_asset = kit_asset(&kit, their_system, FOREIGN_ASSET);
	their_owner = kit_user(&kit, FOREIGN_LOGIN, AUTH_ROLE_OWNER, theirs);
	kit_token(&kit, &their_owner, UINT64_C(1) << AUTH_EVENTS_READ);
	their_token = (uint32_t)first_id("/tokens");
	snprintf(path, sizeof(path), "/grants?user=%u", their_owner.account);
	their_grant = first_id(path);
	for (size_t i = 0; i < ARRAY_COUNT(people); i++)
		people[i].session = kit_user(&kit, people[i].name, people[i].role, people[i].national ? 0 : ours);
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

/* ---- Requests made of the description ---- */

/* What is theirs, by the name of a parameter or member; 0: not a thing of tenants. */
static uint64_t theirs_of(const char *name)
{
	const struct {
		const char *name;
		uint64_t id;
	} rows[] = {
		{ "tenant", theirs },
		{ "parent", theirs },
		{ "system", their_system },
		{ "asset", their_asset },
		{ "user", their_owner.account },
		{ "actor", their_owner.account },
		{ "grant", their_grant },
		{ "token", their_token },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (strcmp(name, rows[i].name) == 0)
			return rows[i].id;
	return 0;
}

struct made {
	char path[PATH_SIZE];
	json_t *body;
	bool foreign; /* something of theirs is named in the path or body */
	bool filtered; /* in the query */
	bool own; /* ids are those of nothing, not theirs */
};

static void text_of_pattern(const struct api_schema *schema, char *ret, size_t ret_size)
{
	size_t size = 0;

	for (size_t i = 0; i < schema->pattern_count; i++) {
		const struct api_pattern_piece *piece = &schema->pattern[i];
		int c = 'a';

		if (piece->set['1' / 32] >> ('1' % 32) & 1)
			c = '1';
		else if (!(piece->set['a' / 32] >> ('a' % 32) & 1))
			for (c = '!'; c < 127 && !(piece->set[c / 32] >> (c % 32) & 1);)
				c++;
		for (size_t n = piece->min > 0 ? piece->min : 1; n > 0 && size + 1 < ret_size; n--)
			ret[size++] = (char)c;
	}
	ret[size] = '\0';
}

static void text_for(const struct api_schema *schema, const char *name, struct made *made, char *ret, size_t ret_size)
{
	static const char *const formats[] = {
		[API_FORMAT_DATE_TIME] = "2026-11-22T08:00:00Z",
		[API_FORMAT_IP] = "203.0.113.7",
		[API_FORMAT_PREFIX] = "203.0.113.7",
		[API_FORMAT_EMAIL] = "an@example.vn",
	};
	uint64_t id = made->own ? 0 : theirs_of(name);

	if (id) {
		snprintf(ret, ret_size, "%llu", (unsigned long long)id);
		made->foreign = true;
	} else if (schema->word_count > 0) {
		snprintf(ret, ret_size, "%s", schema->words[0]);
	} else if (strcmp(name, "until") == 0 && schema->format == API_FORMAT_DATE_TIME) {
		snprintf(ret, ret_size, "2026-11-22T09:00:00Z");
	} else if (schema->format > API_FORMAT_TEXT) {
		snprintf(ret, ret_size, "%s", formats[schema->format]);
	} else if (schema->pattern_count > 0 && made->own && theirs_of(name)) {
		snprintf(ret, ret_size, "%d", NOTHING);
	} else if (schema->pattern_count > 0) {
		text_of_pattern(schema, ret, ret_size);
	} else {
		size_t size = schema->min > 1 ? (size_t)schema->min : 1;

		for (size_t i = 0; i < size && i + 1 < ret_size; i++)
			snprintf(ret + i, ret_size - i, "%c", (int)('k' + i % 7));
	}
}

static json_t *value_for(const struct api_schema *schema, const char *name, struct made *made)
{
	bool named = false;
	char text[256];
	json_t *value;

	if (schema->types & API_TYPE_STRING) {
		text_for(schema, name, made, text, sizeof(text));
		return json_string(text);
	}
	if (schema->types & (API_TYPE_INTEGER | API_TYPE_NUMBER))
		return json_integer(schema->min > -1000000 && schema->min < 1000000 ? schema->min : 1);
	if (schema->types & API_TYPE_BOOLEAN)
		return json_true();
	if (schema->types & API_TYPE_ARRAY) {
		value = json_array();
		for (int64_t i = 0; i < (schema->min > 0 ? schema->min : 1) && schema->items; i++)
			json_array_append_new(value, value_for(schema->items, name, made));
		return value;
	}
	value = json_object();
	for (size_t i = 0; i < schema->property_count; i++) {
		const struct api_property *property = &schema->properties[i];
		bool names_theirs = theirs_of(property->name) && property->schema->types & API_TYPE_STRING;

		/* One of them is enough: several may exclude each other. */
		if (property->required || (names_theirs && !named))
			json_object_set_new(value, property->name, value_for(property->schema, property->name, made));
		named = named || names_theirs;
	}
	if (json_object_size(value) == 0 && schema->property_count > 0)
		json_object_set_new(value, schema->properties[0].name,
			value_for(schema->properties[0].schema, schema->properties[0].name, made));
	return value;
}

static void add_path(const struct api_operation *operation, struct made *made)
{
	const char *template = operation->path + strlen(hub_table.base); /* which the kit adds */
	size_t size = 0;

	while (*template && size + 64 < PATH_SIZE) {
		size_t name_size = strcspn(template + 1, "}");
		char name[32];
		uint64_t id;

		if (*template != '{') {
			made->path[size++] = *template ++;
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)name_size, template + 1);
		id = made->own ? NOTHING : theirs_of(name);
		size += (size_t)snprintf(
			made->path + size, PATH_SIZE - size, "%llu", (unsigned long long)(id ? id : NOTHING));
		made->foreign = true;
		template += name_size + 2;
	}
	made->path[size] = '\0';
}

static void add_query(const struct api_operation *operation, struct made *made)
{
	struct made ignored = { .own = made->own };
	char value[256], part[512];
	bool first = true;

	for (size_t i = operation->path_count; i < operation->param_count; i++) {
		const struct api_param *param = &operation->params[i];
		bool names_theirs = !made->own && theirs_of(param->name);

		if (param->place != API_IN_QUERY || (!param->required && !names_theirs))
			continue;
		text_for(param->schema, param->name, &ignored, value, sizeof(value));
		made->filtered = made->filtered || names_theirs;
		snprintf(part, sizeof(part), "%c%s=%s", first ? '?' : '&', param->name, value);
		strncat(made->path, part, PATH_SIZE - strlen(made->path) - 1);
		first = false;
	}
}

static struct made make(const struct api_operation *operation, bool own)
{
	struct made made = { .own = own };

	add_path(operation, &made);
	add_query(operation, &made);
	if (operation->body)
		made.body = value_for(operation->body, "", &made);
	return made;
}

/* Asks as described; '*ret_leaks' when something of theirs stands in the answer. */
static long ask(const struct kit_session *session, const struct api_operation *operation, const struct made *made,
	bool *ret_leaks, char *ret_text, size_t ret_text_size)
{
	static const char *const secrets[] = { FOREIGN_TENANT, FOREIGN_BELOW, FOREIGN_SYSTEM, FOREIGN_ASSET,
		FOREIGN_LOGIN, "Khổng" };
	char *body = made->body ? json_dumps(made->body, JSON_COMPACT) : NULL;
	struct kit_answer answer = kit_request(&kit, session, api_method_name((enum api_method)operation->method),
		made->path, body, operation->if_match ? "If-Match: \"r1\"" : NULL);
	long status = answer.status;

	*ret_leaks = false;
	for (size_t i = 0; i < ARRAY_COUNT(secrets); i++)
		*ret_leaks = *ret_leaks || strstr(answer.text, secrets[i]);
	snprintf(ret_text, ret_text_size, "%s %.300s %.200s: %ld %.300s",
		api_method_name((enum api_method)operation->method), made->path, body ? body : "", status, answer.text);
	free(body);
	kit_answer_done(&answer);
	return status;
}

static bool is_self(const struct api_operation *operation)
{
	return operation->permission && strcmp(operation->permission, "self") == 0;
}

static bool may(enum auth_role role, const struct api_operation *operation)
{
	int permission = auth_permission_find(bytes_from_str(operation->permission));

	assert_true(permission >= 0);
	return auth_role_permissions(role) >> permission & 1;
}

/* ---- Tests ---- */

static void test_nobody(void **state)
{
	static const struct kit_session none[] = { { 0 },
		{ .cookie = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .csrf = "x" },
		{ .token = "hub_000000000000000000000000000000000000000000000000" } };
	char text[1024];
	bool leaks;

	for (size_t i = 0; i < hub_table.operation_count; i++) {
		const struct api_operation *operation = &hub_table.operations[i];
		struct made made;

		if (!operation->permission)
			continue;
		made = make(operation, false);
		for (size_t j = 0; j < ARRAY_COUNT(none); j++)
			if (ask(&none[j], operation, &made, &leaks, text, sizeof(text)) != 401 || leaks)
				fail_msg("without a session: %s", text);
		json_decref(made.body);
	}
}

/* A session without the token against forged requests changes nothing. */
static void test_forged(void **state)
{
	struct kit_session forged = people[0].session;
	char text[1024];
	bool leaks;

	forged.csrf[0] = '\0';
	for (size_t i = 0; i < hub_table.operation_count; i++) {
		const struct api_operation *operation = &hub_table.operations[i];
		struct made made;

		if (!operation->permission || operation->method == API_GET)
			continue;
		made = make(operation, false);
		if (ask(&forged, operation, &made, &leaks, text, sizeof(text)) != 403)
			fail_msg("forged: %s", text);
		json_decref(made.body);
	}
}

static void test_without_permission(void **state)
{
	size_t asked = 0;
	char text[1024];
	bool leaks;

	for (size_t i = 0; i < hub_table.operation_count; i++) {
		const struct api_operation *operation = &hub_table.operations[i];
		struct made made;

		if (!operation->permission || is_self(operation))
			continue;
		made = make(operation, false);
		for (size_t j = 0; j < ARRAY_COUNT(people); j++) {
			if (may(people[j].role, operation))
				continue;
			asked++;
			if (ask(&people[j].session, operation, &made, &leaks, text, sizeof(text)) != 403 || leaks)
				fail_msg("%s: %s", people[j].name, text);
		}
		json_decref(made.body);
	}
	assert_true(asked > 100);
}

/* A token with no fitting scope may as little as somebody without the role. */
static void test_token_without_scope(void **state)
{
	char text[1024];
	bool leaks;

	for (int permission = 0; permission < AUTH_PERMISSION_COUNT; permission += 7) {
		struct kit_session token = kit_token(&kit, &people[0].session, UINT64_C(1) << permission);

		for (size_t i = 0; i < hub_table.operation_count; i++) {
			const struct api_operation *operation = &hub_table.operations[i];
			struct made made;

			if (!operation->permission || is_self(operation) ||
				auth_permission_find(bytes_from_str(operation->permission)) == permission)
				continue;
			made = make(operation, true);
			if (ask(&token, operation, &made, &leaks, text, sizeof(text)) != 403)
				fail_msg("token: %s", text);
			json_decref(made.body);
		}
	}
}

/* Roles of our tenant, with the permission, and everything of theirs. */
static void test_foreign(void **state)
{
	size_t asked = 0;
	char text[1024], none_text[1024];
	bool leaks;

	for (size_t i = 0; i < hub_table.operation_count; i++) {
		const struct api_operation *operation = &hub_table.operations[i];
		struct made made, none;

		if (!operation->permission || is_self(operation))
			continue;
		made = make(operation, false);
		none = make(operation, true); /* the same about what is not there at all */
		for (size_t j = 0; j < ARRAY_COUNT(people); j++) {
			long status;

			if (people[j].national || !may(people[j].role, operation))
				continue;
			asked++;
			status = ask(&people[j].session, operation, &made, &leaks, text, sizeof(text));
			if (leaks)
				fail_msg("%s sees what is theirs: %s", people[j].name, text);
			if (made.foreign && status >= 200 && status <= 299)
				fail_msg("%s reaches what is theirs: %s", people[j].name, text);
			if (made.foreign && status != ask(&people[j].session, operation, &none, &leaks, none_text,
							      sizeof(none_text)))
				fail_msg("%s learns that it is there: %s\n%s", people[j].name, text, none_text);
			if (operation->path_count > 0 && status != 404)
				fail_msg("%s learns that it is there: %s", people[j].name, text);
			if (status >= 500)
				fail_msg("%s: %s", people[j].name, text);
		}
		json_decref(made.body);
		json_decref(none.body);
	}
	assert_true(asked > 50);
}

/* The same without anything of theirs in the question: what is theirs must not be in the answer either. */
static void test_lists(void **state)
{
	char text[1024];
	bool leaks;

	for (size_t i = 0; i < hub_table.operation_count; i++) {
		const struct api_operation *operation = &hub_table.operations[i];
		struct made made;

		if (!operation->permission || is_self(operation) || operation->method != API_GET ||
			operation->path_count > 0)
			continue;
		made = make(operation, true);
		for (size_t j = 0; j < ARRAY_COUNT(people); j++) {
			long status;

			if (people[j].national || !may(people[j].role, operation))
				continue;
			status = ask(&people[j].session, operation, &made, &leaks, text, sizeof(text));
			if (leaks || status != 200)
				fail_msg("%s: %s", people[j].name, text);
		}
		json_decref(made.body);
	}
}

/* Who has the permission at the nation is refused nothing, but finds nothing where nothing is. */
static void test_national(void **state)
{
	size_t done = 0;
	char text[1024];
	bool leaks;

	for (size_t i = 0; i < hub_table.operation_count; i++) {
		const struct api_operation *operation = &hub_table.operations[i];
		struct made made;

		if (!operation->permission || is_self(operation))
			continue;
		made = make(operation, true);
		for (size_t j = 0; j < ARRAY_COUNT(people); j++) {
			long status;

			if (!people[j].national || !may(people[j].role, operation))
				continue;
			status = ask(&people[j].session, operation, &made, &leaks, text, sizeof(text));
			done += status >= 200 && status <= 299;
			if (status == 401 || status == 403 || status >= 500)
				fail_msg("%s: %s", people[j].name, text);
			if (operation->path_count > 0 && status != 404)
				fail_msg("%s finds something where nothing is: %s", people[j].name, text);
		}
		json_decref(made.body);
	}
	assert_true(done > 20); /* what is asked is understood */
}

/* What is everybody's own: theirs is not ours. */
static void test_own(void **state)
{
	char text[1024];
	bool leaks;

	for (size_t i = 0; i < hub_table.operation_count; i++) {
		const struct api_operation *operation = &hub_table.operations[i];
		struct made made;

		if (!is_self(operation) || operation->path_count == 0)
			continue;
		made = make(operation, false);
		for (size_t j = 0; j < ARRAY_COUNT(people); j++)
			if (ask(&people[j].session, operation, &made, &leaks, text, sizeof(text)) != 404 || leaks)
				fail_msg("%s: %s", people[j].name, text);
		json_decref(made.body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_without_permission),
		cmocka_unit_test(test_token_without_scope),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_national),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
