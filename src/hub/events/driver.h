// SPDX-License-Identifier: Apache-2.0
/* Between event.c and the drivers. What event.c has checked, drivers need not: sizes, spans, a scope with tenants. */
#pragma once

#include "hub/events/event.h"

/* Every driver's store and reader begin with these. */
struct ev_store {
	const struct ev_driver *driver;
};

struct ev_reader {
	struct ev_store *store;
};

extern const struct ev_driver ev_sqlite_driver, ev_clickhouse_driver;

/* Splits "BASE?name=value&..." of a place. 'options' hold the defaults and are overwritten; LUYTRE_E_INVALID for an
 * unknown name or a value outside its bounds, with a sentence in 'why'. */
struct ev_option {
	const char *name;
	uint64_t least, most, *value;
};
MUST_CHECK int ev_place_split(const char *place, struct bytes *ret_base, const struct ev_option *options, size_t count,
	char *why, size_t why_size);

/* Whether the roll-ups by minute can answer; whether the sketches by hour can. */
bool ev_filter_rolled_up(const struct ev_filter *filter);
bool ev_filter_sketched(const struct ev_filter *filter);

/* A sum over rows that come in any order; handed out ascending by time and key. */
struct ev_tally;
struct ev_tally *ev_tally_new(void);
void ev_tally_free(struct ev_tally *tally);
/* 0, LUYTRE_E_FULL at EV_ANSWER_MAX. */
MUST_CHECK int ev_tally_add(struct ev_tally *tally, int64_t time_us, uint64_t key, uint64_t events, uint64_t sum);
/* Whether the text of a filter stands in an event that has its detail. */
bool ev_text_matches(const struct ev_filter *filter, const struct ev_event *event);

MUST_CHECK int ev_tally_out(struct ev_tally *tally, ev_count_fn fn, void *context);
/* By sum, heaviest first, as answer to EV_TOP_TENANT. */
MUST_CHECK int ev_tally_top(struct ev_tally *tally, uint32_t limit, ev_ranked_fn fn, void *context);

/* Hits of the same rule, tenant and action become one; handed out ascending by these. */
struct ev_hits;
struct ev_hits *ev_hits_new(void);
void ev_hits_free(struct ev_hits *hits);
/* 0, LUYTRE_E_FULL at EV_ANSWER_MAX. */
MUST_CHECK int ev_hits_add(struct ev_hits *hits, const struct ev_hit *hit);
MUST_CHECK int ev_hits_out(struct ev_hits *hits, ev_hit_fn fn, void *context);

/* The beginning of the step that a moment falls into; step 0: all of the span is one. */
static inline int64_t ev_step_begin(const struct ev_filter *filter, uint32_t step_s, int64_t time_us)
{
	int64_t step_us = (int64_t)step_s * 1000000;

	return step_s == 0 ? filter->from_us : time_us / step_us * step_us;
}
