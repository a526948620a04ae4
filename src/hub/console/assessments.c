// SPDX-License-Identifier: Apache-2.0
/* Assessments as a whole: begun and closed by the nation, added up for whom they concern; the law that they go by. */
#include "hub/console/assessments.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/api/moment.h"
#include "hub/console/registry.h"
#include "hub/tenants/provinces.h"

enum { PROPOSALS_DEFAULT = 20 };

/* ---- Out ---- */

void assessments_kv(struct jsonw *json, const struct assessment *assessment)
{
	console_kv_id(json, "id", assessment->id);
	jsonw_kv_i64(json, "revision", assessment->revision);
	jsonw_kv_string(json, "title", assessment->title);
	jsonw_kv_string(json, "profile", assessment->profile);
	console_kv_text_or_null(json, "second", assessment->second);
	console_kv_id_or_null(json, "tenant", assessment->tenant);
	jsonw_kv_string(json, "state", assessment->closed_us ? "closed" : "open");
	jsonw_kv_u64(json, "systems", assessment->systems);
	jsonw_kv_string(json, "author", assessment->began_by);
	console_kv_time(json, "began", assessment->began_us);
	console_kv_time(json, "deadline", assessment->deadline_us);
	console_kv_time_or_null(json, "closed", assessment->closed_us);
}

static void reply_assessment(
	const struct api_request *request, struct api_reply *reply, int status, const struct assessment *assessment)
{
	struct jsonw *json = api_reply_json(reply, status);

	if (status == 201)
		api_reply_header_format(reply, "Location", "/api/v1/assessments/%u", assessment->id);
	jsonw_object_begin(json);
	assessments_kv(json, assessment);
	jsonw_object_end(json);
	api_reply_etag(reply, (uint64_t)assessment->revision);
}

static int list_one(void *context, const struct assessment *assessment)
{
	struct assessments_listing *listing = context;

	if (!assessments_listing_takes(listing, assessment->id))
		return 0;
	jsonw_object_begin(listing->json);
	assessments_kv(listing->json, assessment);
	jsonw_object_end(listing->json);
	return 0;
}

void handle_list_assessments(struct api_request *request, struct api_reply *reply)
{
	struct assessments_listing listing = { .left = (uint32_t)api_query(request, "limit")->integer };
	struct assessments_call call;
	struct api_position from;
	int error;

	if (!api_page_begin(request, reply, &from) || !assessments_begin(request, reply, AUTH_ASSESSMENTS_READ, &call))
		return;
	listing.json = api_reply_json(reply, 200);
	jsonw_object_begin(listing.json);
	jsonw_kv_array_begin(listing.json, "items");
	error = assess_each(&call.call, (uint32_t)from.id, listing.left + 1, list_one, &listing);
	jsonw_array_end(listing.json);
	api_page_end(request, listing.json, listing.more, (struct api_position){ .id = listing.last });
	jsonw_object_end(listing.json);
	if (error)
		api_reply_error(reply, error, NULL);
	assessments_end(&call);
}

/* ---- Begin, close ---- */

static void kv_told(const struct api_request *request, uint32_t id, uint32_t visible, const char *op)
{
	registry_told(request, "assessment", id, visible, op);
}

void handle_begin_assessment(struct api_request *request, struct api_reply *reply)
{
	char title[ASSESS_TITLE_SIZE] = "", profile[64] = "", second[64] = "";
	struct assess_begin in = { .title = title, .profile = profile, .second = second };
	struct assessment assessment;
	struct assessments_call call;
	struct jsonr_errors errors;
	struct bytes deadline;
	struct jsonr body;
	int error;

	api_body(request, &errors, &body);
	if (jsonr_string(&body, "deadline", JSONR_NEEDED, 1, MOMENT_TEXT_SIZE * 2, &deadline) &&
		moment_parse(deadline, &in.deadline_us)) {
		const struct jsonr at = jsonr_member(&body, "deadline");

		jsonr_fail(&at, JSONR_FORM, 0, 0);
	}
	registry_text(&body, "title", JSONR_NEEDED, title, sizeof(title));
	registry_text(&body, "profile", JSONR_NEEDED, profile, sizeof(profile));
	registry_text(&body, "second", JSONR_OPTIONAL, second, sizeof(second));
	(void)registry_id(&body, "tenant", JSONR_OPTIONAL, &in.tenant);
	if (errors.count) {
		api_reply_invalid(reply, &errors);
		return;
	}
	if (!assessments_begin(request, reply, AUTH_ASSESSMENTS_RUN, &call))
		return;
	error = assess_begin(&call.call, &in, &assessment);
	if (error) {
		assessments_refuse(request, reply, &call, error);
	} else {
		reply_assessment(request, reply, 201, &assessment);
		kv_told(request, assessment.id, CONSOLE_EVERYBODY, "created");
	}
	assessments_end(&call);
}

void handle_close_assessment(struct api_request *request, struct api_reply *reply)
{
	struct assessment assessment;
	struct assessments_call call;
	int error;

	if (!assessments_begin(request, reply, AUTH_ASSESSMENTS_RUN, &call))
		return;
	if (assessments_find(request, reply, &call, &assessment) &&
		api_reply_matches(reply, (uint64_t)assessment.revision)) {
		error = assess_close(&call.call, assessment.id, assessment.revision, &assessment);
		if (error) {
			assessments_refuse(request, reply, &call, error);
		} else {
			reply_assessment(request, reply, 200, &assessment);
			kv_told(request, assessment.id, CONSOLE_EVERYBODY, "updated");
		}
	}
	assessments_end(&call);
}

/* ---- Added up ---- */

void assessments_kv_sum(struct jsonw *json, const char *key, const struct judge_sum *sum)
{
	jsonw_kv_object_begin(json, key);
#define X(name) jsonw_kv_i64(json, #name, sum->name);
	JUDGE_SUMS(X)
#undef X
	jsonw_object_end(json);
}

struct label {
	char key[24], text[TENANT_NAME_SIZE];
};

static int row_name(void *context, const struct db_value *columns, size_t column_count)
{
	struct label *label = context;

	(void)bytes_to_str(columns[0].bytes, label->text, sizeof(label->text));
	return 0;
}

static int name_of(const struct assessments_call *call, const char *sql, uint32_t id, struct label *ret)
{
	return db_each(call->call.db, sql, DB_ARGS(db_i64(id)), row_name, ret);
}

/* What the group is called: a word or number for programs, and a text for people. */
static int label_of(const struct api_request *request, const struct assessments_call *call,
	const struct law_profile *profile, enum assess_group group, uint32_t key, struct label *ret)
{
	const struct province *province;
	uint32_t place = key & (ASSESS_SECOND_KEY - 1); /* of the profile's own groups */
	const struct law_group *of = group == ASSESS_BY_GROUP  ? &profile->groups[place]
				     : group == ASSESS_BY_PART ? &profile->parts[place]
							       : NULL;

	*ret = (struct label){ 0 };
	snprintf(ret->key, sizeof(ret->key), "%u", key);
	switch (group) {
	case ASSESS_BY_SECTOR:
		snprintf(ret->key, sizeof(ret->key), "%s", tenant_sectors[key].word);
		snprintf(ret->text, sizeof(ret->text), "%s",
			assessments_text(request, tenant_sectors[key].en, tenant_sectors[key].vi));
		return 0;
	case ASSESS_BY_PROVINCE:
		province = province_find(key);
		snprintf(ret->key, sizeof(ret->key), "%02u", key % 100);
		snprintf(ret->text, sizeof(ret->text), "%s",
			province ? assessments_text(request, province->en, province->vi) : "");
		return 0;
	case ASSESS_BY_TENANT:
	case ASSESS_BY_BRANCH:
		return name_of(call, "select name from tenant where id = ?1", key, ret);
	case ASSESS_BY_SYSTEM:
		return name_of(call, "select name from system where id = ?1", key, ret);
	case ASSESS_BY_GROUP:
	case ASSESS_BY_PART:
		snprintf(ret->key, sizeof(ret->key), "%s", of->key);
		snprintf(ret->text, sizeof(ret->text), "%s", assessments_text(request, of->title.en, of->title.vi));
		return 0;
	default:
		return 0;
	}
}

int assessments_kv_sums(const struct api_request *request, struct jsonw *json, const struct assessments_call *call,
	const struct assessment *assessment, enum assess_group group, uint32_t root)
{
	const struct law_profile *profile = law_profile_find(call->call.law, assessment->profile),
				 *second = law_profile_find(call->call.law, assessment->second);
	bool split = group == ASSESS_BY_GROUP || group == ASSESS_BY_PART;
	struct assess_sum *sums, total;
	size_t count;
	int error = assess_rollup(&call->call, assessment, group, root, &sums, &count, &total);

	if (error)
		return error;
	jsonw_kv_string(json, "group", assess_group_words[group]);
	jsonw_kv_array_begin(json, "sums");
	for (size_t i = 0; i < count && !error; i++) {
		const struct law_profile *of = split && sums[i].key >= ASSESS_SECOND_KEY ? second : profile;
		struct label label;

		error = label_of(request, call, of, group, sums[i].key, &label);
		jsonw_object_begin(json);
		jsonw_kv_string(json, "key", label.key);
		console_kv_text_or_null(json, "label", label.text);
		jsonw_key(json, "profile");
		jsonw_string(json, split ? of->id : NULL);
		assessments_kv_sum(json, "sum", &sums[i].sum);
		assessments_kv_sum(json, "second", &sums[i].second);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	assessments_kv_sum(json, "total", &total.sum);
	assessments_kv_sum(json, "second_total", &total.second);
	jsonw_kv_string(json, "indication", assessments_indication(request));
	free(sums);
	return error;
}

static enum assess_group group_of(const struct api_request *request)
{
	const struct api_value *value = api_query(request, "group");

	for (int i = 0; value->given && i < ASSESS_GROUP_COUNT; i++)
		if (bytes_equal_str(value->text, assess_group_words[i]))
			return (enum assess_group)i;
	return ASSESS_BY_NATION;
}

void handle_get_assessment(struct api_request *request, struct api_reply *reply)
{
	uint64_t root = console_query_id(request, "tenant");
	struct assessment assessment;
	struct assessments_call call;
	struct auth_scope below = { 0 };
	struct jsonw *json;
	int error;

	if (!assessments_begin(request, reply, AUTH_ASSESSMENTS_READ, &call))
		return;
	if (assessments_find(request, reply, &call, &assessment) &&
		console_scope_of_query(request, reply, AUTH_ASSESSMENTS_READ, &below)) {
		call.call.scope = &below.scope; /* the subtree that was asked for */
		json = api_reply_json(reply, 200);
		jsonw_object_begin(json);
		assessments_kv(json, &assessment);
		error = assessments_kv_sums(request, json, &call, &assessment, group_of(request), (uint32_t)root);
		jsonw_object_end(json);
		if (error)
			assessments_refuse(request, reply, &call, error);
		else
			api_reply_etag(reply, (uint64_t)assessment.revision);
		auth_scope_done(&below);
	}
	assessments_end(&call);
}

static void write_proposal(const struct api_request *request, struct jsonw *json, const struct law_profile *profile,
	const struct assess_proposal *proposal)
{
	const struct law_control *control = &profile->controls[proposal->control];
	const struct law_proof *shared = proposal->shared;

	jsonw_object_begin(json);
	jsonw_kv_string(json, "control", control->key);
	jsonw_kv_string(json, "group", profile->groups[control->group].key);
	jsonw_kv_string(json, "title", assessments_text(request, control->title.en, control->title.vi));
	jsonw_kv_i64(json, "systems", proposal->systems);
	jsonw_kv_i64(json, "principal", proposal->principal);
	jsonw_kv_i64(json, "contradicted", proposal->contradicted);
	jsonw_kv_i64(json, "paper_gap", proposal->paper_gap);
	jsonw_kv_i64(json, "interest", proposal->interest);
	console_kv_text_or_null(
		json, "shared", shared ? assessments_text(request, shared->text.en, shared->text.vi) : "");
	jsonw_object_end(json);
}

void handle_list_proposals(struct api_request *request, struct api_reply *reply)
{
	size_t limit = (size_t)console_query_i64(request, "limit", PROPOSALS_DEFAULT), count, total;
	struct assess_proposal *proposals;
	struct assessment assessment;
	struct assessments_call call;
	struct jsonw *json;
	int error;

	if (!assessments_begin(request, reply, AUTH_ASSESSMENTS_READ, &call))
		return;
	if (assessments_find(request, reply, &call, &assessment)) {
		const struct law_profile *profile = law_profile_find(call.call.law, assessment.profile);

		error = assess_proposals(&call.call, &assessment, limit, &proposals, &count, &total);
		if (error) {
			assessments_refuse(request, reply, &call, error);
		} else {
			json = api_reply_json(reply, 200);
			jsonw_object_begin(json);
			jsonw_kv_array_begin(json, "items");
			for (size_t i = 0; i < count; i++)
				write_proposal(request, json, profile, &proposals[i]);
			jsonw_array_end(json);
			jsonw_kv_u64(json, "total", total);
			jsonw_object_end(json);
			free(proposals);
		}
	}
	assessments_end(&call);
}

/* ---- The law ---- */

static void kv_both(struct jsonw *json, const char *key, const struct law_text *text)
{
	jsonw_kv_object_begin(json, key);
	jsonw_kv_string(json, "en", text->en);
	jsonw_kv_string(json, "vi", text->vi);
	jsonw_object_end(json);
}

static void kv_groups(struct jsonw *json, const char *key, const struct law_group *groups, size_t count)
{
	jsonw_kv_array_begin(json, key);
	for (size_t i = 0; i < count; i++) {
		jsonw_object_begin(json);
		jsonw_kv_string(json, "key", groups[i].key);
		kv_both(json, "title", &groups[i].title);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void kv_set(struct jsonw *json, const char *key, const struct law_profile *profile, const struct law_set *set)
{
	jsonw_kv_array_begin(json, key);
	for (size_t i = 0; i < set->count; i++)
		jsonw_string(json, profile->controls[set->places[i]].key);
	jsonw_array_end(json);
}

static void kv_controls(struct jsonw *json, const struct law_profile *profile)
{
	jsonw_kv_array_begin(json, "controls");
	for (size_t i = 0; i < profile->control_count; i++) {
		const struct law_control *control = &profile->controls[i];

		jsonw_object_begin(json);
		jsonw_kv_string(json, "key", control->key);
		jsonw_kv_string(json, "group", profile->groups[control->group].key);
		jsonw_kv_string(json, "part", profile->parts[control->part].key);
		kv_both(json, "title", &control->title);
		jsonw_kv_string(json, "evidence", (const char[]){ law_evidence[control->evidence].letter, '\0' });
		jsonw_kv_array_begin(json, "clauses");
		for (size_t level = 0; level < LAW_LEVELS; level++)
			jsonw_string(json, control->clause[level]);
		jsonw_array_end(json);
		jsonw_kv_array_begin(json, "months");
		for (size_t level = 0; level < LAW_LEVELS; level++)
			jsonw_u64(json, control->months[level]);
		jsonw_array_end(json);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void kv_penalties(struct jsonw *json, const struct law_profile *profile)
{
	jsonw_kv_array_begin(json, "penalties");
	for (size_t i = 0; i < profile->penalty_count; i++) {
		const struct law_penalty *penalty = &profile->penalties[i];

		jsonw_object_begin(json);
		jsonw_kv_string(json, "clause", penalty->clause);
		kv_both(json, "act", &penalty->act);
		jsonw_kv_u64(json, "low", penalty->low);
		jsonw_kv_u64(json, "high", penalty->high);
		jsonw_kv_u64(json, "first_level", penalty->first_level);
		jsonw_kv_u64(json, "last_level", penalty->last_level);
		kv_set(json, "controls", profile, &penalty->controls);
		jsonw_kv_string(json, "source", penalty->source);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void kv_crosswalk(struct jsonw *json, const struct law *law, const struct law_profile *profile)
{
	jsonw_kv_array_begin(json, "crosswalk");
	for (size_t i = 0; i < profile->crosswalk_count; i++) {
		const struct law_crosswalk *crosswalk = &profile->crosswalks[i];
		const struct law_profile *other = &law->profiles[crosswalk->profile];

		jsonw_object_begin(json);
		jsonw_kv_string(json, "control", profile->controls[crosswalk->control].key);
		jsonw_kv_string(json, "profile", other->id);
		kv_set(json, "controls", other, &crosswalk->controls);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

/* The end of the object is the caller's. */
static void begin_profile(struct jsonw *json, const struct law_profile *profile)
{
	jsonw_object_begin(json);
	jsonw_kv_string(json, "id", profile->id);
	kv_both(json, "title", &profile->title);
	jsonw_kv_string(json, "valid_from", profile->valid_from);
	console_kv_text_or_null(json, "valid_to", profile->valid_to);
	jsonw_kv_string(json, "source", profile->source);
	jsonw_kv_array_begin(json, "asked");
	for (size_t level = 0; level < LAW_LEVELS; level++)
		jsonw_u64(json, profile->asked[level]);
	jsonw_array_end(json);
}

static void kv_table(struct jsonw *json, const struct law_table *table)
{
	jsonw_kv_array_begin(json, table->name);
	for (size_t i = 0; i < table->row_count; i++) {
		jsonw_object_begin(json);
		for (size_t k = 0; k < table->column_count; k++)
			jsonw_kv_string(json, table->columns[k], table->rows[i][k]);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

void handle_get_law(struct api_request *request, struct api_reply *reply)
{
	const struct law *law = assessments_law(console_of(request)->assessments);
	const struct api_value *wanted = api_query(request, "profile");
	struct jsonw *json = api_reply_json(reply, 200);
	bool found = !wanted->given;

	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "profiles");
	for (size_t i = 0; i < law->profile_count; i++) {
		const struct law_profile *profile = &law->profiles[i];

		begin_profile(json, profile);
		if (wanted->given && bytes_equal_str(wanted->text, profile->id)) {
			found = true;
			kv_groups(json, "groups", profile->groups, profile->group_count);
			kv_groups(json, "parts", profile->parts, profile->part_count);
			kv_controls(json, profile);
			kv_penalties(json, profile);
			kv_crosswalk(json, law, profile);
		}
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	for (size_t i = 0; i < LAW_TABLE_COUNT; i++)
		kv_table(json, &law->tables[i]);
	jsonw_object_end(json);
	if (!found)
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
}
