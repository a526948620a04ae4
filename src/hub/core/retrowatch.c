// SPDX-License-Identifier: Apache-2.0
#include "hub/core/retrowatch.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/siphash.h"
#include "hub/core/holds.h"
#include "hub/core/internal.h"
#include "hub/posture/retro.h"

enum {
	NEWS_PAGE = 256,
	WALK_SLICE = 2000, /* CVEs in one round */
	KEV_MS = 10000,
	NICE = 10,
};

/* One rule of one CVE. */
struct cover {
	const char *cve; /* of the rules */
	uint64_t rule;
};

struct retrowatch {
	struct core *core;
	struct db *db; /* of the thread */
	atomic_bool stop;
	pthread_mutex_t lock; /* of what follows; taken last */
	pthread_cond_t cond;
	struct retro_stats stats;

	/* The thread's own. */
	struct holdrules *rules;
	struct cover *covers; /* by CVE, then by rule; owned */
	size_t cover_count;
	int64_t after; /* findings up to here were looked at */
	char at[FINDING_CVE_SIZE]; /* of the walk */
	bool walks, walk_urgent, walk_asked;
	uint64_t walk_ns, kev_ns; /* when to look again */
	pthread_t thread;
	bool thread_runs;
};

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

/* ---- Counting ---- */

#define COUNT(watch, name, more)                                                                                       \
	do {                                                                                                           \
		pthread_mutex_lock(&(watch)->lock);                                                                    \
		(watch)->stats.name += (more);                                                                         \
		pthread_mutex_unlock(&(watch)->lock);                                                                  \
	} while (0)

void retrowatch_stats(struct retrowatch *watch, struct retro_stats *ret)
{
	pthread_mutex_lock(&watch->lock);
	*ret = watch->stats;
	pthread_mutex_unlock(&watch->lock);
}

/* ---- Which rules cover a CVE ---- */

static int compare_covers(const void *left, const void *right)
{
	const struct cover *a = left, *b = right;
	int order = strcmp(a->cve, b->cve);

	return order ? order : (a->rule > b->rule) - (a->rule < b->rule);
}

/* The hold thread reads rule files; other rules are another object. */
static int look_at_rules(struct retrowatch *watch)
{
	struct holdrules *rules = core_hold_rules(watch->core);
	size_t count = 0, room = 1;
	struct cover *covers;

	if (rules == watch->rules) {
		holdrules_unref(rules);
		return 0;
	}
	for (size_t i = 0; i < holdrules_count(rules); i++)
		room += holdrules_at(rules, i)->cve_count;
	covers = calloc(room, sizeof(*covers));
	if (!covers) {
		holdrules_unref(rules);
		return LUYTRE_E_NOMEM;
	}
	for (size_t i = 0; i < holdrules_count(rules); i++) {
		const struct holdrule *rule = holdrules_at(rules, i);

		for (size_t c = 0; c < rule->cve_count; c++)
			covers[count++] = (struct cover){ .cve = rule->cves[c], .rule = rule->rule };
	}
	qsort(covers, count, sizeof(*covers), compare_covers);
	free(watch->covers);
	holdrules_unref(watch->rules);
	watch->covers = covers;
	watch->cover_count = count;
	watch->rules = rules;
	watch->walk_asked = true;
	return 0;
}

/* What stands for the rules that cover a CVE: the same ones, the same number; 0: none do. */
static uint64_t cover_of(const struct retrowatch *watch, const char *cve)
{
	const struct siphash_key key = { 0 }; /* it is stored: the same in each run */
	size_t low = 0, high = watch->cover_count;
	uint64_t sum = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(watch->covers[middle].cve, cve) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < watch->cover_count && strcmp(watch->covers[low].cve, cve) == 0; low++) {
		const uint64_t next[2] = { sum, watch->covers[low].rule };

		sum = siphash24(key, next, sizeof(next)) | 1;
	}
	return sum;
}

/* ---- One search ---- */

static int note(struct retrowatch *watch, const char *cve, bool kev, const struct retro_answer *answer)
{
	const struct scope nation = { .all = true };
	const struct audit_origin origin = { .actor = "system", .now_us = now_us() };
	const struct finding_call call = {
		.db = watch->db, .scope = &nation, .origin = &origin, .part = FINDING_BY_EVIDENCE
	};
	uint32_t attached = 0;
	int error = retro_note(&call, cve, cover_of(watch, cve), kev, answer, &attached);

	if (error || !attached)
		return error;
	COUNT(watch, attached, attached);
	log_info("retro: %s was attacked before: %u findings have the proof", cve, attached);
	core_findings_changed(watch->core);
	return 0;
}

static int search(struct retrowatch *watch, const char *cve, bool kev)
{
	const struct scope nation = { .all = true };
	const int64_t now = now_us();
	const struct retro_question question = { .kind = RETRO_CVE,
		.value = cve,
		.from_us = now - RETRO_DAYS * CLOCK_DAY_US,
		.until_us = now + CLOCK_DAY_US, /* clocks of edges may be ahead */
		.scope = &nation,
		.stop = &watch->stop };
	struct retro_answer answer;
	int error = retro_search(core_events(watch->core), watch->rules, &question, &answer);

	if (error == LUYTRE_E_SYNTAX) /* another registry's number: it is noted, so that it is not asked again */
		return note(watch, cve, kev, NULL);
	if (error)
		return error;
	error = note(watch, cve, kev, &answer);
	if (!error) {
		COUNT(watch, search_ms, answer.took_ms);
		COUNT(watch, hit, answer.tenant_count != 0);
		COUNT(watch, partial, !answer.complete);
		COUNT(watch, searched, 1);
	}
	retro_done(&answer);
	return error;
}

/* Searches it when it is due and 'all', or due and urgent; what is due and was left is remembered. An error of one search does not stop
 * others. */
static int look_at(struct retrowatch *watch, const char *cve, bool all, bool *ret_searched)
{
	struct retro_need need;
	int error = retro_need(watch->db, cve, cover_of(watch, cve), now_us(), &need);

	*ret_searched = false;
	if (error || !need.due)
		return error;
	if (!all && !need.kev && !cover_of(watch, cve)) {
		watch->walk_asked = true;
		return 0;
	}
	*ret_searched = true;
	error = search(watch, cve, need.kev);
	if (error && !atomic_load(&watch->stop)) {
		COUNT(watch, failed, 1);
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "retro: %s was not searched: %s", cve,
			error_text(error, LUYTRE_LANG_EN));
	}
	return 0;
}

/* ---- What is new ---- */

struct news {
	struct {
		int64_t id;
		char cve[FINDING_CVE_SIZE];
	} rows[NEWS_PAGE];
	size_t count;
};

static void keep_cve(const struct db_value *column, char cve[FINDING_CVE_SIZE])
{
	if (!bytes_to_str(column->bytes, cve, FINDING_CVE_SIZE))
		cve[0] = '\0';
}

static int keep_news(void *context, const struct db_value *columns, size_t column_count)
{
	struct news *news = context;

	news->rows[news->count].id = columns[0].integer;
	keep_cve(&columns[1], news->rows[news->count++].cve);
	return 0;
}

/* Findings behind the last one that was looked at, up to the first search. */
static int look_at_news(struct retrowatch *watch, bool *ret_searched)
{
	struct news news;
	int error = 0;

	*ret_searched = false;
	do {
		news.count = 0;
		error = db_each(watch->db, "select id, cve from finding where id > ?1 order by id limit ?2",
			DB_ARGS(db_i64(watch->after), db_i64(NEWS_PAGE)), keep_news, &news);
		for (size_t i = 0; i < news.count && !error && !*ret_searched; i++) {
			if (news.rows[i].cve[0])
				error = look_at(watch, news.rows[i].cve, false, ret_searched);
			if (!error)
				watch->after = news.rows[i].id;
		}
	} while (!error && !*ret_searched && news.count == NEWS_PAGE && !atomic_load(&watch->stop));
	return error;
}

static int look_at_kev(struct retrowatch *watch)
{
	bool news = false;
	int error = 0;

	if (clock_mono_ns() < watch->kev_ns)
		return 0;
	watch->kev_ns = clock_mono_ns() + KEV_MS * NS_PER_MS;
	error = retro_kev_news(watch->db, &news);
	watch->walk_asked |= news;
	return error;
}

/* ---- The walk over all CVEs: what is urgent, then what is not ---- */

static int keep_next(void *context, const struct db_value *columns, size_t column_count)
{
	keep_cve(&columns[0], context);
	return 0;
}

static void end_walk(struct retrowatch *watch)
{
	watch->at[0] = '\0';
	watch->walks = watch->walk_urgent;
	watch->walk_urgent = false;
	watch->walk_ns = clock_mono_ns() + RETROWATCH_WALK_S * NS_PER_S;
}

/* A slice of it, up to the first search. '*ret_more': it goes on at once. */
static int walk(struct retrowatch *watch, bool *ret_searched, bool *ret_more)
{
	int error = 0;

	*ret_searched = false;
	if (!watch->walks && (watch->walk_asked || clock_mono_ns() >= watch->walk_ns)) {
		watch->walks = watch->walk_urgent = true;
		watch->walk_asked = false;
	}
	for (int i = 0; i < WALK_SLICE && watch->walks && !error && !*ret_searched; i++) {
		const bool urgent = watch->walk_urgent, asked = watch->walk_asked;
		char next[FINDING_CVE_SIZE] = "";

		/* One step in the index for each different one, however many findings it has. */
		error = db_each(watch->db, "select cve from finding where cve > ?1 order by cve limit 1",
			DB_ARGS(db_str(watch->at)), keep_next, next);
		if (error)
			break;
		if (!next[0]) {
			end_walk(watch);
			continue;
		}
		error = look_at(watch, next, !urgent, ret_searched);
		watch->walk_asked = asked; /* what is left now the second half finds */
		if (!error)
			snprintf(watch->at, sizeof(watch->at), "%s", next);
	}
	*ret_more = watch->walks && !error;
	return error;
}

/* ---- The thread ---- */

/* False: it is to end. */
static bool pause_ms(struct retrowatch *watch, uint64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / MS_PER_S);
	until.tv_nsec += (long)(ms % MS_PER_S * NS_PER_MS);
	if (until.tv_nsec >= (long)NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= (long)NS_PER_S;
	}
	pthread_mutex_lock(&watch->lock);
	while (!atomic_load(&watch->stop) && pthread_cond_timedwait(&watch->cond, &watch->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&watch->lock);
	return !atomic_load(&watch->stop);
}

/* Returns how long to pause. */
static uint64_t run_round(struct retrowatch *watch)
{
	uint64_t begin_ns = clock_mono_ns(), took_ms;
	bool searched = false, more = false;
	int error = look_at_rules(watch);

	if (!error)
		error = look_at_kev(watch);
	if (!error)
		error = look_at_news(watch, &searched);
	if (!error && !searched)
		error = walk(watch, &searched, &more);
	if (error) {
		COUNT(watch, failed, 1);
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "retro: %s (%s)", error_text(error, LUYTRE_LANG_EN),
			db_why(watch->db));
	}
	took_ms = (clock_mono_ns() - begin_ns) / NS_PER_MS + 1;
	if (error || (!searched && !more))
		return RETROWATCH_PAUSE_MS;
	return took_ms < RETROWATCH_PAUSE_MAX_MS ? took_ms : RETROWATCH_PAUSE_MAX_MS;
}

static void *run_thread(void *context)
{
	struct retrowatch *watch = context;
	uint64_t ms = 0;

	(void)setpriority(
		PRIO_PROCESS, 0, NICE); /* of this thread alone, in Linux; without it the pauses are what there is */
	while (pause_ms(watch, ms))
		ms = run_round(watch);
	return NULL;
}

int retrowatch_open(struct core *core, struct retrowatch **ret, char *why, size_t why_size)
{
	struct retrowatch *watch = calloc(1, sizeof(*watch));
	char reason[DB_WHY_SIZE] = "";
	pthread_condattr_t monotonic;
	int error;

	*ret = watch;
	if (!watch)
		return LUYTRE_E_NOMEM;
	watch->core = core;
	watch->walk_asked = true; /* over all that there is; then what is new */
	pthread_mutex_init(&watch->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&watch->cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
	error = db_open(core->control, &watch->db, reason);
	if (!error) {
		error = retro_setup(watch->db);
		if (!error)
			error = db_integer(
				watch->db, "select coalesce(max(id), 0) from finding", DB_NO_ARGS, &watch->after);
		if (error)
			snprintf(reason, sizeof(reason), "%s", db_why(watch->db));
	}
	if (!error && pthread_create(&watch->thread, NULL, run_thread, watch)) {
		error = LUYTRE_E_SYSTEM;
		snprintf(reason, sizeof(reason), "no thread can be started");
	}
	watch->thread_runs = !error;
	if (error)
		snprintf(why, why_size, "retro: %.200s", reason);
	return error;
}

void retrowatch_close(struct retrowatch *watch)
{
	if (!watch)
		return;
	pthread_mutex_lock(&watch->lock);
	atomic_store(&watch->stop, true);
	pthread_cond_signal(&watch->cond);
	pthread_mutex_unlock(&watch->lock);
	if (watch->thread_runs)
		pthread_join(watch->thread, NULL);
	db_close(watch->db);
	holdrules_unref(watch->rules);
	free(watch->covers);
	pthread_cond_destroy(&watch->cond);
	pthread_mutex_destroy(&watch->lock);
	free(watch);
}
