// SPDX-License-Identifier: Apache-2.0
/* QUIC (RFC 9000, 9001, 9369): what the Initial packets of both sides say, until everything is encrypted; and the
 * client hello of Google's older form.
 *
 * Handshake bytes come in CRYPTO frames in any order over several packets; they are put together by offset. A hello is a
 * transaction, as is each other packet with a long header before it (of those only the version shows). */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"
#include "sensor/app/app.h"
#include "sensor/app/json.h"
#include "sensor/app/quic/packet.h"
#include "sensor/app/tls/hello.h"
#include "sensor/config/tree.h"
#include "sensor/detect/detect.h"
#include "sensor/worker/worker.h"

enum { QUIC_COMPLETE = 1, CRYPTO_MAX = 65536, RANGES_MAX = 64, PACKETS_PER_DATAGRAM_MAX = 16, TAGS_MAX = 64 };

enum quic_event {
	QUIC_EVENT_FAILED_DECRYPT,
	QUIC_EVENT_ERROR_ON_DATA,
	QUIC_EVENT_ERROR_ON_HEADER,
	QUIC_EVENT_CRYPTO_FRAG_TOO_LONG
};

static const struct app_event events[] = {
	{ "failed_decrypt", false },
	{ "error_on_data", false },
	{ "error_on_header", false },
	{ "crypto_frag_too_long", false },
	{ NULL, false },
};

enum quic_switch { QUIC_SWITCH_NO, QUIC_SWITCH_YES, QUIC_SWITCH_AUTO };

struct quic_config {
	enum quic_switch ja3, ja4;
};

struct quic_tx {
	struct app_tx tx;
	uint8_t version[4]; /* network order: "Q046" is text */
	bool from_client, is_hello;
	struct tls_hello hello; /* views into the transaction's arena */
	struct bytes sni, user_agent, cyu_text, cyu_hash, ja3_text, ja3_hash;
	char ja4[TLS_JA4_SIZE + 1];
};

struct range {
	uint32_t start, end;
};

/* Handshake bytes of one direction, by offset. */
struct crypto {
	uint8_t *bytes; /* CRYPTO_MAX, made when needed */
	struct range ranges[RANGES_MAX]; /* what is there, in order, never touching */
	unsigned int range_count;
};

struct quic_state {
	const struct quic_config *config;
	bool has_keys, retried, hello_seen[SENSOR_DIRS];
	struct quic_keys keys[SENSOR_DIRS];
	uint64_t largest[SENSOR_DIRS];
	struct crypto crypto[SENSOR_DIRS];
};

static struct quic_tx *quic_of(struct app_tx *tx)
{
	return (struct quic_tx *)tx;
}

/* ---- Configuration and life ---- */

static int quic_configure(const struct conf_node *node, void **ret_config)
{
	static const char *const names[] = { "no", "yes", "auto", NULL };
	struct quic_config *config = malloc(sizeof(*config));

	if (!config)
		return LUYTRE_E_NOMEM;
	config->ja3 = (enum quic_switch)conf_choice(node, "ja3-fingerprints", names, QUIC_SWITCH_YES);
	config->ja4 = (enum quic_switch)conf_choice(node, "ja4-fingerprints", names, QUIC_SWITCH_AUTO);
	*ret_config = config;
	return 0;
}

static void *quic_open(struct app_conn *conn, const void *config)
{
	struct quic_state *state = app_alloc(conn, sizeof(*state));

	if (!state)
		return NULL;
	state->config = config;
	state->largest[TO_SERVER] = state->largest[TO_CLIENT] = UINT64_MAX;
	return state;
}

static void crypto_drop(struct app_conn *conn, struct crypto *crypto)
{
	app_free(conn, crypto->bytes, CRYPTO_MAX);
	*crypto = (struct crypto){ 0 };
}

static void quic_close(struct app_conn *conn, void *opaque)
{
	struct quic_state *state = opaque;

	crypto_drop(conn, &state->crypto[TO_SERVER]);
	crypto_drop(conn, &state->crypto[TO_CLIENT]);
	app_free(conn, state, sizeof(*state));
}

static struct quic_tx *tx_make(struct app_conn *conn, enum sensor_dir dir, uint32_t version, uint64_t now_ns)
{
	struct quic_tx *tx = (struct quic_tx *)app_tx_new(conn, sizeof(*tx), now_ns);

	if (!tx)
		return NULL;
	for (unsigned int i = 0; i < 4; i++)
		tx->version[i] = (uint8_t)(version >> (24 - 8 * i));
	tx->from_client = dir == TO_SERVER;
	tx->tx.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	return tx;
}

static void tx_finish(struct app_conn *conn, struct quic_tx *tx)
{
	app_tx_progress(conn, &tx->tx, tx->from_client ? TO_SERVER : TO_CLIENT, QUIC_COMPLETE);
}

/* ---- Hellos ---- */

static bool is_on(enum quic_switch wanted, bool asked)
{
	return wanted == QUIC_SWITCH_YES || (wanted == QUIC_SWITCH_AUTO && asked);
}

static void fingerprints(struct app_conn *conn, const struct quic_config *config, struct quic_tx *tx)
{
	const struct detect_engine *engine = conn->worker->engine;
	const struct detect_needs *needs = engine ? detect_engine_needs(engine) : NULL;
	bool made = true;

	if (is_on(config->ja3, needs && needs->ja3))
		made = (tx->from_client ? tls_ja3 : tls_ja3s)(&tx->hello, &tx->tx.arena, &tx->ja3_text, &tx->ja3_hash);
	if (!made)
		tx->ja3_text = tx->ja3_hash = (struct bytes){ 0 };
	if (tx->from_client && is_on(config->ja4, needs && needs->ja4))
		tls_ja4(&tx->hello, 'q', tx->ja4);
	app_tx_recount(&tx->tx);
}

/* A handshake message at the front of the stream, when it is whole: type, three bytes of length, body. */
static bool hello_take(
	struct app_conn *conn, struct quic_state *state, enum sensor_dir dir, uint32_t version, uint64_t now_ns)
{
	struct crypto *crypto = &state->crypto[dir];
	size_t size, have = crypto->range_count != 0 && crypto->ranges[0].start == 0 ? crypto->ranges[0].end : 0;
	struct quic_tx *tx;
	struct bytes body;
	bool read;

	if (have < 4 || crypto->bytes[0] != (dir == TO_SERVER ? 1 : 2))
		return true;
	size = (size_t)crypto->bytes[1] << 16 | (size_t)crypto->bytes[2] << 8 | crypto->bytes[3];
	if (have < 4 + size)
		return true;
	state->hello_seen[dir] = true;
	tx = tx_make(conn, dir, version, now_ns);
	if (!tx)
		return false;
	body = app_tx_dup(&tx->tx, bytes_of(crypto->bytes + 4, size));
	crypto_drop(conn, crypto);
	read = body.ptr && (dir == TO_SERVER ? tls_client_hello_read : tls_server_hello_read)(body, &tx->hello);
	if (read) {
		tx->is_hello = true;
		tx->sni = tx->hello.sni;
		fingerprints(conn, state->config, tx);
	} else {
		app_tx_event(conn, &tx->tx, QUIC_EVENT_ERROR_ON_DATA);
	}
	tx_finish(conn, tx);
	return true;
}

/* ---- CRYPTO frames ---- */

static void range_remove(struct crypto *crypto, unsigned int at)
{
	crypto->range_count--;
	memmove(&crypto->ranges[at], &crypto->ranges[at + 1], (crypto->range_count - at) * sizeof(crypto->ranges[0]));
}

static bool range_add(struct crypto *crypto, struct range fresh)
{
	unsigned int at = 0;

	while (at < crypto->range_count && crypto->ranges[at].end < fresh.start)
		at++;
	while (at < crypto->range_count && crypto->ranges[at].start <= fresh.end) {
		if (crypto->ranges[at].start < fresh.start)
			fresh.start = crypto->ranges[at].start;
		if (crypto->ranges[at].end > fresh.end)
			fresh.end = crypto->ranges[at].end;
		range_remove(crypto, at);
	}
	if (crypto->range_count == RANGES_MAX)
		return false;
	memmove(&crypto->ranges[at + 1], &crypto->ranges[at], (crypto->range_count - at) * sizeof(crypto->ranges[0]));
	crypto->ranges[at] = fresh;
	crypto->range_count++;
	return true;
}

static bool crypto_add(struct app_conn *conn, struct crypto *crypto, uint64_t offset, struct bytes data)
{
	if (data.size == 0)
		return true;
	if (offset > CRYPTO_MAX || data.size > CRYPTO_MAX - offset)
		return false;
	if (!crypto->bytes)
		crypto->bytes = app_alloc(conn, CRYPTO_MAX);
	if (!crypto->bytes || !range_add(crypto, (struct range){ (uint32_t)offset, (uint32_t)(offset + data.size) }))
		return false;
	memcpy(crypto->bytes + offset, data.ptr, data.size);
	return true;
}

/* ACK (RFC 9000, section 19.3): largest, delay, count, first range, pairs; three counts more with ECN. */
static bool ack_skip(struct cursor *cur, bool ecn)
{
	uint64_t value, count;

	if (!quic_varint(cur, &value) || !quic_varint(cur, &value) || !quic_varint(cur, &count) ||
		!quic_varint(cur, &value))
		return false;
	if (count > cursor_left(cur))
		return false;
	for (uint64_t i = 0; i < count * 2 + (ecn ? 3 : 0); i++)
		if (!quic_varint(cur, &value))
			return false;
	return true;
}

static bool close_skip(struct cursor *cur)
{
	uint64_t value;

	return quic_varint(cur, &value) && quic_varint(cur, &value) && quic_varint(cur, &value) &&
	       value <= cursor_left(cur) && cursor_skip(cur, (size_t)value);
}

/* The frames that Initial packets may hold (section 12.4). */
static bool frames_read(struct app_conn *conn, struct crypto *crypto, struct bytes in, bool *ret_too_long)
{
	enum { PADDING = 0x00, PING = 0x01, ACK = 0x02, ACK_ECN = 0x03, CRYPTO_FRAME = 0x06, CONNECTION_CLOSE = 0x1c };
	struct cursor cur = cursor_over(in);
	uint64_t type, offset, size;
	struct bytes data;

	while (cursor_left(&cur) != 0) {
		if (!quic_varint(&cur, &type))
			return false;
		switch (type) {
		case PADDING:
		case PING:
			break;
		case ACK:
		case ACK_ECN:
			if (!ack_skip(&cur, type == ACK_ECN))
				return false;
			break;
		case CRYPTO_FRAME:
			if (!quic_varint(&cur, &offset) || !quic_varint(&cur, &size) || size > cursor_left(&cur) ||
				!cursor_take(&cur, (size_t)size, &data))
				return false;
			if (!crypto_add(conn, crypto, offset, data)) {
				*ret_too_long = true;
				return true;
			}
			break;
		case CONNECTION_CLOSE:
			if (!close_skip(&cur))
				return false;
			break;
		default:
			return false;
		}
	}
	return true;
}

static void event_with_tx(
	struct app_conn *conn, enum sensor_dir dir, uint32_t version, uint64_t now_ns, enum quic_event event)
{
	struct quic_tx *tx = tx_make(conn, dir, version, now_ns);

	if (!tx)
		return;
	app_tx_event(conn, &tx->tx, (uint8_t)event);
	tx_finish(conn, tx);
}

/* False: no memory, or nothing more in this datagram can be read. */
static bool initial_packet(struct app_conn *conn, struct quic_state *state, enum sensor_dir dir,
	const struct quic_header *header, uint64_t now_ns)
{
	uint8_t clear[QUIC_PACKET_MAX];
	bool too_long = false;
	size_t size;

	if (!state->has_keys) {
		/* The keys come from what the client chose: an answer alone says nothing about them. */
		if (dir == TO_CLIENT || !quic_keys_make(header->version, header->destination_id, state->keys))
			return true;
		state->has_keys = true;
	}
	if (!quic_decrypt(&state->keys[dir], header, &state->largest[dir], clear, &size)) {
		event_with_tx(conn, dir, header->version, now_ns, QUIC_EVENT_FAILED_DECRYPT);
		return false;
	}
	if (!frames_read(conn, &state->crypto[dir], bytes_of(clear, size), &too_long)) {
		event_with_tx(conn, dir, header->version, now_ns, QUIC_EVENT_ERROR_ON_DATA);
		return false;
	}
	if (too_long) {
		event_with_tx(conn, dir, header->version, now_ns, QUIC_EVENT_CRYPTO_FRAG_TOO_LONG);
		return false;
	}
	return hello_take(conn, state, dir, header->version, now_ns);
}

/* ---- Google's handshake messages: a tag, a count, and pairs of tag and end of value ---- */

struct google_tag {
	struct bytes tag, value;
};

static unsigned int google_tags(struct bytes in, struct google_tag tags[TAGS_MAX])
{
	struct cursor cur = cursor_over(in), index;
	uint16_t count, padding;
	struct bytes name, table, values;
	uint32_t start = 0, end;
	unsigned int found = 0;

	if (!cursor_take(&cur, 4, &name) || !bytes_equal_str(name, "CHLO") || !cursor_u16le(&cur, &count) ||
		!cursor_u16le(&cur, &padding) || !cursor_take(&cur, (size_t)count * 8, &table))
		return 0;
	values = cursor_rest(&cur);
	for (index = cursor_over(table); found < TAGS_MAX && cursor_take(&index, 4, &name); start = end) {
		if (!cursor_u32le(&index, &end) || end < start || end > values.size)
			return found;
		tags[found++] = (struct google_tag){ name, bytes_of(values.ptr + start, end - start) };
	}
	return found;
}

/* Tags are padded with NULs at the end. */
static struct bytes tag_text(struct bytes tag)
{
	while (tag.size != 0 && tag.ptr[tag.size - 1] == 0)
		tag.size--;
	return tag;
}

/* CYU: the version's number and the tags in order (Mitra, "CYU", 2021). */
static void cyu_make(struct quic_tx *tx, const struct google_tag *tags, unsigned int count)
{
	char *text = app_tx_alloc(&tx->tx, 8 + (size_t)count * 5), *hex = app_tx_alloc(&tx->tx, 33);
	uint8_t hash[16];
	size_t size;

	if (!text || !hex)
		return;
	size = (size_t)snprintf(text, 8, "%.2s,", (const char *)tx->version + 2);
	for (unsigned int i = 0; i < count; i++) {
		struct bytes tag = tag_text(tags[i].tag);

		if (i != 0)
			text[size++] = '-';
		memcpy(text + size, tag.ptr, tag.size);
		size += tag.size;
	}
	if (EVP_Digest(text, size, hash, NULL, EVP_md5(), NULL) != 1)
		return;
	app_hex(bytes_of(hash, sizeof(hash)), hex);
	tx->cyu_text = bytes_of(text, size);
	tx->cyu_hash = bytes_of(hex, 32);
}

/* A STREAM frame of Google's form: 1fdooossB - fin, data length, size of offset, size of stream id. */
static struct bytes google_stream(struct bytes in)
{
	struct cursor cur = cursor_over(in);
	uint8_t type = 0;
	uint16_t size;
	struct bytes data = { 0 };
	size_t offset_size;

	do {
		if (!cursor_u8(&cur, &type))
			return data;
	} while (type == 0);
	if (!(type & 0x80))
		return data;
	offset_size = type >> 2 & 7 ? (type >> 2 & 7u) + 1 : 0;
	if (!cursor_skip(&cur, (type & 3u) + 1 + offset_size))
		return data;
	if (!(type & 0x20))
		return cursor_rest(&cur);
	if (!cursor_u16be(&cur, &size) || !cursor_take(&cur, size, &data))
		return (struct bytes){ 0 };
	return data;
}

/* The number, twelve bytes of hash, then frames in the clear as long as the hello lasts. */
static bool google_packet(struct app_conn *conn, enum sensor_dir dir, const struct quic_header *header, uint64_t now_ns)
{
	size_t at = header->number_at + (header->packet.ptr[0] & 3u) + 1 + 12;
	struct quic_tx *tx = tx_make(conn, dir, header->version, now_ns);
	struct google_tag tags[TAGS_MAX];
	unsigned int count;

	if (!tx)
		return false;
	count = google_tags(google_stream(bytes_skip(header->packet, at)), tags);
	for (unsigned int i = 0; i < count; i++) {
		if (bytes_equal_str(tag_text(tags[i].tag), "SNI"))
			tx->sni = app_tx_dup(&tx->tx, tags[i].value);
		else if (bytes_equal_str(tag_text(tags[i].tag), "UAID"))
			tx->user_agent = app_tx_dup(&tx->tx, tags[i].value);
	}
	if (count != 0)
		cyu_make(tx, tags, count);
	tx_finish(conn, tx);
	return true;
}

/* ---- Datagrams ---- */

static bool packet_handle(struct app_conn *conn, struct quic_state *state, enum sensor_dir dir,
	const struct quic_header *header, uint64_t now_ns)
{
	struct quic_tx *tx;

	if (header->type == QUIC_GOOGLE)
		return google_packet(conn, dir, header, now_ns);
	if (header->type == QUIC_INITIAL)
		return initial_packet(conn, state, dir, header, now_ns);
	if (header->type == QUIC_RETRY && dir == TO_CLIENT && !state->retried) {
		/* The client begins again with other connection ids and so with other keys; it heeds the first Retry only
		 * (RFC 9000, section 17.2.5.2). */
		state->retried = true;
		state->has_keys = state->hello_seen[TO_SERVER] = false;
		state->largest[TO_SERVER] = state->largest[TO_CLIENT] = UINT64_MAX;
		crypto_drop(conn, &state->crypto[TO_SERVER]);
	}
	tx = tx_make(conn, dir, header->version, now_ns);
	if (tx)
		tx_finish(conn, tx);
	return tx != NULL;
}

static struct app_result parse_dir(struct app_conn *conn, void *opaque, enum sensor_dir dir, const struct app_input *in)
{
	struct quic_state *state = opaque;
	struct quic_header header;
	struct bytes rest = in->data;

	for (unsigned int i = 0; i < PACKETS_PER_DATAGRAM_MAX && rest.size != 0; i++) {
		if (state->hello_seen[dir])
			break;
		if (!quic_header_read(rest, &header)) {
			if (i == 0)
				event_with_tx(conn, dir, header.version, in->now_ns, QUIC_EVENT_ERROR_ON_HEADER);
			break;
		}
		if (header.type == QUIC_SHORT || header.type == QUIC_NEGOTIATION || !quic_version_known(header.version))
			break;
		if (!packet_handle(conn, state, dir, &header, in->now_ns))
			break;
		rest = bytes_skip(rest, header.packet.size);
	}
	return APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_CLIENT, in);
}

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct quic_header header;

	if (!(data.ptr[0] & 0x80) || !quic_header_read(data, &header) || !quic_version_known(header.version))
		return APP_PROBE_NO;
	return APP_PROBE_YES;
}

static const struct app_port_probe probes[] = {
	{ "", 17, 16, probe, probe },
	{ "", 0, 0, NULL, NULL },
};

/* ---- What rules see ---- */

#define GETTER(name, value)                                                                                            \
	static bool name(                                                                                              \
		struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret) \
	{                                                                                                              \
		*ret = (struct app_view){ .data = (value), .last = true };                                             \
		return index == 0 && ret->data.size != 0;                                                              \
	}

GETTER(get_version, bytes_of(quic_of(tx)->version, 4))
GETTER(get_sni, quic_of(tx)->sni)
GETTER(get_user_agent, quic_of(tx)->user_agent)
GETTER(get_cyu_hash, quic_of(tx)->cyu_hash)
GETTER(get_cyu_text, quic_of(tx)->cyu_text)
GETTER(get_ja3_hash, quic_of(tx)->ja3_hash)
GETTER(get_ja3_text, quic_of(tx)->ja3_text)
GETTER(get_ja4, bytes_from_str(quic_of(tx)->ja4))

#define DONE                                                                                                           \
	{                                                                                                              \
		QUIC_COMPLETE, QUIC_COMPLETE                                                                           \
	}

static const struct app_buffer buffers[] = {
	{ "quic.version", NULL, NULL, NULL, DIR_BOTH, DONE, 0, get_version },
	{ "quic.sni", NULL, NULL, NULL, DIR_TO_SERVER, DONE, 0, get_sni },
	{ "quic.ua", NULL, NULL, NULL, DIR_TO_SERVER, DONE, 0, get_user_agent },
	{ "quic.cyu.hash", NULL, NULL, NULL, DIR_TO_SERVER, DONE, APP_BUFFER_LOWERCASE, get_cyu_hash },
	{ "quic.cyu.string", NULL, NULL, NULL, DIR_TO_SERVER, DONE, 0, get_cyu_text },
	{ "ja3.hash", "ja3_hash", NULL, NULL, DIR_TO_SERVER, DONE, APP_BUFFER_LOWERCASE, get_ja3_hash },
	{ "ja3.string", "ja3_string", NULL, NULL, DIR_TO_SERVER, DONE, 0, get_ja3_text },
	{ "ja3s.hash", "ja3s_hash", NULL, NULL, DIR_TO_CLIENT, DONE, APP_BUFFER_LOWERCASE, get_ja3_hash },
	{ "ja3s.string", "ja3s_string", NULL, NULL, DIR_TO_CLIENT, DONE, 0, get_ja3_text },
	{ "ja4.hash", "ja4_hash", NULL, NULL, DIR_TO_SERVER, DONE, 0, get_ja4 },
	{ .name = NULL },
};

/* ---- EVE ---- */

/* IANA "TLS ExtensionType Values". */
static const struct app_name_value extension_names[] = { { "server_name", 0 }, { "max_fragment_length", 1 },
	{ "client_certificate_url", 2 }, { "trusted_ca_keys", 3 }, { "truncated_hmac", 4 }, { "status_request", 5 },
	{ "supported_groups", 10 }, { "ec_point_formats", 11 }, { "signature_algorithms", 13 }, { "use_srtp", 14 },
	{ "heartbeat", 15 }, { "alpn", 16 }, { "status_request_v2", 17 }, { "signed_certificate_timestamp", 18 },
	{ "padding", 21 }, { "encrypt_then_mac", 22 }, { "extended_master_secret", 23 }, { "token_binding", 24 },
	{ "cached_info", 25 }, { "compress_certificate", 27 }, { "record_size_limit", 28 }, { "session_ticket", 35 },
	{ "pre_shared_key", 41 }, { "early_data", 42 }, { "supported_versions", 43 }, { "cookie", 44 },
	{ "psk_key_exchange_modes", 45 }, { "certificate_authorities", 47 }, { "oid_filters", 48 },
	{ "post_handshake_auth", 49 }, { "signature_algorithms_cert", 50 }, { "key_share", 51 },
	{ "quic_transport_parameters", 57 }, { "next_protocol_negotiation", 13172 }, { "renegotiation_info", 65281 },
	{ "encrypted_server_name", 0xffce }, { NULL, 0 } };

static const char *extension_name(uint16_t type)
{
	const struct app_name_value *row = extension_names;

	if (tls_is_grease(type))
		return "grease";
	while (row->name && row->value != type)
		row++;
	return row->name;
}

static void log_values(struct jsonw *json, const struct tls_hello *hello, uint16_t type)
{
	struct bytes rest = hello->alpns, name;

	if ((type == TLS_EXT_SNI && hello->sni.size == 0) || (type == TLS_EXT_ALPN && rest.size == 0) ||
		(type != TLS_EXT_SNI && type != TLS_EXT_ALPN))
		return;
	jsonw_kv_array_begin(json, "values");
	if (type == TLS_EXT_SNI)
		app_json_text(json, hello->sni);
	while (type == TLS_EXT_ALPN && tls_alpn_next(&rest, &name))
		app_json_text(json, name);
	jsonw_array_end(json);
}

static void log_extensions(struct jsonw *json, const struct tls_hello *hello)
{
	struct bytes rest = hello->extensions, data;
	uint16_t type;

	if (rest.size == 0)
		return;
	jsonw_kv_array_begin(json, "extensions");
	while (tls_extension_next(&rest, &type, &data)) {
		const char *name = extension_name(type);

		jsonw_object_begin(json);
		if (name)
			jsonw_kv_string(json, "name", name);
		jsonw_kv_u64(json, "type", type);
		log_values(json, hello, type);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void log_hash(struct jsonw *json, const char *key, struct bytes hash, struct bytes text)
{
	if (hash.size == 0)
		return;
	if (key)
		jsonw_kv_object_begin(json, key);
	else
		jsonw_object_begin(json);
	jsonw_kv_string_bytes(json, "hash", hash);
	jsonw_kv_string_bytes(json, "string", text);
	jsonw_object_end(json);
}

static void log_version(struct jsonw *json, const uint8_t version[4])
{
	uint32_t value =
		(uint32_t)version[0] << 24 | (uint32_t)version[1] << 16 | (uint32_t)version[2] << 8 | version[3];
	char text[16];

	if (quic_version_google(value))
		snprintf(text, sizeof(text), "%.4s", (const char *)version);
	else
		snprintf(text, sizeof(text), "%x", value);
	jsonw_kv_string(json, "version", text);
}

static bool quic_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct quic_tx *quic = quic_of(tx);

	log_version(json, quic->version);
	if (quic->sni.size != 0)
		app_json_kv_text(json, "sni", quic->sni);
	if (quic->user_agent.size != 0)
		app_json_kv_text(json, "ua", quic->user_agent);
	if (quic->cyu_hash.size != 0) {
		jsonw_kv_array_begin(json, "cyu");
		log_hash(json, NULL, quic->cyu_hash, quic->cyu_text);
		jsonw_array_end(json);
	}
	log_hash(json, quic->from_client ? "ja3" : "ja3s", quic->ja3_hash, quic->ja3_text);
	if (quic->ja4[0] != '\0')
		jsonw_kv_string(json, "ja4", quic->ja4);
	if (quic->is_hello)
		log_extensions(json, &quic->hello);
	return true;
}

extern const struct app_protocol app_protocol_quic;

const struct app_protocol app_protocol_quic = {
	.name = "quic",
	.event_type = "quic",
	.log_key = "quic",
	.transports = APP_UDP,
	.complete = { QUIC_COMPLETE, QUIC_COMPLETE },
	.probes = probes,
	.buffers = buffers,
	.events = events,
	.configure = quic_configure,
	.configure_free = free,
	.open = quic_open,
	.close = quic_close,
	.parse = { parse_to_server, parse_to_client },
	.log = quic_log,
};
