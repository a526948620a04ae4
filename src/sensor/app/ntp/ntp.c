// SPDX-License-Identifier: Apache-2.0
/* NTP (RFC 5905) and its version 3 (RFC 1305): each packet is a transaction of its own, towards the side it goes to. */
#include <string.h>

#include "base/cursor.h"
#include "sensor/app/app.h"
#include "sensor/app/json.h"
#include "sensor/flow/flow.h"

enum { NTP_HEADER_SIZE = 48, NTP_COMPLETE = 1 };

enum ntp_event { EVENT_UNSOLICITED, EVENT_MALFORMED, EVENT_NOT_REQUEST, EVENT_NOT_RESPONSE };

struct ntp_tx {
	struct app_tx common;
	uint8_t version, mode, stratum;
	uint8_t reference_id[4];
};

/* RFC 5905, section 7.3. False: it is no packet of version 3 or 4. */
static bool read_header(struct bytes in, struct ntp_tx *ret)
{
	struct cursor cur = cursor_over(in);
	struct bytes times;
	uint8_t flags;

	if (in.size < NTP_HEADER_SIZE || !cursor_u8(&cur, &flags) || !cursor_u8(&cur, &ret->stratum))
		return false;
	ret->version = flags >> 3 & 7;
	ret->mode = flags & 7;
	/* Poll, precision, root delay and root dispersion lie between. */
	return cursor_take(&cur, 10, &times) && cursor_copy(&cur, 4, ret->reference_id) &&
	       (ret->version == 3 || ret->version == 4);
}

static struct app_result parse_packet(struct app_conn *conn, enum sensor_dir dir, const struct app_input *in)
{
	struct ntp_tx seen = { 0 };
	bool readable = read_header(in->data, &seen);
	struct ntp_tx *tx = (struct ntp_tx *)app_tx_new(conn, sizeof(*tx), in->now_ns);

	if (!tx)
		return APP_RESULT_ERROR;
	tx->version = seen.version;
	tx->mode = seen.mode;
	tx->stratum = seen.stratum;
	memcpy(tx->reference_id, seen.reference_id, sizeof(tx->reference_id));
	tx->common.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	tx->common.skip_logs = !readable;
	if (!readable)
		app_tx_event(conn, &tx->common, EVENT_MALFORMED);
	app_tx_progress(conn, &tx->common, dir, NTP_COMPLETE);
	return APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_packet(conn, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_packet(conn, TO_CLIENT, in);
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, 1);
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, 1);
}

/* ---- Recognition ---- */

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct ntp_tx seen = { 0 };

	return read_header(data, &seen) && seen.mode != 0 ? APP_PROBE_YES : APP_PROBE_NO;
}

static const struct app_port_probe probes[] = {
	{ .ports = "123", .transport = 17, .to_server = probe, .to_client = probe },
	{ .transport = 0 },
};

/* ---- Rules and records ---- */

static const struct ntp_tx *ntp_of(const struct app_tx *tx)
{
	return (const struct ntp_tx *)tx;
}

static bool get_reference_id(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	*ret = (struct app_view){ .data = bytes_of(ntp_of(tx)->reference_id, 4), .last = true };
	return !tx->skip_logs;
}

static bool get_version(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ntp_of(tx)->version;
	return !tx->skip_logs && index == 0;
}

static bool get_mode(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ntp_of(tx)->mode;
	return !tx->skip_logs && index == 0;
}

static bool get_stratum(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ntp_of(tx)->stratum;
	return !tx->skip_logs && index == 0;
}

#define AT_END                                                                                                         \
	{                                                                                                              \
		NTP_COMPLETE, NTP_COMPLETE                                                                             \
	}

static const struct app_buffer buffers[] = {
	{ "ntp.reference_id", NULL, NULL, NULL, DIR_BOTH, AT_END, 0, get_reference_id },
	{ .name = NULL },
};

static const struct app_name_value modes[] = { { "reserved", 0 }, { "symmetric_active", 1 }, { "symmetric_passive", 2 },
	{ "client", 3 }, { "server", 4 }, { "broadcast", 5 }, { "control", 6 }, { "private", 7 }, { NULL, 0 } };

static const struct app_number numbers[] = {
	{ "ntp.version", NULL, DIR_BOTH, AT_END, 8, 0, NULL, get_version },
	{ "ntp.mode", NULL, DIR_BOTH, AT_END, 8, 0, modes, get_mode },
	{ "ntp.stratum", NULL, DIR_BOTH, AT_END, 8, 0, NULL, get_stratum },
	{ .name = NULL },
};

static const struct app_event events[] = {
	[EVENT_UNSOLICITED] = { .name = "unsolicited_response" },
	[EVENT_MALFORMED] = { .name = "malformed_data" },
	[EVENT_NOT_REQUEST] = { .name = "not_request" },
	[EVENT_NOT_RESPONSE] = { .name = "not_response" },
	{ .name = NULL },
};

static const struct app_state_name states[] = {
	{ "request_started", TO_SERVER, 0 },
	{ "request_complete", TO_SERVER, NTP_COMPLETE },
	{ "response_started", TO_CLIENT, 0 },
	{ "response_complete", TO_CLIENT, NTP_COMPLETE },
	{ NULL, 0, 0 },
};

static enum sensor_dir log_source(const struct app_tx *tx, const struct conf_node *options)
{
	return tx->dirs_skip == DIR_TO_CLIENT ? TO_SERVER : TO_CLIENT;
}

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct ntp_tx *ntp = ntp_of(tx);

	if (tx->skip_logs)
		return false;
	jsonw_kv_u64(json, "version", ntp->version);
	jsonw_kv_u64(json, "mode", ntp->mode);
	jsonw_kv_u64(json, "stratum", ntp->stratum);
	app_json_kv_hex(json, "reference_id", bytes_of(ntp->reference_id, 4), ':');
	return true;
}

const struct app_protocol app_protocol_ntp = {
	.name = "ntp",
	.event_type = "ntp",
	.log_key = "ntp",
	.transports = APP_UDP,
	.complete = { NTP_COMPLETE, NTP_COMPLETE },
	.probes = probes,
	.buffers = buffers,
	.numbers = numbers,
	.events = events,
	.states = states,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log_source = log_source,
	.log = write_record,
};
