// SPDX-License-Identifier: Apache-2.0
#include "bus/batch.h"

#include <assert.h>
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/error.h"
#include "base/jsonw.h"

static_assert(ZSTD_COMPRESSBOUND(BATCH_WRITE_MAX + 512) <= BATCH_PACKED_MAX, "a full batch may not fit");

enum {
	VERSION = 1,
	HEAD_MAX = 512,
	LEVEL = 3,
};

struct batch_writer {
	ZSTD_CCtx *zstd;
	uint8_t *text; /* room for the header, then the lines */
	size_t size; /* of the lines */
	size_t count;
	uint8_t *packed;
};

int batch_writer_new(struct batch_writer **ret)
{
	struct batch_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return LUYTRE_E_NOMEM;
	writer->zstd = ZSTD_createCCtx();
	writer->text = malloc(HEAD_MAX + BATCH_WRITE_MAX);
	writer->packed = malloc(BATCH_PACKED_MAX);
	if (!writer->zstd || !writer->text || !writer->packed) {
		batch_writer_free(writer);
		return LUYTRE_E_NOMEM;
	}
	*ret = writer;
	return 0;
}

void batch_writer_free(struct batch_writer *writer)
{
	if (!writer)
		return;
	ZSTD_freeCCtx(writer->zstd);
	free(writer->text);
	free(writer->packed);
	free(writer);
}

int batch_add(struct batch_writer *writer, struct bytes line)
{
	if (bytes_empty(line) || bytes_index(line, '\n') != line.size)
		return LUYTRE_E_INVALID;
	if (line.size > BATCH_LINE_MAX || writer->count >= BATCH_LINES_MAX ||
		writer->size + line.size + 1 > BATCH_WRITE_MAX)
		return LUYTRE_E_FULL;
	memcpy(writer->text + HEAD_MAX + writer->size, line.ptr, line.size);
	writer->size += line.size;
	writer->text[HEAD_MAX + writer->size++] = '\n';
	writer->count++;
	return 0;
}

size_t batch_line_count(const struct batch_writer *writer)
{
	return writer->count;
}

size_t batch_text_size(const struct batch_writer *writer)
{
	return writer->size;
}

static int write_head(const struct batch_head *head, struct jsonw *json, struct bytes *ret)
{
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "v", VERSION);
	jsonw_kv_u64(json, "edge", head->edge);
	jsonw_kv_string(json, "boot", head->boot);
	jsonw_kv_u64(json, "seq", head->seq);
	jsonw_kv_i64(json, "made", head->made_us);
	jsonw_kv_u64(json, "lost", head->lost);
	jsonw_kv_u64(json, "policy", head->policy);
	jsonw_kv_u64(json, "epoch", head->epoch);
	jsonw_kv_u64(json, "have", head->have);
	jsonw_object_end(json);
	return jsonw_text(json, ret);
}

int batch_pack(struct batch_writer *writer, const struct batch_head *head, struct bytes *ret)
{
	struct jsonw json;
	struct bytes text = { 0 };
	uint8_t *begin = writer->text + HEAD_MAX;
	size_t size = 0;
	int error;

	jsonw_init(&json, HEAD_MAX - 1);
	error = write_head(head, &json, &text);
	if (!error) {
		begin -= text.size + 1;
		memcpy(begin, text.ptr, text.size);
		begin[text.size] = '\n';
		size = ZSTD_compressCCtx(
			writer->zstd, writer->packed, BATCH_PACKED_MAX, begin, text.size + 1 + writer->size, LEVEL);
	}
	jsonw_done(&json);
	if (error)
		return error;
	if (ZSTD_isError(size))
		return LUYTRE_E_NOMEM;
	*ret = bytes_of(writer->packed, size);
	writer->size = 0;
	writer->count = 0;
	return 0;
}

/* ---- Reading ---- */

static bool is_boot(const char *text)
{
	for (size_t i = 0; i < BATCH_BOOT_SIZE - 1; i++)
		if (!isdigit((unsigned char)text[i]) && !(text[i] >= 'a' && text[i] <= 'f'))
			return false;
	return text[BATCH_BOOT_SIZE - 1] == '\0';
}

static bool read_u64(const json_t *root, const char *key, uint64_t max, uint64_t *ret)
{
	const json_t *value = json_object_get(root, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return false;
	*ret = (uint64_t)json_integer_value(value);
	return true;
}

static int read_head(struct bytes line, struct batch_head *ret)
{
	json_t *root = json_loadb((const char *)line.ptr, line.size, JSON_REJECT_DUPLICATES, NULL);
	const char *boot = json_string_value(json_object_get(root, "boot"));
	uint64_t version = 0, edge = 0, made = 0;
	int error = LUYTRE_E_SYNTAX;

	if (read_u64(root, "v", INT64_MAX, &version) && version != VERSION)
		error = LUYTRE_E_VERSION;
	else if (version && boot && json_string_length(json_object_get(root, "boot")) == BATCH_BOOT_SIZE - 1 &&
		 is_boot(boot) && read_u64(root, "edge", UINT32_MAX, &edge) &&
		 read_u64(root, "seq", INT64_MAX, &ret->seq) && ret->seq && read_u64(root, "made", INT64_MAX, &made) &&
		 read_u64(root, "lost", INT64_MAX, &ret->lost) && read_u64(root, "policy", INT64_MAX, &ret->policy) &&
		 read_u64(root, "epoch", INT64_MAX, &ret->epoch) && read_u64(root, "have", INT64_MAX, &ret->have)) {
		memcpy(ret->boot, boot, BATCH_BOOT_SIZE);
		ret->edge = (uint32_t)edge;
		ret->made_us = (int64_t)made;
		error = 0;
	}
	json_decref(root);
	return error;
}

/* The unpacked text, freed by the caller. The size that the frame claims is checked before memory is taken. */
static int unpack(struct bytes packed, uint8_t **ret, size_t *ret_size)
{
	unsigned long long claimed;
	size_t size;

	if (packed.size > BATCH_PACKED_MAX)
		return LUYTRE_E_FULL;
	claimed = ZSTD_getFrameContentSize(packed.ptr, packed.size);
	if (claimed == ZSTD_CONTENTSIZE_ERROR || claimed == ZSTD_CONTENTSIZE_UNKNOWN || claimed == 0)
		return LUYTRE_E_CORRUPT;
	if (claimed > BATCH_TEXT_MAX)
		return LUYTRE_E_FULL;
	*ret = malloc((size_t)claimed);
	if (!*ret)
		return LUYTRE_E_NOMEM;
	size = ZSTD_decompress(*ret, (size_t)claimed, packed.ptr, packed.size);
	if (!ZSTD_isError(size) && size == claimed) {
		*ret_size = size;
		return 0;
	}
	free(*ret);
	return ZSTD_isError(size) && ZSTD_getErrorCode(size) == ZSTD_error_srcSize_wrong ? LUYTRE_E_TRUNCATED
											 : LUYTRE_E_CORRUPT;
}

static int check_lines(struct bytes lines, uint32_t *ret_count)
{
	*ret_count = 0;
	while (lines.size) {
		size_t size = bytes_index(lines, '\n');

		if (size == lines.size)
			return LUYTRE_E_TRUNCATED;
		if (size == 0 || size > BATCH_LINE_MAX || *ret_count == BATCH_LINES_MAX)
			return LUYTRE_E_CORRUPT;
		++*ret_count;
		lines = bytes_skip(lines, size + 1);
	}
	return 0;
}

int batch_open(struct bytes packed, struct batch *ret)
{
	struct batch batch = { 0 };
	size_t size = 0, head_size;
	int error = unpack(packed, &batch.text, &size);

	if (error)
		return error;
	head_size = bytes_index(bytes_of(batch.text, size), '\n');
	error = head_size == size || head_size > HEAD_MAX ? LUYTRE_E_SYNTAX
							  : read_head(bytes_of(batch.text, head_size), &batch.head);
	if (!error) {
		batch.lines = bytes_of(batch.text + head_size + 1, size - head_size - 1);
		error = check_lines(batch.lines, &batch.line_count);
	}
	if (error) {
		batch_done(&batch);
		return error;
	}
	snprintf(batch.id, sizeof(batch.id), "%u-%.16s-%llu", batch.head.edge, batch.head.boot,
		(unsigned long long)batch.head.seq);
	*ret = batch;
	return 0;
}

void batch_done(struct batch *batch)
{
	free(batch->text);
	batch->text = NULL;
}

bool batch_next(const struct batch *batch, size_t *pos, struct bytes *ret)
{
	struct bytes rest = bytes_skip(batch->lines, *pos);

	if (bytes_empty(rest))
		return false;
	*ret = bytes_first(rest, bytes_index(rest, '\n'));
	*pos += ret->size + 1;
	return true;
}
