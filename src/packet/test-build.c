// SPDX-License-Identifier: Apache-2.0
/* The builder against bytes that it did not make, and at its limits. That the decoder reads back what was put in, and
 * that what is made wrong is found wrong, is in test-packet.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "packet/build.h"

#define V4 .src = "203.0.113.5", .dst = "198.51.100.7"
#define V6 .src = "2001:db8::5", .dst = "2001:db8:1::7"

static const struct packet_spec nested = { V4, .protocol = PACKET_UDP };

static uint8_t frame[PACKET_BUILD_SIZE_MAX];

static size_t build(const struct packet_spec *spec)
{
	size_t size = 0;

	assert_int_equal(packet_build(spec, frame, sizeof(frame), &size), 0);
	return size;
}

/* Composed and summed by another program, in another language. */
static const struct {
	struct packet_spec spec;
	const char *hex;
} golden_rows[] = {
	{ { V4, .vlan_count = 1, .vlan = { { .id = 7 } }, .dont_fragment = true, .ip_id = 54321, .protocol = PACKET_TCP,
		  .sport = 4711, .dport = 443, .tcp_flags = PACKET_SYN, .tcp_seq = 0x01020304, .tcp_mss = 1460 },
		"0200000000020200000000018100000708004500002cd43140004006005acb007105c63364071267"
		"01bb01020304000000006002faf01ecd0000020405b4" },
	{ { V6, .tos = 0xb8, .flow_label = 0x12345, .extension_count = 1,
		  .extension = { { .protocol = PACKET_IPV6_OPTIONS } }, .protocol = PACKET_UDP, .sport = 53,
		  .dport = 4000, .payload = "hello", .payload_size = 5 },
		"02000000000202000000000186dd6b81234500153c4020010db80000000000000000000000052001"
		"0db8000100000000000000000007110001040000000000350fa0000d50ae68656c6c6f" },
	{ { V4, .no_link = true, .ttl = 3, .protocol = PACKET_ICMP, .icmp_type = 8, .icmp_rest = 0x12340001,
		  .payload = "ping", .payload_size = 4 },
		"45000020000000000301519dcb007105c6336407080006fa1234000170696e67" },
	{ { V4, .no_link = true, .protocol = PACKET_SCTP, .sport = 36412, .dport = 36412, .payload = "\1\0\0\4",
		  .payload_size = 4 },
		"450000240000000040841416cb007105c63364078e3c8e3c00000000b54d1aca01000004" },
	{ { V4, .label_count = 1, .label = { 100 }, .protocol = PACKET_GRE, .gre_flags = 0xb0, .gre_key = 5,
		  .gre_sequence = 6, .inner = &nested },
		"0200000000020200000000018847000641404500004000000000402f144fcb007105c6336407b000"
		"0800ae4e000000000005000000064500001c0000000040111491cb007105c63364079c4000090008"
		"fd53" },
	{ { V6, .no_link = true, .more_fragments = true, .fragment_id = 0x89abcdef, .protocol = PACKET_ICMPV6,
		  .icmp_type = 128, .icmp_rest = 0x00010002 },
		"6000000000102c4020010db800000000000000000000000520010db8000100000000000000000007"
		"3a00000189abcdef8000243b00010002" },
};

static void test_golden(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(golden_rows); i++) {
		const char *hex = golden_rows[i].hex;
		size_t size = build(&golden_rows[i].spec);

		print_message("row %zu\n", i);
		assert_int_equal(size * 2, strlen(hex));
		for (size_t byte = 0; byte < size; byte++) {
			const char digits[] = { hex[2 * byte], hex[2 * byte + 1], '\0' };

			assert_int_equal(frame[byte], strtoul(digits, NULL, 16));
		}
	}
}

/* The header that is worked out by hand in many texts: b861. */
static void test_checksum(void **state)
{
	static const uint8_t header[20] = { 0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0,
		0xa8, 0, 0xc7 };
	struct packet_spec spec = { .src = "192.168.0.1",
		.dst = "192.168.0.199",
		.protocol = PACKET_UDP,
		.dont_fragment = true,
		.payload_size = 0x73 - 28,
		.no_link = true };

	assert_int_equal(packet_checksum(header, sizeof(header)), 0xb861);
	assert_int_equal(packet_checksum("\x01", 1), 0xfeff);
	assert_int_equal(packet_checksum("\xff\xff\x00\x01", 4), 0xfffe);
	assert_int_equal(packet_checksum(NULL, 0), 0xffff);
	assert_int_equal(build(&spec), 0x73);
	assert_int_equal(packet_be16(frame + 10), 0xb861);
	assert_int_equal(packet_checksum(frame, 20), 0);
}

/* Zero means "no checksum" in UDP (RFC 768): a sum that comes out as zero travels as ffff. */
static void test_udp_zero_sum(void **state)
{
	struct packet_spec spec = { V4, .no_link = true, .protocol = PACKET_UDP, .payload_size = 2 };
	uint8_t payload[2] = { 0, 0 };
	uint16_t sum;

	spec.payload = payload;
	build(&spec);
	sum = packet_be16(frame + 26);
	/* The payload that brings the rest to zero is the checksum without it. */
	payload[0] = (uint8_t)(sum >> 8);
	payload[1] = (uint8_t)sum;
	build(&spec);
	assert_int_equal(packet_be16(frame + 26), 0xffff);
	spec.udp_no_checksum = true;
	build(&spec);
	assert_int_equal(packet_be16(frame + 26), 0);
}

static const struct {
	struct packet_spec spec;
	size_t at, size; /* of the checksum, in a packet without link header */
} checksum_rows[] = {
	{ { V4, .protocol = PACKET_TCP }, 36, 2 },
	{ { V6, .protocol = PACKET_TCP, .payload_size = 3 }, 56, 2 },
	{ { V4, .protocol = PACKET_UDP }, 26, 2 },
	{ { V4, .protocol = PACKET_ICMP }, 22, 2 },
	{ { V6, .protocol = PACKET_ICMPV6 }, 42, 2 },
	{ { V4, .protocol = PACKET_GRE, .gre_flags = PACKET_GRE_CHECKSUM }, 24, 2 },
	{ { V4, .protocol = PACKET_SCTP }, 28, 4 },
};

/* A spoiled checksum is the only change, and never the value that says "none". */
static void test_spoiled(void **state)
{
	static uint8_t right[PACKET_BUILD_SIZE_MAX];

	for (size_t i = 0; i < ARRAY_COUNT(checksum_rows); i++) {
		struct packet_spec spec = checksum_rows[i].spec;
		size_t at = checksum_rows[i].at, behind = at + checksum_rows[i].size, size;

		print_message("row %zu\n", i);
		spec.no_link = true;
		size = build(&spec);
		memcpy(right, frame, size);
		spec.wrong = PACKET_WRONG_L4_CHECKSUM;
		assert_int_equal(build(&spec), size);
		assert_memory_equal(frame, right, at);
		assert_memory_not_equal(frame + at, right + at, checksum_rows[i].size);
		assert_memory_equal(frame + behind, right + behind, size - behind);
		assert_int_not_equal(packet_be16(frame + at), 0);
	}
}

static const uint8_t long_text[4096];

static const struct {
	int error;
	struct packet_spec spec;
} refused_rows[] = {
	{ LUYTRE_E_SYNTAX, { .src = "203.0.113", .dst = "198.51.100.7" } },
	{ LUYTRE_E_SYNTAX, { .src = "203.0.113.5", .dst = "198.51.100.7/32" } },
	{ LUYTRE_E_SYNTAX, { .src = "", .dst = "198.51.100.7" } },
	{ LUYTRE_E_INVALID, { .dst = "198.51.100.7" } },
	{ LUYTRE_E_INVALID, { .src = "198.51.100.7" } },
	{ LUYTRE_E_INVALID, { V4, .protocol = PACKET_GRE, .inner = &(const struct packet_spec){ .protocol = 1 } } },
	{ LUYTRE_E_INVALID, { V4, .inner = &(const struct packet_spec){ V4,
					  .inner = &(const struct packet_spec){ V4, .inner = &nested } } } },
	{ LUYTRE_E_CONFLICT, { .src = "203.0.113.5", .dst = "2001:db8::7" } },
	{ LUYTRE_E_CONFLICT, { V4, .extension_count = 1 } },
	{ LUYTRE_E_RANGE, { V4, .vlan_count = PACKET_BUILD_TAGS_MAX + 1 } },
	{ LUYTRE_E_RANGE, { V4, .label_count = PACKET_BUILD_LABELS_MAX + 1 } },
	{ LUYTRE_E_RANGE, { V4, .label_count = 1, .label = { 1 << 20 } } },
	{ LUYTRE_E_RANGE, { V6, .extension_count = PACKET_BUILD_EXTENSIONS_MAX + 1 } },
	{ LUYTRE_E_RANGE, { V6, .extension_count = 1,
				  .extension = { { .protocol = 60, .body = long_text, .body_size = 2047 } } } },
	{ LUYTRE_E_RANGE, { V6, .flow_label = 1 << 20 } },
	{ LUYTRE_E_RANGE, { V4, .ip_options = long_text, .ip_options_size = 41 } },
	{ LUYTRE_E_RANGE, { V4, .protocol = PACKET_TCP, .tcp_options = long_text, .tcp_options_size = 41 } },
	{ LUYTRE_E_RANGE,
		{ V4, .protocol = PACKET_TCP, .tcp_mss = 1, .tcp_options = long_text, .tcp_options_size = 37 } },
	{ LUYTRE_E_RANGE, { V4, .protocol = PACKET_TCP, .tcp_options = long_text, .tcp_options_size = (size_t)-1 } },
	{ LUYTRE_E_RANGE, { V4, .fragment_offset = 9 } },
	{ LUYTRE_E_RANGE, { V4, .protocol = 253, .payload_size = 65516 } },
	{ LUYTRE_E_RANGE, { V6, .protocol = 253, .payload_size = 65536 } },
	{ LUYTRE_E_RANGE, { V4, .protocol = PACKET_UDP, .transport_cut = 9 } },
	{ LUYTRE_E_RANGE, { V4, .protocol = PACKET_UDP, .cut = 29 } },
	{ LUYTRE_E_RANGE, { V4, .trailer = PACKET_BUILD_TRAILER_MAX + 1 } },
	{ LUYTRE_E_FULL, { V6, .protocol = 253, .payload_size = (size_t)-1 } },
};

static void test_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(refused_rows); i++) {
		size_t size = 12345;

		print_message("row %zu\n", i);
		assert_int_equal(
			packet_build(&refused_rows[i].spec, frame, sizeof(frame), &size), refused_rows[i].error);
		assert_int_equal(size, 12345);
	}
}

/* With a byte too little it is refused, and nothing is written behind the room. */
static void test_room(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(golden_rows); i++) {
		size_t whole = build(&golden_rows[i].spec), size;

		for (size_t room = 0; room < whole; room++) {
			uint8_t *out = test_malloc(room + 1);

			out[room] = 0xa5;
			assert_int_equal(packet_build(&golden_rows[i].spec, out, room, &size), LUYTRE_E_FULL);
			assert_int_equal(out[room], 0xa5);
			test_free(out);
		}
		assert_int_equal(packet_build(&golden_rows[i].spec, frame, whole, &size), 0);
	}
}

/* The most of everything fits into the room that the header promises. */
static void test_largest(void **state)
{
	struct packet_spec spec = { V6, .vlan_count = PACKET_BUILD_TAGS_MAX, .label_count = PACKET_BUILD_LABELS_MAX,
		.protocol = 253, .payload_size = 65535, .trailer = PACKET_BUILD_TRAILER_MAX };

	assert_int_equal(build(&spec),
		14 + 4 * PACKET_BUILD_TAGS_MAX + 4 * PACKET_BUILD_LABELS_MAX + 40 + 65535 + PACKET_BUILD_TRAILER_MAX);
}

static void test_number_addresses(void **state)
{
	static uint8_t by_text[PACKET_BUILD_SIZE_MAX];
	struct packet_spec text = { V6, .protocol = PACKET_UDP }, number = { .protocol = PACKET_UDP };
	struct ip_addr src, dst;
	size_t size = build(&text);

	memcpy(by_text, frame, size);
	assert_int_equal(ip_addr_parse(bytes_from_str(text.src), &src), 0);
	assert_int_equal(ip_addr_parse(bytes_from_str(text.dst), &dst), 0);
	number.src_addr = &src;
	number.dst_addr = &dst;
	assert_int_equal(build(&number), size);
	assert_memory_equal(frame, by_text, size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_udp_zero_sum),
		cmocka_unit_test(test_spoiled),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_number_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
