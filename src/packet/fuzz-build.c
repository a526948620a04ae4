// SPDX-License-Identifier: Apache-2.0
/* Bytes become a packet_spec: whatever it asks for, the builder stays inside its room, and the decoder's answer for it
 * holds its promises. A spec without deliberate faults has right checksums. */
#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"
#include "packet/build.h"
#include "packet/check.h"

/* Past the end of the input everything is zero. */
static uint32_t take(struct cursor *in, size_t size)
{
	uint8_t bytes[4] = { 0 };
	uint32_t value;

	if (cursor_copy(in, size < cursor_left(in) ? size : cursor_left(in), bytes))
		memcpy(&value, bytes, sizeof(value));
	else
		value = 0;
	return value;
}

static struct bytes take_view(struct cursor *in)
{
	struct bytes view = { 0 };
	size_t size = take(in, 1);

	if (!cursor_take(in, size < cursor_left(in) ? size : cursor_left(in), &view))
		return (struct bytes){ 0 };
	return view;
}

static struct ip_addr take_addr(struct cursor *in, bool v6)
{
	struct ip_addr addr = { .family = v6 ? IP_V6 : IP_V4 };

	for (int i = 0; i < (v6 ? 16 : 4); i++)
		addr.bytes[i] = (uint8_t)take(in, 1);
	return addr;
}

static void take_link(struct cursor *in, struct packet_spec *spec)
{
	uint32_t choice = take(in, 1);

	spec->no_link = choice & 1;
	spec->vlan_count = choice >> 1 & 7;
	spec->label_count = choice >> 4;
	for (size_t i = 0; i < spec->vlan_count && i < PACKET_BUILD_TAGS_MAX; i++)
		spec->vlan[i] = (struct packet_vlan){ choice & 2 ? 0x88a8 : 0, (uint16_t)i };
	for (size_t i = 0; i < spec->label_count && i < PACKET_BUILD_LABELS_MAX; i++)
		spec->label[i] = take(in, 3) & 0x1fffff;
}

static void take_ip(struct cursor *in, struct packet_spec *spec)
{
	uint32_t choice = take(in, 1);
	struct bytes options = take_view(in);

	spec->protocol = (uint8_t)take(in, 1);
	spec->ttl = (uint8_t)take(in, 1);
	spec->ip_options = options.ptr;
	spec->ip_options_size = options.size;
	spec->extension_count = choice & 31;
	for (size_t i = 0; i < spec->extension_count && i < PACKET_BUILD_EXTENSIONS_MAX; i++) {
		struct bytes body = take_view(in);

		spec->extension[i] =
			(struct packet_extension){ (uint8_t)take(in, 1), body.ptr, body.size, (int8_t)take(in, 1) };
	}
	spec->more_fragments = choice & 32;
	if (choice & 64)
		spec->fragment_offset = (uint16_t)(take(in, 2) & 0xfff8);
	spec->fragment_id = take(in, 4);
}

static void take_transport(struct cursor *in, struct packet_spec *spec)
{
	struct bytes options = take_view(in), payload = take_view(in);

	spec->sport = (uint16_t)take(in, 2);
	spec->tcp_flags = (uint8_t)take(in, 1);
	spec->tcp_mss = (uint16_t)take(in, 2);
	spec->tcp_fast_open = take(in, 1) & 1;
	spec->tcp_options = options.ptr;
	spec->tcp_options_size = options.size;
	spec->udp_no_checksum = take(in, 1) & 1;
	spec->icmp_type = (uint8_t)take(in, 1);
	spec->gre_flags = (uint8_t)take(in, 1);
	spec->payload = payload.ptr;
	spec->payload_size = payload.size;
	if (bytes_empty(payload)) {
		spec->payload = NULL;
		spec->payload_size = take(in, 2);
	}
}

static void take_faults(struct cursor *in, struct packet_spec *spec)
{
	spec->wrong = take(in, 1);
	spec->ip_header_change = (int8_t)take(in, 1);
	spec->ip_length_change = (int16_t)take(in, 2);
	spec->tcp_header_change = (int8_t)take(in, 1);
	spec->udp_length_change = (int16_t)take(in, 2);
	spec->transport_cut = take(in, 1);
	spec->cut = take(in, 1);
	spec->trailer = take(in, 1);
}

static void take_spec(struct cursor *in, struct packet_spec *ret, struct ip_addr addrs[2])
{
	bool v6 = take(in, 1) & 1;

	*ret = (struct packet_spec){ 0 };
	addrs[0] = take_addr(in, v6);
	addrs[1] = take_addr(in, v6);
	ret->src_addr = &addrs[0];
	ret->dst_addr = &addrs[1];
	take_link(in, ret);
	take_ip(in, ret);
	take_transport(in, ret);
	if (take(in, 1) & 1)
		take_faults(in, ret);
}

static bool is_cut(const struct packet_spec *spec)
{
	return spec->cut || spec->transport_cut;
}

/* What is cut off needs room before; without cuts the packet's own size is enough, and a byte less is not. */
static void check_room(const struct packet_spec *spec, uint8_t *out, size_t size)
{
	size_t again = 0;

	if (is_cut(spec) || (spec->inner && is_cut(spec->inner)))
		return;
	assert(packet_build(spec, out, size, &again) == 0 && again == size);
	if (size != 0)
		assert(packet_build(spec, out, size - 1, &again) == LUYTRE_E_FULL);
}

static void check_built(const struct packet_spec *spec, const uint8_t *frame, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	enum packet_fault fault;
	struct packet packet;

	assert(exact);
	check_room(spec, exact, size);
	memcpy(exact, frame, size);
	fault = packet_decode(exact, size, &packet);
	packet_check(exact, size, &packet, fault);
	if (!spec->wrong && !spec->ip_header_change && !spec->ip_length_change && !spec->no_link && !spec->cut)
		assert(fault != PACKET_IP_CHECKSUM && fault != PACKET_TTL_ZERO);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t frame[PACKET_BUILD_SIZE_MAX];
	struct cursor in = cursor_over(bytes_of(data, size));
	struct packet_spec spec, inner;
	struct ip_addr addrs[2], inner_addrs[2];
	size_t built;

	take_spec(&in, &spec, addrs);
	if (take(&in, 1) & 1) {
		take_spec(&in, &inner, inner_addrs);
		spec.inner = &inner;
	}
	if (packet_build(&spec, frame, sizeof(frame), &built) == 0)
		check_built(&spec, frame, built);
	return 0;
}
