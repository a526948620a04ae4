// SPDX-License-Identifier: Apache-2.0
/* From options of a configuration to typed settings.
 *
 * Names, defaults and the meaning of "auto" are those of Suricata's user guide ("Suricata.yaml", "Exception Policies"). */
#include "sensor/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/net.h"
#include "sensor/config/tree.h"

struct host_os {
	struct ip_prefix prefix;
	uint8_t policy; /* enum stream_os_policy */
};

enum { HOST_OS_MAX = 4096, PACKET_ALERTS_DEFAULT = 15 };

/* Top-level options that some module of the sensor reads. */
static const char *const known_options[] = { "vars", "stats", "outputs", "pcap-file", "app-layer", "exception-policy",
	"pcre", "host-os-policy", "defrag", "flow", "vlan", "flow-timeouts", "stream", "decoder", "detect",
	"classification-file", "reference-config-file", "threshold-file", "action-order", "packet-alert-max",
	"datasets", "reputation-categories-file", "default-reputation-path", "reputation-files", "geoip-database",
	"rule-files", "default-rule-path", "default-log-dir", "suricata-version", "magic-file", "livedev",
	"sensor-name", "include", "tenants", "evidence", "file-store" };

/* Those that a suricata.yaml usually has, and that mean nothing here. */
static const char *const idle_options[] = { "host", "legacy", "asn1-max-frames", "host-mode", "logging", "mpm-algo",
	"spm-algo", "max-pending-packets", "runmode", "autofp-scheduler", "ippair", "multi-detect",
	"ignore-unknown-requirements", "unix-command", "security", "run-as", "coredump", "profiling", "engine-analysis",
	"threading", "af-packet", "pcap", "nfq", "nflog", "ipfw", "napatech", "netmap", "af-xdp", "dpdk", "capture",
	"luajit", "lua", "plugins", "pid-file", "daemon-directory", "umask", "default-packet-size", "sniffer",
	"detect-engine", "cuda", "reputation", "firewall" };

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static enum exception_policy policy_named(const struct conf_node *node, const char *path, enum exception_policy absent)
{
	const char *text = conf_text(node, path, NULL);
	char name[24];
	size_t i;

	if (!text)
		return absent;
	for (i = 0; text[i] && i + 1 < sizeof(name); i++)
		name[i] = text[i] == '-' ? '_' : text[i];
	name[i] = '\0';
#define X(id, word)                                                                                                    \
	if (!strcmp(name, word) && EXCEPTION_##id != EXCEPTION_NOT_SET)                                                \
		return EXCEPTION_##id;
	EXCEPTION_POLICIES(X)
#undef X
	conf_complain(conf_get(node, path),
		"\"%s\" is no exception policy; expected auto, ignore, pass-packet, pass-flow, bypass, drop-packet, "
		"drop-flow, reject or reject-both",
		text);
	return absent;
}

/* Dropping takes an inline sensor: a passive one goes on instead. */
static enum exception_policy policy_for_mode(bool ips, enum exception_policy policy)
{
	if (!ips && (policy == EXCEPTION_DROP_PACKET || policy == EXCEPTION_DROP_FLOW))
		return EXCEPTION_NOT_SET;
	return policy;
}

/* Where no flow exists yet, what is said of flows holds for the packet. */
static enum exception_policy policy_of_packet(enum exception_policy policy)
{
	switch (policy) {
	case EXCEPTION_DROP_FLOW:
		return EXCEPTION_DROP_PACKET;
	case EXCEPTION_PASS_FLOW:
		return EXCEPTION_PASS_PACKET;
	case EXCEPTION_BYPASS:
		return EXCEPTION_NOT_SET;
	default:
		return policy;
	}
}

static uint8_t policy_read(const struct sensor_settings *s, const char *path, bool has_flow)
{
	enum exception_policy master = policy_named(s->root, "exception-policy", EXCEPTION_AUTO);
	enum exception_policy policy = policy_named(s->root, path, master);

	if (policy == EXCEPTION_AUTO)
		policy = s->ips ? EXCEPTION_DROP_FLOW : EXCEPTION_NOT_SET;
	if (!has_flow)
		policy = policy_of_packet(policy);
	return policy_for_mode(s->ips, policy);
}

/* A flow taken up in its middle: with midstream pickups on, "auto" means to take it up. */
static uint8_t policy_midstream(const struct sensor_settings *s)
{
	const char *path = "stream.midstream-policy";
	enum exception_policy policy = policy_named(s->root, path, EXCEPTION_NOT_SET);
	bool explicit = policy != EXCEPTION_NOT_SET;

	if (!explicit)
		policy = policy_named(s->root, "exception-policy", EXCEPTION_AUTO);
	if (policy == EXCEPTION_AUTO)
		policy = s->ips && !s->stream_midstream ? EXCEPTION_DROP_FLOW : EXCEPTION_NOT_SET;
	if (policy == EXCEPTION_DROP_PACKET || policy == EXCEPTION_PASS_PACKET) {
		if (explicit)
			conf_complain(conf_get(s->root, path),
				"a flow that was picked up midstream cannot be judged packet by packet; expected "
				"ignore, pass-flow, bypass, drop-flow or reject");
		policy = policy == EXCEPTION_DROP_PACKET ? EXCEPTION_DROP_FLOW : EXCEPTION_PASS_FLOW;
	}
	if (s->stream_midstream &&
		(policy == EXCEPTION_DROP_FLOW || policy == EXCEPTION_REJECT || policy == EXCEPTION_BYPASS)) {
		if (explicit)
			conf_complain(conf_get(s->root, path), "stream.midstream is on, so picked-up flows cannot be "
							       "dropped, rejected or bypassed; expected ignore "
							       "or pass-flow");
		/* That of the master switch is heeded for flows that begin in the middle all the same. */
		if (explicit || policy != EXCEPTION_BYPASS)
			policy = EXCEPTION_NOT_SET;
	}
	if (explicit && policy == EXCEPTION_DROP_FLOW && !s->ips)
		conf_complain(conf_get(s->root, path), "nothing can be dropped without inline mode");
	return policy_for_mode(s->ips, policy);
}

static void read_flow(struct sensor_settings *s)
{
	static const char *const protos[FLOW_PROTO_COUNT] = { "default", "tcp", "udp", "icmp" };
	static const struct {
		const char *name;
		size_t offset;
		uint32_t usual_s[FLOW_PROTO_COUNT], emergency_s[FLOW_PROTO_COUNT];
	} rows[] = {
		{ "new", offsetof(struct flow_timeouts, new_s), { 30, 60, 30, 30 }, { 10, 10, 10, 10 } },
		{ "established", offsetof(struct flow_timeouts, established_s), { 300, 3600, 300, 300 },
			{ 100, 300, 100, 100 } },
		{ "closed", offsetof(struct flow_timeouts, closed_s), { 0, 120, 0, 0 }, { 0, 20, 0, 0 } },
		{ "bypassed", offsetof(struct flow_timeouts, bypassed_s), { 100, 100, 100, 100 }, { 50, 50, 50, 50 } },
	};
	char path[64];

	s->flow_memcap_size = conf_size(s->root, "flow.memcap", 128u << 20);
	s->flow_hash_count = (uint32_t)conf_u64_between(s->root, "flow.hash-size", 65536, 1, 1u << 26);
	s->flow_prealloc_count = (uint32_t)conf_u64(s->root, "flow.prealloc", 10000);
	s->flow_emergency_recovery = (uint32_t)conf_u64_between(s->root, "flow.emergency-recovery", 30, 1, 100);
	s->vlan_use_for_tracking = conf_bool(s->root, "vlan.use-for-tracking", true);
	s->livedev_use_for_tracking = conf_bool(s->root, "livedev.use-for-tracking", true);
	s->recursion_use_for_tracking = conf_bool(s->root, "decoder.recursion-level.use-for-tracking", true);
	for (int p = 0; p < FLOW_PROTO_COUNT; p++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint32_t *value = (uint32_t *)(void *)((char *)&s->flow_timeouts[p] + rows[i].offset);

			snprintf(path, sizeof(path), "flow-timeouts.%s.%s", protos[p], rows[i].name);
			value[0] = (uint32_t)conf_seconds(s->root, path, rows[i].usual_s[p]);
			snprintf(path, sizeof(path), "flow-timeouts.%s.emergency-%s", protos[p], rows[i].name);
			value[1] = (uint32_t)conf_seconds(s->root, path, rows[i].emergency_s[p]);
			if (value[1] > value[0])
				value[1] = value[0];
		}
	}
}

static void read_stream(struct sensor_settings *s)
{
	static const char *const urgent[] = { "oob", "inline", "drop", "gap", NULL };
	const char *text = conf_text(s->root, "stream.inline", "auto");

	s->stream_memcap_size = conf_size(s->root, "stream.memcap", 64u << 20);
	s->reassembly_memcap_size = conf_size(s->root, "stream.reassembly.memcap", 256u << 20);
	s->reassembly_depth_size = (uint32_t)conf_size(s->root, "stream.reassembly.depth", 0);
	s->reassembly_chunk_size[TO_SERVER] =
		(uint32_t)conf_size(s->root, "stream.reassembly.toserver-chunk-size", 2560);
	s->reassembly_chunk_size[TO_CLIENT] =
		(uint32_t)conf_size(s->root, "stream.reassembly.toclient-chunk-size", 2560);
	s->stream_checksum_validation = conf_bool(s->root, "stream.checksum-validation", true);
	s->stream_midstream = conf_bool(s->root, "stream.midstream", false);
	s->stream_async_oneside = conf_bool(s->root, "stream.async-oneside", false);
	s->stream_inline = strcmp(text, "auto") ? conf_bool(s->root, "stream.inline", s->ips) : s->ips;
	s->stream_bypass = conf_bool(s->root, "stream.bypass", false);
	s->stream_drop_invalid = conf_bool(s->root, "stream.drop-invalid", true);
	s->stream_raw = conf_bool(s->root, "stream.reassembly.raw", true);
	s->stream_max_synack_queued = (uint32_t)conf_u64(s->root, "stream.max-synack-queued", 5);
	s->stream_max_syn_queued = (uint32_t)conf_u64(s->root, "stream.max-syn-queued", 10);
	s->segment_prealloc = (uint32_t)conf_u64(s->root, "stream.reassembly.segment-prealloc", 2048);
	s->max_regions = (int32_t)conf_i64(s->root, "stream.reassembly.max-regions", 8);
	s->urgent_policy = (uint8_t)conf_choice(s->root, "stream.reassembly.urgent.policy", urgent, 0);
	s->urgent_oob_limit_policy =
		(uint8_t)conf_choice(s->root, "stream.reassembly.urgent.oob-limit-policy", urgent, 2);
	s->urgent_oob_limit = (uint8_t)conf_u64_between(s->root, "stream.reassembly.urgent.oob-limit", 255, 0, 255);
}

/* "host-os-policy: windows: [0.0.0.0/0]": the most specific prefix wins; without one, BSD. */
static int read_host_os(struct sensor_settings *s)
{
	static const char *const names[] = { "bsd", "bsd-right", "old-linux", "linux", "old-solaris", "solaris",
		"hpux10", "hpux11", "irix", "macos", "windows", "vista", "windows2k3", NULL };

	CONF_FOR(os, conf_get(s->root, "host-os-policy"))
	{
		int policy = -1;

		for (int i = 0; names[i]; i++)
			if (!strcasecmp(names[i], os->name))
				policy = i;
		if (policy < 0) {
			conf_complain(os, "\"%s\" is no target system of host-os-policy", os->name);
			continue;
		}
		for (size_t i = 0; i < conf_values_count(os); i++) {
			const char *text = conf_value_at(os, i);
			struct ip_prefix prefix;

			if (!text || !*text)
				continue;
			if (ip_prefix_parse(bytes_from_str(text), IP_PREFIX_MASK_HOST_BITS, &prefix)) {
				conf_complain(os, "\"%s\" is no address or prefix", text);
				continue;
			}
			if (s->host_os_count == HOST_OS_MAX)
				return LUYTRE_E_FULL;
			s->host_os[s->host_os_count++] =
				(struct host_os){ .prefix = prefix, .policy = (uint8_t)policy };
		}
	}
	return 0;
}

enum stream_os_policy sensor_settings_os(const struct sensor_settings *settings, const void *ip_addr)
{
	const struct ip_addr *addr = ip_addr;
	const struct host_os *best = NULL;

	for (unsigned int i = 0; i < settings->host_os_count; i++) {
		const struct host_os *row = &settings->host_os[i];

		if (ip_prefix_contains(&row->prefix, addr) && (!best || row->prefix.length > best->prefix.length))
			best = row;
	}
	return best ? (enum stream_os_policy)best->policy : OS_BSD;
}

static void read_policies(struct sensor_settings *s)
{
	s->policy_flow_memcap = policy_read(s, "flow.memcap-policy", false);
	s->policy_defrag_memcap = policy_read(s, "defrag.memcap-policy", false);
	s->policy_stream_ssn_memcap = policy_read(s, "stream.memcap-policy", true);
	s->policy_stream_reassembly_memcap = policy_read(s, "stream.reassembly.memcap-policy", true);
	s->policy_applayer_error = policy_read(s, "app-layer.error-policy", true);
	s->policy_midstream = policy_midstream(s);
}

static void read_options(struct sensor_settings *s, const struct sensor_options *options)
{
	static const char *const checks[] = { "no", "yes", "auto", NULL };

	s->ips = options->simulate_ips;
	s->offline = options->offline;
	s->no_checksums = options->no_checksums;
	s->data_dir = options->data_dir;
	s->work_dir = ".";
	s->checksum_mode = (uint8_t)conf_choice(s->root, "pcap-file.checksum-checks", checks, 2);
	s->max_layers = (uint8_t)conf_u64_between(s->root, "decoder.max-layers", 16, 1, 255);
	s->packet_alert_max = (uint32_t)conf_u64(s->root, "packet-alert-max", PACKET_ALERTS_DEFAULT);
	if (s->packet_alert_max == 0 || s->packet_alert_max > UINT16_MAX) {
		log_warn("packet-alert-max: %u is out of range, using %u", s->packet_alert_max, PACKET_ALERTS_DEFAULT);
		s->packet_alert_max = PACKET_ALERTS_DEFAULT;
	}
	s->inspection_limit = (uint32_t)conf_u64_between(
		s->root, "detect.inspection-recursion-limit", INSPECTION_LIMIT_DEFAULT, 1, UINT32_MAX - 1);
	s->pcre_match_limit = (uint32_t)conf_u64_between(s->root, "pcre.match-limit", 0, 1, UINT32_MAX);
	s->pcre_depth_limit = (uint32_t)conf_u64_between(s->root, "pcre.match-limit-recursion", 0, 1, UINT32_MAX);
	s->guess_tx = conf_bool(s->root, "detect.guess-applayer-tx", false);
	s->simulate_flow_memcap = options->simulate_flow_memcap;
	s->simulate_ssn_memcap = options->simulate_ssn_memcap;
	s->simulate_reassembly_memcap = options->simulate_reassembly_memcap;
	s->simulate_defrag_memcap = options->simulate_defrag_memcap;
	memcpy(s->simulate_applayer_error, options->simulate_applayer_error, sizeof(s->simulate_applayer_error));
}

static void warn_unknown(const struct sensor_settings *s)
{
	CONF_FOR(node, s->root)
	{
		if (!is_among(node->name, known_options, sizeof(known_options) / sizeof(known_options[0])) &&
			!is_among(node->name, idle_options, sizeof(idle_options) / sizeof(idle_options[0])))
			log_warn("%s:%u: option %s is not known here and has no effect", node->file, node->line,
				node->name);
	}
}

/* Sections that say how Suricata's own process is built: one sentence for all of them. */
static void warn_idle_sections(const struct sensor_settings *s)
{
	char names[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < sizeof(idle_options) / sizeof(idle_options[0]); i++)
		if (conf_get(s->root, idle_options[i]) && used < sizeof(names))
			used += (size_t)snprintf(
				names + used, sizeof(names) - used, "%s%s", used ? ", " : "", idle_options[i]);
	if (used)
		log_warn("%s: without effect here: %s. Sources, workers and the control socket are those of `luytre "
			 "sensor "
			 "run`",
			conf_tree_file(s->tree), names);
}

/* Outputs that somebody switched on and will wait for in vain. */
static void warn_outputs(const struct sensor_settings *s)
{
	CONF_FOR(item, conf_get(s->root, "outputs"))
	{
		const char *name = conf_item_name(item);

		if (strcmp(name, "eve-log") != 0 && strcmp(name, "file-store") != 0 &&
			conf_bool(conf_item_options(item), "enabled", false))
			log_warn("%s:%u: the output %s is not written here; eve-log is", item->file, item->line, name);
	}
}

/* Rules that the configuration names: relative to "default-rule-path", patterns allowed. */
static int read_rule_files(struct sensor_settings *s)
{
	const struct conf_node *list = conf_get(s->root, "rule-files");
	const char *dir = conf_text(s->root, "default-rule-path", "/etc/suricata/rules");
	size_t count = conf_values_count(list);

	s->rule_files = count ? calloc(count, sizeof(*s->rule_files)) : NULL;
	if (count && !s->rule_files)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *name = conf_value_at(list, i);
		int size;

		if (!name || !*name)
			continue;
		size = name[0] == '/' ? asprintf(&s->rule_files[s->rule_file_count], "%s", name)
				      : asprintf(&s->rule_files[s->rule_file_count], "%s/%s", dir, name);
		if (size < 0)
			return LUYTRE_E_NOMEM;
		s->rule_file_count++;
	}
	return 0;
}

/* Says what the getters complained about since the last time; an error only when such things are to be fatal. */
int sensor_settings_complaints(struct sensor_settings *s, bool fatal)
{
	const char *text;

	for (; (text = conf_tree_complaint(s->tree, s->complaints_told)); s->complaints_told++)
		log_write(fatal ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "%s", text);
	return fatal && conf_tree_complaints(s->tree) ? LUYTRE_E_SYNTAX : 0;
}

static int open_tree(const struct sensor_options *options, struct conf_tree **ret)
{
	char message[CONF_MESSAGE_SIZE] = "";
	struct conf_tree *tree = NULL;
	int error = options->config_path ? conf_tree_from_file(options->config_path, message, &tree)
					 : conf_tree_stock(message, &tree);

	for (unsigned int i = 0; !error && i < options->own_count; i++)
		error = conf_tree_set_at(tree, options->own[i].path, options->own[i].value, options->own[i].file,
			options->own[i].line, message);
	for (unsigned int i = 0; !error && i < options->set_count; i++)
		error = conf_tree_set_text(tree, options->sets[i], message);
	if (error) {
		log_error("%s", message[0] ? message : error_text(error, LUYTRE_LANG_EN));
		conf_tree_free(tree);
		return error;
	}
	*ret = tree;
	return 0;
}

/* The folder of 'path', or "." */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

int sensor_settings_load(const struct sensor_options *options, struct sensor_settings **ret)
{
	struct sensor_settings *s = calloc(1, sizeof(*s));
	struct conf_tree *tree = NULL;
	int error;

	if (!s)
		return LUYTRE_E_NOMEM;
	error = open_tree(options, &tree);
	if (error)
		goto fail;
	s->tree = tree;
	s->root = conf_root(tree);
	s->host_os = calloc(HOST_OS_MAX, sizeof(*s->host_os));
	s->output_dir =
		options->eve_path ? folder_of(options->eve_path) : strdup(conf_text(s->root, "default-log-dir", "."));
	error = s->host_os && s->output_dir ? 0 : LUYTRE_E_NOMEM;
	if (error)
		goto fail;
	if (options->eve_path && !options->config_path && !options->own_outputs) {
		const char *slash = strrchr(options->eve_path, '/');

		s->eve_name = slash ? slash + 1 : options->eve_path;
	}
	read_options(s, options);
	read_flow(s);
	read_stream(s);
	error = read_host_os(s);
	if (error)
		goto fail;
	read_policies(s);
	if (options->config_path) {
		warn_unknown(s);
		warn_idle_sections(s);
		warn_outputs(s);
		error = read_rule_files(s);
		if (error)
			goto fail;
	}
	error = sensor_settings_complaints(s, options->errors_fatal);
	if (error)
		goto fail;
	*ret = s;
	return 0;
fail:
	sensor_settings_free(s);
	return error;
}

void sensor_settings_free(struct sensor_settings *settings)
{
	if (!settings)
		return;
	conf_tree_free((struct conf_tree *)(uintptr_t)settings->tree);
	for (unsigned int i = 0; i < settings->rule_file_count; i++)
		free(settings->rule_files[i]);
	free(settings->rule_files);
	free(settings->host_os);
	free((char *)(uintptr_t)settings->output_dir);
	free(settings);
}
