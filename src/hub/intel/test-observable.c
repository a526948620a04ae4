// SPDX-License-Identifier: Apache-2.0
#include "hub/intel/observable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"

static const struct {
	enum observable_kind kind;
	const char *in;
	const char *out; /* null: refused */
} rows[] = {
	{ OBSERVABLE_ADDR, "192.0.2.1", "192.0.2.1" },
	{ OBSERVABLE_ADDR, "192.0.2.01", NULL },
	{ OBSERVABLE_ADDR, "::ffff:192.0.2.1", "192.0.2.1" },
	{ OBSERVABLE_ADDR, "::FFFF:c000:0201", "192.0.2.1" },
	{ OBSERVABLE_ADDR, "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
	{ OBSERVABLE_ADDR, "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
	{ OBSERVABLE_ADDR, "", NULL },
	{ OBSERVABLE_ADDR, "192.0.2.1/32", NULL },
	{ OBSERVABLE_PREFIX, "192.0.2.7/24", "192.0.2.0/24" },
	{ OBSERVABLE_PREFIX, "192.0.2.7/32", "192.0.2.7" },
	{ OBSERVABLE_PREFIX, "::ffff:192.0.2.7/120", "192.0.2.0/24" },
	{ OBSERVABLE_PREFIX, "::ffff:0:0/95", "::fffe:0:0/95" },
	{ OBSERVABLE_PREFIX, "2001:db8::1/64", "2001:db8::/64" },
	{ OBSERVABLE_PREFIX, "192.0.2.0/33", NULL },
	{ OBSERVABLE_DOMAIN, "Example.VN.", "example.vn" },
	{ OBSERVABLE_DOMAIN, "_dmarc.xn--bcher-kva.example", "_dmarc.xn--bcher-kva.example" },
	{ OBSERVABLE_DOMAIN, "localhost", NULL },
	{ OBSERVABLE_DOMAIN, "a..b", NULL },
	{ OBSERVABLE_DOMAIN, ".example.vn", NULL },
	{ OBSERVABLE_DOMAIN, "192.0.2.1", NULL },
	{ OBSERVABLE_DOMAIN,
		"b\xc3\xbc"
		"cher.example",
		NULL },
	{ OBSERVABLE_DOMAIN, "a b.vn", NULL },
	{ OBSERVABLE_URL, "HTTPS://User:pw@Example.VN:443/a/%7euser/%2f?secret=1#top",
		"https://example.vn/a/~user/%2F" },
	{ OBSERVABLE_URL, "http://example.vn", "http://example.vn/" },
	{ OBSERVABLE_URL, "http://example.vn?x=1", "http://example.vn/" },
	{ OBSERVABLE_URL, "http://[2001:DB8::1]:8080/x y", "http://[2001:db8::1]:8080/x%20y" },
	{ OBSERVABLE_URL, "http://[::ffff:192.0.2.1]:080/", "http://192.0.2.1/" },
	{ OBSERVABLE_URL, "http://example.vn:port/", NULL },
	{ OBSERVABLE_URL, "javascript:alert(1)", NULL },
	{ OBSERVABLE_URL, "http:///x", NULL },
	{ OBSERVABLE_URL, "http://[2001:db8::1/x", NULL },
	{ OBSERVABLE_URL, "http://example.vn/%zz%4", "http://example.vn/%25zz%254" },
	{ OBSERVABLE_HASH, "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e" },
	{ OBSERVABLE_HASH, "d41d8cd98f00b204e9800998ecf8427", NULL },
	{ OBSERVABLE_HASH, "g41d8cd98f00b204e9800998ecf8427e", NULL },
	{ OBSERVABLE_JA4, "t13d1516h2_8daaf6152771_b186095e22b6", "t13d1516h2_8daaf6152771_b186095e22b6" },
	{ OBSERVABLE_JA4, "q13i0310h3_55b375c5d22e_CD85D2D88918", "q13i0310h3_55b375c5d22e_cd85d2d88918" },
	{ OBSERVABLE_JA4, "x13d1516h2_8daaf6152771_b186095e22b6", NULL },
	{ OBSERVABLE_JA4, "t13d1516h2-8daaf6152771_b186095e22b6", NULL },
	{ OBSERVABLE_NONE, "x", NULL },
	{ OBSERVABLE_KIND_COUNT, "x", NULL },
};

static void each_kind_has_one_form(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct observable made, again;
		int error = observable_parse(rows[i].kind, bytes_from_str(rows[i].in), &made);

		if (!rows[i].out) {
			assert_true(error < 0);
			continue;
		}
		assert_int_equal(error, 0);
		assert_string_equal(made.text, rows[i].out);
		/* The canonical form is its own canonical form, with the same key. */
		assert_int_equal(observable_parse(made.key.kind, bytes_from_str(made.text), &again), 0);
		assert_memory_equal(&made.key, &again.key, sizeof(made.key));
		assert_string_equal(again.text, made.text);
	}
}

static void different_texts_have_different_keys(void **state)
{
	struct observable a, b;

	assert_int_equal(observable_parse(OBSERVABLE_DOMAIN, bytes_from_str("a.example"), &a), 0);
	assert_int_equal(observable_parse(OBSERVABLE_DOMAIN, bytes_from_str("b.example"), &b), 0);
	assert_memory_not_equal(&a.key, &b.key, sizeof(a.key));
	assert_int_equal(observable_parse(OBSERVABLE_PREFIX, bytes_from_str("10.0.0.0/24"), &a), 0);
	assert_int_equal(observable_parse(OBSERVABLE_PREFIX, bytes_from_str("10.0.0.0/23"), &b), 0);
	assert_memory_not_equal(&a.key, &b.key, sizeof(a.key));
}

static void keys_give_their_prefix_back(void **state)
{
	struct observable made;
	struct ip_prefix prefix;
	char text[IP_PREFIX_TEXT_SIZE];

	assert_int_equal(observable_parse(OBSERVABLE_PREFIX, bytes_from_str("2001:db8::/56"), &made), 0);
	assert_true(observable_prefix(&made.key, &prefix) && prefix.length == 56 && prefix.addr.family == IP_V6);
	assert_true(observable_key_text(&made.key, text));
	assert_string_equal(text, "2001:db8::/56");
	assert_int_equal(observable_parse(OBSERVABLE_DOMAIN, bytes_from_str("a.example"), &made), 0);
	assert_false(observable_prefix(&made.key, &prefix) || observable_key_text(&made.key, text));
}

static void long_texts_are_refused(void **state)
{
	char url[600] = "http://a.example/", domain[300];
	struct observable made;

	memset(url + strlen(url), 'a', 480);
	assert_int_equal(observable_parse(OBSERVABLE_URL, bytes_from_str(url), &made), 0);
	memset(url + 17, 'a', 560);
	assert_int_equal(observable_parse(OBSERVABLE_URL, bytes_from_str(url), &made), LUYTRE_E_RANGE);
	for (size_t i = 0; i < sizeof(domain) - 1; i++)
		domain[i] = i % 2 ? '.' : 'a';
	domain[sizeof(domain) - 1] = '\0';
	assert_int_equal(observable_parse(OBSERVABLE_DOMAIN, bytes_from_str(domain), &made), LUYTRE_E_SYNTAX);
}

static void kinds_have_words(void **state)
{
	enum observable_kind kind;

	for (unsigned int i = OBSERVABLE_ADDR; i < OBSERVABLE_KIND_COUNT; i++) {
		assert_true(
			observable_kind_parse(bytes_from_str(observable_kind_name((enum observable_kind)i)), &kind));
		assert_int_equal(kind, i);
	}
	assert_false(observable_kind_parse(bytes_from_str("none"), &kind));
	assert_string_equal(observable_kind_name(OBSERVABLE_KIND_COUNT), "none");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_one_form),
		cmocka_unit_test(different_texts_have_different_keys),
		cmocka_unit_test(keys_give_their_prefix_back),
		cmocka_unit_test(long_texts_are_refused),
		cmocka_unit_test(kinds_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
