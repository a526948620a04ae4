// SPDX-License-Identifier: Apache-2.0
/* Keywords of TLS that are neither buffers nor numbers: versions, states, validity of certificates, and the older forms
 * that take their value at once (tls.subject:"CN=..."). */
#include <stdlib.h>
#include <time.h>

#include "base/ascii.h"
#include "base/error.h"
#include "sensor/app/tls/tls.h"
#include "sensor/detect/detect.h"
#include "sensor/flow/flow.h"

/* The transaction in hand when it is of TLS. */
static const struct tls_tx *tls_in_hand(const struct detect_context *context)
{
	struct app_tx *tx = context->tx;

	return tx && tx->protocol->keywords == tls_keywords ? tls_of(tx) : NULL;
}

static int add(struct rule_builder *builder, const struct rule_match_ops *ops, void *data, bool negated)
{
	struct rule_match *match = data ? rule_builder_add(builder, ops, data) : NULL;

	if (!match)
		return LUYTRE_E_NOMEM;
	match->negated = negated;
	return rule_builder_protocol(builder, "tls");
}

/* ---- Lists of names, each possibly negated ---- */

/* The next of 'in' up to one of 'separators', without blanks. */
static bool word_next(struct bytes *in, const char *separators, struct bytes *ret, bool *ret_negated)
{
	size_t end = 0;

	while (in->size != 0 && (in->ptr[0] == ' ' || strchr(separators, in->ptr[0])))
		*in = bytes_skip(*in, 1);
	if (in->size == 0)
		return false;
	*ret_negated = in->ptr[0] == '!';
	if (*ret_negated)
		*in = bytes_skip(*in, 1);
	while (end < in->size && in->ptr[end] != ' ' && !strchr(separators, in->ptr[end]))
		end++;
	*ret = bytes_first(*in, end);
	*in = bytes_skip(*in, end);
	return true;
}

/* ---- ssl_version, tls.version ---- */

static const struct {
	const char *name;
	uint16_t version;
} versions[] = { { "sslv2", 0x0002 }, { "sslv3", 0x0300 }, { "tls1.0", 0x0301 }, { "tls1.1", 0x0302 },
	{ "tls1.2", 0x0303 }, { "tls1.3", 0x0304 }, { "1.0", 0x0301 }, { "1.1", 0x0302 }, { "1.2", 0x0303 },
	{ "1.3", 0x0304 } };

struct version_list {
	uint8_t wanted, refused; /* bits: by rank of the version */
};

static uint8_t version_bit(uint16_t version)
{
	if (version == 0x0002 || version == 0x0200)
		return 1 << 0;
	if (version >= 0x0300 && version <= 0x0304)
		return (uint8_t)(1u << (1 + (version & 0xff)));
	return tls_is_13(version) ? 1 << 5 : 0;
}

static bool match_version(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct version_list *list = match->data;
	const struct tls_tx *tx = tls_in_hand(context);
	uint8_t bit = tx ? version_bit(tx->side[context->dir].version) : 0;

	if (bit == 0)
		return false;
	return list->wanted != 0 ? (list->wanted & bit) != 0 : (list->refused & bit) == 0;
}

static const struct rule_match_ops version_ops = {
	.name = "tls.version", .target = RULE_TARGET_TX, .match = match_version
};

static bool version_add(struct version_list *list, struct bytes word, bool negated)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(versions); i++) {
		if (!ascii_equal_nocase_str(word, versions[i].name))
			continue;
		if (negated)
			list->refused |= version_bit(versions[i].version);
		else
			list->wanted |= version_bit(versions[i].version);
		return true;
	}
	return false;
}

static int parse_version(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct version_list *list = arena_alloc(rule_builder_arena(builder), sizeof(*list));
	struct bytes word;
	bool word_negated, all_negated = negated;

	if (!list)
		return LUYTRE_E_NOMEM;
	/* A "!" in front holds for all that follow: "!tls1.3,tls1.2" is neither. */
	while (word_next(&value, ",|", &word, &word_negated)) {
		all_negated = all_negated || word_negated;
		if (!version_add(list, word, all_negated))
			return rule_builder_error(builder, "\"%.*s\" is no version of TLS", (int)word.size, word.ptr);
	}
	if (list->wanted == 0 && list->refused == 0)
		return rule_builder_error(builder, "%s needs a version, like tls1.2", keyword->name);
	if (list->wanted != 0 && list->refused != 0)
		return rule_builder_error(builder, "%s cannot mix versions with \"!\" and without", keyword->name);
	return add(builder, &version_ops, list, false);
}

/* ---- ssl_state ---- */

enum state_bit {
	STATE_CLIENT_HELLO = 1 << 0,
	STATE_SERVER_HELLO = 1 << 1,
	STATE_CLIENT_KEYX = 1 << 2,
	STATE_SERVER_KEYX = 1 << 3,
	STATE_UNKNOWN = 1 << 4
};

struct state_list {
	uint8_t wanted, refused;
};

static uint8_t states_of(const struct tls_tx *tx)
{
	uint8_t bits = 0;

	if (tx->side[TO_SERVER].hello_seen)
		bits |= STATE_CLIENT_HELLO;
	if (tx->side[TO_CLIENT].hello_seen)
		bits |= STATE_SERVER_HELLO;
	if (tx->side[TO_SERVER].key_exchange_seen || tx->side[TO_SERVER].change_cipher_seen)
		bits |= STATE_CLIENT_KEYX;
	if (tx->side[TO_CLIENT].change_cipher_seen)
		bits |= STATE_SERVER_KEYX;
	return bits != 0 ? bits : STATE_UNKNOWN;
}

static bool match_state(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct state_list *list = match->data;
	const struct tls_tx *tx = tls_in_hand(context);
	uint8_t bits;

	if (!tx)
		return false;
	bits = states_of(tx);
	return (list->wanted != 0 && (bits & list->wanted)) || (list->refused != 0 && !(bits & list->refused));
}

static const struct rule_match_ops state_ops = { .name = "ssl_state", .target = RULE_TARGET_TX, .match = match_state };

static int parse_state(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const struct {
		const char *name;
		uint8_t bit;
	} rows[] = { { "client_hello", STATE_CLIENT_HELLO }, { "server_hello", STATE_SERVER_HELLO },
		{ "client_keyx", STATE_CLIENT_KEYX }, { "server_keyx", STATE_SERVER_KEYX },
		{ "unknown", STATE_UNKNOWN } };
	struct state_list *list = arena_alloc(rule_builder_arena(builder), sizeof(*list));
	struct bytes word;
	bool word_negated;

	if (!list)
		return LUYTRE_E_NOMEM;
	while (word_next(&value, ",|", &word, &word_negated)) {
		unsigned int i = 0;

		while (i < ARRAY_COUNT(rows) && !ascii_equal_nocase_str(word, rows[i].name))
			i++;
		if (i == ARRAY_COUNT(rows))
			return rule_builder_error(
				builder, "\"%.*s\" is no state of ssl_state", (int)word.size, word.ptr);
		if (word_negated)
			list->refused |= rows[i].bit;
		else
			list->wanted |= rows[i].bit;
	}
	if (list->wanted == 0 && list->refused == 0)
		return rule_builder_error(builder, "ssl_state needs a state, like client_hello");
	return add(builder, &state_ops, list, false);
}

/* ---- tls.subject, tls.issuerdn, tls.fingerprint: text at once ---- */

struct text_match {
	struct bytes text;
	bool negated;
	bool whole; /* equal without case; else contained */
	size_t offset; /* of the text in struct tls_certificate */
};

static bool contains(struct bytes in, struct bytes wanted)
{
	return wanted.size == 0 || (in.size >= wanted.size && memmem(in.ptr, in.size, wanted.ptr, wanted.size));
}

static bool match_text(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct text_match *wanted = match->data;
	const struct tls_tx *tx = tls_in_hand(context);
	struct bytes text;
	bool found;

	if (!tx || !tx->side[TO_CLIENT].has_certificate || context->dir != TO_CLIENT)
		return false;
	memcpy(&text, (const char *)&tx->side[TO_CLIENT].certificate + wanted->offset, sizeof(text));
	if (!text.ptr)
		return false;
	found = wanted->whole ? ascii_equal_nocase(text, wanted->text) : contains(text, wanted->text);
	return found != wanted->negated;
}

static const struct rule_match_ops text_ops = { .name = "tls.subject", .target = RULE_TARGET_TX, .match = match_text };

static int parse_text(struct rule_builder *builder, struct bytes value, bool negated, size_t offset, bool equal)
{
	struct text_match *match = arena_alloc(rule_builder_arena(builder), sizeof(*match));

	if (!match)
		return LUYTRE_E_NOMEM;
	match->text = bytes_of(arena_dup(rule_builder_arena(builder), value), value.size);
	if (!match->text.ptr)
		return LUYTRE_E_NOMEM;
	match->negated = negated;
	match->whole = equal;
	match->offset = offset;
	rule_builder_dirs(builder, DIR_TO_CLIENT);
	return add(builder, &text_ops, match, false);
}

static int parse_subject(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	return parse_text(builder, value, negated, offsetof(struct tls_certificate, subject), false);
}

static int parse_issuer(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	return parse_text(builder, value, negated, offsetof(struct tls_certificate, issuer), false);
}

static int parse_fingerprint(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	return parse_text(builder, value, negated, offsetof(struct tls_certificate, fingerprint), true);
}

/* ---- Validity ---- */

enum validity_kind { VALIDITY_VALID, VALIDITY_EXPIRED, VALIDITY_NOT_BEFORE, VALIDITY_NOT_AFTER };

struct validity {
	enum validity_kind kind;
	char operation; /* '<', '>', '-' between, '=' */
	int64_t low_s, high_s;
};

static bool match_validity(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct validity *validity = match->data;
	const struct tls_tx *tx = tls_in_hand(context);
	const struct tls_certificate *certificate = tx ? &tx->side[TO_CLIENT].certificate : NULL;
	int64_t now_s = (int64_t)(context->now_ns / 1000000000), value_s;

	if (!tx || !certificate->serial.ptr || context->dir != TO_CLIENT)
		return false;
	if (validity->kind == VALIDITY_EXPIRED)
		return certificate->not_after_s < now_s;
	if (validity->kind == VALIDITY_VALID)
		return certificate->not_before_s < now_s && now_s < certificate->not_after_s;
	value_s = validity->kind == VALIDITY_NOT_BEFORE ? certificate->not_before_s : certificate->not_after_s;
	switch (validity->operation) {
	case '<':
		return value_s < validity->low_s;
	case '>':
		return value_s > validity->low_s;
	case '-':
		return value_s > validity->low_s && value_s < validity->high_s;
	default:
		return value_s == validity->low_s;
	}
}

static const struct rule_match_ops validity_ops = {
	.name = "tls_cert_valid", .target = RULE_TARGET_TX, .match = match_validity
};

/* Seconds since 1970, or a date: "2015", "2015-10", "2015-10-22", with "THH", "THH:MM", "THH:MM:SS" behind. */
static bool date_read(struct bytes in, int64_t *ret)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H",
		"%Y-%m-%d", "%Y-%m", "%Y" };
	char text[64], *end;

	if (!bytes_to_str(in, text, sizeof(text)) || text[0] == '\0')
		return false;
	*ret = strtoll(text, &end, 10);
	if (*end == '\0' && in.size != 4)
		return true;
	for (unsigned int i = 0; i < ARRAY_COUNT(forms); i++) {
		struct tm parts = { .tm_mday = 1 };
		const char *rest = strptime(text, forms[i], &parts);

		if (rest && *rest == '\0') {
			*ret = (int64_t)timegm(&parts);
			return true;
		}
	}
	return false;
}

static struct bytes trim(struct bytes in)
{
	while (in.size != 0 && in.ptr[0] == ' ')
		in = bytes_skip(in, 1);
	while (in.size != 0 && in.ptr[in.size - 1] == ' ')
		in.size--;
	return in;
}

static int add_validity(struct rule_builder *builder, struct validity wanted)
{
	struct validity *validity = arena_dup(rule_builder_arena(builder), bytes_of(&wanted, sizeof(wanted)));

	rule_builder_dirs(builder, DIR_TO_CLIENT);
	return add(builder, &validity_ops, validity, false);
}

static int parse_date(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct validity validity = { .operation = '=' };
	const uint8_t *range = value.size >= 2 ? memmem(value.ptr, value.size, "<>", 2) : NULL;
	bool read;

	validity.kind = strstr(keyword->name, "notbefore") ? VALIDITY_NOT_BEFORE : VALIDITY_NOT_AFTER;
	if (range) {
		size_t at = (size_t)(range - value.ptr);

		validity.operation = '-';
		read = date_read(trim(bytes_first(value, at)), &validity.low_s) &&
		       date_read(trim(bytes_skip(value, at + 2)), &validity.high_s) && validity.low_s < validity.high_s;
	} else {
		if (value.size != 0 && (value.ptr[0] == '<' || value.ptr[0] == '>')) {
			validity.operation = (char)value.ptr[0];
			value = trim(bytes_skip(value, 1));
		}
		read = date_read(value, &validity.low_s);
	}
	if (!read)
		return rule_builder_error(builder, "%s needs a date like >2024-01-31", keyword->name);
	return add_validity(builder, validity);
}

static int parse_valid(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	return add_validity(builder, (struct validity){ .kind = VALIDITY_VALID });
}

static int parse_expired(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	return add_validity(builder, (struct validity){ .kind = VALIDITY_EXPIRED });
}

const struct rule_keyword tls_keywords[] = {
	{ "tls.version", NULL, KEYWORD_QUOTES, parse_version, "version of the connection: tls.version:1.2;" },
	{ "ssl_version", NULL, KEYWORD_QUOTES, parse_version,
		"versions of the connection: ssl_version:tls1.0,tls1.1;" },
	{ "ssl_state", NULL, 0, parse_state, "state of the handshake: ssl_state:client_hello;" },
	{ "tls.subject", NULL, KEYWORD_QUOTES | KEYWORD_NEGATABLE, parse_subject,
		"text in the subject of the server's certificate" },
	{ "tls.issuerdn", NULL, KEYWORD_QUOTES | KEYWORD_NEGATABLE, parse_issuer, "text in its issuer" },
	{ "tls.fingerprint", NULL, KEYWORD_QUOTES | KEYWORD_NEGATABLE, parse_fingerprint,
		"SHA-1 of the server's certificate" },
	{ "tls.store", "tls_store", KEYWORD_NO_VALUE | KEYWORD_IGNORED, NULL, "stores the certificate" },
	{ "tls_cert_notbefore", NULL, KEYWORD_QUOTES, parse_date, "begin of validity: tls_cert_notbefore:>2024;" },
	{ "tls_cert_notafter", NULL, KEYWORD_QUOTES, parse_date, "end of validity" },
	{ "tls_cert_valid", NULL, KEYWORD_NO_VALUE, parse_valid, "the certificate is valid at the time of the packet" },
	{ "tls_cert_expired", NULL, KEYWORD_NO_VALUE, parse_expired,
		"the certificate has expired at the time of the packet" },
	{ .name = NULL },
};
