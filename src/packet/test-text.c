// SPDX-License-Identifier: Apache-2.0
/* One line for each kind of packet, and for the longest one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "packet/build.h"
#include "packet/text.h"

#define V4 .src = "203.0.113.5", .dst = "198.51.100.7"
#define V6 .src = "2001:db8::5", .dst = "2001:db8:1::7"

static const struct packet_spec inner = { .src = "192.0.2.33", .dst = "203.0.113.5", .protocol = PACKET_UDP };
static const struct packet_spec inner6 = { V6, .protocol = PACKET_UDP };

static const struct {
	const char *line;
	struct packet_spec spec;
} rows[] = {
	{ "IPv4 TCP 203.0.113.5:4711 > 198.51.100.7:443 SYN 60 bytes",
		{ V4, .protocol = PACKET_TCP, .sport = 4711, .dport = 443, .tcp_flags = PACKET_SYN, .trailer = 6 } },
	{ "IPv4 TCP 203.0.113.5:4711 > 198.51.100.7:443 SYN,ECE,CWR mss 1460 fast-open 70 bytes",
		{ V4, .protocol = PACKET_TCP, .sport = 4711, .dport = 443, .tcp_flags = PACKET_SYN | 0xc0,
			.tcp_mss = 1460, .tcp_fast_open = true } },
	{ "IPv6 TCP [2001:db8::5]:40000 > [2001:db8:1::7]:9 FIN,PSH,ACK,URG 74 bytes",
		{ V6, .protocol = PACKET_TCP, .tcp_flags = PACKET_FIN | PACKET_ACK | PACKET_PSH | PACKET_URG } },
	{ "IPv4 UDP 203.0.113.5:53 > 198.51.100.7:4000 no-checksum behind 1 tag 46 bytes",
		{ V4, .vlan_count = 1, .protocol = PACKET_UDP, .sport = 53, .dport = 4000, .udp_no_checksum = true } },
	{ "IPv4 UDP 203.0.113.5:40000 > 198.51.100.7:9 ip-options behind 3 tags 58 bytes",
		{ V4, .vlan_count = 1, .label_count = 2, .protocol = PACKET_UDP, .ip_options = "\224\4\0\0",
			.ip_options_size = 4 } },
	{ "IPv6 UDP [2001:db8::5]:40000 > [2001:db8:1::7]:9 first fragment 78 bytes",
		{ V6, .more_fragments = true, .protocol = PACKET_UDP, .payload_size = 8 } },
	{ "IPv4 UDP 203.0.113.5 > 198.51.100.7 middle fragment at 1480 42 bytes",
		{ V4, .more_fragments = true, .fragment_offset = 1480, .protocol = PACKET_UDP, .payload_size = 8 } },
	{ "IPv4 TCP 203.0.113.5 > 198.51.100.7 last fragment at 2960 35 bytes",
		{ V4, .fragment_offset = 2960, .protocol = PACKET_TCP, .payload_size = 1 } },
	{ "IPv4 ICMP 203.0.113.5 > 198.51.100.7 last fragment at 2960 35 bytes",
		{ V4, .fragment_offset = 2960, .protocol = PACKET_ICMP, .payload_size = 1 } },
	{ "IPv4 ICMP 203.0.113.5 > 198.51.100.7 echo-request 42 bytes",
		{ V4, .protocol = PACKET_ICMP, .icmp_type = 8 } },
	{ "IPv4 ICMP 203.0.113.5 > 198.51.100.7 unreachable code 3 about a packet from 192.0.2.33 70 bytes",
		{ V4, .protocol = PACKET_ICMP, .icmp_type = 3, .icmp_code = 3, .inner = &inner } },
	{ "IPv4 ICMP 203.0.113.5 > 198.51.100.7 type 250 code 1 42 bytes",
		{ V4, .protocol = PACKET_ICMP, .icmp_type = 250, .icmp_code = 1 } },
	{ "IPv6 ICMPv6 2001:db8::5 > 2001:db8:1::7 packet-too-big about a packet 110 bytes",
		{ V6, .protocol = PACKET_ICMPV6, .icmp_type = 2, .inner = &inner6 } },
	{ "IPv6 ICMPv6 2001:db8::5 > 2001:db8:1::7 echo-reply 62 bytes",
		{ V6, .protocol = PACKET_ICMPV6, .icmp_type = 129 } },
	{ "IPv4 ICMPv6 203.0.113.5 > 198.51.100.7 42 bytes", { V4, .protocol = PACKET_ICMPV6, .icmp_type = 129 } },
	{ "IPv4 GRE 203.0.113.5 > 198.51.100.7 with a packet from 192.0.2.33 66 bytes",
		{ V4, .protocol = PACKET_GRE, .inner = &inner } },
	{ "IPv4 IPIP 203.0.113.5 > 198.51.100.7 with a packet from 192.0.2.33 62 bytes",
		{ V4, .protocol = PACKET_IPIP, .inner = &inner } },
	{ "IPv4 SCTP 203.0.113.5:40000 > 198.51.100.7:9 46 bytes", { V4, .protocol = PACKET_SCTP } },
	{ "IPv4 protocol 253 203.0.113.5 > 198.51.100.7 34 bytes", { V4, .protocol = 253 } },
	/* With a fault, as far as it was read. */
	{ "no IP packet, 34 bytes", { V4, .ether_type = 0x0806, .protocol = 253 } },
	{ "IPv4 UDP 203.0.113.5 > 198.51.100.7 42 bytes",
		{ V4, .protocol = PACKET_UDP, .wrong = PACKET_WRONG_IP_CHECKSUM } },
	{ "IPv4 ICMP 203.0.113.5 > 198.51.100.7 42 bytes",
		{ V4, .protocol = PACKET_ICMP, .icmp_type = 8, .wrong = PACKET_WRONG_TTL_ZERO } },
	{ "IPv4 TCP 203.0.113.5:40000 > 198.51.100.7:9 SYN,FIN 54 bytes",
		{ V4, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN | PACKET_FIN } },
	{ "IPv4 UDP 203.0.113.5:0 > 198.51.100.7:9 42 bytes",
		{ V4, .protocol = PACKET_UDP, .wrong = PACKET_WRONG_SPORT_ZERO } },
};

static void test_describe(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char text[PACKET_TEXT_SIZE];
		uint8_t frame[256];
		struct packet packet;
		size_t size;

		assert_int_equal(packet_build(&rows[i].spec, frame, sizeof(frame), &size), 0);
		(void)packet_decode(frame, size, &packet);
		assert_ptr_equal(packet_describe(&packet, text), text);
		assert_string_equal(text, rows[i].line);
	}
}

/* Every part at once, each as long as it gets. No frame says all this, but a copy of the struct may. */
static void test_longest(void **state)
{
	char text[PACKET_TEXT_SIZE + 1];
	struct packet packet;

	memset(&packet, 0xff, sizeof(packet));
	packet.family = 6;
	text[PACKET_TEXT_SIZE] = 0x5a;
	for (int protocol = 0; protocol < 256; protocol++) {
		packet.protocol = (uint8_t)protocol;
		packet_describe(&packet, text);
		assert_non_null(strstr(text, " behind 255 tags 4294967295 bytes"));
		assert_int_equal(text[PACKET_TEXT_SIZE], 0x5a);
	}
}

static void test_fault_names(void **state)
{
	assert_string_equal(packet_fault_name(PACKET_OK), "ok");
	assert_string_equal(packet_fault_name(PACKET_TCP_FLAGS), "tcp-flags");
	assert_string_equal(packet_fault_name(PACKET_GRE_HEADER), "gre-header");
	assert_string_equal(packet_fault_name(PACKET_FAULT_COUNT), "unknown");
	assert_string_equal(packet_fault_name((enum packet_fault) - 1), "unknown");
	for (int left = 0; left < PACKET_FAULT_COUNT; left++) {
		for (int right = 0; right < left; right++)
			assert_string_not_equal(packet_fault_name(left), packet_fault_name(right));
	}
}

static void test_protocol_names(void **state)
{
	assert_string_equal(packet_protocol_name(PACKET_TCP), "TCP");
	assert_string_equal(packet_protocol_name(PACKET_SCTP), "SCTP");
	assert_null(packet_protocol_name(253));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_fault_names),
		cmocka_unit_test(test_protocol_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
