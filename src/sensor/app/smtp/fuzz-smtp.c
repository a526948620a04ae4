// SPDX-License-Identifier: Apache-2.0
/* Byte 0: settings; then pieces, each with its direction and end (bits of a byte) and its size (two bytes) in front. */
#include "sensor/app/smtp/smtp.h"
#include "sensor/app/testapp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const configs[] = {
	NULL,
	"%YAML 1.1\n---\napp-layer:\n  protocols:\n    smtp:\n      raw-extraction: yes\n      mime: {decode-mime: "
	"no}\n",
	"%YAML 1.1\n---\napp-layer:\n  protocols:\n    smtp:\n      mime: {body-md5: yes, header-value-depth: 20,\n"
	"        extract-urls-schemes: [http, ftp], log-url-scheme: yes}\n      inspected-tracker:\n"
	"        content-inspect-min-size: 10\n        content-inspect-window: 5\n",
};

static void ask_buffers(struct testapp *app, struct app_tx *tx)
{
	for (const struct app_buffer *row = tx->protocol->buffers; row && row->name; row++) {
		struct app_view view;

		/* Buffers over files have no function. */
		for (uint32_t i = 0; row->get && i < 100 && row->get(tx, &app->flow, TO_SERVER, i, &view); i++)
			if (view.data.size && view.data.ptr[view.data.size - 1] == 0)
				view.last = false;
	}
}

static void ask_all(struct testapp *app)
{
	for (struct app_tx *tx = app->flow.app ? app->flow.app->first : NULL; tx; tx = tx->next) {
		struct jsonw json;

		if (tx->protocol->log_top != smtp_log)
			continue;
		ask_buffers(app, tx);
		jsonw_init(&json, 1 << 20);
		jsonw_object_begin(&json);
		smtp_log(tx, &app->flow, true, &json);
		jsonw_done(&json);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct testapp app;
	size_t at = 1;

	if (size == 0)
		return 0;
	testapp_init(&app, 6, 25, configs[data[0] % ARRAY_COUNT(configs)]);
	while (at + 3 <= size) {
		size_t piece_size = (size_t)data[at + 1] << 8 | data[at + 2];
		struct bytes piece = bytes_first(bytes_of(data + at + 3, size - at - 3), piece_size);

		testapp_piece(&app, data[at] & 1 ? TO_CLIENT : TO_SERVER, piece, data[at] & 2 ? STREAM_EOF : 0);
		ask_all(&app);
		if (app.flow.app && app.flow.app->tx_live > 64)
			app_conn_clean(app.flow.app, false);
		at += 3 + piece.size;
	}
	app_flow_end(app.worker, &app.flow, NULL);
	ask_all(&app);
	testapp_done(&app);
	return 0;
}
