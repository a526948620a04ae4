// SPDX-License-Identifier: Apache-2.0
/* The memory that all workers share: tables of the guards, and counters.
 *
 *	guard_shared | abuse tables | sessions of the leak guard
 *
 * nginx gives it again after a reload while its size is the same, with all that it knows: who is held stays held. Tables written by a
 * module with other structures are refused, since workers of both would use them. Limits are not in there, so they change at once. */
#include "gate/nginx/guard.h"

#include <sys/random.h>

#include "gate/output/event.h"

#define ZONE_VERSION UINT64_C(1)
#define ENDPOINTS    256
/* Twice as many addresses and names as sessions, sixteen times as many as fingerprints. */
#define SESSION_PART 2
#define CLUSTER_PART 16
#define COUNT_STEP   1024
/* The longest that directives can say. */
#define HOLD_MAX_MS    3600000
#define SESSION_MAX_MS (86400 * UINT64_C(1000))

struct guard_shared {
	uint64_t form; /* of all structures in here */
	struct siphash_key key;
	uint64_t session_places, size;
	uint64_t abuse_at, sessions_at; /* offsets from this */
	uint64_t counts[GUARD_WORKERS][GUARD_COUNT_COUNT];
};

struct zone_plan {
	struct abuse_settings abuse;
	struct leak_settings leak;
	size_t session_count, abuse_size, size;
};

static struct zone_plan plan_of(size_t count)
{
	struct zone_plan plan = { .session_count = count / SESSION_PART };

	abuse_settings_default(&plan.abuse);
	plan.abuse.clients_max = count;
	plan.abuse.names_max = count;
	plan.abuse.clusters_max = count / CLUSTER_PART;
	plan.abuse.endpoints_max = ENDPOINTS;
	plan.abuse.hold_ms = HOLD_MAX_MS;
	leak_settings_default(&plan.leak, 0);
	plan.leak.session_ms = SESSION_MAX_MS;
	plan.abuse_size = abuse_size(&plan.abuse);
	plan.size = sizeof(struct guard_shared) + plan.abuse_size + leak_sessions_size(plan.session_count);
	return plan;
}

/* The largest that fits behind what nginx's allocator takes for itself. */
static struct zone_plan plan_for(size_t memory_size)
{
	size_t room = memory_size / 64 * 63 - ((size_t)64 << 10), count = COUNT_STEP;

	while (plan_of(count + COUNT_STEP).size <= room)
		count += COUNT_STEP;
	return plan_of(count);
}

static uint64_t form_of(const struct zone_plan *plan)
{
	return ZONE_VERSION << 56 ^ (uint64_t)plan->size << 16 ^ (uint64_t)sizeof(struct guard_shared) ^
	       (uint64_t)plan->abuse_size << 24 ^ (uint64_t)leak_sessions_size(COUNT_STEP) << 4;
}

static bool place(struct guard_shared *shared, const struct zone_plan *plan)
{
	struct zone_plan keyed = *plan;

	memset(shared, 0, sizeof(*shared));
	if (getrandom(&shared->key, sizeof(shared->key), 0) != (ssize_t)sizeof(shared->key))
		return false;
	keyed.abuse.key = shared->key;
	keyed.leak.key = shared->key;
	shared->size = plan->size;
	shared->session_places = plan->session_count;
	shared->abuse_at = sizeof(*shared);
	shared->sessions_at = shared->abuse_at + plan->abuse_size;
	abuse_place((u_char *)shared + shared->abuse_at, &keyed.abuse);
	leak_sessions_place((u_char *)shared + shared->sessions_at, plan->session_count, &keyed.leak);
	shared->form = form_of(plan);
	return true;
}

static void view(struct guard_zone *zone, struct guard_shared *shared)
{
	zone->shared = shared;
	zone->abuse = (struct abuse *)(void *)((u_char *)shared + shared->abuse_at);
	zone->sessions = (struct leak_sessions *)(void *)((u_char *)shared + shared->sessions_at);
}

/* In the master, at start and after each reload. 'data' is the configuration before, whose memory this still is. */
static ngx_int_t init_zone(ngx_shm_zone_t *memory, void *data)
{
	struct gate_main *conf = memory->data, *before = data;
	struct zone_plan plan = plan_for(memory->shm.size);
	struct guard_leak **leaks = conf->leaks.elts;
	struct guard_zone *zone = conf->zone;
	struct guard_shared *shared;

	zone->pool = (ngx_slab_pool_t *)(void *)memory->shm.addr;
	shared = before ? before->zone->shared : ngx_slab_alloc(zone->pool, plan.size);
	if (!shared || (!before && !place(shared, &plan))) {
		ngx_log_error(NGX_LOG_EMERG, memory->shm.log, 0,
			"luytre gate: the tables of the guards do not fit: \"luytre_gate_memory\"");
		return NGX_ERROR;
	}
	if (shared->form != form_of(&plan)) {
		ngx_log_error(NGX_LOG_EMERG, memory->shm.log, 0,
			"luytre gate: the module has changed and its tables with it: nginx has to be started anew");
		return NGX_ERROR;
	}
	view(zone, shared);
	if (ngx_process == NGX_PROCESS_SINGLE)
		zone->counts = shared->counts[0];
	for (ngx_uint_t i = 0; i < conf->leaks.nelts; i++) {
		leaks[i]->settings.key = shared->key;
		leaks[i]->address_settings.key = shared->key;
	}
	return NGX_OK;
}

ngx_int_t guard_zone_add(ngx_conf_t *cf, struct gate_main *conf)
{
	ngx_str_t name = ngx_string("luytre_gate");
	ngx_shm_zone_t *memory;

	if (!conf->zone_wanted)
		return NGX_OK;
	memory = ngx_shared_memory_add(cf, &name, conf->memory_size, &ngx_http_luytre_gate_module);
	if (!memory)
		return NGX_ERROR;
	memory->init = init_zone;
	memory->data = conf;
	return NGX_OK;
}

void guard_zone_start(struct guard_zone *zone)
{
	if (!zone->shared)
		return;
	zone->counts = zone->shared->counts[ngx_worker % GUARD_WORKERS];
	/* One that had this number may have died with requests open. */
	guard_lock(zone);
	abuse_forget_open(zone->abuse);
	guard_unlock(zone);
}

void guard_lock(const struct guard_zone *zone)
{
	ngx_shmtx_lock(&zone->pool->mutex);
}

void guard_unlock(const struct guard_zone *zone)
{
	ngx_shmtx_unlock(&zone->pool->mutex);
}

uint64_t guard_counted(const struct guard_zone *zone, unsigned int worker, enum guard_count which)
{
	return __atomic_load_n(&zone->shared->counts[worker][which], __ATOMIC_RELAXED);
}

struct guard_capacity guard_zone_capacity(const struct guard_zone *zone)
{
	return (struct guard_capacity){ zone->shared->session_places, zone->shared->size };
}

/* ---- what others count ---- */

#define ENGINE_COUNTERS(X)                                                                                             \
	X(ENGINE_REQUESTS, requests)                                                                                   \
	X(ENGINE_BLOCKED, blocked)                                                                                     \
	X(ENGINE_SHADOW, shadow_blocked)                                                                               \
	X(ENGINE_MATCHES, matches)                                                                                     \
	X(ENGINE_SCANS, scans)                                                                                         \
	X(ENGINE_SCANNED, scanned_bytes)                                                                               \
	X(ENGINE_CONFIRMED, confirmed)                                                                                 \
	X(ENGINE_REFUTED, refuted)                                                                                     \
	X(ENGINE_REGEX, regex_limits)                                                                                  \
	X(ENGINE_MEMORY, memory_refused)                                                                               \
	X(ENGINE_REFUSED, collections_refused)                                                                         \
	X(ENGINE_EVICTED, collections_evicted)

/* Scratch memory that was made anew counts from 0. */
static void add_since(const struct guard_zone *zone, enum guard_count which, uint64_t before, uint64_t now)
{
	guard_count(zone, which, now >= before ? now - before : now);
}

static uint64_t lost_events(struct gate_main *conf)
{
	struct gate_events **events = conf->events.elts;
	uint64_t lost = 0;

	for (ngx_uint_t i = 0; i < conf->events.nelts; i++) {
		lost += events[i]->lost;
		if (events[i]->sink) {
			struct event_sink_counters counters = event_sink_counters(events[i]->sink);

			lost += counters.dropped + counters.cut;
		}
	}
	return lost;
}

void guard_publish(struct gate_main *conf)
{
	struct policy **policies = conf->policies.elts;
	uint64_t lost = lost_events(conf);

	if (!conf->zone->counts || !conf->published)
		return;
	for (ngx_uint_t i = 0; i < conf->policies.nelts; i++) {
		const struct gate_worker *worker = policy_worker(policies[i]);
		struct gate_counters now, *before = &conf->published[i];

		if (!worker)
			continue;
		now = gate_worker_counters(worker);
#define X(id, field) add_since(conf->zone, GUARD_##id, before->field, now.field);
		ENGINE_COUNTERS(X)
#undef X
		*before = now;
	}
	add_since(conf->zone, GUARD_EVENTS_LOST, conf->lost_published, lost);
	conf->lost_published = lost;
}
