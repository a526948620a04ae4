// SPDX-License-Identifier: Apache-2.0
/* Group A of the catalogue: TCP. */
#include "case.h"

#include "base/compiler.h"
#include "shield/abi.h"

#define SYN_TO(dst_) FROM(GUEST, dst_), TCP(PACKET_SYN, 443), .tcp_mss = 1460
#define ACK_TO(dst_) FROM(GUEST, dst_), TCP(PACKET_ACK, 443), .tcp_seq = 1, .tcp_ack = 1
/* What a server outside answers: from a service port to a client's port. */
#define ANSWER(flags_)   FROM(GUEST, SITE), .sport = 443, TCP(flags_, CASE_PORT_CLOSED)
#define QUESTION(flags_) FROM(SITE, GUEST), .sport = CASE_PORT_CLOSED, TCP(flags_, 443)
#define HTTP_BLOCK_PAGE  "HTTP/1.1 403 Forbidden\r\n"
#define SEES             .globals = SHIELD_GLOBAL_SEES_OUTBOUND
#define ACK_PSH          (PACKET_ACK | PACKET_PSH)

static const uint8_t mss_100[] = { 2, 4, 0, 100 };

static const struct shield_case cases[] = {
	/* A1, A15, A16: the challenge */
	{ "A1,A15", "syn-challenged", .enforced_only = true,
		.steps = { IN(CHALLENGED, SYN_TO(CHALLENGED)), PROOF, GOOD(SYN_TO(CHALLENGED)),
			GOOD(ACK_TO(CHALLENGED)) } },
	{ "A1,A15", "syn-challenged-ipv6", .enforced_only = true,
		.steps = { IN(CHALLENGED, FROM(GUEST6, CHALLENGED6), TCP(PACKET_SYN, 443), .tcp_mss = 1440), PROOF,
			GOOD(FROM(GUEST6, CHALLENGED6), TCP(PACKET_SYN, 443), .tcp_mss = 1440) } },
	{ "A1", "syn-challenged-under-attack", .attack = SHIELD_ATTACK_SYN,
		.steps = { IN(CHALLENGED, SYN_TO(AUTO)), GOOD(ACK_TO(AUTO)) } },
	{ "A1", "syn-in-peace", .steps = { GOOD(SYN_TO(AUTO)) } },
	{ "A1", "syn-rate-of-tenant", .steps = { UNTIL(LIMIT_SYN, 2, SAME, SYN_TO(CLASSES)), GOOD(ACK_TO(CLASSES)) } },
	{ "A16", "wrong-proof", .enforced_only = true,
		.steps = { IN(CHALLENGED, SYN_TO(CHALLENGED)),
			{ .proof_wrong = true, .reason = SHIELD_REASON_CHALLENGE_WRONG },
			IN(CHALLENGED, SYN_TO(CHALLENGED)), PROOF, GOOD(SYN_TO(CHALLENGED)) } },
	{ "A16", "proof-without-challenge",
		.steps = { IN(CHALLENGE_WRONG, FROM(GUEST, CHALLENGED), TCP(PACKET_RST, 443), .tcp_seq = 7),
			GOOD(ACK_TO(CHALLENGED)) } },
	{ "A16", "proof-of-another-source", .enforced_only = true,
		.steps = { IN(CHALLENGED, SYN_TO(CHALLENGED)), PROOF, GOOD(SYN_TO(CHALLENGED)),
			IN(CHALLENGED, FROM(OTHER, CHALLENGED), TCP(PACKET_SYN, 443), .tcp_mss = 1460) } },

	/* A2, A12, H7: real sources that open too many connections */
	{ "A2,A12,H7", "syn-rate-of-source",
		.steps = { UNTIL(LIMIT_SOURCE_SYN, 2, SAME, SYN_TO(PER_SOURCE)),
			GOOD(FROM(OTHER, PER_SOURCE), TCP(PACKET_SYN, 443), .tcp_mss = 1460) } },
	{ "A2", "syn-rate-of-source-ipv6",
		.steps = { UNTIL(LIMIT_SOURCE_SYN, 2, SAME, FROM(GUEST6, PER_SOURCE6), TCP(PACKET_SYN, 443)),
			GOOD(FROM("2001:db8:5::6", PER_SOURCE6), TCP(PACKET_SYN, 443)) } },

	/* A3, A14, A17: what a SYN may carry */
	{ "A3", "syn-with-data",
		.steps = { IN(SYN_DATA, SYN_TO(SITE), .payload_size = 1000), GOOD(SYN_TO(SITE)),
			GOOD(FROM(GUEST, SITE), TCP(ACK_PSH, 443), .payload_size = 1000) } },
	{ "A3", "fast-open-not-allowed",
		.steps = { IN(SYN_DATA, SYN_TO(SITE), .tcp_fast_open = true, .payload_size = 100),
			GOOD(SYN_TO(SITE), .tcp_fast_open = true),
			GOOD(SYN_TO(OPEN), .tcp_fast_open = true, .payload_size = 100) } },
	{ "A14", "small-mss",
		.steps = { IN(SYN_MSS, FROM(GUEST, SITE), TCP(PACKET_SYN, 443), .tcp_options = mss_100,
				   .tcp_options_size = sizeof(mss_100)),
			IN(SYN_MSS, FROM(GUEST, SITE), TCP(PACKET_SYN, 443), .tcp_mss = 499),
			GOOD(FROM(GUEST, SITE), TCP(PACKET_SYN, 443), .tcp_mss = 500),
			GOOD(FROM(GUEST, SITE), TCP(PACKET_SYN, 443)),
			GOOD(FROM(GUEST, OPEN), TCP(PACKET_SYN, 443), .tcp_mss = 100) } },
	{ "A17", "fast-open-while-challenged",
		.steps = { IN(SYN_FAST_OPEN, SYN_TO(CHALLENGED), .tcp_fast_open = true, .payload_size = 100),
			IN(SYN_FAST_OPEN, SYN_TO(CHALLENGED), .tcp_fast_open = true),
			GOOD(SYN_TO(OPEN), .tcp_fast_open = true) } },

	/* A4, A5, C52: answers to nobody */
	{ "A4,C52", "syn-ack-to-nobody",
		.steps = { IN(OUT_OF_STATE, ANSWER(PACKET_SYN | PACKET_ACK)), OUT(QUESTION(PACKET_SYN)),
			GOOD(ANSWER(PACKET_SYN | PACKET_ACK)) } },
	{ "A4,C52", "syn-ack-to-open-port",
		.steps = { IN(OUT_OF_STATE, FROM(GUEST, SITE), .sport = 443, TCP(PACKET_SYN | PACKET_ACK, 443)),
			GOOD(SYN_TO(SITE)) } },
	{ "A4", "syn-ack-seen-from-both-sides", SEES,
		.steps = { IN(OUT_OF_STATE, FROM(GUEST, CLIENTS), .sport = 443,
				   TCP(PACKET_SYN | PACKET_ACK, CASE_PORT_CLOSED)),
			OUT(FROM(CLIENTS, GUEST), .sport = CASE_PORT_CLOSED, TCP(PACKET_SYN, 443)),
			GOOD(FROM(GUEST, CLIENTS), .sport = 443, TCP(PACKET_SYN | PACKET_ACK, CASE_PORT_CLOSED)) } },
	{ "A4", "syn-ack-limited-when-blind",
		.steps = { UNTIL(LIMIT_REPLY, 2, SAME, FROM(GUEST, CLASSES), .sport = 443,
				   TCP(PACKET_SYN | PACKET_ACK, CASE_PORT_CLOSED)),
			GOOD(SYN_TO(CLASSES)) } },
	{ "A5", "middlebox-block-page",
		.steps = { IN(OUT_OF_STATE, ANSWER(ACK_PSH), DATA(HTTP_BLOCK_PAGE)),
			IN(OUT_OF_STATE, ANSWER(PACKET_RST | PACKET_ACK)), OUT(QUESTION(PACKET_SYN)),
			GOOD(ANSWER(ACK_PSH), DATA(HTTP_BLOCK_PAGE)) } },

	/* A6 to A8: floods inside connections */
	{ "A6", "ack-flood", SEES, .attack = SHIELD_ATTACK_TCP,
		.steps = { IN(UNPROVEN, ACK_TO(SITE)), OUT(FROM(SITE, GUEST), .sport = 443, TCP(PACKET_ACK, 40000)),
			GOOD(ACK_TO(SITE)) } },
	{ "A6", "ack-in-peace", SEES, .steps = { GOOD(ACK_TO(SITE)) } },
	{ "A6", "ack-flood-blind", .attack = SHIELD_ATTACK_TCP, .steps = { GOOD(ACK_TO(SITE)) } },
	{ "A6", "ack-rate-of-tenant", .steps = { UNTIL(LIMIT_TCP, 2, SAME, ACK_TO(CLASSES)), GOOD(SYN_TO(CLASSES)) } },
	{ "A7", "push-rate-of-tenant",
		.steps = { UNTIL(LIMIT_TCP, 2, SAME, FROM(GUEST, CLASSES), TCP(ACK_PSH, 443), .payload_size = 500),
			GOOD(SYN_TO(CLASSES)) } },
	{ "A8", "rst-rate-of-tenant",
		.steps = { UNTIL(LIMIT_TCP, 2, SAME, FROM(GUEST, CLASSES), TCP(PACKET_RST, 443)),
			GOOD(SYN_TO(CLASSES)) } },
	{ "A7", "push-flood", SEES, .attack = SHIELD_ATTACK_TCP,
		.steps = { IN(UNPROVEN, FROM(GUEST, SITE), TCP(ACK_PSH, 443), .payload_size = 500),
			OUT(FROM(SITE, GUEST), .sport = 443, TCP(PACKET_ACK, 40000)),
			GOOD(FROM(GUEST, SITE), TCP(ACK_PSH, 443), .payload_size = 500) } },
	{ "A8", "rst-and-fin-flood", SEES, .attack = SHIELD_ATTACK_TCP,
		.steps = { IN(UNPROVEN, FROM(GUEST, SITE), TCP(PACKET_RST, 443)),
			IN(UNPROVEN, FROM(GUEST, SITE), TCP(PACKET_FIN | PACKET_ACK, 443)),
			OUT(FROM(SITE, GUEST), .sport = 443, TCP(PACKET_ACK, 40000)),
			GOOD(FROM(GUEST, SITE), TCP(PACKET_RST, 443)),
			GOOD(FROM(GUEST, SITE), TCP(PACKET_FIN | PACKET_ACK, 443)) } },
	{ "A6,A15", "proven-source-under-attack", SEES, .attack = SHIELD_ATTACK_TCP, .enforced_only = true,
		.steps = { IN(UNPROVEN, ACK_TO(CHALLENGED)), IN(CHALLENGED, SYN_TO(CHALLENGED)), PROOF,
			GOOD(ACK_TO(CHALLENGED)) } },

	/* A9, A10, A11: what no TCP sends */
	{ "A9", "no-flags", .steps = { IN(TCP_FLAGS, FROM(GUEST, SITE), TCP(0, 443)), GOOD(ACK_TO(SITE)) } },
	{ "A9", "xmas",
		.steps = { IN(TCP_FLAGS, FROM(GUEST, SITE), TCP(PACKET_FIN | PACKET_PSH | PACKET_URG, 443)),
			GOOD(FROM(GUEST, SITE), TCP(PACKET_FIN | PACKET_PSH | PACKET_URG | PACKET_ACK, 443)) } },
	{ "A9", "syn-with-fin-or-rst",
		.steps = { IN(TCP_FLAGS, FROM(GUEST, SITE), TCP(PACKET_SYN | PACKET_FIN, 443)),
			IN(TCP_FLAGS, FROM(GUEST6, SITE6), TCP(PACKET_SYN | PACKET_RST, 443)), GOOD(SYN_TO(SITE)),
			GOOD(FROM(GUEST6, SITE6), TCP(PACKET_SYN, 443)) } },
	{ "A9", "fin-without-ack",
		.steps = { IN(TCP_FLAGS, FROM(GUEST, SITE), TCP(PACKET_FIN, 443)),
			GOOD(FROM(GUEST, SITE), TCP(PACKET_FIN | PACKET_ACK, 443)) } },
	{ "A10", "tcp-offset",
		.steps = { IN(TCP_HEADER, ACK_TO(SITE), .tcp_header_change = -1),
			IN(TCP_HEADER, ACK_TO(SITE), .tcp_header_change = 1),
			IN(TCP_HEADER, ACK_TO(SITE), .transport_cut = 4), GOOD(ACK_TO(SITE)) } },
	{ "A10", "tcp-port-zero",
		.steps = { IN(PORT_ZERO, ACK_TO(SITE), .wrong = PACKET_WRONG_SPORT_ZERO),
			IN(PORT_ZERO, ACK_TO(SITE), .wrong = PACKET_WRONG_DPORT_ZERO), GOOD(ACK_TO(SITE)) } },
	{ "A11", "land",
		.steps = { IN(LAND, FROM(SITE, SITE), .sport = 443, TCP(PACKET_SYN, 443)),
			IN(LAND, FROM(SITE6, SITE6), .sport = 443, TCP(PACKET_SYN, 443)), GOOD(SYN_TO(SITE)) } },
};

const struct case_table cases_tcp = { cases, ARRAY_COUNT(cases) };
