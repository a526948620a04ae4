// SPDX-License-Identifier: Apache-2.0
/* Pieces with their direction (testapp_fuzz). */
#include "sensor/app/testapp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct testapp app;

	testapp_init(&app, 6, 110, NULL);
	testapp_fuzz(&app, data, size);
	testapp_done(&app);
	return 0;
}
