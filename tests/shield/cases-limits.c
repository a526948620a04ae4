// SPDX-License-Identifier: Apache-2.0
/* Rates, full tables and budgets: what only many packets show. Each rate is one packet a second here, so that the first
 * passes and the next does not, whatever the machine. */
#include "case.h"

#include "base/compiler.h"
#include "shield/abi.h"

#define DATAGRAM(src_, dst_) FROM(src_, dst_), UDP(40000, CASE_PORT_OPEN, 64)
#define SYN_TO(src_, dst_)   FROM(src_, dst_), TCP(PACKET_SYN, 443), .tcp_mss = 1460
#define PING(src_, dst_)     FROM(src_, dst_), ICMP(8, 0)

#define DNS_QUERY  "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02vn\x00\x00\x01\x00\x01"
#define SIP_INVITE "INVITE sip:operator@example.vn SIP/2.0\r\n"
#define GAME_QUERY "\xff\xff\xff\xffTSource Engine Query\0"

static const uint8_t dns_answer[64] = { 1, 2, 0x81, 0x80, 0, 1, 0, 1 };

static const struct shield_case cases[] = {
	{ "B1,B2,F5", "rate-of-source",
		.steps = { UNTIL(LIMIT_SOURCE, 2, SAME, DATAGRAM(GUEST, PER_SOURCE)),
			GOOD(DATAGRAM(OTHER, PER_SOURCE)) } },
	{ "B1,F5", "rate-of-source-ipv6",
		.steps = { UNTIL(LIMIT_SOURCE, 2, SAME, DATAGRAM(GUEST6, PER_SOURCE6)),
			GOOD(DATAGRAM("2001:db8:5::6", PER_SOURCE6)) } },
	{ "B5", "dns-query-rate",
		.steps = { UNTIL(LIMIT_SOURCE, 2, SAME, FROM(GUEST, PER_SOURCE), UDP_DATA(40000, 53, DNS_QUERY)),
			GOOD(FROM(OTHER, PER_SOURCE), UDP_DATA(40000, 53, DNS_QUERY)) } },
	{ "B11", "sip-rate",
		.steps = { UNTIL(LIMIT_SOURCE, 2, SAME, FROM(GUEST, PER_SOURCE), UDP_DATA(5060, 5060, SIP_INVITE)),
			GOOD(FROM(OTHER, PER_SOURCE), UDP_DATA(5060, 5060, SIP_INVITE)) } },
	{ "B12", "game-query-rate",
		.steps = { UNTIL(LIMIT_SOURCE, 2, SAME, FROM(GUEST, PER_SOURCE), UDP_DATA(40000, 27015, GAME_QUERY)),
			GOOD(FROM(OTHER, PER_SOURCE), UDP_DATA(40000, 27015, GAME_QUERY)) } },
	{ "F5", "rate-of-slash-24",
		.steps = { UNTIL(LIMIT_PREFIX, 3, VARY_SOURCE, DATAGRAM("203.0.113.1", PER_PREFIX)),
			GOOD(DATAGRAM("192.0.2.1", PER_PREFIX)) } },
	{ "F5,E7", "rate-of-slash-64",
		.steps = { UNTIL(LIMIT_PREFIX, 3, VARY_SOURCE, DATAGRAM(GUEST6, PER_PREFIX6)),
			GOOD(DATAGRAM("2001:db8:5:1::5", PER_PREFIX6)) } },
	{ "E7", "rate-of-slash-56",
		.steps = { GOOD(DATAGRAM("2001:db8:5:100::5", PER_56)),
			IN(LIMIT_PREFIX56, DATAGRAM("2001:db8:5:1ff::6", PER_56)),
			GOOD(DATAGRAM("2001:db8:5:200::5", PER_56)) } },
	{ "E7", "rate-of-slash-48",
		.steps = { GOOD(DATAGRAM("2001:db8:5:100::5", PER_48)),
			IN(LIMIT_PREFIX48, DATAGRAM("2001:db8:5:f100::6", PER_48)),
			GOOD(DATAGRAM("2001:db8:6:100::5", PER_48)) } },
	{ "B1,B2", "udp-rate-of-tenant",
		.steps = { UNTIL(LIMIT_UDP, 3, VARY_SOURCE, DATAGRAM("203.0.113.1", CLASSES)),
			GOOD(SYN_TO(GUEST, CLASSES)) } },
	{ "B13", "icmp-rate-of-tenant",
		.steps = { UNTIL(LIMIT_ICMP, 3, VARY_SOURCE, PING("203.0.113.1", CLASSES)),
			GOOD(DATAGRAM(GUEST, CLASSES)) } },
	{ "B1", "total-rate-of-tenant",
		.steps = { UNTIL(LIMIT_TOTAL, 3, VARY_SOURCE, DATAGRAM("203.0.113.1", TOTAL)),
			GOOD(DATAGRAM("203.0.113.2", SITE)) } },
	{ "C1", "reply-rate-of-tenant",
		.steps = { UNTIL(LIMIT_REPLY, 3, VARY_SOURCE, FROM("203.0.113.1", CLASSES), .protocol = PACKET_UDP,
				   .sport = 53, .dport = CASE_PORT_OPEN, .payload = dns_answer,
				   .payload_size = sizeof(dns_answer)),
			GOOD(DATAGRAM(GUEST, CLASSES)) } },

	/* E5: a scan of the tenant's /64 */
	{ "E5", "new-neighbours", .attack = SHIELD_ATTACK_DESTINATION,
		.steps = { { .reason = SHIELD_REASON_LIMIT_DESTINATION,
				   .tries = 30000,
				   .at_least = 1000,
				   .vary = CASE_VARY_DESTINATION,
				   .packet = { FROM(GUEST6, SITE6), ICMP6(128, 0) } },
			GOOD(PING(GUEST, SITE)) } },

	/* F8, F10, F11: the shield itself as the target */
	{ "F8", "table-full-closed",
		.steps = { UNTIL(TABLE_FULL, 1000, VARY_SOURCE, DATAGRAM("10.0.0.1", FULL)),
			GOOD(DATAGRAM(GUEST, SITE)) } },
	{ "F8", "table-full-open",
		.steps = { { .reason = SHIELD_REASON_PASSED,
				   .tries = 1000,
				   .at_least = 1000,
				   .vary = CASE_VARY_SOURCE,
				   .packet = { DATAGRAM("10.0.0.1", FULL_OPEN) } },
			GOOD(DATAGRAM(GUEST, FULL_OPEN)) } },
	{ "F11", "full-table-of-another-tenant",
		.steps = { UNTIL(LIMIT_SOURCE, 2, SAME, DATAGRAM(GUEST, PER_SOURCE)),
			{ .reason = SHIELD_REASON_PASSED,
				.tries = 1000,
				.at_least = 1000,
				.vary = CASE_VARY_SOURCE,
				.packet = { DATAGRAM("10.0.0.1", FULL_OPEN) } },
			IN(LIMIT_SOURCE, DATAGRAM(GUEST, PER_SOURCE)), GOOD(DATAGRAM(OTHER, PER_SOURCE)) } },
	{ "F10", "challenge-budget",
		.steps = { { .reason = SHIELD_REASON_CHALLENGE_BUDGET,
				   .before = SHIELD_REASON_CHALLENGED,
				   .tries = 3,
				   .at_least = 2,
				   .vary = CASE_VARY_SOURCE,
				   .packet = { SYN_TO("203.0.113.1", BUDGET) } },
			GOOD(FROM(GUEST, BUDGET), TCP(PACKET_ACK, 443)) } },
	{ "F10", "nothing-is-sent-in-answer-to-an-answer", .enforced_only = true,
		.steps = { IN(CHALLENGED, SYN_TO(GUEST, CHALLENGED)),
			IN(CHALLENGE_WRONG, FROM(GUEST, CHALLENGED), TCP(PACKET_RST, 443), .tcp_seq = 5),
			GOOD(FROM(GUEST, CHALLENGED), TCP(PACKET_ACK, 443)) } },
};

const struct case_table cases_limits = { cases, ARRAY_COUNT(cases) };
