// SPDX-License-Identifier: Apache-2.0
/* Transforms that stand between a sticky buffer and its conditions (user guide, "Transformations").
 *
 * Each is a function of bytes; the result lies in the packet's arena, or is a view of the input where nothing had to
 * change. A transform that cannot do its work (a regex that does not match, text that is no base64) leaves the buffer as
 * it is; one that finds no memory answers false, and the conditions on its buffer do not hold. */
#include "base/ascii.h"
#include "base/digest.h"
#include "base/error.h"
#include "match/regex.h"
#include "sensor/detect/base64.h"
#include "sensor/detect/detect.h"
#include "sensor/detect/inflate.h"
#include "sensor/detect/suffix.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/policy.h"
#include "sensor/rules/text.h"
#include "sensor/settings.h"

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool is_upper(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z';
}

static bool is_lower(uint8_t byte)
{
	return byte >= 'a' && byte <= 'z';
}

static uint8_t *output(struct detect_context *context, size_t size)
{
	return arena_alloc(&context->memory, size);
}

/* ---- White space ---- */

static bool strip_whitespace(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	uint8_t *out = output(context, in.size);
	size_t size = 0;

	if (!out)
		return false;
	for (size_t i = 0; i < in.size; i++)
		if (!is_blank(in.ptr[i]))
			out[size++] = in.ptr[i];
	*ret = bytes_of(out, size);
	return true;
}

/* Of white space in a row the first byte stays, whichever it is. */
static bool compress_whitespace(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	uint8_t *out = output(context, in.size);
	size_t size = 0;

	if (!out)
		return false;
	for (size_t i = 0; i < in.size; i++)
		if (!is_blank(in.ptr[i]) || i == 0 || !is_blank(in.ptr[i - 1]))
			out[size++] = in.ptr[i];
	*ret = bytes_of(out, size);
	return true;
}

static bool accepts_no_blanks(struct bytes literal, bool nocase)
{
	for (size_t i = 0; i < literal.size; i++)
		if (is_blank(literal.ptr[i]))
			return false;
	return true;
}

static bool accepts_single_blanks(struct bytes literal, bool nocase)
{
	for (size_t i = 1; i < literal.size; i++)
		if (is_blank(literal.ptr[i]) && is_blank(literal.ptr[i - 1]))
			return false;
	return true;
}

/* ---- Case ---- */

static bool to_lowercase(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	uint8_t *out = output(context, in.size);

	if (!out)
		return false;
	for (size_t i = 0; i < in.size; i++)
		out[i] = is_upper(in.ptr[i]) ? in.ptr[i] | 0x20 : in.ptr[i];
	*ret = bytes_of(out, in.size);
	return true;
}

static bool to_uppercase(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	uint8_t *out = output(context, in.size);

	if (!out)
		return false;
	for (size_t i = 0; i < in.size; i++)
		out[i] = is_lower(in.ptr[i]) ? in.ptr[i] & (uint8_t)~0x20 : in.ptr[i];
	*ret = bytes_of(out, in.size);
	return true;
}

static bool accepts_lower(struct bytes literal, bool nocase)
{
	for (size_t i = 0; i < literal.size && !nocase; i++)
		if (is_upper(literal.ptr[i]))
			return false;
	return true;
}

static bool accepts_upper(struct bytes literal, bool nocase)
{
	for (size_t i = 0; i < literal.size && !nocase; i++)
		if (is_lower(literal.ptr[i]))
			return false;
	return true;
}

/* ---- Digests ---- */

static bool to_digest(struct detect_context *context, enum digest_kind kind, struct bytes in, struct bytes *ret)
{
	uint8_t *out = output(context, digest_size(kind));

	if (!out || digest_of(kind, in, out) < 0)
		return false;
	*ret = bytes_of(out, digest_size(kind));
	return true;
}

static bool to_md5(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	return to_digest(context, DIGEST_MD5, in, ret);
}

static bool to_sha1(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	return to_digest(context, DIGEST_SHA1, in, ret);
}

static bool to_sha256(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	return to_digest(context, DIGEST_SHA256, in, ret);
}

/* ---- URL encoding ---- */

/* "%41" and "+"; a '%' without two digits behind it stays. */
static bool url_decode(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	uint8_t *out = output(context, in.size);
	size_t size = 0;

	if (!out)
		return false;
	for (size_t i = 0; i < in.size; i++) {
		uint8_t byte = in.ptr[i];

		if (byte == '+') {
			byte = ' ';
		} else if (byte == '%' && in.size - i > 2 && ascii_hex_value(in.ptr[i + 1]) >= 0 &&
			   ascii_hex_value(in.ptr[i + 2]) >= 0) {
			byte = (uint8_t)(ascii_hex_value(in.ptr[i + 1]) << 4 | ascii_hex_value(in.ptr[i + 2]));
			i += 2;
		}
		out[size++] = byte;
	}
	*ret = bytes_of(out, size);
	return true;
}

/* ---- Names of hosts ---- */

static bool dotprefix(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	uint8_t *out = output(context, in.size + 1);

	if (!out)
		return false;
	out[0] = '.';
	if (in.size != 0)
		memcpy(out + 1, in.ptr, in.size);
	*ret = bytes_of(out, in.size + 1);
	return true;
}

static bool domain(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	suffix_domain(in, ret);
	return true;
}

static bool tld(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	suffix_public(in, ret);
	return true;
}

/* ---- Headers ---- */

/* Names up to the colon, line by line. */
static bool header_lowercase(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	uint8_t *out = output(context, in.size);
	bool in_name = true;

	if (!out)
		return false;
	for (size_t i = 0; i < in.size; i++) {
		uint8_t byte = in.ptr[i];

		out[i] = in_name && is_upper(byte) ? byte | 0x20 : byte;
		if (byte == ':')
			in_name = false;
		else if (byte == '\n')
			in_name = true;
	}
	*ret = bytes_of(out, in.size);
	return true;
}

/* Drops the lines of HTTP/2's pseudo headers, which begin with a colon (RFC 9113, section 8.3). */
static bool strip_pseudo_headers(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	uint8_t *out = output(context, in.size);
	size_t size = 0;

	if (!out)
		return false;
	while (in.size > 0) {
		size_t end = bytes_index(in, '\n');
		struct bytes line = bytes_first(in, end + 1);

		if (line.ptr[0] != ':') {
			memcpy(out + size, line.ptr, line.size);
			size += line.size;
		}
		in = bytes_skip(in, line.size);
	}
	*ret = bytes_of(out, size);
	return true;
}

/* ---- Transforms without options ---- */

static const struct rule_transform plain[] = {
	{ .name = "strip_whitespace", .accepts = accepts_no_blanks, .run = strip_whitespace },
	{ .name = "compress_whitespace", .accepts = accepts_single_blanks, .run = compress_whitespace },
	{ .name = "to_lowercase", .accepts = accepts_lower, .run = to_lowercase },
	{ .name = "to_uppercase", .accepts = accepts_upper, .run = to_uppercase },
	{ .name = "to_md5", .run = to_md5 },
	{ .name = "to_sha1", .run = to_sha1 },
	{ .name = "to_sha256", .run = to_sha256 },
	{ .name = "url_decode", .run = url_decode },
	{ .name = "dotprefix", .run = dotprefix },
	{ .name = "domain", .run = domain },
	{ .name = "tld", .run = tld },
	{ .name = "header_lowercase", .run = header_lowercase },
	{ .name = "strip_pseudo_headers", .run = strip_pseudo_headers },
};

static int parse_plain(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	for (size_t i = 0; i < ARRAY_COUNT(plain); i++)
		if (strcmp(plain[i].name, keyword->name) == 0)
			return rule_builder_transform(builder, &plain[i]);
	return LUYTRE_E_NOT_FOUND;
}

static int parse_suffix(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	if (!suffix_load())
		return rule_builder_error(builder, "the list of public suffixes is not there (%s)", SUFFIX_LIST_PATH);
	return parse_plain(builder, keyword, value, negated);
}

/* Adds a transform with its options as written and its data. */
static int add_transform(
	struct rule_builder *builder, const struct rule_transform *model, struct bytes options, void *data)
{
	struct rule_transform *transform = arena_alloc(rule_builder_arena(builder), sizeof(*transform));
	void *copy = arena_dup(rule_builder_arena(builder), options);

	if (!transform || !copy)
		return LUYTRE_E_NOMEM;
	*transform = *model;
	transform->options = bytes_of(copy, options.size);
	transform->data = data;
	return rule_builder_transform(builder, transform);
}

/* ---- pcrexform ---- */

/* The first group of the regex; the buffer as it is where the regex does not match. */
static bool pcrexform(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	struct regex_captures captures;

	switch (regex_match(transform->data, context->scratch, in, 0, &captures)) {
	case REGEX_MATCH:
		*ret = captures.count > 1 && captures.group[1].ptr ? captures.group[1] : in;
		return true;
	case REGEX_LIMIT:
		context->counters_pcre_limit++;
		/* fall through */
	default:
		*ret = in;
		return true;
	}
}

static void free_regex(void *regex)
{
	regex_free(regex);
}

static int parse_pcrexform(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const struct rule_transform model = { .name = "pcrexform", .run = pcrexform };
	char message[REGEX_MESSAGE_SIZE] = "";
	struct regex *regex = NULL;
	const struct sensor_settings *settings = rule_builder_context(builder)->settings;
	const struct regex_limits limits = { .steps = settings->pcre_match_limit, .depth = settings->pcre_depth_limit };
	int error = regex_compile(value, 0, limits, message, &regex);

	if (error == LUYTRE_E_SYNTAX)
		return rule_builder_error(builder, "%s", message);
	if (error < 0)
		return error;
	/* Rules share chains of transforms: the regex lives as long as the policy, not as the rule. */
	error = policy_on_free(rule_builder_context(builder)->policy, free_regex, regex);
	if (error < 0) {
		regex_free(regex);
		return error;
	}
	return add_transform(builder, &model, value, regex);
}

/* ---- xor ---- */

struct xor_key {
	uint8_t size;
	uint8_t bytes[255];
};

static bool xor_run(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	const struct xor_key *key = transform->data;
	uint8_t *out = output(context, in.size);

	if (!out)
		return false;
	for (size_t i = 0, k = 0; i < in.size; i++) {
		out[i] = in.ptr[i] ^ key->bytes[k];
		k = k + 1 == key->size ? 0 : k + 1;
	}
	*ret = bytes_of(out, in.size);
	return true;
}

static int parse_xor(struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const struct rule_transform model = { .name = "xor", .run = xor_run };
	struct xor_key *key = arena_alloc(rule_builder_arena(builder), sizeof(*key));

	if (!key)
		return LUYTRE_E_NOMEM;
	if (value.size == 0 || value.size % 2 != 0 || value.size / 2 > sizeof(key->bytes))
		return rule_builder_error(
			builder, "the key is 1 to %zu bytes, as pairs of hex digits", sizeof(key->bytes));
	for (size_t i = 0; i < value.size; i += 2) {
		int high = ascii_hex_value(value.ptr[i]), low = ascii_hex_value(value.ptr[i + 1]);

		if (high < 0 || low < 0)
			return rule_builder_error(builder, "the key is not of hex digits");
		key->bytes[key->size++] = (uint8_t)(high << 4 | low);
	}
	return add_transform(builder, &model, value, key);
}

/* ---- from_base64 ---- */

enum { BASE64_NUMBER_MAX = UINT16_MAX };

struct base64_options {
	uint8_t mode; /* enum base64_mode */
	uint32_t offset, size; /* size 0: all */
};

static bool from_base64(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	const struct base64_options *options = transform->data;
	struct bytes text = bytes_skip(in, options->offset);
	uint8_t *out;
	size_t size;

	*ret = in;
	if (options->size != 0)
		text = bytes_first(text, options->size);
	if (text.size == 0)
		return true;
	out = output(context, base64_decoded_max(text.size));
	if (!out)
		return false;
	if (base64_decode(text, options->mode, out, &size) && size > 0)
		*ret = bytes_of(out, size);
	return true;
}

static int base64_option(struct rule_builder *builder, struct base64_options *options, struct bytes item)
{
	static const char *const modes[] = { "rfc4648", "rfc2045", "strict", NULL };
	static const uint8_t mode_of[] = { BASE64_RFC4648, BASE64_RFC2045, BASE64_STRICT };
	size_t blank = bytes_index(item, ' ');
	struct bytes word = bytes_first(item, blank), value = rule_text_trim(bytes_skip(item, blank));
	uint32_t number;
	int mode;

	if (rule_text_is(word, "mode")) {
		mode = rule_text_choice(value, modes);
		if (mode < 0)
			return rule_builder_error(builder, "mode expects rfc4648, rfc2045 or strict");
		options->mode = mode_of[mode];
		return 0;
	}
	if (!rule_text_u32(value, &number) || number > BASE64_NUMBER_MAX)
		return rule_builder_error(builder, "expected offset or bytes with a number below 65536");
	if (rule_text_is(word, "offset"))
		options->offset = number;
	else if (rule_text_is(word, "bytes") && number > 0)
		options->size = number;
	else
		return rule_builder_error(builder, "expected offset, bytes or mode, found \"%.*s\"",
			(int)(item.size < 40 ? item.size : 40), (const char *)item.ptr);
	return 0;
}

static int parse_base64(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const struct rule_transform model = { .name = "from_base64", .run = from_base64 };
	struct base64_options *options = arena_alloc(rule_builder_arena(builder), sizeof(*options));
	struct bytes rest = value, item;

	if (!options)
		return LUYTRE_E_NOMEM;
	options->mode = BASE64_RFC4648;
	while (rule_text_item(&rest, ',', &item)) {
		int error = base64_option(builder, options, item);

		if (error < 0)
			return error;
	}
	return add_transform(builder, &model, value, options);
}

/* ---- gunzip, zlib_deflate ---- */

enum { INFLATE_SIZE_DEFAULT = 1024, INFLATE_SIZE_MAX = 1 << 20 };

struct inflate_options {
	uint8_t format; /* enum inflate_format */
	uint32_t size_max;
};

static bool inflate_run(
	struct detect_context *context, const struct rule_transform *transform, struct bytes in, struct bytes *ret)
{
	const struct inflate_options *options = transform->data;
	uint8_t *out = output(context, options->size_max);
	size_t size = out ? inflate_once(in, options->format, out, options->size_max) : 0;

	*ret = size > 0 ? bytes_of(out, size) : in;
	return out != NULL;
}

static int parse_inflate(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const struct rule_transform models[] = {
		{ .name = "gunzip", .run = inflate_run },
		{ .name = "zlib_deflate", .run = inflate_run },
	};
	struct inflate_options *options = arena_alloc(rule_builder_arena(builder), sizeof(*options));
	bool is_gzip = strcmp(keyword->name, "gunzip") == 0;
	struct bytes rest = value, item;

	if (!options)
		return LUYTRE_E_NOMEM;
	*options = (struct inflate_options){ is_gzip ? INFLATE_GZIP : INFLATE_ZLIB, INFLATE_SIZE_DEFAULT };
	while (rule_text_item(&rest, ',', &item)) {
		size_t blank = bytes_index(item, ' ');

		if (!rule_text_is(bytes_first(item, blank), "max-size") ||
			!rule_text_u32(rule_text_trim(bytes_skip(item, blank)), &options->size_max) ||
			options->size_max == 0 || options->size_max > INFLATE_SIZE_MAX)
			return rule_builder_error(builder, "expected max-size with 1 to %d", INFLATE_SIZE_MAX);
	}
	return add_transform(builder, &models[is_gzip ? 0 : 1], value, options);
}

/* ---- Keywords ---- */

enum { PLAIN = KEYWORD_NO_VALUE | KEYWORD_TRANSFORM };

const struct rule_keyword detect_transform_keywords[] = {
	{ "strip_whitespace", NULL, PLAIN, parse_plain, "takes all white space out of the buffer" },
	{ "compress_whitespace", NULL, PLAIN, parse_plain, "leaves one of several white spaces in a row" },
	{ "to_lowercase", NULL, PLAIN, parse_plain, "small letters" },
	{ "to_uppercase", NULL, PLAIN, parse_plain, "capital letters" },
	{ "to_md5", NULL, PLAIN, parse_plain, "the MD5 digest of the buffer" },
	{ "to_sha1", NULL, PLAIN, parse_plain, "the SHA-1 digest of the buffer" },
	{ "to_sha256", NULL, PLAIN, parse_plain, "the SHA-256 digest of the buffer" },
	{ "url_decode", NULL, PLAIN, parse_plain, "takes URL encoding off" },
	{ "dotprefix", NULL, PLAIN, parse_plain, "puts a dot before a name of a host" },
	{ "domain", NULL, PLAIN, parse_suffix, "the registered domain of a name of a host" },
	{ "tld", NULL, PLAIN, parse_suffix, "the public suffix of a name of a host" },
	{ "header_lowercase", NULL, PLAIN, parse_plain, "small letters in names of headers" },
	{ "strip_pseudo_headers", NULL, PLAIN, parse_plain, "takes HTTP/2's pseudo headers out" },
	{ "pcrexform", NULL, KEYWORD_QUOTES | KEYWORD_QUOTES_REQUIRED | KEYWORD_TRANSFORM, parse_pcrexform,
		"the first group of a regex" },
	{ "xor", NULL, KEYWORD_QUOTES | KEYWORD_TRANSFORM, parse_xor, "exclusive or with a key" },
	{ "from_base64", NULL, KEYWORD_OPTIONAL_VALUE | KEYWORD_TRANSFORM, parse_base64, "takes base64 off" },
	{ "gunzip", NULL, KEYWORD_OPTIONAL_VALUE | KEYWORD_TRANSFORM, parse_inflate, "takes gzip off" },
	{ "zlib_deflate", NULL, KEYWORD_OPTIONAL_VALUE | KEYWORD_TRANSFORM, parse_inflate, "takes zlib off" },
	{ 0 },
};
