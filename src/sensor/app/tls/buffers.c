// SPDX-License-Identifier: Apache-2.0
/* What rules can look at in a TLS connection. */
#include "sensor/app/tls/tls.h"

#define GETTER(name)                                                                                                   \
	static bool name(                                                                                              \
		struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)

static bool whole(struct bytes data, uint32_t index, struct app_view *ret)
{
	*ret = (struct app_view){ .data = data, .last = true };
	return index == 0 && data.ptr != NULL;
}

GETTER(get_sni)
{
	return tls_of(tx)->side[TO_SERVER].hello.sni.size != 0 &&
	       whole(tls_of(tx)->side[TO_SERVER].hello.sni, index, ret);
}

GETTER(get_subject)
{
	return whole(tls_of(tx)->side[dir].certificate.subject, index, ret);
}

GETTER(get_issuer)
{
	return whole(tls_of(tx)->side[dir].certificate.issuer, index, ret);
}

GETTER(get_serial)
{
	return whole(tls_of(tx)->side[dir].certificate.serial, index, ret);
}

GETTER(get_fingerprint)
{
	return whole(tls_of(tx)->side[dir].certificate.fingerprint, index, ret);
}

GETTER(get_certificate)
{
	const struct tls_side *side = &tls_of(tx)->side[dir];

	return index < side->chain_count && whole(side->chain[index], 0, ret);
}

GETTER(get_alt_name)
{
	const struct tls_certificate *certificate = &tls_of(tx)->side[TO_CLIENT].certificate;

	return index < certificate->alt_name_count && whole(certificate->alt_names[index], 0, ret);
}

GETTER(get_alpn)
{
	struct bytes rest = tls_of(tx)->side[dir].hello.alpns, name;

	while (tls_alpn_next(&rest, &name))
		if (index-- == 0)
			return whole(name, 0, ret);
	return false;
}

GETTER(get_random)
{
	return whole(tls_of(tx)->side[dir].hello.random, index, ret);
}

GETTER(get_random_time)
{
	struct bytes random = tls_of(tx)->side[dir].hello.random;

	return random.size == 32 && whole(bytes_first(random, 4), index, ret);
}

GETTER(get_random_bytes)
{
	struct bytes random = tls_of(tx)->side[dir].hello.random;

	return random.size == 32 && whole(bytes_skip(random, 4), index, ret);
}

GETTER(get_ja3_hash)
{
	return whole(tls_of(tx)->side[TO_SERVER].ja3_hash, index, ret);
}

GETTER(get_ja3_text)
{
	return whole(tls_of(tx)->side[TO_SERVER].ja3_text, index, ret);
}

GETTER(get_ja3s_hash)
{
	return whole(tls_of(tx)->side[TO_CLIENT].ja3_hash, index, ret);
}

GETTER(get_ja3s_text)
{
	return whole(tls_of(tx)->side[TO_CLIENT].ja3_text, index, ret);
}

GETTER(get_ja4)
{
	const char *ja4 = tls_of(tx)->side[TO_SERVER].ja4;

	return ja4[0] != '\0' && whole(bytes_from_str(ja4), index, ret);
}

/* From when on: hello of the client, hello of the server; certificates. */
#define HELLO                                                                                                          \
	{                                                                                                              \
		TLS_CLIENT_HELLO_DONE, TLS_SERVER_HELLO                                                                \
	}
#define CERT                                                                                                           \
	{                                                                                                              \
		TLS_CLIENT_CERT_DONE, TLS_SERVER_CERT_DONE                                                             \
	}

const struct app_buffer tls_buffers[] = {
	{ "tls.sni", "tls_sni", NULL, NULL, DIR_TO_SERVER, HELLO, 0, get_sni },
	{ "tls.cert_subject", "tls_cert_subject", NULL, NULL, DIR_BOTH, CERT, 0, get_subject },
	{ "tls.cert_issuer", "tls_cert_issuer", NULL, NULL, DIR_BOTH, CERT, 0, get_issuer },
	{ "tls.cert_serial", "tls_cert_serial", NULL, NULL, DIR_BOTH, CERT, 0, get_serial },
	{ "tls.cert_fingerprint", "tls_cert_fingerprint", NULL, NULL, DIR_BOTH, CERT, APP_BUFFER_LOWERCASE,
		get_fingerprint },
	{ "tls.certs", "tls_certs", NULL, NULL, DIR_BOTH, CERT, APP_BUFFER_MULTI, get_certificate },
	{ "tls.subjectaltname", NULL, NULL, NULL, DIR_TO_CLIENT, CERT, APP_BUFFER_MULTI, get_alt_name },
	{ "tls.alpn", NULL, NULL, NULL, DIR_BOTH, HELLO, APP_BUFFER_MULTI, get_alpn },
	{ "tls.random", NULL, NULL, NULL, DIR_BOTH, HELLO, 0, get_random },
	{ "tls.random_time", NULL, NULL, NULL, DIR_BOTH, HELLO, 0, get_random_time },
	{ "tls.random_bytes", NULL, NULL, NULL, DIR_BOTH, HELLO, 0, get_random_bytes },
	{ "ja3.hash", "ja3_hash", NULL, NULL, DIR_TO_SERVER, HELLO, APP_BUFFER_LOWERCASE, get_ja3_hash },
	{ "ja3.string", "ja3_string", NULL, NULL, DIR_TO_SERVER, HELLO, 0, get_ja3_text },
	{ "ja3s.hash", "ja3s_hash", NULL, NULL, DIR_TO_CLIENT, HELLO, APP_BUFFER_LOWERCASE, get_ja3s_hash },
	{ "ja3s.string", "ja3s_string", NULL, NULL, DIR_TO_CLIENT, HELLO, 0, get_ja3s_text },
	{ "ja4.hash", "ja4_hash", NULL, NULL, DIR_TO_SERVER, HELLO, 0, get_ja4 },
	{ .name = NULL },
};

static bool get_chain_count(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = tls_of(tx)->side[dir].chain_count;
	return index == 0 && *ret != 0;
}

const struct app_number tls_numbers[] = {
	{ "tls.cert_chain_len", NULL, DIR_BOTH, CERT, 32, 0, NULL, get_chain_count },
	{ .name = NULL },
};
