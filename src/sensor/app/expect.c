// SPDX-License-Identifier: Apache-2.0
/* Flows that another flow announced: FTP says on which port its data will come.
 *
 * The table is keyed by both addresses and the server's port, has a ceiling and a lifetime; a newer announcement with
 * the same key replaces the older one. */
#include "sensor/app/internal.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/table.h"
#include "sensor/flow/flow.h"
#include "sensor/stats.h"
#include "sensor/worker/worker.h"

#define EXPECTATIONS_MAX    4096
#define EXPECTATION_LIFE_NS (UINT64_C(30) * 1000000000)

struct expectation_key {
	struct ip_addr server, client;
	uint16_t server_port;
};

struct expectation {
	const struct app_protocol *protocol;
	void *data;
	void (*release)(void *data);
	uint64_t expires_ns, parent_id;
};

/* What hangs on a flow that was announced. */
struct left_data {
	void *data;
	void (*release)(void *data);
};

static struct expectation_key key_of(const struct ip_addr *server, const struct ip_addr *client, uint16_t server_port)
{
	struct expectation_key key;

	memset(&key, 0, sizeof(key));
	key.server.family = server->family;
	key.client.family = client->family;
	memcpy(key.server.bytes, server->bytes, ip_addr_bits(server) / 8);
	memcpy(key.client.bytes, client->bytes, ip_addr_bits(client) / 8);
	key.server_port = server_port;
	return key;
}

static void expectation_drop(struct expectation *expectation)
{
	if (expectation->release && expectation->data)
		expectation->release(expectation->data);
}

static bool expired(const void *key, void *value, void *context)
{
	struct expectation *expectation = value;
	const uint64_t *now_ns = context;

	if (expectation->expires_ns > *now_ns)
		return false;
	expectation_drop(expectation);
	return true;
}

int app_expect(struct app_conn *conn, enum sensor_dir server_side, uint16_t server_port, const char *protocol,
	void *data, void (*release)(void *data))
{
	struct app_state *state = conn->worker->apps;
	const struct flow *flow = conn->flow;
	const struct ip_addr *server = server_side == TO_SERVER ? &flow->server : &flow->client;
	const struct ip_addr *client = server_side == TO_SERVER ? &flow->client : &flow->server;
	struct expectation_key key = key_of(server, client, server_port);
	struct expectation fresh = { .protocol = app_protocol_find(protocol),
		.data = data,
		.release = release,
		.expires_ns = conn->worker->now_ns + EXPECTATION_LIFE_NS,
		.parent_id = flow->id };
	struct expectation *slot = NULL;
	bool created = false;
	size_t pos = 0;

	if (!state->expectations)
		state->expectations = table_new(sizeof(key), sizeof(fresh), EXPECTATIONS_MAX, conn->worker->key);
	if (state->expectations && fresh.protocol) {
		table_sweep(state->expectations, &pos, SIZE_MAX, expired, &conn->worker->now_ns);
		slot = table_insert(state->expectations, &key, &created);
	}
	if (!slot) {
		expectation_drop(&fresh);
		return fresh.protocol ? LUYTRE_E_FULL : LUYTRE_E_NOT_FOUND;
	}
	if (!created)
		expectation_drop(slot);
	*slot = fresh;
	conn->worker->counters[COUNTER_APP_EXPECTATIONS] = table_count(state->expectations);
	return 0;
}

static void expectation_use(struct worker *worker, struct flow *flow, const struct expectation *expectation)
{
	struct left_data *left = calloc(1, sizeof(*left));
	struct app_conn *conn = flow->app ? flow->app : app_conn_new(worker, flow);
	struct app_slot *slot = app_slot_of(worker->apps, expectation->protocol);

	if (!left || !conn) {
		free(left);
		if (expectation->release && expectation->data)
			expectation->release(expectation->data);
		return;
	}
	left->data = expectation->data;
	left->release = expectation->release;
	flow->expectation = left;
	flow->parent_id = expectation->parent_id;
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		conn->protocol_dir[dir] = expectation->protocol;
		conn->dir_done[dir] = true;
	}
	app_conn_protocol(conn, expectation->protocol);
	if (slot)
		worker->counters[slot->counter_flow[app_transport(flow->protocol)]]++;
}

void app_flow_new(struct worker *worker, struct flow *flow)
{
	struct table *table = worker->apps->expectations;
	struct expectation *found = NULL;
	struct expectation_key key;

	if (!table || table_count(table) == 0 || flow->protocol != 6)
		return;
	key = key_of(&flow->server, &flow->client, flow->server_port);
	found = table_find(table, &key);
	if (!found) {
		key = key_of(&flow->client, &flow->server, flow->client_port);
		found = table_find(table, &key);
	}
	if (!found)
		return;
	if (found->expires_ns > worker->now_ns)
		expectation_use(worker, flow, found);
	else
		expectation_drop(found);
	table_remove(table, &key);
	worker->counters[COUNTER_APP_EXPECTATIONS] = table_count(table);
}

void *app_expectation(const struct flow *flow)
{
	const struct left_data *left = flow->expectation;

	return left ? left->data : NULL;
}

void app_expectation_free(struct flow *flow)
{
	struct left_data *left = flow->expectation;

	if (!left)
		return;
	if (left->release && left->data)
		left->release(left->data);
	free(left);
	flow->expectation = NULL;
}

void app_expectations_free(struct app_state *state)
{
	uint64_t never_ns = UINT64_MAX;
	size_t pos = 0;

	if (!state->expectations)
		return;
	table_sweep(state->expectations, &pos, SIZE_MAX, expired, &never_ns);
	table_free(state->expectations);
	state->expectations = NULL;
}
