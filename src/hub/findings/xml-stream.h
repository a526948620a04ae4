// SPDX-License-Identifier: Apache-2.0
/* Reads an XML text as it comes, over libxml2's push parser: begins of elements with their attributes, ends with
 * their text.
 *
 * Nothing is opened and nothing is expanded: no network, no external document type, and a document type with
 * declarations of its own (entities, default attributes) ends the reading. The name of a document type alone is
 * taken, as nmap writes one.
 *
 * Names are without their namespace's prefix. Text of an element is its own, without that of its children, cut at
 * XML_TEXT_MAX; entities of XML itself and numbered characters are in it as characters. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "hub/findings/importer.h"

enum {
	XML_TEXT_MAX = 32 << 10,
	XML_PATH_SIZE = 2048,
	XML_ATTRIBUTES_MAX = 32, /* of one element; further ones are not seen */
};

struct xml_attribute {
	const char *name;
	struct bytes value;
};

struct xml_element {
	const char *name;
	const char *path; /* "nmaprun/host/ports/port": names from the root, this one included */
	size_t depth; /* 1 at the root */
	uint64_t position;
	const struct xml_attribute *attributes; /* when it begins only */
	size_t attribute_count;
	struct bytes text; /* when it ends only */
};

struct xml_calls {
	/* What they are given is borrowed until they return. Not 0 ends the reading with it. */
	int (*begin)(void *context, const struct xml_element *element);
	int (*end)(void *context, const struct xml_element *element);
};

struct xml_stream;

struct xml_stream *xml_stream_new(struct import *import, const struct xml_calls *calls, void *context);
void xml_stream_free(struct xml_stream *stream); /* may be null */
MUST_CHECK int xml_stream_feed(struct xml_stream *stream, struct bytes piece);
MUST_CHECK int xml_stream_end(struct xml_stream *stream);

/* The attribute's value; empty without. */
struct bytes xml_attribute_of(const struct xml_element *element, const char *name);
/* Whether the element's path ends with these names: "results/result" of "report/report/results/result". */
bool xml_path_ends(const struct xml_element *element, const char *names);
/* Whether the root element, behind the XML declaration, comments and a document type, has this name. For sniffing. */
bool xml_root_is(struct bytes beginning, const char *name);
