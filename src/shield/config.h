// SPDX-License-Identifier: Apache-2.0
/* The configuration of a site, the edge and its sensor: one YAML file, read whole, checked whole, then used whole.
 *
 * config_load() reads the file through the rows of schema.c, which name each setting with its type, bounds, default,
 * unit and help. The same rows answer `luytre check` (a load whose result is thrown away) and print the reference
 * page (config_print_reference). A file with any error yields no configuration, so that whoever reloads simply
 * keeps the one it has. All errors are collected, up to CONFIG_ERRORS_MAX, because nobody likes to mend a file one
 * error at a time; each says line, setting, what was found, what was expected and what to do.
 *
 * Ownership: a struct config owns everything that it points to, in one arena, and is never changed after the load;
 * config_free() releases all of it. Threads: any number may read one configuration. Nothing here is on the packet path.
 *
 * Bounds: the file is at most CONFIG_FILE_MAX bytes, nesting is at most the depth of the schema, every list has a
 * ceiling, YAML anchors, aliases, tags and further documents are refused: a configuration is data, not a program. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/net.h"
#include "shield/config-sensor.h"

#define CONFIG_FILE_MAX     (16u << 20)
#define CONFIG_ERRORS_MAX   20
#define CONFIG_NAME_MAX     63 /* of a tenant, of a list */
#define CONFIG_LISTS_MAX    60 /* four of the shield's 64 list numbers are taken (lists.h) */
#define CONFIG_TENANTS_MAX  4096
#define CONFIG_PREFIXES_MAX 65536 /* of all tenants together; the setting capacity.tenant_prefixes lowers it */
#define CONFIG_PER_LIST_MAX 4096 /* items of any one list of prefixes, ports or names inside a tenant */

enum config_attach { CONFIG_ATTACH_AUTO, CONFIG_ATTACH_NATIVE, CONFIG_ATTACH_GENERIC };
enum config_unknown { CONFIG_UNKNOWN_PASS, CONFIG_UNKNOWN_DROP };
enum config_list_action { CONFIG_LIST_BLOCK, CONFIG_LIST_ALLOW, CONFIG_LIST_BOGON };
enum config_mode { CONFIG_MODE_SHADOW, CONFIG_MODE_ENFORCE };
enum config_challenge { CONFIG_CHALLENGE_OFF, CONFIG_CHALLENGE_ON, CONFIG_CHALLENGE_AUTO };
enum config_direction { CONFIG_DIRECTION_IN, CONFIG_DIRECTION_BOTH };
enum config_full_table { CONFIG_FULL_OPEN, CONFIG_FULL_CLOSED };

/* Prefixes in the order of the file, host bits zero, no prefix twice. */
struct config_prefixes {
	const struct ip_prefix *items;
	size_t count;
};

/* Both ends belong to the range; the ranges of a list are sorted, apart from one another, and within 1..65535. */
struct config_port_range {
	uint16_t first;
	uint16_t last;
};

struct config_ports {
	const struct config_port_range *ranges;
	size_t count;
};

struct config_names {
	const char *const *items;
	size_t count;
};

/* A set of IP protocol numbers. */
struct config_protocols {
	uint64_t bits[4];
};

static inline bool config_protocols_has(const struct config_protocols *set, uint8_t protocol)
{
	return set->bits[protocol >> 6] >> (protocol & 63) & 1;
}

/* How many entries each table of the shield gets. */
struct config_capacity {
	uint32_t tenants;
	uint32_t decisions;
	uint32_t decisions_v6;
	uint32_t sources;
	uint32_t proven;
	uint32_t flows;
	uint32_t fragments;
	uint32_t destinations;
	uint32_t signatures;
	uint32_t port_sets;
	uint32_t tenant_prefixes;
};

struct config_detection {
	bool enabled;
	uint32_t tick_ms;
	uint32_t floor_pps; /* below this rate nothing is ever called a flood */
	double factor; /* a flood is more than factor x the baseline percentile */
	double signature_budget; /* 0..1: the share of peace-time traffic that a learned signature may hit */
	uint32_t hold_s; /* quiet for this long: the attack is over */
	uint32_t warm_s; /* a mitigation re-arms at once within this time after the end */
	uint32_t samples_pps;
};

/* A file of prefixes; its contents are read elsewhere. */
struct config_list {
	const char *name;
	const char
		*file; /* as a path that can be opened: the folder of the configuration file is already put before it */
	enum config_list_action action;
};

/* Packets per second, 0 for no limit. The first five count for each source or source prefix, the others for the tenant. */
struct config_limits {
	uint32_t source_pps;
	uint32_t source_syn_pps;
	uint32_t prefix_pps; /* IPv4 /24, IPv6 /64 */
	uint32_t prefix56_pps; /* IPv6 /56 */
	uint32_t prefix48_pps; /* IPv6 /48 */
	uint32_t total_pps;
	uint32_t tcp_syn_pps;
	uint32_t tcp_pps;
	uint32_t udp_pps;
	uint32_t icmp_pps;
	uint32_t fragment_pps;
	uint32_t reply_pps; /* replies of reflection protocols that the tenant opened */
	uint32_t other_pps; /* every protocol that has no limit of its own */
	uint32_t challenge_pps; /* answers sent to prove sources */
};

struct config_tenant {
	const char *name;
	const char *title; /* null when not set */
	uint32_t hub_id; /* its number at the hub; 0: not known there */
	struct config_prefixes prefixes;
	enum config_mode mode;
	bool bogons;
	struct config_protocols protocols;
	struct config_ports tcp_ports;
	struct config_ports udp_ports;
	struct config_names replies; /* names that the config_name_fn of the load knows */
	struct config_prefixes reply_servers;
	struct config_prefixes allow;
	bool clients;
	enum config_challenge challenge;
	enum config_direction direction;
	enum config_full_table full_table;
	bool ipv4_options;
	bool empty_udp;
	bool tcp_fast_open;
	uint32_t min_mss;
	uint32_t proof_s;
	uint32_t burst_ms; /* of every limit */
	struct config_limits limits;
	struct config_tenant_sensor sensor;
};

/* The link to the hub (src/edge/link). */
struct config_hub {
	bool enabled;
	bool run; /* for src/cli: a hub beside the edge, and the edge is enrolled there */
	const char *events_socket;
	const char *events_group; /* null: the owner alone */
	uint64_t spool_size; /* bytes */
	uint32_t local_block_s; /* 0: no decisions of its own */
	uint32_t ordinary_per_s; /* requests and connections without a finding that are sent; 0: none */
	struct config_prefixes never_block; /* decisions of the hub about these are refused */
};

/* The web server's gate on this machine. */
struct config_gate {
	const char *holds_file; /* null: none */
};

/* Where Prometheus may read; always a loopback address. */
struct config_metrics {
	bool enabled;
	struct ip_addr address;
	uint16_t port;
};

struct config {
	const char *interface; /* null in a file that is for the sensor alone */
	const char *peer; /* null when there is one interface only */
	enum config_attach attach;
	enum config_unknown unknown_destination;
	bool watch_outbound;
	enum luytre_lang language;
	const char *control_socket;
	const char *control_group; /* null: root alone */
	struct config_metrics metrics;
	const char *pin_dir;
	const char *state_dir;
	struct config_capacity capacity;
	struct config_detection detection;
	struct config_hub hub;
	struct config_gate gate;
	const struct config_list *lists;
	size_t list_count;
	const struct config_tenant *tenants;
	size_t tenant_count;
	struct config_sensor sensor;

	struct arena arena; /* owns all that the above points to; for config.c alone */
};

/* One error. The texts are safe to print on a terminal: control characters of the file are replaced. */
struct config_error {
	unsigned int line; /* from 1; 0 when the error belongs to no line, such as a file that cannot be opened */
	char setting[96]; /* such as "tenants[3].limits.udp_pps"; "" when the error belongs to the file */
	char found[96];
	char expected[256];
	char remedy[256]; /* "" when the expectation says it all */
};

struct config_errors {
	char file[256];
	size_t count; /* of items */
	size_t total; /* found; reading stops at the first error after CONFIG_ERRORS_MAX, so at most one more than count */
	struct config_error items[CONFIG_ERRORS_MAX];
};

/* The name of reflection protocol number 'index', null after the last: the table lives with the fingerprints. */
typedef const char *(*config_name_fn)(size_t index);

/* Reads and checks 'path'. On success '*ret' is a new configuration and 'errors->count' is 0. On failure '*ret' is
 * untouched and 'errors' says why: LUYTRE_E_IO (the file cannot be read), LUYTRE_E_INVALID (anything in the text) or
 * LUYTRE_E_NOMEM, perhaps without any error in the list. 'reply_name' checks `replies`; null accepts any well-formed
 * name. */
MUST_CHECK int config_load(
	const char *path, config_name_fn reply_name, struct config_errors *errors, struct config **ret);

/* The same for text in memory; 'path' names it in errors and gives the folder that list files are relative to. */
MUST_CHECK int config_load_bytes(struct bytes text, const char *path, config_name_fn reply_name,
	struct config_errors *errors, struct config **ret);

/* Frees the configuration and all that it points to. Null is allowed. */
void config_free(struct config *config);

/* Prints one error as a line "FILE:LINE: SETTING: found X, expected Y (REMEDY)". */
void config_error_print(FILE *out, const struct config_errors *errors, size_t index);

/* Prints all errors, one a line, and says so when there were more. */
void config_errors_print(FILE *out, const struct config_errors *errors);

/* Prints the reference page, in Markdown: every setting with its type, bounds, default, unit and help.
 * `luytre config reference` prints it; docs/configuration.md is its English output and a test compares the two. */
void config_print_reference(FILE *out, enum luytre_lang language);
