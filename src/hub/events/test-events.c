// SPDX-License-Identifier: Apache-2.0
/* The conformance test of the event store: every driver answers as a plain array would.
 *
 *	test-events sqlite | clickhouse
 *
 * Events are made up by sample.c; questions are drawn at random from a fixed seed. LUYTRE_TEST_EVENTS sets how many
 * events (50,000), LUYTRE_TEST_KILLS how often a process is killed while it appends (20). Without a ClickHouse server
 * its run is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/table.h"
#include "hub/events/clickhouse-own.h"
#include "hub/events/event.h"
#include "hub/events/sample.h"

enum { TENANTS = 40, SOURCES = 4000, QUESTIONS = 120, KILL_BATCH = 500 };

#define BEGIN_US (INT64_C(1790000000000000) / EV_HOUR_US * EV_HOUR_US)
#define SPAN_US  (5 * EV_HOUR_US)

struct fixture {
	bool sqlite;
	struct clickhouse_own own;
	char dir[64];
	char place[160];
	struct sample sample;
	struct ev_store *store;
	struct ev_reader *reader;
	struct ev_event *model; /* owned; without texts; in the order of ids */
	uint64_t random;
};

static struct fixture fixture;
static const struct scope nation = { .all = true };

static uint64_t draw(uint64_t most)
{
	return sample_random(&fixture.random) % most;
}

static uint64_t setting(const char *name, uint64_t value)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : value;
}

static void open_store(void)
{
	char why[256] = "";
	int error = ev_store_open(fixture.place, &fixture.store, why, sizeof(why));

	if (error != 0)
		fail_msg("%s: %s", fixture.place, why);
	assert_int_equal(ev_reader_open(fixture.store, &fixture.reader), 0);
}

static void close_store(void)
{
	ev_reader_close(fixture.reader);
	ev_store_close(fixture.store);
	fixture.reader = NULL;
	fixture.store = NULL;
}

/* Text of the event with this number, in its id's order. */
static struct ev_event whole_event(uint64_t number, struct sample_text *text)
{
	struct ev_event event;

	sample_event(&fixture.sample, number, text, &event);
	event.id = fixture.model[number].id;
	return event;
}

struct chunk {
	struct ev_event events[EV_BATCH_MAX];
	struct sample_text texts[EV_BATCH_MAX];
};

static struct chunk chunk;

static struct ev_batch batch_of(uint64_t first, size_t count, char id[32])
{
	int64_t newest_us = 1;

	for (size_t i = 0; i < count; i++) {
		sample_event(&fixture.sample, first + i, &chunk.texts[i], &chunk.events[i]);
		if (newest_us < chunk.events[i].time_us)
			newest_us = chunk.events[i].time_us;
	}
	snprintf(id, 32, "edge-1:%" PRIu64, first);
	return (struct ev_batch){ .id = id, .arrived_us = newest_us, .events = chunk.events, .count = count };
}

static void batches_are_appended_once_each(void **state)
{
	uint64_t last_id = 0, again = 0;
	struct ev_stats stats;

	for (uint64_t at = 0; at < fixture.sample.count;) {
		size_t size = (size_t)(1 + draw(3000));
		struct ev_batch batch;
		uint64_t first_id = 0;
		char id[32];

		if (size > fixture.sample.count - at)
			size = (size_t)(fixture.sample.count - at);
		batch = batch_of(at, size, id);
		assert_int_equal(ev_append(fixture.store, &batch, &first_id), 0);
		assert_true(first_id > last_id);
		for (size_t i = 0; i < size; i++) {
			fixture.model[at + i] = chunk.events[i];
			fixture.model[at + i].id = first_id + i;
		}
		last_id = first_id + size - 1;
		if (draw(4) == 0) {
			assert_int_equal(ev_append(fixture.store, &batch, &first_id), 0);
			assert_int_equal(first_id, 0);
			again++;
		}
		at += size;
	}
	assert_true(last_id < UINT64_C(1) << 63);
	ev_stats(fixture.store, &stats);
	assert_int_equal(stats.events, fixture.sample.count);
	assert_int_equal(stats.batches_again, again);
	assert_int_equal(stats.segments_corrupt, 0);
	assert_true(stats.segments > 0 && stats.bytes > 0 && stats.oldest_us >= 0);
}

static void bad_batches_are_refused(void **state)
{
	static const char long_id[] = "0123456789012345678901234567890123456789012345678901234567890123x";
	struct ev_event event = { .time_us = BEGIN_US, .severity = 1, .count = 1 };
	struct ev_event no_severity = event, bad_kind = event, bad_time = event, bad_family = event,
			long_detail = event;
	const struct ev_batch rows[] = {
		{ .id = NULL, .arrived_us = BEGIN_US, .events = &event, .count = 1 },
		{ .id = "", .arrived_us = BEGIN_US, .events = &event, .count = 1 },
		{ .id = long_id, .arrived_us = BEGIN_US, .events = &event, .count = 1 },
		{ .id = "a", .arrived_us = 0, .events = &event, .count = 1 },
		{ .id = "a", .arrived_us = BEGIN_US, .events = &event, .count = 0 },
		{ .id = "a", .arrived_us = BEGIN_US, .events = chunk.events, .count = EV_BATCH_MAX + 1 },
		{ .id = "a", .arrived_us = BEGIN_US, .events = &no_severity, .count = 1 },
		{ .id = "a", .arrived_us = BEGIN_US, .events = &bad_kind, .count = 1 },
		{ .id = "a", .arrived_us = BEGIN_US, .events = &bad_time, .count = 1 },
		{ .id = "a", .arrived_us = BEGIN_US, .events = &bad_family, .count = 1 },
		{ .id = "a", .arrived_us = BEGIN_US, .events = &long_detail, .count = 1 },
	};

	no_severity.severity = 0;
	bad_kind.kind = EV_KIND_COUNT;
	bad_time.time_us = -1;
	bad_family.src.family = 5;
	long_detail.detail = bytes_of(&chunk, EV_DETAIL_MAX + 1);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(ev_append(fixture.store, &rows[i], NULL), LUYTRE_E_INVALID);
}

/* The naive answer to a filter. */
static bool in_text(const char *in, size_t size, struct bytes text)
{
	for (size_t i = 0; i + text.size <= size; i++) {
		if (strncasecmp(in + i, (const char *)text.ptr, text.size) == 0)
			return true;
	}
	return false;
}

static bool is_word(char byte)
{
	return isalnum((unsigned char)byte) || (unsigned char)byte >= 0x80;
}

/* The same, but no word goes on before it or behind it. */
static bool in_text_whole(const char *in, size_t size, struct bytes text)
{
	for (size_t i = 0; i + text.size <= size; i++) {
		size_t end = i + text.size;

		if (strncasecmp(in + i, (const char *)text.ptr, text.size) == 0 &&
			!(i > 0 && is_word(in[i - 1]) && is_word(in[i])) &&
			!(end < size && is_word(in[end - 1]) && is_word(in[end])))
			return true;
	}
	return false;
}

static bool matches(const struct ev_filter *filter, uint64_t number)
{
	const struct ev_event *event = &fixture.model[number];
	struct sample_text text;
	struct ev_event whole;

	if (!scope_has(filter->scope, event->tenant) || event->time_us < filter->from_us ||
		event->time_us >= filter->until_us)
		return false;
	if ((filter->kinds != 0 && !(filter->kinds >> event->kind & 1)) ||
		(filter->actions != 0 && !(filter->actions >> event->action & 1)) ||
		(filter->severity_max != 0 && event->severity > filter->severity_max) ||
		(filter->tenant != 0 && event->tenant != filter->tenant) ||
		(filter->system != 0 && event->system != filter->system) ||
		(filter->edge != 0 && event->edge != filter->edge) ||
		(filter->rule != 0 && event->rule != filter->rule) ||
		(filter->decision != 0 && event->decision != filter->decision))
		return false;
	if (filter->src.addr.family != 0 && !ip_prefix_contains(&filter->src, &event->src))
		return false;
	if (filter->text.size == 0)
		return true;
	whole = whole_event(number, &text);
	if (filter->whole_words)
		return in_text_whole(text.signature, whole.signature.size, filter->text) ||
		       in_text_whole(text.detail, whole.detail.size, filter->text);
	return in_text(text.signature, whole.signature.size, filter->text) ||
	       in_text(text.detail, whole.detail.size, filter->text);
}

static int64_t draw_moment(int64_t unit_us)
{
	return (BEGIN_US - EV_HOUR_US + (int64_t)draw((uint64_t)(SPAN_US + 2 * EV_HOUR_US))) / unit_us * unit_us;
}

/* Ascending, each once. */
static void draw_scope(struct scope *scope, uint32_t tenants[TENANTS + 200])
{
	static const uint64_t keep_one_of[] = { 2, 10, 1 };
	uint64_t one_of = keep_one_of[draw(3)];

	*scope = (struct scope){ .tenants = tenants };
	for (uint32_t tenant = 0; tenant < TENANTS; tenant++) {
		if (draw(one_of) == 0)
			tenants[scope->tenant_count++] = tenant;
	}
	/* More than can be listed in a statement. */
	if (draw(3) == 0) {
		for (uint32_t i = 0; i < 200; i++)
			tenants[scope->tenant_count++] = 1000 + i;
	}
}

static void draw_filter(struct ev_filter *filter, int64_t unit_us, struct scope *scope, uint32_t tenants[TENANTS + 200])
{
	static const char *const texts[] = { "WP-LOGIN", "tìm", "id=42", "rule 7", "curl", "no such text", "\"}'",
		"login.php", "gin.php", "/cgi-bin/", "TÌM-KIẾM?", "rule 71" };
	const struct ev_event *event = &fixture.model[draw(fixture.sample.count)];
	int64_t from_us = draw_moment(unit_us), until_us = draw_moment(unit_us);

	draw_scope(scope, tenants);
	*filter = (struct ev_filter){
		.scope = draw(2) == 0 ? &nation : scope,
		.from_us = from_us < until_us ? from_us : until_us,
		.until_us = (from_us < until_us ? until_us : from_us) + unit_us,
	};
	if (draw(3) == 0)
		filter->tenant = 1 + (uint32_t)draw(TENANTS);
	if (draw(4) == 0)
		filter->kinds = (uint32_t)draw(1 << EV_KIND_COUNT);
	if (draw(4) == 0)
		filter->actions = (uint32_t)draw(1 << EV_ACTION_COUNT);
	if (draw(4) == 0)
		filter->severity_max = (uint8_t)(1 + draw(4));
	if (draw(6) == 0)
		filter->edge = 1 + (uint32_t)draw(5);
	if (unit_us != 1)
		return;
	if (draw(6) == 0)
		filter->system = 1 + (uint32_t)draw(7);
	if (draw(8) == 0)
		filter->rule = 1 + draw(300);
	if (draw(12) == 0)
		filter->decision = event->decision;
	if (draw(4) == 0 && event->src.family != 0)
		filter->src = ip_prefix_around(&event->src, (uint8_t)(draw(3) == 0 ? 128 : draw(129)));
	if (draw(8) == 0) {
		filter->text = bytes_from_str(texts[draw(ARRAY_COUNT(texts))]);
		filter->whole_words = draw(2) == 0;
	}
}

/* One page against the model, walked backwards. */
struct page_check {
	const struct ev_filter *filter;
	uint64_t next; /* numbers below this are still to come */
	uint32_t got;
	uint64_t last_id;
};

static void assert_same_event(const struct ev_event *got, uint64_t number)
{
	struct sample_text text;
	struct ev_event want = whole_event(number, &text);

	assert_int_equal(got->id, want.id);
	assert_int_equal(got->time_us, want.time_us);
	assert_int_equal(got->tenant, want.tenant);
	assert_int_equal(got->system, want.system);
	assert_int_equal(got->edge, want.edge);
	assert_int_equal(got->kind, want.kind);
	assert_int_equal(got->action, want.action);
	assert_int_equal(got->evidence, want.evidence);
	assert_int_equal(got->severity, want.severity);
	assert_int_equal(got->protocol, want.protocol);
	assert_int_equal(got->src_port, want.src_port);
	assert_int_equal(got->dst_port, want.dst_port);
	assert_memory_equal(&got->src, &want.src, sizeof(want.src));
	assert_memory_equal(&got->dst, &want.dst, sizeof(want.dst));
	assert_int_equal(got->rule, want.rule);
	assert_int_equal(got->decision, want.decision);
	assert_int_equal(got->count, want.count);
	assert_true(bytes_equal(got->signature, want.signature));
	assert_true(bytes_equal(got->detail, want.detail));
}

static int check_event(void *context, const struct ev_event *event)
{
	struct page_check *check = context;

	while (check->next > 0 && !matches(check->filter, check->next - 1))
		check->next--;
	assert_true(check->next > 0);
	check->next--;
	assert_same_event(event, check->next);
	check->last_id = event->id;
	check->got++;
	return 0;
}

static uint32_t matches_below(const struct ev_filter *filter, uint64_t next, uint32_t most)
{
	uint32_t count = 0;

	while (next > 0 && count < most)
		count += matches(filter, --next) ? 1 : 0;
	return count;
}

static void pages_equal_the_model(void **state)
{
	for (unsigned int i = 0; i < QUESTIONS; i++) {
		uint32_t tenants[TENANTS + 200];
		struct scope scope;
		struct ev_filter filter;
		struct page_check check = { .filter = &filter, .next = fixture.sample.count };
		struct ev_cursor cursor = { 0 };
		uint32_t limit = 1 + (uint32_t)draw(draw(2) == 0 ? 10 : EV_PAGE_MAX);

		draw_filter(&filter, 1, &scope, tenants);
		if (draw(3) == 0) {
			check.next = draw(fixture.sample.count);
			cursor.id = fixture.model[check.next].id;
		}
		for (unsigned int page = 0; page < 4; page++) {
			uint32_t expected = matches_below(&filter, check.next, limit);

			check.got = 0;
			assert_int_equal(ev_page(fixture.reader, &filter, &cursor, limit, check_event, &check), 0);
			assert_int_equal(check.got, expected);
			if (expected < limit)
				break;
			cursor.id = check.last_id;
		}
	}
}

static int stop_at_third(void *context, const struct ev_event *event)
{
	return ++*(uint32_t *)context == 3;
}

static void a_page_ends_when_it_is_told_to(void **state)
{
	struct ev_filter filter = { .scope = &nation, .until_us = EV_TIME_MAX_US };
	uint32_t got = 0;

	assert_int_equal(ev_page(fixture.reader, &filter, NULL, 100, stop_at_third, &got), 0);
	assert_int_equal(got, 3);
}

static uint64_t dim_key(enum ev_dim dim, const struct ev_event *event)
{
	const uint64_t keys[EV_DIM_COUNT] = { [EV_DIM_KIND] = event->kind,
		[EV_DIM_ACTION] = event->action,
		[EV_DIM_TENANT] = event->tenant,
		[EV_DIM_EDGE] = event->edge,
		[EV_DIM_SEVERITY] = event->severity,
		[EV_DIM_TENANT_SEVERITY] = (uint64_t)event->tenant << 4 | event->severity };

	return keys[dim];
}

struct counts {
	struct ev_count rows[20000];
	size_t count;
};

static int take_count(void *context, const struct ev_count *count)
{
	struct counts *counts = context;

	assert_true(counts->count < ARRAY_COUNT(counts->rows));
	counts->rows[counts->count++] = *count;
	return 0;
}

static int compare_counts(const void *left, const void *right)
{
	const struct ev_count *a = left, *b = right;

	if (a->time_us != b->time_us)
		return a->time_us < b->time_us ? -1 : 1;
	return (a->key > b->key) - (a->key < b->key);
}

static void naive_counts(const struct ev_filter *filter, enum ev_dim dim, uint32_t step_s, struct counts *ret)
{
	struct siphash_key key = { 1, 1 };
	struct table *table = table_new(16, 16, 100000, key);
	int64_t step_us = (int64_t)step_s * 1000000;
	size_t pos = 0;
	const void *id;
	void *value;

	assert_non_null(table);
	for (uint64_t i = 0; i < fixture.sample.count; i++) {
		const struct ev_event *event = &fixture.model[i];
		uint64_t at[2] = { 0 }, *sums;

		if (!matches(filter, i))
			continue;
		at[0] = (uint64_t)(step_s == 0 ? filter->from_us : event->time_us / step_us * step_us);
		at[1] = dim_key(dim, event);
		sums = table_insert(table, at, NULL);
		assert_non_null(sums);
		sums[0]++;
		sums[1] += event->count;
	}
	ret->count = 0;
	while (table_next(table, &pos, &id, &value)) {
		const uint64_t *at = id, *sums = value;

		assert_true(ret->count < ARRAY_COUNT(ret->rows));
		ret->rows[ret->count++] =
			(struct ev_count){ .time_us = (int64_t)at[0], .key = at[1], .events = sums[0], .sum = sums[1] };
	}
	qsort(ret->rows, ret->count, sizeof(*ret->rows), compare_counts);
	table_free(table);
}

static int64_t draw_unit(void)
{
	static const int64_t units[] = { 1, EV_MINUTE_US, EV_MINUTE_US, EV_HOUR_US };

	return units[draw(ARRAY_COUNT(units))];
}

static void counts_equal_the_model(void **state)
{
	static const uint32_t steps[] = { 0, 60, 300, 3600, 7200, 90 };
	static struct counts got, want;

	for (unsigned int i = 0; i < QUESTIONS; i++) {
		uint32_t tenants[TENANTS + 200];
		struct scope scope;
		struct ev_filter filter;
		enum ev_dim dim = (enum ev_dim)draw(EV_DIM_COUNT);
		uint32_t step_s = steps[draw(ARRAY_COUNT(steps))];

		draw_filter(&filter, draw_unit(), &scope, tenants);
		naive_counts(&filter, dim, step_s, &want);
		got.count = 0;
		assert_int_equal(ev_count_by(fixture.reader, &filter, dim, step_s, take_count, &got), 0);
		assert_int_equal(got.count, want.count);
		for (size_t row = 0; row < got.count; row++) {
			assert_int_equal(got.rows[row].time_us, want.rows[row].time_us);
			assert_int_equal(got.rows[row].key, want.rows[row].key);
			assert_int_equal(got.rows[row].events, want.rows[row].events);
			assert_int_equal(got.rows[row].sum, want.rows[row].sum);
		}
	}
}

/* What a top list ranks. */
struct ranked_key {
	uint64_t key, kind;
	struct ip_addr src;
	uint8_t padding[7];
};

struct ranked_truth {
	uint64_t sum, tenants; /* a bit for each tenant */
};

struct ranked {
	struct ev_ranked rows[EV_TOP_MAX];
	size_t count;
};

static int take_ranked(void *context, const struct ev_ranked *ranked)
{
	struct ranked *all = context;

	assert_true(all->count < ARRAY_COUNT(all->rows));
	all->rows[all->count++] = *ranked;
	return 0;
}

static bool ranked_key_of(enum ev_top what, const struct ev_event *event, struct ranked_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	switch (what) {
	case EV_TOP_SRC:
		ret->src = event->src;
		return event->src.family != 0;
	case EV_TOP_RULE:
		ret->key = event->rule;
		ret->kind = event->kind;
		return event->rule != 0;
	case EV_TOP_TENANT:
		ret->key = event->tenant;
		return true;
	default:
		ret->key = event->dst_port;
		return event->dst_port != 0;
	}
}

static struct table *naive_top(const struct ev_filter *filter, enum ev_top what)
{
	struct siphash_key hash_key = { 1, 1 };
	struct table *truth = table_new(sizeof(struct ranked_key), sizeof(struct ranked_truth), 1000000, hash_key);

	assert_non_null(truth);
	for (uint64_t i = 0; i < fixture.sample.count; i++) {
		struct ranked_key key;
		struct ranked_truth *sums;

		if (!matches(filter, i) || !ranked_key_of(what, &fixture.model[i], &key))
			continue;
		sums = table_insert(truth, &key, NULL);
		assert_non_null(sums);
		sums->sum += fixture.model[i].count;
		sums->tenants |= UINT64_C(1) << fixture.model[i].tenant;
	}
	return truth;
}

static void assert_ranked(enum ev_top what, const struct ev_ranked *row, const struct ranked_truth *truth)
{
	assert_non_null(truth);
	assert_true(row->sum >= truth->sum && row->sum - row->error_max <= truth->sum);
	if (what == EV_TOP_SRC || what == EV_TOP_TENANT)
		assert_int_equal(row->tenant_count, __builtin_popcountll(truth->tenants));
	else
		assert_in_range(row->tenant_count, 1, __builtin_popcountll(truth->tenants));
	if (what == EV_TOP_RULE) {
		char start[40];

		snprintf(start, sizeof(start), "LT RULE %" PRIu64 " ", row->key);
		assert_memory_equal(row->text, start, strlen(start));
	}
}

/* Every row within its bounds, and nobody missing who was heavier than the last. */
static void check_ranked(enum ev_top what, const struct ranked *got, const struct table *truth, uint32_t limit)
{
	size_t pos = 0;
	const void *key;
	void *value;

	assert_int_equal(got->count, table_count(truth) < limit ? table_count(truth) : limit);
	for (size_t i = 0; i < got->count; i++) {
		struct ranked_key at;

		memset(&at, 0, sizeof(at));
		at.key = got->rows[i].key;
		at.kind = got->rows[i].kind;
		at.src = got->rows[i].src;
		assert_ranked(what, &got->rows[i], table_find(truth, &at));
		assert_true(i == 0 || got->rows[i].sum <= got->rows[i - 1].sum);
	}
	while (table_next(truth, &pos, &key, &value)) {
		const struct ranked_key *at = key;
		bool listed = false;

		for (size_t i = 0; i < got->count && !listed; i++)
			listed = got->rows[i].key == at->key && got->rows[i].kind == at->kind &&
				 memcmp(&got->rows[i].src, &at->src, sizeof(at->src)) == 0;
		assert_true(listed || ((const struct ranked_truth *)value)->sum <= got->rows[got->count - 1].sum);
	}
}

static void top_lists_keep_their_bounds(void **state)
{
	static struct ranked got;

	for (unsigned int i = 0; i < QUESTIONS; i++) {
		uint32_t tenants[TENANTS + 200];
		struct scope scope;
		struct ev_filter filter;
		enum ev_top what = (enum ev_top)draw(4);
		uint32_t limit = 1 + (uint32_t)draw(30);
		struct table *truth;

		draw_filter(&filter, draw_unit(), &scope, tenants);
		if (draw(2) == 0) {
			/* What the sketches answer. */
			filter.kinds = filter.actions = filter.edge = 0;
			filter.severity_max = 0;
		}
		truth = naive_top(&filter, what);
		got.count = 0;
		assert_int_equal(ev_top(fixture.reader, &filter, what, limit, take_ranked, &got), 0);
		check_ranked(what, &got, truth, limit);
		table_free(truth);
	}
}

static void numbers_of_sources_are_about_right(void **state)
{
	for (unsigned int i = 0; i < QUESTIONS; i++) {
		uint32_t tenants[TENANTS + 200];
		struct scope scope;
		struct ev_filter filter;
		struct table *truth;
		uint64_t got = 0;
		double want;

		draw_filter(&filter, draw_unit(), &scope, tenants);
		truth = naive_top(&filter, EV_TOP_SRC);
		want = (double)table_count(truth);
		table_free(truth);
		assert_int_equal(ev_distinct_sources(fixture.reader, &filter, &got), 0);
		/* Five standard errors of 1.6 %. */
		assert_true(fabs((double)got - want) <= 0.082 * want + 1);
	}
}

static int refuse_event(void *context, const struct ev_event *event)
{
	fail_msg("an event of tenant %u was shown", event->tenant);
	return 0;
}

static int refuse_count(void *context, const struct ev_count *count)
{
	fail_msg("a count was shown");
	return 0;
}

static int refuse_ranked(void *context, const struct ev_ranked *ranked)
{
	fail_msg("a rank was shown");
	return 0;
}

/* One rule or several, or those whose text has some words, against the model. */
struct hits_check {
	const struct ev_filter *filter;
	const struct ev_hit_query *query;
	uint64_t events, last_rule;
};

/* No digit behind it. */
static bool in_words(const char *in, size_t size, struct bytes text)
{
	for (size_t i = 0; i + text.size <= size; i++) {
		size_t end = i + text.size;

		if (strncasecmp(in + i, (const char *)text.ptr, text.size) == 0 &&
			(end == size || in[end] < '0' || in[end] > '9'))
			return true;
	}
	return false;
}

static bool is_asked(const struct ev_hit_query *query, uint64_t number)
{
	const struct ev_event *event = &fixture.model[number];
	struct sample_text text;
	struct ev_event whole;

	for (size_t i = 0; i < query->rule_count; i++)
		if (event->rule == query->rules[i])
			return true;
	if (event->rule == 0 || query->text.size == 0)
		return false;
	whole = whole_event(number, &text);
	return in_words(text.signature, whole.signature.size, query->text);
}

static int check_hit(void *context, const struct ev_hit *hit)
{
	struct hits_check *check = context;
	struct ev_hit want = { .first_us = INT64_MAX };

	for (uint64_t i = 0; i < fixture.sample.count; i++) {
		const struct ev_event *event = &fixture.model[i];

		if (event->rule != hit->rule || event->tenant != hit->tenant || event->action != hit->action ||
			!matches(check->filter, i))
			continue;
		want.first_us = event->time_us < want.first_us ? event->time_us : want.first_us;
		want.last_us = event->time_us > want.last_us ? event->time_us : want.last_us;
		want.events++;
		want.sum += event->count;
	}
	assert_int_equal(hit->first_us, want.first_us);
	assert_int_equal(hit->last_us, want.last_us);
	assert_int_equal(hit->events, want.events);
	assert_int_equal(hit->sum, want.sum);
	assert_true(hit->rule >= check->last_rule);
	check->last_rule = hit->rule;
	check->events += hit->events;
	return 0;
}

static void hits_equal_the_model(void **state)
{
	static uint32_t tenants[TENANTS + 200];
	uint64_t random = fixture.random, longer = 0; /* what comes behind draws as if this were not here */

	for (unsigned int i = 0; i < 12; i++) {
		uint64_t rules[3] = { 1 + draw(300), 1 + draw(300), 1 + draw(300) }, events = 0;
		struct ev_hit_query query = { .rules = rules, .rule_count = 1 + (size_t)draw(3) };
		struct scope scope;
		struct ev_filter drawn, filter;
		struct hits_check check = { .filter = &filter, .query = &query };

		draw_filter(&drawn, EV_HOUR_US, &scope, tenants);
		filter = (struct ev_filter){ .scope = drawn.scope,
			.tenant = drawn.tenant,
			.from_us = i == 0 ? 0 : drawn.from_us,
			.until_us = i == 0 ? EV_TIME_MAX_US : drawn.until_us };
		if (i % 4 == 3)
			query = (struct ev_hit_query){ .text = bytes_from_str("RULE 12") };
		assert_int_equal(ev_hits(fixture.reader, &filter, &query, check_hit, &check), 0);
		for (uint64_t n = 0; n < fixture.sample.count; n++) {
			struct sample_text text;
			struct ev_event whole = whole_event(n, &text);

			events += is_asked(&query, n) && matches(&filter, n);
			longer += query.text.size > 0 && whole.rule != 0 && matches(&filter, n) &&
				  !is_asked(&query, n) && in_text(text.signature, whole.signature.size, query.text);
		}
		assert_int_equal(check.events, events);
	}
	assert_true(longer > 0); /* such as RULE 123, which is not RULE 12 */
	fixture.random = random;
}

static void without_a_scope_nothing_is_answered(void **state)
{
	const struct scope empty = { 0 };
	struct ev_filter null = { .until_us = EV_TIME_MAX_US }, none = { .scope = &empty, .until_us = EV_TIME_MAX_US };
	struct ev_filter no_span = { .scope = &nation }, text = { .scope = &nation, .until_us = EV_TIME_MAX_US };
	const struct ev_filter *bad[] = { &null, &no_span, &text };
	uint64_t sources = 7;

	text.text = bytes_from_str("x");
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		assert_int_equal(ev_page(fixture.reader, bad[i], NULL, 10, refuse_event, NULL), LUYTRE_E_INVALID);
		assert_int_equal(
			ev_count_by(fixture.reader, bad[i], EV_DIM_KIND, 60, refuse_count, NULL), LUYTRE_E_INVALID);
		assert_int_equal(ev_top(fixture.reader, bad[i], EV_TOP_SRC, 10, refuse_ranked, NULL), LUYTRE_E_INVALID);
		assert_int_equal(ev_distinct_sources(fixture.reader, bad[i], &sources), LUYTRE_E_INVALID);
	}
	text.whole_words = true; /* but no word that could be looked up */
	assert_int_equal(ev_page(fixture.reader, &text, NULL, 10, refuse_event, NULL), LUYTRE_E_INVALID);
	text.text = bytes_from_str("no such words");
	assert_int_equal(ev_page(fixture.reader, &text, NULL, 10, refuse_event, NULL), 0);
	assert_int_equal(ev_page(fixture.reader, &none, NULL, 10, refuse_event, NULL), 0);
	assert_int_equal(ev_count_by(fixture.reader, &none, EV_DIM_KIND, 60, refuse_count, NULL), 0);
	assert_int_equal(ev_top(fixture.reader, &none, EV_TOP_SRC, 10, refuse_ranked, NULL), 0);
	assert_int_equal(ev_distinct_sources(fixture.reader, &none, &sources), 0);
	assert_int_equal(sources, 0);
	assert_int_equal(ev_page(fixture.reader, &none, NULL, 0, refuse_event, NULL), LUYTRE_E_INVALID);
	assert_int_equal(ev_page(fixture.reader, &none, NULL, EV_PAGE_MAX + 1, refuse_event, NULL), LUYTRE_E_INVALID);
}

/* A tenant that asks for another's events by name gets nothing, whichever way it asks. */
static void other_tenants_are_never_visible(void **state)
{
	static const uint32_t own[] = { 5 };
	const struct scope scope = { .tenants = own, .tenant_count = 1 };
	struct ev_filter filter = { .scope = &scope, .from_us = BEGIN_US, .until_us = BEGIN_US + SPAN_US };
	uint64_t sources = 7;

	for (uint32_t tenant = 1; tenant < TENANTS; tenant++) {
		if (tenant == own[0])
			continue;
		filter.tenant = tenant;
		assert_int_equal(ev_page(fixture.reader, &filter, NULL, 10, refuse_event, NULL), 0);
		assert_int_equal(ev_count_by(fixture.reader, &filter, EV_DIM_TENANT, 3600, refuse_count, NULL), 0);
		for (unsigned int what = 0; what <= EV_TOP_PORT; what++)
			assert_int_equal(
				ev_top(fixture.reader, &filter, (enum ev_top)what, 10, refuse_ranked, NULL), 0);
		assert_int_equal(ev_distinct_sources(fixture.reader, &filter, &sources), 0);
		assert_int_equal(sources, 0);
	}
}

static void all_is_there_after_a_restart(void **state)
{
	struct ev_batch batch;
	uint64_t first_id = 7;
	char id[32];

	for (unsigned int i = 0; i < 2; i++) {
		struct ev_stats stats;

		close_store();
		open_store();
		ev_stats(fixture.store, &stats);
		assert_int_equal(stats.events, fixture.sample.count);
		pages_equal_the_model(state);
		counts_equal_the_model(state);
		top_lists_keep_their_bounds(state);
		numbers_of_sources_are_about_right(state);
	}
	batch = batch_of(0, 1, id);
	assert_int_equal(ev_append(fixture.store, &batch, &first_id), 0);
	assert_int_equal(first_id, 0);
}

static void *ask_stats(void *context)
{
	const atomic_bool *ends = context;
	struct ev_stats stats;
	uintptr_t wrong = 0;

	while (!atomic_load(ends)) {
		ev_stats(fixture.store, &stats);
		wrong += stats.events < fixture.sample.count || stats.batches == 0;
	}
	return (void *)wrong;
}

/* Figures are asked for on another thread than the writer's; neither gets what the other asked for. */
static void figures_are_asked_while_one_appends(void **state)
{
	atomic_bool ends = false;
	pthread_t thread;
	void *wrong;

	assert_int_equal(pthread_create(&thread, NULL, ask_stats, &ends), 0);
	for (unsigned int i = 0; i < 40; i++) {
		struct ev_event event = { .time_us = BEGIN_US, .severity = 1, .count = 1 };
		char id[32];
		struct ev_batch batch = {
			.id = id, .arrived_us = BEGIN_US + SPAN_US - 1, .events = &event, .count = 1
		};
		uint64_t first_id = 0;

		snprintf(id, sizeof(id), "beside-%u", i);
		assert_int_equal(ev_append(fixture.store, &batch, &first_id), 0);
		assert_true(first_id > 0);
	}
	atomic_store(&ends, true);
	assert_int_equal(pthread_join(thread, &wrong), 0);
	assert_null(wrong);
}

/* Keeps at least what was asked, and forgets the oldest. */
static void old_events_are_forgotten(void **state)
{
	struct ev_filter filter = { .scope = &nation, .until_us = EV_TIME_MAX_US };
	struct ev_event event = { .time_us = BEGIN_US + 3 * 24 * EV_HOUR_US, .severity = 1, .count = 1 };
	struct ev_batch late = {
		.id = "late", .arrived_us = BEGIN_US + 3 * 24 * EV_HOUR_US, .events = &event, .count = 1
	};
	struct ev_stats before, after;
	uint64_t first_id;
	uint32_t got = 0;

	ev_stats(fixture.store, &before);
	assert_int_equal(ev_retain(fixture.store, BEGIN_US), 0);
	ev_stats(fixture.store, &after);
	assert_int_equal(after.events, before.events);
	if (fixture.sqlite) {
		assert_int_equal(ev_retain(fixture.store, BEGIN_US + SPAN_US / 2), 0);
		ev_stats(fixture.store, &after);
		assert_in_range(after.events, before.events / 2, before.events - 1);
		assert_true(after.bytes < before.bytes);
	}
	assert_int_equal(ev_append(fixture.store, &late, &first_id), 0);
	assert_int_equal(ev_retain(fixture.store, BEGIN_US + 3 * 24 * EV_HOUR_US), 0);
	ev_stats(fixture.store, &after);
	assert_int_equal(after.events, 1);
	assert_int_equal(ev_page(fixture.reader, &filter, NULL, 10, stop_at_third, &got), 0);
	assert_int_equal(got, 1);
}

/* A second store, for what is destroyed. */
static void other_place(const char *name, const char *options, char *place, size_t place_size)
{
	if (fixture.sqlite)
		snprintf(place, place_size, "sqlite:%s/%s%s", fixture.dir, name, options);
	else
		clickhouse_own_place(&fixture.own, name, place, place_size);
}

static struct ev_store *open_place(const char *place)
{
	struct ev_store *store;
	char why[256] = "";

	if (ev_store_open(place, &store, why, sizeof(why)) != 0)
		fail_msg("%s: %s", place, why);
	return store;
}

/* Appends one batch after the other and tells each that was acknowledged; until it is killed. */
_Noreturn static void append_until_killed(const char *place, uint64_t first, int acknowledged)
{
	struct ev_store *store;
	char why[256], id[32];

	if (ev_store_open(place, &store, why, sizeof(why)) != 0)
		_exit(1);
	for (uint64_t at = first; at + KILL_BATCH <= fixture.sample.count; at += KILL_BATCH) {
		struct ev_batch batch = batch_of(at, KILL_BATCH, id);

		if (ev_append(store, &batch, NULL) != 0 || write(acknowledged, &at, sizeof(at)) != sizeof(at))
			_exit(1);
	}
	/* Everything was appended before the end came. */
	pause();
	_exit(1);
}

/* Returns how many events were acknowledged in all. */
static uint64_t kill_while_appending(const char *place, uint64_t first)
{
	int ends[2], status;
	uint64_t at, acknowledged = first;
	struct pollfd wait;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		append_until_killed(place, first, ends[1]);
	}
	close(ends[1]);
	/* The first batch is in, then some random moment of the following ones. */
	wait = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	assert_int_equal(poll(&wait, 1, 30000), 1);
	usleep((useconds_t)draw(60000));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(ends[0], &at, sizeof(at)) == sizeof(at))
		acknowledged = at + KILL_BATCH;
	close(ends[0]);
	return acknowledged;
}

struct tally {
	uint8_t *seen; /* for each number how often */
	uint64_t events;
};

static int tally_event(void *context, const struct ev_event *event)
{
	struct bytes begin = bytes_from_str("{\"seq\":");
	struct tally *tally = context;

	/* Numbers divisible by 16 have no detail: they are counted only. */
	if (bytes_starts_with(event->detail, begin)) {
		struct bytes digits = bytes_skip(event->detail, begin.size);
		uint64_t number = 0;

		for (; digits.size > 0 && digits.ptr[0] >= '0' && digits.ptr[0] <= '9'; digits = bytes_skip(digits, 1))
			number = number * 10 + digits.ptr[0] - '0';
		assert_true(number < fixture.sample.count);
		tally->seen[number]++;
	}
	tally->events++;
	return 0;
}

static int last_id(void *context, const struct ev_event *event)
{
	((struct ev_cursor *)context)->id = event->id;
	return 0;
}

struct walk {
	struct tally tally;
	struct ev_cursor cursor;
};

static int walk_event(void *context, const struct ev_event *event)
{
	struct walk *walk = context;
	int result = tally_event(&walk->tally, event);

	return result != 0 ? result : last_id(&walk->cursor, event);
}

static void walk_all(struct ev_store *store, struct walk *walk)
{
	struct ev_filter filter = { .scope = &nation, .until_us = EV_TIME_MAX_US };
	struct ev_reader *reader;
	uint64_t before;

	assert_int_equal(ev_reader_open(store, &reader), 0);
	do {
		before = walk->tally.events;
		assert_int_equal(ev_page(reader, &filter, &walk->cursor, EV_PAGE_MAX, walk_event, walk), 0);
	} while (walk->tally.events > before);
	ev_reader_close(reader);
}

/* Every acknowledged event is there exactly once; of what was under way, all or nothing. */
static void assert_whole(struct ev_store *store, uint64_t acknowledged)
{
	struct walk walk = { .tally.seen = calloc(fixture.sample.count + 1, 1) };
	struct ev_stats stats;

	assert_non_null(walk.tally.seen);
	walk_all(store, &walk);
	ev_stats(store, &stats);
	assert_int_equal(stats.segments_corrupt, 0);
	assert_true(walk.tally.events == acknowledged || walk.tally.events == acknowledged + KILL_BATCH);
	for (uint64_t i = 0; i < walk.tally.events; i++)
		assert_int_equal(walk.tally.seen[i], i % 16 == 0 ? 0 : 1);
	free(walk.tally.seen);
}

static void what_was_acknowledged_survives_kill(void **state)
{
	uint64_t acknowledged = 0, kills = setting("LUYTRE_TEST_KILLS", 20), first_id;
	char place[200], id[32];

	other_place("kill", "?rows=4000", place, sizeof(place));
	for (uint64_t i = 0; i < kills && acknowledged + 20 * KILL_BATCH < fixture.sample.count; i++) {
		struct ev_store *store;
		struct ev_batch batch;

		acknowledged = kill_while_appending(place, acknowledged);
		store = open_place(place);
		assert_whole(store, acknowledged);
		/* The edge sends what it has no acknowledgement for, and sometimes what it has. */
		if (acknowledged + KILL_BATCH <= fixture.sample.count) {
			batch = batch_of(acknowledged, KILL_BATCH, id);
			assert_int_equal(ev_append(store, &batch, &first_id), 0);
			acknowledged += KILL_BATCH;
		}
		batch = batch_of(acknowledged - 2 * KILL_BATCH, KILL_BATCH, id);
		assert_int_equal(ev_append(store, &batch, &first_id), 0);
		assert_int_equal(first_id, 0);
		assert_whole(store, acknowledged);
		ev_store_close(store);
	}
}

static void a_clock_that_steps_back_does_not_turn_ids_round(void **state)
{
	static const int64_t steps_us[] = { 0, 10 * EV_HOUR_US, -5 * EV_HOUR_US, 1, -20 * EV_HOUR_US, 30 * EV_HOUR_US };
	struct ev_event event = { .time_us = BEGIN_US, .severity = 1, .count = 1 };
	uint64_t last = 0, first_id;
	struct ev_store *store;
	char place[200];

	other_place("clock", "", place, sizeof(place));
	for (unsigned int i = 0; i < ARRAY_COUNT(steps_us); i++) {
		char id[16];
		struct ev_batch batch = {
			.id = id, .arrived_us = BEGIN_US + steps_us[i], .events = &event, .count = 1
		};

		store = open_place(place);
		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(ev_append(store, &batch, &first_id), 0);
		assert_true(first_id > last);
		last = first_id;
		ev_store_close(store);
	}
}

static void wrong_places_are_refused_with_a_sentence(void **state)
{
	static const char *const places[] = { "", "sqlite", "postgres:x", "sqlite:/nonexistent/a/b",
		"sqlite:/tmp/x?rows=0", "sqlite:/tmp/x?colour=1", "sqlite:/tmp/x?rows=1x",
		"clickhouse:http://127.0.0.1:1/ev", "clickhouse:http://127.0.0.1:1/a';drop",
		"clickhouse:file:///etc/passwd" };

	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		struct ev_store *store;
		char why[256] = "";

		assert_int_not_equal(ev_store_open(places[i], &store, why, sizeof(why)), 0);
		assert_string_not_equal(why, "");
	}
}

/* Of the SQLite driver alone. */

static void one_program_appends_at_a_time(void **state)
{
	struct ev_store *first, *second;
	char place[200], why[256] = "";

	other_place("lock", "", place, sizeof(place));
	first = open_place(place);
	assert_int_equal(ev_store_open(place, &second, why, sizeof(why)), LUYTRE_E_BUSY);
	ev_store_close(first);
	ev_store_close(open_place(place));
}

static void append_numbers(struct ev_store *store, uint64_t first, uint64_t count)
{
	char id[32];

	for (uint64_t at = first; at < first + count; at += KILL_BATCH) {
		struct ev_batch batch = batch_of(at, KILL_BATCH, id);

		assert_int_equal(ev_append(store, &batch, NULL), 0);
	}
}

static int count_events(void *context, const struct ev_event *event)
{
	++*(unsigned int *)context;
	return 0;
}

static unsigned int count_with_word(struct ev_store *store, const char *word)
{
	const struct ev_filter filter = {
		.scope = &nation, .until_us = EV_TIME_MAX_US, .text = bytes_from_str(word), .whole_words = true
	};
	struct ev_reader *reader;
	unsigned int count = 0;

	assert_int_equal(ev_reader_open(store, &reader), 0);
	assert_int_equal(ev_page(reader, &filter, NULL, EV_PAGE_MAX, count_events, &count), 0);
	ev_reader_close(reader);
	return count;
}

/* A block whose first half was written before a restart has no filter that would leave it out; each word is found in each kind of block. */
static void words_are_found_after_a_restart(void **state)
{
	enum { ROWS = 60000, RESTART = 20000, SEALED = 40000, MARK = 2500, BATCH = 500 };
	char place[200], id[32], word[32], detail[64];
	struct ev_store *store;

	other_place("words", "?rows=40000", place, sizeof(place));
	store = open_place(place);
	for (uint64_t at = 0; at < ROWS; at += BATCH) {
		struct ev_batch batch;

		if (at == RESTART || at == SEALED) {
			ev_store_close(store);
			store = open_place(place);
		}
		batch = batch_of(at % fixture.sample.count / BATCH * BATCH, BATCH, id);
		snprintf(id, sizeof(id), "words:%" PRIu64, at);
		snprintf(detail, sizeof(detail), "{\"mark\":\"mark%" PRIu64 "x\"}", at / MARK);
		if (at % MARK == 0)
			chunk.events[BATCH - 1].detail = bytes_from_str(detail);
		assert_int_equal(ev_append(store, &batch, NULL), 0);
	}
	for (unsigned int i = 0; i < ROWS / MARK; i++) {
		snprintf(word, sizeof(word), "MARK%uX", i);
		assert_int_equal(count_with_word(store, word), 1);
	}
	assert_int_equal(count_with_word(store, "mark777x"), 0);
	ev_store_close(store);
}

static void a_question_ends_in_time(void **state)
{
	struct ev_filter filter = { .scope = &nation, .from_us = BEGIN_US, .until_us = BEGIN_US + SPAN_US };
	struct ev_store *store;
	struct ev_reader *reader;
	char place[200];

	other_place("slow", "?question_ms=1", place, sizeof(place));
	store = open_place(place);
	append_numbers(store, 0, 20 * KILL_BATCH);
	assert_int_equal(ev_reader_open(store, &reader), 0);
	filter.text = bytes_from_str("stands nowhere");
	assert_int_equal(ev_page(reader, &filter, NULL, 10, refuse_event, NULL), LUYTRE_E_TIMEOUT);
	ev_reader_close(reader);
	ev_store_close(store);
}

enum damage { CUT_HALF, CUT_ALL, NO_HEADER, PAGES, DAMAGE_COUNT };

static void damage_file(const char *path, enum damage damage)
{
	FILE *file = fopen(path, "r+e");
	long size;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	if (damage == CUT_HALF)
		assert_int_equal(truncate(path, size / 2), 0);
	if (damage == CUT_ALL)
		assert_int_equal(truncate(path, 0), 0);
	/* The first 100 bytes are the header; page 1 holds the schema. */
	fseek(file, damage == PAGES ? 3 * 4096 : 0, SEEK_SET);
	for (long i = 0; (damage == PAGES && i < size - 6 * 4096L) || (damage == NO_HEADER && i < 100); i++)
		fputc((int)draw(256), file);
	fclose(file);
}

static int base_of_name(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return size > 3 && strcmp(entry->d_name + size - 3, ".db") == 0;
}

/* Segments that cannot be read are set aside, whatever is wrong with them; all the others are answered from. */
static void damaged_segments_are_set_aside(void **state)
{
	enum { SEGMENTS = 8, ROWS = 1000 };
	struct walk walk = { .tally.seen = calloc(fixture.sample.count + 1, 1) };
	struct dirent **names = NULL;
	struct ev_store *store;
	struct ev_stats stats;
	char place[200], path[400];

	assert_non_null(walk.tally.seen);
	other_place("damage", "?rows=1000", place, sizeof(place));
	store = open_place(place);
	append_numbers(store, 0, SEGMENTS * ROWS);
	ev_store_close(store);
	snprintf(path, sizeof(path), "%s/damage", fixture.dir);
	assert_int_equal(scandir(path, &names, base_of_name, alphasort), SEGMENTS);
	for (unsigned int i = 0; i < SEGMENTS; i++) {
		snprintf(path, sizeof(path), "%s/damage/%s", fixture.dir, names[i]->d_name);
		/* Every other one; the last is the one that was open. */
		if (i % 2 == 1)
			damage_file(path, (enum damage)(i / 2 % DAMAGE_COUNT));
	}
	store = open_place(place);
	ev_stats(store, &stats);
	assert_int_equal(stats.segments_corrupt, SEGMENTS / 2);
	/* And one more while the store is open: found by who reads it. */
	snprintf(path, sizeof(path), "%s/damage/%s", fixture.dir, names[0]->d_name);
	damage_file(path, PAGES);
	for (unsigned int i = 0; i < SEGMENTS; i++)
		free(names[i]);
	free(names);
	walk_all(store, &walk);
	for (uint64_t i = 0; i < ROWS; i++)
		assert_in_range(walk.tally.seen[i], 0, 1);
	for (uint64_t i = ROWS; i < SEGMENTS * ROWS; i++)
		assert_int_equal(walk.tally.seen[i], i % 16 == 0 || i / ROWS % 2 == 1 ? 0 : 1);
	ev_stats(store, &stats);
	assert_int_equal(stats.segments_corrupt, SEGMENTS / 2 + 1);
	assert_int_equal(stats.segments, SEGMENTS / 2 - 1);
	/* It goes on, with ids above all that were given. */
	append_numbers(store, SEGMENTS * ROWS, ROWS);
	ev_store_close(store);
	store = open_place(place);
	ev_stats(store, &stats);
	assert_int_equal(stats.segments_corrupt, SEGMENTS / 2 + 1);
	assert_int_equal(stats.events, (SEGMENTS / 2 - 1) * ROWS + ROWS);
	ev_store_close(store);
	free(walk.tally.seen);
}

/* A batch with a rule that nobody has seen before. */
static struct ev_batch novel_batch(uint64_t first, char id[32])
{
	struct ev_batch batch = batch_of(first, KILL_BATCH, id);

	chunk.events[0].rule = 1000000 + first;
	chunk.events[0].signature = bytes_from_str("novel");
	return batch;
}

static int is_novel(void *context, const struct ev_event *event)
{
	*(bool *)context = bytes_equal_str(event->signature, "novel");
	return 0;
}

/* What a refused batch had brought into memory must not be taken for stored. */
static bool novelty_is_there(struct ev_store *store, uint64_t first)
{
	struct ev_filter filter = { .scope = &nation, .until_us = EV_TIME_MAX_US, .rule = 1000000 + first };
	struct ev_reader *reader;
	bool there = false;

	if (ev_reader_open(store, &reader) != 0)
		return false;
	if (ev_page(reader, &filter, NULL, 10, is_novel, &there) != 0)
		there = false;
	ev_reader_close(reader);
	return there;
}

static bool write_ballast(const char *path)
{
	static const char page[4096];
	FILE *file = fopen(path, "we");
	bool whole = file;

	for (unsigned int i = 0; i < 700 && whole; i++)
		whole = fwrite(page, sizeof(page), 1, file) == 1;
	return file && fclose(file) == 0 && whole;
}

/* In a file system of seven megabytes, nearly half of it taken, seen by this process alone: 0 when all went as it should, 77 when there is no
 * right to make one, else the line of the failure. */
static int fill_a_disk(bool one_segment)
{
	uint64_t at = 0, events;
	struct ev_store *store;
	struct ev_stats stats;
	struct walk walk = { .tally.seen = calloc(fixture.sample.count + 1, 1) };
	char dir[128], place[160], ballast[160], why[256], id[32];
	int error = 0;

	snprintf(dir, sizeof(dir), "%s/disk", fixture.dir);
	snprintf(place, sizeof(place), "sqlite:%s%s", dir, one_segment ? "" : "?rows=3000");
	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	if ((mkdir(dir, 0700) != 0 && errno != EEXIST) || unshare(CLONE_NEWNS) != 0 ||
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("tmpfs", dir, "tmpfs", 0, "size=7m") != 0)
		return 77;
	if (!write_ballast(ballast))
		return 11;
	if (!walk.tally.seen || ev_store_open(place, &store, why, sizeof(why)) != 0)
		return __LINE__ & 63;
	for (; at + KILL_BATCH <= fixture.sample.count; at += KILL_BATCH) {
		struct ev_batch batch = novel_batch(at, id);

		error = ev_append(store, &batch, NULL);
		if (error != 0)
			break;
	}
	if (error != LUYTRE_E_FULL)
		return 2;
	/* A little room may turn up when what was under way is taken back. */
	for (unsigned int refused = 0; refused < 5;) {
		struct ev_batch batch = novel_batch(at, id);

		error = ev_append(store, &batch, NULL);
		if (error != 0 && error != LUYTRE_E_FULL)
			return 3;
		refused += error != 0 ? 1 : 0;
		at += error == 0 ? KILL_BATCH : 0;
	}
	ev_stats(store, &stats);
	if (stats.events != at || stats.segments_corrupt != 0)
		return 4;
	walk_all(store, &walk);
	if (walk.tally.events != at)
		return 5;
	/* Room again: the same store takes the very batch that it had to refuse. */
	if (unlink(ballast) != 0 || (!one_segment && ev_retain(store, chunk.events[0].time_us - EV_HOUR_US / 20) != 0))
		return 6;
	ev_stats(store, &stats);
	events = stats.events;
	if (!one_segment && events >= at)
		return 7;
	for (unsigned int i = 0; i < 4; i++, at += KILL_BATCH) {
		struct ev_batch batch = novel_batch(at, id);

		if (ev_append(store, &batch, NULL) != 0 || !novelty_is_there(store, at))
			return 8;
	}
	ev_store_close(store);
	if (ev_store_open(place, &store, why, sizeof(why)) != 0)
		return 9;
	ev_stats(store, &stats);
	ev_store_close(store);
	free(walk.tally.seen);
	return stats.events == events + (uint64_t)4 * KILL_BATCH ? 0 : 10;
}

static void a_full_disk_loses_nothing(void **state)
{
	for (unsigned int one_segment = 0; one_segment < 2; one_segment++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0)
			_exit(fill_a_disk(one_segment != 0));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 77)
			skip();
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

struct asker {
	pthread_t thread;
	struct ev_store *store;
	atomic_bool *done;
	uint64_t questions, last_sum;
	int error;
};

static int add_events(void *context, const struct ev_count *count)
{
	*(uint64_t *)context += count->events;
	return 0;
}

static int count_ranked(void *context, const struct ev_ranked *ranked)
{
	++*(uint32_t *)context;
	return 0;
}

static int descend(void *context, const struct ev_event *event)
{
	struct ev_cursor *last = context;

	if (last->id != 0 && event->id >= last->id)
		return 1;
	last->id = event->id;
	return 0;
}

/* Sums never shrink while events are added, pages descend, nothing fails. */
static void *ask_on(void *context)
{
	struct asker *asker = context;
	struct ev_filter filter = { .scope = &nation, .until_us = BEGIN_US + 24 * EV_HOUR_US };
	struct ev_reader *reader;

	asker->error = ev_reader_open(asker->store, &reader);
	if (asker->error != 0)
		return NULL;
	while (!atomic_load(asker->done) && asker->error == 0) {
		uint64_t sum = 0, sources;
		struct ev_cursor last = { 0 };
		uint32_t rows = 0;

		asker->error = ev_count_by(reader, &filter, EV_DIM_KIND, 0, add_events, &sum);
		if (asker->error == 0 && sum < asker->last_sum)
			asker->error = LUYTRE_E_CONFLICT;
		asker->last_sum = sum;
		if (asker->error == 0)
			asker->error = ev_page(reader, &filter, NULL, 50, descend, &last);
		if (asker->error == 0)
			asker->error = ev_top(reader, &filter, EV_TOP_SRC, 5, count_ranked, &rows);
		if (asker->error == 0)
			asker->error = ev_distinct_sources(reader, &filter, &sources);
		asker->questions++;
	}
	ev_reader_close(reader);
	return NULL;
}

static void many_ask_while_one_appends(void **state)
{
	enum { ASKERS = 3 };
	struct asker askers[ASKERS];
	atomic_bool done = false;
	struct ev_store *store;
	char place[200];

	other_place("threads", "?rows=2000", place, sizeof(place));
	store = open_place(place);
	for (unsigned int i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){ .store = store, .done = &done };
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_on, &askers[i]), 0);
	}
	append_numbers(store, 0, 20 * KILL_BATCH);
	atomic_store(&done, true);
	for (unsigned int i = 0; i < ASKERS; i++) {
		assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
		assert_int_equal(askers[i].error, 0);
		assert_true(askers[i].questions > 0);
	}
	ev_store_close(store);
}

static void words_are_read_and_written(void **state)
{
	enum ev_kind kind;
	enum ev_action action;

	for (unsigned int i = 0; i < EV_KIND_COUNT; i++) {
		assert_true(ev_kind_parse(bytes_from_str(ev_kind_name((enum ev_kind)i)), &kind));
		assert_int_equal(kind, i);
	}
	for (unsigned int i = 0; i < EV_ACTION_COUNT; i++) {
		assert_true(ev_action_parse(bytes_from_str(ev_action_name((enum ev_action)i)), &action));
		assert_int_equal(action, i);
	}
	assert_string_equal(ev_evidence_name(EV_E3), "e3");
	assert_string_equal(ev_kind_name((enum ev_kind)99), "unknown");
	assert_false(ev_kind_parse(bytes_from_str("drop"), &kind));
	assert_false(ev_action_parse(bytes_from_str(""), &action));
}

static int set_up(void **state)
{
	fixture.sample = (struct sample){
		.count = setting("LUYTRE_TEST_EVENTS", 50000),
		.begin_us = BEGIN_US,
		.span_us = SPAN_US,
		.sources = SOURCES,
		.tenants = TENANTS,
	};
	fixture.random = 20;
	fixture.model = calloc(fixture.sample.count, sizeof(*fixture.model));
	if (!fixture.model || !mkdtemp(fixture.dir))
		return -1;
	other_place("main", "?rows=12000&span_s=4000", fixture.place, sizeof(fixture.place));
	open_store();
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	close_store();
	free(fixture.model);
	snprintf(command, sizeof(command), "rm -rf '%s'", fixture.dir);
	return system(command);
}

#define OF_EVERY_DRIVER                                                                                                \
	cmocka_unit_test(batches_are_appended_once_each), cmocka_unit_test(bad_batches_are_refused),                   \
		cmocka_unit_test(pages_equal_the_model), cmocka_unit_test(a_page_ends_when_it_is_told_to),             \
		cmocka_unit_test(counts_equal_the_model), cmocka_unit_test(top_lists_keep_their_bounds),               \
		cmocka_unit_test(numbers_of_sources_are_about_right), cmocka_unit_test(hits_equal_the_model),          \
		cmocka_unit_test(without_a_scope_nothing_is_answered),                                                 \
		cmocka_unit_test(other_tenants_are_never_visible), cmocka_unit_test(all_is_there_after_a_restart),     \
		cmocka_unit_test(what_was_acknowledged_survives_kill),                                                 \
		cmocka_unit_test(a_clock_that_steps_back_does_not_turn_ids_round),                                     \
		cmocka_unit_test(figures_are_asked_while_one_appends), cmocka_unit_test(old_events_are_forgotten)

static int run_sqlite(void)
{
	const struct CMUnitTest tests[] = {
		OF_EVERY_DRIVER,
		cmocka_unit_test(words_are_read_and_written),
		cmocka_unit_test(wrong_places_are_refused_with_a_sentence),
		cmocka_unit_test(one_program_appends_at_a_time),
		cmocka_unit_test(words_are_found_after_a_restart),
		cmocka_unit_test(a_question_ends_in_time),
		cmocka_unit_test(damaged_segments_are_set_aside),
		cmocka_unit_test(a_full_disk_loses_nothing),
		cmocka_unit_test(many_ask_while_one_appends),
	};

	return cmocka_run_group_tests_name("sqlite", tests, set_up, tear_down);
}

static int run_clickhouse(void)
{
	const struct CMUnitTest tests[] = { OF_EVERY_DRIVER };
	int error = clickhouse_own_start(&fixture.own), failed;

	if (error == LUYTRE_E_NOT_FOUND) {
		printf("skipped: clickhouse-server is not installed\n");
		return 77;
	}
	if (error != 0) {
		fprintf(stderr, "clickhouse-server does not start\n");
		return 1;
	}
	failed = cmocka_run_group_tests_name("clickhouse", tests, set_up, tear_down);
	clickhouse_own_stop(&fixture.own);
	return failed;
}

int main(int argc, char **argv)
{
	snprintf(fixture.dir, sizeof(fixture.dir), "/tmp/luytre-test-events.XXXXXX");
	if (argc == 2 && strcmp(argv[1], "clickhouse") == 0)
		return run_clickhouse();
	fixture.sqlite = true;
	return run_sqlite();
}
