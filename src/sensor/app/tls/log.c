// SPDX-License-Identifier: Apache-2.0
/* TLS in EVE. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "sensor/app/json.h"
#include "sensor/app/tls/tls.h"
#include "sensor/config/tree.h"

bool tls_is_13(uint16_t version)
{
	return version == 0x0304 || version >> 8 == 0x7f || version == 0xfb17 || version == 0xfb1a;
}

const char *tls_version_name(uint16_t version, char buffer[24])
{
	static const struct {
		uint16_t version;
		const char *name;
	} rows[] = { { 0, "UNDETERMINED" }, { 0x0002, "SSLv2" }, { 0x0200, "SSLv2" }, { 0x0300, "SSLv3" },
		{ 0x0301, "TLSv1" }, { 0x0302, "TLS 1.1" }, { 0x0303, "TLS 1.2" }, { 0x0304, "TLS 1.3" },
		{ 0xfb17, "TLS 1.3 draft-23-fb" }, { 0xfb1a, "TLS 1.3 draft-26-fb" } };

	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++)
		if (rows[i].version == version)
			return rows[i].name;
	if (version >> 8 == 0x7f && (version & 0xff) < 16)
		return "TLS 1.3 draft-<16";
	if (version >> 8 == 0x7f)
		snprintf(buffer, 24, "TLS 1.3 draft-%u", version & 0xffu);
	else
		snprintf(buffer, 24, "0x%04x", version);
	return buffer;
}

/* ---- Fields ---- */

static void log_text(struct jsonw *json, const char *key, struct bytes text)
{
	if (text.ptr)
		app_json_kv_text(json, key, text);
}

static void log_time(struct jsonw *json, const char *key, int64_t time_s)
{
	time_t moment = (time_t)time_s;
	struct tm parts;
	char text[64];

	if (gmtime_r(&moment, &parts) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts) != 0)
		jsonw_kv_string(json, key, text);
}

static void field_subject(struct jsonw *json, const struct tls_tx *tx)
{
	log_text(json, "subject", tx->side[TO_CLIENT].certificate.subject);
}

static void field_issuer(struct jsonw *json, const struct tls_tx *tx)
{
	log_text(json, "issuerdn", tx->side[TO_CLIENT].certificate.issuer);
}

/* A connection counts as resumed when its server showed no certificate though one would have been readable. */
static bool is_resumed(const struct tls_tx *tx)
{
	const struct tls_side *server = &tx->side[TO_CLIENT];

	return tx->resumed && server->hello_seen && !server->certificate.subject.ptr &&
	       !server->certificate.issuer.ptr && !tls_is_13(server->version);
}

static void field_resumed(struct jsonw *json, const struct tls_tx *tx)
{
	if (is_resumed(tx))
		jsonw_kv_bool(json, "session_resumed", true);
}

static void field_serial(struct jsonw *json, const struct tls_tx *tx)
{
	log_text(json, "serial", tx->side[TO_CLIENT].certificate.serial);
}

static void field_fingerprint(struct jsonw *json, const struct tls_tx *tx)
{
	log_text(json, "fingerprint", tx->side[TO_CLIENT].certificate.fingerprint);
}

static void field_sni(struct jsonw *json, const struct tls_tx *tx)
{
	if (tx->side[TO_SERVER].hello.sni.size != 0)
		log_text(json, "sni", tx->side[TO_SERVER].hello.sni);
}

static void field_version(struct jsonw *json, const struct tls_tx *tx)
{
	char buffer[24];

	jsonw_kv_string(json, "version", tls_version_name(tx->side[TO_CLIENT].version, buffer));
}

static void field_not_before(struct jsonw *json, const struct tls_tx *tx)
{
	if (tx->side[TO_CLIENT].certificate.serial.ptr)
		log_time(json, "notbefore", tx->side[TO_CLIENT].certificate.not_before_s);
}

static void field_not_after(struct jsonw *json, const struct tls_tx *tx)
{
	if (tx->side[TO_CLIENT].certificate.serial.ptr)
		log_time(json, "notafter", tx->side[TO_CLIENT].certificate.not_after_s);
}

/* RFC 4648, section 4. */
static void log_base64(struct jsonw *json, struct bytes data)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((data.size + 2) / 3 * 4 + 1);
	size_t size = 0;

	if (!text) {
		jsonw_string(json, "");
		return;
	}
	for (size_t i = 0; i < data.size; i += 3) {
		size_t left = data.size - i;
		uint32_t group = (uint32_t)data.ptr[i] << 16 | (left > 1 ? (uint32_t)data.ptr[i + 1] << 8 : 0) |
				 (left > 2 ? data.ptr[i + 2] : 0u);

		text[size++] = letters[group >> 18];
		text[size++] = letters[group >> 12 & 63];
		text[size++] = left > 1 ? letters[group >> 6 & 63] : '=';
		text[size++] = left > 2 ? letters[group & 63] : '=';
	}
	jsonw_string_bytes(json, bytes_of(text, size));
	free(text);
}

static void field_certificate(struct jsonw *json, const struct tls_tx *tx)
{
	if (tx->side[TO_CLIENT].chain_count == 0)
		return;
	jsonw_key(json, "certificate");
	log_base64(json, tx->side[TO_CLIENT].chain[0]);
}

static void field_chain(struct jsonw *json, const struct tls_tx *tx)
{
	const struct tls_side *server = &tx->side[TO_CLIENT];

	if (server->chain_count == 0)
		return;
	jsonw_kv_array_begin(json, "chain");
	for (uint32_t i = 0; i < server->chain_count; i++)
		log_base64(json, server->chain[i]);
	jsonw_array_end(json);
}

static void log_ja3(struct jsonw *json, const char *key, const struct tls_side *side)
{
	if (!side->ja3_hash.ptr)
		return;
	jsonw_kv_object_begin(json, key);
	jsonw_kv_string_bytes(json, "hash", side->ja3_hash);
	jsonw_kv_string_bytes(json, "string", side->ja3_text);
	jsonw_object_end(json);
}

static void field_ja3(struct jsonw *json, const struct tls_tx *tx)
{
	log_ja3(json, "ja3", &tx->side[TO_SERVER]);
}

static void field_ja3s(struct jsonw *json, const struct tls_tx *tx)
{
	log_ja3(json, "ja3s", &tx->side[TO_CLIENT]);
}

static void field_ja4(struct jsonw *json, const struct tls_tx *tx)
{
	if (tx->side[TO_SERVER].ja4[0] != '\0')
		jsonw_kv_string(json, "ja4", tx->side[TO_SERVER].ja4);
}

static void field_client(struct jsonw *json, const struct tls_tx *tx)
{
	const struct tls_certificate *certificate = &tx->side[TO_SERVER].certificate;

	if (!tx->side[TO_SERVER].has_certificate)
		return;
	jsonw_kv_object_begin(json, "client");
	log_text(json, "subject", certificate->subject);
	log_text(json, "issuerdn", certificate->issuer);
	log_text(json, "fingerprint", certificate->fingerprint);
	log_text(json, "serial", certificate->serial);
	if (certificate->serial.ptr) {
		log_time(json, "notbefore", certificate->not_before_s);
		log_time(json, "notafter", certificate->not_after_s);
	}
	jsonw_object_end(json);
}

static void log_alpns(struct jsonw *json, const char *key, struct bytes rest)
{
	struct bytes name;

	if (rest.size == 0)
		return;
	jsonw_kv_array_begin(json, key);
	while (tls_alpn_next(&rest, &name))
		app_json_text(json, name);
	jsonw_array_end(json);
}

static void field_client_alpns(struct jsonw *json, const struct tls_tx *tx)
{
	log_alpns(json, "client_alpns", tx->side[TO_SERVER].hello.alpns);
}

static void field_server_alpns(struct jsonw *json, const struct tls_tx *tx)
{
	log_alpns(json, "server_alpns", tx->side[TO_CLIENT].hello.alpns);
}

static void field_alt_names(struct jsonw *json, const struct tls_tx *tx)
{
	const struct tls_certificate *certificate = &tx->side[TO_CLIENT].certificate;

	if (certificate->alt_name_count == 0)
		return;
	jsonw_kv_array_begin(json, "subjectaltname");
	for (uint32_t i = 0; i < certificate->alt_name_count; i++)
		app_json_text(json, certificate->alt_names[i]);
	jsonw_array_end(json);
}

/* What the server chose and showed, for whom posture is judged by: not in Suricata's records. */
static void field_server(struct jsonw *json, const struct tls_tx *tx)
{
	const struct tls_side *server = &tx->side[TO_CLIENT];
	const struct tls_certificate *certificate = &server->certificate;
	char cipher[8];

	if (!server->hello_seen)
		return;
	jsonw_kv_object_begin(json, "server");
	if (server->hello.ciphers.size == 2) {
		snprintf(cipher, sizeof(cipher), "0x%02x%02x", server->hello.ciphers.ptr[0],
			server->hello.ciphers.ptr[1]);
		jsonw_kv_string(json, "cipher", cipher);
	}
	if (certificate->key)
		jsonw_kv_string(json, "key", certificate->key);
	if (certificate->key_bits)
		jsonw_kv_u64(json, "key_bits", certificate->key_bits);
	if (certificate->signature)
		jsonw_kv_string(json, "signature", certificate->signature);
	jsonw_object_end(json);
}

/* ---- The record ---- */

enum field_set { FIELD_BASIC = 1 << 0, FIELD_EXTENDED = 1 << 1, FIELD_CUSTOM_ONLY = 1 << 2 };

static const struct field {
	const char *name; /* in "custom" */
	uint8_t sets;
	void (*write)(struct jsonw *json, const struct tls_tx *tx);
} fields[] = {
	{ "subject", FIELD_BASIC, field_subject },
	{ "issuer", FIELD_BASIC, field_issuer },
	{ "session_resumed", FIELD_BASIC, field_resumed },
	{ "serial", FIELD_EXTENDED, field_serial },
	{ "fingerprint", FIELD_EXTENDED, field_fingerprint },
	{ "sni", FIELD_EXTENDED, field_sni },
	{ "version", FIELD_EXTENDED, field_version },
	{ "not_before", FIELD_EXTENDED, field_not_before },
	{ "not_after", FIELD_EXTENDED, field_not_after },
	{ "certificate", FIELD_CUSTOM_ONLY, field_certificate },
	{ "chain", FIELD_CUSTOM_ONLY, field_chain },
	{ "ja3", FIELD_EXTENDED, field_ja3 },
	{ "ja3s", FIELD_EXTENDED, field_ja3s },
	{ "ja4", FIELD_EXTENDED, field_ja4 },
	{ "client", FIELD_EXTENDED, field_client },
	{ "client_alpns", FIELD_EXTENDED, field_client_alpns },
	{ "server_alpns", FIELD_EXTENDED, field_server_alpns },
	{ "subjectaltname", FIELD_EXTENDED, field_alt_names },
	{ "server", FIELD_EXTENDED, field_server },
};

static bool is_listed(const struct conf_node *list, const char *name)
{
	for (size_t i = 0; i < conf_values_count(list); i++)
		if (strcasecmp(conf_value_at(list, i), name) == 0)
			return true;
	return false;
}

static bool field_wanted(const struct field *field, const struct conf_node *options, bool alert)
{
	const struct conf_node *custom = conf_get(options, "custom");

	if (!alert && conf_values_count(custom) != 0)
		return is_listed(custom, field->name);
	if (field->sets & FIELD_CUSTOM_ONLY)
		return false;
	return (field->sets & FIELD_BASIC) || alert || conf_bool(options, "extended", false);
}

/* Without a certificate there is a record only when it could not be seen (TLS 1.3) or when resumption is wanted. */
static bool has_record(const struct tls_tx *tx, const struct conf_node *options)
{
	const struct tls_side *server = &tx->side[TO_CLIENT];

	if (server->certificate.subject.ptr && server->certificate.issuer.ptr)
		return true;
	if (server->hello_seen && tls_is_13(server->version))
		return true;
	/* The extended record has the field whatever "session-resumption" says; a record without options has not. */
	return tx->resumed && options &&
	       (conf_bool(options, "extended", false) || conf_bool(options, "session-resumption", true));
}

bool tls_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct conf_node *options = alert ? NULL : tx->conn->log_options;
	const struct app_protocol *original = tx->conn->protocol_original;

	if (!alert && !has_record(tls_of(tx), options))
		return false;
	for (unsigned int i = 0; i < ARRAY_COUNT(fields); i++)
		if (field_wanted(&fields[i], options, alert))
			fields[i].write(json, tls_of(tx));
	if (original && original != tx->protocol)
		jsonw_kv_string(json, "from_proto", original->name);
	return true;
}
