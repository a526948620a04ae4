// SPDX-License-Identifier: Apache-2.0
/* JA3 and JA3S (Althouse, Atkinson, Atkins, 2017) and JA4 (FoxIO, technical details of JA4: TLS client). */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "sensor/app/json.h"
#include "sensor/app/tls/hello.h"

enum { JA3_TEXT_MAX = 65536, JA4_VALUES_MAX = 1024 };

/* ---- JA3 ---- */

struct text {
	char *text;
	size_t size, capacity;
};

static void text_char(struct text *out, char wanted)
{
	if (out->size < out->capacity)
		out->text[out->size++] = wanted;
}

static void text_number(struct text *out, uint16_t value, bool *first)
{
	unsigned int power = 10000;

	if (!*first)
		text_char(out, '-');
	while (power > 1 && value < power)
		power /= 10;
	for (; power > 0; power /= 10)
		text_char(out, (char)('0' + value / power % 10));
	*first = false;
}

static void text_list(struct text *out, struct bytes values)
{
	struct cursor cur = cursor_over(values);
	bool first = true;
	uint16_t value;

	while (cursor_u16be(&cur, &value))
		if (!tls_is_grease(value))
			text_number(out, value, &first);
}

static void text_extensions(struct text *out, struct bytes rest)
{
	struct bytes data;
	bool first = true;
	uint16_t type;

	while (tls_extension_next(&rest, &type, &data))
		if (!tls_is_grease(type))
			text_number(out, type, &first);
}

static bool text_finish(struct text *out, struct arena *arena, struct bytes *ret_text, struct bytes *ret_hash)
{
	uint8_t hash[16];
	char *hex = arena_alloc(arena, sizeof(hash) * 2 + 1);

	if (!hex || EVP_Digest(out->text, out->size, hash, NULL, EVP_md5(), NULL) != 1)
		return false;
	app_hex(bytes_of(hash, sizeof(hash)), hex);
	*ret_text = bytes_of(out->text, out->size);
	*ret_hash = bytes_of(hex, sizeof(hash) * 2);
	return true;
}

/* Six characters for two bytes are enough: "65535-". */
static bool text_init(struct text *out, struct arena *arena, const struct tls_hello *hello)
{
	size_t bytes =
		hello->ciphers.size + hello->extensions.size + hello->groups.size + hello->point_formats.size * 2;

	out->size = 0;
	out->capacity = bytes * 3 + 32 < JA3_TEXT_MAX ? bytes * 3 + 32 : JA3_TEXT_MAX;
	out->text = arena_alloc(arena, out->capacity);
	return out->text != NULL;
}

bool tls_ja3(const struct tls_hello *hello, struct arena *arena, struct bytes *ret_text, struct bytes *ret_hash)
{
	struct text out;
	bool first = true;

	if (!text_init(&out, arena, hello))
		return false;
	text_number(&out, hello->legacy_version, &first);
	text_char(&out, ',');
	text_list(&out, hello->ciphers);
	text_char(&out, ',');
	text_extensions(&out, hello->extensions);
	text_char(&out, ',');
	text_list(&out, hello->groups);
	text_char(&out, ',');
	first = true;
	for (size_t i = 0; i < hello->point_formats.size; i++)
		text_number(&out, hello->point_formats.ptr[i], &first);
	return text_finish(&out, arena, ret_text, ret_hash);
}

bool tls_ja3s(const struct tls_hello *hello, struct arena *arena, struct bytes *ret_text, struct bytes *ret_hash)
{
	struct text out;
	bool first = true;

	if (!text_init(&out, arena, hello))
		return false;
	text_number(&out, hello->legacy_version, &first);
	text_char(&out, ',');
	text_list(&out, hello->ciphers);
	text_char(&out, ',');
	text_extensions(&out, hello->extensions);
	return text_finish(&out, arena, ret_text, ret_hash);
}

/* ---- JA4 ---- */

struct values {
	uint16_t values[JA4_VALUES_MAX];
	unsigned int count;
};

static void values_add(struct values *values, uint16_t value)
{
	if (!tls_is_grease(value) && values->count < JA4_VALUES_MAX)
		values->values[values->count++] = value;
}

static void values_list(struct values *values, struct bytes in)
{
	struct cursor cur = cursor_over(in);
	uint16_t value;

	while (cursor_u16be(&cur, &value))
		values_add(values, value);
}

static int compare_values(const void *left, const void *right)
{
	return (int)*(const uint16_t *)left - (int)*(const uint16_t *)right;
}

static void hash_values(EVP_MD_CTX *context, const struct values *values)
{
	for (unsigned int i = 0; i < values->count; i++) {
		char text[8];
		int size = snprintf(text, sizeof(text), "%s%04x", i == 0 ? "" : ",", values->values[i]);

		EVP_DigestUpdate(context, text, (size_t)size);
	}
}

/* The first twelve hex digits of SHA-256 over one or two lists; zeros when the first is empty. */
static void hash_text(const struct values *first, const struct values *second, char ret[13])
{
	EVP_MD_CTX *context = first->count != 0 ? EVP_MD_CTX_new() : NULL;
	uint8_t hash[32];

	memcpy(ret, "000000000000", 13);
	if (!context)
		return;
	if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1) {
		hash_values(context, first);
		if (second && second->count != 0) {
			EVP_DigestUpdate(context, "_", 1);
			hash_values(context, second);
		}
		if (EVP_DigestFinal_ex(context, hash, NULL) == 1)
			app_hex(bytes_of(hash, 6), ret);
	}
	EVP_MD_CTX_free(context);
}

static const char *ja4_version(uint16_t version)
{
	static const struct {
		uint16_t version;
		char text[3];
	} rows[] = { { 0x0304, "13" }, { 0x0303, "12" }, { 0x0302, "11" }, { 0x0301, "10" }, { 0x0300, "s3" },
		{ 0x0002, "s2" }, { 0xfeff, "d1" }, { 0xfefd, "d2" }, { 0xfefc, "d3" } };

	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++)
		if (rows[i].version == version)
			return rows[i].text;
	return "00";
}

static bool is_alnum(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* First and last character of the first ALPN name; of its hex form when one of them is not a letter or digit. */
static void ja4_alpn(const struct tls_hello *hello, char ret[3])
{
	static const char digits[] = "0123456789abcdef";
	struct bytes rest = hello->alpns, name = { 0 };

	memcpy(ret, "00", 3);
	if (!tls_alpn_next(&rest, &name) || name.size == 0)
		return;
	ret[0] = (char)name.ptr[0];
	ret[1] = (char)name.ptr[name.size - 1];
	if (!is_alnum(name.ptr[0]) || !is_alnum(name.ptr[name.size - 1])) {
		ret[0] = digits[name.ptr[0] >> 4];
		ret[1] = digits[name.ptr[name.size - 1] & 15];
	}
}

void tls_ja4(const struct tls_hello *hello, char transport, char ret[TLS_JA4_SIZE + 1])
{
	struct values ciphers = { .count = 0 }, extensions = { .count = 0 }, signatures = { .count = 0 };
	struct bytes rest = hello->extensions, data;
	char alpn[3], cipher_hash[13], extension_hash[13];
	unsigned int extension_count = 0;
	uint16_t type;

	values_list(&ciphers, hello->ciphers);
	values_list(&signatures, hello->signatures);
	while (tls_extension_next(&rest, &type, &data)) {
		if (tls_is_grease(type))
			continue;
		extension_count++;
		if (type != TLS_EXT_SNI && type != TLS_EXT_ALPN)
			values_add(&extensions, type);
	}
	qsort(ciphers.values, ciphers.count, sizeof(ciphers.values[0]), compare_values);
	qsort(extensions.values, extensions.count, sizeof(extensions.values[0]), compare_values);
	ja4_alpn(hello, alpn);
	hash_text(&ciphers, NULL, cipher_hash);
	hash_text(&extensions, &signatures, extension_hash);
	snprintf(ret, TLS_JA4_SIZE + 1, "%c%s%c%02u%02u%s_%s_%s", transport, ja4_version(hello->version),
		hello->has_sni ? 'd' : 'i', ciphers.count < 99 ? ciphers.count : 99,
		extension_count < 99 ? extension_count : 99, alpn, cipher_hash, extension_hash);
}
