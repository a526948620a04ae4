// SPDX-License-Identifier: Apache-2.0
/* Where in the request a value stood, for the trace: an offset into the request as it was sent, with lines that end in one byte.
 *
 * Values that are views into what was sent say it themselves, by their address. Arguments that were decoded have been copied; they are
 * found by counting the arguments before them. What was made of something else (a number, a time) has no place. */
#include <stdio.h>

#include "gate/engine/internal.h"

#define ORIGINS_MAX 1024

/* Text of places while it is written. */
struct places {
	char text[ORIGINS_MAX];
	size_t used;
};

static void add_place(struct places *places, size_t offset, size_t size)
{
	size_t room = sizeof(places->text) - places->used;
	int length = snprintf(places->text + places->used, room, "v%zu,%zu", offset, size);

	if (length > 0 && (size_t)length < room)
		places->used += (size_t)length;
	else
		places->text[places->used] = '\0'; /* no half places */
}

static bool lies_in(struct bytes part, struct bytes whole, size_t *ret_offset)
{
	if (!part.ptr || !whole.ptr || part.ptr < whole.ptr || part.ptr + part.size > whole.ptr + whole.size)
		return false;
	*ret_offset = (size_t)(part.ptr - whole.ptr);
	return true;
}

static size_t line_size(const struct gate_tx *tx)
{
	return tx->method.size + tx->uri_raw.size + tx->protocol.size + 3;
}

/* Of names, of values, or of both; what the headers hold. '*ret_end' is where the body begins. */
static bool find_in_headers(const struct gate_tx *tx, struct bytes part, size_t *ret_offset, size_t *ret_end)
{
	const struct entries *headers = &tx->collections[VARIABLE_REQUEST_HEADERS];
	size_t offset = line_size(tx), inside;
	bool found = false;

	for (uint32_t i = 0; i < headers->count; i++) {
		const struct entry *header = &headers->items[i];

		if (!found && lies_in(part, header->name, &inside)) {
			*ret_offset = offset + inside;
			found = true;
		}
		offset += header->name.size + 2;
		if (!found && lies_in(part, header->value->bytes, &inside)) {
			*ret_offset = offset + inside;
			found = true;
		}
		offset += header->value->bytes.size + 1;
	}
	*ret_end = offset + 1;
	return found;
}

static bool find_part(const struct gate_tx *tx, struct bytes part, size_t *ret)
{
	size_t inside, body;

	if (part.size == 0)
		return false;
	if (lies_in(part, tx->method, &inside)) {
		*ret = inside;
	} else if (lies_in(part, tx->uri_raw, &inside)) {
		*ret = tx->method.size + 1 + inside;
	} else if (lies_in(part, tx->protocol, &inside)) {
		*ret = tx->method.size + 1 + tx->uri_raw.size + 1 + inside;
	} else if (!find_in_headers(tx, part, ret, &body)) {
		if (!lies_in(part, bytes_of(tx->body_bytes, tx->body_size), &inside))
			return false;
		*ret = body + inside;
	}
	return true;
}

/* ---- names in a multipart form ---- */

/* The head of a part quotes them: ` name="..."`, `filename="..."`. Of several the first. */
static bool find_quoted(const struct gate_tx *tx, const char *before, struct bytes name, size_t *ret)
{
	struct bytes body = bytes_of(tx->body_bytes, tx->body_size);
	size_t head = strlen(before);

	if (!body.ptr)
		return false;
	for (size_t i = 0; i + head + name.size < body.size; i++) {
		if (memcmp(body.ptr + i, before, head) == 0 && body.ptr[i + head + name.size] == '"' &&
			bytes_equal(bytes_of(body.ptr + i + head, name.size), name))
			return find_part(tx, bytes_of(body.ptr + i + head, name.size), ret);
	}
	return false;
}

static void add_name(struct gate_tx *tx, struct places *places, const struct item *item, const char *before)
{
	struct bytes name = item->value->bytes;
	size_t offset;

	if (find_quoted(tx, before, name, &offset))
		add_place(places, offset, name.size);
}

/* ---- arguments that were decoded ---- */

/* The argument of this number in a query or form, as it was sent. */
static struct bytes raw_argument(struct bytes form, uint8_t separator, uint32_t number)
{
	while (form.size != 0) {
		struct bytes piece = bytes_first(form, bytes_index(form, separator));

		form = bytes_skip(form, piece.size + 1);
		if (piece.size != 0 && number-- == 0)
			return piece;
	}
	return (struct bytes){ 0 };
}

static void add_argument(
	struct gate_tx *tx, struct places *places, const struct entries *entries, uint32_t number, bool of_name)
{
	const struct entry *entry = &entries->items[number];
	struct bytes part = of_name ? entry->name : entry->value->bytes;
	uint8_t separator = tx->plan->settings->args_separator ? tx->plan->settings->args_separator : '&';
	bool query = entries == &tx->collections[VARIABLE_ARGS_GET];
	struct bytes form = bytes_skip(tx->uri_raw, bytes_index(tx->uri_raw, '?') + 1), raw;
	size_t offset;

	if (find_part(tx, part, &offset)) {
		add_place(places, offset, part.size);
		return;
	}
	if (of_name && find_quoted(tx, " name=\"", part, &offset)) {
		add_place(places, offset, part.size);
		return;
	}
	if (!query && (!tx->body_processor || strcmp(tx->body_processor, "URLENCODED") != 0))
		return;
	raw = raw_argument(query ? form : bytes_of(tx->body_bytes, tx->body_size), separator, number);
	if (!find_part(tx, raw, &offset))
		return;
	add_place(places, of_name ? offset : offset + entry->name.size + 1, part.size);
}

static void add_arguments(struct gate_tx *tx, struct places *places, const struct item *item)
{
	static const enum variable kinds[] = { VARIABLE_ARGS_GET, VARIABLE_ARGS_POST, VARIABLE_ARGS };

	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		const struct entries *entries = &tx->collections[kinds[k]];

		for (uint32_t i = 0; i < entries->count; i++) {
			bool all = item->collection == VARIABLE_ARGS_COMBINED_SIZE;

			if (all || entries->items[i].name_value == item->value)
				add_argument(tx, places, entries, i, true);
			if (all || entries->items[i].value == item->value)
				add_argument(tx, places, entries, i, false);
		}
	}
}

/* ---- files ---- */

static void add_files(struct gate_tx *tx, struct places *places, const struct item *item)
{
	const struct entries *sizes = &tx->collections[VARIABLE_FILES_SIZES];
	const struct entries *contents = &tx->collections[VARIABLE_FILES_TMP_CONTENT];

	for (uint32_t i = 0; i < sizes->count && i < contents->count; i++) {
		struct bytes content = contents->items[i].value->bytes;
		size_t offset;

		if (item->collection == VARIABLE_FILES_SIZES && sizes->items[i].value != item->value)
			continue;
		if (find_part(tx, content, &offset))
			add_place(places, offset, content.size);
	}
}

/* ---- all ---- */

/* Scalars that were decoded or made: the part of the request line, header or body that they stand for. */
static struct bytes source_of(const struct gate_tx *tx, const struct item *item)
{
	size_t slash = tx->path.size;

	switch (item->collection) {
	case VARIABLE_PATH_INFO:
	case VARIABLE_REQUEST_FILENAME:
		return tx->path;
	case VARIABLE_REQUEST_BASENAME:
		while (slash > 0 && tx->path.ptr[slash - 1] != '/' && tx->path.ptr[slash - 1] != '\\')
			slash--;
		return bytes_skip(tx->path, slash);
	case VARIABLE_REMOTE_USER:
		return tx->authorization;
	case VARIABLE_REQUEST_BODY_LENGTH:
		return bytes_of(tx->body_bytes, tx->body_size);
	default:
		return item->value->bytes;
	}
}

struct bytes origin_of(struct gate_tx *tx, const struct item *item)
{
	struct places places = { .used = 0 };
	struct bytes source = source_of(tx, item);
	size_t offset;

	switch (item->collection) {
	case VARIABLE_ARGS:
	case VARIABLE_ARGS_COMBINED_SIZE:
	case VARIABLE_ARGS_GET:
	case VARIABLE_ARGS_GET_NAMES:
	case VARIABLE_ARGS_NAMES:
	case VARIABLE_ARGS_POST:
	case VARIABLE_ARGS_POST_NAMES:
		add_arguments(tx, &places, item);
		break;
	case VARIABLE_FILES_COMBINED_SIZE:
	case VARIABLE_FILES_SIZES:
		add_files(tx, &places, item);
		break;
	case VARIABLE_FILES:
	case VARIABLE_MULTIPART_FILENAME:
		add_name(tx, &places, item, "filename=\"");
		break;
	case VARIABLE_FILES_NAMES:
	case VARIABLE_MULTIPART_NAME:
		add_name(tx, &places, item, " name=\"");
		break;
	case VARIABLE_REQUEST_BODY:
	case VARIABLE_REQUEST_BODY_LENGTH:
		/* The body as a whole is said to begin with the empty line before it. */
		if (find_part(tx, source, &offset))
			add_place(&places, offset - 1, source.size);
		break;
	case VARIABLE_REQUEST_LINE:
		add_place(&places, 0, line_size(tx) - 1);
		break;
	default:
		if (find_part(tx, source, &offset))
			add_place(&places, offset, source.size);
	}
	return tx_copy(tx, bytes_of(places.text, places.used));
}
