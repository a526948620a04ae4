// SPDX-License-Identifier: Apache-2.0
#include "hub/core/core.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hub/core/holds.h"
#include "hub/core/internal.h"
#include "hub/core/retrowatch.h"
#include "hub/posture/evidence/perimeter.h"
#include "hub/posture/finding.h"
#include "hub/posture/probe/consent.h"
#include "hub/store/secret.h"

enum {
	PATH_SIZE = 512,
	PATH_EXTRA_MAX = 64, /* what is put behind the folder */
	TICK_MS = 100,
	SAVE_MS = 5000,
	COMPACT_MS = 1000,
	POSITION_MS = 5000,
	REFRESH_MS = 1000,
	HEADS_SIZE_MAX = 64 << 20, /* a line an hour */
	USERS_MAX = 200000,
	SHARED_MAX = 100000,
};

/* ---- Opening ---- */

PRINTF_LIKE(3, 4) static int fail(char *why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, CORE_WHY_SIZE, format, args);
	va_end(args);
	return error;
}

/* The folder, for this process alone. */
static int open_state(struct core *core, const char *dir, char *why)
{
	if (strlen(dir) > PATH_SIZE - PATH_EXTRA_MAX)
		return fail(why, LUYTRE_E_RANGE, "the name of the state folder is too long");
	if (mkdir(dir, 0700) && errno != EEXIST)
		return fail(why, LUYTRE_E_IO, "%s cannot be made: %s", dir, strerror(errno));
	core->state_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (core->state_fd < 0)
		return fail(why, LUYTRE_E_IO, "%s cannot be opened: %s", dir, strerror(errno));
	if (flock(core->state_fd, LOCK_EX | LOCK_NB))
		return fail(why, LUYTRE_E_BUSY, "another hub uses %s", dir);
	return 0;
}

static int open_stores(struct core *core, const struct core_options *options, char *why)
{
	char place[PATH_SIZE], dir[PATH_SIZE], reason[DB_WHY_SIZE];
	int error;

	snprintf(place, sizeof(place), "sqlite:%s/control.db", options->state_dir);
	core->control = strdup(options->control ? options->control : place);
	core->state_dir = strdup(options->state_dir);
	if (!core->control || !core->state_dir)
		return fail(why, LUYTRE_E_NOMEM, "there is not enough memory");
	error = db_open(core->control, &core->db, reason);
	if (!error)
		error = db_open(core->control, &core->refresh_db, reason);
	if (error)
		return fail(why, error, "the control database: %s", reason);
	error = audit_setup(core->db);
	if (!error)
		error = tenants_setup(core->db);
	if (!error)
		error = orders_setup(core->db);
	if (!error)
		error = policy_setup(core->db, (int64_t)(clock_real_ns() / NS_PER_US));
	if (error)
		return fail(why, error, "the control database: %s", db_why(core->db));
	snprintf(dir, sizeof(dir), "%s/authority", options->state_dir);
	error = ca_open(dir, (int64_t)(clock_real_ns() / NS_PER_US), &core->ca);
	if (error)
		return fail(why, error, "the certificate authority in %s: %s", dir, error_text(error, LUYTRE_LANG_EN));
	core->edgestate = edgestate_new();
	core->unmapped = unmapped_new();
	error = core->edgestate && core->unmapped ? edges_open(core->db, core->ca, &core->edges) : LUYTRE_E_NOMEM;
	if (error)
		return fail(why, error, "the register of edges: %s", db_why(core->db));
	snprintf(place, sizeof(place), "sqlite:%s/events", options->state_dir);
	return ev_store_open(options->events ? options->events : place, &core->store, why, CORE_WHY_SIZE);
}

static int journal_frame(void *context, struct bytes frame)
{
	struct core *core = context;
	int error = core->journal ? journalfile_add(core->journal, frame) : 0;

	if (error)
		core->stats.journal_errors++;
	return error;
}

static void alarm_told(void *context, enum engine_alarm alarm, uint32_t tenant, const struct observable_key *key)
{
	static const char *const texts[] = {
		[ENGINE_ALARM_CHANGE_TOO_WIDE] = "a decision would have matched too many good clients and was not made",
		[ENGINE_ALARM_TOTAL_TOO_WIDE] =
			"decisions match too many good clients: nothing is blocked anew until a person resumes",
		[ENGINE_ALARM_PACE] =
			"too many new decisions in a minute: nothing is blocked anew until a person resumes",
		[ENGINE_ALARM_DECOY] = "a tenant reported a decoy and has no weight any more",
		[ENGINE_ALARM_FULL] = "there is no room for more records",
		[ENGINE_ALARM_JOURNAL] = "the journal of decisions cannot be written",
	};

	log_error("decisions: %s (tenant %u)", texts[alarm], tenant);
}

static int open_engine(struct core *core, const struct core_options *options, char *why)
{
	const struct engine_callbacks callbacks = { .context = core, .journal = journal_frame, .alarm = alarm_told };
	struct engine_limits limits;
	struct siphash_key key;
	char path[PATH_SIZE];
	size_t cut_size = 0;
	int error;

	if (siphash_key_random(&key))
		return fail(why, LUYTRE_E_SYSTEM, "the system gives no random numbers");
	engine_limits_default(&limits);
	core->shared = shared_new(SHARED_MAX);
	core->users = users_new(USERS_MAX, key);
	if (!core->shared || !core->users)
		return fail(why, LUYTRE_E_NOMEM, "there is not enough memory");
	shared_seal(core->shared);
	core->engine = engine_new(&limits, &callbacks, core->shared, core->users, key);
	core->delta = malloc(sizeof(*core->delta));
	if (!core->engine || !core->delta)
		return fail(why, LUYTRE_E_NOMEM, "there is not enough memory for decisions");
	snprintf(path, sizeof(path), "%s/decisions.journal", options->state_dir);
	error = journalfile_open(path, core->engine, &core->journal, &cut_size);
	if (error)
		return fail(why, error, "%s: %s Move it away to begin without decisions.", path,
			error_text(error, LUYTRE_LANG_EN));
	if (cut_size)
		log_warn("%s ended in the middle of a record: %zu bytes were cut off", path, cut_size);
	error = journalfile_set_copy(core->journal, options->journal_copy);
	if (error)
		return fail(why, error, "the copy of %s: %s", path, error_text(error, LUYTRE_LANG_EN));
	engine_position(core->engine, &core->told_epoch, &core->told_number);
	core->trace = trace_new(core->told_epoch, core->told_number);
	return core->trace ? 0 : fail(why, LUYTRE_E_NOMEM, "there is not enough memory");
}

/* What hangs on decisions: orders of tenants, campaigns. */
static int open_others(struct core *core, char *why)
{
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	int error = orders_new(core->db, now_us, &core->orders);

	if (error)
		return fail(why, error, "the orders: %s", db_why(core->db));
	error = feed_open(core->state_fd, now_us, &core->feed);
	return error ? fail(why, error, "the campaigns: %s", error_text(error, LUYTRE_LANG_EN)) : 0;
}

static int make_key(uint8_t *key, size_t key_size)
{
	uint8_t public_key[BUNDLE_PUBLIC_SIZE];

	return bundle_keys(public_key, key);
}

/* The key that bundles are signed with, made at the first start. */
static int open_key(struct core *core, const struct core_options *options, char *why)
{
	char path[PATH_SIZE];
	int error;

	snprintf(path, sizeof(path), "%s/policy.key", options->state_dir);
	error = secret_key(path, make_key, core->secret_key, sizeof(core->secret_key));
	if (error)
		return fail(why, error, "%s: %s", path, error_text(error, LUYTRE_LANG_EN));
	crypto_sign_ed25519_sk_to_pk(core->public_key, core->secret_key);
	return 0;
}

/* What is found out about servers. */
static int open_perimeter(struct core *core, char *why)
{
	int error = posture_setup(core->db);

	if (!error)
		error = perimeter_setup(core->db);
	if (!error)
		error = consent_setup(core->db);
	if (error)
		return fail(why, error, "the findings: %s", db_why(core->db));
	error = perimeter_open(core->control, &core->perimeter);
	return error ? fail(why, error, "the perimeter: %s", error_text(error, LUYTRE_LANG_EN)) : 0;
}

/* ---- Tenants ---- */

/* All of the tenants that the core knows by heart. */
struct known {
	struct tenants_index *index;
	struct tenants_tree *tree;
	struct {
		uint32_t tenant, parent;
	} * reporters;
	size_t count, room;
};

static void known_done(struct known *known)
{
	tenants_index_unref(known->index);
	tenants_tree_unref(known->tree);
	free(known->reporters);
}

static int keep_reporter(void *context, const struct tenant *tenant)
{
	struct known *known = context;

	if (known->count == known->room) {
		size_t room = known->room ? 2 * known->room : 1024;
		void *reporters = realloc(known->reporters, room * sizeof(*known->reporters));

		if (!reporters)
			return LUYTRE_E_NOMEM;
		known->reporters = reporters;
		known->room = room;
	}
	known->reporters[known->count].tenant = tenant->id;
	known->reporters[known->count++].parent = tenant->parent;
	return 0;
}

/* The index first: the tree is as new, or newer. */
static int read_known(struct db *db, struct known *ret)
{
	const struct scope nation = { .all = true };
	const struct tenants_call call = { .db = db, .scope = &nation };
	size_t before;
	int error = tenants_index_refresh(db, &ret->index);

	if (!error)
		error = tenants_tree_refresh(db, &ret->tree);
	do {
		before = ret->count;
		if (!error)
			error = tenant_each(&call, 0, before ? ret->reporters[before - 1].tenant : 0, TENANTS_PAGE_MAX,
				keep_reporter, ret);
	} while (!error && ret->count != before);
	return error;
}

/* Under the lock. Their events come from edges of the platform; who stands below the same organisation is one voice with it. */
static int set_reporters(struct core *core, const struct known *known)
{
	int error = 0;

	for (size_t i = 0; i < known->count && !error; i++) {
		const struct reporter_attributes attributes = { .enrolment = REPORTER_VETTED,
			.upstream = known->reporters[i].parent };

		error = reporters_set(engine_reporters(core->engine), known->reporters[i].tenant, &attributes);
	}
	return error;
}

/* What the index and the engine know of tenants, when the tables have changed. Reading a nation's takes a good part of a second, and
 * whoever may change one asset can ask for it each second: so it is read without the lock. */
static int refresh(struct core *core)
{
	struct known known = { 0 };
	struct tenants_index *index;
	struct tenants_tree *tree;
	int64_t generation = 0;
	int error = tenants_generation(core->refresh_db, &generation);

	if (error || (core->index && generation == core->generation))
		return error;
	error = read_known(core->refresh_db, &known);
	if (!error) {
		pthread_mutex_lock(&core->lock);
		index = core->index;
		tree = core->tree;
		core->index = known.index;
		core->tree = known.tree;
		known.index = index; /* the old ones */
		known.tree = tree;
		error = set_reporters(core, &known);
		if (!error)
			core->generation = generation;
		pthread_mutex_unlock(&core->lock);
	}
	known_done(&known);
	return error;
}

/* ---- The thread ---- */

static void tick(struct core *core, uint64_t ticks)
{
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	int error = ticks % (REFRESH_MS / TICK_MS) == 0 ? refresh(core) : 0, journal_error = 0;

	core_lock(core);
	if (engine_due(core->engine) <= now_us)
		engine_tick(core->engine, now_us);
	if (ticks % (REFRESH_MS / TICK_MS) == 0) {
		orders_expire(core->orders, core->engine, now_us);
		policies_look(core);
	}
	if (!error && ticks % (SAVE_MS / TICK_MS) == 0) {
		users_tick(core->users, now_us);
		error = edges_save(core->edges);
	}
	if (ticks % (COMPACT_MS / TICK_MS) == 0) /* whatever the database says */
		journal_error = journalfile_compact(core->journal, core->engine);
	if (!journal_error)
		journal_error = journalfile_sync(core->journal);
	if (ticks % (POSITION_MS / TICK_MS) == 0) {
		core_tell_position(core);
		policies_tell(core);
	}
	core_unlock(core);
	if (ticks % (SAVE_MS / TICK_MS) == 0)
		feed_tick(core->feed, now_us);
	error = journal_error ? journal_error : error;
	if (error)
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "the hub's state cannot be saved: %s",
			error_text(error, LUYTRE_LANG_EN));
}

static void *run_thread(void *context)
{
	struct core *core = context;
	const struct timespec pause = { .tv_nsec = TICK_MS * (long)NS_PER_MS };

	for (uint64_t ticks = 1; !core->stop; ticks++) {
		nanosleep(&pause, NULL);
		tick(core, ticks);
	}
	return NULL;
}

int core_open(const struct core_options *options, struct core **ret, char why[CORE_WHY_SIZE])
{
	struct core *core = calloc(1, sizeof(*core));
	int error;

	why[0] = '\0';
	if (!core)
		return fail(why, LUYTRE_E_NOMEM, "there is not enough memory");
	core->calls = options->calls;
	pthread_mutex_init(&core->lock, NULL);
	pthread_mutex_init(&core->store_lock, NULL);
	pthread_mutex_init(&core->bundle_lock, NULL);
	core->state_fd = -1;
	error = open_state(core, options->state_dir, why);
	if (!error)
		error = open_stores(core, options, why);
	if (!error)
		error = open_key(core, options, why);
	if (!error)
		error = open_engine(core, options, why);
	if (!error)
		error = open_others(core, why);
	if (!error)
		error = open_perimeter(core, why);
	if (!error) {
		error = refresh(core);
		if (error)
			fail(why, error, "the tenants: %s", db_why(core->refresh_db));
	}
	if (!error && pthread_create(&core->thread, NULL, run_thread, core))
		error = fail(why, LUYTRE_E_SYSTEM, "no thread can be started");
	core->thread_runs = !error;
	if (!error) {
		error = holds_open(core, options->holds,
			options->hold_budget_us ? options->hold_budget_us : HOLD_BUDGET_US, &core->holds, why,
			CORE_WHY_SIZE);
		if (error && !why[0])
			fail(why, error, "the holds: %s", error_text(error, LUYTRE_LANG_EN));
	}
	if (!error)
		error = retrowatch_open(core, &core->retro, why, CORE_WHY_SIZE);
	if (error) {
		core_close(core);
		return error;
	}
	*ret = core;
	return 0;
}

void core_close(struct core *core)
{
	if (!core)
		return;
	core->stop = true;
	retrowatch_close(core->retro);
	holds_stop(core->holds);
	if (core->thread_runs)
		pthread_join(core->thread, NULL);
	perimeter_close(core->perimeter);
	holds_free(core->holds);
	core_bundle_unref(core->bundle);
	journalfile_close(core->journal);
	core->journal = NULL;
	engine_free(core->engine);
	trace_free(core->trace);
	orders_free(core->orders);
	feed_close(core->feed);
	users_free(core->users);
	shared_free(core->shared);
	free(core->delta);
	tenants_index_unref(core->index);
	policyfile_done(&core->policies.resolved);
	policy_sites_done(&core->policies.sites);
	tenants_tree_unref(core->tree);
	unmapped_free(core->unmapped);
	edges_close(core->edges);
	edgestate_free(core->edgestate);
	ca_free(core->ca);
	db_close(core->db);
	db_close(core->refresh_db);
	ev_store_close(core->store);
	free(core->control);
	free(core->state_dir);
	if (core->state_fd >= 0)
		close(core->state_fd);
	sodium_memzero(core->secret_key, sizeof(core->secret_key));
	pthread_mutex_destroy(&core->lock);
	pthread_mutex_destroy(&core->store_lock);
	pthread_mutex_destroy(&core->bundle_lock);
	free(core);
}

/* ---- For others ---- */

void core_lock(struct core *core)
{
	pthread_mutex_lock(&core->lock);
}

void core_unlock(struct core *core)
{
	core_tell(core);
	/* What changes nothing for edges is synced at the next tick, but is not lost with this program. An error stays with the file. */
	(void)!journalfile_write(core->journal);
	pthread_mutex_unlock(&core->lock);
}

int core_settle(struct core *core)
{
	const struct timespec pause = { .tv_nsec = TICK_MS * (long)NS_PER_MS };
	uint64_t until_ns = clock_mono_ns() + CORE_SETTLE_MS * NS_PER_MS;
	int error;

	for (;;) {
		core_lock(core);
		error = journalfile_sync(core->journal);
		core_unlock(core); /* and tells what waited for it */
		if (!error || clock_mono_ns() >= until_ns)
			return error ? LUYTRE_E_BUSY : 0;
		nanosleep(&pause, NULL);
	}
}

struct engine *core_engine(struct core *core)
{
	return core->engine;
}

struct edges *core_edges(struct core *core)
{
	return core->edges;
}

int core_revoke(struct core *core, const struct audit_origin *origin, uint32_t edge, const char *reason)
{
	int error = edges_revoke(core->edges, origin, edge, reason);

	if (!error && core->calls.revoked)
		core->calls.revoked(core->calls.context, edge);
	return error;
}

struct unmapped *core_unmapped(struct core *core)
{
	return core->unmapped;
}

struct edgestate *core_edgestate(struct core *core)
{
	return core->edgestate;
}

struct trace *core_trace(struct core *core)
{
	return core->trace;
}

struct orders *core_orders(struct core *core)
{
	return core->orders;
}

struct feed *core_feed(struct core *core)
{
	return core->feed;
}

struct perimeter *core_perimeter(struct core *core)
{
	return core->perimeter;
}

struct retrowatch *core_retro(struct core *core)
{
	return core->retro;
}

struct db *core_db(struct core *core)
{
	return core->db;
}

const struct ca *core_ca(const struct core *core)
{
	return core->ca;
}

struct ev_store *core_events(struct core *core)
{
	return core->store;
}

int core_retain(struct core *core, int64_t keep_from_us)
{
	int error;

	pthread_mutex_lock(&core->store_lock);
	error = ev_retain(core->store, keep_from_us);
	pthread_mutex_unlock(&core->store_lock);
	return error;
}

/* The lines of signed heads beside the database; empty when there are none. The text is owned by the caller. */
static int read_heads(const char *path, char **ret_text, struct bytes *ret)
{
	struct stat stat;
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
	ssize_t size;

	*ret = (struct bytes){ 0 };
	*ret_text = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0 : error_from_errno(errno);
	if (fstat(fd, &stat) || stat.st_size > HEADS_SIZE_MAX)
		error = LUYTRE_E_IO;
	if (!error && stat.st_size > 0) {
		*ret_text = malloc((size_t)stat.st_size);
		size = *ret_text ? pread(fd, *ret_text, (size_t)stat.st_size, 0) : -1;
		if (size < 0)
			error = *ret_text ? LUYTRE_E_IO : LUYTRE_E_NOMEM;
		else
			*ret = bytes_of(*ret_text, (size_t)size);
	}
	close(fd);
	return error;
}

/* What a hub that signs has left in its folder; without a key signatures are not looked at. */
static int verify(const struct core *core, struct db *db, struct audit_result *ret)
{
	char path[PATH_SIZE], *text;
	struct audit_key key;
	struct bytes heads;
	bool has_key;
	int error;

	snprintf(path, sizeof(path), "%s/audit.key", core->state_dir);
	has_key = !access(path, F_OK);
	error = has_key ? audit_key_load(path, &key) : 0;
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/audit.heads", core->state_dir);
	error = read_heads(path, &text, &heads);
	if (!error)
		error = audit_verify(db, has_key ? key.public_key : NULL, heads, ret);
	free(text);
	sodium_memzero(&key, sizeof(key));
	return error;
}

int core_audit(const struct core *core, struct audit_result *ret)
{
	char why[DB_WHY_SIZE];
	struct db *db;
	int error = db_open(core->control, &db, why);

	if (error)
		return error;
	error = verify(core, db, ret);
	db_close(db);
	return error;
}

int core_audit_archives(const struct core *core, const struct audit_result *audit, int64_t *ret_until)
{
	char path[PATH_SIZE];
	struct audit_head last;
	struct audit_key key;
	int error;

	*ret_until = 0;
	if (!audit->archived_until)
		return 0;
	snprintf(path, sizeof(path), "%s/audit.key", core->state_dir);
	error = audit_key_load(path, &key);
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/audit-archive", core->state_dir);
	error = audit_archives_verify(path, key.public_key, &last);
	sodium_memzero(&key, sizeof(key));
	if (!error && last.sequence == audit->archived_until &&
		memcmp(last.hash, audit->archived_hash, AUDIT_HASH_SIZE) == 0)
		*ret_until = last.sequence;
	return error;
}

void core_policy_key(const struct core *core, uint8_t ret[BUNDLE_PUBLIC_SIZE])
{
	memcpy(ret, core->public_key, BUNDLE_PUBLIC_SIZE);
}

int core_rule(struct core *core, uint64_t rule, double confirmed, double refuted)
{
	int error;

	core_lock(core);
	error = reporters_rule_set(engine_reporters(core->engine), rule, confirmed, refuted);
	core_unlock(core);
	return error;
}

void core_stats(struct core *core, struct core_stats *ret)
{
	core_lock(core);
	*ret = core->stats;
	core_unlock(core);
}
