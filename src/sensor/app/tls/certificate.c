// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/tls/certificate.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/cursor.h"
#include "base/date.h"
#include "base/net.h"

enum {
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_OID = 0x06,
	DER_UTC_TIME = 0x17,
	DER_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_VERSION = 0xa0,
	DER_EXTENSIONS = 0xa3,
	DER_BOOLEAN = 0x01
};

/* ---- DER ---- */

struct der {
	uint8_t tag;
	struct bytes content;
};

static bool der_read(struct cursor *cur, struct der *ret)
{
	uint8_t first, byte;
	size_t size;

	if (!cursor_u8(cur, &ret->tag) || (ret->tag & 0x1f) == 0x1f || !cursor_u8(cur, &first))
		return false;
	size = first;
	if (first & 0x80) {
		unsigned int count = first & 0x7f;

		if (count == 0 || count > 4)
			return false;
		for (size = 0; count > 0; count--) {
			if (!cursor_u8(cur, &byte))
				return false;
			size = size << 8 | byte;
		}
	}
	return cursor_take(cur, size, &ret->content);
}

static bool der_expect(struct cursor *cur, uint8_t tag, struct bytes *ret)
{
	struct der der;

	if (!der_read(cur, &der) || der.tag != tag)
		return false;
	*ret = der.content;
	return true;
}

/* ---- Texts ---- */

static bool hex_text(struct arena *arena, struct bytes in, bool upper, struct bytes *ret)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char *text = arena_alloc(arena, in.size * 3 + 1);
	size_t size = 0;

	if (!text)
		return false;
	for (size_t i = 0; i < in.size; i++) {
		if (i != 0)
			text[size++] = ':';
		text[size++] = digits[in.ptr[i] >> 4];
		text[size++] = digits[in.ptr[i] & 15];
	}
	*ret = bytes_of(text, size);
	return true;
}

/* Attribute types (RFC 4519 and the CA/Browser Forum's) by their DER encoding. */
static const struct {
	uint8_t size;
	const char *oid;
	const char *name;
} attributes[] = {
	{ 3, "\x55\x04\x03", "CN" },
	{ 3, "\x55\x04\x04", "SN" },
	{ 3, "\x55\x04\x05", "serialNumber" },
	{ 3, "\x55\x04\x06", "C" },
	{ 3, "\x55\x04\x07", "L" },
	{ 3, "\x55\x04\x08", "ST" },
	{ 3, "\x55\x04\x09", "street" },
	{ 3, "\x55\x04\x0a", "O" },
	{ 3, "\x55\x04\x0b", "OU" },
	{ 3, "\x55\x04\x0c", "title" },
	{ 3, "\x55\x04\x0d", "description" },
	{ 3, "\x55\x04\x0f", "businessCategory" },
	{ 3, "\x55\x04\x11", "postalCode" },
	{ 3, "\x55\x04\x29", "name" },
	{ 3, "\x55\x04\x2a", "givenName" },
	{ 3, "\x55\x04\x2b", "initials" },
	{ 3, "\x55\x04\x2c", "generationQualifier" },
	{ 3, "\x55\x04\x2e", "dnQualifier" },
	{ 9, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "Email" },
	{ 9, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02", "unstructuredName" },
	{ 10, "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID" },
	{ 10, "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC" },
	{ 11, "\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x01", "jurisdictionL" },
	{ 11, "\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x02", "jurisdictionST" },
	{ 11, "\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x03", "jurisdictionC" },
};

struct dn {
	uint8_t text[TLS_DN_MAX];
	size_t size;
};

static void dn_append(struct dn *dn, const void *text, size_t size)
{
	size_t room = sizeof(dn->text) - dn->size;

	if (size > room)
		size = room;
	if (size != 0)
		memcpy(dn->text + dn->size, text, size);
	dn->size += size;
}

/* X.690, section 8.19: the dotted form of an object identifier. */
static void dn_oid(struct dn *dn, struct bytes oid)
{
	uint64_t value = 0;
	bool first = true;
	char text[48];

	for (size_t i = 0; i < oid.size; i++) {
		int size;

		value = value << 7 | (oid.ptr[i] & 0x7f);
		if (oid.ptr[i] & 0x80)
			continue;
		if (first)
			size = snprintf(text, sizeof(text), "%u.%u", value < 80 ? (unsigned int)value / 40 : 2,
				(unsigned int)(value < 80 ? value % 40 : value - 80));
		else
			size = snprintf(text, sizeof(text), ".%llu", (unsigned long long)value);
		dn_append(dn, text, (size_t)size);
		first = false;
		value = 0;
	}
}

static void dn_attribute(struct dn *dn, struct bytes oid, struct bytes value)
{
	unsigned int i = 0;

	while (i < ARRAY_COUNT(attributes) && !bytes_equal(oid, bytes_of(attributes[i].oid, attributes[i].size)))
		i++;
	if (i < ARRAY_COUNT(attributes))
		dn_append(dn, attributes[i].name, strlen(attributes[i].name));
	else
		dn_oid(dn, oid);
	dn_append(dn, "=", 1);
	dn_append(dn, value.ptr, value.size);
}

static bool name_read(struct arena *arena, struct bytes name, struct bytes *ret)
{
	struct cursor rdns = cursor_over(name);
	struct dn dn = { .size = 0 };
	struct bytes set;

	while (cursor_left(&rdns) != 0) {
		struct cursor values;
		bool first = true;

		if (!der_expect(&rdns, DER_SET, &set))
			return false;
		for (values = cursor_over(set); cursor_left(&values) != 0; first = false) {
			struct bytes pair, oid;
			struct cursor parts;
			struct der value;

			if (!der_expect(&values, DER_SEQUENCE, &pair))
				return false;
			parts = cursor_over(pair);
			if (!der_expect(&parts, DER_OID, &oid) || !der_read(&parts, &value))
				return false;
			if (dn.size != 0)
				dn_append(&dn, first ? ", " : " + ", first ? 2 : 3);
			dn_attribute(&dn, oid, value.content);
		}
	}
	*ret = bytes_of(arena_dup(arena, bytes_of(dn.text, dn.size)), dn.size);
	return ret->ptr != NULL;
}

/* ---- Times ---- */

static bool two_digits(struct bytes *in, int *ret)
{
	if (in->size < 2 || in->ptr[0] < '0' || in->ptr[0] > '9' || in->ptr[1] < '0' || in->ptr[1] > '9')
		return false;
	*ret = (in->ptr[0] - '0') * 10 + (in->ptr[1] - '0');
	*in = bytes_skip(*in, 2);
	return true;
}

/* RFC 5280, section 4.1.2.5. */
static bool time_read(struct cursor *cur, int64_t *ret)
{
	int century = 0, year, month, day, hour, minute, second = 0;
	struct der der;
	struct bytes text;

	if (!der_read(cur, &der))
		return false;
	text = der.content;
	if (der.tag == DER_TIME && !two_digits(&text, &century))
		return false;
	if ((der.tag != DER_TIME && der.tag != DER_UTC_TIME) || !two_digits(&text, &year) ||
		!two_digits(&text, &month) || !two_digits(&text, &day) || !two_digits(&text, &hour) ||
		!two_digits(&text, &minute))
		return false;
	if (text.size >= 2 && text.ptr[0] != 'Z' && !two_digits(&text, &second))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
		return false;
	year += der.tag == DER_TIME ? century * 100 : year < 50 ? 2000 : 1900;
	*ret = date_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

static bool validity_read(struct cursor *tbs, struct tls_certificate *ret)
{
	struct bytes validity;
	struct cursor cur;

	if (!der_expect(tbs, DER_SEQUENCE, &validity))
		return false;
	cur = cursor_over(validity);
	return time_read(&cur, &ret->not_before_s) && time_read(&cur, &ret->not_after_s);
}

/* ---- Extensions ---- */

static struct bytes general_name(struct arena *arena, const struct der *der)
{
	char text[IP_ADDR_TEXT_SIZE];
	struct ip_addr addr;

	switch (der->tag) {
	case 0x81: /* rfc822Name */
	case 0x82: /* dNSName */
	case 0x86: /* uniformResourceIdentifier */
		return bytes_of(arena_dup(arena, der->content), der->content.size);
	case 0x87: /* iPAddress */
		if (der->content.size != 4 && der->content.size != 16)
			break;
		addr = der->content.size == 4 ? ip_addr_v4(der->content.ptr) : ip_addr_v6(der->content.ptr);
		ip_addr_format(&addr, text);
		return bytes_of(arena_strdup(arena, text), strlen(text));
	default:
		break;
	}
	return (struct bytes){ 0 };
}

static bool alt_names_read(struct arena *arena, struct bytes octets, struct tls_certificate *ret)
{
	struct cursor cur = cursor_over(octets);
	struct bytes names;
	struct der der;

	if (!der_expect(&cur, DER_SEQUENCE, &names))
		return false;
	ret->alt_names = arena_alloc(arena, TLS_ALT_NAMES_MAX * sizeof(*ret->alt_names));
	if (!ret->alt_names)
		return false;
	cur = cursor_over(names);
	while (ret->alt_name_count < TLS_ALT_NAMES_MAX && der_read(&cur, &der)) {
		struct bytes name = general_name(arena, &der);

		if (name.ptr)
			ret->alt_names[ret->alt_name_count++] = name;
	}
	return true;
}

static bool extensions_read(struct arena *arena, struct cursor *tbs, struct tls_certificate *ret)
{
	static const uint8_t alt_name_oid[] = { 0x55, 0x1d, 0x11 };
	struct bytes list;
	struct cursor cur, items;
	struct der der;

	do {
		if (cursor_left(tbs) == 0)
			return true;
		if (!der_read(tbs, &der))
			return false;
	} while (der.tag != DER_EXTENSIONS);
	cur = cursor_over(der.content);
	if (!der_expect(&cur, DER_SEQUENCE, &list))
		return false;
	for (items = cursor_over(list); cursor_left(&items) != 0;) {
		struct bytes item, oid;
		struct cursor parts;

		if (!der_expect(&items, DER_SEQUENCE, &item))
			return false;
		parts = cursor_over(item);
		if (!der_expect(&parts, DER_OID, &oid) || !der_read(&parts, &der))
			return false;
		if (der.tag == DER_BOOLEAN && !der_read(&parts, &der))
			return false;
		if (der.tag == DER_OCTETS && bytes_equal(oid, bytes_of(alt_name_oid, sizeof(alt_name_oid))) &&
			!ret->alt_names && !alt_names_read(arena, der.content, ret))
			return false;
	}
	return true;
}

/* ---- Algorithms ---- */

/* Object identifiers of RFC 3279, RFC 4055, RFC 5480, RFC 5758 and RFC 8410, DER encoded. */
struct algorithm {
	uint8_t size;
	const char *oid, *name;
	uint32_t bits; /* of a curve */
};

static const struct algorithm keys[] = {
	{ 9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", "rsa", 0 },
	{ 9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", "rsa-pss", 0 },
	{ 7, "\x2a\x86\x48\xce\x38\x04\x01", "dsa", 0 },
	{ 7, "\x2a\x86\x48\xce\x3d\x02\x01", "ec", 0 },
	{ 3, "\x2b\x65\x70", "ed25519", 256 },
	{ 3, "\x2b\x65\x71", "ed448", 456 },
};

static const struct algorithm curves[] = {
	{ 8, "\x2a\x86\x48\xce\x3d\x03\x01\x01", "P-192", 192 },
	{ 5, "\x2b\x81\x04\x00\x21", "P-224", 224 },
	{ 8, "\x2a\x86\x48\xce\x3d\x03\x01\x07", "P-256", 256 },
	{ 5, "\x2b\x81\x04\x00\x22", "P-384", 384 },
	{ 5, "\x2b\x81\x04\x00\x23", "P-521", 521 },
};

static const struct algorithm signatures[] = {
	{ 9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02", "md2-rsa", 0 },
	{ 9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", "md5-rsa", 0 },
	{ 9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", "sha1-rsa", 0 },
	{ 9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", "rsa-pss", 0 },
	{ 9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", "sha256-rsa", 0 },
	{ 9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", "sha384-rsa", 0 },
	{ 9, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", "sha512-rsa", 0 },
	{ 7, "\x2a\x86\x48\xce\x38\x04\x03", "sha1-dsa", 0 },
	{ 7, "\x2a\x86\x48\xce\x3d\x04\x01", "sha1-ecdsa", 0 },
	{ 8, "\x2a\x86\x48\xce\x3d\x04\x03\x02", "sha256-ecdsa", 0 },
	{ 8, "\x2a\x86\x48\xce\x3d\x04\x03\x03", "sha384-ecdsa", 0 },
	{ 8, "\x2a\x86\x48\xce\x3d\x04\x03\x04", "sha512-ecdsa", 0 },
	{ 3, "\x2b\x65\x70", "ed25519", 0 },
	{ 3, "\x2b\x65\x71", "ed448", 0 },
};

static const struct algorithm *algorithm_find(const struct algorithm *list, size_t count, struct bytes oid)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_equal(oid, bytes_of(list[i].oid, list[i].size)))
			return &list[i];
	return NULL;
}

/* Bits of the modulus of an RSA key: BIT STRING over SEQUENCE { INTEGER, INTEGER } (RFC 8017, A.1.1). */
static uint32_t rsa_bits(struct bytes bit_string)
{
	struct cursor cur = cursor_over(bytes_skip(bit_string, 1)), parts;
	struct bytes key, modulus;
	uint32_t bits;

	if (!der_expect(&cur, DER_SEQUENCE, &key))
		return 0;
	parts = cursor_over(key);
	if (!der_expect(&parts, DER_INTEGER, &modulus))
		return 0;
	while (modulus.size && modulus.ptr[0] == 0)
		modulus = bytes_skip(modulus, 1);
	if (!modulus.size || modulus.size > 1 << 16)
		return 0;
	bits = (uint32_t)modulus.size * 8;
	for (uint8_t top = modulus.ptr[0]; !(top & 0x80); top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

/* Of an AlgorithmIdentifier; '*ret_rest' stands behind its object identifier. */
static struct bytes algorithm_oid(struct bytes identifier, struct cursor *ret_rest)
{
	struct bytes oid = { 0 };

	*ret_rest = cursor_over(identifier);
	return der_expect(ret_rest, DER_OID, &oid) ? oid : (struct bytes){ 0 };
}

/* SubjectPublicKeyInfo. What cannot be read is left out: it says nothing about the rest of the certificate. */
static void key_read(struct bytes info, struct tls_certificate *ret)
{
	struct cursor cur = cursor_over(info), rest;
	const struct algorithm *key, *curve;
	struct bytes identifier, bits, oid;

	if (!der_expect(&cur, DER_SEQUENCE, &identifier) || !der_expect(&cur, DER_BITS, &bits))
		return;
	key = algorithm_find(keys, ARRAY_COUNT(keys), algorithm_oid(identifier, &rest));
	if (!key)
		return;
	ret->key = key->name;
	ret->key_bits = key->bits;
	if (key == &keys[0] || key == &keys[1]) {
		ret->key_bits = rsa_bits(bits);
	} else if (strcmp(key->name, "ec") == 0 && der_expect(&rest, DER_OID, &oid)) {
		curve = algorithm_find(curves, ARRAY_COUNT(curves), oid);
		ret->key_bits = curve ? curve->bits : 0;
	}
}

static void signature_read(struct bytes identifier, struct tls_certificate *ret)
{
	struct cursor rest;
	const struct algorithm *found =
		algorithm_find(signatures, ARRAY_COUNT(signatures), algorithm_oid(identifier, &rest));

	ret->signature = found ? found->name : NULL;
}

/* ---- The certificate ---- */

static bool fingerprint_make(struct arena *arena, struct bytes der, struct bytes *ret)
{
	uint8_t hash[20];

	return EVP_Digest(der.ptr, der.size, hash, NULL, EVP_sha1(), NULL) == 1 &&
	       hex_text(arena, bytes_of(hash, sizeof(hash)), false, ret);
}

static enum tls_certificate_status tbs_read(struct cursor *tbs, struct arena *arena, struct tls_certificate *ret)
{
	struct cursor ahead = *tbs;
	struct bytes part;
	struct der der;

	if (!der_read(&ahead, &der))
		return TLS_CERT_BAD_VERSION;
	if (der.tag == DER_VERSION)
		*tbs = ahead;
	if (!der_expect(tbs, DER_INTEGER, &part) || !hex_text(arena, part, true, &ret->serial))
		return TLS_CERT_BAD_SERIAL;
	if (!der_expect(tbs, DER_SEQUENCE, &part))
		return TLS_CERT_BAD_ALGORITHM;
	signature_read(part, ret);
	if (!der_expect(tbs, DER_SEQUENCE, &part) || !name_read(arena, part, &ret->issuer))
		return TLS_CERT_BAD_NAME;
	if (!validity_read(tbs, ret))
		return TLS_CERT_BAD_DATE;
	if (!der_expect(tbs, DER_SEQUENCE, &part) || !name_read(arena, part, &ret->subject))
		return TLS_CERT_BAD_NAME;
	if (!der_expect(tbs, DER_SEQUENCE, &part))
		return TLS_CERT_BAD_EXTENSIONS;
	key_read(part, ret);
	if (!extensions_read(arena, tbs, ret))
		return TLS_CERT_BAD_EXTENSIONS;
	return TLS_CERT_OK;
}

enum tls_certificate_status tls_certificate_read(struct bytes der, struct arena *arena, struct tls_certificate *ret)
{
	struct cursor cur = cursor_over(der), body, tbs;
	struct bytes certificate, tbs_bytes;

	*ret = (struct tls_certificate){ .der = der };
	if (!fingerprint_make(arena, der, &ret->fingerprint))
		return TLS_CERT_NO_MEMORY;
	if (!der_expect(&cur, DER_SEQUENCE, &certificate))
		return TLS_CERT_BAD_DER;
	body = cursor_over(certificate);
	if (!der_expect(&body, DER_SEQUENCE, &tbs_bytes))
		return TLS_CERT_BAD_DER;
	tbs = cursor_over(tbs_bytes);
	return tbs_read(&tbs, arena, ret);
}
