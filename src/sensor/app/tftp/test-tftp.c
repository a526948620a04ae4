// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testapp.h"

enum { PORT = 69 };

static const struct bytes good = {
	(const uint8_t *)"\x00\x01\x72\x66\x63\x31\x33\x35\x30\x2e\x74\x78\x74\x00\x6f\x63\x74\x65\x74\x00", 20
};

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
		{ (const uint8_t *)"\x00\x01\x72\x66\x63\x31\x33\x35\x30\x2e\x74\x78\x74\x00\x6f\x63\x74\x65\x74\x00",
			20 },
		"{\"packet\":\"read\",\"file\":\"rfc1350.txt\",\"mode\":\"octet\"}", NULL },
	{ TO_SERVER,
		{ (const uint8_t *)"\x00\x02\x61\x00\x4e\x65\x74\x41\x53\x43\x49\x49\x00\x74\x73\x69\x7a\x65\x00\x30"
				   "\x00",
			21 },
		"{\"packet\":\"write\",\"file\":\"a\",\"mode\":\"netascii\"}", NULL },
	{ TO_SERVER, { (const uint8_t *)"\x00\x02\x00\x6d\x61\x69\x6c\x00", 8 },
		"{\"packet\":\"write\",\"file\":\"\",\"mode\":\"mail\"}", NULL },
	{ TO_SERVER, { (const uint8_t *)"\x00\x01\x61\x00\x6f\x74\x68\x65\x72\x00", 10 }, NULL, NULL },
	{ TO_SERVER, { (const uint8_t *)"\x00\x03\x61\x00\x6f\x63\x74\x65\x74\x00", 10 }, NULL, NULL },
	{ TO_SERVER, { (const uint8_t *)"\x00\x01\x61\x00\x6f\x63\x74\x65\x74", 9 }, NULL, NULL },
	{ TO_CLIENT,
		{ (const uint8_t *)"\x00\x01\x72\x66\x63\x31\x33\x35\x30\x2e\x74\x78\x74\x00\x6f\x63\x74\x65\x74\x00",
			20 },
		NULL, NULL },
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
