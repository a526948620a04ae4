// SPDX-License-Identifier: Apache-2.0
/* Where two profiles of the law see one system otherwise, and by which sources. */
#include "hub/console/assessments.h"

void assessments_states_begin(struct assessments_states *states, const struct law_profile *profile)
{
	states->profile = profile;
	memset(states->states, JUDGE_STATE_COUNT, sizeof(states->states));
}

struct tie {
	const struct assessments_states *here, *there; /* whose control it is; whose controls it is tied to */
	const struct law_crosswalk *crosswalk;
};

static bool is_asked(const struct assessments_states *states, uint16_t control)
{
	return states->states[control] != JUDGE_STATE_COUNT;
}

static bool differs(const struct tie *tie)
{
	const struct law_set *set = &tie->crosswalk->controls;

	for (size_t i = 0; is_asked(tie->here, tie->crosswalk->control) && i < set->count; i++)
		if (is_asked(tie->there, set->places[i]) &&
			tie->there->states[set->places[i]] != tie->here->states[tie->crosswalk->control])
			return true;
	return false;
}

static void write_control(const struct api_request *request, struct jsonw *json, unsigned int level,
	const struct assessments_states *states, uint16_t place)
{
	const struct law_control *control = &states->profile->controls[place];

	jsonw_kv_string(json, "control", control->key);
	jsonw_kv_string(json, "clause", control->clause[level - 1]);
	jsonw_kv_string(json, "title", assessments_text(request, control->title.en, control->title.vi));
	jsonw_kv_u64(json, "months", control->months[level - 1]);
	jsonw_kv_string(json, "state", judge_texts[states->states[place]].word);
}

static void write_tie(const struct api_request *request, struct jsonw *json, unsigned int level, const struct tie *tie)
{
	const struct law_set *set = &tie->crosswalk->controls;

	jsonw_object_begin(json);
	jsonw_kv_string(json, "profile", tie->here->profile->id);
	write_control(request, json, level, tie->here, tie->crosswalk->control);
	jsonw_kv_string(json, "source", tie->here->profile->source);
	jsonw_kv_string(json, "tie", tie->crosswalk->source);
	jsonw_kv_string(json, "other_source", tie->there->profile->source);
	jsonw_kv_array_begin(json, "others");
	for (size_t i = 0; i < set->count; i++) {
		if (!is_asked(tie->there, set->places[i]))
			continue;
		jsonw_object_begin(json);
		write_control(request, json, level, tie->there, set->places[i]);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	jsonw_object_end(json);
}

/* Writes those of one direction, and marks what has a counterpart that is asked. */
static void write_ties(const struct api_request *request, struct jsonw *json, unsigned int level,
	const struct assessments_states *here, const struct assessments_states *there, bool *tied_here,
	bool *tied_there)
{
	for (size_t i = 0; i < here->profile->crosswalk_count; i++) {
		const struct tie tie = { here, there, &here->profile->crosswalks[i] };
		const struct law_set *set = &tie.crosswalk->controls;

		if (tie.crosswalk->other != there->profile)
			continue;
		for (size_t k = 0; k < set->count; k++)
			if (is_asked(here, tie.crosswalk->control) && is_asked(there, set->places[k]))
				tied_here[tie.crosswalk->control] = tied_there[set->places[k]] = true;
		if (differs(&tie))
			write_tie(request, json, level, &tie);
	}
}

static uint64_t count_untied(const struct assessments_states *states, const bool *tied)
{
	uint64_t count = 0;

	for (uint16_t i = 0; i < states->profile->control_count; i++)
		count += is_asked(states, i) && !tied[i];
	return count;
}

void assessments_kv_differences(const struct api_request *request, struct jsonw *json, unsigned int level,
	const struct assessments_states *first, const struct assessments_states *second)
{
	bool tied[2][LAW_CONTROLS_MAX] = { { false }, { false } };
	bool both = first->profile && second->profile;

	jsonw_kv_array_begin(json, "differences");
	if (both) {
		write_ties(request, json, level, first, second, tied[0], tied[1]);
		write_ties(request, json, level, second, first, tied[1], tied[0]);
	}
	jsonw_array_end(json);
	jsonw_kv_object_begin(json, "untied");
	jsonw_kv_u64(json, "first", both ? count_untied(first, tied[0]) : 0);
	jsonw_kv_u64(json, "second", both ? count_untied(second, tied[1]) : 0);
	jsonw_object_end(json);
}
