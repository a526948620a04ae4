// SPDX-License-Identifier: Apache-2.0
/* JSON Schema as far as it describes the shape of a request: types, members, items, bounds and lists of values (draft 2020-12,
 * "Validation", section 6, and "Core", section 10.3). A schema with other keywords is refused, so that none is believed to be checked
 * and is not.
 *
 * Each keyword is a row: how its own value must look, and what it asks of the document's. A schema is read only while it is used, so
 * threads share it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "gate/operator/operator-internal.h"

/* Nested schemas. */
#define DEPTH_MAX 64

struct json_schema {
	json_t *root; /* owned */
};

static bool is_valid(const json_t *schema, const json_t *value);

static const struct {
	const char *name;
	json_type type;
} types[] = {
	{ "array", JSON_ARRAY },
	{ "boolean", JSON_FALSE },
	{ "boolean", JSON_TRUE },
	{ "integer", JSON_INTEGER },
	{ "null", JSON_NULL },
	{ "number", JSON_INTEGER },
	{ "number", JSON_REAL },
	{ "object", JSON_OBJECT },
	{ "string", JSON_STRING },
};

static bool has_type_named(const json_t *name, const json_t *value)
{
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		if (strcmp(types[i].name, json_string_value(name)) == 0 && types[i].type == json_typeof(value))
			return true;
	}
	return false;
}

static bool is_type_name(const json_t *name)
{
	for (size_t i = 0; json_is_string(name) && i < ARRAY_COUNT(types); i++) {
		if (strcmp(types[i].name, json_string_value(name)) == 0)
			return true;
	}
	return false;
}

static bool is_list_of(const json_t *keyword, bool (*is_one)(const json_t *item))
{
	for (size_t i = 0; i < json_array_size(keyword); i++) {
		if (!is_one(json_array_get(keyword, i)))
			return false;
	}
	return json_is_array(keyword);
}

static bool is_types(const json_t *keyword)
{
	return is_type_name(keyword) || is_list_of(keyword, is_type_name);
}

static bool check_type(const json_t *keyword, const json_t *schema, const json_t *value)
{
	if (json_is_string(keyword))
		return has_type_named(keyword, value);
	for (size_t i = 0; i < json_array_size(keyword); i++) {
		if (has_type_named(json_array_get(keyword, i), value))
			return true;
	}
	return false;
}

static bool is_any(const json_t *keyword)
{
	return true;
}

static bool is_array(const json_t *keyword)
{
	return json_is_array(keyword);
}

static bool check_enum(const json_t *keyword, const json_t *schema, const json_t *value)
{
	for (size_t i = 0; i < json_array_size(keyword); i++) {
		if (json_equal(json_array_get(keyword, i), value))
			return true;
	}
	return false;
}

static bool check_const(const json_t *keyword, const json_t *schema, const json_t *value)
{
	return json_equal(keyword, value);
}

static bool is_string(const json_t *keyword)
{
	return json_is_string(keyword);
}

static bool is_strings(const json_t *keyword)
{
	return is_list_of(keyword, is_string);
}

static bool check_required(const json_t *keyword, const json_t *schema, const json_t *value)
{
	for (size_t i = 0; json_is_object(value) && i < json_array_size(keyword); i++) {
		if (!json_object_get(value, json_string_value(json_array_get(keyword, i))))
			return false;
	}
	return true;
}

static bool is_object(const json_t *keyword)
{
	return json_is_object(keyword);
}

static bool check_properties(const json_t *keyword, const json_t *schema, const json_t *value)
{
	/* The iteration takes a pointer to what it does not change. */
	json_t *properties = (json_t *)(uintptr_t)keyword;
	const char *name;
	json_t *member_schema;

	json_object_foreach (properties, name, member_schema) {
		const json_t *member = json_object_get(value, name);

		if (member && !is_valid(member_schema, member))
			return false;
	}
	return true;
}

/* Of members that "properties" does not name. */
static bool check_additional(const json_t *keyword, const json_t *schema, const json_t *value)
{
	const json_t *properties = json_object_get(schema, "properties");
	json_t *members = (json_t *)(uintptr_t)value;
	const char *name;
	json_t *member;

	json_object_foreach (members, name, member) {
		if (!json_object_get(properties, name) && !is_valid(keyword, member))
			return false;
	}
	return true;
}

static bool check_items(const json_t *keyword, const json_t *schema, const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (!is_valid(keyword, json_array_get(value, i)))
			return false;
	}
	return true;
}

static bool is_number(const json_t *keyword)
{
	return json_is_number(keyword);
}

static bool check_minimum(const json_t *keyword, const json_t *schema, const json_t *value)
{
	return !json_is_number(value) || json_number_value(value) >= json_number_value(keyword);
}

static bool check_maximum(const json_t *keyword, const json_t *schema, const json_t *value)
{
	return !json_is_number(value) || json_number_value(value) <= json_number_value(keyword);
}

static bool is_count(const json_t *keyword)
{
	return json_is_integer(keyword) && json_integer_value(keyword) >= 0;
}

/* Characters, not bytes: jansson takes valid UTF-8 only. */
static json_int_t characters(const json_t *value)
{
	const char *text = json_string_value(value);
	json_int_t count = 0;

	for (size_t i = 0; i < json_string_length(value); i++)
		count += (text[i] & 0xc0) != 0x80;
	return count;
}

static bool check_min_length(const json_t *keyword, const json_t *schema, const json_t *value)
{
	return !json_is_string(value) || characters(value) >= json_integer_value(keyword);
}

static bool check_max_length(const json_t *keyword, const json_t *schema, const json_t *value)
{
	return !json_is_string(value) || characters(value) <= json_integer_value(keyword);
}

static bool check_min_items(const json_t *keyword, const json_t *schema, const json_t *value)
{
	return !json_is_array(value) || (json_int_t)json_array_size(value) >= json_integer_value(keyword);
}

static bool check_max_items(const json_t *keyword, const json_t *schema, const json_t *value)
{
	return !json_is_array(value) || (json_int_t)json_array_size(value) <= json_integer_value(keyword);
}

/* 'check' is null for what only explains. */
static const struct {
	const char *name;
	bool (*is_formed)(const json_t *keyword);
	bool (*check)(const json_t *keyword, const json_t *schema, const json_t *value);
} keywords[] = {
	{ "$comment", is_string, NULL },
	{ "$id", is_string, NULL },
	{ "$schema", is_string, NULL },
	{ "additionalProperties", is_any, check_additional },
	{ "const", is_any, check_const },
	{ "default", is_any, NULL },
	{ "description", is_string, NULL },
	{ "enum", is_array, check_enum },
	{ "examples", is_array, NULL },
	{ "items", is_any, check_items },
	{ "maxItems", is_count, check_max_items },
	{ "maxLength", is_count, check_max_length },
	{ "maximum", is_number, check_maximum },
	{ "minItems", is_count, check_min_items },
	{ "minLength", is_count, check_min_length },
	{ "minimum", is_number, check_minimum },
	{ "properties", is_object, check_properties },
	{ "required", is_strings, check_required },
	{ "title", is_string, NULL },
	{ "type", is_types, check_type },
};

/* A boolean is a schema too: everything, or nothing, is valid. */
static bool is_valid(const json_t *schema, const json_t *value)
{
	if (json_is_boolean(schema))
		return json_is_true(schema);
	for (size_t i = 0; i < ARRAY_COUNT(keywords); i++) {
		const json_t *keyword = keywords[i].check ? json_object_get(schema, keywords[i].name) : NULL;

		if (keyword && !keywords[i].check(keyword, schema, value))
			return false;
	}
	return true;
}

static bool is_known(const char *name, const json_t *keyword)
{
	for (size_t i = 0; i < ARRAY_COUNT(keywords); i++) {
		if (strcmp(keywords[i].name, name) == 0)
			return keywords[i].is_formed(keyword);
	}
	return false;
}

static int check_schema(json_t *schema, unsigned int depth, char message[OPERATOR_MESSAGE_SIZE]);

static int check_nested(json_t *schema, unsigned int depth, char message[OPERATOR_MESSAGE_SIZE])
{
	const char *name;
	json_t *member;
	int error = 0;

	json_object_foreach (json_object_get(schema, "properties"), name, member) {
		if (error == 0)
			error = check_schema(member, depth + 1, message);
	}
	member = json_object_get(schema, "items");
	if (error == 0 && member)
		error = check_schema(member, depth + 1, message);
	member = json_object_get(schema, "additionalProperties");
	if (error == 0 && member)
		error = check_schema(member, depth + 1, message);
	return error;
}

static int check_schema(json_t *schema, unsigned int depth, char message[OPERATOR_MESSAGE_SIZE])
{
	const char *name;
	json_t *keyword;

	if (json_is_boolean(schema))
		return 0;
	if (!json_is_object(schema) || depth > DEPTH_MAX) {
		snprintf(message, OPERATOR_MESSAGE_SIZE, "a JSON schema must be an object, nested at most %d deep",
			DEPTH_MAX);
		return LUYTRE_E_SYNTAX;
	}
	json_object_foreach (schema, name, keyword) {
		if (!is_known(name, keyword)) {
			snprintf(message, OPERATOR_MESSAGE_SIZE, "JSON schema: \"%s\" is unknown or has a wrong value",
				name);
			return LUYTRE_E_UNSUPPORTED;
		}
	}
	return check_nested(schema, depth, message);
}

int json_schema_parse(struct bytes text, char message[OPERATOR_MESSAGE_SIZE], struct json_schema **ret)
{
	struct json_schema *schema = calloc(1, sizeof(*schema));
	json_error_t reason;
	int error;

	if (!schema)
		return LUYTRE_E_NOMEM;
	schema->root = json_loadb((const char *)text.ptr, text.size, JSON_DECODE_ANY, &reason);
	if (!schema->root) {
		snprintf(message, OPERATOR_MESSAGE_SIZE, "JSON schema, line %d: %s", reason.line, reason.text);
		free(schema);
		return LUYTRE_E_SYNTAX;
	}
	error = check_schema(schema->root, 0, message);
	if (error < 0)
		json_schema_free(schema);
	else
		*ret = schema;
	return error;
}

void json_schema_free(struct json_schema *schema)
{
	if (!schema)
		return;
	json_decref(schema->root);
	free(schema);
}

bool json_schema_is_valid(const struct json_schema *schema, struct bytes value)
{
	json_t *document = json_loadb((const char *)value.ptr, value.size, JSON_DECODE_ANY, NULL);
	bool valid = document && is_valid(schema->root, document);

	json_decref(document);
	return valid;
}
