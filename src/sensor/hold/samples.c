// SPDX-License-Identifier: Apache-2.0
/* Reading the conversations: lines first, then those of a rule are put side by side. */
#include "sensor/hold/samples.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/ascii.h"
#include "base/error.h"
#include "base/jsonr.h"
#include "base/log.h"

#define LINE_SIZE_MAX  ((size_t)1 << 20)
#define ARENA_SIZE_MAX (HOLD_TALKS_DATA_MAX + ((size_t)32 << 20))

enum { TURN_VALUES = 4, VALUES_MAX = (TURN_VALUES + 1) * HOLD_TALK_TURNS_MAX + 256, NAME_MAX_SIZE = 64, DEPTH_MAX = 8 };

struct hold_talks {
	struct arena arena;
	struct hold_talk *items;
	size_t count, room;
	size_t data_size;
};

void hold_talks_free(struct hold_talks *talks)
{
	if (!talks)
		return;
	free(talks->items);
	arena_done(&talks->arena);
	free(talks);
}

/* ---- one line ---- */

struct reader {
	struct hold_talks *talks;
	size_t data_size; /* of this conversation */
	int error; /* apart from what is wrong with the text */
};

static void *take(struct reader *reader, size_t size)
{
	void *memory = arena_alloc(&reader->talks->arena, size);

	if (!memory)
		reader->error = LUYTRE_E_NOMEM;
	return memory;
}

/* One character for each byte. False: there is one beyond U+00FF. */
static bool put_text(struct bytes text, uint8_t *to, size_t *ret_size)
{
	size_t size = 0;

	for (size_t i = 0; i < text.size; i++) {
		if (text.ptr[i] < 0x80) {
			to[size++] = text.ptr[i];
		} else if ((text.ptr[i] & 0xfe) == 0xc2 && i + 1 < text.size) {
			to[size++] = (uint8_t)((text.ptr[i] & 3) << 6 | (text.ptr[i + 1] & 0x3f));
			i++;
		} else {
			return false;
		}
	}
	*ret_size = size;
	return true;
}

static bool put_hex(struct bytes text, uint8_t *to, size_t *ret_size)
{
	size_t digits = 0;

	for (size_t i = 0; i < text.size; i++) {
		int digit = ascii_hex_value(text.ptr[i]);

		if (text.ptr[i] == ' ')
			continue;
		if (digit < 0)
			return false;
		if (digits % 2 == 0)
			to[digits / 2] = (uint8_t)(digit << 4);
		else
			to[digits / 2] |= (uint8_t)digit;
		digits++;
	}
	*ret_size = digits / 2;
	return digits % 2 == 0;
}

static struct bytes text_of(const json_t *value)
{
	return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value))
				     : (struct bytes){ 0 };
}

/* The bytes of a turn, 'times' over. */
static bool read_bytes(struct reader *reader, const struct jsonr *at, bool is_hex, size_t times, struct hold_turn *turn)
{
	struct bytes text = text_of(json_array_get(at->value, 2));
	uint8_t *once = take(reader, text.size + 1), *all;
	size_t size = 0;

	if (!once)
		return false;
	if (!(is_hex ? put_hex(text, once, &size) : put_text(text, once, &size)) || !size) {
		jsonr_fail(at, JSONR_FORM, 0, 0);
		return false;
	}
	if (size > (HOLD_TALK_DATA_MAX - reader->data_size) / times) {
		jsonr_fail(at, JSONR_SIZE, HOLD_TALK_DATA_MAX, 0);
		return false;
	}
	all = times == 1 ? once : take(reader, size * times);
	for (size_t i = 0; all && all != once && i < times; i++)
		memcpy(all + i * size, once, size);
	reader->data_size += size * times;
	turn->data = bytes_of(all, size * times);
	return all != NULL;
}

/* ["c","hex","00ff",3] */
static bool read_turn(struct reader *reader, const struct jsonr *at, struct hold_turn *turn)
{
	struct bytes who = text_of(json_array_get(at->value, 0)), form = text_of(json_array_get(at->value, 1));
	const json_t *count = json_array_get(at->value, 3);
	bool is_hex = bytes_equal_str(form, "hex");
	json_int_t times = 1;

	if (json_is_integer(count))
		times = json_integer_value(count);
	if ((!bytes_equal_str(who, "c") && !bytes_equal_str(who, "s")) || (!is_hex && !bytes_equal_str(form, "text")) ||
		(count && !json_is_integer(count)) || json_array_size(at->value) > TURN_VALUES || times < 1 ||
		times > HOLD_TALK_DATA_MAX) {
		jsonr_fail(at, JSONR_FORM, 0, 0);
		return false;
	}
	turn->from_server = bytes_equal_str(who, "s");
	return read_bytes(reader, at, is_hex, (size_t)times, turn);
}

static void read_turns(struct reader *reader, const struct jsonr *root, struct hold_talk *talk)
{
	struct hold_turn *turns;
	struct jsonr list;
	size_t count;

	if (!jsonr_array(root, "data", JSONR_NEEDED, HOLD_TALK_TURNS_MAX, &list))
		return;
	count = json_array_size(list.value);
	turns = take(reader, (count + 1) * sizeof(*turns));
	for (size_t i = 0; turns && i < count; i++) {
		struct jsonr item = jsonr_item(&list, i);

		if (!read_turn(reader, &item, &turns[i]))
			return;
		if (talk->is_udp && turns[i].data.size > HOLD_TALK_DATAGRAM_MAX)
			jsonr_fail(&item, JSONR_SIZE, HOLD_TALK_DATAGRAM_MAX, 0);
	}
	if (!count)
		jsonr_fail(&list, JSONR_ITEMS, 1, HOLD_TALK_TURNS_MAX);
	talk->turns = turns;
	talk->turn_count = count;
}

/* "8200010-attack", "8200010-twin-read" */
static void read_name(struct reader *reader, const struct jsonr *root, struct hold_talk *talk)
{
	struct jsonr at = jsonr_member(root, "name");
	struct bytes text, rest;
	uint64_t sid = 0;
	size_t digits = 0;

	if (!jsonr_string(root, "name", JSONR_NEEDED, 1, NAME_MAX_SIZE, &text))
		return;
	while (digits < text.size && digits < 10 && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		sid = 10 * sid + (uint64_t)(text.ptr[digits++] - '0');
	rest = bytes_skip(text, digits);
	talk->is_twin = bytes_starts_with(rest, bytes_from_str("-twin"));
	if (!talk->is_twin && !bytes_starts_with(rest, bytes_from_str("-attack")))
		sid = 0;
	rest = bytes_skip(rest, talk->is_twin ? strlen("-twin") : strlen("-attack"));
	if (!sid || sid > UINT32_MAX || (rest.size && rest.ptr[0] != '-'))
		jsonr_fail(&at, JSONR_FORM, 0, 0);
	talk->sid = (uint32_t)sid;
	talk->name = arena_dup_str(&reader->talks->arena, text);
	if (!talk->name)
		reader->error = LUYTRE_E_NOMEM;
}

static void read_object(struct reader *reader, const struct jsonr *root, struct hold_talk *talk)
{
	static const char *const protocols[] = { "tcp", "udp" };
	size_t protocol = 0;
	int64_t port = 0;

	read_name(reader, root, talk);
	jsonr_word(root, "proto", JSONR_NEEDED, protocols, 2, &protocol);
	jsonr_i64(root, "port", JSONR_NEEDED, 1, UINT16_MAX, &port);
	talk->is_udp = protocol == 1;
	talk->port = (uint16_t)port;
	read_turns(reader, root, talk);
}

static int read_line(struct hold_talks *talks, struct bytes line, struct hold_talk *talk)
{
	static const struct jsonr_limits limits = { LINE_SIZE_MAX, DEPTH_MAX, VALUES_MAX };
	struct reader reader = { .talks = talks };
	struct jsonr_errors errors = { 0 };
	struct jsonr root;
	json_t *document;
	int error = jsonr_parse(line, &limits, &errors, &document);

	if (error)
		return error == LUYTRE_E_NOMEM ? error : LUYTRE_E_SYNTAX;
	jsonr_root(&root, document, &errors);
	if (json_is_object(document))
		read_object(&reader, &root, talk);
	else
		jsonr_fail(&root, JSONR_TYPE, 0, 0);
	json_decref(document);
	if (errors.count)
		return LUYTRE_E_SYNTAX;
	talks->data_size += reader.data_size;
	if (!reader.error && talks->data_size > HOLD_TALKS_DATA_MAX)
		reader.error = LUYTRE_E_FULL;
	return reader.error;
}

/* ---- all lines ---- */

static int compare_talks(const void *left, const void *right)
{
	const struct hold_talk *a = left, *b = right;

	if (a->sid != b->sid)
		return a->sid < b->sid ? -1 : 1;
	if (a->is_twin != b->is_twin)
		return a->is_twin ? 1 : -1;
	return strcmp(a->name, b->name);
}

static int add_line(struct hold_talks *talks, struct bytes line)
{
	struct hold_talk talk = { 0 };
	int error;

	if (talks->count == HOLD_TALKS_MAX)
		return LUYTRE_E_FULL;
	error = read_line(talks, line, &talk);
	if (error)
		return error;
	if (talks->count == talks->room) {
		size_t room = talks->room ? 2 * talks->room : 64;
		struct hold_talk *grown = reallocarray(talks->items, room, sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		talks->items = grown;
		talks->room = room;
	}
	talks->items[talks->count++] = talk;
	return 0;
}

int hold_talks_read(struct bytes text, struct hold_talks **ret, size_t *ret_line)
{
	struct hold_talks *talks;
	size_t number = 0;
	int error = 0;

	*ret_line = 0;
	if (text.size > HOLD_TALKS_SIZE_MAX)
		return LUYTRE_E_FULL;
	talks = calloc(1, sizeof(*talks));
	if (!talks)
		return LUYTRE_E_NOMEM;
	arena_init(&talks->arena, ARENA_SIZE_MAX);
	while (text.size && !error) {
		size_t size = bytes_index(text, '\n');
		struct bytes line = bytes_first(text, size);

		number++;
		text = bytes_skip(text, size < text.size ? size + 1 : size);
		while (line.size && (line.ptr[line.size - 1] == '\r' || line.ptr[line.size - 1] == ' '))
			line.size--;
		if (line.size)
			error = add_line(talks, line);
	}
	if (error) {
		*ret_line = number;
		hold_talks_free(talks);
		return error;
	}
	if (talks->count)
		qsort(talks->items, talks->count, sizeof(*talks->items), compare_talks);
	*ret = talks;
	return 0;
}

/* One byte more than may be is asked for, to see that there is more. */
static int read_file(const char *path, uint8_t *room, size_t *ret_size)
{
	FILE *in = fopen(path, "rbe");
	int error = 0;

	*ret_size = 0;
	if (!in)
		return errno == ENOENT ? 0 : error_from_errno(errno);
	*ret_size = fread(room, 1, HOLD_TALKS_SIZE_MAX + 1, in);
	if (ferror(in))
		error = LUYTRE_E_IO;
	fclose(in);
	return error;
}

int hold_talks_open(const char *path, struct hold_talks **ret)
{
	uint8_t *room = malloc(HOLD_TALKS_SIZE_MAX + 1);
	size_t line = 0, size = 0;
	int error = room ? read_file(path, room, &size) : LUYTRE_E_NOMEM;

	if (!error)
		error = hold_talks_read(bytes_of(room, size), ret, &line);
	if (error)
		log_error("%s:%zu: the samples of holds cannot be read: %s", path, line,
			error_text(error, LUYTRE_LANG_EN));
	free(room);
	return error;
}

size_t hold_talks_count(const struct hold_talks *talks)
{
	return talks ? talks->count : 0;
}

const struct hold_talk *hold_talks_at(const struct hold_talks *talks, size_t index)
{
	return index < hold_talks_count(talks) ? &talks->items[index] : NULL;
}

const struct hold_talk *hold_talks_of(const struct hold_talks *talks, uint32_t sid, bool twins, size_t *ret_count)
{
	const struct hold_talk *first = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < hold_talks_count(talks); i++) {
		const struct hold_talk *talk = &talks->items[i];

		if (talk->sid != sid || talk->is_twin != twins)
			continue;
		if (!first)
			first = talk;
		++*ret_count;
	}
	return first;
}
