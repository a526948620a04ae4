// SPDX-License-Identifier: Apache-2.0
/* Group C of the catalogue: each row of reflection.h makes one case, so no row can be without one.
 *
 * The packet has exactly the bytes that the row looks for and the smallest size that it takes. It is dropped at a closed
 * port and, unless the row only limits, at an open one. The good packet is the same one, byte by byte, where somebody
 * inside asked for it or the tenant opened the row. */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "case.h"

enum { REFLECT_DROP, REFLECT_LIMIT, HIGH_PORT = 33333 };

static const struct row {
	const char *name, *vectors;
	uint16_t port, size_min;
	int action;
	uint8_t value[17];
	enum shield_reason reason;
} rows[] = {
#define X(id, name_, vectors_, first, last, min, max, action_, value_, mask, what)                                     \
	{ name_, vectors_, first, min, REFLECT_##action_, value_, SHIELD_REASON_REFLECT_##id },
	SHIELD_REFLECT_ROWS(X)
#undef X
};

static uint8_t payloads[ARRAY_COUNT(rows)][600];
static char names[ARRAY_COUNT(rows)][48];
static struct shield_case cases[ARRAY_COUNT(rows)];

static struct packet_spec reply(size_t at, const char *dst, uint16_t dport)
{
	return (struct packet_spec){ .src = GUEST,
		.dst = dst,
		.protocol = PACKET_UDP,
		.sport = rows[at].port ? rows[at].port : HIGH_PORT,
		.dport = dport,
		.payload = payloads[at],
		.payload_size = rows[at].size_min };
}

static void make(size_t at)
{
	const struct row *row = &rows[at];
	struct shield_case *c = &cases[at];

	memcpy(payloads[at], row->value, 16);
	strcpy(names[at], "reflect-");
	strcat(names[at], row->name);
	c->vectors = row->vectors;
	c->name = names[at];
	c->steps[0] = (struct case_step){ .reason = row->reason, .packet = reply(at, SITE, CASE_PORT_CLOSED) };
	c->steps[1] = (struct case_step){ .reason = row->action == REFLECT_LIMIT ? SHIELD_REASON_PASSED : row->reason,
		.packet = reply(at, SITE, CASE_PORT_OPEN) };
	c->steps[2] = (struct case_step){ .outbound = true,
		.packet = { .src = SITE,
			.dst = GUEST,
			.protocol = PACKET_UDP,
			.sport = CASE_PORT_CLOSED,
			.dport = c->steps[0].packet.sport,
			.payload_size = 20 } };
	c->steps[3] = (struct case_step){ .reason = SHIELD_REASON_PASSED, .packet = c->steps[0].packet };
	c->steps[4] =
		(struct case_step){ .reason = SHIELD_REASON_PASSED, .packet = reply(at, RESOLVER, CASE_PORT_CLOSED) };
}

struct case_table cases_reflection(void)
{
	if (!cases[0].name)
		for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
			make(i);
	return (struct case_table){ cases, ARRAY_COUNT(cases) };
}

const struct shield_case *case_at(size_t index)
{
	const struct case_table tables[] = { cases_tcp, cases_udp, cases_reflection(), cases_ip, cases_limits,
		cases_plain };

	for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
		if (index < tables[i].count)
			return &tables[i].cases[index];
		index -= tables[i].count;
	}
	return NULL;
}
