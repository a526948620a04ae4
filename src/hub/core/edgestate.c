// SPDX-License-Identifier: Apache-2.0
#include "hub/core/edgestate.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/table.h"

#define US_PER_S      INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_S)
/* Between two records of at least a second: 68 thousand million packets, 70 terabytes. */
#define PACKETS_STEP_MAX (UINT64_C(1) << 36)
#define BYTES_STEP_MAX   (UINT64_C(1) << 46)

enum { TENTHS = 6, TENTH_MINUTES = 10, WORDS_FIRST = 16 };

/* A word of an edge: the newest counters, and what was added in each ten minutes. */
struct word {
	char text[EDGESTATE_WORD_SIZE];
	uint8_t kind;
	uint64_t packets, shadow;
	uint64_t packets_added[TENTHS], shadow_added[TENTHS];
	uint16_t total; /* its place in the totals, when that still has this word */
};

/* Rings of counters: slot t % size is of minute (or ten minutes) t, when 'minute' (or 'tenth') is not further ahead than its size. */
struct rings {
	int64_t minute, tenth;
	struct edgestate_counters minutes[EDGESTATE_MINUTES], tenths[TENTHS];
};

struct place {
	uint32_t edge;
	int64_t received_us;
	struct edgestate_view view;
	struct edgestate_counters newest;
	struct rings rings;
	struct word *words; /* owned */
	size_t word_count, word_room;
};

/* What all edges together have said, added up as it comes: to sum ten thousand of them would take long under the core's lock. */
struct totals {
	struct rings rings;
	struct word words[EDGESTATE_WORDS_MAX];
	size_t word_count;
};

struct edgestate {
	struct table *index; /* edge to the number of its place */
	struct place **places; /* owned */
	size_t place_count, place_room;
	size_t words_total;
	struct totals totals;
	struct edgestate_stats stats;
};

/* ---- Taking ---- */

struct edgestate *edgestate_new(void)
{
	struct edgestate *state = calloc(1, sizeof(*state));
	struct siphash_key key;

	if (!state)
		return NULL;
	if (!siphash_key_random(&key))
		state->index = table_new(sizeof(uint32_t), sizeof(uint64_t), EDGES_MAX, key);
	if (!state->index) {
		free(state);
		return NULL;
	}
	return state;
}

void edgestate_free(struct edgestate *state)
{
	if (!state)
		return;
	for (size_t i = 0; i < state->place_count; i++) {
		free(state->places[i]->words);
		free(state->places[i]);
	}
	free(state->places);
	table_free(state->index);
	free(state);
}

static struct place *find_place(const struct edgestate *state, uint32_t edge)
{
	const uint64_t *number = table_find(state->index, &edge);

	return number ? state->places[*number] : NULL;
}

/* Null at the ceiling or without memory. */
static struct place *make_place(struct edgestate *state, uint32_t edge)
{
	struct place *place = calloc(1, sizeof(*place));
	uint64_t *number = NULL;

	if (place && state->place_count == state->place_room) {
		size_t room = state->place_room ? 2 * state->place_room : 64;
		struct place **places = realloc(state->places, room * sizeof(struct place *));

		if (places) {
			state->places = places;
			state->place_room = room;
		}
	}
	if (place && state->place_count < state->place_room)
		number = table_insert(state->index, &edge, NULL);
	if (!number) {
		free(place);
		return NULL;
	}
	*number = state->place_count;
	place->edge = edge;
	state->places[state->place_count++] = place;
	return place;
}

/* What was added since; nothing when the counter has begun anew. */
static uint64_t added(uint64_t now, uint64_t before, uint64_t most)
{
	uint64_t more = now > before ? now - before : 0;

	return more < most ? more : most;
}

static void add_to(uint64_t *sum, uint64_t more)
{
	*sum = *sum > UINT64_MAX - more ? UINT64_MAX : *sum + more;
}

static void add_counters(struct edgestate_counters *sum, const struct edgestate_counters *more)
{
#define X(field)                                                                                                       \
	add_to(&sum->field.packets, more->field.packets);                                                              \
	add_to(&sum->field.bytes, more->field.bytes);
	EDGESTATE_COUNTERS(X)
#undef X
}

/* Nothing that is older than the rings reach. */
static void add_rings(struct rings *rings, int64_t minute, const struct edgestate_counters *more)
{
	int64_t tenth = minute / TENTH_MINUTES;

	if (minute > rings->minute - EDGESTATE_MINUTES)
		add_counters(&rings->minutes[minute % EDGESTATE_MINUTES], more);
	if (tenth > rings->tenth - TENTHS)
		add_counters(&rings->tenths[tenth % TENTHS], more);
}

/* Moves a ring on to 'now', clearing what it steps over. */
static void move_ring(int64_t *at, int64_t now, struct edgestate_counters *ring, size_t size)
{
	if (now - *at >= (int64_t)size || now < *at)
		memset(ring, 0, size * sizeof(*ring));
	else
		for (int64_t t = *at + 1; t <= now; t++)
			ring[(size_t)t % size] = (struct edgestate_counters){ 0 };
	*at = now;
}

static void move_words(struct word *words, size_t count, int64_t at, int64_t tenth)
{
	bool all = tenth - at >= TENTHS || tenth < at;

	for (size_t i = 0; i < count; i++)
		for (int64_t t = all ? tenth - TENTHS + 1 : at + 1; t <= tenth; t++)
			words[i].packets_added[t % TENTHS] = words[i].shadow_added[t % TENTHS] = 0;
}

/* Both rings and the words that go with them. */
static void move_rings(struct rings *rings, int64_t minute, struct word *words, size_t word_count)
{
	int64_t tenth = minute / TENTH_MINUTES;

	move_words(words, word_count, rings->tenth, tenth);
	move_ring(&rings->minute, minute, rings->minutes, EDGESTATE_MINUTES);
	move_ring(&rings->tenth, tenth, rings->tenths, TENTHS);
}

static bool is_word(const struct word *word, const struct word *other)
{
	return word->kind == other->kind && !strcmp(word->text, other->text);
}

/* Nothing was added to it in the time that is kept. */
static bool is_silent(const struct word *word)
{
	for (size_t t = 0; t < TENTHS; t++)
		if (word->packets_added[t] || word->shadow_added[t])
			return false;
	return true;
}

/* Null when there is no room: then the word stands among those of its edge alone. */
static struct word *total_of(struct totals *totals, struct word *word)
{
	size_t at = word->total, silent = totals->word_count;

	if (at < totals->word_count && is_word(&totals->words[at], word))
		return &totals->words[at];
	for (at = 0; at < totals->word_count && !is_word(&totals->words[at], word); at++)
		if (silent == totals->word_count && is_silent(&totals->words[at]))
			silent = at;
	if (at == totals->word_count && silent < EDGESTATE_WORDS_MAX) {
		at = silent;
		totals->word_count += at == totals->word_count;
		totals->words[at] = (struct word){ .kind = word->kind };
		memcpy(totals->words[at].text, word->text, sizeof(word->text));
	}
	if (at == totals->word_count)
		return NULL;
	word->total = (uint16_t)at;
	return &totals->words[at];
}

/* Edges do not speak at the same moment: what is of a time before the newest goes where it belongs. Time that stepped back at the hub by
 * ten minutes begins anew. */
static void move_totals(struct totals *totals, int64_t minute, int64_t now_us)
{
	if (minute > totals->rings.minute || totals->rings.minute - now_us / US_PER_MINUTE > TENTH_MINUTES)
		move_rings(&totals->rings, minute, totals->words, totals->word_count);
}

static struct word *find_word(struct edgestate *state, struct place *place, const struct edgestate_word *named)
{
	struct word *word;

	for (size_t i = 0; i < place->word_count; i++)
		if (place->words[i].kind == named->kind && !strcmp(place->words[i].text, named->word))
			return &place->words[i];
	if (place->word_count == EDGESTATE_WORDS_MAX || state->words_total == EDGESTATE_WORDS_TOTAL)
		return NULL;
	if (place->word_count == place->word_room) {
		size_t room = place->word_room + WORDS_FIRST;
		struct word *words = realloc(place->words, room * sizeof(*words));

		if (!words)
			return NULL;
		place->words = words;
		place->word_room = room;
	}
	word = &place->words[place->word_count++];
	*word = (struct word){ .kind = named->kind };
	memcpy(word->text, named->word, sizeof(word->text));
	state->words_total++;
	return word;
}

static void add_word(struct word *word, int64_t tenth, uint64_t packets, uint64_t shadow)
{
	add_to(&word->packets_added[tenth % TENTHS], packets);
	add_to(&word->shadow_added[tenth % TENTHS], shadow);
}

/* The first record of an edge says how far its counters are; what is added is counted from there on. */
static void take_word(struct edgestate *state, struct word *word, const struct edgestate_word *named, int64_t tenth)
{
	uint64_t packets = added(named->packets, word->packets, PACKETS_STEP_MAX);
	uint64_t shadow = added(named->shadow, word->shadow, PACKETS_STEP_MAX);
	struct word *total;

	add_word(word, tenth, packets, shadow);
	if ((!packets && !shadow) || tenth <= state->totals.rings.tenth - TENTHS)
		return;
	total = total_of(&state->totals, word);
	if (total)
		add_word(total, tenth, packets, shadow);
	else
		state->stats.words_left_out++;
}

static void take_words(
	struct edgestate *state, struct place *place, const struct edgestate_record *record, bool first, int64_t tenth)
{
	for (size_t i = 0; i < record->word_count; i++) {
		const struct edgestate_word *named = &record->words[i];
		struct word *word = find_word(state, place, named);

		if (!word) {
			state->stats.words_left_out++;
			continue;
		}
		if (!first)
			take_word(state, word, named, tenth);
		word->packets = named->packets;
		word->shadow = named->shadow;
	}
}

static void take_rates(struct place *place, const struct edgestate_counters *more, int64_t span_us)
{
	double span_s = (double)span_us / US_PER_S;

	place->view.packets_ps = (double)more->arrived.packets / span_s;
	place->view.drops_ps = (double)more->dropped.packets / span_s;
}

static void take_view(struct place *place, const struct edgestate_record *record, int64_t made_us, int64_t now_us)
{
	struct edgestate_view *view = &place->view;

	view->made_us = made_us;
	view->received_us = now_us;
	view->lag_s = now_us > made_us ? (double)(now_us - made_us) / US_PER_S : 0;
	memcpy(view->version, record->version, sizeof(view->version));
	view->has_shield = record->has_shield;
	view->failing_open = record->failing_open;
	view->cpu = record->cpu;
	view->spool = record->spool;
	view->spool_bytes = record->spool_bytes;
	view->lost = record->lost;
	view->drift_count = record->drift_count;
	memcpy(view->drift, record->drift, sizeof(view->drift));
}

static void take_counters(struct edgestate *state, struct place *place, const struct edgestate_record *record,
	bool first, int64_t made_us, int64_t now_us)
{
	int64_t minute = made_us / US_PER_MINUTE, tenth = minute / TENTH_MINUTES;
	struct edgestate_counters more = { 0 };

#define X(field)                                                                                                       \
	if (!first) {                                                                                                  \
		more.field.packets =                                                                                   \
			added(record->counters.field.packets, place->newest.field.packets, PACKETS_STEP_MAX);          \
		more.field.bytes = added(record->counters.field.bytes, place->newest.field.bytes, BYTES_STEP_MAX);     \
	}
	EDGESTATE_COUNTERS(X)
#undef X
	if (!first)
		take_rates(place, &more, made_us - place->view.made_us);
	move_rings(&place->rings, minute, place->words, place->word_count);
	move_totals(&state->totals, minute, now_us);
	add_rings(&place->rings, minute, &more);
	add_rings(&state->totals.rings, minute, &more);
	take_words(state, place, record, first, tenth);
	place->newest = record->counters;
}

void edgestate_take(struct edgestate *state, uint32_t edge, const struct edgestate_record *record, int64_t now_us)
{
	struct place *place = find_place(state, edge);
	int64_t made_us;
	bool back;

	if (!record) {
		state->stats.invalid++;
		return;
	}
	made_us = record->made_us < now_us ? record->made_us : now_us;
	/* Time that stepped back at an edge is believed when it has been silent for a while. */
	back = place && made_us < place->view.made_us && now_us - place->view.received_us > US_PER_MINUTE;
	if (place && !back && made_us - place->view.made_us < US_PER_S) {
		state->stats.refused++;
		return;
	}
	if (!place)
		place = make_place(state, edge);
	if (!place) {
		state->stats.refused++;
		return;
	}
	take_counters(state, place, record, back || !place->view.received_us, made_us, now_us);
	take_view(place, record, made_us, now_us);
	state->stats.taken++;
}

/* ---- Asking ---- */

bool edgestate_find(const struct edgestate *state, uint32_t edge, int64_t now_us, struct edgestate_view *ret)
{
	const struct place *place = find_place(state, edge);

	if (!place)
		return false;
	*ret = place->view;
	if (now_us - ret->made_us > EDGESTATE_LATE_S * US_PER_S)
		ret->packets_ps = ret->drops_ps = 0;
	return true;
}

/* Slots of a ring that are not older than its size, in the order of time, ending with 'now'. */
static const struct edgestate_counters *ring_at(
	const struct edgestate_counters *ring, size_t size, int64_t newest, int64_t t)
{
	return t > newest || t <= newest - (int64_t)size || t < 0 ? NULL : &ring[(size_t)t % size];
}

static void sum_minutes(const struct rings *rings, int64_t first, struct edgestate_counters ret[EDGESTATE_MINUTES])
{
	for (int64_t t = 0; t < EDGESTATE_MINUTES; t++) {
		const struct edgestate_counters *slot =
			ring_at(rings->minutes, EDGESTATE_MINUTES, rings->minute, first + t);

		if (slot)
			add_counters(&ret[t], slot);
	}
}

void edgestate_minutes(const struct edgestate *state, const struct scope *edges, int64_t now_us,
	struct edgestate_counters ret[EDGESTATE_MINUTES])
{
	int64_t first = now_us / US_PER_MINUTE - EDGESTATE_MINUTES + 1;

	memset(ret, 0, EDGESTATE_MINUTES * sizeof(*ret));
	if (edges->all) {
		sum_minutes(&state->totals.rings, first, ret);
		return;
	}
	for (size_t i = 0; i < edges->tenant_count; i++) {
		const struct place *place = find_place(state, edges->tenants[i]);

		if (place)
			sum_minutes(&place->rings, first, ret);
	}
}

static void sum_word(struct edgestate_funnel *funnel, const struct word *word, uint64_t packets, uint64_t shadow)
{
	size_t i = 0;

	while (i < funnel->word_count &&
		(funnel->words[i].kind != word->kind || strcmp(funnel->words[i].word, word->text) != 0))
		i++;
	if (i == EDGESTATE_WORDS_MAX)
		return;
	if (i == funnel->word_count) {
		funnel->words[i] = (struct edgestate_word){ .kind = word->kind };
		memcpy(funnel->words[i].word, word->text, sizeof(word->text));
		funnel->word_count++;
	}
	add_to(&funnel->words[i].packets, packets);
	add_to(&funnel->words[i].shadow, shadow);
}

static void sum_words(struct edgestate_funnel *funnel, const struct word *words, size_t count,
	const struct rings *rings, enum edgestate_kind kind, int64_t first)
{
	for (size_t i = 0; i < count; i++) {
		const struct word *word = &words[i];
		uint64_t packets = 0, shadow = 0;

		if (word->kind != kind)
			continue;
		for (int64_t t = first; t < first + TENTHS; t++) {
			if (!ring_at(rings->tenths, TENTHS, rings->tenth, t))
				continue;
			add_to(&packets, word->packets_added[t % TENTHS]);
			add_to(&shadow, word->shadow_added[t % TENTHS]);
		}
		if (packets || shadow)
			sum_word(funnel, word, packets, shadow);
	}
}

static void sum_tenths(struct edgestate_funnel *funnel, const struct rings *rings, int64_t first)
{
	for (int64_t t = first; t < first + TENTHS; t++) {
		const struct edgestate_counters *slot = ring_at(rings->tenths, TENTHS, rings->tenth, t);

		if (slot)
			add_counters(&funnel->counters, slot);
	}
}

static void funnel_of_all(const struct edgestate *state, int64_t first, struct edgestate_funnel *ret)
{
	const struct totals *totals = &state->totals;

	for (enum edgestate_kind kind = EDGESTATE_STEP; kind <= EDGESTATE_REASON; kind++)
		sum_words(ret, totals->words, totals->word_count, &totals->rings, kind, first);
	for (size_t i = 0; i < state->place_count; i++)
		ret->edge_count += state->places[i]->view.made_us >= ret->from_us;
	sum_tenths(ret, &totals->rings, first);
}

void edgestate_funnel(
	const struct edgestate *state, const struct scope *edges, int64_t now_us, struct edgestate_funnel *ret)
{
	int64_t first = now_us / (TENTH_MINUTES * US_PER_MINUTE) - TENTHS + 1;

	memset(ret, 0, sizeof(*ret));
	ret->from_us = first > 0 ? first * TENTH_MINUTES * US_PER_MINUTE : 0;
	if (edges->all) {
		funnel_of_all(state, first, ret);
		return;
	}
	for (enum edgestate_kind kind = EDGESTATE_STEP; kind <= EDGESTATE_REASON; kind++) {
		for (size_t i = 0; i < edges->tenant_count; i++) {
			const struct place *place = find_place(state, edges->tenants[i]);

			if (place)
				sum_words(ret, place->words, place->word_count, &place->rings, kind, first);
		}
	}
	for (size_t i = 0; i < edges->tenant_count; i++) {
		const struct place *place = find_place(state, edges->tenants[i]);

		if (!place || place->view.made_us < ret->from_us)
			continue;
		ret->edge_count++;
		sum_tenths(ret, &place->rings, first);
	}
}

const char *edgestate_state(const struct edge_view *edge, int64_t now_us)
{
	int64_t silent_us = now_us - edge->seen_us;

	if (edge->revoked)
		return "revoked";
	if (silent_us >= EDGESTATE_DOWN_S * US_PER_S)
		return "down";
	return silent_us >= EDGESTATE_LATE_S * US_PER_S ? "late" : "up";
}

void edgestate_stats(const struct edgestate *state, struct edgestate_stats *ret)
{
	*ret = state->stats;
}
