// SPDX-License-Identifier: Apache-2.0
/* What the compiler of libhs is quick with was measured on the Core Rule Set:
 *
 * - Strings that share one number are tied together, and the time for that grows with the square of their count: they get another number
 *   after NUMBER_SHARES_MAX of them.
 * - For short buffers it tries to make one more automaton of all rows, and gives up at the first that is too complicated. With the longest
 *   expressions in front that is at once, instead of after hundreds. */
#include "match/automaton.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/siphash.h"

#define NUMBER_SHARES_MAX 64
#define FILE_FORMAT       5
#define FILE_SUM_SIZE     8

static const uint8_t file_magic[8] = { 'L', 'T', 'P', 'A', 'T', 'S', 'E', 'T' };
static const struct siphash_key file_key = { UINT64_C(0x4c54504154534554), UINT64_C(0x7061747465726e73) };

/* ---- draft ---- */

int automaton_draft_add(struct automaton_draft *draft, char *text, unsigned int flags, uint16_t id)
{
	if (draft->count == draft->room) {
		size_t room = draft->room ? 2 * draft->room : 64;
		struct automaton_row *rows = realloc(draft->rows, room * sizeof(*rows));

		if (!rows) {
			free(text);
			return LUYTRE_E_NOMEM;
		}
		draft->rows = rows;
		draft->room = room;
	}
	draft->rows[draft->count++] = (struct automaton_row){ .text = text, .flags = flags, .id = id };
	return 0;
}

void automaton_draft_done(struct automaton_draft *draft)
{
	for (size_t i = 0; i < draft->count; i++)
		free(draft->rows[i].text);
	free(draft->rows);
	*draft = (struct automaton_draft){ 0 };
}

static bool is_string(const struct automaton_row *row)
{
	return (row->flags & HS_FLAG_CASELESS) != 0;
}

/* Expressions, the longest first; then strings by their id, which keeps together what may share a number. */
static int compare_rows(const void *left, const void *right)
{
	const struct automaton_row *a = left, *b = right;
	size_t a_size = strlen(a->text), b_size = strlen(b->text);

	if (is_string(a) != is_string(b))
		return is_string(a) ? 1 : -1;
	if (is_string(a) && a->id != b->id)
		return a->id < b->id ? -1 : 1;
	if (a_size != b_size)
		return a_size > b_size ? -1 : 1;
	return strcmp(a->text, b->text);
}

/* Two hashes over texts, flags and numbers, and the version of libhs. */
static void make_key(struct automaton_draft *draft)
{
	for (uint64_t half = 0; half < 2; half++) {
		const char *version = hs_version();
		uint64_t sum =
			siphash24((struct siphash_key){ file_key.k0 ^ half, file_key.k1 }, version, strlen(version));

		for (size_t i = 0; i < draft->count; i++) {
			const struct automaton_row *row = &draft->rows[i];
			struct siphash_key key = { sum, file_key.k1 + half };
			uint64_t head[3] = { row->flags, row->number, strlen(row->text) };

			key.k0 = siphash24(key, head, sizeof(head));
			sum = siphash24(key, row->text, head[2]);
		}
		draft->key[half] = sum;
	}
}

void automaton_draft_finish(struct automaton_draft *draft)
{
	unsigned int number = 0, shares = 0;

	if (draft->count != 0)
		qsort(draft->rows, draft->count, sizeof(*draft->rows), compare_rows);
	draft->text_size = draft->weight = 0;
	for (size_t i = 0; i < draft->count; i++) {
		struct automaton_row *row = &draft->rows[i];
		bool shared = i != 0 && is_string(row) && is_string(row - 1) && row->id == row[-1].id;

		shares = shared && shares < NUMBER_SHARES_MAX ? shares + 1 : 1;
		number += i != 0 && shares == 1;
		row->number = number;
		draft->text_size += strlen(row->text);
		draft->weight += is_string(row) ? 1 : strlen(row->text) + 1;
	}
	make_key(draft);
}

unsigned int automaton_draft_numbers(const struct automaton_draft *draft)
{
	return draft->count ? draft->rows[draft->count - 1].number + 1 : 0;
}

/* ---- compiling ---- */

static int hs_error_code(int result, const hs_compile_error_t *message)
{
	if (result == HS_NOMEM || (message && message->expression < 0 && strstr(message->message, "allocate")))
		return LUYTRE_E_NOMEM;
	return LUYTRE_E_UNSUPPORTED;
}

/* Rows as hs_compile_multi() wants them. */
struct columns {
	const char **texts;
	unsigned int *flags, *numbers;
	size_t count;
};

static void columns_remove(struct columns *columns, size_t index)
{
	size_t behind = --columns->count - index;

	memmove(columns->texts + index, columns->texts + index + 1, behind * sizeof(*columns->texts));
	memmove(columns->flags + index, columns->flags + index + 1, behind * sizeof(*columns->flags));
	memmove(columns->numbers + index, columns->numbers + index + 1, behind * sizeof(*columns->numbers));
}

static bool taken_alone(const char *text, unsigned int flags)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *message = NULL;
	bool taken = hs_expression_info(text, flags, &info, &message) == HS_SUCCESS;

	hs_free_compile_error(message);
	free(info);
	return taken;
}

static void refuse(struct columns *columns, size_t index, struct automaton *automaton)
{
	automaton->refused[automaton->refused_count++] = columns->numbers[index];
	columns_remove(columns, index);
}

/* libhs names the first row that it does not take: out with it, and with those behind that are refused at a first look; and again. */
static int compile_columns(struct columns *columns, struct automaton *automaton)
{
	while (columns->count != 0) {
		hs_compile_error_t *message = NULL;
		int result = hs_compile_multi(columns->texts, columns->flags, columns->numbers,
			(unsigned int)columns->count, HS_MODE_BLOCK, NULL, &automaton->database, &message);
		size_t bad;
		int error;

		if (result == HS_SUCCESS)
			break;
		error = hs_error_code(result, message);
		bad = message && message->expression >= 0 ? (size_t)message->expression : columns->count;
		hs_free_compile_error(message);
		if (bad >= columns->count)
			return error;
		refuse(columns, bad, automaton);
		while (bad < columns->count) {
			if (taken_alone(columns->texts[bad], columns->flags[bad]))
				bad++;
			else
				refuse(columns, bad, automaton);
		}
	}
	return 0;
}

static struct automaton *automaton_new(const struct automaton_draft *draft)
{
	struct automaton *automaton = calloc(1, sizeof(*automaton));

	if (!automaton)
		return NULL;
	automaton->references = 1;
	memcpy(automaton->key, draft->key, sizeof(draft->key));
	automaton->refused = calloc(draft->count + 1, sizeof(*automaton->refused));
	if (!automaton->refused) {
		free(automaton);
		return NULL;
	}
	return automaton;
}

int automaton_compile(const struct automaton_draft *draft, struct automaton **ret)
{
	struct automaton *automaton = automaton_new(draft);
	struct columns columns = { .texts = calloc(draft->count + 1, sizeof(*columns.texts)),
		.flags = calloc(draft->count + 1, sizeof(*columns.flags)),
		.numbers = calloc(draft->count + 1, sizeof(*columns.numbers)),
		.count = draft->count };
	int error = automaton && columns.texts && columns.flags && columns.numbers ? 0 : LUYTRE_E_NOMEM;

	for (size_t i = 0; i < draft->count && error == 0; i++) {
		columns.texts[i] = draft->rows[i].text;
		columns.flags[i] = draft->rows[i].flags;
		columns.numbers[i] = draft->rows[i].number;
	}
	if (error == 0)
		error = compile_columns(&columns, automaton);
	free(columns.texts);
	free(columns.flags);
	free(columns.numbers);
	if (error < 0) {
		automaton_unref(automaton);
		return error;
	}
	*ret = automaton;
	return 0;
}

struct automaton *automaton_ref(struct automaton *automaton)
{
	automaton->references++;
	return automaton;
}

void automaton_unref(struct automaton *automaton)
{
	if (!automaton || --automaton->references != 0)
		return;
	hs_free_database(automaton->database);
	free(automaton->refused);
	free(automaton);
}

/* ---- saved ---- */

/*	offset	bytes
 *	0	8	"LTPATSET"
 *	8	16	key, two words of this machine's byte order
 *	24	4	format
 *	28	4	number of refused rows
 *	32	8	size of the automaton, 0: none
 *	40		the refused rows' numbers, four bytes each, then the automaton as hs_serialize_database() wrote it
 *	end - 8	8	SipHash of all before
 *
 * The library itself refuses an automaton of another version or processor. */
struct file_header {
	uint8_t magic[8];
	uint64_t key[2];
	uint32_t format, refused_count;
	uint64_t size;
};

_Static_assert(sizeof(struct file_header) == 40, "the file has no padding");

int automaton_save(const struct automaton *automaton, uint8_t **ret, size_t *ret_size)
{
	struct file_header header = { .format = FILE_FORMAT, .refused_count = automaton->refused_count };
	size_t refused_size = automaton->refused_count * sizeof(*automaton->refused), database_size = 0, size;
	char *database = NULL;
	uint8_t *file;
	uint64_t sum;

	memcpy(header.magic, file_magic, sizeof(file_magic));
	memcpy(header.key, automaton->key, sizeof(header.key));
	if (automaton->database && hs_serialize_database(automaton->database, &database, &database_size) != HS_SUCCESS)
		return LUYTRE_E_NOMEM;
	header.size = database_size;
	size = sizeof(header) + refused_size + database_size + FILE_SUM_SIZE;
	file = malloc(size);
	if (!file) {
		free(database);
		return LUYTRE_E_NOMEM;
	}
	memcpy(file, &header, sizeof(header));
	memcpy(file + sizeof(header), automaton->refused, refused_size);
	if (database)
		memcpy(file + sizeof(header) + refused_size, database, database_size);
	free(database);
	sum = siphash24(file_key, file, size - FILE_SUM_SIZE);
	memcpy(file + size - FILE_SUM_SIZE, &sum, sizeof(sum));
	*ret = file;
	*ret_size = size;
	return 0;
}

static int read_database(struct automaton *automaton, struct bytes saved)
{
	hs_error_t result;

	if (saved.size == 0)
		return 0;
	result = hs_deserialize_database((const char *)saved.ptr, saved.size, &automaton->database);
	if (result == HS_NOMEM)
		return LUYTRE_E_NOMEM;
	if (result == HS_DB_VERSION_ERROR || result == HS_DB_PLATFORM_ERROR)
		return LUYTRE_E_VERSION;
	return result == HS_SUCCESS ? 0 : LUYTRE_E_CORRUPT;
}

/* Numbers out of a file are used as they are: all must be the draft's. */
static int read_refused(const struct automaton_draft *draft, struct automaton *automaton, struct bytes saved)
{
	unsigned int numbers = automaton_draft_numbers(draft);

	memcpy(automaton->refused, saved.ptr, saved.size);
	automaton->refused_count = (uint32_t)(saved.size / sizeof(*automaton->refused));
	for (uint32_t i = 0; i < automaton->refused_count; i++) {
		if (automaton->refused[i] >= numbers)
			return LUYTRE_E_CORRUPT;
	}
	return 0;
}

static int check_header(const struct automaton_draft *draft, struct bytes saved, struct file_header *ret)
{
	uint64_t sum;

	if (saved.size < sizeof(*ret) + FILE_SUM_SIZE || memcmp(saved.ptr, file_magic, sizeof(file_magic)) != 0)
		return LUYTRE_E_VERSION;
	memcpy(ret, saved.ptr, sizeof(*ret));
	memcpy(&sum, saved.ptr + saved.size - FILE_SUM_SIZE, sizeof(sum));
	if (ret->format != FILE_FORMAT)
		return LUYTRE_E_VERSION;
	if (sum != siphash24(file_key, saved.ptr, saved.size - FILE_SUM_SIZE))
		return LUYTRE_E_CORRUPT;
	if (ret->key[0] != draft->key[0] || ret->key[1] != draft->key[1])
		return LUYTRE_E_CONFLICT;
	return 0;
}

int automaton_load(const struct automaton_draft *draft, struct bytes saved, struct automaton **ret)
{
	struct file_header header;
	struct automaton *automaton;
	struct bytes rest;
	size_t refused_size;
	int error = check_header(draft, saved, &header);

	if (error < 0)
		return error;
	rest = bytes_skip(bytes_first(saved, saved.size - FILE_SUM_SIZE), sizeof(header));
	refused_size = header.refused_count * sizeof(uint32_t);
	if (header.refused_count > draft->count || refused_size > rest.size ||
		rest.size - refused_size != header.size || (header.size == 0) != (header.refused_count == draft->count))
		return LUYTRE_E_CORRUPT;
	automaton = automaton_new(draft);
	if (!automaton)
		return LUYTRE_E_NOMEM;
	error = read_refused(draft, automaton, bytes_first(rest, refused_size));
	if (error == 0)
		error = read_database(automaton, bytes_skip(rest, refused_size));
	if (error < 0) {
		automaton_unref(automaton);
		return error;
	}
	*ret = automaton;
	return 0;
}
