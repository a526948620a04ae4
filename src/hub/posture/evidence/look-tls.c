// SPDX-License-Identifier: Apache-2.0
/* Records of TLS: version, cipher, certificate. RFC 8996 (TLS 1.0 and 1.1), RFC 7568 (SSL 3), RFC 6176 (SSL 2), RFC 7465 (RC4), RFC 9325 (the rest).
 * The certificates of TLS 1.3 are not readable on the wire. */
#include <stdio.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/date.h"
#include "hub/posture/evidence/look.h"

enum { RSA_BITS_MIN = 2048, EC_BITS_MIN = 224, SOON_DAYS = 14, DAY_S = 86400 };

static const struct {
	const char *name; /* as the sensor writes it */
	enum perimeter_rule rule;
	const char *shown;
} versions[] = {
	{ "SSLv2", PERIMETER_SSL_2, "SSL 2.0" },
	{ "SSLv3", PERIMETER_SSL_3, "SSL 3.0" },
	{ "TLSv1", PERIMETER_TLS_1_0, "TLS 1.0" },
	{ "TLS 1.0", PERIMETER_TLS_1_0, "TLS 1.0" },
	{ "TLS 1.1", PERIMETER_TLS_1_1, "TLS 1.1" },
};

/* Numbers of the IANA registry "TLS Cipher Suites", from - to, that have no encryption, no authentication, or one that is broken. */
static const struct {
	uint16_t first, last;
	const char *why;
} ciphers[] = {
	{ 0x0001, 0x0002, "no encryption" },
	{ 0x0003, 0x0003, "export RC4" },
	{ 0x0004, 0x0005, "RC4" },
	{ 0x0006, 0x0006, "export RC2" },
	{ 0x0008, 0x0009, "DES" },
	{ 0x000a, 0x000a, "3DES" },
	{ 0x000b, 0x000c, "DES" },
	{ 0x000d, 0x000d, "3DES" },
	{ 0x000e, 0x000f, "DES" },
	{ 0x0010, 0x0010, "3DES" },
	{ 0x0011, 0x0012, "DES" },
	{ 0x0013, 0x0013, "3DES" },
	{ 0x0014, 0x0015, "DES" },
	{ 0x0016, 0x0016, "3DES" },
	{ 0x0017, 0x001b, "no authentication" },
	{ 0x002c, 0x002e, "no encryption" },
	{ 0x0034, 0x0034, "no authentication" },
	{ 0x003a, 0x003a, "no authentication" },
	{ 0x003b, 0x003b, "no encryption" },
	{ 0x006c, 0x006d, "no authentication" },
	{ 0x008a, 0x008a, "RC4" },
	{ 0x008e, 0x008e, "RC4" },
	{ 0x0092, 0x0092, "RC4" },
	{ 0x00a6, 0x00a7, "no authentication" },
	{ 0xc001, 0xc001, "no encryption" },
	{ 0xc002, 0xc002, "RC4" },
	{ 0xc003, 0xc003, "3DES" },
	{ 0xc006, 0xc006, "no encryption" },
	{ 0xc007, 0xc007, "RC4" },
	{ 0xc008, 0xc008, "3DES" },
	{ 0xc00b, 0xc00b, "no encryption" },
	{ 0xc00c, 0xc00c, "RC4" },
	{ 0xc00d, 0xc00d, "3DES" },
	{ 0xc010, 0xc010, "no encryption" },
	{ 0xc011, 0xc011, "RC4" },
	{ 0xc012, 0xc012, "3DES" },
	{ 0xc015, 0xc019, "no authentication" },
};

static void look_version(struct look *look, const json_t *tls)
{
	struct bytes version = look_text(tls, "version");

	for (size_t i = 0; i < ARRAY_COUNT(versions); i++)
		if (bytes_equal_str(version, versions[i].name))
			look_add(look, versions[i].rule, "%s was agreed on", versions[i].shown);
}

static void look_cipher(struct look *look, const json_t *server)
{
	const char *text = json_string_value(json_object_get(server, "cipher"));
	unsigned long number = text ? strtoul(text, NULL, 16) : 0;

	for (size_t i = 0; text && i < ARRAY_COUNT(ciphers); i++)
		if (number >= ciphers[i].first && number <= ciphers[i].last)
			look_add(look, PERIMETER_TLS_CIPHER, "cipher suite 0x%04lx was chosen: %s", number,
				ciphers[i].why);
}

/* "2026-11-22T13:08:30" in seconds since 1970; false when it is none. */
static bool read_time(const char *text, int64_t *ret_s)
{
	int year, month, day, hour, minute, second, used = 0;

	if (!text ||
		sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) != 6 ||
		text[used] != '\0' || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	*ret_s = date_days(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second;
	return true;
}

static void look_expiry(struct look *look, const json_t *tls)
{
	const char *text = json_string_value(json_object_get(tls, "notafter"));
	int64_t now_s = look->time_us / 1000000, end_s;

	if (!read_time(text, &end_s))
		return;
	if (end_s < now_s)
		look_add(look, PERIMETER_CERT_EXPIRED, "the certificate ended %s", text);
	else if (end_s < now_s + SOON_DAYS * DAY_S)
		look_add(look, PERIMETER_CERT_SOON, "the certificate ends %s", text);
}

static void look_issuer(struct look *look, const json_t *tls)
{
	struct bytes subject = look_text(tls, "subject"), issuer = look_text(tls, "issuerdn");

	if (!bytes_empty(subject) && bytes_equal(subject, issuer))
		look_add(look, PERIMETER_CERT_SELF, "issuer and subject are both \"%.*s\"",
			(int)(subject.size < 160 ? subject.size : 160), (const char *)subject.ptr);
}

/* RFC 6125, section 6.4: a wildcard is the whole first label and stands for one. */
static bool name_matches(struct bytes pattern, struct bytes name)
{
	if (ascii_starts_nocase_str(pattern, "*.")) {
		size_t dot = bytes_index(name, '.');

		return dot > 0 && dot < name.size && ascii_equal_nocase(bytes_skip(pattern, 1), bytes_skip(name, dot));
	}
	return ascii_equal_nocase(pattern, name);
}

static bool certificate_has(const json_t *tls, struct bytes name)
{
	const json_t *names = json_object_get(tls, "subjectaltname"), *item;
	size_t i;

	json_array_foreach (names, i, item)
		if (json_is_string(item) &&
			name_matches(bytes_of(json_string_value(item), json_string_length(item)), name))
			return true;
	return false;
}

/* What name was asked for is the stranger's choice, so the name must be one of the organisation's own. */
static void look_name(struct look *look, const json_t *tls)
{
	struct bytes name = look_text(tls, "sni");
	struct look_found *found;

	if (bytes_empty(name) || bytes_empty(look_text(tls, "subject")) || name.size >= LOOK_NAME_SIZE ||
		memchr(name.ptr, '\0', name.size) || certificate_has(tls, name))
		return;
	found = look_add(look, PERIMETER_CERT_NAME, "the certificate shown for %.*s does not have that name",
		(int)(name.size < 180 ? name.size : 180), (const char *)name.ptr);
	if (found)
		(void)!bytes_to_str(name, found->name, sizeof(found->name));
}

static void look_key(struct look *look, const json_t *tls, const json_t *server)
{
	struct bytes key = look_text(server, "key"), signature = look_text(server, "signature");
	int64_t bits = look_number(server, "key_bits");
	bool curve = bytes_equal_str(key, "ec");

	if (bits > 0 && bits < (curve ? EC_BITS_MIN : RSA_BITS_MIN) &&
		(curve || bytes_equal_str(key, "rsa") || bytes_equal_str(key, "rsa-pss")))
		look_add(look, PERIMETER_CERT_KEY, "the certificate's key is %s of %lld bits", curve ? "EC" : "RSA",
			(long long)bits);
	/* Nobody relies on the signature of a certificate that signs itself. */
	if ((ascii_starts_nocase_str(signature, "md") || ascii_starts_nocase_str(signature, "sha1-")) &&
		!bytes_equal(look_text(tls, "subject"), look_text(tls, "issuerdn")))
		look_add(look, PERIMETER_CERT_SIGNATURE, "the certificate is signed with %.*s", (int)signature.size,
			(const char *)signature.ptr);
}

void look_tls(struct look *look)
{
	const json_t *tls = json_object_get(look->root, "tls"), *server = json_object_get(tls, "server");

	look->answered = true;
	look_version(look, tls);
	look_cipher(look, server);
	look_expiry(look, tls);
	look_issuer(look, tls);
	look_name(look, tls);
	look_key(look, tls, server);
}
