// SPDX-License-Identifier: Apache-2.0
#include "hub/intel/observable.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"

#define LABEL_MAX 63 /* RFC 1035, section 2.3.4 */

static const char *const kind_names[OBSERVABLE_KIND_COUNT] = {
#define X(id, word) word,
	OBSERVABLE_KINDS(X)
#undef X
};

/* Text being built, with a ceiling. */
struct text_out {
	char *text;
	size_t size; /* grows past the ceiling, so that the caller sees that it did not fit */
};

static void put(struct text_out *out, char c)
{
	if (out->size < OBSERVABLE_TEXT_SIZE - 1)
		out->text[out->size] = c;
	out->size++;
}

static void put_bytes(struct text_out *out, struct bytes in)
{
	for (size_t i = 0; i < in.size; i++)
		put(out, (char)in.ptr[i]);
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static uint8_t to_small(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_small_letter(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_hex(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

struct ip_addr observable_fold(const struct ip_addr *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (addr->family == IP_V6 && memcmp(addr->bytes, mapped, sizeof(mapped)) == 0)
		return ip_addr_v4(addr->bytes + sizeof(mapped));
	return *addr;
}

struct observable_key observable_key_of_prefix(const struct ip_prefix *prefix)
{
	struct ip_prefix folded = *prefix;
	struct observable_key key = { 0 };

	folded.addr = observable_fold(&prefix->addr);
	if (folded.addr.family != prefix->addr.family) {
		if (prefix->length >= 96)
			folded.length = (uint8_t)(prefix->length - 96);
		else
			folded = *prefix; /* wider than all mapped addresses: an IPv6 prefix */
	}
	if (folded.length > ip_addr_bits(&folded.addr))
		folded.length = ip_addr_bits(&folded.addr);
	ip_prefix_mask(&folded);
	key.kind = folded.length == ip_addr_bits(&folded.addr) ? OBSERVABLE_ADDR : OBSERVABLE_PREFIX;
	key.family = folded.addr.family;
	key.length = folded.length;
	memcpy(key.bytes, folded.addr.bytes, sizeof(key.bytes));
	return key;
}

bool observable_prefix(const struct observable_key *key, struct ip_prefix *ret)
{
	if (key->kind != OBSERVABLE_ADDR && key->kind != OBSERVABLE_PREFIX)
		return false;
	*ret = (struct ip_prefix){ .addr = { .family = key->family }, .length = key->length };
	memcpy(ret->addr.bytes, key->bytes, sizeof(key->bytes));
	return true;
}

bool observable_key_text(const struct observable_key *key, char text[IP_PREFIX_TEXT_SIZE])
{
	struct ip_prefix prefix;

	if (!observable_prefix(key, &prefix))
		return false;
	if (key->kind == OBSERVABLE_ADDR)
		ip_addr_format(&prefix.addr, text);
	else
		ip_prefix_format(&prefix, text);
	return true;
}

void observable_of_prefix(const struct ip_prefix *prefix, struct observable *ret)
{
	ret->key = observable_key_of_prefix(prefix);
	observable_key_text(&ret->key, ret->text);
}

void observable_of_addr(const struct ip_addr *addr, struct observable *ret)
{
	struct ip_prefix prefix = ip_prefix_of_addr(addr);

	observable_of_prefix(&prefix, ret);
}

static int parse_addr(struct bytes text, struct observable *ret)
{
	struct ip_addr addr;
	int error = ip_addr_parse(text, &addr);

	if (!error)
		observable_of_addr(&addr, ret);
	return error;
}

static int parse_prefix(struct bytes text, struct observable *ret)
{
	struct ip_prefix prefix;
	int error = ip_prefix_parse(text, IP_PREFIX_MASK_HOST_BITS, &prefix);

	if (!error)
		observable_of_prefix(&prefix, ret);
	return error;
}

/* Letters, digits, '-' and '_' (service names have it), labels of 1 to 63, at least two labels, a last label that is no
 * number, or it would be an address. Appends in small letters. */
static bool put_domain(struct text_out *out, struct bytes text)
{
	size_t label = 0, labels = 0;
	bool letters = false;

	if (text.size != 0 && text.ptr[text.size - 1] == '.')
		text.size--;
	if (text.size == 0 || text.size > OBSERVABLE_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = to_small(text.ptr[i]);

		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			labels++;
			letters = false;
		} else if (is_digit(c) || is_small_letter(c) || c == '-' || c == '_') {
			if (++label > LABEL_MAX)
				return false;
			letters = letters || !is_digit(c);
		} else {
			return false;
		}
		put(out, (char)c);
	}
	return label != 0 && labels != 0 && letters;
}

static int canonical_domain(struct bytes text, struct text_out *out)
{
	return put_domain(out, text) ? 0 : LUYTRE_E_SYNTAX;
}

/* Everything up to one of the characters in 'stops'; the rest stays in '*in'. */
static struct bytes take_until(struct bytes *in, const char *stops)
{
	size_t size = 0;
	struct bytes taken;

	while (size < in->size && !strchr(stops, in->ptr[size]))
		size++;
	taken = bytes_first(*in, size);
	*in = bytes_skip(*in, size);
	return taken;
}

/* Splits "[2001:db8::1]:8080" and "example.vn:8080". */
static bool split_port(struct bytes authority, struct bytes *ret_host, struct bytes *ret_port)
{
	size_t end;

	*ret_port = (struct bytes){ 0 };
	if (authority.size != 0 && authority.ptr[0] == '[') {
		end = bytes_index(authority, ']');
		if (end == authority.size)
			return false;
		*ret_host = bytes_of(authority.ptr + 1, end - 1);
		authority = bytes_skip(authority, end + 1);
		if (authority.size != 0 && authority.ptr[0] != ':')
			return false;
		*ret_port = bytes_skip(authority, 1);
		return true;
	}
	end = bytes_index(authority, ':');
	*ret_host = bytes_first(authority, end);
	*ret_port = bytes_skip(authority, end + 1);
	return true;
}

static bool put_host(struct text_out *out, struct bytes host)
{
	struct ip_addr addr;
	char text[IP_ADDR_TEXT_SIZE];

	if (ip_addr_parse(host, &addr) != 0)
		return put_domain(out, host);
	addr = observable_fold(&addr);
	ip_addr_format(&addr, text);
	if (addr.family == IP_V6)
		put(out, '[');
	put_bytes(out, bytes_from_str(text));
	if (addr.family == IP_V6)
		put(out, ']');
	return true;
}

/* Leaves out the port that the scheme has anyway. */
static bool put_port(struct text_out *out, struct bytes port, const char *usual)
{
	while (port.size > 1 && port.ptr[0] == '0')
		port = bytes_skip(port, 1);
	if (port.size > 5)
		return false;
	for (size_t i = 0; i < port.size; i++) {
		if (!is_digit(port.ptr[i]))
			return false;
	}
	if (port.size != 0 && !bytes_equal_str(port, usual)) {
		put(out, ':');
		put_bytes(out, port);
	}
	return true;
}

static int hex_value(uint8_t c)
{
	c = to_small(c);
	if (is_digit(c))
		return c - '0';
	return is_hex(c) ? c - 'a' + 10 : -1;
}

static bool is_unreserved(uint8_t c)
{
	return is_digit(c) || is_small_letter(to_small(c)) || strchr("-._~", c) != NULL;
}

/* RFC 3986, sections 6.2.2.1 and 6.2.2.2: escapes of ordinary characters are opened, the others get capital digits.
 * Bytes that must not stand in a URL are escaped. */
static void put_path(struct text_out *out, struct bytes path)
{
	char escape[4];

	for (size_t i = 0; i < path.size; i++) {
		int high = i + 2 < path.size && path.ptr[i] == '%' ? hex_value(path.ptr[i + 1]) : -1;
		int low = high >= 0 ? hex_value(path.ptr[i + 2]) : -1;
		uint8_t c = low >= 0 ? (uint8_t)(high << 4 | low) : path.ptr[i];

		i += low >= 0 ? 2 : 0;
		if (c != 0 && (is_unreserved(c) || (low < 0 && strchr("!$&'()*+,;=:@/", c)))) {
			put(out, (char)c);
			continue;
		}
		snprintf(escape, sizeof(escape), "%%%02X", c);
		put_bytes(out, bytes_from_str(escape));
	}
}

static int canonical_url(struct bytes text, struct text_out *out)
{
	static const struct {
		const char *scheme, *port;
	} rows[] = { { "http", "80" }, { "https", "443" }, { "ftp", "21" } };
	struct bytes scheme = take_until(&text, ":"), authority, host, port;
	size_t row = 0;
	char small[8] = "";

	for (size_t i = 0; i < scheme.size && i < sizeof(small) - 1; i++)
		small[i] = (char)to_small(scheme.ptr[i]);
	while (row < ARRAY_COUNT(rows) && strcmp(small, rows[row].scheme) != 0)
		row++;
	if (row == ARRAY_COUNT(rows) || !bytes_starts_with(text, bytes_from_str("://")))
		return LUYTRE_E_SYNTAX;
	put_bytes(out, bytes_from_str(rows[row].scheme));
	put_bytes(out, bytes_from_str("://"));
	text = bytes_skip(text, 3);
	authority = take_until(&text, "/?#");
	while (bytes_index(authority, '@') != authority.size)
		authority = bytes_skip(authority, bytes_index(authority, '@') + 1);
	if (!split_port(authority, &host, &port) || !put_host(out, host) || !put_port(out, port, rows[row].port))
		return LUYTRE_E_SYNTAX;
	if (text.size == 0 || text.ptr[0] != '/')
		put(out, '/');
	put_path(out, take_until(&text, "?#"));
	return 0;
}

static int canonical_hash(struct bytes text, struct text_out *out)
{
	if (text.size != 2 * DIGEST_MD5_SIZE && text.size != 2 * DIGEST_SHA1_SIZE &&
		text.size != 2 * DIGEST_SHA256_SIZE)
		return LUYTRE_E_SYNTAX;
	for (size_t i = 0; i < text.size; i++) {
		if (!is_hex(to_small(text.ptr[i])))
			return LUYTRE_E_SYNTAX;
		put(out, (char)to_small(text.ptr[i]));
	}
	return 0;
}

/* The shape of the fingerprint, a class a character: t protocol, v version, i server name, d digit, a letter or digit,
 * x hex digit (FoxIO, "JA4: TLS client fingerprinting", technical details). */
static int canonical_ja4(struct bytes text, struct text_out *out)
{
	static const char shape[] = "tvviddddaa_xxxxxxxxxxxx_xxxxxxxxxxxx";

	if (text.size != OBSERVABLE_JA4_SIZE)
		return LUYTRE_E_SYNTAX;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = to_small(text.ptr[i]);
		bool fits = false;

		switch (shape[i]) {
		case 't':
			fits = c == 't' || c == 'q' || c == 'd';
			break;
		case 'v':
			fits = is_digit(c) || c == 's' || c == 'd';
			break;
		case 'i':
			fits = c == 'd' || c == 'i';
			break;
		case 'd':
			fits = is_digit(c);
			break;
		case 'a':
			fits = is_digit(c) || is_small_letter(c);
			break;
		case 'x':
			fits = is_hex(c);
			break;
		default:
			fits = c == (uint8_t)shape[i];
			break;
		}
		if (!fits)
			return LUYTRE_E_SYNTAX;
		put(out, (char)c);
	}
	return 0;
}

static int parse_text(enum observable_kind kind, struct bytes text, struct observable *ret)
{
	static int (*const canonical[OBSERVABLE_KIND_COUNT])(struct bytes, struct text_out *) = {
		[OBSERVABLE_DOMAIN] = canonical_domain,
		[OBSERVABLE_URL] = canonical_url,
		[OBSERVABLE_HASH] = canonical_hash,
		[OBSERVABLE_JA4] = canonical_ja4,
	};
	struct observable made = { .key = { .kind = (uint8_t)kind } };
	struct text_out out = { .text = made.text };
	uint8_t digest[DIGEST_SHA256_SIZE];
	int error;

	if (!canonical[kind])
		return LUYTRE_E_INVALID;
	error = canonical[kind](text, &out);
	if (error)
		return error;
	if (out.size >= OBSERVABLE_TEXT_SIZE)
		return LUYTRE_E_RANGE;
	made.text[out.size] = '\0';
	error = digest_sha256(bytes_of(made.text, out.size), digest);
	if (error)
		return error;
	memcpy(made.key.bytes, digest, sizeof(made.key.bytes));
	*ret = made;
	return 0;
}

int observable_parse(enum observable_kind kind, struct bytes text, struct observable *ret)
{
	if ((unsigned int)kind >= OBSERVABLE_KIND_COUNT)
		return LUYTRE_E_INVALID;
	if (kind == OBSERVABLE_ADDR)
		return parse_addr(text, ret);
	if (kind == OBSERVABLE_PREFIX)
		return parse_prefix(text, ret);
	return parse_text(kind, text, ret);
}

const char *observable_kind_name(enum observable_kind kind)
{
	return (unsigned int)kind < OBSERVABLE_KIND_COUNT ? kind_names[kind] : kind_names[OBSERVABLE_NONE];
}

bool observable_kind_parse(struct bytes word, enum observable_kind *ret)
{
	for (unsigned int i = OBSERVABLE_ADDR; i < OBSERVABLE_KIND_COUNT; i++) {
		if (bytes_equal_str(word, kind_names[i])) {
			*ret = (enum observable_kind)i;
			return true;
		}
	}
	return false;
}
