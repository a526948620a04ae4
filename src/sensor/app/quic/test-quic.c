// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "sensor/app/quic/packet.h"
#include "sensor/app/testapp.h"

#define BYTES(text) bytes_of(text, sizeof(text) - 1)

/* RFC 9001, appendix A.1 and A.3. */
#define CONNECTION "\x83\x94\xc8\xf0\x3e\x51\x57\x08"

static const uint8_t server_initial[] = { 0xcf, 0x00, 0x00, 0x00, 0x01, 0x00, 0x08, 0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42,
	0x62, 0xb5, 0x00, 0x40, 0x75, 0xc0, 0xd9, 0x5a, 0x48, 0x2c, 0xd0, 0x99, 0x1c, 0xd2, 0x5b, 0x0a, 0xac, 0x40,
	0x6a, 0x58, 0x16, 0xb6, 0x39, 0x41, 0x00, 0xf3, 0x7a, 0x1c, 0x69, 0x79, 0x75, 0x54, 0x78, 0x0b, 0xb3, 0x8c,
	0xc5, 0xa9, 0x9f, 0x5e, 0xde, 0x4c, 0xf7, 0x3c, 0x3e, 0xc2, 0x49, 0x3a, 0x18, 0x39, 0xb3, 0xdb, 0xcb, 0xa3,
	0xf6, 0xea, 0x46, 0xc5, 0xb7, 0x68, 0x4d, 0xf3, 0x54, 0x8e, 0x7d, 0xde, 0xb9, 0xc3, 0xbf, 0x9c, 0x73, 0xcc,
	0x3f, 0x3b, 0xde, 0xd7, 0x4b, 0x56, 0x2b, 0xfb, 0x19, 0xfb, 0x84, 0x02, 0x2f, 0x8e, 0xf4, 0xcd, 0xd9, 0x37,
	0x95, 0xd7, 0x7d, 0x06, 0xed, 0xbb, 0x7a, 0xaf, 0x2f, 0x58, 0x89, 0x18, 0x50, 0xab, 0xbd, 0xca, 0x3d, 0x20,
	0x39, 0x8c, 0x27, 0x64, 0x56, 0xcb, 0xc4, 0x21, 0x58, 0x40, 0x7d, 0xd0, 0x74, 0xee };

static void keys(void **state)
{
	struct quic_keys keys[SENSOR_DIRS];

	assert_true(quic_keys_make(1, BYTES(CONNECTION), keys));
	assert_memory_equal(
		keys[TO_SERVER].key, "\x1f\x36\x96\x13\xdd\x76\xd5\x46\x77\x30\xef\xcb\xe3\xb1\xa2\x2d", 16);
	assert_memory_equal(keys[TO_SERVER].iv, "\xfa\x04\x4b\x2f\x42\xa3\xfd\x3b\x46\xfb\x25\x5c", 12);
	assert_memory_equal(
		keys[TO_SERVER].header_key, "\x9f\x50\x44\x9e\x04\xa0\xe8\x10\x28\x3a\x1e\x99\x33\xad\xed\xd2", 16);
	assert_memory_equal(
		keys[TO_CLIENT].key, "\xcf\x3a\x53\x31\x65\x3c\x36\x4c\x88\xf0\xf3\x79\xb6\x06\x7e\x37", 16);
	assert_false(quic_keys_make(0x12345678, BYTES(CONNECTION), keys));
}

static void server_initial_decrypts(void **state)
{
	static uint8_t clear[QUIC_PACKET_MAX];
	struct quic_keys keys[SENSOR_DIRS];
	struct quic_header header;
	uint64_t largest = UINT64_MAX;
	size_t size;

	assert_true(quic_keys_make(1, BYTES(CONNECTION), keys));
	assert_true(quic_header_read(bytes_of(server_initial, sizeof(server_initial)), &header));
	assert_int_equal(header.type, QUIC_INITIAL);
	assert_int_equal(header.packet.size, sizeof(server_initial));
	assert_true(quic_decrypt(&keys[TO_CLIENT], &header, &largest, clear, &size));
	assert_int_equal(largest, 1);
	/* An ACK, then CRYPTO with the server's hello. */
	assert_memory_equal(clear, "\x02\x00\x00\x00\x00\x06\x00\x40\x5a\x02\x00\x00\x56", 13);
	assert_false(quic_decrypt(&keys[TO_SERVER], &header, &largest, clear, &size));
}

static void every_prefix_is_refused(void **state)
{
	for (size_t size = 1; size < sizeof(server_initial); size++) {
		uint8_t *exact = malloc(size);
		struct quic_header header;

		assert_non_null(exact);
		memcpy(exact, server_initial, size);
		assert_false(quic_header_read(bytes_of(exact, size), &header));
		free(exact);
	}
}

static void answer_without_question(void **state)
{
	struct testapp app;

	testapp_init(&app, 17, 443, NULL);
	testapp_datagram(&app, TO_CLIENT, bytes_of(server_initial, sizeof(server_initial)));
	assert_string_equal(app_conn_proto(app.flow.app), "quic");
	assert_int_equal(app.flow.app->tx_count, 0);
	testapp_done(&app);
}

/* A hello of Google's QUIC with one tag. */
static void google_hello(void **state)
{
	static const char packet[] = "\xc3Q046\x50" CONNECTION "\x00\x00\x00\x01"
				     "0123456789ab"
				     "\xa0\x01\x00\x1b"
				     "CHLO\x01\x00\x00\x00"
				     "SNI\x00\x0b\x00\x00\x00"
				     "example.org";
	struct testapp app;
	char text[1024];

	testapp_init(&app, 17, 443, NULL);
	testapp_datagram(&app, TO_SERVER, BYTES(packet));
	assert_int_equal(app.flow.app->tx_count, 1);
	testapp_log(app.flow.app->first, &app.flow, false, text, sizeof(text));
	assert_non_null(strstr(text, "{\"version\":\"Q046\",\"sni\":\"example.org\",\"cyu\":[{\"hash\":\""));
	assert_non_null(strstr(text, "\"string\":\"46,SNI\"}]"));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(server_initial_decrypts),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(answer_without_question),
		cmocka_unit_test(google_hello),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
