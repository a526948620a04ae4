// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/http1/body.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "sensor/app/decompress.h"
#include "sensor/app/http1/multipart.h"
#include "sensor/app/http1/range.h"
#include "sensor/app/http1/swf.h"
#include "sensor/app/http1/text.h"
#include "sensor/files/file.h"

enum { FILE_NAME_SIZE_MAX = 32767 };

struct http_body_reader {
	struct app_conn *conn;
	struct http_tx *tx;
	enum sensor_dir dir;
	bool wants_file, file_tried, swf_done;
	bool gap; /* decoding makes no sense any more */
	uint32_t trouble;
	struct decompress_chain *chain; /* null: as it is */
	struct multipart *form; /* null: no form */
	struct multipart_sink form_sink;
	struct file *form_file;
	struct http_range_piece *piece; /* of a larger file; null: none */
};

/* ---- Files ---- */

static struct bytes limited_name(struct http_body_reader *reader, struct bytes name)
{
	if (name.size <= FILE_NAME_SIZE_MAX)
		return name;
	reader->trouble |= HTTP_BODY_NAME_TOO_LONG;
	return bytes_first(name, FILE_NAME_SIZE_MAX);
}

static struct bytes file_name(const struct http_body_reader *reader)
{
	struct bytes name, value = http_header_value(&reader->tx->headers[reader->dir], "content-disposition");

	if (reader->dir == TO_CLIENT && value.size != 0 && http_parameter(value, "filename", &name) && name.size != 0)
		return name;
	return reader->tx->uri_path;
}

/* The pieces of one file have the same host and URI. */
static void piece_begin(struct http_body_reader *reader, const struct http_range *range)
{
	struct http_tx *tx = reader->tx;
	size_t size = tx->host.size + 1 + tx->uri_raw.size;
	uint8_t *key = app_tx_alloc(&tx->tx, size);

	if (!key)
		return;
	if (tx->host.size != 0)
		memcpy(key, tx->host.ptr, tx->host.size);
	key[tx->host.size] = ' ';
	if (tx->uri_raw.size != 0)
		memcpy(key + tx->host.size + 1, tx->uri_raw.ptr, tx->uri_raw.size);
	reader->piece = http_range_open(bytes_of(key, size), range, tx->tx.time_ns);
}

static void piece_end(struct http_body_reader *reader)
{
	if (reader->gap)
		http_range_drop(reader->piece);
	else
		http_range_close(reader->piece, reader->conn, &reader->tx->tx, limited_name(reader, file_name(reader)));
	reader->piece = NULL;
}

static void file_begin(struct http_body_reader *reader)
{
	struct http_range range;
	struct bytes value = http_header_value(&reader->tx->headers[reader->dir], "content-range");
	struct file *file;

	reader->file_tried = true;
	file = file_open(reader->conn, &reader->tx->tx, reader->dir, limited_name(reader, file_name(reader)));
	reader->tx->body[reader->dir].file = file;
	if (!file || value.size == 0 || reader->dir != TO_CLIENT)
		return;
	if (!http_parse_range(value, &range) || range.start < 0 || range.start > range.end ||
		(range.total >= 0 && range.end >= range.total)) {
		if (http_parse_range(value, &range) && range.start < 0)
			return; /* bytes asterisk/size: no range was sent */
		reader->trouble |= HTTP_BODY_RANGE_INVALID;
		return;
	}
	if (range.total <= 0)
		return;
	file_set_range(file, (uint64_t)range.start, (uint64_t)range.end, (uint64_t)range.total);
	piece_begin(reader, &range);
}

static void file_bytes(struct http_body_reader *reader, struct bytes data, bool limit_reached)
{
	struct http_body *body = &reader->tx->body[reader->dir];

	if (!reader->file_tried && data.size != 0)
		file_begin(reader);
	if (!body->file)
		return;
	if (data.size != 0)
		file_append(reader->conn, body->file, data);
	if (data.size != 0 && reader->piece)
		http_range_append(reader->piece, data);
	if (!limit_reached)
		return;
	file_close(reader->conn, body->file, (struct bytes){ 0 }, FILE_TRUNCATED);
	body->file = NULL;
}

static void form_open(void *context, struct bytes name)
{
	struct http_body_reader *reader = context;

	reader->form_file = file_open(reader->conn, &reader->tx->tx, reader->dir, limited_name(reader, name));
}

static void form_data(void *context, struct bytes data)
{
	struct http_body_reader *reader = context;

	if (reader->form_file)
		file_append(reader->conn, reader->form_file, data);
}

static void form_close(void *context, bool complete)
{
	struct http_body_reader *reader = context;

	if (reader->form_file)
		file_close(
			reader->conn, reader->form_file, (struct bytes){ 0 }, complete ? FILE_CLOSED : FILE_TRUNCATED);
	reader->form_file = NULL;
}

/* ---- Decoded bytes ---- */

static void decoded(void *context, struct bytes out)
{
	struct http_body_reader *reader = context;
	size_t kept = http_body_append(reader->conn, reader->tx, reader->dir, out);
	struct bytes counted = bytes_first(out, kept);

	app_tx_touch(reader->conn, &reader->tx->tx, reader->dir);
	if (reader->form) {
		if (kept != 0)
			multipart_feed(reader->form, counted);
		reader->trouble |= (uint32_t)reader->form->trouble << HTTP_BODY_MULTIPART_SHIFT;
	} else if (reader->wants_file) {
		file_bytes(reader, counted, kept < out.size);
	}
}

/* ---- Content-Encoding ---- */

struct encoding {
	const char *name;
	uint8_t kind;
};

static const struct encoding encodings[] = {
	{ "gzip", DECOMPRESS_GZIP },
	{ "deflate", DECOMPRESS_DEFLATE },
	{ "lzma", DECOMPRESS_LZMA },
	{ "zstd", DECOMPRESS_ZSTD },
};

static bool exact_encoding(struct bytes token, const char *name)
{
	if (token.size > 2 && ascii_starts_nocase_str(token, "x-"))
		token = bytes_skip(token, 2);
	return ascii_equal_nocase_str(token, name);
}

static const struct encoding *find_encoding(struct http_body_reader *reader, struct bytes token)
{
	static const struct encoding brotli = { "br", DECOMPRESS_BROTLI };

	if (ascii_equal_nocase_str(token, "br"))
		return &brotli;
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		if (!http_contains_nocase_nul(token, encodings[i].name))
			continue;
		if (!exact_encoding(token, encodings[i].name))
			reader->trouble |= HTTP_BODY_ABNORMAL_ENCODING;
		return &encodings[i];
	}
	if (!ascii_equal_nocase_str(token, "identity") && !ascii_equal_nocase_str(token, "inflate") &&
		!ascii_equal_nocase_str(token, "none"))
		reader->trouble |= HTTP_BODY_ABNORMAL_ENCODING;
	return NULL;
}

/* The first encoding was applied first, so that the last must be taken off first. */
static void add_layers(struct http_body_reader *reader, const struct encoding *const *layers, unsigned int count)
{
	const struct http_settings *settings = reader->tx->settings;

	if (count == 0)
		return;
	reader->chain = decompress_chain_new(&settings->decompress, decoded, reader);
	while (reader->chain && count-- != 0)
		if (decompress_chain_add(reader->chain, layers[count]->kind) != 0)
			return;
}

static void read_encodings(struct http_body_reader *reader)
{
	const struct http_settings *settings = reader->tx->settings;
	struct bytes value = http_header_value(&reader->tx->headers[reader->dir], "content-encoding");
	const struct encoding *layers[DECOMPRESS_LAYERS_MAX];
	unsigned int count = 0, tokens = 0;
	unsigned int max = settings->layers_max == 0 ? DECOMPRESS_LAYERS_MAX : settings->layers_max;
	bool lzma_seen = false;

	while (value.size != 0) {
		size_t comma = bytes_index(value, ',');
		struct bytes token = http_trim(bytes_first(value, comma));
		const struct encoding *encoding;

		value = bytes_skip(value, comma + 1);
		if (token.size == 0)
			continue;
		if (++tokens > max) {
			reader->trouble |= HTTP_BODY_TOO_MANY_LAYERS;
			break;
		}
		encoding = find_encoding(reader, token);
		if (!encoding)
			continue;
		if (encoding->kind == DECOMPRESS_LZMA && (!settings->lzma_enabled || lzma_seen)) {
			if (lzma_seen)
				reader->trouble |= DECOMPRESS_BOMB;
			continue;
		}
		lzma_seen |= encoding->kind == DECOMPRESS_LZMA;
		layers[count++] = encoding;
	}
	add_layers(reader, layers, count);
}

/* ---- Life ---- */

static void read_form(struct http_body_reader *reader)
{
	struct bytes type = http_header_value(&reader->tx->headers[TO_SERVER], "content-type");

	reader->wants_file = bytes_equal_str(reader->tx->method, "POST") ||
			     bytes_equal_str(reader->tx->method, "PUT") || reader->tx->is_http2;
	if (!bytes_equal_str(reader->tx->method, "POST") || !ascii_starts_nocase_str(type, "multipart/form-data"))
		return;
	reader->form = malloc(sizeof(*reader->form));
	if (!reader->form)
		return;
	reader->form_sink =
		(struct multipart_sink){ .context = reader, .open = form_open, .data = form_data, .close = form_close };
	if (multipart_init(reader->form, type, &reader->form_sink))
		return;
	free(reader->form);
	reader->form = NULL;
}

struct http_body_reader *http_body_reader_new(
	struct app_conn *conn, struct http_tx *tx, enum sensor_dir dir, unsigned int flags)
{
	struct http_body_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->conn = conn;
	reader->tx = tx;
	reader->dir = dir;
	if (!(flags & HTTP_BODY_NO_FILE)) {
		if (dir == TO_SERVER)
			read_form(reader);
		else
			reader->wants_file = true;
	}
	if (!(flags & HTTP_BODY_NO_DECODING))
		read_encodings(reader);
	return reader;
}

void http_body_reader_free(struct http_body_reader *reader)
{
	if (!reader)
		return;
	http_range_drop(reader->piece);
	decompress_chain_free(reader->chain);
	free(reader->form);
	free(reader);
}

void http_body_reader_data(struct http_body_reader *reader, struct bytes data)
{
	if (data.size == 0)
		return;
	if (!reader->chain) {
		decoded(reader, data);
		return;
	}
	if (!reader->gap)
		decompress_chain_feed(reader->chain, data);
	reader->trouble |= decompress_chain_trouble(reader->chain);
}

void http_body_reader_gap(struct http_body_reader *reader, uint64_t size)
{
	struct http_body *body = &reader->tx->body[reader->dir];

	reader->gap = true;
	if (reader->wants_file && !reader->form && !reader->file_tried)
		file_begin(reader);
	if (body->file)
		file_gap(reader->conn, body->file, size);
}

static void unpack_swf(struct http_body_reader *reader)
{
	struct http_body *body = &reader->tx->body[reader->dir];

	if (reader->dir != TO_CLIENT || !reader->tx->settings->swf_enabled || reader->swf_done || body->offset != 0)
		return;
	reader->swf_done = true;
	if (http_swf_unpack(reader->conn, reader->tx, body) != 0)
		reader->trouble |= HTTP_BODY_SWF_FAILED;
}

void http_body_reader_finish(struct http_body_reader *reader, bool complete)
{
	struct http_body *body = &reader->tx->body[reader->dir];

	if (reader->chain && !reader->gap)
		decompress_chain_finish(reader->chain);
	if (reader->chain)
		reader->trouble |= decompress_chain_trouble(reader->chain);
	if (reader->form) {
		multipart_finish(reader->form);
		reader->trouble |= (uint32_t)reader->form->trouble << HTTP_BODY_MULTIPART_SHIFT;
	}
	unpack_swf(reader);
	if (body->file)
		file_close(reader->conn, body->file, (struct bytes){ 0 },
			complete && !reader->gap ? FILE_CLOSED : FILE_TRUNCATED);
	body->file = NULL;
	piece_end(reader);
	body->over = true;
}

uint32_t http_body_reader_trouble(struct http_body_reader *reader)
{
	uint32_t trouble = reader->trouble;

	reader->trouble = 0;
	return trouble;
}
