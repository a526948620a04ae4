// SPDX-License-Identifier: Apache-2.0
/* JSON (RFC 8259) into arguments, with the names and the error texts of ModSecurity v3.
 *
 * {"a":{"b":[1,{"c":null}]}} gives json.a.b.array_0=1 and json.a.b.array_1.c= (null is empty); the empty key is "empty-key"; a
 * document that is one scalar is called json. Texts of errors are those of YAJL, which ModSecurity uses, and so is what it
 * forgives: overlong UTF-8, half surrogates, vertical tabs between tokens.
 *
 * Nothing recurses: the open objects and arrays are a stack with the ceiling of the depth limit, the name of the present one is a
 * path that grows and shrinks. A value takes no copy unless it has escapes. Names could become many times larger than the
 * body (a long path times many values), so that all names together have a ceiling. */
#include "base/ascii.h"
#include "base/utf8.h"
#include "gate/body/internal.h"

#define DEPTH_MAX 10000 /* where the rules set none */
/* All names together may take this much and 64 times the size of the body. */
#define NAMES_SIZE_BASE   ((size_t)64 * 1024)
#define NAMES_SIZE_FACTOR 64
#define ONES              (~UINT64_C(0) / 255)

static const char lexical_char[] = "lexical error: invalid char in json text.";
static const char lexical_literal[] = "lexical error: invalid string in json text.";
static const char lexical_comment[] = "lexical error: probable comment found in input text, comments are not enabled.";
static const char lexical_control[] = "lexical error: invalid character inside string.";
static const char lexical_utf8[] = "lexical error: invalid bytes in UTF8 string.";
static const char lexical_hex[] = "lexical error: invalid (non-hex) character occurs after '\\u' inside string.";
static const char lexical_escape[] = "lexical error: inside a string, '\\' occurs before a character which it may not.";
static const char lexical_minus[] = "lexical error: malformed number, a digit is required after the minus sign.";
static const char lexical_point[] = "lexical error: malformed number, a digit is required after the decimal point.";
static const char lexical_exponent[] = "lexical error: malformed number, a digit is required after the exponent.";
static const char parse_eof[] = "parse error: premature EOF";
static const char parse_garbage[] = "parse error: trailing garbage";
static const char parse_token[] = "parse error: unallowed token at this point in JSON text";
static const char parse_key[] = "parse error: invalid object key (must be a string)";
static const char parse_colon[] = "parse error: object key and value must be separated by a colon (':')";
static const char parse_object[] = "parse error: after key and value, inside map, I expect ',' or '}'";
static const char parse_array[] = "parse error: after array element, I expect ',' or ']'";
static const char parse_cancelled[] = "parse error: client cancelled parse via callback return value";

/* One open object or array. */
struct frame {
	uint32_t path_size; /* of its own path, to which those of its elements are added */
	uint32_t index; /* of the next element of an array */
	bool array;
};

enum token {
	TOKEN_END, /* of the text, in the middle of a string too */
	TOKEN_ERROR,
	TOKEN_STRING,
	TOKEN_NUMBER,
	TOKEN_LITERAL,
	TOKEN_PUNCTUATION, /* []{},: */
};

struct json {
	struct body_parser *parser;
	const uint8_t *next;
	const uint8_t *end;
	struct bytes text; /* of the token: a string's content, decoded; a number; true, false, or nothing for null */
	const char *error;
	uint8_t punctuation;
	struct frame *frames;
	uint32_t depth, depth_room, depth_max;
	uint8_t *path; /* "json", "json.a.b" */
	size_t path_size, path_room;
	size_t names_left;
	bool deep;
};

/* A byte of a string that needs a look: quote, backslash, control, not ASCII. The high bit of each such byte is set; those behind
 * the first may be set wrongly. */
static uint64_t word_specials(uint64_t word)
{
	uint64_t quote = word ^ ONES * '"';
	uint64_t backslash = word ^ ONES * '\\';

	return ((quote - ONES) | (backslash - ONES) | (word - ONES * 0x20) | word) & ONES * 0x80;
}

static const uint8_t *string_plain_end(const uint8_t *next, const uint8_t *end)
{
	while (end - next >= 8) {
		uint64_t word;
		uint64_t specials;

		memcpy(&word, next, sizeof(word));
		specials = word_specials(word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		if (specials)
			return next + __builtin_ctzll(specials) / 8;
#else
		if (specials)
			break;
#endif
		next += 8;
	}
	while (next < end && *next != '"' && *next != '\\' && *next >= 0x20 && *next < 0x80)
		next++;
	return next;
}

static enum token lexical_error(struct json *json, const char *text)
{
	json->error = text;
	return TOKEN_ERROR;
}

/* Size of the UTF-8 sequence that begins with this byte, 0 when none does. */
static size_t sequence_size(uint8_t byte)
{
	if (byte >> 5 == 0x6)
		return 2;
	if (byte >> 4 == 0xe)
		return 3;
	return byte >> 3 == 0x1e ? 4 : 0;
}

/* Moves over a sequence; false, with an error, for a wrong or unfinished one. */
static bool utf8_skip(struct json *json)
{
	size_t size = sequence_size(*json->next);

	if (size == 0) {
		json->error = lexical_utf8;
		return false;
	}
	json->next++;
	for (size_t i = 1; i < size; i++, json->next++) {
		if (json->next == json->end || *json->next >> 6 != 2) {
			json->error = lexical_utf8;
			return false;
		}
	}
	return true;
}

/* Moves over a backslash and what belongs to it; as utf8_skip. */
static bool escape_skip(struct json *json)
{
	uint8_t letter = ++json->next < json->end ? *json->next : 0;

	if (letter == 0 || !strchr("\"\\/bfnrtu", letter)) {
		json->error = lexical_escape;
		return false;
	}
	json->next++;
	for (size_t i = 0; letter == 'u' && i < 4; i++, json->next++) {
		if (json->next == json->end || ascii_hex_value(*json->next) < 0) {
			json->error = lexical_hex;
			return false;
		}
	}
	return true;
}

static uint32_t hex4(const uint8_t *digits)
{
	uint32_t value = 0;

	for (size_t i = 0; i < 4; i++)
		value = value << 4 | (uint32_t)ascii_hex_value(digits[i]);
	return value;
}

/* One \uXXXX, or two that make a pair, at 'next' (behind the u); returns what is read of them. The first half of a pair alone is
 * a question mark; what follows it is taken for the second half, whatever it is. */
static size_t unicode_decode(const uint8_t *next, const uint8_t *end, uint8_t *out, size_t *out_size)
{
	uint32_t code = hex4(next);
	size_t used = 4;

	if ((code & 0xfc00) == 0xd800) {
		if (end - next >= 10 && next[4] == '\\' && next[5] == 'u') {
			code = 0x10000 + ((code & 0x3ff) << 10) + (hex4(next + 6) & 0x3ff);
			used = 10;
		} else {
			code = '?';
		}
	}
	*out_size += utf8_put(code, out + *out_size);
	return used;
}

static uint8_t escape_value(uint8_t letter)
{
	switch (letter) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return letter;
	}
}

/* The content of a string with escapes, which were checked. It never becomes longer. */
static size_t escapes_decode(struct bytes in, uint8_t *out)
{
	const uint8_t *next = in.ptr;
	const uint8_t *end = in.ptr + in.size;
	size_t out_size = 0;

	while (next < end) {
		const uint8_t *backslash = memchr(next, '\\', (size_t)(end - next));
		size_t plain_size = (size_t)((backslash ? backslash : end) - next);

		memcpy(out + out_size, next, plain_size);
		out_size += plain_size;
		next += plain_size;
		if (!backslash)
			break;
		if (next[1] == 'u') {
			next += 2;
			next += unicode_decode(next, end, out, &out_size);
		} else {
			out[out_size++] = escape_value(next[1]);
			next += 2;
		}
	}
	return out_size;
}

/* Behind the opening quote. */
static enum token lex_string(struct json *json)
{
	const uint8_t *start = json->next;
	bool escapes = false;
	uint8_t *out;

	for (;;) {
		json->next = string_plain_end(json->next, json->end);
		if (json->next == json->end)
			return TOKEN_END;
		if (*json->next == '"')
			break;
		if (*json->next < 0x20)
			return lexical_error(json, lexical_control);
		escapes |= *json->next == '\\';
		if (!(*json->next == '\\' ? escape_skip(json) : utf8_skip(json)))
			return TOKEN_ERROR;
	}
	json->text = bytes_of(start, (size_t)(json->next - start));
	json->next++;
	if (!escapes)
		return TOKEN_STRING;
	out = arena_alloc(json->parser->arena, json->text.size);
	if (!out) {
		body_error_memory(json->parser);
		return TOKEN_ERROR;
	}
	json->text = bytes_of(out, escapes_decode(json->text, out));
	return TOKEN_STRING;
}

/* At least one digit; false without. */
static bool digits_skip(struct json *json)
{
	const uint8_t *start = json->next;

	while (json->next < json->end && ascii_is_digit(*json->next))
		json->next++;
	return json->next != start;
}

static enum token lex_number(struct json *json)
{
	const uint8_t *start = json->next;

	json->next += *json->next == '-';
	if (json->next < json->end && *json->next == '0')
		json->next++;
	else if (!digits_skip(json))
		return lexical_error(json, lexical_minus);
	if (json->next < json->end && *json->next == '.') {
		json->next++;
		if (!digits_skip(json))
			return lexical_error(json, lexical_point);
	}
	if (json->next < json->end && (*json->next | 0x20) == 'e') {
		json->next++;
		if (json->next < json->end && (*json->next == '+' || *json->next == '-'))
			json->next++;
		if (!digits_skip(json))
			return lexical_error(json, lexical_exponent);
	}
	json->text = bytes_of(start, (size_t)(json->next - start));
	return TOKEN_NUMBER;
}

static enum token lex_literal(struct json *json, const char *literal)
{
	size_t size = strlen(literal);
	size_t left = (size_t)(json->end - json->next);

	if (left < size && memcmp(json->next, literal, left) == 0)
		json->next = json->end;
	if (left < size || memcmp(json->next, literal, size) != 0)
		return lexical_error(json, lexical_literal);
	json->text = *literal == 'n' ? (struct bytes){ 0 } : bytes_of(json->next, size);
	json->next += size;
	return TOKEN_LITERAL;
}

static enum token lex(struct json *json)
{
	while (json->next < json->end && (*json->next == ' ' || (*json->next >= '\t' && *json->next <= '\r')))
		json->next++;
	if (json->next == json->end)
		return TOKEN_END;
	switch (*json->next) {
	case '"':
		json->next++;
		return lex_string(json);
	case '{':
	case '}':
	case '[':
	case ']':
	case ',':
	case ':':
		json->punctuation = *json->next++;
		return TOKEN_PUNCTUATION;
	case 't':
		return lex_literal(json, "true");
	case 'f':
		return lex_literal(json, "false");
	case 'n':
		return lex_literal(json, "null");
	case '/':
		return lexical_error(json, lexical_comment);
	default:
		if (*json->next == '-' || ascii_is_digit(*json->next))
			return lex_number(json);
		return lexical_error(json, lexical_char);
	}
}

static bool memory_failed(struct json *json)
{
	body_error_memory(json->parser);
	return false;
}

static bool path_add(struct json *json, const void *text, size_t size)
{
	if (json->path_size + size > json->path_room) {
		size_t room = json->path_room * 2 + size;
		uint8_t *grown = arena_alloc(json->parser->arena, room);

		if (!grown)
			return memory_failed(json);
		if (json->path_size)
			memcpy(grown, json->path, json->path_size);
		json->path = grown;
		json->path_room = room;
	}
	memcpy(json->path + json->path_size, text, size);
	json->path_size += size;
	return true;
}

static bool path_add_key(struct json *json, struct bytes key)
{
	if (bytes_empty(key))
		key = bytes_from_str("empty-key");
	return path_add(json, ".", 1) && path_add(json, key.ptr, key.size);
}

/* The part of the next element, when an array is innermost. */
static bool path_add_index(struct json *json)
{
	static const char head[] = ".array_";
	char part[sizeof(head) + 10];
	char *digit = part + sizeof(part);
	uint32_t index;

	if (json->depth == 0 || !json->frames[json->depth - 1].array)
		return true;
	index = json->frames[json->depth - 1].index++;
	do {
		*--digit = (char)('0' + index % 10);
		index /= 10;
	} while (index);
	digit -= sizeof(head) - 1;
	memcpy(digit, head, sizeof(head) - 1);
	return path_add(json, digit, (size_t)(part + sizeof(part) - digit));
}

static bool frame_open(struct json *json, bool array)
{
	if (json->depth == json->depth_max) {
		json->deep = true;
		json->error = parse_cancelled;
		return false;
	}
	if (json->depth == json->depth_room) {
		uint32_t room = json->depth_room ? json->depth_room * 4 : 16;
		struct frame *grown = arena_alloc(json->parser->arena, room * sizeof(*grown));

		if (!grown)
			return memory_failed(json);
		if (json->depth)
			memcpy(grown, json->frames, json->depth * sizeof(*grown));
		json->frames = grown;
		json->depth_room = room;
	}
	json->frames[json->depth++] = (struct frame){ .path_size = (uint32_t)json->path_size, .array = array };
	return true;
}

/* Tells the text of the last token under the present path. */
static bool tell(struct json *json)
{
	void *name;

	if (json->parser->args_count >= json->parser->limits.args_max) {
		json->parser->result.args_over = true;
		json->error = parse_cancelled;
		return false;
	}
	if (json->path_size > json->names_left)
		return memory_failed(json);
	json->names_left -= json->path_size;
	name = arena_dup(json->parser->arena, bytes_of(json->path, json->path_size));
	if (!name)
		return memory_failed(json);
	return body_tell_arg(json->parser, bytes_of(name, json->path_size), json->text);
}

static bool refuse(struct json *json, enum token token, const char *text)
{
	if (token != TOKEN_ERROR)
		json->error = token == TOKEN_END ? parse_eof : text;
	return false;
}

static bool is_punctuation(const struct json *json, enum token token, uint8_t wanted)
{
	return token == TOKEN_PUNCTUATION && json->punctuation == wanted;
}

/* A key and its colon; the path gets the key. */
static bool key(struct json *json, enum token token)
{
	if (token != TOKEN_STRING)
		return refuse(json, token, parse_key);
	if (!path_add_key(json, json->text))
		return false;
	token = lex(json);
	return is_punctuation(json, token, ':') || refuse(json, token, parse_colon);
}

/* What follows a whole value: closes what ends here, and stops where another value must come, its path begun. True with depth 0
 * at the end of the document. */
static bool value_end(struct json *json)
{
	while (json->depth) {
		struct frame *frame = &json->frames[json->depth - 1];
		enum token token = lex(json);

		json->path_size = frame->path_size;
		if (is_punctuation(json, token, ','))
			return frame->array ? path_add_index(json) : key(json, lex(json));
		if (!is_punctuation(json, token, frame->array ? ']' : '}'))
			return refuse(json, token, frame->array ? parse_array : parse_object);
		json->depth--;
	}
	return true;
}

/* Behind an opening bracket: '*ret' is the token of the first element. An empty array or object is closed again, and '*ret' is then
 * the closing bracket. */
static bool container(struct json *json, bool array, enum token *ret)
{
	if (!frame_open(json, array))
		return false;
	*ret = lex(json);
	if (is_punctuation(json, *ret, array ? ']' : '}')) {
		json->depth--;
		return true;
	}
	if (array)
		return path_add_index(json);
	if (!key(json, *ret))
		return false;
	*ret = lex(json);
	return true;
}

static bool document(struct json *json)
{
	enum token token = lex(json);

	for (;;) {
		bool whole = true;

		if (token == TOKEN_PUNCTUATION && (json->punctuation == '{' || json->punctuation == '[')) {
			uint32_t depth = json->depth;

			if (!container(json, json->punctuation == '[', &token))
				return false;
			whole = json->depth == depth;
		} else if (token == TOKEN_STRING || token == TOKEN_NUMBER || token == TOKEN_LITERAL) {
			if (!tell(json))
				return false;
		} else {
			return refuse(json, token, parse_token);
		}
		if (!whole)
			continue;
		if (!value_end(json))
			return false;
		if (json->depth == 0)
			break;
		token = lex(json);
	}
	if (lex(json) != TOKEN_END || json->next != json->end) {
		json->error = parse_garbage;
		return false;
	}
	return true;
}

void json_parse(struct body_parser *parser, struct bytes in, bool cut)
{
	struct json json = { .parser = parser };

	/* As ModSecurity: no body is no broken one. */
	if (bytes_empty(in))
		return;
	json.next = in.ptr;
	json.end = in.ptr + in.size;
	json.depth_max = parser->limits.json_depth_max ? parser->limits.json_depth_max : DEPTH_MAX;
	json.names_left = NAMES_SIZE_BASE + in.size * NAMES_SIZE_FACTOR;
	if (!path_add(&json, "json", 4) || document(&json) || !json.error)
		return;
	/* Whatever is wrong at the end of a body that was cut is so because of the cut. */
	if (!cut || json.next != json.end)
		body_error(parser, "%s\n%s", json.error, json.deep ? ". Parsing depth limit exceeded" : "");
}
