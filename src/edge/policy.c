// SPDX-License-Identifier: Apache-2.0
#include "edge/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/siphash.h"
#include "edge/link/files.h"
#include "edge/link/handout.h"
#include "edge/link/holdlist.h"
#include "edge/link/identity.h"
#include "edge/link/link.h"
#include "edge/overlay.h"
#include "base/holdfile.h"
#include "shield/emulate.h"

enum {
	LOOK_EVERY_S = 30,
	LOOK_DECISIONS = 256,
	BUNDLE_MAX = POLICYFILE_SIZE_MAX + HOLDFILE_SIZE_MAX + (64 << 10),
};

/* Tenants as they are in force, and those of the file that they were made of. */
struct layer {
	struct arena arena;
	const struct config_tenant *own;
	size_t own_count;
};

struct edge_policy {
	/* Of the bundle in force; version 0: none. */
	uint64_t version;
	int64_t made_us;
	uint8_t key_id[BUNDLE_KEY_ID_SIZE];
	uint64_t content; /* a hash of the file's text: another bundle may hold the same settings */
	struct policyfile file;
	struct layer layer, next; /* next: being applied */
	uint64_t laid; /* how often a layer was taken */
	struct holdlist holds;
	struct handout sensor; /* the policy's text, for the sensor */
	uint64_t failed; /* version; 0: none */
	char why[LINK_POLICY_WHY_SIZE];
	uint64_t looked_ns;
	uint32_t drift;
	struct decisions_cursor looked; /* which decisions were looked up last */
};

/* One that was read and found good, but for the tables. */
struct candidate {
	struct bundle bundle;
	struct policyfile file;
	uint64_t content;
	struct bytes rows; /* the file's text, in 'text' */
	uint8_t *text; /* owned */
};

/* ---- Reading ---- */

static int open_dir(const struct edge *edge)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" LINK_DIR, edge->config->state_dir);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int check_bundle(const struct edge *edge, struct bytes text, struct candidate *ret)
{
	/* The hub's signature stands before it: nobody else chooses what is hashed. */
	static const struct siphash_key fixed = { 0x6c75797472650003ull, 0x706f6c6963790002ull };
	char path[PATH_MAX];
	struct identity identity;
	struct bytes content;
	int error;

	snprintf(path, sizeof(path), "%s/" LINK_DIR, edge->config->state_dir);
	error = identity_load(path, &identity);
	if (!error)
		error = bundle_open(text, identity.keys, identity.key_count, &ret->bundle);
	if (!error && ret->bundle.edge && ret->bundle.edge != identity.edge)
		error = LUYTRE_E_PERMISSION;
	if (!error && !bundle_find(&ret->bundle, POLICYFILE_NAME, &content))
		error = LUYTRE_E_CORRUPT;
	if (!error)
		error = policyfile_read(content, &ret->file);
	if (!error && ret->file.version != ret->bundle.revision) {
		policyfile_done(&ret->file);
		error = LUYTRE_E_CORRUPT;
	}
	if (!error) {
		ret->content = siphash24(fixed, content.ptr, content.size);
		ret->rows = content;
	}
	return error;
}

static int read_candidate(const struct edge *edge, int dir, const char *name, struct candidate *ret)
{
	size_t size = 0;
	int error = files_read(dir, name, BUNDLE_MAX, &ret->text, &size);

	if (error)
		return error;
	error = check_bundle(edge, bytes_of(ret->text, size), ret);
	if (error) {
		free(ret->text);
		ret->text = NULL;
	}
	return error;
}

/* Which bundle it is. */
static void note_bundle(struct edge_policy *policy, const struct bundle *bundle)
{
	policy->version = bundle->revision;
	policy->made_us = bundle->made_us;
	memcpy(policy->key_id, bundle->key_id, sizeof(policy->key_id));
}

/* Without a sensor in the file nobody would read it. */
static const char *sensor_path(const struct edge *edge)
{
	return edge->config->sensor.line ? edge->config->sensor.policy_file : NULL;
}

static void hand_to_sensor(struct edge *edge, const struct candidate *candidate)
{
	struct handout *sensor = &edge->hub_policy->sensor;

	if (handout_take(sensor, candidate->rows))
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "the sensor does not get policy %llu: no memory",
			(unsigned long long)candidate->bundle.revision);
	(void)!handout_look(sensor, sensor_path(edge));
}

static void put_in_force(struct edge_policy *policy, struct candidate *candidate)
{
	policyfile_done(&policy->file);
	note_bundle(policy, &candidate->bundle);
	policy->content = candidate->content;
	policy->file = candidate->file;
	policy->failed = 0;
	policy->why[0] = '\0';
	policy->looked_ns = 0;
}

/* Of the last bundle the holds alone may have been taken. */
static void take_kept_holds(struct edge *edge, int dir, const struct bundle *kept)
{
	struct candidate candidate = { 0 };
	int error = read_candidate(edge, dir, LINK_HOLDS_SAVED, &candidate);

	if (!error || kept)
		(void)!holdlist_take(
			&edge->hub_policy->holds, error ? kept : &candidate.bundle, edge->config->gate.holds_file);
	policyfile_done(&candidate.file);
	free(candidate.text);
}

int edge_policy_open(struct edge *edge)
{
	struct candidate candidate = { 0 };
	int dir, error;

	if (!edge->hub)
		return 0;
	edge->hub_policy = calloc(1, sizeof(*edge->hub_policy));
	if (!edge->hub_policy)
		return LUYTRE_E_NOMEM;
	arena_init(&edge->hub_policy->layer.arena, OVERLAY_ARENA_MAX);
	holdlist_init(&edge->hub_policy->holds);
	handout_init(&edge->hub_policy->sensor, "the policy of sensors");
	dir = open_dir(edge);
	if (dir < 0)
		return 0; /* never enrolled */
	error = read_candidate(edge, dir, LINK_POLICY_SAVED, &candidate);
	take_kept_holds(edge, dir, error ? NULL : &candidate.bundle);
	close(dir);
	if (error && error != LUYTRE_E_NOT_FOUND)
		log_error("the policy that the hub gave cannot be used (%s): the edge does what its own file says "
			  "until the "
			  "hub gives it again",
			error_text(error, LUYTRE_LANG_EN));
	if (error)
		return error == LUYTRE_E_NOMEM ? error : 0;
	put_in_force(edge->hub_policy, &candidate);
	hand_to_sensor(edge, &candidate);
	free(candidate.text);
	return 0;
}

void edge_policy_close(struct edge *edge)
{
	struct edge_policy *policy = edge->hub_policy;

	if (!policy)
		return;
	policyfile_done(&policy->file);
	arena_done(&policy->layer.arena);
	holdlist_done(&policy->holds);
	handout_done(&policy->sensor);
	free(policy);
	edge->hub_policy = NULL;
}

/* ---- Laying ---- */

int edge_policy_lay(struct edge *edge, struct config *config, char *why, size_t why_size)
{
	struct edge_policy *policy = edge->hub_policy;
	struct overlay overlay;
	int error;

	if (!policy)
		return 0;
	policy->next = (struct layer){ .own = config->tenants, .own_count = config->tenant_count };
	arena_init(&policy->next.arena, OVERLAY_ARENA_MAX);
	error = overlay_build(config->tenants, config->tenant_count, &policy->file, &policy->next.arena, &overlay);
	if (error) {
		arena_done(&policy->next.arena);
		snprintf(why, why_size, "the policy cannot be laid over the file: %s",
			error_text(error, LUYTRE_LANG_EN));
		return error;
	}
	config->tenants = overlay.tenants;
	config->tenant_count = overlay.tenant_count;
	return 0;
}

void edge_policy_laid(struct edge *edge, bool taken)
{
	struct edge_policy *policy = edge->hub_policy;

	if (!policy)
		return;
	if (taken) {
		arena_done(&policy->layer.arena);
		policy->layer = policy->next;
		policy->laid++;
	} else {
		arena_done(&policy->next.arena);
	}
	policy->looked_ns = 0;
}

/* ---- Taking ---- */

PRINTF_LIKE(3, 4) static void refuse(struct edge_policy *policy, uint64_t version, const char *format, ...)
{
	va_list args;

	policy->failed = version;
	va_start(args, format);
	vsnprintf(policy->why, sizeof(policy->why), format, args);
	va_end(args);
	log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "policy %llu of the hub was not taken; the old one stands: %s",
		(unsigned long long)version, policy->why);
}

/* The tenants of the file again, for another policy to be laid over them. */
static int apply_over_own(struct edge *edge, char *why, size_t why_size)
{
	edge->config->tenants = edge->hub_policy->layer.own;
	edge->config->tenant_count = edge->hub_policy->layer.own_count;
	return edge_apply(edge, edge->config, why, why_size);
}

static int apply_file(struct edge *edge, struct policyfile *file, char *why, size_t why_size)
{
	struct edge_policy *policy = edge->hub_policy;
	struct policyfile before = policy->file;
	char again[256] = "";
	int error;

	policy->file = *file;
	error = apply_over_own(edge, why, why_size);
	policy->file = before;
	if (!error)
		return 0;
	if (!why[0])
		snprintf(why, why_size, "%s", error_text(error, LUYTRE_LANG_EN));
	if (apply_over_own(edge, again, sizeof(again)))
		log_error("the earlier tenants cannot be restored: %s", again);
	return error;
}

/* Another hub counts anew. */
static bool is_newer(const struct edge_policy *policy, const struct bundle *bundle)
{
	if (memcmp(policy->key_id, bundle->key_id, sizeof(policy->key_id)) != 0)
		return true;
	return bundle->revision > policy->version ||
	       (bundle->revision == policy->version && bundle->made_us > policy->made_us);
}

/* The holds have changed, or who serves what: the tables stand as they should. */
static bool is_in_force(const struct edge_policy *policy, const struct candidate *candidate)
{
	return !policy->failed && policy->version == candidate->bundle.revision &&
	       policy->content == candidate->content &&
	       !memcmp(policy->key_id, candidate->bundle.key_id, sizeof(policy->key_id));
}

/* It was written whole and is on the disk: after this it is found at the next start. */
static void keep(int dir, const char *name, uint64_t version)
{
	if (renameat(dir, LINK_POLICY_NEW, dir, name) || fsync(dir))
		log_error("policy %llu stands, but will not after a restart without the hub: %s",
			(unsigned long long)version, strerror(errno));
}

static int put_into_tables(struct edge *edge, struct candidate *candidate)
{
	struct edge_policy *policy = edge->hub_policy;
	uint64_t version = candidate->bundle.revision, began_ns = clock_mono_ns();
	char why[LINK_POLICY_WHY_SIZE] = "";
	int error = apply_file(edge, &candidate->file, why, sizeof(why));

	if (error) {
		policyfile_done(&candidate->file);
		refuse(policy, version, "%s", why);
		return error;
	}
	put_in_force(policy, candidate);
	log_info("policy %llu of the hub is in force: %zu rows, %zu tenants, %.1f ms", (unsigned long long)version,
		policy->file.row_count, edge->config->tenant_count,
		(double)clock_since_ns(clock_mono_ns(), began_ns) / (double)NS_PER_MS);
	return 0;
}

static void take(struct edge *edge, int dir, struct candidate *candidate)
{
	struct edge_policy *policy = edge->hub_policy;
	uint64_t version = candidate->bundle.revision;
	bool held, stands = true;

	if (!is_newer(policy, &candidate->bundle)) {
		policyfile_done(&candidate->file);
		return;
	}
	held = !holdlist_take(&policy->holds, &candidate->bundle, edge->config->gate.holds_file);
	policy->looked_ns = 0;
	if (is_in_force(policy, candidate)) {
		policyfile_done(&candidate->file);
		note_bundle(policy, &candidate->bundle);
	} else {
		stands = !put_into_tables(edge, candidate);
	}
	/* What cannot be read now could not at the next start. */
	if (stands)
		hand_to_sensor(edge, candidate);
	if (stands && !held && faccessat(dir, LINK_HOLDS_SAVED, F_OK, 0))
		(void)renameat(dir, LINK_POLICY_SAVED, dir, LINK_HOLDS_SAVED);
	if (stands)
		keep(dir, LINK_POLICY_SAVED, version);
	else if (held)
		keep(dir, LINK_HOLDS_SAVED, version);
	if (stands && held)
		(void)unlinkat(dir, LINK_HOLDS_SAVED, 0);
}

void edge_policy_take(struct edge *edge, uint64_t version)
{
	struct candidate candidate = { 0 };
	int dir = edge->hub_policy ? open_dir(edge) : -1, error;

	if (dir < 0)
		return;
	error = read_candidate(edge, dir, LINK_POLICY_NEW, &candidate);
	if (error)
		refuse(edge->hub_policy, version, "%s", error_text(error, LUYTRE_LANG_EN));
	else
		take(edge, dir, &candidate);
	free(candidate.text);
	close(dir);
}

bool edge_policy_give_up(struct edge *edge, struct config *config, const char *why)
{
	struct edge_policy *policy = edge->hub_policy;

	if (!policy || !policy->version)
		return false;
	config->tenants = policy->next.own;
	config->tenant_count = policy->next.own_count;
	refuse(policy, policy->version, "%s", why);
	policyfile_done(&policy->file);
	policy->version = 0;
	return true;
}

void edge_policy_say(const struct edge *edge, struct link_policy *ret)
{
	const struct edge_policy *policy = edge->hub_policy;

	*ret = (struct link_policy){ 0 };
	if (!policy)
		return;
	ret->laid = policy->laid;
	ret->stands = policy->version;
	ret->failed = policy->failed;
	snprintf(ret->why, sizeof(ret->why), "%s", policy->why);
}

void edge_policy_say_holds(const struct edge *edge, struct link_holds *ret)
{
	*ret = edge->hub_policy ? edge->hub_policy->holds.said : (struct link_holds){ 0 };
}

/* ---- Drift ---- */

/* The hub's policy says what is wanted. Where it says nothing, modes are changed by command as their owner likes. */
static bool settings_differ(const struct edge *edge)
{
	for (size_t i = 0; i < edge->config->tenant_count; i++)
		if (!policy_stands(edge->policy, &edge->config->tenants[i]) &&
			overlay_is_ruled(&edge->hub_policy->file, &edge->config->tenants[i]))
			return true;
	return false;
}

/* Some of those that should stand, others each time, are looked up as a packet would. */
static bool decisions_missing(struct edge *edge, uint64_t now_ns)
{
	struct edge_policy *policy = edge->hub_policy;
	struct decisions_view views[LOOK_DECISIONS];
	bool done = false;
	size_t count =
		decisions_list(edge->decisions, LISTS_HUB, now_ns, &policy->looked, views, ARRAY_COUNT(views), &done);
	size_t missing = 0;

	for (size_t i = 0; i < count; i++)
		missing += views[i].state == DECISIONS_ACTIVE &&
			   !shield_emulate_decided(edge->maps, &views[i].decision.prefix);
	if (done)
		policy->looked = (struct decisions_cursor){ 0 };
	if (missing)
		log_error("%zu of %zu decisions of the hub that were looked up do not stand in the tables", missing,
			count);
	return missing > 0;
}

uint32_t edge_policy_drift(struct edge *edge)
{
	struct edge_policy *policy = edge->hub_policy;
	uint64_t now_ns = clock_mono_ns();

	if (!policy)
		return 0;
	if (policy->looked_ns && clock_since_ns(now_ns, policy->looked_ns) < LOOK_EVERY_S * NS_PER_S)
		return policy->drift;
	policy->looked_ns = now_ns;
	policy->drift = 0;
	if (policy->failed)
		policy->drift |= 1U << LINK_DRIFT_POLICY;
	if (settings_differ(edge))
		policy->drift |= 1U << LINK_DRIFT_SETTINGS;
	if (decisions_missing(edge, now_ns))
		policy->drift |= 1U << LINK_DRIFT_MAPS;
	if (!holdlist_look(&policy->holds, edge->config->gate.holds_file))
		policy->drift |= 1U << LINK_DRIFT_HOLDS;
	if (!handout_look(&policy->sensor, sensor_path(edge)))
		policy->drift |= 1U << LINK_DRIFT_SENSOR;
	return policy->drift;
}
