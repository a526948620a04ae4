// SPDX-License-Identifier: Apache-2.0
/* @pm, @pmFromFile: does any of many phrases stand in the value, without regard to case? The one that ends first is reported, the
 * longest of those that end there.
 *
 * A few phrases are looked for one after the other; more are one set of literals. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "gate/operator/operator-internal.h"
#include "match/finder.h"
#include "match/literals.h"

/* Up to so many finders are quicker than a set. */
#define FINDERS_MAX 3

struct phrases {
	struct arena texts;
	struct bytes *list; /* owned; the texts lie in the arena */
	size_t count, capacity;
	struct finder finders[FINDERS_MAX]; /* for small lists */
	struct literal_set *set; /* owned; for the others */
};

#define TEXTS_SIZE_MAX (2 * OPERATOR_FILE_SIZE_MAX)

void operator_phrases_free(void *compiled)
{
	struct phrases *phrases = compiled;

	if (!phrases)
		return;
	literal_set_free(phrases->set);
	arena_done(&phrases->texts);
	free(phrases->list);
	free(phrases);
}

static struct phrases *phrases_new(void)
{
	struct phrases *phrases = calloc(1, sizeof(*phrases));

	if (phrases)
		arena_init(&phrases->texts, TEXTS_SIZE_MAX);
	return phrases;
}

static int add(struct phrases *phrases, struct bytes text)
{
	const uint8_t *copy;

	if (text.size > LITERAL_SIZE_MAX)
		return LUYTRE_E_RANGE;
	if (phrases->count == phrases->capacity) {
		size_t capacity = phrases->capacity ? 2 * phrases->capacity : 16;
		struct bytes *grown = reallocarray(phrases->list, capacity, sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		phrases->list = grown;
		phrases->capacity = capacity;
	}
	copy = arena_dup(&phrases->texts, text);
	if (!copy)
		return LUYTRE_E_NOMEM;
	phrases->list[phrases->count++] = bytes_of(copy, text.size);
	return 0;
}

static int compile_set(struct phrases *phrases)
{
	struct literal_set_builder *builder = literal_set_builder_new();
	int error = builder ? 0 : LUYTRE_E_NOMEM;

	for (size_t i = 0; error == 0 && i < phrases->count; i++) {
		struct literal literal = { .bytes = phrases->list[i], .flags = LITERAL_NOCASE, .id = (uint32_t)i };

		error = literal_set_builder_add(builder, &literal);
	}
	if (error == 0)
		error = literal_set_compile(builder, &phrases->set);
	literal_set_builder_free(builder);
	return error;
}

/* Takes 'phrases' over in any case. A list without phrases matches nothing. */
static int finish(struct phrases *phrases, int error, char message[OPERATOR_MESSAGE_SIZE], void **ret)
{
	for (size_t i = 0; error == 0 && phrases->count <= FINDERS_MAX && i < phrases->count; i++)
		finder_init(&phrases->finders[i], phrases->list[i], true);
	if (error == 0 && phrases->count > FINDERS_MAX)
		error = compile_set(phrases);
	if (error < 0) {
		if (error == LUYTRE_E_RANGE)
			snprintf(message, OPERATOR_MESSAGE_SIZE, "a phrase is longer than %d bytes", LITERAL_SIZE_MAX);
		else
			snprintf(message, OPERATOR_MESSAGE_SIZE, "%s", error_text(error, LUYTRE_LANG_EN));
		operator_phrases_free(phrases);
		return error;
	}
	*ret = phrases;
	return 0;
}

/* The value of a hex digit, or -1. */
static int hex_digit(uint8_t byte)
{
	uint8_t lower = byte | 0x20;

	if (byte >= '0' && byte <= '9')
		return byte - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decodes the hex bytes between two bars, "|41 42|"; 'in' begins with a bar. Returns how many bytes of input it took, 0 when that
 * is not what stands here. Writes less than it takes. */
static size_t decode_bars(struct bytes in, uint8_t *out, size_t *ret_used)
{
	size_t used = 0, i = 1;

	while (i < in.size && in.ptr[i] != '|') {
		if (in.ptr[i] == ' ') {
			i++;
			continue;
		}
		if (i + 1 >= in.size || hex_digit(in.ptr[i]) < 0 || hex_digit(in.ptr[i + 1]) < 0)
			return 0;
		out[used++] = (uint8_t)(hex_digit(in.ptr[i]) << 4 | hex_digit(in.ptr[i + 1]));
		i += 2;
	}
	*ret_used = used;
	return i < in.size && used != 0 ? i + 1 : 0;
}

/* Takes the next phrase from '*rest' to 'out', which has room for all of it. Returns its size; 0 at the end. */
static size_t next_phrase(struct bytes *rest, uint8_t *out)
{
	size_t used = 0, size, decoded;

	while (rest->size != 0 && rest->ptr[0] == ' ')
		*rest = bytes_skip(*rest, 1);
	while (rest->size != 0 && rest->ptr[0] != ' ') {
		size = rest->ptr[0] == '|' ? decode_bars(*rest, out + used, &decoded) : 0;
		if (size != 0) {
			used += decoded;
		} else {
			out[used++] = rest->ptr[0];
			size = 1;
		}
		*rest = bytes_skip(*rest, size);
	}
	return used;
}

OPERATOR_COMPILE(operator_phrases_compile)
{
	struct phrases *phrases = phrases_new();
	uint8_t *phrase = malloc(parameter.size + 1);
	struct bytes rest = parameter;
	int error = phrases && phrase ? 0 : LUYTRE_E_NOMEM;

	while (error == 0) {
		size_t size = next_phrase(&rest, phrase);

		if (size == 0)
			break;
		error = add(phrases, bytes_of(phrase, size));
	}
	free(phrase);
	return phrases ? finish(phrases, error, message, ret) : LUYTRE_E_NOMEM;
}

static int add_file(const struct operator_setup *setup, struct phrases *phrases, struct bytes name,
	char message[OPERATOR_MESSAGE_SIZE])
{
	struct bytes rest, line;
	uint8_t *data;
	size_t size;
	int error = operator_file_read(setup, name, message, &data, &size);

	if (error < 0)
		return error;
	rest = bytes_of(data, size);
	while (error == 0 && operator_next_line(&rest, &line))
		error = add(phrases, line);
	free(data);
	return error;
}

/* One file or several, with blanks between their names. */
OPERATOR_COMPILE(operator_phrases_file_compile)
{
	struct phrases *phrases = phrases_new();
	struct bytes rest = parameter, name;
	int error;

	if (!phrases)
		return LUYTRE_E_NOMEM;
	while (operator_next(&rest, " ", &name)) {
		if (name.size == 0)
			continue;
		message[0] = 0;
		error = add_file(setup, phrases, name, message);
		if (error < 0 && message[0] != 0) {
			operator_phrases_free(phrases);
			return error;
		}
		if (error < 0)
			return finish(phrases, error, message, ret);
	}
	return finish(phrases, 0, message, ret);
}

int operator_phrases_prepare(const void *compiled, struct match_scratch *scratch)
{
	const struct phrases *phrases = compiled;

	return phrases->set ? literal_set_prepare(phrases->set, scratch) : 0;
}

void operator_phrases_each(const void *compiled, void (*each)(void *context, struct bytes literal), void *context)
{
	const struct phrases *phrases = compiled;

	for (size_t i = 0; i < phrases->count; i++)
		each(context, phrases->list[i]);
}

struct best {
	const struct phrases *phrases;
	bool any; /* the first one found will do */
	bool found;
	size_t end, size;
};

static void consider(struct best *best, size_t end, size_t size)
{
	if (best->found && (end > best->end || (end == best->end && size <= best->size)))
		return;
	best->found = true;
	best->end = end;
	best->size = size;
}

static bool on_hit(void *context, const uint32_t *ids, size_t id_count, size_t end)
{
	struct best *best = context;

	for (size_t i = 0; i < id_count; i++)
		consider(best, end, best->phrases->list[ids[i]].size);
	return !best->any;
}

static void find_few(const struct phrases *phrases, struct bytes value, struct best *best)
{
	for (size_t i = 0; i < phrases->count; i++) {
		size_t size = phrases->list[i].size;
		size_t place = finder_find(&phrases->finders[i], value);

		if (place != FINDER_NONE)
			consider(best, place + size, size);
		if (best->found && best->any)
			return;
	}
}

OPERATOR_MATCH(operator_phrases_match)
{
	const struct phrases *phrases = compiled;
	struct best best = { .phrases = phrases, .any = !call->capture };

	if (!phrases->set)
		find_few(phrases, value, &best);
	else if (literal_set_scan(phrases->set, call->scratch, value, on_hit, &best) < 0)
		call->limit = true;
	return best.found && operator_found(call, bytes_of(value.ptr + (best.end - best.size), best.size));
}
