// SPDX-License-Identifier: Apache-2.0
/* The "http" object of EVE. Values come from the wire: jsonw turns what is no UTF-8 into U+FFFD. */
#include "base/ascii.h"
#include "sensor/app/http1/text.h"
#include "sensor/app/http1/tx.h"

enum { REDIRECT_FIRST = 300, REDIRECT_LAST = 399 };

static void log_header(struct http_tx *tx, enum sensor_dir dir, const char *name, const char *key, struct jsonw *json)
{
	const struct http_header *header = http_header_find(&tx->headers[dir], name);

	if (header)
		jsonw_kv_string_bytes(json, key, header->value);
}

void http_log_range(struct http_tx *tx, struct jsonw *json)
{
	const struct http_header *header = http_header_find(&tx->headers[TO_CLIENT], "content-range");
	struct http_range range;

	if (!header)
		return;
	jsonw_kv_object_begin(json, "content_range");
	jsonw_kv_string_bytes(json, "raw", header->value);
	if (http_parse_range(header->value, &range)) {
		if (range.start >= 0)
			jsonw_kv_i64(json, "start", range.start);
		if (range.end >= 0)
			jsonw_kv_i64(json, "end", range.end);
		if (range.total >= 0)
			jsonw_kv_i64(json, "size", range.total);
	}
	jsonw_object_end(json);
}

void http_log_fields(struct http_tx *tx, struct jsonw *json)
{
	const struct http_header *type = http_header_find(&tx->headers[TO_CLIENT], "content-type");

	if (tx->has_host)
		jsonw_kv_string_bytes(json, "hostname", tx->host);
	if (tx->port > 0)
		jsonw_kv_i64(json, "http_port", tx->port);
	if (tx->uri_raw.ptr)
		jsonw_kv_string_bytes(json, "url", tx->uri_raw);
	log_header(tx, TO_SERVER, "user-agent", "http_user_agent", json);
	if (type)
		jsonw_kv_string_bytes(
			json, "http_content_type", bytes_first(type->value, bytes_index(type->value, ';')));
	http_log_range(tx, json);
}

void http_log_status(struct http_tx *tx, struct jsonw *json)
{
	if (tx->status != 0)
		jsonw_kv_u64(json, "status", tx->status);
	else if (tx->status_text.size != 0)
		jsonw_kv_string_bytes(json, "status_string", tx->status_text);
	if (tx->status >= REDIRECT_FIRST && tx->status <= REDIRECT_LAST)
		log_header(tx, TO_CLIENT, "location", "redirect", json);
}

/* '_' and '-' are the same in the configuration. */
static bool is_name(struct bytes name, const char *option)
{
	size_t i = 0;

	for (; i < name.size && option[i] != '\0'; i++) {
		uint8_t want = option[i] == '_' ? '-' : ascii_lower((uint8_t)option[i]);

		if (ascii_lower(name.ptr[i]) != want)
			return false;
	}
	return i == name.size && option[i] == '\0';
}

static bool is_wanted(const struct http_tx *tx, const struct http_header *header, bool all)
{
	for (unsigned int i = 0; !all && i < tx->record->custom_count; i++)
		if (is_name(header->name, tx->record->custom[i]))
			return true;
	return all;
}

void http_log_headers(struct http_tx *tx, enum sensor_dir dir, bool all, struct jsonw *json)
{
	const struct http_headers *headers = &tx->headers[dir];
	bool begun = false;

	for (uint32_t i = 0; i < headers->count; i++) {
		if (!is_wanted(tx, &headers->list[i], all))
			continue;
		if (!begun)
			jsonw_kv_array_begin(json, dir == TO_SERVER ? "request_headers" : "response_headers");
		begun = true;
		jsonw_object_begin(json);
		if (headers->list[i].flags & HTTP_HEADER_SIZE_UPDATE) {
			jsonw_kv_u64(json, "table_size_update", headers->list[i].size_update);
		} else {
			jsonw_kv_string_bytes(json, "name", headers->list[i].name);
			jsonw_kv_string_bytes(json, "value", headers->list[i].value);
		}
		jsonw_object_end(json);
	}
	if (begun)
		jsonw_array_end(json);
}

/* ---- Bodies in alerts ---- */

static void log_base64(struct jsonw *json, const char *key, struct bytes in)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[4096];
	size_t at = 0;

	/* Only what fits a readable record: three quarters of the text. */
	in = bytes_first(in, sizeof(text) / 4 * 3);
	for (size_t i = 0; i < in.size; i += 3) {
		uint32_t group = (uint32_t)in.ptr[i] << 16 | (i + 1 < in.size ? in.ptr[i + 1] << 8 : 0) |
				 (i + 2 < in.size ? in.ptr[i + 2] : 0);

		text[at++] = digits[group >> 18];
		text[at++] = digits[group >> 12 & 63];
		text[at++] = i + 1 < in.size ? digits[group >> 6 & 63] : '=';
		text[at++] = i + 2 < in.size ? digits[group & 63] : '=';
	}
	jsonw_kv_string_bytes(json, key, bytes_of(text, at));
}

static void log_printable(struct jsonw *json, const char *key, struct bytes in)
{
	char text[4096];

	in = bytes_first(in, sizeof(text));
	for (size_t i = 0; i < in.size; i++) {
		uint8_t c = in.ptr[i];

		text[i] = (c >= ' ' && c < 0x7f) || c == '\n' || c == '\r' ? (char)c : '.';
	}
	jsonw_kv_string_bytes(json, key, bytes_of(text, in.size));
}

void http_log_bodies(struct http_tx *tx, struct jsonw *json)
{
	static const char *const plain[] = { "http_request_body_printable", "http_response_body_printable" };
	static const char *const coded[] = { "http_request_body", "http_response_body" };

	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		struct bytes body = bytes_of(tx->body[dir].window, tx->body[dir].size);

		if (body.size == 0)
			continue;
		if (tx->record->body_printable)
			log_printable(json, plain[dir], body);
		if (tx->record->body)
			log_base64(json, coded[dir], body);
	}
}
