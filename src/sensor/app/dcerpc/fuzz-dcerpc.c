// SPDX-License-Identifier: Apache-2.0
/* Pieces of both directions of one flow through the engine into this parser; see testapp_fuzz. An odd first byte makes it
 * a flow of datagrams. */
#include "sensor/app/testapp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct testapp app;

	if (size == 0)
		return 0;
	testapp_init(&app, data[0] & 1 ? 17 : 6, 135, NULL);
	testapp_fuzz(&app, data + 1, size - 1);
	testapp_done(&app);
	return 0;
}
