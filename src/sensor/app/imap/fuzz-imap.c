// SPDX-License-Identifier: Apache-2.0
/* Pieces of both directions of one flow through the engine into this parser; see testapp_fuzz. */
#include "sensor/app/testtalk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct testapp app;

	testapp_init(&app, 6, 143, NULL);
	testapp_fuzz(&app, data, size);
	testapp_done(&app);
	return 0;
}
