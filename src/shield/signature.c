// SPDX-License-Identifier: Apache-2.0
/* The greedy search for signatures (see signature.h).
 *
 * Every sample that can matter is an item with three weights: 'excess' (positive in the window, negative for what peace
 * is expected to add to it), 'cost' (what hitting it uses of the two limits: 1 is all of a limit) and whether it is
 * alive, that is, matched by the restrictions chosen so far. Numeric fields are sorted once for a problem; after that
 * each look at a field is one pass. */
#include "shield/signature.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/net.h"

enum {
	NUMERIC_COUNT = 4,
	FIELD_FLAGS = NUMERIC_COUNT,
	FIELD_PAYLOAD,
	FIELD_PROTOCOL,
	FIELD_COUNT,
	SCOPE_SAMPLES_MIN = 100, /* of any class, to believe that a destination is known */
	HEAD_SIZE = 16,
};

/* Shares of the excess that one signature must keep, tried in this order. */
static const double keep_ladder[] = { 0.99, 0.95, 0.9, 0.6, 0.3 };

/* A restriction that leaves more than this of the peace cost is not worth a field. */
#define PROGRESS 0.9
/* A single value that nearly all of the excess has is added even when the budget does not ask for it. */
#define OBVIOUS 0.995

struct item {
	const struct signature_sample *sample;
	double excess, share, guard, cost;
	bool window, alive;
};

struct range {
	uint16_t low, high;
};

struct choice { /* a restriction of one field */
	unsigned int field;
	struct range range; /* numeric, flags, protocol */
	uint64_t head[2], mask[2];
	double excess, cost; /* of what stays alive */
};

struct signature_scratch {
	struct item items[SIGNATURE_SAMPLES_MAX];
	uint16_t order[NUMERIC_COUNT][SIGNATURE_SAMPLES_MAX], other[SIGNATURE_SAMPLES_MAX];
	struct range group[SIGNATURE_SAMPLES_MAX]; /* one distinct value: only 'low' is used */
	double group_excess[SIGNATURE_SAMPLES_MAX], group_cost[SIGNATURE_SAMPLES_MAX];
	size_t count;
	double excess; /* of all items, at the start */
	double peace_effective; /* number of equal draws that the weighted peace samples are worth */
	double spent_share, spent_guard; /* by the signatures found before this one */
};

double signature_share_bound(double share, double count)
{
	const double z = 1.6449, z2 = z * z;

	if (!(count > 0))
		return 1;
	return (share + z2 / (2 * count) + z * sqrt(share * (1 - share) / count + z2 / (4 * count * count))) /
	       (1 + z2 / count);
}

struct signature_scratch *signature_scratch_new(void)
{
	return calloc(1, sizeof(struct signature_scratch));
}

void signature_scratch_free(struct signature_scratch *scratch)
{
	free(scratch);
}

static bool in_scope(
	const struct signature_sample *sample, const struct packet_addr *dst, const struct packet_addr *mask)
{
	return ((sample->dst.half[0] ^ dst->half[0]) & mask->half[0]) == 0 &&
	       ((sample->dst.half[1] ^ dst->half[1]) & mask->half[1]) == 0;
}

static uint16_t numeric_value(const struct signature_sample *sample, unsigned int field)
{
	switch (field) {
	case 0:
		return sample->sport;
	case 1:
		return sample->dport;
	case 2:
		return sample->size;
	case 3:
		return sample->ttl;
	case FIELD_FLAGS:
		return sample->tcp_flags;
	default:
		return sample->protocol;
	}
}

static const uint32_t field_bits[FIELD_COUNT] = {
	SHIELD_SIGNATURE_SPORT,
	SHIELD_SIGNATURE_DPORT,
	SHIELD_SIGNATURE_SIZE,
	SHIELD_SIGNATURE_TTL,
	SHIELD_SIGNATURE_TCP_FLAGS,
	SHIELD_SIGNATURE_PAYLOAD,
	SHIELD_SIGNATURE_PROTOCOL,
};

static bool range_has(struct range range, uint16_t value)
{
	return value >= range.low && value <= range.high;
}

bool signature_matches(const struct shield_signature *s, const struct signature_sample *p)
{
	if (s->family != p->family || !in_scope(p, &s->dst, &s->dst_mask))
		return false;
	if ((s->fields & SHIELD_SIGNATURE_PROTOCOL) && s->protocol != p->protocol)
		return false;
	if ((s->fields & SHIELD_SIGNATURE_SPORT) && !range_has((struct range){ s->sport_min, s->sport_max }, p->sport))
		return false;
	if ((s->fields & SHIELD_SIGNATURE_DPORT) && !range_has((struct range){ s->dport_min, s->dport_max }, p->dport))
		return false;
	if ((s->fields & SHIELD_SIGNATURE_SIZE) && !range_has((struct range){ s->size_min, s->size_max }, p->size))
		return false;
	if ((s->fields & SHIELD_SIGNATURE_TTL) && (p->ttl < s->ttl_min || p->ttl > s->ttl_max))
		return false;
	if ((s->fields & SHIELD_SIGNATURE_TCP_FLAGS) && (p->tcp_flags & s->tcp_flags_mask) != s->tcp_flags)
		return false;
	return !(s->fields & SHIELD_SIGNATURE_PAYLOAD) ||
	       (((p->head[0] ^ s->payload[0]) & s->payload_mask[0]) == 0 &&
		       ((p->head[1] ^ s->payload[1]) & s->payload_mask[1]) == 0);
}

static bool choice_matches(const struct choice *choice, const struct signature_sample *sample)
{
	if (choice->field == FIELD_PAYLOAD)
		return ((sample->head[0] ^ choice->head[0]) & choice->mask[0]) == 0 &&
		       ((sample->head[1] ^ choice->head[1]) & choice->mask[1]) == 0;
	return range_has(choice->range, numeric_value(sample, choice->field));
}

/* ---- Laying out the problem ---- */

/* Sums over the peace samples: what the limits are shares of. */
struct peace_sums {
	double all, all_squares; /* every class, every destination */
	double scope_class; /* this class and destination */
	double tenant_class;
	size_t scope_count; /* samples to this destination, any class */
	size_t scope_class_count;
};

static struct peace_sums peace_sum(const struct signature_problem *problem)
{
	struct peace_sums sums = { 0 };

	for (size_t i = 0; i < problem->peace_count; i++) {
		const struct signature_sample *sample = &problem->peace[i];
		bool scope = sample->family == problem->family && in_scope(sample, &problem->dst, &problem->dst_mask);

		sums.all += sample->weight;
		sums.all_squares += (double)sample->weight * sample->weight;
		sums.scope_count += scope;
		if (sample->class_id != problem->class_id)
			continue;
		sums.tenant_class += sample->weight;
		if (scope) {
			sums.scope_class += sample->weight;
			sums.scope_class_count++;
		}
	}
	return sums;
}

static void add_peace(
	struct signature_scratch *s, const struct signature_problem *problem, const struct peace_sums *sums)
{
	bool scope_known = sums->scope_count >= SCOPE_SAMPLES_MIN;
	double guard_total = scope_known ? sums->scope_class : sums->tenant_class;
	double budget = problem->budget > 1e-9 ? problem->budget : 1e-9;

	for (size_t i = 0; i < problem->peace_count && s->count < SIGNATURE_SAMPLES_MAX; i++) {
		const struct signature_sample *sample = &problem->peace[i];
		bool scope = sample->family == problem->family && in_scope(sample, &problem->dst, &problem->dst_mask);
		struct item *item = &s->items[s->count];

		if (sample->class_id != problem->class_id || (!scope && scope_known))
			continue;
		*item = (struct item){ .sample = sample };
		item->guard = sample->weight / guard_total;
		if (scope) {
			item->share = sample->weight / sums->all;
			item->excess = -problem->peace_pps * sample->weight / sums->tenant_class;
		}
		item->cost = item->share / budget + item->guard / SIGNATURE_GUARD;
		s->count++;
	}
}

static void add_window(struct signature_scratch *s, const struct signature_problem *problem)
{
	double total = 0;
	size_t first = s->count;

	for (size_t i = 0; i < problem->window_count && s->count < SIGNATURE_SAMPLES_MAX; i++) {
		const struct signature_sample *sample = &problem->window[i];

		if (sample->class_id != problem->class_id || sample->family != problem->family ||
			!in_scope(sample, &problem->dst, &problem->dst_mask))
			continue;
		s->items[s->count++] = (struct item){ .sample = sample, .excess = sample->weight, .window = true };
		total += sample->weight;
	}
	for (size_t i = first; i < s->count; i++)
		s->items[i].excess *= problem->window_pps / total;
	if (s->count - first < SIGNATURE_WINDOW_MIN)
		s->count = 0;
}

static void sort_fields(struct signature_scratch *s)
{
	/* Two passes of a radix sort: stable, and no comparison function with hidden state. */
	for (unsigned int field = 0; field < NUMERIC_COUNT; field++) {
		uint16_t *from = s->order[field], *to = s->other;

		for (size_t i = 0; i < s->count; i++)
			from[i] = (uint16_t)i;
		for (unsigned int shift = 0; shift < 16; shift += 8) {
			size_t start[257] = { 0 };
			uint16_t *swap = from;

			for (size_t i = 0; i < s->count; i++)
				start[(numeric_value(s->items[i].sample, field) >> shift & 255) + 1]++;
			for (int i = 0; i < 256; i++)
				start[i + 1] += start[i];
			for (size_t i = 0; i < s->count; i++)
				to[start[numeric_value(s->items[from[i]].sample, field) >> shift & 255]++] = from[i];
			from = to;
			to = swap;
		}
	}
}

/* ---- Looking at one field ---- */

/* Sums of the alive items by value, in ascending order: how many values. */
static size_t group_values(struct signature_scratch *s, unsigned int field)
{
	size_t groups = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct item *item = &s->items[s->order[field][i]];
		uint16_t value;

		if (!item->alive)
			continue;
		value = numeric_value(item->sample, field);
		if (!groups || s->group[groups - 1].low != value) {
			s->group[groups].low = value;
			s->group_excess[groups] = s->group_cost[groups] = 0;
			groups++;
		}
		s->group_excess[groups - 1] += item->excess;
		s->group_cost[groups - 1] += item->cost;
	}
	return groups;
}

/* A range over samples ends where the samples end; the flood goes on a little. It may grow over values that cost
 * nothing, and by the mean distance of its values beyond them, up to the next value that does cost. */
static void widen(const struct signature_scratch *s, size_t groups, size_t left, size_t right, struct choice *choice)
{
	uint32_t gap, low, high;

	while (left > 0 && s->group_cost[left - 1] <= 0)
		choice->excess += s->group_excess[--left];
	while (right + 1 < groups && s->group_cost[right + 1] <= 0)
		choice->excess += s->group_excess[++right];
	gap = 2u * (uint32_t)(s->group[right].low - s->group[left].low) / (uint32_t)(right - left + 1);
	low = s->group[left].low > gap ? s->group[left].low - gap : 0;
	high = s->group[right].low + gap < UINT16_MAX ? s->group[right].low + gap : UINT16_MAX;
	if (left > 0 && low <= s->group[left - 1].low)
		low = s->group[left - 1].low + 1u;
	if (right + 1 < groups && high >= s->group[right + 1].low)
		high = s->group[right + 1].low - 1u;
	choice->range = (struct range){ (uint16_t)low, (uint16_t)high };
}

/* The cheapest range of values with at least 'wanted' of the excess; of equally cheap ones the narrowest. */
static bool choose_range(struct signature_scratch *s, unsigned int field, double wanted, struct choice *ret)
{
	size_t groups = group_values(s, field), right = 0, best_left = 0, best_right = 0, back = 4 * groups;
	double excess = 0, cost = 0, best_cost = INFINITY;
	uint32_t best_width = 0;

	for (size_t left = 0; left < groups; left++) {
		while (right < groups && (excess < wanted || right <= left)) {
			excess += s->group_excess[right];
			cost += s->group_cost[right++];
		}
		/* Sums with negative parts do not grow evenly: the end may have gone too far. Bounded, for odd inputs. */
		for (; right > left + 1 && back > 0 && excess - s->group_excess[right - 1] >= wanted; back--) {
			excess -= s->group_excess[--right];
			cost -= s->group_cost[right];
		}
		if (excess >= wanted) {
			uint32_t width = (uint32_t)(s->group[right - 1].low - s->group[left].low);

			if (cost < best_cost - 1e-12 || (cost < best_cost + 1e-12 && width < best_width)) {
				*ret = (struct choice){ .field = field, .excess = excess, .cost = cost };
				best_cost = cost;
				best_width = width;
				best_left = left;
				best_right = right - 1;
			}
		}
		excess -= s->group_excess[left];
		cost -= s->group_cost[left];
	}
	if (isinf(best_cost))
		return false;
	ret->range = (struct range){ s->group[best_left].low, s->group[best_right].low };
	if (best_right > best_left)
		widen(s, groups, best_left, best_right, ret);
	return true;
}

/* The value of an 8-bit field that has most of the excess. */
static bool choose_value(struct signature_scratch *s, unsigned int field, double wanted, struct choice *ret)
{
	double excess[256] = { 0 }, cost[256] = { 0 };
	unsigned int best = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct item *item = &s->items[i];
		uint16_t value = numeric_value(item->sample, field) & 255;

		if (!item->alive)
			continue;
		excess[value] += item->excess;
		cost[value] += item->cost;
	}
	for (unsigned int i = 1; i < 256; i++)
		best = excess[i] > excess[best] ? i : best;
	*ret = (struct choice){ .field = field, .range = { (uint16_t)best, (uint16_t)best } };
	ret->excess = excess[best];
	ret->cost = cost[best];
	return ret->excess >= wanted;
}

static uint8_t head_byte(const struct signature_sample *sample, unsigned int at)
{
	return (uint8_t)(sample->head[at / 8] >> (at % 8 * 8));
}

/* Sums over the alive items that match: fills 'excess' and 'cost'. */
static void choice_measure(const struct signature_scratch *s, struct choice *choice)
{
	choice->excess = choice->cost = 0;
	for (size_t i = 0; i < s->count; i++) {
		if (s->items[i].alive && choice_matches(choice, s->items[i].sample)) {
			choice->excess += s->items[i].excess;
			choice->cost += s->items[i].cost;
		}
	}
}

/* The payload bytes that are constant in the excess: each is taken while all taken so far keep enough together. */
static bool choose_payload(struct signature_scratch *s, double wanted, struct choice *ret)
{
	struct choice now = { .field = FIELD_PAYLOAD };
	bool found = false;

	for (unsigned int at = 0; at < HEAD_SIZE; at++) {
		struct choice next = now;
		double excess[256] = { 0 };
		unsigned int best = 0;

		for (size_t i = 0; i < s->count; i++) {
			if (s->items[i].alive && choice_matches(&now, s->items[i].sample))
				excess[head_byte(s->items[i].sample, at)] += s->items[i].excess;
		}
		for (unsigned int i = 1; i < 256; i++)
			best = excess[i] > excess[best] ? i : best;
		if (excess[best] < wanted)
			continue;
		next.mask[at / 8] |= (uint64_t)0xff << (at % 8 * 8);
		next.head[at / 8] |= (uint64_t)best << (at % 8 * 8);
		now = next;
		found = true;
	}
	choice_measure(s, &now);
	*ret = now;
	return found && now.excess >= wanted;
}

static bool choose(struct signature_scratch *s, uint8_t class_id, unsigned int field, double wanted, struct choice *ret)
{
	bool is_tcp = class_id == SHIELD_CLASS_TCP || class_id == SHIELD_CLASS_SYN;

	if (field == FIELD_PAYLOAD)
		return choose_payload(s, wanted, ret);
	if (field == FIELD_FLAGS && !is_tcp)
		return false;
	if (field == FIELD_FLAGS || field == FIELD_PROTOCOL)
		return choose_value(s, field, wanted, ret);
	if (field < 2 && (class_id == SHIELD_CLASS_ICMP || class_id == SHIELD_CLASS_FRAGMENT))
		return false; /* no ports */
	return choose_range(s, field, wanted, ret);
}

/* ---- The search ---- */

struct draft {
	struct shield_signature signature;
	double excess, share, share_bound, guard;
};

static void put_choice(struct shield_signature *to, const struct choice *choice)
{
	struct range range = choice->range;

	to->fields |= field_bits[choice->field];
	switch (choice->field) {
	case 0:
		to->sport_min = range.low;
		to->sport_max = range.high;
		break;
	case 1:
		to->dport_min = range.low;
		to->dport_max = range.high;
		break;
	case 2:
		to->size_min = range.low;
		to->size_max = range.high;
		break;
	case 3:
		to->ttl_min = (uint8_t)range.low;
		to->ttl_max = range.high < 255 ? (uint8_t)range.high : 255;
		break;
	case FIELD_FLAGS:
		to->tcp_flags = (uint8_t)range.low;
		to->tcp_flags_mask = 0xff;
		break;
	case FIELD_PAYLOAD:
		memcpy(to->payload, choice->head, sizeof(to->payload));
		memcpy(to->payload_mask, choice->mask, sizeof(to->payload_mask));
		break;
	default:
		to->protocol = (uint8_t)range.low;
	}
}

static void apply(struct signature_scratch *s, struct draft *draft, const struct choice *choice)
{
	for (size_t i = 0; i < s->count; i++)
		s->items[i].alive = s->items[i].alive && choice_matches(choice, s->items[i].sample);
	put_choice(&draft->signature, choice);
}

static void draft_measure(const struct signature_scratch *s, struct draft *draft)
{
	draft->excess = draft->share = draft->guard = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct item *item = &s->items[i];

		if (!item->alive)
			continue;
		draft->excess += item->excess;
		draft->share += item->share;
		draft->guard += item->guard;
	}
	draft->share = draft->share > 0 ? draft->share : 0;
	draft->share_bound = signature_share_bound(fmin(draft->share + s->spent_share, 1), s->peace_effective);
}

static bool within_limits(const struct signature_scratch *s, const struct draft *draft, double budget)
{
	return draft->share_bound <= budget && draft->guard + s->spent_guard <= SIGNATURE_GUARD;
}

/* Takes the restriction that leaves the least peace; false when none brings it on. */
static bool restrict_once(
	struct signature_scratch *s, const struct signature_problem *problem, double wanted, struct draft *draft)
{
	struct choice best = { .cost = INFINITY };
	double cost = 0;

	for (size_t i = 0; i < s->count; i++)
		cost += s->items[i].alive ? s->items[i].cost : 0;
	for (unsigned int field = 0; field < FIELD_COUNT; field++) {
		struct choice choice;

		if (draft->signature.fields & field_bits[field] ||
			!choose(s, problem->class_id, field, wanted, &choice))
			continue;
		if (choice.cost < best.cost || (choice.cost <= best.cost && choice.excess > best.excess))
			best = choice;
	}
	if (!(best.cost <= cost * PROGRESS))
		return false;
	apply(s, draft, &best);
	return true;
}

/* Adds the single values that practically all of the excess shares: nearer to the flood at no price. */
static void restrict_obvious(struct signature_scratch *s, const struct signature_problem *problem, struct draft *draft)
{
	for (unsigned int field = 0; field < FIELD_COUNT; field++) {
		struct choice choice;
		double excess = 0;

		if (draft->signature.fields & field_bits[field])
			continue;
		for (size_t i = 0; i < s->count; i++)
			excess += s->items[i].alive ? s->items[i].excess : 0;
		if (choose(s, problem->class_id, field, excess * OBVIOUS, &choice) &&
			(field == FIELD_PAYLOAD || choice.range.low == choice.range.high))
			apply(s, draft, &choice);
	}
}

/* One signature that keeps 'keep' of what excess is left. */
static struct draft search(
	struct signature_scratch *s, const struct signature_problem *problem, const bool *taken, double keep)
{
	struct draft draft = { 0 };
	struct choice protocol;
	double wanted;

	for (size_t i = 0; i < s->count; i++)
		s->items[i].alive = !taken[i];
	draft.signature.family = problem->family;
	draft.signature.dst = problem->dst;
	draft.signature.dst_mask = problem->dst_mask;
	draft_measure(s, &draft);
	wanted = keep * draft.excess;
	if (choose_value(s, FIELD_PROTOCOL, wanted, &protocol))
		apply(s, &draft, &protocol);
	draft_measure(s, &draft);
	while (!within_limits(s, &draft, problem->budget) && restrict_once(s, problem, wanted, &draft))
		draft_measure(s, &draft);
	restrict_obvious(s, problem, &draft);
	draft_measure(s, &draft);
	return draft;
}

static struct signature_found found_of(const struct signature_scratch *s, const struct draft *draft, bool enforce)
{
	struct signature_found found = { .signature = draft->signature };

	found.signature.enforce = enforce;
	found.signature.used = 1;
	found.coverage = s->excess > 0 ? fmin(draft->excess / s->excess, 1) : 0;
	found.peace_share = draft->share;
	found.peace_share_bound = draft->share_bound;
	found.guard_share = draft->guard;
	return found;
}

/* The first rung of the ladder within the limits; else the draft that hits the least peace. */
static bool search_ladder(
	struct signature_scratch *s, const struct signature_problem *problem, const bool *taken, struct draft *ret)
{
	double least = INFINITY;

	for (size_t i = 0; i < ARRAY_COUNT(keep_ladder); i++) {
		struct draft draft = search(s, problem, taken, keep_ladder[i]);

		if (draft.excess <= 0)
			continue;
		if (within_limits(s, &draft, problem->budget)) {
			*ret = draft;
			return true;
		}
		if (draft.guard + draft.share_bound < least) {
			least = draft.guard + draft.share_bound;
			*ret = draft;
		}
	}
	return false;
}

size_t signature_learn(struct signature_scratch *s, const struct signature_problem *problem,
	struct signature_found *ret_found, size_t max)
{
	struct peace_sums sums = peace_sum(problem);
	bool taken[SIGNATURE_SAMPLES_MAX] = { false };
	double covered = 0;
	size_t found = 0;

	s->count = 0;
	s->spent_share = problem->spent;
	s->spent_guard = 0;
	s->peace_effective = sums.all_squares > 0 ? sums.all * sums.all / sums.all_squares : 0;
	add_window(s, problem);
	if (!s->count || !max)
		return 0;
	add_peace(s, problem, &sums);
	sort_fields(s);
	s->excess = problem->window_pps;
	if (sums.scope_class > 0)
		s->excess -= problem->peace_pps * sums.scope_class / sums.tenant_class;
	if (s->excess <= 0)
		return 0;
	while (found < max && covered < SIGNATURE_COVERAGE) {
		struct draft draft = { 0 };
		bool good = search_ladder(s, problem, taken, &draft);

		if (!good && (found || draft.excess <= 0))
			break;
		ret_found[found++] = found_of(s, &draft, good);
		if (!good)
			break;
		covered += ret_found[found - 1].coverage;
		s->spent_share += draft.share;
		s->spent_guard += draft.guard;
		for (size_t i = 0; i < s->count; i++)
			taken[i] = taken[i] ||
				   (s->items[i].excess && signature_matches(&draft.signature, s->items[i].sample));
	}
	return found;
}

/* ---- Text ---- */

struct text {
	char *at;
	size_t left;
};

static void PRINTF_LIKE(2, 3) text_add(struct text *text, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(text->at, text->left, format, args);
	va_end(args);
	if (size > 0) {
		size_t step = (size_t)size < text->left ? (size_t)size : text->left - 1;

		text->at += step;
		text->left -= step;
	}
}

static void text_range(struct text *text, const char *name, unsigned int low, unsigned int high)
{
	if (low == high)
		text_add(text, " %s %u", name, low);
	else
		text_add(text, " %s %u-%u", name, low, high);
}

static void text_protocol(struct text *text, const struct shield_signature *s)
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} names[] = {
		{ PACKET_TCP, "tcp" },
		{ PACKET_UDP, "udp" },
		{ PACKET_ICMP, "icmp" },
		{ PACKET_ICMPV6, "icmpv6" },
		{ PACKET_GRE, "gre" },
		{ PACKET_ESP, "esp" },
		{ PACKET_SCTP, "sctp" },
	};

	if (!(s->fields & SHIELD_SIGNATURE_PROTOCOL)) {
		text_add(text, "ip");
		return;
	}
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (names[i].protocol == s->protocol) {
			text_add(text, "%s", names[i].name);
			return;
		}
	}
	text_add(text, "protocol %u", s->protocol);
}

static void text_destination(struct text *text, const struct shield_signature *s)
{
	char buffer[IP_PREFIX_TEXT_SIZE];
	struct ip_prefix prefix = { .addr = s->family == 4 ? ip_addr_v4(s->dst.byte) : ip_addr_v6(s->dst.byte) };

	for (int i = 0; i < 16; i++)
		prefix.length = (uint8_t)(prefix.length + __builtin_popcount(s->dst_mask.byte[i]));
	if (prefix.length)
		text_add(text, " to %s", ip_prefix_format(&prefix, buffer));
}

const char *signature_text(const struct shield_signature *s, char *text, size_t size)
{
	struct text out = { text, size };
	int last = -1;

	text_protocol(&out, s);
	text_destination(&out, s);
	if (s->fields & SHIELD_SIGNATURE_SPORT)
		text_range(&out, "sport", s->sport_min, s->sport_max);
	if (s->fields & SHIELD_SIGNATURE_DPORT)
		text_range(&out, "dport", s->dport_min, s->dport_max);
	if (s->fields & SHIELD_SIGNATURE_SIZE)
		text_range(&out, "size", s->size_min, s->size_max);
	if (s->fields & SHIELD_SIGNATURE_TTL)
		text_range(&out, "ttl", s->ttl_min, s->ttl_max);
	if (s->fields & SHIELD_SIGNATURE_TCP_FLAGS)
		text_add(&out, " flags 0x%02x/0x%02x", s->tcp_flags, s->tcp_flags_mask);
	if (!(s->fields & SHIELD_SIGNATURE_PAYLOAD))
		return text;
	for (int i = 0; i < HEAD_SIZE; i++)
		last = s->payload_mask[i / 8] >> (i % 8 * 8) & 255 ? i : last;
	text_add(&out, " payload ");
	for (int i = 0; i <= last; i++) {
		if (s->payload_mask[i / 8] >> (i % 8 * 8) & 255)
			text_add(&out, "%02x", (unsigned int)(s->payload[i / 8] >> (i % 8 * 8) & 255));
		else
			text_add(&out, "??");
	}
	return text;
}
