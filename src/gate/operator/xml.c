// SPDX-License-Identifier: Apache-2.0
/* @validateDTD and @validateSchema, true of a request whose document is not valid or that has none. The value does not matter: the
 * engine gives the document of the request's body.
 *
 * A schema is parsed with the rules and shared. A DTD is parsed for each request, because libxml2 writes to it while it validates.
 * A schema in JSON checks the value itself. */
#include <libxml/parser.h>
#include <libxml/valid.h>
#include <libxml/xmlschemas.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "gate/operator/operator-internal.h"

/* libxml2 hands each sentence of an error here. */
static void PRINTF_LIKE(2, 3) on_error(void *context, const char *format, ...)
{
	char text[OPERATOR_MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	operator_trace(context, text);
}

static void PRINTF_LIKE(2, 3) on_nothing(void *context, const char *format, ...) {}

/* Where the parsers of this thread tell their errors. */
struct error_target {
	xmlStructuredErrorFunc function;
	void *context;
};

/* Keeps the first sentence. */
static void collect(void *context, xmlErrorPtr error)
{
	char *message = context;

	if (message[0] != 0 || !error->message)
		return;
	snprintf(message, OPERATOR_MESSAGE_SIZE, "%s, line %d: %s", error->file ? error->file : "", error->line,
		error->message);
	message[strcspn(message, "\n")] = 0;
}

/* Sends errors to 'message' instead, which is emptied. Undone with errors_restore(). */
static struct error_target errors_redirect(char message[OPERATOR_MESSAGE_SIZE])
{
	struct error_target before = { xmlStructuredError, xmlStructuredErrorContext };

	message[0] = 0;
	xmlSetStructuredErrorFunc(message, collect);
	return before;
}

static void errors_restore(struct error_target before)
{
	xmlSetStructuredErrorFunc(before.context, before.function);
}

/* Null with a sentence in 'message'. */
static xmlDtdPtr parse_dtd(const char *path, char message[OPERATOR_MESSAGE_SIZE])
{
	struct error_target before = errors_redirect(message);
	xmlDtdPtr dtd = xmlParseDTD(NULL, (const xmlChar *)path);

	errors_restore(before);
	if (!dtd && message[0] == 0)
		snprintf(message, OPERATOR_MESSAGE_SIZE, "%s is not a DTD", path);
	return dtd;
}

/* What is compiled is the path, after a look at whether it leads to a DTD. */
OPERATOR_COMPILE(operator_dtd_compile)
{
	xmlDtdPtr dtd;
	char *path;
	int error = operator_file_find(setup, operator_trim(parameter), message, &path);

	if (error < 0)
		return error;
	dtd = parse_dtd(path, message);
	if (!dtd) {
		free(path);
		return LUYTRE_E_SYNTAX;
	}
	xmlFreeDtd(dtd);
	*ret = path;
	return 0;
}

static bool is_valid_dtd(xmlDtdPtr dtd, struct operator_call *call)
{
	xmlValidCtxtPtr context = xmlNewValidCtxt();
	bool valid;

	if (!context)
		return false;
	context->error = on_error;
	context->warning = on_nothing;
	context->userData = call;
	valid = xmlValidateDtd(context, call->xml, dtd) == 1;
	xmlFreeValidCtxt(context);
	return valid;
}

OPERATOR_MATCH(operator_dtd_match)
{
	char message[OPERATOR_MESSAGE_SIZE];
	xmlDtdPtr dtd;
	bool valid;

	if (!call->xml) {
		operator_trace(call, "XML document tree could not be found for DTD validation.");
		return true;
	}
	dtd = parse_dtd(compiled, message);
	if (!dtd) {
		operator_trace(call, "XML: Failed to load DTD.");
		return true;
	}
	valid = is_valid_dtd(dtd, call);
	xmlFreeDtd(dtd);
	operator_trace(
		call, valid ? "XML: Successfully validated payload against DTD." : "XML: DTD validation failed.");
	return !valid;
}

/* One of both. */
struct schema {
	xmlSchemaPtr xml; /* owned */
	struct json_schema *json; /* owned */
};

void operator_schema_free(void *compiled)
{
	struct schema *schema = compiled;

	if (!schema)
		return;
	if (schema->xml)
		xmlSchemaFree(schema->xml);
	json_schema_free(schema->json);
	free(schema);
}

static int parse_xml(const char *path, char message[OPERATOR_MESSAGE_SIZE], struct schema *schema)
{
	struct error_target before = errors_redirect(message);
	xmlSchemaParserCtxtPtr parser = xmlSchemaNewParserCtxt(path);

	if (parser)
		schema->xml = xmlSchemaParse(parser);
	xmlSchemaFreeParserCtxt(parser);
	errors_restore(before);
	if (schema->xml)
		return 0;
	if (message[0] == 0)
		snprintf(message, OPERATOR_MESSAGE_SIZE, "%s is not an XML Schema", path);
	return LUYTRE_E_SYNTAX;
}

static int parse_json(const struct operator_setup *setup, struct bytes name, char message[OPERATOR_MESSAGE_SIZE],
	struct schema *schema)
{
	uint8_t *data;
	size_t size;
	int error = operator_file_read(setup, name, message, &data, &size);

	if (error < 0)
		return error;
	error = json_schema_parse(bytes_of(data, size), message, &schema->json);
	free(data);
	return error;
}

/* By the end of its name a schema is in JSON or in XML. */
OPERATOR_COMPILE(operator_schema_compile)
{
	struct bytes name = operator_trim(parameter);
	bool json = name.size > 5 && bytes_equal_str(bytes_skip(name, name.size - 5), ".json");
	struct schema *schema;
	char *path;
	int error = operator_file_find(setup, name, message, &path);

	if (error < 0)
		return error;
	schema = calloc(1, sizeof(*schema));
	if (!schema)
		error = LUYTRE_E_NOMEM;
	else
		error = json ? parse_json(setup, name, message, schema) : parse_xml(path, message, schema);
	free(path);
	if (error < 0)
		operator_schema_free(schema);
	else
		*ret = schema;
	return error;
}

static bool is_valid_xml(const struct schema *schema, struct operator_call *call)
{
	xmlSchemaValidCtxtPtr context = xmlSchemaNewValidCtxt(schema->xml);
	bool valid;

	if (!context)
		return false;
	xmlSchemaSetValidErrors(context, on_error, on_nothing, call);
	valid = xmlSchemaValidateDoc(context, call->xml) == 0;
	xmlSchemaFreeValidCtxt(context);
	return valid;
}

OPERATOR_MATCH(operator_schema_match)
{
	const struct schema *schema = compiled;
	bool valid;

	if (schema->json)
		return value.size != 0 && !json_schema_is_valid(schema->json, value);
	if (!call->xml) {
		operator_trace(call, "XML document tree could not be found for schema validation.");
		return true;
	}
	valid = is_valid_xml(schema, call);
	operator_trace(
		call, valid ? "XML: Successfully validated payload against Schema." : "XML: Schema validation failed.");
	return !valid;
}
