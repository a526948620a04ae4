// SPDX-License-Identifier: Apache-2.0
/* The builder keeps what was added as one run of bytes: it is the content that literal_set_builder_key() names, and the
 * strings of the set are a sorted view of it. */
#include <stdlib.h>

#include "base/error.h"
#include "base/siphash.h"
#include "match/internal.h"
#include "match/literals-internal.h"

#define ALL_FLAGS ((uint32_t)(LITERAL_NOCASE | LITERAL_ONCE | LITERAL_AT_END))

/* How one literal begins in builder.content; its bytes follow. Without padding, so that equal contents are equal bytes. */
struct record_header {
	uint32_t size, flags, min_end, max_end, id;
};

struct literal_set_builder {
	uint8_t *content; /* owned */
	size_t content_size, content_room;
	size_t text_size; /* of all literals together */
	size_t count;
};

/* A literal as it is sorted. */
struct record {
	struct bytes bytes; /* in literal_set.text */
	struct record_header header; /* without LITERAL_NOCASE in its flags */
	bool nocase;
};

struct literal_set_builder *literal_set_builder_new(void)
{
	return calloc(1, sizeof(struct literal_set_builder));
}

void literal_set_builder_free(struct literal_set_builder *builder)
{
	if (!builder)
		return;
	free(builder->content);
	free(builder);
}

size_t literal_set_builder_count(const struct literal_set_builder *builder)
{
	return builder->count;
}

static bool is_letter(uint8_t byte)
{
	return match_lower(byte) != match_upper(byte);
}

static bool has_letter(struct bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		if (is_letter(bytes.ptr[i]))
			return true;
	}
	return false;
}

static int reserve(struct literal_set_builder *builder, size_t more)
{
	size_t room = builder->content_room ? builder->content_room : 4096;
	uint8_t *content;

	if (more <= builder->content_room - builder->content_size)
		return 0;
	while (room - builder->content_size < more)
		room *= 2;
	content = realloc(builder->content, room);
	if (!content)
		return LUYTRE_E_NOMEM;
	builder->content = content;
	builder->content_room = room;
	return 0;
}

int literal_set_builder_add(struct literal_set_builder *builder, const struct literal *literal)
{
	struct record_header header = {
		.size = (uint32_t)literal->bytes.size,
		.flags = literal->flags,
		.min_end = literal->min_end,
		.max_end = literal->max_end ? literal->max_end : UINT32_MAX,
		.id = literal->id,
	};

	if (literal->bytes.size == 0 || literal->bytes.size > LITERAL_SIZE_MAX || literal->flags & ~ALL_FLAGS)
		return LUYTRE_E_INVALID;
	if (header.max_end < header.min_end || header.max_end < header.size)
		return LUYTRE_E_INVALID;
	if (builder->count >= LITERAL_COUNT_MAX)
		return LUYTRE_E_FULL;
	if (reserve(builder, sizeof(header) + header.size) < 0)
		return LUYTRE_E_NOMEM;
	memcpy(builder->content + builder->content_size, &header, sizeof(header));
	memcpy(builder->content + builder->content_size + sizeof(header), literal->bytes.ptr, header.size);
	builder->content_size += sizeof(header) + header.size;
	builder->text_size += header.size;
	builder->count++;
	return 0;
}

struct literal_set_key literal_set_builder_key(const struct literal_set_builder *builder)
{
	/* Fixed for ever: they name files. */
	static const struct siphash_key keys[2] = {
		{ UINT64_C(0x6c69746572616c73), UINT64_C(0x6f66206c75792074) },
		{ UINT64_C(0x7265206b65792031), UINT64_C(0x7365636f6e642068) },
	};

	return (struct literal_set_key){ {
		siphash24(keys[0], builder->content, builder->content_size),
		siphash24(keys[1], builder->content, builder->content_size),
	} };
}

static int compare_strings(const struct record *left, const struct record *right)
{
	if (left->nocase != right->nocase)
		return left->nocase ? 1 : -1;
	return bytes_compare(left->bytes, right->bytes);
}

static int compare_numbers(uint32_t left, uint32_t right)
{
	return (left > right) - (left < right);
}

/* Same string and, with that, same entry: all but the id. */
static int compare_entries(const struct record *left, const struct record *right)
{
	int order = compare_strings(left, right);

	if (order == 0)
		order = compare_numbers(left->header.flags, right->header.flags);
	if (order == 0)
		order = compare_numbers(left->header.min_end, right->header.min_end);
	if (order == 0)
		order = compare_numbers(left->header.max_end, right->header.max_end);
	return order;
}

static int compare_records(const void *left, const void *right)
{
	const struct record *a = left, *b = right;
	int order = compare_entries(a, b);

	return order != 0 ? order : compare_numbers(a->header.id, b->header.id);
}

/* Lays the literals of the builder out in 'records', their bytes in set->text. */
static void read_records(const struct literal_set_builder *builder, struct literal_set *set, struct record *records)
{
	const uint8_t *at = builder->content;
	uint8_t *text = set->text;

	for (size_t i = 0; i < builder->count; i++) {
		struct record *record = &records[i];

		memcpy(&record->header, at, sizeof(record->header));
		at += sizeof(record->header);
		record->bytes = bytes_of(text, record->header.size);
		/* Without letters the case rule changes nothing: one string instead of two. */
		record->nocase = record->header.flags & LITERAL_NOCASE && has_letter(bytes_of(at, record->header.size));
		record->header.flags &= ~(uint32_t)LITERAL_NOCASE;
		for (uint32_t j = 0; j < record->header.size; j++)
			*text++ = record->nocase ? match_lower(at[j]) : at[j];
		at += record->header.size;
	}
}

/* One string, entry and id for each distinct one of the sorted records. */
static void fill_tables(struct literal_set *set, const struct record *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct record *record = &records[i];
		bool same_string = i > 0 && compare_strings(record, record - 1) == 0;
		bool same_entry = i > 0 && compare_entries(record, record - 1) == 0;

		if (record->bytes.size > set->longest_size)
			set->longest_size = record->bytes.size;
		if (!same_string)
			set->strings[set->string_count++] = (struct literal_string){
				.bytes = record->bytes,
				.entry = (uint32_t)set->entry_count,
				.nocase = record->nocase,
			};
		if (!same_entry)
			set->entries[set->entry_count++] = (struct literal_entry){
				.min_end = record->header.min_end,
				.max_end = record->header.max_end,
				.flags = record->header.flags,
				.id = (uint32_t)set->id_count,
			};
		if (!same_entry || record->header.id != record[-1].header.id)
			set->ids[set->id_count++] = record->header.id;
	}
	set->strings[set->string_count].entry = (uint32_t)set->entry_count;
	set->entries[set->entry_count].id = (uint32_t)set->id_count;
}

int literal_set_sort(const struct literal_set_builder *builder, struct literal_set **ret)
{
	struct record *records = calloc(builder->count + 1, sizeof(*records));
	struct literal_set *set = calloc(1, sizeof(*set));
	int error = LUYTRE_E_NOMEM;

	if (!records || !set)
		goto done;
	set->text_size = builder->text_size;
	set->text = malloc(builder->text_size + 1);
	set->strings = calloc(builder->count + 1, sizeof(*set->strings));
	set->entries = calloc(builder->count + 1, sizeof(*set->entries));
	set->ids = calloc(builder->count + 1, sizeof(*set->ids));
	if (!set->text || !set->strings || !set->entries || !set->ids)
		goto done;
	read_records(builder, set, records);
	qsort(records, builder->count, sizeof(*records), compare_records);
	fill_tables(set, records, builder->count);
	set->key = literal_set_builder_key(builder);
	*ret = set;
	set = NULL;
	error = 0;
done:
	literal_set_free(set);
	free(records);
	return error;
}
