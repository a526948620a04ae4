// SPDX-License-Identifier: Apache-2.0
/* What is believed of an ID token, claim by claim, and the file of settings. The way there and back, with a real provider and all its ways
 * to sign, is tests/live/hub-sign-on.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <cjose/cjose.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "hub/auth/oidc-internal.h"

#define NOW 1795000000

static const struct oidc_expected expected = {
	.issuer = "https://id.example", .client = "luytre", .nonce = "the nonce", .now_s = NOW
};

static cjose_jwk_t *key;
static json_t *keys;

static int setup(void **state)
{
	cjose_err why;
	char *text;

	key = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &why);
	assert_non_null(key);
	text = cjose_jwk_to_json(key, false, &why);
	keys = json_pack("{s:[o]}", "keys", json_loads(text, 0, NULL));
	free(text);
	return keys ? 0 : -1;
}

static int teardown(void **state)
{
	json_decref(keys);
	cjose_jwk_release(key);
	return 0;
}

static int read_claims(const char *claims, struct oidc_identity *ret)
{
	cjose_err why;
	cjose_header_t *header = cjose_header_new(&why);
	char reason[OIDC_WHY_SIZE] = "";
	const char *text = NULL;
	cjose_jws_t *jws;
	int error;

	assert_true(cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256, &why));
	jws = cjose_jws_sign(key, header, (const uint8_t *)claims, strlen(claims), &why);
	assert_true(jws && cjose_jws_export(jws, &text, &why));
	error = oidc_token_read(bytes_from_str(text), keys, &expected, ret, reason);
	assert_true((error != 0) == (reason[0] != '\0'));
	cjose_jws_release(jws);
	cjose_header_release(header);
	return error;
}

#define WHO   "\"iss\":\"https://id.example\",\"sub\":\"s\""
#define FOR   "\"aud\":\"luytre\",\"nonce\":\"the nonce\""
#define TIMES "\"iat\":1795000000,\"exp\":1795000300"

static void test_claims(void **state)
{
	static const struct {
		const char *claims;
		bool believed;
		const char *mail;
		bool second_factor;
	} rows[] = {
		{ "{" WHO "," FOR "," TIMES "}", true, "", false },
		{ "{" WHO "," FOR "," TIMES ",\"email\":\"an@x.vn\",\"email_verified\":true}", true, "an@x.vn", false },
		{ "{" WHO "," FOR "," TIMES ",\"email\":\"an@x.vn\"}", true, "", false },
		{ "{" WHO "," FOR "," TIMES ",\"email\":\"an @x.vn\",\"email_verified\":true}", true, "", false },
		{ "{" WHO "," FOR "," TIMES ",\"email\":7,\"email_verified\":true}", true, "", false },
		{ "{" WHO "," FOR "," TIMES ",\"amr\":[\"pwd\",\"mfa\"]}", true, "", true },
		{ "{" WHO "," FOR "," TIMES ",\"amr\":[1,\"pwd\"]}", true, "", false },
		{ "{" WHO "," FOR "," TIMES ",\"amr\":\"mfa\"}", true, "", false },
		{ "{" WHO ",\"aud\":[\"luytre\"],\"nonce\":\"the nonce\"," TIMES "}", true, "", false },
		{ "{" WHO ",\"aud\":[\"x\",\"luytre\"],\"azp\":\"luytre\",\"nonce\":\"the nonce\"," TIMES "}", true, "",
			false },
		{ "{" WHO ",\"aud\":[\"x\",\"luytre\"],\"nonce\":\"the nonce\"," TIMES "}", false, "", false },
		{ "{" WHO ",\"aud\":[],\"nonce\":\"the nonce\"," TIMES "}", false, "", false },
		{ "{" WHO "," FOR ",\"azp\":7," TIMES "}", false, "", false },
		{ "{" WHO ",\"aud\":\"luytre\",\"nonce\":\"the nonc\"," TIMES "}", false, "", false },
		{ "{" WHO ",\"aud\":\"luytre\",\"nonce\":\"\"," TIMES "}", false, "", false },
		/* A minute of two clocks. */
		{ "{" WHO "," FOR ",\"iat\":1795000060,\"exp\":1795000300}", true, "", false },
		{ "{" WHO "," FOR ",\"iat\":1795000061,\"exp\":1795000300}", false, "", false },
		{ "{" WHO "," FOR ",\"iat\":1794999900,\"exp\":1794999941}", true, "", false },
		{ "{" WHO "," FOR ",\"iat\":1794999900,\"exp\":1794999940}", false, "", false },
		{ "{" WHO "," FOR ",\"iat\":1794999900.5,\"exp\":1794999941.9}", true, "", false },
		{ "{" WHO "," FOR ",\"iat\":-1,\"exp\":1795000300}", false, "", false },
		{ "{" WHO "," FOR ",\"iat\":1795000000,\"exp\":1e300}", false, "", false },
		{ "{" WHO "," FOR "," TIMES ",\"nbf\":1795000060}", true, "", false },
		{ "{" WHO "," FOR "," TIMES ",\"nbf\":1795000061}", false, "", false },
		{ "{" WHO "," FOR "," TIMES ",\"nbf\":null}", false, "", false },
		{ "{\"iss\":\"https://id.example\",\"sub\":\"\"," FOR "," TIMES "}", false, "", false },
		{ "{\"iss\":\"https://id.example\",\"sub\":\"a b\"," FOR "," TIMES "}", false, "", false },
		{ "{\"iss\":\"https://id.example.vn\",\"sub\":\"s\"," FOR "," TIMES "}", false, "", false },
		{ "{" WHO "," WHO "," FOR "," TIMES "}", false, "", false }, /* twice */
		{ "[]", false, "", false },
		{ "", false, "", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct oidc_identity identity;
		int error = read_claims(rows[i].claims, &identity);

		if ((error == 0) != rows[i].believed)
			fail_msg("%s", rows[i].claims);
		if (error)
			continue;
		assert_string_equal(identity.subject, "s");
		assert_string_equal(identity.mail, rows[i].mail);
		assert_int_equal(identity.second_factor, rows[i].second_factor);
	}
}

static void test_urls(void **state)
{
	static const struct {
		const char *url;
		bool fine;
	} rows[] = {
		{ "https://id.example", true },
		{ "https://id.example:8443/realms/a?b=c", true },
		{ "http://id.example", false },
		{ "HTTPS://id.example", false },
		{ "https://", false },
		{ "https:///x", false },
		{ "https://a@id.example", false },
		{ "https://id.example/a@b", true },
		{ "https://id.example/#x", false },
		{ "https://id.example/ x", false },
		{ "https://id.example\\x", false },
		{ "https://id.\xe1\xba\xbf", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (oidc_is_https(rows[i].url) != rows[i].fine)
			fail_msg("%s", rows[i].url);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	assert_int_equal(chmod(path, mode), 0);
}

#define NEEDED                                                                                                         \
	"\"issuer\":\"https://id.example\",\"client_id\":\"luytre\",\"redirect\":\"https://hub.example/sign-on\","     \
	"\"name\":\"B\\u1ed9 A\""

static void test_settings(void **state)
{
	static const struct {
		const char *text, *secret;
		mode_t secret_mode;
		bool fine;
	} rows[] = {
		{ "{" NEEDED "}", NULL, 0, true },
		{ "{" NEEDED ",\"client_secret_file\":\"%s\"}", "geheim\n", 0600, true },
		{ "{" NEEDED ",\"client_secret_file\":\"%s\"}", "geheim", 0440, true },
		{ "{" NEEDED ",\"client_secret_file\":\"%s\"}", "geheim", 0644, false },
		{ "{" NEEDED ",\"client_secret_file\":\"%s\"}", "\n", 0600, false },
		{ "{" NEEDED ",\"client_secret_file\":\"%s\"}", "one\ntwo\n", 0600, false },
		{ "{" NEEDED ",\"client_secret_file\":\"/nowhere/at/all\"}", NULL, 0, false },
		{ "{" NEEDED ",\"ca_file\":\"/nowhere/at/all\"}", NULL, 0, false },
		{ "{" NEEDED ",\"scope\":\"openid email profile\"}", NULL, 0, true },
		{ "{" NEEDED ",\"scop\":\"openid\"}", NULL, 0, false },
		{ "{" NEEDED ",\"groups\":[]}", NULL, 0, true },
		{ "{" NEEDED ",\"groups_claim\":\"roles\",\"groups\":[{\"group\":\"soc\",\"role\":\"analyst\"},"
		  "{\"group\":\"so\",\"role\":\"tenant-owner\",\"tenant\":7}]}",
			NULL, 0, true },
		{ "{" NEEDED ",\"groups\":{}}", NULL, 0, false },
		{ "{" NEEDED ",\"groups\":[{\"group\":\"soc\"}]}", NULL, 0, false },
		{ "{" NEEDED ",\"groups\":[{\"group\":\"soc\",\"role\":\"king\"}]}", NULL, 0, false },
		{ "{" NEEDED ",\"groups\":[{\"group\":\"soc\",\"role\":\"tenant-owner\"}]}", NULL, 0, false },
		{ "{" NEEDED ",\"groups\":[{\"group\":\"soc\",\"role\":\"tenant-owner\",\"tenant\":\"7\"}]}", NULL, 0,
			false },
		{ "{" NEEDED ",\"groups\":[{\"group\":\"soc\",\"role\":\"tenant-owner\",\"tenant\":0}]}", NULL, 0,
			false },
		{ "{" NEEDED ",\"groups\":[{\"group\":\"\",\"role\":\"analyst\"}]}", NULL, 0, false },
		{ "{" NEEDED ",\"groups\":[{\"group\":\"soc\",\"role\":\"analyst\",\"more\":1}]}", NULL, 0, false },
		{ "{" NEEDED ",\"name\":\"again\"}", NULL, 0, false },
		{ "{\"issuer\":\"https://id.example\",\"client_id\":\"luytre\",\"name\":\"A\"}", NULL, 0, false },
		{ "{\"issuer\":\"http://id.example\",\"client_id\":\"l\",\"redirect\":\"https://h/s\",\"name\":\"A\"}",
			NULL, 0, false },
		{ "{\"issuer\":\"https://id.example?a\",\"client_id\":\"l\",\"redirect\":\"https://h/"
		  "s\",\"name\":\"A\"}",
			NULL, 0, false },
		{ "[]", NULL, 0, false },
		{ "", NULL, 0, false },
	};
	char dir[] = "/tmp/luytre-oidc-XXXXXX", path[64], secret[64], text[512];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sign-on.json", dir);
	snprintf(secret, sizeof(secret), "%s/secret", dir);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *place = strstr(rows[i].text, "%s");
		char why[OIDC_WHY_SIZE] = "";
		struct oidc *oidc = NULL;
		int error;

		if (rows[i].secret)
			write_file(secret, rows[i].secret, rows[i].secret_mode);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(place ? place - rows[i].text : 0), rows[i].text,
			place ? secret : "", place ? place + 2 : rows[i].text);
		write_file(path, text, 0600);
		error = oidc_open(path, &oidc, why);
		if ((error == 0) != rows[i].fine || (error != 0) != (why[0] != '\0'))
			fail_msg("%s: %s", rows[i].text, why);
		if (!error)
			assert_string_equal(oidc_name(oidc), "Bộ A");
		oidc_close(oidc);
		unlink(secret);
	}
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

/* Whoever waits for a provider that is silent waits once; the next ones are told so at once, counted from the end of that wait. */
static void test_silent_provider(void **state)
{
	char path[] = "/tmp/luytre-oidc-XXXXXX", text[512], why[OIDC_WHY_SIZE] = "";
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = mkstemp(path);
	struct oidc_going going;
	struct oidc *oidc;
	uint64_t began_ns, waited_ns;

	assert_true(fd >= 0 && listener >= 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &size), 0);
	assert_int_equal(listen(listener, 8), 0); /* the system takes connections, nobody speaks */
	snprintf(text, sizeof(text),
		"{\"issuer\":\"https://127.0.0.1:%u\",\"client_id\":\"luytre\",\"redirect\":\"https://hub.example/s\","
		"\"name\":\"A\"}",
		ntohs(addr.sin_port));
	write_file(path, text, 0600);
	assert_int_equal(oidc_open(path, &oidc, why), 0);
	began_ns = clock_mono_ns();
	assert_int_equal(oidc_begin(oidc, (int64_t)(clock_real_ns() / NS_PER_US), &going), LUYTRE_E_IO);
	waited_ns = clock_mono_ns() - began_ns;
	assert_true(waited_ns > NS_PER_S);
	usleep(2000000); /* together longer than the pause, if that began with the question */
	began_ns = clock_mono_ns();
	assert_int_equal(oidc_begin(oidc, (int64_t)(clock_real_ns() / NS_PER_US), &going), LUYTRE_E_IO);
	assert_true(clock_mono_ns() - began_ns < NS_PER_S);
	oidc_close(oidc);
	close(listener);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_claims), cmocka_unit_test(test_urls),
		cmocka_unit_test(test_settings), cmocka_unit_test(test_silent_provider) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
