// SPDX-License-Identifier: Apache-2.0
/* What the decoders of single protocols share. Private to this folder.
 *
 * A decoder of a protocol gets the bytes from its header on, fills the packet and calls the decoder of what is inside.
 * It answers false when its own header cannot be used; what happens further inside does not matter to the answer. */
#pragma once

#include "base/cursor.h"
#include "sensor/decode/checksum.h"
#include "sensor/decode/decode.h"
#include "sensor/decode/events.h"
#include "sensor/settings.h"
#include "sensor/stats.h"

struct defrag;

enum {
	PORTS_MAX = 4, /* ports of one tunnel protocol */
	DLT_RAW_IP = 12,
};

/* UDP ports that mean a tunnel; 'any' for all. */
struct tunnel_ports {
	bool enabled, any;
	uint8_t count;
	uint16_t ports[PORTS_MAX];
};

struct decoder {
	const struct sensor_settings *settings;
	uint64_t *counters;
	struct defrag *defrag;
	uint8_t max_layers;
	bool erspan_type1, vntag;
	struct tunnel_ports teredo, vxlan, geneve;
	uint16_t event_counters[EVENT_DECODE_COUNT]; /* STATS_COUNTERS_MAX: not counted */

	/* Checksums: how many of the first frames were wrong. */
	bool ignore_checksums, sample_checksums;
	uint32_t sample_count, sample_bad_count;

	/* The frame in hand. */
	uint8_t pool_used;
	struct sensor_packet *first, **last;
	struct sensor_packet pool[DECODER_PACKETS_MAX];
};

typedef bool (*decode_fn)(struct decoder *d, struct sensor_packet *p, struct bytes in);

/* Adds an event, with its consequence. */
static inline void decoder_raise(struct sensor_packet *p, uint16_t event)
{
	packet_event(p, event);
	if (event_is_invalid(event))
		p->flags |= PKT_INVALID;
}

/* The same for a header that cannot be used: 'return decoder_fail(p, ...)'. */
static inline bool decoder_fail(struct sensor_packet *p, uint16_t event)
{
	decoder_raise(p, event);
	return false;
}

static inline void decoder_count(struct decoder *d, enum sensor_counter counter)
{
	d->counters[counter]++;
}

static inline uint16_t read_u16(const uint8_t *pos)
{
	return (uint16_t)(pos[0] << 8 | pos[1]);
}

static inline uint32_t read_u32(const uint8_t *pos)
{
	return (uint32_t)pos[0] << 24 | (uint32_t)pos[1] << 16 | (uint32_t)pos[2] << 8 | pos[3];
}

/* One layer more; false, with an event, when there are too many. */
static inline bool decoder_layer(struct decoder *d, struct sensor_packet *p)
{
	if (++p->layers < d->max_layers)
		return true;
	return decoder_fail(p, EVENT_TOO_MANY_LAYERS);
}

bool tunnel_port(const struct tunnel_ports *ports, uint16_t port);

/* A packet of the pool for something inside 'parent', or null when the pool is used up. */
struct sensor_packet *decoder_inner(
	struct decoder *d, struct sensor_packet *parent, enum packet_source source, struct bytes frame);
/* Hands an inner packet over, or gives it back. */
void decoder_commit(struct decoder *d, struct sensor_packet *p);
void decoder_abandon(struct decoder *d, struct sensor_packet *inner);

/* Decodes 'in' as a packet of its own inside 'parent'. False when it is none. */
bool decode_tunnel(
	struct decoder *d, struct sensor_packet *parent, enum packet_source source, struct bytes in, decode_fn decode);

/* By Ethernet type; false when no decoder knows it. */
bool decode_ethertype(struct decoder *d, struct sensor_packet *p, uint16_t type, struct bytes in);
/* The decoder of an Ethernet type, or null. */
decode_fn decode_find_ethertype(uint16_t type);

bool decode_ethernet(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_vlan(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_ieee8021ah(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_vntag(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_dce(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_arp(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_mpls(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_nsh(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_ppp(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_pppoe_session(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_pppoe_discovery(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_chdlc(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_null(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_loop(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_sll(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_sll2(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_raw(struct decoder *d, struct sensor_packet *p, struct bytes in);

bool decode_ipv4(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_ipv6(struct decoder *d, struct sensor_packet *p, struct bytes in);
/* Behind IPv4 or the last IPv6 extension header; 'p->protocol' says what. */
void decode_transport(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_tcp(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_udp(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_icmp4(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_icmp6(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_sctp(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_esp(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_gre(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_erspan1(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_erspan2(struct decoder *d, struct sensor_packet *p, struct bytes in);

/* Tunnels over UDP: true when 'in', the payload, held a packet. */
bool decode_teredo(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_vxlan(struct decoder *d, struct sensor_packet *p, struct bytes in);
bool decode_geneve(struct decoder *d, struct sensor_packet *p, struct bytes in);
