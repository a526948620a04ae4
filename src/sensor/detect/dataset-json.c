// SPDX-License-Identifier: Apache-2.0
/* Data sets from JSON: an array of objects, somewhere in a document ("json"), or an object a line ("ndjson"). Each object
 * that has the value key becomes a value, with its own text for alerts. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonr.h"
#include "sensor/detect/dataset.h"
#include "sensor/detect/detect.h"

enum { PATH_MAX_SIZE = 256, DEPTH_MAX = 16 };

#define LOAD_FLAGS JSON_ALLOW_NUL

/* The value at a dotted path; '*ret_parent' (may be null) is the object that has it, '*ret_last' its name there. */
static json_t *at_path(json_t *json, const char *path, json_t **ret_parent, char ret_last[PATH_MAX_SIZE])
{
	while (json && *path) {
		size_t size = strcspn(path, ".");

		if (size >= PATH_MAX_SIZE || !json_is_object(json))
			return NULL;
		memcpy(ret_last, path, size);
		ret_last[size] = '\0';
		if (ret_parent)
			*ret_parent = json;
		json = json_object_get(json, ret_last);
		path += size + (path[size] == '.');
	}
	return json;
}

/* 0 with '*ret_count' one higher, or left where the object has no value. */
static int put_object(struct dataset *set, json_t *object, const struct dataset_options *options,
	unsigned int *ret_count, const char **ret_problem)
{
	char last[PATH_MAX_SIZE] = "", *text;
	json_t *parent = object, *value = at_path(object, options->value_key, &parent, last);
	struct bytes key;
	int error;

	if (!value)
		return 0;
	*ret_problem = "the value is not a string";
	if (!json_is_string(value))
		return LUYTRE_E_SYNTAX;
	value = json_incref(value);
	if (options->remove_key)
		json_object_del(parent, last);
	text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
	key = bytes_of(json_string_value(value), json_string_length(value));
	error = text ? dataset_put(set, key, true, 0, bytes_from_str(text)) : LUYTRE_E_NOMEM;
	*ret_problem =
		error == LUYTRE_E_SYNTAX ? "the value is not of the set's type" : error_text(error, LUYTRE_LANG_EN);
	*ret_count += error == 0;
	free(text);
	json_decref(value);
	return error;
}

static int read_array(struct dataset *set, json_t *root, const struct dataset_options *options, unsigned int *ret_count,
	const char **ret_problem)
{
	char last[PATH_MAX_SIZE];
	json_t *array = options->array_key ? at_path(root, options->array_key, NULL, last) : root;

	*ret_problem = "there is no array of objects where one is expected";
	if (!json_is_array(array))
		return LUYTRE_E_SYNTAX;
	for (size_t i = 0; i < json_array_size(array); i++) {
		int error = put_object(set, json_array_get(array, i), options, ret_count, ret_problem);

		if (error < 0)
			return error;
	}
	return 0;
}

static int read_lines(struct dataset *set, struct bytes text, const struct dataset_options *options,
	unsigned int *ret_count, unsigned int *ret_line, const char **ret_problem)
{
	for (*ret_line = 1; text.size > 0; ++*ret_line) {
		size_t end = bytes_index(text, '\n');
		struct bytes line = bytes_first(text, end);
		json_t *object;
		int error;

		text = bytes_skip(text, end + 1);
		if (line.size == 0 || (line.size == 1 && line.ptr[0] == '\r'))
			continue;
		*ret_problem = "not a JSON object";
		object = json_loadb((const char *)line.ptr, line.size, LOAD_FLAGS, NULL);
		error = json_is_object(object) ? put_object(set, object, options, ret_count, ret_problem)
					       : LUYTRE_E_SYNTAX;
		json_decref(object);
		if (error < 0)
			return error;
	}
	return 0;
}

int dataset_read_json(struct dataset *set, struct bytes text, const struct dataset_options *options,
	char message[DATASET_MESSAGE_SIZE])
{
	const char *problem = "it has no value";
	unsigned int count = 0, line = 0;
	json_error_t place = { .line = 1 };
	json_t *root;
	int error;

	if (!options->value_key) {
		snprintf(message, DATASET_MESSAGE_SIZE, "value_key is missing");
		return LUYTRE_E_SYNTAX;
	}
	if (options->format == DATASET_JSON_LINES) {
		error = read_lines(set, text, options, &count, &line, &problem);
	} else {
		root = json_loadb((const char *)text.ptr, text.size, LOAD_FLAGS, &place);
		problem = "not a JSON document";
		line = (unsigned int)place.line;
		error = root ? read_array(set, root, options, &count, &problem) : LUYTRE_E_SYNTAX;
		json_decref(root);
	}
	if (error == 0 && count == 0) {
		error = LUYTRE_E_SYNTAX;
		problem = "no object has the value";
	}
	if (error < 0)
		snprintf(message, DATASET_MESSAGE_SIZE, "JSON of a data set, line %u: %s", line, problem);
	return error;
}

/* ---- Alerts ---- */

struct dataset_note {
	struct dataset_note *next; /* of the packet, the newest first */
	struct dataset_note *next_taken; /* of the alert, in order */
	const struct rule *rule;
	const char *key;
	struct bytes json;
};

void detect_context_note(struct detect_context *context, const struct rule *rule, const char *key, struct bytes json)
{
	struct dataset_note *note = context->dataset_notes;

	while (note && (note->rule != rule || strcmp(note->key, key) != 0))
		note = note->next;
	if (!note) {
		note = arena_alloc(&context->memory, sizeof(*note));
		if (!note)
			return;
		note->next = context->dataset_notes;
		context->dataset_notes = note;
	}
	note->rule = rule;
	note->key = key;
	note->json = json;
}

void *detect_context_take(struct detect_context *context, const struct rule *rule)
{
	struct dataset_note *taken = NULL;

	for (struct dataset_note *note = context->dataset_notes; note; note = note->next) {
		if (note->rule != rule)
			continue;
		note->next_taken = taken;
		taken = note;
	}
	return taken;
}

void detect_context_write(const void *context, struct jsonw *json)
{
	jsonw_kv_object_begin(json, "context");
	for (const struct dataset_note *note = context; note; note = note->next_taken) {
		json_t *value = json_loadb(
			(const char *)note->json.ptr, note->json.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

		if (!value)
			continue;
		jsonw_key(json, note->key);
		jsonr_write(value, DEPTH_MAX, json);
		json_decref(value);
	}
	jsonw_object_end(json);
}
