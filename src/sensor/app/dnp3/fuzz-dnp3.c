// SPDX-License-Identifier: Apache-2.0
/* Pieces of both directions of one flow through the engine into this parser; see testapp_fuzz. */
#include "sensor/app/testtalk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char config[] = "%YAML 1.1\n"
				     "---\n"
				     "app-layer: {protocols: {dnp3: {enabled: yes}}}\n";
	struct testapp app;

	testapp_init(&app, 6, 20000, config);
	testapp_fuzz(&app, data, size);
	testapp_done(&app);
	return 0;
}
