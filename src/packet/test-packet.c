// SPDX-License-Identifier: Apache-2.0
/* The decoder against packets that the builder made: fields that come back, every fault, every cut.
 *
 * Each frame is parsed where its last byte is the last one before an unreadable page, so that a read past the end
 * stops the test in every build, with or without a sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "packet/build.h"
#include "packet/check.h"

#define ROOM          PACKET_BUILD_SIZE_MAX
#define GUARD_AT      ((size_t)1 << 17)
#define GUARD_SIZE    ((size_t)1 << 16) /* not smaller than a page anywhere */
#define MUTATED_COUNT 20000

#define V4                .src = "203.0.113.5", .dst = "198.51.100.7"
#define V6                .src = "2001:db8::5", .dst = "2001:db8:1::7"
#define BYTES(text)       (text), .payload_size = sizeof(text) - 1
#define IP_OPTIONS(text)  .ip_options = (text), .ip_options_size = sizeof(text) - 1
#define TCP_OPTIONS(text) .tcp_options = (text), .tcp_options_size = sizeof(text) - 1

static const struct packet_spec inner_udp = {
	.src = "192.0.2.33", .dst = "203.0.113.5", .protocol = PACKET_UDP, .payload = BYTES("quoted")
};
static const struct packet_spec inner_udp6 = {
	.src = "2001:db8::abcd:1234", .dst = "2001:db8::5", .protocol = PACKET_UDP, .payload = BYTES("quoted")
};
static const struct packet_spec inner_tunnel = {
	.src = "192.0.2.34", .dst = "192.0.2.35", .protocol = PACKET_IPIP, .inner = &inner_udp
};

struct good_row {
	const char *name;
	uint16_t ip_size, transport_size; /* of the headers */
	struct packet_spec spec;
};

static const struct good_row good_rows[] = {
	{ "syn", 20, 20, { V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN, .tcp_seq = 0x80000001 } },
	{ "syn mss", 20, 24, { V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN, .tcp_mss = 1460 } },
	{ "syn mss fast open", 20, 36,
		{ V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN, .tcp_mss = 536, .tcp_fast_open = true,
			.payload = BYTES("GET / HTTP/1.1\r\n\r\n") } },
	{ "syn as linux sends it", 20, 40,
		{ V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN, .tcp_mss = 1460, .dport = 443,
			TCP_OPTIONS("\4\2\10\12\0\1\2\3\0\0\0\0\1\3\3\7") } },
	{ "syn-ack v6", 40, 24,
		{ V6, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN | PACKET_ACK, .tcp_mss = 1440, .tcp_ack = 7 } },
	{ "ack with data", 20, 20,
		{ V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_ACK | PACKET_PSH, .tcp_ack = 0xfffffffe,
			.payload = BYTES("data"), .trailer = 2 } },
	{ "ack with options", 20, 32,
		{ V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_ACK, TCP_OPTIONS("\1\1\10\12\0\1\2\3\0\0\0\0") } },
	{ "rst", 20, 20, { V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_RST } },
	{ "fin-ack v6", 40, 20, { V6, .protocol = PACKET_TCP, .tcp_flags = PACKET_FIN | PACKET_ACK } },
	{ "udp", 20, 8, { V4, .protocol = PACKET_UDP, .sport = 53, .dport = 4000, .payload = BYTES("an answer") } },
	{ "udp v6", 40, 8, { V6, .protocol = PACKET_UDP, .sport = 65535, .dport = 1, .payload_size = 1200 } },
	{ "udp empty", 20, 8, { V4, .protocol = PACKET_UDP, .trailer = 18 } },
	{ "udp no checksum", 20, 8, { V4, .protocol = PACKET_UDP, .udp_no_checksum = true, .payload_size = 15 } },
	{ "udp 7 bytes", 20, 8, { V4, .protocol = PACKET_UDP, .payload_size = 7 } },
	{ "udp 8 bytes", 20, 8, { V4, .protocol = PACKET_UDP, .payload_size = 8, .trailer = 9 } },
	{ "udp 16 bytes", 20, 8, { V4, .protocol = PACKET_UDP, .payload_size = 16 } },
	{ "udp 17 bytes", 20, 8, { V4, .protocol = PACKET_UDP, .payload_size = 17 } },
	{ "udp largest", 20, 8, { V4, .protocol = PACKET_UDP, .payload_size = 65507 } },
	{ "udp largest v6", 40, 8, { V6, .protocol = PACKET_UDP, .payload_size = 65487 } },
	{ "same /64", 40, 8, { .src = "2001:db8::5", .dst = "2001:db8::7", .protocol = PACKET_UDP } },
	{ "vlan", 20, 8, { V4, .vlan_count = 1, .vlan = { { .id = 7 } }, .protocol = PACKET_UDP } },
	{ "qinq", 40, 8, { V6, .vlan_count = 2, .vlan = { { 0x88a8, 7 }, { .id = 8 } }, .protocol = PACKET_UDP } },
	{ "old qinq", 20, 8, { V4, .vlan_count = 2, .vlan = { { 0x9100, 7 }, { .id = 8 } }, .protocol = PACKET_UDP } },
	{ "mpls", 20, 8, { V4, .label_count = 1, .label = { 100 }, .protocol = PACKET_UDP } },
	{ "mpls four v6", 40, 8, { V6, .label_count = 4, .label = { 100, 0xfffff, 0, 1 }, .protocol = PACKET_UDP } },
	{ "mpls multicast type", 20, 8,
		{ V4, .label_count = 1, .label = { 9 }, .ether_type = 0x8848, .protocol = PACKET_UDP } },
	{ "qinq mpls", 20, 20,
		{ V4, .vlan_count = 2, .label_count = 4, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN } },
	{ "ip options", 24, 8, { V4, IP_OPTIONS("\224\4\0\0"), .protocol = PACKET_UDP } },
	{ "ip options padded", 28, 8, { V4, IP_OPTIONS("\1\224\4\0\0"), .protocol = PACKET_UDP, .payload_size = 3 } },
	{ "ip options full", 60, 60,
		{ V4, .ip_options = (const uint8_t[40]){ 7, 40, 4 }, .ip_options_size = 40, .protocol = PACKET_TCP,
			.tcp_flags = PACKET_ACK, .tcp_options = (const uint8_t[40]){ 254, 40 },
			.tcp_options_size = 40 } },
	{ "dont fragment", 20, 8, { V4, .dont_fragment = true, .ip_id = 54321, .protocol = PACKET_UDP } },
	{ "first fragment", 20, 8,
		{ V4, .more_fragments = true, .fragment_id = 0x1234, .protocol = PACKET_UDP, .payload_size = 1472,
			.udp_length_change = 2000 } },
	{ "first fragment tcp", 20, 20,
		{ V4, .more_fragments = true, .protocol = PACKET_TCP, .tcp_flags = PACKET_ACK, .payload_size = 4 } },
	{ "middle fragment", 20, 0,
		{ V4, .more_fragments = true, .fragment_offset = 1480, .fragment_id = 0x1234, .protocol = PACKET_UDP,
			.payload_size = 1480 } },
	{ "last fragment", 20, 0,
		{ V4, .fragment_offset = 2960, .fragment_id = 0x1234, .protocol = PACKET_TCP, .payload_size = 3 } },
	{ "last byte fragment", 20, 0, { V4, .fragment_offset = 65504, .protocol = PACKET_UDP, .payload_size = 11 } },
	{ "fragment at 8 udp", 20, 0, { V4, .fragment_offset = 8, .protocol = PACKET_UDP, .payload_size = 11 } },
	{ "first fragment v6", 48, 8,
		{ V6, .more_fragments = true, .fragment_id = 0x89abcdef, .protocol = PACKET_UDP, .payload_size = 1232,
			.udp_length_change = 2000 } },
	{ "last fragment v6", 48, 0,
		{ V6, .fragment_offset = 1240, .fragment_id = 0x89abcdef, .protocol = PACKET_UDP, .payload_size = 5 } },
	{ "later fragment v6 of options", 48, 0,
		{ V6, .fragment_offset = 1240, .protocol = PACKET_IPV6_OPTIONS, .payload_size = 5 } },
	{ "destination options", 48, 20,
		{ V6, .extension_count = 1, .extension = { { .protocol = PACKET_IPV6_OPTIONS } },
			.protocol = PACKET_TCP, .tcp_flags = PACKET_SYN } },
	{ "long destination options", 40 + 248, 8,
		{ V6, .extension_count = 1,
			.extension = { { .protocol = PACKET_IPV6_OPTIONS,
				.body = (const uint8_t[246]){ 1, 244 },
				.body_size = 246 } },
			.protocol = PACKET_UDP } },
	{ "segment routing", 64, 8,
		{ V6, .extension_count = 1,
			.extension = { { .protocol = PACKET_IPV6_ROUTE,
				.body = (const uint8_t[22]){ 4 },
				.body_size = 22 } },
			.protocol = PACKET_UDP, .payload_size = 9 } },
	{ "options before and behind the fragment header", 64, 8,
		{ V6, .more_fragments = true, .extension_count = 3,
			.extension = { { .protocol = PACKET_IPV6_OPTIONS }, { .protocol = PACKET_IPV6_FRAGMENT },
				{ .protocol = PACKET_IPV6_OPTIONS } },
			.protocol = PACKET_UDP, .payload_size = 16 } },
	{ "seven extension headers", 40 + 56, 8,
		{ V6, .extension_count = 7,
			.extension = { { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 },
				{ .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 } },
			.protocol = PACKET_UDP } },
	{ "eight extension headers", 40 + 64, 8,
		{ V6, .extension_count = 8,
			.extension = { { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 },
				{ .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 } },
			.protocol = PACKET_UDP } },
	{ "no next header", 40, 0, { V6, .protocol = PACKET_IPV6_NONE } },
	{ "ping", 20, 8, { V4, .protocol = PACKET_ICMP, .icmp_type = 8, .payload_size = 56 } },
	{ "ping v6", 40, 8, { V6, .protocol = PACKET_ICMPV6, .icmp_type = 128, .payload_size = 56 } },
	{ "unreachable", 20, 8, { V4, .protocol = PACKET_ICMP, .icmp_type = 3, .icmp_code = 3, .inner = &inner_udp } },
	{ "time exceeded", 20, 8, { V4, .protocol = PACKET_ICMP, .icmp_type = 11, .inner = &inner_udp } },
	{ "too big v6", 40, 8,
		{ V6, .protocol = PACKET_ICMPV6, .icmp_type = 2, .icmp_rest = 1280, .inner = &inner_udp6 } },
	{ "unreachable, quote too short", 20, 8,
		{ V4, .protocol = PACKET_ICMP, .icmp_type = 3, .payload = BYTES("\x45\0\0\0\0"), .trailer = 40 } },
	{ "gre", 20, 4, { V4, .protocol = PACKET_GRE, .inner = &inner_udp } },
	{ "gre all fields", 40, 16,
		{ V6, .protocol = PACKET_GRE, .gre_flags = 0xb0, .gre_key = 5, .gre_sequence = 6,
			.inner = &inner_udp } },
	{ "gre v6 inside", 20, 8, { V4, .protocol = PACKET_GRE, .gre_flags = PACKET_GRE_KEY, .inner = &inner_udp6 } },
	{ "gre ethernet", 20, 4, { V4, .protocol = PACKET_GRE, .gre_type = 0x6558, .payload_size = 60 } },
	{ "gre, inside too short", 20, 4,
		{ V4, .protocol = PACKET_GRE, .payload = BYTES("\x45\0\0\0"), .trailer = 40 } },
	{ "ipip", 20, 0, { V4, .protocol = PACKET_IPIP, .inner = &inner_tunnel } },
	{ "ipip, inside too short", 20, 0,
		{ V4, .protocol = PACKET_IPIP, .payload = BYTES("\x45\0\0\0"), .trailer = 40 } },
	{ "6in4", 20, 0, { V4, .protocol = PACKET_IPV6_IN_IP, .inner = &inner_udp6 } },
	{ "sctp", 20, 12, { V4, .protocol = PACKET_SCTP, .sctp_tag = 9, .payload = BYTES("\1\0\0\4") } },
	{ "sctp v6", 40, 12, { V6, .protocol = PACKET_SCTP } },
	{ "esp", 20, 0, { V4, .protocol = PACKET_ESP, .payload_size = 40 } },
	{ "unknown protocol", 20, 0, { V4, .protocol = 253, .payload_size = 1 } },
	{ "wrong transport checksum", 20, 20,
		{ V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN, .wrong = PACKET_WRONG_L4_CHECKSUM } },
};

struct fault_row {
	enum packet_fault fault;
	uint16_t keep; /* bytes of the frame; 0 for all */
	struct packet_spec spec;
};

#define SYN .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN

static const struct fault_row fault_rows[] = {
	{ PACKET_NOT_IP, 0, { V4, .ether_type = 0x0806, SYN } },
	{ PACKET_NOT_IP, 0, { V4, .vlan_count = 1, .ether_type = 0x88cc, SYN } },
	{ PACKET_LINK, 1, { V4, SYN } },
	{ PACKET_LINK, 13, { V4, SYN } },
	{ PACKET_LINK, 17, { V4, .vlan_count = 1, SYN } },
	{ PACKET_LINK, 18, { V4, .label_count = 1, SYN } },
	{ PACKET_TAGS, 0, { V4, .vlan_count = 3, SYN } },
	{ PACKET_TAGS, 0, { V4, .label_count = 5, SYN } },
	{ PACKET_IP_HEADER, 14, { V4, SYN } },
	{ PACKET_IP_HEADER, 33, { V4, SYN } },
	{ PACKET_IP_HEADER, 53, { V6, SYN } },
	{ PACKET_IP_HEADER, 0, { V4, .wrong = PACKET_WRONG_IP_VERSION, SYN } },
	{ PACKET_IP_HEADER, 0, { V6, .wrong = PACKET_WRONG_IP_VERSION, SYN } },
	{ PACKET_IP_HEADER, 0, { V4, .ip_header_change = -1, SYN } },
	{ PACKET_IP_LENGTH, 0, { V4, .ip_length_change = 1, SYN } },
	{ PACKET_IP_LENGTH, 0, { V4, .ip_length_change = -21, SYN } },
	{ PACKET_IP_LENGTH, 0, { V4, .ip_header_change = 6, SYN } },
	{ PACKET_IP_LENGTH, 0, { V6, .ip_length_change = 1, SYN } },
	{ PACKET_IP_LENGTH, 0, { V6, .protocol = PACKET_UDP, .payload_size = 65488 } },
	{ PACKET_IP_CHECKSUM, 0, { V4, .wrong = PACKET_WRONG_IP_CHECKSUM, SYN } },
	{ PACKET_IP_CHECKSUM, 0, { V4, .wrong = PACKET_WRONG_IP_CHECKSUM, IP_OPTIONS("\1\1\1\1"), SYN } },
	{ PACKET_TTL_ZERO, 0, { V4, .wrong = PACKET_WRONG_TTL_ZERO, SYN } },
	{ PACKET_TTL_ZERO, 0, { V6, .wrong = PACKET_WRONG_TTL_ZERO, SYN } },
	{ PACKET_SOURCE_ROUTE, 0, { V4, IP_OPTIONS("\203\3\4"), SYN } },
	{ PACKET_SOURCE_ROUTE, 0, { V4, IP_OPTIONS("\1\211\7\4\1\2\3\4"), SYN } },
	{ PACKET_IP_OPTIONS_BAD, 0, { V4, IP_OPTIONS("\7\1"), SYN } },
	{ PACKET_IP_OPTIONS_BAD, 0, { V4, IP_OPTIONS("\7\0"), SYN } },
	{ PACKET_IP_OPTIONS_BAD, 0, { V4, IP_OPTIONS("\7\5\4\0"), SYN } },
	{ PACKET_IP_OPTIONS_BAD, 0,
		{ V4, IP_OPTIONS("\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"),
			SYN } },
	{ PACKET_LAND, 0, { .src = "198.51.100.7", .dst = "198.51.100.7", SYN } },
	{ PACKET_LAND, 0, { .src = "2001:db8::7", .dst = "2001:db8::7", SYN } },
	{ PACKET_SOURCE_CAST, 0, { .src = "224.0.0.1", .dst = "198.51.100.7", SYN } },
	{ PACKET_SOURCE_CAST, 0, { .src = "239.255.255.255", .dst = "198.51.100.7", SYN } },
	{ PACKET_SOURCE_CAST, 0, { .src = "255.255.255.255", .dst = "198.51.100.7", SYN } },
	{ PACKET_SOURCE_CAST, 0, { .src = "ff02::1", .dst = "2001:db8::7", SYN } },
	{ PACKET_FRAGMENT_TINY, 0, { V4, .more_fragments = true, .transport_cut = 4, SYN } },
	{ PACKET_FRAGMENT_TINY, 0, { V4, .more_fragments = true, .tcp_mss = 1460, .transport_cut = 8, SYN } },
	{ PACKET_FRAGMENT_TINY, 0,
		{ V4, .more_fragments = true, TCP_OPTIONS("\1\1\1\1\1\1\1\1"), .transport_cut = 4, SYN } },
	{ PACKET_FRAGMENT_TINY, 0,
		{ V4, .more_fragments = true, .protocol = PACKET_SCTP, .payload_size = 4, .transport_cut = 8 } },
	{ PACKET_FRAGMENT_TINY, 0,
		{ V6, .more_fragments = true, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN, .transport_cut = 12 } },
	{ PACKET_FRAGMENT_TINY, 0,
		{ V4, .more_fragments = true, .protocol = PACKET_GRE, .gre_flags = 0xb0, .transport_cut = 8 } },
	{ PACKET_FRAGMENT_OFFSET_ONE, 0, { V4, .fragment_offset = 8, .payload_size = 8, SYN } },
	{ PACKET_FRAGMENT_OFFSET_ONE, 0, { V6, .fragment_offset = 8, .payload_size = 8, SYN } },
	{ PACKET_FRAGMENT_OVERSIZE, 0, { V4, .fragment_offset = 65512, .payload_size = 8, SYN } },
	{ PACKET_FRAGMENT_OVERSIZE, 0,
		{ V4, .fragment_offset = 65528, .payload_size = 1400, .protocol = PACKET_ICMP } },
	{ PACKET_FRAGMENT_OVERSIZE, 0, { V6, .fragment_offset = 65528, .payload_size = 8, SYN } },
	{ PACKET_FRAGMENT_ATOMIC, 0,
		{ V6, .extension_count = 1, .extension = { { .protocol = PACKET_IPV6_FRAGMENT } }, SYN } },
	{ PACKET_FRAGMENT_SIZE, 0, { V4, .more_fragments = true, .protocol = PACKET_UDP, .payload_size = 3 } },
	{ PACKET_FRAGMENT_SIZE, 0, { V4, .more_fragments = true, .fragment_offset = 16, .protocol = PACKET_UDP } },
	{ PACKET_FRAGMENT_SIZE, 0, { V6, .more_fragments = true, .protocol = PACKET_UDP, .payload_size = 7 } },
	{ PACKET_IPV6_CHAIN, 0, { V6, .protocol = PACKET_IPV6_OPTIONS } },
	{ PACKET_IPV6_CHAIN, 0, { V6, .protocol = PACKET_IPV6_OPTIONS, .payload_size = 7, .trailer = 9 } },
	{ PACKET_IPV6_CHAIN, 0, { V6, .protocol = 0, .payload_size = 7, .trailer = 9 } },
	{ PACKET_IPV6_CHAIN, 0,
		{ V6, .extension_count = 1, .extension = { { .protocol = 60, .length_change = 4 } }, SYN } },
	{ PACKET_IPV6_CHAIN, 0, /* over 256 bytes */
		{ V6, .extension_count = 1,
			.extension = { { .protocol = 60, .body = (const uint8_t[262]){ 1, 255 }, .body_size = 262 } },
			SYN } },
	{ PACKET_IPV6_CHAIN, 0, /* over eight headers */
		{ V6, .extension_count = 9,
			.extension = { { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 },
				{ .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 },
				{ .protocol = 60 } },
			SYN } },
	{ PACKET_IPV6_CHAIN, 0, /* the ninth is the one that is refused in the other places too */
		{ V6, .extension_count = 9,
			.extension = { { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 },
				{ .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 }, { .protocol = 60 },
				{ .protocol = 0 } },
			SYN } },
	{ PACKET_IPV6_CHAIN, 0, /* two fragment headers */
		{ V6, .more_fragments = true, .extension_count = 2,
			.extension = { { .protocol = PACKET_IPV6_FRAGMENT }, { .protocol = PACKET_IPV6_FRAGMENT } },
			SYN } },
	{ PACKET_IPV6_CHAIN, 0, /* the first fragment ends inside the chain (RFC 7112) */
		{ V6, .more_fragments = true, .extension_count = 2,
			.extension = { { .protocol = PACKET_IPV6_FRAGMENT }, { .protocol = 60, .length_change = 5 } },
			.protocol = PACKET_UDP } },
	{ PACKET_IPV6_HOPBYHOP, 0, { V6, .extension_count = 1, .extension = { { .protocol = 0 } }, SYN } },
	{ PACKET_IPV6_HOPBYHOP, 0,
		{ V6, .extension_count = 2, .extension = { { .protocol = 60 }, { .protocol = 0 } }, SYN } },
	{ PACKET_IPV6_ROUTING, 0,
		{ V6, .extension_count = 1, .extension = { { .protocol = PACKET_IPV6_ROUTE } }, SYN } },
	{ PACKET_IPV6_ROUTING, 0,
		{ V6, .extension_count = 1,
			.extension = { { .protocol = PACKET_IPV6_ROUTE,
				.body = (const uint8_t[22]){ 0, 1 },
				.body_size = 22 } },
			SYN } },
	{ PACKET_TCP_HEADER, 0, { V4, .transport_cut = 1, SYN } },
	{ PACKET_TCP_HEADER, 0, { V4, .transport_cut = 1, .trailer = 20, SYN } },
	{ PACKET_TCP_HEADER, 0, { V6, .tcp_header_change = -1, SYN } },
	{ PACKET_TCP_HEADER, 0, { V4, .tcp_header_change = 1, .trailer = 20, SYN } },
	{ PACKET_TCP_FLAGS, 0, { V4, .protocol = PACKET_TCP } },
	{ PACKET_TCP_FLAGS, 0, { V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN | PACKET_FIN } },
	{ PACKET_TCP_FLAGS, 0, { V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN | PACKET_RST } },
	{ PACKET_TCP_FLAGS, 0, { V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_FIN } },
	{ PACKET_TCP_FLAGS, 0, { V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_FIN | PACKET_RST | PACKET_ACK } },
	{ PACKET_TCP_FLAGS, 0, { V6, .protocol = PACKET_TCP, .tcp_flags = PACKET_URG | PACKET_PSH | PACKET_FIN } },
	{ PACKET_TCP_FLAGS, 0, { V6, .protocol = PACKET_TCP, .tcp_flags = 0xff } },
	{ PACKET_TCP_FLAGS, 0, { V6, .protocol = PACKET_TCP, .tcp_flags = PACKET_URG | 0xc0 } },
	{ PACKET_PORT_ZERO, 0, { V4, .wrong = PACKET_WRONG_SPORT_ZERO, SYN } },
	{ PACKET_PORT_ZERO, 0, { V4, .wrong = PACKET_WRONG_DPORT_ZERO, .protocol = PACKET_UDP } },
	{ PACKET_PORT_ZERO, 0, { V6, .wrong = PACKET_WRONG_SPORT_ZERO, .protocol = PACKET_SCTP } },
	{ PACKET_UDP_LENGTH, 0, { V4, .udp_length_change = 1, .trailer = 10, .protocol = PACKET_UDP } },
	{ PACKET_UDP_LENGTH, 0, { V4, .udp_length_change = -1, .protocol = PACKET_UDP } },
	{ PACKET_UDP_LENGTH, 0, { V6, .udp_length_change = -8, .protocol = PACKET_UDP } },
	{ PACKET_UDP_LENGTH, 0, { V6, .transport_cut = 1, .trailer = 1, .protocol = PACKET_UDP } },
	{ PACKET_ICMP_HEADER, 0, { V4, .transport_cut = 1, .trailer = 1, .protocol = PACKET_ICMP } },
	{ PACKET_ICMP_HEADER, 0, { V6, .transport_cut = 8, .protocol = PACKET_ICMPV6 } },
	{ PACKET_SCTP_HEADER, 0, { V4, .transport_cut = 1, .trailer = 1, .protocol = PACKET_SCTP } },
	{ PACKET_SCTP_HEADER, 0, { V6, .transport_cut = 11, .protocol = PACKET_SCTP } },
	{ PACKET_GRE_HEADER, 0, { V4, .transport_cut = 1, .trailer = 1, .protocol = PACKET_GRE } },
	{ PACKET_GRE_HEADER, 0,
		{ V6, .transport_cut = 1, .trailer = 1, .protocol = PACKET_GRE, .gre_flags = PACKET_GRE_SEQUENCE } },
};

static uint8_t frame[ROOM];
static uint8_t *guarded; /* GUARD_AT bytes, then unreadable ones */

static size_t build(const struct packet_spec *spec)
{
	size_t size = 0;

	assert_int_equal(packet_build(spec, frame, sizeof(frame), &size), 0);
	return size;
}

/* Parses the first 'size' bytes of 'frame' in front of the unreadable page. */
static enum packet_fault parse(size_t size, struct packet *ret)
{
	uint8_t *data = guarded + GUARD_AT - size;
	enum packet_fault fault;

	memcpy(data, frame, size);
	fault = packet_decode(data, size, ret);
	packet_check(data, size, ret, fault);
	return fault;
}

static void expect_addresses(const struct packet_spec *spec, const struct packet *p)
{
	struct ip_addr src, dst;

	assert_int_equal(ip_addr_parse(bytes_from_str(spec->src), &src), 0);
	assert_int_equal(ip_addr_parse(bytes_from_str(spec->dst), &dst), 0);
	assert_int_equal(p->family, src.family);
	assert_memory_equal(p->src.byte, src.bytes, 16);
	assert_memory_equal(p->dst.byte, dst.bytes, 16);
}

static void expect_flags(const struct packet_spec *spec, const struct packet *p)
{
	bool later = spec->fragment_offset, fragment = later || spec->more_fragments;
	uint16_t expected = 0;

	expected |= fragment ? PACKET_IS_FRAGMENT : 0;
	expected |= later ? PACKET_LATER_FRAGMENT : 0;
	expected |= spec->more_fragments ? PACKET_MORE_FRAGMENTS : 0;
	expected |= spec->ip_options_size ? PACKET_HAS_IP_OPTIONS : 0;
	expected |= spec->tcp_fast_open ? PACKET_HAS_FAST_OPEN : 0;
	expected |= spec->tcp_mss ? PACKET_HAS_MSS : 0;
	expected |= spec->udp_no_checksum ? PACKET_UDP_NO_CHECKSUM : 0;
	if (spec->inner && (spec->inner != &inner_udp6 || spec->protocol == PACKET_ICMPV6))
		expected |= PACKET_HAS_INNER;
	assert_int_equal(p->flags, expected);
	assert_int_equal(p->fragment_offset, spec->fragment_offset);
	if (fragment && p->family == 6)
		assert_int_equal(p->fragment_id, packet_swap32(spec->fragment_id));
	else if (fragment)
		assert_int_equal(p->fragment_id, packet_swap16((uint16_t)spec->fragment_id));
}

static void expect_transport(const struct packet_spec *spec, const struct packet *p)
{
	bool ports = spec->protocol == PACKET_TCP || spec->protocol == PACKET_UDP || spec->protocol == PACKET_SCTP;

	if (spec->fragment_offset)
		return;
	if (ports) {
		assert_int_equal(p->sport, spec->sport ? spec->sport : PACKET_BUILD_SPORT);
		assert_int_equal(p->dport, spec->dport ? spec->dport : PACKET_BUILD_DPORT);
	}
	assert_int_equal(p->tcp_flags, spec->tcp_flags);
	assert_int_equal(p->tcp_seq, spec->tcp_seq);
	assert_int_equal(p->tcp_ack, spec->tcp_ack);
	assert_int_equal(p->tcp_mss, spec->tcp_mss);
	assert_int_equal(p->icmp_type, spec->icmp_type);
	assert_int_equal(p->icmp_code, spec->icmp_code);
}

/* The inner packet, built alone, is the payload. */
static void expect_payload(const struct packet_spec *spec, const struct packet *p)
{
	static uint8_t payload[ROOM];
	struct packet_spec inner;
	uint8_t head[16] = { 0 };
	size_t size = spec->payload_size;

	if (spec->inner) {
		inner = *spec->inner;
		inner.no_link = true;
		assert_int_equal(packet_build(&inner, payload, sizeof(payload), &size), 0);
	} else {
		for (size_t i = 0; i < size; i++)
			payload[i] = spec->payload ? ((const uint8_t *)spec->payload)[i] : (uint8_t)i;
	}
	assert_int_equal(p->payload_size, size);
	memcpy(head, payload, size < 16 ? size : 16);
	assert_memory_equal(p->head, head, 16);
	assert_memory_equal(frame + p->payload_offset, payload, size);
	/* Of an IPv6 packet the last word of the source is kept. */
	if (p->flags & PACKET_HAS_INNER)
		assert_memory_equal(
			&p->inner_src, payload + (p->family == 6 && p->protocol == PACKET_ICMPV6 ? 20 : 12), 4);
}

static void test_fields(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(good_rows); i++) {
		const struct good_row *row = &good_rows[i];
		const struct packet_spec *spec = &row->spec;
		size_t size = build(spec);
		struct packet p;

		print_message("%s\n", row->name);
		assert_int_equal(parse(size, &p), PACKET_OK);
		expect_addresses(spec, &p);
		assert_int_equal(p.tags, spec->vlan_count + spec->label_count);
		assert_int_equal(p.l3_offset, 14 + 4 * p.tags);
		assert_int_equal(p.ip_size, size - p.l3_offset - spec->trailer);
		assert_int_equal(p.l4_offset, p.l3_offset + row->ip_size);
		assert_int_equal(p.payload_offset, p.l4_offset + row->transport_size);
		assert_int_equal(p.protocol, spec->protocol);
		assert_int_equal(p.ttl, spec->ttl ? spec->ttl : PACKET_BUILD_TTL);
		expect_flags(spec, &p);
		expect_transport(spec, &p);
		expect_payload(spec, &p);
	}
}

static void test_faults(void **state)
{
	bool seen[PACKET_FAULT_COUNT] = { [PACKET_OK] = true };

	for (size_t i = 0; i < ARRAY_COUNT(fault_rows); i++) {
		const struct fault_row *row = &fault_rows[i];
		size_t size = build(&row->spec);
		struct packet p;

		print_message("row %zu\n", i);
		assert_in_range(row->keep, 0, size);
		assert_int_equal(parse(row->keep ? row->keep : size, &p), row->fault);
		seen[row->fault] = true;
	}
	for (size_t fault = 0; fault < PACKET_FAULT_COUNT; fault++)
		assert_true(seen[fault]);
}

/* A faulty packet still counts for its destination once its addresses were read. */
static void test_faults_keep_addresses(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(fault_rows); i++) {
		const struct fault_row *row = &fault_rows[i];
		struct packet p;

		if (row->fault <= PACKET_IP_HEADER)
			continue;
		parse(build(&row->spec), &p);
		expect_addresses(&row->spec, &p);
	}
}

/* The IP length reaches past the end, wherever it is cut: never a good packet, never a read behind the end. */
static void test_cut_frame(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(good_rows); i++) {
		size_t size = build(&good_rows[i].spec) - good_rows[i].spec.trailer;
		size_t step = size > 4096 ? 97 : 1;
		struct packet p;

		for (size_t cut = 0; cut < size; cut += cut < 512 ? 1 : step)
			assert_int_not_equal(parse(cut, &p), PACKET_OK);
	}
}

/* The IP length says what is there: good exactly when the transport header is whole and its lengths hold. */
static void test_cut_transport(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(good_rows); i++) {
		const struct good_row *row = &good_rows[i];
		struct packet_spec spec = row->spec;
		size_t behind_ip =
			build(&spec) - 14u - 4u * (spec.vlan_count + spec.label_count) - row->ip_size - spec.trailer;
		bool bound = spec.protocol == PACKET_UDP || spec.more_fragments;
		size_t step = behind_ip > 4096 ? 97 : 1;
		struct packet p;

		spec.trailer = 64;
		for (size_t cut = 1; cut <= behind_ip; cut += step) {
			spec.transport_cut = cut;
			if (parse(build(&spec), &p) == PACKET_OK)
				assert_true(behind_ip - cut >= row->transport_size);
			else
				assert_true(bound || behind_ip - cut < row->transport_size);
		}
	}
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* One to four bytes among the headers changed: parse() holds the answer against the bytes. */
static void test_mutated(void **state)
{
	uint64_t random = 0x9e3779b97f4a7c15;
	size_t good_count = 0;

	for (int i = 0; i < MUTATED_COUNT; i++) {
		const struct good_row *row = &good_rows[next_random(&random) % ARRAY_COUNT(good_rows)];
		size_t size = build(&row->spec), changes = 1 + next_random(&random) % 4;
		struct packet p;

		for (size_t change = 0; change < changes; change++)
			frame[next_random(&random) % (size < 96 ? size : 96)] ^= (uint8_t)next_random(&random);
		good_count += parse(size, &p) == PACKET_OK;
	}
	/* Both kinds were met, so neither half of the checks was idle. */
	assert_in_range(good_count, MUTATED_COUNT / 20, MUTATED_COUNT * 19 / 20);
}

static void test_mss_only_in_syn(void **state)
{
	struct packet_spec spec = { V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_ACK, .tcp_mss = 1460,
		.tcp_fast_open = true };
	struct packet p;

	assert_int_equal(parse(build(&spec), &p), PACKET_OK);
	assert_int_equal(p.flags, 0);
	assert_int_equal(p.tcp_mss, 0);
}

/* The datagram ends where UDP says, which may be before IP does: what is behind it is no payload. */
static void test_udp_shorter_than_ip(void **state)
{
	struct packet_spec spec = { V4, .protocol = PACKET_UDP, .payload_size = 12, .udp_length_change = -9 };
	struct packet p;

	assert_int_equal(parse(build(&spec), &p), PACKET_OK);
	assert_int_equal(p.payload_size, 3);
	assert_int_equal(p.head[0], 0x020100);
	assert_int_equal(p.head[1], 0);
}

/* Options behind a broken one are not believed; the packet itself is the end host's to judge. */
static void test_broken_tcp_options(void **state)
{
	static const struct {
		const char *options;
		size_t size;
		uint16_t mss;
	} rows[] = {
		{ "\2\4\5\264", 4, 1460 },
		{ "\1\1\1\1\2\4\5\264", 8, 1460 },
		{ "\2\3\5\1\2\4\5\264", 8, 1460 },
		{ "\2\5\5\264\0", 5, 0 },
		{ "\0\1\1\1\2\4\5\264", 8, 0 },
		{ "\10\0\2\4\5\264\1\1", 8, 0 },
		{ "\10\1\2\4\5\264\1\1", 8, 0 },
		{ "\10\377\2\4\5\264\1\1", 8, 0 },
		{ "\1\1\1\2", 4, 0 },
		{ "\1\2\4\5", 4, 0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct packet_spec spec = { V4, SYN, .tcp_options = rows[i].options, .tcp_options_size = rows[i].size };
		struct packet p;

		print_message("row %zu\n", i);
		assert_int_equal(parse(build(&spec), &p), PACKET_OK);
		assert_int_equal(p.tcp_mss, rows[i].mss);
		assert_int_equal(p.flags, rows[i].mss ? PACKET_HAS_MSS : 0);
	}
}

/* To the decoder that is a protocol like any other, as it is to the end host. */
static void test_icmp_of_other_family(void **state)
{
	static const struct packet_spec specs[] = {
		{ V4, .protocol = PACKET_ICMPV6, .icmp_type = 1, .inner = &inner_udp6 },
		{ V6, .protocol = PACKET_ICMP, .icmp_type = 3, .inner = &inner_udp },
	};

	for (size_t i = 0; i < ARRAY_COUNT(specs); i++) {
		struct packet p;

		assert_int_equal(parse(build(&specs[i]), &p), PACKET_OK);
		assert_int_equal(p.payload_offset, p.l4_offset);
		assert_int_equal(p.icmp_type, 0);
		assert_int_equal(p.flags, 0);
	}
}

static int make_guard(void **state)
{
	guarded = mmap(NULL, GUARD_AT + GUARD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guarded == MAP_FAILED)
		return -1;
	return mprotect(guarded + GUARD_AT, GUARD_SIZE, PROT_NONE);
}

static int remove_guard(void **state)
{
	return munmap(guarded, GUARD_AT + GUARD_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_faults_keep_addresses),
		cmocka_unit_test(test_cut_frame),
		cmocka_unit_test(test_cut_transport),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_mss_only_in_syn),
		cmocka_unit_test(test_udp_shorter_than_ip),
		cmocka_unit_test(test_broken_tcp_options),
		cmocka_unit_test(test_icmp_of_other_family),
	};

	return cmocka_run_group_tests(tests, make_guard, remove_guard);
}
