// SPDX-License-Identifier: Apache-2.0
#include "edge/link/gates.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonr.h"
#include "bus/batch.h"

enum { HOLDS_MAX = 1024, PARTS_MAX = 65536 };

struct word {
	char gate[GATES_NAME_SIZE];
	int64_t stamp, worker, workers, part, parts;
	uint32_t standing, open;
};

bool gates_is_word(struct bytes line)
{
	static const char type[] = "\"event_type\":\"holds\"";

	return memmem(line.ptr, line.size, type, sizeof(type) - 1) != NULL;
}

static bool is_word(const json_t *hold, const char *key, const char *word)
{
	const char *text = json_string_value(json_object_get(hold, key));

	return text && !strcmp(text, word);
}

static bool stands(const json_t *hold)
{
	return json_is_true(json_object_get(hold, "known")) && !is_word(hold, "attack", "passed") &&
	       !is_word(hold, "twin", "stopped");
}

/* A site that must stay closed, and is not. */
static bool is_open(const json_t *site)
{
	return json_is_true(json_object_get(site, "edge_only")) && !json_is_true(json_object_get(site, "stands"));
}

static int read_word(const json_t *document, struct word *ret)
{
	struct jsonr_errors errors = { 0 };
	struct jsonr root, holds, sites = { 0 };
	struct bytes gate = { 0 };

	jsonr_root(&root, document, &errors);
	jsonr_i64(&root, "stamp", JSONR_NEEDED, 0, INT64_MAX, &ret->stamp);
	jsonr_i64(&root, "worker", JSONR_NEEDED, 0, UINT16_MAX, &ret->worker);
	jsonr_i64(&root, "workers", JSONR_NEEDED, 1, UINT16_MAX, &ret->workers);
	jsonr_i64(&root, "part", JSONR_OPTIONAL, 1, PARTS_MAX, &ret->part);
	jsonr_i64(&root, "parts", JSONR_OPTIONAL, 1, PARTS_MAX, &ret->parts);
	jsonr_string(&root, "gate", JSONR_NEEDED, 1, GATES_NAME_SIZE - 1, &gate);
	(void)jsonr_array(&root, "sites", JSONR_OPTIONAL, HOLDS_MAX, &sites);
	if (!jsonr_array(&root, "holds", JSONR_NEEDED, HOLDS_MAX, &holds) || errors.count)
		return LUYTRE_E_SYNTAX;
	snprintf(ret->gate, sizeof(ret->gate), "%.*s", (int)gate.size, (const char *)gate.ptr);
	for (size_t i = 0; i < json_array_size(holds.value); i++)
		ret->standing += stands(json_array_get(holds.value, i));
	for (size_t i = 0; i < json_array_size(sites.value); i++)
		ret->open += is_open(json_array_get(sites.value, i));
	return 0;
}

/* ---- Rows ---- */

static void forget(struct gates *gates, size_t index)
{
	gates->rows[index] = gates->rows[--gates->count];
}

/* A reload with fewer workers. */
static void forget_others(struct gates *gates, const struct word *word)
{
	for (size_t i = gates->count; i-- > 0;)
		if (gates->rows[i].worker >= word->workers && !strcmp(gates->rows[i].gate, word->gate))
			forget(gates, i);
}

static struct gates_row *row_of(struct gates *gates, const struct word *word)
{
	struct gates_row *oldest = &gates->rows[0], *row;

	for (size_t i = 0; i < gates->count; i++) {
		row = &gates->rows[i];
		if (row->worker == word->worker && !strcmp(row->gate, word->gate))
			return row;
		if (row->heard < oldest->heard)
			oldest = row;
	}
	row = gates->count < GATES_WORKERS_MAX ? &gates->rows[gates->count++] : oldest;
	*row = (struct gates_row){ .worker = (uint32_t)word->worker };
	snprintf(row->gate, sizeof(row->gate), "%s", word->gate);
	return row;
}

static void note(struct gates_row *row, const struct word *word)
{
	if (word->part == 1)
		row->parts = row->coming.standing = row->coming.open = 0;
	else if (word->stamp != row->coming.stamp || word->part != row->parts + 1)
		return; /* one is missing: the list before stays */
	row->coming.stamp = word->stamp;
	row->coming.standing += word->standing;
	row->coming.open += word->open;
	row->parts++;
	if (word->part < word->parts)
		return;
	row->stands = row->coming;
	row->told = true;
}

int gates_take(struct gates *gates, struct bytes line)
{
	const struct jsonr_limits limits = { .size_max = BATCH_LINE_MAX, .depth_max = 6, .value_max = 10 * HOLDS_MAX };
	struct jsonr_errors errors = { 0 };
	struct word word = { .part = 1, .parts = 1 };
	struct gates_row *row;
	json_t *document;
	int error = jsonr_parse(line, &limits, &errors, &document);

	if (error)
		return error;
	error = read_word(document, &word);
	json_decref(document);
	if (error)
		return error;
	forget_others(gates, &word);
	row = row_of(gates, &word);
	row->heard = ++gates->words;
	note(row, &word);
	return 0;
}

static bool is_sensor(const struct gates_row *row)
{
	return !strncmp(row->gate, "sensor", 6) && (row->gate[6] == '-' || !row->gate[6]);
}

void gates_sum_up(const struct gates *gates, struct gates_sum *ret)
{
	uint64_t standing[2] = { 0 }, workers[2] = { 0 }; /* at web servers, at sensors */
	struct gates_sum sum = { 0 };

	for (size_t i = 0; i < gates->count; i++) {
		const struct gates_list *list = &gates->rows[i].stands;
		int part = is_sensor(&gates->rows[i]);

		if (!gates->rows[i].told)
			continue;
		if (!workers[part] || list->standing < standing[part])
			standing[part] = list->standing;
		if ((!workers[0] && !workers[1]) || list->stamp < sum.stamp)
			sum.stamp = list->stamp;
		workers[part]++;
	}
	sum.workers = workers[0];
	sum.standing = standing[0] + standing[1];
	*ret = sum;
}

uint64_t gates_open(const struct gates *gates)
{
	uint64_t open = 0;

	for (size_t i = 0; i < gates->count; i++)
		if (gates->rows[i].told && gates->rows[i].stands.open > open)
			open = gates->rows[i].stands.open;
	return open;
}
