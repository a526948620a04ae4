// SPDX-License-Identifier: Apache-2.0
/* Markup that runs scripts or loads what does: tags, attributes, addresses of certain schemes, comments that old browsers obey.
 *
 * The lists follow what the HTML and SVG standards let run script or load documents (event handlers, addresses in attributes,
 * SVG's animation of attributes), Internet Explorer's behaviours and data islands, and the XSS cheat sheets that collect uses of
 * them. */
#include <string.h>

#include "gate/inject/html.h"
#include "gate/inject/inject.h"

enum attribute_kind {
	ATTRIBUTE_PLAIN,
	ATTRIBUTE_FORBIDDEN, /* an attack with any value */
	ATTRIBUTE_ADDRESS, /* ... with an address that runs script */
	ATTRIBUTE_NAME, /* ... with the name of such an attribute (SVG's <set attributeName=...>) */
};

static uint8_t capital(uint8_t byte)
{
	return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - 32) : byte;
}

/* Old browsers skip NULs in names. */
static bool name_is(struct bytes name, const char *capitals)
{
	for (size_t i = 0; i < name.size; i++) {
		if (name.ptr[i] == 0)
			continue;
		if (capital(name.ptr[i]) != (uint8_t)*capitals)
			return false;
		capitals++;
	}
	return *capitals == '\0';
}

static bool name_starts(struct bytes name, const char *capitals)
{
	size_t size = strlen(capitals);

	if (name.size < size)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (capital(name.ptr[i]) != (uint8_t)capitals[i])
			return false;
	}
	return true;
}

static bool is_forbidden_tag(struct bytes name)
{
	static const char *const tags[] = {
		"APPLET", "BASE", "COMMENT", /* IE: content is markup */
		"EMBED", "FRAME", "FRAMESET", "HANDLER", /* SVG tiny */
		"IFRAME", "IMPORT", "ISINDEX", "LINK", "LISTENER", "META", "NOSCRIPT", "OBJECT", "SCRIPT", "STYLE",
		"VMLFRAME", "XML", /* IE: data islands */
		"XSS", /* the tester's own */
	};

	if (name.size < 3)
		return false;
	if (name_starts(name, "SVG") || name_starts(name, "XSL"))
		return true;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		if (name_is(name, tags[i]))
			return true;
	}
	return false;
}

static const struct {
	const char *name;
	enum attribute_kind kind;
} attributes[] = {
	{ "ACTION", ATTRIBUTE_ADDRESS },
	{ "ATTRIBUTENAME", ATTRIBUTE_NAME },
	{ "BACKGROUND", ATTRIBUTE_ADDRESS },
	{ "BY", ATTRIBUTE_ADDRESS },
	{ "DATAFORMATAS", ATTRIBUTE_FORBIDDEN },
	{ "DATASRC", ATTRIBUTE_FORBIDDEN },
	{ "DYNSRC", ATTRIBUTE_ADDRESS },
	{ "FILTER", ATTRIBUTE_FORBIDDEN },
	{ "FOLDER", ATTRIBUTE_ADDRESS },
	{ "FORMACTION", ATTRIBUTE_ADDRESS },
	{ "FROM", ATTRIBUTE_ADDRESS },
	{ "HANDLER", ATTRIBUTE_ADDRESS },
	{ "HREF", ATTRIBUTE_ADDRESS },
	{ "LOWSRC", ATTRIBUTE_ADDRESS },
	{ "POSTER", ATTRIBUTE_ADDRESS },
	{ "SRC", ATTRIBUTE_ADDRESS },
	{ "STYLE", ATTRIBUTE_FORBIDDEN },
	{ "TO", ATTRIBUTE_ADDRESS },
	{ "VALUES", ATTRIBUTE_ADDRESS },
	{ "XLINK:HREF", ATTRIBUTE_ADDRESS },
};

static enum attribute_kind kind_of(struct bytes name)
{
	if (name.size < 2)
		return ATTRIBUTE_PLAIN;
	/* Event handlers, and what makes tags of other languages known. */
	if (name.size >= 5 && (name_starts(name, "ON") || name_starts(name, "XMLNS") || name_starts(name, "XLINK")))
		return ATTRIBUTE_FORBIDDEN;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (name_is(name, attributes[i].name))
			return attributes[i].kind;
	}
	return ATTRIBUTE_PLAIN;
}

static int digit_of(uint8_t byte, int base)
{
	int digit = byte >= '0' && byte <= '9'                     ? byte - '0'
		    : capital(byte) >= 'A' && capital(byte) <= 'F' ? capital(byte) - 'A' + 10
								   : 99;

	return digit < base ? digit : -1;
}

/* The next character of a value, numeric references decoded; advances 'rest'. -1 at the end. */
static int next_character(struct bytes *rest)
{
	bool hex;
	size_t at;
	int character = 0;

	if (rest->size == 0)
		return -1;
	hex = rest->size > 2 && (rest->ptr[2] | 0x20) == 'x';
	at = hex ? 3 : 2;
	if (rest->size <= at || rest->ptr[0] != '&' || rest->ptr[1] != '#' ||
		digit_of(rest->ptr[at], hex ? 16 : 10) < 0) {
		character = rest->ptr[0];
		*rest = bytes_skip(*rest, 1);
		return character;
	}
	for (; at < rest->size && digit_of(rest->ptr[at], hex ? 16 : 10) >= 0; at++) {
		character = character * (hex ? 16 : 10) + digit_of(rest->ptr[at], hex ? 16 : 10);
		if (character > 0x1000ff) {
			*rest = bytes_skip(*rest, 1);
			return '&';
		}
	}
	if (at < rest->size && rest->ptr[at] == ';')
		at++;
	*rest = bytes_skip(*rest, at);
	return character;
}

/* Browsers skip blanks in front of a scheme, and NULs and line feeds in it. */
static bool scheme_is(struct bytes value, const char *capitals)
{
	bool begun = false;

	while (*capitals) {
		int character = next_character(&value);

		if (character < 0)
			return false;
		if ((!begun && character <= 32) || character == 0 || character == '\n')
			continue;
		begun = true;
		if (character > 127 || capital((uint8_t)character) != (uint8_t)*capitals)
			return false;
		capitals++;
	}
	return true;
}

static bool is_script_address(struct bytes value)
{
	static const char *const schemes[] = { "DATA", "VIEW-SOURCE", "VBSCRIPT", "JAVA" };

	while (value.size != 0 && (value.ptr[0] <= 32 || value.ptr[0] >= 127))
		value = bytes_skip(value, 1);
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (scheme_is(value, schemes[i]))
			return true;
	}
	return false;
}

/* Conditional comments, processing instructions, entities, and backquotes that some browsers end a comment with. */
static bool is_active_comment(struct bytes text)
{
	if (bytes_index(text, '`') != text.size)
		return true;
	return (text.size > 3 && (name_starts(text, "[IF") || name_starts(text, "XML"))) ||
	       (text.size > 5 && (name_starts(text, "IMPORT") || name_starts(text, "ENTITY")));
}

static bool value_is_attack(enum attribute_kind kind, struct bytes value)
{
	switch (kind) {
	case ATTRIBUTE_FORBIDDEN:
		return true;
	case ATTRIBUTE_ADDRESS:
		return is_script_address(value);
	case ATTRIBUTE_NAME:
		return kind_of(value) != ATTRIBUTE_PLAIN;
	default:
		return false;
	}
}

static bool is_attack_in(struct bytes value, enum html_context context)
{
	enum attribute_kind kind = ATTRIBUTE_PLAIN;
	struct html_reader reader;
	struct html_token token;

	html_init(&reader, value, context);
	while (html_read(&reader, &token)) {
		bool attack = false;

		switch (token.type) {
		case HTML_DOCTYPE:
			return true;
		case HTML_TAG:
			attack = is_forbidden_tag(token.text);
			break;
		case HTML_VALUE:
			attack = value_is_attack(kind, token.text);
			break;
		case HTML_COMMENT:
			attack = is_active_comment(token.text);
			break;
		default:
			break;
		}
		if (attack)
			return true;
		kind = token.type == HTML_ATTRIBUTE ? kind_of(token.text) : ATTRIBUTE_PLAIN;
	}
	return false;
}

bool inject_is_script(struct bytes value)
{
	/* No context has a tag or comment without the one, or a value of an attribute without the other. */
	if (bytes_index(value, '<') == value.size && bytes_index(value, '=') == value.size)
		return false;
	for (enum html_context context = HTML_TEXT; context <= HTML_VALUE_BACK; context++) {
		if (is_attack_in(value, context))
			return true;
	}
	return false;
}
