// SPDX-License-Identifier: Apache-2.0
/* "frame:http1.request;", "frame:request;": the unit of a protocol as sticky buffer (app/frames.h). The name may have its
 * protocol in front; without it the protocol is that of the header. */
#include <stdio.h>

#include "base/error.h"
#include "sensor/app/frames.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/builder.h"

/* The part before a dot as protocol, the rest as type. */
static int find_qualified(struct bytes name)
{
	size_t dot = bytes_index(name, '.');
	const struct app_protocol *protocol;
	char text[32];

	if (dot >= name.size || dot >= sizeof(text))
		return -1;
	memcpy(text, name.ptr, dot);
	text[dot] = '\0';
	protocol = app_protocol_find(text);
	return protocol ? rule_buffer_find_frame(protocol, bytes_skip(name, dot + 1)) : -1;
}

static int find_of_header(const struct rule_builder *builder, struct bytes name)
{
	for (unsigned int i = 0; i < app_protocol_count(); i++) {
		const struct app_protocol *protocol = app_protocol_at(i);
		int found;

		if (builder->header_protocols != 0 &&
			(builder->header_protocols >> app_protocol_index(protocol) & 1) == 0)
			continue;
		if (builder->header_protocols == 0 &&
			(builder->protocols == UINT64_MAX ||
				(builder->protocols >> app_protocol_index(protocol) & 1) == 0))
			continue;
		found = rule_buffer_find_frame(protocol, name);
		if (found >= 0)
			return found;
	}
	return -1;
}

static int parse_frame(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	int number = find_qualified(value);

	if (number < 0)
		number = find_of_header(builder, value);
	if (number < 0)
		return rule_builder_error(builder, "no protocol of this rule has a frame \"%.*s\"",
			(int)(value.size < 64 ? value.size : 64), value.ptr);
	return rule_builder_sticky(builder, (unsigned int)number, 0);
}

extern const struct rule_keyword detect_frame_keywords[];
const struct rule_keyword detect_frame_keywords[] = {
	{ .name = "frame", .parse = parse_frame, .summary = "a unit of a protocol: http1.request, dns.pdu, smb2.data" },
	{ 0 },
};
