// SPDX-License-Identifier: Apache-2.0
/* Tests of the redaction: which names are secrets, which numbers, and what is left alone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <setjmp.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "gate/output/redact.h"

static void assert_text(struct out_text *out, const char *wanted)
{
	char *text = out_take(out);

	assert_non_null(text);
	assert_string_equal(text, wanted);
	free(text);
}

static void names(void **state)
{
	static const struct {
		const char *name, *kind;
	} rows[] = {
		{ "password", "password" },
		{ "PassWord", "password" },
		{ "new_password", "password" },
		{ "user[password]", "password" },
		{ "json.user.passwd", "password" },
		{ "mat_khau", "password" },
		{ "matkhau", "password" },
		{ "mat-khau", "password" },
		{ "access_token", "token" },
		{ "X-CSRF-Token", "token" },
		{ "otp", "otp" },
		{ "sms_otp", "otp" },
		{ "PHPSESSID", "session" },
		{ "Authorization", "authorization" },
		{ "Proxy-Authorization", "authorization" },
		{ "Set-Cookie", "cookie" },
		{ "api_key", "key" },
		{ "X-Api-Key", "key" },
		{ "cvv", "card-check" },
		{ "so_cccd", "citizen" },
		{ "pass", "password" },
		{ "bypass", NULL },
		{ "passenger", NULL },
		{ "compass", NULL },
		{ "q", NULL },
		{ "comment", NULL },
		{ "password_hint", NULL },
		{ "", NULL },
		{ "[]", NULL },
		{ "spin", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *kind = redact_kind(bytes_from_str(rows[i].name));

		if (rows[i].kind)
			assert_string_equal(kind ? kind : rows[i].name, rows[i].kind);
		else
			assert_null(kind);
	}
}

static void texts(void **state)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{ "", "" },
		{ "an ordinary text, 12 apples", "an ordinary text, 12 apples" },
		/* cards: an issuer's range and Luhn's check */
		{ "card 4111111111111111.", "card [card 16]." },
		{ "4111 1111 1111 1111", "[card 16]" },
		{ "n=4111-1111-1111-1111&x=1", "n=[card 16]&x=1" },
		{ "n=4111%201111%201111%201111", "n=[card 16]" },
		{ "5555555555554444,378282246310005", "[card 16],[card 15]" },
		{ "4111111111111112", "4111111111111112" },
		{ "order 1234567890123456", "order 1234567890123456" },
		{ "x4111111111111111", "x4111111111111111" },
		{ "41111111111111110000000", "41111111111111110000000" },
		{ "1700000000000", "1700000000000" },
		/* personal numbers: province, century, year of birth */
		{ "cccd 001090012345!", "cccd [citizen 12]!" },
		{ "079301000001", "[citizen 12]" },
		{ "003090012345", "003090012345" }, /* no such province */
		{ "001299012345", "001299012345" }, /* born in 2099 */
		{ "0010900123456", "0010900123456" },
		/* fields */
		{ "user=an&password=geheim&x=1", "user=an&password=[password 6]&x=1" },
		{ "/login?otp=123456", "/login?otp=[otp 6]" },
		{ "{\"user\":\"an\",\"password\":\"a\\\"b\",\"n\":1}",
			"{\"user\":\"an\",\"password\":\"[password 4]\",\"n\":1}" },
		{ "{\"pin\": 1234}", "{\"pin\": [pin 4]}" },
		{ "sid=abc; theme=dark", "sid=[session 3]; theme=dark" },
		{ "password=", "password=" },
		{ "the password is lost", "the password is lost" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct out_text out = { 0 };

		redact_text(&out, bytes_from_str(rows[i].text));
		assert_text(&out, rows[i].wanted);
	}
}

static void variables(void **state)
{
	static const struct {
		const char *variable, *value, *wanted;
	} rows[] = {
		{ "ARGS:q", "<script>", "<script>" },
		{ "ARGS:password", "geheim", "[password 6]" },
		{ "ARGS:json.user.password", "geheim", "[password 6]" },
		{ "REQUEST_COOKIES:theme", "dark", "[cookie 4]" },
		{ "REQUEST_HEADERS:Authorization", "Basic abc", "[authorization 9]" },
		{ "REQUEST_BODY", "a=1&token=xyz", "a=1&token=[token 3]" },
		{ "ARGS:card", "4111111111111111", "[card 16]" },
		{ "ARGS:password", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct out_text out = { 0 };

		redact_variable(&out, bytes_from_str(rows[i].variable), bytes_from_str(rows[i].value));
		assert_text(&out, rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(texts),
		cmocka_unit_test(variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
