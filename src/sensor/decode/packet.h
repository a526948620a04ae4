// SPDX-License-Identifier: Apache-2.0
/* One packet on its way through the sensor: what the decoder found, its flow, and what is to become of it.
 *
 * A packet belongs to one worker, which reuses a small pool of them; pointers into frame bytes are borrowed from the
 * capture until the packet is done. A frame with a tunnel in it, or the last fragment of a datagram, gives several
 * packets: the outer one and one for each inner datagram ('root' points to the outermost). A pseudo packet has no
 * frame: the worker makes it when a flow ends with data that nobody inspected yet.
 *
 * Ports and lengths are in host order, addresses in base/net.h's form. */
#pragma once

#include "base/bytes.h"
#include "base/net.h"
#include "sensor/common.h"

struct flow;
struct rule;

enum {
	PACKET_EVENTS_MAX = 15, /* decoder, defrag and stream events of one packet; further ones are counted only */
	PACKET_VLAN_MAX = 3,
	PACKET_LAYERS_MAX = 16,
	PACKET_IP6_EXT_MAX = 16,
};

/* Where a packet came from: "pkt_src" in EVE. */
#define PACKET_SOURCES(X)                                                                                              \
	X(WIRE, "wire/pcap")                                                                                           \
	X(GRE_TUNNEL, "gre tunnel")                                                                                    \
	X(IPV4_TUNNEL, "ipv4 tunnel")                                                                                  \
	X(IPV6_TUNNEL, "ipv6 tunnel")                                                                                  \
	X(TEREDO, "teredo tunnel")                                                                                     \
	X(VXLAN, "vxlan encapsulation")                                                                                \
	X(GENEVE, "geneve encapsulation")                                                                              \
	X(ERSPAN, "erspan tunnel")                                                                                     \
	X(DEFRAG, "defrag")                                                                                            \
	X(STREAM_DETECT, "stream (detect/log)")                                                                        \
	X(FLOW_TIMEOUT, "stream (flow timeout)")

enum packet_source {
#define X(id, name) PACKET_SRC_##id,
	PACKET_SOURCES(X)
#undef X
		PACKET_SRC_COUNT
};

enum sensor_packet_flag {
	PKT_PSEUDO = 1 << 0, /* no frame behind it */
	PKT_TUNNEL = 1 << 1, /* inner packet of a tunnel */
	PKT_FRAGMENT = 1 << 2, /* an IP fragment that is not complete: no transport header is looked at */
	PKT_REBUILT = 1 << 3, /* datagram put together by defrag */
	PKT_INVALID = 1 << 4, /* the decoder gave up: no flow, no app layer, only decode-event rules */
	PKT_BAD_CHECKSUM = 1 << 5, /* a checksum is wrong and the configuration says to heed it: not for the stream */
	PKT_HAS_FLOW = 1 << 6, /* 'flow' was looked for: it is set or the table refused */
	PKT_ESTABLISHED = 1 << 7, /* the flow has seen both directions (TCP: the handshake) */
	PKT_STREAM_ADDED = 1 << 8, /* the payload went into the stream engine */
	PKT_STREAM_EST = 1 << 9,
	PKT_STREAM_EOF = 1 << 10, /* TCP: this packet ends its direction, or the flow ended */
	PKT_STREAM_NO_PCAP_LOG = 1 << 11,
	PKT_STREAM_MODIFIED = 1 << 12,
	PKT_NO_PAYLOAD_INSPECT = 1 << 13, /* the flow asked for no inspection of payload (encrypted, bypass) */
	PKT_NO_PACKET_INSPECT = 1 << 14, /* passed or dropped flow: no rules at all */
	PKT_PROTO_DETECT_TS_DONE = 1 << 15,
	PKT_PROTO_DETECT_TC_DONE = 1 << 16,
	PKT_FIRST_ALERTS = 1 << 17,
	PKT_TAGGED = 1 << 18, /* a rule of before asked for this packet */
	PKT_APPLAYER_UPDATED =
		1 << 19, /* this packet made a parser run (UDP: its payload; TCP: acked or inline data) */
	PKT_TCP_RETRANSMISSION = 1 << 20,
	PKT_SPURIOUS_RETRANSMISSION = 1 << 21,
	PKT_LAST_OF_FLOW = 1 << 22,
	PKT_MEMCAP_FLOW = 1 << 23, /* test hooks: this packet meets an exhausted limit of that kind */
	PKT_MEMCAP_SSN = 1 << 24,
	PKT_MEMCAP_REASSEMBLY = 1 << 25,
	PKT_MEMCAP_DEFRAG = 1 << 26,
	PKT_IGNORE_CHECKSUM = 1 << 27, /* checksums say nothing (-k none, or many wrong ones: offloading) */
	PKT_INNER_EDGE_ONLY = 1 << 29, /* nothing of what it carries is kept, so nothing of it is */
	PKT_INNER_DROPPED = 1 << 30, /* what it carries was dropped, so it is too */
};

/* IPv4 options seen (RFC 791 and later), for "ipopts". */
enum packet_ip_option {
	IPOPT_SEEN_EOL = 1 << 0,
	IPOPT_SEEN_NOP = 1 << 1,
	IPOPT_SEEN_RR = 1 << 2,
	IPOPT_SEEN_TS = 1 << 3,
	IPOPT_SEEN_SEC = 1 << 4,
	IPOPT_SEEN_LSRR = 1 << 5,
	IPOPT_SEEN_ESEC = 1 << 6,
	IPOPT_SEEN_CIPSO = 1 << 7,
	IPOPT_SEEN_SATID = 1 << 8,
	IPOPT_SEEN_SSRR = 1 << 9,
	IPOPT_SEEN_RTRALT = 1 << 10,
	IPOPT_SEEN_QS = 1 << 11,
	IPOPT_SEEN_OTHER = 1 << 12,
};

struct packet_tcp {
	uint32_t seq, ack;
	uint16_t window, urgent;
	uint8_t flags; /* the eight flag bits */
	uint8_t header_size;
	uint8_t reserved4; /* the four bits before the flags */
	bool has_mss, has_wscale, has_sack_ok, has_ts, has_tfo, has_md5, has_ao;
	uint8_t wscale;
	uint8_t sack_count;
	uint16_t mss;
	uint32_t ts_val, ts_ecr;
	struct bytes sacks; /* 8 bytes each, network order */
	struct bytes tfo; /* the cookie */
	struct bytes options;
};

struct packet_icmp {
	uint8_t type, code;
	bool has_id;
	uint16_t id, seq;
	uint32_t mtu; /* ICMPv6 packet too big */
	/* The datagram quoted by an error message, when it is whole enough to name a flow. */
	bool has_inner;
	uint8_t inner_protocol;
	uint16_t inner_sport, inner_dport; /* quoted ICMP: type and code */
	struct ip_addr inner_src, inner_dst;
};

/* One alert collected on a packet, in the order in which the rules are asked. */
struct packet_alert {
	const struct rule *rule;
	uint64_t tx_id; /* valid with ALERT_HAS_TX */
	uint8_t flags; /* enum packet_alert_flag */
	uint8_t action; /* of enum sensor_action, after thresholds and tenant overrides */
	int64_t frame_id; /* -1: none */
	uint64_t hold; /* the hub's number of the hold that it is of (rules/places.h); 0: none */
	bool hold_enforced;
	void *context; /* JSON of data sets that matched (detect/datasets); of the worker, until the packet is done */
};

enum packet_alert_flag {
	ALERT_HAS_TX = 1 << 0,
	ALERT_STATE_MATCH = 1 << 1, /* found in a transaction */
	ALERT_STREAM_MATCH = 1 << 2, /* found in the reassembled stream */
	ALERT_DROP_FLOW = 1 << 3, /* applies to the flow, not to the packet alone */
	ALERT_FRAME = 1 << 4,
	ALERT_RATE_FILTER_MODIFIED = 1 << 5,
	ALERT_NO_LOG = 1 << 6, /* noalert, suppressed, or below its threshold */
	ALERT_TX_GUESSED = 1 << 7, /* the transaction was not matched itself but is the only one it can be */
};

/* The first part is cleared for each packet; what comes from 'tcp' on keeps old values and is valid only as its comment
 * says: clearing all of it would cost more than decoding a packet. */
struct sensor_packet {
	/* The frame. */
	struct bytes frame; /* from the link header on; for inner packets: the inner datagram, in a rebuilt one after
			       the link header of its first fragment */
	uint64_t time_ns; /* since 1970, or monotonic capture time of live sources plus its offset */
	uint64_t number; /* pcap_cnt; 0: none (pseudo, live) */
	uint32_t wire_size; /* more than frame.size: the capture was cut */
	uint32_t linktype; /* as libpcap's DLT_*: raw IP is 12, inner packets too */
	uint32_t flags; /* enum sensor_packet_flag */
	uint8_t source; /* enum packet_source */
	uint8_t recursion; /* tunnel depth */
	uint8_t layers; /* headers decoded so far, see PACKET_LAYERS_MAX */
	uint8_t vlan_count;
	uint16_t vlan_ids[PACKET_VLAN_MAX];
	struct sensor_packet *root; /* outermost packet, or null */
	struct sensor_packet *next; /* list of packets that one frame gave */

	/* Network layer. family 0: none that the sensor knows (ARP and the like). */
	struct bytes ethernet; /* the 14-byte header, or empty */
	struct bytes l3; /* from the IP header on, without padding behind it */
	struct bytes l4; /* from the transport header on */
	struct bytes payload;
	struct ip_addr src, dst;
	uint8_t family; /* 4, 6, 0 */
	uint8_t protocol; /* of the transport layer behind extension headers */
	uint8_t ttl; /* or hop limit */
	uint8_t tos;
	uint8_t ip_header_size; /* IPv4 with options; IPv6: 40 */
	uint16_t ip_options_seen; /* enum packet_ip_option */
	uint16_t ip_id; /* IPv4 */
	uint16_t fragment_offset; /* in bytes */
	bool more_fragments, dont_fragment;
	bool reserved_fragment_flag; /* the highest bit of the IPv4 flags */
	uint32_t fragment_id; /* IPv4 id or IPv6 fragment id */
	uint16_t ethertype; /* the innermost one */
	uint16_t sport, dport;
	uint32_t vni; /* VXLAN, Geneve */
	bool has_tcp, has_udp, has_icmp4, has_icmp6, has_sctp, has_arp, has_esp, has_gre;
	bool has_ip6_fragment; /* a fragment header was there, also that of an atomic fragment */
	struct bytes arp; /* the 28 bytes of RFC 826 for Ethernet and IPv4; valid with has_arp */
	struct bytes ip6_hopopts, ip6_dstopts; /* the whole headers */
	uint8_t ip6_ext_count; /* further ones than PACKET_IP6_EXT_MAX are read but not listed */
	int8_t checksum_l3, checksum_l4; /* -1 not looked at, 0 bad, 1 good: use decode/checksum.h */

	uint8_t event_count;

	/* Flow and verdict. */
	uint8_t dir; /* enum sensor_dir; valid with a flow */
	uint8_t action; /* enum sensor_action bits that apply now: ACTION_DROP, ACTION_REJECT*, ACTION_PASS */
	uint8_t drop_reason; /* enum drop_reason */
	struct flow *flow;
	uint16_t alert_count;
	uint16_t alerts_discarded, alerts_suppressed;
	const struct rule *drop_rule; /* the rule behind ACTION_DROP, or null */
	uint32_t tenant; /* index, 0: the default */
	uint32_t place; /* of rules/places.h */
	bool edge_only; /* nothing of its content is kept */
	void *verdict_context; /* of the capture: what an inline source needs to send the verdict */
	struct packet_var *vars; /* pcre captures "pkt:"; in the worker's packet arena */

	/* From here on nothing is cleared. */
	struct packet_tcp tcp; /* valid with has_tcp */
	struct packet_icmp icmp; /* valid with has_icmp4 or has_icmp6 */
	uint8_t ip6_ext[PACKET_IP6_EXT_MAX]; /* header types in order, ip6_ext_count of them */
	uint16_t events[PACKET_EVENTS_MAX]; /* event_count numbers of decode/events.h, decoder and stream alike */
	struct packet_alert *alerts; /* room for settings.packet_alert_max, owned by the worker; never cleared */
};

/* Makes 'packet' ready for a new frame or a new pseudo packet; 'alerts' stays. */
static inline void packet_reset(struct sensor_packet *packet)
{
	memset(packet, 0, offsetof(struct sensor_packet, tcp));
	packet->checksum_l3 = -1;
	packet->checksum_l4 = -1;
}

static inline bool packet_has_event(const struct sensor_packet *packet, uint16_t event)
{
	for (uint8_t i = 0; i < packet->event_count; i++)
		if (packet->events[i] == event)
			return true;
	return false;
}

/* Adds an event once; beyond PACKET_EVENTS_MAX it is dropped. */
static inline void packet_event(struct sensor_packet *packet, uint16_t event)
{
	if (packet->event_count < PACKET_EVENTS_MAX && !packet_has_event(packet, event))
		packet->events[packet->event_count++] = event;
}
