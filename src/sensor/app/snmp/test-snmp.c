// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testapp.h"

enum { PORT = 161 };

static const struct bytes good = {
	(const uint8_t *)"\x30\x51\x02\x01\x03\x30\x0e\x02\x01\x01\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01\x03\x04\x1c"
			 "\x30\x1a\x04\x07\x80\x65\x6e\x67\x69\x6e\x65\x02\x01\x00\x02\x01\x00\x04\x05\x61\x64\x6d\x69"
			 "\x6e\x04\x00\x04\x00\x30\x1e\x04\x00\x04\x00\xa5\x18\x02\x01\x01\x02\x01\x00\x02\x01\x09\x30"
			 "\x0d\x30\x0b\x06\x07\x2b\x06\x01\x02\x01\x82\x2c\x05\x00",
	83
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
	{ TO_CLIENT,
		{ (const uint8_t *)"\x30\x51\x02\x01\x03\x30\x0e\x02\x01\x01\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01"
				   "\x03\x04\x1c\x30\x1a\x04\x07\x80\x65\x6e\x67\x69\x6e\x65\x02\x01\x00\x02\x01\x00"
				   "\x04\x05\x61\x64\x6d\x69\x6e\x04\x00\x04\x00\x30\x1e\x04\x00\x04\x00\xa5\x18\x02"
				   "\x01\x01\x02\x01\x00\x02\x01\x09\x30\x0d\x30\x0b\x06\x07\x2b\x06\x01\x02\x01\x82"
				   "\x2c\x05\x00",
			83 },
		"{\"version\":3,\"pdu_type\":\"get_bulk_request\",\"vars\":[\"1.3.6.1.2.1.300\"],\"usm\":\"admin\"}",
		NULL },
	{ TO_CLIENT,
		{ (const uint8_t *)"\x30\x39\x02\x01\x03\x30\x0e\x02\x01\x01\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01"
				   "\x03\x04\x1c\x30\x1a\x04\x07\x80\x65\x6e\x67\x69\x6e\x65\x02\x01\x00\x02\x01\x00"
				   "\x04\x05\x61\x64\x6d\x69\x6e\x04\x00\x04\x00\x04\x06\x73\x65\x63\x72\x65\x74",
			59 },
		"{\"version\":3,\"pdu_type\":\"encrypted\",\"usm\":\"admin\"}", NULL },
	{ TO_CLIENT,
		{ (const uint8_t *)"\x30\x25\x02\x01\x01\x04\x06\x70\x75\x62\x6c\x69\x63\xa0\x18\x02\x01\x05\x02\x01"
				   "\x00\x02\x01\x00\x30\x0d\x30\x0b\x06\x07\x2b\x06\x01\x02\x01\x82\x2c\x05\x00",
			39 },
		"{\"version\":2,\"pdu_type\":\"get_request\",\"vars\":[\"1.3.6.1.2.1.300\"],\"community\":\"public\"}",
		"version_mismatch" },
	{ TO_CLIENT,
		{ (const uint8_t *)"\x30\x18\x02\x01\x00\x04\x06\x70\x75\x62\x6c\x69\x63\xa2\x0b\x02\x01\x05\x02\x01"
				   "\x02\x02\x01\x00\x30\x00",
			26 },
		"{\"version\":1,\"pdu_type\":\"response\",\"error\":\"NoSuchName\",\"community\":\"public\"}",
		"version_mismatch" },
	{ TO_SERVER,
		{ (const uint8_t *)"\x30\x2c\x02\x01\x00\x04\x01\x63\xa4\x24\x06\x04\x2b\x06\x01\x04\x40\x04\x0a\x00"
				   "\x00\x01\x02\x01\x03\x02\x01\x00\x43\x01\x01\x30\x0d\x30\x0b\x06\x07\x2b\x06\x01"
				   "\x02\x01\x82\x2c\x05\x00",
			46 },
		"{\"version\":1,\"pdu_type\":\"trap_v1\",\"trap_type\":\"LinkUp\",\"trap_oid\":\"1.3.6.1.4\",\"trap_"
		"address\":\"10.0.0.1\",\"vars\":[\"1.3.6.1.2.1.300\"],\"community\":\"c\"}",
		"version_mismatch" },
	{ TO_SERVER,
		{ (const uint8_t *)"\x30\x19\x02\x01\x03\x30\x0e\x02\x01\x01\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01"
				   "\x09\x04\x01\x78\x04\x01\x73",
			27 },
		"{\"version\":3,\"pdu_type\":\"encrypted\"}", "unknown_security_model" },
	{ TO_SERVER,
		{ (const uint8_t *)"\x30\x19\x02\x01\x03\x30\x0e\x02\x01\x01\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01"
				   "\x03\x04\x01\x78\x04\x01\x73",
			27 },
		"{\"version\":3}", "malformed_data" },
	{ TO_SERVER, { (const uint8_t *)"\x30\x80", 2 }, "", "malformed_data" },
	{ TO_SERVER, { (const uint8_t *)"\x30\x06\x02\x01\x02\x04\x01\x63", 8 }, "", "malformed_data" },
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
