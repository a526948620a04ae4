// SPDX-License-Identifier: Apache-2.0
/* Byte 0: settings; then pieces with their direction (testapp_fuzz). */
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

static void log_all(struct testapp *app)
{
	for (struct app_tx *tx = app->flow.app ? app->flow.app->first : NULL; tx; tx = tx->next) {
		struct jsonw json;

		if (tx->protocol->log_top != smtp_log)
			continue;
		jsonw_init(&json, 1 << 20);
		jsonw_object_begin(&json);
		smtp_log(tx, &app->flow, true, &json);
		jsonw_done(&json);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct testapp app;

	if (size == 0)
		return 0;
	testapp_init(&app, 6, 25, configs[data[0] % ARRAY_COUNT(configs)]);
	testapp_fuzz(&app, data + 1, size - 1);
	log_all(&app);
	testapp_done(&app);
	return 0;
}
