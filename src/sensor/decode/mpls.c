// SPDX-License-Identifier: Apache-2.0
/* MPLS label stacks (RFC 3032) and the Network Service Header (RFC 8300). */
#include "sensor/decode/internal.h"

enum {
	LABEL_SIZE = 4,
	CONTROL_WORD_SIZE = 4, /* of an Ethernet pseudowire (RFC 4448, section 4.6) */
	LABEL_IPV4_NULL = 0,
	LABEL_ROUTER_ALERT = 1,
	LABEL_IPV6_NULL = 2,
	LABEL_IMPLICIT_NULL = 3,
	LABEL_RESERVED_MAX = 15,

	NSH_SIZE = 8,
	NSH_TYPE1_SIZE = 24,
};

/* What the last label says; the first bits behind the stack must fit. */
static bool behind_labels(struct decoder *d, struct sensor_packet *p, uint32_t label, struct bytes in)
{
	uint8_t first = in.ptr[0] >> 4;

	if (label == LABEL_ROUTER_ALERT)
		decoder_raise(p, EVENT_MPLS_BAD_LABEL_ROUTER_ALERT);
	else if (label == LABEL_IMPLICIT_NULL)
		decoder_raise(p, EVENT_MPLS_BAD_LABEL_IMPLICIT_NULL);
	else if (label > LABEL_IMPLICIT_NULL && label <= LABEL_RESERVED_MAX)
		decoder_raise(p, EVENT_MPLS_BAD_LABEL_RESERVED);

	if (label == LABEL_IPV4_NULL || (label != LABEL_IPV6_NULL && first == 4))
		return decode_ipv4(d, p, in);
	if (label == LABEL_IPV6_NULL || first == 6)
		return decode_ipv6(d, p, in);
	if (first == 0)
		return decode_ethernet(d, p, bytes_skip(in, CONTROL_WORD_SIZE));
	return decoder_fail(p, EVENT_MPLS_UNKNOWN_PAYLOAD_TYPE);
}

bool decode_mpls(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	uint32_t word;

	decoder_count(d, COUNTER_DECODER_MPLS);
	do {
		if (in.size < LABEL_SIZE)
			return decoder_fail(p, EVENT_MPLS_HEADER_TOO_SMALL);
		word = read_u32(in.ptr);
		in = bytes_skip(in, LABEL_SIZE);
	} while (!(word & 0x100));
	if (in.size < CONTROL_WORD_SIZE)
		return decoder_fail(p, EVENT_MPLS_PKT_TOO_SMALL);
	return behind_labels(d, p, word >> 12, in);
}

bool decode_nsh(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	uint16_t size;
	uint8_t type;

	decoder_count(d, COUNTER_DECODER_NSH);
	if (in.size < NSH_SIZE)
		return decoder_fail(p, EVENT_NSH_HEADER_TOO_SMALL);
	if (in.ptr[0] >> 6 != 0)
		return decoder_fail(p, EVENT_NSH_UNSUPPORTED_VERSION);
	size = (uint16_t)((in.ptr[1] & 0x3f) * 4);
	type = in.ptr[2] & 0x0f;
	if (type == 0)
		return decoder_fail(p, EVENT_NSH_RESERVED_TYPE);
	if (type != 1 && type != 2)
		return decoder_fail(p, EVENT_NSH_UNSUPPORTED_TYPE);
	if (size < NSH_SIZE || (type == 1 && size != NSH_TYPE1_SIZE) || size >= in.size)
		return decoder_fail(p, EVENT_NSH_BAD_HEADER_LENGTH);
	type = in.ptr[3];
	in = bytes_skip(in, size);
	switch (type) {
	case 1:
		return decode_ipv4(d, p, in);
	case 2:
		return decode_ipv6(d, p, in);
	case 3:
		return decode_ethernet(d, p, in);
	case 5:
		return decode_mpls(d, p, in);
	default:
		return decoder_fail(p, EVENT_NSH_UNKNOWN_PAYLOAD);
	}
}
