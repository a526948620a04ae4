// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const struct testtalk session_talk[] = {
	TALK(TO_SERVER, "\x00\x00\x00\x08\x04\xd2\x16/"),
	TALK(TO_CLIENT, "N"),
	TALK(TO_SERVER, "\x00\x00\x00+\x00\x03\x00\x00user\x00me\x00"
			"database\x00"
			"db\x00"
			"DateStyle\x00ISO\x00\x00"),
	TALK(TO_CLIENT, "R\x00\x00\x00\x17\x00\x00\x00\nSCRAM-SHA-256\x00\x00"),
	TALK(TO_SERVER, "p\x00\x00\x00\x19SCRAM-SHA-256\x00\x00\x00\x00\x03n,,"),
	TALK(TO_CLIENT, "R\x00\x00\x00\x0b\x00\x00\x00\x0br=1"),
	TALK(TO_SERVER, "p\x00\x00\x00\nc=biws"),
	TALK(TO_CLIENT, "R\x00\x00\x00\x0b\x00\x00\x00\x0cv=2R\x00\x00\x00\x08\x00\x00\x00\x00S\x00\x00\x00\x11Ti"
			"meZone\x00UTC\x00K\x00\x00\x00\x0c\x00\x00\x00\x07\x00\x00\x00\x08Z\x00\x00\x00\x05I"),
	TALK(TO_SERVER, "Q\x00\x00\x00\rselect 1\x00"),
	TALK(TO_CLIENT, "T\x00\x00\x00\x1a\x00\x01"
			"a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			"\x00\x00\x00\x00"
			"D\x00\x00\x00\r\x00\x01\x00\x00\x00\x03"
			"abcD\x00\x00\x00\n\x00\x01\xff"
			"\xff\xff\xff"
			"C\x00\x00\x00\rSELECT 2\x00Z\x00\x00\x00\x05I"),
	TALK(TO_SERVER, "Q\x00\x00\x00\x15"
			"copy t to stdout\x00"),
	TALK(TO_CLIENT, "H\x00\x00\x00\x07\x00\x00\x00"
			"d\x00\x00\x00\x07rowd\x00\x00\x00\x08rowsc\x00\x00\x00\x04"
			"C\x00\x00\x00\x0b"
			"COPY 2\x00Z\x00\x00\x00\x05I"),
	TALK(TO_SERVER, "Q\x00\x00\x00\x16"
			"copy t from stdin\x00"),
	TALK(TO_CLIENT, "G\x00\x00\x00\x07\x00\x00\x00"),
	TALK(TO_SERVER, "d\x00\x00\x00\x08"
			"datac\x00\x00\x00\x04"),
	TALK(TO_CLIENT, "C\x00\x00\x00\x0b"
			"COPY 1\x00Z\x00\x00\x00\x05I"),
	TALK(TO_SERVER, "Q\x00\x00\x00\x08"
			"bad\x00"),
	TALK(TO_CLIENT, "E\x00\x00\x00;SERROR\x00VERROR\x00"
			"C42601\x00Msyntax error\x00P1\x00"
			"Fscan.l\x00L1\x00"
			"Rerr\x00\x00Z\x00\x00\x00\x05I"),
	TALK(TO_SERVER, "P\x00\x00\x00\x0e\x00select\x00\x00\x00S\x00\x00\x00\x04"),
	TALK(TO_CLIENT, "1\x00\x00\x00\x04Z\x00\x00\x00\x05I"),
	TALK(TO_SERVER, "X\x00\x00\x00\x04"),
};

static const char session_records[] =
	"{\"tx_id\":1,\"request\":{\"message\":\"SSL Request\"},\"response\":{\"ssl_accepted\":fals"
	"e}}\n"
	"{\"tx_id\":2,\"request\":{\"protocol_version\":\"3.0\",\"startup_parameters\":{\"user\":\""
	"me\",\"optional_parameters\":[{\"database\":\"db\"},{\"date_style\":\"ISO\"}]}},\"response"
	"\":{\"message\":\"authentication_sasl\"}}\n"
	"{\"tx_id\":3,\"request\":{\"sasl_authentication_mechanism\":\"scram_SHA256\",\"sasl_param\""
	":\"n,,\"},\"response\":{\"message\":\"authentication_sasl_continue\"}}\n"
	"{\"tx_id\":4,\"request\":{\"sasl_response\":\"c=biws\"},\"response\":{\"authentication_sas"
	"l_final\":\"v=2\",\"message\":\"authentication_ok\",\"parameter_status\":[{\"time_zone\":\""
	"UTC\"}],\"process_id\":7,\"secret_key\":8}}\n"
	"{\"tx_id\":5,\"request\":{\"simple_query\":\"select 1\"},\"response\":{\"field_count\":1,\""
	"data_rows\":2,\"data_size\":3,\"command_completed\":\"SELECT 2\"}}\n"
	"{\"tx_id\":6,\"request\":{\"simple_query\":\"copy t to stdout\"},\"response\":{\"copy_data"
	"_out\":{\"row_count\":2,\"data_size\":7},\"command_completed\":\"COPY 2\"}}\n"
	"{\"tx_id\":7,\"request\":{\"simple_query\":\"copy t from stdin\",\"copy_data_in\":{\"msg_c"
	"ount\":1,\"data_size\":4}},\"response\":{\"command_completed\":\"COPY 1\"}}\n"
	"{\"tx_id\":8,\"request\":{\"simple_query\":\"bad\"},\"response\":{\"severity_localizable\""
	":\"ERROR\",\"severity_non_localizable\":\"ERROR\",\"code\":\"42601\",\"message\":\"syntax "
	"error\",\"position\":\"1\",\"file\":\"scan.l\",\"line\":\"1\",\"routine\":\"err\"}}\n"
	"{\"tx_id\":9,\"request\":{\"message\":\"termination_message\"}}\n";

static void session(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5432, "%YAML 1.1\n---\napp-layer:\n  protocols:\n    pgsql:\n      enabled: yes\n");
	assert_true(testtalk_same(&app, session_talk, ARRAY_COUNT(session_talk), session_records));
	testapp_done(&app);
}

static const struct testtalk passwords_talk[] = {
	TALK(TO_SERVER, "\x00\x00\x00+\x00\x03\x00\x00user\x00me\x00"
			"database\x00"
			"db\x00"
			"DateStyle\x00ISO\x00\x00"),
	TALK(TO_CLIENT, "R\x00\x00\x00\x0c\x00\x00\x00\x05salt"),
	TALK(TO_SERVER, "p\x00\x00\x00\x0bmd5abc\x00"),
	TALK(TO_CLIENT, "R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I"),
};

static const char passwords_records[] =
	"{\"tx_id\":1,\"request\":{\"protocol_version\":\"3.0\",\"startup_parameters\":{\"user\":\""
	"me\",\"optional_parameters\":[{\"database\":\"db\"},{\"date_style\":\"ISO\"}]}},\"response"
	"\":{\"authentication_md5_password\":\"salt\"}}\n"
	"{\"tx_id\":2,\"request\":{\"password_redacted\":true},\"response\":{\"message\":\"authenti"
	"cation_ok\"}}\n";

static void passwords(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5432, "%YAML 1.1\n---\napp-layer:\n  protocols:\n    pgsql:\n      enabled: yes\n");
	assert_true(testtalk_same(&app, passwords_talk, ARRAY_COUNT(passwords_talk), passwords_records));
	testapp_done(&app);
}

static const struct testtalk cancelling_talk[] = {
	TALK(TO_SERVER, "\x00\x00\x00\x10\x04\xd2\x16.\x00\x00\x00\x07\x00\x00\x00\x08"),
};

static const char cancelling_records[] =
	"{\"tx_id\":1,\"request\":{\"message\":\"cancel_request\",\"process_id\":7,\"secret_key\":8"
	"}}\n";

static void cancelling(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5432, "%YAML 1.1\n---\napp-layer:\n  protocols:\n    pgsql:\n      enabled: yes\n");
	assert_true(testtalk_same(&app, cancelling_talk, ARRAY_COUNT(cancelling_talk), cancelling_records));
	testapp_done(&app);
}

static const struct testtalk gssapi_refused_talk[] = {
	TALK(TO_SERVER, "\x00\x00\x00\x08\x04\xd2\x16"
			"0"),
	TALK(TO_CLIENT, "N"),
	TALK(TO_SERVER, "\x00\x00\x00+\x00\x03\x00\x00user\x00me\x00"
			"database\x00"
			"db\x00"
			"DateStyle\x00ISO\x00\x00"),
};

static const char gssapi_refused_records[] =
	"{\"tx_id\":1,\"request\":{\"message\":\"GSSENC Request\"}}\n"
	"{\"tx_id\":2,\"request\":{\"protocol_version\":\"3.0\",\"startup_parameters\":{\"user\":\""
	"me\",\"optional_parameters\":[{\"database\":\"db\"},{\"date_style\":\"ISO\"}]}}}\n";

static void gssapi_refused(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5432, "%YAML 1.1\n---\napp-layer:\n  protocols:\n    pgsql:\n      enabled: yes\n");
	assert_true(testtalk_same(&app, gssapi_refused_talk, ARRAY_COUNT(gssapi_refused_talk), gssapi_refused_records));
	testapp_done(&app);
}

static const struct testtalk malformed_talk[] = {
	TALK(TO_SERVER, "\x00\x00\x00+\x00\x03\x00\x00user\x00me\x00"
			"database\x00"
			"db\x00"
			"DateStyle\x00ISO\x00\x00"),
	TALK(TO_SERVER, "\x00\x00\x00\x08\x00\xff\x00\xff"),
};

static const char malformed_records[] =
	"{\"tx_id\":1,\"request\":{\"protocol_version\":\"3.0\",\"startup_parameters\":{\"user\":\""
	"me\",\"optional_parameters\":[{\"database\":\"db\"},{\"date_style\":\"ISO\"}]}}}\n"
	"{\"tx_id\":2} !malformed_request\n";

static void malformed(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5432, "%YAML 1.1\n---\napp-layer:\n  protocols:\n    pgsql:\n      enabled: yes\n");
	assert_true(testtalk_same(&app, malformed_talk, ARRAY_COUNT(malformed_talk), malformed_records));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session),
		cmocka_unit_test(passwords),
		cmocka_unit_test(cancelling),
		cmocka_unit_test(gssapi_refused),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
