// SPDX-License-Identifier: Apache-2.0
/* What must hold for every packet that the decoder hands over, whatever the frame: for tests and fuzz targets only.
 * A broken promise is an assertion. */
#pragma once

#include <assert.h>

#include "sensor/decode/checksum.h"
#include "sensor/decode/events.h"

/* 'part' is empty or lies in 'whole'. */
static inline void check_within(struct bytes part, struct bytes whole)
{
	if (bytes_empty(part))
		return;
	assert(part.ptr >= whole.ptr);
	assert(part.ptr + part.size <= whole.ptr + whole.size);
}

static inline void check_transport(const struct sensor_packet *p)
{
	unsigned int kinds =
		p->has_tcp + p->has_udp + p->has_icmp4 + p->has_icmp6 + p->has_sctp + p->has_esp + p->has_gre;

	assert(kinds <= 1);
	if (kinds)
		assert(p->family != 0 && !(p->flags & PKT_FRAGMENT));
	else
		assert(bytes_empty(p->payload) && !p->sport && !p->dport);
	if (p->has_tcp) {
		assert(p->tcp.header_size >= 20 && p->tcp.header_size + p->payload.size == p->l4.size);
		check_within(p->tcp.options, p->l4);
		check_within(p->tcp.sacks, p->tcp.options);
		check_within(p->tcp.tfo, p->tcp.options);
	}
	if (p->has_arp)
		assert(p->arp.size == 28 && !p->family);
}

static inline void check_packet(struct sensor_packet *p)
{
	check_within(p->ethernet, p->frame);
	check_within(p->arp, p->frame);
	check_within(p->l3, p->frame);
	check_within(p->l4, p->l3);
	check_within(p->payload, p->l4);
	check_within(p->ip6_hopopts, p->l3);
	check_within(p->ip6_dstopts, p->l3);
	assert(p->family == 0 || p->family == IP_V4 || p->family == IP_V6);
	assert((p->family == 0) == bytes_empty(p->l3));
	assert(p->vlan_count <= PACKET_VLAN_MAX);
	assert(p->event_count <= PACKET_EVENTS_MAX);
	assert((p->source == PACKET_SRC_WIRE) == (p->root == NULL));
	for (uint8_t i = 0; i < p->event_count; i++) {
		assert(p->events[i] < EVENT_DECODE_COUNT);
		if (event_is_invalid(p->events[i]))
			assert(p->flags & PKT_INVALID);
	}
	check_transport(p);
	packet_checksum_l3(p);
	packet_checksum_l4(p);
}
