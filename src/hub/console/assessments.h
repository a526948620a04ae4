// SPDX-License-Identifier: Apache-2.0
/* What the handlers of assessments share: the law and the key for signatures, a call of hub/assess with what the hub knows of edges, and
 * sheets as answers. */
#pragma once

#include "hub/assess/assess.h"
#include "hub/console/internal.h"

struct assessments;

/* Makes the tables (after those of findings), reads the law (the folder "law" in the state folder, else the program's own) and the key
 * "assessment.key", made at the first start. On an error a sentence in 'why'. */
MUST_CHECK int assessments_new(
	struct db *db, const char *state_dir, struct assessments **ret, char *why, size_t why_size);
void assessments_free(struct assessments *assessments); /* accepts null */
const struct law *assessments_law(const struct assessments *assessments);

struct assessments_view; /* which edges stand; asked at most once in a request */

/* Lives as long as '*ret'. */
struct assessments_call {
	struct console_call who;
	struct auth_scope scope;
	struct assess_platform platform;
	struct assessments_view *view;
	enum assess_reason why;
	struct assess_call call;
};
/* False: the reply says why. Given back by assessments_end. */
MUST_CHECK bool assessments_begin(const struct api_request *request, struct api_reply *reply,
	enum auth_permission permission, struct assessments_call *ret);
void assessments_end(struct assessments_call *call);
void assessments_refuse(
	const struct api_request *request, struct api_reply *reply, const struct assessments_call *call, int error);

/* The assessment of the path; false: the reply says so. */
MUST_CHECK bool assessments_find(const struct api_request *request, struct api_reply *reply,
	const struct assessments_call *call, struct assessment *ret);

/* A page that is written: one more object than fits says that there are more. */
struct assessments_listing {
	struct jsonw *json;
	uint32_t left, last; /* last: id of the one that was written last */
	bool more;
};
/* Whether there is room for this one; it is counted then. */
bool assessments_listing_takes(struct assessments_listing *listing, uint32_t id);

/* Members of an object. */
void assessments_kv(struct jsonw *json, const struct assessment *assessment);
/* "group", "sums", "total", "second_total", "indication". */
MUST_CHECK int assessments_kv_sums(const struct api_request *request, struct jsonw *json,
	const struct assessments_call *call, const struct assessment *assessment, enum assess_group group,
	uint32_t root);
void assessments_kv_sheet(struct jsonw *json, const struct assess_sheet *sheet);
void assessments_kv_sum(struct jsonw *json, const char *key, const struct judge_sum *sum);

/* How each control of two profiles stands for one system. */
struct assessments_states {
	const struct law_profile *profile; /* null: there is no second one */
	uint8_t states[LAW_CONTROLS_MAX]; /* enum judge_state; JUDGE_STATE_COUNT: not asked */
};
void assessments_states_begin(struct assessments_states *states, const struct law_profile *profile);
/* "differences": where controls that the cross-walk ties together stand otherwise, with the sources of both. "untied": how many that are asked
 * by one profile have no counterpart in the other. */
void assessments_kv_differences(const struct api_request *request, struct jsonw *json, unsigned int level,
	const struct assessments_states *first, const struct assessments_states *second);

/* One obligation as an object; 'sheet' null: without the system. */
void assessments_write_judged(const struct api_request *request, struct jsonw *json, const struct law_profile *profile,
	const struct assess_sheet *sheet, const struct judged *judged, uint32_t level);
/* How penalties are to be read. */
const char *assessments_indication(const struct api_request *request);
/* "en" or "vi" as the caller reads. */
static inline const char *assessments_text(const struct api_request *request, const char *en, const char *vi)
{
	return request->lang == LUYTRE_LANG_VI ? vi : en;
}
