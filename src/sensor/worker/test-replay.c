// SPDX-License-Identifier: Apache-2.0
/* A capture through the whole sensor: rules, tenants, events, tags and evidence, in a folder of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/log.h"
#include "sensor/worker/replay.h"

enum { DATAGRAMS = 8 };

static char folder[64];

static void in_folder(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", folder, name);
}

static void write_text(const char *name, const char *text)
{
	char path[128];
	FILE *out;

	in_folder(name, path);
	out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

/* Raw IPv4 datagrams of one flow; the fourth says "attack". */
static void write_capture(const char *name, uint8_t server)
{
	static const uint32_t head[] = { 0xa1b2c3d4, 0x00040002, 0, 0, 65535, 101 };
	char path[128];
	FILE *out;

	in_folder(name, path);
	out = fopen(path, "wbe");
	assert_non_null(out);
	fwrite(head, sizeof(head), 1, out);
	for (uint32_t i = 0; i < DATAGRAMS; i++) {
		uint8_t packet[34] = { 0x45, 0, 0, 34, 0, (uint8_t)i, 0, 0, 64, 17, 0, 0, 192, 0, 2, 9, 198, 51, 100,
			server, 0x9c, 0x40, 0x30, 0x39, 0, 14, 0, 0, 'n', 'o', 'r', 'm', 'a', 'l' };
		uint32_t record[] = { 1700000000 + i, 0, sizeof(packet), sizeof(packet) };

		if (i == 3)
			memcpy(packet + 28, "attack", 6);
		fwrite(record, sizeof(record), 1, out);
		fwrite(packet, sizeof(packet), 1, out);
	}
	assert_int_equal(fclose(out), 0);
}

/* How often a text stands in a file of the folder; -1: no such file. */
static int occurrences(const char *name, const char *wanted)
{
	static char text[1 << 20];
	char path[128];
	size_t size;
	FILE *in;
	int count = 0;

	in_folder(name, path);
	in = fopen(path, "rbe");
	if (!in)
		return -1;
	size = fread(text, 1, sizeof(text) - 1, in);
	text[size] = '\0';
	fclose(in);
	for (const char *at = text; (at = strstr(at, wanted)); at++)
		count++;
	return count;
}

static void run(const char *const *sets, unsigned int set_count, bool ips, struct replay_result *ret)
{
	char pcap[128], rules[128], eve[128];
	const char *pcaps[] = { pcap }, *rule_files[] = { rules };
	struct replay_options options = { .pcaps = pcaps, .pcap_count = 1, .rules = rule_files, .rules_count = 1 };

	in_folder("in.pcap", pcap);
	in_folder("test.rules", rules);
	in_folder("events.json", eve);
	unlink(eve);
	options.sensor = (struct sensor_options){ .eve_path = eve,
		.sets = sets,
		.set_count = set_count,
		.simulate_ips = ips,
		.no_checksums = true,
		.offline = true,
		.errors_fatal = true,
		.simulate_applayer_error = { UINT64_MAX, UINT64_MAX } };
	assert_int_equal(sensor_replay(&options, ret), 0);
}

static void test_alert(void **state)
{
	struct replay_result result;

	write_capture("in.pcap", 7);
	write_text("test.rules", "alert udp any any -> any 12345 (msg:\"an attack\"; content:\"attack\"; sid:1;)\n");
	run(NULL, 0, false, &result);
	assert_int_equal(result.packet_count, DATAGRAMS);
	assert_int_equal(result.rules_loaded, 1);
	assert_int_equal(result.alert_count, 1);
	assert_int_equal(occurrences("events.json", "\"event_type\":\"alert\""), 1);
	assert_int_equal(occurrences("events.json", "\"pcap_cnt\":4,\"event_type\":\"alert\""), 1);
	assert_int_equal(occurrences("events.json", "\"event_type\":\"flow\""), 1);
	assert_int_equal(occurrences("events.json", "\"event_type\":\"stats\""), 1);
}

static void test_tag(void **state)
{
	struct replay_result result;

	write_text("test.rules", "alert udp any any -> any any (content:\"attack\"; tag:session,2,packets; sid:1;)\n");
	run(NULL, 0, false, &result);
	assert_int_equal(occurrences("events.json", "\"event_type\":\"packet\""), 2);
	assert_int_equal(occurrences("events.json", "\"pcap_cnt\":5,\"event_type\":\"packet\""), 1);
}

static void test_evidence(void **state)
{
	static const char *const sets[] = { "evidence.enabled=yes", "evidence.before=2", "evidence.after=3" };
	struct replay_result result;
	struct stat st;
	char path[128];

	write_text("test.rules", "alert udp any any -> any any (content:\"attack\"; sid:1;)\n");
	run(sets, 3, false, &result);
	in_folder("evidence/default-0-12.pcap", path);
	assert_int_equal(stat(path, &st), 0);
	/* Two before, the alert, three after. */
	assert_int_equal(st.st_size, 24 + 6 * (16 + 34));
	assert_int_equal(occurrences("events.json", "\"evidence\":{\"lost\":0,\"written\":6}"), 1);
	unlink(path);
}

static void test_evidence_ceiling(void **state)
{
	static const char *const sets[] = { "evidence.enabled=yes", "evidence.max-size=100" };
	struct replay_result result;
	struct stat st;
	char path[128];

	run(sets, 2, false, &result);
	in_folder("evidence/default-0-12.pcap", path);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= 100);
	assert_int_equal(occurrences("events.json", "\"evidence\":{\"lost\":7,\"written\":1}"), 1);
	unlink(path);
}

static void test_drop(void **state)
{
	struct replay_result result;

	write_text("test.rules", "drop udp any any -> any any (content:\"attack\"; sid:1;)\n");
	run(NULL, 0, true, &result);
	assert_int_equal(result.drop_count, 1);
	run(NULL, 0, false, &result);
	assert_int_equal(result.drop_count, 0); /* an observer drops nothing */
}

static void tear_down(void)
{
	static const char *const names[] = { "in.pcap", "test.rules", "events.json" };
	char path[128];

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		in_folder(names[i], path);
		unlink(path);
	}
	in_folder("evidence", path);
	rmdir(path);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_alert), cmocka_unit_test(test_tag),
		cmocka_unit_test(test_evidence), cmocka_unit_test(test_evidence_ceiling), cmocka_unit_test(test_drop) };
	int failed;

	log_set_level(LOG_LEVEL_ERROR);
	snprintf(folder, sizeof(folder), "%s", "/tmp/luytre-replay-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tear_down();
	return failed;
}
