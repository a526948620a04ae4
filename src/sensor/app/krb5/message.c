// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/krb5/message.h"

#include "base/error.h"
#include "sensor/app/asn1/ber.h"

enum { GENERAL_STRING = 0x1b };

uint8_t krb5_type_of(uint8_t tag)
{
	uint8_t number = tag & 0x1f;
	bool known = (number >= KRB5_AS_REQ && number <= KRB5_AP_REP) || (number >= KRB5_SAFE && number <= KRB5_CRED) ||
		     number == KRB5_ERROR;

	return known && (tag & 0xe0) == BER_APPLICATION_BUILT ? number : 0;
}

/* Every member stands in a tag of its own: [number] content. False: it is not the next one. */
static bool field(struct cursor *cur, uint8_t number, struct cursor *ret)
{
	return ber_enter(cur, BER_CONTEXT_BUILT | number, ret);
}

static bool skip_field(struct cursor *cur, uint8_t number)
{
	struct cursor inner;

	return field(cur, number, &inner);
}

static bool number_field(struct cursor *cur, uint8_t number, int32_t *ret)
{
	struct cursor inner;
	int64_t value;

	if (!field(cur, number, &inner) || !ber_take_number(&inner, BER_INTEGER, &value))
		return false;
	*ret = (int32_t)value;
	return true;
}

static bool text_field(struct cursor *cur, uint8_t number, struct bytes *ret)
{
	struct cursor inner;

	return field(cur, number, &inner) && ber_take(&inner, GENERAL_STRING, ret);
}

/* PrincipalName (section 5.2.2) */
static bool name_field(struct cursor *cur, uint8_t number, struct krb5_name *ret)
{
	struct cursor inner, name, list, parts;
	struct bytes part;

	if (!field(cur, number, &inner) || !ber_enter(&inner, BER_SEQUENCE, &name) || !skip_field(&name, 0) ||
		!field(&name, 1, &list) || !ber_enter(&list, BER_SEQUENCE, &parts))
		return false;
	ret->present = true;
	while (ret->count < KRB5_NAMES_MAX && ber_take(&parts, GENERAL_STRING, &part))
		ret->parts[ret->count++] = part;
	return true;
}

/* An optional member: the cursor moves when it is there. */
static bool has_field(const struct cursor *cur, uint8_t number)
{
	return cursor_left(cur) != 0 && *cur->pos == (BER_CONTEXT_BUILT | number);
}

/* EncryptedData (section 5.2.9): the kind is in the clear. */
static bool encryption_field(struct cursor *cur, uint8_t number, int32_t *ret)
{
	struct cursor inner, data;

	return field(cur, number, &inner) && ber_enter(&inner, BER_SEQUENCE, &data) && number_field(&data, 0, ret);
}

static bool read_request(struct cursor *cur, struct krb5_message *ret)
{
	struct cursor inner, body;

	if (!skip_field(cur, 1) || !skip_field(cur, 2) || (has_field(cur, 3) && !skip_field(cur, 3)) ||
		!field(cur, 4, &inner) || !ber_enter(&inner, BER_SEQUENCE, &body) || !skip_field(&body, 0))
		return false;
	if (has_field(&body, 1) && !name_field(&body, 1, &ret->client))
		return false;
	return text_field(&body, 2, &ret->realm) && (!has_field(&body, 3) || name_field(&body, 3, &ret->server));
}

static bool read_ticket(struct cursor *cur, struct krb5_message *ret)
{
	struct cursor inner, outer, ticket;
	struct bytes realm;

	if (!field(cur, 5, &inner) || !ber_enter(&inner, BER_APPLICATION_BUILT | 1, &outer) ||
		!ber_enter(&outer, BER_SEQUENCE, &ticket) || !skip_field(&ticket, 0) ||
		!text_field(&ticket, 1, &realm) || !name_field(&ticket, 2, &ret->server))
		return false;
	ret->has_ticket_encryption = encryption_field(&ticket, 3, &ret->ticket_encryption);
	return ret->has_ticket_encryption;
}

static bool read_reply(struct cursor *cur, struct krb5_message *ret)
{
	if (!skip_field(cur, 0) || !skip_field(cur, 1) || (has_field(cur, 2) && !skip_field(cur, 2)) ||
		!text_field(cur, 3, &ret->realm) || !name_field(cur, 4, &ret->client) || !read_ticket(cur, ret))
		return false;
	ret->has_encryption = encryption_field(cur, 6, &ret->encryption);
	return ret->has_encryption;
}

/* Times of client [2, 3] and server [4, 5] stand in front of the code; names behind it (section 5.9.1). */
static bool read_error(struct cursor *cur, struct krb5_message *ret)
{
	struct bytes realm;

	for (uint8_t number = 0; number <= 5; number++)
		if (has_field(cur, number) && !skip_field(cur, number))
			return false;
	ret->has_error = number_field(cur, 6, &ret->error);
	if (!ret->has_error || (has_field(cur, 7) && !text_field(cur, 7, &ret->realm)) ||
		(has_field(cur, 8) && !name_field(cur, 8, &ret->client)))
		return false;
	return text_field(cur, 9, &realm) && name_field(cur, 10, &ret->server);
}

int krb5_message_read(struct bytes in, struct krb5_message *ret)
{
	struct cursor cur = cursor_over(in), inner, body;
	struct bytes content;
	bool good = true;
	uint8_t tag;

	*ret = (struct krb5_message){ 0 };
	if (!ber_any(&cur, &tag, &content))
		return LUYTRE_E_SYNTAX;
	ret->type = krb5_type_of(tag);
	inner = cursor_over(content);
	if (ret->type == 0 || !ber_enter(&inner, BER_SEQUENCE, &body))
		return LUYTRE_E_SYNTAX;
	if (ret->type == KRB5_AS_REQ || ret->type == KRB5_TGS_REQ)
		good = read_request(&body, ret);
	else if (ret->type == KRB5_AS_REP || ret->type == KRB5_TGS_REP)
		good = read_reply(&body, ret);
	else if (ret->type == KRB5_ERROR)
		good = read_error(&body, ret);
	return good ? 0 : LUYTRE_E_SYNTAX;
}
