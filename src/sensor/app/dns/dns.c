// SPDX-License-Identifier: Apache-2.0
/* DNS over UDP and TCP (RFC 1035).
 *
 * Each message is a transaction of its own, a query towards the server or a response towards the client, complete as
 * soon as it is read. Over TCP a message has its length in front (section 4.2.2). */
#include "base/cursor.h"
#include "base/error.h"
#include "sensor/app/frames.h"
#include "sensor/app/dns/log.h"
#include "sensor/app/dns/message.h"
#include "sensor/app/dns/rules.h"
#include "sensor/flow/flow.h"

enum { DNS_COMPLETE = 1 };
enum dns_frame { DNS_FRAME_PDU };

#define DNS_EVENTS(X)                                                                                                  \
	X(MALFORMED_DATA, "malformed_data")                                                                            \
	X(NOT_REQUEST, "not_request")                                                                                  \
	X(NOT_RESPONSE, "not_response")                                                                                \
	X(Z_FLAG_SET, "z_flag_set")                                                                                    \
	X(INVALID_OPCODE, "invalid_opcode")                                                                            \
	X(NAME_TOO_LONG, "name_too_long")                                                                              \
	X(INFINITE_LOOP, "infinite_loop")                                                                              \
	X(TOO_MANY_LABELS, "too_many_labels")                                                                          \
	X(INVALID_ADDITIONALS, "invalid_additionals")                                                                  \
	X(INVALID_AUTHORITIES, "invalid_authorities")

enum dns_event {
#define X(id, name) DNS_EVENT_##id,
	DNS_EVENTS(X)
#undef X
};

static const struct app_event events[] = {
#define X(id, name) { name, false },
	DNS_EVENTS(X)
#undef X
		{ NULL, false }
};

static const struct app_event_alias event_aliases[] = {
	{ "not_a_request", "not_request" },
	{ "not_a_response", "not_response" },
	{ NULL, NULL },
};

struct dns_tx {
	struct app_tx tx;
	struct dns_message message; /* not readable: the transaction only carries events */
};

enum { SILENT_MAX = 64 };

struct dns_state {
	bool lost[SENSOR_DIRS]; /* bytes are missing: the next bytes must look like a message */
	/* Queries that a rule keeps out of the records: their answers stay out too. The last ones, in a ring. */
	uint16_t silent[SILENT_MAX];
	uint32_t silent_count;
};

static struct dns_tx *dns_of(struct app_tx *tx)
{
	return (struct dns_tx *)tx;
}

static void *dns_open(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct dns_state));
}

static void dns_close(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct dns_state));
}

/* ---- Messages ---- */

static struct dns_tx *tx_make(struct app_conn *conn, enum sensor_dir dir, uint64_t now_ns)
{
	struct dns_tx *tx = (struct dns_tx *)app_tx_new(conn, sizeof(*tx), now_ns);

	if (!tx)
		return NULL;
	tx->tx.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	return tx;
}

static void tx_finish(struct app_conn *conn, struct dns_tx *tx, enum sensor_dir dir)
{
	app_tx_progress(conn, &tx->tx, dir, DNS_COMPLETE);
	app_raw_trigger(conn, dir);
}

/* Something is wrong with bytes that give no transaction: the event goes to the last one, or to one made for it. */
static void event_without_tx(struct app_conn *conn, enum sensor_dir dir, enum dns_event event, uint64_t now_ns)
{
	struct app_tx *tx = conn->last;

	if (!tx) {
		struct dns_tx *made = tx_make(conn, dir, now_ns);

		if (!made)
			return;
		made->tx.skip_logs = true;
		tx_finish(conn, made, dir);
		tx = &made->tx;
	}
	app_tx_event(conn, tx, event);
}

static void message_events(struct app_conn *conn, struct dns_tx *tx)
{
	const struct dns_message *message = &tx->message;
	const struct {
		bool seen;
		uint8_t event;
	} rows[] = {
		{ message->flags & DNS_Z, DNS_EVENT_Z_FLAG_SET },
		{ dns_message_opcode(message) >= 7, DNS_EVENT_INVALID_OPCODE },
		{ message->name_flags & DNS_NAME_LONG, DNS_EVENT_NAME_TOO_LONG },
		{ message->name_flags & DNS_NAME_LOOP, DNS_EVENT_INFINITE_LOOP },
		{ message->name_flags & DNS_NAME_LABELS, DNS_EVENT_TOO_MANY_LABELS },
		{ message->bad_additionals, DNS_EVENT_INVALID_ADDITIONALS },
		{ message->bad_authorities, DNS_EVENT_INVALID_AUTHORITIES },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++)
		if (rows[i].seen)
			app_tx_event(conn, &tx->tx, rows[i].event);
}

static bool is_silent(const struct dns_state *state, uint16_t id)
{
	for (uint32_t i = 0; i < state->silent_count && i < SILENT_MAX; i++)
		if (state->silent[i] == id)
			return true;
	return false;
}

static void dns_tx_free(struct app_conn *conn, struct app_tx *tx)
{
	struct dns_state *state = conn->state;

	if (state && tx->no_log && (tx->dirs_skip & DIR_TO_CLIENT) != 0)
		state->silent[state->silent_count++ % SILENT_MAX] = dns_of(tx)->message.id;
}

/* False: no memory. */
static bool message_parse(struct app_conn *conn, enum sensor_dir dir, struct bytes in, uint64_t now_ns)
{
	struct dns_tx *tx;
	bool is_query;
	int error;

	if (in.size < DNS_HEADER_SIZE) {
		event_without_tx(conn, dir, DNS_EVENT_MALFORMED_DATA, now_ns);
		return true;
	}
	is_query = !(in.ptr[2] & 0x80);
	if (is_query != (dir == TO_SERVER)) {
		event_without_tx(conn, dir, dir == TO_SERVER ? DNS_EVENT_NOT_REQUEST : DNS_EVENT_NOT_RESPONSE, now_ns);
		return true;
	}
	tx = tx_make(conn, dir, now_ns);
	if (!tx)
		return false;
	app_frame(conn, dir, DNS_FRAME_PDU, in.ptr, (int64_t)in.size, &tx->tx);
	error = dns_message_parse(in, &tx->tx.arena, &tx->message);
	app_tx_recount(&tx->tx);
	tx->tx.skip_logs = !tx->message.readable;
	if (dir == TO_CLIENT && is_silent(conn->state, tx->message.id))
		tx->tx.no_log = true;
	if (error != 0)
		app_tx_event(conn, &tx->tx, DNS_EVENT_MALFORMED_DATA);
	message_events(conn, tx);
	tx_finish(conn, tx, dir);
	return true;
}

static struct app_result parse_stream(
	struct app_conn *conn, struct dns_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct bytes rest = in->data;
	size_t used = 0;

	while (rest.size >= 2) {
		size_t size = (size_t)rest.ptr[0] << 8 | rest.ptr[1];
		bool is_query;

		if (state->lost[dir] && (rest.size < 2 + DNS_HEADER_SIZE ||
						!dns_header_plausible(bytes_skip(rest, 2), size, &is_query) ||
						is_query != (dir == TO_SERVER)))
			return APP_RESULT_OK;
		state->lost[dir] = false;
		if (rest.size < 2 + size)
			return APP_RESULT_MORE(used, 2 + size);
		if (size != 0 && !message_parse(conn, dir, bytes_of(rest.ptr + 2, size), in->now_ns))
			return APP_RESULT_ERROR;
		used += 2 + size;
		rest = bytes_skip(rest, 2 + size);
	}
	return rest.size == 0 ? APP_RESULT_OK : APP_RESULT_MORE(used, 2);
}

static struct app_result parse_dir(struct app_conn *conn, void *state, enum sensor_dir dir, const struct app_input *in)
{
	struct dns_state *dns = state;

	if (in->gap_size != 0) {
		dns->lost[dir] = true;
		return APP_RESULT_OK;
	}
	if (conn->flow->protocol == 6)
		return parse_stream(conn, dns, dir, in);
	return message_parse(conn, dir, in->data, in->now_ns) ? APP_RESULT_OK : APP_RESULT_ERROR;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_CLIENT, in);
}

/* ---- Recognition ---- */

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	size_t size = data.size;
	bool is_query;

	if (flow->protocol == 6) {
		if (data.size < 2 + DNS_HEADER_SIZE)
			return APP_PROBE_MORE;
		size = (size_t)data.ptr[0] << 8 | data.ptr[1];
		data = bytes_skip(data, 2);
		if (size < DNS_HEADER_SIZE)
			return APP_PROBE_NO;
	}
	if (data.size < DNS_HEADER_SIZE || !dns_header_plausible(data, size, &is_query))
		return APP_PROBE_NO;
	return is_query == (dir == TO_SERVER) ? APP_PROBE_YES : APP_PROBE_REVERSED;
}

static const struct app_port_probe probes[] = {
	{ "53", 17, DNS_HEADER_SIZE, probe, probe },
	{ "53", 6, 2 + DNS_HEADER_SIZE, probe, probe },
	{ "", 0, 0, NULL, NULL },
};

/* ---- What rules see ---- */

static const struct dns_message *message_of(const struct app_tx *tx, enum sensor_dir dir)
{
	return &((const struct dns_tx *)tx)->message;
}

DNS_GETTERS(message_of)

static const struct app_buffer buffers[] = { DNS_BUFFER_ROWS(DNS_COMPLETE), { .name = NULL } };
static const struct app_number numbers[] = { DNS_NUMBER_ROWS(DNS_COMPLETE), { .name = NULL } };

static const struct app_state_name states[] = {
	{ "request_started", TO_SERVER, 0 },
	{ "request_complete", TO_SERVER, DNS_COMPLETE },
	{ "response_started", TO_CLIENT, 0 },
	{ "response_complete", TO_CLIENT, DNS_COMPLETE },
	{ NULL, 0, 0 },
};

static const char *const frames[] = { [DNS_FRAME_PDU] = "pdu", NULL };

/* ---- EVE ---- */

static enum sensor_dir log_source(const struct app_tx *tx, const struct conf_node *options)
{
	const struct dns_tx *dns = (const struct dns_tx *)tx;

	return dns_log_version(options) == 3 && (dns->message.flags & DNS_QR) ? TO_CLIENT : TO_SERVER;
}

static bool dns_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct dns_tx *dns = dns_of(tx);
	const struct conf_node *options = alert ? NULL : tx->conn->log_options;

	if (!dns->message.readable || !dns_log_wanted(&dns->message, options))
		return false;
	dns_log_message(json, &dns->message, tx->id, options, alert);
	return true;
}

extern const struct app_protocol app_protocol_dns;

const struct app_protocol app_protocol_dns = {
	.name = "dns",
	.event_type = "dns",
	.log_key = "dns",
	.transports = APP_TCP | APP_UDP,
	.gaps_ok = true,
	.complete = { DNS_COMPLETE, DNS_COMPLETE },
	.probes = probes,
	.buffers = buffers,
	.numbers = numbers,
	.events = events,
	.event_aliases = event_aliases,
	.states = states,
	.frames = frames,
	.open = dns_open,
	.close = dns_close,
	.parse = { parse_to_server, parse_to_client },
	.tx_free = dns_tx_free,
	.log_source = log_source,
	.log = dns_log,
};
