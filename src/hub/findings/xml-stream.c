// SPDX-License-Identifier: Apache-2.0
/* The texts of all open elements lie in one buffer, each behind that of its parent: when a child ends, what is
 * behind is the parent's again. So text around children stays whole, and nothing is copied. */
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "hub/findings/xml-stream.h"

/* The parser sees the report in slices of one size, whatever pieces it came in: so neither what it holds nor where
 * it finds a fault follows the caller's pieces. */
enum { SLICE_SIZE = 16 << 10 };

struct open_element {
	size_t path_size; /* of the parents */
	size_t text_start;
};

struct xml_stream {
	struct import *import;
	struct xml_calls calls;
	void *context;
	xmlParserCtxt *parser;
	int error;
	size_t depth;
	struct open_element open[IMPORT_DEPTH_MAX];
	char path[XML_PATH_SIZE];
	size_t path_size;
	char *text;
	size_t text_size, text_room;
	bool root_ended;
	uint8_t slice[SLICE_SIZE];
	size_t slice_size;
};

static void stop(struct xml_stream *stream, int error)
{
	stream->error = error;
	xmlStopParser(stream->parser);
}

static uint64_t position_of(const struct xml_stream *stream)
{
	const xmlParserInput *input = stream->parser->input;

	return input ? (uint64_t)input->consumed + (uint64_t)(input->cur - input->base) + 1 : 0;
}

/* ---- What the parser calls ---- */

static int enter(struct xml_stream *stream, const char *name)
{
	struct open_element *open = &stream->open[stream->depth];
	size_t size = strlen(name);

	if (stream->depth == IMPORT_DEPTH_MAX || stream->path_size + size + 2 > sizeof(stream->path))
		return import_fail(stream->import, LUYTRE_E_SYNTAX, "byte %llu: nested too deep",
			(unsigned long long)position_of(stream));
	stream->depth++;
	open->path_size = stream->path_size;
	open->text_start = stream->text_size;
	if (stream->path_size)
		stream->path[stream->path_size++] = '/';
	memcpy(stream->path + stream->path_size, name, size + 1);
	stream->path_size += size;
	return 0;
}

static void leave(struct xml_stream *stream)
{
	struct open_element *open = &stream->open[--stream->depth];

	stream->path_size = open->path_size;
	stream->path[stream->path_size] = '\0';
	stream->text_size = open->text_start;
}

/* libxml2's list has five pointers for each attribute: name, prefix, namespace, value and the value's end. */
static size_t read_attributes(const xmlChar **list, int count, struct xml_attribute *ret)
{
	size_t taken = 0;

	for (int i = 0; i < count && taken < XML_ATTRIBUTES_MAX; i++, list += 5)
		ret[taken++] =
			(struct xml_attribute){ (const char *)list[0], bytes_of(list[3], (size_t)(list[4] - list[3])) };
	return taken;
}

static void on_begin(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespace_count,
	const xmlChar **namespaces, int attribute_count, int defaulted_count, const xmlChar **attributes)
{
	struct xml_stream *stream = context;
	struct xml_attribute taken[XML_ATTRIBUTES_MAX];
	struct xml_element element = { .name = (const char *)name, .attributes = taken };
	int error;

	if (stream->error)
		return;
	error = enter(stream, element.name);
	if (error) {
		stop(stream, error);
		return;
	}
	element.path = stream->path;
	element.depth = stream->depth;
	element.position = position_of(stream);
	element.attribute_count = read_attributes(attributes, attribute_count, taken);
	error = stream->calls.begin(stream->context, &element);
	if (error)
		stop(stream, error);
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct xml_stream *stream = context;
	struct xml_element element = { .name = (const char *)name };
	size_t start;
	int error;

	if (stream->error || stream->depth == 0)
		return;
	start = stream->open[stream->depth - 1].text_start;
	element.path = stream->path;
	element.depth = stream->depth;
	element.position = position_of(stream);
	if (stream->text_size > start)
		element.text = bytes_of(stream->text + start, stream->text_size - start);
	error = stream->calls.end(stream->context, &element);
	leave(stream);
	stream->root_ended = stream->depth == 0;
	if (error)
		stop(stream, error);
}

static void on_text(void *context, const xmlChar *text, int text_size)
{
	struct xml_stream *stream = context;
	size_t size = (size_t)text_size, have;

	if (stream->error || stream->depth == 0)
		return;
	have = stream->text_size - stream->open[stream->depth - 1].text_start;
	if (size > XML_TEXT_MAX - have)
		size = XML_TEXT_MAX - have;
	if (stream->text_size + size > stream->text_room) {
		size_t room = (stream->text_size + size) * 2;
		char *grown = realloc(stream->text, room);

		if (!grown) {
			stop(stream, import_fail(stream->import, LUYTRE_E_NOMEM, "no memory for a text"));
			return;
		}
		stream->text = grown;
		stream->text_room = room;
	}
	if (size)
		memcpy(stream->text + stream->text_size, text, size);
	stream->text_size += size;
}

static xmlEntity *on_entity(void *context, const xmlChar *name)
{
	return xmlGetPredefinedEntity(name);
}

static void refuse_declarations(struct xml_stream *stream)
{
	if (!stream->error)
		stop(stream, import_fail(stream->import, LUYTRE_E_SYNTAX,
				     "byte %llu: a document type with declarations is not taken",
				     (unsigned long long)position_of(stream)));
}

static void on_entity_declared(void *context, const xmlChar *name, int type, const xmlChar *public_id,
	const xmlChar *system_id, xmlChar *content)
{
	refuse_declarations(context);
}

static void on_element_declared(void *context, const xmlChar *name, int type, xmlElementContent *content)
{
	refuse_declarations(context);
}

static void on_attribute_declared(void *context, const xmlChar *element, const xmlChar *name, int type, int kind,
	const xmlChar *value, xmlEnumeration *tree)
{
	/* The parser leaves the list to whoever takes the call. */
	xmlFreeEnumeration(tree);
	refuse_declarations(context);
}

static void on_error(void *context, xmlError *error)
{
	struct xml_stream *stream = context;
	struct bytes message;

	if (stream->error || error->level != XML_ERR_FATAL)
		return;
	message = import_trim(bytes_from_str(error->message ? error->message : "not well-formed"));
	stream->error = import_fail(stream->import, LUYTRE_E_SYNTAX, "line %d: %.*s", error->line, (int)message.size,
		(const char *)message.ptr);
}

/* ---- For callers ---- */

struct xml_stream *xml_stream_new(struct import *import, const struct xml_calls *calls, void *context)
{
	static const xmlSAXHandler handler = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_begin,
		.endElementNs = on_end,
		.characters = on_text,
		.cdataBlock = on_text,
		.getEntity = on_entity,
		.entityDecl = on_entity_declared,
		.elementDecl = on_element_declared,
		.attributeDecl = on_attribute_declared,
		.serror = on_error,
	};
	struct xml_stream *stream = calloc(1, sizeof(*stream));
	xmlSAXHandler copy = handler;

	if (!stream)
		return NULL;
	xmlInitParser();
	stream->import = import;
	stream->calls = *calls;
	stream->context = context;
	stream->parser = xmlCreatePushParserCtxt(&copy, stream, NULL, 0, NULL);
	if (!stream->parser) {
		free(stream);
		return NULL;
	}
	/* XML_PARSE_NOENT makes "&amp;" of an attribute one character; other entities there are none, for who
	 * declares one has ended the reading. No XML_PARSE_DTDLOAD, and no XML_PARSE_HUGE: the parser's own ceilings
	 * stay. */
	xmlCtxtUseOptions(stream->parser, XML_PARSE_NONET | XML_PARSE_NOENT);
	return stream;
}

void xml_stream_free(struct xml_stream *stream)
{
	if (!stream)
		return;
	if (stream->parser->myDoc)
		xmlFreeDoc(stream->parser->myDoc);
	stream->parser->myDoc = NULL;
	xmlFreeParserCtxt(stream->parser);
	free(stream->text);
	free(stream);
}

static int parse_slice(struct xml_stream *stream, bool last)
{
	int code = xmlParseChunk(stream->parser, (const char *)stream->slice, (int)stream->slice_size, last);

	stream->slice_size = 0;
	if (!stream->error && code != XML_ERR_OK && !stream->parser->wellFormed)
		stream->error = import_fail(stream->import, LUYTRE_E_SYNTAX, "not well-formed (%d)", code);
	return stream->error;
}

int xml_stream_feed(struct xml_stream *stream, struct bytes piece)
{
	while (!bytes_empty(piece) && !stream->error) {
		struct bytes part = bytes_first(piece, SLICE_SIZE - stream->slice_size);

		memcpy(stream->slice + stream->slice_size, part.ptr, part.size);
		stream->slice_size += part.size;
		piece = bytes_skip(piece, part.size);
		if (stream->slice_size == SLICE_SIZE)
			(void)parse_slice(stream, false);
	}
	return stream->error;
}

int xml_stream_end(struct xml_stream *stream)
{
	if (!stream->error && stream->slice_size)
		(void)parse_slice(stream, false);
	if (stream->error)
		return stream->error;
	/* Asked before the parser is told, which would only say that something is missing. */
	if (!stream->root_ended)
		return import_fail(stream->import, LUYTRE_E_TRUNCATED,
			"byte %llu: the report ends here, within an element", (unsigned long long)position_of(stream));
	return parse_slice(stream, true);
}

struct bytes xml_attribute_of(const struct xml_element *element, const char *name)
{
	for (size_t i = 0; i < element->attribute_count; i++) {
		if (strcmp(element->attributes[i].name, name) == 0)
			return element->attributes[i].value;
	}
	return (struct bytes){ 0 };
}

bool xml_path_ends(const struct xml_element *element, const char *names)
{
	size_t path_size = strlen(element->path), size = strlen(names);

	if (size > path_size || strcmp(element->path + path_size - size, names) != 0)
		return false;
	return size == path_size || element->path[path_size - size - 1] == '/';
}

bool xml_root_is(struct bytes beginning, const char *name)
{
	size_t size = strlen(name);

	while (!bytes_empty(beginning)) {
		struct bytes rest = bytes_skip(beginning, bytes_index(beginning, '<') + 1);
		struct bytes behind;
		size_t colon;

		if (bytes_empty(rest))
			return false;
		if (rest.ptr[0] == '?' || rest.ptr[0] == '!') {
			beginning = rest;
			/* A comment may hold what looks like elements. */
			if (bytes_starts_with(rest, bytes_from_str("!--"))) {
				const uint8_t *end = memmem(rest.ptr, rest.size, "-->", 3);

				beginning = end ? bytes_skip(rest, (size_t)(end - rest.ptr)) : (struct bytes){ 0 };
			}
			continue;
		}
		colon = bytes_index(bytes_first(rest, 32), ':');
		if (colon < 32 && colon < rest.size && bytes_index(bytes_first(rest, colon), '>') == colon &&
			bytes_index(bytes_first(rest, colon), ' ') == colon)
			rest = bytes_skip(rest, colon + 1);
		if (!bytes_starts_with(rest, bytes_of(name, size)))
			return false;
		behind = bytes_skip(rest, size);
		return bytes_empty(behind) || behind.ptr[0] <= ' ' || behind.ptr[0] == '>' || behind.ptr[0] == '/';
	}
	return false;
}
