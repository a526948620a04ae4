// SPDX-License-Identifier: Apache-2.0
#include "gate/transform/transform.h"

#include "gate/transform/transform-internal.h"

static size_t room_same(size_t size)
{
	return size;
}

/* A NUL behind a comment that ends the value. */
static size_t room_one_more(size_t size)
{
	return size + 1;
}

static size_t room_digest(size_t size)
{
	return 24;
}

static size_t room_base64(size_t size)
{
	return (size + 2) / 3 * 4;
}

static size_t room_twice(size_t size)
{
	return 2 * size;
}

static size_t room_thrice(size_t size)
{
	return 3 * size;
}

/* %uXXXX and one byte for an overlong form of two bytes is the most. */
static size_t room_utf8(size_t size)
{
	return 4 * size;
}

#define NOT_URL_SAFE (CLASS_ANY & ~(uint32_t)(CLASS_UPPER | CLASS_LOWER | CLASS_DIGIT | CLASS_STAR))
#define CMD_LINE                                                                                                       \
	(CLASS_UPPER | CLASS_SPACE | CLASS_BACKSLASH | CLASS_QUOTE | CLASS_CARET | CLASS_COMMA | CLASS_SEMICOLON)
#define COMMENT (CLASS_SLASH | CLASS_DASH | CLASS_HASH)

const struct transform transforms[] = {
	{ "base64Decode", NULL, CLASS_ANY, room_same, transform_base64_decode },
	{ "base64DecodeExt", NULL, CLASS_ANY, room_same, transform_base64_decode_ext },
	{ "base64Encode", NULL, CLASS_ANY, room_base64, transform_base64_encode },
	{ "cmdLine", NULL, CMD_LINE, room_same, transform_cmd_line },
	{ "compressWhitespace", NULL, CLASS_SPACE, room_one_more, transform_compress_whitespace },
	{ "cssDecode", NULL, CLASS_BACKSLASH, room_same, transform_css_decode },
	{ "escapeSeqDecode", NULL, CLASS_BACKSLASH, room_same, transform_escape_seq_decode },
	{ "hexDecode", NULL, CLASS_ANY, room_same, transform_hex_decode },
	{ "hexEncode", NULL, CLASS_ANY, room_twice, transform_hex_encode },
	{ "htmlEntityDecode", NULL, CLASS_AMPERSAND, room_same, transform_html_entity_decode },
	{ "jsDecode", NULL, CLASS_BACKSLASH, room_same, transform_js_decode },
	{ "length", NULL, CLASS_ANY, room_digest, transform_length },
	{ "lowercase", NULL, CLASS_UPPER, room_same, transform_lowercase },
	{ "md5", NULL, CLASS_ANY, room_digest, transform_md5 },
	{ "normalisePath", "normalizePath", CLASS_SLASH | CLASS_DOT, room_same, transform_normalise_path },
	{ "normalisePathWin", "normalizePathWin", CLASS_SLASH | CLASS_DOT | CLASS_BACKSLASH, room_same,
		transform_normalise_path_win },
	{ "parityEven7bit", NULL, CLASS_ANY, room_same, transform_parity_even },
	{ "parityOdd7bit", NULL, CLASS_ANY, room_same, transform_parity_odd },
	{ "parityZero7bit", NULL, CLASS_HIGH, room_same, transform_parity_zero },
	{ "removeComments", NULL, COMMENT, room_one_more, transform_remove_comments },
	{ "removeCommentsChar", NULL, COMMENT, room_same, transform_remove_comments_char },
	{ "removeNulls", NULL, CLASS_NUL, room_same, transform_remove_nulls },
	{ "removeWhitespace", NULL, CLASS_SPACE | CLASS_NBSP, room_one_more, transform_remove_whitespace },
	{ "replaceComments", NULL, CLASS_SLASH, room_same, transform_replace_comments },
	{ "replaceNulls", NULL, CLASS_NUL, room_same, transform_replace_nulls },
	{ "sha1", NULL, CLASS_ANY, room_digest, transform_sha1 },
	{ "sqlHexDecode", NULL, CLASS_DIGIT, room_same, transform_sql_hex_decode },
	{ "trim", NULL, CLASS_SPACE, room_same, transform_trim },
	{ "trimLeft", NULL, CLASS_SPACE, room_same, transform_trim_left },
	{ "trimRight", NULL, CLASS_SPACE, room_same, transform_trim_right },
	{ "uppercase", NULL, CLASS_LOWER, room_same, transform_uppercase },
	{ "urlDecode", NULL, CLASS_PERCENT | CLASS_PLUS, room_same, transform_url_decode },
	{ "urlDecodeUni", NULL, CLASS_PERCENT | CLASS_PLUS, room_same, transform_url_decode_uni },
	{ "urlEncode", NULL, NOT_URL_SAFE, room_thrice, transform_url_encode },
	{ "utf8toUnicode", NULL, CLASS_HIGH | CLASS_NUL, room_utf8, transform_utf8_to_unicode },
};

const size_t transform_count = ARRAY_COUNT(transforms);

const struct transform transform_url_decode_uni_20127 = { "urlDecodeUni", NULL, CLASS_PERCENT | CLASS_PLUS, room_same,
	transform_url_decode_best_fit };

static bool is_named(const char *name, struct bytes wanted)
{
	return name && ascii_equal_nocase(bytes_from_str(name), wanted);
}

const struct transform *transform_find(struct bytes name)
{
	for (size_t i = 0; i < transform_count; i++) {
		if (is_named(transforms[i].name, name) || is_named(transforms[i].alias, name))
			return &transforms[i];
	}
	return NULL;
}

struct bytes transform_run(
	const struct transform *transform, struct bytes in, uint32_t classes, struct arena *arena, bool *ret_refused)
{
	size_t room = transform->room(in.size), used;
	uint8_t *out;

	if (transform->acts_on != CLASS_ANY && (transform->acts_on & classes) == 0)
		return in;
	out = arena_take(arena, room);
	if (!out) {
		if (ret_refused)
			*ret_refused = true;
		return in;
	}
	used = transform->run(in, out);
	if (bytes_equal(in, bytes_of(out, used))) {
		arena_trim(arena, out, room, 0);
		return in;
	}
	arena_trim(arena, out, room, used == 0 ? 1 : used);
	return bytes_of(out, used);
}
