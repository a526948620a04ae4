// SPDX-License-Identifier: Apache-2.0
/* SNMP versions 1 (RFC 1157), 2c (RFC 3416) and 3 (RFC 3412, RFC 3414): each message is a transaction of its own. */
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "sensor/app/app.h"
#include "sensor/app/json.h"
#include "sensor/flow/flow.h"

enum { SNMP_COMPLETE = 1, VARS_MAX = 256, OID_TEXT_MAX = 512, USM_MODEL = 3 };

/* Tags of BER (X.690, section 8.1.2) as SNMP uses them. */
enum ber_tag {
	BER_INTEGER = 0x02,
	BER_OCTETS = 0x04,
	BER_OID = 0x06,
	BER_SEQUENCE = 0x30,
	BER_ADDRESS = 0x40,
	BER_PDU = 0xa0
};

enum pdu_type { PDU_RESPONSE = 2, PDU_TRAP_V1 = 4, PDU_COUNT = 9 };

enum snmp_event { EVENT_MALFORMED, EVENT_SECURITY_MODEL, EVENT_VERSION_MISMATCH };

static const char *const pdu_names[PDU_COUNT] = { "get_request", "get_next_request", "response", "set_request",
	"trap_v1", "get_bulk_request", "inform_request", "trap_v2", "report" };

struct snmp_tx {
	struct app_tx common;
	uint32_t version; /* 1, 2, 3 */
	bool encrypted, has_pdu;
	uint8_t pdu; /* enum pdu_type */
	uint32_t error, generic_trap;
	struct bytes community, user; /* null: absent */
	struct bytes trap_oid;
	uint8_t trap_address[4];
	bool has_trap_address;
	struct bytes *vars; /* object identifiers, encoded */
	uint32_t var_count;
};

struct snmp_state {
	uint32_t version; /* of the first message */
};

/* ---- BER ---- */

static bool ber_read(struct cursor *cur, uint8_t *ret_tag, struct bytes *ret_value)
{
	uint8_t size_byte;
	uint32_t size = 0;

	if (!cursor_u8(cur, ret_tag) || (*ret_tag & 0x1f) == 0x1f || !cursor_u8(cur, &size_byte))
		return false;
	if (size_byte < 0x80)
		return cursor_take(cur, size_byte, ret_value);
	if (size_byte == 0x80 || size_byte > 0x84)
		return false;
	for (int i = size_byte & 0x7f; i > 0; i--) {
		uint8_t byte;

		if (!cursor_u8(cur, &byte))
			return false;
		size = size << 8 | byte;
	}
	return cursor_take(cur, size, ret_value);
}

static bool ber_take(struct cursor *cur, uint8_t wanted, struct bytes *ret_value)
{
	uint8_t tag;

	return ber_read(cur, &tag, ret_value) && tag == wanted;
}

static bool ber_number(struct cursor *cur, uint32_t *ret)
{
	struct bytes value;

	if (!ber_take(cur, BER_INTEGER, &value) || value.size == 0 || value.size > 5)
		return false;
	*ret = 0;
	for (size_t i = 0; i < value.size; i++)
		*ret = *ret << 8 | value.ptr[i];
	return true;
}

static bool ber_inside(struct cursor *cur, uint8_t tag, struct cursor *ret)
{
	struct bytes value;

	if (!ber_take(cur, tag, &value))
		return false;
	*ret = cursor_over(value);
	return true;
}

/* ---- Messages ---- */

static bool read_vars(struct snmp_tx *tx, struct cursor *cur)
{
	struct cursor list, var;
	struct bytes oid;

	if (!ber_inside(cur, BER_SEQUENCE, &list))
		return false;
	tx->vars = app_tx_alloc(&tx->common, VARS_MAX * sizeof(*tx->vars));
	while (tx->vars && cursor_left(&list) && tx->var_count < VARS_MAX) {
		if (!ber_inside(&list, BER_SEQUENCE, &var) || !ber_take(&var, BER_OID, &oid))
			return false;
		tx->vars[tx->var_count++] = oid;
	}
	return true;
}

/* RFC 1157, section 4.1.6. */
static bool read_trap(struct snmp_tx *tx, struct cursor cur)
{
	struct bytes address, time;
	uint32_t specific;
	uint8_t tag;

	if (!ber_take(&cur, BER_OID, &tx->trap_oid) || !ber_take(&cur, BER_ADDRESS, &address) ||
		!ber_number(&cur, &tx->generic_trap) || !ber_number(&cur, &specific) || !ber_read(&cur, &tag, &time))
		return false;
	tx->has_trap_address = address.size == 4;
	if (tx->has_trap_address)
		memcpy(tx->trap_address, address.ptr, 4);
	return read_vars(tx, &cur);
}

static bool read_pdu(struct snmp_tx *tx, struct cursor *cur)
{
	uint32_t id, index;
	struct bytes value;
	struct cursor in;
	uint8_t tag;

	if (!ber_read(cur, &tag, &value) || tag < BER_PDU || tag >= BER_PDU + PDU_COUNT)
		return false;
	tx->pdu = (uint8_t)(tag - BER_PDU);
	tx->has_pdu = true;
	in = cursor_over(value);
	if (tx->pdu == PDU_TRAP_V1)
		return read_trap(tx, in);
	if (!ber_number(&in, &id) || !ber_number(&in, &tx->error) || !ber_number(&in, &index))
		return false;
	if (tx->pdu != PDU_RESPONSE)
		tx->error = 0; /* a bulk request has something else there */
	return read_vars(tx, &in);
}

/* RFC 3414, section 2.4: the user's name. */
static bool read_security(struct snmp_tx *tx, struct bytes parameters)
{
	struct cursor cur = cursor_over(parameters), in;
	struct bytes engine;
	uint32_t boots, time;

	return ber_inside(&cur, BER_SEQUENCE, &in) && ber_take(&in, BER_OCTETS, &engine) && ber_number(&in, &boots) &&
	       ber_number(&in, &time) && ber_take(&in, BER_OCTETS, &tx->user);
}

/* RFC 3412, section 6. */
static bool read_version_3(struct app_conn *conn, struct snmp_tx *tx, struct cursor cur)
{
	struct bytes flags, parameters, scoped, engine, name;
	struct cursor global, in;
	uint32_t id, size, model;
	uint8_t tag;

	if (!ber_inside(&cur, BER_SEQUENCE, &global) || !ber_number(&global, &id) || !ber_number(&global, &size) ||
		!ber_take(&global, BER_OCTETS, &flags) || !ber_number(&global, &model) ||
		!ber_take(&cur, BER_OCTETS, &parameters) || !ber_read(&cur, &tag, &scoped))
		return false;
	if (model != USM_MODEL)
		app_tx_event(conn, &tx->common, EVENT_SECURITY_MODEL);
	else if (!read_security(tx, parameters))
		return false;
	tx->encrypted = tag == BER_OCTETS;
	if (tx->encrypted)
		return true;
	in = cursor_over(scoped);
	return tag == BER_SEQUENCE && ber_take(&in, BER_OCTETS, &engine) && ber_take(&in, BER_OCTETS, &name) &&
	       read_pdu(tx, &in);
}

/* 'in' lies in the transaction's arena. */
static bool read_message(struct app_conn *conn, struct snmp_tx *tx, struct bytes in)
{
	struct cursor cur = cursor_over(in), message;
	uint32_t version;

	if (!ber_inside(&cur, BER_SEQUENCE, &message) || !ber_number(&message, &version) ||
		(version > 1 && version != 3))
		return false;
	tx->version = version < 2 ? version + 1 : version;
	if (version == 3)
		return read_version_3(conn, tx, message);
	return ber_take(&message, BER_OCTETS, &tx->community) && read_pdu(tx, &message);
}

static struct app_result parse_message(
	struct app_conn *conn, struct snmp_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct snmp_tx *tx = (struct snmp_tx *)app_tx_new(conn, sizeof(*tx), in->now_ns);
	struct bytes copy;

	if (!tx)
		return APP_RESULT_ERROR;
	tx->common.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	copy = app_tx_dup(&tx->common, in->data);
	if (!read_message(conn, tx, copy)) {
		app_tx_event(conn, &tx->common, EVENT_MALFORMED);
		tx->common.skip_logs = !tx->version;
	}
	if (!state->version)
		state->version = tx->version;
	if (tx->version && tx->version != state->version)
		app_tx_event(conn, &tx->common, EVENT_VERSION_MISMATCH);
	app_tx_progress(conn, &tx->common, dir, SNMP_COMPLETE);
	return APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_message(conn, state, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_message(conn, state, TO_CLIENT, in);
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct snmp_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct snmp_state));
}

/* A sequence of the datagram's size with a version in front. */
static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct cursor cur = cursor_over(data), message;
	uint32_t version;
	uint8_t tag;
	struct bytes next;

	if (!ber_inside(&cur, BER_SEQUENCE, &message) || !ber_number(&message, &version) ||
		!ber_read(&message, &tag, &next))
		return APP_PROBE_NO;
	if (version < 2)
		return tag == BER_OCTETS ? APP_PROBE_YES : APP_PROBE_NO;
	return version == 3 && tag == BER_SEQUENCE ? APP_PROBE_YES : APP_PROBE_NO;
}

static const struct app_port_probe probes[] = {
	{ .ports = "161,162", .transport = 17, .to_server = probe, .to_client = probe },
	{ .transport = 0 },
};

/* ---- Rules ---- */

static const struct snmp_tx *snmp_of(const struct app_tx *tx)
{
	return (const struct snmp_tx *)tx;
}

static bool get_community(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	*ret = (struct app_view){ .data = snmp_of(tx)->community, .last = true };
	return snmp_of(tx)->community.ptr != NULL;
}

static bool get_user(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	*ret = (struct app_view){ .data = snmp_of(tx)->user, .last = true };
	return snmp_of(tx)->user.ptr != NULL;
}

static bool get_version(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = snmp_of(tx)->version;
	return *ret != 0 && index == 0;
}

static bool get_pdu(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = snmp_of(tx)->pdu;
	return snmp_of(tx)->has_pdu && index == 0;
}

#define AT_END                                                                                                         \
	{                                                                                                              \
		SNMP_COMPLETE, SNMP_COMPLETE                                                                           \
	}

static const struct app_buffer buffers[] = {
	{ "snmp.community", NULL, NULL, NULL, DIR_BOTH, AT_END, 0, get_community },
	{ "snmp.usm", NULL, NULL, NULL, DIR_BOTH, AT_END, 0, get_user },
	{ .name = NULL },
};

static const struct app_name_value pdu_values[] = { { "get_request", 0 }, { "get_next_request", 1 }, { "response", 2 },
	{ "set_request", 3 }, { "trap_v1", 4 }, { "get_bulk_request", 5 }, { "inform_request", 6 }, { "trap_v2", 7 },
	{ "report", 8 }, { NULL, 0 } };

static const struct app_number numbers[] = {
	{ "snmp.version", NULL, DIR_BOTH, AT_END, 32, 0, NULL, get_version },
	{ "snmp.pdu_type", NULL, DIR_BOTH, AT_END, 32, 0, pdu_values, get_pdu },
	{ .name = NULL },
};

static const struct app_event events[] = {
	[EVENT_MALFORMED] = { .name = "malformed_data" },
	[EVENT_SECURITY_MODEL] = { .name = "unknown_security_model" },
	[EVENT_VERSION_MISMATCH] = { .name = "version_mismatch" },
	{ .name = NULL },
};

/* ---- EVE ---- */

static enum sensor_dir log_source(const struct app_tx *tx, const struct conf_node *options)
{
	return tx->dirs_skip == DIR_TO_CLIENT ? TO_SERVER : TO_CLIENT;
}

/* X.690, section 8.19: the first number holds two arcs. */
static const char *oid_text(struct bytes oid, char text[OID_TEXT_MAX])
{
	size_t used = 0;
	uint64_t arc = 0;
	bool first = true;

	text[0] = '\0';
	for (size_t i = 0; i < oid.size && used + 24 < OID_TEXT_MAX; i++) {
		arc = arc << 7 | (oid.ptr[i] & 0x7f);
		if (oid.ptr[i] & 0x80)
			continue;
		if (first) {
			uint64_t top = arc < 80 ? arc / 40 : 2;

			used += (size_t)snprintf(text, OID_TEXT_MAX, "%llu.%llu", (unsigned long long)top,
				(unsigned long long)(arc - 40 * top));
		} else {
			used += (size_t)snprintf(text + used, OID_TEXT_MAX - used, ".%llu", (unsigned long long)arc);
		}
		first = false;
		arc = 0;
	}
	return text;
}

static void write_error(struct jsonw *json, uint32_t error)
{
	/* RFC 3416, section 3. */
	static const char *const names[] = { NULL, "TooBig", "NoSuchName", "BadValue", "ReadOnly", "GenErr", "NoAccess",
		"WrongType", "WrongLength", "WrongEncoding", "WrongValue", "NoCreation", "InconsistentValue",
		"ResourceUnavailable", "CommitFailed", "UndoFailed", "AuthorizationError", "NotWritable",
		"InconsistentName" };

	if (error)
		jsonw_kv_string(json, "error", error < ARRAY_COUNT(names) ? names[error] : "Unknown");
}

static void write_trap(struct jsonw *json, const struct snmp_tx *tx)
{
	static const char *const names[] = { "ColdStart", "WarmStart", "LinkDown", "LinkUp", "AuthenticationFailure",
		"EgpNeighborLoss", "EnterpriseSpecific" };
	char text[OID_TEXT_MAX];

	jsonw_kv_string(json, "trap_type", tx->generic_trap < ARRAY_COUNT(names) ? names[tx->generic_trap] : "Unknown");
	jsonw_kv_string(json, "trap_oid", oid_text(tx->trap_oid, text));
	if (!tx->has_trap_address)
		return;
	snprintf(text, sizeof(text), "%u.%u.%u.%u", tx->trap_address[0], tx->trap_address[1], tx->trap_address[2],
		tx->trap_address[3]);
	jsonw_kv_string(json, "trap_address", text);
}

static void write_pdu(struct jsonw *json, const struct snmp_tx *tx)
{
	char text[OID_TEXT_MAX];

	jsonw_kv_string(json, "pdu_type", pdu_names[tx->pdu]);
	write_error(json, tx->error);
	if (tx->pdu == PDU_TRAP_V1)
		write_trap(json, tx);
	if (!tx->var_count)
		return;
	jsonw_kv_array_begin(json, "vars");
	for (uint32_t i = 0; i < tx->var_count; i++)
		jsonw_string(json, oid_text(tx->vars[i], text));
	jsonw_array_end(json);
}

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct snmp_tx *snmp = snmp_of(tx);

	if (!snmp->version)
		return false;
	jsonw_kv_u64(json, "version", snmp->version);
	if (snmp->encrypted)
		jsonw_kv_string(json, "pdu_type", "encrypted");
	else if (snmp->has_pdu)
		write_pdu(json, snmp);
	if (snmp->community.ptr)
		app_json_kv_text(json, "community", snmp->community);
	if (snmp->user.ptr)
		app_json_kv_text(json, "usm", snmp->user);
	return true;
}

const struct app_protocol app_protocol_snmp = {
	.name = "snmp",
	.event_type = "snmp",
	.log_key = "snmp",
	.transports = APP_UDP,
	.complete = { SNMP_COMPLETE, SNMP_COMPLETE },
	.probes = probes,
	.buffers = buffers,
	.numbers = numbers,
	.events = events,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log_source = log_source,
	.log = write_record,
};
