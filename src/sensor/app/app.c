// SPDX-License-Identifier: Apache-2.0
/* Connections and transactions: memory, events, life time. The bytes come through feed.c. */
#include "sensor/app/internal.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor/app/frames.h"
#include "sensor/config/tree.h"
#include "sensor/detect/detect.h"
#include "sensor/files/file.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

static const char *const layer_events[] = {
#define X(id, name) name,
	APP_LAYER_EVENTS(X)
#undef X
};

struct app_state *app_state_new(struct worker *worker)
{
	struct app_state *state = calloc(1, sizeof(*state));
	int error = state ? 0 : LUYTRE_E_NOMEM;

	if (state) {
		state->worker = worker;
		error = app_slots_load(state);
	}
	if (error == 0)
		error = app_detect_tables(state);
	if (error == 0)
		return state;
	log_error("application protocols: %s", error_text(error, LUYTRE_LANG_EN));
	app_state_free(state);
	return NULL;
}

void app_state_free(struct app_state *state)
{
	if (!state)
		return;
	app_expectations_free(state);
	app_detect_tables_free(state);
	app_slots_free(state);
	free(state);
}

/* ---- Connections ---- */

struct app_conn *app_conn_new(struct worker *worker, struct flow *flow)
{
	struct app_state *state = worker->apps;
	struct app_conn *conn;

	if (state->memory_size + sizeof(*conn) > APP_STATE_MEMORY_MAX)
		return NULL;
	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return NULL;
	state->memory_size += sizeof(*conn);
	conn->flow = flow;
	conn->worker = worker;
	flow->app = conn;
	return conn;
}

static void parser_close(struct app_conn *conn, const struct app_protocol *protocol, void *state)
{
	if (protocol && state && protocol->close)
		protocol->close(conn, state);
}

void app_conn_protocol(struct app_conn *conn, const struct app_protocol *protocol)
{
	unsigned int transport = app_transport(conn->flow->protocol);
	struct app_slot *slot = app_slot_of(conn->worker->apps, protocol);

	if (conn->state && conn->protocol == protocol)
		return;
	if (conn->state)
		app_conn_retire(conn);
	conn->protocol = protocol;
	conn->detect_failed = false;
	if (!slot)
		return;
	if (!slot->parse[transport] || !app_protocol_has_parser(protocol)) {
		conn->stopped = true;
		return;
	}
	conn->config = slot->config;
	conn->log_options = slot->log_options;
	if (protocol->open) {
		conn->state = protocol->open(conn, slot->config);
		if (!conn->state) {
			app_error_count(conn, APP_ERROR_ALLOC);
			conn->failed = true;
			app_conn_stop(conn);
			return;
		}
	}
	app_frames_open(conn);
	if (slot->depth_set && conn->flow->tcp) {
		stream_set_depth(conn->flow->tcp, slot->depth_size);
		conn->flags |= APP_CONN_STREAM_DEPTH_SET;
	}
}

void app_conn_stop(struct app_conn *conn)
{
	conn->stopped = true;
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
		conn->cut[dir] = true;
	for (struct app_tx *tx = conn->first; tx; tx = tx->next) {
		for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
			if (tx->files[dir])
				file_list_truncate(conn, tx->files[dir]);
			app_tx_touch(conn, tx, dir);
		}
	}
}

static void tx_unlink(struct app_conn *conn, struct app_tx *tx)
{
	if (tx->prev)
		tx->prev->next = tx->next;
	else
		conn->first = tx->next;
	if (tx->next)
		tx->next->prev = tx->prev;
	else
		conn->last = tx->prev;
	conn->tx_live--;
}

static void tx_free(struct app_conn *conn, struct app_tx *tx)
{
	struct app_state *state = conn->worker->apps;

	if (tx->protocol->tx_free)
		tx->protocol->tx_free(conn, tx);
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
		if (tx->files[dir])
			file_list_free(conn->worker, tx->files[dir]);
	detect_tx_release(tx);
	tx_unlink(conn, tx);
	state->memory_size -= tx->size + tx->counted_size;
	arena_done(&tx->arena);
	free(tx);
}

void app_conn_finish_txs(struct app_conn *conn)
{
	for (struct app_tx *tx = conn->first; tx; tx = tx->next)
		for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
			app_tx_progress(conn, tx, dir, tx->protocol->complete[dir]);
}

void app_conn_retire(struct app_conn *conn)
{
	while (conn->first)
		tx_free(conn, conn->first);
	parser_close(conn, conn->protocol, conn->state);
	conn->state = NULL;
	app_frames_close(conn);
}

void app_conn_clean(struct app_conn *conn, bool inspecting)
{
	struct app_tx *tx = conn->first;

	while (tx) {
		struct app_tx *next = tx->next;
		bool done = tx->logged || tx->no_log || tx->skip_logs;

		for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
			bool skipped = tx->dirs_skip & (1u << dir);

			done = done && app_tx_complete(tx, dir) && (!inspecting || skipped || tx->inspected_all[dir]);
		}
		if (done)
			tx_free(conn, tx);
		tx = next;
	}
	app_frames_clean(conn);
	if ((conn->flags & APP_CONN_BYPASS) && !(conn->flags & APP_CONN_BYPASSED)) {
		conn->flags |= APP_CONN_BYPASSED;
		flow_set_state(conn->worker->flows, conn->flow, FLOW_BYPASSED_LOCAL);
	}
}

void app_conn_free(struct app_conn *conn)
{
	if (!conn)
		return;
	app_conn_retire(conn);
	app_free(conn, conn->handover, conn->handover_size);
	conn->worker->apps->memory_size -= sizeof(*conn);
	if (conn->flow)
		conn->flow->app = NULL;
	free(conn);
}

/* ---- Transactions ---- */

uint32_t app_tx_max(const struct app_conn *conn)
{
	const struct app_slot *slot = conn->protocol ? app_slot_of(conn->worker->apps, conn->protocol) : NULL;

	return slot ? slot->tx_max : APP_TX_MAX_DEFAULT;
}

/* Makes room at the ceiling: the oldest transaction that is over goes, whether everybody has looked at it or not. */
static bool tx_room(struct app_conn *conn)
{
	if (conn->tx_live < app_tx_max(conn))
		return true;
	for (struct app_tx *tx = conn->first; tx; tx = tx->next) {
		if (app_tx_complete(tx, TO_SERVER) && app_tx_complete(tx, TO_CLIENT) && tx->logged) {
			tx_free(conn, tx);
			return true;
		}
	}
	return false;
}

struct app_tx *app_tx_new(struct app_conn *conn, size_t size, uint64_t now_ns)
{
	struct app_state *state = conn->worker->apps;
	struct app_slot *slot = app_slot_of(state, conn->protocol);
	struct app_tx *tx;

	if (!tx_room(conn) || state->memory_size + size > APP_STATE_MEMORY_MAX)
		return NULL;
	tx = calloc(1, size);
	if (!tx)
		return NULL;
	state->memory_size += size;
	tx->size = size;
	tx->conn = conn;
	tx->protocol = conn->protocol;
	tx->id = conn->tx_count++;
	tx->time_ns = now_ns;
	arena_init(&tx->arena, APP_TX_ARENA_MAX);
	tx->prev = conn->last;
	if (conn->last)
		conn->last->next = tx;
	else
		conn->first = tx;
	conn->last = tx;
	conn->tx_live++;
	if (slot && !conn->protocol->one_tx)
		conn->worker->counters[slot->counter_tx[app_transport(conn->flow->protocol)]]++;
	return tx;
}

void app_tx_recount(struct app_tx *tx)
{
	size_t taken_size = arena_taken(&tx->arena);

	tx->conn->worker->apps->memory_size += taken_size - tx->counted_size;
	tx->counted_size = taken_size;
}

void *app_tx_alloc(struct app_tx *tx, size_t size)
{
	void *memory;

	if (tx->conn->worker->apps->memory_size + size > APP_STATE_MEMORY_MAX)
		return NULL;
	memory = arena_alloc(&tx->arena, size);
	app_tx_recount(tx);
	return memory;
}

struct bytes app_tx_dup(struct app_tx *tx, struct bytes in)
{
	uint8_t *copy = app_tx_alloc(tx, in.size);

	if (!copy)
		return (struct bytes){ 0 };
	if (in.size != 0)
		memcpy(copy, in.ptr, in.size);
	return bytes_of(copy, in.size);
}

void app_tx_touch(struct app_conn *conn, struct app_tx *tx, enum sensor_dir dir)
{
	tx->updated[dir] = true;
}

void app_tx_progress(struct app_conn *conn, struct app_tx *tx, enum sensor_dir dir, uint8_t progress)
{
	if (progress > tx->progress[dir])
		tx->progress[dir] = progress;
	app_tx_touch(conn, tx, dir);
}

uint8_t app_tx_state(const struct app_tx *tx, enum sensor_dir dir)
{
	bool over = tx->conn->eof[dir] || tx->conn->cut[dir] || (tx->dirs_skip & (1u << dir));
	uint8_t complete = tx->protocol->complete[dir];

	return over && tx->progress[dir] < complete ? complete : tx->progress[dir];
}

bool app_tx_complete(const struct app_tx *tx, enum sensor_dir dir)
{
	return app_tx_state(tx, dir) >= tx->protocol->complete[dir];
}

bool app_tx_loggable(const struct app_tx *tx)
{
	if (tx->logged || tx->no_log)
		return false;
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		uint8_t wanted = tx->protocol->log_progress[dir];

		if (app_tx_state(tx, dir) < (wanted != 0 ? wanted : tx->protocol->complete[dir]))
			return false;
	}
	return true;
}

/* ---- Events ---- */

static void event_add(uint8_t *events, uint8_t *count, uint8_t max, uint8_t event)
{
	for (uint8_t i = 0; i < *count; i++)
		if (events[i] == event)
			return;
	if (*count < max)
		events[(*count)++] = event;
}

void app_tx_event(struct app_conn *conn, struct app_tx *tx, uint8_t event)
{
	event_add(tx->events, &tx->event_count, APP_TX_EVENTS_MAX, event);
	app_tx_touch(conn, tx, TO_SERVER);
	app_tx_touch(conn, tx, TO_CLIENT);
}

void app_conn_event(struct app_conn *conn, uint8_t event)
{
	event_add(conn->parser_events, &conn->parser_event_count, ARRAY_COUNT(conn->parser_events), event);
}

void app_layer_event(struct app_conn *conn, enum app_layer_event event)
{
	event_add(conn->conn_events, &conn->conn_event_count, ARRAY_COUNT(conn->conn_events), (uint8_t)event);
}

const char *app_layer_event_name(uint8_t event)
{
	return event < APP_EVENT_COUNT ? layer_events[event] : NULL;
}

int app_layer_event_find(struct bytes name)
{
	for (int i = 0; i < APP_EVENT_COUNT; i++)
		if (bytes_equal_str(name, layer_events[i]))
			return i;
	return -1;
}

void app_error_count(struct app_conn *conn, enum app_error error)
{
	struct app_slot *slot = conn->protocol ? app_slot_of(conn->worker->apps, conn->protocol) : NULL;

	if (slot)
		conn->worker->counters[slot->counter_error[app_transport(conn->flow->protocol)][error]]++;
}

/* ---- Names ---- */

const char *app_conn_proto(const struct app_conn *conn)
{
	if (conn->detect_failed)
		return "failed";
	return conn->protocol ? conn->protocol->name : NULL;
}

const char *app_conn_proto_dir(const struct app_conn *conn, enum sensor_dir dir)
{
	if (conn->protocol_dir[dir])
		return conn->protocol_dir[dir]->name;
	return conn->dir_failed[dir] ? "failed" : NULL;
}

/* ---- Memory of parsers ---- */

static bool memory_room(const struct app_conn *conn, size_t size)
{
	return size <= APP_CONN_MEMORY_MAX - conn->memory_size &&
	       conn->worker->apps->memory_size + size <= APP_STATE_MEMORY_MAX;
}

static void memory_count(struct app_conn *conn, size_t added_size, size_t freed_size)
{
	conn->memory_size += added_size - freed_size;
	conn->worker->apps->memory_size += added_size - freed_size;
}

void *app_alloc(struct app_conn *conn, size_t size)
{
	void *memory = memory_room(conn, size) ? calloc(1, size) : NULL;

	if (memory)
		memory_count(conn, size, 0);
	return memory;
}

void *app_realloc(struct app_conn *conn, void *old, size_t old_size, size_t new_size)
{
	void *memory = NULL;

	if (new_size <= old_size || memory_room(conn, new_size - old_size))
		memory = realloc(old, new_size);
	if (memory)
		memory_count(conn, new_size, old_size);
	return memory;
}

void app_free(struct app_conn *conn, void *memory, size_t size)
{
	if (!memory)
		return;
	memory_count(conn, 0, size);
	free(memory);
}

/* ---- Wishes of parsers ---- */

void app_change_protocol(struct app_conn *conn, const char *expected, uint16_t server_port)
{
	conn->protocol_expected = expected ? app_protocol_find(expected) : NULL;
	conn->server_port = server_port;
	conn->flags |= APP_CONN_CHANGE;
}

void app_encrypted(struct app_conn *conn, enum app_encryption handling)
{
	if (handling == APP_ENCRYPTION_FULL)
		return;
	/* What came before in the clear is still to be looked at; the flag holds from the next packet on. */
	conn->flow->flags |= FLOW_NO_PAYLOAD_INSPECT;
	if (handling == APP_ENCRYPTION_BYPASS)
		conn->flags |= APP_CONN_BYPASS;
	app_raw_trigger(conn, TO_SERVER);
	app_raw_trigger(conn, TO_CLIENT);
}

void app_raw_trigger(struct app_conn *conn, enum sensor_dir dir)
{
	if (conn->flow->tcp)
		stream_raw_trigger(conn->flow->tcp, dir);
}
