// SPDX-License-Identifier: Apache-2.0
/* Directives of the guards, and what a location has of them. Each says its mode, then "name=value" by the rows of its table. */
#include "gate/nginx/guard.h"

enum value_form {
	VALUE_NUMBER, /* uint32_t */
	VALUE_MS, /* uint32_t, as nginx writes times */
	VALUE_LONG_MS, /* uint64_t */
	VALUE_SIZE, /* size_t, as nginx writes sizes */
};

struct value_row {
	const char *name;
	enum value_form form;
	size_t offset;
	uint32_t least, most;
};

#define YEAR_S 31556952

/* ---- words ---- */

static bool read_mode(ngx_str_t word, ngx_uint_t *ret)
{
	static const char *const names[] = { "off", "shadow", "on" };

	for (ngx_uint_t i = 0; i < 3; i++) {
		if (ngx_strcmp(word.data, names[i]) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* "name=value": what stands behind the sign. */
static bool has_name(ngx_str_t word, const char *name, ngx_str_t *ret)
{
	size_t size = strlen(name);

	if (word.len <= size || word.data[size] != '=' || ngx_strncmp(word.data, name, size) != 0)
		return false;
	*ret = (ngx_str_t){ word.len - size - 1, word.data + size + 1 };
	return true;
}

static ngx_int_t read_number(ngx_str_t text, enum value_form form)
{
	switch (form) {
	case VALUE_NUMBER:
		break;
	case VALUE_MS:
	case VALUE_LONG_MS:
		return ngx_parse_time(&text, 0);
	case VALUE_SIZE:
		return (ngx_int_t)ngx_parse_size(&text);
	}
	return ngx_atoi(text.data, text.len);
}

static bool read_row(const struct value_row *row, ngx_str_t text, void *base)
{
	ngx_int_t number = read_number(text, row->form);
	u_char *place = (u_char *)base + row->offset;

	if (number == NGX_ERROR || number < (ngx_int_t)row->least || number > (ngx_int_t)row->most)
		return false;
	switch (row->form) {
	case VALUE_NUMBER:
	case VALUE_MS:
		*(uint32_t *)(void *)place = (uint32_t)number;
		break;
	case VALUE_LONG_MS:
		*(uint64_t *)(void *)place = (uint64_t)number;
		break;
	case VALUE_SIZE:
		*(size_t *)(void *)place = (size_t)number;
		break;
	}
	return true;
}

static char *refuse(ngx_conf_t *cf, ngx_str_t word, const char *expected)
{
	ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is not understood: expected %s", &word, expected);
	return NGX_CONF_ERROR;
}

static char *read_value(
	ngx_conf_t *cf, const struct value_row *rows, size_t count, ngx_str_t word, void *base, const char *expected)
{
	ngx_str_t text;

	for (size_t i = 0; i < count; i++) {
		if (!has_name(word, rows[i].name, &text))
			continue;
		if (read_row(&rows[i], text, base))
			return NGX_CONF_OK;
		ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is out of bounds: expected %uD to %uD%s", &word,
			rows[i].least, rows[i].most,
			rows[i].form == VALUE_MS || rows[i].form == VALUE_LONG_MS ? " milliseconds" : "");
		return NGX_CONF_ERROR;
	}
	return refuse(cf, word, expected);
}

/* "$expression" or the name of a parameter. */
static char *read_argument(ngx_conf_t *cf, ngx_str_t word, struct guard_argument *ret)
{
	ngx_http_compile_complex_value_t compile = { 0 };

	if (word.len == 0)
		return refuse(cf, word, "the name of a parameter, or an expression with variables");
	ret->name = word;
	if (!ngx_strlchr(word.data, word.data + word.len, '$'))
		return NGX_CONF_OK;
	ret->value = ngx_pcalloc(cf->pool, sizeof(*ret->value));
	if (!ret->value)
		return NGX_CONF_ERROR;
	compile.cf = cf;
	compile.value = &word;
	compile.complex_value = ret->value;
	return ngx_http_compile_complex_value(&compile) == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}

/* Makes the structure of a directive that may stand once on a level. Null: '*ret_error' says why. */
static void *make(ngx_conf_t *cf, void *present, size_t size, char **ret_error)
{
	*ret_error = "is duplicate";
	if (present != NGX_CONF_UNSET_PTR)
		return NULL;
	*ret_error = NGX_CONF_ERROR;
	return ngx_pcalloc(cf->pool, size);
}

/* ---- limits ---- */

static const struct value_row limit_rows[] = {
	{ "rate", VALUE_NUMBER, offsetof(struct guard_limit, rate), 1, 1000000 },
	{ "burst", VALUE_NUMBER, offsetof(struct guard_limit, burst), 1, 10000000 },
	{ "open", VALUE_NUMBER, offsetof(struct guard_limit, open), 1, 1000000 },
	{ "cost", VALUE_NUMBER, offsetof(struct guard_limit, cost), 1, 1000 },
	{ "tool_rate", VALUE_NUMBER, offsetof(struct guard_limit, tool_rate), 1, 1000000 },
	{ "tool_burst", VALUE_NUMBER, offsetof(struct guard_limit, tool_burst), 1, 10000000 },
};

#define LIMIT_EXPECTED "on, shadow or off, rate=N, burst=N, open=N, cost=N, tool_rate=N, tool_burst=N"

char *guard_directive_limit(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_location *location = conf;
	const ngx_str_t *words = cf->args->elts;
	struct abuse_settings defaults;
	char *error;
	struct guard_limit *limit = make(cf, location->limit, sizeof(*limit), &error);

	if (!limit)
		return error;
	abuse_settings_default(&defaults);
	*limit = (struct guard_limit){ .mode = GATE_ON,
		.rate = defaults.client_rate,
		.burst = defaults.client_burst,
		.open = defaults.client_open_max,
		.cost = 1,
		.tool_rate = defaults.cluster_rate,
		.tool_burst = defaults.cluster_burst };
	for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
		if (i == 1 && read_mode(words[i], &limit->mode))
			continue;
		if (read_value(cf, limit_rows, ARRAY_COUNT(limit_rows), words[i], limit, LIMIT_EXPECTED) != NGX_CONF_OK)
			return NGX_CONF_ERROR;
	}
	location->limit = limit->mode == GATE_OFF ? NULL : limit;
	return NGX_CONF_OK;
}

static const struct value_row slow_rows[] = {
	{ "headers", VALUE_MS, offsetof(struct guard_slow, headers_ms), 100, 600000 },
	{ "body", VALUE_NUMBER, offsetof(struct guard_slow, body_rate), 1, 1000000000 },
	{ "grace", VALUE_MS, offsetof(struct guard_slow, grace_ms), 100, 600000 },
	{ "resets", VALUE_NUMBER, offsetof(struct guard_slow, resets), 1, 1000000 },
};

#define SLOW_EXPECTED "on, shadow or off, headers=TIME, body=BYTES, grace=TIME, resets=N"

char *guard_directive_slow(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_location *location = conf;
	const ngx_str_t *words = cf->args->elts;
	struct abuse_settings defaults;
	char *error;
	struct guard_slow *slow = make(cf, location->slow, sizeof(*slow), &error);

	if (!slow)
		return error;
	abuse_settings_default(&defaults);
	*slow = (struct guard_slow){ .mode = GATE_ON,
		.headers_ms = defaults.headers_max_ms,
		.body_rate = defaults.body_min_rate,
		.grace_ms = defaults.body_grace_ms,
		.resets = defaults.resets_max };
	for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
		if (i == 1 && read_mode(words[i], &slow->mode))
			continue;
		if (read_value(cf, slow_rows, ARRAY_COUNT(slow_rows), words[i], slow, SLOW_EXPECTED) != NGX_CONF_OK)
			return NGX_CONF_ERROR;
	}
	location->slow = slow->mode == GATE_OFF ? NULL : slow;
	return NGX_CONF_OK;
}

/* ---- logins and identifiers ---- */

static const struct value_row login_rows[] = {
	{ "names", VALUE_NUMBER, offsetof(struct guard_login, names), 1,
		600 }, /* more cannot be told apart: distinct_count */
	{ "failures", VALUE_NUMBER, offsetof(struct guard_login, failures), 1, 100000 },
	{ "hold", VALUE_MS, offsetof(struct guard_login, hold_ms), 1000, 3600000 },
};

#define LOGIN_EXPECTED                                                                                                 \
	"on, shadow or off, name=ARG, success=STATUS,..., location=PREFIX, cookie=NAME, names=N, failures=N, "         \
	"hold=TIME"

/* "302,303" */
static bool read_statuses(ngx_conf_t *cf, ngx_str_t text, ngx_array_t **ret)
{
	*ret = ngx_array_create(cf->pool, 4, sizeof(ngx_uint_t));
	while (*ret && text.len != 0) {
		u_char *comma = ngx_strlchr(text.data, text.data + text.len, ',');
		size_t size = comma ? (size_t)(comma - text.data) : text.len;
		ngx_int_t status = ngx_atoi(text.data, size);
		ngx_uint_t *added = ngx_array_push(*ret);

		if (!added || status < 100 || status > 599)
			return false;
		*added = (ngx_uint_t)status;
		text.data += comma ? size + 1 : size;
		text.len -= comma ? size + 1 : size;
	}
	return *ret && (*ret)->nelts != 0;
}

static char *read_login_word(ngx_conf_t *cf, ngx_str_t word, struct guard_login *login)
{
	ngx_str_t text;

	if (has_name(word, "name", &text))
		return read_argument(cf, text, &login->name);
	if (has_name(word, "success", &text))
		return read_statuses(cf, text, &login->success) ? NGX_CONF_OK : refuse(cf, word, "success=STATUS,...");
	if (has_name(word, "location", &text)) {
		login->location = text;
		return NGX_CONF_OK;
	}
	if (has_name(word, "cookie", &text)) {
		login->cookie = text;
		return NGX_CONF_OK;
	}
	return read_value(cf, login_rows, ARRAY_COUNT(login_rows), word, login, LOGIN_EXPECTED);
}

char *guard_directive_login(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_location *location = conf;
	const ngx_str_t *words = cf->args->elts;
	struct abuse_settings defaults;
	char *error;
	struct guard_login *login = make(cf, location->login, sizeof(*login), &error);

	if (!login)
		return error;
	abuse_settings_default(&defaults);
	login->mode = GATE_ON;
	login->names = defaults.address_names_max;
	login->failures = defaults.name_failures_max;
	login->hold_ms = defaults.hold_ms;
	for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
		if (i == 1 && read_mode(words[i], &login->mode))
			continue;
		if (read_login_word(cf, words[i], login) != NGX_CONF_OK)
			return NGX_CONF_ERROR;
	}
	if (login->mode != GATE_OFF && login->name.name.len == 0) {
		ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"luytre_gate_login\" needs name=ARG");
		return NGX_CONF_ERROR;
	}
	location->login = login->mode == GATE_OFF ? NULL : login;
	return NGX_CONF_OK;
}

/* ARG citizen|number [on|shadow], or off. */
char *guard_directive_lookup(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	static const char expected[] = "ARG citizen|number [on|shadow], or off";
	struct gate_location *location = conf;
	const ngx_str_t *words = cf->args->elts;
	struct guard_lookup *lookup;

	if (cf->args->nelts == 2) {
		if (ngx_strcmp(words[1].data, "off") != 0)
			return refuse(cf, words[1], expected);
		if (location->lookups != NGX_CONF_UNSET_PTR)
			return "is duplicate";
		location->lookups = NULL;
		return NGX_CONF_OK;
	}
	if (location->lookups == NGX_CONF_UNSET_PTR)
		location->lookups = ngx_array_create(cf->pool, 2, sizeof(*lookup));
	lookup = location->lookups ? ngx_array_push(location->lookups) : NULL;
	if (!lookup)
		return NGX_CONF_ERROR;
	*lookup = (struct guard_lookup){ .mode = GATE_ON, .kind = ABUSE_ID_CITIZEN };
	if (ngx_strcmp(words[2].data, "number") == 0)
		lookup->kind = ABUSE_ID_OTHER;
	else if (ngx_strcmp(words[2].data, "citizen") != 0)
		return refuse(cf, words[2], expected);
	if (cf->args->nelts == 4 && (!read_mode(words[3], &lookup->mode) || lookup->mode == GATE_OFF))
		return refuse(cf, words[3], expected);
	return read_argument(cf, words[1], &lookup->id);
}

/* ---- leaks ---- */

#define COUNTED_MAX 2500

#define OF_KIND(word, kind)                                                                                            \
	{                                                                                                              \
		word, VALUE_NUMBER, offsetof(struct guard_leak, settings.response_max[kind]), 0, 700                   \
	}

/* Beyond 700 distinct values an answer's are not remembered, beyond 2,500 a session's not told apart (leak.c). */
static const struct value_row leak_rows[] = {
	OF_KIND("citizen", LEAK_CITIZEN),
	OF_KIND("old-id", LEAK_OLD_ID),
	OF_KIND("tax-code", LEAK_TAX_CODE),
	OF_KIND("health-card", LEAK_HEALTH_CARD),
	OF_KIND("phone", LEAK_PHONE),
	OF_KIND("card", LEAK_CARD),
	OF_KIND("id-qr", LEAK_ID_QR),
	OF_KIND("id-mrz", LEAK_ID_MRZ),
	{ "records", VALUE_NUMBER, offsetof(struct guard_leak, settings.session_max), 0, COUNTED_MAX },
	{ "address", VALUE_NUMBER, offsetof(struct guard_leak, address_max), 0, COUNTED_MAX },
	{ "per", VALUE_LONG_MS, offsetof(struct guard_leak, settings.session_ms), 1000, 86400000 },
	{ "cut", VALUE_LONG_MS, offsetof(struct guard_leak, settings.cut_ms), 1000, 86400000 },
	{ "hold", VALUE_SIZE, offsetof(struct guard_leak, hold_size), 0, 64 << 20 },
};

#define LEAK_EXPECTED                                                                                                  \
	"on, shadow or off, KIND=N (citizen, old-id, tax-code, health-card, phone, card, id-qr, id-mrz), records=N, "  \
	"address=N, per=TIME, cut=TIME, hold=SIZE, session=COOKIE"

/* A cookie's value is nginx's variable. */
static char *read_session(ngx_conf_t *cf, ngx_str_t name, struct guard_leak *leak)
{
	struct guard_argument argument = { 0 };
	ngx_str_t text = { sizeof("$cookie_") - 1 + name.len, NULL };

	for (size_t i = 0; i < name.len; i++) {
		u_char c = name.data[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
			return refuse(cf, name, "the name of a cookie, in letters, digits and _");
	}
	text.data = ngx_pnalloc(cf->pool, text.len + 1);
	if (!text.data)
		return NGX_CONF_ERROR;
	ngx_sprintf(text.data, "$cookie_%V%Z", &name);
	if (name.len == 0 || read_argument(cf, text, &argument) != NGX_CONF_OK)
		return refuse(cf, name, "the name of a cookie");
	leak->session = argument.value;
	return NGX_CONF_OK;
}

static bool remember_leak(ngx_conf_t *cf, struct guard_leak *leak)
{
	struct gate_main *main = ngx_http_conf_get_module_main_conf(cf, ngx_http_luytre_gate_module);
	struct guard_leak **added = ngx_array_push(&main->leaks);

	if (added)
		*added = leak;
	return added;
}

char *guard_directive_leak(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_location *location = conf;
	const ngx_str_t *words = cf->args->elts;
	ngx_str_t text;
	char *error;
	struct guard_leak *leak = make(cf, location->leak, sizeof(*leak), &error);

	if (!leak)
		return error;
	leak->mode = GATE_ON;
	leak->hold_size = (size_t)512 << 10;
	leak->address_max = NGX_CONF_UNSET;
	leak_settings_default(&leak->settings, (uint16_t)(1970 + ngx_time() / YEAR_S));
	for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
		if (i == 1 && read_mode(words[i], &leak->mode))
			continue;
		error = has_name(words[i], "session", &text)
				? read_session(cf, text, leak)
				: read_value(cf, leak_rows, ARRAY_COUNT(leak_rows), words[i], leak, LEAK_EXPECTED);
		if (error != NGX_CONF_OK)
			return error;
	}
	/* Many sessions may share an address. */
	if (leak->address_max == (uint32_t)NGX_CONF_UNSET)
		leak->address_max = leak->session ? COUNTED_MAX : 1000;
	leak->address_settings = leak->settings;
	leak->address_settings.session_max = leak->address_max;
	location->leak = leak->mode == GATE_OFF ? NULL : leak;
	return remember_leak(cf, leak) ? NGX_CONF_OK : NGX_CONF_ERROR;
}

/* ---- the zone ---- */

char *guard_directive_memory(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_main *main = conf;
	ngx_str_t *words = cf->args->elts;
	ssize_t size = ngx_parse_size(&words[1]);

	if (main->memory_size != NGX_CONF_UNSET_SIZE)
		return "is duplicate";
	if (size < (8 << 20) || size > ((ssize_t)1 << 30))
		return refuse(cf, words[1], "8m to 1024m");
	main->memory_size = (size_t)size;
	return NGX_CONF_OK;
}

/* ---- what a location has ---- */

static struct abuse_settings limits_of(const struct guard *guard)
{
	struct abuse_settings settings;

	abuse_settings_default(&settings);
	settings.client_rate = guard->limit ? guard->limit->rate : 0;
	settings.client_open_max = guard->limit ? guard->limit->open : 0;
	settings.cluster_rate = guard->limit ? guard->limit->tool_rate : 0;
	if (guard->limit) {
		settings.client_burst = guard->limit->burst;
		settings.cluster_burst = guard->limit->tool_burst;
	}
	if (guard->slow) {
		settings.headers_max_ms = guard->slow->headers_ms;
		settings.body_min_rate = guard->slow->body_rate;
		settings.body_grace_ms = guard->slow->grace_ms;
		settings.resets_max = guard->slow->resets;
	}
	if (guard->login) {
		settings.address_names_max = guard->login->names;
		settings.name_failures_max = guard->login->failures;
		settings.hold_ms = guard->login->hold_ms;
	}
	return settings;
}

bool guard_merge(ngx_conf_t *cf, const struct gate_location *outer, struct gate_location *conf)
{
	struct gate_main *main = ngx_http_conf_get_module_main_conf(cf, ngx_http_luytre_gate_module);
	const ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
	struct guard *guard;

	ngx_conf_merge_ptr_value(conf->limit, outer->limit, NULL);
	ngx_conf_merge_ptr_value(conf->slow, outer->slow, NULL);
	ngx_conf_merge_ptr_value(conf->login, outer->login, NULL);
	ngx_conf_merge_ptr_value(conf->lookups, outer->lookups, NULL);
	ngx_conf_merge_ptr_value(conf->leak, outer->leak, NULL);
	if (!gate_may_inspect(main, conf) ||
		(!conf->limit && !conf->slow && !conf->login && !conf->lookups && !conf->leak))
		return true;
	guard = ngx_pcalloc(cf->pool, sizeof(*guard));
	if (!guard)
		return false;
	*guard = (struct guard){ .zone = main->zone,
		.limit = conf->limit,
		.slow = conf->slow,
		.login = conf->login,
		.lookups = conf->lookups,
		.leak = conf->leak,
		.site = conf->site,
		.location = core->name };
	guard->abuse = limits_of(guard);
	conf->guard = guard;
	main->zone_wanted = true;
	return true;
}
