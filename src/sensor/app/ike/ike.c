// SPDX-License-Identifier: Apache-2.0
/* IKE versions 1 and 2 over UDP. Every message is a transaction; what both sides of version 1 have said in the clear is
 * remembered with the flow and shown with every record. */
#include "sensor/app/ike/ike.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "sensor/app/json.h"
#include "sensor/detect/detect.h"
#include "sensor/flow/flow.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/number.h"

#define IKE_EVENTS(X)                                                                                                  \
	X(MALFORMED_DATA, "malformed_data")                                                                            \
	X(NO_ENCRYPTION, "no_encryption")                                                                              \
	X(WEAK_CRYPTO_ENC, "weak_crypto_enc")                                                                          \
	X(WEAK_CRYPTO_PRF, "weak_crypto_prf")                                                                          \
	X(WEAK_CRYPTO_DH, "weak_crypto_dh")                                                                            \
	X(WEAK_CRYPTO_AUTH, "weak_crypto_auth")                                                                        \
	X(WEAK_CRYPTO_NO_DH, "weak_crypto_no_dh")                                                                      \
	X(WEAK_CRYPTO_NO_AUTH, "weak_crypto_no_auth")                                                                  \
	X(INVALID_PROPOSAL, "invalid_proposal")                                                                        \
	X(UNKNOWN_PROPOSAL, "unknown_proposal")                                                                        \
	X(PAYLOAD_EXTRA_DATA, "payload_extra_data")                                                                    \
	X(MULTIPLE_SERVER_PROPOSAL, "multiple_server_proposal")                                                        \
	X(WEAK_CRYPTO_NODH, "weak_crypto_nodh")                                                                        \
	X(WEAK_CRYPTO_NOAUTH, "weak_crypto_noauth")

enum ike_event {
#define X(id, name) EVENT_##id,
	IKE_EVENTS(X)
#undef X
};

static const struct app_event events[] = {
#define X(id, name) { name, false },
	IKE_EVENTS(X)
#undef X
		{ NULL, false }
};

/* Two events have an older name beside the present one: rules know either. */
static void event(struct ike_tx *tx, enum ike_event number)
{
	app_tx_event(tx->common.conn, &tx->common, (uint8_t)number);
	if (number == EVENT_WEAK_CRYPTO_NO_DH)
		app_tx_event(tx->common.conn, &tx->common, EVENT_WEAK_CRYPTO_NODH);
	if (number == EVENT_WEAK_CRYPTO_NO_AUTH)
		app_tx_event(tx->common.conn, &tx->common, EVENT_WEAK_CRYPTO_NOAUTH);
	tx->errors++;
}

/* ---- What is remembered ---- */

static void replace(struct app_conn *conn, struct bytes *old, struct bytes in)
{
	uint8_t *copy;

	if (in.size == 0)
		return;
	copy = app_alloc(conn, in.size);
	if (!copy)
		return;
	memcpy(copy, in.ptr, in.size);
	app_free(conn, (void *)(uintptr_t)old->ptr, old->size);
	*old = bytes_of(copy, in.size);
}

static void remember_transforms(struct app_conn *conn, struct ike_side *side, const struct ike_message *message)
{
	size_t size = message->transform_count * sizeof(*side->transforms);
	struct ike_transform *copy = size != 0 ? app_alloc(conn, size) : NULL;

	if (!copy)
		return;
	memcpy(copy, message->transforms, size);
	app_free(conn, side->transforms, side->transform_count * sizeof(*side->transforms));
	side->transforms = copy;
	side->transform_count = message->transform_count;
}

static void remember_vendors(struct app_conn *conn, struct ike_state *state, const struct ike_message *message)
{
	for (uint8_t i = 0; i < message->vendor_count; i++) {
		uint8_t at = 0;

		while (at < state->vendor_count && !bytes_equal(state->vendors[at], message->vendors[i]))
			at++;
		if (at < state->vendor_count || at == IKE_VENDORS_MAX)
			continue;
		replace(conn, &state->vendors[at], message->vendors[i]);
		if (state->vendors[at].ptr)
			state->vendor_count++;
	}
}

static void remember1(struct app_conn *conn, struct ike_state *state, struct ike_tx *tx, enum sensor_dir dir)
{
	const struct ike_message *message = &tx->message;

	if (message->has_doi) {
		state->has_doi = true;
		state->doi = message->doi;
	}
	replace(conn, &state->side[dir].key_exchange, message->key_exchange);
	replace(conn, &state->side[dir].nonce, message->nonce);
	remember_transforms(conn, &state->side[dir], message);
	remember_vendors(conn, state, message);
	if (dir == TO_CLIENT && message->transform_count > 1)
		event(tx, EVENT_MULTIPLE_SERVER_PROPOSAL);
}

/* ---- Weak choices of version 2 ---- */

/* RFC 8247 and RFC 8221 deprecate these. */
static void judge_attribute(struct ike_tx *tx, const struct ike_attribute *attribute)
{
	uint32_t value = attribute->value;

	switch (attribute->type) {
	case IKE_ENCRYPTION:
		if (value == 11)
			event(tx, EVENT_NO_ENCRYPTION);
		else if (value <= 9)
			event(tx, EVENT_WEAK_CRYPTO_ENC);
		break;
	case IKE_PRF:
		if (value <= 2)
			event(tx, EVENT_WEAK_CRYPTO_PRF);
		break;
	case IKE_AUTHENTICATION:
		if (value == 0)
			event(tx, EVENT_WEAK_CRYPTO_NO_AUTH);
		else if (value <= 4 || value == 6 || value == 7)
			event(tx, EVENT_WEAK_CRYPTO_AUTH);
		break;
	case IKE_GROUP:
		if (value == 0)
			event(tx, EVENT_WEAK_CRYPTO_NO_DH);
		else if (value <= 2 || value == 5 || value == 22)
			event(tx, EVENT_WEAK_CRYPTO_DH);
		break;
	default:
		break;
	}
}

static void remember2(struct ike_state *state, struct ike_tx *tx, enum sensor_dir dir)
{
	const struct ike_message *message = &tx->message;
	bool response = message->header.flags & 0x20;

	for (uint32_t i = 0; i < message->transform_count; i++)
		for (uint8_t k = 0; k < message->transforms[i].count; k++)
			judge_attribute(tx, &message->transforms[i].attributes[k]);
	if (!response || message->transform_count == 0)
		return;
	if (message->transform_count > 1)
		event(tx, EVENT_MULTIPLE_SERVER_PROPOSAL);
	state->chosen = message->transforms[0];
}

/* ---- Messages ---- */

static struct app_result parse_dir(
	struct app_conn *conn, struct ike_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct ike_tx *tx = (struct ike_tx *)app_tx_new(conn, sizeof(*tx), in->now_ns);
	struct bytes copy;
	int error;

	if (!tx)
		return APP_RESULT_ERROR;
	tx->dir = (uint8_t)dir;
	tx->common.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	copy = app_tx_dup(&tx->common, in->data);
	error = copy.ptr ? ike_message_read(copy, &tx->common.arena, &tx->message) : LUYTRE_E_NOMEM;
	app_tx_recount(&tx->common);
	app_tx_progress(conn, &tx->common, dir, IKE_COMPLETE);
	if (error != 0 || tx->message.malformed)
		event(tx, EVENT_MALFORMED_DATA);
	if (error != 0) {
		tx->common.skip_logs = true;
		return APP_RESULT_OK;
	}
	snprintf(tx->initiator_spi, sizeof(tx->initiator_spi), "%016" PRIx64, tx->message.header.initiator_spi);
	snprintf(tx->responder_spi, sizeof(tx->responder_spi), "%016" PRIx64, tx->message.header.responder_spi);
	if (tx->message.extra_data)
		event(tx, EVENT_PAYLOAD_EXTRA_DATA);
	if (tx->message.header.major == 1)
		remember1(conn, state, tx, dir);
	else
		remember2(state, tx, dir);
	return APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return in->data.size != 0 ? parse_dir(conn, state, TO_SERVER, in) : APP_RESULT_OK;
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return in->data.size != 0 ? parse_dir(conn, state, TO_CLIENT, in) : APP_RESULT_OK;
}

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct ike_header header;

	if (!ike_header_read(data, &header) || header.size != data.size)
		return APP_PROBE_NO;
	/* Exchanges of version 1 are 0 to 6, 32 and 33; those of version 2 are 34 to 44. */
	if (header.major == 1)
		return header.exchange <= 6 || (header.exchange >= 32 && header.exchange <= 33) ? APP_PROBE_YES
												: APP_PROBE_NO;
	if (header.exchange < 34 || header.exchange > 44)
		return APP_PROBE_NO;
	/* The first message of an exchange has no SPI of the responder. */
	return header.exchange == 34 && header.responder_spi == 0 && header.message_id != 0 ? APP_PROBE_NO
											    : APP_PROBE_YES;
}

static const struct app_port_probe probes[] = {
	{ "500", 17, IKE_HEADER_SIZE, probe, probe },
	{ "", 0, 0, NULL, NULL },
};

/* ---- What rules see ---- */

static struct ike_tx *ike_of(struct app_tx *tx)
{
	return (struct ike_tx *)tx;
}

static bool view_of(struct bytes part, struct app_view *ret)
{
	*ret = (struct app_view){ .data = part, .last = true };
	return part.ptr != NULL;
}

static bool get_initiator(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return view_of(bytes_from_str(ike_of(tx)->initiator_spi), ret);
}

static bool get_responder(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return view_of(bytes_from_str(ike_of(tx)->responder_spi), ret);
}

static bool get_key_exchange(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return view_of(ike_of(tx)->message.key_exchange, ret);
}

static bool get_nonce(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return view_of(ike_of(tx)->message.nonce, ret);
}

static bool get_vendor(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	struct ike_tx *ike = ike_of(tx);
	struct bytes vendor;
	char *text;

	if (index >= ike->message.vendor_count)
		return false;
	if (!ike->vendor_texts[index].ptr) {
		vendor = ike->message.vendors[index];
		text = app_tx_alloc(tx, 2 * vendor.size + 1);
		if (!text)
			return false;
		app_hex(vendor, text);
		ike->vendor_texts[index] = bytes_of(text, 2 * vendor.size);
	}
	return view_of(ike->vendor_texts[index], ret);
}

#define ROW(keyword, direction, multi, getter)                                                                         \
	{                                                                                                              \
		.name = keyword, .dirs = direction, .progress = { IKE_COMPLETE, IKE_COMPLETE }, .flags = multi,        \
		.get = getter                                                                                          \
	}

static const struct app_buffer buffers[] = {
	ROW("ike.init_spi", DIR_TO_SERVER, 0, get_initiator),
	ROW("ike.resp_spi", DIR_TO_CLIENT, 0, get_responder),
	ROW("ike.key_exchange_payload", DIR_BOTH, 0, get_key_exchange),
	ROW("ike.nonce_payload", DIR_BOTH, 0, get_nonce),
	ROW("ike.vendor", DIR_TO_SERVER, APP_BUFFER_MULTI, get_vendor),
	{ .name = NULL },
};

static bool get_exchange(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ike_of(tx)->message.header.exchange;
	return ike_of(tx)->message.header.major != 0 && index == 0;
}

static bool get_key_size(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ike_of(tx)->message.key_exchange.size;
	return ike_of(tx)->message.key_exchange.ptr && index == 0;
}

static bool get_nonce_size(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ike_of(tx)->message.nonce.size;
	return ike_of(tx)->message.nonce.ptr && index == 0;
}

static const struct app_number numbers[] = {
	{ .name = "ike.exchtype",
		.dirs = DIR_BOTH,
		.progress = { IKE_COMPLETE, IKE_COMPLETE },
		.bits = 8,
		.get = get_exchange },
	{ .name = "ike.key_exchange_payload_length",
		.dirs = DIR_BOTH,
		.progress = { IKE_COMPLETE, IKE_COMPLETE },
		.bits = 32,
		.get = get_key_size },
	{ .name = "ike.nonce_payload_length",
		.dirs = DIR_BOTH,
		.progress = { IKE_COMPLETE, IKE_COMPLETE },
		.bits = 32,
		.get = get_nonce_size },
	{ .name = NULL },
};

/* ike.chosen_sa_attribute: an attribute of the association that the responder chose. */
struct wanted {
	uint8_t type; /* enum ike_attribute_type */
	struct rule_number_test test;
};

static bool match_chosen(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct ike_tx *tx = target;
	const struct wanted *wanted = match->data;
	const struct ike_transform *chosen = tx->message.transforms;

	if (tx->dir != TO_CLIENT || tx->message.transform_count != 1)
		return false;
	for (uint8_t i = 0; i < chosen->count; i++)
		if (chosen->attributes[i].type == wanted->type)
			return rule_number_holds(&wanted->test, chosen->attributes[i].value);
	return false;
}

static const struct rule_match_ops chosen_ops = {
	.name = "ike.chosen_sa_attribute", .target = RULE_TARGET_TX, .match = match_chosen
};

static int parse_chosen(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	size_t sign = bytes_index(value, '=');
	struct bytes name = rule_text_trim(bytes_first(value, sign));
	struct rule_match *match;
	const char *problem;

	if (!wanted)
		return LUYTRE_E_NOMEM;
	while (wanted->type < IKE_ATTRIBUTE_COUNT && !rule_text_is(name, ike_attribute_keys[wanted->type]))
		wanted->type++;
	if (wanted->type == IKE_ATTRIBUTE_COUNT)
		return rule_builder_error(builder, "ike.chosen_sa_attribute: \"%.*s\" is not the name of an attribute",
			(int)name.size, (const char *)name.ptr);
	problem = rule_number_parse(bytes_skip(value, sign + 1), 32, NULL, &wanted->test);
	if (problem)
		return rule_builder_error(builder, "ike.chosen_sa_attribute: %s", problem);
	match = rule_builder_add(builder, &chosen_ops, wanted);
	if (!match)
		return LUYTRE_E_NOMEM;
	match->dirs = DIR_TO_CLIENT;
	match->progress[TO_SERVER] = match->progress[TO_CLIENT] = IKE_COMPLETE;
	return rule_builder_protocol(builder, "ike");
}

static const struct rule_keyword keywords[] = {
	{ "ike.chosen_sa_attribute", NULL, 0, parse_chosen,
		"an attribute of the association that was chosen: alg_enc=7" },
	{ .name = NULL },
};

/* ---- The protocol ---- */

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct ike_state));
}

static void close_state(struct app_conn *conn, void *opaque)
{
	struct ike_state *state = opaque;

	for (unsigned int i = 0; i < SENSOR_DIRS; i++) {
		struct ike_side *side = &state->side[i];

		app_free(conn, (void *)(uintptr_t)side->key_exchange.ptr, side->key_exchange.size);
		app_free(conn, (void *)(uintptr_t)side->nonce.ptr, side->nonce.size);
		app_free(conn, side->transforms, side->transform_count * sizeof(*side->transforms));
	}
	for (uint8_t i = 0; i < state->vendor_count; i++)
		app_free(conn, (void *)(uintptr_t)state->vendors[i].ptr, state->vendors[i].size);
	app_free(conn, state, sizeof(*state));
}

extern const struct app_protocol app_protocol_ike;

const struct app_protocol app_protocol_ike = {
	.name = "ike",
	.rule_alias = "ikev2",
	.event_type = "ike",
	.log_key = "ike",
	.transports = APP_UDP,
	.complete = { IKE_COMPLETE, IKE_COMPLETE },
	.probes = probes,
	.buffers = buffers,
	.numbers = numbers,
	.events = events,
	.keywords = keywords,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = ike_log,
};
