// SPDX-License-Identifier: Apache-2.0
/* Holds that are armed for a request: what each mode does in each mode of the site, and that the others do not judge. */
#include "gate/engine/testengine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/compiler.h"
#include "gate/output/event.h"

#define RULES                                                                                                          \
	"SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/html\n"     \
	"SecRule ARGS:other \"@streq bad\" \"id:5,phase:1,deny,status:406,log,tag:'other'\"\n"                         \
	"SecRule ARGS \"@contains jndi\" \"id:81,phase:2,deny,status:403,log,tag:'luytre/hold'\"\n"                    \
	"SecRule REQUEST_URI \"@beginsWith /up\" \"id:82,phase:1,deny,status:404,nolog,tag:'luytre/hold',chain\"\n"    \
	"SecRule ARGS:f \"@endsWith .php\"\n"                                                                          \
	"SecRule ARGS:q \"@rx ^late\" \"id:6,phase:2,deny,status:405,log\"\n"                                          \
	"SecRule RESPONSE_HEADERS:X-Odd \"@streq yes\" \"id:83,phase:3,deny,status:502,log,tag:'luytre/hold'\"\n"

static const struct gate_armed off[1], shadow81[] = { { 81, 7, false } }, enforce81[] = { { 81, 7, true } },
				       both81[] = { { 81, 7, false }, { 81, 8, true }, { 81, 9, true } },
				       enforce82[] = { { 82, 70, true } }, shadow82[] = { { 82, 70, false } },
				       unknown[] = { { 5, 1, true }, { 99, 2, true } },
				       enforce83[] = { { 83, 3, true } };

/* "rule+hold enforced ...|action status rule wanted" */
static void tell(const struct gate_tx *tx, char *text, size_t text_size)
{
	static const char *const actions[] = { "pass", "deny", "drop", "redirect" };
	const struct gate_verdict *verdict = gate_tx_verdict(tx);
	size_t count, used = 0;
	const struct gate_match *matches = gate_tx_matches(tx, &count);

	for (size_t i = 0; i < count; i++) {
		used += (size_t)snprintf(
			text + used, text_size - used, "%s%llu", i ? " " : "", (unsigned long long)matches[i].rule_id);
		if (matches[i].hold != 0)
			used += (size_t)snprintf(text + used, text_size - used, "+%llu%s%s",
				(unsigned long long)matches[i].hold, matches[i].enforced ? "!" : "",
				matches[i].log ? "" : " unsaid");
		used += (size_t)snprintf(text + used, text_size - used, "%s", matches[i].disruptive ? "*" : "");
	}
	used += (size_t)snprintf(text + used, text_size - used, "|%s", actions[verdict->action]);
	if (verdict->action != GATE_PASS)
		snprintf(text + used, text_size - used, " %u by %llu", verdict->status,
			(unsigned long long)verdict->rule_id);
	else if (verdict->wanted != GATE_PASS)
		snprintf(text + used, text_size - used, " not by %llu", (unsigned long long)verdict->rule_id);
}

/* What the rows share. */
struct lab {
	struct gate_plan *plan;
};

static int open_lab(void **state)
{
	static struct lab lab;
	struct gate_plan_options options = { 0 };

	lab.plan = test_plan(RULES, &options);
	*state = &lab;
	return 0;
}

static int close_lab(void **state)
{
	struct lab *lab = *state;

	gate_plan_unref(lab->plan);
	return 0;
}

static void each_mode_does_its_part(void **state)
{
	static const struct {
		enum gate_mode site;
		const struct gate_armed *armed; /* null: no list at all */
		size_t count;
		const char *target, *wanted;
	} rows[] = {
		/* Without a list holds are rules as any other. */
		{ GATE_ON, NULL, 0, "/?q=jndi", "81*|deny 403 by 81" },
		{ GATE_SHADOW, NULL, 0, "/?q=jndi", "81*|pass not by 81" },
		/* With one that names none of them nothing is held. */
		{ GATE_ON, off, 0, "/?q=jndi", "|pass" },
		{ GATE_ON, off, 0, "/up?f=a.php", "|pass" },
		{ GATE_SHADOW, off, 0, "/?q=jndi", "|pass" },
		{ GATE_ON, enforce82, 1, "/?q=jndi", "|pass" },
		{ GATE_ON, unknown, 2, "/?q=jndi", "|pass" },
		/* Rules that are no holds do not care. */
		{ GATE_ON, off, 0, "/?other=bad", "5*|deny 406 by 5" },
		{ GATE_ON, unknown, 2, "/?other=bad", "5*|deny 406 by 5" },
		{ GATE_SHADOW, unknown, 2, "/?other=bad", "5*|pass not by 5" },
		{ GATE_ON, enforce81, 1, "/?other=bad", "5*|deny 406 by 5" },
		/* Shadow tells and does nothing, not even for the verdict; the next rule has its say. */
		{ GATE_ON, shadow81, 1, "/?q=jndi", "81+7|pass" },
		{ GATE_SHADOW, shadow81, 1, "/?q=jndi", "81+7|pass" },
		{ GATE_ON, shadow81, 1, "/?q=late-jndi", "81+7 6*|deny 405 by 6" },
		{ GATE_ON, shadow82, 1, "/up?f=a.php", "82+70|pass" },
		/* Enforce stops, wherever the site is looked at at all. */
		{ GATE_ON, enforce81, 1, "/?q=jndi", "81+7!*|deny 403 by 81" },
		{ GATE_SHADOW, enforce81, 1, "/?q=jndi", "81+7!*|deny 403 by 81" },
		{ GATE_SHADOW, enforce81, 1, "/?other=bad&q=jndi", "5* 81+7!*|deny 403 by 81" },
		{ GATE_SHADOW, enforce81, 1, "/?q=twin", "|pass" },
		{ GATE_SHADOW, enforce82, 1, "/up?f=a.php", "82+70!*|deny 404 by 82" },
		{ GATE_SHADOW, enforce82, 1, "/up?f=a.png", "|pass" },
		{ GATE_OFF, enforce81, 1, "/?q=jndi", "|pass" },
		/* Of several the first that enforces. */
		{ GATE_SHADOW, both81, 3, "/?q=jndi", "81+8!*|deny 403 by 81" },
	};
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct gate_site_settings settings = { .name = "a", .mode = rows[i].site };
		struct test_engine engine;
		struct gate_tx *tx;
		char text[256];

		test_open(&engine, gate_plan_ref(lab->plan), &settings);
		assert_int_equal(gate_tx_new(engine.worker, engine.site, &tx), 0);
		if (rows[i].armed)
			gate_tx_arm(tx, rows[i].armed, rows[i].count);
		test_give(tx, &(struct test_request){ .target = rows[i].target });
		tell(tx, text, sizeof(text));
		if (strcmp(text, rows[i].wanted) != 0)
			fail_msg("row %zu: %s, wanted %s", i, text, rows[i].wanted);
		gate_tx_free(tx);
		test_close(&engine);
	}
}

static void lists_add_up_and_exclusions_stay(void **state)
{
	static const struct gate_exclusion exclusion[] = { { .first_id = 81, .last_id = 81 } };
	static const struct gate_site_settings settings[] = {
		{ .name = "a", .mode = GATE_SHADOW },
		{ .name = "b", .mode = GATE_SHADOW, .exclusions = exclusion, .exclusion_count = 1 },
	};
	static const char *const wanted[] = { "81+7!*|deny 403 by 81", "|pass" };
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
		struct test_engine engine;
		struct gate_tx *tx;
		char text[256];

		test_open(&engine, gate_plan_ref(lab->plan), &settings[i]);
		assert_int_equal(gate_tx_new(engine.worker, engine.site, &tx), 0);
		gate_tx_arm(tx, NULL, 0);
		gate_tx_arm(tx, enforce82, 1);
		gate_tx_arm(tx, shadow81, 1);
		gate_tx_arm(tx, enforce81, 1);
		gate_tx_arm(tx, NULL, 0);
		test_give(tx, &(struct test_request){ .target = "/?q=jndi" });
		tell(tx, text, sizeof(text));
		assert_string_equal(text, wanted[i]);
		gate_tx_free(tx);
		/* The next request begins anew. */
		tx = test_run(&engine, &(struct test_request){ .target = "/up?f=a.php" });
		tell(tx, text, sizeof(text));
		assert_string_equal(text, "|pass not by 82");
		gate_tx_free(tx);
		test_close(&engine);
	}
}

static void knows_its_holds(void **state)
{
	struct lab *lab = *state;

	assert_true(gate_plan_has_hold(lab->plan, 81));
	assert_true(gate_plan_has_hold(lab->plan, 82));
	assert_false(gate_plan_has_hold(lab->plan, 5));
	assert_false(gate_plan_has_hold(lab->plan, 99));
}

/* An answer is kept back only for a hold that could still stop it. */
static void answers_wait_for_holds_of_answers(void **state)
{
	static const struct gate_site_settings settings = { .name = "a", .mode = GATE_SHADOW };
	static const struct test_request request = { .target = "/", .status = 200, .response_headers = "X-Odd: yes\n" };
	static const struct {
		const struct gate_armed *armed;
		size_t count;
		bool may_stop;
		const char *wanted;
	} rows[] = { { off, 0, false, "|pass" }, { enforce81, 1, false, "|pass" },
		{ enforce83, 1, true, "83+3!*|deny 502 by 83" } };
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct test_engine engine;
		struct gate_tx *tx;
		char text[256];

		test_open(&engine, gate_plan_ref(lab->plan), &settings);
		assert_int_equal(gate_tx_new(engine.worker, engine.site, &tx), 0);
		gate_tx_arm(tx, rows[i].armed, rows[i].count);
		gate_tx_connection(tx, "192.0.2.1", 1234, "192.0.2.2", 80);
		gate_tx_request_line(tx, bytes_from_str("GET"), bytes_from_str("/"), bytes_from_str("HTTP/1.1"));
		gate_tx_request_headers_end(tx);
		gate_tx_request_body_end(tx);
		assert_int_equal(gate_tx_may_stop(tx), rows[i].may_stop);
		test_give_response(tx, &request);
		gate_tx_log(tx);
		assert_false(gate_tx_may_stop(tx));
		tell(tx, text, sizeof(text));
		assert_string_equal(text, rows[i].wanted);
		gate_tx_free(tx);
		test_close(&engine);
	}
}

/* What the hub's policy says counts in place of the site's mode, in both directions; holds that are armed to enforce do not care. */
static void a_mode_takes_the_sites_away(void **state)
{
	static const struct {
		enum gate_mode site, mode;
		const char *target;
		enum gate_action action, wanted;
		bool shadow;
	} rows[] = {
		{ GATE_SHADOW, GATE_ON, "/?other=bad", GATE_DENY, GATE_DENY, false },
		{ GATE_ON, GATE_SHADOW, "/?other=bad", GATE_PASS, GATE_DENY, true },
		{ GATE_OFF, GATE_ON, "/?other=bad", GATE_DENY, GATE_DENY, false },
		{ GATE_OFF, GATE_SHADOW, "/?q=jndi", GATE_DENY, GATE_DENY, false },
		{ GATE_ON, GATE_OFF, "/?q=jndi", GATE_PASS, GATE_PASS, false },
	};
	struct gate_plan_options options = { 0 };
	struct gate_plan *plan = test_plan(RULES, &options);
	struct gate_worker *worker = gate_worker_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct gate_site_settings settings = { .name = "a", .mode = rows[i].site };
		const struct gate_verdict *verdict;
		struct gate_site *site;
		struct gate_tx *tx;

		assert_int_equal(gate_site_new(plan, &settings, &site), 0);
		assert_int_equal(gate_tx_new(worker, site, &tx), 0);
		assert_false(gate_tx_facts(tx).by_policy);
		gate_tx_mode(tx, rows[i].mode);
		gate_tx_arm(tx, enforce81, 1);
		gate_tx_request_line(
			tx, bytes_from_str("GET"), bytes_from_str(rows[i].target), bytes_from_str("HTTP/1.1"));
		gate_tx_request_headers_end(tx);
		gate_tx_request_body_end(tx);
		gate_tx_log(tx);
		verdict = gate_tx_verdict(tx);
		if (verdict->action != rows[i].action || verdict->wanted != rows[i].wanted)
			fail_msg("row %zu: %d %d", i, verdict->action, verdict->wanted);
		assert_int_equal(gate_tx_facts(tx).shadow, rows[i].shadow);
		assert_true(gate_tx_facts(tx).by_policy);
		gate_tx_free(tx);
		gate_site_unref(site);
	}
	gate_worker_free(worker);
	gate_plan_unref(plan);
}

/* What is told: the hold, how it is armed, and no shadow where something was done. */
static void events_name_the_hold(void **state)
{
	static const struct gate_site_settings settings = { .name = "a", .mode = GATE_SHADOW };
	static const struct {
		const struct gate_armed *armed;
		size_t count;
		const char *wanted[4];
	} rows[] = {
		{ enforce81, 1,
			{ "\"hold\":{\"hold\":7,\"rule\":81,\"mode\":\"enforce\"}", "\"action\":\"deny\"",
				"\"shadow\":false", "\"hold\":\"81\"" } },
		{ shadow81, 1,
			{ "\"hold\":{\"hold\":7,\"rule\":81,\"mode\":\"shadow\"}", "\"wanted\":\"pass\"",
				"\"shadow\":true", "\"hold\":\"81\"" } },
	};
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct test_engine engine;
		struct gate_tx *tx;
		struct jsonw json;
		struct bytes text;

		test_open(&engine, gate_plan_ref(lab->plan), &settings);
		assert_int_equal(gate_tx_new(engine.worker, engine.site, &tx), 0);
		gate_tx_arm(tx, rows[i].armed, rows[i].count);
		test_give(tx, &(struct test_request){ .target = "/?q=jndi" });
		assert_true(event_wanted(tx));
		jsonw_init(&json, 1 << 16);
		event_write(tx, NULL, &json);
		assert_int_equal(jsonw_text(&json, &text), 0);
		for (size_t k = 0; k < ARRAY_COUNT(rows[i].wanted); k++) {
			if (!strstr((const char *)text.ptr, rows[i].wanted[k]))
				fail_msg("%s is not in %s", rows[i].wanted[k], (const char *)text.ptr);
		}
		jsonw_done(&json);
		gate_tx_free(tx);
		test_close(&engine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mode_does_its_part),
		cmocka_unit_test(lists_add_up_and_exclusions_stay),
		cmocka_unit_test(knows_its_holds),
		cmocka_unit_test(answers_wait_for_holds_of_answers),
		cmocka_unit_test(events_name_the_hold),
		cmocka_unit_test(a_mode_takes_the_sites_away),
	};

	return cmocka_run_group_tests(tests, open_lab, close_lab);
}
