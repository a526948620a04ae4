// SPDX-License-Identifier: Apache-2.0
/* Kerberos 5 over UDP and TCP (RFC 4120, section 7.2).
 *
 * Every message is a transaction of its own. Over TCP a message has its length in front. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "sensor/app/app.h"
#include "sensor/app/asn1/ber.h"
#include "sensor/app/json.h"
#include "sensor/app/krb5/message.h"
#include "sensor/app/krb5/names.h"
#include "sensor/detect/detect.h"
#include "sensor/flow/flow.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/keyword.h"

enum { KRB5_COMPLETE = 1, MESSAGE_MAX = 1 << 20 };

enum krb5_event { EVENT_MALFORMED_DATA, EVENT_WEAK_ENCRYPTION };

static const struct app_event events[] = {
	[EVENT_MALFORMED_DATA] = { .name = "malformed_data" },
	[EVENT_WEAK_ENCRYPTION] = { .name = "weak_encryption" },
	{ .name = NULL },
};

struct krb5_tx {
	struct app_tx common;
	struct krb5_message message;
	uint8_t failed_request; /* of an error: what was asked for last, 0: not seen */
};

struct krb5_state {
	uint8_t request; /* type of the last request */
	bool lost[SENSOR_DIRS];
};

/* ---- Messages ---- */

static bool keeps(uint8_t type)
{
	return (type >= KRB5_AS_REQ && type <= KRB5_TGS_REP) || type == KRB5_ERROR;
}

static struct krb5_tx *tx_make(struct app_conn *conn, enum sensor_dir dir, uint64_t now_ns)
{
	struct krb5_tx *tx = (struct krb5_tx *)app_tx_new(conn, sizeof(*tx), now_ns);

	if (tx)
		tx->common.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	return tx;
}

static void note_weak(struct app_conn *conn, struct krb5_tx *tx)
{
	const struct krb5_message *message = &tx->message;

	if ((message->has_encryption && krb5_encryption_weak(message->encryption)) ||
		(message->has_ticket_encryption && krb5_encryption_weak(message->ticket_encryption)))
		app_tx_event(conn, &tx->common, EVENT_WEAK_ENCRYPTION);
}

/* False: the message cannot be read. */
static bool parse_message(
	struct app_conn *conn, struct krb5_state *state, enum sensor_dir dir, struct bytes in, uint64_t now_ns)
{
	uint8_t type = in.size != 0 ? krb5_type_of(in.ptr[0]) : 0;
	struct krb5_tx *tx;
	struct bytes copy;
	int error;

	if (dir == TO_SERVER && type != 0)
		state->request = type;
	if (type != 0 && !keeps(type))
		return true;
	tx = tx_make(conn, dir, now_ns);
	if (!tx)
		return true;
	copy = app_tx_dup(&tx->common, in);
	error = copy.ptr ? krb5_message_read(copy, &tx->message) : LUYTRE_E_NOMEM;
	if (error != 0) {
		tx->common.skip_logs = true;
		app_tx_event(conn, &tx->common, EVENT_MALFORMED_DATA);
	}
	if (tx->message.type == KRB5_ERROR)
		tx->failed_request = state->request;
	note_weak(conn, tx);
	app_tx_progress(conn, &tx->common, dir, KRB5_COMPLETE);
	app_raw_trigger(conn, dir);
	return error == 0;
}

static struct app_result parse_stream(
	struct app_conn *conn, struct krb5_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct bytes data = in->data;

	if (in->gap_size != 0) {
		state->lost[dir] = true;
		return APP_RESULT_OK;
	}
	while (data.size != 0) {
		struct cursor cur = cursor_over(data);
		uint32_t size;
		struct bytes message;
		bool good;

		if (!cursor_u32be(&cur, &size))
			return APP_RESULT_MORE(in->data.size - data.size, 4);
		if (state->lost[dir] && (size > MESSAGE_MAX || cursor_left(&cur) == 0 || !krb5_type_of(*cur.pos)))
			return APP_RESULT_OK;
		state->lost[dir] = false;
		if (size > MESSAGE_MAX)
			return APP_RESULT_ERROR;
		if (!cursor_take(&cur, size, &message))
			return APP_RESULT_MORE(in->data.size - data.size, 4 + (size_t)size);
		good = parse_message(conn, state, dir, message, in->now_ns);
		data = cursor_rest(&cur);
		if (!good)
			return APP_RESULT_ERROR;
	}
	return APP_RESULT_OK;
}

static struct app_result parse_dir(
	struct app_conn *conn, struct krb5_state *state, enum sensor_dir dir, const struct app_input *in)
{
	if (conn->flow->protocol == 6)
		return parse_stream(conn, state, dir, in);
	return parse_message(conn, state, dir, in->data, in->now_ns) ? APP_RESULT_OK : APP_RESULT_ERROR;
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
	struct cursor cur;
	size_t whole = data.size, size;
	uint8_t tag;

	if (flow->protocol == 6) {
		if (data.size < 10)
			return APP_PROBE_MORE;
		whole = (size_t)data.ptr[0] << 24 | (size_t)data.ptr[1] << 16 | (size_t)data.ptr[2] << 8 | data.ptr[3];
		data = bytes_skip(data, 4);
	}
	cur = cursor_over(data);
	if (whole > MESSAGE_MAX || ber_head(&cur, &tag, &size) != BER_OK || !krb5_type_of(tag))
		return APP_PROBE_NO;
	if (whole != data.size - cursor_left(&cur) + size)
		return APP_PROBE_NO;
	/* Requests have even numbers, replies odd ones; errors are replies. */
	tag = krb5_type_of(tag);
	if (tag > KRB5_AP_REP && tag != KRB5_ERROR)
		return APP_PROBE_YES;
	return (tag % 2 == 0 && tag != KRB5_ERROR) == (dir == TO_SERVER) ? APP_PROBE_YES : APP_PROBE_REVERSED;
}

static const struct app_port_probe probes[] = {
	{ "88", 17, 10, probe, probe },
	{ "88", 6, 10, probe, probe },
	{ "", 0, 0, NULL, NULL },
};

/* ---- What rules see ---- */

static const struct krb5_message *message_of(const struct app_tx *tx)
{
	return &((const struct krb5_tx *)tx)->message;
}

static bool name_at(const struct krb5_name *name, uint32_t index, struct app_view *ret)
{
	if (index >= name->count)
		return false;
	*ret = (struct app_view){ .data = name->parts[index], .last = true };
	return true;
}

static bool get_cname(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return name_at(&message_of(tx)->client, index, ret);
}

static bool get_sname(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return name_at(&message_of(tx)->server, index, ret);
}

static const struct app_buffer buffers[] = {
	{ .name = "krb5.cname",
		.alias = "krb5_cname",
		.dirs = DIR_TO_CLIENT,
		.progress = { KRB5_COMPLETE, KRB5_COMPLETE },
		.flags = APP_BUFFER_MULTI,
		.get = get_cname },
	{ .name = "krb5.sname",
		.alias = "krb5_sname",
		.dirs = DIR_TO_CLIENT,
		.progress = { KRB5_COMPLETE, KRB5_COMPLETE },
		.flags = APP_BUFFER_MULTI,
		.get = get_sname },
	{ .name = NULL },
};

static bool get_type(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = message_of(tx)->type;
	return *ret != 0 && index == 0;
}

static bool get_error(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = (uint64_t)(uint32_t)message_of(tx)->error;
	return message_of(tx)->has_error && index == 0;
}

static const struct app_number numbers[] = {
	{ .name = "krb5_msg_type",
		.alias = "krb5.msg_type",
		.dirs = DIR_BOTH,
		.progress = { KRB5_COMPLETE, KRB5_COMPLETE },
		.bits = 32,
		.get = get_type },
	{ .name = "krb5_err_code",
		.alias = "krb5.err_code",
		.dirs = DIR_BOTH,
		.progress = { KRB5_COMPLETE, KRB5_COMPLETE },
		.bits = 32,
		.get = get_error },
	{ .name = NULL },
};

/* krb5.ticket_encryption: "weak", or names of encryption types. */
struct wanted {
	bool negated, weak;
	uint32_t count;
	int32_t types[32];
};

static bool match_encryption(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct krb5_message *message = message_of(target);
	const struct wanted *wanted = match->data;
	bool found = wanted->weak && krb5_encryption_weak(message->ticket_encryption);

	if (!message->has_ticket_encryption)
		return false;
	for (uint32_t i = 0; i < wanted->count; i++)
		found = found || wanted->types[i] == message->ticket_encryption;
	return found != wanted->negated;
}

static const struct rule_match_ops encryption_ops = {
	.name = "krb5.ticket_encryption", .target = RULE_TARGET_TX, .match = match_encryption
};

static int parse_encryption(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	struct rule_match *match;
	struct bytes item;

	if (!wanted)
		return LUYTRE_E_NOMEM;
	wanted->negated = negated;
	while (rule_text_item(&value, ',', &item)) {
		if (rule_text_is(item, "weak"))
			wanted->weak = true;
		else if (wanted->count == ARRAY_COUNT(wanted->types) ||
			 !krb5_encryption_find(item, &wanted->types[wanted->count]))
			return rule_builder_error(builder,
				"krb5.ticket_encryption: \"%.*s\" is not the name of an "
				"encryption type, and not \"weak\"",
				(int)item.size, (const char *)item.ptr);
		else
			wanted->count++;
	}
	match = rule_builder_add(builder, &encryption_ops, wanted);
	if (!match)
		return LUYTRE_E_NOMEM;
	match->dirs = DIR_BOTH;
	match->progress[TO_SERVER] = match->progress[TO_CLIENT] = KRB5_COMPLETE;
	return rule_builder_protocol(builder, "krb5");
}

static const struct rule_keyword keywords[] = {
	{ "krb5.ticket_encryption", NULL, KEYWORD_NEGATABLE, parse_encryption,
		"the encryption of the ticket: weak, or names" },
	{ .name = NULL },
};

/* ---- EVE ---- */

static const char *type_name(uint8_t type)
{
	switch (type) {
	case KRB5_AS_REQ:
		return "KRB_AS_REQ";
	case KRB5_AS_REP:
		return "KRB_AS_REP";
	case KRB5_TGS_REQ:
		return "KRB_TGS_REQ";
	case KRB5_TGS_REP:
		return "KRB_TGS_REP";
	case KRB5_AP_REQ:
		return "KRB_AP_REQ";
	case KRB5_AP_REP:
		return "KRB_AP_REP";
	case KRB5_ERROR:
		return "KRB_ERROR";
	default:
		return "UNKNOWN";
	}
}

static void log_name(struct jsonw *json, const char *key, const struct krb5_name *name)
{
	char text[1024];
	size_t size = 0;

	if (!name->present) {
		jsonw_kv_string(json, key, "<empty>");
		return;
	}
	for (uint8_t i = 0; i < name->count; i++) {
		struct bytes part = bytes_first(name->parts[i], sizeof(text) - size);

		if (i != 0 && size < sizeof(text)) {
			text[size++] = '/';
			part = bytes_first(part, sizeof(text) - size);
		}
		if (part.size != 0)
			memcpy(text + size, part.ptr, part.size);
		size += part.size;
	}
	app_json_kv_text(json, key, bytes_of(text, size));
}

static void log_encryption(struct jsonw *json, const char *key, const char *weak_key, bool present, int32_t type)
{
	const char *name = present ? krb5_encryption_name(type) : "<none>";
	char number[32];

	snprintf(number, sizeof(number), "EncryptionType(%d)", type);
	jsonw_kv_string(json, key, name ? name : number);
	jsonw_kv_bool(json, weak_key, present && krb5_encryption_weak(type));
}

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct krb5_tx *krb5 = (const struct krb5_tx *)tx;
	const struct krb5_message *message = &krb5->message;
	char number[32];

	if (message->type == 0)
		return false;
	jsonw_kv_string(json, "msg_type", type_name(message->type));
	if (message->has_error) {
		const char *name = krb5_error_name(message->error);

		snprintf(number, sizeof(number), "ErrorCode(%d)", message->error);
		jsonw_kv_string(json, "failed_request", type_name(krb5->failed_request));
		jsonw_kv_string(json, "error_code", name ? name : number);
	}
	log_name(json, "cname", &message->client);
	if (message->realm.ptr)
		app_json_kv_text(json, "realm", message->realm);
	else
		jsonw_kv_string(json, "realm", "<empty>");
	log_name(json, "sname", &message->server);
	log_encryption(json, "encryption", "weak_encryption", message->has_encryption, message->encryption);
	if (message->has_ticket_encryption)
		log_encryption(json, "ticket_encryption", "ticket_weak_encryption", true, message->ticket_encryption);
	return true;
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct krb5_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct krb5_state));
}

extern const struct app_protocol app_protocol_krb5;

const struct app_protocol app_protocol_krb5 = {
	.name = "krb5",
	.event_type = "krb5",
	.log_key = "krb5",
	.transports = APP_TCP | APP_UDP,
	.gaps_ok = true,
	.complete = { KRB5_COMPLETE, KRB5_COMPLETE },
	.probes = probes,
	.buffers = buffers,
	.numbers = numbers,
	.events = events,
	.keywords = keywords,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = write_record,
};
