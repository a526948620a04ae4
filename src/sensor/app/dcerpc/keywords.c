// SPDX-License-Identifier: Apache-2.0
/* Rule keywords about calls of DCE/RPC: dcerpc.iface, dcerpc.opnum, and the buffer dcerpc.stub_data. They hold over TCP,
 * over UDP and inside the named pipes of SMB. */
#include "base/ascii.h"
#include "base/error.h"
#include "sensor/app/dcerpc/call.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/text.h"

bool dcerpc_stub_get(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct dcerpc_call *call = dcerpc_call_of(tx);

	if (!call || call->stub[dir].size == 0)
		return false;
	*ret = (struct app_view){ .data = bytes_of(call->stub[dir].data, call->stub[dir].size), .last = true };
	return true;
}

/* ---- dcerpc.iface ---- */

enum version_test { VERSION_ANY, VERSION_EQUAL, VERSION_NOT, VERSION_LESS, VERSION_GREATER };

struct iface_wanted {
	uint8_t uuid[DCERPC_UUID_SIZE];
	uint8_t test; /* enum version_test */
	uint16_t version;
};

static bool version_holds(const struct iface_wanted *wanted, uint16_t version)
{
	switch (wanted->test) {
	case VERSION_EQUAL:
		return version == wanted->version;
	case VERSION_NOT:
		return version != wanted->version;
	case VERSION_LESS:
		return version < wanted->version;
	case VERSION_GREATER:
		return version > wanted->version;
	default:
		return true;
	}
}

static bool is_request(const struct dcerpc_call *call)
{
	return call && call->has_request && call->request == DCERPC_REQUEST;
}

static bool iface_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct iface_wanted *wanted = match->data;
	const struct dcerpc_call *call = dcerpc_call_of(target);

	if (!is_request(call) || call->interface_count == 0)
		return false;
	context->dce_big_endian = !call->stub[TO_SERVER].little;
	return memcmp(call->interfaces[0].uuid, wanted->uuid, DCERPC_UUID_SIZE) == 0 &&
	       version_holds(wanted, call->interfaces[0].version);
}

static const struct rule_match_ops iface_ops = {
	.name = "dcerpc.iface", .target = RULE_TARGET_TX, .match = iface_match
};

static bool read_uuid(struct bytes text, uint8_t uuid[DCERPC_UUID_SIZE])
{
	unsigned int digits = 0;

	if (text.size != DCERPC_UUID_TEXT_SIZE - 1)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		int digit = ascii_hex_value(text.ptr[i]);

		if (dash != (text.ptr[i] == '-') || (!dash && digit < 0))
			return false;
		if (dash)
			continue;
		uuid[digits / 2] = (uint8_t)(digits % 2 ? uuid[digits / 2] | digit : digit << 4);
		digits++;
	}
	return true;
}

static bool read_version(struct bytes text, struct iface_wanted *wanted)
{
	static const char operators[] = {
		[VERSION_EQUAL] = '=', [VERSION_NOT] = '!', [VERSION_LESS] = '<', [VERSION_GREATER] = '>'
	};
	uint32_t version;

	wanted->test = VERSION_EQUAL;
	for (uint8_t i = VERSION_EQUAL; text.size != 0 && i <= VERSION_GREATER; i++) {
		if (text.ptr[0] == (uint8_t)operators[i]) {
			wanted->test = i;
			text = rule_text_trim(bytes_skip(text, 1));
			break;
		}
	}
	if (!rule_text_u32(text, &version) || version > UINT16_MAX)
		return false;
	wanted->version = (uint16_t)version;
	return true;
}

static int parse_iface(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct iface_wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	struct bytes rest = value, item;
	int error = rule_builder_protocol(builder, "dcerpc");

	if (error != 0)
		return error;
	if (!wanted)
		return LUYTRE_E_NOMEM;
	if (!rule_text_item(&rest, ',', &item) || !read_uuid(item, wanted->uuid))
		return rule_builder_error(builder, "dcerpc.iface wants a UUID");
	if (rule_text_item(&rest, ',', &item) && !rule_text_is(item, "any_frag")) {
		if (!read_version(item, wanted))
			return rule_builder_error(builder, "dcerpc.iface: the version is a number behind <, >, = or !");
		if (rule_text_item(&rest, ',', &item) && !rule_text_is(item, "any_frag"))
			return rule_builder_error(builder, "dcerpc.iface: the last option can only be any_frag");
	}
	if (rest.size != 0)
		return rule_builder_error(builder, "dcerpc.iface: there is something behind the last option");
	return rule_builder_add(builder, &iface_ops, wanted) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- dcerpc.opnum ---- */

enum { OPNUM_RANGES_MAX = 256 };

struct opnum_range {
	uint16_t first, last;
};

struct opnum_wanted {
	uint32_t count;
	struct opnum_range ranges[];
};

static bool opnum_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct opnum_wanted *wanted = match->data;
	const struct dcerpc_call *call = dcerpc_call_of(target);

	if (!is_request(call))
		return false;
	context->dce_big_endian = !call->stub[TO_SERVER].little;
	for (uint32_t i = 0; i < wanted->count; i++)
		if (call->opnum >= wanted->ranges[i].first && call->opnum <= wanted->ranges[i].last)
			return true;
	return false;
}

static const struct rule_match_ops opnum_ops = {
	.name = "dcerpc.opnum", .target = RULE_TARGET_TX, .match = opnum_match
};

static bool read_range(struct bytes text, struct opnum_range *ret)
{
	size_t dash = bytes_index(text, '-');
	uint32_t first, last;

	if (!rule_text_u32(rule_text_trim(bytes_first(text, dash)), &first) || first > UINT16_MAX)
		return false;
	last = first;
	if (dash != text.size && !rule_text_u32(rule_text_trim(bytes_skip(text, dash + 1)), &last))
		return false;
	if (last > UINT16_MAX || last < first || (dash != text.size && last == first))
		return false;
	*ret = (struct opnum_range){ .first = (uint16_t)first, .last = (uint16_t)last };
	return true;
}

static int parse_opnum(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct opnum_range ranges[OPNUM_RANGES_MAX];
	struct opnum_wanted *wanted;
	struct bytes rest = value, item;
	uint32_t count = 0;
	int error = rule_builder_protocol(builder, "dcerpc");

	if (error != 0)
		return error;
	while (rule_text_item(&rest, ',', &item)) {
		if (count == OPNUM_RANGES_MAX || !read_range(item, &ranges[count]))
			return rule_builder_error(
				builder, "dcerpc.opnum wants numbers up to 65535 and ranges, with commas between them");
		count++;
	}
	if (count == 0)
		return rule_builder_error(builder, "dcerpc.opnum wants a number");
	wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted) + count * sizeof(*ranges));
	if (!wanted)
		return LUYTRE_E_NOMEM;
	wanted->count = count;
	memcpy(wanted->ranges, ranges, count * sizeof(*ranges));
	return rule_builder_add(builder, &opnum_ops, wanted) ? 0 : LUYTRE_E_NOMEM;
}

const struct rule_keyword dcerpc_keywords[] = {
	{ "dcerpc.iface", "dce_iface", KEYWORD_QUOTES, parse_iface, "the interface that a DCE/RPC call uses" },
	{ "dcerpc.opnum", "dce_opnum", KEYWORD_QUOTES, parse_opnum, "the operation that a DCE/RPC call asks for" },
	{ NULL, NULL, 0, NULL, NULL },
};
