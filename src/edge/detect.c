// SPDX-License-Identifier: Apache-2.0
/* Between the tables and the flood detection: sums what the kernel counted, carries out what the
 * detection asks for, and keeps what it learned over a restart. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/internal.h"
#include "edge/stats.h"
#include "shield/emulate.h"

enum { BASELINE_SIZE_MAX = 64 << 20 };

/* ---- what the detection asks for ---------------------------------------------------------------*/

static void set_attack(void *user, uint32_t tenant, uint32_t bits)
{
	struct edge *edge = user;

	__atomic_store_n(&edge->maps->tenant_states[tenant].attack, bits, __ATOMIC_RELEASE);
}

static int install_signature(void *user, uint32_t tenant, const struct shield_signature *signature, uint32_t *ret_slot)
{
	struct edge *edge = user;
	struct shield_tenant_state *state = &edge->maps->tenant_states[tenant];
	uint32_t slot = 0, at = state->signature_count;

	while (slot < edge->maps->signatures_count && edge->maps->signatures[slot].used)
		slot++;
	if (slot == edge->maps->signatures_count || at >= SHIELD_SIGNATURES_PER_TENANT)
		return LUYTRE_E_FULL;
	/* Whole before it is named: readers come over the tenant's list. */
	edge->maps->signatures[slot] = *signature;
	edge->maps->signatures[slot].hits = 0;
	__atomic_store_n(&edge->maps->signatures[slot].used, 1, __ATOMIC_RELEASE);
	state->signature[at] = (uint16_t)slot;
	__atomic_store_n(&state->signature_count, at + 1, __ATOMIC_RELEASE);
	*ret_slot = slot;
	return 0;
}

static void set_enforce(void *user, uint32_t tenant, uint32_t slot, uint32_t enforce)
{
	struct edge *edge = user;

	__atomic_store_n(&edge->maps->signatures[slot].enforce, enforce, __ATOMIC_RELEASE);
}

/* The last of the list takes the place of the one that goes. A packet that reads the list meanwhile
 * may try the last one twice, which does no harm. */
static void remove_signature(void *user, uint32_t tenant, uint32_t slot)
{
	struct edge *edge = user;
	struct shield_tenant_state *state = &edge->maps->tenant_states[tenant];

	for (uint32_t i = 0; i < state->signature_count; i++)
		if (state->signature[i] == slot) {
			__atomic_store_n(
				&state->signature[i], state->signature[state->signature_count - 1], __ATOMIC_RELEASE);
			__atomic_store_n(&state->signature_count, state->signature_count - 1, __ATOMIC_RELEASE);
			break;
		}
	__atomic_store_n(&edge->maps->signatures[slot].used, 0, __ATOMIC_RELEASE);
	shield_grace();
}

static uint64_t read_hits(void *user, uint32_t tenant, uint32_t slot)
{
	const struct edge *edge = user;

	return __atomic_load_n(&edge->maps->signatures[slot].hits, __ATOMIC_RELAXED);
}

static void set_sample_every(void *user, uint32_t tenant, uint32_t class_id, uint32_t every)
{
	struct edge *edge = user;
	const struct shield_globals *g = edge->maps->globals;

	edge->maps->tenant_states[tenant].sample_every[class_id] = every;
	/* A countdown from a quiet time would hold the first samples of a flood back. */
	for (uint32_t cpu = 0; cpu < g->cpus; cpu++) {
		struct shield_traffic *t =
			&edge->maps->traffic[(cpu * g->tenants + tenant) * SHIELD_CLASS_COUNT + class_id];

		if (t->countdown > every)
			t->countdown = every;
	}
}

static void report(void *user, const struct flood_report *report)
{
	struct edge *edge = user;
	struct flood_report named = *report;
	char text[FLOOD_TEXT_SIZE];

	named.tenant_name = policy_name(edge->policy, report->tenant);
	if (report->phase == FLOOD_END) {
		named.tenant_name = NULL; /* the name may be gone when somebody asks */
		edge->detect.ended[edge->detect.ended_count++ % EDGE_REPORTS_MAX] = named;
		named.tenant_name = policy_name(edge->policy, report->tenant);
	}
	if (report->phase != FLOOD_UPDATE)
		log_info("%s", flood_report_text(&named, edge_lang(edge), text, sizeof(text)));
}

static uint32_t hash_v6(void *user, const struct packet_addr *address)
{
	struct edge *edge = user;

	return shield_emulate_destination(edge->maps, address, 6);
}

/* ---- life cycle --------------------------------------------------------------------------------*/

static void fill_config(const struct edge *edge, struct flood_config *ret)
{
	const struct config_detection *d = &edge->config->detection;

	*ret = (struct flood_config){ .tick_ms = d->tick_ms,
		.floor_pps = d->floor_pps,
		.factor = d->factor,
		.signature_budget = d->signature_budget,
		.hold_s = d->hold_s,
		.warm_s = d->warm_s,
		.samples_pps = d->samples_pps,
		.tenants_max = edge->maps->globals->tenants,
		.destinations_max = edge->maps->destinations_count * SHIELD_LINE_WORDS / 2,
		.seed = edge->maps->globals->hash_key[0] ^ edge->started_ns };
}

static void baseline_path(const struct edge *edge, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/baseline", edge->config->state_dir);
}

static void load_baseline(struct edge *edge)
{
	char path[PATH_MAX];
	struct stat st;
	uint8_t *data;
	ssize_t got;
	int fd, code;

	baseline_path(edge, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) || st.st_size <= 0 || st.st_size > BASELINE_SIZE_MAX ||
		!(data = malloc((size_t)st.st_size))) {
		close(fd);
		return;
	}
	got = read(fd, data, (size_t)st.st_size);
	close(fd);
	code = got == st.st_size ? flood_load(edge->flood, bytes_of(data, (size_t)got)) : LUYTRE_E_TRUNCATED;
	if (code)
		log_warn("%s: %s Traffic is learned anew.", path, error_text(code, LUYTRE_LANG_EN));
	else
		log_info("the baseline of ordinary traffic was read from %s", path);
	free(data);
}

void edge_detect_save(struct edge *edge)
{
	char path[PATH_MAX], fresh[PATH_MAX + 8];
	size_t size, used = 0;
	uint8_t *data;
	bool whole;
	int fd;

	if (!edge->flood)
		return;
	size = flood_save_size(edge->flood);
	data = malloc(size);
	if (!data || flood_save(edge->flood, data, size, &used)) {
		free(data);
		return;
	}
	baseline_path(edge, path);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	whole = fd >= 0 && write(fd, data, used) == (ssize_t)used && !fsync(fd);
	if (fd >= 0)
		close(fd);
	if (!whole || rename(fresh, path))
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "%s cannot be written: %s", path, strerror(errno));
	free(data);
}

int edge_detect_bind(struct edge *edge)
{
	struct flood_config config;
	uint32_t count = edge->maps->globals->tenants;
	int code;

	if (!edge->flood)
		return 0;
	fill_config(edge, &config);
	code = flood_configure(edge->flood, &config);
	if (code)
		return code;
	for (uint32_t i = 0; i < count; i++)
		edge->detect.keys[i] = policy_key(edge->policy, i);
	return flood_rebind(edge->flood, edge->detect.keys, count);
}

int edge_detect_open(struct edge *edge)
{
	struct flood_ops ops = { edge, set_attack, install_signature, set_enforce, remove_signature, read_hits,
		set_sample_every, report, hash_v6 };
	size_t tenants = edge->maps->globals->tenants;
	struct flood_config config;
	int code;

	if (!edge->config->detection.enabled)
		return 0;
	fill_config(edge, &config);
	edge->detect.traffic = calloc(tenants, sizeof(*edge->detect.traffic));
	edge->detect.keys = calloc(tenants, sizeof(*edge->detect.keys));
	edge->detect.destinations = calloc(config.destinations_max, sizeof(*edge->detect.destinations));
	if (!edge->detect.traffic || !edge->detect.keys || !edge->detect.destinations)
		return LUYTRE_E_NOMEM;
	/* What an earlier daemon left in the tables is found again by the detection itself. */
	for (size_t i = 0; i < tenants; i++) {
		edge->maps->tenant_states[i].attack = 0;
		edge->maps->tenant_states[i].signature_count = 0;
	}
	shield_grace();
	memset(edge->maps->signatures, 0, edge->maps->signatures_count * sizeof(*edge->maps->signatures));
	edge->flood = flood_new(&config, &ops);
	if (!edge->flood)
		return LUYTRE_E_NOMEM;
	code = edge_detect_bind(edge);
	if (!code)
		load_baseline(edge);
	return code;
}

void edge_detect_close(struct edge *edge)
{
	flood_free(edge->flood);
	free(edge->detect.traffic);
	free(edge->detect.keys);
	free(edge->detect.destinations);
}

/* ---- the tick ----------------------------------------------------------------------------------*/

/* Takes the counts out of the table: the address stays, so that it need not be found again. */
static void read_destinations(struct edge *edge)
{
	struct edge_detect *d = &edge->detect;

	d->destination_count = 0;
	for (uint32_t i = 0; i < edge->maps->destinations_count; i++)
		for (uint32_t k = 0; k < SHIELD_LINE_WORDS; k += 2) {
			struct shield_line *line = &edge->maps->destinations[i];
			uint64_t who = line->word[k], packets = line->word[k + 1];
			struct flood_destination *to = &d->destinations[d->destination_count];

			if (!packets)
				continue;
			__atomic_fetch_sub(&line->word[k + 1], packets, __ATOMIC_RELAXED);
			to->address = (uint32_t)(who >> 32);
			to->packets = packets > UINT32_MAX ? UINT32_MAX : (uint32_t)packets;
			to->tenant = (uint16_t)who;
			to->family = (uint8_t)(who >> 16);
			d->destination_count++;
		}
}

static void read_traffic(struct edge *edge, uint32_t tenants)
{
	for (uint32_t t = 0; t < tenants; t++)
		for (uint32_t k = 0; k < SHIELD_CLASS_COUNT; k++) {
			struct flood_traffic *to = &edge->detect.traffic[t][k];
			struct shield_traffic sum;

			stats_traffic(edge->maps, t, k, &sum);
			*to = (struct flood_traffic){ sum.packets, sum.bytes, sum.passed_packets, sum.passed_bytes };
		}
}

void edge_detect_tick(struct edge *edge, uint64_t now_ns)
{
	uint32_t tenants = policy_slot_count(edge->policy);
	struct flood_input input = { .now_ns = now_ns, .tenants = tenants };

	if (!edge->flood)
		return;
	read_destinations(edge);
	read_traffic(edge, tenants);
	input.traffic = (const struct flood_traffic(*)[SHIELD_CLASS_COUNT])edge->detect.traffic;
	input.destinations = edge->detect.destinations;
	input.destination_count = edge->detect.destination_count;
	flood_tick(edge->flood, &input);
}

/* ---- sweeping ----------------------------------------------------------------------------------*/

/* Times of the limits wrap around after 52 days: an entry idle for 26 would look like a busy one. A
 * slice of the table each second, the whole in a quarter of an hour or so. */
void edge_sweep(struct edge *edge, uint64_t now_ns)
{
	uint32_t lines = edge->maps->sources_count, slice = lines / 1024 + 1;
	uint64_t now = now_ns >> 8 & ((1ull << 44) - 1);
	uint32_t first = (uint32_t)(edge->ticks % 1024) * slice;

	for (uint32_t i = first; i < first + slice && i < lines; i++)
		for (uint32_t k = 0; k < SHIELD_LINE_WORDS; k++) {
			uint64_t word = edge->maps->sources[i].word[k], ahead = (word - now) & ((1ull << 44) - 1);

			if (word && ahead >= 1ull << 43)
				__atomic_compare_exchange_n(&edge->maps->sources[i].word[k], &word, 0, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED);
		}
}
