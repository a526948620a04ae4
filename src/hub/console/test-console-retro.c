// SPDX-License-Identifier: Apache-2.0
/* Consents, probes that need them, and stored events that are asked who was hit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/api/moment.h"
#include "hub/console/test-kit.h"
#include "hub/posture/finding.h"
#include "hub/posture/retro.h"

static struct kit kit;
static struct kit_session owner, operator_, stranger;
static uint32_t ministry, other, asset, their_asset;
static int64_t now_us, finding, their_finding;

static const struct scope nation = { .all = true };

static int64_t make_finding(const char *tool, const char *host, const char *cve, const char *rule)
{
	const struct audit_origin origin = { .actor = "system", .now_us = now_us };
	const struct finding_call call = {
		.db = kit.db, .scope = &nation, .origin = &origin, .part = FINDING_BY_EVIDENCE
	};
	const struct record record = { .kind = RECORD_WEAKNESS,
		.target = bytes_from_str(host),
		.port = 1, /* nobody listens there */
		.protocol = 6,
		.cve = bytes_from_str(cve),
		.rule = bytes_from_str(rule) };
	struct finding_import *import;
	enum finding_outcome outcome;
	int64_t id;

	assert_int_equal(finding_import_begin(&call, tool, 0, &import), 0);
	assert_int_equal(finding_import(import, &record, &outcome, &id), 0);
	assert_int_equal(finding_import_end(import), 0);
	return id;
}

/* What a rule saw that names the weakness: twice at the ministry, once stopped; once at the other. */
static void make_events(void)
{
	struct ev_event events[3];
	const struct ev_batch batch = { .id = "edge-1:1", .arrived_us = now_us, .events = events, .count = 3 };

	for (size_t i = 0; i < 3; i++)
		events[i] = (struct ev_event){ .time_us = now_us - (int64_t)(3 - i) * 60000000,
			.tenant = i < 2 ? ministry : other,
			.edge = 1,
			.kind = EV_ALERT,
			.action = i == 1 ? EV_STOPPED : EV_PASSED,
			.severity = 1,
			.protocol = 6,
			.dst_port = 443,
			.src = ip_addr_v4((const uint8_t[]){ 203, 0, 113, 9 }),
			.rule = 2034647,
			.count = 1,
			.signature = bytes_from_str("EXPLOIT log4j (CVE-2021-44228)"),
			.detail = bytes_from_str("{}") };
	assert_int_equal(ev_append(core_events(kit.core), &batch, NULL), 0);
}

static int setup(void **state)
{
	if (kit_open(&kit))
		return -1;
	now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	ministry = kit_tenant(&kit, 0, "Bộ Y tế");
	other = kit_tenant(&kit, 0, "Bộ Công Thương");
	asset = kit_asset(&kit, kit_system(&kit, ministry, "Cổng dịch vụ"), "127.0.0.1");
	their_asset = kit_asset(&kit, kit_system(&kit, other, "Hệ thống khác"), "127.0.0.2");
	owner = kit_user(&kit, "hoa", AUTH_ROLE_OWNER, ministry);
	operator_ = kit_user(&kit, "binh", AUTH_ROLE_OPERATOR, ministry);
	stranger = kit_user(&kit, "minh", AUTH_ROLE_OWNER, other);
	finding = make_finding("luytre-perimeter", "127.0.0.1", "", "tls-1.0");
	make_finding("nessus", "127.0.0.1", "CVE-2021-44228", "1");
	their_finding = make_finding("nessus", "127.0.0.2", "CVE-2021-44228", "1");
	make_events();
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

static const char *consent_body(uint32_t tenant, uint32_t of_asset, int64_t until_us)
{
	static char body[512];
	char from[MOMENT_TEXT_SIZE], until[MOMENT_TEXT_SIZE];

	snprintf(body, sizeof(body),
		"{\"tenant\":\"%u\",\"asset\":\"%u\",\"kinds\":[\"service\"],\"from\":\"%s\",\"until\":\"%s\",\"note\":"
		"\"CV "
		"12/SYT\"}",
		tenant, of_asset, moment_format(now_us - 1000000, from), moment_format(until_us, until));
	return body;
}

static size_t count_consents(const struct kit_session *who)
{
	struct kit_answer answer = kit_request(&kit, who, "GET", "/consents", NULL, NULL);
	size_t count = json_array_size(json_object_get(answer.json, "items"));

	assert_int_equal(answer.status, 200);
	kit_answer_done(&answer);
	return count;
}

static void without_consent_nothing_is_probed(void **state)
{
	int64_t tomorrow_us = now_us + INT64_C(86400000000);
	char probe[64], one[64];
	struct kit_answer answer;

	snprintf(probe, sizeof(probe), "/findings/%lld/probe", (long long)finding);
	assert_int_equal(kit_status(&kit, &operator_, "POST", probe, NULL, NULL), 403);
	assert_int_equal(kit_status(&kit, &stranger, "POST", probe, NULL, NULL), 404);
	/* Whose it is, which asset, how long; and it takes somebody who may judge. */
	assert_int_equal(
		kit_status(&kit, &operator_, "POST", "/consents", consent_body(ministry, asset, tomorrow_us), NULL),
		403);
	assert_int_equal(
		kit_status(&kit, &stranger, "POST", "/consents", consent_body(ministry, asset, tomorrow_us), NULL),
		404);
	assert_int_equal(
		kit_status(&kit, &owner, "POST", "/consents", consent_body(ministry, their_asset, tomorrow_us), NULL),
		404);
	assert_int_equal(
		kit_status(&kit, &owner, "POST", "/consents", consent_body(ministry, asset, now_us - 1), NULL), 400);
	answer = kit_request(&kit, &owner, "POST", "/consents", consent_body(ministry, asset, tomorrow_us), NULL);
	assert_int_equal(answer.status, 201);
	assert_string_equal(kit_text(&answer, "who"), "hoa");
	snprintf(one, sizeof(one), "/consents/%s", kit_text(&answer, "id"));
	kit_answer_done(&answer);
	assert_int_equal(count_consents(&owner), 1);
	assert_int_equal(count_consents(&stranger), 0);
	answer = kit_request(&kit, &operator_, "POST", probe, NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "outcome"), "cannot");
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &stranger, "DELETE", one, NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &owner, "DELETE", one, NULL, NULL), 204);
	assert_int_equal(kit_status(&kit, &operator_, "POST", probe, NULL, NULL), 403);
}

/* A page ends where the caller says, and the next one goes on behind it. */
static void consents_have_pages(void **state)
{
	char path[256];
	struct kit_answer answer;
	size_t count = 0, pages = 0;

	assert_int_equal(
		db_run(kit.db,
			"with recursive n (i) as (select 1 union all select i + 1 from n where i < 1205)"
			" insert into consent (id, tenant, asset, kinds, from_us, until_us, given_us, who, note)"
			" select 5000 + i, ?1, 0, 1, 1, 2, 1, 'hoa', 'CV' from n",
			DB_ARGS(db_i64(ministry)), NULL),
		0);
	snprintf(path, sizeof(path), "/consents?limit=1000");
	do {
		answer = kit_request(&kit, &owner, "GET", path, NULL, NULL);
		assert_int_equal(answer.status, 200);
		count += json_array_size(json_object_get(answer.json, "items"));
		snprintf(path, sizeof(path), "/consents?limit=1000&cursor=%s",
			json_is_string(json_object_get(answer.json, "next")) ? kit_text(&answer, "next") : "");
		pages++;
		kit_answer_done(&answer);
	} while (path[strlen(path) - 1] != '=' && pages < 9);
	assert_int_equal(count, 1205);
	assert_int_equal(pages, 2);
	assert_int_equal(db_run(kit.db, "delete from consent where id > 5000", DB_NO_ARGS, NULL), 0);
}

static json_int_t figure(const struct kit_answer *answer, const char *key)
{
	return json_integer_value(json_object_get(answer->json, key));
}

static void who_was_hit_is_told_to_whom_it_concerns(void **state)
{
	struct kit_answer answer;

	answer = kit_request(&kit, &owner, "GET", "/retro?kind=cve&value=CVE-2021-44228", NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_int_equal(figure(&answer, "events"), 2);
	assert_int_equal(figure(&answer, "stopped"), 1);
	assert_int_equal(json_array_size(json_object_get(answer.json, "tenants")), 1);
	assert_int_equal(json_array_size(json_object_get(answer.json, "sources")), 1);
	kit_answer_done(&answer);
	answer = kit_request(&kit, &kit.admin, "GET", "/retro?kind=rule&value=2034647&days=1", NULL, NULL);
	assert_int_equal(figure(&answer, "events"), 3);
	kit_answer_done(&answer);
	answer = kit_request(&kit, &owner, "GET", "/retro?kind=address&value=203.0.113.9", NULL, NULL);
	assert_int_equal(figure(&answer, "events"), 2);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &owner, "GET", "/retro?kind=rule&value=20x4", NULL, NULL), 400);
	assert_int_equal(kit_status(&kit, &owner, "GET", "/retro?kind=else&value=2034", NULL, NULL), 400);
}

static void findings_of_ones_own_get_the_proof(void **state)
{
	const struct finding_call call = { .db = kit.db, .scope = &nation };
	struct finding row;
	struct kit_answer answer =
		kit_request(&kit, &operator_, "POST", "/retro", "{\"cve\":\"CVE-2021-44228\",\"days\":30}", NULL);

	assert_int_equal(answer.status, 200);
	assert_int_equal(figure(&answer, "findings"), 1);
	kit_answer_done(&answer);
	assert_int_equal(finding_get(&call, their_finding, &row), 0);
	assert_int_equal(row.proof_count, 1);
	assert_int_equal(finding_get(&call, finding + 1, &row), 0);
	assert_int_equal(row.proof_count, 2);
	assert_true(row.forensic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_consent_nothing_is_probed),
		cmocka_unit_test(consents_have_pages),
		cmocka_unit_test(who_was_hit_is_told_to_whom_it_concerns),
		cmocka_unit_test(findings_of_ones_own_get_the_proof),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
