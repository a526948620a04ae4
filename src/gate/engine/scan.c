// SPDX-License-Identifier: Apache-2.0
/* The prefilter at run time: when the first rule of a group is reached, everything its rules look at is scanned; short texts
 * together, as most of them match nothing. */
#include "base/clock.h"
#include "gate/engine/internal.h"

/* A line is this long at most: longer texts are worth a scan of their own. */
#define LINE_SIZE_MAX 256
/* Fewer values are scanned one by one. */
#define LINES_MIN 3
#define LINES_FEW 8
/* Times that few lines together do not help, until they are not tried any more. */
#define IN_VAIN_MAX 3

static struct bytes output_bytes(const struct gate_value *value, uint8_t output)
{
	return output == 0 ? value->bytes : value->outputs[output].bytes;
}

/* What values share is scanned as a value of its own. */
static void find_shared(struct gate_value **value, uint8_t *output)
{
	if (*output == 0 || !(*value)->outputs[*output].once)
		return;
	*value = (*value)->outputs[*output].once;
	*output = 0;
}

/* Sources can share a set, so a value may have been scanned with it already. */
static const struct scan_result *find_result(const struct gate_value *value, uint16_t set, uint8_t output)
{
	const struct scan_result *result = value->scans;

	while (result && (result->set != set || result->output != output))
		result = result->next;
	return result;
}

/* Null when memory is out. */
static const struct scan_result *keep_result(
	struct gate_tx *tx, struct gate_value *value, uint16_t set_number, uint8_t output, const uint64_t *bits)
{
	uint32_t words = tx->plan->sets[set_number].words;
	struct scan_result *result;
	uint64_t any = 0;

	for (uint32_t i = 0; i < words; i++)
		any |= bits[i];
	result = tx_alloc(tx, sizeof(*result) + (any ? words * sizeof(*bits) : 0));
	if (!result)
		return NULL;
	*result = (struct scan_result){ .next = value->scans, .set = set_number, .output = output, .empty = any == 0 };
	if (any)
		memcpy(result->bits, bits, words * sizeof(*bits));
	value->scans = result;
	return result;
}

/* Null when memory or time is out. */
static const struct scan_result *scan_output(
	struct gate_tx *tx, struct gate_value *value, uint16_t set_number, uint8_t output)
{
	const struct plan_set *set = &tx->plan->sets[set_number];
	struct bytes bytes = output_bytes(value, output);
	const struct scan_result *result = find_result(value, set_number, output);
	uint64_t bits[PATTERN_SET_WORDS(PATTERN_ID_MAX + 1)];

	if (result)
		return result;
	if (bytes.size == 0)
		return keep_result(tx, value, set_number, output, set->empty);
	if (!allowance_scan(tx, bytes.size))
		return NULL;
	memset(bits, 0, set->words * sizeof(*bits));
	tx->worker->counters.scans++;
	tx->worker->counters.scanned_bytes += bytes.size;
	if (!pattern_set_scan(set->patterns, tx->worker->scratch, bytes, bits))
		memset(bits, 0xff, set->words * sizeof(*bits));
	return keep_result(tx, value, set_number, output, bits);
}

static void mark_candidates(struct gate_tx *tx, const struct plan_scan *scan, const struct scan_result *result)
{
	uint32_t words = tx->plan->sets[scan->set].words;
	uint64_t any = 0;

	if (result->empty)
		return;
	for (uint32_t i = 0; i < words; i++)
		any |= result->bits[i] & scan->mask[i];
	for (uint32_t i = 0; any && i < scan->user_count; i++) {
		if (bit_get(result->bits, scan->users[i].bit))
			tx->candidates[scan->users[i].rule] = 1;
	}
}

static void mark_all(struct gate_tx *tx, const struct plan_scan *scan)
{
	for (uint32_t i = 0; i < scan->user_count; i++)
		tx->candidates[scan->users[i].rule] = 1;
}

/* A scan that runs, for one source of a group. */
struct scanning {
	struct gate_tx *tx;
	const struct plan_scan *scan;
	uint32_t together[PATTERN_TIERS]; /* so many lines at once; 1: none */
	uint32_t in_vain[PATTERN_TIERS]; /* times that it did not help */
};

static void scan_alone(const struct scanning *scanning, struct gate_value *value, uint8_t output)
{
	const struct scan_result *result = scan_output(scanning->tx, value, scanning->scan->set, output);

	if (result)
		mark_candidates(scanning->tx, scanning->scan, result);
	else
		mark_all(scanning->tx, scanning->scan);
}

/* True when none of these lines can match what this source is scanned for: that is kept for each. */
static bool scan_together(
	const struct scanning *scanning, unsigned int tier, const struct lines *lines, uint32_t first, uint32_t count)
{
	struct gate_tx *tx = scanning->tx;
	const struct plan_scan *scan = scanning->scan;
	const struct plan_set *set = &tx->plan->sets[scan->set];
	uint32_t start = lines->of[first].start;
	struct bytes text = bytes_of(lines->text + start, lines->of[first + count].start - start);
	uint64_t bits[PATTERN_SET_WORDS(PATTERN_ID_MAX + 1)], any = 0;

	if (!allowance_scan(tx, text.size))
		return false;
	memset(bits, 0, set->words * sizeof(*bits));
	tx->worker->counters.scans++;
	tx->worker->counters.scanned_bytes += text.size;
	if (!pattern_set_scan_lines(set->patterns, tx->worker->scratch, tier, text, bits))
		return false;
	for (uint32_t i = 0; i < set->words; i++)
		any |= bits[i] & scan->mask[i];
	for (uint32_t i = first; any == 0 && i < first + count; i++)
		(void)keep_result(tx, lines->of[i].value, scan->set, lines->of[i].output, bits);
	return any == 0;
}

/* The more lines, the more likely it is that one of them matches, or all of them together seem to: then fewer are taken at once. */
static bool help(struct scanning *scanning, unsigned int tier, uint32_t count)
{
	if (count > LINES_FEW) {
		scanning->together[tier] = LINES_FEW;
		return true;
	}
	if (++scanning->in_vain[tier] == IN_VAIN_MAX)
		scanning->together[tier] = 1;
	return false;
}

static void scan_lines(struct scanning *scanning, unsigned int tier)
{
	struct lines *lines = &scanning->tx->worker->lines[tier];
	uint32_t first = 0;

	lines->of[lines->count].start = (uint16_t)lines->size;
	while (first < lines->count) {
		uint32_t count = lines->count - first;
		bool done = false;

		if (count > scanning->together[tier])
			count = scanning->together[tier];
		if (count >= LINES_MIN)
			done = scan_together(scanning, tier, lines, first, count);
		if (!done && count >= LINES_MIN && help(scanning, tier, count))
			continue;
		for (uint32_t i = first; i < first + count; i++) {
			lines->of[i].value->waiting &= ~(UINT64_C(1) << lines->of[i].output);
			if (!done)
				scan_alone(scanning, lines->of[i].value, lines->of[i].output);
		}
		first += count;
	}
	lines->count = lines->size = 0;
}

static void scan_later(
	struct scanning *scanning, unsigned int tier, struct gate_value *value, uint8_t output, struct bytes bytes)
{
	struct lines *lines = &scanning->tx->worker->lines[tier];

	if (value->waiting >> output & 1)
		return;
	if (lines->count == LINES_MAX || lines->size + bytes.size + 1 > LINES_SIZE)
		scan_lines(scanning, tier);
	lines->of[lines->count++] = (struct line){ value, (uint16_t)lines->size, output };
	memcpy(lines->text + lines->size, bytes.ptr, bytes.size);
	lines->size += (uint32_t)bytes.size;
	lines->text[lines->size++] = '\n';
	value->waiting |= UINT64_C(1) << output;
}

/* Alone, or with others. */
static void scan_shared(struct scanning *scanning, struct gate_value *value, uint8_t output)
{
	struct bytes bytes;
	unsigned int tier;

	find_shared(&value, &output);
	bytes = output_bytes(value, output);
	if (bytes.size != 0 && bytes.size <= LINE_SIZE_MAX && !find_result(value, scanning->scan->set, output)) {
		tier = pattern_tier(bytes);
		if (scanning->together[tier] > 1) {
			scan_later(scanning, tier, value, output, bytes);
			return;
		}
	}
	scan_alone(scanning, value, output);
}

static void scan_value(struct scanning *scanning, struct gate_value *value)
{
	const struct plan_scan *scan = scanning->scan;
	uint64_t done = 0; /* by output */

	for (uint32_t i = 0; i < scan->node_count; i++) {
		uint8_t output = value_output(scanning->tx, value, scan->nodes[i]);

		if (!(done >> output & 1))
			scan_shared(scanning, value, output);
		done |= UINT64_C(1) << output;
	}
}

/* What was found in all forms of a value, of what matters here. False when one was not searched or there is too much. */
static bool gather_found(struct gate_tx *tx, const struct plan_scan *scan, struct gate_value *value,
	uint16_t found[SEEN_FOUND_MAX], uint32_t *ret_count)
{
	uint64_t bits[PATTERN_SET_WORDS(PATTERN_ID_MAX + 1)];
	uint32_t words = tx->plan->sets[scan->set].words, count = 0;

	memset(bits, 0, words * sizeof(*bits));
	for (uint32_t i = 0; i < scan->node_count; i++) {
		uint8_t output = value_output(tx, value, scan->nodes[i]);
		struct gate_value *shared = value;
		const struct scan_result *result;

		find_shared(&shared, &output);
		result = find_result(shared, scan->set, output);
		if (!result)
			return false;
		for (uint32_t k = 0; k < words && !result->empty; k++)
			bits[k] |= result->bits[k] & scan->mask[k];
	}
	for (uint32_t k = 0; k < words; k++) {
		for (uint64_t rest = bits[k]; rest != 0; rest &= rest - 1) {
			if (count == SEEN_FOUND_MAX)
				return false;
			found[count++] = (uint16_t)(64 * k + (uint32_t)__builtin_ctzll(rest));
		}
	}
	*ret_count = count;
	return true;
}

static void keep_found(struct gate_tx *tx, const struct plan_scan *scan)
{
	for (uint32_t i = 0; i < tx->item_count && !tx->spent && !tx->memory_refused; i++) {
		struct gate_value *value = tx->items[i].value;
		uint16_t found[SEEN_FOUND_MAX];
		uint32_t count;

		if (value->asked.named && gather_found(tx, scan, value, found, &count))
			seen_keep(tx->worker->seen, &value->asked, scan->question, found, count);
	}
}

static void mark_found(struct gate_tx *tx, const struct plan_scan *scan, const struct seen_place *place)
{
	for (uint32_t i = 0; i < SEEN_FOUND_MAX && place->found[i].question != SEEN_NONE; i++) {
		if (place->found[i].question != scan->question)
			continue;
		for (uint32_t k = 0; k < scan->user_count; k++) {
			if (scan->users[k].bit == place->found[i].bit)
				tx->candidates[scan->users[k].rule] = 1;
		}
	}
}

/* What is known of texts that were seen before takes no search: they are no items any more. */
static void take_seen(struct gate_tx *tx, const struct plan_scan *scan)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < tx->item_count; i++) {
		struct seen_asked *asked = &tx->items[i].value->asked;
		const struct seen_place *place = seen_answer(tx->worker->seen, asked, scan->question);

		if (place)
			mark_found(tx, scan, place);
		else
			tx->items[count++] = tx->items[i];
	}
	tx->item_count = count;
}

static void scan_items(struct gate_tx *tx, const struct plan_scan *scan)
{
	struct scanning scanning = { .tx = tx, .scan = scan };
	bool joins = tx->item_count >= LINES_MIN && pattern_set_takes_lines(tx->plan->sets[scan->set].patterns);

	for (unsigned int tier = 0; tier < PATTERN_TIERS; tier++)
		scanning.together[tier] = joins ? LINES_MAX : 1;
	for (uint32_t i = 0; i < tx->item_count && !tx->spent; i++)
		scan_value(&scanning, tx->items[i].value);
	for (unsigned int tier = 0; joins && tier < PATTERN_TIERS; tier++)
		scan_lines(&scanning, tier);
	keep_found(tx, scan);
}

void scan_group(struct gate_tx *tx, uint16_t number)
{
	const struct plan_group *group = &tx->plan->groups[number];
	struct cost *cost = tx->worker->cost;
	uint64_t start_ns = cost ? clock_mono_ns() : 0;

	tx->groups_scanned[number] = 1;
	for (uint32_t i = 0; i < group->scan_count; i++) {
		const struct plan_scan *scan = &group->scans[i];
		const struct plan_source *source = &tx->plan->sources[scan->source];

		variables_collect(tx, source->variable, source->select, source->selector, NULL, NONE32, source->rule);
		take_seen(tx, scan);
		if (tx->item_count != 0)
			scan_items(tx, scan);
	}
	if (cost) {
		cost->search.ns += clock_mono_ns() - start_ns;
		cost->search.groups++;
	}
}

bool scan_may_match(struct gate_tx *tx, const struct plan_target *target, struct gate_value *value, uint8_t output)
{
	const struct seen_place *place = seen_answer(tx->worker->seen, &value->asked, target->question);
	const struct scan_result *result;

	if (place && !seen_has_found(place, target->question, target->bit))
		return false;
	find_shared(&value, &output);
	result = find_result(value, target->set, output);
	return !result || (!result->empty && bit_get(result->bits, target->bit));
}
