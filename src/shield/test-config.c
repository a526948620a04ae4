// SPDX-License-Identifier: Apache-2.0
/* The configuration: good files give the right fields, bad ones the right line, setting and sentence.
 *
 * The sample file and the reference page are found through LUYTRE_SOURCE_ROOT, or beside this file. */
#include "shield/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "shield/config-error.h"
#include "shield/schema.h"

#define NEEDED "interface: eth0\n"
#define TENANT NEEDED "tenants:\n- name: a\n  prefixes: [192.0.2.0/24]\n" /* lines 1 to 4 */

static const char *reply_name(size_t index)
{
	static const char *const names[] = { "dns", "ntp", "memcached" };

	return index < ARRAY_COUNT(names) ? names[index] : NULL;
}

static int load(const char *text, struct config_errors *errors, struct config **ret)
{
	return config_load_bytes(bytes_from_str(text), "etc/luytre.yaml", reply_name, errors, ret);
}

static struct config *load_good(const char *text)
{
	struct config_errors errors;
	struct config *config = NULL;

	if (load(text, &errors, &config)) {
		config_errors_print(stderr, &errors);
		fail_msg("refused:\n%s", text);
	}
	assert_int_equal(errors.count, 0);
	return config;
}

static void defaults_stand(void **state)
{
	struct config *config = load_good(TENANT);
	const struct config_tenant *tenant = &config->tenants[0];

	assert_string_equal(config->interface, "eth0");
	assert_null(config->peer);
	assert_int_equal(config->attach, CONFIG_ATTACH_AUTO);
	assert_int_equal(config->unknown_destination, CONFIG_UNKNOWN_PASS);
	assert_true(config->watch_outbound);
	assert_int_equal(config->language, LUYTRE_LANG_EN);
	assert_string_equal(config->control_socket, "/run/luytre/control.sock");
	assert_string_equal(config->gate.holds_file, "/run/luytre/gate-holds.json");
	assert_string_equal(config->sensor.policy_file, "/run/luytre/policy.json");
	assert_null(config->control_group);
	assert_true(config->metrics.enabled);
	assert_int_equal(config->metrics.port, 9105);
	assert_int_equal(config->metrics.address.bytes[0], 127);
	assert_int_equal(config->capacity.tenants, 256);
	assert_int_equal(config->capacity.decisions, 1000000);
	assert_int_equal(config->capacity.fragments, 64000);
	assert_true(config->detection.enabled);
	assert_int_equal(config->detection.tick_ms, 100);
	assert_true(config->detection.factor == 4.0);
	assert_true(config->detection.signature_budget == 0.005);
	assert_int_equal(config->detection.warm_s, 7200);
	assert_int_equal(config->list_count, 0);
	assert_int_equal(config->tenant_count, 1);
	assert_null(tenant->title);
	assert_int_equal(tenant->mode, CONFIG_MODE_SHADOW);
	assert_true(tenant->bogons && tenant->clients);
	assert_false(tenant->ipv4_options || tenant->empty_udp || tenant->tcp_fast_open);
	assert_int_equal(tenant->challenge, CONFIG_CHALLENGE_AUTO);
	assert_int_equal(tenant->full_table, CONFIG_FULL_OPEN);
	assert_int_equal(tenant->tcp_ports.count, 2);
	assert_int_equal(tenant->tcp_ports.ranges[1].last, 443);
	assert_int_equal(tenant->udp_ports.count, 0);
	assert_int_equal(tenant->min_mss, 500);
	assert_int_equal(tenant->burst_ms, 1000);
	assert_int_equal(tenant->limits.source_pps, 20000);
	assert_int_equal(tenant->limits.total_pps, 0);
	assert_int_equal(tenant->limits.challenge_pps, 2000000);
	for (unsigned int protocol = 0; protocol < 256; protocol++)
		assert_int_equal(config_protocols_has(&tenant->protocols, (uint8_t)protocol),
			protocol == 1 || protocol == 6 || protocol == 17 || protocol == 58);
	config_free(config);
}

static void settings_are_read(void **state)
{
	struct config *config =
		load_good("interface: eth0\npeer: eth1\nattach: generic\nunknown_destination: drop\n"
			  "watch_outbound: false\nlanguage: vi\ncontrol_group: netadmin\n"
			  "metrics: \"[::1]:99\"\n"
			  "capacity: {decisions: 2k, sources: 64M}\n"
			  "detection: {tick_ms: 1s, factor: 1.25, hold_s: 2m, signature_budget: 0.5}\n"
			  "lists:\n- {name: one, file: one.txt, action: allow}\n"
			  "- {name: two, file: /srv/two.txt, action: bogon}\n"
			  "tenants:\n- name: a\n  prefixes: 2001:db8::/32\n  title: Bộ Công an\n  mode: enforce\n"
			  "  protocols: [gre, 255, 0]\n  tcp_ports: [90-100, 22, 80-89, 95]\n  udp_ports: all\n"
			  "  replies: [ntp, dns]\n  reply_servers: [9.9.9.9]\n  allow: [10.0.0.0/8, '::/0']\n"
			  "  challenge: on\n  full_table: closed\n  proof_s: 1h\n  limits: {udp_pps: 3k}\n"
			  "- {name: b, prefixes: [2001:db8:1::/48]}\n");
	const struct config_tenant *tenant = &config->tenants[0];

	assert_string_equal(config->peer, "eth1");
	assert_int_equal(config->attach, CONFIG_ATTACH_GENERIC);
	assert_int_equal(config->unknown_destination, CONFIG_UNKNOWN_DROP);
	assert_false(config->watch_outbound);
	assert_int_equal(config->language, LUYTRE_LANG_VI);
	assert_string_equal(config->control_group, "netadmin");
	assert_int_equal(config->metrics.address.family, IP_V6);
	assert_int_equal(config->metrics.port, 99);
	assert_int_equal(config->capacity.decisions, 2000);
	assert_int_equal(config->capacity.sources, 64000000);
	assert_int_equal(config->detection.tick_ms, 1000);
	assert_true(config->detection.factor == 1.25);
	assert_int_equal(config->detection.hold_s, 120);
	assert_int_equal(config->list_count, 2);
	assert_string_equal(config->lists[0].file, "etc/one.txt");
	assert_int_equal(config->lists[0].action, CONFIG_LIST_ALLOW);
	assert_string_equal(config->lists[1].file, "/srv/two.txt");
	assert_int_equal(config->tenant_count, 2);
	assert_string_equal(tenant->title, "Bộ Công an");
	assert_int_equal(tenant->prefixes.items[0].length, 32);
	assert_true(config_protocols_has(&tenant->protocols, 255) && config_protocols_has(&tenant->protocols, 0));
	assert_false(config_protocols_has(&tenant->protocols, 6));
	assert_int_equal(tenant->tcp_ports.count, 2);
	assert_int_equal(tenant->tcp_ports.ranges[0].first, 22);
	assert_int_equal(tenant->tcp_ports.ranges[1].first, 80);
	assert_int_equal(tenant->tcp_ports.ranges[1].last, 100);
	assert_int_equal(tenant->udp_ports.ranges[0].first, 1);
	assert_int_equal(tenant->udp_ports.ranges[0].last, 65535);
	assert_string_equal(tenant->replies.items[0], "ntp");
	assert_int_equal(tenant->reply_servers.items[0].length, 32);
	assert_int_equal(tenant->allow.items[1].length, 0);
	assert_int_equal(tenant->proof_s, 3600);
	assert_int_equal(tenant->limits.udp_pps, 3000);
	assert_string_equal(config->tenants[1].name, "b");
	config_free(config);
}

static void sensor_is_read(void **state)
{
	struct config *config =
		load_good("sensor:\n  wire: {outside: eth1, inside: eth2}\n  fail: closed\n  workers: 4\n"
			  "  rules: [a.rules, /b, 'c/*.rules']\n  suricata_config: s.yaml\n"
			  "  address_groups:\n    HOME_NET: [10.0.0.0/8, '!10.0.0.1']\n    OTHER: $HOME_NET\n"
			  "  options: {stream.midstream: 'yes'}\n  memory: {flow: 1G}\n"
			  "  outputs:\n  - {path: eve.json, types: [alert, ftp_data], rotate_size: 1M}\n"
			  "tenants:\n- name: a\n  prefixes: 192.0.2.0/24\n"
			  "  sensor: {mode: 'off', verdicts: {7: drop, '3:8': alert}}\n");
	const struct config_sensor *s = &config->sensor;

	assert_null(config->interface);
	assert_int_equal(s->line, 2); /* the settings begin there */
	assert_int_equal(s->look.line, 0);
	assert_int_equal(s->wire.line, 2);
	assert_string_equal(s->wire.inside, "eth2");
	assert_int_equal(s->wire.flow_idle_s, 100);
	assert_int_equal(s->fail, CONFIG_FAIL_CLOSED);
	assert_int_equal(s->rules.count, 3);
	assert_string_equal(s->rules.items[0].text, "etc/a.rules");
	assert_string_equal(s->rules.items[1].text, "/b");
	assert_int_equal(s->rules.items[2].line, 5);
	assert_string_equal(s->suricata_config, "etc/s.yaml");
	assert_string_equal(s->address_groups.items[0].value, "[10.0.0.0/8,!10.0.0.1]");
	assert_string_equal(s->address_groups.items[1].name, "OTHER");
	assert_int_equal(s->address_groups.items[1].line, 9);
	assert_string_equal(s->options.items[0].name, "stream.midstream");
	assert_true(s->memory.flow == 1u << 30);
	assert_true(s->memory.stream == 0);
	assert_int_equal(s->output_count, 1);
	assert_int_equal(s->outputs[0].types.count, 2);
	assert_string_equal(s->control_socket, "/run/luytre/sensor.sock");
	assert_null(s->output_dir);
	assert_int_equal(config->tenants[0].sensor.mode, CONFIG_SENSOR_OFF);
	assert_string_equal(config->tenants[0].sensor.verdicts.items[1].name, "3:8");
	config_free(config);
}

static void what_may_goes_off(void **state)
{
	struct config *config = load_good(NEEDED "metrics: off\ngate: {holds_file: off}\nsensor: {policy_file: off}\n");

	assert_null(config->gate.holds_file);
	assert_null(config->sensor.policy_file);
	assert_false(config->metrics.enabled);
	config_free(config);
}

static const struct bad_case {
	const char *text;
	unsigned int line;
	const char *setting;
	const char *parts[3]; /* of the printed line */
} bad_cases[] = {
	/* The file as a whole. */
	{ "", 0, "", { "an empty file" } },
	{ "# nothing\n", 0, "", { "an empty file" } },
	{ "- a\n", 1, "", { "found something else" } },
	{ "peer: x\n", 1, "interface", { "no such setting", "network interface" } },
	{ NEEDED "---\ninterface: b\n", 2, "", { "a second document", "---" } },
	{ NEEDED "\tpeer: x\n", 2, "", { "bad YAML", "not tabs" } },
	{ NEEDED "metrics: \"a\n", 3, "", { "end of stream", "line 2" } },
	{ NEEDED "peer: \xff\n", 2, "", { "UTF-8" } },
	{ NEEDED "peer: a\x01\n", 2, "", { "control characters" } },
	{ NEEDED "peer: &x eth1\n", 2, "peer", { "anchor" } },
	{ NEEDED "peer: *x\n", 2, "peer", { "alias" } },
	{ NEEDED "peer: !!str eth1\n", 2, "peer", { "tag" } },
	{ NEEDED "x: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n", 2, "x", { "an unknown setting" } },
	/* Names. */
	{ NEEDED "intreface: x\n", 2, "intreface", { "did you mean 'interface'?" } },
	{ NEEDED "flowers: x\n", 2, "flowers", { "an unknown setting", "config reference" } },
	{ NEEDED "peer: a\npeer: b\n", 3, "peer", { "again", "line 2" } },
	{ NEEDED "? [a]\n: b\n", 2, "", { "as a name" } },
	{ NEEDED "\"\\x1b[2J\": 1\n", 2, "?[2J", { "an unknown setting" } },
	{ TENANT "  limits: {udp_pp: 1}\n", 5, "tenants[0].limits.udp_pp", { "did you mean 'udp_pps'?" } },
	/* The sensor. */
	{ "peer: x\nsensor: {fail: open, workers: 0}\n", 2, "sensor.workers", { "1 to 64" } },
	{ "sensor:\n  look: {spread: flow}\n", 2, "sensor.look.interface", { "no such setting" } },
	{ "sensor:\n  look: {interface: a}\n  nfqueue: {first: 1}\n", 3, "sensor", { "second source", "nfqueue" } },
	{ "sensor:\n  wire: {outside: a,\n    inside: a}\n", 3, "inside", { "again" } },
	{ "sensor: {rules: {a: b}}\n", 1, "sensor.rules", { "a group of settings", "pattern" } },
	{ "sensor: {memory: {flow: 3}}\n", 1, "sensor.memory.flow", { "\"3\"", "from 1M to 1T" } },
	{ "sensor: {memory: {flow: 3x}}\n", 1, "sensor.memory.flow", { "\"3x\"" } },
	{ "sensor:\n  address_groups: [a]\n", 2, "sensor.address_groups", { "a list", "names with a value" } },
	{ "sensor:\n  address_groups:\n    A.B: x\n", 3, "sensor.address_groups", { "other letters" } },
	{ "sensor:\n  address_groups:\n    [A]: x\n", 3, "sensor.address_groups", { "other letters" } },
	{ "sensor:\n  address_groups:\n    A: x\n    A: y\n", 4, "sensor.address_groups.A", { "only once" } },
	{ "sensor:\n  address_groups:\n    A: {b: c}\n", 3, "sensor.address_groups.A", { "one value or a list" } },
	{ "sensor:\n  address_groups:\n    A: [b, [c, d], [e]]\n  workrs: 1\n", 3, "sensor.address_groups.A",
		{ "one value or a list" } },
	{ "sensor:\n  address_groups:\n    A:\n", 3, "sensor.address_groups.A", { "nothing" } },
	{ "sensor:\n  outputs:\n  - {type: file}\n", 3, "sensor.outputs[0].path", { "no such setting" } },
	{ "sensor:\n  outputs:\n  - {path: a, types: [x y]}\n", 3, "sensor.outputs[0].types[0]", { "small letters" } },
	{ TENANT "  sensor: {mode: on}\n", 5, "tenants[0].sensor.mode", { "tenant, shadow, enforce or off" } },
	{ NEEDED "gate: {holds_file: holds.json}\n", 2, "gate.holds_file", { "\"holds.json\"", "or off" } },
	/* Values. */
	{ NEEDED "watch_outbound: yes\n", 2, "watch_outbound", { "\"yes\"", "true or false" } },
	{ NEEDED "attach: nativ\n", 2, "attach", { "auto, native or generic", "'native'" } },
	{ NEEDED "attach: [native]\n", 2, "attach", { "found a list" } },
	{ NEEDED "attach:\n", 2, "attach", { "found nothing" } },
	{ "interface: a/b\n", 1, "interface", { "network interface" } },
	{ "interface: abcdefghijklmnop\n", 1, "interface", { "abcdefghijklmnop" } },
	{ NEEDED "peer: eth0\n", 2, "peer", { "\"eth0\" again", "line 1" } },
	{ NEEDED "control_group: 0day\n", 2, "control_group", { "name of a group" } },
	{ NEEDED "control_socket: run.sock\n", 2, "control_socket", { "begins with /", "107" } },
	{ NEEDED "metrics: 0.0.0.0:9105\n", 2, "metrics", { "loopback", "proxy" } },
	{ NEEDED "metrics: 192.0.2.1:9105\n", 2, "metrics", { "loopback" } },
	{ NEEDED "metrics: 127.0.0.1\n", 2, "metrics", { "127.0.0.1:9105" } },
	{ NEEDED "metrics: 127.0.0.1:0\n", 2, "metrics", { "1 to 65535" } },
	{ NEEDED "metrics: ::1:9105\n", 2, "metrics", { "brackets" } },
	{ NEEDED "capacity: 5\n", 2, "capacity", { "indented" } },
	{ NEEDED "capacity:\n  tenants: 0\n", 3, "capacity.tenants", { "\"0\"", "1 to 4096" } },
	{ NEEDED "capacity:\n  tenants: 5k\n", 3, "capacity.tenants", { "\"5k\"" } },
	{ NEEDED "capacity:\n  decisions: 1023\n", 3, "capacity.decisions", { "1024 to 4M" } },
	{ NEEDED "capacity:\n  sources: 99999999999999999999\n", 3, "capacity.sources", { "4096 to 64M" } },
	{ NEEDED "capacity:\n  sources: -5\n", 3, "capacity.sources", { "\"-5\"" } },
	{ NEEDED "detection: {tick_ms: 49}\n", 2, "detection.tick_ms", { "50 to 1000 ms" } },
	{ NEEDED "detection: {hold_s: 1500ms}\n", 2, "detection.hold_s", { "whole seconds" } },
	{ NEEDED "detection: {hold_s: 5x}\n", 2, "detection.hold_s", { "\"5x\"" } },
	{ NEEDED "detection: {factor: 0x10}\n", 2, "detection.factor", { "1.1 to 1000" } },
	{ NEEDED "detection:\n  factor: 1,5\n", 3, "detection.factor", { "\"1,5\"" } },
	{ NEEDED "detection: {signature_budget: 1.01}\n", 2, "detection.signature_budget", { "0 to 1" } },
	/* Lists. */
	{ NEEDED "lists: {}\n", 2, "lists", { "a list of entries" } },
	{ NEEDED "lists:\n- block\n", 3, "lists[0]", { "\"block\"" } },
	{ NEEDED "lists:\n- {name: a, file: f}\n", 3, "lists[0].action", { "block, allow or bogon" } },
	{ NEEDED "lists:\n- {name: a, file: f, action: allow}\n- {name: a, file: g, action: block}\n", 4, "name",
		{ "\"a\" again", "line 3" } },
	/* Tenants. */
	{ NEEDED "tenants:\n- prefixes: [::1]\n", 3, "", { "bad YAML", "between quotes" } },
	{ NEEDED "tenants:\n- prefixes: ['::1']\n", 3, "tenants[0].name", { "no such setting" } },
	{ NEEDED "tenants:\n- name: a\n", 3, "tenants[0].prefixes", { "no such setting" } },
	{ NEEDED "tenants:\n- name: a\n  prefixes: []\n", 4, "tenants[0].prefixes",
		{ "an empty list", "at least one" } },
	{ NEEDED "tenants:\n- name: Bộ\n  prefixes: ['::1']\n", 3, "tenants[0].name", { "small letters" } },
	{ NEEDED "tenants:\n- name: a\n  prefixes:\n  - 192.0.2.0/24\n  - 192.0.2.77/24\n", 6, "tenants[0].prefixes[1]",
		{ "\"192.0.2.77/24\"", "192.0.2.0/24 for the network", "192.0.2.77/32" } },
	{ NEEDED "tenants:\n- name: a\n  prefixes: [192.0.2.0/33]\n", 4, "tenants[0].prefixes[0]",
		{ "at most 32 bits" } },
	{ NEEDED "tenants:\n- name: a\n  prefixes: [example.org]\n", 4, "tenants[0].prefixes[0]", { "IPv4 or IPv6" } },
	{ TENANT "- name: b\n  prefixes: [192.0.2.0/24]\n", 6, "prefixes", { "192.0.2.0/24 again", "line 4" } },
	{ TENANT "- name: a\n  prefixes: [192.0.2.0/25]\n", 5, "name", { "\"a\" again", "line 3" } },
	{ TENANT "  title: \"a\\u202eb\"\n", 5, "tenants[0].title", { "\"a?b\"", "control characters" } },
	{ TENANT "  title: \"a\\0b\"\n", 5, "tenants[0].title", { "\"a?b\"" } },
	{ TENANT "  mode: on\n", 5, "tenants[0].mode", { "shadow or enforce" } },
	{ TENANT "  protocols: [tpc]\n", 5, "tenants[0].protocols[0]", { "'tcp'" } },
	{ TENANT "  protocols: [256]\n", 5, "tenants[0].protocols[0]", { "0 to 255" } },
	{ TENANT "  protocols: [tcp, 6]\n", 5, "tenants[0].protocols", { "protocol 6 again" } },
	{ TENANT "  tcp_ports: [0]\n", 5, "tenants[0].tcp_ports[0]", { "1 to 65535" } },
	{ TENANT "  tcp_ports: [65536]\n", 5, "tenants[0].tcp_ports[0]", { "1 to 65535" } },
	{ TENANT "  tcp_ports: [9-1]\n", 5, "tenants[0].tcp_ports[0]", { "write 1-9" } },
	{ TENANT "  tcp_ports: [9-]\n", 5, "tenants[0].tcp_ports[0]", { "\"9-\"" } },
	{ TENANT "  tcp_ports:\n", 5, "tenants[0].tcp_ports", { "found nothing", "[]" } },
	{ TENANT "  tcp_ports: {a: b}\n", 5, "tenants[0].tcp_ports", { "a group", "[a, b]" } },
	{ TENANT "  udp_ports: [x, [6]]\n  min_mss: x\n", 5, "tenants[0].udp_ports[0]", { "\"x\"" } },
	{ TENANT "  udp_ports: [5, [6]]\n", 5, "tenants[0].udp_ports[1]", { "found a list" } },
	{ TENANT "  udp_ports: [5, 6,\n    5]\n", 6, "tenants[0].udp_ports", { "5-5 again", "line 5" } },
	{ TENANT "  replies: [dsn]\n", 5, "tenants[0].replies[0]", { "'dns'" } },
	{ TENANT "  replies: [quake]\n", 5, "tenants[0].replies[0]",
		{ "reflection protocol", "known are dns, ntp, memcached)" } },
	{ TENANT "  allow: ['::1', '::1']\n", 5, "tenants[0].allow", { "::1/128 again" } },
	{ TENANT "  min_mss: 1461\n", 5, "tenants[0].min_mss", { "0 to 1460" } },
	{ TENANT "  limits:\n    udp_pps: 2G\n", 6, "tenants[0].limits.udp_pps", { "0 to 1G" } },
	/* The whole against itself. */
	{ NEEDED "capacity: {tenants: 1}\ntenants:\n- {name: a, prefixes: ['::1']}\n- {name: b, prefixes: ['::2']}\n",
		5, "capacity.tenants", { "tenant number 2", "at most 1", "raise" } },
};

static bool printed_has(const struct config_errors *errors, size_t index, const char *const *parts, size_t count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool all = true;

	config_error_print(out, errors, index);
	fclose(out);
	for (size_t i = 0; i < count && parts[i]; i++)
		all = all && strstr(text, parts[i]);
	if (!all)
		print_error("%s", text);
	free(text);
	return all;
}

static void bad_files_are_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(bad_cases); i++) {
		const struct bad_case *row = &bad_cases[i];
		struct config *config = NULL;
		struct config_errors errors;

		assert_int_equal(load(row->text, &errors, &config), LUYTRE_E_INVALID);
		assert_null(config);
		if (errors.count < 1 || errors.items[0].line != row->line ||
			strcmp(errors.items[0].setting, row->setting) ||
			!printed_has(&errors, 0, row->parts, ARRAY_COUNT(row->parts))) {
			config_errors_print(stderr, &errors);
			fail_msg("row %zu:\n%s", i, row->text);
		}
	}
}

/* Every error of a file is told, in the order of the lines. */
static void all_errors_are_told(void **state)
{
	struct config *config = NULL;
	struct config_errors errors;

	assert_int_equal(
		load("peer: x\nattach: never\nmetrics: 1\ntenants:\n- name: a\n  prefixes: [10.0.0.1/8, nine]\n"
		     "- name: a\n  prefixes: [10.0.0.0/8]\n  mode: off\n  colour: red\n",
			&errors, &config),
		LUYTRE_E_INVALID);
	assert_int_equal(errors.count, 8);
	assert_int_equal(errors.total, 8);
	for (size_t i = 1; i < errors.count; i++)
		assert_true(errors.items[i - 1].line <= errors.items[i].line);
	assert_int_equal(errors.items[7].line, 10);
}

static void errors_are_bounded(void **state)
{
	struct config *config = NULL;
	struct config_errors errors;
	char text[4096] = NEEDED;
	size_t length = strlen(text);

	for (int i = 0; i < 100; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "setting%d: 1\n", i);
	assert_int_equal(load(text, &errors, &config), LUYTRE_E_INVALID);
	assert_int_equal(errors.count, CONFIG_ERRORS_MAX);
	assert_int_equal(errors.total, CONFIG_ERRORS_MAX + 1);
	assert_null(config);
}

/* A list longer than its ceiling is one error, in the line where it is reached. */
static void lists_are_bounded(void **state)
{
	struct config *config = NULL;
	struct config_errors errors;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fputs(NEEDED "lists:\n", out);
	for (int i = 0; i < CONFIG_LISTS_MAX + 2; i++)
		fprintf(out, "- {name: list-%d, file: f, action: block}\n", i);
	fclose(out);
	assert_int_equal(config_load_bytes(bytes_of(text, size), "x", NULL, &errors, &config), LUYTRE_E_INVALID);
	assert_int_equal(errors.count, 1);
	assert_int_equal(errors.items[0].line, 3 + CONFIG_LISTS_MAX);
	assert_string_equal(errors.items[0].expected, "at most 60");
	free(text);
}

/* Cut anywhere, a file is refused with a reason or is a shorter file that is right. */
static void cut_files_are_survived(void **state)
{
	static const char text[] = TENANT "  tcp_ports: [80, 8000-8099]\n  replies: ['dns', \"ntp\"]\n  limits:\n"
					  "    udp_pps: 10k\nlists:\n- {name: x, file: y, action: block}\n";

	for (size_t size = 0; size < sizeof(text); size++) {
		struct config *config = NULL;
		struct config_errors errors;
		char *copy = malloc(size + 1); /* an exact block, so that a sanitizer sees a read beyond */
		int result;

		memcpy(copy, text, size);
		result = config_load_bytes(bytes_of(copy, size), "x", reply_name, &errors, &config);
		assert_true(result ? errors.count > 0 && !config : errors.count == 0 && config);
		config_free(config);
		free(copy);
	}
}

static void files_are_read(void **state)
{
	char path[] = "/tmp/test-config-XXXXXX";
	int fd = mkstemp(path);
	struct config *config = NULL;
	struct config_errors errors;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, NEEDED, strlen(NEEDED)), strlen(NEEDED));
	assert_int_equal(config_load(path, NULL, &errors, &config), 0);
	assert_string_equal(config->interface, "eth0");
	config_free(config);
	config = NULL;
	assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX + 1), 0);
	assert_int_equal(config_load(path, NULL, &errors, &config), LUYTRE_E_INVALID);
	assert_non_null(strstr(errors.items[0].expected, "16 MB"));
	close(fd);
	unlink(path);
	assert_int_equal(config_load(path, NULL, &errors, &config), LUYTRE_E_IO);
	assert_string_equal(errors.file, path);
	assert_int_equal(errors.items[0].line, 0);
	assert_int_equal(config_load("/tmp", NULL, &errors, &config), LUYTRE_E_IO);
	assert_null(config);
}

/* The largest number of tenants, with several prefixes and every default, loads at once. */
static void many_tenants_are_quick(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct config_errors errors;
	struct config *config = NULL;
	uint64_t start_ns;

	fprintf(out, "interface: eth0\ncapacity: {tenants: 4096, tenant_prefixes: 65536}\ntenants:\n");
	for (unsigned int i = 0; i < CONFIG_TENANTS_MAX; i++) {
		fprintf(out, "- name: tenant-%u\n  title: Đơn vị số %u\n  prefixes:\n", i, i);
		for (unsigned int j = 0; j < 16; j++)
			fprintf(out, "  - 10.%u.%u.%u/32\n", i >> 8, i & 255, j);
		fprintf(out, "  mode: enforce\n  tcp_ports: [80, 443, 8000-8099]\n  limits: {source_pps: 5k}\n");
	}
	fclose(out);
	start_ns = clock_mono_ns();
	assert_int_equal(config_load_bytes(bytes_of(text, size), "x", NULL, &errors, &config), 0);
	/* It takes about 0.2 s; the bound leaves room for a sanitizer and a busy machine. */
	assert_true(clock_since_ns(clock_mono_ns(), start_ns) < 5 * NS_PER_S);
	assert_int_equal(config->tenant_count, CONFIG_TENANTS_MAX);
	assert_int_equal(config->tenants[4095].prefixes.count, 16);
	config_free(config);
	free(text);
}

/* Every row is complete in both languages, and every field of the file is some row's. */
static void rows_are_complete(const struct schema_section *section)
{
	assert_non_null(section->help.en);
	assert_non_null(section->help.vi);
	for (size_t i = 0; i < section->row_count; i++) {
		const struct schema_row *row = &section->rows[i];

		assert_true(row->help.en[0] && row->help.vi[0]);
		assert_true(row->offset < section->size);
		assert_ptr_equal(schema_find(section, row->name), row);
		assert_ptr_equal(schema_nearest(section, row->name), row->name);
		if (row->section)
			rows_are_complete(row->section);
	}
}

static void schema_is_complete(void **state)
{
	rows_are_complete(&schema_root);
}

static void near_words_are_found(void **state)
{
	static const struct {
		const char *word;
		const char *nearest;
	} rows[] = {
		{ "interfaces", "interface" },
		{ "per", "peer" },
		{ "contorl_socket", "control_socket" },
		{ "statedir", "state_dir" },
		{ "tenant", "tenants" },
		{ "x", NULL },
		{ "", NULL },
		{ "something_else", NULL },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *nearest = schema_nearest(&schema_root, rows[i].word);

		if (rows[i].nearest)
			assert_string_equal(nearest, rows[i].nearest);
		else
			assert_null(nearest);
	}
}

static void texts_are_made_safe(void **state)
{
	static const struct {
		const char *text;
		const char *shown; /* in 12 bytes */
	} rows[] = {
		{ "abc", "abc" },
		{ "12345678901", "12345678901" },
		{ "123456789012", "12345678..." },
		{ "a\nb\x1b[c\x7f", "a?b?[c?" },
		{ "x\xc2\x9by", "x?y" },
		{ "1\xe2\x80\xae"
		  "2\xe2\x81\xa6"
		  "3",
			"1?2?3" },
		{ "Lũy Tre", "Lũy Tre" },
		{ "ữữữữữ", "ữữ..." },
	};
	char shown[12];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		config_text_copy(bytes_from_str(rows[i].text), shown, sizeof(shown));
		assert_string_equal(shown, rows[i].shown);
	}
}

/* The path of a file of the source tree. */
static void source_path(const char *name, char *ret, size_t ret_size)
{
	const char *root = getenv("LUYTRE_SOURCE_ROOT");

	if (root)
		snprintf(ret, ret_size, "%s/%s", root, name);
	else
		snprintf(ret, ret_size, "%.*s../../%s", (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__, name);
}

static void sample_is_good(void **state)
{
	char path[4096];
	struct config_errors errors;
	struct config *config = NULL;

	source_path("packaging/luytre.yaml", path, sizeof(path));
	if (access(path, R_OK))
		skip();
	if (config_load(path, reply_name, &errors, &config)) {
		config_errors_print(stderr, &errors);
		fail();
	}
	assert_int_equal(config->tenants[0].mode, CONFIG_MODE_SHADOW);
	config_free(config);
}

static char *print_reference(enum luytre_lang language)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	config_print_reference(out, language);
	fclose(out);
	return text;
}

/* docs/configuration.md is made by: luytre config reference > docs/configuration.md */
static void reference_page_is_fresh(void **state)
{
	static char page[1 << 20];
	char path[4096];
	char *text = print_reference(LUYTRE_LANG_EN);
	FILE *in;

	source_path("docs/configuration.md", path, sizeof(path));
	in = fopen(path, "r");
	if (!in) {
		free(text);
		skip();
	}
	page[fread(page, 1, sizeof(page) - 1, in)] = '\0';
	fclose(in);
	assert_string_equal(page, text);
	free(text);
}

static void reference_has_every_setting(void **state)
{
	static const char *const needed[] = { "| `interface` |", "`tenants[].limits`", "| `challenge_pps` |",
		"`[80, 443]`", "`tcp`, `udp`", "50 to 1000 ms" };
	char *text = print_reference(LUYTRE_LANG_EN);
	char *vietnamese = print_reference(LUYTRE_LANG_VI);

	for (size_t i = 0; i < ARRAY_COUNT(needed); i++)
		assert_non_null(strstr(text, needed[i]));
	assert_non_null(strstr(vietnamese, "**bắt buộc**"));
	assert_null(strstr(vietnamese, "required"));
	free(text);
	free(vietnamese);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_stand),
		cmocka_unit_test(settings_are_read),
		cmocka_unit_test(what_may_goes_off),
		cmocka_unit_test(sensor_is_read),
		cmocka_unit_test(bad_files_are_refused),
		cmocka_unit_test(all_errors_are_told),
		cmocka_unit_test(errors_are_bounded),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(cut_files_are_survived),
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(many_tenants_are_quick),
		cmocka_unit_test(schema_is_complete),
		cmocka_unit_test(near_words_are_found),
		cmocka_unit_test(texts_are_made_safe),
		cmocka_unit_test(sample_is_good),
		cmocka_unit_test(reference_has_every_setting),
		cmocka_unit_test(reference_page_is_fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
