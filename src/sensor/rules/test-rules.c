// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/error.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "sensor/config/tree.h"
#include "sensor/rules/address.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/number.h"
#include "sensor/rules/text.h"
#include "sensor/rules/threshold-file.h"
#include "sensor/settings.h"

static const char vars_text[] = "%YAML 1.1\n---\n"
				"vars:\n"
				"  address-groups:\n"
				"    HOME_NET: \"[192.168.0.0/16,10.0.0.0/8]\"\n"
				"    EXTERNAL_NET: \"!$HOME_NET\"\n"
				"    ANY_NET: any\n"
				"    LOOP: \"$LOOP\"\n"
				"    LIST: [192.0.2.1, 192.0.2.7]\n"
				"  port-groups:\n"
				"    HTTP_PORTS: \"[80,8000:8100,!8080]\"\n";

static struct conf_tree *tree;
static struct sensor_settings settings;

static int set_up(void **state)
{
	char message[CONF_MESSAGE_SIZE];

	log_set_level(LOG_LEVEL_ERROR);
	if (conf_tree_from_text(bytes_from_str(vars_text), "vars", message, &tree) < 0)
		return -1;
	settings = (struct sensor_settings){ .tree = tree, .root = conf_root(tree) };
	return 0;
}

static int tear_down(void **state)
{
	conf_tree_free(tree);
	return 0;
}

static struct policy *load(const char *text)
{
	struct policy_source source = { .path = "test", .text = bytes_from_str(text) };
	struct policy_options options = { .sources = &source, .source_count = 1 };
	struct policy *policy = NULL;

	assert_int_equal(rules_load(&settings, &options, &policy), 0);
	return policy;
}

/* The only rule of a text made of a header and options; sid is added. */
static struct policy *load_options(const char *header, const char *options)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s (%s sid:1;)\n", header, options);
	return load(text);
}

static void lines_are_joined_and_comments_left_out(void **state)
{
	char text[] = "# a \\\nalert one \\\n  two \r\n\n   # b\nlast";
	struct rule_lines lines;
	struct bytes line;
	uint32_t number;

	rule_lines_init(&lines, text, sizeof(text) - 1);
	assert_true(rule_lines_next(&lines, &line, &number));
	assert_int_equal(number, 2);
	assert_memory_equal(line.ptr, "alert one", 9);
	assert_memory_equal(line.ptr + line.size - 3, "two", 4);
	assert_true(rule_lines_next(&lines, &line, &number));
	assert_int_equal(number, 6);
	assert_true(bytes_equal_str(line, "last"));
	assert_false(rule_lines_next(&lines, &line, &number));
}

static void options_end_at_semicolons_without_backslash(void **state)
{
	struct bytes rest = bytes_from_str(" msg:\"a\\;b: c\" ; nocase; x : y ;");
	struct rule_option option;

	assert_int_equal(rule_option_next(&rest, &option), RULE_OPTION_FOUND);
	assert_true(bytes_equal_str(option.name, "msg"));
	assert_true(bytes_equal_str(option.value, "\"a\\;b: c\""));
	assert_int_equal(rule_option_next(&rest, &option), RULE_OPTION_FOUND);
	assert_true(bytes_equal_str(option.name, "nocase"));
	assert_false(option.has_value);
	assert_int_equal(rule_option_next(&rest, &option), RULE_OPTION_FOUND);
	assert_true(bytes_equal_str(option.value, "y"));
	assert_int_equal(rule_option_next(&rest, &option), RULE_OPTION_END);
	rest = bytes_from_str("msg:\"open\"");
	assert_int_equal(rule_option_next(&rest, &option), RULE_OPTION_BAD);
}

static void addresses_match_by_expression(void **state)
{
	static const struct {
		const char *text, *in, *out;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", "192.0.2.2" },
		{ "192.0.2.0/24", "192.0.2.255", "192.0.3.0" },
		{ "192.0.2.77/24", "192.0.2.1", "192.0.1.255" },
		{ "192.0.2.0/255.255.255.0", "192.0.2.9", "192.0.3.9" },
		{ "192.0.2.3-192.0.2.9", "192.0.2.9", "192.0.2.10" },
		{ "!192.0.2.1", "192.0.2.2", "192.0.2.1" },
		{ "!192.0.2.1", "192.0.2.2", "2001:db8::1" },
		{ "[192.0.2.0/24, !192.0.2.4, 2001:db8::/32]", "2001:db8::9", "192.0.2.4" },
		{ "[192.0.2.0/24,![192.0.2.4,!192.0.2.5]]", "192.0.2.5", "192.0.2.4" },
		{ "$HOME_NET", "10.1.2.3", "11.0.0.0" },
		{ "$EXTERNAL_NET", "11.0.0.0", "10.255.255.255" },
		{ "[$HOME_NET,!10.0.0.0/9]", "10.128.0.0", "10.127.255.255" },
		{ "$LIST", "192.0.2.7", "192.0.2.2" },
		{ "0.0.0.0/0", "255.255.255.255", "::1" },
		{ "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1.1.1.1" },
		{ "[1.0.0.0/8,1.2.0.0/16,2.0.0.0-3.0.0.0]", "3.0.0.0", "3.0.0.1" },
	};
	struct address_sets *sets = address_sets_new(conf_get(settings.root, "vars.address-groups"));
	char message[ADDRESS_MESSAGE_SIZE];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct ip_addr in, out;
		uint32_t set, again;

		assert_int_equal(address_sets_intern(sets, bytes_from_str(rows[i].text), message, &set), 0);
		assert_int_equal(address_sets_intern(sets, bytes_from_str(rows[i].text), message, &again), 0);
		assert_int_equal(set, again);
		assert_int_equal(ip_addr_parse(bytes_from_str(rows[i].in), &in), 0);
		assert_int_equal(ip_addr_parse(bytes_from_str(rows[i].out), &out), 0);
		assert_true(address_sets_match(sets, set, 0, &in));
		assert_false(address_sets_match(sets, set, 0, &out));
	}
	address_sets_free(sets);
}

static void contradictory_addresses_are_errors(void **state)
{
	static const char *const rows[] = { "!any", "![any]", "!$ANY_NET", "[10.0.0.0/8,!10.0.0.0/8]", "!0.0.0.0/0",
		"$NOBODY", "$LOOP", "[1.2.3.4", "1.2.3.4]", "[]", "", "1.2.3", "1.2.3.4/33", "1.2.3.9-1.2.3.1",
		"1.2.3.4-::1", "!!1.2.3.4", "1.2.3.4/255.0.255.0", "[1.2.3.4,,1.2.3.5]" };
	struct address_sets *sets = address_sets_new(conf_get(settings.root, "vars.address-groups"));
	char message[ADDRESS_MESSAGE_SIZE];
	uint32_t set;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		message[0] = '\0';
		assert_int_equal(address_sets_intern(sets, bytes_from_str(rows[i]), message, &set), LUYTRE_E_SYNTAX);
		assert_string_not_equal(message, "");
	}
	assert_int_equal(address_sets_count(sets), 1);
	address_sets_free(sets);
}

static void ports_match_by_expression(void **state)
{
	static const struct {
		const char *text;
		int in, out;
	} rows[] = {
		{ "80", 80, 81 },
		{ "!80", 79, 80 },
		{ "1024:", 65535, 1023 },
		{ ":1023", 0, 1024 },
		{ "[80,443,1000:2000,!1500]", 1501, 1500 },
		{ "$HTTP_PORTS", 8079, 8080 },
		{ "[!$HTTP_PORTS]", 81, 80 },
	};
	static const char *const bad[] = { "65536", "80-90", "90:80", "!any", "[80,!80]", "http", ":", "$NOBODY" };
	struct port_sets *sets = port_sets_new(conf_get(settings.root, "vars.port-groups"));
	char message[ADDRESS_MESSAGE_SIZE];
	uint32_t set;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(port_sets_intern(sets, bytes_from_str(rows[i].text), message, &set), 0);
		assert_true(port_sets_match(sets, set, 0, (uint16_t)rows[i].in));
		assert_false(port_sets_match(sets, set, 0, (uint16_t)rows[i].out));
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(port_sets_intern(sets, bytes_from_str(bad[i]), message, &set), LUYTRE_E_SYNTAX);
	port_sets_free(sets);
}

static void tenants_have_variables_of_their_own(void **state)
{
	struct policy *policy = load("alert tcp $HOME_NET any -> $EXTERNAL_NET any (sid:1;)\n"
				     "alert tcp 192.0.2.1 any -> $EXTERNAL_NET any (sid:2;)\n");
	char message[CONF_MESSAGE_SIZE];
	struct conf_tree *own;
	struct ip_addr home, other;
	uint32_t src = policy->rules[0]->src.address_set, dst = policy->rules[0]->dst.address_set;

	assert_int_equal(
		conf_tree_from_text(bytes_from_str("%YAML 1.1\n---\naddress-groups:\n  HOME_NET: 203.0.113.0/24\n"),
			"own", message, &own),
		0);
	assert_int_equal(ip_addr_parse(bytes_from_str("10.0.0.1"), &home), 0);
	assert_int_equal(ip_addr_parse(bytes_from_str("203.0.113.5"), &other), 0);
	assert_int_equal(policy_tenant_vars(policy, 2, conf_root(own), message), 0);
	assert_int_equal(policy->rules[1]->dst.address_set, dst);
	assert_true(policy_address_match(policy, src, 0, &home));
	assert_true(policy_address_match(policy, src, 1, &home));
	assert_false(policy_address_match(policy, src, 2, &home));
	assert_true(policy_address_match(policy, src, 2, &other));
	assert_true(policy_address_match(policy, dst, 2, &home));
	assert_false(policy_address_match(policy, dst, 0, &home));
	rules_free(policy);
	conf_tree_free(own);
}

/* What is in one region is in the same sets, for every tenant; what is not differs in some set. */
static void regions_are_what_no_set_tells_apart(void **state)
{
	static const char *const texts[] = {
		"alert tcp [192.0.2.0/24,!192.0.2.7] 80 -> $HOME_NET [80,1000:2000] (sid:1;)\n",
		"alert tcp 192.0.2.200 :1023 -> ![10.0.0.0/8,2001:db9::/32] 1500: (sid:2;)\n",
		"alert tcp 2001:db8::/32 any -> !$HOME_NET !80 (sid:3;)\n"
	};
	static const char *const addresses[] = { "0.0.0.0", "9.255.255.255", "10.0.0.0", "10.20.30.40",
		"10.255.255.255", "11.0.0.0", "192.0.2.6", "192.0.2.7", "192.0.2.8", "192.0.2.200", "192.0.2.255",
		"203.0.113.9", "255.255.255.255", "::", "2001:db8::1", "2001:db9::", "ffff::1" };
	char text[512], message[CONF_MESSAGE_SIZE];
	struct regions *regions, *ports;
	struct conf_tree *own;
	struct policy *policy;

	snprintf(text, sizeof(text), "%s%s%s", texts[0], texts[1], texts[2]);
	policy = load(text);
	assert_int_equal(
		conf_tree_from_text(bytes_from_str("%YAML 1.1\n---\naddress-groups:\n  HOME_NET: 203.0.113.0/24\n"),
			"own", message, &own),
		0);
	assert_int_equal(policy_tenant_vars(policy, 2, conf_root(own), message), 0);
	assert_int_equal(address_sets_regions(policy->addresses, &regions), 0);
	assert_int_equal(port_sets_regions(policy->ports, &ports), 0);
	for (size_t i = 0; i < ARRAY_COUNT(addresses) * ARRAY_COUNT(addresses); i++) {
		struct ip_addr a, b;
		bool same = true;

		assert_int_equal(ip_addr_parse(bytes_from_str(addresses[i / ARRAY_COUNT(addresses)]), &a), 0);
		assert_int_equal(ip_addr_parse(bytes_from_str(addresses[i % ARRAY_COUNT(addresses)]), &b), 0);
		if (a.family != b.family)
			continue;
		for (uint32_t set = 1; set < address_sets_count(policy->addresses); set++)
			for (uint32_t tenant = 0; tenant < 4; tenant++)
				same &= policy_address_match(policy, set, tenant, &a) ==
					policy_address_match(policy, set, tenant, &b);
		assert_int_equal(regions_address(regions, &a) == regions_address(regions, &b), same);
	}
	for (uint32_t port = 1; port <= UINT16_MAX; port++) {
		bool same = true;

		for (uint32_t set = 1; set < port_sets_count(policy->ports); set++)
			same &= policy_port_match(policy, set, 0, (uint16_t)port) ==
				policy_port_match(policy, set, 0, (uint16_t)(port - 1));
		assert_int_equal(
			regions_port(ports, (uint16_t)port) == regions_port(ports, (uint16_t)(port - 1)), same);
	}
	regions_free(regions);
	regions_free(ports);
	regions_free(NULL);
	rules_free(policy);
	conf_tree_free(own);
}

static void numbers_compare_as_documented(void **state)
{
	static const struct {
		const char *text;
		uint64_t in, out;
	} rows[] = {
		{ "5", 5, 6 },
		{ "=0x13", 19, 18 },
		{ "!5", 4, 5 },
		{ "!=5", 4, 5 },
		{ ">5", 6, 5 },
		{ ">=5", 5, 4 },
		{ "<5", 4, 5 },
		{ "<=5", 5, 6 },
		{ "2-8", 3, 2 },
		{ "2<>8", 7, 8 },
		{ "!2-8", 8, 7 },
		{ "&0xc0=0x80", 0x81, 0xc0 },
		{ "&0xc0!=0", 0x40, 0x3f },
		{ "64kb", 65536, 64 },
		{ "1 MiB", 1 << 20, 1 },
	};
	static const char *const bad[] = { "", "x", "5x", ">", "8-2", "2-3", "<0", ">4294967295", "4294967296",
		"&0xc0=2", "-1" };
	struct rule_number_test test;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_null(rule_number_parse(bytes_from_str(rows[i].text), 32, NULL, &test));
		assert_true(rule_number_holds(&test, rows[i].in));
		assert_false(rule_number_holds(&test, rows[i].out));
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_non_null(rule_number_parse(bytes_from_str(bad[i]), 32, NULL, &test));
}

static void wrong_rules_are_refused_and_the_rest_loads(void **state)
{
	static const char *const bad[] = {
		"alert tcp any any -> any any (msg:\"no sid\";)",
		"alert tcp any any -> any any (sid:0;)",
		"alert tcp any any any any (sid:2;)",
		"alert tcp any any -> any any sid:2;",
		"alert nothing any any -> any any (sid:2;)",
		"shout tcp any any -> any any (sid:2;)",
		"alert tcp $NOBODY any -> any any (sid:2;)",
		"alert tcp any any -> any any (foo:bar; sid:2;)",
		"alert tcp any any -> any any (content:\"|22 2 22|\"; sid:2;)",
		"alert tcp any any -> any any (content:\"|22\"; sid:2;)",
		"alert tcp any any -> any any (content:\"\"; sid:2;)",
		"alert tcp any any -> any any (content:\"a;b\"; sid:2;)",
		"alert tcp any any -> any any (content:abc; sid:2;)",
		"alert tcp any any -> any any (content:\"abc\"; depth:2; sid:2;)",
		"alert tcp any any -> any any (content:\"abc\"; within:2; sid:2;)",
		"alert tcp any any -> any any (content:\"abc\"; depth:5; distance:2; sid:2;)",
		"alert tcp any any -> any any (content:\"abc\"; startswith; depth:5; sid:2;)",
		"alert tcp any any -> any any (content:\"abc\"; nocase; nocase; sid:2;)",
		"alert tcp any any -> any any (nocase; sid:2;)",
		"alert tcp any any -> any any (depth:3; sid:2;)",
		"alert tcp any any -> any any (content:\"a\"; fast_pattern; content:\"b\"; fast_pattern; sid:2;)",
		"alert tcp any any -> any any (content:\"abc\"; fast_pattern:2,2; sid:2;)",
		"alert tcp any any -> any any (content:\"abc\"; offset:1; fast_pattern:only; sid:2;)",
		"alert tcp any any -> any any (content:!\"abc\"; offset:1; fast_pattern; sid:2;)",
		"alert tcp any any -> any any (content:\"abc\"; offset:novar; sid:2;)",
		"alert tcp any any -> any any (flow:to_server,to_client; sid:2;)",
		"alert tcp any any -> any any (flow:established,stateless; sid:2;)",
		"alert tcp any any -> any any (flow:established; flow:to_server; sid:2;)",
		"alert tcp any any -> any any (priority:256; sid:2;)",
		"alert tcp any any -> any any (target:me; sid:2;)",
		"alert tcp any any -> any any (threshold:type limit, track by_src, count 1; sid:2;)",
		"alert tcp any any -> any any (threshold:type limit, track by_src, count 1, seconds 0; sid:2;)",
		"alert udp any any -> any any (dsize:10; content:\"boom\"; content:\"loom\"; distance:10; sid:2;)",
		"alert udp any any -> any any (dsize:6; content:\"boom\"; content:\"loom\"; distance:2; sid:2;)",
		"alert tcp-stream any any -> any any (dsize:6; content:\"boom\"; sid:2;)",
		"alert tcp any any => any any (content:\"boom\"; sid:2;)",
		"alert dns any any -> any any (dns.query; sid:2;)",
		"alert dns any any -> any any (base64_data; content:\"x\"; fast_pattern; sid:2;)",
		"alert tcp any any -> any any (requires: version 8; sid:2;)",
		"alert tcp any any -> any any (msg:\"second\"; sid:1;)",
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		char text[1024];
		struct policy *policy;

		log_set_level(LOG_LEVEL_ERROR);
		snprintf(text, sizeof(text),
			"alert tcp any any -> any any (sid:1;)\n%s\nalert udp any any -> any any (sid:9;)\n", bad[i]);
		policy = load(text);
		if (policy->loaded_count != 2 || policy->failed_count != 1)
			fail_msg("%s: loaded %u, refused %u", bad[i], policy->loaded_count, policy->failed_count);
		assert_int_equal(policy->refusals->line, 2);
		assert_string_equal(policy->refusals->file, "test");
		rules_free(policy);
	}
}

static void contents_are_read(void **state)
{
	struct policy *policy = load_options("alert tcp any any -> any any",
		"content:\"aB|0d 0A|\\\"\\;\"; nocase; offset:2; depth:10; "
		"content:!\"x\"; content:\"yz\"; distance:1; within:6;");
	const struct rule *rule = policy->rules[0];
	const struct rule_match *first = rule->buffers->first;
	const struct rule_content *one = first->data, *three = first->next->next->data;

	assert_int_equal(policy->loaded_count, 1);
	assert_int_equal(one->pattern.size, 6);
	assert_memory_equal(one->pattern.ptr, "ab\r\n\";", 6);
	assert_int_equal(one->offset, 2);
	assert_int_equal(one->depth, 12);
	assert_true(first->next->negated);
	assert_true(first->next->next->relative);
	assert_true(first->next->relative_next);
	/* Behind the first: at 2 + 6 + 1 at the earliest, and it ends at 12 + 1 + 6 at the latest. */
	assert_int_equal(three->offset, 9);
	assert_int_equal(three->depth, 19);
	assert_ptr_equal(rule->fast_buffer, rule->buffers);
	assert_ptr_equal(rule->buffers->fast_pattern, one);
	assert_true(rule->flags & RULE_NEEDS_STREAM);
	assert_true(rule->flags & RULE_NEEDS_PACKET);
	rules_free(policy);
}

static void kinds_of_rules_are_told_apart(void **state)
{
	static const struct {
		const char *header, *options;
		uint64_t has, has_not;
	} rows[] = {
		{ "alert ip any any -> 192.0.2.0/24 any", "", RULE_IP_ONLY, RULE_LIKE_IP_ONLY },
		{ "alert ip any any -> !192.0.2.0/24 any", "", RULE_LIKE_IP_ONLY, RULE_IP_ONLY },
		{ "alert tcp any any -> any 80", "", 0, RULE_IP_ONLY },
		{ "alert tcp any any -> any any", "flow:established;", 0, RULE_IP_ONLY },
		{ "alert tcp any any -> any any", "content:\"abc\";", RULE_NEEDS_STREAM, RULE_NEEDS_PACKET },
		{ "alert tcp-pkt any any -> any any", "content:\"abc\";", RULE_NEEDS_PACKET, RULE_NEEDS_STREAM },
		{ "alert tcp any any -> any any", "content:\"abc\"; flow:no_stream;", RULE_NEEDS_PACKET,
			RULE_NEEDS_STREAM },
		{ "alert tcp any any -> any any", "content:\"abc\"; dsize:5;", RULE_NEEDS_PACKET, RULE_NEEDS_STREAM },
		{ "alert udp any any -> any any", "content:\"abc\";", 0, RULE_NEEDS_PACKET | RULE_NEEDS_STREAM },
		{ "alert dns any any -> any any", "dns.query; content:\"abc\";", RULE_NEEDS_TX, RULE_IP_ONLY },
		{ "alert tcp any any -> any any", "flow:to_client;", RULE_DIR_TO_CLIENT | RULE_IP_ONLY,
			RULE_DIR_TO_SERVER },
		{ "alert pkthdr any any -> any any", "decode-event:ipv4.pkt_too_small;", RULE_DECODE_EVENT_ONLY,
			RULE_IP_ONLY },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy *policy = load_options(rows[i].header, rows[i].options);

		assert_int_equal(policy->loaded_count, 1);
		if ((policy->rules[0]->flags & rows[i].has) != rows[i].has ||
			(policy->rules[0]->flags & rows[i].has_not) != 0)
			fail_msg("row %zu: flags %llx", i, (unsigned long long)policy->rules[0]->flags);
		rules_free(policy);
	}
}

static void rules_are_ordered_doubled_and_replaced(void **state)
{
	struct policy *policy = load("alert tcp any any -> any any (sid:1; priority:2;)\n"
				     "alert tcp any any -> any any (sid:2; priority:1;)\n"
				     "drop tcp any any -> any any (sid:3; priority:9;)\n"
				     "pass tcp any any -> any any (sid:4;)\n"
				     "alert tcp 192.0.2.1 any <> any any (sid:5; rev:2;)\n"
				     "alert tcp any any <> any any (sid:6; rev:1;)\n"
				     "alert tcp any any -> any any (sid:6; rev:2; msg:\"new\";)\n");
	static const uint32_t order[] = { 4, 3, 2, 1, 5, 5, 6 };

	assert_int_equal(policy->loaded_count, 6);
	assert_int_equal(policy->rule_count, ARRAY_COUNT(order));
	for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
		assert_int_equal(policy->rules[i]->sid, order[i]);
		assert_int_equal(policy->rules[i]->index, i);
	}
	assert_ptr_equal(policy->rules[5]->twin, policy->rules[4]);
	assert_int_equal(policy->rules[5]->dst.address_set, policy->rules[4]->src.address_set);
	assert_string_equal(policy->rules[6]->msg, "new");
	rules_free(policy);
}

static void requirements_skip_rules(void **state)
{
	static const struct {
		const char *text;
		bool holds;
	} rows[] = {
		{ "version >= 8", true },
		{ "version >= 7 < 8", false },
		{ "version >= 7.0.3 < 8 | >= 8.0.7", true },
		{ "version >= 8.0.8", false },
		{ "version > 8.0.6, keyword sid", true },
		{ "keyword foobar", false },
		{ "foo bar", false },
		{ "feature ja4", true },
		{ "version < 9.0.0", true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char options[256];
		struct policy *policy;

		snprintf(options, sizeof(options), "requires:%s;", rows[i].text);
		policy = load_options("alert tcp any any -> any any", options);
		assert_int_equal(policy->loaded_count, rows[i].holds);
		assert_int_equal(policy->skipped_count, !rows[i].holds);
		assert_int_equal(policy->failed_count, 0);
		rules_free(policy);
	}
	/* What does not hold is not looked at further. */
	struct policy *policy = load_options("alert unheard any any => any any", "nothing:1; requires:version >= 10;");

	assert_int_equal(policy->skipped_count, 1);
	rules_free(policy);
}

static void descriptions_are_kept(void **state)
{
	struct policy *policy =
		load_options("alert tcp any any -> any any", "msg:\"a \\\"b\\\" \\; c\"; classtype:trojan-activity; "
							     "reference:url,example.org/x; metadata:k v w, empty, l m; "
							     "target:dest_ip; gid:7; rev:3; noalert;");
	const struct rule *rule = policy->rules[0];

	assert_string_equal(rule->msg, "a \"b\" ; c");
	assert_string_equal(rule->class_text, "A Network Trojan was detected");
	assert_int_equal(rule->priority, 1);
	assert_string_equal(rule->references->url, "https://example.org/x");
	assert_string_equal(rule->metadata->value, "v w");
	assert_string_equal(rule->metadata->next->key, "l");
	assert_null(rule->metadata->next->next);
	assert_int_equal(rule->gid, 7);
	assert_int_equal(rule->rev, 3);
	assert_true(rule->flags & RULE_HAS_TARGET_DST);
	assert_true(rule->flags & RULE_NOALERT);
	rules_free(policy);
}

static void thresholds_of_a_file_reach_their_rules(void **state)
{
	static const char *const bad[] = { "this is not correct", "suppress gen_id 1", "threshold gen_id 1, sig_id 1",
		"suppress gen_id 1, sig_id 1, track by_src", "suppress gen_id 1, sig_id 1, sig_id 2",
		"rate_filter gen_id 1, sig_id 1, track by_src, count 1, seconds 60, new_action shout, timeout 1" };
	static const char good[] = "# comment\n\n"
				   "suppress gen_id 1, sig_id 1, track by_src, ip [192.0.2.1, 192.0.2.9]\n"
				   "event_filter gen_id 1, sig_id 1, type both, track by_flow, count 5, seconds 60\n"
				   "threshold gen_id 0, sig_id 0, type limit, track by_rule, count 3, seconds 7\n";
	struct policy *policy = load("alert tcp any any -> any any (threshold:type limit, track by_src, count 1, "
				     "seconds 9; sid:1;)\nalert tcp any any -> any any (sid:2;)\n");
	char message[THRESHOLD_FILE_MESSAGE_SIZE];
	const struct rule_threshold *first;
	uint32_t line;

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(
			threshold_file_apply(policy, 0, bytes_from_str(bad[i]), message, &line), LUYTRE_E_SYNTAX);
	assert_int_equal(threshold_file_apply(policy, 0, bytes_from_str(good), message, &line), 0);
	first = policy->rules[0]->threshold;
	assert_int_equal(first->type, RULE_THRESHOLD_BOTH);
	assert_int_equal(first->track, RULE_TRACK_FLOW);
	assert_int_equal(first->next->type, RULE_THRESHOLD_SUPPRESS);
	assert_int_not_equal(first->next->suppress_set, 0);
	assert_null(first->next->next);
	assert_int_equal(policy->rules[1]->threshold->type, RULE_THRESHOLD_LIMIT);
	assert_int_equal(policy->rules[1]->threshold->seconds, 7);
	rules_free(policy);
}

static void the_report_names_missing_keywords(void **state)
{
	struct policy *policy = load("alert tcp any any -> any any (foo; sid:1;)\n"
				     "alert tcp any any -> any any (bar:1; sid:2;)\n"
				     "alert tcp any any -> any any (bar:2; sid:3;)\n");
	struct policy_missing missing[4];
	struct jsonw json;
	struct bytes text;

	assert_int_equal(policy_missing_keywords(policy, missing, 4), 2);
	assert_string_equal(missing[0].keyword, "bar");
	assert_int_equal(missing[0].count, 2);
	jsonw_init(&json, 1 << 16);
	jsonw_object_begin(&json);
	policy_report(policy, &json);
	jsonw_object_end(&json);
	assert_int_equal(jsonw_text(&json, &text), 0);
	assert_non_null(strstr((const char *)text.ptr, "\"missing_keywords\":{\"bar\":2,\"foo\":1}"));
	jsonw_done(&json);
	rules_free(policy);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_joined_and_comments_left_out),
		cmocka_unit_test(options_end_at_semicolons_without_backslash),
		cmocka_unit_test(addresses_match_by_expression),
		cmocka_unit_test(contradictory_addresses_are_errors),
		cmocka_unit_test(ports_match_by_expression),
		cmocka_unit_test(tenants_have_variables_of_their_own),
		cmocka_unit_test(regions_are_what_no_set_tells_apart),
		cmocka_unit_test(numbers_compare_as_documented),
		cmocka_unit_test(wrong_rules_are_refused_and_the_rest_loads),
		cmocka_unit_test(contents_are_read),
		cmocka_unit_test(kinds_of_rules_are_told_apart),
		cmocka_unit_test(rules_are_ordered_doubled_and_replaced),
		cmocka_unit_test(requirements_skip_rules),
		cmocka_unit_test(descriptions_are_kept),
		cmocka_unit_test(thresholds_of_a_file_reach_their_rules),
		cmocka_unit_test(the_report_names_missing_keywords),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
