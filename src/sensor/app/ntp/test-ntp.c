// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testapp.h"

enum { PORT = 123 };

static const struct bytes good = { (const uint8_t *)"\x23\x00\x06\xec\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
						    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
						    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	48 };

struct row {
	enum sensor_dir dir;
	struct bytes data;
	const char *record; /* "" for none; null: no transaction */
	const char *event; /* or null */
};

static void check(const struct row *row, uint16_t port)
{
	static char text[1 << 16];
	struct testapp app;
	struct app_tx *tx;

	testapp_init(&app, 17, port, NULL);
	testapp_datagram(&app, TO_SERVER, good);
	assert_non_null(app.flow.app->first);
	testapp_datagram(&app, row->dir, row->data);
	tx = app.flow.app->first->next;
	if (!row->record) {
		assert_null(tx);
	} else {
		assert_non_null(tx);
		assert_string_equal(testapp_log(tx, &app.flow, true, text, sizeof(text)), row->record);
		assert_int_equal(tx->event_count, row->event ? 1 : 0);
		if (row->event)
			assert_true(testapp_tx_has_event(tx, row->event));
	}
	testapp_done(&app);
}

/* Cut short anywhere, a packet is bad, not dangerous. */
static void cut_anywhere(void **state)
{
	for (size_t size = 0; size < good.size; size++) {
		struct testapp app;
		uint8_t *exact = malloc(size + 1);

		assert_non_null(exact);
		memcpy(exact, good.ptr, size);
		testapp_init(&app, 17, PORT, NULL);
		testapp_datagram(&app, TO_SERVER, good);
		testapp_datagram(&app, TO_SERVER, bytes_of(exact, size));
		testapp_ask_all(&app);
		testapp_done(&app);
		free(exact);
	}
}

static const struct row packets[] = {
	{ TO_SERVER,
		{ (const uint8_t *)"\x23\x00\x06\xec\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
				   "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
				   "\x00\x00\x00\x00\x00\x00\x00\x00",
			48 },
		"{\"version\":4,\"mode\":3,\"stratum\":0,\"reference_id\":\"00:00:00:00\"}", NULL },
	{ TO_CLIENT,
		{ (const uint8_t *)"\x1c\x02\x06\xec\x00\x00\x00\x00\x00\x00\x00\x00\x4c\x4f\x43\x4c\x00\x00\x00\x00"
				   "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
				   "\x00\x00\x00\x00\x00\x00\x00\x00",
			48 },
		"{\"version\":3,\"mode\":4,\"stratum\":2,\"reference_id\":\"4c:4f:43:4c\"}", NULL },
	{ TO_SERVER,
		{ (const uint8_t *)"\x23\x00\x06\xec\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
				   "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
				   "\x00\x00\x00\x00\x00\x00\x00\x00\x65\x78\x74\x65\x6e\x73\x69\x6f\x6e",
			57 },
		"{\"version\":4,\"mode\":3,\"stratum\":0,\"reference_id\":\"00:00:00:00\"}", NULL },
	{ TO_SERVER,
		{ (const uint8_t *)"\x13\x00\x06\xec\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
				   "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
				   "\x00\x00\x00\x00\x00\x00\x00\x00",
			48 },
		"", "malformed_data" },
	{ TO_CLIENT, { (const uint8_t *)"\x24", 1 }, "", "malformed_data" },
};

static void rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(packets); i++)
		check(&packets[i], PORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
