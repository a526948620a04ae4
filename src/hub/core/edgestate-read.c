// SPDX-License-Identifier: Apache-2.0
/* Records of edges: the line of a batch becomes a record, or is refused. */
#include <stdlib.h>
#include <string.h>

#include "hub/core/edgestate.h"

/* Of what is shown as it came: more cannot be said to a browser in JSON without loss. */
#define COUNTER_MAX (INT64_C(1) << 53)

static bool read_number(const json_t *value, uint64_t *ret)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || number > COUNTER_MAX)
		return false;
	*ret = (uint64_t)number;
	return true;
}

/* A counter of the shield: bytes of a fast line pass COUNTER_MAX within days, and only what is added is shown. */
static bool read_counter(const json_t *value, uint64_t *ret)
{
	*ret = (uint64_t)json_integer_value(value);
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

/* [a, b] */
static bool read_pair(const json_t *value, uint64_t *ret_first, uint64_t *ret_second)
{
	return json_is_array(value) && json_array_size(value) == 2 &&
	       read_counter(json_array_get(value, 0), ret_first) && read_counter(json_array_get(value, 1), ret_second);
}

/* Small letters, digits and hyphens: it is shown to people. */
static bool read_word(const char *text, char *ret, size_t size)
{
	size_t length = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") : 0;

	if (!length || text[length] || length >= size)
		return false;
	memcpy(ret, text, length + 1);
	return true;
}

static bool read_words(const json_t *object, enum edgestate_kind kind, struct edgestate_record *record)
{
	const char *key;
	json_t *value;

	if (!object)
		return true;
	if (!json_is_object(object))
		return false;
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		struct edgestate_word *word = &record->words[record->word_count];

		if (record->word_count == EDGESTATE_WORDS_MAX || !read_word(key, word->word, sizeof(word->word)) ||
			!read_pair(value, &word->packets, &word->shadow))
			return false;
		word->kind = (uint8_t)kind;
		record->word_count++;
	}
	return true;
}

static bool read_shield(const json_t *shield, struct edgestate_record *record)
{
	if (!shield)
		return true;
	record->has_shield = true;
#define X(field)                                                                                                       \
	if (!read_pair(                                                                                                \
		    json_object_get(shield, #field), &record->counters.field.packets, &record->counters.field.bytes))  \
		return false;
	EDGESTATE_COUNTERS(X)
#undef X
	return read_words(json_object_get(shield, "steps"), EDGESTATE_STEP, record) &&
	       read_words(json_object_get(shield, "reasons"), EDGESTATE_REASON, record);
}

static bool read_drift(const json_t *drift, struct edgestate_record *record)
{
	size_t count = json_array_size(drift);

	if (!json_is_array(drift) || count > EDGESTATE_DRIFT_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!read_word(json_string_value(json_array_get(drift, i)), record->drift[i], EDGESTATE_DRIFT_SIZE))
			return false;
	record->drift_count = count;
	return true;
}

static bool read_version(const json_t *value, struct edgestate_record *record)
{
	const char *text = json_string_value(value);
	size_t size = json_string_length(value);

	if (!text || !size || size > EDGES_VERSION_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	memcpy(record->version, text, size + 1);
	return true;
}

static bool read_record(const json_t *status, struct edgestate_record *record)
{
	const json_t *cpu = json_object_get(status, "cpu"), *open = json_object_get(status, "failing_open");

	record->cpu = json_is_number(cpu) ? json_number_value(cpu) : -1;
	record->failing_open = json_is_true(open);
	return json_is_object(status) && record->cpu <= 1 && (!cpu || record->cpu >= 0) && json_is_boolean(open) &&
	       read_version(json_object_get(status, "version"), record) &&
	       read_number(json_object_get(status, "spool"), &record->spool) &&
	       read_number(json_object_get(status, "spool_bytes"), &record->spool_bytes) &&
	       read_number(json_object_get(status, "lost"), &record->lost) &&
	       read_drift(json_object_get(status, "drift"), record) &&
	       read_shield(json_object_get(status, "shield"), record);
}

bool edgestate_read(const json_t *line, int64_t made_us, struct edgestate_record *ret, bool *ret_valid)
{
	const json_t *status = json_object_get(line, "edge_status");
	const char *type = json_string_value(json_object_get(line, "event_type"));
	struct edgestate_record *record;

	if (!status || !type || strcmp(type, "stats") != 0)
		return false;
	record = calloc(1, sizeof(*record));
	*ret_valid = record && read_record(status, record);
	if (*ret_valid) {
		record->made_us = made_us;
		*ret = *record;
	}
	free(record);
	return true;
}
