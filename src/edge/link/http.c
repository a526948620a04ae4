// SPDX-License-Identifier: Apache-2.0
#include "edge/link/http.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"

enum { CONNECT_MS = 10000, ANSWER_FIRST = 4096 };

struct http {
	CURL *curl;
	char url[IDENTITY_URL_SIZE];
	const atomic_bool *stop;
	uint8_t fingerprint[HTTP_FINGERPRINT_SIZE]; /* of the enrolment */
};

/* One request on its way. */
struct transfer {
	struct http *http;
	const struct http_request *request;
	struct http_answer *answer;
	size_t room;
	int error; /* why a callback ended it */
};

int http_start(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) ? LUYTRE_E_SYSTEM : 0;
}

/* ---- Callbacks of libcurl ---- */

static size_t on_body(char *piece, size_t one, size_t size, void *context)
{
	struct transfer *transfer = context;
	struct http_answer *answer = transfer->answer;
	long status = 0;

	curl_easy_getinfo(transfer->http->curl, CURLINFO_RESPONSE_CODE, &status);
	if (transfer->request->piece && status == 200) {
		if (transfer->request->piece(transfer->request->context, bytes_of(piece, size)))
			return size;
		transfer->error = LUYTRE_E_CLOSED;
		return 0;
	}
	if (size > transfer->request->answer_max || answer->size > transfer->request->answer_max - size) {
		transfer->error = LUYTRE_E_FULL;
		return 0;
	}
	if (answer->size + size + 1 > transfer->room) {
		size_t room = 2 * (answer->size + size) + ANSWER_FIRST;
		uint8_t *body = realloc(answer->body, room);

		if (!body) {
			transfer->error = LUYTRE_E_NOMEM;
			return 0;
		}
		answer->body = body;
		transfer->room = room;
	}
	memcpy(answer->body + answer->size, piece, size);
	answer->size += size;
	answer->body[answer->size] = 0;
	return size;
}

static int on_progress(void *context, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
	struct transfer *transfer = context;
	const struct http_request *request = transfer->request;

	if (atomic_load(transfer->http->stop) || (request->tick && !request->tick(request->context))) {
		transfer->error = LUYTRE_E_CLOSED;
		return 1;
	}
	return 0;
}

/* ---- Opening ---- */

static int open_any(const char *url, const atomic_bool *stop, struct http **ret)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return LUYTRE_E_NOMEM;
	http->curl = curl_easy_init();
	if (!http->curl) {
		free(http);
		return LUYTRE_E_NOMEM;
	}
	http->stop = stop;
	snprintf(http->url, sizeof(http->url), "%s", url);
	*ret = http;
	return 0;
}

static void set_common(struct http *http)
{
	CURL *curl = http->curl;

	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "luytre/" LUYTRE_VERSION);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

int http_open(const struct identity *identity, const atomic_bool *stop, struct http **ret)
{
	int error = open_any(identity->url, stop, ret);
	CURL *curl;

	if (error)
		return error;
	curl = (*ret)->curl;
	set_common(*ret);
	curl_easy_setopt(curl, CURLOPT_CAINFO, identity->authority);
	curl_easy_setopt(curl, CURLOPT_CAPATH, (void *)NULL);
	curl_easy_setopt(curl, CURLOPT_SSLCERT, identity->client);
	curl_easy_setopt(curl, CURLOPT_SSLKEY, identity->client);
	return 0;
}

/* Of the certificates that the hub sent, the one with the fingerprint is whom we trust; then everything is as usual. */
static int verify_first(X509_STORE_CTX *context, void *argument)
{
	const struct http *http = argument;
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(context), *trusted = sk_X509_new_null();
	int result = 0;

	for (int i = 0; trusted && i < sk_X509_num(sent); i++) {
		uint8_t found[EVP_MAX_MD_SIZE];
		unsigned int size = 0;

		if (X509_digest(sk_X509_value(sent, i), EVP_sha256(), found, &size) && size == HTTP_FINGERPRINT_SIZE &&
			memcmp(found, http->fingerprint, HTTP_FINGERPRINT_SIZE) == 0)
			(void)sk_X509_push(trusted, sk_X509_value(sent, i));
	}
	if (trusted) {
		X509_STORE_CTX_set0_trusted_stack(context, trusted);
		result = X509_verify_cert(context);
		X509_STORE_CTX_set0_trusted_stack(context, NULL);
	}
	sk_X509_free(trusted);
	return result;
}

static CURLcode set_context(CURL *curl, void *ssl_context, void *argument)
{
	SSL_CTX_set_cert_verify_callback(ssl_context, verify_first, argument);
	return CURLE_OK;
}

int http_open_first(
	const char *url, const uint8_t fingerprint[HTTP_FINGERPRINT_SIZE], const atomic_bool *stop, struct http **ret)
{
	int error = open_any(url, stop, ret);

	if (error)
		return error;
	set_common(*ret);
	memcpy((*ret)->fingerprint, fingerprint, HTTP_FINGERPRINT_SIZE);
	curl_easy_setopt((*ret)->curl, CURLOPT_CAINFO, (void *)NULL);
	curl_easy_setopt((*ret)->curl, CURLOPT_CAPATH, (void *)NULL);
	curl_easy_setopt((*ret)->curl, CURLOPT_SSL_CTX_FUNCTION, set_context);
	curl_easy_setopt((*ret)->curl, CURLOPT_SSL_CTX_DATA, *ret);
	return 0;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	curl_easy_cleanup(http->curl);
	free(http);
}

/* ---- Requests ---- */

static int error_of(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return LUYTRE_E_TIMEOUT;
	case CURLE_OUT_OF_MEMORY:
		return LUYTRE_E_NOMEM;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return LUYTRE_E_PERMISSION;
	default:
		return LUYTRE_E_IO;
	}
}

static struct curl_slist *headers_of(const struct http_request *request)
{
	char type[128];

	if (!request->post && request->if_none_match && request->if_none_match[0]) {
		snprintf(type, sizeof(type), "If-None-Match: %s", request->if_none_match);
		return curl_slist_append(NULL, type);
	}
	if (!request->post && (!request->last_event_id || !request->last_event_id[0]))
		return NULL;
	if (!request->post) {
		snprintf(type, sizeof(type), "Last-Event-ID: %s", request->last_event_id);
		return curl_slist_append(NULL, type);
	}
	snprintf(type, sizeof(type), "Content-Type: %s", request->content_type);
	/* Without waiting for 100 Continue: batches are small. */
	return curl_slist_append(curl_slist_append(NULL, type), "Expect:");
}

static void set_request(struct http *http, struct transfer *transfer, struct curl_slist *headers)
{
	const struct http_request *request = transfer->request;
	char url[IDENTITY_URL_SIZE + 256];
	CURL *curl = http->curl;

	snprintf(url, sizeof(url), "%s%s", http->url, request->path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	if (request->post) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.ptr);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, request->silence_s ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)request->silence_s);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->answer->why);
}

int http_send(struct http *http, const struct http_request *request, struct http_answer *ret)
{
	struct transfer transfer = { .http = http, .request = request, .answer = ret };
	struct curl_slist *headers = headers_of(request);
	struct curl_header *tag = NULL;
	curl_off_t wait_s = 0;
	CURLcode code;

	_Static_assert(HTTP_WHY_SIZE >= CURL_ERROR_SIZE, "libcurl writes so much");
	memset(ret, 0, sizeof(*ret));
	set_request(http, &transfer, headers);
	code = curl_easy_perform(http->curl);
	curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, (void *)NULL);
	curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, (void *)NULL);
	curl_slist_free_all(headers);
	curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &ret->status);
	if (!curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &wait_s) && wait_s > 0)
		ret->retry_after_s = wait_s < HTTP_RETRY_MAX_S ? (uint32_t)wait_s : HTTP_RETRY_MAX_S;
	if (!curl_easy_header(http->curl, "ETag", 0, CURLH_HEADER, -1, &tag) && strlen(tag->value) < sizeof(ret->tag))
		memcpy(ret->tag, tag->value, strlen(tag->value) + 1);
	if (code && !ret->why[0])
		snprintf(ret->why, sizeof(ret->why), "%s", curl_easy_strerror(code));
	return transfer.error ? transfer.error : error_of(code);
}

void http_answer_done(struct http_answer *answer)
{
	free(answer->body);
	answer->body = NULL;
}
