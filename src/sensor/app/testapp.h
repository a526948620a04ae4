// SPDX-License-Identifier: Apache-2.0
/* For tests and fuzz targets of protocols: a worker without capture, detection and outputs, one flow, and a stream that
 * can be cut at will. */
#pragma once

#include <stdlib.h>

#include "base/jsonw.h"
#include "sensor/app/engine.h"
#include "sensor/config/tree.h"
#include "sensor/decode/packet.h"
#include "sensor/files/file.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

struct testapp {
	struct conf_tree *tree;
	struct sensor_settings settings;
	struct worker *worker;
	struct flow flow;
	struct sensor_packet packet;
	/* Bytes of each direction that were not consumed, and where they begin. */
	uint8_t *held[SENSOR_DIRS];
	size_t held_size[SENSOR_DIRS], needed[SENSOR_DIRS];
	uint64_t offset[SENSOR_DIRS];
	bool stopped[SENSOR_DIRS];
};

/* 'config' is YAML, or null. Aborts without memory. */
static inline void testapp_init(struct testapp *app, uint8_t ip_protocol, uint16_t server_port, const char *config)
{
	char message[CONF_MESSAGE_SIZE];

	memset(app, 0, sizeof(*app));
	if (!config)
		config = "%YAML 1.1\n---\n{}\n";
	if (conf_tree_from_text(bytes_from_str(config), "test", message, &app->tree) != 0)
		abort();
	app->settings.tree = app->tree;
	app->settings.root = conf_root(app->tree);
	app->settings.simulate_applayer_error[TO_SERVER] = UINT64_MAX;
	app->settings.simulate_applayer_error[TO_CLIENT] = UINT64_MAX;
	app->worker = calloc(1, sizeof(*app->worker));
	if (!app->worker)
		abort();
	app->worker->settings = &app->settings;
	app->worker->now_ns = UINT64_C(1700000000) * 1000000000;
	app->worker->files = files_state_new(app->worker);
	app->worker->apps = app_state_new(app->worker);
	if (!app->worker->files || !app->worker->apps)
		abort();
	app->flow.protocol = ip_protocol;
	app->flow.client_port = 40000;
	app->flow.server_port = server_port;
	app->flow.client = ip_addr_v4("\xc0\x00\x02\x01");
	app->flow.server = ip_addr_v4("\xc0\x00\x02\x02");
}

static inline void testapp_done(struct testapp *app)
{
	app_conn_free(app->flow.app);
	app_expectation_free(&app->flow);
	app_state_free(app->worker->apps);
	files_state_free(app->worker->files);
	free(app->worker);
	free(app->held[TO_SERVER]);
	free(app->held[TO_CLIENT]);
	conf_tree_free(app->tree);
}

/* Gives one piece of a TCP direction, as a stream engine would: with what was not consumed before. */
static inline void testapp_piece(struct testapp *app, enum sensor_dir dir, struct bytes in, uint8_t flags)
{
	struct stream_chunk chunk = { .offset = app->offset[dir], .flags = flags };
	struct stream_answer answer;

	if (app->stopped[dir])
		return;
	app->held[dir] = realloc(app->held[dir], app->held_size[dir] + in.size + 1);
	if (!app->held[dir])
		abort();
	if (in.size != 0)
		memcpy(app->held[dir] + app->held_size[dir], in.ptr, in.size);
	app->held_size[dir] += in.size;
	if (app->held_size[dir] < app->needed[dir] && !(flags & STREAM_EOF))
		return;
	/* A copy of the exact size, so that tools see reads behind its end. */
	uint8_t *exact = malloc(app->held_size[dir] + (app->held_size[dir] == 0));

	if (!exact)
		abort();
	memcpy(exact, app->held[dir], app->held_size[dir]);
	chunk.data = bytes_of(exact, app->held_size[dir]);
	app->packet.flow = &app->flow;
	app->packet.dir = (uint8_t)dir;
	answer = app_stream_data(app->worker, &app->packet, &app->flow, dir, &chunk);
	free(exact);
	if (answer.consumed > app->held_size[dir])
		abort();
	memmove(app->held[dir], app->held[dir] + answer.consumed, app->held_size[dir] - answer.consumed);
	app->held_size[dir] -= answer.consumed;
	app->offset[dir] += answer.consumed;
	app->needed[dir] = answer.needed;
	app->stopped[dir] = answer.stop;
}

/* 'cut' 0: whole; 1: byte by byte; else in two at that offset. */
static inline void testapp_stream(struct testapp *app, enum sensor_dir dir, struct bytes in, size_t cut)
{
	if (cut == 1) {
		for (size_t i = 0; i < in.size; i++)
			testapp_piece(app, dir, bytes_of(in.ptr + i, 1), 0);
	} else if (cut != 0 && cut < in.size) {
		testapp_piece(app, dir, bytes_first(in, cut), 0);
		testapp_piece(app, dir, bytes_skip(in, cut), 0);
	} else {
		testapp_piece(app, dir, in, 0);
	}
}

static inline void testapp_datagram(struct testapp *app, enum sensor_dir dir, struct bytes in)
{
	app->packet = (struct sensor_packet){ .flow = &app->flow, .dir = (uint8_t)dir, .payload = in };
	app->flow.side[dir].packet_count++;
	app_datagram(app->worker, &app->packet);
}

/* The record of a transaction as text in 'text'; empty when it has none. */
static inline const char *testapp_log(struct app_tx *tx, const struct flow *flow, bool alert, char *text, size_t size)
{
	bool (*log)(struct app_tx *, const struct flow *, bool, struct jsonw *) =
		tx->protocol->log_top ? tx->protocol->log_top : tx->protocol->log;
	struct jsonw json;
	struct bytes out;

	text[0] = '\0';
	jsonw_init(&json, 1 << 20);
	jsonw_object_begin(&json);
	if (log && log(tx, flow, alert, &json)) {
		jsonw_object_end(&json);
		if (jsonw_text(&json, &out) == 0 && out.size < size)
			memcpy(text, out.ptr, out.size + 1);
	}
	jsonw_done(&json);
	return text;
}

/* Asks every buffer, number and record of every transaction, as rules and outputs would. Returns the bytes seen. */
static inline size_t testapp_ask_all(struct testapp *app)
{
	static char text[1 << 20];
	size_t seen = 0;

	for (struct app_tx *tx = app->flow.app ? app->flow.app->first : NULL; tx; tx = tx->next) {
		for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
			for (const struct app_buffer *row = tx->protocol->buffers; row && row->name; row++) {
				struct app_view view;

				for (uint32_t i = 0; i < 100 && row->get && row->get(tx, &app->flow, dir, i, &view);
					i++)
					for (size_t at = 0; at < view.data.size; at += 97)
						seen += view.data.ptr[at] != 0;
			}
			for (const struct app_number *row = tx->protocol->numbers; row && row->name; row++) {
				uint64_t value;

				for (uint32_t i = 0; i < 100 && row->get && row->get(tx, &app->flow, dir, i, &value);
					i++)
					seen++;
			}
		}
		seen += strlen(testapp_log(tx, &app->flow, true, text, sizeof(text)));
	}
	return seen;
}

static inline bool testapp_tx_has_event(const struct app_tx *tx, const char *name)
{
	for (uint8_t i = 0; i < tx->event_count; i++)
		if (strcmp(tx->protocol->events[tx->events[i]].name, name) == 0)
			return true;
	return false;
}

/* One buffer's content as text; "" when absent. */
static inline const char *testapp_buffer(struct testapp *app, struct app_tx *tx, const char *name, enum sensor_dir dir,
	uint32_t index, char *text, size_t size)
{
	text[0] = '\0';
	for (const struct app_buffer *row = tx->protocol->buffers; row && row->name; row++) {
		struct app_view view;

		if (strcmp(row->name, name) == 0 && row->get && row->get(tx, &app->flow, dir, index, &view) &&
			view.data.size < size) {
			memcpy(text, view.data.ptr, view.data.size);
			text[view.data.size] = '\0';
		}
	}
	return text;
}

/* What all protocol fuzz targets do: byte 0 says how to cut, then pieces with a direction and a size in front. */
static inline void testapp_fuzz(struct testapp *app, const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (at + 3 <= size) {
		enum sensor_dir dir = data[at] & 1 ? TO_CLIENT : TO_SERVER;
		uint8_t flags = data[at] & 2 ? STREAM_EOF : 0;
		size_t piece_size = (size_t)data[at + 1] << 8 | data[at + 2];
		struct bytes piece;

		at += 3;
		piece = bytes_first(bytes_of(data + at, size - at), piece_size);
		at += piece.size;
		if (app->flow.protocol == 6)
			testapp_piece(app, dir, piece, flags);
		else
			testapp_datagram(app, dir, piece);
		testapp_ask_all(app);
		if (app->flow.app && app->flow.app->tx_live > 64)
			app_conn_clean(app->flow.app, false);
	}
	app_flow_end(app->worker, &app->flow, NULL);
	testapp_ask_all(app);
}
