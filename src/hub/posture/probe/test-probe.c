// SPDX-License-Identifier: Apache-2.0
/* Probes of real servers on loopback: those of OpenSSL, and a name server where unbound is installed (or LUYTRE_UNBOUND names one). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/error.h"
#include "hub/posture/evidence/perimeter.h"
#include "hub/posture/evidence/rules.h"
#include "hub/posture/probe/consent.h"
#include "hub/posture/probe/dns.h"
#include "hub/posture/probe/service.h"
#include "hub/posture/probe/verify.h"
#include "hub/tenants/tenants.h"

#define DAY_US INT64_C(86400000000)

static const struct scope nation = { .all = true };
static struct {
	struct db *db;
	struct audit_origin origin;
	char dir[64];
	uint32_t tenants[2], server, name, alias, theirs;
	uint16_t port;
} f;

static struct finding_call as(enum finding_part part)
{
	f.origin = (struct audit_origin){ .actor = "account:1 lan", .now_us = (int64_t)(clock_real_ns() / NS_PER_US) };
	return (struct finding_call){ .db = f.db, .scope = &nation, .origin = &f.origin, .part = part };
}

static uint32_t add_asset(uint32_t system, const char *value)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };
	struct tenant_asset asset = { .system = system };

	snprintf(asset.value, sizeof(asset.value), "%s", value);
	assert_int_equal(tenant_asset_create(&call, &asset, &asset), 0);
	return asset.id;
}

static int setup(void **state)
{
	const struct tenants_call call = { .scope = &nation, .origin = &f.origin };
	struct tenants_call with_db = call;
	char why[DB_WHY_SIZE], command[512];
	uint32_t systems[2];

	(void)as(FINDING_BY_EVIDENCE);
	f.port = (uint16_t)(34000 + getpid() % 1000);
	snprintf(f.dir, sizeof(f.dir), "/tmp/luytre-test-probe-XXXXXX");
	if (!mkdtemp(f.dir) || db_open("sqlite::memory:", &f.db, why))
		return -1;
	with_db.db = f.db;
	if (audit_setup(f.db) || tenants_setup(f.db) || posture_setup(f.db) || consent_setup(f.db) ||
		consent_setup(f.db))
		return -1;
	for (size_t i = 0; i < 2; i++) {
		struct tenant tenant = { .kind = TENANT_KIND_ORGANISATION };
		struct tenant_system system = { .level = 2, .name = "web" };

		snprintf(tenant.name, sizeof(tenant.name), "Sở %zu", i);
		assert_int_equal(tenant_create(&with_db, &tenant, &tenant), 0);
		f.tenants[i] = system.tenant = tenant.id;
		assert_int_equal(tenant_system_create(&with_db, &system, &system), 0);
		systems[i] = system.id;
	}
	f.server = add_asset(systems[0], "127.0.0.1");
	f.name = add_asset(systems[0], "so.example.vn");
	f.alias = add_asset(systems[0], "old.so.example.vn");
	f.theirs = add_asset(systems[1], "127.0.0.2");
	snprintf(command, sizeof(command),
		"cd %s && openssl req -x509 -newkey rsa:1024 -nodes -keyout key.pem -out cert.pem -days 5 -subj /CN=a "
		"2>/dev/null",
		f.dir);
	return system(command);
}

static int teardown(void **state)
{
	char command[96];

	db_close(f.db);
	snprintf(command, sizeof(command), "rm -rf %s", f.dir);
	return system(command);
}

/* ---- Servers ---- */

/* A server ends with the test, whatever becomes of it. */
static void become_quiet(void)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || !freopen("/dev/null", "r", stdin) ||
		!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
		_exit(1);
}

/* Of OpenSSL, at f.port, with just this version. */
static pid_t start_server(const char *version)
{
	const struct timespec pause = { .tv_nsec = 50 * (long)NS_PER_MS };
	const struct ip_addr here = ip_addr_v4((const uint8_t[]){ 127, 0, 0, 1 });
	struct service_certificate certificate;
	char accept[32];
	pid_t pid;

	snprintf(accept, sizeof(accept), "127.0.0.1:%u", f.port);
	pid = fork();
	if (pid == 0) {
		become_quiet();
		if (chdir(f.dir))
			_exit(1);
		execlp("openssl", "openssl", "s_server", "-accept", accept, "-cert", "cert.pem", "-key", "key.pem",
			version, "-cipher", "DEFAULT:@SECLEVEL=0", "-www", (char *)NULL);
		_exit(1);
	}
	for (int i = 0; i < 100 && service_certificate(&here, f.port, &certificate) != SERVICE_YES; i++)
		nanosleep(&pause, NULL);
	return pid;
}

static void stop_server(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- Findings ---- */

static int64_t make_finding(const char *rule)
{
	const struct finding_call call = as(FINDING_BY_EVIDENCE);
	const struct record record = { .kind = RECORD_WEAKNESS,
		.target = bytes_from_str("127.0.0.1"),
		.port = f.port,
		.protocol = 6,
		.rule = bytes_from_str(rule) };
	struct finding_import *import;
	enum finding_outcome outcome;
	int64_t id;

	assert_int_equal(finding_import_begin(&call, PERIMETER_TOOL, 0, &import), 0);
	assert_int_equal(finding_import(import, &record, &outcome, &id), 0);
	assert_int_equal(finding_import_end(import), 0);
	return id;
}

static struct finding get(int64_t id)
{
	const struct finding_call call = as(FINDING_BY_OWNER);
	struct finding row;

	assert_int_equal(finding_get(&call, id, &row), 0);
	return row;
}

static void claim(int64_t id)
{
	const struct finding_call call = as(FINDING_BY_OWNER);

	assert_int_equal(
		finding_change(&call,
			&(struct finding_change){ .id = id, .revision = get(id).revision, .to = FINDING_CLAIMED },
			NULL),
		0);
}

static enum verify_outcome verify(int64_t id)
{
	const struct finding_call call = as(FINDING_BY_EVIDENCE);
	enum verify_outcome outcome;

	assert_int_equal(verify_finding(&call, id, VERIFY_ANY, &outcome), 0);
	return outcome;
}

static int64_t give(uint32_t asset, uint32_t kinds)
{
	struct consent consent = { .tenant = f.tenants[0],
		.asset = asset,
		.kinds = kinds,
		.from_us = f.origin.now_us - 1,
		.until_us = f.origin.now_us + DAY_US,
		.note = "12/SYT-CNTT" };

	assert_int_equal(consent_give(f.db, &f.origin, &consent), 0);
	return consent.id;
}

/* ---- Tests ---- */

static int count_consents(void *context, const struct consent *consent)
{
	++*(unsigned int *)context;
	assert_string_equal(consent->who, "account:1 lan");
	return 0;
}

static void a_consent_has_bounds(void **state)
{
	const struct scope theirs = { .tenants = &f.tenants[1], .tenant_count = 1 };
	int64_t now_us = f.origin.now_us;
	const struct {
		struct consent consent;
		int error;
	} rows[] = {
		{ { .tenant = f.tenants[0], .kinds = 1, .from_us = now_us, .until_us = now_us, .note = "x" },
			LUYTRE_E_RANGE },
		{ { .tenant = f.tenants[0], .kinds = 1, .from_us = 1, .until_us = 2, .note = "x" }, LUYTRE_E_RANGE },
		{ { .tenant = f.tenants[0],
			  .kinds = 1,
			  .from_us = now_us,
			  .until_us = now_us + 400 * DAY_US,
			  .note = "x" },
			LUYTRE_E_RANGE },
		{ { .tenant = f.tenants[0], .kinds = 0, .from_us = now_us, .until_us = now_us + DAY_US, .note = "x" },
			LUYTRE_E_INVALID },
		{ { .tenant = f.tenants[0], .kinds = 1, .from_us = now_us, .until_us = now_us + DAY_US },
			LUYTRE_E_INVALID },
		{ { .tenant = f.tenants[0],
			  .asset = f.theirs,
			  .kinds = 1,
			  .from_us = now_us,
			  .until_us = now_us + DAY_US,
			  .note = "x" },
			LUYTRE_E_NOT_FOUND },
		{ { .tenant = 999, .kinds = 1, .from_us = now_us, .until_us = now_us + DAY_US, .note = "x" },
			LUYTRE_E_NOT_FOUND },
	};
	unsigned int count = 0;
	int64_t id;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct consent consent = rows[i].consent;

		assert_int_equal(consent_give(f.db, &f.origin, &consent), rows[i].error);
	}
	assert_int_equal(consent_check(f.db, f.server, CONSENT_SERVICE, now_us), LUYTRE_E_PERMISSION);
	id = give(0, 1U << CONSENT_SERVICE);
	assert_int_equal(consent_check(f.db, f.server, CONSENT_SERVICE, now_us), 0);
	assert_int_equal(consent_check(f.db, f.server, CONSENT_DNS, now_us), LUYTRE_E_PERMISSION);
	assert_int_equal(consent_check(f.db, f.theirs, CONSENT_SERVICE, now_us), LUYTRE_E_PERMISSION);
	assert_int_equal(consent_check(f.db, f.server, CONSENT_SERVICE, now_us + DAY_US), LUYTRE_E_PERMISSION);
	assert_int_equal(consent_check(f.db, f.server, CONSENT_SERVICE, now_us - 2), LUYTRE_E_PERMISSION);
	assert_int_equal(consent_each(f.db, &nation, 0, 0, 10, count_consents, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(consent_each(f.db, &theirs, 0, 0, 10, count_consents, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(consent_take_back(f.db, &f.origin, &theirs, id), LUYTRE_E_NOT_FOUND);
	assert_int_equal(consent_take_back(f.db, &f.origin, &nation, id), 0);
	assert_int_equal(consent_check(f.db, f.server, CONSENT_SERVICE, now_us), LUYTRE_E_PERMISSION);
}

static void a_claim_is_verified_or_contradicted(void **state)
{
	const int64_t id = make_finding("tls-1.0");
	const struct finding_call call = as(FINDING_BY_EVIDENCE);
	enum verify_outcome outcome;
	pid_t server = start_server("-tls1");

	/* Nothing is sent without consent. */
	assert_int_equal(verify_finding(&call, id, VERIFY_ANY, &outcome), LUYTRE_E_PERMISSION);
	give(f.server, 1U << CONSENT_SERVICE);
	claim(id);
	/* Nor to what is no address of the world. */
	assert_int_equal(verify_finding(&call, id, VERIFY_PUBLIC, &outcome), 0);
	assert_int_equal(outcome, VERIFY_CANNOT);
	assert_int_equal(verify(id), VERIFY_STILL);
	assert_int_equal(get(id).state, FINDING_OPEN);
	assert_int_equal(get(id).contradicted, 1);
	stop_server(server);
	/* Who does not answer has not been repaired. */
	claim(id);
	assert_int_equal(verify(id), VERIFY_UNREACHABLE);
	assert_int_equal(get(id).state, FINDING_CLAIMED);
	server = start_server("-tls1_2");
	assert_int_equal(verify(id), VERIFY_GONE);
	assert_int_equal(get(id).state, FINDING_VERIFIED);
	stop_server(server);
}

static void certificates_and_headers_are_read(void **state)
{
	static const struct {
		const char *rule;
		enum verify_outcome outcome;
	} rows[] = {
		{ "tls-1.1", VERIFY_GONE },
		{ "certificate-expired", VERIFY_GONE },
		{ "certificate-expires-soon", VERIFY_STILL },
		{ "certificate-self-signed", VERIFY_STILL },
		{ "certificate-key-weak", VERIFY_STILL },
		{ "certificate-signature-weak", VERIFY_GONE },
		{ "http-no-strict-transport-security", VERIFY_STILL },
		{ "http-basic-cleartext", VERIFY_CANNOT },
		{ "database-open", VERIFY_CANNOT },
	};
	pid_t server;

	give(0, 1U << CONSENT_SERVICE);
	server = start_server("-tls1_2");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		enum verify_outcome outcome = verify(make_finding(rows[i].rule));

		if (outcome != rows[i].outcome)
			fail_msg("%s: %s", rows[i].rule, verify_outcomes[outcome]);
	}
	stop_server(server);
}

static void headers_are_found(void **state)
{
	static const char head[] =
		"HTTP/1.1 200 OK\r\nServer: x\r\nX-Content-Type-Options: NoSniff\r\nStrict-Transport-Security: "
		"max-age=1\r\n";

	assert_true(service_has_header(head, "x-content-type-options", "nosniff"));
	assert_true(service_has_header(head, "STRICT-transport-security", "max-age"));
	assert_false(service_has_header(head, "x-content-type", "nosniff"));
	assert_false(service_has_header(head, "server", "max-age"));
	assert_false(service_has_header(head, "content-security-policy", ""));
}

static void addresses_of_the_world_are_known(void **state)
{
	static const struct {
		const char *addr;
		bool is_public;
	} rows[] = {
		{ "203.0.113.5", true },
		{ "172.32.0.1", true },
		{ "2001:db8::1", true },
		{ "127.0.0.1", false },
		{ "10.1.2.3", false },
		{ "172.31.0.1", false },
		{ "192.168.0.1", false },
		{ "100.64.0.1", false },
		{ "169.254.169.254", false },
		{ "224.0.0.1", false },
		{ "::1", false },
		{ "fe80::1", false },
		{ "fd00::1", false },
		{ "::ffff:127.0.0.1", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct ip_addr addr;

		assert_int_equal(ip_addr_parse(bytes_from_str(rows[i].addr), &addr), 0);
		assert_int_equal(perimeter_is_public(&addr), rows[i].is_public);
	}
}

/* A port that takes connections and is silent has not said that it speaks no TLS. */
static void silence_is_no_answer(void **state)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct ip_addr addr = ip_addr_v4((const uint8_t[]){ 127, 0, 0, 1 });
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct service_certificate certificate;
	socklen_t size = sizeof(here);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&here, size), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &size), 0);
	assert_int_equal(service_certificate(&addr, ntohs(here.sin_port), &certificate), SERVICE_UNREACHABLE);
	close(fd);
}

/* ---- DNS ---- */

static const char zone[] = "server:\n"
			   "  interface: 127.0.0.1@%u\n  do-daemonize: no\n  use-syslog: no\n  logfile: \"/dev/null\"\n"
			   "  chroot: \"\"\n  username: \"\"\n  directory: \"%s\"\n  pidfile: \"%s/unbound.pid\"\n"
			   "  module-config: \"iterator\"\n"
			   "  local-zone: \"example.vn.\" static\n"
			   "  local-data: \"so.example.vn. IN MX 10 mail.so.example.vn.\"\n"
			   "  local-data: \"mail.so.example.vn. IN A 203.0.113.5\"\n%s"
			   "  local-data: \"old.so.example.vn. IN CNAME gone.so.example.vn.\"\n"
			   "remote-control:\n  control-enable: no\n";

static pid_t start_unbound(const char *records)
{
	const struct timespec pause = { .tv_sec = 1 };
	const char *program = getenv("LUYTRE_UNBOUND") ? getenv("LUYTRE_UNBOUND") : "unbound";
	char path[128];
	FILE *file;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/unbound.conf", f.dir);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fprintf(file, zone, f.port, f.dir, f.dir, records) > 0);
	assert_int_equal(fclose(file), 0);
	pid = fork();
	if (pid == 0) {
		become_quiet();
		execlp(program, program, "-d", "-p", "-c", path, (char *)NULL);
		_exit(127);
	}
	nanosleep(&pause, NULL);
	if (waitpid(pid, NULL, WNOHANG) == pid) {
		print_message("unbound is not installed\n");
		skip();
	}
	return pid;
}

static bool has_rule(const struct dns_found *found, const char *rule)
{
	for (size_t i = 0; i < found->count; i++)
		if (strcmp(found->rules[i], rule) == 0)
			return true;
	return false;
}

static void names_and_their_mail_are_looked_at(void **state)
{
	const struct dns_resolver resolver = { .addr = ip_addr_v4((const uint8_t[]){ 127, 0, 0, 1 }), .port = f.port };
	struct finding_call call = as(FINDING_BY_EVIDENCE);
	struct dns_found found;
	uint32_t count;
	pid_t server = start_unbound("");

	assert_int_equal(dns_probe(&call, &resolver, f.name, &count), LUYTRE_E_PERMISSION);
	assert_int_equal(dns_probe(&call, &resolver, f.server, &count), LUYTRE_E_NOT_FOUND);
	give(0, 1U << CONSENT_DNS);
	assert_int_equal(dns_look(&resolver, "so.example.vn", &found), 0);
	assert_true(found.answered && found.mail);
	assert_true(has_rule(&found, "dns-no-spf") && has_rule(&found, "dns-no-dmarc"));
	assert_int_equal(dns_probe(&call, &resolver, f.name, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(dns_look(&resolver, "old.so.example.vn", &found), 0);
	assert_true(found.count == 1 && has_rule(&found, "dns-dangling") && !found.mail);
	stop_server(server);
	/* Half is repaired, and half badly. */
	server = start_unbound("  local-data: 'so.example.vn. IN TXT \"v=spf1 +all\"'\n"
			       "  local-data: '_dmarc.so.example.vn. IN TXT \"v=DMARC1; sp=none; p=reject\"'\n");
	call = as(FINDING_BY_EVIDENCE);
	assert_int_equal(dns_probe(&call, &resolver, f.name, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(get(1).state, FINDING_VERIFIED);
	assert_int_equal(get(2).state, FINDING_VERIFIED);
	assert_string_equal(get(3).rule, "dns-spf-open");
	stop_server(server);
	/* Nobody answers: nothing follows. */
	assert_int_equal(dns_probe(&call, &resolver, f.name, &count), LUYTRE_E_TIMEOUT);
	assert_int_equal(get(3).state, FINDING_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_consent_has_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(a_claim_is_verified_or_contradicted, setup, teardown),
		cmocka_unit_test_setup_teardown(certificates_and_headers_are_read, setup, teardown),
		cmocka_unit_test(headers_are_found),
		cmocka_unit_test(addresses_of_the_world_are_known),
		cmocka_unit_test(silence_is_no_answer),
		cmocka_unit_test_setup_teardown(names_and_their_mail_are_looked_at, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
