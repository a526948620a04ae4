// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/ldap/message.h"

#include "base/error.h"
#include "sensor/app/asn1/ber.h"

/* Where a list grows. */
struct reader {
	struct arena *arena;
	struct ldap_message *out;
	struct ldap_attribute **end;
	bool no_memory;
};

bool ldap_is_request(uint8_t operation)
{
	switch (operation) {
	case LDAP_BIND_REQUEST:
	case LDAP_UNBIND_REQUEST:
	case LDAP_SEARCH_REQUEST:
	case LDAP_MODIFY_REQUEST:
	case LDAP_ADD_REQUEST:
	case LDAP_DEL_REQUEST:
	case LDAP_MOD_DN_REQUEST:
	case LDAP_COMPARE_REQUEST:
	case LDAP_ABANDON_REQUEST:
	case LDAP_EXTENDED_REQUEST:
		return true;
	default:
		return false;
	}
}

/* UNBIND, DELETE and ABANDON hold a plain value, all others a sequence. */
static bool is_operation(uint8_t tag, uint8_t *ret)
{
	uint8_t number = tag & 0x1f;
	bool plain = number == LDAP_UNBIND_REQUEST || number == LDAP_DEL_REQUEST || number == LDAP_ABANDON_REQUEST;
	bool known = number <= LDAP_ABANDON_REQUEST || number == LDAP_SEARCH_REFERENCE ||
		     (number >= LDAP_EXTENDED_REQUEST && number <= LDAP_INTERMEDIATE_RESPONSE);

	*ret = number;
	return known && (tag & 0xe0) == (plain ? BER_APPLICATION : BER_APPLICATION_BUILT);
}

int ldap_head_read(struct bytes in, size_t *ret_size, int64_t *ret_id, uint8_t *ret_operation)
{
	struct cursor cur = cursor_over(in);
	enum ber_answer answer;
	struct bytes number;
	uint8_t tag;
	size_t size;

	answer = ber_head(&cur, &tag, &size);
	if (answer != BER_OK)
		return answer;
	if (tag != BER_SEQUENCE || size < 5 || size > LDAP_MESSAGE_MAX)
		return BER_BAD;
	*ret_size = in.size - cursor_left(&cur) + size;
	answer = ber_head(&cur, &tag, &size);
	if (answer != BER_OK)
		return answer;
	if (tag != BER_INTEGER || size == 0 || size > 4)
		return BER_BAD;
	if (!cursor_take(&cur, size, &number) || !cursor_u8(&cur, &tag))
		return BER_MORE;
	return ber_number(number, ret_id) && *ret_id >= 0 && is_operation(tag, ret_operation) ? BER_OK : BER_BAD;
}

/* ---- Lists ---- */

static struct ldap_attribute *add_attribute(struct reader *reader, struct bytes type)
{
	struct ldap_attribute *attribute = arena_alloc(reader->arena, sizeof(*attribute));

	if (!attribute) {
		reader->no_memory = true;
		return NULL;
	}
	attribute->type = type;
	*reader->end = attribute;
	reader->end = &attribute->next;
	return attribute;
}

static bool read_values(struct reader *reader, struct cursor *cur, struct ldap_attribute *attribute)
{
	struct ldap_value **end = &attribute->values;
	struct bytes text;

	while (ber_take(cur, BER_OCTETS, &text)) {
		struct ldap_value *value = arena_alloc(reader->arena, sizeof(*value));

		if (!value) {
			reader->no_memory = true;
			return false;
		}
		value->text = text;
		*end = value;
		end = &value->next;
	}
	return cursor_left(cur) == 0;
}

/* PartialAttribute: a type and a set of values. */
static bool read_attribute(struct reader *reader, struct cursor *cur, int64_t change)
{
	struct ldap_attribute *attribute;
	struct cursor inner, values;
	struct bytes type;

	if (!ber_enter(cur, BER_SEQUENCE, &inner) || !ber_take(&inner, BER_OCTETS, &type) ||
		!ber_enter(&inner, BER_SET, &values))
		return false;
	attribute = add_attribute(reader, type);
	if (!attribute)
		return false;
	attribute->change = change;
	return read_values(reader, &values, attribute);
}

static bool read_attributes(struct reader *reader, struct cursor *cur)
{
	struct cursor list;

	if (!ber_enter(cur, BER_SEQUENCE, &list))
		return false;
	while (cursor_left(&list) != 0)
		if (!read_attribute(reader, &list, 0))
			return false;
	return true;
}

static bool read_types(struct reader *reader, struct cursor *cur)
{
	struct bytes type;

	while (ber_take(cur, BER_OCTETS, &type))
		if (!add_attribute(reader, type))
			return false;
	return cursor_left(cur) == 0;
}

/* ---- Operations ---- */

static bool read_bind(struct reader *reader, struct cursor *cur)
{
	struct ldap_message *out = reader->out;
	struct cursor sasl;
	struct bytes password;

	if (!ber_take_number(cur, BER_INTEGER, &out->numbers[0]) || !ber_take(cur, BER_OCTETS, &out->dn))
		return false;
	if (ber_take(cur, BER_CONTEXT | 0, &password))
		return true;
	if (!ber_enter(cur, BER_CONTEXT_BUILT | 3, &sasl))
		return true;
	if (!ber_take(&sasl, BER_OCTETS, &out->mechanism))
		return false;
	return cursor_left(&sasl) == 0 || ber_take(&sasl, BER_OCTETS, &out->credentials);
}

static bool read_search(struct reader *reader, struct cursor *cur)
{
	struct ldap_message *out = reader->out;
	struct bytes flag, filter;
	struct cursor types;
	uint8_t tag;

	if (!ber_take(cur, BER_OCTETS, &out->dn) || !ber_take_number(cur, BER_ENUM, &out->numbers[0]) ||
		!ber_take_number(cur, BER_ENUM, &out->numbers[1]) ||
		!ber_take_number(cur, BER_INTEGER, &out->numbers[2]) ||
		!ber_take_number(cur, BER_INTEGER, &out->numbers[3]) || !ber_take(cur, BER_BOOLEAN, &flag) ||
		!ber_any(cur, &tag, &filter) || !ber_enter(cur, BER_SEQUENCE, &types))
		return false;
	out->flag = flag.size != 0 && flag.ptr[0] != 0;
	return read_types(reader, &types);
}

static bool read_modify(struct reader *reader, struct cursor *cur)
{
	struct cursor list, change;
	int64_t kind;

	if (!ber_take(cur, BER_OCTETS, &reader->out->dn) || !ber_enter(cur, BER_SEQUENCE, &list))
		return false;
	while (cursor_left(&list) != 0)
		if (!ber_enter(&list, BER_SEQUENCE, &change) || !ber_take_number(&change, BER_ENUM, &kind) ||
			!read_attribute(reader, &change, kind))
			return false;
	return true;
}

static bool read_mod_dn(struct reader *reader, struct cursor *cur)
{
	struct ldap_message *out = reader->out;
	struct bytes flag;

	if (!ber_take(cur, BER_OCTETS, &out->dn) || !ber_take(cur, BER_OCTETS, &out->new_rdn) ||
		!ber_take(cur, BER_BOOLEAN, &flag))
		return false;
	out->flag = flag.size != 0 && flag.ptr[0] != 0;
	return cursor_left(cur) == 0 || ber_take(cur, BER_CONTEXT | 0, &out->new_superior);
}

static bool read_compare(struct reader *reader, struct cursor *cur)
{
	struct ldap_attribute *attribute;
	struct cursor assertion;
	struct bytes type;

	if (!ber_take(cur, BER_OCTETS, &reader->out->dn) || !ber_enter(cur, BER_SEQUENCE, &assertion) ||
		!ber_take(&assertion, BER_OCTETS, &type))
		return false;
	attribute = add_attribute(reader, type);
	return attribute && read_values(reader, &assertion, attribute) && attribute->values;
}

/* A name and a value, both of the context, numbered from 'first'. */
static bool read_extended(struct reader *reader, struct cursor *cur, uint8_t first)
{
	struct bytes other;
	uint8_t tag;

	while (cursor_left(cur) != 0) {
		if (!ber_any(cur, &tag, &other))
			return false;
		if (tag == (BER_CONTEXT | first))
			reader->out->name = other;
		else if (tag == (BER_CONTEXT | (first + 1)))
			reader->out->value = other;
	}
	return true;
}

/* LDAPResult (section 4.1.9); referrals and what else may follow are left. */
static bool read_result(struct reader *reader, struct cursor *cur)
{
	struct ldap_message *out = reader->out;

	out->has_result = ber_take_number(cur, BER_ENUM, &out->result_code) &&
			  ber_take(cur, BER_OCTETS, &out->matched_dn) && ber_take(cur, BER_OCTETS, &out->diagnostic);
	return out->has_result;
}

static bool read_body(struct reader *reader, struct cursor *cur, struct bytes content)
{
	struct ldap_message *out = reader->out;

	switch (out->operation) {
	case LDAP_BIND_REQUEST:
		return read_bind(reader, cur);
	case LDAP_UNBIND_REQUEST:
		return true;
	case LDAP_SEARCH_REQUEST:
		return read_search(reader, cur);
	case LDAP_SEARCH_ENTRY:
	case LDAP_ADD_REQUEST:
		return ber_take(cur, BER_OCTETS, &out->dn) && read_attributes(reader, cur);
	case LDAP_MODIFY_REQUEST:
		return read_modify(reader, cur);
	case LDAP_DEL_REQUEST:
		out->dn = content;
		return true;
	case LDAP_MOD_DN_REQUEST:
		return read_mod_dn(reader, cur);
	case LDAP_COMPARE_REQUEST:
		return read_compare(reader, cur);
	case LDAP_ABANDON_REQUEST:
		return ber_number(content, &out->numbers[0]);
	case LDAP_SEARCH_REFERENCE:
		return read_types(reader, cur);
	case LDAP_EXTENDED_REQUEST:
	case LDAP_INTERMEDIATE_RESPONSE:
		return read_extended(reader, cur, 0);
	case LDAP_EXTENDED_RESPONSE:
		return read_result(reader, cur) && read_extended(reader, cur, 10);
	default:
		return read_result(reader, cur);
	}
}

int ldap_message_read(struct bytes in, struct arena *arena, struct ldap_message *ret)
{
	struct reader reader = { .arena = arena, .out = ret, .end = &ret->attributes };
	struct cursor cur = cursor_over(in), message, body;
	struct bytes content;
	uint8_t tag;

	*ret = (struct ldap_message){ 0 };
	if (!ber_enter(&cur, BER_SEQUENCE, &message) || !ber_take_number(&message, BER_INTEGER, &ret->id) ||
		!ber_any(&message, &tag, &content) || !is_operation(tag, &ret->operation))
		return LUYTRE_E_SYNTAX;
	body = cursor_over(content);
	if (read_body(&reader, &body, content))
		return 0;
	return reader.no_memory ? LUYTRE_E_NOMEM : LUYTRE_E_SYNTAX;
}
