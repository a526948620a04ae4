// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/http1/tx.h"

#include "base/ascii.h"
#include "sensor/app/http1/text.h"
#include "sensor/files/file.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

enum {
	REPEATS_MAX = 64, /* further repetitions of a name are dropped */
	WINDOW_MAX = 16 << 20, /* of a body without limit in the configuration */
	UNREAD_MAX = 256 << 10, /* rules look after every packet: so much unread means that none wants it */
};

void http_tx_init(struct app_conn *conn, struct http_tx *tx, const struct http_settings *settings,
	const struct http_record_options *record)
{
	tx->settings = settings;
	tx->record = record;
	tx->port = -1;
	tx->inline_bodies = settings->body_inline == HTTP_INLINE_YES ||
			    (settings->body_inline == HTTP_INLINE_AUTO && conn->worker->settings->ips);
}

void http_tx_done(struct app_conn *conn, struct http_tx *tx)
{
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		struct http_body *body = &tx->body[dir];

		app_free(conn, body->window, body->capacity);
		*body = (struct http_body){ .over = true };
	}
}

/* ---- Headers ---- */

static struct http_header *find(const struct http_headers *headers, struct bytes name, uint32_t hash)
{
	for (uint32_t i = 0; i < headers->count; i++) {
		struct http_header *header = &headers->list[i];

		if (header->hash != hash || header->name.size != name.size)
			continue;
		for (size_t k = 0; ascii_lower(header->name.ptr[k]) == ascii_lower(name.ptr[k]);)
			if (++k == name.size)
				return header;
	}
	return NULL;
}

const struct http_header *http_header_find(const struct http_headers *headers, const char *name)
{
	uint32_t hash = http_hash_nocase(bytes_from_str(name));

	for (uint32_t i = 0; i < headers->count; i++)
		if (headers->list[i].hash == hash && http_equal_nocase_nul(headers->list[i].name, name))
			return &headers->list[i];
	return NULL;
}

struct bytes http_header_value(const struct http_headers *headers, const char *name)
{
	const struct http_header *header = http_header_find(headers, name);

	return header ? header->value : (struct bytes){ 0 };
}

struct http_header *http_header_append(
	struct http_tx *tx, enum sensor_dir dir, struct bytes name, struct bytes value, uint32_t max)
{
	struct http_headers *headers = &tx->headers[dir];

	if (headers->count >= max)
		return NULL;
	if (headers->count == headers->capacity) {
		uint32_t capacity = headers->capacity == 0 ? 16 : headers->capacity * 2;
		struct http_header *list = app_tx_alloc(&tx->tx, capacity * sizeof(*list));

		if (!list)
			return NULL;
		if (headers->count != 0)
			memcpy(list, headers->list, headers->count * sizeof(*list));
		headers->list = list;
		headers->capacity = capacity;
	}
	headers->list[headers->count] =
		(struct http_header){ .name = name, .value = value, .hash = http_hash_nocase(name) };
	return &headers->list[headers->count++];
}

static struct bytes join(struct http_tx *tx, struct bytes first, struct bytes second)
{
	uint8_t *text = app_tx_alloc(&tx->tx, first.size + 2 + second.size);

	if (!text)
		return first;
	if (first.size != 0)
		memcpy(text, first.ptr, first.size);
	memcpy(text + first.size, ", ", 2);
	if (second.size != 0)
		memcpy(text + first.size + 2, second.ptr, second.size);
	return bytes_of(text, first.size + 2 + second.size);
}

enum http_header_added http_header_add(
	struct http_tx *tx, enum sensor_dir dir, struct bytes name, struct bytes value, uint32_t max)
{
	struct http_header *old = name.size == 0 ? NULL : find(&tx->headers[dir], name, http_hash_nocase(name));
	int64_t old_length, new_length;
	bool junk;

	if (!old)
		return http_header_append(tx, dir, name, value, max) ? HTTP_HEADER_NEW : HTTP_HEADER_REFUSED;
	old->flags |= HTTP_HEADER_REPEATED;
	if (ascii_equal_nocase_str(name, "content-length")) {
		old_length = http_parse_length(old->value, &junk);
		new_length = http_parse_length(value, &junk);
		return old_length < 0 || old_length != new_length ? HTTP_HEADER_LENGTHS_DIFFER : HTTP_HEADER_AGAIN;
	}
	if (old->repeat_count++ < REPEATS_MAX)
		old->value = join(tx, old->value, value);
	return HTTP_HEADER_AGAIN;
}

/* ---- Host and URI ---- */

void http_tx_set_host(struct http_tx *tx, struct bytes host, bool from_uri, int32_t port)
{
	uint8_t *lower;

	if (tx->has_host && !from_uri)
		return; /* that of the URI holds */
	lower = app_tx_alloc(&tx->tx, host.size);
	if (!lower)
		return;
	for (size_t i = 0; i < host.size; i++)
		lower[i] = ascii_lower(host.ptr[i]);
	tx->host = bytes_of(lower, host.size);
	tx->has_host = true;
	tx->port = port > 0 ? port : -1;
}

bool http_tx_set_uri(struct http_tx *tx, struct bytes raw)
{
	struct uri uri;
	size_t path_size, size;
	bool twice = false;
	uint8_t *out = app_tx_alloc(&tx->tx, raw.size + 1);

	tx->uri_raw = raw;
	if (!out)
		return false;
	uri_split(raw, &uri);
	size = uri_normalise(&uri, &tx->settings->uri, out, &path_size, &twice);
	tx->uri = bytes_of(out, size);
	tx->uri_path = bytes_first(tx->uri, path_size);
	return twice;
}

/* ---- Bodies ---- */

/* Drops what rules have seen, except the window before new bytes. */
static void body_trim(const struct http_tx *tx, enum sensor_dir dir, struct http_body *body)
{
	uint64_t keep = tx->settings->inspect_window_size[dir], from;
	size_t drop;

	if (body->offset + body->size > body->inspected + UNREAD_MAX + tx->settings->inspect_min_size[dir])
		body->inspected = body->offset + body->size;
	from = body->inspected > keep ? body->inspected - keep : 0;
	if (tx->record->body || tx->record->body_printable || body->inspected <= tx->settings->inspect_min_size[dir] ||
		from <= body->offset)
		return;
	drop = from - body->offset > body->size ? body->size : (size_t)(from - body->offset);
	memmove(body->window, body->window + drop, body->size - drop);
	body->size -= drop;
	body->offset += drop;
}

static bool body_grow(struct app_conn *conn, struct http_body *body, size_t size)
{
	size_t capacity = body->capacity == 0 ? 1024 : body->capacity;
	uint8_t *window;

	if (size <= body->capacity)
		return true;
	while (capacity < size)
		capacity *= 2;
	if (capacity > WINDOW_MAX)
		return false;
	window = app_realloc(conn, body->window, body->capacity, capacity);
	if (!window)
		return false;
	body->window = window;
	body->capacity = capacity;
	return true;
}

/* A file that is stored goes by the depth of stored files. */
static uint64_t body_limit(const struct app_conn *conn, const struct http_tx *tx, enum sensor_dir dir)
{
	uint64_t limit = tx->settings->body_limit_size[dir];
	uint32_t depth;

	return limit != 0 && file_list_stores(tx->tx.files[dir]) && files_depth(conn, &depth) ? depth : limit;
}

size_t http_body_append(struct app_conn *conn, struct http_tx *tx, enum sensor_dir dir, struct bytes data)
{
	struct http_body *body = &tx->body[dir];
	uint64_t limit = body_limit(conn, tx, dir);
	uint64_t before = tx->body_size[dir];

	tx->body_size[dir] += data.size;
	if (tx->is_http2) /* rules look at its files */
		return data.size;
	if (limit != 0 && before >= limit)
		return 0;
	if (limit != 0 && data.size > limit - before)
		data.size = (size_t)(limit - before);
	body_trim(tx, dir, body);
	if (!body_grow(conn, body, body->size + data.size)) {
		body->over = true;
		return data.size;
	}
	memcpy(body->window + body->size, data.ptr, data.size);
	body->size += data.size;
	if (limit != 0 && before + data.size >= limit)
		body->over = true;
	return data.size;
}
