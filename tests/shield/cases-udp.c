// SPDX-License-Identifier: Apache-2.0
/* Group B of the catalogue: UDP and ICMP, as far as one packet shows it. */
#include "case.h"

#include "base/compiler.h"
#include "shield/abi.h"

#define ECHO_PORT 7
/* A DNS query for "a.vn", type A: 22 bytes behind the header's twelve with flags and one question. */
#define DNS_QUERY                                                                                                      \
	"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"                                                         \
	"a\x02vn\x00\x00\x01\x00\x01"
#define DNS_NOTHING                                                                                                    \
	"\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"                                                         \
	"a\x02vn\x00\x00\x01\x00\x01"
#define DNS_ANSWER                                                                                                     \
	"\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"                                                         \
	"a\x02vn\x00\x00\x01\x00\x01"
#define DNS_OPCODE                                                                                                     \
	"\x12\x34\x71\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"                                                         \
	"a\x02vn\x00\x00\x01\x00\x01"

static const uint8_t ntp_client[48] = { 0x23 }, ntp_control[48] = { 0x26 };
static const uint8_t quic_v1[1200] = { 0xc3, 0, 0, 0, 1, 8 }, quic_v2[1200] = { 0xd3, 0x6b, 0x33, 0x43, 0xcf, 8 };
static const uint8_t quic_unknown[1200] = { 0xc3, 0x1a, 0x2a, 0x3a, 0x4a, 8 };
static const uint8_t quic_short[64] = { 0x41 }, quic_none[64] = { 0x01 };
static const uint8_t source_query[25] = "\xff\xff\xff\xffTSource Engine Query";

#define BYTES(array)       .payload = (array), .payload_size = sizeof(array)
#define TO_UDP(port)       FROM(GUEST, SITE), .protocol = PACKET_UDP, .dport = (port)
#define QUOTED(src_, dst_) (&(const struct packet_spec){ FROM(src_, dst_), UDP(CASE_PORT_OPEN, 40000, 8) })

static const struct shield_case
	cases[] = {
		{ "B1,H9", "udp-closed-port",
			.steps = { IN(PORT, FROM(GUEST, SITE), UDP(40000, 1999, 64)),
				IN(PORT, FROM(GUEST6, SITE6), UDP(40000, 1999, 64)),
				GOOD(FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 64)),
				GOOD(FROM(GUEST6, SITE6), UDP(40000, CASE_PORT_OPEN, 64)) } },
		{ "B1,H9", "tcp-closed-port",
			.steps = { IN(PORT, FROM(GUEST, SITE), TCP(PACKET_SYN, 22)),
				GOOD(FROM(GUEST, SITE), TCP(PACKET_SYN, 80)) } },
		{ "B2,B5", "dns-port",
			.steps = { IN(PAYLOAD, TO_UDP(53), DATA(DNS_NOTHING)),
				IN(PAYLOAD, TO_UDP(53), DATA(DNS_ANSWER)), IN(PAYLOAD, TO_UDP(53), DATA(DNS_OPCODE)),
				IN(PAYLOAD, TO_UDP(53), DATA("junk")), GOOD(TO_UDP(53), DATA(DNS_QUERY)) } },
		{ "B2", "ntp-port",
			.steps = { IN(PAYLOAD, TO_UDP(123), BYTES(ntp_control)),
				IN(PAYLOAD, TO_UDP(123), .payload = ntp_client, .payload_size = 40),
				GOOD(TO_UDP(123), BYTES(ntp_client)) } },
		{ "B2", "quic-port",
			.steps = { IN(PAYLOAD, TO_UDP(443), BYTES(quic_none)), GOOD(TO_UDP(443), BYTES(quic_short)) } },
		{ "B2,B11", "sip-port",
			.steps = { IN(PAYLOAD, TO_UDP(5060), DATA("\x01junk of twenty-one b")),
				GOOD(TO_UDP(5060), DATA("OPTIONS sip:a.vn SIP/")),
				GOOD(TO_UDP(5060), DATA("\r\n\r\n")) } },
		{ "B2,B12", "game-port",
			.steps = { IN(PAYLOAD, TO_UDP(27015), DATA("junk")),
				GOOD(TO_UDP(27015), BYTES(source_query)) } },
		{ "B3", "udp-length",
			.steps = { IN(UDP_LENGTH, FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 64),
					   .udp_length_change = 1),
				IN(UDP_LENGTH, FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 64),
					.udp_length_change = -65),
				IN(UDP_LENGTH, FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 0), .transport_cut = 1),
				GOOD(FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 64)),
				GOOD(FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 64), .udp_length_change = -8) } },
		{ "B3", "udp-empty",
			.steps = { IN(UDP_EMPTY, FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 0)),
				GOOD(FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 1)),
				GOOD(FROM(GUEST, OPEN), UDP(40000, CASE_PORT_OPEN, 0)) } },
		{ "B3", "udp-port-zero",
			.steps = { IN(PORT_ZERO, FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 64),
					   .wrong = PACKET_WRONG_SPORT_ZERO),
				GOOD(FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 64)) } },
		{ "B4", "udp-checksum",
			.steps = { IN(UDP_CHECKSUM, FROM(GUEST6, SITE6), UDP(40000, CASE_PORT_OPEN, 64),
					   .udp_no_checksum = true),
				GOOD(FROM(GUEST6, SITE6), UDP(40000, CASE_PORT_OPEN, 64)),
				GOOD(FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 64), .udp_no_checksum = true) } },
		{ "B9", "quic-initial",
			.steps = { IN(QUIC_INITIAL, TO_UDP(443), .payload = quic_v1, .payload_size = 1199),
				IN(QUIC_INITIAL, TO_UDP(443), .payload = quic_v2, .payload_size = 200),
				GOOD(TO_UDP(443), BYTES(quic_v1)), GOOD(TO_UDP(443), BYTES(quic_v2)) } },
		{ "B10", "quic-version-negotiation",
			.steps = { UNTIL(LIMIT_OTHER, 2, SAME, FROM(GUEST, CLASSES), .protocol = PACKET_UDP,
					   .dport = 443, BYTES(quic_unknown)),
				GOOD(FROM(GUEST, CLASSES), .protocol = PACKET_UDP, .dport = 443, BYTES(quic_v1)) } },
		{ "B13", "icmp-header",
			.steps = { IN(ICMP_HEADER, FROM(GUEST, SITE), .protocol = PACKET_ICMP, .icmp_type = 8,
					   .transport_cut = 1),
				GOOD(FROM(GUEST, SITE), .protocol = PACKET_ICMP, .icmp_type = 8) } },
		{ "B14", "icmp-error-about-others",
			.steps = { IN(ICMP_FOREIGN, FROM(GUEST, SITE), ICMP(3, 3)),
				IN(ICMP_FOREIGN, FROM(GUEST, SITE), .protocol = PACKET_ICMP, .icmp_type = 3,
					.icmp_code = 3, .inner = QUOTED(OTHER, GUEST)),
				GOOD(FROM(GUEST, SITE), .protocol = PACKET_ICMP, .icmp_type = 3, .icmp_code = 3,
					.inner = QUOTED(SITE, GUEST)),
				GOOD(FROM(GUEST, SITE), .protocol = PACKET_ICMP, .icmp_type = 3, .icmp_code = 4,
					.inner = QUOTED(SITE, GUEST)) } },
		{ "B14,E6", "icmpv6-error-about-others",
			.steps = { IN(ICMP_FOREIGN, FROM(GUEST6, SITE6), ICMP6(1, 4)),
				IN(ICMP_FOREIGN, FROM(GUEST6, SITE6), .protocol = PACKET_ICMPV6, .icmp_type = 2,
					.inner = QUOTED("2001:db8:1::8", GUEST6)),
				GOOD(FROM(GUEST6, SITE6), .protocol = PACKET_ICMPV6, .icmp_type = 2,
					.inner = QUOTED(SITE6, GUEST6)) } },
		{ "B16", "smurf",
			.steps = { IN(BROADCAST, FROM(GUEST, "198.51.100.255"), ICMP(8, 0)),
				IN(BROADCAST, FROM(GUEST, "198.51.100.0"), ICMP(8, 0)),
				GOOD(FROM(GUEST, SITE), ICMP(8, 0)) } },
		{ "B16", "fraggle",
			.steps = { IN(BROADCAST, FROM(GUEST, "198.51.100.255"), UDP(40000, ECHO_PORT, 64)),
				GOOD(FROM(GUEST, SITE), UDP(40000, CASE_PORT_OPEN, 64)) } },
		{ "B17", "icmp-types",
			.steps = { IN(ICMP_TYPE, FROM(GUEST, SITE), ICMP(13, 0)),
				IN(ICMP_TYPE, FROM(GUEST, SITE), ICMP(5, 1)),
				IN(ICMP_TYPE, FROM(GUEST, SITE), ICMP(9, 0)), GOOD(FROM(GUEST, SITE), ICMP(8, 0)),
				GOOD(FROM(GUEST, SITE), ICMP(0, 0)) } },
		{ "B18", "services-in-a-loop",
			.steps = { IN(LOOP_PORTS, FROM(GUEST, SITE), .protocol = PACKET_UDP, .sport = 53, .dport = 53,
					   DATA(DNS_QUERY)),
				IN(LOOP_PORTS, FROM(GUEST, SITE), UDP(123, 53, 48)),
				GOOD(FROM(GUEST, SITE), UDP_DATA(40000, 53, DNS_QUERY)),
				OUT(FROM(SITE, GUEST), UDP(53, 53, 40)),
				GOOD(FROM(GUEST, SITE), .protocol = PACKET_UDP, .sport = 53, .dport = 53,
					DATA(DNS_QUERY)) } },
	};

const struct case_table cases_udp = { cases, ARRAY_COUNT(cases) };
