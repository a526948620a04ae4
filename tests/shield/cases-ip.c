// SPDX-License-Identifier: Apache-2.0
/* Groups D and E of the catalogue: malformed IP, fragments, IPv6, tunnels; and the rows of F and H that look at
 * addresses and payloads. */
#include "case.h"

#include "base/compiler.h"
#include "shield/abi.h"

#define PING(src_, dst_)     FROM(src_, dst_), ICMP(8, 0)
#define PING6(src_, dst_)    FROM(src_, dst_), ICMP6(128, 0)
#define DATAGRAM(src_, dst_) FROM(src_, dst_), UDP(40000, CASE_PORT_OPEN, 64)
#define LATER(dst_, id)                                                                                                \
	FROM(GUEST, dst_), .protocol = PACKET_UDP, .fragment_offset = 1480, .fragment_id = (id), .payload_size = 400
#define FIRST(dst_, port, id)                                                                                          \
	FROM(GUEST, dst_), UDP(40000, port, 1472), .more_fragments = true, .fragment_id = (id), .udp_length_change = 400
#define INNER(src_)  (&(const struct packet_spec){ DATAGRAM(src_, GUEST) })
#define ENOUGH       .payload_size = 64
#define EXTENSION(n) .extension_count = 1, .extension = { { .protocol = (n) } }

static const uint8_t record_route[] = { 7, 7, 4, 0, 0, 0, 0 }, loose_route[] = { 131, 7, 4, 203, 0, 113, 1 };
static const uint8_t strict_route[] = { 137, 7, 4, 203, 0, 113, 1 }, past_the_end[] = { 7, 40, 4, 0 };
static const uint8_t segment_routing[6] = { 4 };
static const uint8_t padding[134] = { 1, 132 };
static const uint8_t otherwise[64] = { 3, 2, 1, 0 };
/* Frames that cannot be said as a packet. */
static const uint8_t cut_vlan[16] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0x00, 0, 1 };
static const uint8_t cut_ipv4[24] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45 };
static const uint8_t arp[42] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1 };

#define RAW(reason_, frame)                                                                                            \
	{                                                                                                              \
		.reason = SHIELD_REASON_##reason_, .unmapped = true, .raw = (frame), .raw_size = sizeof(frame)         \
	}

/* A learned signature: 64 bytes behind UDP from port 6000, to any host of the tenant. */
static void learn_signature(struct shield_maps *maps)
{
	struct shield_signature *s = &maps->signatures[3];

	*s = (struct shield_signature){ .used = 1,
		.enforce = 1,
		.family = 4,
		.protocol = PACKET_UDP,
		.id = 77,
		.fields = SHIELD_SIGNATURE_PROTOCOL | SHIELD_SIGNATURE_SPORT | SHIELD_SIGNATURE_SIZE |
			  SHIELD_SIGNATURE_PAYLOAD,
		.sport_min = 6000,
		.sport_max = 6000,
		.size_min = 92,
		.size_max = 92,
		.payload = { 0x03020100 },
		.payload_mask = { 0xffffffff } };
	for (uint32_t i = 1; i < maps->tenant_states_count; i++) {
		maps->tenant_states[i].signature[0] = 2; /* unused, and in the way */
		maps->tenant_states[i].signature[1] = 3;
		maps->tenant_states[i].signature_count = 2;
	}
}

/* The same, only watched. */
static void learn_and_watch(struct shield_maps *maps)
{
	learn_signature(maps);
	maps->signatures[3].enforce = 0;
}

static const struct shield_case cases[] = {
	/* D1, D2: later fragments */
	{ "D2", "tail-of-a-dropped-datagram",
		.steps = { IN(PORT, FIRST(SITE, 1999, 11)), IN(FRAGMENT_FOLLOWS, LATER(SITE, 11)),
			GOOD(FIRST(SITE, CASE_PORT_OPEN, 12)), GOOD(LATER(SITE, 12)) } },
	{ "D2,C1", "tail-of-a-reflected-answer",
		.steps = { IN(REFLECT_DNS, FROM(GUEST, SITE), .protocol = PACKET_UDP, .sport = 53,
				   .dport = CASE_PORT_CLOSED, .more_fragments = true, .fragment_id = 13,
				   .udp_length_change = 400,
				   DATA("\x12\x34\x81\x80\x00\x01\x00\x14\x00\x00\x00\x00\x01"
					"a\x02vn\x00\x00\xff\x00\x01\x00\x00")),
			IN(FRAGMENT_FOLLOWS, FROM(GUEST, SITE), .protocol = PACKET_UDP, .fragment_offset = 32,
				.fragment_id = 13, .payload_size = 400),
			GOOD(LATER(SITE, 14)) } },
	{ "D1", "unknown-fragment-under-attack", .attack = SHIELD_ATTACK_FRAGMENT,
		.steps = { IN(FRAGMENT_UNKNOWN, LATER(SITE, 15)), GOOD(FIRST(SITE, CASE_PORT_OPEN, 16)),
			GOOD(LATER(SITE, 16)) } },
	{ "D1,D5", "fragment-rate-of-tenant",
		.steps = { UNTIL(LIMIT_FRAGMENT, 2, SAME, LATER(CLASSES, 17)), GOOD(DATAGRAM(GUEST, CLASSES)) } },

	/* D3 to D5, B15, E4: fragments that are made to deceive */
	{ "D3", "tiny-first-fragment",
		.steps = { IN(FRAGMENT_TINY, FROM(GUEST, SITE), TCP(PACKET_SYN, 443), .more_fragments = true,
				   .fragment_id = 21, .transport_cut = 12),
			IN(FRAGMENT_TINY, FROM(GUEST6, SITE6), TCP(PACKET_SYN, 443), .more_fragments = true,
				.fragment_id = 21, .transport_cut = 12),
			GOOD(FROM(GUEST, SITE), TCP(PACKET_ACK, 443), .more_fragments = true, .fragment_id = 22,
				.payload_size = 4) } },
	{ "D4", "tcp-fragment-at-offset-one",
		.steps = { IN(FRAGMENT_OFFSET_ONE, FROM(GUEST, SITE), .protocol = PACKET_TCP, .fragment_offset = 8,
				   .fragment_id = 23, ENOUGH),
			GOOD(FROM(GUEST, SITE), .protocol = PACKET_TCP, .fragment_offset = 24, .fragment_id = 23,
				ENOUGH) } },
	{ "B15", "ping-of-death",
		.steps = { IN(FRAGMENT_OVERSIZE, FROM(GUEST, SITE), .protocol = PACKET_ICMP, .fragment_offset = 65512,
				   .fragment_id = 24, ENOUGH),
			GOOD(FROM(GUEST, SITE), .protocol = PACKET_ICMP, .fragment_offset = 65400, .fragment_id = 24,
				ENOUGH) } },
	{ "D5", "middle-fragment-of-odd-size",
		.steps = { IN(FRAGMENT_SIZE, FROM(GUEST, SITE), .protocol = PACKET_UDP, .fragment_offset = 24,
				   .more_fragments = true, .fragment_id = 25, .payload_size = 36),
			GOOD(FROM(GUEST, SITE), .protocol = PACKET_UDP, .fragment_offset = 24, .more_fragments = true,
				.fragment_id = 25, .payload_size = 40),
			GOOD(FROM(GUEST, SITE), .protocol = PACKET_UDP, .fragment_offset = 24, .fragment_id = 26,
				.payload_size = 36) } },
	{ "E4", "atomic-fragment",
		.steps = { IN(FRAGMENT_ATOMIC, DATAGRAM(GUEST6, SITE6), EXTENSION(PACKET_IPV6_FRAGMENT)),
			GOOD(DATAGRAM(GUEST6, SITE6)),
			GOOD(FROM(GUEST6, SITE6), UDP(40000, CASE_PORT_OPEN, 64), .more_fragments = true,
				.fragment_id = 27) } },

	/* D6, D7, D10 to D12: the headers below */
	{ "D6", "cut-vlan-tag", .steps = { RAW(LINK, cut_vlan), GOOD(PING(GUEST, SITE), .vlan_count = 1) } },
	{ "D6", "cut-ip-header",
		.steps = { RAW(IP_HEADER, cut_ipv4), IN(IP_HEADER, PING(GUEST, SITE), .wrong = PACKET_WRONG_IP_VERSION),
			IN(IP_HEADER, PING6(GUEST6, SITE6), .wrong = PACKET_WRONG_IP_VERSION),
			IN(IP_HEADER, PING(GUEST, SITE), .ip_header_change = -1), GOOD(PING(GUEST, SITE)) } },
	{ "D6", "ip-length",
		.steps = { IN(IP_LENGTH, PING(GUEST, SITE), .ip_length_change = 1),
			IN(IP_LENGTH, PING6(GUEST6, SITE6), .ip_length_change = 1),
			IN(IP_LENGTH, PING(GUEST, SITE), .ip_length_change = -60),
			GOOD(PING(GUEST, SITE), .trailer = 6), GOOD(PING6(GUEST6, SITE6)) } },
	{ "D6", "ip-checksum",
		.steps = { IN(IP_CHECKSUM, PING(GUEST, SITE), .wrong = PACKET_WRONG_IP_CHECKSUM),
			GOOD(PING(GUEST, SITE)) } },
	{ "D6", "ttl-zero",
		.steps = { IN(TTL_ZERO, PING(GUEST, SITE), .wrong = PACKET_WRONG_TTL_ZERO),
			IN(TTL_ZERO, PING6(GUEST6, SITE6), .wrong = PACKET_WRONG_TTL_ZERO),
			GOOD(PING(GUEST, SITE), .ttl = 1) } },
	{ "D7", "source-route",
		.steps = { IN(SOURCE_ROUTE, PING(GUEST, OPEN), .ip_options = loose_route, .ip_options_size = 7),
			IN(SOURCE_ROUTE, PING(GUEST, OPEN), .ip_options = strict_route, .ip_options_size = 7),
			GOOD(PING(GUEST, OPEN), .ip_options = record_route, .ip_options_size = 7) } },
	{ "D7", "options-past-the-end",
		.steps = { IN(IP_OPTIONS_BAD, PING(GUEST, OPEN), .ip_options = past_the_end, .ip_options_size = 4),
			GOOD(PING(GUEST, OPEN), .ip_options = record_route, .ip_options_size = 7) } },
	{ "D7", "options-not-allowed",
		.steps = { IN(IP_OPTIONS, PING(GUEST, SITE), .ip_options = record_route, .ip_options_size = 7),
			GOOD(PING(GUEST, SITE)) } },
	{ "D10", "multicast-source",
		.steps = { IN(SOURCE_CAST, PING("224.0.0.5", SITE)), IN(SOURCE_CAST, PING("255.255.255.255", SITE)),
			IN(SOURCE_CAST, PING6("ff02::1", SITE6)), GOOD(PING(GUEST, SITE)) } },
	{ "D11,E8,E9,E10,E11", "protocol-not-in-use",
		.steps = { IN(PROTOCOL, FROM(GUEST, SITE), .protocol = PACKET_GRE, .inner = INNER(OTHER)),
			IN(PROTOCOL, FROM(GUEST, SITE), .protocol = PACKET_ESP, ENOUGH),
			IN(PROTOCOL, FROM(GUEST, SITE), .protocol = PACKET_IPIP, .inner = INNER(OTHER)),
			IN(PROTOCOL, FROM(GUEST, SITE), .protocol = PACKET_SCTP, .dport = 443, ENOUGH),
			IN(PROTOCOL, FROM(GUEST6, SITE6), .protocol = 253, ENOUGH),
			GOOD(FROM(GUEST, OPEN), .protocol = PACKET_ESP, ENOUGH) } },
	{ "E8,E10,E11", "protocol-in-use",
		.steps = { GOOD(FROM(GUEST, OPEN), .protocol = PACKET_GRE, .inner = INNER(OTHER)),
			GOOD(FROM(GUEST, OPEN), .protocol = PACKET_IPIP, .inner = INNER(OTHER)),
			GOOD(FROM(GUEST, OPEN), .protocol = PACKET_SCTP, .dport = 443, ENOUGH),
			GOOD(FROM(GUEST6, OPEN6), .protocol = PACKET_ESP, ENOUGH) } },
	{ "E9", "esp-rate-of-tenant",
		.steps = { UNTIL(LIMIT_OTHER, 2, SAME, FROM(GUEST, CLASSES), .protocol = PACKET_ESP, ENOUGH),
			GOOD(DATAGRAM(GUEST, CLASSES)) } },
	{ "D12", "stacked-tags",
		.steps = { STRAY(TAGS, PING(GUEST, SITE), .vlan_count = 3),
			STRAY(TAGS, PING(GUEST, SITE), .label_count = 5, .label = { 16, 17, 18, 19, 20 }),
			GOOD(PING(GUEST, SITE), .vlan_count = 2),
			GOOD(PING(GUEST, SITE), .label_count = 2, .label = { 16, 17 }) } },

	/* D8, D9, H10, H11: sources */
	{ "D8,H11", "bogon-source",
		.steps = { IN(BOGON, PING(NO_SOURCE, BOGONS)), IN(BOGON, PING6("fd00::1", BOGONS6)),
			GOOD(PING(GUEST, BOGONS)), GOOD(PING(NO_SOURCE, SITE)), GOOD(PING6(GLOBAL6, BOGONS6)) } },
	{ "D9", "own-address-as-source",
		.steps = { IN(OWN_SOURCE, PING("198.51.100.8", SITE)), IN(OWN_SOURCE, PING("198.18.1.8", SITE)),
			IN(OWN_SOURCE, PING6("2001:db8:1::8", SITE6)), GOOD(PING(GUEST, SITE)),
			GOOD(PING6(GUEST6, SITE6)) } },
	{ "H10", "listed-source",
		.steps = { IN(LISTED, PING(LISTED, SITE)), IN(LISTED, PING6(LISTED6, SITE6)),
			IN(LISTED, PING(BESIDE, SITE)), GOOD(PING(ALLOWED, SITE)), GOOD(PING(GUEST, SITE)),
			GOOD(PING6(GUEST6, SITE6)) } },
	{ "H10", "listed-for-one-tenant",
		.steps = { IN(LISTED, PING(LISTED_HERE, SITE)), GOOD(PING(LISTED_HERE, OPEN)) } },
	{ "H10", "allowed-source-skips-the-policy",
		.steps = { IN(PORT, FROM(GUEST, SITE), TCP(PACKET_SYN, 22)),
			GOOD(FROM(ALLOWED, SITE), TCP(PACKET_SYN, 22)) } },

	/* E: IPv6 */
	{ "E1", "long-header-chain",
		.steps = { IN(IPV6_CHAIN, DATAGRAM(GUEST6, SITE6), .extension_count = 9,
				   .extension = { { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 },
					   { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 },
					   { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 } }),
			IN(IPV6_CHAIN, DATAGRAM(GUEST6, SITE6), .extension_count = 2,
				.extension = { { .protocol = 60, .body = padding, .body_size = sizeof(padding) },
					{ .protocol = 60, .body = padding, .body_size = sizeof(padding) } }),
			IN(IPV6_CHAIN, DATAGRAM(GUEST6, SITE6), .extension_count = 1,
				.extension = { { .protocol = 60, .length_change = 30 } }),
			GOOD(DATAGRAM(GUEST6, SITE6), .extension_count = 3,
				.extension = { { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 } }) } },
	{ "E2", "hop-by-hop",
		.steps = { IN(IPV6_HOPBYHOP, PING6(GUEST6, SITE6), EXTENSION(0)), GOOD(PING6(GUEST6, SITE6)) } },
	{ "E3", "routing-header",
		.steps = { IN(IPV6_ROUTING, PING6(GUEST6, SITE6), EXTENSION(PACKET_IPV6_ROUTE)),
			GOOD(PING6(GUEST6, SITE6), .extension_count = 1,
				.extension = { { .protocol = PACKET_IPV6_ROUTE,
					.body = segment_routing,
					.body_size = sizeof(segment_routing) } }) } },
	{ "E6", "neighbour-discovery-from-outside",
		.steps = { IN(ICMP_TYPE, FROM(GUEST6, SITE6), ICMP6(134, 0)),
			IN(ICMP_TYPE, FROM(GUEST6, SITE6), ICMP6(137, 0)),
			IN(ICMP_TYPE, FROM(GUEST6, SITE6), ICMP6(130, 0)), GOOD(PING6(GUEST6, SITE6)),
			GOOD(FROM(GUEST6, SITE6), ICMP6(129, 0)) } },
	{ "E8", "gre-header",
		.steps = { IN(GRE_HEADER, FROM(GUEST, OPEN), .protocol = PACKET_GRE, .transport_cut = 1),
			IN(GRE_HEADER, FROM(GUEST, OPEN), .protocol = PACKET_GRE, .gre_flags = PACKET_GRE_KEY,
				.transport_cut = 1),
			GOOD(FROM(GUEST, OPEN), .protocol = PACKET_GRE, .gre_flags = PACKET_GRE_KEY,
				.inner = INNER(OTHER)) } },
	{ "E11", "sctp-header",
		.steps = { IN(SCTP_HEADER, FROM(GUEST, OPEN), .protocol = PACKET_SCTP, .dport = 443, .transport_cut = 1), GOOD(FROM(GUEST, OPEN),
																  .protocol =
																	  PACKET_SCTP,
																  .dport =
																	  443) } },
	{ "E12", "tunnel-loop",
		.steps = { IN(TUNNEL_LOOP, FROM(GUEST, OPEN), .protocol = PACKET_GRE, .inner = INNER(SITE)),
			IN(TUNNEL_LOOP, FROM(GUEST, OPEN), .protocol = PACKET_IPIP, .inner = INNER(SITE)),
			GOOD(FROM(GUEST, OPEN), .protocol = PACKET_GRE, .inner = INNER(OTHER)),
			GOOD(FROM(GUEST, OPEN), .protocol = PACKET_IPIP, .inner = INNER(OTHER)) } },

	/* C51, F4: what was learned during a flood */
	{ "C51,F4", "learned-signature", .prepare = learn_signature,
		.steps = { IN(SIGNATURE, FROM(GUEST, SITE), UDP(6000, CASE_PORT_OPEN, 64)),
			GOOD(FROM(GUEST, SITE), UDP(6000, CASE_PORT_OPEN, 65)),
			GOOD(FROM(GUEST, SITE), UDP(6001, CASE_PORT_OPEN, 64)),
			GOOD(FROM(GUEST, SITE), .protocol = PACKET_UDP, .sport = 6000, .dport = CASE_PORT_OPEN,
				.payload = otherwise, .payload_size = sizeof(otherwise)) } },
	{ "C51", "watched-signature", .prepare = learn_and_watch,
		.steps = { GOOD(FROM(GUEST, SITE), UDP(6000, CASE_PORT_OPEN, 64)) } },
};

const struct case_table cases_ip = { cases, ARRAY_COUNT(cases) };

static const struct shield_case plain[] = {
	{ "", "arp-is-left-to-the-host", .steps = { RAW(NOT_IP, arp) } },
	{ "E6", "neighbour-discovery-on-the-link",
		.steps = { STRAY(LINK_CONTROL, FROM("fe80::1", SITE6), ICMP6(135, 0), .ttl = 255),
			IN(ICMP_TYPE, FROM("fe80::1", SITE6), ICMP6(135, 0), .ttl = 254) } },
	{ "E2", "listener-report-on-the-link",
		.steps = { STRAY(LINK_CONTROL, FROM("fe80::1", "ff02::16"), ICMP6(143, 0), .ttl = 1, EXTENSION(0)) } },
	{ "", "destination-of-nobody",
		.steps = { STRAY(UNMAPPED, PING(GUEST, NOBODY)), STRAY(UNMAPPED, PING6(GUEST6, NOBODY6)) } },
	{ "", "destination-of-nobody-dropped", .globals = SHIELD_GLOBAL_DROP_UNKNOWN,
		.steps = { STRAY(UNKNOWN_DESTINATION, PING(GUEST, NOBODY)), GOOD(PING(GUEST, SITE)) } },
	{ "H12", "what-leaves-is-counted",
		.steps = { { .outbound = true,
				   .reason = SHIELD_REASON_OUTBOUND,
				   .packet = { DATAGRAM(BOTH_WAYS, GUEST) } },
			OUT(DATAGRAM(SITE, GUEST)), GOOD(FROM(GUEST, BOTH_WAYS), UDP(CASE_PORT_OPEN, 40000, 64)) } },
	{ "", "trusted-name-server",
		.steps = { GOOD(FROM(NAME_SERVER, SITE), .protocol = PACKET_UDP, .sport = 53, .dport = CASE_PORT_OPEN,
			DATA("\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01"
			     "a")) } },
};

const struct case_table cases_plain = { plain, ARRAY_COUNT(plain) };
