// SPDX-License-Identifier: Apache-2.0
/* The written form of assets, and the list of provinces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "hub/tenants/canon.h"
#include "hub/tenants/provinces.h"

static const struct {
	const char *text, *canonical;
	enum asset_kind kind;
	int error;
} rows[] = {
	{ "192.0.2.7", "192.0.2.7", ASSET_KIND_ADDRESS, 0 },
	{ "192.0.2.7/32", "192.0.2.7", ASSET_KIND_ADDRESS, 0 },
	{ "::ffff:192.0.2.7", "192.0.2.7", ASSET_KIND_ADDRESS, 0 },
	{ "::ffff:192.0.2.0/120", "192.0.2.0/24", ASSET_KIND_PREFIX, 0 },
	{ "192.0.2.0/24", "192.0.2.0/24", ASSET_KIND_PREFIX, 0 },
	{ "192.0.2.1/24", NULL, 0, LUYTRE_E_HOST_BITS },
	{ "192.0.2.0/33", NULL, 0, LUYTRE_E_RANGE },
	{ "0.0.0.0/0", NULL, 0, LUYTRE_E_RANGE },
	{ "10.0.0.0/8", "10.0.0.0/8", ASSET_KIND_PREFIX, 0 },
	{ "10.0.0.0/7", NULL, 0, LUYTRE_E_RANGE },
	{ "2001:DB8:0:0::1", "2001:db8::1", ASSET_KIND_ADDRESS, 0 },
	{ "2001:db8::/32", "2001:db8::/32", ASSET_KIND_PREFIX, 0 },
	{ "2000::/18", NULL, 0, LUYTRE_E_RANGE },
	{ "192.0.2.256", NULL, 0, LUYTRE_E_SYNTAX },
	{ "192.0.2", NULL, 0, LUYTRE_E_SYNTAX },
	{ "Www.Example.VN", "www.example.vn", ASSET_KIND_NAME, 0 },
	{ "www.example.vn.", "www.example.vn", ASSET_KIND_NAME, 0 },
	{ "xn--bcher-kva.example", "xn--bcher-kva.example", ASSET_KIND_NAME, 0 },
	{ "_dmarc.example.vn", "_dmarc.example.vn", ASSET_KIND_NAME, 0 },
	{ "localhost", NULL, 0, LUYTRE_E_SYNTAX },
	{ "a..b", NULL, 0, LUYTRE_E_SYNTAX },
	{ ".a.b", NULL, 0, LUYTRE_E_SYNTAX },
	{ "a.b..", NULL, 0, LUYTRE_E_SYNTAX },
	{ "-a.b", NULL, 0, LUYTRE_E_SYNTAX },
	{ "a-.b", NULL, 0, LUYTRE_E_SYNTAX },
	{ "*.example.vn", NULL, 0, LUYTRE_E_SYNTAX },
	{ "bộ.vn", NULL, 0, LUYTRE_E_SYNTAX },
	{ "a b.vn", NULL, 0, LUYTRE_E_SYNTAX },
	{ "", NULL, 0, LUYTRE_E_SYNTAX },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.vn", NULL, 0, LUYTRE_E_SYNTAX },
	{ "HTTPS://Www.Example.vn:443/", "https://www.example.vn/", ASSET_KIND_URL, 0 },
	{ "https://www.example.vn", "https://www.example.vn/", ASSET_KIND_URL, 0 },
	{ "https://www.example.vn?q=1", "https://www.example.vn/?q=1", ASSET_KIND_URL, 0 },
	{ "http://www.example.vn:443/A", "http://www.example.vn:443/A", ASSET_KIND_URL, 0 },
	{ "http://www.example.vn:0080/", "http://www.example.vn/", ASSET_KIND_URL, 0 },
	{ "http://192.0.2.7:8080/%7Ex/%c3%A9", "http://192.0.2.7:8080/~x/%C3%A9", ASSET_KIND_URL, 0 },
	{ "http://[2001:DB8::0]/", "http://[2001:db8::]/", ASSET_KIND_URL, 0 },
	{ "http://[192.0.2.1]/", NULL, 0, LUYTRE_E_SYNTAX },
	{ "http://www.example.vn/a%2fb", "http://www.example.vn/a%2Fb", ASSET_KIND_URL, 0 },
	{ "http://www.example.vn/a/../b", NULL, 0, LUYTRE_E_SYNTAX },
	{ "http://www.example.vn/a/.", NULL, 0, LUYTRE_E_SYNTAX },
	{ "http://www.example.vn/%2e%2e/b", NULL, 0, LUYTRE_E_SYNTAX },
	{ "http://www.example.vn/a?b=/../c", "http://www.example.vn/a?b=/../c", ASSET_KIND_URL, 0 },
	{ "http://www.example.vn/a...", "http://www.example.vn/a...", ASSET_KIND_URL, 0 },
	{ "http://www.example.vn/#top", NULL, 0, LUYTRE_E_SYNTAX },
	{ "http://user@www.example.vn/", NULL, 0, LUYTRE_E_SYNTAX },
	{ "http://www.example.vn:99999/", NULL, 0, LUYTRE_E_SYNTAX },
	{ "http://www.example.vn/%4", NULL, 0, LUYTRE_E_SYNTAX },
	{ "http://www.example.vn/%zz", NULL, 0, LUYTRE_E_SYNTAX },
	{ "http://www.example.vn/ a", NULL, 0, LUYTRE_E_SYNTAX },
	{ "http:///a", NULL, 0, LUYTRE_E_SYNTAX },
	{ "ftp://www.example.vn/", NULL, 0, LUYTRE_E_SYNTAX },
};

static void test_values(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct asset_value value, again;
		int error = asset_value_parse(bytes_from_str(rows[i].text), &value);

		if (error != rows[i].error)
			print_error("%s\n", rows[i].text);
		assert_int_equal(error, rows[i].error);
		if (error)
			continue;
		assert_string_equal(value.text, rows[i].canonical);
		assert_int_equal(value.kind, rows[i].kind);
		assert_int_equal(asset_value_parse(bytes_from_str(value.text), &again), 0);
		assert_string_equal(again.text, value.text);
	}
}

/* Where a web server is asked for it: a prefix, or a name. */
static void test_places(void **state)
{
	static const struct {
		const char *value, *place;
	} places[] = {
		{ "192.0.2.7", "192.0.2.7/32" },
		{ "2001:db8::/48", "2001:db8::/48" },
		{ "www.example.vn", "www.example.vn" },
		{ "https://www.example.vn", "www.example.vn" },
		{ "https://www.example.vn:8443/a:b/c", "www.example.vn" },
		{ "http://www.example.vn/?q=a/b", "www.example.vn" },
		{ "https://192.0.2.7:8443/x", "192.0.2.7/32" },
		{ "https://[2001:db8::1]:8443/x", "2001:db8::1/128" },
		{ "http://[2001:db8::1]/", "2001:db8::1/128" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		char found[IP_PREFIX_TEXT_SIZE + ASSET_VALUE_SIZE] = "";
		struct asset_value value;
		struct ip_prefix prefix;
		struct bytes name;

		assert_int_equal(asset_value_parse(bytes_from_str(places[i].value), &value), 0);
		if (value.kind <= ASSET_KIND_PREFIX) /* as it is stored */
			ip_prefix_format(&value.prefix, value.text);
		if (asset_place(value.kind, bytes_from_str(value.text), &prefix, &name))
			ip_prefix_format(&prefix, found);
		else
			assert_true(bytes_to_str(name, found, sizeof(found)));
		assert_string_equal(found, places[i].place);
	}
}

static void test_long(void **state)
{
	char text[ASSET_VALUE_SIZE + 1];
	struct asset_value value;

	for (size_t size = 1; size <= ASSET_VALUE_SIZE; size++) {
		memset(text, 'a', sizeof(text));
		memcpy(text, "http://a.vn/", 12);
		if (asset_value_parse(bytes_of(text, size), &value) == 0)
			assert_true(size < 600);
	}
	assert_int_equal(asset_value_parse(bytes_of(text, ASSET_VALUE_SIZE), &value), LUYTRE_E_RANGE);
}

static void test_texts(void **state)
{
	assert_true(tenants_text_valid("Sở Y tế", 1, 20));
	assert_true(tenants_text_valid("", 0, 20));
	assert_false(tenants_text_valid("", 1, 20));
	assert_false(tenants_text_valid(" a", 1, 20));
	assert_false(tenants_text_valid("a ", 1, 20));
	assert_false(tenants_text_valid("a\nb", 1, 20));
	assert_false(tenants_text_valid("abcdef", 1, 6));
}

static void test_provinces(void **state)
{
	for (size_t i = 1; i < PROVINCE_COUNT; i++)
		assert_true(provinces[i].code > provinces[i - 1].code);
	for (uint32_t code = 0; code < 300; code++) {
		const struct province *province = province_find(code);

		assert_true(!province || province->code == code);
	}
	assert_string_equal(province_find(1)->vi, "Hà Nội");
	assert_string_equal(province_find(79)->en, "Ho Chi Minh City");
	assert_string_equal(province_find(48)->archipelago_vi, "Hoàng Sa");
	assert_string_equal(province_find(48)->vi, "Đà Nẵng");
	assert_string_equal(province_find(56)->archipelago_vi, "Trường Sa");
	assert_string_equal(province_find(56)->vi, "Khánh Hòa");
	assert_null(province_find(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_provinces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
