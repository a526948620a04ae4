// SPDX-License-Identifier: Apache-2.0
/* The prefilter at run time: when the first rule of a group is reached, everything its rules look at is scanned. */
#include "base/clock.h"
#include "gate/engine/internal.h"

/* Sources can share a set, so a value may have been scanned with it already. Null when memory is out. */
static const struct scan_result *scan_output(
	struct gate_tx *tx, struct gate_value *value, uint16_t set_number, uint8_t output)
{
	const struct plan_set *set = &tx->plan->sets[set_number];
	struct bytes bytes = output == 0 ? value->bytes : value->outputs[output].bytes;
	uint64_t bits[PATTERN_SET_WORDS(PATTERN_ID_MAX + 1)];
	struct scan_result *result;
	uint64_t any = 0;

	for (result = value->scans; result; result = result->next) {
		if (result->set == set_number && result->output == output)
			return result;
	}
	if (bytes.size == 0) {
		memcpy(bits, set->empty, set->words * sizeof(*bits));
	} else {
		memset(bits, 0, set->words * sizeof(*bits));
		tx->worker->counters.scans++;
		tx->worker->counters.scanned_bytes += bytes.size;
		if (!pattern_set_scan(set->patterns, tx->worker->scratch, bytes, bits))
			memset(bits, 0xff, set->words * sizeof(*bits));
	}
	for (uint32_t i = 0; i < set->words; i++)
		any |= bits[i];
	result = tx_alloc(tx, sizeof(*result) + (any ? set->words * sizeof(*bits) : 0));
	if (!result)
		return NULL;
	*result = (struct scan_result){ .next = value->scans, .set = set_number, .output = output, .empty = any == 0 };
	if (any)
		memcpy(result->bits, bits, set->words * sizeof(*bits));
	value->scans = result;
	return result;
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

static void scan_value(struct gate_tx *tx, const struct plan_scan *scan, struct gate_value *value)
{
	uint64_t done = 0; /* by output */

	for (uint32_t i = 0; i < scan->node_count; i++) {
		uint8_t output = value_output(tx, value, scan->nodes[i]);
		const struct scan_result *result;

		if (done >> output & 1)
			continue;
		done |= UINT64_C(1) << output;
		result = scan_output(tx, value, scan->set, output);
		if (result)
			mark_candidates(tx, scan, result);
		else
			mark_all(tx, scan);
	}
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
		for (uint32_t k = 0; k < tx->item_count; k++)
			scan_value(tx, scan, tx->items[k].value);
	}
	if (cost) {
		cost->search.ns += clock_mono_ns() - start_ns;
		cost->search.groups++;
	}
}

bool scan_may_match(struct gate_value *value, uint16_t set, uint8_t output, uint16_t bit)
{
	for (const struct scan_result *result = value->scans; result; result = result->next) {
		if (result->set == set && result->output == output)
			return !result->empty && bit_get(result->bits, bit);
	}
	return true;
}
