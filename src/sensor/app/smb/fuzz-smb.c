// SPDX-License-Identifier: Apache-2.0
/* Pieces of both directions of one flow through the engine into this parser. In front of each: a byte (1: to the client,
 * 2: the end, 4: a gap of that size instead of bytes) and two of its size. */
#include "sensor/app/testapp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void gap(struct testapp *app, enum sensor_dir dir, size_t size)
{
	struct stream_chunk chunk = {
		.offset = app->offset[dir] + app->held_size[dir], .flags = STREAM_GAP, .gap_size = size
	};

	if (app->stopped[dir] || size == 0)
		return;
	app->packet.flow = &app->flow;
	app->packet.dir = (uint8_t)dir;
	app->stopped[dir] = app_stream_data(app->worker, &app->packet, &app->flow, dir, &chunk).stop;
	app->offset[dir] = chunk.offset + size;
	app->held_size[dir] = 0;
	app->needed[dir] = 0;
}

/* Asks all that rules and outputs may. Files are looked at by the engine itself: their row has no function. */
static size_t ask(struct testapp *app)
{
	static char text[1 << 20];
	size_t seen = 0;

	for (struct app_tx *tx = app->flow.app ? app->flow.app->first : NULL; tx; tx = tx->next) {
		for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
			for (const struct app_buffer *row = tx->protocol->buffers; row && row->name; row++) {
				struct app_view view;

				if (!row->get || !row->get(tx, &app->flow, dir, 0, &view))
					continue;
				for (size_t at = 0; at < view.data.size; at += 97)
					seen += view.data.ptr[at] != 0;
			}
		}
		seen += strlen(testapp_log(tx, &app->flow, true, text, sizeof(text)));
	}
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct testapp app;
	size_t at = 0;

	testapp_init(&app, 6, 445, NULL);
	while (at + 3 <= size) {
		enum sensor_dir dir = data[at] & 1 ? TO_CLIENT : TO_SERVER;
		uint8_t kind = data[at];
		size_t piece_size = (size_t)data[at + 1] << 8 | data[at + 2];

		at += 3;
		if (kind & 4) {
			gap(&app, dir, piece_size);
		} else {
			struct bytes piece = bytes_first(bytes_of(data + at, size - at), piece_size);

			at += piece.size;
			testapp_piece(&app, dir, piece, kind & 2 ? STREAM_EOF : 0);
		}
		ask(&app);
		if (app.flow.app && app.flow.app->tx_live > 64)
			app_conn_clean(app.flow.app, false);
	}
	app_flow_end(app.worker, &app.flow, NULL);
	ask(&app);
	testapp_done(&app);
	return 0;
}
