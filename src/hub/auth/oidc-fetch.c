// SPDX-License-Identifier: Apache-2.0
/* One question to the provider: over https alone, bounded in time and size, without redirects, cookies or a proxy of the environment. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonr.h"
#include "hub/auth/oidc-internal.h"

enum { ANSWER_MAX = 256 << 10, CONNECT_MS = 4000, ALL_MS = 10000, OK = 200 };

static const struct jsonr_limits answer_limits = { .size_max = ANSWER_MAX, .depth_max = 12, .value_max = 20000 };

struct answer {
	char *text; /* owned; room for ANSWER_MAX */
	size_t size;
};

static size_t take(char *data, size_t one, size_t count, void *context)
{
	struct answer *answer = context;
	size_t size = one * count;

	if (size > ANSWER_MAX - answer->size)
		return 0; /* ends the transfer */
	memcpy(answer->text + answer->size, data, size);
	answer->size += size;
	return size;
}

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool set_up(CURL *curl, const char *ca, const char *url, struct answer *answer)
{
	struct curl_blob blob = {
		.data = (char *)(uintptr_t)ca, .len = ca ? strlen(ca) : 0, .flags = CURL_BLOB_NOCOPY
	};

	return !curl_easy_setopt(curl, CURLOPT_URL, url) && !curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") &&
	       !curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) && !curl_easy_setopt(curl, CURLOPT_PROXY, "") &&
	       !curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       !curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) &&
	       !curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) &&
	       (!ca || !curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob)) &&
	       !curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) &&
	       !curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) &&
	       !curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ALL_MS) &&
	       !curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) &&
	       !curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

static bool set_form(CURL *curl, const char *form, const char *user, const char *password)
{
	if (!form)
		return true;
	return !curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form) &&
	       (!user || (!curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) &&
				 !curl_easy_setopt(curl, CURLOPT_USERNAME, user) &&
				 !curl_easy_setopt(curl, CURLOPT_PASSWORD, password)));
}

static int read_answer(CURL *curl, const char *url, const struct answer *answer, json_t **ret, char why[OIDC_WHY_SIZE])
{
	struct jsonr_errors errors = { 0 };
	long status = 0;
	int error;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != OK) {
		snprintf(why, OIDC_WHY_SIZE, "%.150s answers with status %ld", url, status);
		return LUYTRE_E_IO;
	}
	error = jsonr_parse(bytes_of(answer->text, answer->size), &answer_limits, &errors, ret);
	if (!error && json_is_object(*ret))
		return 0;
	if (!error)
		json_decref(*ret);
	*ret = NULL;
	snprintf(why, OIDC_WHY_SIZE, "%.150s answers with something else than an object of JSON", url);
	return error == LUYTRE_E_NOMEM ? error : LUYTRE_E_IO;
}

int oidc_fetch(const char *ca, const char *url, const char *form, const char *user, const char *password, json_t **ret,
	char why[OIDC_WHY_SIZE])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct answer answer = { .text = malloc(ANSWER_MAX) };
	struct curl_slist *headers = NULL;
	CURLcode code = CURLE_OK;
	CURL *curl;
	int error = LUYTRE_E_NOMEM;

	pthread_once(&once, init_curl);
	curl = curl_easy_init();
	headers = curl_slist_append(NULL, "Accept: application/json");
	snprintf(why, OIDC_WHY_SIZE, "there is not enough memory");
	if (answer.text && curl && headers && set_up(curl, ca, url, &answer) && set_form(curl, form, user, password) &&
		!curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers)) {
		code = curl_easy_perform(curl);
		error = code == CURLE_WRITE_ERROR ? LUYTRE_E_IO /* too much */
			: code                    ? LUYTRE_E_CLOSED
						  : read_answer(curl, url, &answer, ret, why);
	}
	if (code)
		snprintf(why, OIDC_WHY_SIZE, "%.150s does not answer: %.80s", url, curl_easy_strerror(code));
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	free(answer.text);
	return error;
}
