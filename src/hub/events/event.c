// SPDX-License-Identifier: Apache-2.0
/* The part that all drivers share: words, checks of what comes in, the choice of a driver. */
#include "hub/events/event.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/error.h"
#include "base/table.h"
#include "hub/events/detail.h"
#include "hub/events/driver.h"
#include "hub/events/words.h"

static const struct ev_driver *const drivers[] = { &ev_sqlite_driver, &ev_clickhouse_driver };

static const char *const kind_names[] = {
#define X(id, word) [EV_##id] = word,
	EV_KINDS(X)
#undef X
};

static const char *const action_names[] = {
#define X(id, word) [EV_##id] = word,
	EV_ACTIONS(X)
#undef X
};

static const char *const evidence_names[] = {
#define X(id, word) [EV_##id] = word,
	EV_EVIDENCE(X)
#undef X
};

const char *ev_kind_name(enum ev_kind kind)
{
	return (unsigned int)kind < EV_KIND_COUNT ? kind_names[kind] : "unknown";
}

const char *ev_action_name(enum ev_action action)
{
	return (unsigned int)action < EV_ACTION_COUNT ? action_names[action] : "unknown";
}

const char *ev_evidence_name(enum ev_evidence evidence)
{
	return (unsigned int)evidence < EV_EVIDENCE_COUNT ? evidence_names[evidence] : "unknown";
}

bool ev_kind_parse(struct bytes word, enum ev_kind *ret)
{
	for (unsigned int i = 0; i < EV_KIND_COUNT; i++) {
		if (bytes_equal_str(word, kind_names[i])) {
			*ret = (enum ev_kind)i;
			return true;
		}
	}
	return false;
}

bool ev_action_parse(struct bytes word, enum ev_action *ret)
{
	for (unsigned int i = 0; i < EV_ACTION_COUNT; i++) {
		if (bytes_equal_str(word, action_names[i])) {
			*ret = (enum ev_action)i;
			return true;
		}
	}
	return false;
}

int ev_store_open(const char *place, struct ev_store **ret, char *why, size_t why_size)
{
	for (size_t i = 0; i < ARRAY_COUNT(drivers); i++) {
		size_t size = strlen(drivers[i]->name);

		if (strncmp(place, drivers[i]->name, size) == 0 && place[size] == ':')
			return drivers[i]->open(place + size + 1, ret, why, why_size);
	}
	snprintf(why, why_size, "\"%s\" names no event store: sqlite:DIR or clickhouse:http://HOST:PORT/DATABASE",
		place);
	return LUYTRE_E_INVALID;
}

void ev_store_close(struct ev_store *store)
{
	if (store)
		store->driver->close(store);
}

static bool event_valid(const struct ev_event *event)
{
	return event->kind < EV_KIND_COUNT && event->action < EV_ACTION_COUNT && event->evidence < EV_EVIDENCE_COUNT &&
	       event->severity >= 1 && event->severity <= 4 && event->time_us >= 0 && event->time_us < EV_TIME_MAX_US &&
	       event->detail.size <= EV_DETAIL_MAX &&
	       (event->src.family == 0 || event->src.family == IP_V4 || event->src.family == IP_V6) &&
	       (event->dst.family == 0 || event->dst.family == IP_V4 || event->dst.family == IP_V6);
}

int ev_append(struct ev_store *store, const struct ev_batch *batch, uint64_t *ret_first_id)
{
	uint64_t first_id = 0;
	int error;

	if (!batch->id || batch->id[0] == '\0' || strnlen(batch->id, EV_BATCH_ID_MAX + 1) > EV_BATCH_ID_MAX ||
		batch->count == 0 || batch->count > EV_BATCH_MAX || batch->arrived_us <= 0 ||
		batch->arrived_us >= EV_TIME_MAX_US)
		return LUYTRE_E_INVALID;
	for (size_t i = 0; i < batch->count; i++) {
		if (!event_valid(&batch->events[i]))
			return LUYTRE_E_INVALID;
	}
	error = store->driver->append(store, batch, &first_id);
	if (error == 0 && ret_first_id)
		*ret_first_id = first_id;
	return error;
}

int ev_retain(struct ev_store *store, int64_t keep_from_us)
{
	return store->driver->retain(store, keep_from_us);
}

void ev_stats(struct ev_store *store, struct ev_stats *ret)
{
	*ret = (struct ev_stats){ 0 };
	store->driver->stats(store, ret);
}

int ev_reader_open(struct ev_store *store, struct ev_reader **ret)
{
	return store->driver->reader_open(store, ret);
}

void ev_reader_close(struct ev_reader *reader)
{
	if (reader)
		reader->store->driver->reader_close(reader);
}

static bool is_too_long(const struct ev_filter *filter)
{
	struct words_query query = { .count = 0 };

	if (filter->until_us - filter->from_us <= EV_TEXT_SPAN_MAX_US)
		return false;
	if (filter->whole_words)
		words_query_of(filter->text, &query);
	return query.count == 0;
}

bool ev_text_matches(const struct ev_filter *filter, const struct ev_event *event)
{
	bool (*stands_in)(struct bytes, struct bytes) = filter->whole_words ? words_stand_in : detail_contains;

	return stands_in(event->signature, filter->text) || stands_in(event->detail, filter->text);
}

/* LUYTRE_E_INVALID, or 0; then '*ret_nothing' tells that nothing can be found. */
static int check_filter(const struct ev_filter *filter, bool *ret_nothing)
{
	const struct scope *scope = filter->scope;

	if (!scope || filter->until_us <= filter->from_us || filter->from_us < 0 || filter->until_us > EV_TIME_MAX_US)
		return LUYTRE_E_INVALID;
	if (filter->text.size > EV_SIGNATURE_MAX || (filter->text.size > 0 && is_too_long(filter)))
		return LUYTRE_E_INVALID;
	if (filter->src.addr.family != 0 && ((filter->src.addr.family != IP_V4 && filter->src.addr.family != IP_V6) ||
						    filter->src.length > ip_addr_bits(&filter->src.addr)))
		return LUYTRE_E_INVALID;
	*ret_nothing =
		(!scope->all && scope->tenant_count == 0) || (filter->tenant != 0 && !scope_has(scope, filter->tenant));
	return 0;
}

int ev_page(struct ev_reader *reader, const struct ev_filter *filter, const struct ev_cursor *before, uint32_t limit,
	ev_event_fn fn, void *context)
{
	static const struct ev_cursor newest = { 0 };
	bool nothing;
	int error = check_filter(filter, &nothing);

	if (error != 0 || limit == 0 || limit > EV_PAGE_MAX)
		return LUYTRE_E_INVALID;
	if (nothing)
		return 0;
	return reader->store->driver->page(reader, filter, before ? before : &newest, limit, fn, context);
}

int ev_count_by(struct ev_reader *reader, const struct ev_filter *filter, enum ev_dim dim, uint32_t step_s,
	ev_count_fn fn, void *context)
{
	bool nothing;
	int error = check_filter(filter, &nothing);

	if (error != 0 || (unsigned int)dim >= EV_DIM_COUNT)
		return LUYTRE_E_INVALID;
	return nothing ? 0 : reader->store->driver->count_by(reader, filter, dim, step_s, fn, context);
}

int ev_top(struct ev_reader *reader, const struct ev_filter *filter, enum ev_top what, uint32_t limit, ev_ranked_fn fn,
	void *context)
{
	bool nothing;
	int error = check_filter(filter, &nothing);

	if (error != 0 || (unsigned int)what > EV_TOP_PORT || limit == 0 || limit > EV_TOP_MAX)
		return LUYTRE_E_INVALID;
	return nothing ? 0 : reader->store->driver->top(reader, filter, what, limit, fn, context);
}

int ev_distinct_sources(struct ev_reader *reader, const struct ev_filter *filter, uint64_t *ret)
{
	bool nothing;
	int error = check_filter(filter, &nothing);

	if (error != 0)
		return error;
	*ret = 0;
	return nothing ? 0 : reader->store->driver->distinct_sources(reader, filter, ret);
}

/* No sign of a pattern of any store. */
static bool is_plain(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (!ascii_is_digit(text.ptr[i]) &&
			(ascii_lower(text.ptr[i]) < 'a' || ascii_lower(text.ptr[i]) > 'z') && text.ptr[i] != '-' &&
			text.ptr[i] != ' ')
			return false;
	return true;
}

int ev_hits(struct ev_reader *reader, const struct ev_filter *filter, const struct ev_hit_query *query, ev_hit_fn fn,
	void *context)
{
	bool nothing;
	int error = check_filter(filter, &nothing);

	if (error != 0 || query->rule_count > EV_HIT_RULES_MAX || query->text.size > EV_SIGNATURE_MAX ||
		!is_plain(query->text) || filter->text.size > 0)
		return LUYTRE_E_INVALID;
	if (nothing || (query->rule_count == 0 && query->text.size == 0))
		return 0;
	return reader->store->driver->hits(reader, filter, query, fn, context);
}

bool ev_filter_rolled_up(const struct ev_filter *filter)
{
	return filter->system == 0 && filter->src.addr.family == 0 && filter->rule == 0 && filter->decision == 0 &&
	       filter->text.size == 0;
}

bool ev_filter_sketched(const struct ev_filter *filter)
{
	return ev_filter_rolled_up(filter) && filter->kinds == 0 && filter->actions == 0 && filter->severity_max == 0 &&
	       filter->edge == 0;
}

static int set_option(struct bytes name, struct bytes value, const struct ev_option *options, size_t count)
{
	char text[24], *end;
	uint64_t number;

	if (!bytes_to_str(value, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return LUYTRE_E_INVALID;
	number = strtoull(text, &end, 10);
	for (size_t i = 0; i < count; i++) {
		if (!bytes_equal_str(name, options[i].name))
			continue;
		if (*end != '\0' || number < options[i].least || number > options[i].most)
			return LUYTRE_E_INVALID;
		*options[i].value = number;
		return 0;
	}
	return LUYTRE_E_INVALID;
}

int ev_place_split(const char *place, struct bytes *ret_base, const struct ev_option *options, size_t count, char *why,
	size_t why_size)
{
	struct bytes rest = bytes_from_str(place);
	size_t end = bytes_index(rest, '?');

	*ret_base = bytes_first(rest, end);
	for (rest = bytes_skip(rest, end + 1); rest.size > 0;) {
		struct bytes option = bytes_first(rest, bytes_index(rest, '&'));
		size_t equals = bytes_index(option, '=');

		if (set_option(bytes_first(option, equals), bytes_skip(option, equals + 1), options, count) != 0) {
			snprintf(why, why_size, "\"%.*s\" is not an option of this event store, or out of its bounds",
				(int)option.size, (const char *)option.ptr);
			return LUYTRE_E_INVALID;
		}
		rest = bytes_skip(rest, option.size + 1);
	}
	return 0;
}

struct tally_key {
	int64_t time_us;
	uint64_t key;
};

struct tally_sum {
	uint64_t events, sum;
};

struct ev_tally {
	struct table *sums; /* struct tally_key to struct tally_sum */
};

struct ev_tally *ev_tally_new(void)
{
	struct ev_tally *tally = calloc(1, sizeof(*tally));
	struct siphash_key key;

	if (!tally)
		return NULL;
	if (siphash_key_random(&key) == 0)
		tally->sums = table_new(sizeof(struct tally_key), sizeof(struct tally_sum), EV_ANSWER_MAX, key);
	if (!tally->sums) {
		free(tally);
		return NULL;
	}
	return tally;
}

void ev_tally_free(struct ev_tally *tally)
{
	if (!tally)
		return;
	table_free(tally->sums);
	free(tally);
}

int ev_tally_add(struct ev_tally *tally, int64_t time_us, uint64_t key, uint64_t events, uint64_t sum)
{
	struct tally_key at = { .time_us = time_us, .key = key };
	struct tally_sum *sums = table_insert(tally->sums, &at, NULL);

	if (!sums)
		return LUYTRE_E_FULL;
	sums->events += events;
	sums->sum += sum;
	return 0;
}

static int compare_counts(const void *left, const void *right)
{
	const struct ev_count *a = left, *b = right;

	if (a->time_us != b->time_us)
		return a->time_us < b->time_us ? -1 : 1;
	return (a->key > b->key) - (a->key < b->key);
}

static int compare_sums(const void *left, const void *right)
{
	const struct ev_count *a = left, *b = right;

	if (a->sum != b->sum)
		return a->sum < b->sum ? 1 : -1;
	return (a->key > b->key) - (a->key < b->key);
}

/* Null without memory; freed by the caller. */
static struct ev_count *sorted_counts(
	const struct ev_tally *tally, int (*compare)(const void *, const void *), size_t *ret_count)
{
	size_t count = table_count(tally->sums), pos = 0, at = 0;
	struct ev_count *counts = calloc(count + 1, sizeof(*counts));
	const void *key;
	void *value;

	while (counts && at < count && table_next(tally->sums, &pos, &key, &value)) {
		const struct tally_key *id = key;
		const struct tally_sum *sums = value;

		counts[at++] = (struct ev_count){
			.time_us = id->time_us, .key = id->key, .events = sums->events, .sum = sums->sum
		};
	}
	if (counts)
		qsort(counts, at, sizeof(*counts), compare);
	*ret_count = at;
	return counts;
}

int ev_tally_out(struct ev_tally *tally, ev_count_fn fn, void *context)
{
	size_t count;
	struct ev_count *counts = sorted_counts(tally, compare_counts, &count);

	if (!counts)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < count; i++) {
		if (fn(context, &counts[i]) != 0)
			break;
	}
	free(counts);
	return 0;
}

int ev_tally_top(struct ev_tally *tally, uint32_t limit, ev_ranked_fn fn, void *context)
{
	size_t count;
	struct ev_count *counts = sorted_counts(tally, compare_sums, &count);

	if (!counts)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < count && i < limit; i++) {
		struct ev_ranked ranked = { .key = counts[i].key, .sum = counts[i].sum, .tenant_count = 1 };

		if (fn(context, &ranked) != 0)
			break;
	}
	free(counts);
	return 0;
}
