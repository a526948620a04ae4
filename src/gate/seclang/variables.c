// SPDX-License-Identifier: Apache-2.0
/* The table of variables, made of variables.h's list, and the look-up by name. */
#include "gate/seclang/variables.h"

#include "base/compiler.h"

const struct variable_row variables[VARIABLE_COUNT] = {
#define X(name, shape, phase) { #name, VARIABLE_##shape, phase },
	VARIABLE_LIST(X)
#undef X
};

/* Other spellings that rules in the field use. */
static const struct {
	const char *name;
	enum variable variable;
} aliases[] = {
	{ "INBOUND_ERROR_DATA", VARIABLE_INBOUND_DATA_ERROR },
	{ "MULTIPART_SEMICOLON_MISSING", VARIABLE_MULTIPART_MISSING_SEMICOLON },
	{ "OUTBOUND_ERROR_DATA", VARIABLE_OUTBOUND_DATA_ERROR },
	{ "STATUS", VARIABLE_RESPONSE_STATUS },
};

static uint8_t upper(uint8_t byte)
{
	return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - 'a' + 'A') : byte;
}

/* The table's order: ASCII with capital letters, where '_' comes behind 'Z'. */
static int compare(struct bytes name, const char *row)
{
	size_t i = 0;

	for (; i < name.size && row[i] != '\0'; i++)
		if (upper(name.ptr[i]) != (uint8_t)row[i])
			return upper(name.ptr[i]) < (uint8_t)row[i] ? -1 : 1;
	return i < name.size ? 1 : -(row[i] != '\0');
}

enum variable variable_find(struct bytes name)
{
	size_t low = 0, high = VARIABLE_COUNT;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare(name, variables[middle].name);

		if (order == 0)
			return (enum variable)middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	for (size_t i = 0; i < ARRAY_COUNT(aliases); i++)
		if (compare(name, aliases[i].name) == 0)
			return aliases[i].variable;
	return VARIABLE_COUNT;
}
