// SPDX-License-Identifier: Apache-2.0
#include "edge/link/identity.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "edge/link/enrol.h"

#define KEY    "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\""
#define ANSWER "{\"edge\":12,\"certificate\":\"CERT\\n\",\"authority\":\"CA\\n\",\"keys\":[" KEY "]}"

static const struct {
	const char *url, *read;
} urls[] = {
	{ "https://hub.example.gov.vn:8444", "https://hub.example.gov.vn:8444" },
	{ "https://[2001:db8::1]:8444//", "https://[2001:db8::1]:8444" },
	{ "https://10.0.0.1", "https://10.0.0.1" },
	{ "http://hub", NULL },
	{ "https://", NULL },
	{ "https:///", NULL },
	{ "https://hub/path", NULL },
	{ "https://user@hub", NULL },
	{ "https://hub\r\nX: y", NULL },
	{ "", NULL },
};

static void addresses(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(urls); i++) {
		char url[IDENTITY_URL_SIZE];
		int error = identity_check_url(urls[i].url, url);

		if (!urls[i].read ? !error : error || strcmp(url, urls[i].read) != 0)
			fail_msg("%s: %d", urls[i].url, error);
	}
}

static void tokens(void **state)
{
	char token[] = "ltedge1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"
		       "AgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fIA";
	uint8_t fingerprint[HTTP_FINGERPRINT_SIZE];

	assert_int_equal(enrol_read_token(token, fingerprint), 0);
	for (uint8_t i = 0; i < HTTP_FINGERPRINT_SIZE; i++)
		assert_int_equal(fingerprint[i], i + 1);
	for (size_t size = 0; size < sizeof(token) - 1; size++) {
		char cut[sizeof(token)];

		memcpy(cut, token, size);
		cut[size] = '\0';
		assert_int_equal(enrol_read_token(cut, fingerprint), LUYTRE_E_SYNTAX);
	}
	token[20] = '!';
	assert_int_equal(enrol_read_token(token, fingerprint), LUYTRE_E_SYNTAX);
}

static const char *const bad_answers[] = { "", "[]", "{}", "{\"edge\":12,\"certificate\":\"C\",\"authority\":\"A\"}",
	"{\"edge\":0,\"certificate\":\"C\",\"authority\":\"A\",\"keys\":[" KEY "]}",
	"{\"edge\":12,\"certificate\":\"\",\"authority\":\"A\",\"keys\":[" KEY "]}",
	"{\"edge\":12,\"certificate\":7,\"authority\":\"A\",\"keys\":[" KEY "]}",
	"{\"edge\":12,\"certificate\":\"C\",\"authority\":\"A\",\"keys\":[\"AAEC\"]}",
	"{\"edge\":12,\"certificate\":\"C\",\"authority\":\"A\",\"keys\":[12]}",
	"{\"edge\":12,\"certificate\":\"C\",\"authority\":\"A\",\"keys\":[" KEY "," KEY "," KEY "," KEY "," KEY "," KEY
	"," KEY "," KEY "," KEY "]}" };

static void answers(void **state)
{
	struct identity_answer answer;

	assert_int_equal(identity_read_answer(bytes_from_str(ANSWER), &answer), 0);
	assert_int_equal(answer.edge, 12);
	assert_int_equal(answer.key_count, 1);
	assert_int_equal(answer.keys[0][31], 31);
	assert_string_equal(answer.certificate, "CERT\n");
	identity_answer_done(&answer);
	for (size_t i = 0; i < ARRAY_COUNT(bad_answers); i++)
		if (identity_read_answer(bytes_from_str(bad_answers[i]), &answer) != LUYTRE_E_SYNTAX)
			fail_msg("case %zu is taken", i);
}

static void kept_and_read_again(void **state)
{
	char dir[] = "/tmp/luytre-identity-XXXXXX", path[64];
	struct identity_answer answer;
	struct identity identity;
	struct stat status;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(identity_load(dir, &identity), LUYTRE_E_NOT_FOUND);
	assert_int_equal(identity_read_answer(bytes_from_str(ANSWER), &answer), 0);
	assert_int_equal(identity_save(dir, "https://hub:1", 12, bytes_from_str("KEY\n"), &answer), 0);
	identity_answer_done(&answer);
	assert_int_equal(identity_load(dir, &identity), 0);
	assert_int_equal(identity.edge, 12);
	assert_string_equal(identity.url, "https://hub:1");
	assert_int_equal(identity.key_count, 1);
	assert_int_equal(identity.keys[0][31], 31);
	assert_int_equal(stat(identity.client, &status), 0);
	assert_int_equal(status.st_size, strlen("KEY\nCERT\n"));
	assert_int_equal(status.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/identity.json", dir);
	assert_int_equal(truncate(path, 10), 0);
	assert_int_equal(identity_load(dir, &identity), LUYTRE_E_SYNTAX);
	unlink(path);
	unlink(identity.client);
	unlink(identity.authority);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(tokens),
		cmocka_unit_test(answers),
		cmocka_unit_test(kept_and_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
