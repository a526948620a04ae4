// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const char config[] = "%YAML 1.1\n"
			     "---\n"
			     "app-layer: {protocols: {modbus: {enabled: yes}}}\n";

static const struct testtalk read_talk[] = {
	TALK(TO_SERVER, "\000\001\000\000\000\006\n\001\000\000\000\001"),
	TALK(TO_CLIENT, "\000\001\000\000\000\004\n\001\001\000"),
	TALK(TO_SERVER, "\000\001\000\000\000\006\n\003\000\005\000\002"),
	TALK(TO_CLIENT, "\000\001\000\000\000\007\n\003\004\000\011\000\030"),
};

static const char read_records[] = "{\"id\":1,\"request\":{\"transact"
				   "ion_id\":1,\"protocol_id\":0,\"u"
				   "nit_id\":10,\"function_raw\":1,"
				   "\"function_code\":\"RdCoils\",\"a"
				   "ccess_type\":\"READ | COILS\",\""
				   "category\":\"PUBLIC_ASSIGNED\","
				   "\"error_flags\":\"NONE\",\"read\":"
				   "{\"address\":0,\"quantity\":1}},"
				   "\"response\":{\"transaction_id\""
				   ":1,\"protocol_id\":0,\"unit_id\""
				   ":10,\"function_raw\":1,\"functi"
				   "on_code\":\"RdCoils\",\"access_t"
				   "ype\":\"READ | COILS\",\"categor"
				   "y\":\"PUBLIC_ASSIGNED\",\"error_"
				   "flags\":\"NONE\",\"read\":{\"data\""
				   ":\"00\"}}}\n{\"id\":2,\"request\":{"
				   "\"transaction_id\":1,\"protocol"
				   "_id\":0,\"unit_id\":10,\"functio"
				   "n_raw\":3,\"function_code\":\"Rd"
				   "HoldRegs\",\"access_type\":\"REA"
				   "D | HOLDING\",\"category\":\"PUB"
				   "LIC_ASSIGNED\",\"error_flags\":"
				   "\"NONE\",\"read\":{\"address\":5,\""
				   "quantity\":2}},\"response\":{\"t"
				   "ransaction_id\":1,\"protocol_i"
				   "d\":0,\"unit_id\":10,\"function_"
				   "raw\":3,\"function_code\":\"RdHo"
				   "ldRegs\",\"access_type\":\"READ "
				   "| HOLDING\",\"category\":\"PUBLI"
				   "C_ASSIGNED\",\"error_flags\":\"N"
				   "ONE\",\"read\":{\"data\":\"0009001"
				   "8\"}}}\n";

static void read(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 502, config);
	assert_true(testtalk_same(&app, read_talk, ARRAY_COUNT(read_talk), read_records));
	testapp_done(&app);
}

static const struct testtalk write_talk[] = {
	TALK(TO_SERVER, "\000\001\000\000\000\006\n\005\000\002\000\000"),
	TALK(TO_CLIENT, "\000\001\000\000\000\006\n\005\000\002\000\000"),
	TALK(TO_SERVER, "\000\001\000\000\000\006\n\006\000\005\000\013"),
	TALK(TO_CLIENT, "\000\001\000\000\000\006\n\006\000\005\000\013"),
};

static const char write_records[] = "{\"id\":1,\"request\":{\"transact"
				    "ion_id\":1,\"protocol_id\":0,\"u"
				    "nit_id\":10,\"function_raw\":5,"
				    "\"function_code\":\"WrSingleCoi"
				    "l\",\"access_type\":\"WRITE | CO"
				    "ILS | SINGLE\",\"category\":\"PU"
				    "BLIC_ASSIGNED\",\"error_flags\""
				    ":\"NONE\",\"write\":{\"address\":2"
				    ",\"data\":0}},\"response\":{\"tra"
				    "nsaction_id\":1,\"protocol_id\""
				    ":0,\"unit_id\":10,\"function_ra"
				    "w\":5,\"function_code\":\"WrSing"
				    "leCoil\",\"access_type\":\"WRITE"
				    " | COILS | SINGLE\",\"category"
				    "\":\"PUBLIC_ASSIGNED\",\"error_f"
				    "lags\":\"NONE\",\"write\":{\"addre"
				    "ss\":2,\"data\":0}}}\n{\"id\":2,\"r"
				    "equest\":{\"transaction_id\":1,"
				    "\"protocol_id\":0,\"unit_id\":10"
				    ",\"function_raw\":6,\"function_"
				    "code\":\"WrSingleReg\",\"access_"
				    "type\":\"WRITE | HOLDING | SIN"
				    "GLE\",\"category\":\"PUBLIC_ASSI"
				    "GNED\",\"error_flags\":\"NONE\",\""
				    "write\":{\"address\":5,\"data\":1"
				    "1}},\"response\":{\"transaction"
				    "_id\":1,\"protocol_id\":0,\"unit"
				    "_id\":10,\"function_raw\":6,\"fu"
				    "nction_code\":\"WrSingleReg\",\""
				    "access_type\":\"WRITE | HOLDIN"
				    "G | SINGLE\",\"category\":\"PUBL"
				    "IC_ASSIGNED\",\"error_flags\":\""
				    "NONE\",\"write\":{\"address\":5,\""
				    "data\":11}}}\n";

static void write(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 502, config);
	assert_true(testtalk_same(&app, write_talk, ARRAY_COUNT(write_talk), write_records));
	testapp_done(&app);
}

static const struct testtalk diagnosis_talk[] = {
	TALK(TO_SERVER, "\000\000\000\000\000\006\n\010\000\004\000\000"),
	TALK(TO_CLIENT, "\000\000\000\000\000\003\n\210\013"),
	TALK(TO_SERVER, "\000\000\000\000\000\006\n\010\000\n\000\000"),
	TALK(TO_CLIENT, "\000\000\000\000\000\006\n\010\000\n\000\000"),
	TALK(TO_SERVER, "\000\001\000\000\000\006\n+\016\003\001\000"),
	TALK(TO_SERVER, "\000\000\000\000\000\002\n\021"),
	TALK(TO_CLIENT, "\000\000\000\000\000\025\n\021\022\000\377Wingpath Limited"),
};

static const char diagnosis_records[] = "{\"id\":1,\"request\":{\"transact"
					"ion_id\":0,\"protocol_id\":0,\"u"
					"nit_id\":10,\"function_raw\":8,"
					"\"function_code\":\"Diagnostic\""
					",\"access_type\":\"NONE\",\"categ"
					"ory\":\"PUBLIC_ASSIGNED\",\"erro"
					"r_flags\":\"NONE\",\"diagnostic\""
					":{\"raw\":4,\"code\":\"ForceListe"
					"nOnlyMode\",\"data\":\"0000\"}},\""
					"response\":{\"transaction_id\":"
					"0,\"protocol_id\":0,\"unit_id\":"
					"10,\"function_raw\":136,\"funct"
					"ion_code\":\"Diagnostic\",\"acce"
					"ss_type\":\"NONE\",\"category\":\""
					"PUBLIC_ASSIGNED\",\"error_flag"
					"s\":\"NONE\",\"exception\":{\"raw\""
					":11,\"code\":\"GatewayTargetFai"
					"lToResp\"}}}\n{\"id\":2,\"request"
					"\":{\"transaction_id\":0,\"proto"
					"col_id\":0,\"unit_id\":10,\"func"
					"tion_raw\":8,\"function_code\":"
					"\"Diagnostic\",\"access_type\":\""
					"NONE\",\"category\":\"PUBLIC_ASS"
					"IGNED\",\"error_flags\":\"NONE\","
					"\"diagnostic\":{\"raw\":10,\"code"
					"\":\"ClearCtrDiagReg\",\"data\":\""
					"0000\"}},\"response\":{\"transac"
					"tion_id\":0,\"protocol_id\":0,\""
					"unit_id\":10,\"function_raw\":8"
					",\"function_code\":\"Diagnostic"
					"\",\"access_type\":\"NONE\",\"cate"
					"gory\":\"PUBLIC_ASSIGNED\",\"err"
					"or_flags\":\"NONE\",\"diagnostic"
					"\":{\"raw\":10,\"code\":\"ClearCtr"
					"DiagReg\",\"data\":\"0000\"}}}\n{\""
					"id\":3,\"request\":{\"transactio"
					"n_id\":1,\"protocol_id\":0,\"uni"
					"t_id\":10,\"function_raw\":43,\""
					"function_code\":\"MEI\",\"access"
					"_type\":\"NONE\",\"category\":\"PU"
					"BLIC_ASSIGNED\",\"error_flags\""
					":\"NONE\",\"mei\":{\"raw\":14,\"cod"
					"e\":\"RdDevId\",\"data\":\"030100\""
					"}}}\n{\"id\":4,\"request\":{\"tran"
					"saction_id\":0,\"protocol_id\":"
					"0,\"unit_id\":10,\"function_raw"
					"\":17,\"function_code\":\"Report"
					"ServerID\",\"access_type\":\"NON"
					"E\",\"category\":\"PUBLIC_ASSIGN"
					"ED\",\"error_flags\":\"NONE\"},\"r"
					"esponse\":{\"transaction_id\":0"
					",\"protocol_id\":0,\"unit_id\":1"
					"0,\"function_raw\":17,\"functio"
					"n_code\":\"ReportServerID\",\"ac"
					"cess_type\":\"NONE\",\"category\""
					":\"PUBLIC_ASSIGNED\",\"error_fl"
					"ags\":\"NONE\",\"data\":\"1200ff57"
					"696e6770617468204c696d697465"
					"64\"}}\n";

static void diagnosis(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 502, config);
	assert_true(testtalk_same(&app, diagnosis_talk, ARRAY_COUNT(diagnosis_talk), diagnosis_records));
	testapp_done(&app);
}

static const struct testtalk many_talk[] = {
	TALK(TO_SERVER, "\000\003\000\000\000\010\013\017\000\023\000\n\001\315"),
	TALK(TO_SERVER, "\000\004\000\000\000\013\013\020\000\001\000\002\004\000\n\001\002"),
	TALK(TO_CLIENT, "\000\004\000\000\000\006\013\020\000\001\000\002"),
	TALK(TO_SERVER, "\000\005\000\000\000\010\013\026\000\004\000\362\000%"),
	TALK(TO_CLIENT, "\000\005\000\000\000\010\013\026\000\004\000\362\000%"),
	TALK(TO_SERVER, "\000\006\000\000\000\r\013\027\000\003\000\006\000\016\000\001\002\000\377"),
};

static const char many_records[] = "{\"id\":1,\"request\":{\"transact"
				   "ion_id\":3,\"protocol_id\":0,\"u"
				   "nit_id\":11,\"function_raw\":15"
				   ",\"function_code\":\"WrMultCoil"
				   "s\",\"access_type\":\"WRITE | CO"
				   "ILS | MULTIPLE\",\"category\":\""
				   "PUBLIC_ASSIGNED\",\"error_flag"
				   "s\":\"DATA_VALUE\",\"write\":{\"ad"
				   "dress\":19,\"quantity\":10,\"dat"
				   "a\":\"cd\"}}} !invalid_value\n{\""
				   "id\":2,\"request\":{\"transactio"
				   "n_id\":4,\"protocol_id\":0,\"uni"
				   "t_id\":11,\"function_raw\":16,\""
				   "function_code\":\"WrMultRegs\","
				   "\"access_type\":\"WRITE | HOLDI"
				   "NG | MULTIPLE\",\"category\":\"P"
				   "UBLIC_ASSIGNED\",\"error_flags"
				   "\":\"NONE\",\"write\":{\"address\":"
				   "1,\"quantity\":2,\"data\":\"000a0"
				   "102\"}},\"response\":{\"transact"
				   "ion_id\":4,\"protocol_id\":0,\"u"
				   "nit_id\":11,\"function_raw\":16"
				   ",\"function_code\":\"WrMultRegs"
				   "\",\"access_type\":\"WRITE | HOL"
				   "DING | MULTIPLE\",\"category\":"
				   "\"PUBLIC_ASSIGNED\",\"error_fla"
				   "gs\":\"NONE\",\"write\":{\"address"
				   "\":1,\"quantity\":2}}}\n{\"id\":3,"
				   "\"request\":{\"transaction_id\":"
				   "5,\"protocol_id\":0,\"unit_id\":"
				   "11,\"function_raw\":22,\"functi"
				   "on_code\":\"MaskWrReg\",\"access"
				   "_type\":\"WRITE | HOLDING\",\"ca"
				   "tegory\":\"PUBLIC_ASSIGNED\",\"e"
				   "rror_flags\":\"NONE\",\"write\":{"
				   "\"address\":4,\"and_mask\":242,\""
				   "or_mask\":37}},\"response\":{\"t"
				   "ransaction_id\":5,\"protocol_i"
				   "d\":0,\"unit_id\":11,\"function_"
				   "raw\":22,\"function_code\":\"Mas"
				   "kWrReg\",\"access_type\":\"WRITE"
				   " | HOLDING\",\"category\":\"PUBL"
				   "IC_ASSIGNED\",\"error_flags\":\""
				   "NONE\",\"write\":{\"address\":4,\""
				   "and_mask\":242,\"or_mask\":37}}"
				   "}\n{\"id\":4,\"request\":{\"transa"
				   "ction_id\":6,\"protocol_id\":0,"
				   "\"unit_id\":11,\"function_raw\":"
				   "23,\"function_code\":\"RdWrMult"
				   "Regs\",\"access_type\":\"READ | "
				   "WRITE | HOLDING | MULTIPLE\","
				   "\"category\":\"PUBLIC_ASSIGNED\""
				   ",\"error_flags\":\"NONE\",\"read\""
				   ":{\"address\":3,\"quantity\":6},"
				   "\"write\":{\"address\":14,\"quant"
				   "ity\":1,\"data\":\"00ff\"}}}\n";

static void many(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 502, config);
	assert_true(testtalk_same(&app, many_talk, ARRAY_COUNT(many_talk), many_records));
	testapp_done(&app);
}

static const struct testtalk strange_talk[] = {
	TALK(TO_CLIENT, "\000\007\000\000\000\003\013\201\014"),
	TALK(TO_SERVER, "\000\010\000\001\000\006\013\003\000\001\000\001"),
	TALK(TO_SERVER, "\000\011\000\000\000\006\013\003\000\001\017\377"),
	TALK(TO_SERVER, "\000\n\000\000\000\005\013\003\000\001\000"),
	TALK(TO_SERVER, "\000\013\000\000\000\001\013"),
};

static const char strange_records[] = "{\"id\":1,\"response\":{\"transac"
				      "tion_id\":7,\"protocol_id\":0,\""
				      "unit_id\":11,\"function_raw\":1"
				      "29,\"function_code\":\"RdCoils\""
				      ",\"access_type\":\"READ | COILS"
				      "\",\"category\":\"PUBLIC_ASSIGNE"
				      "D\",\"error_flags\":\"EXC_CODE\","
				      "\"exception\":{\"raw\":12,\"code\""
				      ":\"Unknown\"}}} !unsolicited_r"
				      "esponse !invalid_exception_c"
				      "ode\n{\"id\":2,\"request\":{\"tran"
				      "saction_id\":8,\"protocol_id\":"
				      "1,\"unit_id\":11,\"function_raw"
				      "\":3,\"function_code\":\"RdHoldR"
				      "egs\",\"access_type\":\"READ | H"
				      "OLDING\",\"category\":\"PUBLIC_A"
				      "SSIGNED\",\"error_flags\":\"PROT"
				      "O_ID\",\"read\":{\"address\":1,\"q"
				      "uantity\":1}}} !invalid_proto"
				      "col_id\n{\"id\":3,\"request\":{\"t"
				      "ransaction_id\":9,\"protocol_i"
				      "d\":0,\"unit_id\":11,\"function_"
				      "raw\":3,\"function_code\":\"RdHo"
				      "ldRegs\",\"access_type\":\"READ "
				      "| HOLDING\",\"category\":\"PUBLI"
				      "C_ASSIGNED\",\"error_flags\":\"D"
				      "ATA_VALUE\",\"read\":{\"address\""
				      ":1,\"quantity\":4095}}} !inval"
				      "id_value\n{\"id\":4,\"request\":{"
				      "\"transaction_id\":10,\"protoco"
				      "l_id\":0,\"unit_id\":11,\"functi"
				      "on_raw\":3,\"function_code\":\"R"
				      "dHoldRegs\",\"access_type\":\"RE"
				      "AD | HOLDING\",\"category\":\"PU"
				      "BLIC_ASSIGNED\",\"error_flags\""
				      ":\"DATA_LENGTH\"}} !invalid_le"
				      "ngth\n{\"id\":5} !invalid_lengt"
				      "h\n";

static void strange(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 502, config);
	assert_true(testtalk_same(&app, strange_talk, ARRAY_COUNT(strange_talk), strange_records));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read),
		cmocka_unit_test(write),
		cmocka_unit_test(diagnosis),
		cmocka_unit_test(many),
		cmocka_unit_test(strange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
