// SPDX-License-Identifier: Apache-2.0
/* Which protocol do the first bytes of a direction speak?
 *
 * Patterns of all protocols lie in one table for each transport and direction; only a flow's first bytes are compared, so
 * a plain scan is enough. A pattern may have a function that confirms it. Probes are asked on their ports, after the
 * patterns. Detection of a direction is over when more bytes than any pattern needs are there and every probe has said
 * no. */
#include "sensor/app/internal.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/error.h"
#include "sensor/flow/flow.h"

struct counts {
	unsigned int patterns[SENSOR_DIRS], probes;
};

static void count_rows(const struct app_protocol *protocol, struct counts *counts)
{
	for (const struct app_pattern *pattern = protocol->patterns; pattern && pattern->size != 0; pattern++)
		counts->patterns[pattern->dir]++;
	for (const struct app_port_probe *probe = protocol->probes; probe && probe->transport != 0; probe++)
		counts->probes++;
}

static void add_patterns(struct app_state *state, unsigned int transport, const struct app_protocol *protocol)
{
	for (const struct app_pattern *pattern = protocol->patterns; pattern && pattern->size != 0; pattern++) {
		unsigned int *count = &state->pattern_count[transport][pattern->dir];
		uint32_t *depth = &state->pattern_depth[transport][pattern->dir];

		state->patterns[transport][pattern->dir][(*count)++] = (struct app_pattern_row){ protocol, pattern };
		if (pattern->depth > *depth)
			*depth = pattern->depth;
	}
}

static int add_probes(struct app_state *state, unsigned int transport, const struct app_slot *slot)
{
	for (const struct app_port_probe *probe = slot->protocol->probes; probe && probe->transport != 0; probe++) {
		struct app_probe_row row = { .protocol = slot->protocol, .probe = probe };
		int error = 0;

		if (app_transport(probe->transport) != transport)
			continue;
		if (slot->has_ports[transport] && probe->ports[0] != '\0')
			row.ports = slot->ports[transport];
		else
			error = app_ports_parse(probe->ports, &row.ports);
		if (error != 0)
			return error;
		state->probes[transport][state->probe_count[transport]++] = row;
	}
	return 0;
}

static int tables_for(struct app_state *state, unsigned int transport)
{
	struct counts counts = { 0 };

	for (unsigned int i = 0; i < state->slot_count; i++)
		count_rows(state->slots[i].protocol, &counts);
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		state->patterns[transport][dir] =
			calloc(counts.patterns[dir] + 1, sizeof(*state->patterns[transport][dir]));
		if (!state->patterns[transport][dir])
			return LUYTRE_E_NOMEM;
	}
	state->probes[transport] = calloc(counts.probes + 1, sizeof(*state->probes[transport]));
	if (!state->probes[transport])
		return LUYTRE_E_NOMEM;
	for (unsigned int i = 0; i < state->slot_count; i++) {
		const struct app_slot *slot = &state->slots[i];
		int error;

		if (!slot->detect[transport])
			continue;
		add_patterns(state, transport, slot->protocol);
		error = add_probes(state, transport, slot);
		if (error != 0)
			return error;
	}
	return 0;
}

int app_detect_tables(struct app_state *state)
{
	int error = tables_for(state, 0);

	return error != 0 ? error : tables_for(state, 1);
}

void app_detect_tables_free(struct app_state *state)
{
	for (unsigned int transport = 0; transport < APP_TRANSPORTS; transport++) {
		free(state->patterns[transport][TO_SERVER]);
		free(state->patterns[transport][TO_CLIENT]);
		free(state->probes[transport]);
	}
}

/* ---- Patterns ---- */

static bool same_bytes(const uint8_t *data, const struct app_pattern *pattern)
{
	if (!pattern->nocase)
		return memcmp(data, pattern->text, pattern->size) == 0;
	return ascii_equal_nocase(bytes_of(data, pattern->size), bytes_of(pattern->text, pattern->size));
}

static bool pattern_found(const struct app_pattern *pattern, struct bytes data)
{
	size_t end = data.size < pattern->depth ? data.size : pattern->depth;

	for (size_t at = pattern->offset; at + pattern->size <= end; at++)
		if (same_bytes(data.ptr + at, pattern))
			return true;
	return false;
}

struct scan {
	struct app_conn *conn;
	struct bytes data;
	bool more; /* a confirmation waits for bytes */
};

static struct app_found scan_patterns(
	struct app_state *state, struct scan *scan, unsigned int transport, enum sensor_dir dir)
{
	const struct app_pattern_row *rows = state->patterns[transport][dir];

	for (unsigned int i = 0; i < state->pattern_count[transport][dir]; i++) {
		const struct app_pattern *pattern = rows[i].pattern;
		enum app_probe_answer answer = APP_PROBE_YES;

		if (!pattern_found(pattern, scan->data))
			continue;
		if (pattern->confirm)
			answer = pattern->confirm(scan->conn->flow, dir, scan->data);
		if (answer == APP_PROBE_YES || answer == APP_PROBE_REVERSED)
			return (struct app_found){ rows[i].protocol, answer == APP_PROBE_REVERSED, true };
		if (answer == APP_PROBE_MORE)
			scan->more = true;
	}
	return (struct app_found){ 0 };
}

/* ---- Ports ---- */

static bool row_answers(
	const struct app_probe_row *row, struct scan *scan, enum sensor_dir dir, enum app_probe_answer *ret_answer)
{
	app_probe_fn probe = dir == TO_SERVER ? row->probe->to_server : row->probe->to_client;

	if (!probe)
		return false;
	if (scan->data.size < row->probe->min_size) {
		scan->more = true;
		return false;
	}
	*ret_answer = probe(scan->conn->flow, dir, scan->data);
	if (*ret_answer == APP_PROBE_MORE)
		scan->more = true;
	return *ret_answer == APP_PROBE_YES || *ret_answer == APP_PROBE_REVERSED;
}

static struct app_found scan_probes(
	struct app_state *state, struct scan *scan, unsigned int transport, enum sensor_dir dir, bool may_reverse)
{
	const struct flow *flow = scan->conn->flow;
	uint16_t server_port = scan->conn->server_port ? scan->conn->server_port : flow->server_port;

	for (unsigned int i = 0; i < state->probe_count[transport]; i++) {
		const struct app_probe_row *row = &state->probes[transport][i];
		enum app_probe_answer answer = APP_PROBE_NO;

		if (app_ports_have(&row->ports, server_port)) {
			if (row_answers(row, scan, dir, &answer))
				return (struct app_found){ row->protocol, answer == APP_PROBE_REVERSED, true };
		} else if (may_reverse && app_ports_have(&row->ports, flow->client_port)) {
			if (row_answers(row, scan, sensor_dir_opposite(dir), &answer) && answer == APP_PROBE_YES)
				return (struct app_found){ row->protocol, true, true };
		}
	}
	return (struct app_found){ 0 };
}

struct app_found app_detect(
	struct app_state *state, struct app_conn *conn, enum sensor_dir dir, struct bytes data, bool may_reverse)
{
	unsigned int transport = app_transport(conn->flow->protocol);
	struct scan scan = { .conn = conn, .data = data };
	struct app_found found = scan_patterns(state, &scan, transport, dir);

	if (!found.protocol && may_reverse) {
		found = scan_patterns(state, &scan, transport, sensor_dir_opposite(dir));
		found.reversed = found.protocol && !found.reversed;
	}
	if (!found.protocol)
		found = scan_probes(state, &scan, transport, dir, may_reverse);
	found.reversed = found.reversed && may_reverse;
	if (!found.protocol)
		found.over = transport == 1 || (data.size >= state->pattern_depth[transport][dir] &&
						       (!scan.more || data.size >= APP_PROBE_BYTES_MAX));
	return found;
}
