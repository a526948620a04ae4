// SPDX-License-Identifier: Apache-2.0
/* What edges see becomes findings: batches through a whole core. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "hub/core/core.h"
#include "hub/core/probes.h"
#include "hub/edges/csrtest.h"
#include "hub/posture/evidence/perimeter.h"
#include "hub/posture/evidence/rules.h"
#include "hub/posture/finding.h"
#include "hub/posture/probe/consent.h"
#include "hub/tenants/tenants.h"

#define BOOT "0123456789abcdef0123456789abcdef"

enum { LINE_SIZE = 4096, FOUND_MAX = 64 };

static const struct scope nation = { .all = true };
static char dir[64];
static struct core *core;
static struct db *db;
static uint32_t edge, tenants[2], asset;
static uint64_t sequence;

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / 1000);
}

static void open_core(void)
{
	const struct core_options options = { .state_dir = dir };
	char why[CORE_WHY_SIZE];

	if (core_open(&options, &core, why))
		fail_msg("%s", why);
}

static uint32_t make_asset(const struct tenants_call *call, uint32_t system, const char *value)
{
	struct tenant_asset made = { .system = system };

	snprintf(made.value, sizeof(made.value), "%s", value);
	assert_int_equal(tenant_asset_create(call, &made, &made), 0);
	return made.id;
}

static void make_tenants(const struct audit_origin *origin)
{
	struct tenants_why why = { 0 };
	const struct tenants_call call = { .db = core_db(core), .scope = &nation, .origin = origin, .why = &why };

	for (uint32_t i = 0; i < 2; i++) {
		struct tenant tenant = { .kind = TENANT_KIND_ORGANISATION };
		struct tenant_system system = { .level = 3 };
		char value[64];

		snprintf(tenant.name, sizeof(tenant.name), "Sở %u", i);
		assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
		tenants[i] = system.tenant = tenant.id;
		snprintf(system.name, sizeof(system.name), "Cổng dịch vụ công");
		assert_int_equal(tenant_system_create(&call, &system, &system), 0);
		snprintf(value, sizeof(value), "198.51.%u.0/24", 100 + i);
		asset = i == 0 ? make_asset(&call, system.id, value) : asset;
		if (i == 0)
			make_asset(&call, system.id, "www.so.example.vn");
		else
			make_asset(&call, system.id, value);
	}
}

static void make_edge(const struct audit_origin *origin)
{
	const struct edges_invitation invitation = { .name = "Hà Nội 1", .bound = { .all = true } };
	char *pem = csrtest_pem(NULL, NULL, NULL);
	struct edges_enrolled enrolled;
	char token[EDGES_TOKEN_SIZE];

	assert_int_equal(edges_token(core_edges(core), origin, &invitation, token, &edge), 0);
	assert_int_equal(edges_enrol(core_edges(core), origin, bytes_from_str(token), bytes_from_str(pem),
				 bytes_from_str("luytre 0.1.0"), &enrolled),
		0);
	edge = enrolled.id;
	free(enrolled.certificate.pem);
	free(pem);
}

static int setup(void **state)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = now_us() };
	char place[96], why[DB_WHY_SIZE];

	snprintf(dir, sizeof(dir), "/tmp/luytre-test-perimeter-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	open_core();
	core_lock(core);
	make_tenants(&origin);
	make_edge(&origin);
	core_unlock(core);
	core_close(core);
	open_core(); /* knows the tenants from the tables */
	snprintf(place, sizeof(place), "sqlite:%s/control.db", dir);
	return db_open(place, &db, why);
}

static int teardown(void **state)
{
	char command[128];

	db_close(db);
	core_close(core);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* ---- Lines ---- */

struct ends {
	const char *client, *server;
	unsigned int port;
};

static const struct ends web = { "203.0.113.9", "198.51.100.5", 443 };

static void stamp(int64_t time_us, char text[40])
{
	time_t time = (time_t)(time_us / 1000000);
	struct tm parts;

	gmtime_r(&time, &parts);
	snprintf(text + strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &parts), 20, ".%06uZ", (unsigned)(time_us % 1000000));
}

static void send_event(const struct ends *ends, const char *type, const char *rest)
{
	const struct batch_head head = { .edge = edge, .boot = BOOT, .seq = ++sequence, .made_us = now_us() };
	struct batch_writer *writer;
	struct core_ack ack;
	struct bytes packed;
	char line[LINE_SIZE], time[40];

	stamp(now_us(), time);
	snprintf(line, sizeof(line),
		"{\"timestamp\":\"%s\",\"event_type\":\"%s\",\"src_ip\":\"%s\",\"src_port\":40001,\"dest_ip\":\"%s\","
		"\"dest_port\":%u,\"proto\":\"TCP\",%s}",
		time, type, ends->client, ends->server, ends->port, rest);
	assert_int_equal(batch_writer_new(&writer), 0);
	assert_int_equal(batch_add(writer, bytes_from_str(line)), 0);
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	assert_int_equal(core_batch(core, edge, packed, now_us(), &ack), 0);
	batch_writer_free(writer);
	perimeter_drain(core_perimeter(core));
}

#define TLS_1_0                                                                                                        \
	"\"tls\":{\"subject\":\"CN=www\",\"issuerdn\":\"CN=ca\",\"version\":\"TLSv1\",\"serial\":\"01\","              \
	"\"notbefore\":\"2020-01-01T00:00:00\",\"notafter\":\"2099-01-01T00:00:00\",\"server\":{\"cipher\":"           \
	"\"0xc013\","                                                                                                  \
	"\"key\":\"rsa\",\"key_bits\":2048,\"signature\":\"sha256-rsa\"}}"

/* ---- What is found ---- */

static struct finding found[FOUND_MAX];
static size_t found_count;

static int keep(void *context, const struct finding *finding)
{
	const char *rule = context;

	if (found_count < FOUND_MAX && strcmp(finding->tool, PERIMETER_TOOL) == 0 &&
		(!rule || strcmp(rule, finding->rule) == 0))
		found[found_count++] = *finding;
	return 0;
}

/* Findings of this rule, or of all; the first is found[0]. */
static size_t count_of(const char *rule)
{
	const struct finding_call call = { .db = db, .scope = &nation };
	const struct finding_query query = { .limit = FINDING_PAGE_MAX };

	found_count = 0;
	assert_int_equal(finding_each(&call, &query, keep, (void *)(uintptr_t)rule), 0);
	return found_count;
}

struct proofs {
	size_t count;
	struct finding_proof first;
};

static int keep_proof(void *context, const struct finding_proof *proof)
{
	struct proofs *proofs = context;

	if (proofs->count++ == 0)
		proofs->first = *proof;
	return 0;
}

static struct proofs proofs_of(int64_t id)
{
	const struct finding_call call = { .db = db, .scope = &nation };
	struct proofs proofs = { .count = 0 };

	assert_int_equal(finding_proof_each(&call, id, keep_proof, &proofs), 0);
	return proofs;
}

/* ---- Tests ---- */

static void old_tls_is_a_finding_once(void **state)
{
	struct proofs proofs;

	send_event(&web, "tls", TLS_1_0);
	assert_int_equal(count_of(NULL), 1);
	assert_string_equal(found[0].rule, "tls-1.0");
	assert_string_equal(found[0].host, "198.51.100.5");
	assert_int_equal(found[0].port, 443);
	assert_int_equal(found[0].protocol, 6);
	assert_int_equal(found[0].tenant, tenants[0]);
	assert_int_equal(found[0].exposed, FINDING_YES);
	assert_non_null(strstr(found[0].title, "TLS 1.0"));
	proofs = proofs_of(found[0].id);
	assert_int_equal(proofs.count, 1);
	assert_non_null(strstr(proofs.first.evidence, "TLS 1.0 was agreed on; 198.51.100.5 port 443"));
	assert_non_null(strstr(proofs.first.evidence, "203.0.113.9"));
	/* Within the hour nothing more is written. */
	send_event(&web, "tls", TLS_1_0);
	assert_int_equal(proofs_of(found[0].id).first.seen, 1);
}

static void again_is_the_same_proof(void **state)
{
	struct proofs proofs;
	int64_t id;

	send_event(&web, "tls", TLS_1_0);
	assert_int_equal(count_of("tls-1.0"), 1);
	id = found[0].id;
	/* Another run has nothing in memory. */
	core_close(core);
	open_core();
	send_event(&(struct ends){ "203.0.113.10", web.server, web.port }, "tls", TLS_1_0);
	assert_int_equal(count_of("tls-1.0"), 1);
	assert_int_equal(found[0].id, id);
	proofs = proofs_of(id);
	assert_int_equal(proofs.count, 1);
	assert_int_equal(proofs.first.seen, 2);
	assert_non_null(strstr(proofs.first.evidence, "203.0.113.9"));
}

static void only_own_servers_and_strangers_count(void **state)
{
	static const struct ends others[] = {
		{ "203.0.113.9", "192.0.2.5", 443 }, /* nobody's server */
		{ "198.51.100.77", "198.51.100.5", 443 }, /* from inside */
		{ "10.1.2.3", "198.51.100.5", 443 }, /* from a network that is not the world */
		{ "198.51.100.5", "203.0.113.9", 443 }, /* ours is the client */
	};

	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		send_event(&others[i], "tls", TLS_1_0);
	assert_int_equal(count_of(NULL), 0);
	/* Another organisation of the platform is a stranger too. */
	send_event(&(struct ends){ "198.51.101.9", "198.51.100.5", 443 }, "tls", TLS_1_0);
	assert_int_equal(count_of("tls-1.0"), 1);
}

static void change(int64_t id, enum finding_state to, enum finding_part part)
{
	const struct audit_origin origin = { .actor = "account:2 minh", .now_us = now_us() };
	const struct finding_call call = { .db = db, .scope = &nation, .origin = &origin, .part = part };
	struct finding row;

	assert_int_equal(finding_get(&call, id, &row), 0);
	assert_int_equal(finding_change(&call,
				 &(struct finding_change){
					 .id = id, .revision = row.revision, .to = to, .reason = "TLS 1.0 off" },
				 NULL),
		0);
}

/* A signed "it is off" turns red when it is seen, within seconds. */
static void a_claim_is_contradicted(void **state)
{
	const struct finding_call call = { .db = db, .scope = &nation };
	const struct timespec second = { .tv_sec = 1 };
	struct finding row;
	int64_t id;

	send_event(&web, "tls", TLS_1_0);
	assert_int_equal(count_of("tls-1.0"), 1);
	id = found[0].id;
	change(id, FINDING_CLAIMED, FINDING_BY_OWNER);
	for (unsigned int i = 0; i < 20; i++) {
		nanosleep(&second, NULL);
		send_event(&web, "tls", TLS_1_0);
		assert_int_equal(finding_get(&call, id, &row), 0);
		if (row.state == FINDING_OPEN)
			break;
	}
	assert_int_equal(row.state, FINDING_OPEN);
	assert_int_equal(row.contradicted, 1);
	assert_true(perimeter_contradicts(perimeter_rule_find(bytes_from_str(row.rule)), bytes_from_str("NW32")));
	assert_false(perimeter_contradicts(perimeter_rule_find(bytes_from_str(row.rule)), bytes_from_str("NW3")));
}

#define CERTIFICATE(rest) "\"tls\":{\"version\":\"TLS 1.2\",\"serial\":\"01\"," rest "}"
#define ANSWERED(app, flags)                                                                                           \
	"\"app_proto\":\"" app                                                                                         \
	"\",\"flow\":{\"state\":\"closed\",\"pkts_toclient\":5},\"tcp\":{\"tcp_flags_ts\":\"1b\","                     \
	"\"tcp_flags_tc\":\"" flags "\"}"
#define PAGE(headers)                                                                                                  \
	"\"http\":{\"status\":200,\"url\":\"/\",\"http_content_type\":\"text/"                                         \
	"html\",\"response_headers\":[{\"name\":\"Date\","                                                             \
	"\"value\":\"x\"},{\"name\":\"Content-Type\",\"value\":\"text/html\"}" headers "]}"

/* What each line makes, "" for nothing: rules separated by blanks. */
static const struct {
	const char *type, *rest, *rules;
	unsigned int port;
} lines[] = {
	{ "tls", "\"tls\":{\"version\":\"TLS 1.1\"}", "tls-1.1", 443 },
	{ "tls", "\"tls\":{\"version\":\"SSLv3\",\"server\":{\"cipher\":\"0x0005\"}}", "ssl-3.0 tls-cipher-weak", 443 },
	{ "tls", "\"tls\":{\"version\":\"TLS 1.3\",\"server\":{\"cipher\":\"0x1301\"}}", "", 443 },
	{ "tls", CERTIFICATE("\"subject\":\"CN=a\",\"issuerdn\":\"CN=b\",\"notafter\":\"2024-01-01T00:00:00\""),
		"certificate-expired", 443 },
	{ "tls", CERTIFICATE("\"subject\":\"CN=a\",\"issuerdn\":\"CN=a\",\"notafter\":\"2099-01-01T00:00:00\""),
		"certificate-self-signed", 443 },
	{ "tls",
		CERTIFICATE("\"subject\":\"CN=a\",\"issuerdn\":\"CN=b\",\"server\":{\"key\":\"rsa\",\"key_bits\":1024,"
			    "\"signature\":\"sha1-rsa\"}"),
		"certificate-key-weak certificate-signature-weak", 443 },
	{ "tls", CERTIFICATE("\"subject\":\"CN=a\",\"issuerdn\":\"CN=b\",\"server\":{\"key\":\"ec\",\"key_bits\":256}"),
		"", 443 },
	/* One's own name, another's, and one that the certificate has. */
	{ "tls", CERTIFICATE("\"subject\":\"CN=a\",\"issuerdn\":\"CN=b\",\"sni\":\"www.so.example.vn\""),
		"certificate-name", 443 },
	{ "tls", CERTIFICATE("\"subject\":\"CN=a\",\"issuerdn\":\"CN=b\",\"sni\":\"www.else.example\""), "", 443 },
	{ "tls",
		CERTIFICATE(
			"\"subject\":\"CN=a\",\"issuerdn\":\"CN=b\",\"sni\":\"www.so.example.vn\",\"subjectaltname\":"
			"[\"*.so.example.vn\"]"),
		"", 443 },
	{ "http", PAGE(""), "http-no-content-type-options http-no-content-security-policy http-no-frame-options", 80 },
	{ "http",
		PAGE(",{\"name\":\"x-content-type-options\",\"value\":\"nosniff\"},{\"name\":\"Content-Security-"
		     "Policy\","
		     "\"value\":\"default-src 'self'; frame-ancestors 'none'\"}"),
		"", 80 },
	/* A chosen few headers say nothing of the others. */
	{ "http",
		"\"http\":{\"status\":200,\"http_content_type\":\"text/"
		"html\",\"response_headers\":[{\"name\":\"server\","
		"\"value\":\"nginx\"}]}",
		"", 80 },
	{ "http",
		"\"http\":{\"status\":404,\"response_headers\":[{\"name\":\"Server\",\"value\":\"Apache/2.2.15 "
		"(CentOS)\"}]}",
		"http-version-shown software-end-of-life", 80 },
	{ "http",
		"\"http\":{\"status\":404,\"response_headers\":[{\"name\":\"Server\",\"value\":\"Apache/2.4.49 "
		"(Unix)\"}]}",
		"http-version-shown software-version software-version", 80 },
	/* A distribution repairs without another number. */
	{ "http",
		"\"http\":{\"status\":404,\"response_headers\":[{\"name\":\"Server\",\"value\":\"Apache/2.4.49 "
		"(Debian)\"}]}",
		"http-version-shown", 80 },
	{ "http",
		"\"http\":{\"status\":401,\"response_headers\":[{\"name\":\"WWW-Authenticate\",\"value\":\"Basic "
		"realm=x\"}]}",
		"http-basic-cleartext", 80 },
	{ "http",
		"\"http\":{\"status\":200,\"url\":\"/js/jquery-1.12.4.min.js?v=2\",\"http_content_type\":\"application/"
		"javascript\"}",
		"http-library-outdated", 80 },
	{ "http",
		"\"http\":{\"status\":200,\"url\":\"/js/jquery-3.7.1.min.js\",\"http_content_type\":\"text/"
		"javascript\"}",
		"", 80 },
	/* What is too long for a version is none: a visitor chooses the name. */
	{ "http",
		"\"http\":{\"status\":200,\"url\":\"/jquery-1.12.4.0.0.0.0.0.1.js\",\"http_content_type\":\"text/"
		"javascript\"}",
		"", 80 },
	/* Whoever answers every path with a page has no library. */
	{ "http", "\"http\":{\"status\":200,\"url\":\"/jquery-1.12.4.js\",\"http_content_type\":\"text/html\"}", "",
		80 },
	{ "ssh",
		"\"ssh\":{\"client\":{\"proto_version\":\"2.0\"},\"server\":{\"proto_version\":\"1.99\","
		"\"software_version\":\"OpenSSH_5.3\"}}",
		"ssh-1 software-end-of-life", 22 },
	{ "ssh",
		"\"ssh\":{\"server\":{\"proto_version\":\"2.0\",\"software_version\":\"OpenSSH_9.9\",\"hassh\":{"
		"\"string\":"
		"\"curve25519-sha256;aes128-ctr,3des-cbc;hmac-sha2-256;none\"}}}",
		"ssh-algorithms-weak", 22 },
	{ "ftp", "\"ftp\":{\"command\":\"PASS\",\"completion_code\":[\"230\"]}", "ftp-login-cleartext", 21 },
	{ "ftp", "\"ftp\":{\"command\":\"PASS\",\"completion_code\":[\"530\"]}", "", 21 },
	{ "pop3", "\"pop3\":{\"request\":{\"command\":\"PASS\"},\"response\":{\"success\":true}}",
		"pop3-login-cleartext", 110 },
	{ "rdp", "\"rdp\":{\"event_type\":\"initial_response\",\"protocol\":\"rdp\"}", "rdp-without-tls", 3389 },
	{ "smb", "\"smb\":{\"dialect\":\"NT LM 0.12\",\"status\":\"STATUS_SUCCESS\"}", "smb-1", 445 },
	{ "flow", ANSWERED("failed", "1b"), "database-open", 3306 },
	{ "flow", ANSWERED("rdp", "1b"), "rdp-open", 4444 },
	{ "flow", ANSWERED("modbus", "1b"), "industrial-control-open", 502 },
	{ "flow", ANSWERED("http", "1b"), "database-open", 9200 },
	{ "flow", ANSWERED("http", "1b"), "", 3306 },
	/* Accepted and nothing sent; half open; not answered. */
	{ "flow", ANSWERED("failed", "13"), "", 3306 },
	{ "flow", ANSWERED("failed", "14"), "", 3306 },
	{ "flow", "\"flow\":{\"state\":\"new\"},\"tcp\":{\"tcp_flags_ts\":\"02\",\"tcp_flags_tc\":\"1a\"}", "", 3306 },
};

static size_t words_in(const char *text)
{
	size_t words = *text != '\0';

	for (; *text; text++)
		words += *text == ' ';
	return words;
}

static void each_line_makes_what_it_shows(void **state)
{
	char server[32];

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		size_t before = count_of(NULL);

		snprintf(server, sizeof(server), "198.51.100.%zu", 10 + i);
		send_event(&(struct ends){ "203.0.113.9", server, lines[i].port }, lines[i].type, lines[i].rest);
		if (count_of(NULL) - before != words_in(lines[i].rules))
			fail_msg("line %zu: %zu findings, expected \"%s\"", i, found_count - before, lines[i].rules);
		for (size_t f = 0; f < found_count; f++)
			if (strcmp(found[f].host, server) == 0 && !strstr(lines[i].rules, found[f].rule))
				fail_msg("line %zu: %s, expected \"%s\"", i, found[f].rule, lines[i].rules);
	}
}

/* Whatever versions a visitor asks for, it is one weakness of the library, with the version in its proof. */
static void a_library_is_one_finding(void **state)
{
	char line[256];
	size_t before = count_of("http-library-outdated");

	for (int i = 0; i < 20; i++) {
		snprintf(line, sizeof(line),
			"\"http\":{\"status\":200,\"url\":\"/jquery-1.12.%d.js\",\"http_content_type\":\"text/"
			"javascript\"}",
			i);
		send_event(&(struct ends){ "203.0.113.9", "198.51.100.4", 80 }, "http", line);
	}
	assert_int_equal(count_of("http-library-outdated") - before, 1);
}

/* Both texts are cut at 160 bytes, inside of a letter of three; the database takes no broken ones. */
static void cut_texts_are_whole_characters(void **state)
{
	char letters[60 * 3 + 1], line[1024];

	for (size_t i = 0; i < 60; i++)
		snprintf(letters + 3 * i, sizeof(letters) - 3 * i, "ế");
	snprintf(line, sizeof(line),
		"\"http\":{\"status\":404,\"response_headers\":[{\"name\":\"Server\",\"value\":\"12%s\"}]}", letters);
	send_event(&(struct ends){ "203.0.113.9", "198.51.100.5", 80 }, "http", line);
	assert_int_equal(count_of("http-version-shown"), 1);
	assert_non_null(strstr(proofs_of(found[0].id).first.evidence, "server: 12ếế"));
	snprintf(line, sizeof(line), "\"tls\":{\"version\":\"TLS 1.2\",\"subject\":\"CN=%s\",\"issuerdn\":\"CN=%s\"}",
		letters, letters);
	send_event(&web, "tls", line);
	assert_int_equal(count_of("certificate-self-signed"), 1);
	assert_non_null(strstr(proofs_of(found[0].id).first.evidence, "ế?\"; 198.51.100.5 port 443"));
}

static int count_services(void *context, const struct perimeter_service *service)
{
	size_t *counts = context;

	counts[service->listed]++;
	return 0;
}

static void what_is_answered_is_measured(void **state)
{
	const struct audit_origin origin = { .actor = "account:2 minh", .now_us = now_us() };
	const struct perimeter_list list = { .ports = { 80, 443 }, .count = 2 };
	const struct finding_call call = { .db = db, .scope = &nation, .origin = &origin, .part = FINDING_BY_EVIDENCE };
	const struct record record = { .kind = RECORD_WEAKNESS,
		.target = bytes_from_str("198.51.100.5"),
		.port = 8443,
		.protocol = 6,
		.cve = bytes_from_str("CVE-2021-44228") };
	size_t counts[2] = { 0 };
	struct finding_import *import;
	enum finding_outcome outcome;
	struct finding row;
	int64_t id;

	/* A scanner's finding is exposed once the perimeter has seen its port answer. */
	assert_int_equal(finding_import_begin(&call, "nessus", 0, &import), 0);
	assert_int_equal(finding_import(import, &record, &outcome, &id), 0);
	assert_int_equal(finding_import_end(import), 0);
	assert_int_equal(finding_get(&call, id, &row), 0);
	assert_int_equal(row.exposed, FINDING_UNKNOWN);
	send_event(&(struct ends){ "203.0.113.9", "198.51.100.5", 8443 }, "flow", ANSWERED("tls", "1b"));
	assert_int_equal(finding_get(&call, id, &row), 0);
	assert_int_equal(row.exposed, FINDING_YES);
	assert_int_equal(count_of(NULL), 0);
	/* With a list, what is not on it is a finding. */
	assert_int_equal(perimeter_list_set(db, &origin, asset, 0, &list), 0);
	assert_int_equal(perimeter_list_set(db, &origin, 9999, 0, &list), LUYTRE_E_NOT_FOUND);
	send_event(&(struct ends){ "203.0.113.9", "198.51.100.5", 443 }, "flow", ANSWERED("tls", "1b"));
	send_event(&(struct ends){ "203.0.113.9", "198.51.100.6", 8080 }, "flow", ANSWERED("http", "1b"));
	assert_int_equal(count_of(NULL), 1);
	assert_string_equal(found[0].rule, "service-unlisted");
	assert_string_equal(found[0].host, "198.51.100.6");
	assert_int_equal(perimeter_service_each(db, asset, count_services, counts), 0);
	assert_int_equal(counts[true], 1);
	assert_int_equal(counts[false], 2);
}

/* Nobody's names are asked for without consent; a resolver that does not answer changes nothing. */
static void names_are_asked_with_consent(void **state)
{
	const struct dns_resolver silent = { .addr = ip_addr_v4((const uint8_t[]){ 127, 0, 0, 1 }), .port = 9 };
	const struct audit_origin origin = { .actor = "account:2 minh", .now_us = now_us() };
	struct consent consent = { .tenant = tenants[0],
		.kinds = 1U << CONSENT_DNS,
		.from_us = now_us() - 1000000,
		.until_us = now_us() + 3600 * INT64_C(1000000),
		.note = "12/GUQ-SO" };
	struct core_probe_sum sum;

	assert_int_equal(core_probe_names(core, tenants[0], &silent, &sum), LUYTRE_E_PERMISSION);
	assert_int_equal(sum.names, 1);
	assert_int_equal(sum.refused, 1);
	assert_int_equal(sum.asked, 0);
	assert_int_equal(core_probe_names(core, tenants[1], &silent, &sum), LUYTRE_E_NOT_FOUND);
	assert_int_equal(consent_give(db, &origin, &consent), 0);
	assert_int_equal(core_probe_names(core, tenants[0], &silent, &sum), 0);
	assert_int_equal(sum.asked, 1);
	assert_int_equal(sum.unanswered, 1);
	assert_int_equal(sum.refused, 0);
	assert_int_equal(count_of(NULL), 0);
}

/* ---- What a real sensor wrote ---- */

static char **wanted;
static int wanted_count;

/* As the edge sends it. */
static void send_line(struct bytes line)
{
	const struct batch_head head = { .edge = edge, .boot = BOOT, .seq = ++sequence, .made_us = now_us() };
	struct batch_writer *writer;
	struct core_ack ack;
	struct bytes packed;

	assert_int_equal(batch_writer_new(&writer), 0);
	assert_int_equal(batch_add(writer, line), 0);
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	assert_int_equal(core_batch(core, edge, packed, now_us(), &ack), 0);
	batch_writer_free(writer);
}

/* wanted[0]: the file; then the rules of the findings that its lines make, each as often, and no others. */
static void lines_of_a_sensor(void **state)
{
	FILE *file = fopen(wanted[0], "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t size;

	assert_non_null(file);
	while ((size = getline(&line, &room, file)) > 0)
		send_line(bytes_of(line, (size_t)size - (line[size - 1] == '\n')));
	free(line);
	fclose(file);
	perimeter_drain(core_perimeter(core));
	for (size_t i = 0; i < count_of(NULL); i++)
		print_message("%s: %s\n", found[i].rule, proofs_of(found[i].id).first.evidence);
	for (int i = 1; i < wanted_count; i++) {
		size_t times = 0;

		for (int k = 1; k < wanted_count; k++)
			times += strcmp(wanted[i], wanted[k]) == 0;
		if (count_of(wanted[i]) != times)
			fail_msg("%s: %zu findings, not %zu", wanted[i], found_count, times);
	}
	assert_int_equal(count_of(NULL), wanted_count - 1);
}

/* Without arguments the tests; with a file of events and rules, whether the file makes findings of these rules. */
int main(int argc, char **argv)
{
	const struct CMUnitTest sensor[] = { cmocka_unit_test_setup_teardown(lines_of_a_sensor, setup, teardown) };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(old_tls_is_a_finding_once, setup, teardown),
		cmocka_unit_test_setup_teardown(again_is_the_same_proof, setup, teardown),
		cmocka_unit_test_setup_teardown(only_own_servers_and_strangers_count, setup, teardown),
		cmocka_unit_test_setup_teardown(a_claim_is_contradicted, setup, teardown),
		cmocka_unit_test_setup_teardown(each_line_makes_what_it_shows, setup, teardown),
		cmocka_unit_test_setup_teardown(a_library_is_one_finding, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_texts_are_whole_characters, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_answered_is_measured, setup, teardown),
		cmocka_unit_test_setup_teardown(names_are_asked_with_consent, setup, teardown),
	};

	wanted = argv + 1;
	wanted_count = argc - 1;
	return argc > 1 ? cmocka_run_group_tests(sensor, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
}
