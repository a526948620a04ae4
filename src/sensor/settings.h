// SPDX-License-Identifier: Apache-2.0
/* The settings of the sensor that more than one module reads, typed and checked once.
 *
 * They come from our own configuration ("sensor:" of luytre.yaml) or from a suricata.yaml; the names below each field are
 * the dotted option there. What only one module needs it reads itself from 'tree' when the policy is made. Immutable
 * after sensor_settings_load; shared by all workers. */
#pragma once

#include "base/compiler.h"
#include "sensor/common.h"

struct conf_tree;
struct conf_node;

enum stream_os_policy { /* host-os-policy: who wins when segments overlap */
	OS_BSD,
	OS_BSD_RIGHT,
	OS_OLD_LINUX,
	OS_LINUX,
	OS_OLD_SOLARIS,
	OS_SOLARIS,
	OS_HPUX10,
	OS_HPUX11,
	OS_IRIX,
	OS_MACOS,
	OS_WINDOWS,
	OS_VISTA,
	OS_WINDOWS2K3,
	OS_FIRST,
	OS_LAST,
};

struct flow_timeouts { /* flow-timeouts.*, in seconds; index 0 normal, 1 emergency */
	uint32_t new_s[2], established_s[2], closed_s[2], bypassed_s[2];
};

enum { INSPECTION_LIMIT_DEFAULT = 3000 };

enum { FLOW_PROTO_DEFAULT, FLOW_PROTO_TCP, FLOW_PROTO_UDP, FLOW_PROTO_ICMP, FLOW_PROTO_COUNT };

struct host_os;

struct sensor_settings {
	const struct conf_tree *tree; /* borrowed; outlives the settings */
	const struct conf_node *root;
	size_t complaints_told; /* of the tree's */
	const char *eve_name; /* name of the stock event file when --eve gives another; else null */
	const char *output_dir; /* default-log-dir, or the folder of --eve */
	const char *data_dir; /* --data-dir: data sets are saved there; null: output_dir */
	const char *work_dir; /* where relative names of rules and configuration are looked up: usually "." */
	bool ips; /* --simulate-ips, or an inline source: verdicts act */
	bool offline; /* reading files */
	bool no_traces; /* a worker that plays samples (hold/): it keeps no file and no evidence, and changes no data set and no bit of a host */
	bool no_checksums; /* -k none */
	uint8_t checksum_mode; /* pcap-file.checksum-checks: 0 no, 1 yes, 2 auto */

	/* Exception policies (exception-policy, and each module's own option), AUTO resolved. */
	uint8_t policy_flow_memcap, policy_defrag_memcap, policy_stream_ssn_memcap, policy_stream_reassembly_memcap,
		policy_midstream, policy_applayer_error;

	/* flow.* */
	uint64_t flow_memcap_size;
	uint32_t flow_hash_count, flow_prealloc_count, flow_emergency_recovery;
	struct flow_timeouts flow_timeouts[FLOW_PROTO_COUNT];
	bool vlan_use_for_tracking, recursion_use_for_tracking, livedev_use_for_tracking;

	/* stream.* */
	uint64_t stream_memcap_size, reassembly_memcap_size;
	uint32_t reassembly_depth_size, reassembly_chunk_size[SENSOR_DIRS];
	bool stream_checksum_validation, stream_midstream, stream_async_oneside, stream_inline, stream_bypass;
	bool stream_drop_invalid, stream_raw;
	uint32_t stream_max_synack_queued, stream_max_syn_queued, segment_prealloc;
	uint8_t urgent_policy; /* stream.reassembly.urgent.policy: 0 oob, 1 inline, 2 drop, 3 gap */
	uint8_t urgent_oob_limit_policy, urgent_oob_limit;
	int32_t max_regions;

	/* decoder.* is read by decode/, defrag.* by decode/defrag. */
	uint8_t max_layers;
	bool guess_tx; /* detect.guess-applayer-tx */
	uint32_t inspection_limit; /* detect.inspection-recursion-limit: tries of one rule on one buffer */
	uint32_t pcre_match_limit,
		pcre_depth_limit; /* pcre.match-limit, .match-limit-recursion; 0: those of match/regex.h */
	struct host_os *host_os; /* settings.c: host-os-policy */
	unsigned int host_os_count;
	uint32_t packet_alert_max; /* packet-alert-max */
	uint32_t seed;
	char **rule_files; /* of "rule-files" below "default-rule-path", where nothing else names rules; owned */
	unsigned int rule_file_count;

	/* Test hooks (--simulate-*): packet numbers, 0 none; offsets, UINT64_MAX none. */
	uint64_t simulate_flow_memcap, simulate_ssn_memcap, simulate_reassembly_memcap, simulate_defrag_memcap;
	uint64_t simulate_applayer_error[SENSOR_DIRS];
};

/* One option of luytre.yaml under its name here; texts are borrowed and outlive the settings. */
struct sensor_setting {
	const char *path, *value;
	const char *file; /* and line: where it stands, for complaints */
	uint32_t line;
};

/* What the command line says beside the configuration. */
struct sensor_options {
	const char *config_path; /* --suricata-config; null: stock values */
	const struct sensor_setting *own; /* of luytre.yaml; they win over config_path */
	unsigned int own_count;
	bool own_outputs; /* they name outputs */
	const char *const *sets; /* "PATH=VALUE" of --set */
	unsigned int set_count;
	const char *eve_path; /* --eve; null: as configured */
	const char *data_dir;
	bool simulate_ips, no_checksums, offline;
	bool errors_fatal; /* wrong values are errors, not warnings */
	uint64_t simulate_flow_memcap, simulate_ssn_memcap, simulate_reassembly_memcap, simulate_defrag_memcap;
	uint64_t simulate_applayer_error[SENSOR_DIRS];
};

/* Reads configuration and options. 0, or an error that was logged with file, line and remedy; contradictions are errors.
 * What the sensor does not know is warned about once for each top-level option. */
MUST_CHECK int sensor_settings_load(const struct sensor_options *options, struct sensor_settings **ret);
/* Logs what getters complained about since; an error when that is fatal. */
MUST_CHECK int sensor_settings_complaints(struct sensor_settings *settings, bool fatal);
void sensor_settings_free(struct sensor_settings *settings);

/* Target system of an address by host-os-policy. */
enum stream_os_policy sensor_settings_os(const struct sensor_settings *settings, const void *ip_addr);
