// SPDX-License-Identifier: Apache-2.0
/* The distributed hash table of BitTorrent (BEP 5, BEP 32): bencoded dictionaries in datagrams. Each message is a
 * transaction of its own. */
#include <stdio.h>

#include "base/cursor.h"
#include "base/net.h"
#include "sensor/app/app.h"
#include "sensor/app/json.h"

enum { DHT_COMPLETE = 1, DEPTH_MAX = 8, ID_SIZE = 20, PEERS_MAX = 256 };

enum dht_event { EVENT_MALFORMED_PACKET };

static const struct app_event events[] = {
	[EVENT_MALFORMED_PACKET] = { .name = "malformed_packet" },
	{ .name = NULL },
};

struct dht_tx {
	struct app_tx common;
	struct bytes datagram; /* the members below lie in it */
	struct bytes transaction, query, version, type;
	struct bytes arguments, answers, error; /* bencoded */
};

/* ---- Bencoding (BEP 3) ---- */

/* "-12", up to 'end'. */
static bool read_number(struct cursor *cur, uint8_t end, int64_t *ret)
{
	bool negative = false;
	uint64_t value = 0;
	uint8_t byte;
	unsigned int digits = 0;

	for (;;) {
		if (!cursor_u8(cur, &byte))
			return false;
		if (byte == end && digits != 0)
			break;
		if (byte == '-' && digits == 0 && !negative) {
			negative = true;
			continue;
		}
		if (byte < '0' || byte > '9' || ++digits > 18)
			return false;
		value = value * 10 + (byte - '0');
	}
	*ret = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

static bool read_string(struct cursor *cur, struct bytes *ret)
{
	int64_t size;

	return read_number(cur, ':', &size) && size >= 0 && cursor_take(cur, (size_t)size, ret);
}

static bool peek(const struct cursor *cur, uint8_t *ret)
{
	if (cursor_left(cur) == 0)
		return false;
	*ret = *cur->pos;
	return true;
}

/* Any one value, whole; lists may lie in lists to a depth. */
static bool skip_value(struct cursor *cur)
{
	unsigned int depth = 0;

	do {
		struct bytes text;
		int64_t number;
		uint8_t byte;

		if (!peek(cur, &byte))
			return false;
		if (byte >= '0' && byte <= '9') {
			if (!read_string(cur, &text))
				return false;
			continue;
		}
		if (!cursor_skip(cur, 1))
			return false;
		if (byte == 'i' && !read_number(cur, 'e', &number))
			return false;
		if ((byte == 'd' || byte == 'l') && ++depth > DEPTH_MAX)
			return false;
		if (byte == 'e' && depth-- == 0)
			return false;
		if (byte != 'i' && byte != 'd' && byte != 'l' && byte != 'e')
			return false;
	} while (depth != 0);
	return true;
}

static bool take_value(struct cursor *cur, struct bytes *ret)
{
	const uint8_t *start = cur->pos;

	if (!skip_value(cur))
		return false;
	*ret = bytes_of(start, (size_t)(cur->pos - start));
	return true;
}

/* The next member of a dictionary; false at its end and when it is broken, which *ret_good tells. */
static bool next_member(struct cursor *cur, struct bytes *ret_key, struct bytes *ret_value, bool *ret_good)
{
	uint8_t byte;

	*ret_good = peek(cur, &byte);
	if (!*ret_good || byte == 'e')
		return false;
	*ret_good = read_string(cur, ret_key) && take_value(cur, ret_value);
	return *ret_good;
}

static bool open_container(struct bytes in, uint8_t kind, struct cursor *ret)
{
	uint8_t byte;

	*ret = cursor_over(in);
	return cursor_u8(ret, &byte) && byte == kind;
}

static struct bytes string_of(struct bytes value)
{
	struct cursor cur = cursor_over(value);
	struct bytes text;

	return read_string(&cur, &text) ? text : bytes_of(NULL, 0);
}

static bool number_of(struct bytes value, int64_t *ret)
{
	struct cursor cur;

	return open_container(value, 'i', &cur) && read_number(&cur, 'e', ret);
}

static struct bytes member(struct bytes dictionary, const char *name)
{
	struct bytes key, value;
	struct cursor cur;
	bool good;

	if (open_container(dictionary, 'd', &cur))
		while (next_member(&cur, &key, &value, &good))
			if (bytes_equal_str(key, name))
				return value;
	return bytes_of(NULL, 0);
}

/* ---- Messages ---- */

/* What BEP 5 asks of a message of its kind. */
static bool is_whole(const struct dht_tx *tx)
{
	if (tx->transaction.size == 0)
		return false;
	if (bytes_equal_str(tx->type, "q"))
		return tx->query.size != 0 && string_of(member(tx->arguments, "id")).size != 0;
	if (bytes_equal_str(tx->type, "r"))
		return string_of(member(tx->answers, "id")).size != 0;
	return bytes_equal_str(tx->type, "e") && tx->error.size != 0;
}

static bool read_message(struct dht_tx *tx)
{
	struct bytes key, value;
	struct cursor cur;
	bool good = false;

	if (!open_container(tx->datagram, 'd', &cur))
		return false;
	while (next_member(&cur, &key, &value, &good)) {
		if (key.size != 1)
			continue;
		switch (key.ptr[0]) {
		case 't':
			tx->transaction = string_of(value);
			break;
		case 'y':
			tx->type = string_of(value);
			break;
		case 'q':
			tx->query = string_of(value);
			break;
		case 'v':
			tx->version = string_of(value);
			break;
		case 'a':
			tx->arguments = value;
			break;
		case 'r':
			tx->answers = value;
			break;
		case 'e':
			tx->error = value;
			break;
		}
	}
	return good && is_whole(tx);
}

static struct app_result parse_dir(struct app_conn *conn, enum sensor_dir dir, const struct app_input *in)
{
	struct dht_tx *tx;

	if (in->data.size == 0)
		return APP_RESULT_OK;
	tx = (struct dht_tx *)app_tx_new(conn, sizeof(*tx), in->now_ns);
	if (!tx)
		return APP_RESULT_ERROR;
	tx->common.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	tx->datagram = app_tx_dup(&tx->common, in->data);
	if (!read_message(tx))
		app_tx_event(conn, &tx->common, EVENT_MALFORMED_PACKET);
	app_tx_progress(conn, &tx->common, TO_SERVER, DHT_COMPLETE);
	app_tx_progress(conn, &tx->common, TO_CLIENT, DHT_COMPLETE);
	return APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, TO_CLIENT, in);
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, 1);
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, 1);
}

/* Both sides ask and answer: any kind of message may be the first. */
static const struct app_pattern patterns[] = {
	{ .dir = TO_SERVER, .text = "d1:ad2:id20:", .size = 12, .depth = 12 },
	{ .dir = TO_CLIENT, .text = "d1:ad2:id20:", .size = 12, .depth = 12 },
	{ .dir = TO_SERVER, .text = "d1:rd2:id20:", .size = 12, .depth = 12 },
	{ .dir = TO_CLIENT, .text = "d1:rd2:id20:", .size = 12, .depth = 12 },
	{ .dir = TO_SERVER, .text = "d2:ip6:", .size = 7, .depth = 7 },
	{ .dir = TO_CLIENT, .text = "d2:ip6:", .size = 7, .depth = 7 },
	{ .dir = TO_SERVER, .text = "d1:eli20", .size = 8, .depth = 8 },
	{ .dir = TO_CLIENT, .text = "d1:eli20", .size = 8, .depth = 8 },
	{ .size = 0 },
};

/* ---- EVE ---- */

static enum sensor_dir log_source(const struct app_tx *tx, const struct conf_node *options)
{
	return tx->dirs_skip == DIR_TO_CLIENT ? TO_SERVER : TO_CLIENT;
}

static void log_hex(struct jsonw *json, const char *key, struct bytes value)
{
	if (value.ptr)
		app_json_kv_hex(json, key, value, 0);
}

static void log_member_hex(struct jsonw *json, struct bytes dictionary, const char *name)
{
	struct bytes value = member(dictionary, name);

	if (value.size != 0)
		log_hex(json, name, string_of(value));
}

static void log_member_number(struct jsonw *json, struct bytes dictionary, const char *name)
{
	int64_t number;

	if (number_of(member(dictionary, name), &number))
		jsonw_kv_i64(json, name, number);
}

static void log_request(struct jsonw *json, const struct dht_tx *tx)
{
	app_json_kv_text(json, "request_type", tx->query);
	jsonw_kv_object_begin(json, "request");
	log_member_hex(json, tx->arguments, "id");
	log_member_hex(json, tx->arguments, "target");
	log_member_hex(json, tx->arguments, "info_hash");
	log_member_hex(json, tx->arguments, "token");
	log_member_number(json, tx->arguments, "implied_port");
	log_member_number(json, tx->arguments, "port");
	jsonw_object_end(json);
}

/* An address and a port. */
static void log_peer(struct jsonw *json, struct bytes peer)
{
	size_t address_size = peer.size - 2;
	struct ip_addr address;
	char text[IP_ADDR_TEXT_SIZE];

	if (!peer.ptr)
		return;
	address = address_size == 4 ? ip_addr_v4(peer.ptr) : ip_addr_v6(peer.ptr);
	ip_addr_format(&address, text);
	jsonw_kv_string(json, "ip", text);
	jsonw_kv_u64(json, "port", (uint64_t)peer.ptr[address_size] << 8 | peer.ptr[address_size + 1]);
}

static void log_nodes(struct jsonw *json, struct bytes answers, const char *name, size_t address_size)
{
	struct bytes nodes = string_of(member(answers, name));
	size_t size = ID_SIZE + address_size + 2;
	unsigned int count = 0;

	if (nodes.size < size)
		return;
	jsonw_kv_array_begin(json, name);
	for (; nodes.size >= size && count < PEERS_MAX; nodes = bytes_skip(nodes, size), count++) {
		jsonw_object_begin(json);
		log_hex(json, "id", bytes_first(nodes, ID_SIZE));
		log_peer(json, bytes_first(bytes_skip(nodes, ID_SIZE), address_size + 2));
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void log_values(struct jsonw *json, struct bytes list)
{
	struct cursor cur;
	struct bytes peer;

	if (!open_container(list, 'l', &cur))
		return;
	jsonw_kv_array_begin(json, "values");
	for (unsigned int i = 0; i < PEERS_MAX && read_string(&cur, &peer); i++) {
		if (peer.size != 4 + 2 && peer.size != 16 + 2)
			continue;
		jsonw_object_begin(json);
		log_peer(json, peer);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void log_response(struct jsonw *json, const struct dht_tx *tx)
{
	jsonw_kv_object_begin(json, "response");
	log_member_hex(json, tx->answers, "id");
	log_nodes(json, tx->answers, "nodes", 4);
	log_nodes(json, tx->answers, "nodes6", 16);
	log_values(json, member(tx->answers, "values"));
	log_member_hex(json, tx->answers, "token");
	jsonw_object_end(json);
}

/* A list of a number and a text. */
static void log_error(struct jsonw *json, struct bytes error)
{
	struct bytes number, text;
	struct cursor cur;
	int64_t value;

	if (!open_container(error, 'l', &cur) || !take_value(&cur, &number) || !number_of(number, &value) ||
		!read_string(&cur, &text))
		return;
	jsonw_kv_object_begin(json, "error");
	jsonw_kv_i64(json, "num", value);
	app_json_kv_text(json, "msg", text);
	jsonw_object_end(json);
}

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct dht_tx *dht = (const struct dht_tx *)tx;

	app_json_kv_hex(json, "transaction_id", dht->transaction, 0);
	if (dht->version.size != 0)
		app_json_kv_hex(json, "client_version", dht->version, 0);
	if (dht->query.size != 0)
		log_request(json, dht);
	if (dht->answers.size != 0)
		log_response(json, dht);
	if (dht->error.size != 0)
		log_error(json, dht->error);
	return true;
}

extern const struct app_protocol app_protocol_bittorrent_dht;

const struct app_protocol app_protocol_bittorrent_dht = {
	.name = "bittorrent-dht",
	.event_type = "bittorrent_dht",
	.record = "bittorrent-dht",
	.log_key = "bittorrent_dht",
	.transports = APP_UDP,
	.complete = { DHT_COMPLETE, DHT_COMPLETE },
	.patterns = patterns,
	.events = events,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log_source = log_source,
	.log = write_record,
};
