// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/retro.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/table.h"
#include "hub/events/words.h"

#define DAY_US        INT64_C(86400000000)
#define WINDOW_US     (30 * DAY_US)
#define WORDS_SPAN_US (14 * DAY_US)

enum { PAGE = EV_PAGE_MAX };

const char *const retro_kinds[RETRO_KIND_COUNT] = {
#define X(id, word) word,
	RETRO_KINDS(X)
#undef X
};

/* One search on its way. */
struct search {
	struct ev_reader *reader;
	const struct retro_question *question;
	struct retro_answer *answer;
	struct table *tenants; /* uint32_t to struct retro_tenant */
	struct table *sources; /* struct ip_addr to uint64_t */
	bool stopped; /* what is counted now was stopped */
	uint64_t deadline_ns;
	uint64_t page_last;
	uint32_t page_rows;
};

static bool stopped(const struct search *search)
{
	return search->question->stop && atomic_load(search->question->stop);
}

/* ---- Adding up ---- */

static int add(struct search *search, const struct retro_tenant *hit)
{
	struct retro_answer *answer = search->answer;
	bool created;
	struct retro_tenant *sum = table_insert(search->tenants, &hit->tenant, &created);

	if (!answer->first_us || hit->first_us < answer->first_us)
		answer->first_us = hit->first_us;
	if (hit->last_us > answer->last_us)
		answer->last_us = hit->last_us;
	answer->events += hit->events;
	answer->stopped += hit->stopped;
	if (!sum) { /* the sums above are whole all the same */
		answer->complete = false;
		return 0;
	}
	if (created) {
		*sum = *hit;
		return 0;
	}
	if (hit->first_us < sum->first_us)
		sum->first_us = hit->first_us;
	if (hit->last_us > sum->last_us)
		sum->last_us = hit->last_us;
	sum->events += hit->events;
	sum->stopped += hit->stopped;
	return 0;
}

static void add_rule(struct retro_answer *answer, uint64_t rule)
{
	for (size_t i = 0; i < answer->rule_count; i++)
		if (answer->rules[i] == rule)
			return;
	if (rule && answer->rule_count < RETRO_RULES_MAX)
		answer->rules[answer->rule_count++] = rule;
}

static void add_source(struct search *search, const struct ev_event *event)
{
	struct ip_addr addr = { .family = event->src.family };
	uint64_t *sum;

	if (!addr.family)
		return;
	memcpy(addr.bytes, event->src.bytes, addr.family == IP_V4 ? 4 : 16);
	sum = table_insert(search->sources, &addr, NULL);
	if (sum)
		*sum += event->count;
}

/* ---- Rules ---- */

static int take_hit(void *context, const struct ev_hit *hit)
{
	struct search *search = context;

	add_rule(search->answer, hit->rule);
	return add(search, &(struct retro_tenant){ .tenant = hit->tenant,
				   .first_us = hit->first_us,
				   .last_us = hit->last_us,
				   .events = hit->sum,
				   .stopped = hit->action == EV_STOPPED ? hit->sum : 0 });
}

static int take_source(void *context, const struct ev_event *event)
{
	add_source(context, event);
	return 0;
}

/* Who they were: of the first hour and of the last, and of each rule the newest thousand. */
static int find_sources(struct search *search)
{
	const struct retro_answer *answer = search->answer;
	const int64_t ends[2] = { answer->first_us, answer->last_us - EV_HOUR_US };
	int error = 0;

	for (size_t i = 0; i < 2 * answer->rule_count && i < 32 && !error; i++) {
		int64_t from_us = ends[i % 2] < answer->first_us ? answer->first_us : ends[i % 2];
		const struct ev_filter filter = { .scope = search->question->scope,
			.from_us = from_us,
			.until_us = from_us + EV_HOUR_US + 1,
			.rule = answer->rules[i / 2] };

		error = stopped(search) ? LUYTRE_E_CLOSED
					: ev_page(search->reader, &filter, NULL, PAGE, take_source, search);
	}
	return error;
}

/* A month at a time, because a question ends after some seconds. */
static int ask_rules(struct search *search, const uint64_t *rules, size_t count, const char *text)
{
	const struct ev_hit_query query = { .rules = rules, .rule_count = count, .text = bytes_from_str(text) };
	int64_t from_us = search->question->from_us;
	int error = 0;

	while (!error && from_us < search->question->until_us) {
		struct ev_filter filter = {
			.scope = search->question->scope, .from_us = from_us, .until_us = from_us + WINDOW_US
		};

		if (filter.until_us > search->question->until_us)
			filter.until_us = search->question->until_us;
		error = stopped(search) ? LUYTRE_E_CLOSED : ev_hits(search->reader, &filter, &query, take_hit, search);
		from_us = filter.until_us;
	}
	return error || !search->answer->first_us ? error : find_sources(search);
}

/* "CVE-", a year of four digits, '-', four digits or more. */
static bool is_cve(const char *text)
{
	size_t year = strspn(strncmp(text, "CVE-", 4) == 0 ? text + 4 : "", "0123456789"), number;

	if (year != 4 || text[8] != '-')
		return false;
	number = strspn(text + 9, "0123456789");
	return number >= 4 && text[9 + number] == '\0';
}

static int ask_cve(struct search *search, const struct holdrules *rules)
{
	uint64_t numbers[EV_HIT_RULES_MAX];
	size_t count = 0;

	if (!is_cve(search->question->value))
		return LUYTRE_E_SYNTAX;
	for (size_t i = 0; rules && i < holdrules_count(rules) && count < EV_HIT_RULES_MAX; i++) {
		const struct holdrule *rule = holdrules_at(rules, i);

		for (size_t c = 0; c < rule->cve_count && count < EV_HIT_RULES_MAX; c++)
			if (strcmp(rule->cves[c], search->question->value) == 0)
				numbers[count++] = rule->rule;
	}
	return ask_rules(search, numbers, count, search->question->value);
}

static int ask_rule(struct search *search)
{
	char *end;
	uint64_t rule = strtoull(search->question->value, &end, 10);

	if (rule == 0 || rule > INT64_MAX || *end != '\0' || search->question->value[0] < '0' ||
		search->question->value[0] > '9')
		return LUYTRE_E_SYNTAX;
	return ask_rules(search, &rule, 1, "");
}

/* ---- Single events ---- */

static int take_event(void *context, const struct ev_event *event)
{
	struct search *search = context;

	search->page_last = event->id;
	search->page_rows++;
	add_rule(search->answer, event->rule);
	add_source(search, event);
	return add(search, &(struct retro_tenant){ .tenant = event->tenant,
				   .first_us = event->time_us,
				   .last_us = event->time_us,
				   .events = event->count,
				   .stopped = event->action == EV_STOPPED ? event->count : 0 });
}

/* ---- Addresses ---- */

static int take_count(void *context, const struct ev_count *count)
{
	struct search *search = context;

	return add(search, &(struct retro_tenant){ .tenant = (uint32_t)count->key,
				   .first_us = count->time_us,
				   .last_us = count->time_us + EV_HOUR_US - 1,
				   .events = search->stopped ? 0 : count->sum,
				   .stopped = search->stopped ? count->sum : 0 });
}

/* Who sent more than a page is counted by the hour. */
static int count_address(struct search *search, struct ev_filter *filter)
{
	struct retro_answer *answer = search->answer;
	int error;

	answer->events = answer->stopped = 0;
	table_clear(search->tenants);
	error = ev_count_by(search->reader, filter, EV_DIM_TENANT, 3600, take_count, search);
	search->stopped = true;
	filter->actions = 1U << EV_STOPPED;
	return error ? error : ev_count_by(search->reader, filter, EV_DIM_TENANT, 3600, take_count, search);
}

static int ask_address(struct search *search)
{
	struct ev_filter filter = { .scope = search->question->scope,
		.from_us = search->question->from_us,
		.until_us = search->question->until_us };
	int error = ip_prefix_parse(bytes_from_str(search->question->value), IP_PREFIX_MASK_HOST_BITS, &filter.src);

	if (error)
		return LUYTRE_E_SYNTAX;
	error = ev_page(search->reader, &filter, NULL, PAGE, take_event, search);
	return error || search->page_rows < PAGE ? error : count_address(search, &filter);
}

/* ---- Texts ---- */

/* All pages of a span. A question that takes too long is asked again behind what it has found; one that found nothing in its time ends it. */
static int ask_span(struct search *search, int64_t from_us, int64_t until_us)
{
	const struct ev_filter filter = { .scope = search->question->scope,
		.from_us = from_us,
		.until_us = until_us,
		.text = bytes_from_str(search->question->value),
		.whole_words = true };
	struct ev_cursor before = { 0 };
	int error;

	do {
		search->page_rows = 0;
		error = ev_page(search->reader, &filter, &before, PAGE, take_event, search);
		before.id = search->page_last;
		if (error == LUYTRE_E_TIMEOUT || clock_mono_ns() > search->deadline_ns) {
			search->answer->complete = false;
			return search->page_rows || error != LUYTRE_E_TIMEOUT ? 0 : LUYTRE_E_TIMEOUT;
		}
	} while (!error && search->page_rows == PAGE);
	return error;
}

static int ask_text(struct search *search)
{
	int64_t until_us = search->question->until_us, span_us = DAY_US, from_us;
	struct words_query words;
	int error = 0;

	/* Where words can be looked up a longer span costs no more; where they cannot, what was read last is not lost when time is over. */
	words_query_of(bytes_from_str(search->question->value), &words);
	if (words.count != 0)
		span_us = WORDS_SPAN_US;
	if (strlen(search->question->value) < RETRO_TEXT_MIN)
		return LUYTRE_E_SYNTAX;
	while (!error && search->answer->complete && until_us > search->question->from_us) {
		from_us = until_us - span_us;
		if (from_us < search->question->from_us)
			from_us = search->question->from_us;
		error = stopped(search) ? LUYTRE_E_CLOSED : ask_span(search, from_us, until_us);
		until_us = from_us;
	}
	return error == LUYTRE_E_TIMEOUT ? 0 : error;
}

/* ---- The answer ---- */

static int compare_tenants(const void *left, const void *right)
{
	const struct retro_tenant *a = left, *b = right;

	return (a->tenant > b->tenant) - (a->tenant < b->tenant);
}

static int compare_sources(const void *left, const void *right)
{
	const struct retro_source *a = left, *b = right;

	if (a->events != b->events)
		return a->events < b->events ? 1 : -1;
	return memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

static int collect(struct search *search)
{
	struct retro_answer *answer = search->answer;
	size_t count = table_count(search->sources), pos = 0, at = 0;
	struct retro_source *sources = calloc(count + 1, sizeof(*sources));
	const void *key;
	void *value;

	answer->tenants = calloc(table_count(search->tenants) + 1, sizeof(*answer->tenants));
	if (!answer->tenants || !sources) {
		free(sources);
		return LUYTRE_E_NOMEM;
	}
	while (table_next(search->tenants, &pos, NULL, &value))
		memcpy(&answer->tenants[answer->tenant_count++], value, sizeof(*answer->tenants));
	qsort(answer->tenants, answer->tenant_count, sizeof(*answer->tenants), compare_tenants);
	for (pos = 0; at < count && table_next(search->sources, &pos, &key, &value); at++) {
		memcpy(&sources[at].addr, key, sizeof(sources[at].addr));
		memcpy(&sources[at].events, value, sizeof(sources[at].events));
	}
	qsort(sources, at, sizeof(*sources), compare_sources);
	answer->source_count = at < RETRO_SOURCES_MAX ? at : RETRO_SOURCES_MAX;
	memcpy(answer->sources, sources, answer->source_count * sizeof(*sources));
	free(sources);
	return 0;
}

static int ask(struct search *search, const struct holdrules *rules)
{
	switch (search->question->kind) {
	case RETRO_CVE:
		return ask_cve(search, rules);
	case RETRO_RULE:
		return ask_rule(search);
	case RETRO_ADDRESS:
		return ask_address(search);
	case RETRO_TEXT:
		return ask_text(search);
	default:
		return LUYTRE_E_INVALID;
	}
}

int retro_search(struct ev_store *store, const struct holdrules *rules, const struct retro_question *question,
	struct retro_answer *ret)
{
	uint64_t begin_ns = clock_mono_ns();
	struct search search = {
		.question = question, .answer = ret, .deadline_ns = begin_ns + RETRO_TEXT_MS * NS_PER_MS
	};
	struct siphash_key key;
	int error;

	*ret = (struct retro_answer){ .complete = true };
	if (!question->scope || question->from_us < 0 || question->until_us <= question->from_us ||
		question->until_us - question->from_us > RETRO_DAYS_MAX * DAY_US)
		return LUYTRE_E_RANGE;
	error = siphash_key_random(&key);
	if (!error)
		error = ev_reader_open(store, &search.reader);
	if (error)
		return error;
	search.tenants = table_new(sizeof(uint32_t), sizeof(struct retro_tenant), RETRO_TENANTS_MAX, key);
	search.sources = table_new(sizeof(struct ip_addr), sizeof(uint64_t), RETRO_TENANTS_MAX, key);
	error = search.tenants && search.sources ? ask(&search, rules) : LUYTRE_E_NOMEM;
	if (!error)
		error = collect(&search);
	table_free(search.tenants);
	table_free(search.sources);
	ev_reader_close(search.reader);
	ret->took_ms = (uint32_t)((clock_mono_ns() - begin_ns) / NS_PER_MS);
	if (error)
		retro_done(ret);
	return error;
}

void retro_done(struct retro_answer *answer)
{
	free(answer->tenants);
	answer->tenants = NULL;
}
