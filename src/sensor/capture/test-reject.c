// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/compiler.h"
#include "packet/build.h"
#include "sensor/capture/reject.h"

enum { ROOM = 2048 };

#define FROM  "192.0.2.1"
#define TO    "198.51.100.7"
#define FROM6 "2001:db8::1"
#define TO6   "2001:db8::7"

struct row {
	const char *name;
	struct packet_spec spec;
	bool to_sender;
	bool answered;
	uint8_t protocol, flags; /* of the answer */
	uint8_t type, code;
	uint32_t seq, ack;
};

static const struct row rows[] = {
	{ "SYN: reset and acknowledged (RFC 9293, 3.10.7.1)",
		{ .src = FROM, .dst = TO, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN, .tcp_seq = 1000 }, true,
		true, PACKET_TCP, PACKET_RST | PACKET_ACK, 0, 0, 0, 1001 },
	{ "data: reset where the sender expects it",
		{ .src = FROM,
			.dst = TO,
			.protocol = PACKET_TCP,
			.tcp_flags = PACKET_ACK | PACKET_PSH,
			.tcp_seq = 1000,
			.tcp_ack = 7000,
			.payload_size = 20 },
		true, true, PACKET_TCP, PACKET_RST, 0, 0, 7000, 0 },
	{ "data, the receiver's reset: in place of the segment",
		{ .src = FROM,
			.dst = TO,
			.protocol = PACKET_TCP,
			.tcp_flags = PACKET_ACK | PACKET_PSH,
			.tcp_seq = 1000,
			.tcp_ack = 7000,
			.payload_size = 20 },
		false, true, PACKET_TCP, PACKET_RST | PACKET_ACK, 0, 0, 1000, 7000 },
	{ "IPv6", { .src = FROM6, .dst = TO6, .protocol = PACKET_TCP, .tcp_flags = PACKET_SYN, .tcp_seq = 5 }, true,
		true, PACKET_TCP, PACKET_RST | PACKET_ACK, 0, 0, 0, 6 },
	{ "a reset is never answered",
		{ .src = FROM, .dst = TO, .protocol = PACKET_TCP, .tcp_flags = PACKET_RST, .tcp_seq = 1000 }, true,
		false, 0, 0, 0, 0, 0, 0 },
	{ "UDP: prohibited (RFC 1812, 5.2.7.1)",
		{ .src = FROM, .dst = TO, .protocol = PACKET_UDP, .dport = 53, .payload_size = 1000 }, true, true,
		PACKET_ICMP, 0, 3, 13, 0, 0 },
	{ "UDP over IPv6 (RFC 4443, 3.1)", { .src = FROM6, .dst = TO6, .protocol = PACKET_UDP, .dport = 53 }, true,
		true, PACKET_ICMPV6, 0, 1, 1, 0, 0 },
	{ "the receiver of a datagram is told nothing", { .src = FROM, .dst = TO, .protocol = PACKET_UDP, .dport = 53 },
		false, false, 0, 0, 0, 0, 0, 0 },
	{ "echo request", { .src = FROM, .dst = TO, .protocol = PACKET_ICMP, .icmp_type = 8 }, true, true, PACKET_ICMP,
		0, 3, 13, 0, 0 },
	{ "an ICMP error is never answered (RFC 1122, 3.2.2)",
		{ .src = FROM, .dst = TO, .protocol = PACKET_ICMP, .icmp_type = 3, .icmp_code = 1 }, true, false, 0, 0,
		0, 0, 0, 0 },
	{ "to many", { .src = FROM, .dst = "239.0.0.1", .protocol = PACKET_UDP, .dport = 53 }, true, false, 0, 0, 0, 0,
		0, 0 },
	{ "a fragment", { .src = FROM, .dst = TO, .protocol = PACKET_UDP, .more_fragments = true, .payload_size = 64 },
		true, false, 0, 0, 0, 0, 0, 0 },
	{ "a broken header",
		{ .src = FROM,
			.dst = TO,
			.protocol = PACKET_TCP,
			.tcp_flags = PACKET_SYN,
			.wrong = PACKET_WRONG_IP_CHECKSUM },
		true, false, 0, 0, 0, 0, 0, 0 },
};

static struct bytes build(const struct packet_spec *from, uint8_t *frame)
{
	size_t size = 0;

	assert_int_equal(packet_build(from, frame, ROOM, &size), 0);
	return bytes_of(frame, size);
}

static void check_row(const struct row *row)
{
	uint8_t frame[ROOM], out[ROOM];
	struct bytes whole = build(&row->spec, frame);
	struct packet asked, answer;
	size_t size = 0;
	int error =
		reject_build(bytes_skip(whole, 14), bytes_first(whole, 14), row->to_sender, out, sizeof(out), &size);

	print_message("%s\n", row->name);
	assert_int_equal(error == 0, row->answered);
	if (error)
		return;
	assert_int_equal(packet_decode(frame, whole.size, &asked), PACKET_OK);
	assert_int_equal(packet_decode(out, size, &answer), PACKET_OK);
	assert_int_equal(answer.protocol, row->protocol);
	assert_memory_equal(answer.dst.byte, row->to_sender ? asked.src.byte : asked.dst.byte, 16);
	assert_memory_equal(answer.src.byte, row->to_sender ? asked.dst.byte : asked.src.byte, 16);
	/* The frame goes back where it came from, or on to where it was going. */
	assert_memory_equal(out, frame + (row->to_sender ? 6 : 0), 6);
	if (row->protocol == PACKET_TCP) {
		assert_int_equal(answer.tcp_flags, row->flags);
		assert_int_equal(answer.tcp_seq, row->seq);
		assert_int_equal(answer.tcp_ack, row->ack);
		assert_int_equal(answer.dport, row->to_sender ? asked.sport : asked.dport);
	} else {
		assert_int_equal(answer.icmp_type, row->type);
		assert_int_equal(answer.icmp_code, row->code);
		assert_true(size <= 14 + (asked.family == 4 ? 576 : 1280));
	}
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_row(&rows[i]);
}

/* Cut anywhere: no answer, or one to what is whole; never a read outside. */
static void test_cut(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t frame[ROOM], out[ROOM];
		struct bytes whole = build(&rows[i].spec, frame);
		size_t size;

		for (size_t cut = 0; cut + 14 < whole.size; cut++)
			assert_int_not_equal(reject_build(bytes_of(frame + 14, cut), bytes_of(NULL, 0), true, out,
						     sizeof(out), &size),
				0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_cut) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
