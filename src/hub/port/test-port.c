// SPDX-License-Identifier: Apache-2.0
/* The door for edges, with a real TLS client: entering, batches, the stream, what is refused; and how long a decision takes from the
 * batch of one edge to the ears of another. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include "base/clock.h"
#include "base/error.h"
#include "bus/delta.h"
#include "hub/edges/csrtest.h"
#include "hub/port/port.h"
#include "hub/tenants/tenants.h"

#define BOOT "0123456789abcdef0123456789abcdef"

enum { TEXT_MAX = 1 << 20 };

static char dir[64];
static struct core *core;
static struct port *port;

/* What an edge has after entering. */
struct identity {
	uint32_t edge;
	char *certificate, *key, *authority;
};

static struct identity one, two;

static void told(void *context, struct bytes text)
{
	if (port)
		port_told(port, text);
}

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / 1000);
}

static struct audit_origin origin(void)
{
	return (struct audit_origin){ .actor = "account:1 lan", .now_us = now_us() };
}

static void make_tenants(void)
{
	const struct scope nation = { .all = true };
	const struct audit_origin who = origin();
	const struct tenants_call call = { .db = core_db(core), .scope = &nation, .origin = &who };

	for (uint32_t i = 0; i < 2; i++) {
		struct tenant tenant = { 0 };
		struct tenant_system system = { .level = 3, .name = "Cổng dịch vụ công" };
		struct tenant_asset asset = { 0 };

		snprintf(tenant.name, sizeof(tenant.name), "Sở %u", i);
		assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
		system.tenant = tenant.id;
		assert_int_equal(tenant_system_create(&call, &system, &system), 0);
		asset.system = system.id;
		snprintf(asset.value, sizeof(asset.value), "198.51.%u.0/24", 100 + i);
		assert_int_equal(tenant_asset_create(&call, &asset, &asset), 0);
	}
}

static int setup(void **state)
{
	struct core_options options = { .calls = { .decisions = told } };
	char why[CORE_WHY_SIZE], port_why[PORT_WHY_SIZE];

	snprintf(dir, sizeof(dir), "/tmp/luytre-test-port-XXXXXX");
	options.state_dir = mkdtemp(dir);
	if (!options.state_dir || core_open(&options, &core, why))
		return -1;
	make_tenants();
	core_close(core);
	if (core_open(&options, &core, why) || port_open(core, "127.0.0.1", 0, "localhost,127.0.0.1", &port, port_why))
		return -1;
	return curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK;
}

static void forget(struct identity *identity)
{
	free(identity->certificate);
	free(identity->key);
	free(identity->authority);
	*identity = (struct identity){ 0 };
}

static int teardown(void **state)
{
	struct port *closing = port;
	char command[128];

	port = NULL;
	port_close(closing);
	core_close(core);
	forget(&one);
	forget(&two);
	curl_global_cleanup();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* ---- A client ---- */

struct answer {
	long status;
	char *text; /* with a NUL */
	size_t size;
	CURLcode code;
};

static size_t take(char *data, size_t unit, size_t count, void *context)
{
	struct answer *answer = context;

	if (answer->size + count >= TEXT_MAX)
		return 0;
	memcpy(answer->text + answer->size, data, count);
	answer->size += count;
	answer->text[answer->size] = '\0';
	return count;
}

static struct curl_blob blob(char *text)
{
	return (struct curl_blob){ .data = text, .len = strlen(text), .flags = CURL_BLOB_COPY };
}

static CURL *client(const char *path, const struct identity *identity, const char *authority, char url[128])
{
	CURL *curl = curl_easy_init();
	char *trusted = strdup(authority);

	assert_true(curl && trusted);
	snprintf(url, 128, "https://localhost:%u/edge/v1%s", port_number(port), path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &(struct curl_blob[]){ blob(trusted) }[0]);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 20000L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	if (identity && identity->certificate) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT_BLOB, &(struct curl_blob[]){ blob(identity->certificate) }[0]);
		curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &(struct curl_blob[]){ blob(identity->key) }[0]);
	}
	free(trusted);
	return curl;
}

/* Body null: a GET. The answer's text is freed by the caller. */
static struct answer ask(const char *path, const struct identity *identity, const char *type, struct bytes body)
{
	struct answer answer = { .text = calloc(1, TEXT_MAX) };
	struct curl_slist *headers = NULL;
	char url[128], header[64];
	CURL *curl = client(path, identity, ca_pem(core_ca(core)), url);

	assert_non_null(answer.text);
	if (type) {
		snprintf(header, sizeof(header), "Content-Type: %s", type);
		headers = curl_slist_append(headers, header);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.size);
	}
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	answer.code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return answer;
}

static long status_of(const char *path, const struct identity *identity, const char *type, struct bytes body)
{
	struct answer answer = ask(path, identity, type, body);

	free(answer.text);
	return answer.status;
}

/* ---- Entering ---- */

static char *pem_of(BIO *bio)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);
	char *text = strndup(data, (size_t)size);

	BIO_free(bio);
	return text;
}

/* The request for a certificate; the key goes to '*ret_key'. */
static char *make_request(char **ret_key)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char *request = csrtest_pem(key, NULL, NULL);

	assert_true(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	EVP_PKEY_free(key);
	*ret_key = pem_of(bio);
	return request;
}

static char *enrol_body(const char *token, const char *csr)
{
	json_t *body = json_pack("{s:s,s:s,s:s}", "token", token, "csr", csr, "version", "luytre 0.1.0");
	char *text = json_dumps(body, 0);

	json_decref(body);
	return text;
}

static void read_identity(const char *text, struct identity *ret)
{
	json_t *root = json_loads(text, 0, NULL);

	assert_non_null(root);
	ret->edge = (uint32_t)json_integer_value(json_object_get(root, "edge"));
	ret->certificate = strdup(json_string_value(json_object_get(root, "certificate")));
	ret->authority = strdup(json_string_value(json_object_get(root, "authority")));
	assert_int_equal(json_array_size(json_object_get(root, "keys")), 1);
	json_decref(root);
}

static void enter(struct identity *ret)
{
	char token[EDGES_TOKEN_SIZE], *csr = make_request(&ret->key), *body;
	const struct edges_invitation invitation = { .name = "Hà Nội 1", .bound = { .all = true } };
	const struct audit_origin who = origin();
	struct answer answer;
	uint32_t id;
	int error;

	core_lock(core);
	error = edges_token(core_edges(core), &who, &invitation, token, &id);
	core_unlock(core);
	assert_int_equal(error, 0);
	body = enrol_body(token, csr);
	answer = ask("/enrol", NULL, "application/json", bytes_from_str(body));
	assert_int_equal(answer.status, 201);
	read_identity(answer.text, ret);
	assert_string_equal(ret->authority, ca_pem(core_ca(core)));
	assert_int_equal(status_of("/enrol", NULL, "application/json", bytes_from_str(body)), 401); /* once */
	free(answer.text);
	free(body);
	free(csr);
}

static void test_enter(void **state)
{
	enter(&one);
	enter(&two);
	assert_true(one.edge && two.edge && one.edge != two.edge);
}

/* ---- Batches ---- */

static struct answer send_attack(const struct identity *identity, uint32_t named, uint64_t seq, const char *source)
{
	struct batch_head head = { .edge = named, .boot = BOOT, .seq = seq, .made_us = now_us() };
	struct batch_writer *writer;
	struct bytes packed;
	struct answer answer;
	char line[1024], stamp[40];
	time_t now = time(NULL);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
	snprintf(line, sizeof(line),
		"{\"timestamp\":\"%s\",\"event_type\":\"gate\",\"src_ip\":\"%s\",\"src_port\":4711,\"dest_ip\":\"198."
		"51.100.5\","
		"\"dest_port\":443,\"proto\":\"TCP\",\"gate\":{\"action\":\"deny\",\"wanted\":\"deny\",\"shadow\":"
		"false,"
		"\"rule\":8100010,\"hold\":\"CVE-2021-44228\",\"reason\":\"rule\"},\"rules\":[{\"id\":8100010,\"msg\":"
		"\"x\"}]}",
		stamp, source);
	assert_int_equal(batch_writer_new(&writer), 0);
	assert_int_equal(batch_add(writer, bytes_from_str(line)), 0);
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	answer = ask("/batches", identity, "application/zstd", packed);
	batch_writer_free(writer);
	return answer;
}

static long attack_status(const struct identity *identity, uint32_t named, uint64_t seq, const char *source)
{
	struct answer answer = send_attack(identity, named, seq, source);

	free(answer.text);
	return answer.status;
}

static void test_batches(void **state)
{
	struct answer answer = send_attack(&one, one.edge, 1, "203.0.113.1");

	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.text, "\"acked\":1"));
	free(answer.text);
	assert_int_equal(attack_status(&one, one.edge, 1, "203.0.113.1"), 200);
	assert_int_equal(attack_status(&one, two.edge, 2, "203.0.113.1"), 403); /* in another's name */
	assert_int_equal(attack_status(NULL, one.edge, 2, "203.0.113.1"), 401);
	assert_int_equal(status_of("/batches", &one, "application/zstd", bytes_from_str("nonsense")), 400);
	assert_int_equal(status_of("/batches", &one, "text/plain", bytes_from_str("nonsense")), 415);
}

static void test_snapshot(void **state)
{
	struct answer answer = ask("/decisions", &two, NULL, (struct bytes){ 0 });
	uint8_t keys[1][BUNDLE_PUBLIC_SIZE];
	struct bundle bundle;
	struct delta_snapshot snapshot;
	struct bytes content;

	assert_int_equal(answer.status, 200);
	core_policy_key(core, keys[0]);
	assert_int_equal(bundle_open(bytes_of(answer.text, answer.size), keys, 1, &bundle), 0);
	assert_true(bundle_find(&bundle, "decisions.bin", &content));
	assert_int_equal(delta_snapshot_open(content, &snapshot), 0);
	assert_true(snapshot.count >= 1);
	free(answer.text);
}

static void test_acks(void **state)
{
	static const char good[] = "{\"epoch\":1,\"number\":4,\"policy\":0,\"at\":1}", bad[] = "{\"epoch\":-1}";
	uint64_t have;

	assert_int_equal(status_of("/acks", &two, "application/json", bytes_from_str(good)), 204);
	core_lock(core);
	have = edges_find(core_edges(core), two.edge)->have;
	core_unlock(core);
	assert_int_equal(have, 4);
	assert_int_equal(status_of("/acks", &two, "application/json", bytes_from_str(bad)), 400);
	assert_int_equal(status_of("/acks", NULL, "application/json", bytes_from_str(good)), 401);
}

/* The first version is empty; what is asked for again with its tag is not sent again. */
static void test_policy(void **state)
{
	static const char stands[] = "{\"epoch\":1,\"number\":4,\"policy\":1,\"at\":1}",
			  failed[] = "{\"epoch\":1,\"number\":4,\"policy\":0,\"at\":1,\"policy_failed\":1,"
				     "\"policy_why\":\"no room\"}";
	struct answer answer = ask("/policy", &two, NULL, (struct bytes){ 0 });
	struct policy_rollout_view view;
	uint8_t keys[1][BUNDLE_PUBLIC_SIZE];
	struct policyfile file;
	struct bundle bundle;
	struct bytes content;

	assert_int_equal(answer.status, 200);
	core_policy_key(core, keys[0]);
	assert_int_equal(bundle_open(bytes_of(answer.text, answer.size), keys, 1, &bundle), 0);
	assert_int_equal(bundle.edge, two.edge);
	assert_true(bundle_find(&bundle, POLICYFILE_NAME, &content));
	assert_int_equal(policyfile_read(content, &file), 0);
	assert_int_equal(file.version, bundle.revision);
	assert_int_equal(file.row_count, 0);
	policyfile_done(&file);
	free(answer.text);
	assert_int_equal(status_of("/policy", NULL, NULL, (struct bytes){ 0 }), 401);
	assert_int_equal(status_of("/acks", &two, "application/json", bytes_from_str(failed)), 204);
	core_lock(core);
	assert_int_equal(policy_rollout_get(core_db(core), two.edge, 1, 0, &view), 0);
	core_unlock(core);
	assert_int_equal(view.state, POLICY_ROLLOUT_FAILED);
	assert_string_equal(view.why, "no room");
	assert_int_equal(status_of("/acks", &two, "application/json", bytes_from_str(stands)), 204);
	core_lock(core);
	assert_int_equal(policy_rollout_get(core_db(core), two.edge, 1, 1, &view), 0);
	core_unlock(core);
	assert_int_equal(view.state, POLICY_ROLLOUT_STANDING);
}

/* ---- The stream ---- */

struct listener {
	const struct identity *identity;
	struct answer answer;
	_Atomic uint64_t heard_ns; /* when the marker was first read */
	_Atomic bool connected, stop;
	const char *marker;
};

static size_t hear(char *data, size_t unit, size_t count, void *context)
{
	struct listener *listener = context;
	size_t took = take(data, unit, count, &listener->answer);

	listener->connected = true;
	if (!listener->heard_ns && listener->marker && strstr(listener->answer.text, listener->marker))
		listener->heard_ns = clock_mono_ns();
	return listener->stop ? 0 : took;
}

static int poll_stop(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	return ((struct listener *)context)->stop;
}

static void *listen_on(void *context)
{
	struct listener *listener = context;
	char url[128];
	CURL *curl = client("/stream?topics=decisions", listener->identity, listener->identity->authority, url);

	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, hear);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, listener);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, poll_stop);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, listener);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	listener->answer.code = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	return NULL;
}

static void wait_until(const _Atomic bool *what)
{
	for (int i = 0; i < 1000 && !*what; i++)
		usleep(10000);
	assert_true(*what);
}

/* Edge one is hit; how long until edge two hears of it? */
static void test_one_is_hit(void **state)
{
	struct listener listener = {
		.identity = &two, .answer = { .text = calloc(1, TEXT_MAX) }, .marker = "203.0.113.99/32"
	};
	uint64_t began_ns;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, listen_on, &listener), 0);
	wait_until(&listener.connected);
	began_ns = clock_mono_ns();
	assert_int_equal(attack_status(&one, one.edge, 50, "203.0.113.99"), 200);
	for (int i = 0; i < 1000 && !listener.heard_ns; i++)
		usleep(1000);
	listener.stop = true;
	pthread_join(thread, NULL);
	assert_true(listener.heard_ns > began_ns);
	print_message("heard after %.1f ms, TLS handshake of the batch included\n",
		(double)(listener.heard_ns - began_ns) / 1e6);
	assert_non_null(strstr(listener.answer.text, "event: decisions"));
	free(listener.answer.text);
}

static void listen_for(struct listener *listener, pthread_t *ret)
{
	assert_int_equal(pthread_create(ret, NULL, listen_on, listener), 0);
	wait_until(&listener->connected);
}

/* An edge has one stream: a new one ends the one before. Who is put out hears nothing more. */
static void test_one_stream(void **state)
{
	struct listener first = { .identity = &two, .answer = { .text = calloc(1, TEXT_MAX) } };
	struct listener second = { .identity = &two, .answer = { .text = calloc(1, TEXT_MAX) } };
	pthread_t threads[2];

	assert_int_equal(
		status_of("/stream?epoch=1&number=2&policy=0", &two, NULL, (struct bytes){ 0 }), 400); /* no topics */
	listen_for(&first, &threads[0]);
	listen_for(&second, &threads[1]);
	pthread_join(threads[0], NULL);
	assert_int_equal(first.answer.code, CURLE_OK); /* ended by the hub */
	port_forget(port, two.edge);
	pthread_join(threads[1], NULL);
	assert_int_equal(second.answer.code, CURLE_OK);
	free(first.answer.text);
	free(second.answer.text);
}

/* More than what fits into the memory of a request. */
static void test_large_snapshot(void **state)
{
	enum { COUNT = 90000 };
	uint8_t bytes[4] = { 192 };
	struct observable source;
	const struct engine_order made = {
		.observable = &source, .level = DECIDE_WATCH, .class = DECIDE_WEB, .lifetime_s = 600, .person = 1
	};
	struct ip_addr addr;
	char url[128];
	curl_off_t size = 0;
	long status = 0;
	CURL *curl;
	FILE *sink = fopen("/dev/null", "we");

	assert_non_null(sink);
	core_lock(core);
	for (size_t i = 0; i < COUNT; i++) {
		bytes[1] = (uint8_t)(1 + (i >> 16));
		bytes[2] = (uint8_t)(i >> 8);
		bytes[3] = (uint8_t)i;
		addr = ip_addr_v4(bytes);
		observable_of_addr(&addr, &source);
		assert_int_equal(engine_order(core_engine(core), now_us(), &made, NULL), 0);
	}
	core_unlock(core);
	curl = client("/decisions", &two, two.authority, url);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
	assert_int_equal(curl_easy_perform(curl), CURLE_OK);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_SIZE_DOWNLOAD_T, &size);
	curl_easy_cleanup(curl);
	fclose(sink);
	assert_int_equal(status, 200);
	assert_true(size > COUNT * 48);
}

/* ---- Renewing and losing the right ---- */

static void test_revoked(void **state)
{
	struct identity newer = { 0 };
	char *csr = make_request(&newer.key), *body;
	const struct audit_origin who = origin();
	json_t *object = json_pack("{s:s}", "csr", csr);
	struct answer answer;
	int error;

	body = json_dumps(object, 0);
	json_decref(object);
	answer = ask("/renew", &two, "application/json", bytes_from_str(body));
	assert_int_equal(answer.status, 200);
	read_identity(answer.text, &newer);
	assert_int_equal(newer.edge, two.edge);
	assert_int_equal(status_of("/decisions", &newer, NULL, (struct bytes){ 0 }), 200);
	core_lock(core);
	error = edges_revoke(core_edges(core), &who, two.edge, NULL);
	core_unlock(core);
	assert_int_equal(error, 0);
	assert_int_equal(status_of("/decisions", &newer, NULL, (struct bytes){ 0 }), 401);
	assert_int_equal(status_of("/decisions", &two, NULL, (struct bytes){ 0 }), 401);
	assert_int_equal(status_of("/decisions", &one, NULL, (struct bytes){ 0 }), 200);
	free(answer.text);
	free(body);
	free(csr);
	forget(&newer);
}

/* Who trusts another authority does not speak with this hub. */
static void test_wrong_hub(void **state)
{
	char url[128];
	CURL *curl = client("/decisions", &one, one.certificate, url);

	assert_int_not_equal(curl_easy_perform(curl), CURLE_OK);
	curl_easy_cleanup(curl);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_enter), cmocka_unit_test(test_batches),
		cmocka_unit_test(test_snapshot), cmocka_unit_test(test_acks), cmocka_unit_test(test_policy),
		cmocka_unit_test(test_one_is_hit), cmocka_unit_test(test_one_stream),
		cmocka_unit_test(test_large_snapshot), cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_wrong_hub) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
