// SPDX-License-Identifier: Apache-2.0
/* LDAP over TCP and UDP (RFC 4511, CLDAP).
 *
 * A transaction is a request with all its responses, found by the message identifier; it is complete with the response
 * that ends it. UNBIND and ABANDON have none. A response without a request (or the notice of disconnection, identifier 0)
 * is a transaction of its own. */
#include "sensor/app/ldap/ldap.h"

#include "base/error.h"
#include "sensor/app/asn1/ber.h"
#include "sensor/app/frames.h"
#include "sensor/flow/flow.h"

#define START_TLS "1.3.6.1.4.1.1466.20037"

enum ldap_event { EVENT_TOO_MANY_TRANSACTIONS, EVENT_INVALID_DATA, EVENT_REQUEST_NOT_FOUND, EVENT_INCOMPLETE_DATA };

static const struct app_event events[] = {
	[EVENT_TOO_MANY_TRANSACTIONS] = { .name = "too_many_transactions" },
	[EVENT_INVALID_DATA] = { .name = "invalid_data" },
	[EVENT_REQUEST_NOT_FOUND] = { .name = "request_not_found" },
	[EVENT_INCOMPLETE_DATA] = { .name = "incomplete_data" },
	{ .name = NULL },
};

struct ldap_state {
	bool lost[SENSOR_DIRS]; /* bytes are missing: whatever comes is tried as a message */
};

enum ldap_frame { FRAME_PDU };

static const char *const frames[] = { [FRAME_PDU] = "pdu", NULL };

/* ---- Transactions ---- */

static void tx_complete(struct app_conn *conn, struct ldap_tx *tx)
{
	tx->complete = true;
	app_tx_progress(conn, &tx->common, TO_SERVER, LDAP_COMPLETE);
	app_tx_progress(conn, &tx->common, TO_CLIENT, LDAP_COMPLETE);
}

/* At the ceiling the oldest that waits for a response waits no longer. */
static struct ldap_tx *tx_make(struct app_conn *conn, uint64_t now_ns)
{
	if (conn->tx_live >= app_tx_max(conn)) {
		struct app_tx *at = conn->first;

		while (at && (at->protocol != conn->protocol || ((struct ldap_tx *)at)->complete))
			at = at->next;
		if (at) {
			app_tx_event(conn, at, EVENT_TOO_MANY_TRANSACTIONS);
			tx_complete(conn, (struct ldap_tx *)at);
		}
	}
	return (struct ldap_tx *)app_tx_new(conn, sizeof(struct ldap_tx), now_ns);
}

static void event_at_last(struct app_conn *conn, enum ldap_event event)
{
	if (conn->last)
		app_tx_event(conn, conn->last, (uint8_t)event);
}

static struct ldap_tx *tx_find(struct app_conn *conn, int64_t id)
{
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct ldap_tx *tx = (struct ldap_tx *)at;

		if (at->protocol == conn->protocol && !tx->complete && tx->has_request && tx->request.id == id)
			return tx;
	}
	return NULL;
}

/* Keeps the bytes with the transaction and reads them there. */
static int tx_read(struct ldap_tx *tx, struct bytes in, struct ldap_message *ret)
{
	struct bytes copy = app_tx_dup(&tx->common, in);
	int error = copy.ptr ? ldap_message_read(copy, &tx->common.arena, ret) : LUYTRE_E_NOMEM;

	app_tx_recount(&tx->common);
	return error;
}

static void request(struct app_conn *conn, struct bytes in, uint64_t now_ns)
{
	struct ldap_tx *tx = tx_make(conn, now_ns);
	uint8_t operation;

	if (!tx)
		return;
	app_frame(conn, TO_SERVER, FRAME_PDU, in.ptr, (int64_t)in.size, &tx->common);
	if (tx_read(tx, in, &tx->request) != 0) {
		app_tx_event(conn, &tx->common, EVENT_INVALID_DATA);
		tx->common.skip_logs = true;
		tx_complete(conn, tx);
		return;
	}
	tx->has_request = true;
	operation = tx->request.operation;
	app_tx_touch(conn, &tx->common, TO_SERVER);
	if (operation == LDAP_UNBIND_REQUEST || operation == LDAP_ABANDON_REQUEST)
		tx_complete(conn, tx);
	app_raw_trigger(conn, TO_SERVER);
}

static void keep_response(struct app_conn *conn, struct ldap_tx *tx, struct bytes in)
{
	struct ldap_message *message;

	tx->response_count++;
	app_tx_touch(conn, &tx->common, TO_CLIENT);
	if (tx->kept_count == LDAP_RESPONSES_MAX)
		return;
	message = app_tx_alloc(&tx->common, sizeof(*message));
	if (!message)
		return;
	if (tx_read(tx, in, message) != 0) {
		app_tx_event(conn, &tx->common, EVENT_INVALID_DATA);
		return;
	}
	tx->kept_count++;
	if (tx->last)
		tx->last->next = message;
	else
		tx->first = message;
	tx->last = message;
}

static void response(struct app_conn *conn, struct bytes in, int64_t id, uint8_t operation, uint64_t now_ns)
{
	struct ldap_tx *tx = tx_find(conn, id);
	bool more = operation == LDAP_SEARCH_ENTRY || operation == LDAP_SEARCH_REFERENCE ||
		    operation == LDAP_INTERMEDIATE_RESPONSE;
	bool found = tx != NULL;

	if (!found) {
		tx = tx_make(conn, now_ns);
		if (!tx)
			return;
		if (id != 0)
			app_tx_event(conn, &tx->common, EVENT_REQUEST_NOT_FOUND);
	}
	app_frame(conn, TO_CLIENT, FRAME_PDU, in.ptr, (int64_t)in.size, &tx->common);
	keep_response(conn, tx, in);
	if (found && more)
		return;
	tx_complete(conn, tx);
	app_raw_trigger(conn, TO_CLIENT);
	if (found && operation == LDAP_EXTENDED_RESPONSE && bytes_equal_str(tx->request.name, START_TLS) && tx->last &&
		tx->last->result_code == 0)
		app_change_protocol(conn, "tls", 443);
}

/* ---- Bytes ---- */

/* One message from the front. 'enum ber_answer'. */
static int parse_message(
	struct app_conn *conn, enum sensor_dir dir, struct bytes *data, uint64_t now_ns, size_t *ret_needed)
{
	struct bytes message;
	uint8_t operation;
	int64_t id;
	size_t size = 0;
	int answer = ldap_head_read(*data, &size, &id, &operation);

	*ret_needed = data->size + 1;
	if (answer != BER_OK)
		return answer;
	*ret_needed = size;
	if (size > data->size)
		return BER_MORE;
	if (ldap_is_request(operation) != (dir == TO_SERVER))
		return BER_BAD;
	message = bytes_first(*data, size);
	*data = bytes_skip(*data, size);
	if (dir == TO_SERVER)
		request(conn, message, now_ns);
	else
		response(conn, message, id, operation, now_ns);
	return BER_OK;
}

static struct app_result parse_stream(
	struct app_conn *conn, struct ldap_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct bytes data = in->data;
	size_t needed;

	if (in->gap_size != 0) {
		state->lost[dir] = true;
		return APP_RESULT_OK;
	}
	while (data.size != 0 && !(conn->flags & APP_CONN_CHANGE)) {
		int answer = parse_message(conn, dir, &data, in->now_ns, &needed);

		if (answer == BER_MORE)
			return APP_RESULT_MORE(in->data.size - data.size, needed);
		if (answer == BER_BAD && state->lost[dir])
			return APP_RESULT_OK;
		if (answer == BER_BAD) {
			event_at_last(conn, EVENT_INVALID_DATA);
			return APP_RESULT_ERROR;
		}
		state->lost[dir] = false;
	}
	return data.size == 0 ? APP_RESULT_OK : APP_RESULT_MORE(in->data.size - data.size, 1);
}

static struct app_result parse_datagram(struct app_conn *conn, enum sensor_dir dir, const struct app_input *in)
{
	struct bytes data = in->data;
	size_t needed;

	while (data.size != 0) {
		int answer = parse_message(conn, dir, &data, in->now_ns, &needed);

		if (answer == BER_OK)
			continue;
		event_at_last(conn, answer == BER_MORE ? EVENT_INCOMPLETE_DATA : EVENT_INVALID_DATA);
		break;
	}
	return APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return conn->flow->protocol == 6 ? parse_stream(conn, state, TO_SERVER, in)
					 : parse_datagram(conn, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return conn->flow->protocol == 6 ? parse_stream(conn, state, TO_CLIENT, in)
					 : parse_datagram(conn, TO_CLIENT, in);
}

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	uint8_t operation;
	int64_t id;
	size_t size;
	int answer = ldap_head_read(data, &size, &id, &operation);

	if (answer != BER_OK)
		return answer == BER_MORE ? APP_PROBE_MORE : APP_PROBE_NO;
	return ldap_is_request(operation) == (dir == TO_SERVER) ? APP_PROBE_YES : APP_PROBE_REVERSED;
}

static const struct app_port_probe probes[] = {
	{ "389,3268", 6, 7, probe, probe },
	{ "389,3268", 17, 7, probe, probe },
	{ "", 0, 0, NULL, NULL },
};

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct ldap_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct ldap_state));
}

extern const struct app_protocol app_protocol_ldap;

const struct app_protocol app_protocol_ldap = {
	.name = "ldap",
	.event_type = "ldap",
	.log_key = "ldap",
	.transports = APP_TCP | APP_UDP,
	.gaps_ok = true,
	.tx_max = 256,
	.complete = { LDAP_COMPLETE, LDAP_COMPLETE },
	.probes = probes,
	.buffers = ldap_buffers,
	.numbers = ldap_numbers,
	.events = events,
	.frames = frames,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = ldap_log,
};
