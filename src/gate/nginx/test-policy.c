// SPDX-License-Identifier: Apache-2.0
/* Policies without nginx: what loads, what is refused and why, who shares a plan, and how changed files take the place of old ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "gate/nginx/policy.h"

#define INTERVAL_MS 10
#define PATIENCE    500 /* times 20 ms */

static char folder[] = "/tmp/test-policy-XXXXXX";
static char path[sizeof(folder) + 16];
static char why[POLICY_WHY_SIZE];

static const char first[] = "SecRuleEngine On\nSecRule ARGS \"@contains one\" \"id:1,phase:1,deny\"\n";
static const char second[] = "SecRuleEngine On\nSecRule ARGS \"@contains two\" \"id:2,phase:1,deny\"\n"
			     "SecRule ARGS \"@contains three\" \"id:3,phase:1,deny\"\n";
static const char broken[] = "SecRuleEngine On\nSecRule ARGS \"@rx (\" \"id:4,phase:1,deny\"\n";

/* As editors do it: under another name first. */
static void write_rules(const char *text)
{
	char other[sizeof(path) + 4];
	FILE *file;

	snprintf(other, sizeof(other), "%s.new", path);
	file = fopen(other, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(rename(other, path), 0);
}

static struct policy *make(const struct gate_site_settings *settings, struct policy_site **site)
{
	struct policy *policy = policy_new();

	assert_non_null(policy);
	assert_int_equal(policy_add_path(policy, folder), 0);
	assert_int_equal(policy_add_site(policy, settings, site), 0);
	return policy;
}

/* Which rule denies a request, 0 for none. */
static uint64_t denied_by(const struct policy_site *site, const char *target)
{
	struct gate_tx *tx;
	uint64_t rule;

	assert_int_equal(gate_tx_new(policy_worker(site->policy), site->site, &tx), 0);
	gate_tx_request_line(tx, bytes_from_str("GET"), bytes_from_str(target), bytes_from_str("HTTP/1.1"));
	gate_tx_request_headers_end(tx);
	rule = gate_tx_verdict(tx)->rule_id;
	gate_tx_free(tx);
	return rule;
}

static void test_load(void **state)
{
	struct gate_site_settings settings = { .name = "site", .mode = GATE_ON };
	struct policy_site *site, *other;
	struct policy *policy, *same, *changed;

	write_rules(first);
	policy = make(&settings, &site);
	assert_int_equal(policy_load(policy, NULL, why), 0);
	assert_int_equal(policy_info(policy).plan.rule_count, 1);
	assert_false(policy_info(policy).shared);
	assert_int_equal(denied_by(site, "/?q=one"), 1);

	same = make(&settings, &other);
	assert_int_equal(policy_load(same, NULL, why), 0);
	assert_true(policy_info(same).shared);
	assert_int_equal(denied_by(other, "/?q=one"), 1);
	policy_free(policy); /* the plan lives on */
	assert_int_equal(denied_by(other, "/?q=one"), 1);

	write_rules(second);
	changed = make(&settings, &site);
	assert_int_equal(policy_load(changed, NULL, why), 0);
	assert_false(policy_info(changed).shared);
	assert_int_equal(denied_by(site, "/?q=three"), 3);
	policy_free(changed);
	policy_free(same);
}

static void test_refused(void **state)
{
	struct gate_exclusion exclusion = { .first_id = 1, .last_id = 1, .target = "NO_SUCH_VARIABLE" };
	struct gate_site_settings settings = { .name = "site", .mode = GATE_ON };
	struct policy_site *site;
	struct policy *policy;

	write_rules(broken);
	policy = make(&settings, &site);
	assert_int_equal(policy_load(policy, NULL, why), LUYTRE_E_SYNTAX);
	assert_non_null(strstr(why, "rules.conf:2: "));
	assert_null(site->site);
	policy_free(policy);

	write_rules(first);
	settings.exclusions = &exclusion;
	settings.exclusion_count = 1;
	policy = make(&settings, &site);
	assert_int_equal(policy_load(policy, NULL, why), LUYTRE_E_SYNTAX);
	assert_non_null(strstr(why, "site site: "));
	policy_free(policy);
}

static enum policy_change wait_for_change(struct policy_watch *watch, struct policy *policy)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	enum policy_change change = POLICY_SAME;

	for (int i = 0; i < PATIENCE && change == POLICY_SAME; i++) {
		nanosleep(&pause, NULL);
		change = policy_watch_poll(watch, policy, why);
	}
	return change;
}

static void test_watch(void **state)
{
	struct gate_site_settings settings = { .name = "site", .mode = GATE_ON };
	struct policy_site *site;
	struct policy_watch *watch;
	struct policy *policy;
	struct gate_tx *running;

	write_rules(first);
	policy = make(&settings, &site);
	assert_int_equal(policy_load(policy, NULL, why), 0);
	assert_int_equal(policy_watch_start(&policy, 1, INTERVAL_MS, NULL, &watch), 0);
	assert_int_equal(gate_tx_new(policy_worker(policy), site->site, &running), 0);

	write_rules(second);
	assert_int_equal(wait_for_change(watch, policy), POLICY_SWAPPED);
	policy_warm(policy);
	assert_int_equal(denied_by(site, "/?q=one"), 0);
	assert_int_equal(denied_by(site, "/?q=two"), 2);

	/* What began with the old rules ends with them. */
	gate_tx_request_line(running, bytes_from_str("GET"), bytes_from_str("/?q=one"), bytes_from_str("HTTP/1.1"));
	gate_tx_request_headers_end(running);
	assert_int_equal(gate_tx_verdict(running)->rule_id, 1);
	gate_tx_free(running);

	write_rules(broken);
	assert_int_equal(wait_for_change(watch, policy), POLICY_REFUSED);
	assert_non_null(strstr(why, "rules.conf:2: "));
	assert_int_equal(denied_by(site, "/?q=two"), 2);

	write_rules(first);
	assert_int_equal(wait_for_change(watch, policy), POLICY_SWAPPED);
	assert_int_equal(denied_by(site, "/?q=one"), 1);
	policy_watch_stop(watch);
	policy_free(policy);
}

/* Rules that make several automatons; 'word' is in one of them, behind signs that plain values do not have. */
static void write_many(const char *word)
{
	char text[2048];

	snprintf(text, sizeof(text),
		"SecRuleEngine On\n"
		"SecRule ARGS \"@rx union\\s+select\" \"id:11,phase:1,deny\"\n"
		"SecRule ARGS \"@rx [<{]%s[>}]\" \"id:12,phase:1,deny\"\n"
		"SecRule REQUEST_HEADERS:User-Agent \"@rx bad(?:bot|robot)\" \"id:13,phase:1,deny\"\n"
		"SecRule REQUEST_HEADERS:User-Agent \"@rx scan(?:ner|bot)\" \"id:14,phase:1,deny\"\n",
		word);
	write_rules(text);
}

/* A changed rule costs the automatons that it is in, also without a cache. */
static void test_change_of_one(void **state)
{
	struct gate_site_settings settings = { .name = "site", .mode = GATE_ON };
	struct gate_plan_info first_info, info;
	struct policy_site *site;
	struct policy_watch *watch;
	struct policy *policy;

	write_many("script");
	policy = make(&settings, &site);
	assert_int_equal(policy_load(policy, NULL, why), 0);
	first_info = policy_info(policy).plan;
	assert_true(first_info.automaton_count >= 3);
	assert_int_equal(first_info.compiled_count, first_info.automaton_count);
	assert_int_equal(denied_by(site, "/?q=%3cscript%3e"), 12);

	assert_int_equal(policy_watch_start(&policy, 1, INTERVAL_MS, NULL, &watch), 0);
	write_many("object");
	assert_int_equal(wait_for_change(watch, policy), POLICY_SWAPPED);
	info = policy_info(policy).plan;
	assert_int_equal(info.automaton_count, first_info.automaton_count);
	assert_true(info.compiled_count > 0 && info.compiled_count < info.automaton_count);
	assert_int_equal(denied_by(site, "/?q=%3cscript%3e"), 0);
	assert_int_equal(denied_by(site, "/?q=%3cobject%3e"), 12);
	assert_int_equal(denied_by(site, "/?q=union%20select"), 11);
	policy_watch_stop(watch);
	policy_free(policy);
}

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/rules.conf", folder);
	return 0;
}

static int remove_folder(void **state)
{
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_change_of_one),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
