// SPDX-License-Identifier: Apache-2.0
#include "hub/core/edgestate.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/table.h"

#define US_PER_S      INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_S)
/* Of what is shown as it came: more cannot be said to a browser in JSON without loss. */
#define COUNTER_MAX (INT64_C(1) << 53)
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
};

struct place {
	uint32_t edge;
	int64_t received_us;
	struct edgestate_view view;
	struct edgestate_counters newest;
	/* Rings: slot t % size is of minute (or ten minutes) t, when 'minute' (or 'tenth') is not further ahead than its size. */
	int64_t minute, tenth;
	struct edgestate_counters minutes[EDGESTATE_MINUTES], tenths[TENTHS];
	struct word *words; /* owned */
	size_t word_count, word_room;
};

struct edgestate {
	struct table *index; /* edge to the number of its place */
	struct place **places; /* owned */
	size_t place_count, place_room;
	size_t words_total;
	struct edgestate_stats stats;
};

/* ---- Reading ---- */

static bool read_number(const json_t *value, uint64_t *ret)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || number > COUNTER_MAX)
		return false;
	*ret = (uint64_t)number;
	return true;
}

/* A counter of the shield: bytes of a fast line pass COUNTER_MAX within days, and only what is added is shown. */
static bool read_counter(const json_t *value, uint64_t *ret)
{
	*ret = (uint64_t)json_integer_value(value);
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

/* [a, b] */
static bool read_pair(const json_t *value, uint64_t *ret_first, uint64_t *ret_second)
{
	return json_is_array(value) && json_array_size(value) == 2 &&
	       read_counter(json_array_get(value, 0), ret_first) && read_counter(json_array_get(value, 1), ret_second);
}

/* Small letters, digits and hyphens: it is shown to people. */
static bool read_word(const char *text, char *ret, size_t size)
{
	size_t length = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") : 0;

	if (!length || text[length] || length >= size)
		return false;
	memcpy(ret, text, length + 1);
	return true;
}

static bool read_words(const json_t *object, enum edgestate_kind kind, struct edgestate_record *record)
{
	const char *key;
	json_t *value;

	if (!object)
		return true;
	if (!json_is_object(object))
		return false;
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		struct edgestate_word *word = &record->words[record->word_count];

		if (record->word_count == EDGESTATE_WORDS_MAX || !read_word(key, word->word, sizeof(word->word)) ||
			!read_pair(value, &word->packets, &word->shadow))
			return false;
		word->kind = (uint8_t)kind;
		record->word_count++;
	}
	return true;
}

static bool read_shield(const json_t *shield, struct edgestate_record *record)
{
	if (!shield)
		return true;
	record->has_shield = true;
#define X(field)                                                                                                       \
	if (!read_pair(                                                                                                \
		    json_object_get(shield, #field), &record->counters.field.packets, &record->counters.field.bytes))  \
		return false;
	EDGESTATE_COUNTERS(X)
#undef X
	return read_words(json_object_get(shield, "steps"), EDGESTATE_STEP, record) &&
	       read_words(json_object_get(shield, "reasons"), EDGESTATE_REASON, record);
}

static bool read_drift(const json_t *drift, struct edgestate_record *record)
{
	size_t count = json_array_size(drift);

	if (!json_is_array(drift) || count > EDGESTATE_DRIFT_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!read_word(json_string_value(json_array_get(drift, i)), record->drift[i], EDGESTATE_DRIFT_SIZE))
			return false;
	record->drift_count = count;
	return true;
}

static bool read_version(const json_t *value, struct edgestate_record *record)
{
	const char *text = json_string_value(value);
	size_t size = json_string_length(value);

	if (!text || !size || size > EDGES_VERSION_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	memcpy(record->version, text, size + 1);
	return true;
}

static bool read_record(const json_t *status, struct edgestate_record *record)
{
	const json_t *cpu = json_object_get(status, "cpu"), *open = json_object_get(status, "failing_open");

	record->cpu = json_is_number(cpu) ? json_number_value(cpu) : -1;
	record->failing_open = json_is_true(open);
	return json_is_object(status) && record->cpu <= 1 && (!cpu || record->cpu >= 0) && json_is_boolean(open) &&
	       read_version(json_object_get(status, "version"), record) &&
	       read_number(json_object_get(status, "spool"), &record->spool) &&
	       read_number(json_object_get(status, "spool_bytes"), &record->spool_bytes) &&
	       read_number(json_object_get(status, "lost"), &record->lost) &&
	       read_drift(json_object_get(status, "drift"), record) &&
	       read_shield(json_object_get(status, "shield"), record);
}

bool edgestate_read(const json_t *line, int64_t made_us, struct edgestate_record *ret, bool *ret_valid)
{
	const json_t *status = json_object_get(line, "edge_status");
	const char *type = json_string_value(json_object_get(line, "event_type"));
	struct edgestate_record *record;

	if (!status || !type || strcmp(type, "stats") != 0)
		return false;
	record = calloc(1, sizeof(*record));
	*ret_valid = record && read_record(status, record);
	if (*ret_valid) {
		record->made_us = made_us;
		*ret = *record;
	}
	free(record);
	return true;
}

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

static void move_words(struct place *place, int64_t tenth)
{
	bool all = tenth - place->tenth >= TENTHS || tenth < place->tenth;

	for (size_t i = 0; i < place->word_count; i++)
		for (int64_t t = all ? tenth - TENTHS + 1 : place->tenth + 1; t <= tenth; t++)
			place->words[i].packets_added[t % TENTHS] = place->words[i].shadow_added[t % TENTHS] = 0;
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

/* The first record of an edge says how far its counters are; what is added is counted from there on. */
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
		if (!first) {
			add_to(&word->packets_added[tenth % TENTHS],
				added(named->packets, word->packets, PACKETS_STEP_MAX));
			add_to(&word->shadow_added[tenth % TENTHS],
				added(named->shadow, word->shadow, PACKETS_STEP_MAX));
		}
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
	bool first, int64_t made_us)
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
	move_words(place, tenth);
	move_ring(&place->minute, minute, place->minutes, EDGESTATE_MINUTES);
	move_ring(&place->tenth, tenth, place->tenths, TENTHS);
	add_counters(&place->minutes[minute % EDGESTATE_MINUTES], &more);
	add_counters(&place->tenths[tenth % TENTHS], &more);
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
	take_counters(state, place, record, back || !place->view.received_us, made_us);
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

void edgestate_minutes(const struct edgestate *state, const struct scope *edges, int64_t now_us,
	struct edgestate_counters ret[EDGESTATE_MINUTES])
{
	int64_t first = now_us / US_PER_MINUTE - EDGESTATE_MINUTES + 1;

	memset(ret, 0, EDGESTATE_MINUTES * sizeof(*ret));
	for (size_t i = 0; i < state->place_count; i++) {
		const struct place *place = state->places[i];

		if (!scope_has(edges, place->edge))
			continue;
		for (int64_t t = 0; t < EDGESTATE_MINUTES; t++) {
			const struct edgestate_counters *slot =
				ring_at(place->minutes, EDGESTATE_MINUTES, place->minute, first + t);

			if (slot)
				add_counters(&ret[t], slot);
		}
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

static void sum_words(
	struct edgestate_funnel *funnel, const struct place *place, enum edgestate_kind kind, int64_t first)
{
	for (size_t i = 0; i < place->word_count; i++) {
		const struct word *word = &place->words[i];
		uint64_t packets = 0, shadow = 0;

		if (word->kind != kind)
			continue;
		for (int64_t t = first; t < first + TENTHS; t++) {
			if (!ring_at(place->tenths, TENTHS, place->tenth, t))
				continue;
			add_to(&packets, word->packets_added[t % TENTHS]);
			add_to(&shadow, word->shadow_added[t % TENTHS]);
		}
		if (packets || shadow)
			sum_word(funnel, word, packets, shadow);
	}
}

void edgestate_funnel(
	const struct edgestate *state, const struct scope *edges, int64_t now_us, struct edgestate_funnel *ret)
{
	int64_t first = now_us / (TENTH_MINUTES * US_PER_MINUTE) - TENTHS + 1;

	memset(ret, 0, sizeof(*ret));
	ret->from_us = first > 0 ? first * TENTH_MINUTES * US_PER_MINUTE : 0;
	for (enum edgestate_kind kind = EDGESTATE_STEP; kind <= EDGESTATE_REASON; kind++)
		for (size_t i = 0; i < state->place_count; i++)
			if (scope_has(edges, state->places[i]->edge))
				sum_words(ret, state->places[i], kind, first);
	for (size_t i = 0; i < state->place_count; i++) {
		const struct place *place = state->places[i];

		if (!scope_has(edges, place->edge) || place->view.made_us < ret->from_us)
			continue;
		ret->edge_count++;
		for (int64_t t = first; t < first + TENTHS; t++) {
			const struct edgestate_counters *slot = ring_at(place->tenths, TENTHS, place->tenth, t);

			if (slot)
				add_counters(&ret->counters, slot);
		}
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
