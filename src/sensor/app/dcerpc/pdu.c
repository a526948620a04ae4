// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/dcerpc/pdu.h"

#include "base/cursor.h"

static const char *const type_names[DCERPC_TYPE_COUNT] = {
	[DCERPC_REQUEST] = "REQUEST",
	[DCERPC_PING] = "PING",
	[DCERPC_RESPONSE] = "RESPONSE",
	[DCERPC_FAULT] = "FAULT",
	[DCERPC_WORKING] = "WORKING",
	[DCERPC_NOCALL] = "NOCALL",
	[DCERPC_REJECT] = "REJECT",
	[DCERPC_ACK] = "ACK",
	[DCERPC_CL_CANCEL] = "CL_CANCEL",
	[DCERPC_FACK] = "FACK",
	[DCERPC_CANCEL_ACK] = "CANCEL_ACK",
	[DCERPC_BIND] = "BIND",
	[DCERPC_BIND_ACK] = "BINDACK",
	[DCERPC_BIND_NAK] = "BINDNAK",
	[DCERPC_ALTER_CONTEXT] = "ALTER_CONTEXT",
	[DCERPC_ALTER_CONTEXT_RESP] = "ALTER_CONTEXT_RESP",
	[DCERPC_AUTH3] = "AUTH3",
	[DCERPC_SHUTDOWN] = "SHUTDOWN",
	[DCERPC_CO_CANCEL] = "CO_CANCEL",
	[DCERPC_ORPHANED] = "ORPHANED",
};

const char *dcerpc_type_name(uint8_t type)
{
	return type < DCERPC_TYPE_COUNT ? type_names[type] : "UNKNOWN";
}

bool dcerpc_is_answer(uint8_t type)
{
	switch (type) {
	case DCERPC_RESPONSE:
	case DCERPC_FAULT:
	case DCERPC_WORKING:
	case DCERPC_NOCALL:
	case DCERPC_REJECT:
	case DCERPC_CANCEL_ACK:
	case DCERPC_BIND_ACK:
	case DCERPC_BIND_NAK:
	case DCERPC_ALTER_CONTEXT_RESP:
	case DCERPC_SHUTDOWN:
		return true;
	default:
		return false;
	}
}

/* ---- Numbers in the sender's byte order ---- */

static bool take_u16(struct cursor *cur, bool little, uint16_t *ret)
{
	return little ? cursor_u16le(cur, ret) : cursor_u16be(cur, ret);
}

static bool take_u32(struct cursor *cur, bool little, uint32_t *ret)
{
	return little ? cursor_u32le(cur, ret) : cursor_u32be(cur, ret);
}

/* The first three fields of a UUID are numbers in the sender's order, the rest are bytes. */
static bool take_uuid(struct cursor *cur, bool little, uint8_t uuid[DCERPC_UUID_SIZE])
{
	static const uint8_t places[DCERPC_UUID_SIZE] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	uint8_t raw[DCERPC_UUID_SIZE];

	if (!cursor_copy(cur, sizeof(raw), raw))
		return false;
	for (unsigned int i = 0; i < DCERPC_UUID_SIZE; i++)
		uuid[i] = raw[little ? places[i] : i];
	return true;
}

bool dcerpc_head_read(struct bytes in, struct dcerpc_head *ret)
{
	struct cursor cur = cursor_over(in);
	struct dcerpc_head head;
	uint8_t format[4];

	if (!cursor_u8(&cur, &head.version) || !cursor_u8(&cur, &head.version_minor) || !cursor_u8(&cur, &head.type) ||
		!cursor_u8(&cur, &head.flags) || !cursor_copy(&cur, sizeof(format), format))
		return false;
	head.little = (format[0] & 0x10) != 0;
	if (!take_u16(&cur, head.little, &head.fragment_size) || !take_u16(&cur, head.little, &head.auth_size) ||
		!take_u32(&cur, head.little, &head.call_id))
		return false;
	*ret = head;
	return true;
}

bool dcerpc_head_plausible(const struct dcerpc_head *head)
{
	return head->version == 5 && head->version_minor <= 1 && head->type < DCERPC_TYPE_COUNT &&
	       head->fragment_size >= DCERPC_HEAD_SIZE;
}

bool dcerpc_bind_begin(const struct dcerpc_head *head, struct bytes pdu, struct dcerpc_list *ret)
{
	struct cursor cur = cursor_over(pdu);
	uint8_t count;

	/* Sizes of fragments and the association group come first. */
	if (!cursor_skip(&cur, DCERPC_HEAD_SIZE + 8) || !cursor_u8(&cur, &count) || !cursor_skip(&cur, 3))
		return false;
	*ret = (struct dcerpc_list){ .rest = cursor_rest(&cur), .little = head->little, .left = count };
	return true;
}

bool dcerpc_bind_next(struct dcerpc_list *list, struct dcerpc_interface *ret)
{
	struct cursor cur = cursor_over(list->rest);
	struct dcerpc_interface item = { 0 };
	uint8_t syntaxes;

	if (list->left == 0 || !take_u16(&cur, list->little, &item.context_id) || !cursor_u8(&cur, &syntaxes) ||
		!cursor_skip(&cur, 1) || !take_uuid(&cur, list->little, item.uuid) ||
		!take_u16(&cur, list->little, &item.version) || !take_u16(&cur, list->little, &item.version_minor) ||
		!cursor_skip(&cur, 20 * (size_t)syntaxes))
		return false;
	list->left--;
	list->rest = cursor_rest(&cur);
	*ret = item;
	return true;
}

bool dcerpc_results_begin(const struct dcerpc_head *head, struct bytes pdu, struct dcerpc_list *ret)
{
	struct cursor cur = cursor_over(pdu);
	uint16_t address_size;
	uint8_t count;

	/* Behind the secondary address the list begins at a multiple of four. */
	if (!cursor_skip(&cur, DCERPC_HEAD_SIZE + 8) || !take_u16(&cur, head->little, &address_size) ||
		!cursor_skip(&cur, address_size) || !cursor_skip(&cur, (4u - ((address_size + 2u) & 3u)) & 3u) ||
		!cursor_u8(&cur, &count) || !cursor_skip(&cur, 3))
		return false;
	*ret = (struct dcerpc_list){ .rest = cursor_rest(&cur), .little = head->little, .left = count };
	return true;
}

bool dcerpc_results_next(struct dcerpc_list *list, uint16_t *ret_result, uint16_t *ret_reason)
{
	struct cursor cur = cursor_over(list->rest);
	uint16_t result, reason;

	if (list->left == 0 || !take_u16(&cur, list->little, &result) || !take_u16(&cur, list->little, &reason) ||
		!cursor_skip(&cur, 20))
		return false;
	list->left--;
	list->rest = cursor_rest(&cur);
	*ret_result = result;
	*ret_reason = reason;
	return true;
}

bool dcerpc_body_read(const struct dcerpc_head *head, struct bytes pdu, struct dcerpc_body *ret)
{
	struct cursor cur = cursor_over(bytes_first(pdu, head->fragment_size));
	struct dcerpc_body body = { 0 };
	uint16_t last;

	if (!cursor_skip(&cur, DCERPC_HEAD_SIZE + 4) || !take_u16(&cur, head->little, &body.context_id) ||
		!take_u16(&cur, head->little, &last))
		return false;
	body.opnum = last;
	body.stub = cursor_rest(&cur);
	*ret = body;
	return true;
}

bool dcerpc_datagram_read(struct bytes in, struct dcerpc_datagram *ret)
{
	struct cursor cur = cursor_over(in);
	struct dcerpc_datagram head;
	uint8_t version, format[3], flags2;
	uint16_t size;

	if (!cursor_u8(&cur, &version) || version != 4 || !cursor_u8(&cur, &head.type) ||
		!cursor_u8(&cur, &head.flags) || !cursor_u8(&cur, &flags2) ||
		!cursor_copy(&cur, sizeof(format), format) || !cursor_skip(&cur, 1))
		return false;
	head.little = (format[0] & 0x10) != 0;
	if (!cursor_skip(&cur, DCERPC_UUID_SIZE) || !take_uuid(&cur, head.little, head.interface) ||
		!take_uuid(&cur, head.little, head.activity) || !cursor_skip(&cur, 4) ||
		!take_u32(&cur, head.little, &head.interface_version) || !take_u32(&cur, head.little, &head.sequence) ||
		!take_u16(&cur, head.little, &head.opnum) || !cursor_skip(&cur, 4) ||
		!take_u16(&cur, head.little, &size) || !take_u16(&cur, head.little, &head.fragment) ||
		!cursor_skip(&cur, 2))
		return false;
	head.stub = bytes_first(cursor_rest(&cur), size);
	*ret = head;
	return true;
}

void dcerpc_uuid_text(const uint8_t uuid[DCERPC_UUID_SIZE], char text[DCERPC_UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t size = 0;

	for (unsigned int i = 0; i < DCERPC_UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[size++] = '-';
		text[size++] = digits[uuid[i] >> 4];
		text[size++] = digits[uuid[i] & 15];
	}
	text[size] = '\0';
}
