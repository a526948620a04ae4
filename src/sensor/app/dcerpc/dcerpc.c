// SPDX-License-Identifier: Apache-2.0
/* DCE/RPC over TCP and UDP (The Open Group C706): a transaction is a call with its answer, or a bind with its
 * acknowledgement. Calls inside named pipes belong to SMB, which shares call.h with this parser.
 *
 * A message has at most 65,535 bytes and is taken whole. Behind a gap the direction waits for bytes that begin like a
 * message. */
#include "sensor/app/dcerpc/call.h"
#include "sensor/app/frames.h"
#include "sensor/app/smb/smb.h"
#include "sensor/flow/flow.h"

enum { CALL_COMPLETE = 1 };
enum dcerpc_frame { FRAME_PDU, FRAME_HDR, FRAME_DATA };

static const char *const frames[] = { [FRAME_PDU] = "pdu", [FRAME_HDR] = "hdr", [FRAME_DATA] = "data", NULL };

struct call_tx {
	struct app_tx common;
	struct dcerpc_call call;
};

struct dcerpc_state {
	struct dcerpc_association association;
	bool lost[SENSOR_DIRS]; /* behind a gap, not in step again */
};

static struct call_tx *call_new(struct app_conn *conn, uint64_t now_ns)
{
	return (struct call_tx *)app_tx_new(conn, sizeof(struct call_tx), now_ns);
}

/* ---- TCP ---- */

static struct call_tx *find_request(struct app_conn *conn, const struct dcerpc_head *head)
{
	for (struct app_tx *at = conn->last; at; at = at->prev) {
		struct call_tx *tx = (struct call_tx *)at;

		if (at->protocol == conn->protocol && at->progress[TO_SERVER] == 0 && tx->call.has_request &&
			tx->call.request == DCERPC_REQUEST && tx->call.call_id == head->call_id)
			return tx;
	}
	return NULL;
}

static struct call_tx *find_asked(struct app_conn *conn, const struct dcerpc_head *head)
{
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct call_tx *tx = (struct call_tx *)at;

		if (at->protocol != conn->protocol || at->progress[TO_CLIENT] != 0 || tx->call.call_id != head->call_id)
			continue;
		if (tx->call.has_request ? dcerpc_call_answered_by(&tx->call, head->type)
					 : tx->call.response == head->type)
			return tx;
	}
	return NULL;
}

/* Questions that were not seen will not come behind this one. */
static void give_up_lost(struct app_conn *conn)
{
	for (struct app_tx *at = conn->first; at; at = at->next)
		if (at->protocol == conn->protocol && at->progress[TO_SERVER] == 0 &&
			!((struct call_tx *)at)->call.has_request)
			app_tx_progress(conn, at, TO_SERVER, CALL_COMPLETE);
}

static bool take_request(struct app_conn *conn, struct dcerpc_state *state, const struct dcerpc_head *head,
	struct bytes pdu, uint64_t now_ns)
{
	struct call_tx *tx = NULL;

	if (head->type != DCERPC_BIND && head->type != DCERPC_ALTER_CONTEXT && head->type != DCERPC_REQUEST)
		return true; /* nothing answers those */
	give_up_lost(conn);
	if (head->type == DCERPC_REQUEST)
		tx = find_request(conn, head);
	if (!tx)
		tx = call_new(conn, now_ns);
	if (!tx)
		return false;
	app_tx_touch(conn, &tx->common, TO_SERVER);
	if (dcerpc_call_request(&tx->common, &tx->call, &state->association, head, pdu))
		app_tx_progress(conn, &tx->common, TO_SERVER, CALL_COMPLETE);
	return true;
}

static bool take_response(struct app_conn *conn, struct dcerpc_state *state, const struct dcerpc_head *head,
	struct bytes pdu, uint64_t now_ns)
{
	struct call_tx *tx;

	if (!dcerpc_is_answer(head->type) || head->type == DCERPC_SHUTDOWN)
		return true;
	tx = find_asked(conn, head);
	if (!tx) {
		tx = call_new(conn, now_ns);
		if (!tx)
			return false;
		tx->call.call_id = head->call_id;
	} else if (tx->call.has_request) {
		/* Whoever is answered has said all. */
		app_tx_progress(conn, &tx->common, TO_SERVER, CALL_COMPLETE);
	}
	app_tx_touch(conn, &tx->common, TO_CLIENT);
	if (dcerpc_call_response(&tx->common, &tx->call, &state->association, head, pdu))
		app_tx_progress(conn, &tx->common, TO_CLIENT, CALL_COMPLETE);
	return true;
}

/* What was not complete before a gap will not be. */
static struct app_result gap(struct app_conn *conn, struct dcerpc_state *state, enum sensor_dir dir)
{
	state->lost[dir] = true;
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct call_tx *tx = (struct call_tx *)at;

		if (at->protocol != conn->protocol || at->progress[dir] != 0)
			continue;
		if (dir == TO_SERVER || tx->call.has_response)
			app_tx_progress(conn, at, dir, CALL_COMPLETE);
	}
	return APP_RESULT_OK;
}

static struct app_result parse_stream(
	struct app_conn *conn, struct dcerpc_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct bytes data = in->data;
	struct dcerpc_head head;

	while (data.size != 0) {
		if (!dcerpc_head_read(data, &head))
			return APP_RESULT_MORE(in->data.size - data.size, DCERPC_HEAD_SIZE);
		if (!dcerpc_head_plausible(&head))
			return state->lost[dir] ? APP_RESULT_OK : APP_RESULT_ERROR;
		state->lost[dir] = false;
		if (data.size < head.fragment_size)
			return APP_RESULT_MORE(in->data.size - data.size, head.fragment_size);
		app_frame(conn, dir, FRAME_PDU, data.ptr, head.fragment_size, NULL);
		app_frame(conn, dir, FRAME_HDR, data.ptr, DCERPC_HEAD_SIZE, NULL);
		app_frame(conn, dir, FRAME_DATA, data.ptr + DCERPC_HEAD_SIZE,
			(int64_t)head.fragment_size - DCERPC_HEAD_SIZE, NULL);
		if (!(dir == TO_SERVER ? take_request : take_response)(
			    conn, state, &head, bytes_first(data, head.fragment_size), in->now_ns))
			return APP_RESULT_ERROR;
		data = bytes_skip(data, head.fragment_size);
		app_raw_trigger(conn, dir);
	}
	return APP_RESULT_OK;
}

/* ---- UDP ---- */

static struct call_tx *find_activity(struct app_conn *conn, const struct dcerpc_datagram *datagram)
{
	for (struct app_tx *at = conn->last; at; at = at->prev) {
		struct call_tx *tx = (struct call_tx *)at;

		if (tx->call.sequence == datagram->sequence &&
			memcmp(tx->call.activity, datagram->activity, DCERPC_UUID_SIZE) == 0)
			return tx;
	}
	return NULL;
}

/* The interface stands in every datagram; nobody has to agree on it. */
static void note_interface(struct call_tx *tx, const struct dcerpc_datagram *datagram)
{
	struct dcerpc_interface *item = app_tx_alloc(&tx->common, sizeof(*item));

	if (!item)
		return;
	memcpy(item->uuid, datagram->interface, DCERPC_UUID_SIZE);
	item->version = (uint16_t)datagram->interface_version;
	item->version_minor = (uint16_t)(datagram->interface_version >> 16);
	tx->call.interfaces = item;
	tx->call.interface_count = 1;
}

static struct call_tx *activity_new(struct app_conn *conn, const struct dcerpc_datagram *datagram, uint64_t now_ns)
{
	struct call_tx *tx = call_new(conn, now_ns);

	if (!tx)
		return NULL;
	tx->call.datagram = true;
	memcpy(tx->call.activity, datagram->activity, DCERPC_UUID_SIZE);
	tx->call.sequence = datagram->sequence;
	return tx;
}

static struct app_result parse_datagram(struct app_conn *conn, enum sensor_dir dir, const struct app_input *in)
{
	struct dcerpc_datagram datagram;
	struct call_tx *tx;
	bool asks, last;

	if (in->data.size == 0)
		return APP_RESULT_OK;
	if (!dcerpc_datagram_read(in->data, &datagram))
		return APP_RESULT_ERROR;
	asks = datagram.type == DCERPC_REQUEST;
	if (asks != (dir == TO_SERVER) || (!asks && !dcerpc_is_answer(datagram.type)))
		return APP_RESULT_OK;
	tx = find_activity(conn, &datagram);
	if (!tx)
		tx = activity_new(conn, &datagram, in->now_ns);
	if (!tx)
		return APP_RESULT_ERROR;
	last = !(datagram.flags & DCERPC_DATAGRAM_FRAGMENT) || (datagram.flags & DCERPC_DATAGRAM_LAST);
	if (asks) {
		if (!tx->call.has_request)
			note_interface(tx, &datagram);
		tx->call.has_request = true;
		tx->call.opnum = datagram.opnum;
		tx->call.request = datagram.type;
	} else {
		tx->call.has_response = true;
		tx->call.response = datagram.type;
		last = last || datagram.type != DCERPC_RESPONSE;
		app_tx_progress(conn, &tx->common, TO_SERVER, CALL_COMPLETE);
	}
	tx->call.stub[dir].little = datagram.little;
	if (asks || datagram.type == DCERPC_RESPONSE)
		dcerpc_stub_add(conn, &tx->call.stub[dir], datagram.stub);
	app_tx_touch(conn, &tx->common, dir);
	if (last)
		app_tx_progress(conn, &tx->common, dir, CALL_COMPLETE);
	return APP_RESULT_OK;
}

/* ---- The protocol ---- */

static struct app_result parse(struct app_conn *conn, void *state, enum sensor_dir dir, const struct app_input *in)
{
	if (!conn->flow->tcp && conn->flow->protocol == 17)
		return parse_datagram(conn, dir, in);
	return in->gap_size != 0 ? gap(conn, state, dir) : parse_stream(conn, state, dir, in);
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse(conn, state, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse(conn, state, TO_CLIENT, in);
}

/* The padding of the data representation is zero, and a caller speaks like a caller. */
static enum app_probe_answer confirm(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct dcerpc_head head;

	if (flow->protocol != 6)
		return APP_PROBE_NO;
	if (!dcerpc_head_read(data, &head))
		return APP_PROBE_MORE;
	if (!dcerpc_head_plausible(&head) || (data.ptr[4] & 0xee) != 0 || data.ptr[5] > 3)
		return APP_PROBE_NO;
	return dcerpc_is_answer(head.type) == (dir == TO_CLIENT) ? APP_PROBE_YES : APP_PROBE_REVERSED;
}

static const struct app_pattern patterns[] = {
	{ TO_SERVER, "\x05\x00", 2, 0, 2, false, confirm },
	{ TO_CLIENT, "\x05\x00", 2, 0, 2, false, confirm },
	{ TO_SERVER, "", 0, 0, 0, false, NULL },
};

static enum app_probe_answer probe_datagram(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct dcerpc_datagram datagram;

	if (!dcerpc_datagram_read(data, &datagram) || datagram.type > DCERPC_CANCEL_ACK || (data.ptr[2] & 0x80) != 0 ||
		(data.ptr[3] & 0xfc) != 0 || (data.ptr[4] & 0xee) != 0 || data.ptr[5] > 3)
		return APP_PROBE_NO;
	if (datagram.type == DCERPC_REQUEST || dcerpc_is_answer(datagram.type))
		return dcerpc_is_answer(datagram.type) == (dir == TO_CLIENT) ? APP_PROBE_YES : APP_PROBE_REVERSED;
	return APP_PROBE_YES;
}

static const struct app_port_probe probes[] = {
	{ "", 17, DCERPC_DATAGRAM_HEAD_SIZE, probe_datagram, probe_datagram },
	{ "", 0, 0, NULL, NULL },
};

static const struct app_buffer buffers[] = {
	DCERPC_STUB_BUFFER(CALL_COMPLETE),
	{ .name = NULL },
};

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	dcerpc_call_log(&((const struct call_tx *)tx)->call, json);
	return true;
}

static void call_free(struct app_conn *conn, struct app_tx *tx)
{
	dcerpc_call_done(conn, &((struct call_tx *)tx)->call);
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct dcerpc_state));
}

static void close_state(struct app_conn *conn, void *opaque)
{
	struct dcerpc_state *state = opaque;

	dcerpc_association_done(conn, &state->association);
	app_free(conn, state, sizeof(*state));
}

extern const struct app_protocol app_protocol_dcerpc, app_protocol_smb;

const struct app_protocol app_protocol_dcerpc = {
	.name = "dcerpc",
	.event_type = "dcerpc",
	.log_key = "dcerpc",
	.transports = APP_TCP | APP_UDP,
	.gaps_ok = true,
	.complete = { CALL_COMPLETE, CALL_COMPLETE },
	.patterns = patterns,
	.probes = probes,
	.buffers = buffers,
	.frames = frames,
	.keywords = dcerpc_keywords,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.tx_free = call_free,
	.log = write_record,
};

const struct dcerpc_call *dcerpc_call_of(const struct app_tx *tx)
{
	if (tx->protocol == &app_protocol_dcerpc)
		return &((const struct call_tx *)tx)->call;
	return tx->protocol == &app_protocol_smb ? smb_call_of(tx) : NULL;
}
