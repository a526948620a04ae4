// SPDX-License-Identifier: Apache-2.0
/* What web servers say of holds, and what edges are told of them: JSON in, JSON out. */
#include <string.h>

#include "base/holdfile.h"
#include "hub/core/holds.h"

static bool read_number(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	const json_t *value = json_object_get(object, key);

	*ret = json_integer_value(value);
	return json_is_integer(value) && *ret >= min && *ret <= max;
}

static bool is_word(const json_t *object, const char *key, const char *word)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && strcmp(text, word) == 0;
}

/* The worse of the two samples; what is not said is not proved. */
static enum hold_verdict verdict_of(const json_t *item)
{
	if (is_word(item, "twin", "stopped"))
		return HOLD_VERDICT_STOPPED;
	if (is_word(item, "attack", "passed"))
		return HOLD_VERDICT_PASSED;
	return is_word(item, "attack", "stopped") && is_word(item, "twin", "passed") ? HOLD_VERDICT_GOOD
										     : HOLD_VERDICT_NO_SAMPLE;
}

static bool read_row(const json_t *item, struct hold_report_row *ret)
{
	const json_t *known = json_object_get(item, "known");
	int64_t hold, rule;

	if (!read_number(item, "hold", 1, INT64_MAX, &hold) || !read_number(item, "rule", 1, INT64_MAX, &rule) ||
		!json_is_boolean(known))
		return false;
	*ret = (struct hold_report_row){ .hold = (uint64_t)hold,
		.rule = (uint64_t)rule,
		.enforce = is_word(item, "mode", holdfile_modes[HOLDFILE_MODE_ENFORCE]),
		.known = json_is_true(known),
		.verdict = (uint8_t)verdict_of(item) };
	return ret->enforce || is_word(item, "mode", holdfile_modes[HOLDFILE_MODE_SHADOW]);
}

/* Letters, digits, hyphens: the name of a web server is a hash. */
static bool read_gate(const json_t *line, char ret[HOLD_GATE_SIZE])
{
	const char *text = json_string_value(json_object_get(line, "gate"));
	size_t size = text ? strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") : 0;

	if (!size || text[size] || size >= HOLD_GATE_SIZE)
		return false;
	memcpy(ret, text, size + 1);
	return true;
}

static bool read_report(const json_t *line, struct hold_report *report)
{
	const json_t *rows = json_object_get(line, "holds");
	int64_t worker, workers, part = 1, parts = 1;

	if (!read_gate(line, report->gate) || !read_number(line, "stamp", 0, INT64_MAX, &report->stamp) ||
		!read_number(line, "workers", 1, HOLD_WORKERS_MAX, &workers) ||
		!read_number(line, "worker", 0, workers - 1, &worker))
		return false;
	if (json_object_get(line, "parts") &&
		(!read_number(line, "parts", 1, HOLD_PARTS_MAX, &parts) || !read_number(line, "part", 1, parts, &part)))
		return false;
	if (!json_is_array(rows) || json_array_size(rows) > HOLD_REPORT_ROWS_MAX)
		return false;
	report->worker = (uint32_t)worker;
	report->workers = (uint32_t)workers;
	report->part = (uint32_t)part;
	report->parts = (uint32_t)parts;
	report->row_count = (uint32_t)json_array_size(rows);
	for (uint32_t i = 0; i < report->row_count; i++)
		if (!read_row(json_array_get(rows, i), &report->rows[i]))
			return false;
	return true;
}

bool holds_read(const json_t *line, struct hold_report *report, bool *ret_valid)
{
	if (!is_word(line, "event_type", "holds"))
		return false;
	*ret_valid = read_report(line, report);
	return true;
}
