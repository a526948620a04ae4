// SPDX-License-Identifier: Apache-2.0
/* XML with libxml2's push parser, and the text of what an XPath expression finds.
 *
 * Nothing outside the document is ever read: no network, no DTD, no external entities, none of them loaded even when the document
 * declares them. Entities that the document defines itself stay references in the tree (an "entity bomb" costs no memory); where the
 * text of a node is asked for they are followed, as libxml2 does it, but with a ceiling for the text and for the steps. libxml2
 * itself holds elements to a depth of 256 and texts to 10 MB. */
#include "gate/body/internal.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include "base/error.h"

#define PARSE_OPTIONS        (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
#define FEED_SIZE_MAX        ((size_t)1 << 30) /* libxml2 counts in int */
#define TEXT_SIZE_MAX        ((size_t)1024 * 1024) /* of one node */
#define STEPS_MAX            200000 /* nodes looked at for one expression */
#define NODE_DEPTH_MAX       512
#define XPATH_OPERATIONS_MAX 10000000

/* No external entity, whatever the options say. */
static xmlParserInputPtr no_entity(void *context, const xmlChar *public_id, const xmlChar *system_id)
{
	return NULL;
}

int xml_new(struct body_parser *parser)
{
	xmlInitParser();
	parser->xml = xmlCreatePushParserCtxt(NULL, NULL, NULL, 0, NULL);
	if (!parser->xml)
		return LUYTRE_E_NOMEM;
	xmlCtxtUseOptions(parser->xml, PARSE_OPTIONS);
	parser->xml->sax->resolveEntity = no_entity;
	body_trace(parser, "XML: Initialising parser.");
	return 0;
}

void xml_feed(struct body_parser *parser, struct bytes piece)
{
	while (piece.size != 0) {
		struct bytes part = bytes_first(piece, FEED_SIZE_MAX);

		xmlParseChunk(parser->xml, (const char *)part.ptr, (int)part.size, 0);
		piece = bytes_skip(piece, part.size);
	}
}

void xml_end(struct body_parser *parser)
{
	xmlParseChunk(parser->xml, NULL, 0, 1);
	parser->result.xml = parser->xml->myDoc;
	body_trace(parser, "XML: Parsing complete (well_formed %d).", parser->xml->wellFormed);
	if (parser->xml->wellFormed)
		return;
	body_trace(parser, "XML: Failed parsing document.");
	body_error(parser, "XML: Failed parsing document.");
}

void xml_free(struct body_parser *parser)
{
	if (!parser->xml)
		return;
	if (parser->xml->myDoc)
		xmlFreeDoc(parser->xml->myDoc);
	xmlFreeParserCtxt(parser->xml);
	parser->xml = NULL;
	parser->result.xml = NULL;
}

struct text {
	struct gather gather;
	struct arena *arena;
	uint32_t steps;
	uint32_t depth;
};

/* False when a ceiling is reached. */
static bool text_add(struct text *text, const xmlChar *content)
{
	struct bytes piece = content ? bytes_from_str((const char *)content) : (struct bytes){ 0 };

	/* Not borrowed: a library's strings are no part of the arena. */
	return piece.size <= TEXT_SIZE_MAX - text->gather.bytes.size &&
	       gather_add(&text->gather, piece, false, text->arena);
}

static bool node_text(struct text *text, const xmlNode *node);

static bool children_text(struct text *text, const xmlNode *children)
{
	bool whole = text->depth < NODE_DEPTH_MAX;

	text->depth++;
	for (const xmlNode *child = children; child && whole; child = child->next) {
		/* Of children only text counts: what they hold, not comments and instructions. */
		if (child->type != XML_COMMENT_NODE && child->type != XML_PI_NODE)
			whole = node_text(text, child);
	}
	text->depth--;
	return whole;
}

/* The depth is held by NODE_DEPTH_MAX, so that the recursion is. */
static bool node_text(struct text *text, const xmlNode *node)
{
	const xmlEntity *entity;

	if (++text->steps > STEPS_MAX)
		return false;
	switch (node->type) {
	case XML_TEXT_NODE:
	case XML_CDATA_SECTION_NODE:
	case XML_COMMENT_NODE:
	case XML_PI_NODE:
		return text_add(text, node->content);
	case XML_ENTITY_REF_NODE:
		entity = xmlGetDocEntity(node->doc, node->name);
		if (!entity)
			return true;
		return entity->children ? children_text(text, entity->children) : text_add(text, entity->content);
	case XML_NAMESPACE_DECL:
		return text_add(text, ((const xmlNs *)(const void *)node)->href);
	case XML_ELEMENT_NODE:
	case XML_ATTRIBUTE_NODE:
	case XML_DOCUMENT_NODE:
	case XML_DOCUMENT_FRAG_NODE:
		return children_text(text, node->children);
	default:
		return true;
	}
}

static int namespaces_register(xmlXPathContext *context, struct bytes namespaces, struct arena *arena)
{
	while (namespaces.size != 0) {
		struct bytes pair = bytes_first(namespaces, bytes_index(namespaces, ' '));
		size_t prefix_size = bytes_index(pair, '=');
		char *prefix;
		char *uri;

		namespaces = bytes_skip(namespaces, pair.size + 1);
		if (bytes_empty(pair))
			continue;
		prefix = arena_dup_str(arena, bytes_first(pair, prefix_size));
		uri = arena_dup_str(arena, bytes_skip(pair, prefix_size + 1));
		if (!prefix || !uri)
			return LUYTRE_E_NOMEM;
		if (xmlXPathRegisterNs(context, (const xmlChar *)prefix, (const xmlChar *)uri))
			return LUYTRE_E_SYNTAX;
	}
	return 0;
}

/* Errors are told by the result; libxml2 would write them to standard error. */
static void xpath_silent(void *context, xmlErrorPtr error) {}

static void nodes_tell(
	const xmlNodeSet *nodes, struct arena *arena, void (*each)(void *context, struct bytes text), void *context)
{
	struct text text = { .arena = arena };

	for (int i = 0; nodes && i < nodes->nodeNr && text.steps <= STEPS_MAX; i++) {
		text.gather = (struct gather){ 0 };
		/* What a ceiling cuts is told as far as it goes. */
		(void)node_text(&text, nodes->nodeTab[i]);
		each(context, text.gather.bytes);
	}
}

int body_xpath(void *xml, struct bytes expression, struct bytes namespaces, struct arena *arena,
	void (*each)(void *context, struct bytes text), void *context)
{
	char *text = arena_dup_str(arena, expression);
	xmlXPathContext *xpath;
	xmlXPathObject *found = NULL;
	int error;

	if (!xml)
		return 0;
	xpath = text ? xmlXPathNewContext(xml) : NULL;
	if (!xpath)
		return LUYTRE_E_NOMEM;
	xpath->opLimit = XPATH_OPERATIONS_MAX;
	xpath->error = xpath_silent;
	error = namespaces_register(xpath, namespaces, arena);
	if (!error) {
		found = xmlXPathEvalExpression((const xmlChar *)text, xpath);
		/* Numbers and strings are no nodes: ModSecurity tells nothing of them either. */
		if (!found)
			error = LUYTRE_E_SYNTAX;
		else if (found->type == XPATH_NODESET)
			nodes_tell(found->nodesetval, arena, each, context);
	}
	xmlXPathFreeObject(found);
	xmlXPathFreeContext(xpath);
	return error;
}
