// SPDX-License-Identifier: Apache-2.0
/* What the states of all importers of a kind have in common: an importer of XML is a table of elements, one of JSON
 * a table of paths, and the rest is here. A state begins with its 'struct xml_state' or 'struct json_state', so the
 * pointers are the same. */
#pragma once

#include "base/arena.h"
#include "hub/findings/json-stream.h"
#include "hub/findings/record.h"
#include "hub/findings/xml-stream.h"

enum { STATE_HELD_MAX = IMPORT_HELD_MAX };

/* Of rules that fit an element the first counts. 'begin' and 'end' may be null. */
struct xml_rule {
	const char *names; /* the end of the element's path */
	int (*begin)(void *state, const struct xml_element *element);
	int (*end)(void *state, const struct xml_element *element);
};

struct xml_state {
	struct import *import;
	struct xml_stream *xml;
	const struct xml_rule *rules;
	size_t rule_count;
	struct arena arena; /* texts of the element that is being gathered; its importer resets it */
	uint64_t refused_before;
};

/* 'size' is that of the whole state, which comes zeroed. 'rules' stay the caller's. */
MUST_CHECK int xml_state_new(
	struct import *import, size_t size, const struct xml_rule *rules, size_t rule_count, void **ret_state);
int xml_state_feed(void *state, struct bytes piece);
int xml_state_end(void *state);
void xml_state_free(void *state);

/* A copy that lives until the arena is reset. */
struct bytes xml_keep(struct xml_state *state, struct bytes text);
struct bytes xml_keep_attribute(struct xml_state *state, const struct xml_element *element, const char *name);
/* A new element is gathered: forgets the texts of the last one. */
void xml_forget(struct xml_state *state);
/* Whether the element was too large for the arena since xml_forget; then it is refused here. */
bool xml_overfull(struct xml_state *state, uint64_t position);

struct json_state {
	struct import *import;
	struct json_stream *json;
};

MUST_CHECK int json_state_new(
	struct import *import, size_t size, const char *const *paths, json_stream_fn fn, void **ret_state);
int json_state_feed(void *state, struct bytes piece);
int json_state_end(void *state);
void json_state_free(void *state);

/* For sniffing: whether the text begins with an object or array that has this key somewhere in its beginning. */
bool json_has_key(struct bytes beginning, const char *key);
/* '{', '[' or 0. */
char json_opening(struct bytes beginning);
