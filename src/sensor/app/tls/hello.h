// SPDX-License-Identifier: Apache-2.0
/* ClientHello and ServerHello (RFC 8446, section 4.1; RFC 5246), and the fingerprints made of them.
 *
 * Functions of bytes: views in the results point into the input. Used by TLS and by QUIC, which carries the same
 * messages in other records. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"

enum tls_extension_type {
	TLS_EXT_SNI = 0,
	TLS_EXT_GROUPS = 10,
	TLS_EXT_POINT_FORMATS = 11,
	TLS_EXT_SIGNATURES = 13,
	TLS_EXT_ALPN = 16,
	TLS_EXT_TICKET = 35,
	TLS_EXT_EARLY_DATA = 42,
	TLS_EXT_VERSIONS = 43,
};

enum tls_sni_trouble { TLS_SNI_MULTIPLE = 1 << 0, TLS_SNI_BAD_TYPE = 1 << 1, TLS_SNI_BAD_LENGTH = 1 << 2 };

struct tls_hello {
	uint16_t legacy_version;
	uint16_t version; /* the highest of supported_versions without GREASE, else the legacy one */
	struct bytes random; /* 32 bytes */
	struct bytes session_id;
	struct bytes ciphers; /* two bytes each; ServerHello: one */
	struct bytes extensions; /* as they lie there, without the length in front */
	struct bytes sni, alpns, groups, point_formats, signatures, versions; /* contents without their outer length */
	bool has_extensions, has_sni, has_ticket, early_data;
	size_t ticket_size;
	uint8_t sni_trouble; /* enum tls_sni_trouble */
};

/* The body of a handshake message, without type and length. False: it does not have the form. */
MUST_CHECK bool tls_client_hello_read(struct bytes body, struct tls_hello *ret);
MUST_CHECK bool tls_server_hello_read(struct bytes body, struct tls_hello *ret);

/* Steps through extensions: '*rest' starts as hello->extensions. */
bool tls_extension_next(struct bytes *rest, uint16_t *ret_type, struct bytes *ret_data);
/* Steps through ALPN names: '*rest' starts as hello->alpns. */
bool tls_alpn_next(struct bytes *rest, struct bytes *ret);

/* RFC 8701. */
bool tls_is_grease(uint16_t value);

/* JA3 and JA3S: the string and its MD5 in hex. False: no memory. */
bool tls_ja3(const struct tls_hello *hello, struct arena *arena, struct bytes *ret_text, struct bytes *ret_hash);
bool tls_ja3s(const struct tls_hello *hello, struct arena *arena, struct bytes *ret_text, struct bytes *ret_hash);
/* JA4: 'transport' is 't' or 'q'. */
enum { TLS_JA4_SIZE = 36 };
void tls_ja4(const struct tls_hello *hello, char transport, char ret[TLS_JA4_SIZE + 1]);
