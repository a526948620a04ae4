// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/ike/message.h"

#include "base/cursor.h"
#include "base/error.h"

enum {
	V1_SA = 1,
	V1_PROPOSAL = 2,
	V1_TRANSFORM = 3,
	V1_KEY_EXCHANGE = 4,
	V1_NONCE = 10,
	V1_NOTIFY = 11,
	V1_VENDOR = 13
};

enum {
	V2_SA = 33,
	V2_KEY_EXCHANGE = 34,
	V2_NONCE = 40,
	V2_NOTIFY = 41,
	V2_VENDOR = 43,
	V2_ENCRYPTED = 46,
	V2_ENCRYPTED_FRAGMENT = 53
};

enum { V1_FLAG_ENCRYPTED = 0x01 };

struct reader {
	struct arena *arena;
	struct ike_message *out;
	uint32_t room;
	bool no_memory;
};

bool ike_header_read(struct bytes in, struct ike_header *ret)
{
	struct cursor cur = cursor_over(in);
	uint8_t version;

	if (!cursor_u64be(&cur, &ret->initiator_spi) || !cursor_u64be(&cur, &ret->responder_spi) ||
		!cursor_u8(&cur, &ret->next_payload) || !cursor_u8(&cur, &version) ||
		!cursor_u8(&cur, &ret->exchange) || !cursor_u8(&cur, &ret->flags) ||
		!cursor_u32be(&cur, &ret->message_id) || !cursor_u32be(&cur, &ret->size))
		return false;
	ret->major = version >> 4;
	ret->minor = version & 15;
	return (ret->major == 1 || ret->major == 2) && ret->size >= IKE_HEADER_SIZE && ret->initiator_spi != 0;
}

/* ---- Associations ---- */

static struct ike_transform *add_transform(struct reader *reader)
{
	struct ike_message *out = reader->out;

	if (out->transform_count == IKE_TRANSFORMS_MAX)
		return NULL;
	if (out->transform_count == reader->room) {
		uint32_t room = reader->room == 0 ? 4 : 2 * reader->room;
		struct ike_transform *grown = arena_alloc(reader->arena, room * sizeof(*grown));

		if (!grown) {
			reader->no_memory = true;
			return NULL;
		}
		if (out->transform_count != 0)
			memcpy(grown, out->transforms, out->transform_count * sizeof(*grown));
		out->transforms = grown;
		reader->room = room;
	}
	return &out->transforms[out->transform_count++];
}

static void add_attribute(struct ike_transform *transform, uint8_t type, uint32_t value)
{
	if (transform->count < IKE_ATTRIBUTES_MAX)
		transform->attributes[transform->count++] = (struct ike_attribute){ type, value };
}

/* A data attribute: short with the value in place of the length, or long (RFC 2408, section 3.3). */
static bool read_attribute(struct cursor *cur, uint16_t *ret_type, uint32_t *ret_value)
{
	uint16_t type, size;
	struct bytes value;

	if (!cursor_u16be(cur, &type) || !cursor_u16be(cur, &size))
		return false;
	*ret_type = type & 0x7fff;
	*ret_value = size;
	if (type & 0x8000)
		return true;
	if (!cursor_take(cur, size, &value))
		return false;
	*ret_value = 0;
	for (size_t i = 0; i < value.size; i++)
		*ret_value = *ret_value << 8 | value.ptr[i];
	return true;
}

/* Attribute classes of RFC 2409, appendix A. */
static bool read_transform1(struct reader *reader, struct bytes in)
{
	static const uint8_t types[] = { [1] = IKE_ENCRYPTION,
		[2] = IKE_HASH,
		[3] = IKE_AUTHENTICATION,
		[4] = IKE_GROUP,
		[5] = IKE_GROUP_TYPE,
		[11] = IKE_LIFE_TYPE,
		[12] = IKE_LIFE_DURATION,
		[13] = IKE_PRF,
		[14] = IKE_KEY_LENGTH,
		[15] = IKE_FIELD_SIZE };
	struct cursor cur = cursor_over(in);
	struct ike_transform *transform;
	uint16_t type;
	uint32_t value;

	if (!cursor_skip(&cur, 4))
		return false;
	transform = add_transform(reader);
	if (!transform)
		return !reader->no_memory;
	while (cursor_left(&cur) != 0) {
		if (!read_attribute(&cur, &type, &value))
			return false;
		if (type == 1 || (type < ARRAY_COUNT(types) && types[type] != 0))
			add_attribute(transform, types[type], value);
	}
	return true;
}

/* Transform types of RFC 7296, section 3.3.2. */
static bool read_transform2(struct ike_transform *transform, struct bytes in)
{
	static const uint8_t types[] = { 0, IKE_ENCRYPTION, IKE_PRF, IKE_AUTHENTICATION, IKE_GROUP, IKE_ESN };
	struct cursor cur = cursor_over(in);
	uint8_t type, reserved;
	uint16_t id, attribute;
	uint32_t value;

	if (!cursor_u8(&cur, &type) || !cursor_u8(&cur, &reserved) || !cursor_u16be(&cur, &id))
		return false;
	if (type != 0 && type < ARRAY_COUNT(types))
		add_attribute(transform, types[type], id);
	while (cursor_left(&cur) != 0) {
		if (!read_attribute(&cur, &attribute, &value))
			return false;
		if (attribute == 14)
			add_attribute(transform, IKE_KEY_LENGTH, value);
	}
	return true;
}

/* The head that proposals and transforms share: whether more follow, and a size with the head in it. */
static bool read_part(struct cursor *cur, bool *ret_more, struct bytes *ret)
{
	uint8_t more, reserved;
	uint16_t size;

	if (!cursor_u8(cur, &more) || !cursor_u8(cur, &reserved) || !cursor_u16be(cur, &size) || size < 4)
		return false;
	*ret_more = more != 0;
	return cursor_take(cur, size - 4u, ret);
}

static bool read_proposal(struct reader *reader, struct bytes in)
{
	struct cursor cur = cursor_over(in);
	struct ike_transform *transform = NULL;
	uint8_t number, protocol, spi_size, count;
	struct bytes part;
	bool more = true;

	if (!cursor_u8(&cur, &number) || !cursor_u8(&cur, &protocol) || !cursor_u8(&cur, &spi_size) ||
		!cursor_u8(&cur, &count) || !cursor_skip(&cur, spi_size))
		return false;
	if (reader->out->header.major == 2) {
		transform = add_transform(reader);
		if (!transform)
			return !reader->no_memory;
	}
	while (more && cursor_left(&cur) != 0) {
		if (!read_part(&cur, &more, &part))
			return false;
		if (!(transform ? read_transform2(transform, part) : read_transform1(reader, part)))
			return false;
	}
	return true;
}

static bool read_association(struct reader *reader, struct bytes in)
{
	struct cursor cur = cursor_over(in);
	struct ike_message *out = reader->out;
	struct bytes part;
	uint32_t situation;
	bool more = true;

	if (out->header.major == 1) {
		out->has_doi = cursor_u32be(&cur, &out->doi) && cursor_u32be(&cur, &situation);
		if (!out->has_doi)
			return false;
	}
	while (more && cursor_left(&cur) != 0)
		if (!read_part(&cur, &more, &part) || !read_proposal(reader, part))
			return false;
	return true;
}

/* ---- Payloads ---- */

static bool read_notify(struct reader *reader, struct bytes in)
{
	struct cursor cur = cursor_over(in);
	struct ike_message *out = reader->out;
	uint16_t head, type;

	if (!cursor_skip(&cur, out->header.major == 1 ? 4 : 0) || !cursor_u16be(&cur, &head) ||
		!cursor_u16be(&cur, &type))
		return false;
	if (out->notify_count < IKE_PAYLOADS_MAX)
		out->notifies[out->notify_count++] = type;
	return true;
}

static bool read_payload(struct reader *reader, uint8_t type, struct bytes in)
{
	struct ike_message *out = reader->out;

	switch (type) {
	case V1_SA:
	case V2_SA:
		return read_association(reader, in);
	case V1_KEY_EXCHANGE:
		out->key_exchange = in;
		return true;
	case V2_KEY_EXCHANGE:
		if (in.size < 4)
			return false;
		out->key_group = (uint16_t)(in.ptr[0] << 8 | in.ptr[1]);
		out->key_exchange = bytes_of(in.ptr + 4, in.size - 4);
		return true;
	case V1_NONCE:
	case V2_NONCE:
		out->nonce = in;
		return true;
	case V1_NOTIFY:
	case V2_NOTIFY:
		return read_notify(reader, in);
	case V1_VENDOR:
	case V2_VENDOR:
		if (out->vendor_count < IKE_VENDORS_MAX)
			out->vendors[out->vendor_count++] = in;
		return true;
	default:
		return true;
	}
}

/* Payloads name the type of the next one (RFC 2408, section 3.2; RFC 7296, section 3.2). */
static bool read_payloads(struct reader *reader, struct cursor *cur)
{
	struct ike_message *out = reader->out;
	uint8_t type = out->header.next_payload, next, flags;
	struct bytes content;
	uint16_t size;

	while (type != 0) {
		if (out->payload_count == IKE_PAYLOADS_MAX || !cursor_u8(cur, &next) || !cursor_u8(cur, &flags) ||
			!cursor_u16be(cur, &size) || size < 4 || !cursor_take(cur, size - 4u, &content))
			return false;
		out->payloads[out->payload_count++] = type;
		if (out->header.major == 2 && (type == V2_ENCRYPTED || type == V2_ENCRYPTED_FRAGMENT)) {
			out->encrypted = true;
			return true;
		}
		if (!read_payload(reader, type, content))
			return false;
		type = next;
	}
	out->extra_data = cursor_left(cur) != 0;
	return true;
}

int ike_message_read(struct bytes in, struct arena *arena, struct ike_message *ret)
{
	struct reader reader = { .arena = arena, .out = ret };
	struct cursor cur;

	*ret = (struct ike_message){ 0 };
	if (!ike_header_read(in, &ret->header))
		return LUYTRE_E_SYNTAX;
	cur = cursor_over(bytes_skip(bytes_first(in, ret->header.size), IKE_HEADER_SIZE));
	if (ret->header.major == 1 && (ret->header.flags & V1_FLAG_ENCRYPTED)) {
		ret->encrypted = true;
		return 0;
	}
	ret->malformed = !read_payloads(&reader, &cur);
	return reader.no_memory ? LUYTRE_E_NOMEM : 0;
}
