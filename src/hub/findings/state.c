// SPDX-License-Identifier: Apache-2.0
/* See state.h. */
#include <stdlib.h>
#include <string.h>

#include "hub/findings/state.h"

/* ---- XML ---- */

static int on_begin(void *context, const struct xml_element *element)
{
	struct xml_state *state = context;

	for (size_t i = 0; i < state->rule_count; i++) {
		if (xml_path_ends(element, state->rules[i].names))
			return state->rules[i].begin ? state->rules[i].begin(state, element) : 0;
	}
	return 0;
}

static int on_end(void *context, const struct xml_element *element)
{
	struct xml_state *state = context;

	for (size_t i = 0; i < state->rule_count; i++) {
		if (xml_path_ends(element, state->rules[i].names))
			return state->rules[i].end ? state->rules[i].end(state, element) : 0;
	}
	return 0;
}

int xml_state_new(struct import *import, size_t size, const struct xml_rule *rules, size_t rule_count, void **ret_state)
{
	static const struct xml_calls calls = { on_begin, on_end };
	struct xml_state *state = calloc(1, size);

	if (!state)
		return LUYTRE_E_NOMEM;
	state->import = import;
	state->rules = rules;
	state->rule_count = rule_count;
	arena_init(&state->arena, STATE_HELD_MAX);
	state->xml = xml_stream_new(import, &calls, state);
	if (!state->xml) {
		xml_state_free(state);
		return LUYTRE_E_NOMEM;
	}
	*ret_state = state;
	return 0;
}

int xml_state_feed(void *state, struct bytes piece)
{
	return xml_stream_feed(((struct xml_state *)state)->xml, piece);
}

int xml_state_end(void *state)
{
	return xml_stream_end(((struct xml_state *)state)->xml);
}

void xml_state_free(void *state)
{
	struct xml_state *xml = state;

	xml_stream_free(xml->xml);
	arena_done(&xml->arena);
	free(xml);
}

struct bytes xml_keep(struct xml_state *state, struct bytes text)
{
	uint8_t *copy;

	if (bytes_empty(text))
		return (struct bytes){ 0 };
	text = bytes_first(text, XML_TEXT_MAX);
	copy = arena_dup(&state->arena, text);
	return copy ? bytes_of(copy, text.size) : (struct bytes){ 0 };
}

struct bytes xml_keep_attribute(struct xml_state *state, const struct xml_element *element, const char *name)
{
	return xml_keep(state, xml_attribute_of(element, name));
}

void xml_forget(struct xml_state *state)
{
	arena_reset(&state->arena);
	state->refused_before = arena_refused(&state->arena);
}

bool xml_overfull(struct xml_state *state, uint64_t position)
{
	if (arena_refused(&state->arena) == state->refused_before)
		return false;
	import_refuse(state->import, position, "size: an element of more than %d bytes", STATE_HELD_MAX);
	return true;
}

/* ---- JSON ---- */

int json_state_new(struct import *import, size_t size, const char *const *paths, json_stream_fn fn, void **ret_state)
{
	struct json_state *state = calloc(1, size);

	if (!state)
		return LUYTRE_E_NOMEM;
	state->import = import;
	state->json = json_stream_new(import, paths, fn, state);
	if (!state->json) {
		json_state_free(state);
		return LUYTRE_E_NOMEM;
	}
	*ret_state = state;
	return 0;
}

int json_state_feed(void *state, struct bytes piece)
{
	return json_stream_feed(((struct json_state *)state)->json, piece);
}

int json_state_end(void *state)
{
	return json_stream_end(((struct json_state *)state)->json);
}

void json_state_free(void *state)
{
	struct json_state *json = state;

	json_stream_free(json->json);
	free(json);
}

char json_opening(struct bytes beginning)
{
	beginning = import_trim(beginning);
	return beginning.size && (beginning.ptr[0] == '{' || beginning.ptr[0] == '[') ? (char)beginning.ptr[0] : '\0';
}

bool json_has_key(struct bytes beginning, const char *key)
{
	size_t size = strlen(key);

	if (!json_opening(beginning))
		return false;
	while (beginning.size >= size + 3) {
		size_t at = bytes_index(beginning, '"');
		struct bytes rest = bytes_skip(beginning, at + 1), behind;

		if (rest.size > size && memcmp(rest.ptr, key, size) == 0 && rest.ptr[size] == '"') {
			behind = import_trim(bytes_skip(rest, size + 1));
			if (behind.size && behind.ptr[0] == ':')
				return true;
		}
		beginning = rest;
	}
	return false;
}
