// SPDX-License-Identifier: Apache-2.0
/* The "http" object of EVE. Values come from the wire: jsonw turns what is no UTF-8 into U+FFFD. */
#include "sensor/app/http1/text.h"
#include "sensor/app/http1/tx.h"

enum { REDIRECT_FIRST = 300, REDIRECT_LAST = 399 };

static void log_header(struct http_tx *tx, enum sensor_dir dir, const char *name, const char *key, struct jsonw *json)
{
	const struct http_header *header = http_header_find(&tx->headers[dir], name);

	if (header)
		jsonw_kv_string_bytes(json, key, header->value);
}

/* Names that "custom" knows, and the fields they become. */
struct custom {
	const char *option, *header, *key;
	uint8_t dir;
};

static const struct custom customs[] = {
	{ "accept", "accept", "accept", TO_SERVER },
	{ "accept-charset", "accept-charset", "accept_charset", TO_SERVER },
	{ "accept-encoding", "accept-encoding", "accept_encoding", TO_SERVER },
	{ "accept-language", "accept-language", "accept_language", TO_SERVER },
	{ "accept-datetime", "accept-datetime", "accept_datetime", TO_SERVER },
	{ "authorization", "authorization", "authorization", TO_SERVER },
	{ "cache-control", "cache-control", "cache_control", TO_SERVER },
	{ "cookie", "cookie", "cookie", TO_SERVER },
	{ "from", "from", "from", TO_SERVER },
	{ "max-forwards", "max-forwards", "max_forwards", TO_SERVER },
	{ "origin", "origin", "origin", TO_SERVER },
	{ "pragma", "pragma", "pragma", TO_SERVER },
	{ "proxy-authorization", "proxy-authorization", "proxy_authorization", TO_SERVER },
	{ "range", "range", "range", TO_SERVER },
	{ "te", "te", "te", TO_SERVER },
	{ "via", "via", "via", TO_SERVER },
	{ "x-requested-with", "x-requested-with", "x_requested_with", TO_SERVER },
	{ "dnt", "dnt", "dnt", TO_SERVER },
	{ "x-forwarded-proto", "x-forwarded-proto", "x_forwarded_proto", TO_SERVER },
	{ "x-authenticated-user", "x-authenticated-user", "x_authenticated_user", TO_SERVER },
	{ "x-flash-version", "x-flash-version", "x_flash_version", TO_SERVER },
	{ "x-bluecoat-via", "x-bluecoat-via", "x_bluecoat_via", TO_SERVER },
	{ "org-src-ip", "org-src-ip", "org_src_ip", TO_SERVER },
	{ "accept-range", "accept-range", "accept_range", TO_CLIENT },
	{ "age", "age", "age", TO_CLIENT },
	{ "allow", "allow", "allow", TO_CLIENT },
	{ "connection", "connection", "connection", TO_CLIENT },
	{ "content-encoding", "content-encoding", "content_encoding", TO_CLIENT },
	{ "content-language", "content-language", "content_language", TO_CLIENT },
	{ "content-length", "content-length", "content_length", TO_CLIENT },
	{ "content-location", "content-location", "content_location", TO_CLIENT },
	{ "content-md5", "content-md5", "content_md5", TO_CLIENT },
	{ "content-range", "content-range", "content_range", TO_CLIENT },
	{ "date", "date", "date", TO_CLIENT },
	{ "etag", "etags", "etag", TO_CLIENT },
	{ "expires", "expires", "expires", TO_CLIENT },
	{ "last-modified", "last-modified", "last_modified", TO_CLIENT },
	{ "link", "link", "link", TO_CLIENT },
	{ "location", "location", "location", TO_CLIENT },
	{ "proxy-authenticate", "proxy-authenticate", "proxy_authenticate", TO_CLIENT },
	{ "refresh", "refresh", "refresh", TO_CLIENT },
	{ "retry-after", "retry-after", "retry_after", TO_CLIENT },
	{ "server", "server", "server", TO_CLIENT },
	{ "set-cookie", "set-cookie", "set_cookie", TO_CLIENT },
	{ "trailer", "trailer", "trailer", TO_CLIENT },
	{ "transfer-encoding", "transfer-encoding", "transfer_encoding", TO_CLIENT },
	{ "upgrade", "upgrade", "upgrade", TO_CLIENT },
	{ "vary", "vary", "vary", TO_CLIENT },
	{ "warning", "warning", "warning", TO_CLIENT },
	{ "www-authenticate", "www-authenticate", "www_authenticate", TO_CLIENT },
	{ "x-vcache", "x-vcache", "x_vcache", TO_CLIENT },
};

/* '_' and '-' are the same in the configuration. */
static bool same_option(const char *left, const char *right)
{
	for (; *left != '\0' && *right != '\0'; left++, right++)
		if (http_lower((uint8_t)*left) != (uint8_t)*right && !(*left == '_' && *right == '-'))
			return false;
	return *left == *right;
}

static void log_custom(struct http_tx *tx, struct jsonw *json)
{
	for (unsigned int i = 0; i < tx->record->custom_count; i++)
		for (size_t k = 0; k < sizeof(customs) / sizeof(customs[0]); k++)
			if (same_option(tx->record->custom[i], customs[k].option))
				log_header(tx, customs[k].dir, customs[k].header, customs[k].key, json);
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
	log_custom(tx, json);
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

void http_log_headers(struct http_tx *tx, enum sensor_dir dir, struct jsonw *json)
{
	const struct http_headers *headers = &tx->headers[dir];

	jsonw_kv_array_begin(json, dir == TO_SERVER ? "request_headers" : "response_headers");
	for (uint32_t i = 0; i < headers->count; i++) {
		jsonw_object_begin(json);
		if (headers->list[i].flags & HTTP_HEADER_SIZE_UPDATE) {
			jsonw_kv_u64(json, "table_size_update", headers->list[i].size_update);
		} else {
			jsonw_kv_string_bytes(json, "name", headers->list[i].name);
			jsonw_kv_string_bytes(json, "value", headers->list[i].value);
		}
		jsonw_object_end(json);
	}
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
