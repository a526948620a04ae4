// SPDX-License-Identifier: Apache-2.0
/* What stands behind the header of a message (volume 2, section 2-4; CIP: volume 1, section 2-4). */
#include <string.h>

#include "sensor/app/enip/enip.h"
#include "sensor/app/frames.h"

enum {
	ITEM_IDENTITY = 0x000c,
	ITEM_CONNECTED_DATA = 0x00b1,
	ITEM_UNCONNECTED_DATA = 0x00b2,
	ITEM_SERVICES = 0x0100,
	SOCKET_ADDRESS_SIZE = 16,
	SERVICE_NAME_SIZE = 16,
	INTERFACE_SIZE = 6, /* handle, timeout */
	CIP_RESPONSE = 0x80,
	SERVICE_GET_ATTRIBUTE_LIST = 3,
	SERVICE_SET_ATTRIBUTE_LIST = 4,
	SERVICE_MULTIPLE = 10,
	CIP_DEPTH_MAX = 2, /* packets inside packets */
};

struct place {
	struct app_conn *conn;
	struct enip_tx *tx;
	enum sensor_dir dir;
	const uint8_t *copy, *origin; /* the same byte in the transaction and in the input */
};

static const uint8_t *origin_of(const struct place *at, const uint8_t *copy)
{
	return at->origin + (copy - at->copy);
}

/* ---- CIP ---- */

/* Logical segments (volume 1, appendix C): class, instance, attribute in 8, 16 or 32 bits; others are stepped over. */
static void read_path(struct enip_cip *cip, struct bytes path)
{
	static const uint8_t sizes[] = { 1, 2, 4, 0 };
	struct cursor cur = cursor_over(path);
	uint8_t segment;

	while (cip->segment_count < ENIP_PATH_MAX && cursor_u8(&cur, &segment)) {
		unsigned int kind = segment >> 2 & 7, size = sizes[segment & 3];
		uint32_t value = 0;
		struct bytes number;

		if (segment >> 5 != 1 || size == 0)
			return;
		/* Wider numbers stand on even places. */
		if ((size > 1 && !cursor_skip(&cur, 1)) || !cursor_take(&cur, size, &number))
			return;
		for (unsigned int i = size; i > 0; i--)
			value = value << 8 | number.ptr[i - 1];
		if (kind != 0 && kind != 1 && kind != 4)
			continue;
		cip->segments[cip->segment_count++] =
			(struct enip_segment){ kind == 0 ? ENIP_SEGMENT_CLASS
							 : (kind == 1 ? ENIP_SEGMENT_INSTANCE : ENIP_SEGMENT_ATTRIBUTE),
				value };
	}
}

static void read_attributes(struct enip_cip *cip, struct cursor *cur)
{
	uint16_t count;

	if (!cursor_u16le(cur, &count))
		return;
	while (cip->attribute_count < count && cip->attribute_count < ENIP_ATTRIBUTES_MAX &&
		cursor_u16le(cur, &cip->attributes[cip->attribute_count]))
		cip->attribute_count++;
}

static struct enip_cip *add_cip(struct place *at)
{
	struct enip_message *message = &at->tx->message[at->dir];
	struct enip_cip *cip;

	if (message->cip_count == ENIP_CIP_MAX)
		return NULL;
	cip = app_tx_alloc(&at->tx->common, sizeof(*cip));
	if (!cip)
		return NULL;
	if (message->last)
		message->last->next = cip;
	else
		message->first = cip;
	message->last = cip;
	message->cip_count++;
	return cip;
}

static bool read_cip(struct place *at, struct bytes in, unsigned int depth);

/* A list of offsets, then the messages they point to. */
static bool read_multiple(struct place *at, struct bytes in, unsigned int depth)
{
	struct cursor cur = cursor_over(in);
	uint16_t count, start, next;

	if (depth == CIP_DEPTH_MAX || !cursor_u16le(&cur, &count))
		return false;
	if (count == 0)
		return true;
	if (!cursor_u16le(&cur, &start))
		return false;
	for (uint32_t i = 0; i < count; i++, start = next) {
		next = (uint16_t)(in.size < UINT16_MAX ? in.size : UINT16_MAX);
		if (i + 1u < count && !cursor_u16le(&cur, &next))
			return false;
		if (next < start || next > in.size ||
			!read_cip(at, bytes_first(bytes_skip(in, start), (size_t)(next - start)), depth + 1))
			return false;
	}
	return true;
}

static bool read_cip_response(struct enip_cip *cip, struct cursor *cur)
{
	uint8_t words;

	if (!cursor_skip(cur, 1) || !cursor_u8(cur, &cip->status) || !cursor_u8(cur, &words))
		return false;
	if (words == 0)
		return true;
	cip->has_extended = cursor_u16le(cur, &cip->extended_status);
	return cip->has_extended && cursor_skip(cur, 2u * (words - 1u));
}

static bool read_cip(struct place *at, struct bytes in, unsigned int depth)
{
	struct enip_cip *cip = add_cip(at);
	struct cursor cur = cursor_over(in);
	uint8_t service, words;
	struct bytes path;

	if (!cip)
		return true;
	app_frame(at->conn, at->dir, ENIP_FRAME_CIP, origin_of(at, in.ptr), (int64_t)in.size, &at->tx->common);
	if (!cursor_u8(&cur, &service))
		return false;
	cip->service = service & (CIP_RESPONSE - 1);
	cip->response = service & CIP_RESPONSE;
	if (cip->response) {
		if (!read_cip_response(cip, &cur))
			return false;
	} else {
		if (!cursor_u8(&cur, &words) || !cursor_take(&cur, 2u * words, &path))
			return false;
		read_path(cip, path);
		if (cip->service == SERVICE_GET_ATTRIBUTE_LIST || cip->service == SERVICE_SET_ATTRIBUTE_LIST)
			read_attributes(cip, &cur);
	}
	return cip->service != SERVICE_MULTIPLE || cip->status != 0 || read_multiple(at, cursor_rest(&cur), depth);
}

/* ---- Items (volume 2, section 2-6) ---- */

static bool read_identity(struct enip_message *message, struct cursor *cur)
{
	struct enip_identity *identity = &message->identity;
	uint8_t name_size;

	message->has_identity = cursor_u16le(cur, &identity->protocol_version) &&
				cursor_skip(cur, SOCKET_ADDRESS_SIZE) && cursor_u16le(cur, &identity->vendor) &&
				cursor_u16le(cur, &identity->device_type) &&
				cursor_u16le(cur, &identity->product_code) && cursor_u16be(cur, &identity->revision) &&
				cursor_u16le(cur, &identity->status) && cursor_u32le(cur, &identity->serial) &&
				cursor_u8(cur, &name_size) && cursor_take(cur, name_size, &identity->name) &&
				cursor_u8(cur, &identity->state);
	message->has_version = message->has_identity;
	message->version = identity->protocol_version;
	return message->has_identity;
}

static bool read_service(struct enip_message *message, struct cursor *cur)
{
	message->has_service = cursor_u16le(cur, &message->version) && cursor_u16le(cur, &message->capabilities) &&
			       cursor_take(cur, SERVICE_NAME_SIZE, &message->service_name);
	message->has_version = message->has_service;
	if (message->has_service)
		message->service_name = bytes_first(message->service_name, bytes_index(message->service_name, 0));
	return message->has_service;
}

static bool read_item(struct place *at, uint16_t type, struct bytes data)
{
	struct enip_message *message = &at->tx->message[at->dir];
	struct cursor cur = cursor_over(data);

	switch (type) {
	case ITEM_IDENTITY:
		return read_identity(message, &cur);
	case ITEM_SERVICES:
		return read_service(message, &cur);
	case ITEM_CONNECTED_DATA:
		return cursor_skip(&cur, 2) && read_cip(at, cursor_rest(&cur), 0);
	case ITEM_UNCONNECTED_DATA:
		return read_cip(at, data, 0);
	default:
		return true;
	}
}

static bool read_items(struct place *at, struct cursor *cur)
{
	uint16_t count, type, size;
	struct bytes data;

	if (!cursor_u16le(cur, &count))
		return false;
	for (uint32_t i = 0; i < count && i < ENIP_ITEMS_MAX; i++) {
		const uint8_t *start = cur->pos;

		if (!cursor_u16le(cur, &type) || !cursor_u16le(cur, &size) || !cursor_take(cur, size, &data))
			return false;
		app_frame(at->conn, at->dir, ENIP_FRAME_ITEM, origin_of(at, start), (int64_t)size + 4, &at->tx->common);
		if (!read_item(at, type, data))
			return false;
	}
	return true;
}

bool enip_message_read(
	struct app_conn *conn, struct enip_tx *tx, enum sensor_dir dir, struct bytes body, const uint8_t *origin)
{
	struct place at = { conn, tx, dir, body.ptr, origin };
	struct enip_message *message = &tx->message[dir];
	struct cursor cur = cursor_over(body);

	switch (message->command) {
	case ENIP_REGISTER_SESSION:
		message->has_version =
			cursor_u16le(&cur, &message->version) && cursor_u16le(&cur, &message->register_options);
		return message->has_version;
	case ENIP_LIST_SERVICES:
	case ENIP_LIST_IDENTITY:
	case ENIP_LIST_INTERFACES:
		return body.size == 0 || read_items(&at, &cur);
	case ENIP_SEND_RR_DATA:
	case ENIP_SEND_UNIT_DATA:
		/* An error comes without data. */
		return (body.size == 0 && message->status != 0) ||
		       (cursor_skip(&cur, INTERFACE_SIZE) && read_items(&at, &cur));
	default:
		return true;
	}
}
