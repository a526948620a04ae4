// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const char config[] = "%YAML 1.1\n"
			     "---\n"
			     "app-layer: {protocols: {enip: {enabled: yes}}}\n";

static const struct testtalk identity_talk[] = {
	TALK(TO_SERVER,
		"c\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\301\336\276\321\000\000\000\000"),
	TALK(TO_CLIENT, "c\0003\000\000\000\000\000\000\000\000\000\000\000\000\000\301\336\276\321\000\000\000\000\001"
			"\000\014\000"
			"-\000\001\000\000\002\257\022\n\001\001\244\000\000\000\000\000\000\000\000\001\000\014\000:"
			"\000\004\003"
			"0\000\216MR\000\0131756-ENBT/A\003"),
};

static const char identity_records[] = "{\"request\":{\"command\":\"list_"
				       "identity\",\"status\":\"success\""
				       "},\"response\":{\"command\":\"lis"
				       "t_identity\",\"status\":\"succes"
				       "s\",\"identity\":{\"protocol_ver"
				       "sion\":1,\"revision\":\"4.3\",\"ve"
				       "ndor_id\":\"Rockwell Automatio"
				       "n/Allen-Bradley\",\"device_typ"
				       "e\":\"Communications Adapter\","
				       "\"product_code\":58,\"status\":4"
				       "8,\"serial\":5393806,\"product_"
				       "name\":\"1756-ENBT/A\",\"state\":"
				       "3}}}\n";

static void identity(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 44818, config);
	assert_true(testtalk_same(&app, identity_talk, ARRAY_COUNT(identity_talk), identity_records));
	testapp_done(&app);
}

static const struct testtalk multiple_talk[] = {
	TALK(TO_SERVER,
		"p\000\272\000\000\001\002\021\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
		"\000\000"
		"\001\000\002\000\241\000\004\000\001\013|\000\261\000\246\000\211\007\n\002 \002$\001\013\000\030\000"
		"\"\000,\0006\000L\000X\000d\000r\000|\000\212\000\224\000\003\002 \001$\001\001\000"
		"\005\000\003\002 i$\000\001\000\013\000\003\002 s$\001\001\000\002\000\003\002 \254$\001"
		"\007\000\001\000\002\000\003\000\005\000\007\000\011\000\n\000\003\003 h%\000 $\001\000\023\000"
		"\003\002 p$\001\002\000\022\000\023\000\003\002 \216$\001\003\000\003\000\010\000\020\000\003\002"
		" i$\000\001\000\011\000\003\002 h$\000\003\000\017\000\030\000\031\000\003\002 w$\001"
		"\001\000\002\000\003\002 \213$\001\001\000\006\000"),
	TALK(TO_CLIENT,
		"p\000\r\001\000\001\002\021\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
		"\000\000"
		"\000\000\002\000\241\000\004\000(\000\376\200\261\000\371\000\211\007\212\000\000\000\013\000\030\000$"
		"\000"
		"0\000<"
		"\000t\000\177\000\225\000\255\000\271\000\325\000\341\000\203\000\000\000\001\000\005\000\000\000"
		"`0\203\000\000\000\001\000\013\000\000\000\003\000\203\000\000\000\001\000\002\000\000\000\000\000\203"
		"\000"
		"\000\000\007\000\001\000\000\000\005\000\002\000\000\000\001\000\003\000\000\000\225)"
		"\037\004\005\000\000\000"
		"\000\000\007\000\000\000\002\000\000\000\011\000\000\000\001\000\001\000\n\000\000\000\204\"\337H\203"
		"\000"
		"\000\000\001\000\023\000\000\000\000\203\000\000\000\002\000\022\000\000\000\000\000\000\000\023\000"
		"\000\000\000"
		"\000\000\000\203\000\000\000\003\000\003\000\000\000\024\000\010\000\000\000\000\000\020\000\000\000"
		"\001\000\203"
		"\000\000\000\001\000\011\000\000\000\000\000\203\000\000\000\003\000\017\000\000\000\000\000\030\000"
		"\000\000\000"
		"\000\000\000\031\000\000\000\000\000\000\000\203\000\000\000\001\000\002\000\000\000\002\001\203\000"
		"\000\000\001"
		"\000\006\000\000\000s\264\352\005\364Y\004\000"),
};

static const char multiple_records[] = "{\"request\":{\"command\":\"send_"
				       "unit_data\",\"status\":\"success"
				       "\",\"cip\":{\"service\":\"Multiple"
				       " Service Packet\",\"path\":[{\"s"
				       "egment_type\":\"class\",\"value\""
				       ":2},{\"segment_type\":\"instanc"
				       "e\",\"value\":1}],\"class_name\":"
				       "\"Message Router\",\"multiple\":"
				       "[{\"service\":\"Get Attribute L"
				       "ist\",\"path\":[{\"segment_type\""
				       ":\"class\",\"value\":1},{\"segmen"
				       "t_type\":\"instance\",\"value\":1"
				       "}],\"class_name\":\"Identity\"},"
				       "{\"service\":\"Get Attribute Li"
				       "st\",\"path\":[{\"segment_type\":"
				       "\"class\",\"value\":105},{\"segme"
				       "nt_type\":\"instance\",\"value\":"
				       "0}],\"class_name\":\"unknown-10"
				       "5\"},{\"service\":\"Get Attribut"
				       "e List\",\"path\":[{\"segment_ty"
				       "pe\":\"class\",\"value\":115},{\"s"
				       "egment_type\":\"instance\",\"val"
				       "ue\":1}],\"class_name\":\"unknow"
				       "n-115\"},{\"service\":\"Get Attr"
				       "ibute List\",\"path\":[{\"segmen"
				       "t_type\":\"class\",\"value\":172}"
				       ",{\"segment_type\":\"instance\","
				       "\"value\":1}],\"class_name\":\"un"
				       "known-172\"},{\"service\":\"Get "
				       "Attribute List\",\"path\":[{\"se"
				       "gment_type\":\"class\",\"value\":"
				       "104},{\"segment_type\":\"instan"
				       "ce\",\"value\":9248}],\"class_na"
				       "me\":\"unknown-104\"},{\"service"
				       "\":\"Get Attribute List\",\"path"
				       "\":[{\"segment_type\":\"class\",\""
				       "value\":112},{\"segment_type\":"
				       "\"instance\",\"value\":1}],\"clas"
				       "s_name\":\"unknown-112\"},{\"ser"
				       "vice\":\"Get Attribute List\",\""
				       "path\":[{\"segment_type\":\"clas"
				       "s\",\"value\":142},{\"segment_ty"
				       "pe\":\"instance\",\"value\":1}],\""
				       "class_name\":\"unknown-142\"},{"
				       "\"service\":\"Get Attribute Lis"
				       "t\",\"path\":[{\"segment_type\":\""
				       "class\",\"value\":105},{\"segmen"
				       "t_type\":\"instance\",\"value\":0"
				       "}],\"class_name\":\"unknown-105"
				       "\"},{\"service\":\"Get Attribute"
				       " List\",\"path\":[{\"segment_typ"
				       "e\":\"class\",\"value\":104},{\"se"
				       "gment_type\":\"instance\",\"valu"
				       "e\":0}],\"class_name\":\"unknown"
				       "-104\"},{\"service\":\"Get Attri"
				       "bute List\",\"path\":[{\"segment"
				       "_type\":\"class\",\"value\":119},"
				       "{\"segment_type\":\"instance\",\""
				       "value\":1}],\"class_name\":\"unk"
				       "nown-119\"},{\"service\":\"Get A"
				       "ttribute List\",\"path\":[{\"seg"
				       "ment_type\":\"class\",\"value\":1"
				       "39},{\"segment_type\":\"instanc"
				       "e\",\"value\":1}],\"class_name\":"
				       "\"unknown-139\"}]}},\"response\""
				       ":{\"command\":\"send_unit_data\""
				       ",\"status\":\"success\",\"cip\":{\""
				       "service\":\"Multiple Service P"
				       "acket\",\"status\":\"success\",\"m"
				       "ultiple\":[{\"service\":\"Get At"
				       "tribute List\",\"status\":\"succ"
				       "ess\"},{\"service\":\"Get Attrib"
				       "ute List\",\"status\":\"success\""
				       "},{\"service\":\"Get Attribute "
				       "List\",\"status\":\"success\"},{\""
				       "service\":\"Get Attribute List"
				       "\",\"status\":\"success\"},{\"serv"
				       "ice\":\"Get Attribute List\",\"s"
				       "tatus\":\"success\"},{\"service\""
				       ":\"Get Attribute List\",\"statu"
				       "s\":\"success\"},{\"service\":\"Ge"
				       "t Attribute List\",\"status\":\""
				       "success\"},{\"service\":\"Get At"
				       "tribute List\",\"status\":\"succ"
				       "ess\"},{\"service\":\"Get Attrib"
				       "ute List\",\"status\":\"success\""
				       "},{\"service\":\"Get Attribute "
				       "List\",\"status\":\"success\"},{\""
				       "service\":\"Get Attribute List"
				       "\",\"status\":\"success\"}]}}}\n";

static void multiple(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 44818, config);
	assert_true(testtalk_same(&app, multiple_talk, ARRAY_COUNT(multiple_talk), multiple_records));
	testapp_done(&app);
}

static const struct testtalk one_talk[] = {
	TALK(TO_SERVER,
		"p\000 "
		"\000\000\001\002\021\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
		"\001\000\002\000\241\000\004\000\001\013|\000\261\000\014\000\213\007\003\002 "
		"\213$\001\001\000\010\000"),
	TALK(TO_CLIENT, "p\000H\000\000\001\002\021\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
			"\000\000\000"
			"\000\000\002\000\241\000\004\000("
			"\000\376\200\261\0004\000\213\007\203\000\000\000\001\000\010\000\000\000"
			"$\000\000\000GMT-05:00 Eastern Time ("
			"US & Canada)"),
	TALK(TO_SERVER,
		"p\000 "
		"\000\000\001\002\021\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
		"\001\000\002\000\241\000\004\000\001\013|\000\261\000\014\000\214\007\003\002 "
		"\213$\001\001\000\011\000"),
	TALK(TO_CLIENT, "p\000\"\000\000\001\002\021\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
			"\000\000\000\000"
			"\000\000\002\000\241\000\004\000("
			"\000\376\200\261\000\016\000\214\007\203\000\000\000\001\000\011\000\000\000"
			"<\000"),
};

static const char one_records[] = "{\"request\":{\"command\":\"send_"
				  "unit_data\",\"status\":\"success"
				  "\",\"cip\":{\"service\":\"Get Attr"
				  "ibute List\",\"path\":[{\"segmen"
				  "t_type\":\"class\",\"value\":139}"
				  ",{\"segment_type\":\"instance\","
				  "\"value\":1}],\"class_name\":\"un"
				  "known-139\"}},\"response\":{\"co"
				  "mmand\":\"send_unit_data\",\"sta"
				  "tus\":\"success\",\"cip\":{\"servi"
				  "ce\":\"Get Attribute List\",\"st"
				  "atus\":\"success\"}}}\n{\"request"
				  "\":{\"command\":\"send_unit_data"
				  "\",\"status\":\"success\",\"cip\":{"
				  "\"service\":\"Get Attribute Lis"
				  "t\",\"path\":[{\"segment_type\":\""
				  "class\",\"value\":139},{\"segmen"
				  "t_type\":\"instance\",\"value\":1"
				  "}],\"class_name\":\"unknown-139"
				  "\"}},\"response\":{\"command\":\"s"
				  "end_unit_data\",\"status\":\"suc"
				  "cess\",\"cip\":{\"service\":\"Get "
				  "Attribute List\",\"status\":\"su"
				  "ccess\"}}}\n";

static void one(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 44818, config);
	assert_true(testtalk_same(&app, one_talk, ARRAY_COUNT(one_talk), one_records));
	testapp_done(&app);
}

static const struct testtalk session_talk[] = {
	TALK(TO_SERVER, "e\000\004\000\000\000\000\000\000\000\000\000\001\002\003\004\005\006\007\010\000\000\000\000"
			"\001\000\000\000"),
	TALK(TO_CLIENT, "e\000\004\000\021\002\001\000\000\000\000\000\001\002\003\004\005\006\007\010\000\000\000\000"
			"\001\000\000\000"),
	TALK(TO_SERVER,
		"f\000\000\000\021\002\001\000\000\000\000\000\001\002\003\004\005\006\007\010\000\000\000\000"),
	TALK(TO_SERVER, "o\000\004\000\021\002\001\000\000\000\000\000\001\002\003\004\005\006\007\010\000\000\000\000"
			"\000\000\000\000"),
};

static const char session_records[] = "{\"request\":{\"command\":\"regis"
				      "ter_session\",\"status\":\"succe"
				      "ss\",\"register_session\":{\"pro"
				      "tocol_version\":1,\"options\":0"
				      "}},\"response\":{\"command\":\"re"
				      "gister_session\",\"status\":\"su"
				      "ccess\",\"register_session\":{\""
				      "protocol_version\":1,\"options"
				      "\":0}}}\n{\"request\":{\"command\""
				      ":\"unregister_session\",\"statu"
				      "s\":\"success\"}}\n{\"request\":{\""
				      "command\":\"send_rr_data\",\"sta"
				      "tus\":\"success\"}} !malformed_"
				      "data\n";

static void session(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 44818, config);
	assert_true(testtalk_same(&app, session_talk, ARRAY_COUNT(session_talk), session_records));
	testapp_done(&app);
}

static const struct testtalk services_talk[] = {
	TALK(TO_SERVER,
		"\004\000\000\000\000\000\000\000\000\000\000\000\001\002\003\004\005\006\007\010\000\000\000\000"),
	TALK(TO_CLIENT, "\004\000\032\000\000\000\000\000\000\000\000\000\001\002\003\004\005\006\007\010\000\000\000"
			"\000\001\000\000\001"
			"\024\000\001\000 \001Communications\000\000"),
};

static const char services_records[] = "{\"request\":{\"command\":\"list_"
				       "services\",\"status\":\"success\""
				       "},\"response\":{\"command\":\"lis"
				       "t_services\",\"status\":\"succes"
				       "s\",\"list_services\":{\"protoco"
				       "l_version\":1,\"capabilities\":"
				       "288,\"service_name\":\"Communic"
				       "ations\"}}}\n";

static void services(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 44818, config);
	assert_true(testtalk_same(&app, services_talk, ARRAY_COUNT(services_talk), services_records));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity),
		cmocka_unit_test(multiple),
		cmocka_unit_test(one),
		cmocka_unit_test(session),
		cmocka_unit_test(services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
