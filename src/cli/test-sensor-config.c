// SPDX-License-Identifier: Apache-2.0
/* From the text of a luytre.yaml to what a sensor starts with. */
#include "cli/sensor-config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/config/tree.h"

struct fixture {
	struct config *config;
	struct sensor_config c;
	struct sensor_run_options run;
	bool has_source;
};

static void load(struct fixture *f, const char *text)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));

	assert_non_null(errors);
	*f = (struct fixture){ 0 };
	if (config_load_bytes(bytes_from_str(text), "site/luytre.yaml", NULL, errors, &f->config)) {
		config_errors_print(stderr, errors);
		fail();
	}
	free(errors);
	assert_int_equal(sensor_config_apply(&f->c, f->config, "site/luytre.yaml", &f->run, &f->has_source), 0);
}

static void done(struct fixture *f)
{
	sensor_config_done(&f->c);
	config_free(f->config);
}

static void sources_are_chosen(void **state)
{
	struct fixture f;

	load(&f, "sensor: {look: {interface: eth0, spread: queue, promiscuous: false, ring_size: 2M}, workers: 3}\n");
	assert_true(f.has_source);
	assert_int_equal(f.run.source.kind, SOURCE_AF_PACKET);
	assert_string_equal(f.run.source.interface, "eth0");
	assert_int_equal(f.run.source.spread, SOURCE_SPREAD_QUEUE);
	assert_int_equal(f.run.source.ring_size, 2 << 20);
	assert_true(f.run.source.no_promiscuous && f.run.source.fail_open);
	assert_int_equal(f.run.source.worker_count, 3);
	done(&f);
	load(&f, "pin_dir: /sys/fs/bpf/x\nsensor: {wire: {outside: a, inside: b, detach: true}, fail: closed}\n");
	assert_int_equal(f.run.source.kind, SOURCE_AF_XDP);
	assert_string_equal(f.run.source.interface, "a");
	assert_string_equal(f.run.source.peer, "b");
	assert_string_equal(f.run.source.pin_dir, "/sys/fs/bpf/x");
	assert_true(f.run.source.flow_idle_ns == 100 * NS_PER_S);
	assert_true(f.run.detach && !f.run.source.fail_open);
	done(&f);
	load(&f, "sensor: {nfqueue: {first: 7, size: 100, bypass_mark: 9}}\n");
	assert_int_equal(f.run.source.kind, SOURCE_NFQUEUE);
	assert_int_equal(f.run.source.queue, 7);
	assert_int_equal(f.run.source.queue_size, 100);
	assert_int_equal(f.run.source.bypass_mark, 9);
	done(&f);
	load(&f, "sensor: {folder: {path: /srv, once: true}}\n");
	assert_int_equal(f.run.source.kind, SOURCE_DIRECTORY);
	assert_string_equal(f.run.source.directory, "/srv");
	assert_true(f.run.source.once);
	done(&f);
	load(&f, "sensor: {workers: 1}\n");
	assert_false(f.has_source);
	done(&f);
}

static const char settings_text[] =
	"tenants:\n- name: a\n  prefixes: [192.0.2.0/24, '2001:db8::/32']\n  mode: enforce\n"
	"  sensor: {rules: [a.rules], thresholds: t, verdicts: {7: drop}, address_groups: {HOME_NET: 192.0.2.0/24}}\n"
	"- {name: b, prefixes: [198.51.100.0/24], sensor: {mode: 'off'}}\n"
	"- {name: c, prefixes: [203.0.113.0/24]}\n"
	"sensor:\n  rules: [r, /s]\n  strict_rules: true\n  cache_dir: /cache\n  profile: true\n"
	"  address_groups:\n    HOME_NET: [10.0.0.0/8, '!10.1.0.0/16']\n  port_groups: {WEB: 80}\n"
	"  memory: {flow: 5M, stream: 6M, reassembly: 7M, defrag: 8M, thresholds: 9M}\n"
	"  outputs:\n  - {path: one.json, rotate_size: 1M, rotate_interval_s: 1h, types: [flow, alert], payload: "
	"true}\n"
	"  - {path: /run/x.sock, type: unix_dgram}\n"
	"  stats_interval_s: 3\n  evidence: {enabled: true, before: 4}\n"
	"  options: {stream.midstream: 'yes', flow.memcap: 10mb}\n";

/* What the sensor sees in its tree of options. */
static const struct {
	const char *path, *text;
} expected[] = {
	{ "vars.address-groups.HOME_NET", "[10.0.0.0/8,!10.1.0.0/16]" },
	{ "vars.address-groups.EXTERNAL_NET", "!$HOME_NET" }, /* of the built-in ones */
	{ "vars.port-groups.WEB", "80" },
	{ "default-log-dir", "/var/log/luytre" },
	{ "flow.memcap", "20mb" }, /* file, then options, then the command line */
	{ "stream.memcap", "6291456" },
	{ "stream.reassembly.memcap", "7340032" },
	{ "stream.midstream", "yes" },
	{ "defrag.memcap", "8388608" },
	{ "detect.thresholds.memcap", "9437184" },
	{ "stats.interval", "3" },
	{ "evidence.enabled", "yes" },
	{ "evidence.before", "4" },
	{ "evidence.after", "32" },
	{ "outputs.0.eve-log.filename", "one.json" },
	{ "outputs.0.eve-log.rotate-size", "1048576" },
	{ "outputs.0.eve-log.rotate-interval", "3600" },
	{ "outputs.0.eve-log.types.1.alert.payload", "yes" },
	{ "outputs.1.eve-log.filetype", "unix_dgram" },
	{ "outputs.1.eve-log.types.0", "alert" },
	{ "tenants.a.mode", "enforce" },
	{ "tenants.a.networks.1", "2001:db8::/32" },
	{ "tenants.a.rule-files.0", "site/a.rules" },
	{ "tenants.a.threshold-file", "site/t" },
	{ "tenants.a.verdicts.7", "drop" },
	{ "tenants.a.vars.address-groups.HOME_NET", "192.0.2.0/24" },
	{ "tenants.b.mode", "off" },
	{ "tenants.c.mode", "shadow" },
};

static void settings_reach_the_tree(void **state)
{
	static const char *const sets[] = { "flow.memcap=20mb" };
	struct sensor_settings *settings;
	struct fixture f;

	load(&f, settings_text);
	assert_int_equal(f.run.rules_count, 2);
	assert_string_equal(f.run.rules[0], "site/r");
	assert_string_equal(f.run.rules[1], "/s");
	assert_string_equal(f.run.cache_dir, "/cache");
	assert_string_equal(f.run.control_path, "/run/luytre/sensor.sock");
	assert_true(f.run.profile && f.run.sensor.errors_fatal);
	f.run.sensor.sets = sets;
	f.run.sensor.set_count = 1;
	assert_int_equal(sensor_settings_load(&f.run.sensor, &settings), 0);
	for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
		const char *text = conf_text(settings->root, expected[i].path, "(none)");

		if (strcmp(text, expected[i].text) != 0)
			fail_msg("%s: \"%s\"", expected[i].path, text);
	}
	assert_int_equal(conf_get(settings->root, "outputs")->children_count, 2); /* not those of the built-in values */
	assert_true(settings->flow_memcap_size == 20u << 20);
	assert_string_equal(settings->output_dir, "/var/log/luytre");
	assert_int_equal(conf_get(settings->root, "vars.address-groups.HOME_NET")->line, 14);
	sensor_settings_free(settings);
	done(&f);
}

static void complaints_name_the_file(void **state)
{
	struct sensor_settings *settings = NULL;
	struct fixture f;

	load(&f, "sensor:\n  options:\n    flow.memcap: much\n");
	assert_int_equal(sensor_settings_load(&f.run.sensor, &settings), 0);
	assert_non_null(
		strstr(conf_tree_complaint(settings->tree, 0), "site/luytre.yaml:3: flow.memcap: found \"much\""));
	sensor_settings_free(settings);
	f.run.sensor.errors_fatal = true;
	assert_int_equal(sensor_settings_load(&f.run.sensor, &settings), LUYTRE_E_SYNTAX);
	done(&f);
}

/* What `luytre check` finds behind the schema. */
static void check_finds_what_rows_cannot(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "sensor: {workers: 1}\n", true },
		{ "sensor:\n  address_groups: {A: [10.0.0.0/8, $HOME_NET]}\n  port_groups: {P: ['!80', '1:1023']}\n",
			true },
		{ "sensor:\n  address_groups: {A: 10.0.0.0/99}\n", false },
		{ "sensor:\n  address_groups: {A: $NONE}\n", false },
		{ "sensor:\n  port_groups: {P: 70000}\n", false },
		{ "sensor:\n  rules: [/no/such.rules]\n", false },
		{ "sensor:\n  outputs: [{path: a, types: [flew]}]\n", false },
		{ "sensor:\n  options: {flow.hash-size: none}\n", false },
		{ "sensor:\n  suricata_config: /no/such.yaml\n", false },
		{ "sensor: {}\ntenants: [{name: a, prefixes: [192.0.2.1], sensor: {verdicts: {x: drop}}}]\n", false },
		{ "sensor: {}\ntenants: [{name: a, prefixes: [192.0.2.1], sensor: {verdicts: {1: block}}}]\n", false },
		{ "sensor: {}\ntenants: [{name: a, prefixes: [192.0.2.1], sensor: {verdicts: {1: drop}}}]\n", true },
	};
	unsigned int rules, refused;
	struct fixture f;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		load(&f, cases[i].text);
		if ((sensor_config_check(f.config, "luytre.yaml", &rules, &refused) == 0) != cases[i].good)
			fail_msg("case %zu", i);
		done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_are_chosen),
		cmocka_unit_test(settings_reach_the_tree),
		cmocka_unit_test(complaints_name_the_file),
		cmocka_unit_test(check_finds_what_rows_cannot),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
