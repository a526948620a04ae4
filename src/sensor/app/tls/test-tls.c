// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "sensor/app/testapp.h"
#include "sensor/app/tls/certificate.h"
#include "sensor/app/tls/test-data.h"
#include "sensor/app/tls/tls.h"

#define CONFIG                                                                                                         \
	"%YAML 1.1\n---\napp-layer:\n  protocols:\n    tls:\n      ja3-fingerprints: yes\n      ja4-fingerprints: "    \
	"yes\n"

static struct bytes client(void)
{
	return bytes_of(client_bytes, sizeof(client_bytes));
}

static struct bytes server(void)
{
	return bytes_of(server_bytes, sizeof(server_bytes));
}

static void check_handshake(struct testapp *app)
{
	struct app_tx *tx = app->flow.app->first;
	char text[256];

	assert_non_null(tx);
	assert_false(app->flow.app->failed);
	assert_int_equal(tx->event_count, 0);
	assert_string_equal(testapp_buffer(app, tx, "tls.sni", TO_SERVER, 0, text, sizeof(text)), "www.example.org");
	assert_string_equal(testapp_buffer(app, tx, "tls.cert_subject", TO_CLIENT, 0, text, sizeof(text)),
		"C=VN, O=Luy Tre, Test, CN=www.example.org");
	assert_string_equal(testapp_buffer(app, tx, "tls.cert_serial", TO_CLIENT, 0, text, sizeof(text)), "0A:1B:2C");
	assert_string_equal(testapp_buffer(app, tx, "tls.cert_fingerprint", TO_CLIENT, 0, text, sizeof(text)),
		"32:23:92:99:8d:88:af:95:5f:c5:6d:ed:b2:0a:45:88:38:65:d9:d7");
	assert_string_equal(
		testapp_buffer(app, tx, "tls.subjectaltname", TO_CLIENT, 1, text, sizeof(text)), "example.org");
	assert_string_equal(
		testapp_buffer(app, tx, "tls.subjectaltname", TO_CLIENT, 2, text, sizeof(text)), "192.0.2.9");
	assert_string_equal(testapp_buffer(app, tx, "tls.alpn", TO_SERVER, 1, text, sizeof(text)), "http/1.1");
	assert_string_equal(testapp_buffer(app, tx, "tls.alpn", TO_CLIENT, 0, text, sizeof(text)), "http/1.1");
	assert_true(app_tx_loggable(tx));
	assert_true(app->flow.flags & FLOW_NO_PAYLOAD_INSPECT);
}

static void whole_bytewise_and_cut_everywhere(void **state)
{
	size_t most = sizeof(client_bytes) > sizeof(server_bytes) ? sizeof(client_bytes) : sizeof(server_bytes);

	for (size_t cut = 0; cut < most; cut++) {
		struct testapp app;

		testapp_init(&app, 6, 443, CONFIG);
		testapp_stream(&app, TO_SERVER, client(), cut);
		testapp_stream(&app, TO_CLIENT, server(), cut);
		check_handshake(&app);
		testapp_done(&app);
	}
}

static void record_in_eve(void **state)
{
	char text[8192];
	struct testapp app;

	testapp_init(&app, 6, 443, CONFIG);
	testapp_stream(&app, TO_SERVER, client(), 0);
	testapp_stream(&app, TO_CLIENT, server(), 0);
	testapp_log(app.flow.app->first, &app.flow, true, text, sizeof(text));
	assert_non_null(strstr(text, "\"subject\":\"C=VN, O=Luy Tre, Test, CN=www.example.org\""));
	assert_non_null(strstr(text,
		"\"version\":\"TLS 1.2\",\"notbefore\":\"2026-11-22T02:34:06\",\"notafter\":\"2036-11-19T02:34:06\""));
	assert_non_null(strstr(text, "\"ja3\":{\"hash\":\""));
	assert_non_null(strstr(text, "\"ja4\":\"t12d"));
	assert_non_null(strstr(text, "\"client_alpns\":[\"h2\",\"http/1.1\"],\"server_alpns\":[\"http/1.1\"]"));
	testapp_done(&app);
}

/* The example of the JA4 specification's form: no extension but SNI and versions, two ciphers and GREASE. */
static void fingerprints(void **state)
{
	static const uint8_t body[] = { 0x03, 0x03, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
		19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 0, 0, 6, 0x1a, 0x1a, 0x13, 0x02, 0x13, 0x01, 1, 0,
		0, 13, 0x2a, 0x2a, 0, 0, 0, 43, 0, 5, 4, 0x3a, 0x3a, 0x03, 0x04 };
	struct tls_hello hello;
	char ja4[TLS_JA4_SIZE + 1];
	struct bytes text, hash;
	struct arena arena;

	arena_init(&arena, 1 << 16);
	assert_true(tls_client_hello_read(bytes_of(body, sizeof(body)), &hello));
	assert_true(tls_ja3(&hello, &arena, &text, &hash));
	assert_true(bytes_equal_str(text, "771,4866-4865,43,,"));
	tls_ja4(&hello, 't', ja4);
	assert_memory_equal(ja4, "t13i020100_62ed6f6ca7ad_", 24);
	arena_done(&arena);
}

static void every_prefix_of_a_certificate(void **state)
{
	struct tls_certificate certificate;
	struct testapp app;
	struct bytes der;

	testapp_init(&app, 6, 443, CONFIG);
	testapp_stream(&app, TO_SERVER, client(), 0);
	testapp_stream(&app, TO_CLIENT, server(), 0);
	der = tls_of(app.flow.app->first)->side[TO_CLIENT].chain[0];
	certificate = tls_of(app.flow.app->first)->side[TO_CLIENT].certificate;
	assert_string_equal(certificate.key, "ec");
	assert_int_equal(certificate.key_bits, 256);
	assert_string_equal(certificate.signature, "sha256-ecdsa");
	for (size_t size = 0; size <= der.size; size++) {
		uint8_t *exact = malloc(size + 1);
		struct arena arena;

		assert_non_null(exact);
		memcpy(exact, der.ptr, size);
		arena_init(&arena, 1 << 20);
		assert_true((tls_certificate_read(bytes_of(exact, size), &arena, &certificate) == TLS_CERT_OK) ==
			    (size == der.size));
		arena_done(&arena);
		free(exact);
	}
	testapp_done(&app);
}

static void trouble(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		size_t size;
	} rows[] = {
		{ "invalid_record_type", "\x16\x03\x01\x00\x00\x63\x03\x01\x00\x00", 10 },
		{ "invalid_record_version", "\x16\x03\x01\x00\x00\x16\x07\x01\x00\x00", 10 },
		{ "invalid_record_length", "\x16\x03\x01\xff\xff", 5 },
		{ "invalid_handshake_message", "\x16\x03\x01\x00\x04\x63\x00\x00\x00", 9 },
		{ "overflow_heartbeat_message", "\x16\x03\x01\x00\x00\x18\x03\x01\x00\x03\x01\x40\x00", 13 },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
		struct testapp app;

		testapp_init(&app, 6, 443, NULL);
		testapp_stream(&app, TO_SERVER, bytes_of(rows[i].text, rows[i].size), 0);
		assert_non_null(app.flow.app->first);
		assert_true(testapp_tx_has_event(app.flow.app->first, rows[i].name));
		testapp_done(&app);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_bytewise_and_cut_everywhere),
		cmocka_unit_test(record_in_eve),
		cmocka_unit_test(fingerprints),
		cmocka_unit_test(every_prefix_of_a_certificate),
		cmocka_unit_test(trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
