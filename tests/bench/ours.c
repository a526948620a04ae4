// SPDX-License-Identifier: Apache-2.0
/* See ours.h. */
#include "tests/bench/ours.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "shield/vectors.h"

enum { SAMPLE_EVERY = 2000, TEXT_MAX = 64 << 10, LIST_NUMBER = 2, BOGON_LIST = 3, LISTED_BASE = 0x10000000 };

/* ---- configuration ----------------------------------------------------------------------------*/

static int write_tenants(char *text, size_t size)
{
	int at = snprintf(text, size,
		"interface: " RIG_RECEIVER "\nwatch_outbound: false\n"
		"capacity: {tenants: 512, decisions: 1100k}\ntenants:\n");

	for (int i = 0; i < OURS_TENANTS && at < (int)size; i++)
		at += snprintf(text + at, size - (size_t)at,
			"  - {name: t%d, prefixes: [198.18.%d.0/24], mode: enforce, udp_ports: [" OURS_UDP_PORT "]}\n",
			i, i);
#define X(name, net, settings)                                                                                         \
	at += snprintf(text + at, size - (size_t)at,                                                                   \
		"  - {name: " #name ", prefixes: [" net                                                                \
		".0/24, \"2001:db8:%x::/48\"], mode: enforce, udp_ports: [" OURS_UDP_PORT "], " settings "}\n",        \
		atoi(&(net)[7]) + 1);
	OURS_PLACES(X)
#undef X
	return at < (int)size ? 0 : LUYTRE_E_FULL;
}

static int read_config(struct ours *ours)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	char *text = malloc(TEXT_MAX);
	int error = errors && text ? write_tenants(text, TEXT_MAX) : LUYTRE_E_NOMEM;

	if (!error)
		error = config_load_bytes(bytes_from_str(text), "(bench)", NULL, errors, &ours->config);
	if (error && errors)
		config_errors_print(stderr, errors);
	free(errors);
	free(text);
	return error;
}

/* ---- the program ------------------------------------------------------------------------------*/

/* The loader attaches by a link of its own. The measurement must change programs in between, so the program is taken
 * from the device and the link is cut. */
static int take_program(struct ours *ours)
{
	uint32_t program_id = 0, id = 0, size;
	struct bpf_link_info info;

	if (bpf_xdp_query_id(ours->rig->receiver, XDP_FLAGS_DRV_MODE, &program_id) || !program_id)
		return LUYTRE_E_NOT_FOUND;
	ours->program = bpf_prog_get_fd_by_id(program_id);
	if (ours->program < 0)
		return LUYTRE_E_SYSTEM;
	while (!bpf_link_get_next_id(id, &id)) {
		int fd = bpf_link_get_fd_by_id(id), error = 1;

		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) && info.prog_id == program_id)
			error = bpf_link_detach(fd);
		if (fd >= 0)
			close(fd);
		if (!error)
			return 0;
	}
	return LUYTRE_E_NOT_FOUND;
}

static int open_shield(struct ours *ours)
{
	struct shield_options options = { .interface = RIG_RECEIVER,
		.attach = CONFIG_ATTACH_NATIVE,
		.sizes = policy_sizes(ours->config, (uint32_t)libbpf_num_possible_cpus()) };
	char why[512] = "";
	int error = shield_open(&options, &ours->shield, why, sizeof(why));

	if (error) {
		log_error("%s", why);
		return error;
	}
	ours->maps = shield_maps_of(ours->shield);
	return take_program(ours);
}

static void wait_grace(void *user)
{
	shield_grace();
}

static void take_samples(struct ours *ours)
{
	for (uint32_t slot = 0; slot < ours->maps->tenant_states_count; slot++)
		for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++)
			ours->maps->tenant_states[slot].sample_every[class_id] = SAMPLE_EVERY;
}

int ours_open(struct ours *ours, struct rig *rig)
{
	struct decisions_config decisions = { .fresh = true, .wait = wait_grace };
	const char *what = "";
	int error;

	memset(ours, 0, sizeof(*ours));
	ours->rig = rig;
	ours->program = -1;
	error = read_config(ours);
	if (!error)
		error = open_shield(ours);
	if (error)
		return error;
	decisions.max_v4 = ours->config->capacity.decisions;
	decisions.max_v6 = ours->config->capacity.decisions_v6;
	ours->policy = policy_new(ours->maps);
	ours->decisions = decisions_new(ours->maps, &decisions);
	if (!ours->policy || !ours->decisions)
		return LUYTRE_E_NOMEM;
	error = policy_load(ours->policy, ours->config, &what);
	if (error)
		log_error("raise %s", what);
	take_samples(ours);
	return error;
}

void ours_close(struct ours *ours)
{
	if (ours->program >= 0)
		close(ours->program);
	decisions_free(ours->decisions);
	policy_free(ours->policy);
	shield_close(ours->shield);
	config_free(ours->config);
}

/* ---- lists ------------------------------------------------------------------------------------*/

struct ip_addr ours_address(uint32_t net, uint8_t length, uint32_t k)
{
	uint32_t host = length ? (1u << (32 - length)) - 1 : ~0u, addr = htonl(net | ((k * 2654435761u) & host));

	return ip_addr_v4(&addr);
}

/* What a real edge has beside the blocked sources. */
static int put_bogons(struct ours *ours)
{
	static const char *const bogons[] = { "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
		"169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24", "192.168.0.0/16", "203.0.113.0/24", "224.0.0.0/3",
		"2001:db8::/32" };
	struct decision decision = { .action = SHIELD_ACTION_BOGON, .list = BOGON_LIST, .expiry_ns = DECISIONS_NEVER };
	int error = 0;

	for (size_t i = 0; i < ARRAY_COUNT(bogons) && !error; i++) {
		error = ip_prefix_parse(bytes_from_str(bogons[i]), 0, &decision.prefix);
		if (!error)
			error = decisions_put(ours->decisions, &decision);
	}
	return error;
}

int ours_list(struct ours *ours, uint32_t count)
{
	struct decision decision = { .action = SHIELD_ACTION_BLOCK, .list = LIST_NUMBER, .expiry_ns = DECISIONS_NEVER };
	int error = decisions_begin(ours->decisions, DECISIONS_ALL, clock_mono_ns());

	for (uint32_t k = 0; k < count && !error; k++) {
		struct ip_addr addr = ours_address(LISTED_BASE, 4, k);

		decision.prefix = ip_prefix_of_addr(&addr);
		error = decisions_put(ours->decisions, &decision);
	}
	if (!error)
		error = put_bogons(ours);
	if (!error)
		error = decisions_commit(ours->decisions, clock_mono_ns());
	if (error)
		log_error("the list cannot be loaded: %s", error_text(error, LUYTRE_LANG_EN));
	return error;
}

/* ---- looking ----------------------------------------------------------------------------------*/

void ours_end_passed(struct ours *ours, bool end)
{
	ours->maps->globals->peer_ifindex = end ? if_nametoindex("lo") : 0;
}

uint64_t ours_counted(const struct ours *ours, const char *tenant, enum shield_reason reason)
{
	const struct shield_globals *g = ours->maps->globals;
	uint32_t slot = policy_slot(ours->policy, tenant);
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < g->cpus; cpu++)
		sum += ours->maps->counters[((cpu * g->tenants + slot) * SHIELD_REASON_SLOTS + reason) * 2].packets;
	return sum;
}

void ours_traffic(const struct ours *ours, uint64_t *ret_seen, uint64_t *ret_passed)
{
	*ret_seen = *ret_passed = 0;
	for (uint32_t i = 0; i < ours->maps->traffic_count; i++) {
		*ret_seen += ours->maps->traffic[i].packets;
		*ret_passed += ours->maps->traffic[i].passed_packets;
	}
}
