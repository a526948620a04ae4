// SPDX-License-Identifier: Apache-2.0
#include "bus/evidence.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"

#define BOTH "\"flow\":{\"pkts_toserver\":4,\"pkts_toclient\":3}"
#define TCP  "\"event_type\":\"alert\",\"proto\":\"TCP\","
#define E3   "\"alert\":{\"metadata\":{\"luytre_evidence\":[\"e3\"]}}"

static const struct {
	const char *text;
	enum evidence_level level;
	bool attack;
	enum evidence_level proof;
} cases[] = {
	{ "{}", EVIDENCE_E0, false, EVIDENCE_E0 },
	{ "[]", EVIDENCE_E0, false, EVIDENCE_E0 },
	{ "{\"event_type\":\"alert\",\"proto\":\"UDP\"," BOTH ",\"http\":{}}", EVIDENCE_E0, true, EVIDENCE_E0 },
	{ "{" TCP "\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":1},\"http\":{}}", EVIDENCE_E0, true, EVIDENCE_E0 },
	{ "{" TCP "\"flow\":{\"pkts_toserver\":2,\"pkts_toclient\":0},\"http\":{}}", EVIDENCE_E0, true, EVIDENCE_E0 },
	{ "{" TCP BOTH "}", EVIDENCE_E1, true, EVIDENCE_E1 },
	{ "{" TCP BOTH "," E3 "}", EVIDENCE_E1, true, EVIDENCE_E1 }, /* precise, but nothing that was understood */
	{ "{" TCP BOTH ",\"http\":{}}", EVIDENCE_E2, true, EVIDENCE_E2 },
	{ "{" TCP BOTH ",\"http\":{},\"alert\":{\"metadata\":{\"luytre_evidence\":[\"e2\"]}}}", EVIDENCE_E2, true,
		EVIDENCE_E2 },
	{ "{" TCP BOTH ",\"http\":{}," E3 "}", EVIDENCE_E3, true, EVIDENCE_E2 },
	{ "{\"event_type\":\"http\",\"proto\":\"TCP\"," BOTH ",\"http\":{}}", EVIDENCE_E2, false, EVIDENCE_E2 },
	{ "{\"event_type\":\"gate\",\"gate\":{\"action\":\"pass\"}}", EVIDENCE_E2, false, EVIDENCE_E2 },
	{ "{\"event_type\":\"gate\",\"gate\":{\"action\":\"pass\",\"wanted\":\"deny\"}}", EVIDENCE_E2, true,
		EVIDENCE_E2 },
	{ "{\"event_type\":\"gate\",\"gate\":{\"action\":\"deny\"}}", EVIDENCE_E2, true, EVIDENCE_E2 },
	{ "{\"event_type\":\"gate\",\"gate\":{\"action\":\"deny\",\"hold\":\"VP-2026-1\"}}", EVIDENCE_E3, true,
		EVIDENCE_E2 },
	{ "{\"event_type\":\"gate\",\"gate\":{\"action\":\"deny\",\"guard\":{\"kind\":\"login\"}}}", EVIDENCE_E3, true,
		EVIDENCE_E2 },
	{ "{\"event_type\":\"gate\",\"gate\":{\"action\":\"deny\",\"guard\":{\"kind\":\"leak\"}}}", EVIDENCE_E0, true,
		EVIDENCE_E2 },
	{ "{\"event_type\":\"alert\",\"gate\":{\"action\":\"deny\",\"guard\":{}}}", EVIDENCE_E0, true, EVIDENCE_E0 },
};

static void each_event_proves_so_much(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		json_t *event = json_loads(cases[i].text, 0, NULL);

		assert_non_null(event);
		if (evidence_of(event) != cases[i].level || evidence_is_attack(event) != cases[i].attack)
			fail_msg("%s: E%d, attack %d", cases[i].text, evidence_of(event), evidence_is_attack(event));
		assert_int_equal(evidence_proof(event), cases[i].proof);
		json_decref(event);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_event_proves_so_much) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
