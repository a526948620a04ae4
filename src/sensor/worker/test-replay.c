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
#include "sensor/detect/threshold.h"
#include "sensor/rules/places.h"
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
	static const uint8_t attack[] = { 'a', 't', 't', 'a', 'c', 'k' };
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
			memcpy(packet + 28, attack, sizeof(attack));
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

/* The number behind a name in the stats event; -1: there is none. */
static long stat_of(const char *name)
{
	static char text[1 << 20];
	char path[128], key[64];
	const char *at;
	size_t size;
	FILE *in;

	in_folder("events.json", path);
	in = fopen(path, "rbe");
	assert_non_null(in);
	size = fread(text, 1, sizeof(text) - 1, in);
	text[size] = '\0';
	fclose(in);
	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(text, key);
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

/* What is refused at a ceiling that all workers share is told in the stats. */
static void test_refusals(void **state)
{
	struct replay_result result;
	long before;

	write_text("test.rules", "alert udp any any -> any any (content:\"a\"; sid:1;)\n");
	run(NULL, 0, false, &result);
	before = stat_of("datasets_refused");
	assert_true(before >= 0);
	assert_true(stat_of("thresholds_refused") >= 0);
	assert_true(stat_of("host_bits_refused") >= 0);
	assert_true(stat_of("tagged_hosts_refused") >= 0);
	assert_int_equal(stat_of("events_lost"), 0);
	/* The heads of eight datagrams, for which there is no room. */
	write_text("test.rules",
		"alert udp any any -> any any (udp.hdr; dataset:set,refusals,type string,memcap 1; sid:1;)\n");
	run(NULL, 0, false, &result);
	assert_int_equal(stat_of("datasets_refused") - before, DATAGRAMS);
}

/* Rules that only the configuration names; a limit of it that makes a rule give up. */
static void test_configured(void **state)
{
	static const struct {
		const char *rule, *option;
		int alerts;
	} cases[] = {
		{ "alert udp any any -> any any (content:\"attack\"; sid:1;)", "", 1 },
		{ "alert udp any any -> any any (pcre:\"/(a|t)+x|attack/\"; sid:1;)", "", 1 },
		{ "alert udp any any -> any any (pcre:\"/(a|t)+x|attack/\"; sid:1;)", "pcre: {match-limit: 1}\n", 0 },
		{ "alert udp any any -> any any (content:\"t\"; content:\"ack\"; distance:0; within:3; sid:1;)", "",
			1 },
		{ "alert udp any any -> any any (content:\"t\"; content:\"ack\"; distance:0; within:3; sid:1;)",
			"detect: {inspection-recursion-limit: 2}\n", 0 },
	};
	char pcap[128], config[128], eve[128], text[512];
	const char *pcaps[] = { pcap };
	struct replay_options options = { .pcaps = pcaps, .pcap_count = 1 };
	struct replay_result result;

	in_folder("in.pcap", pcap);
	in_folder("suricata.yaml", config);
	in_folder("events.json", eve);
	options.sensor = (struct sensor_options){ .config_path = config,
		.eve_path = eve,
		.no_checksums = true,
		.offline = true,
		.simulate_applayer_error = { UINT64_MAX, UINT64_MAX } };
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		snprintf(text, sizeof(text),
			"%%YAML 1.1\n---\ndefault-rule-path: %s\nrule-files: [test.rules, not-there.rules]\n%s", folder,
			cases[i].option);
		write_text("suricata.yaml", text);
		write_text("test.rules", cases[i].rule);
		assert_int_equal(sensor_replay(&options, &result), 0);
		assert_int_equal(result.rules_loaded, 1);
		if ((int)result.alert_count != cases[i].alerts)
			fail_msg("case %zu: %d alerts", i, (int)result.alert_count);
	}
	unlink(config);
}

/* A tenant has a limit of its own, and another one keeps the common one. */
static void test_tenant_thresholds(void **state)
{
	static const struct {
		const char *tenant; /* whose the traffic is */
		int alerts;
	} cases[] = { { "one", 2 }, { "two", 4 }, { "three", 0 } };
	char thresholds[128], one[160], two[160], three[160], common[160];
	struct replay_result result;

	write_text("test.rules", "alert udp any any -> any any (content:\"a\"; sid:1;)\n");
	write_text("common", "event_filter gen_id 1, sig_id 1, type limit, track by_src, count 4, seconds 60\n");
	write_text("own", "event_filter gen_id 1, sig_id 1, type limit, track by_src, count 2, seconds 60\n");
	write_text("none", "suppress gen_id 1, sig_id 1\n");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char networks[96];
		const char *sets[] = { networks, common, one, two, three };

		snprintf(networks, sizeof(networks), "tenants.%zu.%s.networks.0=198.51.100.0/24", i, cases[i].tenant);
		snprintf(common, sizeof(common), "threshold-file=%s/common", folder);
		snprintf(one, sizeof(one), "tenants.0.one.threshold-file=%s/own", folder);
		snprintf(two, sizeof(two), "tenants.1.two.mode=enforce");
		snprintf(three, sizeof(three), "tenants.2.three.threshold-file=%s/none", folder);
		run(sets, ARRAY_COUNT(sets), false, &result);
		assert_int_equal(occurrences("events.json", "\"event_type\":\"alert\""), cases[i].alerts);
		threshold_clear();
	}
	in_folder("common", thresholds);
	unlink(thresholds);
	in_folder("own", thresholds);
	unlink(thresholds);
	in_folder("none", thresholds);
	unlink(thresholds);
}

/* The folder of the cache is made; one that cannot be is an error. */
static void test_cache(void **state)
{
	char pcap[128], rules[128], eve[128], cache[160], below[300];
	const char *pcaps[] = { pcap }, *rule_files[] = { rules };
	struct replay_options options = { .pcaps = pcaps, .pcap_count = 1, .rules = rule_files, .rules_count = 1 };
	struct replay_result result;

	in_folder("in.pcap", pcap);
	in_folder("test.rules", rules);
	in_folder("events.json", eve);
	options.sensor = (struct sensor_options){
		.eve_path = eve, .offline = true, .simulate_applayer_error = { UINT64_MAX, UINT64_MAX }
	};
	snprintf(cache, sizeof(cache), "%s/cache", folder);
	snprintf(below, sizeof(below), "%s/below", cache);
	write_text("test.rules", "");
	options.cache_dir = below;
	assert_int_equal(sensor_replay(&options, &result), 0);
	assert_int_equal(rmdir(below), 0);
	assert_int_equal(rmdir(cache), 0);
	snprintf(below, sizeof(below), "%s/x", pcap);
	assert_true(sensor_replay(&options, &result) < 0);
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

/* One datagram in GRE in IPv4, the inner one to 203.0.113.80. */
static void write_tunnel(void)
{
	static const uint32_t head[] = { 0xa1b2c3d4, 0x00040002, 0, 0, 65535, 101 };
	static const uint8_t packet[] = { 0x45, 0, 0, 58, 0, 1, 0, 0, 64, 47, 0, 0, 192, 0, 2, 9, 198, 51, 100,
		7, /* outer */
		0, 0, 8, 0, /* GRE */
		0x45, 0, 0, 34, 0, 2, 0, 0, 64, 17, 0, 0, 192, 0, 2, 10, 203, 0, 113, 80, 0x9c, 0x40, 0x30, 0x39, 0, 14,
		0, 0, 'a', 't', 't', 'a', 'c', 'k' };
	static const uint32_t record[] = { 1700000000, 0, sizeof(packet), sizeof(packet) };
	char path[128];
	FILE *out;

	in_folder("tunnel.pcap", path);
	out = fopen(path, "wbe");
	assert_non_null(out);
	fwrite(head, sizeof(head), 1, out);
	fwrite(record, sizeof(record), 1, out);
	fwrite(packet, sizeof(packet), 1, out);
	assert_int_equal(fclose(out), 0);
}

/* Of a system that is only watched nothing is kept in the frame that carries its packet through a tunnel either. */
static void test_tunnel(void **state)
{
	static const char *const sets[] = { "evidence.enabled=yes" };
	char pcap[128], rules[128], eve[128], kept[128];
	const char *pcaps[] = { pcap }, *rule_files[] = { rules };
	struct replay_options options = { .pcaps = pcaps, .pcap_count = 1, .rules = rule_files, .rules_count = 1 };
	struct places_row row = { .mode = PLACE_MODE_UNSET };
	struct replay_result result;
	struct places *places;

	write_tunnel();
	write_text("test.rules", "alert ip any any -> any any (tag:session,2,packets; sid:1;)\n");
	in_folder("tunnel.pcap", pcap);
	in_folder("test.rules", rules);
	in_folder("events.json", eve);
	in_folder("evidence/default-0-12.pcap", kept);
	options.sensor = (struct sensor_options){ .eve_path = eve,
		.sets = sets,
		.set_count = 1,
		.no_checksums = true,
		.offline = true,
		.simulate_applayer_error = { UINT64_MAX, UINT64_MAX } };
	for (int edge_only = 0; edge_only < 2; edge_only++) {
		assert_int_equal(ip_prefix_parse(bytes_from_str("203.0.113.80/32"), 0, &row.prefix), 0);
		row.edge_only = edge_only;
		assert_int_equal(places_build(&row, 1, NULL, 0, &places), 0);
		options.places = places;
		unlink(eve);
		assert_int_equal(sensor_replay(&options, &result), 0);
		assert_int_equal(result.alert_count, 2); /* of the outer one, and of the inner one */
		assert_int_equal(occurrences("events.json", "\"evidence\":{\"lost\":0,\"written\":1}"), !edge_only);
		assert_int_equal(unlink(kept) == 0, !edge_only);
		places_discard(places);
	}
	unlink(pcap);
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
		cmocka_unit_test(test_evidence), cmocka_unit_test(test_evidence_ceiling), cmocka_unit_test(test_drop),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_configured),
		cmocka_unit_test(test_tenant_thresholds), cmocka_unit_test(test_cache), cmocka_unit_test(test_tunnel) };
	int failed;

	log_set_level(LOG_LEVEL_ERROR);
	snprintf(folder, sizeof(folder), "%s", "/tmp/luytre-replay-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tear_down();
	return failed;
}
