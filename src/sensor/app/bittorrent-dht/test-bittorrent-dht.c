// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const struct testtalk queries_talk[] = {
	TALK(TO_SERVER, "d1:ad2:id20:abcdefghij012345"
			"6789e1:q4:ping1:t2:aa1:y1:qe"),
	TALK(TO_CLIENT, "d1:rd2:id20:mnopqrstuvwxyz12"
			"3456e1:t2:aa1:y1:re"),
	TALK(TO_SERVER, "d1:ad2:id20:abcdefghij012345"
			"67899:info_hash20:mnopqrstuv"
			"wxyz1234564:porti6881e5:toke"
			"n8:aoeusnthe1:q13:announce_p"
			"eer1:t2:aa1:y1:qe"),
	TALK(TO_CLIENT, "d1:eli201e23:A Generic Error"
			" Ocurrede1:t2:aa1:y1:ee"),
};

static const char queries_records[] = "{\"transaction_id\":\"6161\",\"re"
				      "quest_type\":\"ping\",\"request\""
				      ":{\"id\":\"6162636465666768696a"
				      "30313233343536373839\"}}\n{\"tr"
				      "ansaction_id\":\"6161\",\"respon"
				      "se\":{\"id\":\"6d6e6f70717273747"
				      "5767778797a313233343536\"}}\n{"
				      "\"transaction_id\":\"6161\",\"req"
				      "uest_type\":\"announce_peer\",\""
				      "request\":{\"id\":\"616263646566"
				      "6768696a30313233343536373839"
				      "\",\"info_hash\":\"6d6e6f7071727"
				      "37475767778797a313233343536\""
				      ",\"token\":\"616f6575736e7468\","
				      "\"port\":6881}}\n{\"transaction_"
				      "id\":\"6161\",\"error\":{\"num\":20"
				      "1,\"msg\":\"A Generic Error Ocu"
				      "rred\"}}\n";

static void queries(void **state)
{
	struct testapp app;

	testapp_init(&app, 17, 30000, NULL);
	assert_true(testtalk_datagrams(&app, queries_talk, ARRAY_COUNT(queries_talk), queries_records));
	testapp_done(&app);
}

static const struct testtalk answers_talk[] = {
	TALK(TO_SERVER, "d1:rd2:id20:abcdefghij012345"
			"67895:nodes26:abcdefghij0123"
			"456789\001\002\003\004\032\3415:token8:aoeusnt"
			"h6:valuesl6:axje.u6:idhtnmee"
			"1:t2:aa1:v4:UT121:y1:re"),
	TALK(TO_CLIENT, "d1:rd2:id20:abcdefghij012345"
			"67896:nodes638:abcdefghij012"
			"3456789 \001\r\270\000\000\000\000\000\000\000\000\000\000\000\001\032\341e1:"
			"t2:aa1:y1:re"),
};

static const char answers_records[] = "{\"transaction_id\":\"6161\",\"cl"
				      "ient_version\":\"55543132\",\"re"
				      "sponse\":{\"id\":\"6162636465666"
				      "768696a30313233343536373839\""
				      ",\"nodes\":[{\"id\":\"61626364656"
				      "66768696a3031323334353637383"
				      "9\",\"ip\":\"1.2.3.4\",\"port\":688"
				      "1}],\"values\":[{\"ip\":\"97.120."
				      "106.101\",\"port\":11893},{\"ip\""
				      ":\"105.100.104.116\",\"port\":28"
				      "269}],\"token\":\"616f6575736e7"
				      "468\"}}\n{\"transaction_id\":\"61"
				      "61\",\"response\":{\"id\":\"616263"
				      "6465666768696a30313233343536"
				      "373839\",\"nodes6\":[{\"id\":\"616"
				      "2636465666768696a30313233343"
				      "536373839\",\"ip\":\"2001:db8::1"
				      "\",\"port\":6881}]}}\n";

static void answers(void **state)
{
	struct testapp app;

	testapp_init(&app, 17, 30000, NULL);
	assert_true(testtalk_datagrams(&app, answers_talk, ARRAY_COUNT(answers_talk), answers_records));
	testapp_done(&app);
}

static const struct testtalk broken_talk[] = {
	TALK(TO_SERVER, "d1:ad2:id20:abcdefghij012345"
			"6789e1:q4:ping1:y1:qe"),
	TALK(TO_SERVER, "d1:ad2:id20:abcdefghij"),
	TALK(TO_SERVER, "d1:ad2:id20:abcdefghij012345"
			"6789lllllllllllllllllllleeee"
			"eeeeeeeeeeeeeeeee1:t2:aa1:y1"
			":qe"),
	TALK(TO_SERVER, "d1:rd2:id9999999999999999999"
			"9:xe"),
};

static const char broken_records[] = "{\"transaction_id\":\"\",\"reques"
				     "t_type\":\"ping\",\"request\":{\"i"
				     "d\":\"6162636465666768696a3031"
				     "3233343536373839\"}} !malform"
				     "ed_packet\n{\"transaction_id\":"
				     "\"\"} !malformed_packet\n{\"tran"
				     "saction_id\":\"\"} !malformed_p"
				     "acket\n{\"transaction_id\":\"\"} "
				     "!malformed_packet\n";

static void broken(void **state)
{
	struct testapp app;

	testapp_init(&app, 17, 30000, NULL);
	assert_true(testtalk_datagrams(&app, broken_talk, ARRAY_COUNT(broken_talk), broken_records));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries),
		cmocka_unit_test(answers),
		cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
