// SPDX-License-Identifier: Apache-2.0
/* What rules and records see of HTTP/2. */
#include "base/arena.h"
#include "base/error.h"
#include "sensor/app/http1/buffers.h"
#include "sensor/app/http1/text.h"
#include "sensor/app/http2/http2.h"
#include "sensor/detect/detect.h"

/* ---- Numbers ---- */

#define X(id, number, name) { name, number },
const struct app_name_value http2_frame_names[] = { HTTP2_FRAME_TYPES(X){ 0 } };
#undef X

#define X(id, number, name, eve_name) { name, number },
const struct app_name_value http2_error_names[] = { HTTP2_ERROR_CODES(X){ 0 } };
static const struct app_name_value setting_names[] = { HTTP2_SETTINGS_IDS(X){ 0 } };
#undef X

const char *http2_error_name(uint32_t code)
{
#define X(id, number, name, eve_name) [number] = (eve_name),
	static const char *const names[] = { HTTP2_ERROR_CODES(X) };
#undef X

	return code < sizeof(names) / sizeof(names[0]) ? names[code] : NULL;
}

const char *http2_setting_name(uint16_t id)
{
#define X(id, number, name, eve_name) [number] = (eve_name),
	static const char *const names[] = { HTTP2_SETTINGS_IDS(X) };
#undef X

	return id < sizeof(names) / sizeof(names[0]) ? names[id] : NULL;
}

#define NUMBER_GETTER(getter, member)                                                                                  \
	bool getter(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)    \
	{                                                                                                              \
		const struct http2_seen *seen = http2_tx_of(tx)->seen[dir];                                            \
                                                                                                                       \
		(void)flow;                                                                                            \
		if (!seen || index >= seen->member.count)                                                              \
			return false;                                                                                  \
		*ret = seen->member.values[index];                                                                     \
		return true;                                                                                           \
	}

NUMBER_GETTER(http2_get_type, types)
NUMBER_GETTER(http2_get_error, errors)
NUMBER_GETTER(http2_get_priority, priorities)
NUMBER_GETTER(http2_get_window, windows)
NUMBER_GETTER(http2_get_size_update, size_updates)

const struct app_number http2_numbers[] = { HTTP2_NUMBER_ROWS, { 0 } };

/* ---- http2.settings: "NAME", "NAME>1000", "NAME:5", "NAME:3-7" ---- */

struct setting_range {
	uint16_t id;
	uint32_t low, high;
};

static bool match_settings(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct setting_range *range = match->data;
	const struct app_tx *app = target;
	const struct http2_seen *seen = ((const struct http2_tx *)app)->seen[context->dir];

	(void)rule;
	for (uint8_t i = 0; http2_is(app->protocol) && seen && i < seen->settings_count; i++)
		if (seen->settings[i].id == range->id && seen->settings[i].value >= range->low &&
			seen->settings[i].value <= range->high)
			return true;
	return false;
}

static const struct rule_match_ops settings_ops = {
	.name = "http2.settings", .target = RULE_TARGET_TX, .match = match_settings
};

static bool take_u32(struct bytes *in, uint32_t *ret)
{
	uint64_t number = 0;
	size_t pos = 0;

	*in = http_trim(*in);
	for (; pos < in->size && in->ptr[pos] >= '0' && in->ptr[pos] <= '9'; pos++) {
		number = number * 10 + (in->ptr[pos] - '0');
		if (number > UINT32_MAX)
			return false;
	}
	*in = http_trim(bytes_skip(*in, pos));
	*ret = (uint32_t)number;
	return pos != 0;
}

static bool parse_setting_range(struct bytes in, struct setting_range *ret)
{
	uint8_t sign;

	ret->low = 0;
	ret->high = UINT32_MAX;
	in = http_trim(in);
	if (in.size == 0)
		return true;
	sign = in.ptr[0];
	if (sign == '<' || sign == '>' || sign == ':' || sign == '=')
		in = bytes_skip(in, 1);
	if (!take_u32(&in, &ret->low))
		return false;
	if (sign == '<') {
		ret->high = ret->low - 1;
		ret->low = 0;
		return in.size == 0 && ret->high != UINT32_MAX;
	}
	if (sign == '>') {
		ret->low++;
		return in.size == 0 && ret->low != 0;
	}
	ret->high = ret->low;
	if (in.size == 0)
		return true;
	if (in.ptr[0] != '-')
		return false;
	in = bytes_skip(in, 1);
	return take_u32(&in, &ret->high) && in.size == 0 && ret->high > ret->low + 1 && ret->low++ < --ret->high;
}

static int parse_settings(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct setting_range range = { 0 }, *data;
	struct bytes name = value;

	(void)keyword;
	(void)negated;
	name.size = 0;
	while (name.size < value.size && (http_is_token(bytes_of(value.ptr + name.size, 1))))
		name.size++;
	for (const struct app_name_value *entry = setting_names; entry->name; entry++)
		if (bytes_equal_str(name, entry->name))
			range.id = (uint16_t)entry->value;
	if (range.id == 0 || !parse_setting_range(bytes_skip(value, name.size), &range))
		return rule_builder_error(builder,
			"http2.settings: a name like SETTINGS_ENABLE_PUSH and perhaps >N, <N or =N is expected");
	data = arena_dup(rule_builder_arena(builder), bytes_of(&range, sizeof(range)));
	if (!data || !rule_builder_add(builder, &settings_ops, data))
		return LUYTRE_E_NOMEM;
	return rule_builder_protocol(builder, "http2");
}

const struct rule_keyword http2_keywords[] = {
	{ .name = "http2.settings", .parse = parse_settings, .summary = "A value in a SETTINGS frame" },
	{ 0 },
};

/* ---- Buffers that HTTP/1 has not, or has in another form ---- */

bool http2_get_header_name(
	struct app_tx *app, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct http_headers *headers = &http_tx_of(app)->headers[dir];

	(void)flow;
	if (index >= headers->count)
		return false;
	*ret = (struct app_view){ .data = headers->list[index].name, .last = true };
	return true;
}

const struct app_buffer http2_buffers[] = { HTTP2_BUFFER_ROWS, { 0 } };

/* ---- Records ---- */

static void log_settings(const struct http2_seen *seen, struct jsonw *json)
{
	jsonw_kv_array_begin(json, "settings");
	for (uint8_t i = 0; i < seen->settings_count; i++) {
		const char *name = http2_setting_name(seen->settings[i].id);

		jsonw_object_begin(json);
		if (name)
			jsonw_kv_string(json, "settings_id", name);
		else
			jsonw_kv_u64(json, "settings_id", seen->settings[i].id);
		jsonw_kv_u64(json, "settings_value", seen->settings[i].value);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static bool has_facts(const struct http2_seen *seen)
{
	return seen && (seen->settings_count != 0 || seen->errors.count != 0 || seen->priorities.count != 0);
}

static void log_side(const struct http2_tx *tx, enum sensor_dir dir, struct jsonw *json)
{
	const struct http2_seen *seen = tx->seen[dir];

	if (!has_facts(seen))
		return;
	jsonw_kv_object_begin(json, dir == TO_SERVER ? "request" : "response");
	if (seen->settings_count != 0)
		log_settings(seen, json);
	if (seen->errors.count != 0) {
		const char *name = http2_error_name(seen->errors.values[0]);

		if (name)
			jsonw_kv_string(json, "error_code", name);
		else
			jsonw_kv_u64(json, "error_code", seen->errors.values[0]);
	}
	if (seen->priorities.count != 0)
		jsonw_kv_u64(json, "priority", seen->priorities.values[0]);
	jsonw_object_end(json);
}

static void log_fields(struct http2_tx *tx, struct jsonw *json)
{
	struct http_tx *http = &tx->http;
	const struct http_header *agent = http_header_find(&http->headers[TO_SERVER], "user-agent");
	const struct http_header *length = http_header_find(&http->headers[TO_CLIENT], "content-length");
	bool junk;

	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
		http_log_headers(http, dir, true, json);
	if (http->method.ptr)
		jsonw_kv_string_bytes(json, "http_method", http->method);
	if (http->uri_raw.ptr)
		jsonw_kv_string_bytes(json, "url", http->uri_raw);
	if (http->has_host)
		jsonw_kv_string_bytes(json, "hostname", http->host);
	if (agent)
		jsonw_kv_string_bytes(json, "http_user_agent", agent->value);
	if (http->status != 0)
		jsonw_kv_u64(json, "status", http->status);
	http_log_range(http, json);
	if (length && http_parse_length(length->value, &junk) >= 0)
		jsonw_kv_i64(json, "length", http_parse_length(length->value, &junk));
}

bool http2_log(struct app_tx *app, const struct flow *flow, bool alert, struct jsonw *json)
{
	struct http2_tx *tx = http2_tx_of(app);
	bool facts = has_facts(tx->seen[TO_SERVER]) || has_facts(tx->seen[TO_CLIENT]);

	(void)flow;
	if (!facts && !tx->has_headers[TO_SERVER] && !tx->has_headers[TO_CLIENT])
		return false;
	jsonw_kv_string(json, "version", "2");
	log_fields(tx, json);
	jsonw_kv_object_begin(json, "http2");
	jsonw_kv_u64(json, "stream_id", tx->stream_id);
	log_side(tx, TO_SERVER, json);
	log_side(tx, TO_CLIENT, json);
	jsonw_object_end(json);
	if (alert)
		http_log_bodies(&tx->http, json);
	return true;
}
