// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/rdp/message.h"

#include "base/error.h"
#include "base/utf8.h"
#include "sensor/app/asn1/ber.h"

enum { X224_REQUEST = 0xe, X224_CONFIRM = 0xd, X224_DATA = 0xf };

enum { NEGOTIATION_REQUEST = 1, NEGOTIATION_RESPONSE = 2, NEGOTIATION_FAILURE = 3 };

enum { BLOCK_CORE = 0xc001, BLOCK_NETWORK = 0xc003 };

int rdp_packet_size(struct bytes in)
{
	int size;

	if (in.size >= 1 && in.ptr[0] != 3)
		return -1;
	if (in.size < 4)
		return 0;
	size = in.ptr[2] << 8 | in.ptr[3];
	return size >= 7 ? size : -1;
}

/* ---- Texts ---- */

/* UTF-16LE in a field of fixed size, up to its first NUL. */
static bool take_text(struct cursor *cur, size_t size, struct arena *arena, struct bytes *ret)
{
	struct cursor field;
	struct bytes raw;
	uint16_t unit, low;
	uint8_t *out;
	size_t at = 0;

	if (!cursor_take(cur, size, &raw))
		return false;
	out = arena_alloc(arena, 2 * size);
	if (!out)
		return false;
	field = cursor_over(raw);
	while (cursor_u16le(&field, &unit) && unit != 0) {
		struct cursor next = field;
		uint32_t code = unit;

		if (unit >= 0xd800 && unit < 0xdc00 && cursor_u16le(&next, &low) && low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (low - 0xdc00u);
			field = next;
		} else if (unit >= 0xd800 && unit < 0xe000) {
			code = 0xfffd;
		}
		at += utf8_put(code, out + at);
	}
	*ret = bytes_of(out, at);
	return true;
}

/* ---- X.224 ---- */

static void read_negotiation(struct cursor *cur, uint8_t type, struct rdp_message *ret)
{
	uint8_t have;
	uint16_t size;

	if (!cursor_u8(cur, &have) || !cursor_u8(cur, &ret->flags) || !cursor_u16le(cur, &size) || size != 8 ||
		!cursor_u32le(cur, &ret->protocol))
		return;
	ret->failed = have == NEGOTIATION_FAILURE;
	ret->has_negotiation = have == type || (type == NEGOTIATION_RESPONSE && ret->failed);
}

/* "Cookie: mstshash=NAME" up to the end of the line (section 2.2.1.1). */
static void read_cookie(struct cursor *cur, struct rdp_message *ret)
{
	static const char mark[] = "Cookie: mstshash=";
	struct bytes rest = cursor_rest(cur), line = bytes_first(rest, bytes_index(rest, '\n'));
	struct bytes prefix = bytes_of(mark, sizeof(mark) - 1);

	if (line.size == rest.size || !cursor_skip(cur, line.size + 1))
		return;
	if (line.size != 0 && line.ptr[line.size - 1] == '\r')
		line.size--;
	if (bytes_starts_with(line, prefix))
		ret->cookie = bytes_of(line.ptr + prefix.size, line.size - prefix.size);
}

/* ---- The client's data ---- */

static uint16_t depth_of(uint16_t code, uint16_t fallback)
{
	static const uint16_t depths[] = { 4, 8, 15, 16, 24 };

	return code >= 0xca00 && code < 0xca00 + ARRAY_COUNT(depths) ? depths[code - 0xca00] : fallback;
}

/* What newer clients add, piece by piece. False: the data end here. */
static bool read_core_more(struct cursor *cur, struct arena *arena, struct rdp_client *ret)
{
	uint16_t depth, high, supported;
	uint32_t selected;
	uint8_t pad;

	if (!cursor_u16le(cur, &depth))
		return false;
	ret->depth = depth_of(depth, ret->depth);
	ret->has_product = cursor_u16le(cur, &ret->product);
	ret->has_serial = cursor_u32le(cur, &ret->serial);
	if (!cursor_u16le(cur, &high))
		return false;
	if (high != 0)
		ret->depth = high;
	if (!cursor_u16le(cur, &supported))
		return false;
	ret->has_capabilities = cursor_u16le(cur, &ret->capabilities);
	ret->has_id = take_text(cur, 64, arena, &ret->id);
	ret->has_connection = cursor_u8(cur, &ret->connection);
	if (!cursor_u8(cur, &pad) || !cursor_u32le(cur, &selected))
		return false;
	ret->has_physical = cursor_u32le(cur, &ret->physical_width) && cursor_u32le(cur, &ret->physical_height) &&
			    cursor_u16le(cur, &ret->orientation);
	ret->has_scale = cursor_u32le(cur, &ret->scale) && cursor_u32le(cur, &ret->device_scale);
	return true;
}

static void read_core(struct bytes in, struct arena *arena, struct rdp_client *ret)
{
	struct cursor cur = cursor_over(in);
	uint16_t depth, sequence;

	if (!cursor_u32le(&cur, &ret->version) || !cursor_u16le(&cur, &ret->width) ||
		!cursor_u16le(&cur, &ret->height) || !cursor_u16le(&cur, &depth) || !cursor_u16le(&cur, &sequence) ||
		!cursor_u32le(&cur, &ret->keyboard_layout) || !cursor_u32le(&cur, &ret->build) ||
		!take_text(&cur, 32, arena, &ret->name) || !cursor_u32le(&cur, &ret->keyboard_type) ||
		!cursor_u32le(&cur, &ret->keyboard_subtype) || !cursor_u32le(&cur, &ret->function_keys) ||
		!take_text(&cur, 64, arena, &ret->ime))
		return;
	ret->has = true;
	ret->depth = depth_of(depth, 0);
	ret->has_depth = true;
	(void)read_core_more(&cur, arena, ret);
}

/* TS_UD_CS_NET (section 2.2.1.3.4) */
static void read_network(struct bytes in, struct rdp_message *ret)
{
	struct cursor cur = cursor_over(in);
	uint32_t count, options;
	struct bytes name;

	if (!cursor_u32le(&cur, &count))
		return;
	while (ret->channel_count < count && ret->channel_count < RDP_CHANNELS_MAX && cursor_take(&cur, 8, &name) &&
		cursor_u32le(&cur, &options))
		ret->channels[ret->channel_count++] = bytes_first(name, bytes_index(name, 0));
}

static void read_blocks(struct bytes in, struct arena *arena, struct rdp_message *ret)
{
	struct cursor cur = cursor_over(in);
	uint16_t type, size;
	struct bytes block;

	while (cursor_u16le(&cur, &type) && cursor_u16le(&cur, &size) && size >= 4 &&
		cursor_take(&cur, size - 4u, &block)) {
		if (type == BLOCK_CORE && !ret->client.has)
			read_core(block, arena, &ret->client);
		else if (type == BLOCK_NETWORK && ret->channel_count == 0)
			read_network(block, ret);
	}
}

/* The data of the conference stand behind the key "Duca" and a length in packed encoding (T.124). */
static bool find_blocks(struct bytes in, struct bytes *ret)
{
	for (size_t at = 0; at + 6 <= in.size && at < 64; at++) {
		if (memcmp(in.ptr + at, "Duca", 4) != 0)
			continue;
		*ret = bytes_skip(in, at + 4 + (in.ptr[at + 4] & 0x80 ? 2 : 1));
		return true;
	}
	return false;
}

/* Connect-Initial (T.125, section 7): its tag has two bytes. */
static bool read_connect(struct cursor *cur, struct arena *arena, struct rdp_message *ret)
{
	struct bytes skipped, data, blocks;
	uint8_t tag, high;
	size_t size;

	if (!cursor_u8(cur, &high) || high != 0x7f)
		return true;
	if (cursor_left(cur) == 0)
		return false;
	if (*cur->pos == 0x66) {
		ret->kind = RDP_CONNECT_RESPONSE;
		return true;
	}
	if (*cur->pos != 0x65)
		return true;
	ret->kind = RDP_CONNECT_REQUEST;
	/* The second byte of the tag stands where a tag of one byte would: 0x65 is one. */
	if (ber_head(cur, &tag, &size) != BER_OK)
		return false;
	for (unsigned int i = 0; i < 6; i++)
		if (!ber_any(cur, &tag, &skipped))
			return false;
	if (!ber_take(cur, BER_OCTETS, &data))
		return false;
	if (find_blocks(data, &blocks))
		read_blocks(blocks, arena, ret);
	return true;
}

int rdp_message_read(struct bytes packet, struct arena *arena, struct rdp_message *ret)
{
	struct cursor cur = cursor_over(bytes_skip(packet, 4));
	uint8_t size, code;

	*ret = (struct rdp_message){ 0 };
	if (!cursor_u8(&cur, &size) || !cursor_u8(&cur, &code))
		return LUYTRE_E_SYNTAX;
	switch (code >> 4) {
	case X224_REQUEST:
	case X224_CONFIRM:
		/* References and class, five bytes, then what is variable. */
		if (size < 6 || !cursor_skip(&cur, 5))
			return LUYTRE_E_SYNTAX;
		ret->kind = code >> 4 == X224_REQUEST ? RDP_INITIAL_REQUEST : RDP_INITIAL_RESPONSE;
		if (ret->kind == RDP_INITIAL_REQUEST)
			read_cookie(&cur, ret);
		read_negotiation(
			&cur, ret->kind == RDP_INITIAL_REQUEST ? NEGOTIATION_REQUEST : NEGOTIATION_RESPONSE, ret);
		return 0;
	case X224_DATA:
		if (!cursor_skip(&cur, 1))
			return LUYTRE_E_SYNTAX;
		return read_connect(&cur, arena, ret) ? 0 : LUYTRE_E_SYNTAX;
	default:
		return LUYTRE_E_SYNTAX;
	}
}
