// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/log.h"
#include "sensor/config/tree.h"
#include "sensor/rules/tenants.h"

static struct conf_tree *tree_of(const char *text)
{
	char message[CONF_MESSAGE_SIZE];
	struct conf_tree *tree = NULL;

	assert_int_equal(conf_tree_from_text(bytes_from_str(text), "test", message, &tree), 0);
	return tree;
}

static const char good[] = "%YAML 1.1\n---\n"
			   "tenants:\n"
			   "  - bank:\n"
			   "      networks: [192.0.2.0/24, \"2001:db8:1::/48\"]\n"
			   "      verdicts: {100: drop, \"3:101\": off, 102: alert}\n"
			   "      rule-files: [finance.rules, all.rules]\n"
			   "  - hospital:\n"
			   "      networks: [192.0.2.128/25, 198.51.100.7]\n"
			   "      mode: shadow\n"
			   "      rule-files: [all.rules]\n";

static uint32_t owner(const struct tenants *tenants, const char *src, const char *dst)
{
	struct ip_addr from, to;

	assert_int_equal(ip_addr_parse(bytes_from_str(src), &from), 0);
	assert_int_equal(ip_addr_parse(bytes_from_str(dst), &to), 0);
	return tenants_find(tenants, &from, &to);
}

static void test_owner(void **state)
{
	struct conf_tree *tree = tree_of(good);
	struct tenants *tenants;

	assert_int_equal(tenants_new(conf_root(tree), &tenants), 0);
	assert_int_equal(tenants_count(tenants), 2);
	assert_int_equal(owner(tenants, "203.0.113.1", "192.0.2.1"), 1);
	assert_int_equal(owner(tenants, "203.0.113.1", "192.0.2.129"), 2); /* the longer prefix */
	assert_int_equal(owner(tenants, "192.0.2.1", "203.0.113.1"), 1); /* an answer */
	assert_int_equal(owner(tenants, "192.0.2.1", "198.51.100.7"), 2); /* the destination first */
	assert_int_equal(owner(tenants, "203.0.113.1", "198.51.100.8"), 0);
	assert_int_equal(owner(tenants, "2001:db8:9::1", "2001:db8:1:2::3"), 1);
	assert_int_equal(owner(tenants, "2001:db8:9::1", "2001:db8:2::3"), 0);
	assert_string_equal(tenants_name(tenants, 2), "hospital");
	assert_null(tenants_name(tenants, 0));
	assert_int_equal(tenants_mode(tenants, 1), TENANT_ENFORCE);
	assert_int_equal(tenants_mode(tenants, 2), TENANT_SHADOW);
	tenants_free(tenants);
	conf_tree_free(tree);
}

static void test_rules(void **state)
{
	struct conf_tree *tree = tree_of(good);
	struct tenants *tenants;

	assert_int_equal(tenants_new(conf_root(tree), &tenants), 0);
	assert_int_equal(tenants_verdict(tenants, 1, 1, 100), TENANT_DROP);
	assert_int_equal(tenants_verdict(tenants, 1, 3, 101), TENANT_RULE_OFF);
	assert_int_equal(tenants_verdict(tenants, 1, 1, 101), TENANT_AS_RULE);
	assert_int_equal(tenants_verdict(tenants, 1, 1, 102), TENANT_ALERT);
	assert_int_equal(tenants_verdict(tenants, 2, 1, 100), TENANT_AS_RULE);
	assert_int_equal(tenants_verdict(tenants, 0, 1, 100), TENANT_AS_RULE);
	assert_int_equal(tenants_set_count(tenants), 2); /* a file that two name is one */
	assert_string_equal(tenants_set_path(tenants, 1), "finance.rules");
	assert_true(tenants_in_set(tenants, 1, 1));
	assert_false(tenants_in_set(tenants, 1, 2));
	assert_true(tenants_in_set(tenants, 2, 2));
	assert_false(tenants_in_set(tenants, 2, 0));
	tenants_free(tenants);
	conf_tree_free(tree);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"%YAML 1.1\n---\ntenants:\n  - a: {networks: [300.0.0.1]}\n",
		"%YAML 1.1\n---\ntenants:\n  - a: {mode: perhaps}\n",
		"%YAML 1.1\n---\ntenants:\n  - a: {verdicts: {x: drop}}\n",
		"%YAML 1.1\n---\ntenants:\n  - a: {verdicts: {1: maybe}}\n",
		"%YAML 1.1\n---\ntenants:\n  - a: {networks: [10.0.0.0/8]}\n  - b: {networks: [10.0.0.0/8]}\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct conf_tree *tree = tree_of(bad[i]);
		struct tenants *tenants = NULL;

		assert_int_not_equal(tenants_new(conf_root(tree), &tenants), 0);
		assert_null(tenants);
		conf_tree_free(tree);
	}
}

static void test_none(void **state)
{
	struct conf_tree *tree = tree_of("%YAML 1.1\n---\nvars: {}\n");
	struct tenants *tenants;

	assert_int_equal(tenants_new(conf_root(tree), &tenants), 0);
	assert_null(tenants);
	assert_int_equal(tenants_count(tenants), 0);
	assert_int_equal(owner(tenants, "192.0.2.1", "192.0.2.2"), 0);
	conf_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_owner), cmocka_unit_test(test_rules),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_none) };

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
