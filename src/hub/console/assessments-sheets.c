// SPDX-License-Identifier: Apache-2.0
/* The questionnaires of an assessment, one for each system: read with what the hub knows, answered, signed, submitted, returned; and
 * obligations across them. */
#include "hub/console/assessments.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/console/registry.h"

enum { LOOK_MAX = 200 }; /* systems that one page of obligations judges */

/* ---- Lists ---- */

static int list_one(void *context, const struct assess_sheet *sheet)
{
	struct assessments_listing *listing = context;

	if (!assessments_listing_takes(listing, sheet->system))
		return 0;
	jsonw_object_begin(listing->json);
	assessments_kv_sheet(listing->json, sheet);
	jsonw_object_end(listing->json);
	return 0;
}

void handle_list_assessment_systems(struct api_request *request, struct api_reply *reply)
{
	struct assessments_listing listing = { .left = (uint32_t)api_query(request, "limit")->integer };
	struct assessment assessment;
	struct assessments_call call;
	struct api_position from;
	int error;

	if (!api_page_begin(request, reply, &from) || !assessments_begin(request, reply, AUTH_ASSESSMENTS_READ, &call))
		return;
	if (assessments_find(request, reply, &call, &assessment)) {
		listing.json = api_reply_json(reply, 200);
		jsonw_object_begin(listing.json);
		jsonw_kv_array_begin(listing.json, "items");
		error = assess_sheet_each(
			&call.call, assessment.id, (uint32_t)from.id, listing.left + 1, list_one, &listing);
		jsonw_array_end(listing.json);
		api_page_end(request, listing.json, listing.more, (struct api_position){ .id = listing.last });
		jsonw_object_end(listing.json);
		if (error)
			api_reply_error(reply, error, NULL);
	}
	assessments_end(&call);
}

/* ---- One ---- */

struct writing {
	const struct api_request *request;
	struct jsonw *json;
	const struct law_profile *profile, *second; /* second: null without one */
	const struct assess_sheet *sheet;
	struct judge_sum sum, second_sum;
	uint8_t open[LAW_CONTROLS_MAX], second_open[LAW_CONTROLS_MAX];
	struct assessments_states states, second_states;
};

static bool is_open(const struct judged *judged)
{
	return judged->state == JUDGE_OVERDUE || judged->state == JUDGE_CONTRADICTED;
}

static int write_item(void *context, const struct judged *judged)
{
	struct writing *writing = context;

	judge_sum_take(&writing->sum, judged);
	writing->open[judged->control] = is_open(judged);
	writing->states.states[judged->control] = (uint8_t)judged->state;
	assessments_write_judged(
		writing->request, writing->json, writing->profile, NULL, judged, writing->sheet->level);
	return 0;
}

static int skip(void *context, const struct judged *judged)
{
	return 0;
}

static int write_second(void *context, const struct judged *judged)
{
	struct writing *writing = context;

	judge_sum_take(&writing->second_sum, judged);
	writing->second_open[judged->control] = is_open(judged);
	writing->second_states.states[judged->control] = (uint8_t)judged->state;
	assessments_write_judged(writing->request, writing->json, writing->second, NULL, judged, writing->sheet->level);
	return 0;
}

static int write_staff(struct jsonw *json, struct bytes text)
{
	struct staff *staff = malloc(sizeof(*staff));
	int error = staff ? staff_parse(text, staff) : LUYTRE_E_NOMEM;

	if (!error) {
		jsonw_key(json, "staff");
		staff_write(json, staff);
		jsonw_kv_u64(json, "covered_hours", staff_hours(staff));
	}
	free(staff);
	return error;
}

/* Clauses that are open now, each once, with what they may cost. */
static void write_penalties(struct writing *writing)
{
	const struct law_profile *profile = writing->profile;
	struct jsonw *json = writing->json;

	jsonw_kv_array_begin(json, "penalties");
	for (size_t i = 0; i < profile->penalty_count; i++) {
		const struct law_penalty *penalty = &profile->penalties[i];

		if (!judge_penalty_open(penalty, writing->sheet->level, writing->open))
			continue;
		jsonw_object_begin(json);
		jsonw_kv_string(json, "clause", penalty->clause);
		jsonw_kv_string(json, "act", assessments_text(writing->request, penalty->act.en, penalty->act.vi));
		jsonw_kv_u64(json, "low", penalty->low);
		jsonw_kv_u64(json, "high", penalty->high);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	jsonw_kv_string(json, "indication", assessments_indication(writing->request));
	judge_sum_penalties(&writing->sum, profile, writing->sheet->level, writing->open);
}

/* The same by the second profile, and where the two differ. */
static int write_both(struct writing *writing, const struct assessments_call *call, const struct assessment *assessment)
{
	struct jsonw *json = writing->json;
	int error = 0;

	jsonw_kv_object_begin(json, "second");
	jsonw_key(json, "profile");
	jsonw_string(json, writing->second ? writing->second->id : NULL);
	jsonw_kv_array_begin(json, "items");
	if (writing->second)
		error = assess_judge(&call->call, assessment, writing->sheet, skip, write_second, writing);
	jsonw_array_end(json);
	if (writing->second)
		judge_sum_penalties(&writing->second_sum, writing->second, writing->sheet->level, writing->second_open);
	assessments_kv_sum(json, "sum", &writing->second_sum);
	jsonw_object_end(json);
	assessments_kv_differences(
		writing->request, json, writing->sheet->level, &writing->states, &writing->second_states);
	return error;
}

static int write_sheet(
	struct writing *writing, const struct assessments_call *call, const struct assessment *assessment)
{
	const struct assess_sheet *sheet = writing->sheet;
	struct jsonw *json = writing->json;
	int error;

	assessments_kv_sheet(json, sheet);
	jsonw_kv_string(json, "profile", assessment->profile);
	console_kv_time(json, "deadline", assessment->deadline_us);
	jsonw_kv_array_begin(json, "items");
	error = writing->profile ? assess_judge(&call->call, assessment, sheet, write_item, NULL, writing)
				 : LUYTRE_E_VERSION;
	jsonw_array_end(json);
	if (!error)
		error = write_both(writing, call, assessment);
	if (!error)
		error = write_staff(json, sheet->staff);
	if (!error)
		write_penalties(writing);
	assessments_kv_sum(json, "sum", &writing->sum);
	return error;
}

/* The sheet as it is then; done with here. */
static void reply_sheet(const struct api_request *request, struct api_reply *reply, struct assessments_call *call,
	const struct assessment *assessment, struct assess_sheet *sheet)
{
	struct writing writing = { .request = request,
		.json = api_reply_json(reply, 200),
		.profile = law_profile_find(call->call.law, assessment->profile),
		.second = law_profile_find(call->call.law, assessment->second),
		.sheet = sheet };
	int error;

	assessments_states_begin(&writing.states, writing.profile);
	assessments_states_begin(&writing.second_states, writing.second);
	jsonw_object_begin(writing.json);
	error = write_sheet(&writing, call, assessment);
	jsonw_object_end(writing.json);
	if (error)
		api_reply_error(reply, error, NULL);
	else
		api_reply_etag(reply, (uint64_t)sheet->revision);
	assess_sheet_done(sheet);
}

/* The sheet of the path; false: the reply says why. */
static bool find_sheet(const struct api_request *request, struct api_reply *reply, const struct assessments_call *call,
	struct assessment *ret_assessment, struct assess_sheet *ret)
{
	uint32_t system;
	int error;

	if (!assessments_find(request, reply, call, ret_assessment) ||
		!console_path_id32(request, reply, "system", &system))
		return false;
	error = assess_sheet_get(&call->call, ret_assessment->id, system, ret);
	if (error)
		api_reply_error(reply, error, NULL);
	return !error;
}

void handle_get_questionnaire(struct api_request *request, struct api_reply *reply)
{
	struct assessment assessment;
	struct assessments_call call;
	struct assess_sheet sheet;

	/* What is known of the system has no revision, so it is never "unmodified". */
	if (!assessments_begin(request, reply, AUTH_ASSESSMENTS_READ, &call))
		return;
	if (find_sheet(request, reply, &call, &assessment, &sheet))
		reply_sheet(request, reply, &call, &assessment, &sheet);
	assessments_end(&call);
}

/* ---- Changes ---- */

typedef int (*change_fn)(const struct api_request *request, const struct assessments_call *call,
	const struct assess_sheet *sheet, const void *in, struct assess_sheet *ret);

static void change(struct api_request *request, struct api_reply *reply, enum auth_permission permission, change_fn fn,
	const void *in)
{
	struct assess_sheet sheet, changed;
	struct assessment assessment;
	struct assessments_call call;
	int error;

	if (!assessments_begin(request, reply, permission, &call))
		return;
	if (find_sheet(request, reply, &call, &assessment, &sheet)) {
		if (api_reply_matches(reply, (uint64_t)sheet.revision)) {
			error = fn(request, &call, &sheet, in, &changed);
			if (error) {
				assessments_refuse(request, reply, &call, error);
			} else {
				registry_told(request, "assessment", sheet.assessment, sheet.tenant, "updated");
				reply_sheet(request, reply, &call, &assessment, &changed);
			}
		}
		assess_sheet_done(&sheet);
	}
	assessments_end(&call);
}

struct given {
	struct assess_change change;
	struct answer answers[LAW_CONTROLS_MAX];
	struct bytes removed[LAW_CONTROLS_MAX];
	uint8_t hashes[LAW_CONTROLS_MAX][ANSWER_HASH_SIZE];
	struct staff staff;
};

static void read_day(const struct jsonr *item, const char *key, uint32_t *ret)
{
	const struct jsonr at = jsonr_member(item, key);
	struct bytes text;

	if (!jsonr_string(item, key, JSONR_OPTIONAL, 10, 10, &text))
		return;
	*ret = staff_day_of(text);
	if (!*ret)
		jsonr_fail(&at, JSONR_FORM, 0, 0);
}

static void read_hash(const struct jsonr *item, uint8_t *hash, struct answer *answer)
{
	static const char digits[] = "0123456789abcdef";
	struct bytes text;

	if (!jsonr_string(item, "hash", JSONR_OPTIONAL, 2 * ANSWER_HASH_SIZE, 2 * ANSWER_HASH_SIZE, &text))
		return;
	memset(hash, 0, ANSWER_HASH_SIZE);
	for (size_t i = 0; i < text.size && i < 2 * ANSWER_HASH_SIZE; i++) {
		const char *digit = strchr(digits, text.ptr[i]);

		hash[i / 2] = (uint8_t)(hash[i / 2] << 4 | (digit ? digit - digits : 0));
	}
	answer->hash = hash;
}

static void read_answer(const struct jsonr *item, struct given *given, size_t place)
{
	static const char *const words[ANSWER_WORD_COUNT] = {
#define X(id, word, en, vi) word,
		ANSWER_WORDS(X)
#undef X
	};
	const struct jsonr note = jsonr_member(item, "note");
	struct answer *answer = &given->answers[place];
	size_t word = 0;

	jsonr_string(item, "control", JSONR_NEEDED, 1, LAW_KEY_SIZE - 1, &answer->key);
	jsonr_word(item, "answer", JSONR_NEEDED, words, ANSWER_WORD_COUNT, &word);
	jsonr_string(item, "note", JSONR_OPTIONAL, 0, ANSWER_NOTE_SIZE, &answer->note);
	if (answer->note.size > ANSWER_NOTE_SIZE)
		jsonr_fail(&note, JSONR_SIZE, ANSWER_NOTE_SIZE, 0);
	answer->word = (enum answer_word)word;
	read_day(item, "done", &answer->done_day);
	read_day(item, "until", &answer->until_day);
	read_hash(item, given->hashes[place], answer);
	for (size_t i = 0; i < place; i++)
		if (bytes_equal(given->answers[i].key, answer->key))
			jsonr_fail(item, JSONR_UNIQUE, 0, 0);
}

/* False: the reply says why. */
static bool read_given(struct api_request *request, struct api_reply *reply, struct given *given)
{
	struct jsonr_errors errors;
	struct jsonr body, items, staff;

	api_body(request, &errors, &body);
	if (jsonr_array(&body, "answers", JSONR_OPTIONAL, LAW_CONTROLS_MAX, &items))
		for (; given->change.answer_count < json_array_size(items.value); given->change.answer_count++) {
			const struct jsonr item = jsonr_item(&items, given->change.answer_count);

			read_answer(&item, given, given->change.answer_count);
		}
	if (jsonr_array(&body, "removed", JSONR_OPTIONAL, LAW_CONTROLS_MAX, &items))
		for (size_t i = 0; i < json_array_size(items.value); i++)
			given->removed[given->change.removed_count++] =
				bytes_from_str(json_string_value(json_array_get(items.value, i)));
	if (jsonr_object(&body, "staff", JSONR_OPTIONAL, &staff)) {
		staff_read(&staff, &given->staff);
		given->change.staff = &given->staff;
	}
	given->change.answers = given->answers;
	given->change.removed = given->removed;
	if (errors.count)
		api_reply_invalid(reply, &errors);
	return errors.count == 0;
}

static int run_answer(const struct api_request *request, const struct assessments_call *call,
	const struct assess_sheet *sheet, const void *in, struct assess_sheet *ret)
{
	return assess_answer(&call->call, sheet->assessment, sheet->system, sheet->revision, in, ret);
}

void handle_answer_questionnaire(struct api_request *request, struct api_reply *reply)
{
	struct given *given = calloc(1, sizeof(*given));

	if (!given)
		api_reply_error(reply, LUYTRE_E_NOMEM, NULL);
	else if (read_given(request, reply, given))
		change(request, reply, AUTH_ASSESSMENTS_WRITE, run_answer, &given->change);
	free(given);
}

static int run_sign(const struct api_request *request, const struct assessments_call *call,
	const struct assess_sheet *sheet, const void *in, struct assess_sheet *ret)
{
	return assess_sign(&call->call, sheet->assessment, sheet->system, sheet->revision, ret);
}

void handle_sign_questionnaire(struct api_request *request, struct api_reply *reply)
{
	change(request, reply, AUTH_ASSESSMENTS_SIGN, run_sign, NULL);
}

static int run_submit(const struct api_request *request, const struct assessments_call *call,
	const struct assess_sheet *sheet, const void *in, struct assess_sheet *ret)
{
	return assess_submit(&call->call, sheet->assessment, sheet->system, sheet->revision, ret);
}

void handle_submit_questionnaire(struct api_request *request, struct api_reply *reply)
{
	change(request, reply, AUTH_ASSESSMENTS_WRITE, run_submit, NULL);
}

struct approving {
	struct bytes keys[LAW_CONTROLS_MAX];
	size_t count;
};

static int run_approve(const struct api_request *request, const struct assessments_call *call,
	const struct assess_sheet *sheet, const void *in, struct assess_sheet *ret)
{
	const struct approving *approving = in;

	return assess_approve(
		&call->call, sheet->assessment, sheet->system, sheet->revision, approving->keys, approving->count, ret);
}

void handle_approve_excuses(struct api_request *request, struct api_reply *reply)
{
	struct approving approving = { .count = 0 };
	const json_t *keys = json_object_get(request->json, "controls"), *item;
	size_t i;

	json_array_foreach (keys, i, item) /* as the description holds them */
		if (approving.count < LAW_CONTROLS_MAX)
			approving.keys[approving.count++] = bytes_from_str(json_string_value(item));
	change(request, reply, AUTH_ASSESSMENTS_SIGN, run_approve, &approving);
}

static int run_return(const struct api_request *request, const struct assessments_call *call,
	const struct assess_sheet *sheet, const void *in, struct assess_sheet *ret)
{
	return assess_return(&call->call, sheet->assessment, sheet->system, sheet->revision, in, ret);
}

void handle_return_questionnaire(struct api_request *request, struct api_reply *reply)
{
	char reason[ASSESS_REASON_SIZE] = "";

	if (console_body_copy(request, reply, "reason", reason, sizeof(reason)))
		change(request, reply, AUTH_ASSESSMENTS_RUN, run_return, reason);
}

/* ---- Obligations ---- */

struct obligations {
	const struct api_request *request;
	const struct assessments_call *call;
	const struct assessment *assessment;
	const struct law_profile *profile;
	const struct assess_sheet *sheet; /* that is judged */
	struct jsonw *json;
	int state; /* JUDGE_STATE_COUNT: any */
	struct bytes control; /* empty: any */
	uint32_t left, looks;
	struct api_position from, last; /* system, and the next control of it */
	bool more;
};

enum { ENOUGH = 1 };

static int list_judged(void *context, const struct judged *judged)
{
	struct obligations *list = context;

	if (list->sheet->system == list->from.key && judged->control < list->from.id)
		return 0;
	if ((list->state != JUDGE_STATE_COUNT && (int)judged->state != list->state) ||
		(!bytes_empty(list->control) &&
			!bytes_equal_str(list->control, list->profile->controls[judged->control].key)))
		return 0;
	if (list->left == 0) {
		list->more = true;
		return ENOUGH;
	}
	list->left--;
	list->last = (struct api_position){ list->sheet->system, judged->control + 1U };
	assessments_write_judged(list->request, list->json, list->profile, list->sheet, judged, list->sheet->level);
	return 0;
}

static int list_sheet(void *context, const struct assess_sheet *sheet)
{
	struct obligations *list = context;

	if (list->looks == 0) { /* goes on here, though the page is not full */
		list->more = true;
		list->last = (struct api_position){ sheet->system, 0 };
		return ENOUGH;
	}
	list->looks--;
	list->sheet = sheet;
	return assess_judge(&list->call->call, list->assessment, sheet, list_judged, NULL, list);
}

static int list_obligations(struct obligations *list, uint32_t system)
{
	struct assess_sheet sheet;
	int error;

	if (!system)
		return assess_sheet_each(&list->call->call, list->assessment->id,
			list->from.key ? (uint32_t)list->from.key - 1 : 0, UINT32_MAX, list_sheet, list);
	error = assess_sheet_get(&list->call->call, list->assessment->id, system, &sheet);
	if (!error) {
		error = list_sheet(list, &sheet);
		assess_sheet_done(&sheet);
	}
	return error;
}

static int state_of(const struct api_request *request)
{
	const struct api_value *value = api_query(request, "state");
	int state = 0;

	if (!value->given)
		return JUDGE_STATE_COUNT;
	while (state < JUDGE_STATE_COUNT && !bytes_equal_str(value->text, judge_texts[state].word))
		state++;
	return state;
}

void handle_list_obligations(struct api_request *request, struct api_reply *reply)
{
	struct obligations list = { .request = request,
		.state = state_of(request),
		.left = (uint32_t)api_query(request, "limit")->integer,
		.looks = LOOK_MAX };
	struct assessment assessment;
	struct assessments_call call;
	int error;

	if (!api_page_begin(request, reply, &list.from) ||
		!assessments_begin(request, reply, AUTH_ASSESSMENTS_READ, &call))
		return;
	if (assessments_find(request, reply, &call, &assessment)) {
		list.call = &call;
		list.assessment = &assessment;
		list.profile = law_profile_find(call.call.law, assessment.profile);
		if (api_query(request, "control")->given)
			list.control = api_query(request, "control")->text;
		list.json = api_reply_json(reply, 200);
		jsonw_object_begin(list.json);
		jsonw_kv_array_begin(list.json, "items");
		error = list.profile ? list_obligations(&list, (uint32_t)console_query_id(request, "system"))
				     : LUYTRE_E_VERSION;
		jsonw_array_end(list.json);
		api_page_end(request, list.json, list.more, list.last);
		jsonw_object_end(list.json);
		if (error && error != ENOUGH)
			api_reply_error(reply, error, NULL);
	}
	assessments_end(&call);
}
